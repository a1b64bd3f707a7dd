/* What is kept of the topics: without gaps, within its bytes, and in which order it is listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/kafka/view.h"

#define A 1
#define B 65536

static struct ese_error error;

static int set_up(void **state)
{
    *state = ese_view_new(ESE_VIEW_LEAST_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    ese_view_free((struct ese_view **)state);
    return 0;
}

static bool begin(struct ese_view *view, int32_t partition, int64_t offset)
{
    const struct ese_view_part part = {partition, offset, offset};
    return ese_view_begin(view, &part, 1);
}

/* client_ts tells which one it is. */
static void add(struct ese_view *view, int32_t partition, int64_t offset, const char *ip,
                int64_t server_ts, int64_t client_ts)
{
    struct ese_event event = {.type = ESE_TYPE_CLICK, .sub_type = "KEY_PRESS_EVENT",
                              .client_ts = client_ts, .server_ts = server_ts};
    snprintf(event.ip, sizeof event.ip, "%s", ip);
    ese_view_add(view, partition, offset, &event);
}

/* ---- reading ------------------------------------------------------------------------------- */

struct seen {
    int64_t offsets[64];
    int count, most;
    struct ese_event last;
};

static bool see(void *context, const struct ese_event *event, int64_t offset)
{
    struct seen *seen = context;
    assert_in_range(seen->count, 0, ESE_COUNT_OF(seen->offsets) - 1);
    seen->offsets[seen->count++] = offset;
    ese_event_copy(&seen->last, event);
    return seen->count < seen->most;
}

static int64_t read_from(struct ese_view *view, int32_t partition, int64_t offset, int most,
                         struct seen *seen)
{
    ese_event_clear(&seen->last);
    *seen = (struct seen){.most = most};
    return ese_view_read(view, partition, offset, see, seen);
}

static void an_event_comes_out_as_it_went_in(void **state)
{
    struct ese_view *view = *state;
    struct ese_event event = {.type = ESE_TYPE_ORDER, .sub_type = "ORDER_CREATED",
                              .ip = "10.0.0.1", .client_ts = 5, .server_ts = 6,
                              .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                              .data = ese_copy_text("{\"orderId\":\"o-1\"}")};
    const struct ese_id_parts parts = {.time_ms = 5, .lane = 7, .run = 99, .sequence = 5};
    struct seen seen = {0};
    event.id = ese_id_make(&parts);
    assert_true(begin(view, A, 40));
    ese_view_add(view, A, 40, &event);
    assert_int_equal(read_from(view, A, 40, 9, &seen), 41);
    assert_int_equal(seen.count, 1);
    assert_true(ese_id_equal(&seen.last.id, &event.id));
    assert_string_equal(seen.last.type, ESE_TYPE_ORDER);
    assert_string_equal(seen.last.sub_type, "ORDER_CREATED");
    assert_string_equal(seen.last.ip, "10.0.0.1");
    assert_string_equal(seen.last.traceparent, event.traceparent);
    assert_int_equal(seen.last.client_ts, 5);
    assert_int_equal(seen.last.server_ts, 6);
    assert_string_equal(seen.last.data, "{\"orderId\":\"o-1\"}");
    ese_event_clear(&event);
    ese_event_clear(&seen.last);
}

/* Records that are none, and those that the log was compacted of, are no gaps. */
static void a_partition_is_read_from_any_place(void **state)
{
    struct ese_view *view = *state;
    struct seen seen = {0};
    assert_true(begin(view, A, 10));
    add(view, A, 10, "a", 1, 0);
    add(view, A, 12, "a", 1, 0);
    ese_view_pass(view, A, 14);
    add(view, A, 20, "a", 1, 0);
    assert_int_equal(read_from(view, A, 10, 2, &seen), 13);
    assert_int_equal(seen.count, 2);
    assert_int_equal(read_from(view, A, 11, 9, &seen), 21);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.offsets[0], 12);
    assert_int_equal(read_from(view, A, 13, 9, &seen), 21);
    assert_int_equal(seen.offsets[0], 20);
    ese_view_pass(view, A, 30);
    assert_int_equal(read_from(view, A, 21, 9, &seen), 30);
    assert_int_equal(seen.count, 0);
    assert_int_equal(read_from(view, A, 9, 9, &seen), -1);
    assert_int_equal(read_from(view, A, 31, 9, &seen), -1);
    assert_int_equal(read_from(view, B, 0, 9, &seen), -1);
    ese_event_clear(&seen.last);
}

