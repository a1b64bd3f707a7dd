/* The writer that commits for many, over tables of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/group_writer.h"
#include "ese-core/memory.h"
#include "tests/support/wait.h"

/* A table that counts, and does what it is told to. */
struct table {
    pthread_mutex_t gate; /* held by a test: a transaction waits before its commit */
    atomic_bool at_gate;
    atomic_int commits;
    atomic_int appended; /* since the writer was opened */
    atomic_int most;     /* in one transaction */
    atomic_bool closed;
    atomic_bool at_bound;
    atomic_int fails;    /* what the next transactions fail with: 'a' at the append, 'c' at the commit, 'f' for room */
    int in_hand;
    int64_t end;
};

struct fixture {
    struct ese_http_server *server;
    struct ese_metrics *metrics;
    struct ese_group_writer_options options;
    struct table tables[2];
    struct ese_group_writer *writers[2];
    atomic_int committed;
};

struct item {
    struct ese_group_item item; /* the first member */
    _Atomic int result;         /* -1: under way */
};

/* ---- the table ------------------------------------------------------------------------------- */

static int begin(void *context, struct ese_error *error)
{
    struct table *table = context;

    (void)error;
    table->in_hand = 0;
    return 0;
}

static int fail_as_told(struct table *table, char when, struct ese_error *error)
{
    int told = atomic_load(&table->fails);

    if (told == 'f' && when == 'c')
        return ese_fail(error, ESE_E_FULL, "no room");
    return told == when ? ese_fail(error, ESE_E_IO, "as told") : 0;
}

static int commit(void *context, struct ese_error *error)
{
    struct table *table = context;

    if (table->in_hand > 0) {
        atomic_store(&table->at_gate, true);
        pthread_mutex_lock(&table->gate);
        pthread_mutex_unlock(&table->gate);
        if (fail_as_told(table, 'c', error) != 0)
            return -1;
        if (table->in_hand > atomic_load(&table->most))
            atomic_store(&table->most, table->in_hand);
        atomic_fetch_add(&table->commits, 1);
    }
    table->end += table->in_hand;
    atomic_fetch_add(&table->appended, table->in_hand);
    return 0;
}

static void rollback(void *context)
{
    struct table *table = context;

    table->in_hand = 0;
}

static int append(void *context, struct ese_group_item *item, int64_t now_ms, enum ese_append_result *result,
                  struct ese_error *error)
{
    struct table *table = context;

    (void)now_ms;
    if (fail_as_told(table, 'a', error) != 0)
        return -1;
    *result = atomic_load(&table->at_bound) ? ESE_APPEND_AT_BOUND : ESE_APPEND_STORED;
    if (*result == ESE_APPEND_STORED)
        table->in_hand += (int)item->events;
    return 0;
}

static int expire(void *context, int64_t now_ms, int64_t most, int64_t *deleted, struct ese_error *error)
{
    (void)context, (void)now_ms, (void)most, (void)error;
    *deleted = 0;
    return 0;
}

static int probe(void *context, int64_t now_ms, const char **why, struct ese_error *error)
{
    struct table *table = context;

    (void)now_ms, (void)error;
    *why = atomic_load(&table->at_bound) ? "it is full" : NULL;
    return 0;
}

static const char *full(const void *context)
{
    (void)context;
    return "it is full";
}

static int64_t bytes(const void *context)
{
    const struct table *table = context;

    return 1000 + table->end;
}

static int64_t max_bytes(const void *context)
{
    (void)context;
    return 5000;
}

static int64_t end(const void *context)
{
    const struct table *table = context;

    return table->end;
}

static int64_t repeats(const void *context)
{
    (void)context;
    return 0;
}

static void close_table(void *context)
{
    struct table *table = context;

    atomic_store(&table->closed, true);
}

static const struct ese_group_table functions = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .append = append,
    .expire = expire,
    .probe = probe,
    .full = full,
    .used_bytes = bytes,
    .max_bytes = max_bytes,
    .end = end,
    .repeats = repeats,
    .close = close_table,
};

/* ---- the fixture ----------------------------------------------------------------------------- */

static void done(struct ese_group_item *item, enum ese_append_result result)
{
    atomic_store(&((struct item *)item)->result, (int)result);
}

static void committed(void *context)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->committed, 1);
}

static void open_writer(struct fixture *fixture, int number)
{
    struct ese_error error = {0};

    fixture->options.table = &fixture->tables[number];
    if (ese_group_writer_open(&fixture->options, &fixture->writers[number], &error) != 0)
        fail_msg("%s", error.text);
}

