/* A mailer that stands still when it has committed a mail, and has not answered yet. */
#include "ese-mailer/mail_table.h"
#include "tests/planted/stall.h"

static bool has_taken; /* one thread has them all */

int __real_ese_mail_table_put(struct ese_mail_table *table, const struct ese_mail *mail, int64_t most_waiting,
                              enum ese_mail_put *put, struct ese_error *error);
int __wrap_ese_mail_table_put(struct ese_mail_table *table, const struct ese_mail *mail, int64_t most_waiting,
                              enum ese_mail_put *put, struct ese_error *error);
int __real_ese_mail_table_commit(struct ese_mail_table *table, struct ese_error *error);
int __wrap_ese_mail_table_commit(struct ese_mail_table *table, struct ese_error *error);

int __wrap_ese_mail_table_put(struct ese_mail_table *table, const struct ese_mail *mail, int64_t most_waiting,
                              enum ese_mail_put *put, struct ese_error *error)
{
    has_taken = true;
    return __real_ese_mail_table_put(table, mail, most_waiting, put, error);
}

int __wrap_ese_mail_table_commit(struct ese_mail_table *table, struct ese_error *error)
{
    int result = __real_ese_mail_table_commit(table, error);
    if (has_taken)
        stall_here();
    return result;
}
