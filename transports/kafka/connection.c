#include "transports/kafka/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/log.h"
#include "ese-core/tally.h"
#include "ese-core/wire.h"

#define PROPERTY_SIZE 128

/* ---- librdkafka's callbacks, on its own threads -------------------------------------------- */

static int open_socket(int domain, int type, int protocol, void *opaque)
{
    (void)opaque;
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    if (fd != -1)
        ese_wire_opened(fd);
    return fd;
}

static int close_socket(int fd, void *opaque)
{
    (void)opaque;
    ese_wire_closing(fd);
    return close(fd);
}

static rd_kafka_resp_err_t count_request(rd_kafka_t *handle, int fd, const char *name, int32_t broker, int16_t key,
                                         int16_t version, int32_t number, size_t size, void *opaque)
{
    (void)handle, (void)fd, (void)name, (void)broker, (void)key, (void)version, (void)number, (void)size, (void)opaque;
    ese_tally_count(ESE_TALLY_ASKED_BROKER, 1);
    ese_tally_note_wire();
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Of every handle that is made of the configuration. Without it nothing fails but the counting. */
static rd_kafka_resp_err_t follow_requests(rd_kafka_t *handle, const rd_kafka_conf_t *conf, void *opaque,
                                           char *reason, size_t size)
{
    (void)conf, (void)opaque, (void)reason, (void)size;
    return rd_kafka_interceptor_add_on_request_sent(handle, "ese-tally", count_request, NULL);
}

/* Levels are syslog(3)'s. That a connection failed is an error to librdkafka, and to us a matter
 * of trying again, which would fill the log: error_seen tells the one line that matters. */
static void log_line(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    if (level <= 2)
        ese_log_error("librdkafka %s: %s", facility, text);
    else if (strcmp(facility, "CONFWARN") == 0)
        ese_log_warning("librdkafka: %s", text);
    else
        ese_log_debug("librdkafka %s: %s", facility, text);
}

/* Called from inside poll; with all brokers down once for each time that they are. */
static void error_seen(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    char address[ESE_CONNECTION_ADDRESS_SIZE];
    (void)opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        ese_log_error("librdkafka: %s", reason);
    else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        ese_log_warning("no Kafka broker answers at %s: " ESE_CONNECTION_REMEDY
                        "; trying again until one is there",
                        ese_connection_address(handle, address));
    else
        ese_log_debug("librdkafka: %s", reason);
}

const char *ese_connection_address(const rd_kafka_t *handle,
                                   char address[ESE_CONNECTION_ADDRESS_SIZE])
{
    char whole[4096] = "";
    size_t size = sizeof whole;
    rd_kafka_conf_get(rd_kafka_conf((rd_kafka_t *)(uintptr_t)handle), "bootstrap.servers", whole,
                      &size);
    snprintf(address, ESE_CONNECTION_ADDRESS_SIZE, "%s", whole);
    return address;
}

const char *ese_connection_prefix(const struct ese_config *config)
{
    const char *prefix = ese_config_text(config, "topic-prefix");
    return prefix == NULL ? "" : prefix;
}

/* ---- properties ---------------------------------------------------------------------------- */

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct ese_error *error)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return 0;
    reason[strcspn(reason, "\n")] = '\0';
    return ese_fail(error, ESE_E_USAGE, "%s", reason);
}

static int set_list(rd_kafka_conf_t *conf, const struct ese_connection_property *list,
                    struct ese_error *error)
{
    for (int i = 0; list[i].name != NULL; i++) {
        if (set(conf, list[i].name, list[i].value, error) == -1)
            return -1;
    }
    return 0;
}

/* One -X NAME=VALUE. */
static int set_given(rd_kafka_conf_t *conf, const char *given,
                     const struct ese_connection_property *fixed, struct ese_error *error)
{
    char name[PROPERTY_SIZE];
    const char *equals = strchr(given, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - given);
    if (length == 0 || length >= sizeof name)
        return ese_fail(error, ESE_E_USAGE, "-X %.60s: give NAME=VALUE", given);
    memcpy(name, given, length);
    name[length] = '\0';
    for (int i = 0; fixed[i].name != NULL; i++) {
        if (strcmp(fixed[i].name, name) == 0)
            return ese_fail(error, ESE_E_USAGE,
                            "-X %s: this transport's promises stand on %s=%s; it cannot be changed",
                            name, name, fixed[i].value);
    }
    if (set(conf, name, equals + 1, error) == -1)
        return ese_fail_within(error, "-X");
    return 0;
}

static int set_all_given(rd_kafka_conf_t *conf, const struct ese_config *config,
                         const struct ese_connection_property *fixed, struct ese_error *error)
{
    const char *given;
    for (int i = 0; (given = ese_config_item(config, "property", i)) != NULL; i++) {
        if (set_given(conf, given, fixed, error) == -1)
            return -1;
    }
    return 0;
}

int ese_connection_conf(const struct ese_config *config,
                        const struct ese_connection_property *quick,
                        const struct ese_connection_property *fixed, rd_kafka_conf_t **conf,
                        struct ese_error *error)
{
    const struct ese_connection_property ours[] = {
        {"client.id", "ese"},
        /* a restarted broker is found at once, not after up to 10 s */
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "500"},
        {"topic.metadata.refresh.interval.ms", "10000"},
        {"socket.nagle.disable", "true"},
        {"log.connection.close", "false"},
        {NULL, NULL},
    };
    *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(*conf, log_line);
    rd_kafka_conf_set_error_cb(*conf, error_seen);
    rd_kafka_conf_set_socket_cb(*conf, open_socket);
    rd_kafka_conf_set_closesocket_cb(*conf, close_socket);
    rd_kafka_conf_interceptor_add_on_new(*conf, "ese-tally", follow_requests, NULL);
    if (set_list(*conf, ours, error) == -1 || set_list(*conf, quick, error) == -1 ||
        set_all_given(*conf, config, fixed, error) == -1 || set_list(*conf, fixed, error) == -1 ||
        set(*conf, "bootstrap.servers", ese_config_text(config, "bootstrap-servers"),
            error) == -1) {
        rd_kafka_conf_destroy(*conf);
        *conf = NULL;
        return -1;
    }
    return 0;
}
