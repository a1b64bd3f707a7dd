/* What further readers have seen of what was acknowledged: counted, missed, handed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/reader_account.h"
#include "tests/support/directory.h"

#define BEGUN_NS (INT64_C(1000) * ESE_NS_PER_S)

enum { EVENTS = 20 };

struct scene {
    char *directory;
    struct ese_id ids[EVENTS];
    struct ese_history *history;
};

static void begin(struct scene *scene, const char *name)
{
    struct ese_error error;
    char *path = ese_test_path(scene->directory, name);
    const struct ese_history_options options = {.path = path, .party = "somebody", .transport = "x",
                                                .limit = 1 << 20};
    ese_history_close(&scene->history);
    assert_int_equal(ese_history_open(&options, &scene->history, &error), 0);
    free(path);
}

static void note(struct scene *scene, enum ese_history_kind kind, int number, int64_t ms)
{
    struct ese_history_record record = {.kind = (uint16_t)kind, .time_ns = BEGUN_NS + ms * ESE_NS_PER_MS, .a = number};
    if (kind != ESE_HISTORY_GIVEN)
        record.id = scene->ids[number];
    ese_history_record(scene->history, &record);
}

/* Of twenty events the last two are not acknowledged; two clients sent them. */
static int set_up(void **state)
{
    struct scene *scene = ese_alloc(sizeof *scene);
    scene->directory = ese_test_directory_make();
    for (int i = 0; i < EVENTS; i++) {
        const struct ese_id_parts parts = {
            .time_ms = 1767225600000 + i, .lane = (uint16_t)(i % 3), .run = 7, .sequence = (uint32_t)(EVENTS - i)};
        scene->ids[i] = ese_id_make(&parts);
    }
    begin(scene, "client.history");
    for (int i = 0; i < EVENTS - 2; i += 2)
        note(scene, ESE_HISTORY_ACKNOWLEDGED, i, i);
    note(scene, ESE_HISTORY_REFUSED, EVENTS - 2, 50);
    begin(scene, "client-2.history");
    for (int i = 1; i < EVENTS - 2; i += 2)
        note(scene, ESE_HISTORY_ACKNOWLEDGED, i, i);
    note(scene, ESE_HISTORY_UNKNOWN, EVENTS - 1, 51);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    ese_history_close(&scene->history);
    ese_test_directory_remove(&scene->directory);
    free(scene);
    return 0;
}

static struct ese_reader_account account_of(struct scene *scene)
{
    struct ese_reader_account accounts[ESE_READERS];
    struct ese_error error;
    assert_int_equal(ese_reader_accounts(scene->directory, 1, accounts, &error), 0);
    return accounts[0];
}

static void who_has_seen_all_has_missed_nothing(void **state)
{
    struct scene *scene = *state;
    begin(scene, "reader-1.history");
    note(scene, ESE_HISTORY_GIVEN, 0, 100);
    for (int i = 0; i < EVENTS; i++) /* also what is not known to be acknowledged */
        note(scene, ESE_HISTORY_HANDED, i, 200 + i);
    struct ese_reader_account account = account_of(scene);
    assert_int_equal(account.expected, EVENTS - 2);
    assert_int_equal(account.seen, EVENTS - 2);
    assert_int_equal(account.missed, 0);
    assert_int_equal(account.again, 0);
    assert_int_equal(account.began_ns, BEGUN_NS + 100 * ESE_NS_PER_MS);
    assert_int_equal(account.caught_up_us, 1000 * (100 + EVENTS - 3));
    assert_int_equal(account.lag_highest, EVENTS - 2);
}

static void what_was_never_handed_is_missed(void **state)
{
    struct scene *scene = *state;
    begin(scene, "reader-1.history");
    for (int i = 0; i < EVENTS; i++) {
        if (i != 5)
            note(scene, ESE_HISTORY_HANDED, i, 200 + i);
    }
    struct ese_reader_account account = account_of(scene);
    assert_int_equal(account.seen, EVENTS - 3);
    assert_int_equal(account.missed, 1);
    assert_int_equal(account.caught_up_us, -1);
}

static void what_is_handed_again_is_counted_and_seen_once(void **state)
{
    struct scene *scene = *state;
    begin(scene, "reader-1.history");
    for (int i = 0; i < EVENTS; i++)
        note(scene, ESE_HISTORY_HANDED, i, i);
    for (int i = 3; i < 7; i++)
        note(scene, ESE_HISTORY_HANDED, i, 900);
    struct ese_reader_account account = account_of(scene);
    assert_int_equal(account.seen, EVENTS - 2);
    assert_int_equal(account.again, 4);
    assert_int_equal(account.caught_up_us, 1000 * (EVENTS - 3));
}

static void one_that_was_never_there_has_missed_all(void **state)
{
    struct scene *scene = *state;
    struct ese_reader_account account = account_of(scene);
    assert_int_equal(account.missed, EVENTS - 2);
    assert_int_equal(account.began_ns, 0);
    assert_int_equal(account.caught_up_us, -1);
    assert_int_equal(account.lag_highest, 0);
}

static void each_has_an_account_of_its_own(void **state)
{
    struct scene *scene = *state;
    struct ese_reader_account accounts[ESE_READERS];
    struct ese_error error;
    begin(scene, "reader-2.history");
    note(scene, ESE_HISTORY_HANDED, 0, 1);
    begin(scene, "reader-1.history");
    note(scene, ESE_HISTORY_HANDED, 0, 1);
    note(scene, ESE_HISTORY_HANDED, 1, 1);
    assert_int_equal(ese_reader_accounts(scene->directory, 2, accounts, &error), 0);
    assert_int_equal(accounts[0].seen, 2);
    assert_int_equal(accounts[1].seen, 1);
}

/* One is acknowledged each millisecond, from 0 to 17. */
static void what_waited_for_it_is_counted_at_its_most(void **state)
{
    struct scene *scene = *state;
    begin(scene, "reader-1.history");
    note(scene, ESE_HISTORY_GIVEN, 0, -1);
    for (int i = 0; i < 6; i++)
        note(scene, ESE_HISTORY_HANDED, i, i); /* at once */
    assert_int_equal(account_of(scene).lag_highest, EVENTS - 2 - 6); /* and no other any more */
    for (int i = 6; i < EVENTS; i++)
        note(scene, ESE_HISTORY_HANDED, i, i < 10 ? 10 : i + 1); /* four that have waited; then each for the next */
    assert_int_equal(account_of(scene).lag_highest, 4);
}

static void what_came_before_it_waits_for_it(void **state)
{
    struct scene *scene = *state;
    begin(scene, "reader-1.history");
    note(scene, ESE_HISTORY_GIVEN, 0, 7);
    note(scene, ESE_HISTORY_HANDED, 0, 8);
    for (int i = 1; i < EVENTS; i++)
        note(scene, ESE_HISTORY_HANDED, i, 8 + i / 9); /* eight of them at once; some before they are acknowledged */
    assert_int_equal(account_of(scene).lag_highest, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(who_has_seen_all_has_missed_nothing),
        TEST(what_was_never_handed_is_missed),
        TEST(what_is_handed_again_is_counted_and_seen_once),
        TEST(one_that_was_never_there_has_missed_all),
        TEST(each_has_an_account_of_its_own),
        TEST(what_waited_for_it_is_counted_at_its_most),
        TEST(what_came_before_it_waits_for_it),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
