/*
 * The transport on the real broker, both ends in this process: produced directly, consumed in
 * groups. Skipped without Java or jars.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"
#include "orchestration/kafka/embedded.h"
#include "orchestration/kafka/kafka_client.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/topics.h"
#include "tests/e2e/kafka_scene.h"
#include "transports/transport.h"

#define WAIT_MS 20000
#define DEADLINE_MS 10000
#define PARTITIONS 6 /* of both topics */

extern const struct ese_transport ese_transport_kafka;

static struct ese_kafka_scene scene;
static uint32_t run;
static struct ese_error error;

static int fresh_topics(void **state)
{
    (void)state;
    run = ese_id_draw_run();
    ese_kafka_scene_fresh_topics(&scene, false);
    return 0;
}

/* ---- opening both ends --------------------------------------------------------------------- */

static struct ese_producer *open_producer(int inflight)
{
    static const char *const direct[] = {"via", "direct", NULL};
    struct ese_config *config = ese_kafka_scene_config(&scene, ese_transport_kafka.produce->options,
                                                       direct);
    const struct ese_produce_settings settings = {.inflight = inflight,
                                                  .retry_deadline_ms = DEADLINE_MS};
    struct ese_producer *producer = NULL;
    if (ese_transport_kafka.produce->open(config, &settings, &producer, &error) == -1)
        fail_msg("%s", error.text);
    ese_config_free(&config);
    return producer;
}

/* What a consumer saw. */
struct seen {
    int64_t start; /* what `given` answers */
    int held;
    int given, taken, skipped;
    int64_t skipped_from, skipped_to;
    int count;
    struct ese_id ids[2000];
    int32_t partitions[2000];
    int64_t nexts[2000];
    int64_t server_ts[2000];
    uint32_t sequences[2000];
    bool ended; /* at_end was told */
};

static int64_t given(void *context, int32_t partition)
{
    struct seen *seen = context;
    assert_true(partition >= 0);
    seen->given++;
    seen->held++;
    return seen->start;
}

static void taken(void *context, int32_t partition)
{
    struct seen *seen = context;
    (void)partition;
    seen->taken++;
    seen->held--;
}

static void skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct seen *seen = context;
    (void)partition;
    seen->skipped++;
    seen->skipped_from = from;
    seen->skipped_to = to;
}

static struct ese_consumer *open_consumer(struct seen *seen, const char *group, const char *member)
{
    struct ese_config *config = ese_kafka_scene_config(&scene, ese_transport_kafka.consume->options,
                                                       NULL);
    const struct ese_consume_settings settings = {
        .group = group,
        .member = member,
        .max_batch = 100,
        .listener = {.context = seen, .given = given, .taken = taken, .skipped = skipped}};
    struct ese_consumer *consumer = NULL;
    memset(seen, 0, sizeof *seen);
    seen->start = ESE_OFFSET_EARLIEST;
    if (ese_transport_kafka.consume->open(config, &settings, &consumer, &error) == -1)
        fail_msg("%s", error.text);
    ese_config_free(&config);
    return consumer;
}

/* One batch, noted in `seen`. */
static void step(struct ese_consumer *consumer, struct seen *seen)
{
    struct ese_batch batch;
    if (ese_transport_kafka.consume->next(consumer, 100, &batch, &error) == -1)
        fail_msg("%s", error.text);
    for (int i = 0; i < batch.count && seen->count < 2000; i++, seen->count++) {
        const struct ese_record *record = &batch.records[i];
        seen->ids[seen->count] = record->event.id;
        seen->partitions[seen->count] = record->partition;
        seen->nexts[seen->count] = record->next;
        seen->server_ts[seen->count] = record->event.server_ts;
        seen->sequences[seen->count] = ese_id_read(&record->event.id).sequence;
        ese_transport_kafka.consume->acknowledge(consumer, record->partition, record->next);
    }
    seen->ended = batch.at_end;
}

static int64_t deadline(void)
{
    return ese_clock_monotonic_ns() + WAIT_MS * ESE_NS_PER_MS;
}

