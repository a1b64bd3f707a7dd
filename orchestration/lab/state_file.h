/*
 * state_file.h - what the consumer had committed when the run ended, read from its state file by
 * SQL.
 *
 * The file's format is documented with the consumer; only what the ledger needs is read: of the
 * table `position` partition, next, late and beyond_window, of `decision` id and events.
 */
#ifndef ESE_LAB_STATE_FILE_H
#define ESE_LAB_STATE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/id.h"

struct ese_state_position {
    int32_t partition;
    int64_t next;
};

struct ese_state_decision {
    struct ese_id id;
    struct ese_id first_event;
};

struct ese_state_file {
    struct ese_state_position *positions;
    size_t position_count;
    struct ese_state_decision *decisions; /* by id */
    size_t decision_count;
    int64_t late;
    int64_t beyond_window;
};

/* Of the state file in a transport's directory. file is to be freed in either case. */
int ese_state_file_read(const char *directory, struct ese_state_file *file,
                        struct ese_error *error);
void ese_state_file_free(struct ese_state_file *file);

/* Where the partition's reader goes on: all before it is committed. INT64_MIN: nothing is. */
int64_t ese_state_file_next(const struct ese_state_file *file, int32_t partition);

/* NULL when it is not there. */
const struct ese_state_decision *ese_state_file_decision(const struct ese_state_file *file,
                                                         const struct ese_id *id);

#endif
