#include "orchestration/lab/foreign_names.h"

#include <stdio.h>

#include "ese-core/hash.h"
#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "orchestration/lab/number_table.h"

#define LANES 64 /* as ese-client has by itself: a run is judged by lanes (share.h) */
#define OFFERED 1 /* runs; */
#define UNHEARD_OF 2

struct name {
    char *text;
    struct ese_id id;
};

struct ese_foreign_names {
    struct name *list;
    uint32_t count, size;
    struct ese_number_table by_name, by_id;
    uint32_t next[3][LANES];
};

static uint64_t hash_text(const char *text)
{
    return ese_number_mix(ese_hash64(text));
}

static uint64_t hash_of(const void *list, uint32_t number)
{
    return hash_text(((const struct name *)list)[number].text);
}

static uint64_t hash_id(const struct ese_id *id)
{
    uint64_t half[2];
    memcpy(half, id, sizeof half);
    return ese_number_mix(half[0] ^ ese_number_mix(half[1]));
}

static uint64_t hash_of_id(const void *list, uint32_t number)
{
    return hash_id(&((const struct name *)list)[number].id);
}

static bool is_same_id(const void *list, uint32_t number, const void *id)
{
    return ese_id_equal(&((const struct name *)list)[number].id, id);
}

static bool is_same(const void *list, uint32_t number, const void *text)
{
    return strcmp(((const struct name *)list)[number].text, text) == 0;
}

struct ese_foreign_names *ese_foreign_names_new(void)
{
    struct ese_foreign_names *names = ese_alloc(sizeof *names);
    names->by_name = (struct ese_number_table){.hash = hash_of, .same = is_same};
    names->by_id = (struct ese_number_table){.hash = hash_of_id, .same = is_same_id};
    return names;
}

void ese_foreign_names_free(struct ese_foreign_names **names)
{
    if (*names == NULL)
        return;
    for (uint32_t i = 0; i < (*names)->count; i++)
        free((*names)->list[i].text);
    free((*names)->list);
    ese_number_table_free(&(*names)->by_name);
    ese_number_table_free(&(*names)->by_id);
    free(*names);
    *names = NULL;
}

static struct ese_id add(struct ese_foreign_names *names, const char *text, const struct ese_id *id)
{
    if (names->count == names->size) {
        names->size = names->size == 0 ? 256 : names->size * 2;
        names->list = ese_realloc_array(names->list, names->size, sizeof *names->list);
    }
    names->list[names->count] = (struct name){.text = ese_copy_text(text), .id = *id};
    ese_number_table_add(&names->by_name, names->list, names->count);
    ese_number_table_add(&names->by_id, names->list, names->count++);
    return *id;
}

static struct ese_id make(struct ese_foreign_names *names, uint32_t run, const char *key, int64_t client_ts)
{
    uint16_t lane = (uint16_t)(hash_text(key) % LANES);
    return ese_id_make(&(struct ese_id_parts){
        .time_ms = client_ts, .lane = lane, .run = run, .sequence = names->next[run][lane]++});
}

static struct ese_id id_of(struct ese_foreign_names *names, const char *name, uint32_t run, const char *key,
                           int64_t client_ts)
{
    struct ese_id id;
    if (ese_id_parse(name, &id, NULL) == 0 && ese_id_is_ours(&id))
        return id;
    uint32_t number = ese_number_table_find(&names->by_name, names->list, hash_text(name), name);
    if (number != ESE_NUMBER_NONE)
        return names->list[number].id;
    id = make(names, run, key, client_ts);
    return add(names, name, &id);
}

struct ese_id ese_foreign_names_offer(struct ese_foreign_names *names, const char *name, const char *key,
                                      int64_t client_ts)
{
    return id_of(names, name, OFFERED, key, client_ts);
}

struct ese_id ese_foreign_names_find(struct ese_foreign_names *names, const char *name)
{
    return id_of(names, name, UNHEARD_OF, name, 0);
}

void ese_foreign_names_text(const struct ese_foreign_names *names, const struct ese_id *id, char *text, size_t size)
{
    char own[ESE_ID_TEXT_SIZE];
    uint32_t number = ese_number_table_find(&names->by_id, names->list, hash_id(id), id);
    ese_id_text(id, own);
    snprintf(text, size, "%s", number != ESE_NUMBER_NONE ? names->list[number].text : own);
    ese_json_make_utf8(text); /* where it was cut */
}
