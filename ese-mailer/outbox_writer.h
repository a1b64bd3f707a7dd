/*
 * outbox_writer.h - the outbox from inside: what callers and its one thread share.
 *
 * Included by outbox.c, which hands in, and outbox_writer.c, which carries out; by nobody else.
 *
 * The thread runs in rounds: give due mails to those who wait for one, wait for work, carry out all
 * that came in one transaction, answer it. Mails that are claimed are known in memory only: a claim
 * that dies with the process has done no harm.
 */
#ifndef ESE_OUTBOX_WRITER_H
#define ESE_OUTBOX_WRITER_H

#include <pthread.h>

#include "ese-core/news.h"
#include "ese-mailer/outbox.h"

#define ESE_OUTBOX_REFUSAL_SIZE 600

/* One thing the writer is asked to do. It lies where its maker put it: `done` is the last to
 * touch it. */
struct ese_outbox_work {
    struct ese_outbox_work *next;
    int (*run)(struct ese_outbox *outbox, struct ese_outbox_work *work, struct ese_error *error);
    void (*done)(struct ese_outbox *outbox, struct ese_outbox_work *work,
                 const struct ese_error *error);
};

/* Work somebody waits for, on that somebody's stack. */
struct ese_outbox_awaited {
    struct ese_outbox_work work;
    bool finished;
    struct ese_error error;
    int64_t seq;
    const struct ese_mail_end *end;
    struct ese_mail_row *row;
    struct ese_outbox_requests *requests;
    const struct ese_position_of *of;
    int64_t *next;
};

struct ese_outbox {
    struct ese_outbox_options options;
    int lock_fd;
    pthread_t thread;
    bool running;

    struct ese_mail_table *table; /* the writer's own, like those below */
    struct ese_positions *positions;
    int64_t claimed[ESE_OUTBOX_CLAIMS_MOST];
    int claimed_count;
    int64_t next_purge_ms;
    bool refusing; /* for want of room */
    struct ese_news news;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wanted;    /* the writer waits for work */
    pthread_cond_t finished;  /* callers wait for theirs */
    struct ese_outbox_work *first, **last;
    int work_count;
    struct ese_outbox_awaited *claimers[ESE_OUTBOX_CLAIMS_MOST]; /* oldest first */
    int claimer_count;
    bool claimer_came;        /* since the writer last looked */
    bool claims_stopped;
    bool stopping;
    bool asked;               /* how it is, since the last commit */
    struct ese_error trouble; /* of the last commit; ESE_OK: none */
    char full[ESE_OUTBOX_REFUSAL_SIZE]; /* why mails are refused; "" while they are not */

    struct ese_metric *commits, *waiting, *unknown, *dead, *used_bytes;
};

/* The thread, until stopping. */
void *ese_outbox_write(void *outbox);

/* The writer's: a mail was refused for want of room. */
void ese_outbox_note_full(struct ese_outbox *outbox);

/* The `done` of work that is awaited: wakes whoever does. */
void ese_outbox_awaited_done(struct ese_outbox *outbox, struct ese_outbox_work *work,
                             const struct ese_error *error);

#endif
