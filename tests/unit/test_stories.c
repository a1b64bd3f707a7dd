/* Each kind of fault is told by its first case, and by no other event; so is who never got a mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-consumer/decision.h"
#include "ese-core/memory.h"
#include "orchestration/lab/report.h"
#include "tests/support/directory.h"
#include "tests/support/judged.h"
#include "tests/support/staged_run.h"

#define EVENTS 600
#define SEED 3

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .retry_stored_once = true,
    .replayable = true, .positions_survive = true};
static const struct ese_promises lossy = {.delivery = ESE_DELIVERY_AT_MOST_ONCE,
                                          .tells_losses = true};

/* ---- a run and what is told of it ------------------------------------------------------------ */

static struct staged_run *consumed(void)
{
    struct staged_run *run = staged_run_make(SEED, EVENTS);
    staged_run_consume(run);
    return run;
}

static void name(int32_t partition, char *text, size_t size)
{
    snprintf(text, size, "drawer-%d", (int)partition);
}

/* Writes the run, judges it and throws it away. */
static struct ese_judgement judge(struct staged_run *run, const struct ese_promises *promises)
{
    staged_run_write(run);
    const struct ese_judge_options options = {
        .directory = run->directory, .promises = promises, .partition_name = name};
    struct ese_judgement judgement = judged(&options);
    staged_run_free(&run);
    return judgement;
}

static const struct ese_story *find(const struct ese_judgement *judgement, const char *what)
{
    const struct ese_stories *stories = &judgement->stories;
    for (int i = 0; i < stories->fault_count; i++) {
        if (strcmp(stories->faults[i].what, what) == 0)
            return &stories->faults[i];
    }
    return NULL;
}

static void tells(const struct ese_judgement *judgement, const char *what, const struct ese_id *id,
                  const char *words)
{
    char text[ESE_ID_TEXT_SIZE];
    const struct ese_story *story = find(judgement, what);
    assert_non_null(story);
    assert_true(story->events > 0);
    ese_id_text(id, text);
    if (strstr(story->text, text) == NULL || strstr(story->text, words) == NULL)
        fail_msg("%s: not of %s or without '%s': %s", what, text, words, story->text);
}

static const struct staged_event *at(const struct staged_run *run, int place)
{
    return &run->events[run->log[place]];
}

static bool is_acknowledged_press(const struct staged_event *staged)
{
    return staged->outcome == ESE_HISTORY_ACKNOWLEDGED &&
           strcmp(staged->event.sub_type, ESE_SUB_TYPE_KEY_PRESS) == 0;
}

static int a_press(const struct staged_run *run)
{
    int place = run->log_count / 2;
    while (!is_acknowledged_press(at(run, place)))
        place++;
    return place;
}

/* ---- faults of events ------------------------------------------------------------------------ */

static const char *const grave[] = {
    "lost by key clash", "lost by expiry", "lost by the store's death",
    "lost by its store, after it was processed", "lost, for no cause that is noted", "not processed by the end",
    "stored twice",
    "stored out of its key's order", "stored though refused, not sent or never offered (phantom)",
    "mail that came twice", "mail from events that gave one (doubled)", "mail from other events (altered)",
    "mail that nothing accounts for (unexpected)"};

static void says_nothing_but(const struct ese_judgement *judgement, const char *what)
{
    for (size_t i = 0; i < ESE_COUNT_OF(grave); i++) {
        bool wanted = what != NULL && strcmp(grave[i], what) == 0;
        if ((find(judgement, grave[i]) != NULL) != wanted)
            fail_msg("'%s' is %s", grave[i], wanted ? "missing" : "told");
    }
}

/* What no transport is to blame for is told too, and nothing else. */
static void of_a_run_without_fault_the_outcomes_are_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed();
    const struct staged_event *first = NULL;
    for (int i = run->count - 1; i >= 0; i--)
        first = run->events[i].outcome == ESE_HISTORY_REFUSED ? &run->events[i] : first;
    assert_non_null(first);
    struct ese_id id = first->event.id;
    struct ese_judgement judgement = judge(run, &careful);
    tells(&judgement, "refused", &id, "refused at ");
    assert_non_null(find(&judgement, "of unknown outcome"));
    assert_int_equal(find(&judgement, "not sent")->events, judgement.ledger.not_sent);
    says_nothing_but(&judgement, NULL);
    assert_int_equal(judgement.stories.people_count, 0);
}

