#include "ese-consumer/replay.h"

#include <inttypes.h>
#include <limits.h>

#include "ese-consumer/application.h"
#include "ese-core/clock.h"

#define PARTITION (-1) /* of its own: transports count from 0 */

struct replay {
    const struct ese_replay_choice *choice;
    struct ese_state *state;
    struct ese_turn_parts parts;
    struct ese_application application;
    struct ese_holdings holdings;
    struct ese_holding *holding;
    struct ese_dead_letter letter; /* the one that was read last */
    int32_t owner;                 /* the partition of the first one */
    struct ese_replay_result result;
};

/* ---- which ----------------------------------------------------------------------------------- */

static int check_letter(const struct ese_dead_letter *letter, int64_t wanted,
                        struct ese_error *error)
{
    if (letter->number != wanted)
        return ese_fail(error, ESE_E_USAGE, "there is no dead letter %" PRId64, wanted);
    if (letter->settled_ms != 0)
        return ese_fail(error, ESE_E_USAGE, "letter %" PRId64 " was %s already", wanted,
                        letter->replay == ESE_DEAD_DROPPED ? "dropped" : "replayed");
    if (letter->cause == ESE_DEAD_UNPARSABLE)
        return ese_fail(error, ESE_E_USAGE,
                        "letter %" PRId64 " is no event (%.200s): mend it, and send it anew", wanted,
                        letter->reason);
    return 0;
}

static bool is_open(const struct ese_dead_letter *letter)
{
    return letter->settled_ms == 0 && letter->cause != ESE_DEAD_UNPARSABLE;
}

/* The next of all. 1: letter is it; 0: there is none; -1. */
static int read_any(struct replay *replay, struct ese_error *error)
{
    struct ese_dead_letters *letters = ese_state_letters(replay->state);
    int found;
    do
        found = ese_dead_letters_next(letters, replay->letter.number, &replay->letter, error);
    while (found == 1 && !is_open(&replay->letter));
    return replay->result.letters < ESE_REPLAY_MOST ? found : 0;
}

static int read_chosen(struct replay *replay, struct ese_error *error)
{
    if (replay->result.letters == replay->choice->count)
        return 0;
    int64_t wanted = replay->choice->numbers[replay->result.letters];
    if (ese_dead_letters_next(ese_state_letters(replay->state), wanted - 1, &replay->letter,
                              error) == -1)
        return -1;
    return check_letter(&replay->letter, wanted, error) == 0 ? 1 : -1;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int hand(struct replay *replay, int64_t now_ms, struct ese_error *error)
{
    const struct ese_dead_letter *letter = &replay->letter;
    const struct ese_record record = {.event = letter->event}; /* borrows its data */
    const struct ese_fresh fresh = {
        .record = &record, .holding = replay->holding, .event_time_ms = INT64_MIN};
    if (replay->result.letters++ == 0)
        replay->owner = letter->partition;
    if (ese_application_event(&replay->application, &fresh, error) != 0)
        return ese_fail_within(error, "letter %" PRId64 "; nothing was replayed", letter->number);
    return ese_dead_letters_settle(ese_state_letters(replay->state), letter->number,
                                   replay->result.number, now_ms, error);
}

/* Time has passed everything: what rules keep leaves. */
static int let_time_pass(struct replay *replay, struct ese_error *error)
{
    replay->holding->position.event_time_ms = INT64_MAX;
    replay->application.timers = INT_MAX;
    int64_t before;
    do {
        before = replay->holding->keys;
        if (ese_application_leave(&replay->application, replay->holding, error) != 0)
            return -1;
    } while (replay->holding->keys > 0 && replay->holding->keys < before);
    return 0; /* who never leaves is not saved either: a replay keeps nothing */
}

static int work(struct replay *replay, struct ese_error *error)
{
    int64_t now_ms = ese_clock_wall_ms(), last = 0;
    int found;
    if (ese_dead_letters_replays(ese_state_letters(replay->state), &last, error) != 0)
        return -1;
    replay->result.number = last + 1;
    while ((found = replay->choice->numbers == NULL ? read_any(replay, error)
                                                    : read_chosen(replay, error)) == 1)
        if (hand(replay, now_ms, error) != 0)
            return -1;
    if (found == -1 || let_time_pass(replay, error) != 0)
        return -1;
    return ese_decisions_hand_over(replay->parts.decisions, PARTITION, replay->owner, error);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_replay(struct replay *replay, const char *transport, struct ese_error *error)
{
    const struct ese_history_options history = {.path = NULL, .party = "replay", .transport = ""};
    struct ese_sqlite *database = ese_state_database(replay->state);
    replay->holding = ese_holdings_add(&replay->holdings, PARTITION);
    replay->parts.holdings = &replay->holdings;
    replay->parts.state = replay->state;
    replay->parts.max_keys = INT64_MAX;
    replay->parts.decisions = ese_decisions_new(database, transport);
    replay->application.parts = &replay->parts;
    if (ese_history_open(&history, &replay->parts.history, error) != 0)
        return -1;
    return ese_account_open(database, replay->parts.history, NULL, 0, &replay->application.account,
                            error);
}

static void close_replay(struct replay *replay)
{
    ese_dead_letter_clear(&replay->letter);
    ese_account_close(&replay->application.account);
    ese_history_close(&replay->parts.history);
    ese_decisions_free(&replay->parts.decisions);
    ese_holdings_clear(&replay->holdings);
}

/* 0: committed, or there was nothing to commit. */
static int run(struct replay *replay, struct ese_error *error)
{
    if (ese_state_begin(replay->state, error) != 0)
        return -1;
    int done = work(replay, error);
    if (done == 0 && replay->result.letters > 0)
        return ese_state_commit(replay->state, error);
    ese_state_rollback(replay->state);
    return done;
}

int ese_replay(struct ese_state *state, const char *transport, const struct ese_rules *rules,
               const struct ese_replay_choice *choice, struct ese_replay_result *result,
               struct ese_error *error)
{
    struct replay replay = {.choice = choice, .state = state, .parts = {.rules = rules}};
    *result = (struct ese_replay_result){.number = 0};
    int done = open_replay(&replay, transport, error);
    if (done == 0)
        done = run(&replay, error);
    if (done == 0 && replay.result.letters > 0) {
        *result = replay.result;
        result->decisions = replay.application.decided;
    }
    close_replay(&replay);
    return done;
}
