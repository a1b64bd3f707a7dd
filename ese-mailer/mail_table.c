#include "ese-mailer/mail_table.h"

#include <assert.h>

#include "ese-core/account.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "ese-mailer/positions.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS mail ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " sender TEXT NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL, content TEXT NOT NULL,"
    " transport TEXT NOT NULL, traceparent TEXT NOT NULL,"
    " status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_attempt_ms INTEGER NOT NULL,"
    " reply_code INTEGER NOT NULL DEFAULT 0, reply_text TEXT NOT NULL DEFAULT '',"
    " accepted_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL);"
    /* One small index for each question that is asked all the time. */
    "CREATE INDEX IF NOT EXISTS mail_queued ON mail (next_attempt_ms, seq) WHERE status = 'queued';"
    "CREATE INDEX IF NOT EXISTS mail_sent ON mail (changed_ms) WHERE status = 'sent';"
    "CREATE INDEX IF NOT EXISTS mail_parked ON mail (status, seq)"
    " WHERE status IN ('dead', 'unknown', 'sending');" ESE_ACCOUNT_SCHEMA ESE_POSITIONS_SCHEMA;

/* A row takes at most so much beside its content: its other texts, its places in the indexes; and
 * pages that were split are half empty. */
#define ROW_BYTES 4096
#define CONTENT_TIMES 2
/* And for what a row that waits will still grow by, a page. */
#define GROWTH_BYTES 4096

#define COLUMNS                                                                                \
    "seq, id, sender, recipient, subject, transport, traceparent, status, attempts,"           \
    " reply_code, reply_text, accepted_ms, changed_ms"

static const char *const status_names[ESE_MAIL_STATUSES] = {
    [ESE_MAIL_QUEUED] = "queued",   [ESE_MAIL_SENDING] = "sending", [ESE_MAIL_SENT] = "sent",
    [ESE_MAIL_UNKNOWN] = "unknown", [ESE_MAIL_DEAD] = "dead",
};

struct ese_mail_table {
    struct ese_sqlite *sqlite;
    struct ese_account *account;
    struct ese_statement *insert, *select, *mark, *status, *end, *purge, *next, *next_due;
    struct ese_statement *list[ESE_MAIL_STATUSES]; /* a bound status would not find its index */
    int64_t count[ESE_MAIL_STATUSES];
    int64_t count_before[ESE_MAIL_STATUSES]; /* as the transaction began, for its rollback */
};

const char *ese_mail_status_name(enum ese_mail_status status)
{
    return status_names[status];
}

static enum ese_mail_status status_of(const char *name)
{
    int status = 0;
    while (status < ESE_MAIL_STATUSES - 1 && strcmp(status_names[status], name) != 0)
        status++;
    return (enum ese_mail_status)status;
}

void ese_mail_row_clear(struct ese_mail_row *row)
{
    ese_mail_clear(&row->mail);
}

static void prepare_lists(struct ese_mail_table *table)
{
    for (int status = 0; status < ESE_MAIL_STATUSES; status++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "SELECT " COLUMNS " FROM mail WHERE status = '%s' AND seq > ?1"
                 " ORDER BY seq LIMIT ?2",
                 status_names[status]);
        table->list[status] = ese_statement_new(table->sqlite, sql);
    }
}

static void prepare(struct ese_mail_table *table)
{
    struct ese_sqlite *db = table->sqlite;
    table->insert = ese_statement_new(db,
        "INSERT INTO mail (id, sender, recipient, subject, content, transport, traceparent, status,"
        " next_attempt_ms, accepted_ms, changed_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', ?8, ?8, ?8)");
    table->select = ese_statement_new(db,
        "SELECT sender, recipient, subject, content FROM mail WHERE id = ?1");
    table->mark = ese_statement_new(db,
        "UPDATE mail SET status = 'sending', attempts = attempts + 1, changed_ms = ?2"
        " WHERE seq = ?1 AND status = 'queued'");
    table->status = ese_statement_new(db, "SELECT status FROM mail WHERE seq = ?1");
    table->end = ese_statement_new(db,
        "UPDATE mail SET status = ?2, attempts = attempts + (status = 'queued'), reply_code = ?3,"
        " reply_text = ?4, next_attempt_ms = ?5, changed_ms = ?6 WHERE seq = ?1");
    table->purge = ese_statement_new(db,
        "DELETE FROM mail WHERE seq IN"
        " (SELECT seq FROM mail WHERE status = 'sent' AND changed_ms < ?1"
        " ORDER BY changed_ms LIMIT ?2)");
    table->next = ese_statement_new(db,
        "SELECT " COLUMNS ", content FROM mail WHERE status = 'queued' AND next_attempt_ms <= ?1"
        " ORDER BY next_attempt_ms, seq LIMIT ?2");
    table->next_due = ese_statement_new(db,
        "SELECT min(next_attempt_ms) FROM mail WHERE status = 'queued' AND next_attempt_ms > ?1");
}

