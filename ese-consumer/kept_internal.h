/*
 * kept_internal.h - what the files of kept.h share: kept.c, which holds the keys, and kept_log.c, which writes and
 * reads the log.
 *
 * A key that changes is replaced: the new one takes its place, and the old one stays aside until the change is saved,
 * or undone.
 */
#ifndef ESE_KEPT_INTERNAL_H
#define ESE_KEPT_INTERNAL_H

#include "ese-consumer/kept.h"

#define ESE_KEPT_UNSAVED (-1)
#define ESE_KEPT_RULE_SIZE 64 /* a rule's name and its NUL */

#define ESE_KEPT_IN_LINE UINT32_MAX /* for a place in the heap */

/* A key of a rule. It is in one chain of the table, and in its rule's line or heap, unless it was replaced or has
 * left. */
struct ese_kept_key {
    struct ese_kept_key *next_in_bucket;
    struct ese_kept_key *earlier, *later; /* in the line */
    uint64_t hash;
    int64_t leaves_ms;
    int64_t sheet;   /* where it stands; or UNSAVED */
    uint32_t place;  /* in the heap, or IN_LINE */
    uint16_t rule;   /* its number here */
    uint16_t length; /* of its state */
    uint16_t state_at; /* of its bytes: behind the key's NUL */
    bool in_log;     /* it, or an earlier one of its name, is in a sheet */
    bool is_current; /* neither replaced, nor has it left */
    char bytes[];
};

struct ese_kept_timer {
    int64_t leaves_ms;
    struct ese_kept_key *key;
};

/* Who leaves first: keys mostly come in the order in which they leave. Those are in a line; and who comes out of order
 * is in a binary heap, at whose top is the first of them. */
struct ese_kept_rule {
    char name[ESE_KEPT_RULE_SIZE];
    struct ese_kept_key *first, *last;
    size_t in_line;
    struct ese_kept_timer *heap;
    size_t in_heap, room;
};

/* was became is: NULL stands for nothing. Both are owned here as long as they are not current. */
struct ese_kept_change {
    struct ese_kept_key *was, *is;
    bool is_swept;
};

struct ese_kept_sheet {
    int64_t changes; /* that it has; of them */
    int64_t valid;   /* keys that stand there */
};

struct ese_kept {
    struct ese_kept_key **buckets;
    size_t mask, count;
    uint64_t salt; /* drawn, so that nobody can choose keys that share a bucket */
    struct ese_kept_rule *rules;
    uint16_t rule_count;
    struct ese_kept_change *changes; /* since the last save, in order */
    size_t change_count, change_room;
    struct ese_kept_sheet *sheets; /* a ring: number n is at n & (sheet_room - 1) */
    size_t sheet_room;
    int64_t first, next; /* numbers: first .. next - 1 are in the log */
    int64_t logged;      /* changes in all of them */
    struct ese_buffer sheet; /* the one that is written */
};

/* The rule's number, whether it was heard of before or not. */
uint16_t ese_kept_rule(struct ese_kept *kept, const char *name);

/* NULL: nothing is kept. */
struct ese_kept_key *ese_kept_find(const struct ese_kept *kept, uint16_t rule, const char *key);

/* Lets `is` be what is kept of its key instead of `was`; one of them may be NULL. */
void ese_kept_replace(struct ese_kept *kept, struct ese_kept_key *was, struct ese_kept_key *is);

/* A key that is not there yet. */
struct ese_kept_key *ese_kept_make(const struct ese_kept *kept, uint16_t rule, const char *key, const void *state,
                                   size_t length, int64_t leaves_ms);

struct ese_kept_sheet *ese_kept_sheet_of(const struct ese_kept *kept, int64_t number);

/* Forgets how it was before the changes. */
void ese_kept_settle(struct ese_kept *kept);

#endif
