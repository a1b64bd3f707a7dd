/* A real broker, from its first start through a kill -9 to its end. Skipped without Java or
 * jars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/kafka/broker.h"
#include "orchestration/kafka/kafka_client.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/readiness.h"
#include "orchestration/kafka/topics.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

#define READY_MS 60000

static char *directory, *data_dir, *log_path;
static struct ese_kafka_home home;
static struct ese_error error;

static struct ese_broker_options options(void)
{
    return (struct ese_broker_options){.jars_dir = home.jars, .conf_dir = home.conf,
                                       .data_dir = data_dir, .log_path = log_path};
}

static struct ese_broker *start_ready(void)
{
    struct ese_broker *broker = NULL;
    struct ese_broker_options given = options();
    if (ese_broker_start(&given, &broker, &error) == -1 ||
        ese_broker_wait_ready(broker, READY_MS, &error) == -1)
        fail_msg("%s", error.text);
    return broker;
}

static bool alive(pid_t pid)
{
    return kill(pid, 0) == 0 || errno != ESRCH;
}

static bool is_gone(void *pid)
{
    return !alive(*(pid_t *)pid);
}

static void takes_records_again_after_kill_and_stop(void **state)
{
    (void)state;
    struct ese_broker *broker = start_ready();
    pid_t first = ese_broker_pid(broker);
    char address[64];
    snprintf(address, sizeof address, "%s", ese_broker_bootstrap(broker));

    ese_broker_kill(broker);
    assert_int_equal(ese_broker_pid(broker), 0);
    assert_false(alive(first));
    assert_int_equal(ese_readiness_check(address, 300, &error), -1);

    if (ese_broker_restart(broker, &error) == -1 ||
        ese_broker_wait_ready(broker, READY_MS, &error) == -1)
        fail_msg("%s", error.text);
    assert_string_equal(ese_broker_bootstrap(broker), address);

    pid_t second = ese_broker_pid(broker);
    assert_int_not_equal(second, first);
    ese_broker_stop(broker, 15000);
    assert_false(alive(second));
    struct ese_broker_cost cost = ese_broker_cost(broker);
    assert_int_equal(cost.lives, 2);
    assert_true(cost.cpu_s > 0.1);
    assert_true(cost.rss_peak_bytes > 50 * 1024 * 1024);
    ese_broker_close(&broker);
    assert_null(broker);
}

static int one_partition(const char *name, struct ese_topics *topics)
{
    memset(topics, 0, sizeof *topics);
    topics->count = 1;
    topics->topics[0].partitions = 1;
    return snprintf(topics->topics[0].name, ESE_TOPIC_NAME_SIZE, "%s", name);
}

static void topics_are_applied_again_and_again(void **state)
{
    (void)state;
    struct ese_broker *broker = start_ready(); /* on the data of the test before: on new ports */
    struct ese_topics topics;
    struct ese_topics_target target = {.bootstrap_servers = ese_broker_bootstrap(broker),
                                       .prefix = "run1-", .timeout_ms = 15000};
    one_partition("grows", &topics);
    for (int partitions = 1; partitions <= 4; partitions += 3) {
        topics.topics[0].partitions = partitions;
        for (int again = 0; again < 2; again++) {
            if (ese_topics_apply(&topics, &target, &error) == -1)
                fail_msg("%s", error.text);
        }
    }
    topics.topics[0].property_count = 1;
    topics.topics[0].properties[0] = (struct ese_topic_property){"message.timestamp.type",
                                                                 "LogAppendTime"};
    target.flush_every = true;
    for (int again = 0; again < 2; again++) {
        if (ese_topics_apply(&topics, &target, &error) == -1)
            fail_msg("%s", error.text);
    }
    topics.topics[0].properties[0] = (struct ese_topic_property){"no.such.property", "1"};
    assert_int_equal(ese_topics_apply(&topics, &target, &error), -1);
    assert_non_null(strstr(error.text, "run1-grows"));
    assert_int_equal(error.code, ESE_E_IO);
    topics.topics[0].property_count = 0;
    target.replicas = 3;
    assert_int_equal(ese_topics_apply(&topics, &target, &error), -1); /* they are not added later */
    assert_non_null(strstr(error.text, "has 1 of the 3 replicas"));
    target.prefix = "run2-";
    target.timeout_ms = 1000;
    assert_int_equal(ese_topics_apply(&topics, &target, &error), -1); /* two brokers never come */
    assert_non_null(strstr(error.text, "run2-grows"));
    ese_broker_close(&broker);
}

