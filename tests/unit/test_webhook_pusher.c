/* The pushing half of the webhook transport, with a real server before it, real streams beneath it, real receivers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/pusher.h"
#include "transports/webhook/signature.h"
#include "transports/webhook/stream_reader.h"
#include "transports/webhook/streams.h"
#include "transports/webhook/subscribers.h"
#include "transports/webhook/subscription_table.h"

#define PATIENCE_MS 60000 /* for what is to come at all */
#define MOST_PUSHES 40000
#define MOST_KEPT 1000
#define NAME 32
#define AGAIN "\"retry\":{\"tries\":0,\"first_ms\":5,\"most_ms\":20}"

/* ---- what fails on demand -------------------------------------------------------------------- */

static atomic_int reads_to_fail;
static atomic_int reads;
static atomic_int reads_ahead; /* by the pusher, of more events than one */
#define PUSHER_PAGE ((size_t)192 * 1024) /* those of others, who look at streams in the background, are larger */

int __real_ese_webhook_reader_page(struct ese_webhook_reader *reader, const char *stream, int64_t after, int limit,
                                   size_t bytes, struct ese_webhook_page *page, struct ese_error *error);
int __wrap_ese_webhook_reader_page(struct ese_webhook_reader *reader, const char *stream, int64_t after, int limit,
                                   size_t bytes, struct ese_webhook_page *page, struct ese_error *error);
int __wrap_ese_webhook_reader_page(struct ese_webhook_reader *reader, const char *stream, int64_t after, int limit,
                                   size_t bytes, struct ese_webhook_page *page, struct ese_error *error)
{
    atomic_fetch_add(&reads, 1);
    if (atomic_load(&reads_to_fail) > 0) {
        atomic_fetch_sub(&reads_to_fail, 1);
        return ese_fail(error, ESE_E_IO, "a read that fails");
    }
    int got = __real_ese_webhook_reader_page(reader, stream, after, limit, bytes, page, error);
    atomic_fetch_add(&reads_ahead, page->count > 1 && bytes == PUSHER_PAGE);
    return got;
}

/* The disk is: positions cannot be stored. */
static atomic_bool is_full;

int __real_ese_webhook_subscription_table_end_positions(struct ese_webhook_subscription_table *table,
                                                        struct ese_error *error);
int __wrap_ese_webhook_subscription_table_end_positions(struct ese_webhook_subscription_table *table,
                                                        struct ese_error *error);
int __wrap_ese_webhook_subscription_table_end_positions(struct ese_webhook_subscription_table *table,
                                                        struct ese_error *error)
{
    if (atomic_load(&is_full)) {
        ese_webhook_subscription_table_drop_positions(table);
        return ese_fail(error, ESE_E_FULL, "as told");
    }
    return __real_ese_webhook_subscription_table_end_positions(table, error);
}

/* ---- the receiver ---------------------------------------------------------------------------- */

/* One request that came to /NAME. */
struct push {
    char name[NAME];
    int64_t position;
    int64_t newest;
    int count;        /* x-event-count; 0: there is none */
    char type[NAME];
    int status;       /* that it was answered with; 0: it was kept */
};

struct fixture;

/* Returns the status to answer with; 0: it is kept, and not answered yet. nth: of the requests with that name and
 * position, from 1. With the mutex held. */
typedef int decide(struct fixture *fixture, const struct push *push, int nth);

struct fixture {
    char *directory;
    struct ese_metrics *metrics;
    struct ese_http_server *server;
    struct ese_webhook_streams *streams;
    struct ese_webhook_pusher *_Atomic pusher;
    struct ese_webhook_pusher_options options;
    enum ese_durability durability;
    struct ese_http_server *receiver;
    char url[80]; /* of the receiver */
    pthread_mutex_t mutex; /* guards what follows */
    decide *decide;
    struct push *pushes;
    int count;
    struct ese_http_request *kept[MOST_KEPT];
    int kept_count;
    char *last_body;
    char *last_headers[3]; /* webhook-id, -timestamp, -signature */
};

static int64_t number_of(const char *text)
{
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static int count_like(struct fixture *fixture, const struct push *push)
{
    int count = 0;

    for (int i = 0; i < fixture->count; i++)
        count += fixture->pushes[i].position == push->position && strcmp(fixture->pushes[i].name, push->name) == 0;
    return count;
}

static void note(struct fixture *fixture, struct ese_http_request *request)
{
    static const char *const names[] = {"webhook-id", "webhook-timestamp", "webhook-signature"};
    size_t length;

    free(fixture->last_body);
    fixture->last_body = ese_copy_text(ese_http_request_body(request, &length));
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        free(fixture->last_headers[i]);
        fixture->last_headers[i] = ese_copy_text(ese_http_request_header(request, names[i]));
    }
}

static void receive(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    struct push push = {.position = number_of(ese_http_request_header(request, "x-event-position")),
                        .newest = number_of(ese_http_request_header(request, "x-event-newest")),
                        .count = (int)number_of(ese_http_request_header(request, "x-event-count"))};
    const char *type = ese_http_request_header(request, "x-event-type");

    ese_fit_text(push.name, sizeof(push.name), ese_http_request_parameter(request, "name"));
    ese_fit_text(push.type, sizeof(push.type), type != NULL ? type : "");
    pthread_mutex_lock(&fixture->mutex);
    note(fixture, request);
    push.status = fixture->decide != NULL
                      ? fixture->decide(fixture, &push, fixture->count < 2000 ? count_like(fixture, &push) + 1 : 0)
                      : 200;
    assert_true(fixture->count < MOST_PUSHES);
    fixture->pushes[fixture->count++] = push;
    if (push.status == 0) {
        assert_true(fixture->kept_count < MOST_KEPT);
        fixture->kept[fixture->kept_count++] = request;
    }
    pthread_mutex_unlock(&fixture->mutex);
    if (push.status == 302)
        ese_http_request_add_header(request, "Location", "/elsewhere");
    if (push.status == 503)
        ese_http_request_add_header(request, "Retry-After", "1");
    if (push.status != 0)
        ese_http_reply(request, push.status, NULL, NULL, 0);
}

/* Answers all that are kept. */
static void release(struct fixture *fixture, int status)
{
    pthread_mutex_lock(&fixture->mutex);
    int count = fixture->kept_count;
    fixture->kept_count = 0;
    pthread_mutex_unlock(&fixture->mutex);
    for (int i = 0; i < count; i++)
        ese_http_reply(fixture->kept[i], status, NULL, NULL, 0);
}

static void decide_by(struct fixture *fixture, decide *how)
{
    pthread_mutex_lock(&fixture->mutex);
    fixture->decide = how;
    pthread_mutex_unlock(&fixture->mutex);
}

/* ---- the scene ------------------------------------------------------------------------------- */

static void grown(void *context, const char *stream)
{
    struct fixture *fixture = context;
    struct ese_webhook_pusher *pusher = atomic_load(&fixture->pusher);

    if (pusher != NULL)
        ese_webhook_pusher_grown(pusher, stream);
}

static void check(int result, const struct ese_error *error)
{
    if (result != 0)
        fail_msg("%s", error->text);
}

static void open_server(struct fixture *fixture)
{
    const struct ese_http_server_options http = {.listen = "127.0.0.1:0", .metrics = fixture->metrics};
    const struct ese_http_manners manners = {.any_origin = true, .strict_paths = true};
    const struct ese_webhook_streams_options streams = {
        .directory = fixture->directory, .durability = fixture->durability, .retention_ms = 3600000,
        .max_bytes = INT64_C(1) << 30,   .queue_events = 100000,          .group = 100000,
        .most_open = 20,                 .metrics = fixture->metrics,     .grown = grown,
        .context = fixture};
    struct ese_webhook_streams_options options = streams;
    struct ese_webhook_pusher *pusher;
    struct ese_error error = {0};

    check(ese_http_server_open(&http, &fixture->server, &error), &error);
    ese_http_server_manners(fixture->server, &manners);
    options.server = fixture->server;
    check(ese_webhook_streams_open(&options, &fixture->streams, &error), &error);
    ese_webhook_streams_add_routes(fixture->streams);
    fixture->options.streams = fixture->streams;
    fixture->options.server = fixture->server;
    fixture->options.metrics = fixture->metrics;
    check(ese_webhook_pusher_open(&fixture->options, &pusher, &error), &error);
    atomic_store(&fixture->pusher, pusher);
    ese_webhook_pusher_add_routes(pusher);
    check(ese_webhook_pusher_start(pusher, &error), &error);
    check(ese_http_server_start(fixture->server, &error), &error);
}

static void close_server(struct fixture *fixture)
{
    struct ese_webhook_pusher *pusher = atomic_load(&fixture->pusher);

    ese_http_server_quiesce(fixture->server);
    ese_webhook_streams_stop(fixture->streams, 1000);
    ese_webhook_pusher_stop(pusher, 0);
    ese_http_server_close(&fixture->server);
    atomic_store(&fixture->pusher, NULL);
    ese_webhook_pusher_close(&pusher);
    ese_webhook_streams_close(&fixture->streams);
}

