/* When events were due and when they came: what is measured of that, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "orchestration/bench/reader.h"

#define LANES 3
#define EACH 1000

static struct ese_id id_of(uint16_t lane, uint32_t sequence)
{
    const struct ese_id_parts parts = {.time_ms = 1700000000000, .lane = lane, .run = 7, .sequence = sequence};

    return ese_id_make(&parts);
}

static void came(struct ese_dues *dues, uint16_t lane, uint32_t sequence, int64_t came_ns)
{
    struct ese_id id = id_of(lane, sequence);

    ese_dues_came(dues, &id, came_ns);
}

/* Every lane has an event each millisecond; measured is what was due in 200..800 ms. */
static struct ese_dues *make(void)
{
    struct ese_dues *dues = ese_dues_new();

    for (uint16_t lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < EACH; i++)
            ese_dues_note(dues, lane, i * ESE_NS_PER_MS);
    }
    ese_dues_measure(dues, 200 * ESE_NS_PER_MS, 800 * ESE_NS_PER_MS);
    return dues;
}

static void what_was_due_meanwhile_is_measured(void **state)
{
    (void)state;
    struct ese_dues *dues = make();
    assert_int_equal(ese_dues_measured(dues), LANES * 600);
    for (uint16_t lane = 0; lane < LANES; lane++) {
        for (uint32_t i = 0; i < EACH; i++)
            came(dues, lane, i, (i + (i >= 200 && i < 800 ? 3 : 500)) * ESE_NS_PER_MS);
    }
    assert_int_equal(ese_dues_missing(dues), 0);
    assert_int_equal(ese_histogram_count(ese_dues_latency_us(dues)), LANES * 600);
    assert_int_equal(ese_histogram_min(ese_dues_latency_us(dues)), 3000);
    assert_int_equal(ese_histogram_max(ese_dues_latency_us(dues)), 3000);
    ese_dues_free(&dues);
    assert_null(dues);
}

static void what_comes_again_counts_once(void **state)
{
    (void)state;
    struct ese_dues *dues = make();
    came(dues, 1, 300, 301 * ESE_NS_PER_MS);
    came(dues, 1, 300, 900 * ESE_NS_PER_MS);
    came(dues, 2, EACH, 900 * ESE_NS_PER_MS); /* nobody has sent it, */
    came(dues, LANES, 0, 900 * ESE_NS_PER_MS); /* nor that one */
    assert_int_equal(ese_dues_missing(dues), LANES * 600 - 1);
    assert_int_equal(ese_histogram_max(ese_dues_latency_us(dues)), 1000);
    ese_dues_free(&dues);
}

static void what_did_not_come_voids_the_round(void **state)
{
    (void)state;
    struct ese_round round = {.rate = 1};
    struct ese_dues *dues = make();
    for (uint16_t lane = 0; lane < LANES; lane++) {
        for (uint32_t i = 0; i < EACH; i++) {
            if (lane != 2 || i != 400)
                came(dues, lane, i, (i + 2) * ESE_NS_PER_MS);
        }
    }
    ese_bench_reader_tell(dues, &round);
    assert_true(round.p50_us == 2000 && round.p99_us == 2000);
    assert_string_equal(round.reason, "of 1800 events 1 did not come to who reads them");
    came(dues, 2, 400, 500 * ESE_NS_PER_MS);
    round = (struct ese_round){.rate = 1};
    ese_bench_reader_tell(dues, &round);
    assert_string_equal(round.reason, "");
    ese_dues_free(&dues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_due_meanwhile_is_measured),
        cmocka_unit_test(what_comes_again_counts_once),
        cmocka_unit_test(what_did_not_come_voids_the_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
