#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/kafka/partition.h"
#include "transports/kafka/record.h"

static struct ese_event an_order(void)
{
    struct ese_event event = {.type = ESE_TYPE_ORDER,
                              .sub_type = "ORDER_CREATED",
                              .ip = "10.1.2.3",
                              .client_ts = INT64_C(1793500000123)};
    const struct ese_id_parts parts = {.time_ms = event.client_ts, .lane = 7, .run = 99,
                                       .sequence = 5};
    event.id = ese_id_make(&parts);
    event.data = ese_copy_text("{\"orderId\":\"o-1\",\"timestamp\":1793500000123}");
    ese_event_set_key(&event);
    ese_event_set_traceparent(&event);
    return event;
}

/* As the broker hands back what was written. */
static struct ese_kafka_record read_back(const struct ese_buffer *value,
                                         const struct ese_kafka_headers *headers)
{
    struct ese_kafka_record record = {.topic = 1,
                                      .topic_name = "order-events",
                                      .partition = 2,
                                      .offset = 41,
                                      .timestamp_ms = INT64_C(1793500000200),
                                      .value = value->text,
                                      .length = value->length};
    for (int i = 0; i < headers->count; i++)
        record.headers[record.header_count++] = headers->headers[i];
    return record;
}

static const char *header(const struct ese_kafka_headers *headers, const char *name)
{
    for (int i = 0; i < headers->count; i++) {
        if (strcmp(headers->headers[i].name, name) == 0)
            return headers->headers[i].value;
    }
    return NULL;
}

/* id: what ce_id is to be. */
static void comes_back_as_it_went(const struct ese_event *event, const char *id)
{
    struct ese_event again = {0};
    struct ese_buffer value = ESE_BUFFER_INIT(10000);
    struct ese_kafka_headers headers;
    struct ese_error error;
    ese_record_write(event, &value, &headers);

    assert_string_equal(header(&headers, "ce_specversion"), "1.0");
    assert_string_equal(header(&headers, "ce_id"), id);
    assert_string_equal(header(&headers, "ce_type"), ESE_TYPE_ORDER);
    assert_string_equal(header(&headers, "ce_source"), "shop");
    assert_string_equal(header(&headers, "content-type"), "application/json");
    assert_string_equal(header(&headers, "traceparent"), event->traceparent);

    struct ese_kafka_record record = read_back(&value, &headers);
    assert_int_equal(ese_record_read(&record, &again, &error), 0);
    assert_true(ese_id_equal(&again.id, &event->id));
    assert_string_equal(again.type, event->type);
    assert_string_equal(again.sub_type, event->sub_type);
    assert_string_equal(again.ip, event->ip);
    assert_string_equal(again.key, "o-1");
    assert_string_equal(again.source, "shop");
    assert_string_equal(again.foreign_id, "order 1/created");
    assert_string_equal(again.traceparent, event->traceparent);
    assert_int_equal(again.client_ts, event->client_ts);
    assert_int_equal(again.server_ts, record.timestamp_ms);
    assert_true(ese_event_content_hash(&again) == ese_event_content_hash(event));
    ese_event_clear(&again);
    ese_buffer_free(&value);
}

static void an_event_comes_back_as_it_went(void **state)
{
    (void)state;
    struct ese_event event = an_order();
    snprintf(event.source, sizeof event.source, "shop");
    snprintf(event.foreign_id, sizeof event.foreign_id, "order 1/created");
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&event.id, id);
    comes_back_as_it_went(&event, id);
    event.id = ese_event_id_of_name(&event); /* as the gateway gives it: then the name says all */
    comes_back_as_it_went(&event, event.foreign_id);
    ese_event_clear(&event);
}

static void the_value_keeps_the_originals_shape(void **state)
{
    (void)state;
    struct ese_event event = an_order();
    struct ese_buffer value = ESE_BUFFER_INIT(10000);
    struct ese_kafka_headers headers;
    ese_record_write(&event, &value, &headers);
    assert_string_equal(
        value.text,
        "{\"sub_type\":\"ORDER_CREATED\",\"ip\":\"10.1.2.3\",\"client_timestamp\":1793500000123,"
        "\"data\":\"{\\\"orderId\\\":\\\"o-1\\\",\\\"timestamp\\\":1793500000123}\"}");
    assert_string_equal(header(&headers, "ce_source"), "urn:ese-lab");
    assert_null(header(&headers, "ese_foreign_id"));
    struct ese_kafka_record record = read_back(&value, &headers);
    struct ese_event again = {0};
    assert_int_equal(ese_record_read(&record, &again, NULL), 0);
    assert_true(ese_id_equal(&again.id, &event.id));
    assert_string_equal(again.source, ""); /* which is ours, and nobody's */
    assert_string_equal(again.foreign_id, "");
    ese_event_clear(&again);
    ese_event_clear(&event);
    ese_buffer_free(&value);
}

