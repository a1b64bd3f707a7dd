/* What somebody else has recorded, as the lab itself would have: histories, and a state that is committed as they
 * say. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/history_text.h"
#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/foreign.h"
#include "orchestration/lab/foreign_names.h"
#include "orchestration/lab/foreign_places.h"
#include "orchestration/lab/text_lines.h"

#define HISTORY_LIMIT (INT64_C(4) << 30)
#define PARTITIONS 1024

static const char *const state_schema =
    "CREATE TABLE position (partition INTEGER PRIMARY KEY, next INTEGER, late INTEGER, beyond_window INTEGER);"
    "CREATE TABLE repeats (partition INTEGER, run INTEGER, lane INTEGER, highest INTEGER, window BLOB);"
    "CREATE TABLE decision (id BLOB, events BLOB, rule TEXT, key TEXT, answered_ms INTEGER, refused_ms INTEGER,"
    " transport TEXT, mail_to TEXT, subject TEXT);"
    "CREATE TABLE dead_letter (id BLOB, replay INTEGER);";

static const char *const outbox_schema = "CREATE TABLE mail (id TEXT, status TEXT, transport TEXT);";

/* How far a partition is committed, and when that was. */
struct committed {
    int32_t partition;
    int64_t next, time_ns;
};

struct import {
    const char *from, *into;
    struct ese_foreign *foreign;
    struct ese_foreign_names *names;
    struct ese_foreign_places *places;
    struct committed committed[PARTITIONS];
    int partitions;
};

/* ---- a line ---------------------------------------------------------------------------------- */

/* How far it was committed; of one that somebody was given, and nobody has committed in, not at all. */
static int note_committed(struct import *import, const struct ese_history_record *record, struct ese_error *error)
{
    int i = 0;
    while (i < import->partitions && import->committed[i].partition != record->partition)
        i++;
    if (i == PARTITIONS)
        return ese_fail(error, ESE_E_INVALID, "\"partition\": %d is one more than the %d that are read",
                        (int)record->partition, PARTITIONS);
    bool is_new = i == import->partitions;
    import->partitions += is_new;
    if (is_new && record->kind == ESE_HISTORY_GIVEN)
        import->committed[i] = (struct committed){.partition = record->partition};
    if (record->kind == ESE_HISTORY_COMMITTED && import->committed[i].time_ns <= record->time_ns)
        import->committed[i] = (struct committed){record->partition, record->a, record->time_ns};
    return 0;
}

static bool is_of_mails(enum ese_history_kind kind)
{
    return kind == ESE_HISTORY_DECIDED || kind == ESE_HISTORY_MAIL_ASKED || kind == ESE_HISTORY_MAIL_SENT ||
           kind == ESE_HISTORY_MAIL_DEAD || kind == ESE_HISTORY_MAIL_ARRIVED || kind == ESE_HISTORY_DEAD_LETTER;
}

static bool is_of_server(enum ese_history_kind kind)
{
    return kind == ESE_HISTORY_KEPT || kind == ESE_HISTORY_OVERWRITTEN || kind == ESE_HISTORY_EXPIRED ||
           kind == ESE_HISTORY_BEGUN_EMPTY;
}

