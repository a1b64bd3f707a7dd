/* The gateway alone: an outlet that only notes what is put, and answers that are only noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "ese-core/memory.h"
#include "tests/support/append.h"
#include "transports/kafka/gateway.h"

#define NO_ANSWER (-1)
#define MOST_PUT 1024
#define MOST_IN_FLIGHT 10
#define REASON "Local: Message timed out"

/* ---- what stands in for the outlet and the intake ------------------------------------------ */

static struct {
    void *token;
    struct ese_id id;
} put[MOST_PUT];
static atomic_int put_count;
static int puts_before_full; /* -1: never full */

int ese_outlet_put(struct ese_outlet *outlet, const struct ese_event *event, void *token,
                   struct ese_error *error)
{
    (void)outlet;
    if (puts_before_full == 0)
        return ese_fail(error, ESE_E_FULL, "full");
    puts_before_full--;
    int index = atomic_load(&put_count);
    put[index].token = token;
    put[index].id = event->id;
    atomic_store(&put_count, index + 1); /* now another thread may look */
    return 0;
}

/* The intake would answer and free; the test wants to look first. */
static struct ese_append *answered[MOST_PUT];
static enum ese_append_result results[MOST_PUT];
static int answered_count;
static pthread_mutex_t answering = PTHREAD_MUTEX_INITIALIZER;

void ese_append_done(struct ese_append *append, enum ese_append_result result)
{
    pthread_mutex_lock(&answering);
    answered[answered_count] = append;
    results[answered_count++] = result;
    pthread_mutex_unlock(&answering);
}

static int result_of(const struct ese_append *append)
{
    for (int i = 0; i < answered_count; i++) {
        if (answered[i] == append)
            return (int)results[i];
    }
    return NO_ANSWER;
}

static void free_append(struct ese_append **append)
{
    for (int i = 0; i < answered_count; i++) {
        if (answered[i] == *append)
            answered[i] = NULL; /* its address may come again */
    }
    ese_test_append_clear(*append);
    free(*append);
    *append = NULL;
}

/* ---- the scene ----------------------------------------------------------------------------- */

static struct ese_gateway *gateway;
static struct ese_metrics *metrics;
static bool is_reachable;

static bool reachable(void *context, char *text, size_t size)
{
    (void)context;
    if (!is_reachable)
        snprintf(text, size, "nobody there, look");
    return is_reachable;
}

static void open_gateway_keeping(int64_t most_kept, int64_t most_whole)
{
    const struct ese_gateway_options options = {.most_in_flight = MOST_IN_FLIGHT,
                                                .keep_ms = 600000,
                                                .most_kept = most_kept,
                                                .most_whole = most_whole,
                                                .metrics = metrics,
                                                .reachable = reachable};
    ese_gateway_free(&gateway);
    gateway = ese_gateway_new(&options);
}

static void open_gateway(int64_t most_kept)
{
    open_gateway_keeping(most_kept, most_kept);
}

