/*
 * direct.h - via=direct: the client itself produces to the brokers.
 *
 * The face of event_poster.h, so that produce.c can take either way. message.timeout.ms is the
 * retry deadline: it runs from the send, as librdkafka knows no deadline for a single record, so
 * an event that is sent late may have its outcome that much after its own.
 */
#ifndef ESE_KAFKA_DIRECT_H
#define ESE_KAFKA_DIRECT_H

#include "transports/transport.h"

struct ese_direct;

int ese_direct_open(const struct ese_config *config, const struct ese_produce_settings *settings,
                    struct ese_direct **direct, struct ese_error *error);
int ese_direct_send(struct ese_direct *direct, const struct ese_event *event,
                    struct ese_error *error);
int ese_direct_poll(struct ese_direct *direct, int timeout_ms,
                    struct ese_acknowledgement *acknowledgements, int max);
int ese_direct_pending(const struct ese_direct *direct);
void ese_direct_close(struct ese_direct **direct);

#endif
