#include "transports/kafka/filler.h"

#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define SLICE_MS 50      /* how long it waits for records */
#define LOOK_MS 1000     /* how often it looks for new partitions */
#define SHOW_MS 200      /* how often the figures are shown, and old events dropped */
#define PATIENCE_MS 2000 /* with the cluster, before it looks again */

/* What no view can be kept of. */
enum trouble {
    NO_TROUBLE,
    TOO_MANY,
    TOO_FEW
};

struct ese_filler {
    struct ese_filler_options options;
    struct ese_metric *events, *bytes, *evicted, *unreadable;
    int64_t evicted_shown;
    int64_t looked_ns, showed_ns;
    struct ese_kafka_cursor lost; /* partitions to be begun anew, until that has succeeded */
    atomic_int trouble; /* an enum trouble */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    bool asked;
    atomic_bool stopping;
};

/* ---- partitions ---------------------------------------------------------------------------- */

static bool goes_on(void *context, char *text, size_t size)
{
    struct ese_filler *filler = context;
    snprintf(text, size, "the server is stopping");
    return !atomic_load(&filler->stopping);
}

/* All that are in the view, from the end of what it has of each. */
static int read_on(struct ese_filler *filler, struct ese_error *error)
{
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    struct ese_kafka_cursor places = {.count = ese_view_parts(filler->options.view, parts)};
    for (int i = 0; i < places.count; i++)
        places.places[i] = (struct ese_kafka_place){parts[i].partition, parts[i].next};
    return ese_reader_take_up(filler->options.reader, &places, error);
}

/* The ends are asked for first: they are the goals that make the view complete, and the beginning
 * where nothing is young enough. */
static int begin(struct ese_filler *filler, struct ese_kafka_cursor *places,
                 struct ese_error *error)
{
    struct ese_kafka_cursor ends = *places;
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    int32_t partitions[ESE_VIEW_PARTITIONS];
    const struct ese_view_patience patience = {PATIENCE_MS, goes_on, filler};
    int64_t since_ms = ese_clock_wall_ms() - filler->options.retention_ms;
    for (int i = 0; i < places->count; i++)
        partitions[i] = places->places[i].partition;
    ese_view_prepare(filler->options.view, partitions, places->count);
    if (ese_reader_ask(filler->options.reader, RD_KAFKA_OFFSET_END, &ends, &patience, error) == -1 ||
        ese_reader_ask(filler->options.reader, since_ms, places, &patience, error) == -1)
        return -1;
    for (int i = 0; i < places->count; i++) {
        int64_t end = ends.places[i].next, start = places->places[i].next;
        parts[i] = (struct ese_view_part){places->places[i].partition, start < 0 ? end : start, end};
    }
    ese_view_begin(filler->options.view, parts, places->count);
    return read_on(filler, error);
}

static int known_of(const struct ese_view_part *parts, int count, int topic)
{
    int known = 0;
    for (int i = 0; i < count; i++)
        known += ese_partition_code_topic(parts[i].partition) == topic;
    return known;
}

/* Of one topic: those that are not in the view yet. */
static enum trouble compare_topic(const struct ese_view_part *parts, int count, int topic, int there,
                                  struct ese_kafka_cursor *fresh)
{
    int known = known_of(parts, count, topic);
    for (int i = known; i < there; i++) {
        if (count + fresh->count == ESE_VIEW_PARTITIONS)
            return TOO_MANY;
        fresh->places[fresh->count++].partition = ese_partition_code(topic, i);
    }
    return known > there ? TOO_FEW : NO_TROUBLE;
}

/* Begins those that are not in the view yet. */
static void look_for_partitions(struct ese_filler *filler)
{
    struct ese_view_part parts[ESE_VIEW_PARTITIONS];
    struct ese_kafka_cursor fresh = {.count = 0};
    struct ese_error error;
    enum trouble trouble = NO_TROUBLE;
    int known = ese_view_parts(filler->options.view, parts);
    filler->looked_ns = ese_clock_monotonic_ns();
    for (int topic = 0; topic < ESE_KAFKA_TOPICS && trouble == NO_TROUBLE; topic++) {
        int there = ese_reader_count(filler->options.reader, topic);
        if (there == 0)
            return; /* of both, or of none: half a view must not pass for all of it */
        trouble = compare_topic(parts, known, topic, there, &fresh);
    }
    atomic_store(&filler->trouble, trouble);
    if (trouble == NO_TROUBLE && fresh.count > 0 && begin(filler, &fresh, &error) == -1)
        ese_log_debug("the view is not filled yet: %s", error.text);
}

static int begin_lost(struct ese_filler *filler, struct ese_error *error)
{
    struct ese_kafka_cursor places = filler->lost;
    if (begin(filler, &places, error) == -1)
        return -1;
    filler->lost.count = 0;
    return 0;
}

/* The brokers may not tell its ends just now, as when its leader changes; and librdkafka reads none of it
 * until it is taken up again. So it is tried until it succeeds. */
static void begin_anew(struct ese_filler *filler, int32_t partition)
{
    struct ese_error error;
    char name[64];
    for (int i = 0; i < filler->lost.count; i++) {
        if (filler->lost.places[i].partition == partition)
            return;
    }
    ese_partition_name(partition, name, sizeof name);
    ese_log_info("%s has no record any more where the view was: its view begins anew", name);
    filler->lost.places[filler->lost.count++].partition = partition;
    if (begin_lost(filler, &error) == -1)
        ese_log_warning("%s: %s; it is tried again", name, error.text);
}

