#include "ese-consumer/dead_letters.h"

#include "ese-core/buffer.h"
#include "ese-core/memory.h"

enum which { ADD, COUNT, HAS, SETTLE, NEXT, NEXT_UNTOLD, NOTE_TOLD, REPLAYS, SWEEP, STATEMENTS };

#define COLUMNS                                                                                   \
    "partition, offset, cause, reason, tries, dead_ms, id, type, sub_type, ip, key, client_ts,"   \
    " server_ts, traceparent, source, foreign_id, data, bytes, whole"

#define ROW                                                                                       \
    COLUMNS ", number, replay, settled_ms,"                                                       \
            " (SELECT name FROM position WHERE position.partition = dead_letter.partition), told_ms"

static const char *const texts[STATEMENTS] = {
    [ADD] = "INSERT INTO dead_letter(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
            " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
    [COUNT] = "SELECT count(*) FROM dead_letter WHERE partition = ?1",
    [HAS] = "SELECT 1 FROM dead_letter WHERE id = ?1 LIMIT 1",
    [SETTLE] = "UPDATE dead_letter SET replay = ?2, settled_ms = ?3"
               " WHERE number = ?1 AND settled_ms IS NULL",
    [NEXT] = "SELECT " ROW " FROM dead_letter WHERE number > ?1 ORDER BY number LIMIT 1",
    [NEXT_UNTOLD] = "SELECT " ROW " FROM dead_letter WHERE partition = ?2 AND number > ?1"
                    " AND told_ms IS NULL ORDER BY number LIMIT 1",
    [NOTE_TOLD] = "UPDATE dead_letter SET told_ms = ?2 WHERE number = ?1",
    [REPLAYS] = "SELECT coalesce(max(replay), 0) FROM dead_letter WHERE settled_ms IS NOT NULL",
    [SWEEP] = "DELETE FROM dead_letter WHERE number IN"
              " (SELECT number FROM dead_letter WHERE settled_ms < ?1 LIMIT ?2)",
};

static const char *const causes[] = {[ESE_DEAD_UNPARSABLE] = "unparsable",
                                     [ESE_DEAD_FAILED] = "failed",
                                     [ESE_DEAD_CRASHED] = "crashed"};

struct ese_dead_letters {
    struct ese_statement *statements[STATEMENTS];
};

const char *ese_dead_cause_name(enum ese_dead_cause cause)
{
    return causes[cause];
}

struct ese_dead_letters *ese_dead_letters_new(struct ese_sqlite *database)
{
    struct ese_dead_letters *letters = ese_alloc(sizeof *letters);
    for (int i = 0; i < STATEMENTS; i++)
        letters->statements[i] = ese_statement_new(database, texts[i]);
    return letters;
}

