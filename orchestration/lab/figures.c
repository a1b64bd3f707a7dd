#include "orchestration/lab/figures.h"

#include "ese-core/memory.h"
#include "orchestration/lab/anomalies.h"
#include "orchestration/lab/ledger.h"

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

static int64_t unknown_dead(const struct ese_book *book)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        count += entry->due_ns != 0 && !entry->is_out && entry->is_dead &&
                 ese_book_outcome(entry) == ESE_HISTORY_UNKNOWN;
    }
    return count;
}

static void count_marked(const struct ese_book *book, struct ese_figures *figures)
{
    for (uint32_t i = 0; i < book->count; i++) {
        figures->contradicted += ese_ledger_is_contradicted(book, &book->entries[i]);
        figures->gone += !book->entries[i].is_out && ese_ledger_is_gone(book, &book->entries[i]);
    }
}

void ese_figures_take_events(struct ese_evidence *evidence, const struct ese_judge_options *options,
                             struct ese_figures *figures)
{
    ese_figures_begin(figures);
    ese_ledger_make(&evidence->book, &evidence->state, options->promises->replayable,
                    &figures->ledger);
    ese_anomalies_count(&evidence->book, options, &figures->ledger, &figures->stale_worst_ns);
    ese_oracle_free(&evidence->oracle);
    ese_oracle_ask(&evidence->book, &evidence->oracle);
    figures->unknown_in_flight = unknown_in_flight(&evidence->book);
    figures->unknown_dead = unknown_dead(&evidence->book);
    count_marked(&evidence->book, figures);
    ese_lag_take(&evidence->book, &figures->lag);
    ese_rates_take(&evidence->book, &figures->rates);
}

void ese_figures_take_mails(struct ese_evidence *evidence, const struct ese_judge_options *options,
                            struct ese_figures *figures)
{
    for (size_t i = 0; i < evidence->absent_count; i++)
        evidence->absent[i].has_come = false; /* as long as it was not counted here */
    const struct ese_mail_evidence mails = {
        .book = &evidence->book, .oracle = &evidence->oracle, .mails = &evidence->mails,
        .state = &evidence->state, .outbox = &evidence->outbox, .absent = evidence->absent,
        .absent_count = evidence->absent_count};
    ese_mail_ledger_make(&mails, &figures->mails, &figures->faults);
    ese_decided_look(evidence, &figures->decided);
    ese_timing_take(options, &evidence->book, &evidence->oracle, &figures->timing);
}

void ese_figures_take(struct ese_evidence *evidence, const struct ese_judge_options *options,
                      struct ese_figures *figures)
{
    ese_figures_take_events(evidence, options, figures);
    ese_figures_take_mails(evidence, options, figures);
}

void ese_figures_begin(struct ese_figures *figures)
{
    *figures = (struct ese_figures){.unknown_in_flight = 0};
    ese_timing_begin(&figures->timing);
}

void ese_figures_free(struct ese_figures *figures)
{
    ese_timing_free(&figures->timing);
}

static void add_members(void *into, const void *from, const struct ese_ledger_member *members)
{
    for (const struct ese_ledger_member *member = members; member->name != NULL; member++) {
        if (member->does_add_up)
            *ese_ledger_at(into, member) += ese_ledger_get(from, member);
    }
}

void ese_figures_add(struct ese_figures *into, const struct ese_figures *from)
{
    add_members(&into->ledger, &from->ledger, ese_ledger_members);
    add_members(&into->mails, &from->mails, ese_mail_ledger_members);
    into->faults.lost += from->faults.lost;
    into->faults.altered += from->faults.altered;
    into->faults.unexpected += from->faults.unexpected;
    ese_decided_add(&into->decided, &from->decided);
    into->unknown_in_flight += from->unknown_in_flight;
    into->unknown_dead += from->unknown_dead;
    into->contradicted += from->contradicted;
    into->gone += from->gone;
    if (from->stale_worst_ns > into->stale_worst_ns)
        into->stale_worst_ns = from->stale_worst_ns;
    ese_timing_add(&into->timing, &from->timing);
    ese_lag_add(&into->lag, &from->lag);
    ese_rates_add(&into->rates, &from->rates);
}
