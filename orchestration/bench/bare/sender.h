/*
 * sender.h - a producer of librdkafka's, with the settings that transports/kafka gives its own, and the bench's events.
 *
 * Not thread-safe, but for librdkafka's own threads.
 */
#ifndef ESE_BARE_SENDER_H
#define ESE_BARE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/config.h"
#include "ese-core/error.h"
#include "ese-core/histogram.h"

struct ese_bare_sender;

/* Takes its options from the command line. In any case to be closed. */
int ese_bare_sender_open(const struct ese_config *config, struct ese_bare_sender **sender, struct ese_error *error);
void ese_bare_sender_close(struct ese_bare_sender **sender);

/* As many are without a delivery report as may be. */
bool ese_bare_sender_is_full(const struct ese_bare_sender *sender);
/* Takes delivery reports, for which it waits so long. */
void ese_bare_sender_poll(struct ese_bare_sender *sender, int timeout_ms);
/* The next event; none where librdkafka's queue is full. */
int ese_bare_sender_send(struct ese_bare_sender *sender, struct ese_error *error);
/* Until each has its report. */
int ese_bare_sender_flush(struct ese_bare_sender *sender, struct ese_error *error);

/* Events sent so far; the next has that number (payload.h). */
int64_t ese_bare_sender_sent(const struct ese_bare_sender *sender);
/* Lets the client_ts of events be so far apart, the last of so many being of now. */
void ese_bare_sender_spread(struct ese_bare_sender *sender, int64_t count, int64_t step_ms);

/* From now on, or no longer: reports are counted. */
void ese_bare_sender_count(struct ese_bare_sender *sender, bool counts);
/* While they were; but failed ones always. */
int64_t ese_bare_sender_acknowledged(const struct ese_bare_sender *sender);
int64_t ese_bare_sender_failed(const struct ese_bare_sender *sender);
const struct ese_histogram *ese_bare_sender_latency_us(const struct ese_bare_sender *sender);

#endif
