/*
 * http_listen.h - the socket a server listens on, the rule about who may reach it, and how.
 *
 * Only this machine may, unless whoever opens it says that others are asked for a token, or that
 * the network is the lab's own: without either an address beyond loopback is ESE_E_USAGE.
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

/* Where this machine reaches who listens on such a text: in numbers, and instead of a wildcard the
 * loopback address. ESE_E_USAGE for port 0: which one was taken then cannot be told. */
int ese_http_listen_reach(const char *text, char address[ESE_HTTP_ADDRESS_SIZE],
                          struct ese_error *error);

#endif
