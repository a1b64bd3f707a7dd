/* What the webhook transport sends to a subscriber: bodies, headers, and which headers may be brought along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "tests/unit/webhook_secret.h"
#include "transports/webhook/event_json.h"
#include "transports/webhook/push_message.h"

static const struct ese_webhook_event events[] = {
    {.position = 41, .uuid = "u-41", .type = "A", .created = "2026-11-21 10:11:12 +0000 UTC", .body = "{\"a\":1}",
     .length = 7},
    {.position = 42, .uuid = "u-42", .type = "B", .created = "2026-11-21 10:11:13 +0000 UTC", .body = "text",
     .length = 4},
};

static struct ese_webhook_headers parse(const char *json)
{
    struct ese_webhook_headers headers;
    struct ese_error error = {0};

    if (ese_webhook_headers_parse(json, &headers, &error) != 0)
        fail_msg("%s", error.text);
    return headers;
}

static void write_message(const char *headers_json, int batch, int count, const struct ese_webhook_secret *secret,
                  struct ese_webhook_message *message)
{
    struct ese_webhook_wish wish = {.batch = batch};
    struct ese_webhook_headers headers = parse(headers_json);
    const struct ese_webhook_push push = {.wish = &wish, .headers = &headers, .secret = secret, .events = events,
                                          .count = count, .newest = 99, .wall_s = 1795255872};
    struct ese_error error = {0};

    ese_fit_text(wish.stream, sizeof(wish.stream), "click-events");
    if (ese_webhook_message_write(&push, message, &error) != 0)
        fail_msg("%s", error.text);
    ese_webhook_headers_clear(&headers);
}

/* ---- what goes out --------------------------------------------------------------------------- */

static void one_event_is_its_body(void **state)
{
    struct ese_webhook_message message = {0};

    (void)state;
    write_message("", 1, 1, NULL, &message);
    assert_string_equal(message.headers.text, "content-type: application/json\n"
                                              "x-event-position: 41\n"
                                              "x-event-uuid: u-41\n"
                                              "x-event-created: 2026-11-21 10:11:12 +0000 UTC\n"
                                              "user-agent: Eventor\n"
                                              "x-event-stream: click-events\n"
                                              "x-event-type: A\n"
                                              "x-event-newest: 99\n");
    assert_int_equal(message.length, 7);
    assert_memory_equal(message.body, "{\"a\":1}", 7);
    ese_webhook_message_clear(&message);
}

static void a_page_is_an_array(void **state)
{
    struct ese_webhook_message message = {0};

    (void)state;
    write_message("", 100, 2, NULL, &message);
    assert_string_equal(message.headers.text, "content-type: application/json\n"
                                              "x-event-position: 42\n"
                                              "x-event-uuid: u-42\n"
                                              "x-event-created: 2026-11-21 10:11:13 +0000 UTC\n"
                                              "user-agent: Eventor\n"
                                              "x-event-stream: click-events\n"
                                              "x-event-count: 2\n"
                                              "x-event-newest: 99\n");
    assert_string_equal(
        message.body,
        "[{\"uuid\":\"u-41\",\"position\":41,\"stream\":\"click-events\",\"type\":\"A\",\"body\":\"eyJhIjoxfQ==\","
        "\"body_json\":\"{\\\"a\\\":1}\",\"created\":\"2026-11-21 10:11:12 +0000 UTC\"},"
        "{\"uuid\":\"u-42\",\"position\":42,\"stream\":\"click-events\",\"type\":\"B\",\"body\":\"dGV4dA==\","
        "\"body_json\":\"\",\"created\":\"2026-11-21 10:11:13 +0000 UTC\"}]");
    assert_int_equal(message.length, strlen(message.body));
    write_message("", 100, 1, NULL, &message); /* of one event, too */
    assert_int_equal(message.body[0], '[');
    assert_non_null(strstr(message.headers.text, "x-event-count: 1\n"));
    ese_webhook_message_clear(&message);
}

