/*
 * contract.c - one suite for every transport: what transports/transport.h asks of all, and what
 * each promises.
 *
 * One program a transport; every test runs for each of its rig's specifications. What a transport
 * does not promise is skipped, never asked more softly: of one that may lose what it acknowledged
 * only what it hands is looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "tests/contract/bench.h"
#include "tests/contract/faulty.h"
#include "tests/contract/paging.h"

#define LANES 64
#define DEADLINE_MS 30000

struct fixture {
    const char *specification;
    struct ese_bench *bench;
};

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_bench_close(&fixture->bench);
    return 0;
}

static const struct ese_transport *transport_of(const struct fixture *fixture)
{
    const struct ese_registry_entry *entry = NULL;
    assert_int_equal(ese_registry_find(fixture->specification, &entry, NULL), 0);
    return entry->transport;
}

static const struct ese_promises *promises(const struct fixture *fixture)
{
    return &transport_of(fixture)->promises;
}

static bool may_lose(const struct ese_bench *bench)
{
    return bench->transport->promises.delivery == ESE_DELIVERY_AT_MOST_ONCE;
}

static bool has_server(const struct fixture *fixture)
{
    return transport_of(fixture)->store != NULL;
}

/* The least a transport promises is what most tests run at. */
static struct ese_bench *open_bench(void **state)
{
    struct fixture *fixture = *state;
    unsigned levels = promises(fixture)->durability;
    fixture->bench = ese_bench_open(
        fixture->specification,
        (levels & ESE_DURABILITY_OS) != 0 ? ESE_DURABILITY_OS : ESE_DURABILITY_MEMORY, LANES);
    return fixture->bench;
}

static void send_events(struct ese_bench *bench, int count, int keys)
{
    for (int i = 0; i < count; i++) {
        ese_bench_send(bench, keys);
        if (i % 32 == 0)
            ese_bench_poll(bench, 0);
    }
}

/* Sends and waits until all are acknowledged: nothing is in the way here. */
static void send_acknowledged(struct ese_bench *bench, int count, int keys)
{
    int before = ese_journey_outcomes(bench->journey, ESE_OUTCOME_ACKNOWLEDGED);
    send_events(bench, count, keys);
    ese_bench_flush(bench);
    assert_int_equal(ese_journey_outcomes(bench->journey, ESE_OUTCOME_ACKNOWLEDGED),
                     before + count);
}

static void restart(struct ese_bench *bench)
{
    struct ese_error error = {0};
    if (ese_rig.restart(bench->place, &error) != 0)
        fail_msg("%s: restart: %s", bench->specification, error.text);
}

static int64_t elapsed_ms(int64_t since_ns)
{
    return (ese_clock_monotonic_ns() - since_ns) / ESE_NS_PER_MS;
}

static void check_handed(struct ese_bench *bench)
{
    ESE_BENCH_GOOD(ese_journey_check_strangers(bench->journey));
    if (!may_lose(bench))
        ESE_BENCH_GOOD(ese_journey_check_handed(bench->journey));
}

static void check_all(struct ese_bench *bench)
{
    ESE_BENCH_GOOD(ese_journey_check_outcomes(bench->journey));
    check_handed(bench);
    ESE_BENCH_GOOD(ese_journey_check_places(bench->journey));
    if (bench->transport->promises.ordered_per_key)
        ESE_BENCH_GOOD(ese_journey_check_order(bench->journey));
}

/* ---- the plain way --------------------------------------------------------------------------- */

static void what_is_sent_is_handed(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 1000, 100);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_all(bench);
    ESE_BENCH_GOOD(ese_journey_check_once(bench->journey));
    assert_in_range(bench->journey->handings, may_lose(bench) ? 1 : 1000, 1000);
    assert_int_equal(bench->unreadable, 0);
}

/* A consumer that waits is handed what comes, while it comes. */
static void a_waiting_consumer_is_handed_what_comes(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_to_end(bench);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    for (int i = 0; i < 10; i++) {
        send_acknowledged(bench, 10, 5);
        ese_bench_read_all(bench);
    }
    check_all(bench);
    ESE_BENCH_GOOD(ese_journey_check_once(bench->journey));
}

