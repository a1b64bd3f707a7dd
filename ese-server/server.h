/*
 * server.h - the storage server: an HTTP server, the chosen transport's store behind it, and the
 * routes every store has beside its own: /health and /metrics.
 */
#ifndef ESE_SERVER_H
#define ESE_SERVER_H

#include "ese-core/config.h"

struct ese_server;

/* Opens the store and serves. From here on requests are answered. */
int ese_server_open(const struct ese_config *config, struct ese_server **server,
                    struct ese_error *error);

/* "127.0.0.1:2001", as it was really taken. */
const char *ese_server_address(const struct ese_server *server);

/* Takes nothing new, answers what it holds, and lets go, all within two seconds. Nulls the
 * pointer. */
void ese_server_close(struct ese_server **server);

#endif
