/*
 * ending.h - a party of a run that ended though nobody had asked for it.
 *
 * Asked for are the steps of the run's fault, the stops at its end, and the end of a client whose
 * schedule is over: exit status 0, or ESE_SERVICE_IN_VAIN where nothing of it was acknowledged, as may
 * happen to one that was started again while others were away. Everything else is told, and no verdict
 * passes over it.
 */
#ifndef ESE_LAB_ENDING_H
#define ESE_LAB_ENDING_H

#include <stdint.h>

#include "ese-core/buffer.h"

#define ESE_ENDINGS 8 /* of one journey; what comes after so many is not told */

struct ese_ending {
    char party[16];       /* "client", "server", "broker", ... */
    int status;           /* exit status, or 128 + signal; -1: not known */
    int64_t ended_ns;     /* monotonic: when it was noticed */
    char last_words[200]; /* the last that it said (ese_process_last_words); "" when there is none */
};

struct ese_endings {
    struct ese_ending list[ESE_ENDINGS]; /* as they were noticed */
    int count;
};

/* Adds one, unless there are too many. Of the words, what a terminal might not show becomes '?'. */
void ese_endings_add(struct ese_endings *endings, const char *party, int status,
                     const char *last_words);
/* The party's first, or NULL. */
const struct ese_ending *ese_endings_find(const struct ese_endings *endings, const char *party);

/* "the consumer was killed by signal 9, and no fault had asked for it" */
#define ESE_ENDING_TEXT_SIZE 100
void ese_ending_text(const struct ese_ending *ending, char text[ESE_ENDING_TEXT_SIZE]);
/* With "; it said: ..." behind it, where it has said anything. */
void ese_ending_write(const struct ese_ending *ending, struct ese_buffer *buffer);
/* Of the first, for a verdict; NULL when there is none. */
const char *ese_endings_text(const struct ese_endings *endings, char text[ESE_ENDING_TEXT_SIZE]);

#endif
