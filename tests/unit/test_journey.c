/* Which ends of its parties a journey notes: those that nobody asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/kafka/port.h"
#include "orchestration/lab/journey_parts.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

#define PATIENCE_MS 20000

struct walk {
    char *directory;
    struct ese_journey journey;
    struct ese_journey_view view; /* as last seen */
    enum ese_role role;           /* which is waited for */
};

static const struct ese_transport walked = {
    .name = "made up", .promises = {.delivery = ESE_DELIVERY_AT_LEAST_ONCE}};
static const struct ese_registry_entry walked_entry = {.transport = &walked};

static int set_up(void **state)
{
    struct walk *walk = ese_alloc(sizeof *walk);
    *state = walk;
    walk->directory = ese_test_directory_make();
    walk->journey.directory = walk->directory;
    walk->journey.entry = &walked_entry;
    return 0;
}

static int tear_down(void **state)
{
    struct walk *walk = *state;
    for (int party = 0; party < ESE_PARTIES; party++) {
        ese_process_free(&walk->journey.role[party].process);
        ese_port_release(&walk->journey.role[party].port);
        ese_history_read_close(&walk->journey.history[party]);
    }
    ese_test_directory_remove(&walk->directory);
    free(walk);
    return 0;
}

/* The role is played by a shell. */
static void start(struct walk *walk, enum ese_role role, const char *script)
{
    char *log = ese_test_path(walk->directory, ese_role_name(role));
    struct ese_process *process = ese_process_new(ese_role_name(role), log);
    ese_process_argument(process, "/bin/sh");
    ese_process_option(process, "-c", script);
    walk->journey.role[role].process = process;
    walk->role = role;
    assert_int_equal(ese_journey_start(&walk->journey, role, ESE_MEMBERS_ALL, NULL), 0);
    free(log);
}

static bool is_down(void *context)
{
    struct walk *walk = context;
    ese_journey_view(&walk->journey, &walk->view);
    return !walk->view.role[walk->role].up;
}

static void wait_until_down(struct walk *walk)
{
    assert_true(ese_test_wait_until(is_down, walk, PATIENCE_MS));
}

static int endings(const struct walk *walk)
{
    return ese_journey_endings(&walk->journey)->count;
}

static void an_end_by_itself_is_noted_once(void **state)
{
    struct walk *walk = *state;
    start(walk, ESE_ROLE_CONSUMER, "echo first; printf 'no more \\033[1m\\n'; exit 3");
    wait_until_down(walk);
    assert_true(walk->view.role[ESE_ROLE_CONSUMER].lost);
    is_down(walk);
    assert_int_equal(endings(walk), 1);
    const struct ese_ending *ending = &ese_journey_endings(&walk->journey)->list[0];
    assert_string_equal(ending->party, "consumer");
    assert_int_equal(ending->status, 3);
    assert_string_equal(ending->last_words, "no more ?[1m");
    assert_int_equal(ese_journey_start(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL, NULL), 0);
    is_down(walk);
    if (walk->view.role[ESE_ROLE_CONSUMER].up)
        assert_false(walk->view.role[ESE_ROLE_CONSUMER].lost);
    wait_until_down(walk);
    assert_int_equal(endings(walk), 2);
}

static void a_kill_from_outside_is_noted(void **state)
{
    struct walk *walk = *state;
    char text[ESE_ENDING_TEXT_SIZE];
    start(walk, ESE_ROLE_MAILER, "exec sleep 100");
    pid_t pid = ese_process_pid(walk->journey.role[ESE_ROLE_MAILER].process);
    assert_int_equal(kill(pid, SIGKILL), 0);
    wait_until_down(walk);
    assert_non_null(ese_endings_text(ese_journey_endings(&walk->journey), text));
    assert_string_equal(text, "the mailer was killed by signal 9, and no fault had asked for it");
    assert_non_null(ese_endings_find(ese_journey_endings(&walk->journey), "mailer"));
    assert_null(ese_endings_find(ese_journey_endings(&walk->journey), "server"));
}

static void what_a_fault_asks_for_is_not(void **state)
{
    struct walk *walk = *state;
    for (int life = 0; life < 3; life++) {
        if (life == 0)
            start(walk, ESE_ROLE_CONSUMER, "exec sleep 100");
        else
            assert_int_equal(ese_journey_start(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL, NULL), 0);
        ese_journey_kill(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL);
        wait_until_down(walk);
        assert_false(walk->view.role[ESE_ROLE_CONSUMER].lost);
    }
    assert_int_equal(ese_journey_start(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL, NULL), 0);
    ese_journey_stop(&walk->journey, ESE_ROLE_CONSUMER);
    wait_until_down(walk);
    assert_int_equal(endings(walk), 0);
}

