/* A run comes to the same in however many passes it is judged, whatever has gone wrong in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/share.h"
#include "tests/support/directory.h"
#include "tests/support/judged.h"
#include "tests/support/staged_run.h"

enum { EVENTS = 600, MOST_FAULTS = 6, RUNS = 32 };

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .retry_stored_once = true,
    .replayable = true, .positions_survive = true};
static const struct ese_promises lossy = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                          .tells_losses = true};

/* ---- what goes wrong ------------------------------------------------------------------------- */

static int below(struct ese_random *random, int bound)
{
    return (int)ese_random_below(random, (uint64_t)bound);
}

static int a_place(const struct staged_run *run, struct ese_random *random)
{
    return below(random, run->log_count);
}

static void drop(struct staged_run *run, struct ese_random *random)
{
    staged_run_drop(run, a_place(run, random));
}

static void lose(struct staged_run *run, struct ese_random *random)
{
    static const enum ese_history_kind how[] = {ESE_HISTORY_OVERWRITTEN, ESE_HISTORY_EXPIRED,
                                                ESE_HISTORY_END};
    staged_run_lose(run, a_place(run, random), how[below(random, 3)]);
}

static void swap(struct staged_run *run, struct ese_random *random)
{
    staged_run_swap(run, a_place(run, random), a_place(run, random));
}

static void store_twice(struct staged_run *run, struct ese_random *random)
{
    staged_run_append(run, run->log[a_place(run, random)]);
}

static void change_outcome(struct staged_run *run, struct ese_random *random)
{
    static const enum ese_history_kind outcomes[] = {ESE_HISTORY_ACKNOWLEDGED, ESE_HISTORY_REFUSED,
                                                     ESE_HISTORY_UNKNOWN, ESE_HISTORY_END};
    run->events[below(random, run->count)].outcome = outcomes[below(random, 4)];
}

static void pass_over(struct staged_run *run, struct ese_random *random)
{
    run->passed_over = a_place(run, random);
}

static void stop_reading(struct staged_run *run, struct ese_random *random)
{
    run->read = run->log_count - below(random, 50);
}

static void forget(struct staged_run *run, struct ese_random *random)
{
    run->forgotten = a_place(run, random);
    run->gone = a_place(run, random);
}

static void hand_twice(struct staged_run *run, struct ese_random *random)
{
    run->handed_twice = below(random, 30);
    run->late = below(random, 3);
}

static void hand_out_of_order(struct staged_run *run, struct ese_random *random)
{
    run->handed_behind[0] = below(random, run->log_count - 40);
    run->handed_behind[1] = run->handed_behind[0] + 1 + below(random, 30);
}

static void take_over(struct staged_run *run, struct ese_random *random)
{
    run->taken_over[0] = below(random, run->log_count - 40);
    run->taken_over[1] = run->taken_over[0] + 1 + below(random, 30);
    run->is_taken_in_order = below(random, 2) == 0;
}

static void retry(struct staged_run *run, struct ese_random *random)
{
    int event = run->log[a_place(run, random)];
    run->events[event].attempts = 2;
    staged_run_append(run, event);
}

static void commit_late(struct staged_run *run, struct ese_random *random)
{
    run->committed_late_ns = below(random, 3) * ESE_NS_PER_S;
}

static void die(struct staged_run *run, struct ese_random *random)
{
    run->second_life = 1 + below(random, run->count - 1);
}

static void contradict(struct staged_run *run, struct ese_random *random)
{
    struct staged_event *event = &run->events[below(random, run->count - 1)];
    event[1].event.id = event[0].event.id;
}

static void (*const faults[])(struct staged_run *run, struct ese_random *random) = {
    drop, lose, swap, store_twice, change_outcome, pass_over, stop_reading, forget, hand_twice, die,
    contradict, hand_out_of_order, take_over, retry, commit_late};

static void drop_mail(struct staged_run *run, struct ese_random *random)
{
    staged_run_drop_mail(run, below(random, run->mail_count));
}

static void double_mail(struct staged_run *run, struct ese_random *random)
{
    staged_run_add_mail(run, run->mails[below(random, run->mail_count)]);
}

static void stray_mail(struct staged_run *run, struct ese_random *random)
{
    char what[32];
    snprintf(what, sizeof what, "stray %d", below(random, 1000));
    struct ese_id id = ese_id_derive(what, NULL, 0), none = {{0}};
    for (int copies = below(random, 3); copies >= 0; copies--)
        staged_run_add_mail(run, id);
    staged_run_add_mail(run, none);
}

