/*
 * same_file.h - one file must not serve two purposes.
 */
#ifndef ESE_SAME_FILE_H
#define ESE_SAME_FILE_H

#include "ese-core/config.h"

/* After settle: ESE_E_USAGE when two of the options whose value is a FILE name the same one, by the
 * same path or another. */
int ese_same_file_check(const struct ese_config *config, struct ese_error *error);

#endif
