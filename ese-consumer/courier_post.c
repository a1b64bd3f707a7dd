/*
 * courier_post.c - decisions are posted to the mailer.
 */
#include "ese-consumer/courier.h"
#include "ese-core/http_client.h"
#include "ese-core/memory.h"

#define CONNECTIONS 8
#define REQUEST_TIMEOUT_MS 5000

struct poster {
    struct ese_courier courier;
    struct ese_http_client *client;
    char *url;
};

/* A request under way. */
struct request {
    struct poster *poster;
    void *asked;
};

static bool is_refusal(int status)
{
    return status == 400 || status == 403 || status == 409 || status == 413 || status == 422;
}

static void on_answer(void *context, const struct ese_http_answer *http)
{
    struct request *request = context;
    struct poster *poster = request->poster;
    struct ese_courier_answer answer = {.hint = "", .wait_ms = http->retry_after_ms};
    char reason[400] = "";
    answer.reason = reason;
    if (http->status / 100 == 2) {
        answer.word = ESE_COURIER_TAKEN;
    } else if (is_refusal(http->status)) {
        answer.word = ESE_COURIER_REFUSED;
        snprintf(reason, sizeof reason, "%d %.200s", http->status, http->body);
    } else if (http->status == 0) {
        answer.word = ESE_COURIER_AGAIN;
        snprintf(reason, sizeof reason, "%.150s: no answer (%.200s)", poster->url, http->problem);
        answer.hint = ": does ese-mailer run there? --mailer names another";
    } else {
        answer.word = ESE_COURIER_AGAIN;
        snprintf(reason, sizeof reason, "%.150s: answers %d %.200s", poster->url, http->status,
                 http->body);
    }
    poster->courier.answered(request->asked, &answer);
    free(request);
}

static void ask(struct ese_courier *courier, const struct ese_decision *decision, void *asked)
{
    struct poster *poster = (struct poster *)courier;
    struct request *request = ese_alloc(sizeof *request);
    *request = (struct request){.poster = poster, .asked = asked};
    char headers[ESE_TRACEPARENT_SIZE + 100];
    bool traced = ese_traceparent_valid(decision->traceparent);
    snprintf(headers, sizeof headers, "X-ESE-Transport: %s%s%s", courier->transport,
             traced ? "\ntraceparent: " : "", traced ? decision->traceparent : "");
    struct ese_buffer body = ESE_BUFFER_INIT(4096);
    ese_decision_write_mail(&body, decision, NULL);
    ese_http_client_call(poster->client, &(struct ese_http_call){.method = "POST",
                                                                 .url = poster->url,
                                                                 .headers = headers,
                                                                 .body = body.text,
                                                                 .length = body.length,
                                                                 .timeout_ms = REQUEST_TIMEOUT_MS,
                                                                 .done = on_answer,
                                                                 .context = request});
    ese_buffer_free(&body);
}

static int poll_answers(struct ese_courier *courier, int timeout_ms)
{
    return ese_http_client_poll(((struct poster *)courier)->client, timeout_ms, -1);
}

static void wake(struct ese_courier *courier)
{
    ese_http_client_wake(((struct poster *)courier)->client);
}

static void close_poster(struct ese_courier *courier)
{
    struct poster *poster = (struct poster *)courier;
    ese_http_client_close(&poster->client);
    free(poster->url);
    free(poster);
}

static int open_poster(const struct ese_courier_options *options, struct ese_courier **courier,
                       struct ese_error *error)
{
    const struct ese_http_given given = {options->mailer, "--mailer", "http://HOST:PORT, or none"};
    struct poster *poster = ese_alloc(sizeof *poster);
    *courier = &poster->courier;
    if (ese_http_url(&given, "/mail", &poster->url, error) == 0 &&
        ese_http_client_open(CONNECTIONS, options->token, &poster->client, error) == 0)
        return 0;
    close_poster(*courier);
    *courier = NULL;
    return -1;
}

const struct ese_courier_kind ese_courier_post = {
    .open = open_poster,
    .close = close_poster,
    .ask = ask,
    .poll = poll_answers,
    .wake = wake,
};
