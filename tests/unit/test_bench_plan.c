/* In which order the bench measures, what it repeats, what it takes from an earlier run, and what it makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/key.h"
#include "orchestration/bench/plan.h"
#include "tests/support/directory.h"

/* ---- contenders that only say what they are told --------------------------------------------------------------- */

static struct {
    char order[64];       /* a letter for each round that was run */
    int opened, closed;
    double foreign_cores; /* as the next `disturbed` rounds have it */
    int disturbed;
    int fails_after;      /* rounds; -1: never */
    bool missing; /* the peer */
    int64_t measure_ns, sync_us; /* as both sides were told */
} stage;

struct ese_contest {
    char letter;
    double rate;
};

static int open_one(char letter, double rate, struct ese_contest **contest, struct ese_error *error)
{
    *contest = NULL;
    if (stage.missing && letter == 'p')
        return ese_fail(error, ESE_E_MISSING, "there is none");
    *contest = ese_alloc(sizeof **contest);
    **contest = (struct ese_contest){letter, rate};
    stage.opened++;
    return 0;
}

static int open_ours(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error)
{
    (void)place;
    (void)side;
    assert_int_equal(stint->durability, ESE_DURABILITY_DISK);
    stage.measure_ns = stint->measure_ns;
    stage.sync_us = stint->sync_us;
    return open_one('o', 100, contest, error);
}

static int open_peer(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error)
{
    (void)place;
    (void)side;
    assert_true(stint->measure_ns == stage.measure_ns && stint->sync_us == stage.sync_us);
    return open_one('p', 50, contest, error);
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    size_t length = strlen(stage.order);

    if (stage.fails_after == 0)
        return ese_fail(error, ESE_E_IO, "it broke");
    stage.fails_after--;
    stage.order[length] = contest->letter;
    *round = (struct ese_round){.rate = contest->rate + (double)length, .syncs_per_s = 10, .commits_per_s = 10,
                                .flushes_per_s = 10, .all_there = true};
    if (stage.disturbed > 0) {
        stage.disturbed--;
        round->foreign_cores = stage.foreign_cores;
    }
    return 0;
}

static void close_one(struct ese_contest **contest)
{
    stage.closed += *contest != NULL;
    free(*contest);
    *contest = NULL;
}

static const struct ese_contender ours = {.name = "ours", .open = open_ours, .run = run, .close = close_one};
static const struct ese_contender peer = {.name = "peer", .open = open_peer, .run = run, .close = close_one};
static const struct ese_row row = {.id = "row", .what = "a row", .measure = ESE_MEASURE_RATE, .goal = 1.5,
                                   .durability = ESE_DURABILITY_DISK, .ours = {.contender = &ours},
                                   .peer = {.contender = &peer}};

/* ---- runs ------------------------------------------------------------------------------------------------------ */

struct fixture {
    char *directory;
    char *path;
    struct ese_plan plan;
    struct ese_row_figures figures;
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "rounds.jsonl");
    fixture->plan.rounds = 3;
    fixture->plan.repeats = 3;
    memset(&stage, 0, sizeof stage);
    stage.fails_after = -1;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

/* As a process of its own would, with the journal as it is. */
static int measure_row(struct fixture *fixture, const struct ese_row *measured, const char *key,
                       struct ese_error *error)
{
    struct ese_place place = {.broker = NULL};
    struct ese_journal *journal;

    assert_int_equal(ese_journal_open(fixture->path, key, &journal, NULL), 0);
    int status = ese_plan_row(&fixture->plan, measured, &place, journal, &fixture->figures, error);
    ese_journal_close(&journal);
    assert_int_equal(stage.opened, stage.closed);
    return status;
}

static int measure(struct fixture *fixture, const char *key, struct ese_error *error)
{
    return measure_row(fixture, &row, key, error);
}

