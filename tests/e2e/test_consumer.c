/* ese-consumer as a process, over a transport that needs no server: killed in the middle, with a
 * mailer that has a bad day, and taken over by a newer one.
 *
 *     test_e2e_consumer PROGRAM TRANSPORT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/fake_mailer.h"
#include "tests/support/presses.h"
#include "tests/support/state_probe.h"
#include "tests/support/wait.h"
#include "transports/registry.h"

#define PATIENCE_MS 60000
#define EVENTS 20000
#define KILLS 6

static const char *program;
static const char *transport_name;

/* ---- the world of one test ------------------------------------------------------------------ */

struct world {
    char *directory;
    char *state;
    char *history;
    char *said;       /* the consumers' stderr */
    char *printed;    /* and stdout */
    char transport[300];
    struct ese_config *config; /* of the producer */
    struct fake_mailer *mailer;
    struct presses *presses; /* what was produced, and what has to follow */
};

static int open_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    *state = world;
    world->directory = ese_test_directory_make();
    world->state = ese_test_path(world->directory, "state.db");
    world->history = ese_test_path(world->directory, "consumer.history");
    world->said = ese_test_path(world->directory, "said");
    world->printed = ese_test_path(world->directory, "printed");
    world->presses = presses_new(ese_clock_wall_ms() - 3600 * 1000);
    snprintf(world->transport, sizeof world->transport, "%s:data=%s/log", transport_name,
             world->directory);
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    fake_mailer_close(&world->mailer);
    ese_config_free(&world->config);
    free(world->state);
    free(world->history);
    free(world->said);
    free(world->printed);
    presses_free(&world->presses);
    ese_test_directory_remove(&world->directory);
    free(world);
    return 0;
}

/* ---- producing ------------------------------------------------------------------------------ */

static const struct ese_option transport_option[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "The transport."},
    ESE_OPTION_END,
};

static const struct ese_produce_face *produce_face(struct world *world)
{
    struct ese_error error;
    if (world->config == NULL) {
        char *words[] = {"--transport", world->transport};
        world->config = ese_config_new();
        ese_config_add(world->config, "Options", transport_option);
        ese_config_give_arguments(world->config, 2, words);
        if (ese_registry_choose(world->config, ESE_FACE_PRODUCE, &error) != 0 ||
            ese_config_settle(world->config, &error) != 0)
            fail_msg("%s", error.text);
    }
    return ese_registry_chosen(world->config)->produce;
}

static void send_event(const struct ese_produce_face *face, struct ese_producer *producer,
                       const struct ese_event *event)
{
    struct ese_error error;
    struct ese_acknowledgement acknowledgement;
    if (face->send(producer, event, &error) != 0)
        fail_msg("%s", error.text);
    while (face->pending(producer) > 0)
        face->poll(producer, 100, &acknowledgement, 1);
    assert_int_equal(acknowledgement.outcome, ESE_OUTCOME_ACKNOWLEDGED);
}

/* So many, and the repeats among them. */
static void produce(struct world *world, int count)
{
    const struct ese_produce_face *face = produce_face(world);
    const struct ese_produce_settings settings = {.inflight = 10, .retry_deadline_ms = 60000};
    struct ese_producer *producer = NULL;
    struct ese_error error;
    if (face->open(world->config, &settings, &producer, &error) != 0)
        fail_msg("%s", error.text);
    for (int i = 0; i < count + count / 50; i++) {
        struct ese_event event = presses_next(world->presses);
        send_event(face, producer, &event);
    }
    assert_int_equal(presses_distinct(world->presses), count);
    face->close(&producer);
}

/* ---- the process ---------------------------------------------------------------------------- */

static void point_at(int fd, const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(127);
}

static pid_t start_with(struct world *world, const char *history, const char *mailer,
                        const char *last_option)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    point_at(STDOUT_FILENO, world->printed);
    point_at(STDERR_FILENO, world->said);
    execl(program, program, "--transport", world->transport, "--state", world->state, "--history",
          history, "--max-batch", "40", "--mailer", mailer, "--json", last_option, NULL);
    _exit(127);
}

static pid_t start(struct world *world, const char *mailer, const char *last_option)
{
    return start_with(world, world->history, mailer, last_option);
}

