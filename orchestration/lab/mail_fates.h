/*
 * mail_fates.h - mail by mail what mail_ledger.h counts, for whoever tells of one, or notes it.
 *
 * Where a chain has more than one mail that was not expected, or that is missing, counting alone does not tell which
 * stand for each other. Here one stands for that with which it has most events in common, those that have more
 * before those that have fewer; of several by the first such event; and where there is none for that whose last event
 * was due first. What is left of the missing is lost. Those that are unknown, and then those that wait, stand before
 * those that came.
 */
#ifndef ESE_LAB_MAIL_FATES_H
#define ESE_LAB_MAIL_FATES_H

#include "orchestration/lab/figures.h"

enum ese_mail_fate {
    ESE_MAIL_FATE_MISSING, /* not told yet */
    /* Of one that arrived, and of one that had to. */
    ESE_MAIL_FATE_MATCHED, /* or its chain is doubtful, and it is taken as expected */
    /* Of one that arrived. */
    ESE_MAIL_FATE_AGAIN,      /* doubled: its decision's second, or a later one */
    ESE_MAIL_FATE_FURTHER,    /* doubled: the mails its chain gives had come without it */
    ESE_MAIL_FATE_ALTERED,    /* it stands for one of its chain that is missing */
    ESE_MAIL_FATE_UNEXPECTED,
    /* Of one that had to and did not. */
    ESE_MAIL_FATE_REPLACED, /* an altered one stands for it, or one that was decided on and is unknown, or waits */
    ESE_MAIL_FATE_UNKNOWN,
    ESE_MAIL_FATE_WAITING, /* it was under way when the run was over */
    ESE_MAIL_FATE_LOST,
    ESE_MAIL_FATE_DOUBTFUL /* it may rightly not have come */
};

struct ese_mail_fates {
    enum ese_mail_fate *arrived;  /* one a mail of the evidence */
    uint32_t *stands_for;         /* likewise: for which mail of its oracle an altered one stands; else ESE_BOOK_NONE */
    enum ese_mail_fate *expected; /* one a mail of its oracle */
    bool *has_come; /* one a chain: some of its mails came, or may have; or others for them */
};

/* Of evidence that figures were taken from; to be freed. */
void ese_mail_fates_tell(const struct ese_evidence *evidence, struct ese_mail_fates *fates);
void ese_mail_fates_free(struct ese_mail_fates *fates);

/* The chain of a mail that arrived (mail_ledger.h), or ESE_BOOK_NONE. */
uint32_t ese_mail_fates_chain(const struct ese_evidence *evidence, const struct ese_id *decision);

#endif
