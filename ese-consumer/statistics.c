#include "ese-consumer/statistics.h"

#include <inttypes.h>
#include <jansson.h>

#include "ese-core/histogram.h"
#include "ese-core/memory.h"

#define LAG_LIMIT_MS (INT64_C(10) * 366 * 86400 * 1000) /* whatever is longer counts as this */

struct lag {
    struct ese_histogram *histogram; /* us */
    struct ese_metric *metric;
    int64_t negative;
};

struct ese_statistics {
    const char *transport;
    const char *rule;
    struct ese_metric *figures[ESE_FIGURES];
    struct ese_metric *mails_asked, *mails_refused, *mails_open;
    struct ese_metric *partitions, *keys;
    struct ese_metric *used_bytes, *max_bytes, *waiting, *syncs;
    struct ese_sender_figures mail;
    struct lag producer;
    struct lag consumer;
};

static const struct {
    const char *name; /* in JSON; in a metric's name with _total behind it */
    const char *words;
} figure_names[ESE_FIGURES] = {
    [ESE_FIGURE_HANDED] = {"handed", "events handed to this consumer, repeats included"},
    [ESE_FIGURE_REPEATS] = {"repeats", "events recognised as had before"},
    [ESE_FIGURE_PROCESSED] = {"processed", "events processed and committed"},
    [ESE_FIGURE_BEYOND_WINDOW] = {"beyond_window", "events too old to tell whether they were had"},
    [ESE_FIGURE_LATE] = {"late", "events older than the event time their partition had reached"},
    [ESE_FIGURE_UNREADABLE] = {"unreadable", "records passed over because they are no events"},
    [ESE_FIGURE_SKIPPED] = {"skipped", "times a position was older than what is still kept"},
    [ESE_FIGURE_FENCED] = {"fenced", "batches dropped because somebody newer owns the partition"},
    [ESE_FIGURE_BATCHES] = {"batches", "batches committed"},
    [ESE_FIGURE_DECISIONS] = {"decisions", "decisions made"},
    [ESE_FIGURE_EVICTED] = {"evicted", "lanes forgotten early because there were too many"},
    [ESE_FIGURE_NAMES_EVICTED] = {"names_evicted", "named events forgotten early because there "
                                                   "were too many"},
    [ESE_FIGURE_DEAD_LETTERS] = {"dead_letters", "events and other records passed over as dead "
                                                 "letters"},
    [ESE_FIGURE_NO_ROOM] = {"no_room", "batches that had to wait for room in the state file"},
};

static void add_state(struct ese_statistics *statistics, struct ese_metrics *metrics)
{
    statistics->used_bytes = ese_metrics_gauge(metrics, "ese_consumer_state_used_bytes", NULL,
                                               "bytes of the state file that hold something");
    statistics->max_bytes = ese_metrics_gauge(metrics, "ese_consumer_state_max_bytes", NULL,
                                              "bytes the state file may have");
    statistics->waiting = ese_metrics_gauge(metrics, "ese_consumer_waiting_for_room", NULL,
                                            "1 while nothing is committed for want of room");
    statistics->syncs = ese_metrics_counter(metrics, "ese_sqlite_syncs_total", NULL,
                                            "successful syncs of the state file, its log and their directory");
}

