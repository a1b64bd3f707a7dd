/*
 * Whole journeys whose lines are cut, and the proof that nobody goes past the proxy. Of a broker, the real one: skipped
 * without Java or jars.
 *
 *     test_e2e_network http|webhook|kafka|file
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/lab/drained.h"
#include "orchestration/lab/journey_parts.h"
#include "orchestration/lab/judgement.h"
#include "orchestration/lab/readback.h"
#include "tests/e2e/connections.h"
#include "tests/support/balance.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

#define PATIENCE_MS 60000
#define RATE 200 /* events a second, about */
#define DEADLINE_MS 10000

struct walk {
    char *directory;
    struct ese_journey *journey;
    int64_t schedule_ns;
    int64_t awaited; /* of the processed */
};

static const char *transport;
static struct walk walk;
static struct ese_error error;

static void or_fail(int result)
{
    if (result < 0)
        fail_msg("%s", error.text);
}

/* ---- a journey ---- */

static int set_up(void **state)
{
    (void)state;
    walk = (struct walk){.directory = ese_test_directory_make()};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ese_journey_close(&walk.journey);
    ese_test_directory_remove(&walk.directory);
    return 0;
}

static void open_journey(const char *specification, const char *broker, unsigned lines)
{
    const struct ese_journey_options options = {
        .specification = specification,
        .directory = walk.directory,
        .durability = ESE_DURABILITY_OS,
        .broker = broker,
        .retry_deadline_ms = DEADLINE_MS,
        .with_sink = true,
        .lines = lines,
    };
    or_fail(ese_journey_open(&options, &walk.journey, &error));
}

static void offer(int64_t seconds)
{
    const struct ese_load load = {
        .rate = "200", .seconds = seconds, .seed = 7, .start_at_ms = ese_clock_wall_ms() + 500};
    walk.schedule_ns = ese_clock_monotonic_ns() + 500 * ESE_NS_PER_MS;
    or_fail(ese_journey_offer(walk.journey, &load, &error));
}

static void let_pass(int64_t ms)
{
    ese_clock_sleep_until(ese_clock_monotonic_ns() + ms * ESE_NS_PER_MS);
}

static void tell(enum ese_line line, const char *condition)
{
    or_fail(ese_journey_network(walk.journey, line, condition, &error));
}

static struct ese_journey_view view(void)
{
    struct ese_journey_view seen;
    ese_journey_view(walk.journey, &seen);
    return seen;
}

static bool has_processed(void *context)
{
    (void)context;
    return view().count[ESE_COUNT_PROCESSED] >= walk.awaited;
}

static void await_processed(int64_t events)
{
    walk.awaited = events;
    assert_true(ese_test_wait_until(has_processed, NULL, PATIENCE_MS));
}

static bool is_over(void *context)
{
    (void)context;
    struct ese_journey_view seen = view();
    return !seen.role[ESE_ROLE_CLIENT].up && ese_drained(&seen);
}

/* The rest of the run, and what it came to. */
static struct ese_judgement judge(void)
{
    struct ese_judgement judgement;
    int64_t events = 0;
    assert_true(ese_test_wait_until(is_over, NULL, PATIENCE_MS));
    ese_journey_stop(walk.journey, ESE_ROLE_CONSUMER);
    ese_journey_stop(walk.journey, ESE_ROLE_MAILER);
    or_fail(ese_readback(walk.journey, &events, &error));
    const struct ese_judge_options options = {
        .directory = walk.directory,
        .promises = &ese_journey_transport(walk.journey)->promises,
        .measured_from_ns = walk.schedule_ns,
        .rate = RATE,
        .endings = ese_journey_endings(walk.journey),
        .members = 1,
    };
    or_fail(ese_judge(&options, &judgement, &error));
    if (judgement.ledger_verdict.word != ESE_VERDICT_PASS)
        fail_msg("the ledger: %s: %s", ese_verdict_text(judgement.ledger_verdict.word),
                 judgement.ledger_verdict.reason);
    balance_check(&judgement);
    return judgement;
}

