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
    int64_t queued; /* not sent yet */
    int64_t dead;   /* refused by the SMTP server for good */
};

/* Of the outbox in the directory: the mails of one transport (its name), or with NULL all; of those that are
 * unknown, the wanted. file is to be freed in either case. */
int ese_outbox_file_read(const char *directory, const char *transport,
                         const struct ese_id_filter *wanted, struct ese_outbox_file *file,
                         struct ese_error *error);
void ese_outbox_file_free(struct ese_outbox_file *file);

bool ese_outbox_file_is_unknown(const struct ese_outbox_file *file, const struct ese_id *id);

#endif
