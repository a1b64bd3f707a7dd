/* The poster where each event has an address of its own, and answers say where it is stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/event_poster.h"
#include "ese-core/http_client.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"

enum { MOST_SEEN = 8 };

/* A request as it came. */
struct seen {
    char path[40], kind[40], prefer[40], traceparent[ESE_TRACEPARENT_SIZE], sub_type[40];
};

struct fixture {
    struct ese_http_server *server;
    struct ese_event_poster *poster;
    uint32_t sequence;
    struct seen seen[MOST_SEEN]; /* by the server's thread, until seen_count says so */
    atomic_int seen_count;
};

static int addressed, placed, written; /* how often each was asked, by the test's thread */

/* ---- the server's side ----------------------------------------------------------------------- */

static void copy_header(char *text, size_t size, struct ese_http_request *request, const char *name)
{
    const char *value = ese_http_request_header(request, name);
    snprintf(text, size, "%s", value != NULL ? value : "-");
}

static void see(struct fixture *fixture, const char *path, struct ese_http_request *request)
{
    int i = atomic_load(&fixture->seen_count);
    assert_true(i < MOST_SEEN);
    struct seen *seen = &fixture->seen[i];
    size_t length;
    snprintf(seen->path, sizeof seen->path, "%s", path);
    copy_header(seen->kind, sizeof seen->kind, request, "X-Kind");
    copy_header(seen->prefer, sizeof seen->prefer, request, "Prefer");
    copy_header(seen->traceparent, sizeof seen->traceparent, request, "traceparent");
    const char *body = ese_http_request_body(request, &length);
    const char *sub_type = strstr(body, "\"S-"); /* its JSON came */
    snprintf(seen->sub_type, sizeof seen->sub_type, "%.3s", sub_type != NULL ? sub_type + 1 : "");
    atomic_store(&fixture->seen_count, i + 1);
}

static void take_left(void *context, struct ese_http_request *request)
{
    see(context, "left", request);
    ese_http_request_add_header(request, "X-Where", "41");
    ese_http_reply(request, 201, NULL, NULL, 0);
}

/* Full at first. */
static void take_right(void *context, struct ese_http_request *request)
{
    struct fixture *fixture = context;
    see(fixture, "right", request);
    ese_http_request_add_header(request, "X-Where", "42");
    if (atomic_load(&fixture->seen_count) == 1) {
        ese_http_request_add_header(request, "Retry-After", "0");
        ese_http_reply_message(request, 503, "full");
    } else {
        ese_http_reply(request, 200, NULL, NULL, 0);
    }
}

static void refuse(void *context, struct ese_http_request *request)
{
    see(context, "event", request);
    ese_http_request_add_header(request, "X-Where", "43");
    ese_http_reply_message(request, 422, "no");
}

/* ---- the poster's side ----------------------------------------------------------------------- */

static void address_by_type(const struct ese_event *event, struct ese_post_address *address)
{
    addressed++;
    if (strcmp(event->type, "USUAL") == 0)
        return;
    snprintf(address->path, sizeof address->path, "/to/%s", event->type);
    snprintf(address->headers, sizeof address->headers, "X-Kind: %s\nX-Other: 1", event->type);
    address->number = strcmp(event->type, "left") == 0 ? 3 : 4;
}

static void place_by_header(const struct ese_http_answer *answer, int number, int32_t *partition, int64_t *offset)
{
    const char *where = ese_http_answer_header(answer, "X-Where");
    placed++;
    assert_int_equal(*partition, -1);
    assert_int_equal(*offset, -1);
    assert_non_null(where);
    *partition = number;
    *offset = strtoll(where, NULL, 10);
}

static void start(struct fixture *fixture, ese_post_place *place, ese_post_writing *write)
{
    struct ese_error error = {0};
    char url[80];
    const struct ese_http_server_options served = {.listen = "127.0.0.1:0"};
    *fixture = (struct fixture){.sequence = 0};
    addressed = placed = written = 0;
    assert_int_equal(ese_http_server_open(&served, &fixture->server, &error), 0);
    ese_http_server_route(fixture->server, "POST", "/to/left", take_left, fixture);
    ese_http_server_route(fixture->server, "POST", "/to/right", take_right, fixture);
    ese_http_server_route(fixture->server, "POST", "/event", refuse, fixture);
    assert_int_equal(ese_http_server_start(fixture->server, &error), 0);
    snprintf(url, sizeof url, "http://%s", ese_http_server_address(fixture->server));
    const struct ese_event_poster_options options = {.server = url,
                                                     .inflight = 10,
                                                     .connections = 2,
                                                     .retry_deadline_ms = 10000,
                                                     .address = address_by_type,
                                                     .place = place,
                                                     .write = write};
    assert_int_equal(ese_event_poster_open(&options, &fixture->poster, &error), 0);
}

static void stop(struct fixture *fixture)
{
    ese_event_poster_close(&fixture->poster);
    ese_http_server_close(&fixture->server);
}

