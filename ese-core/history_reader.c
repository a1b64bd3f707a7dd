#include <assert.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/history_file.h"
#include "ese-core/memory.h"

/* A segment that is being read. */
struct file {
    const struct ese_history_header *header; /* NULL: none */
    const struct ese_history_slot *slots;
    int fd;
    size_t mapped;
    size_t let_go; /* of it (ese_history_let_go) */
};

struct ese_history_reader {
    struct file file;
    struct file newest; /* its header has the counters as they stand */
    char *path;
    int64_t at; /* the slot to be read next */
    bool is_lost;
    bool has_gap; /* in a segment that was left behind */
    char key[ESE_EVENT_KEY_SIZE];
};

/* ---- files ----------------------------------------------------------------------------------- */

/* Maps as much of the file as there is now, at most `most` bytes. */
static int map(struct file *file, const char *path, size_t most, struct ese_error *error)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return ese_fail_errno(error, "cannot look at the history %s", path);
    size_t size = (size_t)status.st_size;
    if (size < ESE_HISTORY_HEADER_SIZE)
        return ese_fail(error, ESE_E_INVALID, "%s is no history: it is shorter than a header", path);
    if (size > most)
        size = most;
    if (size == file->mapped)
        return 0;
    if (file->header != NULL)
        munmap((void *)(uintptr_t)file->header, file->mapped);
    file->header = NULL;
    void *start = mmap(NULL, size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (start == MAP_FAILED)
        return ese_fail_errno(error, "cannot map the history %s", path);
    file->header = start;
    file->slots = (const void *)((const char *)start + ESE_HISTORY_HEADER_SIZE);
    file->mapped = size;
    file->let_go = 0;
    return 0;
}

static void let_go_before(struct file *file, int64_t index)
{
    size_t end = ESE_HISTORY_HEADER_SIZE + (size_t)index * sizeof *file->slots;
    ese_history_let_go(file->header, end, &file->let_go);
}

static void close_file(struct file *file)
{
    if (file->header != NULL)
        munmap((void *)(uintptr_t)file->header, file->mapped);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct file){.fd = -1};
}

static int open_file(const char *path, size_t most, struct file *file, struct ese_error *error)
{
    struct stat status;
    *file = (struct file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)}; /* a pipe would wait */
    if (file->fd < 0 || fstat(file->fd, &status) != 0)
        ese_fail_errno(error, "cannot open the history %s", path);
    else if (!S_ISREG(status.st_mode))
        ese_fail(error, ESE_E_INVALID, "%s is no history: it is no regular file", path);
    else if (map(file, path, most, error) == 0) {
        if (ese_history_header_is_sound(file->header))
            return 0;
        ese_fail(error, ESE_E_INVALID, "%s is no history of version %d", path, ESE_HISTORY_VERSION);
    }
    close_file(file);
    return -1;
}

/* The first segment there is from `segment` on: a full one, or the one being written. */
static int open_segment(const char *path, int64_t segment, struct file *file,
                        struct ese_error *error)
{
    char name[ESE_HISTORY_PATH_SIZE];
    for (;;) {
        int64_t full = ese_history_segment_find(path, segment);
        if (full != 0)
            ese_history_segment_path(path, full, name);
        else
            snprintf(name, sizeof name, "%s", path);
        int opened = open_file(name, SIZE_MAX, file, error);
        /* It may have been turned away, or have left, between the look and the opening. */
        int64_t now = ese_history_segment_find(path, segment);
        if (now == full)
            return opened;
        if (opened == 0)
            close_file(file);
    }
}

int ese_history_read_open(const char *path, struct ese_history_reader **reader,
                          struct ese_error *error)
{
    struct ese_history_reader *opened = ese_alloc(sizeof *opened);
    *opened = (struct ese_history_reader){
        .path = ese_copy_text(path), .file = {.fd = -1}, .newest = {.fd = -1}};
    *reader = NULL;
    if (open_segment(path, 1, &opened->file, error) == 0 &&
        open_file(path, ESE_HISTORY_HEADER_SIZE, &opened->newest, error) == 0)
        *reader = opened;
    else
        ese_history_read_close(&opened);
    if (*reader != NULL)
        (*reader)->is_lost = (*reader)->file.header->segment > 1;
    return *reader != NULL ? 0 : -1;
}

void ese_history_read_close(struct ese_history_reader **reader)
{
    struct ese_history_reader *closed = *reader;
    if (closed == NULL)
        return;
    *reader = NULL;
    close_file(&closed->file);
    close_file(&closed->newest);
    free(closed->path);
    free(closed);
}

/* ---- places ---------------------------------------------------------------------------------- */

struct ese_history_position ese_history_read_position(const struct ese_history_reader *reader)
{
    return (struct ese_history_position){.segment = reader->file.header->segment,
                                         .record = reader->at};
}

/* Goes to the first segment from `segment` on. 1: there; 0: there is none (yet); -1. */
static int go_to(struct ese_history_reader *reader, int64_t segment, struct ese_error *error)
{
    struct file next = {.fd = -1};
    if (open_segment(reader->path, segment, &next, error) != 0)
        return -1;
    if (next.header->segment < segment) {
        close_file(&next);
        return 0;
    }
    reader->is_lost |= next.header->segment > segment;
    close_file(&reader->file);
    reader->file = next;
    reader->at = 0;
    return 1;
}