static int set_up(void **state)
{
    (void)state;
    put_count = 0;
    puts_before_full = -1;
    answered_count = 0;
    is_reachable = true;
    metrics = ese_metrics_new();
    open_gateway(1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ese_gateway_free(&gateway);
    ese_metrics_free(&metrics);
    return 0;
}

static struct ese_event an_event(uint32_t sequence)
{
    struct ese_event event = {.type = ESE_TYPE_CLICK, .sub_type = "KEY_PRESS_EVENT",
                              .ip = "10.0.0.1", .key = "10.0.0.1", .client_ts = 1000};
    const struct ese_id_parts parts = {.time_ms = 1000, .lane = 1, .run = 2, .sequence = sequence};
    event.id = ese_id_make(&parts);
    return event;
}

/* A request of `count` events with sequences from `first` on. */
static struct ese_append *request(uint32_t first, size_t count, const char *key)
{
    struct ese_append *append = ese_alloc(sizeof *append);
    append->list.events = ese_alloc_array(count, sizeof *append->list.events);
    append->list.count = count;
    append->many = count != 1;
    append->content_hash = 4711;
    snprintf(append->idempotency_key, sizeof append->idempotency_key, "%s", key);
    for (size_t i = 0; i < count; i++)
        append->list.events[i] = an_event(first + (uint32_t)i);
    return append;
}

static void give(struct ese_append *append)
{
    ese_test_note_contents(append);
    ese_gateway_append(gateway, append);
}

static void note(int index, enum ese_delivery_result result, int64_t timestamp_ms)
{
    const struct ese_delivery_report delivered = {.token = put[index].token,
                                                  .result = result,
                                                  .timestamp_ms = timestamp_ms,
                                                  .reason = REASON};
    ese_gateway_delivered(gateway, &delivered);
}

static void report(int index, enum ese_delivery_result result, int64_t timestamp_ms)
{
    note(index, result, timestamp_ms);
    ese_gateway_answer(gateway);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void answers_when_all_is_acknowledged(void **state)
{
    (void)state;
    struct ese_append *batch = request(0, 3, "");
    give(batch);
    assert_int_equal(put_count, 3);
    report(0, ESE_DELIVERED, 5000);
    report(1, ESE_DELIVERED, 5001);
    assert_int_equal(result_of(batch), NO_ANSWER);
    report(2, ESE_DELIVERED, 5002);
    assert_int_equal(result_of(batch), ESE_APPEND_STORED);
    assert_int_equal(batch->list.events[1].server_ts, 5001);
    assert_int_equal(ese_gateway_in_flight(gateway), 0);
    free_append(&batch);
}

static void reports_of_a_batch_are_answered_together(void **state)
{
    (void)state;
    struct ese_append *appends[] = {request(0, 1, ""), request(1, 1, "")};
    for (int i = 0; i < 2; i++)
        give(appends[i]);
    for (int i = 0; i < 2; i++)
        note(i, ESE_DELIVERED, 5000);
    assert_int_equal(answered_count, 0);
    ese_gateway_answer(gateway);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(result_of(appends[i]), ESE_APPEND_STORED);
        free_append(&appends[i]);
    }
}

static void a_retry_is_answered_as_before(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, ""), *again = request(0, 1, "");
    give(first);
    report(0, ESE_DELIVERED, 5000);
    give(again);
    assert_int_equal(put_count, 1);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    assert_int_equal(again->list.events[0].server_ts, 5000);
    free_append(&first);
    free_append(&again);
}

static void a_retry_waits_for_the_first(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, ""), *again = request(0, 1, "");
    give(first);
    give(again);
    assert_int_equal(put_count, 1);
    assert_int_equal(result_of(again), NO_ANSWER);
    report(0, ESE_DELIVERED, 5000);
    assert_int_equal(result_of(first), ESE_APPEND_STORED);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    assert_int_equal(again->list.events[0].server_ts, 5000);
    free_append(&first);
    free_append(&again);
}

static void another_content_is_a_conflict(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, ""), *other = request(0, 1, "");
    struct ese_append *batch = request(5, 2, "");
    snprintf(other->list.events[0].ip, sizeof other->list.events[0].ip, "10.9.9.9");
    give(first);
    give(other);
    assert_int_equal(result_of(other), ESE_APPEND_CONFLICT);
    /* one bad event, and nothing of its batch is produced or remembered */
    batch->list.events[1] = other->list.events[0];
    give(batch);
    assert_int_equal(result_of(batch), ESE_APPEND_CONFLICT);
    assert_int_equal(put_count, 1);
    struct ese_append *free_again = request(5, 1, "");
    give(free_again);
    assert_int_equal(put_count, 2);
    report(0, ESE_DELIVERED, 1);
    report(1, ESE_DELIVERED, 1);
    free_append(&first);
    free_append(&other);
    free_append(&batch);
    free_append(&free_again);
}