static void make_up(struct staged_run *run, struct ese_random *random)
{
    struct ese_decision decision;
    struct ese_id ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = run->events[below(random, run->count)].event.id;
    ese_decision_make(&decision, "made-up", &run->events[0].event, ids, 3);
    staged_run_decide(run, &decision);
}

static void forget_mail(struct staged_run *run, struct ese_random *random)
{
    int mail = below(random, run->mail_count);
    run->unknown_mail = run->mails[mail];
    if (below(random, 2) == 0)
        staged_run_drop_mail(run, mail);
    run->queued_mails = below(random, 2);
}

static void (*const mail_faults[])(struct staged_run *run, struct ese_random *random) = {
    drop_mail, double_mail, stray_mail, make_up, forget_mail};

/* ---- a run and its fault --------------------------------------------------------------------- */

static struct ese_judgement judge(struct staged_run *run, struct ese_judge_options options)
{
    staged_run_write(run);
    options.directory = run->directory;
    struct ese_judgement judgement = judged(&options);
    staged_run_free(&run);
    return judgement;
}

/* The store dies at one event and is back at another, the consumer later. */
static struct ese_deeds deeds_in(const struct staged_run *run, struct ese_random *random)
{
    struct ese_deeds deeds = {.count = 0};
    int from = below(random, run->count - 130);
    const struct {
        enum ese_act act;
        unsigned roles;
    } steps[] = {{ESE_ACT_KILL, ESE_ROLES_KEEPING},
                 {ESE_ACT_START, ESE_ROLES_KEEPING},
                 {ESE_ACT_START, ESE_ROLE_BIT(ESE_ROLE_CONSUMER)},
                 {ESE_ACT_KILL, ESE_ROLE_BIT(ESE_ROLE_CONSUMER)}};
    for (size_t i = 0; i < ESE_COUNT_OF(steps); i++) {
        from += below(random, 30);
        ese_deeds_add(&deeds, &(struct ese_deed){.act = steps[i].act, .roles = steps[i].roles,
                                                 .done_ns = run->events[from].due_ns});
    }
    return deeds;
}

/* Returns in how many things it was found at fault. */
static int judge_at_fault(uint64_t seed)
{
    struct ese_random random = ese_random_seeded(seed, 7);
    struct staged_run *run = staged_run_make(seed, EVENTS);
    const struct ese_promises *promises = seed % 3 == 0 ? &lossy : &careful;
    run->tells_losses = promises == &lossy;
    for (int i = below(&random, MOST_FAULTS); i >= 0; i--)
        faults[below(&random, (int)ESE_COUNT_OF(faults))](run, &random);
    staged_run_consume(run);
    for (int i = below(&random, MOST_FAULTS); i > 0; i--)
        mail_faults[below(&random, (int)ESE_COUNT_OF(mail_faults))](run, &random);
    const struct ese_deeds deeds = deeds_in(run, &random);
    const struct ese_judge_options options = {
        .promises = promises, .rate = 10, .stale_after_ms = 1500, .deeds = &deeds,
        .restarted_ns = deeds.list[2].done_ns,
        .measured_from_ns = run->events[below(&random, 100)].due_ns};
    struct ese_judgement judgement = judge(run, options);
    return judgement.stories.fault_count + judgement.stories.people_count;
}

static void whatever_goes_wrong_it_comes_to_the_same(void **state)
{
    (void)state;
    int told = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        told += judge_at_fault(seed);
    assert_true(told > RUNS * 3); /* so that there was something to differ in */
}

static void a_run_is_judged_in_as_many_passes_as_it_takes(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(1, EVENTS);
    staged_run_consume(run);
    staged_run_write(run);
    struct ese_judge_options options = {.directory = run->directory, .promises = &careful};
    struct ese_judgement judgement;
    int before = 0;
    for (options.events = EVENTS; options.events > 10; options.events /= 2) {
        assert_int_equal(ese_judge(&options, &judgement, NULL), 0);
        assert_true(judgement.passes >= EVENTS / options.events || judgement.passes == 8);
        assert_true(judgement.passes >= before);
        before = judgement.passes;
    }
    assert_int_equal(before, 8); /* lanes */
    staged_run_free(&run);
}

