#include "orchestration/lab/outbox_file.h"

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"

struct id_list {
    struct ese_id **ids;
    size_t *count;
};

static void add_id(const struct id_list *list, const struct ese_id *id)
{
    bool is_full = (*list->count & (*list->count - 1)) == 0; /* it doubles */
    if (is_full)
        *list->ids = ese_realloc_array(*list->ids, *list->count == 0 ? 1 : *list->count * 2, sizeof **list->ids);
    (*list->ids)[(*list->count)++] = *id;
}

static int compare(const void *a, const void *b)
{
    return ese_id_compare(a, b);
}

static void sort(const struct id_list *list)
{
    if (*list->count > 0)
        qsort(*list->ids, *list->count, sizeof **list->ids, compare);
}

/* The statuses there are, and what they say. */
static int take_status(const char *status, struct ese_outbox_file *file, bool *is_unknown, struct ese_error *error)
{
    *is_unknown = strcmp(status, "unknown") == 0 || strcmp(status, "sending") == 0;
    file->queued += strcmp(status, "queued") == 0;
    if (*is_unknown || strcmp(status, "queued") == 0 || strcmp(status, "sent") == 0 || strcmp(status, "dead") == 0)
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "a mail is '%.40s', and not queued, sending, sent, unknown or dead: it is damaged, or of another "
                    "version", status);
}

static int take_row(struct ese_statement *row, const struct ese_id_filter *wanted, struct ese_outbox_file *file,
                    struct ese_error *error)
{
    const struct id_list known = {&file->known, &file->known_count}, unknown = {&file->unknown, &file->unknown_count};
    const struct id_list waiting = {&file->waiting, &file->waiting_count};
    struct ese_id id;
    bool is_unknown;
    int64_t queued = file->queued;
    if (take_status(ese_statement_column_text(row, 0), file, &is_unknown, error) == -1)
        return -1;
    if (ese_id_parse(ese_statement_column_text(row, 1), &id, NULL) == -1) /* somebody else's, and no decision */
        return 0;
    if (!ese_id_filter_wants(wanted, &id))
        return 0;
    if (wanted != NULL)
        add_id(&known, &id);
    if (wanted != NULL && file->queued > queued)
        add_id(&waiting, &id);
    if (is_unknown)
        add_id(&unknown, &id);
    return 0;
}

static int read_rows(struct ese_sqlite *database, const char *transport,
                     const struct ese_id_filter *wanted, struct ese_outbox_file *file,
                     struct ese_error *error)
{
    struct ese_statement *rows =
        ese_statement_new(database, "SELECT status, id FROM mail WHERE (?2 OR status <> 'sent')"
                                    " AND (?1 IS NULL OR transport = ?1)");
    int said;
    ese_statement_text(rows, 1, transport);
    ese_statement_number(rows, 2, wanted != NULL);
    while ((said = ese_statement_step(rows, error)) == 1) {
        if (take_row(rows, wanted, file, error) == -1)
            return -1;
    }
    sort(&(struct id_list){&file->known, &file->known_count});
    sort(&(struct id_list){&file->unknown, &file->unknown_count});
    sort(&(struct id_list){&file->waiting, &file->waiting_count});
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
    free(file->known);
    free(file->waiting);
    *file = (struct ese_outbox_file){.queued = 0};
}

static bool has(const struct ese_id *ids, size_t count, const struct ese_id *id)
{
    return count > 0 && bsearch(id, ids, count, sizeof *ids, compare) != NULL;
}

bool ese_outbox_file_knows(const struct ese_outbox_file *file, const struct ese_id *id)
{
    return has(file->known, file->known_count, id);
}

bool ese_outbox_file_is_waiting(const struct ese_outbox_file *file, const struct ese_id *id)
{
    return has(file->waiting, file->waiting_count, id);
}

bool ese_outbox_file_is_unknown(const struct ese_outbox_file *file, const struct ese_id *id)
{
    return has(file->unknown, file->unknown_count, id);
}
