#include "ese-server/retention.h"

#include <stdbool.h>
#include <string.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"

#define MOST_S (INT64_C(10) * 366 * 86400)

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

/* What the last letter stands for; 0: it is none of the units. */
static int64_t unit_of(char letter)
{
    for (size_t i = 0; i < ESE_COUNT_OF(units); i++) {
        if (units[i].letter == letter)
            return units[i].seconds;
    }
    return 0;
}

int ese_retention_parse(const char *text, int64_t *retention_ms, struct ese_error *error)
{
    char digits[32];
    size_t length = strlen(text);
    int64_t unit = length > 0 ? unit_of(text[length - 1]) : 0;
    int64_t count = 0;
    bool fits = ese_fit_text(digits, sizeof(digits), text) == 0;

    if (fits && unit != 0)
        digits[length - 1] = '\0';
    if (unit == 0)
        unit = 1;
    if (!fits || ese_number_parse(digits, "", 1, MOST_S / unit, &count, NULL) != 0)
        return ese_fail(error, ESE_E_USAGE,
                        "--retention: '%.40s' is wrong, give seconds, or a number with s, m, h or "
                        "d behind it, at most ten years", text);
    *retention_ms = count * unit * 1000;
    return 0;
}
