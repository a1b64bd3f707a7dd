/*
 * pusher_internal.h - what the files of the pusher share:
 *
 *   pusher.c               opening, the loop, stopping
 *   pusher_send.c          whose turn it is, what is read and sent, what an answer means
 *   pusher_tell.c          what the log is told of answers
 *   pusher_keep.c          what is stored of it, and when; figures
 *   subscription_routes.c  what is asked of it
 *
 * All but the queue of what was asked is the pusher's thread's.
 */
#ifndef ESE_WEBHOOK_PUSHER_INTERNAL_H
#define ESE_WEBHOOK_PUSHER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "ese-core/clock.h"
#include "ese-core/http_client.h"
#include "ese-core/news.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/push_message.h"
#include "transports/webhook/pusher.h"
#include "transports/webhook/stream_reader.h"
#include "transports/webhook/subscribers.h"
#include "transports/webhook/subscription_ask.h"
#include "transports/webhook/subscription_table.h"
#include "transports/webhook/targets.h"

#define ESE_WEBHOOK_NEVER INT64_MAX

struct ese_webhook_pusher {
    struct ese_webhook_pusher_options options;
    struct ese_webhook_habits habits;
    char *secrets;
    struct ese_webhook_targets *targets;
    struct ese_webhook_subscription_table *table;
    struct ese_webhook_reader *reader;
    struct ese_webhook_subscribers *subscribers;
    struct ese_webhook_figures_names names;
    struct ese_webhook_subscription_figures shared; /* of those that have none of their own, since there was one */
    struct ese_http_client *client;
    struct ese_webhook_message message;              /* the one that is written at the moment */
    struct ese_webhook_subscriber_list queues[ESE_WEBHOOK_STANDINGS]; /* whose turn comes */
    struct ese_webhook_subscriber_list dirty;        /* whose position is to be stored */
    struct ese_webhook_subscriber_list removed;      /* whose answer is waited for all the same */
    int under_way;                                   /* requests, */
    int under_way_of[ESE_WEBHOOK_STANDINGS];         /* as they were queued */
    size_t bytes_of[ESE_WEBHOOK_STANDINGS];          /* their memory, and that of what was read for them */
    size_t pages_bytes;                              /* memory of all that was read ahead */
    int64_t next_due_ns;                             /* not later than the next one that waits is due */
    int64_t next_keep_ns;
    int64_t next_figures_ns;
    int unreadable_count; /* whose streams cannot be read */
    struct ese_news unreadable, unstored, no_sockets;
    int64_t aside_untold, next_aside_ns; /* events set aside that the log was not told of, and when it may be */
    struct ese_error not_stored; /* why what becomes of subscriptions cannot be stored; ESE_OK: it can */
    int64_t next_failing_ns;             /* when it may be told of a line that has failed for long */
    bool is_leaving; /* nothing more is sent, */
    bool is_closing; /* and who has no answer yet has none */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards what follows */
    struct ese_webhook_ask *asked, **last_asked;
    bool stopping;
    int64_t deadline_ns; /* when stopping */
    struct ese_error health; /* as it was looked at last, with the figures */
};

/* ---- pusher_send.c --------------------------------------------------------------------------- */

/* Its turn comes when there is a connection; no-op where it is not due, or in the queue already. */
void ese_webhook_pusher_queue(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);
void ese_webhook_pusher_unqueue(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);

/* Queues those whose wait is over. */
void ese_webhook_pusher_queue_due(struct ese_webhook_pusher *pusher, int64_t now_ns);

/* Queues those who waited for what has come into their streams. */
void ese_webhook_pusher_queue_grown(struct ese_webhook_pusher *pusher);

/* Sends for as many as there are connections. */
void ese_webhook_pusher_send(struct ese_webhook_pusher *pusher);

/* It begins once what is under way of one of that name that was dropped is answered. */
void ese_webhook_pusher_follow(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);

/* Nobody has it any more. Frees it, now or with the answer it waits for. */
void ese_webhook_pusher_drop(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);

/* Whether its stream could be read; NULL: it could, or nobody wants to know any more. */
void ese_webhook_pusher_note_reading(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                                     const char *problem);

/* What was read for it is not needed; when the next of it was made is kept. */
void ese_webhook_pusher_forget_page(struct ese_webhook_subscriber *subscriber); /* and its memory given back */

/* ---- pusher_tell.c --------------------------------------------------------------------------- */

/* That event went to the dead letters. Of many at a time one is told: all of them are in the table. */
void ese_webhook_pusher_tell_aside(struct ese_webhook_pusher *pusher,
                                   const struct ese_webhook_subscription *subscription, int64_t position,
                                   const char *reason);

/* A push has failed and is tried again, for ever perhaps: told once, when the line has failed for some seconds, with
 * the last reason; of many lines one each ten seconds. And, where that was told, that something was taken. */
void ese_webhook_pusher_tell_failed(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                                    const struct ese_webhook_outcome *outcome, int64_t now_ns);
void ese_webhook_pusher_tell_taken(struct ese_webhook_subscriber *subscriber);

/* ---- pusher_keep.c --------------------------------------------------------------------------- */

/* Its position has moved. */
void ese_webhook_pusher_note_position(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);
/* Stores what was changed of it; where that fails, tries again with the positions until it is. The error is the
 * caller's, or the log's. */
void ese_webhook_pusher_note_change(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);
int ese_webhook_pusher_change(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                              struct ese_error *error);
/* Of one that was loaded: where its position is behind what its stream ended with as this server started, it goes on
 * from there. No-op otherwise, and once that is done. */
void ese_webhook_pusher_hold_to_end(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);
/* Takes it off the list of those to be stored. */
void ese_webhook_pusher_unnote(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);

/* Stores positions, when it is time, or at once. Returns when it wants to be called again. */
int64_t ese_webhook_pusher_keep(struct ese_webhook_pusher *pusher, int64_t now_ns, bool at_once);

/* The position of its stream's newest event (ese_webhook_streams_ends), and how many it has not taken; both -1 where
 * the stream cannot be read. problem: why it cannot, or could not for its last push. */
struct ese_webhook_lag {
    int64_t newest;
    int64_t events;
    struct ese_error problem;
};
void ese_webhook_pusher_lag(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber,
                            struct ese_webhook_lag *lag);
/* Sets the figures of all, when it is time. May read. */
void ese_webhook_pusher_show(struct ese_webhook_pusher *pusher, int64_t now_ns);

/* ---- pusher.c -------------------------------------------------------------------------------- */

/* One more subscription, as it is stored: it is active, and its first turn comes at once. */
struct ese_webhook_subscriber *ese_webhook_pusher_add(struct ese_webhook_pusher *pusher,
                                                      struct ese_webhook_subscription *subscription);
/* It begins anew: looks at what it needs, its headers, secret and target. Sets problem, or that there is none. */
void ese_webhook_pusher_prepare(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber);

/* Its secret, where it signs; none where it does not. */
int ese_webhook_pusher_read_secret(const struct ese_webhook_pusher *pusher, const struct ese_webhook_wish *wish,
                                   struct ese_webhook_secret *secret, struct ese_error *error);

/* Hands over to the pusher's thread. Any thread; false: it is stopping. */
bool ese_webhook_pusher_ask(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask);

/* ---- subscription_routes.c ------------------------------------------------------------------- */

/* Does what was asked, answers it, and frees it. */
void ese_webhook_pusher_do(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask);
/* Answers that nothing is done any more. */
void ese_webhook_pusher_refuse(struct ese_webhook_ask *ask);

#endif
