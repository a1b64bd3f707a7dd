#include "orchestration/kafka/kafka_command.h"

#include <jansson.h>

#include "ese-core/address.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "ese-core/sqlite.h"
#include "orchestration/kafka/broker.h"
#include "orchestration/kafka/cluster.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/port.h"
#include "orchestration/kafka/running.h"
#include "orchestration/kafka/topics.h"

#define READY_MS 60000
#define STOP_MS 15000

/* What ese-server asks of topics before it promises durability replicas, and one broker to spare. */
#define REPLICAS 3
#define REPLICAS_IN_SYNC 2

static const struct ese_option options[] = {
    {.name = "port", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = ESE_BROKER_PORT,
     .min = 0, .max = 65535,
     .help = "The loopback port the broker listens on. 0 takes a free one."},
    {.name = "bootstrap-servers", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT,...",
     .help = "The cluster `topics` works on. Without it: the lab's own broker."},
    {.name = "topic-prefix", .kind = ESE_OPTION_TEXT, .value = "TEXT",
     .help = "Stands before every topic's name."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .choices = "memory|os|disk|replicas",
     .fallback = "os",
     .help = "What an acknowledged record survives. disk sets flush.messages=1 on the topics; replicas "
             "makes them with three replicas each, min.insync.replicas=2, and waits for three brokers. "
             "memory is taken as os."},
    {.name = "timeout-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "15000",
     .min = 100, .max = 600000,
     .help = "How long the topics may take, a cluster that still starts included."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Prints one JSON object instead of text."},
    ESE_OPTION_END,
};

/* ---- what it prints ------------------------------------------------------------------------- */

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

/* The broker's address for scripts; the talk around it goes to stderr. NULL: none runs. */
static void print_running(const struct ese_config *config, const struct ese_kafka_home *home,
                          const struct ese_running *running)
{
    if (!ese_config_flag(config, "json")) {
        if (running != NULL)
            printf("%s\n", running->bootstrap);
    } else if (running == NULL) {
        print_json(json_pack("{s:b}", "running", 0));
    } else {
        print_json(json_pack("{s:b, s:i, s:s, s:s}", "running", 1, "pid", (int)running->pid,
                             "bootstrap_servers", running->bootstrap, "log", home->log));
    }
}

static void print_topic(const char *prefix, const struct ese_topic *topic)
{
    printf("%s%s %d", prefix, topic->name, topic->partitions);
    for (int p = 0; p < topic->property_count; p++)
        printf(" %s=%s", topic->properties[p].name, topic->properties[p].value);
    printf("\n");
}

static json_t *topic_json(const char *prefix, const struct ese_topic *topic)
{
    json_t *properties = json_object();
    for (int p = 0; p < topic->property_count; p++)
        json_object_set_new(properties, topic->properties[p].name,
                            json_string(topic->properties[p].value));
    return json_pack("{s:s+, s:i, s:o}", "name", prefix, topic->name, "partitions",
                     topic->partitions, "properties", properties);
}

static void print_topics(const struct ese_config *config, const struct ese_topics *topics)
{
    const char *prefix = ese_config_text(config, "topic-prefix");
    json_t *list = json_array();
    bool json = ese_config_flag(config, "json");
    if (prefix == NULL)
        prefix = "";
    for (int i = 0; i < topics->count; i++) {
        if (json)
            json_array_append_new(list, topic_json(prefix, &topics->topics[i]));
        else
            print_topic(prefix, &topics->topics[i]);
    }
    if (json)
        print_json(json_pack("{s:O}", "topics", list));
    json_decref(list);
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Before anything is started or asked. */
static int read_topics(const struct ese_config *config, const struct ese_kafka_home *home,
                       struct ese_topics *topics, struct ese_error *error)
{
    if (ese_topics_read(home->topics, topics, error) == -1)
        return -1;
    return ese_topics_check_prefix(topics, ese_config_text(config, "topic-prefix"), error);
}

static int apply_topics(const struct ese_config *config, const char *bootstrap_servers,
                        const struct ese_topics *topics, struct ese_error *error)
{
    enum ese_durability durability = ese_durability_parse(ese_config_text(config, "durability"));
    const struct ese_topics_target target = {
        .bootstrap_servers = bootstrap_servers,
        .prefix = ese_config_text(config, "topic-prefix"),
        .flush_every = durability == ESE_DURABILITY_DISK,
        .replicas = durability == ESE_DURABILITY_REPLICAS ? REPLICAS : 0,
        .min_insync_replicas = durability == ESE_DURABILITY_REPLICAS ? REPLICAS_IN_SYNC : 0,
        .timeout_ms = (int)ese_config_number(config, "timeout-ms")};
    return ese_topics_apply(topics, &target, error);
}

static int make_ready(struct ese_broker *broker, const struct ese_config *config,
                      const struct ese_topics *topics, struct ese_error *error)
{
    if (ese_broker_wait_ready(broker, READY_MS, error) == -1)
        return -1;
    return apply_topics(config, ese_broker_bootstrap(broker), topics, error);
}

static int note_running(const struct ese_broker *broker, const struct ese_kafka_home *home,
                        struct ese_running *running, struct ese_error *error)
{
    running->pid = ese_broker_pid(broker);
    snprintf(running->bootstrap, sizeof running->bootstrap, "%s", ese_broker_bootstrap(broker));
    return ese_running_note(home, running, error);
}

static int start(const struct ese_config *config, const struct ese_kafka_home *home,
                 struct ese_error *error)
{
    struct ese_running running;
    if (ese_running_find(home, &running)) {
        fprintf(stderr, "Kafka runs already (pid %d).\n", (int)running.pid);
        print_running(config, home, &running);
        return 0;
    }
    const struct ese_broker_options wanted = {
        .jars_dir = home->jars,
        .conf_dir = home->conf,
        .data_dir = home->data,
        .log_path = home->log,
        .port = (int)ese_config_number(config, "port"), .detached = true};
    struct ese_broker *broker = NULL;
    struct ese_topics topics;
    if (read_topics(config, home, &topics, error) == -1 ||
        (wanted.port != 0 && ese_port_check(wanted.port, "--port (0: a free one)", error) == -1) ||
        ese_broker_start(&wanted, &broker, error) == -1)
        return -1;
    fprintf(stderr, "Kafka starts (pid %d); its log is %s\n", (int)ese_broker_pid(broker),
            home->log);
    if (make_ready(broker, config, &topics, error) == -1 ||
        note_running(broker, home, &running, error) == -1) {
        ese_broker_close(&broker);
        return -1;
    }
    ese_broker_leave(&broker);
    print_running(config, home, &running);
    return 0;
}

/* ---- the other commands ---------------------------------------------------------------------- */

static int stop(const struct ese_config *config, const struct ese_kafka_home *home,
                struct ese_error *error)
{
    struct ese_running running;
    if (!ese_running_find(home, &running)) {
        fprintf(stderr, "Kafka does not run.\n");
    } else {
        if (ese_running_stop(home, &running, STOP_MS, error) == -1)
            return -1;
        fprintf(stderr, "Kafka has stopped (pid %d); its data stay in %s\n", (int)running.pid,
                home->data);
    }
    print_running(config, home, NULL);
    return 0;
}

static int status(const struct ese_config *config, const struct ese_kafka_home *home,
                  struct ese_error *error)
{
    (void)error;
    struct ese_running running;
    if (!ese_running_find(home, &running)) {
        fprintf(stderr, "Kafka does not run; `./lab kafka start` starts it.\n");
        print_running(config, home, NULL);
        return 1;
    }
    fprintf(stderr, "Kafka runs (pid %d); its log is %s\n", (int)running.pid, home->log);
    print_running(config, home, &running);
    return 0;
}

static int topics(const struct ese_config *config, const struct ese_kafka_home *home,
                  struct ese_error *error)
{
    struct ese_running running;
    struct ese_topics wanted;
    const char *bootstrap_servers = ese_config_text(config, "bootstrap-servers");
    if (read_topics(config, home, &wanted, error) == -1 ||
        (bootstrap_servers != NULL && ese_cluster_check(bootstrap_servers, error) == -1))
        return -1;
    if (bootstrap_servers == NULL) {
        if (!ese_running_find(home, &running))
            return ese_fail(error, ESE_E_MISSING,
                            "Kafka does not run: `./lab kafka start`, or name a cluster by "
                            "--bootstrap-servers");
        bootstrap_servers = running.bootstrap;
    }
    if (apply_topics(config, bootstrap_servers, &wanted, error) == -1)
        return -1;
    print_topics(config, &wanted);
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(const struct ese_config *config, const struct ese_kafka_home *home,
               struct ese_error *error);
} commands[] = {{"start", start}, {"stop", stop}, {"status", status}, {"topics", topics}};

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct ese_kafka_home home;
    const char *word = ese_config_argument(config, 0);
    const char *more = ese_config_argument(config, 1);
    if (more != NULL)
        return ese_fail(error, ESE_E_USAGE, "'%.60s' is too much behind %.60s", more, word);
    ese_kafka_home(&home);
    for (size_t i = 0; word != NULL && i < ESE_COUNT_OF(commands); i++) {
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(config, &home, error);
    }
    return ese_fail(error, ESE_E_USAGE, "'%.60s' is no command; say start, stop, status or topics",
                    word == NULL ? "" : word);
}

static const struct ese_service service = {
    .manual = {.name = "ese-lab " ESE_KAFKA_COMMAND,
               .summary = "keeps a real Kafka broker, without Docker",
               .synopsis = "start|stop|status|topics",
               .description =
                   "start brings one broker up that stays until stop, waits until a record went "
                   "round trip, applies the topics and prints its address. status prints the "
                   "address, or ends with 1 when none runs. topics applies topics.conf again: to "
                   "the lab's own broker, or to any cluster.\n\nData, log and jars are kept in "
                   ".lab/kafka.",
               .examples = "./lab kafka start\n  A broker on " ESE_BROKER_ADDRESS ".\n"
                           "./lab kafka topics --topic-prefix mine-\n  Topics of your own.\n"},
    .options = options,
    .is_command = true,
    .run = run,
};

int ese_kafka_command(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

int ese_kafka_running(char *text, size_t size)
{
    struct ese_kafka_home home;
    struct ese_running running;
    ese_kafka_home(&home);
    if (!ese_running_find(&home, &running))
        return -1;
    return ese_fit_text(text, size, running.bootstrap);
}
