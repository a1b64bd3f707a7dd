/*
 * rig.h - what the contract suite needs to put one transport on the test bench.
 *
 * The suite itself knows no transport. tests/contract/rigs/<name>.c defines `ese_rig` for the line
 * <name> of transports.list; where there is no such file, rigs/plain.c does. A place is storage and
 * whatever serves it. It need not be empty: the suite passes over events of other runs (struct
 * ese_id_parts), so that a slow server may be kept for several tests.
 */
#ifndef ESE_RIG_H
#define ESE_RIG_H

#include "ese-core/error.h"
#include "transports/registry.h"

struct ese_rig_place;

struct ese_rig {
    /* The ways to be tested, as --transport takes them ("name", "name:option=value"); ends with
     * NULL. */
    const char *const *specifications;

    /* Makes a place that keeps events at this level and is ready to be used. ESE_E_MISSING: a part
     * of the environment is not there, what needs it is skipped. ESE_E_USAGE: this level is
     * refused. */
    int (*start)(const char *specification, enum ese_durability durability,
                 struct ese_rig_place **place, struct ese_error *error);

    /* Gives the config what a face needs to find the place (ese_rig_give). */
    void (*give)(const struct ese_rig_place *place, struct ese_config *config, enum ese_face face);

    /* Gives the config something with which a face cannot be opened. */
    void (*give_wrong)(const struct ese_rig_place *place, struct ese_config *config,
                       enum ese_face face);

    /* SIGKILL to whatever keeps the events, and a new life on the same storage, ready again when it
     * returns. Called only for a transport with a store face. */
    void (*kill)(struct ese_rig_place *place);
    int (*restart)(struct ese_rig_place *place, struct ese_error *error);

    /* The path of the history in which whatever keeps the events notes what it lost; NULL: there is
     * none. */
    const char *(*history)(const struct ese_rig_place *place);

    /* Of the ese-server, without a slash behind it; NULL: there is none. */
    const char *(*url)(const struct ese_rig_place *place);

    /* Leaves nothing behind but what `end` takes away. NULL behind the pointer is allowed; nulls
     * it. */
    void (*stop)(struct ese_rig_place **place);

    /* After the last test; may be NULL. */
    void (*end)(void);
};

extern const struct ese_rig ese_rig;

/* The transport of --transport in this config. */
const struct ese_transport *ese_rig_transport(const struct ese_config *config);

/* Whether the face's options, given for this place, are all right. */
int ese_rig_settles(const struct ese_rig_place *place, const char *specification,
                    enum ese_face face, struct ese_error *error);

/* Gives the option if the face has it. */
void ese_rig_give(struct ese_config *config, enum ese_face face, const char *name,
                  const char *value);

#endif
