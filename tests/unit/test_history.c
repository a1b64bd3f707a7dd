#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history_file.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

#define LIMIT (INT64_C(64) << 20)
#define WRITERS 2
#define PATIENCE_MS 20000

struct fixture {
    char *directory;
    char *path;
    struct ese_history *history;
    struct ese_history_reader *reader;
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "client.history");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_history_close(&fixture->history);
    ese_history_read_close(&fixture->reader);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

static int open_at(const char *path, int64_t limit, struct ese_history **history,
                   struct ese_error *error)
{
    const struct ese_history_options options = {
        .path = path, .party = "client", .transport = "some", .limit = limit};
    return ese_history_open(&options, history, error);
}

static void open_history(struct fixture *fixture, int64_t limit)
{
    struct ese_error error = {0};
    if (open_at(fixture->path, limit, &fixture->history, &error) != 0)
        print_error("%s\n", error.text);
    assert_non_null(fixture->history);
}

static void open_reader(struct fixture *fixture)
{
    ese_history_read_close(&fixture->reader);
    assert_int_equal(ese_history_read_open(fixture->path, &fixture->reader, NULL), 0);
}

static void record_sent(struct ese_history *history, int64_t number)
{
    ese_history_record(history, &(struct ese_history_record){
        .kind = ESE_HISTORY_SENT, .partition = 1, .time_ns = number, .a = 2 * number, .b = 3 * number});
}

static int64_t next_sent(struct ese_history_reader *reader)
{
    struct ese_history_record record;
    int result = ese_history_read_next(reader, &record, NULL);
    if (result != 1)
        return -1;
    assert_int_equal(record.kind, ESE_HISTORY_SENT);
    assert_int_equal(record.partition, 1);
    assert_int_equal(record.a, 2 * record.time_ns);
    assert_int_equal(record.b, 3 * record.time_ns);
    return record.time_ns;
}

static void records_come_back(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    struct ese_event event = {.type = ESE_TYPE_ORDER, .sub_type = "ORDER_CREATED", .client_ts = 1000,
                              .key = "a-key-that-is-as-long-as-a-key-can-be-and-spans-two-records-012"};
    assert_int_equal(strlen(event.key), ESE_EVENT_KEY_SIZE - 1);
    event.id = ese_id_make(&(struct ese_id_parts){.time_ms = 1000, .lane = 3, .run = 9, .sequence = 1});
    ese_history_offer(fixture->history, &event, 77);
    record_sent(fixture->history, 5);
    memcpy(event.key, "k", 2);
    ese_history_offer(fixture->history, &event, 78);

    open_reader(fixture);
    assert_string_equal(ese_history_read_party(fixture->reader), "client");
    struct ese_history_record record;
    assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 1);
    assert_int_equal(record.kind, ESE_HISTORY_OFFERED);
    assert_int_equal(record.time_ns, 77);
    assert_int_equal(record.a, 1000);
    assert_true(ese_id_equal(&record.id, &event.id));
    assert_string_equal(ese_history_read_key(fixture->reader),
                        "a-key-that-is-as-long-as-a-key-can-be-and-spans-two-records-012");
    assert_string_equal(ese_history_read_word(fixture->reader, (uint16_t)(record.b >> 16)), ESE_TYPE_ORDER);
    assert_string_equal(ese_history_read_word(fixture->reader, (uint16_t)record.b), "ORDER_CREATED");
    assert_int_equal(next_sent(fixture->reader), 5);
    assert_string_equal(ese_history_read_key(fixture->reader), "");
    assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 1);
    assert_string_equal(ese_history_read_key(fixture->reader), "k");
    assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 0);
    record_sent(fixture->history, 6); /* a reader at the end goes on when more has come */
    assert_int_equal(next_sent(fixture->reader), 6);
}

