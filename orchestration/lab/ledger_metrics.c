#include "orchestration/lab/ledger_metrics.h"

static void set_fates(struct ese_metrics *metrics, const char *name, const char *help,
                      const char *transport, const void *ledger,
                      const struct ese_ledger_member *members)
{
    for (const struct ese_ledger_member *member = members; member->name != NULL; member++) {
        char labels[160];
        snprintf(labels, sizeof labels, "transport=\"%.100s\",fate=\"%s\"", transport, member->name);
        ese_metric_set(ese_metrics_gauge(metrics, name, labels, help), ese_ledger_get(ledger, member));
    }
}

void ese_ledger_metrics_set(struct ese_metrics *metrics, const struct ese_results_transport *transport)
{
    const struct ese_judgement *judgement = &transport->judgement;
    char labels[160];
    snprintf(labels, sizeof labels, "transport=\"%.100s\"", transport->name);
    set_fates(metrics, "ese_lab_events", "events due so far, by where they ended", transport->name,
              &judgement->ledger, ese_ledger_members);
    set_fates(metrics, "ese_lab_mails", "mails, by what became of them", transport->name,
              &judgement->mails, ese_mail_ledger_members);
    ese_metric_set(ese_metrics_gauge(metrics, "ese_lab_ledger_balances", labels,
                                     "1 where the ledger's verdict is a pass"),
                   judgement->ledger_verdict.word == ESE_VERDICT_PASS);
}

void ese_ledger_metrics_unsettled(struct ese_metrics *metrics, const char *transport, int64_t count,
                                  int64_t most)
{
    char labels[160];
    snprintf(labels, sizeof labels, "transport=\"%.100s\"", transport);
    ese_metric_set(ese_metrics_gauge(metrics, "ese_lab_unsettled_events", labels,
                                     "events the books hold one by one, as they have not settled"), count);
    ese_metric_set(ese_metrics_gauge(metrics, "ese_lab_unsettled_events_max", labels,
                                     "events the books may hold one by one"), most);
}
