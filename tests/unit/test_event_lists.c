/* GET /events as a whole list, over sockets, before a store that gathers what a test tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "ese-core/event_lists.h"
#include "ese-core/memory.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

#define MOST 2
#define WAIT_MS 10000

struct fixture {
    struct ese_http_server *server;
    struct ese_event_lists *lists;
    /* What the source does. */
    int count; /* of events; each two of them have one ip */
    enum ese_code failure;
    int broken_at; /* the event that cannot be handed; -1: all can */
    pthread_mutex_t lock; /* while a test holds it, gathering takes its time */
    atomic_int gathering, released;
};

struct gathered {
    struct fixture *fixture;
    int handed;
};

/* ---- the source ---------------------------------------------------------------------------- */

static int gather(void *context, void **gathered, struct ese_error *error)
{
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->gathering, 1);
    pthread_mutex_lock(&fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
    if (fixture->failure != ESE_OK)
        return ese_fail(error, fixture->failure, "it cannot be gathered: ask the test");
    struct gathered *made = *gathered = ese_alloc(sizeof *made);
    made->fixture = fixture;
    return 0;
}

static int hand(void *context, ese_event_visit *visit, void *visit_context,
                struct ese_error *error)
{
    struct gathered *gathered = context;
    while (gathered->handed < gathered->fixture->count) {
        if (gathered->handed == gathered->fixture->broken_at)
            return ese_fail(error, ESE_E_IO, "broken");
        struct ese_event event = {.type = "T", .sub_type = "S", .client_ts = gathered->handed,
                                  .server_ts = 7};
        snprintf(event.ip, sizeof event.ip, "10.0.0.%d", gathered->handed / 2);
        gathered->handed++;
        if (!visit(visit_context, &event))
            return 1;
    }
    return 0;
}

static void release(void *context)
{
    struct gathered *gathered = context;
    atomic_fetch_add(&gathered->fixture->released, 1);
    free(gathered);
}

/* ---- the server ---------------------------------------------------------------------------- */

static void get_events(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    if (ese_event_lists_page_asked(request))
        ese_http_reply(request, 200, ESE_HTTP_TEXT, "a page", 6);
    else
        ese_event_lists_handle(fixture->lists, request);
}

static int set_up(void **state)
{
    struct fixture *fixture = *state = ese_alloc(sizeof *fixture);
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    const struct ese_event_lists_source source = {.gather = gather, .hand = hand,
                                                  .release = release, .context = fixture,
                                                  .most = MOST};
    fixture->broken_at = -1;
    pthread_mutex_init(&fixture->lock, NULL);
    assert_int_equal(ese_http_server_open(&options, &fixture->server, NULL), 0);
    assert_int_equal(ese_event_lists_open(&source, &fixture->lists, NULL), 0);
    ese_http_server_route(fixture->server, "GET", "/events", get_events, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_http_server_quiesce(fixture->server);
    ese_event_lists_close(&fixture->lists);
    assert_null(fixture->lists);
    ese_http_server_close(&fixture->server);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

static int begin(struct fixture *fixture, const char *query)
{
    char request[100];
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));
    snprintf(request, sizeof request, "GET /events%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    ese_raw_send_text(fd, request);
    return fd;
}

static void finish_with(int fd, int status, const char *body)
{
    struct ese_raw_answer answer = ese_raw_finish(fd, status);
    assert_non_null(strstr(answer.body, body));
    ese_raw_answer_clear(&answer);
}

static bool is_gathering(void *context)
{
    struct fixture *fixture = context;
    return atomic_load(&fixture->gathering) > 0;
}

static bool is_released(void *context)
{
    struct fixture *fixture = context;
    return atomic_load(&fixture->released) > 0;
}

/* ---- tests --------------------------------------------------------------------------------- */

#define LOGGED(ip, ts)                                                                            \
    "            {\n                \"type\": \"T\",\n                \"sub_type\": \"S\",\n"      \
    "                \"ip\": \"" ip "\",\n                \"client_ts\": " #ts ",\n"               \
    "                \"server_ts\": 7,\n                \"data\": {}\n            }"

static void it_is_written_as_the_original_writes_it(void **state)
{
    struct fixture *fixture = *state;
    fixture->count = 3;
    struct ese_raw_answer answer = ese_raw_finish(begin(fixture, ""), 200);
    assert_string_equal(answer.body,
                        "[\n    {\n        \"ip\": \"10.0.0.0\",\n        \"event_logs\": [\n"
                        LOGGED("10.0.0.0", 0) ",\n" LOGGED("10.0.0.0", 1)
                        "\n        ]\n    },\n    {\n        \"ip\": \"10.0.0.1\",\n"
                        "        \"event_logs\": [\n" LOGGED("10.0.0.1", 2)
                        "\n        ]\n    }\n]");
    assert_string_equal(ese_raw_answer_header(&answer, "Content-Type"), ESE_HTTP_JSON);
    ese_raw_answer_clear(&answer);
}

static void nothing_is_an_empty_list(void **state)
{
    struct fixture *fixture = *state;
    struct ese_raw_answer answer = ese_raw_finish(begin(fixture, ""), 200);
    assert_string_equal(answer.body, "[]");
    ese_raw_answer_clear(&answer);
}

static void a_query_for_a_page_is_told_from_it(void **state)
{
    struct fixture *fixture = *state;
    finish_with(begin(fixture, "?after=earliest"), 200, "a page");
    finish_with(begin(fixture, "?limit=1"), 200, "a page");
    finish_with(begin(fixture, "?wait=1"), 200, "a page");
    finish_with(begin(fixture, "?other=1"), 200, "[]");
}

static void a_long_list_comes_in_pieces_and_whole(void **state)
{
    struct fixture *fixture = *state;
    size_t events = 0;
    fixture->count = 20000;
    struct ese_raw_answer answer = ese_raw_finish(begin(fixture, ""), 200);
    json_t *list = json_loads(answer.body, 0, NULL);
    assert_int_equal(json_array_size(list), 10000);
    for (size_t i = 0; i < json_array_size(list); i++)
        events += json_array_size(json_object_get(json_array_get(list, i), "event_logs"));
    assert_int_equal(events, 20000);
    json_decref(list);
    ese_raw_answer_clear(&answer);
    assert_true(ese_test_wait_until(is_released, fixture, WAIT_MS));
}

/* Which of the two is answered first. */
static int first_of(const int fds[2])
{
    struct pollfd polled[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    assert_true(poll(polled, 2, WAIT_MS) > 0);
    return polled[0].revents != 0 ? 0 : 1;
}

static void too_many_at_once_are_refused(void **state)
{
    struct fixture *fixture = *state;
    int others[2];
    pthread_mutex_lock(&fixture->lock);
    int first = begin(fixture, "");
    assert_true(ese_test_wait_until(is_gathering, fixture, WAIT_MS));
    others[0] = begin(fixture, "");
    others[1] = begin(fixture, "");
    int refused = first_of(others); /* the other one waits */
    struct ese_raw_answer answer = ese_raw_finish(others[refused], 503);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "1");
    ese_raw_answer_clear(&answer);
    pthread_mutex_unlock(&fixture->lock);
    finish_with(first, 200, "[]");
    finish_with(others[!refused], 200, "[]");
    finish_with(begin(fixture, ""), 200, "[]"); /* there is room again */
}

static void what_cannot_be_gathered_is_refused_with_the_reason(void **state)
{
    struct fixture *fixture = *state;
    fixture->failure = ESE_E_IO;
    struct ese_raw_answer answer = ese_raw_finish(begin(fixture, ""), 503);
    assert_non_null(strstr(answer.body, "it cannot be gathered: ask the test"));
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "1");
    ese_raw_answer_clear(&answer);
    fixture->failure = ESE_E_FULL; /* another try would come to the same */
    answer = ese_raw_finish(begin(fixture, ""), 413);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), "");
    ese_raw_answer_clear(&answer);
    fixture->failure = ESE_OK;
    for (int i = 0; i < 2 * MOST; i++)
        finish_with(begin(fixture, ""), 200, "[]");
}