static void read_until_end(struct ese_consumer *consumer, struct seen *seen)
{
    int64_t limit_ns = deadline();
    while (!seen->ended && ese_clock_monotonic_ns() < limit_ns)
        step(consumer, seen);
    assert_true(seen->ended);
}

static void close_consumer(struct ese_consumer **consumer)
{
    ese_transport_kafka.consume->close(consumer);
    assert_null(*consumer);
}

/* ---- sending ------------------------------------------------------------------------------- */

static struct ese_event an_event(uint32_t sequence)
{
    struct ese_event event = {.type = ESE_TYPE_CLICK, .sub_type = ESE_SUB_TYPE_KEY_PRESS,
                              .client_ts = ese_clock_wall_ms()};
    const struct ese_id_parts parts = {.time_ms = event.client_ts, .lane = (uint16_t)(sequence % 7),
                                       .run = run, .sequence = sequence};
    event.id = ese_id_make(&parts);
    snprintf(event.ip, sizeof event.ip, "10.0.0.%u", sequence % 7);
    if (sequence % 5 == 0) {
        char data[64];
        snprintf(event.type, sizeof event.type, "%s", ESE_TYPE_ORDER);
        snprintf(data, sizeof data, "{\"orderId\":\"order-%u\"}", sequence);
        event.data = ese_copy_text(data);
    }
    ese_event_set_key(&event);
    ese_event_set_traceparent(&event);
    return event;
}

/* Sends them all and waits for their outcomes, which must be acknowledgements. A broker that has
 * had the batch of a retry says so, but not where: then the offset is not known (KIP-98). */
static void send_events(struct ese_producer *producer, uint32_t first, int count)
{
    const struct ese_produce_face *face = ese_transport_kafka.produce;
    struct ese_acknowledgement done[64];
    int acknowledged = 0;
    for (int sent = 0; sent < count || face->pending(producer) > 0;) {
        if (sent < count) {
            struct ese_event event = an_event(first + (uint32_t)sent);
            if (face->send(producer, &event, &error) == 0)
                sent++;
            else
                assert_int_equal(error.code, ESE_E_FULL);
            ese_event_clear(&event);
        }
        int told = face->poll(producer, sent == count ? 100 : 0, done, 64);
        for (int i = 0; i < told; i++, acknowledged++) {
            assert_int_equal(done[i].outcome, ESE_OUTCOME_ACKNOWLEDGED);
            assert_true(done[i].partition >= 0 && done[i].offset >= -1);
        }
    }
    assert_int_equal(acknowledged, count);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void what_is_sent_is_read_in_order_per_key(void **state)
{
    (void)state;
    static struct seen seen;
    int64_t before_ms = ese_clock_wall_ms();
    struct ese_producer *producer = open_producer(50);
    send_events(producer, 0, 500);
    ese_transport_kafka.produce->close(&producer);
    struct ese_consumer *consumer = open_consumer(&seen, NULL, NULL);
    read_until_end(consumer, &seen);
    assert_int_equal(seen.given, PARTITIONS);
    assert_int_equal(seen.count, 500);
    uint32_t last[7] = {0};
    for (int i = 0; i < seen.count; i++) {
        assert_in_range(seen.server_ts[i], before_ms, ese_clock_wall_ms());
        if (seen.sequences[i] % 5 == 0)
            continue; /* orders: each its own key */
        uint32_t *lane = &last[seen.sequences[i] % 7];
        assert_true(seen.sequences[i] >= *lane);
        *lane = seen.sequences[i];
    }
    close_consumer(&consumer);
    assert_int_equal(seen.taken, PARTITIONS);
}

/* How much the group has committed, over all partitions: what tools that show lag go by. */
static int64_t committed(const char *group)
{
    const struct ese_kafka_property properties[] = {{"group.id", group}, {NULL, NULL}};
    static const char *const topics[] = {"click-events", "order-events"};
    rd_kafka_t *reader = NULL;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", scene.prefix, topics[i % 2]);
        rd_kafka_topic_partition_list_add(list, name, i / 2);
    }
    assert_int_equal(
        ese_kafka_client_new(RD_KAFKA_CONSUMER, scene.bootstrap, properties, &reader, &error), 0);
    assert_int_equal(rd_kafka_committed(reader, list, WAIT_MS), 0);
    int64_t sum = 0;
    for (int i = 0; i < PARTITIONS; i++)
        sum += list->elems[i].offset < 0 ? 0 : list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(reader);
    return sum;
}

