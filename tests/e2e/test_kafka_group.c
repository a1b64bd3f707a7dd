/*
 * A group of three consumers on one machine: processes that share one state file and, by a real
 * broker, the partitions. While events never cease, one joins, one is killed and comes back, one is
 * stopped, one sleeps until the others have taken its part. Skipped without Java or jars.
 *
 *     test_e2e_kafka_group CONSUMER
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/process.h"
#include "tests/e2e/kafka_scene.h"
#include "tests/support/directory.h"
#include "tests/support/fake_mailer.h"
#include "tests/support/presses.h"
#include "tests/support/state_probe.h"
#include "transports/transport.h"

#define PATIENCE_MS 60000
#define STOP_MS 10000
#define SESSION_MS 6000 /* the members' session.timeout.ms */
#define NIGHTS 2
#define PARTITIONS 6 /* of both topics */
#define MEMBERS PARTITIONS
#define GROUP 3 /* so many of them, where nothing else is said */
#define BATCH 20        /* events offered between two looks */
#define ORDER_LANE PRESSES_LANES
#define EPOCHS 100

extern const struct ese_transport ese_transport_kafka;

static const char *program;
static struct ese_kafka_scene scene;
static struct ese_error error;

/* ---- the world of one test ----------------------------------------------------------------- */

struct member {
    char *history;
    struct ese_process *process;
    struct ese_history_reader *reader; /* NULL: nothing there yet */
    bool held[PARTITIONS];
    int64_t in_hand;   /* events handed and not committed */
    int64_t committed; /* events, since somebody set it to 0 */
};

struct world {
    char *directory;
    char *state;
    struct member members[MEMBERS];
    struct fake_mailer *mailer;
    struct presses *presses;
    struct ese_producer *producer;
    uint32_t orders;
};

static struct member *member(struct world *world, int number)
{
    return &world->members[number - 1];
}

static void make_member(struct world *world, int number)
{
    char name[64], word[16], group[64];
    struct member *made = member(world, number);
    snprintf(name, sizeof name, "%d.history", number);
    made->history = ese_test_path(world->directory, name);
    snprintf(name, sizeof name, "%d.log", number);
    char *log = ese_test_path(world->directory, name);
    snprintf(name, sizeof name, "member %d", number);
    snprintf(word, sizeof word, "%d", number);
    /* a group the coordinator knows would be given its old topics */
    snprintf(group, sizeof group, "%sthree", scene.prefix);
    const char *const options[][2] = {
        {"--transport", "kafka"},       {"--bootstrap-servers", scene.bootstrap},
        {"--group", group},             {"--topic-prefix", scene.prefix},
        {"--member", word},             {"--state", world->state},
        {"--history", made->history},   {"--mailer", fake_mailer_url(world->mailer)},
        {"--lateness-ms", "86400000"},  {"--max-batch", "40"},
    };
    made->process = ese_process_new(name, log);
    ese_process_argument(made->process, program);
    for (size_t i = 0; i < ESE_COUNT_OF(options); i++)
        ese_process_option(made->process, options[i][0], options[i][1]);
    ese_process_argument(made->process, "--quiet");
    free(log);
}

static struct ese_producer *open_producer(void)
{
    static const char *const direct[] = {"via", "direct", NULL};
    const struct ese_produce_face *face = ese_transport_kafka.produce;
    struct ese_config *config = ese_kafka_scene_config(&scene, face->options, direct);
    const struct ese_produce_settings settings = {.inflight = 2 * BATCH,
                                                  .retry_deadline_ms = PATIENCE_MS};
    struct ese_producer *producer = NULL;
    if (face->open(config, &settings, &producer, &error) == -1)
        fail_msg("%s", error.text);
    ese_config_free(&config);
    return producer;
}

static int open_world(void **state)
{
    struct world *world = ese_alloc(sizeof *world);
    *state = world;
    ese_kafka_scene_fresh_topics(&scene, false);
    world->directory = ese_test_directory_make();
    world->state = ese_test_path(world->directory, "state.db");
    world->mailer = fake_mailer_open(NULL, NULL);
    world->presses = presses_new(ese_clock_wall_ms());
    world->producer = open_producer();
    for (int number = 1; number <= MEMBERS; number++)
        make_member(world, number);
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    for (int number = 1; number <= MEMBERS; number++) {
        struct member *closed = member(world, number);
        ese_history_read_close(&closed->reader);
        ese_process_free(&closed->process);
        free(closed->history);
    }
    ese_transport_kafka.produce->close(&world->producer);
    presses_free(&world->presses);
    fake_mailer_close(&world->mailer);
    free(world->state);
    ese_test_directory_remove(&world->directory);
    free(world);
    return 0;
}