static bool has_exited(void *context)
{
    siginfo_t ended = {0};
    struct walk *walk = context;
    pid_t pid = ese_process_pid(walk->journey.role[walk->role].process);
    return waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == pid;
}

/* Between two looks: the fault comes to a party that has gone before. */
static void who_was_gone_before_the_fault_is_noted(void **state)
{
    struct walk *walk = *state;
    start(walk, ESE_ROLE_CONSUMER, "exit 1");
    assert_true(ese_test_wait_until(has_exited, walk, PATIENCE_MS));
    ese_journey_kill(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL);
    assert_int_equal(endings(walk), 1);
}

/* ---- coming back ----------------------------------------------------------------------------- */

/* A listening socket of the test's own, in the place of the party's. */
static int listen_at(const char *address)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    there.sin_port = htons((uint16_t)strtol(strrchr(address, ':') + 1, NULL, 10));
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* as every server that can be started again */
    assert_int_equal(bind(fd, (struct sockaddr *)&there, sizeof there), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static void come_back(struct walk *walk)
{
    struct ese_port **port = &walk->journey.role[ESE_ROLE_MAILER].port;
    assert_int_equal(ese_port_draw(port, NULL), 0);
    snprintf(walk->journey.mailer_address, sizeof walk->journey.mailer_address, "127.0.0.1:%d",
             ese_port_number(*port));
    start(walk, ESE_ROLE_MAILER, "exec sleep 100");
    ese_journey_view(&walk->journey, &walk->view);
    assert_true(walk->view.role[ESE_ROLE_MAILER].up);
    assert_true(walk->view.role[ESE_ROLE_MAILER].coming);
}

static void who_was_started_again_comes_until_it_serves(void **state)
{
    struct walk *walk = *state;
    come_back(walk);
    int fd = listen_at(walk->journey.mailer_address);
    ese_journey_view(&walk->journey, &walk->view);
    assert_false(walk->view.role[ESE_ROLE_MAILER].coming);
    close(fd);
    ese_journey_view(&walk->journey, &walk->view); /* it has served */
    assert_false(walk->view.role[ESE_ROLE_MAILER].coming);
    assert_int_equal(endings(walk), 0);
}

static void who_never_serves_is_given_up(void **state)
{
    struct walk *walk = *state;
    come_back(walk);
    walk->journey.role[ESE_ROLE_MAILER].since_ns -= 40 * ESE_NS_PER_S;
    ese_journey_view(&walk->journey, &walk->view);
    assert_int_equal(endings(walk), 0); /* it has a moment left */
    walk->journey.role[ESE_ROLE_MAILER].since_ns -= 10 * ESE_NS_PER_S;
    ese_journey_view(&walk->journey, &walk->view);
    wait_until_down(walk);
    assert_true(walk->view.role[ESE_ROLE_MAILER].lost);
    assert_int_equal(endings(walk), 1);
}

static void a_clients_schedule_has_an_end(void **state)
{
    struct walk *walk = *state;
    start(walk, ESE_ROLE_CLIENT, "exit 0");
    wait_until_down(walk);
    assert_false(walk->view.role[ESE_ROLE_CLIENT].lost);
    assert_int_equal(endings(walk), 0);
    static const char *const failures[] = {"exit 1", "exit 3", "exit 64"};
    for (int i = 0; i < (int)ESE_COUNT_OF(failures); i++) {
        ese_process_free(&walk->journey.role[ESE_ROLE_CLIENT].process);
        start(walk, ESE_ROLE_CLIENT, failures[i]);
        wait_until_down(walk);
        assert_true(walk->view.role[ESE_ROLE_CLIENT].lost);
        assert_int_equal(endings(walk), i + 1);
    }
}

/* As one that a fault started again while those behind it were away: it says so, and has not failed. */
static void a_client_may_end_without_an_acknowledgement(void **state)
{
    struct walk *walk = *state;
    start(walk, ESE_ROLE_CLIENT, "exit 2");
    assert_int_equal(ESE_SERVICE_IN_VAIN, 2);
    wait_until_down(walk);
    assert_false(walk->view.role[ESE_ROLE_CLIENT].lost);
    assert_int_equal(endings(walk), 0);
    start(walk, ESE_ROLE_CONSUMER, "exit 2"); /* nobody else has an end of his own */
    wait_until_down(walk);
    assert_true(walk->view.role[ESE_ROLE_CONSUMER].lost);
    assert_int_equal(endings(walk), 1);
}

static void endings_are_bounded(void **state)
{
    (void)state;
    struct ese_endings all = {.count = 0};
    for (int i = 0; i < 2 * ESE_ENDINGS; i++)
        ese_endings_add(&all, "server", i, "");
    assert_int_equal(all.count, ESE_ENDINGS);
    assert_int_equal(all.list[ESE_ENDINGS - 1].status, ESE_ENDINGS - 1);
}

/* ---- what waits ------------------------------------------------------------------------------ */

static struct ese_history *open_history(const struct walk *walk, const char *name)
{
    struct ese_history *history = NULL;
    char *path = ese_test_path(walk->directory, name);
    const struct ese_history_options options = {
        .path = path, .party = "played", .transport = "played", .limit = 1 << 20};
    assert_int_equal(ese_history_open(&options, &history, NULL), 0);
    free(path);
    return history;
}

static int64_t lag(struct walk *walk)
{
    ese_journey_view(&walk->journey, &walk->view);
    return walk->view.lag;
}

/* 100 events are acknowledged, the last at 1,000 ns, and 40 of them are processed. */
static void play(struct walk *walk, enum ese_delivery delivery)
{
    static struct ese_transport transport;
    static const struct ese_registry_entry entry = {.transport = &transport};
    struct ese_history *client = open_history(walk, ESE_ARTIFACT_CLIENT_HISTORY);
    transport.promises.delivery = delivery;
    walk->journey.entry = &entry;
    ese_history_count(client, ESE_COUNT_ACKNOWLEDGED, 100);
    ese_history_set(client, ESE_COUNT_LAST_DONE_NS, 1000);
    ese_history_close(&client);
    struct ese_history *consumer = open_history(walk, ESE_ARTIFACT_CONSUMER_HISTORY);
    ese_history_count(consumer, ESE_COUNT_PROCESSED, 40);
    ese_history_close(&consumer);
}

static void find_the_end(struct walk *walk, int64_t at_ns)
{
    struct ese_history *consumer = open_history(walk, ESE_ARTIFACT_CONSUMER_HISTORY);
    ese_history_set(consumer, ESE_COUNT_AT_END_NS, at_ns);
    ese_history_close(&consumer);
}

static void what_is_acknowledged_waits_until_it_is_processed(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_DELIVERY_AT_LEAST_ONCE);
    assert_int_equal(lag(walk), 60);
    find_the_end(walk, 1001); /* it says nothing of what must not be lost */
    assert_int_equal(lag(walk), 60);
}

