/* The wire of Eventor for who posts to streams and reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "ese-core/base64.h"
#include "tests/support/raw_http.h"
#include "tests/unit/webhook_rig.h"
#include "transports/webhook/slice.h"

#define TYPE "X-Event-Type: made\r\n"

static int set_up(void **state)
{
    *state = webhook_rig_make(sizeof(struct webhook_rig));
    return 0;
}

static int tear_down(void **state)
{
    webhook_rig_free(*state);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* On a connection of its own. */
static int begin(struct webhook_rig *rig, const char *method, const char *path, const char *headers, const char *body,
                 size_t length)
{
    struct ese_buffer request = ESE_BUFFER_INIT(8 << 20);
    int fd = ese_raw_connect(ese_http_server_address(rig->server));

    ese_buffer_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", method, path, headers,
                      length);
    ese_buffer_append(&request, body, length);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return fd;
}

static struct ese_raw_answer ask(struct webhook_rig *rig, const char *method, const char *path, const char *headers,
                                 const char *body, size_t length, int status)
{
    return ese_raw_finish(begin(rig, method, path, headers, body, length), status);
}

/* Whatever is answered. */
static struct ese_raw_answer post_to_s(struct webhook_rig *rig, const char *body)
{
    struct ese_raw_answer answer = {0};
    int fd = begin(rig, "POST", "/streams/s", TYPE, body, strlen(body));

    assert_true(ese_raw_read_answer(fd, true, &answer));
    close(fd);
    return answer;
}

static struct ese_raw_answer post(struct webhook_rig *rig, const char *stream, const char *headers, const char *body,
                                  int status)
{
    char path[600];

    snprintf(path, sizeof(path), "/streams/%s", stream);
    return ask(rig, "POST", path, headers, body, strlen(body), status);
}

/* Its position. */
static long long store(struct webhook_rig *rig, const char *stream, const char *headers, const char *body)
{
    struct ese_raw_answer answer = post(rig, stream, headers, body, 200);

    assert_string_equal(answer.body, "Created\n");
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "text/plain; charset=UTF-8");
    long long position = strtoll(ese_raw_answer_header(&answer, "X-Event-Position"), NULL, 10);
    ese_raw_answer_clear(&answer);
    return position;
}

static void assert_refused(struct webhook_rig *rig, const char *stream, const char *headers, const char *body,
                           int status, const char *text)
{
    struct ese_raw_answer answer = post(rig, stream, headers, body, status);

    if (strstr(answer.body, text) == NULL)
        fail_msg("'%s' has no '%s'", answer.body, text);
    assert_int_equal(answer.body[answer.length - 1], '\n');
    ese_raw_answer_clear(&answer);
}

/* The body as it came; the caller frees. */
static char *get(struct webhook_rig *rig, const char *path, int status)
{
    struct ese_raw_answer answer = ask(rig, "GET", path, "", "", 0, status);
    char *body = ese_copy_text(answer.body);

    if (status == 200)
        assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "application/json; charset=UTF-8");
    ese_raw_answer_clear(&answer);
    return body;
}

static json_t *get_slice(struct webhook_rig *rig, const char *path)
{
    char *body = get(rig, path, 200);
    json_t *slice = json_loads(body, 0, NULL);

    assert_non_null(slice);
    free(body);
    return slice;
}

static int64_t member_number(const json_t *event, const char *name)
{
    return json_integer_value(json_object_get(event, name));
}

static const char *member_text(const json_t *event, const char *name)
{
    return json_string_value(json_object_get(event, name));
}

static void assert_get(struct webhook_rig *rig, const char *path, const char *expected)
{
    char *body = get(rig, path, 200);

    assert_string_equal(body, expected);
    free(body);
}

