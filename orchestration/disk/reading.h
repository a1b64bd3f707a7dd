/*
 * reading.h - a journal read back onto a platter.
 */
#ifndef ESE_DISK_READING_H
#define ESE_DISK_READING_H

#include "orchestration/disk/platter.h"

/* What the last process died at is passed over; what is broken before that is ESE_E_INVALID. */
int ese_disk_reading(const char *path, struct ese_disk_platter *platter, struct ese_error *error);

#endif
