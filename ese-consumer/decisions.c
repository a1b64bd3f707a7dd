#include "ese-consumer/decisions.h"

#include <assert.h>

#include "ese-core/memory.h"

enum which {
    ADD,
    READ_OPEN,
    NOTE_ANSWERED,
    NOTE_REFUSED,
    HAND_OVER,
    SWEEP,
    SWEEP_UNASKED,
    STATEMENTS
};

#define DONE "coalesce(answered_ms, refused_ms)"

static const char *const texts[STATEMENTS] = {
    [ADD] = "INSERT INTO decision(id, rule, key, partition, events, transport, mail_from, mail_to,"
            " subject, content, traceparent, made_ms) "
            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
    [READ_OPEN] = "SELECT id, rule, key, partition, events, mail_from, mail_to, subject, content,"
                  " traceparent, made_ms FROM decision WHERE " DONE " IS NULL AND partition = ?1 "
                  "ORDER BY rowid LIMIT ?2",
    [NOTE_ANSWERED] = "UPDATE decision SET answered_ms = ?2 WHERE id = ?1 AND answered_ms IS NULL",
    [NOTE_REFUSED] = "UPDATE decision SET refused_ms = ?2, refused = ?3 "
                     "WHERE id = ?1 AND " DONE " IS NULL",
    [HAND_OVER] = "UPDATE decision SET partition = ?2 WHERE partition = ?1 AND " DONE " IS NULL",
    [SWEEP] = "DELETE FROM decision WHERE rowid IN "
              "(SELECT rowid FROM decision WHERE " DONE " < ?1 LIMIT ?2)",
    [SWEEP_UNASKED] = "DELETE FROM decision WHERE made_ms < ?2 AND rowid IN "
                      "(SELECT rowid FROM decision WHERE " DONE " IS NULL AND partition = ?1 "
                      "ORDER BY rowid LIMIT ?3)",
};

struct ese_decisions {
    struct ese_sqlite *database;
    char transport[64];
    struct ese_statement *statements[STATEMENTS];
};

struct ese_decisions *ese_decisions_new(struct ese_sqlite *database, const char *transport)
{
    struct ese_decisions *decisions = ese_alloc(sizeof *decisions);
    decisions->database = database;
    snprintf(decisions->transport, sizeof decisions->transport, "%s", transport);
    for (int i = 0; i < STATEMENTS; i++)
        decisions->statements[i] = ese_statement_new(database, texts[i]);
    return decisions;
}

void ese_decisions_free(struct ese_decisions **decisions)
{
    free(*decisions); /* the statements are the database's */
    *decisions = NULL;
}

int ese_decisions_add(struct ese_decisions *decisions, const struct ese_decision *decision,
                      bool *added, struct ese_error *error)
{
    struct ese_statement *add = decisions->statements[ADD];
    ese_statement_bytes(add, 1, decision->id.bytes, sizeof decision->id.bytes);
    ese_statement_text(add, 2, decision->rule);
    ese_statement_text(add, 3, decision->key);
    ese_statement_number(add, 4, decision->partition);
    ese_statement_bytes(add, 5, decision->events,
                        (size_t)decision->event_count * sizeof decision->events[0]);
    ese_statement_text(add, 6, decisions->transport);
    ese_statement_text(add, 7, decision->from);
    ese_statement_text(add, 8, decision->to);
    ese_statement_text(add, 9, decision->subject);
    ese_statement_text(add, 10, decision->content);
    ese_statement_text(add, 11, decision->traceparent);
    ese_statement_number(add, 12, decision->made_ms);
    if (ese_statement_run(add, error) != 0)
        return -1;
    *added = ese_sqlite_changes(decisions->database) == 1;
    return 0;
}

static void copy_text(char *target, size_t size, struct ese_statement *row, int column)
{
    snprintf(target, size, "%s", ese_statement_column_text(row, column));
}

static void copy_bytes(void *target, size_t size, struct ese_statement *row, int column,
                       size_t *length)
{
    const void *bytes = ese_statement_column_bytes(row, column, length);
    *length = *length < size ? *length : size;
    if (*length > 0)
        memcpy(target, bytes, *length);
}

