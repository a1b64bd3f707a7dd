/* The file of topics; applying it is tested on the real broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/kafka/topics.h"
#include "tests/support/directory.h"

static struct ese_topics topics;
static struct ese_error error;

static int read_text(const char *text)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "topics.conf");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    int result = ese_topics_read(path, &topics, &error);
    free(path);
    ese_test_directory_remove(&directory);
    return result;
}

static void reads_topics_and_their_properties(void **state)
{
    (void)state;
    assert_int_equal(read_text("# a comment\n"
                               "\n"
                               "click-events 3 a.b=c  d=\n"
                               "  order-events\t12"),
                     0);
    assert_int_equal(topics.count, 2);
    assert_string_equal(topics.topics[0].name, "click-events");
    assert_int_equal(topics.topics[0].partitions, 3);
    assert_int_equal(topics.topics[0].property_count, 2);
    assert_string_equal(topics.topics[0].properties[0].name, "a.b");
    assert_string_equal(topics.topics[0].properties[0].value, "c");
    assert_string_equal(topics.topics[0].properties[1].value, "");
    assert_string_equal(topics.topics[1].name, "order-events");
    assert_int_equal(topics.topics[1].partitions, 12);
}

static void names_the_line_that_is_wrong(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "lonely\n",         "topic x\n",       "topic 0\n",     "topic -1\n", "to/pic 1\n",
        "topic 1 nothing\n", "topic 1 =value\n", "topic 1001\n",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++) {
        char text[128];
        snprintf(text, sizeof text, "good 1\n\n%s", lines[i]);
        assert_int_equal(read_text(text), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
        assert_non_null(strstr(error.text, "line 3"));
    }
}

static void keeps_its_bounds(void **state)
{
    (void)state;
    char text[8192] = "";
    size_t used = 0;
    for (int i = 0; i <= ESE_TOPICS; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "topic%d 1\n", i);
    assert_int_equal(read_text(text), -1);
    memset(text, 'x', 2000);
    snprintf(text + 2000, 8, " 1\n");
    assert_int_equal(read_text(text), -1);
    used = (size_t)snprintf(text, sizeof text, "topic 1");
    for (int i = 0; i <= ESE_TOPIC_PROPERTIES; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " p%d=v", i);
    assert_int_equal(read_text(text), -1);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    assert_int_equal(ese_topics_read("/nowhere/topics.conf", &topics, &error), -1);
    assert_non_null(strstr(error.text, "/nowhere/topics.conf"));
}

static int64_t property(const struct ese_topic *topic, const char *name)
{
    for (int i = 0; i < topic->property_count; i++) {
        if (strcmp(topic->properties[i].name, name) == 0)
            return strtoll(topic->properties[i].value, NULL, 10);
    }
    fail_msg("%s has no %s", topic->name, name);
    return 0;
}

/* Our own topics must not fill a disk: each has 1 GiB at most. Kafka keeps what it was told to of
 * each partition, and the segment that is being written. */
static void our_topics_are_bounded(void **state)
{
    (void)state;
    if (ese_topics_read(getenv("ESE_TOPICS"), &topics, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(topics.count, 5);
    for (int i = 0; i < topics.count; i++) {
        const struct ese_topic *topic = &topics.topics[i];
        int64_t partition = property(topic, "retention.bytes") + property(topic, "segment.bytes");
        assert_in_range(topic->partitions * partition, 1, INT64_C(1) << 30);
        assert_in_range(property(topic, "retention.ms"), 1, 86400000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_topics_and_their_properties),
        cmocka_unit_test(names_the_line_that_is_wrong),
        cmocka_unit_test(keeps_its_bounds),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(our_topics_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