static const char original[] =
    "{\"sub_type\":\"KEY_PRESS_EVENT\",\"ip\":\"PUBLICIP-3\","
    "\"client_timestamp\":1793500000123,\"data\":\"{}\"}";

static struct ese_kafka_record originals_record(int64_t offset)
{
    return (struct ese_kafka_record){.topic = 0,
                                     .topic_name = "click-events",
                                     .partition = 1,
                                     .offset = offset,
                                     .timestamp_ms = INT64_C(1793500000200),
                                     .value = original,
                                     .length = sizeof original - 1};
}

static void a_record_of_the_originals_client_gets_an_id_from_its_place(void **state)
{
    (void)state;
    struct ese_event first = {0}, again = {0};
    struct ese_kafka_record record = originals_record(41);
    struct ese_kafka_record elsewhere[] = {originals_record(42), record, record};
    elsewhere[1].partition++;
    elsewhere[2].topic_name = "other-click-events";
    assert_int_equal(ese_record_read(&record, &first, NULL), 0);
    assert_int_equal(ese_record_read(&record, &again, NULL), 0);
    assert_string_equal(first.type, ESE_TYPE_CLICK);
    assert_string_equal(first.key, "PUBLICIP-3");
    assert_false(ese_id_is_none(&first.id));
    assert_true(ese_id_equal(&first.id, &again.id));
    for (size_t i = 0; i < ESE_COUNT_OF(elsewhere); i++) {
        assert_int_equal(ese_record_read(&elsewhere[i], &again, NULL), 0);
        assert_false(ese_id_equal(&first.id, &again.id));
    }
    ese_event_clear(&first);
    ese_event_clear(&again);
}

/* Their JSON.stringify writes doubles up to 1e21 as integers. */
static void numbers_of_the_originals_client_are_doubles(void **state)
{
    (void)state;
    struct ese_event event = {0}, again = {0};
    struct ese_buffer value = ESE_BUFFER_INIT(10000);
    struct ese_kafka_headers headers;
    struct ese_kafka_record record = originals_record(41);
    record.value = "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":1,"
                   "\"data\":\"{\\\"n\\\":18446744073709552000,\\\"m\\\":1e+21}\"}";
    record.length = strlen(record.value);
    assert_int_equal(ese_record_read(&record, &event, NULL), 0);
    assert_string_equal(event.data, "{\"m\":1e+21,\"n\":18446744073709552000}");
    ese_record_write(&event, &value, &headers);
    record = read_back(&value, &headers);
    assert_int_equal(ese_record_read(&record, &again, NULL), 0);
    assert_string_equal(again.data, event.data);
    ese_event_clear(&event);
    ese_event_clear(&again);
    ese_buffer_free(&value);
}

static void headers_that_are_no_good_count_as_not_there(void **state)
{
    (void)state;
    struct ese_event plain = {0}, event = {0};
    struct ese_kafka_record record = originals_record(41);
    assert_int_equal(ese_record_read(&record, &plain, NULL), 0);
    static char long_type[ESE_EVENT_TYPE_SIZE + 1];
    memset(long_type, 'x', sizeof long_type - 1);
    record.headers[0] = (struct ese_kafka_header){"ce_id", NULL, 0};
    record.headers[1] = (struct ese_kafka_header){"ce_type", long_type, sizeof long_type - 1};
    record.headers[2] = (struct ese_kafka_header){"traceparent", "00-nonsense", 11};
    record.headers[3] = (struct ese_kafka_header){"ce_source", "a\0b", 3};
    record.header_count = 4;
    assert_int_equal(ese_record_read(&record, &event, NULL), 0);
    assert_true(ese_id_equal(&event.id, &plain.id));
    assert_string_equal(event.type, ESE_TYPE_CLICK);
    assert_string_equal(event.traceparent, "");
    assert_string_equal(event.source, "");
    ese_event_clear(&plain);
    ese_event_clear(&event);
}

