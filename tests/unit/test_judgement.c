/* Runs without fault pass; each planted fault is told by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/balance.h"
#include "tests/support/directory.h"
#include "tests/support/judged.h"
#include "tests/support/staged_run.h"

enum { EVENTS = 600 };

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .retry_stored_once = true,
    .replayable = true, .positions_survive = true};
static const struct ese_promises careless = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                             .positions_survive = true};

static const struct ese_promises lossy = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                          .tells_losses = true};

static struct ese_judgement judge_at(struct staged_run *run, const struct ese_judge_options *wanted)
{
    struct ese_judge_options options = *wanted;
    options.directory = run->directory;
    staged_run_write(run);
    struct ese_judgement judgement = judged(&options);
    balance_check(&judgement);
    staged_run_free(&run);
    return judgement;
}

/* Writes the run, judges it and throws it away. */
static struct ese_judgement judge(struct staged_run *run, const struct ese_promises *promises)
{
    const struct ese_judge_options options = {.promises = promises};
    return judge_at(run, &options);
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

static struct staged_run *consumed(uint64_t seed)
{
    struct staged_run *run = staged_run_make(seed, EVENTS);
    staged_run_consume(run);
    return run;
}

static const struct staged_event *at(const struct staged_run *run, int place)
{
    return &run->events[run->log[place]];
}

static bool is_press(const struct staged_event *staged)
{
    return strcmp(staged->event.sub_type, ESE_SUB_TYPE_KEY_PRESS) == 0;
}

/* The first place from the middle on that holds an acknowledged press. */
static int a_press(const struct staged_run *run)
{
    int place = run->log_count / 2;
    while (at(run, place)->outcome != ESE_HISTORY_ACKNOWLEDGED || !is_press(at(run, place)))
        place++;
    return place;
}

static int of_same_key(const struct staged_run *run, int place)
{
    int other = place + 1;
    while (strcmp(at(run, place)->event.key, at(run, other)->event.key) != 0 ||
           at(run, other)->outcome != ESE_HISTORY_ACKNOWLEDGED)
        other++;
    return other;
}

/* ---- no fault -------------------------------------------------------------------------------- */

static void any_run_without_fault_passes(void **state)
{
    (void)state;
    int64_t expected = 0, unknown_stored = 0;
    for (uint64_t seed = 1; seed <= 15; seed++) {
        struct ese_judgement judgement = judge(consumed(seed), &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.offered, EVENTS);
        assert_int_equal(judgement.mails.matched, judgement.mails.expected);
        assert_int_equal(judgement.mails.arrived, judgement.mails.expected);
        assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_PASS);
        expected += judgement.mails.expected;
        unknown_stored += judgement.ledger.unknown_stored;
    }
    /* so that there was something to be wrong about */
    assert_in_range(expected, 15 * 30, 15 * 140);
    assert_true(unknown_stored > 15);
}

/* Every second, by two hours, and from the beginning by one: the rule begins a run where its step back is
 * too long, as where it is on; and what was given up is still not taken for stored afterwards. */
static void a_wall_clock_that_is_set_is_no_fault(void **state)
{
    (void)state;
    int64_t set = 0, not_set = 0; /* mails expected */
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct staged_run *run = staged_run_make(seed, EVENTS);
        int64_t from_ts = run->events[0].event.client_ts;
        for (int i = 0; i < EVENTS; i++)
            run->events[i].event.client_ts += 3600000;
        staged_run_consume(run);
        set += judge(run, &careful).mails.expected;
        not_set += judge(consumed(seed), &careful).mails.expected;
        run = staged_run_make(seed, EVENTS);
        for (int i = 0; i < EVENTS; i++)
            run->events[i].event.client_ts -= (run->events[i].event.client_ts - from_ts) / 1000 * 7200000;
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.mails.matched, judgement.mails.expected);
        assert_true(judgement.mails.expected > 0);
    }
    assert_int_equal(set, not_set);
}

static void events_of_different_keys_may_change_places(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(1, EVENTS);
    int place = a_press(run);
    while (strcmp(at(run, place)->event.key, at(run, place + 1)->event.key) == 0)
        place++;
    staged_run_swap(run, place, place + 1);
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.reordered, 0);
}

