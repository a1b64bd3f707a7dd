/* An ese-server with a directory. */
#include "ese-core/memory.h"
#include "tests/contract/server.h"
#include "tests/support/directory.h"

struct ese_rig_place {
    char *directory;
    struct ese_rig_server *server;
};

static int start(const char *specification, enum ese_durability durability,
                 struct ese_rig_place **place, struct ese_error *error)
{
    struct ese_rig_place *started = *place = ese_alloc(sizeof *started);
    started->directory = ese_test_directory_make();
    const struct ese_rig_server_options options = {.specification = specification,
                                                   .durability = durability,
                                                   .directory = started->directory};
    int result = ese_rig_server_start(&options, &started->server, error);
    if (result != 0)
        ese_rig.stop(place);
    return result;
}

static void give(const struct ese_rig_place *place, struct ese_config *config, enum ese_face face)
{
    ese_rig_give(config, face, "server", ese_rig_server_url(place->server));
}

static void give_wrong(const struct ese_rig_place *place, struct ese_config *config,
                       enum ese_face face)
{
    (void)place;
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

const struct ese_rig ese_rig = {
    .specifications = (const char *const[]){"http", NULL},
    .start = start,
    .give = give,
    .give_wrong = give_wrong,
    .kill = kill_server,
    .restart = restart,
    .stop = stop,
    .end = NULL,
};