static int set_up(void **state)
{
    const struct ese_http_server_options http = {.listen = "127.0.0.1:0"};
    struct fixture *fixture = ese_alloc(sizeof(*fixture));

    assert_int_equal(ese_http_server_open(&http, &fixture->server, NULL), 0);
    assert_int_equal(ese_http_server_start(fixture->server, NULL), 0);
    fixture->metrics = ese_metrics_new();
    for (int i = 0; i < 2; i++)
        pthread_mutex_init(&fixture->tables[i].gate, NULL);
    fixture->options = (struct ese_group_writer_options){.functions = &functions,
                                                         .queue_events = 100,
                                                         .queue_bytes = 1000,
                                                         .group = 1000,
                                                         .server = fixture->server,
                                                         .metrics = fixture->metrics,
                                                         .done = done,
                                                         .committed = committed,
                                                         .context = fixture};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 2; i++)
        ese_group_writer_close(&fixture->writers[i]);
    ese_http_server_close(&fixture->server);
    ese_metrics_free(&fixture->metrics);
    free(fixture);
    return 0;
}

static void hand_over(struct fixture *fixture, int number, struct item *item, int64_t events)
{
    *item = (struct item){.item = {.events = events, .bytes = events}, .result = -1};
    ese_group_writer_append(fixture->writers[number], &item->item);
}

static bool is_answered(void *item)
{
    return atomic_load(&((struct item *)item)->result) >= 0;
}

static void assert_result(struct item *item, enum ese_append_result expected)
{
    assert_true(ese_test_wait_until(is_answered, item, 10000));
    assert_int_equal(atomic_load(&item->result), expected);
}

/* Of one item, the last there is. */
static void assert_stored_as(struct fixture *fixture, enum ese_append_result expected)
{
    struct item item;

    hand_over(fixture, 0, &item, 1);
    ese_group_writer_complete(fixture->writers[0]);
    assert_result(&item, expected);
}

static int64_t gauge(struct fixture *fixture, const char *name)
{
    return ese_metric_value(ese_metrics_gauge(fixture->metrics, name, NULL, ""));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void what_comes_meanwhile_shares_a_commit(void **state)
{
    struct fixture *fixture = *state;
    struct item first, items[40];

    open_writer(fixture, 0);
    pthread_mutex_lock(&fixture->tables[0].gate);
    hand_over(fixture, 0, &first, 1);
    ese_group_writer_complete(fixture->writers[0]);
    for (int i = 0; i < 40; i++)
        hand_over(fixture, 0, &items[i], 1);
    ese_group_writer_complete(fixture->writers[0]);
    pthread_mutex_unlock(&fixture->tables[0].gate);
    assert_result(&first, ESE_APPEND_STORED);
    for (int i = 0; i < 40; i++)
        assert_result(&items[i], ESE_APPEND_STORED);
    assert_true(atomic_load(&fixture->tables[0].commits) <= 3);
    assert_int_equal(atomic_load(&fixture->tables[0].appended), 41);
    assert_int_equal(atomic_load(&fixture->committed), atomic_load(&fixture->tables[0].commits));
}

static void a_commit_takes_no_more_than_a_group(void **state)
{
    struct fixture *fixture = *state;
    struct item items[40];

    fixture->options.group = 7;
    open_writer(fixture, 0);
    for (int i = 0; i < 40; i++)
        hand_over(fixture, 0, &items[i], 1);
    ese_group_writer_complete(fixture->writers[0]);
    for (int i = 0; i < 40; i++)
        assert_result(&items[i], ESE_APPEND_STORED);
    assert_int_equal(atomic_load(&fixture->tables[0].most), 7);
}

static void a_queue_is_bounded_in_events_and_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct item first, large, many, heavy, fits;

    open_writer(fixture, 0);
    pthread_mutex_lock(&fixture->tables[0].gate);
    hand_over(fixture, 0, &first, 1);
    hand_over(fixture, 0, &many, 101);
    assert_result(&many, ESE_APPEND_FULL);
    heavy = (struct item){.item = {.events = 1, .bytes = 1001}, .result = -1};
    ese_group_writer_append(fixture->writers[0], &heavy.item);
    assert_result(&heavy, ESE_APPEND_FULL);
    hand_over(fixture, 0, &large, 99);
    hand_over(fixture, 0, &fits, 1);
    pthread_mutex_unlock(&fixture->tables[0].gate);
    ese_group_writer_complete(fixture->writers[0]);
    assert_result(&first, ESE_APPEND_STORED);
    assert_result(&large, ESE_APPEND_STORED);
}

