#include "ese-consumer/kept_internal.h"

#include <assert.h>

#include "ese-core/memory.h"

#define BUCKETS 1024 /* at first; a power of two, as all that follow */
#define SHEETS 64    /* likewise */

struct ese_kept *ese_kept_new(void)
{
    struct ese_kept *kept = ese_alloc(sizeof *kept);
    kept->buckets = ese_alloc_array(BUCKETS, sizeof(struct ese_kept_key *));
    kept->mask = BUCKETS - 1;
    kept->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    kept->sheets = ese_alloc_array(SHEETS, sizeof *kept->sheets);
    kept->sheet_room = SHEETS;
    kept->sheet = (struct ese_buffer)ESE_BUFFER_INIT(SIZE_MAX);
    return kept;
}

void ese_kept_free(struct ese_kept **kept)
{
    if (*kept == NULL)
        return;
    ese_kept_settle(*kept);
    for (size_t i = 0; i <= (*kept)->mask; i++) {
        for (struct ese_kept_key *key = (*kept)->buckets[i], *next; key != NULL; key = next) {
            next = key->next_in_bucket;
            free(key);
        }
    }
    for (uint16_t i = 0; i < (*kept)->rule_count; i++)
        free((*kept)->rules[i].heap);
    free((*kept)->rules);
    free((*kept)->changes);
    free((*kept)->sheets);
    free((*kept)->buckets);
    ese_buffer_free(&(*kept)->sheet);
    free(*kept);
    *kept = NULL;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static int find_rule(const struct ese_kept *kept, const char *name)
{
    for (uint16_t i = 0; i < kept->rule_count; i++) {
        if (strcmp(kept->rules[i].name, name) == 0)
            return i;
    }
    return -1;
}

uint16_t ese_kept_rule(struct ese_kept *kept, const char *name)
{
    int found = find_rule(kept, name);
    if (found != -1)
        return (uint16_t)found;
    assert(kept->rule_count < UINT16_MAX && strlen(name) < ESE_KEPT_RULE_SIZE);
    kept->rules = ese_realloc_array(kept->rules, kept->rule_count + 1U, sizeof *kept->rules);
    struct ese_kept_rule *added = &kept->rules[kept->rule_count];
    *added = (struct ese_kept_rule){.first = NULL};
    snprintf(added->name, sizeof added->name, "%s", name);
    return kept->rule_count++;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* Eight bytes at a time. */
static uint64_t hash_of(const struct ese_kept *kept, uint16_t rule, const char *key, size_t length)
{
    uint64_t hash = kept->salt ^ rule, bits = 0;
    for (; length >= sizeof bits; key += sizeof bits, length -= sizeof bits) {
        memcpy(&bits, key, sizeof bits);
        hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    bits = length;
    memcpy(&bits, key, length);
    hash = (hash ^ bits ^ (uint64_t)length << 56) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static struct ese_kept_key *find(const struct ese_kept *kept, uint64_t hash, uint16_t rule, const char *key)
{
    struct ese_kept_key *found = kept->buckets[hash & kept->mask];
    while (found != NULL &&
           (found->hash != hash || found->rule != rule || strcmp(found->bytes, key) != 0))
        found = found->next_in_bucket;
    return found;
}

struct ese_kept_key *ese_kept_find(const struct ese_kept *kept, uint16_t rule, const char *key)
{
    return find(kept, hash_of(kept, rule, key, strlen(key)), rule, key);
}

static void grow_table(struct ese_kept *kept)
{
    size_t room = (kept->mask + 1) * 2;
    struct ese_kept_key **buckets = ese_alloc_array(room, sizeof(struct ese_kept_key *));
    for (size_t i = 0; i <= kept->mask; i++) {
        for (struct ese_kept_key *key = kept->buckets[i], *next; key != NULL; key = next) {
            next = key->next_in_bucket;
            key->next_in_bucket = buckets[key->hash & (room - 1)];
            buckets[key->hash & (room - 1)] = key;
        }
    }
    free(kept->buckets);
    kept->buckets = buckets;
    kept->mask = room - 1;
}

static void join_bucket(struct ese_kept *kept, struct ese_kept_key *key)
{
    if (2 * kept->count++ > kept->mask) /* half empty, as most keys that are looked for are not there */
        grow_table(kept);
    key->next_in_bucket = kept->buckets[key->hash & kept->mask];
    kept->buckets[key->hash & kept->mask] = key;
}

static void leave_bucket(struct ese_kept *kept, struct ese_kept_key *key)
{
    struct ese_kept_key **link = &kept->buckets[key->hash & kept->mask];
    while (*link != key)
        link = &(*link)->next_in_bucket;
    *link = key->next_in_bucket;
    kept->count--;
}

/* ---- who leaves first ------------------------------------------------------------------------ */

static struct ese_kept_timer timer_of(struct ese_kept_key *key)
{
    return (struct ese_kept_timer){.leaves_ms = key->leaves_ms, .key = key};
}

static bool is_earlier(const struct ese_kept_timer *a, const struct ese_kept_timer *b)
{
    return a->leaves_ms != b->leaves_ms ? a->leaves_ms < b->leaves_ms : strcmp(a->key->bytes, b->key->bytes) < 0;
}

static void set(struct ese_kept_rule *rule, size_t place, struct ese_kept_timer timer)
{
    rule->heap[place] = timer;
    timer.key->place = (uint32_t)place;
}

/* The timer goes where it belongs, from a place that is free. */
static void sift(struct ese_kept_rule *rule, size_t place, struct ese_kept_timer timer)
{
    while (place > 0 && is_earlier(&timer, &rule->heap[(place - 1) / 2])) {
        set(rule, place, rule->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (size_t child = 2 * place + 1; child < rule->in_heap; child = 2 * place + 1) {
        if (child + 1 < rule->in_heap && is_earlier(&rule->heap[child + 1], &rule->heap[child]))
            child++;
        if (!is_earlier(&rule->heap[child], &timer))
            break;
        set(rule, place, rule->heap[child]);
        place = child;
    }
    set(rule, place, timer);
}

static void join_heap(struct ese_kept_rule *rule, struct ese_kept_key *key)
{
    if (rule->in_heap == rule->room) {
        rule->room = rule->room == 0 ? 64 : rule->room * 2;
        rule->heap = ese_realloc_array(rule->heap, rule->room, sizeof *rule->heap);
    }
    rule->in_heap++;
    sift(rule, rule->in_heap - 1, timer_of(key));
}

static void leave_heap(struct ese_kept_rule *rule, const struct ese_kept_key *key)
{
    struct ese_kept_timer last = rule->heap[--rule->in_heap];
    if (last.key != key)
        sift(rule, key->place, last);
}

static void join_line(struct ese_kept_rule *rule, struct ese_kept_key *key)
{
    key->place = ESE_KEPT_IN_LINE;
    key->earlier = rule->last;
    key->later = NULL;
    *(rule->last != NULL ? &rule->last->later : &rule->first) = key;
    rule->last = key;
    rule->in_line++;
}

static void leave_line(struct ese_kept_rule *rule, const struct ese_kept_key *key)
{
    *(key->earlier != NULL ? &key->earlier->later : &rule->first) = key->later;
    *(key->later != NULL ? &key->later->earlier : &rule->last) = key->earlier;
    rule->in_line--;
}

static void begin_waiting(struct ese_kept_rule *rule, struct ese_kept_key *key)
{
    struct ese_kept_timer timer = timer_of(key);
    if (rule->last != NULL) {
        struct ese_kept_timer last = timer_of(rule->last);
        if (!is_earlier(&last, &timer)) {
            join_heap(rule, key);
            return;
        }
    }
    join_line(rule, key);
}

static void end_waiting(struct ese_kept_rule *rule, const struct ese_kept_key *key)
{
    if (key->place == ESE_KEPT_IN_LINE)
        leave_line(rule, key);
    else
        leave_heap(rule, key);
}

static struct ese_kept_key *first_of(const struct ese_kept_rule *rule)
{
    if (rule->first == NULL || rule->in_heap == 0)
        return rule->first != NULL ? rule->first : rule->in_heap > 0 ? rule->heap[0].key : NULL;
    struct ese_kept_timer first = timer_of(rule->first);
    return is_earlier(&first, &rule->heap[0]) ? first.key : rule->heap[0].key;
}

/* ---- keys come and go ------------------------------------------------------------------------ */

struct ese_kept_sheet *ese_kept_sheet_of(const struct ese_kept *kept, int64_t number)
{
    return &kept->sheets[(size_t)number & (kept->sheet_room - 1)];
}

struct ese_kept_key *ese_kept_make(const struct ese_kept *kept, uint16_t rule, const char *key, const void *state,
                                   size_t length, int64_t leaves_ms)
{
    size_t key_length = strlen(key);
    struct ese_kept_key *made = ese_realloc_array(NULL, 1, sizeof *made + key_length + 1 + length);
    *made = (struct ese_kept_key){.hash = hash_of(kept, rule, key, key_length),
                                  .leaves_ms = leaves_ms,
                                  .sheet = ESE_KEPT_UNSAVED,
                                  .rule = rule,
                                  .length = (uint16_t)length,
                                  .state_at = (uint16_t)(key_length + 1)};
    memcpy(made->bytes, key, key_length + 1);
    memcpy(made->bytes + made->state_at, state, length);
    return made;
}

static void count_valid(const struct ese_kept *kept, const struct ese_kept_key *key, int more)
{
    if (key->sheet != ESE_KEPT_UNSAVED)
        ese_kept_sheet_of(kept, key->sheet)->valid += more;
}

void ese_kept_replace(struct ese_kept *kept, struct ese_kept_key *was, struct ese_kept_key *is)
{
    if (was != NULL) {
        leave_bucket(kept, was);
        end_waiting(&kept->rules[was->rule], was);
        count_valid(kept, was, -1);
        was->is_current = false;
    }
    if (is != NULL) {
        join_bucket(kept, is);
        begin_waiting(&kept->rules[is->rule], is);
        count_valid(kept, is, 1);
        is->is_current = true;
    }
}

/* ---- changes --------------------------------------------------------------------------------- */

static void change(struct ese_kept *kept, struct ese_kept_key *was, struct ese_kept_key *is, bool is_swept)
{
    if (kept->change_count == kept->change_room) {
        kept->change_room = kept->change_room == 0 ? 64 : kept->change_room * 2;
        kept->changes = ese_realloc_array(kept->changes, kept->change_room, sizeof *kept->changes);
    }
    kept->changes[kept->change_count++] = (struct ese_kept_change){.was = was, .is = is, .is_swept = is_swept};
    ese_kept_replace(kept, was, is);
}

void ese_kept_settle(struct ese_kept *kept)
{
    for (size_t i = 0; i < kept->change_count; i++)
        free(kept->changes[i].was);
    kept->change_count = 0;
}

void ese_kept_undo(struct ese_kept *kept)
{
    while (kept->change_count > 0) {
        const struct ese_kept_change *last = &kept->changes[--kept->change_count];
        ese_kept_replace(kept, last->is, last->was);
        free(last->is);
    }
}

/* ---- what others call ------------------------------------------------------------------------ */

static int read_key(const struct ese_kept_key *key, const struct ese_rule *rule, struct ese_rule_state *state,
                    struct ese_error *error)
{
    assert(rule->state_size <= sizeof state->bytes);
    if (key->length > rule->state_size)
        return ese_fail(error, ESE_E_INVALID,
                        "the state file keeps %zu bytes of key '%s' for rule %s, which has %zu "
                        "at most; it was made by another version: delete it to begin anew",
                        (size_t)key->length, key->bytes, rule->name, rule->state_size);
    state->length = key->length;
    state->leaves_ms = key->leaves_ms;
    memcpy(state->bytes, key->bytes + key->state_at, key->length);
    return 0;
}

int ese_kept_get(const struct ese_kept *kept, const struct ese_rule *rule, const char *key,
                 struct ese_rule_state *state, struct ese_error *error)
{
    int number = find_rule(kept, rule->name);
    const struct ese_kept_key *found = number == -1 ? NULL : ese_kept_find(kept, (uint16_t)number, key);
    state->length = 0;
    return found == NULL ? 0 : read_key(found, rule, state, error);
}

void ese_kept_put(struct ese_kept *kept, const struct ese_rule *rule, const char *key,
                  const struct ese_rule_state *state)
{
    uint16_t number = ese_kept_rule(kept, rule->name);
    struct ese_kept_key *was = ese_kept_find(kept, number, key), *is = NULL;
    assert(state->length <= rule->state_size);
    if (state->length > 0) {
        is = ese_kept_make(kept, number, key, state->bytes, state->length, state->leaves_ms);
        is->in_log = was != NULL && was->in_log;
    }
    if (was != NULL || is != NULL)
        change(kept, was, is, false);
}

int64_t ese_kept_count(const struct ese_kept *kept, const struct ese_rule *rule)
{
    int number = find_rule(kept, rule->name);
    return number == -1 ? 0 : (int64_t)(kept->rules[number].in_line + kept->rules[number].in_heap);
}

/* The rule's first, where it has left. */
static struct ese_kept_key *first_left(const struct ese_kept *kept, int rule, int64_t event_time_ms)
{
    struct ese_kept_key *first = rule == -1 ? NULL : first_of(&kept->rules[rule]);
    return first != NULL && first->leaves_ms < event_time_ms ? first : NULL;
}

int ese_kept_find_left(const struct ese_kept *kept, const struct ese_rule *rule, int64_t event_time_ms,
                       char key[ESE_EVENT_KEY_SIZE], struct ese_rule_state *state, struct ese_error *error)
{
    const struct ese_kept_key *left = first_left(kept, find_rule(kept, rule->name), event_time_ms);
    if (left == NULL)
        return 0;
    snprintf(key, ESE_EVENT_KEY_SIZE, "%s", left->bytes);
    return read_key(left, rule, state, error) == 0 ? 1 : -1;
}

int64_t ese_kept_sweep(struct ese_kept *kept, const struct ese_rule *rule, int64_t event_time_ms, int64_t most)
{
    int number = find_rule(kept, rule->name);
    struct ese_kept_key *left;
    int64_t swept = 0;
    while (swept < most && (left = first_left(kept, number, event_time_ms)) != NULL) {
        change(kept, left, NULL, true);
        swept++;
    }
    return swept;
}
