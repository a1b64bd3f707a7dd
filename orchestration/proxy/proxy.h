/*
 * proxy.h - lines between parties, each a listening address that leads to another one, whose condition can be changed
 * while it runs.
 *
 * Everything is done by the thread that runs it, out of one epoll. Of each way of a connection no more is held than
 * `buffer` bytes (and what the kernel's own buffers take): who finds no room reads no more. Connections are at most
 * `connections`, of all links together: those beyond are reset at once, counted, and logged.
 */
#ifndef ESE_PROXY_H
#define ESE_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"

#define ESE_PROXY_LINKS 16
#define ESE_PROXY_NAME_SIZE 32
#define ESE_PROXY_ADDRESS_SIZE 64
#define ESE_PROXY_ANSWER_SIZE 512 /* "ok", or "error: " and why */

struct ese_proxy_options {
    size_t buffer;
    int connections;
    uint64_t seed;       /* of the jitter */
    const char *control; /* the path of the socket it is told by; NULL: there is none. Copied. */
};

struct ese_proxy;

/* ESE_E_MISSING where the process may not have as many descriptors open. */
int ese_proxy_open(const struct ese_proxy_options *options, struct ese_proxy **proxy, struct ese_error *error);
/* Resets what is open. NULL behind the pointer is allowed; nulls it. */
void ese_proxy_close(struct ese_proxy **proxy);

/* "NAME=LISTEN,TARGET": as "client=127.0.0.1:0,127.0.0.1:2001". LISTEN is of the loopback interface; port 0 takes a
 * free one. TARGET is HOST:PORT, and is looked up now. */
int ese_proxy_add(struct ese_proxy *proxy, const char *text, struct ese_error *error);
/* "client=127.0.0.1:40001 consumer=127.0.0.1:40002": where each link really listens. Valid as long as the proxy. */
const char *ese_proxy_addresses(struct ese_proxy *proxy);

/* "LINK CONDITION" (condition.h), or "LINK show". What is asked for is in force when it returns. */
void ese_proxy_tell(struct ese_proxy *proxy, const char *line, char answer[ESE_PROXY_ANSWER_SIZE]);

/* Until stop_fd can be read. */
int ese_proxy_run(struct ese_proxy *proxy, int stop_fd, struct ese_error *error);

#endif
