#include "ese-core/event_intake.h"

#include <inttypes.h>

#include "ese-core/clock.h"
#include "ese-core/cloud_event.h"
#include "ese-core/digest.h"
#include "ese-core/http_prefer.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define NOTHING "Nothing was stored: "
#define ANSWER_LIMIT (256 * 1024 * 1024) /* a batch comes back somewhat larger than it came */

struct ese_event_intake {
    ese_append_function *append;
    void *store;
    size_t max_batch;
    char running[64]; /* what GET / says */
    bool ids_from_names;
    const char *refusal; /* of every post; NULL: they are taken */
    uint32_t run;
    uint32_t sequences[ESE_ID_LANES]; /* of the ids given here; the HTTP thread's */
    struct ese_metric *health_pings, *add_pings, *add_many_pings;
};

/* What the store sees of a request, and behind it the request. */
struct held {
    struct ese_append append; /* first: the store hands back its address */
    struct ese_http_request *request;
    bool prefers_minimal;
    bool is_cloud_event; /* nobody of the original's sends one: what is wrong is told in words */
    bool has_our_source; /* likewise */
    bool has_two_keys;   /* likewise */
    enum ese_append_result result;
};

/* What the hash of a request is made over, for each event. */
struct sent {
    uint64_t content;
    struct ese_id id;
    char source[ESE_EVENT_SOURCE_SIZE];
    char foreign_id[ESE_EVENT_FOREIGN_ID_SIZE];
};

/* ---- answers --------------------------------------------------------------------------------- */

/* As the original: JSON that says it is text. */
static void reply_bad(struct ese_http_request *request)
{
    static const char body[] = "{\n    \"message\": \"Bad data schema passed\"\n}";
    ese_http_reply(request, 400, ESE_HTTP_TEXT, body, strlen(body));
}

/* Who knows what it has sent need not have it back. */
static void reply_minimal(struct held *held)
{
    ese_http_request_add_header(held->request, "Preference-Applied", ESE_HTTP_MINIMAL);
    ese_http_reply(held->request, 201, NULL, NULL, 0);
}

static void reply_stored(struct held *held)
{
    const struct ese_event_list *list = &held->append.list;
    struct ese_buffer body = ESE_BUFFER_INIT(ANSWER_LIMIT);
    if (held->append.many)
        ese_event_json_write_stored_list(&body, list->events, list->count);
    else
        ese_event_json_write_stored(&body, &list->events[0]);
    ese_http_reply_buffer(held->request, 201, ESE_HTTP_JSON, &body);
}

/* A message that ends in ": " goes on with the store's own words. */
static void reply_refused(struct held *held)
{
    static const struct {
        int status;
        bool retry_later;
        const char *message;
    } refusals[] = {
        [ESE_APPEND_FULL] = {503, true, NOTHING "the queue is full, try again"},
        [ESE_APPEND_AT_BOUND] = {503, true, NOTHING "the store holds as much as it may"},
        [ESE_APPEND_CONFLICT] = {422, false,
                                 "This id or Idempotency-Key came before with another content"},
        [ESE_APPEND_UNKNOWN] = {504, false, "Perhaps stored: try again with the same id"},
        [ESE_APPEND_UNSYNCED] = {503, false, "Perhaps stored: the disk has failed; try again with the same id"},
        [ESE_APPEND_NO_ROOM] = {507, false, NOTHING "there is no room"},
        [ESE_APPEND_FAILED] = {503, true, NOTHING "the store failed, try again"},
    };
    const char *why = held->append.why;
    bool is_explained = refusals[held->result].retry_later && why[0] != '\0';
    char message[ESE_INTAKE_WHY_SIZE + sizeof NOTHING];
    snprintf(message, sizeof message, "%s%s", is_explained ? NOTHING : "",
             is_explained ? why : refusals[held->result].message);
    if (refusals[held->result].retry_later)
        ese_http_request_add_header(held->request, "Retry-After", "1");
    ese_http_reply_message(held->request, refusals[held->result].status, message);
}

static void free_held(struct held *held)
{
    ese_event_list_clear(&held->append.list);
    free(held->append.contents);
    free(held);
}

static void reply(void *context)
{
    struct held *held = context;
    if (held->result != ESE_APPEND_STORED)
        reply_refused(held);
    else if (held->prefers_minimal)
        reply_minimal(held);
    else
        reply_stored(held);
    free_held(held);
}

void ese_append_done(struct ese_append *append, enum ese_append_result result)
{
    struct held *held = (struct held *)append;
    held->result = result;
    ese_http_reply_by(held->request, reply, held);
}

/* ---- what came ------------------------------------------------------------------------------- */

