#include "transports/webhook/registrar.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/inquiry.h"

#define BUSY_ASK_MS 100 /* how often it is asked while pushes come, */
#define IDLE_ASK_MS 500 /* and while none do */
#define WAKE_MS 500     /* between two registrations that are to wake it: where pushes fail at once, it soon sleeps */
#define URL_LIMIT 4096

/* Of the lab's own consumer: soon again, and never given up. */
#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS 4000

struct ese_webhook_registrar {
    struct ese_webhook_inquiry inquiry;
    char *name, *stream, *url, *subscription_url, *secret;
    int batch;
    bool believes;
    bool wants_registering;
    bool takes_over;     /* it registers in whoever's place; or else in its own, or nobody's, */
    bool was_refused;    /* and that was refused: whose place it is, the next answer tells */
    bool is_registering; /* that is what is under way */
    int64_t registered_ns; /* when it last was */
    int64_t position;    /* to register from */
    int64_t handed;      /* as the last turn was told, */
    int64_t asked_at;    /* and as it was when it was asked after */
    bool is_idle;
    int64_t newest;      /* -1: not known */
    int64_t newest_ns;
    char unreadable[200]; /* why the server does not know it either; "": it does */
    int64_t first;
    struct ese_error fatal;
};

static void fail_for_good(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    ese_fail(&registrar->fatal, ESE_E_INVALID, "%s answered %d: %.200s", registrar->subscription_url, answer->status,
             answer->body);
}

/* ---- registering ----------------------------------------------------------------------------- */

static void take_registered(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    registrar->was_refused = answer->status == 400 && !registrar->takes_over;
    if (answer->status >= 300 && !registrar->was_refused)
        fail_for_good(registrar, answer);
    registrar->wants_registering = false;
    registrar->registered_ns = ese_clock_monotonic_ns();
    registrar->newest = -1;
}

static void write_registration(const struct ese_webhook_registrar *registrar, struct ese_buffer *body)
{
    ese_buffer_text(body, "{\"stream\":");
    ese_json_write_string(body, registrar->stream);
    ese_buffer_text(body, ",\"url\":");
    ese_json_write_string(body, registrar->url);
    ese_buffer_printf(body, ",\"position\":%lld,\"batch\":%d,\"retry\":{\"tries\":0,\"first_ms\":%d,\"most_ms\":%d}",
                      (long long)registrar->position, registrar->batch, RETRY_FIRST_MS, RETRY_MOST_MS);
    if (registrar->secret != NULL) {
        ese_buffer_text(body, ",\"signed\":");
        ese_json_write_string(body, registrar->secret);
    }
    ese_buffer_text(body, "}");
}

static void send_registration(struct ese_webhook_registrar *registrar)
{
    struct ese_buffer body = ESE_BUFFER_INIT(URL_LIMIT);
    write_registration(registrar, &body);
    registrar->is_registering = true;
    ese_webhook_inquiry_ask(&registrar->inquiry, registrar->takes_over ? "PUT" : "POST", registrar->subscription_url,
                            body.text);
    ese_buffer_free(&body);
}

/* Whoever has taken its place since it last asked, while it stood still itself, say, keeps it. */
static void register_again(struct ese_webhook_registrar *registrar)
{
    ese_webhook_registrar_register(registrar, registrar->handed);
    registrar->takes_over = false;
}

/* ---- asking after it ------------------------------------------------------------------------- */

/* What the server has said of it. */
struct answered {
    const char *url;
    const char *state; /* NULL: not told */
    int64_t position, newest, attempts;
    int64_t lag; /* events; -1: not told */
    const char *unreadable; /* why newest is not known; NULL: it is */
};

static bool is_in(const struct answered *answered, const char *state)
{
    return answered->state != NULL && strcmp(answered->state, state) == 0;
}

/* It waits as pushes have failed, and not for its turn. */
static bool stands_still(const struct answered *answered)
{
    return is_in(answered, "paused") || (is_in(answered, "waiting") && answered->attempts > 0);
}

