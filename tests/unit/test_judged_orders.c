/* Orders: runs without fault pass, and each planted fault is told; its near miss is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/judged.h"
#include "tests/support/staged_run.h"

enum { EVENTS = 600 };

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .retry_stored_once = true,
    .replayable = true, .positions_survive = true};
static const struct ese_promises careless = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                             .positions_survive = true};

/* Writes the run, judges it and throws it away. */
static struct ese_judgement judge(struct staged_run *run, const struct ese_promises *promises)
{
    const struct ese_judge_options options = {.directory = run->directory, .promises = promises};
    staged_run_write(run);
    struct ese_judgement judgement = judged(&options);
    const struct ese_mail_ledger *mails = &judgement.mails;
    assert_int_equal(mails->expected,
                     mails->matched + mails->altered + mails->lost + mails->in_flight + mails->unknown);
    assert_int_equal(mails->arrived,
                     mails->matched + mails->altered + mails->doubled + mails->unexpected);
    staged_run_free(&run);
    return judgement;
}

static void says(const struct ese_judgement *judgement, enum ese_verdict_word word,
                 const char *reason)
{
    if (judgement->ledger_verdict.word != word)
        print_error("the verdict is %s: %s\n", ese_verdict_text(judgement->ledger_verdict.word),
                    judgement->ledger_verdict.reason);
    assert_int_equal(judgement->ledger_verdict.word, word);
    assert_non_null(strstr(judgement->ledger_verdict.reason, reason));
}

static bool is_kind(const struct ese_event *event, const char *sub_type)
{
    return strcmp(event->sub_type, sub_type) == 0;
}

/* How many of the order's events are of that kind. */
static int count_of(const struct staged_run *run, const char *key, const char *sub_type)
{
    int count = 0;
    for (int i = 0; i < run->count; i++)
        count += strcmp(run->events[i].event.key, key) == 0 &&
                 is_kind(&run->events[i].event, sub_type);
    return count;
}

/* The number of the order's event of that kind. */
static int event_of(const struct staged_run *run, const char *key, const char *sub_type)
{
    int event = 0;
    while (strcmp(run->events[event].event.key, key) != 0 ||
           !is_kind(&run->events[event].event, sub_type))
        event++;
    return event;
}

static bool is_whole(const struct staged_run *run, const char *key)
{
    for (int i = 0; i < run->count; i++) {
        if (strcmp(run->events[i].event.key, key) == 0 &&
            run->events[i].outcome != ESE_HISTORY_ACKNOWLEDGED)
            return false;
    }
    return true;
}

/* An order that was created once, and completed so often; all of it acknowledged. */
static const char *an_order(const struct staged_run *run, int completed)
{
    for (int i = run->count / 4; i < run->count; i++) {
        const char *key = run->events[i].event.key;
        if (is_kind(&run->events[i].event, ESE_SUB_TYPE_CREATED) && is_whole(run, key) &&
            count_of(run, key, ESE_SUB_TYPE_CREATED) == 1 &&
            count_of(run, key, ESE_SUB_TYPE_COMPLETED) == completed)
            return key;
    }
    fail_msg("no order of that kind");
    return NULL;
}

/* The decision that was made of an order; -1: none was. */
static int decision_of(const struct staged_run *run, const char *key)
{
    int i = run->decision_count - 1;
    while (i >= 0 && strcmp(run->decisions[i].key, key) != 0)
        i--;
    return i;
}

/* Has the order completed so long after it was created. */
static void complete_after(struct staged_run *run, const char *key, int64_t ms)
{
    run->events[event_of(run, key, ESE_SUB_TYPE_COMPLETED)].event.client_ts =
        run->events[event_of(run, key, ESE_SUB_TYPE_CREATED)].event.client_ts + ms;
}

/* Somebody concludes that it was stuck, from that event of it. */
static void conclude(struct staged_run *run, int event)
{
    struct ese_decision decision;
    ese_decision_make(&decision, "stuck-order", &run->events[event].event,
                      &run->events[event].event.id, 1);
    staged_run_decide(run, &decision);
}

static struct staged_run *consumed(uint64_t seed)
{
    struct staged_run *run = staged_run_make_mixed(seed, EVENTS);
    staged_run_consume(run);
    return run;
}

/* ---- no fault -------------------------------------------------------------------------------- */

static void any_run_without_fault_passes(void **state)
{
    (void)state;
    int stuck = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct staged_run *run = consumed(seed);
        for (int i = 0; i < run->decision_count; i++)
            stuck += strcmp(run->decisions[i].rule, "stuck-order") == 0;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.mails.matched, judgement.mails.expected);
        assert_int_equal(judgement.mails.arrived, judgement.mails.expected);
        assert_true(judgement.mails.expected > 0);
    }
    assert_in_range(stuck, 12 * 20, 12 * 100);
}