/* So many events from position 1 on, each with a body of so many bytes of that character behind a '{'. */
static struct ese_webhook_event *make_events(int count, char character, size_t length, char **body)
{
    struct ese_webhook_event *made = ese_alloc_array((size_t)count, sizeof(*made));

    *body = ese_alloc(length + 1);
    memset(*body, character, length);
    (*body)[0] = '{';
    for (int i = 0; i < count; i++) {
        made[i] = (struct ese_webhook_event){.position = i + 1, .created = "then", .body = *body, .length = length};
        snprintf(made[i].uuid, sizeof(made[i].uuid), "u-%d", i + 1);
    }
    return made;
}

/* A page of these, of which so many are to go. */
static void assert_in_page(int count, char character, size_t length, int expected)
{
    struct ese_webhook_message message = {0};
    struct ese_webhook_wish wish = {.batch = 1000, .stream = "s"};
    struct ese_webhook_headers headers = parse("");
    struct ese_buffer text = ESE_BUFFER_INIT(64 << 20);
    char *body, line[64];
    struct ese_webhook_event *made = make_events(count, character, length, &body);
    const struct ese_webhook_push push = {.wish = &wish, .headers = &headers, .events = made, .count = count};

    assert_int_equal(ese_webhook_message_write(&push, &message, NULL), 0);
    assert_int_equal(message.count, expected);
    for (int i = 0; i < expected; i++) {
        ese_buffer_text(&text, i == 0 ? "[" : ",");
        ese_webhook_event_write_json(&text, "s", &made[i]);
    }
    ese_buffer_text(&text, "]");
    assert_int_equal(message.length, text.length);
    assert_memory_equal(message.body, text.text, text.length);
    assert_true(expected == 1 || text.length <= ESE_WEBHOOK_PUSH_BYTES);
    snprintf(line, sizeof(line), "x-event-count: %d\n", expected);
    assert_non_null(strstr(message.headers.text, line));
    snprintf(line, sizeof(line), "x-event-uuid: u-%d\n", expected);
    assert_non_null(strstr(message.headers.text, line));
    ese_webhook_message_clear(&message);
    ese_webhook_headers_clear(&headers);
    ese_buffer_free(&text);
    free(made);
    free(body);
}

/* As it goes out: what has to be escaped is more than what is not. */
static void a_page_stays_within_its_bound(void **state)
{
    (void)state;
    assert_in_page(3, 'y', 600, 3);
    assert_in_page(1000, 'y', 600, 175);   /* of 1497 bytes on the average */
    assert_in_page(10, 'y', 40000, 2);     /* 93,400: the third were beyond */
    assert_in_page(10, '<', 10000, 3);     /* 73,400 */
    assert_in_page(10, '<', 30000, 1);     /* 220,000 */
    assert_in_page(10, 'y', 1 << 20, 1);   /* one event goes, whatever it is */
}

/* What a receiver has to have room for (receiver.c). */
static void an_event_is_no_longer_than_it_can_be(void **state)
{
    struct ese_webhook_event event = {.position = INT64_MAX};
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    char stream[ESE_WEBHOOK_STREAM_SIZE] = "", *body;
    struct ese_webhook_event *made = make_events(1, '<', 1000, &body);

    (void)state;
    memset(event.uuid, '<', sizeof(event.uuid) - 1);
    memset(event.type, '<', sizeof(event.type) - 1);
    memset(event.created, '<', sizeof(event.created) - 1);
    memset(stream, '<', sizeof(stream) - 1);
    event.body = body;
    for (size_t length = 0; length <= 1000; length++) {
        event.length = length;
        body[length] = '\0';
        ese_buffer_clear(&text);
        ese_webhook_event_write_json(&text, stream, &event);
        assert_true(text.length <= ESE_WEBHOOK_EVENT_JSON_MOST(length));
        body[length] = '<';
        body[0] = '{';
    }
    assert_true(text.length > 7 * event.length);
    ese_buffer_free(&text);
    free(made);
    free(body);
}

