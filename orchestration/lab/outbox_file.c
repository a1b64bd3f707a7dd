#include "orchestration/lab/outbox_file.h"

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"

static void add_unknown(struct ese_outbox_file *file, const struct ese_id_filter *wanted,
                        const char *text)
{
    struct ese_id id;
    if (ese_id_parse(text, &id, NULL) == -1) /* a mail somebody else asked for: no decision of this run */
        return;
    if (!ese_id_filter_wants(wanted, &id))
        return;
    file->unknown =
        ese_realloc_array(file->unknown, file->unknown_count + 1, sizeof *file->unknown);
    file->unknown[file->unknown_count++] = id;
}

static int compare(const void *a, const void *b)
{
    return ese_id_compare(a, b);
}

static int read_rows(struct ese_sqlite *database, const char *transport,
                     const struct ese_id_filter *wanted, struct ese_outbox_file *file,
                     struct ese_error *error)
{
    struct ese_statement *rows =
        ese_statement_new(database, "SELECT status, id FROM mail WHERE status <> 'sent'"
                                    " AND (?1 IS NULL OR transport = ?1)");
    int said;
    ese_statement_text(rows, 1, transport);
    while ((said = ese_statement_step(rows, error)) == 1) {
        const char *status = ese_statement_column_text(rows, 0);
        file->queued += strcmp(status, "queued") == 0;
        file->dead += strcmp(status, "dead") == 0;
        if (strcmp(status, "unknown") == 0 || strcmp(status, "sending") == 0)
            add_unknown(file, wanted, ese_statement_column_text(rows, 1));
    }
    if (file->unknown_count > 0)
        qsort(file->unknown, file->unknown_count, sizeof *file->unknown, compare);
    return said;
}

static int check_table(struct ese_sqlite *database, struct ese_error *error)
{
    struct ese_statement *count = ese_statement_new(
        database, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'mail'");
    int said = ese_statement_step(count, error);
    if (said == -1)
        return -1;
    int64_t found = ese_statement_column_number(count, 0);
    ese_statement_reset(count);
    return found == 1 ? 0 : ese_fail(error, ESE_E_INVALID, "it has no table of mails: is it ese-mailer's?");
}

int ese_outbox_file_read(const char *directory, const char *transport,
                         const struct ese_id_filter *wanted, struct ese_outbox_file *file,
                         struct ese_error *error)
{
    *file = (struct ese_outbox_file){.queued = 0};
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .read_only = true};
    if (ese_artifact_path(directory, ESE_ARTIFACT_OUTBOX, path, error) == -1 ||
        ese_sqlite_open(&options, &database, error) == -1)
        return -1;
    int said = check_table(database, error);
    if (said == 0)
        said = read_rows(database, transport, wanted, file, error);
    ese_sqlite_close(&database);
    return said == 0 ? 0 : ese_fail_within(error, "cannot read the outbox %s", path);
}

void ese_outbox_file_free(struct ese_outbox_file *file)
{
    free(file->unknown);
    *file = (struct ese_outbox_file){.queued = 0};
}

bool ese_outbox_file_is_unknown(const struct ese_outbox_file *file, const struct ese_id *id)
{
    return file->unknown_count > 0 &&
           bsearch(id, file->unknown, file->unknown_count, sizeof *file->unknown, compare) != NULL;
}
