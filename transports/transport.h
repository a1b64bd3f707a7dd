/*
 * transport.h - the contract of a transport: the middle of the journey, and all that is ever exchanged.
 *
 * A transport is one `const struct ese_transport` with up to three narrow faces, each a table of functions:
 * produce (ese-client's side), store (attached to ese-server) and consume (ese-consumer's side). It carries
 * its own options and declares its promises; `ese-lab compare` prints the promises and tests/contract
 * checks them, so that docs cannot drift. One more transport is one folder here and one line in
 * transports.list; transports/file is the one to copy (docs/adding-a-transport.md).
 *
 * Threads: a producer and a consumer handle belong to one thread, that which opened them or which they were
 * handed to before their first use. A store's functions are called from the server's main thread; what it
 * attaches to the HTTP server runs on that server's thread.
 *
 * Options several transports have in common keep one name, so that whoever starts processes (ese-lab) can
 * hand them on without knowing the transport: "server" (URL of an ese-server), "bootstrap-servers", "data"
 * (directory), "history" (where a server notes what it lost), "topic" (what is meant where there are several:
 * "events", or "mail-requests" of mail_request.h), "receiver" (HOST:PORT where a consumer is pushed to) and
 * "receiver-url" (how the server finds that). A face that has the option in its table is given it.
 */
#ifndef ESE_TRANSPORT_H
#define ESE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/config.h"
#include "ese-core/error.h"
#include "ese-core/event.h"
#include "ese-core/event_poster.h" /* struct ese_acknowledgement */
#include "ese-core/http_server.h"
#include "ese-core/metrics.h"
#include "ese-core/sqlite.h" /* enum ese_durability */

/* ---- promises ------------------------------------------------------------------------------------ */

enum ese_delivery {
    ESE_DELIVERY_AT_MOST_ONCE, /* may lose what it acknowledged */
    ESE_DELIVERY_AT_LEAST_ONCE /* loses nothing acknowledged; may hand an event again */
};

struct ese_promises {
    enum ese_delivery delivery;
    bool ordered_per_key;         /* a key's acknowledged events are handed in the order they were sent */
    bool replayable;              /* a reader may start again from the earliest kept event */
    bool positions_survive;       /* a consumer resumes exactly at a position it was handed before */
    bool shares_work;             /* hands out partitions to the members of a group */
    bool retry_stored_once;       /* a retried id is stored once, also across a death of the server */
    bool slow_consumer_holds_producers;
    bool tells_losses;            /* of what it may lose its server notes each, and how (history.h) */
    unsigned durability;          /* the levels it has: enum ese_durability, or-ed */
    const char *notes;            /* one sentence a reader should know; or NULL */
};

/* ---- produce ------------------------------------------------------------------------------------- */

struct ese_producer;

/* What every binary that sends hands to open, whatever the transport. */
struct ese_produce_settings {
    int inflight;              /* events without an outcome held at most; beyond: send is ESE_E_FULL */
    int64_t retry_deadline_ms; /* runs from the event's client_ts, which its sender keeps by the wall clock, also
                                  where that is set; from send on it is the monotonic clock that counts */
};

struct ese_produce_face {
    const struct ese_option *options; /* may be NULL */

    /* Must not wait for the other side to be there: a server that is away is met with retries. */
    int (*open)(const struct ese_config *config, const struct ese_produce_settings *settings,
                struct ese_producer **producer, struct ese_error *error);

    /* Takes a copy of the event, which has an id. Events with the same lane in their ids must be stored in
     * the order of the calls, retries included. ESE_E_FULL: not taken, call poll and try again. */
    int (*send)(struct ese_producer *producer, const struct ese_event *event, struct ese_error *error);

    /* Waits at most timeout_ms for outcomes and writes at most max of them; returns how many. Every event
     * taken by send has exactly one, at the latest a second after its retry deadline. */
    int (*poll)(struct ese_producer *producer, int timeout_ms, struct ese_acknowledgement *acknowledgements,
                int max);

    /* How many taken events have no outcome yet. (Flushing is polling until this is 0.) */
    int (*pending)(const struct ese_producer *producer);

    /* Lets go of what is pending. NULL behind the pointer is allowed; nulls it. Must be callable after a
     * failed open. */
    void (*close)(struct ese_producer **producer);
};

/* ---- store --------------------------------------------------------------------------------------- */

struct ese_store;

/* What ese-server hands to every store. */
struct ese_store_settings {
    enum ese_durability durability; /* one of the promised levels: the server has checked it */
    int64_t retention_ms;
    bool retention_is_asked_for; /* false: it is the default, which a store that keeps for ever need not take */
    struct ese_http_server *server; /* add routes; not started yet */
    struct ese_metrics *metrics;
};

