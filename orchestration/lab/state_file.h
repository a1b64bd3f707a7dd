/*
 * state_file.h - what the consumer had committed when the run ended, read from its state file by
 * SQL.
 *
 * The file's format is documented with the consumer; only what the ledger needs is read: of the
 * table `position` partition, next, late and beyond_window, of `repeats` all but event_time, of
 * `decision` all but what the mail says, and rule, key and events must make the id; of `dead_letter` id
 * and replay.
 */
#ifndef ESE_LAB_STATE_FILE_H
#define ESE_LAB_STATE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/id.h"
#include "orchestration/lab/share.h"

struct ese_state_position {
    int32_t partition;
    int64_t next;
};

/* Of a partition's events of one (run, lane): which it has had (repeats.h). */
struct ese_state_repeat {
    int32_t partition;
    uint32_t run;
    uint16_t lane;
    uint32_t highest;
    uint8_t window[128];
};

enum ese_state_had {
    ESE_STATE_NOT_HAD,
    ESE_STATE_HAD,
    ESE_STATE_TOO_OLD /* to tell: below the window */
};

#define ESE_STATE_BEHIND_MOST 8 /* events behind one decision */

struct ese_state_decision {
    struct ese_id id;
    struct ese_id events[ESE_STATE_BEHIND_MOST]; /* it was made of, in the order the rule had them */
    int event_count;
    char rule[32];
    bool is_open;  /* the mailer has neither taken its mail nor refused it */
    uint64_t told; /* ese_mails_told of its mail */
};

/* An event that nobody could process. */
struct ese_state_letter {
    struct ese_id id;
    uint32_t replay; /* that has processed it since; 0: none has */
};

struct ese_state_file {
    struct ese_state_position *positions;
    size_t position_count;
    struct ese_state_repeat *repeats; /* by partition, run and lane */
    size_t repeat_count;
    struct ese_state_decision *decisions; /* by id */
    size_t decision_count;
    struct ese_state_letter *letters; /* by id */
    size_t letter_count;
    int64_t late;
    int64_t beyond_window;
};

/* Of the state file in a transport's directory; of repeats, decisions and letters, those of a share's events (NULL: of
 * all). file is to be freed in either case. */
int ese_state_file_read(const char *directory, const struct ese_share *share,
                        struct ese_state_file *file, struct ese_error *error);
void ese_state_file_free(struct ese_state_file *file);

/* Where the partition's reader goes on: all before it is committed. INT64_MIN: nothing is. */
int64_t ese_state_file_next(const struct ese_state_file *file, int32_t partition);

/* Whether the partition has had the event of that id, committed. */
enum ese_state_had ese_state_file_had(const struct ese_state_file *file, int32_t partition,
                                      const struct ese_id *id);

/* NULL when the event is no dead letter. */
const struct ese_state_letter *ese_state_file_letter(const struct ese_state_file *file,
                                                     const struct ese_id *id);

/* NULL when it is not there. */
const struct ese_state_decision *ese_state_file_decision(const struct ese_state_file *file,
                                                         const struct ese_id *id);

#endif
