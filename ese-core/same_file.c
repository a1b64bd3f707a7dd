#include "ese-core/same_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ese-core/memory.h"

#define FILES_MOST 16

static bool is_file(const struct ese_option *option)
{
    return option->kind == ESE_OPTION_TEXT && option->value != NULL &&
           strcmp(option->value, "FILE") == 0;
}

/* Appends what follows a directory, without empty names and dots. */
static void append_names(char resolved[PATH_MAX], const char *rest)
{
    size_t length = strcmp(resolved, "/") == 0 ? 0 : strlen(resolved);

    while (*rest != '\0') {
        size_t size = strcspn(rest, "/");
        bool is_name = size > 0 && strncmp(rest, ".", size) != 0;
        if (is_name && length + 1 < PATH_MAX)
            length += (size_t)snprintf(resolved + length, PATH_MAX - length, "/%.*s", (int)size, rest);
        rest += size + (rest[size] == '/');
    }
}

/* Where the directory above ends, of a path that ends there; 0: at the root, or where we are. */
static size_t end_above(const char *path, size_t end)
{
    while (end > 0 && path[end - 1] != '/')
        end--;
    while (end > 0 && path[end - 1] == '/')
        end--;
    return end;
}

/* The path without links and dots; of what is not there by the nearest directory above it that is. */
static void resolve(const char *path, char resolved[PATH_MAX])
{
    size_t end = strlen(path);
    bool found = realpath(path, resolved) != NULL;

    while (!found && end > 0) {
        end = end_above(path, end);
        char *directory = end > 0 ? ese_copy_bytes(path, end) : ese_copy_text(path[0] == '/' ? "/" : ".");
        found = realpath(directory, resolved) != NULL;
        free(directory);
    }
    if (!found)
        resolved[0] = '\0';
    append_names(resolved, path + end);
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
