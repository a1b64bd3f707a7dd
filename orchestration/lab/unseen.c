#include "orchestration/lab/unseen.h"

#include "ese-core/memory.h"

uint64_t ese_unseen_hash(const char *id)
{
    uint64_t hash = 0;
    for (const char *c = id; *c != '\0'; c++)
        hash = ese_number_mix(hash ^ (unsigned char)*c);
    return hash;
}

static uint64_t hash_of(const void *unseen, uint32_t number)
{
    return ese_unseen_hash(((const struct ese_unseen *)unseen)->messages[number].id);
}

static bool is_same(const void *unseen, uint32_t number, const void *id)
{
    return strcmp(((const struct ese_unseen *)unseen)->messages[number].id, id) == 0;
}

void ese_unseen_begin(struct ese_unseen *unseen)
{
    *unseen = (struct ese_unseen){.table = {.hash = hash_of, .same = is_same}};
}

void ese_unseen_free(struct ese_unseen *unseen)
{
    ese_number_table_free(&unseen->table);
    free(unseen->messages);
    ese_unseen_begin(unseen);
}

bool ese_unseen_add(struct ese_unseen *unseen, const char *id)
{
    if (ese_number_table_find(&unseen->table, unseen, ese_unseen_hash(id), id) != ESE_NUMBER_NONE)
        return false;
    if (unseen->count == unseen->size) {
        unseen->size = unseen->size == 0 ? 64 : unseen->size * 2;
        unseen->messages = ese_realloc_array(unseen->messages, unseen->size, sizeof *unseen->messages);
    }
    struct ese_unseen_message *message = &unseen->messages[unseen->count];
    *message = (struct ese_unseen_message){.attempts = 0};
    snprintf(message->id, sizeof message->id, "%s", id);
    ese_number_table_add(&unseen->table, unseen, unseen->count++);
    unseen->untried = unseen->count;
    return true;
}

struct ese_unseen_message *ese_unseen_next(struct ese_unseen *unseen)
{
    return unseen->untried == 0 ? NULL : &unseen->messages[--unseen->untried];
}

void ese_unseen_again(struct ese_unseen *unseen)
{
    struct ese_unseen left;
    ese_unseen_begin(&left);
    for (uint32_t i = 0; i < unseen->count; i++) {
        const struct ese_unseen_message *message = &unseen->messages[i];
        if (message->id[0] != '\0' && ese_unseen_add(&left, message->id))
            left.messages[left.count - 1].attempts = message->attempts;
    }
    ese_unseen_free(unseen);
    *unseen = left;
}
