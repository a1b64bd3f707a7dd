/*
 * anomalies.h - what was not lost, and yet was not as it ought to be: what went wrong between store and consumer, and
 * why events are doubled.
 *
 *   stale              acknowledged, and processed later than a bound after that
 *   passed over        its reader was handed what lies behind it in its partition, and it only then, for the first
 *                      time, all within one ownership (book_turns.h)
 *   disordered         handed for the first time behind an event of its key that was sent later, though they lie in
 *                      their order in the store: within one ownership, or as the partition changed hands in between. Of
 *                      the latter it is told whether they were processed in that order, too: what a reader was handed
 *                      and lost before it had committed it does not count then
 *   doubled            stored or handed more often than once, and by what: a retry of its client's; one that became
 *                      necessary as whoever keeps the events was killed between its sending and its acknowledgement; a
 *                      partition that was given anew when something of it had been handed, to somebody else or to who
 *                      came back; or nothing that is noted
 *
 * Of a run that goes on nothing of this is told, and what is doubled is doubled by nothing that is noted.
 */
#ifndef ESE_LAB_ANOMALIES_H
#define ESE_LAB_ANOMALIES_H

#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"

enum ese_disorder { ESE_DISORDER_NONE, ESE_DISORDER_WITHIN, ESE_DISORDER_AFTER };

/* Why it lies in the store again. */
enum ese_doubling { ESE_DOUBLING_OTHER, ESE_DOUBLING_RETRY, ESE_DOUBLING_DEATH };

/* Why it was handed again, and how often; together once less than it was handed. */
struct ese_handed_again {
    int64_t of_copies; /* because it is stored again */
    int64_t by_return;
    int64_t by_other;
};
struct ese_handed_again ese_anomalies_again(const struct ese_book *book, const struct ese_book_entry *entry);

/* From its acknowledgement until it was processed, in nanoseconds; of one whose commit nobody has noted at least that
 * much; 0 or less: it was processed sooner, or not at all. */
int64_t ese_anomalies_waited_ns(const struct ese_book_entry *entry);

/* Marks them in a book that bears the ledger's marks, and counts them in that ledger. worst_ns: the longest that any
 * has waited. */
void ese_anomalies_count(struct ese_book *book, const struct ese_judge_options *options, struct ese_ledger *ledger,
                         int64_t *worst_ns);

#endif
