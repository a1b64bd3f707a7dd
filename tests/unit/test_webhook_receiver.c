/* The receiving end: what is held, what is answered at once, and who may push. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "ese-core/clock.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "tests/support/wait.h"
#include "tests/unit/webhook_push.h"
#include "tests/unit/webhook_secret.h"
#include "transports/webhook/event_json.h"
#include "transports/webhook/page_json.h"
#include "transports/webhook/receiver.h"

#define PATIENCE_MS 20000 /* for what is to come at all */
#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define OTHER "whsec_ZjEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct fixture {
    struct ese_webhook_receiver *receiver;
    struct ese_webhook_page page;
    const char *url, *other_url; /* the receiver's */
    atomic_int wakes;
};

static void wake(void *context)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->wakes, 1);
}

static void open_with(struct fixture *fixture, const char *url, const struct ese_webhook_secret *secret, int64_t most)
{
    const struct ese_webhook_receiver_options options = {
        .listen = "127.0.0.1:0", .url = url, .streams = {"click-events", "order-events"}, .count = 2, .secret = secret,
        .max_body_bytes = most, .wake = wake, .context = fixture};
    struct ese_error error = {0};

    ese_webhook_receiver_close(&fixture->receiver);
    if (ese_webhook_receiver_open(&options, &fixture->receiver, &error) != 0)
        fail_msg("%s", error.text);
    fixture->url = ese_webhook_receiver_url(fixture->receiver, 0);
    fixture->other_url = ese_webhook_receiver_url(fixture->receiver, 1);
}

static void open_receiver(struct fixture *fixture, const char *url, const struct ese_webhook_secret *secret)
{
    open_with(fixture, url, secret, 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));

    open_receiver(fixture, NULL, NULL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_webhook_receiver_close(&fixture->receiver);
    ese_webhook_page_clear(&fixture->page);
    free(fixture);
    return 0;
}

struct taking {
    struct fixture *fixture;
    int line;
};

static bool takes(void *context)
{
    struct taking *taking = context;

    return ese_webhook_receiver_take(taking->fixture->receiver, taking->line, &taking->fixture->page);
}

/* Waits for it. */
static void take(struct fixture *fixture, int line, int64_t first, int count)
{
    struct taking taking = {.fixture = fixture, .line = line};

    assert_true(ese_test_wait_until(takes, &taking, PATIENCE_MS));
    assert_int_equal(fixture->page.count, count);
    assert_int_equal(fixture->page.events[0].position, first);
}

static void assert_nothing_to_take(struct fixture *fixture)
{
    struct ese_webhook_page page = {0};

    for (int line = 0; line < 2; line++)
        assert_false(ese_webhook_receiver_take(fixture->receiver, line, &page));
}

static bool was_woken(void *context)
{
    struct fixture *fixture = context;

    return atomic_load(&fixture->wakes) > 0;
}

/* Until somebody is woken for it, it has not come. */
static void wait_for_wake(struct fixture *fixture)
{
    assert_true(ese_test_wait_until(was_woken, fixture, PATIENCE_MS));
    atomic_store(&fixture->wakes, 0);
}

/* ---- what is held ---------------------------------------------------------------------------- */

static void a_push_is_held_until_its_effect_is_stored(void **state)
{
    struct fixture *fixture = *state;

    assert_nothing_to_take(fixture);
    int fd = webhook_push_one(fixture->url, 7, WEBHOOK_GOOD);
    wait_for_wake(fixture);
    take(fixture, 0, 7, 1);
    assert_string_equal(fixture->page.events[0].uuid, "u-7");
    assert_string_equal(fixture->page.events[0].created, "2026-11-21 10:11:12 +0000 UTC");
    assert_string_equal(fixture->page.events[0].body, WEBHOOK_GOOD);
    assert_int_equal(fixture->page.events[0].length, strlen(WEBHOOK_GOOD));
    assert_nothing_to_take(fixture);
    assert_true(webhook_is_held(fd, 100));
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
    assert_nothing_to_take(fixture);
}

