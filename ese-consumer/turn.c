#include "ese-consumer/turn.h"

#include <inttypes.h>

#include "ese-core/account.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define SWEEP 1000 /* keys that have left are deleted in steps of this size */
#define TIMERS 500 /* and so many at most conclude something in one transaction */

/* An event that is no repeat, on its way to the rule. */
struct fresh {
    const struct ese_event *event;
    struct ese_holding *holding;
    int64_t event_time_ms; /* its partition's, when it was handed */
    bool is_straggler;     /* late, and no wall clock was set back: its key may have left */
};

struct ese_turn {
    struct ese_turn_parts parts;
    struct ese_account *account;
    struct fresh *fresh;
    int count;
    int room;
    int decided;
    int timers; /* that may still go off in this transaction */
    int64_t evicted;
    int64_t names_evicted;
};

/* What the commits of batches count. */
static const enum ese_history_counter counters[] = {ESE_COUNT_PROCESSED, ESE_COUNT_REPEATS,
                                                    ESE_COUNT_BEYOND_WINDOW, ESE_COUNT_DECIDED,
                                                    ESE_COUNT_TIMERS_SET, ESE_COUNT_TIMERS_ENDED};

int ese_turn_open(const struct ese_turn_parts *parts, struct ese_turn **turn,
                  struct ese_error *error)
{
    struct ese_turn *opened = ese_alloc(sizeof *opened);
    *turn = opened;
    opened->parts = *parts;
    if (ese_account_open(ese_state_database(parts->state), parts->history, counters,
                         ESE_COUNT_OF(counters), &opened->account, error) == 0)
        return 0;
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

static void note_handed(struct ese_turn *turn, const struct ese_record *record, bool repeat)
{
    ese_history_record(turn->parts.history,
                       &(struct ese_history_record){.kind = ESE_HISTORY_HANDED,
                                                    .aux = repeat ? 1 : 0,
                                                    .partition = record->partition,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .id = record->event.id,
                                                    .a = record->offset});
}

/* Event time goes first: an event must be noted at the time it brings, or one that brings much of
 * it, as a partition's first does, would be taken for long unseen. */
static void hand(struct ese_turn *turn, const struct ese_record *record,
                 struct ese_holding *holding, int64_t now_ms)
{
    const struct ese_event *event = &record->event;
    raise_event_time(holding, credible_ms(event, now_ms), turn->parts.lateness_ms);
    enum ese_repeats_verdict verdict = judge(holding, event);
    note_handed(turn, record, verdict == ESE_REPEATS_SEEN);
    holding->events++;
    holding->position.next = record->next;
    if (verdict == ESE_REPEATS_SEEN) {
        holding->progress.repeats++;
        return;
    }
    holding->progress.processed++;
    holding->progress.beyond_window += verdict == ESE_REPEATS_BEYOND;
    bool is_late = event->client_ts < holding->position.event_time_ms;
    holding->progress.late += is_late;
    ese_statistics_note_lags(turn->parts.statistics, event, now_ms);
    turn->fresh[turn->count++] = (struct fresh){
        .event = event,
        .holding = holding,
        .event_time_ms = holding->position.event_time_ms,
        .is_straggler = is_late && event->client_ts < now_ms - turn->parts.lateness_ms};
}

static void hand_all(struct ese_turn *turn, const struct ese_batch *batch)
{
    if (batch->count > turn->room) {
        turn->room = batch->count;
        turn->fresh = ese_realloc_array(turn->fresh, (size_t)turn->room, sizeof turn->fresh[0]);
    }
    turn->count = 0;
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        holding->events = 0;
        holding->progress = (struct ese_progress){0};
    }
    int64_t now_ms = ese_clock_wall_ms();
    int64_t handed = 0;
    for (int i = 0; i < batch->count; i++) {
        struct ese_holding *holding =
            ese_holdings_find(turn->parts.holdings, batch->records[i].partition);
        if (holding == NULL)
            continue;
        hand(turn, &batch->records[i], holding, now_ms);
        handed++;
    }
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_HANDED, handed);
    ese_history_count(turn->parts.history, ESE_COUNT_HANDED, handed);
}

/* ---- 2: order ------------------------------------------------------------------------------- */

static int by_due_time(const void *left, const void *right)
{
    const struct ese_event *a = ((const struct fresh *)left)->event;
    const struct ese_event *b = ((const struct fresh *)right)->event;
    if (a->client_ts != b->client_ts)
        return a->client_ts < b->client_ts ? -1 : 1;
    return ese_id_compare(&a->id, &b->id);
}

/* ---- 3: the transaction --------------------------------------------------------------------- */

