#include "ese-core/process_figures.h"

#include <dirent.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ese-core/clock.h"

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 3; /* ".", ".." and the descriptor of the directory itself */
}

/* Field 22 of stat is the start in ticks since boot. The name in field 2 may hold anything, so
 * reading starts behind its closing parenthesis. */
static double start_seconds(void)
{
    char line[1024] = "";
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return 0;
    char *read = fgets(line, sizeof line, file);
    fclose(file);
    const char *rest = read == NULL ? NULL : strrchr(line, ')');
    unsigned long long ticks;
    if (rest == NULL ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u" /* fields 3 to 13 */
                     " %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
        return 0;
    struct timespec since_boot;
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    double booted = (double)ese_clock_wall_ms() / 1e3 - (double)since_boot.tv_sec;
    return booted + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static const struct figure {
    const char *name, *type, *help;
    double (*read)(void);
} figures[] = {
    {"process_cpu_seconds_total", "counter", "Processor time used, in seconds.", cpu_seconds},
    {"process_resident_memory_bytes", "gauge", "Resident memory, in bytes.", resident_bytes},
    {"process_open_fds", "gauge", "Open file descriptors.", open_fds},
    {"process_start_time_seconds", "gauge", "Start of the process, Unix time.", start_seconds},
};

void ese_process_figures_render(struct ese_buffer *buffer)
{
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        const struct figure *figure = &figures[i];
        ese_buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", figure->name,
                          figure->help, figure->name, figure->type, figure->name, figure->read());
    }
}
