/*
 * subscription_routes.c - /subscriptions...: what is asked on the HTTP server's thread, and done and answered on the
 * pusher's, so that nobody sees a subscription half changed.
 *
 *   POST   /subscriptions/:name               makes one; the same again wakes it, with other members is refused
 *   PUT    /subscriptions/:name               makes one in the place of whatever is there
 *   GET    /subscriptions                     all; /subscriptions/:name one of them
 *   DELETE /subscriptions/:name
 *   POST   /subscriptions/:name/pause, /subscriptions/:name/resume
 *   GET    /subscriptions/:name/dead-letters  ?after=POSITION&stream=NAME lists those behind that one
 */
#include <stdlib.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "transports/webhook/created.h"
#include "transports/webhook/pusher_internal.h"
#include "transports/webhook/stream_routes.h"
#include "transports/webhook/subscription_json.h"

#define ANSWER_BYTES ((size_t)64 * 1024 * 1024)
#define LETTERS_BYTES ((size_t)1024 * 1024) /* where an answer of dead letters ends, with one at least */
#define LETTERS 1000                        /* in one answer */

/* ---- answers --------------------------------------------------------------------------------- */

static void answer(struct ese_http_request *request, int status, const char *text)
{
    ese_webhook_reply_text(request, status, "", text);
}

/* Nothing was made or deleted; what was changed of one that is there holds until the server ends, and is tried to be
 * stored again and again. */
static void answer_unstored(struct ese_http_request *request, const struct ese_error *error)
{
    if (error->code == ESE_E_FULL)
        ese_http_request_add_header(request, "Retry-After", "1");
    answer(request, error->code == ESE_E_FULL ? 503 : 500, error->text);
}

static void answer_json(struct ese_http_request *request, struct ese_buffer *json)
{
    if (json->overflowed)
        answer(request, 500, "the answer would be too long");
    else
        ese_http_reply_buffer(request, 200, ESE_WEBHOOK_JSON, json);
    ese_buffer_free(json);
}