static void an_event_that_is_stored_again_is_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed();
    int place = a_press(run);
    struct ese_id id = at(run, place)->event.id;
    staged_run_append(run, run->log[place]);
    struct ese_judgement judgement = judge(run, &careful);
    tells(&judgement, "stored twice", &id, ", 2 times");
    tells(&judgement, "stored twice", &id, "stored in drawer-");
    says_nothing_but(&judgement, "stored twice");
}

static void an_event_in_flight_is_told(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(SEED, EVENTS);
    run->read = run->log_count / 2;
    staged_run_consume(run);
    int first = run->read;
    for (int i = run->read; i < run->log_count; i++)
        first = at(run, i)->due_ns < at(run, first)->due_ns ? i : first;
    struct ese_id id = at(run, first)->event.id;
    struct ese_judgement judgement = judge(run, &careful);
    tells(&judgement, "not processed by the end", &id, "no reader was handed it");
}

static void a_loss_is_told_with_its_cause(void **state)
{
    (void)state;
    static const struct {
        enum ese_history_kind how;
        bool has_died;
        const char *what, *words;
    } losses[] = {
        {ESE_HISTORY_OVERWRITTEN, false, "lost by key clash", "took its place"},
        {ESE_HISTORY_EXPIRED, false, "lost by expiry", "it expired"},
        {ESE_HISTORY_END, true, "lost by the store's death", "gone with the store's memory"},
        {ESE_HISTORY_END, false, "lost, for no cause that is noted", "nobody tells where it went"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(losses); i++) {
        struct staged_run *run = staged_run_make(SEED, EVENTS);
        run->tells_losses = true;
        int place = a_press(run);
        struct ese_id id = at(run, place)->event.id;
        int event = run->log[place];
        staged_run_lose(run, place, losses[i].how);
        if (losses[i].how == ESE_HISTORY_END)
            run->second_life = event + losses[i].has_died;
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &lossy);
        tells(&judgement, losses[i].what, &id, losses[i].words);
        says_nothing_but(&judgement, losses[i].what);
    }
}

/* It was committed, as everybody can see, and that is what is told of it. */
static void what_a_store_lost_that_had_promised_to_keep_it_was_processed(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0. a100. a200. a300.");
    run->forgotten = 1;
    struct ese_id id = run->events[1].event.id;
    struct ese_judgement judgement = judge(run, &careful);
    const char *what = "lost by its store, after it was processed";
    tells(&judgement, what, &id, "; it is gone from the store, which promises to keep what was read; a reader was ");
    tells(&judgement, what, &id, "; it was processed at 0.");
    says_nothing_but(&judgement, what);
    assert_null(strstr(find(&judgement, what)->text, "not committed"));
    assert_string_equal(judgement.ledger_verdict.reason,
                        "1 acknowledged event is lost: 1 was processed, and gone from the store since, which promises "
                        "to keep what was read");
    run = staged_run_of("a0. a100. a200. a300."); /* near: nor had anybody been handed it */
    run->forgotten = run->passed_over = 1;
    id = run->events[1].event.id;
    judgement = judge(run, &careful);
    tells(&judgement, "lost, for no cause that is noted", &id, "no reader was handed it");
    says_nothing_but(&judgement, "lost, for no cause that is noted");
}

static struct ese_judgement judge_unsent(bool is_noted, bool is_foreign)
{
    struct staged_run *run = staged_run_of("a0. a100/ a200.");
    struct ese_judgement judgement;
    if (!is_noted)
        run->events[1].outcome = ESE_HISTORY_END;
    staged_run_write(run);
    assert_int_equal(ese_judge(&(struct ese_judge_options){
        .directory = run->directory, .promises = &careful, .is_foreign = is_foreign}, &judgement, NULL), 0);
    staged_run_free(&run);
    return judgement;
}

/* Only of the lab's own client it is known why. */
static void no_reason_is_made_up_for_what_was_not_sent(void **state)
{
    (void)state;
    for (int noted = 0; noted < 2; noted++) {
        for (int foreign = 0; foreign < 2; foreign++) {
            struct ese_judgement judgement = judge_unsent(noted, foreign);
            const char *words = !noted   ? ": nobody says that it was sent, or what became of it; not in the store"
                                : foreign ? ": not sent, as its client says at 0."
                                          : ": not sent, as there was no room or no time left, and given up at 0.";
            assert_int_equal(judgement.ledger.not_sent, 1);
            assert_non_null(find(&judgement, "not sent"));
            if (strstr(find(&judgement, "not sent")->text, words) == NULL)
                fail_msg("%s", find(&judgement, "not sent")->text);
        }
    }
}

