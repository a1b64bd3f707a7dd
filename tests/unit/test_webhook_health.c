/* What a question for the health of many streams costs, and what it finds out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>

#include "ese-core/clock.h"
#include "ese-core/sqlite_syncs.h"
#include "tests/support/wait.h"
#include "tests/unit/webhook_rig.h"
#include "transports/webhook/event_keys.h"

#define STREAMS 3
#define PATIENCE_MS 30000

struct fixture {
    struct webhook_rig rig; /* the first member */
    char text[560];
};

/* ---- the disk -------------------------------------------------------------------------------- */

enum trouble { NONE, ALL, ONE };

/* Of each file how often it was probed: it is known by the table that only its writer has. */
static struct {
    pthread_mutex_t mutex; /* guards what follows */
    struct ese_webhook_keys *files[STREAMS];
    int probes[STREAMS];
    enum trouble trouble; /* what a probe meets; ONE: whichever was the first to meet it */
    struct ese_webhook_keys *bad;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Writers that were to try, and those of them that were not well. */
static atomic_int tried, tried_in_vain;

int __real_ese_webhook_keys_probe(struct ese_webhook_keys *keys, const void *bytes, size_t length, int64_t now_ms,
                                  struct ese_error *error); /* NOLINT: ld's name */
int __wrap_ese_webhook_keys_probe(struct ese_webhook_keys *keys, const void *bytes, size_t length, int64_t now_ms,
                                  struct ese_error *error); /* NOLINT: ld's name */
void __real_ese_group_writer_try(struct ese_group_writer *writer); /* NOLINT: ld's name */
void __wrap_ese_group_writer_try(struct ese_group_writer *writer); /* NOLINT: ld's name */

/* False: it fails. */
static bool note_probe(struct ese_webhook_keys *keys)
{
    int i = 0;

    pthread_mutex_lock(&disk.mutex);
    while (i < STREAMS - 1 && disk.files[i] != NULL && disk.files[i] != keys)
        i++;
    disk.files[i] = keys;
    disk.probes[i]++;
    if (disk.trouble == ONE && disk.bad == NULL)
        disk.bad = keys;
    bool fails = disk.trouble == ALL || (disk.trouble == ONE && disk.bad == keys);
    pthread_mutex_unlock(&disk.mutex);
    return !fails;
}

int __wrap_ese_webhook_keys_probe(struct ese_webhook_keys *keys, const void *bytes, size_t length, int64_t now_ms,
                                  struct ese_error *error) /* NOLINT: ld's name */
{
    if (!note_probe(keys))
        return ese_fail(error, ESE_E_FULL, "as on a full disk");
    return __real_ese_webhook_keys_probe(keys, bytes, length, now_ms, error);
}

void __wrap_ese_group_writer_try(struct ese_group_writer *writer) /* NOLINT: ld's name */
{
    char text[560];

    atomic_fetch_add(&tried, 1);
    if (!ese_group_writer_healthy(writer, text, sizeof(text)))
        atomic_fetch_add(&tried_in_vain, 1);
    __real_ese_group_writer_try(writer);
}

static void make_trouble(enum trouble trouble)
{
    pthread_mutex_lock(&disk.mutex);
    disk.trouble = trouble;
    pthread_mutex_unlock(&disk.mutex);
}

static int total(void)
{
    int probes = 0;

    pthread_mutex_lock(&disk.mutex);
    for (int i = 0; i < STREAMS; i++)
        probes += disk.probes[i];
    pthread_mutex_unlock(&disk.mutex);
    return probes;
}

static void forget_probes(void)
{
    pthread_mutex_lock(&disk.mutex);
    memset(disk.probes, 0, sizeof(disk.probes));
    pthread_mutex_unlock(&disk.mutex);
}

/* ---- streams, and who asks for them ---------------------------------------------------------- */

static int set_up(void **state)
{
    struct fixture *fixture = (struct fixture *)webhook_rig_make(sizeof(*fixture));
    char name[8];

    memset(disk.files, 0, sizeof(disk.files));
    disk.bad = NULL;
    disk.trouble = NONE;
    forget_probes();
    atomic_store(&tried, 0);
    atomic_store(&tried_in_vain, 0);
    fixture->rig.options.durability = ESE_DURABILITY_DISK;
    webhook_rig_open(&fixture->rig);
    for (int i = 0; i < STREAMS; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        webhook_post(&fixture->rig, name, "a", ESE_APPEND_STORED);
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    webhook_rig_free(*state);
    return 0;
}

static bool is_well(void *context)
{
    struct fixture *fixture = context;

    return ese_webhook_streams_healthy(fixture->rig.streams, fixture->text, sizeof(fixture->text));
}

static bool is_ill(void *context)
{
    return !is_well(context);
}

/* Asks, too. */
static bool all_were_probed(void *context)
{
    bool all = true;

    assert_true(is_well(context));
    pthread_mutex_lock(&disk.mutex);
    for (int i = 0; i < STREAMS; i++)
        all = all && disk.probes[i] > 0;
    pthread_mutex_unlock(&disk.mutex);
    return all;
}

/* All but the one that fails, twice since they were counted anew. */
static bool others_had_two_turns(void *context)
{
    bool all = true;

    assert_false(is_well(context));
    pthread_mutex_lock(&disk.mutex);
    for (int i = 0; i < STREAMS; i++)
        all = all && (disk.files[i] == disk.bad || disk.probes[i] >= 2);
    pthread_mutex_unlock(&disk.mutex);
    return all;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void who_asks_often_has_one_probed_a_second(void **state)
{
    struct fixture *fixture = *state;
    int64_t syncs = ese_sqlite_syncs(), began_ns = ese_clock_monotonic_ns();

    assert_true(ese_test_wait_until(all_were_probed, fixture, PATIENCE_MS)); /* asks some hundreds of times */
    int64_t most = (ese_clock_monotonic_ns() - began_ns) / ESE_NS_PER_S + 1;
    assert_in_range(atomic_load(&tried), STREAMS, most);
    assert_in_range(total(), STREAMS, most);
    assert_in_range(ese_sqlite_syncs() - syncs, STREAMS - 1, most);
}

static void a_full_disk_and_room_again_are_found_out_without_a_post(void **state)
{
    struct fixture *fixture = *state;

    assert_true(is_well(fixture));
    make_trouble(ALL);
    assert_true(ese_test_wait_until(is_ill, fixture, PATIENCE_MS));
    assert_string_equal(fixture->text, "as on a full disk");
    make_trouble(NONE);
    assert_true(ese_test_wait_until(is_well, fixture, PATIENCE_MS));
}

static void one_whose_own_file_fails_is_told_and_takes_no_turn(void **state)
{
    struct fixture *fixture = *state;

    make_trouble(ONE);
    assert_true(ese_test_wait_until(is_ill, fixture, PATIENCE_MS));
    atomic_store(&tried_in_vain, 0);
    forget_probes();
    assert_true(ese_test_wait_until(others_had_two_turns, fixture, PATIENCE_MS)); /* and are well */
    assert_string_equal(fixture->text, "as on a full disk");
    assert_int_equal(atomic_load(&tried_in_vain), 0);
    make_trouble(NONE);
    assert_true(ese_test_wait_until(is_well, fixture, PATIENCE_MS));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_asks_often_has_one_probed_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_and_room_again_are_found_out_without_a_post, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_whose_own_file_fails_is_told_and_takes_no_turn, set_up, tear_down),
    };
    ese_test_directories_in_memory();
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
