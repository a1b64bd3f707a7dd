/* The store of "http+ese-store" from outside: what is answered to who posts and who asks, what it
 * notes, and how it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "transports/http/ese_store_faces.h"

#define PRESS "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"},"
#define ID "018f0000-0000-7000-8000-00000000000"

struct fixture {
    char *directory;
    char *history; /* "history=PATH" */
    const char *bound; /* an option of the store; NULL: none */
    int64_t retention_ms;
    struct ese_test_store_server server;
};

static void serve(struct fixture *fixture)
{
    const struct ese_test_store_options options = {
        .face = &ese_http_ese_store,
        .durability = ESE_DURABILITY_MEMORY,
        .retention_ms = fixture->retention_ms,
        .options = {fixture->history, fixture->bound},
    };
    ese_test_store_server_close(&fixture->server);
    ese_test_store_server_open(&fixture->server, &options);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    struct ese_buffer history = ESE_BUFFER_INIT(4096);
    fixture->directory = ese_test_directory_make();
    fixture->retention_ms = 600000;
    ese_buffer_printf(&history, "history=%s/server.history", fixture->directory);
    fixture->history = ese_buffer_detach(&history);
    serve(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_test_store_server_close(&fixture->server);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->history);
    free(fixture);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* The body; the caller frees. */
static char *ask(struct fixture *fixture, const char *request, int status)
{
    int fd = ese_raw_connect(fixture->server.address);
    ese_raw_send_text(fd, request);
    struct ese_raw_answer answer = ese_raw_finish(fd, status);
    if (status == 503)
        assert_string_not_equal(ese_raw_answer_header(&answer, "Retry-After"), "");
    char *body = ese_copy_text(answer.body);
    ese_raw_answer_clear(&answer);
    return body;
}

static char *post(struct fixture *fixture, const char *path, const char *body, int status)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    ese_buffer_printf(&request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", path,
                      strlen(body), body);
    char *answered = ask(fixture, request.text, status);
    ese_buffer_free(&request);
    return answered;
}

static void post_one(struct fixture *fixture, const char *ip, int64_t timestamp, int id, int status)
{
    char body[300];
    snprintf(body, sizeof body, PRESS "\"timestamp\":%lld,\"ip\":\"%s\",\"id\":\"" ID "%d\"}",
             (long long)timestamp, ip, id);
    free(post(fixture, "/event", body, status));
}

static char *get_list(struct fixture *fixture)
{
    return ask(fixture, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n", 200);
}

/* How many events the list has of the ip; -1: no such group. */
static int count_of(struct fixture *fixture, const char *ip)
{
    int count = -1;
    size_t i;
    json_t *group;
    char *text = get_list(fixture);
    json_t *list = json_loads(text, 0, NULL);
    json_array_foreach(list, i, group) {
        if (strcmp(json_string_value(json_object_get(group, "ip")), ip) == 0)
            count = (int)json_array_size(json_object_get(group, "event_logs"));
    }
    json_decref(list);
    free(text);
    return count;
}

/* ---- what it notes --------------------------------------------------------------------------- */

/* The kinds in the order they were noted, a letter each: Begun, Kept, Overwritten, eXpired. */
static void notes(struct fixture *fixture, const char *letters)
{
    static const char letter_of[ESE_HISTORY_KINDS] = {
        [ESE_HISTORY_BEGUN_EMPTY] = 'B', [ESE_HISTORY_KEPT] = 'K',
        [ESE_HISTORY_OVERWRITTEN] = 'O', [ESE_HISTORY_EXPIRED] = 'X'};
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    char found[64] = "";
    size_t at = 0;
    assert_int_equal(ese_history_read_open(fixture->history + strlen("history="), &reader, NULL), 0);
    while (at + 1 < sizeof found && ese_history_read_next(reader, &record, NULL) == 1) {
        found[at++] = letter_of[record.kind];
        if (record.kind == ESE_HISTORY_BEGUN_EMPTY)
            assert_int_equal(record.a, at == 1 ? 600000 : fixture->retention_ms); /* as set_up serves it first */
    }
    ese_history_read_close(&reader);
    assert_string_equal(found, letters);
}

static struct ese_id id_of(int number)
{
    char text[ESE_ID_TEXT_SIZE];
    struct ese_id id;
    snprintf(text, sizeof text, ID "%d", number);
    assert_int_equal(ese_id_parse(text, &id, NULL), 0);
    return id;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void the_stored_event_is_answered_as_the_original_does(void **state)
{
    struct fixture *fixture = *state;
    char *body = post(fixture, "/event", PRESS "\"timestamp\":1700000000000,\"ip\":\"10.0.0.1\","
                                         "\"data\":{\"b\":1,\"a\":\"<\"}}", 201);
    assert_non_null(strstr(body, "{\n    \"type\": \"CLICK_STREAM_EVENT\",\n"
                                 "    \"sub_type\": \"KEY_PRESS_EVENT\",\n"
                                 "    \"ip\": \"10.0.0.1\",\n    \"client_ts\": 1700000000000,\n"
                                 "    \"server_ts\": "));
    assert_non_null(strstr(body, "\"data\": {\n        \"a\": \"\\u003c\",\n        \"b\": 1\n    }"));
    free(body);
    free(post(fixture, "/event", "{}", 400));
    body = post(fixture, "/events", "{\"events\":[]}", 201);
    assert_string_equal(body, "null");
    free(body);
}

static void all_that_is_kept_is_one_list_by_ip(void **state)
{
    struct fixture *fixture = *state;
    char *text = get_list(fixture);
    assert_string_equal(text, "[]");
    free(text);
    post_one(fixture, "10.0.0.1", 1, 1, 201);
    post_one(fixture, "10.0.0.2", 1, 2, 201);
    post_one(fixture, "10.0.0.1", 2, 3, 201);
    text = get_list(fixture);
    assert_non_null(strstr(text, "[\n    {\n        \"ip\": \"10.0.0.2\",\n        \"event_logs\": [\n"
                                 "            {\n                \"type\": \"CLICK_STREAM_EVENT\",\n"));
    free(text);
    assert_int_equal(count_of(fixture, "10.0.0.1"), 2);
    assert_int_equal(count_of(fixture, "10.0.0.2"), 1);
}

static void a_clash_is_acknowledged_and_noted(void **state)
{
    struct fixture *fixture = *state;
    post_one(fixture, "10.0.0.1", 1, 1, 201);
    post_one(fixture, "10.0.0.1", 1, 2, 201);
    post_one(fixture, "10.0.0.1", 2, 3, 201);
    assert_int_equal(count_of(fixture, "10.0.0.1"), 2);
    notes(fixture, "BKKOK");
}

static void a_note_names_who_took_the_place(void **state)
{
    struct fixture *fixture = *state;
    post_one(fixture, "10.0.0.1", 1, 1, 201);
    post_one(fixture, "10.0.0.1", 1, 2, 201);
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record = {.kind = 0};
    const struct ese_id lost = id_of(1), taker = id_of(2);
    assert_int_equal(ese_history_read_open(fixture->history + strlen("history="), &reader, NULL), 0);
    while (record.kind != ESE_HISTORY_OVERWRITTEN)
        assert_int_equal(ese_history_read_next(reader, &record, NULL), 1);
    const struct ese_id by = ese_history_get_id(&record);
    assert_true(ese_id_equal(&record.id, &lost));
    assert_true(ese_id_equal(&by, &taker));
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_KEPT), 2);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_OVERWRITTEN), 1);
    ese_history_read_close(&reader);
}