/* ---- mails ----------------------------------------------------------------------------------- */

static void a_commit_that_is_not_in_the_state_is_told(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200");
    run->tells_losses = true;
    run->taken_back = run->forgotten = 1;
    struct ese_id id = run->events[1].event.id;
    struct ese_judgement judgement = judge(run, &lossy);
    tells(&judgement, "lost, for no cause that is noted", &id,
          "its state has not had it, though it noted the commit at 0.");
    assert_int_equal(judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
}

static void a_mail_that_comes_twice_is_told(void **state)
{
    (void)state;
    struct staged_run *run = consumed();
    struct ese_id decision = run->mails[4];
    staged_run_add_mail(run, decision);
    struct ese_judgement judgement = judge(run, &careful);
    tells(&judgement, "mail that came twice", &decision, "its last cause is the key press");
    says_nothing_but(&judgement, "mail that came twice");
}

static void a_mail_that_does_not_come_has_its_person(void **state)
{
    (void)state;
    struct staged_run *run = consumed();
    struct ese_judgement before = judge(consumed(), &careful);
    assert_int_equal(before.mails.lost, 0);
    staged_run_drop_mail(run, 7);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.lost, 1);
    assert_int_equal(judgement.stories.people_count, 1);
    assert_non_null(strstr(judgement.stories.people[0].text, "and no mail came"));
    assert_non_null(strstr(judgement.stories.people[0].text, "it did not arrive"));
}

/* One each, however many mails they have missed. */
static void three_people_are_named(void **state)
{
    (void)state;
    struct staged_run *run = consumed();
    while (run->mail_count > 0)
        staged_run_drop_mail(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    const struct ese_stories *stories = &judgement.stories;
    assert_true(judgement.mails.lost > ESE_STORY_PEOPLE);
    assert_int_equal(stories->people_count, ESE_STORY_PEOPLE);
    for (int i = 1; i < ESE_STORY_PEOPLE; i++)
        assert_string_not_equal(stories->people[i].what, stories->people[i - 1].what);
    assert_string_not_equal(stories->people[2].what, stories->people[0].what);
}

/* A mail the mailer does not know of may have come: nobody is said to have missed it. */
static void an_unknown_mail_is_nobodys_loss(void **state)
{
    (void)state;
    struct staged_run *run = consumed();
    run->unknown_mail = run->mails[7];
    staged_run_drop_mail(run, 7);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.unknown, 1);
    assert_int_equal(judgement.stories.people_count, 0);
}

static void who_lost_a_press_is_told_which(void **state)
{
    (void)state;
    int told = 0;
    for (int from = 0; from < 40; from++) {
        struct staged_run *run = staged_run_make(SEED, EVENTS);
        run->tells_losses = true;
        int place = from * run->log_count / 40;
        while (!is_acknowledged_press(at(run, place)))
            place++;
        staged_run_lose(run, place, ESE_HISTORY_OVERWRITTEN);
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &lossy);
        assert_int_equal(judgement.stories.people_count, judgement.mails.lost);
        if (judgement.mails.lost == 0)
            continue; /* its chain had presses to spare */
        told++;
        if (judgement.mails.altered == 0) /* else that stands for the mail that press was behind */
            assert_non_null(strstr(judgement.stories.people[0].text, "took its place"));
    }
    assert_true(told > 3);
}

/* Where all were due within a millisecond, its place among them tells. */
static void a_press_is_told_by_its_place(void **state)
{
    (void)state;
    static const char *const words[] = {"The first press, due at 0.000 s: ", "The second press, due at 0.000 s: ",
                                        "The third press, due at 0.000 s: "};
    for (int place = 0; place < 3; place++) {
        struct staged_run *run = staged_run_of("a0 a0 a0");
        run->tells_losses = true;
        staged_run_lose(run, place, ESE_HISTORY_OVERWRITTEN);
        staged_run_consume(run);
        struct ese_judgement judgement = judge(run, &lossy);
        assert_int_equal(judgement.stories.people_count, 1);
        assert_non_null(strstr(judgement.stories.people[0].text, words[place]));
    }
}