/* Early, but behind where its partition begins: with the first event of another share. */
static void where_a_partition_begins_is_told_by_all_shares(void **state)
{
    (void)state;
    int64_t lost = 0;
    for (int place = 0; place < 30; place++) {
        struct staged_run *run = staged_run_make(10, EVENTS);
        staged_run_consume(run);
        run->forgotten = place;
        run->is_of_old = true; /* else the store tells, and not what was found in it */
        lost += judge(run, (struct ese_judge_options){.promises = &careful}).ledger.lost;
    }
    assert_in_range(lost, 20, 30 - STAGED_PARTITIONS);
}

static void mails_of_nobody_are_counted_once(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(2, EVENTS);
    staged_run_consume(run);
    for (int i = 0; i < 500; i++) {
        char what[32];
        snprintf(what, sizeof what, "stray %d", i / 2);
        staged_run_add_mail(run, ese_id_derive(what, NULL, 0));
    }
    struct ese_judgement judgement = judge(run, (struct ese_judge_options){.promises = &careful});
    assert_int_equal(judgement.mails.unexpected, 250);
    assert_int_equal(judgement.mails.doubled, 250);
}

/* Nor were they ever: the oracle alone knows whose a mail is. */
static void mails_are_known_without_their_decisions(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(3, EVENTS);
    staged_run_consume(run);
    run->decision_count = 0;
    struct ese_judgement judgement = judge(run, (struct ese_judge_options){.promises = &careful});
    assert_int_equal(judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_int_equal(judgement.mails.matched, judgement.mails.expected);
    assert_int_equal(judgement.mail.count, judgement.mails.expected);
}

static void what_is_missing_is_missing_in_all_passes(void **state)
{
    (void)state;
    static const char *const names[] = {"state.db", "outbox.db", "mailer.history", "store.history"};
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        struct staged_run *run = staged_run_make(4, EVENTS);
        staged_run_consume(run);
        staged_run_write(run);
        char *path = ese_test_path(run->directory, names[i]);
        assert_int_equal(unlink(path), 0);
        const struct ese_judge_options options = {.directory = run->directory, .promises = &careful};
        struct ese_judgement judgement = judged(&options);
        assert_int_equal(judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
        assert_non_null(strstr(judgement.ledger_verdict.reason, names[i]));
        free(path);
        staged_run_free(&run);
    }
}

/* A state that was changed so cannot be told, and for that reason. */
static void expect_damage(const char *sql, const char *reason)
{
    struct staged_run *run = staged_run_make(4, EVENTS);
    staged_run_consume(run);
    staged_run_write(run);
    staged_run_change(run, ESE_ARTIFACT_STATE, sql);
    const struct ese_judge_options options = {.directory = run->directory, .promises = &careful};
    for (int times = 0; times < 3; times++) { /* two, three and seven passes */
        struct ese_judgement judgement = judged(&options);
        assert_int_equal(judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
        assert_non_null(strstr(judgement.ledger_verdict.reason, reason));
    }
    staged_run_free(&run);
}

/* Were it a row of one share only. */
static void what_is_damaged_is_damaged_in_all_passes(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE repeats SET window = x'00' WHERE lane = (SELECT min(lane) FROM repeats)",
        "UPDATE repeats SET window = x'00' WHERE lane = (SELECT max(lane) FROM repeats)",
        "UPDATE decision SET id = x'00' WHERE id = (SELECT min(id) FROM decision)",
        "UPDATE decision SET events = x'00' WHERE id = (SELECT max(id) FROM decision)",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(damages); i++)
        expect_damage(damages[i], "it is damaged, or of another version");
}

/* Without it, that would push out of the reason what is amiss. */
static void a_reason_has_no_path(void **state)
{
    (void)state;
    char directory[ESE_ARTIFACT_PATH_SIZE];
    struct staged_run *run = staged_run_make(4, EVENTS);
    staged_run_consume(run);
    staged_run_write(run);
    staged_run_change(run, ESE_ARTIFACT_STATE, "UPDATE repeats SET window = x'00'");
    snprintf(directory, sizeof directory, "%s%0150d", run->directory, 0);
    for (char *c = directory + strlen(run->directory); *c != '\0'; c++)
        *c = (c - directory) % 2 == 0 ? '/' : '.';
    directory[strlen(run->directory)] = '/';
    const struct ese_judge_options options = {.directory = directory, .promises = &careful};
    struct ese_judgement judgement = judged(&options);
    assert_string_equal(judgement.ledger_verdict.reason,
                        "cannot read the state file state.db: its repeats have a window of 1 bytes, not 128: it is "
                        "damaged, or of another version");
    staged_run_free(&run);
}

/* Whose row it is would depend on who looks. */
static void a_decision_of_other_events_cannot_be_told(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE decision SET events = (SELECT max(events) FROM decision)"
        " WHERE events = (SELECT min(events) FROM decision)",
        "UPDATE decision SET key = 'another' WHERE id = (SELECT min(id) FROM decision)",
        "UPDATE decision SET events = events || x'00' WHERE id = (SELECT min(id) FROM decision)",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(changes); i++)
        expect_damage(changes[i], "a decision ");
}

