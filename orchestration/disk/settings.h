/*
 * settings.h - what the environment asks the disk's shim for. docs/bad-disks.md lists it.
 *
 * Read once, when the shim is loaded; what cannot be understood ends the process at once with 64, its name and what to
 * give instead: a test whose disk is good because of a misspelling proves nothing.
 */
#ifndef ESE_DISK_SETTINGS_H
#define ESE_DISK_SETTINGS_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ESE_DISK_SUFFIXES 8

/* Which of the calls of a kind meet with trouble. Counted from 1, for each setting by itself. */
struct ese_disk_when {
    bool is_set;
    long first;       /* this one; 0: none by its number */
    bool and_later;   /* and those behind it */
    long each;        /* one in so many; 0: not so */
    const char *file; /* those during which this file is there; NULL: not so */
    _Atomic long calls;
};

struct ese_disk_settings {
    char root[PATH_MAX]; /* "": no disk, and nothing is done */
    const char *only[ESE_DISK_SUFFIXES];   /* trouble comes to paths that end so; none: to all */
    const char *mapped[ESE_DISK_SUFFIXES]; /* may be mapped for writing while a journal is kept */
    long sync_us;                          /* a sync takes so much longer */
    struct ese_disk_when sync_fails, write_fails, write_short, full;
    long room; /* files may grow by so many bytes; -1: as they like */
    const char *told;
    const char *journal;
};

/* Never NULL. */
struct ese_disk_settings *ese_disk_settings_read(void);

/* Whether the call now made is one of them. It is counted. */
bool ese_disk_when_now(struct ese_disk_when *when);

bool ese_disk_ends_in(const char *path, const char *const suffixes[ESE_DISK_SUFFIXES]);

#endif
