/*
 * kafka_home.h - where the lab's own Kafka lives.
 *
 * Below $ESE_LAB_HOME (".lab" under the current directory when it is not set): kafka/libs for the
 * jars, kafka/data, kafka/broker.log, kafka/broker.pid. The configuration beside this file is
 * found by $ESE_KAFKA_CONF ("orchestration/kafka" when it is not set).
 */
#ifndef ESE_KAFKA_HOME_H
#define ESE_KAFKA_HOME_H

#include <stddef.h>

#define ESE_KAFKA_PATH_SIZE 1024

struct ese_kafka_home {
    char conf[ESE_KAFKA_PATH_SIZE];
    char topics[ESE_KAFKA_PATH_SIZE]; /* topics.conf */
    char jars[ESE_KAFKA_PATH_SIZE];
    char data[ESE_KAFKA_PATH_SIZE];
    char log[ESE_KAFKA_PATH_SIZE];
    char pid_file[ESE_KAFKA_PATH_SIZE];
};

void ese_kafka_home(struct ese_kafka_home *home);

/* Of the jars that are there: "4.3.1"; "" where there are none. */
void ese_kafka_home_version(const struct ese_kafka_home *home, char *text, size_t size);

#endif
