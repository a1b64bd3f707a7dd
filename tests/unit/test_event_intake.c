/* The original's ingest routes, over sockets, before a store that does what a test tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

#include "ese-core/event_intake.h"
#include "tests/support/raw_http.h"

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    struct ese_event_intake *intake;
    /* The stand-in store: answers with `result`, at once or from a thread. */
    enum ese_append_result result;
    const char *why;
    bool later;
    pthread_t thread;
    int appended;
    /* What it saw last. */
    struct ese_event seen[4];
    size_t seen_count;
    uint64_t content_hash;
    char idempotency_key[ESE_INTAKE_KEY_SIZE];
};

struct late {
    struct ese_append *append;
    enum ese_append_result result;
};

static void *answer_late(void *context)
{
    struct late *late = context;
    ese_append_done(late->append, late->result);
    free(late);
    return NULL;
}

static void append(void *store, struct ese_append *append)
{
    struct fixture *fixture = store;
    fixture->appended++;
    snprintf(append->why, sizeof append->why, "%s", fixture->why == NULL ? "" : fixture->why);
    fixture->seen_count = append->list.count;
    fixture->content_hash = append->content_hash;
    memcpy(fixture->idempotency_key, append->idempotency_key, sizeof fixture->idempotency_key);
    for (size_t i = 0; i < append->list.count; i++) {
        append->list.events[i].server_ts = 1700000000123;
        if (i < 4)
            ese_event_copy(&fixture->seen[i], &append->list.events[i]);
    }
    if (!fixture->later) {
        ese_append_done(append, fixture->result);
        return;
    }
    struct late *late = malloc(sizeof *late);
    *late = (struct late){append, fixture->result};
    pthread_create(&fixture->thread, NULL, answer_late, late);
}

static void start(struct fixture *fixture)
{
    struct ese_error error = {0};
    *fixture = (struct fixture){.metrics = ese_metrics_new()};
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0",
                                                    .metrics = fixture->metrics};
    assert_int_equal(ese_http_server_open(&options, &fixture->server, &error), 0);
    fixture->intake = ese_event_intake_new(fixture->server, fixture->metrics, 3, append, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
}

static void stop(struct fixture *fixture)
{
    ese_http_server_close(&fixture->server);
    ese_event_intake_free(&fixture->intake);
    assert_null(fixture->intake);
    for (int i = 0; i < 4; i++)
        ese_event_clear(&fixture->seen[i]);
    ese_metrics_free(&fixture->metrics);
}

/* headers: lines that end in CR LF, or "". */
static struct ese_raw_answer post(struct fixture *fixture, const char *path, const char *headers,
                                  const char *body, int status)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    struct ese_raw_answer answer;
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));
    ese_buffer_printf(&request, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s",
                      path, headers, strlen(body), body);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    assert_true(ese_raw_read_answer(fd, true, &answer));
    if (answer.status != status)
        fail_msg("%s %s: %s\n%s", path, body, answer.head, answer.body);
    close(fd);
    if (fixture->later)
        pthread_join(fixture->thread, NULL);
    return answer;
}

static void post_and_drop(struct fixture *fixture, const char *path, const char *headers,
                          const char *body, int status)
{
    struct ese_raw_answer answer = post(fixture, path, headers, body, status);
    ese_raw_answer_clear(&answer);
}

#define CLICK(ts)                                                                                  \
    "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"},"              \
    "\"timestamp\":" #ts ",\"ip\":\"1.2.3.4-1\",\"data\":{}}"

/* One with members of its own. */
#define NAMED(ts, members)                                                                         \
    "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":" #ts ",\"ip\":\"i\"," members "}"

/* ---- stored ---------------------------------------------------------------------------------- */

static void an_event_is_answered_as_the_original_answers(void **state)
{
    struct fixture fixture;
    char id[ESE_ID_TEXT_SIZE], expected[500];
    (void)state;
    start(&fixture);
    struct ese_raw_answer answer = post(&fixture, "/event", "", CLICK(1700000000000), 201);
    ese_id_text(&fixture.seen[0].id, id);
    snprintf(expected, sizeof expected,
             "{\n"
             "    \"type\": \"CLICK_STREAM_EVENT\",\n"
             "    \"sub_type\": \"KEY_PRESS_EVENT\",\n"
             "    \"ip\": \"1.2.3.4-1\",\n"
             "    \"client_ts\": 1700000000000,\n"
             "    \"server_ts\": 1700000000123,\n"
             "    \"data\": {},\n"
             "    \"id\": \"%s\"\n"
             "}",
             id);
    assert_string_equal(answer.body, expected);
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), ESE_HTTP_JSON);
    ese_raw_answer_clear(&answer);
    stop(&fixture);
}

