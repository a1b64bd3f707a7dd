#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history_file.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/disk_room.h"
#include "tests/support/stepped_clock.h"
#include "tests/support/wait.h"

#define ROOM 10 /* records of a segment */
#define SEGMENT_BYTES (ESE_HISTORY_HEADER_SIZE + ROOM * (int64_t)sizeof(struct ese_history_slot))
#define MANY 1000000
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
    ese_test_clocks_restore();
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

static struct ese_history *open_history(const char *path, int64_t limit, int segments)
{
    struct ese_history *history = NULL;
    const struct ese_history_options options = {.path = path, .party = "client", .transport = "some",
                                                .limit = limit, .segments = segments};
    assert_int_equal(ese_history_open(&options, &history, NULL), 0);
    return history;
}

static void open_small(struct fixture *fixture, int segments)
{
    fixture->history = open_history(fixture->path, SEGMENT_BYTES, segments);
}

static void open_reader(struct fixture *fixture)
{
    ese_history_read_close(&fixture->reader);
    assert_int_equal(ese_history_read_open(fixture->path, &fixture->reader, NULL), 0);
}

static void record_numbers(struct ese_history *history, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        ese_history_record(history, &(struct ese_history_record){.kind = ESE_HISTORY_SENT, .a = i});
        ese_history_count(history, ESE_COUNT_OFFERED, 1);
    }
}

/* Reads to the end, which must bring just these. */
static void expect_numbers(struct ese_history_reader *reader, int64_t from, int64_t to)
{
    struct ese_history_record record;
    struct ese_error error = {0};
    for (int64_t i = from; i < to; i++) {
        assert_int_equal(ese_history_read_next(reader, &record, &error), 1);
        assert_int_equal(record.a, i);
    }
    assert_int_equal(ese_history_read_next(reader, &record, &error), 0);
}

static bool is_there(const struct fixture *fixture, int64_t segment)
{
    char name[ESE_HISTORY_PATH_SIZE];
    ese_history_segment_path(fixture->path, segment, name);
    return access(name, F_OK) == 0;
}

/* ---- turning --------------------------------------------------------------------------------- */

static void segments_read_as_one_history(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, 4 * ROOM + 3);
    open_reader(fixture);
    expect_numbers(fixture->reader, 0, 4 * ROOM + 3);
    assert_false(ese_history_read_lost(fixture->reader));
    assert_false(ese_history_read_truncated(fixture->reader));
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_OFFERED), 4 * ROOM + 3);
    assert_true(is_there(fixture, 1) && is_there(fixture, 4) && !is_there(fixture, 5));
    assert_string_equal(ese_history_read_party(fixture->reader), "client");
}

static void a_reader_follows_from_segment_to_segment(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 2);
    open_reader(fixture);
    for (int64_t i = 0; i < 10 * ROOM; i += 7) {
        record_numbers(fixture->history, i, i + 7);
        expect_numbers(fixture->reader, i, i + 7);
        assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_OFFERED), i + 7);
    }
    assert_false(ese_history_read_lost(fixture->reader));
}

static void an_offer_is_not_torn_by_a_turn(void **state)
{
    struct fixture *fixture = *state;
    struct ese_history_record record;
    open_small(fixture, 100);
    for (int i = 0; i < 5 * ROOM; i++) {
        struct ese_event event = {.type = "T", .client_ts = i};
        snprintf(event.sub_type, sizeof event.sub_type, "S%d", i % 3);
        snprintf(event.key, sizeof event.key, "%0*d", i % 2 == 0 ? 5 : 60, i);
        ese_history_offer(fixture->history, &event, i);
    }
    open_reader(fixture);
    for (int i = 0; i < 5 * ROOM; i++) {
        char word[8];
        assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 1);
        assert_int_equal(record.a, i);
        assert_int_equal(strtol(ese_history_read_key(fixture->reader), NULL, 10), i);
        snprintf(word, sizeof word, "S%d", i % 3);
        assert_string_equal(ese_history_read_word(fixture->reader, (uint16_t)record.b), word);
    }
    assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 0);
}

static void only_the_newest_are_kept_and_the_gap_is_told(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 2);
    record_numbers(fixture->history, 0, 3);
    open_reader(fixture);
    expect_numbers(fixture->reader, 0, 3);
    record_numbers(fixture->history, 3, 6 * ROOM + 1);
    assert_true(!is_there(fixture, 4) && is_there(fixture, 5) && is_there(fixture, 6));
    struct ese_history_record record;
    for (int64_t i = 3; i < ROOM; i++) /* the segment it has open is still whole */
        assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 1);
    assert_false(ese_history_read_lost(fixture->reader));
    expect_numbers(fixture->reader, 4 * ROOM, 6 * ROOM + 1);
    assert_true(ese_history_read_lost(fixture->reader));
    open_reader(fixture);
    assert_true(ese_history_read_lost(fixture->reader));
}