static void open_receiver(struct fixture *fixture)
{
    const struct ese_http_server_options http = {.listen = "127.0.0.1:0", .max_body_bytes = 4 << 20};
    struct ese_error error = {0};

    check(ese_http_server_open(&http, &fixture->receiver, &error), &error);
    ese_http_server_route(fixture->receiver, "POST", "/:name", receive, fixture);
    check(ese_http_server_start(fixture->receiver, &error), &error);
    snprintf(fixture->url, sizeof(fixture->url), "http://%s", ese_http_server_address(fixture->receiver));
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));

    fixture->directory = ese_test_directory_make();
    fixture->durability = ESE_DURABILITY_OS;
    fixture->metrics = ese_metrics_new();
    fixture->pushes = ese_alloc_array(MOST_PUSHES, sizeof(fixture->pushes[0]));
    pthread_mutex_init(&fixture->mutex, NULL);
    fixture->options = (struct ese_webhook_pusher_options){
        .allow_targets = "127.0.0.0/8", .secrets = fixture->directory, .connections = 100, .push_timeout_ms = 10000};
    atomic_store(&reads_to_fail, 0);
    atomic_store(&reads_ahead, 0);
    atomic_store(&is_full, false);
    open_receiver(fixture);
    open_server(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    close_server(fixture);
    release(fixture, 200);
    ese_http_server_close(&fixture->receiver);
    ese_test_directory_remove(&fixture->directory);
    ese_metrics_free(&fixture->metrics);
    pthread_mutex_destroy(&fixture->mutex);
    for (size_t i = 0; i < ESE_COUNT_OF(fixture->last_headers); i++)
        free(fixture->last_headers[i]);
    free(fixture->last_body);
    free(fixture->pushes);
    free(fixture);
    return 0;
}

static void restart(struct fixture *fixture)
{
    close_server(fixture);
    open_server(fixture);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct ese_raw_answer ask(struct fixture *fixture, const char *method, const char *path, const char *headers,
                                 const char *body, int status)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));

    ese_buffer_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
                      method, path, headers, strlen(body), body);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return ese_raw_finish(fd, status);
}

static void expect(struct fixture *fixture, const char *method, const char *path, const char *body, int status,
                   const char *text)
{
    struct ese_raw_answer answer = ask(fixture, method, path, "", body, status);

    assert_string_equal(answer.body, text);
    ese_raw_answer_clear(&answer);
}

static void post(struct fixture *fixture, const char *stream, const char *body)
{
    char path[80];

    snprintf(path, sizeof(path), "/streams/%s", stream);
    struct ese_raw_answer answer = ask(fixture, "POST", path, "X-Event-Type: T\r\n", body, 200);
    ese_raw_answer_clear(&answer);
}

/* One answer, which is that it was stored. (raw_http.h would do, for one thread.) */
static void read_created(int fd)
{
    static const char end[] = "\r\n\r\nCreated\n";
    struct ese_buffer answer = ESE_BUFFER_INIT(10000);
    char byte;

    while (answer.length < sizeof(end) - 1 || strcmp(answer.text + answer.length - (sizeof(end) - 1), end) != 0) {
        if (recv(fd, &byte, 1, 0) != 1 || answer.overflowed)
            abort();
        ese_buffer_append(&answer, &byte, 1);
    }
    ese_buffer_free(&answer);
}

/* So many, one after the other over one connection. Any thread. */
static void post_many(struct fixture *fixture, const char *stream, int count)
{
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));
    char request[200];

    snprintf(request, sizeof(request),
             "POST /streams/%s HTTP/1.1\r\nHost: x\r\nX-Event-Type: T\r\nContent-Length: 7\r\n\r\n{\"a\":1}", stream);
    for (int i = 0; i < count; i++) {
        ese_raw_send_text(fd, request);
        read_created(fd);
    }
    close(fd);
}

static void subscribe_by(struct fixture *fixture, const char *method, const char *name, const char *stream,
                         const char *more)
{
    char path[80], body[500];

    snprintf(path, sizeof(path), "/subscriptions/%s", name);
    snprintf(body, sizeof(body), "{\"stream\":\"%s\",\"url\":\"%s/%s\"%s%s}", stream, fixture->url, name,
             more[0] != '\0' ? "," : "", more);
    expect(fixture, method, path, body, 200, "Created\n");
}

static void subscribe(struct fixture *fixture, const char *name, const char *stream, const char *more)
{
    subscribe_by(fixture, "POST", name, stream, more);
}

/* GET /subscriptions/NAME; the caller's. */
static json_t *look(struct fixture *fixture, const char *name)
{
    char path[80];

    snprintf(path, sizeof(path), "/subscriptions/%s", name);
    struct ese_raw_answer answer = ask(fixture, "GET", path, "", "", 200);
    json_t *shown = json_loads(answer.body, 0, NULL);
    assert_non_null(shown);
    ese_raw_answer_clear(&answer);
    return shown;
}

static void assert_shown(struct fixture *fixture, const char *name, const char *member, const char *expected)
{
    json_t *shown = look(fixture, name);
    char *value = json_dumps(json_object_get(shown, member), JSON_ENCODE_ANY | JSON_COMPACT);

    assert_non_null(value);
    assert_string_equal(value, expected);
    free(value);
    json_decref(shown);
}

/* ---- waiting --------------------------------------------------------------------------------- */

struct wanted {
    struct fixture *fixture;
    const char *name;
    const char *member, *value;
    int count;
};

static int count_of(struct fixture *fixture, const char *name)
{
    int count = 0;

    pthread_mutex_lock(&fixture->mutex);
    for (int i = 0; i < fixture->count; i++)
        count += strcmp(fixture->pushes[i].name, name) == 0;
    pthread_mutex_unlock(&fixture->mutex);
    return count;
}

static bool has_come(void *context)
{
    const struct wanted *wanted = context;

    return count_of(wanted->fixture, wanted->name) >= wanted->count;
}

/* Until so many requests have come to it. */
static void await(struct fixture *fixture, const char *name, int count)
{
    struct wanted wanted = {.fixture = fixture, .name = name, .count = count};

    if (!ese_test_wait_until(has_come, &wanted, PATIENCE_MS))
        fail_msg("%d instead of %d came to %s", count_of(fixture, name), count, name);
}

static bool is_shown(void *context)
{
    const struct wanted *wanted = context;
    json_t *shown = look(wanted->fixture, wanted->name);
    char *value = json_dumps(json_object_get(shown, wanted->member), JSON_ENCODE_ANY | JSON_COMPACT);
    bool is_it = strcmp(value, wanted->value) == 0;

    free(value);
    json_decref(shown);
    return is_it;
}

static void await_shown(struct fixture *fixture, const char *name, const char *member, const char *value)
{
    struct wanted wanted = {.fixture = fixture, .name = name, .member = member, .value = value};

    if (!ese_test_wait_until(is_shown, &wanted, PATIENCE_MS))
        assert_shown(fixture, name, member, value);
}

/* Those that it answered with 200 are 1 to count, each once, in order. */
static void assert_in_order(struct fixture *fixture, const char *name, int64_t first, int64_t last)
{
    int64_t next = first;

    pthread_mutex_lock(&fixture->mutex);
    for (int i = 0; i < fixture->count; i++) {
        const struct push *push = &fixture->pushes[i];
        if (strcmp(push->name, name) != 0 || push->status != 200)
            continue;
        if (push->position != next)
            fail_msg("%s: %" PRId64 " instead of %" PRId64, name, push->position, next);
        next++;
    }
    pthread_mutex_unlock(&fixture->mutex);
    assert_int_equal(next, last + 1);
}

/* Whatever was on its way has come: of a subscription made for that another event has. */
static void settle(struct fixture *fixture)
{
    static int times;
    char name[NAME];

    snprintf(name, sizeof(name), "settled_%d", ++times);
    subscribe(fixture, name, name, AGAIN);
    post(fixture, name, "x");
    await(fixture, name, 1);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void what_is_posted_is_pushed_in_order(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 250); /* more than a page behind, */
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 250);
    await_shown(fixture, "one", "state", "\"idle\"");
    post_many(fixture, "s", 150); /* and live */
    await(fixture, "one", 400);
    await_shown(fixture, "one", "position", "400");
    await_shown(fixture, "one", "state", "\"idle\"");
    assert_in_order(fixture, "one", 1, 400);
    assert_shown(fixture, "one", "lag", "0");
    assert_shown(fixture, "one", "newest", "400");
    assert_string_equal(fixture->pushes[0].type, "T");
    assert_true(fixture->pushes[0].newest >= 250);
}

struct poster {
    struct fixture *fixture;
    pthread_t thread;
    int count;
};

static void *run_poster(void *context)
{
    struct poster *poster = context;

    post_many(poster->fixture, "s", poster->count);
    return NULL;
}

#define HANDED_OVER 30

static void nobody_misses_or_doubles_between_catching_up_and_live(void **state)
{
    struct fixture *fixture = *state;
    struct poster posters[4];
    char name[NAME];

    for (size_t i = 0; i < ESE_COUNT_OF(posters); i++) {
        posters[i] = (struct poster){.fixture = fixture, .count = 60};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, run_poster, &posters[i]), 0);
    }
    for (int i = 0; i < HANDED_OVER; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        subscribe(fixture, name, "s", AGAIN);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(posters); i++)
        pthread_join(posters[i].thread, NULL);
    for (int i = 0; i < HANDED_OVER; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        await(fixture, name, 240);
    }
    for (int i = 0; i < HANDED_OVER; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_in_order(fixture, name, 1, 240);
    }
}

static int keep_all(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)push, (void)nth;
    return 0;
}

