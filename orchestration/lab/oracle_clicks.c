#include "orchestration/lab/oracle_rule.h"

#define GAP_MS 1000
#define PRESSES 3

static bool starts_chain(const struct ese_oracle_events *events, uint32_t i)
{
    if (i == 0)
        return true;
    int64_t step_ms =
        ese_oracle_event(events, i)->client_ts - ese_oracle_event(events, i - 1)->client_ts;
    return step_ms > GAP_MS || step_ms < -GAP_MS; /* back, where the wall clock was set */
}

static void apply(struct ese_oracle *oracle, const struct ese_oracle_events *events)
{
    int held = 0;
    for (uint32_t i = 0; i < events->count; i++) {
        if (starts_chain(events, i)) {
            ese_oracle_begin_chain(oracle);
            held = 0;
        }
        ese_oracle_put(oracle, events, i);
        if (++held < PRESSES)
            continue;
        ese_oracle_expect(oracle, events, i + 1 - PRESSES, i + 1, &ese_oracle_clicks, false);
        held = 0;
    }
}

static bool gives(const struct ese_book_entry *const events[], int count)
{
    bool gives = count == PRESSES && events[0] != events[2];
    for (int i = 1; gives && i < count; i++) {
        int64_t step_ms = events[i]->client_ts - events[i - 1]->client_ts;
        gives = events[i] != events[i - 1] && step_ms <= GAP_MS && step_ms >= -GAP_MS;
    }
    return gives;
}

const struct ese_oracle_rule ese_oracle_clicks = {
    .name = "steady-click", .wanted = {[ESE_BOOK_KEY_PRESS] = true}, .apply = apply, .gives = gives};
