#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "transports/http/store_lanes.h"

#define EVENTS 60000
#define LANES 40
#define SEQUENCES 3000 /* of a lane, at most */

/* The same log, kept naively: what is at each offset, and where each event is. */
struct model {
    struct ese_store_lanes *lanes;
    struct ese_random random;
    struct event {
        struct ese_id id;
        bool is_stray;
    } log[EVENTS];
    int64_t offset_of[LANES][SEQUENCES]; /* -1: it is not there */
    uint32_t following[LANES];           /* sequence that would be in order */
    int64_t next, first;
};

static struct ese_id id_of(int lane, uint32_t sequence)
{
    const struct ese_id_parts parts = {
        .time_ms = 5, .lane = (uint16_t)(lane % 8), .run = 1 + (uint32_t)lane / 8, .sequence = sequence};
    return ese_id_make(&parts);
}

static int set_up(void **state)
{
    static const struct ese_store_bounds bounds; /* the usual ones */
    struct model *model = *state = ese_alloc(sizeof(*model));

    model->lanes = ese_store_lanes_new(&bounds);
    model->random = ese_random_seeded(7, 1);
    memset(model->offset_of, 0xff, sizeof(model->offset_of));
    return 0;
}

static int tear_down(void **state)
{
    struct model *model = *state;

    ese_store_lanes_free(&model->lanes);
    free(model);
    return 0;
}

static int below(struct model *model, uint64_t bound)
{
    return (int)ese_random_below(&model->random, bound);
}

/* ---- what is found --------------------------------------------------------------------------- */

/* As who has an index of strays beside. */
static void find(struct model *model, int lane, uint32_t sequence)
{
    struct ese_id id = id_of(lane, sequence);
    int64_t offset = model->offset_of[lane][sequence];
    struct ese_store_place place;
    enum ese_store_where where = ese_store_lanes_find(model->lanes, &id, &place);
    bool is_there = offset >= model->first;

    if (where == ESE_STORE_NOWHERE)
        assert_false(is_there);
    else if (where == ESE_STORE_ASTRAY)
        assert_true(!is_there || model->log[offset].is_stray);
    else if (is_there && !model->log[offset].is_stray)
        assert_in_range(offset, place.first, place.last);
    if (where == ESE_STORE_BETWEEN)
        assert_in_range(place.last - place.first, 0, 255);
}

static void find_some(struct model *model, int count)
{
    while (count-- > 0) {
        int lane = below(model, LANES);
        uint32_t most = model->following[lane] + 3 < SEQUENCES ? model->following[lane] + 3 : SEQUENCES;
        uint32_t sequence = (uint32_t)below(model, most);
        for (uint32_t k = sequence; k < most && k < sequence + 5; k++)
            find(model, lane, k);
    }
}

/* ---- what happens ---------------------------------------------------------------------------- */

/* Mostly in order, leaving some out, which come later; not what is there. */
static void add(struct model *model)
{
    int lane = below(model, below(model, 2) == 0 ? 3 : LANES);
    uint32_t *following = &model->following[lane];
    bool is_late = *following > 0 && below(model, 20) == 0;
    uint32_t sequence = is_late ? (uint32_t)below(model, *following) : *following + (below(model, 9) == 0);

    if (sequence >= SEQUENCES || model->offset_of[lane][sequence] >= 0)
        return;
    struct ese_id id = id_of(lane, sequence);
    bool is_in_order = ese_store_lanes_note(model->lanes, &id, model->next);
    assert_true(is_in_order || is_late); /* late is not always out of order: what was before may have been taken back */
    if (!is_late)
        *following = sequence + 1;
    model->log[model->next] = (struct event){.id = id, .is_stray = !is_in_order};
    model->offset_of[lane][sequence] = model->next++;
}

/* Takes back what was added since; `following` stays beyond it, as a client's would that goes on. */
static void take_back(struct model *model, int64_t to, size_t noted)
{
    ese_store_lanes_rollback(model->lanes, noted);
    while (model->next > to) {
        struct ese_id_parts parts = ese_id_read(&model->log[--model->next].id);
        int lane = (int)(parts.run - 1) * 8 + parts.lane;
        model->offset_of[lane][parts.sequence] = -1;
    }
}

static void transact(struct model *model)
{
    int64_t begun = model->next;
    int fate = below(model, 10);

    for (int i = below(model, 60); i >= 0 && model->next < EVENTS; i--)
        add(model);
    find_some(model, 1);
    if (fate == 0) {
        take_back(model, begun, 0);
        return;
    }
    if (fate == 1) { /* a request within it */
        size_t noted = ese_store_lanes_noted(model->lanes);
        int64_t in_between = model->next;
        for (int i = 0; i < 5 && model->next < EVENTS; i++)
            add(model);
        take_back(model, in_between, noted);
    }
    ese_store_lanes_commit(model->lanes, model->first);
}

