/* Where the client may connect to, and what it takes from libcurl for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_client.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"

enum { HANGING = 300 };

struct fixture {
    struct ese_http_server *server;
    struct ese_http_client *client;
    int port;
    atomic_int served;
    struct ese_http_request *kept; /* by /keep */
    atomic_bool has_kept;
    struct ese_http_request *hanging[HANGING]; /* by /hang */
    atomic_int hanging_count;
    const char *refused; /* the guard's; "": each address */
    int asked;
    char last_asked[INET6_ADDRSTRLEN];
};

struct told {
    int times;
    int status;
    bool certainly_not_sent, no_socket;
    char problem[200];
};

static void note(void *context, const struct ese_http_answer *answer)
{
    struct told *told = context;
    told->times++;
    told->status = answer->status;
    told->certainly_not_sent = answer->certainly_not_sent;
    told->no_socket = answer->no_socket;
    snprintf(told->problem, sizeof told->problem, "%s", answer->problem != NULL ? answer->problem : "");
}

/* ---- libcurl's handles ----------------------------------------------------------------------- */

static int handles, handles_most = INT32_MAX;

void *__real_curl_easy_init(void); /* NOLINT: ld's name */
void *__wrap_curl_easy_init(void); /* NOLINT: ld's name */

void *__wrap_curl_easy_init(void) /* NOLINT: ld's name */
{
    if (handles == handles_most)
        return NULL;
    handles++;
    return __real_curl_easy_init();
}

/* ---- both sides ------------------------------------------------------------------------------ */

static void serve(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->served, 1);
    ese_http_reply(request, 200, NULL, NULL, 0);
}

static void keep(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    fixture->kept = request;
    atomic_store(&fixture->has_kept, true);
}

static void hang(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    int i = atomic_load(&fixture->hanging_count);
    assert_true(i < HANGING);
    fixture->hanging[i] = request;
    atomic_store(&fixture->hanging_count, i + 1);
}

static void elsewhere(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_request_add_header(request, "Location", "http://127.0.0.2/");
    ese_http_reply(request, 302, NULL, NULL, 0);
}

static bool may_connect(void *context, const struct sockaddr *address)
{
    struct fixture *fixture = context;
    const void *bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    assert_non_null(inet_ntop(address->sa_family, bytes, fixture->last_asked, sizeof fixture->last_asked));
    fixture->asked++;
    return fixture->refused[0] != '\0' && strcmp(fixture->refused, fixture->last_asked) != 0;
}

static void start(struct fixture *fixture, int connections)
{
    struct ese_error error = {0};
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    *fixture = (struct fixture){.refused = "127.0.0.2"};
    handles = 0;
    assert_int_equal(ese_http_server_open(&options, &fixture->server, &error), 0);
    ese_http_server_route(fixture->server, "POST", "/", serve, fixture);
    ese_http_server_route(fixture->server, "POST", "/keep", keep, fixture);
    ese_http_server_route(fixture->server, "POST", "/hang", hang, fixture);
    ese_http_server_route(fixture->server, "POST", "/elsewhere", elsewhere, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
    fixture->port = (int)strtol(strchr(ese_http_server_address(fixture->server), ':') + 1, NULL, 10);
    assert_int_equal(ese_http_client_open(connections, NULL, &fixture->client, &error), 0);
    assert_int_equal(handles, 0); /* none before it is needed */
}

static void stop(struct fixture *fixture)
{
    ese_http_client_close(&fixture->client);
    ese_http_server_close(&fixture->server);
    handles_most = INT32_MAX;
}

static void call(struct fixture *fixture, const char *host, const char *path, struct told *told)
{
    char url[200];
    snprintf(url, sizeof url, "http://%s:%d%s", host, fixture->port, path);
    const struct ese_http_call made = {
        .method = "POST", .url = url, .body = "x", .length = 1, .timeout_ms = 10000, .done = note, .context = told};
    ese_http_client_call(fixture->client, &made);
}

static void poll_until(struct fixture *fixture, struct told *told)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + 10 * ESE_NS_PER_S;
    while (told->times == 0) {
        ese_http_client_poll(fixture->client, 1000, -1);
        assert_true(ese_clock_monotonic_ns() < limit_ns);
    }
    assert_int_equal(told->times, 1);
}

static struct told ask(struct fixture *fixture, const char *host, const char *path)
{
    struct told told = {0};
    call(fixture, host, path, &told);
    poll_until(fixture, &told);
    return told;
}