static void a_number_beyond_64_bits_is_answered_as_the_double_it_is(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    struct ese_raw_answer answer =
        post(&fixture, "/event", "", NAMED(1, "\"data\":{\"n\":18446744073709551616}"), 201);
    assert_non_null(strstr(answer.body, "{\n        \"n\": 18446744073709552000\n    }"));
    assert_string_equal(fixture.seen[0].data, "{\"n\":18446744073709552000}");
    ese_raw_answer_clear(&answer);
    post_and_drop(&fixture, "/events", "",
                  "{\"events\":[" CLICK(1) "," NAMED(1, "\"data\":{\"n\":-1e999}") "]}", 400);
    assert_int_equal(fixture.appended, 1);
    stop(&fixture);
}

static void a_batch_is_answered_as_an_array(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    struct ese_raw_answer answer =
        post(&fixture, "/events", "", "{\"events\":[" CLICK(1) "," CLICK(2) "," CLICK(3) "]}", 201);
    json_t *array = json_loads(answer.body, 0, NULL);
    assert_int_equal(json_array_size(array), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *event = json_array_get(array, i);
        assert_int_equal(json_integer_value(json_object_get(event, "client_ts")), i + 1);
        assert_non_null(json_object_get(event, "id"));
    }
    json_decref(array);
    ese_raw_answer_clear(&answer);
    assert_int_equal(fixture.appended, 1); /* as a whole */
    assert_int_equal(fixture.seen_count, 3);
    answer = post(&fixture, "/events", "", "{\"events\":[]}", 201);
    assert_string_equal(answer.body, "null");
    assert_int_equal(fixture.appended, 1); /* nothing to store */
    ese_raw_answer_clear(&answer);
    stop(&fixture);
}

/* ---- refused --------------------------------------------------------------------------------- */

/* And only of what succeeds. */
static void who_prefers_a_minimal_answer_gets_one(void **state)
{
    static const char prefer[] = "Prefer: respond-async, return=minimal\r\n";
    struct fixture fixture;
    (void)state;
    start(&fixture);
    static const char *const posts[][2] = {{"/event", CLICK(1)},
                                           {"/events", "{\"events\":[" CLICK(1) "," CLICK(2) "]}"}};
    for (size_t i = 0; i < sizeof posts / sizeof posts[0]; i++) {
        struct ese_raw_answer answer = post(&fixture, posts[i][0], prefer, posts[i][1], 201);
        assert_string_equal(answer.body, "");
        assert_string_equal(ese_raw_answer_header(&answer, "Content-Length"), "0");
        assert_string_equal(ese_raw_answer_header(&answer, "Preference-Applied"), "return=minimal");
        ese_raw_answer_clear(&answer);
    }
    assert_int_equal(fixture.appended, 2);
    struct ese_raw_answer whole = post(&fixture, "/event", "Prefer: return=representation\r\n", CLICK(1), 201);
    assert_non_null(strstr(whole.body, "\"client_ts\": 1"));
    assert_string_equal(ese_raw_answer_header(&whole, "Preference-Applied"), "");
    ese_raw_answer_clear(&whole);
    struct ese_raw_answer bad = post(&fixture, "/event", prefer, "{}", 400);
    assert_non_null(strstr(bad.body, "message"));
    ese_raw_answer_clear(&bad);
    stop(&fixture);
}

