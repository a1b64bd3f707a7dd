#include "ese-core/file_directory.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"

/* dirname(3) may change what it is given. */
static char *directory_of(const char *path)
{
    char *copy = ese_copy_text(path);
    char *directory = ese_copy_text(dirname(copy));

    free(copy);
    return directory;
}

static int make(const char *directory, const char *path, const char *what, struct ese_error *error)
{
    struct stat status;

    if (stat(directory, &status) == 0 || mkdir(directory, 0777) == 0 || errno == EEXIST)
        return 0;
    return ese_fail_path(error, what, path, "a path whose directory is there or can be made");
}

static int sync_name(const char *directory, struct ese_error *error)
{
    char *above = directory_of(directory);
    bool may_be_read = access(above, R_OK) == 0;

    free(above);
    return may_be_read ? ese_sqlite_sync_directory(directory, error) : 0;
}

int ese_file_directory_make(const char *path, const char *what, struct ese_error *error)
{
    char *directory = directory_of(path);
    int result = make(directory, path, what, error);

    free(directory);
    return result;
}

int ese_file_directory_make_durable(const char *path, const char *what, struct ese_error *error)
{
    char *directory = directory_of(path);
    int result = make(directory, path, what, error);

    if (result == 0)
        result = sync_name(directory, error);
    free(directory);
    return result;
}
