#include "transports/webhook/created.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)

void ese_webhook_time_write(int64_t wall_us, char text[ESE_WEBHOOK_TIME_SIZE])
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    char fraction[16];
    struct tm parts;

    int length = snprintf(fraction, sizeof(fraction), ".%06" PRId64, wall_us % US_PER_S);
    while (length > 0 && (fraction[length - 1] == '0' || fraction[length - 1] == '.')) {
        fraction[--length] = '\0';
    }
    gmtime_r(&seconds, &parts);
    snprintf(text, ESE_WEBHOOK_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d%s +0000 UTC", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, fraction);
}

/* So many digits at *text, which is moved behind them and what follows, a byte of `behind` ('\0': nothing). */
static bool read_digits(const char **text, int count, char behind, int *number)
{
    *number = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (**text - '0');
    }
    if (behind == '\0')
        return true;
    if (**text != behind)
        return false;
    (*text)++;
    return true;
}

/* ".123456789", or nothing. */
static int64_t read_fraction_ms(const char **text)
{
    int64_t ms = 0, worth = 100;

    if (**text != '.')
        return 0;
    for ((*text)++; **text >= '0' && **text <= '9'; (*text)++, worth /= 10)
        ms += worth * (**text - '0');
    return ms;
}

/* " +0100" */
static bool read_zone_s(const char **text, int64_t *zone_s)
{
    int hours, minutes;

    if (**text != ' ')
        return false;
    bool west = *++*text == '-';
    if (!west && **text != '+')
        return false;
    ++*text;
    if (!read_digits(text, 2, '\0', &hours) || !read_digits(text, 2, '\0', &minutes))
        return false;
    *zone_s = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

int ese_webhook_time_read(const char *text, int64_t *wall_ms)
{
    struct tm parts = {0};
    int64_t zone_s;

    if (!read_digits(&text, 4, '-', &parts.tm_year) || !read_digits(&text, 2, '-', &parts.tm_mon) ||
        !read_digits(&text, 2, ' ', &parts.tm_mday) || !read_digits(&text, 2, ':', &parts.tm_hour) ||
        !read_digits(&text, 2, ':', &parts.tm_min) || !read_digits(&text, 2, '\0', &parts.tm_sec))
        return -1;
    int64_t ms = read_fraction_ms(&text);
    if (!read_zone_s(&text, &zone_s))
        return -1;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    *wall_ms = (timegm(&parts) - zone_s) * 1000 + ms;
    return 0;
}
