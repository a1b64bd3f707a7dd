/*
 * dead_letters.h - the dead letters of a state file: what nobody could process, and was passed
 * over.
 *
 * A row is added in the transaction that moves the position past it, and stays until it is settled,
 * by a replay or by who drops it, within the bounds of the file. Settled ones leave after as long as decisions do. What
 * is handed again of a letter is known by its row, and by nothing else: nobody has had it
 * (repeats.h).
 *
 *   dead_letter  number       counts up; the order in which they were passed over
 *                partition, offset
 *                             where it stood
 *                cause        "unparsable": no event; "failed": a rule gave an error; "crashed":
 *                             the process ended in a rule
 *                reason       in words
 *                tries        before it was passed over
 *                dead_ms      Unix ms, when that was
 *                id, type, sub_type, ip, key, client_ts, server_ts, traceparent, source,
 *                foreign_id, data
 *                             of the event (event.h); of what is none, only the type that was
 *                             expected there
 *                bytes, whole of what is no event: its beginning (64 KiB), and how long all was
 *                replay       the number of the replay that has processed it; 0: none will, as it
 *                             was dropped; NULL: neither
 *                settled_ms   when that was
 *                told_ms      when its topic had it (letter_topic.h); NULL: it has not, or there is
 *                             none
 *
 * One handle belongs to one thread, that of its database.
 */
#ifndef ESE_DEAD_LETTERS_H
#define ESE_DEAD_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/event.h"
#include "ese-core/sqlite.h"

#define ESE_DEAD_LETTERS_SCHEMA                                                                   \
    "CREATE TABLE IF NOT EXISTS dead_letter("                                                     \
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, partition INTEGER NOT NULL,"                     \
    "  offset INTEGER NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL,"                       \
    "  tries INTEGER NOT NULL, dead_ms INTEGER NOT NULL, id BLOB, type TEXT NOT NULL,"            \
    "  sub_type TEXT, ip TEXT, key TEXT, client_ts INTEGER, server_ts INTEGER, traceparent TEXT," \
    "  source TEXT, foreign_id TEXT, data TEXT, bytes BLOB, whole INTEGER, replay INTEGER,"       \
    "  settled_ms INTEGER, told_ms INTEGER);"                                                     \
    "CREATE INDEX IF NOT EXISTS dead_letter_told ON dead_letter(partition, number)"               \
    "  WHERE told_ms IS NULL;"                                                                    \
    "CREATE INDEX IF NOT EXISTS dead_letter_id ON dead_letter(id) WHERE id IS NOT NULL;"          \
    "CREATE INDEX IF NOT EXISTS dead_letter_settled ON dead_letter(settled_ms)"                   \
    "  WHERE settled_ms IS NOT NULL;"

enum ese_dead_cause { ESE_DEAD_UNPARSABLE, ESE_DEAD_FAILED, ESE_DEAD_CRASHED };
const char *ese_dead_cause_name(enum ese_dead_cause cause);

struct ese_buffer;
/* Bytes as text that does nothing to a terminal: \xNN for what is no plain character. */
void ese_dead_letter_write_plain(struct ese_buffer *buffer, const void *bytes, size_t length);

struct ese_dead_letter {
    int64_t number;
    int32_t partition;
    char place[100]; /* the partition in words, where it was read */
    int64_t offset;
    enum ese_dead_cause cause;
    char reason[240];
    int64_t tries;
    int64_t dead_ms;
    struct ese_event event; /* of what is none, its type alone */
    const void *bytes;      /* of what is no event; else NULL */
    char *copy;             /* of them, where they were read; owned */
    size_t length;
    int64_t whole;
    int64_t replay; /* 0: none */
    int64_t settled_ms; /* 0: it is not settled */
    int64_t told_ms;    /* 0: its topic has not had it, or there is none */
};

/* Frees what was read into it, and zeroes it. */
void ese_dead_letter_clear(struct ese_dead_letter *letter);

struct ese_dead_letters;

/* Over the database of a state file; to be freed before it is closed. */
struct ese_dead_letters *ese_dead_letters_new(struct ese_sqlite *database);
void ese_dead_letters_free(struct ese_dead_letters **letters);

/* Within a transaction. */
int ese_dead_letters_put(struct ese_dead_letters *letters, const struct ese_dead_letter *letter,
                         struct ese_error *error);

/* How many there are of the partition, settled ones included. */
int ese_dead_letters_count(struct ese_dead_letters *letters, int32_t partition, int64_t *count,
                           struct ese_error *error);

/* The event with that id. 1: it is a letter, settled or not; 0: it is none; -1. */
int ese_dead_letters_has(struct ese_dead_letters *letters, const struct ese_id *id,
                         struct ese_error *error);

#define ESE_DEAD_DROPPED 0 /* by no replay: nobody wants it any more */

/* Within a transaction: that replay has processed it. */
int ese_dead_letters_settle(struct ese_dead_letters *letters, int64_t number, int64_t replay,
                            int64_t now_ms, struct ese_error *error);

/* The next one behind that number. letter is one that was read before, or all zero, and is to be
 * cleared in the end. 1: it is filled; 0: there is none; -1. */
int ese_dead_letters_next(struct ese_dead_letters *letters, int64_t behind,
                          struct ese_dead_letter *letter, struct ese_error *error);

/* The same of those of one partition that were not told to their topic. */
int ese_dead_letters_next_untold(struct ese_dead_letters *letters, int32_t partition,
                                 int64_t behind, struct ese_dead_letter *letter,
                                 struct ese_error *error);
int ese_dead_letters_note_told(struct ese_dead_letters *letters, int64_t number, int64_t now_ms,
                               struct ese_error *error);

/* The number of the last replay; 0: there was none. */
int ese_dead_letters_replays(struct ese_dead_letters *letters, int64_t *number,
                             struct ese_error *error);

/* Deletes at most `most` that were settled before before_ms. */
int ese_dead_letters_sweep(struct ese_dead_letters *letters, int64_t before_ms, int most,
                           struct ese_error *error);

#endif
