/*
 * network.h - the lines between a journey's parties that go through a proxy of ours, and what they are like just now
 * (docs/network-faults.md).
 *
 * A line is named after who connects and who is connected to: its near and its far end. Those that are asked for are
 * given an address at once, and led to where the far end listens once that is known; only these are there. The proxy
 * is one process for all of them. One thread.
 */
#ifndef ESE_LAB_NETWORK_H
#define ESE_LAB_NETWORK_H

#include "orchestration/lab/process.h"

enum ese_line {
    ESE_LINE_CLIENT_SERVER,
    ESE_LINE_CONSUMER_SERVER,
    ESE_LINE_SERVER_CONSUMER, /* of servers that push */
    ESE_LINE_CONSUMER_MAILER,
    ESE_LINE_MAILER_SMTP,
    ESE_LINE_CLIENT_BROKER,
    ESE_LINE_SERVER_BROKER,
    ESE_LINE_CONSUMER_BROKER,
    ESE_LINES
};

#define ESE_LINE_BIT(line) (1u << (line))
#define ESE_LINES_ALL (ESE_LINE_BIT(ESE_LINES) - 1)

const char *ese_line_name(enum ese_line line);  /* "client-server" */
enum ese_line ese_line_find(const char *name);  /* ESE_LINES when there is none of that name */

/* Whether a line can be told that: "cut backward" (orchestration/proxy/condition.h). ESE_E_USAGE. */
int ese_network_check(const char *condition, struct ese_error *error);

struct ese_network;

/* Draws the addresses of the lines that are asked for (ESE_LINE_BIT). directory: of the journey; for the proxy's
 * socket and log. */
int ese_network_open(const char *directory, const char *specification, unsigned lines, struct ese_network **network,
                     struct ese_error *error);
/* What decides the jitter of its lines. Before start. network may be NULL. */
void ese_network_seed(struct ese_network *network, int64_t seed);
/* Where the far end of a line listens, as HOST:PORT; of one that was not asked for nothing is kept. Before start. */
void ese_network_lead(struct ese_network *network, enum ese_line line, const char *target);
/* Starts the proxy and waits until it serves, if any line leads somewhere. */
int ese_network_start(struct ese_network *network, struct ese_error *error);
/* Ends it. NULL behind the pointer is allowed; nulls it. */
void ese_network_close(struct ese_network **network);

/* network may be NULL: no line is there. */
bool ese_network_has(const struct ese_network *network, enum ese_line line);
/* HOST:PORT of the near side of a line that is there; else where it would lead. */
const char *ese_network_address(const struct ese_network *network, enum ese_line line, const char *otherwise);
/* The port that was drawn for a line; 0: it was not asked for. */
int ese_network_port(const struct ese_network *network, enum ese_line line);

/* Says it to the line, and returns once it is in force; what the proxy answers goes into text, if that is not NULL.
 * ESE_E_USAGE for what is no condition. Of a line that is not there nothing is changed. */
int ese_network_tell(struct ese_network *network, enum ese_line line, const char *condition, char *text, size_t size,
                     struct ese_error *error);

/* The proxy, to look after; NULL: there is none. */
struct ese_process *ese_network_process(struct ese_network *network);

#endif