/* ---- how events are shared out --------------------------------------------------------------- */

static struct ese_shares shares_of(const struct staged_run *run, int64_t events)
{
    struct ese_shares shares;
    staged_run_write(run);
    assert_int_equal(ese_shares_find(run->directory, events, ESE_JUDGE_MOST, &shares, NULL), 0);
    return shares;
}

static int share_of(const struct ese_shares *shares, const struct ese_id *id)
{
    int found = -1;
    for (int number = 0; number < shares->count; number++) {
        const struct ese_share share = {.shares = shares, .number = number};
        if (!ese_share_has(&share, id))
            continue;
        assert_int_equal(found, -1);
        found = number;
    }
    assert_int_not_equal(found, -1);
    return found;
}

/* How many events there are of whose key an earlier one is in another share. */
static int come_apart(const struct staged_run *run, const struct ese_shares *shares)
{
    int apart = 0;
    for (int i = 0; i < run->count; i++) {
        int first = 0;
        while (strcmp(run->events[first].event.key, run->events[i].event.key) != 0)
            first++;
        apart += share_of(shares, &run->events[first].event.id) !=
                 share_of(shares, &run->events[i].event.id);
    }
    return apart;
}

static void every_event_is_in_one_share(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(5, EVENTS);
    const struct ese_shares shares = shares_of(run, 150);
    int held[16] = {0};
    assert_in_range(shares.count, 4, 8);
    for (int i = 0; i < run->count; i++)
        held[share_of(&shares, &run->events[i].event.id)]++;
    for (int i = 0; i < shares.count; i++)
        assert_in_range(held[i], 1, 150);
    for (int i = 0; i < 100; i++) { /* those that nobody offered, too */
        struct ese_id id = ese_id_derive("anything", &run->events[i].event.id, 1);
        share_of(&shares, &id);
    }
    staged_run_free(&run);
}

/* A client that is started again with other lanes, and one that was not. */
static void a_key_stays_together_whatever_lanes_it_had(void **state)
{
    (void)state;
    static const struct {
        int before, later, modulus;
    } lanes[] = {{8, 8, 8}, {8, 12, 4}, {12, 8, 4}, {8, 4, 4}, {9, 8, 1}};
    for (size_t i = 0; i < ESE_COUNT_OF(lanes); i++) {
        struct staged_run *run = staged_run_make_with(6, EVENTS, lanes[i].before, lanes[i].later);
        staged_run_swap(run, 100, 110);
        staged_run_consume(run);
        struct ese_shares shares = shares_of(run, 50);
        assert_int_equal(shares.modulus, lanes[i].modulus);
        assert_int_equal(come_apart(run, &shares), 0);
        shares.modulus = ESE_ID_LANES; /* lane by lane: what it would be */
        for (int lane = 0; lane < ESE_ID_LANES; lane++)
            shares.share_of[lane] = (uint16_t)(lane % 16);
        shares.count = 16;
        assert_int_equal(come_apart(run, &shares) > 0, lanes[i].before != lanes[i].later);
        judge(run, (struct ese_judge_options){.promises = &careful});
    }
}

