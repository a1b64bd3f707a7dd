/* All scenarios, each in a process of its own: what one leaves, another does not find. */
#include <jansson.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/process.h"
#include "orchestration/lab/results_form.h"
#include "orchestration/lab/run_directory.h"
#include "orchestration/lab/scenario.h"
#include "orchestration/lab/scenarios.h"

#define LOOK_EVERY_MS 50
#define STOP_LIMIT_MS 10000
#define BROKEN "  NO   " /* begins a line of an expectation that does not hold */

struct one {
    char *name;
    bool is_alone;
    struct ese_process *process; /* NULL: not begun */
    int64_t begun_ns;
    bool is_over;
};

struct all {
    const struct ese_config *config;
    int word_count;
    char **words; /* of the command line, for each */
    char directory[ESE_ARTIFACT_PATH_SIZE];
    struct one *ones;
    size_t count;
    size_t well;
};

/* But for what they run, and where to: that is each one's own. */
static bool is_for_each(const struct all *all, int i)
{
    static const char *const own[] = {"run", "all", "--json", "--ndjson", "--quiet"};
    size_t length = strcspn(all->words[i], "=");
    for (size_t k = 0; k < ESE_COUNT_OF(own); k++) {
        if (strlen(own[k]) == length && strncmp(all->words[i], own[k], length) == 0)
            return false;
    }
    return strncmp(all->words[i], "--out", 5) != 0 && (i == 0 || strcmp(all->words[i - 1], "--out") != 0);
}

static int begin(struct all *all, struct one *one, struct ese_error *error)
{
    char log[ESE_ARTIFACT_PATH_SIZE + 64], out[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(log, sizeof log, "%s/%s.log", all->directory, one->name);
    snprintf(out, sizeof out, "%s/%s", all->directory, one->name);
    one->process = ese_process_new(one->name, log);
    const char *const first[] = {"/proc/self/exe", "scenario", "run", one->name, "--quiet"};
    for (size_t i = 0; i < ESE_COUNT_OF(first); i++)
        ese_process_argument(one->process, first[i]);
    for (int i = 0; i < all->word_count; i++) {
        if (is_for_each(all, i))
            ese_process_argument(one->process, all->words[i]);
    }
    ese_process_option(one->process, "--out", out);
    ese_process_keep_settings(one->process);
    one->begun_ns = ese_clock_monotonic_ns();
    return ese_process_start(one->process, error);
}

/* What it has said of expectations that do not hold, and otherwise its last words: a text each. */
static json_t *what_was_wrong(const struct all *all, const struct one *one)
{
    char path[ESE_ARTIFACT_PATH_SIZE + 64], line[512];
    json_t *wrong = json_array();
    snprintf(path, sizeof path, "%s/%s.log", all->directory, one->name);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        ese_json_make_utf8(line); /* it may have been cut */
        if (strncmp(line, BROKEN, strlen(BROKEN)) == 0)
            json_array_append_new(wrong, json_string(line + strlen(BROKEN)));
    }
    if (file != NULL)
        fclose(file);
    if (json_array_size(wrong) == 0) {
        ese_process_last_words(one->process, line, sizeof line);
        ese_json_make_utf8(line);
        json_array_append_new(wrong, json_string(line));
    }
    return wrong;
}