static void batches_keep_their_bound(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 50, 7);
    ese_bench_open_consumer(bench, 3);
    do
        assert_in_range(ese_bench_read(bench, 1000, INT32_MAX), 0, 3);
    while (ese_bench_awaited(bench) > 0 || !bench->at_end);
    check_all(bench);
}

/* "The end" said too early would make a rule's timers fire before events that are already there. */
static void the_end_is_told_at_the_end(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 200, 20);
    ese_bench_open_consumer(bench, 10);
    ese_bench_read_to_end(bench);
    assert_int_equal(ese_bench_awaited(bench), 0);
    assert_int_equal(ese_bench_read(bench, 100, INT32_MAX), 0);
    ese_bench_read_to_end(bench); /* and it is told again */
    send_acknowledged(bench, 30, 20);
    ese_bench_read_to_end(bench); /* an end of before they were sent is none of now */
    assert_int_equal(ese_bench_awaited(bench), 0);
}

/* ---- positions ------------------------------------------------------------------------------- */

static void a_restart_goes_on_exactly_there(void **state)
{
    if (!promises(*state)->positions_survive)
        skip();
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 300, 30);
    ese_bench_open_consumer(bench, 7);
    while (bench->journey->handings < 100)
        ese_bench_read(bench, 1000, INT32_MAX);
    ese_bench_read(bench, 1000, 3);
    ese_bench_close_consumer(bench);
    if (has_server(*state)) {
        ese_rig.kill(bench->place);
        restart(bench);
    }
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_all(bench);
    ESE_BENCH_GOOD(ese_journey_check_once(bench->journey));
    assert_int_equal(bench->journey->handings, 300);
}

static void the_latest_is_what_comes_from_now_on(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 50, 5);
    bench->from = ESE_OFFSET_LATEST;
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_to_end(bench);
    assert_int_equal(bench->journey->handings, 0);
    send_acknowledged(bench, 20, 5);
    while (!may_lose(bench) && bench->journey->handings < 20)
        ese_bench_read(bench, 1000, INT32_MAX);
    ese_bench_read_to_end(bench);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bench->journey->events[i].handed, 0);
    if (bench->transport->promises.ordered_per_key)
        ESE_BENCH_GOOD(ese_journey_check_order(bench->journey));
}

static void what_was_read_can_be_read_again(void **state)
{
    if (!promises(*state)->replayable)
        skip();
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 100, 10);
    for (int round = 0; round < 2; round++) {
        ese_bench_open_consumer(bench, 30);
        ese_bench_read_all(bench);
        check_all(bench);
        ESE_BENCH_GOOD(ese_journey_check_once(bench->journey));
        ese_bench_close_consumer(bench);
        ese_journey_forget_handed(bench->journey);
        ese_bench_forget_positions(bench);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void check_next_waits(struct ese_bench *bench, int least_ms, int timeout_ms)
{
    int64_t since_ns = ese_clock_monotonic_ns();
    assert_int_equal(ese_bench_read(bench, timeout_ms, INT32_MAX), 0);
    assert_in_range(elapsed_ms(since_ns), least_ms, timeout_ms + 1000);
}

static void next_waits_no_longer_than_told(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_consumer(bench, 10);
    ese_bench_read_to_end(bench);
    check_next_waits(bench, 0, 0);
    check_next_waits(bench, 250, 300);
}

static void poll_waits_no_longer_than_told(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 10, DEADLINE_MS);
    int64_t since_ns = ese_clock_monotonic_ns();
    ese_bench_poll(bench, 200);
    assert_in_range(elapsed_ms(since_ns), 0, 1200);
    since_ns = ese_clock_monotonic_ns();
    ese_bench_poll(bench, 0);
    assert_in_range(elapsed_ms(since_ns), 0, 1000);
}

