/* How many files and sockets the process may have open. Limits are the process's: each case is one of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/resource.h>

#include "ese-core/descriptors.h"
#include "tests/support/apart.h"

static void limit_to(rlim_t soft, rlim_t hard)
{
    const struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static rlim_t soft_limit(void)
{
    struct rlimit limit = {0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

static const char *find_sum(void *context)
{
    struct ese_descriptors one = {.count = 300}, two = {.count = 400, .briefly = 50}, little = {.count = 10};
    struct ese_error error = {0};
    (void)context;
    limit_to(64, 1000);
    ese_descriptors_need(&little);
    if (soft_limit() != 64)
        return "what suffices is changed";
    ese_descriptors_need(&one);
    ese_descriptors_need(&two);
    if (soft_limit() != 760)
        return "it is not what all need together";
    if (ese_descriptors_check(&error) != 0)
        return "what fits is refused";
    return NULL;
}

static void it_is_raised_to_what_all_need(void **state)
{
    (void)state;
    ese_test_apart(find_sum, NULL);
}

static const char *find_refusal(void *context)
{
    struct ese_descriptors one = {.count = 300, .options = "--ones"},
                           two = {.count = 400, .options = "--twos or --threes"}, three = {.count = 301};
    struct ese_error error = {0};
    (void)context;
    limit_to(64, 1000);
    ese_descriptors_need(&one);
    ese_descriptors_need(&two);
    ese_descriptors_need(&three);
    if (ese_descriptors_check(&error) != -1 || error.code != ESE_E_MISSING)
        return "more than may be is taken for good";
    const char *parts[] = {"1001", "1000", "--ones (300)", "--twos or --threes (400)", "ulimit -n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(error.text, parts[i]) == NULL)
            return parts[i];
    }
    ese_descriptors_drop(&two);
    if (ese_descriptors_check(&error) != 0)
        return "what was dropped is counted";
    ese_descriptors_drop(&two); /* once more is nothing */
    return ese_descriptors_check(&error) == 0 ? NULL : "dropping twice does something";
}

static void beyond_the_hard_limit_is_refused(void **state)
{
    (void)state;
    ese_test_apart(find_refusal, NULL);
}

static const char *find_brief(void *context)
{
    struct ese_descriptors one = {.count = 900, .briefly = 900};
    (void)context;
    limit_to(64, 1000);
    ese_descriptors_need(&one);
    if (soft_limit() != 1000)
        return "it is not raised as far as may be";
    return ese_descriptors_check(NULL) == 0 ? NULL : "what is needed for a moment only is asked for";
}

static void for_a_moment_none_is_refused(void **state)
{
    (void)state;
    ese_test_apart(find_brief, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_raised_to_what_all_need),
        cmocka_unit_test(beyond_the_hard_limit_is_refused),
        cmocka_unit_test(for_a_moment_none_is_refused),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
