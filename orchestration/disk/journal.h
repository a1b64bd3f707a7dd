/*
 * journal.h - the shim's side of a journal (record.h): what happened to the files below the disk's root, in its order.
 *
 * A call and its record are one: between enter and leave no other thread, and no other process with the same journal,
 * does anything to the disk that is recorded. So the order of the records is that of the calls. What ends between the
 * two was never heard of by anybody.
 */
#ifndef ESE_DISK_JOURNAL_H
#define ESE_DISK_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "orchestration/disk/record.h"

/* Begins the journal with what is there, or goes on with one. A failure ends the process with 69. */
void ese_disk_journal_open(const char *path, const char *root);

/* No-ops, as is add, where none is open. */
void ese_disk_journal_enter(void);
void ese_disk_journal_leave(void);
bool ese_disk_journal_is_kept(void);

/* Adds a record; lengths and magic are filled in. Names may be NULL. */
void ese_disk_journal_add(struct ese_disk_record record, const char *name, const char *other_name, const void *data,
                          size_t length);

#endif