static void handing_again_is_counted_and_no_fault(void **state)
{
    (void)state;
    struct staged_run *run = consumed(2);
    run->handed_twice = 25;
    run->late = 2;
    run->beyond_window = 1;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.redelivered, 25);
    assert_int_equal(judgement.ledger.late, 2 * STAGED_PARTITIONS);
    assert_int_equal(judgement.ledger.beyond_window, STAGED_PARTITIONS);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void an_event_dropped_by_the_store_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct staged_run *run = staged_run_make(seed, EVENTS);
        staged_run_drop(run, a_press(run));
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_FAIL, "lost");
        assert_int_equal(judgement.ledger.lost, 1);
    }
}

static void a_transport_that_may_lose_is_not_blamed_for_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct staged_run *run = staged_run_make(seed, EVENTS);
        for (int i = 0; i < 40; i++)
            staged_run_drop(run, a_press(run) - 20 + i);
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &careless);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_true(judgement.ledger.lost > 20);
        assert_true(judgement.mails.lost + judgement.mails.altered > 0);
    }
}

static void an_event_the_consumer_passed_over_is_lost(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(3, EVENTS);
    run->passed_over = a_press(run);
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "lost");
    assert_int_equal(judgement.ledger.lost, 1);
}

static void an_event_the_store_forgot_after_it_was_read_is_lost(void **state)
{
    (void)state;
    for (int promised = 0; promised < 2; promised++) {
        struct staged_run *run = consumed(3);
        run->forgotten = a_press(run);
        struct ese_judgement judgement = judge(run, promised ? &careful : &careless);
        says(&judgement, promised ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS, promised ? "lost" : "");
        assert_int_equal(judgement.ledger.lost, promised);
    }
}

static void what_left_by_retention_after_it_was_read_is_processed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct staged_run *run = consumed(seed);
        run->gone = run->log_count / 2;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.lost, 0);
    }
}

static void an_event_stored_again_is_counted(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(4, EVENTS);
    staged_run_append(run, run->log[a_press(run)]);
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "second time");
    assert_int_equal(judgement.ledger.stored_twice, 1);
    assert_int_equal(judgement.mails.doubled, 0);
}

static void events_of_one_key_may_not_change_places(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        for (int promised = 0; promised < 2; promised++) {
            struct staged_run *run = staged_run_make(seed, EVENTS);
            int place = a_press(run);
            staged_run_swap(run, place, of_same_key(run, place));
            staged_run_consume(run);
            struct ese_judgement judgement = judge(run, promised ? &careful : &careless);
            says(&judgement, promised ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS,
                 promised ? "behind a later" : "");
            assert_true(judgement.ledger.reordered >= 1);
        }
    }
}

static void a_refused_event_in_the_store_is_a_phantom(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(5, EVENTS);
    int event = run->log[a_press(run)];
    run->events[event].outcome = ESE_HISTORY_REFUSED;
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_FAIL, "stored though refused");
    assert_int_equal(judgement.ledger.phantom, 1);
}

static void what_is_not_processed_when_the_drain_ends_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(6, EVENTS);
    run->read = run->log_count - 10;
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "not processed");
    assert_in_range(judgement.ledger.in_flight, 5, 10);
    assert_int_equal(judgement.ledger.lost, 0);
}

/* Nor what became of those of unknown outcome, which are in no sum of what was acknowledged. */
static void what_is_unknown_and_not_processed_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(6, EVENTS);
    run->read = run->log_count - 10;
    for (int place = run->read; place < run->log_count; place++)
        run->events[run->log[place]].outcome = ESE_HISTORY_UNKNOWN;
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "10 stored events were not processed");
    assert_int_equal(judgement.ledger.in_flight, 0);
}

static void without_an_outcome_it_is_unknown(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(7, EVENTS);
    int event = run->log[a_press(run)];
    run->events[event].outcome = ESE_HISTORY_END;
    int other = run->log[a_press(run)];
    run->events[other].outcome = ESE_HISTORY_END;
    run->events[other].sent_ns = 0;
    staged_run_drop(run, staged_run_place(run, other));
    staged_run_consume(run);
    struct ese_judgement sane = judge(consumed(7), &careful);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.unknown_stored, sane.ledger.unknown_stored + 1);
    assert_int_equal(judgement.ledger.not_sent, sane.ledger.not_sent + 1);
}

/* ---- a store without places, that tells its losses --------------------------------------------- */

static struct staged_run *lossy_run(uint64_t seed)
{
    struct staged_run *run = staged_run_make(seed, EVENTS);
    run->tells_losses = true;
    return run;
}

static struct ese_judgement judge_lossy(struct staged_run *run)
{
    staged_run_consume(run);
    return judge(run, &lossy);
}