/* ---- what is beyond a topic's bytes ---------------------------------------------------------- */

#define RECORDS 60
#define RECORD_BYTES 100000

struct first_kept {
    rd_kafka_t *client;
    int64_t low, high;
    int64_t known; /* low as it was */
};

static bool has_forgotten(void *context)
{
    struct first_kept *kept = context;
    return rd_kafka_query_watermark_offsets(kept->client, "bounded", 0, &kept->low, &kept->high,
                                            5000) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           kept->low > kept->known;
}

static void fill_topic(rd_kafka_t *producer)
{
    struct ese_kafka_delivery delivered[RECORDS] = {{.done = false}};
    char *bytes = ese_alloc(RECORD_BYTES);
    for (int i = 0; i < RECORDS; i++)
        assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("bounded"),
                                           RD_KAFKA_V_PARTITION(0),
                                           RD_KAFKA_V_VALUE(bytes, RECORD_BYTES),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_OPAQUE(&delivered[i]), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_flush(producer, 30000);
    for (int i = 0; i < RECORDS; i++)
        assert_true(delivered[i].done && delivered[i].result == RD_KAFKA_RESP_ERR_NO_ERROR);
    free(bytes);
}

/* Records leave in whole segments: what stays is the bound, and a segment. A broker looks first
 * half a minute after its start, then as often as server.properties says. */
static void what_is_beyond_its_bytes_is_forgotten(void **state)
{
    (void)state;
    struct ese_broker *broker = start_ready();
    const struct ese_topics_target target = {.bootstrap_servers = ese_broker_bootstrap(broker),
                                             .timeout_ms = 15000};
    struct ese_topics topics;
    struct first_kept kept = {.client = NULL};
    one_partition("bounded", &topics);
    topics.topics[0].properties[0] = (struct ese_topic_property){"retention.bytes", "2097152"};
    topics.topics[0].properties[1] = (struct ese_topic_property){"segment.bytes", "1048576"};
    topics.topics[0].property_count = 2;
    if (ese_topics_apply(&topics, &target, &error) == -1 ||
        ese_kafka_client_new(RD_KAFKA_PRODUCER, ese_broker_bootstrap(broker), NULL, &kept.client,
                             &error) == -1)
        fail_msg("%s", error.text);
    for (int round = 1; round <= 2; round++) {
        fill_topic(kept.client);
        kept.known = kept.low;
        assert_true(ese_test_wait_until(has_forgotten, &kept, round == 1 ? 90000 : 60000));
        assert_int_equal(kept.high, round * RECORDS);
        assert_in_range((kept.high - kept.low) * RECORD_BYTES, 1 << 20, 3 << 20);
    }
    rd_kafka_destroy(kept.client);
    ese_broker_close(&broker);
}

/* A child that starts a broker and is killed: the broker must go with it. */
static void dies_with_its_starter(void **state)
{
    (void)state;
    int pipe_fds[2];
    pid_t broker_pid = 0;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t starter = fork();
    if (starter == 0) {
        struct ese_broker *broker = start_ready();
        pid_t pid = ese_broker_pid(broker);
        if (write(pipe_fds[1], &pid, sizeof pid) == sizeof pid)
            raise(SIGKILL);
        _exit(1);
    }
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &broker_pid, sizeof broker_pid), sizeof broker_pid);
    close(pipe_fds[0]);
    waitpid(starter, NULL, 0);
    assert_true(ese_test_wait_until(is_gone, &broker_pid, 10000));
}

