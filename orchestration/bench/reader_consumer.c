/* reader_consumer.c - ese-consumer with its rules and its state file: what its history says of when it had an event. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/child.h"
#include "orchestration/bench/reader.h"

#define WAITS_MS 30000 /* until it has joined its group, and has read what was there */
#define PATIENCE_NS (5 * ESE_NS_PER_S)
#define PAUSE_NS (2 * ESE_NS_PER_MS)
#define GRACE_MS 10000

struct ese_bench_reading {
    struct ese_child child;
    char directory[ESE_PLACE_PATH_SIZE]; /* its state's and its history's: fresh, and removed behind it */
    struct ese_history_reader *history;
};

static void stop(struct ese_bench_reading **reading)
{
    if (*reading == NULL)
        return;
    ese_child_stop(&(*reading)->child, SIGTERM, GRACE_MS);
    ese_history_read_close(&(*reading)->history);
    ese_place_remove((*reading)->directory);
    free(*reading);
    *reading = NULL;
}

/* It has had what was there before, and knows that it had. */
static bool is_at_end(struct ese_bench_reading *reading, const char *history)
{
    if (reading->history == NULL && ese_history_read_open(history, &reading->history, NULL) != 0)
        return false;
    return ese_history_read_count(reading->history, ESE_COUNT_AT_END_NS) > 0;
}

static int wait_at_end(struct ese_bench_reading *reading, const char *history, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + WAITS_MS * ESE_NS_PER_MS;

    while (!is_at_end(reading, history)) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (ese_service_stopping())
            return ese_fail(error, ESE_E_CLOSED, "asked to stop");
        if (!ese_child_running(&reading->child, NULL) || now_ns > until_ns)
            return ese_child_complain(&reading->child, "does not come to the end of what is there", error);
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

/* words: the transport and its own, ended by NULL. */
static int start(struct ese_bench_reading *reading, struct ese_place *place, const struct ese_stint *stint,
                 const char *const *words, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], state[ESE_PLACE_PATH_SIZE], history[ESE_PLACE_PATH_SIZE];
    char log[ESE_PLACE_PATH_SIZE];

    if (ese_place_binary("ese-consumer", binary, error) != 0 ||
        ese_place_fresh(place, "reader", reading->directory, error) != 0 ||
        ese_place_path(reading->directory, "state", state, error) != 0 ||
        ese_place_path(reading->directory, "history", history, error) != 0 ||
        ese_place_path(place->directory, "reader.log", log, error) != 0)
        return -1;
    unlink(log);
    const char *const common[] = {binary, "--from", "latest", "--group", "bench", "--state", state, "--history",
                                  history, "--durability", ese_durability_name(stint->durability), "--quiet",
                                  "--log-level", "warning"};
    memcpy(reading->child.words, common, sizeof common);
    for (size_t i = ESE_COUNT_OF(common); *words != NULL; words++, i++)
        reading->child.words[i] = *words;
    reading->child.log = log;
    int status = ese_child_start(&reading->child, error);
    if (status == 0)
        status = wait_at_end(reading, history, error);
    reading->child.log = NULL;
    return status;
}

static int open_reading(struct ese_place *place, const struct ese_stint *stint, const char *const *words,
                        struct ese_bench_reading **reading, struct ese_error *error)
{
    *reading = ese_alloc(sizeof **reading);
    if (start(*reading, place, stint, words, error) == 0)
        return 0;
    stop(reading);
    return -1;
}

static int start_http(struct ese_place *place, const struct ese_stint *stint, const char *address,
                      struct ese_bench_reading **reading, struct ese_error *error)
{
    char url[80];

    snprintf(url, sizeof url, "http://%s", address);
    const char *const words[] = {"--transport", "http", "--server", url, NULL};
    return open_reading(place, stint, words, reading, error);
}

static int start_kafka(struct ese_place *place, const struct ese_stint *stint, const char *address,
                       struct ese_bench_reading **reading, struct ese_error *error)
{
    const char *const words[] = {"--transport", "kafka", "--bootstrap-servers", address, "--topic-prefix",
                                 ese_place_topic_prefix(stint->durability), NULL};

    return open_reading(place, stint, words, reading, error);
}

/* Its records are written before the rule has the event, so that a batch that is never committed is in them, too: then
 * more come again, and count once. */
static int follow(struct ese_bench_reading *reading, struct ese_dues *dues, struct ese_error *error)
{
    int64_t heard_ns = ese_clock_monotonic_ns();
    struct ese_history_record record;

    while (ese_dues_missing(dues) > 0 && !ese_service_stopping()) {
        int got = ese_history_read_next(reading->history, &record, error);
        int64_t now_ns = ese_clock_monotonic_ns();
        if (got < 0)
            return -1;
        if (got == 1) {
            heard_ns = now_ns;
            if (record.kind == ESE_HISTORY_HANDED)
                ese_dues_came(dues, &record.id, record.time_ns);
            continue;
        }
        if (now_ns - heard_ns > PATIENCE_NS)
            return 0;
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

const struct ese_bench_reader ese_bench_reader_http = {.start = start_http, .follow = follow, .stop = stop};
const struct ese_bench_reader ese_bench_reader_kafka = {.start = start_kafka, .follow = follow, .stop = stop};
