/* Pages of events as a batch: what is handed, what is passed over, what is told to be missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "transports/webhook/batch.h"

#define MOST 8

/* Who listens: where it wants to begin, and what it was told. */
struct listener {
    int64_t begin;
    char told[200];
};

struct fixture {
    struct listener listener;
    struct ese_webhook_progress progress;
    struct ese_webhook_batch batch;
    struct ese_webhook_event events[MOST];
    struct ese_webhook_page page;
    int index;
};

static int64_t given(void *context, int32_t partition)
{
    const struct listener *listener = context;

    (void)partition;
    return listener->begin;
}

static void skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct listener *listener = context;
    size_t length = strlen(listener->told);

    snprintf(listener->told + length, sizeof(listener->told) - length, "%" PRId32 ": %" PRId64 " to %" PRId64 ";",
             partition, from, to);
}

static struct fixture *begin_at(int64_t position)
{
    static struct fixture fixture;

    fixture = (struct fixture){.listener.begin = position};
    const struct ese_consume_listener listener = {.context = &fixture.listener, .given = given, .skipped = skipped};
    ese_webhook_progress_begin(&fixture.progress, 0, &listener);
    ese_webhook_batch_open(&fixture.batch, MOST);
    return &fixture;
}

/* A page of these positions; returns how many of them were handed. */
static int add(struct fixture *fixture, int64_t first, int64_t last)
{
    static char body[] = "{\"id\":\"01a21e52-febf-7013-97d3-5f2f00000052\",\"type\":\"CLICK\"}";
    const struct ese_consume_listener listener = {.context = &fixture->listener, .given = given, .skipped = skipped};
    int before = fixture->batch.batch.count + (int)fixture->batch.batch.unreadable;

    fixture->page = (struct ese_webhook_page){.events = fixture->events};
    for (int64_t position = first; position <= last; position++) {
        struct ese_webhook_event *event = &fixture->events[fixture->page.count++];
        *event = (struct ese_webhook_event){.position = position, .body = body, .length = strlen(body)};
        snprintf(event->uuid, sizeof(event->uuid), "u%" PRId64, position);
    }
    fixture->index = 0;
    ese_webhook_batch_add(&fixture->batch, &fixture->page, &fixture->index, &fixture->progress, &listener);
    return fixture->batch.batch.count + (int)fixture->batch.batch.unreadable - before;
}

static void end(struct fixture *fixture)
{
    ese_webhook_batch_close(&fixture->batch);
}

static void what_was_handed_is_passed_over(void **state)
{
    struct fixture *fixture = begin_at(3);

    (void)state;
    assert_int_equal(add(fixture, 1, 4), 2);
    assert_int_equal(add(fixture, 3, 5), 1);
    assert_string_equal(fixture->listener.told, "");
    end(fixture);
}

static void what_is_missing_is_told_from_the_position_asked_for(void **state)
{
    (void)state;
    struct fixture *fixture = begin_at(232);
    assert_int_equal(add(fixture, 539, 540), 2);
    assert_string_equal(fixture->listener.told, "0: 232 to 539;");
    end(fixture);
    fixture = begin_at(0); /* where no event is, but somebody asked for it */
    add(fixture, 7, 7);
    assert_string_equal(fixture->listener.told, "0: 0 to 7;");
    end(fixture);
}

static void what_is_missing_in_between_is_told(void **state)
{
    struct fixture *fixture = begin_at(0);

    (void)state;
    add(fixture, 1, 2);
    add(fixture, 5, 5);
    assert_string_equal(fixture->listener.told, "0: 3 to 5;");
    end(fixture);
}

static void who_asked_for_no_position_misses_nothing(void **state)
{
    static const int64_t begins[] = {ESE_OFFSET_EARLIEST, ESE_OFFSET_LATEST};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture *fixture = begin_at(begins[i]);
        assert_int_equal(add(fixture, 7, 7), 1);
        assert_string_equal(fixture->listener.told, "");
        add(fixture, 9, 9);
        assert_string_equal(fixture->listener.told, "0: 8 to 9;");
        end(fixture);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_handed_is_passed_over),
        cmocka_unit_test(what_is_missing_is_told_from_the_position_asked_for),
        cmocka_unit_test(what_is_missing_in_between_is_told),
        cmocka_unit_test(who_asked_for_no_position_misses_nothing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
