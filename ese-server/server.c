#include "ese-server/server.h"

#include <stdlib.h>
#include <string.h>

#include "ese-core/health.h"
#include "ese-core/http_server.h"
#include "ese-core/listen_option.h"
#include "ese-core/memory.h"
#include "ese-core/metrics.h"
#include "ese-server/retention.h"
#include "transports/registry.h"

#define DETACH_MS 1000 /* of the two seconds a stop may take; the rest is for the answers */

struct ese_server {
    const struct ese_transport *transport;
    struct ese_metrics *metrics;
    struct ese_http_server *http;
    struct ese_store *store;
    struct ese_health health;
};

/* ---- routes ---------------------------------------------------------------------------------- */

static bool is_well(void *context, char *text, size_t size)
{
    struct ese_server *server = context;

    return server->transport->store->healthy(server->store, text, size);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* What the transport promises, in words: "memory, os, disk". */
static void name_levels(unsigned levels, struct ese_buffer *text)
{
    for (unsigned level = ESE_DURABILITY_MEMORY; level <= ESE_DURABILITY_REPLICAS; level <<= 1) {
        if ((levels & level) != 0)
            ese_buffer_printf(text, "%s%s", text->length > 0 ? ", " : "",
                              ese_durability_name((enum ese_durability)level));
    }
}

static int check_durability(const struct ese_transport *transport, enum ese_durability durability,
                            struct ese_error *error)
{
    struct ese_buffer levels = ESE_BUFFER_INIT(128);

    if ((transport->promises.durability & (unsigned)durability) != 0)
        return 0;
    name_levels(transport->promises.durability, &levels);
    ese_fail(error, ESE_E_USAGE, "--durability %s: %s does not promise that, only: %s",
             ese_durability_name(durability), transport->name, levels.text);
    ese_buffer_free(&levels);
    return -1;
}

static int open_http(struct ese_server *server, const struct ese_config *config,
                     struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];
    struct ese_http_server_options options = {
        .max_connections = (int)ese_config_number(config, "max-connections"),
        .connections_option = "--max-connections",
        .max_body_bytes = ese_config_number(config, "max-body-bytes"),
        .request_deadline_ms = (int)ese_config_number(config, "request-deadline-ms"),
        .metrics = server->metrics,
    };

    if (ese_listen_told(config, token, &options, error) != 0)
        return -1;
    return ese_http_server_open(&options, &server->http, error);
}

static int read_settings(const struct ese_server *server, const struct ese_config *config,
                         struct ese_store_settings *settings, struct ese_error *error)
{
    *settings = (struct ese_store_settings){
        .durability = ese_durability_parse(ese_config_text(config, "durability")),
        .metrics = server->metrics,
        .retention_is_asked_for = ese_config_peek(config, "retention") != NULL,
    };
    if (check_durability(server->transport, settings->durability, error) != 0)
        return -1;
    return ese_retention_parse(ese_config_text(config, "retention"), &settings->retention_ms,
                               error);
}

static int attach_store(struct ese_server *server, const struct ese_config *config,
                        struct ese_store_settings *settings, struct ese_error *error)
{
    settings->server = server->http;
    return server->transport->store->attach(config, settings, &server->store, error);
}

static void add_routes(struct ese_server *server)
{
    server->health = (struct ese_health){.check = is_well, .context = server};
    ese_health_route(server->http, &server->health);
    ese_http_server_route_metrics(server->http, server->metrics);
}

int ese_server_open(const struct ese_config *config, struct ese_server **server,
                    struct ese_error *error)
{
    struct ese_server *opened = *server = ese_alloc(sizeof(*opened));
    struct ese_store_settings settings;

    opened->transport = ese_registry_chosen(config);
    opened->metrics = ese_metrics_new();
    if (read_settings(opened, config, &settings, error) == 0 &&
        open_http(opened, config, error) == 0 &&
        attach_store(opened, config, &settings, error) == 0) {
        add_routes(opened);
        if (ese_http_server_start(opened->http, error) == 0)
            return 0;
    }
    ese_server_close(server);
    return -1;
}

const char *ese_server_address(const struct ese_server *server)
{
    return ese_http_server_address(server->http);
}

void ese_server_close(struct ese_server **server)
{
    struct ese_server *closed = *server;

    if (closed == NULL)
        return;
    *server = NULL;
    if (closed->http != NULL)
        ese_http_server_quiesce(closed->http);
    closed->transport->store->detach(&closed->store, DETACH_MS);
    ese_http_server_close(&closed->http);
    ese_metrics_free(&closed->metrics);
    free(closed);
}