static int count_files(const struct webhook_rig *rig)
{
    DIR *directory = opendir(rig->directory);
    int count = 0;

    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* ---- posting --------------------------------------------------------------------------------- */

static void an_event_is_created_and_its_place_is_told(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    struct ese_raw_answer answer = post(rig, "s", TYPE, "{}", 200);
    assert_string_equal(answer.body, "Created\n");
    assert_string_equal(ese_raw_answer_header(&answer, "X-Event-Position"), "1");
    assert_int_equal(strlen(ese_raw_answer_header(&answer, "X-Event-Uuid")), 36);
    ese_raw_answer_clear(&answer);
    assert_int_equal(store(rig, "s", TYPE, ""), 2);
    assert_int_equal(store(rig, "other", TYPE, "x"), 1);
}

static void an_event_has_a_type(void **state)
{
    struct webhook_rig *rig = *state;
    struct ese_buffer headers = ESE_BUFFER_INIT(1000);
    static const char text[] = "Event must have type specified in x-event-type header";

    webhook_rig_open(rig);
    struct ese_raw_answer answer = post(rig, "s", "", "{}", 400);
    assert_string_equal(answer.body, text);
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "text/plain; charset=UTF-8");
    ese_raw_answer_clear(&answer);
    answer = post(rig, "s", "X-Event-Type: \r\n", "{}", 400);
    assert_string_equal(answer.body, text);
    ese_raw_answer_clear(&answer);
    ese_buffer_printf(&headers, "x-event-type: %0255d\r\n", 7);
    store(rig, "s", headers.text, "");
    ese_buffer_clear(&headers);
    ese_buffer_printf(&headers, "x-event-type: %0256d\r\n", 7);
    assert_refused(rig, "s", headers.text, "", 400, "is longer than 255 bytes");
    ese_buffer_free(&headers);
}

static void a_push_is_no_event(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    assert_refused(rig, "s", TYPE "User-Agent: Eventor\r\nX-Event-Position: 1\r\n", "{}", 400,
                   "a push is no event to be stored: ");
    store(rig, "s", TYPE "User-Agent: Eventor\r\n", "{}");
    assert_refused(rig, "s", TYPE "User-Agent: other\r\nX-Event-Position: \r\n", "{}", 400,
                   "a push is no event to be stored");
}

static void a_hostile_name_is_named_and_makes_no_file(void **state)
{
    struct webhook_rig *rig = *state;
    char name[301];

    webhook_rig_open(rig);
    int before = count_files(rig);
    memset(name, 'n', sizeof(name));
    name[300] = '\0';
    assert_refused(rig, name, TYPE, "{}", 400, "nnnn");
    assert_refused(rig, "_meta", TYPE, "{}", 400, "'_meta'");
    assert_refused(rig, "_introspect", TYPE, "{}", 400, "'_introspect'");
    assert_refused(rig, "..", TYPE, "{}", 400, "'..'");
    assert_refused(rig, "\xc3\xa4", TYPE, "{}", 400, "beyond ASCII");
    assert_int_equal(count_files(rig), before);
    free(get(rig, "/streams/_meta/0/10", 400));
    assert_get(rig, "/streams/nobody/0/10", "[]");
    assert_int_equal(count_files(rig), before);
    assert_int_equal(store(rig, "..%2Fevil", TYPE, "{}"), 1);
    char *path = ese_test_path(rig->directory, "..%2Fevil.db");
    assert_int_equal(access(path, F_OK), 0);
    free(path);
}

static void a_retry_with_a_key_is_stored_once(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    assert_int_equal(store(rig, "s", TYPE, "{}"), 1);
    struct ese_raw_answer first = post(rig, "s", TYPE "Idempotency-Key: k1\r\n", "{}", 200);
    struct ese_raw_answer again = post(rig, "s", TYPE "Idempotency-Key: k1\r\n", "{}", 200);
    char *uuid = ese_copy_text(ese_raw_answer_header(&first, "X-Event-Uuid"));
    assert_string_equal(ese_raw_answer_header(&again, "X-Event-Uuid"), uuid);
    assert_string_equal(ese_raw_answer_header(&again, "X-Event-Position"), "2");
    assert_string_equal(again.body, "Created\n");
    free(uuid);
    ese_raw_answer_clear(&first);
    ese_raw_answer_clear(&again);
    assert_refused(rig, "s", TYPE "Idempotency-Key: k1\r\n", "{} ", 422, "Idempotency-Key");
    assert_refused(rig, "s", "X-Event-Type: x\r\nIdempotency-Key: k1\r\n", "{}", 422, "Idempotency-Key");
    assert_int_equal(store(rig, "s", TYPE "Idempotency-Key: \r\n", "{}"), 3);
}

