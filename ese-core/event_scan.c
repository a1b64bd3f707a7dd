#include "ese-core/event_scan.h"

#include "ese-core/json_scan.h"
#include "ese-core/memory.h"

/* What a member of a shape is, and where it goes. */
enum kind {
    TEXT,      /* into an array of the event */
    NUMBER,    /* into a number of it */
    DATA,      /* an object */
    DATA_TEXT, /* an object as text */
    KIND,      /* the object in which type and sub_type are posted */
    OFFSET,    /* of a page's element */
    PASSED     /* a text that an event does not have */
};

struct member {
    struct ese_json_slice name;
    enum kind kind;
    bool required; /* and then no empty text */
    size_t place, size;
};

struct shape {
    const struct member *members;
    size_t count;
};

#define PLACE_OF(member) offsetof(struct ese_event, member)
#define SIZE_OF(member) sizeof(((struct ese_event *)NULL)->member)
#define TEXT_INTO(name, member, required) \
    {ESE_JSON_SLICE(name), TEXT, required, PLACE_OF(member), SIZE_OF(member)}
#define NUMBER_INTO(name, member, required) {ESE_JSON_SLICE(name), NUMBER, required, PLACE_OF(member), 0}
#define SHAPE_OF(members) {members, ESE_COUNT_OF(members)}

static const struct member kind_members[] = {
    TEXT_INTO("type", type, true),
    TEXT_INTO("sub_type", sub_type, true),
};
static const struct member posted_members[] = {
    {ESE_JSON_SLICE("event"), KIND, true, 0, 0},
    NUMBER_INTO("timestamp", client_ts, true),
    TEXT_INTO("ip", ip, true),
    {ESE_JSON_SLICE("data"), DATA, false, 0, 0},
    TEXT_INTO("id", foreign_id, false),
    TEXT_INTO("source", source, false),
};
static const struct member paged_members[] = {
    TEXT_INTO("type", type, true),
    TEXT_INTO("sub_type", sub_type, true),
    TEXT_INTO("ip", ip, true),
    NUMBER_INTO("client_ts", client_ts, true),
    NUMBER_INTO("server_ts", server_ts, false),
    {ESE_JSON_SLICE("data"), DATA, false, 0, 0},
    TEXT_INTO("id", foreign_id, false),
    TEXT_INTO("source", source, false),
    {ESE_JSON_SLICE("partition"), PASSED, false, 0, 0},
    {ESE_JSON_SLICE("offset"), OFFSET, true, 0, 0},
    TEXT_INTO("traceparent", traceparent, false),
};
static const struct member record_members[] = {
    TEXT_INTO("sub_type", sub_type, true),
    TEXT_INTO("ip", ip, true),
    NUMBER_INTO("client_timestamp", client_ts, true),
    {ESE_JSON_SLICE("data"), DATA_TEXT, false, 0, 0},
};
static const struct shape kind_shape = SHAPE_OF(kind_members), posted_shape = SHAPE_OF(posted_members),
                          paged_shape = SHAPE_OF(paged_members), record_shape = SHAPE_OF(record_members);

_Static_assert(ESE_JSON_SCAN_DEPTH <= ESE_EVENT_DATA_DEPTH, "no deeper data than an event may have");

/* An event as it is being read. */
struct reading {
    struct ese_json_scan scan;
    struct ese_event *event;
    int64_t offset;
};

/* ---- members --------------------------------------------------------------------------------- */

static bool read_text(struct reading *reading, const struct member *member)
{
    struct ese_json_slice text;
    char *target = (char *)reading->event + member->place;
    if (!ese_json_scan_plain(&reading->scan, &text) || text.length >= member->size ||
        (text.length == 0 && member->required))
        return false;
    memcpy(target, text.text, text.length);
    target[text.length] = '\0';
    return true;
}

static bool read_number(struct reading *reading, const struct member *member)
{
    int64_t *target = (int64_t *)(void *)((char *)reading->event + member->place);
    return ese_json_scan_integer(&reading->scan, target);
}

