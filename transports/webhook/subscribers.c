#include "transports/webhook/subscribers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/hash.h"
#include "ese-core/memory.h"

#define BUCKETS 4096

struct ese_webhook_group {
    char stream[ESE_WEBHOOK_STREAM_SIZE];
    struct ese_webhook_group *next;       /* with that hash */
    struct ese_webhook_group *next_grown; /* among those */
    bool has_grown;
    struct ese_webhook_subscriber_list members; /* the pusher's alone */
};

struct ese_webhook_subscribers {
    struct ese_webhook_subscriber *names[BUCKETS];
    struct ese_webhook_subscriber_list all;
    int count;
    pthread_mutex_t mutex; /* guards what follows */
    struct ese_webhook_group *groups[BUCKETS];
    struct ese_webhook_group *grown;
};

static size_t bucket_of(const char *text)
{
    return ese_hash32(text) % BUCKETS;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct ese_webhook_subscribers *ese_webhook_subscribers_new(void)
{
    struct ese_webhook_subscribers *subscribers = ese_alloc(sizeof(*subscribers));

    TAILQ_INIT(&subscribers->all);
    pthread_mutex_init(&subscribers->mutex, NULL);
    return subscribers;
}

void ese_webhook_subscriber_free(struct ese_webhook_subscriber *subscriber)
{
    ese_webhook_subscription_clear(&subscriber->subscription);
    ese_webhook_headers_clear(&subscriber->headers);
    ese_webhook_secret_wipe(&subscriber->secret);
    ese_webhook_page_clear(&subscriber->page);
    free(subscriber->problem);
    free(subscriber->unreadable);
    free(subscriber);
}

void ese_webhook_subscribers_free(struct ese_webhook_subscribers **handle)
{
    struct ese_webhook_subscribers *subscribers = *handle;

    if (subscribers == NULL)
        return;
    *handle = NULL;
    while (!TAILQ_EMPTY(&subscribers->all)) {
        struct ese_webhook_subscriber *first = TAILQ_FIRST(&subscribers->all);
        ese_webhook_subscribers_remove(subscribers, first);
        ese_webhook_subscriber_free(first);
    }
    pthread_mutex_destroy(&subscribers->mutex);
    free(subscribers);
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* With the mutex held. */
static struct ese_webhook_group *find_group(struct ese_webhook_subscribers *subscribers, const char *stream)
{
    struct ese_webhook_group *group = subscribers->groups[bucket_of(stream)];

    while (group != NULL && strcmp(group->stream, stream) != 0)
        group = group->next;
    return group;
}

static struct ese_webhook_group *make_group(struct ese_webhook_subscribers *subscribers, const char *stream)
{
    struct ese_webhook_group **bucket = &subscribers->groups[bucket_of(stream)];
    struct ese_webhook_group *group = ese_alloc(sizeof(*group));

    ese_fit_text(group->stream, sizeof(group->stream), stream);
    TAILQ_INIT(&group->members);
    group->next = *bucket;
    *bucket = group;
    return group;
}

static void join_group(struct ese_webhook_subscribers *subscribers, struct ese_webhook_subscriber *subscriber)
{
    const char *stream = subscriber->subscription.wish.stream;

    pthread_mutex_lock(&subscribers->mutex);
    struct ese_webhook_group *group = find_group(subscribers, stream);
    if (group == NULL)
        group = make_group(subscribers, stream);
    pthread_mutex_unlock(&subscribers->mutex);
    subscriber->group = group;
    TAILQ_INSERT_TAIL(&group->members, subscriber, in_group);
}

/* With the mutex held. */
static void unlink_group(struct ese_webhook_subscribers *subscribers, struct ese_webhook_group *group)
{
    struct ese_webhook_group **place = &subscribers->groups[bucket_of(group->stream)];

    while (*place != group)
        place = &(*place)->next;
    *place = group->next;
    for (place = &subscribers->grown; *place != NULL; place = &(*place)->next_grown) {
        if (*place == group) {
            *place = group->next_grown;
            break;
        }
    }
}

static void leave_group(struct ese_webhook_subscribers *subscribers, struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_group *group = subscriber->group;

    TAILQ_REMOVE(&group->members, subscriber, in_group);
    subscriber->group = NULL;
    if (!TAILQ_EMPTY(&group->members))
        return;
    pthread_mutex_lock(&subscribers->mutex);
    unlink_group(subscribers, group);
    pthread_mutex_unlock(&subscribers->mutex);
    free(group);
}

/* ---- all ------------------------------------------------------------------------------------- */

void ese_webhook_subscribers_add(struct ese_webhook_subscribers *subscribers,
                                 struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_subscriber **bucket = &subscribers->names[bucket_of(subscriber->subscription.wish.name)];

    subscriber->next_of_name = *bucket;
    *bucket = subscriber;
    TAILQ_INSERT_TAIL(&subscribers->all, subscriber, in_all);
    subscribers->count++;
    join_group(subscribers, subscriber);
}

struct ese_webhook_subscriber *ese_webhook_subscribers_find(const struct ese_webhook_subscribers *subscribers,
                                                            const char *name)
{
    struct ese_webhook_subscriber *subscriber = subscribers->names[bucket_of(name)];

    while (subscriber != NULL && strcmp(subscriber->subscription.wish.name, name) != 0)
        subscriber = subscriber->next_of_name;
    return subscriber;
}

void ese_webhook_subscribers_remove(struct ese_webhook_subscribers *subscribers,
                                    struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_subscriber **place = &subscribers->names[bucket_of(subscriber->subscription.wish.name)];

    while (*place != subscriber)
        place = &(*place)->next_of_name;
    *place = subscriber->next_of_name;
    TAILQ_REMOVE(&subscribers->all, subscriber, in_all);
    subscribers->count--;
    leave_group(subscribers, subscriber);
}

int ese_webhook_subscribers_count(const struct ese_webhook_subscribers *subscribers)
{
    return subscribers->count;
}

struct ese_webhook_subscriber_list *ese_webhook_subscribers_all(struct ese_webhook_subscribers *subscribers)
{
    return &subscribers->all;
}

/* ---- growth ---------------------------------------------------------------------------------- */

bool ese_webhook_subscribers_grown(struct ese_webhook_subscribers *subscribers, const char *stream)
{
    pthread_mutex_lock(&subscribers->mutex);
    struct ese_webhook_group *group = find_group(subscribers, stream);
    bool is_news = group != NULL && !group->has_grown;
    if (is_news) {
        group->has_grown = true;
        group->next_grown = subscribers->grown;
        subscribers->grown = group;
    }
    pthread_mutex_unlock(&subscribers->mutex);
    return is_news;
}

struct ese_webhook_subscriber_list *ese_webhook_subscribers_take_grown(struct ese_webhook_subscribers *subscribers)
{
    pthread_mutex_lock(&subscribers->mutex);
    struct ese_webhook_group *group = subscribers->grown;
    if (group != NULL) {
        group->has_grown = false;
        subscribers->grown = group->next_grown;
    }
    pthread_mutex_unlock(&subscribers->mutex);
    return group != NULL ? &group->members : NULL;
}
