/* The tables of the faults, and what their steps do to a journey whose parties are played by shells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/option.h"
#include "orchestration/lab/fault.h"
#include "orchestration/lab/journey_parts.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

#define PATIENCE_MS 20000
#define CONSUMER ESE_ROLE_BIT(ESE_ROLE_CONSUMER)
#define SERVER ESE_ROLE_BIT(ESE_ROLE_SERVER)
#define BROKER ESE_ROLE_BIT(ESE_ROLE_BROKER)

static const char *const names[] = {"bad-day", "server-down", "broker-down", "mailer-down",
                                    "consumer-down", "members-down", "member-frozen", "none"};

static const struct ese_fault *fault_of(const char *name)
{
    const struct ese_fault *fault = NULL;
    struct ese_error error;
    assert_int_equal(ese_fault_find(name, &fault, &error), 0);
    assert_string_equal(fault->name, name);
    return fault;
}

static void each_name_is_a_fault(void **state)
{
    (void)state;
    size_t length = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        assert_true(strlen(fault_of(names[i])->story) > 0);
        assert_true(ese_option_has_choice(ESE_FAULT_NAMES, names[i]));
        length += strlen(names[i]) + 1;
    }
    assert_int_equal(strlen(ESE_FAULT_NAMES) + 1, length);
    assert_int_equal(fault_of("none")->count, 0);
    const struct ese_fault *fault;
    struct ese_error error;
    assert_int_equal(ese_fault_find("bad-da", &fault, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, ESE_FAULT_NAMES));
}

/* The roles, and where it is about members of a group, these. */
static uint64_t struck_by(const struct ese_fault_part *part)
{
    return part->members == 0 ? part->roles : (uint64_t)part->members << 32;
}

/* Whatever the gap, nobody comes back before having died, nor dies twice, and all come back. */
static void whoever_dies_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        const struct ese_fault *fault = fault_of(names[i]);
        assert_true(fault->count <= ESE_DEEDS);
        for (int64_t gap_ms = 0; gap_ms <= 3600000; gap_ms += 1200000) {
            uint64_t dead = 0;
            int64_t before_ms = 0;
            for (int s = 0; s < fault->count; s++) {
                const struct ese_fault_step *step = &fault->steps[s];
                assert_true(ese_fault_step_ms(step, gap_ms) >= before_ms);
                before_ms = ese_fault_step_ms(step, gap_ms);
                uint64_t struck = struck_by(step->part);
                bool leaves = step->act == ESE_ACT_KILL || step->act == ESE_ACT_FREEZE;
                assert_true((dead & struck) == (leaves ? 0 : struck));
                dead ^= struck;
            }
            assert_int_equal(dead, 0);
        }
    }
}

static void the_bad_day_is_in_this_order(void **state)
{
    (void)state;
    static const struct {
        enum ese_act act;
        unsigned roles;
        int64_t at_ms; /* with a gap of five seconds */
    } wanted[] = {
        {ESE_ACT_KILL, CONSUMER, 0},
        {ESE_ACT_KILL, SERVER | BROKER, 5000},
        {ESE_ACT_START, SERVER | BROKER, 7000},
        {ESE_ACT_START, CONSUMER, 12000},
    };
    const struct ese_fault *fault = fault_of("bad-day");
    assert_int_equal(fault->count, ESE_COUNT_OF(wanted));
    for (int i = 0; i < fault->count; i++) {
        assert_int_equal(fault->steps[i].act, wanted[i].act);
        assert_int_equal(fault->steps[i].part->roles, wanted[i].roles);
        assert_int_equal(ese_fault_step_ms(&fault->steps[i], 5000), wanted[i].at_ms);
    }
    assert_int_equal(ese_fault_step_ms(&fault->steps[1], 1000), 1000);
    assert_int_equal(ese_fault_step_ms(&fault->steps[2], 1000), 3000);
}

