/* A hot key: so many of a hundred clicks, the same for the same seed, and nothing else of the source is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ese-client/clicks.h"
#include "ese-client/hot_key.h"
#include "ese-client/orders.h"
#include "ese-core/memory.h"

enum { EVENTS = 4000 };

static struct ese_source *source_of(const struct ese_life *life, int percent, uint64_t seed)
{
    struct ese_source *source = ese_persons_open(life, 500, 1, 3);
    ese_hot_key_open(percent, seed, &source);
    return source;
}

/* How many of so many events have the commonest ip; which they are goes into is_hot. */
static int count_hot(struct ese_source *source, bool is_hot[EVENTS])
{
    int found = 0;
    for (int i = 0; i < EVENTS; i++) {
        struct ese_event event = {.data = NULL};
        int64_t due_ns;
        assert_int_equal(source->face->next(source, &event, &due_ns, NULL), ESE_SOURCE_EVENT);
        is_hot[i] = strstr(event.ip, "hot") != NULL;
        assert_true(!is_hot[i] || strcmp(event.key, event.ip) == 0);
        found += is_hot[i];
        ese_event_clear(&event);
    }
    ese_source_close(&source);
    return found;
}

static void so_many_of_a_hundred_are_one_persons(void **state)
{
    (void)state;
    static bool is_hot[EVENTS];
    assert_in_range(count_hot(source_of(&ese_clicks_life, 60, 1), is_hot), EVENTS * 57 / 100, EVENTS * 63 / 100);
    assert_int_equal(count_hot(source_of(&ese_clicks_life, 100, 1), is_hot), EVENTS);
    assert_int_equal(count_hot(source_of(&ese_clicks_life, 0, 1), is_hot), 0);
}

static void the_seed_decides_which(void **state)
{
    (void)state;
    static bool one[EVENTS], same[EVENTS], other[EVENTS];
    count_hot(source_of(&ese_clicks_life, 50, 7), one);
    count_hot(source_of(&ese_clicks_life, 50, 7), same);
    count_hot(source_of(&ese_clicks_life, 50, 8), other);
    assert_memory_equal(one, same, sizeof one);
    assert_true(memcmp(one, other, sizeof one) != 0);
}

/* An order's key is its own. */
static void orders_are_left_alone(void **state)
{
    (void)state;
    static bool is_hot[EVENTS];
    assert_int_equal(count_hot(source_of(&ese_orders_life, 100, 1), is_hot), 0);
}

static void the_times_are_as_the_source_has_them(void **state)
{
    (void)state;
    struct ese_source *plain = ese_persons_open(&ese_clicks_life, 500, 1, 3);
    struct ese_source *hot = source_of(&ese_clicks_life, 50, 1);
    for (int i = 0; i < 200; i++) {
        struct ese_event one = {.data = NULL}, other = {.data = NULL};
        int64_t one_ns, other_ns;
        plain->face->next(plain, &one, &one_ns, NULL);
        hot->face->next(hot, &other, &other_ns, NULL);
        assert_int_equal(one_ns, other_ns);
        assert_string_equal(one.sub_type, other.sub_type);
        ese_event_clear(&one);
        ese_event_clear(&other);
    }
    ese_source_close(&plain);
    ese_source_close(&hot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_of_a_hundred_are_one_persons),
        cmocka_unit_test(the_seed_decides_which),
        cmocka_unit_test(orders_are_left_alone),
        cmocka_unit_test(the_times_are_as_the_source_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