/* A list that ends as if it were whole would be taken for one. */
static void one_that_breaks_off_is_no_list(void **state)
{
    struct fixture *fixture = *state;
    fixture->count = 20000;
    fixture->broken_at = 10000;
    int fd = begin(fixture, "");
    char *came = ese_raw_read_to_end(fd);
    close(fd);
    assert_non_null(strstr(came, "10.0.0.100"));
    assert_null(strstr(came, "\r\n0\r\n"));
    free(came);
    assert_true(ese_test_wait_until(is_released, fixture, WAIT_MS));
}

static void who_leaves_early_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    char byte;
    fixture->count = 1000000;
    int fd = begin(fixture, "");
    assert_int_equal(read(fd, &byte, 1), 1);
    close(fd);
    assert_true(ese_test_wait_until(is_released, fixture, WAIT_MS));
}

static void a_stop_answers_everybody(void **state)
{
    struct fixture *fixture = *state;
    struct ese_raw_answer answer = {0};
    pthread_mutex_lock(&fixture->lock);
    int first = begin(fixture, "");
    assert_true(ese_test_wait_until(is_gathering, fixture, WAIT_MS));
    int second = begin(fixture, "");
    finish_with(begin(fixture, "?after=earliest"), 200, "a page"); /* so it has come in, too */
    ese_http_server_quiesce(fixture->server);
    pthread_mutex_unlock(&fixture->lock);
    ese_event_lists_close(&fixture->lists);
    finish_with(first, 200, "[]");
    assert_true(ese_raw_read_answer(second, true, &answer)); /* begun in time, or refused */
    assert_in_set((unsigned long)answer.status, ((const unsigned long[]){200, 503}), 2);
    close(second);
    ese_raw_answer_clear(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_written_as_the_original_writes_it),
        TEST(nothing_is_an_empty_list),
        TEST(a_query_for_a_page_is_told_from_it),
        TEST(a_long_list_comes_in_pieces_and_whole),
        TEST(too_many_at_once_are_refused),
        TEST(what_cannot_be_gathered_is_refused_with_the_reason),
        TEST(one_that_breaks_off_is_no_list),
        TEST(who_leaves_early_leaves_nothing_behind),
        TEST(a_stop_answers_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
