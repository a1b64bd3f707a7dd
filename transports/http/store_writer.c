#include "transports/http/store_writer.h"

#include <string.h>

#include "transports/http/store_table.h"

/* ---- the table, as the writer calls it ------------------------------------------------------- */

static int begin(void *table, struct ese_error *error)
{
    return ese_store_table_begin(table, error);
}

static int commit(void *table, struct ese_error *error)
{
    return ese_store_table_commit(table, error);
}

static void rollback(void *table)
{
    ese_store_table_rollback(table);
}

static int append(void *table, struct ese_group_item *item, int64_t now_ms, enum ese_append_result *result,
                  struct ese_error *error)
{
    return ese_store_table_append(table, (struct ese_append *)item, now_ms, result, error);
}

static int expire(void *table, int64_t now_ms, int64_t most, int64_t *deleted, struct ese_error *error)
{
    return ese_store_table_expire(table, now_ms, most, deleted, error);
}

static int probe(void *table, int64_t now_ms, const char **why, struct ese_error *error)
{
    return ese_store_table_probe(table, now_ms, why, error);
}

static const char *full(const void *table)
{
    return ese_store_table_full(table);
}

static int64_t used_bytes(const void *table)
{
    return ese_store_table_used_bytes(table);
}

static int64_t max_bytes(const void *table)
{
    return ese_store_table_log(table)->max_bytes;
}

static int64_t end(const void *table)
{
    return atomic_load(&ese_store_table_log(table)->next);
}

static int64_t repeats(const void *table)
{
    return ese_store_table_repeats(table);
}

static void close_table(void *table)
{
    struct ese_store_table *closed = table;

    ese_store_table_close(&closed);
}

static const struct ese_group_table functions = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .append = append,
    .expire = expire,
    .probe = probe,
    .full = full,
    .used_bytes = used_bytes,
    .max_bytes = max_bytes,
    .end = end,
    .repeats = repeats,
    .close = close_table,
};

/* ---- requests -------------------------------------------------------------------------------- */

static int64_t bytes_of(const struct ese_append *append)
{
    int64_t bytes = (int64_t)sizeof(*append);

    for (size_t i = 0; i < append->list.count; i++) {
        const struct ese_event *event = &append->list.events[i];
        bytes += (int64_t)(sizeof(*event) + strlen(ese_event_data(event)));
    }
    return bytes;
}

void ese_store_writer_append(struct ese_group_writer *writer, struct ese_append *append)
{
    append->item.events = (int64_t)append->list.count;
    append->item.bytes = bytes_of(append);
    ese_group_writer_append(writer, &append->item);
}

static void done(struct ese_group_item *item, enum ese_append_result result)
{
    ese_append_done((struct ese_append *)item, result);
}

int ese_store_writer_open(struct ese_store_log *log, struct ese_group_writer_options *options,
                          struct ese_group_writer **writer, struct ese_error *error)
{
    struct ese_store_table *table;

    if (ese_store_table_open(log, &table, error) != 0)
        return -1;
    options->functions = &functions;
    options->table = table;
    options->done = done;
    if (ese_group_writer_open(options, writer, error) != 0)
        return -1;
    ese_http_server_after_turns(options->server, ese_group_writer_complete, *writer);
    return 0;
}
