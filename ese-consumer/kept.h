/*
 * kept.h - what rules keep of a partition's keys: all of it in memory, and in the state file as a log of what has
 * changed.
 *
 * A key is looked up, and kept, and leaves without the file being asked. What a batch has changed is one row there, a
 * *sheet*, which is numbered and never changes: each key that is another now, or has left (docs/decisions/0010 says
 * why, and what a row for each key costs). A sheet leaves as a whole, the oldest first, once nothing of it is valid any
 * more: its keys have left, or stand in a later one. Where too much of the log is of no use, what is still valid of the
 * oldest sheet is written once more, with the batch's changes; so the log has at most twice as many changes as there
 * are keys, and some.
 *
 *   sheet       change ...
 *   change      rule and key, each with a NUL behind it; leaves (8 bytes), length (2), as the machine has them; then so
 *               many bytes of state. Length 0: the key has left
 *
 * That a key was swept (ese_kept_sweep) is not written: event time says so, and who reads the log sweeps again.
 *
 * Memory is some 120 bytes a key, the key, and its state; who puts bounds their number. Pure logic, one thread. It is
 * saved by whoever owns a transaction.
 */
#ifndef ESE_KEPT_H
#define ESE_KEPT_H

#include "ese-consumer/rule.h"
#include "ese-core/buffer.h"

#define ESE_KEPT_SLACK 4096 /* changes of no use that the log may have in any case */

struct ese_kept;

struct ese_kept *ese_kept_new(void);
void ese_kept_free(struct ese_kept **kept);

/* Nothing kept gives length 0. ESE_E_INVALID when what is kept is larger than the rule's state_size. */
int ese_kept_get(const struct ese_kept *kept, const struct ese_rule *rule, const char *key,
                 struct ese_rule_state *state, struct ese_error *error);
/* Length 0: the key leaves. */
void ese_kept_put(struct ese_kept *kept, const struct ese_rule *rule, const char *key,
                  const struct ese_rule_state *state);
int64_t ese_kept_count(const struct ese_kept *kept, const struct ese_rule *rule);

/* The key that has left by event time and was to leave first, of several the first by name. 1: state and key are
 * filled, it is still there; 0: there is none; -1 as in get. */
int ese_kept_find_left(const struct ese_kept *kept, const struct ese_rule *rule, int64_t event_time_ms,
                       char key[ESE_EVENT_KEY_SIZE], struct ese_rule_state *state, struct ese_error *error);
/* Drops at most `most` keys that have left by event time; how many. */
int64_t ese_kept_sweep(struct ese_kept *kept, const struct ese_rule *rule, int64_t event_time_ms, int64_t most);

/* Where sheets are. get appends to the buffer; clear is told of the first that is still needed. */
struct ese_kept_shelf {
    void *context;
    int (*put)(void *context, int64_t number, const struct ese_buffer *sheet, struct ese_error *error);
    int (*get)(void *context, int64_t number, struct ese_buffer *sheet, struct ese_error *error);
    int (*clear)(void *context, int64_t number, struct ese_error *error);
};

/* Writes what has changed since the last save. After a failure it is of no use any more. */
int ese_kept_save(struct ese_kept *kept, const struct ese_kept_shelf *shelf, struct ese_error *error);
/* As it was at the last save, for whoever has rolled back what he did since. */
void ese_kept_undo(struct ese_kept *kept);

/* Takes a sheet that was saved: all of them, in their order, before anything else. ESE_E_INVALID: it is none. */
int ese_kept_restore(struct ese_kept *kept, int64_t number, const void *sheet, size_t length, struct ese_error *error);
/* Behind the last of them, for each rule: drops what has left by event time, of which the log does not tell. */
void ese_kept_restored(struct ese_kept *kept, const struct ese_rule *rule, int64_t event_time_ms);

#endif