static void one_request_is_under_way_at_a_time(void **state)
{
    struct fixture *fixture = *state;

    decide_by(fixture, keep_all);
    post_many(fixture, "s", 5);
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 1);
    assert_shown(fixture, "one", "state", "\"under way\"");
    expect(fixture, "POST", "/subscriptions/one/pause", "", 200, "Paused\n");
    expect(fixture, "POST", "/subscriptions/one/resume", "", 200, "Resumed\n");
    expect(fixture, "POST", "/subscriptions/one/resume", "", 200, "Resumed\n");
    subscribe(fixture, "one", "s", "\"position\":0");
    post_many(fixture, "s", 1);
    decide_by(fixture, NULL);
    settle(fixture);
    assert_int_equal(count_of(fixture, "one"), 1);
    release(fixture, 200);
    await(fixture, "one", 7);
    await_shown(fixture, "one", "position", "6");
    assert_in_order(fixture, "one", 1, 6); /* the first was taken before the position was set: once more */
}

/* ---- who hangs ------------------------------------------------------------------------------- */

static int keep_hanging(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)nth;
    return strncmp(push->name, "hang", 4) == 0 ? 0 : 200;
}

static int count_hanging(struct fixture *fixture)
{
    return count_of(fixture, "hang_a") + count_of(fixture, "hang_b") + count_of(fixture, "hang_c") +
           count_of(fixture, "hang_d");
}

/* Of two connections one is for those who have failed: there they hang one after the other, and always one is next. */
static void who_hangs_slows_nobody(void **state)
{
    static const char *const names[] = {"hang_a", "hang_b", "hang_c", "hang_d"};
    struct fixture *fixture = *state;

    fixture->options.connections = 2;
    fixture->options.push_timeout_ms = 500;
    restart(fixture);
    decide_by(fixture, keep_hanging);
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++)
        subscribe(fixture, names[i], "s", AGAIN);
    post(fixture, "s", "x");
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++)
        await(fixture, names[i], 2);
    subscribe(fixture, "good", "s", AGAIN);
    post_many(fixture, "s", 100);
    int before = count_hanging(fixture);
    await_shown(fixture, "good", "position", "101");
    assert_true(count_hanging(fixture) - before < 50); /* had it waited for them, there were one for each of its own */
}

static void subscribe_hanging(struct fixture *fixture, int count)
{
    char name[NAME];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "hang_%d", i);
        subscribe(fixture, name, "hung", AGAIN);
    }
}

static int all_hanging(struct fixture *fixture)
{
    char name[NAME];
    int count = 0;

    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "hang_%d", i);
        count += count_of(fixture, name);
    }
    return count;
}

static bool have_two_hung(void *context)
{
    return all_hanging(context) >= 2;
}

/* Who has taken something does not wait for those whose first push hangs; the time limit is none that they reach. */
static void who_hangs_at_first_slows_nobody_who_does_not(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.connections = 4;
    fixture->options.push_timeout_ms = 2 * PATIENCE_MS;
    restart(fixture);
    decide_by(fixture, keep_hanging);
    post(fixture, "hung", "x");
    post(fixture, "s", "x");
    subscribe(fixture, "good", "s", AGAIN);
    await_shown(fixture, "good", "position", "1");
    subscribe_hanging(fixture, 12);
    post_many(fixture, "s", 20);
    await_shown(fixture, "good", "position", "21");
    assert_true(ese_test_wait_until(have_two_hung, fixture, PATIENCE_MS));
    assert_int_equal(all_hanging(fixture), 2); /* of four connections */
}

static bool has_hung_again(void *context)
{
    return all_hanging(context) > 12;
}

static int take_then_fail_then_hang(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)nth;
    if (strncmp(push->name, "hang", 4) != 0)
        return 200;
    return push->position == 1 ? 200 : push->position == 2 ? 500 : 0;
}

static bool has_one_hung(void *context)
{
    return all_hanging(context) > 8; /* the first two of each of four were answered */
}

/* To have taken something once is not enough for who fails since, also where what fails is set aside. */
static void who_fails_is_proven_no_more(void **state)
{
    struct fixture *fixture = *state;
    char name[NAME];

    fixture->options.connections = 4;
    fixture->options.push_timeout_ms = 2 * PATIENCE_MS;
    restart(fixture);
    decide_by(fixture, take_then_fail_then_hang);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "hang_%d", i);
        subscribe(fixture, name, "hung", "\"poison\":\"aside\",\"retry\":{\"tries\":1}");
    }
    post_many(fixture, "hung", 2);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "hang_%d", i);
        await_shown(fixture, name, "position", "2");
    }
    post(fixture, "s", "x");
    subscribe(fixture, "good", "s", AGAIN);
    await_shown(fixture, "good", "position", "1");
    post(fixture, "hung", "x");
    assert_true(ese_test_wait_until(has_one_hung, fixture, PATIENCE_MS));
    post_many(fixture, "s", 20);
    await_shown(fixture, "good", "position", "21");
    assert_int_equal(all_hanging(fixture), 9);
}

static int fail_then_hang(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture;
    return strncmp(push->name, "hang", 4) != 0 ? 200 : nth == 1 ? 500 : 0;
}

static void who_is_new_does_not_wait_for_who_has_failed(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.connections = 4;
    fixture->options.push_timeout_ms = 2 * PATIENCE_MS;
    restart(fixture);
    decide_by(fixture, fail_then_hang);
    post(fixture, "hung", "x");
    post_many(fixture, "s", 5);
    subscribe_hanging(fixture, 12);
    assert_true(ese_test_wait_until(has_hung_again, fixture, PATIENCE_MS));
    settle(fixture);
    subscribe(fixture, "good", "s", AGAIN);
    await_shown(fixture, "good", "position", "5");
    assert_int_equal(all_hanging(fixture), 13);
}

/* ---- what is read ahead ---------------------------------------------------------------------- */

/* Events of which a page is full with a hundred. */
static void post_large(struct fixture *fixture, const char *stream, int count)
{
    char body[1951];

    memset(body, 'y', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    for (int i = 0; i < count; i++)
        post(fixture, stream, body);
}

static void nothing_is_read_ahead_for_who_may_hang(void **state)
{
    struct fixture *fixture = *state;

    decide_by(fixture, keep_hanging);
    post_large(fixture, "hung", 20);
    subscribe_hanging(fixture, 12);
    for (int i = 0; i < 12; i++) {
        char name[NAME];
        snprintf(name, sizeof(name), "hang_%d", i);
        await(fixture, name, 1);
    }
    assert_int_equal(atomic_load(&reads_ahead), 0);
    subscribe(fixture, "good", "hung", AGAIN);
    await_shown(fixture, "good", "position", "20");
    assert_int_equal(atomic_load(&reads_ahead), 1); /* all the others at once */
}

static int hang_at_the_second(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)nth;
    return push->position == 2 ? 0 : 200;
}

#define MANY 300

static bool all_hang(void *context)
{
    struct fixture *fixture = context;

    pthread_mutex_lock(&fixture->mutex);
    int kept = fixture->kept_count;
    pthread_mutex_unlock(&fixture->mutex);
    return kept == MANY;
}

/* A page of 192 KiB each were 56 MiB of what was read, and more of what is reserved for it. */
static void what_is_read_ahead_has_a_bound(void **state)
{
    struct fixture *fixture = *state;
    char name[NAME];

    fixture->options.connections = 2 * MANY;
    fixture->options.push_timeout_ms = 2 * PATIENCE_MS;
    restart(fixture);
    decide_by(fixture, hang_at_the_second);
    post_large(fixture, "s", 101);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        subscribe(fixture, name, "s", AGAIN);
    }
    assert_true(ese_test_wait_until(all_hang, fixture, PATIENCE_MS));
    assert_in_range(atomic_load(&reads_ahead), 100, 256);
    decide_by(fixture, NULL);
    release(fixture, 200);
    for (int i = 0; i < MANY; i += 50) {
        snprintf(name, sizeof(name), "n%d", i);
        await_shown(fixture, name, "position", "101");
    }
}

static int count_kept(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    int kept = fixture->kept_count;
    pthread_mutex_unlock(&fixture->mutex);
    return kept;
}

static bool hang_as_many_as_may(void *context)
{
    return count_kept(context) == 8;
}

/* With few connections 32 MiB, of which who is new has half: seven of 2.2 MB, and one more, which passes it. */
static void what_is_under_way_has_a_bound(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 260000;
    char *body = ese_alloc(length + 1), name[NAME];

    fixture->options.push_timeout_ms = 2 * PATIENCE_MS;
    restart(fixture);
    decide_by(fixture, keep_hanging);
    memset(body, '<', length);
    body[0] = '{';
    post(fixture, "hung", body);
    post(fixture, "s", "x");
    subscribe(fixture, "good", "s", AGAIN);
    await_shown(fixture, "good", "position", "1");
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "hang_%d", i);
        subscribe(fixture, name, "hung", "\"batch\":10," AGAIN);
    }
    assert_true(ese_test_wait_until(hang_as_many_as_may, fixture, PATIENCE_MS));
    post_many(fixture, "s", 20);
    await_shown(fixture, "good", "position", "21");
    assert_int_equal(count_kept(fixture), 8);
    decide_by(fixture, NULL);
    release(fixture, 200);
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "hang_%d", i);
        await_shown(fixture, name, "position", "1");
    }
    free(body);
}

/* ---- what an answer means -------------------------------------------------------------------- */

static int fail_the_second_once(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture;
    return push->position == 2 && nth == 1 ? (int)strtol(push->name + 1, NULL, 10) : 200;
}

