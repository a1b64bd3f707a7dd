#include "ese-core/cloud_event.h"

#include <string.h>
#include <strings.h>

#include "ese-core/event_json.h"
#include "ese-core/json_text.h"
#include "ese-core/memory.h"

#define SPECVERSION "1.0"
#define STRUCTURED "application/cloudevents"
#define JSON_SUFFIX "json"
#define BLANKS " \t"
#define VALUE_SIZE (6 * ESE_EVENT_FOREIGN_ID_SIZE) /* each byte as %xx, or more */

/* Whoever sends one of these means a CloudEvent. */
static const char *const attributes[] = {"ce-specversion", "ce-id", "ce-source", "ce-type",
                                         "ce-time", "ce-subject", "ce-dataschema"};

/* ---- values -------------------------------------------------------------------------------- */

static int digit(char letter, const char *digits)
{
    const char *found = letter == '\0' ? NULL : strchr(digits, letter);
    return found == NULL ? -1 : (int)(found - digits);
}

/* Two hexadecimal digits of either case; -1: they are none. */
static int read_byte(const char *text)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    int value = 0;
    for (int i = 0; i < 2; i++) {
        int half = digit(text[i], lower) >= 0 ? digit(text[i], lower) : digit(text[i], upper);
        if (half < 0)
            return -1;
        value = value << 4 | half;
    }
    return value;
}

static int fail_length(const char *name, size_t size, struct ese_error *error)
{
    return ese_fail(error, ESE_E_INVALID, "%s: longer than %zu bytes: send a shorter one", name,
                    size - 1);
}

/* As U+0000 to U+001F and U+007F to U+009F are, which no attribute may hold. */
static int find_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f)
            return *at;
        if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
            return at[1];
    }
    return -1;
}

static int fail_control(const char *name, int control, struct ese_error *error)
{
    return ese_fail(error, ESE_E_INVALID, "%s: holds the control character %02x: leave it out",
                    name, (unsigned)control);
}

/* As "%20" for a blank; nothing that is no text, and no control characters. */
static int decode_percents(const char *name, const char *value, char *target, size_t size,
                           struct ese_error *error)
{
    size_t length = 0;
    for (const char *at = value; *at != '\0'; at++) {
        int byte = (unsigned char)*at;
        if (*at == '%') {
            byte = read_byte(at + 1);
            if (byte == -1)
                return ese_fail(error, ESE_E_INVALID,
                                "%s: '%.3s' is no byte: two hexadecimal digits go behind a %%, "
                                "and %%25 is a %%", name, at);
            at += 2;
        }
        if (byte == 0)
            return fail_control(name, byte, error);
        if (length + 1 >= size)
            return fail_length(name, size, error);
        target[length++] = (char)byte;
    }
    target[length] = '\0';
    if (!ese_json_is_utf8(target))
        return ese_fail(error, ESE_E_INVALID, "%s: is no UTF-8: percent-encode it as UTF-8", name);
    int control = find_control(target);
    return control == -1 ? 0 : fail_control(name, control, error);
}

/* A quoted string (RFC 7230, section 3.2.6) to what it says. */
static int unquote(const char *name, const char *value, char *target, size_t size,
                   struct ese_error *error)
{
    size_t length = 0;
    const char *at = value + 1;
    for (; *at != '"' && *at != '\0'; at++) {
        at += *at == '\\' && at[1] != '\0';
        if (length + 1 >= size)
            return fail_length(name, size, error);
        target[length++] = *at;
    }
    target[length] = '\0';
    if (strcmp(at, "\"") != 0)
        return ese_fail(error, ESE_E_INVALID,
                        "%s: its quotes do not end where it does: percent-encode it, %%22 for a "
                        "quote, and leave them out", name);
    return 0;
}

