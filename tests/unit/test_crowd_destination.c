/* One destination of each kind over a transport of the test's own: what each is handed, acknowledges, and where it
 * goes on. They live once, together; each test looks at what that has left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/crowd/destination.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

enum { EVENTS = 60, BATCH = 5, AFTER = 20, FOR_MS = 400, WAIT_MS = 60, PATIENCE_MS = 30000 };
enum { GONE_ON = ESE_CROWD_KINDS, CROWD }; /* the last is healthy, and had come to BEGUN before */
#define BEGUN 30

/* What the transport knows of each, by its number. */
static atomic_int opened[CROWD], acknowledged[CROWD];

struct ese_consumer {
    struct ese_consume_listener listener;
    int who;
    bool given;
    int64_t position;
    struct ese_record records[BATCH];
};

static int open_consumer(const struct ese_config *config, const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    (void)config;
    (void)error;
    *consumer = ese_alloc(sizeof **consumer);
    (*consumer)->listener = settings->listener;
    (*consumer)->who = (int)strtol(strrchr(settings->group, '-') + 1, NULL, 10) - 1;
    atomic_fetch_add(&opened[(*consumer)->who], 1);
    return 0;
}

static int next(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch, struct ese_error *error)
{
    (void)error;
    if (!consumer->given) {
        int64_t from = consumer->listener.given(consumer->listener.context, 0);
        consumer->position = from == ESE_OFFSET_EARLIEST ? 0 : from;
        consumer->given = true;
    }
    *batch = (struct ese_batch){.records = consumer->records};
    for (; batch->count < BATCH && consumer->position < EVENTS; consumer->position++) {
        struct ese_record *record = &consumer->records[batch->count++];
        const struct ese_id_parts parts = {.time_ms = 1767225600000, .lane = 1, .run = 7,
                                           .sequence = (uint32_t)consumer->position};
        *record = (struct ese_record){.event.id = ese_id_make(&parts), .offset = consumer->position,
                                      .next = consumer->position + 1};
    }
    batch->at_end = consumer->position == EVENTS;
    if (batch->count == 0)
        ese_clock_sleep_until(ese_clock_monotonic_ns() + (timeout_ms < 5 ? timeout_ms : 5) * ESE_NS_PER_MS);
    return 0;
}

static void acknowledge(struct ese_consumer *consumer, int32_t partition, int64_t next_one)
{
    assert_int_equal(partition, 0);
    atomic_store(&acknowledged[consumer->who], (int)next_one);
}

static void close_consumer(struct ese_consumer **consumer)
{
    if (*consumer == NULL)
        return;
    if ((*consumer)->given)
        (*consumer)->listener.taken((*consumer)->listener.context, 0);
    free(*consumer);
    *consumer = NULL;
}

static const struct ese_consume_face face = {
    .open = open_consumer, .next = next, .acknowledge = acknowledge, .close = close_consumer};
static const struct ese_transport transport = {
    .name = "pigeon", .promises = {.positions_survive = true}, .consume = &face};

/* ---- what stands in the history -------------------------------------------------------------- */

struct seen {
    int handed, again, committed, given, taken;
    int64_t first_from, last_from; /* as it was given */
    int64_t longest_gap_ns;        /* from TAKEN to GIVEN */
    int64_t shortest_wait_ns;      /* from HANDED to COMMITTED */
    int64_t taken_ns, handed_ns;
    int64_t next; /* behind what was committed */
    bool is_marked[EVENTS];
};

static void take_handed(struct seen *seen, const struct ese_history_record *record)
{
    seen->handed++;
    seen->again += seen->is_marked[record->a];
    seen->is_marked[record->a] = true;
    seen->handed_ns = record->time_ns;
}

static void take_given(struct seen *seen, const struct ese_history_record *record)
{
    int64_t gap_ns = seen->taken_ns == 0 ? 0 : record->time_ns - seen->taken_ns;
    if (seen->given++ == 0)
        seen->first_from = record->a;
    else
        assert_int_equal(record->a, seen->next); /* where it stood */
    seen->last_from = record->a;
    seen->longest_gap_ns = gap_ns > seen->longest_gap_ns ? gap_ns : seen->longest_gap_ns;
}

