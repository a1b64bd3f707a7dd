/* A scenario's text, in both sizes: what is refused says where, and what is taken is within its bounds, and read again,
 * as it would be shown, is the same. */
#include <sys/mman.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/scenario.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_LIMIT ((size_t)1 << 20)

static void write_prose(struct ese_buffer *text, const char *word, const char *prose)
{
    char *lines = ese_copy_text(prose), *rest = lines;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        ese_buffer_printf(text, "%s %s\n", word, line);
    free(lines);
}

/* "10000 ms kill consumers" is written "at 10000ms kill consumers". */
static void write_steps(struct ese_buffer *text, const struct ese_scenario *scenario)
{
    struct ese_buffer schedule = ESE_BUFFER_INIT(TEXT_LIMIT);
    ese_scenario_schedule(scenario, &schedule);
    char *lines = ese_buffer_detach(&schedule), *rest = lines;
    for (char *line = strsep(&rest, "\n"); line != NULL && line[0] != '\0'; line = strsep(&rest, "\n")) {
        char *unit = strstr(line, " ms ");
        ESE_HOLDS(unit != NULL);
        *unit = '\0';
        ese_buffer_printf(text, "at %sms %s\n", line, unit + 4);
    }
    free(lines);
}

static void write_expectation(struct ese_buffer *text, const struct ese_expectation *expectation)
{
    const char *reason = ese_expectation_reason(expectation);
    ese_buffer_printf(text, "expect %s %s%s%s\n", ese_expectation_who(expectation),
                      ese_expectation_claim(expectation), reason[0] == '\0' ? "" : " -- ", reason);
}

static char *text_of(const struct ese_scenario *scenario)
{
    struct ese_buffer text = ESE_BUFFER_INIT(TEXT_LIMIT);
    write_prose(&text, "title", scenario->title);
    write_prose(&text, "story", scenario->story);
    write_prose(&text, "predict", scenario->predict);
    if (scenario->is_alone)
        ese_buffer_text(&text, "alone\n");
    for (int i = 0; i < scenario->option_count; i++)
        ese_buffer_printf(&text, "with %s %s\n", scenario->options[i].name, scenario->options[i].value);
    write_steps(&text, scenario);
    for (int i = 0; i < scenario->expectation_count; i++)
        write_expectation(&text, scenario->expectations[i]);
    ESE_HOLDS(!text.overflowed);
    return ese_buffer_detach(&text);
}

static void look(const struct ese_scenario *scenario)
{
    int64_t end_ms = 1000 * (ese_scenario_number(scenario, "warmup") + ese_scenario_number(scenario, "duration"));
    ESE_HOLDS(scenario->title[0] != '\0' && scenario->story[0] != '\0' && scenario->predict[0] != '\0');
    ESE_HOLDS(scenario->expectation_count > 0 && scenario->fault.count <= ESE_DEEDS && scenario->seed >= 0);
    for (int i = 0; i < scenario->fault.count; i++) {
        const struct ese_fault_step *step = &scenario->steps[i];
        ESE_HOLDS(step->after_ms >= 0 && step->after_ms <= end_ms);
        ESE_HOLDS(i == 0 || step[-1].after_ms <= step->after_ms);
        ESE_HOLDS(step->act < ESE_ACTS && step->part != NULL);
    }
    ESE_HOLDS(ese_fault_members(&scenario->fault) <= ese_scenario_number(scenario, "consumers"));
}

/* NULL: it is refused. */
static struct ese_scenario *read_bytes(const void *bytes, size_t length, enum ese_scenario_size size)
{
    char path[64];
    struct ese_error error = {.text = ""};
    struct ese_scenario *scenario;
    int fd = memfd_create("scenario", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ESE_HOLDS(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    int status = ese_scenario_read_text(path, "made-up", size, ESE_SCENARIO_OWN_SEED, &scenario, &error);
    close(fd);
    if (status == 0)
        return scenario;
    ESE_HOLDS(scenario == NULL && error.code == ESE_E_INVALID);
    ESE_HOLDS(strstr(error.text, ", line ") != NULL || strstr(error.text, "no line begins with") != NULL);
    return NULL;
}

static void read_in(const uint8_t *bytes, size_t length, enum ese_scenario_size size)
{
    struct ese_scenario *scenario = read_bytes(bytes, length, size);
    if (scenario == NULL)
        return;
    look(scenario);
    char *text = text_of(scenario);
    for (enum ese_scenario_size other = ESE_SCENARIO_FULL; other <= ESE_SCENARIO_SMALL; other++) {
        struct ese_scenario *again = read_bytes(text, strlen(text), other); /* of which there are no two any more */
        ESE_HOLDS(again != NULL);
        char *same = text_of(again);
        ESE_HOLDS(strcmp(text, same) == 0);
        free(same);
        ese_scenario_free(&again);
    }
    free(text);
    ese_scenario_free(&scenario);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    read_in(bytes, length, ESE_SCENARIO_FULL);
    read_in(bytes, length, ESE_SCENARIO_SMALL);
    return 0;
}