/* The exit status; 128 and more: the signal it died of. */
static int wait_for_exit(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *said(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

static int64_t ask(struct world *world, const char *sql)
{
    return state_probe_number(world->state, sql);
}

struct progress {
    struct world *world;
    int64_t wanted;
};

static bool has_processed(void *context)
{
    struct progress *progress = context;
    return ask(progress->world, "SELECT processed FROM position") >= progress->wanted;
}

static enum fake_mailer_answer bad_day(void *context, int number, const char *subject)
{
    static const enum fake_mailer_answer moods[] = {FAKE_TAKE, FAKE_BUSY, FAKE_TAKE_AND_DROP,
                                                    FAKE_TAKE, FAKE_DROP, FAKE_TAKE,
                                                    FAKE_TAKE};
    (void)context;
    (void)subject;
    return number < 3000 ? moods[number % 7] : FAKE_TAKE;
}

/* ---- killed again and again ----------------------------------------------------------------- */

/* Every event's handing is in the history, and the commits in it lead up to the position. */
static void check_history(struct world *world)
{
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    assert_int_equal(ese_history_read_open(world->history, &reader, NULL), 0);
    int64_t handed = 0, given = 0, decided = 0, asked = 0, committed = -1;
    while (ese_history_read_next(reader, &record, NULL) == 1) {
        handed += record.kind == ESE_HISTORY_HANDED;
        given += record.kind == ESE_HISTORY_GIVEN;
        decided += record.kind == ESE_HISTORY_DECIDED;
        asked += record.kind == ESE_HISTORY_MAIL_ASKED;
        if (record.kind == ESE_HISTORY_COMMITTED) {
            assert_true(record.a > committed);
            committed = record.a;
        }
    }
    assert_int_equal(given, KILLS + 1);
    assert_true(handed >= presses_distinct(world->presses) + presses_repeated(world->presses));
    assert_true(decided >= presses_decisions(world->presses));
    assert_true(asked >= presses_decisions(world->presses));
    assert_int_equal(committed, ask(world, "SELECT next FROM position"));
    ese_history_read_close(&reader);
}

/* The header's counters are the state file's, however many lives were cut off between the two. */
static void check_counters(struct world *world)
{
    struct ese_history_reader *reader = NULL;
    assert_int_equal(ese_history_read_open(world->history, &reader, NULL), 0);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_PROCESSED),
                     presses_distinct(world->presses));
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_REPEATS),
                     presses_repeated(world->presses));
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_DECIDED),
                     presses_decisions(world->presses));
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_MAILS_ASKED),
                     presses_decisions(world->presses));
    ese_history_read_close(&reader);
}

/* How many are to be processed when a life ends, and more than when it began: the one before may
 * have come further than it should. */
static int64_t end_of_life(struct world *world, int life)
{
    int64_t even = presses_distinct(world->presses) * life / (KILLS + 2);
    int64_t more = ask(world, "SELECT processed FROM position") + 1;
    return more > even ? more : even;
}

static void whoever_is_killed_nothing_is_lost_or_doubled(void **state)
{
    struct world *world = *state;
    produce(world, EVENTS);
    assert_true(presses_decisions(world->presses) > 1000);
    world->mailer = fake_mailer_open(bad_day, NULL);
    int in_the_middle = 0;
    for (int life = 1; life <= KILLS; life++) {
        struct progress progress = {world, end_of_life(world, life)};
        pid_t pid = start(world, fake_mailer_url(world->mailer), "--until-end");
        bool came = ese_test_wait_until(has_processed, &progress, PATIENCE_MS);
        kill(pid, SIGKILL);
        in_the_middle += wait_for_exit(pid) == 128 + SIGKILL;
        if (!came)
            fail_msg("no progress: %s", said(world->said));
    }
    print_message("# %d of %d lives ended in the middle\n", in_the_middle, KILLS);
    assert_true(in_the_middle > 0);
    pid_t pid = start(world, fake_mailer_url(world->mailer), "--until-end");
    if (wait_for_exit(pid) != 0)
        fail_msg("%s", said(world->said));
    assert_int_equal(ask(world, "SELECT processed FROM position"), presses_distinct(world->presses));
    assert_int_equal(ask(world, "SELECT repeats FROM position"), presses_repeated(world->presses));
    assert_int_equal(ask(world, "SELECT late + beyond_window FROM position"), 0);
    assert_int_equal(ask(world, "SELECT epoch FROM position"), KILLS + 1);
    presses_check_decisions(world->presses, world->state, world->mailer);
    check_history(world);
    check_counters(world);
}

