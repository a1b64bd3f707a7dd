/*
 * history_file.h - the bytes of a history, for its writer and its reader only (see history.h).
 *
 * A writer claims slots by adding to `claimed`, then fills them, the kind last. So three things can
 * be behind a slot of kind 0: it was not claimed yet (at or beyond `claimed`: the end), it is just
 * being filled (the writer lives), or its writer was killed in between: a hole, which is passed
 * over. Below `settled`, where the last writer began, and in a closed segment, zeroes are holes for
 * certain. Whether a writer lives is told by its lock on the file (fcntl(2), open file description
 * locks), which dies with it. A file that ends below `claimed` was cut short by somebody else.
 *
 * Turning to the next segment: PATH.part is made ready, the full segment is marked closed and linked
 * as PATH.000001, and PATH.part is renamed to PATH. Whoever finds PATH closed finds a writer that was
 * killed in between; the next one turns again.
 */
#ifndef ESE_HISTORY_FILE_H
#define ESE_HISTORY_FILE_H

#include <stdatomic.h>

#include "ese-core/history.h"

#define ESE_HISTORY_MAGIC "ESEHIST1"
#define ESE_HISTORY_VERSION 1
#define ESE_HISTORY_HEADER_SIZE 4096
#define ESE_HISTORY_WORDS 64
#define ESE_HISTORY_WORD_LOST UINT16_MAX /* the list was full: read as "" */
#define ESE_HISTORY_KEY_TEXT 46          /* bytes of key a KEY record holds */
#define ESE_HISTORY_OFFER_SLOTS 3        /* an offer and its KEY records at most */
_Static_assert((ESE_HISTORY_OFFER_SLOTS - 1) * ESE_HISTORY_KEY_TEXT >= ESE_EVENT_KEY_SIZE,
               "a key must fit its records");

struct ese_history_slot {
    union {
        struct {
            _Atomic uint16_t kind;
            uint16_t aux;
            int32_t partition;
            int64_t time_ns;
            struct ese_id id;
            int64_t a;
            int64_t b;
        };
        struct {
            uint16_t kind_of_key; /* the same two bytes */
            char key[ESE_HISTORY_KEY_TEXT];
        };
    };
};
_Static_assert(sizeof(struct ese_history_slot) == 48, "the record of history.h");

struct ese_history_header {
    char magic[8];
    _Atomic uint32_t version; /* stored last: 0 is a header that is not finished */
    uint32_t record_size;
    char party[64];
    char transport[64];
    int64_t wall_ns; /* this minus the next: of the first segment that began in this boot */
    int64_t monotonic_ns;
    _Atomic int64_t claimed; /* slots ever taken; the file has grown to hold them before */
    _Atomic int64_t settled; /* `claimed` when the last writer began */
    _Atomic int32_t truncated;
    _Atomic int32_t words_used;
    _Atomic int64_t counters[ESE_HISTORY_COUNTERS];
    int64_t segment; /* 1 is the first */
    _Atomic int32_t closed; /* nothing is added here any more: the next segment goes on */
    char words[ESE_HISTORY_WORDS][ESE_EVENT_TYPE_SIZE];
    struct ese_id id; /* none in files of the first days, until their next writer */
    uint64_t boot;    /* whose monotonic clock it is (clock.h); 0: not known, as in those */
};
_Static_assert(sizeof(struct ese_history_header) <= ESE_HISTORY_HEADER_SIZE,
               "the header of history.h");

/* Whether of this version, and saying nothing that no writer writes: whatever is read by it stays within
 * its bounds. */
bool ese_history_header_is_sound(const struct ese_history_header *header);
struct ese_history_clock ese_history_header_clock(const struct ese_history_header *header);

/* A file that is being written: mapped to its limit, grown by need. */
struct ese_history_file {
    struct ese_history_header *header;
    struct ese_history_slot *slots;
    int fd;         /* -1: there is none */
    int64_t mapped; /* all of the limit, so that growing moves nothing; touched only below `size` */
    _Atomic int64_t size;
    size_t let_go; /* of it (ese_history_let_go) */
};

/* Opens or creates it and takes the lock. A file that is no history, or not of this version or this
 * party, is left as it is: ESE_E_USAGE. file->fd must be -1; it is to be closed in either case. */
int ese_history_file_open(const char *path, const char *party, int64_t limit,
                          struct ese_history_file *file, struct ese_error *error);
/* Gives back what was taken ahead, so that a short run leaves a small file. */
void ese_history_file_close(struct ese_history_file *file);
/* Makes it at least `size` long, and lets go of what it had before. -1 with errno. Not for several threads at
 * once. */
int ese_history_file_grow(struct ese_history_file *file, int64_t size);

/* Pages of a file that were read or written count as this process's memory for as long as they are mapped in.
 * What lies before `end` is let go, a large piece at a time; let_go says how much was already. It stays with the
 * kernel, as it does when the process dies, and comes again for whoever touches it. */
void ese_history_let_go(const void *start, size_t end, size_t *let_go);

/* The name of a full segment: PATH.000001. */
#define ESE_HISTORY_PATH_SIZE 1024
void ese_history_segment_path(const char *path, int64_t segment, char text[ESE_HISTORY_PATH_SIZE]);
/* The lowest full segment that is there and not below `from`; 0: none. */
int64_t ese_history_segment_find(const char *path, int64_t from);
/* The highest; 0: none. */
int64_t ese_history_segment_last(const char *path);

#endif