static void a_reader_resumes_where_it_was(void **state)
{
    (void)state;
    static struct seen seen, again;
    struct ese_producer *producer = open_producer(50);
    send_events(producer, 0, 50);
    struct ese_consumer *consumer = open_consumer(&seen, "resumes", "1");
    read_until_end(consumer, &seen);
    close_consumer(&consumer);
    assert_int_equal(committed("resumes"), 50);
    send_events(producer, 50, 20);
    ese_transport_kafka.produce->close(&producer);

    /* LATEST at the second opening would miss them; the committed offset must not matter: EARLIEST
     * has all */
    consumer = open_consumer(&again, "resumes", "1");
    read_until_end(consumer, &again);
    assert_int_equal(again.count, 70);
    close_consumer(&consumer);
}

static void two_members_share_the_partitions(void **state)
{
    (void)state;
    static struct seen first, second;
    struct ese_consumer *one = open_consumer(&first, "shared", "1");
    int64_t limit_ns = deadline();
    while (first.held != PARTITIONS && ese_clock_monotonic_ns() < limit_ns)
        step(one, &first);
    assert_int_equal(first.held, PARTITIONS);
    struct ese_consumer *two = open_consumer(&second, "shared", "2");
    while ((second.held == 0 || first.held + second.held != PARTITIONS) &&
           ese_clock_monotonic_ns() < limit_ns) {
        step(one, &first);
        step(two, &second);
    }
    assert_int_equal(first.taken, PARTITIONS);
    assert_int_equal(first.held + second.held, PARTITIONS);
    assert_true(first.held > 0 && second.held > 0);
    close_consumer(&one);
    close_consumer(&two);
}

static void a_newer_member_of_the_same_name_fences_the_older(void **state)
{
    (void)state;
    static struct seen first, second;
    struct ese_batch batch;
    struct ese_consumer *one = open_consumer(&first, "fenced", "1");
    int64_t limit_ns = deadline();
    while (first.held == 0 && ese_clock_monotonic_ns() < limit_ns)
        step(one, &first);
    struct ese_consumer *two = open_consumer(&second, "fenced", "1");
    int result = 0;
    while (result == 0 && ese_clock_monotonic_ns() < limit_ns) {
        result = ese_transport_kafka.consume->next(one, 100, &batch, &error);
        step(two, &second);
    }
    assert_int_equal(result, -1);
    assert_int_equal(error.code, ESE_E_FENCED);
    while (second.held == 0 && ese_clock_monotonic_ns() < limit_ns)
        step(two, &second);
    assert_int_equal(second.held, PARTITIONS);
    close_consumer(&one);
    close_consumer(&two);
}

