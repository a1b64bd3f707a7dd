#include "ese-core/history.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/file_directory.h"
#include "ese-core/history_file.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"

#define GROW_BYTES (INT64_C(4) << 20)
#define AGAIN_NS ESE_NS_PER_S /* after a full disk, until we look for room */
#define SAME_CLOCK_NS ESE_NS_PER_S

struct ese_history {
    struct ese_history_file file;      /* .slots NULL: counts only */
    struct ese_history_header *header; /* the file's, or one in memory */
    char *path;
    int64_t limit;
    int segments;
    struct ese_history_clock clock; /* of what this process records */
    _Atomic int64_t again_ns; /* of one that is truncated */
    pthread_rwlock_t turning; /* where there are segments: held for reading while one is written to */
    pthread_mutex_t lock;     /* growing, adding words, and what follows */
    struct ese_wire_totals noted;
};

/* ---- from segment to segment ----------------------------------------------------------------- */

static void enter(struct ese_history *history)
{
    if (history->segments > 0)
        pthread_rwlock_rdlock(&history->turning);
}

static void leave(struct ese_history *history)
{
    if (history->segments > 0)
        pthread_rwlock_unlock(&history->turning);
}

static bool is_truncated(const struct ese_history *history)
{
    return atomic_load_explicit(&history->header->truncated, memory_order_relaxed) != 0;
}

static void truncated(struct ese_history *history, const char *why)
{
    atomic_store(&history->again_ns, ese_clock_monotonic_ns() + AGAIN_NS);
    if (atomic_exchange(&history->header->truncated, 1) == 0)
        ese_log_error("history %s %s (%s): no ledger can be made from it", history->path,
                      history->segments > 0 ? "has a gap from here" : "ends here", why);
}

/* Whether this is the one who tries whether there is room again. */
static bool tries_again(struct ese_history *history)
{
    int64_t now_ns = ese_clock_monotonic_ns(), due_ns = atomic_load(&history->again_ns);
    return now_ns >= due_ns &&
           atomic_compare_exchange_strong(&history->again_ns, &due_ns, now_ns + AGAIN_NS);
}

static struct ese_id draw_id(void)
{
    return ese_id_make(&(struct ese_id_parts){.time_ms = ese_clock_wall_ms(),
                                              .run = ese_id_draw_run()});
}

static void begin_header(struct ese_history_header *header, const char *party,
                         const char *transport, const struct ese_history_clock *clock,
                         int64_t segment)
{
    const struct ese_id id = header->id;
    memset(header, 0, sizeof *header); /* nothing is believed of one that was not finished */
    header->id = id;
    memcpy(header->magic, ESE_HISTORY_MAGIC, sizeof header->magic);
    header->record_size = sizeof(struct ese_history_slot);
    snprintf(header->party, sizeof header->party, "%s", party);
    snprintf(header->transport, sizeof header->transport, "%s", transport);
    header->monotonic_ns = ese_clock_monotonic_ns();
    header->wall_ns = header->monotonic_ns + clock->wall_offset_ns;
    header->boot = clock->boot;
    header->segment = segment;
    atomic_store(&header->version, ESE_HISTORY_VERSION);
}

/* The counters go along; what they say of times not onto another clock. */
static void take_counters(const struct ese_history *history, struct ese_history_header *next)
{
    static const bool is_time[ESE_HISTORY_COUNTERS] = {[ESE_COUNT_LAST_DONE_NS] = true,
                                                       [ESE_COUNT_FOLLOWED_NS] = true,
                                                       [ESE_COUNT_AT_END_NS] = true};
    const struct ese_history_header *full = history->header;
    const struct ese_history_clock before = ese_history_header_clock(full);
    bool goes_on = ese_history_clock_is_same(&before, &history->clock);
    for (int i = 0; i < ESE_HISTORY_COUNTERS; i++)
        atomic_store(&next->counters[i],
                     is_time[i] && !goes_on ? 0 : atomic_load(&full->counters[i]));
}

/* The file at PATH.part, ready to be the next one. */
static int make_next(const struct ese_history *history, const char *part,
                     struct ese_history_file *next, struct ese_error *error)
{
    const struct ese_history_header *full = history->header;
    unlink(part); /* of a writer that was killed here */
    if (ese_history_file_open(part, full->party, history->limit, next, error) != 0)
        return -1;
    next->header->id = full->id;
    begin_header(next->header, full->party, full->transport, &history->clock, full->segment + 1);
    take_counters(history, next->header);
    return 0;
}

