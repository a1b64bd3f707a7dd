#include "orchestration/lab/preset.h"

#include "ese-core/memory.h"

struct value {
    const char *option;
    const char *value;
};

struct ese_preset {
    const char *name;
    const struct value *values; /* what is not compare's default; ends with a NULL */
    bool is_of_careful;
    void (*say)(const struct ese_results *results, struct ese_buffer *text);
};

/* One reader gets through 250 events a second, three through 750: so that the one falls behind, and three keep up also
 * while members are away. */
static const struct value share_work[] = {{"consumers", "3"}, {"rule-cost-us", "4000"}, {"rate", "420"},
                                          {"duration", "60"}, {"fault", "members-down"}, {NULL, NULL}};
static const struct value bad_day[] = {{NULL, NULL}};
static const struct value quiet_shop[] = {{"rate", "10"}, {"fault", "none"}, {NULL, NULL}};
/* As many callers as there are in a busy minute, and nothing that is not about the answer. */
static const struct value answer_now[] = {{"rate", "100"}, {"fault", "none"}, {NULL, NULL}};

static const struct ese_preset presets[] = {
    {.name = "share-work", .values = share_work, .is_of_careful = true, .say = ese_say_share_work},
    {.name = "bad-day", .values = bad_day, .is_of_careful = false, .say = ese_say_bad_day},
    {.name = "quiet-shop", .values = quiet_shop, .is_of_careful = true, .say = ese_say_quiet_shop},
    {.name = "answer-now", .values = answer_now, .is_of_careful = true, .say = ese_say_answer_now},
};

const struct ese_preset *ese_preset_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < ESE_COUNT_OF(presets); i++) {
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}

void ese_preset_give(const struct ese_preset *preset, struct ese_config *config)
{
    for (const struct value *value = preset->values; value->option != NULL; value++) {
        if (ese_config_peek(config, value->option) == NULL)
            ese_config_give(config, value->option, value->value);
    }
}

const char *ese_preset_value(const struct ese_preset *preset, const char *option)
{
    const struct value *value = preset == NULL ? NULL : preset->values;
    while (value != NULL && value->option != NULL && strcmp(value->option, option) != 0)
        value++;
    return value == NULL ? NULL : value->value;
}

bool ese_preset_is_of_careful(const struct ese_preset *preset)
{
    return preset->is_of_careful;
}

void ese_preset_say(const struct ese_preset *preset, const struct ese_results *results, struct ese_buffer *text)
{
    preset->say(results, text);
}
