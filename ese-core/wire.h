/*
 * wire.h - bytes that went over the connections this process opened, both ways.
 *
 * Every hop of the walk is one TCP connection with one side that opened it. That side counts the
 * bytes it sent and those the other side sent (TCP_INFO: bytes acknowledged and received), so each
 * byte of every hop is counted once, protocol included, whichever library holds the socket. Hooks
 * of curl and librdkafka call opened and closing. Thread-safe. At most 4,096 open sockets are
 * followed; more are counted as `untracked`.
 */
#ifndef ESE_WIRE_H
#define ESE_WIRE_H

#include <stdint.h>

struct ese_wire_totals {
    uint64_t sent;
    uint64_t received;
    uint64_t untracked;
};

void ese_wire_opened(int fd);
void ese_wire_closing(int fd);                        /* before close(2) */
void ese_wire_add(uint64_t sent, uint64_t received);  /* where the socket cannot be seen (SMTP) */
struct ese_wire_totals ese_wire_totals(void);

#endif