static void no_more_than_inflight_are_taken(void **state)
{
    struct ese_bench *bench = open_bench(state);
    const struct ese_produce_face *produce = bench->transport->produce;
    ese_bench_open_producer(bench, 8, DEADLINE_MS);
    for (int i = 0; i < 8; i++)
        ese_bench_send(bench, 8);
    assert_int_equal(produce->pending(bench->producer), 8);
    struct ese_error error = {0};
    assert_int_equal(produce->send(bench->producer, ese_journey_next(bench->journey, 8), &error),
                     -1);
    assert_int_equal(error.code, ESE_E_FULL);
    assert_int_equal(produce->pending(bench->producer), 8);
    ese_bench_flush(bench);
    send_acknowledged(bench, 20, 8); /* there is room again */
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_all(bench); /* the refused one must not be there */
}

/* ---- opening and closing --------------------------------------------------------------------- */

static int open_face(struct ese_bench *bench, enum ese_face face, struct ese_config *config,
                     struct ese_error *error)
{
    struct ese_produce_settings produce = {.inflight = 10, .retry_deadline_ms = DEADLINE_MS};
    struct ese_consume_settings consume = {.max_batch = 10};
    return face == ESE_FACE_PRODUCE
               ? bench->transport->produce->open(config, &produce, &bench->producer, error)
               : bench->transport->consume->open(config, &consume, &bench->consumer, error);
}

static void a_failed_open_says_why_and_can_be_closed(void **state)
{
    struct ese_bench *bench = open_bench(state);
    static const enum ese_face faces[] = {ESE_FACE_PRODUCE, ESE_FACE_CONSUME};
    for (size_t i = 0; i < ESE_COUNT_OF(faces); i++) {
        struct ese_config *config = ese_bench_config(bench, faces[i], true);
        struct ese_error error = {0};
        int result = open_face(bench, faces[i], config, &error);
        bench->transport->produce->close(&bench->producer);
        bench->transport->consume->close(&bench->consumer);
        ese_config_free(&config);
        assert_int_equal(result, -1);
        assert_int_not_equal(error.code, ESE_OK);
        assert_true(strlen(error.text) > 0);
        assert_null(bench->producer);
        assert_null(bench->consumer);
    }
}

static void close_takes_null(void **state)
{
    const struct ese_transport *transport = transport_of(*state);
    struct ese_producer *producer = NULL;
    struct ese_consumer *consumer = NULL;
    transport->produce->close(&producer);
    transport->consume->close(&consumer);
    assert_null(producer);
    assert_null(consumer);
}

static void partitions_have_names(void **state)
{
    struct ese_bench *bench = open_bench(state);
    char first[64] = "", cut[4] = "";
    bench->transport->consume->partition_name(0, first, sizeof first);
    assert_true(strlen(first) > 0);
    bench->transport->consume->partition_name(0, cut, sizeof cut);
    assert_true(strlen(cut) < sizeof cut);
}

/* ---- peers that die -------------------------------------------------------------------------- */

static void need_server(void **state)
{
    if (!has_server(*state))
        skip();
}

/* What is pending at the close has no outcome; here it cannot have been stored either. */
static void check_close_lets_go(struct ese_bench *bench)
{
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    for (int i = 0; i < 100; i++) {
        const struct ese_event *event = ese_journey_next(bench->journey, 10);
        assert_int_equal(bench->transport->produce->send(bench->producer, event, NULL), 0);
    }
    int64_t since_ns = ese_clock_monotonic_ns();
    bench->transport->produce->close(&bench->producer);
    assert_in_range(elapsed_ms(since_ns), 0, 5000);
    assert_null(bench->producer);
}

/* Whether a batch says within the time that the other side is away, or that it no longer is. */
static bool hears(struct ese_bench *bench, bool away, int64_t limit_ms)
{
    int64_t since_ns = ese_clock_monotonic_ns();
    do
        ese_bench_read(bench, 100, INT32_MAX);
    while (bench->away != away && elapsed_ms(since_ns) < limit_ms);
    return bench->away == away;
}

