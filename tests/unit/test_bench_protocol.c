/* What the bench sends, and where it finds the ends of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/event_json.h"
#include "ese-core/memory.h"
#include "orchestration/bench/protocol.h"

#define HOST "127.0.0.1:80"
#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n"

static void make(struct ese_bench_request *request, const struct ese_bench_protocol *protocol,
                 struct ese_payload *payload, int count)
{
    ese_payload_make(payload, 12345, 7);
    ese_bench_request_make(request, protocol, HOST, payload, count);
}

/* ---- payloads -------------------------------------------------------------------------------------------------- */

static struct ese_event event_of(const struct ese_payload *payload, uint32_t number)
{
    struct ese_event event = {.type = ""};
    struct ese_error error = {0};
    char text[ESE_PAYLOAD_BYTES + 1];

    memcpy(text, payload->text, sizeof text);
    ese_payload_number(payload, text, number);
    if (ese_event_json_read_posted(text, ESE_PAYLOAD_BYTES, &event, &error) != 0)
        fail_msg("%s in %s", error.text, text);
    assert_int_equal(strlen(text), ESE_PAYLOAD_BYTES);
    return event;
}

static void events_are_whole_and_each_its_own(void **state)
{
    (void)state;
    struct ese_payload payload, other;
    ese_payload_make(&payload, 12345, 7);
    ese_payload_make(&other, 12345, 8);
    struct ese_event one = event_of(&payload, 41), two = event_of(&payload, 42), else_where = event_of(&other, 41);

    struct ese_id_parts parts = ese_id_read(&two.id);
    assert_int_equal(parts.run, 12345);
    assert_int_equal(parts.lane, 7);
    assert_int_equal(parts.sequence, 42);
    assert_string_not_equal(one.key, two.key);
    assert_string_not_equal(one.key, else_where.key);
    assert_false(ese_id_equal(&one.id, &two.id));
    assert_false(ese_id_equal(&one.id, &else_where.id));
    assert_int_equal(strlen(one.key), ESE_PAYLOAD_KEY_LENGTH);
    assert_memory_equal(ese_payload_key(&payload, payload.text), "10.0.0.1-0007", 13);
    ese_event_clear(&one);
    ese_event_clear(&two);
    ese_event_clear(&else_where);
}

static void records_are_as_long_and_tell_their_number(void **state)
{
    (void)state;
    struct ese_payload payload;
    struct ese_event event = {.type = ""};
    struct ese_error error = {0};
    char text[sizeof payload.text];

    ese_payload_make_record(&payload, 12345, 7);
    memcpy(text, payload.text, sizeof text);
    ese_payload_number(&payload, text, 4242);
    if (ese_event_json_read_record(text, ESE_PAYLOAD_BYTES, &event, &error) != 0)
        fail_msg("%s in %s", error.text, text);
    struct ese_id id;
    assert_int_equal(ese_id_parse(text + ESE_PAYLOAD_BYTES, &id, NULL), 0);
    assert_int_equal(ese_id_read(&id).lane, 7);
    assert_int_equal(ese_id_read(&id).sequence, 4242);
    assert_ptr_equal(ese_payload_id(&payload, text), text + ESE_PAYLOAD_BYTES);
    assert_memory_equal(event.ip, ese_payload_key(&payload, text), ESE_PAYLOAD_KEY_LENGTH);
    assert_int_equal(ese_payload_read_number(&payload, text), 4242);
    ese_event_clear(&event);
}

static void time_goes_on_where_it_is_spread(void **state)
{
    (void)state;
    struct ese_payload payload;
    ese_payload_make(&payload, 12345, 7);
    struct ese_event one = event_of(&payload, 1), two = event_of(&payload, 1000);
    assert_int_equal(one.client_ts, two.client_ts);
    ese_payload_spread(&payload, 1700000000000, 16);
    struct ese_event spread = event_of(&payload, 1000);
    assert_int_equal(spread.client_ts, 1700000016000);
    ese_event_clear(&one);
    ese_event_clear(&two);
    ese_event_clear(&spread);
}

/* ---- HTTP ------------------------------------------------------------------------------------------------------ */