static void without_places_the_state_tells_what_was_processed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct staged_run *run = lossy_run(seed);
        run->gone = run->log_count / 2; /* whatever became of it after */
        struct ese_judgement judgement = judge_lossy(run);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.processed, judgement.ledger.acknowledged);
        assert_int_equal(judgement.mails.matched, judgement.mails.expected);
    }
}

/* Of each kind one, and one that the same note does not make lost, as it was processed before. */
static void losses_are_told_by_their_cause(void **state)
{
    (void)state;
    static const enum ese_history_kind kinds[] = {ESE_HISTORY_OVERWRITTEN, ESE_HISTORY_EXPIRED};
    for (int k = 0; k < 2; k++) {
        struct staged_run *run = lossy_run(3);
        staged_run_lose(run, a_press(run), kinds[k]);
        struct ese_judgement judgement = judge_lossy(run);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.lost, 1);
        assert_int_equal(judgement.ledger.lost_by_clash, k == 0);
        assert_int_equal(judgement.ledger.lost_by_expiry, k == 1);

        run = lossy_run(3);
        run->forgotten = a_press(run);
        run->noted[run->log[run->forgotten]] = kinds[k];
        judgement = judge_lossy(run);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.lost, 0);
    }
}

static void what_the_store_took_along_when_it_died_is_told(void **state)
{
    (void)state;
    for (int has_died = 0; has_died < 2; has_died++) {
        struct staged_run *run = lossy_run(3);
        int place = a_press(run), event = run->log[place];
        staged_run_lose(run, place, ESE_HISTORY_END);
        run->second_life = event + has_died; /* it was in the first one, or in the one that went on */
        struct ese_judgement judgement = judge_lossy(run);
        says(&judgement, has_died ? ESE_VERDICT_PASS : ESE_VERDICT_CANNOT_TELL, has_died ? "" : "no cause");
        assert_int_equal(judgement.ledger.lost, 1);
        assert_int_equal(judgement.ledger.lost_by_death, has_died);
        assert_int_equal(judgement.ledger.lost_by_other, !has_died);
    }
}

/* Overwritten first, and then the store died: it was lost by the first. */
static void the_first_cause_counts(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(3);
    int place = a_press(run), event = run->log[place];
    staged_run_lose(run, place, ESE_HISTORY_OVERWRITTEN);
    run->second_life = event + 1;
    struct ese_judgement judgement = judge_lossy(run);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.lost_by_clash, 1);
    assert_int_equal(judgement.ledger.lost_by_death, 0);
}

static void a_loss_that_is_not_noted_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(4);
    staged_run_lose(run, a_press(run), ESE_HISTORY_END);
    staged_run_lose(run, a_press(run), ESE_HISTORY_OVERWRITTEN);
    struct ese_judgement judgement = judge_lossy(run);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 acknowledged event is lost, and the store has noted no");
    assert_int_equal(judgement.ledger.lost, 2);
    assert_int_equal(judgement.ledger.lost_by_other, 1);
}

static void what_is_still_in_the_store_is_not_lost(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(5);
    run->passed_over = a_press(run);
    struct ese_judgement judgement = judge_lossy(run);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "not processed");
    assert_int_equal(judgement.ledger.in_flight, 1);
    assert_int_equal(judgement.ledger.lost, 0);
}

/* The consumer died before its commit, and the store before it came back. */
static void what_was_handed_and_not_committed_is_not_processed(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(6);
    run->not_had = run->forgotten = a_press(run);
    run->second_life = run->log[run->not_had] + 1;
    struct ese_judgement judgement = judge_lossy(run);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.lost_by_death, 1);
    assert_int_equal(judgement.ledger.in_flight, 0);
}

static void what_is_too_old_for_the_state_is_told_by_the_history(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(7);
    run->is_long_ago = true;
    run->gone = run->log_count;
    staged_run_lose(run, a_press(run), ESE_HISTORY_OVERWRITTEN);
    struct ese_judgement judgement = judge_lossy(run);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.lost, 1);
    assert_int_equal(judgement.ledger.processed, judgement.ledger.acknowledged - 1);
}

static void a_store_that_does_not_tell_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(8, EVENTS); /* it has written nothing */
    struct ese_judgement judgement = judge_lossy(run);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "server.history");

    run = lossy_run(8);
    run->harmed = "server.history";
    run->lost_records = 1;
    judgement = judge_lossy(run);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "server.history");
}

/* ---- mails ----------------------------------------------------------------------------------- */

