#include "transports/webhook/json_members.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) != NULL && *at != '\0')
        at++;
    return at;
}

/* Behind the quote that ends the string which begins at `at`. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

/* Behind the value, which ends where its brackets are closed, or before what cannot belong to a number or a word. */
static const char *skip_value(const char *at, const char *end)
{
    int depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
        } else if (depth == 0 && strchr(",}] \t\r\n", *at) != NULL) {
            break;
        } else {
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
            at++;
        }
        if (depth == 0 && (at[-1] == '}' || at[-1] == ']' || at[-1] == '"'))
            break;
    }
    return at;
}

const char *ese_webhook_json_member(const char *text, size_t length, const char *name, size_t *value_length)
{
    const char *end = text + length, *at = skip_blanks(text, end), *found = NULL;

    if (at == end || *at != '{')
        return NULL;
    for (at = skip_blanks(at + 1, end); at < end && *at == '"'; at = skip_blanks(at, end)) {
        const char *key = at + 1;
        at = skip_string(at, end);
        bool is_it = (size_t)(at - 1 - key) == strlen(name) && strncasecmp(key, name, strlen(name)) == 0;
        at = skip_blanks(skip_blanks(at, end) + 1, end); /* the colon */
        const char *value = at;
        at = skip_value(at, end);
        if (is_it) {
            found = value;
            *value_length = (size_t)(at - value);
        }
        at = skip_blanks(at, end) + 1; /* the comma, or the brace that ends it */
    }
    return found;
}