static void a_restarted_party_keeps_one_file(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t life = 0; life < 3; life++) {
        open_history(fixture, LIMIT);
        record_sent(fixture->history, life);
        ese_history_count(fixture->history, ESE_COUNT_OFFERED, 10);
        ese_history_set(fixture->history, ESE_COUNT_LAST_DONE_NS, life);
        ese_history_close(&fixture->history);
    }
    open_reader(fixture);
    for (int64_t life = 0; life < 3; life++)
        assert_int_equal(next_sent(fixture->reader), life);
    assert_int_equal(next_sent(fixture->reader), -1);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_OFFERED), 30);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_LAST_DONE_NS), 2);
}

static void turns_monotonic_into_wall_time(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    open_reader(fixture);
    const struct ese_history_clock clock = ese_history_read_clock(fixture->reader);
    int64_t wall_ms = (ese_clock_monotonic_ns() + clock.wall_offset_ns) / ESE_NS_PER_MS;
    assert_in_range(wall_ms - ese_clock_wall_ms() + 1000, 0, 2000);
}

static void wire_totals_add_up_over_lives(void **state)
{
    struct fixture *fixture = *state;
    struct ese_wire_totals totals = ese_wire_totals();
    open_history(fixture, LIMIT);
    ese_wire_add(100, 10);
    ese_history_note_wire(fixture->history);
    ese_history_note_wire(fixture->history); /* noting again adds nothing */
    ese_history_close(&fixture->history);
    open_history(fixture, LIMIT); /* one process plays two lives here: its first bytes count twice */
    ese_wire_add(1, 2);
    ese_history_note_wire(fixture->history);
    open_reader(fixture);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_WIRE_SENT), 2 * totals.sent + 201);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_WIRE_RECEIVED), 2 * totals.received + 22);
}

static void words_beyond_the_list_are_lost_not_wrong(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    for (int i = 0; i < ESE_HISTORY_WORDS + 10; i++) {
        struct ese_event event = {.type = "T"};
        snprintf(event.sub_type, sizeof event.sub_type, "S%d", i);
        ese_history_offer(fixture->history, &event, i);
    }
    open_reader(fixture);
    for (int i = 0; i < ESE_HISTORY_WORDS + 10; i++) {
        struct ese_history_record record;
        assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 1);
        char expected[16] = "";
        if (i < ESE_HISTORY_WORDS - 1)
            snprintf(expected, sizeof expected, "S%d", i);
        assert_string_equal(ese_history_read_word(fixture->reader, (uint16_t)record.b), expected);
    }
}

static void without_a_path_it_only_counts(void **state)
{
    (void)state;
    struct ese_history *history = NULL;
    assert_int_equal(open_at(NULL, 0, &history, NULL), 0);
    record_sent(history, 1);
    ese_history_offer(history, &(struct ese_event){.type = "T"}, 1);
    ese_history_count(history, ESE_COUNT_OFFERED, 1);
    ese_history_close(&history);
    assert_null(history);
    ese_history_close(&history);
}

static void met_limit_is_told(void **state)
{
    struct fixture *fixture = *state;
    int64_t room = 10;
    open_history(fixture, ESE_HISTORY_HEADER_SIZE + room * (int64_t)sizeof(struct ese_history_slot));
    open_reader(fixture);
    for (int64_t i = 0; i < room; i++)
        record_sent(fixture->history, i);
    assert_false(ese_history_read_truncated(fixture->reader));
    record_sent(fixture->history, room);
    assert_true(ese_history_read_truncated(fixture->reader));
    record_sent(fixture->history, room + 1);
    assert_int_equal(ese_history_read_cut(fixture->reader), 0); /* that is something else */
    for (int64_t i = 0; i < room; i++)
        assert_int_equal(next_sent(fixture->reader), i);
    assert_int_equal(next_sent(fixture->reader), -1);
    ese_history_close(&fixture->history);
    assert_int_equal(next_sent(fixture->reader), -1);
    open_history(fixture, LIMIT); /* more room later does not heal the gap */
    record_sent(fixture->history, room + 2);
    assert_int_equal(next_sent(fixture->reader), -1);
}

