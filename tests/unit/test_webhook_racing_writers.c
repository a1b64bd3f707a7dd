/* The lesson "webhook+racing-writers": who is live is handed the events of a moment in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/webhook/created.h"
#include "transports/webhook/habits.h"
#include "transports/webhook/subscribers.h"

extern const struct ese_webhook_habits ese_webhook_racing_writers_habits;

#define FIRST_MS INT64_C(1700000000000)
#define MOMENT_MS 20
#define COUNT 30

/* Thirty, the first at position 1, so many to a moment, two milliseconds apart; of a stream that ends there. */
static bool read_moments(struct ese_webhook_subscriber *subscriber, int each, int64_t newest, int64_t now_ns)
{
    ese_webhook_page_clear(&subscriber->page);
    subscriber->page = (struct ese_webhook_page){.count = COUNT, .newest = newest};
    subscriber->page.events = ese_alloc_array(COUNT, sizeof(struct ese_webhook_event));
    for (int i = 0; i < COUNT; i++) {
        subscriber->page.events[i].position = i + 1;
        ese_webhook_created_write(FIRST_MS + i / each * 1000 + i % each * 2, subscriber->page.events[i].created);
    }
    return !ese_webhook_racing_writers_habits.has_read(subscriber, now_ns);
}

static void begin(struct ese_webhook_subscriber *subscriber)
{
    struct ese_webhook_wish wish = {.batch = 1, .retry = ESE_WEBHOOK_RETRY_DEFAULT};

    *subscriber = (struct ese_webhook_subscriber){.stage = 0};
    ese_webhook_subscription_init(&subscriber->subscription, &wish, 0);
}

static void end(struct ese_webhook_subscriber *subscriber)
{
    ese_webhook_page_clear(&subscriber->page);
    ese_webhook_subscription_clear(&subscriber->subscription);
}

/* That stand behind a later one. */
static int overtaken(const struct ese_webhook_page *page)
{
    int64_t highest = 0;
    int count = 0;

    for (int i = 0; i < page->count; i++) {
        count += page->events[i].position < highest;
        highest = page->events[i].position > highest ? page->events[i].position : highest;
    }
    return count;
}

/* Caught up, and the moment is over. */
static void read_live(struct ese_webhook_subscriber *subscriber, int each)
{
    begin(subscriber);
    assert_true(read_moments(subscriber, each, COUNT, 1000));
    assert_false(read_moments(subscriber, each, COUNT, 1000));
    assert_true(read_moments(subscriber, each, COUNT, 1000 + MOMENT_MS * ESE_NS_PER_MS));
}

static void who_catches_up_has_the_order_of_the_table(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    begin(&subscriber);
    for (int page = 0; page < 3; page++) { /* none of which is the last */
        assert_true(read_moments(&subscriber, 10, 100, 1000));
        assert_int_equal(overtaken(&subscriber.page), 0);
    }
    assert_true(read_moments(&subscriber, 10, COUNT, 1000));
    assert_int_equal(overtaken(&subscriber.page), 0);
    end(&subscriber);
}

static void a_moment_is_waited_for(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    begin(&subscriber);
    assert_true(read_moments(&subscriber, 10, COUNT, 1000));
    assert_false(read_moments(&subscriber, 10, COUNT, 1000));
    assert_int_equal(subscriber.page.count, 0);
    assert_false(ese_webhook_subscription_due(&subscriber.subscription, 1000 + MOMENT_MS * ESE_NS_PER_MS - 1));
    assert_true(ese_webhook_subscription_due(&subscriber.subscription, 1000 + MOMENT_MS * ESE_NS_PER_MS));
    end(&subscriber);
}

static void within_a_moment_they_overtake_each_other(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    read_live(&subscriber, 10);
    assert_true(overtaken(&subscriber.page) > 5);
    for (int i = 0; i < COUNT; i++) /* and none leaves its moment */
        assert_int_equal((subscriber.page.events[i].position - 1) / 10, i / 10);
    end(&subscriber);
}

static void beyond_a_moment_nobody_is_overtaken(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    read_live(&subscriber, 1);
    assert_int_equal(overtaken(&subscriber.page), 0);
    end(&subscriber);
}

/* Of a page that takes longer than a moment only those that are within one. */
static void a_moment_has_an_end(void **state)
{
    struct ese_webhook_subscriber subscriber;

    (void)state;
    read_live(&subscriber, COUNT);
    assert_true(overtaken(&subscriber.page) > 5);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal((subscriber.page.events[i].position - 1) / (MOMENT_MS / 2), i / (MOMENT_MS / 2));
    end(&subscriber);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_catches_up_has_the_order_of_the_table),
        cmocka_unit_test(a_moment_is_waited_for),
        cmocka_unit_test(within_a_moment_they_overtake_each_other),
        cmocka_unit_test(beyond_a_moment_nobody_is_overtaken),
        cmocka_unit_test(a_moment_has_an_end),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
