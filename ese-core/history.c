#include "ese-core/history.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history_file.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"

#define GROW_BYTES (INT64_C(4) << 20)
#define FIRST_BYTES (INT64_C(64) << 10)

struct ese_history {
    struct ese_history_header *header;
    struct ese_history_slot *slots; /* NULL: counts only */
    char *path;
    int fd; /* -1: counts only */
    int64_t mapped; /* all of the limit, so that growing moves nothing; touched only below `size` */
    _Atomic int64_t size;
    pthread_mutex_t lock; /* growing, adding words, and what follows */
    struct ese_wire_totals noted;
};

/* ---- the file -------------------------------------------------------------------------------- */

/* Makes the file at least `size` long. Blocks are taken now: a full disk must be an answer here,
 * not a SIGBUS at some later store. */
static int grow(struct ese_history *history, int64_t size)
{
    int64_t had = atomic_load(&history->size);
    if (had >= size)
        return 0;
    errno = posix_fallocate(history->fd, had, size - had);
    if (errno != 0)
        return -1;
    atomic_store(&history->size, size);
    return 0;
}

static void truncated(struct ese_history *history, const char *why)
{
    if (atomic_exchange(&history->header->truncated, 1) == 0)
        ese_log_error("history %s ends here (%s): no ledger can be made from it",
                      history->path, why);
}

/* Whether the file has room up to `needed`; makes it, if need be. */
static bool make_room(struct ese_history *history, int64_t needed)
{
    if (needed > history->mapped) {
        truncated(history, "its limit is reached");
        return false;
    }
    if (needed <= atomic_load(&history->size))
        return true;
    pthread_mutex_lock(&history->lock);
    int64_t wanted = (needed / GROW_BYTES + 1) * GROW_BYTES;
    int result = grow(history, wanted < history->mapped ? wanted : history->mapped);
    int reason = errno;
    pthread_mutex_unlock(&history->lock);
    if (result != 0)
        truncated(history, strerror(reason));
    return result == 0;
}

/* Claims `count` slots side by side; NULL when there is no room for them. First there is room, then
 * it is claimed: wherever its writer is killed, a file holds all that was claimed. */
static struct ese_history_slot *claim(struct ese_history *history, int count)
{
    if (history->slots == NULL ||
        atomic_load_explicit(&history->header->truncated, memory_order_relaxed))
        return NULL;
    int64_t first = atomic_load(&history->header->claimed), slot = sizeof *history->slots;
    do {
        if (!make_room(history, ESE_HISTORY_HEADER_SIZE + (first + count) * slot))
            return NULL;
    } while (!atomic_compare_exchange_weak(&history->header->claimed, &first, first + count));
    return &history->slots[first];
}

static struct ese_id draw_id(void)
{
    return ese_id_make(&(struct ese_id_parts){.time_ms = ese_clock_wall_ms(),
                                              .run = ese_id_draw_run()});
}

static void begin_header(struct ese_history_header *header, const char *party,
                         const char *transport)
{
    memcpy(header->magic, ESE_HISTORY_MAGIC, sizeof header->magic);
    header->record_size = sizeof(struct ese_history_slot);
    snprintf(header->party, sizeof header->party, "%s", party);
    snprintf(header->transport, sizeof header->transport, "%s", transport);
    header->monotonic_ns = ese_clock_monotonic_ns();
    header->wall_ns = ese_clock_wall_us() * 1000;
    atomic_store(&header->version, ESE_HISTORY_VERSION);
}

/* Nothing that is not ours is ever written to: a wrong path must not cost a file. */
static int check_file(const struct ese_history *history, struct ese_error *error)
{
    struct ese_history_header header = {.record_size = 0};
    ssize_t length = pread(history->fd, &header, sizeof header, 0);
    if (length < 0)
        return ese_fail_errno(error, "cannot read the history %s", history->path);
    static const char unfinished[sizeof header.magic];
    bool new = length == 0 || (length == sizeof header && header.version == 0 &&
                               memcmp(header.magic, unfinished, sizeof unfinished) == 0);
    bool ours = length == sizeof header && header.version == ESE_HISTORY_VERSION &&
                memcmp(header.magic, ESE_HISTORY_MAGIC, sizeof header.magic) == 0 &&
                header.record_size == sizeof *history->slots;
    if (!new && !ours)
        return ese_fail(error, ESE_E_INVALID, "%s is no history of version %d: give another path",
                        history->path, ESE_HISTORY_VERSION);
    return 0;
}

static int lock_file(struct ese_history *history, struct ese_error *error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(history->fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno != EAGAIN && errno != EACCES)
        return ese_fail_errno(error, "cannot lock the history %s", history->path);
    return ese_fail(error, ESE_E_CONFLICT,
                    "another process writes the history %s: give another path", history->path);
}

