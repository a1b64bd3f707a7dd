#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transports/http/store_sight.h"

#define FIRST 1000
#define MOST 16384

static struct ese_id id_of(int64_t offset)
{
    return ese_id_make(&(struct ese_id_parts){.time_ms = 7, .run = 1, .sequence = (uint32_t)offset});
}

static void it_has_what_was_added_until_it_begins_anew(void **state)
{
    struct ese_store_sight *sight = ese_store_sight_new();
    int64_t offset, at;

    (void)state;
    assert_false(ese_store_sight_covers(sight, 0, 0));
    ese_store_sight_begin(sight, FIRST);
    for (offset = FIRST; offset < FIRST + MOST; offset++) {
        struct ese_id id = id_of(offset);
        assert_false(ese_store_sight_find(sight, &id, &at));
        assert_false(ese_store_sight_covers(sight, offset, offset));
        assert_true(ese_store_sight_add(sight, &id, offset));
    }
    struct ese_id beyond = id_of(offset), last = id_of(offset - 1);
    assert_false(ese_store_sight_add(sight, &beyond, offset)); /* it is full */
    assert_false(ese_store_sight_find(sight, &beyond, &at));
    assert_true(ese_store_sight_find(sight, &last, &at));
    assert_int_equal(at, FIRST + MOST - 1);
    assert_true(ese_store_sight_covers(sight, FIRST, FIRST + MOST - 1));
    assert_false(ese_store_sight_covers(sight, FIRST - 1, FIRST));
    assert_false(ese_store_sight_covers(sight, FIRST, FIRST + MOST));

    ese_store_sight_begin(sight, 5);
    assert_false(ese_store_sight_find(sight, &last, &at));
    assert_false(ese_store_sight_covers(sight, 5, 5));
    assert_true(ese_store_sight_add(sight, &beyond, 5));
    assert_true(ese_store_sight_find(sight, &beyond, &at));
    assert_int_equal(at, 5);
    ese_store_sight_free(&sight);
    assert_null(sight);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_what_was_added_until_it_begins_anew),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("http_store_sight", tests, NULL, NULL);
}
