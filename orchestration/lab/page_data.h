/*
 * page_data.h - what a report shows of a run, as JSON.
 *
 *     directory  as it was named
 *     own        whether results.json is the run's own; else it was judged just now: a run of somebody else's, or one
 *                that goes on
 *     again      of one's own: {"word": "same" | "differs" | "cannot", "reason": ..., "members": [...]}: what judging
 *                it again from its artifacts came to, and where that is something else than results.json has
 *     words      what the table ends with, a sentence each; none where judging it again came to something else
 *     stories    of each transport: {"seen", "faulty": how many events there are, "events": [[id (of somebody else's
 *                run: what they call it), kind of fault or "", [["seconds since the schedule began", who, text], ...]],
 *                ...], "unread": ...}
 *     results    results.json, to the letter
 */
#ifndef ESE_LAB_PAGE_DATA_H
#define ESE_LAB_PAGE_DATA_H

#include <stddef.h>

#include "ese-core/buffer.h"
#include "ese-core/error.h"

/* Appends it; `most` is about how many bytes its stories may take. -1: there is no run that can be read. */
int ese_page_data(const char *directory, size_t most, struct ese_buffer *json, struct ese_error *error);

#endif