struct ese_store_face {
    const struct ese_option *options; /* may be NULL */

    /* Opens the storage and adds the routes. */
    int (*attach)(const struct ese_config *config, const struct ese_store_settings *settings,
                  struct ese_store **store, struct ese_error *error);

    /* Called after the HTTP server was quiesced: answers every request it still holds (storing what it can
     * within timeout_ms), then lets go. */
    void (*detach)(struct ese_store **store, int timeout_ms);

    /* Fills text with why it cannot serve now and returns false; true when all is well. Any thread. */
    bool (*healthy)(struct ese_store *store, char *text, size_t size);
};

/* ---- consume ------------------------------------------------------------------------------------- */

struct ese_consumer;

#define ESE_OFFSET_EARLIEST INT64_C(-2)
#define ESE_OFFSET_LATEST INT64_C(-1)

struct ese_record {
    struct ese_event event;
    int32_t partition;
    int64_t offset;
    int64_t next; /* the position behind it: offset + 1, or for a file the byte where the next line begins */
};

/* A record that is no event: a torn line, foreign bytes. Who reads on may want to keep it (ese-consumer's dead
 * letters do). */
#define ESE_UNREADABLE_MOST 64           /* in a batch; with as many, it ends */
#define ESE_UNREADABLE_BYTES (64 * 1024) /* kept of one */

struct ese_unreadable {
    int32_t partition;
    int64_t offset;
    int64_t next;
    const char *type;  /* of the events that are expected there */
    const void *bytes; /* its first ones; the consumer's, like the batch */
    size_t length;     /* of them */
    int64_t whole;     /* of all of it */
    char reason[160];
};

/* What one call of next brought; the consumer's, valid until the next call or close. */
struct ese_batch {
    const struct ese_record *records; /* per partition in order of offset */
    int count;
    bool at_end; /* at some moment every partition it holds had nothing further to hand; */
    int64_t end_ns; /* not before this one (CLOCK_MONOTONIC), or, where it is 0, during this call */
    int unreadable; /* records passed over because they are no events; and these, per partition in order of offset, */
    const struct ese_unreadable *unreadables; /* standing anywhere between the others */
    const char *away; /* nothing is heard of the other side: why, in words; NULL: all is well, as far as one knows.
                         It is tried again all the same; a while later it must be NULL again once it is back */
};

/* Whoever consumes. Called from inside next (and close, for taken), on its thread. */
struct ese_consume_listener {
    void *context;
    /* A partition is this member's now. Returns the position to start from, or one of the words above. A
     * transport without groups gives its partition 0 at the first next. Position 0 lies before all events there
     * ever were: who asks for it is told of what is no longer kept, who asks for the earliest is not. */
    int64_t (*given)(void *context, int32_t partition);
    /* It no longer is: nothing of it may be committed any more. */
    void (*taken)(void *context, int32_t partition);
    /* The position asked for is older than what is still kept: reading goes on at `to`. */
    void (*skipped)(void *context, int32_t partition, int64_t from, int64_t to);
};

struct ese_consume_settings {
    const char *group;  /* NULL: no group; all partitions are given, nothing is committed for the tools */
    const char *member; /* a stable name within the group, or NULL */
    int max_batch;      /* records a batch at most */
    struct ese_consume_listener listener;
};

struct ese_consume_face {
    const struct ese_option *options; /* may be NULL */

    /* Must not wait for the other side to be there. */
    int (*open)(const struct ese_config *config, const struct ese_consume_settings *settings,
                struct ese_consumer **consumer, struct ese_error *error);

    /* The next records, waiting at most timeout_ms for the first. count 0 is no error. -1 only for what will
     * not heal by waiting (ESE_E_FENCED: a newer member of the same name; ESE_E_INVALID). */
    int (*next)(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                struct ese_error *error);

    /* Everything of the partition before `next` was processed: for whoever shows lag, and where the other side waits
     * for it before it sends more. So who wants more calls it, for each partition of a batch. Best effort, must not
     * block; may be NULL: then nobody waits. */
    void (*acknowledge)(struct ese_consumer *consumer, int32_t partition, int64_t next);

    /* As produce's close. */
    void (*close)(struct ese_consumer **consumer);

    /* The partition in words ("click-events-2"), as state files and reports show it. */
    void (*partition_name)(int32_t partition, char *text, size_t size);
};

/* ---- the transport ------------------------------------------------------------------------------- */

struct ese_transport {
    const char *name;    /* "file"; a lesson: "http+ese-store" */
    const char *summary; /* one line */
    struct ese_promises promises;
    const struct ese_produce_face *produce;
    const struct ese_store_face *store; /* NULL: there is no server */
    const struct ese_consume_face *consume;
};

#endif
