/*
 * file.h - one file on a platter (platter.h): its blocks as they were after each write since the last sync.
 *
 * `now` is of whoever tells: a number that has grown since it told of anything before, and is not 0.
 */
#ifndef ESE_DISK_FILE_H
#define ESE_DISK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/random.h"

#define ESE_DISK_BLOCK 4096
#define ESE_DISK_SECTOR 512

struct ese_disk_file;

struct ese_disk_file *ese_disk_file_new(void);
void ese_disk_file_free(struct ese_disk_file **file);

void ese_disk_file_write(struct ese_disk_file *file, int64_t offset, const void *data, size_t length, uint64_t now);
void ese_disk_file_resize(struct ese_disk_file *file, int64_t size, uint64_t now);
void ese_disk_file_sync(struct ese_disk_file *file, uint64_t until); /* of what was told until then */
void ese_disk_file_fail_sync(struct ese_disk_file *file);
void ese_disk_file_discard(struct ese_disk_file *file); /* its content counts for nothing from now on */
bool ese_disk_file_is_discarded(const struct ese_disk_file *file);

/* Blocks that were written since they were synced. */
int64_t ese_disk_file_open_blocks(const struct ese_disk_file *file);

/* What a cut leaves, to be freed by the caller; *length bytes of it. The open block number `torn`, counted from 0,
 * is torn; -1: none. */
uint8_t *ese_disk_file_cut(const struct ese_disk_file *file, struct ese_random *random, int64_t torn, size_t *length);

#endif
