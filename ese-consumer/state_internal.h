/*
 * state_internal.h - what the files of the state share: for state.c, state_kept.c and state_repeats.c alone.
 */
#ifndef ESE_STATE_INTERNAL_H
#define ESE_STATE_INTERNAL_H

#include "ese-consumer/state.h"

/* Every statement, prepared once. */
enum which {
    ABOUT_SET,
    ABOUT_GET,
    ABOUT_STATEMENTS,
    OPEN_COUNT = ABOUT_STATEMENTS,
    POSITION_TAKE,
    POSITION_GET,
    POSITION_ADVANCE,
    KEPT_ALL,
    KEPT_GET,
    KEPT_PUT,
    KEPT_CLEAR,
    REPEATS_GET,
    REPEATS_ONE,
    REPEATS_SET,
    REPEATS_DELETE,
    NAMED_GET,
    NAMED_ADD,
    NAMED_DELETE,
    STATEMENTS
};

struct ese_state {
    struct ese_sqlite *database;
    int64_t max_bytes;
    struct ese_statement *statements[STATEMENTS];
    struct ese_attempts *attempts;
    struct ese_dead_letters *letters;
};

#endif
