#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/file_lock.h"
#include "ese-core/memory.h"
#include "ese-core/same_file.h"
#include "tests/support/directory.h"

#define LONG ((size_t)16 << 10)

static const struct ese_option options[] = {
    {.name = "state", .kind = ESE_OPTION_TEXT, .value = "FILE", .help = "."},
    {.name = "history", .kind = ESE_OPTION_TEXT, .value = "FILE", .help = "."},
    {.name = "name", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "."},
    ESE_OPTION_END,
};

static int check(const char *state, const char *history, const char *name, struct ese_error *error)
{
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options", options);
    ese_config_give(config, "state", state);
    if (history != NULL)
        ese_config_give(config, "history", history);
    if (name != NULL)
        ese_config_give(config, "name", name);
    assert_int_equal(ese_config_settle(config, error), 0);
    int result = ese_same_file_check(config, error);
    ese_config_free(&config);
    return result;
}

static void one_file_for_two_purposes_is_refused(void **state)
{
    (void)state;
    struct ese_error error;
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "file"), *link = ese_test_path(directory, "link");
    assert_int_equal(check("x", "x", NULL, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_string_equal(error.text, "--state and --history are both 'x': give two files");
    assert_int_equal(check("x", "./x", NULL, &error), -1);
    assert_int_equal(check("/tmp/x", "/tmp/../tmp/x", NULL, &error), -1);
    assert_int_equal(check("/nowhere/x", "/nowhere/x", NULL, &error), -1);
    assert_int_equal(check("/nowhere/x", "/nowhere/y", NULL, &error), 0);
    assert_int_equal(check("/nowhere/x", "/elsewhere/x", NULL, &error), 0);
    assert_int_equal(check("nowhere/x", "elsewhere/x", NULL, &error), 0);
    assert_int_equal(check("nowhere/x", "./nowhere/./x", NULL, &error), -1);
    assert_int_equal(check("nowhere//x", "./nowhere/x", NULL, &error), -1);
    assert_int_equal(check("/nowhere/and/x", "//nowhere/./and//x", NULL, &error), -1);
    assert_int_equal(check("/nowhere/x", "/nowhere.x", NULL, &error), 0);
    assert_int_equal(check("nowhere/.x", "nowhere/.y", NULL, &error), 0);
    assert_int_equal(check("x", "y", "x", &error), 0); /* a name is no file */
    assert_int_equal(check("x", NULL, "x", &error), 0);

    assert_int_equal(check(path, link, NULL, &error), 0); /* neither is there */
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(check(path, link, NULL, &error), -1);
    free(path);
    free(link);
    ese_test_directory_remove(&directory);
}

static void a_path_of_any_length_is_looked_at(void **state)
{
    (void)state;
    struct ese_error error;
    char *slashes = ese_alloc(LONG), *names = ese_alloc(LONG);
    memset(slashes, '/', LONG - 2);
    for (size_t i = 0; i < LONG - 1; i++)
        names[i] = i % 2 == 0 ? 'n' : '/';
    slashes[0] = slashes[LONG - 2] = 'n';
    assert_int_equal(check(slashes, "n/n", NULL, &error), -1);
    assert_int_equal(check(names, "n/n", NULL, &error), 0);
    free(slashes);
    free(names);
}

static void a_locked_file_is_its_holders(void **state)
{
    (void)state;
    struct ese_error error;
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "file");
    int first = -1, second = -1;
    assert_int_equal(ese_file_lock(path, "--data", &first, &error), 0);
    assert_int_equal(ese_file_lock(path, "--data", &second, &error), -1);
    assert_int_equal(second, -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "--data"));
    close(first);
    assert_int_equal(ese_file_lock(path, "--data", &second, &error), 0);
    close(second);
    assert_int_equal(ese_file_lock("/proc/nowhere/x", "--data", &second, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "--data '/proc/nowhere/x'"));
    free(path);
    ese_test_directory_remove(&directory);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_for_two_purposes_is_refused),
        cmocka_unit_test(a_path_of_any_length_is_looked_at),
        cmocka_unit_test(a_locked_file_is_its_holders),
    };

    if (count > 1)
        cmocka_set_test_filter(words[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