/* How many acknowledgements came only after so many attempts. */
static int acknowledged_after(int64_t attempts)
{
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    int count = 0;
    char *path = ese_test_path(walk.directory, ESE_ARTIFACT_CLIENT_HISTORY);
    or_fail(ese_history_read_open(path, &reader, &error));
    while (ese_history_read_next(reader, &record, &error) == 1)
        count += record.kind == ESE_HISTORY_ACKNOWLEDGED && record.b >= attempts;
    ese_history_read_close(&reader);
    free(path);
    return count;
}

static struct ese_process *party(enum ese_role role)
{
    return walk.journey->role[role].process;
}

/* ---- the broker's places ---- */

/* The ports behind a property of the broker's, in its order: "listeners". */
static void read_ports(const char *property, int ports[ESE_TEST_PORTS])
{
    char line[1024];
    size_t length = strlen(property);
    char *path = ese_test_path(walk.directory, "broker/server.properties");
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    memset(ports, 0, ESE_TEST_PORTS * sizeof *ports);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, property, length) != 0 || line[length] != '=')
            continue;
        int count = 0;
        for (const char *place = strstr(line, "127.0.0.1:"); place != NULL; place = strstr(place + 10, "127.0.0.1:"))
            ports[count++] = (int)strtol(place + 10, NULL, 10);
    }
    fclose(file);
    free(path);
}

/* Where a line begins. */
static void near_port(enum ese_line line, int ports[ESE_TEST_PORTS])
{
    memset(ports, 0, ESE_TEST_PORTS * sizeof *ports);
    ports[0] = ese_network_port(walk.journey->network, line);
}

/* Looks again and again for so long: how often anybody was seen to be connected past the lines, and that each is
 * connected over its own. */
static int connections_past(int64_t ms, bool client_goes_there)
{
    static const struct {
        enum ese_role role;
        enum ese_line line;
    } goers[] = {{ESE_ROLE_CLIENT, ESE_LINE_CLIENT_BROKER},
                 {ESE_ROLE_SERVER, ESE_LINE_SERVER_BROKER},
                 {ESE_ROLE_CONSUMER, ESE_LINE_CONSUMER_BROKER}};
    int brokers[ESE_TEST_PORTS], own[ESE_TEST_PORTS], past = 0, seen[ESE_COUNT_OF(goers)] = {0};
    int64_t until_ns = ese_clock_monotonic_ns() + ms * ESE_NS_PER_MS;
    read_ports("listeners", brokers);
    while (ese_clock_monotonic_ns() < until_ns) {
        for (size_t i = 0; i < ESE_COUNT_OF(goers); i++) {
            near_port(goers[i].line, own);
            past += ese_test_connections(ese_process_pid(party(goers[i].role)), brokers);
            seen[i] += ese_test_connections(ese_process_pid(party(goers[i].role)), own);
        }
        let_pass(20);
    }
    for (size_t i = client_goes_there ? 0 : 1; i < ESE_COUNT_OF(goers); i++)
        assert_true(seen[i] > 0);
    return past;
}

/* ---- over a server: what is lost on the way back is asked for again ---- */