static void what_is_had_is_not_had_twice(void **state)
{
    struct ese_view *view = *state;
    struct seen seen = {0};
    add(view, A, 0, "a", 1, 0); /* not begun */
    assert_true(begin(view, A, 5));
    add(view, A, 4, "a", 1, 0);
    add(view, A, 5, "a", 1, 1);
    add(view, A, 5, "a", 1, 2);
    ese_view_pass(view, A, 3);
    assert_int_equal(read_from(view, A, 5, 9, &seen), 6);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.client_ts, 1);
    assert_true(begin(view, A, 0)); /* its log is another one now */
    assert_int_equal(read_from(view, A, 0, 9, &seen), 0);
    assert_int_equal(seen.count, 0);
    ese_event_clear(&seen.last);
}

/* ---- the bound ----------------------------------------------------------------------------- */

static struct ese_view_part part_of(struct ese_view *view, int32_t partition)
{
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    int count = ese_view_parts(view, parts);
    for (int i = 0; i < count; i++) {
        if (parts[i].partition == partition)
            return parts[i];
    }
    fail();
    return parts[0];
}

/* Until something had to make room. Returns how many that took. */
static int64_t fill(struct ese_view *view, int32_t partition, int64_t server_ts)
{
    struct ese_view_figures figures, before;
    int64_t offset = part_of(view, partition).next, first = offset;
    ese_view_tell(view, &before);
    do {
        add(view, partition, offset, "203.0.113.200-10", server_ts + offset, offset);
        offset++;
        ese_view_tell(view, &figures);
        assert_in_range(figures.bytes, 0, ESE_VIEW_LEAST_BYTES / 2);
    } while (figures.evicted == before.evicted);
    return offset - first;
}

static void the_oldest_makes_room_and_nothing_between(void **state)
{
    struct ese_view *view = *state;
    struct seen seen = {0};
    assert_true(begin(view, A, 0));
    int64_t count = fill(view, A, 1000);
    struct ese_view_part part = part_of(view, A);
    assert_int_equal(part.next, count);
    assert_true(part.first > 0);
    for (int64_t offset = part.first; offset < part.next; offset += seen.count) {
        assert_int_equal(read_from(view, A, offset, 50, &seen),
                         part.next - offset < 50 ? part.next : offset + 50);
        for (int i = 0; i < seen.count; i++)
            assert_int_equal(seen.offsets[i], offset + i);
    }
    assert_int_equal(read_from(view, A, part.first - 1, 9, &seen), -1);
    ese_event_clear(&seen.last);
}

/* A partition that has little keeps it as long as others have older ones. */
static void the_oldest_of_all_partitions_makes_room(void **state)
{
    struct ese_view *view = *state;
    assert_true(begin(view, A, 0));
    assert_true(begin(view, B, 0));
    add(view, B, 0, "b", 100000000, 0);
    fill(view, A, 1000);
    assert_int_equal(part_of(view, B).first, 0);
    fill(view, A, 200000000);
    for (int i = 0; i < 64 && part_of(view, B).first == 0; i++)
        fill(view, A, 200000000);
    assert_int_equal(part_of(view, B).first, 1);
}

static void memory_stays_as_it_is(void **state)
{
    struct ese_view *view = *state;
    struct ese_view_figures figures;
    struct ese_event event = {.type = "T", .sub_type = "S", .ip = "a",
                              .data = ese_alloc(ESE_EVENT_DATA_LIMIT + 1)};
    memset(event.data, 'x', ESE_EVENT_DATA_LIMIT); /* the largest there can be */
    for (int32_t partition = 0; partition < 40; partition++)
        assert_true(begin(view, partition, 0));
    for (int i = 0; i < 2000; i++) {
        event.server_ts = i;
        ese_view_add(view, i % 40, i, &event);
        ese_view_tell(view, &figures);
        assert_in_range(figures.bytes, 1, ESE_VIEW_LEAST_BYTES / 2);
    }
    assert_int_equal(figures.events + figures.evicted, 2000);
    ese_event_clear(&event);
}

