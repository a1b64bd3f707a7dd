#include "ese-consumer/turn_internal.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite_syncs.h"

#define TIMERS 500 /* so many at most conclude something in one transaction */

/* What the commits of batches count. */
static const enum ese_history_counter counters[] = {ESE_COUNT_PROCESSED, ESE_COUNT_REPEATS,
                                                    ESE_COUNT_BEYOND_WINDOW, ESE_COUNT_DECIDED,
                                                    ESE_COUNT_TIMERS_SET, ESE_COUNT_TIMERS_ENDED,
                                                    ESE_COUNT_DEAD_LETTERS};

int ese_turn_open(const struct ese_turn_parts *parts, struct ese_turn **turn,
                  struct ese_error *error)
{
    struct ese_turn *opened = ese_alloc(sizeof *opened);
    *turn = opened;
    opened->parts = *parts;
    if (ese_account_open(ese_state_database(parts->state), parts->history, counters,
                         ESE_COUNT_OF(counters), &opened->account, error) == 0) {
        opened->application =
            (struct ese_application){.parts = &opened->parts, .account = opened->account};
        return 0;
    }
    ese_turn_close(turn);
    return -1;
}

void ese_turn_close(struct ese_turn **turn)
{
    if (*turn == NULL)
        return;
    ese_account_close(&(*turn)->account);
    free((*turn)->fresh);
    free(*turn);
    *turn = NULL;
}

/* ---- event time ----------------------------------------------------------------------------- */

static void raise_event_time(struct ese_holding *holding, int64_t newest_ms, int64_t lateness_ms)
{
    int64_t event_time_ms = newest_ms - lateness_ms;
    if (event_time_ms > holding->position.event_time_ms)
        holding->position.event_time_ms = event_time_ms;
}

/* A client's clock counts no further than the server's, so that no sender can push time into the
 * future. */
static int64_t credible_ms(const struct ese_event *event, int64_t now_ms)
{
    int64_t bound_ms = event->server_ts != 0 ? event->server_ts : now_ms;
    int64_t ms = event->client_ts < bound_ms ? event->client_ts : bound_ms;
    return ms > 0 ? ms : 0;
}

void ese_turn_note_end(struct ese_turn *turn, int64_t polled_ms)
{
    for (int i = 0; i < turn->parts.holdings->count; i++)
        raise_event_time(turn->parts.holdings->items[i], polled_ms, turn->parts.lateness_ms);
}

/* ---- 1: what was handed --------------------------------------------------------------------- */

static enum ese_repeats_verdict judge(struct ese_holding *holding, const struct ese_event *event)
{
    int64_t event_time_ms = holding->position.event_time_ms;
    if (ese_id_is_ours(&event->id))
        return ese_repeats_note(holding->repeats, &event->id, event_time_ms);
    if (event->foreign_id[0] == '\0' || ese_id_is_none(&event->id))
        return ESE_REPEATS_NEW; /* neither lane nor name: its position alone tells it apart */
    return ese_named_note(holding->named, &event->id, event_time_ms) ? ESE_REPEATS_SEEN
                                                                     : ESE_REPEATS_NEW;
}

void ese_turn_note_handed(struct ese_turn *turn, int index, bool repeat)
{
    const struct ese_record *record = &turn->batch->records[index];
    if (index < turn->handed)
        return;
    turn->handed = index + 1;
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_HANDED, 1);
    ese_history_record(turn->parts.history,
                       &(struct ese_history_record){.kind = ESE_HISTORY_HANDED,
                                                    .aux = repeat ? 1 : 0,
                                                    .partition = record->partition,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .id = record->event.id,
                                                    .a = record->offset});
    ese_history_count(turn->parts.history, ESE_COUNT_HANDED, 1); /* behind it: killed in between, it has one less */
}

/* Nobody has had a dead letter, so repeats do not know it. Handed again, it stays one until it is
 * replayed: tried once more, it might end the next process. */
static int judge_letter(struct ese_turn *turn, const struct ese_holding *holding,
                        const struct ese_id *id, enum ese_repeats_verdict *verdict,
                        struct ese_error *error)
{
    if (holding->letters == 0 || ese_id_is_none(id))
        return 0;
    int has = ese_dead_letters_has(ese_state_letters(turn->parts.state), id, error);
    if (has == 1)
        *verdict = ESE_REPEATS_SEEN;
    return has == -1 ? -1 : 0;
}

/* Event time goes first: an event must be noted at the time it brings, or one that brings much of
 * it, as a partition's first does, would be taken for long unseen. */
