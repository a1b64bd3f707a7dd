/* The judge's rules (tests/planted/rules.plants), each over a history of a few events that shows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/book.h"
#include "orchestration/lab/judgement.h"
#include "tests/support/balance.h"
#include "tests/support/directory.h"
#include "tests/support/staged_run.h"

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .retry_stored_once = true,
    .replayable = true, .positions_survive = true};
static const struct ese_promises careless = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                             .positions_survive = true};
static const struct ese_promises lossy = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                          .tells_losses = true};

static struct ese_judgement judge_as(struct staged_run *run, const struct ese_judge_options *options)
{
    struct ese_judgement judgement;
    struct ese_error error;
    staged_run_write(run);
    assert_int_equal(ese_judge(options, &judgement, &error), 0);
    staged_run_free(&run);
    balance_check(&judgement);
    return judgement;
}

static struct ese_judgement judge_from(struct staged_run *run, const struct ese_promises *promises,
                                       int64_t measured_from_ns)
{
    return judge_as(run, &(struct ese_judge_options){
        .directory = run->directory, .promises = promises, .measured_from_ns = measured_from_ns});
}

static struct ese_judgement judge_group(struct staged_run *run, int members)
{
    return judge_as(run, &(struct ese_judge_options){
        .directory = run->directory, .promises = &careful, .members = members});
}

static struct ese_judgement judge(struct staged_run *run, const struct ese_promises *promises)
{
    return judge_from(run, promises, 0);
}

static void says(const struct ese_judgement *judgement, enum ese_verdict_word word, const char *reason)
{
    const struct ese_verdict *verdict = &judgement->ledger_verdict;
    if (verdict->word != word || strstr(verdict->reason, reason) == NULL)
        fail_msg("the verdict is %s: %s", ese_verdict_text(verdict->word), verdict->reason);
}

static struct staged_run *consumed(const char *script)
{
    struct staged_run *run = staged_run_of(script);
    staged_run_consume(run);
    return run;
}

static struct staged_run *lossy_run(const char *script)
{
    struct staged_run *run = staged_run_of(script);
    run->tells_losses = true;
    return run;
}

/* The first key whose events lie in that partition. */
static char key_in(int32_t partition)
{
    char script[] = "a0";
    for (;; script[0]++) {
        struct staged_run *run = staged_run_of(script);
        int32_t its = staged_run_partition(run, 0);
        staged_run_free(&run);
        if (its == partition)
            return script[0];
    }
}

/* The script, its keys p, q and r being such of the partitions 0, 1 and 2. */
static struct staged_run *run_of_partitions(const char *script)
{
    char *text = ese_copy_text(script);
    for (char *at = text; *at != '\0'; at++) {
        if (*at >= 'p' && *at < 'p' + STAGED_PARTITIONS)
            *at = key_in(*at - 'p');
    }
    struct staged_run *run = staged_run_of(text);
    free(text);
    return run;
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static struct ese_judgement judge_poisoned(const char *script, int64_t poison_every, const struct ese_deeds *deeds)
{
    struct staged_run *run = consumed(script);
    return judge_as(run, &(struct ese_judge_options){
        .directory = run->directory, .promises = &careful, .poison_every = poison_every, .deeds = deeds});
}

static void a_dead_letter_is_processed_and_listed(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_poisoned("a0 a100* a200 b0 a300", 5, NULL);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.processed, 5);
    assert_int_equal(judgement.ledger.dead_letters, 1);
    assert_int_equal(judgement.mails.expected, 1); /* of those that are left */
    assert_int_equal(judgement.mails.matched, 1);
}

/* By it a consumer would lose whatever it likes, and no mail would be missed. */
static void dead_letters_excuse_no_loss(void **state)
{
    (void)state;
    static const struct {
        int64_t poison_every;
        const char *script, *reason;
    } fails[] = {
        {0, "a0 a100* a200 b0 a300", "1 events were passed over as dead letters, where a rule had to fail on 0 at "},
        {6, "a0 a100* a200 b0 a300", "1 events were passed over as dead letters, where a rule had to fail on 0 at "},
        {5, "a0 a100* a200* b0 a300", "2 events were passed over as dead letters, where a rule had to fail on 1 at "},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(fails); i++) {
        struct ese_judgement judgement = judge_poisoned(fails[i].script, fails[i].poison_every, NULL);
        says(&judgement, ESE_VERDICT_FAIL, fails[i].reason);
        assert_int_equal(judgement.mails.lost, 0);
    }
}

static void a_dead_letter_of_unknown_outcome_is_one(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100* a200* b0 a300");
    run->events[2].outcome = ESE_HISTORY_UNKNOWN;
    struct ese_judgement judgement = judge_as(run, &(struct ese_judge_options){
        .directory = run->directory, .promises = &careful, .poison_every = 5});
    assert_int_equal(judgement.ledger.dead_letters, 1);
    says(&judgement, ESE_VERDICT_FAIL, "2 events were passed over as dead letters, where a rule had to fail on 1 at ");
}

/* What its client has passed by counts for nothing, and may lie in front of one that is poison. */
static void each_life_of_a_client_may_have_a_dead_letter_more(void **state)
{
    (void)state;
    struct ese_deeds deeds = {.count = 0};
    ese_deeds_add(&deeds, &(struct ese_deed){.act = ESE_ACT_START, .roles = ESE_ROLE_BIT(ESE_ROLE_CONSUMER)});
    ese_deeds_add(&deeds, &(struct ese_deed){.act = ESE_ACT_KILL, .roles = ESE_ROLE_BIT(ESE_ROLE_CLIENT)});
    struct ese_judgement judgement = judge_poisoned("a0 a100* a200* b0 a300", 5, &deeds);
    says(&judgement, ESE_VERDICT_FAIL, "2 events were passed over as dead letters");
    ese_deeds_add(&deeds, &(struct ese_deed){.act = ESE_ACT_START, .roles = ESE_ROLE_BIT(ESE_ROLE_CLIENT)});
    judgement = judge_poisoned("a0 a100* a200* b0 a300", 5, &deeds);
    says(&judgement, ESE_VERDICT_PASS, "");
    judgement = judge_poisoned("a0 a100* a200* b0 a300", 0, &deeds);
    says(&judgement, ESE_VERDICT_FAIL, "2 events were passed over as dead letters");
}

static void without_places_a_dead_letter_is_not_lost(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run("a0 a100* a200=");
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &lossy);
    assert_int_equal(judgement.ledger.processed, 3);
    assert_int_equal(judgement.ledger.lost, 0);
    assert_int_equal(judgement.ledger.dead_letters, 1);
}

static void a_mail_of_a_dead_letter_is_none_that_had_to_come(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200");
    staged_run_consume(run); /* and yet it has processed it */
    run->events[1].replay = STAGED_DEAD;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "mails came that no events account for");
    assert_int_equal(judgement.mails.expected, 0);
}

static void what_a_replay_has_handed_is_a_batch_of_its_own(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(consumed("a0 a100= a200= a300 a400="), &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.dead_letters, 0); /* not any more */
    assert_int_equal(judgement.mails.expected, 1);
    assert_int_equal(judgement.mails.matched, 1);
    assert_int_equal(judgement.mail.count, 0); /* it came whenever somebody liked to */
    struct staged_run *run = consumed("a0 a100= a200= a300 a400=");
    staged_run_drop_mail(run, 0);
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails are missing");
}

static void two_replays_are_two_batches(void **state)
{
    (void)state;
    struct ese_judgement judgement =
        judge(consumed("a0= a100= a200+ b0+ b100+ b200+ a300= c0+"), &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.mails.expected, 2);
    assert_int_equal(judgement.mails.matched, 2);
}

/* ---- what becomes of events ------------------------------------------------------------------ */

static void every_event_has_one_end(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(consumed("a0 a100? a200- a300! a400/ a500x b0."), &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.offered, 7);
    assert_int_equal(judgement.ledger.acknowledged, 2);
    assert_int_equal(judgement.ledger.processed, 2);
    assert_int_equal(judgement.ledger.refused, 1);
    assert_int_equal(judgement.ledger.not_sent, 1);
    assert_int_equal(judgement.ledger.unknown, 3);
    assert_int_equal(judgement.ledger.unknown_stored, 2);
    assert_int_equal(judgement.ledger.unknown_absent, 1);
    assert_int_equal(judgement.ledger.phantom, 0);
    assert_int_equal(judgement.ledger.stored_twice, 0);
    assert_int_equal(judgement.ledger.redelivered, 0);
}

static void what_was_handed_and_not_committed_is_in_flight(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200 a300 a400 a500");
    run->read = 3;
    run->handed_beyond = 2;
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "3 stored events were not processed");
    assert_int_equal(judgement.ledger.processed, 3);
    assert_int_equal(judgement.ledger.in_flight, 3);
    assert_int_equal(judgement.end_to_end.count, 3);
    /* nor was any committed before it was due */
    assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_PASS);
}

