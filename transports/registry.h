/*
 * registry.h - the transports this build has, from transports.list.
 *
 * A transport is written as its name, with options of its own behind a colon where several are
 * compared: "kafka:via=direct", "http:poll-ms=5000:long-poll=false". A colon belongs to the value
 * where no OPTION= follows it: "http:server=http://127.0.0.1:2001:poll-ms=50" has two options.
 */
#ifndef ESE_REGISTRY_H
#define ESE_REGISTRY_H

#include "transports/transport.h"

struct ese_registry_entry {
    const struct ese_transport *transport;
    const char *heading; /* of its options in --help */
    bool compared;     /* by default */
    bool needs_broker; /* option "bootstrap-servers" */
};

/* Ends with an entry whose transport is NULL. In the order of transports.list. */
const struct ese_registry_entry *ese_registry(void);

/* By the name before the colon. ESE_E_USAGE names the known ones. */
int ese_registry_find(const char *specification, const struct ese_registry_entry **entry,
                      struct ese_error *error);

/* By the name before the colon as docker-compose's profiles have it, whose names have no '+': a lesson's
 * is a '-' there, "http+x" is "http-x". NULL: it is none's. */
const struct ese_registry_entry *ese_registry_find_profile(const char *specification);

/* For a binary's `choose`: reads --transport from the config, adds the table of the face it uses
 * (picked by `face` from the transport), and gives the config the options behind the colon. An
 * option that only another face of the transport has is passed over; one that none has is
 * ESE_E_USAGE. */
enum ese_face { ESE_FACE_PRODUCE, ESE_FACE_STORE, ESE_FACE_CONSUME };
int ese_registry_choose(struct ese_config *config, enum ese_face face, struct ese_error *error);

/* After ese_registry_choose and settle: the transport of --transport. */
const struct ese_transport *ese_registry_chosen(const struct ese_config *config);

/* The same for another option that names a transport, whose table stands under a heading of its own.
 * Nothing is done where it was not given: chosen is NULL then. */
int ese_registry_choose_by(struct ese_config *config, const char *option, const char *heading,
                           enum ese_face face, struct ese_error *error);
const struct ese_transport *ese_registry_chosen_by(const struct ese_config *config,
                                                   const char *option);

/* The option table of a face; NULL when it has none or the transport lacks the face. */
const struct ese_option *ese_registry_options(const struct ese_transport *transport,
                                              enum ese_face face);

#endif
