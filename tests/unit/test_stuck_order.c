#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-consumer/rule.h"
#include "ese-core/memory.h"

#define NOON 1700000000000
#define KEY "5f0c1e6a-9d58-4d4c-8c51-6a3f0d2b7e11"

static const struct ese_rule *rule;
static const struct ese_rule_settings settings = {.stuck_after_ms = 5000};

struct order {
    struct ese_rule_state kept;
    uint32_t sequence;
    struct ese_decision decision; /* the last one */
};

static struct ese_event event_at(int64_t client_ts, uint32_t sequence, const char *sub_type)
{
    struct ese_event event = {.client_ts = client_ts, .type = ESE_TYPE_ORDER, .ip = "10.0.0.1-3",
                              .key = KEY};
    event.id = ese_id_make(
        &(struct ese_id_parts){.time_ms = NOON, .lane = 2, .run = 9, .sequence = sequence});
    ese_fit_text(event.sub_type, sizeof event.sub_type, sub_type);
    ese_event_set_traceparent(&event);
    return event;
}

/* The order's next event, `ms` after noon; 1 when it concludes something. */
static int hear(struct order *order, const char *sub_type, int64_t ms)
{
    struct ese_event event = event_at(NOON + ms, order->sequence++, sub_type);
    assert_true(rule->wants(&event));
    int concluded = rule->apply(&settings, &order->kept, &event, &order->decision, NULL);
    assert_in_range(order->kept.length, 1, rule->state_size);
    return concluded;
}

/* Event time has passed what is kept. */
static int leave(struct order *order)
{
    int concluded = rule->expire(&settings, &order->kept, KEY, &order->decision);
    order->kept.length = 0;
    return concluded;
}

/* The sequence number of the event behind the last decision. */
static uint32_t cause(const struct order *order)
{
    assert_int_equal(order->decision.event_count, 1);
    return ese_id_read(&order->decision.events[0]).sequence;
}

static int find_rule(void **state)
{
    (void)state;
    return ese_rule_find("stuck-order", &rule, NULL);
}

static void an_order_that_is_not_completed_gives_a_mail(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    struct order order = {.sequence = 40};
    assert_int_equal(hear(&order, ESE_SUB_TYPE_CREATED, 0), 0);
    assert_int_equal(order.kept.leaves_ms, NOON + 5000);
    assert_int_equal(leave(&order), 1);
    const struct ese_decision *decision = &order.decision;
    assert_int_equal(cause(&order), 40);
    assert_string_equal(decision->rule, "stuck-order");
    assert_string_equal(decision->key, KEY);
    assert_string_equal(decision->from, "consumer@ese.org");
    assert_string_equal(decision->to, "order_updated@ese.org");
    assert_string_equal(decision->subject, "[" KEY "] | Order Not Completed");
    assert_string_equal(decision->content,
                        "The order was created from IP [10.0.0.1-3] at [2023-11-14 22:13:20.000] "
                        "and was not completed within [5s 0ms]");
    struct ese_event created = event_at(0, 40, ESE_SUB_TYPE_CREATED);
    assert_string_equal(decision->traceparent, created.traceparent);
}

/* The id is a contract: the mailer, the oracle and every later version must come to the same. */
static void the_id_follows_from_rule_order_and_event(void **state)
{
    (void)state;
    struct order order = {.sequence = 40};
    hear(&order, ESE_SUB_TYPE_CREATED, 0);
    assert_int_equal(leave(&order), 1);
    const struct ese_id created = event_at(0, 40, "").id;
    const struct ese_id expected = ese_id_derive("stuck-order:" KEY, &created, 1);
    assert_true(ese_id_equal(&order.decision.id, &expected));
}

static void a_completed_order_gives_none(void **state)
{
    (void)state;
    static const int64_t in_time[] = {0, 600, 5000, -60000}; /* the wall clock may be set back */
    for (size_t i = 0; i < ESE_COUNT_OF(in_time); i++) {
        struct order order = {.sequence = 0};
        hear(&order, ESE_SUB_TYPE_CREATED, 0);
        assert_int_equal(hear(&order, ESE_SUB_TYPE_COMPLETED, in_time[i]), 0);
        assert_int_equal(order.kept.leaves_ms, NOON + 5000);
        assert_int_equal(leave(&order), 0);
    }
}