/* ---- places ---------------------------------------------------------------------------------- */

static void a_reader_goes_on_from_a_place(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, 3 * ROOM + 4);
    for (int64_t at = 0; at <= 3 * ROOM + 4; at++) {
        struct ese_history_record record;
        open_reader(fixture);
        for (int64_t i = 0; i < at; i++)
            assert_int_equal(ese_history_read_next(fixture->reader, &record, NULL), 1);
        struct ese_history_position place = ese_history_read_position(fixture->reader);
        open_reader(fixture);
        assert_int_equal(ese_history_read_seek(fixture->reader, &place, NULL), 0);
        expect_numbers(fixture->reader, at, 3 * ROOM + 4);
        assert_false(ese_history_read_lost(fixture->reader));
    }
}

static void what_was_read_may_be_removed(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, 3 * ROOM + 4);
    open_reader(fixture);
    expect_numbers(fixture->reader, 0, 3 * ROOM + 4);
    struct ese_history_position place = ese_history_read_position(fixture->reader);
    ese_history_remove_before(fixture->path, place.segment);
    assert_true(!is_there(fixture, 1) && !is_there(fixture, 3));
    record_numbers(fixture->history, 3 * ROOM + 4, 5 * ROOM);
    open_reader(fixture);
    assert_true(ese_history_read_lost(fixture->reader)); /* to who has not read them */
    assert_int_equal(ese_history_read_seek(fixture->reader, &place, NULL), 0);
    expect_numbers(fixture->reader, 3 * ROOM + 4, 5 * ROOM);
    assert_false(ese_history_read_lost(fixture->reader));
}

static void a_place_that_has_left_is_told(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 1);
    record_numbers(fixture->history, 0, 5 * ROOM + 1);
    open_reader(fixture);
    const struct ese_history_position gone = {.segment = 2, .record = 3}, beyond = {.segment = 9};
    assert_int_equal(ese_history_read_seek(fixture->reader, &gone, NULL), 0);
    assert_true(ese_history_read_lost(fixture->reader));
    expect_numbers(fixture->reader, 4 * ROOM, 5 * ROOM + 1);
    struct ese_error error;
    assert_int_equal(ese_history_read_seek(fixture->reader, &beyond, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
}

/* As when somebody removed the file that was being written. */
static void another_history_behind_the_segments_is_told(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, 2 * ROOM + 3);
    open_reader(fixture);
    const struct ese_id first = ese_history_read_id(fixture->reader), held = ese_history_id(fixture->history);
    assert_false(ese_history_is_other(&first, &held));
    ese_history_close(&fixture->history);
    assert_int_equal(unlink(fixture->path), 0);
    open_small(fixture, 100);
    record_numbers(fixture->history, 2 * ROOM, 2 * ROOM + 2);
    open_reader(fixture);
    assert_false(ese_history_read_lost(fixture->reader));
    expect_numbers(fixture->reader, 0, 2 * ROOM + 2);
    const struct ese_id second = ese_history_read_id(fixture->reader), none = {{0}};
    assert_true(ese_history_read_lost(fixture->reader));
    assert_true(ese_history_is_other(&first, &second) && !ese_history_is_other(&first, &none));
}

/* ---- lives ----------------------------------------------------------------------------------- */

static struct ese_history_header *map_header(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *header = mmap(NULL, ESE_HISTORY_HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    assert_true(header != MAP_FAILED);
    return header;
}

static void another_clock_begins_another_segment(void **state)
{
    struct fixture *fixture = *state;
    ese_test_boot(-3600 * ESE_NS_PER_S); /* it has run for so long, even where this one has not */
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, 2);
    ese_history_set(fixture->history, ESE_COUNT_FOLLOWED_NS, 4000 * ESE_NS_PER_S);
    ese_history_close(&fixture->history);
    ese_test_boot(3600 * ESE_NS_PER_S);
    open_small(fixture, 100);
    record_numbers(fixture->history, 2, 4);
    assert_true(is_there(fixture, 1));
    open_reader(fixture);
    const struct ese_history_clock first = ese_history_read_clock(fixture->reader);
    expect_numbers(fixture->reader, 0, 4);
    const struct ese_history_clock second = ese_history_read_clock(fixture->reader);
    assert_true(first.boot != second.boot && second.boot == ese_clock_boot());
    assert_in_range(second.wall_offset_ns - first.wall_offset_ns, 3599 * ESE_NS_PER_S,
                    3601 * ESE_NS_PER_S);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_OFFERED), 4);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_FOLLOWED_NS), 0);
    ese_history_close(&fixture->history);
    open_small(fixture, 100); /* the same clock: the same segment */
    assert_false(is_there(fixture, 2));
}

