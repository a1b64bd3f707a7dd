#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/e2e/kafka_server.h"
#include "tests/support/wait.h"

extern const struct ese_transport ese_transport_kafka;

bool ese_kafka_server_is_healthy(void *context)
{
    char text[256];
    const struct ese_test_store_server *server = context;
    return server->face->healthy(server->store, text, sizeof text);
}

void ese_kafka_server_open(const struct ese_kafka_scene *scene,
                           struct ese_test_store_server *server, int64_t retention_ms,
                           const char *role, const char *option)
{
    char bootstrap[100], prefix[100];
    snprintf(bootstrap, sizeof bootstrap, "bootstrap-servers=%s", scene->bootstrap);
    snprintf(prefix, sizeof prefix, "topic-prefix=%s", scene->prefix);
    const struct ese_test_store_options options = {
        .face = ese_transport_kafka.store,
        .durability = ESE_DURABILITY_OS,
        .retention_ms = retention_ms,
        .options = {bootstrap, prefix, role, option},
    };
    ese_test_store_server_close(server);
    ese_test_store_server_open(server, &options);
    assert_true(ese_test_wait_until(ese_kafka_server_is_healthy, server,
                                    ESE_KAFKA_SERVER_WAIT_MS));
}

int64_t ese_kafka_server_counted(const struct ese_test_store_server *server, const char *counter)
{
    return ese_metric_value(ese_metrics_counter(server->metrics, counter, NULL, ""));
}
