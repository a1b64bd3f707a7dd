#include "ese-core/sqlite_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"

#define PIECE (256 * 1024)

static int rewrite_all(int fd, struct ese_error *error)
{
    char *piece = ese_alloc(PIECE);
    off_t at = 0;
    ssize_t got;
    while ((got = pread(fd, piece, PIECE, at)) > 0 && pwrite(fd, piece, (size_t)got, at) == got)
        at += got;
    free(piece);
    if (got != 0)
        return ese_fail_errno(error, "cannot write a database's log once more");
    return at == 0 ? 0 : ese_sqlite_sync_open(fd, error);
}

static int rewrite(const char *database, struct ese_error *error)
{
    struct ese_buffer path = ESE_BUFFER_INIT(SIZE_MAX);
    ese_buffer_printf(&path, "%s-wal", database);
    int fd = open(path.text, O_RDWR | O_CLOEXEC);
    int result = 0;
    if (fd >= 0)
        result = rewrite_all(fd, error);
    else if (errno != ENOENT)
        result = ese_fail_errno(error, "cannot open %s", path.text);
    ese_buffer_free(&path);
    if (fd >= 0)
        close(fd);
    return result;
}

/* With its lock nobody else writes to the log. */
int ese_sqlite_log_settle(struct ese_sqlite *sqlite, const char *path, struct ese_error *error)
{
    if (ese_sqlite_begin(sqlite, error) != 0)
        return -1;
    int result = rewrite(path, error);
    ese_sqlite_rollback(sqlite);
    return result == 0 ? ese_sqlite_sync_directory(path, error) : -1;
}