/* Blanks around a value are none of it. */
static int decode(const char *name, const char *value, char *target, size_t size,
                  struct ese_error *error)
{
    char bare[VALUE_SIZE], text[VALUE_SIZE];
    value += strspn(value, BLANKS);
    size_t length = strlen(value);
    while (length > 0 && strchr(BLANKS, value[length - 1]) != NULL)
        length--;
    if (length >= sizeof bare)
        return fail_length(name, size, error);
    memcpy(bare, value, length);
    bare[length] = '\0';
    if (bare[0] != '"')
        return decode_percents(name, bare, target, size, error);
    if (unquote(name, bare, text, sizeof text, error) == -1)
        return -1;
    return decode_percents(name, text, target, size, error);
}

/* Whether the pattern fits the beginning: 'd' is a digit, everything else itself. */
static bool fits(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++) {
        bool is_good = *pattern == 'd' ? *text >= '0' && *text <= '9' : *text == *pattern;
        if (!is_good)
            return false;
    }
    return true;
}

static int number_at(const char *text)
{
    return 10 * (text[0] - '0') + (text[1] - '0');
}

/* "Z", or an offset; 'z' and 't' would be allowed, too, and nobody writes them. */
static bool is_zone(const char *text)
{
    if (strcmp(text, "Z") == 0)
        return true;
    return (fits(text, "+dd:dd") || fits(text, "-dd:dd")) && text[6] == '\0' &&
           number_at(text + 1) < 24 && number_at(text + 4) < 60;
}

/* RFC 3339, section 5.6. */
static bool is_time(const char *text)
{
    if (!fits(text, "dddd-dd-ddTdd:dd:dd"))
        return false;
    int month = number_at(text + 5), day = number_at(text + 8);
    if (month < 1 || month > 12 || day < 1 || day > 31 || number_at(text + 11) > 23 ||
        number_at(text + 14) > 59 || number_at(text + 17) > 60)
        return false;
    const char *rest = text + strlen("dddd-dd-ddTdd:dd:dd");
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        if (digits == 0)
            return false;
        rest += 1 + digits;
    }
    return is_zone(rest);
}

/* ---- headers ------------------------------------------------------------------------------- */

static const char *first(ese_cloud_event_header *header, const void *context, const char *name)
{
    const char *value = NULL;
    header(context, name, &value);
    return value;
}

/* One that must be there. */
static int read_attribute(ese_cloud_event_header *header, const void *context, const char *name,
                          const char *example, char *target, size_t size, struct ese_error *error)
{
    const char *value = first(header, context, name);
    if (value != NULL && decode(name, value, target, size, error) == -1)
        return -1;
    if (value == NULL || target[0] == '\0')
        return ese_fail(error, ESE_E_INVALID,
                        "%s: is not there, and a CloudEvent must have it: send it, as in \"%s: "
                        "%s\", or none of the ce- headers", name, name, example);
    return 0;
}

static int check_version(ese_cloud_event_header *header, const void *context,
                         struct ese_error *error)
{
    char version[16];
    if (read_attribute(header, context, "ce-specversion", SPECVERSION, version, sizeof version,
                       error) == -1)
        return -1;
    if (strcmp(version, SPECVERSION) == 0)
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "ce-specversion: '%s' is not spoken here: send CloudEvents " SPECVERSION,
                    version);
}

static int check_time(ese_cloud_event_header *header, const void *context, struct ese_error *error)
{
    char time[64];
    const char *value = first(header, context, "ce-time");
    if (value == NULL)
        return 0;
    if (decode("ce-time", value, time, sizeof time, error) == -1)
        return -1;
    if (is_time(time))
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "ce-time: '%s' is no time: send it as RFC 3339 has it, 2026-11-26T03:30:00Z, "
                    "or leave it out", time);
}

/* application/json, or whatever else ends in json: the data's own type. */
static int check_content_type(const char *type, struct ese_error *error)
{
    size_t length = type == NULL ? 0 : strcspn(type, "; \t");
    size_t suffix = strlen(JSON_SUFFIX);
    if (type == NULL || length == 0)
        return 0;
    if (length >= suffix && strncasecmp(type + length - suffix, JSON_SUFFIX, suffix) == 0)
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "Content-Type: '%.60s' is not what these events' data are: send JSON, "
                    "application/json", type);
}

