/* ese-lab scenario: runs that are texts. They are listed, shown, done, and what they say is looked at. */
#include "orchestration/lab/scenarios.h"

#include <jansson.h>
#include <string.h>

#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/comparison.h"
#include "orchestration/lab/group_options.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/results_form.h"
#include "orchestration/lab/scenario.h"
#include "orchestration/lab/scenario_outcome.h"

#define NAME "ese-lab scenario"
#define SCHEDULE "schedule.txt"

static const struct ese_option options[] = {
    {.name = "scenarios", .kind = ESE_OPTION_TEXT, .value = "DIR", .fallback = "orchestration/scenarios",
     .help = "Where they are: NAME.scenario."},
    {.name = "small", .kind = ESE_OPTION_FLAG, .help = "Smaller loads and shorter waits: a quarter of a minute each."},
    {.name = "beside", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = 8,
     .help = "With run all: so many at once of those that leave room."},
    {.name = "lie", .kind = ESE_OPTION_FLAG,
     .help = "Draw beside the acknowledgements' times what a closed loop would have measured in this very run, as "
             "compare --lie does."},
    {.name = "json", .kind = ESE_OPTION_FLAG,
     .help = "Print what became of it as JSON; with run all an object a line, as each is over."},
    ESE_RESULTS_NDJSON_OPTION,
    {.name = "quiet", .kind = ESE_OPTION_FLAG,
     .help = "No picture while it runs, no table behind it, and no warnings but by --log-level."},
    ESE_OPTION_END,
};

static struct {
    int count;
    char **words; /* on the command line: those that run one scenario of all need them */
    const char *beside[ESE_SCENARIO_OPTIONS + 1]; /* of the options, those that were given beside the text */
    bool has_level; /* --log-level, or what stands for it: also where that is what it would have been by itself */
    bool lacks_all; /* of the transports that the text names: that is the build's, and no fault of the text's */
} given;

static bool is_beside(const char *name)
{
    int i = 0;
    while (given.beside[i] != NULL && strcmp(given.beside[i], name) != 0)
        i++;
    return given.beside[i] != NULL;
}

/* Of what is done, that by which the same is refused, other than by what was done before; 0: by none. */
static int64_t find_step(const struct ese_scenario *scenario, struct ese_comparison *comparison)
{
    const char *const *refused = comparison->refused;
    struct ese_fault some = scenario->fault;
    int64_t line = 0;
    comparison->run.fault = &some;
    for (some.count = 1; line == 0 && some.count <= scenario->fault.count; some.count++) {
        if (ese_comparison_check(comparison, NULL) < 0 && comparison->refused == refused)
            line = scenario->step_lines[some.count - 1];
    }
    comparison->run.fault = &scenario->fault;
    return line;
}

/* Where the text says what is refused; 0: nowhere, it is what was given beside it. */
static int64_t find_line(const struct ese_scenario *scenario, struct ese_comparison *comparison)
{
    int64_t line = 0;
    for (const char *const *name = comparison->refused; *name != NULL; name++) {
        if (is_beside(*name))
            return 0;
        for (int i = 0; i < scenario->option_count && line == 0; i++)
            line = strcmp(scenario->options[i].name, *name) == 0 ? scenario->options[i].line : 0;
    }
    return line > 0 ? line : find_step(scenario, comparison);
}

static int64_t seed_of(const struct ese_config *config)
{
    int64_t seed = ESE_SCENARIO_OWN_SEED;
    const char *text = ese_config_peek(config, "seed");
    if (text != NULL) /* whether it is a number is said when all is settled */
        ese_number_parse(text, "--seed", 0, INT64_MAX, &seed, NULL);
    return seed;
}

static int read_comparison(const struct ese_config *config, const struct ese_scenario *scenario,
                   struct ese_comparison *comparison, struct ese_error *error)
{
    if (ese_comparison_read(config, NULL, comparison, error) < 0)
        return -1;
    comparison->run.fault = &scenario->fault;
    comparison->run.scenario = scenario->name;
    comparison->run.question = scenario->predict;
    comparison->run.is_small = ese_config_flag(config, "small");
    return ese_comparison_check(comparison, error);
}

