#include "ese-mailer/password.h"

#include "ese-core/memory.h"
#include "ese-core/secret.h"

/* What cannot be typed cannot be a part of it; a line's end within it would end a line of the
 * dialogue, too. */
static bool is_sound(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return text[0] != '\0';
}

static int take(const char *text, const char *where, char password[ESE_SMTP_SECRET_SIZE],
                struct ese_error *error)
{
    if (text != NULL && is_sound(text) &&
        ese_fit_text(password, ESE_SMTP_SECRET_SIZE, text) == 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "%s must be 1 to %d bytes without control characters: it is the password of "
                    "--smtp-user",
                    where, ESE_SMTP_SECRET_SIZE - 1);
}

int ese_password_read(const char *path, char password[ESE_SMTP_SECRET_SIZE],
                      struct ese_error *error)
{
    char line[ESE_SECRET_SIZE], where[300];
    const struct ese_secret_place place = {
        .path = path, .variable = ESE_PASSWORD_VARIABLE, .what = "--smtp-password-file"};
    password[0] = '\0';
    int found = ese_secret_read(&place, line, error);
    if (found == -1)
        return -1;
    if (path == NULL)
        snprintf(where, sizeof where, "without --smtp-password-file the environment's %s", place.variable);
    else
        snprintf(where, sizeof where, "the first line of --smtp-password-file '%.200s'", path);
    int result = take(found == 1 ? line : NULL, where, password, error);
    explicit_bzero(line, sizeof line);
    return result;
}

int ese_password_check_user(const char *user, struct ese_error *error)
{
    if (is_sound(user) && strlen(user) < ESE_SMTP_SECRET_SIZE)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--smtp-user: give 1 to %d bytes without control characters",
                    ESE_SMTP_SECRET_SIZE - 1);
}
