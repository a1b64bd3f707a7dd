/*
 * holdings.h - the partitions a member of a consumer group holds just now, and what it knows of
 * each.
 *
 * A holding begins when the transport gives the partition and is dropped, with everything
 * remembered, when it is taken away or somebody newer is found to own it: what counts is in the
 * state file. At most ESE_HOLDINGS_LIMIT. One thread.
 */
#ifndef ESE_HOLDINGS_H
#define ESE_HOLDINGS_H

#include <stdint.h>

#include "ese-consumer/kept.h"
#include "ese-consumer/named.h"
#include "ese-consumer/repeats.h"
#include "ese-consumer/state.h"

#define ESE_HOLDINGS_LIMIT 1024

struct ese_holding {
    int32_t partition;
    struct ese_position position;
    struct ese_repeats *repeats; /* owned */
    struct ese_named *named;     /* owned */
    struct ese_kept *kept;       /* owned */
    int64_t keys;                /* of it those of the rules that are applied */
    int64_t timers;              /* of them those whose leaving is waited for */

    int64_t letters;             /* dead ones, settled ones included */
    struct ese_attempt attempt;  /* which event is tried again */
    int64_t alone;               /* so many events more are tried one by one */

    /* Of the batch that is being processed, in slices. */
    bool has_moved; /* something of it was committed */
    int64_t from;   /* the position in front of the slice; */
    int64_t keys_from, timers_from; /* and these */
    int64_t events;
    int64_t passed; /* what is no event */
    struct ese_progress progress;
};

struct ese_holdings {
    struct ese_holding *items[ESE_HOLDINGS_LIMIT];
    int count;
};

/* Starts a holding in place of one of the same partition. NULL when there are too many. */
struct ese_holding *ese_holdings_add(struct ese_holdings *holdings, int32_t partition);
/* NULL: it is not held. */
struct ese_holding *ese_holdings_find(struct ese_holdings *holdings, int32_t partition);
void ese_holdings_drop(struct ese_holdings *holdings, int32_t partition); /* may be absent */
void ese_holdings_clear(struct ese_holdings *holdings);
int64_t ese_holdings_keys(const struct ese_holdings *holdings); /* of all of them */
int64_t ese_holdings_timers(const struct ese_holdings *holdings);

/* Takes the partition (ese_state_take), and reads into the holding all that is known of it. */
int ese_holding_load(struct ese_holding *holding, struct ese_state *state, const char *name,
                     const struct ese_rules *rules, struct ese_error *error);
/* As it was in front of the slice, whose transaction was rolled back. It stays what it was taken
 * as. */
int ese_holding_reload(struct ese_holding *holding, struct ese_state *state,
                       struct ese_error *error);

#endif
