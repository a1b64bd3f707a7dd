/* An event of a stream as the lab's record: its id, its time, its place; and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/buffer.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"
#include "transports/webhook/record.h"
#include "transports/webhook/stream_name.h"

#define UUID "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
#define CREATED "2026-11-21 10:11:12.123 +0000 UTC"
#define CREATED_MS INT64_C(1795255872123)
#define CLIENT_TS INT64_C(1793500000123)
#define BODY(members)                                                                                                  \
    "{\"type\":\"" ESE_TYPE_CLICK "\",\"sub_type\":\"S\",\"ip\":\"10.0.0.1\",\"client_ts\":1793500000123" members "}"

static struct ese_webhook_event event_with(const char *body)
{
    return (struct ese_webhook_event){
        .position = 41, .uuid = UUID, .type = "t", .created = CREATED, .body = body, .length = strlen(body)};
}

static void read_good(const struct ese_webhook_event *from, int32_t partition, struct ese_record *record)
{
    struct ese_error error = {0};

    if (ese_webhook_record_read(from, partition, record, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(record->partition, partition);
    assert_int_equal(record->offset, from->position);
    assert_int_equal(record->next, from->position + 1);
}

/* The id of what was read of it. */
static struct ese_id id_of(const struct ese_webhook_event *from, int32_t partition)
{
    struct ese_record record = {0};

    read_good(from, partition, &record);
    struct ese_id id = record.event.id;
    ese_event_clear(&record.event);
    assert_false(ese_id_is_none(&id));
    return id;
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void what_the_lab_wrote_comes_back(void **state)
{
    const struct ese_id_parts parts = {.time_ms = CLIENT_TS, .lane = 7, .run = 99, .sequence = 5};
    struct ese_event event = {.type = ESE_TYPE_ORDER, .sub_type = "ORDER_CREATED", .ip = "10.1.2.3",
                              .client_ts = CLIENT_TS, .id = ese_id_make(&parts)};
    struct ese_buffer line = ESE_BUFFER_INIT(4096);
    struct ese_record record = {0};

    (void)state;
    event.data = ese_copy_text("{\"orderId\":\"o-1\"}");
    ese_event_set_key(&event);
    ese_event_set_traceparent(&event);
    ese_event_json_write_line(&line, &event);
    struct ese_webhook_event from = event_with(line.text);
    read_good(&from, 1, &record);
    assert_true(ese_id_equal(&record.event.id, &event.id));
    assert_int_equal(ese_event_content_hash(&record.event), ese_event_content_hash(&event));
    assert_string_equal(record.event.key, "o-1");
    assert_string_equal(record.event.traceparent, event.traceparent);
    assert_int_equal(record.event.server_ts, CREATED_MS);
    ese_event_clear(&record.event);
    ese_event_clear(&event);
    ese_buffer_free(&line);
}

static void without_an_id_it_has_one_of_its_uuid(void **state)
{
    struct ese_webhook_event from = event_with(BODY("")), other = from;

    (void)state;
    struct ese_id id = id_of(&from, 0);
    other.position = 42; /* the same event, in a table that was copied */
    struct ese_id again = id_of(&other, 0);
    assert_true(ese_id_equal(&id, &again));
    struct ese_id elsewhere = id_of(&from, 1);
    assert_false(ese_id_equal(&id, &elsewhere));
    other.uuid[0] = '7';
    again = id_of(&other, 0);
    assert_false(ese_id_equal(&id, &again));
    assert_false(ese_id_is_ours(&id));
}

/* Two of them would count as one event, otherwise. */
static void without_a_uuid_it_has_one_of_its_place(void **state)
{
    struct ese_webhook_event from = event_with(BODY("")), other;

    (void)state;
    from.uuid[0] = '\0';
    other = from;
    struct ese_id id = id_of(&from, 0), again = id_of(&other, 0);
    assert_true(ese_id_equal(&id, &again));
    other.position++;
    again = id_of(&other, 0);
    assert_false(ese_id_equal(&id, &again));
    other = from;
    other.created[0] = '3'; /* a stream that began anew */
    again = id_of(&other, 0);
    assert_false(ese_id_equal(&id, &again));
}

static void a_foreign_id_with_its_source_names_the_event(void **state)
{
    struct ese_webhook_event from = event_with(BODY(",\"id\":\"a\",\"source\":\"shop\"")), other = from;

    (void)state;
    struct ese_id id = id_of(&from, 0);
    other.uuid[0] = '7';
    struct ese_id again = id_of(&other, 1);
    assert_true(ese_id_equal(&id, &again)); /* posted twice, it is one */
    other = event_with(BODY(",\"id\":\"b\",\"source\":\"shop\""));
    again = id_of(&other, 0);
    assert_false(ese_id_equal(&id, &again));
}

static void a_foreign_id_without_a_source_names_nothing(void **state)
{
    struct ese_webhook_event from = event_with(BODY(",\"id\":\"a\"")), other = from;

    (void)state;
    other.uuid[0] = '7';
    struct ese_id id = id_of(&from, 0), again = id_of(&other, 0);
    assert_false(ese_id_equal(&id, &again));
}

/* ---- times ----------------------------------------------------------------------------------- */

static void it_was_created_when_the_stream_says(void **state)
{
    static const struct {
        const char *created;
        int64_t ms;
    } times[] = {
        {"2026-11-21 10:11:12 +0000 UTC", INT64_C(1795255872000)},
        {"2026-11-21 10:11:12.123456789 +0000 UTC m=+1.5", CREATED_MS},
        {"2026-11-21 12:11:12.1 +0200 EET", INT64_C(1795255872100)},
        {"2026-11-21 04:41:12.123 -0530 ABC", CREATED_MS},
        {"1970-01-01 00:00:00 +0000 UTC", 0},
        {"1969-12-31 23:59:59 +0000 UTC", CLIENT_TS}, /* nobody had a server then */
        {"", CLIENT_TS},
        {"yesterday", CLIENT_TS},
        {"2026-11-21", CLIENT_TS},
        {"2026-11-21 10:11:12", CLIENT_TS},
        {"  2026-11-21 10:11:12 +0000 UTC", CLIENT_TS},
        {"2026-11-21 10:11:12 +-1-2", CLIENT_TS},
        {"2026-11-21 10:11:12 *0000", CLIENT_TS},
    };

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(times); i++) {
        struct ese_webhook_event from = event_with(BODY(""));
        struct ese_record record = {0};
        ese_fit_text(from.created, sizeof(from.created), times[i].created);
        read_good(&from, 0, &record);
        if (record.event.server_ts != times[i].ms)
            fail_msg("'%s' is read as %lld", times[i].created, (long long)record.event.server_ts);
        ese_event_clear(&record.event);
    }
}