/* A consumer in a process of its own, which reads to the end and then only waits to be killed. */
static pid_t start_doomed_consumer(void)
{
    static struct seen seen;
    int pipe_fds[2];
    char byte;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct ese_consumer *consumer = open_consumer(&seen, "doomed", "1");
        while (!seen.ended)
            step(consumer, &seen);
        if (write(pipe_fds[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            step(consumer, &seen);
    }
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    close(pipe_fds[0]);
    return pid;
}

/* A static member that comes back in time gets its partitions at once: its session need not run
 * out first. */
static void kill_a_member_and_come_back(int64_t patience_ms)
{
    static struct seen seen;
    pid_t doomed = start_doomed_consumer();
    kill(doomed, SIGKILL);
    waitpid(doomed, NULL, 0);
    int64_t back_ns = ese_clock_monotonic_ns();
    struct ese_consumer *consumer = open_consumer(&seen, "doomed", "1");
    while (seen.held < PARTITIONS && ese_clock_monotonic_ns() < back_ns + WAIT_MS * ESE_NS_PER_MS)
        step(consumer, &seen);
    assert_int_equal(seen.held, PARTITIONS);
    int64_t took_ms = (ese_clock_monotonic_ns() - back_ns) / ESE_NS_PER_MS;
    print_message("# partitions were back after %lld ms\n", (long long)took_ms);
    assert_true(took_ms < patience_ms);
    close_consumer(&consumer);
}

static void a_killed_member_is_given_its_partitions_again(void **state)
{
    (void)state;
    kill_a_member_and_come_back(5000); /* session.timeout.ms is 6000 */
}

static void bytes_on_the_wire_are_counted(void **state)
{
    (void)state;
    static struct seen seen;
    struct ese_wire_totals before = ese_wire_totals();
    struct ese_producer *producer = open_producer(50);
    send_events(producer, 0, 100);
    ese_transport_kafka.produce->close(&producer);
    struct ese_wire_totals produced = ese_wire_totals();
    assert_true(produced.sent - before.sent > 100 * 100);
    struct ese_consumer *consumer = open_consumer(&seen, NULL, NULL);
    read_until_end(consumer, &seen);
    close_consumer(&consumer);
    struct ese_wire_totals consumed = ese_wire_totals();
    assert_true(consumed.received - produced.received > 100 * 100);
}

static void a_position_beyond_the_end_is_an_error(void **state)
{
    (void)state;
    static struct seen seen;
    struct ese_batch batch;
    struct ese_consumer *consumer = open_consumer(&seen, NULL, NULL);
    seen.start = 1000;
    int64_t limit_ns = deadline();
    int result = 0;
    while (result == 0 && ese_clock_monotonic_ns() < limit_ns)
        result = ese_transport_kafka.consume->next(consumer, 100, &batch, &error);
    assert_int_equal(result, -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    assert_non_null(strstr(error.text, "position 1000"));
    close_consumer(&consumer);
}

/* Deletes the records of one partition before an offset, as retention would. */
static void forget_records(const char *topic, int32_t partition, int64_t before)
{
    char name[300];
    rd_kafka_t *admin = NULL;
    snprintf(name, sizeof name, "%s%s", scene.prefix, topic);
    assert_int_equal(ese_kafka_client_new(RD_KAFKA_PRODUCER, scene.bootstrap, NULL, &admin, &error),
                     0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, partition)->offset = before;
    rd_kafka_DeleteRecords_t *deletion = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(admin, &deletion, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(deletion);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(admin);
}

static void a_position_that_is_no_longer_kept_is_told(void **state)
{
    (void)state;
    static struct seen seen;
    struct ese_producer *producer = open_producer(50);
    send_events(producer, 0, 100);
    ese_transport_kafka.produce->close(&producer);
    struct ese_consumer *consumer = open_consumer(&seen, NULL, NULL);
    read_until_end(consumer, &seen);
    close_consumer(&consumer);
    int64_t end = 0;
    for (int i = 0; i < seen.count; i++) {
        if (seen.partitions[i] == 1)
            end = seen.nexts[i];
    }
    assert_true(end > 5);

    forget_records("click-events", 1, 5);
    consumer = open_consumer(&seen, "skips", "1");
    seen.start = 0;
    read_until_end(consumer, &seen);
    assert_int_equal(seen.skipped, 1);
    assert_int_equal(seen.skipped_from, 0);
    assert_int_equal(seen.skipped_to, 5);
    assert_int_equal(seen.count, 95);
    close_consumer(&consumer);
}

static void records_of_the_originals_clients_are_events(void **state)
{
    (void)state;
    static struct seen seen, again;
    struct ese_batch batch;
    ese_kafka_scene_send(&scene, "click-events", 2,
                         "{\"sub_type\":\"KEY_PRESS_EVENT\",\"ip\":\"PUBLICIP-3\","
                         "\"client_timestamp\":1793500000123,\"data\":\"{}\"}");
    ese_kafka_scene_send(&scene, "click-events", 2, "no event at all");
    ese_kafka_scene_send(&scene, "order-events", 0,
                         "{\"sub_type\":\"ORDER_CREATED\",\"ip\":\"PUBLICIP-3\","
                         "\"client_timestamp\":1793500000124,\"data\":\"{\\\"orderId\\\":\\\"o-9\\\"}\"}");
    struct ese_consumer *consumer = open_consumer(&seen, NULL, NULL);
    int64_t limit_ns = deadline();
    int unreadable = 0, clicks = 0, orders = 0;
    while ((unreadable == 0 || clicks + orders < 2) && ese_clock_monotonic_ns() < limit_ns) {
        assert_int_equal(ese_transport_kafka.consume->next(consumer, 100, &batch, &error), 0);
        unreadable += batch.unreadable;
        for (int i = 0; i < batch.count; i++) {
            const struct ese_event *event = &batch.records[i].event;
            bool order = strcmp(event->type, ESE_TYPE_ORDER) == 0;
            assert_string_equal(event->key, order ? "o-9" : "PUBLICIP-3");
            clicks += !order;
            orders += order;
        }
    }
    assert_int_equal(unreadable, 1);
    assert_int_equal(clicks, 1);
    assert_int_equal(orders, 1);
    close_consumer(&consumer);
    consumer = open_consumer(&seen, NULL, NULL);
    read_until_end(consumer, &seen);
    close_consumer(&consumer);
    consumer = open_consumer(&again, NULL, NULL);
    read_until_end(consumer, &again);
    close_consumer(&consumer);
    assert_int_equal(seen.count, 2);
    for (int i = 0; i < 2; i++)
        assert_true(ese_id_equal(&seen.ids[i], &again.ids[0]) ||
                    ese_id_equal(&seen.ids[i], &again.ids[1]));
}

static void the_latest_is_what_comes_from_now_on(void **state)
{
    (void)state;
    static struct seen seen;
    struct ese_producer *producer = open_producer(50);
    send_events(producer, 0, 20);
    struct ese_consumer *consumer = open_consumer(&seen, NULL, NULL);
    seen.start = ESE_OFFSET_LATEST;
    read_until_end(consumer, &seen);
    assert_int_equal(seen.count, 0);
    send_events(producer, 20, 10);
    int64_t limit_ns = deadline();
    while (seen.count < 10 && ese_clock_monotonic_ns() < limit_ns)
        step(consumer, &seen);
    for (int i = 0; i < seen.count; i++)
        assert_true(seen.sequences[i] >= 20);
    assert_int_equal(seen.count, 10);
    close_consumer(&consumer);
    ese_transport_kafka.produce->close(&producer);
}

static void a_dead_broker_gives_every_event_an_outcome(void **state)
{
    (void)state;
    const struct ese_produce_face *face = ese_transport_kafka.produce;
    static const char *const direct[] = {"via", "direct", NULL};
    struct ese_config *config = ese_kafka_scene_config(&scene, face->options, direct);
    const struct ese_produce_settings settings = {.inflight = 100, .retry_deadline_ms = 2000};
    struct ese_producer *producer = NULL;
    struct ese_acknowledgement done[100];
    static struct seen seen;
    struct ese_batch batch;
    assert_int_equal(face->open(config, &settings, &producer, &error), 0);
    send_events(producer, 0, 10);
    struct ese_consumer *consumer = open_consumer(&seen, "dead", "1");
    read_until_end(consumer, &seen);

    ese_kafka_scene_kill(&scene);
    int64_t sent_ns = ese_clock_monotonic_ns();
    for (uint32_t i = 0; i < 20; i++) {
        struct ese_event event = an_event(100 + i);
        assert_int_equal(face->send(producer, &event, &error), 0);
        ese_event_clear(&event);
    }
    int told = 0;
    while (face->pending(producer) > 0 && ese_clock_monotonic_ns() < sent_ns + 10 * ESE_NS_PER_S) {
        int more = face->poll(producer, 100, done, 100);
        for (int i = 0; i < more; i++)
            assert_int_not_equal(done[i].outcome, ESE_OUTCOME_ACKNOWLEDGED);
        told += more;
    }
    int64_t took_ms = (ese_clock_monotonic_ns() - sent_ns) / ESE_NS_PER_MS;
    print_message("# the outcomes were known after %lld ms\n", (long long)took_ms);
    assert_int_equal(told, 20);
    assert_in_range(took_ms, 1000, 3 * (2000 + 1000)); /* the deadline and a second, three times */
    face->close(&producer);
    print_message("# the producer is closed\n");

    /* the time limit holds, the end is not claimed, and closing does not hang */
    int64_t asked_ns = ese_clock_monotonic_ns();
    assert_int_equal(ese_transport_kafka.consume->next(consumer, 300, &batch, &error), 0);
    assert_true(ese_clock_monotonic_ns() - asked_ns < 1500 * ESE_NS_PER_MS);
    assert_false(batch.at_end);
    asked_ns = ese_clock_monotonic_ns();
    close_consumer(&consumer);
    assert_true(ese_clock_monotonic_ns() - asked_ns < 5 * ESE_NS_PER_S);
    print_message("# the consumer is closed\n");

    ese_kafka_scene_restart(&scene);
    ese_config_free(&config);
}

static void properties_are_librdkafkas_own(void **state)
{
    (void)state;
    const struct ese_consume_face *face = ese_transport_kafka.consume;
    static const struct {
        const char *given, *said;
    } wrong[] = {{"no.such.property=1", "no.such.property"},
                 {"enable.auto.commit=true", "promises"},
                 {"fetch.wait.max.ms=abc", "fetch.wait.max.ms"},
                 {"nonsense", "NAME=VALUE"}};
    const struct ese_consume_settings settings = {.max_batch = 1};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        const char *const pairs[] = {"property", wrong[i].given, NULL};
        struct ese_config *config = ese_kafka_scene_config(&scene, face->options, pairs);
        struct ese_consumer *consumer = NULL;
        assert_int_equal(face->open(config, &settings, &consumer, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, wrong[i].said));
        face->close(&consumer);
        ese_config_free(&config);
    }
}

/* The same on librdkafka's mock cluster, as a smoke test: no figures, no durability. */
static void the_embedded_broker_carries_events_too(void **state)
{
    (void)state;
    static struct seen seen;
    struct ese_kafka_home home;
    struct ese_topics topics;
    struct ese_embedded *embedded = NULL;
    struct ese_kafka_scene real = scene;
    ese_kafka_home(&home);
    print_message("# on the embedded broker: %s\n", ESE_EMBEDDED_WARNING);
    assert_int_equal(ese_topics_read(home.topics, &topics, &error), 0);
    assert_int_equal(ese_embedded_start(&topics, scene.prefix, &embedded, &error), 0);
    snprintf(scene.bootstrap, sizeof scene.bootstrap, "%s", ese_embedded_bootstrap(embedded));
    struct ese_producer *producer = open_producer(50);
    send_events(producer, 0, 100);
    ese_transport_kafka.produce->close(&producer);
    struct ese_consumer *consumer = open_consumer(&seen, "mock", "1");
    read_until_end(consumer, &seen);
    assert_int_equal(seen.count, 100);
    close_consumer(&consumer);
    kill_a_member_and_come_back(WAIT_MS);
    ese_embedded_stop(&embedded);
    scene = real;
}

static int close_scene(void **state)
{
    (void)state;
    ese_kafka_scene_close(&scene);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_sent_is_read_in_order_per_key, fresh_topics),
        cmocka_unit_test_setup(a_reader_resumes_where_it_was, fresh_topics),
        cmocka_unit_test_setup(two_members_share_the_partitions, fresh_topics),
        cmocka_unit_test_setup(a_newer_member_of_the_same_name_fences_the_older, fresh_topics),
        cmocka_unit_test_setup(a_killed_member_is_given_its_partitions_again, fresh_topics),
        cmocka_unit_test_setup(bytes_on_the_wire_are_counted, fresh_topics),
        cmocka_unit_test_setup(a_position_beyond_the_end_is_an_error, fresh_topics),
        cmocka_unit_test_setup(a_position_that_is_no_longer_kept_is_told, fresh_topics),
        cmocka_unit_test_setup(records_of_the_originals_clients_are_events, fresh_topics),
        cmocka_unit_test_setup(the_latest_is_what_comes_from_now_on, fresh_topics),
        cmocka_unit_test_setup(a_dead_broker_gives_every_event_an_outcome, fresh_topics),
        cmocka_unit_test_setup(properties_are_librdkafkas_own, fresh_topics),
        cmocka_unit_test_setup(the_embedded_broker_carries_events_too, fresh_topics),
    };
    if (!ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, close_scene);
}
