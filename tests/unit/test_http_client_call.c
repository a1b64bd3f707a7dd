/* What the client's requests are on the wire, and what it tells of answers, by a peer that keeps each byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_client.h"
#include "ese-core/memory.h"

enum { MOST_REQUESTS = 16, REQUEST_SIZE = 2000 };

#define PLAIN "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* Takes one connection, and gives each request on it the same answer. */
struct peer {
    int listener;
    char url[80];
    const char *answer;
    const char *last; /* the second one's, behind which it hangs up; NULL: as all */
    char requests[MOST_REQUESTS][REQUEST_SIZE];
    int count;
    pthread_t thread;
};

/* Reads a request up to its end, of its body too; false: the connection is closed. */
static bool read_request(int fd, char *text)
{
    size_t length = 0;
    for (;;) {
        const char *end = strstr(text, "\r\n\r\n"), *told = strstr(text, "Content-Length: ");
        size_t body = told != NULL ? strtoul(told + strlen("Content-Length: "), NULL, 10) : 0;
        if (end != NULL && strlen(end + 4) >= body)
            return true;
        ssize_t more = recv(fd, text + length, REQUEST_SIZE - 1 - length, 0);
        if (more <= 0)
            return false;
        length += (size_t)more;
        text[length] = '\0';
    }
}

static void *serve(void *context)
{
    struct peer *peer = context;
    int fd = accept(peer->listener, NULL, NULL);
    while (peer->count < MOST_REQUESTS && read_request(fd, peer->requests[peer->count])) {
        bool is_last = ++peer->count == 2 && peer->last != NULL;
        const char *answer = is_last ? peer->last : peer->answer;
        send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        if (is_last)
            break;
    }
    close(fd);
    return NULL;
}

static struct peer *start_ending(const char *answer, const char *last, const char *token,
                                 struct ese_http_client **client)
{
    struct peer *peer = ese_alloc(sizeof *peer);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct ese_error error = {0};
    peer->answer = answer;
    peer->last = last;
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(peer->listener, 5), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &length), 0);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d/x", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
    assert_int_equal(ese_http_client_open(1, token, client, &error), 0);
    return peer;
}

static struct peer *start(const char *answer, const char *token, struct ese_http_client **client)
{
    return start_ending(answer, NULL, token, client);
}

/* The client's connection ends with it, and the peer with that. */
static void stop(struct peer *peer, struct ese_http_client **client)
{
    ese_http_client_close(client);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    free(peer);
}

/* What the callback was told. */
struct told {
    int times;
    int status;
    size_t length;
    char body[100];
    char here[100], twice[100];
    bool missing;
    bool has_problem;
};

static void copy_header(char *text, size_t size, const struct ese_http_answer *answer, const char *name)
{
    const char *value = ese_http_answer_header(answer, name);
    snprintf(text, size, "%s", value != NULL ? value : "(none)");
}

static void note(void *context, const struct ese_http_answer *answer)
{
    struct told *told = context;
    told->times++;
    told->status = answer->status;
    told->length = answer->length;
    told->has_problem = answer->problem != NULL;
    snprintf(told->body, sizeof told->body, "%s", answer->body);
    copy_header(told->here, sizeof told->here, answer, "x-HERE");
    copy_header(told->twice, sizeof told->twice, answer, "X-Twice");
    told->missing = ese_http_answer_header(answer, "X-Her") == NULL;
}

/* Makes the call and waits for its end. */
static struct told ask(struct ese_http_client *client, const struct ese_http_call *call)
{
    struct told told = {0};
    struct ese_http_call made = *call;
    int64_t limit_ns = ese_clock_monotonic_ns() + 10 * ESE_NS_PER_S;
    made.length = made.body != NULL ? strlen(made.body) : 0;
    made.timeout_ms = 5000;
    made.done = note;
    made.context = &told;
    ese_http_client_call(client, &made);
    while (ese_http_client_poll(client, 1000, -1) > 0)
        assert_true(ese_clock_monotonic_ns() < limit_ns);
    assert_int_equal(told.times, 1);
    return told;
}

/* How many lines there are before the empty one, the request's own included. */
static int lines_of(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    int count = 1;
    assert_non_null(end);
    for (const char *line = request; (line = strstr(line, "\r\n")) != end; line += 2)
        count++;
    return count;
}

static void expect_line(const char *request, const char *line, int times)
{
    char wanted[200];
    int count = 0;
    snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
    for (const char *found = request; (found = strstr(found, wanted)) != NULL; found++)
        count++;
    if (count != times)
        fail_msg("'%s' is there %d times, not %d: %s", line, count, times, request);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void each_call_has_its_own_method(void **state)
{
    static const struct {
        const char *method, *body;
        const char *length; /* header, or NULL: none */
    } cases[] = {{"PUT", "x", "Content-Length: 1"},
                 {"GET", NULL, NULL},
                 {"DELETE", NULL, NULL},
                 {"POST", "xy", "Content-Length: 2"},
                 {"DELETE", "x", "Content-Length: 1"},
                 {"HEAD", NULL, NULL},
                 {"POST", NULL, "Content-Length: 0"},
                 {"PATCH", "xyz", "Content-Length: 3"},
                 {"HEAD", NULL, NULL},
                 {"PURGE", NULL, NULL},
                 {"PUT", NULL, "Content-Length: 0"},
                 {"GET", "x", "Content-Length: 1"},
                 {"GET", NULL, NULL}};
    struct ese_http_client *client;
    struct peer *peer = start(PLAIN, NULL, &client);
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        const struct ese_http_call call = {.method = cases[i].method, .url = peer->url, .body = cases[i].body};
        const char *request = peer->requests[i];
        char first[40];
        assert_int_equal(ask(client, &call).status, 200);
        snprintf(first, sizeof first, "%s /x HTTP/1.1\r\n", cases[i].method);
        assert_memory_equal(request, first, strlen(first));
        assert_string_equal(strstr(request, "\r\n\r\n") + 4, cases[i].body != NULL ? cases[i].body : "");
        expect_line(request, "Content-Type: application/json", cases[i].length != NULL);
        if (cases[i].length != NULL)
            expect_line(request, cases[i].length, 1);
        else
            assert_null(strstr(request, "Content-Length"));
    }
    stop(peer, &client);
}

