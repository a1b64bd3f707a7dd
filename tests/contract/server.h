/*
 * server.h - an ese-server as a process of its own, for rigs: started, killed and started again on
 * one address.
 */
#ifndef ESE_RIG_SERVER_H
#define ESE_RIG_SERVER_H

#include "tests/contract/rig.h"

struct ese_rig_server;

struct ese_rig_server_options {
    const char *specification; /* --transport */
    enum ese_durability durability;
    const char *directory;     /* for its files; data beneath */
    const char *bootstrap_servers, *topic_prefix; /* or NULL */
};

/* Serves when it returns. A refused option is ESE_E_USAGE, with what the server said. */
int ese_rig_server_start(const struct ese_rig_server_options *options,
                         struct ese_rig_server **server, struct ese_error *error);
void ese_rig_server_kill(struct ese_rig_server *server);
int ese_rig_server_restart(struct ese_rig_server *server, struct ese_error *error);
void ese_rig_server_stop(struct ese_rig_server **server);
/* Where it notes what it lost, if it does. */
const char *ese_rig_server_history(const struct ese_rig_server *server);
const char *ese_rig_server_url(const struct ese_rig_server *server);

#endif
