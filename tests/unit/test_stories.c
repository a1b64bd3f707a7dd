/* Each kind of fault is told by its first case, and by no other event; so is who never got a mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    "lost, for no cause that is noted", "not processed when the drain ended", "stored twice",
    "stored out of its key's order", "seen, though never stored (phantom)", "mail that came twice"};

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
    tells(&judgement, "not processed when the drain ended", &id, "no reader was handed it");
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
        assert_non_null(strstr(judgement.stories.people[0].text, "took its place"));
    }
    assert_true(told > 3);
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

int main(void)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_run_without_fault_the_outcomes_are_told),
        cmocka_unit_test(an_event_that_is_stored_again_is_told),
        cmocka_unit_test(an_event_in_flight_is_told),
        cmocka_unit_test(a_loss_is_told_with_its_cause),
        cmocka_unit_test(a_commit_that_is_not_in_the_state_is_told),
        cmocka_unit_test(a_mail_that_comes_twice_is_told),
        cmocka_unit_test(a_mail_that_does_not_come_has_its_person),
        cmocka_unit_test(three_people_are_named),
        cmocka_unit_test(an_unknown_mail_is_nobodys_loss),
        cmocka_unit_test(who_lost_a_press_is_told_which),
        cmocka_unit_test(stories_are_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