static void only_200_to_300_is_taken(void **state)
{
    static const struct {
        const char *name;
        int pushes;
    } cases[] = {{"a300", 3}, {"a204", 3}, {"a201", 3}, {"a302", 4},
                 {"a304", 4}, {"a400", 4}, {"a500", 4}, {"a503", 4}};
    struct fixture *fixture = *state;

    decide_by(fixture, fail_the_second_once);
    post_many(fixture, "s", 3);
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++)
        subscribe(fixture, cases[i].name, "s", AGAIN);
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        await(fixture, cases[i].name, cases[i].pushes);
        await_shown(fixture, cases[i].name, "position", "3");
        assert_int_equal(count_of(fixture, cases[i].name), cases[i].pushes);
    }
    assert_int_equal(count_of(fixture, "elsewhere"), 0);
}

static int keep_first(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)push;
    return nth == 1 ? 0 : 200;
}

static int take_no_large_page(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)nth;
    return push->count > 1 ? 413 : 200;
}

static void what_is_too_large_as_a_page_comes_event_by_event(void **state)
{
    struct fixture *fixture = *state;

    decide_by(fixture, take_no_large_page);
    post_many(fixture, "s", 10);
    subscribe(fixture, "one", "s", "\"batch\":4,\"retry\":{\"tries\":0,\"first_ms\":3600000,\"most_ms\":3600000}");
    await_shown(fixture, "one", "position", "10");
    assert_in_order(fixture, "one", 1, 10);
    assert_int_equal(count_of(fixture, "one"), 10 + 3);
}

static void who_does_not_answer_in_time_is_tried_again(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.push_timeout_ms = 500;
    restart(fixture);
    decide_by(fixture, keep_first);
    post_many(fixture, "s", 2);
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 4); /* or more, where the machine itself is late */
    await_shown(fixture, "one", "position", "2");
    for (int i = 1; i < fixture->count; i++)
        assert_true(fixture->pushes[i].position >= fixture->pushes[i - 1].position);
}

static int fail_all(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)push, (void)nth;
    return 500;
}

static void who_fails_too_often_is_paused_with_a_reason(void **state)
{
    struct fixture *fixture = *state;
    char reason[200];

    decide_by(fixture, fail_all);
    post_many(fixture, "s", 2);
    subscribe(fixture, "one", "s", "\"retry\":{\"tries\":3,\"first_ms\":5}");
    await_shown(fixture, "one", "state", "\"paused\"");
    snprintf(reason, sizeof(reason), "\"HTTP call to %s/one failed with error code 500\"", fixture->url);
    assert_shown(fixture, "one", "pause_reason", reason);
    assert_shown(fixture, "one", "active", "false");
    assert_shown(fixture, "one", "lag", "2");
    assert_int_equal(count_of(fixture, "one"), 3);
    decide_by(fixture, NULL);
    restart(fixture);
    assert_shown(fixture, "one", "pause_reason", reason);
    assert_int_equal(count_of(fixture, "one"), 3);
    expect(fixture, "POST", "/subscriptions/one/pause", "", 400, "Subscription doesn't exist\n");
    expect(fixture, "POST", "/subscriptions/one/resume", "", 200, "Resumed\n");
    await(fixture, "one", 5);
    await_shown(fixture, "one", "position", "2");
    assert_shown(fixture, "one", "pause_reason", "\"\"");
}

static void who_registers_again_is_tried_at_once(void **state)
{
    struct fixture *fixture = *state;
    const char *hourly = "\"retry\":{\"tries\":0,\"first_ms\":3600000}";

    decide_by(fixture, fail_all);
    post_many(fixture, "s", 3);
    subscribe(fixture, "one", "s", hourly);
    await_shown(fixture, "one", "attempts", "1");
    decide_by(fixture, NULL);
    subscribe(fixture, "one", "s", hourly);
    await(fixture, "one", 4);
    subscribe(fixture, "one", "s", "\"position\":1");
    await(fixture, "one", 6);
    await_shown(fixture, "one", "position", "3");
    assert_int_equal(fixture->pushes[4].position, 2);
}

/* Of each page that it reads behind one position the first event is passed over; it counts its pages. */
static bool pass_over_one(struct ese_webhook_subscriber *subscriber, int64_t now_ns)
{
    if (subscriber->page.count == 0 || subscriber->stage++ > 0)
        return false;
    ese_webhook_subscription_pass(&subscriber->subscription, subscriber->page.events[0].position);
    ese_webhook_page_clear(&subscriber->page);
    ese_webhook_subscription_postpone(&subscriber->subscription, now_ns);
    return true;
}

static void a_lesson_sees_to_what_was_read(void **state)
{
    static const struct ese_webhook_habits habits = {.has_read = pass_over_one};
    struct fixture *fixture = *state;

    fixture->options.habits = &habits;
    restart(fixture);
    post_many(fixture, "s", 3);
    subscribe(fixture, "one", "s", AGAIN);
    await_shown(fixture, "one", "position", "3");
    assert_in_order(fixture, "one", 2, 3);
    expect(fixture, "POST", "/subscriptions/one/pause", "", 200, "Paused\n");
    post_many(fixture, "s", 2);
    expect(fixture, "POST", "/subscriptions/one/resume", "", 200, "Resumed\n"); /* it begins anew */
    await_shown(fixture, "one", "position", "5");
    assert_int_equal(count_of(fixture, "one"), 3);
}

static void what_a_lesson_has_passed_over_stays_so(void **state)
{
    static const struct ese_webhook_habits habits = {.has_read = pass_over_one};
    struct fixture *fixture = *state;

    fixture->options.habits = &habits;
    restart(fixture);
    post(fixture, "s", "x");
    subscribe(fixture, "one", "s", AGAIN);
    await_shown(fixture, "one", "position", "1");
    fixture->options.habits = NULL;
    restart(fixture);
    post(fixture, "s", "x");
    await_shown(fixture, "one", "position", "2");
    assert_in_order(fixture, "one", 2, 2);
}

static bool turn_round(struct ese_webhook_subscriber *subscriber, int64_t now_ns)
{
    struct ese_webhook_event *events = subscriber->page.events;

    (void)now_ns;
    for (int i = 0, j = subscriber->page.count - 1; i < j; i++, j--) {
        struct ese_webhook_event one = events[i];
        events[i] = events[j];
        events[j] = one;
    }
    return false;
}

static int fail_the_middle_once(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture;
    return push->position == 2 && nth == 1 ? 500 : 200;
}

static void in_any_order_each_is_pushed_once(void **state)
{
    static const struct ese_webhook_habits habits = {.has_read = turn_round, .in_any_order = true};
    static const int64_t places[] = {3, 2, 2, 1, 4};
    struct fixture *fixture = *state;

    fixture->options.habits = &habits;
    restart(fixture);
    decide_by(fixture, fail_the_middle_once);
    post_many(fixture, "s", 3);
    subscribe(fixture, "one", "s", AGAIN ",\"batch\":10");
    await(fixture, "one", 4);
    await_shown(fixture, "one", "state", "\"idle\"");
    assert_shown(fixture, "one", "position", "3");
    post(fixture, "s", "x");
    await_shown(fixture, "one", "position", "4");
    assert_int_equal(count_of(fixture, "one"), ESE_COUNT_OF(places));
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++)
        assert_int_equal(fixture->pushes[i].position, places[i]);
}

static void a_stream_that_cannot_be_read_is_not_empty(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 3);
    atomic_store(&reads_to_fail, 1);
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 3);
    assert_in_order(fixture, "one", 1, 3);
}

static char *stream_path(const struct fixture *fixture, const char *stream, const char *suffix)
{
    struct ese_buffer path = ESE_BUFFER_INIT(1000);

    ese_buffer_printf(&path, "%s/%s.db%s", fixture->directory, stream, suffix);
    return ese_buffer_detach(&path);
}

/* Its file is none that can be read, or is what it was. */
static void spoil(struct fixture *fixture, const char *stream, bool is_spoilt)
{
    char *path = stream_path(fixture, stream, ""), *kept = stream_path(fixture, stream, ".kept");

    assert_int_equal(rename(is_spoilt ? path : kept, is_spoilt ? kept : path), 0);
    if (is_spoilt) {
        FILE *file = fopen(path, "w");
        for (int i = 0; i < 5000; i++)
            fputc('x', file);
        fclose(file);
    }
    free(path);
    free(kept);
}

static bool is_well(void *context)
{
    struct fixture *fixture = context;
    char text[300];

    return ese_webhook_pusher_healthy(atomic_load(&fixture->pusher), text, sizeof(text));
}

static bool is_unwell(void *context)
{
    struct fixture *fixture = context;
    char text[300] = "";
    bool is_healthy = ese_webhook_pusher_healthy(atomic_load(&fixture->pusher), text, sizeof(text));

    return !is_healthy && strstr(text, "the stream 's' cannot be read for the subscription 'one': ") == text;
}