static void a_file_that_was_cut_short_is_told(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    open_reader(fixture);
    for (int64_t i = 0; i < 10; i++)
        record_sent(fixture->history, i);
    assert_int_equal(ese_history_read_cut(fixture->reader), 0);
    ese_history_close(&fixture->history);
    struct stat status;
    stat(fixture->path, &status);
    assert_int_equal(ese_history_read_cut(fixture->reader), 0);
    assert_int_equal(truncate(fixture->path, status.st_size - 1), 0); /* half a record is none */
    assert_int_equal(ese_history_read_cut(fixture->reader), 1);
    assert_int_equal(truncate(fixture->path, ESE_HISTORY_HEADER_SIZE), 0);
    assert_int_equal(ese_history_read_cut(fixture->reader), 10);
    open_reader(fixture);
    assert_int_equal(next_sent(fixture->reader), -1);
}

static void a_second_writer_is_refused(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    struct ese_history *second = NULL;
    struct ese_error error = {0};
    assert_int_equal(open_at(fixture->path, LIMIT, &second, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_null(second);
}

static void a_foreign_file_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    fputs("somebody's letter", file);
    fclose(file);
    struct ese_error error = {0};
    assert_int_equal(open_at(fixture->path, LIMIT, &fixture->history, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    struct stat status;
    stat(fixture->path, &status);
    assert_int_equal(status.st_size, strlen("somebody's letter"));
    assert_int_equal(ese_history_read_open(fixture->path, &fixture->reader, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
}

static void the_history_of_another_party_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error = {0};
    struct ese_history_options options = {
        .path = fixture->path, .party = "mailer", .transport = "some", .limit = LIMIT};
    open_history(fixture, LIMIT);
    ese_history_close(&fixture->history);
    for (options.segments = 0; options.segments < 2; options.segments++) {
        assert_int_equal(ese_history_open(&options, &fixture->history, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, fixture->path));
        assert_non_null(strstr(error.text, "history of client"));
    }
    assert_int_equal(open_at("/tmp", LIMIT, &fixture->history, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "'/tmp'"));
}

/* ---- holes: what a writer leaves that is killed between claiming and filling -------------------- */

static struct ese_history_header *map_header(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *header = mmap(NULL, ESE_HISTORY_HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    assert_true(header != MAP_FAILED);
    return header;
}

static void leave_hole(const char *path)
{
    struct ese_history_header *header = map_header(path);
    atomic_fetch_add(&header->claimed, 1);
    munmap(header, ESE_HISTORY_HEADER_SIZE);
}

static void an_empty_slot_of_a_living_writer_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    record_sent(fixture->history, 1);
    leave_hole(fixture->path);
    record_sent(fixture->history, 2);
    open_reader(fixture);
    assert_int_equal(next_sent(fixture->reader), 1);
    assert_int_equal(next_sent(fixture->reader), -1);
    assert_int_equal(next_sent(fixture->reader), -1);
    ese_history_close(&fixture->history); /* nobody is left who could fill it */
    assert_int_equal(next_sent(fixture->reader), 2);
    assert_int_equal(next_sent(fixture->reader), -1);
}

static void a_hole_of_an_earlier_life_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    record_sent(fixture->history, 1);
    leave_hole(fixture->path);
    ese_history_close(&fixture->history);
    open_history(fixture, LIMIT);
    record_sent(fixture->history, 2);
    open_reader(fixture);
    assert_int_equal(next_sent(fixture->reader), 1);
    assert_int_equal(next_sent(fixture->reader), 2);
    assert_int_equal(next_sent(fixture->reader), -1);
}

/* Killed with the key written and the offer not yet: the key alone says nothing. */
static void a_key_without_its_offer_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    ese_history_offer(fixture->history, &(struct ese_event){.type = "T", .key = "k"}, 1);
    ese_history_close(&fixture->history);
    int fd = open(fixture->path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\0\0", 2, ESE_HISTORY_HEADER_SIZE), 2);
    close(fd);
    open_history(fixture, LIMIT);
    record_sent(fixture->history, 2);
    open_reader(fixture);
    assert_int_equal(next_sent(fixture->reader), 2);
    assert_int_equal(next_sent(fixture->reader), -1);
}

/* ---- many threads, and kill -9 ----------------------------------------------------------------- */

struct writer {
    struct ese_history *history;
    int32_t life, number;
    int64_t count;
};

/* Event `sequence` of a writer: all that is in it follows from the three numbers. */
static struct ese_event event_of(int32_t life, int32_t number, int64_t sequence)
{
    struct ese_event event = {.client_ts = sequence};
    snprintf(event.type, sizeof event.type, "T%d", number);
    snprintf(event.sub_type, sizeof event.sub_type, "S%d", (int)(sequence % 7));
    snprintf(event.key, sizeof event.key, "%0*d", (int)(sequence % 60 + 1), life);
    event.id = ese_id_make(&(struct ese_id_parts){.time_ms = sequence, .lane = (uint16_t)number,
                                                  .run = (uint32_t)life, .sequence = (uint32_t)sequence});
    return event;
}

static void *write_events(void *argument)
{
    struct writer *writer = argument;
    for (int64_t i = 0; i < writer->count; i++) {
        struct ese_event event = event_of(writer->life, writer->number, i);
        ese_history_offer(writer->history, &event, 10 * i);
        ese_history_record(writer->history, &(struct ese_history_record){
            .kind = ESE_HISTORY_SENT, .id = event.id, .time_ns = 10 * i});
    }
    return NULL;
}

static void write_by_threads(struct ese_history *history, int32_t life, int64_t count)
{
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.history = history, .life = life, .number = i, .count = count};
        pthread_create(&threads[i], NULL, write_events, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
}

struct check {
    struct ese_history_reader *reader;
    int64_t offers[10][WRITERS], sent[10][WRITERS]; /* by life and writer */
    int64_t total;
    int64_t wanted;
};

/* Reads until `wanted` or the end, and checks that every record is whole and none of a writer's is missing
 * among them. */
static bool read_and_check(void *context)
{
    struct check *check = context;
    struct ese_history_record record;
    int result = 0;
    while (check->total < check->wanted &&
           (result = ese_history_read_next(check->reader, &record, NULL)) == 1) {
        struct ese_id_parts parts = ese_id_read(&record.id);
        bool offer = record.kind == ESE_HISTORY_OFFERED;
        int64_t *expected = offer ? &check->offers[parts.run][parts.lane]
                                  : &check->sent[parts.run][parts.lane];
        struct ese_event event = event_of((int32_t)parts.run, parts.lane, *expected);
        assert_true(ese_id_equal(&record.id, &event.id));
        assert_int_equal(record.time_ns, 10 * *expected);
        if (offer) {
            assert_string_equal(ese_history_read_key(check->reader), event.key);
            assert_string_equal(ese_history_read_word(check->reader, (uint16_t)record.b), event.sub_type);
            assert_string_equal(ese_history_read_word(check->reader, (uint16_t)(record.b >> 16)),
                                event.type);
        }
        ++*expected;
        check->total++;
    }
    assert_in_range(result, 0, 1);
    return check->total >= check->wanted;
}

static void threads_write_side_by_side(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    write_by_threads(fixture->history, 0, 50000); /* some 16 MB: the file grows under them */
    open_reader(fixture);
    struct check check = {.reader = fixture->reader, .wanted = INT64_MAX};
    read_and_check(&check);
    assert_int_equal(check.total, 4 * 50000);
    assert_false(ese_history_read_truncated(fixture->reader));
}

static pid_t fork_writer(const char *path, int32_t life)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    struct ese_history *history = NULL;
    if (open_at(path, INT64_C(1) << 30, &history, NULL) == 0)
        write_by_threads(history, life, INT64_MAX);
    _exit(1);
}

static bool reader_opens(void *context)
{
    struct fixture *fixture = context;
    return ese_history_read_open(fixture->path, &fixture->reader, NULL) == 0;
}

/* Ten lives of one party, each killed in mid-write, read while they last and after. */
static void survives_sigkill(void **state)
{
    struct fixture *fixture = *state;
    struct check check = {.total = 0};
    for (int32_t life = 0; life < 10; life++) {
        pid_t child = fork_writer(fixture->path, life);
        assert_true(child > 0);
        if (fixture->reader == NULL)
            assert_true(ese_test_wait_until(reader_opens, fixture, PATIENCE_MS));
        check.reader = fixture->reader;
        check.wanted = check.total + 1000;
        bool came = ese_test_wait_until(read_and_check, &check, PATIENCE_MS);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_true(came);
    }
    check.wanted = INT64_MAX;
    read_and_check(&check);
    assert_int_equal(ese_history_read_cut(fixture->reader), 0); /* wherever it was killed */
    for (int life = 0; life < 10; life++) {
        for (int i = 0; i < WRITERS; i++) /* killed between an offer and its sending, at most */
            assert_in_range(check.offers[life][i] - check.sent[life][i], 0, 1);
    }
    open_reader(fixture); /* from the start, all at once: the same */
    struct check again = {.reader = fixture->reader, .wanted = INT64_MAX};
    read_and_check(&again);
    assert_int_equal(again.total, check.total);
}

static void wire_totals_of_all_lives_add_up(void **state)
{
    struct fixture *fixture = *state;
    open_history(fixture, LIMIT);
    ese_wire_add(10, 20);
    ese_history_note_wire(fixture->history);
    ese_wire_add(1, 2);
    ese_history_note_wire(fixture->history);
    ese_history_note_wire(fixture->history); /* nothing new */
    struct ese_wire_totals first = ese_wire_totals();
    open_reader(fixture);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_WIRE_SENT), first.sent);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_WIRE_RECEIVED), first.received);
    ese_history_close(&fixture->history);
    open_history(fixture, LIMIT); /* as if another process did, with totals of its own */
    ese_history_note_wire(fixture->history);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_WIRE_SENT), 2 * first.sent);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_WIRE_RECEIVED), 2 * first.received);
}

