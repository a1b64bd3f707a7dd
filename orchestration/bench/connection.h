/*
 * connection.h - one connection of the generator, with its request and what is read of the answers.
 */
#ifndef ESE_BENCH_CONNECTION_H
#define ESE_BENCH_CONNECTION_H

#include "ese-core/error.h"
#include "orchestration/bench/protocol.h"

#define ESE_CONNECTION_WORDS 64

struct ese_bench_connection {
    const struct ese_bench_protocol *protocol;
    int fd;
    struct ese_payload payload;
    struct ese_bench_request request;
    uint32_t next;     /* number of the next event */
    size_t written;    /* of the request under way */
    int answers_left;  /* of it; 0: none is under way */
    bool all_right;    /* so far */
    char wrong[ESE_CONNECTION_WORDS]; /* how the last answer began that was not; "" when there was none */
    char *bytes;       /* read, and not understood yet */
    size_t length, size;
    size_t skip;       /* of the answer whose head was read, that are still to come */
    int64_t due_ns;    /* of the request under way */
    int64_t free_ns;   /* since when none is */
};

/* Connects, and makes the request of so many events. Its lane is of its own. */
int ese_bench_connection_open(struct ese_bench_connection *connection, const struct ese_bench_protocol *protocol,
                              const char *address, uint32_t run, uint16_t lane, int batch, struct ese_error *error);
void ese_bench_connection_close(struct ese_bench_connection *connection);

/* Begins the next request, due then. */
int ese_bench_connection_send(struct ese_bench_connection *connection, int64_t due_ns, struct ese_error *error);
/* Goes on with what could not be written at once. */
int ese_bench_connection_write(struct ese_bench_connection *connection, struct ese_error *error);
bool ese_bench_connection_wants_write(const struct ese_bench_connection *connection);

/* Reads what is there. 1: all answers of the request are; 0: not yet; -1: failed. */
int ese_bench_connection_read(struct ese_bench_connection *connection, struct ese_error *error);

#endif
