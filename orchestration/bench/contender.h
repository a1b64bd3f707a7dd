/*
 * contender.h - somebody who stores events, or sends them, and is measured doing it: one of ours, or a peer.
 *
 * A contender is a table of functions, in a file of its own. served.h has what those have in common that are servers
 * under the bench's own load, outside.h those that bring their load. open makes ready what lasts for all rounds of a
 * row; run starts from nothing where it can, so that the fifth round finds what the first did, warms up, measures, and
 * leaves no process behind.
 */
#ifndef ESE_BENCH_CONTENDER_H
#define ESE_BENCH_CONTENDER_H

#include "orchestration/bench/load.h"
#include "orchestration/bench/place.h"
#include "orchestration/bench/round.h"

struct ese_contender;

/* Whoever is measured, under which load. */
struct ese_side {
    const struct ese_contender *contender;
    struct ese_load_shape shape; /* of a producer, connections is how many events may be in flight */
    const char *option;          /* one more word for a binary of ours; NULL: none */
};

/* How long, and what is promised: the same for both sides. */
struct ese_stint {
    int64_t warm_up_ns;
    int64_t measure_ns;
    int64_t backlog; /* events that wait for who begins to read */
    enum ese_durability durability;
    int64_t sync_us; /* each sync takes so much longer, in microseconds */
};

struct ese_contest; /* a side of a row while it is measured: each contender's own */

struct ese_contender {
    const char *name; /* "Redis" */
    /* ESE_E_MISSING where it is not to be had here. */
    int (*open)(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                struct ese_contest **contest, struct ese_error *error);
    int (*run)(struct ese_contest *contest, struct ese_round *round, struct ese_error *error);
    /* NULL behind the pointer is allowed; nulls it. Must be callable after a failed open. */
    void (*close)(struct ese_contest **contest);
    /* The binary that is measured, for whoever wants to know whether it is still the same. ESE_E_MISSING. */
    int (*program)(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error);
};

extern const struct ese_contender ese_contender_http;          /* ese-server with the transport http */
extern const struct ese_contender ese_contender_http_read;     /* and ese-consumer, which reads from it meanwhile */
extern const struct ese_contender ese_contender_webhook;       /* ese-server with the transport webhook, two streams */
extern const struct ese_contender ese_contender_gateway;       /* ese-server with the transport kafka */
extern const struct ese_contender ese_contender_direct;        /* ese-client with the transport kafka, via=direct */
extern const struct ese_contender ese_contender_direct_read;   /* and ese-consumer, which reads meanwhile */
extern const struct ese_contender ese_contender_backlog_http;  /* ese-consumer that finds much to read, http */
extern const struct ese_contender ese_contender_backlog_kafka; /* and kafka */
extern const struct ese_contender ese_contender_client_cost;   /* ese-client with the transport http */
extern const struct ese_contender ese_contender_server_cost;   /* the ese-server it sends to */
extern const struct ese_contender ese_contender_idle_http;     /* all four binaries, http */
extern const struct ese_contender ese_contender_idle_kafka;    /* ese-client and ese-consumer, kafka */
extern const struct ese_contender ese_contender_idle_gateway;  /* ese-server, kafka */
extern const struct ese_contender ese_contender_soak_http;     /* all four binaries at work, http */
extern const struct ese_contender ese_contender_soak_kafka;    /* all four binaries at work, kafka behind ese-server */
extern const struct ese_contender ese_contender_redis;
extern const struct ese_contender ese_contender_redis_read;    /* and XREAD BLOCK */
extern const struct ese_contender ese_contender_postgres;      /* and pgbench */
extern const struct ese_contender ese_contender_bare;          /* ese-bare: librdkafka and nothing else */
extern const struct ese_contender ese_contender_bare_read;     /* and a group that reads it back */
extern const struct ese_contender ese_contender_producer_tool; /* Kafka's own */
extern const struct ese_contender ese_contender_kcat;
extern const struct ese_contender ese_contender_push;           /* ese-server that finds much to push, webhook */
extern const struct ese_contender ese_contender_push_one_hangs; /* to one more, who never answers */
extern const struct ese_contender ese_contender_push_live;      /* while it is posted to */
extern const struct ese_contender ese_contender_bare_push;      /* ese-bare-push: libcurl and nothing else */
extern const struct ese_contender ese_contender_bound_rate;     /* no program, but 100,000 events a second */
extern const struct ese_contender ese_contender_bound;         /* no program, but 16 MiB */

#endif