/* Two were handed and not committed, and one not at all; of another, which was told a place that is committed, its
 * reader was handed nothing. */
static struct ese_judgement judge_unseen(const char *script, int32_t partition, int64_t offset)
{
    struct staged_run *run = staged_run_of(script);
    run->read = 3;
    run->handed_beyond = 2;
    run->gone = run->log_count;
    run->events[run->count - 1].is_place_told = true;
    run->events[run->count - 1].told_partition = partition < 0 ? partition : staged_run_partition(run, run->count - 1);
    run->events[run->count - 1].told_offset = offset;
    staged_run_consume(run);
    return judge_as(run, &(struct ese_judge_options){
        .directory = run->directory, .promises = &careless, .is_store_unseen = true});
}

static void what_may_be_in_a_store_that_nobody_looked_into_is_in_flight(void **state)
{
    (void)state;
    for (int64_t offset = -1; offset < 5; offset++) {
        struct ese_judgement judgement = judge_unseen("a0 a100 a200 a300 a400 a500", 0, offset);
        bool is_lost = offset >= 0 && offset < 3;
        says(&judgement, ESE_VERDICT_CANNOT_TELL, "nobody has looked into the store");
        assert_int_equal(judgement.ledger.processed, 3);
        assert_int_equal(judgement.ledger.lost, is_lost);
        assert_int_equal(judgement.ledger.in_flight, is_lost ? 2 : 3);
    }
    /* its partition was not told, and in another one nobody has committed */
    assert_int_equal(judge_unseen("a0 a100 a200 a300 a400 a500", -1, 0).ledger.lost, 0);
}

static void what_was_handed_and_left_before_it_was_committed_is_lost(void **state)
{
    (void)state;
    for (int promised = 0; promised < 2; promised++) {
        struct staged_run *run = staged_run_of("a0 a100 a200 a300 a400 a500");
        run->read = 3;
        run->handed_beyond = 2;
        run->forgotten = 4;
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, promised ? &careful : &careless);
        assert_int_equal(judgement.ledger.processed, 3);
        assert_int_equal(judgement.ledger.in_flight, 2);
        assert_int_equal(judgement.ledger.lost, 1);
    }
}

/* It has left its store, which promises no replay. */
static void what_left_is_judged_by_where_it_was_handed(void **state)
{
    (void)state;
    struct staged_run *run = run_of_partitions("q0. q100. q200.");
    run->forgotten = 2;
    struct ese_judgement judgement = judge(run, &careless);
    assert_int_equal(judgement.ledger.processed, 3);
    assert_int_equal(judgement.ledger.lost, 0);
}

/* A copy of it was handed, too, and not committed. */
static void what_left_is_judged_by_where_it_was_handed_first(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0. a100.");
    staged_run_append(run, 0);
    run->read = 2;
    run->handed_beyond = 1;
    run->gone = 3;
    struct ese_judgement judgement = judge(run, &careless);
    assert_int_equal(judgement.ledger.processed, 2);
    assert_int_equal(judgement.ledger.lost, 0);
}

static void what_is_stored_is_judged_by_where_that_is(void **state)
{
    (void)state;
    struct staged_run *run = run_of_partitions("p0. p1. p2. p3. q0. q1. q2.");
    run->read = 5;
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.ledger.in_flight, 2);
    assert_int_equal(judgement.ledger.lost, 0);
}

static void an_unknown_event_in_flight_cannot_be_told(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100?");
    run->read = 1;
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 stored event was not processed");
    assert_int_equal(judgement.ledger.in_flight, 0);
    assert_int_equal(judgement.ledger.unknown_stored, 1);
}

/* The first three, or all of the one partition. Where nobody has asked the store, it may have forgotten them. */
static void what_left_is_lost_unless_its_store_says_that_it_has_forgotten_it(void **state)
{
    (void)state;
    for (int gone = 3; gone <= 6; gone += 3) {
        for (int silent = 0; silent < 2; silent++) {
            struct staged_run *run = consumed("a0 a100 a200 a300 a400 a500");
            run->gone = gone;
            run->is_silent = silent;
            struct ese_judgement judgement = judge(run, &careful);
            says(&judgement, silent ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS, silent ? "events are lost" : "");
            assert_int_equal(judgement.ledger.lost, silent ? gone : 0);
        }
        struct staged_run *run = consumed("a0 a100 a200 a300 a400 a500");
        run->gone = gone;
        run->is_of_old = true;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, "does not note what that has forgotten");
        assert_int_equal(judgement.ledger.processed, 6);
    }
    struct staged_run *run = consumed("a0 a100 a200");
    run->is_of_old = true;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
}

static void what_left_is_judged_by_where_it_was_handed_and_nobody_asks(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    run->gone = 3;
    run->is_of_old = true;
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.processed, 3);
}

/* All of its events had left: so it is not that one that was read from its beginning. */
static void what_was_read_from_later_on_was_not_asked_for(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    run->gone = 3;
    run->is_silent = true;
    run->read_from = 3;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "does not note what that has forgotten");
}

static void what_was_read_of_a_partition_that_is_no_longer_there_is_lost(void **state)
{
    (void)state;
    struct staged_run *run = run_of_partitions("q0. q100. p200. p300. q400.");
    run->unread = 1;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "3 acknowledged events are lost");
}

static void what_a_store_says_counts_for_more_than_what_was_found_in_it(void **state)
{
    (void)state;
    static const struct {
        struct ese_book_beginning noted;
        int64_t beginning;
    } steps[] = {{{.offset = 3}, 3}, {{.offset = 5}, 3}, {{.offset = 0, .is_told = true}, 0},
                 {{.offset = 7, .is_told = true}, 7}, {{.offset = 6, .is_told = true}, 7}, {{.offset = 2}, 7}};
    struct ese_book book;
    ese_book_begin(&book, &careful);
    assert_true(ese_book_beginning(&book, 0) == INT64_MAX);
    for (size_t i = 0; i < ESE_COUNT_OF(steps); i++) {
        ese_book_note_beginning(&book, &steps[i].noted);
        assert_int_equal(ese_book_beginning(&book, 0), steps[i].beginning);
    }
    ese_book_free(&book);
}

/* It has forgotten the first two of it, and nothing of the others. */
static void what_a_store_says_of_one_partition_holds_there(void **state)
{
    (void)state;
    struct staged_run *run = run_of_partitions("q0. q100. p200. p300. q400.");
    run->gone = 2;
    run->forgotten = 2;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 acknowledged event is lost");
    assert_int_equal(judgement.ledger.processed, 4);
}

static void an_unknown_event_that_was_handed_and_left_was_stored(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200?");
    run->gone = 3;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.unknown_stored, 1);
    assert_int_equal(judgement.mails.expected, 1);
    assert_int_equal(judgement.mails.matched, 1);
}

static void seen_and_never_stored_is_a_phantom(void **state)
{
    (void)state;
    for (int left = 0; left < 2; left++) { /* handed, and gone when the store was read back */
        struct staged_run *run = staged_run_of("a0 a100! b200/ a300?");
        staged_run_append(run, 1);
        if (left)
            run->forgotten = run->log_count - 1;
        else
            staged_run_append(run, 2);
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &careless);
        says(&judgement, ESE_VERDICT_FAIL, "stored though refused");
        assert_int_equal(judgement.ledger.phantom, left ? 1 : 2);
    }
}

static void what_nobody_offered_is_a_phantom(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 b100 a200");
    run->unoffered = 1;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 events are stored though");
    assert_int_equal(judgement.ledger.offered, 2);
    assert_int_equal(judgement.ledger.phantom, 1);
}

/* They are neither the run's nor phantoms; what was decided on for them has to come. */
static void what_strangers_sent_is_told_beside(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(consumed("a0 b100~ b200~ b300~ a400 c500~"), &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.offered, 2);
    assert_int_equal(judgement.ledger.strangers, 4);
    assert_int_equal(judgement.ledger.phantom, 0);
    assert_int_equal(judgement.mails.expected, 1);
    assert_int_equal(judgement.mails.matched, 1);
}