static void bad_bodies_are_the_originals_400(void **state)
{
    static const struct {
        const char *path, *body;
    } cases[] = {
        {"/event", ""},
        {"/event", "null"},
        {"/event", "{}"},
        {"/event", "[]"},
        {"/event", "{\"event\""},
        {"/event", CLICK(1) "x"},
        {"/event", CLICK(1.5)},
        {"/event", CLICK(1e3)},
        {"/event", CLICK(99999999999999999999)},
        {"/event", CLICK("1")},
        {"/event", "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"data\":{}}"},
        {"/event", "{\"event\":{\"type\":\"T\"},\"timestamp\":1,\"ip\":\"i\",\"data\":{}}"},
        {"/event", NAMED(1, "\"data\":[]")},
        {"/event", NAMED(1, "\"data\":{\"n\":1e400}")},
        {"/event", "{\"events\":[" CLICK(1) "]}"},
        {"/events", ""},
        {"/events", CLICK(1)},
        {"/events", "[" CLICK(1) "]"},
        {"/events", "{\"events\":[" CLICK(1) ",{}]}"},
        {"/events", "{\"events\":{}}"},
    };
    struct fixture fixture;
    (void)state;
    start(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ese_raw_answer answer = post(&fixture, cases[i].path, "", cases[i].body, 400);
        assert_string_equal(answer.body, "{\n    \"message\": \"Bad data schema passed\"\n}");
        assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"),
                            "text/plain; charset=utf-8");
        ese_raw_answer_clear(&answer);
    }
    assert_int_equal(fixture.appended, 0);
    /* members nobody knows, no data, any content type: as the original */
    post_and_drop(&fixture, "/event", "Content-Type: image/png\r\n", NAMED(1, "\"x\":[1]"), 201);
    stop(&fixture);
}

static void a_batch_beyond_the_bound_is_413(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    post_and_drop(&fixture, "/events", "",
                  "{\"events\":[" CLICK(1) "," CLICK(2) "," CLICK(3) "," CLICK(4) "]}", 413);
    assert_int_equal(fixture.appended, 0);
    stop(&fixture);
}

static void the_stores_word_decides(void **state)
{
    static const struct {
        enum ese_append_result result;
        int status;
        const char *retry_after;
    } cases[] = {
        {ESE_APPEND_STORED, 201, ""},   {ESE_APPEND_FULL, 503, "1"},
        {ESE_APPEND_CONFLICT, 422, ""}, {ESE_APPEND_UNKNOWN, 504, ""},
        {ESE_APPEND_NO_ROOM, 507, ""},  {ESE_APPEND_FAILED, 503, "1"},
        {ESE_APPEND_AT_BOUND, 503, "1"}, {ESE_APPEND_UNSYNCED, 503, ""},
    };
    struct fixture fixture;
    (void)state;
    start(&fixture);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        fixture.result = cases[i / 2].result;
        fixture.later = i % 2 == 1;
        struct ese_raw_answer answer = post(&fixture, "/event", "", CLICK(1), cases[i / 2].status);
        assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"),
                            cases[i / 2].retry_after);
        ese_raw_answer_clear(&answer);
    }
    stop(&fixture);
}

static void a_refusal_says_why(void **state)
{
    static const struct {
        enum ese_append_result result;
        int status;
        bool says_why; /* where it is certain that nothing was stored */
    } cases[] = {{ESE_APPEND_FULL, 503, true}, {ESE_APPEND_FAILED, 503, true},
                 {ESE_APPEND_AT_BOUND, 503, true},
                 {ESE_APPEND_UNKNOWN, 504, false}, {ESE_APPEND_CONFLICT, 422, false}};
    struct fixture fixture;
    (void)state;
    start(&fixture);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        bool given = i % 2 == 1;
        fixture.result = cases[i / 2].result;
        fixture.why = given ? "the \"broker\" is away: start it" : NULL;
        struct ese_raw_answer answer = post(&fixture, "/event", "", CLICK(1), cases[i / 2].status);
        assert_int_equal(strstr(answer.body, "Nothing was stored: the ") != NULL,
                         cases[i / 2].says_why);
        assert_int_equal(strstr(answer.body, "the \\\"broker\\\" is away: start it") != NULL,
                         cases[i / 2].says_why && given);
        ese_raw_answer_clear(&answer);
    }
    stop(&fixture);
}