struct ese_statistics *ese_statistics_new(struct ese_metrics *metrics, const char *transport,
                                          const char *rule)
{
    struct ese_statistics *statistics = ese_alloc(sizeof *statistics);
    statistics->transport = transport;
    statistics->rule = rule;
    for (int i = 0; i < ESE_FIGURES; i++) {
        char name[80];
        snprintf(name, sizeof name, "ese_consumer_%s_total", figure_names[i].name);
        statistics->figures[i] = ese_metrics_counter(metrics, name, NULL, figure_names[i].words);
    }
    statistics->mails_asked = ese_metrics_gauge(metrics, "ese_consumer_mails_asked", NULL,
                                                "mails the mailer has taken");
    statistics->mails_refused = ese_metrics_gauge(metrics, "ese_consumer_mails_refused", NULL,
                                                  "mails the mailer has refused for good");
    statistics->mails_open = ese_metrics_gauge(metrics, "ese_consumer_mails_open", NULL,
                                               "mails in hand that wait for the mailer's answer");
    statistics->partitions = ese_metrics_gauge(metrics, "ese_consumer_partitions", NULL,
                                               "partitions held");
    statistics->keys = ese_metrics_gauge(metrics, "ese_consumer_rule_keys", NULL,
                                         "keys the rule keeps something of");
    add_state(statistics, metrics);
    statistics->producer.histogram = ese_histogram_new();
    statistics->producer.metric = ese_metrics_seconds(metrics, "ese_consumer_producer_lag_seconds",
                                                      NULL, "server_ts - client_ts");
    statistics->consumer.histogram = ese_histogram_new();
    statistics->consumer.metric = ese_metrics_seconds(metrics, "ese_consumer_consumer_lag_seconds",
                                                      NULL, "time of handing - server_ts");
    return statistics;
}

void ese_statistics_free(struct ese_statistics **statistics)
{
    if (*statistics == NULL)
        return;
    ese_histogram_free(&(*statistics)->producer.histogram);
    ese_histogram_free(&(*statistics)->consumer.histogram);
    free(*statistics);
    *statistics = NULL;
}

void ese_statistics_count(struct ese_statistics *statistics, enum ese_figure figure, int64_t amount)
{
    ese_metric_add(statistics->figures[figure], amount);
}

int64_t ese_statistics_value(const struct ese_statistics *statistics, enum ese_figure figure)
{
    return ese_metric_value(statistics->figures[figure]);
}

static void note_lag(struct lag *lag, int64_t from_ms, int64_t to_ms)
{
    int64_t lag_ms = 0; /* timestamps may be any number a sender liked */
    if (__builtin_sub_overflow(to_ms, from_ms, &lag_ms) || lag_ms > LAG_LIMIT_MS)
        lag_ms = to_ms > from_ms ? LAG_LIMIT_MS : -1;
    lag->negative += lag_ms < 0;
    int64_t lag_us = lag_ms < 0 ? 0 : lag_ms * 1000;
    ese_histogram_record(lag->histogram, lag_us);
    ese_metric_observe_us(lag->metric, lag_us);
}

void ese_statistics_note_lags(struct ese_statistics *statistics, const struct ese_event *event,
                              int64_t now_ms)
{
    if (event->server_ts == 0)
        return; /* no server has had it */
    note_lag(&statistics->producer, event->client_ts, event->server_ts);
    note_lag(&statistics->consumer, event->server_ts, now_ms);
}

void ese_statistics_note_mail(struct ese_statistics *statistics,
                              const struct ese_sender_figures *mail)
{
    statistics->mail = *mail;
    ese_metric_set(statistics->mails_asked, mail->asked);
    ese_metric_set(statistics->mails_refused, mail->refused);
    ese_metric_set(statistics->mails_open, mail->open);
}

void ese_statistics_note_held(struct ese_statistics *statistics, int partitions, int64_t keys)
{
    ese_metric_set(statistics->partitions, partitions);
    ese_metric_set(statistics->keys, keys);
}

void ese_statistics_note_state(struct ese_statistics *statistics, int64_t used_bytes,
                               int64_t max_bytes)
{
    ese_metric_set(statistics->used_bytes, used_bytes);
    ese_metric_set(statistics->max_bytes, max_bytes);
}

void ese_statistics_note_syncs(struct ese_statistics *statistics, int64_t syncs)
{
    ese_metric_add(statistics->syncs, syncs - ese_metric_value(statistics->syncs));
}

void ese_statistics_note_waiting(struct ese_statistics *statistics, bool waiting)
{
    ese_metric_set(statistics->waiting, waiting);
}

/* ---- as text -------------------------------------------------------------------------------- */

static double ms(int64_t us)
{
    return (double)us / 1000.0;
}