static void a_mail_that_came_twice_is_doubled(void **state)
{
    (void)state;
    struct staged_run *run = consumed(8);
    staged_run_add_mail(run, run->mails[run->mail_count / 2]);
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_FAIL, "second time");
    assert_int_equal(judgement.mails.doubled, 1);
}

static void a_mail_that_did_not_come_is_lost(void **state)
{
    (void)state;
    struct staged_run *run = consumed(9);
    staged_run_drop_mail(run, run->mail_count / 2);
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_FAIL, "missing");
    assert_int_equal(judgement.mails.lost, 1);
}

static void a_mail_the_mailer_does_not_know_of_is_neither(void **state)
{
    (void)state;
    for (int arrived = 0; arrived < 2; arrived++) {
        struct staged_run *run = consumed(10);
        run->unknown_mail = run->mails[3];
        if (!arrived)
            staged_run_drop_mail(run, 3);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.mails.unknown, !arrived);
        assert_int_equal(judgement.mails.unknown_arrived, arrived);
    }
}

/* One that is unknown, or all; after these deeds. */
static struct ese_judgement judge_unknown(bool are_all, const struct ese_deeds *deeds,
                                          const struct ese_endings *endings)
{
    struct staged_run *run = consumed(10);
    if (are_all)
        run->is_unknowing = true;
    else
        run->unknown_mail = run->mails[3];
    return judge_at(run, &(struct ese_judge_options){.promises = &careful, .deeds = deeds, .endings = endings});
}

static void no_more_mails_are_unknown_than_deaths_account_for(void **state)
{
    (void)state;
    const struct ese_deeds none = {.count = 0};
    const struct ese_deeds killed = {
        .list = {{.act = ESE_ACT_KILL, .done_ns = 1, .roles = ESE_ROLE_BIT(ESE_ROLE_MAILER)}}, .count = 1};
    struct ese_endings endings = {.count = 0};
    struct ese_judgement judgement = judge_unknown(false, &none, &endings);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails are unknown, where the fault accounts for 0 at most");
    judgement = judge_unknown(false, &killed, &endings);
    says(&judgement, ESE_VERDICT_PASS, "");
    judgement = judge_unknown(true, &killed, &endings);
    says(&judgement, ESE_VERDICT_FAIL, " mails are unknown, where the fault accounts for 4 at most");
    assert_true(judgement.mails.unknown_arrived > 4);
    ese_endings_add(&endings, "mailer", 137, ""); /* dead, and no fault */
    judgement = judge_unknown(false, &none, &endings);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "the mailer was killed");
}

static void where_nobody_tells_who_died_any_mail_may_be_unknown(void **state)
{
    (void)state;
    const struct ese_deeds none = {.count = 0};
    const struct ese_endings nobody = {.count = 0};
    struct ese_judgement judgement = judge_unknown(true, NULL, NULL);
    says(&judgement, ESE_VERDICT_PASS, "");
    judgement = judge_unknown(true, &none, NULL);
    says(&judgement, ESE_VERDICT_PASS, "");
    judgement = judge_unknown(true, NULL, &nobody);
    says(&judgement, ESE_VERDICT_PASS, "");
}

/* Whoever is stopped while mails are under way leaves some that are unknown. */
static void as_long_as_mails_are_under_way_that_is_what_cannot_be_told(void **state)
{
    (void)state;
    const struct ese_deeds none = {.count = 0};
    const struct ese_endings nobody = {.count = 0};
    struct staged_run *run = consumed(10);
    run->unknown_mail = run->mails[3];
    run->queued_mails = 2;
    struct ese_judgement judgement = judge_at(
        run, &(struct ese_judge_options){.promises = &careful, .deeds = &none, .endings = &nobody});
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "2 mails were not sent");
}

static void a_mail_still_queued_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed(10);
    staged_run_drop_mail(run, 3);
    run->queued_mails = 1;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "not sent");
}

/* A decision that no rule would make, over three events; its mail arrives. */
static void make_up(struct staged_run *run, const struct ese_id events[3])
{
    struct ese_decision decision;
    ese_decision_make(&decision, "made-up", &run->events[0].event, events, 3);
    staged_run_decide(run, &decision);
}

/* A press that stands alone in its chain: none of its key within a second on either side. */
static int a_lone_press(const struct staged_run *run)
{
    for (int i = 0; i < run->count; i++) {
        bool alone =
            is_press(&run->events[i]) && run->events[i].outcome == ESE_HISTORY_ACKNOWLEDGED;
        for (int j = 0; alone && j < run->count; j++) {
            int64_t gap = run->events[j].event.client_ts - run->events[i].event.client_ts;
            bool near = gap <= 1000 && gap >= -1000 && j != i && is_press(&run->events[j]);
            alone = !near || strcmp(run->events[i].event.key, run->events[j].event.key) != 0;
        }
        if (alone)
            return i;
    }
    fail_msg("no press stands alone");
    return -1;
}

