/*
 * consume.c - the consumer's side: a receiving end of its own, and a subscription for each stream.
 *
 * A push is held until its effect is stored: until acknowledge says so of its last event. So of each stream one push is
 * in hand, and the server, which waits for its answer, has none further under way; what next hands comes from it, in as
 * many calls as it takes. What was pushed and not acknowledged when this ends is pushed again.
 *
 * Without a group nobody is to remember anything, and whoever reads so may be where nothing can be pushed to him:
 * pages are pulled.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/address.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/token.h"
#include "transports/webhook/batch.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/page_json.h"
#include "transports/webhook/puller.h"
#include "transports/webhook/receiver.h"
#include "transports/webhook/registrar.h"
#include "transports/webhook/stream_name.h"
#include "transports/webhook/subscription_name.h"
#include "transports/webhook/webhook.h"

/* A stream, which is a partition. */
struct line {
    struct ese_webhook_registrar *registrar; /* of the two, one is there */
    struct ese_webhook_puller *puller;
    struct ese_webhook_progress progress;
    struct ese_webhook_page page; /* in hand: of a push, until it is acknowledged; or pulled, until it is handed */
    int index;                    /* of its next event to be handed */
    bool in_hand;
};

struct ese_consumer {
    struct ese_consume_listener listener;
    struct ese_http_client *client;
    struct ese_webhook_receiver *receiver;
    struct ese_webhook_batch batch;
    struct line lines[ESE_WEBHOOK_LINES];
    int count;
    bool given;
    bool as_it_comes; /* for a lesson: habits.h */
};

static const struct ese_option options[] = {
    {.name = "server", .kind = ESE_OPTION_TEXT, .value = "URL", .fallback = "http://" ESE_SERVER_ADDRESS,
     .help = "The ese-server that has the streams, and pushes."},
    {.name = "token-file", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "The first line of FILE is the token the server asks for."},
    {.name = "receiver", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT", .fallback = ESE_LOOPBACK ":0",
     .help = "Where pushes are received; port 0 takes a free one. Beyond loopback only with --trusted-network."},
    {.name = "receiver-url", .kind = ESE_OPTION_TEXT, .value = "URL",
     .help = "How the server finds that place, as http://HOST:PORT; without it, as it is."},
    {.name = "push-batch", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "500", .min = 1,
     .max = ESE_WEBHOOK_PAGE_MOST,
     .help = "Events a push may carry, at most half of --max-batch; 1: each is pushed by itself, as Eventor does, "
             "where pushes are not signed."},
    {.name = "push-body-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0,
     .max = INT64_C(1) << 33,
     .help = "The largest push to be taken; 0: what one event can become that ese-server takes by default. Where that "
             "was given more --max-body-bytes, give eight times as many here."},
    {.name = "push-secret", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "Pushes have to be signed with the secret in FILE (Standard Webhooks: whsec_...); the server signs with "
             "the file of the same name below its --secrets."},
    ESE_WEBHOOK_TOPIC_OPTION,
    ESE_OPTION_END,
};

/* ---- pushes that came ------------------------------------------------------------------------ */

/* What was pulled is done with once it is handed: nobody waits for an answer. */
static bool is_pulled_out(const struct line *line)
{
    return line->puller != NULL && line->index >= line->page.count;
}

static void put_in_hand(struct ese_consumer *consumer, int i)
{
    struct line *line = &consumer->lines[i];
    if (line->in_hand && !is_pulled_out(line))
        return;
    line->in_hand = line->puller != NULL ? ese_webhook_puller_take(line->puller, &line->page)
                                         : ese_webhook_receiver_take(consumer->receiver, i, &line->page);
    line->index = 0;
}

static int64_t last_of(const struct ese_webhook_page *page)
{
    return page->events[page->count - 1].position;
}

/* Nothing of it is new: its effect was stored when it came before. */
static void let_go_of_repeat(struct ese_consumer *consumer, int i)
{
    struct line *line = &consumer->lines[i];
    if (!line->in_hand || line->puller != NULL || line->index > 0 || last_of(&line->page) > line->progress.handed ||
        consumer->as_it_comes)
        return;
    line->in_hand = false;
    ese_webhook_receiver_answer(consumer->receiver, i, 200);
}

