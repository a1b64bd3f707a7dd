/*
 * verdict.h - from figures to verdicts (struct ese_judgement in judgement.h).
 */
#ifndef ESE_LAB_VERDICT_H
#define ESE_LAB_VERDICT_H

#include "orchestration/lab/figures.h"

#define ESE_DEAD_LETTERS_ANY (-1)

/* What a verdict stands on beside the figures. */
struct ese_grounds {
    const struct ese_promises *promises;
    const char *missing; /* why something cannot be told; "" when all was there */
    const char *contradiction; /* why nothing that the histories say proves anything; "" or NULL: it does */
    const char *ended;   /* who ended though nobody had asked for it, in words; NULL: nobody */
    int64_t unknown_most; /* mails that may be unknown; ESE_UNKNOWN_MAILS_ANY: nobody can tell */
    int64_t dead_most;    /* events that may be dead letters; ESE_DEAD_LETTERS_ANY: nobody can tell */
    int64_t queued;       /* mails the mailer still holds */
    bool is_store_unseen; /* nobody has looked into it */
    bool is_foreign;      /* recorded by somebody else (foreign.h) */
    int64_t back_ns;      /* when a consumer last came back; 0: none did */
    int64_t rate;         /* events that came a second; 0: not known */
};

void ese_judge_figures(const struct ese_figures *figures, const struct ese_grounds *grounds,
                       struct ese_judgement *judgement);

/* What a histogram of microseconds tells. */
struct ese_latency ese_latency_of(const struct ese_histogram *histogram);

#endif
