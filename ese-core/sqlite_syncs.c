#include "ese-core/sqlite_syncs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <sqlite3.h>

#include "ese-core/memory.h"
#include "ese-core/tally.h"

#define VFS_NAME "ese-counting"

/* SQLite's file begins with a pointer to its methods. The real VFS opens it in place, and then that pointer is led
 * to a copy of those methods in which only xSync is ours: nothing stands between SQLite and any other call. The real
 * VFS has a handful of tables of methods, one a kind of locking. */
#define KINDS 8

static struct {
    const sqlite3_io_methods *real;
    sqlite3_io_methods counting;
} kinds[KINDS];
static int kind_count; /* grows only, under the mutex; what is there never changes */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static sqlite3_vfs vfs;
static _Atomic int64_t syncs;
static atomic_bool failed;
static char database[400]; /* the first that was opened to be written, for what is said; under the mutex */

static int count(int result)
{
    if (result == SQLITE_OK)
        atomic_fetch_add_explicit(&syncs, 1, memory_order_relaxed);
    else
        atomic_store(&failed, true);
    ese_tally_count(ESE_TALLY_SYNCS, result == SQLITE_OK);
    return result;
}

/* ---- directories ----------------------------------------------------------------------------------------------- */

/* A directory's name may end in slashes, and lies in the same place then. -1 and errno: it cannot be opened. */
static int open_directory_of(const char *path)
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    const char *slash = memrchr(path, '/', length);
    char *directory = slash == NULL ? ese_copy_text(".") : ese_copy_bytes(path, (size_t)(slash - path) + 1);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int reason = errno;

    free(directory);
    errno = reason;
    return fd;
}

/* Of a directory that was just to be opened: this process had no descriptor or memory left for it. That is no failed
 * sync, as none was tried; so it is opened before anything is done that would need one. */
static bool has_none_left(int directory)
{
    return directory < 0 && !atomic_load(&failed) && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
}

/* Closes it. */
static int sync_directory(int directory)
{
    bool is_synced = directory >= 0 && !atomic_load(&failed) && fdatasync(directory) == 0;

    if (directory >= 0)
        close(directory);
    return count(is_synced ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC);
}

int ese_sqlite_sync_directory(const char *path, struct ese_error *error)
{
    int directory = open_directory_of(path);

    if (has_none_left(directory))
        return ese_fail_errno(error, "the directory of '%.200s' cannot be opened to be synced", path);
    return sync_directory(directory) == SQLITE_OK ? 0 : ese_sqlite_syncs_check(error);
}

int ese_sqlite_sync_open(int fd, struct ese_error *error)
{
    bool is_synced = !atomic_load(&failed) && fdatasync(fd) == 0;

    return count(is_synced ? SQLITE_OK : SQLITE_IOERR_FSYNC) == SQLITE_OK ? 0 : ese_sqlite_syncs_check(error);
}

/* Where SQLite cannot open a directory it does not sync it, and where it cannot sync one it does not say so: that is
 * left to us. */
static int open_no_directory(const char *path, int *fd)
{
    (void)path;
    *fd = -1;
    return SQLITE_CANTOPEN;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static int sync_file(sqlite3_file *file, int flags)
{
    for (int i = 0; i < KINDS && !atomic_load(&failed); i++) {
        if (file->pMethods == &kinds[i].counting)
            return count(kinds[i].real->xSync(file, flags));
    }
    return SQLITE_IOERR_FSYNC;
}

/* NULL: there are more kinds than was thought, and this one goes uncounted. */
static const sqlite3_io_methods *counting_methods(const sqlite3_io_methods *real)
{
    int i = 0;

    pthread_mutex_lock(&mutex);
    while (i < kind_count && kinds[i].real != real)
        i++;
    if (i == kind_count && i < KINDS) {
        kinds[i].real = real;
        kinds[i].counting = *real;
        kinds[i].counting.xSync = sync_file;
        kind_count++;
    }
    pthread_mutex_unlock(&mutex);
    return i < KINDS ? &kinds[i].counting : NULL;
}

static void note_database(const char *name, int flags)
{
    pthread_mutex_lock(&mutex);
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0 && (flags & SQLITE_OPEN_READWRITE) != 0 && database[0] == '\0')
        snprintf(database, sizeof database, "%s", name);
    pthread_mutex_unlock(&mutex);
}

/* That of real's xOpen. What is new has its name on the disk before anything relies on that. */
static int open_new(sqlite3_vfs *real, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    int directory = open_directory_of(name);
    if (has_none_left(directory))
        return SQLITE_CANTOPEN;
    int result = real->xOpen(real, name, file, flags, out_flags);

    if (result != SQLITE_OK || file->pMethods == NULL) {
        if (directory >= 0)
            close(directory);
        return result;
    }
    result = sync_directory(directory);
    if (result != SQLITE_OK) {
        file->pMethods->xClose(file);
        file->pMethods = NULL;
    }
    return result;
}

/* Of a database, and of what is made beside it. */
static int open_file(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    sqlite3_vfs *real = self->pAppData;
    bool is_kept = name != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    bool is_new = is_kept && (flags & SQLITE_OPEN_CREATE) != 0 && access(name, F_OK) != 0;

    file->pMethods = NULL;
    int result = is_new ? open_new(real, name, file, flags, out_flags)
                        : real->xOpen(real, name, file, flags, out_flags);
    if (result != SQLITE_OK || file->pMethods == NULL)
        return result;
    if (is_kept)
        note_database(name, flags);
    const sqlite3_io_methods *counting = counting_methods(file->pMethods);
    if (counting != NULL)
        file->pMethods = counting;
    return SQLITE_OK;
}

/* With `durable` the directory is synced, so that the file stays deleted. */
static int delete_file(sqlite3_vfs *self, const char *name, int durable)
{
    sqlite3_vfs *real = self->pAppData;
    if (!durable)
        return real->xDelete(real, name, 0);
    int directory = open_directory_of(name);
    if (has_none_left(directory))
        return SQLITE_IOERR_DELETE;
    int result = real->xDelete(real, name, 0);

    if (result == SQLITE_OK)
        return sync_directory(directory);
    if (directory >= 0)
        close(directory);
    return result;
}

/* ---- the VFS --------------------------------------------------------------------------------------------------- */

/* The other functions of the VFS do not look at it. */
static void make_vfs(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    if (real == NULL)
        return;
    vfs = *real;
    vfs.pNext = NULL;
    vfs.zName = VFS_NAME;
    vfs.pAppData = real;
    vfs.xOpen = open_file;
    vfs.xDelete = delete_file;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        vfs.zName = NULL;
    else if (real->iVersion >= 3)
        real->xSetSystemCall(real, "openDirectory", (sqlite3_syscall_ptr)open_no_directory);
}

const char *ese_sqlite_syncs_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_vfs);
    return vfs.zName;
}

int64_t ese_sqlite_syncs(void)
{
    return atomic_load_explicit(&syncs, memory_order_relaxed);
}

bool ese_sqlite_syncs_failed(void)
{
    return atomic_load(&failed);
}

int ese_sqlite_syncs_check(struct ese_error *error)
{
    if (!ese_sqlite_syncs_failed())
        return 0;
    pthread_mutex_lock(&mutex);
    ese_fail(error, ESE_E_IO,
             "a sync of the database '%.200s', of its log or of their directory has failed: nobody knows what of it is "
             "on the disk. Look at the disk, then start this program again: it goes on with what the files hold",
             database);
    pthread_mutex_unlock(&mutex);
    return -1;
}
