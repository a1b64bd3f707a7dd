/*
 * produce.c - the client's side: events go to POST /event, one request a lane, by the poster that
 * every HTTP transport shares.
 */
#include <stdlib.h>

#include "ese-core/address.h"
#include "ese-core/event_poster.h"
#include "ese-core/memory.h"
#include "ese-core/token.h"
#include "transports/http/http.h"

struct ese_producer {
    struct ese_event_poster *poster;
};

static const struct ese_option options[] = {
    {.name = "server",
     .kind = ESE_OPTION_TEXT,
     .value = "URL",
     .fallback = "http://" ESE_SERVER_ADDRESS,
     .help = "The ese-server that stores the events."},
    {.name = "connections",
     .kind = ESE_OPTION_NUMBER,
     .value = "N",
     .fallback = "64",
     .min = 1,
     .max = 1000,
     .help = "Connections to the server at most, each with one request under way."},
    {.name = "token-file",
     .kind = ESE_OPTION_TEXT,
     .value = "FILE",
     .help = "The first line of FILE is the token the server asks for."},
    ESE_OPTION_END,
};

static void close_producer(struct ese_producer **producer)
{
    if (*producer == NULL)
        return;
    ese_event_poster_close(&(*producer)->poster);
    free(*producer);
    *producer = NULL;
}

static int open_producer(const struct ese_config *config,
                         const struct ese_produce_settings *settings,
                         struct ese_producer **producer, struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];

    *producer = NULL;
    if (ese_token_read(ese_config_text(config, "token-file"), token, error) != 0)
        return -1;
    const struct ese_event_poster_options poster = {
        .server = ese_config_text(config, "server"),
        .token = token[0] != '\0' ? token : NULL,
        .inflight = settings->inflight,
        .connections = (int)ese_config_number(config, "connections"),
        .retry_deadline_ms = settings->retry_deadline_ms,
    };
    *producer = ese_alloc(sizeof(**producer));
    if (ese_event_poster_open(&poster, &(*producer)->poster, error) != 0) {
        close_producer(producer);
        return -1;
    }
    return 0;
}

static int send_event(struct ese_producer *producer, const struct ese_event *event,
                      struct ese_error *error)
{
    return ese_event_poster_send(producer->poster, event, error);
}

static int poll_producer(struct ese_producer *producer, int timeout_ms,
                         struct ese_acknowledgement *acknowledgements, int max)
{
    return ese_event_poster_poll(producer->poster, timeout_ms, acknowledgements, max);
}

static int pending(const struct ese_producer *producer)
{
    return ese_event_poster_pending(producer->poster);
}

const struct ese_produce_face ese_http_produce = {
    .options = options,
    .open = open_producer,
    .send = send_event,
    .poll = poll_producer,
    .pending = pending,
    .close = close_producer,
};
