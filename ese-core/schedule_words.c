#include "ese-core/schedule_words.h"

#include <string.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"

/* The next number of "10:5:2". */
static int take_number(const char **words, double least, double most, double *number)
{
    if (**words != ':' || ese_number_read_decimal(*words + 1, words, number) < 0)
        return -1;
    return *number >= least && *number <= most ? 0 : -1;
}

static int read_nothing(const char *rest, struct ese_schedule_words *words)
{
    (void)words;
    return rest[0] == '\0' ? 0 : -1;
}

static int read_burst(const char *rest, struct ese_schedule_words *words)
{
    return take_number(&rest, 1, ESE_SCHEDULE_MOST_TIMES, &words->a) == 0 &&
                   take_number(&rest, 0, ESE_SCHEDULE_MOST_SECONDS, &words->at_s) == 0 &&
                   take_number(&rest, 0, ESE_SCHEDULE_MOST_SECONDS, &words->for_s) == 0 && *rest == '\0'
               ? 0
               : -1;
}

static int read_ramp(const char *rest, struct ese_schedule_words *words)
{
    return take_number(&rest, 0, ESE_SCHEDULE_MOST_TIMES, &words->a) == 0 &&
                   take_number(&rest, 0.001, ESE_SCHEDULE_MOST_TIMES, &words->b) == 0 &&
                   take_number(&rest, 0.001, ESE_SCHEDULE_MOST_SECONDS, &words->for_s) == 0 && *rest == '\0'
               ? 0
               : -1;
}

static int read_trace(const char *rest, struct ese_schedule_words *words)
{
    words->trace = rest + (rest[0] == ':');
    return rest[0] == ':' ? 0 : -1;
}

static const struct {
    const char *name;
    int (*read)(const char *rest, struct ese_schedule_words *words); /* what stands behind the name */
} shapes[] = {
    [ESE_SCHEDULE_CONSTANT] = {"constant", read_nothing},
    [ESE_SCHEDULE_POISSON] = {"poisson", read_nothing},
    [ESE_SCHEDULE_BURST] = {"burst", read_burst},
    [ESE_SCHEDULE_RAMP] = {"ramp", read_ramp},
    [ESE_SCHEDULE_TRACE] = {"trace", read_trace},
};

int ese_schedule_words_read(const char *text, struct ese_schedule_words *words, struct ese_error *error)
{
    size_t length = strcspn(text, ":");
    *words = (struct ese_schedule_words){0};
    for (size_t i = 0; i < ESE_COUNT_OF(shapes); i++) {
        words->shape = (enum ese_schedule_shape)i;
        if (strlen(shapes[i].name) == length && strncmp(shapes[i].name, text, length) == 0 &&
            shapes[i].read(text + length, words) == 0)
            return 0;
    }
    return ese_fail(error, ESE_E_USAGE,
                    "--schedule '%.80s': give constant, poisson, burst:TIMES:AT:FOR (TIMES from 1 on), "
                    "ramp:FROM:TO:FOR (TO more than 0) or trace:FILE; AT and FOR are seconds", text);
}
