/* ese-lab history: a history as text, one JSON object a line, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/history_text.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/number_table.h"
#include "orchestration/lab/text_lines.h"

#define LIMIT (INT64_C(4) << 30)

static const struct ese_option options[] = {
    {.name = "into", .kind = ESE_OPTION_TEXT, .value = "HISTORY",
     .help = "The other way: FILE is text, and is written as a history, which must not be there yet."},
    ESE_OPTION_END,
};

/* ---- to text --------------------------------------------------------------------------------- */

static void print_title(struct ese_history_reader *reader, struct ese_buffer *text)
{
    struct ese_history_title title = {.clock = ese_history_read_clock(reader)};
    ese_fit_text(title.party, sizeof title.party, ese_history_read_party(reader));
    ese_fit_text(title.transport, sizeof title.transport, ese_history_read_transport(reader));
    ese_history_text_title(&title, text);
}

static int print(const char *path, struct ese_error *error)
{
    struct ese_history_reader *reader;
    struct ese_history_record record;
    struct ese_buffer text = ESE_BUFFER_INIT(ESE_HISTORY_TEXT_LIMIT);
    int said;
    if (ese_history_read_open(path, &reader, error) == -1)
        return -1;
    print_title(reader, &text);
    while ((said = ese_history_read_next(reader, &record, error)) == 1) {
        ese_history_text_write(reader, &record, &text);
        fwrite(text.text, 1, text.length, stdout);
        ese_buffer_clear(&text);
    }
    fwrite(text.text, 1, text.length, stdout); /* of one without records */
    ese_buffer_free(&text);
    ese_history_read_close(&reader);
    return said;
}

/* ---- and back -------------------------------------------------------------------------------- */

static int take_id(const char *text, struct ese_id *id, struct ese_error *error)
{
    return text[0] == '\0' ? 0 : ese_id_parse(text, id, error);
}

static int take_ids(struct ese_history_line *line, struct ese_error *error)
{
    struct ese_id other = {.bytes = {0}};
    if (take_id(line->id, &line->record.id, error) == -1 || take_id(line->other, &other, error) == -1)
        return -1;
    if (line->other[0] != '\0')
        ese_history_put_id(&line->record, &other);
    return 0;
}

static void record(struct ese_history *history, const struct ese_history_line *line)
{
    struct ese_event event = {.id = line->record.id, .client_ts = line->record.a};
    ese_fit_text(event.type, sizeof event.type, line->type);
    ese_fit_text(event.sub_type, sizeof event.sub_type, line->sub_type);
    ese_fit_text(event.key, sizeof event.key, line->key);
    if (line->record.kind == ESE_HISTORY_OFFERED)
        ese_history_offer(history, &event, line->record.time_ns);
    else if (line->record.kind == ESE_HISTORY_FOUND)
        ese_history_find(history, &event, line->record.time_ns);
    else
        ese_history_record(history, &line->record);
}

/* What its client has said of an event so far. Lines of a history need not be in the order of time (what is offered
 * is told with when it was due, and several threads write), but an event's own are. */
struct last {
    struct ese_id id;
    int64_t time_ns;
};

struct lasts {
    struct last *list;
    uint32_t count, size;
    struct ese_number_table table;
};

static uint64_t hash_id(const struct ese_id *id)
{
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof halves);
    return ese_number_mix(halves[0] ^ ese_number_mix(halves[1]));
}

static uint64_t hash_of(const void *list, uint32_t number)
{
    return hash_id(&((const struct last *)list)[number].id);
}

static bool is_same(const void *list, uint32_t number, const void *id)
{
    return ese_id_equal(&((const struct last *)list)[number].id, id);
}

static struct last *last_of(struct lasts *lasts, const struct ese_id *id)
{
    uint32_t number = ese_number_table_find(&lasts->table, lasts->list, hash_id(id), id);
    if (number != ESE_NUMBER_NONE)
        return &lasts->list[number];
    if (lasts->count == lasts->size) {
        lasts->size = lasts->size == 0 ? 256 : lasts->size * 2;
        lasts->list = ese_realloc_array(lasts->list, lasts->size, sizeof *lasts->list);
    }
    lasts->list[lasts->count] = (struct last){.id = *id};
    ese_number_table_add(&lasts->table, lasts->list, lasts->count++);
    return &lasts->list[lasts->count - 1];
}

