/*
 * orders.h - a life of ordering: once a cycle one order; and one of both, clicking and ordering.
 *
 * An order is created, 200 ms later allocated, at 400 ms started and at 600 ms completed; half of
 * them never are. That is three and a half events and half a stuck-order mail a cycle in the mean.
 * It is created 100 to 200 ms behind the cycle's beginning, where a burst of clicks is over: no two
 * events of a person meet in one millisecond but within a burst.
 *
 * The orderId is a UUID version 4 of the person's own numbers: a client that is started again goes
 * on with the orders of the one before.
 */
#ifndef ESE_ORDERS_H
#define ESE_ORDERS_H

#include "ese-client/persons.h"

extern const struct ese_life ese_orders_life;
extern const struct ese_life ese_mixed_life;

#endif
