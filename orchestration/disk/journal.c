#include "orchestration/disk/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXIT_MISSING 69
#define PIECE (256 * 1024)

static int journal = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((noreturn)) static void give_up(const char *what, const char *path)
{
    fprintf(stderr, "ese-disk: %s %s: %s\n", what, path, strerror(errno));
    _exit(EXIT_MISSING);
}

/* ---- one after the other ----------------------------------------------------------------------------- */

/* Of the process, and not of its children: a lock by flock would be theirs, too. */
static void lock_against_processes(short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    while (fcntl(journal, F_SETLKW, &whole) != 0 && errno == EINTR)
        ;
}

void ese_disk_journal_enter(void)
{
    if (journal < 0)
        return;
    pthread_mutex_lock(&mutex);
    lock_against_processes(F_WRLCK);
}

void ese_disk_journal_leave(void)
{
    if (journal < 0)
        return;
    int saved = errno; /* the call's, for its caller */
    lock_against_processes(F_UNLCK);
    pthread_mutex_unlock(&mutex);
    errno = saved;
}

bool ese_disk_journal_is_kept(void)
{
    return journal >= 0;
}

void ese_disk_journal_add(struct ese_disk_record record, const char *name, const char *other_name, const void *data,
                          size_t length)
{
    if (journal < 0)
        return;
    record.magic = ESE_DISK_MAGIC;
    record.name_length = name == NULL ? 0 : (uint32_t)strlen(name);
    record.other_name_length = other_name == NULL ? 0 : (uint32_t)strlen(other_name);
    record.data_length = length;
    const struct iovec parts[] = {{&record, sizeof record},
                                  {(void *)(uintptr_t)name, record.name_length},
                                  {(void *)(uintptr_t)other_name, record.other_name_length},
                                  {(void *)(uintptr_t)data, length}};
    size_t all = sizeof record + record.name_length + record.other_name_length + length;
    if (syscall(SYS_writev, journal, parts, 4) != (long)all)
        give_up("cannot write", "the journal");
}

/* ---- what is there when it begins ----------------------------------------------------------------------- */

static void add_content(int fd, uint64_t file, int64_t size)
{
    static char piece[PIECE];
    ssize_t got = 0;
    for (int64_t at = 0; (got = pread(fd, piece, sizeof piece, at)) > 0; at += got)
        ese_disk_journal_add((struct ese_disk_record){.kind = ESE_DISK_WRITTEN, .file = file, .offset = at}, NULL, NULL,
                             piece, (size_t)got);
    if (got < 0)
        give_up("cannot read", "the disk");
    ese_disk_journal_add((struct ese_disk_record){.kind = ESE_DISK_RESIZED, .file = file, .offset = size}, NULL, NULL,
                         NULL, 0);
}

static void add_directory(int fd, uint64_t directory);

static void add_entry(int parent, uint64_t directory, const char *name)
{
    struct stat status;
    int fd = (int)syscall(SYS_openat, parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0)
        give_up("cannot look at", name);
    bool is_directory = S_ISDIR(status.st_mode);
    ese_disk_journal_add((struct ese_disk_record){
                             .kind = is_directory ? ESE_DISK_MADE_DIRECTORY : ESE_DISK_MADE_FILE,
                             .file = status.st_ino, .directory = directory},
                         name, NULL, NULL, 0);
    if (is_directory) {
        add_directory(fd, status.st_ino);
        return;
    }
    add_content(fd, status.st_ino, status.st_size);
    syscall(SYS_close, fd);
}

static void add_directory(int fd, uint64_t directory)
{
    DIR *entries = fdopendir(fd);
    if (entries == NULL)
        give_up("cannot look at", "the disk");
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            add_entry(dirfd(entries), directory, entry->d_name);
    closedir(entries);
}

static void open_journal(const char *path, int flags)
{
    journal = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0644);
    if (journal < 0)
        give_up("cannot open", path);
}

static void add_all(const char *root)
{
    struct stat status;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        give_up("cannot look at", root);
    ese_disk_journal_add((struct ese_disk_record){.kind = ESE_DISK_ROOT, .file = status.st_ino}, NULL, NULL, NULL, 0);
    add_directory(fd, status.st_ino);
    ese_disk_journal_add((struct ese_disk_record){.kind = ESE_DISK_SYNCED_ALL}, NULL, NULL, NULL, 0);
}

/* Under another name, so that a journal is there with all of this, or not at all; whoever else begins may be first. */
static void begin(const char *path, const char *root)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%.4000s.%ld", path, (long)getpid());
    open_journal(part, O_CREAT | O_TRUNC);
    add_all(root);
    if (syscall(SYS_linkat, AT_FDCWD, part, AT_FDCWD, path, 0) != 0 && errno != EEXIST)
        give_up("cannot make", path);
    syscall(SYS_unlinkat, AT_FDCWD, part, 0);
    syscall(SYS_close, journal);
}

void ese_disk_journal_open(const char *path, const char *root)
{
    if (access(path, F_OK) != 0)
        begin(path, root);
    open_journal(path, 0);
}
