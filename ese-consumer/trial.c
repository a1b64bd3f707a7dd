/*
 * An event on which a rule fails is tried alone: five times, with pauses, each try counted in the
 * state file before it begins; then it is passed over as a dead letter. docs/dead-letters.md says
 * why the partition waits meanwhile.
 */
#include <inttypes.h>

#include "ese-consumer/turn_internal.h"
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/service.h"

#define TRIES 5
#define RECENT_NS (60 * ESE_NS_PER_S)
#define TOLD 8 /* so many in a minute the log tells of */

enum outcome { FAILED = -1, STOPPED, DONE };

static struct ese_holding *holding_of(struct ese_turn *turn, int index)
{
    return ese_holdings_find(turn->parts.holdings, turn->batch->records[index].partition);
}

/* ---- pauses ---------------------------------------------------------------------------------- */

static int count_recent(const struct ese_turn *turn)
{
    int64_t since_ns = ese_clock_monotonic_ns() - RECENT_NS;
    int count = 0;
    for (int i = 0; i < turn->recent && i < ESE_TURN_RECENT; i++)
        count += turn->recent_ns[i] > since_ns;
    return count;
}

static void note_recent(struct ese_turn *turn)
{
    turn->recent_ns[turn->recent++ % ESE_TURN_RECENT] = ese_clock_monotonic_ns();
}

/* Waiting is for causes that pass: where one is tried again after the other, it is in vain. recent:
 * how many were before. False: a stop was asked for. */
static bool pause_before(const struct ese_turn *turn, int64_t tries, int recent)
{
    int pause_ms = tries == 0 ? 0 : (turn->parts.pause_ms << (tries - 1)) >> recent;
    return !ese_service_stopping() && (pause_ms == 0 || !ese_service_wait(pause_ms));
}

/* ---- one event alone ------------------------------------------------------------------------- */

int ese_turn_begin_try(struct ese_turn *turn, int index, struct ese_error *error)
{
    struct ese_state *state = turn->parts.state;
    struct ese_holding *holding = holding_of(turn, index);
    if (ese_state_begin(state, error) != 0)
        return -1;
    if (ese_state_check_owned(state, holding->partition, holding->position.epoch, error) == 0 &&
        ese_attempts_begin(ese_state_attempts(state), &turn->batch->records[index],
                           &holding->attempt, error) == 0)
        return ese_state_commit(state, error);
    ese_state_rollback(state);
    return -1;
}

/* What is remembered of the slice's partitions has run ahead of the state file. */
static int reload(struct ese_turn *turn, struct ese_error *error)
{
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        if (holding->events + holding->passed > 0 &&
            ese_holding_reload(holding, turn->parts.state, error) != 0)
            return -1;
    }
    return 0;
}

/* What was handed and not waited for to its end is nobody's progress. */
static enum outcome after_stop(struct ese_turn *turn, struct ese_error *error)
{
    return reload(turn, error) == 0 ? STOPPED : FAILED;
}

/* why: what the last try said; empty: nothing, as it ended the process. */
static enum outcome pass_over(struct ese_turn *turn, int index, const char *why, bool is_told,
                              struct ese_error *error)
{
    const struct ese_record *record = &turn->batch->records[index];
    struct ese_dead_letter letter = {.partition = record->partition,
                                     .offset = record->offset,
                                     .cause = why[0] != '\0' ? ESE_DEAD_FAILED : ESE_DEAD_CRASHED,
                                     .tries = holding_of(turn, index)->attempt.tries,
                                     .dead_ms = ese_clock_wall_ms(),
                                     .event = record->event}; /* borrows its data */
    snprintf(letter.reason, sizeof letter.reason, "%.230s",
             why[0] != '\0' ? why : "the consumer ended while the rules had it");
    if (ese_turn_pass_over(turn, index, &letter, error) != 0)
        return FAILED;
    if (is_told)
        ese_log_error("partition %d at %" PRId64 ": passed over as a dead letter after %" PRId64
                      " tries: %s; `ese-consumer dead-letters list` shows it",
                      (int)letter.partition, letter.offset, letter.tries, letter.reason);
    return DONE;
}

