/* ese-lab check: repeats the ledger of a finished run from its artifacts alone. */
#include <jansson.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/check.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/explain.h"
#include "orchestration/lab/foreign.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/results.h"
#include "orchestration/lab/results_form.h"
#include "orchestration/lab/running.h"
#include "transports/registry.h"

#define NOBODY 1      /* exit status: says anything of the event that is asked for */
#define CANNOT_TELL 2

static const struct ese_option options[] = {
    {.name = "run", .kind = ESE_OPTION_TEXT, .value = "DIR",
     .help = "The same as naming DIR."},
    {.name = "explain", .kind = ESE_OPTION_TEXT, .value = "ID",
     .help = "Tells the story of that event instead, over each transport: who saw it, when and where, which decisions "
             "were made of it and what became of their mails, what the fault did meanwhile, and, where nobody tells "
             "of its end, what it did afterwards to those who had it. The exit status is 1 "
             "when nobody says anything of it."},
    {.name = "stale-after-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .min = 0, .max = ESE_STALE_MOST_MS,
     .help = "The longest that an event may wait from its acknowledgement until it was processed (0: as long as it "
             "likes), instead of what the run itself was told."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Print the results, or with --explain the story, as JSON."},
    ESE_RESULTS_NDJSON_OPTION,
    {.name = "strict", .kind = ESE_OPTION_FLAG,
     .help = "Let the timing verdict count in the exit status, too."},
    ESE_OPTION_END,
};

/* asked: whose story is to be appended to told; NULL: nobody's. */
static int judge_again(const char *directory, const struct ese_results *results,
                       struct ese_results_transport *transport, const struct ese_id *asked, struct ese_buffer *told,
                       struct ese_error *error)
{
    const struct ese_registry_entry *entry;
    char label[128], path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_error unknown;
    ese_artifact_label(transport->name, label, sizeof label);
    if (ese_registry_find(transport->name, &entry, &unknown) < 0)
        return ese_fail(error, ESE_E_INVALID, "%.200s/%s: %s; judge it with the ese-lab that wrote it", directory,
                        ESE_ARTIFACT_RESULTS, unknown.text);
    if (ese_artifact_path(directory, label, path, error) < 0)
        return -1;
    struct ese_judge_options judging = {
        .directory = path,
        .promises = &entry->transport->promises,
        .partition_name = entry->transport->consume->partition_name,
        .schedule_ns = transport->schedule_ns,
        .measured_from_ns = transport->schedule_ns + results->warmup_s * ESE_NS_PER_S,
        .restarted_ns = transport->restarted_ns,
        .deeds = &transport->deeds,
        .rate = ese_results_rate(results->rate),
        .endings = &transport->endings,
        .smtp_timeout_ms = results->smtp_timeout_ms,
        .members = transport->members,
        .poison_every = results->poison_every,
        .stale_after_ms = results->stale_after_ms,
        .asked = asked,
        .told = told,
        .look = transport->look,
    };
    transport->reader_count = results->readers;
    const struct ese_crowd_plan crowd = {results->destinations, results->flaky, results->seed};
    if (ese_reader_accounts(path, results->readers, transport->readers, error) == 0 &&
        ese_crowd_account(path, &crowd, judging.measured_from_ns, &transport->crowd, error) == 0 &&
        ese_judge(&judging, &transport->judgement, error) == 0)
        return 0;
    /* Nothing of this one can be judged; the others still can. */
    ese_judge_nothing(ese_artifact_shorten(path, error), &transport->judgement);
    return 0;
}

int ese_check_again(const char *directory, const struct ese_results *results, struct ese_results_transport *transport,
                    struct ese_error *error)
{
    return judge_again(directory, results, transport, NULL, NULL, error);
}

/* A directory with neither results.json nor run.json is no run of either kind. */
static int say_what_is_missing(const char *directory, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_artifact_path(directory, ESE_ARTIFACT_RESULTS, path, NULL) < 0 || access(path, F_OK) == 0)
        return -1;
    return ese_fail(error, error->code, "there is no run in '%.300s': name a directory with results.json, one of the "
                                        "lab's, or with run.json, client.ndjson and consumer-1.ndjson, one of your own "
                                        "service (docs/evidence.md)", directory);
}

