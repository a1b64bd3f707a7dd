/*
 * produce.c - the client's side, by one of two ways: posted to an ese-server that produces, or
 * produced here.
 */
#include "ese-core/address.h"
#include "ese-core/event_poster.h"
#include "ese-core/memory.h"
#include "ese-core/token.h"
#include "transports/kafka/connection.h"
#include "transports/kafka/direct.h"
#include "transports/kafka/kafka.h"
#include "transports/kafka/partition.h"

/* One of the two is there. */
struct ese_producer {
    struct ese_event_poster *poster;
    struct ese_direct *direct;
};

static const struct ese_option options[] = {
    {.name = "via", .kind = ESE_OPTION_CHOICE, .choices = "server|direct", .fallback = "server",
     .help = "Whether events are posted to an ese-server, or produced to the brokers by the client "
             "itself."},
    {.name = "server", .kind = ESE_OPTION_TEXT, .value = "URL",
     .fallback = "http://" ESE_SERVER_ADDRESS, .help = "The ese-server of via=server."},
    {.name = "connections", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "64", .min = 1,
     .max = 1000, .help = "Connections to that server at most, each with one request under way."},
    {.name = "token-file", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "The first line of FILE is the token that server asks for."},
    ESE_CONNECTION_OPTIONS,
    ESE_PARTITION_TOPIC_OPTION,
    ESE_OPTION_END,
};

static void close_producer(struct ese_producer **producer)
{
    if (*producer == NULL)
        return;
    ese_event_poster_close(&(*producer)->poster);
    ese_direct_close(&(*producer)->direct);
    free(*producer);
    *producer = NULL;
}

static int open_poster(const struct ese_config *config, const struct ese_produce_settings *settings,
                       struct ese_event_poster **poster, struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];
    if (ese_token_read(ese_config_text(config, "token-file"), token, error) == -1)
        return -1;
    const struct ese_event_poster_options wanted = {
        .server = ese_config_text(config, "server"),
        .token = token[0] != '\0' ? token : NULL,
        .inflight = settings->inflight,
        .connections = (int)ese_config_number(config, "connections"),
        .retry_deadline_ms = settings->retry_deadline_ms,
    };
    return ese_event_poster_open(&wanted, poster, error);
}

/* A server takes events, and puts them where events are. */
static bool is_direct(const struct ese_config *config)
{
    return strcmp(ese_config_text(config, "via"), "direct") == 0 ||
           ese_partition_range(ese_config_text(config, ESE_TOPIC_OPTION)).first !=
               ese_partition_events.first;
}

static int open_producer(const struct ese_config *config,
                         const struct ese_produce_settings *settings,
                         struct ese_producer **producer, struct ese_error *error)
{
    struct ese_producer *made = *producer = ese_alloc(sizeof *made);
    int result = is_direct(config) ? ese_direct_open(config, settings, &made->direct, error)
                                   : open_poster(config, settings, &made->poster, error);
    if (result == -1)
        close_producer(producer);
    return result;
}

static int send_event(struct ese_producer *producer, const struct ese_event *event,
                      struct ese_error *error)
{
    return producer->direct != NULL ? ese_direct_send(producer->direct, event, error)
                                    : ese_event_poster_send(producer->poster, event, error);
}

static int poll_outcomes(struct ese_producer *producer, int timeout_ms,
                         struct ese_acknowledgement *acknowledgements, int max)
{
    return producer->direct != NULL
               ? ese_direct_poll(producer->direct, timeout_ms, acknowledgements, max)
               : ese_event_poster_poll(producer->poster, timeout_ms, acknowledgements, max);
}

static int pending(const struct ese_producer *producer)
{
    return producer->direct != NULL ? ese_direct_pending(producer->direct)
                                    : ese_event_poster_pending(producer->poster);
}

const struct ese_produce_face ese_kafka_produce = {
    .options = options,
    .open = open_producer,
    .send = send_event,
    .poll = poll_outcomes,
    .pending = pending,
    .close = close_producer,
};
