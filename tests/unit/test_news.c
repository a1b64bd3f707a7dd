#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/news.h"

static void the_first_change_is_told_at_once(void **state)
{
    (void)state;
    struct ese_news news = {0};
    assert_false(ese_news_due(&news, false));
    assert_true(ese_news_due(&news, true));
    assert_false(ese_news_due(&news, true));
}

static void what_changes_all_the_time_is_told_now_and_then(void **state)
{
    (void)state;
    struct ese_news news = {0};
    int told = 0;
    int64_t end_ns = ese_clock_monotonic_ns() + 20 * ESE_NS_PER_MS;
    for (int i = 1; i % 2 == 0 || ese_clock_monotonic_ns() < end_ns; i++)
        told += ese_news_due(&news, i % 2 == 1);
    assert_int_equal(told, 1);
    news.next_ns = ese_clock_monotonic_ns(); /* ten seconds later */
    assert_false(ese_news_due(&news, true));
    assert_true(ese_news_due(&news, false));
    assert_false(ese_news_due(&news, true)); /* not yet */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_change_is_told_at_once),
        cmocka_unit_test(what_changes_all_the_time_is_told_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
