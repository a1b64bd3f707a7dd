#include "tests/e2e/kafka_scene.h"

#include "orchestration/kafka/kafka_client.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/topics.h"
#include "tests/support/directory.h"

#define SENT_MS 20000

static struct ese_error failure;

static void or_die(int result)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s\n", failure.text);
    exit(1); /* the broker goes with us */
}

bool ese_kafka_scene_open(struct ese_kafka_scene *scene, struct ese_error *error)
{
    struct ese_kafka_home home;
    ese_kafka_home(&home);
    *scene = (struct ese_kafka_scene){.directory = ese_test_directory_make()};
    scene->data_dir = ese_test_path(scene->directory, "data");
    scene->log_path = ese_test_path(scene->directory, "broker.log");
    const struct ese_broker_options options = {.jars_dir = home.jars,
                                               .conf_dir = home.conf,
                                               .data_dir = scene->data_dir,
                                               .log_path = scene->log_path};
    if (ese_broker_start(&options, &scene->broker, error) == -1) {
        ese_kafka_scene_close(scene);
        return false;
    }
    or_die(ese_broker_wait_ready(scene->broker, ESE_SCENE_READY_MS, &failure));
    snprintf(scene->bootstrap, sizeof scene->bootstrap, "%s", ese_broker_bootstrap(scene->broker));
    return true;
}

void ese_kafka_scene_close(struct ese_kafka_scene *scene)
{
    ese_broker_close(&scene->broker);
    free(scene->data_dir);
    free(scene->log_path);
    ese_test_directory_remove(&scene->directory);
}

static void read_topics(struct ese_topics *topics)
{
    struct ese_kafka_home home;
    ese_kafka_home(&home);
    or_die(ese_topics_read(home.topics, topics, &failure));
}

static struct ese_topics_target target_of(const struct ese_kafka_scene *scene)
{
    return (struct ese_topics_target){
        .bootstrap_servers = scene->bootstrap, .prefix = scene->prefix, .timeout_ms = 15000};
}

void ese_kafka_scene_make_topics(struct ese_kafka_scene *scene, bool flush_every)
{
    struct ese_topics topics;
    struct ese_topics_target target = target_of(scene);
    target.flush_every = flush_every;
    read_topics(&topics);
    or_die(ese_topics_apply(&topics, &target, &failure));
}

void ese_kafka_scene_remove_topics(struct ese_kafka_scene *scene)
{
    struct ese_topics topics;
    const struct ese_topics_target target = target_of(scene);
    read_topics(&topics);
    or_die(ese_topics_remove(&topics, &target, &failure));
}

void ese_kafka_scene_fresh_topics(struct ese_kafka_scene *scene, bool flush_every)
{
    if (scene->made++ > 0)
        ese_kafka_scene_remove_topics(scene);
    snprintf(scene->prefix, sizeof scene->prefix, "t%d-", scene->made);
    ese_kafka_scene_make_topics(scene, flush_every);
}

void ese_kafka_scene_kill(struct ese_kafka_scene *scene)
{
    ese_broker_kill(scene->broker);
}

void ese_kafka_scene_restart(struct ese_kafka_scene *scene)
{
    or_die(ese_broker_restart(scene->broker, &failure));
    or_die(ese_broker_wait_ready(scene->broker, ESE_SCENE_READY_MS, &failure));
}

void ese_kafka_scene_send(const struct ese_kafka_scene *scene, const char *topic, int32_t partition, const char *value)
{
    char name[300];
    rd_kafka_t *producer = NULL;
    struct ese_kafka_delivery delivery = {.done = false};
    snprintf(name, sizeof name, "%s%s", scene->prefix, topic);
    or_die(ese_kafka_client_new(RD_KAFKA_PRODUCER, scene->bootstrap, NULL, &producer, &failure));
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer, name, NULL);
    int status = rd_kafka_produce(handle, partition, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)value, strlen(value),
                                  NULL, 0, &delivery);
    rd_kafka_flush(producer, SENT_MS);
    if (status != 0 || !delivery.done || delivery.result != 0)
        or_die(ese_fail(&failure, ESE_E_IO, "%s did not take a record: %s", name,
                        delivery.done ? rd_kafka_err2str(delivery.result) : "it gave no answer"));
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(producer);
}

struct ese_config *ese_kafka_scene_config(const struct ese_kafka_scene *scene,
                                          const struct ese_option *table, const char *const *pairs)
{
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options", table);
    ese_config_give(config, "bootstrap-servers", scene->bootstrap);
    ese_config_give(config, "topic-prefix", scene->prefix);
    for (; pairs != NULL && pairs[0] != NULL; pairs += 2)
        ese_config_give(config, pairs[0], pairs[1]);
    or_die(ese_config_settle(config, &failure));
    return config;
}
