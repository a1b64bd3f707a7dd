#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "ese-client/line_reader.h"
#include "ese-client/replay.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"

#define LINE(ts)                                                                \
    "{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\","           \
    "\"ip\":\"10.0.0.1\",\"client_ts\":" #ts ",\"server_ts\":77,\"data\":{}}\n"

/* A replay of a file with this text, which is gone already when it is read. */
static struct ese_source *open_text(const char *text, int64_t rate)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "events.ndjson");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    struct ese_source *source = NULL;
    struct ese_error error;
    assert_int_equal(ese_replay_open_file(path, rate, &source, &error), 0);
    free(path);
    ese_test_directory_remove(&directory);
    return source;
}

static void gives(struct ese_source *source, int64_t wanted_due_ns)
{
    struct ese_event event = {.client_ts = 0};
    int64_t due_ns = -1;
    struct ese_error error;
    assert_int_equal(source->face->next(source, &event, &due_ns, &error), ESE_SOURCE_EVENT);
    assert_int_equal(due_ns, wanted_due_ns);
    assert_string_equal(event.key, "10.0.0.1");
    assert_true(ese_id_is_none(&event.id));
    assert_int_equal(event.server_ts, 0);
    ese_event_clear(&event);
}

static int says(struct ese_source *source, struct ese_event *event, struct ese_error *error)
{
    int64_t due_ns;
    return source->face->next(source, event, &due_ns, error);
}

static void ends(struct ese_source *source)
{
    struct ese_event event = {.client_ts = 0};
    struct ese_error error;
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_END);
    ese_event_clear(&event);
    ese_source_close(&source);
}

static void a_file_keeps_its_own_distances(void **state)
{
    (void)state;
    struct ese_source *source =
        open_text(LINE(5000) LINE(5250) "\n" LINE(5100) LINE(6000), ESE_REPLAY_OWN_TIMING);
    assert_false(source->at_once);
    gives(source, 0);
    gives(source, 250 * ESE_NS_PER_MS);
    gives(source, 250 * ESE_NS_PER_MS); /* went back: at once */
    gives(source, 1000 * ESE_NS_PER_MS);
    ends(source);
}

static void a_rate_sets_the_distances(void **state)
{
    (void)state;
    struct ese_source *source = open_text(LINE(5000) LINE(99000) LINE(1), 3);
    gives(source, 0);
    gives(source, ESE_NS_PER_S / 3);
    gives(source, 2 * ESE_NS_PER_S / 3);
    ends(source);
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    struct ese_source *source = open_text(LINE(5000) "{\"type\":3}\n", ESE_REPLAY_AT_ONCE);
    assert_true(source->at_once);
    gives(source, 0);
    struct ese_event event = {.client_ts = 0};
    struct ese_error error;
    assert_int_equal(says(source, &event, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    static const char *const words[] = {"events.ndjson", "line 2", "type", "ends here",
                                        "1 events were read before"};
    for (size_t i = 0; i < ESE_COUNT_OF(words); i++)
        assert_non_null(strstr(error.text, words[i]));
    ese_event_clear(&event);
    ese_source_close(&source);
}

static void a_missing_file_is_an_error(void **state)
{
    (void)state;
    struct ese_source *source = NULL;
    struct ese_error error;
    static const char *const paths[] = {"/tmp/ese-not-there", "/tmp", ""};
    for (size_t i = 0; i < ESE_COUNT_OF(paths); i++) {
        char named[64];
        snprintf(named, sizeof named, "--source '%s': ", paths[i]);
        assert_int_equal(ese_replay_open_file(paths[i], 1, &source, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, named));
        assert_null(source);
    }
}

/* The lines may be read faster than they are written: that would never end. */
static void what_is_appended_meanwhile_is_not_read(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "events.ndjson");
    FILE *file = fopen(path, "w");
    struct ese_source *source = NULL;
    struct ese_error error;
    assert_true(fputs(LINE(5000) LINE(5001), file) >= 0);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(ese_replay_open_file(path, ESE_REPLAY_AT_ONCE, &source, &error), 0);
    gives(source, 0);
    assert_true(fputs(LINE(5002), file) >= 0);
    assert_int_equal(fclose(file), 0);
    gives(source, 0);
    ends(source);
    free(path);
    ese_test_directory_remove(&directory);
}

static void type_in(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void a_typed_line_is_there_when_it_is_complete(void **state)
{
    (void)state;
    int ends_of_pipe[2];
    assert_int_equal(pipe(ends_of_pipe), 0);
    struct ese_source *source = NULL;
    struct ese_event event = {.client_ts = 0};
    struct ese_error error;
    assert_int_equal(ese_replay_open_typed(ends_of_pipe[0], &source, &error), 0);
    close(ends_of_pipe[0]);
    assert_true(source->at_once && source->fd >= 0);
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_LATER);
    type_in(ends_of_pipe[1], "k");
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_LATER);
    type_in(ends_of_pipe[1], "\n{\"nonsense\":1}\n" LINE(9));
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_EVENT);
    assert_string_equal(event.sub_type, ESE_SUB_TYPE_KEY_PRESS);
    assert_string_equal(event.key, "203.0.113.7-1");
    ese_event_clear(&event);
    gives(source, 0); /* the nonsense was passed over */
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_LATER);
    type_in(ends_of_pipe[1], "last, without a newline");
    close(ends_of_pipe[1]);
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_EVENT);
    ese_event_clear(&event);
    ends(source);
}

