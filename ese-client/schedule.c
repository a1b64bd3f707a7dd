#include "ese-client/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/due_trace.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "ese-core/schedule_words.h"

#define STREAM UINT64_C(0x5C4ED01E) /* of the seed: none of the persons' */

struct schedule;

/* When the event is due that the source has at that time; -1: it cannot be told. ESE_SOURCE_END: never. */
typedef int due_of(struct schedule *schedule, int64_t *due_ns, struct ese_error *error);

struct schedule {
    struct ese_source source;
    struct ese_source_face face; /* its stamp is the inner one's */
    struct ese_source *inner;
    due_of *due;
    struct ese_schedule_words words;
    double mean_ns;           /* poisson */
    struct ese_random random;
    double drawn_ns;
    struct ese_due_trace *trace;
    int part, parts; /* of its lines, from 1 on, and of so many */
    int64_t line;    /* so many of these have come */
};

/* ---- shapes ---------------------------------------------------------------------------------- */

static int poisson(struct schedule *schedule, int64_t *due_ns, struct ese_error *error)
{
    (void)error;
    double even = ((double)(ese_random_next(&schedule->random) >> 11) + 1) * 0x1p-53; /* from (0, 1] */
    schedule->drawn_ns -= log(even) * schedule->mean_ns;
    *due_ns = (int64_t)schedule->drawn_ns;
    return ESE_SOURCE_EVENT;
}

/* What comes in the burst has taken a times as long at the source. */
static int burst(struct schedule *schedule, int64_t *due_ns, struct ese_error *error)
{
    (void)error;
    double at_ns = schedule->words.at_s * (double)ESE_NS_PER_S;
    double long_ns = schedule->words.a * schedule->words.for_s * (double)ESE_NS_PER_S;
    double of_source = (double)*due_ns, beyond = of_source - at_ns;
    if (beyond > long_ns)
        of_source -= long_ns - long_ns / schedule->words.a;
    else if (beyond > 0)
        of_source = at_ns + beyond / schedule->words.a;
    *due_ns = (int64_t)of_source;
    return ESE_SOURCE_EVENT;
}

/* So many came until t as the integral of the ramp says: a t + (b - a) t^2 / (2 for). Solved for t. */
static int ramp(struct schedule *schedule, int64_t *due_ns, struct ese_error *error)
{
    (void)error;
    double a = schedule->words.a, b = schedule->words.b, lasts = schedule->words.for_s;
    double came = (double)*due_ns / (double)ESE_NS_PER_S, at_end = (a + b) / 2 * lasts, t = 0;
    if (came >= at_end)
        t = lasts + (came - at_end) / b;
    else if (came > 0)
        t = 2 * came / (a + sqrt(a * a + 2 * (b - a) / lasts * came));
    *due_ns = (int64_t)(t * (double)ESE_NS_PER_S);
    return ESE_SOURCE_EVENT;
}

/* Of several who share it, each takes the line at its turn, and passes over the others'. */
static int trace(struct schedule *schedule, int64_t *due_ns, struct ese_error *error)
{
    int said = 1;
    for (int line = 1; said == 1 && line <= (schedule->line == 0 ? schedule->part : schedule->parts); line++)
        said = ese_due_trace_next(schedule->trace, due_ns, error);
    schedule->line++;
    return said == 1 ? ESE_SOURCE_EVENT : said == 0 ? ESE_SOURCE_END : -1;
}

/* ---- the source that it is ------------------------------------------------------------------- */

static int schedule_next(struct ese_source *source, struct ese_event *event, int64_t *due_ns, struct ese_error *error)
{
    struct schedule *schedule = (struct schedule *)source;
    int said = schedule->inner->face->next(schedule->inner, event, due_ns, error);
    return said == ESE_SOURCE_EVENT ? schedule->due(schedule, due_ns, error) : said;
}

static void schedule_close(struct ese_source *source)
{
    struct schedule *schedule = (struct schedule *)source;
    ese_source_close(&schedule->inner);
    ese_due_trace_close(&schedule->trace);
    free(schedule);
}

/* ---- which one ------------------------------------------------------------------------------- */

static int choose_shape(const char *text, struct schedule *schedule, struct ese_error *error)
{
    static due_of *const shapes[] = {[ESE_SCHEDULE_POISSON] = poisson, [ESE_SCHEDULE_BURST] = burst,
                                     [ESE_SCHEDULE_RAMP] = ramp, [ESE_SCHEDULE_TRACE] = trace};
    if (ese_schedule_words_read(text, &schedule->words, error) < 0)
        return -1;
    schedule->due = shapes[schedule->words.shape];
    return schedule->words.trace == NULL ? 0
                                         : ese_due_trace_open(schedule->words.trace, &schedule->trace, error);
}

int ese_schedule_open(const struct ese_schedule_told *told, struct ese_source **source, struct ese_error *error)
{
    const char *words = told->words;
    int64_t rate = told->rate;
    if (strcmp(words, "constant") == 0)
        return 0;
    bool has_own_time = (*source)->at_once || (*source)->fd != -1 || (rate <= 0 && strcmp(words, "poisson") == 0);
    struct schedule *schedule = ese_alloc(sizeof *schedule);
    schedule->inner = *source;
    schedule->face = (struct ese_source_face){
        .next = schedule_next, .stamp = (*source)->face->stamp, .close = schedule_close};
    schedule->source = (struct ese_source){.face = &schedule->face, .fd = -1};
    schedule->random = ese_random_seeded(told->seed, STREAM);
    schedule->mean_ns = (double)ESE_NS_PER_S / (double)(rate > 0 ? rate : 1);
    schedule->part = told->parts > 0 ? told->part : 1;
    schedule->parts = told->parts > 0 ? told->parts : 1;
    *source = &schedule->source;
    int status = choose_shape(words, schedule, error);
    if (status == 0 && has_own_time)
        status = ese_fail(error, ESE_E_USAGE,
                          "--schedule %.80s: there is no rate to go by: give --rate N, and a source that is not typed",
                          words);
    if (status == -1)
        ese_source_close(source);
    return status;
}
