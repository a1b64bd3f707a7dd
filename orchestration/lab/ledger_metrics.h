/*
 * ledger_metrics.h - the ledgers of a walk that goes on, as Prometheus shows them.
 *
 *   ese_lab_events{transport,fate}   of the events due so far: offered, and where each ended
 *   ese_lab_mails{transport,fate}    of the mails
 *   ese_lab_ledger_balances{transport}  1 where the ledger's verdict is a pass
 */
#ifndef ESE_LAB_LEDGER_METRICS_H
#define ESE_LAB_LEDGER_METRICS_H

#include "ese-core/metrics.h"
#include "orchestration/lab/results.h"

/* Sets all figures of one transport. The thread that made the registry. */
void ese_ledger_metrics_set(struct ese_metrics *metrics, const struct ese_results_transport *transport);

/* How many events its fold holds that have not settled, and may hold. */
void ese_ledger_metrics_unsettled(struct ese_metrics *metrics, const char *transport, int64_t count,
                                  int64_t most);

#endif