/* What is in hand and was not handed yet. */
static void fill(struct ese_consumer *consumer)
{
    for (int i = 0; i < consumer->count; i++) {
        struct line *line = &consumer->lines[i];
        put_in_hand(consumer, i);
        let_go_of_repeat(consumer, i);
        if (line->in_hand)
            ese_webhook_batch_add(&consumer->batch, &line->page, &line->index, &line->progress, &consumer->listener);
    }
}

static void acknowledge(struct ese_consumer *consumer, int32_t partition, int64_t next)
{
    for (int i = 0; i < consumer->count; i++) {
        struct line *line = &consumer->lines[i];
        if (line->progress.partition != partition || line->puller != NULL || !line->in_hand ||
            next <= last_of(&line->page))
            continue;
        line->in_hand = false;
        ese_webhook_receiver_answer(consumer->receiver, i, 200);
    }
}

/* ---- one turn -------------------------------------------------------------------------------- */

static void take_places(struct ese_consumer *consumer, int32_t first)
{
    consumer->given = true;
    for (int i = 0; i < consumer->count; i++) {
        struct line *line = &consumer->lines[i];
        int64_t position = ese_webhook_progress_begin(&line->progress, first + i, &consumer->listener);
        if (line->registrar != NULL)
            ese_webhook_registrar_register(line->registrar, position);
    }
}

static int64_t newest_of(const struct line *line, int64_t *asked_ns)
{
    return line->puller != NULL ? ese_webhook_puller_newest(line->puller, asked_ns)
                                : ese_webhook_registrar_newest(line->registrar, asked_ns);
}

/* Asked for the latest, the server knows which that was. */
static void learn_place(struct line *line)
{
    int64_t asked_ns;
    if (line->progress.handed < 0 && !line->in_hand)
        line->progress.handed = line->puller != NULL ? newest_of(line, &asked_ns)
                                                     : ese_webhook_registrar_first(line->registrar);
}

static int turn_lines(struct ese_consumer *consumer, int64_t fresh_ns, int64_t *due_ns, struct ese_error *error)
{
    for (int i = 0; i < consumer->count; i++) {
        struct line *line = &consumer->lines[i];
        learn_place(line);
        int64_t handed = line->progress.handed;
        int64_t due = line->puller != NULL
                          ? ese_webhook_puller_turn(line->puller, handed, fresh_ns, error)
                          : ese_webhook_registrar_turn(line->registrar, handed, !line->in_hand, fresh_ns, error);
        if (due < 0)
            return -1;
        *due_ns = due < *due_ns ? due : *due_ns;
    }
    return 0;
}

/* What is refused comes no nearer, as nothing does from a server that is away. */
static const char *away_of(const struct ese_consumer *consumer, int i)
{
    const struct line *line = &consumer->lines[i];
    if (line->puller != NULL)
        return ese_webhook_puller_away(line->puller);
    const char *refusal = ese_webhook_receiver_refusal(consumer->receiver, i);
    return refusal != NULL ? refusal : ese_webhook_registrar_away(line->registrar);
}

/* At the moment the server was asked of, each stream ended at, or before, what was handed by now. */
static void note_end(struct ese_consumer *consumer, struct ese_batch *batch)
{
    batch->end_ns = INT64_MAX;
    batch->at_end = true;
    for (int i = 0; i < consumer->count; i++) {
        const struct line *line = &consumer->lines[i];
        int64_t asked_ns, newest = newest_of(line, &asked_ns);
        batch->at_end = batch->at_end && newest >= 0 && newest <= line->progress.handed;
        batch->end_ns = asked_ns < batch->end_ns ? asked_ns : batch->end_ns;
        if (batch->away == NULL)
            batch->away = away_of(consumer, i);
    }
    if (!batch->at_end)
        batch->end_ns = 0;
}

static bool has_found(const struct ese_batch *batch)
{
    return batch->count + batch->unreadable > 0;
}

static int until_ms(int64_t until_ns)
{
    int64_t left_ns = until_ns - ese_clock_monotonic_ns();
    return left_ns <= 0 ? 0 : (int)((left_ns + ESE_NS_PER_MS - 1) / ESE_NS_PER_MS);
}