static void a_key_is_short_printable_and_alone(void **state)
{
    struct webhook_rig *rig = *state;
    struct ese_buffer headers = ESE_BUFFER_INIT(1000);

    webhook_rig_open(rig);
    ese_buffer_printf(&headers, TYPE "Idempotency-Key: %0127d\r\n", 7);
    store(rig, "s", headers.text, "");
    ese_buffer_clear(&headers);
    ese_buffer_printf(&headers, TYPE "Idempotency-Key: %0128d\r\n", 7);
    assert_refused(rig, "s", headers.text, "", 400, "longer than 127");
    ese_buffer_free(&headers);
    assert_refused(rig, "s", TYPE "Idempotency-Key: \xc3\xa4\r\n", "", 400, "none to be printed");
    assert_refused(rig, "s", TYPE "Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "", 400, "more than one");
}

static void who_finds_the_store_full_is_told_when_to_come_again(void **state)
{
    struct webhook_rig *rig = *state;
    char *body = ese_alloc(200001);
    int stored = 0;
    struct ese_raw_answer answer;

    rig->options.max_bytes = 1 << 20;
    webhook_rig_open(rig);
    memset(body, 'b', 200000);
    while (stored < 20) {
        answer = post_to_s(rig, body);
        if (answer.status != 200)
            break;
        ese_raw_answer_clear(&answer);
        stored++;
    }
    free(body);
    assert_int_equal(answer.status, 503);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "1");
    assert_non_null(strstr(answer.body, "Nothing was stored: the store is full"));
    ese_raw_answer_clear(&answer);
}

static void who_posts_to_what_is_no_stream_is_told_as_by_the_original(void **state)
{
    struct webhook_rig *rig = *state;
    char *path = ese_test_path(rig->directory, "s.db");
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "CREATE TABLE mine (a)", NULL), 0);
    ese_sqlite_close(&sqlite);
    free(path);
    webhook_rig_open(rig);
    assert_refused(rig, "s", TYPE, "{}", 500, "Error occured: the database '");
    assert_get(rig, "/streams/s/0/10", "[]");
}

/* ---- reading --------------------------------------------------------------------------------- */

static void a_slice_is_the_originals(void **state)
{
    struct webhook_rig *rig = *state;
    struct ese_buffer expected = ESE_BUFFER_INIT(4096);

    webhook_rig_open(rig);
    store(rig, "a%20b", "X-Event-Type: x<y\r\n", "{\"a\":\"<&>\"}");
    store(rig, "a%20b", TYPE, "plain");
    json_t *slice = get_slice(rig, "/streams/a%20b/0/10");
    assert_int_equal(json_array_size(slice), 2);
    const json_t *first = json_array_get(slice, 0), *second = json_array_get(slice, 1);
    ese_buffer_printf(&expected,
                      "[{\"uuid\":\"%s\",\"position\":1,\"stream\":\"a%%20b\",\"type\":\"x\\u003cy\","
                      "\"body\":\"eyJhIjoiPCY+In0=\",\"body_json\":\"{\\\"a\\\":\\\"\\u003c\\u0026\\u003e\\\"}\","
                      "\"created\":\"%s\"},{\"uuid\":\"%s\",\"position\":2,\"stream\":\"a%%20b\",\"type\":\"made\","
                      "\"body\":\"cGxhaW4=\",\"body_json\":\"\",\"created\":\"%s\"}]",
                      member_text(first, "uuid"), member_text(first, "created"), member_text(second, "uuid"),
                      member_text(second, "created"));
    assert_get(rig, "/streams/a%20b/0/10", expected.text);
    ese_buffer_free(&expected);
    json_decref(slice);
}

