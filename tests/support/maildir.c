#include "tests/support/maildir.h"

static int add(void *mails, const struct ese_arrived_mail *mail, struct ese_error *error)
{
    (void)error;
    ese_mails_add(mails, mail);
    return 0;
}

int maildir_read(const char *maildir, struct ese_mails *mails, struct ese_error *error)
{
    *mails = (struct ese_mails){.count = 0};
    if (ese_mails_each(maildir, add, mails, error) == -1)
        return -1;
    ese_mails_sort(mails);
    return 0;
}
