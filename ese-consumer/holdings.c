#include "ese-consumer/holdings.h"

#include "ese-core/memory.h"

static int index_of(const struct ese_holdings *holdings, int32_t partition)
{
    int i = 0;
    while (i < holdings->count && holdings->items[i]->partition != partition)
        i++;
    return i;
}

struct ese_holding *ese_holdings_add(struct ese_holdings *holdings, int32_t partition)
{
    ese_holdings_drop(holdings, partition);
    if (holdings->count == ESE_HOLDINGS_LIMIT)
        return NULL;
    struct ese_holding *holding = ese_alloc(sizeof *holding);
    holding->partition = partition;
    holding->repeats = ese_repeats_new(ESE_REPEATS_LIMIT);
    holding->named = ese_named_new(ESE_NAMED_LIMIT);
    holding->kept = ese_kept_new();
    holdings->items[holdings->count++] = holding;
    return holding;
}

struct ese_holding *ese_holdings_find(struct ese_holdings *holdings, int32_t partition)
{
    int i = index_of(holdings, partition);
    return i < holdings->count ? holdings->items[i] : NULL;
}

void ese_holdings_drop(struct ese_holdings *holdings, int32_t partition)
{
    int i = index_of(holdings, partition);
    if (i == holdings->count)
        return;
    ese_repeats_free(&holdings->items[i]->repeats);
    ese_named_free(&holdings->items[i]->named);
    ese_kept_free(&holdings->items[i]->kept);
    free(holdings->items[i]);
    holdings->items[i] = holdings->items[--holdings->count];
}

void ese_holdings_clear(struct ese_holdings *holdings)
{
    while (holdings->count > 0)
        ese_holdings_drop(holdings, holdings->items[0]->partition);
}

int64_t ese_holdings_keys(const struct ese_holdings *holdings)
{
    int64_t keys = 0;
    for (int i = 0; i < holdings->count; i++)
        keys += holdings->items[i]->keys;
    return keys;
}

int64_t ese_holdings_timers(const struct ese_holdings *holdings)
{
    int64_t timers = 0;
    for (int i = 0; i < holdings->count; i++)
        timers += holdings->items[i]->timers;
    return timers;
}

/* Of what leaves without a word the file does not say that it has left. */
static void count_keys(struct ese_holding *holding, const struct ese_rules *rules)
{
    for (int i = 0; i < rules->count; i++) {
        const struct ese_rule *rule = rules->items[i];
        if (rule->expire == NULL)
            ese_kept_restored(holding->kept, rule, holding->position.event_time_ms);
        int64_t keys = ese_kept_count(holding->kept, rule);
        holding->keys += keys;
        holding->timers += rule->expire != NULL ? keys : 0;
    }
}

/* Into a holding that remembers nothing. */
static int remember(struct ese_holding *holding, struct ese_state *state, struct ese_error *error)
{
    int32_t partition = holding->partition;
    if (ese_state_load_repeats(state, partition, holding->repeats, error) != 0 ||
        ese_state_load_named(state, partition, holding->named, error) != 0)
        return -1;
    return ese_state_load_kept(state, partition, holding->kept, error);
}

int ese_holding_load(struct ese_holding *holding, struct ese_state *state, const char *name,
                     const struct ese_rules *rules, struct ese_error *error)
{
    int32_t partition = holding->partition;
    if (ese_state_take(state, partition, name, &holding->position, error) != 0 ||
        ese_attempts_take(ese_state_attempts(state), partition, &holding->attempt, error) != 0 ||
        ese_dead_letters_count(ese_state_letters(state), partition, &holding->letters, error) != 0 ||
        remember(holding, state, error) != 0)
        return -1;
    count_keys(holding, rules);
    return 0;
}

int ese_holding_reload(struct ese_holding *holding, struct ese_state *state,
                       struct ese_error *error)
{
    int64_t epoch = holding->position.epoch; /* ours: whoever has raised it since fences us */
    int32_t partition = holding->partition;
    if (ese_state_read_position(state, partition, &holding->position, error) == -1 ||
        ese_attempts_read(ese_state_attempts(state), partition, &holding->attempt, error) == -1)
        return -1;
    holding->position.epoch = epoch;
    holding->keys = holding->keys_from;
    holding->timers = holding->timers_from;
    ese_kept_undo(holding->kept);
    if (ese_state_undo_repeats(state, partition, holding->repeats, error) != 0)
        return -1;
    if (ese_named_undo(holding->named))
        return 0;
    ese_named_free(&holding->named);
    holding->named = ese_named_new(ESE_NAMED_LIMIT);
    return ese_state_load_named(state, partition, holding->named, error);
}
