/*
 * steady-click: three key presses of one ip, each at most 1,000 ms after the one before, give one
 * mail.
 *
 * An event is used for one mail only, and the rule decides as soon as the third has come: it never
 * waits for a pause. (The original took whatever run was left at the end of a poll for three.)
 *
 * The one before is the one handed before. Where two clients press for one ip at once their events
 * may come a little out of order, so a step back in time of up to 1,000 ms continues a run as well
 * as a step forward; the mail's start and end are the earliest and the latest of the three.
 */
#include <assert.h>
#include <inttypes.h>

#include "ese-consumer/rule.h"
#include "ese-core/clock.h"

#define NAME "steady-click"
#define PRESSES 3
#define GAP_MS 1000

struct press {
    struct ese_id id;
    int64_t client_ts;
};

/* The presses so far that may become a decision: what is kept of a key, byte for byte, up to the last of them. */
struct run {
    int64_t count;
    struct press presses[PRESSES];
};

extern const struct ese_rule ese_rule_steady_click;

static bool wants(const struct ese_event *event)
{
    return strcmp(event->sub_type, ESE_SUB_TYPE_KEY_PRESS) == 0;
}

static size_t length_of(const struct run *run)
{
    return offsetof(struct run, presses) + (size_t)run->count * sizeof run->presses[0];
}

static struct run read_run(const struct ese_rule_state *state)
{
    struct run run = {0};
    if (state->length != 0) {
        assert(state->length <= sizeof run);
        memcpy(&run, state->bytes, state->length);
        assert(state->length == length_of(&run));
    }
    return run;
}

static void keep_run(struct ese_rule_state *state, const struct run *run)
{
    state->length = length_of(run);
    memcpy(state->bytes, run, state->length);
    if (__builtin_add_overflow(run->presses[run->count - 1].client_ts, GAP_MS, &state->leaves_ms))
        state->leaves_ms = INT64_MAX;
}

static bool continues(const struct run *run, int64_t client_ts)
{
    if (run->count == 0)
        return true;
    int64_t step = 0; /* a timestamp may be any number a sender liked */
    if (__builtin_sub_overflow(client_ts, run->presses[run->count - 1].client_ts, &step))
        return false;
    return step <= GAP_MS && step >= -GAP_MS;
}

static void write_mail(struct ese_decision *decision, const struct run *run, const char *ip)
{
    int64_t start = run->presses[0].client_ts;
    int64_t end = start;
    for (int i = 1; i < PRESSES; i++) {
        int64_t pressed = run->presses[i].client_ts;
        start = pressed < start ? pressed : start;
        end = pressed > end ? pressed : end;
    }
    char start_text[ESE_CLOCK_TEXT_SIZE];
    char end_text[ESE_CLOCK_TEXT_SIZE];
    ese_clock_local_text(start, start_text);
    ese_clock_local_text(end, end_text);
    snprintf(decision->subject, sizeof decision->subject, "[%s] | Suspicious Activity Detected",
             ip);
    snprintf(decision->content, sizeof decision->content,
             "%d KEY_PRESS_EVENT events were generated from this IP from [%s] to [%s]. "
             "Total Duration of [%" PRId64 "s %" PRId64 "ms]",
             PRESSES, start_text, end_text, (end - start) / 1000, (end - start) % 1000);
}

static void conclude(struct ese_decision *decision, const struct run *run,
                     const struct ese_event *last)
{
    struct ese_id ids[PRESSES];
    for (int i = 0; i < PRESSES; i++)
        ids[i] = run->presses[i].id;
    ese_decision_make(decision, NAME, last, ids, PRESSES);
    write_mail(decision, run, last->ip);
}

static int apply(const struct ese_rule_settings *settings, struct ese_rule_state *state,
                 const struct ese_event *event, struct ese_decision *decision,
                 struct ese_error *error)
{
    (void)settings;
    (void)error; /* there is no event that it cannot take */
    struct run run = read_run(state);
    if (!continues(&run, event->client_ts))
        run = (struct run){0};
    run.presses[run.count++] = (struct press){.id = event->id, .client_ts = event->client_ts};
    if (run.count < PRESSES) {
        keep_run(state, &run);
        return 0;
    }
    conclude(decision, &run, event);
    state->length = 0;
    return 1;
}

const struct ese_rule ese_rule_steady_click = {
    .name = NAME,
    .summary = "three key presses of one ip, each at most a second after another, give a mail",
    .state_size = sizeof(struct run),
    .wants = wants,
    .apply = apply,
    .expire = NULL,
};
