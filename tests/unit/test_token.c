#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-core/token.h"
#include "tests/support/directory.h"

/* What reading a token file with this content gives: the token, or "refused". */
static void assert_read(const char *content, const char *expected)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "token");
    char token[ESE_TOKEN_SIZE] = "left over";
    struct ese_error error = {0};
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    if (ese_token_read(path, token, &error) != 0) {
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, path));
        assert_string_equal(token, "");
        assert_string_equal("refused", expected);
    } else {
        assert_string_equal(token, expected);
    }
    free(path);
    ese_test_directory_remove(&directory);
}

static void first_line_is_the_token(void **state)
{
    (void)state;
    assert_read("secret\n", "secret");
    assert_read("  s3cr+t/=~  \r\nsecond line\n", "s3cr+t/=~");
    assert_read("no-newline", "no-newline");
}

static void what_no_header_can_carry_is_refused(void **state)
{
    char longest[ESE_TOKEN_SIZE + 1];

    (void)state;
    assert_read("", "refused");
    assert_read("\nsecret\n", "refused");
    assert_read("two words\n", "refused");
    assert_read("b\x01" "ell\n", "refused");
    assert_read("\xc3\xa9\n", "refused");
    memset(longest, 'x', sizeof(longest));
    longest[ESE_TOKEN_SIZE - 1] = '\0';
    assert_read(longest, longest);
    longest[ESE_TOKEN_SIZE - 1] = 'x';
    longest[ESE_TOKEN_SIZE] = '\0';
    assert_read(longest, "refused");
}

static void no_path_is_no_token(void **state)
{
    char token[ESE_TOKEN_SIZE] = "left over";
    struct ese_error error = {0};

    (void)state;
    assert_int_equal(ese_token_read(NULL, token, &error), 0);
    assert_string_equal(token, "");
    assert_int_equal(ese_token_read("/nowhere/token", token, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_line_is_the_token),
        cmocka_unit_test(what_no_header_can_carry_is_refused),
        cmocka_unit_test(no_path_is_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
