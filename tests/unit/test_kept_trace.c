/* A run's trace: its digest, its lines, and itself unless it is large. Linked with
 * --wrap=ese_digester_new. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "orchestration/lab/kept_trace.h"
#include "tests/support/directory.h"

static char *directory, *path, *copy;

static int set_up(void **state)
{
    (void)state;
    directory = ese_test_directory_make();
    path = ese_test_path(directory, "given");
    copy = ese_test_path(directory, "trace.txt");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    free(copy);
    ese_test_directory_remove(&directory);
    return 0;
}

static void give(const char *bytes, size_t count, size_t times)
{
    FILE *file = fopen(path, "w");
    for (size_t i = 0; i < times; i++)
        assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void assert_kept(const char *text)
{
    char read[64] = "";
    FILE *file = fopen(copy, "r");
    assert_non_null(file);
    size_t length = fread(read, 1, sizeof read - 1, file);
    fclose(file);
    assert_int_equal(length, strlen(text));
    assert_string_equal(read, text);
}

/* The digests are sha256sum's. */
static void it_is_counted_and_kept(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sha256;
        int64_t lines;
    } given[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0},
        {"0\n0.5\n", "074d215fb375b92bd54ee8251453d441cc0718b0b7633b6dd08110f8437ed6e6", 2},
        {"0\n0.5", "de84238758feb8ae3d0a45c4dedb8ebd42d0ec0dd77097bd0d6adc5e84ab63e2", 2},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(given); i++) {
        struct ese_kept_trace trace;
        give(given[i].text, strlen(given[i].text), 1);
        assert_int_equal(ese_kept_trace_make(path, directory, &trace, NULL), 0);
        assert_string_equal(trace.sha256, given[i].sha256);
        assert_int_equal(trace.lines, given[i].lines);
        assert_int_equal(trace.bytes, strlen(given[i].text));
        assert_true(trace.is_kept);
        assert_kept(given[i].text);
    }
}

static void a_large_one_is_not_kept(void **state)
{
    (void)state;
    enum { BLOCK = 1024 };
    char line[BLOCK];
    memset(line, '0', sizeof line);
    line[BLOCK - 1] = '\n';
    for (size_t over = 0; over < 2; over++) {
        struct ese_kept_trace trace;
        give(line, BLOCK, ESE_KEPT_TRACE_MOST / BLOCK + over);
        assert_int_equal(ese_kept_trace_make(path, directory, &trace, NULL), 0);
        assert_int_equal(trace.lines, ESE_KEPT_TRACE_MOST / BLOCK + over);
        assert_int_equal(trace.is_kept, over == 0);
        assert_int_equal(access(copy, F_OK) == 0, over == 0);
    }
}

struct ese_digester *__real_ese_digester_new(void);
struct ese_digester *__wrap_ese_digester_new(void);

/* It is free to leave any errno behind. */
struct ese_digester *__wrap_ese_digester_new(void)
{
    struct ese_digester *digester = __real_ese_digester_new();
    errno = EDOM;
    return digester;
}

static void what_cannot_be_read_or_written_is_named(void **state)
{
    (void)state;
    struct ese_kept_trace trace;
    struct ese_error error;
    assert_int_equal(ese_kept_trace_make("/no/such/trace", directory, &trace, &error), -1);
    assert_non_null(strstr(error.text, "/no/such/trace"));
    give("0\n", 2, 1);
    assert_int_equal(mkdir(copy, 0700), 0);
    assert_int_equal(ese_kept_trace_make(path, directory, &trace, &error), -1);
    assert_non_null(strstr(error.text, "trace.txt: Is a directory"));
    assert_false(trace.is_kept);
}

/* What can be opened need not be readable. */
static void whether_the_trace_or_the_copy_is_at_fault_is_said(void **state)
{
    (void)state;
    struct ese_kept_trace trace;
    struct ese_error error;
    struct stat found;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(ese_kept_trace_make(path, directory, &trace, &error), -1);
    assert_non_null(strstr(error.text, "given cannot be read: Is a directory"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(lstat(copy, &found), -1);
    assert_false(trace.is_kept);
}

/* A full disk is told of by a write, or, of a small one, when it is closed. */
static void half_a_copy_is_none(void **state)
{
    (void)state;
    enum { LARGE = 100000 };
    for (size_t times = 1; times <= LARGE; times += LARGE - 1) {
        struct ese_kept_trace trace;
        struct ese_error error;
        struct stat found;
        give("0\n", 2, times);
        assert_int_equal(symlink("/dev/full", copy), 0);
        assert_int_equal(ese_kept_trace_make(path, directory, &trace, &error), -1);
        assert_non_null(strstr(error.text, "trace.txt: No space left on device"));
        assert_int_equal(lstat(copy, &found), -1);
        assert_false(trace.is_kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_counted_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_one_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_or_written_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whether_the_trace_or_the_copy_is_at_fault_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_copy_is_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
