#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ese-core/memory.h"
#include "ese-mailer/password.h"
#include "tests/support/directory.h"

static int read_from(const char *content, char password[ESE_SMTP_SECRET_SIZE],
                     struct ese_error *error)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "password");
    FILE *file = fopen(path, "we");
    fputs(content, file);
    fchmod(fileno(file), 0600);
    fclose(file);
    int result = ese_password_read(path, password, error);
    free(path);
    ese_test_directory_remove(&directory);
    return result;
}

static void is_a_file_s_first_line(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"s3cret", "s3cret"}, {"s3cret\nmore\n", "s3cret"}, {" two words \r\n", " two words "}};
    for (size_t i = 0; i < ESE_COUNT_OF(files); i++) {
        char password[ESE_SMTP_SECRET_SIZE];
        assert_int_equal(read_from(files[i][0], password, NULL), 0);
        assert_string_equal(password, files[i][1]);
    }
}

static void is_the_environment_s_without_a_file(void **state)
{
    (void)state;
    char password[ESE_SMTP_SECRET_SIZE];
    struct ese_error error;
    setenv(ESE_PASSWORD_VARIABLE, "from there", 1);
    assert_int_equal(ese_password_read(NULL, password, NULL), 0);
    assert_string_equal(password, "from there");
    unsetenv(ESE_PASSWORD_VARIABLE);
    assert_int_equal(ese_password_read(NULL, password, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, ESE_PASSWORD_VARIABLE));
}

/* What libesmtp copies without looking how long it is; and no word of it in what is said. */
static void has_to_be_sound(void **state)
{
    (void)state;
    char longest[ESE_SMTP_SECRET_SIZE + 8] = "";
    memset(longest, 's', ESE_SMTP_SECRET_SIZE);
    const char *const bad[] = {"", "\n", "s3c\x01ret\n", "s3c\tret\n", longest};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        char password[ESE_SMTP_SECRET_SIZE];
        struct ese_error error = {.code = ESE_OK};
        assert_int_equal(read_from(bad[i], password, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_null(strstr(error.text, "s3c"));
        assert_null(strstr(error.text, "sss"));
        assert_string_equal(password, "");
    }
    char password[ESE_SMTP_SECRET_SIZE];
    longest[ESE_SMTP_SECRET_SIZE - 1] = '\0';
    assert_int_equal(read_from(longest, password, NULL), 0);
    assert_int_equal(ese_password_read("/nowhere/at/all", password, NULL), -1);
}

static void so_has_a_name(void **state)
{
    (void)state;
    char longest[ESE_SMTP_SECRET_SIZE + 1] = "";
    memset(longest, 'u', ESE_SMTP_SECRET_SIZE);
    assert_int_equal(ese_password_check_user("lab@example.org", NULL), 0);
    assert_int_equal(ese_password_check_user("", NULL), -1);
    assert_int_equal(ese_password_check_user("a\r\nb", NULL), -1);
    assert_int_equal(ese_password_check_user(longest, NULL), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_file_s_first_line),
        cmocka_unit_test(is_the_environment_s_without_a_file),
        cmocka_unit_test(has_to_be_sound),
        cmocka_unit_test(so_has_a_name),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
