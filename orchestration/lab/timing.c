#include "orchestration/lab/timing.h"

#include "ese-core/clock.h"
#include "ese-core/histogram.h"
#include "ese-core/memory.h"
#include "orchestration/lab/latency_logs.h"
#include "orchestration/lab/recovery.h"

#define BEHIND_NS (5 * ESE_NS_PER_MS)

struct watch {
    const struct ese_judge_options *options;
    const struct ese_book *book;
    struct ese_timing *timing;
};

static void note(struct watch *watch, enum ese_latency_log log, int64_t due_ns, int64_t done_ns)
{
    struct ese_timing *timing = watch->timing;
    struct ese_histogram *const histograms[] = {[ESE_LATENCY_ACK] = timing->acknowledge,
                                                [ESE_LATENCY_END_TO_END] = timing->end_to_end,
                                                [ESE_LATENCY_MAIL] = timing->mail};
    if (due_ns < watch->options->measured_from_ns)
        return;
    if (done_ns < due_ns) {
        timing->negative++;
        return;
    }
    ese_histogram_record(histograms[log], (done_ns - due_ns) / 1000);
    if (watch->options->logs != NULL)
        ese_latency_logs_record(watch->options->logs, log, due_ns, (done_ns - due_ns) / 1000);
}

static void take_event(struct watch *watch, const struct ese_book_entry *entry)
{
    struct ese_timing *timing = watch->timing;
    timing->warmup_cut += entry->due_ns < watch->options->measured_from_ns;
    timing->behind_schedule += entry->sent_ns - entry->due_ns > BEHIND_NS;
    if (entry->sent_ns != 0)
        ese_histogram_record(timing->lateness,
                             entry->sent_ns > entry->due_ns ? (entry->sent_ns - entry->due_ns) / 1000 : 0);
    if (entry->outcome != ESE_HISTORY_ACKNOWLEDGED)
        return;
    note(watch, ESE_LATENCY_ACK, entry->due_ns, entry->done_ns);
    if (entry->committed_ns != 0)
        note(watch, ESE_LATENCY_END_TO_END, entry->due_ns, entry->committed_ns);
}

/* When the SMTP server took each mail that an event completes: how soon others come, time decides. */
static void take_mails(struct watch *watch, const struct ese_oracle *oracle)
{
    const struct ese_book *book = watch->book;
    for (size_t i = 0; i < book->sent.count; i++) {
        uint32_t mail = ese_oracle_find(oracle, &book->sent.mails[i].decision);
        if (mail == ESE_BOOK_NONE || oracle->mails[mail].is_timed ||
            oracle->chains[oracle->mails[mail].chain].is_out)
            continue;
        note(watch, ESE_LATENCY_MAIL, book->entries[oracle->mails[mail].last_event].due_ns,
             book->sent.mails[i].time_ns);
    }
}

static void take_span(const struct ese_book *book, struct ese_timing *timing)
{
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        if (entry->is_out)
            continue;
        if (entry->due_ns != 0 && (timing->first_due_ns == 0 || entry->due_ns < timing->first_due_ns))
            timing->first_due_ns = entry->due_ns;
        if (entry->committed_ns > timing->last_commit_ns)
            timing->last_commit_ns = entry->committed_ns;
        timing->processed += entry->outcome == ESE_HISTORY_ACKNOWLEDGED && entry->is_processed;
    }
}

double ese_timing_processed_per_s(const struct ese_timing *timing)
{
    int64_t span_ns = timing->last_commit_ns - timing->first_due_ns;
    if (timing->processed == 0 || timing->first_due_ns == 0 || span_ns <= 0)
        return 0;
    return (double)timing->processed * (double)ESE_NS_PER_S / (double)span_ns;
}

void ese_timing_begin(struct ese_timing *timing)
{
    *timing = (struct ese_timing){
        .acknowledge = ese_histogram_new(), .end_to_end = ese_histogram_new(),
        .mail = ese_histogram_new(), .lateness = ese_histogram_new(),
        .closed_loop = ese_histogram_new(), .recovery = ESE_RECOVERY_NONE};
}

void ese_timing_take(const struct ese_judge_options *options, const struct ese_book *book,
                     const struct ese_oracle *oracle, struct ese_timing *timing)
{
    struct watch watch = {.options = options, .book = book, .timing = timing};
    if (options->logs != NULL)
        ese_latency_logs_set_wall(options->logs, book->wall_offset_ns);
    for (uint32_t i = 0; i < book->count; i++) {
        if (book->entries[i].due_ns != 0 && !book->entries[i].is_out)
            take_event(&watch, &book->entries[i]);
    }
    take_mails(&watch, oracle);
    take_span(book, timing);
    ese_recovery_take(options, book, &timing->recovery);
}

void ese_timing_add(struct ese_timing *into, const struct ese_timing *from)
{
    ese_histogram_merge(into->acknowledge, from->acknowledge);
    ese_histogram_merge(into->end_to_end, from->end_to_end);
    ese_histogram_merge(into->mail, from->mail);
    ese_histogram_merge(into->lateness, from->lateness);
    ese_histogram_merge(into->closed_loop, from->closed_loop);
    into->warmup_cut += from->warmup_cut;
    into->behind_schedule += from->behind_schedule;
    into->negative += from->negative;
    into->processed += from->processed;
    if (from->last_commit_ns > into->last_commit_ns)
        into->last_commit_ns = from->last_commit_ns;
    if (from->first_due_ns != 0 && (into->first_due_ns == 0 || from->first_due_ns < into->first_due_ns))
        into->first_due_ns = from->first_due_ns;
}

void ese_timing_free(struct ese_timing *timing)
{
    ese_histogram_free(&timing->acknowledge);
    ese_histogram_free(&timing->end_to_end);
    ese_histogram_free(&timing->mail);
    ese_histogram_free(&timing->lateness);
    ese_histogram_free(&timing->closed_loop);
}
