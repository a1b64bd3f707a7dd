#include <jansson.h>

#include "ese-core/buffer.h"
#include "ese-core/event_json.h"
#include "ese-core/event_scan.h"
#include "ese-core/json_number.h"
#include "ese-core/memory.h"

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *load_widened(const char *text, size_t length, json_error_t *wrong)
{
    struct ese_buffer wide = ESE_BUFFER_INIT(2 * length);
    ese_json_write_widened(&wide, text, length);
    json_t *root = json_loadb(wide.text, wide.length, JSON_REJECT_DUPLICATES, wrong);
    ese_buffer_free(&wide);
    return root;
}

/* Numbers beyond 64 bits are rare: only for them the text is read twice. Of "-0" nobody would complain, and its sign
 * would be gone. */
static json_t *load(const char *text, size_t length, json_error_t *wrong)
{
    if (length > 0 && memmem(text, length, "-0", strlen("-0")) != NULL) /* there is none of what is no text */
        return load_widened(text, length, wrong);
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, wrong);
    if (root != NULL || json_error_code(wrong) != json_error_numeric_overflow)
        return root;
    return load_widened(text, length, wrong);
}

static json_t *parse(const char *text, size_t length, struct ese_error *error)
{
    json_error_t wrong;
    if (length == 0) {
        ese_fail(error, ESE_E_INVALID, "the body is empty: JSON expected");
        return NULL;
    }
    json_t *root = load(text, length, &wrong);
    if (root == NULL)
        ese_fail(error, ESE_E_INVALID, "no JSON: %s at byte %d", wrong.text, wrong.position);
    return root;
}

/* An object's member as text that fits; missing and empty are refused unless optional (then ""). */
static int read_text(const json_t *object, const char *name, bool optional, char *target,
                     size_t size, struct ese_error *error)
{
    const json_t *member = json_object_get(object, name);
    target[0] = '\0';
    if (member == NULL && optional)
        return 0;
    const char *text = json_string_value(member);
    if (text == NULL || (text[0] == '\0' && !optional))
        return ese_fail(error, ESE_E_INVALID, "%s: a text is expected%s", name,
                        member == NULL ? ", there is none" : "");
    if (ese_fit_text(target, size, text) != 0)
        return ese_fail(error, ESE_E_INVALID, "%s: '%.40s...' is longer than %zu bytes", name, text,
                        size - 1);
    return 0;
}

static int read_number(const json_t *object, const char *name, bool optional, int64_t *number,
                       struct ese_error *error)
{
    const json_t *member = json_object_get(object, name);
    *number = 0;
    if (member == NULL && optional)
        return 0;
    if (!json_is_integer(member))
        return ese_fail(error, ESE_E_INVALID,
                        "%s: a whole number of at most 64 bits is expected, without fraction or "
                        "exponent", name);
    *number = json_integer_value(member);
    return 0;
}

/* ---- members several shapes have ------------------------------------------------------------- */

static bool holds_double(json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;

    json_object_foreach(value, name, member) {
        if (holds_double(member))
            return true;
    }
    json_array_foreach(value, i, member) {
        if (holds_double(member))
            return true;
    }
    return json_is_real(value);
}

/* As text, keys sorted, doubles as the original tells them. NULL when that is far too long. */
static char *dump(json_t *data)
{
    char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    if (text == NULL || !holds_double(data))
        return text;
    struct ese_buffer shortened = ESE_BUFFER_INIT(2 * ESE_EVENT_DATA_LIMIT);
    ese_json_write_shortened(&shortened, text);
    free(text);
    text = shortened.overflowed ? NULL : ese_buffer_detach(&shortened);
    ese_buffer_free(&shortened);
    return text;
}

/* Answers are indented, four spaces a level: few bytes of many levels would make many. */
static bool nested_deeper(json_t *value, int levels)
{
    const char *name;
    json_t *member;
    size_t i;

    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (levels == 0)
        return true;
    json_object_foreach(value, name, member) {
        if (nested_deeper(member, levels - 1))
            return true;
    }
    json_array_foreach(value, i, member) {
        if (nested_deeper(member, levels - 1))
            return true;
    }
    return false;
}

