/* ese-lab kafka: a real broker without Docker, kept by orchestration/kafka. */
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/kafka/kafka_command.h"
#include "orchestration/lab/command.h"

static const struct ese_option no_options[] = {ESE_OPTION_END};

static int run_kafka(const struct ese_config *config, struct ese_error *error)
{
    char *words[8];
    int count = 0;
    for (; count < (int)ESE_COUNT_OF(words) && ese_config_argument(config, count) != NULL; count++)
        words[count] = ese_copy_text(ese_config_argument(config, count));
    int status = ese_kafka_command(count, words, error);
    for (int i = 0; i < count; i++)
        free(words[i]);
    return status;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab kafka",
        .summary = "starts and stops an Apache Kafka of the lab's own",
        .synopsis = "start|stop|status|topics",
        .description = "One broker on loopback, its data under .lab/kafka, until it is stopped.",
        .examples = NULL,
    },
    .options = no_options,
    .run = run_kafka,
};

static int kafka_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_kafka = {
    .name = "kafka",
    .summary = "an Apache Kafka of the lab's own: start, stop, status, topics",
    .main = kafka_main,
};