static bool is_at_gate(void *table)
{
    return atomic_load(&((struct table *)table)->at_gate);
}

static void who_fails_is_told_what_is_known(void **state)
{
    struct fixture *fixture = *state;
    char text[560];

    open_writer(fixture, 0);
    atomic_store(&fixture->tables[0].fails, 'a');
    assert_stored_as(fixture, ESE_APPEND_FAILED);
    assert_false(ese_group_writer_healthy(fixture->writers[0], text, sizeof(text)));
    assert_string_equal(text, "as told");
    atomic_store(&fixture->tables[0].fails, 'c');
    assert_stored_as(fixture, ESE_APPEND_UNKNOWN);
    atomic_store(&fixture->tables[0].fails, 'f');
    assert_stored_as(fixture, ESE_APPEND_NO_ROOM);
    atomic_store(&fixture->tables[0].fails, 0);
    atomic_store(&fixture->tables[0].at_bound, true);
    assert_stored_as(fixture, ESE_APPEND_AT_BOUND);
    assert_false(ese_group_writer_healthy(fixture->writers[0], text, sizeof(text)));
    assert_string_equal(text, "it is full");
    atomic_store(&fixture->tables[0].at_bound, false);
    assert_stored_as(fixture, ESE_APPEND_STORED);
    assert_true(ese_group_writer_healthy(fixture->writers[0], text, sizeof(text)));
}

static void stopping_stores_what_is_queued(void **state)
{
    struct fixture *fixture = *state;
    struct item items[10], late;

    open_writer(fixture, 0);
    for (int i = 0; i < 10; i++)
        hand_over(fixture, 0, &items[i], 1);
    ese_group_writer_stop(fixture->writers[0], 10000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(atomic_load(&items[i].result), ESE_APPEND_STORED);
    hand_over(fixture, 0, &late, 1);
    assert_int_equal(atomic_load(&late.result), ESE_APPEND_FULL);
    assert_false(atomic_load(&fixture->tables[0].closed));
    ese_group_writer_close(&fixture->writers[0]);
    assert_true(atomic_load(&fixture->tables[0].closed));
}

static void the_figures_of_two_add_up(void **state)
{
    struct fixture *fixture = *state;
    struct item items[2];

    open_writer(fixture, 0);
    open_writer(fixture, 1);
    for (int i = 0; i < 2; i++) {
        hand_over(fixture, i, &items[i], 3 + i);
        ese_group_writer_complete(fixture->writers[i]);
        assert_result(&items[i], ESE_APPEND_STORED);
    }
    assert_int_equal(gauge(fixture, "ese_store_max_bytes"), 10000);
    assert_int_equal(gauge(fixture, "ese_store_used_bytes"), 2007);
    assert_int_equal(ese_metric_value(ese_metrics_counter(fixture->metrics, "ese_store_events_total", NULL, "")), 7);
    assert_int_equal(gauge(fixture, "ese_store_queue_events"), 0);
    pthread_mutex_lock(&fixture->tables[0].gate);
    pthread_mutex_lock(&fixture->tables[1].gate);
    struct item held[4];
    for (int i = 0; i < 2; i++) { /* one under way, and one that waits */
        atomic_store(&fixture->tables[i].at_gate, false);
        hand_over(fixture, i, &held[i], 1);
        ese_group_writer_complete(fixture->writers[i]);
        assert_true(ese_test_wait_until(is_at_gate, &fixture->tables[i], 10000));
    }
    for (int i = 0; i < 2; i++)
        hand_over(fixture, i, &held[2 + i], 10);
    assert_true(gauge(fixture, "ese_store_queue_events") >= 20);
    assert_true(gauge(fixture, "ese_store_queue_bytes") >= 20);
    pthread_mutex_unlock(&fixture->tables[0].gate);
    pthread_mutex_unlock(&fixture->tables[1].gate);
    ese_group_writer_close(&fixture->writers[0]);
    assert_int_equal(gauge(fixture, "ese_store_max_bytes"), 5000);
    ese_group_writer_close(&fixture->writers[1]);
    assert_int_equal(gauge(fixture, "ese_store_max_bytes"), 0);
    assert_int_equal(gauge(fixture, "ese_store_used_bytes"), 0);
    assert_int_equal(gauge(fixture, "ese_store_queue_events"), 0);
    assert_int_equal(gauge(fixture, "ese_store_queue_bytes"), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_meanwhile_shares_a_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_takes_no_more_than_a_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_is_bounded_in_events_and_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_fails_is_told_what_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_stores_what_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_figures_of_two_add_up, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