static void lanes_that_are_too_large_are_refused(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(7, EVENTS);
    int64_t of_lane[8] = {0}, largest = 0;
    for (int i = 0; i < run->count; i++)
        of_lane[ese_id_lane(&run->events[i].event.id)]++;
    for (int lane = 0; lane < 8; lane++)
        largest = of_lane[lane] > largest ? of_lane[lane] : largest;
    staged_run_consume(run);
    staged_run_write(run);
    struct ese_judge_options options = {
        .directory = run->directory, .promises = &careful, .events = 10, .most = largest};
    struct ese_judgement judgement;
    assert_int_equal(ese_judge(&options, &judgement, NULL), 0);
    assert_int_equal(judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    options.most = largest - 1;
    assert_int_equal(ese_judge(&options, &judgement, NULL), 0);
    assert_int_equal(judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_non_null(strstr(judgement.ledger_verdict.reason, "--lanes"));
    assert_int_equal(judgement.timing_verdict.word, ESE_VERDICT_CANNOT_TELL);
    staged_run_free(&run);
}

/* Nothing is known of what was offered, and more is stored than may be looked at. */
static void more_that_nobody_offered_than_there_is_room_for_is_refused(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(8, EVENTS);
    run->harmed = "client.history";
    run->lost_records = -1;
    staged_run_consume(run);
    staged_run_write(run);
    struct ese_judge_options options = {
        .directory = run->directory, .promises = &careful, .events = 100, .most = run->log_count};
    struct ese_judgement judgement;
    assert_int_equal(ese_judge(&options, &judgement, NULL), 0);
    assert_int_equal(judgement.ledger.phantom, run->log_count);
    options.most--;
    assert_int_equal(ese_judge(&options, &judgement, NULL), 0);
    assert_int_equal(judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_non_null(strstr(judgement.ledger_verdict.reason, "a history of another run lies beside it"));
    assert_int_equal(judgement.ledger.phantom, 0);
    staged_run_free(&run);
}

/* ---- the comparison itself ------------------------------------------------------------------- */

static struct ese_judgement changed;

static void a_difference_is_seen(void **state)
{
    (void)state;
    const struct {
        int64_t *number;
        const char *what;
    } numbers[] = {
        {&changed.ledger.phantom, "phantom"},
        {&changed.mails.unexpected, "unexpected"},
        {&changed.acknowledge.p999_us, "acknowledge"},
        {&changed.end_to_end.count, "end to end"},
        {&changed.mail.max_us, "mail"},
        {&changed.warmup_cut, "warm-up"},
        {&changed.behind_schedule, "behind schedule"},
        {&changed.lateness.p50_us, "lateness"},
        {&changed.stale_worst_us, "stale, the worst"},
        {&changed.recovery.acknowledges_again_us, "acknowledges again"},
        {&changed.recovery.reads_again_us, "reads again"},
        {&changed.recovery.backlog_at_restart, "backlog at restart"},
        {&changed.recovery.backlog_gone_us, "backlog gone"},
        {&changed.recovery.waiting_at_kill, "waiting at a kill"},
        {&changed.lag.waiting[3], "lag"},
        {&changed.lag.at_load_end, "lag"},
    };
    struct staged_run *run = staged_run_make(9, EVENTS);
    staged_run_consume(run);
    staged_run_drop_mail(run, 3);
    const struct ese_judgement judgement = judge(run, (struct ese_judge_options){.promises = &careful});
    for (size_t i = 0; i < ESE_COUNT_OF(numbers); i++) {
        changed = judgement;
        assert_null(judged_difference(&judgement, &changed));
        ++*numbers[i].number;
        assert_string_equal(judged_difference(&judgement, &changed), numbers[i].what);
    }
    changed = judgement;
    changed.processed_per_s *= 1.000001;
    assert_string_equal(judged_difference(&judgement, &changed), "processed per second");
    changed = judgement;
    changed.ledger_verdict.reason[3] ^= 1;
    assert_string_equal(judged_difference(&judgement, &changed), "ledger verdict");
    changed = judgement;
    changed.timing_verdict.word = ESE_VERDICT_CANNOT_TELL;
    assert_string_equal(judged_difference(&judgement, &changed), "timing verdict");
    changed = judgement;
    changed.stories.faults[0].text[20] ^= 1;
    assert_non_null(judged_difference(&judgement, &changed));
    changed = judgement;
    changed.stories.people_count--;
    assert_non_null(judged_difference(&judgement, &changed));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_goes_wrong_it_comes_to_the_same),
        cmocka_unit_test(a_run_is_judged_in_as_many_passes_as_it_takes),
        cmocka_unit_test(where_a_partition_begins_is_told_by_all_shares),
        cmocka_unit_test(mails_of_nobody_are_counted_once),
        cmocka_unit_test(mails_are_known_without_their_decisions),
        cmocka_unit_test(what_is_missing_is_missing_in_all_passes),
        cmocka_unit_test(what_is_damaged_is_damaged_in_all_passes),
        cmocka_unit_test(a_reason_has_no_path),
        cmocka_unit_test(a_decision_of_other_events_cannot_be_told),
        cmocka_unit_test(every_event_is_in_one_share),
        cmocka_unit_test(a_key_stays_together_whatever_lanes_it_had),
        cmocka_unit_test(lanes_that_are_too_large_are_refused),
        cmocka_unit_test(more_that_nobody_offered_than_there_is_room_for_is_refused),
        cmocka_unit_test(a_difference_is_seen),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
