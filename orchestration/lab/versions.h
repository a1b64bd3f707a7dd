/*
 * versions.h - what a run was made with: ours, and the libraries' as they say themselves at run time.
 */
#ifndef ESE_LAB_VERSIONS_H
#define ESE_LAB_VERSIONS_H

#include <stddef.h>

struct ese_version {
    const char *name; /* "librdkafka" */
    const char *text; /* "2.0.2"; "" where it is not there */
};

/* Ends with one without a name. Lives as long as the program; one thread. */
const struct ese_version *ese_versions(void);

#endif
