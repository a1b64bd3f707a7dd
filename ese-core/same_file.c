#include "ese-core/same_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MOST 16

static bool is_file(const struct ese_option *option)
{
    return option->kind == ESE_OPTION_TEXT && option->value != NULL &&
           strcmp(option->value, "FILE") == 0;
}

/* The path without links and dots; of what is not there by the nearest directory above it that is. */
static void resolve(const char *path, char resolved[PATH_MAX])
{
    char directory[PATH_MAX];
    if (realpath(path, resolved) != NULL)
        return;
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (slash == NULL)
        snprintf(directory, sizeof directory, ".");
    else
        snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (path[0] == '\0' || strcmp(path, directory) == 0)
        resolved[0] = '\0';
    else
        resolve(directory, resolved);
    if (name[0] == '\0' || strcmp(name, ".") == 0)
        return;
    size_t length = strlen(resolved);
    snprintf(resolved + length, PATH_MAX - length, "/%s", name);
}

/* A file may have two names without a link in them. */
static bool is_same(const char *a, const char *b)
{
    char resolved_a[PATH_MAX], resolved_b[PATH_MAX];
    struct stat of_a, of_b;
    resolve(a, resolved_a);
    resolve(b, resolved_b);
    if (strcmp(resolved_a, resolved_b) == 0)
        return true;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

static int compare(const char *const *names, int count, const struct ese_config *config,
                   struct ese_error *error)
{
    const char *last = ese_config_text(config, names[count - 1]);
    for (int i = 0; i < count - 1; i++) {
        if (is_same(ese_config_text(config, names[i]), last))
            return ese_fail(error, ESE_E_USAGE, "--%s and --%s are both '%.200s': give two files",
                            names[i], names[count - 1], last);
    }
    return 0;
}

int ese_same_file_check(const struct ese_config *config, struct ese_error *error)
{
    const struct ese_options *options = ese_config_options(config);
    const char *names[FILES_MOST];
    int count = 0;
    for (int t = 0; t < options->count; t++) {
        const struct ese_option *option = options->tables[t].table;
        for (; option->name != NULL && count < FILES_MOST; option++) {
            if (!is_file(option) || !ese_config_has(config, option->name) ||
                ese_options_find(options, option->name) != option)
                continue;
            names[count++] = option->name;
            if (compare(names, count, config, error) == -1)
                return -1;
        }
    }
    return 0;
}
