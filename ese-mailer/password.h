/*
 * password.h - the password for the SMTP server: from a file, or from the environment; never from a
 * command line, which everybody on the machine can read.
 */
#ifndef ESE_PASSWORD_H
#define ESE_PASSWORD_H

#include "ese-core/error.h"
#include "ese-mailer/smtp_security.h"

#define ESE_PASSWORD_VARIABLE "ESE_SMTP_PASSWORD"

/* The first line of the file, blanks and all; path NULL: the variable above. ESE_E_USAGE, without a
 * word of it, when there is none, or it is too long, or holds a control character. */
int ese_password_read(const char *path, char password[ESE_SMTP_SECRET_SIZE],
                      struct ese_error *error);

/* The same of a user's name: ESE_E_USAGE. */
int ese_password_check_user(const char *user, struct ese_error *error);

#endif
