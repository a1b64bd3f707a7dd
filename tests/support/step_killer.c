/*
 * step_killer.c - ends a process by SIGKILL at a step of its choosing. To be preloaded (LD_PRELOAD).
 *
 * What a process leaves behind it leaves by calls: into files, to others, on the disk. Each of these has
 * two steps: before it, and half-way through, when half of its bytes have gone (where it has none: behind
 * it). So whoever lets a process die at step 0, 1, 2 and so on sees it die everywhere that matters to
 * those who come after it. What goes to a terminal, a pipe or an event counter is no step.
 *
 *     ESE_STEP=N          dies at this one; without it, never
 *     ESE_STEPS_TOLD=FILE how many there were, when it ends by itself
 *     ESE_PLANT=...       a fault to be caught, in whatever commits by SQLite:
 *         piecemeal       no transactions: each statement is committed by itself
 *         late            a commit is said to be done, and is done when the next one begins
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Taken over under their own names in the C library, whatever its headers call them. */
#define TAKES_OVER(name) __asm__(#name)

ssize_t killer_write(int fd, const void *bytes, size_t size) TAKES_OVER(write);
ssize_t killer_pwrite(int fd, const void *bytes, size_t size, int64_t at) TAKES_OVER(pwrite64);
ssize_t killer_send(int fd, const void *bytes, size_t size, int flags) TAKES_OVER(send);
ssize_t killer_sendmsg(int fd, const struct msghdr *message, int flags) TAKES_OVER(sendmsg);
int killer_fdatasync(int fd) TAKES_OVER(fdatasync);
int killer_ftruncate(int fd, int64_t size) TAKES_OVER(ftruncate64);
int killer_fallocate(int fd, int64_t at, int64_t size) TAKES_OVER(posix_fallocate64);
int killer_unlink(const char *path) TAKES_OVER(unlink);
int killer_link(const char *from, const char *to) TAKES_OVER(link);
int killer_rename(const char *from, const char *to) TAKES_OVER(rename);
int killer_sqlite_step(void *statement) TAKES_OVER(sqlite3_step);

#define REAL(function) ((__typeof__(&killer_##function))real(function##_name))

static const char write_name[] = "write", pwrite_name[] = "pwrite64", send_name[] = "send",
                  sendmsg_name[] = "sendmsg", fdatasync_name[] = "fdatasync",
                  ftruncate_name[] = "ftruncate64", fallocate_name[] = "posix_fallocate64",
                  unlink_name[] = "unlink", link_name[] = "link", rename_name[] = "rename",
                  sqlite_step_name[] = "sqlite3_step";

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static _Atomic long steps;
static long last = -1;
static const char *plant = "";

__attribute__((constructor)) static void begin(void)
{
    const char *step = getenv("ESE_STEP"), *planted = getenv("ESE_PLANT");
    last = step == NULL ? -1 : strtol(step, NULL, 10);
    plant = planted == NULL ? "" : planted;
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("ESE_STEPS_TOLD");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL)
        return;
    fprintf(file, "%ld\n", atomic_load(&steps));
    fclose(file);
}

static void die(void)
{
    for (;;)
        kill(getpid(), SIGKILL);
}

/* The step before a call; true where the process is to die within it. */
static bool enter(void)
{
    long step = atomic_fetch_add(&steps, 2);
    if (step == last)
        die();
    return step + 1 == last;
}

/* How many bytes of a call go out. */
static size_t most(bool is_last, size_t size)
{
    return is_last ? size / 2 : size;
}

static void leave(bool is_last)
{
    if (is_last)
        die();
}

static bool is_seen_by_others(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && (S_ISREG(file.st_mode) || S_ISSOCK(file.st_mode));
}

/* ---- calls ----------------------------------------------------------------------------------- */

ssize_t killer_write(int fd, const void *bytes, size_t size)
{
    bool is_last = is_seen_by_others(fd) && enter();
    ssize_t written = REAL(write)(fd, bytes, most(is_last, size));
    leave(is_last);
    return written;
}

ssize_t killer_pwrite(int fd, const void *bytes, size_t size, int64_t at)
{
    bool is_last = enter();
    ssize_t written = REAL(pwrite)(fd, bytes, most(is_last, size), at);
    leave(is_last);
    return written;
}

ssize_t killer_send(int fd, const void *bytes, size_t size, int flags)
{
    bool is_last = enter();
    ssize_t sent = REAL(send)(fd, bytes, most(is_last, size), flags);
    leave(is_last);
    return sent;
}

ssize_t killer_sendmsg(int fd, const struct msghdr *message, int flags)
{
    bool is_last = enter();
    if (is_last && message->msg_iovlen > 0) /* of several pieces, half of the first */
        REAL(send)(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len / 2, flags);
    leave(is_last);
    return REAL(sendmsg)(fd, message, flags);
}

int killer_fdatasync(int fd)
{
    bool is_last = enter();
    int result = REAL(fdatasync)(fd);
    leave(is_last);
    return result;
}

int killer_ftruncate(int fd, int64_t size)
{
    bool is_last = enter();
    int result = REAL(ftruncate)(fd, size);
    leave(is_last);
    return result;
}

int killer_fallocate(int fd, int64_t at, int64_t size)
{
    bool is_last = enter();
    int result = REAL(fallocate)(fd, at, size);
    leave(is_last);
    return result;
}

int killer_unlink(const char *path)
{
    bool is_last = enter();
    int result = REAL(unlink)(path);
    leave(is_last);
    return result;
}

int killer_link(const char *from, const char *to)
{
    bool is_last = enter();
    int result = REAL(link)(from, to);
    leave(is_last);
    return result;
}

int killer_rename(const char *from, const char *to)
{
    bool is_last = enter();
    int result = REAL(rename)(from, to);
    leave(is_last);
    return result;
}

/* ---- what is planted ------------------------------------------------------------------------- */

#define SQLITE_DONE 101

static _Thread_local bool is_own; /* a statement of this file's */

/* Errors of a COMMIT without a transaction are nobody's concern. */
static void commit_late(void *statement)
{
    void *(*database_of)(void *) = (void *(*)(void *))real("sqlite3_db_handle");
    int (*exec)(void *, const char *, void *, void *, char **) =
        (int (*)(void *, const char *, void *, void *, char **))real("sqlite3_exec");
    is_own = true;
    exec(database_of(statement), "COMMIT", NULL, NULL, NULL);
    is_own = false;
}

int killer_sqlite_step(void *statement)
{
    const char *(*sql_of)(void *) = (const char *(*)(void *))real("sqlite3_sql");
    if (plant[0] == '\0' || is_own)
        return REAL(sqlite_step)(statement);
    const char *sql = sql_of(statement); /* NULL of one that SQLite has made for itself */
    if (sql == NULL)
        return REAL(sqlite_step)(statement);
    bool begins = strncmp(sql, "BEGIN", 5) == 0, commits = strcmp(sql, "COMMIT") == 0;
    if (strcmp(plant, "piecemeal") == 0 && (begins || commits))
        return SQLITE_DONE;
    if (strcmp(plant, "late") == 0 && commits)
        return SQLITE_DONE;
    if (strcmp(plant, "late") == 0 && begins)
        commit_late(statement);
    return REAL(sqlite_step)(statement);
}
