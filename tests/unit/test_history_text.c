/* A history as text, and back: whatever a record says stands there, and is read as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/history_text.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"

struct fixture {
    char *directory, *path;
    struct ese_history *history;
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "some.history");
    const struct ese_history_clock clock = {.boot = 7, .wall_offset_ns = -5};
    const struct ese_history_options options = {
        .path = fixture->path, .party = "ese-client", .transport = "http", .limit = 1 << 20, .clock = &clock};
    assert_int_equal(ese_history_open(&options, &fixture->history, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_history_close(&fixture->history);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

static struct ese_id id_of(uint8_t last)
{
    struct ese_id id = {.bytes = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}};
    id.bytes[15] = last;
    return id;
}

/* The only record that was written, as text. */
static char *text_of(struct fixture *fixture)
{
    struct ese_buffer text = ESE_BUFFER_INIT(ESE_HISTORY_TEXT_LIMIT);
    struct ese_history_reader *reader;
    struct ese_history_record record;
    ese_history_close(&fixture->history);
    assert_int_equal(ese_history_read_open(fixture->path, &reader, NULL), 0);
    assert_int_equal(ese_history_read_next(reader, &record, NULL), 1);
    ese_history_text_write(reader, &record, &text);
    assert_false(text.overflowed);
    ese_history_read_close(&reader);
    return ese_buffer_detach(&text);
}

static void an_offer_stands_there_whole(void **state)
{
    struct fixture *fixture = *state;
    struct ese_history_line line;
    struct ese_event event = {.id = id_of(1), .type = "CLICK \"x\"", .sub_type = "KEY_PRESS_EVENT",
                              .key = "a key that needs more than one record, as it is long",
                              .client_ts = 1793500000123};
    ese_history_offer(fixture->history, &event, 42);
    char *text = text_of(fixture);
    assert_string_equal(text, "{\"time_ns\":42,\"kind\":\"offered\",\"id\":\"01020304-0506-7008-8000-000000000001\","
                              "\"type\":\"CLICK \\\"x\\\"\",\"sub_type\":\"KEY_PRESS_EVENT\","
                              "\"key\":\"a key that needs more than one record, as it is long\","
                              "\"client_ts\":1793500000123}\n");
    assert_int_equal(ese_history_text_read(text, strlen(text), &line, NULL), 0);
    assert_string_equal(line.id, "01020304-0506-7008-8000-000000000001");
    assert_string_equal(line.type, event.type);
    assert_string_equal(line.sub_type, event.sub_type);
    assert_string_equal(line.key, event.key);
    assert_true(line.record.kind == ESE_HISTORY_OFFERED && line.record.time_ns == 42);
    assert_true(line.record.a == event.client_ts);
    free(text);
}

/* Each kind has a name of its own, and tells all its numbers. */
static void every_kind_comes_back(void **state)
{
    struct fixture *fixture = *state;
    for (uint16_t kind = 1; kind < ESE_HISTORY_KINDS; kind++) {
        if (kind == ESE_HISTORY_OFFERED || kind == ESE_HISTORY_KEY || kind == ESE_HISTORY_FOUND)
            continue;
        struct ese_history_record record = {.kind = kind, .time_ns = 9, .id = id_of(2), .partition = 3, .aux = 1,
                                            .a = INT64_C(1) << 40, .b = 77};
        struct ese_history_line line;
        const struct ese_id other = id_of(3);
        if (kind == ESE_HISTORY_SKIPPED) /* from a to b */
            record.b += record.a;
        if (kind == ESE_HISTORY_OVERWRITTEN)
            ese_history_put_id(&record, &other);
        ese_history_record(fixture->history, &record);
        char *text = text_of(fixture);
        assert_int_equal(ese_history_text_read(text, strlen(text), &line, NULL), 0);
        assert_int_equal(line.record.kind, kind);
        assert_non_null(strstr(text, ese_history_kind_name(kind)));
        char *again = strstr(text, "\"id\"");
        assert_true((again != NULL) == (line.id[0] != '\0'));
        if (line.record.a != 0)
            assert_true(line.record.a == record.a);
        if (line.record.b != 0)
            assert_true(line.record.b == record.b);
        free(text);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
    }
}

/* Where it is none of many's, nothing is said of that. */
static void of_many_it_is_told_whose_it_is(void **state)
{
    static const struct {
        struct ese_history_record record;
        const char *text;
    } cases[] = {
        {{.kind = ESE_HISTORY_HANDED, .b = 7}, ",\"offset\":4,\"repeat\":0,\"destination\":7}"},
        {{.kind = ESE_HISTORY_HANDED}, ",\"offset\":4,\"repeat\":0}"},
        {{.kind = ESE_HISTORY_COMMITTED, .aux = 8}, ",\"next\":4,\"events\":0,\"destination\":8}"},
        {{.kind = ESE_HISTORY_COMMITTED}, ",\"next\":4,\"events\":0}"},
        {{.kind = ESE_HISTORY_GIVEN, .aux = 9}, ",\"epoch\":0,\"destination\":9}"},
        {{.kind = ESE_HISTORY_TAKEN, .aux = 10}, ",\"destination\":10}"},
        {{.kind = ESE_HISTORY_SKIPPED, .aux = 11, .b = 5}, ",\"to\":5,\"destination\":11}"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_history_record record = cases[i].record;
        struct ese_history_line line;
        record.time_ns = 9;
        record.id = id_of(2);
        record.a = 4;
        ese_history_record(fixture->history, &record);
        char *text = text_of(fixture);
        if (strstr(text, cases[i].text) == NULL)
            fail_msg("%s", text);
        assert_int_equal(ese_history_text_read(text, strlen(text), &line, NULL), 0);
        assert_true(line.record.aux == record.aux && line.record.b == record.b);
        free(text);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
    }
}

static void the_title_says_whose_it_is(void **state)
{
    (void)state;
    const struct ese_history_title title = {.party = "p", .transport = "kafka:via=direct",
                                            .clock = {.boot = UINT64_C(0xfedcba9876543210), .wall_offset_ns = -3}};
    struct ese_history_title again;
    struct ese_buffer text = ESE_BUFFER_INIT(ESE_HISTORY_TEXT_LIMIT);
    ese_history_text_title(&title, &text);
    assert_true(ese_history_text_is_title(text.text, text.length));
    assert_false(ese_history_text_is_title("{\"kind\":\"sent\"}", 15));
    assert_int_equal(ese_history_text_read_title(text.text, text.length, &again, NULL), 0);
    assert_string_equal(again.party, title.party);
    assert_string_equal(again.transport, title.transport);
    assert_true(again.clock.boot == title.clock.boot && again.clock.wall_offset_ns == -3);
    static const char *const wrong[] = {"{}", "{\"history\":2}", "{\"history\":1,\"boot\":\"x\"}", "{\"history\":1",
                                        "[]"};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++)
        assert_int_equal(ese_history_text_read_title(wrong[i], strlen(wrong[i]), &again, NULL), -1);
    ese_buffer_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(an_offer_stands_there_whole),
        TEST(every_kind_comes_back),
        TEST(of_many_it_is_told_whose_it_is),
        TEST(the_title_says_whose_it_is),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
