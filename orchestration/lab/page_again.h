/*
 * page_again.h - what results.json has of a run, held against what judging that run again comes to.
 */
#ifndef ESE_LAB_PAGE_AGAIN_H
#define ESE_LAB_PAGE_AGAIN_H

#include <stddef.h>

#include "orchestration/lab/results.h"

struct json_t;

#define ESE_PAGE_DIFFERENCES 12 /* are named */

/* Members of one of `transports`, as they were written then and as they come out now. All that judging yields is
 * compared; nothing of what it is given (what was done, what was measured). Appends those that differ to named, an
 * array, as texts, and of more than ESE_PAGE_DIFFERENCES there only counts them. How many differ. */
size_t ese_page_again_differences(const char *transport, const struct json_t *then, const struct json_t *now,
                                  struct json_t *named);

/* Of a run: {"word": "same" | "differs" | "cannot", "reason", "members": [differences], "more": how many are not named,
 * "transports": [{"word", "reason"}]}. written: results.json; judged: the same, judged again; troubles: of each
 * transport why it cannot be judged again, "" where it was. The caller gives it back (json_decref). */
struct json_t *ese_page_again(const struct json_t *written, const struct ese_results *judged,
                              const char troubles[ESE_RESULTS_TRANSPORTS][ESE_ARTIFACT_PATH_SIZE]);

#endif