static void a_wall_clock_that_is_set_is_no_fault(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (int64_t by_ms = -7200000; by_ms <= 7200000; by_ms += 14400000) {
            struct staged_run *run = staged_run_make_mixed(seed, EVENTS);
            int64_t from_ts = run->events[0].event.client_ts;
            for (int i = 0; i < EVENTS; i++)
                run->events[i].event.client_ts +=
                    (run->events[i].event.client_ts - from_ts) / 1000 * by_ms;
            staged_run_consume(run);
            struct ese_judgement judgement = judge(run, &careful);
            says(&judgement, ESE_VERDICT_PASS, "");
            assert_int_equal(judgement.mails.matched, judgement.mails.expected);
        }
    }
}

/* A mail that waits for time tells nothing of how fast mails are. */
static void only_mails_that_events_complete_have_a_latency(void **state)
{
    (void)state;
    struct staged_run *run = consumed(3);
    int at_once = 0;
    for (int i = 0; i < run->decision_count; i++)
        at_once += strcmp(run->decisions[i].rule, "steady-click") == 0;
    assert_true(at_once > 0 && at_once < run->decision_count);
    assert_int_equal(judge(run, &careful).mail.count, at_once);
}

/* ---- mails ----------------------------------------------------------------------------------- */

static void a_stuck_order_nobody_tells_of_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct staged_run *run = consumed(seed);
        staged_run_drop_mail(run, decision_of(run, an_order(run, 0)));
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_FAIL, "missing");
        assert_int_equal(judgement.mails.lost, 1);
    }
}

/* Its consumer comes to it when time has passed, and there is room for its mail; of a mailer that had sent all it had
 * there was. */
static void a_stuck_order_is_under_way_while_the_mailer_has_others(void **state)
{
    (void)state;
    for (int queued = 0; queued < 2; queued++) {
        struct staged_run *run = consumed(3);
        int order = decision_of(run, an_order(run, 0));
        staged_run_drop_mail(run, order);
        run->decisions[order] = run->decisions[--run->decision_count];
        run->queued_mails = queued;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, queued ? ESE_VERDICT_CANNOT_TELL : ESE_VERDICT_FAIL, queued ? "not sent" : "missing");
        assert_int_equal(judgement.mails.in_flight, queued);
        assert_int_equal(judgement.mails.lost, !queued);
    }
    struct staged_run *run = consumed(3); /* near: it was decided on, and sent */
    staged_run_drop_mail(run, decision_of(run, an_order(run, 0)));
    run->queued_mails = 1;
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.in_flight, 0);
    assert_int_equal(judgement.mails.lost, 1);
}

static void a_mail_of_a_completed_order_is_unexpected(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct staged_run *run = staged_run_make_mixed(seed, EVENTS);
        const char *key = an_order(run, 1);
        complete_after(run, key, 600);
        staged_run_consume(run);
        conclude(run, event_of(run, key, ESE_SUB_TYPE_CREATED));
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_FAIL, "no events account");
        assert_int_equal(judgement.mails.unexpected, 1);
    }
}

/* The last moment is in time, and a millisecond more is not: a consumer that says otherwise is found
 * out, either way. */
static void the_last_moment_is_in_time(void **state)
{
    (void)state;
    static const struct {
        int64_t completed_ms, told_ms;
        enum ese_verdict_word word;
        const char *reason;
    } cases[] = {{5000, 5000, ESE_VERDICT_PASS, ""},
                 {5001, 5000, ESE_VERDICT_PASS, ""},
                 {5000, 4999, ESE_VERDICT_FAIL, "no events account"},
                 {5001, 5001, ESE_VERDICT_FAIL, "missing"}};
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct staged_run *run = staged_run_make_mixed(5, EVENTS);
        complete_after(run, an_order(run, 1), cases[i].completed_ms);
        run->stuck_after_ms = cases[i].told_ms;
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, cases[i].word, cases[i].reason);
    }
}

static void a_second_mail_of_a_stuck_order_is_doubled(void **state)
{
    (void)state;
    struct staged_run *run = consumed(6);
    staged_run_add_mail(run, run->decisions[decision_of(run, an_order(run, 0))].id);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "second time");
    assert_int_equal(judgement.mails.doubled, 1);
}

