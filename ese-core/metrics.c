#include "ese-core/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/memory.h"
#include "ese-core/process_figures.h"

#define MOST_METRICS 1024

enum kind { COUNTER, GAUGE, SECONDS };

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

/* Upper bounds of the buckets: what Prometheus shows as `le`, and the same in microseconds. */
static const struct {
    const char *text;
    int64_t microseconds;
} bounds[] = {
    {"0.0001", 100},   {"0.00025", 250},  {"0.0005", 500},   {"0.001", 1000},    {"0.0025", 2500},
    {"0.005", 5000},   {"0.01", 10000},   {"0.025", 25000},  {"0.05", 50000},    {"0.1", 100000},
    {"0.25", 250000},  {"0.5", 500000},   {"1", 1000000},    {"2.5", 2500000},   {"5", 5000000},
    {"10", 10000000},
};

struct buckets {
    pthread_mutex_t lock;
    uint64_t within[ESE_COUNT_OF(bounds)]; /* above the bound before, at most this one */
    uint64_t count;
    int64_t sum_us;
};

struct ese_metric {
    enum kind kind;
    char *name;
    char *labels; /* "" when there are none */
    char *help;
    _Atomic int64_t value;
    struct buckets *buckets; /* SECONDS only */
};

/* Metrics of one name stand side by side: rendering writes a family's head where the name
 * changes. */
struct ese_metrics {
    pthread_mutex_t lock;
    struct ese_metric *metrics[MOST_METRICS];
    size_t count;
};

