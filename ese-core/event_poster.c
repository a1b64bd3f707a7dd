#include "ese-core/event_poster.h"

#include <assert.h>

#include "ese-core/address.h"
#include "ese-core/backoff.h"
#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/http_client.h"
#include "ese-core/http_prefer.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define REQUEST_MS 10000                /* an attempt's share of the deadline at most */
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MOST_MS 2000
#define SWEEP_NS (200 * ESE_NS_PER_MS)  /* how often lanes are looked through for late events */
#define BODY_LIMIT (8 * ESE_EVENT_DATA_LIMIT) /* escaped, data grows up to sixfold */
#define FAR_MS (INT64_C(1) << 40)       /* 35 years: a client_ts beyond is as good as this */
#define PREFER "Prefer: " ESE_HTTP_MINIMAL /* the answer's status says all we ask */
#define COMPLAIN_NS (10 * ESE_NS_PER_S) /* a server may be away for long */

/* An event from send until its outcome. */
struct held {
    struct held *next; /* in its lane */
    struct ese_event_poster *poster;
    struct ese_id id;
    char *url;
    char *headers; /* a line each */
    char *body;
    size_t length;
    int number;          /* of its address */
    int64_t deadline_ns; /* monotonic */
    struct ese_backoff backoff;
    int attempts;
    bool perhaps_stored; /* by one of them */
};

/* The first event of a lane is in flight or waits for its next attempt; the others behind it. */
struct lane {
    struct held *first, **last;
    int64_t due_ns; /* of the next attempt, while the lane is in the heap */
    int active;     /* its place among the active lanes */
};

struct ese_event_poster {
    struct ese_http_client *client;
    char *server; /* its URL, without a path */
    ese_post_addressing *address;
    ese_post_writing *write;
    ese_post_place *place;
    int64_t retry_deadline_ms;
    int held_count, held_most; /* until poll has told the outcome */
    struct lane lanes[ESE_ID_LANES];
    struct lane *active[ESE_ID_LANES]; /* those that hold events */
    int active_count;
    struct lane *heap[ESE_ID_LANES]; /* those that wait for an attempt; the earliest is first */
    int heap_count;
    int64_t next_sweep_ns;
    struct ese_acknowledgement *outcomes; /* a ring of held_most */
    int outcome_first, outcome_count;
    int64_t complain_ns; /* not before */
    bool complained;     /* and nothing was stored since */
    bool closing;
};

/* ---- the heap of lanes that wait ------------------------------------------------------------- */

static void heap_push(struct ese_event_poster *poster, struct lane *lane)
{
    int i = poster->heap_count++;
    for (; i > 0 && poster->heap[(i - 1) / 2]->due_ns > lane->due_ns; i = (i - 1) / 2)
        poster->heap[i] = poster->heap[(i - 1) / 2];
    poster->heap[i] = lane;
}

static struct lane *heap_pop(struct ese_event_poster *poster)
{
    struct lane *first = poster->heap[0], *moved = poster->heap[--poster->heap_count];
    int i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child + 1 < poster->heap_count &&
            poster->heap[child + 1]->due_ns < poster->heap[child]->due_ns)
            child++;
        if (child >= poster->heap_count || poster->heap[child]->due_ns >= moved->due_ns)
            break;
        poster->heap[i] = poster->heap[child];
        i = child;
    }
    poster->heap[i] = moved;
    return first;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static struct lane *lane_of(struct ese_event_poster *poster, const struct ese_id *id)
{
    return &poster->lanes[ese_id_read(id).lane];
}

static void activate(struct ese_event_poster *poster, struct lane *lane)
{
    lane->active = poster->active_count;
    poster->active[poster->active_count++] = lane;
}

static void deactivate(struct ese_event_poster *poster, struct lane *lane)
{
    struct lane *moved = poster->active[--poster->active_count];
    poster->active[lane->active] = moved;
    moved->active = lane->active;
}

static void free_held(struct held *held)
{
    free(held->url);
    free(held->headers);
    free(held->body);
    free(held);
}

