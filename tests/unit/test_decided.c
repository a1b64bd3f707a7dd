/* What the consumer decided, held against what it was handed; and the mails against state and outbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/judged.h"
#include "tests/support/staged_run.h"

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .retry_stored_once = true,
    .replayable = true, .positions_survive = true};
static const struct ese_promises lossy = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                          .tells_losses = true};

/* Of a run that was written. */
static void expect_of(struct staged_run *run, enum ese_verdict_word word, const char *reason)
{
    const struct ese_judge_options options = {.directory = run->directory,
                                              .promises = run->tells_losses ? &lossy : &careful,
                                              .poison_every = 3}; /* one of three may be a dead letter */
    struct ese_judgement judgement = judged(&options);
    const struct ese_verdict *verdict = &judgement.ledger_verdict;
    if (verdict->word != word || strstr(verdict->reason, reason) == NULL)
        fail_msg("the verdict is %s: %s", ese_verdict_text(verdict->word), verdict->reason);
    staged_run_free(&run);
}

static void expect(struct staged_run *run, enum ese_verdict_word word, const char *reason)
{
    staged_run_write(run);
    expect_of(run, word, reason);
}

static struct staged_run *consumed(const char *script)
{
    struct staged_run *run = staged_run_of(script);
    staged_run_consume(run);
    return run;
}

/* The second press of a chain of four is lost, and a mail is decided on from the others. */
static struct staged_run *touched(void)
{
    struct staged_run *run = staged_run_of("a0 a100 a200 a300");
    run->tells_losses = true;
    staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
    return run;
}

static struct ese_decision decision_of(const struct staged_run *run, const char *rule, const int events[],
                                       int count)
{
    struct ese_id ids[ESE_DECISION_EVENTS];
    struct ese_decision decision;
    for (int i = 0; i < count; i++)
        ids[i] = run->events[events[i]].event.id;
    ese_decision_make(&decision, rule, &run->events[events[count - 1]].event, ids, count);
    return decision;
}