static void a_strangers_mail_has_to_come(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 b100~ b200~ b300~");
    staged_run_drop_mail(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails are missing");
    assert_int_equal(judgement.mails.expected, 1);
    assert_int_equal(judgement.mails.lost, 1);
}

static void a_strangers_mail_comes_once(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 b100~ b200~ b300~");
    staged_run_add_mail(run, run->decisions[0].id);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came a second time");
    assert_int_equal(judgement.mails.doubled, 1);
}

/* Which of them a rule has seen between which others nobody knows. */
static void where_strangers_press_among_the_runs_own_nothing_can_be_told(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(consumed("a0 a100~ a200 a300 b400"), &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "strangers have sent events of the run's own keys");
    assert_int_equal(judgement.ledger.strangers, 1);
    assert_int_equal(judgement.ledger.offered, 4);
}

/* It is of other presses than the run's own alone would have given. */
static void a_mail_of_a_key_that_strangers_share_is_no_fault(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(consumed("a0 a100 a200~ a300 a400 a500"), &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "strangers have sent");
    assert_int_equal(judgement.mails.altered, 0);
    assert_int_equal(judgement.mails.lost, 0);
    assert_int_equal(judgement.mails.matched, 2);
    assert_int_equal(judgement.mails.doubtful_chains, 1);
}

/* With places it is where it was; without, what was handed since counts, as that can be committed. */
static void what_was_handed_before_its_reader_began_anew_is_committed_when_it_is_handed_again(void **state)
{
    (void)state;
    for (int has_places = 0; has_places < 2; has_places++) {
        struct staged_run *run = staged_run_of("a0. a100. a200.");
        run->is_begun_anew = true;
        run->tells_losses = run->is_long_ago = !has_places; /* the state cannot tell any more */
        run->gone = has_places ? 0 : 3;
        struct ese_judgement judgement = judge(run, has_places ? &careful : &lossy);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.processed, 3);
        assert_int_equal(judgement.end_to_end.count, 3);
    }
}

static void what_is_handed_again_was_committed_before(void **state)
{
    (void)state;
    for (int has_places = 0; has_places < 2; has_places++) {
        struct staged_run *run = staged_run_of("a0. a100. a200.");
        run->is_read_again = true;
        run->tells_losses = !has_places;
        struct ese_judgement judgement = judge(run, has_places ? &careful : &lossy);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.redelivered, 3);
        assert_in_range(judgement.end_to_end.max_us, 1000, 500000);
    }
}

static void what_the_store_forgot_after_it_was_committed_is_lost(void **state)
{
    (void)state;
    struct ese_promises promises = careless;
    promises.replayable = true;
    struct staged_run *run = staged_run_of("a0. a100. a200.");
    run->forgotten = 1;
    struct ese_judgement judgement = judge(run, &promises);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.lost, 1);
}

/* No death of a store takes what has come through. */
static void without_places_what_was_committed_and_is_not_in_the_state_cannot_be_told(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct staged_run *run = lossy_run("a0. a100. a200.");
        run->taken_back = run->forgotten = 1;
        run->second_life = how == 0 ? 2 : 0;
        run->noted[1] = how == 1 ? ESE_HISTORY_OVERWRITTEN : ESE_HISTORY_END;
        run->events[1].outcome = how == 2 ? ESE_HISTORY_UNKNOWN : ESE_HISTORY_ACKNOWLEDGED;
        struct ese_judgement judgement = judge(run, &lossy);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 events were committed, as the consumer's history has it");
        assert_int_equal(judgement.ledger.lost_by_other, how < 2);
    }
}

/* Another reader has taken over between the second and the third, and has not seen that one. */
static void without_places_one_who_was_taken_over_commits_no_more(void **state)
{
    (void)state;
    for (int is_late = 0; is_late < 2; is_late++) { /* the commit is its own, or the other's */
        struct staged_run *run = lossy_run("a0. a100. a200.");
        run->not_had = run->forgotten = 2;
        run->noted[2] = ESE_HISTORY_OVERWRITTEN;
        struct ese_history_record others[] = {
            {.kind = ESE_HISTORY_GIVEN, .time_ns = run->events[1].due_ns + 7 * ESE_NS_PER_MS},
            {.kind = ESE_HISTORY_COMMITTED, .time_ns = run->events[2].due_ns + 10 * ESE_NS_PER_MS, .a = INT64_MAX}};
        if (is_late)
            others[1] = (struct ese_history_record){.kind = ESE_HISTORY_HANDED, .id = run->events[2].event.id,
                                                    .time_ns = run->events[2].due_ns + 5 * ESE_NS_PER_MS};
        run->others = others;
        run->other_count = 2;
        struct ese_judgement judgement = judge(run, &lossy);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.lost_by_clash, 1);
    }
}

/* A partition changes hands: who has it next is handed again what was not committed; and who had it hands on, when it
 * is back, what is no longer its own. */
static void what_two_members_are_handed_is_processed_once(void **state)
{
    (void)state;
    for (int is_late = 0; is_late < 2; is_late++) {
        struct staged_run *run = consumed("a0 a100 a200");
        const struct staged_event *last = &run->events[2];
        struct ese_history_record others[] = {
            {.kind = ESE_HISTORY_GIVEN, .time_ns = last->due_ns},
            {.kind = ESE_HISTORY_HANDED, .id = last->event.id, .a = 2,
             .time_ns = last->due_ns + (is_late ? ESE_NS_PER_S : ESE_NS_PER_MS)}};
        run->others = others;
        run->other_count = 2;
        struct ese_judgement judgement = judge_group(run, 2);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.ledger.processed, 3);
        assert_int_equal(judgement.ledger.redelivered, 1);
        assert_int_equal(judgement.mails.matched, 1);
        assert_int_equal(judgement.mails.arrived, 1);
    }
}

/* What it alone was handed nobody was, then, and it is not for the transport to answer for. */
static void without_the_history_of_a_member_it_cannot_be_told(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_group(consumed("a0. a100."), 1);
    says(&judgement, ESE_VERDICT_PASS, "");
    judgement = judge_group(consumed("a0. a100."), 2);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "no history consumer-2.history of a group of 2");
}

/* Whatever became of it since. */
static void without_places_what_was_read_back_is_in_flight(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run("a0. a100. a200.");
    run->passed_over = 1;
    run->noted[1] = ESE_HISTORY_EXPIRED;
    struct ese_judgement judgement = judge(run, &lossy);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 stored event was not processed");
    assert_int_equal(judgement.ledger.in_flight, 1);
}

/* Its store died before its reader could commit it; nobody will any more. */
static void without_places_what_was_handed_and_not_committed_is_lost(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run("a0. a100. a200. b300.");
    run->read = 2;
    run->handed_beyond = 1;
    run->forgotten = 2;
    run->second_life = 3;
    struct ese_judgement judgement = judge(run, &lossy);
    assert_int_equal(judgement.ledger.processed, 2);
    assert_int_equal(judgement.ledger.lost_by_death, 1);
    assert_int_equal(judgement.ledger.in_flight, 1);
}

/* Nor is who says it believed: what a store notes has to agree with what is known. */
static void a_cause_that_cannot_be_is_none(void **state)
{
    (void)state;
    static const struct {
        enum ese_history_kind how;
        enum staged_doubt doubt;
    } cases[] = {{ESE_HISTORY_OVERWRITTEN, STAGED_BY_NOBODY},
                 {ESE_HISTORY_OVERWRITTEN, STAGED_BY_ONE_NOT_KEPT},
                 {ESE_HISTORY_OVERWRITTEN, STAGED_BY_ONE_KEPT_BEFORE},
                 {ESE_HISTORY_OVERWRITTEN, STAGED_BY_ANOTHER_KEY},
                 {ESE_HISTORY_OVERWRITTEN, STAGED_BY_ANOTHER_TIME},
                 {ESE_HISTORY_OVERWRITTEN, STAGED_NOT_KEPT_ITSELF},
                 {ESE_HISTORY_EXPIRED, STAGED_NOT_KEPT_ITSELF},
                 {ESE_HISTORY_EXPIRED, STAGED_TOO_SOON},
                 {ESE_HISTORY_EXPIRED, STAGED_BEFORE_IT_WAS_KEPT},
                 {ESE_HISTORY_EXPIRED, STAGED_BEHIND_IT}};
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        for (int doubted = 0; doubted < 2; doubted++) {
            struct staged_run *run = lossy_run("a0. a100. a200. b300.");
            staged_run_lose(run, 1, cases[i].how);
            run->doubted = doubted ? 1 : -1;
            run->doubt = cases[i].doubt;
            run->second_life = 3; /* if it was lost by no cause that can be, it was not by this death, either */
            struct ese_judgement judgement = judge(run, &lossy);
            if (judgement.ledger.lost_by_other != doubted)
                print_error("# case %zu\n", i);
            says(&judgement, doubted ? ESE_VERDICT_CANNOT_TELL : ESE_VERDICT_PASS,
                 doubted ? "1 acknowledged event is lost, and the store has noted no cause that can be" : "");
            assert_int_equal(judgement.ledger.lost, 1);
            assert_int_equal(judgement.ledger.lost_by_other, doubted);
        }
    }
}

