/*
 * reader.h - a member of a group, alone in it, that reads what the sender of this process sends: a thread of its own.
 *
 * The sender's events are numbered, and due at even distances, so that their number says when one was due.
 */
#ifndef ESE_BARE_READER_H
#define ESE_BARE_READER_H

#include <stdint.h>

#include "ese-core/config.h"
#include "ese-core/error.h"
#include "ese-core/histogram.h"

struct ese_bare_reader;

/* Returns once it has the topic's partitions, each at its end. In any case to be closed. */
int ese_bare_reader_open(const struct ese_config *config, struct ese_bare_reader **reader, struct ese_error *error);
void ese_bare_reader_close(struct ese_bare_reader **reader);

/* Event 0 is due then, each further one so much later; those from `first` on are measured. Once, before any is sent. */
void ese_bare_reader_expect(struct ese_bare_reader *reader, int64_t begin_ns, int64_t interval_ns, int64_t first);

/* Waits until that many of the measured ones have come, or none has for some seconds. How many have. */
int64_t ese_bare_reader_wait(struct ese_bare_reader *reader, int64_t count);
/* From due to come, of these. Behind ese_bare_reader_wait only. */
const struct ese_histogram *ese_bare_reader_latency_us(const struct ese_bare_reader *reader);

#endif
