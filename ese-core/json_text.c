#include "ese-core/json_text.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

size_t ese_json_character_length(const char *bytes, size_t available)
{
    const unsigned char *text = (const unsigned char *)bytes;
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        size_t length;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},          {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3},    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4},    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        if (forms[i].length > available)
            return 0;
        if (forms[i].length > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if (text[k] < 0x80 || text[k] > 0xbf)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

/* In text that ends with a NUL, which is no part of a character. */
static size_t character_length(const char *text)
{
    return ese_json_character_length(text, SIZE_MAX);
}

bool ese_json_is_utf8(const char *text)
{
    while (*text != '\0') {
        size_t length = character_length(text);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

void ese_json_make_utf8(char *text)
{
    while (*text != '\0') {
        size_t length = character_length(text);
        if (length == 0)
            *text = '?';
        text += length == 0 ? 1 : length;
    }
}

/* What stands for the character in a string, or NULL for itself. spare: room for what is made. */
static const char *escape(const unsigned char *text, size_t length, char spare[8])
{
    if (length == 0)
        return "\\ufffd";
    if (length == 3 && text[0] == 0xe2 && text[1] == 0x80 && (text[2] == 0xa8 || text[2] == 0xa9))
        return text[2] == 0xa8 ? "\\u2028" : "\\u2029";
    switch (text[0]) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '<':
    case '>':
    case '&': break;
    default:
        if (text[0] >= 0x20)
            return NULL;
    }
    snprintf(spare, 8, "\\u%04x", text[0]);
    return spare;
}

/* How many bytes at text stand for themselves in a string, whatever is around them. */
static size_t plain_length(const char *text)
{
    static const bool special[UCHAR_MAX + 1] = {
        [0 ... 0x1f] = true, ['"'] = true, ['&'] = true, ['<'] = true, ['>'] = true, ['\\'] = true,
        [0x7f ... UCHAR_MAX] = true,
    };
    size_t length = 0;
    while (!special[(unsigned char)text[length]])
        length++;
    return length;
}

/* Copies the character at text, escaped where a string needs it; returns the bytes it took. */
static size_t write_character(struct ese_buffer *buffer, const char *text)
{
    char spare[8];
    size_t length = character_length(text);
    const char *escaped = escape((const unsigned char *)text, length, spare);
    if (escaped != NULL)
        ese_buffer_text(buffer, escaped);
    else
        ese_buffer_append(buffer, text, length);
    return length == 0 ? 1 : length;
}

void ese_json_write_string(struct ese_buffer *buffer, const char *text)
{
    ese_buffer_text(buffer, "\"");
    for (;;) {
        size_t plain = plain_length(text);
        ese_buffer_append(buffer, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        if (*text == '"' || *text == '\\')
            ese_buffer_text(buffer, "\\");
        text += write_character(buffer, text);
    }
    ese_buffer_text(buffer, "\"");
}

/* Copies the string that begins at json (a quote); returns what is behind it. */
static const char *copy_string(struct ese_buffer *buffer, const char *json)
{
    ese_buffer_text(buffer, "\"");
    json++;
    for (;;) {
        size_t plain = plain_length(json);
        ese_buffer_append(buffer, json, plain);
        json += plain;
        if (*json == '\0' || *json == '"')
            break;
        if (*json == '\\' && json[1] != '\0') { /* an escape stays as it is */
            ese_buffer_append(buffer, json, 2);
            json += 2;
        } else {
            json += write_character(buffer, json);
        }
    }
    ese_buffer_text(buffer, "\"");
    return *json == '\0' ? json : json + 1;
}

void ese_json_write_compact(struct ese_buffer *buffer, const char *json)
{
    while (*json != '\0') {
        if (*json == '"') {
            json = copy_string(buffer, json);
            continue;
        }
        size_t dense = strcspn(json, "\" \t\r\n");
        ese_buffer_append(buffer, json, dense);
        json += dense;
        json += strspn(json, " \t\r\n");
    }
}

void ese_json_write_line(struct ese_buffer *buffer, int depth)
{
    static const char line[] = "\n                "; /* of the levels that are usual, in one piece */
    const int usual = (int)(sizeof line - 2) / 4;

    ese_buffer_append(buffer, line, depth < usual ? 1 + 4 * (size_t)depth : sizeof line - 1);
    for (int i = usual; i < depth; i++)
        ese_buffer_text(buffer, "    ");
}

/* Writes the bracket at json and, where nothing is between, its partner; returns what is behind. */
static const char *open_bracket(struct ese_buffer *buffer, const char *json, int *depth)
{
    const char *inside = json + 1 + strspn(json + 1, " \t\r\n");
    ese_buffer_append(buffer, json, 1);
    if (*inside == '}' || *inside == ']') {
        ese_buffer_append(buffer, inside, 1);
        return inside + 1;
    }
    ++*depth;
    ese_json_write_line(buffer, *depth);
    return inside;
}

void ese_json_write_indented(struct ese_buffer *buffer, const char *json, int depth)
{
    while (*json != '\0') {
        switch (*json) {
        case '"': json = copy_string(buffer, json); continue;
        case '{':
        case '[': json = open_bracket(buffer, json, &depth); continue;
        case '}':
        case ']':
            ese_json_write_line(buffer, --depth);
            ese_buffer_append(buffer, json, 1);
            break;
        case ',':
            ese_buffer_text(buffer, ",");
            ese_json_write_line(buffer, depth);
            break;
        case ':': ese_buffer_text(buffer, ": "); break;
        case ' ':
        case '\t':
        case '\r':
        case '\n': break;
        default: ese_buffer_append(buffer, json, 1);
        }
        json++;
    }
}
