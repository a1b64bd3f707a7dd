/* ese-lab kafka: a real broker without Docker, kept by orchestration/kafka. */
#include "orchestration/kafka/kafka_command.h"
#include "orchestration/lab/command.h"

const struct ese_lab_command ese_lab_kafka = {
    .name = ESE_KAFKA_COMMAND,
    .summary = "an Apache Kafka of the lab's own: start, stop, status, topics",
    .main = ese_kafka_command,
};
