#include "ese-core/tally.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/wire.h"

#define MAGIC "ESETALY1"
#define NOTE_EVERY_NS (200 * ESE_NS_PER_MS)

/* The whole file. */
struct tally {
    char magic[8];
    _Atomic int64_t counts[ESE_TALLIES];
};

static struct tally unnamed;
static struct tally *tally = &unnamed;
static _Atomic int64_t noted_ns;
static _Atomic uint64_t noted_sent, noted_received;

int ese_tally_open(const char *path, struct ese_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *tally) < 0) {
        ese_fail_errno(error, "cannot write the tally %s", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    void *mapped = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        return ese_fail_errno(error, "cannot map the tally %s", path);
    tally = mapped;
    memcpy(tally->magic, MAGIC, sizeof tally->magic);
    return 0;
}

void ese_tally_count(enum ese_tally what, int64_t amount)
{
    atomic_fetch_add_explicit(&tally->counts[what], amount, memory_order_relaxed);
}

int ese_tally_sync(int fd)
{
    int status = fdatasync(fd);
    ese_tally_count(ESE_TALLY_SYNCS, status == 0);
    return status;
}

void ese_tally_note_wire(void)
{
    int64_t now_ns = ese_clock_monotonic_ns(), before_ns = atomic_load(&noted_ns);
    if (now_ns - before_ns < NOTE_EVERY_NS || !atomic_compare_exchange_strong(&noted_ns, &before_ns, now_ns))
        return;
    const struct ese_wire_totals now = ese_wire_totals();
    uint64_t sent = atomic_exchange(&noted_sent, now.sent), received = atomic_exchange(&noted_received, now.received);
    ese_tally_count(ESE_TALLY_WIRE_SENT, (int64_t)(now.sent - sent));
    ese_tally_count(ESE_TALLY_WIRE_RECEIVED, (int64_t)(now.received - received));
}

int ese_tally_read(const char *path, int64_t counts[ESE_TALLIES], struct ese_error *error)
{
    struct tally there = {.magic = ""};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, &there, sizeof there);
    if (fd >= 0)
        close(fd);
    if (length != (ssize_t)sizeof there || memcmp(there.magic, MAGIC, sizeof there.magic) != 0)
        return ese_fail(error, ESE_E_MISSING, "%s is no tally, or not there", path);
    for (int i = 0; i < ESE_TALLIES; i++)
        counts[i] = atomic_load_explicit(&there.counts[i], memory_order_relaxed);
    return 0;
}
