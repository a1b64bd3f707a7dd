#include "orchestration/disk/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The root itself is on the disk, too: it may be synced. */
static bool lies_below(const char *path, const char *root)
{
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool read_link_of(int fd, char path[PATH_MAX])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    return path[0] == '/';
}

/* path without its last part, which becomes *name. */
static bool split(int at, const char *path, char directory[PATH_MAX], const char **name)
{
    char given[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 0 : slash == path ? 1 : (int)(slash - path);
    char beside[PATH_MAX] = ".";
    if (at != AT_FDCWD && path[0] != '/' && !read_link_of(at, beside))
        return false;
    *name = slash == NULL ? path : slash + 1;
    int all = path[0] == '/' ? snprintf(given, sizeof given, "%.*s", length, path)
                             : snprintf(given, sizeof given, "%s/%.*s", beside, length, path);
    return all < PATH_MAX && (*name)[0] != '\0' && realpath(given, directory) != NULL;
}

static void look(struct ese_disk_place *place, const struct stat *status)
{
    place->file = status->st_ino;
    place->is_file = S_ISREG(status->st_mode);
    place->size = status->st_size;
}

static bool find(int at, const char *path, const char *root, struct ese_disk_place *place)
{
    char directory[PATH_MAX];
    const char *name;
    struct stat status;
    if (root[0] == '\0' || !split(at, path, directory, &name) || !lies_below(directory, root) ||
        stat(directory, &status) != 0)
        return false;
    place->directory = status.st_ino;
    int length = snprintf(place->path, sizeof place->path, "%s/%s", directory, name);
    if (length >= PATH_MAX)
        return false;
    place->name = place->path + length - strlen(name);
    place->file = 0;
    place->is_file = false;
    if (lstat(place->path, &status) == 0)
        look(place, &status);
    return true;
}

bool ese_disk_place_of(int at, const char *path, const char *root, struct ese_disk_place *place)
{
    int saved = errno;
    bool found = find(at, path, root, place);
    errno = saved;
    return found;
}

bool ese_disk_place_of_open(int fd, const char *root, struct ese_disk_place *place)
{
    int saved = errno;
    struct stat status;
    bool found = root[0] != '\0' && fstat(fd, &status) == 0 &&
                 (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) && status.st_nlink > 0 &&
                 read_link_of(fd, place->path) && lies_below(place->path, root);
    if (found)
        look(place, &status);
    errno = saved;
    return found;
}