static void look(struct ese_filler *filler)
{
    struct ese_error error;
    if (filler->lost.count > 0 && begin_lost(filler, &error) == -1)
        ese_log_debug("the view is not begun anew yet: %s", error.text);
    look_for_partitions(filler);
}

static bool is_time_to_look(const struct ese_filler *filler)
{
    int64_t since_ns = ese_clock_monotonic_ns() - filler->looked_ns;
    return since_ns >= LOOK_MS * ESE_NS_PER_MS ||
           (since_ns >= SLICE_MS * ESE_NS_PER_MS &&
            ese_view_lacks_partitions(filler->options.view));
}

/* ---- records ------------------------------------------------------------------------------- */

static void take_record(struct ese_filler *filler, const struct ese_reader_record *record)
{
    struct ese_view *view = filler->options.view;
    if (record->is_event)
        ese_view_add(view, record->partition, record->offset, record->event);
    else
        ese_metric_add(filler->unreadable, 1);
    ese_view_pass(view, record->partition, record->offset + 1);
    filler->options.progress(filler->options.context);
}

static void take_news(struct ese_filler *filler)
{
    struct ese_reader_record record;
    enum ese_reader_news news = ese_reader_next(filler->options.reader, SLICE_MS, &record);
    if (news == ESE_READER_RECORD)
        take_record(filler, &record);
    else if (news == ESE_READER_END)
        ese_view_pass(filler->options.view, record.partition, record.offset);
    else if (news == ESE_READER_LOST)
        begin_anew(filler, record.partition);
}

static void show(struct ese_filler *filler)
{
    struct ese_view_figures figures;
    int64_t now_ns = ese_clock_monotonic_ns();
    if (now_ns - filler->showed_ns < SHOW_MS * ESE_NS_PER_MS)
        return;
    filler->showed_ns = now_ns;
    ese_view_expire(filler->options.view, ese_clock_wall_ms() - filler->options.retention_ms);
    ese_view_tell(filler->options.view, &figures);
    ese_metric_set(filler->events, figures.events);
    ese_metric_set(filler->bytes, figures.bytes);
    ese_metric_add(filler->evicted, figures.evicted - filler->evicted_shown);
    filler->evicted_shown = figures.evicted;
}

/* ---- the thread ---------------------------------------------------------------------------- */

static void await_question(struct ese_filler *filler)
{
    pthread_mutex_lock(&filler->lock);
    while (!filler->asked)
        pthread_cond_wait(&filler->work, &filler->lock);
    pthread_mutex_unlock(&filler->lock);
}

static void *run(void *context)
{
    struct ese_filler *filler = context;
    await_question(filler);
    while (!atomic_load(&filler->stopping)) {
        if (is_time_to_look(filler))
            look(filler);
        take_news(filler);
        show(filler);
    }
    return NULL;
}

static void add_metrics(struct ese_filler *filler, struct ese_metrics *metrics)
{
    filler->events = ese_metrics_gauge(metrics, "ese_view_events", NULL,
                                       "Events of the topics that are kept in memory.");
    filler->bytes = ese_metrics_gauge(metrics, "ese_view_bytes", NULL,
                                      "Memory of these; at most half of --view-bytes.");
    filler->evicted = ese_metrics_counter(metrics, "ese_view_evicted_total", NULL,
                                          "Events that left this memory to make room, before they "
                                          "were older than the retention.");
    filler->unreadable = ese_metrics_counter(metrics, "ese_view_unreadable_total", NULL,
                                             "Records passed over because they are no events.");
}

int ese_filler_start(const struct ese_filler_options *options, struct ese_filler **filler,
                     struct ese_error *error)
{
    struct ese_filler *started = *filler = ese_alloc(sizeof *started);
    started->options = *options;
    started->looked_ns = INT64_MIN / 2;
    pthread_mutex_init(&started->lock, NULL);
    pthread_cond_init(&started->work, NULL);
    add_metrics(started, options->metrics);
    int failed = pthread_create(&started->thread, NULL, run, started);
    started->started = failed == 0;
    if (started->started)
        return 0;
    ese_filler_free(filler);
    return ese_fail(error, ESE_E_IO, "no thread for the view: %s", strerror(failed));
}

void ese_filler_begin(struct ese_filler *filler)
{
    pthread_mutex_lock(&filler->lock);
    filler->asked = true;
    pthread_cond_signal(&filler->work);
    pthread_mutex_unlock(&filler->lock);
}

bool ese_filler_tell(const struct ese_filler *filler, char *text, size_t size)
{
    switch ((enum trouble)atomic_load(&filler->trouble)) {
    case TOO_MANY:
        snprintf(text, size, "the topics have more than %d partitions: read them with ese-consumer or any Kafka client",
                 ESE_VIEW_PARTITIONS);
        return false;
    case TOO_FEW:
        snprintf(text, size,
                 "a topic was made anew, with fewer partitions than were read of it: start the server again");
        return false;
    case NO_TROUBLE:
    default:
        return true;
    }
}

void ese_filler_stop(struct ese_filler *filler)
{
    if (filler == NULL)
        return;
    atomic_store(&filler->stopping, true);
    ese_filler_begin(filler);
    if (filler->started)
        pthread_join(filler->thread, NULL);
    filler->started = false;
}

void ese_filler_free(struct ese_filler **filler)
{
    struct ese_filler *old = *filler;
    if (old == NULL)
        return;
    ese_filler_stop(old);
    pthread_cond_destroy(&old->work);
    pthread_mutex_destroy(&old->lock);
    free(old);
    *filler = NULL;
}