/* Which is worse than a loss without a cause. */
static void who_has_taken_a_place_and_was_never_offered_is_a_phantom_and_no_cause(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run("a0. a100. a200.");
    staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
    run->doubted = 1;
    run->doubt = STAGED_BY_ONE_NOT_OFFERED;
    struct ese_judgement judgement = judge(run, &lossy);
    says(&judgement, ESE_VERDICT_FAIL, "1 events are stored though");
    assert_int_equal(judgement.ledger.lost_by_other, 1);
}

/* A server of old: but not one that is to come. */
static void where_nobody_says_how_long_a_store_keeps_events_any_age_will_do(void **state)
{
    (void)state;
    for (int behind = 0; behind < 2; behind++) {
        struct staged_run *run = lossy_run("a0. a100. a200.");
        staged_run_lose(run, 1, ESE_HISTORY_EXPIRED);
        run->doubted = 1;
        run->doubt = behind ? STAGED_BEHIND_IT : STAGED_TOO_SOON;
        run->is_ageless = true;
        struct ese_judgement judgement = judge(run, &lossy);
        says(&judgement, behind ? ESE_VERDICT_CANNOT_TELL : ESE_VERDICT_PASS, behind ? "no cause" : "");
        assert_int_equal(judgement.ledger.lost_by_expiry, !behind);
    }
}

/* No mail comes at all. Where a chain is doubtful nobody misses one. */
static void expect_doubt(struct staged_run *run, const struct ese_promises *promises, bool is_doubtful)
{
    struct ese_judgement judgement = judge(run, promises);
    says(&judgement, is_doubtful ? ESE_VERDICT_PASS : ESE_VERDICT_FAIL, is_doubtful ? "" : "mails are missing");
    assert_int_equal(judgement.mails.lost > 0, !is_doubtful);
}

/* ---- order and copies ------------------------------------------------------------------------ */

static void each_that_is_behind_a_later_one_is_out_of_order(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0. a100. a200.");
    staged_run_move(run, 2, 0); /* before both */
    struct ese_judgement judgement = judge(run, &careless);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.reordered, 2);

    run = staged_run_of("a0. b0. a100. b100.");
    staged_run_swap(run, 0, 2);
    staged_run_swap(run, 1, 3);
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "2 events are stored behind a later one");
    assert_int_equal(judgement.ledger.reordered, 2);
}

static void keys_have_no_order_among_them(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0. b0. c0. d0. e0. f0.");
    for (int place = 0; place < 5; place++)
        staged_run_move(run, 5, place);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.reordered, 0);
}

/* Each lies in the other's partition; of one partition, that is no fault. */
static void who_is_in_another_partition_is_out_of_order(void **state)
{
    (void)state;
    for (int apart = 0; apart < 2; apart++) {
        struct staged_run *run = run_of_partitions(apart ? "p0. q0. p100. q100." : "p0. p0. p100. p100.");
        run->misplaced[0] = 0;
        run->misplaced[1] = 1;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, apart ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS, apart ? "behind a later one" : "");
        assert_int_equal(judgement.ledger.reordered, apart ? 2 : 0);
    }
}

static void only_what_was_acknowledged_and_is_stored_has_an_order(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0. a100?. a200.");
    staged_run_move(run, 1, 2);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.reordered, 0);

    run = run_of_partitions("q0. q100. q200.");
    staged_run_drop(run, 1);
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "lost");
    assert_int_equal(judgement.ledger.reordered, 0);
}

static void two_events_at_one_place_cannot_be_told(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) { /* the later one is there first, of the same offset or another */
        struct staged_run *run = consumed("a0 a100 a200");
        run->crowded = swapped ? -1 : 2;
        run->goes_back = swapped;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, "two events at one place");
    }
    struct staged_run *run = lossy_run("a0. a100. a200."); /* without places */
    run->crowded = 2;
    struct ese_judgement judgement = judge(run, &lossy);
    says(&judgement, ESE_VERDICT_PASS, "");
}

/* By where it was handed: events that left, and one that left behind one that did not. */
static void what_left_has_not_taken_its_order_along(void **state)
{
    (void)state;
    for (int gone = 2; gone <= 4; gone++) {
        struct staged_run *run = staged_run_of("a0. a100. a200. a300.");
        staged_run_swap(run, 1, 2);
        run->gone = gone;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_FAIL, "1 events are stored behind a later one");
        assert_int_equal(judgement.ledger.lost, 0);

        run = staged_run_of("a0 a100? a200");
        staged_run_swap(run, 1, 2);
        run->gone = gone < 3 ? gone : 3;
        expect_doubt(run, &careful, true);
    }
    struct staged_run *run = staged_run_of("a0. a100. a200. a300.");
    run->gone = 2;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
}

static void a_further_copy_is_counted_and_has_no_place(void **state)
{
    (void)state;
    for (int promised = 0; promised < 2; promised++) {
        struct staged_run *run = staged_run_of("a0. a100. a200.");
        staged_run_append(run, 0);
        struct ese_judgement judgement = judge(run, promised ? &careful : &careless);
        says(&judgement, promised ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS,
             promised ? "1 events are stored a second time" : "");
        assert_int_equal(judgement.ledger.stored_twice, 1);
        assert_int_equal(judgement.ledger.reordered, 0);
        assert_int_equal(judgement.ledger.redelivered, 1);
    }
}

static void a_copy_that_is_noted_twice_is_one(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    run->noted_again = 1;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.stored_twice, 0);
}

static void without_places_nothing_has_an_order_and_copies_tell_nothing(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run("a0. a100. a200.");
    staged_run_swap(run, 0, 2);
    staged_run_append(run, 0);
    struct ese_judgement judgement = judge(run, &lossy);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.reordered, 0);
    assert_int_equal(judgement.ledger.stored_twice, 0);
    assert_int_equal(judgement.ledger.processed, 3);
}

static void what_was_skipped_is_counted(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    run->skipped_in = "consumer-1.history";
    run->skipped = 7;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.skipped_by_retention, 7);

    run = consumed("a0 a100 a200");
    run->skipped_in = "store.history"; /* nobody knows what that was */
    run->skipped = 7;
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "the store forgot 7 events before they were looked at");
}

/* As long as nothing was found in it: what it has shown and then lost is another matter. */
static void a_store_may_go_on_forgetting_until_it_is_read(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0. a100. a200. a300.");
    run->gone = run->gone_on = 1;
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.ledger.processed, 4);

    run = run_of_partitions("p0. p100. p200. p300. p400.");
    staged_run_consume(run);
    run->gone = 1;
    run->skipped_in = "store.history"; /* from 1 on, behind what was found there */
    run->skipped = 1;
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "the store forgot 1 event before it was looked at");

    run = run_of_partitions("p0. p100. p200.");
    staged_run_consume(run);
    run->gone = 2;
    run->forgotten = 2;
    run->skipped_in = "store.history"; /* not where it begins */
    run->skipped = 2;
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "the store forgot 2 events");
}

/* ---- which of them retention took ------------------------------------------------------------- */

static const struct ese_promises unreplayable = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .positions_survive = true};

/* Four of one key, none of them a press; of the last three the client was told their places, where it was told any. The
 * first so many of the log are gone. */
static struct ese_judgement judge_skipped(const char *reading, bool is_told, int gone, bool is_unseen)
{
    struct staged_run *run = staged_run_of("a0. a10. a20. a30.");
    run->reading = reading;
    run->gone = gone;
    for (int i = 1; i < run->count; i++) {
        run->events[i].is_place_told = is_told;
        run->events[i].told_partition = staged_run_partition(run, i);
        run->events[i].told_offset = i;
    }
    staged_run_consume(run);
    return judge_as(run, &(struct ese_judge_options){
        .directory = run->directory, .promises = is_unseen ? &unreplayable : &careful, .is_store_unseen = is_unseen});
}

static void assert_taken(const char *reading, bool is_told, int lost, int by_expiry)
{
    for (int is_unseen = 0; is_unseen < 2; is_unseen++) {
        struct ese_judgement judgement = judge_skipped(reading, is_told, is_unseen ? 4 : 3, is_unseen);
        if (judgement.ledger.lost != lost || judgement.ledger.lost_by_expiry != by_expiry ||
            judgement.ledger.lost_by_other != lost - by_expiry || judgement.ledger.processed != 4 - lost)
            fail_msg("%s%s: %lld are lost, of these %lld by expiry and %lld otherwise, and %lld are processed", reading,
                     is_unseen ? ", unseen" : "", (long long)judgement.ledger.lost,
                     (long long)judgement.ledger.lost_by_expiry, (long long)judgement.ledger.lost_by_other,
                     (long long)judgement.ledger.processed);
        says(&judgement, lost > 0 ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS,
             lost > 1 ? "acknowledged events are lost" : lost > 0 ? "1 acknowledged event is lost" : "");
    }
}

