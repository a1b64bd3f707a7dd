/*
 * listeners.h - where a broker listens, and what it tells clients of that: the lines of server.properties that are one
 * broker's alone.
 *
 * A client that has reached a broker connects anew, to the address the broker advertises on the listener it came in
 * by. So whoever is to reach it over a line of its own (a proxy that can be cut) is given a listener of its own,
 * advertised as that line's address. One thread.
 */
#ifndef ESE_LISTENERS_H
#define ESE_LISTENERS_H

#include <stdio.h>

#include "ese-core/error.h"

#define ESE_LISTENERS 8

/* Beside the one that everybody else uses. */
struct ese_listener {
    const char *name;    /* letters A to Z: "CONSUMER" */
    int port;            /* of 127.0.0.1; 0: a free one */
    int advertised_port; /* of 127.0.0.1, too; 0: its own */
};

struct ese_listeners;

/* port: the one of everybody; 0: a free one. At most ESE_LISTENERS further ones, of which the names are kept and not
 * copied. Ports that are drawn stay its own, also while no broker runs, until it is closed (port.h). */
int ese_listeners_open(int port, const struct ese_listener *further, int count, struct ese_listeners **listeners,
                       struct ese_error *error);
void ese_listeners_close(struct ese_listeners **listeners);

int ese_listeners_port(const struct ese_listeners *listeners); /* everybody's */
/* Of the i-th further one. */
int ese_listeners_further_port(const struct ese_listeners *listeners, int i);

/* Writes the lines, behind those of server.properties, which they replace where they have the same name. */
void ese_listeners_write(const struct ese_listeners *listeners, FILE *properties);

#endif