static int check_time(struct lasts *lasts, const struct ese_history_record *record, struct ese_error *error)
{
    bool is_clients = record->kind == ESE_HISTORY_OFFERED || record->kind == ESE_HISTORY_SENT ||
                      record->kind == ESE_HISTORY_ACKNOWLEDGED || record->kind == ESE_HISTORY_REFUSED ||
                      record->kind == ESE_HISTORY_UNKNOWN || record->kind == ESE_HISTORY_NOT_SENT;
    struct last *last = is_clients ? last_of(lasts, &record->id) : NULL;
    if (last == NULL)
        return 0;
    if (record->time_ns < last->time_ns)
        return ese_fail(error, ESE_E_INVALID, "\"time_ns\": '%s' at %lld is before what was said of that event above, "
                                              "at %lld", ese_history_kind_name(record->kind),
                                              (long long)record->time_ns,
                        (long long)last->time_ns);
    last->time_ns = record->time_ns;
    return 0;
}

static int record_each(struct ese_text_lines *lines, struct ese_history *history, struct lasts *lasts,
                       struct ese_error *error)
{
    struct ese_history_line line;
    int said;
    while ((said = ese_text_lines_next(lines, error)) == 1) {
        if (ese_history_text_read(lines->text, lines->length, &line, error) == -1 || take_ids(&line, error) == -1 ||
            check_time(lasts, &line.record, error) == -1)
            return -1;
        record(history, &line);
    }
    return said;
}

static int record_lines(struct ese_text_lines *lines, struct ese_history *history, struct ese_error *error)
{
    struct lasts lasts = {.table = {.hash = hash_of, .same = is_same}};
    int status = record_each(lines, history, &lasts, error);
    ese_number_table_free(&lasts.table);
    free(lasts.list);
    return status;
}

/* The first line says whose it is. */
static int record_all(struct ese_text_lines *lines, const char *into, struct ese_error *error)
{
    struct ese_history_title title;
    struct ese_history *history = NULL;
    int said = ese_text_lines_next(lines, error);
    if (said == 0)
        return ese_fail(error, ESE_E_INVALID, "nothing stands in it: its first line is to say whose history it is");
    if (said == -1 || ese_history_text_read_title(lines->text, lines->length, &title, error) == -1)
        return -1;
    const struct ese_history_options made = {.path = into, .party = title.party, .transport = title.transport,
                                             .limit = LIMIT, .clock = &title.clock};
    if (ese_history_open(&made, &history, error) == -1)
        return -1;
    int status = record_lines(lines, history, error);
    ese_history_close(&history);
    return status;
}

/* Beside it, and in its place once it is whole: of an error nothing is left but its directory. */
static int make(struct ese_text_lines *lines, const char *path, const char *into, struct ese_error *error)
{
    char part[ESE_ARTIFACT_PATH_SIZE];
    if (snprintf(part, sizeof part, "%s.part-%d", into, (int)getpid()) >= (int)sizeof part)
        return ese_fail(error, ESE_E_USAGE, "--into '%.100s' is too long a path", into);
    int status = record_all(lines, part, error);
    if (status == -1)
        ese_fail_within(error, "%s, line %lld", path, (long long)lines->number);
    else if (rename(part, into) != 0)
        status = ese_fail_errno(error, "cannot write %s", into);
    unlink(part);
    return status;
}

static int read_text(const char *path, const char *into, struct ese_error *error)
{
    struct ese_text_lines lines;
    if (access(into, F_OK) == 0)
        return ese_fail(error, ESE_E_USAGE, "--into '%.200s' is there already: give another file", into);
    if (ese_text_lines_open(path, &lines, error) == -1)
        return -1;
    int status = make(&lines, path, into, error);
    ese_text_lines_close(&lines);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run_history(const struct ese_config *config, struct ese_error *error)
{
    const char *path = ese_config_argument(config, 0), *into = ese_config_text(config, "into");
    if (path == NULL)
        return ese_fail(error, ESE_E_USAGE, "name a history, as they lie in a run's directory, or with --into a text");
    if (ese_config_argument(config, 1) != NULL)
        return ese_fail(error, ESE_E_USAGE, "'%.100s' is one too many beside '%.100s': name one file",
                        ese_config_argument(config, 1), path);
    return into != NULL ? read_text(path, into, error) : print(path, error);
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab history",
        .summary = "prints a history as text, one JSON object a line, or makes one of it",
        .synopsis = "FILE",
        .description = "A run's histories say what each party saw, and are what it is judged by. As text (NDJSON) they "
                       "can be read, searched and changed, and written by programs of others: docs/evidence.md tells "
                       "what each line says, and how a run of somebody else's own service is judged ('ese-lab check').",
        .examples = "ese-lab history .lab/runs/20260131-120000/http/client.history\n"
                    "ese-lab history client.ndjson --into client.history\n",
    },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run_history,
};

static int history_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_history = {
    .name = "history",
    .summary = "prints a history as text, one JSON object a line, or makes one of it",
    .main = history_main,
};
