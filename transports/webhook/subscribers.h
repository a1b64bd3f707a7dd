/*
 * subscribers.h - the subscriptions there are, by name, by stream and in the order in which they were made; and which
 * streams have grown.
 *
 * All of it belongs to the pusher's thread, but ese_webhook_subscribers_grown, which is for any. A stream's growth is
 * noted before the pusher looks at who waits for it, and a note is taken back before anything is read on its account:
 * so whoever finds nothing behind its position finds the note of what came in that instant.
 */
#ifndef ESE_WEBHOOK_SUBSCRIBERS_H
#define ESE_WEBHOOK_SUBSCRIBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "transports/webhook/push_headers.h"
#include "transports/webhook/signature.h"
#include "transports/webhook/stream_reader.h"
#include "transports/webhook/subscription.h"
#include "transports/webhook/subscription_figures.h"

#define ESE_WEBHOOK_MOST_SUBSCRIPTIONS 10000

struct ese_webhook_group; /* those of one stream */
struct ese_webhook_pusher;

/* What may be expected of a push to it: who has taken one will take the next, and of the others, who may hang until
 * their time is over, new ones are told from those that have failed. */
enum ese_webhook_standing {
    ESE_WEBHOOK_PROVEN,
    ESE_WEBHOOK_NEW,
    ESE_WEBHOOK_FAILED,
    ESE_WEBHOOK_STANDINGS,
};

/* Of a line that is tried again and again; who is put in its place has it, too. */
struct ese_webhook_failing {
    int64_t since_ns; /* its first failure since it has taken something; 0: none */
    bool told;        /* to the log */
};

struct ese_webhook_subscriber {
    struct ese_webhook_subscription subscription;
    struct ese_webhook_headers headers;
    struct ese_webhook_secret secret; /* no keys: not signed */
    char *problem;                    /* why nothing can be sent at all; NULL: it can */
    struct ese_webhook_page page;     /* what was read, */
    int page_next;                    /* and the next of it to be sent */
    size_t page_bytes;                /* as they are counted among those of all pages */
    int pushed_count;                 /* of the request that is under way, */
    int64_t pushed_last;              /* and the last one's position */
    enum ese_webhook_standing record;   /* by its last answer; NEW: it has begun anew since */
    size_t pushed_bytes;              /* as they are counted among those under way */
    struct ese_webhook_failing failing;
    enum ese_webhook_standing standing; /* as it was queued last */
    bool is_removed;                  /* nobody has it any more but its request's answer, */
    struct ese_webhook_subscriber *successor;   /* for which one of that name waits that was made meanwhile, */
    struct ese_webhook_subscriber *predecessor; /* and knows who it is */
    bool is_loaded;                   /* its position is as another life stored it, and not held to the stream's end */
    bool is_queued;                   /* for its turn */
    bool is_dirty;                    /* its position has moved and is not stored yet */
    bool is_row_dirty;                /* more of it could not be stored */
    char *unreadable;                 /* why its stream could not be read; NULL: it could, as far as one knows */
    int64_t dead_letters;
    int stage;                        /* a lesson's own (habits.h); 0: it has begun anew */
    int64_t head_behind;              /* the position behind which the event was made */
    int64_t head_ms;                  /* at that Unix time; 0: nothing is known */
    struct ese_webhook_subscription_figures figures;
    struct ese_webhook_pusher *pusher;
    struct ese_webhook_group *group;
    struct ese_webhook_subscriber *next_of_name; /* with that hash */
    TAILQ_ENTRY(ese_webhook_subscriber) in_all; /* or among those that are removed */
    TAILQ_ENTRY(ese_webhook_subscriber) in_group;
    TAILQ_ENTRY(ese_webhook_subscriber) in_queue;
    TAILQ_ENTRY(ese_webhook_subscriber) in_dirty;
};

TAILQ_HEAD(ese_webhook_subscriber_list, ese_webhook_subscriber);

struct ese_webhook_subscribers;

struct ese_webhook_subscribers *ese_webhook_subscribers_new(void);
void ese_webhook_subscribers_free(struct ese_webhook_subscribers **subscribers); /* with all that are in it */

/* Takes it; NULL for a name that is not there. remove leaves it to the caller. */
void ese_webhook_subscribers_add(struct ese_webhook_subscribers *subscribers,
                                 struct ese_webhook_subscriber *subscriber);
struct ese_webhook_subscriber *ese_webhook_subscribers_find(const struct ese_webhook_subscribers *subscribers,
                                                            const char *name);
void ese_webhook_subscribers_remove(struct ese_webhook_subscribers *subscribers,
                                    struct ese_webhook_subscriber *subscriber);
void ese_webhook_subscriber_free(struct ese_webhook_subscriber *subscriber);

int ese_webhook_subscribers_count(const struct ese_webhook_subscribers *subscribers);
struct ese_webhook_subscriber_list *ese_webhook_subscribers_all(struct ese_webhook_subscribers *subscribers);

/* Notes that the stream has grown; true where that is news to the pusher, who is to be woken. Any thread. */
bool ese_webhook_subscribers_grown(struct ese_webhook_subscribers *subscribers, const char *stream);

/* Takes one note back: those who have subscribed to that stream; NULL: there is none. */
struct ese_webhook_subscriber_list *ese_webhook_subscribers_take_grown(struct ese_webhook_subscribers *subscribers);

#endif
