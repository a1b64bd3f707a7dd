#include "orchestration/lab/broker_life.h"

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "orchestration/kafka/broker.h"
#include "orchestration/kafka/embedded.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/topics.h"
#include "orchestration/lab/artifacts.h"

#define READY_LIMIT_MS 45000
#define TOPICS_LIMIT_MS 20000
#define STOP_LIMIT_MS 8000

struct ese_broker_life {
    struct ese_broker *own;
    struct ese_embedded *embedded;
    char *given;
    char *prefix;
    enum ese_durability durability;
    struct ese_topics topics;
    struct ese_usage present; /* of the living broker, as last sampled */
};

static int start_own(struct ese_broker_life *life, const struct ese_kafka_home *home,
                     const struct ese_broker_life_options *told, struct ese_error *error)
{
    char data[ESE_ARTIFACT_PATH_SIZE], log[ESE_ARTIFACT_PATH_SIZE];
    const char *directory = told->directory;
    if (ese_artifact_path(directory, ESE_ARTIFACT_BROKER, data, error) < 0 ||
        ese_artifact_path(directory, ESE_ARTIFACT_LOGS "/broker.log", log, error) < 0)
        return -1;
    struct ese_broker_options options = {
        .jars_dir = home->jars,
        .conf_dir = home->conf,
        .data_dir = data,
        .log_path = log,
        .port = 0,
        .listeners = told->listeners,
        .listener_count = told->listener_count,
        .detached = false,
    };
    return ese_broker_start(&options, &life->own, error);
}

/* Whoever uses it would wait for a promise that its topics never make. */
static int start_mock(struct ese_broker_life *life, const struct ese_broker_life_options *options,
                      struct ese_error *error)
{
    if (options->durability > ESE_DURABILITY_OS)
        return ese_fail(error, strcmp(options->choice, "embedded") == 0 ? ESE_E_USAGE : ESE_E_MISSING,
                        "--durability %s: the embedded broker keeps nothing; ask for os, or bring a real one "
                        "(./lab doctor)", ese_durability_name(options->durability));
    ese_log_warning("%s", ESE_EMBEDDED_WARNING);
    return ese_embedded_start(&life->topics, options->topic_prefix, &life->embedded, error);
}

int ese_broker_life_check(const char *choice, const char *bootstrap_servers, struct ese_error *error)
{
    if (bootstrap_servers == NULL || strcmp(choice, "auto") == 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--bootstrap-servers %.100s and --broker %s: the broker is given, or one of "
                                        "the lab's own; leave one of two away", bootstrap_servers, choice);
}

static void set_property(struct ese_topic *topic, const char *name, int64_t value)
{
    int place = 0;
    while (place < topic->property_count && strcmp(topic->properties[place].name, name) != 0)
        place++;
    if (place == ESE_TOPIC_PROPERTIES)
        return;
    ese_fit_text(topic->properties[place].name, sizeof topic->properties[place].name, name);
    snprintf(topic->properties[place].value, sizeof topic->properties[place].value, "%lld", (long long)value);
    topic->property_count += place == topic->property_count;
}

/* Whole segments leave: they have to be shorter than what is kept. */
static void keep_for(struct ese_topics *topics, int64_t retention_s)
{
    for (int i = 0; retention_s > 0 && i < topics->count; i++) {
        set_property(&topics->topics[i], "retention.ms", retention_s * 1000);
        set_property(&topics->topics[i], "segment.ms", retention_s * 1000 / 3);
    }
}

static int start(struct ese_broker_life *life, const struct ese_broker_life_options *options,
                 struct ese_error *error)
{
    struct ese_kafka_home home;
    ese_kafka_home(&home);
    if (ese_topics_read(home.topics, &life->topics, error) < 0)
        return -1;
    keep_for(&life->topics, options->retention_s);
    if (options->bootstrap_servers != NULL) {
        life->given = ese_copy_text(options->bootstrap_servers);
        return 0;
    }
    bool embedded = strcmp(options->choice, "embedded") == 0;
    if (!embedded && start_own(life, &home, options, error) < 0) {
        if (strcmp(options->choice, "auto") != 0 || error->code != ESE_E_MISSING)
            return -1;
        ese_log_warning("%s", error->text);
        embedded = true;
    }
    return embedded ? start_mock(life, options, error) : 0;
}

