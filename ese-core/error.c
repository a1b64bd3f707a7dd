#include "ese-core/error.h"

#include <errno.h>
#include <stdarg.h>

static void fill(struct ese_error *error, enum ese_code code, const char *format, va_list arguments)
{
    if (error == NULL)
        return;
    error->code = code;
    vsnprintf(error->text, sizeof error->text, format, arguments);
}

int ese_fail(struct ese_error *error, enum ese_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, format, arguments);
    va_end(arguments);
    return -1;
}

int ese_fail_errno(struct ese_error *error, const char *format, ...)
{
    int reason = errno;
    char said[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    return ese_fail(error, ESE_E_IO, "%s: %s", said, strerror(reason));
}

int ese_fail_path(struct ese_error *error, const char *what, const char *path, const char *instead)
{
    static const int at_its_end[] = {ENOSPC, EDQUOT, EIO, EMFILE, ENFILE, ENOMEM};
    int reason = errno;
    enum ese_code code = ESE_E_USAGE;
    for (size_t i = 0; i < sizeof at_its_end / sizeof at_its_end[0]; i++)
        code = reason == at_its_end[i] ? ESE_E_IO : code;
    return ese_fail(error, code, "%s '%.200s': %s; give %s", what, path, strerror(reason), instead);
}

int ese_fail_within(struct ese_error *error, const char *format, ...)
{
    if (error == NULL)
        return -1;
    char said[sizeof error->text];
    char context[320]; /* a long path, and leaves room for what is said */
    snprintf(said, sizeof said, "%s", error->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    size_t used = (size_t)snprintf(error->text, sizeof error->text, "%s: ", context);
    snprintf(error->text + used, sizeof error->text - used, "%s", said);
    return -1;
}

int ese_error_exit_status(const struct ese_error *error)
{
    switch (error->code) {
    case ESE_E_FENCED: return 3;   /* who is started again after it would take over in turn */
    case ESE_E_USAGE: return 64;   /* EX_USAGE of sysexits(3) */
    case ESE_E_MISSING: return 69; /* EX_UNAVAILABLE */
    default: return 1;
    }
}