static enum outcome try_alone(struct ese_turn *turn, int index, const char *failed_with,
                              struct ese_error *error)
{
    const struct ese_record *record = &turn->batch->records[index];
    struct ese_holding *holding = holding_of(turn, index);
    char why[sizeof error->text];
    int recent = count_recent(turn);
    snprintf(why, sizeof why, "%s", failed_with);
    if (ese_attempt_is_about(&holding->attempt, record))
        note_recent(turn);
    for (;;) {
        bool is_begun = ese_attempt_is_about(&holding->attempt, record);
        int64_t tries = is_begun ? holding->attempt.tries : 0;
        if (tries >= TRIES)
            return pass_over(turn, index, why, recent < TOLD, error);
        if (!pause_before(turn, tries, recent))
            return STOPPED;
        turn->is_trial = true;
        int tried = ese_turn_slice(turn, index, index + 1, error);
        turn->is_trial = false;
        if (tried == 0)
            return DONE;
        if (turn->is_stopped)
            return after_stop(turn, error);
        if (turn->failed_at == ESE_TURN_NONE)
            return FAILED;
        snprintf(why, sizeof why, "%s", error->text);
        if (reload(turn, error) != 0)
            return FAILED;
    }
}

/* ---- the batch ------------------------------------------------------------------------------- */

static void begin_batch(struct ese_turn *turn, const struct ese_batch *batch, int64_t polled_ms)
{
    turn->batch = batch;
    turn->polled_ms = polled_ms;
    turn->handed = 0;
    turn->decided = 0;
    turn->paced = 0;
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        holding->has_moved = false;
        if (!holding->attempt.is_careful)
            continue;
        holding->attempt.is_careful = false;
        holding->alone = turn->parts.max_batch;
    }
}

static bool is_alone(struct ese_turn *turn, int index)
{
    struct ese_holding *holding = holding_of(turn, index);
    return holding != NULL &&
           (holding->alone > 0 ||
            ese_attempt_is_about(&holding->attempt, &turn->batch->records[index]));
}

/* Has the event, if there is one, and those that go with it take their turn. Who is tried once more has had it. */
static void keep_pace(struct ese_turn *turn, int from)
{
    int left = turn->batch->count - from;
    if (left > 0 && turn->paced <= from)
        turn->paced = from + (turn->parts.pace == NULL ? left : turn->parts.pace(turn->parts.context, left));
}

/* Those behind `from` that go together. */
static int find_end(struct ese_turn *turn, int from)
{
    int to = from;
    while (to < turn->paced && !is_alone(turn, to))
        to++;
    return to;
}

/* Together as far as none fails. Who fails is marked as tried once, so that the batch is cut in
 * front of it, and it is tried alone when its turn comes. why: what the failure said. */
static enum outcome try_together(struct ese_turn *turn, int from, int *to, char *why, size_t size,
                                 struct ese_error *error)
{
    if (ese_turn_slice(turn, from, *to, error) == 0)
        return DONE;
    int failed_at = turn->failed_at;
    if (turn->is_stopped)
        return after_stop(turn, error);
    if (failed_at == ESE_TURN_NONE)
        return FAILED;
    snprintf(why, size, "%s", error->text);
    *to = from;
    return reload(turn, error) == 0 && ese_turn_begin_try(turn, failed_at, error) == 0 ? DONE : FAILED;
}

int ese_turn_process(struct ese_turn *turn, const struct ese_batch *batch, int64_t polled_ms,
                     int *decided, struct ese_error *error)
{
    char why[sizeof error->text] = "";
    enum outcome outcome = DONE;
    int from = 0;
    begin_batch(turn, batch, polled_ms);
    do {
        keep_pace(turn, from);
        int to = find_end(turn, from);
        if (to > from || from == batch->count) {
            outcome = try_together(turn, from, &to, why, sizeof why, error);
        } else {
            to = from + 1;
            outcome = try_alone(turn, from, why, error);
            holding_of(turn, from)->alone -= holding_of(turn, from)->alone > 0;
            why[0] = '\0';
        }
        from = to;
    } while (outcome == DONE && from < batch->count);
    *decided = turn->decided;
    return outcome == FAILED ? -1 : 0;
}
