#include "ese-core/json_scan.h"

#include <string.h>

#include "ese-core/json_text.h"

#define DIGITS_MOST 18 /* whatever they are, 64 bits hold the number */

bool ese_json_slice_equal(const struct ese_json_slice *a, const struct ese_json_slice *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\n' || character == '\t' || character == '\r';
}

static void pass_blanks(struct ese_json_scan *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at))
        scan->at++;
}

bool ese_json_scan_pass(struct ese_json_scan *scan, char character)
{
    pass_blanks(scan);
    bool is_there = scan->at < scan->end && *scan->at == character;
    scan->at += is_there;
    return is_there;
}

bool ese_json_scan_ends(struct ese_json_scan *scan)
{
    pass_blanks(scan);
    return scan->at == scan->end;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* What both stand for, by what follows the backslash; the slash is missing, as nobody writes it escaped. */
static const char meant[UINT8_MAX + 1] = {
    ['"'] = '"', ['\\'] = '\\', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};

/* Eight bytes at once: whether each stands for itself in a string. Of a word's byte the upper bit is set by
 * (word - 0x01..) & ~word where the byte is 0, and by (word - 0x20..) & ~word where it is below 0x20; a byte
 * of 0x80 and more has it anyhow. */
static bool are_plain(const char *text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t word;
    memcpy(&word, text, sizeof word);
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    uint64_t special = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                       ((word - ones * 0x20) & ~word) | word;
    return (special & high) == 0;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void pass_plain(struct ese_json_scan *scan)
{
    while (scan->end - scan->at >= (ptrdiff_t)sizeof(uint64_t) && are_plain(scan->at))
        scan->at += sizeof(uint64_t);
    while (scan->at < scan->end && is_plain((unsigned char)*scan->at))
        scan->at++;
}

static bool pass_escape(struct ese_json_scan *scan)
{
    if (scan->end - scan->at < 2 || meant[(unsigned char)scan->at[1]] == '\0')
        return false;
    scan->at += 2;
    return true;
}

/* A character of several bytes. */
static bool pass_wide(struct ese_json_scan *scan)
{
    size_t length = ese_json_character_length(scan->at, (size_t)(scan->end - scan->at));
    scan->at += length;
    return length > 1;
}

bool ese_json_scan_string(struct ese_json_scan *scan, struct ese_json_slice *string)
{
    if (!ese_json_scan_pass(scan, '"'))
        return false;
    string->text = scan->at;
    for (;;) {
        pass_plain(scan);
        if (scan->at == scan->end)
            return false;
        if (*scan->at == '"')
            break;
        if (*scan->at == '\\' ? !pass_escape(scan) : !pass_wide(scan))
            return false;
    }
    string->length = (size_t)(scan->at - string->text);
    scan->at++;
    return true;
}

static bool has_escapes(const struct ese_json_slice *string)
{
    return memchr(string->text, '\\', string->length) != NULL;
}

bool ese_json_scan_plain(struct ese_json_scan *scan, struct ese_json_slice *string)
{
    return ese_json_scan_string(scan, string) && !has_escapes(string);
}

bool ese_json_scan_name(struct ese_json_scan *scan, struct ese_json_slice *name)
{
    return ese_json_scan_plain(scan, name) && ese_json_scan_pass(scan, ':');
}

size_t ese_json_slice_unescape(const struct ese_json_slice *slice, char *to)
{
    char *begin = to;
    const char *at = slice->text, *end = at + slice->length;
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((backslash != NULL ? backslash : end) - at);
        memcpy(to, at, plain);
        to += plain;
        at += plain;
        if (backslash != NULL) {
            *to++ = meant[(unsigned char)at[1]];
            at += 2;
        }
    }
    *to = '\0';
    return (size_t)(to - begin);
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_digit(const struct ese_json_scan *scan)
{
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

/* Not -0, which no integer is. */
bool ese_json_scan_integer(struct ese_json_scan *scan, int64_t *number)
{
    bool negative = ese_json_scan_pass(scan, '-');
    const char *begin = scan->at;
    *number = 0;
    while (is_digit(scan) && scan->at - begin < DIGITS_MOST)
        *number = *number * 10 + (*scan->at++ - '0');
    ptrdiff_t digits = scan->at - begin;
    if (digits == 0 || (*begin == '0' && (digits > 1 || negative)))
        return false;
    if (negative)
        *number = -*number;
    return true;
}

static bool pass_word(struct ese_json_scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static bool pass_value(struct ese_json_scan *scan, int levels, struct ese_json_slice *string);

static bool pass_array(struct ese_json_scan *scan, int levels)
{
    struct ese_json_slice unused;
    if (levels == 0)
        return false;
    scan->at++;
    if (ese_json_scan_pass(scan, ']'))
        return true;
    do {
        if (!pass_value(scan, levels - 1, &unused))
            return false;
    } while (ese_json_scan_pass(scan, ','));
    return ese_json_scan_pass(scan, ']');
}

static bool is_behind(const struct ese_json_slice *name, const struct ese_json_slice *before)
{
    size_t shorter = name->length < before->length ? name->length : before->length;
    int order = memcmp(name->text, before->text, shorter);
    return order > 0 || (order == 0 && name->length > before->length);
}

static bool pass_object(struct ese_json_scan *scan, int levels, const struct ese_json_slice *wanted,
                        struct ese_json_slice *member)
{
    struct ese_json_slice name, before = {.text = NULL}, string;
    if (levels == 0)
        return false;
    scan->at++;
    if (ese_json_scan_pass(scan, '}'))
        return true;
    do {
        if (!ese_json_scan_name(scan, &name) || (before.text != NULL && !is_behind(&name, &before)) ||
            !pass_value(scan, levels - 1, &string))
            return false;
        if (wanted != NULL && ese_json_slice_equal(&name, wanted))
            *member = string;
        before = name;
    } while (ese_json_scan_pass(scan, ','));
    return ese_json_scan_pass(scan, '}');
}

/* string: what it is, if it is one, else its text is NULL. */
static bool pass_value(struct ese_json_scan *scan, int levels, struct ese_json_slice *string)
{
    int64_t unused;
    *string = (struct ese_json_slice){.text = NULL};
    pass_blanks(scan);
    if (scan->at == scan->end)
        return false;
    switch (*scan->at) {
    case '"': return ese_json_scan_string(scan, string);
    case '{': return pass_object(scan, levels, NULL, NULL);
    case '[': return pass_array(scan, levels);
    case 't': return pass_word(scan, "true");
    case 'f': return pass_word(scan, "false");
    case 'n': return pass_word(scan, "null");
    default: return ese_json_scan_integer(scan, &unused);
    }
}

bool ese_json_scan_object(struct ese_json_scan *scan, const struct ese_json_slice *wanted,
                          struct ese_json_slice *object, struct ese_json_slice *member)
{
    *member = (struct ese_json_slice){.text = NULL};
    pass_blanks(scan);
    object->text = scan->at;
    if (scan->at == scan->end || *scan->at != '{' || !pass_object(scan, ESE_JSON_SCAN_DEPTH, wanted, member))
        return false;
    object->length = (size_t)(scan->at - object->text);
    return member->text == NULL || !has_escapes(member);
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* The string at text, its quotes included. */
static size_t quoted_length(const char *text, const char *end)
{
    const char *at = text + 1;
    for (;;) {
        while (end - at >= (ptrdiff_t)sizeof(uint64_t) && are_plain(at))
            at += sizeof(uint64_t);
        while (*at != '"' && *at != '\\')
            at++;
        if (*at == '"')
            return (size_t)(at - text) + 1;
        at += 2;
    }
}

size_t ese_json_slice_compact(const struct ese_json_slice *slice, char *to)
{
    char *begin = to;
    const char *at = slice->text, *end = at + slice->length;
    while (at < end) {
        if (*at == '"') {
            size_t length = quoted_length(at, end);
            memmove(to, at, length);
            to += length;
            at += length;
        } else {
            *to = *at;
            to += !is_blank(*at++);
        }
    }
    *to = '\0';
    return (size_t)(to - begin);
}
