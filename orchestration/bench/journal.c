#include "orchestration/bench/journal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/memory.h"

#define LINE_SIZE 4096
#define ROW_SIZE 40

struct entry {
    char row[ROW_SIZE];
    bool peer;
    struct ese_round round;
};

struct ese_journal {
    char *path;
    FILE *file;
    struct entry *entries;
    size_t count;
};

static void keep(struct ese_journal *journal, const char *row, bool peer, const struct ese_round *round)
{
    journal->entries = ese_realloc_array(journal->entries, journal->count + 1, sizeof *journal->entries);
    struct entry *entry = &journal->entries[journal->count++];
    *entry = (struct entry){.peer = peer, .round = *round};
    ese_fit_text(entry->row, sizeof entry->row, row);
}

/* False for what is no whole entry. */
static bool read_entry(struct ese_journal *journal, const char *line)
{
    json_t *object = json_loads(line, 0, NULL), *round = json_object_get(object, "round");
    const char *row = json_string_value(json_object_get(object, "row"));
    const json_t *peer = json_object_get(object, "peer");
    char *text = round == NULL ? NULL : json_dumps(round, JSON_COMPACT | JSON_REAL_PRECISION(9));
    struct ese_round read;

    bool good = text != NULL && row != NULL && strlen(row) < ROW_SIZE && json_is_boolean(peer) &&
                strchr(line, '\n') != NULL && ese_round_parse(text, &read, NULL) == 0;
    if (good)
        keep(journal, row, json_is_true(peer), &read);
    free(text);
    json_decref(object);
    return good;
}

/* How many bytes of it are good; 0 where it is of something else, or not there. */
static long read_all(struct ese_journal *journal, const char *key)
{
    char line[LINE_SIZE];
    long good = 0;
    FILE *file = fopen(journal->path, "re");

    if (file == NULL)
        return 0;
    if (fgets(line, sizeof line, file) != NULL) {
        json_t *head = json_loads(line, 0, NULL);
        const char *written = json_string_value(json_object_get(head, "key"));
        if (written != NULL && strcmp(written, key) == 0 && strchr(line, '\n') != NULL)
            good = ftell(file);
        json_decref(head);
    }
    while (good > 0 && fgets(line, sizeof line, file) != NULL && read_entry(journal, line))
        good = ftell(file);
    fclose(file);
    return good;
}

/* Also for what is left away: what follows is appended to what is good. */
static int begin(struct ese_journal *journal, const char *key, long good, struct ese_error *error)
{
    if (good > 0 && truncate(journal->path, good) != 0)
        return ese_fail_errno(error, "cannot cut %s", journal->path);
    journal->file = fopen(journal->path, good > 0 ? "ae" : "we");
    if (journal->file == NULL)
        return ese_fail_errno(error, "cannot write %s", journal->path);
    if (good == 0)
        fprintf(journal->file, "{\"key\":\"%s\"}\n", key);
    return fflush(journal->file) == 0 ? 0 : ese_fail_errno(error, "cannot write %s", journal->path);
}

int ese_journal_open(const char *path, const char *key, struct ese_journal **journal, struct ese_error *error)
{
    *journal = ese_alloc(sizeof **journal);
    (*journal)->path = ese_copy_text(path);
    if (begin(*journal, key, read_all(*journal, key), error) == 0)
        return 0;
    ese_journal_close(journal);
    return -1;
}

void ese_journal_close(struct ese_journal **journal)
{
    struct ese_journal *closed = *journal;

    if (closed == NULL)
        return;
    *journal = NULL;
    if (closed->file != NULL)
        fclose(closed->file);
    free(closed->entries);
    free(closed->path);
    free(closed);
}

void ese_journal_finish(struct ese_journal **journal)
{
    if (*journal != NULL)
        unlink((*journal)->path);
    ese_journal_close(journal);
}

int ese_journal_rounds(const struct ese_journal *journal, const char *row, bool peer,
                       struct ese_round rounds[ESE_JOURNAL_ROUNDS])
{
    int count = 0;

    for (size_t i = 0; i < journal->count && count < ESE_JOURNAL_ROUNDS; i++) {
        if (journal->entries[i].peer == peer && strcmp(journal->entries[i].row, row) == 0)
            rounds[count++] = journal->entries[i].round;
    }
    return count;
}

int ese_journal_note(struct ese_journal *journal, const char *row, bool peer, const struct ese_round *round,
                     struct ese_error *error)
{
    char *text = ese_round_text(round);

    fprintf(journal->file, "{\"row\":\"%s\",\"peer\":%s,\"round\":%s}\n", row, peer ? "true" : "false", text);
    free(text);
    if (fflush(journal->file) != 0)
        return ese_fail_errno(error, "cannot write %s", journal->path);
    keep(journal, row, peer, round);
    return 0;
}
