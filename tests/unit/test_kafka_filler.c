/* How a view is filled from topics whose brokers do not answer when they are asked: the reader's calls are taken
 * over (ld's --wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/wait.h"
#include "transports/kafka/filler.h"
#include "transports/kafka/partition.h"

#define WAIT_MS 20000
#define PARTITIONS ESE_KAFKA_TOPICS /* one of each topic */

int __wrap_ese_reader_count(const struct ese_reader *reader, int topic);
int __wrap_ese_reader_ask(const struct ese_reader *reader, int64_t time, struct ese_kafka_cursor *places,
                          const struct ese_view_patience *patience, struct ese_error *error);
int __wrap_ese_reader_take_up(struct ese_reader *reader, const struct ese_kafka_cursor *places,
                              struct ese_error *error);
enum ese_reader_news __wrap_ese_reader_next(struct ese_reader *reader, int timeout_ms,
                                            struct ese_reader_record *record);

/* ---- the topics ---------------------------------------------------------------------------- */

static struct {
    atomic_llong ends[PARTITIONS];
    atomic_bool is_lost[PARTITIONS]; /* to be told, once */
    atomic_int failing; /* so many more questions for ends */
    atomic_int partitions[PARTITIONS]; /* of each topic; this knows what the first of them holds */
    atomic_llong read_from[PARTITIONS]; /* where it was taken up last; -1: it was told to be lost since */
} topics;

int __wrap_ese_reader_count(const struct ese_reader *reader, int topic)
{
    (void)reader;
    return atomic_load(&topics.partitions[topic]);
}

/* Nothing is young enough: a view begins at the ends. */
int __wrap_ese_reader_ask(const struct ese_reader *reader, int64_t time, struct ese_kafka_cursor *places,
                          const struct ese_view_patience *patience, struct ese_error *error)
{
    (void)reader;
    (void)patience;
    if (time == RD_KAFKA_OFFSET_END && atomic_load(&topics.failing) > 0) {
        atomic_fetch_sub(&topics.failing, 1);
        return ese_fail(error, ESE_E_TIMEOUT, "no leader: try again");
    }
    for (int i = 0; i < places->count; i++) {
        int topic = ese_partition_code_topic(places->places[i].partition);
        places->places[i].next = time == RD_KAFKA_OFFSET_END ? atomic_load(&topics.ends[topic]) : -1;
    }
    return 0;
}

int __wrap_ese_reader_take_up(struct ese_reader *reader, const struct ese_kafka_cursor *places,
                              struct ese_error *error)
{
    (void)reader;
    (void)error;
    for (int i = 0; i < places->count; i++)
        atomic_store(&topics.read_from[ese_partition_code_topic(places->places[i].partition)],
                     places->places[i].next);
    return 0;
}

/* Tells ends alone, and those only of what was taken up and was not lost since. */
enum ese_reader_news __wrap_ese_reader_next(struct ese_reader *reader, int timeout_ms,
                                            struct ese_reader_record *record)
{
    (void)reader;
    (void)timeout_ms;
    ese_clock_sleep_until(ese_clock_monotonic_ns() + ESE_NS_PER_MS);
    for (int topic = 0; topic < PARTITIONS; topic++) {
        int64_t from = atomic_load(&topics.read_from[topic]), end = atomic_load(&topics.ends[topic]);
        *record = (struct ese_reader_record){.partition = ese_partition_code(topic, 0), .offset = end};
        if (atomic_exchange(&topics.is_lost[topic], false)) {
            atomic_store(&topics.read_from[topic], -1);
            return ESE_READER_LOST;
        }
        if (from >= 0 && from < end) {
            atomic_store(&topics.read_from[topic], end);
            return ESE_READER_END;
        }
    }
    return ESE_READER_NOTHING;
}

/* ---- the view ------------------------------------------------------------------------------ */

static struct ese_view *view;
static struct ese_metrics *metrics;
static struct ese_filler *filler;

static void progress(void *context)
{
    (void)context;
}

static int open_filler(void **state)
{
    struct ese_error error;
    (void)state;
    for (int i = 0; i < PARTITIONS; i++) {
        atomic_store(&topics.ends[i], 10);
        atomic_store(&topics.partitions[i], 1);
        atomic_store(&topics.read_from[i], -1);
    }
    view = ese_view_new(ESE_VIEW_LEAST_BYTES);
    metrics = ese_metrics_new();
    const struct ese_filler_options options = {
        .view = view, .retention_ms = 1000, .metrics = metrics, .progress = progress};
    return ese_filler_start(&options, &filler, &error);
}

static int close_filler(void **state)
{
    (void)state;
    ese_filler_free(&filler);
    ese_metrics_free(&metrics);
    ese_view_free(&view);
    return 0;
}