static void a_mail_without_a_third_press_is_unexpected(void **state)
{
    (void)state;
    struct staged_run *run = consumed(11);
    int press = a_lone_press(run);
    const struct ese_id events[3] = {run->events[press].event.id, run->events[press].event.id,
                                     run->events[press].event.id};
    make_up(run, events);
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_FAIL, "no events account");
    assert_int_equal(judgement.mails.unexpected, 1);
}

static void a_mail_of_no_decision_is_unexpected(void **state)
{
    (void)state;
    struct staged_run *run = consumed(12);
    struct ese_id unheard_of = ese_id_derive("never decided", NULL, 0), none = {{0}};
    staged_run_add_mail(run, unheard_of);
    staged_run_add_mail(run, none);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "no events account");
    assert_int_equal(judgement.mails.unexpected, 2);
}

static void a_mail_of_the_wrong_three_is_altered(void **state)
{
    (void)state;
    struct staged_run *run = consumed(13);
    struct ese_decision fifth = run->decisions[5];
    make_up(run, fifth.events);
    for (int i = 0; i < run->mail_count; i++) {
        if (ese_id_equal(&run->mails[i], &fifth.id))
            staged_run_drop_mail(run, i);
    }
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "other events");
    assert_int_equal(judgement.mails.altered, 1);
}

static void a_further_mail_of_a_chain_is_doubled(void **state)
{
    (void)state;
    struct staged_run *run = consumed(14);
    struct ese_decision fifth = run->decisions[5];
    make_up(run, fifth.events);
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_FAIL, "second time");
    assert_int_equal(judgement.mails.doubled, 1);
}

/* An unknown press, stored behind the next ones of its key: the consumer may conclude what it likes
 * of that chain, but not twice. */
static void an_unknown_event_out_of_its_place_makes_its_chain_doubtful(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct staged_run *run = staged_run_make(seed, EVENTS);
        int place = a_press(run), other = of_same_key(run, place);
        run->events[run->log[place]].outcome = ESE_HISTORY_UNKNOWN;
        for (; place < other; place++)
            staged_run_swap(run, place, place + 1);
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.reordered, 0);
    }
}

/* ---- what cannot be told --------------------------------------------------------------------- */

static void a_truncated_history_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed(15);
    run->history_bytes = 80000;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "limit");
    assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_CANNOT_TELL);
}

static const char *const histories[] = {"client.history", "consumer-1.history", "store.history",
                                        "mailer.history"};

/* A run that is without fault, or is at fault for certain, has lost the end of a history. */
static void harmed_cannot_be_told(const char *history, int lost_records, bool is_wiped)
{
    for (int at_fault = 0; at_fault < 2; at_fault++) {
        struct staged_run *run = consumed(21);
        run->harmed = history;
        run->lost_records = lost_records;
        run->is_wiped = is_wiped;
        if (at_fault)
            staged_run_add_mail(run, run->mails[3]);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, history);
        assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_CANNOT_TELL);
    }
}

static void a_history_that_was_cut_short_cannot_be_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(histories); i++) {
        harmed_cannot_be_told(histories[i], 1, false);
        harmed_cannot_be_told(histories[i], 7, false);
        harmed_cannot_be_told(histories[i], -1, false);
    }
}

/* As after a power loss: the file has its length, and zeroes for records. */
static void a_history_of_holes_cannot_be_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(histories); i++) {
        harmed_cannot_be_told(histories[i], 7, true);
        harmed_cannot_be_told(histories[i], -1, true);
    }
}

static void a_store_that_was_not_read_back_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed(16);
    run->has_no_store = true;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "store.history");
}

/* A party that ended though nobody had asked for it: what is certain stays so, the rest does not. */
static void who_ended_unasked_leaves_no_pass(void **state)
{
    (void)state;
    struct ese_endings endings = {.count = 0};
    const struct ese_judge_options options = {.promises = &careful, .endings = &endings};
    ese_endings_add(&endings, "mailer", 1, "");
    struct ese_judgement judgement = judge_at(consumed(22), &options);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "the mailer ended");
    assert_string_equal(judgement.timing_verdict.reason, judgement.ledger_verdict.reason);
    assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_int_equal(judgement.ledger.lost + judgement.mails.lost, 0);

    struct staged_run *run = consumed(22);
    staged_run_add_mail(run, run->mails[run->mail_count / 2]);
    judgement = judge_at(run, &options);
    says(&judgement, ESE_VERDICT_FAIL, "second time");

    run = consumed(22);
    run->has_no_store = true; /* it could not be read back */
    judgement = judge_at(run, &options);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "the mailer ended");
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "had asked for it; ");
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "store.history");
}

