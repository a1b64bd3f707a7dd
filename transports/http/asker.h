/*
 * asker.h - one GET after another to a server that may be away: what the consume faces of this
 * transport and of its lessons have in common.
 *
 * One request is under way at a time. An answer that only says "later" (none at all, 408, 429, 5xx)
 * is asked for again after a back-off, and is told once in the log; every other one goes to
 * `take`, and so it is with one that this cannot read. Everything happens on the thread that calls
 * _wait.
 */
#ifndef ESE_TRANSPORT_HTTP_ASKER_H
#define ESE_TRANSPORT_HTTP_ASKER_H

#include "ese-core/address.h"
#include "ese-core/config.h"
#include "ese-core/http_client.h"

/* Entries of a face's table. */
#define ESE_ASKER_OPTIONS                                                                         \
    {.name = "server",                                                                            \
     .kind = ESE_OPTION_TEXT,                                                                     \
     .value = "URL",                                                                              \
     .fallback = "http://" ESE_SERVER_ADDRESS,                                                    \
     .help = "The ese-server that has the events."},                                              \
    {.name = "token-file",                                                                        \
     .kind = ESE_OPTION_TEXT,                                                                     \
     .value = "FILE",                                                                             \
     .help = "The first line of FILE is the token the server asks for."}

struct ese_asker;

/* -1: it cannot be read, though it may be whole next time; error says what is wrong with it. */
typedef int ese_asker_take(void *context, const struct ese_http_answer *answer, struct ese_error *error);

/* config has the options above. */
int ese_asker_open(const struct ese_config *config, ese_asker_take *take, void *context,
                   struct ese_asker **asker, struct ese_error *error);
/* What is under way is broken off without a word. NULL behind the pointer is allowed; nulls it. */
void ese_asker_close(struct ese_asker **asker);

/* Whether it is time to ask: nothing is under way, and no pause is left. */
bool ese_asker_is_due(const struct ese_asker *asker);
/* Asks for path ("/events?..."). held_ms: for so long the server may hold it. */
void ese_asker_ask(struct ese_asker *asker, const char *path, int64_t held_ms);
/* Nothing more is asked for so long. */
void ese_asker_pause(struct ese_asker *asker, int64_t pause_ms);
/* Returns when something happened, when it is due to ask, or at the deadline. */
void ese_asker_wait(struct ese_asker *asker, int64_t deadline_ns);

/* When the last request was begun; CLOCK_MONOTONIC. */
int64_t ese_asker_asked_ns(const struct ese_asker *asker);
/* Why nothing is heard of the server, in words; NULL: all is well, as far as one knows. */
const char *ese_asker_away(struct ese_asker *asker);
/* Fails for good, with what the server has answered. */
int ese_asker_fail(const struct ese_asker *asker, const struct ese_http_answer *answer,
                   struct ese_error *error);

#endif