/* Whose it is to tell: a consumer's word in the store's history, say, would be taken for a consumer's. */
static int check_writer(enum ese_history_kind kind, int file, struct ese_error *error)
{
    enum { CLIENT = 1, CONSUMER = 2, STORE = 4 };
    static const int writers[ESE_HISTORY_KINDS] = {
        [ESE_HISTORY_OFFERED] = CLIENT, [ESE_HISTORY_SENT] = CLIENT, [ESE_HISTORY_SENT_AGAIN] = CLIENT,
        [ESE_HISTORY_ACKNOWLEDGED] = CLIENT, [ESE_HISTORY_REFUSED] = CLIENT, [ESE_HISTORY_UNKNOWN] = CLIENT,
        [ESE_HISTORY_NOT_SENT] = CLIENT, [ESE_HISTORY_GIVEN] = CONSUMER | STORE, [ESE_HISTORY_HANDED] = CONSUMER,
        [ESE_HISTORY_COMMITTED] = CONSUMER, [ESE_HISTORY_TAKEN] = CONSUMER, [ESE_HISTORY_FENCED] = CONSUMER,
        [ESE_HISTORY_SKIPPED] = CONSUMER | STORE, [ESE_HISTORY_STORED] = STORE, [ESE_HISTORY_FOUND] = STORE};
    int own = file == ESE_FOREIGN_CLIENT ? CLIENT : file == ESE_FOREIGN_STORE ? STORE : CONSUMER;
    if (writers[kind] == 0 || (writers[kind] & own) != 0)
        return 0;
    return ese_fail(error, ESE_E_INVALID, "\"kind\": '%s' is told by %s", ese_history_kind_name(kind),
                    (writers[kind] & CLIENT) != 0     ? "the client, in client.ndjson"
                    : (writers[kind] & CONSUMER) != 0 ? "a consumer, in consumer-1.ndjson and so on"
                                                      : "who reads the store back, in store.ndjson");
}

static void offer(struct import *import, struct ese_history *history, struct ese_history_line *line)
{
    struct ese_event event = {.client_ts = line->record.a};
    ese_fit_text(event.type, sizeof event.type, line->type);
    ese_fit_text(event.sub_type, sizeof event.sub_type, line->sub_type);
    ese_fit_text(event.key, sizeof event.key, line->key);
    event.id = ese_foreign_names_offer(import->names, line->id, line->key, event.client_ts);
    line->record.id = event.id;
    if (line->record.kind == ESE_HISTORY_FOUND)
        ese_history_find(history, &event, line->record.time_ns);
    else
        ese_history_offer(history, &event, line->record.time_ns);
    if (import->foreign->first_due_ns == 0 || line->record.time_ns < import->foreign->first_due_ns)
        import->foreign->first_due_ns = line->record.time_ns;
}

static int take_line(struct import *import, struct ese_history *history, struct ese_history_line *line,
                     struct ese_error *error)
{
    struct ese_history_record *record = &line->record;
    if (is_of_server(record->kind))
        return ese_fail(error, ESE_E_INVALID,
                        "\"kind\": '%s' is told by a server, of which a run of others has no file",
                        ese_history_kind_name(record->kind));
    if (is_of_mails(record->kind))
        return ese_fail(error, ESE_E_INVALID,
                        "\"kind\": '%s' is of rules and mails, and a run of others tells of events alone",
                        ese_history_kind_name(record->kind));
    if (record->kind == ESE_HISTORY_OFFERED || record->kind == ESE_HISTORY_FOUND) {
        offer(import, history, line);
        return 0;
    }
    if (line->id[0] != '\0')
        record->id = ese_foreign_names_find(import->names, line->id);
    if (line->other[0] != '\0') {
        const struct ese_id other = ese_foreign_names_find(import->names, line->other);
        ese_history_put_id(record, &other);
    }
    if ((record->kind == ESE_HISTORY_COMMITTED || record->kind == ESE_HISTORY_GIVEN) && note_committed(import, record,
                                                                                                       error) == -1)
        return -1;
    ese_history_record(history, record);
    return 0;
}

/* ---- a file ---------------------------------------------------------------------------------- */

static int take_title(const struct ese_text_lines *lines, struct ese_error *error)
{
    struct ese_history_title title;
    return ese_history_text_read_title(lines->text, lines->length, &title, error);
}

static int take_lines(struct import *import, struct ese_text_lines *lines, int file, struct ese_history *history,
                      struct ese_error *error)
{
    struct ese_history_line line;
    int64_t before_ns = INT64_MIN;
    int said;
    while ((said = ese_text_lines_next(lines, error)) == 1) {
        bool is_title = lines->number == 1 && ese_history_text_is_title(lines->text, lines->length);
        if (is_title && take_title(lines, error) == -1)
            return -1;
        if (is_title)
            continue;
        if (ese_history_text_read(lines->text, lines->length, &line, error) == -1)
            return -1;
        if (line.record.time_ns < before_ns)
            return ese_fail(error, ESE_E_INVALID, "\"time_ns\" is before that of the line above: sort the lines by it");
        before_ns = line.record.time_ns;
        if (check_writer(line.record.kind, file, error) == -1 || take_line(import, history, &line, error) == -1)
            return -1;
        ese_foreign_places_take(import->places, file, lines->number, &line.record);
    }
    if (before_ns > import->foreign->last_ns)
        import->foreign->last_ns = before_ns;
    return said;
}

