#include "ese-core/json_number.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_SIZE 40 /* holds every 64-bit integer and every double as jansson writes it */

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Behind the string that begins at text; end when it does not end. */
static const char *behind_string(const char *text, const char *end)
{
    for (text++; text < end && *text != '"'; text++)
        text += *text == '\\' && text + 1 < end;
    return text < end ? text + 1 : end;
}

static const char *behind_number(const char *text, const char *end)
{
    while (text < end && *text != '\0' && strchr("0123456789+-.eE", *text) != NULL)
        text++;
    return text;
}

typedef void write_number(struct ese_buffer *buffer, const char *token, size_t length);

/* Copies json, with its numbers as `number` writes them. */
static void rewrite(struct ese_buffer *buffer, const char *json, size_t length,
                    write_number *number)
{
    const char *end = json + length, *copied = json, *at = json;
    while (at < end) {
        if (*at == '"') {
            at = behind_string(at, end);
        } else if (*at == '-' || isdigit((unsigned char)*at)) {
            const char *behind = behind_number(at, end);
            ese_buffer_append(buffer, copied, (size_t)(at - copied));
            number(buffer, at, (size_t)(behind - at));
            copied = at = behind;
        } else {
            at++;
        }
    }
    ese_buffer_append(buffer, copied, (size_t)(at - copied));
}

/* False, and "" in text, when it does not fit. */
static bool fits(char text[TOKEN_SIZE], const char *token, size_t length)
{
    text[0] = '\0';
    if (length >= TOKEN_SIZE)
        return false;
    memcpy(text, token, length);
    text[length] = '\0';
    return true;
}

static bool is_integer(const char *token, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)token[i]) && (i > 0 || token[i] != '-'))
            return false;
    }
    return true;
}

/* ---- integers that jansson's are not ----------------------------------------------------------- */

static void write_widened(struct ese_buffer *buffer, const char *token, size_t length)
{
    char text[TOKEN_SIZE];
    bool is_short = fits(text, token, length);
    errno = 0;
    if (is_short)
        strtoll(text, NULL, 10);
    ese_buffer_append(buffer, token, length);
    if (is_integer(token, length) && (!is_short || errno == ERANGE || strcmp(text, "-0") == 0))
        ese_buffer_text(buffer, ".0");
}

void ese_json_write_widened(struct ese_buffer *buffer, const char *json, size_t length)
{
    rewrite(buffer, json, length, write_widened);
}

/* ---- doubles in the fewest digits ------------------------------------------------------------ */

/* 15 digits come back as they were written (of the tiniest doubles fewer do), 17 always give the
 * same double. Fills digits without trailing zeros, and the power of ten of the first. */
static void shortest(double value, char digits[TOKEN_SIZE], int *power)
{
    char text[TOKEN_SIZE];
    int precision = value < DBL_MIN ? 1 : 15;
    do
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
    while (strtod(text, NULL) != value && ++precision <= 17);
    char *e = strchr(text, 'e');
    *power = (int)strtol(e + 1, NULL, 10);
    while (e[-1] == '0' && e - 1 > text)
        e--;
    size_t count = 0;
    for (const char *c = text; c < e; c++) {
        if (*c != '.')
            digits[count++] = *c;
    }
    digits[count] = '\0';
}

static void write_zeros(struct ese_buffer *buffer, int count)
{
    for (; count > 0; count--)
        ese_buffer_text(buffer, "0");
}

static void write_plain(struct ese_buffer *buffer, const char *digits, int power)
{
    int count = (int)strlen(digits);
    if (power < 0) {
        ese_buffer_text(buffer, "0.");
        write_zeros(buffer, -power - 1);
        ese_buffer_text(buffer, digits);
    } else if (power >= count - 1) {
        ese_buffer_text(buffer, digits);
        write_zeros(buffer, power - count + 1);
    } else {
        ese_buffer_printf(buffer, "%.*s.%s", power + 1, digits, digits + power + 1);
    }
}

static void write_double(struct ese_buffer *buffer, double value)
{
    char digits[TOKEN_SIZE];
    int power;
    if (signbit(value))
        ese_buffer_text(buffer, "-");
    if (value == 0) {
        ese_buffer_text(buffer, "0");
        return;
    }
    shortest(fabs(value), digits, &power);
    if (power >= -6 && power < 21)
        write_plain(buffer, digits, power);
    else
        ese_buffer_printf(buffer, "%c%s%se%+d", digits[0], digits[1] != '\0' ? "." : "", digits + 1,
                          power);
}

static void write_shortened(struct ese_buffer *buffer, const char *token, size_t length)
{
    char text[TOKEN_SIZE];
    if (!is_integer(token, length) && fits(text, token, length) && isfinite(strtod(text, NULL)))
        write_double(buffer, strtod(text, NULL));
    else
        ese_buffer_append(buffer, token, length);
}

void ese_json_write_shortened(struct ese_buffer *buffer, const char *json)
{
    rewrite(buffer, json, strlen(json), write_shortened);
}
