#include "orchestration/lab/scenario.h"

#include <stddef.h>
#include <stdlib.h>

#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "orchestration/lab/results.h"
#include "orchestration/lab/text_lines.h"

struct reading {
    struct ese_scenario *scenario;
    enum ese_scenario_size size;
    int64_t line;
};

/* ---- a line a word --------------------------------------------------------------------------- */

/* Behind what was said before. */
static void go_on(char **text, const char *more)
{
    char *before = *text;
    size_t size = strlen(before) + strlen(more) + 2;
    *text = ese_alloc(size);
    snprintf(*text, size, "%s%s%s", before, before[0] == '\0' ? "" : "\n", more);
    free(before);
}

static int take_alone(struct reading *reading, char *rest, struct ese_error *error)
{
    reading->scenario->is_alone = true;
    return rest[0] == '\0' ? 0 : ese_fail(error, ESE_E_USAGE, "behind 'alone' there is '%.40s': it stands alone", rest);
}

static int take_option(struct reading *reading, char *rest, struct ese_error *error)
{
    struct ese_scenario *scenario = reading->scenario;
    size_t length = strcspn(rest, " \t");
    char *value = rest + length + strspn(rest + length, " \t");
    rest[length] = '\0';
    if (rest[0] == '\0' || value[0] == '\0' || value == rest + length)
        return ese_fail(error, ESE_E_USAGE, "'%.40s': write an option of compare's and its value: with rate 300", rest);
    if (ese_scenario_option(scenario, rest) != NULL)
        return ese_fail(error, ESE_E_USAGE, "'%.40s' is there twice: say it once", rest);
    if (scenario->option_count == ESE_SCENARIO_OPTIONS)
        return ese_fail(error, ESE_E_USAGE, "'%.40s' is one option too many: %d at most", rest, ESE_SCENARIO_OPTIONS);
    if (ese_scenario_check_option(rest, value, error) < 0)
        return -1;
    scenario->options[scenario->option_count].line = reading->line;
    scenario->options[scenario->option_count].name = ese_copy_text(rest);
    scenario->options[scenario->option_count++].value = ese_copy_text(value);
    return 0;
}

static int take_step(struct reading *reading, char *rest, struct ese_error *error)
{
    struct ese_scenario *scenario = reading->scenario;
    int place = scenario->fault.count;
    if (place == ESE_DEEDS)
        return ese_fail(error, ESE_E_USAGE, "'%.40s' is one deed too many: %d at most", rest, ESE_DEEDS);
    if (ese_scenario_step(rest, &scenario->steps[place], &scenario->instants[place], error) < 0)
        return -1;
    scenario->step_lines[place] = reading->line;
    scenario->fault.count++;
    return 0;
}

static int take_expectation(struct reading *reading, char *rest, struct ese_error *error)
{
    struct ese_scenario *scenario = reading->scenario;
    if (scenario->expectation_count == ESE_SCENARIO_EXPECTATIONS)
        return ese_fail(error, ESE_E_USAGE, "'%.40s' is one expectation too many: %d at most", rest,
                        ESE_SCENARIO_EXPECTATIONS);
    if (ese_expectation_read(rest, &scenario->expectations[scenario->expectation_count], error) < 0)
        return -1;
    scenario->expectation_lines[scenario->expectation_count++] = reading->line;
    return 0;
}