/* In the state alone, without a mail. */
static void add_decision(struct staged_run *run, const char *rule, const int events[], int count)
{
    const struct ese_decision decision = decision_of(run, rule, events, count);
    staged_run_decide(run, &decision);
    staged_run_drop_mail(run, run->mail_count - 1);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void a_decision_is_of_what_a_rule_takes(void **state)
{
    (void)state;
    static const struct {
        const char *script, *rule;
        int events[4], count;
    } decisions[] = {
        {"a0 a2000 a4000", "steady-click", {0, 1, 2}, 3},    /* too far from each other */
        {"a0 a2000 b2100", "steady-click", {0, 0, 0}, 3},    /* one three times */
        {"a0 a100 b200", "steady-click", {0, 1, 0}, 3},      /* and two */
        {"a0 a100 b200", "steady-click", {0, 1, 2}, 3},      /* of two keys */
        {"a0 a100 a200.", "steady-click", {0, 1, 2}, 3},     /* of what is no press */
        {"a0 a100", "steady-click", {0, 1}, 2},              /* of two */
        {"a0 a100 a2000 a2100", "steady-click", {0, 1, 2, 3}, 4},
        {"a0 a100 b200", "stuck-order", {0}, 1},             /* of no order */
        {"a0 a100 b200", "made-up", {0}, 1},                 /* by no rule */
        {"a0 a100 a200-", "steady-click", {0, 1, 2}, 3},     /* of what nobody was handed */
        {"a0 a100 a200*", "steady-click", {0, 1, 2}, 3},     /* of a dead letter */
        {"a0 a100= a200", "steady-click", {0, 1, 2}, 3},     /* of a replay, and of none */
        {"a0= a100= a200+", "steady-click", {0, 1, 2}, 3},   /* of two */
    };
    for (size_t i = 0; i < ESE_COUNT_OF(decisions); i++) {
        struct staged_run *run = consumed(decisions[i].script);
        assert_int_equal(run->decision_count, 0);
        add_decision(run, decisions[i].rule, decisions[i].events, decisions[i].count);
        expect(run, ESE_VERDICT_FAIL, "1 decisions are of events of which no rule makes any");
    }
}

/* Of strangers' events it is, too, wherever they lie; and those are used once. */
static void a_decision_of_strangers_events_is_of_what_a_rule_takes(void **state)
{
    (void)state;
    static const struct {
        const char *script, *words;
        int count, decisions[2][3];
    } cases[] = {
        {"a0~ a2000~ a4000~ b0 c0 d0", "of which no rule makes any", 1, {{0, 1, 2}}},
        {"a0~ a100~ b200~ c0 d0 e0", "of which no rule makes any", 1, {{0, 1, 2}}},
        {"a0~ a100~ a200~ a300~ b0 c0 d0", "", 1, {{0, 1, 2}}},
        {"a0~ a100~ a200~ a300~ b0 c0 d0", "are of events that had given one", 2, {{0, 1, 2}, {1, 2, 3}}},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct staged_run *run = staged_run_of(cases[i].script);
        for (int k = 0; k < cases[i].count; k++) {
            const struct ese_decision decision = decision_of(run, "steady-click", cases[i].decisions[k], 3);
            staged_run_decide(run, &decision);
        }
        expect(run, cases[i].words[0] == '\0' ? ESE_VERDICT_PASS : ESE_VERDICT_FAIL, cases[i].words);
    }
}

static void an_event_is_used_once(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200 a300 a400 a500");
    assert_int_equal(run->decision_count, 2);
    add_decision(run, "steady-click", (int[]){2, 3, 4}, 3);
    expect(run, ESE_VERDICT_FAIL, " decisions are of events that had given one");

    run = staged_run_of("a0 a100 a200 a300 a400 a500 a600"); /* and no loss excuses that */
    run->tells_losses = true;
    staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
    const struct ese_decision decisions[] = {decision_of(run, "steady-click", (int[]){0, 2, 3}, 3),
                                             decision_of(run, "steady-click", (int[]){3, 4, 5}, 3)};
    staged_run_decide(run, &decisions[0]);
    staged_run_decide(run, &decisions[1]);
    expect(run, ESE_VERDICT_FAIL, "1 decisions are of events that had given one");
}

static void no_loss_excuses_that_nothing_is_decided(void **state)
{
    (void)state;
    struct staged_run *run = touched();
    staged_run_consume(run);
    assert_int_equal(run->decision_count, 1);
    expect(run, ESE_VERDICT_PASS, "");

    run = touched();
    expect(run, ESE_VERDICT_FAIL, "1 mails were not decided on, though their events were processed");

    run = touched(); /* that late ones are none of the rule's business is known */
    run->late = 1;
    expect(run, ESE_VERDICT_PASS, "");

    run = touched(); /* handed in another order than they were sent in, the rule may have seen other threes */
    staged_run_swap(run, 0, 2);
    expect(run, ESE_VERDICT_PASS, "");
}

static void a_mail_says_what_was_decided(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    run->subject = "something else";
    expect(run, ESE_VERDICT_FAIL, "1 mails say another transport, receiver or subject than was decided");
}

/* ---- what cannot be told ---------------------------------------------------------------------- */

static void another_runs_decisions_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200"), *other = consumed("t5000 t5100 t5200");
    staged_run_decide(run, &other->decisions[0]);
    staged_run_drop_mail(run, 1);
    staged_run_free(&other);
    expect(run, ESE_VERDICT_CANNOT_TELL, "1 decisions in the consumer's state are of events that no history tells");
}

static void a_mail_that_state_or_outbox_does_not_know_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    run->unasked_mails = 1;
    expect(run, ESE_VERDICT_CANNOT_TELL, "1 mails came as they had to, and the consumer's state");

    run = consumed("a0 a100 a200");
    staged_run_write(run);
    staged_run_change(run, "state.db", "DELETE FROM decision");
    expect_of(run, ESE_VERDICT_CANNOT_TELL, "1 mails came as they had to, and the consumer's state");

    run = consumed("a0 a100 a200 b90000000"); /* a day later they may have left */
    run->decision_count = 0;
    expect(run, ESE_VERDICT_PASS, "");
}

static void an_outbox_of_another_kind_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    staged_run_write(run);
    staged_run_change(run, "outbox.db", "UPDATE mail SET status = 'gone'");
    expect_of(run, ESE_VERDICT_CANNOT_TELL, "a mail is 'gone'");
}

static void what_was_not_brought_to_the_mailer_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    run->open_decisions = 1;
    expect(run, ESE_VERDICT_CANNOT_TELL, "1 decisions were not brought to the mailer");
}

int main(int argc, char **argv)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_is_of_what_a_rule_takes),
        cmocka_unit_test(a_decision_of_strangers_events_is_of_what_a_rule_takes),
        cmocka_unit_test(an_event_is_used_once),
        cmocka_unit_test(no_loss_excuses_that_nothing_is_decided),
        cmocka_unit_test(a_mail_says_what_was_decided),
        cmocka_unit_test(another_runs_decisions_cannot_be_told),
        cmocka_unit_test(a_mail_that_state_or_outbox_does_not_know_cannot_be_told),
        cmocka_unit_test(an_outbox_of_another_kind_cannot_be_told),
        cmocka_unit_test(what_was_not_brought_to_the_mailer_cannot_be_told),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