/* From the wrong event of it: beside the right one it is a further one, in its stead it is another. */
static void a_mail_from_another_event_of_it_is_told(void **state)
{
    (void)state;
    for (int stands_alone = 0; stands_alone < 2; stands_alone++) {
        struct staged_run *run = staged_run_make_mixed(7, EVENTS);
        const char *key = an_order(run, 1);
        int created = event_of(run, key, ESE_SUB_TYPE_CREATED);
        struct ese_event *again = &run->events[event_of(run, key, ESE_SUB_TYPE_COMPLETED)].event;
        snprintf(again->sub_type, sizeof again->sub_type, "%s", ESE_SUB_TYPE_CREATED);
        again->client_ts = run->events[created].event.client_ts + 1000;
        staged_run_consume(run);
        if (stands_alone)
            staged_run_drop_mail(run, decision_of(run, key));
        for (int i = created + 1; i < run->count; i++) {
            if (&run->events[i].event == again)
                conclude(run, i);
        }
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_FAIL, stands_alone ? "other events" : "second time");
        assert_int_equal(judgement.mails.altered, stands_alone);
        assert_int_equal(judgement.mails.doubled, !stands_alone);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Whoever may lose events is not blamed for the mails that follow from it, and they are counted. */
static void a_lost_completion_makes_a_mail_nobody_is_blamed_for(void **state)
{
    (void)state;
    for (int promised = 0; promised < 2; promised++) {
        struct staged_run *run = staged_run_make_mixed(8, EVENTS);
        const char *key = an_order(run, 1);
        complete_after(run, key, 600);
        staged_run_drop(run, staged_run_place(run, event_of(run, key, ESE_SUB_TYPE_COMPLETED)));
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, promised ? &careful : &careless);
        says(&judgement, promised ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS, promised ? "lost" : "");
        assert_int_equal(judgement.mails.unexpected, 1);
        assert_int_equal(judgement.mails.lost, 0);
    }
}

static void an_order_that_was_lost_has_no_mail(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make_mixed(9, EVENTS);
    staged_run_drop(run, staged_run_place(run, event_of(run, an_order(run, 0), ESE_SUB_TYPE_CREATED)));
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.mails.lost, 1);
}

/* Of a completion the client knows nothing of, the store tells: it is there, in time, or it is not. */
static void an_unknown_completion_counts_where_it_is_stored(void **state)
{
    (void)state;
    for (int is_stored = 0; is_stored < 2; is_stored++) {
        for (int is_told = 0; is_told < 2; is_told++) {
            struct staged_run *run = staged_run_make_mixed(10, EVENTS);
            const char *key = an_order(run, 1);
            int completed = event_of(run, key, ESE_SUB_TYPE_COMPLETED);
            complete_after(run, key, 600);
            run->events[completed].outcome = ESE_HISTORY_UNKNOWN;
            run->events[completed].done_ns = run->events[completed].due_ns + 10 * ESE_NS_PER_S;
            if (!is_stored)
                staged_run_drop(run, staged_run_place(run, completed));
            staged_run_consume(run);
            if (is_stored && is_told)
                conclude(run, event_of(run, key, ESE_SUB_TYPE_CREATED));
            if (!is_stored && !is_told)
                staged_run_drop_mail(run, decision_of(run, key));
            struct ese_judgement judgement = judge(run, &careful);
            says(&judgement, is_stored == is_told ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS,
                 is_stored != is_told ? "" : is_told ? "no events account" : "missing");
        }
    }
}

/* Stored when it had been given up, it may have come too late for the rule, or not: only a second mail
 * of one decision is a fault. */
static void a_completion_stored_after_its_deadline_is_doubtful(void **state)
{
    (void)state;
    for (int mails = 0; mails <= 2; mails++) {
        struct staged_run *run = staged_run_make_mixed(11, EVENTS);
        const char *key = an_order(run, 1);
        int completed = event_of(run, key, ESE_SUB_TYPE_COMPLETED);
        complete_after(run, key, 600);
        run->events[completed].outcome = ESE_HISTORY_UNKNOWN;
        run->events[completed].done_ns = run->events[completed].due_ns - 5 * ESE_NS_PER_MS;
        staged_run_consume(run);
        if (mails > 0)
            conclude(run, event_of(run, key, ESE_SUB_TYPE_CREATED));
        if (mails > 1)
            staged_run_add_mail(run, run->decisions[run->decision_count - 1].id);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, mails > 1 ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS,
             mails > 1 ? "second time" : "");
        assert_int_equal(judgement.mails.doubled, mails > 1);
    }
}

/* ---- who never got it ------------------------------------------------------------------------ */

static void it_is_told_of_which_order(void **state)
{
    (void)state;
    struct staged_run *run = consumed(12);
    char key[ESE_EVENT_KEY_SIZE];
    snprintf(key, sizeof key, "%s", an_order(run, 0));
    staged_run_drop_mail(run, decision_of(run, key));
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.stories.people_count, 1);
    assert_string_equal(judgement.stories.people[0].what, key);
    const char *text = judgement.stories.people[0].text;
    assert_non_null(strstr(text, "was created, and not completed in time, at "));
    assert_non_null(strstr(text, "the mail was decided on; it did not arrive"));
}

