/*
 * manual.h - what a table of options says of itself: --help, --man (mdoc(7)), --completion bash.
 *
 * All three go to stdout. Tables are those the config has at the time.
 */
#ifndef ESE_MANUAL_H
#define ESE_MANUAL_H

#include "ese-core/config.h"

struct ese_manual {
    const char *name;        /* "ese-server"; of a program with commands: "ese-lab compare" */
    const char *summary;     /* "stores events and answers for them" */
    const char *synopsis;    /* what may stand behind the options: "", "COMMAND", "FILE ..." */
    const char *description; /* paragraphs separated by an empty line */
    const char *examples;    /* a command a line, behind each a line "  what it does"; or NULL */
};

void ese_manual_help(const struct ese_manual *manual, const struct ese_config *config);
void ese_manual_page(const struct ese_manual *manual, const struct ese_config *config);
void ese_manual_completion(const struct ese_manual *manual, const struct ese_config *config);

#endif
