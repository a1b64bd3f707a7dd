/*
 * descriptors.h - as many open files and sockets as this process may need at once.
 *
 * Most shells and service managers allow a process 1,024, and as many as the hard limit where it asks (getrlimit(2),
 * RLIMIT_NOFILE). So each part that may have many says how many, and the soft limit is raised to what all of them need
 * together. What does not fit below the hard limit is refused at the start, not in the middle of the work.
 */
#ifndef ESE_DESCRIPTORS_H
#define ESE_DESCRIPTORS_H

#include <stdint.h>

#include "ese-core/error.h"

/* Of one part, which keeps it, unchanged, from need to drop. Zeroed: it needs none. */
struct ese_descriptors {
    int64_t count;       /* at most, at once */
    int64_t briefly;     /* besides, now and then for a moment; what is done without them is done later */
    const char *options; /* that say so, as whoever has to lower them is told: "--max-connections"; NULL: none */
    struct ese_descriptors *next; /* ours */
};

/* Raises the soft limit to what all parts need together, as far as may be; never lowers it. Any thread. */
void ese_descriptors_need(struct ese_descriptors *need);

/* ESE_E_MISSING: not as many may be open as those that were asked for together, and what can be done. `briefly` is left
 * out. Any thread. */
int ese_descriptors_check(struct ese_error *error);

/* It needs them no more; the limit stays. One that was not asked for is passed over. Any thread. */
void ese_descriptors_drop(struct ese_descriptors *need);

#endif