/* Closes the segment being written and begins the next. Nobody else may be in it. */
static int begin_next(struct ese_history *history, struct ese_error *error)
{
    char part[ESE_HISTORY_PATH_SIZE], full[ESE_HISTORY_PATH_SIZE];
    struct ese_history_file next = {.fd = -1};
    int64_t segment = history->header->segment;
    snprintf(part, sizeof part, "%s.part", history->path);
    ese_history_segment_path(history->path, segment, full);
    if (make_next(history, part, &next, error) != 0)
        goto out;
    atomic_store(&history->header->closed, 1);
    if ((link(history->path, full) != 0 && errno != EEXIST) || rename(part, history->path) != 0) {
        ese_fail_errno(error, "cannot begin another segment of the history %s", history->path);
        goto out;
    }
    ese_history_file_close(&history->file);
    history->file = next;
    history->header = next.header;
    ese_history_remove_before(history->path, segment + 1 - history->segments);
    return 0;
out:
    ese_history_file_close(&next);
    return -1;
}

/* Leaves the segment that was found full, unless somebody else has. */
static void turn(struct ese_history *history, int64_t full)
{
    struct ese_error error = {.code = ESE_OK};
    pthread_rwlock_wrlock(&history->turning);
    bool had_gap = is_truncated(history);
    if (history->header->segment == full && begin_next(history, &error) != 0)
        truncated(history, error.text);
    if (had_gap && !is_truncated(history))
        ese_log_info("history %s goes on behind its gap", history->path);
    pthread_rwlock_unlock(&history->turning);
}

/* ---- opening and closing --------------------------------------------------------------------- */

struct ese_history_clock ese_history_clock_now(void)
{
    return (struct ese_history_clock){.boot = ese_clock_boot(),
                                      .wall_offset_ns = ese_clock_wall_offset_ns()};
}

bool ese_history_clock_is_same(const struct ese_history_clock *clock,
                               const struct ese_history_clock *other)
{
    if (clock->boot != 0 && other->boot != 0)
        return clock->boot == other->boot;
    int64_t apart_ns;
    return !__builtin_sub_overflow(clock->wall_offset_ns, other->wall_offset_ns, &apart_ns) &&
           apart_ns <= SAME_CLOCK_NS && apart_ns >= -SAME_CLOCK_NS;
}

/* A history keeps its clock for as long as the machine runs, whatever becomes of the wall clock.
 * True where what was recorded before is of another one. */
static bool choose_clock(struct ese_history *history, const struct ese_history_clock *now)
{
    struct ese_history_header *header = history->header;
    const struct ese_history_clock before = ese_history_header_clock(header);
    bool goes_on = ese_history_clock_is_same(&before, now);
    if (goes_on && now->boot != 0)
        header->boot = now->boot;
    history->clock = (struct ese_history_clock){
        .boot = now->boot, .wall_offset_ns = (goes_on ? &before : now)->wall_offset_ns};
    return !goes_on;
}

static int open_file(struct ese_history *history, const struct ese_history_options *options,
                     struct ese_error *error)
{
    if (ese_file_directory_make(options->path, "the history", error) != 0 ||
        ese_history_file_open(options->path, options->party, options->limit, &history->file, error) != 0)
        return -1;
    history->header = history->file.header;
    if (ese_id_is_none(&history->header->id))
        history->header->id = draw_id();
    const struct ese_history_clock now = options->clock != NULL ? *options->clock : ese_history_clock_now();
    if (history->header->version == 0)
        begin_header(history->header, options->party, options->transport, &now,
                     ese_history_segment_last(options->path) + 1);
    bool must_turn = choose_clock(history, &now) || atomic_load(&history->header->closed) ||
                     is_truncated(history);
    return must_turn && history->segments > 0 ? begin_next(history, error) : 0;
}

