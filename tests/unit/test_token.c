#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/token.h"
#include "tests/support/directory.h"

/* What a sanitizer adds to an access depends on what it knows of that place: its time, not the program's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_TIMED_BY_A_SANITIZER true
#else
#define IS_TIMED_BY_A_SANITIZER false
#endif

/* What reading a token file with this content gives: the token, or "refused". */
static void assert_read(const char *content, const char *expected)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "token");
    char token[ESE_TOKEN_SIZE] = "left over";
    struct ese_error error = {0};
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fchmod(fileno(file), 0600);
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
    assert_read(" \t\n", "refused");
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

static void without_a_path_it_is_the_environment_s(void **state)
{
    char token[ESE_TOKEN_SIZE];
    struct ese_error error = {0};

    (void)state;
    setenv(ESE_TOKEN_VARIABLE, " from-there ", 1);
    assert_int_equal(ese_token_read(NULL, token, &error), 0);
    assert_string_equal(token, "from-there");
    static const char *const bad[] = {"", " ", "two words", "l\n2", "\xc3\xa9"};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        setenv(ESE_TOKEN_VARIABLE, bad[i], 1);
        assert_int_equal(ese_token_read(NULL, token, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, ESE_TOKEN_VARIABLE));
        assert_null(strstr(error.text, "two"));
        assert_string_equal(token, "");
    }
    unsetenv(ESE_TOKEN_VARIABLE);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void only_itself_matches(void **state)
{
    char longest[ESE_TOKEN_SIZE], longer[ESE_TOKEN_SIZE + 20];
    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[ESE_TOKEN_SIZE - 1] = '\0';
    memset(longer, 'x', sizeof longer);
    longer[ESE_TOKEN_SIZE] = '\0';
    assert_true(ese_token_matches("secret", "secret"));
    assert_true(ese_token_matches(longest, longest));
    static const char *const wrong[] = {"",       "s",      "secre",  "secret1", "secretsecret",
                                        "secreT", "Secret", "sEcret", " secret"};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        assert_false(ese_token_matches("secret", wrong[i]));
        assert_false(ese_token_matches(wrong[i], "secret"));
    }
    assert_false(ese_token_matches(longest, longer));
    assert_false(ese_token_matches(longest, longest + 1));
    assert_false(ese_token_matches(longest, ""));
}

static int64_t time_of(const char *token, const char *given)
{
    int64_t began_ns = ese_clock_monotonic_ns();
    for (int i = 0; i < 300; i++)
        assert_false(ese_token_matches(token, given));
    return ese_clock_monotonic_ns() - began_ns;
}

/* The most by the least of each pair's quickest time. */
static double apart(const int64_t *ns, size_t count)
{
    int64_t least = INT64_MAX, most = 0;
    for (size_t i = 0; i < count; i++) {
        least = ns[i] < least ? ns[i] : least;
        most = ns[i] > most ? ns[i] : most;
    }
    return (double)most / (double)least;
}

/* The least of rounds in turn: whoever is interrupted in one is not in all, so there are as many rounds as it takes,
 * up to a bound. What tells a token by its time stays apart however many there are. */
static void the_time_tells_nothing(void **state)
{
    char token[ESE_TOKEN_SIZE], late[ESE_TOKEN_SIZE];
    (void)state;
    memset(token, 'x', sizeof token);
    token[ESE_TOKEN_SIZE - 1] = '\0';
    memcpy(late, token, sizeof late);
    late[ESE_TOKEN_SIZE - 2] = 'y';
    const struct {
        const char *token, *given;
    } pairs[] = {{token, late}, {token, "y"}, {token, ""}, {"x", "y"}, {"x", late}};
    int64_t ns[ESE_COUNT_OF(pairs)];
    if (IS_TIMED_BY_A_SANITIZER)
        skip();
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < ESE_COUNT_OF(pairs); i++) {
            int64_t took_ns = time_of(pairs[i].token, pairs[i].given);
            ns[i] = round == 0 || took_ns < ns[i] ? took_ns : ns[i];
        }
        if (round >= 50 && apart(ns, ESE_COUNT_OF(pairs)) <= 2)
            return;
    }
    fail_msg("the longest takes %.1f times the shortest", apart(ns, ESE_COUNT_OF(pairs)));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_line_is_the_token),
        cmocka_unit_test(what_no_header_can_carry_is_refused),
        cmocka_unit_test(no_path_is_no_token),
        cmocka_unit_test(without_a_path_it_is_the_environment_s),
        cmocka_unit_test(only_itself_matches),
        cmocka_unit_test(the_time_tells_nothing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
