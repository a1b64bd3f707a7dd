#include "orchestration/disk/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 64
#define SYNC_US_MOST 60000000
#define WHEN "give N (the N-th), N+ (from the N-th on), /N (each N-th), or @FILE (while FILE is there)"

__attribute__((noreturn)) static void refuse(const char *name, const char *value, const char *remedy)
{
    fprintf(stderr, "ese-disk: %s='%s' cannot be: %s\n", name, value, remedy);
    _exit(EXIT_USAGE);
}

static const char *given(const char *name)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* The number at the start of text; -1 where there is none. *end is behind it. */
static long number_in(const char *text, const char **end)
{
    char *behind;
    errno = 0;
    long number = strtol(text, &behind, 10);
    *end = behind;
    return text[0] < '0' || text[0] > '9' || errno != 0 ? -1 : number;
}

static long read_number(const char *name, long fallback, long most, const char *remedy)
{
    const char *value = given(name), *end;
    if (value == NULL)
        return fallback;
    long number = number_in(value, &end);
    if (number < 0 || number > most || *end != '\0')
        refuse(name, value, remedy);
    return number;
}

static void read_when(const char *name, struct ese_disk_when *when)
{
    const char *value = given(name), *end;
    if (value == NULL)
        return;
    when->is_set = true;
    if (value[0] == '@' && value[1] != '\0') {
        when->file = value + 1;
        return;
    }
    bool is_each = value[0] == '/';
    long number = number_in(value + is_each, &end);
    if (number < 1)
        refuse(name, value, WHEN);
    if (is_each)
        when->each = number;
    else
        when->first = number;
    when->and_later = !is_each && *end == '+';
    if (strcmp(end, when->and_later ? "+" : "") != 0)
        refuse(name, value, WHEN);
}

/* The value is the environment's, which stays: the suffixes point into a copy of it that is never freed. */
static void read_suffixes(const char *name, const char *suffixes[ESE_DISK_SUFFIXES])
{
    const char *value = given(name);
    char *rest = value == NULL ? NULL : strdup(value);
    int count = 0;
    for (char *one; rest != NULL && (one = strsep(&rest, ",")) != NULL;) {
        if (one[0] == '\0' || count == ESE_DISK_SUFFIXES)
            refuse(name, value, "give up to eight ends of paths, with commas between them");
        suffixes[count++] = one;
    }
}

static bool asks_for_something(const struct ese_disk_settings *settings)
{
    return settings->sync_us > 0 || settings->sync_fails.is_set || settings->write_fails.is_set ||
           settings->write_short.is_set || settings->full.is_set || settings->room >= 0 ||
           settings->told != NULL || settings->journal != NULL;
}

static void read_root(struct ese_disk_settings *settings)
{
    const char *value = given("ESE_DISK_ROOT");
    if (value == NULL && asks_for_something(settings))
        refuse("ESE_DISK_ROOT", "", "give the directory that is the disk");
    if (value != NULL && realpath(value, settings->root) == NULL)
        refuse("ESE_DISK_ROOT", value, "give a directory that is there");
    if (strcmp(settings->root, "/") == 0)
        refuse("ESE_DISK_ROOT", value, "give a directory of its own");
}

static void check_is_outside(const char *name, const char *path, const char *root)
{
    size_t length = strlen(root);
    if (path != NULL && (path[0] != '/' || (strncmp(path, root, length) == 0 && path[length] == '/')))
        refuse(name, path, "give a path from / on, outside of ESE_DISK_ROOT");
}

struct ese_disk_settings *ese_disk_settings_read(void)
{
    static struct ese_disk_settings settings;
    settings.sync_us = read_number("ESE_DISK_SYNC_US", 0, SYNC_US_MOST, "give microseconds from 0 to 60000000");
    settings.room = read_number("ESE_DISK_ROOM", -1, LONG_MAX, "give the bytes by which files may grow");
    read_when("ESE_DISK_SYNC_FAILS", &settings.sync_fails);
    read_when("ESE_DISK_WRITE_FAILS", &settings.write_fails);
    read_when("ESE_DISK_WRITE_SHORT", &settings.write_short);
    read_when("ESE_DISK_FULL", &settings.full);
    read_suffixes("ESE_DISK_ONLY", settings.only);
    read_suffixes("ESE_DISK_MAPPED", settings.mapped);
    settings.told = given("ESE_DISK_TOLD");
    settings.journal = given("ESE_DISK_JOURNAL");
    read_root(&settings);
    check_is_outside("ESE_DISK_TOLD", settings.told, settings.root);
    check_is_outside("ESE_DISK_JOURNAL", settings.journal, settings.root);
    return &settings;
}

bool ese_disk_when_now(struct ese_disk_when *when)
{
    if (!when->is_set)
        return false;
    long number = atomic_fetch_add(&when->calls, 1) + 1;
    if (when->file != NULL)
        return access(when->file, F_OK) == 0;
    if (when->each > 0)
        return number % when->each == 0;
    return number == when->first || (when->and_later && number > when->first);
}

bool ese_disk_ends_in(const char *path, const char *const suffixes[ESE_DISK_SUFFIXES])
{
    size_t length = strlen(path);
    for (int i = 0; i < ESE_DISK_SUFFIXES && suffixes[i] != NULL; i++) {
        size_t end = strlen(suffixes[i]);
        if (end <= length && strcmp(path + length - end, suffixes[i]) == 0)
            return true;
    }
    return false;
}
