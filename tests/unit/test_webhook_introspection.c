/* Which events there are, by type and by shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>

#include "tests/support/raw_http.h"
#include "tests/support/wait.h"
#include "tests/unit/webhook_rig.h"
#include "transports/webhook/shape.h"

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

static void store(struct webhook_rig *rig, const char *stream, const char *type, const char *body)
{
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    struct webhook_post post = {
        .posts = &posts, .row = {.type = type, .body = body, .length = strlen(body), .done = webhook_post_done}};

    posts.under_way = 1;
    assert_int_equal(ese_webhook_streams_post(rig->streams, stream, &post.row, NULL), 0);
    webhook_posts_wait(rig, &posts);
    assert_int_equal(post.result, ESE_APPEND_STORED);
}

static struct ese_raw_answer ask(struct webhook_rig *rig, const char *path, int status)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1000);
    int fd = ese_raw_connect(ese_http_server_address(rig->server));

    ese_buffer_printf(&request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return ese_raw_finish(fd, status);
}

/* Of what is whole. The caller frees. */
static char *get(struct webhook_rig *rig, const char *path)
{
    struct ese_raw_answer answer = ask(rig, path, 200);
    assert_string_equal(ese_raw_answer_header(&answer, "X-Introspect-Complete"), "yes");
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), "application/json; charset=UTF-8");
    char *body = ese_copy_text(answer.body);
    ese_raw_answer_clear(&answer);
    return body;
}

static void assert_get(struct webhook_rig *rig, const char *path, const char *expected)
{
    char *body = get(rig, path);

    assert_string_equal(body, expected);
    free(body);
}

static json_t *get_json(struct webhook_rig *rig, const char *path)
{
    char *body = get(rig, path);
    json_t *json = json_loads(body, 0, NULL);

    assert_non_null(json);
    free(body);
    return json;
}

static void change_file(struct webhook_rig *rig, const char *sql)
{
    char *path = ese_test_path(rig->directory, "_itrospect.db");
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(sqlite, sql, NULL), 0);
    ese_sqlite_close(&sqlite);
    free(path);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void streams_and_types_are_counted(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    assert_get(rig, "/introspect", "[]");
    store(rig, "b", "x", "{}");
    store(rig, "a", "y<", "");
    store(rig, "b", "w", "plain");
    store(rig, "b", "x", "{\"k\":1}");
    assert_get(rig, "/introspect",
               "[{\"name\":\"a\",\"total\":1,\"event_types\":[{\"name\":\"y\\u003c\",\"total\":1}]},"
               "{\"name\":\"b\",\"total\":3,\"event_types\":"
               "[{\"name\":\"w\",\"total\":1},{\"name\":\"x\",\"total\":2}]}]");
    store(rig, "b", "x", "{}");
    webhook_rig_close(rig);
    webhook_rig_open(rig);
    assert_get(rig, "/introspect",
               "[{\"name\":\"a\",\"total\":1,\"event_types\":[{\"name\":\"y\\u003c\",\"total\":1}]},"
               "{\"name\":\"b\",\"total\":4,\"event_types\":"
               "[{\"name\":\"w\",\"total\":1},{\"name\":\"x\",\"total\":3}]}]");
}

static void each_shape_has_an_example(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    assert_get(rig, "/introspect/nobody", "{\"name\":\"nobody\",\"event_variants\":{}}");
    store(rig, "s", "x", "{\"b\":1,\"a\":2}");
    store(rig, "s", "x", "{\"a\":3,\"b\":4}");
    store(rig, "s", "x", "[1]");
    store(rig, "s", "x", "{\"a\":{\"b\":1}}");
    store(rig, "s", "n", "null");
    json_t *info = get_json(rig, "/introspect/s");
    assert_string_equal(json_string_value(json_object_get(info, "name")), "s");
    const json_t *variants = json_object_get(info, "event_variants");
    assert_int_equal(json_object_size(variants), 2);
    const json_t *x = json_object_get(variants, "x");
    assert_int_equal(json_array_size(x), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(x, 0), "position")), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(x, 0), "body")), "{\"b\":1,\"a\":2}");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(x, 1), "position")), 4);
    assert_int_equal(json_array_size(json_object_get(variants, "n")), 1);
    json_decref(info);
    store(rig, "s", "x", "{\"b\":5,\"a\":6}"); /* a later example is in its place */
    info = get_json(rig, "/introspect/s");
    x = json_object_get(json_object_get(info, "event_variants"), "x");
    assert_int_equal(json_array_size(x), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(x, 1), "position")), 6);
    json_decref(info);
}