static int count_rows(struct ese_mail_table *table, struct ese_error *error)
{
    struct ese_statement *each =
        ese_statement_new(table->sqlite, "SELECT status, count(*) FROM mail GROUP BY status");
    int step;
    while ((step = ese_statement_step(each, error)) == 1)
        table->count[status_of(ese_statement_column_text(each, 0))] =
            ese_statement_column_number(each, 1);
    return step;
}

int ese_mail_table_open(const char *path, int64_t max_bytes, struct ese_history *history,
                        struct ese_mail_table **table, struct ese_error *error)
{
    static const enum ese_history_counter counters[] = {
        ESE_COUNT_MAILS_SENT, ESE_COUNT_MAILS_DEAD, ESE_COUNT_MAILS_UNKNOWN};

    struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_DISK,
                                         .read_only = false, .schema = schema,
                                         .own_table = "mail", .max_bytes = max_bytes};
    struct ese_mail_table *new = ese_alloc(sizeof *new);
    *table = new;
    if (ese_sqlite_open(&options, &new->sqlite, error) != 0)
        goto out;
    prepare(new);
    prepare_lists(new);
    if (count_rows(new, error) == 0 &&
        ese_account_open(new->sqlite, history, counters, ESE_COUNT_OF(counters), &new->account,
                         error) == 0)
        return 0;
out:
    ese_mail_table_close(table);
    return ese_fail_within(error, "outbox %s", path);
}

void ese_mail_table_close(struct ese_mail_table **table)
{
    if (*table == NULL)
        return;
    ese_account_close(&(*table)->account);
    ese_sqlite_close(&(*table)->sqlite);
    free(*table);
    *table = NULL;
}

int ese_mail_table_begin(struct ese_mail_table *table, struct ese_error *error)
{
    memcpy(table->count_before, table->count, sizeof table->count);
    return ese_sqlite_begin(table->sqlite, error);
}

int ese_mail_table_commit(struct ese_mail_table *table, struct ese_error *error)
{
    if (ese_account_write(table->account, error) == 0 &&
        ese_sqlite_commit(table->sqlite, error) == 0) {
        ese_account_settle(table->account, true);
        return 0;
    }
    ese_mail_table_rollback(table);
    return -1;
}

void ese_mail_table_rollback(struct ese_mail_table *table)
{
    ese_sqlite_rollback(table->sqlite);
    ese_account_settle(table->account, false);
    memcpy(table->count, table->count_before, sizeof table->count);
}

/* Mails came to that status, or left it otherwise than by the end of their keeping time. */
static void note_moved(struct ese_mail_table *table, enum ese_mail_status status, int64_t mails)
{
    static const enum ese_history_counter shown[ESE_MAIL_STATUSES] = {
        [ESE_MAIL_SENT] = ESE_COUNT_MAILS_SENT, [ESE_MAIL_UNKNOWN] = ESE_COUNT_MAILS_UNKNOWN,
        [ESE_MAIL_DEAD] = ESE_COUNT_MAILS_DEAD}; /* 0, of the others, is no counter of mails */
    if (shown[status] != 0)
        ese_account_count(table->account, shown[status], mails);
}

/* 1 and what is kept under the id; 0: nothing is. The texts are the statement's, to be reset. */
static int find_known(struct ese_mail_table *table, const struct ese_mail *mail, bool *same,
                      struct ese_error *error)
{
    ese_statement_text(table->select, 1, mail->id);
    int step = ese_statement_step(table->select, error);
    if (step != 1)
        return step;
    const char *given[] = {mail->from, mail->to, mail->subject, mail->content};
    *same = true;
    for (int i = 0; i < 4; i++)
        *same = *same && strcmp(given[i], ese_statement_column_text(table->select, i)) == 0;
    ese_statement_reset(table->select);
    return 1;
}

static int insert(struct ese_mail_table *table, const struct ese_mail *mail,
                  struct ese_error *error)
{
    const char *texts[] = {mail->id,      mail->from,      mail->to,         mail->subject,
                           mail->content, mail->transport, mail->traceparent};
    for (int i = 0; i < (int)ESE_COUNT_OF(texts); i++)
        ese_statement_text(table->insert, i + 1, texts[i]);
    ese_statement_number(table->insert, 8, ese_clock_wall_ms());
    if (ese_statement_run(table->insert, error) != 0)
        return -1;
    table->count[ESE_MAIL_QUEUED]++;
    return 0;
}

