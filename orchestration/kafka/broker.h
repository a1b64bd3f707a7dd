/*
 * broker.h - a real Apache Kafka broker as a child of this process: one node, KRaft, loopback only.
 *
 * Starting does not block: the child formats its storage when that is new and then becomes the
 * broker, while its starter gets other things going; ese_broker_wait_ready says when records are
 * taken. Unless `detached`, the broker dies with the *thread* that started it (PR_SET_PDEATHSIG),
 * so that nothing is left behind however that ends; call start and restart from a thread that
 * lives as long as the broker shall. It has a process group of its own: Ctrl-C in a terminal does
 * not reach it. A handle belongs to one thread.
 */
#ifndef ESE_BROKER_H
#define ESE_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ese-core/error.h"
#include "orchestration/kafka/listeners.h"

struct ese_broker;

struct ese_broker_options {
    const char *jars_dir; /* filled by fetch-jars */
    const char *conf_dir; /* where server.properties and log4j2.properties are */
    const char *data_dir; /* its own; made, with its parents, when it is not there */
    const char *log_path; /* its stdout and stderr are appended here */
    int port;             /* 0: a free one */
    const struct ese_listener *listeners; /* further ones, as many as are counted; their names are
                                           * not copied */
    int listener_count;
    bool detached;        /* outlives this process; see ese_broker_leave */
};

/* What the broker's ended lives have cost. (The living one's figures are in /proc.) */
struct ese_broker_cost {
    int lives;
    double cpu_s;
    int64_t rss_peak_bytes;
    int64_t switches, preemptions; /* context switches, voluntary and not */
    int64_t disk_written_bytes; /* write_bytes of proc(5)'s io file; 0 where it cannot be read */
};

/* ESE_E_MISSING without Java or jars. The options' texts are copied. */
int ese_broker_start(const struct ese_broker_options *options, struct ese_broker **broker,
                     struct ese_error *error);

/* Until a record went round trip. ESE_E_TIMEOUT; ESE_E_CLOSED when the broker ended instead, or we
 * were asked to stop. */
int ese_broker_wait_ready(struct ese_broker *broker, int timeout_ms, struct ese_error *error);

/* "127.0.0.1:29092"; the same in every life. */
const char *ese_broker_bootstrap(const struct ese_broker *broker);
/* Of the i-th further listener; the same in every life. */
int ese_broker_listener_port(const struct ese_broker *broker, int i);
const char *ese_broker_data_dir(const struct ese_broker *broker); /* absolute */
pid_t ese_broker_pid(const struct ese_broker *broker); /* 0 while it is dead */

/* True while it lives; notices its end. */
bool ese_broker_running(struct ese_broker *broker);

/* SIGKILL, without waiting for its end, so that others can be killed at the same instant. */
void ese_broker_shoot(struct ese_broker *broker);

/* SIGSTOP, and SIGCONT. No-ops on a dead one. */
void ese_broker_freeze(struct ese_broker *broker);
void ese_broker_thaw(struct ese_broker *broker);

/* SIGKILL, and waits for its end. No-op on a dead one. */
void ese_broker_kill(struct ese_broker *broker);

/* A new life on the same port and data; kills the present one first, if there is one. Does not
 * block. */
int ese_broker_restart(struct ese_broker *broker, struct ese_error *error);

/* SIGTERM, also to one that stands still, and SIGKILL when it has not ended after timeout_ms. The handle
 * stays, for its cost. */
void ese_broker_stop(struct ese_broker *broker, int timeout_ms);

struct ese_broker_cost ese_broker_cost(const struct ese_broker *broker);

/* Kills it if it lives, and frees the handle. NULL behind the pointer is allowed; nulls it. */
void ese_broker_close(struct ese_broker **broker);

/* Frees the handle and leaves a detached broker running. */
void ese_broker_leave(struct ese_broker **broker);

#endif