static void where_it_ends_is_not_known_of_what_cannot_be_read(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 3);
    subscribe(fixture, "one", "s", AGAIN);
    await_shown(fixture, "one", "position", "3");
    assert_true(ese_test_wait_until(is_well, fixture, PATIENCE_MS));
    close_server(fixture);
    spoil(fixture, "s", true);
    open_server(fixture);
    assert_shown(fixture, "one", "newest", "null");
    assert_shown(fixture, "one", "lag", "null");
    json_t *shown = look(fixture, "one");
    assert_true(json_string_length(json_object_get(shown, "problem")) > 0);
    json_decref(shown);
    struct ese_raw_answer list = ask(fixture, "GET", "/subscriptions", "", "", 200);
    assert_non_null(strstr(list.body, "\"lag\":null"));
    ese_raw_answer_clear(&list);
    struct ese_raw_answer refused = ask(fixture, "PUT", "/subscriptions/two", "",
                                        "{\"stream\":\"s\",\"url\":\"http://127.0.0.1:9/\",\"position\":-1}", 500);
    ese_raw_answer_clear(&refused);
    assert_true(ese_test_wait_until(is_unwell, fixture, PATIENCE_MS));
    close_server(fixture);
    spoil(fixture, "s", false);
    open_server(fixture);
    await_shown(fixture, "one", "newest", "3");
    assert_shown(fixture, "one", "lag", "0");
    assert_true(ese_test_wait_until(is_well, fixture, PATIENCE_MS));
}

static bool is_unstored(void *context)
{
    struct fixture *fixture = context;
    char text[300];
    bool is_healthy = ese_webhook_pusher_healthy(atomic_load(&fixture->pusher), text, sizeof(text));

    return !is_healthy && strcmp(text, "what becomes of subscriptions cannot be stored: as told") == 0;
}

static void positions_that_cannot_be_stored_are_no_health(void **state)
{
    struct fixture *fixture = *state;

    subscribe(fixture, "one", "s", AGAIN);
    assert_true(ese_test_wait_until(is_well, fixture, PATIENCE_MS));
    atomic_store(&is_full, true);
    post(fixture, "s", "x");
    assert_true(ese_test_wait_until(is_unstored, fixture, PATIENCE_MS));
    atomic_store(&is_full, false);
    assert_true(ese_test_wait_until(is_well, fixture, PATIENCE_MS));
}

static void who_is_idle_asks_nothing(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 3);
    subscribe(fixture, "one", "s", AGAIN);
    await_shown(fixture, "one", "state", "\"idle\"");
    int before = atomic_load(&reads);
    for (int i = 0; i < 20; i++)
        assert_shown(fixture, "one", "position", "3");
    assert_int_equal(atomic_load(&reads), before);
}

/* ---- deleting -------------------------------------------------------------------------------- */

static void who_is_deleted_gets_nothing_more(void **state)
{
    struct fixture *fixture = *state;

    decide_by(fixture, keep_all);
    post_many(fixture, "s", 5);
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 1);
    expect(fixture, "DELETE", "/subscriptions/one", "", 200, "Deleted\n");
    expect(fixture, "GET", "/subscriptions/one", "", 404, "{\"message\":\"Subscription doesn't exist\"}");
    decide_by(fixture, NULL);
    release(fixture, 200);
    post_many(fixture, "s", 5);
    settle(fixture);
    assert_int_equal(count_of(fixture, "one"), 1);
    expect(fixture, "DELETE", "/subscriptions/one", "", 200, "Deleted\n");
    restart(fixture);
    settle(fixture);
    assert_int_equal(count_of(fixture, "one"), 1);
}

/* Takes the one request that is kept. */
static struct ese_http_request *take_kept(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    assert_int_equal(fixture->kept_count, 1);
    struct ese_http_request *kept = fixture->kept[0];
    fixture->kept_count = 0;
    pthread_mutex_unlock(&fixture->mutex);
    return kept;
}

static void who_is_made_anew_has_nothing_of_the_old(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 3);
    subscribe(fixture, "one", "s", "\"position\":2," AGAIN);
    await_shown(fixture, "one", "position", "3");
    decide_by(fixture, keep_all);
    post_many(fixture, "s", 1);
    await(fixture, "one", 2); /* the old one's 4 is under way */
    expect(fixture, "DELETE", "/subscriptions/one", "", 200, "Deleted\n");
    subscribe(fixture, "one", "s", AGAIN);
    struct ese_http_request *of_the_old = take_kept(fixture);
    ese_http_reply(of_the_old, 200, NULL, NULL, 0);
    await(fixture, "one", 3); /* and then the new one's 1 */
    assert_int_equal(fixture->pushes[2].position, 1);
    assert_shown(fixture, "one", "position", "0");
    decide_by(fixture, NULL);
    release(fixture, 200);
    await(fixture, "one", 6);
    await_shown(fixture, "one", "position", "4");
}

/* By DELETE and POST, or by PUT; and by whoever comes behind that one. */
static void a_successor_waits_for_what_is_under_way(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 3);
    for (int times = 1; times <= 3; times++) {
        int before = count_of(fixture, "one");
        decide_by(fixture, keep_all);
        subscribe_by(fixture, "PUT", "one", "s", "\"position\":0," AGAIN);
        await(fixture, "one", before + 1);
        decide_by(fixture, NULL);
        if (times != 2)
            expect(fixture, "DELETE", "/subscriptions/one", "", 200, "Deleted\n");
        subscribe_by(fixture, times != 2 ? "POST" : "PUT", "one", "s", "\"position\":1," AGAIN);
        if (times == 3)
            subscribe_by(fixture, "PUT", "one", "s", "\"position\":2," AGAIN);
        settle(fixture);
        assert_int_equal(count_of(fixture, "one"), before + 1);
        assert_shown(fixture, "one", "state", "\"under way\"");
        release(fixture, times == 1 ? 500 : 200);
        await_shown(fixture, "one", "position", "3");
        assert_int_equal(count_of(fixture, "one"), before + (times == 3 ? 2 : 3));
        assert_shown(fixture, "one", "attempts", "0");
    }
}

/* Another name has nothing to wait for, and no one waits longer than the push may take. */
static void a_successor_waits_no_longer_than_a_push(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.push_timeout_ms = 300;
    restart(fixture);
    decide_by(fixture, keep_first);
    post_many(fixture, "s", 1);
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 1);
    subscribe_by(fixture, "PUT", "one", "s", "\"position\":0," AGAIN);
    await_shown(fixture, "one", "position", "1"); /* though nobody has answered */
}

/* Who was made and is deleted again while it waits, or at the server's end, is nobody's to tell. */
static void a_successor_may_leave_before_it_begins(void **state)
{
    struct fixture *fixture = *state;

    decide_by(fixture, keep_all);
    post_many(fixture, "s", 1);
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 1);
    subscribe_by(fixture, "PUT", "one", "s", AGAIN);
    expect(fixture, "DELETE", "/subscriptions/one", "", 200, "Deleted\n");
    decide_by(fixture, NULL);
    release(fixture, 200);
    settle(fixture);
    assert_int_equal(count_of(fixture, "one"), 1);
    subscribe(fixture, "one", "s", AGAIN);
    await(fixture, "one", 2);
    decide_by(fixture, keep_all);
    subscribe(fixture, "two", "s", AGAIN);
    await(fixture, "two", 1);
    subscribe_by(fixture, "PUT", "two", "s", AGAIN);
}

static void put_replaces_whatever_is_there(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 4);
    subscribe(fixture, "one", "s", AGAIN);
    await_shown(fixture, "one", "position", "4");
    subscribe_by(fixture, "PUT", "one", "s", "\"batch\":2," AGAIN);
    await_shown(fixture, "one", "state", "\"idle\"");
    assert_shown(fixture, "one", "position", "4"); /* goes on from where it was */
    assert_shown(fixture, "one", "batch", "2");
    assert_int_equal(count_of(fixture, "one"), 4);
    subscribe_by(fixture, "PUT", "one", "s", "\"position\":2,\"batch\":2," AGAIN);
    await(fixture, "one", 5);
    subscribe_by(fixture, "PUT", "two", "s", "\"position\":3");
    await(fixture, "two", 1);
    restart(fixture);
    assert_shown(fixture, "one", "batch", "2");
    assert_shown(fixture, "one", "position", "4");
}

/* ---- poison, batches, signatures, restarts --------------------------------------------------- */

static int fail_the_second(struct fixture *fixture, const struct push *push, int nth)
{
    (void)fixture, (void)nth;
    return push->position == 2 || push->count > 1 ? 500 : 200;
}

static void assert_one_letter(struct fixture *fixture, const char *path)
{
    struct ese_raw_answer answer = ask(fixture, "GET", path, "", "", 200);
    json_t *letters = json_loads(answer.body, 0, NULL);

    assert_int_equal(json_array_size(letters), 1);
    const json_t *letter = json_array_get(letters, 0);
    assert_int_equal(json_integer_value(json_object_get(letter, "position")), 2);
    assert_string_equal(json_string_value(json_object_get(letter, "body_json")), "{\"a\":1}");
    assert_string_equal(json_string_value(json_object_get(letter, "stream")), "s");
    assert_non_null(strstr(json_string_value(json_object_get(letter, "reason")), "failed with error code 500"));
    json_decref(letters);
    ese_raw_answer_clear(&answer);
}

static void a_poisoned_event_is_set_aside(void **state)
{
    struct fixture *fixture = *state;
    const char *aside = "\"poison\":\"aside\",\"retry\":{\"tries\":2,\"first_ms\":5}";

    decide_by(fixture, fail_the_second);
    post_many(fixture, "s", 4);
    subscribe(fixture, "one", "s", aside);
    await_shown(fixture, "one", "position", "4");
    assert_shown(fixture, "one", "dead_letters", "1");
    assert_int_equal(count_of(fixture, "one"), 5);
    assert_one_letter(fixture, "/subscriptions/one/dead-letters");
    expect(fixture, "GET", "/subscriptions/one/dead-letters?after=2", "", 200, "[]");
    expect(fixture, "GET", "/subscriptions/two/dead-letters", "", 404, "{\"message\":\"Subscription doesn't exist\"}");
    restart(fixture);
    assert_one_letter(fixture, "/subscriptions/one/dead-letters?after=1");
    assert_shown(fixture, "one", "dead_letters", "1");
}