static void print_as_json(const struct all *all, const struct one *one, bool is_well, double seconds, json_t *wrong)
{
    char directory[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(directory, sizeof directory, "%s/%s", all->directory, one->name);
    ese_json_make_utf8(directory); /* a path may be anything */
    json_t *line = json_pack("{s:s, s:s, s:f, s:b, s:O}", "name", one->name, "directory", directory, "seconds", seconds,
                             "holds", is_well, "wrong", wrong);
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(line);
}

/* Of one that has not run there are no figures: what was wrong with it is said to people. */
static void print_as_lines(const struct all *all, const struct one *one, const json_t *wrong)
{
    char path[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s/" ESE_ARTIFACT_RESULTS, all->directory, one->name);
    json_t *results = json_load_file(path, 0, NULL), *text;
    size_t i;
    if (results != NULL && ese_results_print_lines(results, stdout) == 0) {
        json_decref(results);
        return;
    }
    json_decref(results);
    json_array_foreach(wrong, i, text)
        ese_log_error("%s has no results: %s", one->name, json_string_value(text));
}

static void finish(struct all *all, struct one *one)
{
    bool is_well = ese_process_status(one->process) == 0;
    double seconds = (double)(ese_clock_monotonic_ns() - one->begun_ns) / ESE_NS_PER_S;
    json_t *wrong = is_well ? json_array() : what_was_wrong(all, one), *text;
    size_t i;
    one->is_over = true;
    all->well += is_well;
    if (ese_config_flag(all->config, "json")) {
        print_as_json(all, one, is_well, seconds, wrong);
    } else if (ese_config_flag(all->config, "ndjson")) {
        print_as_lines(all, one, wrong);
    } else {
        printf("%-3s  %-22s %6.1f s\n", is_well ? "yes" : "NO", one->name, seconds);
        json_array_foreach(wrong, i, text)
            printf("       %s\n", json_string_value(text));
    }
    json_decref(wrong);
    fflush(stdout);
}

/* Whether another may begin beside those that run. */
static bool has_room(const struct all *all, const struct one *next, int running, bool alone_runs)
{
    if (next->is_alone)
        return running == 0;
    return !alone_runs && running < (int)ese_config_number(all->config, "beside");
}

/* Begins what may begin, notes what is over. 1: something is left to do. */
static int go_on(struct all *all, struct ese_error *error)
{
    int running = 0, left = 0;
    bool alone_runs = false;
    for (size_t i = 0; i < all->count; i++) {
        struct one *one = &all->ones[i];
        if (one->process != NULL && !one->is_over && !ese_process_running(one->process))
            finish(all, one);
        running += one->process != NULL && !one->is_over;
        alone_runs = alone_runs || (one->is_alone && one->process != NULL && !one->is_over);
    }
    for (size_t i = 0; i < all->count; i++) {
        struct one *one = &all->ones[i];
        left += !one->is_over;
        if (one->process != NULL || !has_room(all, one, running, alone_runs))
            continue;
        if (begin(all, one, error) < 0)
            return -1;
        running++;
        alone_runs = one->is_alone;
    }
    return left > 0;
}

static int find_all(struct all *all, struct ese_error *error)
{
    const char *directory = ese_config_text(all->config, "scenarios");
    char **names;
    if (ese_scenario_list(directory, &names, &all->count, error) < 0)
        return -1;
    all->ones = ese_alloc((all->count + 1) * sizeof *all->ones);
    for (size_t i = 0; i < all->count; i++) {
        struct ese_scenario *scenario = NULL;
        all->ones[i].name = names[i]; /* what is wrong with a text is said by its own run */
        if (ese_scenario_read(directory, names[i], ESE_SCENARIO_FULL, 0, &scenario, NULL) == 0)
            all->ones[i].is_alone = scenario->is_alone;
        ese_scenario_free(&scenario);
    }
    free(names);
    return 0;
}

static void end(struct all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->ones[i].process != NULL && !all->ones[i].is_over)
            ese_process_stop(all->ones[i].process, STOP_LIMIT_MS);
        ese_process_free(&all->ones[i].process);
        free(all->ones[i].name);
    }
    free(all->ones);
}

int ese_scenarios_run_all(const struct ese_config *config, int count, char **words, struct ese_error *error)
{
    struct all all = {.config = config, .word_count = count, .words = words};
    int status = -1;
    if (find_all(&all, error) == 0 && ese_run_directory_make(ese_config_text(config, "out"), all.directory,
                                                             error) == 0) {
        status = 1;
        while (status == 1 && (status = go_on(&all, error)) == 1) {
            if (ese_service_wait(LOOK_EVERY_MS))
                status = ese_fail(error, ESE_E_CLOSED, "stopped before the end");
        }
    }
    if (status == 0) {
        if (!ese_config_flag(config, "json") && !ese_config_flag(config, "ndjson"))
            printf("%zu of %zu scenarios are as they should be; artifacts in %s\n", all.well, all.count,
                   all.directory);
        status = all.well == all.count ? 0 : 1;
    }
    end(&all);
    return status;
}
