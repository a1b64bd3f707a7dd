#include "ese-core/clock.h"
#include "orchestration/lab/oracle_rule.h"

/* A window is what was sent of an order up to the first that is due too late to be of it. */
static uint32_t end_of_window(const struct ese_oracle_events *events, uint32_t from)
{
    int64_t begins_ms = ese_oracle_event(events, from)->client_ts;
    uint32_t to = from + 1;
    while (to < events->count &&
           ese_oracle_event(events, to)->client_ts - begins_ms <= ESE_ORACLE_STUCK_AFTER_MS)
        to++;
    return to;
}

static bool is_completed(const struct ese_oracle_events *events, uint32_t from, uint32_t to)
{
    while (from < to && ese_oracle_event(events, from)->kind != ESE_BOOK_COMPLETED)
        from++;
    return from < to;
}

/* Whether its mail may still be on its way when the book ends. */
static bool is_awaited(const struct ese_oracle_events *events, uint32_t created)
{
    int64_t wait_ns = (ESE_ORACLE_STUCK_AFTER_MS + ESE_ORACLE_LATENESS_MS) * ESE_NS_PER_MS;
    return ese_oracle_event(events, created)->due_ns > events->book->cut_ns - wait_ns;
}

static void apply(struct ese_oracle *oracle, const struct ese_oracle_events *events)
{
    for (uint32_t from = 0; from < events->count;) {
        uint32_t to = end_of_window(events, from);
        struct ese_oracle_chain *chain = ese_oracle_begin_chain(oracle);
        for (uint32_t i = from; i < to; i++)
            ese_oracle_put(oracle, events, i);
        if (!is_completed(events, from, to)) {
            ese_oracle_expect(oracle, events, from, from + 1, &ese_oracle_orders, true);
            chain->is_awaited = is_awaited(events, from);
            chain->is_out |= chain->is_awaited;
        }
        from = to;
    }
}

static bool gives(const struct ese_book_entry *const events[], int count)
{
    return count == 1 && events[0]->kind == ESE_BOOK_CREATED;
}

const struct ese_oracle_rule ese_oracle_orders = {
    .name = "stuck-order",
    .wanted = {[ESE_BOOK_CREATED] = true, [ESE_BOOK_COMPLETED] = true},
    .apply = apply,
    .gives = gives};
