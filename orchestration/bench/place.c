#include "orchestration/bench/place.h"

#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/file_lock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/child.h"
#include "orchestration/kafka/broker.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/topics.h"

#define BROKER "broker" /* its data */
#define WARM_RATE "20000" /* events a second */
#define WARM_MS "6000"
#define WARM_LIMIT_MS 30000
#define READY_LIMIT_MS 45000
#define TOPICS_LIMIT_MS 20000
#define STOP_LIMIT_MS 8000

int ese_place_path(const char *directory, const char *name, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    if (snprintf(path, ESE_PLACE_PATH_SIZE, "%s/%s", directory, name) >= ESE_PLACE_PATH_SIZE)
        return ese_fail(error, ESE_E_USAGE, "the path of %s in %.100s... is too long", name, directory);
    return 0;
}

static int make_directory(const char *path, struct ese_error *error)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return ese_fail_errno(error, "cannot make the directory %s", path);
    return 0;
}

int ese_place_open(struct ese_place *place, struct ese_error *error)
{
    const char *given = getenv("ESE_LAB_HOME");
    char home[ESE_PLACE_PATH_SIZE], lock[ESE_PLACE_PATH_SIZE];
    int lock_fd;

    *place = (struct ese_place){.broker = NULL};
    if (given == NULL || given[0] == '\0')
        given = ".lab";
    if (make_directory(given, error) != 0)
        return -1;
    char *absolute = realpath(given, NULL);
    int fitted = absolute == NULL ? -1 : ese_fit_text(home, sizeof home, absolute);
    free(absolute);
    if (fitted != 0)
        return ese_fail(error, ESE_E_USAGE, "ESE_LAB_HOME '%.200s' cannot be used", given);
    if (ese_place_path(home, "bench", place->directory, error) != 0 ||
        ese_place_path(home, "peers", place->peers, error) != 0 || make_directory(place->directory, error) != 0 ||
        ese_place_path(place->directory, "bench", lock, error) != 0)
        return -1;
    return ese_file_lock(lock, "ESE_LAB_HOME", &lock_fd, error); /* goes with the process */
}

void ese_place_close(struct ese_place *place)
{
    char data[ESE_PLACE_PATH_SIZE];

    if (place->broker != NULL)
        ese_broker_stop(place->broker, STOP_LIMIT_MS);
    ese_broker_close(&place->broker);
    if (ese_place_path(place->directory, BROKER, data, NULL) == 0)
        ese_place_remove(data);
}

/* ---- programs -------------------------------------------------------------------------------------------------- */

int ese_place_binary(const char *name, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    char here[ESE_PLACE_PATH_SIZE] = "", places[5][160];
    ssize_t length = readlink("/proc/self/exe", here, sizeof here - 1);

    if (length < 0)
        return ese_fail_errno(error, "cannot tell where this program is");
    char *slash = strrchr(here, '/');
    if (slash != NULL)
        *slash = '\0';
    snprintf(places[0], sizeof places[0], "%s", name);
    snprintf(places[1], sizeof places[1], "../../%s/%s", name, name);
    snprintf(places[2], sizeof places[2], "bare/%s", name);
    snprintf(places[3], sizeof places[3], "bare_push/%s", name);
    snprintf(places[4], sizeof places[4], "../disk/%s", name);
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++) {
        if (ese_place_path(here, places[i], path, error) != 0)
            return -1;
        if (access(path, X_OK) == 0)
            return 0;
    }
    return ese_fail(error, ESE_E_MISSING, "%s is neither in %.200s nor in the build tree: build it (./lab does)", name,
                    here);
}

/* One path that fits, whatever its version and machine. */
static int find_one(const char *directory, const char *pattern, char path[ESE_PLACE_PATH_SIZE])
{
    char whole[ESE_PLACE_PATH_SIZE];
    glob_t found = {0};
    int status = -1;

    if (ese_place_path(directory, pattern, whole, NULL) == 0 && glob(whole, 0, NULL, &found) == 0)
        status = ese_fit_text(path, ESE_PLACE_PATH_SIZE, found.gl_pathv[0]);
    globfree(&found);
    return status;
}

int ese_place_peer(const struct ese_place *place, const char *name, char path[ESE_PLACE_PATH_SIZE],
                   struct ese_error *error)
{
    static const char *const folders[] = {"usr/bin", "usr/lib/postgresql/*/bin"};
    char pattern[128];

