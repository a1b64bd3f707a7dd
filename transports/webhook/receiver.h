/*
 * receiver.h - a receiving end: an HTTP server to which a stream's events are pushed, one stream a line.
 *
 *   POST /push/STREAM/KEY   one event, as Eventor pushes it, or with X-Event-Count a page of them (README.md)
 *
 *   200  whoever takes from here says that the effect is stored (ese_webhook_receiver_answer)
 *   429  with Retry-After: of that line there is one in hand already, and there is room for no other
 *   401  a secret is known, and no good signature by it came with the push (signature.h): it is not read any further
 *   413  it is larger than what is taken: the log says so once, until something is taken again
 *   400  what came says no position, or is no page of that stream; or is none where a secret is known: what is signed
 *        is the body, and a single event's position is not in it
 *
 * The key is drawn anew by each receiver. For where one has listened another may listen next, with streams of the
 * same names: what is still pushed there is not meant for it, and is answered 404, until the server is told where else
 * to go. Were it taken, its sender would think that the other had it, and who took it that there was nothing before it.
 *
 * So what is held is bounded: one push a line. A newer one takes the place of one that nobody has taken yet: its sender
 * has given that up.
 *
 * Pushes come in on the server's thread; all else is one other thread's, which `wake` is called for.
 */
#ifndef ESE_WEBHOOK_RECEIVER_H
#define ESE_WEBHOOK_RECEIVER_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "transports/webhook/signature.h"
#include "transports/webhook/stream_reader.h"

#define ESE_WEBHOOK_LINES 2 /* streams at most */

struct ese_webhook_receiver;

struct ese_webhook_receiver_options {
    const char *listen;      /* "127.0.0.1:0" */
    const char *url;         /* under which the pushing server finds it, without a path; NULL: where it listens */
    bool trusted_network;
    int64_t max_body_bytes; /* of a push; 0: as an ese-server that was told nothing else may push */
    const char *streams[ESE_WEBHOOK_LINES]; /* kept, not copied */
    int count;
    const struct ese_webhook_secret *secret; /* that pushes are signed with; copied; count 0: they need not be */
    void (*wake)(void *context); /* something may be taken; any thread */
    void *context;
};

int ese_webhook_receiver_open(const struct ese_webhook_receiver_options *options,
                              struct ese_webhook_receiver **receiver, struct ese_error *error);
/* What is held is answered 503: it comes again, to whoever is there then. */
void ese_webhook_receiver_close(struct ese_webhook_receiver **receiver);

/* What was refused as too large, in words, where nothing was taken since; else NULL. The receiver's, until something of
 * that line is answered. */
const char *ese_webhook_receiver_refusal(struct ese_webhook_receiver *receiver, int line);

/* Where pushes of that line are to go; the receiver's. */
const char *ese_webhook_receiver_url(const struct ese_webhook_receiver *receiver, int line);

/* The events of a push that has come and was not taken yet, into page, whose memory is the caller's. False: there is
 * none. From then on it is owed an answer. */
bool ese_webhook_receiver_take(struct ese_webhook_receiver *receiver, int line, struct ese_webhook_page *page);

/* 200: all of it has had its effect; anything else: it has not, and is to come again. Only of what was taken. */
void ese_webhook_receiver_answer(struct ese_webhook_receiver *receiver, int line, int status);

#endif
