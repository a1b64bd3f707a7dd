/* A file of options, and the same lines as words of a command. What is settled is in the bounds of its table. */
#include <sys/mman.h>
#include <unistd.h>

#include "ese-core/config.h"
#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_MOST 32

static const struct ese_option table[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "Which."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .choices = "max", .min = 1, .max = 1000,
     .fallback = "10", .help = "How many."},
    {.name = "below-zero", .kind = ESE_OPTION_NUMBER, .value = "N", .min = INT64_MIN, .max = -1, .help = "How few."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .choices = "os|disk", .fallback = "os", .help = "How safe."},
    {.name = "json", .letter = 'j', .kind = ESE_OPTION_FLAG, .help = "As JSON."},
    {.name = "long-poll", .kind = ESE_OPTION_FLAG, .fallback = "true", .help = "Wait there."},
    {.name = "property", .letter = 'X', .kind = ESE_OPTION_LIST, .value = "KEY=VALUE", .help = "Passed on."},
    {.name = "help", .kind = ESE_OPTION_FLAG, .command_line_only = true, .help = "Help."},
    ESE_OPTION_END,
};

/* What somebody reads of it, and that it fits. */
static void look(const struct ese_config *config)
{
    const char *rate = ese_config_text(config, "rate");
    const char *durability = ese_config_text(config, "durability");
    const char *transport = ese_config_text(config, "transport");
    ESE_HOLDS(strcmp(rate, "max") == 0 ||
              (ese_config_number(config, "rate") >= 1 && ese_config_number(config, "rate") <= 1000));
    ESE_HOLDS(!ese_config_has(config, "below-zero") || ese_config_number(config, "below-zero") < 0);
    ESE_HOLDS(ese_option_has_choice("os|disk", durability));
    ESE_HOLDS(transport == NULL || transport[0] != '\0');
    ese_config_flag(config, "json");
    ese_config_flag(config, "long-poll");
    for (int i = 0; ese_config_item(config, "property", i) != NULL; i++)
        ESE_HOLDS(strchr(ese_config_item(config, "property", i), '\n') == NULL);
    for (int i = 0; ese_config_argument(config, i) != NULL; i++)
        ESE_HOLDS(i < WORDS_MOST);
}

static void settle(struct ese_config *config)
{
    struct ese_error error;
    ese_config_peek(config, "transport");
    ese_config_peek(config, "property");
    if (ese_config_settle(config, &error) == 0)
        look(config);
    else
        ESE_HOLDS(error.code == ESE_E_USAGE && error.text[0] != '\0');
    ese_config_free(&config);
}

static struct ese_config *begin(void)
{
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options", table);
    return config;
}

static void read_file(const uint8_t *bytes, size_t length)
{
    char path[64];
    struct ese_config *config = begin();
    int fd = memfd_create("config", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ESE_HOLDS(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    if (ese_config_give_file(config, path, NULL) == 0)
        settle(config);
    else
        ese_config_free(&config);
    close(fd);
}

static void read_words(const uint8_t *bytes, size_t length)
{
    char *words[WORDS_MOST], *text = ese_alloc(length + 1), *place = text;
    int count = 0;
    struct ese_config *config = begin();
    if (length > 0)
        memcpy(text, bytes, length);
    while (count < WORDS_MOST && place != NULL)
        words[count++] = strsep(&place, "\n");
    ese_config_give_arguments(config, count, words);
    settle(config);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length > 0)
        read_file(bytes, length);
    read_words(bytes, length);
    return 0;
}