struct ese_metrics *ese_metrics_new(void)
{
    struct ese_metrics *metrics = ese_alloc(sizeof *metrics);
    pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

static void free_metric(struct ese_metric *metric)
{
    if (metric->buckets != NULL)
        pthread_mutex_destroy(&metric->buckets->lock);
    free(metric->buckets);
    free(metric->name);
    free(metric->labels);
    free(metric->help);
    free(metric);
}

void ese_metrics_free(struct ese_metrics **metrics)
{
    if (*metrics == NULL)
        return;
    for (size_t i = 0; i < (*metrics)->count; i++)
        free_metric((*metrics)->metrics[i]);
    pthread_mutex_destroy(&(*metrics)->lock);
    free(*metrics);
    *metrics = NULL;
}

static struct ese_metric *new_metric(enum kind kind, const char *name, const char *labels,
                                     const char *help)
{
    struct ese_metric *metric = ese_alloc(sizeof *metric);
    metric->kind = kind;
    metric->name = ese_copy_text(name);
    metric->labels = ese_copy_text(labels);
    metric->help = ese_copy_text(help);
    if (kind == SECONDS) {
        metric->buckets = ese_alloc(sizeof *metric->buckets);
        pthread_mutex_init(&metric->buckets->lock, NULL);
    }
    return metric;
}

/* The metric of that name and those labels; where there is none yet, *place is where it belongs. */
static struct ese_metric *find(struct ese_metrics *metrics, const char *name, const char *labels,
                               size_t *place)
{
    *place = metrics->count;
    for (size_t i = 0; i < metrics->count; i++) {
        if (strcmp(metrics->metrics[i]->name, name) != 0)
            continue;
        if (strcmp(metrics->metrics[i]->labels, labels) == 0)
            return metrics->metrics[i];
        *place = i + 1;
    }
    return NULL;
}

static struct ese_metric *find_or_add(struct ese_metrics *metrics, enum kind kind, const char *name,
                                      const char *labels, const char *help)
{
    size_t place;
    if (labels == NULL)
        labels = "";
    pthread_mutex_lock(&metrics->lock);
    struct ese_metric *metric = find(metrics, name, labels, &place);
    if (metric == NULL) {
        assert(metrics->count < MOST_METRICS);
        metric = new_metric(kind, name, labels, help);
        memmove(&metrics->metrics[place + 1], &metrics->metrics[place],
                (metrics->count - place) * sizeof metrics->metrics[0]);
        metrics->metrics[place] = metric;
        metrics->count++;
    }
    pthread_mutex_unlock(&metrics->lock);
    assert(metric->kind == kind);
    return metric;
}

struct ese_metric *ese_metrics_counter(struct ese_metrics *metrics, const char *name,
                                       const char *labels, const char *help)
{
    return find_or_add(metrics, COUNTER, name, labels, help);
}

struct ese_metric *ese_metrics_gauge(struct ese_metrics *metrics, const char *name,
                                     const char *labels, const char *help)
{
    return find_or_add(metrics, GAUGE, name, labels, help);
}

struct ese_metric *ese_metrics_seconds(struct ese_metrics *metrics, const char *name,
                                       const char *labels, const char *help)
{
    return find_or_add(metrics, SECONDS, name, labels, help);
}

void ese_metrics_forget(struct ese_metrics *metrics, struct ese_metric *metric)
{
    size_t place = 0;
    pthread_mutex_lock(&metrics->lock);
    while (place < metrics->count && metrics->metrics[place] != metric)
        place++;
    if (place < metrics->count) {
        metrics->count--;
        memmove(&metrics->metrics[place], &metrics->metrics[place + 1],
                (metrics->count - place) * sizeof metrics->metrics[0]);
        free_metric(metric);
    }
    pthread_mutex_unlock(&metrics->lock);
}

void ese_metric_add(struct ese_metric *metric, int64_t amount)
{
    assert(metric->kind != SECONDS);
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void ese_metric_set(struct ese_metric *metric, int64_t value)
{
    assert(metric->kind == GAUGE);
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

int64_t ese_metric_value(const struct ese_metric *metric)
{
    assert(metric->kind != SECONDS);
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

void ese_metric_observe_us(struct ese_metric *metric, int64_t microseconds)
{
    assert(metric->kind == SECONDS);
    struct buckets *buckets = metric->buckets;
    size_t i = 0;
    while (i < ESE_COUNT_OF(bounds) && microseconds > bounds[i].microseconds)
        i++;
    pthread_mutex_lock(&buckets->lock);
    if (i < ESE_COUNT_OF(bounds))
        buckets->within[i]++;
    buckets->count++;
    buckets->sum_us += microseconds;
    pthread_mutex_unlock(&buckets->lock);
}

/* One line: NAME{LABELS} VALUE, where either part of the labels may be missing. */
static void render_line(struct ese_buffer *buffer, const struct ese_metric *metric,
                        const char *suffix, const char *more_labels, const char *value)
{
    const char *labels = metric->labels;
    bool labelled = labels[0] != '\0' || more_labels[0] != '\0';
    const char *comma = labels[0] != '\0' && more_labels[0] != '\0' ? "," : "";
    ese_buffer_printf(buffer, "%s%s", metric->name, suffix);
    if (labelled)
        ese_buffer_printf(buffer, "{%s%s%s}", labels, comma, more_labels);
    ese_buffer_printf(buffer, " %s\n", value);
}

static void render_bucket(struct ese_buffer *buffer, const struct ese_metric *metric,
                          const char *bound, uint64_t count)
{
    char label[32], value[32];
    snprintf(label, sizeof label, "le=\"%s\"", bound);
    snprintf(value, sizeof value, "%" PRIu64, count);
    render_line(buffer, metric, "_bucket", label, value);
}

static void render_seconds(struct ese_buffer *buffer, const struct ese_metric *metric)
{
    pthread_mutex_lock(&metric->buckets->lock);
    struct buckets now = *metric->buckets;
    pthread_mutex_unlock(&metric->buckets->lock);
    uint64_t so_far = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(bounds); i++) {
        so_far += now.within[i]; /* Prometheus' buckets are cumulative */
        render_bucket(buffer, metric, bounds[i].text, so_far);
    }
    render_bucket(buffer, metric, "+Inf", now.count);
    char value[32];
    snprintf(value, sizeof value, "%.6f", (double)now.sum_us / 1e6);
    render_line(buffer, metric, "_sum", "", value);
    snprintf(value, sizeof value, "%" PRIu64, now.count);
    render_line(buffer, metric, "_count", "", value);
}

static void render_number(struct ese_buffer *buffer, const struct ese_metric *metric)
{
    char value[32];
    snprintf(value, sizeof value, "%" PRId64, ese_metric_value(metric));
    render_line(buffer, metric, "", "", value);
}

void ese_metrics_render(struct ese_metrics *metrics, struct ese_buffer *buffer)
{
    const char *family = "";
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < metrics->count; i++) {
        const struct ese_metric *metric = metrics->metrics[i];
        if (strcmp(metric->name, family) != 0)
            ese_buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                              metric->name, kind_names[metric->kind]);
        family = metric->name;
        if (metric->kind == SECONDS)
            render_seconds(buffer, metric);
        else
            render_number(buffer, metric);
    }
    pthread_mutex_unlock(&metrics->lock);
    ese_process_figures_render(buffer);
}
