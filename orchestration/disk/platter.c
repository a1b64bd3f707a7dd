#include "orchestration/disk/platter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"
#include "orchestration/disk/file.h"

#define PATH_LIMIT 4096

/* A name, and what it stands for. */
struct entry {
    char *name;
    struct thing *thing;
};

struct names {
    struct entry *entries;
    size_t count;
};

/* One that happened to a directory since its last sync: these leave, this one comes. */
struct change {
    char *leaves;        /* NULL: none */
    char *comes;         /* likewise */
    struct thing *thing; /* who comes */
    uint64_t at;         /* when it happened */
};

/* A file or a directory. The platter keeps all there ever were. */
struct thing {
    uint64_t number;
    struct ese_disk_file *file; /* NULL: a directory */
    struct names synced;
    struct change *changes;
    size_t change_count;
    struct thing *next;
};

/* A thread's sync that has not ended, or never will. */
struct begun {
    int64_t thread;
    uint64_t at;
};

struct ese_disk_platter {
    struct thing *things; /* the newest first: of two with one number the first counts */
    struct thing *root;
    uint64_t now; /* counts the records */
    struct begun *begun;
    size_t begun_count;
};

/* ---- names ----------------------------------------------------------------------------------------------------- */

static void remove_name(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->entries[i].name, name) != 0)
            continue;
        free(names->entries[i].name);
        names->entries[i] = names->entries[--names->count];
        return;
    }
}

static void put_name(struct names *names, const char *name, struct thing *thing)
{
    remove_name(names, name);
    names->entries = ese_realloc_array(names->entries, names->count + 1, sizeof names->entries[0]);
    names->entries[names->count++] = (struct entry){.name = ese_copy_text(name), .thing = thing};
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->entries[i].name);
    free(names->entries);
    *names = (struct names){.entries = NULL};
}

static void apply(struct names *names, const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (changes[i].leaves != NULL)
            remove_name(names, changes[i].leaves);
        if (changes[i].comes != NULL)
            put_name(names, changes[i].comes, changes[i].thing);
    }
}

/* The first so many. */
static void drop_changes(struct thing *thing, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(thing->changes[i].leaves);
        free(thing->changes[i].comes);
    }
    for (size_t i = count; i < thing->change_count; i++)
        thing->changes[i - count] = thing->changes[i];
    thing->change_count -= count;
}

static void add_change(const struct ese_disk_platter *platter, struct thing *directory, const char *leaves,
                       const char *comes, struct thing *thing)
{
    size_t count = directory->change_count++;
    directory->changes = ese_realloc_array(directory->changes, count + 1, sizeof directory->changes[0]);
    directory->changes[count] =
        (struct change){.leaves = ese_copy_text(leaves), .comes = ese_copy_text(comes), .thing = thing,
                        .at = platter->now};
}

/* ---- what happened --------------------------------------------------------------------------------------------- */

struct ese_disk_platter *ese_disk_platter_new(void)
{
    return ese_alloc(sizeof(struct ese_disk_platter));
}

void ese_disk_platter_free(struct ese_disk_platter **platter)
{
    if (*platter == NULL)
        return;
    struct thing *next;
    for (struct thing *thing = (*platter)->things; thing != NULL; thing = next) {
        next = thing->next;
        ese_disk_file_free(&thing->file);
        drop_changes(thing, thing->change_count);
        free(thing->changes);
        free_names(&thing->synced);
        free(thing);
    }
    free((*platter)->begun);
    free(*platter);
    *platter = NULL;
}

static struct thing *find(const struct ese_disk_platter *platter, uint64_t number)
{
    struct thing *thing = platter->things;
    while (thing != NULL && thing->number != number)
        thing = thing->next;
    return thing;
}

static struct thing *add_thing(struct ese_disk_platter *platter, uint64_t number, bool is_file)
{
    struct thing *thing = ese_alloc(sizeof *thing);
    *thing = (struct thing){
        .number = number, .file = is_file ? ese_disk_file_new() : NULL, .next = platter->things};
    platter->things = thing;
    return thing;
}

static void sync_thing(struct thing *thing, uint64_t until)
{
    size_t count = 0;
    if (thing->file != NULL)
        ese_disk_file_sync(thing->file, until);
    while (count < thing->change_count && thing->changes[count].at <= until)
        count++;
    apply(&thing->synced, thing->changes, count);
    drop_changes(thing, count);
}

static struct begun *find_begun(const struct ese_disk_platter *platter, int64_t thread)
{
    for (size_t i = 0; i < platter->begun_count; i++)
        if (platter->begun[i].thread == thread)
            return &platter->begun[i];
    return NULL;
}

/* What a record is about, and how it is said. */
struct told {
    struct ese_disk_platter *platter;
    const struct ese_disk_record *record;
    const char *name, *other_name;
    const void *data;
    struct thing *thing, *directory, *other_directory;
    struct begun *begun; /* by the thread, where it is about a sync */
};