static void an_empty_body_is_one_like_any_other(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    store(rig, "s", TYPE, "");
    json_t *slice = get_slice(rig, "/streams/s/0/-1");
    assert_string_equal(member_text(json_array_get(slice, 0), "body"), "");
    assert_string_equal(member_text(json_array_get(slice, 0), "body_json"), "");
    json_decref(slice);
}

static void assert_positions(struct webhook_rig *rig, const char *path, int64_t first, size_t count)
{
    json_t *slice = get_slice(rig, path);

    assert_int_equal(json_array_size(slice), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(member_number(json_array_get(slice, i), "position"), first + (int64_t)i);
    json_decref(slice);
}

static void a_slice_has_its_offset_and_its_limit(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    for (int i = 0; i < 5; i++)
        store(rig, "s", TYPE, "{}");
    assert_positions(rig, "/streams/s/0/2", 1, 2);
    assert_positions(rig, "/streams/s/2/2", 3, 2);
    assert_positions(rig, "/streams/s/2/-1", 3, 3);
    assert_positions(rig, "/streams/s/-7/100", 1, 5);
    assert_positions(rig, "/streams/s/nonsense/100", 1, 5);
    assert_get(rig, "/streams/s/0/0", "[]");
    assert_get(rig, "/streams/s/0/x", "[]");
    assert_get(rig, "/streams/s/5/10", "[]");
    assert_positions(rig, "/streams/s/99999999999999999999/100", 1, 5);
}

static void numbers_are_gos(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } numbers[] = {{"0", 0}, {"12", 12}, {"-1", -1}, {"+3", 3}, {"", 0}, {"-", 0}, {"1x", 0}, {" 1", 0}, {"0x1", 0},
                   {"9223372036854775807", INT64_MAX}, {"9223372036854775808", 0}, {"1.5", 0}};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(numbers); i++)
        assert_int_equal(ese_webhook_slice_number(numbers[i].text), numbers[i].number);
}

static void a_long_slice_is_whole(void **state)
{
    struct webhook_rig *rig = *state;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    static struct webhook_post many[3000];

    webhook_rig_open(rig);
    for (int i = 0; i < 3000; i++)
        webhook_post_begin(rig, &posts, &many[i], "s", "{\"some\":\"thing\"}");
    webhook_posts_wait(rig, &posts);
    assert_positions(rig, "/streams/s/0/-1", 1, 3000);
    assert_positions(rig, "/streams/s/0/1000", 1, 1000);
    assert_positions(rig, "/streams/s/0/1001", 1, 1001);
    assert_positions(rig, "/streams/s/7/2501", 8, 2501);
    assert_positions(rig, "/streams/s/2000/5000", 2001, 1000);
}

static void large_bodies_come_back_in_a_slice(void **state)
{
    struct webhook_rig *rig = *state;
    char *body = ese_alloc(300001);
    struct ese_buffer coded = ESE_BUFFER_INIT(1 << 20);

    webhook_rig_open(rig);
    memset(body, 'q', 300000);
    ese_base64_write(body, 300000, &coded);
    for (int i = 0; i < 5; i++)
        store(rig, "s", TYPE, body);
    json_t *slice = get_slice(rig, "/streams/s/0/4");
    assert_int_equal(json_array_size(slice), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(member_text(json_array_get(slice, i), "body"), coded.text);
    json_decref(slice);
    ese_buffer_free(&coded);
    free(body);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_is_created_and_its_place_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_has_a_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_push_is_no_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hostile_name_is_named_and_makes_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_retry_with_a_key_is_stored_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_short_printable_and_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_finds_the_store_full_is_told_when_to_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_posts_to_what_is_no_stream_is_told_as_by_the_original, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slice_is_the_originals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_body_is_one_like_any_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slice_has_its_offset_and_its_limit, set_up, tear_down),
        cmocka_unit_test(numbers_are_gos),
        cmocka_unit_test_setup_teardown(a_long_slice_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_bodies_come_back_in_a_slice, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
