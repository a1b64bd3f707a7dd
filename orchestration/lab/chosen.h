/*
 * chosen.h - of all events of a transport's run, those whose stories are told: all at fault, as far as there is room,
 * and as many others.
 *
 * Who is chosen follows from an event's place in its lane, which is the same over every transport that was offered the
 * same; so the same are chosen there.
 */
#ifndef ESE_LAB_CHOSEN_H
#define ESE_LAB_CHOSEN_H

#include <stddef.h>
#include <stdint.h>

#include "orchestration/lab/figures.h"

struct ese_chosen_event {
    struct ese_id id;
    const char *kind; /* of fault (stories.h); NULL: none */
    uint64_t rank;    /* the lowest are chosen */
};

struct ese_chosen {
    size_t most; /* how many may be chosen */
    int64_t seen, faulty; /* of how many */
    struct ese_chosen_event *events;
    size_t count, size;
};

/* Of one share of the run: for struct ese_judge_look. */
void ese_chosen_take(void *chosen, const struct ese_evidence *evidence);

/* No share is left: those that are chosen stand in order, faulty ones first. */
void ese_chosen_settle(struct ese_chosen *chosen);

void ese_chosen_free(struct ese_chosen *chosen);

#endif
