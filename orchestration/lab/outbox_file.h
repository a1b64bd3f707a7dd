/*
 * outbox_file.h - what the mailer says of its mails, read from its outbox by SQL.
 *
 * Its format is documented with the mailer; of the table `mail` only id and status are read. A mail
 * left at `sending` is as unknown as one marked so.
 */
#ifndef ESE_LAB_OUTBOX_FILE_H
#define ESE_LAB_OUTBOX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/id.h"
#include "orchestration/lab/id_filter.h"

struct ese_outbox_file {
    struct ese_id *unknown; /* by id */
    size_t unknown_count;
    struct ese_id *known; /* all that were asked for, whatever became of them, by id; not of NULL (below) */
    size_t known_count;
    struct ese_id *waiting; /* that are not sent yet, likewise */
    size_t waiting_count;
    int64_t queued; /* not sent yet, whatever is wanted */
};

/* Of the outbox in the directory: the mails of one transport (its name), or with NULL all; of their ids, the wanted
 * ones, or with NULL all that are unknown and no others. file is to be freed in either case. */
int ese_outbox_file_read(const char *directory, const char *transport,
                         const struct ese_id_filter *wanted, struct ese_outbox_file *file,
                         struct ese_error *error);
void ese_outbox_file_free(struct ese_outbox_file *file);

bool ese_outbox_file_knows(const struct ese_outbox_file *file, const struct ese_id *id);
bool ese_outbox_file_is_waiting(const struct ese_outbox_file *file, const struct ese_id *id);
bool ese_outbox_file_is_unknown(const struct ese_outbox_file *file, const struct ese_id *id);

#endif