static void a_hash_is_the_originals(void **state)
{
    struct ese_buffer hash = ESE_BUFFER_INIT(1000);

    (void)state;
    assert_true(ese_webhook_shape_hash("{\"b\":1,\"a\":2}", 13, "st", "ty", &hash));
    assert_string_equal(hash.text, "616273747479d41d8cd98f00b204e9800998ecf8427e");
    assert_false(ese_webhook_shape_hash("[]", 2, "st", "ty", &hash));
    assert_false(ese_webhook_shape_hash("{\"a\":", 5, "st", "ty", &hash));
    assert_false(ese_webhook_shape_hash("", 0, "st", "ty", &hash));
    ese_buffer_clear(&hash);
    assert_true(ese_webhook_shape_hash("null", 4, "s", "t", &hash));
    assert_string_equal(hash.text, "7374d41d8cd98f00b204e9800998ecf8427e");
    ese_buffer_clear(&hash);
    assert_true(ese_webhook_shape_hash("{\"id\":12345678901234567890}", 27, "s", "t", &hash));
    assert_string_equal(hash.text, "69647374d41d8cd98f00b204e9800998ecf8427e");
    ese_buffer_free(&hash);
}

/* It forgets them with each start, so that they are those of its last one. */
static void the_originals_counts_are_counted_anew(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    store(rig, "s", "x", "{}");
    webhook_rig_close(rig);
    change_file(rig, "DROP TABLE introspected; UPDATE stream_stats SET stat_value = 77;"
                     "INSERT INTO event_variants VALUES ('h', 's', 'old', '{}', 5, '', '');"
                     "INSERT INTO stream_stats VALUES ('s', 'old', 3)");
    webhook_rig_open(rig);
    assert_get(rig, "/introspect", "[{\"name\":\"s\",\"total\":1,\"event_types\":[{\"name\":\"x\",\"total\":1}]}]");
    json_t *info = get_json(rig, "/introspect/s");
    assert_int_equal(json_object_size(json_object_get(info, "event_variants")), 1);
    json_decref(info);
}

static void types_and_shapes_are_bounded(void **state)
{
    struct webhook_rig *rig = *state;
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    static struct webhook_post many[1500];
    static char types[1500][8], bodies[1500][32];

    webhook_rig_open(rig);
    for (int i = 0; i < 1500; i++) {
        snprintf(types[i], sizeof(types[i]), "t%d", i);
        snprintf(bodies[i], sizeof(bodies[i]), "{\"k%d\":1}", i);
        many[i] = (struct webhook_post){.posts = &posts, .row = {.type = types[i], .body = bodies[i],
                                                                 .length = strlen(bodies[i]),
                                                                 .done = webhook_post_done}};
        pthread_mutex_lock(&posts.mutex);
        posts.under_way++;
        pthread_mutex_unlock(&posts.mutex);
        assert_int_equal(ese_webhook_streams_post(rig->streams, "s", &many[i].row, NULL), 0);
    }
    webhook_posts_wait(rig, &posts);
    json_t *all = get_json(rig, "/introspect");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(all, 0), "total")), 1500);
    assert_int_equal(json_array_size(json_object_get(json_array_get(all, 0), "event_types")), 999);
    json_decref(all);
    json_t *info = get_json(rig, "/introspect/s");
    assert_int_equal(json_object_size(json_object_get(info, "event_variants")), 1000);
    json_decref(info);
}

/* How many of a stream are counted in the file, as somebody sees it who does not ask the server. */
static int64_t counted(struct webhook_rig *rig, const char *stream)
{
    char *path = ese_test_path(rig->directory, "_itrospect.db");
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS, .read_only = true};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    struct ese_statement *find = ese_statement_new(
        sqlite, "SELECT stat_value FROM stream_stats WHERE stream = ?1 AND event_type = ''");
    ese_statement_text(find, 1, stream);
    int64_t count = ese_statement_step(find, NULL) == 1 ? ese_statement_column_number(find, 0) : 0;
    ese_sqlite_close(&sqlite);
    free(path);
    return count;
}

