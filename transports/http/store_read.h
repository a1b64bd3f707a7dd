/*
 * store_read.h - a connection that reads the log, beside the one that writes it.
 *
 * No function leaves a read transaction open behind it, so that a slow reader never keeps SQLite
 * from recycling its write-ahead log. A reader belongs to one thread at a time.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_READ_H
#define ESE_TRANSPORT_HTTP_STORE_READ_H

#include "ese-core/buffer.h"
#include "ese-core/event.h"
#include "transports/http/store_log.h"

struct ese_store_reader;

/* log must outlive the reader only as far as _start is called: the reader itself opens its own
 * connection. */
int ese_store_reader_open(const struct ese_store_log *log, struct ese_store_reader **reader,
                          struct ese_error *error);
void ese_store_reader_close(struct ese_store_reader **reader);

/* The oldest offset that is still readable now: the first not older than the retention, or the
 * end. Notes it in log->start, from where the next search goes on. */
int ese_store_reader_start(struct ese_store_reader *reader, struct ese_store_log *log,
                           int64_t *start, struct ese_error *error);

/* Appends the events from position on to buffer, as elements of a page separated by commas: at
 * most limit, and none further once the buffer holds `bytes`. *next is the position behind them.
 * ESE_E_GONE: position is before the oldest; ESE_E_INVALID: it is beyond the newest. */
struct ese_store_page {
    int64_t position;
    int limit;
    size_t bytes;
    int count;    /* filled: events appended */
    int64_t next; /* filled */
};
int ese_store_reader_page(struct ese_store_reader *reader, struct ese_store_log *log,
                          struct ese_store_page *page, struct ese_buffer *buffer,
                          struct ese_error *error);

/* Sorts the events of [from, before) by ip, each ip's by offset, into a table of this
 * connection's own: in a temporary file where it is large. Once for a reader. */
int ese_store_reader_sort_by_ip(struct ese_store_reader *reader, int64_t from, int64_t before,
                                struct ese_error *error);

/* Hands the sorted events whose place is behind `after` (0: all), until visit returns false;
 * those that were deleted meanwhile are left out. The event is the callee's to read during the
 * call only. 1: visit wanted no more, 0: that was all, -1. */
typedef bool ese_store_visit(void *context, const struct ese_event *event, int64_t place);
int ese_store_reader_visit_sorted(struct ese_store_reader *reader, int64_t after,
                                  ese_store_visit *visit, void *context, struct ese_error *error);

#endif
