#include "ese-core/account.h"

#include <assert.h>

#include "ese-core/memory.h"

struct ese_account {
    struct ese_history *history;
    struct ese_id id; /* the history's */
    enum ese_history_counter counters[ESE_HISTORY_COUNTERS];
    size_t count;
    int64_t settled[ESE_HISTORY_COUNTERS];
    int64_t open[ESE_HISTORY_COUNTERS]; /* counted since */
    struct ese_statement *get, *set;
};

static const char *const names[ESE_HISTORY_COUNTERS] = {
    [ESE_COUNT_REPEATS] = "repeats",
    [ESE_COUNT_PROCESSED] = "processed",
    [ESE_COUNT_DECIDED] = "decided",
    [ESE_COUNT_MAILS_ASKED] = "mails_asked",
    [ESE_COUNT_MAILS_SENT] = "mails_sent",
    [ESE_COUNT_MAILS_DEAD] = "mails_dead",
    [ESE_COUNT_BEYOND_WINDOW] = "beyond_window",
    [ESE_COUNT_MAILS_REFUSED] = "mails_refused",
    [ESE_COUNT_MAILS_UNKNOWN] = "mails_unknown",
    [ESE_COUNT_TIMERS_SET] = "timers_set",
    [ESE_COUNT_TIMERS_ENDED] = "timers_ended",
    [ESE_COUNT_DEAD_LETTERS] = "dead_letters",
};

static void name_row(const struct ese_account *account, struct ese_statement *statement,
                     enum ese_history_counter counter)
{
    ese_statement_bytes(statement, 1, account->id.bytes, sizeof account->id.bytes);
    ese_statement_text(statement, 2, names[counter]);
}

static int load(struct ese_account *account, enum ese_history_counter counter,
                struct ese_error *error)
{
    name_row(account, account->get, counter);
    int found = ese_statement_step(account->get, error);
    if (found == -1)
        return -1;
    if (found == 1) {
        account->settled[counter] = ese_statement_column_number(account->get, 0);
        ese_statement_reset(account->get);
    }
    ese_history_set(account->history, counter, account->settled[counter]);
    return 0;
}

int ese_account_open(struct ese_sqlite *database, struct ese_history *history,
                     const enum ese_history_counter *counters, size_t count,
                     struct ese_account **account, struct ese_error *error)
{
    struct ese_account *opened = ese_alloc(sizeof *opened);
    *account = opened;
    opened->history = history;
    opened->id = ese_history_id(history);
    opened->count = count;
    opened->get = ese_statement_new(
        database, "SELECT value FROM account WHERE history = ?1 AND counter = ?2");
    opened->set = ese_statement_new(
        database, "INSERT INTO account(history, counter, value) VALUES(?1, ?2, ?3) "
                  "ON CONFLICT DO UPDATE SET value = ?3");
    for (size_t i = 0; i < count; i++) {
        assert(names[counters[i]] != NULL);
        opened->counters[i] = counters[i];
        if (load(opened, counters[i], error) == -1) {
            ese_account_close(account);
            return -1;
        }
    }
    return 0;
}

void ese_account_close(struct ese_account **account)
{
    free(*account); /* the statements are the database's */
    *account = NULL;
}

void ese_account_count(struct ese_account *account, enum ese_history_counter counter,
                       int64_t amount)
{
    account->open[counter] += amount;
}

int ese_account_write(struct ese_account *account, struct ese_error *error)
{
    if (ese_id_is_none(&account->id))
        return 0; /* nobody could come back for it */
    for (size_t i = 0; i < account->count; i++) {
        enum ese_history_counter counter = account->counters[i];
        if (account->open[counter] == 0)
            continue;
        name_row(account, account->set, counter);
        ese_statement_number(account->set, 3, account->settled[counter] + account->open[counter]);
        if (ese_statement_run(account->set, error) == -1)
            return -1;
    }
    return 0;
}

void ese_account_settle(struct ese_account *account, bool committed)
{
    for (size_t i = 0; i < account->count; i++) {
        enum ese_history_counter counter = account->counters[i];
        if (committed && account->open[counter] != 0) {
            account->settled[counter] += account->open[counter];
            ese_history_set(account->history, counter, account->settled[counter]);
        }
        account->open[counter] = 0;
    }
}