static void there_are_only_so_many_partitions(void **state)
{
    struct ese_view *view = *state;
    for (int32_t partition = 0; partition < ESE_VIEW_PARTITIONS; partition++)
        assert_true(begin(view, partition, 0));
    assert_false(begin(view, ESE_VIEW_PARTITIONS, 0));
    assert_true(begin(view, 3, 5));
}

static void what_is_too_old_leaves(void **state)
{
    struct ese_view *view = *state;
    struct ese_view_figures figures;
    assert_true(begin(view, A, 0));
    assert_true(begin(view, B, 0));
    add(view, A, 0, "a", 100, 0);
    add(view, B, 0, "a", 100, 0);
    add(view, B, 1, "a", 200, 0);
    ese_view_expire(view, 150);
    assert_int_equal(part_of(view, A).first, 1);
    assert_int_equal(part_of(view, B).first, 0); /* as it lies beside a younger one */
    ese_view_expire(view, 201);
    assert_int_equal(part_of(view, B).first, 2);
    ese_view_tell(view, &figures);
    assert_int_equal(figures.events, 0);
    assert_int_equal(figures.bytes, 0);
    assert_int_equal(figures.evicted, 0);
}

/* As in a topic whose records have the time of who wrote them. */
static void a_time_that_has_not_come_keeps_nothing_for_ever(void **state)
{
    struct ese_view *view = *state;
    struct ese_view_list *list = NULL;
    struct ese_view_figures figures;
    assert_true(begin(view, A, 0));
    add(view, A, 0, "a", ese_clock_wall_ms() + 86400000, 0);
    fill(view, A, 1000); /* so that it had to make room */
    assert_true(part_of(view, A).first > 0);
    int64_t since_ms = ese_clock_wall_ms() + 1;
    ese_view_expire(view, since_ms);
    ese_view_tell(view, &figures);
    assert_int_equal(figures.events, 0);
    if (ese_view_list_take(view, since_ms, &list, &error) == -1)
        fail_msg("%s", error.text);
    ese_view_list_free(&list);
}

/* ---- goals --------------------------------------------------------------------------------- */

static bool go_on(void *context, char *text, size_t size)
{
    snprintf(text, size, "told to stop");
    return context == NULL || atomic_load((atomic_bool *)context);
}

static int await(struct ese_view *view, int timeout_ms, atomic_bool *going)
{
    const struct ese_view_patience patience = {timeout_ms, go_on, going};
    return ese_view_await(view, &patience, &error);
}

static void what_was_wanted_is_waited_for(void **state)
{
    struct ese_view *view = *state;
    assert_int_equal(await(view, 0, NULL), -1); /* there is nothing at all yet */
    assert_int_equal(error.code, ESE_E_TIMEOUT);
    assert_true(begin(view, A, 5));
    assert_int_equal(await(view, 0, NULL), 0);
    ese_view_want(view, A, 6);
    assert_int_equal(await(view, 0, NULL), -1);
    add(view, A, 5, "a", 1, 0);
    assert_int_equal(await(view, 0, NULL), -1);
    add(view, A, 6, "a", 1, 0);
    assert_int_equal(await(view, 0, NULL), 0);
    ese_view_want(view, A, 3); /* goals do not go back */
    ese_view_want(view, A, 9);
    ese_view_pass(view, A, 12); /* nothing is there, and nothing comes */
    assert_int_equal(await(view, 0, NULL), 0);
}

static void a_partition_nobody_has_seen_is_wanted_too(void **state)
{
    struct ese_view *view = *state;
    assert_true(begin(view, A, 0));
    assert_false(ese_view_lacks_partitions(view));
    ese_view_want(view, B, 0);
    assert_true(ese_view_lacks_partitions(view));
    assert_int_equal(await(view, 0, NULL), -1);
    assert_true(begin(view, B, 0));
    assert_false(ese_view_lacks_partitions(view));
    assert_int_equal(await(view, 0, NULL), -1);
    add(view, B, 0, "a", 1, 0);
    assert_int_equal(await(view, 0, NULL), 0);
}

