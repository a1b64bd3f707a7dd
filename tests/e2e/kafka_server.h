/*
 * kafka_server.h - a server of a scene's topics in the test's own process.
 */
#ifndef ESE_TEST_KAFKA_SERVER_H
#define ESE_TEST_KAFKA_SERVER_H

#include "tests/e2e/kafka_scene.h"
#include "tests/support/store_server.h"

#define ESE_KAFKA_SERVER_WAIT_MS 20000
#define ESE_KAFKA_SERVER_WRITER "read-only=false"
#define ESE_KAFKA_SERVER_READER "read-only=true"

/* Ends the one that is there, and waits until the new one is healthy. role: one of the above;
 * option: one more, or NULL. What fails fails the test (cmocka). */
void ese_kafka_server_open(const struct ese_kafka_scene *scene,
                           struct ese_test_store_server *server, int64_t retention_ms,
                           const char *role, const char *option);

bool ese_kafka_server_is_healthy(void *server); /* for ese_test_wait_until */

int64_t ese_kafka_server_counted(const struct ese_test_store_server *server, const char *counter);

#endif
