/* The http store from outside: what is answered to who posts, and what is still there
 * afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "tests/support/directory.h"
#include "tests/support/disk_room.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/http/http.h"

#define ID_1 "018f0000-0000-7000-8000-00000000000"
#define PRESS "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"},"

struct fixture {
    char *directory;
    char *data; /* "data=DIR" */
    enum ese_durability durability;
    const char *bound; /* an option of the store; NULL: none */
    struct ese_test_store_server server;
};

static void serve(struct fixture *fixture)
{
    const struct ese_test_store_options options = {
        .face = &ese_http_store,
        .durability = fixture->durability,
        .retention_ms = 600000,
        .options = {fixture->data, fixture->bound},
    };

    ese_test_store_server_close(&fixture->server);
    ese_test_store_server_open(&fixture->server, &options);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    struct ese_buffer data = ESE_BUFFER_INIT(4096);

    fixture->directory = ese_test_directory_make();
    fixture->durability = ESE_DURABILITY_OS;
    ese_buffer_printf(&data, "data=%s", fixture->directory);
    fixture->data = ese_buffer_detach(&data);
    serve(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_test_store_server_close(&fixture->server);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->data);
    free(fixture);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int begin_post(struct fixture *fixture, const char *path, const char *headers,
                      const char *body)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    int fd = ese_raw_connect(fixture->server.address);

    ese_buffer_printf(&request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
                      path);
    ese_buffer_printf(&request, "%sContent-Length: %zu\r\n\r\n%s", headers, strlen(body), body);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return fd;
}

/* The body; the caller frees. Fails the test when the status is another. */
static char *end_request(int fd, int status)
{
    struct ese_raw_answer answer = ese_raw_finish(fd, status);

    if (status == 503)
        assert_string_not_equal(ese_raw_answer_header(&answer, "Retry-After"), "");
    char *body = ese_copy_text(answer.body);
    ese_raw_answer_clear(&answer);
    return body;
}

static char *post(struct fixture *fixture, const char *path, const char *headers, const char *body,
                  int status)
{
    return end_request(begin_post(fixture, path, headers, body), status);
}

