#include "orchestration/proxy/control.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/proxy/loop.h"
#include "orchestration/proxy/proxy.h"

#define TALKERS 4 /* at once; who comes beyond waits */
#define LINE_SIZE 256

struct talker {
    struct ese_proxy_watch watch;
    struct ese_proxy_control *control;
    char line[LINE_SIZE];
    size_t length;
};

struct ese_proxy_control {
    struct ese_proxy *proxy;
    int loop;
    char *path;
    struct ese_proxy_watch listener;
    struct talker talkers[TALKERS];
    int open;
};

/* ---- the path ---- */

/* Does one of bind(2) and connect(2) with a path that may be longer than a socket's name has room for: by way of its
 * directory, held open meanwhile (proc(5)). -1 with errno. */
static int at_path(const char *path, int fd, int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *copies[2] = {ese_copy_text(path), ese_copy_text(path)};
    int directory = open(dirname(copies[0]), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int written = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory,
                           basename(copies[1]));
    int result = -1;
    if (written >= (int)sizeof address.sun_path)
        errno = ENAMETOOLONG;
    else if (directory >= 0)
        result = call(fd, (const struct sockaddr *)&address, sizeof address);
    int problem = errno;
    if (directory >= 0)
        close(directory);
    free(copies[0]);
    free(copies[1]);
    errno = problem;
    return result;
}

/* A socket that nobody serves is what a killed one has left. */
static void remove_left(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (at_path(path, fd, connect) != 0 && errno == ECONNREFUSED)
        unlink(path);
    close(fd);
}

/* ---- who talks ---- */

static void stop_listening_when_full(struct ese_proxy_control *control)
{
    ese_proxy_loop_watch(control->loop, &control->listener, control->open < TALKERS ? EPOLLIN : 0);
}

static void hang_up(struct talker *talker)
{
    ese_proxy_loop_forget(talker->control->loop, &talker->watch);
    close(talker->watch.fd);
    talker->watch.fd = -1;
    talker->control->open--;
    stop_listening_when_full(talker->control);
}

/* Whole lines, one after the other. Who does not take the answers is left. */
static void answer_lines(struct talker *talker)
{
    char *end;
    while ((end = memchr(talker->line, '\n', talker->length)) != NULL) {
        char answer[ESE_PROXY_ANSWER_SIZE];
        *end = '\0';
        ese_proxy_tell(talker->control->proxy, talker->line, answer);
        size_t used = (size_t)(end + 1 - talker->line), length = strlen(answer);
        answer[length] = '\n';
        if (send(talker->watch.fd, answer, length + 1, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length + 1) {
            hang_up(talker);
            return;
        }
        talker->length -= used;
        memmove(talker->line, talker->line + used, talker->length);
    }
}

static void on_talker(struct ese_proxy_watch *watch, uint32_t events)
{
    struct talker *talker = watch->owner;
    size_t room = sizeof talker->line - talker->length;
    ssize_t count = events == 0 ? 0 : recv(watch->fd, talker->line + talker->length, room, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count > 0) {
        talker->length += (size_t)count;
        answer_lines(talker);
    }
    if (watch->fd >= 0 && (count <= 0 || talker->length == sizeof talker->line)) /* a line longer than any */
        hang_up(talker);
}

static void on_control(struct ese_proxy_watch *watch, uint32_t events)
{
    struct ese_proxy_control *control = watch->owner;
    int fd = events == 0 ? -1 : accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    for (int i = 0; fd >= 0 && i < TALKERS; i++) {
        struct talker *talker = &control->talkers[i];
        if (talker->watch.fd >= 0)
            continue;
        *talker = (struct talker){.watch = {.fd = fd, .owner = talker, .ready = on_talker}, .control = control};
        ese_proxy_loop_watch(control->loop, &talker->watch, EPOLLIN);
        control->open++;
        break;
    }
    stop_listening_when_full(control);
}

/* ---- its beginning, and end ---- */

static int listen_at(struct ese_proxy_control *control, struct ese_error *error)
{
    remove_left(control->path);
    control->listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    int result = control->listener.fd < 0 ? -1 : at_path(control->path, control->listener.fd, bind);
    umask(mask);
    if (result != 0)
        return ese_fail_path(error, "--control", control->path, "another path");
    if (listen(control->listener.fd, TALKERS) != 0)
        return ese_fail_errno(error, "--control '%.200s'", control->path);
    ese_proxy_loop_watch(control->loop, &control->listener, EPOLLIN);
    return 0;
}

int ese_proxy_control_open(struct ese_proxy *proxy, int loop, const char *path, struct ese_proxy_control **control,
                           struct ese_error *error)
{
    struct ese_proxy_control *made = ese_alloc(sizeof *made);
    made->proxy = proxy;
    made->loop = loop;
    made->path = ese_copy_text(path);
    made->listener = (struct ese_proxy_watch){.fd = -1, .owner = made, .ready = on_control};
    for (int i = 0; i < TALKERS; i++)
        made->talkers[i].watch.fd = -1;
    if (listen_at(made, error) == 0) {
        *control = made;
        return 0;
    }
    if (made->listener.fd >= 0)
        close(made->listener.fd);
    free(made->path);
    free(made);
    return -1;
}

void ese_proxy_control_close(struct ese_proxy_control **control)
{
    struct ese_proxy_control *old = *control;
    if (old == NULL)
        return;
    for (int i = 0; i < TALKERS; i++) {
        if (old->talkers[i].watch.fd >= 0)
            hang_up(&old->talkers[i]);
    }
    ese_proxy_loop_forget(old->loop, &old->listener);
    close(old->listener.fd);
    unlink(old->path);
    free(old->path);
    free(old);
    *control = NULL;
}

/* ---- the other side ---- */

static int ask(int fd, const char *line, char *answer, size_t size)
{
    size_t length = 0;
    char *end = NULL;
    if (dprintf(fd, "%s\n", line) < 0)
        return -1;
    while (end == NULL && length < size) {
        ssize_t count = recv(fd, answer + length, size - length, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count == 0)
            errno = ECONNRESET;
        if (count <= 0)
            return -1;
        length += (size_t)count;
        end = memchr(answer, '\n', length);
    }
    if (end == NULL)
        return -1;
    *end = '\0';
    return 0;
}

int ese_proxy_control_say(const char *path, const char *line, int timeout_ms, char *text, size_t size,
                          struct ese_error *error)
{
    char answer[ESE_PROXY_ANSWER_SIZE];
    const struct timeval patience = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result = -1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (at_path(path, fd, connect) == 0)
            result = ask(fd, line, answer, sizeof answer);
    }
    if (result != 0)
        ese_fail_errno(error, "the proxy at '%.200s' does not answer", path);
    else if (strncmp(answer, "ok", 2) != 0)
        result = ese_fail(error, ESE_E_USAGE, "the proxy says %.500s", answer);
    else
        snprintf(text, size, "%s", answer[2] == ' ' ? answer + 3 : "");
    if (fd >= 0)
        close(fd);
    return result;
}
