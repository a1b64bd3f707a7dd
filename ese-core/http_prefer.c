#include "ese-core/http_prefer.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* Of an element of the list, "name = value; parameters"; without the blanks around them, and a value's quotes. */
struct preference {
    const char *name, *value;
    size_t name_length, value_length;
};

/* The first of these outside of quotes, or the end. */
static const char *find(const char *text, const char *wanted)
{
    for (bool quoted = false; *text != '\0'; text++) {
        if (*text == '"')
            quoted = !quoted;
        else if (quoted && *text == '\\' && text[1] != '\0')
            text++;
        else if (!quoted && strchr(wanted, *text) != NULL)
            break;
    }
    return text;
}

static size_t trim(const char **begin, const char *end)
{
    while (*begin < end && strchr(BLANKS, **begin) != NULL)
        (*begin)++;
    while (end > *begin && strchr(BLANKS, end[-1]) != NULL)
        end--;
    return (size_t)(end - *begin);
}

/* A word that needs no quotes may have them. */
static void unquote(struct preference *preference)
{
    const char *value = preference->value;
    if (preference->value_length < 2 || value[0] != '"' || value[preference->value_length - 1] != '"')
        return;
    preference->value++;
    preference->value_length -= 2;
}

/* Returns where the next one begins, or NULL. */
static const char *read(const char *text, struct preference *preference)
{
    const char *end = find(text, ",;"), *equals = find(text, ",;=");
    *preference = (struct preference){.name = text, .value = *equals == '=' ? equals + 1 : end};
    preference->name_length = trim(&preference->name, equals);
    preference->value_length = trim(&preference->value, end);
    unquote(preference);
    end = find(end, ",");
    return *end == ',' ? end + 1 : NULL;
}

bool ese_http_prefers_minimal(const char *field)
{
    static const char name[] = "return", value[] = "minimal";
    struct preference preference;
    while (field != NULL) {
        field = read(field, &preference);
        if (preference.name_length == strlen(name) && strncasecmp(preference.name, name, strlen(name)) == 0)
            return preference.value_length == strlen(value) &&
                   strncmp(preference.value, value, strlen(value)) == 0;
    }
    return false;
}
