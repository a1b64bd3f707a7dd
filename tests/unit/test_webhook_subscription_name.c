/* What the lab's consumer calls its subscription: a name that the server takes, and nobody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ese-core/memory.h"
#include "transports/webhook/stream_name.h"
#include "transports/webhook/subscription_name.h"

static void names_are_legible(void **state)
{
    char name[ESE_WEBHOOK_SUBSCRIPTION_SIZE];

    (void)state;
    ese_webhook_subscription_name("ese-consumer", "click-events", name);
    assert_string_equal(name, "ese_2dconsumer_s_click_2devents");
    ese_webhook_subscription_name("Shop_1", "dlq.order-events", name);
    assert_string_equal(name, "Shop__1_s_dlq_2eorder_2devents");
}

/* Of each the server takes the name, and no two have one. */
static void no_two_have_one_name(void **state)
{
    static char long_a[300], long_b[300], dashes[80];
    const char *const groups[] = {"", "a", "A", "a-", "a_", "a_2d", "a__", "a-2d", "a_s_click-events", "a_s_",
                                  "\xc3\xa4", "_c3_a4", "a b", "a/b", "a\nb", "../a", "%2e", long_a, long_b, dashes};
    const char *const streams[] = {"click-events", "order-events", "mail-requests", "dlq.click-events"};
    static char names[ESE_COUNT_OF(groups) * ESE_COUNT_OF(streams)][ESE_WEBHOOK_SUBSCRIPTION_SIZE];
    size_t count = 0;

    (void)state;
    memset(long_a, 'x', sizeof(long_a) - 1);
    memset(long_b, 'x', sizeof(long_b) - 2);
    memset(dashes, '-', sizeof(dashes) - 1); /* long only as it is written */
    for (size_t i = 0; i < ESE_COUNT_OF(groups); i++) {
        for (size_t j = 0; j < ESE_COUNT_OF(streams); j++, count++) {
            struct ese_error error = {0};
            ese_webhook_subscription_name(groups[i], streams[j], names[count]);
            if (ese_webhook_subscription_check(names[count], &error) != 0)
                fail_msg("%s: %s", names[count], error.text);
            for (size_t other = 0; other < count; other++)
                assert_string_not_equal(names[count], names[other]);
        }
    }
}

static void a_name_stays_the_same(void **state)
{
    static char group[300];
    char name[ESE_WEBHOOK_SUBSCRIPTION_SIZE], again[ESE_WEBHOOK_SUBSCRIPTION_SIZE];

    (void)state;
    memset(group, '.', sizeof(group) - 1);
    ese_webhook_subscription_name(group, "click-events", name);
    ese_webhook_subscription_name(group, "click-events", again);
    assert_string_equal(name, again);
    group[140] = '\0'; /* 140 characters are 140 characters, */
    memset(group, 'y', 140);
    ese_webhook_subscription_name(group, "click-events", name);
    assert_memory_equal(name, group, 140);
    group[140] = 'y'; /* and one more is a digest */
    group[141] = '\0';
    ese_webhook_subscription_name(group, "click-events", name);
    assert_null(strchr(name, 'y'));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_legible),
        cmocka_unit_test(no_two_have_one_name),
        cmocka_unit_test(a_name_stays_the_same),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