/* And no excuse for it. */
static void what_nobody_read_in_time_is_lost_by_expiry(void **state)
{
    (void)state;
    assert_taken("1g0 1h0 1c1 1s1-3 1h3 1c4", true, 2, 2);
    assert_taken("1g0 1h0 1c1 1s1-2 1h2 1h3 1c4", true, 1, 1);
    assert_taken("1g0 1h0 1c1 2g1 2s1-2 2s2-3 2h3 2c4", true, 2, 2); /* in two stretches */
    assert_taken("1g0 1h0 1c1 1h2 1s1-2 1h3 1c4", true, 1, 1); /* of what was handed nothing lay there */
}

static void what_lies_beside_that_is_lost_otherwise(void **state)
{
    (void)state;
    assert_taken("1g0 1h0 1c1 1s1-2 1h3 1c4", true, 2, 1);  /* passed over */
    assert_taken("1g0 1h0 1c1 1s2-3 1h3 1c4", true, 2, 1);
    assert_taken("1g0 1h0 1c1 1h3 1c4", true, 2, 0);
    assert_taken("1g0 1h0 1h1 1h2 1c3 1s1-3 1h3 1c4", true, 0, 0); /* committed before */
}

/* Where it lay nobody knows. */
static void whose_place_nobody_was_told_retention_cannot_be_said_to_have_taken(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_skipped("1g0 1h0 1c1 1s1-3 1h3 1c4", false, 3, false);
    assert_int_equal(judgement.ledger.lost, 2);
    assert_int_equal(judgement.ledger.lost_by_other, 2);
    assert_int_equal(judgement.ledger.skipped_by_retention, 2);
}

/* Its reader died with it in hand, and whoever took over came too late: it goes on behind it. */
static void what_was_handed_in_vain_and_then_no_longer_kept_is_lost(void **state)
{
    (void)state;
    for (int is_told = 0; is_told < 2; is_told++) {
        assert_taken("1g0 1h0 1c1 1h1 1h2 2g1 2s1-3 2h3 2c4", is_told == 1, 2, 2);
        assert_taken("1g0 1h0 1c1 1h1 1h2 1g1 1s1-2 1h2 1h3 1c4", is_told == 1, 1, 1);
        assert_taken("1g0 1h0 1c1 1h1 1h2 1g1 1h1 1h2 1h3 1c4", is_told == 1, 0, 0); /* in time */
        assert_taken("1g0 1h0 1c1 1h1 1h2 1c3 2g3 2h3 2c4", is_told == 1, 0, 0);
    }
    /* As whoever follows the store has seen it. */
    struct ese_judgement judgement = judge_skipped("1g0 1h0 1c1 1h1 1h2 2g1 2s1-3 2h3 2c4", true, 0, false);
    assert_int_equal(judgement.ledger.lost_by_expiry, 2);
    assert_int_equal(judgement.ledger.processed, 2);
}

static void what_was_handed_in_vain_may_be_handed_from_elsewhere(void **state)
{
    (void)state;
    for (int is_there = 0; is_there < 2; is_there++) {
        struct staged_run *run = staged_run_of("a0. a10. a20. a30.");
        run->reading = "1g0 1h0 1c1 1h1 2g1 2s1-2 2h2 2h3 2h4 2c5";
        staged_run_append(run, 1);
        run->gone = is_there ? 2 : 5;
        staged_run_consume(run);
        struct ese_judgement judgement = judge_as(run, &(struct ese_judge_options){
            .directory = run->directory, .promises = is_there ? &careful : &unreplayable,
            .is_store_unseen = !is_there});
        assert_int_equal(judgement.ledger.processed, 4);
        assert_int_equal(judgement.ledger.lost, 0);
    }
}

/* The first was handed; of its partition all before 2 is skipped, of partition 0 what lies behind its first. */
static void what_is_skipped_elsewhere_takes_nothing_here(void **state)
{
    (void)state;
    static const int64_t told[] = {-1, 0, 1, 2, -1, 1, 0};
    struct staged_run *run = run_of_partitions("q0. q10. q20. q25. q28. r30. p40.");
    struct ese_history_record skip = {.kind = ESE_HISTORY_SKIPPED, .time_ns = 1, .a = -2, .b = 2};
    for (int i = 0; i < run->count; i++) {
        run->events[i].is_place_told = i > 0; /* of one its partition alone */
        run->events[i].told_partition = staged_run_partition(run, i);
        run->events[i].told_offset = told[i];
    }
    run->others = &skip;
    run->other_count = 1;
    run->skipped_in = "consumer-1.history";
    run->skipped = 2;
    run->read = 1;
    run->gone = 7;
    staged_run_consume(run);
    struct ese_judgement judgement = judge_as(run, &(struct ese_judge_options){
        .directory = run->directory, .promises = &careful});
    assert_int_equal(judgement.ledger.lost, 6);
    assert_int_equal(judgement.ledger.lost_by_expiry, 2);
}

/* ---- which mails have to come ---------------------------------------------------------------- */

static void three_presses_in_a_chain_make_a_mail(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int mails;
    } chains[] = {
        {"a0 a100", 0},
        {"a0 a500 a1000", 1},
        {"a0 a1000 a2000", 1},
        {"a0 a1000 a2001", 0},
        {"a0 a100 a200 a300 a400", 1},
        {"a0 a100 a200 a300 a400 a500", 2},
        {"a0 a100 a5000 a5100", 0},
        {"a0 a100 a5000 a5100 a5200", 1},
        {"a5000 a5100 a0 a100 a200", 1},
        {"a5000 a5100 a4000", 0},
        {"a5000 a5100 a4100", 1},
        {"a500 a300 a600", 1},
        {"a0 b100 a200 b300 a400", 1},
        {"a0 b0 a100 b100 a200 b200", 2},
        {"a0 a100. a200", 0},
        {"a0 a100. a200 a300", 1},
        {"a0 a100 a200?", 1},
        {"a0 a100 a200x", 1},
        {"a0 a100 a200-", 0},
        {"a0 a100 a200!", 0},
        {"a0 a100 a200/", 0},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(chains); i++) {
        struct ese_judgement judgement = judge(consumed(chains[i].script), &careful);
        says(&judgement, ESE_VERDICT_PASS, "");
        if (judgement.mails.expected != chains[i].mails || judgement.mails.matched != chains[i].mails)
            fail_msg("%s: %d mails are expected", chains[i].script, (int)judgement.mails.expected);
    }
}

/* Its third press is stored, and not read yet. */
static void an_unknown_press_counts_when_it_is_stored(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200?");
    run->read = 2;
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 stored event was not processed");
    assert_int_equal(judgement.mails.expected, 1);
}

static void a_refused_press_is_none_even_where_it_is_stored(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200!");
    staged_run_append(run, 2);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.expected, 0);
}

/* Without places only what was processed has been seen. */
static void without_places_a_press_that_was_handed_is_not_seen_yet(void **state)
{
    (void)state;
    for (int had = 0; had < 2; had++) {
        struct staged_run *run = lossy_run("a0 a100 a200?");
        run->gone = 3;
        run->not_had = had ? -1 : 2;
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &lossy);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.mails.expected, had);
        assert_int_equal(judgement.mails.matched, had);
    }
}

static void an_unknown_press_in_its_place_leaves_no_doubt(void **state)
{
    (void)state;
    expect_doubt(staged_run_of("a0 a100? a200"), &careful, false);
    expect_doubt(staged_run_of("a0 a100x a200"), &careful, false);
    struct staged_run *run = staged_run_of("a0 a100? a200");
    run->events[1].stored_after_ms = 500; /* by a server's clock, which has no say where there are places */
    expect_doubt(run, &careful, false);
}

/* Stored when its client had given it up: a retry by hand may stand behind it. */
static void an_unknown_press_that_was_given_up_before_leaves_doubt(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100? a200");
    run->events[1].done_ns = run->events[1].due_ns;
    expect_doubt(run, &careful, true);
    run = staged_run_of("a0 a100 a200"); /* acknowledged within a millisecond */
    run->events[1].done_ns = run->events[1].due_ns;
    expect_doubt(run, &careful, false);
}

static void an_unknown_press_out_of_its_place_leaves_doubt(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int place, to, dropped; /* dropped, of the places before the move; -1: none */
        const struct ese_promises *promises;
        bool is_doubtful;
    } cases[] = {
        {"a0 a100? a200", 1, 2, -1, &careful, true},
        /* both chains: it may be of either, whichever of them it has left */
        {"a0 a100 a200? a5000 a5100 a5200", 2, 3, -1, &careful, true},
        {"a0 a100 a200 a5000? a5100 a5200", 3, 2, -1, &careful, true},
        /* further than its neighbour, which is unknown, out of order, or not there */
        {"a0 a100 a200? a2000? a4000", 4, 2, -1, &careful, true},
        {"a0 a100 a200? a2000 a4000", 4, 2, -1, &careless, true},
        {"a0 a100 a200? a2000 a4000", 3, 2, 3, &careless, true},
        /* what is not stored stands in nobody's way */
        {"a0 a100 a200? a2000", 0, 0, 3, &careless, false},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct staged_run *run = staged_run_of(cases[i].script);
        if (cases[i].dropped >= 0)
            staged_run_drop(run, cases[i].dropped);
        staged_run_move(run, cases[i].place, cases[i].to);
        expect_doubt(run, cases[i].promises, cases[i].is_doubtful);
    }
}