static const struct {
    const char *name;
    int (*take)(struct reading *reading, char *rest, struct ese_error *error); /* NULL: prose, in which a | is a | */
    size_t prose; /* where that is in a scenario */
} words[] = {
    {"title", NULL, offsetof(struct ese_scenario, title)},
    {"story", NULL, offsetof(struct ese_scenario, story)},
    {"predict", NULL, offsetof(struct ese_scenario, predict)},
    {"with", take_option, 0},
    {"at", take_step, 0},
    {"expect", take_expectation, 0},
    {"alone", take_alone, 0},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One with blanks on both sides. */
static char *find_bar(char *text)
{
    char *bar = strchr(text, '|');
    while (bar != NULL && !(bar > text && is_blank(bar[-1]) && is_blank(bar[1])))
        bar = strchr(bar + 1, '|');
    return bar;
}

/* Of "duration 30 | 6" the one or the other, wherever there are two: what a | stands between are words. But not in what
 * stands behind " -- ": that is prose again. */
static int choose_size(char *text, enum ese_scenario_size size, struct ese_error *error)
{
    for (char *bar = find_bar(text); bar != NULL; bar = find_bar(text)) {
        char *left = bar - 1, *right = bar + 1 + strspn(bar + 1, " \t");
        const char *reason = ese_expectation_find_reason(text);
        size_t length = strcspn(right, " \t");
        if (reason != NULL && reason < right)
            return 0;
        if (find_bar(right + length) == right + length + strspn(right + length, " \t") && right[length] != '\0')
            return ese_fail(error, ESE_E_USAGE, "behind '| %.*s' there is a third value: there are two sizes, for "
                                                "looking at and for --small, so a | stands between two", (int)length,
                            right);
        while (left > text && is_blank(left[-1]))
            left--;
        char *end = left;
        while (left > text && !is_blank(left[-1]))
            left--;
        if (size == ESE_SCENARIO_SMALL)
            memmove(left, right, strlen(right) + 1);
        else
            memmove(end, right + length, strlen(right + length) + 1);
    }
    return 0;
}

/* What is read here becomes JSON, which has no other bytes. */
static int check_bytes(const char *line, struct ese_error *error)
{
    enum { NAMED = 4 };
    const char *at = line;
    size_t length;
    while ((length = ese_json_character_length(at, strlen(at))) > 0)
        at += length;
    if (*at == '\0')
        return 0;
    char bytes[NAMED * 3 + 1] = "";
    for (size_t i = 0; i < NAMED && at[i] != '\0' && ese_json_character_length(at + i, strlen(at + i)) == 0; i++)
        snprintf(bytes + 3 * i, 4, " %02x", (unsigned char)at[i]);
    return ese_fail(error, ESE_E_INVALID, "there are bytes in it that are no UTF-8, from byte %zu on:%s: save the text "
                                          "as UTF-8", (size_t)(at - line) + 1, bytes);
}

static int take_prose(struct reading *reading, size_t prose, const char *rest, struct ese_error *error)
{
    struct ese_scenario *scenario = reading->scenario;
    go_on((char **)(void *)((char *)scenario + prose), rest);
    if (strlen(scenario->predict) < ESE_RESULTS_QUESTION_SIZE)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "with this line 'predict' has %zu bytes: %d at most; say less, or say it in "
                                        "'story'", strlen(scenario->predict), ESE_RESULTS_QUESTION_SIZE - 1);
}

static int take_line(struct reading *reading, char *line, struct ese_error *error)
{
    if (check_bytes(line, error) < 0)
        return -1;
    line += strspn(line, " \t");
    if (line[0] == '#' || line[0] == '\0')
        return 0;
    size_t length = strcspn(line, " \t");
    char *rest = line + length + strspn(line + length, " \t");
    for (size_t i = 0; i < ESE_COUNT_OF(words); i++) {
        if (strlen(words[i].name) != length || strncmp(words[i].name, line, length) != 0)
            continue;
        if (words[i].take == NULL)
            return take_prose(reading, words[i].prose, rest, error);
        return choose_size(rest, reading->size, error) < 0 ? -1 : words[i].take(reading, rest, error);
    }
    return ese_fail(error, ESE_E_USAGE, "no line begins with '%.*s': title, story, predict, with, at, expect or alone",
                    (int)(length < 40 ? length : 40), line);
}

/* ---- a file ---------------------------------------------------------------------------------- */

int ese_scenario_fail_in_line(const char *path, int64_t line, struct ese_error *error)
{
    ese_fail_within(error, "%s, line %lld", path, (long long)line);
    if (error != NULL)
        error->code = ESE_E_INVALID;
    return -1;
}

static int read_lines(struct reading *reading, const char *path, struct ese_error *error)
{
    struct ese_text_lines lines;
    int status = 0, next;
    if (ese_text_lines_open(path, &lines, error) < 0)
        return -1;
    while (status == 0 && (next = ese_text_lines_next(&lines, error)) != 0) {
        reading->line = lines.number;
        if (next < 0 || take_line(reading, lines.text, error) < 0)
            status = ese_scenario_fail_in_line(path, lines.number, error);
    }
    ese_text_lines_close(&lines);
    return status;
}

/* In the order in which they are written, so that a seed draws the same whatever comes first. */
static void draw_instants(struct ese_scenario *scenario, int64_t seed)
{
    scenario->seed = seed == ESE_SCENARIO_OWN_SEED ? ese_scenario_number(scenario, "seed") : seed;
    struct ese_random random = ese_random_seeded((uint64_t)scenario->seed, 0);
    for (int i = 0; i < scenario->fault.count; i++) {
        const struct ese_instants *instants = &scenario->instants[i];
        scenario->steps[i].after_ms = instants->from_ms;
        if (instants->until_ms > instants->from_ms)
            scenario->steps[i].after_ms += (int64_t)ese_random_below(
                &random, (uint64_t)(instants->until_ms - instants->from_ms + 1));
    }
}

