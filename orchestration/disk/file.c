#include "orchestration/disk/file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

struct version {
    uint8_t *bytes;
    uint64_t at; /* when it was written */
};

/* versions[0] is what is on the disk, the last one what everybody reads. */
struct block {
    struct version *versions;
    int count;
    int lost; /* so many are of before a failed sync: another one does not bring the last of them to the disk */
};

struct size {
    int64_t bytes;
    uint64_t at;
};

struct ese_disk_file {
    struct block *blocks;
    int64_t block_count;
    struct size *sizes; /* likewise */
    int size_count;
    bool discarded;
};

struct ese_disk_file *ese_disk_file_new(void)
{
    struct ese_disk_file *file = ese_alloc(sizeof *file);
    file->sizes = ese_alloc_array(1, sizeof file->sizes[0]);
    file->size_count = 1;
    return file;
}

static void free_blocks(struct ese_disk_file *file)
{
    for (int64_t i = 0; i < file->block_count; i++) {
        for (int j = 0; j < file->blocks[i].count; j++)
            free(file->blocks[i].versions[j].bytes);
        free(file->blocks[i].versions);
    }
    free(file->blocks);
    file->blocks = NULL;
    file->block_count = 0;
}

void ese_disk_file_free(struct ese_disk_file **file)
{
    if (*file == NULL)
        return;
    free_blocks(*file);
    free((*file)->sizes);
    free(*file);
    *file = NULL;
}

/* ---- what happens to it -------------------------------------------------------------------------------------- */

static void add_version(struct block *block, uint8_t *bytes, uint64_t now)
{
    block->versions = ese_realloc_array(block->versions, (size_t)block->count + 1, sizeof block->versions[0]);
    block->versions[block->count++] = (struct version){.bytes = bytes, .at = now};
}

/* A copy of the block as it is now, to be changed. New blocks are zeros on the disk. */
static uint8_t *next_version(struct ese_disk_file *file, int64_t number, uint64_t now)
{
    if (number >= file->block_count) {
        int64_t count = number + 1;
        file->blocks = ese_realloc_array(file->blocks, (size_t)count, sizeof file->blocks[0]);
        for (int64_t i = file->block_count; i < count; i++) {
            file->blocks[i] = (struct block){.count = 0};
            add_version(&file->blocks[i], ese_alloc(ESE_DISK_BLOCK), 0);
        }
        file->block_count = count;
    }
    struct block *block = &file->blocks[number];
    uint8_t *bytes = ese_alloc(ESE_DISK_BLOCK);
    memcpy(bytes, block->versions[block->count - 1].bytes, ESE_DISK_BLOCK);
    add_version(block, bytes, now);
    return bytes;
}

static int64_t size_of(const struct ese_disk_file *file)
{
    return file->sizes[file->size_count - 1].bytes;
}

static void note_size(struct ese_disk_file *file, int64_t size, uint64_t now)
{
    if (size == size_of(file))
        return;
    file->sizes = ese_realloc_array(file->sizes, (size_t)file->size_count + 1, sizeof file->sizes[0]);
    file->sizes[file->size_count++] = (struct size){.bytes = size, .at = now};
}

void ese_disk_file_write(struct ese_disk_file *file, int64_t offset, const void *data, size_t length, uint64_t now)
{
    const uint8_t *from = data;
    int64_t end = offset + (int64_t)length;
    while (offset < end) {
        int64_t within = offset % ESE_DISK_BLOCK;
        int64_t most = ESE_DISK_BLOCK - within < end - offset ? ESE_DISK_BLOCK - within : end - offset;
        memcpy(next_version(file, offset / ESE_DISK_BLOCK, now) + within, from, (size_t)most);
        from += most;
        offset += most;
    }
    if (end > size_of(file))
        note_size(file, end, now);
}

/* What is cut off reads as zeros when the file grows again. */
void ese_disk_file_resize(struct ese_disk_file *file, int64_t size, uint64_t now)
{
    for (int64_t i = size / ESE_DISK_BLOCK; size < size_of(file) && i < file->block_count; i++) {
        int64_t within = i == size / ESE_DISK_BLOCK ? size % ESE_DISK_BLOCK : 0;
        memset(next_version(file, i, now) + within, 0, (size_t)(ESE_DISK_BLOCK - within));
    }
    note_size(file, size, now);
}

