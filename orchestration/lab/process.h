/*
 * process.h - one role in a run (a server, a consumer) and the process that plays it, life after life.
 *
 * A process may be killed and started again: its cost adds up over all its lives. Children die with
 * the lab (PR_SET_PDEATHSIG), so that a crash of the lab leaves nothing behind. Their stdout and
 * stderr go to a log file, appended to, so that it may be emptied (log_file.h). One thread.
 */
#ifndef ESE_LAB_PROCESS_H
#define ESE_LAB_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ese-core/error.h"

#define ESE_PROCESS_ARGUMENTS 48

/* What processes cost, as the kernel counted it. */
struct ese_usage {
    int64_t cpu_ns;        /* user and system time */
    int64_t written_bytes; /* sent to the block layer (/proc/PID/io write_bytes) */
    int64_t resident_bytes; /* now */
    int64_t resident_peak_bytes; /* the most there ever were, of one life */
    int64_t switches, preemptions; /* context switches, voluntary and not, of all its threads */
};

/* Of any living process of ours, but for its context switches; -1 when it is gone. */
int ese_usage_read(pid_t pid, struct ese_usage *usage);
/* Adds these, which stand in a file for each thread: dear. Of threads that have ended before their process nothing is
 * known until it has ended, too. */
void ese_usage_add_switches(pid_t pid, struct ese_usage *usage);

struct ese_process;

/* name: for messages ("ese-server of http"). log_path: appended to. Both are copied. */
struct ese_process *ese_process_new(const char *name, const char *log_path);
void ese_process_free(struct ese_process **process); /* kills it if it still runs */

/* Arguments of the next start, the program's path first. Copied. At most ESE_PROCESS_ARGUMENTS. */
void ese_process_argument(struct ese_process *process, const char *text);
/* Two at once: "--listen", "127.0.0.1:0". A later one of the same name takes the earlier one's place. */
void ese_process_option(struct ese_process *process, const char *name, const char *value);

/* Of its environment, in which nothing else begins with ESE_: a variable, and a library to be preloaded, beside those
 * that are; or, for a lab like this one, all that ours has. Copied. At most ESE_PROCESS_VARIABLES. */
#define ESE_PROCESS_VARIABLES 16
void ese_process_environment(struct ese_process *process, const char *name, const char *value);
void ese_process_preload(struct ese_process *process, const char *library);
void ese_process_keep_settings(struct ese_process *process);

int ese_process_start(struct ese_process *process, struct ese_error *error);

const char *ese_process_name(const struct ese_process *process);
pid_t ese_process_pid(const struct ese_process *process); /* 0 when it does not run */

/* True while it runs; notices its end. */
bool ese_process_running(struct ese_process *process);
/* The exit status of the last life, or 128 + signal; -1 before any ended. */
int ese_process_status(const struct ese_process *process);

/* SIGKILL, without waiting: so that several can be killed at one instant. */
void ese_process_shoot(struct ese_process *process);
/* SIGKILL, and waits until it is gone. */
void ese_process_kill(struct ese_process *process);
/* SIGSTOP, and SIGCONT: in between it stands still, and does not know. */
void ese_process_freeze(struct ese_process *process);
void ese_process_thaw(struct ese_process *process);
/* SIGTERM, also to one that stands still; SIGKILL after grace_ms. Returns the exit status as above. */
int ese_process_stop(struct ese_process *process, int grace_ms);
/* Waits for its end by itself; false after timeout_ms. */
bool ese_process_wait(struct ese_process *process, int timeout_ms);

/* Reads the kernel's counts of the present life. Called now and then, and by kill and stop before they act. */
void ese_process_sample(struct ese_process *process);
/* All lives together; resident_bytes is of the present one, and context switches of those that have ended. */
struct ese_usage ese_process_usage(const struct ese_process *process);
int ese_process_lives(const struct ese_process *process); /* how often it was started */

/* What its log says last, in a line, for error messages: of what goes over several lines the first of them and, if that
 * is set in, the one behind it. "" when there is nothing. */
void ese_process_last_words(const struct ese_process *process, char *text, size_t size);

#endif