static void a_server_that_is_away_is_told(void **state)
{
    need_server(state);
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_to_end(bench);
    assert_false(hears(bench, true, 2500)); /* an idle one is not */
    ese_rig.kill(bench->place);
    assert_true(hears(bench, true, 5000));
    restart(bench);
    assert_true(hears(bench, false, ESE_BENCH_PATIENCE_MS));
    ese_bench_read_to_end(bench);
    assert_false(bench->away);
}

static void a_server_that_is_away_is_waited_for(void **state)
{
    need_server(state);
    struct ese_bench *bench = open_bench(state);
    ese_rig.kill(bench->place);
    check_close_lets_go(bench);
    int64_t since_ns = ese_clock_monotonic_ns();
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    ese_bench_open_consumer(bench, 100);
    assert_in_range(elapsed_ms(since_ns), 0, 2000);
    send_events(bench, 50, 10);
    check_next_waits(bench, 0, 0);
    check_next_waits(bench, 0, 300);
    restart(bench);
    ese_bench_flush(bench);
    assert_int_equal(ese_journey_outcomes(bench->journey, ESE_OUTCOME_ACKNOWLEDGED), 50);
    ese_bench_read_all(bench);
    check_all(bench);
}

/* The server is killed under load and comes back: retries must not change the order of any key. */
static void order_survives_retries(void **state)
{
    need_server(state);
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 2048, DEADLINE_MS);
    send_events(bench, 1000, 200);
    ese_bench_poll(bench, 5);
    ese_rig.kill(bench->place);
    send_events(bench, 500, 200);
    ese_bench_poll(bench, 100);
    restart(bench);
    send_events(bench, 500, 200);
    ese_bench_flush(bench);
    /* It came back long before the deadline: whoever tried again got through. */
    assert_int_equal(ese_journey_outcomes(bench->journey, ESE_OUTCOME_ACKNOWLEDGED), 2000);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_all(bench);
    if (bench->transport->promises.retry_stored_once)
        ESE_BENCH_GOOD(ese_journey_check_once(bench->journey));
}

/* The server is killed in mid-send and stays away: all still get their one outcome, in time. */
static void every_event_has_one_outcome(void **state)
{
    need_server(state);
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 2048, 2000);
    send_events(bench, 500, 200);
    ese_bench_poll(bench, 5);
    ese_rig.kill(bench->place);
    send_events(bench, 300, 200);
    int64_t since_ns = ese_clock_monotonic_ns();
    ese_bench_flush(bench);
    assert_in_range(elapsed_ms(since_ns), 0, 2000 + 1000 + 500);
    assert_true(ese_journey_outcomes(bench->journey, ESE_OUTCOME_ACKNOWLEDGED) <= 500);
    restart(bench);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_all(bench);
}

static void tell_outcomes(struct ese_bench *bench, int tell_fd, int timeout_ms)
{
    struct ese_acknowledgement outcomes[256];
    int count = bench->transport->produce->poll(bench->producer, timeout_ms, outcomes, 256);
    if (count > 0 && write(tell_fd, outcomes, (size_t)count * sizeof outcomes[0]) < 0)
        _exit(1);
}

/* Sends what the journey has, and tells each outcome through the pipe, until it is killed. */
static void send_until_killed(struct ese_bench *bench, int tell_fd)
{
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    for (int i = 0; i < bench->journey->count; i++) {
        const struct ese_event *event = &bench->journey->events[i].event;
        while (bench->transport->produce->send(bench->producer, event, NULL) != 0)
            tell_outcomes(bench, tell_fd, 10);
        tell_outcomes(bench, tell_fd, 0);
    }
    for (;;)
        tell_outcomes(bench, tell_fd, 100);
}