static void of_a_failing_batch_only_the_poisoned_event_is_set_aside(void **state)
{
    struct fixture *fixture = *state;

    decide_by(fixture, fail_the_second);
    post_many(fixture, "s", 4);
    subscribe(fixture, "one", "s", "\"batch\":4,\"poison\":\"aside\",\"retry\":{\"tries\":1,\"first_ms\":5}");
    await_shown(fixture, "one", "position", "4");
    assert_int_equal(count_of(fixture, "one"), 5);
    assert_one_letter(fixture, "/subscriptions/one/dead-letters");
}

static void of_a_failing_batch_the_line_stops_in_front_of_the_poisoned_event(void **state)
{
    struct fixture *fixture = *state;

    decide_by(fixture, fail_the_second);
    post_many(fixture, "s", 4);
    subscribe(fixture, "one", "s", "\"batch\":4,\"retry\":{\"tries\":1,\"first_ms\":5}");
    await_shown(fixture, "one", "state", "\"paused\"");
    assert_shown(fixture, "one", "position", "1");
    assert_int_equal(count_of(fixture, "one"), 3);
    decide_by(fixture, NULL);
    expect(fixture, "POST", "/subscriptions/one/resume", "", 200, "Resumed\n");
    await_shown(fixture, "one", "position", "4");
    assert_in_order(fixture, "one", 1, 4);
}

static void a_page_goes_in_one_push(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 10);
    subscribe(fixture, "one", "s", "\"batch\":4," AGAIN);
    await(fixture, "one", 3);
    await_shown(fixture, "one", "position", "10");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture->pushes[i].count, i < 2 ? 4 : 2);
        assert_int_equal(fixture->pushes[i].position, i < 2 ? 4 * (i + 1) : 10);
    }
    json_t *events = json_loads(fixture->last_body, 0, NULL);
    assert_int_equal(json_array_size(events), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(events, 0), "position")), 9);
    json_decref(events);
}

static char *write_secret(struct fixture *fixture, const char *name, const char *text, mode_t mode)
{
    char *path = ese_test_path(fixture->directory, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
    return path;
}

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"

static void what_is_pushed_is_signed(void **state)
{
    struct fixture *fixture = *state;
    struct ese_webhook_secret secret = {0};
    char *path = write_secret(fixture, "shop", SECRET, 0600);

    assert_int_equal(ese_webhook_secret_read(path, &secret, NULL), 0);
    post(fixture, "s", "{\"a\":1}");
    subscribe(fixture, "one", "s", "\"signed\":\"shop\"");
    await(fixture, "one", 1);
    pthread_mutex_lock(&fixture->mutex);
    const struct ese_webhook_signed parts = {.id = fixture->last_headers[0],
                                             .timestamp = fixture->last_headers[1],
                                             .signature = fixture->last_headers[2]};
    int result = ese_webhook_verify(&secret, &parts, fixture->last_body, strlen(fixture->last_body),
                                    ese_clock_wall_ms() / 1000, 300, NULL);
    pthread_mutex_unlock(&fixture->mutex);
    assert_int_equal(result, 0);
    free(path);
}

static void assert_not_signed(struct fixture *fixture, const char *method, const char *secret, const char *said)
{
    char body[300];

    snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"%s/one\",\"signed\":\"%s\"}", fixture->url, secret);
    struct ese_raw_answer answer = ask(fixture, method, "/subscriptions/one", "", body, 400);
    if (strncmp(answer.body, said, strlen(said)) != 0)
        fail_msg("'%s' instead of '%s'", answer.body, said);
    assert_null(strstr(answer.body, fixture->directory));
    assert_null(strstr(answer.body, "MfKQ9r8"));
    ese_raw_answer_clear(&answer);
}

/* Who says nothing of it has what was said before. */
static void assert_not_signed_again(struct fixture *fixture)
{
    char body[200];

    snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"%s/one\"}", fixture->url);
    expect(fixture, "POST", "/subscriptions/one", body, 400,
           "the webhook secret file 'shop': No such file or directory; give a file whose first line is it\n");
    assert_shown(fixture, "one", "state", "\"idle\"");
}

static void secrets_are_in_a_directory(void **state)
{
    struct fixture *fixture = *state;
    char *path = write_secret(fixture, "shop", SECRET, 0600);
    struct ese_webhook_pusher_options options = fixture->options;
    struct ese_webhook_pusher *pusher;
    struct ese_error error;

    options.secrets = path;
    assert_int_equal(ese_webhook_pusher_open(&options, &pusher, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_non_null(strstr(error.text, "secrets: '"));
    assert_non_null(strstr(error.text, "' is no directory"));
    free(path);
}

static void who_cannot_sign_is_not_made(void **state)
{
    struct fixture *fixture = *state;
    static const char *const methods[] = {"POST", "PUT"};

    free(write_secret(fixture, "open", SECRET, 0644));
    free(write_secret(fixture, "short", "whsec_MfKQ9r8\n", 0600));
    for (size_t i = 0; i < ESE_COUNT_OF(methods); i++) {
        assert_not_signed(fixture, methods[i], "nothing", "signed: the webhook secret file 'nothing': No such file");
        assert_not_signed(fixture, methods[i], "open", "signed: the webhook secret file 'open' is open to others");
        assert_not_signed(fixture, methods[i], "short", "signed: the webhook secret file 'short', line 1: a secret");
        assert_not_signed(fixture, methods[i], "a/b", "signed: 'a/b' is no name of a secret");
    }
    expect(fixture, "GET", "/subscriptions", "", 200, "[]");
    char *path = write_secret(fixture, "shop", SECRET, 0600);
    subscribe(fixture, "one", "s", "\"signed\":\"shop\"");
    assert_not_signed(fixture, "PUT", "nothing", "signed: ");
    assert_shown(fixture, "one", "signed", "\"shop\"");
    unlink(path);
    assert_not_signed_again(fixture);
    restart(fixture);
    post(fixture, "s", "x");
    await_shown(fixture, "one", "state", "\"paused\""); /* rather than unsigned */
    assert_shown(fixture, "one", "pause_reason", "\"the webhook secret file 'shop': No such file or directory; give a "
                                                 "file whose first line is it\"");
    assert_int_equal(count_of(fixture, "one"), 0);
    free(path);
}

static void the_next_life_goes_on_where_the_last_one_was(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 20);
    subscribe(fixture, "one", "s", "\"headers\":{ \"X-A\" : \"b\" }");
    await_shown(fixture, "one", "position", "20");
    restart(fixture);
    post_many(fixture, "s", 5);
    await(fixture, "one", 25);
    assert_in_order(fixture, "one", 1, 25);
}

/* What lies behind that position is not in its file any more. */
static void shorten(struct fixture *fixture, const char *stream, int64_t end)
{
    char *path = stream_path(fixture, stream, ""), sql[80];
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS, .schema = ""};
    struct ese_sqlite *sqlite;
    struct ese_error error = {0};

    snprintf(sql, sizeof(sql), "DELETE FROM events WHERE rowid > %" PRId64, end);
    check(ese_sqlite_open(&options, &sqlite, &error), &error);
    check(ese_sqlite_run(sqlite, sql, &error), &error);
    ese_sqlite_close(&sqlite);
    free(path);
}

/* As a power cut or a backup leaves it. Who was paused, or is put there anew meanwhile, is one of them. */
static void what_has_the_place_of_what_was_lost_is_pushed(void **state)
{
    struct fixture *fixture = *state;

    subscribe(fixture, "one", "s", "");
    subscribe(fixture, "paused", "s", "");
    subscribe(fixture, "anew", "s", "");
    subscribe(fixture, "whole", "w", "");
    post_many(fixture, "s", 5);
    post_many(fixture, "w", 5);
    await_shown(fixture, "one", "position", "5");
    await_shown(fixture, "paused", "position", "5");
    await_shown(fixture, "anew", "position", "5");
    await_shown(fixture, "whole", "position", "5");
    expect(fixture, "POST", "/subscriptions/paused/pause", "", 200, "Paused\n");
    expect(fixture, "POST", "/subscriptions/anew/pause", "", 200, "Paused\n");
    close_server(fixture);
    shorten(fixture, "s", 2);
    shorten(fixture, "w", 0);
    open_server(fixture);
    post_many(fixture, "s", 4); /* of which the third is in the place of the last that was taken */
    post_many(fixture, "w", 1);
    subscribe_by(fixture, "PUT", "anew", "s", "");
    expect(fixture, "POST", "/subscriptions/paused/resume", "", 200, "Resumed\n");
    await(fixture, "one", 9);
    await(fixture, "paused", 9);
    await(fixture, "anew", 9);
    await(fixture, "whole", 6);
    await_shown(fixture, "one", "position", "6");
    await_shown(fixture, "whole", "position", "1");
    restart(fixture);
    assert_shown(fixture, "one", "position", "6");
}

