#include "ese-core/sqlite_grant.h"

#include <stdio.h>

#define AHEAD_BYTES (512 * 1024) /* asked for on top, for the requests that follow */

void ese_sqlite_grant_begin(struct ese_sqlite_grant *grant)
{
    grant->granted = 0;
}

bool ese_sqlite_grant_take(struct ese_sqlite_grant *grant, int64_t bytes)
{
    struct ese_error error;

    if (bytes > grant->granted && ese_sqlite_check_room(grant->sqlite, bytes + AHEAD_BYTES, &error) == 0)
        grant->granted = bytes + AHEAD_BYTES;
    if (bytes <= grant->granted) {
        grant->granted -= bytes;
        return true;
    }
    if (ese_sqlite_check_room(grant->sqlite, bytes, &error) == 0)
        return true;
    snprintf(grant->full, sizeof(grant->full),
             "the store is full: %.400s. Older events leave by --retention; a larger --max-bytes "
             "takes more",
             error.text);
    return false;
}
