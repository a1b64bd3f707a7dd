#include "ese-core/config.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>

#include "ese-core/buffer.h"
#include "ese-core/command_line.h"
#include "ese-core/given.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"

#define VALUE_LIMIT (64 * 1024) /* bytes; a list counts as a whole */
#define PLACE_SIZE 300

typedef char place_text[PLACE_SIZE]; /* where a value stood: "--rate", "lab.conf:7: rate" */

/* What settle fixed for one option. */
struct setting {
    const struct ese_option *option;
    char *text;  /* NULL: absent */
    char *items; /* of a list: the text with NULs for newlines */
    size_t length;
    bool is_number;
    int64_t number;
};

struct ese_config {
    struct ese_options options;
    char **words;
    int word_count;
    struct ese_given_list program;
    struct ese_given_list file;
    struct setting *settings; /* NULL until settled */
    size_t setting_count;
};

struct ese_config *ese_config_new(void)
{
    return ese_alloc(sizeof(struct ese_config));
}

void ese_config_free(struct ese_config **config)
{
    if (*config == NULL)
        return;
    for (size_t i = 0; i < (*config)->setting_count; i++) {
        free((*config)->settings[i].text);
        free((*config)->settings[i].items);
    }
    free((*config)->settings);
    ese_given_clear(&(*config)->program);
    ese_given_clear(&(*config)->file);
    free(*config);
    *config = NULL;
}

void ese_config_add(struct ese_config *config, const char *heading, const struct ese_option *table)
{
    assert(config->settings == NULL);
    ese_options_add(&config->options, heading, table);
}

void ese_config_give_arguments(struct ese_config *config, int count, char **words)
{
    config->words = words;
    config->word_count = count;
}

int ese_config_give_file(struct ese_config *config, const char *path, struct ese_error *error)
{
    return ese_given_read_file(&config->file, path, error);
}

static void name_place(place_text place, const char *name)
{
    snprintf(place, PLACE_SIZE, "option '%.60s'", name);
}

void ese_config_give(struct ese_config *config, const char *name, const char *value)
{
    place_text place;
    name_place(place, name);
    ese_given_add(&config->program, name, value, place);
}

const struct ese_options *ese_config_options(const struct ese_config *config)
{
    return &config->options;
}

/* ---- sources: each hands out the i-th value it has for an option, or NULL, and its place ----- */

static const char *from_words(const struct ese_config *config, const struct ese_option *option,
                              int i, place_text place)
{
    struct ese_command_line line = {
        .options = &config->options, .words = config->words, .count = config->word_count};
    struct ese_command_word word;
    int result;
    snprintf(place, PLACE_SIZE, "--%s", option->name);
    while ((result = ese_command_line_next(&line, &word, NULL)) != 0) {
        if (result == 1 && word.option == option && i-- == 0)
            return word.value;
    }
    return NULL;
}

static const char *from_list(const struct ese_given_list *list, const struct ese_option *option,
                             int i, place_text place)
{
    for (size_t k = 0; k < list->count; k++) {
        const struct ese_given *given = &list->items[k];
        if (strcmp(given->name, option->name) == 0 && i-- == 0) {
            snprintf(place, PLACE_SIZE, "%s", given->place);
            return given->value;
        }
    }
    return NULL;
}

static const char *from_program(const struct ese_config *config, const struct ese_option *option,
                                int i, place_text place)
{
    return from_list(&config->program, option, i, place);
}

