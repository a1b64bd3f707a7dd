#include "transports/webhook/registrar.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/backoff.h"
#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define ASK_TIMEOUT_MS 5000
#define SILENCE_MS 1000 /* until a server that does not answer counts as away */
#define BUSY_ASK_MS 100 /* how often it is asked while pushes come, */
#define IDLE_ASK_MS 500 /* and while none do */
#define URL_LIMIT 4096

/* Of the lab's own consumer: soon again, and never given up. */
#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS 4000
#define PASSING_TRIES 10 /* of who does not last */

struct ese_webhook_registrar {
    struct ese_http_client *client;
    char *name, *stream, *url, *subscription_url;
    int batch, tries;
    bool wants_registering;
    bool deleting;
    int64_t position;    /* to register from */
    bool asking;         /* a request is under way */
    int64_t asked_ns;    /* when the last one was begun */
    int64_t not_before_ns;
    struct ese_backoff backoff;
    int64_t handed;      /* as the last turn was told */
    bool is_idle;
    int64_t newest;      /* -1: not known */
    int64_t newest_ns;
    int64_t first;
    bool away;          /* said so in the log */
    char why_away[256];
    struct ese_error fatal;
};

/* ---- what the server says -------------------------------------------------------------------- */

static bool says_later(const struct ese_http_answer *answer)
{
    return answer->status == 0 || answer->status == 408 || answer->status == 429 || answer->status >= 500;
}

static void wait_and_retry(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    registrar->not_before_ns = ese_clock_monotonic_ns() + ese_backoff_next_ms(&registrar->backoff) * ESE_NS_PER_MS;
    if (answer->status == 0)
        snprintf(registrar->why_away, sizeof registrar->why_away, "%.120s is away (%.100s)",
                 registrar->subscription_url, answer->problem);
    else
        snprintf(registrar->why_away, sizeof registrar->why_away, "%.120s answered %d", registrar->subscription_url,
                 answer->status);
    if (!registrar->away)
        ese_log_warning("%s: does ese-server run there? --server names another; asking again until it is back",
                        registrar->why_away);
    registrar->away = true;
}

static void note_heard(struct ese_webhook_registrar *registrar)
{
    if (registrar->away)
        ese_log_info("%s is back", registrar->subscription_url);
    registrar->away = false;
    ese_backoff_reset(&registrar->backoff);
}

static void fail_for_good(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    ese_fail(&registrar->fatal, ESE_E_INVALID, "%s answered %d: %.200s", registrar->subscription_url, answer->status,
             answer->body);
}

/* An answer that is not for later. False: it was. */
static bool is_answer(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    registrar->asking = false;
    if (says_later(answer)) {
        wait_and_retry(registrar, answer);
        return false;
    }
    note_heard(registrar);
    return true;
}

/* ---- registering ----------------------------------------------------------------------------- */

static void on_registered(void *context, const struct ese_http_answer *answer)
{
    struct ese_webhook_registrar *registrar = context;
    if (!is_answer(registrar, answer))
        return;
    if (answer->status >= 300)
        fail_for_good(registrar, answer);
    registrar->wants_registering = false;
    registrar->newest = -1;
}

static void write_registration(const struct ese_webhook_registrar *registrar, struct ese_buffer *body)
{
    ese_buffer_text(body, "{\"stream\":");
    ese_json_write_string(body, registrar->stream);
    ese_buffer_text(body, ",\"url\":");
    ese_json_write_string(body, registrar->url);
    ese_buffer_printf(body, ",\"position\":%lld,\"batch\":%d,\"retry\":{\"tries\":%d,\"first_ms\":%d,\"most_ms\":%d}}",
                      (long long)registrar->position, registrar->batch, registrar->tries, RETRY_FIRST_MS,
                      RETRY_MOST_MS);
}

static void call(struct ese_webhook_registrar *registrar, const char *method, const struct ese_buffer *body,
                 ese_http_done *done)
{
    const struct ese_http_call call = {.method = method,
                                       .url = registrar->subscription_url,
                                       .body = body != NULL ? body->text : NULL,
                                       .length = body != NULL ? body->length : 0,
                                       .timeout_ms = ASK_TIMEOUT_MS,
                                       .done = done,
                                       .context = registrar};
    registrar->asking = true;
    registrar->asked_ns = ese_clock_monotonic_ns();
    ese_http_client_call(registrar->client, &call);
}

static void send_registration(struct ese_webhook_registrar *registrar)
{
    struct ese_buffer body = ESE_BUFFER_INIT(URL_LIMIT);
    write_registration(registrar, &body);
    call(registrar, "PUT", &body, on_registered);
    ese_buffer_free(&body);
}

/* ---- asking after it ------------------------------------------------------------------------- */

static bool stands_still(const char *state)
{
    return state != NULL && (strcmp(state, "waiting") == 0 || strcmp(state, "paused") == 0);
}