/* ---- what is told of other mails ------------------------------------------------------------- */

static const char *told(const struct ese_judgement *judgement, const char *kind)
{
    for (int i = 0; i < judgement->stories.fault_count; i++) {
        if (strcmp(judgement->stories.faults[i].what, kind) == 0)
            return judgement->stories.faults[i].text;
    }
    fail_msg("nothing is told of a %s", kind);
    return NULL;
}

static void of_a_completed_order_its_completion_is_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed(21);
    const char *key = an_order(run, 1);
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&run->events[event_of(run, key, ESE_SUB_TYPE_COMPLETED)].event.id, id);
    conclude(run, event_of(run, key, ESE_SUB_TYPE_CREATED));
    struct ese_judgement judgement = judge(run, &careful);
    const char *text = told(&judgement, "mail that nothing accounts for (unexpected)");
    assert_non_null(strstr(text, "; but there is the completed order "));
    assert_non_null(strstr(text, id));
}

/* Created twice, and concluded from the second, too; or alone. */
static struct staged_run *concluded_from_the_second(bool alone)
{
    struct staged_run *run = staged_run_make_mixed(22, EVENTS);
    char key[ESE_EVENT_KEY_SIZE];
    snprintf(key, sizeof key, "%s", an_order(run, 1));
    int again = event_of(run, key, ESE_SUB_TYPE_COMPLETED);
    complete_after(run, key, 1000);
    snprintf(run->events[again].event.sub_type, sizeof run->events[again].event.sub_type, "%s",
             ESE_SUB_TYPE_CREATED);
    staged_run_consume(run);
    if (alone)
        staged_run_drop_mail(run, decision_of(run, key));
    conclude(run, again);
    return run;
}

static void a_further_mail_of_an_order_is_told_as_that(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(concluded_from_the_second(false), &careful);
    const char *text = told(&judgement, "mail from events that gave one (doubled)");
    assert_non_null(strstr(text, "; its order gives 1 mail, and so many were decided on besides"));
}

static void a_mail_from_another_event_of_it_is_told_as_that(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(concluded_from_the_second(true), &careful);
    const char *text = told(&judgement, "mail from other events (altered)");
    assert_non_null(strstr(text, "; the first event behind it is the new order "));
    assert_non_null(strstr(text, " had to come, of the order due at "));
    assert_null(strstr(text, "press"));
}

static void an_unknown_mail_of_an_order_is_told_as_that(void **state)
{
    (void)state;
    struct staged_run *run = consumed(23);
    char key[ESE_EVENT_KEY_SIZE];
    snprintf(key, sizeof key, "%s", an_order(run, 0));
    int decision = decision_of(run, key);
    run->unknown_mail = run->decisions[decision].id;
    staged_run_drop_mail(run, decision);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.stories.unknown_count, 1);
    assert_string_equal(judgement.stories.unknown_mails[0].what, key);
    assert_non_null(strstr(judgement.stories.unknown_mails[0].text, ", of the order due at "));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_run_without_fault_passes),
        cmocka_unit_test(a_wall_clock_that_is_set_is_no_fault),
        cmocka_unit_test(only_mails_that_events_complete_have_a_latency),
        cmocka_unit_test(a_stuck_order_nobody_tells_of_is_lost),
        cmocka_unit_test(a_stuck_order_is_under_way_while_the_mailer_has_others),
        cmocka_unit_test(a_mail_of_a_completed_order_is_unexpected),
        cmocka_unit_test(the_last_moment_is_in_time),
        cmocka_unit_test(a_second_mail_of_a_stuck_order_is_doubled),
        cmocka_unit_test(a_mail_from_another_event_of_it_is_told),
        cmocka_unit_test(a_lost_completion_makes_a_mail_nobody_is_blamed_for),
        cmocka_unit_test(an_order_that_was_lost_has_no_mail),
        cmocka_unit_test(an_unknown_completion_counts_where_it_is_stored),
        cmocka_unit_test(a_completion_stored_after_its_deadline_is_doubtful),
        cmocka_unit_test(it_is_told_of_which_order),
        cmocka_unit_test(of_a_completed_order_its_completion_is_told),
        cmocka_unit_test(a_further_mail_of_an_order_is_told_as_that),
        cmocka_unit_test(a_mail_from_another_event_of_it_is_told_as_that),
        cmocka_unit_test(an_unknown_mail_of_an_order_is_told_as_that),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
