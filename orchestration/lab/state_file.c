#include "orchestration/lab/state_file.h"

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"

static int read_positions(struct ese_sqlite *database, struct ese_state_file *file,
                          struct ese_error *error)
{
    struct ese_statement *rows = ese_statement_new(
        database, "SELECT partition, next, late, beyond_window FROM position ORDER BY partition");
    int said;
    while ((said = ese_statement_step(rows, error)) == 1) {
        file->late += ese_statement_column_number(rows, 2);
        file->beyond_window += ese_statement_column_number(rows, 3);
        if (ese_statement_column_null(rows, 1))
            continue; /* given, but no batch of it was ever committed */
        file->positions =
            ese_realloc_array(file->positions, file->position_count + 1, sizeof *file->positions);
        file->positions[file->position_count++] = (struct ese_state_position){
            .partition = (int32_t)ese_statement_column_number(rows, 0),
            .next = ese_statement_column_number(rows, 1)};
    }
    return said;
}

static int read_id(struct ese_statement *row, int column, struct ese_id *id,
                   struct ese_error *error)
{
    size_t length;
    const void *bytes = ese_statement_column_bytes(row, column, &length);
    if (length < sizeof id->bytes)
        return ese_fail(error, ESE_E_INVALID, "a decision in the state file has an id of %zu bytes",
                        length);
    memcpy(id->bytes, bytes, sizeof id->bytes);
    return 0;
}

/* ORDER BY on a BLOB is memcmp, as ese_id_compare is. */
static int read_decisions(struct ese_sqlite *database, struct ese_state_file *file,
                          struct ese_error *error)
{
    struct ese_statement *rows =
        ese_statement_new(database, "SELECT id, events FROM decision ORDER BY id");
    size_t size = 0;
    int said;
    while ((said = ese_statement_step(rows, error)) == 1) {
        if (file->decision_count == size) {
            size = size == 0 ? 256 : size * 2;
            file->decisions = ese_realloc_array(file->decisions, size, sizeof *file->decisions);
        }
        struct ese_state_decision *decision = &file->decisions[file->decision_count++];
        if (read_id(rows, 0, &decision->id, error) == -1 ||
            read_id(rows, 1, &decision->first_event, error) == -1)
            return -1;
    }
    return said;
}

/* Statements are compiled against the tables that are there, so look before: a file that is no
 * state file is an error of the artifacts, not of this program. */
static int check_tables(struct ese_sqlite *database, struct ese_error *error)
{
    struct ese_statement *count = ese_statement_new(
        database, "SELECT count(*) FROM sqlite_schema"
                  " WHERE type = 'table' AND name IN ('position', 'decision')");
    int said = ese_statement_step(count, error);
    if (said == -1)
        return -1;
    int64_t found = ese_statement_column_number(count, 0);
    ese_statement_reset(count);
    return found == 2 ? 0 : ese_fail(error, ESE_E_INVALID, "it has no positions and decisions");
}

int ese_state_file_read(const char *directory, struct ese_state_file *file, struct ese_error *error)
{
    *file = (struct ese_state_file){.late = 0};
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .read_only = true};
    if (ese_artifact_path(directory, ESE_ARTIFACT_STATE, path, error) == -1 ||
        ese_sqlite_open(&options, &database, error) == -1)
        return -1;
    int said = check_tables(database, error);
    if (said == 0)
        said = read_positions(database, file, error);
    if (said == 0)
        said = read_decisions(database, file, error);
    ese_sqlite_close(&database);
    return said == 0 ? 0 : ese_fail_within(error, "cannot read the state file %s", path);
}

void ese_state_file_free(struct ese_state_file *file)
{
    free(file->positions);
    free(file->decisions);
    *file = (struct ese_state_file){.late = 0};
}

int64_t ese_state_file_next(const struct ese_state_file *file, int32_t partition)
{
    for (size_t i = 0; i < file->position_count; i++) {
        if (file->positions[i].partition == partition)
            return file->positions[i].next;
    }
    return INT64_MIN;
}

static int compare(const void *id, const void *decision)
{
    return ese_id_compare(id, &((const struct ese_state_decision *)decision)->id);
}

const struct ese_state_decision *ese_state_file_decision(const struct ese_state_file *file,
                                                         const struct ese_id *id)
{
    if (file->decision_count == 0)
        return NULL;
    return bsearch(id, file->decisions, file->decision_count, sizeof *file->decisions, compare);
}