static void an_outcome_of_what_was_never_offered_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed(17);
    int events = run->count;
    /* two offers, two outcomes */
    run->events[events - 1].event.id = run->events[events - 2].event.id;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "contradict");
}

static void without_a_client_history_there_is_nothing_to_judge(void **state)
{
    (void)state;
    const struct ese_judge_options options = {.directory = "/nonexistent/ese",
                                              .promises = &careful};
    struct ese_judgement judgement;
    struct ese_error error;
    assert_int_equal(ese_judge(&options, &judgement, &error), -1);
    assert_non_null(strstr(error.text, "client.history"));
}

/* ---- timing ---------------------------------------------------------------------------------- */

static void latencies_run_from_due_and_the_warm_up_is_cut(void **state)
{
    (void)state;
    struct staged_run *run = consumed(18);
    /* acknowledged at 2 ms, handed at 5 */
    int64_t restarted_ns = at(run, a_press(run))->due_ns + 3 * ESE_NS_PER_MS;
    const struct ese_judge_options options = {.promises = &careful,
                                              .measured_from_ns = run->events[100].due_ns,
                                              .restarted_ns = restarted_ns};
    struct ese_judgement judgement = judge_at(run, &options);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_in_range(judgement.warmup_cut, 90, 100); /* some events share a millisecond */
    assert_int_equal(judgement.acknowledge.max_us, 2000);
    assert_in_range(judgement.acknowledge.count, 440, 500);
    /* a batch waits for its last event */
    assert_in_range(judgement.end_to_end.p50_us, 6000, 600000);
    assert_in_range(judgement.recovery.reads_again_us, 0, 200000);
    assert_in_range(judgement.recovery.backlog_at_restart, 1, 20);
    assert_true(judgement.processed_per_s > 1);
}

static int64_t first_due_ns(const struct staged_run *run)
{
    int64_t first_ns = INT64_MAX;
    for (int event = 0; event < run->count; event++)
        first_ns = run->events[event].due_ns < first_ns ? run->events[event].due_ns : first_ns;
    return first_ns;
}

/* Curves of a run whose first event was due so long after its schedule began; 0: nobody says when that was. */
static struct ese_judgement judge_begun_late(int64_t late_ns)
{
    struct staged_run *run = consumed(18);
    const struct ese_judge_options options = {.promises = &careful,
                                              .schedule_ns = late_ns == 0 ? 0 : first_due_ns(run) - late_ns};
    return judge_at(run, &options);
}

/* Deeds keep to the schedule: with a client that came late they are still in the second that they are looked for in. */
static void curves_begin_with_the_schedule(void **state)
{
    (void)state;
    struct ese_judgement unknown = judge_begun_late(0), late = judge_begun_late(2 * ESE_NS_PER_S);
    assert_int_equal(unknown.rates.bucket_ms, 1000);
    assert_int_equal(late.rates.bucket_ms, 1000);
    assert_true(unknown.rates.number[ESE_RATE_OFFERED][0] > 0);
    assert_int_equal(late.rates.count, unknown.rates.count + 2);
    assert_int_equal(late.lag.load_ended_ms, unknown.lag.load_ended_ms + 2000);
    for (int i = 0; i < late.rates.count; i++) {
        for (int which = 0; which < ESE_RATES; which++)
            assert_int_equal(late.rates.number[which][i], i < 2 ? 0 : unknown.rates.number[which][i - 2]);
    }
}

/* What was due before, as by a clock that was set, still is in the curves: they begin with it. */
static void curves_begin_with_what_was_due_before_the_schedule(void **state)
{
    (void)state;
    struct ese_judgement unknown = judge_begun_late(0), early = judge_begun_late(-2 * ESE_NS_PER_S);
    assert_int_equal(early.rates.count, unknown.rates.count);
    for (int i = 0; i < early.rates.count; i++)
        assert_int_equal(early.rates.number[ESE_RATE_OFFERED][i], unknown.rates.number[ESE_RATE_OFFERED][i]);
}