static void take_root(struct told *told)
{
    told->platter->root = add_thing(told->platter, told->record->file, false);
}

static void take_made_file(struct told *told)
{
    add_change(told->platter, told->directory, NULL, told->name, add_thing(told->platter, told->record->file, true));
}

static void take_made_directory(struct told *told)
{
    add_change(told->platter, told->directory, NULL, told->name, add_thing(told->platter, told->record->file, false));
}

static void take_linked(struct told *told)
{
    add_change(told->platter, told->directory, NULL, told->name, told->thing);
}

static void take_unlinked(struct told *told)
{
    add_change(told->platter, told->directory, told->name, NULL, NULL);
}

static void take_renamed(struct told *told)
{
    if (told->directory == told->other_directory) {
        add_change(told->platter, told->directory, told->name, told->other_name, told->thing);
        return;
    }
    add_change(told->platter, told->directory, told->name, NULL, NULL);
    add_change(told->platter, told->other_directory, NULL, told->other_name, told->thing);
}

static void take_written(struct told *told)
{
    ese_disk_file_write(told->thing->file, told->record->offset, told->data, told->record->data_length,
                        told->platter->now);
}

static void take_resized(struct told *told)
{
    ese_disk_file_resize(told->thing->file, told->record->offset, told->platter->now);
}

/* A thread has one at a time: what it began before has died with its process, and its number has come again. */
static void take_sync_begins(struct told *told)
{
    struct ese_disk_platter *platter = told->platter;
    if (told->begun == NULL) {
        platter->begun = ese_realloc_array(platter->begun, platter->begun_count + 1, sizeof platter->begun[0]);
        told->begun = &platter->begun[platter->begun_count++];
    }
    *told->begun = (struct begun){.thread = told->record->offset, .at = platter->now};
}

/* A sync promises what was there when it began, and nothing of what came while it lasted. */
static uint64_t ends(struct told *told)
{
    struct ese_disk_platter *platter = told->platter;
    if (told->begun == NULL)
        return platter->now;
    uint64_t began = told->begun->at;
    *told->begun = platter->begun[--platter->begun_count];
    return began;
}

static void take_synced(struct told *told)
{
    sync_thing(told->thing, ends(told));
}

static void take_synced_all(struct told *told)
{
    uint64_t until = ends(told);
    for (struct thing *thing = told->platter->things; thing != NULL; thing = thing->next)
        sync_thing(thing, until);
}

/* It may have been about anything until it ended. */
static void take_sync_failed(struct told *told)
{
    ends(told);
    if (told->thing->file != NULL)
        ese_disk_file_fail_sync(told->thing->file);
}

static void take_mapped(struct told *told)
{
    ese_disk_file_discard(told->thing->file);
}

enum needs { THING = 1, FILE_THING = 2, DIRECTORY = 4, OTHER_DIRECTORY = 8, BEGUN = 16 };

static const struct {
    const char *what;
    int needs;
    void (*take)(struct told *told);
} kinds[ESE_DISK_KINDS] = {
    [ESE_DISK_ROOT] = {"a root", 0, take_root},
    [ESE_DISK_MADE_FILE] = {"a new file", DIRECTORY, take_made_file},
    [ESE_DISK_MADE_DIRECTORY] = {"a new directory", DIRECTORY, take_made_directory},
    [ESE_DISK_LINKED] = {"a link", THING | DIRECTORY, take_linked},
    [ESE_DISK_UNLINKED] = {"an unlink", DIRECTORY, take_unlinked},
    [ESE_DISK_RENAMED] = {"a rename", THING | DIRECTORY | OTHER_DIRECTORY, take_renamed},
    [ESE_DISK_WRITTEN] = {"a write", FILE_THING, take_written},
    [ESE_DISK_RESIZED] = {"a size", FILE_THING, take_resized},
    [ESE_DISK_SYNC_BEGINS] = {"a sync's beginning", THING, take_sync_begins},
    [ESE_DISK_SYNCED] = {"a sync", THING | BEGUN, take_synced},
    [ESE_DISK_SYNCED_ALL] = {"a sync of all", BEGUN, take_synced_all},
    [ESE_DISK_SYNC_FAILED] = {"a failed sync", THING | BEGUN, take_sync_failed},
    [ESE_DISK_MAPPED] = {"a mapping", FILE_THING, take_mapped},
};

static bool fits(const struct told *told, int needs)
{
    bool has_file = told->thing != NULL && told->thing->file != NULL;
    bool has_begun = told->record->offset == 0 || told->begun != NULL;
    return ((needs & THING) == 0 || told->thing != NULL) && ((needs & BEGUN) == 0 || has_begun) &&
           ((needs & FILE_THING) == 0 || has_file) &&
           ((needs & DIRECTORY) == 0 || (told->directory != NULL && told->directory->file == NULL)) &&
           ((needs & OTHER_DIRECTORY) == 0 || (told->other_directory != NULL && told->other_directory->file == NULL));
}