static void a_post_has_its_length(void **state)
{
    (void)state;
    static const int counts[] = {1, 2, 100};
    for (size_t i = 0; i < ESE_COUNT_OF(counts); i++) {
        struct ese_bench_request request;
        struct ese_payload payload;
        make(&request, &ese_bench_http, &payload, counts[i]);
        ese_bench_request_number(&request, &payload, 500);
        const char *body = strstr(request.bytes.text, "\r\n\r\n") + 4;
        const char *length = strstr(request.bytes.text, "Content-Length: ");
        struct ese_event_list list = {0};
        struct ese_event event = {.type = ""};
        assert_int_equal(strtol(length + strlen("Content-Length: "), NULL, 10), strlen(body));
        assert_int_equal(request.answers, 1);
        if (counts[i] == 1) {
            assert_memory_equal(request.bytes.text, "POST /event HTTP/1.1\r\n", 22);
            assert_int_equal(ese_event_json_read_posted(body, strlen(body), &event, NULL), 0);
            ese_event_clear(&event);
        } else {
            assert_memory_equal(request.bytes.text, "POST /events HTTP/1.1\r\n", 23);
            assert_int_equal(ese_event_json_read_posted_list(body, strlen(body), 1000, &list, NULL), 0);
            assert_int_equal(list.count, counts[i]);
            assert_int_equal(ese_id_read(&list.events[list.count - 1].id).sequence, 500 + counts[i] - 1);
            ese_event_list_clear(&list);
        }
        ese_bench_request_clear(&request);
    }
}

static void a_post_to_a_stream_has_its_events_key(void **state)
{
    (void)state;
    for (uint16_t lane = 0; lane < 4; lane++) {
        struct ese_bench_request request;
        struct ese_payload payload;
        struct ese_event event = {.type = ""};
        char id[ESE_ID_TEXT_SIZE];
        ese_payload_make(&payload, 12345, lane);
        ese_bench_request_make(&request, &ese_bench_webhook, HOST, &payload, 1);
        ese_bench_request_number(&request, &payload, 7);
        ese_bench_request_number(&request, &payload, 500);
        static const char *const begin[] = {"POST /streams/click-events HTTP/1.1\r\n",
                                            "POST /streams/order-events HTTP/1.1\r\n"};
        assert_memory_equal(request.bytes.text, begin[lane % 2], strlen(begin[0]));
        assert_non_null(strstr(request.bytes.text, "\r\nX-Event-Type: " ESE_TYPE_CLICK "\r\n"));
        const char *body = strstr(request.bytes.text, "\r\n\r\n") + 4;
        const char *length = strstr(request.bytes.text, "\r\nContent-Length: ") + strlen("\r\nContent-Length: ");
        const char *key = strstr(request.bytes.text, "\r\nIdempotency-Key: ") + strlen("\r\nIdempotency-Key: ");
        assert_int_equal(strtol(length, NULL, 10), strlen(body));
        assert_int_equal(ese_event_json_read_posted(body, strlen(body), &event, NULL), 0);
        assert_int_equal(ese_id_read(&event.id).sequence, 500);
        ese_id_text(&event.id, id);
        assert_memory_equal(key, id, strlen(id));
        assert_memory_equal(key + strlen(id), "\r\n", 2);
        ese_event_clear(&event);
        ese_bench_request_clear(&request);
    }
}

static int read_text(const struct ese_bench_protocol *protocol, const char *text, struct ese_bench_answer *answer)
{
    *answer = (struct ese_bench_answer){.length = 0};
    return protocol->read(text, strlen(text), answer);
}

/* What is cut anywhere is no answer yet, and never a wrong one. */
static void assert_needs_all(const struct ese_bench_protocol *protocol, const char *text, size_t head)
{
    struct ese_bench_answer answer;
    for (size_t i = 0; i < head; i++)
        assert_int_equal(protocol->read(text, i, &answer), 0);
    assert_int_equal(protocol->read(text, head, &answer), 1);
    assert_int_equal(answer.length, strlen(text));
    assert_true(answer.right);
}

