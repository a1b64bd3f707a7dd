#include "transports/kafka/gateway.h"

#include <assert.h>
#include <pthread.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/kafka/window.h"

/* One event of one request, waiting for the outcome of an entry. */
struct waiter {
    struct request *request;
    size_t index;
    struct waiter *next;
};

struct request {
    struct ese_append *append;
    struct ese_window_entry *key; /* its Idempotency-Key's, or NULL */
    size_t left;                  /* events without an outcome */
    size_t stored, unknown, refused;
    /* waiting for the same key; then in the list of those to answer */
    struct request *next;
    enum ese_append_result result;
    struct ese_window_entry **entries; /* one an event; NULL: it was stored long ago, or is settled */
    struct waiter *waiters;            /* one an event */
};

/* What a key's request was answered: its events' ids and times. */
struct answered {
    struct ese_id id;
    int64_t server_ts;
};

struct ese_gateway {
    struct ese_gateway_options options;
    struct ese_outlet *outlet;
    pthread_mutex_t lock; /* of all below */
    struct ese_window *window;
    int in_flight;
    struct request *answerable; /* has its result; answered once the lock is released */
    struct ese_metric *outcomes[4]; /* by enum ese_delivery_result */
    struct ese_metric *again, *in_flight_shown, *kept_shown, *spans_shown;
};

/* ---- answering ----------------------------------------------------------------------------- */

static void free_request(struct request *request)
{
    free(request->entries);
    free(request->waiters);
    free(request);
}

static void make_answerable(struct ese_gateway *gateway, struct request *request,
                            enum ese_append_result result)
{
    request->result = result;
    request->next = gateway->answerable;
    gateway->answerable = request;
}

/* Releases the lock: answering may be slow and may call back. */
static void unlock_and_answer(struct ese_gateway *gateway)
{
    struct request *request = gateway->answerable;
    gateway->answerable = NULL;
    ese_metric_set(gateway->in_flight_shown, gateway->in_flight);
    ese_metric_set(gateway->kept_shown, ese_window_count(gateway->window));
    ese_metric_set(gateway->spans_shown, ese_window_spans(gateway->window));
    pthread_mutex_unlock(&gateway->lock);
    while (request != NULL) {
        struct request *next = request->next;
        ese_append_done(request->append, request->result);
        free_request(request);
        request = next;
    }
}

/* ---- Idempotency-Keys ---------------------------------------------------------------------- */

static struct answered *note_answers(const struct ese_event_list *list)
{
    struct answered *answers = ese_alloc_array(list->count + 1, sizeof *answers);
    for (size_t i = 0; i < list->count; i++)
        answers[i] = (struct answered){.id = list->events[i].id,
                                       .server_ts = list->events[i].server_ts};
    return answers;
}

/* The same content hash means the same number of events. */
static void answer_as_before(struct ese_event_list *list, const struct answered *answers)
{
    for (size_t i = 0; i < list->count; i++) {
        list->events[i].id = answers[i].id;
        list->events[i].server_ts = answers[i].server_ts;
    }
}

/* The request that held the key has its result: so have all that waited for it. */
static void settle_key(struct ese_gateway *gateway, struct request *request,
                       enum ese_append_result result)
{
    struct ese_window_entry *key = request->key;
    struct request *waiting = key->waiting;
    key->waiting = NULL;
    free(key->answer);
    key->answer = note_answers(&request->append->list);
    key->state = result == ESE_APPEND_STORED ? ESE_ENTRY_STORED : ESE_ENTRY_UNKNOWN;
    while (waiting != NULL) {
        struct request *next = waiting->next;
        answer_as_before(&waiting->append->list, key->answer);
        make_answerable(gateway, waiting, result);
        waiting = next;
    }
    if (result != ESE_APPEND_STORED && result != ESE_APPEND_UNKNOWN)
        ese_window_forget(gateway->window, key);
}

/* ---- outcomes ------------------------------------------------------------------------------ */

static enum ese_append_result result_of(const struct request *request)
{
    size_t count = request->append->list.count;
    if (request->stored == count)
        return ESE_APPEND_STORED;
    if (request->unknown > 0 || request->stored > 0)
        return ESE_APPEND_UNKNOWN;
    return request->refused > 0 ? ESE_APPEND_FAILED : ESE_APPEND_FULL;
}

static void finish(struct ese_gateway *gateway, struct request *request)
{
    enum ese_append_result result = result_of(request);
    if (request->key != NULL)
        settle_key(gateway, request, result);
    make_answerable(gateway, request, result);
}

