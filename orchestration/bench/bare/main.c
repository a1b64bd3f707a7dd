/*
 * ese-bare: a producer of librdkafka's and nothing else, to measure ours against. It sends the bench's events with the
 * settings our own producer has: as fast as so many may be in flight, at a rate and read back by a group's only member,
 * or as many as somebody else is to read.
 */
#include <jansson.h>
#include <sys/prctl.h>
#include <time.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/bare/reader.h"
#include "orchestration/bench/bare/sender.h"

#define LOOK_EVERY 64 /* events, before anybody looks for reports */
#define STEP_MS 1     /* from one event of a backlog to the next */

static const struct ese_option options[] = {
    {.name = "bootstrap-servers", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT",
     .help = "The brokers."},
    {.name = "topic", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "Where the events go."},
    {.name = "inflight", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "65536", .min = 1, .max = 1000000,
     .help = "Events without a delivery report at most."},
    {.name = "linger-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "5", .min = 0, .max = 1000,
     .help = "How long a batch may wait to be filled."},
    {.name = "warm-up-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "1000", .min = 0, .max = 600000,
     .help = "Time before anything is counted."},
    {.name = "measure-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "4000", .min = 1, .max = 600000,
     .help = "Time that is counted."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .min = 1, .max = 1000000,
     .help = "Events a second, at even distances, and read back: what is told then is how long after it was due an "
             "event had come to the reader."},
    {.name = "group", .kind = ESE_OPTION_TEXT, .value = "NAME", .fallback = "ese-bare",
     .help = "The group by which they are read back."},
    {.name = "count", .kind = ESE_OPTION_NUMBER, .value = "N", .min = 1, .max = INT64_C(100000000),
     .help = "So many events and no more, a millisecond of client_ts apart, the last being of now: a backlog."},
    ESE_OPTION_END,
};

static int64_t process_cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * ESE_NS_PER_S + used.tv_nsec;
}

/* latency_us: of acknowledgements or of arrivals. */
struct report {
    int64_t acknowledged, failed, missing;
    int64_t time_ns, cpu_ns;
    const struct ese_histogram *latency_us, *late_us; /* late_us may be NULL */
};

static void print(const struct report *report)
{
    int64_t late_us = report->late_us == NULL ? 0 : ese_histogram_percentile(report->late_us, 99);
    json_t *object = json_pack(
        "{s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:I}", "acknowledged", (json_int_t)report->acknowledged, "failed",
        (json_int_t)report->failed, "missing", (json_int_t)report->missing, "seconds", (double)report->time_ns / 1e9,
        "cpu_us", (json_int_t)(report->cpu_ns / 1000), "p50_us",
        (json_int_t)ese_histogram_percentile(report->latency_us, 50), "p99_us",
        (json_int_t)ese_histogram_percentile(report->latency_us, 99), "late_us", (json_int_t)late_us);

    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(object);
}

/* ---- as fast as so many may be in flight ----------------------------------------------------------------------- */

/* Until then, or until so many were sent (0: no bound). */
static int send_until(struct ese_bare_sender *sender, int64_t until_ns, int64_t count, struct ese_error *error)
{
    for (int64_t i = 0; ese_clock_monotonic_ns() < until_ns && !ese_service_stopping(); i++) {
        if (ese_bare_sender_is_full(sender) || i % LOOK_EVERY == 0)
            ese_bare_sender_poll(sender, ese_bare_sender_is_full(sender) ? 10 : 0);
        if (ese_bare_sender_is_full(sender))
            continue;
        if (count > 0 && ese_bare_sender_sent(sender) == count)
            return 0;
        if (ese_bare_sender_send(sender, error) != 0)
            return -1;
    }
    return 0;
}

static int measure(const struct ese_config *config, struct ese_bare_sender *sender, struct ese_error *error)
{
    int64_t warm_up_ns = ese_config_number(config, "warm-up-ms") * ESE_NS_PER_MS;
    int64_t measure_ns = ese_config_number(config, "measure-ms") * ESE_NS_PER_MS;

    if (send_until(sender, ese_clock_monotonic_ns() + warm_up_ns, 0, error) != 0)
        return -1;
    int64_t begin_ns = ese_clock_monotonic_ns(), cpu_ns = process_cpu_ns();
    ese_bare_sender_count(sender, true);
    if (send_until(sender, begin_ns + measure_ns, 0, error) != 0)
        return -1;
    ese_bare_sender_count(sender, false);
    struct report report = {.time_ns = ese_clock_monotonic_ns() - begin_ns, .cpu_ns = process_cpu_ns() - cpu_ns};
    if (ese_bare_sender_flush(sender, error) != 0)
        return -1;
    report.acknowledged = ese_bare_sender_acknowledged(sender);
    report.failed = ese_bare_sender_failed(sender);
    report.latency_us = ese_bare_sender_latency_us(sender);
    print(&report);
    return 0;
}

/* ---- as many as somebody else is to read ----------------------------------------------------------------------- */

