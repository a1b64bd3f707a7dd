/*
 * A poison event of each kind, over one transport: what is no event, a rule that fails, a rule that ends the
 * process. They stop nobody, are listed, and on their topic; three of a chain, replayed once the cause is gone,
 * give their mail once. On a real broker it is skipped without Java or jars.
 *
 *     test_e2e_dead_letters CONSUMER file|http|http+ese-store|kafka|kafka:via=direct
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/process.h"
#include "tests/e2e/kafka_scene.h"
#include "tests/support/directory.h"
#include "tests/support/fake_mailer.h"
#include "tests/support/raw_http.h"
#include "tests/support/state_probe.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/face_config.h"

#define PATIENCE_MS 60000
#define GRACE_MS 5000
#define INFLIGHT 100
#define LIVES 8 /* that it takes at most: one or two that nobody suspects, five tries, and one that goes on */
#define FAILING "{\"stumble\": \"fail\"}"
#define CRASHING "{\"stumble\": \"crash\"}"
#define STUMBLING "stumble,steady-click,stuck-order"
#define SOUND "steady-click,stuck-order"

static const char *program, *transport;
static bool is_direct; /* to the brokers, without a server */
static struct ese_kafka_scene scene;
static struct ese_error error;

struct world {
    char *directory, *state;
    char specification[400], reading[420];
    char letters[420]; /* where dead letters are put, too */
    struct ese_test_store_server server; /* where there is one */
    struct fake_mailer *mailer;
    struct ese_process *consumer;
    struct ese_config *config;
    const struct ese_produce_face *face;
    struct ese_producer *producer;
    int64_t now_ms;
    uint32_t sequences[8]; /* of each lane */
    struct ese_id chain[3];
    int wanted; /* mails */
};

static void must(int result)
{
    if (result != 0)
        fail_msg("%s", error.text);
}

static bool is_over(const char *name)
{
    return strcmp(transport, name) == 0;
}

/* ---- making the world ------------------------------------------------------------------------ */

static void serve(struct world *world)
{
    const struct ese_registry_entry *entry;
    char data[300], brokers[100], prefix[100];
    must(ese_registry_find(transport, &entry, &error));
    snprintf(data, sizeof data, "data=%s/events", world->directory);
    snprintf(brokers, sizeof brokers, "bootstrap-servers=%s", scene.bootstrap);
    snprintf(prefix, sizeof prefix, "topic-prefix=%s", scene.prefix);
    struct ese_test_store_options options = {.face = entry->transport->store,
                                             .durability = ESE_DURABILITY_MEMORY,
                                             .retention_ms = 3600000};
    if (!is_over("http+ese-store"))
        options.durability = ESE_DURABILITY_OS;
    if (is_over("http") || is_over("webhook"))
        options.options[0] = data;
    if (is_over("kafka"))
        memcpy(options.options, (const char *[]){brokers, prefix}, 2 * sizeof options.options[0]);
    ese_test_store_server_open(&world->server, &options);
    snprintf(world->specification, sizeof world->specification, "%s:server=http://%s", transport,
             world->server.address);
}

static void name_place(struct world *world)
{
    char brokers[200];
    if (is_over("kafka"))
        ese_kafka_scene_fresh_topics(&scene, false);
    snprintf(brokers, sizeof brokers, "kafka:bootstrap-servers=%s:topic-prefix=%s", scene.bootstrap, scene.prefix);
    if (is_over("file"))
        snprintf(world->specification, sizeof world->specification, "file:data=%s/events", world->directory);
    else if (is_direct)
        snprintf(world->specification, sizeof world->specification, "%s:via=direct", brokers);
    else
        serve(world);
    snprintf(world->letters, sizeof world->letters, "file:data=%s/letters", world->directory);
    if (is_over("kafka"))
        snprintf(world->letters, sizeof world->letters, "%s:topic=dead-letters", brokers);
    snprintf(world->reading, sizeof world->reading, "%s%s", is_over("kafka") ? brokers : world->specification,
             is_over("http+ese-store") ? ":poll-ms=50" : "");
}

static void open_producer(struct world *world)
{
    const struct ese_produce_settings settings = {.inflight = INFLIGHT,
                                                  .retry_deadline_ms = PATIENCE_MS};
    must(ese_face_config(world->specification, ESE_FACE_PRODUCE, &world->config, &error));
    must(ese_config_settle(world->config, &error));
    world->face = ese_registry_chosen(world->config)->produce;
    must(world->face->open(world->config, &settings, &world->producer, &error));
}

