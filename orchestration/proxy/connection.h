/*
 * connection.h - one connection through a line: the two sockets, and what is on its way between them.
 *
 * The end of a way's bytes is passed on behind them, as FIN; a reset is passed on too, and overtakes them. Both take
 * the line's latency, and stand still while their way is cut. One thread.
 */
#ifndef ESE_PROXY_CONNECTION_H
#define ESE_PROXY_CONNECTION_H

#include <sys/queue.h>

#include "orchestration/proxy/condition.h"
#include "orchestration/proxy/flow.h"
#include "orchestration/proxy/loop.h"

struct ese_proxy_link;

struct ese_proxy_socket {
    struct ese_proxy_watch watch;
    bool is_connecting;
    bool is_blocked; /* it takes no more just now */
    bool is_shut;    /* it was told that nothing more comes */
    bool is_parked;  /* both its ways have ended: there is nothing to be told but that */
};

struct ese_proxy_connection {
    TAILQ_ENTRY(ese_proxy_connection) list; /* of the link's, or of those that are to be freed */
    struct ese_proxy_link *link;
    struct ese_proxy_socket sockets[ESE_PROXY_ENDS];
    struct ese_proxy_flow flows[ESE_PROXY_WAYS];
    bool is_broken; /* one end is reset, and the other not told yet */
    enum ese_proxy_way broken_way;
    int64_t told_ns;
    bool is_orphan; /* one end has gone, and the other is not to be told */
    bool orphan_spoke; /* that one has sent something since, if only its end */
};

/* Takes over fd, the near end, and begins to connect the far one, unless one of the two has gone. */
void ese_proxy_connection_open(struct ese_proxy_link *link, int fd, int64_t now_ns);

/* Does what can be done now: after an event, when something has become due, and when the line is another. The
 * connection may be gone afterwards, to be freed. */
void ese_proxy_connection_pump(struct ese_proxy_connection *connection, int64_t now_ns);
/* When to pump it next; INT64_MAX: when something happens to it. */
int64_t ese_proxy_connection_next_ns(const struct ese_proxy_connection *connection, int64_t now_ns);

/* That end is gone: it is reset, and the other not told. */
void ese_proxy_connection_halve(struct ese_proxy_connection *connection, enum ese_proxy_end gone);
/* Resets what there is of it. */
void ese_proxy_connection_reset(struct ese_proxy_connection *connection);
void ese_proxy_connection_free(struct ese_proxy_connection **connection);

#endif