int ese_history_read_seek(struct ese_history_reader *reader,
                          const struct ese_history_position *position, struct ese_error *error)
{
    reader->is_lost = reader->has_gap = false;
    int gone = go_to(reader, position->segment == 0 ? 1 : position->segment, error);
    if (gone == 0)
        return ese_fail(error, ESE_E_INVALID, "the history %s ends before its segment %lld: another one?",
                        reader->path, (long long)position->segment);
    if (gone == 1 && reader->file.header->segment == position->segment)
        reader->at = position->record;
    return gone < 0 ? -1 : 0;
}

bool ese_history_read_lost(const struct ese_history_reader *reader)
{
    return reader->is_lost;
}

/* ---- records --------------------------------------------------------------------------------- */

/* The slot at `index` where it has been claimed and the file has grown to hold it, else NULL. */
static const struct ese_history_slot *slot_at(struct ese_history_reader *reader, int64_t index,
                                              struct ese_error *error)
{
    struct file *file = &reader->file;
    if (index >= atomic_load(&file->header->claimed))
        return NULL;
    size_t end = ESE_HISTORY_HEADER_SIZE + (size_t)(index + 1) * sizeof *file->slots;
    if (end > file->mapped && map(file, reader->path, SIZE_MAX, error) != 0)
        return NULL;
    return end > file->mapped ? NULL : &file->slots[index];
}

static bool writer_lives(const struct ese_history_reader *reader)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return fcntl(reader->file.fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* True when an empty slot that was claimed will stay empty (history_file.h). Its kind is looked at
 * last: a writer that fills the slot and then ends must not look like one that was killed. */
static bool is_hole(const struct ese_history_reader *reader, const struct ese_history_slot *slot)
{
    const struct ese_history_header *header = reader->file.header;
    bool left = atomic_load(&header->closed) || reader->at < atomic_load(&header->settled) ||
                !writer_lives(reader);
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
    let_go_before(&reader->file, reader->at++);
    bool has_keys = kind == ESE_HISTORY_OFFERED || kind == ESE_HISTORY_FOUND;
    if (has_keys && read_keys(reader, record->aux, error) != 0)
        return -1;
    return 1;
}

/* As ese_history_read_next, within the segment. */
static int read_here(struct ese_history_reader *reader, struct ese_history_record *record,
                     struct ese_error *error)
{
    struct ese_error trouble = {.code = ESE_OK};
    const struct ese_history_slot *slot;
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

int ese_history_read_next(struct ese_history_reader *reader, struct ese_history_record *record,
                          struct ese_error *error)
{
    for (;;) {
        reader->key[0] = '\0';
        const struct ese_history_header *header = reader->file.header;
        bool was_closed = atomic_load(&header->closed); /* first: then what follows is all of it */
        int said = read_here(reader, record, error);
        if (said != 0 || !was_closed)
            return said;
        const struct ese_id id = header->id;
        bool has_gap = atomic_load(&header->truncated) != 0;
        said = go_to(reader, header->segment + 1, error);
        reader->has_gap |= has_gap;
        if (said != 1)
            return said;
        reader->is_lost |= ese_history_is_other(&id, &reader->file.header->id);
    }
}

const char *ese_history_read_key(const struct ese_history_reader *reader)
{
    return reader->key;
}

const char *ese_history_read_word(const struct ese_history_reader *reader, uint16_t word)
{
    const struct ese_history_header *header = reader->file.header;
    int used = atomic_load_explicit(&header->words_used, memory_order_acquire);
    return word < used ? header->words[word] : "";
}

/* The header of the segment being written. */
static const struct ese_history_header *newest(struct ese_history_reader *reader)
{
    struct file newer = {.fd = -1};
    if (atomic_load(&reader->newest.header->closed) &&
        open_file(reader->path, ESE_HISTORY_HEADER_SIZE, &newer, NULL) == 0) {
        close_file(&reader->newest);
        reader->newest = newer;
    }
    return reader->newest.header;
}

int64_t ese_history_read_count(struct ese_history_reader *reader, enum ese_history_counter counter)
{
    assert(counter < ESE_HISTORY_COUNTERS);
    return atomic_load(&newest(reader)->counters[counter]);
}

struct ese_history_clock ese_history_read_newest_clock(struct ese_history_reader *reader)
{
    return ese_history_header_clock(newest(reader));
}

bool ese_history_read_truncated(const struct ese_history_reader *reader)
{
    return reader->has_gap || atomic_load(&reader->file.header->truncated) != 0;
}

int64_t ese_history_read_cut(const struct ese_history_reader *reader)
{
    struct stat status;
    if (fstat(reader->file.fd, &status) != 0)
        return 0;
    int64_t bytes = (int64_t)status.st_size - ESE_HISTORY_HEADER_SIZE;
    int64_t slot = sizeof *reader->file.slots, held = bytes > 0 ? bytes / slot : 0;
    int64_t claimed = atomic_load(&reader->file.header->claimed);
    return claimed > held ? claimed - held : 0;
}

struct ese_id ese_history_read_id(const struct ese_history_reader *reader)
{
    return reader->file.header->id;
}

const char *ese_history_read_party(const struct ese_history_reader *reader)
{
    return reader->file.header->party;
}

const char *ese_history_read_transport(const struct ese_history_reader *reader)
{
    return reader->file.header->transport;
}

struct ese_history_clock ese_history_read_clock(const struct ese_history_reader *reader)
{
    return ese_history_header_clock(reader->file.header);
}
