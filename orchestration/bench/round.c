#include "orchestration/bench/round.h"

#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ese-core/memory.h"

#define OTHERS_SYNCS 1.2 /* where it is the device that counts, it counts those of others, too */
#define LEAST_SYNCS 0.9 /* of what is due: a commit of nothing, as an idle store makes, needs none; and what is counted
                         * begins and ends not quite with what is measured */

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"rate", offsetof(struct ese_round, rate)},
    {"p50_us", offsetof(struct ese_round, p50_us)},
    {"p99_us", offsetof(struct ese_round, p99_us)},
    {"syncs_per_s", offsetof(struct ese_round, syncs_per_s)},
    {"commits_per_s", offsetof(struct ese_round, commits_per_s)},
    {"flushes_per_s", offsetof(struct ese_round, flushes_per_s)},
    {"server_us", offsetof(struct ese_round, server_us)},
    {"cpu_us", offsetof(struct ese_round, cpu_us)},
    {"memory_mib", offsetof(struct ese_round, memory_mib)},
    {"load_cores", offsetof(struct ese_round, load_cores)},
    {"late_us", offsetof(struct ese_round, late_us)},
    {"foreign_cores", offsetof(struct ese_round, foreign_cores)},
};

static double *number_at(struct ese_round *round, size_t i)
{
    return (double *)(void *)((char *)round + numbers[i].offset);
}

void ese_round_refuse(struct ese_round *round, const char *format, ...)
{
    va_list arguments;

    if (round->reason[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(round->reason, sizeof round->reason, format, arguments);
    va_end(arguments);
}

/* An acknowledgement waits for a flush that began after its event had come, so that none answers more events than were
 * waiting. Of who waits for none it is known only that there must be some. */
static void judge_flushes(struct ese_round *round, int under_way)
{
    double due = under_way == 0 ? 1 : LEAST_SYNCS * round->rate / under_way;

    if (round->flushes_per_s < 1)
        ese_round_refuse(round, "the device was told of no sync: it was not on the disk");
    else if (round->flushes_per_s < due)
        ese_round_refuse(round, "the device was told of %.0f syncs a second where %.0f are due: it was not on the disk",
                         round->flushes_per_s, due);
}

/* A process's own count is the better witness, the device's the independent one: each that there is must have seen it.
 * With one sync for many commits somebody was told of what was not on the disk. */
void ese_round_judge(struct ese_round *round, enum ese_durability durability, int under_way)
{
    if (round->rate <= 0)
        ese_round_refuse(round, "nothing was acknowledged while it was measured");
    if (!round->all_there)
        ese_round_refuse(round, "less is stored than was acknowledged");
    if (durability != ESE_DURABILITY_DISK)
        return;
    if (round->syncs_per_s < 0 && round->flushes_per_s < 0)
        ese_round_refuse(round, "nobody here counts syncs: it cannot be told whether it was on the disk");
    else if (round->syncs_per_s >= 0 &&
             (round->syncs_per_s <= 0 || round->syncs_per_s < LEAST_SYNCS * round->commits_per_s))
        ese_round_refuse(round, "%.0f syncs a second for %.0f commits: it was not on the disk", round->syncs_per_s,
                         round->commits_per_s);
    else if (round->flushes_per_s >= 0)
        judge_flushes(round, under_way);
}

void ese_round_judge_slow(struct ese_round *round, int64_t sync_us)
{
    double syncs_per_s = round->syncs_per_s >= 0 ? round->syncs_per_s : round->flushes_per_s;

    if (sync_us > 0 && syncs_per_s > OTHERS_SYNCS * 1e6 / (double)sync_us)
        ese_round_refuse(round, "%.0f syncs a second, though each takes %lld us: the disk was not slow", syncs_per_s,
                         (long long)sync_us);
}

char *ese_round_text(const struct ese_round *round)
{
    struct ese_round copy = *round;
    json_t *object = json_object();

    for (size_t i = 0; i < ESE_COUNT_OF(numbers); i++)
        json_object_set_new(object, numbers[i].name, json_real(*number_at(&copy, i)));
    json_object_set_new(object, "all_there", json_boolean(round->all_there));
    json_object_set_new(object, "reason", json_string(round->reason));
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return text;
}

static int take_numbers(const json_t *object, struct ese_round *round)
{
    for (size_t i = 0; i < ESE_COUNT_OF(numbers); i++) {
        const json_t *number = json_object_get(object, numbers[i].name);
        if (!json_is_number(number))
            return -1;
        *number_at(round, i) = json_number_value(number);
    }
    return 0;
}

int ese_round_parse(const char *text, struct ese_round *round, struct ese_error *error)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *all_there = json_object_get(object, "all_there");
    const char *reason = json_string_value(json_object_get(object, "reason"));

    *round = (struct ese_round){.rate = 0};
    bool good = json_is_boolean(all_there) && reason != NULL && take_numbers(object, round) == 0 &&
                ese_fit_text(round->reason, sizeof round->reason, reason) == 0;
    round->all_there = json_is_true(all_there);
    json_decref(object);
    return good ? 0 : ese_fail(error, ESE_E_INVALID, "'%.100s' is no round", text);
}