/* ---- offering ------------------------------------------------------------------------------ */

/* No rule asks for it: it is there for the other topic's partitions. */
static struct ese_event an_order(struct world *world)
{
    char data[64];
    struct ese_event event = {.type = ESE_TYPE_ORDER, .sub_type = "ORDER_CREATED",
                              .ip = "10.0.0.1", .client_ts = ese_clock_wall_ms()};
    event.id = ese_id_make(&(struct ese_id_parts){.time_ms = event.client_ts, .lane = ORDER_LANE,
                                                  .run = PRESSES_RUN, .sequence = world->orders});
    snprintf(data, sizeof data, "{\"orderId\":\"order-%u\"}", world->orders++);
    event.data = ese_copy_text(data);
    ese_event_set_key(&event);
    return event;
}

static void offer(struct world *world)
{
    const struct ese_produce_face *face = ese_transport_kafka.produce;
    struct ese_acknowledgement done[2 * BATCH];
    for (int i = 0; i < BATCH; i++) {
        struct ese_event event = i % 5 == 0 ? an_order(world) : presses_next(world->presses);
        if (face->send(world->producer, &event, &error) == -1)
            fail_msg("%s", error.text);
        ese_event_clear(&event);
    }
    while (face->pending(world->producer) > 0) {
        int told = face->poll(world->producer, 100, done, 2 * BATCH);
        for (int i = 0; i < told; i++)
            assert_int_equal(done[i].outcome, ESE_OUTCOME_ACKNOWLEDGED);
    }
}

/* ---- looking on ---------------------------------------------------------------------------- */

/* A partition's number (transports/kafka/partition.h) is its topic and its number there. */
static int place_of(int32_t partition)
{
    int place = (partition >> 16) * PARTITIONS / 2 + (partition & 0xffff);
    assert_in_range(place, 0, PARTITIONS - 1);
    return place;
}

static int32_t partition_at(int place)
{
    return place / (PARTITIONS / 2) << 16 | place % (PARTITIONS / 2);
}

static void look_at(struct member *member)
{
    struct ese_history_record record;
    if (member->reader == NULL &&
        ese_history_read_open(member->history, &member->reader, NULL) == -1)
        return;
    while (ese_history_read_next(member->reader, &record, NULL) == 1) {
        if (record.kind == ESE_HISTORY_GIVEN || record.kind == ESE_HISTORY_TAKEN)
            member->held[place_of(record.partition)] = record.kind == ESE_HISTORY_GIVEN;
        member->in_hand += record.kind == ESE_HISTORY_HANDED;
        if (record.kind != ESE_HISTORY_COMMITTED)
            continue;
        member->in_hand -= record.b;
        member->committed += record.b;
    }
}

static int held_by(const struct member *member)
{
    int count = 0;
    for (int place = 0; place < PARTITIONS; place++)
        count += member->held[place];
    return count;
}

/* Those whose bits are set hold all partitions, each some and none twice, and have all worked. */
static bool is_shared_by(struct world *world, unsigned members)
{
    int holders[PARTITIONS] = {0};
    for (int number = 1; number <= MEMBERS; number++) {
        struct member *one = member(world, number);
        if ((members >> number & 1) == 0)
            continue;
        look_at(one);
        if (held_by(one) == 0 || one->committed == 0)
            return false;
        for (int place = 0; place < PARTITIONS; place++)
            holders[place] += one->held[place];
    }
    for (int place = 0; place < PARTITIONS; place++) {
        if (holders[place] != 1)
            return false;
    }
    return true;
}

static int64_t offered(const struct world *world)
{
    return presses_distinct(world->presses) + world->orders;
}

static int64_t processed(const struct world *world)
{
    return state_probe_number(world->state, "SELECT sum(processed) FROM position");
}

static int64_t unanswered(const struct world *world)
{
    return state_probe_number(world->state,
                              "SELECT count(*) FROM decision WHERE answered_ms IS NULL");
}

static bool is_done(struct world *world, unsigned members)
{
    (void)members;
    return processed(world) >= offered(world) && unanswered(world) == 0;
}

/* Whoever should live and does not has said why. */
static void check_alive(struct world *world, unsigned members)
{
    char words[400];
    for (int number = 1; number <= MEMBERS; number++) {
        struct ese_process *process = member(world, number)->process;
        if ((members >> number & 1) == 0 || ese_process_running(process))
            continue;
        ese_process_last_words(process, words, sizeof words);
        fail_msg("member %d has ended with %d: %s", number, ese_process_status(process), words);
    }
}

