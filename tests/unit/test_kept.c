#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ese-consumer/kept.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"

#define SHEETS 4096
#define KEYS 200
#define NOTHING INT64_MIN

static const struct ese_rule *steady, *stuck;

/* ---- where sheets are, in memory ------------------------------------------------------------- */

struct shelf {
    struct ese_buffer sheets[SHEETS];
    int64_t first, next; /* those that are there */
    int64_t bytes;       /* ever written */
};

static int put(void *context, int64_t number, const struct ese_buffer *sheet, struct ese_error *error)
{
    struct shelf *shelf = context;
    (void)error;
    assert_true(number >= shelf->next && number < SHEETS && sheet->length > 0);
    if (shelf->first == shelf->next)
        shelf->first = number;
    shelf->next = number + 1;
    shelf->sheets[number] = (struct ese_buffer)ESE_BUFFER_INIT(SIZE_MAX);
    ese_buffer_append(&shelf->sheets[number], sheet->text, sheet->length);
    shelf->bytes += (int64_t)sheet->length;
    return 0;
}

static int get(void *context, int64_t number, struct ese_buffer *sheet, struct ese_error *error)
{
    struct shelf *shelf = context;
    (void)error;
    assert_true(number >= shelf->first && number < shelf->next);
    ese_buffer_append(sheet, shelf->sheets[number].text, shelf->sheets[number].length);
    return 0;
}

static int clear(void *context, int64_t number, struct ese_error *error)
{
    struct shelf *shelf = context;
    (void)error;
    for (; shelf->first < number && shelf->first < shelf->next; shelf->first++)
        ese_buffer_free(&shelf->sheets[shelf->first]);
    return 0;
}

static void save(struct ese_kept *kept, struct shelf *shelf)
{
    const struct ese_kept_shelf sheets = {.context = shelf, .put = put, .get = get, .clear = clear};
    assert_int_equal(ese_kept_save(kept, &sheets, NULL), 0);
}

static struct ese_kept *restore(const struct shelf *shelf, int64_t event_time_ms)
{
    struct ese_kept *kept = ese_kept_new();
    for (int64_t number = shelf->first; number < shelf->next; number++)
        assert_int_equal(ese_kept_restore(kept, number, shelf->sheets[number].text,
                                          shelf->sheets[number].length, NULL), 0);
    ese_kept_restored(kept, steady, event_time_ms);
    return kept;
}

static struct shelf *make_shelf(void)
{
    return ese_alloc(sizeof(struct shelf));
}

