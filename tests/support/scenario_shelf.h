/*
 * scenario_shelf.h - a directory of a test's own for scenarios, and the one that was read of it: cmocka's set up and
 * tear down, whose state is a shelf.
 */
#ifndef ESE_TEST_SCENARIO_SHELF_H
#define ESE_TEST_SCENARIO_SHELF_H

#include "orchestration/lab/scenario.h"

struct ese_test_shelf {
    char *directory;
    struct ese_scenario *scenario; /* freed at the end; NULL: none */
};

int ese_test_shelf_set_up(void **state);
int ese_test_shelf_tear_down(void **state);

/* DIRECTORY/NAME.scenario */
void ese_test_shelf_put(const struct ese_test_shelf *shelf, const char *name, const char *text);

#endif
