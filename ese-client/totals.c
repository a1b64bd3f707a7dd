#include "ese-client/totals.h"

#include <inttypes.h>
#include <jansson.h>

#include "ese-core/clock.h"

double ese_totals_seconds(const struct ese_totals *totals, int64_t now_ns)
{
    int64_t took_ns = now_ns - totals->started_ns;
    return took_ns > 0 ? (double)took_ns / (double)ESE_NS_PER_S : 0;
}

static double rate(const struct ese_totals *totals)
{
    double took = ese_totals_seconds(totals, totals->ended_ns);
    return took > 0 ? (double)totals->acknowledged / took : 0;
}

void ese_totals_write_text(FILE *stream, const struct ese_totals *totals)
{
    const struct ese_histogram *latency = totals->latency_us;
    fprintf(stream,
            "%" PRId64 " offered: %" PRId64 " acknowledged, "
            "%" PRId64 " refused (certainly not stored), "
            "%" PRId64 " unknown (perhaps stored), %" PRId64 " not sent\n",
            totals->offered, totals->acknowledged, totals->refused, totals->unknown,
            totals->not_sent);
    fprintf(stream,
            "%.1f s, %.1f acknowledged a second; from due to acknowledged: half within %.1f ms, "
            "99 %% within %.1f ms, all within %.1f ms\n",
            ese_totals_seconds(totals, totals->ended_ns), rate(totals),
            (double)ese_histogram_percentile(latency, 50) / 1000,
            (double)ese_histogram_percentile(latency, 99) / 1000,
            (double)ese_histogram_max(latency) / 1000);
    if (totals->late > 0)
        fprintf(stream,
                "%" PRId64
                " were offered more than 5 ms late: this client could not keep its schedule\n",
                totals->late);
    if (totals->sent_again > 0)
        fprintf(stream, "%" PRId64 " were sent a second time, once they were acknowledged\n", totals->sent_again);
    if (totals->skipped > 0)
        fprintf(stream, "%" PRId64 " were due before this client was there, and were left out\n",
                totals->skipped);
}

void ese_totals_write_json(FILE *stream, const struct ese_totals *totals)
{
    const struct ese_histogram *latency = totals->latency_us;
    json_t *report = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:{s:I,s:I,s:I,s:I},s:f}",
        "offered", (json_int_t)totals->offered, "acknowledged", (json_int_t)totals->acknowledged,
        "refused", (json_int_t)totals->refused, "unknown", (json_int_t)totals->unknown,
        "not_sent", (json_int_t)totals->not_sent, "late", (json_int_t)totals->late,
        "sent_again", (json_int_t)totals->sent_again, "skipped", (json_int_t)totals->skipped,
        "latency_us", "p50", (json_int_t)ese_histogram_percentile(latency, 50),
        "p99", (json_int_t)ese_histogram_percentile(latency, 99),
        "p999", (json_int_t)ese_histogram_percentile(latency, 99.9),
        "max", (json_int_t)ese_histogram_max(latency),
        "seconds", ese_totals_seconds(totals, totals->ended_ns));
    json_dumpf(report, stream, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', stream);
    json_decref(report);
}
