/* A place in the topics as GET /events hands it out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/kafka/cursor.h"

static const char origin[] = "MkU3OEVBNTcwNTJENDM2Qg/";

static void add(struct ese_kafka_cursor *cursor, int topic, int partition, int64_t next)
{
    cursor->places[cursor->count++] =
        (struct ese_kafka_place){ese_partition_code(topic, partition), next};
}

/* The caller's. */
static char *text_of(const struct ese_kafka_cursor *cursor, const char *of)
{
    struct ese_buffer text = ESE_BUFFER_INIT(8192);
    ese_kafka_cursor_text(cursor, of, &text);
    assert_false(text.overflowed);
    return ese_buffer_detach(&text);
}

static void assert_same(const struct ese_kafka_cursor *a, const struct ese_kafka_cursor *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        assert_int_equal(a->places[i].partition, b->places[i].partition);
        assert_int_equal(a->places[i].next, b->places[i].next);
    }
}

static void it_comes_back_as_it_went(void **state)
{
    (void)state;
    static const int64_t offsets[] = {0, 1, 127, 128, 16383, 16384, INT64_C(1) << 40, INT64_MAX};
    struct ese_kafka_cursor cursor = {.count = 0}, back;
    struct ese_error error;
    for (size_t i = 0; i < ESE_COUNT_OF(offsets); i++)
        add(&cursor, 0, (int)i, offsets[i]);
    add(&cursor, 1, 0, 7);
    char *text = text_of(&cursor, origin);
    assert_int_equal(ese_kafka_cursor_parse(text, origin, &back, &error), 0);
    assert_same(&cursor, &back);
    for (const char *letter = text; *letter != '\0'; letter++)
        assert_non_null(strchr("0123456789abcdefk", *letter)); /* it stands in a query as it is */
    free(text);
}

static void nothing_and_the_most_there_can_be(void **state)
{
    (void)state;
    struct ese_kafka_cursor cursor = {.count = 0}, back;
    struct ese_error error;
    char *text = text_of(&cursor, origin);
    assert_int_equal(ese_kafka_cursor_parse(text, origin, &back, &error), 0);
    assert_int_equal(back.count, 0);
    free(text);
    for (int i = 0; i < ESE_CURSOR_PARTITIONS; i++)
        add(&cursor, i < 100 ? 0 : 1, i < 100 ? i : i - 100, INT64_MAX - i);
    text = text_of(&cursor, origin);
    assert_int_equal(ese_kafka_cursor_parse(text, origin, &back, &error), 0);
    assert_same(&cursor, &back);
    free(text);
}

static void assert_refused(const char *text, const char *of, const char *word)
{
    struct ese_kafka_cursor cursor;
    struct ese_error error = {0};
    if (ese_kafka_cursor_parse(text, of, &cursor, &error) == 0)
        fail_msg("taken: %s", text);
    assert_int_equal(error.code, ESE_E_INVALID);
    if (strstr(error.text, word) == NULL)
        fail_msg("no '%s' in: %s", word, error.text);
    assert_non_null(strstr(error.text, "earliest"));
}

/* Any letter, changed into any other or cut off, is seen. */
static void a_changed_one_is_refused(void **state)
{
    (void)state;
    struct ese_kafka_cursor cursor = {.count = 0};
    add(&cursor, 0, 0, 300);
    add(&cursor, 0, 1, 5);
    add(&cursor, 1, 0, 70000);
    char *text = text_of(&cursor, origin);
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        char kept = text[i];
        for (const char *other = "0123456789abcdefk\"%F"; *other != '\0'; other++) {
            text[i] = *other;
            if (*other != kept)
                assert_refused(text, origin, "cursor");
        }
        text[i] = '\0';
        assert_refused(text, origin, "cursor");
        text[i] = kept;
    }
    free(text);
}

static void one_of_another_cluster_is_refused_by_name(void **state)
{
    (void)state;
    struct ese_kafka_cursor cursor = {.count = 0};
    add(&cursor, 0, 0, 300);
    char *text = text_of(&cursor, origin);
    assert_refused(text, "another/", "another cluster");
    assert_refused(text, "MkU3OEVBNTcwNTJENDM2Qg/test-", "other topics");
    free(text);
}

/* With a check that is right: nobody but us makes those, and still nothing is read beyond its
 * end. */
static void what_no_server_makes_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "k1", "earliest", "0100000000000000029c6f2a10", "k1811", "k101", "k1ff",
        "k1ffffffffffffffffff7f", "k10000ff", "k1000000", "k18002",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(texts); i++) {
        struct ese_buffer text = ESE_BUFFER_INIT(8192);
        assert_refused(texts[i], origin, "cursor");
        ese_buffer_printf(&text, "%s%s", texts[i], origin);
        uint32_t check = ese_event_key_hash(text.text);
        ese_buffer_clear(&text);
        ese_buffer_printf(&text, "%s%08x", texts[i], check);
        assert_refused(text.text, origin, "cursor");
        ese_buffer_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back_as_it_went),
        cmocka_unit_test(nothing_and_the_most_there_can_be),
        cmocka_unit_test(a_changed_one_is_refused),
        cmocka_unit_test(one_of_another_cluster_is_refused_by_name),
        cmocka_unit_test(what_no_server_makes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