static void what_may_be_lost_waits_until_the_end_is_found(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_DELIVERY_AT_MOST_ONCE);
    assert_int_equal(lag(walk), 60);
    find_the_end(walk, 500);
    assert_in_range(lag(walk), 1, 60); /* something was acknowledged after that */
    struct ese_history *client = open_history(walk, ESE_ARTIFACT_CLIENT_HISTORY);
    ese_history_count(client, ESE_COUNT_ACKNOWLEDGED, 7);
    ese_history_close(&client);
    assert_int_equal(lag(walk), 7);
    find_the_end(walk, 1001);
    assert_int_equal(lag(walk), 0);
}

/* ---- a group ------------------------------------------------------------------------------------ */

static int party_of(int member)
{
    return member == 1 ? ESE_ROLE_CONSUMER : ESE_ROLES + member - 2;
}

static void start_group(struct walk *walk, int members, const char *script)
{
    walk->journey.members = members;
    for (int member = 1; member <= members; member++) {
        char name[ESE_ARTIFACT_MEMBER_SIZE];
        ese_artifact_member(member, name);
        char *log = ese_test_path(walk->directory, "member.log");
        struct ese_process *process = ese_process_new(name, log);
        ese_process_argument(process, "/bin/sh");
        ese_process_option(process, "-c", script);
        walk->journey.role[party_of(member)].process = process;
        free(log);
    }
    walk->role = ESE_ROLE_CONSUMER;
    assert_int_equal(ese_journey_start(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL, NULL), 0);
    is_down(walk); /* whoever was coming is there */
}

static void member_has(struct walk *walk, int member, enum ese_history_counter counter, int64_t value)
{
    char name[ESE_ARTIFACT_MEMBER_SIZE];
    ese_artifact_member(member, name);
    struct ese_history *history = open_history(walk, name);
    ese_history_set(history, counter, value);
    ese_history_close(&history);
}

