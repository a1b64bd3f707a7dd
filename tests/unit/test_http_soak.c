/* Waves of requests on many kept connections: no stall where 128*k are ready at once, no memory
 * that grows. ESE_TEST_WAVES makes it as long as one likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "tests/support/raw_http.h"

#define MOST_CONNECTIONS 256
#define WARM_UP 40           /* waves, until every buffer has been made */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOST_GROWTH_KIB LONG_MAX /* they keep what was freed, on purpose */
#else
#define MOST_GROWTH_KIB 1024 /* less than any loss with each request would make */
#endif

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    int fds[MOST_CONNECTIONS];
    int connections;
    /* Kept requests on their way to the thread that answers them. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ese_http_request *kept[MOST_CONNECTIONS];
    int kept_count;
    bool ending;
    pthread_t answerer;
};

static void answer(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static void keep(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    fixture->kept[fixture->kept_count++] = request;
    pthread_cond_signal(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static void *answer_kept(void *context)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    while (!fixture->ending) {
        while (fixture->kept_count > 0)
            ese_http_reply(fixture->kept[--fixture->kept_count], 201, NULL, NULL, 0);
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    }
    pthread_mutex_unlock(&fixture->lock);
    return NULL;
}

static void start(struct fixture *fixture, int connections, int request_deadline_ms)
{
    struct ese_error error = {0};
    *fixture = (struct fixture){.metrics = ese_metrics_new(), .connections = connections};
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    const struct ese_http_server_options options = {
        .listen = "127.0.0.1:0", .metrics = fixture->metrics, .request_deadline_ms = request_deadline_ms};
    assert_int_equal(ese_http_server_open(&options, &fixture->server, &error), 0);
    ese_http_server_route(fixture->server, "POST", "/now", answer, NULL);
    ese_http_server_route(fixture->server, "POST", "/later", keep, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
    assert_int_equal(pthread_create(&fixture->answerer, NULL, answer_kept, fixture), 0);
    for (int i = 0; i < connections; i++)
        fixture->fds[i] = ese_raw_connect(ese_http_server_address(fixture->server));
}

static void stop(struct fixture *fixture)
{
    for (int i = 0; i < fixture->connections; i++)
        close(fixture->fds[i]);
    pthread_mutex_lock(&fixture->lock);
    fixture->ending = true;
    pthread_cond_signal(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
    pthread_join(fixture->answerer, NULL);
    ese_http_server_close(&fixture->server);
    ese_metrics_free(&fixture->metrics);
    pthread_mutex_destroy(&fixture->lock);
    pthread_cond_destroy(&fixture->changed);
}

/* An answer without a body; the socket's time limit ends a stall. */
static void read_answer(int fd)
{
    char text[1024] = "";
    size_t length = 0;
    while (strstr(text, "\r\n\r\n") == NULL) {
        ssize_t more = recv(fd, text + length, sizeof text - 1 - length, 0);
        assert_true(more > 0);
        length += (size_t)more;
        text[length] = '\0';
    }
    assert_memory_equal(text, "HTTP/1.1 20", 11);
}

/* One request on every connection, then all answers. Returns how long that took. */
static int64_t wave(struct fixture *fixture, const char *request)
{
    int64_t began_ns = ese_clock_monotonic_ns();
    for (int i = 0; i < fixture->connections; i++)
        ese_raw_send_text(fixture->fds[i], request);
    for (int i = 0; i < fixture->connections; i++)
        read_answer(fixture->fds[i]);
    return ese_clock_monotonic_ns() - began_ns;
}

/* Of this process: the server is a part of it. */
static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int64_t wave_count(void)
{
    const char *asked = getenv("ESE_TEST_WAVES");
    int64_t waves = 100;
    if (asked != NULL)
        assert_int_equal(ese_number_parse(asked, "ESE_TEST_WAVES", 1, 1000000, &waves, NULL), 0);
    return waves;
}

static void soak(int connections)
{
    static const char *const requests[] = {
        "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    };
    struct fixture fixture;
    int64_t slowest_ns = 0, waves = wave_count();
    start(&fixture, connections, 0);
    for (int i = 0; i < WARM_UP; i++)
        wave(&fixture, requests[i % 2]);
    long before_kib = resident_kib();
    int64_t began_ns = ese_clock_monotonic_ns();
    for (int64_t i = 0; i < waves; i++) {
        int64_t took_ns = wave(&fixture, requests[i % 2]);
        slowest_ns = took_ns > slowest_ns ? took_ns : slowest_ns;
    }
    int64_t took_ns = ese_clock_monotonic_ns() - began_ns;
    long grown_kib = resident_kib() - before_kib;
    print_message(
        "# %d connections: %lld requests, %lld a second, slowest wave %lld us, memory %+ld KiB\n",
        connections, (long long)(waves * connections),
        (long long)(waves * connections * ESE_NS_PER_S / took_ns), (long long)(slowest_ns / 1000),
        grown_kib);
    assert_true(slowest_ns < 5 * ESE_NS_PER_S);
    assert_true(grown_kib < MOST_GROWTH_KIB);
    stop(&fixture);
}

static void with_100_connections(void **state)
{
    (void)state;
    soak(100);
}

static void with_128_connections(void **state)
{
    (void)state;
    soak(128);
}

static void with_256_connections(void **state)
{
    (void)state;
    soak(256);
}

/* A query of so many parts that libmicrohttpd gives up on it before it is a request: where nobody else is
 * connected it hangs up by itself, when it looks next. */
static void give_up(struct fixture *fixture, const char *request, int times)
{
    for (int i = 0; i < times; i++) {
        int fd = ese_raw_connect(ese_http_server_address(fixture->server));
        ese_raw_send_text(fd, request);
        assert_true(ese_raw_closed(fd));
        close(fd);
    }
}

static void of_what_is_given_up_nothing_stays(void **state)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    struct fixture fixture;
    (void)state;
    start(&fixture, 0, 200);
    ese_buffer_text(&request, "GET /now/?");
    for (int i = 0; i < 10000; i++)
        ese_buffer_text(&request, "a&");
    ese_buffer_text(&request, " HTTP/1.1\r\nHost: x\r\n\r\n");
    give_up(&fixture, request.text, WARM_UP);
    long before_kib = resident_kib();
    give_up(&fixture, request.text, 100);
    long grown_kib = resident_kib() - before_kib;
    print_message("# given up: memory %+ld KiB\n", grown_kib);
    assert_true(grown_kib < MOST_GROWTH_KIB);
    ese_buffer_free(&request);
    stop(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_what_is_given_up_nothing_stays), /* first: memory left by others hides a loss */
        cmocka_unit_test(with_100_connections),
        cmocka_unit_test(with_128_connections),
        cmocka_unit_test(with_256_connections),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
