#include "orchestration/lab/latency_logs.h"

#include <stdio.h>

#include "ese-core/clock.h"
#include "ese-core/histogram_log.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"

#define LOG_SIZE (64 << 20) /* of a file; an interval's line takes some tens of KB at most */
#define US_OF_MS 1000

struct ese_latency_logs {
    int64_t from_ns, interval_ns, wall_offset_ns;
    struct ese_histogram *histograms[ESE_LATENCY_LOGS][ESE_LATENCY_INTERVALS]; /* NULL: nothing was due then */
};

struct ese_latency_logs *ese_latency_logs_new(int64_t from_ns)
{
    struct ese_latency_logs *logs = ese_alloc(sizeof *logs);
    logs->from_ns = from_ns;
    logs->interval_ns = ESE_NS_PER_S;
    return logs;
}

void ese_latency_logs_free(struct ese_latency_logs **logs)
{
    for (int i = 0; *logs != NULL && i < ESE_LATENCY_LOGS * ESE_LATENCY_INTERVALS; i++)
        ese_histogram_free(&(*logs)->histograms[i / ESE_LATENCY_INTERVALS][i % ESE_LATENCY_INTERVALS]);
    free(*logs);
    *logs = NULL;
}

void ese_latency_logs_set_wall(struct ese_latency_logs *logs, int64_t wall_offset_ns)
{
    logs->wall_offset_ns = wall_offset_ns;
}

/* Two intervals become one. */
static struct ese_histogram *join(struct ese_histogram *one, struct ese_histogram *other)
{
    if (one == NULL || other == NULL)
        return one == NULL ? other : one;
    ese_histogram_merge(one, other);
    ese_histogram_free(&other);
    return one;
}

static void widen(struct ese_latency_logs *logs)
{
    for (int log = 0; log < ESE_LATENCY_LOGS; log++) {
        struct ese_histogram **of = logs->histograms[log];
        for (int i = 0; i < ESE_LATENCY_INTERVALS; i++)
            of[i] = i < ESE_LATENCY_INTERVALS / 2 ? join(of[2 * i], of[2 * i + 1]) : NULL;
    }
    logs->interval_ns *= 2;
}

void ese_latency_logs_record(struct ese_latency_logs *logs, enum ese_latency_log log, int64_t due_ns,
                             int64_t latency_us)
{
    int64_t after_ns = due_ns - logs->from_ns;
    while (after_ns / logs->interval_ns >= ESE_LATENCY_INTERVALS)
        widen(logs);
    struct ese_histogram **histogram = &logs->histograms[log][after_ns / logs->interval_ns];
    if (*histogram == NULL)
        *histogram = ese_histogram_new();
    ese_histogram_record(*histogram, latency_us);
}

static double wall_s(const struct ese_latency_logs *logs, int64_t after_ns)
{
    return (double)(logs->from_ns + after_ns + logs->wall_offset_ns) / (double)ESE_NS_PER_S;
}

static int write_log(const struct ese_latency_logs *logs, enum ese_latency_log log, const char *path,
                     const char *comment, struct ese_error *error)
{
    struct ese_buffer text = ESE_BUFFER_INIT(LOG_SIZE);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return ese_fail_errno(error, "cannot write %.300s", path);
    ese_histogram_log_begin(comment, wall_s(logs, 0), &text);
    for (int i = 0; i < ESE_LATENCY_INTERVALS; i++) {
        if (logs->histograms[log][i] != NULL)
            ese_histogram_log_add(logs->histograms[log][i], NULL, wall_s(logs, i * logs->interval_ns),
                                  (double)logs->interval_ns / (double)ESE_NS_PER_S, US_OF_MS, &text);
    }
    bool is_written = fwrite(text.text, 1, text.length, file) == text.length && fflush(file) == 0;
    int status = is_written ? 0 : ese_fail_errno(error, "cannot write %.300s", path);
    if (fclose(file) != 0 && status == 0)
        status = ese_fail_errno(error, "cannot write %.300s", path);
    ese_buffer_free(&text);
    return status;
}

int ese_latency_logs_write(const struct ese_latency_logs *logs, const char *directory, const char *what,
                           struct ese_error *error)
{
    static const struct {
        const char *name, *comment;
    } files[ESE_LATENCY_LOGS] = {
        [ESE_LATENCY_ACK] = {ESE_ARTIFACT_ACK_LOG, "from when events were due to their acknowledgement"},
        [ESE_LATENCY_END_TO_END] = {ESE_ARTIFACT_END_TO_END_LOG, "from when events were due until they were processed"},
        [ESE_LATENCY_MAIL] = {ESE_ARTIFACT_MAIL_LOG, "from when the last event of a mail was due until it was taken"}};
    for (int log = 0; log < ESE_LATENCY_LOGS; log++) {
        char path[ESE_ARTIFACT_PATH_SIZE], comment[256];
        snprintf(comment, sizeof comment, "%.120s, %s, in microseconds", what, files[log].comment);
        if (ese_artifact_path(directory, files[log].name, path, error) == -1 ||
            write_log(logs, (enum ese_latency_log)log, path, comment, error) == -1)
            return -1;
    }
    return 0;
}