static void take_committed(struct seen *seen, const struct ese_history_record *record)
{
    int64_t wait_ns = record->time_ns - seen->handed_ns;
    seen->committed++;
    seen->next = record->a;
    seen->shortest_wait_ns = wait_ns < seen->shortest_wait_ns ? wait_ns : seen->shortest_wait_ns;
}

static struct seen seen[CROWD];

static void read_history(const char *path)
{
    struct ese_history_reader *reader;
    struct ese_history_record record;
    struct ese_error error;
    for (int i = 0; i < CROWD; i++)
        seen[i] = (struct seen){.shortest_wait_ns = INT64_MAX};
    assert_int_equal(ese_history_read_open(path, &reader, &error), 0);
    while (ese_history_read_next(reader, &record, &error) == 1) {
        int64_t number = record.kind == ESE_HISTORY_HANDED ? record.b : record.aux;
        assert_in_range(number, 1, CROWD);
        struct seen *of = &seen[number - 1];
        if (record.kind == ESE_HISTORY_HANDED)
            take_handed(of, &record);
        else if (record.kind == ESE_HISTORY_GIVEN)
            take_given(of, &record);
        else if (record.kind == ESE_HISTORY_COMMITTED)
            take_committed(of, &record);
        else if (record.kind == ESE_HISTORY_TAKEN && of->taken++ >= 0)
            of->taken_ns = record.time_ns;
    }
    ese_history_read_close(&reader);
}

/* ---- the crowd ------------------------------------------------------------------------------- */

static bool is_done(void *context)
{
    struct ese_crowd_destination **destinations = context;
    for (int i = 0; i < CROWD; i++) {
        bool hangs = i == ESE_CROWD_HUNG;
        if (ese_crowd_destination_at_end_ns(destinations[i]) == 0 || !ese_crowd_destination_is_given(destinations[i]) ||
            atomic_load(&acknowledged[i]) < (hangs ? AFTER - BATCH : EVENTS))
            return false;
    }
    return true;
}

static struct ese_crowd_way way_of(int who)
{
    return (struct ese_crowd_way){
        .kind = who == GONE_ON ? ESE_CROWD_HEALTHY : (enum ese_crowd_kind)who,
        .after = who == ESE_CROWD_SLOW ? 1 : AFTER,
        .for_ms = who == ESE_CROWD_FAILING || who == ESE_CROWD_AWAY ? FOR_MS : 0,
        .wait_ms = WAIT_MS,
    };
}

static struct ese_crowd_places places_of(int who)
{
    const struct ese_record record = {.next = BEGUN};
    const struct ese_batch batch = {.records = &record, .count = 1};
    struct ese_crowd_places places = {0};
    if (who == GONE_ON)
        ese_crowd_places_pass(&places, &batch);
    return places;
}

static int64_t hungs_end_ns;

static int live(void **state)
{
    char *directory = ese_test_directory_make(), *path = ese_test_path(directory, "crowd.history");
    const struct ese_history_options options = {.path = path, .party = "ese-crowd", .transport = "x", .limit = 1 << 22};
    struct ese_crowd_setting setting = {.transport = &transport, .group = "test"};
    struct ese_crowd_destination *destinations[CROWD];
    struct ese_error error;
    (void)state;
    assert_int_equal(ese_history_open(&options, &setting.history, &error), 0);
    for (int i = 0; i < CROWD; i++) {
        struct ese_crowd_way way = way_of(i);
        struct ese_crowd_places places = places_of(i);
        assert_int_equal(ese_crowd_destination_open(&setting, i + 1, &way, &places, &destinations[i], &error), 0);
    }
    assert_true(ese_test_wait_until(is_done, destinations, PATIENCE_MS));
    hungs_end_ns = ese_crowd_destination_at_end_ns(destinations[ESE_CROWD_HUNG]);
    ese_service_stop();
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(ese_crowd_destination_close(&destinations[i], &error), 0);
    ese_history_close(&setting.history);
    read_history(path);
    free(path);
    ese_test_directory_remove(&directory);
    return 0;
}