static void an_unknown_outcome_is_produced_again(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, ""), *again = request(0, 1, "");
    give(first);
    report(0, ESE_DELIVERY_UNKNOWN, -1);
    assert_int_equal(result_of(first), ESE_APPEND_UNKNOWN);
    give(again);
    assert_int_equal(put_count, 2);
    assert_true(ese_id_equal(&put[0].id, &put[1].id));
    struct ese_metric *counted = ese_metrics_counter(metrics, "ese_produced_again_total", NULL, "");
    assert_int_equal(ese_metric_value(counted), 1);
    report(1, ESE_DELIVERED, 6000);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    free_append(&first);
    free_append(&again);
}

/* Once unknown, it is never again certainly not stored. */
static void a_failed_retry_of_an_unknown_stays_unknown(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, "");
    struct ese_append *again = request(0, 1, "");
    struct ese_append *third = request(0, 1, "");
    give(first);
    report(0, ESE_DELIVERY_UNKNOWN, -1);
    give(again);
    report(1, ESE_DELIVERY_NOT_SENT, -1);
    assert_int_equal(result_of(again), ESE_APPEND_UNKNOWN);
    is_reachable = false;
    give(third);
    assert_int_equal(result_of(third), ESE_APPEND_UNKNOWN);
    free_append(&first);
    free_append(&again);
    free_append(&third);
}

static void what_certainly_failed_is_forgotten(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, "");
    struct ese_append *again = request(0, 1, "");
    struct ese_append *third = request(0, 1, "");
    give(first);
    report(0, ESE_DELIVERY_NOT_SENT, -1);
    assert_int_equal(result_of(first), ESE_APPEND_FULL);
    assert_non_null(strstr(first->why, REASON));
    give(again);
    assert_int_equal(put_count, 2);
    report(1, ESE_DELIVERY_REFUSED, -1);
    assert_int_equal(result_of(again), ESE_APPEND_FAILED);
    assert_non_null(strstr(again->why, REASON));
    give(third);
    assert_int_equal(put_count, 3);
    report(2, ESE_DELIVERED, 1);
    free_append(&first);
    free_append(&again);
    free_append(&third);
}

static void a_batch_that_was_stored_in_part_is_unknown_and_goes_on(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 3, ""), *again = request(0, 3, "");
    give(first);
    report(0, ESE_DELIVERED, 5000);
    report(1, ESE_DELIVERY_NOT_SENT, -1);
    report(2, ESE_DELIVERY_UNKNOWN, -1);
    assert_int_equal(result_of(first), ESE_APPEND_UNKNOWN);
    give(again);
    assert_int_equal(put_count, 5); /* not the one that is stored */
    report(3, ESE_DELIVERED, 6000);
    report(4, ESE_DELIVERED, 6001);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    assert_int_equal(again->list.events[0].server_ts, 5000);
    assert_int_equal(again->list.events[2].server_ts, 6001);
    free_append(&first);
    free_append(&again);
}

static void one_id_twice_in_a_batch_is_stored_once(void **state)
{
    (void)state;
    struct ese_append *batch = request(0, 2, "");
    batch->list.events[1].id = batch->list.events[0].id;
    give(batch);
    assert_int_equal(put_count, 1);
    report(0, ESE_DELIVERED, 5000);
    assert_int_equal(result_of(batch), ESE_APPEND_STORED);
    assert_int_equal(batch->list.events[1].server_ts, 5000);
    free_append(&batch);

    puts_before_full = 0; /* and when it cannot go out, both have failed */
    batch = request(7, 2, "");
    batch->list.events[1].id = batch->list.events[0].id;
    give(batch);
    assert_int_equal(result_of(batch), ESE_APPEND_FULL);
    free_append(&batch);
}