/* By its number it would be in its place, but that is one of another partition. */
static void an_unknown_press_in_another_partition_leaves_doubt(void **state)
{
    (void)state;
    struct staged_run *run = run_of_partitions("q0. p0 p100? q150. p200");
    run->misplaced[0] = 2;
    run->misplaced[1] = 3;
    expect_doubt(run, &careless, true);
}

static void without_places_the_order_is_that_of_storing(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct staged_run *run = lossy_run("a0 a100? a200");
        run->events[1].stored_after_ms = late ? 500 : 50;
        expect_doubt(run, &lossy, late);
    }
}

/* What a fault of its events has touched is counted, and not held against anybody a second time. */
static void a_mail_of_a_chain_that_was_touched_is_lost_and_no_fault(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct staged_run *run = staged_run_of("a0 a100 a200");
        if (lost)
            staged_run_drop(run, 1);
        else
            staged_run_swap(run, 1, 2);
        struct ese_judgement judgement = judge(run, &careless);
        says(&judgement, ESE_VERDICT_PASS, "");
        assert_int_equal(judgement.mails.lost, 1);
    }
}

/* But what was decided on has to come. */
static void a_mail_that_was_decided_on_has_to_come_whatever_touched_its_chain(void **state)
{
    (void)state;
    for (int unknown = 0; unknown < 2; unknown++) {
        struct staged_run *run = lossy_run("a0 a100 a200 a300");
        staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
        staged_run_consume(run);
        assert_int_equal(run->mail_count, 1); /* of other presses than the oracle's */
        if (unknown)
            run->unknown_mail = run->mails[0];
        staged_run_drop_mail(run, 0);
        struct ese_judgement judgement = judge(run, &lossy);
        says(&judgement, unknown ? ESE_VERDICT_PASS : ESE_VERDICT_FAIL, unknown ? "" : "1 mails are missing");
        assert_int_equal(judgement.mails.lost, !unknown);
        assert_int_equal(judgement.mails.unknown, unknown);
        assert_int_equal(judgement.mails.touched_chains, 1);
    }
}

/* ---- which have come ------------------------------------------------------------------------- */

/* A mail that no rule would have made, of three times that event. */
static void make_up_of(struct staged_run *run, const struct ese_id *event, const char *rule)
{
    const struct ese_id events[3] = {*event, *event, *event};
    struct ese_decision decision;
    ese_decision_make(&decision, rule, &run->events[0].event, events, 3);
    staged_run_decide(run, &decision);
}

static void make_up(struct staged_run *run, int event, const char *rule)
{
    make_up_of(run, &run->events[event].event.id, rule);
}

static const char two_mails[] = "a0 a100 a200 a300 a400 a500";

static void one_mail_stands_for_one_that_is_missing(void **state)
{
    (void)state;
    struct staged_run *run = consumed(two_mails);
    staged_run_drop_mail(run, 1);
    make_up(run, 0, "made-up");
    make_up(run, 0, "made-up, too");
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came a second time");
    assert_int_equal(judgement.mails.matched, 1);
    assert_int_equal(judgement.mails.altered, 1);
    assert_int_equal(judgement.mails.doubled, 1);
    assert_int_equal(judgement.mails.unexpected, 0);

    run = consumed(two_mails);
    staged_run_drop_mail(run, 0);
    staged_run_drop_mail(run, 0);
    make_up(run, 0, "made-up");
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails are missing");
    assert_int_equal(judgement.mails.altered, 1);
    assert_int_equal(judgement.mails.lost, 1);

    run = consumed("a0 a100 a200");
    staged_run_drop_mail(run, 0);
    make_up(run, 0, "made-up");
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails tell of other events");
}

static void a_mail_stands_for_one_of_its_own_chain(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200 b0 b100 b200");
    staged_run_drop_mail(run, 1);
    make_up(run, 0, "made-up");
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "second time");
    assert_int_equal(judgement.mails.doubled, 1);
    assert_int_equal(judgement.mails.lost, 1);
    assert_int_equal(judgement.mails.altered, 0);
}

static void a_mail_the_mailer_does_not_know_of_is_neither(void **state)
{
    (void)state;
    struct staged_run *run = consumed(two_mails);
    run->unknown_mail = run->mails[1];
    staged_run_drop_mail(run, 0);
    staged_run_drop_mail(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails are missing");
    assert_int_equal(judgement.mails.unknown, 1);
    assert_int_equal(judgement.mails.lost, 1);

    run = consumed(two_mails);
    run->unknown_mail = run->mails[1];
    staged_run_drop_mail(run, 1);
    make_up(run, 0, "made-up");
    judgement = judge(run, &careful); /* it is unknown all the same, and nothing is left that one could stand for */
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came a second time");
    assert_int_equal(judgement.mails.unknown, 1);
    assert_int_equal(judgement.mails.altered, 0);
    assert_int_equal(judgement.mails.lost, 0);

    run = consumed(two_mails);
    run->unknown_mail = run->mails[1];
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.mails.unknown, 0);
    assert_int_equal(judgement.mails.unknown_arrived, 1);
    assert_int_equal(judgement.mails.matched, 2);
}

/* It has not come, and nobody has lost it. */
static void a_mail_that_waits_is_under_way(void **state)
{
    (void)state;
    struct staged_run *run = consumed(two_mails);
    run->waiting_mail = run->mails[1];
    staged_run_drop_mail(run, 1);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 mail was not sent when the drain ended");
    assert_int_equal(judgement.mails.in_flight, 1);
    assert_int_equal(judgement.mails.lost, 0);
    assert_int_equal(judgement.stories.people_count, 0);

    run = consumed(two_mails); /* and the other one, which nobody has, is lost */
    run->waiting_mail = run->mails[1];
    staged_run_drop_mail(run, 0);
    staged_run_drop_mail(run, 0);
    judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.in_flight, 1);
    assert_int_equal(judgement.mails.lost, 1);
    assert_int_equal(judgement.stories.people_count, 1);

    run = consumed(two_mails); /* it stands for the missing one, so that nothing else can */
    make_up(run, 0, "made-up");
    run->waiting_mail = run->mails[2];
    staged_run_drop_mail(run, 2);
    staged_run_drop_mail(run, 0);
    judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.in_flight, 1);
    assert_int_equal(judgement.mails.lost, 0);
    assert_int_equal(judgement.stories.people_count, 0);
}

static void a_mail_that_was_not_brought_to_the_mailer_is_under_way(void **state)
{
    (void)state;
    for (int unasked = 0; unasked < 2; unasked++) { /* near: the mailer had it, and has sent it */
        struct staged_run *run = consumed("a0 a100 a200");
        run->open_decisions = 1;
        run->unasked_mails = unasked;
        staged_run_drop_mail(run, 0);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, unasked ? ESE_VERDICT_CANNOT_TELL : ESE_VERDICT_FAIL,
             unasked ? "1 mail was still under way when the drain ended, of which the mailer had 0 in its outbox"
                     : "1 mails are missing");
        assert_int_equal(judgement.mails.in_flight, unasked);
        assert_int_equal(judgement.mails.lost, !unasked);
    }
}

static void a_mail_of_events_in_flight_is_under_way(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200 b300 b400 b500");
    run->read = 5;
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 stored event was not processed");
    assert_int_equal(judgement.mails.expected, 2);
    assert_int_equal(judgement.mails.matched, 1);
    assert_int_equal(judgement.mails.in_flight, 1);
    assert_int_equal(judgement.mails.lost, 0);
    assert_int_equal(judgement.stories.people_count, 0);

    run = staged_run_of("a0 a100 a200 b300 b400 b500"); /* near: of another chain than the one that waits */
    run->read = 5;
    staged_run_consume(run);
    staged_run_drop_mail(run, 0);
    judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.in_flight, 1);
    assert_int_equal(judgement.mails.lost, 1);
    assert_int_equal(judgement.stories.people_count, 1);
}

