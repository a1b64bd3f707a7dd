/* How long it took until all was well again: each time beside one that must not be taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/recovery.h"

#define CONSUMER ESE_ROLE_BIT(ESE_ROLE_CONSUMER)
#define SERVER ESE_ROLE_BIT(ESE_ROLE_SERVER)
#define BROKER ESE_ROLE_BIT(ESE_ROLE_BROKER)
#define MAILER ESE_ROLE_BIT(ESE_ROLE_MAILER)

enum { EVENTS = 40 };

/* One event a second, acknowledged at once and processed half a second later; in ms. */
struct stage {
    struct ese_book_entry entries[EVENTS];
    struct ese_book book;
    struct ese_deeds deeds;
};

static int set_up(void **state)
{
    struct stage *stage = ese_alloc(sizeof *stage);
    for (int i = 0; i < EVENTS; i++) {
        int64_t due_ns = (i + 1) * ESE_NS_PER_S;
        stage->entries[i] = (struct ese_book_entry){.due_ns = due_ns,
                                                    .done_ns = due_ns,
                                                    .handed_ns = due_ns + ESE_NS_PER_S / 4,
                                                    .committed_ns = due_ns + ESE_NS_PER_S / 2,
                                                    .outcome = ESE_HISTORY_ACKNOWLEDGED,
                                                    .is_processed = true};
    }
    stage->book = (struct ese_book){.entries = stage->entries, .count = EVENTS};
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void strike(struct stage *stage, enum ese_act act, unsigned roles, int64_t at_ms)
{
    ese_deeds_add(&stage->deeds,
                  &(struct ese_deed){.act = act, .roles = roles, .done_ns = at_ms * ESE_NS_PER_MS});
}

static struct ese_recovery recovery_of(const struct stage *stage, int64_t restarted_ms)
{
    const struct ese_judge_options options = {.directory = "/nonexistent/ese",
                                              .deeds = &stage->deeds,
                                              .restarted_ns = restarted_ms * ESE_NS_PER_MS};
    struct ese_recovery recovery;
    ese_recovery_take(&options, &stage->book, &recovery);
    return recovery;
}

/* What is due from 11 s to 15 s waits for a server that is away from 10.5 s to 13.2 s, and is acknowledged
 * at 15.1 s. */
static void lose_a_server(struct stage *stage, unsigned roles)
{
    strike(stage, ESE_ACT_KILL, roles, 10500);
    strike(stage, ESE_ACT_START, roles, 13200);
    for (int i = 10; i < 15; i++)
        stage->entries[i].done_ns = 15100 * ESE_NS_PER_MS;
}

static void acknowledged_again_is_told_from_the_death(void **state)
{
    struct stage *stage = *state;
    lose_a_server(stage, SERVER);
    assert_int_equal(recovery_of(stage, 0).acknowledges_again_us, 15100000 - 10500000);
    stage->entries[14].done_ns = 14000 * ESE_NS_PER_MS;
    assert_int_equal(recovery_of(stage, 0).acknowledges_again_us, 14000000 - 10500000);
}

/* It had left before the death. */
static void an_answer_that_was_under_way_is_no_sign_of_life(void **state)
{
    struct stage *stage = *state;
    lose_a_server(stage, SERVER | BROKER);
    stage->entries[10].done_ns = 10501 * ESE_NS_PER_MS;
    assert_int_equal(recovery_of(stage, 0).acknowledges_again_us, 15100000 - 10500000);
}

static void a_refusal_is_no_acknowledgement(void **state)
{
    struct stage *stage = *state;
    lose_a_server(stage, BROKER);
    stage->entries[10].outcome = ESE_HISTORY_REFUSED;
    stage->entries[10].done_ns = 13300 * ESE_NS_PER_MS;
    stage->entries[11].is_out = true;
    stage->entries[11].done_ns = 13400 * ESE_NS_PER_MS;
    assert_int_equal(recovery_of(stage, 0).acknowledges_again_us, 15100000 - 10500000);
}

static void nobody_may_acknowledge_ever_again(void **state)
{
    struct stage *stage = *state;
    lose_a_server(stage, SERVER);
    for (int i = 10; i < EVENTS; i++)
        stage->entries[i].outcome = ESE_HISTORY_UNKNOWN;
    assert_int_equal(recovery_of(stage, 0).acknowledges_again_us, -1);
}

static void who_kept_the_server_has_nothing_to_tell(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(recovery_of(stage, 0).acknowledges_again_us, -1);
    assert_int_equal(recovery_of(stage, 0).backlog_gone_us, -1);
    strike(stage, ESE_ACT_KILL, MAILER, 10500);
    strike(stage, ESE_ACT_START, MAILER, 13200);
    assert_int_equal(recovery_of(stage, 0).acknowledges_again_us, -1);
    assert_int_equal(recovery_of(stage, 0).backlog_gone_us, -1);
    const struct ese_judge_options options = {.directory = "/nonexistent/ese"};
    struct ese_recovery recovery;
    ese_recovery_take(&options, &stage->book, &recovery);
    assert_int_equal(recovery.acknowledges_again_us, -1);
}

/* The consumer is away from 10.1 s to 20.1 s; what it had not committed, and what came meanwhile, it has
 * read by 21.3 s. */
static void lose_a_consumer(struct stage *stage)
{
    strike(stage, ESE_ACT_KILL, CONSUMER, 10100);
    strike(stage, ESE_ACT_START, CONSUMER, 20100);
    for (int i = 9; i < 20; i++) {
        stage->entries[i].handed_ns = 20500 * ESE_NS_PER_MS;
        stage->entries[i].committed_ns = 21300 * ESE_NS_PER_MS;
    }
}

static void the_backlog_is_gone_with_the_last_of_it(void **state)
{
    struct stage *stage = *state;
    lose_a_consumer(stage);
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 21300000 - 20100000);
    assert_int_equal(recovery_of(stage, 20100).backlog_at_restart, 11);
    stage->entries[12].committed_ns += ESE_NS_PER_S;
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 22300000 - 20100000);
}

