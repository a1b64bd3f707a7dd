#include "ese-core/clock.h"

#include <inttypes.h>
#include <time.h>

static int64_t read_ns(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * ESE_NS_PER_S + now.tv_nsec;
}

int64_t ese_clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t ese_clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / ESE_NS_PER_MS;
}

int64_t ese_clock_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000;
}

void ese_clock_sleep_until(int64_t due_ns)
{
    struct timespec due = {.tv_sec = due_ns / ESE_NS_PER_S, .tv_nsec = due_ns % ESE_NS_PER_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

void ese_clock_local_text(int64_t wall_ms, char text[ESE_CLOCK_TEXT_SIZE])
{
    int ms = (int)(wall_ms % 1000);
    ms = ms < 0 ? ms + 1000 : ms; /* before 1970 */
    time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms < 0 && ms != 0));
    struct tm local;
    char stamp[24];
    if (localtime_r(&seconds, &local) != NULL &&
        strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local) != 0)
        snprintf(text, ESE_CLOCK_TEXT_SIZE, "%s.%03d", stamp, ms);
    else
        snprintf(text, ESE_CLOCK_TEXT_SIZE, "%" PRId64 " ms", wall_ms);
}
