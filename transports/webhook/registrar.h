/*
 * registrar.h - one subscription as its subscriber sees to it: registered, asked after, registered again.
 *
 * A push server knows its readers, so a reader has to see to it that he is known: under his name, with the URL he can
 * be found at now, from the position he has. What he is told when he asks after it:
 *
 *   it is there, with his URL     all is well; how far the stream goes; when it stands still though there is more (it
 *                                 waits to try again, or is paused), he registers again, which wakes it, each half
 *                                 second at most
 *   it is there, with another     somebody newer has taken it over: ESE_E_FENCED
 *   it is there, but its stream cannot be read
 *                                 how far that goes is not known: he waits, and asks again
 *   it is not                     the server has forgotten (its store was its memory, say): he registers again
 *   the stream ends before him    the server has lost what he was handed: ESE_E_INVALID
 *
 * At first he registers in the place of whoever is there (PUT); again only in his own, or nobody's (POST), so that one
 * who stood still while somebody newer came does not take it back. His own that says something else than he does, as a
 * lesson's server has it, he replaces.
 *
 * Whatever only says "later" (no answer, 408, 429, 5xx) is asked again after a back-off. One thread: that which polls
 * the client.
 */
#ifndef ESE_WEBHOOK_REGISTRAR_H
#define ESE_WEBHOOK_REGISTRAR_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/http_client.h"

struct ese_webhook_registrar;

struct ese_webhook_registrar_options {
    struct ese_http_client *client;
    const char *server; /* "http://127.0.0.1:2001" */
    const char *name;   /* of the subscription */
    const char *stream;
    const char *url;    /* where pushes are to go */
    int batch;          /* events a push at most */
    const char *secret; /* how the server calls the one that pushes are to be signed with; NULL: they are not */
    bool believes;      /* what the server has brought is all there is, whatever was handed (habits.h) */
};

struct ese_webhook_registrar *ese_webhook_registrar_new(const struct ese_webhook_registrar_options *options);
/* Before its client is closed: no talk about a request that is broken off. */
void ese_webhook_registrar_hush(struct ese_webhook_registrar *registrar);
void ese_webhook_registrar_free(struct ese_webhook_registrar **registrar); /* after its client */

/* Registers, from behind that position (-1: behind whatever is there then), now or as soon as it can. */
void ese_webhook_registrar_register(struct ese_webhook_registrar *registrar, int64_t position);

/* Does what is due: called before each poll. position: up to which events were handed; is_idle: nothing is in hand.
 * fresh_ns: an answer asked for before then (CLOCK_MONOTONIC) is too old. Returns when it is due again; -1 with error:
 * for good. */
int64_t ese_webhook_registrar_turn(struct ese_webhook_registrar *registrar, int64_t position, bool is_idle,
                                   int64_t fresh_ns, struct ese_error *error);

/* The position of the stream's newest event, as of *asked_ns; -1: not known yet. */
int64_t ese_webhook_registrar_newest(const struct ese_webhook_registrar *registrar, int64_t *asked_ns);
/* The position the subscription had when it was asked after first; -1: not known yet. */
int64_t ese_webhook_registrar_first(const struct ese_webhook_registrar *registrar);

/* Why nothing is heard of the server; NULL: all is well, as far as one knows. */
const char *ese_webhook_registrar_away(const struct ese_webhook_registrar *registrar);

#endif