int ese_disk_platter_take(struct ese_disk_platter *platter, const struct ese_disk_record *record, const char *name,
                          const char *other_name, const void *data, struct ese_error *error)
{
    if (record->kind == 0 || record->kind >= ESE_DISK_KINDS)
        return ese_fail(error, ESE_E_INVALID, "a record of kind %u: the journal is of another version", record->kind);
    struct told told = {.platter = platter, .record = record, .name = name, .other_name = other_name, .data = data,
                        .thing = find(platter, record->file), .directory = find(platter, record->directory),
                        .other_directory = find(platter, record->other_directory),
                        .begun = find_begun(platter, record->offset)};
    bool is_first = platter->root == NULL;
    if (is_first != (record->kind == ESE_DISK_ROOT) || !fits(&told, kinds[record->kind].needs))
        return ese_fail(error, ESE_E_INVALID, "%s ('%s' of %llu) of what the journal does not know: it has a gap",
                        kinds[record->kind].what, name, (unsigned long long)record->file);
    platter->now++;
    kinds[record->kind].take(&told);
    return 0;
}

/* ---- the cut --------------------------------------------------------------------------------------------------- */

int64_t ese_disk_platter_open_blocks(const struct ese_disk_platter *platter)
{
    int64_t open = 0;
    for (const struct thing *thing = platter->things; thing != NULL; thing = thing->next)
        open += thing->file == NULL ? 0 : ese_disk_file_open_blocks(thing->file);
    return open;
}

int64_t ese_disk_platter_open_names(const struct ese_disk_platter *platter)
{
    int64_t open = 0;
    for (const struct thing *thing = platter->things; thing != NULL; thing = thing->next)
        open += (int64_t)thing->change_count;
    return open;
}

struct cut {
    struct ese_random *random;
    const struct ese_disk_platter *platter;
    int64_t torn; /* the block of all open ones that is */
};

/* Which of a file's open blocks is the torn one; below 0 or beyond the last: none. */
static int64_t torn_within(const struct cut *cut, const struct thing *file)
{
    int64_t before = 0;
    for (const struct thing *thing = cut->platter->things; thing != file; thing = thing->next)
        before += thing->file == NULL ? 0 : ese_disk_file_open_blocks(thing->file);
    return cut->torn < before ? -1 : cut->torn - before;
}

static int leave_file(struct cut *cut, const struct thing *thing, const char *path, struct ese_error *error)
{
    size_t length;
    if (ese_disk_file_is_discarded(thing->file))
        return 0;
    uint8_t *bytes = ese_disk_file_cut(thing->file, cut->random, torn_within(cut, thing), &length);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, bytes, length) == (ssize_t)length;
    int result = written ? 0 : ese_fail_errno(error, "cannot write %s", path);
    free(bytes);
    if (fd >= 0)
        close(fd);
    return result;
}

static int leave_directory(struct cut *cut, const struct thing *thing, const char *path, struct ese_error *error);

static int leave_entry(struct cut *cut, const struct entry *entry, const char *directory, struct ese_error *error)
{
    char path[PATH_LIMIT];
    if (snprintf(path, sizeof path, "%s/%s", directory, entry->name) >= PATH_LIMIT)
        return ese_fail(error, ESE_E_INVALID, "%s/%s is too long a path", directory, entry->name);
    if (entry->thing->file != NULL)
        return leave_file(cut, entry->thing, path, error);
    if (mkdir(path, 0777) != 0)
        return ese_fail_errno(error, "cannot make %s", path);
    return leave_directory(cut, entry->thing, path, error);
}

static int leave_directory(struct cut *cut, const struct thing *thing, const char *path, struct ese_error *error)
{
    struct names left = {.entries = NULL};
    int result = 0;
    bool leaves_some = ese_random_below(cut->random, 2) == 1;
    size_t changes = leaves_some ? 1 + ese_random_below(cut->random, thing->change_count + 1) : 0;
    for (size_t i = 0; i < thing->synced.count; i++)
        put_name(&left, thing->synced.entries[i].name, thing->synced.entries[i].thing);
    apply(&left, thing->changes, changes < thing->change_count ? changes : thing->change_count);
    for (size_t i = 0; i < left.count && result == 0; i++)
        result = leave_entry(cut, &left.entries[i], path, error);
    free_names(&left);
    return result;
}

int ese_disk_platter_cut(const struct ese_disk_platter *platter, struct ese_random *random, const char *directory,
                         struct ese_error *error)
{
    int64_t open = ese_disk_platter_open_blocks(platter);
    if (platter->root == NULL)
        return ese_fail(error, ESE_E_INVALID, "the journal is empty: no process has kept it");
    struct cut cut = {.random = random, .platter = platter,
                      .torn = open == 0 ? -1 : (int64_t)ese_random_below(random, 2 * (uint64_t)open)};
    return leave_directory(&cut, platter->root, directory, error);
}
