#include "orchestration/bench/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define FLUSHES_FIELD 16 /* of a block device's stat */

struct member {
    pid_t pid;
    pid_t parent;
    int64_t cpu_ns;
    bool counts;
};

static int64_t ticks_ns(unsigned long long ticks)
{
    return (int64_t)ticks * (ESE_NS_PER_S / sysconf(_SC_CLK_TCK));
}

/* Finer than the ticks of its stat. */
static int64_t own_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec used;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (int64_t)used.tv_sec * ESE_NS_PER_S + used.tv_nsec;
}

/* False when it is gone. Its name stands in brackets and may hold anything. proc(5). */
static bool read_member(pid_t pid, struct member *member)
{
    char path[64], line[1024];
    unsigned long long user, system;
    int parent;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool had = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    const char *behind_name = had ? strrchr(line, ')') : NULL;
    if (behind_name == NULL || sscanf(behind_name + 1, " %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu",
                                      &parent, &user, &system) != 3)
        return false;
    *member = (struct member){.pid = pid, .parent = parent, .cpu_ns = own_cpu_ns(pid) + ticks_ns(user + system)};
    return true;
}

static struct member *read_all(size_t *count)
{
    struct member *members = NULL;
    size_t room = 0;
    DIR *directory = opendir("/proc");
    struct dirent *entry;

    *count = 0;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (*count == room) {
            room = room == 0 ? 256 : room * 2;
            members = ese_realloc_array(members, room, sizeof *members);
        }
        if (read_member((pid_t)strtol(entry->d_name, NULL, 10), &members[*count]))
            ++*count;
    }
    if (directory != NULL)
        closedir(directory);
    return members;
}

static bool counts(const struct member *members, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].pid == pid)
            return members[i].counts;
    }
    return false;
}

int64_t ese_machine_tree_ns(pid_t pid)
{
    size_t count;
    struct member *members = read_all(&count);
    int64_t sum_ns = 0;

    for (bool changed = true; changed;) { /* once for each generation */
        changed = false;
        for (size_t i = 0; i < count; i++) {
            bool in = members[i].pid == pid || counts(members, count, members[i].parent);
            changed = changed || in != members[i].counts;
            members[i].counts = in;
        }
    }
    for (size_t i = 0; i < count; i++)
        sum_ns += members[i].counts ? members[i].cpu_ns : 0;
    free(members);
    return sum_ns;
}

int64_t ese_machine_resident_bytes(pid_t pid)
{
    char path[64];
    long long pages = 0;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*d %lld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

int64_t ese_machine_busy_ns(void)
{
    unsigned long long user = 0, nice = 0, system = 0;
    FILE *file = fopen("/proc/stat", "re");

    if (file == NULL)
        return 0;
    if (fscanf(file, "cpu %llu %llu %llu", &user, &nice, &system) != 3)
        user = nice = system = 0;
    fclose(file);
    return ticks_ns(user + nice + system);
}

/* A partition's are counted where its disk's are. */
int64_t ese_machine_flushes(const char *path)
{
    char name[128];
    struct stat status;
    unsigned long long number = 0;

    if (stat(path, &status) != 0)
        return -1;
    int size = snprintf(name, sizeof name, "/sys/dev/block/%u:%u/", major(status.st_dev), minor(status.st_dev));
    snprintf(name + size, sizeof name - (size_t)size, "partition");
    bool is_part = access(name, F_OK) == 0;
    snprintf(name + size, sizeof name - (size_t)size, is_part ? "../stat" : "stat");
    FILE *file = fopen(name, "re");
    if (file == NULL)
        return -1;
    int fields = 0;
    while (fields < FLUSHES_FIELD && fscanf(file, "%llu", &number) == 1)
        fields++;
    fclose(file);
    return fields == FLUSHES_FIELD && number > 0 ? (int64_t)number : -1;
}