/* A run that is over, one that goes on, or one of somebody else's. */
static int judge_all(const char *directory, struct ese_foreign *foreign, struct ese_results *results,
                     struct ese_error *error)
{
    if (ese_foreign_is(directory))
        return ese_foreign_judge(directory, foreign, results, error);
    if (ese_running_is(directory))
        return ese_running_check(directory, results, error);
    if (ese_results_read(directory, results, error) < 0)
        return say_what_is_missing(directory, error);
    if (foreign->stale_asked_ms != NULL)
        results->stale_after_ms = *foreign->stale_asked_ms;
    for (int i = 0; i < results->count; i++) {
        if (judge_again(directory, results, &results->transports[i], NULL, NULL, error) < 0)
            return -1;
    }
    return 0;
}

static void print_table(const struct ese_results *results, bool goes_on)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    ese_report_table(results, &text);
    ese_report_sentences(results, &text);
    ese_report_stories(results, &text);
    if (goes_on)
        ese_buffer_text(&text, "\n  Of a walk that goes on only sums are kept; single cases are told of a run that is "
                               "over.\n");
    fputs(text.text, stdout);
    ese_buffer_free(&text);
}

/* Named as an argument or by --run, and only once. */
static int choose_directory(const struct ese_config *config, const char **directory, struct ese_error *error)
{
    const char *named = ese_config_argument(config, 0), *run = ese_config_text(config, "run");
    const char *another = run != NULL ? named : named != NULL ? ese_config_argument(config, 1) : NULL;
    *directory = run != NULL ? run : named;
    if (*directory == NULL)
        return ese_fail(error, ESE_E_USAGE, "name a run's directory, as compare printed it at its end, or as ese-lab "
                                            "watch has it for --run");
    if (another != NULL)
        return ese_fail(error, ESE_E_USAGE, "'%.100s' is one too many beside '%.100s': name one run's directory",
                        another, *directory);
    return 0;
}

/* ---- one event's story ----------------------------------------------------------------------- */

static int explain_over(const char *directory, const struct ese_results *results,
                        struct ese_results_transport *transport, const struct ese_id *id, struct ese_buffer *text,
                        struct ese_error *error)
{
    const struct ese_registry_entry *entry;
    char label[128], path[ESE_ARTIFACT_PATH_SIZE];
    ese_artifact_label(transport->name, label, sizeof label);
    if (ese_artifact_path(directory, label, path, error) < 0)
        return -1;
    bool is_known = ese_registry_find(transport->name, &entry, NULL) == 0;
    const struct ese_explain asked = {
        .directory = path,
        .schedule_ns = transport->schedule_ns,
        .id = *id,
        .deeds = &transport->deeds,
        .members = transport->members,
        .partition_name = is_known ? entry->transport->consume->partition_name : NULL,
    };
    struct ese_buffer story = ESE_BUFFER_INIT(1 << 20);
    struct ese_buffer told = ESE_BUFFER_INIT(ESE_STORY_SIZE);
    bool is_told = ese_explain_event(&asked, &story);
    int status = is_told && is_known ? judge_again(directory, results, transport, id, &told, error) : 0;
    ese_explain_judged(&told, &story);
    if (is_told)
        ese_buffer_printf(text, "over %s:\n%s", transport->name, story.text);
    ese_buffer_free(&story);
    ese_buffer_free(&told);
    return status == 0 ? is_told : status;
}

static int explain_own(const char *directory, const char *name, const int64_t *stale_ms, struct ese_buffer *text,
                       struct ese_error *error)
{
    struct ese_results results;
    struct ese_id id;
    int told = 0;
    if (ese_running_is(directory))
        return ese_fail(error, ESE_E_USAGE,
                        "--explain: of a walk that goes on only sums are kept: see ese-lab history for its histories");
    if (ese_id_parse(name, &id, NULL) < 0)
        return ese_fail(error, ESE_E_USAGE, "--explain '%.100s' is no id: give one as the stories behind the table, or "
                                            "ese-lab history, tell them", name);
    if (ese_results_read(directory, &results, error) < 0)
        return -1;
    if (stale_ms != NULL)
        results.stale_after_ms = *stale_ms;
    for (int i = 0; i < results.count; i++) {
        int said = explain_over(directory, &results, &results.transports[i], &id, text, error);
        if (said < 0)
            return -1;
        told += said;
    }
    return told > 0 ? 0 : NOBODY;
}