/* By its own word nothing further comes of it. */
static bool is_at_end(const struct answered *answered)
{
    return is_in(answered, "paused") || (is_in(answered, "idle") && answered->position >= answered->newest);
}

static bool may_wake(const struct ese_webhook_registrar *registrar, int64_t newest)
{
    return newest > registrar->handed && registrar->is_idle &&
           ese_clock_monotonic_ns() >= registrar->registered_ns + WAKE_MS * ESE_NS_PER_MS;
}

/* Where there is no lag, what lies between is not there any more, or never was. */
static bool has_all(const struct ese_webhook_registrar *registrar, const struct answered *answered)
{
    return registrar->believes ? is_at_end(answered) : answered->lag == 0 && answered->newest > registrar->asked_at;
}

/* Tells the log that the server cannot read the stream, and that it can again. */
static void note_reading(struct ese_webhook_registrar *registrar, const char *problem)
{
    bool was_unreadable = registrar->unreadable[0] != '\0';
    if (problem != NULL && !was_unreadable)
        ese_log_warning("the server cannot read the stream %s: %.500s; asking again until it can", registrar->stream,
                        problem);
    else if (problem == NULL && was_unreadable)
        ese_log_info("the server can read the stream %s again", registrar->stream);
    snprintf(registrar->unreadable, sizeof registrar->unreadable, "%s%.150s",
             problem != NULL ? "the server cannot read it: " : "", problem != NULL ? problem : "");
}

static void take_subscription(struct ese_webhook_registrar *registrar, const struct answered *answered)
{
    int64_t newest = answered->newest, asked_at = registrar->asked_at;
    note_reading(registrar, answered->unreadable);
    if (answered->unreadable != NULL)
        newest = asked_at = registrar->newest = -1;
    else
        registrar->newest = has_all(registrar, answered) ? asked_at : newest;
    registrar->newest_ns = registrar->inquiry.asked_ns;
    if (registrar->first < 0)
        registrar->first = answered->position;
    if (strcmp(answered->url, registrar->url) != 0)
        ese_fail(&registrar->fatal, ESE_E_FENCED, "%s is pushed to %.200s now: a newer consumer has taken over",
                 registrar->name, answered->url);
    else if (newest < asked_at && !registrar->believes)
        ese_fail(&registrar->fatal, ESE_E_INVALID, "the stream %s ends at %lld, and %lld was handed: the server has "
                                                   "lost what it had; --from and another --state begin anew",
                 registrar->stream, (long long)newest, (long long)asked_at);
    else if (registrar->was_refused) /* it is its own, but says something else of it than was asked for */
        ese_webhook_registrar_register(registrar, registrar->handed);
    else if (stands_still(answered) && may_wake(registrar, newest))
        register_again(registrar);
}

static void read_subscription(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const json_t *newest = json_object_get(body, "newest"), *position = json_object_get(body, "position");
    const json_t *lag = json_object_get(body, "lag"), *problem = json_object_get(body, "problem");
    const struct answered answered = {.url = json_string_value(json_object_get(body, "url")),
                                      .state = json_string_value(json_object_get(body, "state")),
                                      .position = json_integer_value(position),
                                      .newest = json_integer_value(newest),
                                      .attempts = json_integer_value(json_object_get(body, "attempts")),
                                      .lag = json_is_integer(lag) ? json_integer_value(lag) : -1,
                                      .unreadable = json_is_null(newest) ? json_string_value(problem) : NULL};
    if (answered.url == NULL || !(json_is_integer(newest) || answered.unreadable != NULL) || !json_is_integer(position))
        fail_for_good(registrar, answer);
    else
        take_subscription(registrar, &answered);
    json_decref(body);
}

static void take_asked(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    if (answer->status == 404)
        register_again(registrar);
    else if (answer->status != 200)
        fail_for_good(registrar, answer);
    else
        read_subscription(registrar, answer);
}

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct ese_webhook_registrar *registrar = context;
    if (registrar->is_registering)
        take_registered(registrar, answer);
    else
        take_asked(registrar, answer);
}

/* ---- turns ----------------------------------------------------------------------------------- */

