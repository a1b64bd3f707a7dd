/*
 * account.h - counters of a history, kept in the database whose transactions they count.
 *
 * A history lies in another file than the transactions that it counts. Whoever is killed between a
 * commit and its counter leaves a counter that is too low for ever; counted before the commit, it
 * is too high. So the counts change in the database, in the very transaction that does what is
 * counted, and the history only shows them: after the commit, and when the next life begins.
 *
 *   account   history   BLOB: the id of the history (history.h) that shows it; two members of a
 *                       group on one database have a history, and so an account, each
 *             counter   which: "processed", ... (the table in account.c)
 *             value
 *
 * One process at a time writes a history (it is locked), and each of its counters belongs to one
 * account, so nobody else changes these rows. A history in memory leaves no rows. A handle belongs
 * to one thread, that of its database.
 */
#ifndef ESE_ACCOUNT_H
#define ESE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/history.h"
#include "ese-core/sqlite.h"

#define ESE_ACCOUNT_SCHEMA                                                                        \
    "CREATE TABLE IF NOT EXISTS account("                                                         \
    "  history BLOB NOT NULL, counter TEXT NOT NULL, value INTEGER NOT NULL,"                     \
    "  PRIMARY KEY(history, counter)) WITHOUT ROWID;"

struct ese_account;

/* Takes over these counters of the history, and sets them to what the database says. Both, the
 * database with the schema above, must outlive the account. */
int ese_account_open(struct ese_sqlite *database, struct ese_history *history,
                     const enum ese_history_counter *counters, size_t count,
                     struct ese_account **account, struct ese_error *error);
void ese_account_close(struct ese_account **account);

/* Counts one of them in the transaction that is under way, or will be next. */
void ese_account_count(struct ese_account *account, enum ese_history_counter counter,
                       int64_t amount);

/* Writes what was counted; the last thing in the transaction. */
int ese_account_write(struct ese_account *account, struct ese_error *error);

/* Behind the transaction: what was counted since the last settling counts, and is shown, or it
 * never was. */
void ese_account_settle(struct ese_account *account, bool committed);

#endif