/* Notes what became of an event that stands in no lane any more, and frees it. answer: the 2xx, or NULL. */
static void settle(struct ese_event_poster *poster, struct held *held, enum ese_outcome outcome,
                   const struct ese_http_answer *answer)
{
    int32_t partition = -1;
    int64_t offset = -1;
    if (answer != NULL && poster->place != NULL)
        poster->place(answer, held->number, &partition, &offset);
    int place = (poster->outcome_first + poster->outcome_count) % poster->held_most;
    assert(poster->outcome_count < poster->held_most);
    poster->outcome_count++;
    poster->outcomes[place] = (struct ese_acknowledgement){.id = held->id,
                                                           .outcome = outcome,
                                                           .partition = partition,
                                                           .offset = offset,
                                                           .attempts = held->attempts,
                                                           .done_ns = ese_clock_monotonic_ns()};
    free_held(held);
}

/* One attempt without an answer makes an event unknown, whatever the others were told. */
static enum ese_outcome outcome_at_end(const struct held *held)
{
    if (held->attempts == 0)
        return ESE_OUTCOME_NOT_SENT;
    return held->perhaps_stored ? ESE_OUTCOME_UNKNOWN : ESE_OUTCOME_REFUSED;
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void on_answer(void *context, const struct ese_http_answer *answer);

static void attempt(struct ese_event_poster *poster, struct held *held, int64_t now_ns)
{
    int64_t left_ms = (held->deadline_ns - now_ns) / ESE_NS_PER_MS + 1;
    if (left_ms > REQUEST_MS)
        left_ms = REQUEST_MS;
    const struct ese_http_call call = {.method = "POST",
                                       .url = held->url,
                                       .headers = held->headers,
                                       .body = held->body,
                                       .length = held->length,
                                       .timeout_ms = (int)left_ms,
                                       .done = on_answer,
                                       .context = held};
    held->attempts++;
    ese_http_client_call(poster->client, &call);
}

/* Takes the lane's first event away. */
static struct held *take_first(struct lane *lane)
{
    struct held *held = lane->first;
    lane->first = held->next;
    if (lane->first == NULL)
        lane->last = &lane->first;
    return held;
}

/* Tries the first event whose deadline has not passed; those before it end here. */
static void move_on(struct ese_event_poster *poster, struct lane *lane)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    while (lane->first != NULL && lane->first->deadline_ns <= now_ns) {
        struct held *late = take_first(lane);
        settle(poster, late, outcome_at_end(late), NULL);
    }
    if (lane->first != NULL)
        attempt(poster, lane->first, now_ns);
    else
        deactivate(poster, lane);
}

static void settle_first(struct ese_event_poster *poster, struct lane *lane,
                         enum ese_outcome outcome, const struct ese_http_answer *answer)
{
    settle(poster, take_first(lane), outcome, answer);
    move_on(poster, lane);
}

/* Puts the lane aside until its next attempt, or until its first event's deadline. */
static void wait_for_retry(struct ese_event_poster *poster, struct lane *lane,
                           int64_t retry_after_ms)
{
    struct held *held = lane->first;
    int64_t wait_ms = ese_backoff_next_ms(&held->backoff);
    if (retry_after_ms > wait_ms)
        wait_ms = retry_after_ms;
    lane->due_ns = ese_clock_monotonic_ns() + wait_ms * ESE_NS_PER_MS;
    if (lane->due_ns > held->deadline_ns)
        lane->due_ns = held->deadline_ns;
    heap_push(poster, lane);
}

static bool refused_for_good(int status)
{
    return status == 400 || status == 409 || status == 413 || status == 422;
}

/* Now and then a word, not one for each attempt. */
static void complain(struct ese_event_poster *poster, const struct held *held,
                     const struct ese_http_answer *answer)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    bool for_good = refused_for_good(answer->status);
    if (now_ns < poster->complain_ns)
        return;
    poster->complain_ns = now_ns + COMPLAIN_NS;
    poster->complained |= !for_good;
    if (answer->status == 0)
        ese_log_warning("%s: no answer (%s): does ese-server run there? --server names another; "
                        "trying again", held->url, answer->problem);
    else
        ese_log_warning("%s: answers %d %.200s; %s", held->url, answer->status, answer->body,
                        for_good ? "an event is refused" : "trying again");
}

