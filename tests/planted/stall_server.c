/* A server that stands still right before it commits an event. */
#include "tests/planted/stall.h"
#include "transports/http/store_table.h"

static bool has_stored; /* in this transaction; one thread has them all */

int __real_ese_store_table_append(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                                  enum ese_append_result *result, struct ese_error *error);
int __wrap_ese_store_table_append(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                                  enum ese_append_result *result, struct ese_error *error);
int __real_ese_store_table_commit(struct ese_store_table *table, struct ese_error *error);
int __wrap_ese_store_table_commit(struct ese_store_table *table, struct ese_error *error);

int __wrap_ese_store_table_append(struct ese_store_table *table, struct ese_append *append, int64_t now_ms,
                                  enum ese_append_result *result, struct ese_error *error)
{
    has_stored = true;
    return __real_ese_store_table_append(table, append, now_ms, result, error);
}

int __wrap_ese_store_table_commit(struct ese_store_table *table, struct ese_error *error)
{
    if (has_stored)
        stall_here();
    return __real_ese_store_table_commit(table, error);
}
