/*
 * enrolment.h - which process is the newest that has opened a group's state file as a member of a
 * name.
 *
 *   member   name, life   raised whenever a process begins as that member
 *
 * A transport that knows members by name lets the newest of a name in and tells the older. It may
 * also tell the newest, mistaking it for its own ghost (member.c says when); then this decides.
 * Members on other machines have another state file, and are not seen here.
 */
#ifndef ESE_ENROLMENT_H
#define ESE_ENROLMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/sqlite.h"

#define ESE_ENROLMENT_SCHEMA                                                                      \
    "CREATE TABLE IF NOT EXISTS member(name TEXT PRIMARY KEY, life INTEGER NOT NULL)"             \
    " WITHOUT ROWID;"

struct ese_enrolment {
    const char *name; /* kept, not copied */
    int64_t life;
};

/* Begins a life of that member: the older ones are no longer the newest. Outside a transaction. */
int ese_enrolment_begin(struct ese_sqlite *database, const char *name,
                        struct ese_enrolment *enrolment, struct ese_error *error);

/* 1: no later life of it has begun; 0: one has; -1. */
int ese_enrolment_is_newest(struct ese_sqlite *database, const struct ese_enrolment *enrolment,
                            struct ese_error *error);

#endif
