#include "transports/webhook/dashboard.h"

#include <string.h>

#include "transports/webhook/stream_routes.h"

/* Nothing from elsewhere, nothing that stands in the page itself, and no page of somebody else's around it, whose
 * visitors would press buttons that they do not see (https://www.w3.org/TR/CSP3/). */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                             "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void reply_file(struct ese_http_request *request, const struct ese_webhook_dashboard_file *file)
{
    ese_http_request_add_header(request, "Content-Security-Policy", policy);
    ese_http_request_add_header(request, "X-Content-Type-Options", "nosniff");
    ese_http_request_add_header(request, "Referrer-Policy", "no-referrer");
    ese_http_request_add_header(request, "Cache-Control", "no-cache");
    ese_http_reply(request, 200, file->type, file->text, file->length);
}

static void get_page(void *context, struct ese_http_request *request)
{
    (void)context;
    reply_file(request, &ese_webhook_dashboard_files[0]);
}

static void get_file(void *context, struct ese_http_request *request)
{
    static const char not_found[] = "{\"message\":\"Not Found\"}"; /* as where there is no route */
    const char *name = ese_http_request_parameter(request, "name");

    (void)context;
    for (const struct ese_webhook_dashboard_file *file = &ese_webhook_dashboard_files[1];
         name != NULL && file->name != NULL; file++) {
        if (strcmp(file->name, name) == 0) {
            reply_file(request, file);
            return;
        }
    }
    ese_http_reply(request, 404, ESE_WEBHOOK_JSON, not_found, sizeof(not_found) - 1);
}

/* What is below, but no file, is the page: it looks at its address itself. */
void ese_webhook_dashboard_add_routes(struct ese_http_server *server)
{
    ese_http_server_route_open(server, "GET", "/dashboard", get_page, NULL);
    ese_http_server_route_open(server, "GET", "/dashboard/build/:name", get_file, NULL);
    ese_http_server_route_open(server, "GET", "/dashboard/build/*", get_file, NULL);
    ese_http_server_route_open(server, "GET", "/dashboard/*", get_page, NULL);
}