static int hand(struct ese_turn *turn, struct ese_fresh *fresh, int64_t now_ms,
                struct ese_error *error)
{
    struct ese_holding *holding = fresh->holding;
    const struct ese_event *event = &fresh->record->event;
    raise_event_time(holding, credible_ms(event, now_ms), turn->parts.lateness_ms);
    enum ese_repeats_verdict verdict = ESE_REPEATS_NEW;
    if (judge_letter(turn, holding, &event->id, &verdict, error) != 0)
        return -1;
    if (verdict == ESE_REPEATS_NEW)
        verdict = judge(holding, event);
    ese_turn_note_handed(turn, fresh->index, verdict == ESE_REPEATS_SEEN);
    holding->events++;
    holding->position.next = fresh->record->next;
    if (verdict == ESE_REPEATS_SEEN) {
        holding->progress.repeats++;
        return 0;
    }
    holding->progress.processed++;
    holding->progress.beyond_window += verdict == ESE_REPEATS_BEYOND;
    bool is_late = event->client_ts < holding->position.event_time_ms;
    holding->progress.late += is_late;
    ese_statistics_note_lags(turn->parts.statistics, event, now_ms);
    fresh->event_time_ms = holding->position.event_time_ms;
    fresh->is_straggler = is_late && event->client_ts < now_ms - turn->parts.lateness_ms;
    turn->fresh[turn->count++] = *fresh;
    return 0;
}

/* What is no event stands between the others: what lies before the slice's end goes with it, and
 * what lies behind all events with the last one. */
static void pass_unreadables(struct ese_turn *turn)
{
    for (int i = 0; i < turn->batch->unreadable; i++) {
        const struct ese_unreadable *record = &turn->batch->unreadables[i];
        struct ese_holding *holding = ese_holdings_find(turn->parts.holdings, record->partition);
        if (holding == NULL || record->offset < holding->from ||
            (record->offset >= holding->position.next && turn->to < turn->batch->count))
            continue;
        holding->passed++;
        if (record->next > holding->position.next)
            holding->position.next = record->next;
    }
}

static void begin_slice(struct ese_turn *turn, int from, int to)
{
    turn->from = from;
    turn->to = to;
    turn->count = 0;
    turn->failed_at = ESE_TURN_NONE;
    turn->is_stopped = false;
    turn->letter = NULL;
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        holding->from = holding->position.next;
        holding->keys_from = holding->keys;
        holding->timers_from = holding->timers;
        holding->events = 0;
        holding->passed = 0;
        holding->progress = (struct ese_progress){0};
    }
}

static int hand_slice(struct ese_turn *turn, struct ese_error *error)
{
    int64_t now_ms = ese_clock_wall_ms();
    if (turn->to - turn->from > turn->room) {
        turn->room = turn->to - turn->from;
        turn->fresh = ese_realloc_array(turn->fresh, (size_t)turn->room, sizeof turn->fresh[0]);
    }
    for (int i = turn->from; i < turn->to; i++) {
        const struct ese_record *record = &turn->batch->records[i];
        struct ese_fresh fresh = {
            .record = record,
            .index = i,
            .holding = ese_holdings_find(turn->parts.holdings, record->partition)};
        if (fresh.holding != NULL && hand(turn, &fresh, now_ms, error) != 0)
            return -1;
    }
    pass_unreadables(turn);
    return 0;
}

/* ---- 2: order ------------------------------------------------------------------------------- */

static int by_due_time(const void *left, const void *right)
{
    const struct ese_event *a = &((const struct ese_fresh *)left)->record->event;
    const struct ese_event *b = &((const struct ese_fresh *)right)->record->event;
    if (a->client_ts != b->client_ts)
        return a->client_ts < b->client_ts ? -1 : 1;
    return ese_id_compare(&a->id, &b->id);
}

/* ---- 3: the transaction --------------------------------------------------------------------- */

static int apply(struct ese_turn *turn, const struct ese_fresh *fresh, struct ese_error *error)
{
    if (ese_application_event(&turn->application, fresh, error) == 0)
        return 0;
    if (turn->application.failed != NULL)
        turn->failed_at = fresh->index;
    return -1;
}

static int put_letter(struct ese_turn *turn, struct ese_holding *holding,
                      const struct ese_dead_letter *letter, struct ese_error *error)
{
    if (ese_dead_letters_put(ese_state_letters(turn->parts.state), letter, error) != 0)
        return -1;
    holding->letters++;
    turn->letters++;
    ese_history_record(turn->parts.history,
                       &(struct ese_history_record){.kind = ESE_HISTORY_DEAD_LETTER,
                                                    .aux = (uint16_t)letter->cause,
                                                    .partition = letter->partition,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .id = letter->event.id,
                                                    .a = letter->offset,
                                                    .b = letter->tries});
    return 0;
}