/* They may be given beside the text. */
static int check_readers(const struct ese_scenario *scenario, const struct ese_comparison *comparison,
                         struct ese_error *error)
{
    int64_t line = 0;
    if (ese_scenario_check_readers(scenario, comparison->run.readers, &line, error) == 0)
        return 0;
    return is_beside("readers") ? -1 : ese_scenario_fail_in_line(scenario->path, line, error);
}

/* As far as it goes without starting anything: what would be refused then is refused here. */
static int prepare(const struct ese_config *config, const struct ese_scenario *scenario,
                   struct ese_comparison *comparison, struct ese_error *error)
{
    if (read_comparison(config, scenario, comparison, error) == 0)
        return check_readers(scenario, comparison, error);
    int64_t line = given.lacks_all ? 0 : find_line(scenario, comparison);
    return line > 0 ? ese_scenario_fail_in_line(scenario->path, line, error) : -1;
}

static int show_it(const struct ese_config *config, const struct ese_scenario *scenario,
                   struct ese_comparison *comparison, struct ese_error *error)
{
    if (prepare(config, scenario, comparison, error) < 0)
        return -1;
    ese_scenarios_show(config, scenario);
    return 0;
}

/* ---- run ------------------------------------------------------------------------------------- */

static void print_tables(const struct ese_config *config, const struct ese_results *results)
{
    bool is_quiet = ese_config_flag(config, "quiet");
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    if (!is_quiet)
        ese_report_table(results, &text);
    if (ese_config_flag(config, "lie"))
        ese_report_lie(results, &text);
    if (!is_quiet) {
        ese_report_stories(results, &text);
        ese_buffer_text(&text, "\nWHAT HAD TO HOLD\n");
    }
    fputs(text.text == NULL ? "" : text.text, stdout);
    ese_buffer_free(&text);
}

static void print_outcome(const struct ese_config *config, const struct ese_scenario *scenario,
                          const struct ese_scenario_outcome *outcome, const char *directory)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    ese_scenario_outcome_write(outcome, ese_config_flag(config, "quiet"), &text);
    ese_buffer_printf(&text, "%s: %d of %d expectations hold", scenario->name, outcome->met, outcome->looked_at);
    if (outcome->withheld > 0)
        ese_buffer_printf(&text, ", %d more are about time, which is withheld", outcome->withheld);
    if (outcome->verdict.word == ESE_VERDICT_CANNOT_TELL)
        ese_buffer_printf(&text, "; nothing is shown: %s", outcome->verdict.reason);
    ese_buffer_printf(&text, "; artifacts in %s\n", directory);
    fputs(text.text, stdout);
    ese_buffer_free(&text);
}

static void print_json(const struct ese_scenario *scenario, const struct ese_comparison *comparison,
                       const struct ese_scenario_outcome *outcome)
{
    char *text = ese_results_text(&comparison->results), *directory = ese_copy_text(comparison->directory);
    ese_json_make_utf8(directory); /* a path may be anything */
    json_t *all = json_pack("{s:s, s:s, s:{s:s, s:s}, s:O, s:o}", "scenario", scenario->name, "directory",
                            directory, "verdict", "word", ese_verdict_text(outcome->verdict.word), "reason",
                            outcome->verdict.reason, "expectations", outcome->expectations, "results",
                            json_loads(text, 0, NULL));
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
    free(directory);
    free(text);
}

/* Into results.json as well: what is shown of the run later has to have it. */
static int tell(const struct ese_config *config, const struct ese_scenario *scenario,
                struct ese_comparison *comparison, struct ese_error *error)
{
    struct ese_scenario_outcome outcome;
    ese_scenario_look(scenario, &comparison->results, &outcome);
    comparison->results.expectations = outcome.expectations;
    comparison->results.scenario_verdict = &outcome.verdict;
    int status = ese_results_write(comparison->directory, &comparison->results, error);
    if (status == 0 && ese_config_flag(config, "json")) {
        print_json(scenario, comparison, &outcome);
    } else if (status == 0 && !ese_results_print(config, &comparison->results)) {
        print_tables(config, &comparison->results);
        print_outcome(config, scenario, &outcome, comparison->directory);
    }
    comparison->results.expectations = NULL;
    comparison->results.scenario_verdict = NULL;
    if (status == 0)
        status = outcome.verdict.word == ESE_VERDICT_PASS ? 0 : 1;
    ese_scenario_outcome_free(&outcome);
    return status;
}

