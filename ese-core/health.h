/*
 * health.h - GET /health from both sides: how a process answers it, and the question --health, by
 * which a container asks how the process beside it is (no shell, no curl).
 */
#ifndef ESE_HEALTH_H
#define ESE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/config.h"
#include "ese-core/http_server.h"

#define ESE_HEALTH_TEXT_SIZE 512

/* Whether all is well: fills text with why not; or with what is worth saying all the same, "" for
 * nothing. Must not block. */
typedef bool ese_health_check(void *context, char *text, size_t size);

struct ese_health {
    ese_health_check *check;
    void *context;
};

/* GET /health: 200 {"status":"ok"}, with a "note" where there is something to say, or 503
 * {"status":"failing","reason":"..."}. health must live as long as the server. */
void ese_health_route(struct ese_http_server *server, const struct ese_health *health);

/* Asks GET /health where this configuration serves (listen_option.h; of a wildcard address, at
 * loopback), with its token, for three seconds at most. Prints one line of what it found, on stdout
 * when all is well, else on stderr. Returns the exit status, 0 or 1; -1 with ESE_E_USAGE when it
 * cannot be told where: nowhere, or on port 0. Nothing else of the service is touched. */
int ese_health_ask(const char *name, const struct ese_config *config, struct ese_error *error);

#endif