static void note_stored(struct ese_event_poster *poster)
{
    if (poster->complained)
        ese_log_info("%s: events are stored again", poster->server);
    poster->complained = false;
}

/* A 503 that does not say when to come again may be of somebody who is about to end, and knows of nothing. */
static bool is_refusal_for_now(const struct ese_http_answer *answer)
{
    return answer->status == 429 || (answer->status == 503 && answer->retry_after_ms >= 0);
}

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct held *held = context;
    struct ese_event_poster *poster = held->poster;
    struct lane *lane = lane_of(poster, &held->id);
    if (poster->closing)
        return;
    assert(lane->first == held);
    if (answer->status >= 200 && answer->status < 300) {
        note_stored(poster);
        settle_first(poster, lane, ESE_OUTCOME_ACKNOWLEDGED, answer);
        return;
    }
    complain(poster, held, answer);
    if (refused_for_good(answer->status)) {
        settle_first(poster, lane, outcome_at_end(held), NULL);
    } else {
        if (!is_refusal_for_now(answer) && !answer->certainly_not_sent)
            held->perhaps_stored = true;
        wait_for_retry(poster, lane, answer->retry_after_ms);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static void retry_due(struct ese_event_poster *poster, int64_t now_ns)
{
    while (poster->heap_count > 0 && poster->heap[0]->due_ns <= now_ns)
        move_on(poster, heap_pop(poster));
}

/* Events that wait behind another one are not in the heap: client_ts may be in any order. */
static void end_late(struct ese_event_poster *poster, struct lane *lane, int64_t now_ns)
{
    struct held **place = &lane->first->next;
    while (*place != NULL) {
        struct held *held = *place;
        if (held->deadline_ns > now_ns) {
            place = &held->next;
            continue;
        }
        *place = held->next;
        settle(poster, held, ESE_OUTCOME_NOT_SENT, NULL);
    }
    lane->last = place;
}

static void sweep(struct ese_event_poster *poster, int64_t now_ns)
{
    if (now_ns < poster->next_sweep_ns)
        return;
    poster->next_sweep_ns = now_ns + SWEEP_NS;
    for (int i = 0; i < poster->active_count; i++)
        end_late(poster, poster->active[i], now_ns);
}

/* ---- the face -------------------------------------------------------------------------------- */

int ese_event_poster_open(const struct ese_event_poster_options *options,
                          struct ese_event_poster **result, struct ese_error *error)
{
    const struct ese_http_given given = {
        options->server, "--server", "a URL as http://" ESE_SERVER_ADDRESS};
    struct ese_event_poster *poster = ese_alloc(sizeof *poster);
    if (ese_http_url(&given, "", &poster->server, error) != 0 ||
        ese_http_client_open(options->connections, options->token, &poster->client, error) != 0) {
        free(poster->server);
        free(poster);
        return -1;
    }
    poster->retry_deadline_ms = options->retry_deadline_ms;
    poster->address = options->address;
    poster->place = options->place;
    poster->write = options->write != NULL ? options->write : ese_event_json_write_posted;
    poster->held_most = options->inflight;
    poster->outcomes = ese_alloc_array((size_t)options->inflight, sizeof *poster->outcomes);
    for (int i = 0; i < ESE_ID_LANES; i++)
        poster->lanes[i].last = &poster->lanes[i].first;
    *result = poster;
    return 0;
}

/* The deadline runs from client_ts, which the wall clock tells; from here on only the monotonic one
 * counts. */
static int64_t deadline_ns(const struct ese_event_poster *poster, int64_t client_ts)
{
    int64_t now_ms = ese_clock_wall_ms();
    if (client_ts < now_ms - FAR_MS)
        client_ts = now_ms - FAR_MS;
    if (client_ts > now_ms + FAR_MS)
        client_ts = now_ms + FAR_MS;
    return ese_clock_monotonic_ns() +
           (client_ts - now_ms + poster->retry_deadline_ms) * ESE_NS_PER_MS;
}

static void address(struct held *held, const struct ese_event *event)
{
    struct ese_post_address to = {.path = "/event", .headers = PREFER};
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX);
    if (held->poster->address != NULL)
        held->poster->address(event, &to);
    held->number = to.number;
    ese_buffer_text(&text, held->poster->server);
    ese_buffer_text(&text, to.path);
    held->url = ese_buffer_detach(&text);
    ese_buffer_text(&text, to.headers);
    if (event->traceparent[0] != '\0') {
        ese_buffer_text(&text, "\ntraceparent: ");
        ese_buffer_text(&text, event->traceparent);
    }
    held->headers = ese_buffer_detach(&text);
}

