#include "orchestration/lab/page_data.h"

#include <jansson.h>

#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "orchestration/lab/check.h"
#include "orchestration/lab/chosen.h"
#include "orchestration/lab/explain.h"
#include "orchestration/lab/foreign.h"
#include "orchestration/lab/page_again.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/running.h"
#include "transports/registry.h"

#define RESULTS_MOST (64 << 20)
#define BYTES_A_STORY 250 /* more or less: so many are looked up as may fit */
#define NAME_SIZE 256     /* of an event, as those call it who recorded it */
#define BYTES_A_LINE 24   /* beside its text */

/* What is not UTF-8, as a history of somebody else's may have it, is not shown. */
static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("(this is not UTF-8)");
}

/* ---- stories --------------------------------------------------------------------------------- */

struct telling {
    const struct ese_chosen *chosen;
    const struct ese_event_names *names; /* what events are called; NULL: by their ids */
    json_t *events;
    json_t *lines; /* of the event that is told just now */
    size_t next;   /* event that is told next */
    size_t bytes, most;
};

/* Events behind the last that has room are not told. */
static void begin_event(struct telling *telling, size_t number)
{
    char id[NAME_SIZE];
    const struct ese_chosen_event *event = &telling->chosen->events[number];
    telling->next = number + 1;
    telling->lines = NULL;
    if (telling->bytes >= telling->most)
        return;
    if (telling->names != NULL)
        telling->names->name(telling->names->context, &event->id, id, sizeof id);
    else
        ese_id_text(&event->id, id);
    telling->lines = json_array();
    telling->bytes += BYTES_A_LINE + strlen(id);
    json_array_append_new(telling->events, json_pack("[s, s, o]", id, event->kind == NULL ? "" : event->kind,
                                                     telling->lines));
}

static void take_line(void *context, size_t number, int64_t after_ns, const char *who, const char *line)
{
    struct telling *telling = context;
    char seconds[32]; /* as ese-lab check --explain tells them, to the last digit */
    if (number >= telling->next)
        begin_event(telling, number);
    if (telling->lines == NULL)
        return;
    telling->bytes += BYTES_A_LINE + strlen(who) + strlen(line);
    snprintf(seconds, sizeof seconds, "%.4f", (double)after_ns / (double)ESE_NS_PER_S);
    json_array_append_new(telling->lines, json_pack("[s, o, o]", seconds, text_json(who), text_json(line)));
}

static json_t *stories_json(const char *directory, const struct ese_results_transport *transport,
                            const struct ese_chosen *chosen, const struct ese_event_names *names, size_t most)
{
    const struct ese_registry_entry *entry;
    struct ese_buffer unread = ESE_BUFFER_INIT(4096);
    struct telling telling = {.chosen = chosen, .names = names, .events = json_array(), .most = most};
    struct ese_explain *asked = ese_alloc_array(chosen->count + 1, sizeof *asked);
    /* Of somebody else's, whatever it is called, nobody knows what was done to it, nor who there was. */
    bool is_foreign = transport->promises != NULL;
    bool is_known = !is_foreign && ese_registry_find(transport->name, &entry, NULL) == 0;
    for (size_t i = 0; i < chosen->count; i++)
        asked[i] = (struct ese_explain){
            .directory = directory,
            .schedule_ns = transport->schedule_ns,
            .is_foreign = is_foreign,
            .id = chosen->events[i].id,
            .partition_name = is_known ? entry->transport->consume->partition_name : NULL,
            .deeds = is_foreign ? NULL : &transport->deeds,
            .members = is_foreign ? 0 : transport->members,
        };
    ese_explain_events(asked, chosen->count, take_line, &telling, &unread);
    json_t *object = json_pack("{s:I, s:I, s:o, s:o}", "seen", (json_int_t)chosen->seen, "faulty",
                               (json_int_t)chosen->faulty, "events", telling.events, "unread",
                               text_json(unread.text == NULL ? "" : unread.text));
    free(asked);
    ese_buffer_free(&unread);
    return object;
}

/* ---- a run that is over ---------------------------------------------------------------------- */

