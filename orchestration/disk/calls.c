/*
 * calls.c - the disk's shim, to be preloaded (LD_PRELOAD): stands between a program of ours and the kernel, and lets
 * the disk below one directory be slow, full or broken, or keeps a journal of what is done to it. docs/bad-disks.md.
 *
 * The calls are taken over under the names that programs and libraries find them by in the C library, and go on to the
 * kernel as what they are. Without ESE_DISK_ROOT they only do that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "orchestration/disk/journal.h"
#include "orchestration/disk/place.h"
#include "orchestration/disk/trouble.h"

#define SHOWN __attribute__((visibility("default")))
#define TAKES_OVER(name) __asm__(#name) SHOWN

int disk_open(const char *path, int flags, ...) TAKES_OVER(open);
int disk_open64(const char *path, int flags, ...) TAKES_OVER(open64);
int disk_openat(int at, const char *path, int flags, ...) TAKES_OVER(openat);
int disk_openat64(int at, const char *path, int flags, ...) TAKES_OVER(openat64);
int disk_creat(const char *path, mode_t mode) TAKES_OVER(creat);
int disk_creat64(const char *path, mode_t mode) TAKES_OVER(creat64);
ssize_t disk_write(int fd, const void *bytes, size_t size) TAKES_OVER(write);
ssize_t disk_pwrite(int fd, const void *bytes, size_t size, int64_t at) TAKES_OVER(pwrite);
ssize_t disk_pwrite64(int fd, const void *bytes, size_t size, int64_t at) TAKES_OVER(pwrite64);
ssize_t disk_writev(int fd, const struct iovec *parts, int count) TAKES_OVER(writev);
ssize_t disk_pwritev(int fd, const struct iovec *parts, int count, int64_t at) TAKES_OVER(pwritev);
ssize_t disk_pwritev64(int fd, const struct iovec *parts, int count, int64_t at) TAKES_OVER(pwritev64);
int disk_ftruncate(int fd, int64_t size) TAKES_OVER(ftruncate);
int disk_ftruncate64(int fd, int64_t size) TAKES_OVER(ftruncate64);
int disk_fallocate(int fd, int mode, int64_t at, int64_t size) TAKES_OVER(fallocate);
int disk_fallocate64(int fd, int mode, int64_t at, int64_t size) TAKES_OVER(fallocate64);
int disk_posix_fallocate(int fd, int64_t at, int64_t size) TAKES_OVER(posix_fallocate);
int disk_posix_fallocate64(int fd, int64_t at, int64_t size) TAKES_OVER(posix_fallocate64);
int disk_rename(const char *from, const char *to) TAKES_OVER(rename);
int disk_renameat(int from_at, const char *from, int to_at, const char *to) TAKES_OVER(renameat);
int disk_link(const char *from, const char *to) TAKES_OVER(link);
int disk_unlink(const char *path) TAKES_OVER(unlink);
int disk_unlinkat(int at, const char *path, int flags) TAKES_OVER(unlinkat);
int disk_rmdir(const char *path) TAKES_OVER(rmdir);
int disk_mkdir(const char *path, mode_t mode) TAKES_OVER(mkdir);
int disk_mkdirat(int at, const char *path, mode_t mode) TAKES_OVER(mkdirat);
int disk_fsync(int fd) TAKES_OVER(fsync);
int disk_fdatasync(int fd) TAKES_OVER(fdatasync);
int disk_sync_file_range(int fd, int64_t at, int64_t size, unsigned flags) TAKES_OVER(sync_file_range);
int disk_syncfs(int fd) TAKES_OVER(syncfs);
int disk_msync(void *start, size_t size, int flags) TAKES_OVER(msync);
void *disk_mmap(void *start, size_t size, int protection, int flags, int fd, int64_t at) TAKES_OVER(mmap);
void *disk_mmap64(void *start, size_t size, int protection, int flags, int fd, int64_t at) TAKES_OVER(mmap64);

static struct ese_disk_settings *settings;

__attribute__((constructor)) static void begin(void)
{
    settings = ese_disk_settings_read();
    if (settings->journal != NULL)
        ese_disk_journal_open(settings->journal, settings->root);
}

/* Before our turn has come, other libraries' constructors may call. */
static bool lies_on_disk(int fd, struct ese_disk_place *place)
{
    return settings != NULL && ese_disk_place_of_open(fd, settings->root, place);
}

static bool will_lie_on_disk(int at, const char *path, struct ese_disk_place *place)
{
    return settings != NULL && ese_disk_place_of(at, path, settings->root, place);
}

static void note(enum ese_disk_kind kind, uint64_t file, int64_t offset)
{
    ese_disk_journal_add((struct ese_disk_record){.kind = kind, .file = file, .offset = offset}, NULL, NULL, NULL, 0);
}