static void sides_take_turns(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_string_equal(stage.order, "opopop");
    assert_int_equal(stage.opened, 2);
    assert_true(fixture->figures.ours.median == 102 && fixture->figures.peer.median == 53);
    assert_true(fixture->figures.ours.min == 100 && fixture->figures.ours.max == 104);
    assert_true(ese_figures_reached(&fixture->figures));
}

static void another_figure_needs_no_rounds_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct ese_row another = row;
    another.id = "another";
    another.rounds_of = row.id;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_int_equal(measure_row(fixture, &another, "k", NULL), 0);
    assert_string_equal(stage.order, "opopop");
    assert_int_equal(fixture->figures.ours.rounds, 3);
    assert_int_equal(fixture->figures.peer.rounds, 3);
}

static void what_takes_minutes_is_measured_once(void **state)
{
    struct fixture *fixture = *state;
    struct ese_row soak = row;
    soak.span_ms = 600000;
    fixture->plan.stint.measure_ns = 1000;
    stage.foreign_cores = 0.3; /* and not again, whoever was there */
    stage.disturbed = 2;
    assert_int_equal(measure_row(fixture, &soak, "k", NULL), 0);
    assert_string_equal(stage.order, "op");
    assert_int_equal(stage.measure_ns, 600000 * ESE_NS_PER_MS);
    fixture->plan.is_brief = true;
    assert_int_equal(measure_row(fixture, &soak, "another", NULL), 0);
    assert_int_equal(stage.measure_ns, 1000);
}

static void both_have_the_slow_disk(void **state)
{
    struct fixture *fixture = *state;
    struct ese_row slow = row;
    slow.sync_us = 1000;
    assert_int_equal(measure_row(fixture, &slow, "k", NULL), 0);
    assert_int_equal(stage.sync_us, 1000);
}

static void ours_alone_has_no_ratio(void **state)
{
    struct fixture *fixture = *state;
    fixture->plan.ours_only = true;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_string_equal(stage.order, "ooo");
    assert_true(fixture->figures.ratio == 0);
    assert_string_equal(fixture->figures.reason, "");
    assert_false(ese_figures_reached(&fixture->figures));
}

static void a_disturbed_round_is_repeated_three_times_at_most(void **state)
{
    struct fixture *fixture = *state;
    stage.foreign_cores = 0.3;
    stage.disturbed = 2;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_string_equal(stage.order, "ooopopop");
    assert_false(fixture->figures.noisy);

    memset(stage.order, 0, sizeof stage.order);
    stage.disturbed = 5;
    assert_int_equal(measure(fixture, "another", NULL), 0);
    assert_string_equal(stage.order, "oooopp" "opop");
    assert_true(fixture->figures.noisy);

    memset(stage.order, 0, sizeof stage.order);
    stage.foreign_cores = 0.25; /* is allowed */
    stage.disturbed = 5;
    assert_int_equal(measure(fixture, "a third", NULL), 0);
    assert_string_equal(stage.order, "opopop");
}

static void an_interrupted_one_goes_on(void **state)
{
    struct fixture *fixture = *state;
    stage.fails_after = 3;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_string_equal(fixture->figures.reason, "row: peer: it broke");
    assert_false(ese_figures_reached(&fixture->figures));
    assert_string_equal(stage.order, "opo");
    stage.fails_after = -1;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_string_equal(stage.order, "opopop");
    assert_int_equal(fixture->figures.ours.rounds, 3);
    assert_true(fixture->figures.ours.median == 102);
    assert_int_equal(measure(fixture, "k", NULL), 0); /* nothing is missing */
    assert_string_equal(stage.order, "opopop");
    assert_int_equal(measure(fixture, "other binaries", NULL), 0);
    assert_string_equal(stage.order, "opopopopopop");
}

