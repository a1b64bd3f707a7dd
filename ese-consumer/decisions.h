/*
 * decisions.h - the decisions of a state file, each with the mail it causes and what became of it.
 *
 * A row is added in the transaction that moves the position past the events behind it, and is open
 * until the mailer has answered for it; whoever owns its partition brings it there (sender.h), also
 * what a predecessor left. Answered rows are kept for 24 hours, so that a decision that is
 * concluded once more is known, and leave in small steps.
 *
 *   decision    id           BLOB, 16 bytes (decision.h says how it follows from the events)
 *               rule, key, partition
 *               events       BLOB: the ids of the events behind it, 16 bytes each, in order
 *               transport    the name the mail's header carries
 *               mail_from, mail_to, subject, content, traceparent
 *               made_ms      Unix ms, when it was concluded
 *               answered_ms  when the mailer answered 2xx; NULL: not yet
 *               refused_ms, refused
 *                            when and how the mailer refused it for good; NULL: it has not
 *
 * One handle belongs to one thread, that of its database.
 */
#ifndef ESE_DECISIONS_H
#define ESE_DECISIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-consumer/decision.h"
#include "ese-core/sqlite.h"

#define ESE_DECISIONS_KEPT_MS (INT64_C(24) * 3600 * 1000)

/* The index serves both who asks for open rows (NULL) of a partition and who sweeps old ones. */
#define ESE_DECISIONS_SCHEMA                                                                      \
    "CREATE TABLE IF NOT EXISTS decision("                                                        \
    "  id BLOB PRIMARY KEY, rule TEXT NOT NULL, key TEXT NOT NULL, partition INTEGER NOT NULL,"   \
    "  events BLOB NOT NULL, transport TEXT NOT NULL, mail_from TEXT NOT NULL,"                   \
    "  mail_to TEXT NOT NULL, subject TEXT NOT NULL, content TEXT NOT NULL,"                      \
    "  traceparent TEXT NOT NULL, made_ms INTEGER NOT NULL, answered_ms INTEGER,"                 \
    "  refused_ms INTEGER, refused TEXT);"                                                        \
    "CREATE INDEX IF NOT EXISTS decision_done"                                                    \
    "  ON decision(coalesce(answered_ms, refused_ms), partition);"

#define ESE_DECISIONS_COUNT_OPEN                                                                  \
    "SELECT count(*) FROM decision WHERE coalesce(answered_ms, refused_ms) IS NULL"

struct ese_decisions;

/* Over the database of a state file; to be freed before it is closed. */
struct ese_decisions *ese_decisions_new(struct ese_sqlite *database, const char *transport);
void ese_decisions_free(struct ese_decisions **decisions);

/* Within a transaction. added: false when it was concluded before; nothing is changed then. */
int ese_decisions_add(struct ese_decisions *decisions, const struct ese_decision *decision,
                      bool *added, struct ese_error *error);

/* Reads at most `most` open ones of the partition, oldest first. Returns how many, or -1. */
int ese_decisions_read_open(struct ese_decisions *decisions, int32_t partition,
                            struct ese_decision *found, int most, struct ese_error *error);

/* noted: false when the row says so already (another member has asked, too) or is gone. */
int ese_decisions_note_answered(struct ese_decisions *decisions, const struct ese_id *id,
                                int64_t now_ms, bool *noted, struct ese_error *error);
int ese_decisions_note_refused(struct ese_decisions *decisions, const struct ese_id *id,
                               int64_t now_ms, const char *reason, bool *noted,
                               struct ese_error *error);

/* Whoever owns the partition `to` brings to the mailer what was added for `from`. */
int ese_decisions_hand_over(struct ese_decisions *decisions, int32_t from, int32_t to,
                            struct ese_error *error);

/* Deletes at most `most` rows that were answered or refused before before_ms. */
int ese_decisions_sweep(struct ese_decisions *decisions, int64_t before_ms, int most,
                        struct ese_error *error);

/* Where there is no mailer: deletes open rows of the partition that were made before before_ms. */
int ese_decisions_sweep_unasked(struct ese_decisions *decisions, int32_t partition,
                                int64_t before_ms, int most, struct ese_error *error);

#endif
