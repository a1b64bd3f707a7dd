/* The file of a history that is being written, and the names of its segments. */
#include "ese-core/history_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"

#define FIRST_BYTES (INT64_C(64) << 10)
#define DIGITS 6
#define MOST_SLOTS (INT64_C(1) << 50) /* more than any file holds, and their bytes can be counted */
#define LET_GO_BYTES ((size_t)1 << 20) /* a multiple of all machines' pages */

/* ---- the file -------------------------------------------------------------------------------- */

/* Blocks are taken now: a full disk must be an answer here, not a SIGBUS at some later store. */
int ese_history_file_grow(struct ese_history_file *file, int64_t size)
{
    int64_t had = atomic_load(&file->size);
    if (had >= size)
        return 0;
    errno = posix_fallocate(file->fd, had, size - had);
    if (errno != 0)
        return -1;
    atomic_store(&file->size, size);
    if (file->header != NULL)
        ese_history_let_go(file->header, (size_t)had, &file->let_go);
    return 0;
}

void ese_history_let_go(const void *start, size_t end, size_t *let_go)
{
    end -= end % LET_GO_BYTES;
    if (end <= *let_go)
        return;
    (void)madvise((char *)(uintptr_t)start + *let_go, end - *let_go, MADV_DONTNEED);
    *let_go = end;
}

static bool ends_within(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

/* Words are a list: those that are used end where they are to. */
static bool words_are_sound(const struct ese_history_header *header)
{
    int used = atomic_load(&header->words_used);
    if (used < 0 || used > ESE_HISTORY_WORDS)
        return false;
    for (int i = 0; i < used; i++) {
        if (!ends_within(header->words[i], sizeof header->words[i]))
            return false;
    }
    return true;
}

bool ese_history_header_is_sound(const struct ese_history_header *header)
{
    int64_t claimed = atomic_load(&header->claimed);
    return memcmp(header->magic, ESE_HISTORY_MAGIC, sizeof header->magic) == 0 &&
           header->version == ESE_HISTORY_VERSION &&
           header->record_size == sizeof(struct ese_history_slot) &&
           ends_within(header->party, sizeof header->party) &&
           ends_within(header->transport, sizeof header->transport) && words_are_sound(header) &&
           header->wall_ns >= 0 && header->monotonic_ns >= 0 && header->segment >= 0 &&
           header->segment < INT32_MAX && claimed >= 0 && claimed < MOST_SLOTS;
}

/* Nothing that is not ours is ever written to: a wrong path must not cost a file. */
static int check(const char *path, int fd, const char *party, struct ese_error *error)
{
    struct ese_history_header header = {.record_size = 0};
    ssize_t length = pread(fd, &header, sizeof header, 0);
    if (length < 0)
        return ese_fail_errno(error, "cannot read the history %s", path);
    static const char unfinished[sizeof header.magic];
    bool new = length == 0 || (length == sizeof header && header.version == 0 &&
                               memcmp(header.magic, unfinished, sizeof unfinished) == 0);
    bool ours = length == sizeof header && ese_history_header_is_sound(&header);
    if (!new && !ours)
        return ese_fail(error, ESE_E_USAGE,
                        "'%.200s' is no history of version %d: give another path", path,
                        ESE_HISTORY_VERSION);
    if (ours && strncmp(header.party, party, sizeof header.party) != 0)
        return ese_fail(error, ESE_E_USAGE, "'%.200s' is the history of %.*s: give another path",
                        path, (int)sizeof header.party, header.party);
    return 0;
}

static int lock(const char *path, int fd, struct ese_error *error)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return 0;
    if (errno != EAGAIN && errno != EACCES)
        return ese_fail_errno(error, "cannot lock the history %s", path);
    return ese_fail(error, ESE_E_USAGE,
                    "another process writes the history '%.200s': give another path", path);
}

