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

#include <stdbool.h>
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
    const char *value;      /* what --help shows behind it: "N", "HOST:PORT"; NULL for flags */
    const char *fallback;   /* the default, as text; NULL: none (absent until given) */
    const char *choices;    /* "os|disk" for ESE_OPTION_CHOICE, else NULL */
    int64_t min, max;       /* for ESE_OPTION_NUMBER */
    const char *help;       /* one or two sentences */
    bool command_line_only; /* no environment variable and no line of a file stands for it */
};

#define ESE_OPTION_END {.name = NULL}

/* The entry of that name, or NULL. table may be NULL. */
const struct ese_option *ese_option_find(const struct ese_option *table, const char *name);

/* Several tables with their headings, read as one: a name belongs to the first that has it. */
#define ESE_OPTION_TABLES 8
struct ese_options {
    struct {
        const char *heading;
        const struct ese_option *table;
    } tables[ESE_OPTION_TABLES];
    int count;
};

/* Asserts that there is room and that the table makes sense (a number has a range, a choice its
 * choices). */
void ese_options_add(struct ese_options *options, const char *heading,
                     const struct ese_option *table);
const struct ese_option *ese_options_find(const struct ese_options *options, const char *name);
const struct ese_option *ese_options_find_letter(const struct ese_options *options, char letter);

/* The known name a mistyped one most likely stands for, or NULL when none is near. */
const char *ese_options_nearest(const struct ese_options *options, const char *name);

/* True when word is one of "a|b|c". choices may be NULL. */
bool ese_option_has_choice(const char *choices, const char *word);

#endif