static void drop_shelf(struct shelf *shelf)
{
    clear(shelf, SHEETS, NULL);
    free(shelf);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* NOTHING: the key leaves. What is kept is its time, so many bytes as the time says. */
static void keep(struct ese_kept *kept, const struct ese_rule *rule, const char *key, int64_t leaves_ms)
{
    struct ese_rule_state state = {.length = 0, .leaves_ms = leaves_ms};
    if (leaves_ms != NOTHING) {
        state.length = 1 + (size_t)leaves_ms % rule->state_size;
        memset(state.bytes, (int)(leaves_ms & 0x7f), state.length);
    }
    ese_kept_put(kept, rule, key, &state);
}

static int64_t leaves_of(const struct ese_kept *kept, const struct ese_rule *rule, const char *key)
{
    struct ese_rule_state state;
    assert_int_equal(ese_kept_get(kept, rule, key, &state, NULL), 0);
    if (state.length == 0)
        return NOTHING;
    assert_int_equal(state.length, 1 + (size_t)state.leaves_ms % rule->state_size);
    assert_int_equal(state.bytes[state.length - 1], state.leaves_ms & 0x7f);
    return state.leaves_ms;
}

static int find_rules(void **unused)
{
    (void)unused;
    return ese_rule_find("steady-click", &steady, NULL) != 0 ? -1 : ese_rule_find("stuck-order", &stuck, NULL);
}

static void keys_are_kept_and_leave(void **unused)
{
    (void)unused;
    struct ese_kept *kept = ese_kept_new();
    keep(kept, steady, "k", 100);
    keep(kept, steady, "l", 200);
    keep(kept, stuck, "k", 300);
    assert_int_equal(leaves_of(kept, steady, "k"), 100);
    assert_int_equal(leaves_of(kept, stuck, "k"), 300);
    assert_int_equal(leaves_of(kept, steady, "m"), NOTHING);
    assert_int_equal(ese_kept_sweep(kept, steady, 100, 10), 0); /* it leaves once its time has passed */
    assert_int_equal(ese_kept_sweep(kept, steady, 101, 10), 1);
    assert_int_equal(leaves_of(kept, steady, "k"), NOTHING);
    assert_int_equal(ese_kept_count(kept, steady), 1);
    keep(kept, steady, "l", NOTHING);
    assert_int_equal(ese_kept_count(kept, steady), 0);
    assert_int_equal(ese_kept_count(kept, stuck), 1);
    ese_kept_free(&kept);
}

static void a_sweep_is_bounded(void **unused)
{
    (void)unused;
    struct ese_kept *kept = ese_kept_new();
    char key[] = "a";
    for (; key[0] <= 'j'; key[0]++)
        keep(kept, steady, key, 1);
    assert_int_equal(ese_kept_sweep(kept, steady, 1000, 4), 4);
    assert_int_equal(ese_kept_sweep(kept, steady, 1000, 100), 6);
    ese_kept_free(&kept);
}

static void who_leaves_first_is_found_first(void **unused)
{
    (void)unused;
    static const char *const order[] = {"e", "b", "c", "d", "a"};
    struct ese_kept *kept = ese_kept_new();
    struct ese_rule_state state;
    char key[ESE_EVENT_KEY_SIZE];
    keep(kept, stuck, "a", 40);
    keep(kept, stuck, "d", 30);
    keep(kept, stuck, "c", 20);
    keep(kept, stuck, "b", 20); /* of two at once the first by name */
    keep(kept, stuck, "e", 50);
    keep(kept, stuck, "e", 10);
    for (size_t i = 0; i < ESE_COUNT_OF(order); i++) {
        assert_int_equal(ese_kept_find_left(kept, stuck, 41, key, &state, NULL), 1);
        assert_string_equal(key, order[i]);
        keep(kept, stuck, key, NOTHING);
    }
    keep(kept, stuck, "f", 41);
    assert_int_equal(ese_kept_find_left(kept, stuck, 41, key, &state, NULL), 0);
    ese_kept_free(&kept);
}

static void what_another_version_kept_is_refused(void **unused)
{
    (void)unused;
    struct ese_error error = {0};
    struct ese_rule_state state;
    struct ese_rule larger = *stuck;
    struct ese_kept *kept = ese_kept_new();
    larger.state_size = stuck->state_size + 1;
    keep(kept, &larger, "k", (int64_t)stuck->state_size);
    assert_int_equal(ese_kept_get(kept, stuck, "k", &state, &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_non_null(strstr(error.text, "another version"));
    ese_kept_free(&kept);
}

/* ---- the log --------------------------------------------------------------------------------- */

static void a_sheet_leaves_once_nothing_of_it_is_valid(void **unused)
{
    (void)unused;
    struct shelf *shelf = make_shelf();
    struct ese_kept *kept = ese_kept_new();
    keep(kept, steady, "a", 100);
    keep(kept, stuck, "b", 100);
    save(kept, shelf);
    keep(kept, steady, "a", 200);
    save(kept, shelf);
    assert_int_equal(shelf->next - shelf->first, 2);
    keep(kept, stuck, "b", NOTHING);
    save(kept, shelf);
    assert_int_equal(shelf->first, 1); /* where a stands; and the last says that b has left */
    ese_kept_sweep(kept, steady, 201, 10);
    save(kept, shelf);
    assert_int_equal(shelf->first, shelf->next);
    int64_t bytes = shelf->bytes;
    keep(kept, steady, "c", 100);
    keep(kept, steady, "c", NOTHING);
    save(kept, shelf);
    assert_int_equal(shelf->bytes, bytes); /* who comes and goes in one batch was never there */
    ese_kept_free(&kept);
    drop_shelf(shelf);
}

static void one_that_stays_does_not_hold_the_log(void **unused)
{
    (void)unused;
    struct shelf *shelf = make_shelf();
    struct ese_kept *kept = ese_kept_new();
    char key[20];
    keep(kept, stuck, "stays", 1);
    for (int batch = 0; batch < 300; batch++) {
        for (int i = 0; i < 50; i++) {
            snprintf(key, sizeof key, "%d", i);
            keep(kept, steady, key, batch);
        }
        save(kept, shelf);
        assert_true(shelf->next - shelf->first <= (2 * 51 + ESE_KEPT_SLACK) / 50 + 2);
    }
    assert_true(shelf->first > 0);
    ese_kept_free(&kept);
    kept = restore(shelf, 0);
    assert_int_equal(leaves_of(kept, stuck, "stays"), 1);
    assert_int_equal(ese_kept_count(kept, steady), 50);
    ese_kept_free(&kept);
    drop_shelf(shelf);
}

static void a_spoilt_log_is_told(void **unused)
{
    (void)unused;
    struct shelf *shelf = make_shelf();
    struct ese_error error = {0};
    struct ese_kept *kept = ese_kept_new();
    keep(kept, steady, "a", 100);
    save(kept, shelf);
    ese_kept_free(&kept);
    const struct ese_buffer *sheet = &shelf->sheets[0];
    for (size_t length = 1; length < sheet->length; length++) {
        kept = ese_kept_new();
        assert_int_equal(ese_kept_restore(kept, 0, sheet->text, length, &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
        ese_kept_free(&kept);
    }
    kept = ese_kept_new();
    assert_int_equal(ese_kept_restore(kept, 0, sheet->text, sheet->length, NULL), 0);
    assert_int_equal(ese_kept_restore(kept, 2, sheet->text, sheet->length, &error), -1); /* one is missing */
    assert_non_null(strstr(error.text, "sheet 1"));
    ese_kept_free(&kept);
    drop_shelf(shelf);
}

/* ---- whatever happens ------------------------------------------------------------------------ */

/* What must be kept, as simply as it can be said. */
struct model {
    int64_t steady[KEYS], stuck[KEYS];
};

static void compare(const struct ese_kept *kept, const struct model *model)
{
    char key[20];
    int64_t count[2] = {0, 0};
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        assert_true(leaves_of(kept, steady, key) == model->steady[i]);
        assert_true(leaves_of(kept, stuck, key) == model->stuck[i]);
        count[0] += model->steady[i] != NOTHING;
        count[1] += model->stuck[i] != NOTHING;
    }
    assert_int_equal(ese_kept_count(kept, steady), count[0]);
    assert_int_equal(ese_kept_count(kept, stuck), count[1]);
}

static void change(struct ese_kept *kept, struct model *model, struct ese_random *random, int64_t now_ms)
{
    char key[20];
    int i = (int)ese_random_below(random, KEYS);
    bool is_steady = ese_random_below(random, 2) == 0;
    int64_t leaves_ms = ese_random_below(random, 3) == 0 ? NOTHING : now_ms + (int64_t)ese_random_below(random, 300);
    snprintf(key, sizeof key, "key-%d", i);
    keep(kept, is_steady ? steady : stuck, key, leaves_ms);
    *(is_steady ? &model->steady[i] : &model->stuck[i]) = leaves_ms;
}

static void sweep(struct ese_kept *kept, struct model *model, int64_t event_time_ms)
{
    int64_t left = 0;
    for (int i = 0; i < KEYS; i++) {
        if (model->steady[i] == NOTHING || model->steady[i] >= event_time_ms)
            continue;
        model->steady[i] = NOTHING;
        left++;
    }
    assert_int_equal(ese_kept_sweep(kept, steady, event_time_ms, INT64_MAX), left);
}

static void it_is_what_was_committed_whatever_happens(void **unused)
{
    (void)unused;
    struct ese_random random = ese_random_seeded(7, 0);
    struct shelf *shelf = make_shelf();
    struct ese_kept *kept = ese_kept_new();
    struct model model, saved;
    for (int i = 0; i < KEYS; i++)
        model.steady[i] = model.stuck[i] = NOTHING;
    saved = model;
    int64_t now_ms = 0, saved_ms = 0;
    for (int batch = 0; batch < 3000; batch++) {
        now_ms += (int64_t)ese_random_below(&random, 20);
        for (uint64_t i = ese_random_below(&random, 30); i > 0; i--)
            change(kept, &model, &random, now_ms);
        sweep(kept, &model, now_ms);
        if (ese_random_below(&random, 5) == 0) {
            ese_kept_undo(kept);
            model = saved;
            now_ms = saved_ms;
        } else {
            save(kept, shelf);
            saved = model;
            saved_ms = now_ms;
        }
        compare(kept, &model);
        if (ese_random_below(&random, 10) == 0) {
            ese_kept_free(&kept);
            kept = restore(shelf, saved_ms);
            compare(kept, &model);
        }
    }
    assert_true(shelf->first > 0);
    ese_kept_free(&kept);
    drop_shelf(shelf);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_kept_and_leave),
        cmocka_unit_test(a_sweep_is_bounded),
        cmocka_unit_test(who_leaves_first_is_found_first),
        cmocka_unit_test(what_another_version_kept_is_refused),
        cmocka_unit_test(a_sheet_leaves_once_nothing_of_it_is_valid),
        cmocka_unit_test(one_that_stays_does_not_hold_the_log),
        cmocka_unit_test(a_spoilt_log_is_told),
        cmocka_unit_test(it_is_what_was_committed_whatever_happens),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, find_rules, NULL);
}
