#include "orchestration/lab/ledger_metrics.h"

#include "ese-core/memory.h"

#define EVENTS_HELP "events due so far, by where they ended"
#define MAILS_HELP "mails, by what became of them"

struct fate {
    const char *name;
    int64_t count;
};

static void set_fates(struct ese_metrics *metrics, const char *name, const char *help,
                      const char *transport, const struct fate *fates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char labels[160];
        snprintf(labels, sizeof labels, "transport=\"%s\",fate=\"%s\"", transport, fates[i].name);
        ese_metric_set(ese_metrics_gauge(metrics, name, labels, help), fates[i].count);
    }
}

static void set_events(struct ese_metrics *metrics, const char *transport,
                       const struct ese_ledger *ledger)
{
    const struct fate fates[] = {
        {"offered", ledger->offered},
        {"acknowledged", ledger->acknowledged},
        {"refused", ledger->refused},
        {"unknown", ledger->unknown},
        {"not_sent", ledger->not_sent},
        {"processed", ledger->processed},
        {"lost", ledger->lost},
        {"in_flight", ledger->in_flight},
        {"redelivered", ledger->redelivered},
        {"stored_twice", ledger->stored_twice},
        {"reordered", ledger->reordered},
        {"phantom", ledger->phantom},
        {"late", ledger->late},
        {"skipped_by_retention", ledger->skipped_by_retention},
    };
    set_fates(metrics, "ese_lab_events", EVENTS_HELP, transport, fates, ESE_COUNT_OF(fates));
}

static void set_mails(struct ese_metrics *metrics, const char *transport,
                      const struct ese_mail_ledger *mails)
{
    const struct fate fates[] = {
        {"expected", mails->expected},     {"arrived", mails->arrived},
        {"lost", mails->lost},             {"doubled", mails->doubled},
        {"unexpected", mails->unexpected}, {"unknown", mails->unknown},
    };
    set_fates(metrics, "ese_lab_mails", MAILS_HELP, transport, fates, ESE_COUNT_OF(fates));
}

void ese_ledger_metrics_set(struct ese_metrics *metrics, const struct ese_results_transport *transport)
{
    const struct ese_judgement *judgement = &transport->judgement;
    char labels[160];
    snprintf(labels, sizeof labels, "transport=\"%.100s\"", transport->name);
    set_events(metrics, transport->name, &judgement->ledger);
    set_mails(metrics, transport->name, &judgement->mails);
    ese_metric_set(ese_metrics_gauge(metrics, "ese_lab_ledger_balances", labels,
                                     "1 where the ledger's verdict is a pass"),
                   judgement->ledger_verdict.word == ESE_VERDICT_PASS);
}
