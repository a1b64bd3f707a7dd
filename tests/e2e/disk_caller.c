/*
 * disk_caller.c - makes the calls that the disk's shim takes over (orchestration/disk/calls.c), a deed at a time:
 *
 *     disk_caller                 the names of the deeds
 *     disk_caller DEED            does it, in the current directory, which disk_calls.py has prepared
 *     disk_caller DEED sync       and then syncs all that is there, one by one
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define OPEN_FILES 8

static char block[BLOCK], half[BLOCK / 2]; /* filled with 'n' */

static void need(bool is_so, const char *what)
{
    if (is_so)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static int old_file(int flags)
{
    int fd = open("old", flags | O_CLOEXEC);
    need(fd >= 0, "old");
    return fd;
}

static int directory(const char *name)
{
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    need(fd >= 0, name);
    return fd;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static void opened(int fd)
{
    need(fd >= 0, "open");
    close(fd);
}

static void by_open(void)
{
    opened(open("new", O_CREAT | O_WRONLY, 0644));
}

static void by_open64(void)
{
    opened(open64("new", O_CREAT | O_WRONLY, 0644));
}

static void by_openat(void)
{
    int at = directory("d");
    opened(openat(at, "new", O_CREAT | O_WRONLY, 0644));
    close(at);
}

static void by_openat64(void)
{
    int at = directory("d");
    opened(openat64(at, "new", O_CREAT | O_WRONLY, 0644));
    close(at);
}

static void by_creat(void)
{
    opened(creat("new", 0644));
}

static void by_creat64(void)
{
    opened(creat64("new", 0644));
}

static void by_open_truncating(void)
{
    opened(open("old", O_WRONLY | O_TRUNC));
}

static void by_creat_over(void)
{
    opened(creat("old", 0644));
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void wrote(int fd, ssize_t written)
{
    need(written == BLOCK, "write");
    close(fd);
}

static void by_write(void)
{
    int fd = old_file(O_WRONLY);
    need(lseek(fd, BLOCK, SEEK_SET) == BLOCK, "seek");
    wrote(fd, write(fd, block, BLOCK));
}

static void by_write_appending(void)
{
    int fd = old_file(O_WRONLY | O_APPEND);
    wrote(fd, write(fd, block, BLOCK));
}

static void by_write_synced(void)
{
    int fd = old_file(O_WRONLY | O_DSYNC);
    wrote(fd, write(fd, block, BLOCK));
}

static void by_pwrite(void)
{
    int fd = old_file(O_WRONLY);
    wrote(fd, pwrite(fd, block, BLOCK, BLOCK / 2));
}

static void by_pwrite64(void)
{
    int fd = old_file(O_WRONLY);
    wrote(fd, pwrite64(fd, block, BLOCK, 3 * BLOCK));
}

static const struct iovec halves[] = {{half, sizeof half}, {half, sizeof half}};

static void by_writev(void)
{
    int fd = old_file(O_WRONLY);
    wrote(fd, writev(fd, halves, 2));
}

static void by_pwritev(void)
{
    int fd = old_file(O_WRONLY);
    wrote(fd, pwritev(fd, halves, 2, BLOCK));
}

static void by_pwritev64(void)
{
    int fd = old_file(O_WRONLY);
    wrote(fd, pwritev64(fd, halves, 2, BLOCK));
}

/* ---- sizes ------------------------------------------------------------------------------------------------------ */

static void resized(int fd, int result)
{
    need(result == 0, "a size");
    close(fd);
}

static void by_ftruncate(void)
{
    int fd = old_file(O_WRONLY);
    resized(fd, ftruncate(fd, BLOCK / 2));
}

static void by_ftruncate64(void)
{
    int fd = old_file(O_WRONLY);
    resized(fd, ftruncate64(fd, 5 * BLOCK));
}

static void by_fallocate(void)
{
    int fd = old_file(O_WRONLY);
    resized(fd, fallocate(fd, 0, 0, 3 * BLOCK));
}

static void by_fallocate64(void)
{
    int fd = old_file(O_WRONLY);
    resized(fd, fallocate64(fd, 0, BLOCK, 3 * BLOCK));
}

static void by_posix_fallocate(void)
{
    int fd = old_file(O_WRONLY);
    resized(fd, posix_fallocate(fd, 0, 3 * BLOCK));
}

static void by_posix_fallocate64(void)
{
    int fd = old_file(O_WRONLY);
    resized(fd, posix_fallocate64(fd, BLOCK, 3 * BLOCK));
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void by_rename(void)
{
    need(rename("old", "new") == 0, "rename");
}

static void by_rename_over(void)
{
    need(rename("old", "d/inner") == 0, "rename");
}

static void by_renameat(void)
{
    int at = directory("d");
    need(renameat(at, "inner", AT_FDCWD, "outer") == 0, "renameat");
    close(at);
}

static void by_link(void)
{
    need(link("old", "d/new") == 0, "link");
}

static void by_unlink(void)
{
    need(unlink("old") == 0, "unlink");
}

static void by_unlinkat(void)
{
    int at = directory("d");
    need(unlinkat(at, "inner", 0) == 0, "unlinkat");
    close(at);
}

static void by_rmdir(void)
{
    need(rmdir("empty") == 0, "rmdir");
}

static void by_mkdir(void)
{
    need(mkdir("new", 0755) == 0, "mkdir");
    opened(open("new/inner", O_CREAT | O_WRONLY, 0644));
}

static void by_mkdirat(void)
{
    int at = directory("d");
    need(mkdirat(at, "new", 0755) == 0, "mkdirat");
    close(at);
}

/* ---- syncing ---------------------------------------------------------------------------------------------------- */

static int written(void)
{
    int fd = old_file(O_WRONLY);
    need(pwrite(fd, block, BLOCK, 0) == BLOCK, "write");
    return fd;
}

static void synced(int fd, int result)
{
    need(result == 0, "sync");
    close(fd);
}

static void by_fsync(void)
{
    int fd = written();
    synced(fd, fsync(fd));
}

static void by_fdatasync(void)
{
    int fd = written();
    synced(fd, fdatasync(fd));
}

static void by_syncfs(void)
{
    close(written());
    int at = directory(".");
    synced(at, syncfs(at));
}

static void by_sync_file_range(void)
{
    int fd = written();
    synced(fd, sync_file_range(fd, 0, BLOCK, SYNC_FILE_RANGE_WRITE));
}

static void by_msync(void)
{
    int fd = written(), read_only = old_file(O_RDONLY);
    void *memory = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, read_only, 0);
    need(memory != MAP_FAILED, "mmap");
    close(read_only);
    synced(fd, msync(memory, BLOCK, MS_SYNC));
}

static void by_fsync_failing(void)
{
    int fd = written();
    need(fsync(fd) != 0 && errno == EIO, "a sync that had to fail");
    synced(fd, fsync(fd));
}

static int written_meanwhile = -1;

/* Of the shim, which lets a sync last: what we do here is done while it lasts. */
int nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)time;
    (void)left;
    if (written_meanwhile >= 0)
        need(pwrite(written_meanwhile, block, BLOCK, BLOCK) == BLOCK, "write");
    written_meanwhile = -1;
    return 0;
}

static void by_fsync_lasting(void)
{
    int fd = written();
    written_meanwhile = fd;
    need(fsync(fd) == 0 && written_meanwhile < 0, "a sync that had to last");
    close(fd);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void mapped(const char *name, int protection, int flags)
{
    int fd = open(name, O_RDWR | O_CLOEXEC);
    need(fd >= 0 && mmap(NULL, BLOCK, protection, flags, fd, 0) != MAP_FAILED, name);
    close(fd);
}

static void by_mmap(void)
{
    mapped("old", PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void by_mmap64(void)
{
    int fd = old_file(O_RDWR);
    need(mmap64(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap64");
    close(fd);
}

static void by_mmap_of_shm(void)
{
    mapped("db-shm", PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void by_mmap_for_reading(void)
{
    mapped("old", PROT_READ, MAP_SHARED);
}

static void by_mmap_private(void)
{
    mapped("old", PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

#define DEED(name) {#name, by_##name}

static const struct {
    const char *name;
    void (*act)(void);
} deeds[] = {
    DEED(open), DEED(open64), DEED(openat), DEED(openat64), DEED(creat), DEED(creat64), DEED(open_truncating),
    DEED(creat_over), DEED(write), DEED(write_appending), DEED(write_synced), DEED(pwrite), DEED(pwrite64),
    DEED(writev), DEED(pwritev), DEED(pwritev64), DEED(ftruncate), DEED(ftruncate64), DEED(fallocate),
    DEED(fallocate64), DEED(posix_fallocate), DEED(posix_fallocate64), DEED(rename), DEED(rename_over),
    DEED(renameat), DEED(link), DEED(unlink), DEED(unlinkat), DEED(rmdir), DEED(mkdir), DEED(mkdirat), DEED(fsync),
    DEED(fdatasync), DEED(syncfs), DEED(sync_file_range), DEED(msync), DEED(fsync_failing), DEED(fsync_lasting),
    DEED(mmap), DEED(mmap64), DEED(mmap_of_shm), DEED(mmap_for_reading), DEED(mmap_private),
};
#define DEEDS (sizeof deeds / sizeof deeds[0])

static int sync_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0, path);
    synced(fd, fsync(fd));
    return 0;
}

int main(int argc, char **argv)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* who is ended for a mapping leaves nothing behind */
    memset(block, 'n', sizeof block);
    memset(half, 'n', sizeof half);
    for (size_t i = 0; i < DEEDS; i++) {
        if (argc < 2)
            printf("%s\n", deeds[i].name);
        else if (strcmp(deeds[i].name, argv[1]) == 0)
            deeds[i].act();
    }
    if (argc > 2)
        need(nftw(".", sync_one, OPEN_FILES, FTW_PHYS) == 0, "a sync of all");
    return EXIT_SUCCESS;
}
