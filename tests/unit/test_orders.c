#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "ese-client/clicks.h"
#include "ese-client/orders.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define NOON 1700000000000

struct act {
    struct ese_event event;
    int64_t due_ns;
};

static void next(struct ese_source *source, struct act *act)
{
    ese_event_clear(&act->event);
    assert_int_equal(source->face->next(source, &act->event, &act->due_ns, NULL),
                     ESE_SOURCE_EVENT);
}

static bool is_order(const struct act *act)
{
    return strcmp(act->event.type, ESE_TYPE_ORDER) == 0;
}

static int person_of(const struct act *act)
{
    return (int)strtol(strchr(act->event.ip, '-') + 1, NULL, 10);
}

/* What an onlooker has seen of one person's order. */
struct order {
    char key[ESE_EVENT_KEY_SIZE];
    int64_t created_ns;
    int states;
};

struct watch {
    struct order *orders; /* by person */
    int64_t created, completed, events, clicks;
};

static void watch_order(struct watch *watch, const struct act *act)
{
    static const char *const states[] = {"ORDER_CREATED", "ORDER_ALLOCATED", "ORDER_STARTED",
                                         "ORDER_COMPLETED"};
    struct order *order = &watch->orders[person_of(act)];
    if (strcmp(act->event.sub_type, states[0]) == 0) {
        assert_string_not_equal(order->key, act->event.key);
        assert_true(order->states == 0 || order->states >= 3); /* one at a time, none given up earlier */
        *order = (struct order){.created_ns = act->due_ns};
        snprintf(order->key, sizeof order->key, "%s", act->event.key);
        watch->created++;
    }
    assert_string_equal(order->key, act->event.key);
    assert_in_range(order->states, 0, 3);
    assert_string_equal(act->event.sub_type, states[order->states]);
    assert_int_equal(act->due_ns - order->created_ns, order->states * 200 * ESE_NS_PER_MS);
    watch->completed += order->states == 3;
    order->states++;
}

static void orders_are_the_originals(void **state)
{
    (void)state;
    enum { RATE = 400, SECONDS = 300 };
    static const struct ese_life *const lives[] = {&ese_orders_life, &ese_mixed_life};
    for (size_t i = 0; i < ESE_COUNT_OF(lives); i++) {
        int persons = ese_persons_needed(lives[i], RATE);
        struct watch watch = {.orders = ese_alloc_array((size_t)persons + 1, sizeof *watch.orders)};
        struct ese_source *source = ese_persons_open(lives[i], RATE, 1, 7);
        struct act act = {.due_ns = 0};
        int64_t before_ns = 0;
        for (next(source, &act); act.due_ns < SECONDS * ESE_NS_PER_S; next(source, &act)) {
            assert_true(act.due_ns >= before_ns);
            before_ns = act.due_ns;
            assert_in_range(person_of(&act), 1, persons);
            watch.events++;
            watch.clicks += !is_order(&act);
            if (is_order(&act))
                watch_order(&watch, &act);
        }
        int64_t mean = i == 0 ? 350 : 1050; /* events an order, in hundredths */
        assert_in_range(watch.events, RATE * SECONDS * 99 / 100, RATE * SECONDS * 101 / 100);
        assert_in_range(watch.events * 100 / watch.created, mean * 98 / 100, mean * 102 / 100);
        assert_in_range(watch.completed * 100 / watch.created, 47, 53);
        assert_int_equal(watch.clicks > 0, i == 1);
        free(watch.orders);
        ese_event_clear(&act.event);
        ese_source_close(&source);
    }
}

/* Two events of one ip in one millisecond are one to the original's store. */
static void an_order_clashes_with_nothing(void **state)
{
    (void)state;
    enum { RATE = 700, COUNT = 200000 };
    int persons = ese_persons_needed(&ese_mixed_life, RATE);
    struct ese_source *source = ese_persons_open(&ese_mixed_life, RATE, 1, 11);
    struct before {
        int64_t ms;
        bool is_order;
    } *before = ese_alloc_array((size_t)persons + 1, sizeof *before);
    struct act act = {.due_ns = 0};
    int clashes = 0;
    for (int i = 0; i < COUNT; i++) {
        next(source, &act);
        struct before *last = &before[person_of(&act)];
        int64_t ms = act.due_ns / ESE_NS_PER_MS;
        bool is_clash = i > 0 && ms == last->ms;
        assert_false(is_clash && (is_order(&act) || last->is_order));
        clashes += is_clash;
        *last = (struct before){.ms = ms, .is_order = is_order(&act)};
    }
    assert_true(clashes > COUNT / 10); /* as clicks do */
    free(before);
    ese_event_clear(&act.event);
    ese_source_close(&source);
}

static void its_data_is_the_originals(void **state)
{
    (void)state;
    struct ese_source *source = ese_persons_open(&ese_mixed_life, 100, 1, 1);
    struct act act = {.due_ns = 0};
    for (int i = 0; i < 500; i++) {
        next(source, &act);
        source->face->stamp(&act.event, NOON + i);
        if (!is_order(&act)) {
            assert_string_equal(ese_event_data(&act.event), "{}");
            assert_string_equal(act.event.key, act.event.ip);
            continue;
        }
        json_t *data = json_loads(ese_event_data(&act.event), 0, NULL);
        assert_int_equal(json_object_size(data), 2);
        assert_int_equal(json_integer_value(json_object_get(data, "timestamp")), NOON + i);
        const char *order = json_string_value(json_object_get(data, "orderId"));
        assert_string_equal(order, act.event.key);
        assert_int_equal(strlen(order), 36);
        assert_int_equal(order[14], '4');
        ese_event_set_key(&act.event); /* as whoever reads it finds it */
        assert_string_equal(act.event.key, order);
        json_decref(data);
    }
    ese_event_clear(&act.event);
    ese_source_close(&source);
}

static void the_seed_decides_everything(void **state)
{
    (void)state;
    for (uint64_t other_seed = 42; other_seed <= 43; other_seed++) {
        struct ese_source *one = ese_persons_open(&ese_mixed_life, 300, 1, 42);
        struct ese_source *other = ese_persons_open(&ese_mixed_life, 300, 1, other_seed);
        struct act a = {.due_ns = 0}, b = {.due_ns = 0};
        int same = 0;
        for (int i = 0; i < 20000; i++) {
            next(one, &a);
            next(other, &b);
            same += a.due_ns == b.due_ns && strcmp(a.event.key, b.event.key) == 0 &&
                    ese_event_content_hash(&a.event) == ese_event_content_hash(&b.event);
        }
        assert_true(other_seed == 42 ? same == 20000 : same < 1000);
        ese_event_clear(&a.event);
        ese_event_clear(&b.event);
        ese_source_close(&one);
        ese_source_close(&other);
    }
}

static void the_cycle_is_never_shortened(void **state)
{
    (void)state;
    static const struct ese_life *const lives[] = {&ese_orders_life, &ese_mixed_life};
    for (int64_t rate = 1; rate <= 1000000; rate += rate < 1000 ? 1 : 997) {
        for (size_t i = 0; i < ESE_COUNT_OF(lives); i++) {
            assert_true(ese_persons_needed(lives[i], rate) >= 1);
            assert_true(ese_persons_cycle_ns(lives[i], rate) >= ESE_PERSONS_CYCLE_NS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_the_originals),
        cmocka_unit_test(an_order_clashes_with_nothing),
        cmocka_unit_test(its_data_is_the_originals),
        cmocka_unit_test(the_seed_decides_everything),
        cmocka_unit_test(the_cycle_is_never_shortened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