static int add_decision(struct ese_turn *turn, struct ese_decision *decision, int32_t partition,
                        struct ese_error *error)
{
    bool added = false;
    decision->partition = partition;
    decision->made_ms = ese_clock_wall_ms();
    if (ese_decisions_add(turn->parts.decisions, decision, &added, error) != 0)
        return -1;
    if (!added)
        return 0;
    turn->decided++;
    ese_history_record(turn->parts.history,
                       &(struct ese_history_record){.kind = ESE_HISTORY_DECIDED,
                                                    .partition = partition,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .id = decision->id});
    return 0;
}

static int check_bound(const struct ese_turn *turn, const struct ese_rule *rule,
                       struct ese_error *error)
{
    if (ese_holdings_keys(turn->parts.holdings) <= turn->parts.max_keys)
        return 0;
    return ese_fail(error, ESE_E_FULL,
                    "rule %s would keep something of more than %" PRId64
                    " keys at once; nothing of this batch was committed. Raise --max-keys, or "
                    "lower --lateness-ms so that keys leave earlier",
                    rule->name, turn->parts.max_keys);
}

/* A key whose event comes late stays for as long as another: where the wall clock was set back, event
 * time waits for the events, and all of them are late. */
static void stay(struct ese_rule_state *kept, const struct fresh *fresh)
{
    int64_t late_ms;
    if (__builtin_sub_overflow(fresh->event_time_ms, fresh->event->client_ts, &late_ms) || late_ms <= 0)
        return;
    if (__builtin_add_overflow(kept->leaves_ms, late_ms, &kept->leaves_ms))
        kept->leaves_ms = INT64_MAX;
}

/* So many keys more, or less, of which a rule keeps something. */
static void count_keys(struct ese_turn *turn, struct ese_holding *holding,
                       const struct ese_rule *rule, int64_t more)
{
    holding->keys += more;
    if (rule->expire == NULL)
        return;
    holding->timers += more;
    if (more > 0)
        ese_account_count(turn->account, ESE_COUNT_TIMERS_SET, more);
    else
        ese_account_count(turn->account, ESE_COUNT_TIMERS_ENDED, -more);
}

static int apply_rule(struct ese_turn *turn, const struct ese_rule *rule, const struct fresh *fresh,
                      struct ese_error *error)
{
    struct ese_holding *holding = fresh->holding;
    const char *key = fresh->event->key;
    struct ese_rule_state kept;
    if (ese_state_load_key(turn->parts.state, rule, holding->partition, key, &kept, error) != 0)
        return -1;
    bool was_kept = kept.length != 0;
    if (!was_kept && rule->expire != NULL && fresh->is_straggler)
        return 0; /* nothing that was concluded is opened again */
    struct ese_decision decision;
    int concluded = rule->apply(&turn->parts.rules->settings, &kept, fresh->event, &decision);
    bool is_kept = kept.length != 0;
    count_keys(turn, holding, rule, (int)is_kept - (int)was_kept);
    stay(&kept, fresh);
    if (is_kept && !was_kept && check_bound(turn, rule, error) != 0)
        return -1;
    if ((is_kept || was_kept) &&
        ese_state_save_key(turn->parts.state, rule, holding->partition, key, &kept, error) != 0)
        return -1;
    return concluded ? add_decision(turn, &decision, holding->partition, error) : 0;
}

static int apply(struct ese_turn *turn, const struct fresh *fresh, struct ese_error *error)
{
    const struct ese_rules *rules = turn->parts.rules;
    for (int i = 0; i < rules->count; i++) {
        if (rules->items[i]->wants(fresh->event) &&
            apply_rule(turn, rules->items[i], fresh, error) != 0)
            return -1;
    }
    return 0;
}

/* ---- what leaves by event time --------------------------------------------------------------- */

static int sweep_rule(struct ese_turn *turn, const struct ese_rule *rule,
                      struct ese_holding *holding, struct ese_error *error)
{
    int64_t swept = 0;
    if (ese_state_sweep_keys(turn->parts.state, rule, holding->partition,
                             holding->position.event_time_ms, SWEEP, &swept, error) != 0)
        return -1;
    count_keys(turn, holding, rule, -swept);
    return 0;
}

