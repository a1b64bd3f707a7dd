#include "ese-mailer/smtp_limit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"

#ifndef sigev_notify_thread_id /* glibc has the member, older headers lack its name */
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define LIMIT_SIGNAL SIGRTMIN
#define REPEAT_NS (50 * ESE_NS_PER_MS)

static _Thread_local struct ese_smtp_limit *current;

/* ---- the signal ------------------------------------------------------------------------------ */

/* In a connect its coming is its work: connect(2) returns EINTR. Later, libesmtp waits on after a signal. */
static void on_signal(int number)
{
    int kept = errno;
    (void)number;
    if (current != NULL && current->line >= 0) {
        current->broken = 1;
        shutdown(current->line, SHUT_RDWR);
    }
    errno = kept;
}

static void install_signal(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    sigaction(LIMIT_SIGNAL, &action, NULL);
}

/* It goes on firing until it is armed otherwise: a signal that came just before connect(2) would be
 * lost. */
static void arm(struct ese_smtp_limit *limit, int64_t in_ns)
{
    struct itimerspec times = {.it_interval = {.tv_nsec = REPEAT_NS}};
    in_ns = in_ns > 1 ? in_ns : 1; /* 0 would disarm it */
    times.it_value.tv_sec = in_ns / ESE_NS_PER_S;
    times.it_value.tv_nsec = in_ns % ESE_NS_PER_S;
    timer_settime(limit->timer, 0, &times, NULL);
}

static void arm_connect(struct ese_smtp_limit *limit)
{
    int64_t most_ns = limit->timeout_ms * ESE_NS_PER_MS;
    int64_t left_ns = limit->until_ns - ese_clock_monotonic_ns();
    arm(limit, left_ns < most_ns ? left_ns : most_ns);
}

/* ---- the connection -------------------------------------------------------------------------- */

static void drop_taken(struct ese_smtp_limit *limit)
{
    limit->line = -1;
    if (limit->taken >= 0)
        close(limit->taken);
    limit->taken = -1;
}

/* Under another name, as the C library's header gives this one attributes of its own. */
int smtp_limit_connect(int fd, const struct sockaddr *address, socklen_t length) __asm__("connect")
    __attribute__((visibility("default")));

typedef int connect_call(int fd, const struct sockaddr *address, socklen_t length);

static connect_call *real_connect;

static void find_real_connect(void)
{
    *(void **)&real_connect = dlsym(RTLD_NEXT, "connect");
}

int smtp_limit_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_real_connect);
    if (current == NULL)
        return real_connect(fd, address, length);
    drop_taken(current);
    if (real_connect(fd, address, length) != 0)
        return -1;
    current->taken = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return current->taken < 0 ? -1 : 0; /* without a limit there is no session */
}

/* ---- a session ------------------------------------------------------------------------------- */

int ese_smtp_limit_begin(struct ese_smtp_limit *limit, int timeout_ms, struct ese_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_signal);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = LIMIT_SIGNAL};
    event.sigev_notify_thread_id = gettid();
    *limit = (struct ese_smtp_limit){.timeout_ms = timeout_ms, .taken = -1, .line = -1};
    limit->until_ns = ese_clock_monotonic_ns() + ESE_SMTP_STEPS * timeout_ms * ESE_NS_PER_MS;
    if (timer_create(CLOCK_MONOTONIC, &event, &limit->timer) != 0)
        return ese_fail_errno(error, "cannot limit the session: no timer");
    current = limit;
    arm_connect(limit);
    return 0;
}

void ese_smtp_limit_end(struct ese_smtp_limit *limit)
{
    timer_delete(limit->timer);
    drop_taken(limit);
    current = NULL;
}

void ese_smtp_limit_connected(struct ese_smtp_limit *limit)
{
    arm(limit, limit->until_ns - ese_clock_monotonic_ns());
    limit->line = limit->taken;
}

void ese_smtp_limit_disconnected(struct ese_smtp_limit *limit)
{
    drop_taken(limit);
    arm_connect(limit);
}

int ese_smtp_limit_check(const struct ese_smtp_limit *limit, struct ese_error *error)
{
    if (!limit->broken)
        return 0;
    return ese_fail(error, ESE_E_TIMEOUT, "the session took longer than %lld ms, %d times the --smtp-timeout-ms",
                    (long long)ESE_SMTP_STEPS * limit->timeout_ms, ESE_SMTP_STEPS);
}
