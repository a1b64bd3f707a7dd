/*
 * courier_topic.c - decisions are put on the topic `mail-requests`, by any transport's produce face.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "ese-consumer/courier.h"
#include "ese-core/clock.h"
#include "ese-core/mail_request.h"
#include "ese-core/memory.h"
#include "transports/face_config.h"

#define DEADLINE_MS 10000 /* then it is asked anew: nothing waits longer for one outcome */
#define LOOK_MS 20        /* with outcomes to come, a wake is noticed this soon */

struct request {
    bool is_open;
    struct ese_id id; /* of the event */
    void *asked;
};

struct topic {
    struct ese_courier courier;
    const struct ese_produce_face *face;
    struct ese_config *config;
    struct ese_producer *producer;
    char name[64]; /* of the transport */
    struct request requests[ESE_COURIER_INFLIGHT];
    uint32_t run; /* of the events' ids; each place above is a lane, so that none waits for another */
    uint32_t sequences[ESE_COURIER_INFLIGHT];

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t woken;
    bool wake;
};

/* ---- answers --------------------------------------------------------------------------------- */

static void answer_again(struct topic *topic, void *asked, const char *why)
{
    char reason[200];
    snprintf(reason, sizeof reason, "the topic of mail requests, over %s: %.100s", topic->name,
             why);
    const struct ese_courier_answer again = {
        .word = ESE_COURIER_AGAIN, .reason = reason, .hint = "", .wait_ms = -1};
    topic->courier.answered(asked, &again);
}

static void on_outcome(struct topic *topic, const struct ese_acknowledgement *outcome)
{
    static const char *const words[] = {[ESE_OUTCOME_REFUSED] = "refuses one",
                                        [ESE_OUTCOME_UNKNOWN] = "has perhaps taken one",
                                        [ESE_OUTCOME_NOT_SENT] = "has not taken one in time"};
    struct request *request = topic->requests;
    while (!request->is_open || !ese_id_equal(&request->id, &outcome->id))
        request++;
    assert(request < topic->requests + ESE_COURIER_INFLIGHT); /* each has one outcome */
    request->is_open = false;
    if (outcome->outcome == ESE_OUTCOME_ACKNOWLEDGED)
        topic->courier.answered(request->asked,
                                &(struct ese_courier_answer){.word = ESE_COURIER_TAKEN});
    else
        answer_again(topic, request->asked, words[outcome->outcome]);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct request *free_request(struct topic *topic)
{
    struct request *request = topic->requests;
    while (request->is_open)
        request++;
    assert(request < topic->requests + ESE_COURIER_INFLIGHT);
    return request;
}

static struct ese_id draw_id(struct topic *topic, const struct request *request)
{
    size_t lane = (size_t)(request - topic->requests);
    return ese_id_make(&(struct ese_id_parts){.time_ms = ese_clock_wall_ms(),
                                              .lane = (uint16_t)lane,
                                              .run = topic->run,
                                              .sequence = topic->sequences[lane]++});
}

static void ask(struct ese_courier *courier, const struct ese_decision *decision, void *asked)
{
    struct topic *topic = (struct topic *)courier;
    struct request *request = free_request(topic);
    struct ese_event event;
    struct ese_error error;
    struct ese_buffer body = ESE_BUFFER_INIT(4096);
    ese_decision_write_mail(&body, decision, courier->transport);
    ese_mail_request_make(&event, &(struct ese_mail_request){.event = draw_id(topic, request),
                                                             .key = decision->key,
                                                             .traceparent = decision->traceparent,
                                                             .body = body.text});
    *request = (struct request){.is_open = true, .id = event.id, .asked = asked};
    if (topic->face->send(topic->producer, &event, &error) != 0) {
        request->is_open = false;
        answer_again(topic, asked, error.text);
    }
    ese_event_clear(&event);
    ese_buffer_free(&body);
}

static void wait_for_wake(struct topic *topic, int timeout_ms)
{
    int64_t ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    struct timespec until = {.tv_sec = ns / ESE_NS_PER_S, .tv_nsec = ns % ESE_NS_PER_S};
    int waited = 0;
    pthread_mutex_lock(&topic->mutex);
    while (!topic->wake && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&topic->woken, &topic->mutex, &until);
    topic->wake = false;
    pthread_mutex_unlock(&topic->mutex);
}

static int poll_answers(struct ese_courier *courier, int timeout_ms)
{
    struct topic *topic = (struct topic *)courier;
    struct ese_acknowledgement outcomes[ESE_COURIER_INFLIGHT];
    if (topic->face->pending(topic->producer) == 0) {
        wait_for_wake(topic, timeout_ms);
        return 0;
    }
    int count = topic->face->poll(topic->producer, timeout_ms < LOOK_MS ? timeout_ms : LOOK_MS,
                                  outcomes, ESE_COURIER_INFLIGHT);
    for (int i = 0; i < count; i++)
        on_outcome(topic, &outcomes[i]);
    return topic->face->pending(topic->producer);
}

static void wake(struct ese_courier *courier)
{
    struct topic *topic = (struct topic *)courier;
    pthread_mutex_lock(&topic->mutex);
    topic->wake = true;
    pthread_cond_signal(&topic->woken);
    pthread_mutex_unlock(&topic->mutex);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void close_topic(struct ese_courier *courier)
{
    struct topic *topic = (struct topic *)courier;
    if (topic->face != NULL)
        topic->face->close(&topic->producer);
    ese_config_free(&topic->config);
    pthread_cond_destroy(&topic->woken);
    pthread_mutex_destroy(&topic->mutex);
    free(topic);
}

static struct topic *topic_new(void)
{
    struct topic *topic = ese_alloc(sizeof *topic);
    topic->run = ese_id_draw_run();
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&topic->mutex, NULL);
    pthread_cond_init(&topic->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return topic;
}

static int configure(struct topic *topic, const char *specification, struct ese_error *error)
{
    if (ese_face_config(specification, ESE_FACE_PRODUCE, &topic->config, error) != 0)
        return -1;
    if (ese_options_find(ese_config_options(topic->config), ESE_TOPIC_OPTION) != NULL)
        ese_config_give(topic->config, ESE_TOPIC_OPTION, ESE_TOPIC_MAIL_REQUESTS);
    return ese_config_settle(topic->config, error);
}

static int open_topic(const struct ese_courier_options *options, struct ese_courier **courier,
                      struct ese_error *error)
{
    const struct ese_produce_settings settings = {.inflight = ESE_COURIER_INFLIGHT,
                                                  .retry_deadline_ms = DEADLINE_MS};
    struct topic *topic = topic_new();
    *courier = &topic->courier;
    if (configure(topic, options->requests, error) == 0) {
        const struct ese_transport *transport = ese_registry_chosen(topic->config);
        snprintf(topic->name, sizeof topic->name, "%s", transport->name);
        topic->face = transport->produce;
        if (topic->face->open(topic->config, &settings, &topic->producer, error) == 0)
            return 0;
    }
    close_topic(*courier);
    *courier = NULL;
    return ese_fail_within(error, "--mail-requests");
}

const struct ese_courier_kind ese_courier_topic = {
    .open = open_topic,
    .close = close_topic,
    .ask = ask,
    .poll = poll_answers,
    .wake = wake,
};
