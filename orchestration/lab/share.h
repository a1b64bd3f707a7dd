/*
 * share.h - a run's events, shared out by lanes, so that a long run can be judged a share at a time.
 *
 * Whatever is said of an event bears its id, and an id tells its lane: so it is known whose share an event
 * is, were it one that nobody has offered. (Ids that no client of ours makes tell no lane: those are all of the
 * first share.) The events of a key must not come apart, as order and chains
 * go by key. A client gives a key the lane `hash of the key % lanes`; for lanes that are given otherwise,
 * or by clients that had other numbers of lanes, lanes are taken modulo the largest number for which
 * `lane % number == hash % number` holds for all that was offered. Lanes that are the same by that stay
 * together.
 */
#ifndef ESE_LAB_SHARE_H
#define ESE_LAB_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/id.h"

/* How the events of a run are shared out. */
struct ese_shares {
    int count;
    uint16_t modulus; /* of lanes */
    uint16_t share_of[ESE_ID_LANES]; /* by lane % modulus */
};

/* One of them. */
struct ese_share {
    const struct ese_shares *shares;
    int number; /* from 0 */
};

/* Looks at what the client of the run in that directory (artifacts.h) has offered, and makes shares of at most
 * `events` each. Lanes that must stay together and are more make one that is larger. ESE_E_FULL when they
 * are more than `most`. A history that cannot be read has nothing to share out. */
int ese_shares_find(const char *directory, int64_t events, int64_t most, struct ese_shares *shares,
                    struct ese_error *error);

/* Whether an event of that id is in the share; of NULL all are. */
bool ese_share_has(const struct ese_share *share, const struct ese_id *id);
bool ese_share_has_lane(const struct ese_share *share, uint16_t lane);

#endif