/* Over what was sent, before ids are given here: those differ at each try. */
static uint64_t content_hash(const struct ese_append *append)
{
    const struct ese_event_list *list = &append->list;
    struct sent *all = ese_alloc_array(list->count, sizeof *all);
    for (size_t i = 0; i < list->count; i++) {
        all[i].content = append->contents[i];
        all[i].id = list->events[i].id;
        memcpy(all[i].source, list->events[i].source, sizeof all[i].source);
        memcpy(all[i].foreign_id, list->events[i].foreign_id, sizeof all[i].foreign_id);
    }
    const struct ese_digest_part parts[] = {{&append->many, sizeof append->many},
                                            {all, list->count * sizeof *all}};
    uint8_t digest[ESE_DIGEST_SIZE];
    uint64_t hash;
    ese_digest(parts, ESE_COUNT_OF(parts), digest);
    memcpy(&hash, digest, sizeof hash);
    free(all);
    return hash;
}

/* A batch is named as a whole, its events by their number in it. */
static void name_by_key(const struct ese_append *append, size_t number)
{
    struct ese_event *event = &append->list.events[number];
    snprintf(event->foreign_id, sizeof event->foreign_id, "idempotency-key/%016" PRIx64 "/%zu/%s",
             append->content_hash, number, append->idempotency_key);
}
_Static_assert(ESE_INTAKE_KEY_SIZE + 60 <= ESE_EVENT_FOREIGN_ID_SIZE, "such a name must fit");

/* False when there is no name, or none is asked for. */
static bool give_id_of_name(const struct ese_event_intake *intake, const struct ese_append *append,
                            size_t number)
{
    struct ese_event *event = &append->list.events[number];
    if (!intake->ids_from_names)
        return false;
    if (event->foreign_id[0] == '\0' && append->idempotency_key[0] != '\0')
        name_by_key(append, number);
    if (event->foreign_id[0] == '\0')
        return false;
    event->id = ese_event_id_of_name(event);
    return true;
}

static void give_id(struct ese_event_intake *intake, struct ese_event *event)
{
    uint16_t lane = (uint16_t)(ese_event_key_hash(event->key) % ESE_ID_LANES);
    const struct ese_id_parts parts = {.time_ms = event->client_ts,
                                       .lane = lane,
                                       .run = intake->run,
                                       .sequence = intake->sequences[lane]++};
    event->id = ese_id_make(&parts);
}

/* A traceparent that is none is passed over, as the Trace Context recommendation asks. */
static void complete(struct ese_event_intake *intake, const struct ese_append *append,
                     size_t number, const char *traceparent)
{
    struct ese_event *event = &append->list.events[number];
    if (ese_id_is_none(&event->id) && !give_id_of_name(intake, append, number))
        give_id(intake, event);
    if (traceparent != NULL && ese_traceparent_valid(traceparent))
        ese_fit_text(event->traceparent, sizeof event->traceparent, traceparent);
    else
        ese_event_set_traceparent(event);
}

static int header_of(const void *request, const char *name, const char **value)
{
    *value = ese_http_request_header(request, name);
    return ese_http_request_header_count(request, name);
}

/* 1: it was one, and is read; 0: it is none; -1. */
static int read_cloud_event(struct held *held, const char *body, size_t length,
                            struct ese_error *error)
{
    struct ese_event_list *list = &held->append.list;
    struct ese_cloud_event cloud_event;
    int is_one = ese_cloud_event_read(header_of, held->request, &cloud_event, error);
    held->is_cloud_event = is_one != 0;
    if (is_one != 1)
        return is_one;
    if (held->append.many)
        return ese_fail(error, ESE_E_INVALID,
                        "ce-id: a request has one CloudEvent: POST /event, for each of them");
    list->events = ese_alloc_array(1, sizeof *list->events);
    list->count = 1;
    return ese_cloud_event_take(&cloud_event, body, length, &list->events[0], error) == 0 ? 1 : -1;
}

static int read_events(struct ese_event_intake *intake, struct held *held, struct ese_error *error)
{
    struct ese_event_list *list = &held->append.list;
    size_t length;
    const char *body = ese_http_request_body(held->request, &length);
    int is_cloud_event = read_cloud_event(held, body, length, error);
    if (is_cloud_event != 0)
        return is_cloud_event == 1 ? 0 : -1;
    if (held->append.many)
        return ese_event_json_read_posted_list(body, length, intake->max_batch, list, error);
    list->events = ese_alloc_array(1, sizeof *list->events);
    list->count = 1;
    return ese_event_json_read_posted(body, length, &list->events[0], error);
}

/* Kafka's readers would take its id for one that was given here, or for none. */
static int check_sources(struct held *held, struct ese_error *error)
{
    const struct ese_event_list *list = &held->append.list;
    for (size_t i = 0; i < list->count && !held->has_our_source; i++)
        held->has_our_source = strcmp(list->events[i].source, ESE_EVENT_OUR_SOURCE) == 0;
    if (!held->has_our_source)
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "%s: '" ESE_EVENT_OUR_SOURCE "' stands for ids that are given here: send a source of your "
                    "own%s", held->is_cloud_event ? "ce-source" : "source",
                    held->is_cloud_event ? "" : ", or none");
}

