/*
 * history_option.h - the options of whoever writes a history, the same for every party.
 */
#ifndef ESE_HISTORY_OPTION_H
#define ESE_HISTORY_OPTION_H

#include "ese-core/config.h"
#include "ese-core/history.h"

/* --history, --history-bytes and --history-segments: entries of a table, */
#define ESE_HISTORY_OPTIONS                                                                       \
    {.name = "history", .kind = ESE_OPTION_TEXT, .value = "FILE",                                 \
     .help = "Writes to FILE what happened to each event or mail, for the ledger. Its "           \
             "directory is made where it is not there."},                                         \
    {.name = "history-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1073741824",  \
     .min = 65536, .max = INT64_C(1) << 40, .help = "Bounds the file of --history."},             \
    {.name = "history-segments", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0",        \
     .min = 0, .max = 10000,                                                                      \
     .help = "With N, a file that has met its bound becomes FILE.000001 and so on, of which the " \
             "newest N are kept, and FILE begins anew. With 0, recording ends there, and no "     \
             "ledger can be made."}
/* and a table of them, to be added to a binary's. */
extern const struct ese_option ese_history_option_table[];

/* What they say; for ese_history_open. party and transport are kept, not copied. */
struct ese_history_options ese_history_told(const struct ese_config *config, const char *party,
                                            const char *transport);

#endif