static void what_a_killed_producer_had_acknowledged_is_kept(void **state)
{
    struct ese_bench *bench = open_bench(state);
    for (int i = 0; i < 3000; i++) {
        const struct ese_event *event = ese_journey_next(bench->journey, 100);
        ese_journey_note_sent(bench->journey, event); /* perhaps: nobody is left to say */
    }
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        send_until_killed(bench, ends[1]);
    close(ends[1]);
    struct ese_acknowledgement outcome;
    int told = 0;
    while (read(ends[0], &outcome, sizeof outcome) == (ssize_t)sizeof outcome) {
        ese_journey_note_outcome(bench->journey, &outcome);
        if (++told == 500)
            kill(child, SIGKILL);
    }
    close(ends[0]);
    waitpid(child, NULL, 0);
    assert_true(told >= 500);
    ese_bench_open_producer(bench, 256, DEADLINE_MS); /* whoever comes next */
    send_acknowledged(bench, 100, 100);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_handed(bench);
    if (bench->transport->promises.ordered_per_key)
        ESE_BENCH_GOOD(ese_journey_check_order(bench->journey));
}

/* ---- promises -------------------------------------------------------------------------------- */

static void only_promised_levels_are_accepted(void **state)
{
    struct fixture *fixture = *state;
    static const enum ese_durability levels[] = {ESE_DURABILITY_MEMORY, ESE_DURABILITY_OS,
                                                 ESE_DURABILITY_DISK, ESE_DURABILITY_REPLICAS};
    for (size_t i = 0; i < ESE_COUNT_OF(levels); i++) {
        struct ese_error error = {0};
        struct ese_rig_place *place = NULL;
        int result = ese_rig.start(fixture->specification, levels[i], &place, &error);
        ese_rig.stop(&place);
        if (result != 0 && error.code == ESE_E_MISSING)
            continue;
        bool promised = (promises(fixture)->durability & levels[i]) != 0;
        if ((result == 0) != promised)
            fail_msg("%s: %s is %s promised, but: %s", fixture->specification,
                     ese_durability_name(levels[i]), promised ? "" : "not", error.text);
        if (!promised) {
            assert_int_equal(error.code, ESE_E_USAGE);
            assert_non_null(strstr(error.text, ese_durability_name(levels[i])));
        }
    }
}

/* All the others run at the least level. What a power loss would do no test can do here; a kill
 * must do no more harm at this level than at the least. */
static void the_disk_level_keeps_events(void **state)
{
    struct fixture *fixture = *state;
    if ((promises(fixture)->durability & ESE_DURABILITY_DISK) == 0)
        skip();
    struct ese_bench *bench = fixture->bench =
        ese_bench_open(fixture->specification, ESE_DURABILITY_DISK, LANES);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 100, 10);
    if (has_server(*state)) {
        ese_rig.kill(bench->place);
        restart(bench);
    }
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_all(bench);
}

static void send_again(struct ese_bench *bench, int number)
{
    struct ese_error error = {0};
    struct ese_journey_event *again = &bench->journey->events[number];
    if (bench->transport->produce->send(bench->producer, &again->event, &error) != 0)
        fail_msg("%s", error.text);
    again->outcomes = 0;
    ese_bench_flush(bench);
    assert_int_equal(again->outcomes, 1);
    assert_int_equal(again->last.outcome, ESE_OUTCOME_ACKNOWLEDGED);
}

static void a_retry_is_stored_once(void **state)
{
    if (!promises(*state)->retry_stored_once)
        skip();
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 10, 10);
    send_again(bench, 3);
    if (has_server(*state)) {
        ese_rig.kill(bench->place);
        restart(bench);
        send_again(bench, 4);
    }
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    check_all(bench);
    ESE_BENCH_GOOD(ese_journey_check_once(bench->journey));
}

/* What the history says became of the event last. Every life begins empty. */
static enum ese_history_kind fate_of(const char *history, const struct ese_id *id)
{
    enum ese_history_kind fate = ESE_HISTORY_END;
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    assert_int_equal(ese_history_read_open(history, &reader, NULL), 0);
    while (ese_history_read_next(reader, &record, NULL) == 1) {
        if (ese_id_equal(&record.id, id) ||
            (record.kind == ESE_HISTORY_BEGUN_EMPTY && fate == ESE_HISTORY_KEPT))
            fate = record.kind;
    }
    ese_history_read_close(&reader);
    return fate;
}