static int put_unreadable(struct ese_turn *turn, struct ese_holding *holding,
                          const struct ese_unreadable *record, struct ese_error *error)
{
    struct ese_dead_letter letter = {.partition = record->partition,
                                     .offset = record->offset,
                                     .cause = ESE_DEAD_UNPARSABLE,
                                     .dead_ms = ese_clock_wall_ms(),
                                     .bytes = record->bytes,
                                     .length = record->length,
                                     .whole = record->whole};
    snprintf(letter.reason, sizeof letter.reason, "%s", record->reason);
    snprintf(letter.event.type, sizeof letter.event.type, "%s", record->type);
    return put_letter(turn, holding, &letter, error);
}

/* Of those that pass_unreadables has counted, what lies from..to. */
static int put_unreadables(struct ese_turn *turn, struct ese_holding *holding, int64_t from,
                           int64_t to, struct ese_error *error)
{
    for (int i = 0; holding->passed > 0 && i < turn->batch->unreadable; i++) {
        const struct ese_unreadable *record = &turn->batch->unreadables[i];
        if (record->partition == holding->partition && record->offset >= from &&
            record->offset < to && put_unreadable(turn, holding, record, error) != 0)
            return -1;
    }
    return 0;
}

/* In the order in which they stand. */
static int put_letters(struct ese_turn *turn, struct ese_holding *holding, struct ese_error *error)
{
    int64_t at = holding->from;
    if (turn->letter != NULL && holding->events > 0) {
        at = turn->letter->offset;
        if (put_unreadables(turn, holding, holding->from, at, error) != 0 ||
            put_letter(turn, holding, turn->letter, error) != 0)
            return -1;
    }
    return put_unreadables(turn, holding, at, holding->position.next, error);
}

/* ---- all of it at once ----------------------------------------------------------------------- */

static void count_progress(struct ese_turn *turn, const struct ese_progress *progress)
{
    ese_account_count(turn->account, ESE_COUNT_PROCESSED, progress->processed);
    ese_account_count(turn->account, ESE_COUNT_REPEATS, progress->repeats);
    ese_account_count(turn->account, ESE_COUNT_BEYOND_WINDOW, progress->beyond_window);
}

/* All that is kept of a partition that got on. */
static int save(struct ese_turn *turn, struct ese_holding *holding, struct ese_error *error)
{
    struct ese_state *state = turn->parts.state;
    struct ese_attempts *attempts = ese_state_attempts(state);
    int32_t partition = holding->partition;
    if (ese_state_advance(state, partition, &holding->position, &holding->progress, error) != 0 ||
        ese_state_save_repeats(state, partition, holding->repeats, error) != 0 ||
        ese_state_save_named(state, partition, holding->named, error) != 0 ||
        ese_attempts_clear_lives(attempts, partition, &holding->attempt, error) != 0)
        return -1;
    if ((turn->is_trial || turn->letter != NULL) && holding->events > 0 &&
        ese_attempts_end(attempts, partition, &holding->attempt, error) != 0)
        return -1;
    if (ese_application_leave(&turn->application, holding, error) != 0)
        return -1;
    return ese_state_save_kept(state, partition, holding->kept, error);
}

static int write(struct ese_turn *turn, struct ese_error *error)
{
    for (int i = 0; i < turn->count; i++)
        if (apply(turn, &turn->fresh[i], error) != 0)
            return -1;
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        if (holding->events + holding->passed == 0)
            continue;
        if (put_letters(turn, holding, error) != 0 || save(turn, holding, error) != 0)
            return -1;
        count_progress(turn, &holding->progress);
    }
    return 0;
}

/* For partitions of which nothing came. That their event time has gone on is worth a write only
 * where something has left by it. */
static int rest(struct ese_turn *turn, struct ese_error *error)
{
    static const struct ese_progress none = {.processed = 0};
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        int64_t keys = holding->keys;
        if (ese_state_check_owned(turn->parts.state, holding->partition, holding->position.epoch,
                                  error) != 0 ||
            ese_application_leave(&turn->application, holding, error) != 0)
            return -1;
        if (holding->keys != keys &&
            (ese_state_advance(turn->parts.state, holding->partition, &holding->position, &none, error) != 0 ||
             ese_state_save_kept(turn->parts.state, holding->partition, holding->kept, error) != 0))
            return -1;
    }
    return 0;
}

