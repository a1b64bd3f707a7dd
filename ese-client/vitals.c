#include "ese-client/vitals.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"

#define OUTCOMES (ESE_OUTCOME_NOT_SENT + 1)

struct ese_vitals {
    struct ese_metric *offered, *late, *skipped;
    struct ese_metric *outcomes[OUTCOMES];
    struct ese_metric *in_flight, *latency;
    struct ese_metric *sent_bytes, *received_bytes;
    int64_t patience_ms;
    /* Written by the loop, without order among them: each tells for itself. */
    _Atomic int64_t turned_ns;
    _Atomic int64_t behind_ns;  /* of the last one offered */
    _Atomic int64_t waiting_ns; /* since when events wait and none was acknowledged; 0: none wait */
};

static int64_t get(_Atomic int64_t *sign)
{
    return atomic_load_explicit(sign, memory_order_relaxed);
}

static void set(_Atomic int64_t *sign, int64_t value)
{
    atomic_store_explicit(sign, value, memory_order_relaxed);
}

/* ---- life ------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *help;
} outcome_names[OUTCOMES] = {
    [ESE_OUTCOME_ACKNOWLEDGED] = {"ese_client_acknowledged_total", "Events acknowledged."},
    [ESE_OUTCOME_REFUSED] = {"ese_client_refused_total", "Events refused: certainly not stored."},
    [ESE_OUTCOME_UNKNOWN] = {"ese_client_unknown_total", "Events perhaps stored: no answer came."},
    [ESE_OUTCOME_NOT_SENT] = {"ese_client_not_sent_total", "Events that never left this client."},
};

static void add_metrics(struct ese_vitals *vitals, struct ese_metrics *metrics)
{
    vitals->offered = ese_metrics_counter(metrics, "ese_client_offered_total", NULL,
                                          "Events that were due and were offered.");
    for (int i = 0; i < OUTCOMES; i++)
        vitals->outcomes[i] = ese_metrics_counter(metrics, outcome_names[i].name, NULL,
                                                  outcome_names[i].help);
    vitals->late = ese_metrics_counter(metrics, "ese_client_late_total", NULL,
                                       "Events offered more than 5 ms after they were due.");
    vitals->skipped = ese_metrics_counter(metrics, "ese_client_skipped_total", NULL,
                                          "Events due before this client was there.");
    vitals->in_flight = ese_metrics_gauge(metrics, "ese_client_in_flight", NULL,
                                          "Events that have no outcome yet.");
    vitals->latency = ese_metrics_seconds(metrics, "ese_client_latency_seconds", NULL,
                                          "From when an event was due to its acknowledgement.");
    vitals->sent_bytes = ese_metrics_counter(metrics, "ese_client_sent_bytes_total", NULL,
                                             "Bytes sent over the connections it opened.");
    vitals->received_bytes = ese_metrics_counter(metrics, "ese_client_received_bytes_total", NULL,
                                                 "Bytes received over the connections it opened.");
}

struct ese_vitals *ese_vitals_new(struct ese_metrics *metrics, int64_t patience_ms)
{
    struct ese_vitals *vitals = ese_alloc(sizeof *vitals);
    add_metrics(vitals, metrics);
    vitals->patience_ms = patience_ms;
    set(&vitals->turned_ns, ese_clock_monotonic_ns());
    return vitals;
}

void ese_vitals_free(struct ese_vitals **vitals)
{
    free(*vitals);
    *vitals = NULL;
}

/* ---- the loop tells -------------------------------------------------------------------------- */

void ese_vitals_offered(struct ese_vitals *vitals, int64_t due_ns, int64_t now_ns, bool late)
{
    ese_metric_add(vitals->offered, 1);
    if (late)
        ese_metric_add(vitals->late, 1);
    set(&vitals->behind_ns, now_ns - due_ns);
    if (get(&vitals->waiting_ns) == 0)
        set(&vitals->waiting_ns, now_ns);
}

void ese_vitals_skipped(struct ese_vitals *vitals)
{
    ese_metric_add(vitals->skipped, 1);
}

void ese_vitals_ended(struct ese_vitals *vitals, enum ese_outcome outcome)
{
    ese_metric_add(vitals->outcomes[outcome], 1);
}

void ese_vitals_acknowledged(struct ese_vitals *vitals, int64_t latency_us, int pending,
                             int64_t now_ns)
{
    ese_metric_observe_us(vitals->latency, latency_us);
    set(&vitals->waiting_ns, pending > 0 ? now_ns : 0);
}

void ese_vitals_turned(struct ese_vitals *vitals, int pending, int64_t now_ns)
{
    ese_metric_set(vitals->in_flight, pending);
    set(&vitals->turned_ns, now_ns);
}

static void raise(struct ese_metric *counter, uint64_t total)
{
    ese_metric_add(counter, (int64_t)total - ese_metric_value(counter));
}

void ese_vitals_note_wire(struct ese_vitals *vitals)
{
    struct ese_wire_totals totals = ese_wire_totals();
    raise(vitals->sent_bytes, totals.sent);
    raise(vitals->received_bytes, totals.received);
}

/* ---- somebody asks --------------------------------------------------------------------------- */

bool ese_vitals_well(void *context, char *text, size_t size)
{
    struct ese_vitals *vitals = context;
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t still_ms = (now_ns - get(&vitals->turned_ns)) / ESE_NS_PER_MS;
    int64_t behind_ms = get(&vitals->behind_ns) / ESE_NS_PER_MS;
    int64_t waiting_ns = get(&vitals->waiting_ns);
    int64_t waiting_ms = waiting_ns == 0 ? 0 : (now_ns - waiting_ns) / ESE_NS_PER_MS;
    text[0] = '\0';
    if (still_ms > vitals->patience_ms)
        snprintf(text, size, "nothing has moved on for %" PRId64 " s", still_ms / 1000);
    else if (behind_ms > ESE_VITALS_BEHIND_MS)
        snprintf(text, size, "the schedule is not kept: %" PRId64 " s behind", behind_ms / 1000);
    else if (waiting_ms > vitals->patience_ms)
        snprintf(text, size,
                 "of the events offered none was acknowledged for %" PRId64 " s; %" PRId64 " wait",
                 waiting_ms / 1000, ese_metric_value(vitals->in_flight));
    return text[0] == '\0';
}