static bool is_counted(void *context)
{
    return counted(context, "s") == 1;
}

static void what_nobody_asks_for_is_counted_too(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    store(rig, "s", "x", "{}");
    assert_true(ese_test_wait_until(is_counted, rig, 20000));
}

#define LONG 60000 /* so many that nobody reads them by the way */

/* A stream that comes first by its name. */
static void make_long_stream(struct webhook_rig *rig)
{
    char *path = ese_test_path(rig->directory, "a.db");
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    struct ese_sqlite *sqlite;

    rig->options.retention_ms = 0;
    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "CREATE TABLE events (uuid, body text, type text, created);"
                                            "INSERT INTO events WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
                                            " SELECT i + 1 FROM n WHERE i < 60000) SELECT 'u', x'7b7d', 't',"
                                            " '2026-11-21 10:11:12 +0000 UTC' FROM n", NULL), 0);
    ese_sqlite_close(&sqlite);
    free(path);
}

static void a_long_stream_keeps_no_other_from_being_counted(void **state)
{
    struct webhook_rig *rig = *state;

    make_long_stream(rig);
    webhook_rig_open(rig);
    store(rig, "s", "x", "{}");
    assert_true(ese_test_wait_until(is_counted, rig, 20000));
    assert_true(counted(rig, "a") < LONG);
}

static void who_asks_for_one_stream_waits_for_no_other(void **state)
{
    struct webhook_rig *rig = *state;

    make_long_stream(rig);
    webhook_rig_open(rig);
    store(rig, "s", "x", "{}");
    json_t *info = get_json(rig, "/introspect/s");
    assert_int_equal(json_object_size(json_object_get(info, "event_variants")), 1);
    json_decref(info);
    assert_true(counted(rig, "a") < LONG);
}

static void what_cannot_be_read_is_said(void **state)
{
    struct webhook_rig *rig = *state;
    char *path = ese_test_path(rig->directory, "junk.db");

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 200; i++)
        fputs("this is no database ", file);
    fclose(file);
    free(path);
    webhook_rig_open(rig);
    store(rig, "s", "x", "{}");
    struct ese_raw_answer answer = ask(rig, "/introspect", 200);
    assert_string_equal(ese_raw_answer_header(&answer, "X-Introspect-Complete"), "no");
    assert_non_null(strstr(answer.body, "\"name\":\"s\",\"total\":1"));
    ese_raw_answer_clear(&answer);
    answer = ask(rig, "/introspect/junk", 200);
    assert_string_equal(ese_raw_answer_header(&answer, "X-Introspect-Complete"), "no");
    ese_raw_answer_clear(&answer);
}

/* As where the disk is full. */
static void what_cannot_be_kept_is_said(void **state)
{
    struct webhook_rig *rig = *state;

    webhook_rig_open(rig);
    assert_get(rig, "/introspect", "[]");
    change_file(rig, "CREATE TRIGGER no_more BEFORE INSERT ON stream_stats BEGIN SELECT RAISE(ABORT, 'no room'); END");
    store(rig, "s", "x", "{}");
    static const char *const paths[] = {"/introspect", "/introspect/s"};
    for (size_t i = 0; i < ESE_COUNT_OF(paths); i++) {
        struct ese_raw_answer answer = ask(rig, paths[i], 503);
        assert_non_null(strstr(answer.body, "no room"));
        assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "1");
        ese_raw_answer_clear(&answer);
    }
    change_file(rig, "DROP TRIGGER no_more");
    assert_get(rig, "/introspect", "[{\"name\":\"s\",\"total\":1,\"event_types\":[{\"name\":\"x\",\"total\":1}]}]");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(streams_and_types_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_shape_has_an_example, set_up, tear_down),
        cmocka_unit_test(a_hash_is_the_originals),
        cmocka_unit_test_setup_teardown(the_originals_counts_are_counted_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types_and_shapes_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_asks_for_is_counted_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_stream_keeps_no_other_from_being_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_for_one_stream_waits_for_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_kept_is_said, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