/* The first of the keys that a rule waits for leaves. 1: one has; 0: there is none; -1. */
static int expire_first(struct ese_turn *turn, const struct ese_rule *rule,
                        struct ese_holding *holding, struct ese_error *error)
{
    struct ese_state *state = turn->parts.state;
    char key[ESE_EVENT_KEY_SIZE];
    struct ese_rule_state kept;
    struct ese_decision decision;
    int found = ese_state_find_left(state, rule, holding->partition,
                                    holding->position.event_time_ms, key, &kept, error);
    if (found != 1)
        return found;
    if (rule->expire(&turn->parts.rules->settings, &kept, key, &decision) == 1 &&
        add_decision(turn, &decision, holding->partition, error) != 0)
        return -1;
    kept.length = 0;
    count_keys(turn, holding, rule, -1);
    return ese_state_save_key(state, rule, holding->partition, key, &kept, error) == 0 ? 1 : -1;
}

static int expire_rule(struct ese_turn *turn, const struct ese_rule *rule,
                       struct ese_holding *holding, struct ese_error *error)
{
    int found = 1;
    for (; holding->timers > 0 && turn->timers > 0 && found == 1; turn->timers--)
        found = expire_first(turn, rule, holding, error);
    return found == -1 ? -1 : 0;
}

static int sweep(struct ese_turn *turn, struct ese_holding *holding, struct ese_error *error)
{
    const struct ese_rules *rules = turn->parts.rules;
    for (int i = 0; i < rules->count; i++) {
        const struct ese_rule *rule = rules->items[i];
        int swept = rule->expire == NULL ? sweep_rule(turn, rule, holding, error)
                                         : expire_rule(turn, rule, holding, error);
        if (swept != 0)
            return -1;
    }
    return 0;
}

/* ---- all of it at once ----------------------------------------------------------------------- */

static void count_progress(struct ese_turn *turn, const struct ese_progress *progress)
{
    ese_account_count(turn->account, ESE_COUNT_PROCESSED, progress->processed);
    ese_account_count(turn->account, ESE_COUNT_REPEATS, progress->repeats);
    ese_account_count(turn->account, ESE_COUNT_BEYOND_WINDOW, progress->beyond_window);
}

static int write(struct ese_turn *turn, struct ese_error *error)
{
    for (int i = 0; i < turn->count; i++)
        if (apply(turn, &turn->fresh[i], error) != 0)
            return -1;
    for (int i = 0; i < turn->parts.holdings->count; i++) {
        struct ese_holding *holding = turn->parts.holdings->items[i];
        if (holding->events == 0)
            continue;
        struct ese_state *state = turn->parts.state;
        int32_t partition = holding->partition;
        if (ese_state_advance(state, partition, &holding->position, &holding->progress,
                              error) != 0 ||
            ese_state_save_repeats(state, partition, holding->repeats, error) != 0 ||
            ese_state_save_named(state, partition, holding->named, error) != 0 ||
            sweep(turn, holding, error) != 0)
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
            sweep(turn, holding, error) != 0)
            return -1;
        if (holding->keys != keys && ese_state_advance(turn->parts.state, holding->partition,
                                                       &holding->position, &none, error) != 0)
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
    turn->timers = may_go_off ? TIMERS : 0;
    turn->decided = 0;
    if (ese_state_begin(turn->parts.state, error) != 0)
        return -1;
    bool done = work(turn, error) == 0;
    ese_account_count(turn->account, ESE_COUNT_DECIDED, turn->decided);
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
        const struct ese_holding *holding = turn->parts.holdings->items[i];
        evicted += ese_repeats_evicted(holding->repeats);
        names_evicted += ese_named_evicted(holding->named);
        if (holding->events > 0)
            tell_committed(turn, holding, now_ns);
    }
    ese_history_set(turn->parts.history, ESE_COUNT_LAST_DONE_NS, now_ns);
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_BATCHES, 1);
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_DECISIONS, turn->decided);
    tell_evicted(turn, ESE_FIGURE_EVICTED, evicted, &turn->evicted);
    tell_evicted(turn, ESE_FIGURE_NAMES_EVICTED, names_evicted, &turn->names_evicted);
}

/* ---- what others call ----------------------------------------------------------------------- */

int ese_turn_process(struct ese_turn *turn, const struct ese_batch *batch, int64_t polled_ms,
                     int *decided, struct ese_error *error)
{
    hand_all(turn, batch);
    if (turn->parts.sort)
        qsort(turn->fresh, (size_t)turn->count, sizeof turn->fresh[0], by_due_time);
    if (batch->at_end)
        ese_turn_note_end(turn, polled_ms);
    if (commit(turn, turn->count, write, error) != 0)
        return -1;
    tell(turn);
    *decided = turn->decided;
    return 0;
}

int ese_turn_rest(struct ese_turn *turn, int *decided, struct ese_error *error)
{
    if (commit(turn, 0, rest, error) != 0)
        return -1;
    ese_statistics_count(turn->parts.statistics, ESE_FIGURE_DECISIONS, turn->decided);
    *decided = turn->decided;
    return 0;
}