/* How many lines begin with that name, whatever its case. */
static int count_header(const char *headers, const char *name)
{
    int count = 0;

    for (const char *line = headers; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1)
        count += strncasecmp(line, name, strlen(name)) == 0;
    return count;
}

static void brought_headers_take_the_place_of_ours(void **state)
{
    struct ese_webhook_message message = {0};

    (void)state;
    write_message("{\"Content-Type\":\"text/x\",\"USER-AGENT\":\"me\",\"X-Event-Position\":\"7\",\"x-mine\":\"1\"}", 1,
                  1, NULL, &message);
    assert_int_equal(count_header(message.headers.text, "content-type:"), 1);
    assert_non_null(strstr(message.headers.text, "Content-Type: text/x\n"));
    assert_int_equal(count_header(message.headers.text, "user-agent:"), 1);
    assert_non_null(strstr(message.headers.text, "USER-AGENT: me\n"));
    assert_int_equal(count_header(message.headers.text, "x-event-position:"), 1);
    assert_non_null(strstr(message.headers.text, "x-mine: 1\n"));
    assert_int_equal(count_header(message.headers.text, "x-event-uuid:"), 1);
    ese_webhook_message_clear(&message);
}

static void what_no_header_can_hold_is_left_out(void **state)
{
    static const struct ese_webhook_event hostile = {
        .position = 1, .uuid = "u\r\nX-Evil: 1", .type = "", .created = "then", .body = "", .length = 0};
    struct ese_webhook_wish wish = {.batch = 1, .stream = "s"};
    struct ese_webhook_headers headers = parse("");
    const struct ese_webhook_push push = {.wish = &wish, .headers = &headers, .events = &hostile, .count = 1};
    struct ese_webhook_message message = {0};

    (void)state;
    assert_int_equal(ese_webhook_message_write(&push, &message, NULL), 0);
    assert_null(strstr(message.headers.text, "Evil"));
    assert_int_equal(count_header(message.headers.text, "x-event-type:"), 0);
    assert_int_equal(message.length, 0);
    ese_webhook_message_clear(&message);
    ese_webhook_headers_clear(&headers);
}

/* ---- signed ---------------------------------------------------------------------------------- */

static void header_of(const char *headers, const char *name, char *value, size_t size)
{
    const char *line = strstr(headers, name);

    assert_non_null(line);
    line += strlen(name);
    assert_true(strcspn(line, "\n") < size);
    snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static void assert_signed(const struct ese_webhook_message *message, const struct ese_webhook_secret *secret,
                          const char *expected_id)
{
    char id[200], timestamp[40], signature[ESE_WEBHOOK_SIGNATURE_SIZE];

    header_of(message->headers.text, "webhook-id: ", id, sizeof(id));
    header_of(message->headers.text, "webhook-timestamp: ", timestamp, sizeof(timestamp));
    header_of(message->headers.text, "webhook-signature: ", signature, sizeof(signature));
    assert_string_equal(id, expected_id);
    assert_string_equal(timestamp, "1795255872");
    const struct ese_webhook_signed parts = {.id = id, .timestamp = timestamp, .signature = signature};
    assert_int_equal(ese_webhook_verify(secret, &parts, message->body, message->length, 1795255872, 300, NULL), 0);
}

static void what_is_signed_can_be_verified(void **state)
{
    struct ese_webhook_message message = {0};
    struct ese_webhook_secret secret = {0};

    (void)state;
    assert_int_equal(webhook_secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &secret), 0);
    write_message("", 1, 1, &secret, &message);
    assert_signed(&message, &secret, "u-41");
    write_message("", 10, 2, &secret, &message);
    assert_signed(&message, &secret, "u-42_41");
    ese_webhook_message_clear(&message);
}

