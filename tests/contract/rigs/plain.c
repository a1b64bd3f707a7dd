/*
 * plain.c - the rig of every transport that has none of its own: a directory, and an ese-server
 * where the transport has a store face. It knows the options all transports name alike
 * (transports/transport.h).
 */
#include "ese-core/memory.h"
#include "tests/contract/server.h"
#include "tests/support/directory.h"

struct ese_rig_place {
    char *directory;
    enum ese_durability durability;
    struct ese_rig_server *server; /* NULL: there is none */
};

static int start_server(struct ese_rig_place *place, const char *specification,
                        struct ese_error *error)
{
    const struct ese_rig_server_options options = {.specification = specification,
                                                   .durability = place->durability,
                                                   .directory = place->directory};
    return ese_rig_server_start(&options, &place->server, error);
}

static int start(const char *specification, enum ese_durability durability,
                 struct ese_rig_place **place, struct ese_error *error)
{
    const struct ese_registry_entry *entry = NULL;
    if (ese_registry_find(specification, &entry, error) != 0)
        return -1;
    struct ese_rig_place *started = *place = ese_alloc(sizeof *started);
    started->directory = ese_test_directory_make();
    started->durability = durability;
    /* Where no server is asked for its level, the producer's option is. */
    int result = entry->transport->store != NULL
                     ? start_server(started, specification, error)
                     : ese_rig_settles(started, specification, ESE_FACE_PRODUCE, error);
    if (result != 0)
        ese_rig.stop(place);
    return result;
}

static void give(const struct ese_rig_place *place, struct ese_config *config, enum ese_face face)
{
    ese_rig_give(config, face, "data", place->directory);
    ese_rig_give(config, face, "durability", ese_durability_name(place->durability));
    ese_rig_give(config, face, "poll-ms", "50"); /* where nothing else wakes a reader */
    if (place->server != NULL)
        ese_rig_give(config, face, "server", ese_rig_server_url(place->server));
}

static void give_wrong(const struct ese_rig_place *place, struct ese_config *config,
                       enum ese_face face)
{
    give(place, config, face);
    ese_rig_give(config, face, "data", "/dev/null/no-directory");
    ese_rig_give(config, face, "token-file", "/dev/null/no-file");
}

static void kill_server(struct ese_rig_place *place)
{
    ese_rig_server_kill(place->server);
}

static int restart(struct ese_rig_place *place, struct ese_error *error)
{
    return ese_rig_server_restart(place->server, error);
}

static void stop(struct ese_rig_place **place)
{
    if (*place == NULL)
        return;
    ese_rig_server_stop(&(*place)->server);
    ese_test_directory_remove(&(*place)->directory);
    free(*place);
    *place = NULL;
}

static const char *history(const struct ese_rig_place *place)
{
    return place->server != NULL ? ese_rig_server_history(place->server) : NULL;
}

static const char *url(const struct ese_rig_place *place)
{
    return place->server != NULL ? ese_rig_server_url(place->server) : NULL;
}

const struct ese_rig ese_rig = {
    .specifications = (const char *const[]){ESE_RIG_NAME, NULL},
    .start = start,
    .give = give,
    .give_wrong = give_wrong,
    .kill = kill_server,
    .restart = restart,
    .history = history,
    .url = url,
    .stop = stop,
    .end = NULL,
};