static void make_consumer(struct world *world, const char *rules)
{
    char *log = ese_test_path(world->directory, "consumer.log");
    char group[64];
    snprintf(group, sizeof group, "%sgroup", scene.prefix);
    ese_process_free(&world->consumer);
    world->consumer = ese_process_new("ese-consumer", log);
    ese_process_argument(world->consumer, program);
    ese_process_option(world->consumer, "--transport", world->reading);
    ese_process_option(world->consumer, "--mailer", fake_mailer_url(world->mailer));
    ese_process_option(world->consumer, "--state", world->state);
    ese_process_option(world->consumer, "--group", group);
    ese_process_option(world->consumer, "--rule", rules);
    if (!is_over("kafka")) /* which has topics of its own for them */
        ese_process_option(world->consumer, "--dead-letters", world->letters);
    ese_process_option(world->consumer, "--lateness-ms", "86400000");
    ese_process_argument(world->consumer, "--quiet");
    must(ese_process_start(world->consumer, &error));
    free(log);
}

static int open_world(void **state)
{
    struct world *world = ese_alloc(sizeof *world);
    *state = world;
    world->directory = ese_test_directory_make();
    world->state = ese_test_path(world->directory, "state");
    world->now_ms = ese_clock_wall_ms();
    world->mailer = fake_mailer_open(NULL, NULL);
    name_place(world);
    open_producer(world);
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    ese_process_free(&world->consumer);
    world->face->close(&world->producer);
    ese_config_free(&world->config);
    ese_test_store_server_close(&world->server);
    fake_mailer_close(&world->mailer);
    free(world->state);
    ese_test_directory_remove(&world->directory);
    free(world);
    return 0;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* A key press of the person of that lane, `after_ms` behind the beginning, acknowledged. */
static struct ese_id press(struct world *world, uint16_t lane, int after_ms, const char *data)
{
    struct ese_acknowledgement done;
    struct ese_event event = {.client_ts = world->now_ms + after_ms};
    event.id = ese_id_make(&(struct ese_id_parts){.time_ms = event.client_ts,
                                                  .lane = lane,
                                                  .run = 7,
                                                  .sequence = world->sequences[lane]++});
    snprintf(event.ip, sizeof event.ip, "10.0.0.%d", lane);
    snprintf(event.key, sizeof event.key, "10.0.0.%d", lane);
    snprintf(event.type, sizeof event.type, ESE_TYPE_CLICK);
    snprintf(event.sub_type, sizeof event.sub_type, ESE_SUB_TYPE_KEY_PRESS);
    event.data = data == NULL ? NULL : ese_copy_text(data);
    must(world->face->send(world->producer, &event, &error));
    while (world->face->poll(world->producer, 100, &done, 1) == 0)
        continue;
    assert_int_equal(done.outcome, ESE_OUTCOME_ACKNOWLEDGED);
    struct ese_id id = event.id;
    ese_event_clear(&event);
    return id;
}

static void chain_of_three(struct world *world, uint16_t lane)
{
    for (int i = 0; i < 3; i++)
        press(world, lane, i * 100, NULL);
}

static void append_line(const struct world *world, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/events/events.ndjson", world->directory);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(write(fd, "\n", 1), 1);
    close(fd);
}

/* Of an event that the server has taken somebody else makes what is none. */
static void spoil_row(const struct world *world)
{
    char path[400];
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    snprintf(path, sizeof path, "%s/events/events.db", world->directory);
    must(ese_sqlite_open(&options, &database, &error));
    must(ese_sqlite_run(database, "UPDATE events SET ip = '' WHERE ip = '10.0.0.7'", &error));
    ese_sqlite_close(&database);
}

/* A stream takes what it is sent. */
static void post_no_event(const struct world *world)
{
    static const char request[] = "POST /streams/click-events HTTP/1.1\r\nHost: x\r\nX-Event-Type: CLICK\r\n"
                                  "Content-Length: 15\r\nConnection: close\r\n\r\nno event at all";
    int fd = ese_raw_connect(world->server.address);
    ese_raw_send_text(fd, request);
    struct ese_raw_answer answer = ese_raw_finish(fd, 200);
    ese_raw_answer_clear(&answer);
}

/* What is no event; 0: over this transport nothing gets in that is none. */
static int send_unparsable(struct world *world)
{
    if (is_over("http")) { /* whose server takes none */
        press(world, 7, 0, NULL);
        spoil_row(world);
        return 1;
    }
    if (is_over("file")) { /* whose writer appends, wherever the end is */
        append_line(world, "no event at all \x01");
        return 1;
    }
    if (is_over("webhook")) {
        post_no_event(world);
        return 1;
    }
    if (is_over("kafka")) {
        ese_kafka_scene_send(&scene, "click-events", 0, "no event at all \x01");
        ese_kafka_scene_send(&scene, "order-events", 0, "{\"sub_type\":\"ORDER_CREATED\"}");
        return 2;
    }
    return 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

static int64_t of_the_state(const struct world *world, const char *sql)
{
    return state_probe_number(world->state, sql);
}

static bool has_all_mails(void *context)
{
    struct world *world = context;
    return fake_mailer_ids(world->mailer) >= world->wanted &&
           of_the_state(world, "SELECT count(*) FROM decision WHERE answered_ms IS NULL") == 0;
}

static void await_mails(struct world *world, int wanted)
{
    world->wanted = wanted;
    if (!ese_test_wait_until(has_all_mails, world, PATIENCE_MS))
        fail_msg("%d mails, not %d; %lld dead letters", fake_mailer_ids(world->mailer), wanted,
                 (long long)of_the_state(world, "SELECT count(*) FROM dead_letter"));
    assert_int_equal(fake_mailer_ids(world->mailer), wanted);
}

/* What the command says on stdout, as JSON; NULL with another exit status. */
static json_t *command(const struct world *world, const char *words, int wanted_status)
{
    char line[1000];
    snprintf(line, sizeof line, "'%s' dead-letters %s --state '%s' --json", program, words, world->state);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    json_t *said = json_loadf(pipe, 0, NULL);
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted_status);
    return said;
}

static int count_cause(const json_t *letters, const char *cause, int64_t tries)
{
    size_t i;
    json_t *letter;
    int count = 0;
    json_array_foreach(letters, i, letter)
    {
        if (strcmp(json_string_value(json_object_get(letter, "cause")), cause) != 0)
            continue;
        assert_int_equal(json_integer_value(json_object_get(letter, "tries")), tries);
        count++;
    }
    return count;
}

/* The words that replay those which have failed, last one first. */
static void name_failed(const json_t *letters, char *words, size_t size)
{
    snprintf(words, size, "replay");
    for (size_t i = json_array_size(letters); i > 0; i--) {
        const json_t *letter = json_array_get(letters, i - 1);
        size_t length = strlen(words);
        if (strcmp(json_string_value(json_object_get(letter, "cause")), "failed") == 0)
            snprintf(words + length, size - length, " %lld",
                     (long long)json_integer_value(json_object_get(letter, "number")));
    }
}

static int64_t from_earliest(void *context, int32_t partition)
{
    (void)context, (void)partition;
    return ESE_OFFSET_EARLIEST;
}

static void not_taken(void *context, int32_t partition)
{
    (void)context, (void)partition;
}

static bool all_are_told(void *context)
{
    return of_the_state(context, "SELECT count(*) FROM dead_letter WHERE told_ms IS NULL") == 0;
}

/* Each is on its topic; again only where its consumer was killed between putting and noting it. */
static void check_topic(struct world *world, int wanted)
{
    const struct ese_consume_settings settings = {
        .max_batch = 100, .listener = {.given = from_earliest, .taken = not_taken}};
    struct ese_config *config = NULL;
    struct ese_consumer *reader = NULL;
    struct ese_batch batch = {.count = 0};
    int read = 0;
    int64_t numbers = 0, limit_ns = ese_clock_monotonic_ns() + PATIENCE_MS * ESE_NS_PER_MS;
    assert_true(ese_test_wait_until(all_are_told, world, PATIENCE_MS));
    must(ese_face_config(world->letters, ESE_FACE_CONSUME, &config, &error));
    must(ese_config_settle(config, &error));
    const struct ese_consume_face *face = ese_registry_chosen(config)->consume;
    must(face->open(config, &settings, &reader, &error));
    while (!(batch.at_end && batch.count == 0) && ese_clock_monotonic_ns() < limit_ns) {
        must(face->next(reader, 500, &batch, &error));
        for (int i = 0; i < batch.count; i++, read++) {
            json_t *data = json_loads(ese_event_data(&batch.records[i].event), 0, NULL);
            assert_true(json_integer_value(json_object_get(data, "number")) >= 1);
            numbers |= INT64_C(1) << json_integer_value(json_object_get(data, "number"));
            assert_true(json_string_length(json_object_get(data, "reason")) > 0);
            json_decref(data);
        }
        assert_int_equal(batch.unreadable, 0);
    }
    assert_in_range(read, wanted, wanted + LIVES * wanted);
    assert_int_equal(numbers, (INT64_C(2) << wanted) - 2); /* 1 to wanted */
    face->close(&reader);
    ese_config_free(&config);
}

/* ---- what happens ---------------------------------------------------------------------------- */

/* Whoever keeps a consumer running starts it again. */
static void keep_running_until_letters(struct world *world, int letters)
{
    int64_t limit_ns = ese_clock_monotonic_ns() + PATIENCE_MS * ESE_NS_PER_MS;
    int lives = 1;
    while (of_the_state(world, "SELECT count(*) FROM dead_letter") < letters) {
        assert_true(ese_clock_monotonic_ns() < limit_ns);
        if (!ese_process_wait(world->consumer, 20))
            continue;
        if (++lives > LIVES)
            fail_msg("it has ended %d times", LIVES);
        must(ese_process_start(world->consumer, &error));
    }
    assert_true(lives >= 6);
}

static void send_all(struct world *world)
{
    chain_of_three(world, 1);
    for (int i = 0; i < 3; i++)
        world->chain[i] = press(world, 2, i * 100, FAILING);
    press(world, 3, 0, CRASHING);
}

static int replayed_once(struct world *world)
{
    char cause[64], id[ESE_ID_TEXT_SIZE];
    snprintf(cause, sizeof cause, "steady-click:10.0.0.2");
    struct ese_id decision = ese_id_derive(cause, world->chain, 3);
    ese_id_text(&decision, id);
    return fake_mailer_kept(world->mailer, id, NULL);
}

static void poison_stops_nobody_and_is_replayed_once(void **state)
{
    struct world *world = *state;
    char words[200];
    int unparsable = send_unparsable(world);
    make_consumer(world, STUMBLING);
    send_all(world);
    chain_of_three(world, 4);
    keep_running_until_letters(world, unparsable + 4);
    await_mails(world, 2);
    json_t *letters = command(world, "list", 0);
    assert_int_equal(json_array_size(letters), unparsable + 4);
    assert_int_equal(count_cause(letters, "unparsable", 0), unparsable);
    assert_int_equal(count_cause(letters, "failed", 5), 3);
    assert_int_equal(count_cause(letters, "crashed", 5), 1);
    name_failed(letters, words, sizeof words);
    json_decref(letters);
    check_topic(world, unparsable + 4);

    /* The cause is still there, for a replay, too. */
    char in_vain[260];
    snprintf(in_vain, sizeof in_vain, "%s --rule " STUMBLING, words);
    assert_null(command(world, in_vain, 1));
    assert_int_equal(of_the_state(world, "SELECT count(*) FROM dead_letter WHERE replay NOT NULL"), 0);
    assert_int_equal(ese_process_stop(world->consumer, GRACE_MS), 0);

    make_consumer(world, SOUND); /* it is gone */
    chain_of_three(world, 5);
    await_mails(world, 3);
    json_t *replay = command(world, words, 0);
    assert_int_equal(json_integer_value(json_object_get(replay, "letters")), 3);
    assert_int_equal(json_integer_value(json_object_get(replay, "decisions")), 1);
    json_decref(replay);
    await_mails(world, 4);
    assert_int_equal(replayed_once(world), 1);
    assert_null(command(world, words, 64));
    ese_process_kill(world->consumer);
    must(ese_process_start(world->consumer, &error));
    chain_of_three(world, 6);
    await_mails(world, 5);
    assert_int_equal(replayed_once(world), 1);
    replay = command(world, "replay --all", 0); /* the one that crashed: it gives no mail by itself */
    assert_int_equal(json_integer_value(json_object_get(replay, "letters")), 1);
    assert_int_equal(json_integer_value(json_object_get(replay, "decisions")), 0);
    json_decref(replay);
    assert_int_equal(ese_process_stop(world->consumer, GRACE_MS), 0);
}

static int close_scene(void **state)
{
    (void)state;
    if (is_over("kafka"))
        ese_kafka_scene_close(&scene);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(poison_stops_nobody_and_is_replayed_once, open_world, close_world),
    };
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONSUMER file|http|http+ese-store|kafka|kafka:via=direct\n", argv[0]);
        return 64;
    }
    program = argv[1];
    is_direct = strcmp(argv[2], "kafka:via=direct") == 0;
    transport = is_direct ? "kafka" : argv[2];
    if (is_over("kafka") && !ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, close_scene);
}
