#include "ese-consumer/repeats.h"

#include <assert.h>

#include "ese-core/memory.h"

#define BUCKETS 16384 /* a power of two; chains stay short up to the limit */
#define FORGOTTEN_AT_ONCE 8 /* a jump in event time must not make one event pay for all */

/* An entry is in one chain of the table and in the line of all entries, longest unseen first. A
 * changed one is also in the queue of what has to be saved; forgotten ones are only there. */
struct entry {
    struct ese_repeat repeat;
    struct entry *next_in_bucket;
    struct entry *earlier, *later;
    struct entry *next_changed;
    bool changed;
    bool forgotten;
};

struct ese_repeats {
    struct entry *buckets[BUCKETS];
    struct entry *longest_unseen, *last_seen;
    struct entry *first_changed, *last_changed;
    size_t count;
    size_t limit;
    int64_t evicted, evicted_saved;
    uint64_t salt; /* drawn, so that nobody can choose ids that share a bucket */
};

struct ese_repeats *ese_repeats_new(size_t limit)
{
    assert(limit > 0);
    struct ese_repeats *repeats = ese_alloc(sizeof *repeats);
    repeats->limit = limit;
    repeats->salt = (uint64_t)ese_id_draw_run() << 32 | ese_id_draw_run();
    return repeats;
}

void ese_repeats_free(struct ese_repeats **repeats)
{
    if (*repeats == NULL)
        return;
    while ((*repeats)->first_changed != NULL) {
        struct entry *entry = (*repeats)->first_changed;
        (*repeats)->first_changed = entry->next_changed;
        if (entry->forgotten)
            free(entry);
    }
    while ((*repeats)->longest_unseen != NULL) {
        struct entry *entry = (*repeats)->longest_unseen;
        (*repeats)->longest_unseen = entry->later;
        free(entry);
    }
    free(*repeats);
    *repeats = NULL;
}

/* ---- finding -------------------------------------------------------------------------------- */

static struct entry **bucket_of(struct ese_repeats *repeats, uint32_t run, uint16_t lane)
{
    uint64_t mixed = ((uint64_t)run << 12 | lane) ^ repeats->salt;
    mixed *= UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing: the high bits are the mixed ones */
    mixed ^= mixed >> 32;
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    return &repeats->buckets[mixed >> 50];
}

static struct entry *find(struct ese_repeats *repeats, uint32_t run, uint16_t lane)
{
    struct entry *entry = *bucket_of(repeats, run, lane);
    while (entry != NULL && (entry->repeat.run != run || entry->repeat.lane != lane))
        entry = entry->next_in_bucket;
    return entry;
}

/* ---- the line of all entries, and the queue of changed ones --------------------------------- */

static void leave_line(struct ese_repeats *repeats, struct entry *entry)
{
    *(entry->earlier != NULL ? &entry->earlier->later : &repeats->longest_unseen) = entry->later;
    *(entry->later != NULL ? &entry->later->earlier : &repeats->last_seen) = entry->earlier;
}

static void join_line(struct ese_repeats *repeats, struct entry *entry)
{
    entry->earlier = repeats->last_seen;
    entry->later = NULL;
    *(entry->earlier != NULL ? &entry->earlier->later : &repeats->longest_unseen) = entry;
    repeats->last_seen = entry;
}

static void mark_changed(struct ese_repeats *repeats, struct entry *entry)
{
    if (entry->changed)
        return;
    entry->changed = true;
    entry->next_changed = NULL;
    *(repeats->last_changed != NULL ? &repeats->last_changed->next_changed
                                    : &repeats->first_changed) = entry;
    repeats->last_changed = entry;
}

static struct entry *add(struct ese_repeats *repeats, uint32_t run, uint16_t lane)
{
    struct entry *entry = ese_alloc(sizeof *entry);
    entry->repeat.run = run;
    entry->repeat.lane = lane;
    struct entry **bucket = bucket_of(repeats, run, lane);
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    join_line(repeats, entry);
    repeats->count++;
    return entry;
}

static void leave(struct ese_repeats *repeats, struct entry *entry)
{
    struct entry **link = bucket_of(repeats, entry->repeat.run, entry->repeat.lane);
    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    leave_line(repeats, entry);
    repeats->count--;
    entry->forgotten = true;
}

/* It is freed once its deletion was saved. */
static void forget(struct ese_repeats *repeats, struct entry *entry)
{
    leave(repeats, entry);
    mark_changed(repeats, entry);
}

static void forget_unseen(struct ese_repeats *repeats, int64_t event_time_ms)
{
    for (int i = 0; i < FORGOTTEN_AT_ONCE && repeats->longest_unseen != NULL; i++) {
        if (repeats->longest_unseen->repeat.event_time_ms >= event_time_ms - ESE_REPEATS_KEPT_MS)
            return;
        forget(repeats, repeats->longest_unseen);
    }
}

/* ---- the window ----------------------------------------------------------------------------- */

static bool had(const struct ese_repeat *repeat, uint32_t sequence)
{
    uint32_t bit = sequence % ESE_REPEATS_WINDOW;
    return (repeat->window[bit / 8] >> (bit % 8) & 1) != 0;
}

static void set_had(struct ese_repeat *repeat, uint32_t sequence, bool value)
{
    uint32_t bit = sequence % ESE_REPEATS_WINDOW;
    uint8_t mask = (uint8_t)(1u << (bit % 8));
    if (value)
        repeat->window[bit / 8] |= mask;
    else
        repeat->window[bit / 8] &= (uint8_t)~mask;
}

