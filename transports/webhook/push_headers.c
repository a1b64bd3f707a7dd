#include "transports/webhook/push_headers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"

static const char *const reserved[] = {
    "connection", "content-length",    "expect", "host",    "keep-alive", "proxy-connection",
    "te",         "transfer-encoding", "trailer", "upgrade",
};

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < ESE_COUNT_OF(reserved); i++) {
        if (strcasecmp(name, reserved[i]) == 0)
            return true;
    }
    return false;
}

static bool is_token(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (!isascii((unsigned char)*c) || (!isalnum((unsigned char)*c) && strchr("!#$%&'*+-.^_`|~", *c) == NULL))
            return false;
    }
    return *name != '\0';
}

static bool is_value(const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
    }
    return true;
}

/* A text; null is an empty one, as Go reads it. NULL: it is neither. */
static const char *text_of(const json_t *value)
{
    return json_is_null(value) ? "" : json_string_value(value);
}

static int check(const char *name, const char *value, struct ese_error *error)
{
    if (value == NULL)
        return ese_fail(error, ESE_E_INVALID, "Headers must be a JSON object with key being name of HTTP header");
    if (!is_token(name))
        return ese_fail(error, ESE_E_INVALID, "headers: a name has letters, digits and none but !#$%%&'*+-.^_`|~ "
                                              "beside them");
    if (!is_value(value))
        return ese_fail(error, ESE_E_INVALID, "headers: the value of '%.80s' has a control character", name);
    return 0;
}

/* Whether another of that name stands behind it. */
static bool comes_again(json_t *object, void *place)
{
    const char *name = json_object_iter_key(place);

    while ((place = json_object_iter_next(object, place)) != NULL) {
        if (strcasecmp(json_object_iter_key(place), name) == 0)
            return true;
    }
    return false;
}

/* libcurl takes a line that ends with the colon for "without this header", and a semicolon for an empty one. */
static void write_line(struct ese_buffer *lines, const char *name, const char *value)
{
    value += strspn(value, " \t");
    if (*value == '\0')
        ese_buffer_printf(lines, "%s;\n", name);
    else
        ese_buffer_printf(lines, "%s: %s\n", name, value);
}

static int write_lines(json_t *object, struct ese_buffer *lines, struct ese_error *error)
{
    for (void *place = json_object_iter(object); place != NULL; place = json_object_iter_next(object, place)) {
        const char *name = json_object_iter_key(place);
        const char *value = text_of(json_object_iter_value(place));
        if (check(name, value, error) != 0)
            return -1;
        if (!is_reserved(name) && !comes_again(object, place))
            write_line(lines, name, value);
    }
    return 0;
}

int ese_webhook_headers_parse(const char *json, struct ese_webhook_headers *headers, struct ese_error *error)
{
    struct ese_buffer lines = ESE_BUFFER_INIT(SIZE_MAX);
    int result = -1;

    headers->lines = NULL;
    if (strlen(json) > ESE_WEBHOOK_HEADERS_BYTES)
        return ese_fail(error, ESE_E_INVALID, "headers: more than %d bytes", ESE_WEBHOOK_HEADERS_BYTES);
    json_t *object = json[0] != '\0' ? json_loads(json, JSON_DECODE_ANY, NULL) : json_null();
    if (json_object_size(object) > ESE_WEBHOOK_HEADERS_MOST)
        ese_fail(error, ESE_E_INVALID, "headers: more than %d", ESE_WEBHOOK_HEADERS_MOST);
    else if (json_is_object(object))
        result = write_lines(object, &lines, error);
    else if (json_is_null(object))
        result = 0;
    else
        check("", NULL, error);
    json_decref(object);
    if (result == 0)
        headers->lines = ese_buffer_detach(&lines);
    ese_buffer_free(&lines);
    return result;
}

void ese_webhook_headers_clear(struct ese_webhook_headers *headers)
{
    free(headers->lines);
    headers->lines = NULL;
}

bool ese_webhook_headers_have(const struct ese_webhook_headers *headers, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = headers->lines; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
        if (strncasecmp(line, name, length) == 0 && (line[length] == ':' || line[length] == ';'))
            return true;
    }
    return false;
}
