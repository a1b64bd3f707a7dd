/*
 * mails.h - what arrived at the SMTP server: the mails of a Maildir
 * (https://cr.yp.to/proto/maildir.html).
 *
 * Only headers are read, the first 64 KiB of a file at most; folded lines are joined (RFC
 * 5322, 2.2.3), and blanks around a value are not its own.
 */
#ifndef ESE_LAB_MAILS_H
#define ESE_LAB_MAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

struct ese_arrived_mail {
    struct ese_id decision; /* X-ESE-Decision; none when it has none or several, or it is no UUID */
    char transport[128];    /* X-ESE-Transport; as the others "" when absent, cut when too long */
    char traceparent[ESE_TRACEPARENT_SIZE];
    char to[128];
    char subject[256];
    char file[104];  /* in the Maildir: "new/1795644688.M93615P11223Q185.host" */
    int64_t came_ns; /* Unix ns, by that name; 0: it does not tell */
};

struct ese_mails {
    struct ese_arrived_mail *mails; /* by decision and arrival, once sorted */
    size_t count, size;
};

/* Everything in new/ and cur/ of the directory, mail by mail; until take returns -1, which ends it. */
typedef int ese_mails_take(void *context, const struct ese_arrived_mail *mail, struct ese_error *error);
int ese_mails_each(const char *maildir, ese_mails_take *take, void *context, struct ese_error *error);

/* A list of them begins as zeros, and is to be freed. */
void ese_mails_add(struct ese_mails *mails, const struct ese_arrived_mail *mail);
void ese_mails_sort(struct ese_mails *mails);
void ese_mails_free(struct ese_mails *mails);
/* The first one of that decision in the list, which was sorted; NULL: there is none. */
const struct ese_arrived_mail *ese_mails_find(const struct ese_mails *mails, const struct ese_id *decision);
bool ese_mails_have(const struct ese_mails *mails, const struct ese_id *decision);

/* Removes the oldest mails of new/ until `most` are left there. By their names, which begin with
 * the second in which they came. */
void ese_mails_bound(const char *maildir, int most);

/* What a mail says of whom it goes to and of what, as a number: two that differ in any of it differ in that, too. */
uint64_t ese_mails_told(const char *transport, const char *to, const char *subject);

/* The headers of one mail's text (NUL-terminated; changed). */
void ese_mails_parse(char *text, struct ese_arrived_mail *mail);

#endif