static void its_directory_is_made(void **state)
{
    struct fixture *fixture = *state;
    char *inside = ese_test_path(fixture->directory, "new");
    free(fixture->path);
    fixture->path = ese_test_path(inside, "client.history");
    open_history(fixture, LIMIT);
    assert_int_equal(access(fixture->path, F_OK), 0);
    free(inside);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(records_come_back),
        WITH_FILE(a_restarted_party_keeps_one_file),
        WITH_FILE(turns_monotonic_into_wall_time),
        WITH_FILE(wire_totals_add_up_over_lives),
        WITH_FILE(words_beyond_the_list_are_lost_not_wrong),
        cmocka_unit_test(without_a_path_it_only_counts),
        WITH_FILE(wire_totals_of_all_lives_add_up),
        WITH_FILE(its_directory_is_made),
        WITH_FILE(met_limit_is_told),
        WITH_FILE(a_file_that_was_cut_short_is_told),
        WITH_FILE(a_second_writer_is_refused),
        WITH_FILE(a_foreign_file_is_left_alone),
        WITH_FILE(the_history_of_another_party_is_refused),
        WITH_FILE(an_empty_slot_of_a_living_writer_is_waited_for),
        WITH_FILE(a_hole_of_an_earlier_life_is_passed_over),
        WITH_FILE(a_key_without_its_offer_is_passed_over),
        WITH_FILE(threads_write_side_by_side),
        WITH_FILE(survives_sigkill),
    };

    if (count > 1)
        cmocka_set_test_filter(words[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