static void fail_waiting(struct world *world)
{
    for (int number = 1; number <= MEMBERS; number++)
        print_message("# member %d holds %d partitions and has committed %lld events\n", number,
                      held_by(member(world, number)), (long long)member(world, number)->committed);
    fail_msg("waited in vain; %lld of %lld events are processed, %lld mails not answered for",
             (long long)processed(world), (long long)offered(world), (long long)unanswered(world));
}

typedef bool condition(struct world *world, unsigned members);

static void wait_until(struct world *world, condition *holds, unsigned members, bool offering)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + PATIENCE_MS * ESE_NS_PER_MS;
    while (!holds(world, members)) {
        check_alive(world, members);
        if (ese_clock_monotonic_ns() > limit_ns)
            fail_waiting(world);
        if (offering)
            offer(world);
        else
            ese_clock_sleep_until(ese_clock_monotonic_ns() + 5 * ESE_NS_PER_MS);
    }
}

#define ONE (1U << 1)
#define TWO (1U << 2)
#define THREE (1U << 3)
#define ALL (((1U << MEMBERS) - 1) << 1)

/* From now on, and until all of them have worked. */
static void share(struct world *world, unsigned members)
{
    int64_t began_ns = ese_clock_monotonic_ns();
    for (int number = 1; number <= MEMBERS; number++)
        member(world, number)->committed = 0;
    wait_until(world, is_shared_by, members, true);
    print_message("# shared by members");
    for (int number = 1; number <= MEMBERS; number++) {
        if (members >> number & 1)
            print_message(" %d", number);
    }
    print_message(" after %lld ms\n",
                  (long long)((ese_clock_monotonic_ns() - began_ns) / ESE_NS_PER_MS));
}

/* ---- what befalls members ------------------------------------------------------------------ */

static void start(struct world *world, int number)
{
    if (ese_process_start(member(world, number)->process, &error) == -1)
        fail_msg("%s", error.text);
}

/* What it held it holds no more, without a word in its history. */
static void forget(struct member *member)
{
    look_at(member);
    memset(member->held, 0, sizeof member->held);
}

static void kill_member(struct world *world, int number)
{
    struct member *killed = member(world, number);
    ese_process_kill(killed->process);
    assert_int_equal(ese_process_status(killed->process), 128 + SIGKILL);
    forget(killed);
}

static void stop_member(struct world *world, int number)
{
    assert_int_equal(ese_process_stop(member(world, number)->process, STOP_MS), 0);
    look_at(member(world, number));
    assert_int_equal(held_by(member(world, number)), 0);
}

/* They have a batch, and not only because they have yet to note that they committed it. */
static bool are_held_up(struct world *world, unsigned members)
{
    bool all = true;
    for (int number = 1; number <= MEMBERS; number++) {
        struct member *one = member(world, number);
        int64_t before = one->committed;
        look_at(one);
        all = all && ((members >> number & 1) == 0 ||
                      (one->in_hand > 0 && one->committed == before));
    }
    return all;
}

/* Falls asleep before a transaction that we hold up: asleep within it, it would keep the state file
 * from the others. What it does next, when it wakes, is to commit a batch no longer its own. */
static void send_to_sleep(struct world *world, int number)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {.path = world->state,
                                               .durability = ESE_DURABILITY_OS};
    assert_int_equal(ese_sqlite_open(&options, &database, &error), 0);
    assert_int_equal(ese_sqlite_begin(database, &error), 0);
    look_at(member(world, number));
    offer(world);
    wait_until(world, are_held_up, 1U << number, true);
    kill(ese_process_pid(member(world, number)->process), SIGSTOP);
    ese_sqlite_rollback(database);
    ese_sqlite_close(&database);
}

static void wake(struct world *world, int number)
{
    kill(ese_process_pid(member(world, number)->process), SIGCONT);
}

/* ---- the books ----------------------------------------------------------------------------- */

/* What all histories say of the partitions. */
struct book {
    bool epochs[PARTITIONS][EPOCHS];
    int64_t given_ns[PARTITIONS][EPOCHS];
    int given[PARTITIONS];
    int64_t fenced;
};

/* Where a reader stands in a partition, and in the lanes it has there. */
struct walk {
    int64_t offset;
    int64_t sequences[ORDER_LANE + 1];
};

