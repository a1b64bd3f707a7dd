/* Pages as batches: what is handed, what is passed over, where there is room, and which gaps are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/webhook/batch.h"
#include "transports/webhook/stream_name.h"

#define GOOD "{\"type\":\"T\",\"sub_type\":\"S\",\"ip\":\"10.0.0.1\",\"client_ts\":5}"
#define BAD "no event"
#define MOST_EVENTS 200

struct fixture {
    struct ese_webhook_batch batch;
    struct ese_webhook_progress progress;
    struct ese_webhook_event events[MOST_EVENTS];
    struct ese_webhook_page page;
    int index;
    int64_t place; /* what given answers */
    int gaps;
    int64_t gap_from, gap_to;
};

static int64_t given(void *context, int32_t partition)
{
    struct fixture *fixture = context;

    assert_int_equal(partition, 1);
    return fixture->place;
}

static void skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct fixture *fixture = context;

    assert_int_equal(partition, 1);
    fixture->gaps++;
    fixture->gap_from = from;
    fixture->gap_to = to;
}

static struct ese_consume_listener listener_of(struct fixture *fixture)
{
    return (struct ese_consume_listener){.context = fixture, .given = given, .skipped = skipped};
}

static int64_t begin(struct fixture *fixture, int64_t place)
{
    const struct ese_consume_listener listener = listener_of(fixture);

    fixture->place = place;
    fixture->gaps = 0;
    return ese_webhook_progress_begin(&fixture->progress, 1, &listener);
}

static void open_batch(struct fixture *fixture, int most, int64_t place)
{
    *fixture = (struct fixture){.gaps = 0};
    ese_webhook_batch_open(&fixture->batch, most);
    begin(fixture, place);
}

/* Behind those that are there. */
static void put(struct fixture *fixture, int64_t first, int count, const char *body)
{
    fixture->page.events = fixture->events;
    for (int i = 0; i < count; i++) {
        struct ese_webhook_event *event = &fixture->events[fixture->page.count++];
        *event = (struct ese_webhook_event){.position = first + i, .body = body, .length = strlen(body)};
        snprintf(event->uuid, sizeof(event->uuid), "u-%d", (int)event->position);
    }
}

static void turn_page(struct fixture *fixture)
{
    fixture->page.count = fixture->index = 0;
}

/* The next batch of the page. */
static void fill(struct fixture *fixture)
{
    const struct ese_consume_listener listener = listener_of(fixture);

    ese_webhook_batch_begin(&fixture->batch);
    assert_int_equal(fixture->batch.batch.count, 0);
    assert_int_equal(fixture->batch.batch.unreadable, 0);
    ese_webhook_batch_add(&fixture->batch, &fixture->page, &fixture->index, &fixture->progress, &listener);
}

static void assert_records(const struct fixture *fixture, int64_t first, int count)
{
    const struct ese_batch *batch = &fixture->batch.batch;

    assert_int_equal(batch->count, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(batch->records[i].offset, first + i);
        assert_int_equal(batch->records[i].next, first + i + 1);
        assert_int_equal(batch->records[i].partition, 1);
    }
}

/* ---- where it begins ------------------------------------------------------------------------- */

static void a_listener_says_where_it_begins(void **state)
{
    static const struct {
        int64_t place, behind;
        bool tells_gaps;
    } places[] = {
        {ESE_OFFSET_EARLIEST, 0, false}, {ESE_OFFSET_LATEST, -1, false}, {0, 0, true}, {1, 0, true}, {2, 1, true},
        {1000, 999, true},
    };
    struct fixture fixture = {.gaps = 0};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++) {
        assert_int_equal(begin(&fixture, places[i].place), places[i].behind);
        assert_int_equal(fixture.progress.partition, 1);
        assert_int_equal(fixture.progress.handed, places[i].behind);
        assert_int_equal(fixture.progress.next, places[i].tells_gaps ? places[i].place : -1);
    }
}

/* ---- what is handed -------------------------------------------------------------------------- */