/* The report's sentences, each a line there. */
static json_t *words_json(const struct ese_results *results)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    json_t *lines = json_array();
    char *rest = NULL;
    ese_report_sentences(results, &text);
    for (char *line = strtok_r(text.text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        json_array_append_new(lines, text_json(line + strspn(line, " ")));
    ese_buffer_free(&text);
    return lines;
}

static bool is_same(json_t *again)
{
    return strcmp(json_string_value(json_object_get(again, "word")), "same") == 0;
}

/* One transport: judged, and of its events those told that are chosen. */
static json_t *tell_transport(const char *directory, const struct ese_results *results,
                              struct ese_results_transport *transport, size_t most, struct ese_error *error)
{
    char label[128], path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_chosen chosen = {.most = most / BYTES_A_STORY};
    const struct ese_judge_look look = {.take = ese_chosen_take, .context = &chosen};
    ese_artifact_label(transport->name, label, sizeof label);
    transport->look = &look;
    json_t *stories = NULL;
    if (ese_artifact_path(directory, label, path, error) == 0 &&
        ese_check_again(directory, results, transport, error) == 0) {
        ese_chosen_settle(&chosen);
        stories = stories_json(path, transport, &chosen, NULL, most);
    }
    transport->look = NULL;
    ese_chosen_free(&chosen);
    return stories;
}

static json_t *tell_transports(const char *directory, struct ese_results *results, size_t most,
                               char troubles[ESE_RESULTS_TRANSPORTS][ESE_ARTIFACT_PATH_SIZE])
{
    json_t *array = json_array();
    for (int i = 0; i < results->count; i++) {
        struct ese_error error = {.code = ESE_OK};
        struct ese_results_transport *transport = &results->transports[i];
        json_t *stories = tell_transport(directory, results, transport, most / (size_t)results->count, &error);
        if (stories == NULL || transport->judgement.passes == 0)
            snprintf(troubles[i], ESE_ARTIFACT_PATH_SIZE, "%s",
                     stories == NULL ? error.text : transport->judgement.ledger_verdict.reason);
        ese_json_make_utf8(troubles[i]); /* a path may be anything */
        json_array_append_new(array, stories == NULL ? json_object() : stories);
    }
    return array;
}

static void append(struct ese_buffer *json, const char *name, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ese_buffer_printf(json, "\"%s\":", name);
    ese_buffer_text(json, text);
    ese_buffer_text(json, ",");
    free(text);
    json_decref(value);
}

/* As it is, to the letter: the page is to show what stands there. */
static int read_written(const char *directory, struct ese_buffer *text, json_t **written, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE], part[65536];
    size_t length;
    if (ese_artifact_path(directory, ESE_ARTIFACT_RESULTS, path, error) == -1)
        return -1;
    FILE *file = fopen(path, "re");
    while (file != NULL && (length = fread(part, 1, sizeof part, file)) > 0 && text->length < RESULTS_MOST)
        ese_buffer_append(text, part, length);
    if (file != NULL)
        fclose(file);
    *written = text->length == 0 ? NULL : json_loadb(text->text, text->length, JSON_REJECT_DUPLICATES, NULL);
    return *written != NULL ? 0 : ese_fail(error, ESE_E_INVALID, "no run can be read in '%.200s'", directory);
}

static int tell_own(const char *directory, size_t most, struct ese_buffer *json, struct ese_error *error)
{
    char troubles[ESE_RESULTS_TRANSPORTS][ESE_ARTIFACT_PATH_SIZE] = {""};
    struct ese_results results;
    struct ese_buffer text = ESE_BUFFER_INIT(RESULTS_MOST + 65536);
    json_t *written = NULL;
    int status = ese_results_read(directory, &results, error);
    if (status == 0)
        status = read_written(directory, &text, &written, error);
    if (status == 0) {
        json_t *stories = tell_transports(directory, &results, most, troubles);
        append(json, "own", json_true());
        json_t *again = ese_page_again(written, &results, troubles);
        append(json, "words", is_same(again) ? words_json(&results) : json_array());
        append(json, "again", again);
        append(json, "stories", stories);
        ese_buffer_text(json, "\"results\":");
        ese_buffer_append(json, text.text, text.length);
    }
    json_decref(written);
    ese_buffer_free(&text);
    return status;
}

/* ---- somebody else's, or one that goes on ---------------------------------------------------- */

/* Judged just now: there is no results.json to hold it against. */
static void put_judged(const struct ese_results *results, const char *kind, json_t *stories, struct ese_buffer *json)
{
    char *text = ese_results_text(results);
    append(json, "own", json_false());
    append(json, "kind", json_string(kind));
    append(json, "words", words_json(results));
    append(json, "stories", stories);
    ese_buffer_printf(json, "\"results\":");
    ese_buffer_text(json, text);
    free(text);
}

static int tell_running(const char *directory, struct ese_buffer *json, struct ese_error *error)
{
    struct ese_results results;
    if (ese_running_check(directory, &results, error) == -1)
        return -1;
    put_judged(&results, "running", json_array(), json);
    return 0;
}

/* Stories are told while it lies there as it was imported. */
struct foreign_telling {
    struct ese_chosen *chosen;
    const struct ese_foreign *foreign;
    size_t most;
    json_t *stories;
};

static void tell_imported(void *context, const char *imported, const struct ese_results_transport *transport)
{
    struct foreign_telling *telling = context;
    const struct ese_event_names names = ese_foreign_event_names(telling->foreign);
    ese_chosen_settle(telling->chosen);
    json_array_append_new(telling->stories, stories_json(imported, transport, telling->chosen, &names, telling->most));
}

/* What they say of it themselves: what is not among that is not known. */
static json_t *told_json(const char *directory)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    json_t *run = ese_artifact_path(directory, "run.json", path, NULL) == 0 ? json_load_file(path, 0, NULL) : NULL;
    return run != NULL ? run : json_object();
}

static int tell_foreign(const char *directory, size_t most, struct ese_buffer *json, struct ese_error *error)
{
    struct ese_results results;
    struct ese_chosen chosen = {.most = most / BYTES_A_STORY};
    const struct ese_judge_look look = {.take = ese_chosen_take, .context = &chosen};
    struct foreign_telling telling = {.chosen = &chosen, .most = most, .stories = json_array()};
    struct ese_foreign foreign = {.look = &look, .judged = tell_imported, .judged_context = &telling};
    telling.foreign = &foreign;
    int status = ese_foreign_judge(directory, &foreign, &results, error);
    ese_chosen_free(&chosen);
    if (status == -1) {
        json_decref(telling.stories);
        return -1;
    }
    append(json, "told", told_json(directory));
    append(json, "storeSeen", json_boolean(!foreign.is_store_unseen));
    put_judged(&results, "foreign", telling.stories, json);
    return 0;
}

int ese_page_data(const char *directory, size_t most, struct ese_buffer *json, struct ese_error *error)
{
    ese_buffer_text(json, "{");
    append(json, "directory", text_json(directory));
    int status = ese_foreign_is(directory)   ? tell_foreign(directory, most, json, error)
                 : ese_running_is(directory) ? tell_running(directory, json, error)
                                             : tell_own(directory, most, json, error);
    ese_buffer_text(json, "}");
    return status;
}
