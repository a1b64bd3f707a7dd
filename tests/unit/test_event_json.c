#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/event_json.h"
#include "ese-core/memory.h"

#define ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define TRACE "00-017f22e279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f-01"
#define ORDER "{\"orderId\":\"0b2c\",\"timestamp\":1767225600123}"

/* ---- reading ---------------------------------------------------------------------------------- */

static void read_good(const char *body, struct ese_event *event)
{
    struct ese_error error = {0};
    if (ese_event_json_read_posted(body, strlen(body), event, &error) != 0)
        fail_msg("%s: %s", body, error.text);
}

static void takes_what_the_original_sends(void **state)
{
    (void)state;
    struct ese_event event = {0};
    read_good("{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"},"
              "\"timestamp\":1767225600123,\"ip\":\"203.0.113.7-3\",\"data\":{}}", &event);
    assert_string_equal(event.type, ESE_TYPE_CLICK);
    assert_string_equal(event.sub_type, ESE_SUB_TYPE_KEY_PRESS);
    assert_string_equal(event.ip, "203.0.113.7-3");
    assert_string_equal(event.key, "203.0.113.7-3");
    assert_int_equal(event.client_ts, 1767225600123);
    assert_int_equal(event.server_ts, 0);
    assert_string_equal(ese_event_data(&event), "{}");
    assert_true(ese_id_is_none(&event.id));
    assert_string_equal(event.foreign_id, "");

    read_good("{\"event\":{\"type\":\"ORDER_STATE_UPDATE_EVENT\",\"sub_type\":\"ORDER_CREATED\"},"
              "\"timestamp\":-9223372036854775808,\"ip\":\"203.0.113.7-3\",\"data\":" ORDER "}", &event);
    assert_true(event.client_ts == INT64_MIN);
    assert_string_equal(event.key, "0b2c");
    assert_string_equal(event.data, ORDER);
    ese_event_clear(&event);
}

#define POSTED(members) "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"i\"" members "}"

