/*
 * mail_ledger.h - the mails that arrived against those that had to come (struct ese_mail_ledger in
 * judgement.h).
 *
 * Matching is by decision id, and what is left by count within its chain (oracle.h): there one mail
 * that was not expected stands for one that was (`altered`); a further one used an event a second
 * time (`doubled`), or, where the chain has too few presses for any, came from nowhere
 * (`unexpected`). Of a doubtful chain nobody can say which mails had to come: what came is taken as
 * expected, and only a second mail of one decision counts, as doubled.
 *
 * What the mailer does not know of is counted by the outbox's rows: of mails that were expected, or decided on.
 * Each that did not arrive stands for one of its chain that did not, before any counts as altered or lost;
 * beyond those it is taken as expected.
 *
 * What had to come and waited when the run was over is in flight, and not lost: a mail that was decided on, and that
 * the consumer had not brought to the mailer, or the mailer had not sent, which stands for one of its chain before any
 * counts as altered; what is missing of a chain of which an event was in flight; and, while the mailer had anything to
 * send, the mail of an order that was not decided on: it comes when time has passed, once there is room. Such a run
 * cannot be told.
 *
 * Of a run that goes on nothing is in flight: it is waited for. Chains that are out of the book are not counted, nor
 * are their mails. A mail of a chain that has settled came a second time, unless it is one of those that were missing
 * then (`absent`): it is taken back from the lost.
 */
#ifndef ESE_LAB_MAIL_LEDGER_H
#define ESE_LAB_MAIL_LEDGER_H

#include "orchestration/lab/judgement.h"
#include "orchestration/lab/mails.h"
#include "orchestration/lab/oracle.h"
#include "orchestration/lab/outbox_file.h"
#include "orchestration/lab/state_file.h"

/* A mail that was missing when its chain settled, and was counted once: as unknown or as lost. What another mail stands
 * for was counted as neither, and is none of these. */
struct ese_absent_mail {
    struct ese_id decision;
    bool is_unknown; /* counted as unknown, not as lost */
    bool is_blamed;  /* counted among the faults, too */
    bool has_come;   /* filled here */
};

/* Everything is borrowed. */
struct ese_mail_evidence {
    const struct ese_book *book;
    const struct ese_oracle *oracle;
    const struct ese_mails *mails;
    const struct ese_state_file *state;   /* tells the chain of a decision nobody expected */
    const struct ese_outbox_file *outbox;
    struct ese_absent_mail *absent;       /* of what settled before; NULL: nothing has */
    size_t absent_count;
};

/* What of the ledger is nobody's fault but the mail's own way: of chains that a lost or reordered
 * event has touched, as those are counted already, only that a mail did not come which was decided on. */
struct ese_mail_faults {
    int64_t lost;
    int64_t altered;
    int64_t unexpected;
};

void ese_mail_ledger_make(const struct ese_mail_evidence *evidence, struct ese_mail_ledger *ledger,
                          struct ese_mail_faults *faults);

/* Whether it was decided on for events of which one is a stranger's (book.h): then it is in no chain, or in a doubtful
 * one, is taken as expected, and has to come. */
bool ese_mail_is_strangers(const struct ese_mail_evidence *evidence, const struct ese_id *decision);

/* Each decision whose mail has not arrived, and waits. */
void ese_mail_each_waiting(const struct ese_mail_evidence *evidence,
                           void (*take)(void *context, const struct ese_id *decision), void *context);

/* The chain an arrived mail belongs to, or ESE_BOOK_NONE. */
uint32_t ese_mail_chain(const struct ese_mail_evidence *evidence, const struct ese_id *decision);

#endif