static void lost_acknowledgements_are_asked_for_again(void **state)
{
    (void)state;
    open_journey(transport, "auto", ESE_LINES_ALL);
    or_fail(ese_journey_serve(walk.journey, &error));
    assert_true(ese_journey_has_line(walk.journey, ESE_LINE_CLIENT_SERVER));
    assert_false(ese_journey_has_line(walk.journey, ESE_LINE_CLIENT_BROKER));
    offer(6);
    await_processed(RATE);
    tell(ESE_LINE_CLIENT_SERVER, "cut backward");
    let_pass(1500);
    struct ese_journey_view cut = view();
    let_pass(500);
    assert_true(view().count[ESE_COUNT_ACKNOWLEDGED] == cut.count[ESE_COUNT_ACKNOWLEDGED]); /* nothing comes back, */
    assert_true(cut.count[ESE_COUNT_PROCESSED] > cut.count[ESE_COUNT_ACKNOWLEDGED]); /* though it got there */
    tell(ESE_LINE_CLIENT_SERVER, "reset"); /* what is on its way back is lost */
    tell(ESE_LINE_CLIENT_SERVER, "restore");
    struct ese_judgement judgement = judge();
    assert_int_equal(judgement.ledger.acknowledged, judgement.ledger.offered);
    assert_int_equal(judgement.ledger.processed, judgement.ledger.offered);
    assert_int_equal(judgement.ledger.stored_twice, 0);
    assert_int_equal(judgement.ledger.reordered, 0);
    assert_true(acknowledged_after(2) > 0);
}

static void every_line_leads_somewhere(void **state)
{
    (void)state;
    static const enum ese_line lines[] = {ESE_LINE_CLIENT_SERVER, ESE_LINE_CONSUMER_SERVER, ESE_LINE_CONSUMER_MAILER,
                                          ESE_LINE_MAILER_SMTP, ESE_LINE_SERVER_CONSUMER};
    size_t count = ESE_COUNT_OF(lines) - (strcmp(transport, "http") == 0); /* which pushes nothing */
    struct ese_journey_cost cost;
    open_journey(transport, "auto", ESE_LINES_ALL);
    or_fail(ese_journey_serve(walk.journey, &error));
    offer(3);
    tell(ESE_LINE_CONSUMER_SERVER, "latency 50 jitter 20");
    tell(ESE_LINE_CONSUMER_MAILER, "half-open far");
    tell(ESE_LINE_MAILER_SMTP, "bandwidth 20000");
    let_pass(2000);
    tell(ESE_LINE_CONSUMER_MAILER, "restore");
    judge();
    for (size_t i = 0; i < count; i++) {
        char passed[200];
        or_fail(ese_journey_passed(walk.journey, lines[i], passed, sizeof passed, &error));
        assert_non_null(strstr(passed, "forward="));
        assert_null(strstr(passed, "forward=0"));
        assert_null(strstr(passed, "backward=0"));
        assert_non_null(strstr(passed, "refused=0"));
    }
    ese_journey_cost(walk.journey, &cost);
    assert_int_equal(cost.processes, 4); /* client, server, consumer and mailer */
}

