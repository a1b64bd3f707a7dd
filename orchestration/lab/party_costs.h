/*
 * party_costs.h - what each party has cost, in results.json and read from there.
 */
#ifndef ESE_LAB_PARTY_COSTS_H
#define ESE_LAB_PARTY_COSTS_H

#include "orchestration/lab/journey.h"

struct json_t;

/* events: that were offered, by which requests are told. The caller's. */
struct json_t *ese_party_costs_json(const struct ese_journey_cost *cost, int64_t events);

/* NULL: a run of the days before they were told, which has none. -1: malformed. */
int ese_party_costs_read(struct json_t *array, struct ese_journey_cost *cost);

#endif
