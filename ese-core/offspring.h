/*
 * offspring.h - what a process of ours makes of itself between fork(2) and exec(3).
 *
 * Threads may run in the starter, so nothing but async-signal-safe calls is allowed there
 * (signal-safety(7)); this makes no other.
 */
#ifndef ESE_OFFSPRING_H
#define ESE_OFFSPRING_H

#include <sys/types.h>

/* In the child. It dies when the thread that forked it does; if the parent is gone already, now, with
 * status 127. */
void ese_offspring_tie(pid_t parent);

/* In the child: a process group of its own (Ctrl-C is for the starter, which stops its children in order); it
 * reads nothing, writes to `output` and `errors`, has no other descriptor open, and no signal blocked, nor SIGPIPE
 * ignored, as the starter has. With a parent it is tied to it; with 0 it has a session of its own, and outlives us.
 * Ends with status 127 where that fails. */
void ese_offspring_settle(pid_t parent, int output, int errors);

#endif
