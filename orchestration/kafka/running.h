/*
 * running.h - the broker that outlives its starter, known by a file that says its pid and address.
 *
 * Pids come round again, so a pid counts only while its command line is that of a Kafka broker on
 * the data directory the file belongs to.
 */
#ifndef ESE_RUNNING_H
#define ESE_RUNNING_H

#include <stdbool.h>
#include <sys/types.h>

#include "ese-core/error.h"
#include "orchestration/kafka/kafka_home.h"

struct ese_running {
    pid_t pid;
    char bootstrap[64];
};

/* False when none runs. */
bool ese_running_find(const struct ese_kafka_home *home, struct ese_running *running);

int ese_running_note(const struct ese_kafka_home *home, const struct ese_running *running,
                     struct ese_error *error);

/* SIGTERM, SIGKILL after timeout_ms; then the file goes. */
int ese_running_stop(const struct ese_kafka_home *home, const struct ese_running *running,
                     int timeout_ms, struct ese_error *error);

#endif
