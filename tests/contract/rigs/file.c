/* A directory is all it takes. */
#include "ese-core/memory.h"
#include "tests/contract/rig.h"
#include "tests/support/directory.h"

struct ese_rig_place {
    char *directory;
    enum ese_durability durability;
};

static int start(const char *specification, enum ese_durability durability,
                 struct ese_rig_place **place, struct ese_error *error)
{
    struct ese_rig_place *started = ese_alloc(sizeof *started);
    started->directory = ese_test_directory_make();
    started->durability = durability;
    *place = started;
    /* No server is asked for its level: the producer's option is. */
    int result = ese_rig_settles(started, specification, ESE_FACE_PRODUCE, error);
    if (result != 0)
        ese_rig.stop(place);
    return result;
}

static void give(const struct ese_rig_place *place, struct ese_config *config, enum ese_face face)
{
    ese_rig_give(config, face, "data", place->directory);
    ese_rig_give(config, face, "durability", ese_durability_name(place->durability));
}

static void give_wrong(const struct ese_rig_place *place, struct ese_config *config,
                       enum ese_face face)
{
    (void)place;
    ese_rig_give(config, face, "data", "/dev/null/no-directory");
}

static void stop(struct ese_rig_place **place)
{
    if (*place == NULL)
        return;
    ese_test_directory_remove(&(*place)->directory);
    free(*place);
    *place = NULL;
}

const struct ese_rig ese_rig = {
    .specifications = (const char *const[]){"file", NULL},
    .start = start,
    .give = give,
    .give_wrong = give_wrong,
    .kill = NULL,
    .restart = NULL,
    .stop = stop,
    .end = NULL,
};