static void what_came_after_the_return_is_no_backlog(void **state)
{
    struct stage *stage = *state;
    lose_a_consumer(stage);
    for (int i = 20; i < EVENTS; i++)
        stage->entries[i].committed_ns += 10 * ESE_NS_PER_S;
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 21300000 - 20100000);
    stage->entries[20].done_ns = 20099 * ESE_NS_PER_MS; /* just before it */
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 31500000 - 20100000);
}

static void the_lost_are_not_waited_for(void **state)
{
    struct stage *stage = *state;
    lose_a_consumer(stage);
    stage->entries[15].committed_ns = 0;
    stage->entries[15].is_processed = false;
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, -1);
    stage->entries[15].is_lost = true;
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 21300000 - 20100000);
}

static void the_unknown_are_not_waited_for(void **state)
{
    struct stage *stage = *state;
    lose_a_consumer(stage);
    stage->entries[15].committed_ns = 0;
    stage->entries[15].is_processed = false;
    stage->entries[15].outcome = ESE_HISTORY_UNKNOWN;
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 21300000 - 20100000);
}

static void the_last_return_counts(void **state)
{
    struct stage *stage = *state;
    lose_a_server(stage, SERVER);
    lose_a_consumer(stage);
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 21300000 - 20100000);
    strike(stage, ESE_ACT_START, MAILER, 30000);
    assert_int_equal(recovery_of(stage, 20100).backlog_gone_us, 21300000 - 20100000);
}

/* Who read on until the server died, and was through when it came back. */
static void there_may_be_no_backlog(void **state)
{
    struct stage *stage = *state;
    lose_a_server(stage, SERVER);
    assert_int_equal(recovery_of(stage, 0).backlog_gone_us, 0);
    assert_int_equal(recovery_of(stage, 0).backlog_at_restart, 0);
}

/* Sent when due, as the others of these tests are not. */
static void at_a_kill_waits_what_was_sent_and_not_committed(void **state)
{
    struct stage *stage = *state;
    for (int i = 0; i < EVENTS; i++)
        stage->entries[i].sent_ns = stage->entries[i].due_ns;
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 0); /* nobody was killed */
    strike(stage, ESE_ACT_FREEZE, CONSUMER, 10100);
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 0);
    strike(stage, ESE_ACT_KILL, MAILER, 10100); /* one is under way */
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 1);
    for (int i = 9; i < 20; i++)
        stage->entries[i].committed_ns = 21300 * ESE_NS_PER_MS;
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 1);
    strike(stage, ESE_ACT_KILL, 0, 20500); /* passed over */
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 1);
    strike(stage, ESE_ACT_KILL, MAILER, 20500);
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 11);
    stage->entries[12].committed_ns = 0; /* nobody knows whether it ever got there */
    stage->entries[13].sent_ns = 0;
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 9);
    strike(stage, ESE_ACT_KILL, MAILER, 30100); /* the most counts, not the last */
    assert_int_equal(recovery_of(stage, 0).waiting_at_kill, 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(acknowledged_again_is_told_from_the_death),
        TEST(an_answer_that_was_under_way_is_no_sign_of_life),
        TEST(a_refusal_is_no_acknowledgement),
        TEST(nobody_may_acknowledge_ever_again),
        TEST(who_kept_the_server_has_nothing_to_tell),
        TEST(the_backlog_is_gone_with_the_last_of_it),
        TEST(what_came_after_the_return_is_no_backlog),
        TEST(the_lost_are_not_waited_for),
        TEST(the_unknown_are_not_waited_for),
        TEST(the_last_return_counts),
        TEST(there_may_be_no_backlog),
        TEST(at_a_kill_waits_what_was_sent_and_not_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
