/* Whether a journey has nothing left to do: each thing that may be left, alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "orchestration/lab/drained.h"

/* All is done: a hundred events, six decisions, one of which the mailer has refused. */
static struct ese_journey_view done(void)
{
    return (struct ese_journey_view){
        .count = {[ESE_COUNT_OFFERED] = 100,
                  [ESE_COUNT_ACKNOWLEDGED] = 90,
                  [ESE_COUNT_REFUSED] = 7,
                  [ESE_COUNT_NOT_SENT] = 3,
                  [ESE_COUNT_TIMERS_SET] = 4,
                  [ESE_COUNT_TIMERS_ENDED] = 4,
                  [ESE_COUNT_DECIDED] = 6,
                  [ESE_COUNT_MAILS_ASKED] = 5,
                  [ESE_COUNT_MAILS_REFUSED] = 1,
                  [ESE_COUNT_MAILS_SENT] = 3,
                  [ESE_COUNT_MAILS_DEAD] = 1,
                  [ESE_COUNT_MAILS_UNKNOWN] = 1},
        .role = {[ESE_ROLE_CLIENT] = {.exists = true, .since_ns = 5000},
                 [ESE_ROLE_SERVER] = {.exists = true, .up = true, .since_ns = 4000},
                 [ESE_ROLE_CONSUMER] = {.exists = true, .up = true, .since_ns = 9000}}};
}

static void who_is_done_is_drained(void **state)
{
    (void)state;
    struct ese_journey_view view = done();
    assert_true(ese_drained(&view));
}

static void what_waits_is_waited_for(void **state)
{
    (void)state;
    struct ese_journey_view view = done();
    view.lag = 1;
    assert_false(ese_drained(&view));
    view = done();
    view.count[ESE_COUNT_TIMERS_SET] = view.count[ESE_COUNT_TIMERS_ENDED] + 1;
    assert_false(ese_drained(&view));
    view = done();
    view.count[ESE_COUNT_DECIDED]++;
    assert_false(ese_drained(&view));
    view = done();
    view.count[ESE_COUNT_MAILS_SENT]--;
    assert_false(ese_drained(&view));
    view = done();
    view.role[ESE_ROLE_SERVER].coming = true;
    assert_false(ese_drained(&view));
}

/* As much may have been processed as was acknowledged, and some of what was acknowledged still wait. */
static void who_does_not_know_all_waits_for_the_end(void **state)
{
    (void)state;
    struct ese_journey_view view = done();
    view.count[ESE_COUNT_UNKNOWN] = 2;
    view.count[ESE_COUNT_OFFERED] += 2;
    assert_false(ese_drained(&view));
    view.count[ESE_COUNT_AT_END_NS] = 5000; /* the client ended then: it may have sent something still */
    assert_false(ese_drained(&view));
    view.count[ESE_COUNT_AT_END_NS] = 5001;
    assert_true(ese_drained(&view));
    view.role[ESE_ROLE_SERVER].since_ns = 5001; /* it came back, and may have had something to store */
    assert_false(ese_drained(&view));
}

/* What a killed client had sent has no outcome at all. */
static void who_was_killed_knows_less(void **state)
{
    (void)state;
    struct ese_journey_view view = done();
    view.count[ESE_COUNT_OFFERED]++;
    assert_false(ese_drained(&view));
    view.count[ESE_COUNT_AT_END_NS] = 6000;
    assert_true(ese_drained(&view));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_done_is_drained),
        cmocka_unit_test(what_waits_is_waited_for),
        cmocka_unit_test(who_does_not_know_all_waits_for_the_end),
        cmocka_unit_test(who_was_killed_knows_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