static void read_row(struct ese_statement *row, struct ese_decision *decision)
{
    size_t length = 0;
    *decision = (struct ese_decision){0};
    copy_bytes(decision->id.bytes, sizeof decision->id.bytes, row, 0, &length);
    copy_text(decision->rule, sizeof decision->rule, row, 1);
    copy_text(decision->key, sizeof decision->key, row, 2);
    decision->partition = (int32_t)ese_statement_column_number(row, 3);
    copy_bytes(decision->events, sizeof decision->events, row, 4, &length);
    decision->event_count = (int)(length / sizeof decision->events[0]);
    copy_text(decision->from, sizeof decision->from, row, 5);
    copy_text(decision->to, sizeof decision->to, row, 6);
    copy_text(decision->subject, sizeof decision->subject, row, 7);
    copy_text(decision->content, sizeof decision->content, row, 8);
    copy_text(decision->traceparent, sizeof decision->traceparent, row, 9);
    decision->made_ms = ese_statement_column_number(row, 10);
}

int ese_decisions_read_open(struct ese_decisions *decisions, int32_t partition,
                            struct ese_decision *found, int most, struct ese_error *error)
{
    struct ese_statement *read = decisions->statements[READ_OPEN];
    ese_statement_number(read, 1, partition);
    ese_statement_number(read, 2, most);
    int count = 0;
    int more;
    while ((more = ese_statement_step(read, error)) == 1) {
        assert(count < most);
        read_row(read, &found[count++]);
    }
    return more < 0 ? -1 : count;
}

static int note(struct ese_decisions *decisions, struct ese_statement *statement, bool *noted,
                struct ese_error *error)
{
    if (ese_statement_run(statement, error) != 0)
        return -1;
    *noted = ese_sqlite_changes(decisions->database) == 1;
    return 0;
}

int ese_decisions_note_answered(struct ese_decisions *decisions, const struct ese_id *id,
                                int64_t now_ms, bool *noted, struct ese_error *error)
{
    struct ese_statement *answered = decisions->statements[NOTE_ANSWERED];
    ese_statement_bytes(answered, 1, id->bytes, sizeof id->bytes);
    ese_statement_number(answered, 2, now_ms);
    return note(decisions, answered, noted, error);
}

int ese_decisions_note_refused(struct ese_decisions *decisions, const struct ese_id *id,
                               int64_t now_ms, const char *reason, bool *noted,
                               struct ese_error *error)
{
    struct ese_statement *refused = decisions->statements[NOTE_REFUSED];
    ese_statement_bytes(refused, 1, id->bytes, sizeof id->bytes);
    ese_statement_number(refused, 2, now_ms);
    ese_statement_text(refused, 3, reason);
    return note(decisions, refused, noted, error);
}

int ese_decisions_hand_over(struct ese_decisions *decisions, int32_t from, int32_t to,
                            struct ese_error *error)
{
    struct ese_statement *hand_over = decisions->statements[HAND_OVER];
    ese_statement_number(hand_over, 1, from);
    ese_statement_number(hand_over, 2, to);
    return ese_statement_run(hand_over, error);
}

int ese_decisions_sweep(struct ese_decisions *decisions, int64_t before_ms, int most,
                        struct ese_error *error)
{
    struct ese_statement *sweep = decisions->statements[SWEEP];
    ese_statement_number(sweep, 1, before_ms);
    ese_statement_number(sweep, 2, most);
    return ese_statement_run(sweep, error);
}

int ese_decisions_sweep_unasked(struct ese_decisions *decisions, int32_t partition,
                                int64_t before_ms, int most, struct ese_error *error)
{
    struct ese_statement *sweep = decisions->statements[SWEEP_UNASKED];
    ese_statement_number(sweep, 1, partition);
    ese_statement_number(sweep, 2, before_ms);
    ese_statement_number(sweep, 3, most);
    return ese_statement_run(sweep, error);
}
