/*
 * record.h - what the disk's shim writes into a journal (journal.h), and who cuts the power reads (platter.h).
 *
 * A journal is a sequence of records in the order in which the calls were made: a head, then the name, the other name
 * and the data, as long as the head says, with nothing between them. Numbers are as this machine has them: a journal
 * does not travel. Files are named by their inode; a number that is made anew (MADE_FILE, MADE_DIRECTORY) is another
 * file from then on. The first record is the ROOT, and what was there when the journal began follows it, made and
 * written like anything else, up to a SYNC_ALL.
 */
#ifndef ESE_DISK_RECORD_H
#define ESE_DISK_RECORD_H

#include <stdint.h>

#define ESE_DISK_MAGIC 0x4b534944u /* "DISK" */
#define ESE_DISK_NAME_MOST 255

enum ese_disk_kind {
    ESE_DISK_ROOT = 1,       /* file: the directory below which everything lies */
    ESE_DISK_MADE_FILE,      /* name in directory, file */
    ESE_DISK_MADE_DIRECTORY, /* likewise */
    ESE_DISK_LINKED,         /* a further name of file */
    ESE_DISK_UNLINKED,       /* name in directory */
    ESE_DISK_RENAMED,        /* name in directory becomes other_name in other_directory */
    ESE_DISK_WRITTEN,        /* data at offset of file */
    ESE_DISK_RESIZED,        /* file has offset bytes */
    ESE_DISK_SYNC_BEGINS,    /* of file; offset: the thread that syncs, which is never 0 */
    ESE_DISK_SYNCED,         /* file, or directory: whatever happened to it until offset's sync began; 0: until here */
    ESE_DISK_SYNCED_ALL,     /* everything, likewise */
    ESE_DISK_SYNC_FAILED,    /* offset's: the blocks that file has not on the disk do not get there by another */
    ESE_DISK_MAPPED,         /* file is written by memory, which nobody sees: its content counts for nothing */
    ESE_DISK_KINDS
};

struct ese_disk_record {
    uint32_t magic;
    uint32_t kind;
    uint64_t file;
    uint64_t directory;
    uint64_t other_directory;
    int64_t offset;
    uint64_t data_length;
    uint32_t name_length;
    uint32_t other_name_length;
};

#endif