/* ---- taken over ----------------------------------------------------------------------------- */

static bool is_owned_by(struct world *world, int64_t epoch)
{
    return ask(world, "SELECT epoch FROM position") == epoch;
}

static bool first_owns(void *context)
{
    return is_owned_by(context, 1);
}

static bool second_owns(void *context)
{
    return is_owned_by(context, 2);
}

static void the_newest_takes_over_and_the_older_ends(void **state)
{
    struct world *world = *state;
    produce(world, 100);
    pid_t older = start(world, "none", NULL);
    assert_true(ese_test_wait_until(first_owns, world, PATIENCE_MS));
    char *history = ese_test_path(world->directory, "newer.history");
    pid_t newer = start_with(world, history, "none", NULL);
    free(history);
    assert_true(ese_test_wait_until(second_owns, world, PATIENCE_MS));
    assert_int_equal(wait_for_exit(older), 3); /* also when nothing comes any more */
    assert_non_null(strstr(said(world->said), "taken over"));
    struct progress progress = {world, presses_distinct(world->presses)};
    assert_true(ese_test_wait_until(has_processed, &progress, PATIENCE_MS));

    int64_t asked_ns = ese_clock_monotonic_ns();
    kill(newer, SIGTERM);
    assert_int_equal(wait_for_exit(newer), 0);
    /* One second, on a machine with room. */
    assert_true(ese_clock_monotonic_ns() - asked_ns < 3 * ESE_NS_PER_S);
    assert_non_null(strstr(said(world->printed), "\"processed\": 100,"));
    assert_int_equal(ask(world, "SELECT count(*) FROM decision WHERE answered_ms IS NULL"),
                     presses_decisions(world->presses));
}

/* Each event costs five seconds; who is asked to stop does not wait for the end of them. */
static void a_stop_does_not_wait_for_what_rules_cost(void **state)
{
    struct world *world = *state;
    produce(world, 10);
    pid_t pid = start(world, "none", "--rule-cost-us=5000000");
    assert_true(ese_test_wait_until(first_owns, world, PATIENCE_MS));
    int64_t asked_ns = ese_clock_monotonic_ns();
    kill(pid, SIGTERM);
    assert_int_equal(wait_for_exit(pid), 0);
    assert_true(ese_clock_monotonic_ns() - asked_ns < 3 * ESE_NS_PER_S);
    assert_int_equal(ask(world, "SELECT processed FROM position"), 0); /* its batch was left alone */
    assert_int_equal(wait_for_exit(start(world, "none", "--until-end")), 0);
    assert_int_equal(ask(world, "SELECT processed FROM position"), 10);
    assert_int_equal(ask(world, "SELECT repeats FROM position"), presses_repeated(world->presses));
}

static void positions_of_another_walk_are_refused(void **state)
{
    struct world *world = *state;
    produce(world, 10);
    assert_int_equal(wait_for_exit(start(world, "none", "--until-end")), 0);
    assert_int_equal(wait_for_exit(start(world, "none", "--group=others")), 64);
    assert_non_null(strstr(said(world->said), "give another with --state"));
    assert_int_equal(wait_for_exit(start(world, "mailer", "--until-end")), 64);
    assert_int_equal(wait_for_exit(start(world, "none", "--rule=nonsense")), 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s PROGRAM TRANSPORT\n", argv[0]);
        return 64;
    }
    program = argv[1];
    transport_name = argv[2];
    const struct ese_registry_entry *entry;
    if (ese_registry_find(transport_name, &entry, NULL) != 0) {
        printf("1..0 # SKIP this build has no transport %s\n", transport_name);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(whoever_is_killed_nothing_is_lost_or_doubled),
        TEST(the_newest_takes_over_and_the_older_ends),
        TEST(a_stop_does_not_wait_for_what_rules_cost),
        TEST(positions_of_another_walk_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