/* As an original's data may hold them. */
static void who_has_no_uuid_is_called_by_his_place(void **state)
{
    static const struct {
        const char *uuid, *stream;
        int count;
        const char *id;
    } cases[] = {{"", "clicks", 1, "event_8_clicks"},
                 {"", "dlq.a b", 1, "event_8_dlq~a~b"},
                 {"", "clicks", 2, "event_9_clicks_8"},
                 {"a.b", "clicks", 1, "event_8_clicks"},
                 {"a b", "clicks", 1, "event_8_clicks"},
                 {"u-8", "clicks", 2, "u-8_8"}};
    struct ese_webhook_message message = {0};
    struct ese_webhook_headers headers = parse("");
    struct ese_webhook_secret secret = {0};

    (void)state;
    assert_int_equal(webhook_secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &secret), 0);
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_webhook_event some[] = {{.position = 8, .created = "", .type = "", .body = ""},
                                           {.position = 9, .created = "", .type = "", .body = ""}};
        struct ese_webhook_wish wish = {.batch = cases[i].count};
        const struct ese_webhook_push push = {.wish = &wish, .headers = &headers, .secret = &secret, .events = some,
                                              .count = cases[i].count, .newest = 9, .wall_s = 1795255872};
        for (int j = 0; j < cases[i].count; j++)
            ese_fit_text(some[j].uuid, sizeof(some[j].uuid), cases[i].uuid);
        ese_fit_text(wish.stream, sizeof(wish.stream), cases[i].stream);
        assert_int_equal(ese_webhook_message_write(&push, &message, NULL), 0);
        assert_signed(&message, &secret, cases[i].id);
    }
    ese_webhook_message_clear(&message);
    ese_webhook_headers_clear(&headers);
}

/* As long as names can be. */
static void the_longest_place_can_be_signed(void **state)
{
    const struct ese_webhook_event some[] = {{.position = INT64_MAX, .created = "", .type = "", .body = ""},
                                             {.position = INT64_MAX, .created = "", .type = "", .body = ""}};
    struct ese_webhook_wish wish = {.batch = 2};
    struct ese_webhook_headers headers = parse("");
    struct ese_webhook_secret secret = {0};
    struct ese_webhook_message message = {0};
    const struct ese_webhook_push push = {.wish = &wish, .headers = &headers, .secret = &secret, .events = some,
                                          .count = 2, .wall_s = 1};
    char id[300];

    (void)state;
    assert_int_equal(webhook_secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &secret), 0);
    memset(wish.stream, 's', sizeof(wish.stream) - 1);
    assert_int_equal(ese_webhook_message_write(&push, &message, NULL), 0);
    header_of(message.headers.text, "webhook-id: ", id, sizeof(id));
    assert_int_equal(strlen(id), strlen("event__") + strlen(wish.stream) + strlen("_") + (size_t)2 * 19);
    ese_webhook_message_clear(&message);
    ese_webhook_headers_clear(&headers);
}

/* ---- which headers may be brought ------------------------------------------------------------ */

