/*
 * reader_account.h - what one of a run's readers has seen of all that was acknowledged: told from histories alone.
 *
 * A reader is a group of its own without rules (journey.h). What it is handed again is no fault: at least once is what
 * readers are promised. What it never saw is told by how many. One thread; 48 bytes an event, at most
 * ESE_JUDGE_MOST of them.
 */
#ifndef ESE_LAB_READER_ACCOUNT_H
#define ESE_LAB_READER_ACCOUNT_H

#include "ese-core/error.h"
#include "orchestration/lab/party.h"

struct ese_reader_account {
    int64_t expected; /* acknowledged, by then or later */
    int64_t seen;     /* of these: handed to it at least once */
    int64_t missed;   /* never */
    int64_t again;    /* handings beyond the first */
    int64_t began_ns; /* monotonic: its first record; 0: it was never there */
    int64_t caught_up_us; /* from there to the first handing of the last one that it saw; -1: it has missed some */
    int64_t lag_highest;  /* at most so many were acknowledged and not handed to it yet; 0: it was never there */
};

/* Of as many readers as there are to be, from the histories in the directory. ESE_E_FULL: more events than can be
 * looked at; -1 also where a history cannot be read. */
int ese_reader_accounts(const char *directory, int readers, struct ese_reader_account accounts[ESE_READERS],
                        struct ese_error *error);

#endif