static void nonsense_is_refused_whether_there_is_a_line_or_not(void **state)
{
    (void)state;
    open_journey(transport, "auto", ESE_LINE_BIT(ESE_LINE_CLIENT_SERVER));
    or_fail(ese_journey_serve(walk.journey, &error));
    for (int line = 0; line < ESE_LINES; line++) {
        assert_int_equal(ese_journey_network(walk.journey, (enum ese_line)line, "cut", &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_int_equal(ese_journey_network(walk.journey, (enum ese_line)line, "cut both", &error), 0);
        assert_int_equal(ese_journey_has_line(walk.journey, (enum ese_line)line), line == ESE_LINE_CLIENT_SERVER);
    }
}

static bool is_noted(void *context)
{
    (void)context;
    view();
    return ese_endings_find(ese_journey_endings(walk.journey), "proxy") != NULL;
}

static void a_proxy_that_ends_is_noted(void **state)
{
    (void)state;
    open_journey(transport, "auto", ESE_LINE_BIT(ESE_LINE_CLIENT_SERVER));
    or_fail(ese_journey_serve(walk.journey, &error));
    view();
    assert_int_equal(ese_journey_endings(walk.journey)->count, 0);
    assert_int_equal(kill(ese_process_pid(ese_network_process(walk.journey->network)), SIGKILL), 0);
    assert_true(ese_test_wait_until(is_noted, NULL, PATIENCE_MS));
    view();
    assert_int_equal(ese_journey_endings(walk.journey)->count, 1);
    assert_int_equal(ese_journey_network(walk.journey, ESE_LINE_CLIENT_SERVER, "reset", &error), -1);
    assert_int_equal(error.code, ESE_E_IO);
}

/* ---- a server that pushes ---- */

static void nothing_is_pushed_past_its_line(void **state)
{
    (void)state;
    open_journey(transport, "auto", ESE_LINE_BIT(ESE_LINE_SERVER_CONSUMER));
    or_fail(ese_journey_serve(walk.journey, &error));
    assert_true(ese_journey_has_line(walk.journey, ESE_LINE_SERVER_CONSUMER));
    offer(6);
    await_processed(RATE);
    tell(ESE_LINE_SERVER_CONSUMER, "cut forward");
    let_pass(1000); /* what had come by then */
    struct ese_journey_view cut = view();
    let_pass(1000);
    assert_true(view().count[ESE_COUNT_PROCESSED] == cut.count[ESE_COUNT_PROCESSED]);
    assert_true(view().count[ESE_COUNT_ACKNOWLEDGED] > cut.count[ESE_COUNT_ACKNOWLEDGED]);
    tell(ESE_LINE_SERVER_CONSUMER, "reset");
    tell(ESE_LINE_SERVER_CONSUMER, "restore");
    struct ese_judgement judgement = judge();
    assert_int_equal(judgement.ledger.processed, judgement.ledger.offered);
    assert_int_equal(judgement.ledger.processed_out_of_order, 0);
}

/* ---- file: there is nobody to be cut off from ---- */

static void lines_that_are_not_there_are_passed_over(void **state)
{
    (void)state;
    open_journey("file", "auto", ESE_LINE_BIT(ESE_LINE_CLIENT_SERVER) | ESE_LINE_BIT(ESE_LINE_CONSUMER_BROKER));
    or_fail(ese_journey_serve(walk.journey, &error));
    assert_null(ese_network_process(walk.journey->network));
    assert_false(ese_journey_has_line(walk.journey, ESE_LINE_CLIENT_SERVER));
    tell(ESE_LINE_CLIENT_SERVER, "cut both");
    offer(1);
    struct ese_judgement judgement = judge();
    assert_true(judgement.ledger.offered > 0);
    assert_int_equal(judgement.ledger.processed, judgement.ledger.offered);
}

/* ---- kafka ---- */

static void a_mock_has_no_lines(void **state)
{
    (void)state;
    open_journey("kafka", "embedded", ESE_LINES_ALL);
    or_fail(ese_journey_serve(walk.journey, &error));
    assert_true(ese_journey_has_line(walk.journey, ESE_LINE_CLIENT_SERVER));
    assert_false(ese_journey_has_line(walk.journey, ESE_LINE_CLIENT_BROKER));
    assert_false(ese_journey_has_line(walk.journey, ESE_LINE_SERVER_BROKER));
    assert_false(ese_journey_has_line(walk.journey, ESE_LINE_CONSUMER_BROKER));
    tell(ESE_LINE_CONSUMER_BROKER, "cut both");
    offer(1);
    struct ese_judgement judgement = judge();
    assert_true(judgement.ledger.offered > 0);
    assert_int_equal(judgement.ledger.processed, judgement.ledger.offered);
}

/* Whoever goes to the broker goes over its line, when it begins and when it comes back; and so a line that is cut is
 * one: nothing gets by. */
static void nobody_goes_past_a_line(void **state)
{
    (void)state;
    open_journey("kafka:via=direct", "kafka", ESE_LINES_ALL);
    or_fail(ese_journey_serve(walk.journey, &error));
    offer(8);
    await_processed(RATE);
    assert_int_equal(connections_past(1000, true), 0);

    tell(ESE_LINE_CONSUMER_BROKER, "cut both");
    let_pass(1000); /* what was read ahead */
    struct ese_journey_view cut = view();
    assert_int_equal(connections_past(1000, true), 0);
    assert_true(view().count[ESE_COUNT_HANDED] == cut.count[ESE_COUNT_HANDED]);
    assert_true(view().count[ESE_COUNT_ACKNOWLEDGED] > cut.count[ESE_COUNT_ACKNOWLEDGED]);
    tell(ESE_LINE_CONSUMER_BROKER, "restore");
    await_processed(cut.count[ESE_COUNT_ACKNOWLEDGED] + 1);

    tell(ESE_LINE_CLIENT_BROKER, "reset"); /* everybody connects anew */
    tell(ESE_LINE_SERVER_BROKER, "reset");
    tell(ESE_LINE_CONSUMER_BROKER, "reset");
    assert_int_equal(connections_past(1500, true), 0);
    struct ese_judgement judgement = judge();
    assert_int_equal(judgement.ledger.acknowledged, judgement.ledger.offered);
    assert_int_equal(judgement.ledger.stored_twice, 0);
}

/* Has the broker advertise its own port where it should have the line's. */
static void advertise_the_broker(enum ese_line line)
{
    int listening[ESE_TEST_PORTS], advertised[ESE_TEST_PORTS];
    char command[1024];
    read_ports("listeners", listening);
    read_ports("advertised.listeners", advertised);
    for (int i = 0; i < ESE_TEST_PORTS; i++) {
        if (advertised[i] != ese_network_port(walk.journey->network, line))
            continue;
        snprintf(command, sizeof command, "sed -i '/^advertised/s/:%d/:%d/' '%.900s/broker/server.properties'",
                 advertised[i], listening[i + 1], walk.directory); /* the controllers' is not advertised */
        assert_int_equal(system(command), 0);
    }
    or_fail(ese_broker_life_restart(walk.journey->broker, &error));
}

static void who_goes_past_is_seen(void **state)
{
    (void)state;
    open_journey("kafka", "kafka", ESE_LINES_ALL);
    advertise_the_broker(ESE_LINE_CONSUMER_BROKER);
    or_fail(ese_journey_serve(walk.journey, &error));
    offer(3);
    await_processed(RATE);
    assert_true(connections_past(500, false) > 0);
    tell(ESE_LINE_CONSUMER_BROKER, "cut both"); /* which holds nobody up, then */
    judge();
}

/* ---- */

#define WALKED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int skip_all(const char *why)
{
    printf("1..0 # SKIP %s\n", why);
    return 0;
}

static int walk_kafka(void)
{
    const struct CMUnitTest tests[] = {
        WALKED(a_mock_has_no_lines),
        WALKED(nobody_goes_past_a_line),
        WALKED(who_goes_past_is_seen),
    };
    struct ese_kafka_home home;
    ese_kafka_home(&home);
    if (access(home.jars, R_OK) != 0 || system("java -version > /dev/null 2>&1") != 0)
        return skip_all("no Java, or no jars of a broker");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int walk_http(void)
{
    const struct CMUnitTest tests[] = {
        WALKED(lost_acknowledgements_are_asked_for_again),
        WALKED(every_line_leads_somewhere),
        WALKED(nonsense_is_refused_whether_there_is_a_line_or_not),
        WALKED(a_proxy_that_ends_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int walk_webhook(void)
{
    const struct CMUnitTest tests[] = {
        WALKED(lost_acknowledgements_are_asked_for_again),
        WALKED(every_line_leads_somewhere),
        WALKED(nothing_is_pushed_past_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int walk_file(void)
{
    const struct CMUnitTest tests[] = {WALKED(lines_that_are_not_there_are_passed_over)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    transport = argc > 1 ? argv[1] : "http";
    if (strcmp(transport, "kafka") == 0)
        return walk_kafka();
    if (strcmp(transport, "webhook") == 0)
        return walk_webhook();
    return strcmp(transport, "file") == 0 ? walk_file() : walk_http();
}
