/*
 * store_writer.h - the log's table as what a group writer (ese-core/group_writer.h) writes to.
 */
#ifndef ESE_TRANSPORT_HTTP_STORE_WRITER_H
#define ESE_TRANSPORT_HTTP_STORE_WRITER_H

#include "ese-core/event_intake.h"
#include "ese-core/group_writer.h"
#include "transports/http/store_log.h"

/* Opens the tables: after this log->next is known. Of the options, functions, table and done are filled in here; the
 * server tells the writer when it has dealt with all that had come, so this is before it starts. */
int ese_store_writer_open(struct ese_store_log *log, struct ese_group_writer_options *options,
                          struct ese_group_writer **writer, struct ese_error *error);

/* See ese_append_function. */
void ese_store_writer_append(struct ese_group_writer *writer, struct ese_append *append);

#endif