/* By their instants; what is due at the same one stays as it is written. */
static void sort_steps(struct ese_scenario *scenario)
{
    for (int i = 1; i < scenario->fault.count; i++) {
        struct ese_fault_step step = scenario->steps[i];
        struct ese_instants instants = scenario->instants[i];
        int64_t line = scenario->step_lines[i];
        int place = i;
        for (; place > 0 && scenario->steps[place - 1].after_ms > step.after_ms; place--) {
            scenario->steps[place] = scenario->steps[place - 1];
            scenario->instants[place] = scenario->instants[place - 1];
            scenario->step_lines[place] = scenario->step_lines[place - 1];
        }
        scenario->steps[place] = step;
        scenario->instants[place] = instants;
        scenario->step_lines[place] = line;
    }
}

static int check(const struct ese_scenario *scenario, const char *path, struct ese_error *error)
{
    int64_t line = 0;
    const char *missing = scenario->title[0] == '\0'         ? "title"
                          : scenario->story[0] == '\0'       ? "story"
                          : scenario->predict[0] == '\0'     ? "predict"
                          : scenario->expectation_count == 0 ? "expect"
                                                             : NULL;
    if (missing != NULL)
        return ese_fail(error, ESE_E_INVALID, "%s: no line begins with '%s', and one has to", path, missing);
    return ese_scenario_check_deeds(scenario, &line, error) < 0 ? ese_scenario_fail_in_line(path, line, error) : 0;
}

int ese_scenario_read_text(const char *path, const char *name, enum ese_scenario_size size, int64_t seed,
                           struct ese_scenario **scenario, struct ese_error *error)
{
    struct ese_scenario *made = ese_alloc(sizeof *made);
    *scenario = made;
    snprintf(made->name, sizeof made->name, "%s", name);
    made->path = ese_copy_text(path);
    made->title = ese_copy_text("");
    made->story = ese_copy_text("");
    made->predict = ese_copy_text("");
    made->fault = (struct ese_fault){
        .name = made->name, .steps = made->steps, .from_the_start = true};
    struct reading reading = {.scenario = made, .size = size};
    int status = read_lines(&reading, path, error);
    if (status == 0) {
        made->fault.story = made->title; /* which has grown */
        draw_instants(made, seed);
        sort_steps(made);
        status = check(made, path, error);
    }
    if (status < 0)
        ese_scenario_free(scenario);
    return status;
}

void ese_scenario_free(struct ese_scenario **scenario)
{
    struct ese_scenario *old = *scenario;
    if (old == NULL)
        return;
    for (int i = 0; i < old->option_count; i++) {
        free(old->options[i].name);
        free(old->options[i].value);
    }
    for (int i = 0; i < old->expectation_count; i++)
        ese_expectation_free(&old->expectations[i]);
    free(old->path);
    free(old->title);
    free(old->story);
    free(old->predict);
    free(old);
    *scenario = NULL;
}

const char *ese_scenario_option(const struct ese_scenario *scenario, const char *name)
{
    for (int i = 0; i < scenario->option_count; i++) {
        if (strcmp(scenario->options[i].name, name) == 0)
            return scenario->options[i].value;
    }
    return NULL;
}

static void write_lines(unsigned lines, struct ese_buffer *text)
{
    const char *before = "";
    for (enum ese_line line = 0; line < ESE_LINES; line++) {
        if ((lines & ESE_LINE_BIT(line)) == 0)
            continue;
        ese_buffer_printf(text, "%s%s", before, ese_line_name(line));
        before = ",";
    }
}

void ese_scenario_schedule(const struct ese_scenario *scenario, struct ese_buffer *text)
{
    for (int i = 0; i < scenario->fault.count; i++) {
        const struct ese_fault_step *step = &scenario->steps[i];
        ese_buffer_printf(text, "%lld ms %s ", (long long)step->after_ms, ese_act_name(step->act));
        if (step->act == ESE_ACT_NETWORK)
            write_lines(step->lines, text);
        else if (step->act != ESE_ACT_SMTP) /* there is one, and the word says it */
            ese_buffer_text(text, step->part->name);
        bool is_apart = step->how[0] != '\0' && step->act != ESE_ACT_SMTP;
        ese_buffer_printf(text, "%s%s\n", is_apart ? " " : "", step->how);
    }
}