static void who_only_reads_refuses_every_post_unread(void **state)
{
    static const char *const bodies[] = {CLICK(1), "{\"events\":[" CLICK(1) "]}", "x", ""};
    struct fixture fixture;
    (void)state;
    start(&fixture);
    ese_event_intake_refuse(fixture.intake, "it only reads: ask another one");
    for (int i = 0; i < 8; i++) {
        struct ese_raw_answer answer =
            post(&fixture, i % 2 == 0 ? "/event" : "/events", "", bodies[i / 2], 403);
        assert_non_null(strstr(answer.body, "Nothing was stored: it only reads: ask another one"));
        ese_raw_answer_clear(&answer);
    }
    assert_int_equal(fixture.appended, 0);
    stop(&fixture);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void events_without_an_id_are_given_one(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture);
    post_and_drop(&fixture, "/event", "", NAMED(5, "\"data\":{}"), 201);
    struct ese_id_parts first = ese_id_read(&fixture.seen[0].id);
    post_and_drop(&fixture, "/event", "", NAMED(-5, "\"data\":{}"), 201);
    struct ese_id_parts second = ese_id_read(&fixture.seen[0].id);
    assert_true(ese_id_is_ours(&fixture.seen[0].id));
    assert_int_equal(first.time_ms, 5);
    assert_int_equal(second.time_ms, 0);
    assert_int_equal(first.lane, ese_event_key_hash("i") % ESE_ID_LANES);
    assert_int_equal(second.lane, first.lane);
    assert_int_equal(second.run, first.run);
    assert_int_not_equal(first.run, 0);
    assert_int_equal(first.sequence, 0);
    assert_int_equal(second.sequence, 1);
    post_and_drop(&fixture, "/event", "", CLICK(7), 201); /* another lane, counted anew */
    assert_int_equal(ese_id_read(&fixture.seen[0].id).sequence, 0);
    stop(&fixture);
}

static void given_ids_are_kept(void **state)
{
    static const char ours[] = "018bcfe5-6800-7abc-9234-56789abcdef0";
    struct fixture fixture;
    char id[ESE_ID_TEXT_SIZE];
    (void)state;
    start(&fixture);
    post_and_drop(&fixture, "/event", "",
                  NAMED(1, "\"id\":\"018BCFE5-6800-7abc-9234-56789abcdef0\""), 201);
    ese_id_text(&fixture.seen[0].id, id);
    assert_string_equal(id, ours);
    assert_string_equal(fixture.seen[0].foreign_id, "");
    static const char *const foreign[] = {
        "\"id\":\"order 7\"",
        "\"id\":\"018bcfe5-6800-4abc-9234-56789abcdef0\"", /* version 4 */
    };
    for (size_t i = 0; i < 2; i++) {
        char body[300];
        snprintf(body, sizeof body, NAMED(1, "%s"), foreign[i]);
        post_and_drop(&fixture, "/event", "", body, 201);
        assert_true(ese_id_is_ours(&fixture.seen[0].id)); /* one of ours beside it */
        assert_string_not_equal(fixture.seen[0].foreign_id, "");
        assert_string_equal(fixture.seen[0].source, "");
    }
    post_and_drop(&fixture, "/event", "",
                  NAMED(1, "\"source\":\"shop\",\"id\":\"018bcfe5-6800-7abc-9234-56789abcdef0\""),
                  201);
    ese_id_text(&fixture.seen[0].id, id);
    assert_string_not_equal(id, ours);
    assert_string_equal(fixture.seen[0].foreign_id, ours);
    assert_string_equal(fixture.seen[0].source, "shop");
    stop(&fixture);
}

static void traceparent_is_taken_or_made(void **state)
{
    static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct fixture fixture;
    char header[100], id[ESE_ID_TEXT_SIZE];
    (void)state;
    start(&fixture);
    snprintf(header, sizeof header, "traceparent: %s\r\n", trace);
    post_and_drop(&fixture, "/events", header, "{\"events\":[" CLICK(1) "," CLICK(2) "]}", 201);
    assert_string_equal(fixture.seen[0].traceparent, trace);
    assert_string_equal(fixture.seen[1].traceparent, trace);
    static const char *const without[] = {"", "traceparent: 00-1-2-3\r\n"};
    for (size_t i = 0; i < 2; i++) {
        post_and_drop(&fixture, "/event", without[i], CLICK(1), 201);
        assert_true(ese_traceparent_valid(fixture.seen[0].traceparent));
        ese_id_text(&fixture.seen[0].id, id);
        assert_memory_equal(fixture.seen[0].traceparent + 3, id, 8); /* names its event */
    }
    stop(&fixture);
}