/* Beside the artifacts: what was drawn for this seed. */
static int keep_schedule(const struct ese_config *config, const struct ese_scenario *scenario, const char *directory,
                         struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    if (ese_artifact_path(directory, SCHEDULE, path, error) < 0)
        return -1;
    ese_scenarios_schedule(config, scenario, &text);
    FILE *file = fopen(path, "we");
    int status = file == NULL || fwrite(text.text, 1, text.length, file) != text.length ? -1 : 0;
    if (file != NULL && fclose(file) != 0)
        status = -1;
    ese_buffer_free(&text);
    return status == 0 ? 0 : ese_fail_errno(error, "cannot write %.300s", path);
}

static int run_it(const struct ese_config *config, const struct ese_scenario *scenario,
                  struct ese_comparison *comparison, struct ese_error *error)
{
    if (prepare(config, scenario, comparison, error) < 0 || ese_comparison_open(config, comparison, error) < 0 ||
        keep_schedule(config, scenario, comparison->directory, error) < 0)
        return -1;
    if (ese_config_flag(config, "quiet") && !given.has_level)
        ese_log_open(NAME, ESE_LOG_ERROR); /* the lab reads as its consumers do, whose warnings are in their logs */
    struct ese_picture *picture = ese_picture_new(scenario->title, scenario->fault.count > 0 ? &scenario->fault : NULL,
                                                  ese_config_flag(config, "quiet"));
    struct ese_run_watch watch = {.show = ese_picture_show, .context = picture};
    int status = ese_comparison_run(comparison, &watch, error);
    ese_picture_free(&picture);
    return status < 0 ? -1 : tell(config, scenario, comparison, error);
}

static int with_one(const struct ese_config *config, const char *name,
                    int (*act)(const struct ese_config *config, const struct ese_scenario *scenario,
                               struct ese_comparison *comparison, struct ese_error *error),
                    struct ese_error *error)
{
    struct ese_scenario *scenario;
    if (ese_scenarios_read(config, name, ese_config_number(config, "seed"), &scenario, error) < 0)
        return -1;
    struct ese_comparison *comparison = ese_alloc(sizeof *comparison);
    int status = act(config, scenario, comparison, error);
    ese_comparison_free(comparison);
    free(comparison);
    ese_scenario_free(&scenario);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int check_form(const struct ese_config *config, const char *verb, struct ese_error *error)
{
    if (ese_results_form_check(config, error) < 0)
        return -1;
    if (!ese_config_flag(config, "ndjson") || (verb != NULL && strcmp(verb, "run") == 0))
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--ndjson: only a run has figures; give --json to list or show");
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    const char *verb = ese_config_argument(config, 0), *name = ese_config_argument(config, 1);
    const char *more = ese_config_argument(config, name == NULL ? 1 : 2);
    if (check_form(config, verb, error) < 0)
        return -1;
    if (verb != NULL && strcmp(verb, "list") == 0 && name == NULL)
        return ese_scenarios_list(config, error);
    if (verb == NULL || more != NULL || name == NULL)
        return ese_fail(error, ESE_E_USAGE, "say list, show NAME, run NAME or run all");
    if (strcmp(verb, "show") == 0)
        return with_one(config, name, show_it, error);
    if (strcmp(verb, "run") != 0)
        return ese_fail(error, ESE_E_USAGE, "'%.40s' is nothing to do with a scenario: list, show or run", verb);
    return strcmp(name, "all") == 0 ? ese_scenarios_run_all(config, given.count, given.words, error)
                                    : with_one(config, name, run_it, error);
}

/* A lesson is there for what it shows: it has to be named, where it is not compared by default. */
static bool is_run_unnamed(const struct ese_registry_entry *entry)
{
    return entry->compared || strchr(entry->transport->name, '+') == NULL;
}

/* Those that this build has, of what the scenario names; all that need not be named, where it names none. */
static void give_transports(struct ese_config *config, const char *wanted)
{
    struct ese_buffer names = ESE_BUFFER_INIT(1024);
    char *list = ese_copy_text(wanted), *rest = list;
    const struct ese_registry_entry *entry;
    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        if (ese_registry_find(word, &entry, NULL) == 0)
            ese_buffer_printf(&names, "%s%s", names.length > 0 ? "," : "", word);
    }
    for (entry = ese_registry(); wanted == NULL && entry->transport != NULL; entry++) {
        if (is_run_unnamed(entry))
            ese_buffer_printf(&names, "%s%s", names.length > 0 ? "," : "", entry->transport->name);
    }
    given.lacks_all = names.length == 0;
    if (names.length > 0 || wanted != NULL) /* with none of them it is none's, and not the others' either */
        ese_config_give(config, "transports", names.length > 0 ? names.text : wanted);
    free(list);
    ese_buffer_free(&names);
}

