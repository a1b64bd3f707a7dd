#include "ese-core/sqlite_syncs.h"

#include <pthread.h>
#include <stdatomic.h>

#include <sqlite3.h>

#include "ese-core/memory.h"

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

static int count_if(int result)
{
    if (result == SQLITE_OK)
        atomic_fetch_add_explicit(&syncs, 1, memory_order_relaxed);
    return result;
}

static int sync_file(sqlite3_file *file, int flags)
{
    for (int i = 0; i < KINDS; i++) {
        if (file->pMethods == &kinds[i].counting)
            return count_if(kinds[i].real->xSync(file, flags));
    }
    return SQLITE_IOERR_FSYNC; /* not to be reached: only files led here come here */
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

static int open_file(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    sqlite3_vfs *real = self->pAppData;
    int result = real->xOpen(real, name, file, flags, out_flags);

    if (result == SQLITE_OK && file->pMethods != NULL) {
        const sqlite3_io_methods *counting = counting_methods(file->pMethods);
        if (counting != NULL)
            file->pMethods = counting;
    }
    return result;
}

/* With `durable` the directory is synced, so that the file stays deleted. */
static int delete_file(sqlite3_vfs *self, const char *name, int durable)
{
    sqlite3_vfs *real = self->pAppData;
    int result = real->xDelete(real, name, durable);

    return durable ? count_if(result) : result;
}

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
