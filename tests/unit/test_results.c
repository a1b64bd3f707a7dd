/* results.json: what was written comes back, as far as `check` needs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "orchestration/lab/results.h"
#include "tests/support/directory.h"

static char *directory;

static int set_up(void **state)
{
    (void)state;
    directory = ese_test_directory_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ese_test_directory_remove(&directory);
    return 0;
}

static struct ese_results some_results(void)
{
    struct ese_results results = {.seed = 7, .rate = "300", .duration_s = 30, .warmup_s = 3,
                                  .fault = "none", .asked_durability = "os", .asked_broker = "auto",
                                  .retry_deadline_ms = 10000, .count = 1};
    struct ese_results_transport *one = &results.transports[0];
    snprintf(one->name, sizeof one->name, "some:way=direct");
    one->durability = ESE_DURABILITY_OS;
    one->drained = true;
    one->schedule_ns = 1234567890123;
    return results;
}

static void what_check_needs_comes_back(void **state)
{
    (void)state;
    struct ese_results written = some_results(), read;
    struct ese_endings *endings = &written.transports[0].endings;
    ese_endings_add(endings, "consumer", 137, "its \"last\" words \xff\n");
    ese_endings_add(endings, "broker", -1, "");
    assert_int_equal(ese_results_write(directory, &written, NULL), 0);
    assert_int_equal(ese_results_read(directory, &read, NULL), 0);
    const struct ese_results_transport *one = &read.transports[0];
    assert_int_equal(read.count, 1);
    assert_int_equal(read.seed, 7);
    assert_int_equal(read.warmup_s, 3);
    assert_string_equal(one->name, "some:way=direct");
    assert_int_equal(one->schedule_ns, 1234567890123);
    assert_true(one->drained);
    assert_int_equal(one->endings.count, 2);
    assert_string_equal(one->endings.list[0].party, "consumer");
    assert_int_equal(one->endings.list[0].status, 137);
    assert_int_equal(one->endings.list[0].ended_ns, endings->list[0].ended_ns);
    assert_string_equal(one->endings.list[0].last_words, "its \"last\" words ??");
    assert_int_equal(one->endings.list[1].status, -1);
}

/* As the first version wrote it. */
static void a_run_without_endings_is_read(void **state)
{
    (void)state;
    struct ese_results written = some_results(), read;
    char *text = ese_results_text(&written);
    char *endings = strstr(text, "\"endings\"");
    assert_non_null(endings);
    memcpy(endings, "\"unheard\"", strlen("\"unheard\""));
    char *path = ese_test_path(directory, "results.json");
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    assert_int_equal(ese_results_read(directory, &read, NULL), 0);
    assert_int_equal(read.transports[0].endings.count, 0);
    free(path);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_check_needs_comes_back),
        TEST(a_run_without_endings_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