int ese_history_file_open(const char *path, const char *party, int64_t limit,
                          struct ese_history_file *file, struct ese_error *error)
{
    struct stat status;
    file->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file->fd < 0 || fstat(file->fd, &status) != 0)
        return ese_fail_path(error, "the history", path, "another path");
    if (lock(path, file->fd, error) != 0 || check(path, file->fd, party, error) != 0)
        return -1;
    file->mapped = limit > status.st_size ? limit : status.st_size;
    atomic_store(&file->size, status.st_size);
    if (ese_history_file_grow(file, FIRST_BYTES < file->mapped ? FIRST_BYTES : file->mapped) != 0)
        return ese_fail_errno(error, "cannot make room for the history %s", path);
    void *start =
        mmap(NULL, (size_t)file->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (start == MAP_FAILED)
        return ese_fail_errno(error, "cannot map the history %s", path);
    file->header = start;
    file->slots = (struct ese_history_slot *)((char *)start + ESE_HISTORY_HEADER_SIZE);
    return 0;
}

struct ese_history_clock ese_history_header_clock(const struct ese_history_header *header)
{
    return (struct ese_history_clock){.boot = header->boot,
                                      .wall_offset_ns = header->wall_ns - header->monotonic_ns};
}

static void trim(struct ese_history_file *file)
{
    int64_t used = ESE_HISTORY_HEADER_SIZE +
                   atomic_load(&file->header->claimed) * (int64_t)sizeof *file->slots;
    if (used < atomic_load(&file->size) && ftruncate(file->fd, used) != 0)
        ese_log_warning("cannot shorten a history: %s", strerror(errno));
}

void ese_history_file_close(struct ese_history_file *file)
{
    if (file->slots != NULL) {
        trim(file);
        munmap(file->header, (size_t)file->mapped);
    }
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct ese_history_file){.fd = -1};
}

/* ---- the names of full segments ---------------------------------------------------------------- */

void ese_history_segment_path(const char *path, int64_t segment, char text[ESE_HISTORY_PATH_SIZE])
{
    snprintf(text, ESE_HISTORY_PATH_SIZE, "%s.%0*lld", path, DIGITS, (long long)segment);
}

/* The number behind "NAME."; 0 for a file of another name. */
static int64_t number_of(const char *file, const char *name)
{
    size_t length = strlen(name);
    int64_t number = 0;
    if (strncmp(file, name, length) != 0 || file[length] != '.' ||
        strspn(file + length + 1, "0123456789") != strlen(file + length + 1))
        return 0;
    return ese_number_parse(file + length + 1, "", 1, INT64_MAX, &number, NULL) == 0 ? number : 0;
}

/* Of the segments from `from` on, the lowest or the highest. */
static int64_t find(const char *path, int64_t from, bool want_highest)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char directory[ESE_HISTORY_PATH_SIZE];
    snprintf(directory, sizeof directory, "%.*s", slash == NULL ? 1 : (int)(name - path),
             slash == NULL ? "." : path);
    DIR *files = opendir(directory);
    int64_t found = 0;
    for (struct dirent *file; files != NULL && (file = readdir(files)) != NULL;) {
        int64_t number = number_of(file->d_name, name);
        bool better = want_highest ? number > found : found == 0 || number < found;
        if (number > 0 && number >= from && better)
            found = number;
    }
    if (files != NULL)
        closedir(files);
    return found;
}

int64_t ese_history_segment_find(const char *path, int64_t from)
{
    return find(path, from, false);
}

int64_t ese_history_segment_last(const char *path)
{
    return find(path, 1, true);
}

void ese_history_remove_before(const char *path, int64_t segment)
{
    int64_t oldest;
    while ((oldest = ese_history_segment_find(path, 1)) != 0 && oldest < segment) {
        char name[ESE_HISTORY_PATH_SIZE];
        ese_history_segment_path(path, oldest, name);
        if (unlink(name) != 0) {
            ese_log_warning("cannot remove %s: %s", name, strerror(errno));
            return;
        }
    }
}
