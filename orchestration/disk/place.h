/*
 * place.h - where something lies on the disk: its path, its directory's inode, its name there.
 */
#ifndef ESE_DISK_PLACE_H
#define ESE_DISK_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct ese_disk_place {
    char path[PATH_MAX]; /* from / on, without links in its directory */
    uint64_t directory;
    const char *name;    /* within path */
    uint64_t file;       /* 0: nothing is there */
    bool is_file;        /* a regular one */
    int64_t size;
};

/* False where it does not lie below root, or its directory is not there. `at` is openat's directory. */
bool ese_disk_place_of(int at, const char *path, const char *root, struct ese_disk_place *place);

/* Of an open file or directory; false for what lies elsewhere, has no name any more, or is neither. A file's own
 * directory and name are not looked for. */
bool ese_disk_place_of_open(int fd, const char *root, struct ese_disk_place *place);

#endif
