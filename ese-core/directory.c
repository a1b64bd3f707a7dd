#include "ese-core/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/memory.h"

/* dirname(3) may change what it is given. */
static char *directory_of(const char *path)
{
    char *copy = ese_copy_text(path);
    char *directory = ese_copy_text(dirname(copy));

    free(copy);
    return directory;
}

static int sync_name(const char *path)
{
    char *above = directory_of(path);
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    int reason = errno;

    if (fd >= 0)
        close(fd);
    free(above);
    errno = reason;
    return result;
}

/* One whose name could not be synced does not stay: the next to come would find it there and believe it. */
static int make(const char *directory)
{
    struct stat status;

    if (stat(directory, &status) == 0)
        return 0;
    if (mkdir(directory, 0777) != 0)
        return errno == EEXIST ? 0 : -1;
    if (sync_name(directory) == 0)
        return 0;
    int reason = errno;
    rmdir(directory);
    errno = reason;
    return -1;
}

int ese_directory_make_for(const char *path, const char *what, struct ese_error *error)
{
    char *directory = directory_of(path);
    int result = make(directory);

    if (result != 0)
        ese_fail_path(error, what, path, "a path whose directory is there or can be made");
    free(directory);
    return result;
}