/* What a broker or librdkafka said of an event that certainly was not stored. */
static void note_reason(struct request *request, const char *reason)
{
    snprintf(request->append->why, sizeof request->append->why,
             "Kafka did not take it (%s): look at the broker's log; try again", reason);
}

static void count_outcome(struct request *request, size_t index, enum ese_delivery_result result,
                          const struct ese_window_entry *entry)
{
    struct ese_event *event = &request->append->list.events[index];
    if (entry != NULL)
        event->id = entry->id;
    event->server_ts = entry != NULL ? entry->server_ts : 0;
    request->stored += result == ESE_DELIVERED;
    request->unknown += result == ESE_DELIVERY_UNKNOWN;
    request->refused += result == ESE_DELIVERY_REFUSED;
    request->entries[index] = NULL;
    request->left--;
}

/* Tells everybody who waits for the entry, and keeps or forgets it. An attempt that certainly
 * failed makes an earlier one of unknown outcome no surer. */
static void settle(struct ese_gateway *gateway, struct ese_window_entry *entry,
                   enum ese_delivery_result result, const char *reason)
{
    struct waiter *waiter = entry->waiting;
    entry->waiting = NULL;
    entry->doubtful |= result == ESE_DELIVERY_UNKNOWN;
    if (entry->doubtful && result != ESE_DELIVERED)
        result = ESE_DELIVERY_UNKNOWN;
    while (waiter != NULL) {
        struct request *request = waiter->request;
        struct waiter *next = waiter->next;
        if (result == ESE_DELIVERY_NOT_SENT || result == ESE_DELIVERY_REFUSED)
            note_reason(request, reason);
        count_outcome(request, waiter->index, result, entry);
        if (request->left == 0)
            finish(gateway, request);
        waiter = next;
    }
    if (result == ESE_DELIVERED)
        ese_window_stored(gateway->window, entry);
    else if (result == ESE_DELIVERY_UNKNOWN)
        entry->state = ESE_ENTRY_UNKNOWN;
    else
        ese_window_forget(gateway->window, entry);
}

void ese_gateway_delivered(void *context, const struct ese_delivery_report *report)
{
    struct ese_gateway *gateway = context;
    struct ese_window_entry *entry = report->token;
    ese_metric_add(gateway->outcomes[report->result], 1);
    pthread_mutex_lock(&gateway->lock);
    gateway->in_flight--;
    if (report->result == ESE_DELIVERED)
        entry->server_ts = report->timestamp_ms >= 0 ? report->timestamp_ms : ese_clock_wall_ms();
    settle(gateway, entry, report->result, report->reason);
    pthread_mutex_unlock(&gateway->lock);
}

void ese_gateway_answer(struct ese_gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    unlock_and_answer(gateway);
}

/* ---- taking a request ---------------------------------------------------------------------- */

static struct request *new_request(struct ese_append *append)
{
    struct request *request = ese_alloc(sizeof *request);
    request->append = append;
    request->left = append->list.count;
    request->entries = ese_alloc_array(append->list.count + 1, sizeof(struct ese_window_entry *));
    request->waiters = ese_alloc_array(append->list.count + 1, sizeof *request->waiters);
    return request;
}

/* Undoes what reserve made. */
static void release(struct ese_gateway *gateway, struct request *request)
{
    for (size_t i = 0; i < request->append->list.count; i++) {
        struct ese_window_entry *entry = request->entries[i];
        if (entry != NULL && entry->state == ESE_ENTRY_NEW) {
            for (size_t j = i + 1; j < request->append->list.count; j++) {
                if (request->entries[j] == entry)
                    request->entries[j] = NULL; /* the same id twice in one batch */
            }
            ese_window_forget(gateway->window, entry);
        }
    }
    if (request->key != NULL && request->key->state == ESE_ENTRY_NEW)
        ese_window_forget(gateway->window, request->key);
    request->key = NULL;
}

/* Whether some of it was produced before, or is under way: then nobody can say that nothing of it
 * is stored. */
static bool is_begun(const struct ese_gateway *gateway, const struct ese_append *append)
{
    for (size_t i = 0; i < append->list.count; i++) {
        struct ese_name name = ese_name_of_event(&append->list.events[i]);
        const struct ese_window_entry *entry = ese_window_find(gateway->window, &name);
        if (entry != NULL ? entry->state != ESE_ENTRY_NEW : ese_window_had(gateway->window, &append->list.events[i]))
            return true;
    }
    return false;
}

/* There is no room in the window for all its names. */
static void tell_window_full(const struct ese_gateway *gateway, struct ese_append *append)
{
    snprintf(append->why, sizeof append->why,
             "%lld ids are remembered for retries already, --window-events %lld is the most; try "
             "again later, or start the server with more",
             (long long)ese_window_count(gateway->window), (long long)gateway->options.most_kept);
}

