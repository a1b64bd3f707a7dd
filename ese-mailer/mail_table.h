/*
 * mail_table.h - the outbox's one table, and the only place that speaks SQL to it.
 *
 * The file is SQLite in WAL mode, always with synchronous FULL: what was committed survives a power
 * loss. Other programs may read it, also while the mailer runs (beside this table there are `position`,
 * see positions.h, and `account`, see account.h in ese-core):
 *
 *   CREATE TABLE mail (
 *     seq             INTEGER PRIMARY KEY AUTOINCREMENT,  order in which mails were accepted
 *     id              TEXT NOT NULL UNIQUE,  the decision's id (UUID text), or a foreign one
 *     sender, recipient, subject, content    TEXT
 *     transport       TEXT  which way the event came, '' where nobody said
 *     traceparent     TEXT  '' where there is none
 *     status          TEXT  see below
 *     attempts        INTEGER  SMTP sessions that were tried for it
 *     next_attempt_ms INTEGER  Unix ms; a queued mail is not tried before
 *     reply_code      INTEGER  of the last attempt; 0: none came
 *     reply_text      TEXT     the server's words, or why there are none
 *     accepted_ms, changed_ms  INTEGER  Unix ms: committed the first time; last change of status
 *   )
 *
 *   queued   waits for its (next) attempt
 *   sending  committed before the final dot goes out: from here on it may have arrived
 *   sent     the server said 2xx behind the final dot; leaves after the keeping time
 *   unknown  was `sending` and no reply came: it arrived once or not at all. Held, or queued again
 *   dead     the server said 5xx: a dead letter, kept with the reply
 *
 * The file grows up to max_bytes (see ese-core/sqlite.h). A row grows while it is sent, by the
 * marks and the server's words, which can split the page it stands in, but no page holds less than
 * one row: so with a page kept free for every mail that waits, whatever was accepted can be sent
 * and marked in a full file. Mails beyond that are not accepted.
 *
 * One thread.
 */
#ifndef ESE_MAIL_TABLE_H
#define ESE_MAIL_TABLE_H

#include <stdint.h>

#include "ese-core/history.h"
#include "ese-mailer/mail.h"

enum ese_mail_status {
    ESE_MAIL_QUEUED,
    ESE_MAIL_SENDING,
    ESE_MAIL_SENT,
    ESE_MAIL_UNKNOWN,
    ESE_MAIL_DEAD,
    ESE_MAIL_STATUSES
};
const char *ese_mail_status_name(enum ese_mail_status status);

#define ESE_MAIL_REPLY_SIZE 256

struct ese_mail_reply {
    int code; /* 0: no reply came, text says what did */
    char text[ESE_MAIL_REPLY_SIZE];
};

struct ese_mail_row {
    int64_t seq;
    struct ese_mail mail;
    enum ese_mail_status status;
    int attempts;
    struct ese_mail_reply reply;
    int64_t accepted_ms;
    int64_t changed_ms;
};
void ese_mail_row_clear(struct ese_mail_row *row);

struct ese_mail_table;

/* max_bytes: as in sqlite.h. What is committed as sent, dead or unknown is counted in the history's
 * header, by an account in this database (account.h in ese-core: the table `account`). */
int ese_mail_table_open(const char *path, int64_t max_bytes, struct ese_history *history,
                        struct ese_mail_table **table, struct ese_error *error);
void ese_mail_table_close(struct ese_mail_table **table);

/* Transactions: nothing below may be called outside of one, but claim, next_due, list and count. */
int ese_mail_table_begin(struct ese_mail_table *table, struct ese_error *error);
int ese_mail_table_commit(struct ese_mail_table *table, struct ese_error *error);
void ese_mail_table_rollback(struct ese_mail_table *table);

enum ese_mail_put {
    ESE_MAIL_TAKEN,
    ESE_MAIL_KNOWN,
    ESE_MAIL_CONFLICT,
    ESE_MAIL_FULL,
    ESE_MAIL_NO_ROOM
};

/* Adds a queued mail, unless its id is known (the same content: KNOWN, another: CONFLICT), or
 * most_waiting mails wait already (FULL), or max_bytes are too few for it (NO_ROOM). */
int ese_mail_table_put(struct ese_mail_table *table, const struct ese_mail *mail,
                       int64_t most_waiting, enum ese_mail_put *put, struct ese_error *error);

/* queued -> sending; ESE_E_FENCED when it no longer is queued. Counts the attempt. */
int ese_mail_table_mark_sending(struct ese_mail_table *table, int64_t seq, struct ese_error *error);

/* The end of an attempt. next_attempt_ms counts for QUEUED only. An attempt that ended before it
 * was marked is counted here. */
struct ese_mail_end {
    int64_t seq;
    enum ese_mail_status status;
    struct ese_mail_reply reply;
    int64_t next_attempt_ms;
};
int ese_mail_table_end(struct ese_mail_table *table, const struct ese_mail_end *end,
                       struct ese_error *error);

/* What an earlier life left at `sending` becomes unknown; with resend, all that is unknown is
 * queued. Returns how many rows changed, or -1. */
int64_t ese_mail_table_recover(struct ese_mail_table *table, bool resend, struct ese_error *error);

/* Removes at most `most` sent mails that were sent before before_ms. Returns how many, or -1. */
int64_t ese_mail_table_purge(struct ese_mail_table *table, int64_t before_ms, int most,
                             struct ese_error *error);

/* The queued mail that has been due longest and whose seq is in none of the `taken` ones. 1:
 * there is one, 0: none is due, -1. The row is the caller's to clear. */
int ese_mail_table_next(struct ese_mail_table *table, int64_t now_ms, const int64_t *taken,
                        int taken_count, struct ese_mail_row *row, struct ese_error *error);

/* When the earliest queued mail that is not due at now_ms will be: Unix ms, or INT64_MAX. */
int64_t ese_mail_table_next_due(struct ese_mail_table *table, int64_t now_ms);

/* At most `most` mails of that status with a seq above `after`, in order, without their content.
 * Returns how many were written, or -1. */
int ese_mail_table_list(struct ese_mail_table *table, enum ese_mail_status status, int64_t after,
                        struct ese_mail_row *rows, int most, struct ese_error *error);

/* The database, for positions.h. */
struct ese_sqlite *ese_mail_table_database(struct ese_mail_table *table);

/* Bytes of the file that hold something. */
int64_t ese_mail_table_used_bytes(struct ese_mail_table *table);

/* ESE_E_FULL, saying how it stands, when a mail with a content of that length would be NO_ROOM. */
int ese_mail_table_check_room(struct ese_mail_table *table, size_t content_length,
                              struct ese_error *error);

/* Writes something that changes nothing, within a transaction: to find out whether that can be. */
int ese_mail_table_probe(struct ese_mail_table *table, struct ese_error *error);

/* How many mails have that status; kept, not counted anew. */
int64_t ese_mail_table_count(const struct ese_mail_table *table, enum ese_mail_status status);

#endif
