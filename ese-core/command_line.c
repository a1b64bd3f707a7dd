#include "ese-core/command_line.h"

static int unknown(const struct ese_command_line *line, const char *name, struct ese_error *error)
{
    const char *nearest = ese_options_nearest(line->options, name);
    if (nearest == NULL)
        return ese_fail(error, ESE_E_USAGE, "unknown option --%.60s", name);
    return ese_fail(error, ESE_E_USAGE, "unknown option --%.60s, did you mean --%s?", name,
                    nearest);
}

/* The value is the next word, unless that looks like an option: then it was forgotten. */
static int take_next_word(struct ese_command_line *line, const char *name,
                          struct ese_command_word *word, struct ese_error *error)
{
    const char *next = line->at < line->count ? line->words[line->at] : NULL;
    if (next == NULL)
        return ese_fail(error, ESE_E_USAGE, "--%s needs a value: --%s %s", name, name,
                        word->option->value != NULL ? word->option->value : word->option->choices);
    if (strncmp(next, "--", 2) == 0)
        return ese_fail(error, ESE_E_USAGE,
                        "--%s needs a value before %.60s; if that is the value, write --%s=%.60s",
                        name, next, name, next);
    word->value = next;
    line->at++;
    return 1;
}

/* "no-NAME" where NAME is a flag. */
static const struct ese_option *find_negated(const struct ese_command_line *line, const char *name)
{
    if (strncmp(name, "no-", 3) != 0)
        return NULL;
    const struct ese_option *option = ese_options_find(line->options, name + 3);
    return option != NULL && option->kind == ESE_OPTION_FLAG ? option : NULL;
}

static int read_name(struct ese_command_line *line, const char *text, struct ese_command_word *word,
                     struct ese_error *error)
{
    char name[80];
    size_t length = strcspn(text, "=");
    const char *attached = text[length] == '=' ? text + length + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name), text);
    word->option = ese_options_find(line->options, name);
    word->value = attached;
    if (word->option == NULL) {
        word->option = find_negated(line, name);
        if (word->option == NULL)
            return unknown(line, name, error);
        if (attached != NULL)
            return ese_fail(error, ESE_E_USAGE, "--%s takes no value, write --%s", name, name);
        word->value = "false";
    }
    if (word->value == NULL && word->option->kind == ESE_OPTION_FLAG)
        word->value = "true";
    return word->value != NULL ? 1 : take_next_word(line, name, word, error);
}

static int read_letter(struct ese_command_line *line, const char *text,
                       struct ese_command_word *word, struct ese_error *error)
{
    word->option = ese_options_find_letter(line->options, text[0]);
    if (word->option == NULL)
        return ese_fail(error, ESE_E_USAGE, "unknown option -%.60s", text);
    if (word->option->kind == ESE_OPTION_FLAG) {
        word->value = "true";
        return text[1] == '\0' ? 1 : ese_fail(error, ESE_E_USAGE, "-%c takes no value, not '%.60s'",
                                              text[0], text + 1);
    }
    word->value = text + 1;
    return text[1] != '\0' ? 1 : take_next_word(line, word->option->name, word, error);
}

int ese_command_line_next(struct ese_command_line *line, struct ese_command_word *word,
                          struct ese_error *error)
{
    if (line->at < line->count && !line->options_over && strcmp(line->words[line->at], "--") == 0) {
        line->options_over = true;
        line->at++;
    }
    if (line->at >= line->count)
        return 0;
    const char *text = line->words[line->at++];
    if (line->options_over || text[0] != '-' || text[1] == '\0') {
        *word = (struct ese_command_word){.option = NULL, .value = text};
        return 1;
    }
    return text[1] == '-' ? read_name(line, text + 2, word, error)
                          : read_letter(line, text + 1, word, error);
}