static bool goes_on(void *context, char *text, size_t size)
{
    (void)context;
    (void)text;
    (void)size;
    return true;
}

static void assert_complete(void)
{
    const struct ese_view_patience patience = {WAIT_MS, goes_on, NULL};
    struct ese_error error;
    if (ese_view_await(view, &patience, &error) == -1)
        fail_msg("%s", error.text);
}

struct beginning {
    int topic;
    int64_t first;
};

static bool begins_there(void *context)
{
    const struct beginning *beginning = context;
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    int count = ese_view_parts(view, parts);
    for (int i = 0; i < count; i++) {
        if (ese_partition_code_topic(parts[i].partition) == beginning->topic)
            return parts[i].first == beginning->first;
    }
    return false;
}

static void assert_begins(int topic, int64_t first)
{
    struct beginning beginning = {topic, first};
    assert_true(ese_test_wait_until(begins_there, &beginning, WAIT_MS));
}

/* As where its log was cut when its leader was lost. */
static void lose(int topic, int64_t end, int failing)
{
    atomic_store(&topics.failing, failing);
    atomic_store(&topics.ends[topic], end);
    atomic_store(&topics.is_lost[topic], true);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void a_partition_that_is_lost_is_begun_anew(void **state)
{
    (void)state;
    ese_filler_begin(filler);
    assert_complete();
    lose(0, 3, 0);
    assert_begins(0, 3);
    atomic_store(&topics.ends[0], 5);
    ese_view_want(view, ese_partition_code(0, 0), 4);
    assert_complete();
}

/* It is asked until it is told, and then read: nobody who asks is put off for ever. */
static void what_could_not_be_begun_anew_is_tried_again(void **state)
{
    (void)state;
    ese_filler_begin(filler);
    assert_complete();
    lose(0, 3, 2);
    assert_begins(0, 3);
    assert_int_equal(atomic_load(&topics.failing), 0);
    atomic_store(&topics.ends[0], 5);
    ese_view_want(view, ese_partition_code(0, 0), 4);
    assert_complete();
    lose(1, 4, 1);
    assert_begins(1, 4);
    assert_begins(0, 3); /* which went on meanwhile, and is not begun again */
}

/* Of a topic that was made anew before anybody asked for a list: its log holds less than was once stored in it. */
static void what_was_stored_in_a_log_that_is_gone_is_not_waited_for(void **state)
{
    (void)state;
    ese_view_want(view, ese_partition_code(0, 0), 99);
    ese_filler_begin(filler);
    assert_complete();
    assert_begins(0, 10);
}

static void what_could_not_be_begun_is_tried_again(void **state)
{
    (void)state;
    atomic_store(&topics.failing, 2);
    ese_filler_begin(filler);
    assert_complete();
    assert_begins(0, 10);
    assert_begins(1, 10);
}

static bool is_refused(void *context)
{
    char text[200] = "";
    return !ese_filler_tell(filler, text, sizeof text) && strstr(text, context) != NULL;
}

static bool is_kept(void *context)
{
    char text[200];
    (void)context;
    return ese_filler_tell(filler, text, sizeof text);
}

/* There is no such change of a topic: it was removed, and is another one now. */
static void a_topic_with_fewer_partitions_is_told(void **state)
{
    char anew[] = "made anew", many[] = "more than 256";
    (void)state;
    atomic_store(&topics.partitions[1], 3);
    ese_filler_begin(filler);
    assert_complete();
    assert_true(is_kept(NULL));
    atomic_store(&topics.partitions[1], 2);
    assert_true(ese_test_wait_until(is_refused, anew, WAIT_MS));
    atomic_store(&topics.partitions[1], 300);
    assert_true(ese_test_wait_until(is_refused, many, WAIT_MS));
    atomic_store(&topics.partitions[1], 0); /* nobody tells just now, and nothing has changed */
    assert_true(is_refused(many));
    atomic_store(&topics.partitions[1], 3);
    assert_true(ese_test_wait_until(is_kept, NULL, WAIT_MS));
    ese_filler_stop(filler);
    assert_true(is_kept(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_partition_that_is_lost_is_begun_anew, open_filler, close_filler),
        cmocka_unit_test_setup_teardown(what_could_not_be_begun_anew_is_tried_again, open_filler, close_filler),
        cmocka_unit_test_setup_teardown(what_was_stored_in_a_log_that_is_gone_is_not_waited_for, open_filler,
                                        close_filler),
        cmocka_unit_test_setup_teardown(what_could_not_be_begun_is_tried_again, open_filler, close_filler),
        cmocka_unit_test_setup_teardown(a_topic_with_fewer_partitions_is_told, open_filler, close_filler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