static void idempotency_keys_go_to_the_store(void **state)
{
    struct fixture fixture;
    char header[300];
    (void)state;
    start(&fixture);
    post_and_drop(&fixture, "/event", "Idempotency-Key: abc\r\n", CLICK(1), 201);
    assert_string_equal(fixture.idempotency_key, "abc");
    uint64_t first = fixture.content_hash;
    post_and_drop(&fixture, "/event", "Idempotency-Key: abc\r\n", CLICK(1), 201);
    assert_true(fixture.content_hash == first); /* though it got another id */
    post_and_drop(&fixture, "/event", "Idempotency-Key: abc\r\n", CLICK(2), 201);
    assert_true(fixture.content_hash != first);
    post_and_drop(&fixture, "/events", "Idempotency-Key: abc\r\n", "{\"events\":[" CLICK(1) "]}",
                  201);
    assert_true(fixture.content_hash != first);
    post_and_drop(&fixture, "/event", "", CLICK(1), 201);
    assert_string_equal(fixture.idempotency_key, "");
    snprintf(header, sizeof header, "Idempotency-Key: %0*d\r\n", ESE_INTAKE_KEY_SIZE - 1, 0);
    post_and_drop(&fixture, "/event", header, CLICK(1), 201);
    snprintf(header, sizeof header, "Idempotency-Key: %0*d\r\n", ESE_INTAKE_KEY_SIZE, 0);
    post_and_drop(&fixture, "/event", header, CLICK(1), 400);
    stop(&fixture);
}

/* The first of them would count, and the other one not be missed. */
static void two_idempotency_keys_are_refused(void **state)
{
    static const char *const twos[] = {"Idempotency-Key: abc\r\nIdempotency-Key: abd\r\n",
                                       "Idempotency-Key: abc\r\nidempotency-key: abc\r\n"};
    struct fixture fixture;
    (void)state;
    start(&fixture);
    for (size_t i = 0; i < sizeof twos / sizeof twos[0]; i++) {
        struct ese_raw_answer answer = post(&fixture, "/event", twos[i], CLICK(1), 400);
        assert_non_null(strstr(answer.body, "Idempotency-Key: more than one"));
        ese_raw_answer_clear(&answer);
    }
    stop(&fixture);
}

static void post_keyed(struct fixture *fixture, const char *key, const char *path,
                       const char *body)
{
    char header[200];
    snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", key);
    post_and_drop(fixture, path, header, body, 201);
}

/* What the last request's event `number` looks like to a reader. */
static struct ese_id named_id(const struct fixture *fixture, int number)
{
    const struct ese_event *event = &fixture->seen[number];
    struct ese_id id = ese_event_id_of_name(event);
    assert_string_not_equal(event->foreign_id, "");
    assert_true(ese_id_equal(&event->id, &id));
    assert_true(ese_traceparent_valid(event->traceparent));
    return id;
}

/* Two lives of a server that asks for them give the same ids; a key names the events of its
 * request by their number. */
static void names_make_ids_where_that_is_asked_for(void **state)
{
    static const char batch[] = "{\"events\":[" CLICK(1) "," CLICK(1) "]}";
    struct fixture fixture;
    struct ese_id ids[2][5];
    (void)state;
    for (int life = 0; life < 2; life++) {
        start(&fixture);
        ese_event_intake_make_ids_from_names(fixture.intake);
        post_and_drop(&fixture, "/event", "", NAMED(1, "\"id\":\"7\""), 201);
        ids[life][0] = named_id(&fixture, 0);
        post_and_drop(&fixture, "/event", "", NAMED(1, "\"id\":\"7\",\"source\":\"shop\""), 201);
        ids[life][1] = named_id(&fixture, 0);
        post_keyed(&fixture, "k", "/event", CLICK(1));
        ids[life][2] = named_id(&fixture, 0);
        assert_string_equal(strrchr(fixture.seen[0].foreign_id, '/'), "/k");
        post_keyed(&fixture, "k", "/events", batch);
        ids[life][3] = named_id(&fixture, 0);
        ids[life][4] = named_id(&fixture, 1);
        stop(&fixture);
    }
    for (int i = 0; i < 5; i++) {
        assert_true(ese_id_equal(&ids[0][i], &ids[1][i]));
        for (int j = 0; j < i; j++)
            assert_false(ese_id_equal(&ids[0][i], &ids[0][j]));
    }
}