static void prepare(struct ese_view *view, int32_t partition)
{
    ese_view_prepare(view, &partition, 1);
}

/* A log that was cut has no such place any more: nobody is to wait for it for ever. */
static void what_was_wanted_of_a_log_that_is_gone_is_not_waited_for(void **state)
{
    struct ese_view *view = *state;
    ese_view_want(view, A, 99);
    prepare(view, A);
    ese_view_want(view, A, 6); /* from now on it counts, also where it is stored behind the end that is told */
    assert_true(begin(view, A, 5));
    assert_int_equal(await(view, 0, NULL), -1);
    ese_view_pass(view, A, 7);
    assert_int_equal(await(view, 0, NULL), 0);
    ese_view_want(view, A, 99);
    prepare(view, A); /* which alone changes nothing: it may fail */
    assert_int_equal(await(view, 0, NULL), -1);
    prepare(view, A);
    assert_true(begin(view, A, 3));
    assert_int_equal(await(view, 0, NULL), 0);
    prepare(view, A);
    ese_view_want(view, A, 3);
    assert_true(begin(view, A, 3));
    assert_int_equal(await(view, 0, NULL), -1);
}

static void *ask(void *context)
{
    return (void *)(intptr_t)await(context, 20000, NULL);
}

static bool tell_and_go_on(void *context, char *text, size_t size)
{
    (void)text;
    (void)size;
    atomic_store((atomic_bool *)context, true);
    return true;
}

struct question {
    struct ese_view *view;
    atomic_bool is_waiting;
};

static void *ask_and_tell(void *context)
{
    struct question *question = context;
    const struct ese_view_patience patience = {20000, tell_and_go_on, &question->is_waiting};
    int64_t began_ns = ese_clock_monotonic_ns();
    int result = ese_view_await(question->view, &patience, &error);
    bool is_soon = ese_clock_monotonic_ns() < began_ns + 10 * ESE_NS_PER_S;
    return (void *)(intptr_t)(result == 0 && is_soon);
}

/* Also not by who had asked before that was known; but for what the log that is there now holds. */
static void who_waits_for_a_log_that_is_gone_is_told_of_the_next(void **state)
{
    struct question question = {.view = *state};
    const struct ese_view_part next = {A, 0, 2};
    pthread_t thread;
    void *result = NULL;
    assert_true(begin(question.view, A, 0));
    ese_view_want(question.view, A, 99);
    assert_int_equal(pthread_create(&thread, NULL, ask_and_tell, &question), 0);
    while (!atomic_load(&question.is_waiting))
        sched_yield();
    prepare(question.view, A);
    assert_true(ese_view_begin(question.view, &next, 1));
    assert_int_equal(await(question.view, 0, NULL), -1);
    ese_view_pass(question.view, A, 2);
    pthread_join(thread, &result);
    assert_true((intptr_t)result);
}

/* Who asks before anything was begun is answered with all of it, as far as it goes by then. */
static void partitions_are_begun_at_once(void **state)
{
    struct ese_view *view = *state;
    static const struct ese_view_part parts[] = {{A, 5, 7}, {B, 0, 0}};
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, ask, view), 0);
    assert_true(ese_view_begin(view, parts, 2));
    assert_int_equal(await(view, 0, NULL), -1);
    assert_int_equal(part_of(view, A).next, 5);
    ese_view_pass(view, A, 7);
    pthread_join(thread, &result);
    assert_int_equal((intptr_t)result, 0);
    assert_int_equal(part_of(view, B).next, 0);
}

static void *fill_slowly(void *context)
{
    for (int i = 0; i < 1000; i++)
        add(context, A, i, "a", 1, 0);
    return NULL;
}

static void who_waits_is_woken_or_told(void **state)
{
    struct ese_view *view = *state;
    pthread_t thread;
    atomic_bool going = false;
    assert_true(begin(view, A, 0));
    ese_view_want(view, A, 999);
    assert_int_equal(await(view, 20000, &going), -1);
    assert_int_equal(error.code, ESE_E_CLOSED);
    assert_string_equal(error.text, "told to stop");
    assert_int_equal(pthread_create(&thread, NULL, fill_slowly, view), 0);
    assert_int_equal(await(view, 20000, NULL), 0);
    pthread_join(thread, NULL);
}