static void a_page_becomes_a_batch(void **state)
{
    struct fixture fixture;

    (void)state;
    open_batch(&fixture, 10, ESE_OFFSET_EARLIEST);
    put(&fixture, 1, 3, GOOD);
    fill(&fixture);
    assert_records(&fixture, 1, 3);
    assert_int_equal(fixture.batch.batch.unreadable, 0);
    assert_int_equal(fixture.progress.handed, 3);
    assert_int_equal(fixture.index, 3);
    fill(&fixture);
    assert_records(&fixture, 0, 0);
    ese_webhook_batch_close(&fixture.batch);
    ese_webhook_batch_close(&fixture.batch);
}

static void what_was_handed_is_passed_over(void **state)
{
    struct fixture fixture;

    (void)state;
    open_batch(&fixture, 10, 5);
    put(&fixture, 1, 8, GOOD);
    fill(&fixture);
    assert_records(&fixture, 5, 4);
    turn_page(&fixture);
    put(&fixture, 3, 6, GOOD); /* all of it again */
    fill(&fixture);
    assert_records(&fixture, 0, 0);
    assert_int_equal(fixture.index, 6);
    assert_int_equal(fixture.progress.handed, 8);
    assert_int_equal(fixture.gaps, 0);
    ese_webhook_batch_close(&fixture.batch);
}

static void a_batch_takes_as_many_as_it_has_room_for(void **state)
{
    struct fixture fixture;

    (void)state;
    open_batch(&fixture, 1, 0);
    put(&fixture, 1, 3, GOOD);
    for (int i = 1; i <= 3; i++) {
        fill(&fixture);
        assert_records(&fixture, i, 1);
        assert_int_equal(fixture.progress.handed, i);
    }
    ese_webhook_batch_close(&fixture.batch);
}

static void what_is_no_event_is_noted(void **state)
{
    struct fixture fixture;

    (void)state;
    open_batch(&fixture, 10, 0);
    put(&fixture, 1, 1, GOOD);
    put(&fixture, 2, 1, BAD);
    put(&fixture, 3, 1, GOOD);
    put(&fixture, 4, 1, "");
    fill(&fixture);
    assert_int_equal(fixture.batch.batch.count, 2);
    assert_int_equal(fixture.batch.batch.records[1].offset, 3);
    assert_int_equal(fixture.batch.batch.unreadable, 2);
    const struct ese_unreadable *stray = fixture.batch.batch.unreadables;
    assert_int_equal(stray[0].partition, 1);
    assert_int_equal(stray[0].offset, 2);
    assert_int_equal(stray[0].next, 3);
    assert_string_equal(stray[0].type, ese_webhook_stream_event_type(1));
    assert_int_equal(stray[0].length, strlen(BAD));
    assert_int_equal(stray[0].whole, strlen(BAD));
    assert_memory_equal(stray[0].bytes, BAD, strlen(BAD));
    assert_string_not_equal(stray[0].reason, "");
    assert_int_equal(stray[1].offset, 4);
    assert_int_equal(stray[1].length, 0);
    assert_int_equal(fixture.progress.handed, 4);
    ese_webhook_batch_close(&fixture.batch);
}

static void there_is_room_for_so_many_that_are_none(void **state)
{
    struct fixture fixture;
    int64_t first = 1;

    (void)state;
    open_batch(&fixture, MOST_EVENTS, 0);
    put(&fixture, 1, ESE_UNREADABLE_MOST * 2 + 5, BAD);
    put(&fixture, ESE_UNREADABLE_MOST * 2 + 6, 1, GOOD);
    for (int round = 0; round < 3; round++) {
        int expected = round < 2 ? ESE_UNREADABLE_MOST : 5;
        fill(&fixture);
        assert_int_equal(fixture.batch.batch.unreadable, expected);
        assert_int_equal(fixture.batch.batch.count, round == 2);
        for (int i = 0; i < expected; i++)
            assert_int_equal(fixture.batch.batch.unreadables[i].offset, first++);
    }
    assert_records(&fixture, ESE_UNREADABLE_MOST * 2 + 6, 1);
    ese_webhook_batch_close(&fixture.batch);
}

