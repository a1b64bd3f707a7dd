/*
 * option.h - an option is data.
 *
 * One table a binary feeds flags, environment, configuration file, --help, the manual page
 * and shell completion, so that they cannot disagree. A table ends with an entry whose name
 * is NULL. An option "retry-deadline-ms" is --retry-deadline-ms N on the command line,
 * ESE_RETRY_DEADLINE_MS in the environment and "retry-deadline-ms = N" in a file.
 */
#ifndef ESE_OPTION_H
#define ESE_OPTION_H

#include <stdint.h>

enum ese_option_kind {
    ESE_OPTION_TEXT,   /* any text */
    ESE_OPTION_NUMBER, /* a whole number in min..max */
    ESE_OPTION_FLAG,   /* no value on the command line; "true" or "false" elsewhere */
    ESE_OPTION_CHOICE, /* one of `choices` */
    ESE_OPTION_LIST    /* text, may be given several times; joined by newlines */
};

struct ese_option {
    const char *name;       /* without the dashes; NULL ends the table */
    char letter;            /* a short flag ('X'), or 0 */
    enum ese_option_kind kind;
    const char *value;      /* what --help shows behind the name: "N", "HOST:PORT"; NULL for flags */
    const char *fallback;   /* the default, as text; NULL: none (absent until given) */
    const char *choices;    /* "os|disk" for ESE_OPTION_CHOICE, else NULL */
    int64_t min, max;       /* for ESE_OPTION_NUMBER */
    const char *help;       /* one or two sentences; the first stands alone in completion */
};

#define ESE_OPTION_END {.name = NULL}

/* The entry of that name, or NULL. table may be NULL. */
const struct ese_option *ese_option_find(const struct ese_option *table, const char *name);

#endif
