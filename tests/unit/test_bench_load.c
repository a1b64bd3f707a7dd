/* The bench's generator against a small server that does what a test wants: what it measures is what was so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/load.h"

#define CONNECTIONS 8
#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
#define REFUSED "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"

/* One thread a connection; a request is answered after `delay_ms`. */
struct server {
    const char *answer; /* NULL: the connection is closed instead */
    int delay_ms;
    int listener;
    char address[64];
    pthread_t thread, each[CONNECTIONS];
    int connections[CONNECTIONS];
    int count;
    _Atomic int64_t requests;
};

struct worker {
    struct server *server;
    int fd;
};

/* Whole requests in what was read, all of one length. */
static void *serve_one(void *context)
{
    struct worker *worker = context;
    struct server *server = worker->server;
    char bytes[65536];
    size_t length = 0;
    ssize_t got;

    while ((got = recv(worker->fd, bytes + length, sizeof bytes - 1 - length, 0)) > 0) {
        length += (size_t)got;
        bytes[length] = '\0';
        const char *body = strstr(bytes, "\r\n\r\n"), *told = strstr(bytes, "Content-Length: ");
        if (body == NULL || told == NULL)
            continue;
        size_t whole = (size_t)(body + 4 - bytes) + (size_t)strtol(told + strlen("Content-Length: "), NULL, 10);
        if (length < whole)
            continue;
        assert(length == whole); /* the next one is sent behind the answer only */
        length = 0;
        atomic_fetch_add(&server->requests, 1);
        if (server->answer == NULL)
            break;
        ese_clock_sleep_until(ese_clock_monotonic_ns() + server->delay_ms * ESE_NS_PER_MS);
        send(worker->fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    }
    close(worker->fd);
    free(worker);
    return NULL;
}

static void *accept_all(void *context)
{
    struct server *server = context;
    int fd;

    while (server->count < CONNECTIONS && (fd = accept(server->listener, NULL, NULL)) >= 0) {
        struct worker *worker = ese_alloc(sizeof *worker);
        *worker = (struct worker){server, fd};
        pthread_create(&server->each[server->count++], NULL, serve_one, worker);
    }
    return NULL;
}

static void open_server(struct server *server, const char *answer, int delay_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *server = (struct server){.answer = answer, .delay_ms = delay_ms};
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, CONNECTIONS), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, accept_all, server), 0);
}

static void close_server(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (int i = 0; i < server->count; i++)
        pthread_join(server->each[i], NULL);
}

/* What the generator said of what it sent; one load at a time. */
static struct {
    int64_t events[CONNECTIONS];
    int64_t due_ns, interval_ns; /* the last one; the shortest between two */
} said;

static void note_sent(void *context, uint16_t lane, int events, int64_t due_ns)
{
    (void)context;
    assert_true(lane < CONNECTIONS);
    said.events[lane] += events;
    if (said.due_ns > 0 && due_ns > said.due_ns && due_ns - said.due_ns < said.interval_ns)
        said.interval_ns = due_ns - said.due_ns;
    said.due_ns = due_ns;
}

static int load(struct server *server, int connections, int batch, int rate, struct ese_load_result *result,
                struct ese_error *error)
{
    memset(&said, 0, sizeof said);
    said.interval_ns = ESE_NS_PER_S;
    const struct ese_load_options options = {
        .protocol = &ese_bench_http,
        .address = server->address,
        .shape = {.connections = connections, .batch = batch, .rate = rate},
        .warm_up_ns = 20 * ESE_NS_PER_MS,
        .measure_ns = 300 * ESE_NS_PER_MS,
        .sent = note_sent,
    };
    return ese_load_run(&options, result, error);
}

/* On a machine that has no time for us little is answered, and late: then it is tried again. What must never be is
 * asserted of every try. */
#define TRIES 20

struct case_of_load {
    int delay_ms, connections, batch, rate;
    bool (*check)(const struct server *server, const struct ese_load_result *result); /* false: once more */
};

static void try_load(const struct case_of_load *one)
{
    bool passed = false;

    for (int i = 0; i < TRIES && !passed; i++) {
        struct server server;
        struct ese_load_result result;
        struct ese_error error = {0};
        open_server(&server, CREATED, one->delay_ms);
        int status = load(&server, one->connections, one->batch, one->rate, &result, &error);
        close_server(&server);
        if (status != 0)
            fail_msg("%s", error.text);
        passed = one->check(&server, &result);
        ese_load_clear(&result);
    }
    assert_true(passed);
}

/* ---- closed loop ----------------------------------------------------------------------------------------------- */

static bool is_counted(const struct server *server, const struct ese_load_result *result)
{
    assert_int_equal(result->stored, 10 * atomic_load(&server->requests));
    assert_int_equal(result->wrong, 0);
    int64_t told = 0;
    for (int i = 0; i < CONNECTIONS; i++)
        told += said.events[i];
    assert_int_equal(told, result->stored);
    assert_true(result->measured <= result->stored);
    assert_int_equal(ese_histogram_count(result->latency_us) % 10, 0);
    assert_true(ese_histogram_count(result->latency_us) <= (uint64_t)result->measured);
    assert_true(result->measured_ns >= 300 * ESE_NS_PER_MS);
    assert_true(result->cpu_ns > 0 && result->cpu_ns <= result->measured_ns);
    return ese_histogram_count(result->latency_us) > 0;
}

