/*
 * http_listen.h - the socket a server listens on, and the rule about who may reach it.
 *
 * Only this machine may, unless whoever opens it says that others are asked for a token, or that the
 * network is the lab's own: without either an address beyond loopback is ESE_E_USAGE.
 */
#ifndef ESE_HTTP_LISTEN_H
#define ESE_HTTP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"

#define ESE_HTTP_ADDRESS_SIZE 64

struct ese_http_listen {
    int fd; /* bound, not yet listening; non-blocking */
    bool ipv6;
    uint16_t port;                       /* the one really taken */
    char address[ESE_HTTP_ADDRESS_SIZE]; /* "127.0.0.1:40123", "[::1]:40123" */
};

/* text: "HOST:PORT" or "[V6]:PORT"; port 0 takes a free one. */
int ese_http_listen_open(const char *text, bool for_others, struct ese_http_listen *listen,
                         struct ese_error *error);

#endif
