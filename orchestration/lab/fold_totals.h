/*
 * fold_totals.h - every total of a fold by its name, and where it stands: to be read and written alike.
 */
#ifndef ESE_LAB_FOLD_TOTALS_H
#define ESE_LAB_FOLD_TOTALS_H

#include "orchestration/lab/figures.h"

#define ESE_FOLD_TOTALS_MOST 64

struct ese_fold_total {
    char name[48];
    int64_t *value; /* in the book or the figures */
};

struct ese_fold_totals {
    struct ese_fold_total list[ESE_FOLD_TOTALS_MOST];
    int count;
};

void ese_fold_totals_list(struct ese_book *book, struct ese_figures *figures,
                          struct ese_fold_totals *totals);

#endif