/* The presses that were left have given a mail, and that is what did not come. */
static void whose_mail_was_decided_on_by_other_presses_is_told_that(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200 a300");
    char id[ESE_ID_TEXT_SIZE];
    run->tells_losses = true;
    staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
    staged_run_consume(run);
    ese_id_text(&run->mails[0], id);
    staged_run_drop_mail(run, 0);
    struct ese_judgement judgement = judge(run, &lossy);
    assert_int_equal(judgement.stories.people_count, 1);
    assert_non_null(strstr(judgement.stories.people[0].text, "took its place"));
    assert_non_null(strstr(judgement.stories.people[0].text, id));
    assert_non_null(strstr(judgement.stories.people[0].text, "whose mail did not arrive"));
}

/* The second press is lost to a clash, and what those that were left have given is unknown. */
static struct staged_run *run_with_unknown(const char *script, char id[ESE_ID_TEXT_SIZE])
{
    struct staged_run *run = staged_run_of(script);
    run->tells_losses = true;
    staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
    staged_run_consume(run);
    assert_int_equal(run->mail_count, 1);
    ese_id_text(&run->mails[0], id);
    run->unknown_mail = run->mails[0];
    staged_run_drop_mail(run, 0);
    return run;
}

/* Nobody is said to have missed it; unless another one is lost. */
static void whose_mail_is_unknown_has_not_missed_it(void **state)
{
    (void)state;
    char id[ESE_ID_TEXT_SIZE];
    struct ese_judgement judgement = judge(run_with_unknown("a0 a100 a200 a300", id), &lossy);
    const struct ese_stories *stories = &judgement.stories;
    assert_int_equal(judgement.mails.unknown, 1);
    assert_int_equal(stories->people_count, 0);
    judgement = judge(run_with_unknown("a0 a100 a200 a300 a400 a500", id), &lossy);
    assert_int_equal(judgement.mails.lost, 1);
    assert_int_equal(stories->people_count, 1);
    assert_null(strstr(stories->people[0].text, id));
    assert_int_equal(stories->unknown_count, 1);
    assert_string_equal(stories->unknown_mails[0].what, "10.0.0.0");
    assert_non_null(strstr(stories->unknown_mails[0].text, id));
    assert_non_null(strstr(stories->unknown_mails[0].text,
                           ", of other events than had to give one, the first of them the key press due at 0.000 s: "
                           "it has not arrived"));
}

/* Of two threes each lost a press; what was left has given a mail, which came or is unknown. It was not withheld. */
static void what_went_its_way_is_not_told_of_who_misses_another(void **state)
{
    (void)state;
    for (int is_unknown = 0; is_unknown < 2; is_unknown++) {
        struct staged_run *run = staged_run_of("a0 a100 a200 a300 a400 a500");
        run->tells_losses = true;
        staged_run_lose(run, 4, ESE_HISTORY_OVERWRITTEN);
        staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
        staged_run_consume(run);
        assert_int_equal(run->mail_count, 1);
        if (is_unknown) {
            run->unknown_mail = run->mails[0];
            staged_run_drop_mail(run, 0);
        }
        struct ese_judgement judgement = judge(run, &lossy);
        assert_int_equal(judgement.stories.people_count, 1);
        assert_non_null(strstr(judgement.stories.people[0].text, "took its place"));
        assert_null(strstr(judgement.stories.people[0].text, "gave decision"));
    }
}

/* ---- mails that are matched by their number -------------------------------------------------- */

#define DOUBLED "mail from events that gave one (doubled)"
#define ALTERED "mail from other events (altered)"
#define UNEXPECTED "mail that nothing accounts for (unexpected)"

static struct staged_run *of(const char *script)
{
    struct staged_run *run = staged_run_of(script);
    staged_run_consume(run);
    return run;
}

/* A mail that no rule would have made, of three times that event. Returns the decision. */
static struct ese_id make_up_of(struct staged_run *run, const struct ese_id *event, const char *rule)
{
    const struct ese_id events[3] = {*event, *event, *event};
    struct ese_decision decision;
    ese_decision_make(&decision, rule, &run->events[0].event, events, 3);
    staged_run_decide(run, &decision);
    return decision.id;
}

static struct ese_id make_up(struct staged_run *run, int event)
{
    return make_up_of(run, &run->events[event].event.id, "made-up");
}

static void a_mail_beyond_those_of_its_chain_is_told(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200 a300");
    struct ese_id id = make_up(run, 1), press = run->events[1].event.id;
    struct ese_judgement judgement = judge(run, &careful);
    tells(&judgement, DOUBLED, &id, "its chain of 4 key presses gives 1 mail, and so many were decided on besides");
    tells(&judgement, DOUBLED, &press, "the first event behind it is the key press");
    says_nothing_but(&judgement, DOUBLED);
}

