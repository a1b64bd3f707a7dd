#include "transports/webhook/pusher_internal.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/created.h"

#define REST_NS ESE_NS_PER_S /* the loop looks around at least so often: figures */

/* ---- opening --------------------------------------------------------------------------------- */

int ese_webhook_pusher_read_secret(const struct ese_webhook_pusher *pusher, const struct ese_webhook_wish *wish,
                                   struct ese_webhook_secret *secret, struct ese_error *error)
{
    ese_webhook_secret_wipe(secret);
    if (wish->signed_by[0] == '\0')
        return 0;
    if (pusher->secrets == NULL)
        return ese_fail(error, ESE_E_INVALID, "signed: this server has no directory of secrets");
    return ese_webhook_secret_read_named(pusher->secrets, wish->signed_by, secret, error);
}

void ese_webhook_pusher_prepare(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber)
{
    const struct ese_webhook_wish *wish = &subscriber->subscription.wish;
    struct ese_error error = {0};

    free(subscriber->problem);
    subscriber->problem = NULL;
    subscriber->stage = 0;
    subscriber->record = ESE_WEBHOOK_NEW;
    ese_webhook_headers_clear(&subscriber->headers);
    if (ese_webhook_stream_check(wish->stream, &error) != 0 ||
        ese_webhook_targets_check_url(pusher->targets, wish->url, &error) != 0 ||
        ese_webhook_headers_parse(wish->headers, &subscriber->headers, &error) != 0 ||
        ese_webhook_pusher_read_secret(pusher, wish, &subscriber->secret, &error) != 0)
        subscriber->problem = ese_copy_text(error.text);
}

struct ese_webhook_subscriber *ese_webhook_pusher_add(struct ese_webhook_pusher *pusher,
                                                      struct ese_webhook_subscription *subscription)
{
    struct ese_webhook_subscriber *subscriber = ese_alloc(sizeof(*subscriber));
    const char *name = subscriber->subscription.wish.name;

    subscriber->subscription = *subscription;
    *subscription = (struct ese_webhook_subscription){0};
    subscriber->pusher = pusher;
    subscriber->dead_letters = ese_webhook_subscription_table_count_dead(pusher->table, name);
    ese_webhook_subscription_figures_make(&pusher->names, pusher->options.metrics, name, &subscriber->figures);
    ese_webhook_pusher_prepare(pusher, subscriber);
    ese_webhook_subscribers_add(pusher->subscribers, subscriber);
    ese_webhook_pusher_follow(pusher, subscriber);
    ese_webhook_pusher_queue(pusher, subscriber);
    return subscriber;
}

/* Of what another program has written not all need be one of ours. */
static void take_stored(void *context, struct ese_webhook_subscription *subscription)
{
    struct ese_webhook_pusher *pusher = context;
    struct ese_error error = {0};

    if (ese_webhook_subscribers_count(pusher->subscribers) == ESE_WEBHOOK_MOST_SUBSCRIPTIONS)
        ese_fail(&error, ESE_E_FULL, "there are %d already", ESE_WEBHOOK_MOST_SUBSCRIPTIONS);
    else
        ese_webhook_subscription_check(subscription->wish.name, &error);
    if (error.code == ESE_OK) {
        ese_webhook_pusher_add(pusher, subscription)->is_loaded = true;
        return;
    }
    ese_log_warning("a stored subscription is passed over: %s", error.text);
    ese_webhook_subscription_clear(subscription);
}

static bool may_connect(void *context, const struct sockaddr *address)
{
    return ese_webhook_targets_may(context, address);
}

static int check_secrets(const char *directory, struct ese_error *error)
{
    struct stat found;

    if (directory == NULL || (stat(directory, &found) == 0 && S_ISDIR(found.st_mode)))
        return 0;
    return ese_fail(error, ESE_E_INVALID, "secrets: '%s' is no directory", directory);
}

static int open_parts(struct ese_webhook_pusher *pusher, struct ese_error *error)
{
    struct ese_webhook_streams *streams = pusher->options.streams;

    if (check_secrets(pusher->secrets, error) != 0 ||
        ese_webhook_targets_parse(pusher->options.allow_targets, &pusher->targets, error) != 0 ||
        ese_webhook_subscription_table_open(ese_webhook_streams_directory(streams),
                                            ese_webhook_streams_durability(streams), &pusher->table, error) != 0 ||
        ese_http_client_open(pusher->options.connections, NULL, &pusher->client, error) != 0)
        return -1;
    ese_http_client_guard(pusher->client, may_connect, pusher->targets);
    pusher->reader = ese_webhook_reader_new(streams);
    return ese_webhook_subscription_table_load(pusher->table, take_stored, pusher, error);
}

int ese_webhook_pusher_open(const struct ese_webhook_pusher_options *options, struct ese_webhook_pusher **result,
                            struct ese_error *error)
{
    struct ese_webhook_pusher *pusher = ese_alloc(sizeof(*pusher));

    pusher->options = *options;
    pusher->habits = options->habits != NULL ? *options->habits : (struct ese_webhook_habits){.has_read = NULL};
    pusher->secrets = ese_copy_text(options->secrets);
    pusher->subscribers = ese_webhook_subscribers_new();
    for (int i = 0; i < ESE_WEBHOOK_STANDINGS; i++)
        TAILQ_INIT(&pusher->queues[i]);
    TAILQ_INIT(&pusher->dirty);
    TAILQ_INIT(&pusher->removed);
    pusher->last_asked = &pusher->asked;
    pthread_mutex_init(&pusher->mutex, NULL);
    if (open_parts(pusher, error) != 0) {
        ese_webhook_pusher_close(&pusher);
        return -1;
    }
    *result = pusher;
    return 0;
}