/* ---- what is none ---------------------------------------------------------------------------- */

static void what_is_no_event_has_its_place_all_the_same(void **state)
{
    static const char *const bodies[] = {"", "{", "null", "[]", "\"text\"", "{}", "{\"type\":\"T\"}", "\xff\xfe", "42",
                                         BODY("") "x"};
    struct ese_record record = {0};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(bodies); i++) {
        struct ese_webhook_event from = event_with(bodies[i]), good = event_with(BODY(",\"data\":{\"a\":1}"));
        struct ese_error error = {0};
        read_good(&good, 0, &record); /* what the record had is let go of */
        from.position = 7;
        assert_int_equal(ese_webhook_record_read(&from, 1, &record, &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
        assert_string_not_equal(error.text, "");
        assert_int_equal(record.partition, 1);
        assert_int_equal(record.offset, 7);
        assert_int_equal(record.next, 8);
    }
    ese_event_clear(&record.event);
}

/* A NUL in it does not hide what is behind. */
static void all_of_the_body_counts(void **state)
{
    static const char body[] = BODY("") "\0x";
    struct ese_webhook_event from = event_with(body);
    struct ese_record record = {0};
    struct ese_error error = {0};

    (void)state;
    from.length = sizeof(body) - 1;
    assert_int_equal(ese_webhook_record_read(&from, 0, &record, &error), -1);
    ese_event_clear(&record.event);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_lab_wrote_comes_back),
        cmocka_unit_test(without_an_id_it_has_one_of_its_uuid),
        cmocka_unit_test(without_a_uuid_it_has_one_of_its_place),
        cmocka_unit_test(a_foreign_id_with_its_source_names_the_event),
        cmocka_unit_test(a_foreign_id_without_a_source_names_nothing),
        cmocka_unit_test(it_was_created_when_the_stream_says),
        cmocka_unit_test(what_is_no_event_has_its_place_all_the_same),
        cmocka_unit_test(all_of_the_body_counts),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