/* An entry for the event: the one it has, or a new one, or none where it was stored long ago. ESE_APPEND_STORED means
 * that all is well. */
static enum ese_append_result reserve_one(struct ese_gateway *gateway, struct ese_event *event, uint64_t content_hash,
                                          int64_t now_ms, struct ese_window_entry **reserved)
{
    struct ese_name name = ese_name_of_event(event);
    struct ese_window_entry *entry = ese_window_find(gateway->window, &name);
    if (entry == NULL && ese_window_had(gateway->window, event))
        return ESE_APPEND_STORED;
    if (entry == NULL) {
        entry = ese_window_add(gateway->window, &name, now_ms);
        if (entry == NULL)
            return ESE_APPEND_FULL;
        entry->content_hash = content_hash;
        entry->id = event->id;
    }
    if (entry->content_hash != content_hash)
        return ESE_APPEND_CONFLICT;
    *reserved = entry;
    return ESE_APPEND_STORED;
}

/* Entries for all of it; how many events are to be produced. */
static enum ese_append_result reserve(struct ese_gateway *gateway, struct request *request,
                                      int64_t now_ms, size_t *to_produce)
{
    struct ese_event_list *list = &request->append->list;
    *to_produce = 0;
    for (size_t i = 0; i < list->count; i++) {
        enum ese_append_result result =
            reserve_one(gateway, &list->events[i], request->append->contents[i], now_ms, &request->entries[i]);
        if (result == ESE_APPEND_FULL)
            tell_window_full(gateway, request->append);
        if (result != ESE_APPEND_STORED)
            return result;
        const struct ese_window_entry *entry = request->entries[i];
        *to_produce += entry != NULL && (entry->state == ESE_ENTRY_NEW || entry->state == ESE_ENTRY_UNKNOWN);
    }
    return ESE_APPEND_STORED;
}

static void wait_for(struct request *request, size_t index, struct ese_window_entry *entry)
{
    struct waiter *waiter = &request->waiters[index];
    *waiter = (struct waiter){.request = request, .index = index, .next = entry->waiting};
    entry->waiting = waiter;
}

/* Sends out what is new, and again what ended unknown. */
static void produce(struct ese_gateway *gateway, struct ese_window_entry *entry,
                    struct ese_event *event)
{
    struct ese_error error;
    if (entry->state == ESE_ENTRY_UNKNOWN)
        ese_metric_add(gateway->again, 1);
    event->id = entry->id; /* produced again it must be recognised as the same event */
    entry->state = ESE_ENTRY_IN_FLIGHT;
    if (ese_outlet_put(gateway->outlet, event, entry, &error) == 0)
        gateway->in_flight++;
    else
        settle(gateway, entry, ESE_DELIVERY_NOT_SENT, error.text);
}

/* First every event gets what is known of it or waits, so that nothing that happens to one entry
 * can be missed by another event of the same id; then what is to go out goes. */
static void start(struct ese_gateway *gateway, struct request *request)
{
    struct ese_event_list *list = &request->append->list;
    request->left++; /* so that it is not finished before all have started */
    for (size_t i = 0; i < list->count; i++) {
        if (request->entries[i] == NULL || request->entries[i]->state == ESE_ENTRY_STORED)
            count_outcome(request, i, ESE_DELIVERED, request->entries[i]);
        else
            wait_for(request, i, request->entries[i]);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct ese_window_entry *entry = request->entries[i];
        if (entry != NULL && entry->state != ESE_ENTRY_IN_FLIGHT)
            produce(gateway, entry, &list->events[i]);
    }
    request->left--;
    if (request->left == 0)
        finish(gateway, request);
}

/* Answers a request of which nothing was begun here. */
static void refuse(struct ese_gateway *gateway, struct request *request,
                   enum ese_append_result result)
{
    release(gateway, request);
    if (result == ESE_APPEND_FULL && is_begun(gateway, request->append))
        result = ESE_APPEND_UNKNOWN;
    make_answerable(gateway, request, result);
}