static void expect_refusal(const struct told *told, const char *address)
{
    char problem[100];
    snprintf(problem, sizeof problem, "the address %s is not allowed", address);
    assert_int_equal(told->status, 0);
    assert_true(told->certainly_not_sent);
    assert_string_equal(told->problem, problem);
}

/* ---- the guard ------------------------------------------------------------------------------- */

static void a_forbidden_address_is_not_connected_to(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, 2);
    ese_http_client_guard(fixture.client, may_connect, &fixture);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)fixture.port)};
    assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &address.sin_addr), 1);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 5), 0);
    struct told told = ask(&fixture, "127.0.0.2", "/");
    expect_refusal(&told, "127.0.0.2");
    struct pollfd somebody = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&somebody, 1, 0), 0); /* on loopback, a connection would be there by now */
    close(listener);
    assert_int_equal(ask(&fixture, "127.0.0.1", "/").status, 200); /* and the line is good for the next call */
    told = ask(&fixture, "127.0.0.2", "/");
    expect_refusal(&told, "127.0.0.2");
    stop(&fixture);
}

/* A name, and each way a number can be written: what counts is where it leads. */
static void an_address_is_seen_through_its_name(void **state)
{
    static const char *const names[] = {"localhost", "2130706433", "0x7f000001", "0177.1", "127.1"};
    struct fixture fixture;
    (void)state;
    start(&fixture, 2);
    fixture.refused = "";
    ese_http_client_guard(fixture.client, may_connect, &fixture);
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        struct told told = ask(&fixture, names[i], "/");
        expect_refusal(&told, fixture.last_asked);
        if (i > 0)
            assert_string_equal(fixture.last_asked, "127.0.0.1");
    }
    assert_int_equal(atomic_load(&fixture.served), 0);
    stop(&fixture);
}

static void a_kept_connection_is_used_without_asking(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, 2);
    ese_http_client_guard(fixture.client, may_connect, &fixture);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(&fixture, "127.0.0.1", "/").status, 200);
    assert_int_equal(fixture.asked, 1);
    assert_string_equal(fixture.last_asked, "127.0.0.1");
    stop(&fixture);
}

/* Neither a redirect nor a proxy of the environment leads where nobody was asked to go. */
static void nothing_else_is_connected_to(void **state)
{
    struct fixture fixture;
    (void)state;
    setenv("http_proxy", "http://127.0.0.2:1", 1);
    setenv("all_proxy", "http://127.0.0.2:1", 1);
    start(&fixture, 2);
    ese_http_client_guard(fixture.client, may_connect, &fixture);
    assert_int_equal(ask(&fixture, "127.0.0.1", "/elsewhere").status, 302);
    assert_int_equal(fixture.asked, 1);
    assert_string_equal(fixture.last_asked, "127.0.0.1");
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    stop(&fixture);
}

/* ---- what it takes from libcurl -------------------------------------------------------------- */

static void handles_are_made_when_they_are_needed(void **state)
{
    struct told told[7] = {0};
    struct fixture fixture;
    (void)state;
    start(&fixture, 5);
    for (int i = 0; i < 10; i++)
        ask(&fixture, "127.0.0.1", "/");
    assert_int_equal(handles, 1); /* one at a time */
    for (int i = 0; i < 7; i++)
        call(&fixture, "127.0.0.1", "/", &told[i]);
    for (int i = 0; i < 7; i++)
        poll_until(&fixture, &told[i]);
    assert_int_equal(handles, 5);
    stop(&fixture);
}

static void without_any_handle_a_call_ends_unsent(void **state)
{
    struct fixture fixture;
    (void)state;
    start(&fixture, 5);
    handles_most = 0;
    struct told told = ask(&fixture, "127.0.0.1", "/");
    assert_int_equal(told.status, 0);
    assert_true(told.certainly_not_sent);
    assert_non_null(strstr(told.problem, "handle"));
    handles_most = INT32_MAX;
    assert_int_equal(ask(&fixture, "127.0.0.1", "/").status, 200);
    stop(&fixture);
}

static void without_a_further_handle_a_call_waits(void **state)
{
    struct told kept = {0}, waiting = {0};
    struct fixture fixture;
    (void)state;
    start(&fixture, 5);
    handles_most = 1;
    call(&fixture, "127.0.0.1", "/keep", &kept);
    call(&fixture, "127.0.0.1", "/", &waiting);
    while (!atomic_load(&fixture.has_kept))
        ese_http_client_poll(fixture.client, 10, -1);
    assert_int_equal(waiting.times, 0);
    assert_int_equal(atomic_load(&fixture.served), 0);
    ese_http_reply(fixture.kept, 201, NULL, NULL, 0);
    poll_until(&fixture, &waiting);
    assert_int_equal(kept.status, 201);
    assert_int_equal(waiting.status, 200);
    assert_int_equal(handles, 1);
    stop(&fixture);
}

