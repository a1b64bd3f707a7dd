#include "ese-core/given.h"

#include <ctype.h>
#include <errno.h>

#include "ese-core/memory.h"

#define VALUES_LIMIT 1000
#define LINE_LIMIT 4000

void ese_given_add(struct ese_given_list *list, const char *name, const char *value,
                   const char *place)
{
    list->items = ese_realloc_array(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct ese_given){
        .name = ese_copy_text(name), .value = ese_copy_text(value), .place = ese_copy_text(place)};
}

void ese_given_clear(struct ese_given_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].value);
        free(list->items[i].place);
    }
    free(list->items);
    *list = (struct ese_given_list){.items = NULL, .count = 0};
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

static int take_line(struct ese_given_list *list, char *line, const char *path, int number,
                     struct ese_error *error)
{
    char *text = trim(line);
    if (text[0] == '\0' || text[0] == '#')
        return 0;
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return ese_fail(error, ESE_E_USAGE, "%.200s:%d: '%.60s' is no name = value", path, number,
                        text);
    if (list->count >= VALUES_LIMIT)
        return ese_fail(error, ESE_E_USAGE, "%.200s:%d: more than %d values", path, number,
                        VALUES_LIMIT);
    *equals = '\0';
    char place[300];
    snprintf(place, sizeof place, "%.200s:%d: %.60s", path, number, trim(text));
    ese_given_add(list, trim(text), trim(equals + 1), place);
    return 0;
}

static int read_lines(struct ese_given_list *list, FILE *file, const char *path,
                      struct ese_error *error)
{
    char line[LINE_LIMIT + 2];
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        if (strlen(line) > LINE_LIMIT)
            return ese_fail(error, ESE_E_USAGE, "%.200s:%d: the line is longer than %d bytes", path,
                            number, LINE_LIMIT);
        if (take_line(list, line, path, number, error) == -1)
            return -1;
    }
    if (ferror(file))
        return ese_fail_path(error, "--config", path, "a file of lines \"name = value\"");
    return 0;
}

int ese_given_read_file(struct ese_given_list *list, const char *path, struct ese_error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ese_fail_path(error, "--config", path, "a file of lines \"name = value\"");
    int result = read_lines(list, file, path, error);
    fclose(file);
    return result;
}
