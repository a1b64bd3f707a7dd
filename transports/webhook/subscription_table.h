/*
 * subscription_table.h - DATA/_meta.db: what there is of subscriptions, and the events that were set aside.
 *
 * The original's table keeps its columns, and what it finds in them it understands:
 *
 *   subscriptions(name, stream, url, httpHeaders, lastReadPosition, isActive, createdAt, updatedAt, pauseReason)
 *
 * lastReadPosition is an INTEGER when a subscription is made and TEXT from its first delivery on; updatedAt and
 * pauseReason are NULL until something changes. What is ours stands beside it, in tables that the original does not
 * look at; a row of ese_subscriptions is of the subscription with the same createdAt, so that one which the original
 * has deleted and made anew begins without. Dead letters are of whoever has the name:
 *
 *   ese_subscriptions(name, created, batch, tries, first_ms, most_ms, poison, secret)
 *   ese_dead_letters(subscription, stream, position, uuid, type, created, body, reason, "when")
 *
 * Two handles on the one file: what somebody asked for is written at the server's durability before it is answered;
 * positions are written often and synced with whatever is next (a power cut takes them back a little, as a death does).
 * One thread.
 */
#ifndef ESE_WEBHOOK_SUBSCRIPTION_TABLE_H
#define ESE_WEBHOOK_SUBSCRIPTION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/sqlite.h"
#include "transports/webhook/stream_reader.h"
#include "transports/webhook/subscription.h"

struct ese_webhook_subscription_table;

/* Makes what is missing of the file, not of the directory. */
int ese_webhook_subscription_table_open(const char *directory, enum ese_durability durability,
                                        struct ese_webhook_subscription_table **table, struct ese_error *error);
void ese_webhook_subscription_table_close(struct ese_webhook_subscription_table **table);

/* Calls take with each, in the order in which they were made; what it owns is take's. Rows that are no subscription of
 * ours (a name too long for us) are passed over, and told to the log. */
int ese_webhook_subscription_table_load(struct ese_webhook_subscription_table *table,
                                        void (*take)(void *context, struct ese_webhook_subscription *subscription),
                                        void *context, struct ese_error *error);

/* In the place of any other of that name. Its dead letters stay. */
int ese_webhook_subscription_table_put(struct ese_webhook_subscription_table *table,
                                       const struct ese_webhook_subscription *subscription, struct ese_error *error);

/* Of one that is there: whether it is active, why not, its position, when it was changed. */
int ese_webhook_subscription_table_change(struct ese_webhook_subscription_table *table,
                                          const struct ese_webhook_subscription *subscription,
                                          struct ese_error *error);

/* With its dead letters. No error where there is none. */
int ese_webhook_subscription_table_remove(struct ese_webhook_subscription_table *table, const char *name,
                                          struct ese_error *error);

/* Positions alone, of several; not synced. */
int ese_webhook_subscription_table_begin_positions(struct ese_webhook_subscription_table *table,
                                                   struct ese_error *error);
int ese_webhook_subscription_table_position(struct ese_webhook_subscription_table *table, const char *name,
                                            int64_t position, struct ese_error *error);
void ese_webhook_subscription_table_drop_positions(struct ese_webhook_subscription_table *table); /* instead of end */
int ese_webhook_subscription_table_end_positions(struct ese_webhook_subscription_table *table,
                                                 struct ese_error *error);

/* ---- dead letters ---------------------------------------------------------------------------- */

#define ESE_WEBHOOK_MOST_DEAD_LETTERS 10000 /* of one subscription */

/* Keeps the event, in the place of what was kept of it before, and moves the stored position behind it, in one
 * transaction. *kept: how many it has (-1: nobody has counted), and has by then. ESE_E_FULL: that is
 * ESE_WEBHOOK_MOST_DEAD_LETTERS already, or there is no room. */
int ese_webhook_subscription_table_set_aside(struct ese_webhook_subscription_table *table,
                                             const struct ese_webhook_subscription *subscription,
                                             const struct ese_webhook_event *event, const char *reason,
                                             int64_t *kept, struct ese_error *error);

/* How many a subscription has; -1: they cannot be counted. */
int64_t ese_webhook_subscription_table_count_dead(struct ese_webhook_subscription_table *table, const char *name);

struct ese_webhook_dead_letter {
    struct ese_webhook_event event;
    const char *stream;
    const char *reason;
    const char *when; /* created.h */
};

/* Calls visit with those behind position `after`, and with those at it whose streams come behind that one (NULL: none),
 * in this order, at most limit, and none further once it returns false; what it is given is good during the call. */
int ese_webhook_subscription_table_each_dead(struct ese_webhook_subscription_table *table, const char *name,
                                             int64_t after, const char *stream, int limit,
                                             bool (*visit)(void *context, const struct ese_webhook_dead_letter *letter),
                                             void *context, struct ese_error *error);

#endif
