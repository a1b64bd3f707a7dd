/*
 * dashboard.h - the page that shows what is here: /dashboard, and whatever is below it, as the original's.
 *
 * Its files are a part of the program (transports/webhook/dashboard, by embed.py), below /dashboard/build/. It asks the
 * same routes as everybody, of the server that it came from, and nobody else: that is its Content-Security-Policy, too.
 * So the page is the same for everybody, and is given without a token; what it asks for is not. All on the HTTP
 * server's thread.
 */
#ifndef ESE_WEBHOOK_DASHBOARD_H
#define ESE_WEBHOOK_DASHBOARD_H

#include <stddef.h>

#include "ese-core/http_server.h"

struct ese_webhook_dashboard_file {
    const char *name; /* "main.js" */
    const char *type; /* of its content */
    const char *text;
    size_t length;
};

/* The first is the page itself. Ends with a name of NULL. */
extern const struct ese_webhook_dashboard_file ese_webhook_dashboard_files[];

void ese_webhook_dashboard_add_routes(struct ese_http_server *server);

#endif
