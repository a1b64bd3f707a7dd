#include <assert.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/history_file.h"
#include "ese-core/memory.h"

struct ese_history_reader {
    const struct ese_history_header *header;
    const struct ese_history_slot *slots;
    char *path;
    int fd;
    size_t mapped;
    int64_t at; /* the slot to be read next */
    char key[ESE_EVENT_KEY_SIZE];
};

/* Maps as much of the file as there is now. */
static int map(struct ese_history_reader *reader, struct ese_error *error)
{
    struct stat status;
    if (fstat(reader->fd, &status) != 0)
        return ese_fail_errno(error, "cannot look at the history %s", reader->path);
    size_t size = (size_t)status.st_size;
    if (size < ESE_HISTORY_HEADER_SIZE)
        return ese_fail(error, ESE_E_INVALID, "%s is no history: it is shorter than a header",
                        reader->path);
    if (size == reader->mapped)
        return 0;
    if (reader->header != NULL)
        munmap((void *)(uintptr_t)reader->header, reader->mapped);
    reader->header = NULL;
    void *start = mmap(NULL, size, PROT_READ, MAP_SHARED, reader->fd, 0);
    if (start == MAP_FAILED)
        return ese_fail_errno(error, "cannot map the history %s", reader->path);
    reader->header = start;
    reader->slots = (const void *)((const char *)start + ESE_HISTORY_HEADER_SIZE);
    reader->mapped = size;
    return 0;
}

int ese_history_read_open(const char *path, struct ese_history_reader **reader,
                          struct ese_error *error)
{
    struct ese_history_reader *opened = ese_alloc(sizeof *opened);
    opened->path = ese_copy_text(path);
    *reader = NULL;
    opened->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (opened->fd < 0)
        ese_fail_errno(error, "cannot open the history %s", path);
    else if (map(opened, error) == 0) {
        if (memcmp(opened->header->magic, ESE_HISTORY_MAGIC, sizeof opened->header->magic) == 0 &&
            opened->header->version == ESE_HISTORY_VERSION &&
            opened->header->record_size == sizeof *opened->slots)
            *reader = opened;
        else
            ese_fail(error, ESE_E_INVALID, "%s is no history of version %d", path,
                     ESE_HISTORY_VERSION);
    }
    if (*reader == NULL)
        ese_history_read_close(&opened);
    return *reader != NULL ? 0 : -1;
}

void ese_history_read_close(struct ese_history_reader **reader)
{
    struct ese_history_reader *closed = *reader;
    if (closed == NULL)
        return;
    *reader = NULL;
    if (closed->header != NULL)
        munmap((void *)(uintptr_t)closed->header, closed->mapped);
    if (closed->fd >= 0)
        close(closed->fd);
    free(closed->path);
    free(closed);
}

/* The slot at `index` where it has been claimed and the file has grown to hold it, else NULL. */
static const struct ese_history_slot *slot_at(struct ese_history_reader *reader, int64_t index,
                                              struct ese_error *error)
{
    if (index >= atomic_load(&reader->header->claimed))
        return NULL;
    size_t end = ESE_HISTORY_HEADER_SIZE + (size_t)(index + 1) * sizeof *reader->slots;
    if (end > reader->mapped && map(reader, error) != 0)
        return NULL;
    return end > reader->mapped ? NULL : &reader->slots[index];
}

