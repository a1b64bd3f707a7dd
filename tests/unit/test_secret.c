#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "ese-core/memory.h"
#include "ese-core/secret.h"
#include "tests/support/directory.h"

#define VARIABLE "ESE_TEST_SECRET"

struct bench {
    char *directory, *path;
    char line[ESE_SECRET_SIZE];
    struct ese_error error;
};

static int set_up(void **state)
{
    struct bench *bench = ese_alloc(sizeof *bench);
    bench->directory = ese_test_directory_make();
    bench->path = ese_test_path(bench->directory, "secret");
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    unsetenv(VARIABLE);
    free(bench->path);
    ese_test_directory_remove(&bench->directory);
    free(bench);
    return 0;
}

static void write_file(struct bench *bench, const char *content, size_t length, mode_t mode)
{
    FILE *file = fopen(bench->path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, length, file), length);
    fclose(file);
    assert_int_equal(chmod(bench->path, mode), 0);
}

static int read_it(struct bench *bench, bool from_file)
{
    const struct ese_secret_place place = {
        .path = from_file ? bench->path : NULL, .variable = VARIABLE, .what = "the file"};
    bench->error = (struct ese_error){.code = ESE_OK};
    memset(bench->line, 'x', sizeof bench->line);
    int found = ese_secret_read(&place, bench->line, &bench->error);
    assert_int_equal(found == -1, bench->error.code == ESE_E_USAGE);
    assert_null(strstr(bench->error.text, "s3c"));
    if (found != 1)
        assert_string_equal(bench->line, "");
    return found;
}

static void a_file_has_to_be_closed_to_others(void **state)
{
    static const struct {
        mode_t mode;
        int found;
    } modes[] = {{0600, 1}, {0400, 1}, {0640, 1}, {0440, 1}, {0644, -1}, {0604, -1},
                 {0602, -1}, {0601, -1}, {0660, -1}, {0620, -1}, {0666, -1}};
    for (size_t i = 0; i < ESE_COUNT_OF(modes); i++) {
        write_file(*state, "s3cret\n", 7, modes[i].mode);
        if (read_it(*state, true) != modes[i].found)
            fail_msg("mode %03o", (unsigned)modes[i].mode);
    }
    assert_non_null(strstr(((struct bench *)*state)->error.text, "chmod 600"));
}

static void a_line_is_taken_whole_or_not_at_all(void **state)
{
    struct bench *bench = *state;
    char longest[ESE_SECRET_SIZE + 1];
    static const struct {
        const char *content;
        size_t length;
        const char *line; /* NULL: refused */
    } cases[] = {
        {"s3cret", 6, "s3cret"},         {"s3cret\r\nsecond\n", 16, "s3cret"}, {"s3c\0ret\n", 8, NULL},
        {"s3cret\0\n", 8, NULL},         {"\0", 1, NULL},                      {"", 0, NULL},
        {"\ns3cret\n", 8, NULL},         {"s3cret\n\0", 8, "s3cret"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        write_file(bench, cases[i].content, cases[i].length, 0600);
        if (read_it(bench, true) != (cases[i].line != NULL ? 1 : -1))
            fail_msg("case %zu", i);
        assert_string_equal(bench->line, cases[i].line != NULL ? cases[i].line : "");
    }
    memset(longest, 's', sizeof longest);
    write_file(bench, longest, ESE_SECRET_SIZE - 1, 0600);
    assert_int_equal(read_it(bench, true), 1);
    write_file(bench, longest, ESE_SECRET_SIZE, 0600);
    assert_int_equal(read_it(bench, true), -1);
}

static void all_lines_are_taken_where_they_are_asked_for(void **state)
{
    struct bench *bench = *state;
    char longest[ESE_SECRET_SIZE];
    const struct ese_secret_place place = {
        .path = bench->path, .variable = VARIABLE, .what = "the file", .takes_all = true};
    write_file(bench, "s3c\n\nret\r\n", 10, 0600);
    assert_int_equal(ese_secret_read(&place, bench->line, &bench->error), 1);
    assert_string_equal(bench->line, "s3c\n\nret");
    write_file(bench, "s3c\nr\0t\n", 9, 0600);
    assert_int_equal(ese_secret_read(&place, bench->line, &bench->error), -1);
    memset(longest, '\n', sizeof longest);
    longest[0] = longest[ESE_SECRET_SIZE - 1] = 's';
    write_file(bench, longest, sizeof longest, 0600);
    assert_int_equal(ese_secret_read(&place, bench->line, &bench->error), -1);
    assert_non_null(strstr(bench->error.text, "all of the file"));
    assert_string_equal(bench->line, "");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(read_it(bench, true), -1);
    assert_non_null(strstr(bench->error.text, bench->path));
    assert_int_equal(mkdir(bench->path, 0700), 0);
    assert_int_equal(read_it(bench, true), -1);
}

static void a_variable_that_is_empty_is_none_that_is_not_set(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(read_it(bench, false), 0);
    setenv(VARIABLE, "s3cret", 1);
    assert_int_equal(read_it(bench, false), 1);
    assert_string_equal(bench->line, "s3cret");
    setenv(VARIABLE, "", 1);
    assert_int_equal(read_it(bench, false), -1);
    assert_non_null(strstr(bench->error.text, VARIABLE));
    write_file(bench, "from the file\n", 14, 0600);
    setenv(VARIABLE, "s3cret", 1);
    assert_int_equal(read_it(bench, true), 1);
    assert_string_equal(bench->line, "from the file");
}

static void who_holds_one_leaves_no_core(void **state)
{
    struct bench *bench = *state;
    prctl(PR_SET_DUMPABLE, 1);
    assert_int_equal(read_it(bench, false), 0);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
    write_file(bench, "s3cret\n", 7, 0600);
    assert_int_equal(read_it(bench, true), 1);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_has_to_be_closed_to_others),
        TEST(a_line_is_taken_whole_or_not_at_all),
        TEST(all_lines_are_taken_where_they_are_asked_for),
        TEST(a_file_that_cannot_be_read_is_named),
        TEST(a_variable_that_is_empty_is_none_that_is_not_set),
        TEST(who_holds_one_leaves_no_core),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