int ese_history_open(const struct ese_history_options *options, struct ese_history **history,
                     struct ese_error *error)
{
    assert(options->path == NULL || options->limit >= ESE_HISTORY_HEADER_SIZE);
    struct ese_history *opened = ese_alloc(sizeof *opened);
    *opened = (struct ese_history){
        .file = {.fd = -1}, .path = ese_copy_text(options->path), .limit = options->limit,
        .segments = options->path == NULL ? 0 : options->segments};
    pthread_mutex_init(&opened->lock, NULL);
    pthread_rwlock_init(&opened->turning, NULL);
    *history = NULL;
    if (options->path == NULL)
        opened->header = ese_alloc(sizeof *opened->header);
    else if (open_file(opened, options, error) != 0)
        goto out;
    atomic_store(&opened->header->settled, atomic_load(&opened->header->claimed));
    *history = opened;
    opened = NULL;
out:
    ese_history_close(&opened);
    return *history != NULL ? 0 : -1;
}

void ese_history_close(struct ese_history **history)
{
    struct ese_history *closed = *history;
    if (closed == NULL)
        return;
    *history = NULL;
    if (closed->file.header == NULL)
        free(closed->header);
    ese_history_file_close(&closed->file);
    pthread_rwlock_destroy(&closed->turning);
    pthread_mutex_destroy(&closed->lock);
    free(closed->path);
    free(closed);
}

struct ese_id ese_history_id(const struct ese_history *history)
{
    return history->header->id;
}

bool ese_history_is_other(const struct ese_id *id, const struct ese_id *other)
{
    return !ese_id_is_none(id) && !ese_id_is_none(other) && !ese_id_equal(id, other);
}

/* ---- records --------------------------------------------------------------------------------- */

/* Makes the file long enough. False: it cannot be. */
static bool make_room(struct ese_history *history, int64_t needed)
{
    if (needed <= atomic_load(&history->file.size))
        return true;
    pthread_mutex_lock(&history->lock);
    int64_t wanted = (needed / GROW_BYTES + 1) * GROW_BYTES;
    int64_t most = history->file.mapped;
    int result = ese_history_file_grow(&history->file, wanted < most ? wanted : most);
    int reason = errno;
    pthread_mutex_unlock(&history->lock);
    if (result != 0)
        truncated(history, strerror(reason));
    return result == 0;
}

/* Claims `count` slots side by side; NULL when there is no room for them in this segment. First there
 * is room, then it is claimed: wherever its writer is killed, a file holds all that was claimed. */
static struct ese_history_slot *claim(struct ese_history *history, int count)
{
    struct ese_history_file *file = &history->file;
    if (file->slots == NULL || is_truncated(history))
        return NULL;
    int64_t first = atomic_load(&history->header->claimed), slot = sizeof *file->slots;
    do {
        int64_t needed = ESE_HISTORY_HEADER_SIZE + (first + count) * slot;
        if (needed > file->mapped && history->segments == 0)
            truncated(history, "its limit is reached");
        if (needed > file->mapped || !make_room(history, needed))
            return NULL;
    } while (!atomic_compare_exchange_weak(&history->header->claimed, &first, first + count));
    return &file->slots[first];
}

/* Enters, and claims the slots in the segment that has room for them. NULL: nothing is recorded, for
 * good or, where there are segments, until there is room. To be left in either case. */
static struct ese_history_slot *enter_and_claim(struct ese_history *history, int count)
{
    enter(history);
    struct ese_history_slot *slots = claim(history, count);
    while (slots == NULL && history->segments > 0 &&
           (!is_truncated(history) || tries_again(history))) {
        int64_t full = history->header->segment;
        leave(history);
        turn(history, full);
        enter(history);
        slots = claim(history, count);
    }
    return slots;
}

static void fill(struct ese_history_slot *slot, const struct ese_history_record *record)
{
    slot->aux = record->aux;
    slot->partition = record->partition;
    slot->time_ns = record->time_ns;
    slot->id = record->id;
    slot->a = record->a;
    slot->b = record->b;
    atomic_store_explicit(&slot->kind, record->kind, memory_order_release);
}

void ese_history_record(struct ese_history *history, const struct ese_history_record *record)
{
    assert(record->kind != ESE_HISTORY_END && record->kind != ESE_HISTORY_KEY);
    struct ese_history_slot *slot = enter_and_claim(history, 1);
    if (slot != NULL)
        fill(slot, record);
    leave(history);
}

void ese_history_put_id(struct ese_history_record *record, const struct ese_id *id)
{
    memcpy(&record->a, id->bytes, sizeof record->a);
    memcpy(&record->b, id->bytes + sizeof record->a, sizeof record->b);
}

