#include "ese-core/number.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "ese-core/buffer.h"

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

/* "ms or s" */
static int fail_naming_units(const char *text, const char *what, const struct ese_unit *units, struct ese_error *error)
{
    struct ese_buffer names = ESE_BUFFER_INIT(100);
    for (size_t i = 0; units[i].name != NULL; i++)
        ese_buffer_printf(&names, "%s%s", i == 0 ? "" : " or ", units[i].name);
    ese_fail(error, ESE_E_USAGE, "%s: '%.60s' is no whole number with %s behind it", what, text, names.text);
    ese_buffer_free(&names);
    return -1;
}

int ese_number_parse_in_units(const char *text, const char *what, const struct ese_unit *units, int64_t min,
                              int64_t max, int64_t *value, struct ese_error *error)
{
    char number[20]; /* of more digits none is in range */
    size_t digits = strspn(text, "0123456789"), i = 0;
    int64_t count;
    assert(units[0].size == 1);
    while (units[i].name != NULL && strcmp(units[i].name, text + digits) != 0)
        i++;
    if (units[i].name == NULL || digits == 0)
        return fail_naming_units(text, what, units, error);
    snprintf(number, sizeof number, "%.*s", digits < sizeof number ? (int)digits : (int)sizeof number - 1, text);
    if (digits >= sizeof number || ese_number_parse(number, what, 0, max / units[i].size, &count, NULL) < 0 ||
        count * units[i].size < min)
        return ese_fail(error, ESE_E_USAGE, "%s: %.60s is out of range, give %" PRId64 "%s to %" PRId64 "%s", what,
                        text, min, units[0].name, max, units[0].name);
    *value = count * units[i].size;
    return 0;
}

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

int ese_number_read_decimal(const char *text, const char **end, double *number)
{
    const char *at = text + count_digits(text);
    size_t digits = (size_t)(at - text);
    if (*at == '.') {
        size_t behind = count_digits(at + 1);
        digits += behind;
        at += 1 + behind;
    }
    if (digits == 0 || (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')))
        return -1;
    if (*at == 'e' || *at == 'E') {
        const char *power = at + 1 + (at[1] == '+' || at[1] == '-');
        at = count_digits(power) > 0 ? power + count_digits(power) : at;
    }
    *end = at;
    *number = strtod(text, NULL); /* as far: its other forms are out of the question */
    return isfinite(*number) ? 0 : -1;
}
