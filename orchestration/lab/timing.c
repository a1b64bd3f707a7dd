#include "orchestration/lab/timing.h"

#include "ese-core/clock.h"
#include "ese-core/histogram.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"

#define BEHIND_NS (5 * ESE_NS_PER_MS)

struct watch {
    const struct ese_judge_options *options;
    const struct ese_book *book;
    struct ese_timing *timing;
};

static void note(struct watch *watch, struct ese_histogram *histogram, int64_t due_ns,
                 int64_t done_ns)
{
    if (due_ns < watch->options->measured_from_ns)
        return;
    if (done_ns < due_ns)
        watch->timing->negative++;
    else
        ese_histogram_record(histogram, (done_ns - due_ns) / 1000);
}

static void take_event(struct watch *watch, const struct ese_book_entry *entry)
{
    struct ese_timing *timing = watch->timing;
    int64_t restarted_ns = watch->options->restarted_ns;
    timing->warmup_cut += entry->due_ns < watch->options->measured_from_ns;
    timing->behind_schedule += entry->sent_ns - entry->due_ns > BEHIND_NS;
    if (entry->outcome != ESE_HISTORY_ACKNOWLEDGED)
        return;
    note(watch, timing->acknowledge, entry->due_ns, entry->done_ns);
    if (entry->committed_ns != 0)
        note(watch, timing->end_to_end, entry->due_ns, entry->committed_ns);
    bool was_unread = entry->handed_ns == 0 || entry->handed_ns >= restarted_ns;
    timing->backlog_at_restart += restarted_ns != 0 && entry->done_ns < restarted_ns && was_unread;
}

/* NULL where there is none: the figure that needs it is left out then. */
static struct ese_history_reader *open_history(const struct watch *watch, const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_history_reader *reader = NULL;
    if (ese_artifact_path(watch->options->directory, name, path, NULL) == 0)
        (void)ese_history_read_open(path, &reader, NULL);
    return reader;
}

/* When the SMTP server took each expected mail. */
static void take_mails(struct watch *watch, const struct ese_oracle *oracle)
{
    const struct ese_book *book = watch->book;
    for (size_t i = 0; i < book->sent.count; i++) {
        uint32_t mail = ese_oracle_find(oracle, &book->sent.mails[i].decision);
        if (mail == ESE_BOOK_NONE || oracle->chains[oracle->mails[mail].chain].is_out)
            continue;
        note(watch, watch->timing->mail, book->entries[oracle->mails[mail].last_event].due_ns,
             book->sent.mails[i].time_ns);
    }
}

/* From the restart to the first handing after it, were it one of an event handed before. */
static int64_t reads_again_us(const struct watch *watch)
{
    int64_t restarted_ns = watch->options->restarted_ns, first_ns = 0;
    if (restarted_ns == 0)
        return -1;
    struct ese_history_reader *reader = open_history(watch, ESE_ARTIFACT_CONSUMER_HISTORY);
    struct ese_history_record record;
    while (reader != NULL && first_ns == 0 && ese_history_read_next(reader, &record, NULL) == 1) {
        if (record.kind == ESE_HISTORY_HANDED && record.time_ns >= restarted_ns)
            first_ns = record.time_ns;
    }
    ese_history_read_close(&reader);
    return first_ns == 0 ? -1 : (first_ns - restarted_ns) / 1000;
}

static double processed_a_second(const struct ese_book *book)
{
    int64_t first_ns = INT64_MAX, last_ns = 0, processed = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        if (entry->is_out)
            continue;
        if (entry->due_ns != 0 && entry->due_ns < first_ns)
            first_ns = entry->due_ns;
        if (entry->committed_ns > last_ns)
            last_ns = entry->committed_ns;
        processed += entry->outcome == ESE_HISTORY_ACKNOWLEDGED && entry->is_processed;
    }
    if (processed == 0 || last_ns <= first_ns)
        return 0;
    return (double)processed * (double)ESE_NS_PER_S / (double)(last_ns - first_ns);
}

void ese_timing_take(const struct ese_judge_options *options, const struct ese_book *book,
                     const struct ese_oracle *oracle, struct ese_timing *timing)
{
    struct watch watch = {.options = options, .book = book, .timing = timing};
    *timing = (struct ese_timing){
        .acknowledge = ese_histogram_new(), .end_to_end = ese_histogram_new(),
        .mail = ese_histogram_new(), .reads_again_us = reads_again_us(&watch)};
    for (uint32_t i = 0; i < book->count; i++) {
        if (book->entries[i].due_ns != 0 && !book->entries[i].is_out)
            take_event(&watch, &book->entries[i]);
    }
    take_mails(&watch, oracle);
    timing->processed_per_s = processed_a_second(book);
}

void ese_timing_free(struct ese_timing *timing)
{
    ese_histogram_free(&timing->acknowledge);
    ese_histogram_free(&timing->end_to_end);
    ese_histogram_free(&timing->mail);
}