static int keep_data(json_t *data, struct ese_event *event, struct ese_error *error)
{
    if (!json_is_object(data))
        return ese_fail(error, ESE_E_INVALID, "data: an object is expected");
    if (nested_deeper(data, ESE_EVENT_DATA_DEPTH))
        return ese_fail(error, ESE_E_INVALID, "data: more than %d levels", ESE_EVENT_DATA_DEPTH);
    const char *order = json_string_value(json_object_get(data, "orderId"));
    if (order != NULL && ese_fit_text(event->key, sizeof event->key, order) != 0)
        return ese_fail(error, ESE_E_INVALID, "data.orderId: '%.40s...' is longer than %zu bytes",
                        order, sizeof event->key - 1);
    free(event->data);
    event->data = dump(data);
    if (event->data == NULL || strlen(event->data) > ESE_EVENT_DATA_LIMIT)
        return ese_fail(error, ESE_E_INVALID, "data: more than %d bytes", ESE_EVENT_DATA_LIMIT);
    return 0;
}

/* data may be missing. */
static int read_data(const json_t *object, struct ese_event *event, struct ese_error *error)
{
    json_t *data = json_object_get(object, "data");
    return data == NULL ? 0 : keep_data(data, event, error);
}

/* What ese_event_set_key would say, without parsing data again. */
static void complete_key(struct ese_event *event)
{
    if (event->key[0] == '\0')
        ese_event_set_key(event);
}

static int read_id(const json_t *object, struct ese_event *event, struct ese_error *error)
{
    if (read_text(object, "id", true, event->foreign_id, sizeof event->foreign_id, error) != 0 ||
        read_text(object, "source", true, event->source, sizeof event->source, error) != 0)
        return -1;
    ese_event_settle_id(event);
    return 0;
}

static int read_traceparent(const json_t *object, struct ese_event *event, struct ese_error *error)
{
    if (read_text(object, "traceparent", true, event->traceparent, sizeof event->traceparent,
                  error) != 0)
        return -1;
    if (event->traceparent[0] != '\0' && !ese_traceparent_valid(event->traceparent))
        return ese_fail(error, ESE_E_INVALID, "traceparent: '%s' is none of version 00",
                        event->traceparent);
    return 0;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static int read_posted(const json_t *root, struct ese_event *event, struct ese_error *error)
{
    const json_t *kind = json_object_get(root, "event");
    if (!json_is_object(kind))
        return ese_fail(error, ESE_E_INVALID, "event: an object is expected");
    if (read_text(kind, "type", false, event->type, sizeof event->type, error) != 0 ||
        read_text(kind, "sub_type", false, event->sub_type, sizeof event->sub_type, error) != 0 ||
        read_number(root, "timestamp", false, &event->client_ts, error) != 0 ||
        read_text(root, "ip", false, event->ip, sizeof event->ip, error) != 0 ||
        read_data(root, event, error) != 0 || read_id(root, event, error) != 0)
        return -1;
    complete_key(event);
    return 0;
}

static int read_stored(const json_t *root, struct ese_event *event, struct ese_error *error)
{
    if (read_text(root, "type", false, event->type, sizeof event->type, error) != 0 ||
        read_text(root, "sub_type", false, event->sub_type, sizeof event->sub_type, error) != 0 ||
        read_text(root, "ip", false, event->ip, sizeof event->ip, error) != 0 ||
        read_number(root, "client_ts", false, &event->client_ts, error) != 0 ||
        read_number(root, "server_ts", true, &event->server_ts, error) != 0 ||
        read_data(root, event, error) != 0 || read_id(root, event, error) != 0)
        return -1;
    complete_key(event);
    return 0;
}

static int read_line(const json_t *root, struct ese_event *event, struct ese_error *error)
{
    int result = json_object_get(root, "event") != NULL ? read_posted(root, event, error)
                                                        : read_stored(root, event, error);
    return result == 0 ? read_traceparent(root, event, error) : -1;
}

static int read_record(const json_t *root, struct ese_event *event, struct ese_error *error)
{
    if (read_text(root, "sub_type", false, event->sub_type, sizeof event->sub_type, error) != 0 ||
        read_text(root, "ip", false, event->ip, sizeof event->ip, error) != 0 ||
        read_number(root, "client_timestamp", false, &event->client_ts, error) != 0)
        return -1;
    const json_t *text = json_object_get(root, "data");
    if (text != NULL) {
        json_error_t wrong;
        json_t *data = load(json_string_value(text), json_string_length(text), &wrong);
        int result = keep_data(data, event, error);
        json_decref(data);
        if (result != 0)
            return -1;
    }
    complete_key(event);
    return 0;
}

typedef int read_shape(const json_t *root, struct ese_event *event, struct ese_error *error);

/* Reads a whole body of one shape; what was read of a refused one is cleared again. */
static int read_body(const char *body, size_t length, read_shape *shape, struct ese_event *event,
                     struct ese_error *error)
{
    ese_event_clear(event);
    json_t *root = parse(body, length, error);
    if (root == NULL)
        return -1;
    int result = json_is_object(root) ? shape(root, event, error)
                                      : ese_fail(error, ESE_E_INVALID, "an object is expected");
    if (result != 0)
        ese_event_clear(event);
    json_decref(root);
    return result;
}

int ese_event_json_read_posted(const char *body, size_t length, struct ese_event *event,
                               struct ese_error *error)
{
    ese_event_clear(event);
    return ese_event_scan_posted(body, length, event)
               ? 0
               : read_body(body, length, read_posted, event, error);
}

int ese_event_json_read_line(const char *line, size_t length, struct ese_event *event,
                             struct ese_error *error)
{
    return read_body(line, length, read_line, event, error);
}

int ese_event_json_read_record(const char *value, size_t length, struct ese_event *event,
                               struct ese_error *error)
{
    ese_event_clear(event);
    return ese_event_scan_record(value, length, event)
               ? 0
               : read_body(value, length, read_record, event, error);
}

/* ---- lists ----------------------------------------------------------------------------------- */

void ese_event_list_clear(struct ese_event_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->events[i].data); /* the rest of it is gone with the list: nothing to zero */
    free(list->events);
    *list = (struct ese_event_list){.count = 0};
}

