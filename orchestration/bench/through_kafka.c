/*
 * through_kafka.c - ese-client straight to the broker at a rate, and ese-consumer that reads from it meanwhile.
 *
 * ese-client is given the events as a file, each with a key of its own, and sends them at even distances. Its history
 * says when each was due, that of ese-consumer when its rule had it.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/bench/gauge.h"
#include "orchestration/bench/outside.h"
#include "orchestration/bench/reader.h"

#define GRACE_MS 20000
#define KEPT_UP 0.98 /* of what was due */

struct sent {
    struct ese_dues *dues;
    struct ese_histogram *late_us;
    int64_t first_ns; /* when the first was due; 0: none was */
    int64_t due_ns;   /* the last */
    int64_t offered, acknowledged;
};

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-client", path, error);
}

/* A line each. */
static int write_events(const char *path, int64_t count, struct ese_error *error)
{
    struct ese_payload payload;
    FILE *file = fopen(path, "we");

    if (file == NULL)
        return ese_fail_errno(error, "cannot write %s", path);
    ese_payload_make(&payload, ese_id_draw_run(), 0);
    for (int64_t i = 0; i < count; i++) {
        ese_payload_number(&payload, payload.text, (uint32_t)i);
        fprintf(file, "%s\n", payload.text);
    }
    return fclose(file) == 0 ? 0 : ese_fail_errno(error, "cannot write %s", path);
}

/* ---- its history ----------------------------------------------------------------------------------------------- */

static void take_offered(struct sent *sent, const struct ese_history_record *record)
{
    ese_dues_note(sent->dues, ese_id_lane(&record->id), record->time_ns);
    sent->first_ns = sent->offered++ == 0 ? record->time_ns : sent->first_ns;
    sent->due_ns = record->time_ns;
}

/* Stands behind its offer. */
static void take_sent(struct sent *sent, const struct ese_history_record *record, int64_t warm_up_ns)
{
    if (sent->due_ns >= sent->first_ns + warm_up_ns)
        ese_histogram_record(sent->late_us, (record->time_ns - sent->due_ns) / 1000);
}

static int read_history(const char *path, int64_t warm_up_ns, struct sent *sent, struct ese_error *error)
{
    struct ese_history_reader *reader;
    struct ese_history_record record;
    int got;

    if (ese_history_read_open(path, &reader, error) != 0)
        return -1;
    while ((got = ese_history_read_next(reader, &record, error)) == 1) {
        if (record.kind == ESE_HISTORY_OFFERED)
            take_offered(sent, &record);
        else if (record.kind == ESE_HISTORY_SENT)
            take_sent(sent, &record, warm_up_ns);
        else if (record.kind == ESE_HISTORY_ACKNOWLEDGED)
            sent->acknowledged++;
    }
    ese_history_read_close(&reader);
    return got;
}

/* ---- a round --------------------------------------------------------------------------------------------------- */

static int let_send(const struct ese_contest *contest, struct ese_child *child, struct ese_round *round,
                    struct ese_error *error)
{
    struct ese_gauge gauge;

    if (ese_child_start(child, error) != 0 || ese_child_let_run(child, contest->stint.warm_up_ns, error) != 0)
        return -1;
    ese_gauge_begin(&gauge, child->pid, contest->place->directory);
    if (ese_child_let_run(child, contest->stint.measure_ns, error) != 0)
        return -1;
    ese_gauge_end(&gauge);
    round->load_cores = (double)gauge.server_ns / (double)gauge.time_ns;
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->flushes_per_s = ese_gauge_flushes_per_s(&gauge);
    round->syncs_per_s = round->commits_per_s = ESE_ROUND_UNKNOWN;
    return ese_child_finish(child, GRACE_MS, error);
}

/* From its start on it has to read its options, so that it sends a little longer than it is measured. */
static int send_all(const struct ese_contest *contest, const char *directory, const char *history,
                    struct ese_round *round, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], events[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE], rate[24], inflight[24];
    int64_t span_ns = contest->stint.warm_up_ns + contest->stint.measure_ns;

    if (program(contest->place, binary, error) != 0 || ese_place_path(directory, "events", events, error) != 0 ||
        ese_place_path(contest->place->directory, "client.log", log, error) != 0 ||
        write_events(events, contest->side.shape.rate * span_ns / ESE_NS_PER_S, error) != 0)
        return -1;
    snprintf(rate, sizeof rate, "%d", contest->side.shape.rate);
    snprintf(inflight, sizeof inflight, "%d", contest->side.shape.connections);
    struct ese_child child = {
        .words = {binary, "--transport", "kafka:via=direct", "--bootstrap-servers", contest->bootstrap,
                  "--topic-prefix", ese_place_topic_prefix(contest->stint.durability), "--source", events, "--rate",
                  rate, "--inflight", inflight, "--history", history, "--quiet", "--log-level", "warning"},
        .log = log};
    unlink(log);
    int status = let_send(contest, &child, round, error);
    ese_child_stop(&child, SIGTERM, GRACE_MS);
    return status;
}

static void fill(const struct ese_contest *contest, const struct sent *sent, struct ese_round *round)
{
    const struct ese_stint *stint = &contest->stint;
    double due = (double)ese_dues_measured(sent->dues);
    double came = due - (double)ese_dues_missing(sent->dues);

    ese_bench_reader_tell(sent->dues, round);
    round->rate = came * 1e9 / (double)stint->measure_ns;
    round->late_us = (double)ese_histogram_percentile(sent->late_us, 99);
    round->all_there = sent->acknowledged == sent->offered;
    if (round->rate < KEPT_UP * contest->side.shape.rate)
        ese_round_refuse(round, "%d events a second were to be sent and %.0f were", contest->side.shape.rate,
                         round->rate);
}

static int run_in(const struct ese_contest *contest, const char *directory, struct ese_bench_reading **reading,
                  struct sent *sent, struct ese_round *round, struct ese_error *error)
{
    const struct ese_bench_reader *reader = &ese_bench_reader_kafka;
    const struct ese_stint *stint = &contest->stint;
    char history[ESE_PLACE_PATH_SIZE];

    if (ese_place_path(directory, "history", history, error) != 0 ||
        reader->start(contest->place, stint, contest->bootstrap, reading, error) != 0 ||
        send_all(contest, directory, history, round, error) != 0 ||
        read_history(history, stint->warm_up_ns, sent, error) != 0)
        return -1;
    int64_t from_ns = sent->first_ns + stint->warm_up_ns;
    ese_dues_measure(sent->dues, from_ns, from_ns + stint->measure_ns);
    if (reader->follow(*reading, sent->dues, error) != 0)
        return -1;
    fill(contest, sent, round);
    return 0;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct sent sent = {.dues = ese_dues_new(), .late_us = ese_histogram_new()};
    struct ese_bench_reading *reading = NULL;
    char directory[ESE_PLACE_PATH_SIZE];

    *round = (struct ese_round){.rate = 0};
    int status = ese_place_fresh(contest->place, "client", directory, error);
    if (status == 0) {
        status = run_in(contest, directory, &reading, &sent, round, error);
        ese_bench_reader_kafka.stop(&reading);
        ese_place_remove(directory);
    }
    ese_dues_free(&sent.dues);
    ese_histogram_free(&sent.late_us);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, ese_load_under_way(&contest->side.shape));
    return status;
}

const struct ese_contender ese_contender_direct_read = {
    .name = "ese-client, kafka, ese-consumer",
    .open = ese_outside_open,
    .run = run,
    .close = ese_outside_close,
    .program = program,
};
