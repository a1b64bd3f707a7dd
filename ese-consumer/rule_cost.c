#include "ese-consumer/rule_cost.h"

#include "ese-core/clock.h"
#include "ese-core/service.h"

#define CREDIT_NS (10 * ESE_NS_PER_MS) /* a process that was stopped meanwhile has not paid for what follows */

int ese_rule_cost_batch(const struct ese_rule_cost *cost, int max_batch)
{
    if (cost->us == 0)
        return max_batch;
    int64_t most = ESE_RULE_COST_BATCH_MS * INT64_C(1000) / cost->us;
    if (most < 1)
        return 1;
    return most < max_batch ? (int)most : max_batch;
}

/* Waits are whole milliseconds, and end late rather than early: the next one makes up for it. */
bool ese_rule_cost_wait(struct ese_rule_cost *cost, int events)
{
    cost->owed_ns += events * cost->us * 1000;
    while (cost->owed_ns >= ESE_NS_PER_MS) {
        int64_t begun_ns = ese_clock_monotonic_ns();
        if (ese_service_wait((int)(cost->owed_ns / ESE_NS_PER_MS)))
            return false;
        cost->owed_ns -= ese_clock_monotonic_ns() - begun_ns;
    }
    if (cost->owed_ns < -CREDIT_NS)
        cost->owed_ns = -CREDIT_NS;
    return true;
}