static void a_page_is_taken_whole(void **state)
{
    struct fixture *fixture = *state;
    int fd = webhook_push_many(fixture->other_url, "order-events", 3, 40);

    take(fixture, 1, 3, 40);
    ese_webhook_receiver_answer(fixture->receiver, 1, 503);
    webhook_push_ends(fd, 503, "1");
    fd = webhook_push_many(fixture->other_url, "order-events", 3, 41);
    take(fixture, 1, 3, 41);
    ese_webhook_receiver_answer(fixture->receiver, 1, 200);
    webhook_push_ends(fd, 200, "");
}

static void while_one_is_in_hand_another_is_to_come_later(void **state)
{
    struct fixture *fixture = *state;
    int fd = webhook_push_one(fixture->url, 1, WEBHOOK_GOOD);

    take(fixture, 0, 1, 1);
    for (int i = 0; i < 3; i++)
        webhook_push_ends(webhook_push_one(fixture->url, 1 + i, WEBHOOK_GOOD), 429, "1");
    assert_nothing_to_take(fixture);
    int other = webhook_push_one(fixture->other_url, 1, WEBHOOK_GOOD); /* a line waits for itself alone */
    take(fixture, 1, 1, 1);
    ese_webhook_receiver_answer(fixture->receiver, 1, 200);
    webhook_push_ends(other, 200, "");
    assert_true(webhook_is_held(fd, 20));
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
    fd = webhook_push_one(fixture->url, 2, WEBHOOK_GOOD);
    take(fixture, 0, 2, 1);
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
}

/* Its sender has given it up, or he would not push another. */
static void a_newer_push_takes_the_place_of_one_that_nobody_took(void **state)
{
    struct fixture *fixture = *state;
    int fds[3];

    for (int i = 0; i < 3; i++) {
        fds[i] = webhook_push_many(fixture->url, "click-events", 1, 1 + i);
        wait_for_wake(fixture);
        if (i > 0)
            webhook_push_ends(fds[i - 1], 503, "1");
    }
    take(fixture, 0, 1, 3);
    assert_nothing_to_take(fixture);
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fds[2], 200, "");
}

/* A body, and what it says, may have anything in it; also a NUL. */
static void a_body_is_taken_as_it_is(void **state)
{
    static const char body[] = "{\"a\0b\xff";
    struct fixture *fixture = *state;
    int fd = webhook_push(fixture->url, "X-Event-Position: 9223372036854775806\r\n", body, sizeof(body));

    take(fixture, 0, INT64_MAX - 1, 1);
    assert_int_equal(fixture->page.events[0].length, sizeof(body));
    assert_memory_equal(fixture->page.events[0].body, body, sizeof(body));
    assert_string_equal(fixture->page.events[0].uuid, "");
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
    fd = webhook_push(fixture->url, "X-Event-Position: 1\r\n", "", 0);
    take(fixture, 0, 1, 1);
    assert_int_equal(fixture->page.events[0].length, 0);
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
}

/* ---- what is none ---------------------------------------------------------------------------- */

static void without_a_position_it_is_no_push(void **state)
{
    static const char *const positions[] = {"", "X-Event-Position: 0\r\n", "X-Event-Position: -1\r\n",
                                            "X-Event-Position: \r\n", "X-Event-Position: one\r\n",
                                            "X-Event-Position: 1.0\r\n", "X-Event-Position: 1 2\r\n",
                                            "X-Event-Position: 9223372036854775807\r\n",
                                            "X-Event-Position: 99999999999999999999\r\n"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(positions); i++)
        webhook_push_is_refused(webhook_push(fixture->url, positions[i], "x", 1), 400, "X-Event-Position");
    assert_nothing_to_take(fixture);
    assert_int_equal(atomic_load(&fixture->wakes), 0);
}