/* into: where it goes, which the event then owns; NULL: memory of its own. */
static bool take_data(struct ese_json_scan *scan, struct ese_event *event, char *into)
{
    static const struct ese_json_slice order_id = ESE_JSON_SLICE("orderId");
    struct ese_json_slice data, order;
    if (!ese_json_scan_object(scan, &order_id, &data, &order) || order.length >= sizeof event->key)
        return false;
    if (order.text != NULL)
        memcpy(event->key, order.text, order.length);
    event->data = into != NULL ? into : ese_realloc_array(NULL, data.length + 1, 1);
    return ese_json_slice_compact(&data, event->data) <= ESE_EVENT_DATA_LIMIT;
}

/* An object as text; it may have what a string of JSON is given its backslashes for, and no more. */
static bool read_data_text(struct reading *reading)
{
    struct ese_json_slice text;
    if (!ese_json_scan_string(&reading->scan, &text))
        return false;
    char *object = ese_realloc_array(NULL, text.length + 1, 1);
    struct ese_json_scan scan = {.at = object};
    scan.end = object + ese_json_slice_unescape(&text, object);
    if (take_data(&scan, reading->event, object))
        return ese_json_scan_ends(&scan);
    if (reading->event->data == NULL)
        free(object);
    return false;
}

static bool read_members(struct reading *reading, const struct shape *shape);

static bool read_member(struct reading *reading, const struct member *member)
{
    struct ese_json_slice unused;
    switch (member->kind) {
    case TEXT: return read_text(reading, member);
    case NUMBER: return read_number(reading, member);
    case DATA: return take_data(&reading->scan, reading->event, NULL);
    case DATA_TEXT: return read_data_text(reading);
    case KIND: return read_members(reading, &kind_shape);
    case OFFSET: return ese_json_scan_integer(&reading->scan, &reading->offset);
    case PASSED: return ese_json_scan_string(&reading->scan, &unused);
    }
    return false;
}

/* ---- an event -------------------------------------------------------------------------------- */

/* The member of that name which has not been read. */
static const struct member *find_member(const struct shape *shape, const struct ese_json_slice *name, unsigned *seen)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (ese_json_slice_equal(name, &shape->members[i].name)) {
            bool is_repeated = (*seen & 1U << i) != 0;
            *seen |= 1U << i;
            return is_repeated ? NULL : &shape->members[i];
        }
    }
    return NULL;
}

static bool has_required(const struct shape *shape, unsigned seen)
{
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->members[i].required && (seen & 1U << i) == 0)
            return false;
    }
    return true;
}

/* An object of that shape. */
static bool read_members(struct reading *reading, const struct shape *shape)
{
    struct ese_json_slice name;
    unsigned seen = 0;
    if (!ese_json_scan_pass(&reading->scan, '{'))
        return false;
    do {
        if (!ese_json_scan_name(&reading->scan, &name))
            return false;
        const struct member *member = find_member(shape, &name, &seen);
        if (member == NULL || !read_member(reading, member))
            return false;
    } while (ese_json_scan_pass(&reading->scan, ','));
    return ese_json_scan_pass(&reading->scan, '}') && has_required(shape, seen);
}

static bool read_event(struct reading *reading, const struct shape *shape)
{
    struct ese_event *event = reading->event;
    if (!read_members(reading, shape) ||
        (event->traceparent[0] != '\0' && !ese_traceparent_valid(event->traceparent)))
        return false;
    ese_event_settle_id(event);
    if (event->key[0] == '\0')
        memcpy(event->key, event->ip, sizeof event->key);
    return true;
}

static bool read_whole(const char *body, size_t length, const struct shape *shape, struct ese_event *event)
{
    struct reading reading = {.scan = {.at = body, .end = body + length}, .event = event};
    bool is_read = read_event(&reading, shape) && ese_json_scan_ends(&reading.scan);
    if (!is_read)
        ese_event_clear(event);
    return is_read;
}