static void completed_too_late_is_stuck(void **state)
{
    (void)state;
    struct order order = {.sequence = 0};
    hear(&order, ESE_SUB_TYPE_CREATED, 0);
    assert_int_equal(hear(&order, ESE_SUB_TYPE_COMPLETED, 5001), 1); /* nothing in time can come */
    assert_int_equal(cause(&order), 0);
    assert_int_equal(leave(&order), 0);
}

/* A second ORDER_CREATED within the window is no second order, and restarts no window. */
static void an_order_is_created_once(void **state)
{
    (void)state;
    struct order order = {.sequence = 0};
    hear(&order, ESE_SUB_TYPE_CREATED, 0);
    assert_int_equal(hear(&order, ESE_SUB_TYPE_CREATED, 5000), 0);
    assert_int_equal(order.kept.leaves_ms, NOON + 5000);
    assert_int_equal(leave(&order), 1);
    assert_int_equal(cause(&order), 0);

    struct order completed = {.sequence = 0};
    hear(&completed, ESE_SUB_TYPE_CREATED, 0);
    hear(&completed, ESE_SUB_TYPE_COMPLETED, 600);
    assert_int_equal(hear(&completed, ESE_SUB_TYPE_CREATED, 700), 0);
    assert_int_equal(leave(&completed), 0);
}

static void behind_its_window_it_is_another(void **state)
{
    (void)state;
    struct order stuck = {.sequence = 0};
    hear(&stuck, ESE_SUB_TYPE_CREATED, 0);
    assert_int_equal(hear(&stuck, ESE_SUB_TYPE_CREATED, 5001), 1);
    assert_int_equal(cause(&stuck), 0);
    assert_int_equal(stuck.kept.leaves_ms, NOON + 10001);
    assert_int_equal(leave(&stuck), 1);
    assert_int_equal(cause(&stuck), 1);

    struct order completed = {.sequence = 0};
    hear(&completed, ESE_SUB_TYPE_CREATED, 0);
    hear(&completed, ESE_SUB_TYPE_COMPLETED, 600);
    assert_int_equal(hear(&completed, ESE_SUB_TYPE_CREATED, 5001), 0);
    assert_int_equal(leave(&completed), 1);
    assert_int_equal(cause(&completed), 2);
}

static void an_overtaken_order_is_not_stuck(void **state)
{
    (void)state;
    struct order order = {.sequence = 0};
    hear(&order, ESE_SUB_TYPE_COMPLETED, 600);
    assert_int_equal(hear(&order, ESE_SUB_TYPE_CREATED, 0), 0);
    assert_int_equal(leave(&order), 0);
}

static void no_timestamp_breaks_it(void **state)
{
    (void)state;
    static const int64_t odd[] = {INT64_MAX - NOON, -1 - NOON, -NOON, 0};
    for (size_t i = 0; i < ESE_COUNT_OF(odd); i++) {
        struct order order = {.sequence = 0};
        hear(&order, ESE_SUB_TYPE_CREATED, odd[i]);
        assert_true(order.kept.leaves_ms >= odd[i]);
        assert_int_equal(leave(&order), 1);
    }
}

static void other_events_are_not_wanted(void **state)
{
    (void)state;
    static const char *const others[] = {ESE_SUB_TYPE_ALLOCATED, ESE_SUB_TYPE_STARTED,
                                         ESE_SUB_TYPE_KEY_PRESS, ""};
    for (size_t i = 0; i < ESE_COUNT_OF(others); i++) {
        struct ese_event event = event_at(NOON, 0, others[i]);
        assert_false(rule->wants(&event));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_that_is_not_completed_gives_a_mail),
        cmocka_unit_test(the_id_follows_from_rule_order_and_event),
        cmocka_unit_test(a_completed_order_gives_none),
        cmocka_unit_test(completed_too_late_is_stuck),
        cmocka_unit_test(an_order_is_created_once),
        cmocka_unit_test(behind_its_window_it_is_another),
        cmocka_unit_test(an_overtaken_order_is_not_stuck),
        cmocka_unit_test(no_timestamp_breaks_it),
        cmocka_unit_test(other_events_are_not_wanted),
    };
    return cmocka_run_group_tests(tests, find_rule, NULL);
}