/* Which of two says which event it is nobody knows; of two traces, or types of the data, the first will do. */
static void a_name_that_is_there_twice_is_refused(void **state)
{
    (void)state;
    static const char *const single[] = {"ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time",
                                         "ese_foreign_id"};
    struct ese_event event = {0};
    struct ese_kafka_record record = originals_record(41);
    for (size_t i = 0; i < ESE_COUNT_OF(single); i++) {
        struct ese_error error = {.code = ESE_OK};
        record.headers[0] = record.headers[1] = (struct ese_kafka_header){single[i], "1", 1};
        record.header_count = 2;
        assert_int_equal(ese_record_read(&record, &event, &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
        assert_non_null(strstr(error.text, single[i]));
        record.header_count = 1;
        assert_int_equal(ese_record_read(&record, &event, NULL), 0);
        ese_event_clear(&event);
    }
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    record.headers[0] = (struct ese_kafka_header){"traceparent", trace, sizeof trace - 1};
    record.headers[1] = (struct ese_kafka_header){"traceparent", "00-nonsense", 11};
    record.headers[2] = record.headers[3] = (struct ese_kafka_header){"content-type", "text/plain", 10};
    record.header_count = 4;
    assert_int_equal(ese_record_read(&record, &event, NULL), 0);
    assert_string_equal(event.traceparent, trace);
    ese_event_clear(&event);
}

/* A CloudEvent of somebody else: its id is not ours, and must not be lost. Sent twice, it is two
 * records of one event. */
static void a_foreign_id_is_kept_beside_ours(void **state)
{
    (void)state;
    struct ese_event first = {0}, again = {0};
    struct ese_kafka_record record = originals_record(41);
    record.headers[0] = (struct ese_kafka_header){"ce_id", "A234-1234-1234", 14};
    record.headers[1] = (struct ese_kafka_header){"ce_source", "/mycontext", 10};
    record.header_count = 2;
    assert_int_equal(ese_record_read(&record, &first, NULL), 0);
    record.offset = 42;
    assert_int_equal(ese_record_read(&record, &again, NULL), 0);
    assert_string_equal(first.foreign_id, "A234-1234-1234");
    assert_string_equal(first.source, "/mycontext");
    struct ese_id named = ese_event_id_of_name(&first);
    assert_true(ese_id_equal(&first.id, &named));
    assert_true(ese_id_equal(&again.id, &named));
    ese_event_clear(&first);
    ese_event_clear(&again);
}

/* Also where that is a UUIDv7, as one of ours is: whose it is, the source says. */
static void a_foreign_id_may_look_like_ours(void **state)
{
    (void)state;
    static const char id[] = "01932c07-209b-7a3e-8d4e-1f2a3b4c5d6e";
    struct ese_event event = {0};
    struct ese_kafka_record record = originals_record(41);
    record.headers[0] = (struct ese_kafka_header){"ce_id", id, sizeof id - 1};
    record.headers[1] = (struct ese_kafka_header){"ce_source", "/mycontext", 10};
    record.header_count = 2;
    assert_int_equal(ese_record_read(&record, &event, NULL), 0);
    assert_string_equal(event.foreign_id, id);
    struct ese_id named = ese_event_id_of_name(&event);
    assert_true(ese_id_equal(&event.id, &named));
    record.headers[1] = (struct ese_kafka_header){"ce_source", "urn:ese-lab", 11};
    assert_int_equal(ese_record_read(&record, &event, NULL), 0);
    char text[ESE_ID_TEXT_SIZE];
    ese_id_text(&event.id, text);
    assert_string_equal(text, id);
    ese_event_clear(&event);
}

/* Without a source nobody has promised that an id stands for one event. */
static void a_foreign_id_alone_is_no_name(void **state)
{
    (void)state;
    struct ese_event plain = {0}, event = {0};
    struct ese_kafka_record record = originals_record(41);
    assert_int_equal(ese_record_read(&record, &plain, NULL), 0);
    record.headers[0] = (struct ese_kafka_header){"ce_id", "1", 1};
    record.header_count = 1;
    assert_int_equal(ese_record_read(&record, &event, NULL), 0);
    assert_true(ese_id_equal(&event.id, &plain.id));
    assert_string_equal(event.foreign_id, "1");
    ese_event_clear(&plain);
    ese_event_clear(&event);
}

/* But a header that says it is one is: what came through the gateway need not have a source. */
static void a_name_may_do_without_a_source(void **state)
{
    (void)state;
    struct ese_event event = {.foreign_id = "7"}, read = {0};
    char id[ESE_ID_TEXT_SIZE];
    event.id = ese_event_id_of_name(&event);
    ese_id_text(&event.id, id);
    struct ese_kafka_record record = originals_record(41);
    record.headers[0] = (struct ese_kafka_header){"ce_id", id, sizeof id - 1};
    record.headers[1] = (struct ese_kafka_header){"ese_foreign_id", "7", 1};
    record.header_count = 2;
    assert_int_equal(ese_record_read(&record, &read, NULL), 0);
    assert_true(ese_id_equal(&read.id, &event.id));
    ese_event_clear(&read);
}

static void what_is_no_event_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"", "{}", "null", "[1]", "{\"sub_type\":1}", "not json",
                                         NULL};
    struct ese_kafka_record record = originals_record(41);
    for (size_t i = 0; i < ESE_COUNT_OF(values); i++) {
        struct ese_event event = {0};
        struct ese_error error = {.code = ESE_OK};
        record.value = values[i];
        record.length = values[i] == NULL ? 0 : strlen(values[i]);
        assert_int_equal(ese_record_read(&record, &event, &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
        ese_event_clear(&event);
    }
}

static void partitions_have_one_number(void **state)
{
    (void)state;
    char text[64];
    for (int topic = 0; topic < ESE_KAFKA_TOPICS; topic++) {
        for (int32_t partition = 0; partition < 70000 && partition < 1 << 16; partition += 21845) {
            int32_t code = ese_partition_code(topic, partition);
            assert_int_equal(ese_partition_code_topic(code), topic);
            assert_int_equal(ese_partition_code_partition(code), partition);
        }
    }
    ese_partition_name(ese_partition_code(0, 0), text, sizeof text);
    assert_string_equal(text, "click-events-0");
    ese_partition_name(ese_partition_code(1, 2), text, sizeof text);
    assert_string_equal(text, "order-events-2");
    ese_partition_name(-1, text, sizeof text);
    assert_string_equal(text, "partition -1");
}

/* Requests for mails are among no events, and no event among them. */
static void topics_are_opened_by_ranges(void **state)
{
    (void)state;
    char text[64];
    struct ese_topic_range events = ese_partition_range("events");
    struct ese_topic_range requests = ese_partition_range(ESE_TOPIC_MAIL_REQUESTS);
    assert_int_equal(events.first, 0);
    assert_int_equal(events.count, 2);
    assert_int_equal(requests.first, 2);
    assert_int_equal(requests.count, 1);
    assert_int_equal(ese_partition_topic_within(events, ESE_TYPE_ORDER), 1);
    assert_int_equal(ese_partition_topic_within(events, ESE_TYPE_MAIL_REQUEST), 0);
    assert_int_equal(ese_partition_topic_within(requests, ESE_TYPE_MAIL_REQUEST), 2);
    assert_int_equal(ese_partition_topic_within(requests, ESE_TYPE_CLICK), 2);
    assert_string_equal(ese_partition_type(2), ESE_TYPE_MAIL_REQUEST);
    ese_partition_name(ese_partition_code(2, 0), text, sizeof text);
    assert_string_equal(text, "mail-requests-0");
    struct ese_topic_range letters = ese_partition_range(ESE_TOPIC_DEAD_LETTERS);
    assert_int_equal(letters.first, 3);
    assert_int_equal(letters.count, 2);
    assert_int_equal(ese_partition_topic_within(letters, ESE_TYPE_CLICK), 3);
    assert_int_equal(ese_partition_topic_within(letters, ESE_TYPE_ORDER), 4);
    ese_partition_name(ese_partition_code(4, 1), text, sizeof text);
    assert_string_equal(text, "dlq.order-events-1");
}

static void types_have_their_topics(void **state)
{
    (void)state;
    char name[ESE_KAFKA_TOPIC_SIZE];
    assert_int_equal(ese_partition_topic_for(ESE_TYPE_CLICK), 0);
    assert_int_equal(ese_partition_topic_for(ESE_TYPE_ORDER), 1);
    assert_int_equal(ese_partition_topic_for("SOMETHING_ELSE"), 0);
    assert_int_equal(ese_partition_topic_name("run1-", 1, name), 0);
    assert_string_equal(name, "run1-order-events");
    assert_int_equal(ese_partition_topic_name("a/b", 1, name), -1);
    char long_prefix[ESE_KAFKA_TOPIC_SIZE];
    memset(long_prefix, 'x', sizeof long_prefix);
    long_prefix[sizeof long_prefix - 1] = '\0';
    assert_int_equal(ese_partition_topic_name(long_prefix, 0, name), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_comes_back_as_it_went),
        cmocka_unit_test(the_value_keeps_the_originals_shape),
        cmocka_unit_test(a_record_of_the_originals_client_gets_an_id_from_its_place),
        cmocka_unit_test(numbers_of_the_originals_client_are_doubles),
        cmocka_unit_test(headers_that_are_no_good_count_as_not_there),
        cmocka_unit_test(a_name_that_is_there_twice_is_refused),
        cmocka_unit_test(a_foreign_id_is_kept_beside_ours),
        cmocka_unit_test(a_foreign_id_may_look_like_ours),
        cmocka_unit_test(a_foreign_id_alone_is_no_name),
        cmocka_unit_test(a_name_may_do_without_a_source),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(partitions_have_one_number),
        cmocka_unit_test(topics_are_opened_by_ranges),
        cmocka_unit_test(types_have_their_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