/* As if no descriptor was left: the answer says that it is nobody else's fault; a refusal does not. */
static void without_a_socket_a_call_says_so(void **state)
{
    struct fixture fixture;
    struct told told = {0};
    struct rlimit usual, tight = {0};
    (void)state;
    start(&fixture, 5);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    tight.rlim_max = usual.rlim_max;
    call(&fixture, "127.0.0.1", "/", &told);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0); /* what is open stays so */
    for (int i = 0; i < 100 && told.times == 0; i++)
        ese_http_client_poll(fixture.client, 100, -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.status, 0);
    assert_true(told.certainly_not_sent && told.no_socket);
    assert_string_equal(told.problem, strerror(EMFILE));
    told = ask(&fixture, "127.0.0.1", "/");
    assert_int_equal(told.status, 200);
    assert_false(told.no_socket);
    told = (struct told){0};
    call(&fixture, "127.0.0.2", "/", &told); /* where nobody listens */
    poll_until(&fixture, &told);
    assert_true(told.certainly_not_sent && !told.no_socket);
    stop(&fixture);
}

/* libcurl takes no URL beyond 8 MB; the handle would go on with the one before. */
static void a_url_that_is_not_taken_is_not_the_last_one(void **state)
{
    enum { LENGTH = 9 * 1000 * 1000 };
    struct fixture fixture;
    struct told told = {0};
    char *url = malloc(LENGTH + 1);
    (void)state;
    start(&fixture, 1);
    assert_int_equal(ask(&fixture, "127.0.0.1", "/").status, 200);
    memset(url, 'a', LENGTH);
    memcpy(url, "http://", 7);
    url[LENGTH] = '\0';
    const struct ese_http_call call = {
        .method = "POST", .url = url, .timeout_ms = 5000, .done = note, .context = &told};
    ese_http_client_call(fixture.client, &call);
    poll_until(&fixture, &told);
    assert_int_equal(told.status, 0);
    assert_true(told.certainly_not_sent);
    assert_int_not_equal(told.problem[0], '\0');
    assert_int_equal(ask(&fixture, "127.0.0.1", "/").status, 200);
    assert_int_equal(atomic_load(&fixture.served), 2);
    free(url);
    stop(&fixture);
}

/* ---- what one costs another ------------------------------------------------------------------ */

/* How many sockets this thread has asked after, in libcurl, too: it finds this poll() before libc's. */
static _Thread_local unsigned long asked_after;

__attribute__((visibility("default"))) int poll(struct pollfd *sockets, nfds_t count, int timeout_ms)
{
    asked_after += count;
    return (int)syscall(SYS_poll, sockets, count, timeout_ms);
}

static void who_hangs_is_not_asked_after(void **state)
{
    enum { CALLS = 50 };
    static struct told told[HANGING];
    struct fixture fixture;
    (void)state;
    start(&fixture, HANGING + 1);
    for (int i = 0; i < HANGING; i++)
        call(&fixture, "127.0.0.1", "/hang", &told[i]);
    while (atomic_load(&fixture.hanging_count) < HANGING)
        ese_http_client_poll(fixture.client, 10, -1);
    asked_after = 0;
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(ask(&fixture, "127.0.0.1", "/").status, 200);
    assert_true(asked_after < HANGING); /* each turn that asks after all of them asks after so many */
    for (int i = 0; i < HANGING; i++)
        ese_http_reply(fixture.hanging[i], 200, NULL, NULL, 0);
    stop(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forbidden_address_is_not_connected_to),
        cmocka_unit_test(an_address_is_seen_through_its_name),
        cmocka_unit_test(a_kept_connection_is_used_without_asking),
        cmocka_unit_test(nothing_else_is_connected_to),
        cmocka_unit_test(handles_are_made_when_they_are_needed),
        cmocka_unit_test(without_any_handle_a_call_ends_unsent),
        cmocka_unit_test(without_a_further_handle_a_call_waits),
        cmocka_unit_test(without_a_socket_a_call_says_so),
        cmocka_unit_test(a_url_that_is_not_taken_is_not_the_last_one),
        cmocka_unit_test(who_hangs_is_not_asked_after),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
