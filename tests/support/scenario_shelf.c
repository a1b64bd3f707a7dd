#include "tests/support/scenario_shelf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "ese-core/memory.h"
#include "tests/support/directory.h"

int ese_test_shelf_set_up(void **state)
{
    struct ese_test_shelf *shelf = ese_alloc(sizeof *shelf);
    shelf->directory = ese_test_directory_make();
    *state = shelf;
    return 0;
}

int ese_test_shelf_tear_down(void **state)
{
    struct ese_test_shelf *shelf = *state;
    ese_scenario_free(&shelf->scenario);
    ese_test_directory_remove(&shelf->directory);
    free(shelf);
    return 0;
}

void ese_test_shelf_put(const struct ese_test_shelf *shelf, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s" ESE_SCENARIO_ENDING, shelf->directory, name);
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    fputs(text, file);
    fclose(file);
}
