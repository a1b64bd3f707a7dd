/*
 * state.h - what a consumer group knows, in one SQLite file that all its members on a machine open.
 *
 * Position, rule state and repeats of a batch change in one transaction together with the decisions
 * it caused (decisions.h, the same file). So wherever a process dies, the file says where to go on
 * and what was concluded up to there.
 *
 * Tools read the file by SQL; this is its format 2. Times are Unix ms, ids the 16 bytes of the
 * UUID.
 *
 *   about       name, value: "format", "group", "transport": a file belongs to one of each
 *   position    partition, name   the partition's number, and in words ("click-events-2")
 *               epoch             raised whenever a member is given the partition; who has
 *                                 an older one is fenced
 *               next              where the partition's owner goes on: all before it was processed;
 *                                 NULL until the first batch was committed
 *               event_time        see below
 *               processed, repeats, late, beyond_window
 *                                 how many events of each kind were committed since it was made
 *   kept        partition, number, changes: what rules keep of keys, as a log; see kept.h
 *   repeats     partition, run, lane, highest, window, event_time: see repeats.h
 *   named       partition, number, id, event_time: see named.h
 *   decision    see decisions.h
 *   member      see enrolment.h
 *   attempt     see attempts.h
 *   dead_letter see dead_letters.h
 *   account     see account.h in ese-core: the counters of each member's history
 *
 * A partition's event time says how far its events have come: no acknowledged event is expected to
 * be older. It is the largest client_ts seen (none counts beyond its server_ts), or the wall clock
 * where the partition's end was found, whichever is larger, less --lateness-ms; it never goes back.
 * Where the wall clock is set back, it waits until that has come as far again: events are late
 * meanwhile, and keys leave when it goes on.
 *
 * The file grows up to max_bytes (see ese-core/sqlite.h). What is in it leaves in time: keys by
 * event time, decisions a day after their answer. Until there is room again nothing can be
 * committed, and so nothing is lost: the position stays in front of what was not processed.
 *
 * Durability is SQLite's (see sqlite.h). A handle belongs to one thread; several handles, in one
 * process or several, may have the file open.
 */
#ifndef ESE_STATE_H
#define ESE_STATE_H

#include "ese-consumer/attempts.h"
#include "ese-consumer/dead_letters.h"
#include "ese-consumer/kept.h"
#include "ese-consumer/named.h"
#include "ese-consumer/repeats.h"
#include "ese-consumer/rule.h"
#include "ese-core/sqlite.h"

#define ESE_POSITION_NONE INT64_MIN

struct ese_state;

struct ese_state_options {
    const char *path;
    enum ese_durability durability; /* os or disk */
    const char *group;
    const char *transport;
    int64_t max_bytes; /* 0: no bound */
};

/* Makes the file, and its directory (file_directory.h), where they are not there. ESE_E_CONFLICT when the file belongs
 * to another group or transport, or is of another format. */
int ese_state_open(const struct ese_state_options *options, struct ese_state **state,
                   struct ese_error *error);
void ese_state_close(struct ese_state **state);

/* The database, for decisions.h, enrolment.h and account.h. */
struct ese_sqlite *ese_state_database(struct ese_state *state);
/* Those of its tables that go along with positions. */
struct ese_attempts *ese_state_attempts(struct ese_state *state);
struct ese_dead_letters *ese_state_letters(struct ese_state *state);

/* ---- room ----------------------------------------------------------------------------------- */

/* What an event may take at most: a key, a decision, a (run, lane) and their places in the indexes,
 * in pages that are half empty. */
#define ESE_STATE_EVENT_BYTES 4096

/* ESE_E_FULL, saying how it stands, when a batch of so many events might not find room. Outside a
 * transaction. */
int ese_state_check_room(struct ese_state *state, int events, struct ese_error *error);

/* Bytes of the file that hold something; 0 without max_bytes. */
int64_t ese_state_used_bytes(struct ese_state *state);

/* ---- positions ------------------------------------------------------------------------------ */

struct ese_position {
    int64_t epoch;
    int64_t next; /* or ESE_POSITION_NONE */
    int64_t event_time_ms;
};

/* Counts of one batch, for one partition. */
struct ese_progress {
    int64_t processed;
    int64_t repeats;
    int64_t late;
    int64_t beyond_window;
};

/* Makes the partition ours: raises its epoch, in a transaction of its own, and tells where it
 * stands. */
int ese_state_take(struct ese_state *state, int32_t partition, const char *name,
                   struct ese_position *position, struct ese_error *error);

/* 1: read; 0: there is none; -1. */
int ese_state_read_position(struct ese_state *state, int32_t partition,
                            struct ese_position *position, struct ese_error *error);

/* Within a transaction: notes that everything before position->next was processed. ESE_E_FENCED
 * when position->epoch is no longer the partition's: roll back and drop the batch. */
int ese_state_advance(struct ese_state *state, int32_t partition,
                      const struct ese_position *position, const struct ese_progress *progress,
                      struct ese_error *error);

/* ESE_E_FENCED when epoch is no longer the partition's. Reads only. */
int ese_state_check_owned(struct ese_state *state, int32_t partition, int64_t epoch,
                          struct ese_error *error);

/* As in sqlite.h: the write lock is taken at once. */
int ese_state_begin(struct ese_state *state, struct ese_error *error);
int ese_state_commit(struct ese_state *state, struct ese_error *error);
void ese_state_rollback(struct ese_state *state);

/* ---- what is remembered ---------------------------------------------------------------------- */

/* Loading needs no transaction; saving is part of the one that advances the position. */

/* What rules keep of keys; whichever are not among the rules stays as it is. */
int ese_state_load_kept(struct ese_state *state, int32_t partition, struct ese_kept *kept,
                        struct ese_error *error);
int ese_state_save_kept(struct ese_state *state, int32_t partition, struct ese_kept *kept,
                        struct ese_error *error);

int ese_state_load_repeats(struct ese_state *state, int32_t partition, struct ese_repeats *repeats,
                           struct ese_error *error);
int ese_state_save_repeats(struct ese_state *state, int32_t partition, struct ese_repeats *repeats,
                           struct ese_error *error);
/* Behind a rollback: what has changed since the last save is as it was. */
int ese_state_undo_repeats(struct ese_state *state, int32_t partition, struct ese_repeats *repeats,
                           struct ese_error *error);
int ese_state_load_named(struct ese_state *state, int32_t partition, struct ese_named *named,
                         struct ese_error *error);
int ese_state_save_named(struct ese_state *state, int32_t partition, struct ese_named *named,
                         struct ese_error *error);

#endif