/* Once it is forgotten a key may name another request, whose events are others. */
static void a_key_names_nothing_without_its_content(void **state)
{
    struct fixture fixture;
    char longest[ESE_INTAKE_KEY_SIZE] = {0};
    (void)state;
    memset(longest, 'k', sizeof longest - 1);
    start(&fixture);
    ese_event_intake_make_ids_from_names(fixture.intake);
    post_keyed(&fixture, longest, "/event", CLICK(1));
    struct ese_id first = named_id(&fixture, 0);
    assert_string_equal(strrchr(fixture.seen[0].foreign_id, '/') + 1, longest);
    post_keyed(&fixture, longest, "/event", CLICK(2));
    struct ese_id second = named_id(&fixture, 0);
    assert_false(ese_id_equal(&first, &second));
    stop(&fixture);
}

/* An event's own id and its own name go before its request's. */
static void a_key_names_only_what_has_no_id(void **state)
{
    static const char ours[] = "018bcfe5-6800-7abc-9234-56789abcdef0";
    struct fixture fixture;
    char id[ESE_ID_TEXT_SIZE];
    (void)state;
    start(&fixture);
    ese_event_intake_make_ids_from_names(fixture.intake);
    post_keyed(&fixture, "k", "/events",
               "{\"events\":[" NAMED(1, "\"id\":\"018bcfe5-6800-7abc-9234-56789abcdef0\"")
               "," NAMED(1, "\"id\":\"7\",\"source\":\"shop\"") "," CLICK(1) "]}");
    ese_id_text(&fixture.seen[0].id, id);
    assert_string_equal(id, ours);
    assert_string_equal(fixture.seen[0].foreign_id, "");
    named_id(&fixture, 1);
    assert_string_equal(fixture.seen[1].source, "shop");
    named_id(&fixture, 2);
    assert_non_null(strstr(fixture.seen[2].foreign_id, "/2/k"));
    post_keyed(&fixture, "k", "/event", NAMED(1, "\"source\":\"shop\""));
    named_id(&fixture, 0);
    assert_string_equal(fixture.seen[0].source, "shop");
    post_and_drop(&fixture, "/event", "", CLICK(1), 201); /* neither id nor name */
    assert_true(ese_id_is_ours(&fixture.seen[0].id));
    stop(&fixture);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int64_t pings(struct fixture *fixture, const char *name)
{
    return ese_metric_value(ese_metrics_counter(fixture->metrics, name, NULL, ""));
}

static void pings_are_answered_and_counted(void **state)
{
    struct fixture fixture;
    struct ese_raw_answer answer;
    char expected[100];
    (void)state;
    start(&fixture);
    int fd = ese_raw_connect(ese_http_server_address(fixture.server));
    ese_raw_send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ese_raw_read_answer(fd, true, &answer));
    snprintf(expected, sizeof expected, "{\n    \"message\": \"Server running @%s\"\n}",
             strchr(ese_http_server_address(fixture.server), ':'));
    assert_string_equal(answer.body, expected);
    ese_raw_answer_clear(&answer);
    close(fd);
    post_and_drop(&fixture, "/event", "", CLICK(1), 201);
    post_and_drop(&fixture, "/event", "", "x", 400); /* refused ones count too */
    post_and_drop(&fixture, "/events", "", "{\"events\":[]}", 201);
    assert_int_equal(pings(&fixture, "health_ping_count"), 1);
    assert_int_equal(pings(&fixture, "add_event_ping_count"), 2);
    assert_int_equal(pings(&fixture, "add_events_ping_count"), 1);
    stop(&fixture);
}

/* ---- CloudEvents ----------------------------------------------------------------------------- */

#define CLOUD "ce-specversion: 1.0\r\nce-id: A234\r\nce-source: /shop\r\nce-type: T\r\n"
#define DATA "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"a\",\"data\":{}}"

