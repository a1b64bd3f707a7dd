#include "orchestration/lab/fold_totals.h"

#include <assert.h>

#include "orchestration/lab/judgement.h"

static void list_one(struct ese_fold_totals *totals, const char *prefix, const char *name,
                     int64_t *value)
{
    assert(totals->count < ESE_FOLD_TOTALS_MOST);
    struct ese_fold_total *total = &totals->list[totals->count++];
    snprintf(total->name, sizeof total->name, "%s%s", prefix, name);
    total->value = value;
}

static void list_ledger(struct ese_fold_totals *totals, const char *prefix, void *ledger,
                        const struct ese_ledger_member *members)
{
    for (const struct ese_ledger_member *member = members; member->name != NULL; member++) {
        if (member->does_add_up)
            list_one(totals, prefix, member->name, ese_ledger_at(ledger, member));
    }
}

void ese_fold_totals_list(struct ese_book *book, struct ese_figures *figures,
                          struct ese_fold_totals *totals)
{
    totals->count = 0;
    list_ledger(totals, "ledger.", &figures->ledger, ese_ledger_members);
    list_ledger(totals, "mails.", &figures->mails, ese_mail_ledger_members);
    list_one(totals, "faults.", "lost", &figures->faults.lost);
    list_one(totals, "faults.", "altered", &figures->faults.altered);
    list_one(totals, "faults.", "unexpected", &figures->faults.unexpected);
    list_one(totals, "", "behind_schedule", &figures->timing.behind_schedule);
    list_one(totals, "", "negative", &figures->timing.negative);
    list_one(totals, "", "skipped", &book->skipped);
    list_one(totals, "", "wall_offset_ns", &book->wall_offset_ns);
    list_one(totals, "", "lives", &book->lives);
}
