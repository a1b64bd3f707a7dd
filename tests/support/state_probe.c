#include "tests/support/state_probe.h"

#include <unistd.h>

#include "ese-core/sqlite.h"

int64_t state_probe_number(const char *path, const char *sql)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {.path = path, .read_only = true};
    if (access(path, R_OK) != 0 || ese_sqlite_open(&options, &database, NULL) != 0)
        return -1;
    int64_t number = -1;
    if (ese_sqlite_run(database, "SELECT 1 FROM decision", NULL) == 0) { /* the tables are there */
        struct ese_statement *statement = ese_statement_new(database, sql);
        if (ese_statement_step(statement, NULL) == 1)
            number = ese_statement_column_number(statement, 0);
        ese_statement_reset(statement);
    }
    ese_sqlite_close(&database);
    return number;
}
