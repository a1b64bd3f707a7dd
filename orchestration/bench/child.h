/*
 * child.h - a program that the bench starts: a server, or a generator of somebody else's.
 *
 * It ends with the thread that started it (PR_SET_PDEATHSIG), and is stopped by its pid: nothing is left over. What is
 * set for binaries of ours (ESE_...) is not meant for those, and does not reach them.
 */
#ifndef ESE_BENCH_CHILD_H
#define ESE_BENCH_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ese-core/error.h"

#define ESE_CHILD_WORDS 48

struct ese_child {
    const char *words[ESE_CHILD_WORDS + 1]; /* the program's path first, NULL behind the last */
    const char *directory;                  /* its working directory; NULL: ours */
    const char *libraries;                  /* where it finds its own beside the system's (LD_LIBRARY_PATH); or NULL */
    const char *output;                     /* a file for its stdout; NULL: goes to the log, too */
    const char *log;                        /* a file for its stderr, appended to */
    bool unprivileged;                      /* where we are root, it is not: some refuse to run so */
    const char *data;                       /* then it is to be its own; or NULL */
    const char *slow_disk;                  /* a directory below which each sync takes longer (docs/bad-disks.md), by */
    int64_t sync_us;                        /* so many microseconds; or NULL */
    pid_t pid;                              /* 0: does not run */
};

/* ESE_E_MISSING where there is no slow disk to be had. */
int ese_child_start(struct ese_child *child, struct ese_error *error);

/* False when it has ended; then `status` is its exit status, or 128 and its signal. */
bool ese_child_running(struct ese_child *child, int *status);

/* For so long; fails where it ends before, or we are to stop. */
int ese_child_let_run(struct ese_child *child, int64_t span_ns, struct ese_error *error);

/* Waits for its end, and fails where that is not one with status 0, or does not come in time (it is killed then), or we
 * are to stop. The error has the last line of its log. */
int ese_child_finish(struct ese_child *child, int timeout_ms, struct ese_error *error);

/* SIGTERM (or another signal), SIGKILL after grace_ms; waits. No-op on one that does not run. */
void ese_child_stop(struct ese_child *child, int signal, int grace_ms);

/* ESE_E_IO with what it said last, for one that has ended or does not do what it should. */
int ese_child_complain(const struct ese_child *child, const char *what, struct ese_error *error);

/* Both in one: start and finish. */
int ese_child_run(struct ese_child *child, int timeout_ms, struct ese_error *error);

#endif