/* Some are lost while it lives, as far as it loses any then, the others when it dies. */
static void what_is_lost_is_noted(void **state)
{
    if (!promises(*state)->tells_losses)
        skip();
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 100, 5);
    ese_rig.kill(bench->place);
    restart(bench);
    send_acknowledged(bench, 100, 5);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_all(bench);
    int lost = 0;
    for (int i = 0; i < bench->journey->count; i++) {
        const struct ese_journey_event *event = &bench->journey->events[i];
        enum ese_history_kind fate = fate_of(ese_rig.history(bench->place), &event->event.id);
        assert_int_not_equal(fate, ESE_HISTORY_END);
        if ((event->handed > 0) != (fate == ESE_HISTORY_KEPT))
            fail_msg("event %d was handed %d times, and its fate is %d", i, event->handed, fate);
        lost += event->handed == 0;
    }
    assert_true(lost >= 100); /* so that there was something to note */
}

/* ---- GET /events ----------------------------------------------------------------------------- */

/* Of several ways in, one will do: the server is the same. */
static struct ese_bench *open_served(void **state)
{
    struct fixture *fixture = *state;
    need_server(state);
    if (fixture->specification != ese_rig.specifications[0])
        skip();
    return open_bench(state);
}

static void pages_show_each_event_once(void **state)
{
    ese_paging_shows_each_event_once(open_served(state));
}

static void what_was_answered_is_in_the_next_answer(void **state)
{
    ese_paging_shows_what_was_answered_before(open_served(state));
}

static void a_page_again_is_the_same_or_more(void **state)
{
    ese_paging_shows_the_same_again_or_more(open_served(state));
}

static void a_small_page_again_is_the_same_or_more(void **state)
{
    ese_paging_shows_the_same_again_with_small_limits(open_served(state));
}

static void a_cursor_is_good_after_a_restart(void **state)
{
    ese_paging_goes_on_after_a_restart(open_served(state));
}

static void a_page_is_held_until_there_is_something(void **state)
{
    ese_paging_holds_until_there_is_something(open_served(state));
}

static void a_wrong_page_is_told(void **state)
{
    ese_paging_tells_what_is_wrong(open_served(state));
}

static void wrong_pages_are_found(void **state)
{
    (void)state;
    ese_paging_finds_faults();
}

/* ---- the checks themselves ------------------------------------------------------------------- */

typedef const char *check(struct ese_journey *journey);

/* A fault planted in the real transport must be found by the check it is for. */
static void plant(void **state, enum ese_fault fault, check *finds)
{
    struct ese_bench *bench = open_bench(state);
    const struct ese_transport *real = bench->transport;
    bench->transport = ese_faulty(real, fault);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_events(bench, 100, 4);
    ese_bench_flush(bench);
    ese_bench_open_consumer(bench, 100);
    ese_bench_read_to_end(bench);
    assert_non_null(finds(bench->journey));
}

static void a_dropped_event_is_found(void **state)
{
    if (promises(*state)->delivery == ESE_DELIVERY_AT_MOST_ONCE)
        skip(); /* it may be */
    plant(state, ESE_FAULT_DROPS, ese_journey_check_handed);
}

static void a_doubled_event_is_found(void **state)
{
    plant(state, ESE_FAULT_DOUBLES, ese_journey_check_once);
}

static void swapped_events_are_found(void **state)
{
    if (!promises(*state)->ordered_per_key)
        skip();
    plant(state, ESE_FAULT_SWAPS, ese_journey_check_order);
}

static void an_altered_event_is_found(void **state)
{
    plant(state, ESE_FAULT_ALTERS, ese_journey_check_strangers);
}

static bool tells_places(const struct ese_journey *journey)
{
    return journey->count > 0 && journey->events[0].last.offset >= 0;
}