void ese_dead_letters_free(struct ese_dead_letters **letters)
{
    free(*letters); /* the statements are the database's */
    *letters = NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_event(struct ese_statement *add, const struct ese_event *event)
{
    ese_statement_text(add, 9, event->sub_type);
    ese_statement_text(add, 10, event->ip);
    ese_statement_text(add, 11, event->key);
    ese_statement_number(add, 12, event->client_ts);
    ese_statement_number(add, 13, event->server_ts);
    ese_statement_text(add, 14, event->traceparent);
    ese_statement_text(add, 15, event->source);
    ese_statement_text(add, 16, event->foreign_id);
    ese_statement_text(add, 17, ese_event_data(event));
    ese_statement_text(add, 18, NULL);
    ese_statement_text(add, 19, NULL);
}

static void add_bytes(struct ese_statement *add, const struct ese_dead_letter *letter)
{
    for (int column = 9; column <= 17; column++)
        ese_statement_text(add, column, NULL);
    ese_statement_bytes(add, 18, letter->bytes, letter->length);
    ese_statement_number(add, 19, letter->whole);
}

int ese_dead_letters_put(struct ese_dead_letters *letters, const struct ese_dead_letter *letter,
                         struct ese_error *error)
{
    struct ese_statement *add = letters->statements[ADD];
    const struct ese_id *id = &letter->event.id;
    ese_statement_number(add, 1, letter->partition);
    ese_statement_number(add, 2, letter->offset);
    ese_statement_text(add, 3, causes[letter->cause]);
    ese_statement_text(add, 4, letter->reason);
    ese_statement_number(add, 5, letter->tries);
    ese_statement_number(add, 6, letter->dead_ms);
    if (ese_id_is_none(id))
        ese_statement_text(add, 7, NULL);
    else
        ese_statement_bytes(add, 7, id->bytes, sizeof id->bytes);
    ese_statement_text(add, 8, letter->event.type);
    if (letter->cause != ESE_DEAD_UNPARSABLE)
        add_event(add, &letter->event);
    else
        add_bytes(add, letter);
    return ese_statement_run(add, error);
}

int ese_dead_letters_settle(struct ese_dead_letters *letters, int64_t number, int64_t replay,
                            int64_t now_ms, struct ese_error *error)
{
    struct ese_statement *settle = letters->statements[SETTLE];
    ese_statement_number(settle, 1, number);
    ese_statement_number(settle, 2, replay);
    ese_statement_number(settle, 3, now_ms);
    return ese_statement_run(settle, error);
}

int ese_dead_letters_sweep(struct ese_dead_letters *letters, int64_t before_ms, int most,
                           struct ese_error *error)
{
    struct ese_statement *sweep = letters->statements[SWEEP];
    ese_statement_number(sweep, 1, before_ms);
    ese_statement_number(sweep, 2, most);
    return ese_statement_run(sweep, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Of a statement that answers with one row, its first column. */
static int ask_number(struct ese_statement *statement, int64_t *number, struct ese_error *error)
{
    if (ese_statement_step(statement, error) != 1)
        return -1;
    *number = ese_statement_column_number(statement, 0);
    ese_statement_reset(statement);
    return 0;
}

int ese_dead_letters_count(struct ese_dead_letters *letters, int32_t partition, int64_t *count,
                           struct ese_error *error)
{
    struct ese_statement *statement = letters->statements[COUNT];
    ese_statement_number(statement, 1, partition);
    return ask_number(statement, count, error);
}

int ese_dead_letters_replays(struct ese_dead_letters *letters, int64_t *number,
                             struct ese_error *error)
{
    return ask_number(letters->statements[REPLAYS], number, error);
}

int ese_dead_letters_has(struct ese_dead_letters *letters, const struct ese_id *id,
                         struct ese_error *error)
{
    struct ese_statement *has = letters->statements[HAS];
    ese_statement_bytes(has, 1, id->bytes, sizeof id->bytes);
    int found = ese_statement_step(has, error);
    if (found == 1)
        ese_statement_reset(has);
    return found;
}

static void read_text(struct ese_statement *row, int column, char *text, size_t size)
{
    snprintf(text, size, "%s", ese_statement_column_text(row, column));
}

static void read_event(struct ese_statement *row, struct ese_event *event)
{
    size_t length = 0;
    const void *id = ese_statement_column_bytes(row, 6, &length);
    if (length == sizeof event->id.bytes)
        memcpy(event->id.bytes, id, length);
    read_text(row, 7, event->type, sizeof event->type);
    read_text(row, 8, event->sub_type, sizeof event->sub_type);
    read_text(row, 9, event->ip, sizeof event->ip);
    read_text(row, 10, event->key, sizeof event->key);
    event->client_ts = ese_statement_column_number(row, 11);
    event->server_ts = ese_statement_column_number(row, 12);
    read_text(row, 13, event->traceparent, sizeof event->traceparent);
    read_text(row, 14, event->source, sizeof event->source);
    read_text(row, 15, event->foreign_id, sizeof event->foreign_id);
    if (!ese_statement_column_null(row, 16))
        event->data = ese_copy_text(ese_statement_column_text(row, 16));
}

static void read_letter(struct ese_statement *row, struct ese_dead_letter *letter)
{
    letter->partition = (int32_t)ese_statement_column_number(row, 0);
    letter->offset = ese_statement_column_number(row, 1);
    for (size_t i = 0; i < ESE_COUNT_OF(causes); i++)
        if (strcmp(causes[i], ese_statement_column_text(row, 2)) == 0)
            letter->cause = (enum ese_dead_cause)i;
    read_text(row, 3, letter->reason, sizeof letter->reason);
    letter->tries = ese_statement_column_number(row, 4);
    letter->dead_ms = ese_statement_column_number(row, 5);
    read_event(row, &letter->event);
    const void *bytes = ese_statement_column_bytes(row, 17, &letter->length);
    if (!ese_statement_column_null(row, 17))
        letter->bytes = letter->copy =
            ese_copy_bytes(letter->length > 0 ? bytes : "", letter->length);
    letter->whole = ese_statement_column_number(row, 18);
    letter->number = ese_statement_column_number(row, 19);
    letter->replay = ese_statement_column_number(row, 20);
    letter->settled_ms = ese_statement_column_number(row, 21);
    read_text(row, 22, letter->place, sizeof letter->place);
    letter->told_ms = ese_statement_column_number(row, 23);
}

static int read_next(struct ese_statement *next, int64_t behind, struct ese_dead_letter *letter,
                     struct ese_error *error)
{
    ese_dead_letter_clear(letter);
    ese_statement_number(next, 1, behind);
    int found = ese_statement_step(next, error);
    if (found != 1)
        return found;
    read_letter(next, letter);
    ese_statement_reset(next);
    return 1;
}

int ese_dead_letters_next(struct ese_dead_letters *letters, int64_t behind,
                          struct ese_dead_letter *letter, struct ese_error *error)
{
    return read_next(letters->statements[NEXT], behind, letter, error);
}

int ese_dead_letters_next_untold(struct ese_dead_letters *letters, int32_t partition,
                                 int64_t behind, struct ese_dead_letter *letter,
                                 struct ese_error *error)
{
    struct ese_statement *next = letters->statements[NEXT_UNTOLD];
    ese_statement_number(next, 2, partition);
    return read_next(next, behind, letter, error);
}

int ese_dead_letters_note_told(struct ese_dead_letters *letters, int64_t number, int64_t now_ms,
                               struct ese_error *error)
{
    struct ese_statement *told = letters->statements[NOTE_TOLD];
    ese_statement_number(told, 1, number);
    ese_statement_number(told, 2, now_ms);
    return ese_statement_run(told, error);
}

void ese_dead_letter_write_plain(struct ese_buffer *buffer, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = ((const unsigned char *)bytes)[i];
        if (byte >= ' ' && byte < 0x7f)
            ese_buffer_printf(buffer, "%c", byte);
        else
            ese_buffer_printf(buffer, "\\x%02x", byte);
    }
}

void ese_dead_letter_clear(struct ese_dead_letter *letter)
{
    ese_event_clear(&letter->event);
    free(letter->copy);
    *letter = (struct ese_dead_letter){.number = 0};
}
