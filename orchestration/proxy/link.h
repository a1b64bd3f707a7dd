/*
 * link.h - a line between two parties: where it listens, where it leads, what it is like just now, and the
 * connections that go through it. One thread.
 */
#ifndef ESE_PROXY_LINK_H
#define ESE_PROXY_LINK_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "orchestration/proxy/connection.h"
#include "orchestration/proxy/proxy.h"

TAILQ_HEAD(ese_proxy_connections, ese_proxy_connection);

/* What all links of a proxy share. */
struct ese_proxy_house {
    struct ese_proxy_options options;
    int loop;
    int open;                           /* connections, of all links */
    bool is_full;                       /* which was told */
    uint64_t streams;                   /* of random numbers, given out so far */
    struct ese_proxy_connections ended; /* to be freed once nobody can be told of them any more */
};

struct ese_proxy_link {
    struct ese_proxy_house *house;
    char name[ESE_PROXY_NAME_SIZE];
    char address[ESE_PROXY_ADDRESS_SIZE]; /* where it listens */
    struct ese_proxy_watch listener;
    struct sockaddr_storage target;
    socklen_t target_size;
    struct ese_proxy_connections connections;
    int open;
    int64_t accepted, refused;
    int64_t passed[ESE_PROXY_WAYS]; /* bytes */

    /* what it is like */
    struct ese_proxy_delay delay;
    int64_t bytes_per_s; /* 0: as many as can be */
    bool cut[ESE_PROXY_WAYS];
    bool is_half_open;
    enum ese_proxy_end gone;

    bool is_timed; /* something of it may become due */
    int64_t free_ns[ESE_PROXY_WAYS]; /* when the next bytes may pass, where so many a second do */
    int64_t accept_ns; /* INT64_MAX: it accepts; else when it does so again */
};

/* text: NAME=LISTEN,TARGET. */
int ese_proxy_link_open(struct ese_proxy_house *house, const char *text, struct ese_proxy_link **link,
                        struct ese_error *error);
void ese_proxy_link_close(struct ese_proxy_link **link);

/* Puts it in force. */
void ese_proxy_link_change(struct ese_proxy_link *link, const struct ese_proxy_condition *condition, int64_t now_ns);

/* Does what is due. Returns when something is next; INT64_MAX: not before something happens. */
int64_t ese_proxy_link_turn(struct ese_proxy_link *link, int64_t now_ns);

/* How many bytes may pass now, and that so many have. */
size_t ese_proxy_link_allowance(const struct ese_proxy_link *link, enum ese_proxy_way way, int64_t now_ns);
void ese_proxy_link_spend(struct ese_proxy_link *link, struct ese_proxy_connection *connection, enum ese_proxy_way way,
                          size_t bytes, int64_t now_ns);

#endif
