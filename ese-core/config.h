/*
 * config.h - the values of a process's options, from flag > environment > file > default.
 *
 * A config is built in steps, because one option may bring a table of others (--transport
 * kafka brings kafka's): add tables, read what is given, look, add more tables, then settle.
 * Everything after `settle` is read-only and may be read from any thread.
 * A number option may also hold a word listed in its `choices` ("max" for --rate): compare
 * ese_config_text with the word before asking for the number.
 * A text must not be empty.
 * The environment variable of "retry-deadline-ms" is ESE_RETRY_DEADLINE_MS; an empty one counts as
 * not set, and ESE_ variables that no table knows are other programs' business. A name in a file
 * that no table knows is an error: a file belongs to one program.
 */
#ifndef ESE_CONFIG_H
#define ESE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/option.h"

struct ese_config;

struct ese_config *ese_config_new(void);
void ese_config_free(struct ese_config **config);

/* Adds a table (kept, not copied) under a heading for --help ("Options", "Options of --transport
 * kafka"). A name that an earlier table already has is taken from the earlier one. */
void ese_config_add(struct ese_config *config, const char *heading, const struct ese_option *table);

/* Keeps the arguments (without argv[0]; not copied). For words that are no option see
 * ese_config_argument. */
void ese_config_give_arguments(struct ese_config *config, int count, char **words);

/* Reads "name = value" lines; '#' starts a comment line. An unknown name is reported by settle. */
int ese_config_give_file(struct ese_config *config, const char *path, struct ese_error *error);

/* A value from the program itself (a transport's "via=direct"): weaker than flags, stronger than
 * the environment. */
void ese_config_give(struct ese_config *config, const char *name, const char *value);

/* The value as given so far by any of these, unchecked (of a list the last one), before settle;
 * NULL when not given, or in no table yet. For choosing tables. */
const char *ese_config_peek(const struct ese_config *config, const char *name);

/* Checks every given value against the tables and fixes all values. Unknown options, values out of
 * range and missing values are ESE_E_USAGE, with the nearest known name where one is near. */
int ese_config_settle(struct ese_config *config, struct ese_error *error);

/* Whether one of these options has that name and takes that value: ESE_E_USAGE says why not, as settle would. Nothing
 * is given by it. */
int ese_config_check(const struct ese_config *config, const char *name, const char *value, struct ese_error *error);

/* After settle. The name must be in a table (assert), except for ese_config_has.
 * text: NULL when absent and without default. number: asserts that it is there. has: in a table,
 * and with a value. */
const char *ese_config_text(const struct ese_config *config, const char *name);
int64_t ese_config_number(const struct ese_config *config, const char *name);
bool ese_config_flag(const struct ese_config *config, const char *name);
bool ese_config_has(const struct ese_config *config, const char *name);

/* The i-th item of an ESE_OPTION_LIST, or NULL behind the last. Valid as long as the config. */
const char *ese_config_item(const struct ese_config *config, const char *name, int i);

/* The i-th word that was no option, or NULL. Before settle, the value behind an option that no
 * table knows yet is taken for such a word. */
const char *ese_config_argument(const struct ese_config *config, int i);

/* The tables as added so far. */
const struct ese_options *ese_config_options(const struct ese_config *config);

#endif
