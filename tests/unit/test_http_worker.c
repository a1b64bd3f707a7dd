/* A thread that answers requests one after the other, and refuses what it has no room for: over sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/http_worker.h"
#include "ese-core/memory.h"
#include "tests/support/raw_http.h"
#include "tests/support/wait.h"

#define WAIT_MS 20000

struct fixture {
    struct ese_http_server *server;
    struct ese_http_worker *worker;
    bool is_idle_told;
    pthread_t thread; /* that has answered */
    pthread_mutex_t lock; /* while a test holds it, answering takes its time */
    atomic_int begun, answered, refused, idled, asked;
};

static void answer(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    char text[20];

    atomic_fetch_add(&fixture->begun, 1);
    pthread_mutex_lock(&fixture->lock);
    fixture->thread = pthread_self();
    pthread_mutex_unlock(&fixture->lock);
    snprintf(text, sizeof(text), "%d", atomic_fetch_add(&fixture->answered, 1) + 1);
    ese_http_reply(request, 200, ESE_HTTP_TEXT, text, strlen(text));
}

static void refuse(void *context, struct ese_http_request *request, const char *why)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->refused, 1);
    ese_http_reply(request, 503, ESE_HTTP_TEXT, why, strlen(why));
}

static void idle(void *context)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->idled, 1);
}

/* The HTTP server's thread. */
static void get(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;

    ese_http_worker_ask(fixture->worker, request, answer, fixture);
    atomic_fetch_add(&fixture->asked, 1);
}

static void open_worker(struct fixture *fixture)
{
    const struct ese_http_worker_options options = {
        .work = "tests", .refuse = refuse, .idle = fixture->is_idle_told ? idle : NULL, .context = fixture};

    assert_int_equal(ese_http_worker_open(&options, &fixture->worker, NULL), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = *state = ese_alloc(sizeof *fixture);
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0", .max_connections = 1000};

    pthread_mutex_init(&fixture->lock, NULL);
    assert_int_equal(ese_http_server_open(&options, &fixture->server, NULL), 0);
    open_worker(fixture);
    ese_http_server_route(fixture->server, "GET", "/", get, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_http_server_quiesce(fixture->server);
    ese_http_worker_close(&fixture->worker);
    assert_null(fixture->worker);
    ese_http_worker_close(&fixture->worker);
    ese_http_server_close(&fixture->server);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

struct wanted {
    atomic_int *counted;
    int count;
};

static bool is_so_far(void *context)
{
    const struct wanted *wanted = context;

    return atomic_load(wanted->counted) >= wanted->count;
}

static void await(atomic_int *counted, int count)
{
    struct wanted wanted = {.counted = counted, .count = count};

    assert_true(ese_test_wait_until(is_so_far, &wanted, WAIT_MS));
}

/* One more, which has come to the worker. */
static int begin(struct fixture *fixture)
{
    int before = atomic_load(&fixture->asked), fd = ese_raw_connect(ese_http_server_address(fixture->server));

    ese_raw_send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&fixture->asked, before + 1);
    return fd;
}

static void ends_with(int fd, int status, const char *body)
{
    struct ese_raw_answer answered = ese_raw_finish(fd, status);

    assert_string_equal(answered.body, body);
    ese_raw_answer_clear(&answered);
}

/* ---------------------------------------------------------------------------------------------- */

static void they_are_answered_in_their_order_by_a_thread(void **state)
{
    struct fixture *fixture = *state;
    char text[20];
    int fds[20];

    pthread_mutex_lock(&fixture->lock);
    for (size_t i = 0; i < ESE_COUNT_OF(fds); i++)
        fds[i] = begin(fixture);
    assert_int_equal(atomic_load(&fixture->answered), 0); /* and the server's thread has taken them all */
    assert_int_equal(atomic_load(&fixture->begun), 1);
    pthread_mutex_unlock(&fixture->lock);
    for (size_t i = 0; i < ESE_COUNT_OF(fds); i++) {
        snprintf(text, sizeof(text), "%zu", i + 1);
        ends_with(fds[i], 200, text);
    }
    assert_false(pthread_equal(fixture->thread, pthread_self()));
}

static void too_many_are_refused(void **state)
{
    struct fixture *fixture = *state;
    int fds[ESE_HTTP_WORKER_MOST];

    pthread_mutex_lock(&fixture->lock);
    int first = begin(fixture);
    await(&fixture->begun, 1); /* it does not wait any more */
    for (size_t i = 0; i < ESE_COUNT_OF(fds); i++)
        fds[i] = begin(fixture);
    ends_with(begin(fixture), 503, "too many are reading just now: try again");
    assert_int_equal(atomic_load(&fixture->refused), 1);
    pthread_mutex_unlock(&fixture->lock);
    ends_with(first, 200, "1");
    for (size_t i = 0; i < ESE_COUNT_OF(fds); i++) {
        char text[20];
        snprintf(text, sizeof(text), "%zu", i + 2);
        ends_with(fds[i], 200, text);
    }
    ends_with(begin(fixture), 200, "258"); /* there is room again */
}

static void who_has_nothing_to_do_says_so(void **state)
{
    struct fixture *fixture = *state;

    ese_http_worker_close(&fixture->worker);
    fixture->is_idle_told = true;
    open_worker(fixture);
    await(&fixture->idled, 2);
    ends_with(begin(fixture), 200, "1");
}

static void *close_worker(void *context)
{
    struct fixture *fixture = context;
    struct ese_http_worker *worker = fixture->worker; /* whoever asks goes on seeing it */

    ese_http_worker_close(&worker);
    return NULL;
}

/* The one that is refused tells that it is closing, while the first is still being answered. */
static void a_stop_refuses_what_is_not_begun(void **state)
{
    struct fixture *fixture = *state;
    pthread_t closer;
    struct wanted refusal = {.counted = &fixture->refused, .count = 1};
    int fds[100], count = 0;

    pthread_mutex_lock(&fixture->lock);
    int first = begin(fixture);
    await(&fixture->begun, 1);
    int second = begin(fixture);
    assert_int_equal(pthread_create(&closer, NULL, close_worker, fixture), 0);
    do {
        assert_true(count < (int)ESE_COUNT_OF(fds));
        fds[count++] = begin(fixture);
    } while (!ese_test_wait_until(is_so_far, &refusal, 100));
    pthread_mutex_unlock(&fixture->lock);
    pthread_join(closer, NULL);
    fixture->worker = NULL;
    ends_with(first, 200, "1");
    ends_with(second, 503, "the server is stopping");
    while (count > 0)
        ends_with(fds[--count], 503, "the server is stopping");
    assert_int_equal(atomic_load(&fixture->answered), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(they_are_answered_in_their_order_by_a_thread),
        TEST(too_many_are_refused),
        TEST(who_has_nothing_to_do_says_so),
        TEST(a_stop_refuses_what_is_not_begun),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