/* More than one of a hundred, of those that were sent: some were not. */
static void a_generator_that_fell_behind_withholds_timing_only(void **state)
{
    (void)state;
    static const int late[] = {EVENTS / 100 - 1, 50};
    for (size_t i = 0; i < ESE_COUNT_OF(late); i++) {
        struct staged_run *run = consumed(19);
        for (int event = 0; event < late[i]; event++)
            run->events[event].sent_ns += run->events[event].sent_ns == 0 ? 0 : 6 * ESE_NS_PER_MS;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        bool is_behind = late[i] > EVENTS / 100;
        assert_int_equal(judgement.timing_verdict.word, is_behind ? ESE_VERDICT_CANNOT_TELL : ESE_VERDICT_PASS);
        assert_non_null(strstr(judgement.timing_verdict.reason, is_behind ? "fell behind" : ""));
        assert_true(judgement.behind_schedule > 0);
    }
}

/* Of some it is not noted when they were sent, others were late: each of both may have been late. */
static void when_others_sent_has_to_be_noted_for_the_timing(void **state)
{
    (void)state;
    static const struct {
        bool is_foreign;
        int untold, late;
        const char *reason; /* NULL: there is a timing */
    } cases[] = {{true, 200, 0, "when 200 of 200 events were sent"}, {true, 3, 0, "when 3 of 200"}, {true, 2, 0, NULL},
                 {true, 1, 1, NULL}, {true, 1, 2, "when 1 of 200"}, {true, 0, 3, "fell behind"}, {false, 200, 0, NULL}};
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct staged_run *run = staged_run_make(21, 200);
        for (int event = 0; event < run->count; event++) {
            struct staged_event *staged = &run->events[event];
            bool is_late = event >= cases[i].untold && event < cases[i].untold + cases[i].late;
            staged->outcome = ESE_HISTORY_ACKNOWLEDGED;
            staged->done_ns = staged->due_ns + 10 * ESE_NS_PER_MS;
            staged->sent_ns = event < cases[i].untold ? 0 : staged->due_ns + (is_late ? 6 * ESE_NS_PER_MS : 0);
        }
        struct ese_judgement judgement = judge_at(run, &(struct ese_judge_options){
            .promises = &careless, .is_foreign = cases[i].is_foreign});
        bool is_told = cases[i].reason == NULL;
        assert_int_equal(judgement.timing_verdict.word, is_told ? ESE_VERDICT_PASS : ESE_VERDICT_CANNOT_TELL);
        assert_non_null(strstr(judgement.timing_verdict.reason, is_told ? "" : cases[i].reason));
    }
}

/* A run of so many events, of which some were not sent, and others were, and so much later than they were due. */
static struct ese_judgement judge_lateness(int sent, int not_sent, int late, int64_t late_ns)
{
    struct staged_run *run = staged_run_make(21, sent + not_sent);
    run->log_count = 0;
    for (int i = 0; i < run->count; i++) {
        struct staged_event *staged = &run->events[i];
        staged->outcome = i < sent ? ESE_HISTORY_ACKNOWLEDGED : ESE_HISTORY_NOT_SENT;
        staged->sent_ns = i < sent ? staged->due_ns + (i < late ? late_ns : 0) : 0;
        staged->done_ns = staged->due_ns + 10 * ESE_NS_PER_MS;
        if (i < sent)
            run->log[run->log_count++] = i;
    }
    staged_run_consume(run);
    return judge(run, &careful);
}

static void timing_is_withheld_where_more_than_one_in_a_hundred_was_sent_late(void **state)
{
    (void)state;
    static const struct {
        int sent, not_sent, late;
        int64_t late_ns;
        bool is_withheld;
    } cases[] = {{1000, 0, 9, 5001000, false}, {1000, 0, 10, 5001000, false}, {1000, 0, 11, 5001000, true},
                 {1000, 0, 11, 5000000, false}, /* as late as it may be */
                 {500, 500, 6, 5001000, true}, {500, 500, 5, 5001000, false} /* of those that were sent */};
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_judgement judgement =
            judge_lateness(cases[i].sent, cases[i].not_sent, cases[i].late, cases[i].late_ns);
        assert_int_equal(judgement.timing_verdict.word,
                         cases[i].is_withheld ? ESE_VERDICT_CANNOT_TELL : ESE_VERDICT_PASS);
        assert_int_equal(judgement.lateness.count, cases[i].sent);
        assert_int_equal(judgement.lateness.p50_us, 0);
        assert_int_equal(judgement.lateness.max_us, cases[i].late_ns / 1000);
        assert_int_equal(judgement.lateness.p99_us >= 5000, cases[i].late * 100 > cases[i].sent);
    }
}