/* What was recorded before and after is of one clock, and what is opened later, too. */
static void a_wall_clock_that_is_set_begins_no_segment(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, 2);
    ese_history_set(fixture->history, ESE_COUNT_FOLLOWED_NS, 7);
    open_reader(fixture);
    const struct ese_history_clock before = ese_history_read_clock(fixture->reader);
    ese_test_wall_step(-3600 * ESE_NS_PER_S);
    record_numbers(fixture->history, 2, ROOM + 2); /* it turns */
    ese_history_close(&fixture->history);
    open_small(fixture, 100);
    record_numbers(fixture->history, ROOM + 2, 2 * ROOM + 4); /* once more */
    expect_numbers(fixture->reader, 0, 2 * ROOM + 4);
    const struct ese_history_clock after = ese_history_read_clock(fixture->reader);
    assert_true(is_there(fixture, 1) && is_there(fixture, 2) && !is_there(fixture, 3));
    assert_int_equal(after.wall_offset_ns, before.wall_offset_ns);
    assert_true(after.boot == before.boot && after.boot != 0);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_FOLLOWED_NS), 7);
}

/* As the files of the first days: their wall clocks tell them apart. */
static void clocks_of_unknown_boots(void **state)
{
    struct fixture *fixture = *state;
    for (int hours = 0; hours < 2; hours++) {
        open_small(fixture, 100);
        record_numbers(fixture->history, hours, hours + 1);
        ese_history_close(&fixture->history);
        struct ese_history_header *header = map_header(fixture->path);
        header->boot = 0;
        munmap(header, ESE_HISTORY_HEADER_SIZE);
        ese_test_wall_step(hours * 3600 * ESE_NS_PER_S);
        open_small(fixture, 100);
        assert_int_equal(is_there(fixture, 1), hours == 1);
        open_reader(fixture);
        assert_true(ese_history_read_newest_clock(fixture->reader).boot == ese_clock_boot());
        ese_history_close(&fixture->history);
    }
}

/* Killed in mid-turn: closed, linked or not, and the next file not yet in place. */
static void a_turn_that_was_cut_short_is_done_again(void **state)
{
    struct fixture *fixture = *state;
    for (int linked = 0; linked < 2; linked++) {
        char name[ESE_HISTORY_PATH_SIZE];
        open_small(fixture, 100);
        record_numbers(fixture->history, 3 * linked, 3 * linked + 3);
        ese_history_close(&fixture->history);
        struct ese_history_header *header = map_header(fixture->path);
        atomic_store(&header->closed, 1);
        ese_history_segment_path(fixture->path, header->segment, name);
        munmap(header, ESE_HISTORY_HEADER_SIZE);
        if (linked)
            assert_int_equal(link(fixture->path, name), 0);
        open_reader(fixture);
        expect_numbers(fixture->reader, 0, 3 * linked + 3);
    }
    open_small(fixture, 100);
    record_numbers(fixture->history, 6, 8);
    expect_numbers(fixture->reader, 6, 8); /* the reader that waited there goes on */
    open_reader(fixture);
    expect_numbers(fixture->reader, 0, 8);
    assert_false(ese_history_read_lost(fixture->reader));
}

/* ---- many threads, and kill -9 ---------------------------------------------------------------- */

struct writer {
    struct ese_history *history;
    int32_t number;
    int64_t count;
};

static void *write_numbers(void *argument)
{
    struct writer *writer = argument;
    for (int64_t i = 0; i < writer->count; i++) {
        ese_history_record(writer->history, &(struct ese_history_record){
            .kind = ESE_HISTORY_SENT, .partition = writer->number, .a = i});
        ese_history_count(writer->history, ESE_COUNT_OFFERED, 1);
    }
    return NULL;
}

static void write_by_threads(struct ese_history *history, int64_t count)
{
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.history = history, .number = i, .count = count};
        pthread_create(&threads[i], NULL, write_numbers, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
}

struct check {
    struct ese_history_reader *reader;
    int64_t next[WRITERS];
    int64_t total, wanted;
};

/* Reads until `wanted` or the end; each writer's numbers come without a gap. */
static bool read_and_check(void *context)
{
    struct check *check = context;
    struct ese_history_record record;
    int said = 1;
    while (check->total < check->wanted &&
           (said = ese_history_read_next(check->reader, &record, NULL)) == 1) {
        assert_int_equal(record.a, check->next[record.partition]++);
        check->total++;
    }
    assert_in_range(said, 0, 1);
    return check->total >= check->wanted;
}