static int64_t found_end(struct walk *walk)
{
    ese_journey_view(&walk->journey, &walk->view);
    return walk->view.count[ESE_COUNT_AT_END_NS];
}

/* What one of them has processed, the others have not. */
static void what_members_have_done_is_added_up(void **state)
{
    struct walk *walk = *state;
    play(walk, ESE_DELIVERY_AT_LEAST_ONCE);
    start_group(walk, 3, "exec sleep 100");
    member_has(walk, 2, ESE_COUNT_PROCESSED, 30);
    member_has(walk, 3, ESE_COUNT_PROCESSED, 20);
    assert_int_equal(lag(walk), 10);
    assert_int_equal(walk->view.count[ESE_COUNT_PROCESSED], 90);
}

/* It is the last who has found it that counts; who holds nothing has nothing to find, once it has been there for
 * a while, and before that may still be given what nobody reads. */
static void a_group_finds_the_end_when_all_have(void **state)
{
    struct walk *walk = *state;
    start_group(walk, 3, "exec sleep 100");
    int64_t now_ns = ese_clock_monotonic_ns();
    assert_int_equal(found_end(walk), 0);
    for (int member = 1; member <= 2; member++) {
        member_has(walk, member, ESE_COUNT_HELD, 2);
        member_has(walk, member, ESE_COUNT_AT_END_NS, now_ns + member);
    }
    assert_int_equal(found_end(walk), 0); /* the third may be about to be given something */
    walk->journey.role[party_of(3)].since_ns -= 11 * ESE_NS_PER_S;
    assert_int_equal(found_end(walk), now_ns + 1);
    member_has(walk, 3, ESE_COUNT_HELD, 1);
    assert_int_equal(found_end(walk), 0); /* and has not looked for its end */
    member_has(walk, 3, ESE_COUNT_AT_END_NS, now_ns + 7);
    assert_int_equal(found_end(walk), now_ns + 1);
}

/* What a member has found counts for its life; while it is away nobody reads what it holds. */
static void who_is_away_has_not_found_it(void **state)
{
    struct walk *walk = *state;
    start_group(walk, 2, "exec sleep 100");
    for (int member = 1; member <= 2; member++) {
        member_has(walk, member, ESE_COUNT_HELD, 3);
        member_has(walk, member, ESE_COUNT_AT_END_NS, ese_clock_monotonic_ns());
    }
    assert_true(found_end(walk) > 0);
    ese_journey_kill(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBER_BIT(2));
    wait_until_down(walk);
    assert_int_equal(walk->view.role[ESE_ROLE_CONSUMER].parties_up, 1);
    assert_int_equal(found_end(walk), 0);
    assert_int_equal(ese_journey_start(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBER_BIT(2), NULL), 0);
    assert_int_equal(found_end(walk), 0); /* of its life before */
    member_has(walk, 2, ESE_COUNT_AT_END_NS, ese_clock_monotonic_ns());
    assert_true(found_end(walk) > 0);
}

static void a_member_that_ends_is_told_by_its_number(void **state)
{
    struct walk *walk = *state;
    start_group(walk, 2, "exec sleep 100");
    kill(ese_process_pid(walk->journey.role[party_of(2)].process), SIGKILL);
    wait_until_down(walk);
    assert_int_equal(endings(walk), 1);
    assert_string_equal(ese_journey_endings(&walk->journey)->list[0].party, "consumer-2");
    assert_false(walk->view.role[ESE_ROLE_CONSUMER].lost); /* the other one goes on */
    ese_journey_kill(&walk->journey, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL);
    assert_int_equal(endings(walk), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_end_by_itself_is_noted_once),
        TEST(a_kill_from_outside_is_noted),
        TEST(what_a_fault_asks_for_is_not),
        TEST(who_was_gone_before_the_fault_is_noted),
        TEST(who_was_started_again_comes_until_it_serves),
        TEST(who_never_serves_is_given_up),
        TEST(a_clients_schedule_has_an_end),
        TEST(a_client_may_end_without_an_acknowledgement),
        TEST(what_is_acknowledged_waits_until_it_is_processed),
        TEST(what_may_be_lost_waits_until_the_end_is_found),
        TEST(what_members_have_done_is_added_up),
        TEST(a_group_finds_the_end_when_all_have),
        TEST(who_is_away_has_not_found_it),
        TEST(a_member_that_ends_is_told_by_its_number),
        cmocka_unit_test(endings_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