/* ---- gaps ------------------------------------------------------------------------------------ */

static void assert_gap(struct fixture *fixture, int64_t from, int64_t to)
{
    fill(fixture);
    assert_int_equal(fixture->gaps, 1);
    assert_int_equal(fixture->gap_from, from);
    assert_int_equal(fixture->gap_to, to);
    fixture->gaps = 0;
}

static void what_is_missing_behind_a_position_is_told(void **state)
{
    static const struct {
        int64_t place, from;
    } places[] = {{0, 0}, {1, 1}, {5, 5}};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++) {
        struct fixture fixture;
        open_batch(&fixture, 10, places[i].place);
        put(&fixture, 9, 2, GOOD);
        assert_gap(&fixture, places[i].from, 9);
        turn_page(&fixture);
        put(&fixture, 13, 2, BAD);
        assert_gap(&fixture, 11, 13);
        ese_webhook_batch_close(&fixture.batch);
    }
}

/* Who asks for the earliest, or the latest, misses nothing in front of it; but what comes to be missing later. */
static void what_is_missing_before_the_first_is_not(void **state)
{
    static const int64_t places[] = {ESE_OFFSET_EARLIEST, ESE_OFFSET_LATEST};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++) {
        struct fixture fixture;
        open_batch(&fixture, 10, places[i]);
        put(&fixture, 9, 2, GOOD);
        fill(&fixture);
        assert_records(&fixture, 9, 2);
        assert_int_equal(fixture.gaps, 0);
        turn_page(&fixture);
        put(&fixture, 12, 1, GOOD);
        assert_gap(&fixture, 11, 12);
        ese_webhook_batch_close(&fixture.batch);
    }
}

static void within_a_page_as_well(void **state)
{
    struct fixture fixture;

    (void)state;
    open_batch(&fixture, 10, 1);
    put(&fixture, 1, 2, GOOD);
    put(&fixture, 5, 1, GOOD);
    assert_gap(&fixture, 3, 5);
    assert_int_equal(fixture.batch.batch.count, 3);
    ese_webhook_batch_close(&fixture.batch);
}

/* ---- as it comes ----------------------------------------------------------------------------- */

static void as_it_comes_all_is_handed_and_nothing_missed(void **state)
{
    static const int64_t places[] = {5, 9, 8, 9, 12}, nexts[] = {6, 10, 10, 10, 13};
    struct fixture fixture = {.progress = {.as_it_comes = true}};

    (void)state;
    ese_webhook_batch_open(&fixture.batch, 10);
    begin(&fixture, 3);
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++)
        put(&fixture, places[i], 1, GOOD);
    fill(&fixture);
    assert_int_equal(fixture.batch.batch.count, ESE_COUNT_OF(places));
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++) {
        assert_int_equal(fixture.batch.records[i].offset, places[i]);
        assert_int_equal(fixture.batch.records[i].next, nexts[i]); /* a place never moves back */
    }
    assert_int_equal(fixture.progress.handed, 12);
    assert_int_equal(fixture.gaps, 0);
    ese_webhook_batch_close(&fixture.batch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_says_where_it_begins),
        cmocka_unit_test(a_page_becomes_a_batch),
        cmocka_unit_test(what_was_handed_is_passed_over),
        cmocka_unit_test(a_batch_takes_as_many_as_it_has_room_for),
        cmocka_unit_test(what_is_no_event_is_noted),
        cmocka_unit_test(there_is_room_for_so_many_that_are_none),
        cmocka_unit_test(what_is_missing_behind_a_position_is_told),
        cmocka_unit_test(what_is_missing_before_the_first_is_not),
        cmocka_unit_test(within_a_page_as_well),
        cmocka_unit_test(as_it_comes_all_is_handed_and_nothing_missed),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
