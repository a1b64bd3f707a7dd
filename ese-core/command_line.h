/*
 * command_line.h - the words behind a program's name, read one by one against option tables.
 *
 * "--name value" and "--name=value" give a value, "--flag" and "--no-flag" turn a flag on and off,
 * "-X value" and "-Xvalue" do the same by letter. "--" ends the options; a single "-" is an
 * argument (it names standard input). A value that begins with two dashes must be written with "=".
 *
 * Nothing is allocated: what is handed out points into the words.
 */
#ifndef ESE_COMMAND_LINE_H
#define ESE_COMMAND_LINE_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "ese-core/option.h"

struct ese_command_line {
    const struct ese_options *options;
    char **words;
    int count;
    int at;            /* the next word to read */
    bool options_over; /* "--" was read */
};

struct ese_command_word {
    const struct ese_option *option; /* NULL: an argument */
    const char *value;               /* of a flag: "true" or "false" */
};

/* 1: a word; 0: the end; -1: ESE_E_USAGE, the word is passed over and the next call goes on. */
int ese_command_line_next(struct ese_command_line *line, struct ese_command_word *word,
                          struct ese_error *error);

#endif