static int fill(const struct ese_config *config, struct ese_bare_sender *sender, struct ese_error *error)
{
    int64_t begin_ns = ese_clock_monotonic_ns(), count = ese_config_number(config, "count");

    ese_bare_sender_spread(sender, count, STEP_MS);
    ese_bare_sender_count(sender, true);
    if (send_until(sender, INT64_MAX, count, error) != 0 || ese_bare_sender_flush(sender, error) != 0)
        return -1;
    const struct report report = {.acknowledged = ese_bare_sender_acknowledged(sender),
                                  .failed = ese_bare_sender_failed(sender),
                                  .missing = count - ese_bare_sender_acknowledged(sender),
                                  .time_ns = ese_clock_monotonic_ns() - begin_ns,
                                  .cpu_ns = process_cpu_ns(),
                                  .latency_us = ese_bare_sender_latency_us(sender)};
    print(&report);
    return 0;
}

/* ---- at a rate, and read back ---------------------------------------------------------------------------------- */

static void wait_until(struct ese_bare_sender *sender, int64_t due_ns)
{
    for (int64_t now_ns; (now_ns = ese_clock_monotonic_ns()) < due_ns && !ese_service_stopping();) {
        if (due_ns - now_ns >= ESE_NS_PER_MS)
            ese_bare_sender_poll(sender, 1);
        else
            ese_clock_sleep_until(due_ns);
    }
}

static int send_at_rate(struct ese_bare_sender *sender, int64_t begin_ns, int64_t interval_ns, int64_t first,
                        int64_t count, struct ese_histogram *late_us, struct ese_error *error)
{
    while (ese_bare_sender_sent(sender) < count && !ese_service_stopping()) {
        int64_t number = ese_bare_sender_sent(sender), due_ns = begin_ns + number * interval_ns;
        wait_until(sender, due_ns);
        ese_bare_sender_poll(sender, 0);
        if (number >= first)
            ese_histogram_record(late_us, (ese_clock_monotonic_ns() - due_ns) / 1000);
        if (ese_bare_sender_send(sender, error) != 0)
            return -1;
    }
    return ese_bare_sender_flush(sender, error);
}

/* acknowledged: what has come to the reader, of those that are measured. */
static int read_back(const struct ese_config *config, struct ese_bare_sender *sender, struct ese_bare_reader *reader,
                     struct ese_histogram *late_us, struct ese_error *error)
{
    int64_t interval_ns = ESE_NS_PER_S / ese_config_number(config, "rate");
    int64_t first = ese_config_number(config, "warm-up-ms") * ESE_NS_PER_MS / interval_ns;
    int64_t count = first + ese_config_number(config, "measure-ms") * ESE_NS_PER_MS / interval_ns;
    int64_t begin_ns = ese_clock_monotonic_ns() + ESE_NS_PER_MS, cpu_ns = process_cpu_ns();

    ese_bare_reader_expect(reader, begin_ns, interval_ns, first);
    if (send_at_rate(sender, begin_ns, interval_ns, first, count, late_us, error) != 0)
        return -1;
    struct report report = {.time_ns = (count - first) * interval_ns,
                            .cpu_ns = (process_cpu_ns() - cpu_ns) * (count - first) / count,
                            .failed = ese_bare_sender_failed(sender),
                            .late_us = late_us};
    report.acknowledged = ese_bare_reader_wait(reader, count - first);
    report.missing = count - first - report.acknowledged;
    report.latency_us = ese_bare_reader_latency_us(reader);
    print(&report);
    return 0;
}

static int send_and_read(const struct ese_config *config, struct ese_bare_sender *sender, struct ese_error *error)
{
    struct ese_bare_reader *reader = NULL;
    struct ese_histogram *late_us = ese_histogram_new();

    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* else every wait is 50 us longer */
    int status = ese_bare_reader_open(config, &reader, error);
    if (status == 0)
        status = read_back(config, sender, reader, late_us, error);
    ese_bare_reader_close(&reader);
    ese_histogram_free(&late_us);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------------- */

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct ese_bare_sender *sender = NULL;

    if (ese_config_text(config, "bootstrap-servers") == NULL || ese_config_text(config, "topic") == NULL)
        return ese_fail(error, ESE_E_USAGE, "give --bootstrap-servers and --topic");
    int status = ese_bare_sender_open(config, &sender, error);
    if (status == 0)
        status = ese_config_has(config, "count")  ? fill(config, sender, error)
                 : ese_config_has(config, "rate") ? send_and_read(config, sender, error)
                                                  : measure(config, sender, error);
    ese_bare_sender_close(&sender);
    return status;
}

static const struct ese_service service = {
    .manual =
        {
            .name = "ese-bare",
            .summary = "a producer of librdkafka's and nothing else, to measure ours against",
            .synopsis = "",
            .description = "Sends events of 205 bytes to a topic, acks=all and idempotent: as fast as so many may be "
                           "in flight, or at a rate. Prints as one JSON object how many were acknowledged, or read "
                           "back, in the time that is counted.",
            .examples = NULL,
        },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
