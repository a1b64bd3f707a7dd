/* What the file transport has of its own; what it owes as a transport is tests/contract's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "transports/transport.h"

extern const struct ese_transport ese_transport_file;

struct fixture {
    char *directory, *path;
    struct ese_config *config;
    struct ese_producer *producer;
    struct ese_consumer *consumer;
    int64_t from;
    uint32_t sequence;
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "events.ndjson");
    fixture->from = ESE_OFFSET_EARLIEST;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_transport_file.produce->close(&fixture->producer);
    ese_transport_file.consume->close(&fixture->consumer);
    ese_config_free(&fixture->config);
    ese_test_directory_remove(&fixture->directory);
    free(fixture->path);
    free(fixture);
    return 0;
}

static int open_producer(struct fixture *fixture, const char *option, const char *value,
                         struct ese_producer **producer, struct ese_error *error)
{
    struct ese_produce_settings settings = {.inflight = 100, .retry_deadline_ms = 1000};
    ese_config_free(&fixture->config);
    fixture->config = ese_config_new();
    ese_config_add(fixture->config, "Options", ese_transport_file.produce->options);
    ese_config_give(fixture->config, "data", fixture->directory);
    if (option != NULL)
        ese_config_give(fixture->config, option, value);
    assert_int_equal(ese_config_settle(fixture->config, NULL), 0);
    return ese_transport_file.produce->open(fixture->config, &settings, producer, error);
}

static void open_one(struct fixture *fixture)
{
    assert_int_equal(open_producer(fixture, NULL, NULL, &fixture->producer, NULL), 0);
}

static int send_one(struct fixture *fixture, struct ese_error *error)
{
    struct ese_event event = {.type = "T", .sub_type = "S", .ip = "i", .key = "i", .client_ts = 1};
    event.id = ese_id_make(&(struct ese_id_parts){.run = 7, .sequence = fixture->sequence++});
    return ese_transport_file.produce->send(fixture->producer, &event, error);
}

static struct ese_acknowledgement outcome_of_one(struct fixture *fixture)
{
    struct ese_acknowledgement outcome = {0};
    assert_int_equal(ese_transport_file.produce->poll(fixture->producer, 1000, &outcome, 1), 1);
    return outcome;
}

static void append(struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->path, "a");
    fputs(text, file);
    fclose(file);
}

static int64_t size_of(struct fixture *fixture)
{
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    return status.st_size;
}

static int64_t on_given(void *context, int32_t partition)
{
    assert_int_equal(partition, 0);
    return ((struct fixture *)context)->from;
}

static void on_taken(void *context, int32_t partition)
{
    (void)context;
    assert_int_equal(partition, 0);
}

static int read_batch(struct fixture *fixture, struct ese_batch *batch, struct ese_error *error)
{
    struct ese_consume_settings settings = {
        .max_batch = 100, .listener = {.context = fixture, .given = on_given, .taken = on_taken}};
    if (fixture->consumer == NULL) {
        struct ese_config *config = ese_config_new();
        ese_config_add(config, "Options", ese_transport_file.consume->options);
        ese_config_give(config, "data", fixture->directory);
        assert_int_equal(ese_config_settle(config, NULL), 0);
        assert_int_equal(ese_transport_file.consume->open(config, &settings, &fixture->consumer, NULL), 0);
        ese_config_free(&config);
    }
    return ese_transport_file.consume->next(fixture->consumer, 0, batch, error);
}

static struct ese_batch read_good(struct fixture *fixture)
{
    struct ese_batch batch = {0};
    assert_int_equal(read_batch(fixture, &batch, NULL), 0);
    return batch;
}

static void a_position_is_the_byte_where_the_line_begins(void **state)
{
    struct fixture *fixture = *state;
    open_one(fixture);
    for (int64_t begins = 0, i = 0; i < 3; i++) {
        assert_int_equal(send_one(fixture, NULL), 0);
        struct ese_acknowledgement outcome = outcome_of_one(fixture);
        assert_int_equal(outcome.outcome, ESE_OUTCOME_ACKNOWLEDGED);
        assert_int_equal(outcome.offset, begins);
        struct ese_batch batch = read_good(fixture);
        assert_int_equal(batch.count, 1);
        assert_int_equal(batch.records[0].offset, begins);
        begins = size_of(fixture);
        assert_int_equal(batch.records[0].next, begins);
    }
}

static void a_second_writer_is_refused_while_the_first_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct ese_producer *second = NULL;
    struct ese_error error = {0};
    open_one(fixture);
    assert_int_equal(open_producer(fixture, NULL, NULL, &second, &error), -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_null(second);
    ese_transport_file.produce->close(&fixture->producer);
    open_one(fixture);
}

/* What a writer that was killed in mid-line leaves. */
static void a_torn_line_is_ended_passed_over_and_counted(void **state)
{
    struct fixture *fixture = *state;
    open_one(fixture);
    assert_int_equal(send_one(fixture, NULL), 0);
    ese_transport_file.produce->close(&fixture->producer);
    append(fixture, "{\"type\":\"T\",\"sub_ty");
    struct ese_batch batch = read_good(fixture);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.unreadable, 0); /* its writer may still be at it */
    assert_true(batch.at_end);
    open_one(fixture);
    assert_int_equal(send_one(fixture, NULL), 0);
    batch = read_good(fixture);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.unreadable, 1);
    assert_int_equal(ese_id_read(&batch.records[0].event.id).sequence, 1);
}

