/*
 * turn.h - one turn of the consumer: a batch goes through the rule, and is committed as a whole.
 *
 *   1. every event is noted in the history as handed, and looked up: repeats go no further. Whoever is killed while
 *      rules take their time (application.h) has had in hand what is handed again
 *   2. where the transport promises no order per key, what is left is sorted by (client_ts, id)
 *   3. in one transaction: the rules are applied to each; what they keep, their decisions, the
 *      repeats and the positions are written, and what has left by event time leaves, which may be a
 *      decision, too. Whoever no longer owns a partition changes nothing of it: ESE_E_FENCED
 *   4. after the commit it is told: history, statistics. What the history's header counts of it is
 *      counted in that transaction (account.h), and told again by the next life
 *
 * A batch is one transaction, unless its pace (application.h) has it cut, or a rule fails on one of
 * its events: then it is cut in front of that, which is tried alone, and passed over in the end
 * (docs/dead-letters.md). What is no event is passed over at once.
 *
 * After a failure nothing more was written, but what is remembered (holdings, repeats) has run ahead of
 * the state file and must be dropped. One thread.
 *
 * What a rule waits for (rule.h, expire) leaves only where the state file has room for decisions.
 */
#ifndef ESE_TURN_H
#define ESE_TURN_H

#include "ese-consumer/application.h"

struct ese_turn;

int ese_turn_open(const struct ese_turn_parts *parts, struct ese_turn **turn,
                  struct ese_error *error);
void ese_turn_close(struct ese_turn **turn);

/* Processes and commits. polled_ms is the wall clock as it was before the poll that brought the
 * batch. Records of partitions that are not held are passed over. decided: how many decisions are
 * new. Where a stop is asked for while an event is tried again, or is waited for, the rest is left alone. */
int ese_turn_process(struct ese_turn *turn, const struct ese_batch *batch, int64_t polled_ms,
                     int *decided, struct ese_error *error);

/* A poll at polled_ms brought nothing, as there was nothing further: event time goes on for all
 * partitions. */
void ese_turn_note_end(struct ese_turn *turn, int64_t polled_ms);

/* Once in a while, whether anything comes or not: has leave what has left by event time, and finds
 * out early whether somebody newer owns a partition (ESE_E_FENCED). */
int ese_turn_rest(struct ese_turn *turn, int *decided, struct ese_error *error);

#endif