static void begin_walk(struct walk *walk, int64_t from)
{
    walk->offset = from < 0 ? -1 : from - 1;
    for (int lane = 0; lane <= ORDER_LANE; lane++)
        walk->sequences[lane] = -1;
}

/* Offset after offset, without a gap; a lane's events in their order, but for repeats. */
static void step(struct walk *walk, const struct ese_history_record *record)
{
    struct ese_id_parts id = ese_id_read(&record->id);
    assert_int_equal(record->a, walk->offset + 1);
    walk->offset = record->a;
    if (record->aux == 1)
        return;
    assert_true(id.lane <= ORDER_LANE && id.sequence > walk->sequences[id.lane]);
    walk->sequences[id.lane] = id.sequence;
}

static void note_given(struct book *book, const struct ese_history_record *record)
{
    int place = place_of(record->partition);
    assert_in_range(record->b, 1, EPOCHS - 1);
    assert_false(book->epochs[place][record->b]); /* one owner an epoch */
    book->epochs[place][record->b] = true;
    book->given_ns[place][book->given[place]++] = record->time_ns;
}

static void read_history(struct book *book, const char *path)
{
    static struct walk walks[PARTITIONS];
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    assert_int_equal(ese_history_read_open(path, &reader, &error), 0);
    while (ese_history_read_next(reader, &record, NULL) == 1) {
        if (record.kind == ESE_HISTORY_GIVEN) {
            note_given(book, &record);
            begin_walk(&walks[place_of(record.partition)], record.a);
        }
        if (record.kind == ESE_HISTORY_HANDED)
            step(&walks[place_of(record.partition)], &record);
    }
    book->fenced += ese_history_read_count(reader, ESE_COUNT_FENCED);
    ese_history_read_close(&reader);
}

/* A decision is asked for once, and once more at most by everybody who was given its partition
 * after it was made. */
static void check_asked(const struct book *book, struct world *world)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {.path = world->state, .read_only = true};
    int again = 0;
    assert_int_equal(ese_sqlite_open(&options, &database, &error), 0);
    struct ese_statement *rows =
        ese_statement_new(database, "SELECT id, partition, made_ms FROM decision");
    int64_t wall_ns = ese_clock_wall_ms() * ESE_NS_PER_MS - ese_clock_monotonic_ns();
    while (ese_statement_step(rows, &error) == 1) {
        size_t length;
        struct ese_id id;
        char text[ESE_ID_TEXT_SIZE];
        memcpy(id.bytes, ese_statement_column_bytes(rows, 0, &length), sizeof id.bytes);
        ese_id_text(&id, text);
        int place = place_of((int32_t)ese_statement_column_number(rows, 1));
        int64_t made_ns = ese_statement_column_number(rows, 2) * ESE_NS_PER_MS - wall_ns;
        int most = 1;
        for (int i = 0; i < book->given[place]; i++)
            most += book->given_ns[place][i] > made_ns - 10 * ESE_NS_PER_MS;
        int kept = fake_mailer_kept(world->mailer, text, NULL);
        again += kept - 1;
        if (kept > most)
            fail_msg("decision %s was asked for %d times, %d at most", text, kept, most);
    }
    ese_sqlite_close(&database);
    print_message("# asked for again at a handover: %d of %d decisions\n", again,
                  presses_decisions(world->presses));
}

/* Stops them all and holds what they have left against what was offered. */
static void close_the_books(struct world *world, unsigned members, struct book *book)
{
    wait_until(world, is_done, members, false);
    for (int number = 1; number <= MEMBERS; number++) {
        if (members >> number & 1)
            stop_member(world, number);
        if (member(world, number)->reader != NULL) /* else it never was there */
            read_history(book, member(world, number)->history);
    }
    for (int place = 0; place < PARTITIONS; place++) {
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT epoch FROM position WHERE partition = %d",
                 (int)partition_at(place));
        assert_int_equal(state_probe_number(world->state, sql), book->given[place]);
    }
    assert_int_equal(processed(world), offered(world));
    assert_int_equal(state_probe_number(world->state, "SELECT sum(repeats) FROM position"),
                     presses_repeated(world->presses));
    assert_int_equal(
        state_probe_number(world->state, "SELECT sum(late + beyond_window) FROM position"), 0);
    assert_true(presses_decisions(world->presses) > 100);
    presses_check_decisions(world->presses, world->state, world->mailer);
    check_asked(book, world);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void whoever_comes_and_goes_nothing_is_lost_or_doubled(void **state)
{
    struct world *world = *state;
    struct book book = {.fenced = 0};
    start(world, 1);
    start(world, 2);
    share(world, ONE | TWO);
    start(world, 3);
    share(world, ONE | TWO | THREE);
    kill_member(world, 2);
    start(world, 2);
    share(world, ONE | TWO | THREE);
    stop_member(world, 3);
    share(world, ONE | TWO); /* once its session has run out */
    kill_member(world, 1);
    share(world, TWO);
    start(world, 1);
    share(world, ONE | TWO);
    close_the_books(world, ONE | TWO, &book);
}

