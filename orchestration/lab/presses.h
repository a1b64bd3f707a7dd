/*
 * presses.h - the key presses behind a mail, for stories: which they are, and what is amiss with them. Behind one that
 * tells of an order it is the event that created that.
 */
#ifndef ESE_LAB_PRESSES_H
#define ESE_LAB_PRESSES_H

#include "orchestration/lab/figures.h"
#include "orchestration/lab/story.h"

#define ESE_PRESSES 3 /* behind a mail */

struct ese_presses {
    const struct ese_book_entry *list[ESE_PRESSES]; /* in the order they were sent */
    int count;
};

/* Behind a mail, by its number in the oracle. */
struct ese_presses ese_presses_behind(const struct ese_evidence *evidence, uint32_t mail);

/* How many a chain has; 0: it is an order. */
int ese_presses_of_chain(const struct ese_evidence *evidence, uint32_t chain);

/* "key presses", or "order". */
const char *ese_presses_name(const struct ese_presses *presses);

/* "3.204 s, 3.310 s and 3.402 s": when they were due. */
void ese_presses_times(const struct ese_storyteller *teller, const struct ese_presses *presses,
                       struct ese_buffer *text);

/* "The press due at 3.310 s: acknowledged …", of the first that was not processed, or else was stored out of its
 * order. Returns whether there is one. */
bool ese_presses_blame(const struct ese_storyteller *teller, const struct ese_presses *presses,
                       struct ese_buffer *text);

#endif