static const char *from_environment(const struct ese_config *config,
                                    const struct ese_option *option, int i, place_text place)
{
    (void)config;
    snprintf(place, PLACE_SIZE, "ESE_%s", option->name);
    for (char *c = place; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    const char *value = i == 0 && !option->command_line_only ? getenv(place) : NULL;
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *from_file(const struct ese_config *config, const struct ese_option *option,
                             int i, place_text place)
{
    return option->command_line_only ? NULL : from_list(&config->file, option, i, place);
}

static const char *from_table(const struct ese_config *config, const struct ese_option *option,
                              int i, place_text place)
{
    (void)config;
    snprintf(place, PLACE_SIZE, "the default of --%s", option->name);
    return i == 0 ? option->fallback : NULL;
}

typedef const char *source(const struct ese_config *config, const struct ese_option *option, int i,
                           place_text place);
static source *const sources[] = {from_words, from_program, from_environment, from_file,
                                  from_table};
static const size_t given_sources = ESE_COUNT_OF(sources) - 1; /* all but the default */

const char *ese_config_peek(const struct ese_config *config, const char *name)
{
    const struct ese_option *option = ese_options_find(&config->options, name);
    const char *last = NULL;
    place_text place;
    for (size_t s = 0; option != NULL && s < given_sources && last == NULL; s++) {
        const char *value;
        for (int i = 0; (value = sources[s](config, option, i, place)) != NULL; i++)
            last = value;
    }
    return last;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static int check_number(const struct ese_option *option, const char *text, const char *place,
                        int64_t *number, struct ese_error *error)
{
    if (ese_number_parse(text, place, option->min, option->max, number, NULL) == 0)
        return 0;
    const char *words = option->choices != NULL ? option->choices : "";
    return ese_fail(error, ESE_E_USAGE,
                    "%s: '%.60s' is wrong, give a whole number from %" PRId64 " to %" PRId64 "%s%s",
                    place, text, option->min, option->max, words[0] != '\0' ? " or " : "", words);
}

/* An empty value is a variable that was not set, never what somebody means. */
static int fail_empty(const struct ese_option *option, const char *place, struct ese_error *error)
{
    return ese_fail(error, ESE_E_USAGE, "%s: the value is empty, give %s or leave it away", place,
                    option->value != NULL ? option->value : "one");
}

static int check(struct setting *setting, const char *text, const char *place,
                 struct ese_error *error)
{
    const struct ese_option *option = setting->option;
    if ((option->kind == ESE_OPTION_TEXT || option->kind == ESE_OPTION_LIST) && text[0] == '\0')
        return fail_empty(option, place, error);
    if (option->kind == ESE_OPTION_NUMBER) {
        setting->is_number = !ese_option_has_choice(option->choices, text);
        return setting->is_number ? check_number(option, text, place, &setting->number, error) : 0;
    }
    const char *choices = option->kind == ESE_OPTION_FLAG     ? "true|false"
                          : option->kind == ESE_OPTION_CHOICE ? option->choices
                                                              : NULL;
    if (choices != NULL && !ese_option_has_choice(choices, text))
        return ese_fail(error, ESE_E_USAGE, "%s: '%.60s' is wrong, give one of %s", place, text,
                        choices);
    return 0;
}

static int check_words(const struct ese_config *config, struct ese_error *error)
{
    struct ese_command_line line = {
        .options = &config->options, .words = config->words, .count = config->word_count};
    struct ese_command_word word;
    int result;
    while ((result = ese_command_line_next(&line, &word, error)) == 1)
        ;
    return result;
}

static int unknown_name(const struct ese_config *config, const char *name, const char *place, struct ese_error *error)
{
    const char *nearest = ese_options_nearest(&config->options, name);
    if (nearest == NULL)
        return ese_fail(error, ESE_E_USAGE, "%s: no such option here", place);
    return ese_fail(error, ESE_E_USAGE, "%s: no such option here, did you mean %s?", place, nearest);
}

int ese_config_check(const struct ese_config *config, const char *name, const char *value, struct ese_error *error)
{
    place_text place;
    struct setting setting = {.option = ese_options_find(&config->options, name)};
    name_place(place, name);
    return setting.option != NULL ? check(&setting, value, place, error) : unknown_name(config, name, place, error);
}

static int check_names(const struct ese_config *config, const struct ese_given_list *list,
                       bool is_file, struct ese_error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct ese_given *given = &list->items[i];
        const struct ese_option *option = ese_options_find(&config->options, given->name);
        if (option == NULL)
            return unknown_name(config, given->name, given->place, error);
        if (is_file && option->command_line_only)
            return ese_fail(error, ESE_E_USAGE, "%s: give it on the command line, as --%s",
                            given->place, option->name);
    }
    return 0;
}

/* ---- settling -------------------------------------------------------------------------------- */

static void join(struct ese_buffer *text, const struct ese_option *option, int i, const char *value)
{
    if (option->kind != ESE_OPTION_LIST)
        ese_buffer_clear(text); /* the last one counts */
    else if (i > 0)
        ese_buffer_text(text, "\n");
    ese_buffer_text(text, value);
}

static void keep(struct setting *setting, struct ese_buffer *text)
{
    setting->length = text->length;
    setting->text = ese_buffer_detach(text);
    if (setting->option->kind != ESE_OPTION_LIST)
        return;
    setting->items = ese_copy_text(setting->text);
    for (char *c = setting->items; (c = strchr(c, '\n')) != NULL; c++)
        *c = '\0';
}

/* Takes the value from the strongest source that has one. */
static int settle_one(const struct ese_config *config, struct setting *setting,
                      struct ese_error *error)
{
    for (size_t s = 0; s < ESE_COUNT_OF(sources); s++) {
        struct ese_buffer text = ESE_BUFFER_INIT(VALUE_LIMIT);
        place_text place;
        const char *value;
        int i = 0;
        while ((value = sources[s](config, setting->option, i, place)) != NULL) {
            if (check(setting, value, place, error) == -1) {
                ese_buffer_free(&text);
                return -1;
            }
            join(&text, setting->option, i++, value);
        }
        bool overflowed = text.overflowed;
        if (i > 0)
            keep(setting, &text);
        if (overflowed)
            return ese_fail(error, ESE_E_USAGE, "%s: longer than %d bytes, give less", place,
                            VALUE_LIMIT);
        if (i > 0)
            return 0;
    }
    return 0;
}

static void add_settings(struct ese_config *config)
{
    config->settings = ese_alloc(sizeof *config->settings); /* not NULL, even without options */
    for (int t = 0; t < config->options.count; t++) {
        const struct ese_option *option = config->options.tables[t].table;
        for (; option->name != NULL; option++) {
            if (ese_options_find(&config->options, option->name) != option)
                continue;
            config->settings = ese_realloc_array(config->settings, config->setting_count + 1,
                                                 sizeof *config->settings);
            config->settings[config->setting_count++] = (struct setting){.option = option};
        }
    }
}

int ese_config_settle(struct ese_config *config, struct ese_error *error)
{
    assert(config->settings == NULL);
    if (check_words(config, error) == -1 ||
        check_names(config, &config->program, false, error) == -1 ||
        check_names(config, &config->file, true, error) == -1)
        return -1;
    add_settings(config);
    for (size_t i = 0; i < config->setting_count; i++) {
        if (settle_one(config, &config->settings[i], error) == -1)
            return -1;
    }
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static const struct setting *find(const struct ese_config *config, const char *name)
{
    assert(config->settings != NULL);
    for (size_t i = 0; i < config->setting_count; i++) {
        if (strcmp(config->settings[i].option->name, name) == 0)
            return &config->settings[i];
    }
    return NULL;
}

static const struct setting *get(const struct ese_config *config, const char *name)
{
    const struct setting *setting = find(config, name);
    assert(setting != NULL);
    return setting;
}

const char *ese_config_text(const struct ese_config *config, const char *name)
{
    return get(config, name)->text;
}

int64_t ese_config_number(const struct ese_config *config, const char *name)
{
    const struct setting *setting = get(config, name);
    assert(setting->is_number);
    return setting->number;
}

bool ese_config_flag(const struct ese_config *config, const char *name)
{
    const struct setting *setting = get(config, name);
    assert(setting->option->kind == ESE_OPTION_FLAG);
    return setting->text != NULL && strcmp(setting->text, "true") == 0;
}

bool ese_config_has(const struct ese_config *config, const char *name)
{
    const struct setting *setting = find(config, name);
    return setting != NULL && setting->text != NULL;
}

const char *ese_config_item(const struct ese_config *config, const char *name, int i)
{
    const struct setting *setting = get(config, name);
    assert(setting->option->kind == ESE_OPTION_LIST);
    if (setting->items == NULL)
        return NULL;
    const char *item = setting->items;
    const char *end = setting->items + setting->length;
    for (; i > 0 && item <= end; i--)
        item += strlen(item) + 1;
    return item <= end ? item : NULL;
}

const char *ese_config_argument(const struct ese_config *config, int i)
{
    struct ese_command_line line = {
        .options = &config->options, .words = config->words, .count = config->word_count};
    struct ese_command_word word;
    int result;
    while ((result = ese_command_line_next(&line, &word, NULL)) != 0) {
        if (result == 1 && word.option == NULL && i-- == 0)
            return word.value;
    }
    return NULL;
}
