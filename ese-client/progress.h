/*
 * progress.h - the totals while they grow, on stderr.
 *
 * A line that is written over and over on a terminal, and one line every five seconds elsewhere.
 */
#ifndef ESE_PROGRESS_H
#define ESE_PROGRESS_H

#include <stdbool.h>

#include "ese-client/totals.h"

struct ese_progress {
    FILE *stream; /* NULL: no progress */
    int64_t next_ns;
    bool is_terminal;
    bool is_shown; /* a line without its newline stands on the terminal */
};

struct ese_progress ese_progress_on(FILE *stream);

/* Shows the totals when it is time to; cheap when it is not. */
void ese_progress_show(struct ese_progress *progress, const struct ese_totals *totals,
                       int64_t now_ns);

/* Lets other text follow. */
void ese_progress_end(struct ese_progress *progress);

#endif
