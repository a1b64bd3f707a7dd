#include "orchestration/lab/state_file.h"

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/mails.h"

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

static int read_repeats(struct ese_sqlite *database, const struct ese_share *share,
                        struct ese_state_file *file, struct ese_error *error)
{
    struct ese_statement *rows =
        ese_statement_new(database, "SELECT partition, run, lane, highest, window FROM repeats"
                                    " ORDER BY partition, run, lane");
    size_t size = 0, length;
    int said;
    while ((said = ese_statement_step(rows, error)) == 1) {
        const void *window = ese_statement_column_bytes(rows, 4, &length);
        if (length != sizeof file->repeats->window) /* of whatever share: all passes have to say so */
            return ese_fail(error, ESE_E_INVALID, "its repeats have a window of %zu bytes, not %zu: it is damaged, or "
                                                  "of another version", length, sizeof file->repeats->window);
        if (!ese_share_has_lane(share, (uint16_t)ese_statement_column_number(rows, 2)))
            continue;
        if (file->repeat_count == size) {
            size = size == 0 ? 256 : size * 2;
            file->repeats = ese_realloc_array(file->repeats, size, sizeof *file->repeats);
        }
        struct ese_state_repeat *repeat = &file->repeats[file->repeat_count++];
        *repeat = (struct ese_state_repeat){
            .partition = (int32_t)ese_statement_column_number(rows, 0),
            .run = (uint32_t)ese_statement_column_number(rows, 1),
            .lane = (uint16_t)ese_statement_column_number(rows, 2),
            .highest = (uint32_t)ese_statement_column_number(rows, 3)};
        memcpy(repeat->window, window, sizeof repeat->window);
    }
    return said;
}

/* The ids in a column, one behind the other. what: to say of them. */
static int read_ids(struct ese_statement *row, int column, const char *what, struct ese_id *ids, int most,
                    int *count, struct ese_error *error)
{
    size_t length;
    const void *bytes = ese_statement_column_bytes(row, column, &length);
    *count = (int)(length / sizeof *ids);
    if (length % sizeof *ids != 0 || *count < 1 || *count > most)
        return ese_fail(error, ESE_E_INVALID,
                        "%s of %zu bytes, which make no 1 to %d of %zu: it is damaged, or of another version",
                        what, length, most, sizeof *ids);
    memcpy(ids, bytes, length);
    return 0;
}

/* Its name tells what it was made from: otherwise nobody knows whose it is. */
static int check_name(struct ese_statement *row, const struct ese_state_decision *decision,
                      struct ese_error *error)
{
    char cause[256];
    snprintf(cause, sizeof cause, "%s:%s", decision->rule, ese_statement_column_text(row, 3));
    const struct ese_id name = ese_id_derive(cause, decision->events, decision->event_count);
    if (ese_id_equal(&name, &decision->id))
        return 0;
    return ese_fail(error, ESE_E_INVALID, "a decision bears an id that its rule, key and events do not make: it is "
                                          "damaged, or of another version");
}

static int read_decision(struct ese_statement *row, struct ese_state_decision *decision,
                         struct ese_error *error)
{
    int ids;
    *decision = (struct ese_state_decision){
        .is_open = ese_statement_column_null(row, 4),
        .told = ese_mails_told(ese_statement_column_text(row, 5), ese_statement_column_text(row, 6),
                               ese_statement_column_text(row, 7))};
    snprintf(decision->rule, sizeof decision->rule, "%s", ese_statement_column_text(row, 2));
    if (read_ids(row, 0, "a decision has an id", &decision->id, 1, &ids, error) == -1 ||
        read_ids(row, 1, "a decision has events", decision->events, ESE_STATE_BEHIND_MOST,
                 &decision->event_count, error) == -1)
        return -1;
    return check_name(row, decision, error);
}

/* ORDER BY on a BLOB is memcmp, as ese_id_compare is. */
static int read_decisions(struct ese_sqlite *database, const struct ese_share *share,
                          struct ese_state_file *file, struct ese_error *error)
{
    struct ese_statement *rows = ese_statement_new(
        database, "SELECT id, events, rule, key, coalesce(answered_ms, refused_ms), transport, mail_to, subject"
                  " FROM decision ORDER BY id");
    size_t size = 0;
    int said;
    while ((said = ese_statement_step(rows, error)) == 1) {
        if (file->decision_count == size) {
            size = size == 0 ? 256 : size * 2;
            file->decisions = ese_realloc_array(file->decisions, size, sizeof *file->decisions);
        }
        struct ese_state_decision *decision = &file->decisions[file->decision_count];
        if (read_decision(rows, decision, error) == -1) /* of whatever share, as above */
            return -1;
        file->decision_count += ese_share_has(share, &decision->events[0]);
    }
    return said;
}