void ese_webhook_registrar_register(struct ese_webhook_registrar *registrar, int64_t position)
{
    registrar->wants_registering = registrar->takes_over = true;
    registrar->position = position;
}

/* When it may be asked after next. */
static int64_t ask_due_ns(const struct ese_webhook_registrar *registrar, int64_t fresh_ns)
{
    bool is_unreadable = registrar->unreadable[0] != '\0'; /* then what is not known may stay so for long */
    if ((registrar->newest < 0 && !is_unreadable) || (registrar->is_idle && registrar->newest_ns < fresh_ns))
        return registrar->inquiry.not_before_ns;
    int64_t due_ns = registrar->newest_ns + (registrar->is_idle ? IDLE_ASK_MS : BUSY_ASK_MS) * ESE_NS_PER_MS;
    return due_ns > registrar->inquiry.not_before_ns ? due_ns : registrar->inquiry.not_before_ns;
}

int64_t ese_webhook_registrar_turn(struct ese_webhook_registrar *registrar, int64_t position, bool is_idle,
                                   int64_t fresh_ns, struct ese_error *error)
{
    registrar->handed = position;
    registrar->is_idle = is_idle;
    if (registrar->fatal.code != ESE_OK)
        return ese_fail(error, registrar->fatal.code, "%s", registrar->fatal.text);
    if (registrar->inquiry.asking)
        return INT64_MAX;
    int64_t due_ns = registrar->wants_registering ? registrar->inquiry.not_before_ns : ask_due_ns(registrar, fresh_ns);
    if (ese_clock_monotonic_ns() < due_ns)
        return due_ns;
    if (registrar->wants_registering) {
        send_registration(registrar);
    } else {
        registrar->is_registering = false;
        registrar->asked_at = position;
        ese_webhook_inquiry_ask(&registrar->inquiry, "GET", registrar->subscription_url, NULL);
    }
    return INT64_MAX;
}

int64_t ese_webhook_registrar_newest(const struct ese_webhook_registrar *registrar, int64_t *asked_ns)
{
    *asked_ns = registrar->newest_ns;
    return registrar->wants_registering ? -1 : registrar->newest;
}

int64_t ese_webhook_registrar_first(const struct ese_webhook_registrar *registrar)
{
    return registrar->first;
}

const char *ese_webhook_registrar_away(const struct ese_webhook_registrar *registrar)
{
    const char *away = ese_webhook_inquiry_away(&registrar->inquiry);
    return away == NULL && registrar->unreadable[0] != '\0' ? registrar->unreadable : away;
}

/* ---- life ------------------------------------------------------------------------------------ */

void ese_webhook_registrar_hush(struct ese_webhook_registrar *registrar)
{
    ese_webhook_inquiry_hush(&registrar->inquiry);
}

struct ese_webhook_registrar *ese_webhook_registrar_new(const struct ese_webhook_registrar_options *options)
{
    struct ese_webhook_registrar *registrar = ese_alloc(sizeof *registrar);
    struct ese_buffer url = ESE_BUFFER_INIT(URL_LIMIT);
    ese_webhook_inquiry_open(&registrar->inquiry, options->client, on_answer, registrar);
    registrar->name = ese_copy_text(options->name);
    registrar->stream = ese_copy_text(options->stream);
    registrar->url = ese_copy_text(options->url);
    registrar->secret = ese_copy_text(options->secret);
    registrar->batch = options->batch;
    registrar->believes = options->believes;
    registrar->newest = registrar->first = -1;
    ese_buffer_printf(&url, "%s/subscriptions/%s", options->server, options->name);
    registrar->subscription_url = ese_buffer_detach(&url);
    return registrar;
}

void ese_webhook_registrar_free(struct ese_webhook_registrar **registrar)
{
    struct ese_webhook_registrar *freed = *registrar;
    if (freed == NULL)
        return;
    *registrar = NULL;
    free(freed->name);
    free(freed->stream);
    free(freed->url);
    free(freed->secret);
    free(freed->subscription_url);
    free(freed);
}
