/*
 * port.h - free loopback ports that stay free while their owner is dead.
 *
 * A port the kernel hands out for binding port 0 comes from the range it also gives to outgoing
 * connections. While a killed broker is away, a client's own connection may then take the broker's
 * port (a client that tries again and again may even connect to itself), and the broker cannot
 * come back. So these are drawn from below that range.
 *
 * And a drawn one is held: nobody else draws it, in whatever process, until it is released or this
 * process ends, be its owner not started yet, dead, or about to come back. What holds it is a socket
 * that is bound and does not listen: others may bind the port beside it where both say SO_REUSEADDR,
 * as every server does that can be started again, and who draws says so only afterwards (socket(7)).
 */
#ifndef ESE_PORT_H
#define ESE_PORT_H

#include <stdbool.h>

#include "ese-core/error.h"

struct ese_port;

/* One that nobody has bound just now. */
int ese_port_draw(struct ese_port **port, struct ese_error *error);
int ese_port_number(const struct ese_port *port);
/* NULL behind the pointer is allowed; nulls it. */
void ese_port_release(struct ese_port **port);

/* Whether somebody takes connections on the loopback port. */
bool ese_port_listens(int port);

/* Whether a server could listen on the loopback port. ESE_E_MISSING when not, naming who does, and
 * the option by which another port is chosen. */
int ese_port_check(int port, const char *option, struct ese_error *error);

#endif