static void http_answers_end_where_they_say(void **state)
{
    (void)state;
    struct ese_bench_answer answer;
    assert_needs_all(&ese_bench_http, CREATED "12345", strlen(CREATED));
    static const char two[] = "HTTP/1.1 201 Created\r\ncontent-length:0\r\n\r\nHTTP/1.1 500";
    assert_int_equal(read_text(&ese_bench_http, two, &answer), 1);
    assert_int_equal(answer.length, 42);
    assert_true(answer.right);
    assert_int_equal(read_text(&ese_bench_http, "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}", &answer), 1);
    assert_false(answer.right);
    static const char *const none[] = {"hello", "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n",
                                       "HTTP/1.1 201 Created\r\nContent-Length: -5\r\n\r\n", "+OK\r\n"};
    for (size_t i = 0; i < ESE_COUNT_OF(none); i++)
        assert_int_equal(read_text(&ese_bench_http, none[i], &answer), -1);
    char *endless = ese_alloc(20000);
    memset(endless, 'x', 19999);
    memcpy(endless, "HTTP/1.1 201 ", 13);
    assert_int_equal(read_text(&ese_bench_http, endless, &answer), -1);
    free(endless);
}

/* ---- Redis ----------------------------------------------------------------------------------------------------- */

static void a_stream_says_ok(void **state)
{
    (void)state;
    struct ese_bench_answer answer;
    assert_int_equal(read_text(&ese_bench_webhook, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &answer), 1);
    assert_true(answer.right);
    assert_int_equal(read_text(&ese_bench_webhook, CREATED "12345", &answer), 1);
    assert_false(answer.right);
}

static void an_xadd_an_event(void **state)
{
    (void)state;
    struct ese_bench_request request;
    struct ese_payload payload;
    make(&request, &ese_bench_resp, &payload, 3);
    assert_int_equal(request.answers, 3);
    static const char begin[] = "*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$5\r\nevent\r\n$205\r\n{";
    size_t each = strlen(begin) - 1 + ESE_PAYLOAD_BYTES + 2;
    assert_int_equal(request.bytes.length, 3 * each);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(request.bytes.text + i * each, begin, strlen(begin));
        assert_memory_equal(request.bytes.text + (i + 1) * each - 3, "}\r\n", 3);
    }
    ese_bench_request_clear(&request);
}

static void redis_answers_end_where_they_say(void **state)
{
    (void)state;
    struct ese_bench_answer answer;
    static const char *const right[] = {"+OK\r\n", ":7\r\n", "*2\r\n:1\r\n$2\r\nab\r\n",
                                        "*1\r\n*2\r\n$5\r\nbench\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n+a\r\n+b\r\n"};
    for (size_t i = 0; i < ESE_COUNT_OF(right); i++) {
        assert_int_equal(read_text(&ese_bench_resp, right[i], &answer), 1);
        assert_int_equal(answer.length, strlen(right[i]));
        assert_true(answer.right);
    }
    assert_needs_all(&ese_bench_resp, "$15\r\n1700000000000-0\r\n", 5);
    static const char *const wrong[] = {"-MISCONF no\r\n", "$-1\r\n", "*-1\r\n", "*2\r\n:1\r\n-ERR\r\n"};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        assert_int_equal(read_text(&ese_bench_resp, wrong[i], &answer), 1);
        assert_int_equal(answer.length, strlen(wrong[i]));
        assert_false(answer.right);
    }
    assert_int_equal(read_text(&ese_bench_resp, "HTTP/1.1 201", &answer), -1);
    static const char deep[] = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n";
    assert_int_equal(read_text(&ese_bench_resp, deep, &answer), -1);
    assert_int_equal(read_text(&ese_bench_resp, "*100001\r\n:1\r\n", &answer), -1);
    assert_int_equal(read_text(&ese_bench_resp, "*2\r\n:1\r\n", &answer), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_whole_and_each_its_own),
        cmocka_unit_test(records_are_as_long_and_tell_their_number),
        cmocka_unit_test(time_goes_on_where_it_is_spread),
        cmocka_unit_test(a_post_has_its_length),
        cmocka_unit_test(a_post_to_a_stream_has_its_events_key),
        cmocka_unit_test(http_answers_end_where_they_say),
        cmocka_unit_test(a_stream_says_ok),
        cmocka_unit_test(an_xadd_an_event),
        cmocka_unit_test(redis_answers_end_where_they_say),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
