#include "transports/http/cursor.h"

#include <stdio.h>
#include <string.h>

#include "ese-core/event.h"

#define CURSOR_VERSION "01"
#define OFFSET_DIGITS 16
#define CHECK_DIGITS 8

/* "01" and sixteen digits of the offset: what the check covers. */
static void put_checked_part(int64_t offset, char *text, size_t size)
{
    snprintf(text, size, CURSOR_VERSION "%0*llx", OFFSET_DIGITS, (unsigned long long)offset);
}

void ese_http_cursor_text(int64_t offset, char text[ESE_HTTP_CURSOR_SIZE])
{
    char checked[ESE_HTTP_CURSOR_SIZE];

    put_checked_part(offset, checked, sizeof(checked));
    snprintf(text, ESE_HTTP_CURSOR_SIZE, "%s%0*x", checked, CHECK_DIGITS,
             ese_event_key_hash(checked));
}

/* Digits as we write them, lower case and nothing else: strtoull would also take signs and
 * spaces. */
static int parse_digits(const char *text, size_t count, uint64_t *value)
{
    static const char digits[] = "0123456789abcdef";

    *value = 0;
    for (size_t i = 0; i < count; i++) {
        const char *found = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
        if (found == NULL)
            return -1;
        *value = *value << 4 | (uint64_t)(found - digits);
    }
    return 0;
}

int ese_http_cursor_parse(const char *text, int64_t *offset, struct ese_error *error)
{
    char again[ESE_HTTP_CURSOR_SIZE];
    uint64_t value = 0;

    if (strlen(text) != ESE_HTTP_CURSOR_SIZE - 1 ||
        strncmp(text, CURSOR_VERSION, strlen(CURSOR_VERSION)) != 0 ||
        parse_digits(text + strlen(CURSOR_VERSION), OFFSET_DIGITS,
                     &value) != 0 || value > INT64_MAX)
        return ese_fail(error, ESE_E_INVALID,
                        "'%.40s' is no cursor: give back \"next\" of a page as it was, or say "
                        "earliest or latest",
                        text);
    ese_http_cursor_text((int64_t)value, again);
    if (strcmp(text, again) != 0)
        return ese_fail(error, ESE_E_INVALID,
                        "the cursor '%s' was changed on its way: give back \"next\" of a page "
                        "as it was",
                        text);
    *offset = (int64_t)value;
    return 0;
}