static void headers_are_an_object_of_texts(void **state)
{
    static const struct {
        const char *json;
        const char *lines; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {"null", ""},
        {"{}", ""},
        {"{\"A\":\"b\",\"C\":\"d e\"}", "A: b\nC: d e\n"},
        {"{\"a\":\"1\",\"b\":\"2\",\"A\":\"3\"}", "b: 2\nA: 3\n"},
        {"{\"A\":\"\",\"B\":null}", "A;\nB;\n"},
        {"{\"A\":\"\\u00fc\"}", "A: \xc3\xbc\n"},
        {"{\"Host\":\"x\",\"content-LENGTH\":\"5\",\"Transfer-Encoding\":\"chunked\",\"A\":\"b\"}", "A: b\n"},
        {"[]", NULL},
        {"\"A: b\"", NULL},
        {"5", NULL},
        {"{\"A\":1}", NULL},
        {"{\"A\":[\"b\"]}", NULL},
        {"{\"A\":\"b\\r\\nC: d\"}", NULL},
        {"{\"A\":\"b\\nC: d\"}", NULL},
        {"{\"A\":\"b\\u0000\"}", NULL},
        {"{\"A\":\"b\\u007f\"}", NULL},
        {"{\"A\":\"b\\u001b\"}", NULL},
        {"{\"A: b\\r\\nC\":\"d\"}", NULL},
        {"{\"A B\":\"c\"}", NULL},
        {"{\"\":\"c\"}", NULL},
        {"{\"A:\":\"c\"}", NULL},
        {"{\"\\u00fc\":\"c\"}", NULL},
        {"{", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_webhook_headers headers;
        struct ese_error error = {0};
        int result = ese_webhook_headers_parse(cases[i].json, &headers, &error);
        if (result != (cases[i].lines != NULL ? 0 : -1))
            fail_msg("%s: %d", cases[i].json, result);
        if (cases[i].lines != NULL)
            assert_string_equal(headers.lines, cases[i].lines);
        else
            assert_int_equal(error.code, ESE_E_INVALID);
        ese_webhook_headers_clear(&headers);
    }
}

static void headers_are_bounded(void **state)
{
    struct ese_buffer json = ESE_BUFFER_INIT(1 << 20);
    struct ese_webhook_headers headers;

    (void)state;
    for (int i = 0; i <= ESE_WEBHOOK_HEADERS_MOST; i++)
        ese_buffer_printf(&json, "%s\"A%d\":\"b\"", i == 0 ? "{" : ",", i);
    ese_buffer_text(&json, "}");
    assert_int_equal(ese_webhook_headers_parse(json.text, &headers, NULL), -1);
    ese_buffer_clear(&json);
    ese_buffer_printf(&json, "{\"A\":\"%*s\"}", ESE_WEBHOOK_HEADERS_BYTES, "b");
    assert_int_equal(ese_webhook_headers_parse(json.text, &headers, NULL), -1);
    ese_buffer_free(&json);
}

/* ---- events as JSON -------------------------------------------------------------------------- */

static void bodies_are_base64_and_text_where_json_begins(void **state)
{
    static const struct {
        const char *body;
        size_t length;
        const char *written;
    } cases[] = {
        {"", 0, "\"body\":\"\",\"body_json\":\"\""},
        {"x", 1, "\"body\":\"eA==\",\"body_json\":\"\""},
        {"[1]", 3, "\"body\":\"WzFd\",\"body_json\":\"[1]\""},
        {"{<&>\"\n", 6, "\"body\":\"ezwmPiIK\",\"body_json\":\"{\\u003c\\u0026\\u003e\\\"\\n\""},
        {"{\xff", 2, "\"body\":\"e/8=\",\"body_json\":\"{\\ufffd\""},
        {"{\0a\0\0", 5, "\"body\":\"ewBhAAA=\",\"body_json\":\"{\\u0000a\\u0000\\u0000\""},
    };

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        const struct ese_webhook_event event = {.created = "then", .body = cases[i].body, .length = cases[i].length};
        struct ese_buffer text = ESE_BUFFER_INIT(4096), wanted = ESE_BUFFER_INIT(4096);
        ese_webhook_event_write_json_body(&text, &event);
        ese_buffer_printf(&wanted, "%s,\"created\":\"then\"", cases[i].written);
        assert_string_equal(text.text, wanted.text);
        assert_int_equal(text.length, wanted.length);
        ese_buffer_free(&text);
        ese_buffer_free(&wanted);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_is_its_body),
        cmocka_unit_test(a_page_is_an_array),
        cmocka_unit_test(a_page_stays_within_its_bound),
        cmocka_unit_test(an_event_is_no_longer_than_it_can_be),
        cmocka_unit_test(brought_headers_take_the_place_of_ours),
        cmocka_unit_test(what_no_header_can_hold_is_left_out),
        cmocka_unit_test(what_is_signed_can_be_verified),
        cmocka_unit_test(who_has_no_uuid_is_called_by_his_place),
        cmocka_unit_test(the_longest_place_can_be_signed),
        cmocka_unit_test(headers_are_an_object_of_texts),
        cmocka_unit_test(headers_are_bounded),
        cmocka_unit_test(bodies_are_base64_and_text_where_json_begins),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