static bool writer_lives(const struct ese_history_reader *reader)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return fcntl(reader->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* True when an empty slot that was claimed will stay empty (history_file.h). Its kind is looked at
 * last: a writer that fills the slot and then ends must not look like one that was killed. */
static bool is_hole(const struct ese_history_reader *reader, const struct ese_history_slot *slot)
{
    bool left = reader->at < atomic_load(&reader->header->settled) || !writer_lives(reader);
    return left && atomic_load(&slot->kind) == ESE_HISTORY_END;
}

/* Collects the text of the KEY records behind an offer. */
static int read_keys(struct ese_history_reader *reader, int count, struct ese_error *error)
{
    char text[(ESE_HISTORY_OFFER_SLOTS - 1) * ESE_HISTORY_KEY_TEXT + 1] = "";
    if (count < 1 || count >= ESE_HISTORY_OFFER_SLOTS)
        return ese_fail(error, ESE_E_INVALID, "history %s: record %lld: %d keys", reader->path,
                        (long long)reader->at, count);
    for (int i = 0; i < count; i++) {
        const struct ese_history_slot *slot = slot_at(reader, reader->at + i, error);
        if (slot == NULL || atomic_load(&slot->kind) != ESE_HISTORY_KEY)
            return ese_fail(error, ESE_E_INVALID,
                            "history %s: record %lld: an offer without its key", reader->path,
                            (long long)reader->at);
        memcpy(text + i * ESE_HISTORY_KEY_TEXT, slot->key, ESE_HISTORY_KEY_TEXT);
    }
    reader->at += count;
    return ese_fit_text(reader->key, sizeof reader->key, text);
}

static int take(struct ese_history_reader *reader, const struct ese_history_slot *slot,
                uint16_t kind, struct ese_history_record *record, struct ese_error *error)
{
    if (kind >= ESE_HISTORY_KINDS)
        return ese_fail(error, ESE_E_INVALID, "history %s: record %lld: unknown kind %u",
                        reader->path, (long long)reader->at, kind);
    *record = (struct ese_history_record){
        .kind = kind, .aux = slot->aux, .partition = slot->partition, .time_ns = slot->time_ns,
        .id = slot->id, .a = slot->a, .b = slot->b};
    reader->at++;
    if (kind == ESE_HISTORY_OFFERED && read_keys(reader, record->aux, error) != 0)
        return -1;
    return 1;
}

int ese_history_read_next(struct ese_history_reader *reader, struct ese_history_record *record,
                          struct ese_error *error)
{
    struct ese_error trouble = {.code = ESE_OK};
    const struct ese_history_slot *slot;
    reader->key[0] = '\0';
    while ((slot = slot_at(reader, reader->at, &trouble)) != NULL) {
        bool hole = atomic_load(&slot->kind) == ESE_HISTORY_END && is_hole(reader, slot);
        uint16_t kind = atomic_load(&slot->kind);
        if (kind == ESE_HISTORY_END && !hole)
            return 0; /* just being written */
        /* A KEY here has lost its offer: the writer was killed between the two. */
        if (kind != ESE_HISTORY_END && kind != ESE_HISTORY_KEY)
            return take(reader, slot, kind, record, error);
        reader->at++;
    }
    return trouble.code == ESE_OK ? 0 : ese_fail(error, trouble.code, "%s", trouble.text);
}

const char *ese_history_read_key(const struct ese_history_reader *reader)
{
    return reader->key;
}

const char *ese_history_read_word(const struct ese_history_reader *reader, uint16_t word)
{
    int used = atomic_load_explicit(&reader->header->words_used, memory_order_acquire);
    return word < used ? reader->header->words[word] : "";
}

int64_t ese_history_read_count(const struct ese_history_reader *reader,
                               enum ese_history_counter counter)
{
    assert(counter < ESE_HISTORY_COUNTERS);
    return atomic_load(&reader->header->counters[counter]);
}

bool ese_history_read_truncated(const struct ese_history_reader *reader)
{
    return atomic_load(&reader->header->truncated) != 0;
}

int64_t ese_history_read_cut(const struct ese_history_reader *reader)
{
    struct stat status;
    if (fstat(reader->fd, &status) != 0)
        return 0;
    int64_t bytes = (int64_t)status.st_size - ESE_HISTORY_HEADER_SIZE;
    int64_t slot = sizeof *reader->slots, held = bytes > 0 ? bytes / slot : 0;
    int64_t claimed = atomic_load(&reader->header->claimed);
    return claimed > held ? claimed - held : 0;
}

const char *ese_history_read_party(const struct ese_history_reader *reader)
{
    return reader->header->party;
}

int64_t ese_history_read_wall_offset_ns(const struct ese_history_reader *reader)
{
    return reader->header->wall_ns - reader->header->monotonic_ns;
}