static void what_is_no_page_is_no_push(void **state)
{
    static const char *const bodies[] = {"", "[", "{}", "[{}]", "[{\"stream\":\"click-events\",\"position\":1}]"};
    struct fixture *fixture = *state;
    struct ese_buffer empty = ESE_BUFFER_INIT(100);

    for (size_t i = 0; i < ESE_COUNT_OF(bodies); i++)
        webhook_push_is_refused(webhook_push(fixture->url, "X-Event-Count: 1\r\n", bodies[i], strlen(bodies[i])), 400,
                                "page");
    webhook_push_is_refused(webhook_push_page(fixture->url, &empty, ""), 400, "a page without an event");
    webhook_push_is_refused(webhook_push_many(fixture->url, "order-events", 1, 1), 400,
                            "not of the stream click-events");
    webhook_push_is_refused(webhook_push_many(fixture->url, "click-events", 1, ESE_WEBHOOK_PAGE_MOST + 1), 400,
                            "a page of 1001");
    assert_nothing_to_take(fixture);
}

/* And what is held meanwhile stays so. */
static void what_is_no_push_takes_nobodys_place(void **state)
{
    struct fixture *fixture = *state;
    int fd = webhook_push_one(fixture->url, 1, WEBHOOK_GOOD);

    wait_for_wake(fixture);
    webhook_push_ends(webhook_push(fixture->url, "", "x", 1), 400, "");
    assert_true(webhook_is_held(fd, 20));
    take(fixture, 0, 1, 1);
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
}

static void other_paths_take_none(void **state)
{
    struct fixture *fixture = *state;
    char url[200];

    snprintf(url, sizeof(url), "%.*s/push/mail-requests", (int)strcspn(fixture->url + 7, "/") + 7, fixture->url);
    webhook_push_ends(webhook_push_one(url, 1, WEBHOOK_GOOD), 404, "");
    assert_nothing_to_take(fixture);
}

/* Its port is this one's now, and its streams have the same names. */
static void what_was_meant_for_who_was_there_before_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    char before[200], url[400];

    snprintf(before, sizeof(before), "%s", strstr(fixture->url, "/push/"));
    open_receiver(fixture, NULL, NULL);
    snprintf(url, sizeof(url), "%.*s%s", (int)(strstr(fixture->url, "/push/") - fixture->url), fixture->url, before);
    webhook_push_ends(webhook_push_one(url, 1, WEBHOOK_GOOD), 404, "");
    assert_nothing_to_take(fixture);
}

/* ---- who signs ------------------------------------------------------------------------------- */

static void sign(struct ese_buffer *headers, const char *by, int64_t when_s, const char *body)
{
    struct ese_webhook_secret secret;
    struct ese_error error = {0};
    char signature[ESE_WEBHOOK_SIGNATURE_SIZE];

    assert_int_equal(webhook_secret_of(by, &secret), 0);
    assert_int_equal(ese_webhook_sign(&secret, "u-1", when_s, body, strlen(body), signature, &error), 0);
    ese_buffer_printf(headers, "webhook-id: u-1\r\nwebhook-timestamp: %" PRId64 "\r\nwebhook-signature: %s\r\n", when_s,
                      signature);
}

/* signed_body: what the signature is of. extra: further headers. */
static int push_signed(struct fixture *fixture, const char *by, int64_t when_s, const char *signed_body,
                       const char *body, const char *extra)
{
    struct ese_buffer headers = ESE_BUFFER_INIT(4096);

    sign(&headers, by, when_s, signed_body);
    ese_buffer_text(&headers, extra);
    int fd = webhook_push(fixture->url, headers.text, body, strlen(body));
    ese_buffer_free(&headers);
    return fd;
}

static void open_signed(struct fixture *fixture)
{
    struct ese_webhook_secret secret;

    assert_int_equal(webhook_secret_of(SECRET, &secret), 0);
    open_receiver(fixture, NULL, &secret);
    ese_webhook_secret_wipe(&secret); /* it has its own */
}

