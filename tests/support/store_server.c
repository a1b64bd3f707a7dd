#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "tests/support/store_server.h"

static struct ese_config *make_config(const struct ese_test_store_options *options)
{
    struct ese_config *config = ese_config_new();
    struct ese_error error = {0};

    if (options->face->options != NULL)
        ese_config_add(config, "Options", options->face->options);
    for (size_t i = 0; i < ESE_COUNT_OF(options->options) && options->options[i] != NULL; i++) {
        char *name = ese_copy_text(options->options[i]);
        char *equals = strchr(name, '=');
        assert_non_null(equals);
        *equals = '\0';
        ese_config_give(config, name, equals + 1);
        free(name);
    }
    if (ese_config_settle(config, &error) != 0)
        fail_msg("%s", error.text);
    return config;
}

void ese_test_store_server_open(struct ese_test_store_server *server,
                                const struct ese_test_store_options *options)
{
    struct ese_error error = {0};
    const struct ese_http_server_options http = {
        .listen = options->listen != NULL ? options->listen : "127.0.0.1:0"};

    *server = (struct ese_test_store_server){.face = options->face, .config = make_config(options)};
    server->metrics = ese_metrics_new();
    if (ese_http_server_open(&http, &server->http, &error) != 0)
        fail_msg("%s", error.text);
    const struct ese_store_settings settings = {
        .durability = options->durability,
        .retention_ms = options->retention_ms,
        .server = server->http,
        .metrics = server->metrics,
    };
    if (options->face->attach(server->config, &settings, &server->store, &error) != 0 ||
        ese_http_server_start(server->http, &error) != 0)
        fail_msg("%s", error.text);
    ese_fit_text(server->address, sizeof(server->address), ese_http_server_address(server->http));
}

void ese_test_store_server_close(struct ese_test_store_server *server)
{
    if (server->face == NULL)
        return;
    ese_http_server_quiesce(server->http);
    server->face->detach(&server->store, 1000);
    ese_http_server_close(&server->http);
    ese_metrics_free(&server->metrics);
    ese_config_free(&server->config);
    *server = (struct ese_test_store_server){.face = NULL};
}
