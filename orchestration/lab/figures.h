/*
 * figures.h - one transport's run in numbers: evidence is read, and counted.
 *
 * What is counted is what is in the book and not out of it (book.h), so that a part of a run can be
 * counted by itself; figures of several parts add up.
 */
#ifndef ESE_LAB_FIGURES_H
#define ESE_LAB_FIGURES_H

#include "orchestration/lab/decided.h"
#include "orchestration/lab/lag.h"
#include "orchestration/lab/mail_ledger.h"
#include "orchestration/lab/rates.h"
#include "orchestration/lab/timing.h"

/* Everything a verdict is told from. */
struct ese_evidence {
    struct ese_book book;
    struct ese_state_file state;
    struct ese_outbox_file outbox;
    struct ese_mails mails;
    struct ese_oracle oracle; /* made by ese_figures_take */
    struct ese_absent_mail *absent; /* of what settled before (mail_ledger.h) */
    size_t absent_count;
};
void ese_evidence_free(struct ese_evidence *evidence);
void ese_evidence_miss(struct ese_evidence *evidence, const struct ese_absent_mail *absent);

struct ese_figures {
    struct ese_ledger ledger;
    struct ese_mail_ledger mails;
    struct ese_mail_faults faults;
    struct ese_decided decided;
    struct ese_timing timing;
    struct ese_lag lag;
    struct ese_rates rates;
    int64_t unknown_in_flight; /* events of unknown outcome that are stored and not processed */
    int64_t unknown_dead;      /* events of unknown outcome that were passed over as dead letters */
    int64_t contradicted;      /* ese_ledger_is_contradicted */
    int64_t gone;              /* ese_ledger_is_gone */
    int64_t stale_worst_ns;    /* the longest from an acknowledgement until it was processed */
};

/* Counts, and leaves the ledger's marks in the book. figures is to be freed. */
void ese_figures_take(struct ese_evidence *evidence, const struct ese_judge_options *options,
                      struct ese_figures *figures);
/* The same in two steps, for whoever reads of mails only what the oracle expects: of the events, from the
 * book and the state; and of the mails. */
void ese_figures_take_events(struct ese_evidence *evidence, const struct ese_judge_options *options,
                             struct ese_figures *figures);
void ese_figures_take_mails(struct ese_evidence *evidence, const struct ese_judge_options *options,
                            struct ese_figures *figures);
void ese_figures_begin(struct ese_figures *figures); /* all of it zero */
void ese_figures_free(struct ese_figures *figures);
/* But for what does not add up (struct ese_ledger_member), and the recovery (recovery.h). */
void ese_figures_add(struct ese_figures *into, const struct ese_figures *from);

#endif
