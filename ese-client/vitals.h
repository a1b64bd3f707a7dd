/*
 * vitals.h - a client's vital signs while it runs: figures for Prometheus, and whether it is well.
 *
 * The loop counts where it counts its totals (totals.h), the HTTP server's thread reads: GET
 * /metrics and GET /health. A client is well as long as its loop turns, keeps its schedule, and
 * something of what it offers is acknowledged.
 */
#ifndef ESE_VITALS_H
#define ESE_VITALS_H

#include <stdbool.h>

#include "ese-core/event_poster.h" /* enum ese_outcome */
#include "ese-core/metrics.h"

#define ESE_VITALS_BEHIND_MS 1000 /* who offers so much later than it was due keeps no schedule */

struct ese_vitals;

/* Its metrics are added to the registry. patience_ms: how long the loop may stand still, and events
 * be offered without any being acknowledged. */
struct ese_vitals *ese_vitals_new(struct ese_metrics *metrics, int64_t patience_ms);
void ese_vitals_free(struct ese_vitals **vitals);

/* The loop's thread only. */
void ese_vitals_offered(struct ese_vitals *vitals, int64_t due_ns, int64_t now_ns, bool late);
void ese_vitals_skipped(struct ese_vitals *vitals);
void ese_vitals_ended(struct ese_vitals *vitals, enum ese_outcome outcome);
/* Beside ended; pending: how many have no outcome yet behind this one. */
void ese_vitals_acknowledged(struct ese_vitals *vitals, int64_t latency_us, int pending,
                             int64_t now_ns);
void ese_vitals_turned(struct ese_vitals *vitals, int pending, int64_t now_ns);
void ese_vitals_note_wire(struct ese_vitals *vitals);

/* An ese_health_check of vitals. */
bool ese_vitals_well(void *vitals, char *text, size_t size);

#endif