/* The first press was lost to the reader, and the three behind it have given a mail. */
static void a_mail_from_other_presses_is_told(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("b0 a100 a200 a300 a400 a500 a600");
    const struct ese_id press = run->events[2].event.id;
    run->passed_over = 1;
    staged_run_consume(run);
    struct ese_id came = run->decisions[0].id;
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.altered, 1);
    assert_int_equal(judgement.mails.lost, 1);
    tells(&judgement, ALTERED, &came,
          "of the key presses due at 0.100 s, 0.200 s and 0.300 s. The first press, due at 0.100 s: ");
    tells(&judgement, ALTERED, &press, "of 10.0.0.0, due at 0.200 s");
    assert_non_null(strstr(find(&judgement, ALTERED)->text, "no reader was handed it"));
    assert_int_equal(judgement.stories.people_count, 1); /* of the other mail */
    assert_non_null(strstr(judgement.stories.people[0].text, "pressed a key at 0.400 s, 0.500 s and 0.600 s"));
    assert_null(strstr(judgement.stories.people[0].text, "gave decision"));
}

/* It stands for that with which it has most in common, be it not the first. */
static void a_mail_stands_for_the_one_it_is_most_like(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("b0 a100 a200 a300 a400 a500 a600 a700");
    run->passed_over = 4;
    staged_run_consume(run);
    const struct ese_id came = run->decisions[1].id;
    staged_run_drop_mail(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.altered, 1);
    tells(&judgement, ALTERED, &came, "of the key presses due at 0.400 s, 0.500 s and 0.600 s");
    assert_int_equal(judgement.stories.people_count, 1);
    assert_non_null(strstr(judgement.stories.people[0].text, "pressed a key at 0.100 s, 0.200 s and 0.300 s"));
}

/* Who got another mail of that chain, if for other presses, comes behind whoever got none. */
static void who_got_none_of_their_chain_is_told_first(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200 a300 a400 a500 b2000 b2100 b2200");
    run->passed_over = 0;
    staged_run_consume(run);
    assert_int_equal(run->mail_count, 2);
    staged_run_drop_mail(run, 1);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.altered, 1);
    assert_int_equal(judgement.stories.people_count, 2);
    assert_string_equal(judgement.stories.people[0].what, "10.0.0.1");
    assert_string_equal(judgement.stories.people[1].what, "10.0.0.0");
    assert_non_null(strstr(judgement.stories.people[1].text, "0.300 s, 0.400 s and 0.500 s"));
}

static void of_presses_out_of_order_the_one_behind_is_blamed(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200 a300");
    staged_run_move(run, 0, 3);
    staged_run_consume(run);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.mails.altered, 1);
    assert_non_null(strstr(find(&judgement, ALTERED)->text, "The first press, due at 0.000 s: "));
    assert_non_null(strstr(find(&judgement, ALTERED)->text, "behind an event of its key"));
}

