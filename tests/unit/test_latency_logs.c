/* Latencies over time: a line an interval, and the same ones in however many passes a run is judged. That the public
 * tools read them, and what they say, is tests/e2e/test_compare.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/judgement.h"
#include "orchestration/lab/latency_logs.h"
#include "tests/support/directory.h"
#include "tests/support/staged_run.h"

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .replayable = true, .positions_survive = true};

#define MOST (1 << 22)

static char *read_file(const char *directory, const char *name)
{
    char *path = ese_test_path(directory, name), *text = ese_alloc(MOST);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, MOST - 1, file);
    text[length] = '\0';
    fclose(file);
    free(path);
    return text;
}

/* The lines that begin with a digit: intervals. Tells when the first and the last begin, and how long they are. */
static int count_intervals(const char *text, double *first_s, double *last_s, double *length_s)
{
    int count = 0;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (line[0] < '0' || line[0] > '9')
            continue;
        assert_int_equal(sscanf(line, "%lf,%lf,", last_s, length_s), 2);
        if (count++ == 0)
            *first_s = *last_s;
    }
    return count;
}

/* One latency in each of so many seconds, of which some are left out. */
static void expect(int seconds, int but_every, int intervals, double wanted_length_s)
{
    char *directory = ese_test_directory_make();
    struct ese_latency_logs *logs = ese_latency_logs_new(ESE_NS_PER_S);
    double first_s = 0, last_s = 0, length_s = 0;
    ese_latency_logs_set_wall(logs, 1000 * ESE_NS_PER_S);
    for (int64_t second = 0; second < seconds; second++) {
        if (second % but_every != but_every - 1)
            ese_latency_logs_record(logs, ESE_LATENCY_ACK, (second + 1) * ESE_NS_PER_S, 100 * second);
    }
    assert_int_equal(ese_latency_logs_write(logs, directory, "a transport", NULL), 0);
    char *text = read_file(directory, ESE_ARTIFACT_ACK_LOG);
    assert_non_null(strstr(text, "#[Histogram log format version 1.3]"));
    assert_int_equal(count_intervals(text, &first_s, &last_s, &length_s), intervals);
    assert_true(first_s > 1000.999 && first_s < 1001.001);
    assert_true(length_s > wanted_length_s - 0.001 && length_s < wanted_length_s + 0.001);
    free(text);
    text = read_file(directory, ESE_ARTIFACT_MAIL_LOG); /* in which there is nothing */
    assert_int_equal(count_intervals(text, &first_s, &last_s, &length_s), 0);
    free(text);
    ese_latency_logs_free(&logs);
    ese_test_directory_remove(&directory);
}

static void there_is_a_line_for_each_interval(void **state)
{
    (void)state;
    expect(5, 100, 5, 1);
    expect(5, 3, 4, 1);     /* in one of which nothing was due */
    expect(64, 100, 64, 1); /* as many as there may be */
    expect(65, 100, 33, 2);
    expect(300, 1000, 38, 8);
}

static void judge_into(const struct staged_run *run, int64_t events, int64_t *count, char *texts[ESE_LATENCY_LOGS])
{
    static const char *const names[] = {ESE_ARTIFACT_ACK_LOG, ESE_ARTIFACT_END_TO_END_LOG, ESE_ARTIFACT_MAIL_LOG};
    struct ese_judge_options options = {.directory = run->directory, .promises = &careful, .events = events,
                                        .measured_from_ns = run->events[20].due_ns};
    struct ese_judgement judgement;
    options.logs = ese_latency_logs_new(options.measured_from_ns);
    assert_int_equal(ese_judge(&options, &judgement, NULL), 0);
    assert_int_equal(judgement.passes > 1, events > 0);
    assert_int_equal(ese_latency_logs_write(options.logs, run->directory, "staged", NULL), 0);
    for (int i = 0; i < ESE_LATENCY_LOGS; i++)
        texts[i] = read_file(run->directory, names[i]);
    *count = judgement.acknowledge.count;
    ese_latency_logs_free(&options.logs);
}

static void several_passes_log_as_one_does(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(3, 600);
    char *in_one[ESE_LATENCY_LOGS], *in_many[ESE_LATENCY_LOGS];
    double first_s, last_s, length_s;
    int64_t count, again;
    staged_run_consume(run);
    staged_run_write(run);
    judge_into(run, 0, &count, in_one);
    judge_into(run, 100, &again, in_many);
    assert_int_equal(count, again);
    for (int i = 0; i < ESE_LATENCY_LOGS; i++) {
        assert_string_equal(in_one[i], in_many[i]);
        assert_true(count_intervals(in_one[i], &first_s, &last_s, &length_s) > 10);
        free(in_one[i]);
        free(in_many[i]);
    }
    staged_run_free(&run);
}

static void what_could_not_be_written_is_told(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, ESE_ARTIFACT_MAIL_LOG);
    struct ese_latency_logs *logs = ese_latency_logs_new(1);
    struct ese_error error = {.text = ""};
    for (int second = 0; second < 60; second++) {
        for (int i = 1; i < 3000; i++)
            ese_latency_logs_record(logs, ESE_LATENCY_MAIL, 1 + second * ESE_NS_PER_S, i * i);
    }
    assert_int_equal(ese_latency_logs_write(logs, directory, "some", &error), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/full", path), 0); /* a disk on which nothing has room */
    assert_int_equal(ese_latency_logs_write(logs, directory, "some", &error), -1);
    assert_non_null(strstr(error.text, path));
    ese_latency_logs_free(&logs);
    assert_int_equal(unlink(path), 0);
    free(path);
    ese_test_directory_remove(&directory);
}

int main(void)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_a_line_for_each_interval),
        cmocka_unit_test(what_could_not_be_written_is_told),
        cmocka_unit_test(several_passes_log_as_one_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