static int read_key(struct held *held, struct ese_error *error)
{
    const char *key = ese_http_request_header(held->request, "Idempotency-Key");
    if (key == NULL)
        return 0;
    held->has_two_keys = ese_http_request_header_count(held->request, "Idempotency-Key") > 1;
    if (held->has_two_keys) /* by which of them it is repeated nobody knows */
        return ese_fail(error, ESE_E_INVALID, "Idempotency-Key: more than one");
    if (ese_fit_text(held->append.idempotency_key, sizeof held->append.idempotency_key, key) != 0)
        return ese_fail(error, ESE_E_INVALID, "Idempotency-Key: longer than %d bytes",
                        ESE_INTAKE_KEY_SIZE - 1);
    return 0;
}

static void refuse(struct held *held, const struct ese_error *error)
{
    ese_log_debug("refused: %s", error->text);
    if (error->code == ESE_E_FULL)
        ese_http_reply_message(held->request, 413, error->text);
    else if (held->is_cloud_event || held->has_our_source || held->has_two_keys)
        ese_http_reply_message(held->request, 400, error->text);
    else
        reply_bad(held->request);
    free_held(held);
}

static void refuse_unread(const struct ese_event_intake *intake, struct ese_http_request *request)
{
    char message[ESE_INTAKE_WHY_SIZE + sizeof NOTHING];
    snprintf(message, sizeof message, NOTHING "%s", intake->refusal);
    ese_http_reply_message(request, 403, message);
}

static void take(struct ese_event_intake *intake, struct ese_http_request *request, bool many)
{
    struct ese_error error;
    if (intake->refusal != NULL) {
        refuse_unread(intake, request);
        return;
    }
    struct held *held = ese_alloc(sizeof *held);
    held->request = request;
    held->append.many = many;
    held->prefers_minimal = ese_http_prefers_minimal(ese_http_request_header(request, "Prefer"));
    if (read_key(held, &error) != 0 || read_events(intake, held, &error) != 0 ||
        check_sources(held, &error) != 0) {
        refuse(held, &error);
        return;
    }
    struct ese_event_list *list = &held->append.list;
    if (list->count == 0) { /* nothing for the store to do */
        ese_append_done(&held->append, ESE_APPEND_STORED);
        return;
    }
    held->append.contents = ese_alloc_array(list->count, sizeof held->append.contents[0]);
    for (size_t i = 0; i < list->count; i++)
        held->append.contents[i] = ese_event_content_hash(&list->events[i]);
    if (held->append.idempotency_key[0] != '\0')
        held->append.content_hash = content_hash(&held->append);
    const char *traceparent = ese_http_request_header(request, "traceparent");
    for (size_t i = 0; i < list->count; i++)
        complete(intake, &held->append, i, traceparent);
    intake->append(intake->store, &held->append);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static void get_root(void *context, struct ese_http_request *request)
{
    struct ese_event_intake *intake = context;
    ese_metric_add(intake->health_pings, 1);
    ese_http_reply_message(request, 200, intake->running);
}

static void post_event(void *context, struct ese_http_request *request)
{
    struct ese_event_intake *intake = context;
    ese_metric_add(intake->add_pings, 1);
    take(intake, request, false);
}

static void post_events(void *context, struct ese_http_request *request)
{
    struct ese_event_intake *intake = context;
    ese_metric_add(intake->add_many_pings, 1);
    take(intake, request, true);
}

struct ese_event_intake *ese_event_intake_new(struct ese_http_server *server,
                                              struct ese_metrics *metrics, int max_batch,
                                              ese_append_function *append, void *store)
{
    struct ese_event_intake *intake = ese_alloc(sizeof *intake);
    intake->append = append;
    intake->store = store;
    intake->max_batch = (size_t)max_batch;
    intake->run = ese_id_draw_run();
    snprintf(intake->running, sizeof intake->running, "Server running @%s",
             strrchr(ese_http_server_address(server), ':'));
    intake->health_pings =
        ese_metrics_counter(metrics, "health_ping_count", NULL, "Requests for GET /.");
    intake->add_pings =
        ese_metrics_counter(metrics, "add_event_ping_count", NULL, "Requests for POST /event.");
    intake->add_many_pings =
        ese_metrics_counter(metrics, "add_events_ping_count", NULL, "Requests for POST /events.");
    ese_http_server_route(server, "GET", "/", get_root, intake);
    ese_http_server_route(server, "POST", "/event", post_event, intake);
    ese_http_server_route(server, "POST", "/events", post_events, intake);
    return intake;
}

void ese_event_intake_make_ids_from_names(struct ese_event_intake *intake)
{
    intake->ids_from_names = true;
}

void ese_event_intake_refuse(struct ese_event_intake *intake, const char *why)
{
    intake->refusal = why;
}

void ese_event_intake_free(struct ese_event_intake **intake)
{
    free(*intake);
    *intake = NULL;
}
