/* Events out of JSON, in all their shapes. Whatever is taken, by the scanner or else, jansson takes, and says the
 * same of it; and what is written of it is read as the same again. */
#include <jansson.h>
#include <math.h>

#include "ese-core/event_scan.h"
#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"

#define MOST 8 /* events of a list */

/* ---- what jansson says ----------------------------------------------------------------------- */

/* NULL, too, for numbers that only we take (ese-core/json_number.h). */
static json_t *load(const char *text, size_t length)
{
    return json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
}

static bool is_text(const json_t *object, const char *name, const char *text)
{
    const char *said = json_string_value(json_object_get(object, name));
    return said != NULL && strcmp(said, text) == 0;
}

static bool is_number(const json_t *object, const char *name, int64_t number)
{
    const json_t *said = json_object_get(object, name);
    return json_is_integer(said) && json_integer_value(said) == number;
}

static bool is_key(const json_t *data, const struct ese_event *event)
{
    const char *order = json_string_value(json_object_get(data, "orderId"));
    bool by_order = order != NULL && order[0] != '\0' && strlen(order) < sizeof event->key;
    return strcmp(event->key, by_order ? order : event->ip) == 0;
}

static bool is_same_value(const json_t *a, const json_t *b);

static bool is_same_object(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;
    bool same = json_object_size(a) == json_object_size(b);
    json_object_foreach((json_t *)(uintptr_t)a, name, value)
        same = same && is_same_value(value, json_object_get(b, name));
    return same;
}

static bool is_same_array(const json_t *a, const json_t *b)
{
    bool same = json_array_size(a) == json_array_size(b);
    for (size_t i = 0; same && i < json_array_size(a); i++)
        same = is_same_value(json_array_get(a, i), json_array_get(b, i));
    return same;
}