static void bounds_are_refusals(void **state)
{
    (void)state;
    struct ese_append *most = request(0, 9, "");
    struct ese_append *beyond = request(20, 2, "");
    struct ese_append *fits = request(30, 1, "");
    give(most);
    give(beyond);
    assert_int_equal(result_of(beyond), ESE_APPEND_FULL);
    assert_non_null(strstr(beyond->why, "9 events"));
    assert_non_null(strstr(beyond->why, "--queue-events 10"));
    give(fits);
    assert_int_equal(put_count, 10);
    for (int i = 0; i < 10; i++)
        report(i, ESE_DELIVERED, 1);
    free_append(&most);
    free_append(&beyond);
    free_append(&fits);

    open_gateway(3);
    put_count = 0;
    struct ese_append *too_many_names = request(0, 4, ""), *enough = request(0, 3, "");
    give(too_many_names);
    assert_int_equal(result_of(too_many_names), ESE_APPEND_FULL);
    assert_non_null(strstr(too_many_names->why, "--window-events 3"));
    give(enough);
    assert_int_equal(put_count, 3);
    for (int i = 0; i < 3; i++)
        report(i, ESE_DELIVERED, 1);
    free_append(&too_many_names);
    free_append(&enough);
}

static void a_cluster_that_is_away_refuses_only_what_is_new(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, "");
    struct ese_append *again = request(0, 1, "");
    struct ese_append *new = request(1, 1, "");
    give(first);
    report(0, ESE_DELIVERED, 5000);
    is_reachable = false;
    give(again);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    give(new);
    assert_int_equal(result_of(new), ESE_APPEND_FULL);
    assert_string_equal(new->why, "nobody there, look");
    assert_int_equal(put_count, 1);
    free_append(&first);
    free_append(&again);
    free_append(&new);
}

/* "Nothing was stored" is true of all of a request, or it is not said. */
static void what_was_begun_is_never_certainly_absent(void **state)
{
    (void)state;
    struct ese_append *stored = request(0, 1, ""), *under_way = request(1, 1, "");
    struct ese_append *with_stored = request(0, 1, ""), *with_both = request(0, 3, "k");
    give(stored);
    report(0, ESE_DELIVERED, 5000);
    give(under_way);
    is_reachable = false;
    give(with_both);
    assert_int_equal(result_of(with_both), ESE_APPEND_UNKNOWN);
    give(with_stored); /* answered, not refused: nothing is to be produced */
    assert_int_equal(result_of(with_stored), ESE_APPEND_STORED);
    report(1, ESE_DELIVERED, 5001);
    free_append(&stored);
    free_append(&under_way);
    free_append(&with_stored);
    free_append(&with_both);

    open_gateway(1); /* no room for a key, or for a second name */
    is_reachable = true;
    put_count = 0;
    stored = request(0, 1, "");
    give(stored);
    report(0, ESE_DELIVERED, 5000);
    struct ese_append *beside_new = request(0, 2, ""), *keyed = request(0, 1, "k");
    struct ese_append *alone = request(5, 1, "");
    give(beside_new);
    assert_int_equal(result_of(beside_new), ESE_APPEND_UNKNOWN);
    give(keyed);
    assert_int_equal(result_of(keyed), ESE_APPEND_UNKNOWN);
    give(alone);
    assert_int_equal(result_of(alone), ESE_APPEND_FULL);
    free_append(&stored);
    free_append(&beside_new);
    free_append(&keyed);
    free_append(&alone);
}

/* An Idempotency-Key with events that have no ids of the client's: each attempt brings new ones. */
static void a_key_is_answered_as_before(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 2, "k");
    struct ese_append *waits = request(10, 2, "k");
    struct ese_append *again = request(20, 2, "k");
    struct ese_append *other = request(30, 2, "k");
    struct ese_id id = first->list.events[1].id;
    other->content_hash = 4712;
    give(first);
    give(waits);
    give(other);
    assert_int_equal(result_of(other), ESE_APPEND_CONFLICT);
    assert_int_equal(result_of(waits), NO_ANSWER);
    report(0, ESE_DELIVERED, 5000);
    report(1, ESE_DELIVERED, 5001);
    assert_int_equal(result_of(waits), ESE_APPEND_STORED);
    give(again);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    assert_int_equal(put_count, 2);
    assert_true(ese_id_equal(&again->list.events[1].id, &id));
    assert_int_equal(again->list.events[1].server_ts, 5001);
    assert_true(ese_id_equal(&waits->list.events[1].id, &id));
    free_append(&first);
    free_append(&waits);
    free_append(&again);
    free_append(&other);
}