static void a_line_has_a_bound(void **state)
{
    (void)state;
    char *text = ese_alloc(ESE_LINE_LIMIT + 2);
    memset(text, 'k', ESE_LINE_LIMIT + 1);
    struct ese_source *source = open_text(text, ESE_REPLAY_AT_ONCE);
    struct ese_event event = {.client_ts = 0};
    struct ese_error error;
    assert_int_equal(says(source, &event, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_non_null(strstr(error.text, "line 1"));
    ese_source_close(&source);
    free(text);
}

static void type_much(int fd, size_t bytes)
{
    char part[1024];
    memset(part, 'x', sizeof part);
    for (size_t at = 0; at < bytes; at += sizeof part)
        assert_int_equal(write(fd, part, sizeof part), sizeof part);
}

/* A session goes on behind a line that is too long, whether its end is there yet or not. */
static void a_typed_line_that_is_too_long_is_passed_over(void **state)
{
    (void)state;
    int ends_of_pipe[2];
    struct ese_source *source = NULL;
    struct ese_event event = {.client_ts = 0};
    struct ese_error error;
    assert_int_equal(pipe(ends_of_pipe), 0);
    assert_true(fcntl(ends_of_pipe[1], F_SETPIPE_SZ, 4 * ESE_LINE_LIMIT) > 0);
    assert_int_equal(ese_replay_open_typed(ends_of_pipe[0], &source, &error), 0);
    close(ends_of_pipe[0]);
    type_in(ends_of_pipe[1], "{");
    type_much(ends_of_pipe[1], ESE_LINE_LIMIT);
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_LATER);
    type_in(ends_of_pipe[1], "}\n" LINE(9));
    gives(source, 0);
    type_much(ends_of_pipe[1], 2 * ESE_LINE_LIMIT);
    type_in(ends_of_pipe[1], "\n" LINE(10) "{\"cut");
    gives(source, 0);
    assert_int_equal(says(source, &event, &error), ESE_SOURCE_LATER);
    type_much(ends_of_pipe[1], ESE_LINE_LIMIT);
    close(ends_of_pipe[1]); /* and no newline comes any more */
    ends(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_keeps_its_own_distances),
        cmocka_unit_test(a_rate_sets_the_distances),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(a_missing_file_is_an_error),
        cmocka_unit_test(what_is_appended_meanwhile_is_not_read),
        cmocka_unit_test(a_typed_line_is_there_when_it_is_complete),
        cmocka_unit_test(a_line_has_a_bound),
        cmocka_unit_test(a_typed_line_that_is_too_long_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
