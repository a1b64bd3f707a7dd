/*
 * produce.c - the client's side: each event is posted to the stream of its type, by the poster that every HTTP
 * transport shares; the answer says at which position it stands.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/address.h"
#include "ese-core/event_json.h"
#include "ese-core/event_poster.h"
#include "ese-core/http_client.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/token.h"
#include "transports/webhook/stream_name.h"
#include "transports/webhook/webhook.h"

struct ese_producer {
    struct ese_event_poster *poster;
};

static const struct ese_option options[] = {
    {.name = "server", .kind = ESE_OPTION_TEXT, .value = "URL", .fallback = "http://" ESE_SERVER_ADDRESS,
     .help = "The ese-server that keeps the streams."},
    {.name = "connections", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "64", .min = 1, .max = 1000,
     .help = "Connections to the server at most, each with one request under way."},
    {.name = "token-file", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "The first line of FILE is the token the server asks for."},
    ESE_WEBHOOK_TOPIC_OPTION,
    ESE_OPTION_END,
};

/* ---- where an event goes, and what is said of it --------------------------------------------- */

/* As a header's value, which has to be there: what a replayed file calls an event may be anything. The body says it as
 * it is. */
static void write_type(const char *type, char text[ESE_EVENT_TYPE_SIZE])
{
    ese_fit_text(text, ESE_EVENT_TYPE_SIZE, type);
    for (char *c = text; *c != '\0'; c++) {
        if (!isprint((unsigned char)*c))
            *c = '?';
    }
    if (text[strspn(text, " ")] == '\0')
        ese_fit_text(text, ESE_EVENT_TYPE_SIZE, "?");
}

static void address(const char *topic, const struct ese_event *event, struct ese_post_address *to)
{
    char id[ESE_ID_TEXT_SIZE], type[ESE_EVENT_TYPE_SIZE];
    ese_id_text(&event->id, id);
    write_type(event->type, type);
    to->number = ese_webhook_stream_for(topic, event->type);
    snprintf(to->path, sizeof to->path, "/streams/%s", ese_webhook_stream_of(to->number));
    snprintf(to->headers, sizeof to->headers, "X-Event-Type: %s\nIdempotency-Key: %s", type, id);
}

static void address_event(const struct ese_event *event, struct ese_post_address *to)
{
    address("events", event, to);
}

static void address_mail_request(const struct ese_event *event, struct ese_post_address *to)
{
    address(ESE_TOPIC_MAIL_REQUESTS, event, to);
}

static void address_dead_letter(const struct ese_event *event, struct ese_post_address *to)
{
    address(ESE_TOPIC_DEAD_LETTERS, event, to);
}

static const struct {
    const char *topic;
    ese_post_addressing *address;
} addressings[] = {
    {"events", address_event},
    {ESE_TOPIC_MAIL_REQUESTS, address_mail_request},
    {ESE_TOPIC_DEAD_LETTERS, address_dead_letter},
};

static ese_post_addressing *addressing_of(const char *topic)
{
    size_t i = 0;
    while (strcmp(addressings[i].topic, topic) != 0)
        i++; /* the option has no other value */
    return addressings[i].address;
}

static void read_place(const struct ese_http_answer *answer, int number, int32_t *partition, int64_t *offset)
{
    const char *position = ese_http_answer_header(answer, "X-Event-Position");
    if (position != NULL && ese_number_parse(position, "X-Event-Position", 1, INT64_MAX, offset, NULL) == 0)
        *partition = number;
}

/* ---- the face -------------------------------------------------------------------------------- */

static void close_producer(struct ese_producer **producer)
{
    if (*producer == NULL)
        return;
    ese_event_poster_close(&(*producer)->poster);
    free(*producer);
    *producer = NULL;
}

static int open_producer(const struct ese_config *config, const struct ese_produce_settings *settings,
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
        .address = addressing_of(ese_config_text(config, ESE_TOPIC_OPTION)),
        .place = read_place,
        .write = ese_event_json_write_line,
    };
    *producer = ese_alloc(sizeof **producer);
    if (ese_event_poster_open(&poster, &(*producer)->poster, error) == 0)
        return 0;
    close_producer(producer);
    return -1;
}

static int send_event(struct ese_producer *producer, const struct ese_event *event, struct ese_error *error)
{
    return ese_event_poster_send(producer->poster, event, error);
}

static int poll_producer(struct ese_producer *producer, int timeout_ms, struct ese_acknowledgement *acknowledgements,
                         int max)
{
    return ese_event_poster_poll(producer->poster, timeout_ms, acknowledgements, max);
}

static int pending(const struct ese_producer *producer)
{
    return ese_event_poster_pending(producer->poster);
}

const struct ese_produce_face ese_webhook_produce = {
    .options = options,
    .open = open_producer,
    .send = send_event,
    .poll = poll_producer,
    .pending = pending,
    .close = close_producer,
};