static void foreign_lines_are_passed_over_and_counted(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "hello\n\n{}\n");
    open_one(fixture);
    assert_int_equal(send_one(fixture, NULL), 0);
    struct ese_batch batch = read_good(fixture);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.unreadable, 3);
}

static void a_line_without_end_in_sight_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 3 << 20;
    char *line = ese_alloc(length + 2);
    memset(line, 'x', length);
    line[length] = '\n';
    append(fixture, line);
    free(line);
    open_one(fixture);
    assert_int_equal(send_one(fixture, NULL), 0);
    for (int tries = 0; tries < 100; tries++) {
        struct ese_batch batch = read_good(fixture);
        if (batch.count == 1)
            return;
        assert_true(batch.unreadable > 0);
    }
    fail_msg("the event behind the long line was not reached");
}

static void max_bytes_is_kept(void **state)
{
    struct fixture *fixture = *state;
    open_one(fixture);
    assert_int_equal(send_one(fixture, NULL), 0);
    int64_t size = size_of(fixture);
    ese_transport_file.produce->close(&fixture->producer);
    char limit[24];
    snprintf(limit, sizeof limit, "%lld", (long long)(2 * size));
    assert_int_equal(open_producer(fixture, "max-bytes", limit, &fixture->producer, NULL), 0);
    assert_int_equal(send_one(fixture, NULL), 0);
    struct ese_error error = {0};
    assert_int_equal(send_one(fixture, &error), -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_int_equal(size_of(fixture), 2 * size);
    assert_int_equal(ese_transport_file.produce->pending(fixture->producer), 1);
}

/* A full disk takes a part of a line: it must not stay. */
static void half_a_line_is_taken_back(void **state)
{
    struct fixture *fixture = *state;
    open_one(fixture);
    assert_int_equal(send_one(fixture, NULL), 0);
    int64_t size = size_of(fixture);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)size + 10;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int result = send_one(fixture, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result, -1);
    assert_int_equal(size_of(fixture), size);
    assert_int_equal(send_one(fixture, NULL), 0); /* there is room again */
    struct ese_batch batch = read_good(fixture);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.unreadable, 0);
}

static void a_position_beyond_the_end_is_refused(void **state)
{
    struct fixture *fixture = *state;
    open_one(fixture);
    assert_int_equal(send_one(fixture, NULL), 0);
    fixture->from = size_of(fixture) + 1;
    struct ese_batch batch;
    struct ese_error error = {0};
    assert_int_equal(read_batch(fixture, &batch, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
}

static void outcomes_come_by_as_many_as_asked(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(open_producer(fixture, "durability", "disk", &fixture->producer, NULL), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_one(fixture, NULL), 0);
    for (uint32_t i = 0; i < 5; i++) {
        struct ese_acknowledgement outcome = outcome_of_one(fixture);
        assert_int_equal(ese_id_read(&outcome.id).sequence, i);
        assert_int_equal(outcome.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    }
    assert_int_equal(ese_transport_file.produce->pending(fixture->producer), 0);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_position_is_the_byte_where_the_line_begins),
        WITH_DIRECTORY(a_second_writer_is_refused_while_the_first_is_there),
        WITH_DIRECTORY(a_torn_line_is_ended_passed_over_and_counted),
        WITH_DIRECTORY(foreign_lines_are_passed_over_and_counted),
        WITH_DIRECTORY(a_line_without_end_in_sight_is_passed_over),
        WITH_DIRECTORY(max_bytes_is_kept),
        WITH_DIRECTORY(half_a_line_is_taken_back),
        WITH_DIRECTORY(a_position_beyond_the_end_is_refused),
        WITH_DIRECTORY(outcomes_come_by_as_many_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
