/* When events are due, where that is not at even distances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "ese-client/schedule.h"
#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/due_trace.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"

#define RATE 1000 /* of the source: an event a millisecond */

struct even {
    struct ese_source source;
    int64_t next;
    bool *is_closed;
};

static int even_next(struct ese_source *source, struct ese_event *event, int64_t *due_ns, struct ese_error *error)
{
    struct even *even = (struct even *)source;
    (void)error;
    event->client_ts = even->next;
    *due_ns = even->next++ * ESE_NS_PER_S / RATE;
    return ESE_SOURCE_EVENT;
}

static void even_stamp(struct ese_event *event, int64_t client_ts)
{
    event->server_ts = client_ts;
}

static void even_close(struct ese_source *source)
{
    *((struct even *)source)->is_closed = true;
    free(source);
}

static const struct ese_source_face even_face = {.next = even_next, .stamp = even_stamp, .close = even_close};
static bool is_closed;

static struct ese_source *even_open(void)
{
    struct even *even = ese_alloc(sizeof *even);
    is_closed = false;
    *even = (struct even){.source = {.face = &even_face, .fd = -1}, .is_closed = &is_closed};
    return &even->source;
}

static struct ese_source *open_as(const char *words, uint64_t seed)
{
    struct ese_source *source = even_open();
    const struct ese_schedule_told told = {.words = words, .rate = RATE, .seed = seed};
    assert_int_equal(ese_schedule_open(&told, &source, NULL), 0);
    return source;
}

/* Seconds at which so many are due; they never go back, and come in the order that the source has. */
static double *dues_of(const char *words, uint64_t seed, int count)
{
    double *dues = ese_alloc_array((size_t)count, sizeof *dues);
    struct ese_source *source = open_as(words, seed);
    struct ese_event event = {.data = NULL};
    int64_t due_ns, before_ns = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(source->face->next(source, &event, &due_ns, NULL), ESE_SOURCE_EVENT);
        assert_true(event.client_ts == i && due_ns >= before_ns);
        before_ns = due_ns;
        dues[i] = (double)due_ns / (double)ESE_NS_PER_S;
    }
    ese_source_close(&source);
    assert_true(is_closed);
    return dues;
}

static int count_until(const double *dues, int count, double from, double to)
{
    int found = 0;
    for (int i = 0; i < count; i++)
        found += dues[i] >= from && dues[i] < to;
    return found;
}

static void constant_is_as_it_was(void **state)
{
    (void)state;
    double *dues = dues_of("constant", 1, 3000);
    assert_int_equal(count_until(dues, 3000, 1, 2), 1000);
    free(dues);
}

/* Exponential distances: their mean is the rate's, their deviation is as large, and of those longer than the mean there
 * are 1/e. */
static void poisson_is_of_chance(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    double *dues = dues_of("poisson", 7, COUNT), *again = dues_of("poisson", 7, COUNT);
    double *other = dues_of("poisson", 8, COUNT);
    double sum = 0, squares = 0, mean = 1.0 / RATE;
    int longer = 0;
    for (int i = 1; i < COUNT; i++) {
        double distance = dues[i] - dues[i - 1];
        sum += distance;
        squares += distance * distance;
        longer += distance > mean;
        assert_true(dues[i] == again[i]);
    }
    assert_true(fabs(sum / COUNT - mean) < mean * 0.02);
    assert_true(fabs(sqrt(squares / COUNT - mean * mean) - mean) < mean * 0.03);
    assert_true(fabs((double)longer / COUNT - exp(-1)) < 0.01);
    assert_true(dues[100] != other[100]);
    free(dues);
    free(again);
    free(other);
}

static void a_burst_is_as_many_times_as_much(void **state)
{
    (void)state;
    enum { COUNT = 30000 };
    double *dues = dues_of("burst:10:2:1.5", 1, COUNT);
    assert_int_equal(count_until(dues, COUNT, 0, 2), 2000);
    assert_in_range(count_until(dues, COUNT, 2, 3), 9999, 10001);
    assert_in_range(count_until(dues, COUNT, 2, 3.5), 14999, 15001);
    assert_in_range(count_until(dues, COUNT, 4, 5), 999, 1001);
    free(dues);
}

static void a_ramp_rises_or_falls_evenly(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    double *up = dues_of("ramp:0:2:4", 1, COUNT), *down = dues_of("ramp:3:1:2", 1, COUNT);
    assert_in_range(count_until(up, COUNT, 0, 1), 248, 252); /* of a quarter of two, half */
    assert_in_range(count_until(up, COUNT, 3, 4), 1748, 1752);
    assert_in_range(count_until(up, COUNT, 5, 6), 1998, 2002);
    assert_in_range(count_until(down, COUNT, 0, 1), 2498, 2502);
    assert_in_range(count_until(down, COUNT, 1, 2), 1498, 1502);
    assert_in_range(count_until(down, COUNT, 3, 4), 998, 1002);
    free(up);
    free(down);
}