static void a_key_of_unknown_outcome_keeps_its_ids(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 2, "k"), *again = request(10, 2, "k");
    struct ese_id id = first->list.events[1].id;
    give(first);
    report(0, ESE_DELIVERED, 5000);
    report(1, ESE_DELIVERY_UNKNOWN, -1);
    assert_int_equal(result_of(first), ESE_APPEND_UNKNOWN);
    give(again);
    assert_int_equal(put_count, 3);
    assert_true(ese_id_equal(&put[2].id, &id));
    report(2, ESE_DELIVERED, 6000);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    assert_int_equal(again->list.events[0].server_ts, 5000);
    free_append(&first);
    free_append(&again);
}

static void a_key_whose_request_failed_is_free_again(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, "k"), *again = request(10, 1, "k");
    is_reachable = false;
    give(first);
    assert_int_equal(result_of(first), ESE_APPEND_FULL);
    is_reachable = true;
    again->content_hash = 4712;
    give(again);
    assert_int_equal(put_count, 1);
    report(0, ESE_DELIVERED, 1);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    free_append(&first);
    free_append(&again);
}

static void a_foreign_id_gets_the_id_it_had(void **state)
{
    (void)state;
    struct ese_append *first = request(0, 1, ""), *again = request(1, 1, "");
    struct ese_append *requests[] = {first, again};
    for (int i = 0; i < 2; i++) {
        snprintf(requests[i]->list.events[0].source, ESE_EVENT_SOURCE_SIZE, "shop");
        snprintf(requests[i]->list.events[0].foreign_id, ESE_EVENT_FOREIGN_ID_SIZE, "7");
    }
    give(first);
    report(0, ESE_DELIVERED, 5000);
    give(again);
    assert_int_equal(put_count, 1);
    assert_true(ese_id_equal(&again->list.events[0].id, &first->list.events[0].id));
    free_append(&first);
    free_append(&again);
}

/* Of its first `count` events all but 2, which is refused, and 3, of which nothing is known. */
static void store_but_two(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ese_append *append = request(i, 1, "");
        give(append);
        report((int)i, i == 2 ? ESE_DELIVERY_REFUSED : i == 3 ? ESE_DELIVERY_UNKNOWN : ESE_DELIVERED, 5000);
        free_append(&append);
    }
    assert_int_equal(put_count, (int)count);
}

static void what_was_stored_long_ago_is_answered_and_stored_once(void **state)
{
    (void)state;
    open_gateway_keeping(20, 5);
    store_but_two(100); /* far more than there is room for */
    struct ese_append *old = request(50, 1, ""), *young = request(99, 1, ""), *both = request(94, 7, "");
    give(old);
    give(young);
    assert_int_equal(result_of(old), ESE_APPEND_STORED);
    assert_int_equal(old->list.events[0].server_ts, 0); /* not known any more */
    assert_int_equal(result_of(young), ESE_APPEND_STORED);
    assert_int_equal(young->list.events[0].server_ts, 5000);
    assert_int_equal(put_count, 100);
    give(both);
    assert_int_equal(put_count, 101); /* the last of them alone is new */
    report(100, ESE_DELIVERED, 6000);
    assert_int_equal(result_of(both), ESE_APPEND_STORED);
    assert_int_equal(both->list.events[6].server_ts, 6000);
    free_append(&old);
    free_append(&young);
    free_append(&both);
}