static void threads_turn_together(void **state)
{
    struct fixture *fixture = *state;
    const int64_t each = 20000;
    fixture->history = open_history(fixture->path, 10 * SEGMENT_BYTES, MANY);
    write_by_threads(fixture->history, each);
    open_reader(fixture);
    struct check check = {.reader = fixture->reader, .wanted = INT64_MAX};
    read_and_check(&check);
    assert_int_equal(check.total, WRITERS * each);
    assert_int_equal(ese_history_read_count(fixture->reader, ESE_COUNT_OFFERED), WRITERS * each);
    assert_true(is_there(fixture, 20));
}

static bool reader_opens(void *context)
{
    struct fixture *fixture = context;
    return ese_history_read_open(fixture->path, &fixture->reader, NULL) == 0;
}

static void turning_survives_sigkill(void **state)
{
    struct fixture *fixture = *state;
    struct check check = {.total = 0};
    for (int life = 0; life < 10; life++) {
        pid_t child = fork();
        if (child == 0) {
            write_by_threads(open_history(fixture->path, 10 * SEGMENT_BYTES, MANY), INT64_MAX);
            _exit(1);
        }
        if (fixture->reader == NULL)
            assert_true(ese_test_wait_until(reader_opens, fixture, PATIENCE_MS));
        check.reader = fixture->reader;
        check.wanted = check.total + 2000;
        bool came = ese_test_wait_until(read_and_check, &check, PATIENCE_MS);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(came);
        check.wanted = INT64_MAX;
        read_and_check(&check);
        assert_int_equal(ese_history_read_next(check.reader, &(struct ese_history_record){.kind = 0}, NULL), 0);
        memset(check.next, 0, sizeof check.next);
    }
    assert_false(ese_history_read_lost(fixture->reader));
}

static bool records_again(void *context)
{
    struct fixture *fixture = context;
    record_numbers(fixture->history, 2 * ROOM, 2 * ROOM + 1);
    return is_there(fixture, 2);
}

/* Full when the second segment is to begin. */
static void a_full_disk_leaves_a_gap_that_is_told(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, ROOM + 1);
    ese_test_let_files_grow(false);
    record_numbers(fixture->history, ROOM + 1, 3 * ROOM);
    open_reader(fixture);
    expect_numbers(fixture->reader, 0, 2 * ROOM);
    assert_true(ese_history_read_truncated(fixture->reader));
    ese_test_let_files_grow(true);
    assert_true(ese_test_wait_until(records_again, fixture, PATIENCE_MS));
    expect_numbers(fixture->reader, 2 * ROOM, 2 * ROOM + 1);
    assert_true(ese_history_read_truncated(fixture->reader));
    struct ese_history_position place = ese_history_read_position(fixture->reader);
    open_reader(fixture);
    expect_numbers(fixture->reader, 0, 2 * ROOM + 1);
    assert_true(ese_history_read_truncated(fixture->reader));
    open_reader(fixture); /* what lies before was told to whoever read it */
    assert_int_equal(ese_history_read_seek(fixture->reader, &place, NULL), 0);
    assert_false(ese_history_read_truncated(fixture->reader));
}

static void the_next_process_goes_on_behind_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    open_small(fixture, 100);
    record_numbers(fixture->history, 0, ROOM);
    ese_test_let_files_grow(false);
    record_numbers(fixture->history, ROOM, ROOM + 1);
    ese_history_close(&fixture->history);
    ese_test_let_files_grow(true);
    open_small(fixture, 100);
    record_numbers(fixture->history, ROOM, ROOM + 1);
    open_reader(fixture);
    expect_numbers(fixture->reader, 0, ROOM + 1);
    assert_true(is_there(fixture, 1) && !is_there(fixture, 2));
    assert_true(ese_history_read_truncated(fixture->reader));
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(segments_read_as_one_history),
        WITH_FILE(a_reader_follows_from_segment_to_segment),
        WITH_FILE(an_offer_is_not_torn_by_a_turn),
        WITH_FILE(only_the_newest_are_kept_and_the_gap_is_told),
        WITH_FILE(a_reader_goes_on_from_a_place),
        WITH_FILE(what_was_read_may_be_removed),
        WITH_FILE(a_place_that_has_left_is_told),
        WITH_FILE(another_history_behind_the_segments_is_told),
        WITH_FILE(another_clock_begins_another_segment),
        WITH_FILE(a_wall_clock_that_is_set_begins_no_segment),
        WITH_FILE(clocks_of_unknown_boots),
        WITH_FILE(a_turn_that_was_cut_short_is_done_again),
        WITH_FILE(a_full_disk_leaves_a_gap_that_is_told),
        WITH_FILE(the_next_process_goes_on_behind_a_full_disk),
        WITH_FILE(threads_turn_together),
        WITH_FILE(turning_survives_sigkill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