static void head_waits_for_no_body(void **state)
{
    struct ese_http_client *client;
    struct peer *peer = start("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", NULL, &client);
    const struct ese_http_call call = {.method = "HEAD", .url = peer->url};
    (void)state;
    struct told told = ask(client, &call);
    assert_int_equal(told.status, 200);
    assert_int_equal(told.length, 0);
    stop(peer, &client);
}

static void bare_is_the_callers_lines_alone(void **state)
{
    struct ese_http_client *client;
    struct peer *peer = start(PLAIN, "s3cret", &client);
    struct ese_http_call call = {.method = "POST", .url = peer->url, .body = "x", .bare = true,
                                 .headers = "X-One: 1\nX-One: 2\r\nX-None:\nX-Blank: \t\nUser-Agent: us"};
    (void)state;
    ask(client, &call);
    call.headers = "Content-Type: text/plain\nAccept: text/html\nAuthorization: mine";
    ask(client, &call);
    call.method = "GET", call.body = call.headers = NULL;
    ask(client, &call);
    call.bare = false;
    ask(client, &call);
    static const char *const first[] = {"X-One: 1", "X-One: 2", "X-None:", "X-Blank:", "User-Agent: us"};
    static const char *const second[] = {"Content-Type: text/plain", "Accept: text/html", "Authorization: mine"};
    assert_int_equal(lines_of(peer->requests[0]), 3 + ESE_COUNT_OF(first)); /* its own, Host, Content-Length */
    for (size_t i = 0; i < ESE_COUNT_OF(first); i++)
        expect_line(peer->requests[0], first[i], 1);
    assert_int_equal(lines_of(peer->requests[1]), 3 + ESE_COUNT_OF(second));
    for (size_t i = 0; i < ESE_COUNT_OF(second); i++)
        expect_line(peer->requests[1], second[i], 1);
    assert_int_equal(lines_of(peer->requests[2]), 2);
    expect_line(peer->requests[3], "Authorization: Bearer s3cret", 1); /* the next one has what it always had */
    stop(peer, &client);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void an_answers_headers_are_told(void **state)
{
    struct ese_http_client *client;
    struct peer *peer = start("HTTP/1.1 100 Continue\r\nX-Her: 0\r\n\r\nHTTP/1.1 201 Created\r\nX-Here:  12 \r\n"
                              "X-Twice: one\r\nContent-Length: 0\r\nx-twice: two\r\n\r\n",
                              NULL, &client);
    struct ese_http_call call = {.method = "POST", .url = peer->url, .body = "x"};
    (void)state;
    struct told told = ask(client, &call);
    assert_int_equal(told.status, 201);
    assert_string_equal(told.here, "12");
    assert_string_equal(told.twice, "one");
    assert_true(told.missing); /* what announced the answer is none */
    call.url = "http://no-such-host.invalid/";
    told = ask(client, &call);
    assert_int_equal(told.status, 0);
    assert_string_equal(told.here, "(none)"); /* the last answer's are gone */
    stop(peer, &client);
}

static void no_more_of_a_body_is_kept_than_was_asked_for(void **state)
{
    struct ese_http_client *client;
    struct peer *peer = start("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", NULL, &client);
    struct ese_http_call call = {.method = "GET", .url = peer->url, .keep = 4};
    (void)state;
    struct told told = ask(client, &call);
    assert_int_equal(told.status, 200);
    assert_int_equal(told.length, 4);
    assert_string_equal(told.body, "0123");
    call.keep = 0;
    assert_string_equal(ask(client, &call).body, "0123456789");
    stop(peer, &client);
}

/* Behind a whole one, through the same handle. */
static void what_ends_within_its_head_is_no_answer(void **state)
{
    static const struct {
        const char *answer;
        int status;
    } cases[] = {{"HTTP/1.1 200 OK\r\n", 0},
                 {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", 0},
                 {"HTTP/1.1 200 OK\r\nContent-Len", 0},
                 {"HTTP/1.1 100 Continue\r\n\r\n", 0},
                 {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", 0},
                 {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", 200},
                 {"HTTP/1.1 200 OK\r\n\r\nuntil it is closed", 200},
                 {PLAIN, 200}};
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        for (int bare = 0; bare <= 1; bare++) {
            struct ese_http_client *client;
            struct peer *peer = start_ending(PLAIN, cases[i].answer, NULL, &client);
            const struct ese_http_call call = {.method = "POST", .url = peer->url, .body = "x", .bare = bare != 0};
            assert_int_equal(ask(client, &call).status, 200);
            struct told told = ask(client, &call);
            if (told.status != cases[i].status || told.has_problem != (told.status == 0))
                fail_msg("'%s' is taken for %d", cases[i].answer, told.status);
            stop(peer, &client);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_has_its_own_method),
        cmocka_unit_test(head_waits_for_no_body),
        cmocka_unit_test(bare_is_the_callers_lines_alone),
        cmocka_unit_test(an_answers_headers_are_told),
        cmocka_unit_test(no_more_of_a_body_is_kept_than_was_asked_for),
        cmocka_unit_test(what_ends_within_its_head_is_no_answer),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