/* Nor, in the next life, what nobody has lost; and whoever asks for it may wait for what is far ahead. */
static void a_position_beyond_the_end_that_somebody_sets_stays(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 5);
    subscribe(fixture, "one", "s", "");
    await_shown(fixture, "one", "position", "5");
    restart(fixture);
    subscribe(fixture, "one", "s", "\"position\":7");
    post_many(fixture, "s", 3);
    await_shown(fixture, "one", "position", "8");
    assert_int_equal(count_of(fixture, "one"), 6);
}

static void who_wants_what_is_new_begins_behind_the_newest(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 5);
    subscribe(fixture, "one", "s", "\"position\":-1");
    subscribe(fixture, "two", "nothing", "\"position\":-1");
    assert_shown(fixture, "one", "position", "5");
    assert_shown(fixture, "two", "position", "0");
    post_many(fixture, "s", 1);
    await_shown(fixture, "one", "position", "6");
    assert_in_order(fixture, "one", 6, 6);
}

/* Positions begin elsewhere there. */
static void in_memory_it_is_the_same(void **state)
{
    struct fixture *fixture = *state;

    close_server(fixture);
    fixture->durability = ESE_DURABILITY_MEMORY;
    open_server(fixture);
    subscribe(fixture, "new", "nothing", "\"position\":-1");
    json_t *shown = look(fixture, "new");
    assert_true(json_integer_value(json_object_get(shown, "newest")) > 1);
    assert_true(json_equal(json_object_get(shown, "newest"), json_object_get(shown, "position")));
    json_decref(shown);
    post_many(fixture, "s", 150);
    subscribe(fixture, "one", "s", AGAIN);
    post_many(fixture, "s", 50);
    await(fixture, "one", 200);
    await_shown(fixture, "one", "lag", "0");
    assert_in_order(fixture, "one", fixture->pushes[0].position, fixture->pushes[0].position + 199);
}

static void where_nobody_may_push_nothing_is_pushed(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 2);
    subscribe(fixture, "one", "s", "");
    await_shown(fixture, "one", "position", "2");
    fixture->options.allow_targets = NULL; /* whatever is public */
    restart(fixture);
    post_many(fixture, "s", 1);
    await_shown(fixture, "one", "state", "\"paused\"");
    assert_int_equal(count_of(fixture, "one"), 2);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static void what_cannot_be_is_refused_in_the_originals_order(void **state)
{
    static const struct {
        const char *name, *body;
        const char *text;
    } cases[] = {
        {"bad-name", "", "unexpected end of JSON input\n"},
        {"bad-name", "{\"stream\":5}",
         "json: cannot unmarshal number into Go struct field Subscription.stream of type string\n"},
        {"bad-name", "[]", "json: cannot unmarshal array into Go value of type eventstore.Subscription\n"},
        {"bad-name", "{}",
         "Subscription name must match [a-z0-9_] regex. Must be alphanumeric, underscores are allowed.\n"},
        {"one", "{}", "Stream name can not be empty\n"},
        {"one", "null", "Stream name can not be empty\n"},
        {"bad-name", "{\"NAME\":\"one\"}", "Stream name can not be empty\n"},
        {"one", "{\"stream\":\"s\"}", "Stream callback URL can not be empty\n"},
        {"one", "{\"Stream\":\"s\",\"URL\":\"http://127.0.0.1/\",\"Headers\":[]}",
         "Headers must be a JSON object with key being name of HTTP header\n"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char path[80];
        snprintf(path, sizeof(path), "/subscriptions/%s", cases[i].name);
        expect(fixture, "POST", path, cases[i].body, 400, cases[i].text);
        expect(fixture, "PUT", path, cases[i].body, 400, cases[i].text);
    }
    expect(fixture, "GET", "/subscriptions", "", 200, "[]");
}

static void what_is_hostile_is_refused_with_its_name(void **state)
{
    static const struct {
        const char *more; /* behind a good stream, and URL */
        const char *part; /* of what is answered */
    } cases[] = {
        {"\"stream\":\"../evil\"", "stream"},
        {"\"stream\":\"_meta\"", "stream"},
        {"\"url\":\"http://[::1\"", "http://[::1"},
        {"\"url\":\"http://10.0.0.1/\"", "10.0.0.1"},
        {"\"headers\":{\"A\":\"b\\r\\nC: d\"}", "'A'"},
        {"\"position\":-2", "position: -2 "},
        {"\"batch\":0", "batch: 0 "},
        {"\"batch\":1001", "batch: 1001 "},
        {"\"batch\":1e3", "batch: "},
        {"\"batch\":9999999999", "batch: 9999999999 "},
        {"\"retry\":5", "retry: "},
        {"\"retry\":{\"tries\":-1}", "retry.tries: -1 "},
        {"\"retry\":{\"first_ms\":0}", "retry.first_ms: 0 "},
        {"\"retry\":{\"most_ms\":1}", "retry.most_ms: 1 "},
        {"\"poison\":\"ignore\"", "poison: \"ignore\" "},
        {"\"poison\":\"aside\",\"retry\":{\"tries\":0}", "retry.tries: 0 "},
        {"\"signed\":\"../key\"", "signed: '../key' "},
        {"\"signed\":\".key\"", "signed: '.key' "},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char body[300];
        snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"http://127.0.0.1:9/\",%s}", cases[i].more);
        struct ese_raw_answer answer = ask(fixture, "POST", "/subscriptions/one", "", body, 400);
        if (strstr(answer.body, cases[i].part) == NULL)
            fail_msg("%s: %s", cases[i].more, answer.body);
        assert_int_equal(answer.body[answer.length - 1], '\n');
        ese_raw_answer_clear(&answer);
    }
    expect(fixture, "GET", "/subscriptions", "", 200, "[]");
}

static void the_routes_answer_as_the_originals(void **state)
{
    struct fixture *fixture = *state;
    char body[200];

    expect(fixture, "POST", "/subscriptions/one/pause", "", 400, "Subscription doesn't exist\n");
    expect(fixture, "POST", "/subscriptions/one/resume", "", 400, "Subscription doesn't exist\n");
    expect(fixture, "DELETE", "/subscriptions/one", "", 200, "Deleted\n");
    subscribe(fixture, "one", "s", "");
    snprintf(body, sizeof(body), "{\"stream\":\"t\",\"url\":\"%s/one\"}", fixture->url);
    expect(fixture, "POST", "/subscriptions/one", body, 400, "Subscription with this name already exists\n");
    snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"%s/two\"}", fixture->url);
    expect(fixture, "POST", "/subscriptions/one", body, 400, "Subscription with this name already exists\n");
    expect(fixture, "POST", "/subscriptions/one/pause", "", 200, "Paused\n");
    expect(fixture, "POST", "/subscriptions/one/pause", "", 400, "Subscription doesn't exist\n");
    assert_shown(fixture, "one", "pause_reason", "\"API request\"");
    expect(fixture, "POST", "/subscriptions/one/resume", "", 200, "Resumed\n");
    expect(fixture, "POST", "/subscriptions/one/resume", "", 200, "Resumed\n");
    assert_shown(fixture, "one", "active", "true");
}

static void assert_other(struct fixture *fixture, const char *members, const char *other)
{
    char body[400], text[200];

    snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"%s/one\",%s}", fixture->url, members);
    snprintf(text, sizeof(text), "Subscription with this name already exists, with another \"%s\": PUT changes it\n",
             other);
    expect(fixture, "POST", "/subscriptions/one", body, 400, text);
}

/* Whoever registers again hears of what would not be as he says. */
static void what_is_another_is_not_kept_silently(void **state)
{
    struct fixture *fixture = *state;
    const char *members = "\"batch\":7,\"poison\":\"aside\",\"retry\":{\"tries\":9,\"first_ms\":5,\"most_ms\":6},"
                          "\"signed\":\"shop\",\"headers\":{\"x-a\":\"b\",\"x-c\":\"d\"}";

    free(write_secret(fixture, "shop", SECRET, 0600));
    free(write_secret(fixture, "other", SECRET, 0600));
    subscribe(fixture, "one", "s", members);
    assert_other(fixture, "\"batch\":8", "batch");
    assert_other(fixture, "\"batch\":1", "batch");
    assert_other(fixture, "\"poison\":\"stop\"", "poison");
    assert_other(fixture, "\"retry\":{}", "retry");
    assert_other(fixture, "\"retry\":{\"tries\":8,\"first_ms\":5,\"most_ms\":6}", "retry");
    assert_other(fixture, "\"retry\":{\"tries\":9,\"first_ms\":4,\"most_ms\":6}", "retry");
    assert_other(fixture, "\"retry\":{\"tries\":9,\"first_ms\":5,\"most_ms\":7}", "retry");
    assert_other(fixture, "\"signed\":\"other\"", "signed");
    assert_other(fixture, "\"signed\":\"\"", "signed");
    assert_other(fixture, "\"headers\":{\"x-a\":\"b\",\"x-c\":\"e\"}", "headers");
    assert_other(fixture, "\"headers\":{}", "headers");
    assert_other(fixture, "\"position\":5,\"batch\":8", "batch");
    assert_shown(fixture, "one", "position", "0");
    expect(fixture, "POST", "/subscriptions/one/pause", "", 200, "Paused\n");
    assert_other(fixture, "\"batch\":8", "batch");
    assert_shown(fixture, "one", "active", "false");
    subscribe(fixture, "one", "s", members);
    assert_shown(fixture, "one", "active", "true");
    subscribe(fixture, "one", "s", "");
    subscribe(fixture, "one", "s", "\"batch\":null,\"poison\":null,\"retry\":null,\"signed\":null,\"headers\":null");
    subscribe(fixture, "one", "s", "\"headers\": {\"x-c\":\"d\", \"x-a\":\"b\" },\"position\":3");
    assert_shown(fixture, "one", "position", "3");
    subscribe(fixture, "plain", "s", "");
    subscribe(fixture, "plain", "s", "\"headers\":{},\"batch\":1,\"poison\":\"stop\",\"retry\":{},\"signed\":\"\"");
    subscribe_by(fixture, "PUT", "one", "s", "\"batch\":8");
    assert_shown(fixture, "one", "batch", "8");
}