/* ---- and what that was ----------------------------------------------------------------------- */

static void the_healthy_are_handed_all_of_it_once(void **state)
{
    const struct seen *healthy = &seen[ESE_CROWD_HEALTHY];
    (void)state;
    assert_int_equal(healthy->handed, EVENTS);
    assert_int_equal(healthy->again, 0);
    assert_int_equal(healthy->committed, EVENTS / BATCH);
    assert_int_equal(healthy->given, 1);
    assert_int_equal(healthy->taken, 1);
    assert_int_equal(healthy->first_from, ESE_OFFSET_EARLIEST);
    assert_int_equal(healthy->next, EVENTS);
    assert_int_equal(atomic_load(&acknowledged[ESE_CROWD_HEALTHY]), EVENTS);
}

static void the_slow_wait_before_each_acknowledgement(void **state)
{
    const struct seen *slow = &seen[ESE_CROWD_SLOW];
    (void)state;
    assert_int_equal(slow->committed, EVENTS / BATCH);
    assert_true(slow->shortest_wait_ns >= WAIT_MS * ESE_NS_PER_MS);
    assert_int_equal(slow->again, 0);
    assert_int_equal(atomic_load(&opened[ESE_CROWD_SLOW]), 1);
}

/* What it was handed when it began to fail is handed again and again, and nothing of it is acknowledged meanwhile. */
static void who_fails_is_handed_the_same_again(void **state)
{
    const struct seen *failing = &seen[ESE_CROWD_FAILING];
    (void)state;
    assert_true(atomic_load(&opened[ESE_CROWD_FAILING]) > 2);
    assert_int_equal(failing->given, atomic_load(&opened[ESE_CROWD_FAILING]));
    assert_int_equal(failing->last_from, AFTER - BATCH);
    assert_int_equal(failing->again, BATCH * (failing->given - 1));
    assert_int_equal(failing->next, EVENTS); /* and then it is well */
    assert_int_equal(failing->committed, EVENTS / BATCH);
}

static void who_is_away_comes_back_to_where_it_stood(void **state)
{
    const struct seen *away = &seen[ESE_CROWD_AWAY];
    (void)state;
    assert_int_equal(atomic_load(&opened[ESE_CROWD_AWAY]), 2);
    assert_int_equal(away->given, 2);
    assert_int_equal(away->last_from, AFTER - BATCH);
    assert_true(away->longest_gap_ns >= FOR_MS * ESE_NS_PER_MS);
    assert_int_equal(away->again, BATCH);
    assert_int_equal(away->next, EVENTS);
}

static void who_hangs_acknowledges_nothing_more_and_is_not_waited_for(void **state)
{
    const struct seen *hung = &seen[ESE_CROWD_HUNG];
    (void)state;
    assert_int_equal(atomic_load(&opened[ESE_CROWD_HUNG]), 1);
    assert_int_equal(hung->handed, AFTER);
    assert_int_equal(hung->next, AFTER - BATCH);
    assert_int_equal(atomic_load(&acknowledged[ESE_CROWD_HUNG]), AFTER - BATCH);
    assert_true(hungs_end_ns == INT64_MAX);
}

static void who_had_come_far_goes_on_from_there(void **state)
{
    (void)state;
    assert_int_equal(seen[GONE_ON].first_from, BEGUN);
    assert_int_equal(seen[GONE_ON].handed, EVENTS - BEGUN);
    assert_int_equal(seen[GONE_ON].next, EVENTS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_healthy_are_handed_all_of_it_once),
        cmocka_unit_test(the_slow_wait_before_each_acknowledgement),
        cmocka_unit_test(who_fails_is_handed_the_same_again),
        cmocka_unit_test(who_is_away_comes_back_to_where_it_stood),
        cmocka_unit_test(who_hangs_acknowledges_nothing_more_and_is_not_waited_for),
        cmocka_unit_test(who_had_come_far_goes_on_from_there),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, live, NULL);
}