/* It was decided on, and sent, before the rest of its chain came. */
static void of_a_chain_in_flight_what_was_sent_and_did_not_come_is_lost(void **state)
{
    (void)state;
    for (int unasked = 0; unasked < 2; unasked++) { /* near: it was not brought to the mailer */
        struct staged_run *run = staged_run_of(two_mails);
        run->read = 5;
        staged_run_consume(run);
        run->open_decisions = run->unasked_mails = unasked;
        assert_int_equal(run->mail_count, 1);
        staged_run_drop_mail(run, 0);
        struct ese_judgement judgement = judge(run, &careful);
        assert_int_equal(judgement.mails.expected, 2);
        assert_int_equal(judgement.mails.matched, 0);
        assert_int_equal(judgement.mails.in_flight, 1 + unasked);
        assert_int_equal(judgement.mails.lost, !unasked);
        assert_int_equal(judgement.stories.people_count, !unasked);
    }

    struct staged_run *run = staged_run_of(two_mails); /* near: what is missing beside it nobody had to get */
    run->read = 5;
    staged_run_consume(run);
    make_up(run, 0, "made-up");
    staged_run_drop_mail(run, 1);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.matched, 1);
    assert_int_equal(judgement.mails.in_flight, 1);
    assert_int_equal(judgement.mails.lost, 0);
    assert_int_equal(judgement.stories.people_count, 0);
}

#define MADE_UP "1 decisions are of events of which no rule makes any"

/* Of a decision that nobody expected, of that event: no copies of its mail have come, or one has. */
static struct ese_judgement judge_unexpected_unknown(struct staged_run *run, int event, bool has_come)
{
    make_up(run, event, "made-up");
    run->unknown_mail = run->mails[run->mail_count - 1];
    if (!has_come)
        staged_run_drop_mail(run, run->mail_count - 1);
    return judge(run, &careful);
}

static void what_was_decided_on_and_not_expected_is_unknown_as_well(void **state)
{
    (void)state;
    struct staged_run *run = consumed(two_mails);
    staged_run_drop_mail(run, 0);
    struct ese_judgement judgement = judge_unexpected_unknown(run, 0, false); /* one of its chain's did not come */
    says(&judgement, ESE_VERDICT_FAIL, MADE_UP);
    assert_int_equal(judgement.mails.expected, 2);
    assert_int_equal(judgement.mails.unknown, 1);
    assert_int_equal(judgement.mails.lost, 0);

    judgement = judge_unexpected_unknown(consumed(two_mails), 0, false); /* all did */
    says(&judgement, ESE_VERDICT_FAIL, MADE_UP);
    assert_int_equal(judgement.mails.expected, 3);
    assert_int_equal(judgement.mails.matched, 2);
    assert_int_equal(judgement.mails.unknown, 1);

    judgement = judge_unexpected_unknown(consumed(two_mails), 0, true);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came a second time");
    assert_int_equal(judgement.mails.unknown, 0);
    assert_int_equal(judgement.mails.unknown_arrived, 1);
}

/* Its event was no press. */
static void what_was_decided_on_of_no_chain_is_unknown_as_well(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_unexpected_unknown(consumed("a0 a100 a200 a300."), 3, false);
    says(&judgement, ESE_VERDICT_FAIL, MADE_UP);
    assert_int_equal(judgement.mails.expected, 2);
    assert_int_equal(judgement.mails.unknown, 1);
    judgement = judge_unexpected_unknown(consumed("a0 a100 a200 a300."), 3, true);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came that no events account for");
    assert_int_equal(judgement.mails.unknown, 0);
    assert_int_equal(judgement.mails.unknown_arrived, 1);
}

/* Whether or not it is the one that would have been expected. */
static void of_a_doubtful_chain_what_is_unknown_is_unknown(void **state)
{
    (void)state;
    for (int made_up = 0; made_up < 2; made_up++) {
        struct staged_run *run = consumed("a0 a100? a200");
        run->events[1].done_ns = run->events[1].due_ns;
        if (made_up)
            make_up(run, 0, "made-up");
        run->unknown_mail = run->mails[made_up];
        staged_run_drop_mail(run, made_up);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, made_up ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS, made_up ? MADE_UP : "");
        assert_int_equal(judgement.mails.unknown, 1);
        assert_int_equal(judgement.mails.expected, 1 + made_up);
        assert_int_equal(judgement.mails.matched, made_up);
        assert_int_equal(judgement.mails.doubtful_chains, 1);
    }
}

/* What came is expected, and only one that came twice is held against anybody. */
static void of_a_doubtful_chain_only_a_second_mail_is_a_fault(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct staged_run *run = staged_run_of("a0 a100? a200 a300 a400 a500");
        run->events[1].done_ns = run->events[1].due_ns;
        staged_run_move(run, 1, 3); /* of other threes, then */
        staged_run_consume(run);
        if (again)
            staged_run_add_mail(run, run->mails[1]);
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, again ? ESE_VERDICT_FAIL : ESE_VERDICT_PASS,
             again ? "1 mails came a second time" : "");
        assert_int_equal(judgement.mails.expected, 2);
        assert_int_equal(judgement.mails.matched, 2);
        assert_int_equal(judgement.mails.doubtful_chains, 1);
    }
}

static void a_mail_for_a_chain_without_third_press_is_unexpected(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100");
    make_up(run, 0, "made-up");
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came that no events account for");
    assert_int_equal(judgement.mails.unexpected, 1);
    assert_int_equal(judgement.mails.doubled, 0);
}

static void a_mail_of_no_decision_is_unexpected(void **state)
{
    (void)state;
    struct staged_run *run = consumed("a0 a100 a200");
    staged_run_add_mail(run, ese_id_derive("never decided", NULL, 0));
    struct ese_judgement judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came that no events account for");
    assert_int_equal(judgement.mails.unexpected, 1);

    run = consumed("a0 a100 a200"); /* one of events that nobody knows */
    const struct ese_id unheard_of = ese_id_make(&(struct ese_id_parts){.run = 5, .lane = 1, .sequence = 3});
    make_up_of(run, &unheard_of, "made-up");
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "1 mails came that no events account for");
    assert_int_equal(judgement.mails.doubled, 0);

    run = consumed("a0 a100 a200");
    for (int i = 0; i < 2; i++) /* two that name none: not one that came twice */
        staged_run_add_mail(run, (struct ese_id){{0}});
    judgement = judge(run, &careful);
    says(&judgement, ESE_VERDICT_FAIL, "2 mails came that no events account for");
    assert_int_equal(judgement.mails.unexpected, 2);
    assert_int_equal(judgement.mails.doubled, 0);
    assert_int_equal(judgement.mails.matched, 1);
}

static void a_mail_is_as_late_as_its_last_press_lets_it_be(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(consumed("a0 a100 a200"), &careful); /* sent 10 ms after that */
    assert_int_equal(judgement.mail.count, 1);
    assert_in_range(judgement.mail.max_us, 9000, 11000);
}

/* ---- what cannot be told --------------------------------------------------------------------- */

static void where_nothing_was_offered_nothing_can_be_told(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge(consumed(""), &careful);
    says(&judgement, ESE_VERDICT_CANNOT_TELL, "nothing was offered");
}

static void where_nothing_was_acknowledged_nothing_can_be_told(void **state)
{
    (void)state;
    static const char *const scripts[] = {"a0!", "a0/ a100!", "a0- a100- a200-"};
    for (size_t i = 0; i < ESE_COUNT_OF(scripts); i++) {
        struct ese_judgement judgement = judge(consumed(scripts[i]), &careful);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, "nothing was acknowledged");
    }
    struct ese_judgement judgement = judge(consumed("a0! a100 a200-"), &careful);
    says(&judgement, ESE_VERDICT_PASS, "");
}

static void where_nothing_was_measured_there_is_no_timing(void **state)
{
    (void)state;
    struct ese_judgement judgement = judge_from(consumed("a0 a100 a200"), &careful, INT64_MAX);
    says(&judgement, ESE_VERDICT_PASS, "");
    assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_non_null(strstr(judgement.timing_verdict.reason, "nothing was acknowledged behind the warm-up"));
}

static void records_that_contradict_each_other_cannot_be_told(void **state)
{
    (void)state;
    for (int contradiction = 0; contradiction < 4; contradiction++) {
        struct staged_run *run = staged_run_of(contradiction == 1 ? "a0 a100x a200" : "a0 a100 a200");
        if (contradiction == 0) /* an outcome without an offer */
            run->events[1].sent_ns = 0;
        if (contradiction < 2) /* a sending without one */
            run->offerless = 1;
        if (contradiction == 2) /* two outcomes */
            run->told_twice = 1;
        if (contradiction == 3) { /* two offers */
            run->events[2].event.id = run->events[1].event.id;
            run->events[2].outcome = ESE_HISTORY_END;
            run->events[2].sent_ns = 0;
        }
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, "1 records of the client's history contradict");
    }
}

