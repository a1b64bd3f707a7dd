/*
 * Mails asked for on a topic: ese-consumer puts the requests there, ese-mailer takes them, while both
 * are killed again and again. Each decision is one mail. Over a transport that needs nothing, over two
 * servers that know ids, or on a real broker, which is skipped without Java or jars.
 *
 *     test_e2e_mail_topic CONSUMER file|http|webhook|kafka
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/e2e/kafka_scene.h"
#include "tests/e2e/mailer_rig.h"
#include "tests/support/directory.h"
#include "tests/support/presses.h"
#include "tests/support/smtp_server.h"
#include "tests/support/state_probe.h"
#include "tests/support/store_server.h"
#include "tests/support/wait.h"
#include "transports/face_config.h"

#define PATIENCE_MS 60000
#define ROUNDS 3
#define EVENTS 400   /* a round */
#define INFLIGHT 500
#define SESSIONS 4   /* ese-mailer's default: as many mails may be unknown after each kill */

static const char *program, *transport;
static struct ese_kafka_scene scene;
static struct ese_error error;

struct world {
    char *directory, *state;
    char events[400], requests[400]; /* specifications */
    struct ese_test_store_server servers[2]; /* of these two, where there are any */
    struct ese_test_smtp *smtp;
    struct mailer_rig *mailer;
    struct ese_process *consumer;
    struct presses *presses;
    struct ese_config *config;
    const struct ese_produce_face *face;
    struct ese_producer *producer;
    int64_t wanted; /* mails that have to have been sent */
};

static void must(int result)
{
    if (result != 0)
        fail_msg("%s", error.text);
}

/* ---- making the world ------------------------------------------------------------------------ */

static bool is_over(const char *name)
{
    return strcmp(transport, name) == 0;
}

static void serve(struct world *world, int i, const char *place)
{
    const struct ese_registry_entry *entry;
    char data[300];
    must(ese_registry_find(transport, &entry, &error));
    snprintf(data, sizeof data, "data=%s/%s", world->directory, place);
    const struct ese_test_store_options options = {.face = entry->transport->store,
                                                   .durability = ESE_DURABILITY_OS,
                                                   .retention_ms = 3600000,
                                                   .options = {data, NULL}};
    ese_test_store_server_open(&world->servers[i], &options);
}

static void name_places(struct world *world)
{
    if (is_over("file")) {
        snprintf(world->events, sizeof world->events, "file:data=%s/events", world->directory);
        snprintf(world->requests, sizeof world->requests, "file:data=%s/requests",
                 world->directory);
        return;
    }
    if (!is_over("kafka")) {
        serve(world, 0, "events");
        serve(world, 1, "requests");
        snprintf(world->events, sizeof world->events, "%s:server=http://%s", transport, world->servers[0].address);
        snprintf(world->requests, sizeof world->requests, "%s:server=http://%s", transport, world->servers[1].address);
        return;
    }
    ese_kafka_scene_fresh_topics(&scene, false);
    snprintf(world->events, sizeof world->events,
             "kafka:via=direct:bootstrap-servers=%s:topic-prefix=%s", scene.bootstrap,
             scene.prefix);
    snprintf(world->requests, sizeof world->requests,
             "kafka:bootstrap-servers=%s:topic-prefix=%s", scene.bootstrap, scene.prefix);
}

static void open_producer(struct world *world)
{
    const struct ese_produce_settings settings = {.inflight = INFLIGHT,
                                                  .retry_deadline_ms = PATIENCE_MS};
    must(ese_face_config(world->events, ESE_FACE_PRODUCE, &world->config, &error));
    must(ese_config_settle(world->config, &error));
    world->face = ese_registry_chosen(world->config)->produce;
    must(world->face->open(world->config, &settings, &world->producer, &error));
}

static void make_consumer(struct world *world)
{
    char *log = ese_test_path(world->directory, "consumer.log");
    char group[64];
    snprintf(group, sizeof group, "%sgroup", scene.prefix); /* one the broker does not know yet */
    world->consumer = ese_process_new("ese-consumer", log);
    ese_process_argument(world->consumer, program);
    ese_process_option(world->consumer, "--transport", world->events);
    ese_process_option(world->consumer, "--mail-requests", world->requests);
    ese_process_option(world->consumer, "--state", world->state);
    ese_process_option(world->consumer, "--group", group);
    ese_process_option(world->consumer, "--lateness-ms", "86400000");
    ese_process_option(world->consumer, "--max-batch", "40");
    ese_process_argument(world->consumer, "--quiet");
    free(log);
}

static void make_mailer(struct world *world)
{
    char group[64];
    snprintf(group, sizeof group, "%smailer", scene.prefix);
    world->mailer = mailer_rig_make(ese_test_smtp_address(world->smtp));
    ese_process_option(world->mailer->mailer, "--intake", world->requests);
    ese_process_option(world->mailer->mailer, "--group", group);
}