/* What was written since the sync began stays as open as it was. */
static void sync_block(struct block *block, uint64_t until)
{
    int kept = 0;
    while (kept + 1 < block->count && block->versions[kept + 1].at <= until)
        kept++;
    if (kept < block->lost)
        return;
    for (int i = 0; i < kept; i++)
        free(block->versions[i].bytes);
    block->count -= kept;
    memmove(block->versions, block->versions + kept, (size_t)block->count * sizeof block->versions[0]);
    block->lost = 0;
}

static void sync_size(struct ese_disk_file *file, uint64_t until)
{
    int kept = 0;
    while (kept + 1 < file->size_count && file->sizes[kept + 1].at <= until)
        kept++;
    file->size_count -= kept;
    memmove(file->sizes, file->sizes + kept, (size_t)file->size_count * sizeof file->sizes[0]);
}

void ese_disk_file_sync(struct ese_disk_file *file, uint64_t until)
{
    for (int64_t i = 0; i < file->block_count; i++)
        sync_block(&file->blocks[i], until);
    sync_size(file, until);
}

void ese_disk_file_fail_sync(struct ese_disk_file *file)
{
    for (int64_t i = 0; i < file->block_count; i++)
        if (file->blocks[i].count > 1)
            file->blocks[i].lost = file->blocks[i].count;
}

void ese_disk_file_discard(struct ese_disk_file *file)
{
    file->discarded = true;
}

bool ese_disk_file_is_discarded(const struct ese_disk_file *file)
{
    return file->discarded;
}

int64_t ese_disk_file_open_blocks(const struct ese_disk_file *file)
{
    int64_t open = 0;
    for (int64_t i = 0; i < file->block_count; i++)
        open += file->blocks[i].count > 1;
    return open;
}

/* ---- the cut ------------------------------------------------------------------------------------------------- */

/* Each by itself; but nothing, and all, are what happens most, and would hardly be drawn of many. */
enum mood { NOTHING, ALL, ANY, MOODS = 4 };

static uint64_t draw(uint64_t mood, int count, struct ese_random *random)
{
    if (mood == NOTHING)
        return 0;
    return mood == ALL ? (uint64_t)count - 1 : ese_random_below(random, (uint64_t)count);
}

/* At least one sector of each of two neighbours. */
static void tear(const struct block *block, struct ese_random *random, uint8_t *bytes)
{
    uint64_t newer = 1 + ese_random_below(random, (uint64_t)block->count - 1);
    const uint8_t *old = block->versions[newer - 1].bytes, *new = block->versions[newer].bytes;
    uint64_t sectors = ESE_DISK_BLOCK / ESE_DISK_SECTOR, all = ((uint64_t)1 << sectors) - 1;
    uint64_t survive = 1 + ese_random_below(random, all - 1);
    for (uint64_t i = 0; i < sectors; i++)
        memcpy(bytes + i * ESE_DISK_SECTOR, ((survive >> i & 1) != 0 ? new : old) + i * ESE_DISK_SECTOR,
               ESE_DISK_SECTOR);
}

uint8_t *ese_disk_file_cut(const struct ese_disk_file *file, struct ese_random *random, int64_t torn, size_t *length)
{
    uint64_t mood = ese_random_below(random, MOODS);
    int64_t size = file->sizes[draw(mood, file->size_count, random)].bytes;
    uint8_t *bytes = ese_alloc((size_t)file->block_count * ESE_DISK_BLOCK + (size_t)size + 1);
    int64_t open = 0;
    for (int64_t i = 0; i < file->block_count; i++) {
        struct block *block = &file->blocks[i];
        uint8_t *at = bytes + i * ESE_DISK_BLOCK;
        if (block->count > 1 && open++ == torn)
            tear(block, random, at);
        else
            memcpy(at, block->versions[draw(mood, block->count, random)].bytes, ESE_DISK_BLOCK);
    }
    *length = (size_t)size;
    return bytes;
}
