/* Scenarios as texts: all of them named, and one shown, as what a run of it would be. */
#include <jansson.h>

#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/crowd/plan.h"
#include "orchestration/lab/scenarios.h"

int ese_scenarios_read(const struct ese_config *config, const char *name, int64_t seed,
                       struct ese_scenario **scenario, struct ese_error *error)
{
    return ese_scenario_read(ese_config_text(config, "scenarios"), name,
                             ese_config_flag(config, "small") ? ESE_SCENARIO_SMALL : ESE_SCENARIO_FULL, seed, scenario,
                             error);
}

static int show_title(const struct ese_config *config, const char *name, struct ese_error *error)
{
    struct ese_scenario *scenario;
    if (ese_scenarios_read(config, name, 0, &scenario, error) < 0)
        return -1;
    if (ese_config_flag(config, "json")) {
        json_t *line = json_pack("{s:s, s:s, s:b}", "name", name, "title", scenario->title, "alone",
                                 scenario->is_alone);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    } else {
        printf("%-22s %s\n", name, scenario->title);
    }
    ese_scenario_free(&scenario);
    return 0;
}

int ese_scenarios_list(const struct ese_config *config, struct ese_error *error)
{
    char **names;
    size_t count;
    int status = 0;
    if (ese_scenario_list(ese_config_text(config, "scenarios"), &names, &count, error) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (status == 0)
            status = show_title(config, names[i], error);
        free(names[i]);
    }
    free(names);
    return status;
}

void ese_scenarios_schedule(const struct ese_config *config, const struct ese_scenario *scenario,
                            struct ese_buffer *text)
{
    struct ese_crowd_way ways[ESE_CROWD_MOST];
    int destinations = (int)ese_config_number(config, "destinations");
    ese_scenario_schedule(scenario, text);
    ese_crowd_draw(scenario->seed, destinations, (int)ese_config_number(config, "flaky"), ways);
    ese_crowd_plan_write(ways, destinations, text);
}

/* ---- one of them ----------------------------------------------------------------------------- */

/* A text of several lines, each set in by so much. */
static void print_lines(const char *heading, const char *text)
{
    printf("\n%s\n", heading);
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        printf("  %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_as_text(const struct ese_config *config, const struct ese_scenario *scenario)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    printf("%s: %s\n", scenario->name, scenario->title);
    print_lines("THE STORY", scenario->story);
    print_lines("PREDICT", scenario->predict);
    for (int i = 0; i < scenario->option_count; i++)
        ese_buffer_printf(&text, "--%s %s\n", scenario->options[i].name, scenario->options[i].value);
    print_lines("THE LOAD, as options of compare", text.text);
    ese_buffer_free(&text);
    text = (struct ese_buffer)ESE_BUFFER_INIT(1 << 16);
    ese_scenarios_schedule(config, scenario, &text);
    print_lines("WHAT IS DONE, since the schedule began", text.length > 0 ? text.text : "nothing");
    ese_buffer_free(&text);
    printf("\nWHAT HAS TO HOLD\n");
    for (int i = 0; i < scenario->expectation_count; i++) {
        const struct ese_expectation *expectation = scenario->expectations[i];
        printf("  %-26s %-44s %s\n", ese_expectation_who(expectation), ese_expectation_claim(expectation),
               ese_expectation_reason(expectation));
    }
}

static json_t *lines_of(const char *text)
{
    json_t *lines = json_array();
    for (const char *line = text; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        json_array_append_new(lines, json_stringn(line, length));
        line += length + (line[length] == '\n');
    }
    return lines;
}

static json_t *expectations_of(const struct ese_scenario *scenario)
{
    json_t *expectations = json_array();
    for (int i = 0; i < scenario->expectation_count; i++) {
        const struct ese_expectation *expectation = scenario->expectations[i];
        json_array_append_new(expectations, json_pack("{s:s, s:s, s:s}", "who", ese_expectation_who(expectation),
                                                      "claim", ese_expectation_claim(expectation), "because",
                                                      ese_expectation_reason(expectation)));
    }
    return expectations;
}

static void print_as_json(const struct ese_config *config, const struct ese_scenario *scenario)
{
    struct ese_buffer schedule = ESE_BUFFER_INIT(1 << 16);
    json_t *load = json_object();
    for (int i = 0; i < scenario->option_count; i++)
        json_object_set_new(load, scenario->options[i].name, json_string(scenario->options[i].value));
    ese_scenarios_schedule(config, scenario, &schedule);
    json_t *object = json_pack("{s:s, s:s, s:b, s:s, s:s, s:o, s:o, s:o}", "name", scenario->name, "title",
                               scenario->title, "alone", scenario->is_alone, "story", scenario->story, "predict",
                               scenario->predict, "load", load, "schedule", lines_of(schedule.text), "expectations",
                               expectations_of(scenario));
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
    ese_buffer_free(&schedule);
}

void ese_scenarios_show(const struct ese_config *config, const struct ese_scenario *scenario)
{
    if (ese_config_flag(config, "json"))
        print_as_json(config, scenario);
    else
        print_as_text(config, scenario);
}