static void a_log_is_known_as_it_is(void **state)
{
    struct model *model = *state;
    int64_t before;

    do {
        before = model->next;
        for (int i = 0; i < 20; i++)
            transact(model);
        find_some(model, 10);
        if (below(model, 20) == 0)
            model->first += (model->next - model->first) / 3;
    } while (model->next > before);
    assert_in_range(model->next, EVENTS / 2, EVENTS);
    for (int lane = 0; lane < LANES; lane++) {
        for (uint32_t k = 0; k < SEQUENCES; k += 7)
            find(model, lane, k);
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static struct ese_id id_of_run(uint32_t run, uint32_t sequence)
{
    return ese_id_make(&(struct ese_id_parts){.run = run, .sequence = sequence});
}

static enum ese_store_where where_is(const struct model *model, const struct ese_id *id)
{
    struct ese_store_place place;

    return ese_store_lanes_find(model->lanes, id, &place);
}

static void use_bounds(struct model *model, struct ese_store_bounds bounds)
{
    ese_store_lanes_free(&model->lanes);
    model->lanes = ese_store_lanes_new(&bounds);
}

/* Who has no room is a stray, and whoever asks for it is told to look there, until it has left the log; so is who comes
 * behind it, of the same lane, when there is room. */
static void there_are_so_many_lanes_and_no_more(void **state)
{
    struct model *model = *state;
    struct ese_id one_more = id_of_run(101, 7), before_it = id_of_run(101, 3), other = id_of_run(200, 0);
    int64_t offset = 0;

    use_bounds(model, (struct ese_store_bounds){.lanes = 100});
    for (uint32_t run = 1; run <= 100; run++) {
        struct ese_id id = id_of_run(run, 0);
        assert_true(ese_store_lanes_note(model->lanes, &id, offset++));
    }
    ese_store_lanes_commit(model->lanes, 0);
    assert_int_equal(where_is(model, &one_more), ESE_STORE_NOWHERE);
    assert_false(ese_store_lanes_note(model->lanes, &one_more, offset++));
    assert_int_equal(where_is(model, &one_more), ESE_STORE_ASTRAY);

    ese_store_lanes_commit(model->lanes, 50); /* half of them have left the log */
    assert_true(ese_store_lanes_note(model->lanes, &before_it, offset++));
    assert_int_equal(where_is(model, &one_more), ESE_STORE_ASTRAY);
    ese_store_lanes_commit(model->lanes, 101);
    assert_int_equal(where_is(model, &one_more), ESE_STORE_NOWHERE);
    assert_int_equal(where_is(model, &other), ESE_STORE_NOWHERE);
}

/* What is a stray of a lane keeps the lane. */
static void a_lane_stays_for_its_strays(void **state)
{
    struct model *model = *state;
    struct ese_id ids[] = {id_of_run(1, 9), id_of_run(2, 0), id_of_run(1, 4)};

    use_bounds(model, (struct ese_store_bounds){.lanes = 2});
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(ese_store_lanes_note(model->lanes, &ids[i], i), i < 2);
    ese_store_lanes_commit(model->lanes, 2);
    assert_int_equal(where_is(model, &ids[2]), ESE_STORE_ASTRAY);
    assert_int_equal(where_is(model, &ids[1]), ESE_STORE_NOWHERE); /* that lane has left */
}

/* A log that is read has strays, which are beyond what their lane has by itself. */
static void a_stray_of_a_log_that_is_read_is_beyond_its_lane(void **state)
{
    struct model *model = *state;
    struct ese_id stray = id_of_run(1, 9), in_order = id_of_run(1, 4), other = id_of_run(2, 4);

    ese_store_lanes_note_stray(model->lanes, &stray, 0);
    assert_true(ese_store_lanes_note(model->lanes, &in_order, 1));
    assert_true(ese_store_lanes_note(model->lanes, &other, 2));
    assert_int_equal(where_is(model, &stray), ESE_STORE_ASTRAY);
    stray = id_of_run(2, 9);
    ese_store_lanes_note_stray(model->lanes, &stray, 3);
    assert_int_equal(where_is(model, &stray), ESE_STORE_ASTRAY);
    ese_store_lanes_commit(model->lanes, 3);
    in_order = id_of_run(1, 5);
    assert_int_equal(where_is(model, &in_order), ESE_STORE_NOWHERE);
    assert_int_equal(where_is(model, &stray), ESE_STORE_ASTRAY);
}

/* More events than there may be marks, each far from the one before: marks become sparser, and say as much. The last
 * of a lane is known exactly. */
static void there_are_so_many_marks_and_no_more(void **state)
{
    struct model *model = *state;
    struct ese_store_place place;
    const int64_t count = 2005, apart = 5000;

    use_bounds(model, (struct ese_store_bounds){.marks = 1000});
    for (int64_t i = 0; i < count; i++) {
        struct ese_id id = id_of_run(1, (uint32_t)i);
        assert_true(ese_store_lanes_note(model->lanes, &id, i * apart));
        ese_store_lanes_commit(model->lanes, 0);
        assert_int_equal(ese_store_lanes_find(model->lanes, &id, &place), ESE_STORE_BETWEEN);
        assert_int_equal(place.first, i * apart);
        assert_int_equal(place.last, i * apart);
    }
    for (int64_t i = 0; i < count; i++) {
        struct ese_id id = id_of_run(1, (uint32_t)i);
        assert_int_equal(ese_store_lanes_find(model->lanes, &id, &place), ESE_STORE_BETWEEN);
        assert_in_range(i * apart, place.first, place.last);
        assert_true(place.last - place.first <= 7 * apart); /* one for two, twice or three times */
    }
}

static void what_is_of_no_lane_is_astray(void **state)
{
    struct model *model = *state;
    struct ese_id derived = ese_id_derive("a name", NULL, 0);

    assert_int_equal(where_is(model, &derived), ESE_STORE_ASTRAY);
    assert_false(ese_store_lanes_note(model->lanes, &derived, 9));
    assert_int_equal(ese_store_lanes_noted(model->lanes), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_is_known_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_so_many_lanes_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lane_stays_for_its_strays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stray_of_a_log_that_is_read_is_beyond_its_lane, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_so_many_marks_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_of_no_lane_is_astray, set_up, tear_down),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("http_store_lanes", tests, NULL, NULL);
}
