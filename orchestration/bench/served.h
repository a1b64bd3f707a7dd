/*
 * served.h - what contenders have in common that are servers under the bench's own load: started, loaded, asked what
 * they have, stopped.
 */
#ifndef ESE_BENCH_SERVED_H
#define ESE_BENCH_SERVED_H

#include "orchestration/bench/child.h"
#include "orchestration/bench/contender.h"
#include "orchestration/bench/reader.h"
#include "orchestration/kafka/port.h"

/* One life of a server. */
struct ese_served_life {
    struct ese_child child;
    char directory[ESE_PLACE_PATH_SIZE]; /* its data's: fresh, and removed behind it */
    char address[64];
    struct ese_port *port; /* of that address, where the server does not take one by itself; or NULL */
};

/* What it says of itself, since it began. */
struct ese_served_account {
    int64_t stored;  /* events */
    int64_t syncs;   /* -1: does not count them */
    int64_t commits; /* likewise */
};

struct ese_served {
    const struct ese_bench_protocol *protocol;
    /* Who reads what is stored: then that is what takes the time, and not the acknowledgement. NULL: nobody. */
    const struct ese_bench_reader *reader;
    /* Starts it in life->directory and fills the address once it serves. */
    int (*start)(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                 struct ese_served_life *life, struct ese_error *error);
    int (*account)(const struct ese_served_life *life, struct ese_served_account *account,
                   struct ese_error *error);
};

extern const struct ese_served ese_served_http;    /* ese-server with the transport http */
extern const struct ese_served ese_served_webhook; /* and webhook, two streams */

/* For a contender's three functions. */
int ese_served_open(const struct ese_served *served, struct ese_place *place, const struct ese_side *side,
                    const struct ese_stint *stint, struct ese_contest **contest, struct ese_error *error);
int ese_served_run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error);
void ese_served_close(struct ese_contest **contest);

/* A free loopback port and its address. The port is the caller's to release, behind the server's end. */
int ese_served_address(char address[64], struct ese_port **port, struct ese_error *error);

/* Waits until a binary of ours has written where it serves into its --ready-file, and fills the address. Fails when it
 * ends instead. */
int ese_served_wait(struct ese_child *child, const char *ready, char address[64], struct ese_error *error);

/* A connection to it, whose reads have some patience; -1 with errno. */
int ese_served_connect(const char *address);

/* Sends bytes to it and reads until `end` has come, or the other side is through (NULL); at most 1 MiB. The caller
 * frees. For asking a server that has little else to do. */
int ese_served_ask(const char *address, const char *bytes, const char *end, char **answer, struct ese_error *error);

#endif