static void answer_missing(struct ese_http_request *request)
{
    static const char text[] = "{\"message\":\"Subscription doesn't exist\"}";

    ese_http_reply(request, 404, ESE_WEBHOOK_JSON, text, sizeof(text) - 1);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* The position that was asked for, where that is the newest: what it is by now. False: nobody knows, and that is the
 * answer. */
static bool find_position(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_error error = {0};
    int64_t oldest, newest;

    if (ask->position != ESE_WEBHOOK_AT_NEWEST)
        return true;
    ask->position = ese_webhook_streams_first(pusher->options.streams) - 1;
    if (ese_webhook_streams_ends(pusher->options.streams, ask->wish.stream, &oldest, &newest, &error) == 0)
        ask->position = newest;
    else if (error.code != ESE_E_MISSING) {
        answer(ask->request, 500, error.text);
        return false;
    }
    return true;
}

/* Stores it first: what is answered with Created is there. */
static void make(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask,
                 struct ese_webhook_subscriber *replaced)
{
    struct ese_webhook_failing failing = replaced != NULL ? replaced->failing : (struct ese_webhook_failing){0};
    bool is_loaded = replaced != NULL && replaced->is_loaded && !ask->has_position;
    struct ese_webhook_subscription subscription;
    struct ese_error error = {0};

    if (replaced == NULL && ese_webhook_subscribers_count(pusher->subscribers) == ESE_WEBHOOK_MOST_SUBSCRIPTIONS) {
        ese_fail(&error, ESE_E_FULL, "there are %d subscriptions already", ESE_WEBHOOK_MOST_SUBSCRIPTIONS);
        answer_unstored(ask->request, &error);
        return;
    }
    ese_webhook_subscription_init(&subscription, &ask->wish, ask->position);
    ese_webhook_created_write(ese_clock_wall_ms(), subscription.created);
    if (pusher->habits.has_made != NULL)
        pusher->habits.has_made(&subscription, replaced != NULL ? &replaced->subscription : NULL);
    if (ese_webhook_subscription_table_put(pusher->table, &subscription, &error) != 0) {
        answer_unstored(ask->request, &error);
        ese_webhook_subscription_clear(&subscription);
        return;
    }
    if (replaced != NULL && pusher->habits.has_replaced != NULL)
        pusher->habits.has_replaced(pusher, replaced);
    else if (replaced != NULL)
        ese_webhook_pusher_drop(pusher, replaced);
    struct ese_webhook_subscriber *made = ese_webhook_pusher_add(pusher, &subscription);
    made->failing = failing;
    made->is_loaded = is_loaded;
    answer(ask->request, 200, "Created");
}

/* What its producers know, and behind it what else the name stands for. */
static void answer_taken(struct ese_webhook_ask *ask, const char *other)
{
    struct ese_buffer text = ESE_BUFFER_INIT(200);

    ese_buffer_text(&text, "Subscription with this name already exists");
    if (other != NULL)
        ese_buffer_printf(&text, ", with another \"%s\": PUT changes it", other);
    answer(ask->request, 400, text.text);
    ese_buffer_free(&text);
}

/* Whether what it is signed with is still there; who registers again may have said nothing of it. */
static int check_secret(const struct ese_webhook_pusher *pusher, const struct ese_webhook_wish *wish,
                        struct ese_error *error)
{
    struct ese_webhook_secret secret = {0};
    int result = ese_webhook_pusher_read_secret(pusher, wish, &secret, error);

    ese_webhook_secret_wipe(&secret);
    return result;
}

/* Who registers again is there again, and waits. */
static void wake(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask, struct ese_webhook_subscriber *found)
{
    struct ese_error error = {0};

    if (check_secret(pusher, &found->subscription.wish, &error) != 0) {
        answer(ask->request, 400, error.text);
        return;
    }
    if (ask->has_position) {
        found->is_loaded = false;
        ese_webhook_pusher_forget_page(found);
        ese_webhook_subscription_seek(&found->subscription, ask->position);
    }
    ese_webhook_subscription_wake(&found->subscription);
    ese_webhook_pusher_prepare(pusher, found);
    if (ese_webhook_pusher_change(pusher, found, &error) != 0)
        answer_unstored(ask->request, &error);
    else
        answer(ask->request, 200, "Created");
    ese_webhook_pusher_queue(pusher, found);
}

/* Where no position is asked for, one of the same stream goes on from where it is. */
static void replace(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_webhook_subscriber *found = ese_webhook_subscribers_find(pusher->subscribers, ask->wish.name);

    if (!find_position(pusher, ask))
        return;
    if (found != NULL && !ask->has_position && strcmp(found->subscription.wish.stream, ask->wish.stream) == 0)
        ask->position = found->subscription.position;
    make(pusher, ask, found);
}

static void create(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_webhook_subscriber *found = ese_webhook_subscribers_find(pusher->subscribers, ask->wish.name);
    const char *other = found != NULL ? ese_webhook_ask_other(ask, &found->subscription.wish) : NULL;

    if (!find_position(pusher, ask))
        return;
    if (found == NULL)
        make(pusher, ask, NULL);
    else if (strcmp(found->subscription.wish.stream, ask->wish.stream) != 0 ||
             strcmp(found->subscription.wish.url, ask->wish.url) != 0)
        answer_taken(ask, NULL);
    else if (other != NULL)
        answer_taken(ask, other);
    else if (pusher->habits.has_replaced != NULL)
        replace(pusher, ask);
    else
        wake(pusher, ask, found);
}

/* ---- the others ------------------------------------------------------------------------------ */

static void show(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber, bool with_newest,
                 struct ese_buffer *json)
{
    struct ese_webhook_lag lag;

    ese_webhook_pusher_lag(pusher, subscriber, &lag);
    const struct ese_webhook_subscription_shown shown = {
        .subscription = &subscriber->subscription,
        .lag = lag.events,
        .dead_letters = subscriber->dead_letters,
        .newest = lag.newest,
        .with_newest = with_newest,
        .problem = lag.problem.code != ESE_OK ? lag.problem.text : "",
    };
    ese_webhook_subscription_write_json(json, &shown);
}

static void list(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_buffer json = ESE_BUFFER_INIT(ANSWER_BYTES);
    struct ese_webhook_subscriber *subscriber;

    ese_buffer_text(&json, "[");
    TAILQ_FOREACH (subscriber, ese_webhook_subscribers_all(pusher->subscribers), in_all) {
        if (json.length > 1)
            ese_buffer_text(&json, ",");
        show(pusher, subscriber, false, &json);
    }
    ese_buffer_text(&json, "]");
    answer_json(ask->request, &json);
}

static void show_one(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_webhook_subscriber *found = ese_webhook_subscribers_find(pusher->subscribers, ask->name);
    struct ese_buffer json = ESE_BUFFER_INIT(ANSWER_BYTES);

    if (found == NULL) {
        answer_missing(ask->request);
        return;
    }
    show(pusher, found, true, &json);
    answer_json(ask->request, &json);
}

/* Where no lesson has left another of that name. */
static void forget_figures(struct ese_webhook_pusher *pusher, const char *name,
                           struct ese_webhook_subscription_figures *figures)
{
    if (ese_webhook_subscribers_find(pusher->subscribers, name) == NULL)
        ese_webhook_subscription_figures_forget(&pusher->names, pusher->options.metrics, name, figures);
}

/* Also where there is none, as the original. */
static void remove_one(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_webhook_subscriber *found = ese_webhook_subscribers_find(pusher->subscribers, ask->name);
    struct ese_error error = {0};

    if (ese_webhook_subscription_table_remove(pusher->table, ask->name, &error) != 0) {
        answer_unstored(ask->request, &error);
        return;
    }
    if (found != NULL) {
        struct ese_webhook_subscription_figures figures = found->figures;
        ese_webhook_pusher_drop(pusher, found);
        forget_figures(pusher, ask->name, &figures);
    }
    answer(ask->request, 200, "Deleted");
}

static void pause_one(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_webhook_subscriber *found = ese_webhook_subscribers_find(pusher->subscribers, ask->name);
    struct ese_error error = {0};

    if (found == NULL || !ese_webhook_subscription_pause(&found->subscription, "API request")) {
        answer(ask->request, 400, "Subscription doesn't exist");
        return;
    }
    ese_webhook_pusher_unqueue(pusher, found);
    ese_webhook_pusher_forget_page(found);
    ese_webhook_pusher_note_reading(pusher, found, NULL);
    if (ese_webhook_pusher_change(pusher, found, &error) != 0)
        answer_unstored(ask->request, &error);
    else
        answer(ask->request, 200, "Paused");
}

static void resume_one(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_webhook_subscriber *found = ese_webhook_subscribers_find(pusher->subscribers, ask->name);
    struct ese_error error = {0};

    if (found == NULL) {
        answer(ask->request, 400, "Subscription doesn't exist");
        return;
    }
    if (ese_webhook_subscription_resume(&found->subscription)) {
        ese_webhook_pusher_prepare(pusher, found);
        ese_webhook_pusher_queue(pusher, found);
        if (ese_webhook_pusher_change(pusher, found, &error) != 0) {
            answer_unstored(ask->request, &error);
            return;
        }
    }
    answer(ask->request, 200, "Resumed");
}

static bool write_letter(void *context, const struct ese_webhook_dead_letter *letter)
{
    struct ese_buffer *json = context;

    if (json->length > 1)
        ese_buffer_text(json, ",");
    ese_webhook_dead_letter_write_json(json, letter);
    return json->length < LETTERS_BYTES;
}

static void list_letters(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_buffer json = ESE_BUFFER_INIT(ANSWER_BYTES);
    const char *stream = ask->wish.stream[0] != '\0' ? ask->wish.stream : NULL;
    struct ese_error error = {0};

    if (ese_webhook_subscribers_find(pusher->subscribers, ask->name) == NULL) {
        answer_missing(ask->request);
        return;
    }
    ese_buffer_text(&json, "[");
    if (ese_webhook_subscription_table_each_dead(pusher->table, ask->name, ask->position, stream, LETTERS,
                                                 write_letter, &json, &error) != 0) {
        answer_unstored(ask->request, &error);
        ese_buffer_free(&json);
        return;
    }
    ese_buffer_text(&json, "]");
    answer_json(ask->request, &json);
}

/* ---- from one thread to the other ------------------------------------------------------------ */

void ese_webhook_pusher_do(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    ask->act(pusher, ask);
    ese_webhook_ask_free(ask);
}

void ese_webhook_pusher_refuse(struct ese_webhook_ask *ask)
{
    ese_http_reply_message(ask->request, 503, "the server is stopping");
    ese_webhook_ask_free(ask);
}

static void hand_over(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    if (!ese_webhook_pusher_ask(pusher, ask))
        ese_webhook_pusher_refuse(ask);
}

/* A name that is too long is none of ours, and never was one. */
static struct ese_webhook_ask *begin(struct ese_http_request *request,
                                     void (*act)(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask))
{
    struct ese_webhook_ask *ask = ese_alloc(sizeof(*ask));
    const char *name = ese_http_request_parameter(request, "name");

    ask->request = request;
    ask->act = act;
    if (name != NULL)
        ese_fit_text(ask->name, sizeof(ask->name), name);
    return ask;
}

static void take_body(struct ese_webhook_pusher *pusher, struct ese_webhook_ask *ask)
{
    struct ese_error error = {0};
    size_t length;
    const char *body = ese_http_request_body(ask->request, &length);

    if (ese_webhook_ask_read(ask, body, length, pusher->targets, pusher->secrets, &error) == 0) {
        hand_over(pusher, ask);
        return;
    }
    answer(ask->request, error.code == ESE_E_IO ? 500 : 400, error.text);
    ese_webhook_ask_free(ask);
}

static void on_post(void *context, struct ese_http_request *request)
{
    take_body(context, begin(request, create));
}

static void on_put(void *context, struct ese_http_request *request)
{
    take_body(context, begin(request, replace));
}

static void on_list(void *context, struct ese_http_request *request)
{
    hand_over(context, begin(request, list));
}

static void on_show(void *context, struct ese_http_request *request)
{
    hand_over(context, begin(request, show_one));
}

static void on_delete(void *context, struct ese_http_request *request)
{
    hand_over(context, begin(request, remove_one));
}

static void on_pause(void *context, struct ese_http_request *request)
{
    hand_over(context, begin(request, pause_one));
}

static void on_resume(void *context, struct ese_http_request *request)
{
    hand_over(context, begin(request, resume_one));
}

static void on_letters(void *context, struct ese_http_request *request)
{
    const char *after = ese_http_request_query(request, "after");
    const char *stream = ese_http_request_query(request, "stream");
    struct ese_webhook_ask *ask = begin(request, list_letters);
    struct ese_error error = {0};

    if (stream != NULL)
        ese_fit_text(ask->wish.stream, sizeof(ask->wish.stream), stream);
    if (after == NULL || ese_number_parse(after, "after", 0, INT64_MAX, &ask->position, &error) == 0) {
        hand_over(context, ask);
        return;
    }
    answer(request, 400, error.text);
    ese_webhook_ask_free(ask);
}

void ese_webhook_pusher_add_routes(struct ese_webhook_pusher *pusher)
{
    static const struct {
        const char *method, *path;
        ese_http_handler *handler;
    } routes[] = {
        {"POST", "/subscriptions/:name", on_post},
        {"PUT", "/subscriptions/:name", on_put},
        {"GET", "/subscriptions", on_list},
        {"GET", "/subscriptions/:name", on_show},
        {"DELETE", "/subscriptions/:name", on_delete},
        {"POST", "/subscriptions/:name/pause", on_pause},
        {"POST", "/subscriptions/:name/resume", on_resume},
        {"GET", "/subscriptions/:name/dead-letters", on_letters},
    };

    for (size_t i = 0; i < ESE_COUNT_OF(routes); i++)
        ese_http_server_route(pusher->options.server, routes[i].method, routes[i].path, routes[i].handler, pusher);
}
