#include "ese-core/number.h"

#include <errno.h>
#include <inttypes.h>

int ese_number_parse(const char *text, const char *what, int64_t min, int64_t max, int64_t *value,
                     struct ese_error *error)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return ese_fail(error, ESE_E_USAGE, "%s: '%.60s' is not a whole number", what, text);
    errno = 0;
    int64_t number = strtoll(text, NULL, 10);
    if (errno == ERANGE || number < min || number > max)
        return ese_fail(error, ESE_E_USAGE, "%s: %.60s is out of range, give %" PRId64 " to %" PRId64,
                        what, text, min, max);
    *value = number;
    return 0;
}
