/*
 * oracle_rule.h - one rule as the oracle says it: for oracle.c and its rules alone.
 *
 * One more rule is one file oracle_*.c here and one line in oracle.c.
 */
#ifndef ESE_LAB_ORACLE_RULE_H
#define ESE_LAB_ORACLE_RULE_H

#include "orchestration/lab/oracle.h"

/* The events of one key that the rule can have seen, in the order they were sent. */
struct ese_oracle_events {
    const struct ese_book *book;
    const char *key;
    const uint32_t *numbers; /* in the book */
    uint32_t count;
    bool is_replay; /* handed by one, and so whenever somebody liked to */
};

struct ese_oracle_rule {
    const char *name;
    bool wanted[ESE_BOOK_KINDS]; /* which events it is about */
    /* Puts each of the events into a chain, and says which mails those had to give. */
    void (*apply)(struct ese_oracle *oracle, const struct ese_oracle_events *events);
    /* Whether it can make a decision of these, all of one key and of a kind that is wanted, whatever else there was. */
    bool (*gives)(const struct ese_book_entry *const events[], int count);
};

extern const struct ese_oracle_rule ese_oracle_clicks; /* steady-click */
extern const struct ese_oracle_rule ese_oracle_orders; /* stuck-order */

const struct ese_book_entry *ese_oracle_event(const struct ese_oracle_events *events, uint32_t i);

/* Begins a chain. Valid until the next one is begun. */
struct ese_oracle_chain *ese_oracle_begin_chain(struct ese_oracle *oracle);
/* Puts the event into the chain that was begun last. */
void ese_oracle_put(struct ese_oracle *oracle, const struct ese_oracle_events *events, uint32_t i);
/* Of the chain that was begun last: a mail whose decision is made of the events from..to, and named for
 * the rule. is_timed: see oracle.h. */
void ese_oracle_expect(struct ese_oracle *oracle, const struct ese_oracle_events *events, uint32_t from,
                       uint32_t to, const struct ese_oracle_rule *rule, bool is_timed);

#endif
