/*
 * attempts.h - what is tried again: of each partition the event, and how often it was tried.
 *
 * A rule that ends the process leaves no trace but what was committed before. So lives are counted:
 * taking a partition begins one, and its first commit, or giving the partition back, clears the
 * count. Who finds a life that did neither has reason to be careful: the next events, as many as a
 * batch may have, are tried alone, and before each try it is committed that there will be one.
 *
 *   attempt    partition
 *              lives     that took it, and ended before they had committed anything of it
 *              mark      which event is tried: the 16 bytes of its id, or where it has none its
 *                        offset as text; NULL: none is
 *              tries     of that one, begun
 *
 * Written by the partition's owner only. One thread, that of the database.
 */
#ifndef ESE_ATTEMPTS_H
#define ESE_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/sqlite.h"
#include "transports/transport.h"

#define ESE_ATTEMPTS_SCHEMA                                                                       \
    "CREATE TABLE IF NOT EXISTS attempt("                                                         \
    "  partition INTEGER PRIMARY KEY, lives INTEGER NOT NULL, mark BLOB,"                         \
    "  tries INTEGER NOT NULL DEFAULT 0);"

#define ESE_ATTEMPTS_MARK 24

/* What is known of one partition. */
struct ese_attempt {
    int64_t lives; /* this one included, until it has committed something */
    bool is_careful; /* a life before this one ended so */
    uint8_t mark[ESE_ATTEMPTS_MARK];
    size_t length; /* of the mark; 0: no event is tried */
    int64_t tries;
};

struct ese_attempts;

/* Over the database of a state file; to be freed before it is closed. */
struct ese_attempts *ese_attempts_new(struct ese_sqlite *database);
void ese_attempts_free(struct ese_attempts **attempts);

/* Begins a life: in a transaction of its own. */
int ese_attempts_take(struct ese_attempts *attempts, int32_t partition,
                      struct ese_attempt *attempt, struct ese_error *error);
/* Reads it anew, as it is behind a transaction that was rolled back. */
int ese_attempts_read(struct ese_attempts *attempts, int32_t partition,
                      struct ese_attempt *attempt, struct ese_error *error);
/* This life has got on, or ends well. Where it is part of a transaction, of one that commits
 * something of the partition. */
int ese_attempts_clear_lives(struct ese_attempts *attempts, int32_t partition,
                             struct ese_attempt *attempt, struct ese_error *error);

/* Whether that record is the event that is being tried. */
bool ese_attempt_is_about(const struct ese_attempt *attempt, const struct ese_record *record);
/* Within a transaction: one more try of the record begins; the first, where it is another event. */
int ese_attempts_begin(struct ese_attempts *attempts, const struct ese_record *record,
                       struct ese_attempt *attempt, struct ese_error *error);
/* Within a transaction: no event is tried any more. */
int ese_attempts_end(struct ese_attempts *attempts, int32_t partition, struct ese_attempt *attempt,
                     struct ese_error *error);

#endif