/* ---- what was asked -------------------------------------------------------------------------- */

bool ese_webhook_pusher_ask(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    pthread_mutex_lock(&pusher->mutex);
    bool is_taken = !pusher->stopping;
    if (is_taken) {
        *pusher->last_asked = ask;
        pusher->last_asked = &ask->next;
    }
    pthread_mutex_unlock(&pusher->mutex);
    if (is_taken)
        ese_http_client_wake(pusher->client);
    return is_taken;
}

/* All that there is at the moment, as a list. */
static struct ese_webhook_ask *take_asked(struct ese_webhook_pusher *pusher)
{
    pthread_mutex_lock(&pusher->mutex);
    struct ese_webhook_ask *first = pusher->asked;
    pusher->asked = NULL;
    pusher->last_asked = &pusher->asked;
    pthread_mutex_unlock(&pusher->mutex);
    return first;
}

static void do_asked(struct ese_webhook_pusher *pusher)
{
    struct ese_webhook_ask *ask = take_asked(pusher);

    while (ask != NULL) {
        struct ese_webhook_ask *next = ask->next;
        ese_webhook_pusher_do(pusher, ask);
        ask = next;
    }
}

void ese_webhook_pusher_grown(struct ese_webhook_pusher *pusher, const char *stream)
{
    if (ese_webhook_subscribers_grown(pusher->subscribers, stream))
        ese_http_client_wake(pusher->client);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* ESE_WEBHOOK_NEVER, or, when it is to stop, until when it may wait for answers. */
static int64_t leave_until(struct ese_webhook_pusher *pusher)
{
    pthread_mutex_lock(&pusher->mutex);
    int64_t until_ns = pusher->stopping ? pusher->deadline_ns : ESE_WEBHOOK_NEVER;
    pthread_mutex_unlock(&pusher->mutex);
    return until_ns;
}

static void wait_for_more(struct ese_webhook_pusher *pusher, int64_t now_ns, int64_t until_ns)
{
    if (until_ns > pusher->next_due_ns)
        until_ns = pusher->next_due_ns;
    if (until_ns > now_ns + REST_NS)
        until_ns = now_ns + REST_NS;
    int64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    ese_http_client_poll(pusher->client, (int)((wait_ns + ESE_NS_PER_MS - 1) / ESE_NS_PER_MS), -1);
}

/* Answers what is under way may bring, until that time; then nobody is waited for. */
static void leave(struct ese_webhook_pusher *pusher, int64_t until_ns)
{
    int64_t now_ns;

    pusher->is_leaving = true;
    pusher->next_due_ns = ESE_WEBHOOK_NEVER;
    do_asked(pusher);
    while (pusher->under_way > 0 && (now_ns = ese_clock_monotonic_ns()) < until_ns)
        wait_for_more(pusher, now_ns, until_ns);
    pusher->is_closing = true;
    ese_webhook_pusher_keep(pusher, ese_clock_monotonic_ns(), true);
}

static void *run(void *context)
{
    struct ese_webhook_pusher *pusher = context;
    int64_t until_ns;

    while ((until_ns = leave_until(pusher)) == ESE_WEBHOOK_NEVER) {
        int64_t now_ns = ese_clock_monotonic_ns();
        do_asked(pusher);
        ese_webhook_pusher_queue_grown(pusher);
        ese_webhook_pusher_queue_due(pusher, now_ns);
        ese_webhook_pusher_send(pusher);
        int64_t keep_ns = ese_webhook_pusher_keep(pusher, now_ns, false);
        ese_webhook_pusher_show(pusher, now_ns);
        wait_for_more(pusher, ese_clock_monotonic_ns(), keep_ns);
    }
    leave(pusher, until_ns);
    return NULL;
}

int ese_webhook_pusher_start(struct ese_webhook_pusher *pusher, struct ese_error *error)
{
    if (pthread_create(&pusher->thread, NULL, run, pusher) != 0)
        return ese_fail(error, ESE_E_IO, "no thread can be made for what is pushed to subscribers");
    pusher->started = true;
    return 0;
}

/* ---- closing --------------------------------------------------------------------------------- */

void ese_webhook_pusher_stop(struct ese_webhook_pusher *pusher, int timeout_ms)
{
    pthread_mutex_lock(&pusher->mutex);
    pusher->stopping = true;
    pusher->deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    pthread_mutex_unlock(&pusher->mutex);
    if (!pusher->started)
        return;
    ese_http_client_wake(pusher->client);
    pthread_join(pusher->thread, NULL);
    pusher->started = false;
}

void ese_webhook_pusher_close(struct ese_webhook_pusher **handle)
{
    struct ese_webhook_pusher *pusher = *handle;

    if (pusher == NULL)
        return;
    *handle = NULL;
    ese_webhook_pusher_stop(pusher, 0);
    pusher->is_leaving = pusher->is_closing = true;
    ese_http_client_close(&pusher->client); /* its calls end here, and are no answers */
    for (struct ese_webhook_ask *ask = take_asked(pusher), *next; ask != NULL; ask = next) {
        next = ask->next;
        ese_webhook_pusher_refuse(ask);
    }
    ese_webhook_subscribers_free(&pusher->subscribers);
    ese_webhook_reader_free(&pusher->reader);
    ese_webhook_subscription_table_close(&pusher->table);
    ese_webhook_targets_free(&pusher->targets);
    ese_webhook_message_clear(&pusher->message);
    ese_webhook_figures_names_clear(&pusher->names);
    pthread_mutex_destroy(&pusher->mutex);
    free(pusher->secrets);
    free(pusher);
}