static void a_damaged_history_cannot_be_told(void **state)
{
    (void)state;
    static const char *const histories[] = {"client.history", "consumer-1.history", "store.history"};
    for (size_t i = 0; i < ESE_COUNT_OF(histories); i++) {
        struct staged_run *run = consumed("a0 a100 a200");
        run->damaged = histories[i];
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, "is damaged");
        says(&judgement, ESE_VERDICT_CANNOT_TELL, histories[i]);
    }
}

static void what_is_not_there_cannot_be_told(void **state)
{
    (void)state;
    static const struct {
        const char *absent, *word;
    } files[] = {{"store.history", "store.history"}, {"consumer-1.history", "consumer-"},
                 {"mailer.history", "mailer.history"}, {"state.db", "state.db"},
                 {"outbox.db", "outbox.db"}, {"maildir/new", "maildir"}};
    for (size_t i = 0; i < ESE_COUNT_OF(files); i++) {
        struct staged_run *run = consumed("a0. b0.");
        run->absent = files[i].absent;
        struct ese_judgement judgement = judge(run, &careful);
        says(&judgement, ESE_VERDICT_CANNOT_TELL, files[i].word);
        assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_CANNOT_TELL);
    }
}

/* A case may be named (tools/check-rules.py does). */
int main(int argc, char **argv)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_one_end),
        cmocka_unit_test(what_was_handed_and_not_committed_is_in_flight),
        cmocka_unit_test(what_may_be_in_a_store_that_nobody_looked_into_is_in_flight),
        cmocka_unit_test(what_was_handed_and_left_before_it_was_committed_is_lost),
        cmocka_unit_test(what_left_is_judged_by_where_it_was_handed),
        cmocka_unit_test(what_left_is_judged_by_where_it_was_handed_first),
        cmocka_unit_test(what_is_stored_is_judged_by_where_that_is),
        cmocka_unit_test(an_unknown_event_in_flight_cannot_be_told),
        cmocka_unit_test(what_left_is_lost_unless_its_store_says_that_it_has_forgotten_it),
        cmocka_unit_test(what_left_is_judged_by_where_it_was_handed_and_nobody_asks),
        cmocka_unit_test(what_was_read_from_later_on_was_not_asked_for),
        cmocka_unit_test(what_was_read_of_a_partition_that_is_no_longer_there_is_lost),
        cmocka_unit_test(what_a_store_says_counts_for_more_than_what_was_found_in_it),
        cmocka_unit_test(what_a_store_says_of_one_partition_holds_there),
        cmocka_unit_test(an_unknown_event_that_was_handed_and_left_was_stored),
        cmocka_unit_test(seen_and_never_stored_is_a_phantom),
        cmocka_unit_test(what_nobody_offered_is_a_phantom),
        cmocka_unit_test(what_strangers_sent_is_told_beside),
        cmocka_unit_test(a_strangers_mail_has_to_come),
        cmocka_unit_test(a_strangers_mail_comes_once),
        cmocka_unit_test(a_mail_of_a_key_that_strangers_share_is_no_fault),
        cmocka_unit_test(where_strangers_press_among_the_runs_own_nothing_can_be_told),
        cmocka_unit_test(
            what_was_handed_before_its_reader_began_anew_is_committed_when_it_is_handed_again),
        cmocka_unit_test(what_is_handed_again_was_committed_before),
        cmocka_unit_test(what_the_store_forgot_after_it_was_committed_is_lost),
        cmocka_unit_test(without_places_what_was_committed_and_is_not_in_the_state_cannot_be_told),
        cmocka_unit_test(without_places_one_who_was_taken_over_commits_no_more),
        cmocka_unit_test(what_two_members_are_handed_is_processed_once),
        cmocka_unit_test(without_the_history_of_a_member_it_cannot_be_told),
        cmocka_unit_test(without_places_what_was_read_back_is_in_flight),
        cmocka_unit_test(without_places_what_was_handed_and_not_committed_is_lost),
        cmocka_unit_test(a_cause_that_cannot_be_is_none),
        cmocka_unit_test(who_has_taken_a_place_and_was_never_offered_is_a_phantom_and_no_cause),
        cmocka_unit_test(where_nobody_says_how_long_a_store_keeps_events_any_age_will_do),
        cmocka_unit_test(each_that_is_behind_a_later_one_is_out_of_order),
        cmocka_unit_test(keys_have_no_order_among_them),
        cmocka_unit_test(who_is_in_another_partition_is_out_of_order),
        cmocka_unit_test(only_what_was_acknowledged_and_is_stored_has_an_order),
        cmocka_unit_test(two_events_at_one_place_cannot_be_told),
        cmocka_unit_test(what_left_has_not_taken_its_order_along),
        cmocka_unit_test(a_further_copy_is_counted_and_has_no_place),
        cmocka_unit_test(a_copy_that_is_noted_twice_is_one),
        cmocka_unit_test(without_places_nothing_has_an_order_and_copies_tell_nothing),
        cmocka_unit_test(what_was_skipped_is_counted),
        cmocka_unit_test(a_store_may_go_on_forgetting_until_it_is_read),
        cmocka_unit_test(what_nobody_read_in_time_is_lost_by_expiry),
        cmocka_unit_test(what_lies_beside_that_is_lost_otherwise),
        cmocka_unit_test(whose_place_nobody_was_told_retention_cannot_be_said_to_have_taken),
        cmocka_unit_test(what_was_handed_in_vain_and_then_no_longer_kept_is_lost),
        cmocka_unit_test(what_is_skipped_elsewhere_takes_nothing_here),
        cmocka_unit_test(what_was_handed_in_vain_may_be_handed_from_elsewhere),
        cmocka_unit_test(three_presses_in_a_chain_make_a_mail),
        cmocka_unit_test(an_unknown_press_counts_when_it_is_stored),
        cmocka_unit_test(a_refused_press_is_none_even_where_it_is_stored),
        cmocka_unit_test(without_places_a_press_that_was_handed_is_not_seen_yet),
        cmocka_unit_test(an_unknown_press_in_its_place_leaves_no_doubt),
        cmocka_unit_test(an_unknown_press_that_was_given_up_before_leaves_doubt),
        cmocka_unit_test(an_unknown_press_out_of_its_place_leaves_doubt),
        cmocka_unit_test(an_unknown_press_in_another_partition_leaves_doubt),
        cmocka_unit_test(without_places_the_order_is_that_of_storing),
        cmocka_unit_test(a_mail_of_a_chain_that_was_touched_is_lost_and_no_fault),
        cmocka_unit_test(a_mail_that_was_decided_on_has_to_come_whatever_touched_its_chain),
        cmocka_unit_test(one_mail_stands_for_one_that_is_missing),
        cmocka_unit_test(a_mail_stands_for_one_of_its_own_chain),
        cmocka_unit_test(a_mail_the_mailer_does_not_know_of_is_neither),
        cmocka_unit_test(a_mail_that_waits_is_under_way),
        cmocka_unit_test(a_mail_that_was_not_brought_to_the_mailer_is_under_way),
        cmocka_unit_test(a_mail_of_events_in_flight_is_under_way),
        cmocka_unit_test(of_a_chain_in_flight_what_was_sent_and_did_not_come_is_lost),
        cmocka_unit_test(what_was_decided_on_and_not_expected_is_unknown_as_well),
        cmocka_unit_test(what_was_decided_on_of_no_chain_is_unknown_as_well),
        cmocka_unit_test(of_a_doubtful_chain_what_is_unknown_is_unknown),
        cmocka_unit_test(of_a_doubtful_chain_only_a_second_mail_is_a_fault),
        cmocka_unit_test(a_mail_for_a_chain_without_third_press_is_unexpected),
        cmocka_unit_test(a_mail_of_no_decision_is_unexpected),
        cmocka_unit_test(a_mail_is_as_late_as_its_last_press_lets_it_be),
        cmocka_unit_test(where_nothing_was_offered_nothing_can_be_told),
        cmocka_unit_test(where_nothing_was_acknowledged_nothing_can_be_told),
        cmocka_unit_test(where_nothing_was_measured_there_is_no_timing),
        cmocka_unit_test(records_that_contradict_each_other_cannot_be_told),
        cmocka_unit_test(a_damaged_history_cannot_be_told),
        cmocka_unit_test(what_is_not_there_cannot_be_told),
        cmocka_unit_test(a_dead_letter_is_processed_and_listed),
        cmocka_unit_test(dead_letters_excuse_no_loss),
        cmocka_unit_test(a_dead_letter_of_unknown_outcome_is_one),
        cmocka_unit_test(each_life_of_a_client_may_have_a_dead_letter_more),
        cmocka_unit_test(without_places_a_dead_letter_is_not_lost),
        cmocka_unit_test(a_mail_of_a_dead_letter_is_none_that_had_to_come),
        cmocka_unit_test(what_a_replay_has_handed_is_a_batch_of_its_own),
        cmocka_unit_test(two_replays_are_two_batches),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