/* ---- the list ------------------------------------------------------------------------------ */

struct listed {
    char ip[ESE_EVENT_IP_SIZE];
    int64_t client_ts;
    int count, most;
};

static bool list_one(void *context, const struct ese_event *event)
{
    struct listed *listed = context;
    snprintf(listed->ip, sizeof listed->ip, "%s", event->ip);
    listed->client_ts = event->client_ts;
    return ++listed->count < listed->most;
}

static void assert_next(struct ese_view_list *list, const char *ip, int64_t client_ts)
{
    struct listed listed = {.most = 1};
    assert_int_equal(ese_view_list_hand(list, list_one, &listed, &error), 1);
    assert_string_equal(listed.ip, ip);
    assert_int_equal(listed.client_ts, client_ts);
}

static void assert_end(struct ese_view_list **list)
{
    struct listed listed = {.most = 1};
    assert_int_equal(ese_view_list_hand(*list, list_one, &listed, &error), 0);
    assert_int_equal(ese_view_list_hand(*list, list_one, &listed, &error), 0);
    assert_int_equal(listed.count, 0);
    ese_view_list_free(list);
    assert_null(*list);
}

static struct ese_view_list *list_of(struct ese_view *view, int64_t since_ms)
{
    struct ese_view_list *list = NULL;
    if (ese_view_list_take(view, since_ms, &list, &error) == -1)
        fail_msg("%s", error.text);
    return list;
}

/* As strcmp has it, and SQLite. */
static void they_are_sorted_by_ip_and_then_by_time(void **state)
{
    struct ese_view *view = *state;
    assert_true(begin(view, A, 0));
    assert_true(begin(view, B, 0));
    struct ese_view_list *list = list_of(view, 0);
    assert_end(&list);
    add(view, A, 0, "10.0.0.9", 100, 1);
    add(view, A, 1, "10.0.0.9", 103, 2);
    add(view, A, 2, "10.0.0.10", 104, 3);
    add(view, B, 0, "10.0.0.9", 101, 4);
    add(view, B, 1, "10.0.0.9", 103, 5);
    list = list_of(view, 0);
    assert_int_equal(ese_view_list_count(list), 5);
    assert_next(list, "10.0.0.10", 3);
    assert_next(list, "10.0.0.9", 1);
    assert_next(list, "10.0.0.9", 4);
    assert_next(list, "10.0.0.9", 2);
    assert_next(list, "10.0.0.9", 5);
    assert_end(&list);
    list = list_of(view, 103);
    assert_int_equal(ese_view_list_count(list), 3);
    ese_view_list_free(&list);
}

/* Also where a broker's clock went back, and where all came in one millisecond. */
static void within_a_partition_nothing_is_turned_round(void **state)
{
    struct ese_view *view = *state;
    static const int64_t times[] = {100, 105, 101, 101, 104, 106, 106};
    assert_true(begin(view, A, 0));
    assert_true(begin(view, B, 0));
    for (int i = 0; i < (int)ESE_COUNT_OF(times); i++) {
        add(view, A, i, "a", times[i], i);
        add(view, B, i, "a", 50, 1000 + i);
    }
    struct ese_view_list *list = list_of(view, 0);
    for (int i = 0; i < (int)ESE_COUNT_OF(times); i++)
        assert_next(list, "a", 1000 + i);
    for (int i = 0; i < (int)ESE_COUNT_OF(times); i++)
        assert_next(list, "a", i);
    assert_end(&list);
}

static void many_ips_are_sorted(void **state)
{
    struct ese_view *view = *state;
    char ip[16], last[ESE_EVENT_IP_SIZE] = "";
    struct listed listed = {.most = 1};
    assert_true(begin(view, A, 0));
    for (int i = 0; i < 3000; i++) {
        snprintf(ip, sizeof ip, "%d", i * 7919 % 1000);
        add(view, A, i, ip, 100, i);
    }
    struct ese_view_list *list = list_of(view, 0);
    assert_int_equal(ese_view_list_count(list), 3000);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(ese_view_list_hand(list, list_one, &listed, &error), 1);
        assert_true(strcmp(last, listed.ip) <= 0);
        memcpy(last, listed.ip, sizeof last);
    }
    assert_end(&list);
}