/* Does what work writes in one transaction with all that is counted of it. */
static int commit(struct ese_turn *turn, int events,
                  int (*work)(struct ese_turn *turn, struct ese_error *error),
                  struct ese_error *error)
{
    bool may_go_off = ese_holdings_timers(turn->parts.holdings) > 0 &&
                      ese_state_check_room(turn->parts.state, events + TIMERS, NULL) == 0;
    turn->application.timers = may_go_off ? TIMERS : 0;
    turn->application.decided = 0;
    turn->application.failed = NULL;
    turn->letters = 0;
    if (ese_state_begin(turn->parts.state, error) != 0)
        return -1;
    bool done = work(turn, error) == 0;
    ese_account_count(turn->account, ESE_COUNT_DECIDED, turn->application.decided);
    ese_account_count(turn->account, ESE_COUNT_DEAD_LETTERS, turn->letters);
    done = done && ese_account_write(turn->account, error) == 0 &&
           ese_state_commit(turn->parts.state, error) == 0;
    ese_account_settle(turn->account, done);
    if (!done)
        ese_state_rollback(turn->parts.state);
    return done ? 0 : -1;
}

/* ---- 4: telling ----------------------------------------------------------------------------- */

static void tell_committed(struct ese_turn *turn, const struct ese_holding *holding, int64_t now_ns)
{
    const struct ese_progress *progress = &holding->progress;
    struct ese_statistics *statistics = turn->parts.statistics;
    ese_history_record(turn->parts.history,
                       &(struct ese_history_record){.kind = ESE_HISTORY_COMMITTED,
                                                    .partition = holding->partition,
                                                    .time_ns = now_ns,
                                                    .a = holding->position.next,
                                                    .b = holding->events});
    ese_statistics_count(statistics, ESE_FIGURE_PROCESSED, progress->processed);
    ese_statistics_count(statistics, ESE_FIGURE_REPEATS, progress->repeats);
    ese_statistics_count(statistics, ESE_FIGURE_BEYOND_WINDOW, progress->beyond_window);
    ese_statistics_count(statistics, ESE_FIGURE_LATE, progress->late);
}

/* told: what the holdings had evicted when it was told last. A holding that was dropped takes its
 * part along. */
static void tell_evicted(struct ese_turn *turn, enum ese_figure figure, int64_t evicted,
                         int64_t *told)
{
    if (evicted > *told)
        ese_statistics_count(turn->parts.statistics, figure, evicted - *told);
    *told = evicted;
}

static void tell(struct ese_turn *turn)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t evicted = 0, names_evicted = 0;
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        evicted += ese_repeats_evicted(holding->repeats);
        names_evicted += ese_named_evicted(holding->named);
        if (holding->events + holding->passed == 0)
            continue;
        holding->has_moved = true;
        tell_committed(turn, holding, now_ns);
    }
    ese_history_set(turn->parts.history, ESE_COUNT_LAST_DONE_NS, now_ns);
    ese_statistics_note_syncs(turn->parts.statistics, ese_sqlite_syncs());
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_BATCHES, 1);
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_DECISIONS, turn->application.decided);
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_DEAD_LETTERS, turn->letters);
    tell_evicted(turn, ESE_FIGURE_EVICTED, evicted, &turn->evicted);
    tell_evicted(turn, ESE_FIGURE_NAMES_EVICTED, names_evicted, &turn->names_evicted);
}

/* ---- what others call ----------------------------------------------------------------------- */

static int finish_slice(struct ese_turn *turn, struct ese_error *error)
{
    if (commit(turn, turn->to - turn->from, write, error) != 0)
        return -1;
    tell(turn);
    turn->decided += turn->application.decided;
    return 0;
}

int ese_turn_slice(struct ese_turn *turn, int from, int to, struct ese_error *error)
{
    begin_slice(turn, from, to);
    if (hand_slice(turn, error) != 0)
        return -1;
    turn->is_stopped = turn->parts.wait != NULL && !turn->parts.wait(turn->parts.context);
    if (turn->is_stopped || (turn->is_trial && ese_turn_begin_try(turn, from, error) != 0))
        return -1;
    if (turn->parts.sort)
        qsort(turn->fresh, (size_t)turn->count, sizeof turn->fresh[0], by_due_time);
    if (turn->batch->at_end && to == turn->batch->count)
        ese_turn_note_end(turn, turn->polled_ms);
    return finish_slice(turn, error);
}

int ese_turn_pass_over(struct ese_turn *turn, int index, const struct ese_dead_letter *letter,
                       struct ese_error *error)
{
    const struct ese_record *record = &turn->batch->records[index];
    struct ese_holding *holding = ese_holdings_find(turn->parts.holdings, record->partition);
    begin_slice(turn, index, index + 1);
    ese_turn_note_handed(turn, index, false);
    holding->events = 1;
    holding->progress.processed = 1;
    holding->position.next = record->next;
    turn->letter = letter;
    pass_unreadables(turn);
    return finish_slice(turn, error);
}

int ese_turn_rest(struct ese_turn *turn, int *decided, struct ese_error *error)
{
    if (commit(turn, 0, rest, error) != 0)
        return -1;
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_DECISIONS, turn->application.decided);
    *decided = turn->application.decided;
    return 0;
}
