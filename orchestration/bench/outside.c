#include "orchestration/bench/outside.h"

#include <stdlib.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/bench/gauge.h"

#define SAID_LIMIT (1 << 20)

int ese_outside_open(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error)
{
    char path[ESE_PLACE_PATH_SIZE];
    const char *bootstrap;

    *contest = NULL;
    if (side->contender->program(place, path, error) != 0 || ese_place_broker(place, &bootstrap, error) != 0)
        return -1;
    *contest = ese_alloc(sizeof **contest);
    **contest = (struct ese_contest){.place = place, .side = *side, .stint = *stint, .bootstrap = bootstrap};
    snprintf((*contest)->topic, sizeof (*contest)->topic, "%s%s", ese_place_topic_prefix(stint->durability),
             ESE_PLACE_CLICKS);
    return 0;
}

void ese_outside_close(struct ese_contest **contest)
{
    free(*contest);
    *contest = NULL;
}

static int read_file(const char *path, char **text, struct ese_error *error)
{
    struct ese_buffer buffer = ESE_BUFFER_INIT(SAID_LIMIT);
    char part[4096];
    size_t got;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return ese_fail_errno(error, "cannot read %s", path);
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        ese_buffer_append(&buffer, part, got);
    fclose(file);
    *text = ese_buffer_detach(&buffer);
    return 0;
}

int ese_outside_run(const struct ese_place *place, struct ese_child *child, int timeout_ms, struct ese_round *round,
                    char **said, struct ese_error *error)
{
    char output[ESE_PLACE_PATH_SIZE], log[ESE_PLACE_PATH_SIZE];
    struct ese_gauge gauge;

    if (ese_place_path(place->directory, "outside.said", output, error) != 0 ||
        ese_place_path(place->directory, "outside.log", log, error) != 0)
        return -1;
    unlink(log);
    child->output = output;
    child->log = log;
    ese_gauge_begin(&gauge, 0, place->directory);
    int status = ese_child_run(child, timeout_ms, error);
    ese_gauge_end(&gauge);
    child->output = child->log = NULL;
    if (status != 0)
        return -1;
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->flushes_per_s = ese_gauge_flushes_per_s(&gauge);
    round->syncs_per_s = round->commits_per_s = ESE_ROUND_UNKNOWN;
    return read_file(output, said, error);
}