static void a_torn_line_is_measured_again(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    static const struct {
        int bytes;
        const char *order;
    } cut[] = {{5, "opopopp"}, {1, "opopoppp"}}; /* a whole line without its end, too: another would be written to it */
    for (size_t i = 0; i < ESE_COUNT_OF(cut); i++) {
        struct stat status;
        assert_int_equal(stat(fixture->path, &status), 0);
        assert_int_equal(truncate(fixture->path, status.st_size - cut[i].bytes), 0);
        assert_int_equal(measure(fixture, "k", NULL), 0);
        assert_string_equal(stage.order, cut[i].order);
        assert_int_equal(fixture->figures.peer.rounds, 3);
        assert_int_equal(measure(fixture, "k", NULL), 0); /* what was torn is gone */
        assert_string_equal(stage.order, cut[i].order);
    }
}

static void a_side_that_is_missing_voids_the_row(void **state)
{
    struct fixture *fixture = *state;
    stage.missing = true;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_string_equal(stage.order, "o");
    assert_string_equal(fixture->figures.reason, "row: peer: there is none");
    assert_int_equal(fixture->figures.ours.rounds, 1);
    assert_false(ese_figures_reached(&fixture->figures));
    stage.missing = false; /* it was brought: what is there counts */
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_string_equal(stage.order, "opopop");
}

static void who_comes_to_an_end_leaves_no_journal(void **state)
{
    struct fixture *fixture = *state;
    struct ese_journal *journal;
    assert_int_equal(measure(fixture, "k", NULL), 0);
    assert_int_equal(ese_journal_open(fixture->path, "k", &journal, NULL), 0);
    ese_journal_finish(&journal);
    assert_null(journal);
    assert_int_equal(access(fixture->path, F_OK), -1);
}

static void the_key_tells_how_it_was_measured(void **state)
{
    struct fixture *fixture = *state;
    struct ese_place place = {.peers = "/nowhere"};
    bool *chosen = ese_alloc_array(ese_row_count, sizeof *chosen);
    char one[ESE_KEY_SIZE], two[ESE_KEY_SIZE];

    chosen[0] = true;
    assert_int_equal(ese_key_make(&fixture->plan, chosen, &place, one, NULL), 0);
    assert_int_equal(ese_key_make(&fixture->plan, chosen, &place, two, NULL), 0);
    assert_string_equal(one, two);
    chosen[1] = true;
    assert_int_equal(ese_key_make(&fixture->plan, chosen, &place, two, NULL), 0);
    assert_string_not_equal(one, two);
    chosen[1] = false;
    fixture->plan.stint.measure_ns++;
    assert_int_equal(ese_key_make(&fixture->plan, chosen, &place, two, NULL), 0);
    assert_string_not_equal(one, two);
    fixture->plan.stint.measure_ns--;
    fixture->plan.stint.backlog++;
    assert_int_equal(ese_key_make(&fixture->plan, chosen, &place, two, NULL), 0);
    assert_string_not_equal(one, two);
    fixture->plan.stint.backlog--;
    setenv("ESE_KAFKA_CONF", fixture->directory, 1); /* where the broker is set up otherwise */
    assert_int_equal(ese_key_make(&fixture->plan, chosen, &place, one, NULL), 0);
    char *topics = ese_test_path(fixture->directory, "topics.conf");
    FILE *file = fopen(topics, "w");
    assert_non_null(file);
    fputs("flush.messages=1\n", file);
    fclose(file);
    assert_int_equal(ese_key_make(&fixture->plan, chosen, &place, two, NULL), 0);
    assert_string_not_equal(one, two);
    unsetenv("ESE_KAFKA_CONF");
    unlink(topics);
    free(topics);
    free(chosen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sides_take_turns),
        TEST(another_figure_needs_no_rounds_of_its_own),
        TEST(what_takes_minutes_is_measured_once),
        TEST(both_have_the_slow_disk),
        TEST(ours_alone_has_no_ratio),
        TEST(a_disturbed_round_is_repeated_three_times_at_most),
        TEST(an_interrupted_one_goes_on),
        TEST(a_torn_line_is_measured_again),
        TEST(a_side_that_is_missing_voids_the_row),
        TEST(who_comes_to_an_end_leaves_no_journal),
        TEST(the_key_tells_how_it_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
