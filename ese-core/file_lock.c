#include "ese-core/file_lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int ese_file_lock(const char *path, const char *option, int *fd, struct ese_error *error)
{
    char name[4096];
    if ((size_t)snprintf(name, sizeof name, "%s.lock", path) >= sizeof name)
        return ese_fail(error, ESE_E_USAGE, "%s: the path is too long, give a shorter one", option);
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return ese_fail_path(error, option, path, "another path");
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    close(*fd);
    *fd = -1;
    return ese_fail(error, ESE_E_USAGE,
                    "%s '%.200s' is used by another process: end that, or give each its own",
                    option, path);
}
