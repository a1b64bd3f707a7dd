/*
 * application.h - rules applied to one event, and what leaves by event time: within the transaction
 * of whoever calls, be it a batch, a try (trial.h) or a replay (replay.h).
 *
 * What they conclude is added as decisions, and noted in the history. One thread.
 */
#ifndef ESE_APPLICATION_H
#define ESE_APPLICATION_H

#include "ese-consumer/decisions.h"
#include "ese-consumer/holdings.h"
#include "ese-consumer/rule.h"
#include "ese-consumer/state.h"
#include "ese-consumer/statistics.h"
#include "ese-core/account.h"
#include "ese-core/history.h"
#include "transports/transport.h"

/* Kept by reference: all must outlive whoever is opened with them. */
struct ese_turn_parts {
    const struct ese_rules *rules;
    struct ese_state *state;
    struct ese_decisions *decisions;
    struct ese_holdings *holdings;
    struct ese_history *history;
    struct ese_statistics *statistics;
    bool sort;           /* the transport promises no order per key */
    int64_t lateness_ms; /* how much older than the newest an event may come */
    int64_t max_keys;    /* beyond: ESE_E_FULL, which names the option */
    int max_batch;       /* events a batch may have */
    int pause_ms;        /* between the first two tries of an event; doubles from one to the next */
    /* Called when it is the turn of others, with how many of the batch are left: says how many of these, from the first
     * on, may be committed at once, one at least. NULL: all of them. */
    int (*pace)(void *context, int left);
    /* Called once these are noted as handed, and before the transaction that commits them: waits for as long as rules
     * take over them. False: a stop was asked for. NULL: they take no time. */
    bool (*wait)(void *context);
    void *context;       /* of both */
};

/* An event that is no repeat, on its way to the rules. */
struct ese_fresh {
    const struct ese_record *record;
    int index; /* of the record in its batch */
    struct ese_holding *holding;
    int64_t event_time_ms; /* its partition's, when it was handed */
    bool is_straggler;     /* late, and no wall clock was set back: its key may have left */
};

/* In one transaction. */
struct ese_application {
    const struct ese_turn_parts *parts;
    struct ese_account *account;
    int decided;                   /* decisions that are new */
    int timers;                    /* that may still go off */
    const struct ese_rule *failed; /* NULL: it was no rule that failed */
};

/* The rules, one after the other. After a failure the transaction is to be rolled back. */
int ese_application_event(struct ese_application *application, const struct ese_fresh *fresh,
                          struct ese_error *error);

/* Has leave what has left by event time. */
int ese_application_leave(struct ese_application *application, struct ese_holding *holding,
                          struct ese_error *error);

#endif