static void what_expires_is_noted(void **state)
{
    struct fixture *fixture = *state;
    fixture->retention_ms = 1;
    serve(fixture);
    post_one(fixture, "10.0.0.1", 1, 1, 201);
    while (count_of(fixture, "10.0.0.1") != -1) /* each asking lets go of what is over */
        ;
    notes(fixture, "BBKX");
}

static void a_new_life_begins_empty(void **state)
{
    struct fixture *fixture = *state;
    post_one(fixture, "10.0.0.1", 1, 1, 201);
    serve(fixture);
    assert_int_equal(count_of(fixture, "10.0.0.1"), -1);
    notes(fixture, "BKB");
}

static void a_batch_is_stored_event_by_event(void **state)
{
    struct fixture *fixture = *state;
    free(post(fixture, "/events", "{\"events\":[" PRESS "\"timestamp\":1,\"ip\":\"10.0.0.1\"},"
                                  PRESS "\"timestamp\":1,\"ip\":\"10.0.0.1\"}]}", 201));
    assert_int_equal(count_of(fixture, "10.0.0.1"), 1);
    notes(fixture, "BKKO");
    free(post(fixture, "/events", "{\"events\":[" PRESS "\"timestamp\":2,\"ip\":\"10.0.0.1\"},{}]}", 400));
    assert_int_equal(count_of(fixture, "10.0.0.1"), 1);
}

/* A name makes the id: whoever reads can tell that it is the same again. */
static void a_named_event_keeps_its_id(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 2; i++)
        free(post(fixture, "/event", PRESS "\"timestamp\":1,\"ip\":\"10.0.0.1\",\"id\":\"mine\"}", 201));
    notes(fixture, "BKK");
}

static void beyond_its_bound_it_refuses_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    char reason[200], *large = ese_alloc(60001), *body = ese_alloc(70000);
    fixture->bound = "max-bytes=1048576";
    serve(fixture);
    memset(large, 'x', 60000);
    int stored = 0;
    for (int status = 201; status == 201; stored += status == 201) {
        snprintf(body, 70000, PRESS "\"timestamp\":%d,\"ip\":\"10.0.0.1\",\"data\":{\"x\":\"%s\"}}", stored,
                 large);
        status = stored == 17 ? 503 : 201;
        char *answered = post(fixture, "/event", body, status);
        if (status == 503)
            assert_non_null(strstr(answered, "Nothing was stored: the store is full: "));
        free(answered);
    }
    assert_int_equal(count_of(fixture, "10.0.0.1"), 17);
    assert_false(ese_http_ese_store.healthy(fixture->server.store, reason, sizeof reason));
    assert_non_null(strstr(reason, "full"));
    post_one(fixture, "10.0.0.2", 1, 1, 201); /* a small one finds room */
    assert_true(ese_http_ese_store.healthy(fixture->server.store, reason, sizeof reason));
    free(large);
    free(body);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_stored_event_is_answered_as_the_original_does),
        TEST(all_that_is_kept_is_one_list_by_ip),
        TEST(a_clash_is_acknowledged_and_noted),
        TEST(a_note_names_who_took_the_place),
        TEST(what_expires_is_noted),
        TEST(a_new_life_begins_empty),
        TEST(a_batch_is_stored_event_by_event),
        TEST(a_named_event_keeps_its_id),
        TEST(beyond_its_bound_it_refuses_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
