/*
 * turn_internal.h - a turn goes through its batch slice by slice, each in a transaction of its own:
 * for turn.c, which takes a slice through, and trial.c, which says where the batch is cut.
 *
 * Mostly there is one slice. Where a rule fails on an event, what stands before it is one, and it
 * itself another.
 */
#ifndef ESE_TURN_INTERNAL_H
#define ESE_TURN_INTERNAL_H

#include "ese-consumer/turn.h"

#define ESE_TURN_NONE (-1)
#define ESE_TURN_RECENT 16 /* events tried again whose times are kept */

struct ese_turn {
    struct ese_turn_parts parts;
    struct ese_account *account;
    struct ese_application application;

    /* The batch. */
    const struct ese_batch *batch;
    int64_t polled_ms;
    int handed;  /* of its records, so many were noted as handed */
    int decided; /* by its slices */
    int paced;   /* the first so many have their turn by now */

    /* The slice. */
    int from, to;
    struct ese_fresh *fresh;
    int count;
    int room;
    bool is_trial;  /* it is the one event that is tried */
    int failed_at;  /* the record on which a rule failed; or ESE_TURN_NONE */
    bool is_stopped; /* a stop was asked for while it was waited for */
    const struct ese_dead_letter *letter; /* the slice is passed over as this; or NULL */
    int letters;    /* that it has added */

    int64_t recent_ns[ESE_TURN_RECENT]; /* when the last ones were tried again */
    int recent;                         /* so many were */
    int64_t evicted;
    int64_t names_evicted;
};

/* Processes the records from..to of the batch and commits. -1: nothing was written, and holdings
 * have run ahead; where failed_at says so, a rule has failed, and where is_stopped does, there is no error. */
int ese_turn_slice(struct ese_turn *turn, int from, int to, struct ese_error *error);

/* Commits that one more try of the record begins: once it was waited for, so that no stop and no kill meanwhile is
 * one. */
int ese_turn_begin_try(struct ese_turn *turn, int index, struct ese_error *error);

/* Commits that the record was passed over as that letter. */
int ese_turn_pass_over(struct ese_turn *turn, int index, const struct ese_dead_letter *letter,
                       struct ese_error *error);

/* Notes that the record was handed, unless it was noted in this turn. */
void ese_turn_note_handed(struct ese_turn *turn, int index, bool repeat);

#endif