int ese_broker_life_open(const struct ese_broker_life_options *options, struct ese_broker_life **life,
                         struct ese_error *error)
{
    *life = ese_alloc(sizeof **life);
    (*life)->prefix = ese_copy_text(options->topic_prefix);
    (*life)->durability = options->durability;
    if (start(*life, options, error) == 0)
        return 0;
    ese_broker_life_close(life);
    return -1;
}

int ese_broker_life_ready(struct ese_broker_life *life, struct ese_error *error)
{
    if (life->embedded != NULL)
        return 0; /* its topics were made with it */
    if (life->own != NULL && ese_broker_wait_ready(life->own, READY_LIMIT_MS, error) < 0)
        return -1;
    struct ese_topics_target target = {
        .bootstrap_servers = ese_broker_life_bootstrap(life),
        .prefix = life->prefix,
        .flush_every = life->durability == ESE_DURABILITY_DISK,
        .replicas = 0,
        .timeout_ms = TOPICS_LIMIT_MS,
    };
    return ese_topics_apply(&life->topics, &target, error);
}

const char *ese_broker_life_bootstrap(const struct ese_broker_life *life)
{
    if (life->given != NULL)
        return life->given;
    return life->embedded != NULL ? ese_embedded_bootstrap(life->embedded)
                                  : ese_broker_bootstrap(life->own);
}

int ese_broker_life_listener_port(const struct ese_broker_life *life, int i)
{
    return life->own == NULL ? 0 : ese_broker_listener_port(life->own, i);
}

const char *ese_broker_life_kind(const struct ese_broker_life *life)
{
    if (life->given != NULL)
        return "Apache Kafka, given by --bootstrap-servers: its cost is not known here";
    return life->embedded != NULL ? ESE_EMBEDDED_WARNING : "Apache Kafka, one broker started for this run";
}

bool ese_broker_life_is_mock(const struct ese_broker_life *life)
{
    return life->embedded != NULL;
}

bool ese_broker_life_is_own(const struct ese_broker_life *life)
{
    return life->own != NULL;
}

bool ese_broker_life_running(struct ese_broker_life *life)
{
    if (life->own == NULL || ese_broker_running(life->own))
        return true;
    life->present = (struct ese_usage){0}; /* it is among the ended lives now */
    return false;
}

void ese_broker_life_shoot(struct ese_broker_life *life)
{
    ese_broker_life_sample(life);
    ese_broker_shoot(life->own);
}

void ese_broker_life_freeze(struct ese_broker_life *life)
{
    ese_broker_freeze(life->own);
}

void ese_broker_life_thaw(struct ese_broker_life *life)
{
    ese_broker_thaw(life->own);
}

int ese_broker_life_restart(struct ese_broker_life *life, struct ese_error *error)
{
    int result = ese_broker_restart(life->own, error);
    life->present = (struct ese_usage){0}; /* what it was is among the ended lives now */
    return result;
}

void ese_broker_life_sample(struct ese_broker_life *life)
{
    if (life->own != NULL && ese_broker_pid(life->own) != 0)
        ese_usage_read(ese_broker_pid(life->own), &life->present);
}

struct ese_usage ese_broker_life_usage(const struct ese_broker_life *life)
{
    struct ese_usage usage = life->present;
    if (life->own == NULL)
        return (struct ese_usage){0};
    struct ese_broker_cost earlier = ese_broker_cost(life->own);
    usage.cpu_ns += (int64_t)(earlier.cpu_s * 1e9);
    usage.written_bytes += earlier.disk_written_bytes;
    usage.switches = earlier.switches;
    usage.preemptions = earlier.preemptions;
    if (earlier.rss_peak_bytes > usage.resident_peak_bytes)
        usage.resident_peak_bytes = earlier.rss_peak_bytes;
    return usage;
}

void ese_broker_life_add_switches(const struct ese_broker_life *life, struct ese_usage *usage)
{
    if (life->own != NULL && ese_broker_pid(life->own) != 0)
        ese_usage_add_switches(ese_broker_pid(life->own), usage);
}

int ese_broker_life_lives(const struct ese_broker_life *life)
{
    return life->own == NULL ? 0 : ese_broker_cost(life->own).lives + (ese_broker_pid(life->own) != 0);
}

void ese_broker_life_close(struct ese_broker_life **life)
{
    struct ese_broker_life *old = *life;
    if (old == NULL)
        return;
    if (old->own != NULL)
        ese_broker_stop(old->own, STOP_LIMIT_MS);
    ese_broker_close(&old->own);
    ese_embedded_stop(&old->embedded);
    free(old->given);
    free(old->prefix);
    free(old);
    *life = NULL;
}
