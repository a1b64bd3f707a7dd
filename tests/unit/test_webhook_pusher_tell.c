/* What the log is told of lines that fail, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/webhook/pusher_internal.h"

#define BEGIN (1000 * ESE_NS_PER_S)

static const struct ese_webhook_outcome refusal = {.status = 413, .count = 1, .last = 1};

static void open_line(struct ese_webhook_subscriber *subscriber)
{
    *subscriber = (struct ese_webhook_subscriber){0};
    subscriber->subscription.active = true;
    subscriber->subscription.wish.url = ese_copy_text("http://127.0.0.1:1/");
}

/* Whether that failure was worth a word. */
static bool is_told(struct ese_webhook_pusher *pusher, struct ese_webhook_subscriber *subscriber, int seconds)
{
    bool was_told = subscriber->failing.told;

    ese_webhook_pusher_tell_failed(pusher, subscriber, &refusal, BEGIN + seconds * ESE_NS_PER_S);
    return subscriber->failing.told && !was_told;
}

static void a_line_that_stands_is_told_once(void **state)
{
    static struct ese_webhook_pusher pusher;
    struct ese_webhook_subscriber one;

    (void)state;
    open_line(&one);
    assert_false(is_told(&pusher, &one, 0));
    assert_false(is_told(&pusher, &one, 4)); /* as a receiver that begins anew is away */
    assert_true(is_told(&pusher, &one, 5));
    assert_false(is_told(&pusher, &one, 100));
    ese_webhook_pusher_tell_taken(&one);
    assert_false(is_told(&pusher, &one, 101)); /* of what is new the same */
    assert_true(is_told(&pusher, &one, 106));
    free(one.subscription.wish.url);
}

static void many_lines_are_no_flood(void **state)
{
    static struct ese_webhook_pusher pusher;
    struct ese_webhook_subscriber one, other;

    (void)state;
    open_line(&one);
    open_line(&other);
    assert_false(is_told(&pusher, &one, 0));
    assert_false(is_told(&pusher, &other, 0));
    assert_true(is_told(&pusher, &one, 6));
    assert_false(is_told(&pusher, &other, 7));
    assert_true(is_told(&pusher, &other, 16)); /* it still stands */
    free(one.subscription.wish.url);
    free(other.subscription.wish.url);
}

/* Its reason is told where it was paused. */
static void who_is_paused_is_not_told_of(void **state)
{
    static struct ese_webhook_pusher pusher;
    struct ese_webhook_subscriber one;

    (void)state;
    open_line(&one);
    assert_false(is_told(&pusher, &one, 0));
    one.subscription.active = false;
    assert_false(is_told(&pusher, &one, 60));
    free(one.subscription.wish.url);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_stands_is_told_once),
        cmocka_unit_test(many_lines_are_no_flood),
        cmocka_unit_test(who_is_paused_is_not_told_of),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
