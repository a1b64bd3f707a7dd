#include "orchestration/disk/trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic long grown; /* bytes by which files have grown, of the room there is */

static bool is_struck(const struct ese_disk_settings *settings, const struct ese_disk_place *place)
{
    return settings->only[0] == NULL || ese_disk_ends_in(place->path, settings->only);
}

/* Only what makes a file longer needs room; of that as much as there is. */
static int take_room(struct ese_disk_settings *settings, const struct ese_disk_place *place, int64_t from, size_t *size)
{
    int64_t growth = from + (int64_t)*size - place->size;
    if (growth <= 0)
        return 0;
    if (ese_disk_when_now(&settings->full))
        return ENOSPC;
    if (settings->room < 0)
        return 0;
    long had = atomic_fetch_add(&grown, growth);
    int64_t lacks = had + growth - settings->room;
    if (lacks <= 0)
        return 0;
    atomic_fetch_sub(&grown, lacks < growth ? lacks : growth);
    if (lacks >= (int64_t)*size)
        return ENOSPC;
    *size -= (size_t)lacks;
    return 0;
}

int ese_disk_trouble_write(struct ese_disk_settings *settings, const struct ese_disk_place *place, int64_t from,
                           size_t *size)
{
    if (!place->is_file || !is_struck(settings, place))
        return 0;
    if (ese_disk_when_now(&settings->write_fails))
        return EIO;
    if (ese_disk_when_now(&settings->write_short) && *size > 1)
        *size /= 2;
    return take_room(settings, place, from, size);
}

static void pass_time(long us)
{
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (us > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

int ese_disk_trouble_sync(struct ese_disk_settings *settings, const struct ese_disk_place *place)
{
    if (!is_struck(settings, place))
        return 0;
    pass_time(settings->sync_us);
    return ese_disk_when_now(&settings->sync_fails) ? EIO : 0;
}

void ese_disk_trouble_tell(const struct ese_disk_settings *settings, const struct ese_disk_place *place, int failed)
{
    char line[PATH_MAX + 20];
    if (settings->told == NULL)
        return;
    int length = snprintf(line, sizeof line, "%s %s\n", failed ? "failed" : "synced", place->path);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, settings->told, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || syscall(SYS_write, fd, line, (size_t)length) != length)
        fprintf(stderr, "ese-disk: ESE_DISK_TOLD='%s' cannot be written: give another file\n", settings->told);
    syscall(SYS_close, fd);
}