static void where_nothing_is_amiss_with_its_presses_that_is_told(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200");
    staged_run_drop_mail(run, 0);
    struct ese_id id = make_up(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    tells(&judgement, ALTERED, &id, "All of these were processed");
    says_nothing_but(&judgement, ALTERED);
}

static void one_stands_for_another_and_a_third_is_told_apart(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200 a300 a400 a500");
    staged_run_drop_mail(run, 1);
    make_up(run, 0);
    make_up_of(run, &run->events[0].event.id, "made-up, too");
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(find(&judgement, ALTERED)->events, 1);
    assert_int_equal(find(&judgement, DOUBLED)->events, 1);
    assert_null(find(&judgement, UNEXPECTED));
}

/* Of which nobody can say which mails had to come. */
static void of_a_doubtful_chain_no_mail_is_told(void **state)
{
    (void)state;
    for (int has_come = 0; has_come < 2; has_come++) {
        struct staged_run *run = of("a0 a100? a200");
        run->events[1].done_ns = run->events[1].due_ns;
        if (has_come)
            make_up(run, 0);
        else
            staged_run_drop_mail(run, 0);
        struct ese_judgement judgement = judge(run, &careful);
        says_nothing_but(&judgement, NULL);
        assert_int_equal(judgement.stories.people_count, 0);
    }
}

/* ---- mails that nothing accounts for --------------------------------------------------------- */

static void is_unexpected(const struct ese_judgement *judgement, const struct ese_id *id, const char *words)
{
    tells(judgement, UNEXPECTED, id, words);
    assert_non_null(strstr(find(judgement, UNEXPECTED)->text, "(maildir/"));
    says_nothing_but(judgement, UNEXPECTED);
}

static void a_mail_of_a_chain_that_gives_none_is_told(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100");
    struct ese_id id = make_up(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    is_unexpected(&judgement, &id, "its chain of 2 key presses gives 0 mails; the first event behind it is the key ");
}

static void a_mail_of_a_decision_that_nobody_made_is_told(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200");
    const struct ese_id id = ese_id_derive("never decided", NULL, 0);
    staged_run_add_mail(run, id);
    struct ese_judgement judgement = judge(run, &careful);
    is_unexpected(&judgement, &id, "neither does the consumer's state know of such a decision");
}

static void a_mail_of_an_event_that_nobody_knows_is_told(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200");
    const struct ese_id unheard_of = ese_id_make(&(struct ese_id_parts){.run = 5, .lane = 1, .sequence = 3});
    struct ese_id id = make_up_of(run, &unheard_of, "made-up");
    struct ese_judgement judgement = judge(run, &careful);
    is_unexpected(&judgement, &id, "of which no history tells");
    tells(&judgement, UNEXPECTED, &unheard_of, "the first event behind it is ");
}

static void a_mail_of_an_event_that_is_no_press_is_told(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100. a200");
    struct ese_id id = make_up(run, 1);
    struct ese_judgement judgement = judge(run, &careful);
    is_unexpected(&judgement, &id, "It belongs to no chain of events that are stored");
}

/* Nor can what its writer would have on a terminal be done. */
static void a_mail_of_no_decision_is_told_and_its_subject_is_text(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200");
    run->subject = "\033[2J\xc3\x28 bargains";
    staged_run_add_mail(run, (struct ese_id){{0}});
    struct ese_judgement judgement = judge(run, &careful);
    const struct ese_story *story = find(&judgement, UNEXPECTED);
    assert_non_null(story);
    assert_non_null(strstr(story->text, "\"?[2J?( bargains\", of no decision, came at "));
    assert_non_null(strstr(story->text, "it has no header X-ESE-Decision"));
    says_nothing_but(&judgement, UNEXPECTED);
}

static void a_mails_file_is_told_as_text(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200");
    run->host = "\033[2J\xff";
    staged_run_add_mail(run, (struct ese_id){{0}});
    struct ese_judgement judgement = judge(run, &careful);
    assert_non_null(strstr(find(&judgement, UNEXPECTED)->text, "P1Q1.?[2J?)"));
}

/* Whatever their ids, and in however many parts they are looked at. */
static void the_first_that_came_is_told(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct staged_run *run = consumed();
        int first = run->mail_count;
        for (int i = 0; i < 100; i++) {
            char what[32];
            snprintf(what, sizeof what, "stray %d, %d", i, round);
            staged_run_add_mail(run, round % 2 == 0 ? (struct ese_id){{0}} : ese_id_derive(what, NULL, 0));
        }
        struct ese_judgement judgement = judge(run, &careful);
        char file[32];
        snprintf(file, sizeof file, "P1Q%d.staged)", first);
        assert_int_equal(find(&judgement, UNEXPECTED)->events, 100);
        assert_non_null(strstr(find(&judgement, UNEXPECTED)->text, file));
        says_nothing_but(&judgement, UNEXPECTED);
    }
}

/* Seconds of the run, as those of events are: 10 ms behind the last. */
static void a_mail_has_the_time_of_the_run(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a4990 a5990");
    staged_run_add_mail(run, ese_id_derive("never decided", NULL, 0));
    struct ese_judgement judgement = judge(run, &careful);
    const char *came = strstr(find(&judgement, UNEXPECTED)->text, "came at ");
    assert_non_null(came);
    assert_in_range((int64_t)(strtod(came + strlen("came at "), NULL) * 1000), 5950, 6050);
}

/* ---- mails of which nobody knows ------------------------------------------------------------- */

static void an_unknown_mail_has_its_name(void **state)
{
    (void)state;
    for (int has_come = 0; has_come < 2; has_come++) {
        struct staged_run *run = of("b0 a100 a200 a300");
        char id[ESE_ID_TEXT_SIZE];
        run->unknown_mail = run->mails[0];
        ese_id_text(&run->mails[0], id);
        if (!has_come)
            staged_run_drop_mail(run, 0);
        struct ese_judgement judgement = judge(run, &careful);
        const struct ese_stories *stories = &judgement.stories;
        const char *told = stories->unknown_mails[0].text;
        assert_int_equal(stories->unknown_count, 1);
        assert_string_equal(stories->unknown_mails[0].what, "10.0.0.0");
        assert_non_null(strstr(told, id));
        assert_non_null(strstr(told, "due at 0.100 s, 0.200 s and 0.300 s"));
        assert_non_null(strstr(told, has_come ? "it arrived at " : "it has not arrived"));
        says_nothing_but(&judgement, NULL);
    }
}

/* Besides one of which nobody knows another has come: nothing is left that this one could stand for. */
static void an_unknown_mail_besides_which_another_came_has_its_name(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200");
    run->unknown_mail = run->mails[0];
    staged_run_drop_mail(run, 0);
    make_up(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.stories.unknown_count, 1);
    says_nothing_but(&judgement, DOUBLED);
}

/* One of which nobody knows has come for another. */
static void an_unknown_mail_that_came_is_told_as_what_it_is(void **state)
{
    (void)state;
    struct staged_run *run = of("a0 a100 a200");
    staged_run_drop_mail(run, 0);
    run->unknown_mail = make_up(run, 0);
    struct ese_judgement judgement = judge(run, &careful);
    assert_int_equal(judgement.stories.unknown_count, 1);
    assert_non_null(strstr(judgement.stories.unknown_mails[0].text, "due at 0.000 s: it arrived at "));
    says_nothing_but(&judgement, ALTERED);
}

/* Nor need its chain give one, nor there be a chain, nor an event. */
static void an_unknown_mail_that_nobody_expected_has_its_name(void **state)
{
    (void)state;
    const struct ese_id unheard_of = ese_id_make(&(struct ese_id_parts){.run = 5, .lane = 1, .sequence = 3});
    static const struct {
        const char *script, *person, *words;
    } cases[] = {
        {"a0 a100", "10.0.0.0", "the first of them the key press due at 0.000 s: it has not arrived"},
        {"a0. a100 a200", "10.0.0.0", "the first of them the event due at 0.000 s: it has not arrived"},
        {"a0 a100", "nobody knows whose", ", of events of which no history tells: it has not arrived"},
        {"a0? a100 a200", "10.0.0.0", "the first of them the key press due at 0.000 s: it has not arrived"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct staged_run *run = of(cases[i].script);
        run->events[0].done_ns = run->events[0].due_ns; /* an unknown one leaves its chain in doubt */
        while (run->mail_count > 0)
            staged_run_drop_mail(run, 0);
        run->unknown_mail = make_up_of(run, i == 2 ? &unheard_of : &run->events[0].event.id, "made-up");
        staged_run_drop_mail(run, 0);
        struct ese_judgement judgement = judge(run, &careful);
        assert_int_equal(judgement.mails.unknown, 1);
        assert_int_equal(judgement.stories.unknown_count, 1);
        assert_string_equal(judgement.stories.unknown_mails[0].what, cases[i].person);
        assert_non_null(strstr(judgement.stories.unknown_mails[0].text, cases[i].words));
        assert_int_equal(judgement.stories.unknown_mails[0].at_ns != 0, i != 2);
        assert_int_equal(judgement.stories.people_count, 0);
    }
}

static void unknown_mails_are_named_in_order_and_up_to_a_number(void **state)
{
    (void)state;
    static struct ese_results results;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    struct staged_run *run = consumed();
    char more[32];
    run->is_unknowing = true;
    while (run->mail_count > 3)
        staged_run_drop_mail(run, 0);
    results.count = 1;
    snprintf(results.transports[0].name, sizeof results.transports[0].name, "plain");
    results.transports[0].judgement = judge(run, &careful);
    const struct ese_judgement *judgement = &results.transports[0].judgement;
    const struct ese_stories *stories = &judgement->stories;
    assert_int_equal(judgement->mails.unknown_arrived, 3);
    assert_int_equal(stories->unknown, judgement->mails.unknown + 3);
    assert_int_equal(stories->unknown_count, ESE_STORY_UNKNOWN);
    assert_true(stories->unknown > ESE_STORY_UNKNOWN);
    for (int i = 1; i < ESE_STORY_UNKNOWN; i++)
        assert_true(stories->unknown_mails[i].at_ns >= stories->unknown_mails[i - 1].at_ns);
    assert_int_equal(stories->people_count, 0);
    ese_report_stories(&results, &text);
    snprintf(more, sizeof more, "plain: and %lld more\n", (long long)stories->unknown - ESE_STORY_UNKNOWN);
    assert_non_null(strstr(text.text, "MAILS OF UNKNOWN END"));
    assert_non_null(strstr(text.text, more));
    ese_buffer_free(&text);
}

/* ---- as printed ------------------------------------------------------------------------------ */

static void stories_are_wrapped(void **state)
{
    (void)state;
    static struct ese_results results;
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    ese_report_stories(&results, &text);
    assert_int_equal(text.length, 0);
    struct staged_run *run = consumed();
    staged_run_drop_mail(run, 7);
    results.count = 1;
    snprintf(results.transports[0].name, sizeof results.transports[0].name, "plain");
    results.transports[0].judgement = judge(run, &careful);
    ese_report_stories(&results, &text);
    assert_non_null(strstr(text.text, "plain, refused: the first of "));
    assert_non_null(strstr(text.text, "WHO NEVER GOT THEIR MAIL"));
    for (const char *line = text.text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t length = strcspn(line, "\n");
        assert_true(length <= 108);
        assert_true(length == 0 || line[length - 1] != ' ');
    }
    ese_buffer_free(&text);
}

int main(int argc, char **argv)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_run_without_fault_the_outcomes_are_told),
        cmocka_unit_test(an_event_that_is_stored_again_is_told),
        cmocka_unit_test(an_event_in_flight_is_told),
        cmocka_unit_test(a_loss_is_told_with_its_cause),
        cmocka_unit_test(what_a_store_lost_that_had_promised_to_keep_it_was_processed),
        cmocka_unit_test(no_reason_is_made_up_for_what_was_not_sent),
        cmocka_unit_test(a_commit_that_is_not_in_the_state_is_told),
        cmocka_unit_test(a_mail_that_comes_twice_is_told),
        cmocka_unit_test(a_mail_that_does_not_come_has_its_person),
        cmocka_unit_test(three_people_are_named),
        cmocka_unit_test(an_unknown_mail_is_nobodys_loss),
        cmocka_unit_test(who_lost_a_press_is_told_which),
        cmocka_unit_test(a_press_is_told_by_its_place),
        cmocka_unit_test(whose_mail_was_decided_on_by_other_presses_is_told_that),
        cmocka_unit_test(whose_mail_is_unknown_has_not_missed_it),
        cmocka_unit_test(what_went_its_way_is_not_told_of_who_misses_another),
        cmocka_unit_test(a_mail_beyond_those_of_its_chain_is_told),
        cmocka_unit_test(a_mail_from_other_presses_is_told),
        cmocka_unit_test(a_mail_stands_for_the_one_it_is_most_like),
        cmocka_unit_test(who_got_none_of_their_chain_is_told_first),
        cmocka_unit_test(of_presses_out_of_order_the_one_behind_is_blamed),
        cmocka_unit_test(where_nothing_is_amiss_with_its_presses_that_is_told),
        cmocka_unit_test(one_stands_for_another_and_a_third_is_told_apart),
        cmocka_unit_test(of_a_doubtful_chain_no_mail_is_told),
        cmocka_unit_test(a_mail_of_a_chain_that_gives_none_is_told),
        cmocka_unit_test(a_mail_of_a_decision_that_nobody_made_is_told),
        cmocka_unit_test(a_mail_of_an_event_that_nobody_knows_is_told),
        cmocka_unit_test(a_mail_of_an_event_that_is_no_press_is_told),
        cmocka_unit_test(a_mail_of_no_decision_is_told_and_its_subject_is_text),
        cmocka_unit_test(a_mails_file_is_told_as_text),
        cmocka_unit_test(the_first_that_came_is_told),
        cmocka_unit_test(a_mail_has_the_time_of_the_run),
        cmocka_unit_test(an_unknown_mail_has_its_name),
        cmocka_unit_test(an_unknown_mail_besides_which_another_came_has_its_name),
        cmocka_unit_test(an_unknown_mail_that_came_is_told_as_what_it_is),
        cmocka_unit_test(an_unknown_mail_that_nobody_expected_has_its_name),
        cmocka_unit_test(unknown_mails_are_named_in_order_and_up_to_a_number),
        cmocka_unit_test(stories_are_wrapped),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
