/*
 * clock.c - the clock's shim, to be preloaded (LD_PRELOAD): sets the wall clock of a program of ours, and nobody
 * else's.
 *
 * ESE_CLOCK_FILE names a file of eight bytes, a signed number in the machine's order: nanoseconds that are added to
 * CLOCK_REALTIME from now on, whoever writes it and whenever. CLOCK_MONOTONIC goes on as ever, as it does where an
 * administrator, or NTP, sets a clock (clock_settime(2)).
 *
 * Who waits until a moment of the wall clock (pthread_cond_timedwait(3) and its like) is woken as if the kernel's had
 * been set, too, but for one thing: a wait that had begun before the clock was set goes on by the old one. A moment of
 * less than 30 years after the epoch is one of CLOCK_MONOTONIC, which a condition variable does not tell us.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))
#define NS_PER_S INT64_C(1000000000)
#define EARLIEST_S (INT64_C(30) * 365 * 24 * 3600) /* no machine runs for so long */

static const _Atomic int64_t *offset; /* NULL: none was given */

static int (*real_clock_gettime)(clockid_t clock, struct timespec *now);
static int (*real_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
static int (*real_mutex_timedlock)(pthread_mutex_t *mutex, const struct timespec *until);
static int (*real_cnd_timedwait)(cnd_t *condition, mtx_t *mutex, const struct timespec *until);
static int (*real_mtx_timedlock)(mtx_t *mutex, const struct timespec *until);
static int (*real_sem_timedwait)(sem_t *semaphore, const struct timespec *until);

/* An older version of the same name would wait wrongly: glibc has two of it where it is old enough. */
static void *find_cond_timedwait(void)
{
    void *found = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    return found != NULL ? found : dlsym(RTLD_NEXT, "pthread_cond_timedwait");
}

__attribute__((constructor)) static void begin(void)
{
    *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **)&real_cond_timedwait = find_cond_timedwait();
    *(void **)&real_mutex_timedlock = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
    *(void **)&real_cnd_timedwait = dlsym(RTLD_NEXT, "cnd_timedwait");
    *(void **)&real_mtx_timedlock = dlsym(RTLD_NEXT, "mtx_timedlock");
    *(void **)&real_sem_timedwait = dlsym(RTLD_NEXT, "sem_timedwait");
    const char *path = getenv("ESE_CLOCK_FILE");
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *map = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (map != MAP_FAILED)
        offset = map;
    if (path == NULL || map != MAP_FAILED)
        return;
    static const char words[] = "ese-clock: ESE_CLOCK_FILE cannot be read: give a file of eight bytes\n";
    if (write(STDERR_FILENO, words, sizeof words - 1) < 0)
        _exit(65);
    _exit(64);
}

static void move(struct timespec *moment, int64_t by_ns)
{
    int64_t ns = moment->tv_sec * NS_PER_S + moment->tv_nsec + by_ns;
    moment->tv_sec = ns / NS_PER_S;
    moment->tv_nsec = ns % NS_PER_S;
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (real_clock_gettime == NULL) /* before us, a constructor of somebody else's */
        begin();
    int status = real_clock_gettime(clock, now);
    if (status == 0 && offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        move(now, atomic_load(offset));
    return status;
}

SHOWN int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec moment;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &moment) != 0)
        return -1;
    now->tv_sec = moment.tv_sec;
    now->tv_usec = moment.tv_nsec / 1000;
    return 0;
}

SHOWN time_t time(time_t *into)
{
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (into != NULL)
        *into = moment.tv_sec;
    return moment.tv_sec;
}

SHOWN int timespec_get(struct timespec *moment, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, moment) == 0 ? base : 0;
}

/* As the kernel, which knows nothing of us, has to be told it. */
static const struct timespec *for_kernel(const struct timespec *until, struct timespec *moved)
{
    if (offset == NULL || until->tv_sec < EARLIEST_S)
        return until;
    *moved = *until;
    move(moved, -atomic_load(offset));
    return moved;
}

SHOWN int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                                 const struct timespec *restrict until)
{
    struct timespec moved;
    return real_cond_timedwait(condition, mutex, for_kernel(until, &moved));
}

SHOWN int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
    struct timespec moved;
    return real_mutex_timedlock(mutex, for_kernel(until, &moved));
}

/* As C11 has them: within the library they call none of the above by name. librdkafka waits so. */
SHOWN int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    struct timespec moved;
    return real_cnd_timedwait(condition, mutex, for_kernel(until, &moved));
}

SHOWN int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict until)
{
    struct timespec moved;
    return real_mtx_timedlock(mutex, for_kernel(until, &moved));
}

SHOWN int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
    struct timespec moved;
    return real_sem_timedwait(semaphore, for_kernel(until, &moved));
}