static void a_list_that_would_lack_something_is_refused(void **state)
{
    struct ese_view *view = *state;
    struct ese_view_list *list = NULL;
    assert_true(begin(view, A, 0));
    int64_t count = fill(view, A, 1000);
    assert_int_equal(ese_view_list_take(view, 0, &list, &error), -1);
    assert_null(list);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_non_null(strstr(error.text, "--view-bytes"));
    assert_non_null(strstr(error.text, "--retention"));
    assert_non_null(strstr(error.text, "?after=earliest"));
    struct ese_view_part part = part_of(view, A); /* of those of late nothing is lacking */
    list = list_of(view, 1000 + part.first);
    assert_int_equal(ese_view_list_count(list), count - part.first);
    ese_view_list_free(&list);
}

/* Each of an ip of its own, as short as can be. */
static void a_list_that_takes_too_much_is_refused(void **state)
{
    struct ese_view *view = *state;
    struct ese_view_list *list = NULL;
    struct ese_view_figures figures;
    char ip[16];
    assert_true(begin(view, A, 0));
    for (int i = 0; i < 12000; i++) {
        struct ese_event event = {.type = "T", .sub_type = "S", .server_ts = i};
        snprintf(ip, sizeof ip, "%d", i);
        snprintf(event.ip, sizeof event.ip, "%s", ip);
        ese_view_add(view, A, i, &event);
    }
    ese_view_tell(view, &figures);
    assert_int_equal(figures.evicted, 0);
    assert_int_equal(ese_view_list_take(view, 0, &list, &error), -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_non_null(strstr(error.text, "?after=earliest"));
}

/* What is sent slowly holds up nobody: it is broken off where its events have made room. */
static void a_list_does_not_hold_what_it_lists(void **state)
{
    struct ese_view *view = *state;
    struct listed listed = {.most = 1000000};
    assert_true(begin(view, A, 0));
    for (int i = 0; i < 100; i++)
        add(view, A, i, "a", 100, i);
    struct ese_view_list *list = list_of(view, 0);
    add(view, A, 100, "a", 100, 100); /* which is not of it */
    assert_next(list, "a", 0);
    ese_view_expire(view, 200); /* there is room enough: it can still be read */
    assert_next(list, "a", 1);
    fill(view, A, 300);
    assert_int_equal(ese_view_list_hand(list, list_one, &listed, &error), -1);
    assert_int_equal(error.code, ESE_E_GONE);
    assert_int_equal(listed.count, 0);
    ese_view_free((struct ese_view **)state); /* the list has it still */
    assert_int_equal(ese_view_list_hand(list, list_one, &listed, &error), -1);
    ese_view_list_free(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_comes_out_as_it_went_in),
        TEST(a_partition_is_read_from_any_place),
        TEST(what_is_had_is_not_had_twice),
        TEST(the_oldest_makes_room_and_nothing_between),
        TEST(the_oldest_of_all_partitions_makes_room),
        TEST(memory_stays_as_it_is),
        TEST(there_are_only_so_many_partitions),
        TEST(what_is_too_old_leaves),
        TEST(a_time_that_has_not_come_keeps_nothing_for_ever),
        TEST(what_was_wanted_is_waited_for),
        TEST(a_partition_nobody_has_seen_is_wanted_too),
        TEST(what_was_wanted_of_a_log_that_is_gone_is_not_waited_for),
        TEST(who_waits_for_a_log_that_is_gone_is_told_of_the_next),
        TEST(partitions_are_begun_at_once),
        TEST(who_waits_is_woken_or_told),
        TEST(they_are_sorted_by_ip_and_then_by_time),
        TEST(within_a_partition_nothing_is_turned_round),
        TEST(many_ips_are_sorted),
        TEST(a_list_that_would_lack_something_is_refused),
        TEST(a_list_that_takes_too_much_is_refused),
        TEST(a_list_does_not_hold_what_it_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
