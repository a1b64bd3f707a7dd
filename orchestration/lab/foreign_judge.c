#include <stdlib.h>

#include "ese-core/clock.h"
#include "orchestration/lab/explain.h"
#include "orchestration/lab/foreign.h"
#include "orchestration/lab/run_directory.h"

static int make_directory(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    const char *place = getenv("TMPDIR");
    if (ese_artifact_path(place != NULL && place[0] != '\0' ? place : "/tmp", "ese-check-XXXXXX", path, error) == -1)
        return -1;
    return mkdtemp(path) != NULL ? 0 : ese_fail_errno(error, "cannot make the directory %s (TMPDIR says where)", path);
}

static void name_event(const void *names, const struct ese_id *id, char *text, size_t size)
{
    ese_foreign_names_text(names, id, text, size);
}

struct ese_event_names ese_foreign_event_names(const struct ese_foreign *foreign)
{
    return (struct ese_event_names){.name = name_event, .context = foreign->names};
}

static int judge_in(const char *directory, struct ese_foreign *foreign, struct ese_buffer *told,
                    struct ese_results *results, struct ese_error *error)
{
    struct ese_results_transport *transport = &results->transports[results->count++];
    *transport = (struct ese_results_transport){.durability = foreign->durability,
                                                .drained = true,
                                                .waited_until_ns = foreign->last_ns,
                                                .schedule_ns = foreign->first_due_ns,
                                                .members = foreign->members,
                                                .promises = &foreign->promises};
    snprintf(transport->name, sizeof transport->name, "%s", foreign->name);
    const struct ese_event_names names = ese_foreign_event_names(foreign);
    const struct ese_judge_options judging = {
        .directory = directory,
        .promises = &foreign->promises,
        .measured_from_ns = foreign->first_due_ns + foreign->warmup_s * ESE_NS_PER_S,
        .rate = foreign->rate,
        .is_store_unseen = foreign->is_store_unseen,
        .is_foreign = true,
        .names = &names,
        .contradiction = foreign->contradiction,
        .members = foreign->members,
        .stale_after_ms = foreign->stale_after_ms,
        .asked = foreign->explained == NULL ? NULL : &foreign->explained_id,
        .told = told,
        .look = foreign->look,
    };
    return ese_judge(&judging, &transport->judgement, error);
}

static void explain_in(const char *directory, const struct ese_buffer *told, struct ese_foreign *foreign)
{
    const struct ese_explain asked = {.directory = directory, .is_foreign = true, .id = foreign->explained_id};
    foreign->was_explained = ese_explain_event(&asked, foreign->explanation);
    ese_explain_judged(told, foreign->explanation);
}

int ese_foreign_judge(const char *directory, struct ese_foreign *foreign, struct ese_results *results,
                      struct ese_error *error)
{
    char imported[ESE_ARTIFACT_PATH_SIZE];
    struct ese_buffer told = ESE_BUFFER_INIT(ESE_STORY_SIZE);
    *results = (struct ese_results){.count = 0};
    if (ese_foreign_read(directory, foreign, error) == -1 || make_directory(imported, error) == -1)
        return -1;
    if (foreign->stale_asked_ms != NULL)
        foreign->stale_after_ms = *foreign->stale_asked_ms;
    results->warmup_s = foreign->warmup_s;
    results->stale_after_ms = foreign->stale_after_ms;
    snprintf(results->rate, sizeof results->rate, "%lld", (long long)foreign->rate);
    int status = ese_foreign_import(directory, imported, foreign, error);
    if (status == 0)
        status = judge_in(imported, foreign, &told, results, error);
    if (status == 0 && foreign->explained != NULL)
        explain_in(imported, &told, foreign);
    if (status == 0 && foreign->judged != NULL)
        foreign->judged(foreign->judged_context, imported, &results->transports[0]);
    ese_buffer_free(&told);
    ese_foreign_clear(foreign);
    ese_directory_remove(imported);
    return status;
}