#define PAGE "[{\"stream\":\"click-events\",\"position\":4,\"body\":\"YQ==\"}]"
#define COUNT "X-Event-Count: 1\r\n"

static void what_is_signed_is_taken(void **state)
{
    struct fixture *fixture = *state;

    open_signed(fixture);
    int fd = push_signed(fixture, SECRET, ese_clock_wall_ms() / 1000, PAGE, PAGE, COUNT);
    take(fixture, 0, 4, 1);
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
}

static void what_is_not_well_signed_is_nobodys(void **state)
{
    static const char tampered[] = "[{\"stream\":\"click-events\",\"position\":5,\"body\":\"YQ==\"}]";
    static const char *const twice[] = {"webhook-id: u-1\r\n", "webhook-timestamp: 1\r\n",
                                        "webhook-signature: v1,AAAA\r\n"};
    struct fixture *fixture = *state;
    int64_t now_s = ese_clock_wall_ms() / 1000;
    char extra[200];

    open_signed(fixture);
    webhook_push_ends(webhook_push(fixture->url, COUNT, PAGE, strlen(PAGE)), 401, "");
    webhook_push_ends(webhook_push(fixture->url, "", "", 0), 401, "");
    webhook_push_ends(push_signed(fixture, OTHER, now_s, PAGE, PAGE, COUNT), 401, "");
    webhook_push_ends(push_signed(fixture, SECRET, now_s, PAGE, tampered, COUNT), 401, "");
    webhook_push_ends(push_signed(fixture, SECRET, now_s - ESE_WEBHOOK_TOLERANCE_S - 60, PAGE, PAGE, COUNT), 401, "");
    webhook_push_ends(push_signed(fixture, SECRET, now_s + ESE_WEBHOOK_TOLERANCE_S + 60, PAGE, PAGE, COUNT), 401, "");
    for (size_t i = 0; i < ESE_COUNT_OF(twice); i++) {
        snprintf(extra, sizeof(extra), COUNT "%s", twice[i]);
        webhook_push_ends(push_signed(fixture, SECRET, now_s, PAGE, PAGE, extra), 401, "");
    }
    assert_nothing_to_take(fixture);
    assert_int_equal(atomic_load(&fixture->wakes), 0);
}

/* Its position is in a header, which nobody signed. */
static void a_single_event_cannot_be_signed(void **state)
{
    struct fixture *fixture = *state;
    int64_t now_s = ese_clock_wall_ms() / 1000;

    open_signed(fixture);
    webhook_push_is_refused(push_signed(fixture, SECRET, now_s, PAGE, PAGE, "X-Event-Position: 99\r\n"), 400,
                            "X-Event-Count is missing");
    assert_nothing_to_take(fixture);
}

/* ---- what is too large ----------------------------------------------------------------------- */

/* As a page of its own, of which every byte has to be escaped. */
static void the_largest_event_that_a_server_takes_is_taken(void **state)
{
    struct fixture *fixture = *state;
    struct ese_buffer page = ESE_BUFFER_INIT(32 << 20);
    char *body = ese_alloc(ESE_HTTP_BODY_BYTES + 1);
    const struct ese_webhook_event event = {.position = 7, .body = body, .length = ESE_HTTP_BODY_BYTES};

    memset(body, '<', ESE_HTTP_BODY_BYTES);
    body[0] = '{';
    ese_buffer_text(&page, "[");
    ese_webhook_event_write_json(&page, "click-events", &event);
    int fd = webhook_push_page(fixture->url, &page, "");
    take(fixture, 0, 7, 1);
    assert_int_equal(fixture->page.events[0].length, ESE_HTTP_BODY_BYTES);
    assert_memory_equal(fixture->page.events[0].body, body, ESE_HTTP_BODY_BYTES);
    ese_webhook_receiver_answer(fixture->receiver, 0, 200);
    webhook_push_ends(fd, 200, "");
    free(body);
}

