#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/id.h"

static void round_trip(void **state)
{
    (void)state;
    static const struct ese_id_parts all[] = {
        {.time_ms = 0, .lane = 0, .run = 0, .sequence = 0},
        {.time_ms = 1767225600123, .lane = 17, .run = 0x2abcdef1, .sequence = 42},
        {.time_ms = (INT64_C(1) << 48) - 1, .lane = 4095, .run = 0x3fffffff, .sequence = UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct ese_id id = ese_id_make(&all[i]);
        assert_true(ese_id_is_ours(&id));
        char text[ESE_ID_TEXT_SIZE];
        ese_id_text(&id, text);
        struct ese_id again;
        assert_int_equal(ese_id_parse(text, &again, NULL), 0);
        assert_true(ese_id_equal(&id, &again));
        struct ese_id_parts parts = ese_id_read(&again);
        assert_int_equal(parts.time_ms, all[i].time_ms);
        assert_int_equal(parts.lane, all[i].lane);
        assert_int_equal(ese_id_lane(&again), all[i].lane);
        assert_int_equal(parts.run, all[i].run);
        assert_int_equal(parts.sequence, all[i].sequence);
    }
}

static void text_as_rfc_9562_writes_it(void **state)
{
    (void)state;
    /* 0x017f22e279b0 is the time of the RFC's own example of a version 7 UUID. */
    struct ese_id id = ese_id_make(&(struct ese_id_parts){
        .time_ms = 0x017f22e279b0, .lane = 0xcc3, .run = 0x18c4dc0c, .sequence = 0x0c07398f});
    char text[ESE_ID_TEXT_SIZE];
    ese_id_text(&id, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    struct ese_id upper;
    assert_int_equal(ese_id_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", &upper, NULL), 0);
    assert_true(ese_id_equal(&id, &upper));
}

static void sorts_by_time_then_sequence(void **state)
{
    (void)state;
    struct ese_id_parts parts = {.time_ms = 1000, .lane = 4095, .run = 0x3fffffff, .sequence = UINT32_MAX};
    struct ese_id early = ese_id_make(&parts);
    parts = (struct ese_id_parts){.time_ms = 1001, .lane = 0, .run = 1, .sequence = 0};
    struct ese_id late = ese_id_make(&parts);
    parts.sequence = 1;
    struct ese_id later = ese_id_make(&parts);
    assert_true(ese_id_compare(&early, &late) < 0);
    assert_true(ese_id_compare(&late, &later) < 0);
    assert_true(ese_id_compare(&later, &early) > 0);
}

static void times_beyond_the_field_are_held_at_its_ends(void **state)
{
    (void)state;
    struct ese_id id = ese_id_make(&(struct ese_id_parts){.time_ms = -5});
    assert_int_equal(ese_id_read(&id).time_ms, 0);
    id = ese_id_make(&(struct ese_id_parts){.time_ms = INT64_MAX});
    assert_int_equal(ese_id_read(&id).time_ms, (INT64_C(1) << 48) - 1);
    assert_true(ese_id_is_ours(&id));
}

static void refuses_what_is_no_uuid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "017f22e2", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e279b0-7cc3-98c4-dc0c-0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2 79b0 7cc3 98c4 dc0c0c07398f",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ese_id id;
        struct ese_error error = {0};
        assert_int_equal(ese_id_parse(bad[i], &id, &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
    }
}

static void knows_its_own(void **state)
{
    (void)state;
    struct ese_id id;
    assert_int_equal(ese_id_parse("f81d4fae-7dec-41d0-a765-00a0c91e6bf6", &id, NULL), 0); /* version 4 */
    assert_false(ese_id_is_ours(&id));
    assert_int_equal(ese_id_parse("017f22e2-79b0-7cc3-18c4-dc0c0c07398f", &id, NULL), 0); /* variant */
    assert_false(ese_id_is_ours(&id));
    assert_false(ese_id_is_none(&id));
    id = (struct ese_id){{0}};
    assert_true(ese_id_is_none(&id));
    assert_false(ese_id_is_ours(&id));
}

static void runs_are_drawn_anew(void **state)
{
    (void)state;
    uint32_t first = ese_id_draw_run();
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint32_t run = ese_id_draw_run();
        assert_in_range(run, 1, 0x3fffffff);
        differs = differs || run != first;
    }
    assert_true(differs);
}

static void derived_ids_follow_from_all_inputs(void **state)
{
    (void)state;
    const struct ese_id a = {{1}}, b = {{2}};
    const struct ese_id ab[] = {a, b}, ba[] = {b, a};
    struct ese_id first = ese_id_derive("steady-click", ab, 2);
    struct ese_id same = ese_id_derive("steady-click", ab, 2);
    assert_true(ese_id_equal(&first, &same));
    assert_int_equal(first.bytes[6] >> 4, 8);
    assert_int_equal(first.bytes[8] >> 6, 2);
    const struct ese_id others[] = {
        ese_id_derive("steady-click", ba, 2),
        ese_id_derive("steady-click", ab, 1),
        ese_id_derive("steady-click", NULL, 0),
        ese_id_derive("stuck-order", ab, 2),
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(ese_id_equal(&first, &others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(text_as_rfc_9562_writes_it),
        cmocka_unit_test(sorts_by_time_then_sequence),
        cmocka_unit_test(times_beyond_the_field_are_held_at_its_ends),
        cmocka_unit_test(refuses_what_is_no_uuid),
        cmocka_unit_test(knows_its_own),
        cmocka_unit_test(runs_are_drawn_anew),
        cmocka_unit_test(derived_ids_follow_from_all_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