static void a_trace_is_as_it_says_and_ends(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "trace");
    struct ese_buffer words = ESE_BUFFER_INIT(4096);
    struct ese_event event = {.data = NULL};
    int64_t due_ns;
    ese_buffer_printf(&words, "trace:%s", path);
    FILE *file = fopen(path, "w");
    fputs("0\n0.25\n0.25\n1e1", file);
    fclose(file);
    double *dues = dues_of(words.text, 1, 4);
    assert_true(dues[0] == 0 && dues[1] == 0.25 && dues[2] == 0.25 && dues[3] == 10);
    free(dues);
    struct ese_source *source = open_as(words.text, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(source->face->next(source, &event, &due_ns, NULL), ESE_SOURCE_EVENT);
    assert_int_equal(source->face->next(source, &event, &due_ns, NULL), ESE_SOURCE_END);
    source->face->stamp(&event, 99);
    assert_int_equal(event.server_ts, 99);
    ese_source_close(&source);
    static const char *const wrong[] = {"x\n", "-1\n", "1 2\n", "nan\n", "\n", "inf\n", "0x1\n", " 1\n", "1\n2 3\n",
                                        "2\n1\n"};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        struct ese_error error;
        file = fopen(path, "w");
        fputs(wrong[i], file);
        fclose(file);
        source = even_open();
        assert_int_equal(ese_schedule_open(&(struct ese_schedule_told){.words = words.text, .rate = RATE}, &source,
                                           &error), -1);
        assert_null(source);
        assert_int_equal(error.code, ESE_E_INVALID);
        assert_non_null(strstr(error.text, i + 2 >= ESE_COUNT_OF(wrong) ? "line 2" : "line 1"));
        assert_non_null(strstr(error.text, path));
    }
    ese_buffer_free(&words);
    ese_test_directory_remove(&directory);
    free(path);
}

static int open_trace(const char *path, const void *bytes, size_t length, struct ese_due_trace **trace,
                      struct ese_error *error)
{
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    return ese_due_trace_open(path, trace, error);
}

/* What is longer than a line may be is one line, and not two. */
static void a_long_line_of_a_trace_is_read_as_one_or_refused(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "trace");
    for (int length = 60; length < 140; length++) {
        for (int is_ended = 0; is_ended <= 1; is_ended++) {
            struct ese_due_trace *trace;
            struct ese_error error = {.text = ""};
            int64_t due_ns;
            char text[200];
            snprintf(text, sizeof text, "0\n%0*d%s", length, 7, is_ended ? "\n9\n" : "");
            int status = open_trace(path, text, strlen(text), &trace, &error);
            assert_int_equal(status, length <= 64 ? 0 : -1);
            if (status < 0) {
                assert_non_null(strstr(error.text, "line 2 of the trace is longer than 64 bytes"));
                continue;
            }
            assert_int_equal(ese_due_trace_next(trace, &due_ns, &error), 1);
            assert_int_equal(ese_due_trace_next(trace, &due_ns, &error), 1);
            assert_int_equal(due_ns, 7 * ESE_NS_PER_S);
            assert_int_equal(ese_due_trace_next(trace, &due_ns, &error), is_ended);
            ese_due_trace_close(&trace);
        }
    }
    static const char cut[] = "1\0 junk\n";
    struct ese_due_trace *trace;
    assert_int_equal(open_trace(path, cut, sizeof cut - 1, &trace, NULL), -1);
    ese_test_directory_remove(&directory);
    free(path);
}

/* Of seven lines, three clients have three, two and two, and none has another's. */
static void a_trace_is_dealt_out_among_those_who_share_it(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "trace");
    struct ese_buffer words = ESE_BUFFER_INIT(4096);
    ese_buffer_printf(&words, "trace:%s", path);
    FILE *file = fopen(path, "w");
    fputs("0\n1\n2\n3\n4\n5\n6\n", file);
    fclose(file);
    for (int part = 1; part <= 3; part++) {
        struct ese_source *source = even_open();
        struct ese_event event = {.data = NULL};
        int64_t due_ns;
        assert_int_equal(ese_schedule_open(&(struct ese_schedule_told){.words = words.text, .rate = RATE, .part = part,
                                                                       .parts = 3}, &source, NULL), 0);
        for (int line = part - 1; line < 7; line += 3) {
            assert_int_equal(source->face->next(source, &event, &due_ns, NULL), ESE_SOURCE_EVENT);
            assert_int_equal(due_ns, line * ESE_NS_PER_S);
        }
        assert_int_equal(source->face->next(source, &event, &due_ns, NULL), ESE_SOURCE_END);
        ese_source_close(&source);
    }
    ese_buffer_free(&words);
    ese_test_directory_remove(&directory);
    free(path);
}

static void wrong_words_are_named(void **state)
{
    static const char *const wrong[] = {"", "bursts", "burst", "burst:10:5", "burst:0.5:1:1", "burst:10:5:2:1",
                                        "burst:a:1:1", "ramp:1:0:5", "burst:0x10:1:1", "ramp:1:2:0x1p3",
                                        "burst:10:nan:1", "burst:10:1:inf", "ramp:inf:1:2", "ramp:nan:1:2",
                                        "burst:+10:5:2", "burst: 10:5:2", "burst:10::2", "burst:1e:5:2",
                                        "ramp:1:2:0", "ramp", "poisson:3", "trace:/nowhere/at/all",
                                        "trace:/dev/null", "trace:/"};
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        struct ese_source *source = even_open();
        struct ese_error error;
        const struct ese_schedule_told told = {.words = wrong[i], .rate = RATE};
        assert_int_equal(ese_schedule_open(&told, &source, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, "--schedule"));
        assert_null(source);
        assert_true(is_closed);
    }
    struct ese_source *source = even_open();
    struct ese_error error;
    source->at_once = true;
    assert_int_equal(ese_schedule_open(&(struct ese_schedule_told){.words = "burst:10:5:2"}, &source, &error), -1);
    assert_non_null(strstr(error.text, "--rate"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_is_as_it_was),
        cmocka_unit_test(poisson_is_of_chance),
        cmocka_unit_test(a_burst_is_as_many_times_as_much),
        cmocka_unit_test(a_ramp_rises_or_falls_evenly),
        cmocka_unit_test(a_trace_is_as_it_says_and_ends),
        cmocka_unit_test(a_long_line_of_a_trace_is_read_as_one_or_refused),
        cmocka_unit_test(a_trace_is_dealt_out_among_those_who_share_it),
        cmocka_unit_test(wrong_words_are_named),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
