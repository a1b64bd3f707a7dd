#include "tests/support/state_probe.h"

#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"

static struct ese_sqlite *open_file(const char *path)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {.path = path, .read_only = true};
    if (access(path, R_OK) == 0)
        ese_sqlite_open(&options, &database, NULL);
    return database;
}

int64_t state_probe_number(const char *path, const char *sql)
{
    struct ese_sqlite *database = open_file(path);
    if (database == NULL)
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

/* Of a partition's row all but the epoch, which says whose it is. */
#define LIST(row, table, key)                                                                      \
    "coalesce((SELECT group_concat(" row ", ';') FROM (SELECT * FROM " table " ORDER BY " key ")), '')"
static const char all[] =
    "SELECT " LIST("partition || ' ' || coalesce(next, '-') || ' ' || event_time || ' ' || processed "
                   "|| ' ' || repeats || ' ' || late || ' ' || beyond_window", "position", "partition")
    " || '\n' || " LIST("partition || ' ' || number || ' ' || hex(changes)", "kept", "partition, number")
    " || '\n' || " LIST("partition || ' ' || run || ' ' || lane || ' ' || highest || ' ' || hex(window)",
                        "repeats", "partition, run, lane")
    " || '\n' || " LIST("partition || ' ' || number || ' ' || hex(id)", "named", "partition, number")
    " || '\n' || " LIST("hex(id) || ' ' || made_ms || ' ' || coalesce(answered_ms, '-') || ' ' "
                        "|| coalesce(refused_ms, '-')", "decision", "id");

char *state_probe_picture(const char *path)
{
    struct ese_sqlite *database = open_file(path);
    if (database == NULL)
        return NULL;
    struct ese_statement *statement = ese_statement_new(database, all);
    char *picture = NULL;
    if (ese_statement_step(statement, NULL) == 1)
        picture = ese_copy_text(ese_statement_column_text(statement, 0));
    ese_sqlite_close(&database);
    return picture;
}