static void a_negative_latency_withholds_timing_only(void **state)
{
    (void)state;
    struct staged_run *run = consumed(20);
    run->events[run->log[a_press(run)]].done_ns -= ESE_NS_PER_S;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_non_null(strstr(judgement.timing_verdict.reason, "negative"));
}

/* A case may be named (tools/check-rules.py does). */
int main(int argc, char **argv)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_run_without_fault_passes),
        cmocka_unit_test(a_wall_clock_that_is_set_is_no_fault),
        cmocka_unit_test(events_of_different_keys_may_change_places),
        cmocka_unit_test(handing_again_is_counted_and_no_fault),
        cmocka_unit_test(an_event_dropped_by_the_store_is_lost),
        cmocka_unit_test(a_transport_that_may_lose_is_not_blamed_for_it),
        cmocka_unit_test(an_event_the_consumer_passed_over_is_lost),
        cmocka_unit_test(an_event_the_store_forgot_after_it_was_read_is_lost),
        cmocka_unit_test(what_left_by_retention_after_it_was_read_is_processed),
        cmocka_unit_test(an_event_stored_again_is_counted),
        cmocka_unit_test(events_of_one_key_may_not_change_places),
        cmocka_unit_test(a_refused_event_in_the_store_is_a_phantom),
        cmocka_unit_test(what_is_not_processed_when_the_drain_ends_cannot_be_told),
        cmocka_unit_test(what_is_unknown_and_not_processed_cannot_be_told),
        cmocka_unit_test(without_an_outcome_it_is_unknown),
        cmocka_unit_test(without_places_the_state_tells_what_was_processed),
        cmocka_unit_test(losses_are_told_by_their_cause),
        cmocka_unit_test(what_the_store_took_along_when_it_died_is_told),
        cmocka_unit_test(the_first_cause_counts),
        cmocka_unit_test(a_loss_that_is_not_noted_cannot_be_told),
        cmocka_unit_test(what_is_still_in_the_store_is_not_lost),
        cmocka_unit_test(what_was_handed_and_not_committed_is_not_processed),
        cmocka_unit_test(what_is_too_old_for_the_state_is_told_by_the_history),
        cmocka_unit_test(a_store_that_does_not_tell_cannot_be_told),
        cmocka_unit_test(a_mail_that_came_twice_is_doubled),
        cmocka_unit_test(a_mail_that_did_not_come_is_lost),
        cmocka_unit_test(a_mail_the_mailer_does_not_know_of_is_neither),
        cmocka_unit_test(no_more_mails_are_unknown_than_deaths_account_for),
        cmocka_unit_test(where_nobody_tells_who_died_any_mail_may_be_unknown),
        cmocka_unit_test(as_long_as_mails_are_under_way_that_is_what_cannot_be_told),
        cmocka_unit_test(a_mail_still_queued_cannot_be_told),
        cmocka_unit_test(a_mail_without_a_third_press_is_unexpected),
        cmocka_unit_test(a_mail_of_no_decision_is_unexpected),
        cmocka_unit_test(a_mail_of_the_wrong_three_is_altered),
        cmocka_unit_test(a_further_mail_of_a_chain_is_doubled),
        cmocka_unit_test(an_unknown_event_out_of_its_place_makes_its_chain_doubtful),
        cmocka_unit_test(a_truncated_history_cannot_be_told),
        cmocka_unit_test(a_history_that_was_cut_short_cannot_be_told),
        cmocka_unit_test(a_history_of_holes_cannot_be_told),
        cmocka_unit_test(a_store_that_was_not_read_back_cannot_be_told),
        cmocka_unit_test(who_ended_unasked_leaves_no_pass),
        cmocka_unit_test(an_outcome_of_what_was_never_offered_cannot_be_told),
        cmocka_unit_test(without_a_client_history_there_is_nothing_to_judge),
        cmocka_unit_test(latencies_run_from_due_and_the_warm_up_is_cut),
        cmocka_unit_test(curves_begin_with_the_schedule),
        cmocka_unit_test(curves_begin_with_what_was_due_before_the_schedule),
        cmocka_unit_test(a_generator_that_fell_behind_withholds_timing_only),
        cmocka_unit_test(when_others_sent_has_to_be_noted_for_the_timing),
        cmocka_unit_test(timing_is_withheld_where_more_than_one_in_a_hundred_was_sent_late),
        cmocka_unit_test(a_negative_latency_withholds_timing_only),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
