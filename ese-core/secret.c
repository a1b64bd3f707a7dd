#include "ese-core/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/memory.h"

static const char *shown(const struct ese_secret_place *place)
{
    return place->shown != NULL ? place->shown : place->path;
}

/* Pipes and terminals (--token-file <(command)) are nobody else's anyway. */
static int check_mode(const struct ese_secret_place *place, int fd, struct ese_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return ese_fail_errno(error, "cannot look at %s '%.200s'", place->what, shown(place));
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXO | S_IWGRP)) == 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "%s '%.200s' is open to others (mode %03o): chmod 600 it, or 640 for a group that may know it",
                    place->what, shown(place), (unsigned)status.st_mode & 0777u);
}

/* As much of the first line, or of all, as fits behind each other, its end included: a NUL is a byte like any. */
static size_t read_line(int fd, bool takes_all, char bytes[ESE_SECRET_SIZE], bool *failed)
{
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length < ESE_SECRET_SIZE && (takes_all || memchr(bytes, '\n', length) == NULL)) {
        got = read(fd, bytes + length, ESE_SECRET_SIZE - length);
        length += got > 0 ? (size_t)got : 0;
    }
    *failed = got < 0;
    const char *end = takes_all ? NULL : memchr(bytes, '\n', length);
    return end != NULL ? (size_t)(end - bytes) + 1 : length;
}

static int take_line(const struct ese_secret_place *place, char line[ESE_SECRET_SIZE],
                     size_t length, struct ese_error *error)
{
    size_t whole = length;
    while (whole > 0 && (line[whole - 1] == '\n' || line[whole - 1] == '\r'))
        whole--;
    bool is_sound = whole > 0 && whole < ESE_SECRET_SIZE && memchr(line, '\0', whole) == NULL;
    explicit_bzero(line + (is_sound ? whole : 0), ESE_SECRET_SIZE - (is_sound ? whole : 0));
    if (is_sound)
        return 1;
    return ese_fail(error, ESE_E_USAGE, "%s %s '%.200s' must be 1 to %d bytes without a NUL",
                    place->takes_all ? "all of" : "the first line of", place->what, shown(place), ESE_SECRET_SIZE - 1);
}

static int read_file(const struct ese_secret_place *place, char line[ESE_SECRET_SIZE],
                     struct ese_error *error)
{
    bool failed = true;
    size_t length = 0;
    int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && check_mode(place, fd, error) != 0) {
        close(fd);
        return -1;
    }
    if (fd >= 0)
        length = read_line(fd, place->takes_all, line, &failed);
    if (failed)
        ese_fail_path(error, place->what, shown(place), "a file whose first line is it");
    if (fd >= 0)
        close(fd);
    return failed ? -1 : take_line(place, line, length, error);
}

/* Set and empty is not "not set": somebody meant a secret and has none. */
static int read_variable(const struct ese_secret_place *place, char line[ESE_SECRET_SIZE],
                         struct ese_error *error)
{
    const char *value = getenv(place->variable);
    if (value == NULL)
        return 0;
    if (value[0] != '\0' && ese_fit_text(line, ESE_SECRET_SIZE, value) == 0)
        return 1;
    explicit_bzero(line, ESE_SECRET_SIZE);
    return ese_fail(error, ESE_E_USAGE, "the environment's %s must be 1 to %d bytes; unset it where none is meant",
                    place->variable, ESE_SECRET_SIZE - 1);
}

int ese_secret_read(const struct ese_secret_place *place, char line[ESE_SECRET_SIZE],
                    struct ese_error *error)
{
    memset(line, 0, ESE_SECRET_SIZE);
    int found = place->path != NULL ? read_file(place, line, error) : read_variable(place, line, error);
    if (found == 1)
        prctl(PR_SET_DUMPABLE, 0);
    return found;
}