static int import_lines(struct import *import, const char *path, int file, struct ese_history *history,
                        struct ese_error *error)
{
    struct ese_text_lines lines;
    if (ese_text_lines_open(path, &lines, error) == -1)
        return -1;
    int status = take_lines(import, &lines, file, history, error);
    if (status == -1)
        ese_fail_within(error, "%s, line %lld", path, (long long)lines.number);
    ese_text_lines_close(&lines);
    return status;
}

static bool is_there(const struct import *import, const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    return ese_artifact_path(import->from, name, path, NULL) == 0 && access(path, F_OK) == 0;
}

/* All of a run are of one clock, whatever it is. Of none (NULL) comes a history in which nothing stands. file: as in
 * foreign_places.h. */
static int import_file(struct import *import, const char *name, int file, const char *party,
                       const char *history_name, struct ese_error *error)
{
    static const struct ese_history_clock clock = {.boot = 1};
    char from[ESE_ARTIFACT_PATH_SIZE] = "", into[ESE_ARTIFACT_PATH_SIZE];
    struct ese_history *history = NULL;
    if ((name != NULL && ese_artifact_path(import->from, name, from, error) == -1) ||
        ese_artifact_path(import->into, history_name, into, error) == -1)
        return -1;
    const struct ese_history_options options = {
        .path = into, .party = party, .transport = "", .limit = HISTORY_LIMIT, .clock = &clock};
    if (ese_history_open(&options, &history, error) == -1)
        return -1;
    int status = name == NULL ? 0 : import_lines(import, from, file, history, error);
    ese_history_close(&history);
    return status;
}

/* How many files there are whose names begin as a consumer's, whatever their numbers. -1: they cannot be told. */
static int count_consumers(const struct import *import, struct ese_error *error)
{
    DIR *directory = opendir(import->from);
    int count = 0;
    if (directory == NULL)
        return ese_fail_errno(error, "cannot read %s", import->from);
    for (const struct dirent *file; (file = readdir(directory)) != NULL;)
        count += fnmatch("consumer*.ndjson", file->d_name, 0) == 0;
    closedir(directory);
    return count;
}

/* What a consumer that was not read was handed would be held against the service. */
static int check_consumers(const struct import *import, int read, struct ese_error *error)
{
    int count = count_consumers(import, error);
    if (count < 0 || count == read)
        return count < 0 ? -1 : 0;
    return ese_fail(error, ESE_E_INVALID,
                    "%s has %d files consumer*.ndjson, and there is no consumer-%d.ndjson: number them from 1 without "
                    "a gap (consumer-1.ndjson, consumer-2.ndjson)", import->from, count, read + 1);
}

static int import_consumers(struct import *import, struct ese_error *error)
{
    char name[32], history[ESE_ARTIFACT_MEMBER_SIZE];
    for (int member = 1;; member++) {
        snprintf(name, sizeof name, "consumer-%d.ndjson", member);
        ese_artifact_member(member, history);
        if (!is_there(import, name) && (member > 1 || count_consumers(import, error) > 0))
            return check_consumers(import, member - 1, error);
        if (!is_there(import, name))
            return ese_fail(error, ESE_E_MISSING, "there is no %s/%s: who reads says there what it was handed",
                            import->from, name);
        if (import_file(import, name, member, "ese-consumer", history, error) == -1)
            return -1;
        import->foreign->members = member;
    }
}

/* Without it nobody has looked into the store: of one that promises replay something would be missing. */
static int import_store(struct import *import, struct ese_error *error)
{
    bool was_read = is_there(import, "store.ndjson");
    import->foreign->is_store_unseen = !was_read;
    if (!was_read && import->foreign->promises.replayable)
        return ese_fail(error, ESE_E_MISSING,
                        "there is no %s/store.ndjson: what is replayable has to be read back; or do not promise it",
                        import->from);
    return import_file(import, was_read ? "store.ndjson" : NULL, ESE_FOREIGN_STORE, "ese-lab",
                       ESE_ARTIFACT_STORE_HISTORY, error);
}