static int next(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch, struct ese_error *error)
{
    int64_t began_ns = ese_clock_monotonic_ns(), deadline_ns = began_ns + timeout_ms * ESE_NS_PER_MS;
    struct ese_batch *filled = &consumer->batch.batch;
    if (!consumer->given)
        take_places(consumer, consumer->lines[0].progress.partition);
    ese_webhook_batch_begin(&consumer->batch);
    for (bool waited = false;; waited = true) {
        int64_t due_ns = deadline_ns;
        fill(consumer);
        if (turn_lines(consumer, began_ns, &due_ns, error) != 0)
            return -1;
        if (has_found(filled) || (waited && ese_clock_monotonic_ns() >= deadline_ns))
            break;
        ese_http_client_poll(consumer->client, until_ms(due_ns), -1);
    }
    if (has_found(filled))
        ese_http_client_poll(consumer->client, 0, -1);
    note_end(consumer, filled);
    *batch = *filled;
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void wake(void *context)
{
    struct ese_consumer *consumer = context;
    ese_http_client_wake(consumer->client);
}

static void say_farewell(struct ese_consumer *consumer)
{
    for (int i = 0; i < consumer->count; i++) {
        struct line *line = &consumer->lines[i];
        if (consumer->given)
            consumer->listener.taken(consumer->listener.context, line->progress.partition);
        if (line->registrar != NULL)
            ese_webhook_registrar_hush(line->registrar);
        if (line->puller != NULL)
            ese_webhook_puller_hush(line->puller);
    }
}

static void close_consumer(struct ese_consumer **consumer)
{
    struct ese_consumer *closed = *consumer;
    if (closed == NULL)
        return;
    *consumer = NULL;
    say_farewell(closed);
    ese_webhook_receiver_close(&closed->receiver);
    ese_http_client_close(&closed->client);
    for (int i = 0; i < closed->count; i++) {
        ese_webhook_registrar_free(&closed->lines[i].registrar);
        ese_webhook_puller_free(&closed->lines[i].puller);
        ese_webhook_page_clear(&closed->lines[i].page);
    }
    ese_webhook_batch_close(&closed->batch);
    free(closed);
}

/* NULL where none is given. */
static int receiver_url(const struct ese_config *config, char **url, struct ese_error *error)
{
    const struct ese_http_given given = {ese_config_text(config, "receiver-url"), "--receiver-url", "http://HOST:PORT"};
    *url = NULL;
    return given.server == NULL ? 0 : ese_http_url(&given, "", url, error);
}

static int open_receiver(struct ese_consumer *consumer, const struct ese_config *config, struct ese_error *error)
{
    struct ese_webhook_secret secret = {.count = 0};
    const char *path = ese_config_text(config, "push-secret");
    char *url;
    if ((path != NULL && ese_webhook_secret_read(path, &secret, error) != 0) || receiver_url(config, &url, error) != 0)
        return -1;
    struct ese_webhook_receiver_options receiver = {
        .listen = ese_config_text(config, "receiver"),
        .url = url,
        .max_body_bytes = ese_config_number(config, "push-body-bytes"),
        .trusted_network = ese_config_has(config, "trusted-network") && ese_config_flag(config, "trusted-network"),
        .count = consumer->count,
        .secret = &secret,
        .wake = wake,
        .context = consumer,
    };
    for (int i = 0; i < consumer->count; i++)
        receiver.streams[i] = ese_webhook_stream_of(consumer->lines[i].progress.partition);
    int result = ese_webhook_receiver_open(&receiver, &consumer->receiver, error);
    ese_webhook_secret_wipe(&secret);
    free(url);
    return result;
}

/* A half of what a batch may hold, as there may be two streams; one at least. Where two may be pushed at once, one is
 * pushed as a page, too, and only a page's positions are signed. */
static int push_batch(const struct ese_config *config, const struct ese_consume_settings *settings)
{
    int wanted = (int)ese_config_number(config, "push-batch"), half = settings->max_batch / 2;
    int least = ese_config_text(config, "push-secret") != NULL ? 2 : 1, most = wanted < half ? wanted : half;
    return most > least ? most : least;
}

/* What the server calls it: the last part of the path. */
static const char *secret_name(const struct ese_config *config)
{
    const char *path = ese_config_text(config, "push-secret");
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

static void open_registrar(struct ese_consumer *consumer, int i, const struct ese_config *config,
                           const struct ese_consume_settings *settings, const char *server)
{
    char name[ESE_WEBHOOK_SUBSCRIPTION_SIZE];
    const char *stream = ese_webhook_stream_of(consumer->lines[i].progress.partition);
    ese_webhook_subscription_name(settings->group, stream, name);
    const struct ese_webhook_registrar_options registrar = {
        .client = consumer->client,
        .server = server,
        .name = name,
        .stream = stream,
        .url = ese_webhook_receiver_url(consumer->receiver, i),
        .batch = push_batch(config, settings),
        .secret = secret_name(config),
        .believes = consumer->as_it_comes,
    };
    consumer->lines[i].registrar = ese_webhook_registrar_new(&registrar);
}

static int open_lines(struct ese_consumer *consumer, const struct ese_config *config,
                      const struct ese_consume_settings *settings, const char *server, struct ese_error *error)
{
    if (settings->group != NULL && open_receiver(consumer, config, error) != 0)
        return -1;
    for (int i = 0; i < consumer->count; i++) {
        const char *stream = ese_webhook_stream_of(consumer->lines[i].progress.partition);
        if (settings->group != NULL)
            open_registrar(consumer, i, config, settings, server);
        else
            consumer->lines[i].puller =
                ese_webhook_puller_new(consumer->client, server, stream, push_batch(config, settings));
    }
    return 0;
}

static int open_parts(struct ese_consumer *consumer, const struct ese_config *config,
                      const struct ese_consume_settings *settings, struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];
    char *server;
    const struct ese_http_given given = {ese_config_text(config, "server"), "--server",
                                         "a URL as http://" ESE_SERVER_ADDRESS};
    if (ese_token_read(ese_config_text(config, "token-file"), token, error) != 0 ||
        ese_http_client_open(ESE_WEBHOOK_LINES, token[0] != '\0' ? token : NULL, &consumer->client, error) != 0 ||
        ese_http_url(&given, "", &server, error) != 0)
        return -1;
    int result = open_lines(consumer, config, settings, server, error);
    free(server);
    return result;
}

static int open_consumer(const struct ese_config *config, const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    int32_t first;
    struct ese_consumer *opened = *consumer;
    opened->listener = settings->listener;
    ese_webhook_stream_range(ese_config_text(config, ESE_TOPIC_OPTION), &first, &opened->count);
    for (int i = 0; i < opened->count; i++) {
        opened->lines[i].progress.partition = first + i;
        opened->lines[i].progress.as_it_comes = opened->as_it_comes;
    }
    ese_webhook_batch_open(&opened->batch, settings->max_batch);
    if (open_parts(opened, config, settings, error) == 0)
        return 0;
    close_consumer(consumer);
    return -1;
}

static int open_careful(const struct ese_config *config, const struct ese_consume_settings *settings,
                        struct ese_consumer **consumer, struct ese_error *error)
{
    *consumer = ese_alloc(sizeof **consumer);
    return open_consumer(config, settings, consumer, error);
}

static int open_as_it_comes(const struct ese_config *config, const struct ese_consume_settings *settings,
                            struct ese_consumer **consumer, struct ese_error *error)
{
    *consumer = ese_alloc(sizeof **consumer);
    (*consumer)->as_it_comes = true;
    return open_consumer(config, settings, consumer, error);
}

static void partition_name(int32_t partition, char *text, size_t size)
{
    const char *stream = ese_webhook_stream_of(partition);
    if (stream != NULL)
        snprintf(text, size, "%s", stream);
    else
        snprintf(text, size, "partition %" PRId32, partition);
}

const struct ese_consume_face ese_webhook_consume = {
    .options = options,
    .open = open_careful,
    .next = next,
    .acknowledge = acknowledge,
    .close = close_consumer,
    .partition_name = partition_name,
};

const struct ese_consume_face ese_webhook_consume_as_it_comes = {
    .options = options,
    .open = open_as_it_comes,
    .next = next,
    .acknowledge = acknowledge,
    .close = close_consumer,
    .partition_name = partition_name,
};