/* The window is a ring: moving its upper end clears the places of the sequences it passes. */
static void raise_highest(struct ese_repeat *repeat, uint32_t sequence)
{
    if (sequence - repeat->highest >= ESE_REPEATS_WINDOW)
        memset(repeat->window, 0, sizeof repeat->window);
    else
        for (uint32_t s = repeat->highest + 1; s != sequence; s++)
            set_had(repeat, s, false);
    repeat->highest = sequence;
    set_had(repeat, sequence, true);
}

static enum ese_repeats_verdict judge(struct ese_repeat *repeat, uint32_t sequence)
{
    if (sequence > repeat->highest) {
        raise_highest(repeat, sequence);
        return ESE_REPEATS_NEW;
    }
    if (repeat->highest - sequence >= ESE_REPEATS_WINDOW)
        return ESE_REPEATS_BEYOND;
    if (had(repeat, sequence))
        return ESE_REPEATS_SEEN;
    set_had(repeat, sequence, true);
    return ESE_REPEATS_NEW;
}

/* ---- what others call ----------------------------------------------------------------------- */

enum ese_repeats_verdict ese_repeats_note(struct ese_repeats *repeats, const struct ese_id *id,
                                          int64_t event_time_ms)
{
    struct ese_id_parts parts = ese_id_read(id);
    struct entry *entry = find(repeats, parts.run, parts.lane);
    enum ese_repeats_verdict verdict = ESE_REPEATS_NEW;
    if (entry != NULL) {
        verdict = judge(&entry->repeat, parts.sequence);
        leave_line(repeats, entry);
        join_line(repeats, entry);
    } else {
        entry = add(repeats, parts.run, parts.lane);
        entry->repeat.highest = parts.sequence;
        set_had(&entry->repeat, parts.sequence, true);
    }
    entry->repeat.event_time_ms = event_time_ms;
    mark_changed(repeats, entry);
    forget_unseen(repeats, event_time_ms);
    if (repeats->count > repeats->limit) {
        forget(repeats, repeats->longest_unseen);
        repeats->evicted++;
    }
    return verdict;
}

void ese_repeats_restore(struct ese_repeats *repeats, const struct ese_repeat *repeat)
{
    assert(find(repeats, repeat->run, repeat->lane) == NULL);
    add(repeats, repeat->run, repeat->lane)->repeat = *repeat;
}

int ese_repeats_save(struct ese_repeats *repeats, ese_repeats_keep *keep, void *context,
                     struct ese_error *error)
{
    while (repeats->first_changed != NULL) {
        struct entry *entry = repeats->first_changed;
        if (keep(context, &entry->repeat, entry->forgotten, error) != 0)
            return -1;
        repeats->first_changed = entry->next_changed;
        if (repeats->first_changed == NULL)
            repeats->last_changed = NULL;
        entry->changed = false;
        if (entry->forgotten)
            free(entry);
    }
    repeats->evicted_saved = repeats->evicted;
    return 0;
}

/* To where its time says, looked for from both ends. */
static void go_back_in_line(struct ese_repeats *repeats, struct entry *entry)
{
    int64_t ms = entry->repeat.event_time_ms;
    leave_line(repeats, entry);
    struct entry *before = repeats->last_seen, *behind = repeats->longest_unseen;
    while (before != NULL && before->repeat.event_time_ms > ms && behind->repeat.event_time_ms <= ms) {
        before = before->earlier;
        behind = behind->later;
    }
    bool is_before = before == NULL || before->repeat.event_time_ms <= ms;
    entry->earlier = is_before ? before : behind->earlier;
    entry->later = !is_before ? behind : before != NULL ? before->later : repeats->longest_unseen;
    *(entry->earlier != NULL ? &entry->earlier->later : &repeats->longest_unseen) = entry;
    *(entry->later != NULL ? &entry->later->earlier : &repeats->last_seen) = entry;
}

/* Of several of one (run, lane), as it was forgotten and came again, the first brings it back. */
static int bring_back(struct ese_repeats *repeats, const struct entry *changed,
                      ese_repeats_recall *recall, void *context, struct ese_error *error)
{
    struct ese_repeat saved = {.run = changed->repeat.run, .lane = changed->repeat.lane};
    if (find(repeats, saved.run, saved.lane) != NULL)
        return 0;
    int found = recall(context, &saved, error);
    if (found != 1)
        return found;
    struct entry *entry = add(repeats, saved.run, saved.lane);
    entry->repeat = saved;
    go_back_in_line(repeats, entry);
    return 0;
}

int ese_repeats_undo(struct ese_repeats *repeats, ese_repeats_recall *recall, void *context,
                     struct ese_error *error)
{
    for (struct entry *entry = repeats->first_changed; entry != NULL; entry = entry->next_changed)
        if (!entry->forgotten)
            leave(repeats, entry);
    while (repeats->first_changed != NULL) {
        struct entry *entry = repeats->first_changed;
        if (bring_back(repeats, entry, recall, context, error) != 0)
            return -1;
        repeats->first_changed = entry->next_changed;
        free(entry);
    }
    repeats->last_changed = NULL;
    repeats->evicted = repeats->evicted_saved;
    return 0;
}

size_t ese_repeats_count(const struct ese_repeats *repeats)
{
    return repeats->count;
}

int64_t ese_repeats_evicted(const struct ese_repeats *repeats)
{
    return repeats->evicted;
}
