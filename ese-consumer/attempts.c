#include "ese-consumer/attempts.h"

#include <inttypes.h>

#include "ese-core/memory.h"

enum which { TAKE, GET, CLEAR_LIVES, SET, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [TAKE] = "INSERT INTO attempt(partition, lives) VALUES(?1, 1) "
             "ON CONFLICT DO UPDATE SET lives = lives + 1",
    [GET] = "SELECT lives, mark, tries FROM attempt WHERE partition = ?1",
    [CLEAR_LIVES] = "UPDATE attempt SET lives = 0 WHERE partition = ?1",
    [SET] = "UPDATE attempt SET mark = ?2, tries = ?3 WHERE partition = ?1",
};

struct ese_attempts {
    struct ese_sqlite *database;
    struct ese_statement *statements[STATEMENTS];
};

struct ese_attempts *ese_attempts_new(struct ese_sqlite *database)
{
    struct ese_attempts *attempts = ese_alloc(sizeof *attempts);
    attempts->database = database;
    for (int i = 0; i < STATEMENTS; i++)
        attempts->statements[i] = ese_statement_new(database, texts[i]);
    return attempts;
}

void ese_attempts_free(struct ese_attempts **attempts)
{
    free(*attempts); /* the statements are the database's */
    *attempts = NULL;
}

int ese_attempts_read(struct ese_attempts *attempts, int32_t partition,
                      struct ese_attempt *attempt, struct ese_error *error)
{
    struct ese_statement *get = attempts->statements[GET];
    *attempt = (struct ese_attempt){.is_careful = attempt->is_careful};
    ese_statement_number(get, 1, partition);
    int found = ese_statement_step(get, error);
    if (found != 1)
        return found;
    attempt->lives = ese_statement_column_number(get, 0);
    attempt->tries = ese_statement_column_number(get, 2);
    const void *mark = ese_statement_column_bytes(get, 1, &attempt->length);
    if (attempt->length > sizeof attempt->mark)
        attempt->length = 0;
    if (attempt->length > 0)
        memcpy(attempt->mark, mark, attempt->length);
    ese_statement_reset(get);
    return 0;
}

int ese_attempts_take(struct ese_attempts *attempts, int32_t partition,
                      struct ese_attempt *attempt, struct ese_error *error)
{
    struct ese_statement *take = attempts->statements[TAKE];
    *attempt = (struct ese_attempt){.lives = 0};
    if (ese_sqlite_begin(attempts->database, error) != 0)
        return -1;
    ese_statement_number(take, 1, partition);
    if (ese_statement_run(take, error) != 0 ||
        ese_attempts_read(attempts, partition, attempt, error) != 0) {
        ese_sqlite_rollback(attempts->database);
        return -1;
    }
    attempt->is_careful = attempt->lives > 1;
    return ese_sqlite_commit(attempts->database, error);
}

int ese_attempts_clear_lives(struct ese_attempts *attempts, int32_t partition,
                             struct ese_attempt *attempt, struct ese_error *error)
{
    struct ese_statement *clear = attempts->statements[CLEAR_LIVES];
    if (attempt->lives == 0)
        return 0;
    attempt->lives = 0;
    ese_statement_number(clear, 1, partition);
    return ese_statement_run(clear, error);
}

/* ---- one event ------------------------------------------------------------------------------- */

static size_t mark_of(const struct ese_record *record, uint8_t mark[ESE_ATTEMPTS_MARK])
{
    const struct ese_id *id = &record->event.id;
    if (ese_id_is_none(id))
        return (size_t)snprintf((char *)mark, ESE_ATTEMPTS_MARK, "%" PRId64, record->offset);
    memcpy(mark, id->bytes, sizeof id->bytes);
    return sizeof id->bytes;
}

bool ese_attempt_is_about(const struct ese_attempt *attempt, const struct ese_record *record)
{
    uint8_t mark[ESE_ATTEMPTS_MARK];
    if (attempt->length == 0)
        return false;
    return mark_of(record, mark) == attempt->length &&
           memcmp(mark, attempt->mark, attempt->length) == 0;
}

static int set(struct ese_attempts *attempts, int32_t partition, const struct ese_attempt *attempt,
               struct ese_error *error)
{
    struct ese_statement *set = attempts->statements[SET];
    ese_statement_number(set, 1, partition);
    if (attempt->length > 0)
        ese_statement_bytes(set, 2, attempt->mark, attempt->length);
    else
        ese_statement_text(set, 2, NULL);
    ese_statement_number(set, 3, attempt->tries);
    return ese_statement_run(set, error);
}

int ese_attempts_begin(struct ese_attempts *attempts, const struct ese_record *record,
                       struct ese_attempt *attempt, struct ese_error *error)
{
    if (!ese_attempt_is_about(attempt, record)) {
        attempt->length = mark_of(record, attempt->mark);
        attempt->tries = 0;
    }
    attempt->tries++;
    return set(attempts, record->partition, attempt, error);
}

int ese_attempts_end(struct ese_attempts *attempts, int32_t partition, struct ese_attempt *attempt,
                     struct ese_error *error)
{
    if (attempt->length == 0)
        return 0;
    attempt->length = 0;
    attempt->tries = 0;
    return set(attempts, partition, attempt, error);
}
