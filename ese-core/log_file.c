#include "ese-core/log_file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/log.h"
#include "ese-core/memory.h"

#define PIECE_BYTES (64 * 1024)

/* To its end, wherever that is by then. */
static bool copy(int from, int to)
{
    char *piece = ese_alloc(PIECE_BYTES);
    ssize_t got;
    bool copied = true;
    while (copied && (got = read(from, piece, PIECE_BYTES)) > 0)
        copied = write(to, piece, (size_t)got) == got;
    free(piece);
    return copied && got == 0;
}

static void keep(const char *path, int log)
{
    char name[4096];
    if ((size_t)snprintf(name, sizeof name, "%s.1", path) >= sizeof name)
        return;
    int kept = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (kept < 0 || !copy(log, kept))
        ese_log_warning("the older lines of %.200s are given up: %.200s cannot be written", path,
                        name);
    if (kept >= 0)
        close(kept);
}

void ese_log_file_bound(const char *path, int64_t most_bytes)
{
    struct stat status;
    int log = open(path, O_RDWR | O_CLOEXEC);
    if (log < 0)
        return;
    if (fstat(log, &status) == 0 && status.st_size > most_bytes) {
        keep(path, log);
        if (ftruncate(log, 0) != 0)
            ese_log_warning("%.200s cannot be emptied", path);
    }
    close(log);
}
