#include "orchestration/lab/mail_pile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/number_table.h"

#define AT_ONCE 64 /* mails that are read or written */

struct lying {
    struct ese_arrived_mail mail;
    bool is_taken;
};

struct ese_mail_pile {
    FILE *file;
    int64_t count, left;
    struct lying some[AT_ONCE]; /* that are being looked at, or not yet written */
};

/* ---- making ---------------------------------------------------------------------------------- */

static const char *temporary_directory(void)
{
    const char *directory = getenv("TMPDIR");
    return directory != NULL && directory[0] != '\0' ? directory : "/tmp";
}

static int move_some(struct ese_mail_pile *pile, int64_t first, int64_t count, bool is_write,
                     struct ese_error *error)
{
    size_t size = (size_t)count * sizeof pile->some[0];
    off_t place = first * (off_t)sizeof pile->some[0];
    int file = fileno(pile->file);
    ssize_t moved = is_write ? pwrite(file, pile->some, size, place) : pread(file, pile->some, size, place);
    if (moved == (ssize_t)size)
        return 0;
    if (moved >= 0)
        errno = is_write ? ENOSPC : EIO;
    return ese_fail_errno(error, "cannot %s the list of mails, a temporary file in %s",
                          is_write ? "write" : "read", temporary_directory());
}

static int lay(void *context, const struct ese_arrived_mail *mail, struct ese_error *error)
{
    struct ese_mail_pile *pile = context;
    struct lying *lying = &pile->some[pile->count++ % AT_ONCE];
    *lying = (struct lying){.is_taken = false};
    lying->mail = *mail;
    pile->left++;
    return pile->count % AT_ONCE == 0 ? move_some(pile, pile->count - AT_ONCE, AT_ONCE, true, error) : 0;
}

/* Without a name, so that nothing is left behind by whoever is killed. */
static FILE *temporary_file(void)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_artifact_path(temporary_directory(), "ese-lab-XXXXXX", path, NULL) == -1) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int file = mkstemp(path);
    if (file == -1)
        return NULL;
    unlink(path);
    return fdopen(file, "r+");
}

static int make(struct ese_mail_pile *pile, const char *maildir, struct ese_error *error)
{
    pile->file = temporary_file();
    if (pile->file == NULL)
        return ese_fail_errno(error, "cannot make a temporary file for the list of mails in %s: let TMPDIR name a "
                                     "directory that can be written to", temporary_directory());
    int status = ese_mails_each(maildir, lay, pile, error);
    int64_t rest = pile->count % AT_ONCE;
    if (rest > 0 && move_some(pile, pile->count - rest, rest, true, error) == -1)
        return -1;
    return status;
}

int ese_mail_pile_make(const char *maildir, struct ese_mail_pile **pile, struct ese_error *error)
{
    *pile = ese_alloc(sizeof **pile);
    return make(*pile, maildir, error);
}

void ese_mail_pile_free(struct ese_mail_pile **pile)
{
    struct ese_mail_pile *freed = *pile;
    *pile = NULL;
    if (freed != NULL && freed->file != NULL)
        fclose(freed->file);
    free(freed);
}

/* ---- taking ---------------------------------------------------------------------------------- */

struct taking {
    bool (*wants)(const struct taking *taking, const struct ese_id *decision, int64_t place);
    const struct ese_id_filter *wanted;
    int64_t part, parts;
};

static bool is_wanted(const struct taking *taking, const struct ese_id *decision, int64_t place)
{
    (void)place;
    return ese_id_filter_wants(taking->wanted, decision);
}

/* Those of no decision have nothing in common. */
static bool is_of_part(const struct taking *taking, const struct ese_id *decision, int64_t place)
{
    uint64_t number;
    memcpy(&number, decision->bytes, sizeof number);
    if (ese_id_is_none(decision))
        number = (uint64_t)place;
    return ese_number_mix(number) % (uint64_t)taking->parts == (uint64_t)taking->part;
}

/* Of the `count` that are at hand, from the place `first` on. Returns how many were taken. */
static int64_t take_some(struct ese_mail_pile *pile, const struct taking *taking, int64_t first,
                         int64_t count, struct ese_mails *mails)
{
    int64_t taken = 0;
    for (int64_t i = 0; i < count; i++) {
        struct lying *lying = &pile->some[i];
        if (lying->is_taken || !taking->wants(taking, &lying->mail.decision, first + i))
            continue;
        lying->is_taken = true;
        ese_mails_add(mails, &lying->mail);
        taken++;
    }
    return taken;
}

static int take(struct ese_mail_pile *pile, const struct taking *taking, struct ese_mails *mails,
                struct ese_error *error)
{
    for (int64_t first = 0; first < pile->count; first += AT_ONCE) {
        int64_t count = pile->count - first < AT_ONCE ? pile->count - first : AT_ONCE;
        if (move_some(pile, first, count, false, error) == -1)
            return -1;
        int64_t taken = take_some(pile, taking, first, count, mails);
        if (taken > 0 && move_some(pile, first, count, true, error) == -1)
            return -1;
        pile->left -= taken;
    }
    ese_mails_sort(mails);
    return 0;
}

int ese_mail_pile_take(struct ese_mail_pile *pile, const struct ese_id_filter *wanted,
                       struct ese_mails *mails, struct ese_error *error)
{
    const struct taking taking = {.wants = is_wanted, .wanted = wanted};
    return take(pile, &taking, mails, error);
}

int64_t ese_mail_pile_left(const struct ese_mail_pile *pile)
{
    return pile->left;
}

int ese_mail_pile_take_left(struct ese_mail_pile *pile, int64_t part, int64_t parts,
                            struct ese_mails *mails, struct ese_error *error)
{
    const struct taking taking = {.wants = is_of_part, .part = part, .parts = parts};
    return take(pile, &taking, mails, error);
}