bool ese_event_scan_posted(const char *body, size_t length, struct ese_event *event)
{
    return read_whole(body, length, &posted_shape, event);
}

bool ese_event_scan_record(const char *value, size_t length, struct ese_event *event)
{
    return read_whole(value, length, &record_shape, event);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* A list as it grows: its events, and where they have offsets (a page), those. */
struct growing {
    struct ese_event_list *list;
    int64_t **offsets;
    size_t size, max;
};

static void make_room(struct growing *growing)
{
    struct ese_event_list *list = growing->list;
    if (list->count < growing->size)
        return;
    growing->size = growing->size == 0 ? 16 : 2 * growing->size;
    list->events = ese_realloc_array(list->events, growing->size, sizeof *list->events);
    if (growing->offsets != NULL)
        *growing->offsets = ese_realloc_array(*growing->offsets, growing->size, sizeof **growing->offsets);
}

static bool read_element(struct ese_json_scan *scan, const struct shape *shape, struct growing *growing)
{
    struct ese_event_list *list = growing->list;
    if (list->count == growing->max)
        return false;
    make_room(growing);
    struct reading reading = {.scan = *scan, .event = &list->events[list->count]};
    memset(reading.event, 0, sizeof *reading.event);
    list->count++; /* also when it fails: what it has of its own is freed with the others' */
    if (!read_event(&reading, shape))
        return false;
    if (growing->offsets != NULL)
        (*growing->offsets)[list->count - 1] = reading.offset;
    *scan = reading.scan;
    return true;
}

/* "events":[...] */
static bool read_events(struct ese_json_scan *scan, const struct shape *shape, struct growing *growing)
{
    static const struct ese_json_slice events = ESE_JSON_SLICE("events");
    struct ese_json_slice name;
    if (!ese_json_scan_name(scan, &name) || !ese_json_slice_equal(&name, &events) || !ese_json_scan_pass(scan, '['))
        return false;
    if (ese_json_scan_pass(scan, ']'))
        return true;
    do {
        if (!read_element(scan, shape, growing))
            return false;
    } while (ese_json_scan_pass(scan, ','));
    return ese_json_scan_pass(scan, ']');
}

bool ese_event_scan_posted_list(const char *body, size_t length, size_t max, struct ese_event_list *list)
{
    struct ese_json_scan scan = {.at = body, .end = body + length};
    struct growing growing = {.list = list, .max = max};
    bool is_read = ese_json_scan_pass(&scan, '{') && read_events(&scan, &posted_shape, &growing) &&
                   ese_json_scan_pass(&scan, '}') && ese_json_scan_ends(&scan);
    if (!is_read)
        ese_event_list_clear(list);
    return is_read;
}

/* "next":"..." */
static bool read_next(struct ese_json_scan *scan, struct ese_event_page *page)
{
    static const struct ese_json_slice next_name = ESE_JSON_SLICE("next");
    struct ese_json_slice name, next;
    if (!ese_json_scan_name(scan, &name) || !ese_json_slice_equal(&name, &next_name) ||
        !ese_json_scan_plain(scan, &next) || next.length == 0 || next.length >= sizeof page->next)
        return false;
    memcpy(page->next, next.text, next.length);
    page->next[next.length] = '\0';
    return true;
}

bool ese_event_scan_page(const char *body, size_t length, struct ese_event_page *page)
{
    struct ese_json_scan scan = {.at = body, .end = body + length};
    struct growing growing = {.list = &page->list, .offsets = &page->offsets, .max = SIZE_MAX};
    bool is_read = ese_json_scan_pass(&scan, '{') && read_events(&scan, &paged_shape, &growing) &&
                   ese_json_scan_pass(&scan, ',') && read_next(&scan, page) && ese_json_scan_pass(&scan, '}') &&
                   ese_json_scan_ends(&scan);
    if (!is_read)
        ese_event_page_clear(page);
    return is_read;
}
