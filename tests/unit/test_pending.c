#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-client/pending.h"
#include "ese-core/random.h"

enum { MOST = 500, LANES = 40 };

static struct ese_id id_of(uint32_t lane, uint32_t sequence)
{
    struct ese_id_parts parts = {
        .time_ms = 5, .lane = (uint16_t)lane, .run = 3, .sequence = sequence};
    return ese_id_make(&parts);
}

/* Against a plain list that does the same, with takes in any order. */
static void holds_what_was_added_and_nothing_else(void **state)
{
    (void)state;
    struct ese_id held[MOST];
    int count = 0;
    uint32_t next[LANES] = {0};
    struct ese_pending *pending = ese_pending_new(MOST);
    struct ese_random random = ese_random_seeded(1, 1);
    for (int64_t turn = 0; turn < 100000; turn++) {
        bool adds = count == 0 || (count < MOST && ese_random_below(&random, 100) < 52);
        if (adds) {
            uint32_t lane = (uint32_t)ese_random_below(&random, LANES);
            held[count] = id_of(lane, next[lane]);
            ese_pending_add(pending, &held[count++], (int64_t)(lane << 24 | next[lane]++));
        } else {
            int which = (int)ese_random_below(&random, (uint64_t)count);
            struct ese_id id = held[which];
            struct ese_id_parts parts = ese_id_read(&id);
            int64_t due_ns = -1;
            held[which] = held[--count];
            assert_true(ese_pending_take(pending, &id, &due_ns));
            assert_int_equal(due_ns, (int64_t)parts.lane << 24 | parts.sequence);
            assert_false(ese_pending_take(pending, &id, &due_ns));
        }
        assert_int_equal(ese_pending_count(pending), count);
    }
    struct ese_id id;
    for (; count > 0; count--)
        assert_true(ese_pending_take_any(pending, &id));
    assert_false(ese_pending_take_any(pending, &id));
    ese_pending_free(&pending);
    ese_pending_free(&pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_added_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
