/*
 * sqlite_grant.h - whether a database has room for what is to come, and the words when it has not.
 *
 * The thread that writes, within its transaction.
 */
#ifndef ESE_SQLITE_GRANT_H
#define ESE_SQLITE_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/sqlite.h"

struct ese_sqlite_grant {
    struct ese_sqlite *sqlite;
    int64_t granted; /* bytes that there is room for, as far as it was asked and is not used up */
    char full[560];  /* why there was none, the last time */
};

/* A transaction begins: what there was room for may be gone. */
void ese_sqlite_grant_begin(struct ese_sqlite_grant *grant);

/* Once in a while the database is asked; what there is room for is used up by what each may take at most, which is
 * more than it does. False: grant->full says how it stands, and what can be done. */
bool ese_sqlite_grant_take(struct ese_sqlite_grant *grant, int64_t bytes);

#endif
