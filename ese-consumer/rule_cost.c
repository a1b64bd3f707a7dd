#include "ese-consumer/rule_cost.h"

#include <stdio.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/number.h"
#include "ese-core/service.h"

#define LOOK_EVERY_NS (100 * ESE_NS_PER_MS)
#define CREDIT_NS (10 * ESE_NS_PER_MS) /* a process that was stopped meanwhile has not paid for what follows */

static int at_once(int64_t each_us, int events)
{
    int64_t most = each_us == 0 ? events : ESE_RULE_COST_BATCH_MS * INT64_C(1000) / each_us;
    return most < 1 ? 1 : most < events ? (int)most : events;
}

int ese_rule_cost_batch(const struct ese_rule_cost *cost, int max_batch)
{
    if (cost->file != NULL && max_batch > ESE_RULE_COST_BATCH_FILE)
        max_batch = ESE_RULE_COST_BATCH_FILE;
    return at_once(cost->us, max_batch);
}

/* What is written anew is there as a whole; what is no number is as good as no file. */
static void look(struct ese_rule_cost *cost)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    char text[32] = "";
    if (cost->file == NULL || now_ns < cost->look_ns)
        return;
    cost->look_ns = now_ns + LOOK_EVERY_NS;
    FILE *file = fopen(cost->file, "re");
    if (file != NULL && fgets(text, sizeof text, file) == NULL)
        text[0] = '\0';
    if (file != NULL)
        fclose(file);
    text[strcspn(text, "\n")] = '\0';
    if (ese_number_parse(text, "cost", 0, ESE_RULE_COST_MOST_US, &cost->told_us, NULL) < 0)
        cost->told_us = 0;
}

int ese_rule_cost_begin(struct ese_rule_cost *cost, int events)
{
    look(cost);
    int64_t each_us = cost->told_us > 0 ? cost->told_us : cost->us;
    int count = at_once(each_us, events);
    cost->owed_ns += count * each_us * 1000;
    return count;
}

/* Waits are whole milliseconds, and end late rather than early: the next one makes up for it. */
bool ese_rule_cost_pay(struct ese_rule_cost *cost)
{
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
