/*
 * port.h - free loopback ports that stay free while their owner is dead.
 *
 * A port the kernel hands out for binding port 0 comes from the range it also gives to outgoing
 * connections. While a killed broker is away, a client's own connection may then take the broker's
 * port (a client that tries again and again may even connect to itself), and the broker cannot
 * come back. So these are drawn from below that range.
 */
#ifndef ESE_PORT_H
#define ESE_PORT_H

#include <stdbool.h>

#include "ese-core/error.h"

/* Fills ports with `count` different ones nobody listens on just now. */
int ese_port_draw(int *ports, int count, struct ese_error *error);

/* Whether somebody takes connections on the loopback port. */
bool ese_port_listens(int port);

/* Whether a server could listen on the loopback port. ESE_E_MISSING when not, naming who does, and
 * the option by which another port is chosen. */
int ese_port_check(int port, const char *option, struct ese_error *error);

#endif
