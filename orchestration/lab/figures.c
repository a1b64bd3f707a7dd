#include "orchestration/lab/figures.h"

#include "ese-core/memory.h"
#include "orchestration/lab/ledger.h"

#define FIGURE(member) {#member, offsetof(struct ese_figures, member)}

const struct ese_figure ese_figure_names[] = {
    FIGURE(ledger.offered),
    FIGURE(ledger.acknowledged),
    FIGURE(ledger.refused),
    FIGURE(ledger.unknown),
    FIGURE(ledger.unknown_stored),
    FIGURE(ledger.unknown_absent),
    FIGURE(ledger.not_sent),
    FIGURE(ledger.processed),
    FIGURE(ledger.lost),
    FIGURE(ledger.lost_by_clash),
    FIGURE(ledger.lost_by_expiry),
    FIGURE(ledger.lost_by_death),
    FIGURE(ledger.in_flight),
    FIGURE(ledger.redelivered),
    FIGURE(ledger.stored_twice),
    FIGURE(ledger.reordered),
    FIGURE(ledger.phantom),
    FIGURE(mails.expected),
    FIGURE(mails.arrived),
    FIGURE(mails.matched),
    FIGURE(mails.altered),
    FIGURE(mails.lost),
    FIGURE(mails.doubled),
    FIGURE(mails.unexpected),
    FIGURE(mails.unknown),
    FIGURE(mails.unknown_arrived),
    FIGURE(faults.lost),
    FIGURE(faults.altered),
    FIGURE(faults.unexpected),
    FIGURE(timing.behind_schedule),
    FIGURE(timing.negative),
    {NULL, 0},
};

int64_t *ese_figure_at(struct ese_figures *figures, const struct ese_figure *figure)
{
    return (int64_t *)(void *)((char *)figures + figure->offset);
}

void ese_evidence_free(struct ese_evidence *evidence)
{
    ese_oracle_free(&evidence->oracle);
    ese_mails_free(&evidence->mails);
    ese_outbox_file_free(&evidence->outbox);
    ese_state_file_free(&evidence->state);
    ese_book_free(&evidence->book);
    free(evidence->absent);
}

void ese_evidence_miss(struct ese_evidence *evidence, const struct ese_absent_mail *absent)
{
    evidence->absent =
        ese_realloc_array(evidence->absent, evidence->absent_count + 1, sizeof *evidence->absent);
    evidence->absent[evidence->absent_count++] = *absent;
}

static int64_t unknown_in_flight(const struct ese_book *book)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        count += entry->due_ns != 0 && !entry->is_out && entry->is_in_flight &&
                 ese_book_outcome(entry) == ESE_HISTORY_UNKNOWN;
    }
    return count;
}

void ese_figures_take(struct ese_evidence *evidence, const struct ese_judge_options *options,
                      struct ese_figures *figures)
{
    *figures = (struct ese_figures){.unknown_in_flight = 0};
    for (size_t i = 0; i < evidence->absent_count; i++)
        evidence->absent[i].has_come = false; /* as long as it was not counted here */
    ese_ledger_make(&evidence->book, &evidence->state, options->promises->replayable,
                    &figures->ledger);
    ese_oracle_free(&evidence->oracle);
    ese_oracle_ask(&evidence->book, &evidence->oracle);
    const struct ese_mail_evidence mails = {
        .book = &evidence->book, .oracle = &evidence->oracle, .mails = &evidence->mails,
        .state = &evidence->state, .outbox = &evidence->outbox, .absent = evidence->absent,
        .absent_count = evidence->absent_count};
    ese_mail_ledger_make(&mails, &figures->mails, &figures->faults);
    ese_timing_take(options, &evidence->book, &evidence->oracle, &figures->timing);
    figures->unknown_in_flight = unknown_in_flight(&evidence->book);
}

void ese_figures_begin(struct ese_figures *figures)
{
    *figures = (struct ese_figures){
        .timing = {.acknowledge = ese_histogram_new(), .end_to_end = ese_histogram_new(),
                   .mail = ese_histogram_new()}};
}

void ese_figures_free(struct ese_figures *figures)
{
    ese_timing_free(&figures->timing);
}

void ese_figures_add(struct ese_figures *into, const struct ese_figures *from)
{
    for (const struct ese_figure *figure = ese_figure_names; figure->name != NULL; figure++)
        *ese_figure_at(into, figure) += *(const int64_t *)(const void *)((const char *)from +
                                                                         figure->offset);
    ese_histogram_merge(into->timing.acknowledge, from->timing.acknowledge);
    ese_histogram_merge(into->timing.end_to_end, from->timing.end_to_end);
    ese_histogram_merge(into->timing.mail, from->timing.mail);
}