static int open_file(struct ese_history *history, int64_t limit, struct ese_error *error)
{
    history->fd = open(history->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct stat status;
    if (history->fd < 0 || fstat(history->fd, &status) != 0)
        return ese_fail_errno(error, "cannot open the history %s", history->path);
    if (lock_file(history, error) != 0 || check_file(history, error) != 0)
        return -1;
    history->mapped = limit > status.st_size ? limit : status.st_size;
    atomic_store(&history->size, status.st_size);
    if (grow(history, FIRST_BYTES < history->mapped ? FIRST_BYTES : history->mapped) != 0)
        return ese_fail_errno(error, "cannot make room for the history %s", history->path);
    void *start = mmap(NULL, (size_t)history->mapped, PROT_READ | PROT_WRITE, MAP_SHARED,
                       history->fd, 0);
    if (start == MAP_FAILED)
        return ese_fail_errno(error, "cannot map the history %s", history->path);
    history->header = start;
    history->slots = (struct ese_history_slot *)((char *)start + ESE_HISTORY_HEADER_SIZE);
    return 0;
}

int ese_history_open(const char *path, const char *party, const char *transport, int64_t limit,
                     struct ese_history **history, struct ese_error *error)
{
    assert(path == NULL || limit >= ESE_HISTORY_HEADER_SIZE);
    struct ese_history *opened = ese_alloc(sizeof *opened);
    opened->fd = -1;
    opened->path = ese_copy_text(path);
    pthread_mutex_init(&opened->lock, NULL);
    *history = NULL;
    if (path == NULL)
        opened->header = ese_alloc(sizeof *opened->header);
    else if (open_file(opened, limit, error) != 0)
        goto out;
    if (path != NULL && ese_id_is_none(&opened->header->id))
        opened->header->id = draw_id();
    if (opened->header->version == 0)
        begin_header(opened->header, party, transport);
    atomic_store(&opened->header->settled, atomic_load(&opened->header->claimed));
    *history = opened;
    opened = NULL;
out:
    ese_history_close(&opened);
    return *history != NULL ? 0 : -1;
}

/* Gives back what was taken ahead, so that a short run leaves a small file. */
static void trim(struct ese_history *history)
{
    int64_t used = ESE_HISTORY_HEADER_SIZE +
                   atomic_load(&history->header->claimed) * (int64_t)sizeof *history->slots;
    if (used < atomic_load(&history->size) && ftruncate(history->fd, used) != 0)
        ese_log_warning("cannot shorten the history %s: %s", history->path, strerror(errno));
}

void ese_history_close(struct ese_history **history)
{
    struct ese_history *closed = *history;
    if (closed == NULL)
        return;
    *history = NULL;
    if (closed->slots != NULL) {
        trim(closed);
        munmap(closed->header, (size_t)closed->mapped);
    } else {
        free(closed->header);
    }
    if (closed->fd >= 0)
        close(closed->fd);
    pthread_mutex_destroy(&closed->lock);
    free(closed->path);
    free(closed);
}

struct ese_id ese_history_id(const struct ese_history *history)
{
    return history->header->id;
}

/* ---- records --------------------------------------------------------------------------------- */

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
    struct ese_history_slot *slot = claim(history, 1);
    if (slot != NULL)
        fill(slot, record);
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

void ese_history_offer(struct ese_history *history, const struct ese_event *event, int64_t due_ns)
{
    size_t length = strlen(event->key);
    int keys = length > ESE_HISTORY_KEY_TEXT ? 2 : 1;
    struct ese_history_slot *offer = claim(history, 1 + keys);
    if (offer == NULL)
        return;
    for (int i = 0; i < keys; i++) {
        size_t from = (size_t)i * ESE_HISTORY_KEY_TEXT;
        size_t part = length - from < ESE_HISTORY_KEY_TEXT ? length - from : ESE_HISTORY_KEY_TEXT;
        memcpy(offer[1 + i].key, event->key + from, part);
        atomic_store_explicit(&offer[1 + i].kind, ESE_HISTORY_KEY, memory_order_release);
    }
    uint16_t type = word(history, event->type), sub_type = word(history, event->sub_type);
    /* Last: whoever sees the offer sees its key. */
    fill(offer, &(struct ese_history_record){
        .kind = ESE_HISTORY_OFFERED, .aux = (uint16_t)keys, .time_ns = due_ns, .id = event->id,
        .a = event->client_ts, .b = (int64_t)type << 16 | sub_type});
}

/* ---- counters -------------------------------------------------------------------------------- */

void ese_history_count(struct ese_history *history, enum ese_history_counter counter,
                       int64_t amount)
{
    assert(counter < ESE_HISTORY_COUNTERS);
    atomic_fetch_add_explicit(&history->header->counters[counter], amount, memory_order_relaxed);
}

void ese_history_set(struct ese_history *history, enum ese_history_counter counter, int64_t value)
{
    assert(counter < ESE_HISTORY_COUNTERS);
    atomic_store_explicit(&history->header->counters[counter], value, memory_order_relaxed);
}

/* Adds what came since the last call: so lives add up, and an earlier one's need not be known. */
void ese_history_note_wire(struct ese_history *history)
{
    pthread_mutex_lock(&history->lock);
    struct ese_wire_totals now = ese_wire_totals(), *noted = &history->noted;
    ese_history_count(history, ESE_COUNT_WIRE_SENT, (int64_t)(now.sent - noted->sent));
    ese_history_count(history, ESE_COUNT_WIRE_RECEIVED, (int64_t)(now.received - noted->received));
    *noted = now;
    pthread_mutex_unlock(&history->lock);
}