static void subscriptions_are_listed_as_the_original_does(void **state)
{
    struct fixture *fixture = *state;
    char start[300];

    subscribe(fixture, "one", "s", "\"position\":7,\"headers\":{ \"X-A\" : \"<b>\" }");
    subscribe(fixture, "two", "s", "\"headers\":null");
    await_shown(fixture, "one", "state", "\"idle\"");
    struct ese_raw_answer answer = ask(fixture, "GET", "/subscriptions", "", "", 200);
    snprintf(start, sizeof(start),
             "[{\"name\":\"one\",\"stream\":\"s\",\"url\":\"%s/one\",\"position\":7,"
             "\"headers\":{\"X-A\":\"\\u003cb\\u003e\"},\"active\":true,\"pause_reason\":\"\",\"created\":\"2",
             fixture->url);
    assert_memory_equal(answer.body, start, strlen(start));
    assert_non_null(strstr(answer.body, "\"updated\":\"\",\"lag\":0,\"state\":\"idle\",\"attempts\":0,"
                                        "\"dead_letters\":0,"
                                        "\"batch\":1,\"retry\":{\"tries\":5,\"first_ms\":8000,\"most_ms\":64000},"
                                        "\"poison\":\"stop\",\"signed\":\"\"},{\"name\":\"two\""));
    assert_non_null(strstr(answer.body, "\"headers\":null"));
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "application/json; charset=UTF-8");
    ese_raw_answer_clear(&answer);
}

/* ---- figures --------------------------------------------------------------------------------- */

struct figure {
    struct fixture *fixture;
    const char *line;
};

static bool is_told(void *context)
{
    const struct figure *figure = context;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);

    ese_metrics_render(figure->fixture->metrics, &text);
    bool is_there = strstr(text.text, figure->line) != NULL;
    ese_buffer_free(&text);
    return is_there;
}

static void assert_told(struct fixture *fixture, const char *line)
{
    struct figure figure = {.fixture = fixture, .line = line};

    if (!ese_test_wait_until(is_told, &figure, PATIENCE_MS))
        fail_msg("not told: %s", line);
}

static void assert_not_told(struct fixture *fixture, const char *line)
{
    struct figure figure = {.fixture = fixture, .line = line};

    if (is_told(&figure))
        fail_msg("told: %s", line);
}

static void figures_tell_of_each(void **state)
{
    struct fixture *fixture = *state;

    post_many(fixture, "s", 3);
    subscribe(fixture, "one", "s", "");
    await_shown(fixture, "one", "position", "3");
    expect(fixture, "POST", "/subscriptions/one/pause", "", 200, "Paused\n");
    post_many(fixture, "s", 2);
    assert_told(fixture, "ese_webhook_subscription_pushed_events_total{subscription=\"one\"} 3\n");
    assert_told(fixture, "ese_webhook_subscription_attempts_total{subscription=\"one\"} 3\n");
    assert_told(fixture, "ese_webhook_subscription_failures_total{subscription=\"one\"} 0\n");
    assert_told(fixture, "ese_webhook_subscription_lag_events{subscription=\"one\"} 2\n");
    assert_told(fixture, "ese_webhook_subscription_lag_seconds{subscription=\"one\"} 1\n");
    assert_told(fixture, "ese_webhook_subscription_state{subscription=\"one\"} 3\n");
    expect(fixture, "DELETE", "/subscriptions/one", "", 200, "Deleted\n");
    assert_not_told(fixture, "{subscription=\"one\"}");
}

/* As whoever registers again and again does, because nothing comes. */
static void who_is_replaced_is_as_late_as_before(void **state)
{
    struct fixture *fixture = *state;
    struct figure late = {.fixture = fixture, .line = "ese_webhook_subscription_lag_events{subscription=\"hang\"} 2\n"};

    decide_by(fixture, keep_hanging);
    post_many(fixture, "s", 2);
    subscribe(fixture, "hang", "s", AGAIN);
    assert_told(fixture, late.line);
    subscribe_by(fixture, "PUT", "hang", "s", AGAIN ",\"batch\":2");
    assert_true(is_told(&late));
}

static void many_subscriptions_have_few_figures(void **state)
{
    struct fixture *fixture = *state;
    char name[NAME];

    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        subscribe(fixture, name, "s", AGAIN);
    }
    post(fixture, "s", "x");
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        await(fixture, name, 1);
    }
    assert_told(fixture, "ese_webhook_subscription_pushed_events_total{subscription=\"n49\"} 1\n");
    assert_told(fixture, "ese_webhook_subscription_pushed_events_total{subscription=\"*\"} 10\n");
    assert_not_told(fixture, "ese_webhook_subscription_state{subscription=\"*\"}");
    subscribe_by(fixture, "PUT", "n7", "s", AGAIN);
    assert_told(fixture, "ese_webhook_subscription_pushed_events_total{subscription=\"n7\"} 1\n");
    expect(fixture, "DELETE", "/subscriptions/n7", "", 200, "Deleted\n");
    assert_not_told(fixture, "{subscription=\"n7\"}");
    subscribe(fixture, "new", "s", AGAIN);
    assert_told(fixture, "ese_webhook_subscription_pushed_events_total{subscription=\"new\"} 1\n");
    expect(fixture, "DELETE", "/subscriptions/n59", "", 200, "Deleted\n"); /* one of those that share */
    assert_told(fixture, "ese_webhook_subscription_pushed_events_total{subscription=\"*\"} 10\n");
    expect(fixture, "POST", "/subscriptions/n50/pause", "", 200, "Paused\n");
    post(fixture, "s", "x");
    assert_told(fixture, "ese_webhook_subscription_lag_events{subscription=\"*\"} 1\n");
    for (int i = 50; i < 59; i++) {
        snprintf(name, sizeof(name), "/subscriptions/n%d", i);
        expect(fixture, "DELETE", name, "", 200, "Deleted\n");
    }
    assert_told(fixture, "ese_webhook_subscription_lag_events{subscription=\"*\"} 0\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_posted_is_pushed_in_order),
        TEST(nobody_misses_or_doubles_between_catching_up_and_live),
        TEST(one_request_is_under_way_at_a_time),
        TEST(who_hangs_slows_nobody),
        TEST(who_hangs_at_first_slows_nobody_who_does_not),
        TEST(who_fails_is_proven_no_more),
        TEST(who_is_new_does_not_wait_for_who_has_failed),
        TEST(nothing_is_read_ahead_for_who_may_hang),
        TEST(what_is_read_ahead_has_a_bound),
        TEST(what_is_under_way_has_a_bound),
        TEST(what_is_too_large_as_a_page_comes_event_by_event),
        TEST(only_200_to_300_is_taken),
        TEST(who_does_not_answer_in_time_is_tried_again),
        TEST(who_fails_too_often_is_paused_with_a_reason),
        TEST(who_registers_again_is_tried_at_once),
        TEST(a_lesson_sees_to_what_was_read),
        TEST(what_a_lesson_has_passed_over_stays_so),
        TEST(in_any_order_each_is_pushed_once),
        TEST(a_stream_that_cannot_be_read_is_not_empty),
        TEST(where_it_ends_is_not_known_of_what_cannot_be_read),
        TEST(positions_that_cannot_be_stored_are_no_health),
        TEST(who_is_idle_asks_nothing),
        TEST(who_is_deleted_gets_nothing_more),
        TEST(who_is_made_anew_has_nothing_of_the_old),
        TEST(a_successor_waits_for_what_is_under_way),
        TEST(a_successor_waits_no_longer_than_a_push),
        TEST(a_successor_may_leave_before_it_begins),
        TEST(put_replaces_whatever_is_there),
        TEST(a_poisoned_event_is_set_aside),
        TEST(of_a_failing_batch_only_the_poisoned_event_is_set_aside),
        TEST(of_a_failing_batch_the_line_stops_in_front_of_the_poisoned_event),
        TEST(a_page_goes_in_one_push),
        TEST(what_is_pushed_is_signed),
        TEST(who_cannot_sign_is_not_made),
        TEST(secrets_are_in_a_directory),
        TEST(what_has_the_place_of_what_was_lost_is_pushed),
        TEST(a_position_beyond_the_end_that_somebody_sets_stays),
        TEST(the_next_life_goes_on_where_the_last_one_was),
        TEST(who_wants_what_is_new_begins_behind_the_newest),
        TEST(in_memory_it_is_the_same),
        TEST(where_nobody_may_push_nothing_is_pushed),
        TEST(what_cannot_be_is_refused_in_the_originals_order),
        TEST(what_is_hostile_is_refused_with_its_name),
        TEST(the_routes_answer_as_the_originals),
        TEST(what_is_another_is_not_kept_silently),
        TEST(subscriptions_are_listed_as_the_original_does),
        TEST(figures_tell_of_each),
        TEST(who_is_replaced_is_as_late_as_before),
        TEST(many_subscriptions_have_few_figures),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
