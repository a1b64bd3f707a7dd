/*
 * stuck-order: an order that was created and, up to --stuck-after-ms later, not completed, gives one
 * mail.
 *
 * The first that is heard of an order opens its window, of that length by client_ts. Within it the
 * order is completed or it is not; what comes behind its end closes it, and opens another: an order
 * may be created again. Where ORDER_COMPLETED is the first, there is nothing to wait for, but an
 * ORDER_CREATED that was overtaken must find that out.
 *
 * Nobody sends that an order was not completed. So the mail is due when event time has passed the
 * window, and all of it must be kept until then, the event's trace included.
 */
#include <assert.h>
#include <inttypes.h>

#include "ese-consumer/rule.h"
#include "ese-core/clock.h"

#define NAME "stuck-order"

/* What is kept of an order, byte for byte. */
struct window {
    int64_t begins_ms;
    int64_t is_completed;
    struct ese_id created; /* the event that opened it */
    char ip[ESE_EVENT_IP_SIZE];
    char traceparent[ESE_TRACEPARENT_SIZE];
};

extern const struct ese_rule ese_rule_stuck_order;

static bool is_completion(const struct ese_event *event)
{
    return strcmp(event->sub_type, ESE_SUB_TYPE_COMPLETED) == 0;
}

static bool wants(const struct ese_event *event)
{
    return is_completion(event) || strcmp(event->sub_type, ESE_SUB_TYPE_CREATED) == 0;
}

static struct window read_window(const struct ese_rule_state *state)
{
    struct window window;
    assert(state->length == sizeof window);
    memcpy(&window, state->bytes, sizeof window);
    return window;
}

/* A timestamp may be any number a sender liked. */
static int64_t end_of(const struct ese_rule_settings *settings, const struct window *window)
{
    int64_t end_ms;
    bool is_beyond = __builtin_add_overflow(window->begins_ms, settings->stuck_after_ms, &end_ms);
    return is_beyond ? INT64_MAX : end_ms;
}

static void keep_window(const struct ese_rule_settings *settings, struct ese_rule_state *state,
                        const struct window *window)
{
    memcpy(state->bytes, window, sizeof *window);
    state->length = sizeof *window;
    state->leaves_ms = end_of(settings, window);
}

static void open_window(struct window *window, const struct ese_event *event)
{
    *window = (struct window){.begins_ms = event->client_ts,
                              .is_completed = is_completion(event),
                              .created = event->id};
    snprintf(window->ip, sizeof window->ip, "%s", event->ip);
    snprintf(window->traceparent, sizeof window->traceparent, "%s", event->traceparent);
}

static int expire(const struct ese_rule_settings *settings, const struct ese_rule_state *state,
                  const char *key, struct ese_decision *decision)
{
    const struct window window = read_window(state);
    if (window.is_completed)
        return 0;
    struct ese_event created = {.client_ts = window.begins_ms};
    snprintf(created.key, sizeof created.key, "%s", key);
    snprintf(created.traceparent, sizeof created.traceparent, "%s", window.traceparent);
    ese_decision_make(decision, NAME, &created, &window.created, 1);
    char created_text[ESE_CLOCK_TEXT_SIZE];
    ese_clock_local_text(window.begins_ms, created_text);
    int64_t waited_ms = settings->stuck_after_ms;
    snprintf(decision->to, sizeof decision->to, "order_updated@ese.org");
    snprintf(decision->subject, sizeof decision->subject, "[%s] | Order Not Completed", key);
    snprintf(decision->content, sizeof decision->content,
             "The order was created from IP [%s] at [%s] and was not completed within "
             "[%" PRId64 "s %" PRId64 "ms]",
             window.ip, created_text, waited_ms / 1000, waited_ms % 1000);
    return 1;
}

static int apply(const struct ese_rule_settings *settings, struct ese_rule_state *state,
                 const struct ese_event *event, struct ese_decision *decision,
                 struct ese_error *error)
{
    (void)error; /* there is no event that it cannot take */
    int concluded = 0;
    struct window window = {0};
    bool is_open = state->length != 0;
    if (is_open)
        window = read_window(state);
    if (is_open && event->client_ts > end_of(settings, &window)) {
        concluded = expire(settings, state, event->key, decision);
        is_open = false;
    }
    if (!is_open)
        open_window(&window, event);
    else
        window.is_completed |= is_completion(event);
    keep_window(settings, state, &window);
    return concluded;
}

const struct ese_rule ese_rule_stuck_order = {
    .name = NAME,
    .summary = "an order that is not completed in time gives a mail",
    .state_size = sizeof(struct window),
    .wants = wants,
    .apply = apply,
    .expire = expire,
};
