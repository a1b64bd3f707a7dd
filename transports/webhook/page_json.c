#include "transports/webhook/page_json.h"

#include <jansson.h>
#include <string.h>

#include "ese-core/base64.h"
#include "ese-core/memory.h"

/* Bodies lie one behind the other, each with a NUL. */
#define BEHIND_BODY 1

static size_t bytes_of(const json_t *list)
{
    size_t i, size = 1;
    json_t *element;
    json_array_foreach(list, i, element)
        size += json_string_length(json_object_get(element, "body")) / 4 * 3 + BEHIND_BODY;
    return size;
}

static void take_text(const json_t *element, const char *name, char *target, size_t size)
{
    const char *text = json_string_value(json_object_get(element, name));
    ese_fit_text(target, size, text != NULL ? text : "");
}

/* One that has a next one, which a record tells. */
static bool is_position(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) < INT64_MAX;
}

/* False: it has no position, or no body that can be read. */
static bool read_event(const json_t *element, struct ese_webhook_event *event, char *bytes)
{
    const json_t *position = json_object_get(element, "position"), *body = json_object_get(element, "body");
    if (!is_position(position) || !(json_is_string(body) || json_is_null(body)))
        return false;
    event->position = json_integer_value(position);
    take_text(element, "uuid", event->uuid, sizeof event->uuid);
    take_text(element, "type", event->type, sizeof event->type);
    take_text(element, "created", event->created, sizeof event->created);
    size_t characters = json_string_length(body);
    int length = json_is_null(body) ? 0 : ese_base64_read(json_string_value(body), characters, (uint8_t *)bytes,
                                                          characters / 4 * 3);
    if (length < 0)
        return false;
    bytes[length] = '\0';
    event->body = bytes;
    event->length = (size_t)length;
    return true;
}

static void make_room(struct ese_webhook_page *page, int events, size_t bytes)
{
    ese_webhook_page_clear(page);
    page->room = events;
    page->events = ese_alloc_array((size_t)events + 1, sizeof page->events[0]);
    page->size = bytes;
    page->bytes = ese_alloc(bytes);
}

static bool is_of(const json_t *element, const char *stream)
{
    const char *text = json_string_value(json_object_get(element, "stream"));
    return text != NULL && strcmp(text, stream) == 0;
}

static int read_list(const json_t *list, const char *stream, struct ese_webhook_page *page, struct ese_error *error)
{
    size_t i;
    json_t *element;
    if (json_array_size(list) > ESE_WEBHOOK_PAGE_MOST)
        return ese_fail(error, ESE_E_INVALID, "a page of %zu events, and %d are the most", json_array_size(list),
                        ESE_WEBHOOK_PAGE_MOST);
    make_room(page, (int)json_array_size(list), bytes_of(list));
    char *bytes = page->bytes;
    json_array_foreach(list, i, element) {
        struct ese_webhook_event *event = &page->events[page->count];
        if (!is_of(element, stream))
            return ese_fail(error, ESE_E_INVALID, "element %zu of the page is not of the stream %s", i, stream);
        if (!read_event(element, event, bytes))
            return ese_fail(error, ESE_E_INVALID, "element %zu of the page has no position, or no body in base64", i);
        if (page->count > 0 && event->position <= event[-1].position)
            return ese_fail(error, ESE_E_INVALID, "element %zu of the page has position %lld, behind %lld", i,
                            (long long)event->position, (long long)event[-1].position);
        bytes += event->length + BEHIND_BODY;
        page->count++;
    }
    return 0;
}

int ese_webhook_page_read_json(const char *body, size_t length, const char *stream, struct ese_webhook_page *page,
                               struct ese_error *error)
{
    json_error_t problem;
    json_t *list = json_loadb(body, length, JSON_ALLOW_NUL, &problem); /* body_json may have some */
    int result = json_is_array(list)
                     ? read_list(list, stream, page, error)
                     : ese_fail(error, ESE_E_INVALID, "no page of events: %s",
                                list == NULL ? problem.text : "it is no JSON array");
    json_decref(list);
    return result;
}