static int open_world(void **state)
{
    struct world *world = ese_alloc(sizeof *world);
    *state = world;
    world->directory = ese_test_directory_make();
    world->state = ese_test_path(world->directory, "state");
    name_places(world);
    world->smtp = ese_test_smtp_start(ese_test_smtp_take, NULL);
    world->presses = presses_new(ese_clock_wall_ms());
    open_producer(world);
    make_consumer(world);
    make_mailer(world);
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    ese_process_free(&world->consumer);
    mailer_rig_free(&world->mailer);
    world->face->close(&world->producer);
    ese_config_free(&world->config);
    presses_free(&world->presses);
    for (int i = 0; i < 2; i++)
        ese_test_store_server_close(&world->servers[i]);
    ese_test_smtp_stop(&world->smtp);
    free(world->state);
    ese_test_directory_remove(&world->directory);
    free(world);
    return 0;
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void offer(struct world *world, int count)
{
    struct ese_acknowledgement done[INFLIGHT];
    for (int i = 0; i < count; i++) {
        struct ese_event event = presses_next(world->presses);
        must(world->face->send(world->producer, &event, &error));
    }
    while (world->face->pending(world->producer) > 0) {
        int told = world->face->poll(world->producer, 100, done, INFLIGHT);
        for (int i = 0; i < told; i++)
            assert_int_equal(done[i].outcome, ESE_OUTCOME_ACKNOWLEDGED);
    }
}

static int64_t of_the_state(struct world *world, const char *sql)
{
    return state_probe_number(world->state, sql);
}

#define UNSETTLED "status NOT IN ('sent', 'unknown')"

static bool has_sent(void *context)
{
    struct world *world = context;
    return ese_test_smtp_count(world->smtp) >= world->wanted;
}

static bool is_done(void *context)
{
    struct world *world = context;
    int64_t decisions = presses_decisions(world->presses);
    return of_the_state(world, "SELECT count(*) FROM decision WHERE answered_ms IS NOT NULL") ==
               decisions &&
           mailer_rig_count(world->mailer, "1") == decisions &&
           mailer_rig_count(world->mailer, UNSETTLED) == 0;
}

static void await(struct world *world, bool (*condition)(void *), const char *what)
{
    if (!ese_test_wait_until(condition, world, PATIENCE_MS))
        fail_msg("%s: %d decisions, %lld in the state, %lld in the outbox, of these %lld not "
                 "settled; %d mails", what, presses_decisions(world->presses),
                 (long long)of_the_state(world, "SELECT count(*) FROM decision"),
                 (long long)mailer_rig_count(world->mailer, "1"),
                 (long long)mailer_rig_count(world->mailer, UNSETTLED),
                 ese_test_smtp_count(world->smtp));
}

/* ---- what came of it ------------------------------------------------------------------------- */

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static char *decision_of(const char *message)
{
    static const char header[] = "\r\nX-ESE-Decision: ";
    const char *id = strstr(message, header);
    assert_non_null(id);
    id += strlen(header);
    return ese_copy_bytes(id, strcspn(id, "\r"));
}

/* No decision came twice; and all came but those of which the mailer says that it cannot tell. */
static void check_mails(struct world *world)
{
    int count = ese_test_smtp_count(world->smtp);
    char **ids = ese_alloc_array((size_t)count, sizeof *ids);
    char header[64];
    snprintf(header, sizeof header, "\r\nX-ESE-Transport: %s\r\n", transport);
    for (int i = 0; i < count; i++) {
        const char *message = ese_test_smtp_message(world->smtp, i);
        ids[i] = decision_of(message);
        assert_non_null(strstr(message, header));
        assert_non_null(strstr(message, "\r\ntraceparent: 00-"));
    }
    qsort(ids, (size_t)count, sizeof *ids, compare_texts);
    for (int i = 1; i < count; i++)
        if (strcmp(ids[i], ids[i - 1]) == 0)
            fail_msg("the mail of decision %s came twice", ids[i]);
    int64_t unknown = mailer_rig_count(world->mailer, "status = 'unknown'");
    int decisions = presses_decisions(world->presses);
    assert_in_range(unknown, 0, ROUNDS * SESSIONS);
    assert_in_range(count, decisions - unknown, decisions);
    assert_true(decisions > ROUNDS * 20);
    for (int i = 0; i < count; i++)
        free(ids[i]);
    free(ids);
}

static void each_decision_is_one_mail(void **state)
{
    struct world *world = *state;
    mailer_rig_start(world->mailer);
    must(ese_process_start(world->consumer, &error));
    for (int round = 0; round < ROUNDS; round++) {
        offer(world, EVENTS);
        world->wanted = ese_test_smtp_count(world->smtp) + 5;
        await(world, has_sent, "mails go on");
        ese_process_kill(world->mailer->mailer);
        ese_process_kill(world->consumer);
        mailer_rig_start(world->mailer);
        must(ese_process_start(world->consumer, &error));
    }
    await(world, is_done, "all mails");
    assert_int_equal(ese_process_stop(world->mailer->mailer, RIG_PATIENCE_MS), 0);
    assert_int_equal(ese_process_stop(world->consumer, RIG_PATIENCE_MS), 0);
    check_mails(world);
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
        cmocka_unit_test_setup_teardown(each_decision_is_one_mail, open_world, close_world),
    };
    if (argc != 3) {
        fprintf(stderr, "usage: %s CONSUMER file|http|webhook|kafka\n", argv[0]);
        return 64;
    }
    program = argv[1];
    transport = argv[2];
    if (is_over("kafka") && !ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, close_scene);
}
