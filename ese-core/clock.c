#include "ese-core/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "ese-core/digest.h"

#define OFFSET_TRIES 4
#define OFFSET_NEAR_NS 5000 /* both clocks were read within this */

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

/* Who is put aside between reading one clock and the other reads again. */
int64_t ese_clock_wall_offset_ns(void)
{
    int64_t offset_ns = 0, nearest_ns = INT64_MAX;
    for (int i = 0; i < OFFSET_TRIES && nearest_ns > OFFSET_NEAR_NS; i++) {
        int64_t before_ns = read_ns(CLOCK_MONOTONIC);
        int64_t wall_ns = read_ns(CLOCK_REALTIME);
        int64_t took_ns = read_ns(CLOCK_MONOTONIC) - before_ns;
        if (took_ns < nearest_ns) {
            nearest_ns = took_ns;
            offset_ns = wall_ns - before_ns - took_ns / 2;
        }
    }
    return offset_ns;
}

static size_t read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, size);
    if (fd >= 0)
        close(fd);
    return length < 0 ? 0 : (size_t)length;
}

/* random(4), time_namespaces(7) */
uint64_t ese_clock_boot(void)
{
    char boot[64], offsets[256];
    const struct ese_digest_part parts[] = {
        {boot, read_file("/proc/sys/kernel/random/boot_id", boot, sizeof boot)},
        {offsets, read_file("/proc/self/timens_offsets", offsets, sizeof offsets)}};
    uint8_t digest[ESE_DIGEST_SIZE];
    uint64_t name;
    if (parts[0].length == 0)
        return 0;
    ese_digest(parts, sizeof parts / sizeof parts[0], digest);
    memcpy(&name, digest, sizeof name);
    return name;
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
