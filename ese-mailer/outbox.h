/*
 * outbox.h - the mails between "accepted" and "sent", on disk, with one thread that writes.
 *
 * Whatever arrives while a commit is being synced goes into the next one: many POSTs, and the marks
 * of several sessions, share one sync (group commit, without a timer). Nothing is answered before
 * its own commit.
 *
 * The rule that keeps a mail from being sent twice (Gray and Reuter's testable output, as far as
 * SMTP allows): a row is committed as `sending` before the final dot goes out, and only a reply
 * ends that state. Whoever finds `sending` after a restart cannot know; such a mail is `unknown`,
 * and is held or queued again as the options say. So at most one mail a session is unknown for each
 * death.
 *
 * Where a sync of the file has failed (ese-core/sqlite_syncs.h) all that waits is ESE_E_IO, nothing more is taken, and
 * the process is asked to stop.
 *
 * One process at a time owns the file (a lock beside it, FILE.lock); others may read it by SQL
 * (mail_table.h). All functions may be called from any thread.
 */
#ifndef ESE_OUTBOX_H
#define ESE_OUTBOX_H

#include "ese-core/metrics.h"
#include "ese-mailer/mail_table.h"
#include "ese-mailer/positions.h"

#define ESE_OUTBOX_CLAIMS_MOST 64    /* mails that are being sent at once */
#define ESE_OUTBOX_WORK_MOST 4096    /* requests that wait for their commit */

struct ese_outbox;

struct ese_outbox_options {
    const char *path;
    int64_t waiting_most;   /* mails that wait to be sent; beyond: FULL */
    int64_t max_bytes;      /* of the file; beyond: NO_ROOM. 0: no bound */
    bool resend_unknown;
    int64_t keep_ms;        /* how long a sent mail's row, and so its id, is kept */
    struct ese_history *history; /* its header shows what is sent, dead and unknown */
    struct ese_metrics *metrics;
};

/* Makes the file's directory (file_directory.h), takes the lock, opens the file, settles what an earlier life left,
 * starts the thread. ESE_E_USAGE when another process has it. */
int ese_outbox_open(const struct ese_outbox_options *options, struct ese_outbox **outbox,
                    struct ese_error *error);

/* Gives out no more mails: whoever waits in claim is woken with ESE_E_CLOSED. Mails that are
 * claimed can still be marked and ended. */
void ese_outbox_stop_claims(struct ese_outbox *outbox);

/* Carries out what was handed in before, then ends the thread and closes the file; every call
 * from now on is ESE_E_CLOSED. */
void ese_outbox_stop(struct ese_outbox *outbox);

/* Stops, and frees. Nobody may use the outbox any more. */
void ese_outbox_close(struct ese_outbox **outbox);

/* Takes over what the mail owns (and clears it); a mail has passed ese_mail_check. `done` is
 * called once, on the outbox's thread, when the answer is known and committed: put is one of the
 * table's words, or, with error not NULL, nothing was taken. ESE_E_FULL at once when too much
 * waits. */
typedef void ese_outbox_put_done(void *context, const char *id, enum ese_mail_put put,
                                 const struct ese_error *error);
int ese_outbox_put(struct ese_outbox *outbox, struct ese_mail *mail, ese_outbox_put_done *done,
                   void *context, struct ese_error *error);

/* Within ese_outbox_put_done: why a mail was FULL or NO_ROOM, in words for whoever asked. (Who has
 * called ese_outbox_take may ask for FULL at any time.) */
void ese_outbox_refusal(struct ese_outbox *outbox, enum ese_mail_put put, char *text, size_t size);

/* Requests read from one partition of a topic, in its order. */
struct ese_outbox_request {
    bool is_mail;           /* false: it is passed over, and only its position counts */
    struct ese_mail mail;   /* has passed ese_mail_check; the caller's, before and after */
    int64_t next;           /* the position behind it */
    enum ese_mail_put put;  /* what became of it, once it was taken */
};
struct ese_outbox_requests {
    struct ese_position_of of;
    int64_t from; /* where the partition was read to, as committed last */
    struct ese_outbox_request *requests;
    int count;
    int taken;    /* so many, from the first on, are committed, and the position behind them */
};

/* Puts them into the outbox, and moves the position behind them, in one transaction; as many as there
 * is room for, which is no error. ESE_E_FENCED when the position does not stand at `from`; after any
 * error nothing was taken. Waits for the commit. */
int ese_outbox_take(struct ese_outbox *outbox, struct ese_outbox_requests *requests,
                    struct ese_error *error);

/* Where to go on; ESE_POSITIONS_NONE: from the start. */
int ese_outbox_position(struct ese_outbox *outbox, const struct ese_position_of *of, int64_t *next,
                        struct ese_error *error);

/* Waits for a mail that is due and takes it; it stays `queued` in the file. Every claim is ended by
 * ese_outbox_end. The row is the caller's to clear. ESE_E_CLOSED: no more. */
int ese_outbox_claim(struct ese_outbox *outbox, struct ese_mail_row *row, struct ese_error *error);

/* Commits `sending`. Only then may the final dot go out. */
int ese_outbox_mark_sending(struct ese_outbox *outbox, int64_t seq, struct ese_error *error);

/* Commits how the attempt ended. After an error the row is as it was and still claimed: try
 * again. */
int ese_outbox_end(struct ese_outbox *outbox, const struct ese_mail_end *end,
                   struct ese_error *error);

/* Parked mails of that status, seq above `after`, in order: `done` is called once on the
 * outbox's thread; the rows are valid during the call. */
#define ESE_OUTBOX_LIST_MOST 100
typedef void ese_outbox_list_done(void *context, const struct ese_mail_row *rows, int count,
                                  const struct ese_error *error);
int ese_outbox_list(struct ese_outbox *outbox, enum ese_mail_status status, int64_t after,
                    ese_outbox_list_done *done, void *context, struct ese_error *error);

/* False, with why, when the last commit failed, or mails are refused for want of room. When nothing
 * comes in meanwhile, being asked has the writer try one within a second, so that it can be told the
 * next time. */
bool ese_outbox_healthy(struct ese_outbox *outbox, char *text, size_t size);

#endif