static double mean_ms(const struct lag *lag)
{
    return ese_histogram_count(lag->histogram) ==
        0 ? 0.0 : ese_histogram_mean(lag->histogram) / 1000.0;
}

void ese_statistics_write_line(const struct ese_statistics *statistics, struct ese_buffer *buffer)
{
    ese_buffer_printf(buffer,
                      "%" PRId64 " handed, %" PRId64 " repeats, %" PRId64 " processed, %" PRId64
                      " decisions, %" PRId64
                      " mails taken; lag of producers %.1f ms, ours %.1f ms (mean)",
                      ese_statistics_value(statistics, ESE_FIGURE_HANDED),
                      ese_statistics_value(statistics, ESE_FIGURE_REPEATS),
                      ese_statistics_value(statistics, ESE_FIGURE_PROCESSED),
                      ese_statistics_value(statistics, ESE_FIGURE_DECISIONS),
                      statistics->mail.asked, mean_ms(&statistics->producer),
                      mean_ms(&statistics->consumer));
}

static void write_lag_row(struct ese_buffer *buffer, const char *name, const struct lag *lag)
{
    ese_buffer_printf(buffer, "%-22s %12" PRIu64 " %12.1f %12.1f %12.1f %12.1f\n", name,
                      ese_histogram_count(lag->histogram), ms(ese_histogram_min(lag->histogram)),
                      mean_ms(lag), ms(ese_histogram_percentile(lag->histogram, 99)),
                      ms(ese_histogram_max(lag->histogram)));
}

void ese_statistics_write_table(const struct ese_statistics *statistics, struct ese_buffer *buffer)
{
    for (int i = 0; i < ESE_FIGURES; i++)
        ese_buffer_printf(buffer, "%-22s %12" PRId64 "\n", figure_names[i].name,
                          ese_statistics_value(statistics, (enum ese_figure)i));
    ese_buffer_printf(buffer, "%-22s %12" PRId64 "\n%-22s %12" PRId64 "\n", "mails taken",
                      statistics->mail.asked, "mails refused", statistics->mail.refused);
    ese_buffer_printf(buffer, "\n%-22s %12s %12s %12s %12s %12s\n", "lag in ms", "events", "min",
                      "mean", "p99", "max");
    write_lag_row(buffer, "producer lag", &statistics->producer);
    write_lag_row(buffer, "consumer lag", &statistics->consumer);
}

static json_t *lag_json(const struct lag *lag)
{
    const struct ese_histogram *all = lag->histogram;
    return json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "count",
                     (json_int_t)ese_histogram_count(all), "negative", (json_int_t)lag->negative,
                     "min", ms(ese_histogram_min(all)), "max", ms(ese_histogram_max(all)), "mean",
                     mean_ms(lag), "p50", ms(ese_histogram_percentile(all, 50)), "p99",
                     ms(ese_histogram_percentile(all, 99)));
}

void ese_statistics_write_json(const struct ese_statistics *statistics, const char *member,
                               struct ese_buffer *buffer)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "transport", statistics->transport, "rule",
                               statistics->rule, "member", member);
    for (int i = 0; i < ESE_FIGURES; i++)
        json_object_set_new(object, figure_names[i].name,
                            json_integer(ese_statistics_value(statistics, (enum ese_figure)i)));
    const struct ese_sender_figures *mail = &statistics->mail;
    json_object_set_new(object, "mails",
                        json_pack("{s:I, s:I, s:I, s:I}", "asked", (json_int_t)mail->asked,
                                  "refused", (json_int_t)mail->refused, "attempts",
                                  (json_int_t)mail->attempts, "open", (json_int_t)mail->open));
    json_object_set_new(object, "producer_lag_ms", lag_json(&statistics->producer));
    json_object_set_new(object, "consumer_lag_ms", lag_json(&statistics->consumer));
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    ese_buffer_text(buffer, text);
    ese_buffer_text(buffer, "\n");
    free(text);
    json_decref(object);
}