static json_t *get_list(struct fixture *fixture)
{
    int fd = ese_raw_connect(fixture->server.address);

    ese_raw_send_text(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    char *body = end_request(fd, 200);
    json_t *list = json_loads(body, 0, NULL);
    assert_non_null(list);
    free(body);
    return list;
}

static size_t count_stored(struct fixture *fixture)
{
    json_t *list = get_list(fixture);
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        count += json_array_size(json_object_get(json_array_get(list, i), "event_logs"));
    json_decref(list);
    return count;
}

static char *event_text(const char *id, const char *ip, long long timestamp)
{
    struct ese_buffer text = ESE_BUFFER_INIT(4096);

    ese_buffer_printf(&text, PRESS "\"timestamp\":%lld,\"ip\":\"%s\",\"data\":{},\"id\":\"%s\"}",
                      timestamp, ip, id);
    return ese_buffer_detach(&text);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void answers_are_the_originals(void **state)
{
    struct fixture *fixture = *state;
    char *body = post(fixture, "/event", "",
                      PRESS "\"timestamp\":1700000000123,\"ip\":\"1.2.3.4-1\",\"data\":{}}", 201);
    json_t *stored = json_loads(body, 0, NULL);
    struct ese_buffer expected = ESE_BUFFER_INIT(4096);

    ese_buffer_printf(&expected,
                      "{\n    \"type\": \"CLICK_STREAM_EVENT\",\n    \"sub_type\": \"KEY_PRESS_EVENT\",\n"
                      "    \"ip\": \"1.2.3.4-1\",\n    \"client_ts\": 1700000000123,\n"
                      "    \"server_ts\": %lld,\n    \"data\": {},\n    \"id\": \"%s\"\n}",
                      (long long)json_integer_value(json_object_get(stored, "server_ts")),
                      json_string_value(json_object_get(stored, "id")));
    assert_string_equal(body, expected.text);
    ese_buffer_free(&expected);
    json_decref(stored);
    free(body);

    body = post(fixture, "/events", "", "{\"events\":[]}", 201);
    assert_string_equal(body, "null");
    free(body);
    body = post(fixture, "/event", "", "{\"event\":7}", 400);
    assert_string_equal(body, "{\n    \"message\": \"Bad data schema passed\"\n}");
    free(body);
}

static void a_batch_with_one_bad_event_stores_nothing(void **state)
{
    struct fixture *fixture = *state;

    free(post(fixture, "/events", "",
              "{\"events\":[" PRESS "\"timestamp\":1,\"ip\":\"a\"}," PRESS "\"timestamp\":1.5,\"ip\":\"a\"}]}",
              400));
    assert_int_equal(count_stored(fixture), 0);
    free(post(fixture, "/events", "",
              "{\"events\":[" PRESS "\"timestamp\":1,\"ip\":\"a\"}," PRESS "\"timestamp\":2,\"ip\":\"a\"}]}",
              201));
    assert_int_equal(count_stored(fixture), 2);
}

static void assert_posted_again(struct fixture *fixture, const char *headers, const char *event,
                                const char *before)
{
    char *again = post(fixture, "/event", headers, event, 201);

    assert_string_equal(again, before);
    free(again);
}

static void a_repeat_is_answered_as_before_and_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    char *event = event_text(ID_1 "1", "a", 5);
    char *other = event_text(ID_1 "1", "b", 5);
    char *before = post(fixture, "/event", "", event, 201);

    assert_posted_again(fixture, "", event, before);
    serve(fixture);
    assert_posted_again(fixture, "", event, before);
    free(post(fixture, "/event", "", other, 422));
    assert_int_equal(count_stored(fixture), 1);
    free(event);
    free(other);
    free(before);
}

static void foreign_ids_and_keys_are_recognised(void **state)
{
    struct fixture *fixture = *state;
    const char *plain = PRESS "\"timestamp\":1,\"ip\":\"a\"}";
    char *foreign = event_text("click-17\",\"source\":\"shop", "a", 5);
    char *before = post(fixture, "/event", "", foreign, 201);
    char *keyed = post(fixture, "/event", "Idempotency-Key: k1\r\n", plain, 201);

    assert_posted_again(fixture, "", foreign, before);
    assert_posted_again(fixture, "Idempotency-Key: k1\r\n", plain, keyed);
    serve(fixture);
    assert_posted_again(fixture, "", foreign, before);
    assert_posted_again(fixture, "Idempotency-Key: k1\r\n", plain, keyed);
    free(post(fixture, "/event", "Idempotency-Key: k1\r\n", PRESS "\"timestamp\":2,\"ip\":\"a\"}",
              422));
    assert_int_equal(count_stored(fixture), 2);
    free(foreign);
    free(before);
    free(keyed);
}

/* Somebody else has the database's write lock, so that the store's next transaction cannot
 * begin. */
static struct ese_sqlite *lock_database(const struct fixture *fixture)
{
    char *path = ese_test_path(fixture->directory, "events.db");
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    struct ese_sqlite *sqlite;

    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_begin(sqlite, NULL), 0);
    free(path);
    return sqlite;
}

static void change_database(const struct fixture *fixture, const char *sql)
{
    struct ese_sqlite *sqlite = lock_database(fixture);

    assert_int_equal(ese_sqlite_run(sqlite, sql, NULL), 0);
    assert_int_equal(ese_sqlite_commit(sqlite, NULL), 0);
    ese_sqlite_close(&sqlite);
}

static void a_repeat_of_what_is_under_way_waits_for_it(void **state)
{
    struct fixture *fixture = *state;
    struct ese_sqlite *lock = lock_database(fixture);
    char *event = event_text(ID_1 "1", "a", 5);
    int first = begin_post(fixture, "/event", "", event);
    int second = begin_post(fixture, "/event", "", event);

    ese_sqlite_close(&lock);
    char *one = end_request(first, 201);
    char *two = end_request(second, 201);
    assert_string_equal(one, two);
    assert_int_equal(count_stored(fixture), 1);
    free(one);
    free(two);
    free(event);
}

/* Posts events one by one until so many are queued: the first is with the writer, which waits
 * for the lock. */
struct queued {
    struct fixture *fixture;
    int wanted;
    int fds[9];
    int count;
};

static bool enough_are_queued(void *context)
{
    const struct queued *queued = context;
    struct ese_metrics *metrics = queued->fixture->server.metrics;

    return ese_metric_value(ese_metrics_gauge(metrics, "ese_store_queue_events", NULL,
                                              "")) == queued->wanted;
}