static int64_t count_waiting(const struct ese_mail_table *table)
{
    return table->count[ESE_MAIL_QUEUED] + table->count[ESE_MAIL_SENDING];
}

int ese_mail_table_check_room(struct ese_mail_table *table, size_t content_length,
                              struct ese_error *error)
{
    int64_t waiting = count_waiting(table);
    int64_t bytes = ROW_BYTES + CONTENT_TIMES * (int64_t)content_length +
                    (waiting + 1) * GROWTH_BYTES;
    struct ese_error full = {.code = ESE_OK};
    if (ese_sqlite_check_room(table->sqlite, bytes, &full) == 0)
        return 0;
    return ese_fail(error, full.code, "%.300s, and %d for each of %lld mails that wait", full.text,
                    GROWTH_BYTES, (long long)waiting);
}

int64_t ese_mail_table_used_bytes(struct ese_mail_table *table)
{
    return ese_sqlite_used_bytes(table->sqlite);
}

int ese_mail_table_put(struct ese_mail_table *table, const struct ese_mail *mail,
                       int64_t most_waiting, enum ese_mail_put *put, struct ese_error *error)
{
    bool same;
    int known = find_known(table, mail, &same, error);
    if (known < 0)
        return -1;
    if (known == 1)
        *put = same ? ESE_MAIL_KNOWN : ESE_MAIL_CONFLICT;
    else if (count_waiting(table) >= most_waiting)
        *put = ESE_MAIL_FULL;
    else if (ese_mail_table_check_room(table, strlen(mail->content), NULL) != 0)
        *put = ESE_MAIL_NO_ROOM;
    else
        *put = ESE_MAIL_TAKEN;
    return *put == ESE_MAIL_TAKEN ? insert(table, mail, error) : 0;
}

int ese_mail_table_mark_sending(struct ese_mail_table *table, int64_t seq, struct ese_error *error)
{
    ese_statement_number(table->mark, 1, seq);
    ese_statement_number(table->mark, 2, ese_clock_wall_ms());
    if (ese_statement_run(table->mark, error) != 0)
        return -1;
    if (ese_sqlite_changes(table->sqlite) != 1)
        return ese_fail(error, ESE_E_FENCED, "mail %lld is no longer queued", (long long)seq);
    table->count[ESE_MAIL_QUEUED]--;
    table->count[ESE_MAIL_SENDING]++;
    return 0;
}

static int read_status(struct ese_mail_table *table, int64_t seq, enum ese_mail_status *status,
                       struct ese_error *error)
{
    ese_statement_number(table->status, 1, seq);
    int step = ese_statement_step(table->status, error);
    if (step == 0)
        return ese_fail(error, ESE_E_GONE, "mail %lld is no longer in the outbox", (long long)seq);
    if (step < 0)
        return -1;
    *status = status_of(ese_statement_column_text(table->status, 0));
    ese_statement_reset(table->status);
    return 0;
}

int ese_mail_table_end(struct ese_mail_table *table, const struct ese_mail_end *end,
                       struct ese_error *error)
{
    enum ese_mail_status before = ESE_MAIL_QUEUED;
    if (read_status(table, end->seq, &before, error) != 0)
        return -1;
    ese_statement_number(table->end, 1, end->seq);
    ese_statement_text(table->end, 2, status_names[end->status]);
    ese_statement_number(table->end, 3, end->reply.code);
    ese_statement_text(table->end, 4, end->reply.text);
    ese_statement_number(table->end, 5, end->next_attempt_ms);
    ese_statement_number(table->end, 6, ese_clock_wall_ms());
    if (ese_statement_run(table->end, error) != 0)
        return -1;
    table->count[before]--;
    table->count[end->status]++;
    note_moved(table, before, -1);
    note_moved(table, end->status, 1);
    return 0;
}

int64_t ese_mail_table_recover(struct ese_mail_table *table, bool resend, struct ese_error *error)
{
    char sql[256];
    int64_t now_ms = ese_clock_wall_ms();
    snprintf(sql, sizeof sql,
             "UPDATE mail SET status = '%s', next_attempt_ms = %lld, changed_ms = %lld"
             " WHERE status IN ('sending'%s)",
             status_names[resend ? ESE_MAIL_QUEUED : ESE_MAIL_UNKNOWN], (long long)now_ms,
             (long long)now_ms, resend ? ", 'unknown'" : "");
    if (ese_sqlite_run(table->sqlite, sql, error) != 0)
        return -1;
    int64_t changed = ese_sqlite_changes(table->sqlite);
    int64_t unknown = table->count[ESE_MAIL_UNKNOWN];
    memset(table->count, 0, sizeof table->count);
    if (count_rows(table, error) != 0)
        return -1;
    note_moved(table, ESE_MAIL_UNKNOWN, table->count[ESE_MAIL_UNKNOWN] - unknown);
    return changed;
}