/* Where stderr goes meanwhile. */
static char *log_of(struct fixture *fixture, void (*what)(struct fixture *fixture))
{
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    char *text = ese_alloc(65536);

    dup2(fileno(file), STDERR_FILENO);
    what(fixture);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    (void)!fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

static void push_too_much(struct fixture *fixture)
{
    char body[40000]; /* so large that it is not even read */

    memset(body, 'x', sizeof(body));
    webhook_push_ends(webhook_push(fixture->url, COUNT, body, 2001), 413, "");
    webhook_push_ends(webhook_push(fixture->url, COUNT, body, 2002), 413, "");
    webhook_push_ends(webhook_push(fixture->url, COUNT, body, sizeof(body)), 413, "");
}

static void take_one(struct fixture *fixture, int status)
{
    int fd = webhook_push_one(fixture->url, 1, WEBHOOK_GOOD);

    take(fixture, 0, 1, 1);
    ese_webhook_receiver_answer(fixture->receiver, 0, status);
    webhook_push_ends(fd, status, status == 200 ? "" : "1");
}

static void what_is_too_large_is_told_once(void **state)
{
    struct fixture *fixture = *state;

    open_with(fixture, NULL, NULL, 2000);
    assert_null(ese_webhook_receiver_refusal(fixture->receiver, 0));
    for (int round = 0; round < 2; round++) {
        char *text = log_of(fixture, push_too_much);
        const char *told = strstr(text, "a push of 2001 bytes from the stream click-events is refused by 413");
        assert_non_null(told);
        assert_non_null(strstr(told, "larger than the 2000 that are taken: give --push-body-bytes more"));
        assert_null(strstr(told + 1, "a push of"));
        free(text);
        take_one(fixture, 503);
        told = ese_webhook_receiver_refusal(fixture->receiver, 0);
        assert_non_null(told);
        assert_non_null(strstr(told, "a push of 2001 bytes from the stream click-events"));
        assert_null(ese_webhook_receiver_refusal(fixture->receiver, 1));
        take_one(fixture, 200);
        assert_null(ese_webhook_receiver_refusal(fixture->receiver, 0));
    }
}

static void push_far_too_much(struct fixture *fixture)
{
    char body[40000];

    memset(body, 'x', sizeof(body));
    webhook_push_ends(webhook_push(fixture->url, COUNT, body, sizeof(body)), 413, "");
}

static void what_is_not_even_read_is_told(void **state)
{
    struct fixture *fixture = *state;

    open_with(fixture, NULL, NULL, 2000);
    char *text = log_of(fixture, push_far_too_much);
    assert_non_null(strstr(text, "a push of 40000 bytes from the stream click-events is refused by 413"));
    free(text);
}

/* ---- where it is, and its end ---------------------------------------------------------------- */

static void it_says_where_it_is(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(strncmp(fixture->url, "http://127.0.0.1:", 17), 0);
    assert_non_null(strstr(fixture->url, "/push/click-events/"));
    open_receiver(fixture, "http://consumer:8080", NULL);
    assert_int_equal(strncmp(fixture->url, "http://consumer:8080/push/click-events/", 39), 0);
    assert_int_equal(strncmp(fixture->other_url, "http://consumer:8080/push/order-events/", 39), 0);
}

static void what_is_held_at_the_end_comes_again(void **state)
{
    struct fixture *fixture = *state;
    int taken = webhook_push_one(fixture->url, 1, WEBHOOK_GOOD);

    wait_for_wake(fixture);
    take(fixture, 0, 1, 1);
    int waiting = webhook_push_one(fixture->other_url, 1, WEBHOOK_GOOD);
    wait_for_wake(fixture);
    ese_webhook_receiver_close(&fixture->receiver);
    webhook_push_ends(taken, 503, "1");
    webhook_push_ends(waiting, 503, "1");
    ese_webhook_receiver_close(&fixture->receiver); /* a second time does nothing */
}

struct pushing {
    struct sockaddr_in to;
    const char *path;
    atomic_bool ends;
};

/* The answer's status; 0: none came, or nobody is there any more. */
static int try_push(const struct pushing *pushing, int position)
{
    char text[200], answer[16] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int length = snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: x\r\nX-Event-Position: %d\r\n"
                                              "Content-Length: 0\r\n\r\n", pushing->path, position);

    if (connect(fd, (const struct sockaddr *)&pushing->to, sizeof(pushing->to)) == 0 &&
        send(fd, text, (size_t)length, MSG_NOSIGNAL) == length)
        (void)!recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL);
    close(fd);
    return strlen(answer) > 9 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