static int read_list(const json_t *array, size_t max, read_shape *shape,
                     struct ese_event_list *list, struct ese_error *error)
{
    if (!json_is_array(array))
        return ese_fail(error, ESE_E_INVALID, "events: an array is expected");
    if (json_array_size(array) > max)
        return ese_fail(error, ESE_E_FULL, "events: %zu of them, at most %zu are taken at once",
                        json_array_size(array), max);
    list->count = json_array_size(array);
    list->events = ese_alloc_array(list->count, sizeof *list->events);
    for (size_t i = 0; i < list->count; i++) {
        const json_t *element = json_array_get(array, i);
        if (!json_is_object(element))
            return ese_fail(error, ESE_E_INVALID, "events[%zu]: an object is expected", i);
        if (shape(element, &list->events[i], error) != 0)
            return ese_fail_within(error, "events[%zu]", i);
    }
    return 0;
}

int ese_event_json_read_posted_list(const char *body, size_t length, size_t max,
                                    struct ese_event_list *list, struct ese_error *error)
{
    *list = (struct ese_event_list){.count = 0};
    if (ese_event_scan_posted_list(body, length, max, list))
        return 0;
    json_t *root = parse(body, length, error);
    if (root == NULL)
        return -1;
    int result = read_list(json_object_get(root, "events"), max, read_posted, list, error);
    if (result != 0)
        ese_event_list_clear(list);
    json_decref(root);
    return result;
}

void ese_event_page_clear(struct ese_event_page *page)
{
    ese_event_list_clear(&page->list);
    free(page->offsets);
    for (size_t i = 0; i < page->stray_count; i++)
        free(page->strays[i].text);
    free(page->strays);
    *page = (struct ese_event_page){.offsets = NULL};
}

static void add_stray(struct ese_event_page *page, const json_t *element, int64_t offset,
                      const char *reason)
{
    struct ese_page_stray *stray = &page->strays[page->stray_count++];
    *stray = (struct ese_page_stray){.offset = offset, .text = json_dumps(element, JSON_COMPACT)};
    snprintf(stray->reason, sizeof stray->reason, "%.150s", reason);
}

static int read_element(const json_t *element, struct ese_event_page *page, struct ese_error *error)
{
    struct ese_event *event = &page->list.events[page->list.count];
    struct ese_error why;
    int64_t offset;
    if (read_number(element, "offset", false, &offset, error) != 0)
        return -1;
    if (read_line(element, event, &why) == 0) {
        page->offsets[page->list.count++] = offset;
    } else {
        ese_event_clear(event);
        add_stray(page, element, offset, why.text);
    }
    return 0;
}