/* A double without a fraction is written as the original does, and read as an integer again. */
static bool is_same_value(const json_t *a, const json_t *b)
{
    if (json_is_object(a) && json_is_object(b))
        return is_same_object(a, b);
    if (json_is_array(a) && json_is_array(b))
        return is_same_array(a, b);
    if (json_is_number(a) && json_is_number(b) && (json_is_real(a) || json_is_real(b)))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool is_data(const json_t *said, const struct ese_event *event)
{
    json_t *none = json_object();
    json_t *data = load(ese_event_data(event), strlen(ese_event_data(event)));
    const json_t *wanted = said != NULL ? said : none;
    bool same = (data == NULL || is_same_value(data, wanted)) && is_key(wanted, event);
    json_decref(data);
    json_decref(none);
    return same;
}

static void compare_posted(const json_t *root, const struct ese_event *event)
{
    const json_t *kind = json_object_get(root, "event");
    ESE_HOLDS(is_text(kind, "type", event->type));
    ESE_HOLDS(is_text(kind, "sub_type", event->sub_type));
    ESE_HOLDS(is_text(root, "ip", event->ip));
    ESE_HOLDS(is_number(root, "timestamp", event->client_ts));
    ESE_HOLDS(is_data(json_object_get(root, "data"), event));
}

static void compare_paged(const json_t *root, const struct ese_event *event)
{
    ESE_HOLDS(is_text(root, "type", event->type));
    ESE_HOLDS(is_text(root, "sub_type", event->sub_type));
    ESE_HOLDS(is_text(root, "ip", event->ip));
    ESE_HOLDS(is_number(root, "client_ts", event->client_ts));
    ESE_HOLDS(is_data(json_object_get(root, "data"), event));
}

static void compare_record(const json_t *root, const struct ese_event *event)
{
    const json_t *text = json_object_get(root, "data");
    json_t *data = text != NULL ? load(json_string_value(text), json_string_length(text)) : NULL;
    ESE_HOLDS(is_text(root, "sub_type", event->sub_type));
    ESE_HOLDS(is_text(root, "ip", event->ip));
    ESE_HOLDS(is_number(root, "client_timestamp", event->client_ts));
    ESE_HOLDS((text != NULL && data == NULL) || is_data(data, event));
    json_decref(data);
}

/* ---- what is written of it ------------------------------------------------------------------- */

static bool is_same(const struct ese_event *a, const struct ese_event *b)
{
    return strcmp(a->sub_type, b->sub_type) == 0 && strcmp(a->ip, b->ip) == 0 && strcmp(a->key, b->key) == 0 &&
           a->client_ts == b->client_ts && strcmp(ese_event_data(a), ese_event_data(b)) == 0;
}

static void write_and_read(const struct ese_event *event)
{
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX);
    struct ese_event again = {.data = NULL};
    ese_event_json_write_posted(&text, event);
    ESE_HOLDS(ese_event_json_read_posted(text.text, text.length, &again, NULL) == 0 && is_same(event, &again));
    ese_buffer_clear(&text);
    ese_event_json_write_line(&text, event);
    ESE_HOLDS(strchr(text.text, '\n') == NULL);
    ESE_HOLDS(ese_event_json_read_line(text.text, text.length, &again, NULL) == 0 && is_same(event, &again));
    ese_buffer_clear(&text);
    ese_event_json_write_record(&text, event);
    ESE_HOLDS(ese_event_json_read_record(text.text, text.length, &again, NULL) == 0 && is_same(event, &again));
    ese_event_clear(&again);
    ese_buffer_free(&text);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

/* `root` is what jansson says of all of it, or NULL. Only what is rare may be taken without. */
static void read_posted(const char *text, size_t length, const json_t *root)
{
    struct ese_event event = {.data = NULL};
    ESE_HOLDS(!ese_event_scan_posted(text, length, &event) || root != NULL);
    if (ese_event_json_read_posted(text, length, &event, NULL) == 0) {
        if (root != NULL)
            compare_posted(root, &event);
        write_and_read(&event);
    }
    ese_event_clear(&event);
}

static void read_list(const char *text, size_t length, const json_t *root)
{
    struct ese_event_list list = {.count = 0};
    ESE_HOLDS(!ese_event_scan_posted_list(text, length, MOST, &list) || root != NULL);
    ese_event_list_clear(&list);
    if (ese_event_json_read_posted_list(text, length, MOST, &list, NULL) == 0 && root != NULL) {
        const json_t *events = json_object_get(root, "events");
        ESE_HOLDS(list.count == json_array_size(events) && list.count <= MOST);
        for (size_t i = 0; i < list.count; i++)
            compare_posted(json_array_get(events, i), &list.events[i]);
    }
    ese_event_list_clear(&list);
}

static void read_page(const char *text, size_t length, const json_t *root)
{
    struct ese_event_page page = {.offsets = NULL};
    ESE_HOLDS(!ese_event_scan_page(text, length, &page) || root != NULL);
    ese_event_page_clear(&page);
    if (ese_event_json_read_page(text, length, &page, NULL) == 0 && root != NULL) {
        const json_t *events = json_object_get(root, "events");
        ESE_HOLDS(page.list.count + page.stray_count == json_array_size(events));
        ESE_HOLDS(is_text(root, "next", page.next));
        for (size_t i = 0; i < page.list.count && page.stray_count == 0; i++) {
            compare_paged(json_array_get(events, i), &page.list.events[i]);
            ESE_HOLDS(is_number(json_array_get(events, i), "offset", page.offsets[i]));
        }
    }
    ese_event_page_clear(&page);
}

static void read_record(const char *text, size_t length, const json_t *root)
{
    struct ese_event event = {.data = NULL};
    ESE_HOLDS(!ese_event_scan_record(text, length, &event) || root != NULL);
    if (ese_event_json_read_record(text, length, &event, NULL) == 0 && root != NULL)
        compare_record(root, &event);
    ese_event_clear(&event);
}

static void read_line(const char *text, size_t length)
{
    struct ese_event event = {.data = NULL};
    if (ese_event_json_read_line(text, length, &event, NULL) == 0)
        write_and_read(&event);
    ese_event_clear(&event);
}

static void count_event(void *context, struct ese_event *event)
{
    (void)event;
    ++*(size_t *)context;
}

static void count_stray(void *context, const char *text, const char *reason)
{
    ESE_HOLDS(text != NULL && reason[0] != '\0');
    ++*(size_t *)context;
}

static void read_grouped(const char *text, size_t length)
{
    size_t count = 0;
    const struct ese_grouped_takers takers = {.event = count_event, .stray = count_stray, .context = &count};
    ese_event_json_read_grouped(text, length, &takers, NULL);
    ESE_HOLDS(count <= length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    json_t *root = load(text, length);
    read_posted(text, length, root);
    read_list(text, length, root);
    read_page(text, length, root);
    read_record(text, length, root);
    read_line(text, length);
    read_grouped(text, length);
    json_decref(root);
    return 0;
}