static int begin_post_number(struct fixture *fixture, int number)
{
    char id[] = ID_1 "1";

    assert_in_range(number, 0, 8);
    id[sizeof(id) - 2] = (char)('1' + number);
    char *event = event_text(id, "a", 1);
    int fd = begin_post(fixture, "/event", "", event);
    free(event);
    return fd;
}

static void fill_queue(struct queued *queued)
{
    do {
        queued->fds[queued->count] = begin_post_number(queued->fixture, queued->count);
        queued->count++;
    } while (!ese_test_wait_until(enough_are_queued, queued, 200));
}

static void assert_all_stored(struct queued *queued)
{
    for (int i = 0; i < queued->count; i++)
        free(end_request(queued->fds[i], 201));
    assert_int_equal(count_stored(queued->fixture), queued->count);
}

static int64_t refused(struct fixture *fixture, const char *reason)
{
    return ese_metric_value(ese_metrics_counter(fixture->server.metrics,
                                                "ese_store_refused_events_total", reason, ""));
}

static void a_full_queue_refuses(void **state)
{
    struct fixture *fixture = *state;
    struct queued queued = {.fixture = fixture, .wanted = 2};

    fixture->bound = "queue-events=2";
    serve(fixture);
    struct ese_sqlite *lock = lock_database(fixture);
    fill_queue(&queued);
    free(end_request(begin_post_number(fixture, queued.count), 503));
    assert_int_equal(refused(fixture, "reason=\"queue\""), 1);
    ese_sqlite_close(&lock);
    assert_all_stored(&queued);
}

static int64_t counter(struct fixture *fixture, const char *name)
{
    return ese_metric_value(ese_metrics_counter(fixture->server.metrics, name, NULL, ""));
}

/* How many transactions what waits at once takes. */
static int64_t commits_of_queue(struct fixture *fixture, const char *option)
{
    struct queued queued = {.fixture = fixture, .wanted = 4};

    fixture->bound = option;
    serve(fixture);
    struct ese_sqlite *lock = lock_database(fixture);
    fill_queue(&queued);
    int64_t before = counter(fixture, "ese_store_commits_total");
    ese_sqlite_close(&lock);
    assert_all_stored(&queued);
    return counter(fixture, "ese_store_commits_total") - before;
}

/* The first request was with the writer already, four waited; a look at nothing may commit, too. */
static void requests_share_a_commit_or_do_not(void **state)
{
    struct fixture *fixture = *state;

    assert_in_range(commits_of_queue(fixture, "group=1"), 5, 6);
    change_database(fixture, "DELETE FROM events; DELETE FROM requests");
    assert_in_range(commits_of_queue(fixture, NULL), 2, 3);
}

/* The writer gathers what comes at once; for what may come later it would look for a second. */
static void a_request_by_itself_waits_for_no_others(void **state)
{
    struct fixture *fixture = *state;
    int64_t began_ns = ese_clock_monotonic_ns();

    for (int i = 0; i < 8; i++)
        free(end_request(begin_post_number(fixture, i), 201));
    assert_true(ese_clock_monotonic_ns() - began_ns < 5 * ESE_NS_PER_S);
}

static void every_commit_to_disk_is_synced(void **state)
{
    struct fixture *fixture = *state;

    fixture->durability = ESE_DURABILITY_DISK;
    serve(fixture);
    int64_t before = counter(fixture, "ese_sqlite_syncs_total"); /* its tables were made, and are on the disk */
    assert_true(before > 0);
    for (int i = 0; i < 4; i++)
        free(end_request(begin_post_number(fixture, i), 201));
    assert_true(counter(fixture, "ese_sqlite_syncs_total") - before >= 4);
}

static bool healthy(void *context)
{
    struct fixture *fixture = context;
    char reason[256];

    return ese_http_store.healthy(fixture->server.store, reason, sizeof(reason));
}