static void a_misplaced_event_is_found(void **state)
{
    struct ese_bench *bench = open_bench(state);
    ese_bench_open_producer(bench, 256, DEADLINE_MS);
    send_acknowledged(bench, 1, 1);
    if (!tells_places(bench->journey))
        skip(); /* nothing to compare with */
    tear_down(state);
    plant(state, ESE_FAULT_MISPLACES, ese_journey_check_places);
}

static void an_untold_outcome_is_found(void **state)
{
    plant(state, ESE_FAULT_FORGETS, ese_journey_check_outcomes);
}

static void an_outcome_told_twice_is_found(void **state)
{
    plant(state, ESE_FAULT_TELLS_TWICE, ese_journey_check_outcomes);
}

static void a_mistold_outcome_is_found(void **state)
{
    plant(state, ESE_FAULT_MISTELLS, ese_journey_check_strangers);
}

/* ---- running --------------------------------------------------------------------------------- */

#define TEST(function) {#function, function}

static const struct {
    const char *name;
    CMUnitTestFunction function;
} suite[] = {
    TEST(what_is_sent_is_handed),
    TEST(a_waiting_consumer_is_handed_what_comes),
    TEST(batches_keep_their_bound),
    TEST(the_end_is_told_at_the_end),
    TEST(a_restart_goes_on_exactly_there),
    TEST(the_latest_is_what_comes_from_now_on),
    TEST(what_was_read_can_be_read_again),
    TEST(next_waits_no_longer_than_told),
    TEST(poll_waits_no_longer_than_told),
    TEST(no_more_than_inflight_are_taken),
    TEST(a_failed_open_says_why_and_can_be_closed),
    TEST(close_takes_null),
    TEST(partitions_have_names),
    TEST(a_server_that_is_away_is_told),
    TEST(a_server_that_is_away_is_waited_for),
    TEST(order_survives_retries),
    TEST(every_event_has_one_outcome),
    TEST(what_a_killed_producer_had_acknowledged_is_kept),
    TEST(only_promised_levels_are_accepted),
    TEST(the_disk_level_keeps_events),
    TEST(a_retry_is_stored_once),
    TEST(what_is_lost_is_noted),
    TEST(pages_show_each_event_once),
    TEST(what_was_answered_is_in_the_next_answer),
    TEST(a_page_again_is_the_same_or_more),
    TEST(a_small_page_again_is_the_same_or_more),
    TEST(a_cursor_is_good_after_a_restart),
    TEST(a_page_is_held_until_there_is_something),
    TEST(a_wrong_page_is_told),
    TEST(wrong_pages_are_found),
    TEST(a_dropped_event_is_found),
    TEST(a_doubled_event_is_found),
    TEST(swapped_events_are_found),
    TEST(an_altered_event_is_found),
    TEST(a_misplaced_event_is_found),
    TEST(an_untold_outcome_is_found),
    TEST(an_outcome_told_twice_is_found),
    TEST(a_mistold_outcome_is_found),
};

#define MOST_SPECIFICATIONS 4

int main(void)
{
    static struct CMUnitTest tests[MOST_SPECIFICATIONS * ESE_COUNT_OF(suite)];
    static struct fixture fixtures[MOST_SPECIFICATIONS];
    static char names[ESE_COUNT_OF(tests)][128];
    size_t count = 0;
    for (int s = 0; s < MOST_SPECIFICATIONS && ese_rig.specifications[s] != NULL; s++) {
        fixtures[s].specification = ese_rig.specifications[s];
        for (size_t i = 0; i < ESE_COUNT_OF(suite); i++, count++) {
            snprintf(names[count], sizeof names[count], "%s: %s", ese_rig.specifications[s],
                     suite[i].name);
            tests[count] = (struct CMUnitTest){
                .name = names[count], .test_func = suite[i].function, .teardown_func = tear_down,
                .initial_state = &fixtures[s]};
        }
    }
    int failed = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
    if (ese_rig.end != NULL)
        ese_rig.end();
    return failed;
}
