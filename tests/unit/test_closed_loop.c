/* What a closed loop would have said: whom it measures, whom it never sends, and what it is held against. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/closed_loop.h"
#include "tests/support/directory.h"

#define BEGUN_NS (INT64_C(1000) * ESE_NS_PER_S)

struct scene {
    char *directory;
    struct ese_history *history; /* of the client that is told of */
    uint32_t sequence;
};

static int set_up(void **state)
{
    struct scene *scene = ese_alloc(sizeof *scene);
    scene->directory = ese_test_directory_make();
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    ese_history_close(&scene->history);
    ese_test_directory_remove(&scene->directory);
    free(scene);
    return 0;
}

static void begin_client(struct scene *scene, const char *name)
{
    struct ese_error error;
    char *path = ese_test_path(scene->directory, name);
    const struct ese_history_options options = {.path = path, .party = "ese-client", .transport = "x",
                                                .limit = 1 << 20};
    ese_history_close(&scene->history);
    assert_int_equal(ese_history_open(&options, &scene->history, &error), 0);
    free(path);
}

static int64_t at(double ms)
{
    return BEGUN_NS + (int64_t)(ms * (double)ESE_NS_PER_MS);
}

static void note(struct scene *scene, enum ese_history_kind kind, const struct ese_id *id, double ms)
{
    ese_history_record(scene->history, &(struct ese_history_record){
                                           .kind = (uint16_t)kind, .partition = -1, .time_ns = at(ms), .id = *id,
                                           .a = -1});
}

static struct ese_id send(struct scene *scene, double due_ms, double sent_ms)
{
    struct ese_event event = {.client_ts = 1767225600000};
    const struct ese_id_parts parts = {.time_ms = event.client_ts, .lane = 1, .run = 7, .sequence = ++scene->sequence};
    event.id = ese_id_make(&parts);
    ese_fit_text(event.key, sizeof event.key, "a");
    ese_history_offer(scene->history, &event, at(due_ms));
    note(scene, ESE_HISTORY_SENT, &event.id, sent_ms);
    return event.id;
}

static struct ese_histogram *loop_of(const struct scene *scene, double from_ms)
{
    struct ese_histogram *histogram = ese_histogram_new();
    ese_closed_loop_take(scene->directory, at(from_ms), histogram);
    return histogram;
}

static void the_time_runs_from_the_sending(void **state)
{
    struct scene *scene = *state;
    begin_client(scene, "client.history");
    struct ese_id late = send(scene, 0, 90);
    note(scene, ESE_HISTORY_ACKNOWLEDGED, &late, 100);
    struct ese_histogram *histogram = loop_of(scene, 0);
    assert_int_equal(ese_histogram_count(histogram), 1);
    assert_in_range(ese_histogram_max(histogram), 9900, 10100); /* it was 100 ms */
    ese_histogram_free(&histogram);
}

/* While nobody answers each caller has one; the others that come are sent by nobody. */
static void what_comes_while_all_callers_wait_is_not_measured(void **state)
{
    struct scene *scene = *state;
    struct ese_id ids[100];
    begin_client(scene, "client.history");
    for (int i = 0; i < 100; i++)
        ids[i] = send(scene, i, i);
    for (int i = 0; i < 100; i++)
        note(scene, ESE_HISTORY_ACKNOWLEDGED, &ids[i], 1000);
    struct ese_id after = send(scene, 1001, 1001);
    note(scene, ESE_HISTORY_ACKNOWLEDGED, &after, 1002);
    struct ese_histogram *histogram = loop_of(scene, 0);
    assert_int_equal(ese_histogram_count(histogram), ESE_CLOSED_LOOP_CALLERS + 1);
    ese_histogram_free(&histogram);
}

static void a_caller_is_free_once_it_knows_what_came_of_it(void **state)
{
    static const enum ese_history_kind ends[] = {ESE_HISTORY_REFUSED, ESE_HISTORY_UNKNOWN, ESE_HISTORY_NOT_SENT};
    struct scene *scene = *state;
    begin_client(scene, "client.history");
    for (int i = 0; i < 30; i++) { /* more than there are callers */
        struct ese_id id = send(scene, i, i);
        note(scene, ends[i % 3], &id, i + 0.5);
    }
    struct ese_id last = send(scene, 100, 100);
    note(scene, ESE_HISTORY_ACKNOWLEDGED, &last, 101);
    struct ese_histogram *histogram = loop_of(scene, 0);
    assert_int_equal(ese_histogram_count(histogram), 1); /* what was not acknowledged has no time */
    ese_histogram_free(&histogram);
}

static void the_warm_up_is_cut_by_when_an_event_was_due(void **state)
{
    struct scene *scene = *state;
    begin_client(scene, "client.history");
    struct ese_id warm = send(scene, 9, 11), other = send(scene, 10, 12);
    note(scene, ESE_HISTORY_ACKNOWLEDGED, &warm, 13);
    note(scene, ESE_HISTORY_ACKNOWLEDGED, &other, 14);
    struct ese_histogram *histogram = loop_of(scene, 10);
    assert_int_equal(ese_histogram_count(histogram), 1);
    ese_histogram_free(&histogram);
}

static void each_client_has_callers_of_its_own(void **state)
{
    static const char *const names[] = {"client.history", "client-2.history"};
    struct scene *scene = *state;
    for (size_t client = 0; client < 2; client++) {
        begin_client(scene, names[client]);
        for (int i = 0; i < 50; i++) {
            struct ese_id id = send(scene, i, i);
            if (i < ESE_CLOSED_LOOP_CALLERS)
                note(scene, ESE_HISTORY_ACKNOWLEDGED, &id, 1000);
        }
    }
    struct ese_histogram *histogram = loop_of(scene, 0);
    assert_true(ese_histogram_count(histogram) > ESE_CLOSED_LOOP_CALLERS);
    ese_histogram_free(&histogram);
}

static void without_a_history_there_is_nothing(void **state)
{
    struct scene *scene = *state;
    struct ese_histogram *histogram = loop_of(scene, 0);
    assert_int_equal(ese_histogram_count(histogram), 0);
    ese_histogram_free(&histogram);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_time_runs_from_the_sending),
        TEST(what_comes_while_all_callers_wait_is_not_measured),
        TEST(a_caller_is_free_once_it_knows_what_came_of_it),
        TEST(the_warm_up_is_cut_by_when_an_event_was_due),
        TEST(each_client_has_callers_of_its_own),
        TEST(without_a_history_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
