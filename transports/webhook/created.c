#include "transports/webhook/created.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void ese_webhook_created_write(int64_t wall_ms, char text[ESE_WEBHOOK_CREATED_WRITTEN_SIZE])
{
    int64_t rest = wall_ms % 1000 + (wall_ms % 1000 < 0 ? 1000 : 0);
    time_t seconds = (time_t)((wall_ms - rest) / 1000);
    char fraction[8] = "";
    struct tm utc;

    gmtime_r(&seconds, &utc);
    size_t length = strftime(text, ESE_WEBHOOK_CREATED_WRITTEN_SIZE, "%Y-%m-%d %H:%M:%S", &utc);
    if (rest > 0)
        snprintf(fraction, sizeof(fraction), ".%03d", (int)rest);
    for (size_t end = strlen(fraction); end > 0 && fraction[end - 1] == '0'; end--)
        fraction[end - 1] = '\0';
    snprintf(text + length, ESE_WEBHOOK_CREATED_WRITTEN_SIZE - length, "%s +0000 UTC", fraction);
}

/* So many digits, and no more, as a number; -1: they are not. */
static int digits(const char *text, int count)
{
    int number = 0;

    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* "2026-11-21 10:11:12": of what is a digit there stands 0, in what it is compared with. */
static int read_seconds(const char *text, int64_t *seconds)
{
    static const char shape[] = "0000-00-00 00:00:00";
    struct tm utc = {0};

    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return -1;
    }
    utc.tm_year = digits(text, 4) - 1900;
    utc.tm_mon = digits(text + 5, 2) - 1;
    utc.tm_mday = digits(text + 8, 2);
    utc.tm_hour = digits(text + 11, 2);
    utc.tm_min = digits(text + 14, 2);
    utc.tm_sec = digits(text + 17, 2);
    *seconds = timegm(&utc);
    return (int)sizeof(shape) - 1;
}

int ese_webhook_created_read(const char *text, int64_t *wall_ms)
{
    int64_t seconds, ms = 0;
    int length = read_seconds(text, &seconds);

    if (length < 0)
        return -1;
    text += length;
    if (*text == '.') {
        text++;
        for (int64_t worth = 100; *text >= '0' && *text <= '9'; text++, worth /= 10)
            ms += worth * (*text - '0');
    }
    int hours = text[0] == ' ' && (text[1] == '+' || text[1] == '-') ? digits(text + 2, 2) : -1;
    int minutes = hours >= 0 ? digits(text + 4, 2) : -1;
    if (minutes < 0)
        return -1;
    int64_t zone = (hours * 60 + minutes) * INT64_C(60);
    *wall_ms = (seconds - (text[1] == '+' ? zone : -zone)) * 1000 + ms;
    return 0;
}