static void an_outage_is_of_whoever_keeps_the_events(void **state)
{
    (void)state;
    assert_int_equal(ese_fault_outage_ms(fault_of("none"), 5000, SERVER | BROKER), 0);
    assert_int_equal(ese_fault_outage_ms(fault_of("consumer-down"), 5000, SERVER | BROKER | CONSUMER), 0);
    assert_int_equal(ese_fault_outage_ms(fault_of("mailer-down"), 5000, SERVER | BROKER), 0);
    assert_int_equal(ese_fault_outage_ms(fault_of("bad-day"), 5000, 0), 0);
    assert_int_equal(ese_fault_outage_ms(fault_of("broker-down"), 5000, SERVER), 0);
    int64_t of_server_ms = ese_fault_outage_ms(fault_of("server-down"), 5000, SERVER);
    int64_t of_both_ms = ese_fault_outage_ms(fault_of("bad-day"), 5000, SERVER | BROKER);
    assert_true(of_server_ms > 2000 && of_server_ms < of_both_ms);
    assert_int_equal(ese_fault_outage_ms(fault_of("broker-down"), 5000, SERVER | BROKER), of_both_ms);
    /* compare's default suffices, whatever the gap */
    assert_in_range(of_both_ms, 2000 + 3500, 10000);
    assert_int_equal(ese_fault_outage_ms(fault_of("bad-day"), 600000, SERVER | BROKER), of_both_ms);
}

static void a_fault_says_how_many_members_it_needs(void **state)
{
    (void)state;
    assert_int_equal(ese_fault_members(fault_of("bad-day")), 0);
    assert_int_equal(ese_fault_members(fault_of("none")), 0);
    assert_int_equal(ese_fault_members(fault_of("member-frozen")), 2);
    assert_int_equal(ese_fault_members(fault_of("members-down")), 3);
}

/* ---- what a step does ------------------------------------------------------------------------ */

struct walk {
    char *directory;
    struct ese_journey journey;
    struct ese_journey_view view; /* as last seen */
    struct ese_deeds deeds;
};

static const struct ese_transport walked = {
    .name = "made up", .promises = {.delivery = ESE_DELIVERY_AT_LEAST_ONCE}};
static const struct ese_registry_entry entry = {.transport = &walked};

static int set_up(void **state)
{
    struct walk *walk = ese_alloc(sizeof *walk);
    *state = walk;
    walk->directory = ese_test_directory_make();
    walk->journey.directory = walk->directory;
    walk->journey.entry = &entry;
    return 0;
}

static int tear_down(void **state)
{
    struct walk *walk = *state;
    for (int party = 0; party < ESE_PARTIES; party++) {
        ese_process_free(&walk->journey.role[party].process);
        ese_history_read_close(&walk->journey.history[party]);
    }
    ese_test_directory_remove(&walk->directory);
    free(walk);
    return 0;
}

static void play_party(struct walk *walk, int party)
{
    char name[ESE_PARTY_NAME_SIZE];
    ese_party_name(party, false, name);
    char *log = ese_test_path(walk->directory, name);
    struct ese_process *process = ese_process_new(name, log);
    ese_process_argument(process, "/bin/sh");
    ese_process_option(process, "-c", "exec sleep 100");
    walk->journey.role[party].process = process;
    assert_int_equal(ese_journey_start(&walk->journey, ese_party_role(party), ESE_MEMBERS_ALL, NULL), 0);
    free(log);
}

static void play(struct walk *walk, enum ese_role role)
{
    play_party(walk, (int)role);
}

static bool is_up(struct walk *walk, enum ese_role role)
{
    ese_journey_view(&walk->journey, &walk->view);
    return walk->view.role[role].up;
}

static bool is_server_down(void *context)
{
    return !is_up(context, ESE_ROLE_SERVER);
}

static void do_step(struct walk *walk, const char *name, int step)
{
    struct ese_error error;
    assert_int_equal(ese_fault_do(&fault_of(name)->steps[step], &walk->journey, &walk->deeds, &error), 0);
}