/* Sends one of that type and waits for what became of it. */
static struct ese_acknowledgement post(struct fixture *fixture, const char *type, struct ese_event *event)
{
    struct ese_error error = {0};
    struct ese_acknowledgement acknowledgement;
    int64_t limit_ns = ese_clock_monotonic_ns() + 15 * ESE_NS_PER_S;
    *event = (struct ese_event){.client_ts = ese_clock_wall_ms()};
    const struct ese_id_parts parts = {.time_ms = event->client_ts, .run = 7, .sequence = fixture->sequence++};
    event->id = ese_id_make(&parts);
    snprintf(event->type, sizeof event->type, "%s", type);
    snprintf(event->sub_type, sizeof event->sub_type, "S-1");
    snprintf(event->ip, sizeof event->ip, "10.0.0.1");
    ese_event_set_key(event);
    ese_event_set_traceparent(event);
    assert_int_equal(ese_event_poster_send(fixture->poster, event, &error), 0);
    while (ese_event_poster_poll(fixture->poster, 1000, &acknowledgement, 1) == 0)
        assert_true(ese_clock_monotonic_ns() < limit_ns);
    assert_true(ese_id_equal(&acknowledgement.id, &event->id));
    return acknowledgement;
}

static void expect_seen(struct fixture *fixture, int i, const char *type, const struct ese_event *event)
{
    const struct seen *seen = &fixture->seen[i];
    assert_true(i < atomic_load(&fixture->seen_count));
    assert_string_equal(seen->path, type);
    assert_string_equal(seen->kind, type);
    assert_string_equal(seen->prefer, "-");
    assert_string_equal(seen->traceparent, event->traceparent);
    assert_string_equal(seen->sub_type, "S-1");
}

static void each_goes_where_it_belongs_and_is_told_where_it_is(void **state)
{
    struct fixture fixture;
    struct ese_event event;
    (void)state;
    start(&fixture, place_by_header, NULL);
    struct ese_acknowledgement told = post(&fixture, "left", &event);
    assert_int_equal(told.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    assert_int_equal(told.partition, 3);
    assert_int_equal(told.offset, 41);
    assert_int_equal(placed, 1);
    expect_seen(&fixture, 0, "left", &event);
    stop(&fixture);
}

static void all_attempts_have_one_address(void **state)
{
    struct fixture fixture;
    struct ese_event event;
    (void)state;
    start(&fixture, place_by_header, NULL);
    struct ese_acknowledgement told = post(&fixture, "right", &event);
    assert_int_equal(told.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    assert_int_equal(told.attempts, 2);
    assert_int_equal(told.partition, 4);
    assert_int_equal(told.offset, 42);
    assert_int_equal(addressed, 1);
    assert_int_equal(placed, 1); /* a 503 stored nothing */
    expect_seen(&fixture, 0, "right", &event);
    expect_seen(&fixture, 1, "right", &event);
    stop(&fixture);
}

static void what_is_left_as_it_stands_is_the_usual(void **state)
{
    struct fixture fixture;
    struct ese_event event;
    (void)state;
    start(&fixture, place_by_header, NULL);
    struct ese_acknowledgement told = post(&fixture, "USUAL", &event);
    assert_int_equal(told.outcome, ESE_OUTCOME_REFUSED); /* here */
    assert_int_equal(told.partition, -1);
    assert_int_equal(told.offset, -1);
    assert_int_equal(placed, 0);
    assert_string_equal(fixture.seen[0].path, "event");
    assert_string_equal(fixture.seen[0].prefer, "return=minimal");
    assert_string_equal(fixture.seen[0].traceparent, event.traceparent);
    stop(&fixture);
}

static void where_nobody_reads_it_no_place_is_known(void **state)
{
    struct fixture fixture;
    struct ese_event event;
    (void)state;
    start(&fixture, NULL, NULL);
    struct ese_acknowledgement told = post(&fixture, "left", &event);
    assert_int_equal(told.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    assert_int_equal(told.partition, -1);
    assert_int_equal(told.offset, -1);
    stop(&fixture);
}

static void write_otherwise(struct ese_buffer *buffer, const struct ese_event *event)
{
    written++;
    ese_buffer_printf(buffer, "written \"S-2\" %s", event->type);
}

/* All attempts are the same. */
static void a_body_may_be_written_otherwise(void **state)
{
    struct fixture fixture;
    struct ese_event event;
    (void)state;
    start(&fixture, place_by_header, write_otherwise);
    struct ese_acknowledgement told = post(&fixture, "right", &event);
    assert_int_equal(told.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    assert_int_equal(told.attempts, 2);
    assert_true(written > 0);
    assert_string_equal(fixture.seen[0].sub_type, "S-2");
    assert_string_equal(fixture.seen[1].sub_type, "S-2");
    stop(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_goes_where_it_belongs_and_is_told_where_it_is),
        cmocka_unit_test(all_attempts_have_one_address),
        cmocka_unit_test(what_is_left_as_it_stands_is_the_usual),
        cmocka_unit_test(where_nobody_reads_it_no_place_is_known),
        cmocka_unit_test(a_body_may_be_written_otherwise),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