struct ese_id ese_history_get_id(const struct ese_history_record *record)
{
    struct ese_id id;
    memcpy(id.bytes, &record->a, sizeof record->a);
    memcpy(id.bytes + sizeof record->a, &record->b, sizeof record->b);
    return id;
}

static int find_word(const struct ese_history_header *header, const char *text)
{
    int used = atomic_load_explicit(&header->words_used, memory_order_acquire);
    for (int i = 0; i < used; i++) {
        if (strcmp(header->words[i], text) == 0)
            return i;
    }
    return -1;
}

/* The word's number; it is added where it is new. */
static uint16_t word(struct ese_history *history, const char *text)
{
    struct ese_history_header *header = history->header;
    int found = find_word(header, text);
    if (found >= 0)
        return (uint16_t)found;
    pthread_mutex_lock(&history->lock);
    found = find_word(header, text); /* another thread may just have added it */
    if (found < 0 && atomic_load(&header->words_used) < ESE_HISTORY_WORDS) {
        found = atomic_load(&header->words_used);
        snprintf(header->words[found], sizeof header->words[found], "%s", text);
        atomic_store_explicit(&header->words_used, found + 1, memory_order_release);
    }
    pthread_mutex_unlock(&history->lock);
    return found < 0 ? ESE_HISTORY_WORD_LOST : (uint16_t)found;
}

static void fill_offer(struct ese_history *history, struct ese_history_slot *offer, int keys,
                       const struct ese_event *event, const struct ese_history_record *record)
{
    size_t length = strlen(event->key);
    for (int i = 0; i < keys; i++) {
        size_t from = (size_t)i * ESE_HISTORY_KEY_TEXT;
        size_t part = length - from < ESE_HISTORY_KEY_TEXT ? length - from : ESE_HISTORY_KEY_TEXT;
        memcpy(offer[1 + i].key, event->key + from, part);
        atomic_store_explicit(&offer[1 + i].kind, ESE_HISTORY_KEY, memory_order_release);
    }
    uint16_t type = word(history, event->type), sub_type = word(history, event->sub_type);
    /* Last: whoever sees the offer sees its key. */
    fill(offer, &(struct ese_history_record){
        .kind = record->kind, .aux = (uint16_t)keys, .time_ns = record->time_ns, .id = event->id,
        .a = event->client_ts, .b = (int64_t)type << 16 | sub_type});
}

static void describe(struct ese_history *history, const struct ese_event *event,
                     const struct ese_history_record *record)
{
    int keys = strlen(event->key) > ESE_HISTORY_KEY_TEXT ? 2 : 1;
    struct ese_history_slot *offer = enter_and_claim(history, 1 + keys);
    if (offer != NULL)
        fill_offer(history, offer, keys, event, record);
    leave(history);
}

void ese_history_offer(struct ese_history *history, const struct ese_event *event, int64_t due_ns)
{
    describe(history, event,
             &(struct ese_history_record){.kind = ESE_HISTORY_OFFERED, .time_ns = due_ns});
}

void ese_history_find(struct ese_history *history, const struct ese_event *event, int64_t time_ns)
{
    describe(history, event,
             &(struct ese_history_record){.kind = ESE_HISTORY_FOUND, .time_ns = time_ns});
}

/* ---- counters -------------------------------------------------------------------------------- */

void ese_history_count(struct ese_history *history, enum ese_history_counter counter,
                       int64_t amount)
{
    assert(counter < ESE_HISTORY_COUNTERS);
    enter(history);
    atomic_fetch_add_explicit(&history->header->counters[counter], amount, memory_order_relaxed);
    leave(history);
}

void ese_history_set(struct ese_history *history, enum ese_history_counter counter, int64_t value)
{
    assert(counter < ESE_HISTORY_COUNTERS);
    enter(history);
    atomic_store_explicit(&history->header->counters[counter], value, memory_order_relaxed);
    leave(history);
}

/* Adds what came since the last call: so lives add up, and an earlier one's need not be known. */
void ese_history_note_wire(struct ese_history *history)
{
    pthread_mutex_lock(&history->lock);
    struct ese_wire_totals now = ese_wire_totals(), before = history->noted;
    history->noted = now;
    pthread_mutex_unlock(&history->lock);
    ese_history_count(history, ESE_COUNT_WIRE_SENT, (int64_t)(now.sent - before.sent));
    ese_history_count(history, ESE_COUNT_WIRE_RECEIVED, (int64_t)(now.received - before.received));
}
