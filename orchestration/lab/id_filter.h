/*
 * id_filter.h - which ids somebody wants to hear of, for whoever reads more of them than there is room for.
 */
#ifndef ESE_LAB_ID_FILTER_H
#define ESE_LAB_ID_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/id.h"

struct ese_id_filter {
    bool (*wants)(const void *context, const struct ese_id *id);
    const void *context;
};

/* NULL wants all. */
static inline bool ese_id_filter_wants(const struct ese_id_filter *filter, const struct ese_id *id)
{
    return filter == NULL || filter->wants(filter->context, id);
}

#endif