/* Statements are compiled against the tables that are there, so look before: a file that is no
 * state file is an error of the artifacts, not of this program. */
static int count_tables(struct ese_sqlite *database, const char *names, int64_t *found,
                        struct ese_error *error)
{
    char text[200];
    snprintf(text, sizeof text,
             "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN (%s)", names);
    struct ese_statement *count = ese_statement_new(database, text);
    if (ese_statement_step(count, error) == -1)
        return -1;
    *found = ese_statement_column_number(count, 0);
    ese_statement_reset(count);
    return 0;
}

static int check_tables(struct ese_sqlite *database, struct ese_error *error)
{
    int64_t found = 0;
    if (count_tables(database, "'position', 'repeats', 'decision'", &found, error) == -1)
        return -1;
    return found == 3 ? 0
                      : ese_fail(error, ESE_E_INVALID, "it has no positions, repeats and decisions: is it "
                                                       "ese-consumer's?");
}

/* Of what is no event there is nothing to tell. A file of an earlier day has no letters. */
static int read_letters(struct ese_sqlite *database, const struct ese_share *share,
                        struct ese_state_file *file, struct ese_error *error)
{
    int64_t found = 0;
    if (count_tables(database, "'dead_letter'", &found, error) == -1)
        return -1;
    if (found == 0)
        return 0;
    struct ese_statement *rows =
        ese_statement_new(database, "SELECT id, coalesce(replay, 0) FROM dead_letter"
                                    " WHERE id IS NOT NULL ORDER BY id");
    size_t size = 0;
    int said, ids;
    while ((said = ese_statement_step(rows, error)) == 1) {
        if (file->letter_count == size) {
            size = size == 0 ? 64 : size * 2;
            file->letters = ese_realloc_array(file->letters, size, sizeof *file->letters);
        }
        struct ese_state_letter *letter = &file->letters[file->letter_count];
        if (read_ids(rows, 0, "a dead letter has an id", &letter->id, 1, &ids, error) == -1)
            return -1;
        letter->replay = (uint32_t)ese_statement_column_number(rows, 1);
        file->letter_count += ese_share_has(share, &letter->id);
    }
    return said;
}

int ese_state_file_read(const char *directory, const struct ese_share *share,
                        struct ese_state_file *file, struct ese_error *error)
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
        said = read_repeats(database, share, file, error);
    if (said == 0)
        said = read_decisions(database, share, file, error);
    if (said == 0)
        said = read_letters(database, share, file, error);
    ese_sqlite_close(&database);
    return said == 0 ? 0 : ese_fail_within(error, "cannot read the state file %s", path);
}

void ese_state_file_free(struct ese_state_file *file)
{
    free(file->positions);
    free(file->repeats);
    free(file->decisions);
    free(file->letters);
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

static int by_lane(const void *wanted, const void *known)
{
    const struct ese_state_repeat *a = wanted, *b = known;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    if (a->run != b->run)
        return a->run < b->run ? -1 : 1;
    return (a->lane > b->lane) - (a->lane < b->lane);
}

enum ese_state_had ese_state_file_had(const struct ese_state_file *file, int32_t partition,
                                      const struct ese_id *id)
{
    enum { WINDOW = 8 * sizeof file->repeats->window };
    const struct ese_id_parts parts = ese_id_read(id);
    const struct ese_state_repeat wanted = {
        .partition = partition, .run = parts.run, .lane = parts.lane};
    if (file->repeat_count == 0)
        return ESE_STATE_NOT_HAD;
    const struct ese_state_repeat *repeat =
        bsearch(&wanted, file->repeats, file->repeat_count, sizeof wanted, by_lane);
    if (repeat == NULL || parts.sequence > repeat->highest)
        return ESE_STATE_NOT_HAD;
    if (repeat->highest - parts.sequence >= WINDOW)
        return ESE_STATE_TOO_OLD;
    uint32_t bit = parts.sequence % WINDOW;
    return (repeat->window[bit / 8] >> (bit % 8) & 1) != 0 ? ESE_STATE_HAD : ESE_STATE_NOT_HAD;
}

static int by_id(const void *id, const void *letter)
{
    return ese_id_compare(id, &((const struct ese_state_letter *)letter)->id);
}

const struct ese_state_letter *ese_state_file_letter(const struct ese_state_file *file,
                                                     const struct ese_id *id)
{
    if (file->letter_count == 0)
        return NULL;
    return bsearch(id, file->letters, file->letter_count, sizeof *file->letters, by_id);
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
