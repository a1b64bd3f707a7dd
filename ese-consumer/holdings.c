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
