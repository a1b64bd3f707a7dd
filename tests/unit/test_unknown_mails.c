/* How many mails a fault accounts for that nobody knows of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "orchestration/lab/journey.h"
#include "orchestration/lab/unknown_mails.h"

#define MAILER ESE_ROLE_BIT(ESE_ROLE_MAILER)
#define SINK ESE_ROLE_BIT(ESE_ROLE_SINK)
#define CONSUMER ESE_ROLE_BIT(ESE_ROLE_CONSUMER)
#define SESSIONS ESE_JOURNEY_SMTP_SESSIONS
#define LIMIT_MS 5000

struct struck {
    struct ese_deeds deeds;
    struct ese_endings endings;
};

static void strike(struct struck *struck, enum ese_act act, unsigned roles, int64_t at_ms)
{
    ese_deeds_add(&struck->deeds,
                  &(struct ese_deed){.act = act, .roles = roles, .done_ns = at_ms * ESE_NS_PER_MS});
}

static void expect(const struct struck *struck, int64_t most)
{
    assert_int_equal(ese_unknown_mails_most(&struck->deeds, &struck->endings, LIMIT_MS), most);
}

static void nobody_accounts_for_any_unless_they_part(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    expect(&struck, 0);
    strike(&struck, ESE_ACT_KILL, CONSUMER, 1000);
    strike(&struck, ESE_ACT_START, MAILER | SINK, 2000);
    ese_endings_add(&struck.endings, "consumer", 137, "");
    expect(&struck, 0);
}

static void a_death_accounts_for_one_a_session(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    strike(&struck, ESE_ACT_KILL, MAILER, 1000);
    expect(&struck, SESSIONS);
    strike(&struck, ESE_ACT_KILL, SINK, 3000);
    expect(&struck, 2 * SESSIONS);
    strike(&struck, ESE_ACT_KILL, MAILER | SINK | CONSUMER, 5000);
    expect(&struck, 4 * SESSIONS);
}

static void so_does_one_that_no_fault_had_asked_for(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    ese_endings_add(&struck.endings, "mailer", 139, "");
    expect(&struck, SESSIONS);
    ese_endings_add(&struck.endings, "sink", 1, "");
    expect(&struck, 2 * SESSIONS);
}

static void who_was_passed_over_accounts_for_nothing(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    ese_deeds_add(&struck.deeds, &(struct ese_deed){.act = ESE_ACT_KILL, .passed_over = SINK});
    expect(&struck, 0);
}

static void only_a_freeze_beyond_the_limit_counts(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    strike(&struck, ESE_ACT_FREEZE, SINK, 1000);
    strike(&struck, ESE_ACT_FREEZE, CONSUMER, 1100);
    strike(&struck, ESE_ACT_THAW, CONSUMER, 9000);
    strike(&struck, ESE_ACT_THAW, SINK, 1000 + LIMIT_MS);
    expect(&struck, 0);
    struck.deeds.list[3].done_ns++;
    expect(&struck, SESSIONS);
    struck.deeds.list[0].roles = struck.deeds.list[3].roles = MAILER;
    expect(&struck, SESSIONS);
}

/* It waits no longer: a frozen one that is killed has parted once for that, and once for the freeze if that
 * was a long one. */
static void a_frozen_one_may_be_killed(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    strike(&struck, ESE_ACT_FREEZE, SINK, 1000);
    strike(&struck, ESE_ACT_KILL, SINK, 2000);
    strike(&struck, ESE_ACT_START, SINK, 9000);
    expect(&struck, SESSIONS);
    struck.deeds.list[1].done_ns += LIMIT_MS * ESE_NS_PER_MS;
    expect(&struck, 2 * SESSIONS);
}

static void tell_line(struct struck *struck, const char *how, unsigned roles, int64_t at_ms)
{
    strike(struck, ESE_ACT_NETWORK, roles, at_ms);
    snprintf(struck->deeds.list[struck->deeds.count - 1].how, ESE_ACT_HOW_SIZE, "%s", how);
}

static void a_line_that_is_reset_parts_them(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    tell_line(&struck, "reset", CONSUMER, 1000);
    tell_line(&struck, "restore", MAILER, 1001);
    tell_line(&struck, "restore", MAILER, 99000);
    expect(&struck, 0);
    tell_line(&struck, "reset", MAILER, 99001);
    tell_line(&struck, "restore", MAILER, 99002); /* too late */
    expect(&struck, SESSIONS);
}

static void a_line_that_is_cut_parts_them_where_it_is_for_long(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    tell_line(&struck, "cut both", MAILER, 1000);
    tell_line(&struck, "restore", MAILER, 1000 + LIMIT_MS);
    expect(&struck, 0);
    struck.deeds.list[1].done_ns++;
    expect(&struck, SESSIONS);
    strike(&struck, ESE_ACT_SMTP, SINK, 99000); /* a refusal is an answer */
    expect(&struck, SESSIONS);
}

/* Nobody is accused for want of it. */
static void where_the_limit_is_not_known_any_freeze_counts(void **state)
{
    (void)state;
    struct struck struck = {.deeds.count = 0};
    strike(&struck, ESE_ACT_FREEZE, SINK, 1000);
    strike(&struck, ESE_ACT_THAW, SINK, 1001);
    expect(&struck, 0);
    assert_int_equal(ese_unknown_mails_most(&struck.deeds, &struck.endings, 0), SESSIONS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_accounts_for_any_unless_they_part),
        cmocka_unit_test(a_death_accounts_for_one_a_session),
        cmocka_unit_test(so_does_one_that_no_fault_had_asked_for),
        cmocka_unit_test(who_was_passed_over_accounts_for_nothing),
        cmocka_unit_test(only_a_freeze_beyond_the_limit_counts),
        cmocka_unit_test(a_frozen_one_may_be_killed),
        cmocka_unit_test(a_line_that_is_reset_parts_them),
        cmocka_unit_test(a_line_that_is_cut_parts_them_where_it_is_for_long),
        cmocka_unit_test(where_the_limit_is_not_known_any_freeze_counts),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
