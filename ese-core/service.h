/*
 * service.h - the skeleton every binary hangs on: options, log, signals, run, exit status.
 *
 * main is an option table and one call:
 *
 *     int main(int argc, char **argv) { return ese_service_main(&service, argc, argv); }
 *
 * Every binary thereby has --help, --version, --man, --completion bash, --config FILE,
 * --check-options and --log-level, and --ready-file where it serves; who serves HTTP has --health
 * (health.h), with the table of listen_option.h. Exit status: what run returned (0 or more), or for
 * -1 the error's: 64 usage, 69 something missing in the environment, 3 somebody newer has taken over,
 * 1 otherwise. So 3, 64 and 69 are not run's own to return. 1 is, of a command that did what was asked
 * and found what it looked at amiss: a ledger that does not balance, a lab that is down. Who did all that
 * was asked and has to say that nothing came of it says ESE_SERVICE_IN_VAIN.
 *
 * SIGINT and SIGTERM ask for a clean stop (ese_service_stopping becomes true); a second one
 * ends the process at once with 130. SIGPIPE is ignored.
 */
#ifndef ESE_SERVICE_H
#define ESE_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "ese-core/config.h"
#include "ese-core/manual.h"

#define ESE_SERVICE_IN_VAIN 2

struct ese_service {
    struct ese_manual manual;
    const struct ese_option *options;
    bool is_command; /* serves nobody: there is no --ready-file */
    /* After flags, environment and --config FILE are there and before they are settled: may add
     * tables (a transport's) and values. May be NULL. */
    int (*choose)(struct ese_config *config, struct ese_error *error);
    /* Does the work; returns the exit status, or -1 with error. */
    int (*run)(const struct ese_config *config, struct ese_error *error);
};

int ese_service_main(const struct ese_service *service, int argc, char **argv);

/* True once a stop was asked for. Async-signal-safe, any thread. */
bool ese_service_stopping(void);

/* Becomes readable when a stop is asked for, and stays so: for poll(2). -1 outside
 * ese_service_main. */
int ese_service_stop_fd(void);

/* Asks for a stop from inside (a fatal error in a thread). Any thread. */
void ese_service_stop(void);

/* Waits for a stop, at most timeout_ms (-1: for ever). Returns ese_service_stopping(). */
bool ese_service_wait(int timeout_ms);

/* fork(2), for a child that goes on as a service of its own: what asks one of the two to stop does
 * not ask the other. A signal that the parent sends on is not counted as a second one. -1 with errno. */
pid_t ese_service_fork(void);

/* Tells whoever started us that we serve: writes `text` and a newline to the file of --ready-file
 * (made under another name and renamed, so that a reader sees all of it or nothing). No-op without
 * one. */
int ese_service_ready(const struct ese_config *config, const char *text, struct ese_error *error);

#endif
