/* The lesson "webhook+gives-up": five tries, whatever was asked for, and nobody is woken by registering again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/subscription.h"

extern const struct ese_webhook_habits ese_webhook_gives_up_habits;

/* As the lab's consumer asks for it: it is never to be given up. */
static void make(struct ese_webhook_subscription *made, const struct ese_webhook_subscription *replaced)
{
    struct ese_webhook_wish wish = {.batch = 500,
                                    .url = ese_copy_text("http://127.0.0.1:9/"),
                                    .retry = {.tries = 0, .first_ms = 250, .most_ms = 4000},
                                    .poison = ESE_WEBHOOK_ASIDE};

    ese_webhook_subscription_init(made, &wish, 10);
    ese_webhook_gives_up_habits.has_made(made, replaced);
}

static enum ese_webhook_verdict fail_once(struct ese_webhook_subscription *subscription, int64_t now_ns)
{
    const struct ese_webhook_outcome outcome = {.status = 500, .retry_after_ms = -1, .count = 1, .last = 11};

    ese_webhook_subscription_begin(subscription);
    return ese_webhook_subscription_answer(subscription, &outcome, now_ns);
}

static void it_is_paused_after_its_tries(void **state)
{
    static const int64_t waits_ms[] = {100, 200, 400, 800};
    struct ese_webhook_subscription subscription;
    int64_t now_ns = 1000;

    (void)state;
    make(&subscription, NULL);
    assert_int_equal(subscription.wish.batch, 1);
    for (size_t i = 0; i < ESE_COUNT_OF(waits_ms); i++) {
        assert_int_equal(fail_once(&subscription, now_ns), ESE_WEBHOOK_AGAIN);
        assert_int_equal(subscription.due_ns, now_ns + waits_ms[i] * ESE_NS_PER_MS);
        now_ns = subscription.due_ns;
    }
    assert_int_equal(fail_once(&subscription, now_ns), ESE_WEBHOOK_GIVEN_UP);
    assert_false(subscription.active);
    ese_webhook_subscription_clear(&subscription);
}

static void who_registers_again_stays_paused(void **state)
{
    struct ese_webhook_subscription first, second;

    (void)state;
    make(&first, NULL);
    ese_webhook_subscription_pause(&first, "too often");
    make(&second, &first);
    assert_false(second.active);
    assert_string_equal(second.pause_reason, "too often");
    ese_webhook_subscription_clear(&second);
    ese_webhook_subscription_wake(&first); /* somebody has resumed it */
    make(&second, &first);
    assert_true(second.active);
    ese_webhook_subscription_clear(&second);
    ese_webhook_subscription_clear(&first);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_paused_after_its_tries),
        cmocka_unit_test(who_registers_again_stays_paused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