static void note_name(enum ese_disk_kind kind, const struct ese_disk_place *place, uint64_t file)
{
    ese_disk_journal_add((struct ese_disk_record){.kind = kind, .file = file, .directory = place->directory},
                         place->name, NULL, NULL, 0);
}

/* ---- opening ----------------------------------------------------------------------------------------------- */

static void note_opened(int fd, int flags, const struct ese_disk_place *before)
{
    struct ese_disk_place now;
    if (fd < 0 || !lies_on_disk(fd, &now) || !now.is_file)
        return;
    if (before->file == 0)
        note_name(ESE_DISK_MADE_FILE, before, now.file);
    else if ((flags & O_TRUNC) != 0)
        note(ESE_DISK_RESIZED, now.file, 0);
}

static int open_at(int at, const char *path, int flags, mode_t mode)
{
    struct ese_disk_place before;
    bool changes = ese_disk_journal_is_kept() && (flags & (O_CREAT | O_TRUNC)) != 0;
    if (!changes)
        return (int)syscall(SYS_openat, at, path, flags, mode);
    ese_disk_journal_enter();
    bool is_ours = will_lie_on_disk(at, path, &before);
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (is_ours)
        note_opened(fd, flags, &before);
    ese_disk_journal_leave();
    return fd;
}

#define MODE_BEHIND(last)                                      \
    va_list more;                                              \
    va_start(more, last);                                      \
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0; \
    va_end(more)

int disk_open(const char *path, int flags, ...)
{
    MODE_BEHIND(flags);
    return open_at(AT_FDCWD, path, flags, mode);
}

int disk_open64(const char *path, int flags, ...)
{
    MODE_BEHIND(flags);
    return open_at(AT_FDCWD, path, flags, mode);
}

int disk_openat(int at, const char *path, int flags, ...)
{
    MODE_BEHIND(flags);
    return open_at(at, path, flags, mode);
}

int disk_openat64(int at, const char *path, int flags, ...)
{
    MODE_BEHIND(flags);
    return open_at(at, path, flags, mode);
}

