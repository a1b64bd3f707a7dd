/* A real broker, kept for all tests, topics of each test's own, and the ese-server of via=server.
 * Server, here, is both: they are killed at the same instant. */
#include "ese-core/memory.h"
#include "orchestration/kafka/broker.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/topics.h"
#include "tests/contract/server.h"
#include "tests/support/directory.h"

#define READY_MS 60000

static struct ese_broker *broker;
static char *broker_directory;

struct ese_rig_place {
    char *directory;
    char prefix[32];
    struct ese_rig_server *server;
};

static int need_broker(struct ese_error *error)
{
    struct ese_kafka_home home;
    if (broker != NULL)
        return 0;
    ese_kafka_home(&home);
    broker_directory = ese_test_directory_make();
    char *data = ese_test_path(broker_directory, "data");
    char *log = ese_test_path(broker_directory, "broker.log");
    const struct ese_broker_options options = {.jars_dir = home.jars, .conf_dir = home.conf,
                                               .data_dir = data, .log_path = log};
    int result = ese_broker_start(&options, &broker, error);
    free(data);
    free(log);
    if (result == 0)
        return ese_broker_wait_ready(broker, READY_MS, error);
    ese_test_directory_remove(&broker_directory);
    return -1;
}

typedef int do_with_topics(const struct ese_topics *topics, const struct ese_topics_target *target,
                           struct ese_error *error);

static int with_topics(do_with_topics *act, const char *prefix, bool flush_every,
                       struct ese_error *error)
{
    struct ese_kafka_home home;
    struct ese_topics topics;
    const struct ese_topics_target target = {.bootstrap_servers = ese_broker_bootstrap(broker),
                                             .prefix = prefix, .flush_every = flush_every,
                                             .timeout_ms = 15000};
    ese_kafka_home(&home);
    if (ese_topics_read(home.topics, &topics, error) != 0)
        return -1;
    return act(&topics, &target, error);
}

static int start_server(struct ese_rig_place *place, const char *specification,
                        enum ese_durability durability, struct ese_error *error)
{
    const struct ese_rig_server_options options = {
        .specification = specification, .durability = durability, .directory = place->directory,
        .bootstrap_servers = ese_broker_bootstrap(broker), .topic_prefix = place->prefix};
    return ese_rig_server_start(&options, &place->server, error);
}

static int start(const char *specification, enum ese_durability durability,
                 struct ese_rig_place **place, struct ese_error *error)
{
    static int made;
    if (durability == ESE_DURABILITY_REPLICAS)
        return ese_fail(error, ESE_E_MISSING, "one broker keeps no replicas");
    if (need_broker(error) != 0)
        return -1;
    struct ese_rig_place *started = *place = ese_alloc(sizeof *started);
    started->directory = ese_test_directory_make();
    snprintf(started->prefix, sizeof started->prefix, "test%d-", ++made);
    if (with_topics(ese_topics_apply, started->prefix, durability == ESE_DURABILITY_DISK, error) == 0 &&
        start_server(started, specification, durability, error) == 0)
        return 0;
    ese_rig.stop(place);
    return -1;
}

static void give(const struct ese_rig_place *place, struct ese_config *config, enum ese_face face)
{
    ese_rig_give(config, face, "bootstrap-servers", ese_broker_bootstrap(broker));
    ese_rig_give(config, face, "topic-prefix", place->prefix);
    ese_rig_give(config, face, "server", ese_rig_server_url(place->server));
}

static void give_wrong(const struct ese_rig_place *place, struct ese_config *config,
                       enum ese_face face)
{
    (void)place;
    ese_rig_give(config, face, "token-file", "/dev/null/no-file");
    ese_rig_give(config, face, "property", "no.such.property=1");
}

static void kill_both(struct ese_rig_place *place)
{
    ese_rig_server_kill(place->server);
    ese_broker_kill(broker);
}

static int revive_broker(struct ese_error *error)
{
    if (ese_broker_restart(broker, error) != 0)
        return -1;
    return ese_broker_wait_ready(broker, READY_MS, error);
}

static int restart(struct ese_rig_place *place, struct ese_error *error)
{
    return revive_broker(error) == 0 ? ese_rig_server_restart(place->server, error) : -1;
}

/* A broker that a test left dead must not be found so by the next one; nor full of its topics, which it would look
 * through whenever it was killed. */
static void stop(struct ese_rig_place **place)
{
    struct ese_rig_place *stopped = *place;
    struct ese_error error = {0};
    if (stopped == NULL)
        return;
    *place = NULL;
    ese_rig_server_stop(&stopped->server);
    if (ese_broker_pid(broker) == 0 && revive_broker(&error) != 0)
        fprintf(stderr, "the broker does not come back: %s\n", error.text);
    else if (with_topics(ese_topics_remove, stopped->prefix, false, &error) != 0)
        fprintf(stderr, "%s\n", error.text);
    ese_test_directory_remove(&stopped->directory);
    free(stopped);
}

static void end(void)
{
    ese_broker_close(&broker);
    ese_test_directory_remove(&broker_directory);
}

static const char *history(const struct ese_rig_place *place)
{
    (void)place;
    return NULL;
}

static const char *url(const struct ese_rig_place *place)
{
    return ese_rig_server_url(place->server);
}

const struct ese_rig ese_rig = {
    .specifications = (const char *const[]){"kafka:via=server", "kafka:via=direct", NULL},
    .start = start,
    .give = give,
    .give_wrong = give_wrong,
    .kill = kill_both,
    .restart = restart,
    .history = history,
    .url = url,
    .stop = stop,
    .end = end,
};
