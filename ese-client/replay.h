/*
 * replay.h - events from a file or from standard input, one JSON object a line (NDJSON).
 *
 * A line has the shape of a posted or a stored event (ese-core/event_json.h). It is sent as a new
 * event: an id of ours or a server's time in it is not kept, a foreign id is. A file goes at its
 * own timing (the distances of its client_ts; one that goes back is due at once), at a rate, or as
 * fast as it is taken. It is read as far as it reached when it was opened, so that a store can be
 * replayed into itself. A line that is no event ends the replay (ESE_E_INVALID), with its number.
 * From standard input a line is due when it is typed. There, a line that does not begin with '{',
 * an empty one included, is one key press of 203.0.113.7-1, and one that is malformed or too long
 * is named in the log and passed over.
 */
#ifndef ESE_REPLAY_H
#define ESE_REPLAY_H

#include "ese-client/source.h"

#define ESE_REPLAY_OWN_TIMING INT64_C(-1)
#define ESE_REPLAY_AT_ONCE INT64_C(0)

/* rate: events a second, or one of the words above. ESE_E_USAGE when path cannot be read. */
int ese_replay_open_file(const char *path, int64_t rate, struct ese_source **source,
                         struct ese_error *error);

/* Keeps fd open for itself: a copy of it is read. */
int ese_replay_open_typed(int fd, struct ese_source **source, struct ese_error *error);

#endif
