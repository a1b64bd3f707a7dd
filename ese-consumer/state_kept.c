/* What rules keep, as the state file has it: a row a sheet. */
#include "ese-consumer/state_internal.h"

#include <inttypes.h>

/* ---- one sheet ------------------------------------------------------------------------------- */

struct shelf {
    struct ese_state *state;
    int32_t partition;
};

static struct ese_statement *about_sheet(const struct shelf *shelf, enum which which, int64_t number)
{
    struct ese_statement *statement = shelf->state->statements[which];
    ese_statement_number(statement, 1, shelf->partition);
    ese_statement_number(statement, 2, number);
    return statement;
}

static int put(void *context, int64_t number, const struct ese_buffer *sheet, struct ese_error *error)
{
    struct ese_statement *statement = about_sheet(context, KEPT_PUT, number);
    ese_statement_bytes(statement, 3, sheet->text, sheet->length);
    return ese_statement_run(statement, error);
}

static int get(void *context, int64_t number, struct ese_buffer *sheet, struct ese_error *error)
{
    struct ese_statement *statement = about_sheet(context, KEPT_GET, number);
    int found = ese_statement_step(statement, error);
    if (found == 0)
        return ese_fail(error, ESE_E_INVALID, "the state file lacks sheet %" PRId64 " of what rules keep", number);
    if (found == 1) {
        size_t length = 0;
        const char *bytes = ese_statement_column_bytes(statement, 0, &length);
        ese_buffer_append(sheet, bytes, length);
        ese_statement_reset(statement);
    }
    return found == 1 ? 0 : -1;
}

static int clear(void *context, int64_t number, struct ese_error *error)
{
    return ese_statement_run(about_sheet(context, KEPT_CLEAR, number), error);
}

/* ---- all of a partition ---------------------------------------------------------------------- */

int ese_state_load_kept(struct ese_state *state, int32_t partition, struct ese_kept *kept,
                        struct ese_error *error)
{
    struct ese_statement *all = state->statements[KEPT_ALL];
    ese_statement_number(all, 1, partition);
    int found;
    while ((found = ese_statement_step(all, error)) == 1) {
        size_t length = 0;
        const void *sheet = ese_statement_column_bytes(all, 1, &length);
        if (ese_kept_restore(kept, ese_statement_column_number(all, 0), sheet, length, error) != 0) {
            ese_statement_reset(all);
            return -1;
        }
    }
    return found;
}

int ese_state_save_kept(struct ese_state *state, int32_t partition, struct ese_kept *kept,
                        struct ese_error *error)
{
    struct shelf shelf = {.state = state, .partition = partition};
    const struct ese_kept_shelf sheets = {.context = &shelf, .put = put, .get = get, .clear = clear};
    return ese_kept_save(kept, &sheets, error);
}