int disk_creat(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int disk_creat64(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

#define BEHIND_THE_LAST (-1) /* where write goes: the file's own position */

static ssize_t write_to_kernel(int fd, const void *bytes, size_t size, int64_t at)
{
    return at == BEHIND_THE_LAST ? syscall(SYS_write, fd, bytes, size) : syscall(SYS_pwrite64, fd, bytes, size, at);
}

static ssize_t write_to_disk(int fd, const void *bytes, size_t size, int64_t at, struct ese_disk_place *place)
{
    bool appends = at == BEHIND_THE_LAST && (fcntl(fd, F_GETFL) & O_APPEND) != 0;
    int64_t from = appends ? place->size : at == BEHIND_THE_LAST ? lseek(fd, 0, SEEK_CUR) : at;
    errno = ese_disk_trouble_write(settings, place, from, &size);
    if (errno != 0)
        return -1;
    ssize_t written = write_to_kernel(fd, bytes, size, at);
    if (written <= 0)
        return written;
    ese_disk_journal_add(
        (struct ese_disk_record){.kind = ESE_DISK_WRITTEN, .file = place->file, .offset = from}, NULL, NULL, bytes,
        (size_t)written);
    if (ese_disk_journal_is_kept() && (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
        note(ESE_DISK_SYNCED, place->file, 0);
    return written;
}

static ssize_t write_at(int fd, const void *bytes, size_t size, int64_t at)
{
    struct ese_disk_place place;
    if (!lies_on_disk(fd, &place))
        return write_to_kernel(fd, bytes, size, at);
    ese_disk_journal_enter();
    lies_on_disk(fd, &place); /* as it is now: somebody may just have made it longer */
    ssize_t written = write_to_disk(fd, bytes, size, at, &place);
    ese_disk_journal_leave();
    return written;
}

/* Files are written by the piece: what is one call's is one call's to the caller only. */
static ssize_t write_parts(int fd, const struct iovec *parts, int count, int64_t at)
{
    struct ese_disk_place place;
    if (!lies_on_disk(fd, &place))
        return at == BEHIND_THE_LAST ? syscall(SYS_writev, fd, parts, count)
                                     : syscall(SYS_pwritev, fd, parts, count, at, 0);
    ssize_t all = 0;
    for (int i = 0; i < count; i++) {
        ssize_t written =
            write_at(fd, parts[i].iov_base, parts[i].iov_len, at == BEHIND_THE_LAST ? at : at + all);
        if (written < 0)
            return all > 0 ? all : -1;
        all += written;
        if ((size_t)written < parts[i].iov_len)
            break;
    }
    return all;
}

ssize_t disk_write(int fd, const void *bytes, size_t size)
{
    return write_at(fd, bytes, size, BEHIND_THE_LAST);
}

ssize_t disk_pwrite(int fd, const void *bytes, size_t size, int64_t at)
{
    return write_at(fd, bytes, size, at);
}

ssize_t disk_pwrite64(int fd, const void *bytes, size_t size, int64_t at)
{
    return write_at(fd, bytes, size, at);
}

ssize_t disk_writev(int fd, const struct iovec *parts, int count)
{
    return write_parts(fd, parts, count, BEHIND_THE_LAST);
}

ssize_t disk_pwritev(int fd, const struct iovec *parts, int count, int64_t at)
{
    return write_parts(fd, parts, count, at);
}

ssize_t disk_pwritev64(int fd, const struct iovec *parts, int count, int64_t at)
{
    return write_parts(fd, parts, count, at);
}

/* ---- sizes ------------------------------------------------------------------------------------------------- */

static int resize(int fd, int64_t size)
{
    struct ese_disk_place place;
    ese_disk_journal_enter();
    int result = (int)syscall(SYS_ftruncate, fd, size);
    if (result == 0 && lies_on_disk(fd, &place))
        note(ESE_DISK_RESIZED, place.file, size);
    ese_disk_journal_leave();
    return result;
}

static int reserve(int fd, int mode, int64_t at, int64_t size)
{
    struct ese_disk_place place;
    if (!lies_on_disk(fd, &place))
        return (int)syscall(SYS_fallocate, fd, mode, at, size);
    if (mode != 0) { /* holes and the like: nobody here makes them, and nothing here could tell of them */
        errno = EOPNOTSUPP;
        return -1;
    }
    size_t grows = (size_t)size;
    errno = ese_disk_trouble_write(settings, &place, at, &grows);
    if (errno == 0 && grows < (size_t)size)
        errno = ENOSPC;
    if (errno != 0)
        return -1;
    ese_disk_journal_enter();
    int result = (int)syscall(SYS_fallocate, fd, mode, at, size);
    if (result == 0 && lies_on_disk(fd, &place))
        note(ESE_DISK_RESIZED, place.file, place.size);
    ese_disk_journal_leave();
    return result;
}

int disk_ftruncate(int fd, int64_t size)
{
    return resize(fd, size);
}

int disk_ftruncate64(int fd, int64_t size)
{
    return resize(fd, size);
}

int disk_fallocate(int fd, int mode, int64_t at, int64_t size)
{
    return reserve(fd, mode, at, size);
}

int disk_fallocate64(int fd, int mode, int64_t at, int64_t size)
{
    return reserve(fd, mode, at, size);
}

int disk_posix_fallocate(int fd, int64_t at, int64_t size)
{
    int saved = errno;
    int result = reserve(fd, 0, at, size) == 0 ? 0 : errno;
    errno = saved;
    return result;
}

int disk_posix_fallocate64(int fd, int64_t at, int64_t size)
{
    return disk_posix_fallocate(fd, at, size);
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static void note_renamed(const struct ese_disk_place *from, const struct ese_disk_place *to)
{
    ese_disk_journal_add((struct ese_disk_record){.kind = ESE_DISK_RENAMED, .file = from->file,
                                                  .directory = from->directory, .other_directory = to->directory},
                         from->name, to->name, NULL, 0);
}

int disk_renameat(int from_at, const char *from, int to_at, const char *to)
{
    struct ese_disk_place old, new;
    ese_disk_journal_enter();
    bool is_ours = ese_disk_journal_is_kept() && will_lie_on_disk(from_at, from, &old) &&
                   will_lie_on_disk(to_at, to, &new);
    int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
    if (result == 0 && is_ours)
        note_renamed(&old, &new);
    ese_disk_journal_leave();
    return result;
}

int disk_rename(const char *from, const char *to)
{
    return disk_renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int disk_link(const char *from, const char *to)
{
    struct ese_disk_place old, new;
    ese_disk_journal_enter();
    bool is_ours = ese_disk_journal_is_kept() && will_lie_on_disk(AT_FDCWD, from, &old) &&
                   will_lie_on_disk(AT_FDCWD, to, &new);
    int result = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (result == 0 && is_ours)
        note_name(ESE_DISK_LINKED, &new, old.file);
    ese_disk_journal_leave();
    return result;
}

int disk_unlinkat(int at, const char *path, int flags)
{
    struct ese_disk_place place;
    ese_disk_journal_enter();
    bool is_ours = ese_disk_journal_is_kept() && will_lie_on_disk(at, path, &place);
    int result = (int)syscall(SYS_unlinkat, at, path, flags);
    if (result == 0 && is_ours)
        note_name(ESE_DISK_UNLINKED, &place, place.file);
    ese_disk_journal_leave();
    return result;
}

int disk_unlink(const char *path)
{
    return disk_unlinkat(AT_FDCWD, path, 0);
}

int disk_rmdir(const char *path)
{
    return disk_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int disk_mkdirat(int at, const char *path, mode_t mode)
{
    struct ese_disk_place place;
    ese_disk_journal_enter();
    int result = (int)syscall(SYS_mkdirat, at, path, mode);
    if (result == 0 && ese_disk_journal_is_kept() && will_lie_on_disk(at, path, &place))
        note_name(ESE_DISK_MADE_DIRECTORY, &place, place.file);
    ese_disk_journal_leave();
    return result;
}

int disk_mkdir(const char *path, mode_t mode)
{
    return disk_mkdirat(AT_FDCWD, path, mode);
}

/* ---- syncing ----------------------------------------------------------------------------------------------- */

/* While a journal is kept it is the disk: the other one has nothing to prove, and is spared. */
static int sync_in_kernel(long call, int fd)
{
    return ese_disk_journal_is_kept() ? 0 : (int)syscall(call, fd);
}

static int sync_by(long call, int fd)
{
    struct ese_disk_place place;
    if (!lies_on_disk(fd, &place))
        return (int)syscall(call, fd);
    int64_t thread = syscall(SYS_gettid);
    ese_disk_journal_enter();
    note(ESE_DISK_SYNC_BEGINS, place.file, thread);
    ese_disk_journal_leave();
    int failed = ese_disk_trouble_sync(settings, &place);
    ese_disk_journal_enter();
    int result = failed != 0 ? -1 : sync_in_kernel(call, fd);
    int problem = failed != 0 ? failed : errno;
    enum ese_disk_kind synced = call == SYS_syncfs ? ESE_DISK_SYNCED_ALL : ESE_DISK_SYNCED;
    note(result != 0 ? ESE_DISK_SYNC_FAILED : synced, place.file, thread);
    ese_disk_journal_leave();
    ese_disk_trouble_tell(settings, &place, result);
    errno = problem;
    return result;
}

int disk_fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

int disk_fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

int disk_syncfs(int fd)
{
    return sync_by(SYS_syncfs, fd);
}

/* Begins to write, and promises nothing: slow and failing like the others, and nothing to the journal. */
int disk_sync_file_range(int fd, int64_t at, int64_t size, unsigned flags)
{
    struct ese_disk_place place;
    errno = lies_on_disk(fd, &place) ? ese_disk_trouble_sync(settings, &place) : 0;
    return errno != 0 ? -1 : (int)syscall(SYS_sync_file_range, fd, at, size, flags);
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

/* What is written by memory is written past us: it can be no file whose content is to survive. */
static void check_mapping(int fd)
{
    static const char *const rebuilt[ESE_DISK_SUFFIXES] = {"-shm"};
    struct ese_disk_place place;
    if (!lies_on_disk(fd, &place))
        return;
    if (!ese_disk_ends_in(place.path, rebuilt) && !ese_disk_ends_in(place.path, settings->mapped)) {
        fprintf(stderr, "ese-disk: %s is mapped for writing, which no journal sees\n", place.path);
        abort();
    }
    ese_disk_journal_enter();
    note(ESE_DISK_MAPPED, place.file, 0);
    ese_disk_journal_leave();
}

static void *map(void *start, size_t size, int protection, int flags, int fd, int64_t at)
{
    if (ese_disk_journal_is_kept() && fd >= 0 && (flags & MAP_TYPE) != MAP_PRIVATE && (protection & PROT_WRITE) != 0)
        check_mapping(fd);
    return (void *)syscall(SYS_mmap, start, size, protection, flags, fd, at);
}

void *disk_mmap(void *start, size_t size, int protection, int flags, int fd, int64_t at)
{
    return map(start, size, protection, flags, fd, at);
}

void *disk_mmap64(void *start, size_t size, int protection, int flags, int fd, int64_t at)
{
    return map(start, size, protection, flags, fd, at);
}

/* Which file it is about cannot be told; all that is mapped is excepted from the journal. */
int disk_msync(void *start, size_t size, int flags)
{
    static const struct ese_disk_place mapped = {.path = "mapped memory"};
    bool is_sync = settings != NULL && settings->root[0] != '\0' && (flags & MS_SYNC) != 0;
    errno = is_sync ? ese_disk_trouble_sync(settings, &mapped) : 0;
    return errno != 0 ? -1 : (int)syscall(SYS_msync, start, size, flags);
}