/* Neither what was refused nor what ended unknown is taken for stored because its neighbours are. */
static void a_gap_among_what_was_stored_long_ago_is_produced(void **state)
{
    (void)state;
    open_gateway_keeping(20, 5);
    store_but_two(100);
    struct ese_append *refused = request(2, 1, ""), *unknown = request(3, 1, ""), *again = request(2, 2, "");
    give(refused);
    give(unknown);
    assert_int_equal(put_count, 102);
    report(100, ESE_DELIVERED, 6000);
    report(101, ESE_DELIVERED, 6001);
    assert_int_equal(result_of(refused), ESE_APPEND_STORED);
    assert_int_equal(result_of(unknown), ESE_APPEND_STORED);
    give(again);
    assert_int_equal(put_count, 102);
    assert_int_equal(result_of(again), ESE_APPEND_STORED);
    free_append(&refused);
    free_append(&unknown);
    free_append(&again);
}

static void what_was_stored_long_ago_is_never_certainly_absent(void **state)
{
    (void)state;
    open_gateway_keeping(20, 5);
    store_but_two(100);
    is_reachable = false;
    struct ese_append *with_new = request(50, 1, ""), *new = request(200, 1, "");
    with_new->list.events = ese_realloc_array(with_new->list.events, 2, sizeof *with_new->list.events);
    with_new->list.events[1] = an_event(201);
    with_new->list.count = 2;
    give(with_new);
    give(new);
    assert_int_equal(result_of(with_new), ESE_APPEND_UNKNOWN);
    assert_int_equal(result_of(new), ESE_APPEND_FULL);
    free_append(&with_new);
    free_append(&new);
}

static void an_empty_batch_is_stored(void **state)
{
    (void)state;
    struct ese_append *empty = request(0, 0, "");
    give(empty);
    assert_int_equal(result_of(empty), ESE_APPEND_STORED);
    free_append(&empty);
}

/* ---- two threads ----------------------------------------------------------------------------- */

static void *deliver_everything(void *context)
{
    int *expected = context;
    for (int index = 0; index < *expected; index++) {
        while (index >= atomic_load(&put_count))
            sched_yield();
        report(index, index % 3 == 0 ? ESE_DELIVERY_NOT_SENT : ESE_DELIVERED, 5000 + index);
    }
    return NULL;
}

/* Requests come on one thread, their outcomes on another: each is answered exactly once. */
static void outcomes_may_come_while_requests_do(void **state)
{
    (void)state;
    pthread_t reporter;
    int expected = 1000;
    struct ese_append *appends[1000];
    assert_int_equal(pthread_create(&reporter, NULL, deliver_everything, &expected), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        while (ese_gateway_in_flight(gateway) == MOST_IN_FLIGHT)
            sched_yield();
        appends[i] = request(i, 1, "");
        give(appends[i]);
    }
    pthread_join(reporter, NULL);
    assert_int_equal(answered_count, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(result_of(appends[i]), i % 3 == 0 ? ESE_APPEND_FULL : ESE_APPEND_STORED);
        free_append(&appends[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_when_all_is_acknowledged),
        TEST(reports_of_a_batch_are_answered_together),
        TEST(a_retry_is_answered_as_before),
        TEST(a_retry_waits_for_the_first),
        TEST(another_content_is_a_conflict),
        TEST(an_unknown_outcome_is_produced_again),
        TEST(a_failed_retry_of_an_unknown_stays_unknown),
        TEST(what_certainly_failed_is_forgotten),
        TEST(a_batch_that_was_stored_in_part_is_unknown_and_goes_on),
        TEST(one_id_twice_in_a_batch_is_stored_once),
        TEST(bounds_are_refusals),
        TEST(a_cluster_that_is_away_refuses_only_what_is_new),
        TEST(what_was_begun_is_never_certainly_absent),
        TEST(a_key_is_answered_as_before),
        TEST(a_key_of_unknown_outcome_keeps_its_ids),
        TEST(a_key_whose_request_failed_is_free_again),
        TEST(a_foreign_id_gets_the_id_it_had),
        TEST(what_was_stored_long_ago_is_answered_and_stored_once),
        TEST(a_gap_among_what_was_stored_long_ago_is_produced),
        TEST(what_was_stored_long_ago_is_never_certainly_absent),
        TEST(an_empty_batch_is_stored),
        TEST(outcomes_may_come_while_requests_do),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
