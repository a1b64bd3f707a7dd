/*
 * unseen.h - messages of an inbox that were listed and are not yet noted, in the order they are listed in: an inbox
 * lists the newest first, so the last one here is the oldest. One that cannot be read stays, before all of a later
 * listing, and is tried again after those.
 */
#ifndef ESE_LAB_UNSEEN_H
#define ESE_LAB_UNSEEN_H

#include "orchestration/lab/number_table.h"

#define ESE_MESSAGE_ID_SIZE 65

struct ese_unseen_message {
    char id[ESE_MESSAGE_ID_SIZE]; /* "": it is done with */
    int attempts;                 /* to read it, that have failed */
};

struct ese_unseen {
    struct ese_unseen_message *messages;
    uint32_t count, size;
    uint32_t untried; /* of this pass: the first so many */
    struct ese_number_table table;
};

void ese_unseen_begin(struct ese_unseen *unseen);
void ese_unseen_free(struct ese_unseen *unseen);

/* False where it is there already: new messages push the older ones down, so that one may stand on two pages. */
bool ese_unseen_add(struct ese_unseen *unseen, const char *id);

/* The oldest that was not tried in this pass; NULL: there is none, and the pass is over. Valid until the next call. */
struct ese_unseen_message *ese_unseen_next(struct ese_unseen *unseen);
/* Begins a pass over all that are not done with; the others leave. */
void ese_unseen_again(struct ese_unseen *unseen);

/* Of a message's id. */
uint64_t ese_unseen_hash(const char *id);

#endif