    for (size_t i = 0; i < ESE_COUNT_OF(folders); i++) {
        snprintf(pattern, sizeof pattern, "%s/%s", folders[i], name);
        if (find_one(place->peers, pattern, path) == 0 && access(path, X_OK) == 0)
            return 0;
    }
    return ese_fail(error, ESE_E_MISSING, "there is no %s below %.300s: ./lab bench fetches it", name, place->peers);
}

int ese_place_peer_libraries(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    if (find_one(place->peers, "usr/lib/*-linux-gnu*", path) == 0)
        return 0;
    return ese_fail(error, ESE_E_MISSING, "there are no libraries below %.300s: ./lab bench fetches them",
                    place->peers);
}

/* ---- the broker ------------------------------------------------------------------------------------------------ */

const char *ese_place_topic_prefix(enum ese_durability durability)
{
    return durability == ESE_DURABILITY_DISK ? "disk-" : "os-";
}

static int apply_topics(const char *bootstrap, const char *prefix, bool flush_every, struct ese_error *error)
{
    const struct ese_topics_target target = {
        .bootstrap_servers = bootstrap, .prefix = prefix, .flush_every = flush_every, .timeout_ms = TOPICS_LIMIT_MS};
    struct ese_topics *topics = ese_alloc(sizeof *topics);
    struct ese_kafka_home kafka;

    ese_kafka_home(&kafka);
    int status = ese_topics_read(kafka.topics, topics, error);
    if (status == 0)
        status = ese_topics_apply(topics, &target, error);
    free(topics);
    return status;
}

static int apply_levels(const char *bootstrap, struct ese_error *error)
{
    static const enum ese_durability levels[] = {ESE_DURABILITY_OS, ESE_DURABILITY_DISK};

    for (size_t i = 0; i < ESE_COUNT_OF(levels); i++) {
        if (apply_topics(bootstrap, ese_place_topic_prefix(levels[i]), levels[i] == ESE_DURABILITY_DISK, error) != 0)
            return -1;
    }
    return 0;
}

/* A broker that has just been started compiles itself under its first load, and stands still for half a second: who has
 * the first round would measure that. So some seconds of reading and writing go before all rounds. */
static int warm_broker(const struct ese_place *place, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE], topic[40];

    if (ese_place_binary("ese-bare", binary, error) != 0 ||
        ese_place_path(place->directory, "warm.log", log, error) != 0)
        return -1;
    snprintf(topic, sizeof topic, "%s%s", ese_place_topic_prefix(ESE_DURABILITY_OS), ESE_PLACE_CLICKS);
    unlink(log);
    struct ese_child child = {.words = {binary, "--bootstrap-servers", ese_broker_bootstrap(place->broker), "--topic",
                                        topic, "--rate", WARM_RATE, "--warm-up-ms", "0", "--measure-ms", WARM_MS},
                              .log = log};
    return ese_child_run(&child, WARM_LIMIT_MS, error);
}

static int start_broker(struct ese_place *place, struct ese_error *error)
{
    char data[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE];
    struct ese_kafka_home kafka;

    ese_kafka_home(&kafka);
    if (ese_place_fresh(place, BROKER, data, error) != 0 ||
        ese_place_path(place->directory, "broker.log", log, error) != 0)
        return -1;
    const struct ese_broker_options options = {
        .jars_dir = kafka.jars, .conf_dir = kafka.conf, .data_dir = data, .log_path = log};
    if (ese_broker_start(&options, &place->broker, error) != 0)
        return -1;
    if (ese_broker_wait_ready(place->broker, READY_LIMIT_MS, error) == 0 &&
        apply_levels(ese_broker_bootstrap(place->broker), error) == 0 && warm_broker(place, error) == 0)
        return 0;
    ese_broker_close(&place->broker);
    return -1;
}

int ese_place_broker(struct ese_place *place, const char **bootstrap, struct ese_error *error)
{
    if (place->broker == NULL && start_broker(place, error) != 0)
        return -1;
    *bootstrap = ese_broker_bootstrap(place->broker);
    return 0;
}

int ese_place_topics(struct ese_place *place, const char *prefix, const char **bootstrap, struct ese_error *error)
{
    return ese_place_broker(place, bootstrap, error) != 0 ? -1 : apply_topics(*bootstrap, prefix, false, error);
}

/* ---- directories ----------------------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

void ese_place_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int ese_place_fresh(const struct ese_place *place, const char *name, char path[ESE_PLACE_PATH_SIZE],
                    struct ese_error *error)
{
    if (ese_place_path(place->directory, name, path, error) != 0)
        return -1;
    ese_place_remove(path);
    return make_directory(path, error);
}
