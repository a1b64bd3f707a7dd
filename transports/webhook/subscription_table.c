#include "transports/webhook/subscription_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/webhook/created.h"

#define MOST_BYTES (INT64_C(1) << 30) /* of the file; dead letters are most of it */

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS subscriptions (name, stream, url, httpHeaders, lastReadPosition, isActive, createdAt,"
    " updatedAt, pauseReason);"
    "CREATE INDEX IF NOT EXISTS ese_subscriptions_by_name ON subscriptions (name);"
    "CREATE TABLE IF NOT EXISTS ese_subscriptions (name TEXT PRIMARY KEY, created TEXT, batch INTEGER, tries INTEGER,"
    " first_ms INTEGER, most_ms INTEGER, poison TEXT, secret TEXT);"
    "CREATE TABLE IF NOT EXISTS ese_dead_letters (subscription TEXT, stream TEXT, position INTEGER, uuid TEXT,"
    " type TEXT, created TEXT, body BLOB, reason TEXT, \"when\" TEXT);"
    "CREATE INDEX IF NOT EXISTS ese_dead_letters_by_position ON ese_dead_letters (subscription, position);";

struct ese_webhook_subscription_table {
    struct ese_sqlite *sqlite; /* what is asked for */
    struct ese_sqlite *often;  /* positions */
    struct ese_statement *remove, *remove_ours, *remove_dead;
    struct ese_statement *insert, *insert_ours;
    struct ese_statement *change;
    struct ese_statement *position;       /* through sqlite */
    struct ese_statement *position_often; /* through often */
    struct ese_statement *set_aside, *has_dead, *forget_dead, *count_dead, *each_dead;
};

static const char *const poison_names[] = {[ESE_WEBHOOK_STOP] = "stop", [ESE_WEBHOOK_ASIDE] = "aside"};

/* ---- opening --------------------------------------------------------------------------------- */

#define POSITION_SQL "UPDATE subscriptions SET lastReadPosition = ?2 WHERE name = ?1"

static void prepare(struct ese_webhook_subscription_table *table)
{
    struct ese_sqlite *sqlite = table->sqlite;

    table->remove = ese_statement_new(sqlite, "DELETE FROM subscriptions WHERE name = ?1");
    table->remove_ours = ese_statement_new(sqlite, "DELETE FROM ese_subscriptions WHERE name = ?1");
    table->remove_dead = ese_statement_new(sqlite, "DELETE FROM ese_dead_letters WHERE subscription = ?1");
    table->insert = ese_statement_new(
        sqlite, "INSERT INTO subscriptions (name, stream, url, httpHeaders, lastReadPosition, isActive, createdAt,"
                " pauseReason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, ''))");
    table->insert_ours =
        ese_statement_new(sqlite, "INSERT INTO ese_subscriptions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    table->change = ese_statement_new(sqlite, "UPDATE subscriptions SET isActive = ?2, pauseReason = ?3, updatedAt = ?4"
                                              " WHERE name = ?1");
    table->position = ese_statement_new(sqlite, POSITION_SQL);
    table->position_often = ese_statement_new(table->often, POSITION_SQL);
    table->set_aside = ese_statement_new(
        sqlite, "INSERT INTO ese_dead_letters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    table->has_dead = ese_statement_new(
        sqlite, "SELECT 1 FROM ese_dead_letters WHERE subscription = ?1 AND position = ?2 AND stream = ?3");
    table->forget_dead = ese_statement_new(
        sqlite, "DELETE FROM ese_dead_letters WHERE subscription = ?1 AND position = ?2 AND stream = ?3");
    table->count_dead = ese_statement_new(sqlite, "SELECT count(*) FROM ese_dead_letters WHERE subscription = ?1");
    table->each_dead = ese_statement_new(
        sqlite, "SELECT stream, position, uuid, type, created, body, reason, \"when\" FROM ese_dead_letters"
                " WHERE subscription = ?1 AND (position > ?2 OR (position = ?2 AND stream > ?4))"
                " ORDER BY position, stream LIMIT ?3");
}

static int open_handles(struct ese_webhook_subscription_table *table, const char *path,
                        enum ese_durability durability, struct ese_error *error)
{
    struct ese_sqlite_options options = {.path = path,
                                         .durability = durability,
                                         .schema = schema,
                                         .own_table = "subscriptions",
                                         .max_bytes = MOST_BYTES};

    if (ese_sqlite_open(&options, &table->sqlite, error) != 0)
        return -1;
    options.durability = durability == ESE_DURABILITY_MEMORY ? durability : ESE_DURABILITY_OS;
    options.schema = NULL;
    return ese_sqlite_open(&options, &table->often, error);
}

int ese_webhook_subscription_table_open(const char *directory, enum ese_durability durability,
                                        struct ese_webhook_subscription_table **result, struct ese_error *error)
{
    struct ese_webhook_subscription_table *table = ese_alloc(sizeof(*table));
    struct ese_buffer path = ESE_BUFFER_INIT(SIZE_MAX);

    ese_buffer_printf(&path, "%s/_meta.db", directory);
    int opened = open_handles(table, path.text, durability, error);
    ese_buffer_free(&path);
    if (opened != 0) {
        ese_webhook_subscription_table_close(&table);
        return -1;
    }
    prepare(table);
    *result = table;
    return 0;
}

void ese_webhook_subscription_table_close(struct ese_webhook_subscription_table **handle)
{
    struct ese_webhook_subscription_table *table = *handle;

    if (table == NULL)
        return;
    *handle = NULL;
    ese_sqlite_close(&table->often);
    ese_sqlite_close(&table->sqlite);
    free(table);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Columns 9 to 14, where there is such a row and it is sound. */
static void read_ours(struct ese_statement *row, struct ese_webhook_wish *wish)
{
    struct ese_webhook_retry retry = ESE_WEBHOOK_RETRY_DEFAULT;

    wish->batch = (int)ese_statement_column_number(row, 9);
    wish->retry.tries = (int)ese_statement_column_number(row, 10);
    wish->retry.first_ms = ese_statement_column_number(row, 11);
    wish->retry.most_ms = ese_statement_column_number(row, 12);
    if (strcmp(ese_statement_column_text(row, 13), poison_names[ESE_WEBHOOK_ASIDE]) == 0)
        wish->poison = ESE_WEBHOOK_ASIDE;
    wish->signed_by = ese_copy_text(ese_statement_column_text(row, 14));
    if (!ese_statement_column_null(row, 9) && ese_webhook_wish_check(wish, NULL) == 0)
        return;
    wish->batch = 1;
    wish->retry = retry;
    wish->poison = ESE_WEBHOOK_STOP;
}

/* The columns of the original's, and ours behind them. False: it fits into none of ours. */
static bool read_row(struct ese_statement *row, struct ese_webhook_subscription *subscription)
{
    struct ese_webhook_wish wish = {0};

    if (ese_fit_text(wish.name, sizeof(wish.name), ese_statement_column_text(row, 0)) != 0 ||
        ese_fit_text(wish.stream, sizeof(wish.stream), ese_statement_column_text(row, 1)) != 0)
        return false;
    wish.url = ese_copy_text(ese_statement_column_text(row, 2));
    wish.headers = ese_copy_text(ese_statement_column_text(row, 3));
    read_ours(row, &wish);
    ese_webhook_subscription_init(subscription, &wish, ese_statement_column_number(row, 4));
    subscription->active = ese_statement_column_number(row, 5) == 1;
    ese_fit_text(subscription->created, sizeof(subscription->created), ese_statement_column_text(row, 6));
    ese_fit_text(subscription->updated, sizeof(subscription->updated), ese_statement_column_text(row, 7));
    free(subscription->pause_reason);
    subscription->pause_reason = ese_copy_text(ese_statement_column_text(row, 8));
    return true;
}

int ese_webhook_subscription_table_load(struct ese_webhook_subscription_table *table,
                                        void (*take)(void *context, struct ese_webhook_subscription *subscription),
                                        void *context, struct ese_error *error)
{
    /* The original's table has no key: of several of one name the first is meant. */
    struct ese_statement *rows = ese_statement_new(
        table->sqlite,
        "SELECT s.name, s.stream, s.url, s.httpHeaders, s.lastReadPosition, s.isActive, s.createdAt, s.updatedAt,"
        " s.pauseReason, o.batch, o.tries, o.first_ms, o.most_ms, o.poison, o.secret FROM subscriptions s"
        " LEFT JOIN ese_subscriptions o ON o.name = s.name AND o.created = s.createdAt"
        " WHERE s.rowid = (SELECT min(rowid) FROM subscriptions WHERE name = s.name) ORDER BY s.rowid");
    int more;

    while ((more = ese_statement_step(rows, error)) == 1) {
        struct ese_webhook_subscription subscription;
        if (read_row(rows, &subscription))
            take(context, &subscription);
        else
            ese_log_warning("the subscription '%.80s...' has too long a name, or its stream has: it is passed over",
                            ese_statement_column_text(rows, 0));
    }
    return more;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* Both halves of a change, or none. */
static int finish(struct ese_sqlite *sqlite, int result, struct ese_error *error)
{
    if (result == 0)
        return ese_sqlite_commit(sqlite, error);
    ese_sqlite_rollback(sqlite);
    return -1;
}

static int run_for(struct ese_statement *statement, const char *name, struct ese_error *error)
{
    ese_statement_text(statement, 1, name);
    return ese_statement_run(statement, error);
}

static int insert(struct ese_webhook_subscription_table *table, const struct ese_webhook_subscription *subscription,
                  struct ese_error *error)
{
    const struct ese_webhook_wish *wish = &subscription->wish;

    ese_statement_text(table->insert, 1, wish->name);
    ese_statement_text(table->insert, 2, wish->stream);
    ese_statement_text(table->insert, 3, wish->url);
    ese_statement_text(table->insert, 4, wish->headers);
    ese_statement_number(table->insert, 5, subscription->position);
    ese_statement_number(table->insert, 6, subscription->active);
    ese_statement_text(table->insert, 7, subscription->created);
    ese_statement_text(table->insert, 8, subscription->pause_reason);
    return ese_statement_run(table->insert, error);
}

static int insert_ours(struct ese_webhook_subscription_table *table,
                       const struct ese_webhook_subscription *subscription, struct ese_error *error)
{
    const struct ese_webhook_wish *wish = &subscription->wish;
    struct ese_statement *row = table->insert_ours;

    ese_statement_text(row, 1, wish->name);
    ese_statement_text(row, 2, subscription->created);
    ese_statement_number(row, 3, wish->batch);
    ese_statement_number(row, 4, wish->retry.tries);
    ese_statement_number(row, 5, wish->retry.first_ms);
    ese_statement_number(row, 6, wish->retry.most_ms);
    ese_statement_text(row, 7, poison_names[wish->poison]);
    ese_statement_text(row, 8, wish->signed_by);
    return ese_statement_run(row, error);
}

int ese_webhook_subscription_table_put(struct ese_webhook_subscription_table *table,
                                       const struct ese_webhook_subscription *subscription, struct ese_error *error)
{
    const char *name = subscription->wish.name;

    if (ese_sqlite_check_room(table->sqlite, (int64_t)strlen(subscription->wish.headers) + 16384, error) != 0 ||
        ese_sqlite_begin(table->sqlite, error) != 0)
        return -1;
    int result = run_for(table->remove, name, error) != 0 || run_for(table->remove_ours, name, error) != 0 ||
                         insert(table, subscription, error) != 0 || insert_ours(table, subscription, error) != 0
                     ? -1
                     : 0;
    return finish(table->sqlite, result, error);
}

/* As the original writes it: as text. */
static int write_position(struct ese_statement *statement, const char *name, int64_t position, struct ese_error *error)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, position);
    ese_statement_text(statement, 2, text);
    return run_for(statement, name, error);
}

int ese_webhook_subscription_table_change(struct ese_webhook_subscription_table *table,
                                          const struct ese_webhook_subscription *subscription,
                                          struct ese_error *error)
{
    const char *name = subscription->wish.name;

    if (ese_sqlite_begin(table->sqlite, error) != 0)
        return -1;
    ese_statement_number(table->change, 2, subscription->active);
    ese_statement_text(table->change, 3, subscription->pause_reason);
    ese_statement_text(table->change, 4, subscription->updated);
    int result = run_for(table->change, name, error);
    if (result == 0)
        result = write_position(table->position, name, subscription->position, error);
    return finish(table->sqlite, result, error);
}

int ese_webhook_subscription_table_remove(struct ese_webhook_subscription_table *table, const char *name,
                                          struct ese_error *error)
{
    if (ese_sqlite_begin(table->sqlite, error) != 0)
        return -1;
    int result = run_for(table->remove, name, error) != 0 || run_for(table->remove_ours, name, error) != 0 ||
                         run_for(table->remove_dead, name, error) != 0
                     ? -1
                     : 0;
    return finish(table->sqlite, result, error);
}

/* ---- positions ------------------------------------------------------------------------------- */

int ese_webhook_subscription_table_begin_positions(struct ese_webhook_subscription_table *table,
                                                   struct ese_error *error)
{
    return ese_sqlite_begin(table->often, error);
}

int ese_webhook_subscription_table_position(struct ese_webhook_subscription_table *table, const char *name,
                                            int64_t position, struct ese_error *error)
{
    return write_position(table->position_often, name, position, error);
}

void ese_webhook_subscription_table_drop_positions(struct ese_webhook_subscription_table *table)
{
    ese_sqlite_rollback(table->often);
}

int ese_webhook_subscription_table_end_positions(struct ese_webhook_subscription_table *table,
                                                 struct ese_error *error)
{
    return ese_sqlite_commit(table->often, error);
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static int insert_dead(struct ese_webhook_subscription_table *table,
                       const struct ese_webhook_subscription *subscription, const struct ese_webhook_event *event,
                       const char *reason, struct ese_error *error)
{
    struct ese_statement *row = table->set_aside;
    char when[ESE_WEBHOOK_CREATED_WRITTEN_SIZE];

    ese_webhook_created_write(ese_clock_wall_ms(), when);
    ese_statement_text(row, 1, subscription->wish.name);
    ese_statement_text(row, 2, subscription->wish.stream);
    ese_statement_number(row, 3, event->position);
    ese_statement_text(row, 4, event->uuid);
    ese_statement_text(row, 5, event->type);
    ese_statement_text(row, 6, event->created);
    ese_statement_bytes(row, 7, event->body, event->length);
    ese_statement_text(row, 8, reason);
    ese_statement_text(row, 9, when);
    return ese_statement_run(row, error);
}

static void bind_dead(struct ese_statement *row, const struct ese_webhook_subscription *subscription,
                      const struct ese_webhook_event *event)
{
    ese_statement_text(row, 1, subscription->wish.name);
    ese_statement_number(row, 2, event->position);
    ese_statement_text(row, 3, subscription->wish.stream);
}

/* Set aside before: its position was set back since then. */
static bool has_dead(struct ese_webhook_subscription_table *table,
                     const struct ese_webhook_subscription *subscription, const struct ese_webhook_event *event)
{
    bind_dead(table->has_dead, subscription, event);
    bool is_there = ese_statement_step(table->has_dead, NULL) == 1;
    ese_statement_reset(table->has_dead);
    return is_there;
}

static int forget_dead(struct ese_webhook_subscription_table *table,
                       const struct ese_webhook_subscription *subscription, const struct ese_webhook_event *event,
                       struct ese_error *error)
{
    bind_dead(table->forget_dead, subscription, event);
    return ese_statement_run(table->forget_dead, error);
}

int ese_webhook_subscription_table_set_aside(struct ese_webhook_subscription_table *table,
                                             const struct ese_webhook_subscription *subscription,
                                             const struct ese_webhook_event *event, const char *reason,
                                             int64_t *kept, struct ese_error *error)
{
    const char *name = subscription->wish.name;
    bool is_there = has_dead(table, subscription, event);

    if (*kept < 0)
        *kept = ese_webhook_subscription_table_count_dead(table, name);
    if (!is_there && *kept >= ESE_WEBHOOK_MOST_DEAD_LETTERS)
        return ese_fail(error, ESE_E_FULL, "%d dead letters are kept already", ESE_WEBHOOK_MOST_DEAD_LETTERS);
    if (ese_sqlite_check_room(table->sqlite, (int64_t)event->length + 8192, error) != 0 ||
        ese_sqlite_begin(table->sqlite, error) != 0)
        return -1;
    int result = is_there ? forget_dead(table, subscription, event, error) : 0;
    if (result == 0)
        result = insert_dead(table, subscription, event, reason, error);
    if (result == 0)
        result = write_position(table->position, name, event->position, error);
    result = finish(table->sqlite, result, error);
    *kept += result == 0 && !is_there && *kept >= 0; /* they may not have been counted */
    return result;
}

int64_t ese_webhook_subscription_table_count_dead(struct ese_webhook_subscription_table *table, const char *name)
{
    ese_statement_text(table->count_dead, 1, name);
    if (ese_statement_step(table->count_dead, NULL) != 1)
        return -1;
    int64_t count = ese_statement_column_number(table->count_dead, 0);
    ese_statement_reset(table->count_dead);
    return count;
}

static void read_dead(struct ese_statement *row, struct ese_webhook_dead_letter *letter)
{
    struct ese_webhook_event *event = &letter->event;

    *letter = (struct ese_webhook_dead_letter){.stream = ese_statement_column_text(row, 0),
                                               .reason = ese_statement_column_text(row, 6),
                                               .when = ese_statement_column_text(row, 7)};
    event->position = ese_statement_column_number(row, 1);
    ese_fit_text(event->uuid, sizeof(event->uuid), ese_statement_column_text(row, 2));
    ese_fit_text(event->type, sizeof(event->type), ese_statement_column_text(row, 3));
    ese_fit_text(event->created, sizeof(event->created), ese_statement_column_text(row, 4));
    event->body = ese_statement_column_bytes(row, 5, &event->length);
    if (event->body == NULL)
        event->body = ""; /* SQLite's answer where there are no bytes */
}

int ese_webhook_subscription_table_each_dead(struct ese_webhook_subscription_table *table, const char *name,
                                             int64_t after, const char *stream, int limit,
                                             bool (*visit)(void *context, const struct ese_webhook_dead_letter *letter),
                                             void *context, struct ese_error *error)
{
    struct ese_statement *rows = table->each_dead;
    int more;

    ese_statement_text(rows, 1, name);
    ese_statement_number(rows, 2, after);
    ese_statement_number(rows, 3, limit);
    ese_statement_text(rows, 4, stream);
    while ((more = ese_statement_step(rows, error)) == 1) {
        struct ese_webhook_dead_letter letter;
        read_dead(rows, &letter);
        if (!visit(context, &letter)) {
            ese_statement_reset(rows);
            return 0;
        }
    }
    return more;
}