/* ---- databases ------------------------------------------------------------------------------- */

static int put_positions(const struct import *import, struct ese_sqlite *state, struct ese_error *error)
{
    struct ese_statement *insert = ese_statement_new(state, "INSERT INTO position VALUES (?1, ?2, 0, 0)");
    for (int i = 0; i < import->partitions; i++) {
        ese_statement_number(insert, 1, import->committed[i].partition);
        ese_statement_number(insert, 2, import->committed[i].next);
        if (ese_statement_run(insert, error) == -1)
            return -1;
    }
    return 0;
}

static int make_database(const struct import *import, const char *name, const char *schema, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_sqlite *database = NULL;
    if (ese_artifact_path(import->into, name, path, error) == -1)
        return -1;
    const struct ese_sqlite_options options = {.path = path, .schema = schema, .durability = ESE_DURABILITY_OS};
    int status = ese_sqlite_open(&options, &database, error);
    if (status == 0 && schema == state_schema)
        status = put_positions(import, database, error);
    ese_sqlite_close(&database);
    return status;
}

static int make_maildir(const struct import *import, struct ese_error *error)
{
    static const char *const directories[] = {ESE_ARTIFACT_MAILDIR, ESE_ARTIFACT_MAILDIR "/new",
                                              ESE_ARTIFACT_MAILDIR "/cur", ESE_ARTIFACT_MAILDIR "/tmp"};
    char path[ESE_ARTIFACT_PATH_SIZE];
    for (size_t i = 0; i < ESE_COUNT_OF(directories); i++) {
        if (ese_artifact_path(import->into, directories[i], path, error) == -1 ||
            ese_artifact_directory(path, error) == -1)
            return -1;
    }
    return 0;
}

static void look_for_contradictions(struct import *import)
{
    struct ese_buffer words = ESE_BUFFER_INIT(1024);
    ese_foreign_places_say(import->places, import->names, &words);
    snprintf(import->foreign->contradiction, sizeof import->foreign->contradiction, "%s",
             words.length == 0 ? "" : words.text);
    ese_json_make_utf8(import->foreign->contradiction); /* it may have been cut */
    ese_buffer_free(&words);
}

void ese_foreign_clear(struct ese_foreign *foreign)
{
    ese_foreign_names_free(&foreign->names);
}

int ese_foreign_import(const char *directory, const char *into, struct ese_foreign *foreign, struct ese_error *error)
{
    struct import *import = ese_alloc(sizeof *import);
    *import = (struct import){.from = directory, .into = into, .foreign = foreign, .names = ese_foreign_names_new(),
                               .places = ese_foreign_places_new()};
    int status = -1;
    if (!is_there(import, "client.ndjson"))
        ese_fail(error, ESE_E_MISSING, "there is no %s/client.ndjson: nothing can be judged without what was offered",
                 directory);
    else
        status = import_file(import, "client.ndjson", ESE_FOREIGN_CLIENT, "ese-client", ESE_ARTIFACT_CLIENT_HISTORY,
                             error);
    if (status == 0 &&
        (import_consumers(import, error) == -1 || import_store(import, error) == -1 ||
         import_file(import, NULL, ESE_FOREIGN_CLIENT, "ese-mailer", ESE_ARTIFACT_MAILER_HISTORY, error) == -1 ||
         make_database(import, ESE_ARTIFACT_STATE, state_schema, error) == -1 ||
         make_database(import, ESE_ARTIFACT_OUTBOX, outbox_schema, error) == -1 || make_maildir(import, error) == -1))
        status = -1;
    if (status == 0)
        look_for_contradictions(import);
    if (foreign->explained != NULL)
        foreign->explained_id = ese_foreign_names_find(import->names, foreign->explained);
    foreign->names = import->names;
    ese_foreign_places_free(&import->places);
    free(import);
    return status;
}
