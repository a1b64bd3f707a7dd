#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-client/clicks.h"
#include "ese-client/lanes.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"

struct click {
    struct ese_event event;
    int64_t due_ns;
};

static void next(struct ese_source *source, struct click *click)
{
    ese_event_clear(&click->event);
    assert_int_equal(source->face->next(source, &click->event, &click->due_ns, NULL),
                     ESE_SOURCE_EVENT);
}

static int person_of(const struct click *click)
{
    int64_t number = strtol(strchr(click->event.ip, '-') + 1, NULL, 10);
    return (int)number;
}

/* What one person did, as an onlooker writes it down. */
struct watch {
    int64_t burst_ns; /* the first event of the burst they are in; -1 before */
    int64_t press_ns; /* the last key press of an unused run */
    int run;          /* its length */
    int mails;
    int bursts;
};

static void watch(struct watch *person, const struct click *click)
{
    if (person->burst_ns < 0 || click->due_ns - person->burst_ns >= ESE_CLICKS_BURST_NS) {
        /* A new burst: the first of the one before lies in [cycle - 4 ms, cycle + 4 ms]. */
        if (person->burst_ns >= 0)
            assert_true(click->due_ns - person->burst_ns >
                        ESE_PERSONS_CYCLE_NS - ESE_CLICKS_BURST_NS);
        person->burst_ns = click->due_ns;
        person->bursts++;
    }
    if (strcmp(click->event.sub_type, ESE_SUB_TYPE_KEY_PRESS) != 0)
        return;
    bool continues = person->run > 0 && click->due_ns - person->press_ns <= ESE_NS_PER_S;
    person->run = continues ? person->run + 1 : 1;
    person->press_ns = click->due_ns;
    if (person->run == 3) {
        person->mails++;
        person->run = 0;
    }
}

static void rate_bursts_and_mails_are_the_originals(void **state)
{
    (void)state;
    enum { RATE = 500, SECONDS = 400 };
    int persons = ese_persons_needed(&ese_clicks_life, RATE);
    struct watch *watched = ese_alloc_array((size_t)persons, sizeof *watched);
    for (int i = 0; i < persons; i++)
        watched[i].burst_ns = -1;
    struct ese_source *source = ese_persons_open(&ese_clicks_life, RATE, 1, 7);
    struct click click = {.due_ns = 0};
    int64_t events = 0, before_ns = 0;
    for (next(source, &click); click.due_ns < SECONDS * ESE_NS_PER_S; next(source, &click)) {
        assert_true(click.due_ns >= before_ns);
        before_ns = click.due_ns;
        int person = person_of(&click);
        assert_in_range(person, 1, persons);
        watch(&watched[person - 1], &click);
        events++;
    }
    int64_t bursts = 0, mails = 0;
    for (int i = 0; i < persons; i++) {
        bursts += watched[i].bursts;
        mails += watched[i].mails;
    }
    assert_in_range(events, RATE * SECONDS * 99 / 100, RATE * SECONDS * 101 / 100);
    assert_in_range(events * 100 / bursts, 690, 710);
    assert_in_range(mails * 1000 / bursts, 430, 458); /* 4/9 */
    free(watched);
    ese_event_clear(&click.event);
    ese_source_close(&source);
}

static void the_cycle_is_never_shortened(void **state)
{
    (void)state;
    for (int64_t rate = 1; rate <= 1000000; rate += rate < 1000 ? 1 : 997) {
        int64_t cycle_ns = ese_persons_cycle_ns(&ese_clicks_life, rate);
        int persons = ese_persons_needed(&ese_clicks_life, rate);
        assert_true(persons >= 1 && cycle_ns >= ESE_PERSONS_CYCLE_NS);
        /* and one person less would not do */
        assert_true((persons - 1) * INT64_C(7000) < rate * 1200);
    }
}

/* Draws the first events of two runs side by side; how many differ. */
static int differences(uint64_t seed, uint64_t other_seed)
{
    struct ese_source *one = ese_persons_open(&ese_clicks_life, 300, 1, seed);
    struct ese_source *other = ese_persons_open(&ese_clicks_life, 300, 1, other_seed);
    struct ese_lanes *lanes = ese_lanes_new(64, 1), *other_lanes = ese_lanes_new(64, 1);
    struct click a = {.due_ns = 0}, b = {.due_ns = 0};
    int differing = 0;
    for (int i = 0; i < 20000; i++) {
        next(one, &a);
        next(other, &b);
        ese_lanes_name(lanes, &a.event, a.due_ns / ESE_NS_PER_MS);
        ese_lanes_name(other_lanes, &b.event, b.due_ns / ESE_NS_PER_MS);
        bool same = ese_id_equal(&a.event.id, &b.event.id) && a.due_ns == b.due_ns &&
                    ese_event_content_hash(&a.event) == ese_event_content_hash(&b.event);
        differing += !same;
    }
    ese_event_clear(&a.event);
    ese_event_clear(&b.event);
    ese_lanes_free(&lanes);
    ese_lanes_free(&other_lanes);
    ese_source_close(&one);
    ese_source_close(&other);
    return differing;
}

static void the_seed_decides_everything(void **state)
{
    (void)state;
    assert_int_equal(differences(42, 42), 0);
    assert_true(differences(42, 43) > 19000);
}

static void a_key_stays_in_its_lane_in_order(void **state)
{
    (void)state;
    struct ese_source *source = ese_persons_open(&ese_clicks_life, 100, 1, 1);
    struct ese_lanes *lanes = ese_lanes_new(64, 9);
    int64_t expected[ESE_ID_LANES] = {0};
    struct click click = {.due_ns = 0};
    for (int i = 0; i < 5000; i++) {
        next(source, &click);
        ese_lanes_name(lanes, &click.event, 1000 + click.due_ns / ESE_NS_PER_MS);
        struct ese_id_parts parts = ese_id_read(&click.event.id);
        assert_int_equal(parts.lane, ese_event_key_hash(click.event.key) % 64);
        assert_int_equal(parts.sequence, expected[parts.lane]++);
        assert_int_equal(parts.run, 9);
        assert_int_equal(parts.time_ms, click.event.client_ts);
        assert_true(ese_traceparent_valid(click.event.traceparent));
    }
    ese_event_clear(&click.event);
    ese_lanes_free(&lanes);
    ese_source_close(&source);
}

static void without_a_rate_everything_is_due_at_once(void **state)
{
    (void)state;
    struct ese_source *source = ese_persons_open(&ese_clicks_life, 0, 1, 1);
    assert_true(source->at_once);
    ese_source_close(&source);
    assert_null(source);
    ese_source_close(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_bursts_and_mails_are_the_originals),
        cmocka_unit_test(the_cycle_is_never_shortened),
        cmocka_unit_test(the_seed_decides_everything),
        cmocka_unit_test(a_key_stays_in_its_lane_in_order),
        cmocka_unit_test(without_a_rate_everything_is_due_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
