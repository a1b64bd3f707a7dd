/*
 * trouble.h - what a bad disk does to a call: delays it, lets it fail, cuts it short.
 */
#ifndef ESE_DISK_TROUBLE_H
#define ESE_DISK_TROUBLE_H

#include <stddef.h>

#include "orchestration/disk/place.h"
#include "orchestration/disk/settings.h"

/* Before a write of *size bytes at `from`, which may become fewer: 0, or the errno that it fails with. */
int ese_disk_trouble_write(struct ese_disk_settings *settings, const struct ese_disk_place *place, int64_t from,
                           size_t *size);

/* Before a sync: 0, or the errno that it fails with. Takes the time it takes. */
int ese_disk_trouble_sync(struct ese_disk_settings *settings, const struct ese_disk_place *place);

/* Adds a line to the file of ESE_DISK_TOLD: how a sync ended, and of what. */
void ese_disk_trouble_tell(const struct ese_disk_settings *settings, const struct ese_disk_place *place,
                           int failed);

#endif
