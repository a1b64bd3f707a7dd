#include "transports/kafka/direct.h"

#include <assert.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/kafka/outlet.h"

#define COMPLAIN_NS (10 * ESE_NS_PER_S)

/* As many slots as may be in flight: a slot is free, under way, or waits in `outcomes` to be
 * told. */
struct slot {
    struct ese_outlet_kept kept;
    struct ese_id id;
    struct slot *next_free;
};

struct ese_direct {
    struct ese_outlet *outlet;
    int64_t retry_deadline_ms;
    int inflight;
    int held; /* taken by send and not yet told by poll */
    struct slot *slots;
    struct slot *free;
    struct ese_acknowledgement *outcomes; /* a ring of `inflight` */
    int first;
    int count;
    int64_t complain_ns; /* not before */
};

static void tell(struct ese_direct *direct, const struct ese_acknowledgement *outcome)
{
    assert(direct->count < direct->inflight);
    direct->outcomes[(direct->first + direct->count) % direct->inflight] = *outcome;
    direct->count++;
}

/* Now and then a word, not one for each event. */
static void complain(struct ese_direct *direct, const struct ese_delivery_report *report)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (now_ns < direct->complain_ns)
        return;
    direct->complain_ns = now_ns + COMPLAIN_NS;
    ese_log_warning("Kafka did not take an event for topic '%s' (%s): is the broker there, and is the topic? "
                    "`./lab kafka topics` makes it", report->topic, report->reason);
}

static void delivered(void *context, const struct ese_delivery_report *report)
{
    static const enum ese_outcome outcomes[] = {
        [ESE_DELIVERED] = ESE_OUTCOME_ACKNOWLEDGED,
        [ESE_DELIVERY_NOT_SENT] = ESE_OUTCOME_NOT_SENT,
        [ESE_DELIVERY_REFUSED] = ESE_OUTCOME_REFUSED,
        [ESE_DELIVERY_UNKNOWN] = ESE_OUTCOME_UNKNOWN,
    };
    struct ese_direct *direct = context;
    struct slot *slot = report->token;
    const struct ese_acknowledgement outcome = {.id = slot->id,
                                                .outcome = outcomes[report->result],
                                                .partition = report->partition,
                                                .offset = report->offset,
                                                .attempts = report->result != ESE_DELIVERY_NOT_SENT,
                                                .done_ns = ese_clock_monotonic_ns()};
    slot->next_free = direct->free;
    direct->free = slot;
    if (report->result != ESE_DELIVERED)
        complain(direct, report);
    tell(direct, &outcome);
}

int ese_direct_open(const struct ese_config *config, const struct ese_produce_settings *settings,
                    struct ese_direct **direct, struct ese_error *error)
{
    struct ese_direct *made = *direct = ese_alloc(sizeof *made);
    const struct ese_outlet_options options = {
        .topics = ese_partition_range(ese_config_text(config, ESE_TOPIC_OPTION)),
        .timeout_ms = settings->retry_deadline_ms,
        .linger_ms = "5",
        .requests = "5",
        .most_records = settings->inflight,
        .keeps_headers = true,
        .delivered = delivered,
        .context = made,
    };
    made->retry_deadline_ms = settings->retry_deadline_ms;
    made->inflight = settings->inflight;
    made->slots = ese_alloc_array((size_t)settings->inflight, sizeof *made->slots);
    made->outcomes = ese_alloc_array((size_t)settings->inflight, sizeof *made->outcomes);
    for (int i = 0; i < settings->inflight; i++) {
        made->slots[i].next_free = made->free;
        made->free = &made->slots[i];
    }
    if (ese_outlet_open(config, &options, &made->outlet, error) == -1) {
        ese_direct_close(direct);
        return -1;
    }
    return 0;
}

/* Its time was over before it came here. */
static void tell_not_sent(struct ese_direct *direct, const struct ese_event *event)
{
    const struct ese_acknowledgement outcome = {.id = event->id,
                                                .outcome = ESE_OUTCOME_NOT_SENT,
                                                .partition = -1,
                                                .offset = -1,
                                                .attempts = 0,
                                                .done_ns = ese_clock_monotonic_ns()};
    tell(direct, &outcome);
}

int ese_direct_send(struct ese_direct *direct, const struct ese_event *event,
                    struct ese_error *error)
{
    if (direct->held == direct->inflight)
        return ese_fail(error, ESE_E_FULL, "%d events are in flight", direct->inflight);
    if (ese_clock_wall_ms() >= event->client_ts + direct->retry_deadline_ms) {
        tell_not_sent(direct, event);
    } else {
        struct slot *slot = direct->free;
        slot->id = event->id;
        if (ese_outlet_put(direct->outlet, event, slot, error) == -1)
            return -1;
        direct->free = slot->next_free;
    }
    direct->held++;
    return 0;
}

int ese_direct_poll(struct ese_direct *direct, int timeout_ms,
                    struct ese_acknowledgement *acknowledgements, int max)
{
    int told = 0;
    ese_outlet_poll(direct->outlet, direct->count > 0 ? 0 : timeout_ms);
    while (told < max && direct->count > 0) {
        acknowledgements[told++] = direct->outcomes[direct->first];
        direct->first = (direct->first + 1) % direct->inflight;
        direct->count--;
    }
    direct->held -= told;
    return told;
}

int ese_direct_pending(const struct ese_direct *direct)
{
    return direct->held;
}

void ese_direct_close(struct ese_direct **direct)
{
    if (*direct == NULL)
        return;
    ese_outlet_close(&(*direct)->outlet);
    for (int i = 0; i < (*direct)->inflight && (*direct)->slots != NULL; i++)
        ese_outlet_kept_free(&(*direct)->slots[i].kept);
    free((*direct)->slots);
    free((*direct)->outcomes);
    free(*direct);
    *direct = NULL;
}