static struct held *hold(struct ese_event_poster *poster, const struct ese_event *event)
{
    struct held *held = ese_alloc(sizeof *held);
    struct ese_buffer body = ESE_BUFFER_INIT(BODY_LIMIT);
    poster->write(&body, event);
    assert(!body.overflowed);
    held->length = body.length;
    held->body = ese_buffer_detach(&body);
    held->poster = poster;
    held->id = event->id;
    held->deadline_ns = deadline_ns(poster, event->client_ts);
    held->backoff = (struct ese_backoff){.first_ms = BACKOFF_FIRST_MS, .most_ms = BACKOFF_MOST_MS};
    address(held, event);
    return held;
}

int ese_event_poster_send(struct ese_event_poster *poster, const struct ese_event *event,
                          struct ese_error *error)
{
    if (poster->held_count == poster->held_most)
        return ese_fail(error, ESE_E_FULL, "%d events are in flight already", poster->held_most);
    struct held *held = hold(poster, event);
    struct lane *lane = lane_of(poster, &held->id);
    bool idle = lane->first == NULL;
    poster->held_count++;
    *lane->last = held;
    lane->last = &held->next;
    if (idle) {
        activate(poster, lane);
        move_on(poster, lane);
    }
    return 0;
}

static int take_outcomes(struct ese_event_poster *poster,
                         struct ese_acknowledgement *acknowledgements, int max)
{
    int count = 0;
    while (count < max && poster->outcome_count > 0) {
        acknowledgements[count++] = poster->outcomes[poster->outcome_first];
        poster->outcome_first = (poster->outcome_first + 1) % poster->held_most;
        poster->outcome_count--;
    }
    poster->held_count -= count;
    return count;
}

/* Until the next thing that time alone brings about, at most until_ns. */
static int wait_ms(const struct ese_event_poster *poster, int64_t until_ns, int64_t now_ns)
{
    int64_t wake_ns = until_ns;
    if (poster->heap_count > 0 && poster->heap[0]->due_ns < wake_ns)
        wake_ns = poster->heap[0]->due_ns;
    if (poster->active_count > 0 && poster->next_sweep_ns < wake_ns)
        wake_ns = poster->next_sweep_ns;
    return wake_ns <= now_ns ? 0 : (int)((wake_ns - now_ns + ESE_NS_PER_MS - 1) / ESE_NS_PER_MS);
}

int ese_event_poster_poll(struct ese_event_poster *poster, int timeout_ms,
                          struct ese_acknowledgement *acknowledgements, int max)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t until_ns = now_ns + timeout_ms * ESE_NS_PER_MS;
    do {
        retry_due(poster, now_ns);
        sweep(poster, now_ns);
        int patience_ms = poster->outcome_count > 0 ? 0 : wait_ms(poster, until_ns, now_ns);
        ese_http_client_poll(poster->client, patience_ms, -1);
        now_ns = ese_clock_monotonic_ns();
    } while (poster->outcome_count == 0 && now_ns < until_ns);
    return take_outcomes(poster, acknowledgements, max);
}

int ese_event_poster_pending(const struct ese_event_poster *poster)
{
    return poster->held_count;
}

void ese_event_poster_close(struct ese_event_poster **handle)
{
    struct ese_event_poster *poster = *handle;
    if (poster == NULL)
        return;
    *handle = NULL;
    poster->closing = true;
    ese_http_client_close(&poster->client);
    for (int i = 0; i < ESE_ID_LANES; i++) {
        while (poster->lanes[i].first != NULL)
            free_held(take_first(&poster->lanes[i]));
    }
    free(poster->outcomes);
    free(poster->server);
    free(poster);
}
