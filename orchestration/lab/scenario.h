/*
 * scenario.h - a run as a text: a story, a load, what goes wrong when, and what must hold on each transport.
 *
 * docs/scenarios.md has the grammar. One thread; all texts belong to the scenario.
 */
#ifndef ESE_LAB_SCENARIO_H
#define ESE_LAB_SCENARIO_H

#include "ese-core/buffer.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/expectation.h"
#include "orchestration/lab/fault.h"

#define ESE_SCENARIO_NAME_SIZE 32
#define ESE_SCENARIO_OPTIONS 24
#define ESE_SCENARIO_EXPECTATIONS 48
#define ESE_SCENARIO_ENDING ".scenario"
#define ESE_SCENARIO_TRANSPORTS "transports.names" /* beside the texts: whom they may name, built or not */
#define ESE_SCENARIO_OWN_SEED (-1)

/* Of "2s..4s" one is drawn; "2s" is both. */
struct ese_instants {
    int64_t from_ms, until_ms;
};

struct ese_scenario {
    char name[ESE_SCENARIO_NAME_SIZE];
    char *path;                    /* of the text */
    char *title, *story, *predict; /* "" where nothing is said */
    bool is_alone;                 /* nothing may run beside it */
    struct {
        char *name, *value; /* of compare's */
        int64_t line;
    } options[ESE_SCENARIO_OPTIONS];
    int option_count;
    struct ese_fault_step steps[ESE_DEEDS];
    struct ese_instants instants[ESE_DEEDS]; /* of which each step's was drawn, */
    int64_t step_lines[ESE_DEEDS];           /* and where it stands */
    int64_t seed;                            /* by which it was drawn */
    struct ese_fault fault; /* of these */
    struct ese_expectation *expectations[ESE_SCENARIO_EXPECTATIONS];
    int64_t expectation_lines[ESE_SCENARIO_EXPECTATIONS];
    int expectation_count;
};

enum ese_scenario_size { ESE_SCENARIO_FULL, ESE_SCENARIO_SMALL };

/* The text at path, with what the seed draws; ESE_SCENARIO_OWN_SEED: that of "with seed", or else compare's.
 * ESE_E_INVALID: what is wrong in which line. Whom it names may be anybody. */
int ese_scenario_read_text(const char *path, const char *name, enum ese_scenario_size size, int64_t seed,
                           struct ese_scenario **scenario, struct ese_error *error);
/* scenario_shelf.c: DIRECTORY/NAME.scenario, likewise; and whom it names has to be a transport of this build, or one
 * that DIRECTORY/transports.names has. ESE_E_USAGE: there is no scenario of that name. */
int ese_scenario_read(const char *directory, const char *name, enum ese_scenario_size size, int64_t seed,
                      struct ese_scenario **scenario, struct ese_error *error);
void ese_scenario_free(struct ese_scenario **scenario);

/* What it says of an option of compare's; NULL: nothing. */
const char *ese_scenario_option(const struct ese_scenario *scenario, const char *name);

/* Likewise, of one that is a number, or a flag (0 or 1); where it says nothing, what compare has by itself. */
int64_t ese_scenario_number(const struct ese_scenario *scenario, const char *name);

/* When what is done, a line each: "10000 ms kill consumers". */
void ese_scenario_schedule(const struct ese_scenario *scenario, struct ese_buffer *text);

/* scenario_shelf.c: whether there are as many readers as its expectations count, once it is settled how many there are:
 * that may be given beside the text. line: where there are not. ESE_E_USAGE. */
int ese_scenario_check_readers(const struct ese_scenario *scenario, int64_t readers, int64_t *line,
                               struct ese_error *error);

/* scenario_shelf.c: the names of all in a directory, in order; the caller frees each, and the list. -1: it cannot be
 * read. */
int ese_scenario_list(const char *directory, char ***names, size_t *count, struct ese_error *error);

/* Says in which line it was; -1. */
int ese_scenario_fail_in_line(const char *path, int64_t line, struct ese_error *error);

/* scenario_steps.c: "10s kill consumers", "2s..4s kill consumers". */
int ese_scenario_step(const char *text, struct ese_fault_step *step, struct ese_instants *instants,
                      struct ese_error *error);

/* scenario_check.c: whether compare takes that option and that value; and whether all that is done can be. line: where
 * something cannot. ESE_E_USAGE. */
int ese_scenario_check_option(const char *name, const char *value, struct ese_error *error);
int ese_scenario_check_deeds(const struct ese_scenario *scenario, int64_t *line, struct ese_error *error);

#endif
