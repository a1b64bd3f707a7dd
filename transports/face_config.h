/*
 * face_config.h - a configuration for one face of a transport, as a binary of its own would make it.
 */
#ifndef ESE_FACE_CONFIG_H
#define ESE_FACE_CONFIG_H

#include "transports/registry.h"

/* Holds the options behind the specification's name; the caller may give more, settles it and frees it.
 * config is NULL after a failure. */
int ese_face_config(const char *specification, enum ese_face face, struct ese_config **config,
                    struct ese_error *error);

#endif
