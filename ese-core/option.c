#include "ese-core/option.h"

#include <assert.h>

#define NAME_LIMIT 64 /* longer words are no misspelt names */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* How many letters must be put in, taken out or exchanged to make `to` of `from` (Levenshtein). */
static size_t distance(const char *from, const char *to)
{
    size_t row[NAME_LIMIT + 1];
    size_t length = strlen(to);
    for (size_t i = 0; i <= length; i++)
        row[i] = i;
    for (size_t i = 0; from[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t exchanged = diagonal + (from[i] != to[j]);
            diagonal = row[j + 1];
            row[j + 1] = smallest(exchanged, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[length];
}

static void check(const struct ese_option *option)
{
    assert(strlen(option->name) < NAME_LIMIT);
    assert(option->help != NULL);
    assert(option->kind != ESE_OPTION_NUMBER || option->min < option->max);
    assert(option->kind != ESE_OPTION_CHOICE || option->choices != NULL);
    assert((option->kind == ESE_OPTION_FLAG || option->kind == ESE_OPTION_CHOICE) ||
           option->value != NULL);
    (void)option;
}

const struct ese_option *ese_option_find(const struct ese_option *table, const char *name)
{
    const struct ese_option *option = table;
    for (; option != NULL && option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

void ese_options_add(struct ese_options *options, const char *heading,
                     const struct ese_option *table)
{
    assert(options->count < ESE_OPTION_TABLES);
    for (const struct ese_option *option = table; option->name != NULL; option++)
        check(option);
    options->tables[options->count].heading = heading;
    options->tables[options->count].table = table;
    options->count++;
}

const struct ese_option *ese_options_find(const struct ese_options *options, const char *name)
{
    const struct ese_option *option = NULL;
    for (int i = 0; i < options->count && option == NULL; i++)
        option = ese_option_find(options->tables[i].table, name);
    return option;
}

const struct ese_option *ese_options_find_letter(const struct ese_options *options, char letter)
{
    for (int i = 0; i < options->count; i++) {
        const struct ese_option *option = options->tables[i].table;
        for (; option->name != NULL; option++) {
            if (option->letter != '\0' && option->letter == letter)
                return option;
        }
    }
    return NULL;
}

const char *ese_options_nearest(const struct ese_options *options, const char *name)
{
    const char *nearest = NULL;
    size_t least = strlen(name) < 6 ? 2 : 3; /* nearer than this: a short word is soon another */
    if (strlen(name) >= NAME_LIMIT)
        return NULL;
    for (int i = 0; i < options->count; i++) {
        const struct ese_option *option = options->tables[i].table;
        for (; option->name != NULL; option++) {
            size_t away = distance(name, option->name);
            if (away < least) {
                least = away;
                nearest = option->name;
            }
        }
    }
    return nearest;
}

bool ese_option_has_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    while (choices != NULL && *choices != '\0') {
        size_t choice = strcspn(choices, "|");
        if (choice == length && strncmp(choices, word, length) == 0)
            return true;
        choices += choice + (choices[choice] == '|');
    }
    return false;
}