static void a_store_that_cannot_write_says_so_and_recovers(void **state)
{
    struct fixture *fixture = *state;
    char *event = event_text(ID_1 "1", "a", 5);

    assert_true(healthy(fixture));
    change_database(fixture, "ALTER TABLE events RENAME TO hidden");
    free(post(fixture, "/event", "", event, 503));
    assert_false(healthy(fixture));
    change_database(fixture, "ALTER TABLE hidden RENAME TO events");
    assert_true(ese_test_wait_until(healthy, fixture, 10000)); /* it finds out by itself */
    free(post(fixture, "/event", "", event, 201));
    assert_int_equal(count_stored(fixture), 1);
    free(event);
}

/* ---- the bound ------------------------------------------------------------------------------- */

#define BOUND (1 << 20)

static int64_t gauge(struct fixture *fixture, const char *name)
{
    return ese_metric_value(ese_metrics_gauge(fixture->server.metrics, name, NULL, ""));
}

/* Some of it is data: ten thousand bytes. */
static char *large_event(int number)
{
    struct ese_buffer text = ESE_BUFFER_INIT(20000);

    ese_buffer_printf(&text,
                      PRESS "\"timestamp\":7,\"ip\":\"a\",\"id\":\"018f0000-0000-7000-8000-%012d\","
                            "\"data\":{\"padding\":\"%010000d\"}}",
                      number, 0);
    return ese_buffer_detach(&text);
}

/* Posts large events until one is not stored. Returns how many were. */
static int fill_store(struct fixture *fixture, char **refusal)
{
    for (int stored = 0;; stored++) {
        char *event = large_event(stored);
        struct ese_raw_answer answer = {0};
        int fd = begin_post(fixture, "/event", "", event);
        assert_true(ese_raw_read_answer(fd, true, &answer));
        close(fd);
        free(event);
        assert_true(stored < 1000);
        if (answer.status == 503) {
            assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "1");
            *refusal = ese_copy_text(answer.body);
            ese_raw_answer_clear(&answer);
            return stored;
        }
        assert_int_equal(answer.status, 201);
        ese_raw_answer_clear(&answer);
    }
}

static void serve_bounded(struct fixture *fixture)
{
    fixture->bound = "max-bytes=1048576";
    serve(fixture);
}

static void a_full_store_refuses_and_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    char *refusal;

    serve_bounded(fixture);
    size_t stored = (size_t)fill_store(fixture, &refusal);
    assert_non_null(strstr(refusal, "Nothing was stored"));
    assert_non_null(strstr(refusal, "1048576"));
    assert_non_null(strstr(refusal, "--max-bytes"));
    assert_non_null(strstr(refusal, "--retention"));
    assert_true(stored > 20);
    assert_int_equal(count_stored(fixture), stored); /* reading goes on */
    assert_false(healthy(fixture));
    assert_int_equal(refused(fixture, "reason=\"bound\""), 1);
    assert_int_equal(gauge(fixture, "ese_store_max_bytes"), BOUND);
    assert_in_range(gauge(fixture, "ese_store_used_bytes"), BOUND / 2, BOUND);

    char *event = large_event(0);
    free(post(fixture, "/event", "", event, 201)); /* a repeat: it is stored */
    serve(fixture);
    free(post(fixture, "/event", "", event, 201));
    assert_int_equal(count_stored(fixture), stored);
    free(event);
    free(refusal);
}

static void a_full_store_takes_events_again_by_itself(void **state)
{
    struct fixture *fixture = *state;
    char *refusal;

    serve_bounded(fixture);
    int first = fill_store(fixture, &refusal);
    free(refusal);
    assert_false(healthy(fixture));
    change_database(fixture, "UPDATE events SET server_ts = 1"); /* time passes */
    assert_true(ese_test_wait_until(healthy, fixture, 10000));   /* nobody has to ask */
    assert_true(gauge(fixture, "ese_store_used_bytes") < BOUND / 4);
    for (int i = 0; i < first / 2; i++) {
        char *event = large_event(5000 + i);
        free(post(fixture, "/event", "", event, 201));
        free(event);
    }
    assert_true(healthy(fixture));
}

static bool is_sick(void *context)
{
    return !healthy(context);
}

static void who_asks_is_told_how_it_is_now(void **state)
{
    struct fixture *fixture = *state;

    assert_true(healthy(fixture));
    ese_test_let_files_grow(false); /* and nobody posts anything */
    bool noticed = ese_test_wait_until(is_sick, fixture, 20000);
    ese_test_let_files_grow(true);
    assert_true(noticed);
    assert_true(ese_test_wait_until(healthy, fixture, 20000));
}