/* Looks its Idempotency-Key up. True when that alone settles the request, or makes it wait. */
static bool settled_by_key(struct ese_gateway *gateway, struct request *request, int64_t now_ms)
{
    struct ese_append *append = request->append;
    struct ese_name name = ese_name_of_key(append->idempotency_key);
    struct ese_window_entry *key = ese_window_find(gateway->window, &name);
    if (key == NULL) {
        key = ese_window_add(gateway->window, &name, now_ms);
        if (key == NULL) {
            tell_window_full(gateway, append);
            refuse(gateway, request, ESE_APPEND_FULL);
            return true;
        }
        key->content_hash = append->content_hash;
    }
    if (key->content_hash != append->content_hash) {
        refuse(gateway, request, ESE_APPEND_CONFLICT);
        return true;
    }
    if (key->state == ESE_ENTRY_IN_FLIGHT) {
        request->next = key->waiting;
        key->waiting = request;
        return true;
    }
    if (key->answer != NULL)
        answer_as_before(&append->list, key->answer);
    if (key->state == ESE_ENTRY_STORED) {
        make_answerable(gateway, request, ESE_APPEND_STORED);
        return true;
    }
    request->key = key;
    return false;
}

/* Whether so many more may go out just now; where not, append says why. */
static bool has_room(struct ese_gateway *gateway, struct ese_append *append, size_t to_produce)
{
    const struct ese_gateway_options *options = &gateway->options;
    if (to_produce == 0)
        return true;
    if (to_produce <= (size_t)(options->most_in_flight - gateway->in_flight))
        return options->reachable(options->context, append->why, sizeof append->why);
    snprintf(append->why, sizeof append->why,
             "%d events wait for the broker already, --queue-events %d is the most; try again",
             gateway->in_flight, options->most_in_flight);
    return false;
}

void ese_gateway_append(struct ese_gateway *gateway, struct ese_append *append)
{
    struct request *request = new_request(append);
    int64_t now_ms = ese_clock_monotonic_ns() / ESE_NS_PER_MS;
    size_t to_produce;
    pthread_mutex_lock(&gateway->lock);
    ese_window_expire(gateway->window, now_ms); /* while no entry is held here */
    if (append->idempotency_key[0] == '\0' || !settled_by_key(gateway, request, now_ms)) {
        enum ese_append_result result = reserve(gateway, request, now_ms, &to_produce);
        if (result == ESE_APPEND_STORED && !has_room(gateway, append, to_produce))
            result = ESE_APPEND_FULL;
        if (result == ESE_APPEND_STORED) {
            if (request->key != NULL)
                request->key->state = ESE_ENTRY_IN_FLIGHT;
            start(gateway, request);
        } else {
            refuse(gateway, request, result);
        }
    }
    unlock_and_answer(gateway);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void make_metrics(struct ese_gateway *gateway)
{
    static const char *const labels[] = {
        [ESE_DELIVERED] = "outcome=\"stored\"",
        [ESE_DELIVERY_NOT_SENT] = "outcome=\"not_sent\"",
        [ESE_DELIVERY_REFUSED] = "outcome=\"refused\"",
        [ESE_DELIVERY_UNKNOWN] = "outcome=\"unknown\"",
    };
    struct ese_metrics *metrics = gateway->options.metrics;
    for (size_t i = 0; i < ESE_COUNT_OF(labels); i++)
        gateway->outcomes[i] = ese_metrics_counter(metrics, "ese_produced_total", labels[i],
                                                   "Records produced, by what became of them.");
    gateway->again = ese_metrics_counter(metrics, "ese_produced_again_total", NULL,
                                         "Retries of unknown outcome that were produced again.");
    gateway->in_flight_shown = ese_metrics_gauge(metrics, "ese_produce_in_flight", NULL,
                                                 "Records without a delivery report yet.");
    gateway->kept_shown = ese_metrics_gauge(metrics, "ese_retry_window_entries", NULL,
                                            "Ids and keys remembered so that a retry is stored "
                                            "once.");
    gateway->spans_shown = ese_metrics_gauge(metrics, "ese_retry_window_spans", NULL,
                                             "Stretches of lanes remembered for the same, of older ids.");
}

struct ese_gateway *ese_gateway_new(const struct ese_gateway_options *options)
{
    struct ese_gateway *gateway = ese_alloc(sizeof *gateway);
    gateway->options = *options;
    gateway->window = ese_window_new(options->keep_ms, options->most_kept, options->most_whole);
    pthread_mutex_init(&gateway->lock, NULL);
    make_metrics(gateway);
    return gateway;
}

void ese_gateway_connect(struct ese_gateway *gateway, struct ese_outlet *outlet)
{
    gateway->outlet = outlet;
}

int ese_gateway_in_flight(struct ese_gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    int in_flight = gateway->in_flight;
    pthread_mutex_unlock(&gateway->lock);
    return in_flight;
}

void ese_gateway_free(struct ese_gateway **gateway)
{
    if (*gateway == NULL)
        return;
    assert((*gateway)->in_flight == 0);
    ese_window_free(&(*gateway)->window);
    pthread_mutex_destroy(&(*gateway)->lock);
    free(*gateway);
    *gateway = NULL;
}
