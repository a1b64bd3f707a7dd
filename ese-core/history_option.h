/*
 * history_option.h - the options of whoever writes a history, the same for every party.
 */
#ifndef ESE_HISTORY_OPTION_H
#define ESE_HISTORY_OPTION_H

#include "ese-core/config.h"
#include "ese-core/history.h"

/* --history, --history-bytes and --history-segments, to be added to a binary's tables. */
extern const struct ese_option ese_history_option_table[];

/* What they say; for ese_history_open. party and transport are kept, not copied. */
struct ese_history_options ese_history_told(const struct ese_config *config, const char *party,
                                            const char *transport);

#endif