static void missing_jars_name_the_remedy(void **state)
{
    (void)state;
    struct ese_broker *broker = NULL;
    struct ese_broker_options given = options();
    given.jars_dir = "/nowhere/libs";
    assert_int_equal(ese_broker_start(&given, &broker, &error), -1);
    assert_int_equal(error.code, ESE_E_MISSING);
    assert_non_null(strstr(error.text, "/nowhere/libs"));
    assert_non_null(strstr(error.text, "./lab doctor"));
    assert_null(broker);
}

/* Links to the jars of the lab, in a directory beside which is no archive of theirs. */
static char *link_jars(void)
{
    char *jars = ese_test_path(directory, "jars");
    assert_int_equal(mkdir(jars, 0755), 0);
    DIR *from = opendir(home.jars);
    assert_non_null(from);
    for (struct dirent *entry = readdir(from); entry != NULL; entry = readdir(from)) {
        char target[2 * PATH_MAX], link[2 * PATH_MAX];
        snprintf(target, sizeof target, "%s/%s", home.jars, entry->d_name);
        snprintf(link, sizeof link, "%s/%s", jars, entry->d_name);
        if (strstr(entry->d_name, ".jar") != NULL)
            assert_int_equal(symlink(target, link), 0);
    }
    closedir(from);
    return jars;
}

static void what_archives_no_classes_only_slows(void **state)
{
    (void)state;
    char *jars = link_jars(), *archive = ese_test_path(directory, "jars.jsa");
    FILE *file = fopen(archive, "w");
    assert_non_null(file);
    fputs("no archive\n", file);
    assert_int_equal(fclose(file), 0);
    struct ese_broker_options given = options();
    struct ese_broker *broker = NULL;
    given.jars_dir = jars;
    if (ese_broker_start(&given, &broker, &error) == -1 ||
        ese_broker_wait_ready(broker, READY_MS, &error) == -1)
        fail_msg("%s", error.text);
    ese_broker_close(&broker);
    free(archive);
    free(jars);
}

static void says_that_it_ended_before_it_was_ready(void **state)
{
    (void)state;
    struct ese_broker *broker = NULL;
    struct ese_broker_options given = options();
    assert_int_equal(ese_broker_start(&given, &broker, &error), 0);
    kill(ese_broker_pid(broker), SIGKILL);
    assert_int_equal(ese_broker_wait_ready(broker, READY_MS, &error), -1);
    assert_int_equal(error.code, ESE_E_CLOSED);
    assert_non_null(strstr(error.text, log_path));
    ese_broker_close(&broker);
}

static int remove_directory(void **state)
{
    (void)state;
    free(data_dir);
    free(log_path);
    ese_test_directory_remove(&directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_records_again_after_kill_and_stop),
        cmocka_unit_test(topics_are_applied_again_and_again),
        cmocka_unit_test(what_is_beyond_its_bytes_is_forgotten),
        cmocka_unit_test(dies_with_its_starter),
        cmocka_unit_test(missing_jars_name_the_remedy),
        cmocka_unit_test(what_archives_no_classes_only_slows),
        cmocka_unit_test(says_that_it_ended_before_it_was_ready),
    };
    ese_kafka_home(&home);
    struct ese_broker *broker = NULL;
    directory = ese_test_directory_make();
    data_dir = ese_test_path(directory, "deeper/data");
    log_path = ese_test_path(directory, "broker.log");
    struct ese_broker_options given = options();
    if (ese_broker_start(&given, &broker, &error) == -1) {
        printf("1..0 # SKIP %s\n", error.text); /* how TAP skips; exit 77 is for tests without it */
        return remove_directory(NULL);
    }
    ese_broker_close(&broker);
    return cmocka_run_group_tests(tests, NULL, remove_directory);
}