static void a_server_is_killed_and_comes_back(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_ROLE_SERVER);
    play(walk, ESE_ROLE_CONSUMER);
    do_step(walk, "server-down", 0);
    assert_true(ese_test_wait_until(is_server_down, walk, PATIENCE_MS));
    assert_true(is_up(walk, ESE_ROLE_CONSUMER));
    do_step(walk, "server-down", 1);
    assert_true(is_up(walk, ESE_ROLE_SERVER));
    assert_int_equal(ese_journey_endings(&walk->journey)->count, 0); /* it was asked for */
    assert_int_equal(walk->deeds.count, 2);
    assert_int_equal(walk->deeds.list[0].roles, SERVER); /* it has no broker, and is not blamed for that */
    assert_int_equal(walk->deeds.list[0].passed_over, 0);
    int64_t killed_ns = ese_deeds_first(&walk->deeds, ESE_ACT_KILL, SERVER | BROKER, 0);
    int64_t started_ns = ese_deeds_first(&walk->deeds, ESE_ACT_START, SERVER, killed_ns);
    assert_true(killed_ns > 0 && started_ns > killed_ns);
    assert_int_equal(ese_deeds_first(&walk->deeds, ESE_ACT_START, SERVER, started_ns + 1), 0);
    assert_int_equal(ese_deeds_last(&walk->deeds, ESE_ACT_START, SERVER), started_ns);
    assert_int_equal(ese_deeds_last(&walk->deeds, ESE_ACT_START, CONSUMER), 0);
}

static void who_is_started_at_once_was_waited_for(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_ROLE_SERVER);
    pid_t first = ese_process_pid(walk->journey.role[ESE_ROLE_SERVER].process);
    do_step(walk, "server-down", 0);
    do_step(walk, "server-down", 1);
    assert_true(is_up(walk, ESE_ROLE_SERVER));
    assert_true(ese_process_pid(walk->journey.role[ESE_ROLE_SERVER].process) != first);
}

static void where_there_is_no_server_the_step_is_passed_over(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_ROLE_CONSUMER);
    do_step(walk, "bad-day", 1);
    do_step(walk, "bad-day", 2);
    do_step(walk, "broker-down", 0);
    assert_true(is_up(walk, ESE_ROLE_CONSUMER));
    assert_int_equal(walk->deeds.count, 3);
    assert_int_equal(walk->deeds.list[0].roles, 0);
    assert_int_equal(walk->deeds.list[0].passed_over, SERVER | BROKER);
    assert_int_equal(walk->deeds.list[2].passed_over, BROKER);
    assert_int_equal(ese_deeds_first(&walk->deeds, ESE_ACT_KILL, SERVER | BROKER, 0), 0);
    assert_true(ese_deeds_passed_over(&walk->deeds, SERVER));
    assert_false(ese_deeds_passed_over(&walk->deeds, CONSUMER));
}

static bool stands_still(void *context)
{
    const struct walk *walk = context;
    char path[64], letter = '?';
    snprintf(path, sizeof path, "/proc/%d/stat",
             (int)ese_process_pid(walk->journey.role[ESE_ROLE_SERVER].process));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &letter), 1);
    fclose(file);
    return letter == 'T';
}

static bool goes_on(void *context)
{
    return !stands_still(context);
}

/* It is up all the while: nobody has ended, and nobody comes. */
static void a_server_is_frozen_and_thawed(void **state)
{
    static const struct ese_fault_part part = {"servers", SERVER | BROKER};
    static const struct ese_fault_step freeze = {.act = ESE_ACT_FREEZE, .part = &part},
                                       thaw = {.act = ESE_ACT_THAW, .part = &part};
    struct walk *walk = *state;
    struct ese_error error;
    play(walk, ESE_ROLE_SERVER);
    assert_int_equal(ese_fault_do(&freeze, &walk->journey, &walk->deeds, &error), 0);
    assert_true(ese_test_wait_until(stands_still, walk, PATIENCE_MS));
    assert_true(is_up(walk, ESE_ROLE_SERVER));
    assert_int_equal(ese_fault_do(&thaw, &walk->journey, &walk->deeds, &error), 0);
    assert_true(ese_test_wait_until(goes_on, walk, PATIENCE_MS));
    assert_int_equal(walk->deeds.count, 2);
    assert_int_equal(walk->deeds.list[0].act, ESE_ACT_FREEZE);
    assert_int_equal(walk->deeds.list[0].roles, SERVER);
    assert_int_equal(walk->deeds.list[1].act, ESE_ACT_THAW);
    assert_int_equal(ese_journey_endings(&walk->journey)->count, 0);
}