static void what_is_answered_is_counted_once(void **state)
{
    (void)state;
    try_load(&(struct case_of_load){.delay_ms = 1, .connections = 4, .batch = 10, .check = is_counted});
}

static bool is_twenty_ms(const struct server *server, const struct ese_load_result *result)
{
    (void)server;
    if (ese_histogram_count(result->latency_us) == 0)
        return false;
    assert_true(ese_histogram_min(result->latency_us) >= 19900);
    assert_true(result->measured <= 2 * 15 + 2 || result->measured_ns > 310 * ESE_NS_PER_MS);
    return ese_histogram_percentile(result->latency_us, 50) < 30000;
}

static void a_known_latency_is_what_is_told(void **state)
{
    (void)state;
    try_load(&(struct case_of_load){.delay_ms = 20, .connections = 2, .batch = 1, .check = is_twenty_ms});
}

/* ---- open loop ------------------------------------------------------------------------------------------------- */

/* Of 60 that were due; the last may be answered later. */
static bool is_two_hundred_a_second(const struct server *server, const struct ese_load_result *result)
{
    (void)server;
    assert_true(result->measured <= 62 + result->measured_ns / (5 * ESE_NS_PER_MS) - 60);
    assert_true(said.due_ns >= result->began_ns && said.due_ns < result->began_ns + result->measured_ns);
    return result->measured >= 55 && ese_histogram_count(result->late_us) >= 55;
}

static void a_rate_is_kept(void **state)
{
    (void)state;
    try_load(&(struct case_of_load){.connections = 8, .batch = 1, .rate = 200, .check = is_two_hundred_a_second});
}

/* One connection and 20 ms an answer are 50 a second, 200 are due: the n-th is answered after 20 n ms and was due after
 * 5 n. Who measured from when it could send would be told of 20 ms all the time. */
static bool waits_longer_and_longer(const struct server *server, const struct ese_load_result *result)
{
    int64_t count = (int64_t)ese_histogram_count(result->latency_us);

    (void)server;
    assert_true(result->measured <= 17 || result->measured_ns > 310 * ESE_NS_PER_MS); /* that it lags is seen, too */
    if (count < 5)
        return false;
    assert_true(ese_histogram_max(result->latency_us) >= 19000 + 15000 * (count - 1));
    return true;
}

static void waiting_to_be_sent_counts_from_when_it_was_due(void **state)
{
    (void)state;
    try_load(&(struct case_of_load){.delay_ms = 20, .connections = 1, .batch = 1, .rate = 200,
                                    .check = waits_longer_and_longer});
}

/* ---- what goes wrong ------------------------------------------------------------------------------------------- */

static void a_refusal_is_no_success(void **state)
{
    (void)state;
    struct server server;
    struct ese_load_result result;

    open_server(&server, REFUSED, 1);
    assert_int_equal(load(&server, 2, 1, 0, &result, NULL), 0);
    close_server(&server);
    assert_int_equal(result.measured, 0);
    assert_int_equal(result.stored, 0);
    assert_int_equal(result.wrong, atomic_load(&server.requests));
    assert_string_equal(result.wrong_words, "HTTP/1.1 503 Service Unavailable");
    ese_load_clear(&result);
}

static void assert_fails(const char *answer, enum ese_code code, const char *words)
{
    struct server server;
    struct ese_load_result result;
    struct ese_error error = {0};

    open_server(&server, answer, 1);
    assert_int_equal(load(&server, 2, 1, 0, &result, &error), -1);
    close_server(&server);
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.text, words));
    ese_load_clear(&result);
}

static void what_is_no_answer_ends_it(void **state)
{
    (void)state;
    assert_fails("hello", ESE_E_INVALID, "no answer in HTTP: 'hello'");
    assert_fails(CREATED CREATED, ESE_E_INVALID, "no answer in HTTP"); /* more of them than were asked for */
    assert_fails(NULL, ESE_E_CLOSED, "has closed");
}

static void nobody_there_is_said(void **state)
{
    (void)state;
    struct server nobody = {.address = "127.0.0.1:1"};
    struct ese_load_result result;
    struct ese_error error = {0};

    assert_int_equal(load(&nobody, 2, 1, 0, &result, &error), -1);
    assert_non_null(strstr(error.text, "127.0.0.1:1"));
    ese_load_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_answered_is_counted_once),
        cmocka_unit_test(a_known_latency_is_what_is_told),
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(waiting_to_be_sent_counts_from_when_it_was_due),
        cmocka_unit_test(a_refusal_is_no_success),
        cmocka_unit_test(what_is_no_answer_ends_it),
        cmocka_unit_test(nobody_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