static void take_subscription(struct ese_webhook_registrar *registrar, const char *url, const char *state,
                              int64_t position, int64_t newest)
{
    registrar->newest = newest;
    registrar->newest_ns = registrar->asked_ns;
    if (registrar->first < 0)
        registrar->first = position;
    if (strcmp(url, registrar->url) != 0)
        ese_fail(&registrar->fatal, ESE_E_FENCED, "%s is pushed to %.200s now: a newer consumer has taken over",
                 registrar->name, url);
    else if (newest < registrar->handed)
        ese_fail(&registrar->fatal, ESE_E_INVALID, "the stream %s ends at %lld, and %lld was handed: the server has "
                                                   "lost what it had; --from and another --state begin anew",
                 registrar->stream, (long long)newest, (long long)registrar->handed);
    else if (stands_still(state) && newest > registrar->handed && registrar->is_idle)
        ese_webhook_registrar_register(registrar, registrar->handed);
}

static void read_subscription(struct ese_webhook_registrar *registrar, const struct ese_http_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const json_t *newest = json_object_get(body, "newest"), *position = json_object_get(body, "position");
    const char *url = json_string_value(json_object_get(body, "url"));
    if (url == NULL || !json_is_integer(newest) || !json_is_integer(position))
        fail_for_good(registrar, answer);
    else
        take_subscription(registrar, url, json_string_value(json_object_get(body, "state")),
                          json_integer_value(position), json_integer_value(newest));
    json_decref(body);
}

static void on_asked(void *context, const struct ese_http_answer *answer)
{
    struct ese_webhook_registrar *registrar = context;
    if (!is_answer(registrar, answer))
        return;
    if (answer->status == 404)
        ese_webhook_registrar_register(registrar, registrar->handed);
    else if (answer->status != 200)
        fail_for_good(registrar, answer);
    else
        read_subscription(registrar, answer);
}

/* ---- turns ----------------------------------------------------------------------------------- */

void ese_webhook_registrar_register(struct ese_webhook_registrar *registrar, int64_t position)
{
    registrar->wants_registering = true;
    registrar->position = position;
}

/* When it may be asked after next. */
static int64_t ask_due_ns(const struct ese_webhook_registrar *registrar, int64_t fresh_ns)
{
    if (registrar->newest < 0 || (registrar->is_idle && registrar->newest_ns < fresh_ns))
        return registrar->not_before_ns;
    int64_t due_ns = registrar->newest_ns + (registrar->is_idle ? IDLE_ASK_MS : BUSY_ASK_MS) * ESE_NS_PER_MS;
    return due_ns > registrar->not_before_ns ? due_ns : registrar->not_before_ns;
}

int64_t ese_webhook_registrar_turn(struct ese_webhook_registrar *registrar, int64_t position, bool is_idle,
                                   int64_t fresh_ns, struct ese_error *error)
{
    registrar->handed = position;
    registrar->is_idle = is_idle;
    if (registrar->fatal.code != ESE_OK)
        return ese_fail(error, registrar->fatal.code, "%s", registrar->fatal.text);
    if (registrar->asking)
        return INT64_MAX;
    int64_t due_ns = registrar->wants_registering ? registrar->not_before_ns : ask_due_ns(registrar, fresh_ns);
    if (ese_clock_monotonic_ns() < due_ns)
        return due_ns;
    if (registrar->wants_registering)
        send_registration(registrar);
    else
        call(registrar, "GET", NULL, on_asked);
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

static void on_deleted(void *context, const struct ese_http_answer *answer)
{
    struct ese_webhook_registrar *registrar = context;
    (void)answer;
    registrar->deleting = false;
}

void ese_webhook_registrar_delete(struct ese_webhook_registrar *registrar, int timeout_ms)
{
    int64_t until_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    call(registrar, "DELETE", NULL, on_deleted);
    registrar->deleting = true;
    while (registrar->deleting && ese_clock_monotonic_ns() < until_ns)
        ese_http_client_poll(registrar->client, 10, -1);
}

/* A server that hangs is away long before its answer is given up. */
const char *ese_webhook_registrar_away(const struct ese_webhook_registrar *registrar)
{
    bool silent = registrar->asking && ese_clock_monotonic_ns() > registrar->asked_ns + SILENCE_MS * ESE_NS_PER_MS;
    if (registrar->away)
        return registrar->why_away;
    return silent ? "the server does not answer" : NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

void ese_webhook_registrar_hush(struct ese_webhook_registrar *registrar)
{
    registrar->away = true;
}

struct ese_webhook_registrar *ese_webhook_registrar_new(const struct ese_webhook_registrar_options *options)
{
    struct ese_webhook_registrar *registrar = ese_alloc(sizeof *registrar);
    struct ese_buffer url = ESE_BUFFER_INIT(URL_LIMIT);
    registrar->client = options->client;
    registrar->name = ese_copy_text(options->name);
    registrar->stream = ese_copy_text(options->stream);
    registrar->url = ese_copy_text(options->url);
    registrar->batch = options->batch;
    registrar->tries = options->is_lasting ? 0 : PASSING_TRIES;
    registrar->backoff = (struct ese_backoff){.first_ms = 50, .most_ms = 1000};
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
    free(freed->subscription_url);
    free(freed);
}