static void data_is_normalised(void **state)
{
    (void)state;
    static const struct {
        const char *posted, *data;
    } cases[] = {
        {POSTED(""), "{}"},
        {POSTED(",\"data\": { }"), "{}"},
        {POSTED(",\"data\":{\"b\" : [1, 2], \"a\":{\"d\":1,\"c\":null}}"),
         "{\"a\":{\"c\":null,\"d\":1},\"b\":[1,2]}"},
        {POSTED(",\"data\":{\"n\":0.1,\"m\":0.5}"), "{\"m\":0.5,\"n\":0.1}"},
        {POSTED(",\"data\":{\"n\":0.30000000000000004}"), "{\"n\":0.30000000000000004}"},
        {POSTED(",\"data\":{\"n\":9007199254740993}"), "{\"n\":9007199254740993}"},
        {POSTED(",\"data\":{\"n\":9223372036854775807}"), "{\"n\":9223372036854775807}"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_event event = {0};
        read_good(cases[i].posted, &event);
        assert_string_equal(ese_event_data(&event), cases[i].data);
        ese_event_clear(&event);
    }
}

/* Golden: what the original answers, whose numbers are doubles. */
static const struct {
    const char *sent, *told;
} doubles[] = {
    {"9223372036854775808", "9223372036854776000"},
    {"-9223372036854775809", "-9223372036854776000"},
    {"18446744073709551615", "18446744073709552000"},
    {"18446744073709551616", "18446744073709552000"},
    {"123456789012345678901", "123456789012345680000"},
    {"1000000000000000000000", "1e+21"},
    {"-1234567890123456789012345", "-1.2345678901234568e+24"},
    {"1.0000000000000002e22", "1.0000000000000002e+22"},
    {"5.0", "5"},
    {"1e3", "1000"},
    {"0.000001", "0.000001"},
    {"1e-7", "1e-7"},
    {"4.9e-324", "5e-324"},
    {"1e-400", "0"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
};

static void numbers_are_doubles_where_64_bits_are_too_few(void **state)
{
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(doubles); i++) {
        char sent[200], told[200], line[400];
        snprintf(sent, sizeof sent,
                 POSTED(",\"data\":{\"l\":[%s],\"s\":\"\\\"%s\"}"), doubles[i].sent,
                 doubles[i].sent);
        snprintf(told, sizeof told, "{\"l\":[%s],\"s\":\"\\\"%s\"}", doubles[i].told,
                 doubles[i].sent);
        struct ese_event event = {0}, again = {0};
        read_good(sent, &event);
        assert_string_equal(event.data, told);
        /* and stays so, however often it is read and written */
        struct ese_buffer record = ESE_BUFFER_INIT(1000);
        ese_event_json_write_record(&record, &event);
        assert_int_equal(
            ese_event_json_read_record(record.text, record.length, &again, NULL), 0);
        assert_string_equal(again.data, told);
        snprintf(line, sizeof line,
                 "{\"type\":\"T\",\"sub_type\":\"S\",\"ip\":\"i\",\"client_ts\":1,\"data\":%s}",
                 told);
        assert_int_equal(ese_event_json_read_line(line, strlen(line), &again, NULL), 0);
        assert_string_equal(again.data, told);
        ese_buffer_free(&record);
        ese_event_clear(&event);
        ese_event_clear(&again);
    }
}

static void an_order_with_a_large_number_keeps_its_key(void **state)
{
    (void)state;
    struct ese_event event = {0};
    read_good(POSTED(",\"data\":{\"orderId\":\"o-1\",\"n\":18446744073709551616}"), &event);
    assert_string_equal(event.key, "o-1");
    event.key[0] = '\0';
    ese_event_set_key(&event);
    assert_string_equal(event.key, "o-1");
    ese_event_clear(&event);
}

static void unknown_members_are_passed_over(void **state)
{
    (void)state;
    struct ese_event event = {0};
    read_good(POSTED(",\"more\":[1,{}],\"Data\":7"), &event);
    assert_string_equal(event.ip, "i");
    ese_event_clear(&event);
}

static void ids_are_ours_or_foreign(void **state)
{
    (void)state;
    struct ese_event event = {0};
    char text[ESE_ID_TEXT_SIZE];
    read_good(POSTED(",\"id\":\"" ID "\""), &event);
    ese_id_text(&event.id, text);
    assert_string_equal(text, ID);
    assert_string_equal(event.foreign_id, "");

    read_good(POSTED(",\"id\":\"" ID "\",\"source\":\"shop\""), &event);
    assert_true(ese_id_is_none(&event.id));
    assert_string_equal(event.foreign_id, ID);
    assert_string_equal(event.source, "shop");

    read_good(POSTED(",\"id\":\"order 7\""), &event);
    assert_true(ese_id_is_none(&event.id));
    assert_string_equal(event.foreign_id, "order 7");
    ese_event_clear(&event);
}

static void refuses(const char *body, size_t length, const char *naming)
{
    struct ese_event event = {.ip = "left from before"};
    struct ese_error error = {0};
    if (ese_event_json_read_posted(body, length, &event, &error) != -1)
        fail_msg("taken: %s", body);
    assert_int_equal(error.code, ESE_E_INVALID);
    if (strstr(error.text, naming) == NULL)
        fail_msg("'%s' does not name %s", error.text, naming);
    assert_string_equal(event.ip, ""); /* nothing is left in it */
    assert_null(event.data);
}

static void refuses_what_is_wrong_and_names_it(void **state)
{
    (void)state;
    static const char kind[] = "\"event\":{\"type\":\"T\",\"sub_type\":\"S\"}";
    static const struct {
        const char *members, *naming;
    } cases[] = {
        {"\"timestamp\":1,\"ip\":\"i\"", "event"},
        {"\"event\":7,\"timestamp\":1,\"ip\":\"i\"", "event"},
        {"\"event\":{\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"i\"", "type"},
        {"\"event\":{\"type\":\"\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"i\"", "type"},
        {"\"event\":{\"type\":\"T\"},\"timestamp\":1,\"ip\":\"i\"", "sub_type"},
        {"KIND,\"ip\":\"i\"", "timestamp"},
        {"KIND,\"timestamp\":1.0,\"ip\":\"i\"", "timestamp"},
        {"KIND,\"timestamp\":1e3,\"ip\":\"i\"", "timestamp"},
        {"KIND,\"timestamp\":\"1\",\"ip\":\"i\"", "timestamp"},
        {"KIND,\"timestamp\":null,\"ip\":\"i\"", "timestamp"},
        {"KIND,\"timestamp\":9223372036854775808,\"ip\":\"i\"", "64 bits"},
        {"KIND,\"timestamp\":-9223372036854775809,\"ip\":\"i\"", "64 bits"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"data\":{\"n\":1e400}", "overflow"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"data\":{\"n\":[-1e309]}", "overflow"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"data\":{\"n\":007e1}", "JSON"},
        {"KIND,\"timestamp\":1", "ip"},
        {"KIND,\"timestamp\":1,\"ip\":\"\"", "ip"},
        {"KIND,\"timestamp\":1,\"ip\":7", "ip"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"data\":[]", "data"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"data\":null", "data"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"data\":\"{}\"", "data"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"id\":7", "id"},
        {"KIND,\"timestamp\":1,\"timestamp\":2,\"ip\":\"i\"", "duplicate"},
        {"KIND,\"timestamp\":1,\"ip\":\"i\",\"data\":{\"a\":1,\"a\":2}", "duplicate"},
        {"KIND,\"timestamp\":1,\"ip\":\"\xff\"", "0xff"},
        {"KIND,\"timestamp\":1,\"ip\":\"a\\u0000b\"", "NUL"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_buffer body = ESE_BUFFER_INIT(1000);
        const char *members = cases[i].members;
        bool shortened = strncmp(members, "KIND", 4) == 0;
        ese_buffer_printf(&body, "{%s%s}", shortened ? kind : "", shortened ? members + 4 : members);
        refuses(body.text, body.length, cases[i].naming);
        ese_buffer_free(&body);
    }
    refuses("", 0, "empty");
    refuses("null", 4, "JSON"); /* only objects and arrays are documents to jansson */
    refuses("[]", 2, "object");
    refuses("{}", 2, "event");
    refuses(POSTED("") "x", strlen(POSTED("")) + 1, "JSON");
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct ese_buffer body = ESE_BUFFER_INIT(200000);
    ese_buffer_printf(&body, POSTED(",\"data\":{\"orderId\":\"%0*d\"}"), ESE_EVENT_KEY_SIZE - 1, 1);
    struct ese_event event = {0};
    read_good(body.text, &event);
    assert_int_equal(strlen(event.key), ESE_EVENT_KEY_SIZE - 1);
    ese_event_clear(&event);

    ese_buffer_clear(&body);
    ese_buffer_printf(&body, POSTED(",\"data\":{\"orderId\":\"%0*d\"}"), ESE_EVENT_KEY_SIZE, 1);
    refuses(body.text, body.length, "orderId");
    ese_buffer_clear(&body);
    ese_buffer_printf(&body, POSTED(",\"id\":\"%0*d\""), ESE_EVENT_FOREIGN_ID_SIZE, 1);
    refuses(body.text, body.length, "id");
    ese_buffer_clear(&body);
    ese_buffer_printf(&body, POSTED(",\"data\":{\"a\":\"%0*d\"}"), ESE_EVENT_DATA_LIMIT, 1);
    refuses(body.text, body.length, "data");
    ese_buffer_free(&body);
}

/* An event whose data has so many levels, the outermost object among them. */
static void write_nested(struct ese_buffer *body, int levels)
{
    ese_buffer_clear(body);
    ese_buffer_text(body, "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"i\",");
    ese_buffer_text(body, "\"data\":");
    for (int i = 0; i < levels; i++)
        ese_buffer_text(body, i % 2 == 0 ? "{\"a\":" : "[");
    ese_buffer_text(body, "1");
    for (int i = levels - 1; i >= 0; i--)
        ese_buffer_text(body, i % 2 == 0 ? "}" : "]");
    ese_buffer_text(body, "}");
}

static void refuses_data_that_is_nested_too_deep(void **state)
{
    (void)state;
    struct ese_buffer body = ESE_BUFFER_INIT(2000);
    struct ese_event event = {0};
    write_nested(&body, ESE_EVENT_DATA_DEPTH);
    read_good(body.text, &event);
    ese_event_clear(&event);
    write_nested(&body, ESE_EVENT_DATA_DEPTH + 1);
    refuses(body.text, body.length, "levels");
    ese_buffer_free(&body);
}

static void a_list_is_read_or_refused_as_a_whole(void **state)
{
    (void)state;
    struct ese_event_list list;
    struct ese_error error = {0};
    static const char good[] = "{\"events\":[" POSTED(",\"id\":\"" ID "\"") "," POSTED("") "]}";
    assert_int_equal(ese_event_json_read_posted_list(good, strlen(good), 2, &list, &error), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.events[1].type, "T");
    ese_event_list_clear(&list);
    assert_int_equal(ese_event_json_read_posted_list(good, strlen(good), 1, &list, &error), -1);
    assert_int_equal(list.count, 0);

    static const char bad[] = "{\"events\":[" POSTED("") ",{\"timestamp\":1}]}";
    assert_int_equal(ese_event_json_read_posted_list(bad, strlen(bad), 10, &list, &error), -1);
    assert_non_null(strstr(error.text, "events[1]: event"));
    assert_int_equal(list.count, 0);
    assert_null(list.events);

    static const char empty[] = "{\"events\":[]}";
    assert_int_equal(ese_event_json_read_posted_list(empty, strlen(empty), 10, &list, &error), 0);
    assert_int_equal(list.count, 0);
    ese_event_list_clear(&list);
    static const char none[] = "{}";
    assert_int_equal(ese_event_json_read_posted_list(none, strlen(none), 10, &list, &error), -1);
    static const char array[] = "[" POSTED("") "]";
    assert_int_equal(ese_event_json_read_posted_list(array, strlen(array), 10, &list, &error), -1);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static struct ese_event stored_event(const char *data)
{
    struct ese_event event = {.type = ESE_TYPE_ORDER, .sub_type = "ORDER_CREATED", .ip = "203.0.113.7-3",
                              .client_ts = 1767225600123, .server_ts = 1767225600130,
                              .data = ese_copy_text(data)};
    assert_int_equal(ese_id_parse(ID, &event.id, NULL), 0);
    return event;
}

#define CHECK(writing, expected)                                                                  \
    do {                                                                                          \
        struct ese_buffer buffer = ESE_BUFFER_INIT(10000);                                        \
        writing;                                                                                  \
        assert_string_equal(buffer.text, expected);                                               \
        ese_buffer_free(&buffer);                                                                 \
    } while (0)

static void stored_as_the_original_answers(void **state)
{
    (void)state;
    struct ese_event event = stored_event("{}");
    CHECK(ese_event_json_write_stored(&buffer, &event),
          "{\n"
          "    \"type\": \"ORDER_STATE_UPDATE_EVENT\",\n"
          "    \"sub_type\": \"ORDER_CREATED\",\n"
          "    \"ip\": \"203.0.113.7-3\",\n"
          "    \"client_ts\": 1767225600123,\n"
          "    \"server_ts\": 1767225600130,\n"
          "    \"data\": {},\n"
          "    \"id\": \"" ID "\"\n"
          "}");
    ese_event_clear(&event);
}

static void stored_list_as_the_original_answers(void **state)
{
    (void)state;
    struct ese_event events[] = {stored_event("{\"note\":\"<b>\",\"orderId\":\"0b2c\"}"), stored_event("{}")};
    events[1].id = (struct ese_id){{0}}; /* the original has none: it is left away */
    CHECK(ese_event_json_write_stored_list(&buffer, events, 2),
          "[\n"
          "    {\n"
          "        \"type\": \"ORDER_STATE_UPDATE_EVENT\",\n"
          "        \"sub_type\": \"ORDER_CREATED\",\n"
          "        \"ip\": \"203.0.113.7-3\",\n"
          "        \"client_ts\": 1767225600123,\n"
          "        \"server_ts\": 1767225600130,\n"
          "        \"data\": {\n"
          "            \"note\": \"\\u003cb\\u003e\",\n"
          "            \"orderId\": \"0b2c\"\n"
          "        },\n"
          "        \"id\": \"" ID "\"\n"
          "    },\n"
          "    {\n"
          "        \"type\": \"ORDER_STATE_UPDATE_EVENT\",\n"
          "        \"sub_type\": \"ORDER_CREATED\",\n"
          "        \"ip\": \"203.0.113.7-3\",\n"
          "        \"client_ts\": 1767225600123,\n"
          "        \"server_ts\": 1767225600130,\n"
          "        \"data\": {}\n"
          "    }\n"
          "]");
    CHECK(ese_event_json_write_stored_list(&buffer, NULL, 0), "null");
    ese_event_clear(&events[0]);
    ese_event_clear(&events[1]);
}

static void assert_same_event(const struct ese_event *a, const struct ese_event *b)
{
    assert_true(ese_event_content_hash(a) == ese_event_content_hash(b));
    assert_true(ese_id_equal(&a->id, &b->id));
    assert_string_equal(a->key, b->key);
}

static void posted_round_trip(void **state)
{
    (void)state;
    struct ese_event event = stored_event(ORDER), again = {0};
    memcpy(event.ip, "a\"<\n>", 6);
    ese_event_set_key(&event);
    struct ese_buffer buffer = ESE_BUFFER_INIT(10000);
    ese_event_json_write_posted(&buffer, &event);
    assert_string_equal(buffer.text,
        "{\"event\":{\"type\":\"ORDER_STATE_UPDATE_EVENT\",\"sub_type\":\"ORDER_CREATED\"},"
        "\"timestamp\":1767225600123,\"ip\":\"a\\\"\\u003c\\n\\u003e\",\"data\":" ORDER ",\"id\":\"" ID "\"}");
    read_good(buffer.text, &again);
    assert_same_event(&event, &again);
    ese_buffer_free(&buffer);
    ese_event_clear(&event);
    ese_event_clear(&again);
}

static void line_round_trip(void **state)
{
    (void)state;
    struct ese_event event = stored_event("{ \"orderId\": \"0b2c\",\n \"timestamp\": 1767225600123 }"), again = {0};
    ese_event_set_key(&event);
    memcpy(event.traceparent, TRACE, sizeof TRACE);
    struct ese_buffer buffer = ESE_BUFFER_INIT(10000);
    ese_event_json_write_line(&buffer, &event);
    assert_string_equal(buffer.text,
        "{\"type\":\"ORDER_STATE_UPDATE_EVENT\",\"sub_type\":\"ORDER_CREATED\",\"ip\":\"203.0.113.7-3\","
        "\"client_ts\":1767225600123,\"server_ts\":1767225600130,\"data\":" ORDER ",\"id\":\"" ID "\","
        "\"traceparent\":\"" TRACE "\"}"); /* one line, whatever data looked like */
    assert_int_equal(ese_event_json_read_line(buffer.text, buffer.length, &again, NULL), 0);
    assert_string_equal(again.data, ORDER);
    assert_string_equal(again.traceparent, TRACE);
    assert_int_equal(again.server_ts, event.server_ts);
    assert_string_equal(again.key, "0b2c");

    static const char posted[] = POSTED(",\"traceparent\":\"" TRACE "\"");
    assert_int_equal(ese_event_json_read_line(posted, strlen(posted), &again, NULL), 0);
    assert_string_equal(again.type, "T");
    assert_string_equal(again.traceparent, TRACE);
    static const char bad[] = POSTED(",\"traceparent\":\"00-junk\"");
    assert_int_equal(ese_event_json_read_line(bad, strlen(bad), &again, NULL), -1);
    ese_buffer_free(&buffer);
    ese_event_clear(&event);
    ese_event_clear(&again);
}

static void record_round_trip(void **state)
{
    (void)state;
    struct ese_event event = stored_event(ORDER), again = {0};
    ese_event_set_key(&event);
    struct ese_buffer buffer = ESE_BUFFER_INIT(10000);
    ese_event_json_write_record(&buffer, &event);
    assert_string_equal(buffer.text,
        "{\"sub_type\":\"ORDER_CREATED\",\"ip\":\"203.0.113.7-3\",\"client_timestamp\":1767225600123,"
        "\"data\":\"{\\\"orderId\\\":\\\"0b2c\\\",\\\"timestamp\\\":1767225600123}\"}");
    assert_int_equal(ese_event_json_read_record(buffer.text, buffer.length, &again, NULL), 0);
    assert_string_equal(again.sub_type, "ORDER_CREATED");
    assert_string_equal(again.ip, "203.0.113.7-3");
    assert_int_equal(again.client_ts, 1767225600123);
    assert_string_equal(again.data, ORDER);
    assert_string_equal(again.key, "0b2c");
    assert_string_equal(again.type, ""); /* the topic's business */
    static const char *const bad[] = {
        "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":1,\"data\":\"[]\"}",
        "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":1,\"data\":\"{\"}",
        "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":1,\"data\":{}}",
        "{\"sub_type\":\"S\",\"ip\":\"i\",\"data\":\"{}\"}",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_int_equal(ese_event_json_read_record(bad[i], strlen(bad[i]), &again, NULL), -1);
    ese_buffer_free(&buffer);
    ese_event_clear(&event);
    ese_event_clear(&again);
}

static void page_round_trip(void **state)
{
    (void)state;
    struct ese_event event = stored_event(ORDER);
    memcpy(event.traceparent, TRACE, sizeof TRACE);
    struct ese_buffer buffer = ESE_BUFFER_INIT(10000);
    ese_buffer_text(&buffer, "{\"events\":[");
    ese_event_json_write_paged(&buffer, &event, NULL, 41);
    ese_buffer_text(&buffer, ",");
    ese_event_json_write_paged(&buffer, &event, NULL, 43);
    ese_buffer_text(&buffer, "],\"next\":\"opaque-44\"}");
    struct ese_event_page page;
    assert_int_equal(ese_event_json_read_page(buffer.text, buffer.length, &page, NULL), 0);
    assert_int_equal(page.list.count, 2);
    assert_int_equal(page.offsets[0], 41);
    assert_int_equal(page.offsets[1], 43);
    assert_string_equal(page.next, "opaque-44");
    assert_string_equal(page.list.events[0].traceparent, TRACE);
    assert_int_equal(page.list.events[1].server_ts, event.server_ts);
    assert_int_equal(page.stray_count, 0);
    ese_event_page_clear(&page);

    static const char *const bad[] = {
        "{\"events\":[]}",
        "{\"next\":\"c\"}",
        "{\"events\":[7],\"next\":\"c\"}",
        "{\"events\":[{\"offset\":1},{\"offset\":\"2\"}],\"next\":\"c\"}",
        "{\"events\":[{\"type\":\"T\",\"sub_type\":\"S\",\"ip\":\"i\",\"client_ts\":1}],\"next\":\"c\"}",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        assert_int_equal(ese_event_json_read_page(bad[i], strlen(bad[i]), &page, NULL), -1);
        assert_null(page.offsets);
    }
    ese_buffer_free(&buffer);
    ese_event_clear(&event);
}

struct taken {
    struct ese_event events[8];
    int count;
    int keep; /* of every so many one; 0: none */
    int strays;
    struct ese_grouped_takers takers;
};

static void take(void *context, struct ese_event *event)
{
    struct taken *taken = context;
    assert_true(taken->count < 8);
    taken->events[taken->count] = *event; /* to look at */
    if (taken->keep != 0 && taken->count % taken->keep == 0)
        *event = (struct ese_event){.data = NULL};
    else
        taken->events[taken->count].data = NULL;
    taken->count++;
}

static void take_stray(void *context, const char *text, const char *reason)
{
    static const char *const told[][2] = {
        {"17", "type: a text is expected, there is none"},
        {"{\"sub_type\":\"S\",\"type\":\"\"}", "type: a text is expected"}};
    struct taken *taken = context;
    assert_string_equal(text, told[taken->strays][0]);
    assert_string_equal(reason, told[taken->strays++][1]);
}

static struct taken taker(int keep)
{
    return (struct taken){.keep = keep, .takers = {.event = take, .stray = take_stray}};
}

#define LISTED(ip, ts, data) "{\"type\": \"T\", \"sub_type\": \"S\", \"ip\": \"" ip "\", \"client_ts\": " \
                             #ts ", \"server_ts\": 2, \"data\": " data "}"

static void the_whole_list_is_read_group_by_group(void **state)
{
    (void)state;
    static const char list[] =
        "[\n    {\n        \"ip\": \"\xc3\xa4\",\n        \"event_logs\": [\n" LISTED("\xc3\xa4", 1, "{}") ","
        LISTED("\xc3\xa4", 2, "{\"orderId\": \"o\"}") "]\n},\n{\"event_logs\": [" LISTED("b", 3, "{\"n\": 1}")
        "], \"ip\": \"b\"} ,{\"ip\":\"c\",\"event_logs\":[]}]\n";
    struct taken taken = taker(2);
    taken.takers.context = &taken;
    assert_int_equal(ese_event_json_read_grouped(list, strlen(list), &taken.takers, NULL), 0);
    assert_int_equal(taken.count, 3);
    assert_string_equal(taken.events[0].key, "\xc3\xa4");
    assert_string_equal(taken.events[1].key, "o");
    assert_int_equal(taken.events[2].client_ts, 3);
    assert_string_equal(taken.events[2].data, "{\"n\":1}");
    ese_event_clear(&taken.events[0]);
    ese_event_clear(&taken.events[2]);
    taken.count = 0;
    assert_int_equal(ese_event_json_read_grouped(" [ ] ", 5, &taken.takers, NULL), 0);
    assert_int_equal(taken.count, 0);
}

/* As the original's server writes a double that is whole. */
static void a_large_number_in_a_list_is_the_nearest_double(void **state)
{
    (void)state;
    static const char list[] =
        "[{\"event_logs\":[" LISTED("a", 1, "{}") "]},{\"event_logs\":["
        LISTED("b", 2, "{\"n\":100000000000000000000}") "," LISTED("b", 3, "{\"n\":200000000000000000000}") "]},"
        "{\"event_logs\":[" LISTED("c", 4, "{}") "]}]";
    struct taken taken = taker(1);
    taken.takers.context = &taken;
    assert_int_equal(ese_event_json_read_grouped(list, strlen(list), &taken.takers, NULL), 0);
    assert_int_equal(taken.count, 4);
    assert_string_equal(taken.events[2].data, "{\"n\":200000000000000000000}");
    for (int i = 0; i < taken.count; i++)
        ese_event_clear(&taken.events[i]);
}

static void what_is_no_event_in_a_list_is_told(void **state)
{
    (void)state;
    static const char list[] = "[{\"event_logs\":[17," LISTED("a", 1, "{}") "]},{\"event_logs\":["
                               "{\"sub_type\": \"S\", \"type\": \"\"}]}]";
    struct taken taken = taker(0);
    taken.takers.context = &taken;
    assert_int_equal(ese_event_json_read_grouped(list, strlen(list), &taken.takers, NULL), 0);
    assert_int_equal(taken.count, 1);
    assert_int_equal(taken.strays, 2);
}

static void a_list_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{}", "null", "[", "[1]", "[{}]", "[{\"event_logs\":{}}]", "[{\"event_logs\":[]}", "[{\"event_logs\":[]},]",
        "[{\"event_logs\":[]}{\"event_logs\":[]}]", "[,{\"event_logs\":[]}]", "[{\"event_logs\":[]",
        "[{\"event_logs\":[],\"event_logs\":[]}]"};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        struct taken taken = taker(0);
        taken.takers.context = &taken;
        struct ese_error error = {0};
        if (ese_event_json_read_grouped(bad[i], strlen(bad[i]), &taken.takers, &error) != -1)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(error.code, ESE_E_INVALID);
        assert_int_equal(taken.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_original_sends),
        cmocka_unit_test(data_is_normalised),
        cmocka_unit_test(numbers_are_doubles_where_64_bits_are_too_few),
        cmocka_unit_test(an_order_with_a_large_number_keeps_its_key),
        cmocka_unit_test(unknown_members_are_passed_over),
        cmocka_unit_test(ids_are_ours_or_foreign),
        cmocka_unit_test(refuses_what_is_wrong_and_names_it),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(refuses_data_that_is_nested_too_deep),
        cmocka_unit_test(a_list_is_read_or_refused_as_a_whole),
        cmocka_unit_test(stored_as_the_original_answers),
        cmocka_unit_test(stored_list_as_the_original_answers),
        cmocka_unit_test(posted_round_trip),
        cmocka_unit_test(line_round_trip),
        cmocka_unit_test(record_round_trip),
        cmocka_unit_test(page_round_trip),
        cmocka_unit_test(the_whole_list_is_read_group_by_group),
        cmocka_unit_test(a_large_number_in_a_list_is_the_nearest_double),
        cmocka_unit_test(what_is_no_event_in_a_list_is_told),
        cmocka_unit_test(a_list_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