/* What polls is waited for once more in the end: in a quarter of a minute it has to be sooner than by itself. */
#define SMALL_POLL_MS "1000"

static void note_given(const struct ese_config *config, const struct ese_option *table, int *count)
{
    for (; table->name != NULL; table++) {
        if (ese_config_peek(config, table->name) != NULL && *count < ESE_SCENARIO_OPTIONS)
            given.beside[(*count)++] = table->name;
    }
}

/* Before it is settled. */
static bool is_small(const struct ese_config *config)
{
    const char *small = ese_config_peek(config, "small");
    return small != NULL && strcmp(small, "false") != 0;
}

static void give_options(struct ese_config *config, const struct ese_scenario *scenario)
{
    for (int i = 0; i < scenario->option_count; i++) {
        const char *name = scenario->options[i].name;
        if (ese_config_peek(config, name) == NULL && strcmp(name, "transports") != 0)
            ese_config_give(config, name, scenario->options[i].value);
    }
    if (ese_config_peek(config, "transports") == NULL)
        give_transports(config, ese_scenario_option(scenario, "transports"));
    if (is_small(config) && ese_config_peek(config, "poll-ms") == NULL)
        ese_config_give(config, "poll-ms", SMALL_POLL_MS);
}

/* Who runs one has compare's options, and who is shown one, so that he is told what a run would be; what the scenario
 * says of them is weaker than what is given. */
static int choose(struct ese_config *config, struct ese_error *error)
{
    const char *verb = ese_config_argument(config, 0);
    struct ese_scenario *scenario;
    int count = 0;
    ese_config_add(config, "Options of the run", ese_comparison_options);
    ese_config_add(config, "Options of the group", ese_group_options);
    given.has_level = ese_config_peek(config, "log-level") != NULL;
    const char *name = ese_config_argument(config, 1);
    if (verb == NULL || name == NULL || strcmp(name, "all") == 0 ||
        (strcmp(verb, "run") != 0 && strcmp(verb, "show") != 0))
        return 0;
    const char *directory = ese_config_peek(config, "scenarios");
    if (ese_scenario_read(directory != NULL ? directory : ese_option_find(options, "scenarios")->fallback, name,
                          is_small(config) ? ESE_SCENARIO_SMALL : ESE_SCENARIO_FULL, seed_of(config), &scenario,
                          error) < 0)
        return -1;
    note_given(config, ese_comparison_options, &count);
    note_given(config, ese_group_options, &count);
    give_options(config, scenario);
    ese_scenario_free(&scenario);
    return 0;
}

static const struct ese_service service = {
    .manual = {
        .name = NAME,
        .summary = "runs one question at a time: a story, a load, what goes wrong, and what must hold",
        .synopsis = "list | show NAME | run NAME | run all",
        .description =
            "A scenario is a text (docs/scenarios.md): a story, a schedule of load and faults, what to predict, and "
            "what must hold for each transport. list names all of them, show prints one, run does it over every "
            "transport this build has, by the same schedule, and says which expectations hold.\n\n"
            "run takes options of compare's as well, which have the last word over the scenario's.\n\n"
            "The exit status is 0 when every expectation holds, and 1 when one does not, or when nothing is shown: "
            "where nothing could be looked at, or all that is about time had to be withheld in a scenario that is "
            "about time.",
        .examples = "ese-lab scenario list\n"
                    "  All of them, with their titles\n"
                    "ese-lab scenario run consumer-down --small\n"
                    "  The reader is away: in a quarter of a minute\n",
    },
    .options = options,
    .is_command = true,
    .choose = choose,
    .run = run,
};

static int scenario_main(int argc, char **argv)
{
    given.count = argc - 1;
    given.words = argv + 1;
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_scenario = {
    .name = "scenario",
    .summary = "one question at a time: a story, a load, what goes wrong, and what must hold",
    .main = scenario_main,
};