static int explain_foreign(const char *directory, const char *name, const int64_t *stale_ms, struct ese_buffer *text,
                           struct ese_error *error)
{
    struct ese_results results;
    struct ese_foreign foreign = {.explained = name, .explanation = text, .stale_asked_ms = stale_ms};
    if (ese_foreign_judge(directory, &foreign, &results, error) < 0)
        return -1;
    return foreign.was_explained ? 0 : NOBODY;
}

static void print_story_as_json(const char *name, char *text)
{
    json_t *lines = json_array();
    ese_json_make_utf8(text); /* words of logs may be anything */
    for (char *line = strsep(&text, "\n"); text != NULL; line = strsep(&text, "\n"))
        json_array_append_new(lines, json_string(line));
    json_t *object = json_pack("{s:s, s:o}", "id", name, "story", lines);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

static int explain(const struct ese_config *config, const char *directory, const char *name, const int64_t *stale_ms,
                   struct ese_error *error)
{
    if (ese_config_flag(config, "ndjson"))
        return ese_fail(error, ESE_E_USAGE, "--ndjson: an event's story has no figures; give --json");
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 22);
    int status = ese_foreign_is(directory) ? explain_foreign(directory, name, stale_ms, &text, error)
                                           : explain_own(directory, name, stale_ms, &text, error);
    if (status == 0 && ese_config_flag(config, "json"))
        print_story_as_json(name, text.text);
    else if (status == 0)
        fputs(text.text, stdout);
    if (status == NOBODY)
        ese_log_error("nobody in %s says anything of the event %s", directory, name);
    ese_buffer_free(&text);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int fail(struct ese_error *error)
{
    if (error->code == ESE_E_USAGE)
        return -1;
    ese_log_error("%s", error->text);
    return CANNOT_TELL;
}

static int run_check(const struct ese_config *config, struct ese_error *error)
{
    struct ese_results results;
    bool is_bound_asked = ese_config_text(config, "stale-after-ms") != NULL;
    const int64_t bound_ms = is_bound_asked ? ese_config_number(config, "stale-after-ms") : 0;
    const int64_t *stale_ms = is_bound_asked ? &bound_ms : NULL;
    struct ese_foreign foreign = {.explained = NULL, .stale_asked_ms = stale_ms};
    const char *directory, *explained = ese_config_text(config, "explain");
    if (ese_results_form_check(config, error) < 0 || choose_directory(config, &directory, error) < 0)
        return -1;
    if (explained != NULL) {
        int status = explain(config, directory, explained, stale_ms, error);
        return status < 0 ? fail(error) : status;
    }
    if (judge_all(directory, &foreign, &results, error) < 0)
        return fail(error);
    if (!ese_results_print(config, &results))
        print_table(&results, ese_running_is(directory));
    return ese_report_exit_status(&results, ese_config_flag(config, "strict"));
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab check",
        .summary = "repeats the ledger of a run from its artifacts",
        .synopsis = "DIR",
        .description = "Reads the histories, the consumer's state, the mailer's outbox, the store as it was read "
                       "back and the mails in DIR, and judges again. The cost is what was measured then.\n\n"
                       "Behind the table stand single cases: of each kind of fault the first, three people who "
                       "never got their mail, and ten of the mails of which the mailer cannot tell whether it has "
                       "sent them.\n\n"
                       "Of a walk that goes on under the eyes of ese-lab watch, DIR being its run, it judges "
                       "what was due until now: it waits until that has settled. Of such a walk only sums are "
                       "kept, and no cases told.\n\n"
                       "The exit status is 0 when every ledger balances, 1 when one does not, 2 when one "
                       "cannot be told.",
        .examples = NULL,
    },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run_check,
};

static int check_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_check = {
    .name = "check",
    .summary = "repeats the ledger of a run from its artifacts",
    .main = check_main,
};
