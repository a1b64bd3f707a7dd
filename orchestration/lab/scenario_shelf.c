/* Scenarios that lie in a directory: one by its name, the names of all, and whom they may name. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/journey.h"
#include "orchestration/lab/results.h"
#include "orchestration/lab/scenario.h"
#include "orchestration/lab/text_lines.h"
#include "transports/registry.h"

/* ---- transports ------------------------------------------------------------------------------ */

/* A build may lack a transport that a text names. Then nothing is expected of it; but a name that nobody has ever heard
 * of is a slip, by which an expectation would be passed over for good. */
static int is_listed(const char *directory, const char *name, size_t length, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_text_lines lines;
    int next = 0, found = 0;
    snprintf(path, sizeof path, "%s/" ESE_SCENARIO_TRANSPORTS, directory);
    if (access(path, F_OK) != 0)
        return 0;
    if (ese_text_lines_open(path, &lines, error) < 0)
        return -1;
    while (found == 0 && (next = ese_text_lines_next(&lines, error)) == 1)
        found = lines.length == length && strncmp(lines.text, name, length) == 0;
    if (next < 0)
        ese_scenario_fail_in_line(path, lines.number, error);
    ese_text_lines_close(&lines);
    return next < 0 ? -1 : found;
}

/* One with its options, if it is of this build; else its name has to be known. */
static int check_name(const char *directory, const char *specification, struct ese_error *error)
{
    const struct ese_registry_entry *entry;
    if (ese_registry_find(specification, &entry, error) == 0)
        return ese_journey_check(specification, ESE_DURABILITY_OS, NULL, error);
    int found = is_listed(directory, specification, strcspn(specification, ":"), error);
    return found == 1 ? 0
           : found < 0 ? -1
                       : ese_fail_within(error, "'%.60s' is not of this build, nor named in %s", specification,
                                         ESE_SCENARIO_TRANSPORTS);
}

/* Whether any of the run's is meant. list: of the text; NULL: all that the build has, each without options. */
static int check_part(const char *list, const char *name, struct ese_error *error)
{
    char *names = ese_copy_text(list == NULL ? "" : list), *rest = names;
    bool is_there = list == NULL && strchr(name, ':') == NULL;
    for (const char *one = strsep(&rest, ","); one != NULL; one = strsep(&rest, ","))
        is_there = is_there || ese_expectation_is_named(name, strlen(name), one);
    free(names);
    return is_there ? 0
                    : ese_fail(error, ESE_E_USAGE, "'%.60s' does not take part: name it in 'with transports', or "
                                                   "nothing is looked at", name);
}

static int check_expectation(const char *directory, const char *list, const struct ese_expectation *expectation,
                             struct ese_error *error)
{
    const char *name;
    size_t length;
    for (int i = 0; (name = ese_expectation_named(expectation, i, &length)) != NULL; i++) {
        char *specification = ese_copy_bytes(name, length);
        int status = check_name(directory, specification, error);
        if (status == 0)
            status = check_part(list, specification, error);
        free(specification);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int check_list(const char *directory, const char *list, struct ese_error *error)
{
    char *names = ese_copy_text(list), *rest = names;
    int status = 0;
    for (char *name = strsep(&rest, ","); name != NULL && status == 0; name = strsep(&rest, ","))
        status = check_name(directory, name, error);
    free(names);
    return status;
}

/* A figure that no run has is a slip, which would be found out when it has run. */
static int check_figures(const struct ese_scenario *scenario, int64_t *line, struct ese_error *error)
{
    json_t *specimen = ese_results_specimen();
    int status = 0;
    for (int i = 0; i < scenario->expectation_count && status == 0; i++) {
        *line = scenario->expectation_lines[i];
        status = ese_expectation_check(scenario->expectations[i], specimen, error);
    }
    json_decref(specimen);
    return status;
}

int ese_scenario_check_readers(const struct ese_scenario *scenario, int64_t readers, int64_t *line,
                               struct ese_error *error)
{
    int status = 0;
    for (int i = 0; i < scenario->expectation_count && status == 0; i++) {
        *line = scenario->expectation_lines[i];
        status = ese_expectation_check_readers(scenario->expectations[i], readers, error);
    }
    return status;
}

static int check_names(const struct ese_scenario *scenario, const char *directory, int64_t *line,
                       struct ese_error *error)
{
    for (int i = 0; i < scenario->option_count; i++) {
        *line = scenario->options[i].line;
        if (strcmp(scenario->options[i].name, "transports") == 0 &&
            check_list(directory, scenario->options[i].value, error) < 0)
            return -1;
    }
    for (int i = 0; i < scenario->expectation_count; i++) {
        *line = scenario->expectation_lines[i];
        if (check_expectation(directory, ese_scenario_option(scenario, "transports"), scenario->expectations[i],
                              error) < 0)
            return -1;
    }
    return 0;
}

/* ---- one of them ----------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < ESE_SCENARIO_NAME_SIZE &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

int ese_scenario_read(const char *directory, const char *name, enum ese_scenario_size size, int64_t seed,
                      struct ese_scenario **scenario, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    int64_t line = 0;
    snprintf(path, sizeof path, "%s/%s" ESE_SCENARIO_ENDING, directory, name);
    if (!is_name(name) || access(path, F_OK) != 0)
        return ese_fail(error, ESE_E_USAGE, "there is no scenario '%.60s' in %.300s: see ese-lab scenario list", name,
                        directory);
    if (ese_scenario_read_text(path, name, size, seed, scenario, error) < 0)
        return -1;
    if (check_names(*scenario, directory, &line, error) == 0 && check_figures(*scenario, &line, error) == 0)
        return 0;
    ese_scenario_free(scenario);
    return ese_scenario_fail_in_line(path, line, error);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int is_scenario(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), ending = strlen(ESE_SCENARIO_ENDING);
    return length > ending && strcmp(entry->d_name + length - ending, ESE_SCENARIO_ENDING) == 0;
}

int ese_scenario_list(const char *directory, char ***names, size_t *count, struct ese_error *error)
{
    struct dirent **entries;
    int found = scandir(directory, &entries, is_scenario, alphasort);
    if (found < 0)
        return ese_fail(error, ESE_E_MISSING, "no scenarios in '%.300s': %s; give the directory they are in by "
                                              "--scenarios",
                        directory, strerror(errno));
    if (found == 0) {
        free(entries);
        return ese_fail(error, ESE_E_MISSING, "no scenarios in '%.300s': nothing there is called "
                                              "NAME" ESE_SCENARIO_ENDING "; give the directory they are in by "
                                              "--scenarios", directory);
    }
    *names = ese_alloc(((size_t)found + 1) * sizeof **names);
    *count = (size_t)found;
    for (int i = 0; i < found; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - strlen(ESE_SCENARIO_ENDING)] = '\0';
        (*names)[i] = ese_copy_text(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