static void who_posts_to_a_full_disk_is_told_that_it_is_full(void **state)
{
    struct fixture *fixture = *state;
    char *event = event_text(ID_1 "1", "a", 5);

    struct ese_raw_answer answer = {0};
    ese_test_let_files_grow(false);
    int fd = begin_post(fixture, "/event", "", event);
    bool answered = ese_raw_read_answer(fd, true, &answer);
    ese_test_let_files_grow(true);
    assert_true(answered);
    close(fd);
    assert_int_equal(answer.status, 507);
    assert_non_null(strstr(answer.body, "Nothing was stored"));
    assert_int_equal(refused(fixture, "reason=\"disk\""), 1);
    assert_int_equal(count_stored(fixture), 0);
    free(post(fixture, "/event", "", event, 201));
    assert_int_equal(count_stored(fixture), 1);
    ese_raw_answer_clear(&answer);
    free(event);
}

static bool something_has_left(void *context)
{
    const struct fixture *fixture = context;

    return ese_metric_value(ese_metrics_counter(fixture->server.metrics,
                                                "ese_store_expired_events_total", NULL, "")) > 0;
}

/* As on a full disk, whose room is in the pages that old rows hold. */
static void what_is_old_leaves_though_nothing_can_be_added(void **state)
{
    struct fixture *fixture = *state;
    char *event = event_text(ID_1 "1", "a", 5);

    free(post(fixture, "/events", "",
              "{\"events\":[" PRESS "\"timestamp\":1,\"ip\":\"a\"}," PRESS
              "\"timestamp\":2,\"ip\":\"a\"}]}",
              201));
    change_database(fixture,
                    "UPDATE events SET server_ts = 1;"
                    "CREATE TRIGGER a BEFORE INSERT ON events"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END;"
                    "CREATE TRIGGER b BEFORE INSERT ON requests"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END");
    free(post(fixture, "/event", "", event, 503));
    assert_true(ese_test_wait_until(something_has_left, fixture, 10000));
    assert_false(healthy(fixture));
    free(event);
}

static void what_is_queued_is_stored_when_it_stops(void **state)
{
    struct fixture *fixture = *state;
    struct queued queued = {.fixture = fixture, .wanted = 1};
    struct ese_sqlite *lock = lock_database(fixture);

    fill_queue(&queued);
    ese_sqlite_close(&lock);
    serve(fixture); /* ends the one server, and starts another */
    assert_all_stored(&queued);
}

static void memory_forgets(void **state)
{
    struct fixture *fixture = *state;
    char *event = event_text(ID_1 "1", "a", 5);

    fixture->durability = ESE_DURABILITY_MEMORY;
    serve(fixture);
    free(post(fixture, "/event", "", event, 201));
    assert_int_equal(count_stored(fixture), 1);
    serve(fixture);
    assert_int_equal(count_stored(fixture), 0);
    free(event);
}

static void a_directory_that_cannot_be_made_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct ese_config *config = ese_config_new();
    const struct ese_store_settings settings = {.durability = ESE_DURABILITY_OS,
                                                .server = fixture->server.http,
                                                .metrics = fixture->server.metrics};
    struct ese_store *store;
    struct ese_error error = {0};

    ese_config_add(config, "Options", ese_http_store.options);
    ese_config_give(config, "data", "/nowhere/at/all");
    assert_int_equal(ese_config_settle(config, &error), 0);
    assert_int_equal(ese_http_store.attach(config, &settings, &store, &error), -1);
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
    assert_null(store);
    ese_config_free(&config);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_are_the_originals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_with_one_bad_event_stores_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_is_answered_as_before_and_after_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(foreign_ids_and_keys_are_recognised, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_of_what_is_under_way_waits_for_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_share_a_commit_or_do_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_by_itself_waits_for_no_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_commit_to_disk_is_synced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_cannot_write_says_so_and_recovers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_store_refuses_and_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_store_takes_events_again_by_itself, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_posts_to_a_full_disk_is_told_that_it_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_is_told_how_it_is_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_old_leaves_though_nothing_can_be_added, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_queued_is_stored_when_it_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_forgets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_made_is_named, set_up,
                                        tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
