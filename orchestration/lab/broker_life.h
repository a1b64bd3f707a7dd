/*
 * broker_life.h - the broker a journey runs on, whichever kind it is.
 *
 *   own       Apache Kafka, started for this run with its own data directory (needs Java and the jars)
 *   given     somebody's cluster, named by --bootstrap-servers: never started, stopped or killed by us
 *   embedded  librdkafka's mock cluster inside the lab: no durability, its figures are not Kafka's
 */
#ifndef ESE_LAB_BROKER_LIFE_H
#define ESE_LAB_BROKER_LIFE_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "ese-core/sqlite.h"
#include "orchestration/kafka/listeners.h"
#include "orchestration/lab/process.h"

struct ese_broker_life;

struct ese_broker_life_options {
    const char *choice;            /* "auto", "kafka" or "embedded" */
    const char *bootstrap_servers; /* given; or NULL */
    const char *directory;         /* for data and log */
    const char *topic_prefix;      /* "" unless the cluster is given */
    enum ese_durability durability;
    int64_t retention_s;           /* how long its topics keep records; 0: as topics.conf has it */
    const struct ese_listener *listeners; /* further ones, of one that is started for this run (listeners.h) */
    int listener_count;
};

/* Of a cluster that is given there is nothing left to choose: ESE_E_USAGE where one is and the choice is not auto. */
int ese_broker_life_check(const char *choice, const char *bootstrap_servers, struct ese_error *error);

/* Begins to start it and returns at once, so that others can start meanwhile. With "auto", a missing Java
 * or missing jars fall back to embedded with a warning; which is refused where more than os is asked for. */
int ese_broker_life_open(const struct ese_broker_life_options *options, struct ese_broker_life **life,
                         struct ese_error *error);
/* Waits until records go through, and applies the topics. */
int ese_broker_life_ready(struct ese_broker_life *life, struct ese_error *error);

const char *ese_broker_life_bootstrap(const struct ese_broker_life *life);
/* The port of the i-th further listener; 0: a mock, and one that is given, have none. */
int ese_broker_life_listener_port(const struct ese_broker_life *life, int i);
/* For reports: "Apache Kafka 4.3.1, one broker", "given", or the mock's warning. */
const char *ese_broker_life_kind(const struct ese_broker_life *life);
bool ese_broker_life_is_mock(const struct ese_broker_life *life);
bool ese_broker_life_is_own(const struct ese_broker_life *life); /* a process of its own, whose cost is known */
/* True while it runs; notices the end of one of our own. */
bool ese_broker_life_running(struct ese_broker_life *life);
/* SIGKILL to one of our own, without waiting for its end. */
void ese_broker_life_shoot(struct ese_broker_life *life);
/* SIGSTOP to one of our own, and SIGCONT. */
void ese_broker_life_freeze(struct ese_broker_life *life);
void ese_broker_life_thaw(struct ese_broker_life *life);
/* A new life for one of our own, on the same address and data, once its present one, if there is one, is
 * killed. Does not wait until it serves. */
int ese_broker_life_restart(struct ese_broker_life *life, struct ese_error *error);
void ese_broker_life_sample(struct ese_broker_life *life);
/* All lives of one of our own; context switches are of those that have ended. And those of its present one. */
struct ese_usage ese_broker_life_usage(const struct ese_broker_life *life);
void ese_broker_life_add_switches(const struct ese_broker_life *life, struct ese_usage *usage);
int ese_broker_life_lives(const struct ese_broker_life *life);

void ese_broker_life_close(struct ese_broker_life **life); /* stops it, unless it was given */

#endif