/* What comes after it finds whom it was meant for. */
static void a_frozen_server_may_be_killed(void **state)
{
    static const struct ese_fault_part part = {"servers", SERVER};
    static const struct ese_fault_step freeze = {.act = ESE_ACT_FREEZE, .part = &part},
                                       kill = {.act = ESE_ACT_KILL, .part = &part},
                                       thaw = {.act = ESE_ACT_THAW, .part = &part};
    struct walk *walk = *state;
    struct ese_error error;
    play(walk, ESE_ROLE_SERVER);
    assert_int_equal(ese_fault_do(&freeze, &walk->journey, &walk->deeds, &error), 0);
    assert_int_equal(ese_fault_do(&kill, &walk->journey, &walk->deeds, &error), 0);
    assert_true(ese_test_wait_until(is_server_down, walk, PATIENCE_MS));
    assert_int_equal(ese_fault_do(&thaw, &walk->journey, &walk->deeds, &error), 0); /* nobody is there */
    assert_false(is_up(walk, ESE_ROLE_SERVER));
}

static bool is_there(const struct walk *walk, const char *name)
{
    char *path = ese_test_path(walk->directory, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static void do_told(struct walk *walk, enum ese_act act, const char *part, const char *how)
{
    struct ese_fault_step step = {.act = act, .part = ese_fault_part_find(part)};
    struct ese_error error;
    snprintf(step.how, sizeof step.how, "%s", how);
    assert_non_null(step.part);
    assert_int_equal(ese_fault_do(&step, &walk->journey, &walk->deeds, &error), 0);
}

static void a_disk_is_full_and_well_again(void **state)
{
    struct walk *walk = *state;
    char *trouble = ese_test_path(walk->directory, ESE_ARTIFACT_TROUBLE);
    assert_int_equal(mkdir(trouble, 0755), 0);
    free(trouble);
    play(walk, ESE_ROLE_SERVER);
    do_told(walk, ESE_ACT_DISK, "servers", "full");
    assert_true(is_there(walk, "trouble/server.full"));
    do_told(walk, ESE_ACT_DISK, "servers", "well");
    assert_false(is_there(walk, "trouble/server.full"));
    assert_true(is_up(walk, ESE_ROLE_SERVER));
    assert_int_equal(walk->deeds.count, 2);
    assert_int_equal(walk->deeds.list[0].roles, SERVER);
    assert_int_equal(walk->deeds.list[0].passed_over, 0);
    assert_string_equal(walk->deeds.list[0].how, "full");
    assert_int_equal(ese_deeds_first(&walk->deeds, ESE_ACT_KILL, SERVER | BROKER, 0), 0); /* nobody has died */
}

static void who_cannot_have_such_trouble_is_passed_over(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_ROLE_CONSUMER);
    do_told(walk, ESE_ACT_DISK, "servers", "full"); /* there is none */
    do_told(walk, ESE_ACT_CLOCK, "brokers", "+60s");
    struct ese_fault_step cut = {.act = ESE_ACT_NETWORK, .part = ese_fault_part_lines(),
                                 .lines = ESE_LINE_BIT(ESE_LINE_CLIENT_SERVER), .how = "cut both"};
    assert_int_equal(ese_fault_do(&cut, &walk->journey, &walk->deeds, NULL), 0);
    assert_int_equal(walk->deeds.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(walk->deeds.list[i].roles, 0);
    assert_int_equal(walk->deeds.list[0].passed_over, SERVER | BROKER);
    assert_int_equal(walk->deeds.list[1].passed_over, BROKER);
    assert_int_equal(walk->deeds.list[2].passed_over, ESE_ROLE_BIT(ESE_ROLE_CLIENT));
    assert_string_equal(walk->deeds.list[2].how, "cut both");
}

/* ---- members of a group ---------------------------------------------------------------------- */

static void play_group(struct walk *walk, int members)
{
    walk->journey.members = members;
    play(walk, ESE_ROLE_CONSUMER);
    for (int i = 0; i < members - 1; i++)
        play_party(walk, ESE_ROLES + i);
}

static pid_t pid_of_member(struct walk *walk, int member)
{
    return ese_process_pid(walk->journey.role[member == 1 ? ESE_ROLE_CONSUMER : ESE_ROLES + member - 2].process);
}

static bool one_is_left(void *context)
{
    is_up(context, ESE_ROLE_CONSUMER);
    return ((struct walk *)context)->view.role[ESE_ROLE_CONSUMER].parties_up == 1;
}

static void members_die_one_by_one_and_come_back(void **state)
{
    struct walk *walk = *state;
    play_group(walk, 3);
    pid_t first = pid_of_member(walk, 1), third = pid_of_member(walk, 3);
    do_step(walk, "members-down", 0);
    do_step(walk, "members-down", 1);
    assert_true(ese_test_wait_until(one_is_left, walk, PATIENCE_MS));
    assert_false(walk->view.role[ESE_ROLE_CONSUMER].up);
    assert_false(walk->view.role[ESE_ROLE_CONSUMER].lost);
    assert_int_equal(walk->view.role[ESE_ROLE_CONSUMER].parties, 3);
    assert_int_equal(pid_of_member(walk, 1), first);
    do_step(walk, "members-down", 2);
    do_step(walk, "members-down", 3);
    assert_true(is_up(walk, ESE_ROLE_CONSUMER));
    assert_int_equal(pid_of_member(walk, 1), first);
    assert_true(pid_of_member(walk, 3) != third);
    assert_int_equal(ese_journey_endings(&walk->journey)->count, 0);
    assert_int_equal(walk->deeds.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(walk->deeds.list[i].roles, CONSUMER);
        assert_int_equal(walk->deeds.list[i].members, ESE_MEMBER_BIT(i % 2 == 0 ? 2 : 3));
    }
}

static void what_befalls_consumers_befalls_all_members(void **state)
{
    struct walk *walk = *state;
    play_group(walk, 3);
    pid_t before[] = {pid_of_member(walk, 1), pid_of_member(walk, 2), pid_of_member(walk, 3)};
    do_step(walk, "consumer-down", 0);
    do_step(walk, "consumer-down", 1);
    assert_true(is_up(walk, ESE_ROLE_CONSUMER));
    for (int member = 1; member <= 3; member++)
        assert_true(pid_of_member(walk, member) != before[member - 1]);
    assert_int_equal(walk->deeds.list[0].members, 0);
}

static void where_one_reads_alone_members_are_passed_over(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_ROLE_CONSUMER);
    pid_t before = pid_of_member(walk, 1);
    static const struct ese_fault_part first = {"member 1", CONSUMER, ESE_MEMBER_BIT(1)};
    static const struct ese_fault_step kill = {.act = ESE_ACT_KILL, .part = &first},
                                       start = {.act = ESE_ACT_START, .part = &first};
    for (int step = 0; step < 4; step++)
        do_step(walk, "members-down", step);
    assert_int_equal(ese_fault_do(&kill, &walk->journey, &walk->deeds, NULL), 0);
    assert_int_equal(ese_fault_do(&start, &walk->journey, &walk->deeds, NULL), 0);
    assert_int_equal(pid_of_member(walk, 1), before); /* the only one is no member of several */
    assert_true(ese_deeds_passed_over(&walk->deeds, CONSUMER));
    assert_int_equal(ese_deeds_first(&walk->deeds, ESE_ACT_KILL, CONSUMER, 0), 0);
}

/* Of two, the third is passed over. */
static void a_member_that_is_not_there_is_passed_over(void **state)
{
    struct walk *walk = *state;
    play_group(walk, 2);
    pid_t second = pid_of_member(walk, 2);
    do_step(walk, "members-down", 1);
    do_step(walk, "members-down", 3);
    assert_true(is_up(walk, ESE_ROLE_CONSUMER));
    assert_int_equal(pid_of_member(walk, 2), second);
    assert_int_equal(walk->deeds.list[0].passed_over, CONSUMER);
    assert_int_equal(walk->deeds.list[0].roles, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_a_fault),
        cmocka_unit_test(whoever_dies_comes_back),
        cmocka_unit_test(the_bad_day_is_in_this_order),
        cmocka_unit_test(an_outage_is_of_whoever_keeps_the_events),
        cmocka_unit_test(a_fault_says_how_many_members_it_needs),
        TEST(a_server_is_killed_and_comes_back),
        TEST(who_is_started_at_once_was_waited_for),
        TEST(a_server_is_frozen_and_thawed),
        TEST(a_frozen_server_may_be_killed),
        TEST(a_disk_is_full_and_well_again),
        TEST(who_cannot_have_such_trouble_is_passed_over),
        TEST(members_die_one_by_one_and_come_back),
        TEST(what_befalls_consumers_befalls_all_members),
        TEST(where_one_reads_alone_members_are_passed_over),
        TEST(a_member_that_is_not_there_is_passed_over),
        TEST(where_there_is_no_server_the_step_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