/* What is still to be pushed is pushed again, as a server does. */
static void *push_on(void *context)
{
    struct pushing *pushing = context;

    for (int position = 1; !atomic_load(&pushing->ends);)
        position += try_push(pushing, position) == 200;
    return NULL;
}

/* The end comes while pushes do: of none of them nobody knows. */
static void it_may_end_while_pushes_come(void **state)
{
    struct fixture *fixture = *state;

    for (int round = 0; round < 6; round++) {
        struct pushing pushing = {.to = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}}};
        pthread_t thread;
        char path[100];
        open_receiver(fixture, NULL, NULL);
        snprintf(path, sizeof(path), "%s", strstr(fixture->url, "/push/"));
        pushing.path = path;
        pushing.to.sin_port = htons((uint16_t)strtol(strrchr(fixture->url, ':') + 1, NULL, 10));
        assert_int_equal(pthread_create(&thread, NULL, push_on, &pushing), 0);
        for (int i = 1; i <= 5 * round; i++) {
            take(fixture, 0, i, 1);
            ese_webhook_receiver_answer(fixture->receiver, 0, 200);
        }
        if (round % 2 == 0)
            take(fixture, 0, 5 * round + 1, 1); /* and is never answered */
        ese_webhook_receiver_close(&fixture->receiver);
        atomic_store(&pushing.ends, true);
        pthread_join(thread, NULL);
    }
}

static void where_it_cannot_listen_it_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct ese_webhook_receiver *second = NULL;
    struct ese_error error = {0};
    char address[64];

    snprintf(address, sizeof(address), "%.*s", (int)strcspn(fixture->url + 7, "/"), fixture->url + 7);
    const struct ese_webhook_receiver_options options = {
        .listen = address, .streams = {"click-events"}, .count = 1, .wake = wake, .context = fixture};
    assert_int_equal(ese_webhook_receiver_open(&options, &second, &error), -1);
    assert_null(second);
    assert_non_null(strstr(error.text, "the receiving end"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_push_is_held_until_its_effect_is_stored),
        TEST(a_page_is_taken_whole),
        TEST(while_one_is_in_hand_another_is_to_come_later),
        TEST(a_newer_push_takes_the_place_of_one_that_nobody_took),
        TEST(a_body_is_taken_as_it_is),
        TEST(without_a_position_it_is_no_push),
        TEST(what_is_no_page_is_no_push),
        TEST(what_is_no_push_takes_nobodys_place),
        TEST(other_paths_take_none),
        TEST(what_was_meant_for_who_was_there_before_is_not_taken),
        TEST(what_is_signed_is_taken),
        TEST(what_is_not_well_signed_is_nobodys),
        TEST(a_single_event_cannot_be_signed),
        TEST(the_largest_event_that_a_server_takes_is_taken),
        TEST(what_is_too_large_is_told_once),
        TEST(what_is_not_even_read_is_told),
        TEST(it_says_where_it_is),
        TEST(what_is_held_at_the_end_comes_again),
        TEST(it_may_end_while_pushes_come),
        TEST(where_it_cannot_listen_it_says_so),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
