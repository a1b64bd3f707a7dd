/* The lesson "webhook+handover-hole": what comes while a subscriber joins the live ones goes to nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/subscribers.h"

extern const struct ese_webhook_habits ese_webhook_handover_hole_habits;

#define HOLE_NS (80 * ESE_NS_PER_MS)

/* So many were read, up to that one, of a stream that ends there. False: nothing is sent, and it does not rest. */
static bool read_to(struct ese_webhook_subscriber *subscriber, int count, int64_t last, int64_t newest, int64_t now_ns)
{
    ese_webhook_page_clear(&subscriber->page);
    subscriber->page = (struct ese_webhook_page){.count = count, .newest = newest};
    subscriber->page.events = ese_alloc_array((size_t)count + 1, sizeof(struct ese_webhook_event));
    for (int i = 0; i < count; i++)
        subscriber->page.events[i].position = last - count + 1 + i;
    return !ese_webhook_handover_hole_habits.has_read(subscriber, now_ns);
}

/* Up to the newest. */
static bool read_behind(struct ese_webhook_subscriber *subscriber, int count, int64_t newest, int64_t now_ns)
{
    return read_to(subscriber, count, newest, newest, now_ns);
}

static void begin(struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_wish wish = {.batch = 1, .retry = ESE_WEBHOOK_RETRY_DEFAULT};

    *subscriber = (struct ese_webhook_subscriber){.stage = 0};
    ese_webhook_subscription_init(&subscriber->subscription, &wish, 10);
}

static void end(struct ese_webhook_subscriber *subscriber)
{
    ese_webhook_page_clear(&subscriber->page);
    ese_webhook_subscription_clear(&subscriber->subscription);
}

static void what_comes_while_it_joins_goes_to_nobody(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    begin(&subscriber);
    assert_false(read_behind(&subscriber, 0, 10, 1000));
    assert_false(ese_webhook_subscription_due(&subscriber.subscription, 1000 + HOLE_NS - 1));
    assert_true(ese_webhook_subscription_due(&subscriber.subscription, 1000 + HOLE_NS));
    assert_true(read_behind(&subscriber, 3, 13, 1000 + HOLE_NS));
    assert_int_equal(subscriber.page.count, 0);
    assert_int_equal(subscriber.subscription.position, 13);
    end(&subscriber);
}

static void what_it_catches_up_with_is_sent(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    begin(&subscriber);
    for (int page = 1; page <= 3; page++) {
        assert_true(read_to(&subscriber, 2, 10 + 2 * page, 40, 1000));
        assert_int_equal(subscriber.page.count, 2);
    }
    assert_int_equal(subscriber.subscription.position, 10);
    end(&subscriber);
}

static void behind_the_last_page_it_joins(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    begin(&subscriber);
    assert_true(read_behind(&subscriber, 3, 13, 1000));
    subscriber.subscription.attempts = 1; /* who is away misses nothing by that */
    assert_true(read_behind(&subscriber, 4, 14, 2000));
    assert_int_equal(subscriber.page.count, 4);
    subscriber.subscription.attempts = 0;
    assert_false(read_behind(&subscriber, 1, 15, 3000));
    assert_int_equal(subscriber.page.count, 0);
    assert_true(read_behind(&subscriber, 2, 16, 3000 + HOLE_NS));
    assert_int_equal(subscriber.page.count, 0);
    assert_int_equal(subscriber.subscription.position, 16);
    end(&subscriber);
}

static void once_it_is_live_nothing_is_missed(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    begin(&subscriber);
    assert_false(read_behind(&subscriber, 0, 10, 1000));
    assert_true(read_behind(&subscriber, 0, 10, 1000 + HOLE_NS));
    assert_int_equal(subscriber.subscription.position, 10);
    assert_true(read_behind(&subscriber, 2, 12, 2000 + HOLE_NS)); /* woken, and its page is empty in between: */
    assert_int_equal(subscriber.page.count, 2);
    assert_true(read_behind(&subscriber, 0, 12, 3000 + HOLE_NS)); /* it rests, and joins no more */
    assert_int_equal(subscriber.subscription.position, 10);
    end(&subscriber);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_while_it_joins_goes_to_nobody),
        cmocka_unit_test(what_it_catches_up_with_is_sent),
        cmocka_unit_test(behind_the_last_page_it_joins),
        cmocka_unit_test(once_it_is_live_nothing_is_missed),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
