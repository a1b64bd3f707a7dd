/*
 * spans.h - which places of lanes (ese-core/id.h) were stored: a span is all sequences of a lane from one to another.
 *
 * A lane is sent in order, so one span tells all that it has had, however much that is. A gap is what was refused, or
 * is under way, or ended unknown; when it is stored after all, the spans beside it become one. What is not kept is the
 * time in an id, nor any content: the same place counts as the same event, as it does to whoever reads.
 *
 * A span stays for keep_ms after the newest of it was stored, and may stay longer. There are at most so many; whoever
 * would need one more has to be remembered otherwise. Not thread-safe.
 */
#ifndef ESE_KAFKA_SPANS_H
#define ESE_KAFKA_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/id.h"

struct ese_spans;

struct ese_spans *ese_spans_new(int64_t keep_ms, size_t most);
void ese_spans_free(struct ese_spans **spans);

/* That the event of this id (ese_id_is_ours) was stored; ms of one clock. False: there is no room. */
bool ese_spans_add(struct ese_spans *spans, const struct ese_id *id, int64_t now_ms);
bool ese_spans_have(const struct ese_spans *spans, const struct ese_id *id);

size_t ese_spans_count(const struct ese_spans *spans);

#endif
