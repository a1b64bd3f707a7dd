#include "transports/kafka/hearing.h"

#include <stdio.h>

#include "ese-core/clock.h"

#define SILENCE_MS 1000
#define ASK_EVERY_MS 1000
#define ANSWER_MS 200

void ese_hearing_note(struct ese_hearing *hearing)
{
    hearing->sign_ns = ese_clock_monotonic_ns();
    hearing->why[0] = '\0';
}

static void ask(struct ese_hearing *hearing, rd_kafka_t *handle)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t result = rd_kafka_metadata(handle, 0, NULL, &metadata, ANSWER_MS);
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
        ese_hearing_note(hearing);
        return;
    }
    snprintf(hearing->why, sizeof hearing->why, "the Kafka cluster does not answer: %s",
             rd_kafka_err2str(result));
}

const char *ese_hearing_ask(struct ese_hearing *hearing, rd_kafka_t *handle)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (now_ns - hearing->sign_ns >= SILENCE_MS * ESE_NS_PER_MS && now_ns >= hearing->ask_due_ns) {
        hearing->ask_due_ns = now_ns + ASK_EVERY_MS * ESE_NS_PER_MS;
        ask(hearing, handle);
    }
    return hearing->why[0] != '\0' ? hearing->why : NULL;
}