static int read_page(const json_t *root, struct ese_event_page *page, struct ese_error *error)
{
    const json_t *array = json_object_get(root, "events");
    size_t count = json_array_size(array);
    if (!json_is_array(array))
        return ese_fail(error, ESE_E_INVALID, "events: an array is expected");
    page->list.events = ese_alloc_array(count, sizeof *page->list.events);
    page->offsets = ese_alloc_array(count, sizeof *page->offsets);
    page->strays = ese_alloc_array(count, sizeof *page->strays);
    for (size_t i = 0; i < count; i++) {
        if (read_element(json_array_get(array, i), page, error) != 0)
            return ese_fail_within(error, "events[%zu]", i);
    }
    return read_text(root, "next", false, page->next, sizeof page->next, error);
}

int ese_event_json_read_page(const char *body, size_t length, struct ese_event_page *page,
                             struct ese_error *error)
{
    *page = (struct ese_event_page){.offsets = NULL};
    if (ese_event_scan_page(body, length, page))
        return 0;
    json_t *root = parse(body, length, error);
    if (root == NULL)
        return -1;
    int result = read_page(root, page, error);
    if (result != 0)
        ese_event_page_clear(page);
    json_decref(root);
    return result;
}

/* ---- the original's whole list --------------------------------------------------------------- */

struct walk {
    const char *at, *end;
    const struct ese_grouped_takers *takers;
    struct ese_buffer wide; /* the rest of the text, once a number beyond 64 bits was met */
};

/* Past blanks and, if it is there, the one character. */
static bool pass(struct walk *walk, char character)
{
    while (walk->at < walk->end && strchr(" \t\r\n", *walk->at) != NULL)
        walk->at++;
    bool is_there = walk->at < walk->end && *walk->at == character;
    walk->at += is_there;
    return is_there;
}

static void hand_one(const struct walk *walk, const json_t *element)
{
    struct ese_event event = {.data = NULL};
    struct ese_error why;
    if (read_stored(element, &event, &why) == 0) {
        walk->takers->event(walk->takers->context, &event);
    } else {
        char *text = json_dumps(element, JSON_COMPACT | JSON_ENCODE_ANY);
        walk->takers->stray(walk->takers->context, text, why.text);
        free(text);
    }
    ese_event_clear(&event);
}

static int hand_group(struct walk *walk, const json_t *group, struct ese_error *error)
{
    const json_t *array = json_object_get(group, "event_logs");
    if (!json_is_array(array))
        return ese_fail(error, ESE_E_INVALID, "event_logs: an array is expected");
    for (size_t i = 0; i < json_array_size(array); i++)
        hand_one(walk, json_array_get(array, i));
    return 0;
}

/* Such numbers are rare, as in load: the text is written anew from there on. */
static json_t *load_group(struct walk *walk, json_error_t *wrong)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK;
    json_t *group = json_loadb(walk->at, (size_t)(walk->end - walk->at), flags, wrong);
    if (group != NULL || json_error_code(wrong) != json_error_numeric_overflow ||
        walk->wide.text != NULL)
        return group;
    ese_json_write_widened(&walk->wide, walk->at, (size_t)(walk->end - walk->at));
    walk->at = walk->wide.text;
    walk->end = walk->at + walk->wide.length;
    return json_loadb(walk->at, walk->wide.length, flags, wrong);
}

static int read_group(struct walk *walk, struct ese_error *error)
{
    json_error_t wrong;
    json_t *group = load_group(walk, &wrong);
    if (group == NULL)
        return ese_fail(error, ESE_E_INVALID, "no JSON: %s", wrong.text);
    walk->at += wrong.position; /* where it ends */
    int result = hand_group(walk, group, error);
    json_decref(group);
    return result;
}

static int read_groups(struct walk *walk, struct ese_error *error)
{
    if (!pass(walk, '['))
        return ese_fail(error, ESE_E_INVALID, "an array is expected");
    for (bool is_first = true; !pass(walk, ']'); is_first = false) {
        if (!is_first && !pass(walk, ','))
            return ese_fail(error, ESE_E_INVALID, "a comma or the end of the array is expected");
        if (read_group(walk, error) != 0)
            return -1;
    }
    return 0;
}

int ese_event_json_read_grouped(const char *body, size_t length,
                                const struct ese_grouped_takers *takers, struct ese_error *error)
{
    struct walk walk = {.at = body, .end = body + length, .takers = takers,
                        .wide = ESE_BUFFER_INIT(2 * length + 1)};
    int result = read_groups(&walk, error);
    ese_buffer_free(&walk.wide);
    return result;
}