static bool is_meant(ese_cloud_event_header *header, const void *context)
{
    for (size_t i = 0; i < ESE_COUNT_OF(attributes); i++) {
        if (first(header, context, attributes[i]) != NULL)
            return true;
    }
    return false;
}

static int check_once(ese_cloud_event_header *header, const void *context, const char *name,
                      struct ese_error *error)
{
    const char *value = NULL;
    if (header(context, name, &value) <= 1)
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "%s: is there twice, and which is meant nobody can say: send it once", name);
}

/* The binding forbids the one attribute that has a header of its own. */
static int check_headers(ese_cloud_event_header *header, const void *context,
                         struct ese_error *error)
{
    for (size_t i = 0; i < ESE_COUNT_OF(attributes); i++) {
        if (check_once(header, context, attributes[i], error) == -1)
            return -1;
    }
    if (first(header, context, "ce-datacontenttype") != NULL)
        return ese_fail(error, ESE_E_INVALID,
                        "ce-datacontenttype: has a header of its own: send it as Content-Type");
    return check_once(header, context, "Content-Type", error);
}

int ese_cloud_event_read(ese_cloud_event_header *header, const void *context,
                         struct ese_cloud_event *cloud_event, struct ese_error *error)
{
    const char *type = first(header, context, "Content-Type");
    if (type != NULL && strncasecmp(type, STRUCTURED, strlen(STRUCTURED)) == 0)
        return ese_fail(error, ESE_E_INVALID,
                        "Content-Type: '%.60s' is not taken: send CloudEvents in binary content "
                        "mode, their attributes as ce- headers and their data as the body, "
                        "application/json", type);
    if (!is_meant(header, context))
        return 0;
    if (check_headers(header, context, error) == -1 ||
        check_version(header, context, error) == -1 ||
        read_attribute(header, context, "ce-id", "A234-1234-1234", cloud_event->id,
                       sizeof cloud_event->id, error) == -1 ||
        read_attribute(header, context, "ce-source", "/my/shop", cloud_event->source,
                       sizeof cloud_event->source, error) == -1 ||
        read_attribute(header, context, "ce-type", ESE_TYPE_CLICK, cloud_event->type,
                       sizeof cloud_event->type, error) == -1 ||
        check_time(header, context, error) == -1 || check_content_type(type, error) == -1)
        return -1;
    return 1;
}

/* ---- data ---------------------------------------------------------------------------------- */

/* In one of its two shapes. What is wrong is told of the first one. */
static int read_data(const char *type, const char *body, size_t length, struct ese_event *event,
                     struct ese_error *error)
{
    if (ese_event_json_read_posted(body, length, event, error) == 0)
        return 0;
    if (ese_event_json_read_record(body, length, event, NULL) == 0)
        return ese_fit_text(event->type, sizeof event->type, type);
    return ese_fail_within(error, "the body of the CloudEvent, its data");
}

int ese_cloud_event_take(const struct ese_cloud_event *cloud_event, const char *body,
                         size_t length, struct ese_event *event, struct ese_error *error)
{
    int result = 0;
    if (read_data(cloud_event->type, body, length, event, error) == -1)
        return -1;
    if (strcmp(event->type, cloud_event->type) != 0)
        result = ese_fail(error, ESE_E_INVALID,
                          "ce-type: '%s' is not the event.type of the body, '%s': send the same "
                          "one twice", cloud_event->type, event->type);
    else if (!ese_id_is_none(&event->id) || event->foreign_id[0] != '\0')
        result = ese_fail(error, ESE_E_INVALID,
                          "ce-id: the body has an id, too: send it as ce-id alone");
    else
        result = ese_fit_text(event->foreign_id, sizeof event->foreign_id, cloud_event->id) +
                 ese_fit_text(event->source, sizeof event->source, cloud_event->source);
    if (result != 0)
        ese_event_clear(event);
    return result;
}