int64_t ese_mail_table_purge(struct ese_mail_table *table, int64_t before_ms, int most,
                             struct ese_error *error)
{
    ese_statement_number(table->purge, 1, before_ms);
    ese_statement_number(table->purge, 2, most);
    if (ese_statement_run(table->purge, error) != 0)
        return -1;
    int64_t removed = ese_sqlite_changes(table->sqlite);
    table->count[ESE_MAIL_SENT] -= removed;
    return removed;
}

/* The columns of COLUMNS. What is too long for its place came from another program: it is cut to
 * nothing. */
static void read_row(struct ese_statement *from, struct ese_mail_row *row)
{
    struct ese_mail *mail = &row->mail;
    *row = (struct ese_mail_row){.seq = ese_statement_column_number(from, 0)};
    ese_fit_text(mail->id, sizeof mail->id, ese_statement_column_text(from, 1));
    ese_fit_text(mail->from, sizeof mail->from, ese_statement_column_text(from, 2));
    ese_fit_text(mail->to, sizeof mail->to, ese_statement_column_text(from, 3));
    ese_fit_text(mail->subject, sizeof mail->subject, ese_statement_column_text(from, 4));
    ese_fit_text(mail->transport, sizeof mail->transport, ese_statement_column_text(from, 5));
    ese_fit_text(mail->traceparent, sizeof mail->traceparent, ese_statement_column_text(from, 6));
    row->status = status_of(ese_statement_column_text(from, 7));
    row->attempts = (int)ese_statement_column_number(from, 8);
    row->reply.code = (int)ese_statement_column_number(from, 9);
    ese_fit_text(row->reply.text, sizeof row->reply.text, ese_statement_column_text(from, 10));
    row->accepted_ms = ese_statement_column_number(from, 11);
    row->changed_ms = ese_statement_column_number(from, 12);
}

static bool is_among(int64_t seq, const int64_t *taken, int taken_count)
{
    for (int i = 0; i < taken_count; i++)
        if (taken[i] == seq)
            return true;
    return false;
}

int ese_mail_table_next(struct ese_mail_table *table, int64_t now_ms, const int64_t *taken,
                        int taken_count, struct ese_mail_row *row, struct ese_error *error)
{
    struct ese_statement *next = table->next;
    ese_statement_number(next, 1, now_ms);
    ese_statement_number(next, 2, taken_count + 1);
    int step;
    while ((step = ese_statement_step(next, error)) == 1) {
        if (is_among(ese_statement_column_number(next, 0), taken, taken_count))
            continue;
        read_row(next, row);
        row->mail.content = ese_copy_text(ese_statement_column_text(next, 13));
        ese_statement_reset(next);
        break;
    }
    return step;
}

int64_t ese_mail_table_next_due(struct ese_mail_table *table, int64_t now_ms)
{
    int64_t due = INT64_MAX;
    ese_statement_number(table->next_due, 1, now_ms);
    if (ese_statement_step(table->next_due, NULL) == 1) {
        if (!ese_statement_column_null(table->next_due, 0))
            due = ese_statement_column_number(table->next_due, 0);
        ese_statement_reset(table->next_due);
    }
    return due;
}

int ese_mail_table_list(struct ese_mail_table *table, enum ese_mail_status status, int64_t after,
                        struct ese_mail_row *rows, int most, struct ese_error *error)
{
    struct ese_statement *list = table->list[status];
    ese_statement_number(list, 1, after);
    ese_statement_number(list, 2, most);
    int count = 0, step = 0;
    while (count < most && (step = ese_statement_step(list, error)) == 1)
        read_row(list, &rows[count++]);
    ese_statement_reset(list);
    return step < 0 ? -1 : count;
}

struct ese_sqlite *ese_mail_table_database(struct ese_mail_table *table)
{
    return table->sqlite;
}

/* The file's own number, which is nobody's: its page is written whatever was there before. */
int ese_mail_table_probe(struct ese_mail_table *table, struct ese_error *error)
{
    return ese_sqlite_run(table->sqlite, "PRAGMA user_version = 1", error);
}

int64_t ese_mail_table_count(const struct ese_mail_table *table, enum ese_mail_status status)
{
    return table->count[status];
}