/* Partitions are dealt over both topics: as many members as these have together hold one each, and work. */
static void as_many_as_there_are_partitions_have_work(void **state)
{
    struct world *world = *state;
    for (int number = 1; number <= MEMBERS; number++)
        start(world, number);
    share(world, ALL);
    for (int number = 1; number <= MEMBERS; number++)
        assert_int_equal(held_by(member(world, number)), 1);
}

static bool are_fenced(struct world *world, unsigned members)
{
    bool all = true;
    for (int number = 1; number <= MEMBERS; number++) {
        struct member *one = member(world, number);
        look_at(one);
        all = all && ((members >> number & 1) == 0 ||
                      ese_history_read_count(one->reader, ESE_COUNT_FENCED) > 0);
    }
    return all;
}

static void check_said(struct world *world, int number, const char *words)
{
    char name[16], text[65536];
    snprintf(name, sizeof name, "%d.log", number);
    char *path = ese_test_path(world->directory, name);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    text[fread(text, 1, sizeof text - 1, log)] = '\0';
    fclose(log);
    free(path);
    if (strstr(text, words) == NULL)
        fail_msg("member %d does not say '%s', but: %s", number, words, text);
}

/* Wakes when all that there is was done by others, so that what changes is its doing. */
static void wake_to_nothing(struct world *world, int number, unsigned others)
{
    wait_until(world, is_done, others, false);
    char *before = state_probe_picture(world->state);
    int mails = fake_mailer_ids(world->mailer);
    wake(world, number);
    wait_until(world, are_fenced, 1U << number, false);
    char *after = state_probe_picture(world->state);
    assert_string_equal(before, after);
    assert_int_equal(fake_mailer_ids(world->mailer), mails);
    check_said(world, number, "was taken over by another consumer of this group; the batch is dropped, "
                              "joining again");
    free(before);
    free(after);
}

static void whoever_sleeps_too_long_is_fenced(void **state)
{
    struct world *world = *state;
    struct book book = {.fenced = 0};
    for (int number = 1; number <= GROUP; number++)
        start(world, number);
    share(world, ONE | TWO | THREE);
    send_to_sleep(world, 3);
    forget(member(world, 3));
    share(world, ONE | TWO);
    wake_to_nothing(world, 3, ONE | TWO);
    share(world, ONE | TWO | THREE);
    close_the_books(world, ONE | TWO | THREE, &book);
    assert_true(book.fenced > 0);
}

/* As a machine that sleeps: the broker and all members stand still until their sessions are over.
 * What each of them does first when it wakes is not for us to say. */
static void all_may_stand_still(void **state)
{
    struct world *world = *state;
    struct book book = {.fenced = 0};
    for (int number = 1; number <= GROUP; number++)
        start(world, number);
    for (int round = 0; round < NIGHTS; round++) {
        share(world, ONE | TWO | THREE);
        pid_t pids[GROUP + 1] = {ese_broker_pid(scene.broker)};
        for (int i = 1; i <= GROUP; i++)
            pids[i] = ese_process_pid(member(world, i)->process);
        for (int i = 0; i <= GROUP; i++)
            kill(pids[i], SIGSTOP);
        ese_clock_sleep_until(ese_clock_monotonic_ns() + SESSION_MS * 3 / 2 * ESE_NS_PER_MS);
        for (int i = 0; i <= GROUP; i++)
            kill(pids[i], SIGCONT);
    }
    share(world, ONE | TWO | THREE);
    close_the_books(world, ONE | TWO | THREE, &book);
}

static int close_scene(void **state)
{
    (void)state;
    ese_kafka_scene_close(&scene);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(whoever_comes_and_goes_nothing_is_lost_or_doubled),
        TEST(as_many_as_there_are_partitions_have_work),
        TEST(whoever_sleeps_too_long_is_fenced),
        TEST(all_may_stand_still),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONSUMER\n", argv[0]);
        return 64;
    }
    program = argv[1];
    if (!ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, close_scene);
}