static void a_cloud_event_has_its_name(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    post_and_drop(&fixture, "/event", CLOUD, DATA, 201);
    assert_string_equal(fixture.seen[0].foreign_id, "A234");
    assert_string_equal(fixture.seen[0].source, "/shop");
    assert_string_equal(fixture.seen[0].type, "T");
    assert_false(ese_id_is_none(&fixture.seen[0].id));
    post_and_drop(&fixture, "/event",
                  CLOUD "content-type: application/json; charset=utf-8\r\nCE-Time: 2026-11-26T03:30:00.5+01:00\r\n",
                  "{\"sub_type\":\"S\",\"ip\":\"a\",\"client_timestamp\":7,\"data\":\"{}\"}", 201);
    assert_string_equal(fixture.seen[0].type, "T");
    assert_int_equal(fixture.seen[0].client_ts, 7);
    assert_int_equal(fixture.appended, 2);
    stop(&fixture);
}

static void what_the_original_has_no_words_for_is_told_in_some(void **state)
{
    (void)state;
    static const struct {
        const char *path, *headers, *body, *word, *remedy;
    } cases[] = {
        {"/event", "ce-id: 1\r\n", DATA, "ce-specversion", "1.0"},
        {"/event", CLOUD, "{}", "the body of the CloudEvent", "event"},
        {"/event", CLOUD, "{\"event\":{\"type\":\"U\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"a\"}",
         "ce-type", "'U'"},
        {"/event", CLOUD,
         "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"a\",\"id\":\"7\"}", "ce-id",
         "ce-id alone"},
        {"/event", CLOUD "ce-id: 1\r\n", DATA, "ce-id", "send it once"},
        {"/event", CLOUD "CE-Source: /shop\r\n", DATA, "ce-source", "send it once"},
        {"/event", "ce-specversion: 1.0\r\nce-id: A234\r\nce-source: urn:ese-lab\r\nce-type: T\r\n", DATA,
         "ce-source: 'urn:ese-lab'", "of your own"},
        {"/event", "", NAMED(1, "\"id\":\"7\",\"source\":\"urn:ese-lab\""), "source: 'urn:ese-lab'", "or none"},
        {"/events", "", "{\"events\":[" CLICK(1) "," NAMED(1, "\"id\":\"7\",\"source\":\"urn:ese-lab\"") "]}",
         "source: 'urn:ese-lab'", "or none"},
        {"/events", CLOUD, DATA, "ce-id", "POST /event"},
        {"/events", "Content-Type: application/cloudevents-batch+json\r\n", "[]", "Content-Type", "binary"},
    };
    struct fixture fixture;
    start(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ese_raw_answer answer =
            post(&fixture, cases[i].path, cases[i].headers, cases[i].body, 400);
        if (strstr(answer.body, cases[i].word) == NULL ||
            strstr(answer.body, cases[i].remedy) == NULL)
            fail_msg("%zu: %s", i, answer.body);
        ese_raw_answer_clear(&answer);
    }
    assert_int_equal(fixture.appended, 0);
    stop(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_answered_as_the_original_answers),
        cmocka_unit_test(a_number_beyond_64_bits_is_answered_as_the_double_it_is),
        cmocka_unit_test(a_batch_is_answered_as_an_array),
        cmocka_unit_test(who_prefers_a_minimal_answer_gets_one),
        cmocka_unit_test(bad_bodies_are_the_originals_400),
        cmocka_unit_test(a_batch_beyond_the_bound_is_413),
        cmocka_unit_test(the_stores_word_decides),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(who_only_reads_refuses_every_post_unread),
        cmocka_unit_test(events_without_an_id_are_given_one),
        cmocka_unit_test(given_ids_are_kept),
        cmocka_unit_test(traceparent_is_taken_or_made),
        cmocka_unit_test(idempotency_keys_go_to_the_store),
        cmocka_unit_test(two_idempotency_keys_are_refused),
        cmocka_unit_test(names_make_ids_where_that_is_asked_for),
        cmocka_unit_test(a_key_names_nothing_without_its_content),
        cmocka_unit_test(a_key_names_only_what_has_no_id),
        cmocka_unit_test(pings_are_answered_and_counted),
        cmocka_unit_test(a_cloud_event_has_its_name),
        cmocka_unit_test(what_the_original_has_no_words_for_is_told_in_some),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
