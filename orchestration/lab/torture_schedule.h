/*
 * torture_schedule.h - what happens in one round of torture: its load, and who is killed or frozen when.
 *
 * A round depends on the seed, its number, the rate and the number of consumers alone, not on rounds before it, nor
 * on the transports: who is not there is passed over. Of a group, single members are struck, too, the first three.
 *
 * It begins with the anchor: the consumers are frozen until at least four times as many events have come as
 * have to wait, then somebody whom every journey has is killed; until then nobody else is touched, so that
 * the events do wait. A slow store may have taken few of them yet, and a client that died then would take the
 * others along: none is the anchor's victim, those who keep events are left alone for three seconds behind it,
 * or until they have rested from it themselves, and the clients for as long. Further acts follow. Whoever was
 * taken away is back some time before the last event is due, and nobody is struck again at once.
 */
#ifndef ESE_LAB_TORTURE_SCHEDULE_H
#define ESE_LAB_TORTURE_SCHEDULE_H

#include "orchestration/lab/fault.h"

#define ESE_TORTURE_LOAD_MS 14000
#define ESE_TORTURE_LIMIT_MS 40000 /* of a round, from the schedule's beginning to the end of the drain */
#define ESE_TORTURE_RETRY_MS 12000 /* a client's retry deadline, from the moment an event was due */
#define ESE_TORTURE_SMTP_MS 5000   /* a mailer's wait for the SMTP server: long absences outlast it */
#define ESE_TORTURE_WAITING 50     /* events that have to wait at one kill of each round */
#define ESE_TORTURE_RATE_LEAST 50

struct ese_torture_round {
    int64_t number;
    int64_t load_seed;
    struct ese_fault fault; /* points into this: not to be copied */
    struct ese_fault_step steps[ESE_DEEDS];
};

/* What a round is drawn from. */
struct ese_torture_lot {
    int64_t seed;
    int64_t number;
    int64_t rate;
    int consumers; /* 0, as 1: one */
};

void ese_torture_draw(const struct ese_torture_lot *lot, struct ese_torture_round *round);

#endif
