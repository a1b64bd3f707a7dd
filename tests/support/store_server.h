/*
 * store_server.h - an HTTP server in the test's own process with a transport's store behind it.
 */
#ifndef ESE_TEST_STORE_SERVER_H
#define ESE_TEST_STORE_SERVER_H

#include "transports/transport.h"

struct ese_test_store_options {
    const struct ese_store_face *face;
    enum ese_durability durability;
    int64_t retention_ms;
    const char *listen;     /* NULL: a free port of 127.0.0.1 */
    const char *options[8]; /* the face's own, "name=value", then NULL */
};

struct ese_test_store_server {
    const struct ese_store_face *face;
    struct ese_config *config;
    struct ese_metrics *metrics;
    struct ese_http_server *http;
    struct ese_store *store;
    char address[64];
};

/* Serves when it returns; whatever fails fails the test. */
void ese_test_store_server_open(struct ese_test_store_server *server,
                                const struct ese_test_store_options *options);

/* As ese-server stops: quiesce, detach, close. A second time does nothing. */
void ese_test_store_server_close(struct ese_test_store_server *server);

#endif
