#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "ese-core/clock.h"
#include "ese-core/metrics.h"

/* Everything before the process's own figures, which no test can foresee. */
static char *rendered(struct ese_metrics *metrics)
{
    struct ese_buffer buffer = ESE_BUFFER_INIT(1 << 20);
    ese_metrics_render(metrics, &buffer);
    assert_false(buffer.overflowed);
    char *process = strstr(buffer.text, "# HELP process_");
    assert_non_null(process);
    *process = '\0';
    return ese_buffer_detach(&buffer);
}

static void families_stand_together(void **state)
{
    (void)state;
    struct ese_metrics *metrics = ese_metrics_new();
    struct ese_metric *get = ese_metrics_counter(metrics, "hits_total", "route=\"/\"", "Hits.");
    struct ese_metric *depth = ese_metrics_gauge(metrics, "depth", NULL, "Depth.");
    struct ese_metric *post =
        ese_metrics_counter(metrics, "hits_total", "route=\"/event\"", "Hits.");
    ese_metric_add(get, 1);
    ese_metric_add(post, 2);
    ese_metric_set(depth, 7);
    ese_metric_add(depth, -10);
    char *text = rendered(metrics);
    assert_string_equal(text, "# HELP hits_total Hits.\n"
                              "# TYPE hits_total counter\n"
                              "hits_total{route=\"/\"} 1\n"
                              "hits_total{route=\"/event\"} 2\n"
                              "# HELP depth Depth.\n"
                              "# TYPE depth gauge\n"
                              "depth -3\n");
    free(text);
    ese_metrics_free(&metrics);
    assert_null(metrics);
    ese_metrics_free(&metrics);
}

static void same_name_and_labels_are_the_same(void **state)
{
    (void)state;
    struct ese_metrics *metrics = ese_metrics_new();
    struct ese_metric *one = ese_metrics_counter(metrics, "a", "x=\"1\"", "A.");
    assert_ptr_equal(ese_metrics_counter(metrics, "a", "x=\"1\"", "A."), one);
    assert_ptr_not_equal(ese_metrics_counter(metrics, "a", "x=\"2\"", "A."), one);
    assert_ptr_not_equal(ese_metrics_counter(metrics, "a", NULL, "A."), one);
    ese_metrics_free(&metrics);
}

static void what_is_forgotten_is_told_no_more(void **state)
{
    (void)state;
    struct ese_metrics *metrics = ese_metrics_new();
    struct ese_metric *one = ese_metrics_counter(metrics, "hits_total", "route=\"/\"", "Hits.");
    struct ese_metric *two = ese_metrics_counter(metrics, "hits_total", "route=\"/event\"", "Hits.");
    ese_metric_add(one, 1);
    ese_metric_add(two, 2);
    ese_metrics_forget(metrics, one);
    ese_metrics_forget(metrics, NULL);
    char *text = rendered(metrics);
    assert_string_equal(text, "# HELP hits_total Hits.\n"
                              "# TYPE hits_total counter\n"
                              "hits_total{route=\"/event\"} 2\n");
    free(text);
    for (int i = 0; i < 2000; i++)
        ese_metrics_forget(metrics, ese_metrics_counter(metrics, "more_total", NULL, "More."));
    ese_metrics_free(&metrics);
}

static void seconds_are_cumulative(void **state)
{
    (void)state;
    struct ese_metrics *metrics = ese_metrics_new();
    struct ese_metric *took = ese_metrics_seconds(metrics, "took_seconds", "route=\"/\"", "Took.");
    ese_metric_observe_us(took, 100);      /* a bound belongs to its own bucket */
    ese_metric_observe_us(took, 101);
    ese_metric_observe_us(took, 20000000); /* beyond the last bound */
    char *text = rendered(metrics);
    assert_non_null(strstr(text, "# TYPE took_seconds histogram\n"));
    assert_non_null(strstr(text, "took_seconds_bucket{route=\"/\",le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(text, "took_seconds_bucket{route=\"/\",le=\"0.00025\"} 2\n"));
    assert_non_null(strstr(text, "took_seconds_bucket{route=\"/\",le=\"10\"} 2\n"));
    assert_non_null(strstr(text, "took_seconds_bucket{route=\"/\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "took_seconds_sum{route=\"/\"} 20.000201\n"));
    assert_non_null(strstr(text, "took_seconds_count{route=\"/\"} 3\n"));
    free(text);
    ese_metrics_free(&metrics);
}

static double figure(const char *text, const char *name)
{
    char line[80];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(text, line);
    assert_non_null(found);
    return strtod(found + strlen(line), NULL);
}

static void the_process_is_told(void **state)
{
    (void)state;
    struct ese_metrics *metrics = ese_metrics_new();
    struct ese_buffer buffer = ESE_BUFFER_INIT(1 << 20);
    ese_metrics_render(metrics, &buffer);
    double before = figure(buffer.text, "process_open_fds");
    double now = (double)ese_clock_wall_ms() / 1e3;
    double started = figure(buffer.text, "process_start_time_seconds");
    assert_true(started > now - 3600 && started < now + 2);
    assert_true(figure(buffer.text, "process_resident_memory_bytes") > 100000);
    assert_true(figure(buffer.text, "process_cpu_seconds_total") >= 0);
    FILE *one_more = fopen("/dev/null", "re");
    ese_buffer_clear(&buffer);
    ese_metrics_render(metrics, &buffer);
    assert_true(figure(buffer.text, "process_open_fds") == before + 1);
    fclose(one_more);
    ese_buffer_free(&buffer);
    ese_metrics_free(&metrics);
}

struct counting {
    struct ese_metric *counter, *seconds;
};

static void *count(void *context)
{
    struct counting *counting = context;
    for (int i = 0; i < 10000; i++) {
        ese_metric_add(counting->counter, 1);
        ese_metric_observe_us(counting->seconds, i);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    struct ese_metrics *metrics = ese_metrics_new();
    struct counting counting = {ese_metrics_counter(metrics, "n", NULL, "N."),
                                ese_metrics_seconds(metrics, "s", NULL, "S.")};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count, &counting);
    free(rendered(metrics)); /* while they count */
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ese_metric_value(counting.counter), 40000);
    char *text = rendered(metrics);
    assert_non_null(strstr(text, "\ns_count 40000\n"));
    free(text);
    ese_metrics_free(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_stand_together),
        cmocka_unit_test(same_name_and_labels_are_the_same),
        cmocka_unit_test(what_is_forgotten_is_told_no_more),
        cmocka_unit_test(seconds_are_cumulative),
        cmocka_unit_test(the_process_is_told),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
