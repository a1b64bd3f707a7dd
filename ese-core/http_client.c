#include "ese-core/http_client.h"

#include <curl/curl.h>
#include <pthread.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/http_client_watch.h"
#include "ese-core/memory.h"

#define ANSWER_LIMIT (128 * 1024 * 1024) /* an original's GET /events holds all it has */
#define SWEEP_NS (100 * ESE_NS_PER_MS)   /* how often late ones are looked for among the waiting */

/* A call from ese_http_client_call to its callback, in one block with all the texts of it. */
struct call {
    struct call *next; /* in the queue */
    bool post;
    const char *url, *body; /* body: "" for none */
    size_t length;
    int64_t deadline_ns;
    ese_http_done *done;
    void *context;
    int header_count;
    struct curl_slist headers[]; /* each leads to the next, the texts are behind them */
};

/* What one connection's worth of requests goes through, one after the other: libcurl's handle is
 * costly to make, so it is kept. */
struct line {
    CURL *easy;
    char *url; /* what easy has been told last, or NULL */
    struct line *next_free;
    struct call *call; /* NULL: free */
    struct ese_buffer answer;
    char problem[CURL_ERROR_SIZE];
};

struct ese_http_client {
    CURLM *multi;
    struct ese_http_watch *watch;
    char *authorization; /* the whole header line, or NULL */
    struct line *lines;
    int line_count;
    struct line *free_lines;
    struct call *first, **last; /* calls that wait for a line, in order */
    int64_t next_sweep_ns;
    int under_way; /* calls without a callback yet */
};

/* ---- libcurl's callback ---------------------------------------------------------------------- */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct line *line = context;
    ese_buffer_append(&line->answer, bytes, size * count);
    return line->answer.overflowed ? 0 : size * count; /* fewer: libcurl breaks off */
}

/* ---- opening --------------------------------------------------------------------------------- */

static void initialize_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURL *new_easy(struct line *line)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, line);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line->problem);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, line);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); /* else it is asked for each request */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* the token is for whom it was given for */
    if (getenv("SSL_CERT_FILE") != NULL) /* libcurl looks at its own place only */
        curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return easy;
}

static int add_lines(struct ese_http_client *client, int count)
{
    client->lines = ese_alloc_array((size_t)count, sizeof client->lines[0]);
    for (int i = 0; i < count; i++) {
        struct line *line = &client->lines[i];
        line->answer.limit = ANSWER_LIMIT;
        line->easy = new_easy(line);
        if (line->easy == NULL)
            return -1;
        ese_http_watch_add(client->watch, line->easy);
        client->line_count = i + 1;
        line->next_free = client->free_lines;
        client->free_lines = line;
    }
    return 0;
}

int ese_http_client_open(int max_connections, const char *token, struct ese_http_client **result,
                         struct ese_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize_curl);
    struct ese_http_client *client = ese_alloc(sizeof *client);
    client->last = &client->first;
    if (token != NULL) {
        struct ese_buffer header = ESE_BUFFER_INIT(8192);
        ese_buffer_printf(&header, "Authorization: Bearer %s", token);
        client->authorization = ese_buffer_detach(&header);
    }
    client->multi = curl_multi_init();
    if (client->multi != NULL)
        client->watch = ese_http_watch_open(client->multi);
    if (client->watch == NULL || add_lines(client, max_connections) != 0) {
        ese_http_client_close(&client);
        return ese_fail(error, ESE_E_IO, "libcurl cannot be initialized for %d connections",
                        max_connections);
    }
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)max_connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
    *result = client;
    return 0;
}

/* ---- a call's way ---------------------------------------------------------------------------- */

/* Returns its end, for what comes next. */
static char *put_text(char *place, const char *text, size_t length)
{
    memcpy(place, text, length);
    place[length] = '\0';
    return place + length + 1;
}

static void add_header(struct call *call, char *line)
{
    struct curl_slist *last = &call->headers[call->header_count++];
    last->data = line;
    if (call->header_count > 1)
        last[-1].next = last;
}

/* Each line of the caller's text is a header. */
static void add_header_lines(struct call *call, char *place, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\r\n");
        if (length > 0) {
            add_header(call, place);
            place = put_text(place, text, length);
        }
        text += length + (text[length] != '\0');
    }
}

static size_t count_ends(const char *text)
{
    size_t count = 1;
    while ((text = strpbrk(text, "\r\n")) != NULL) {
        text++;
        count++;
    }
    return count;
}

void ese_http_client_call(struct ese_http_client *client, const struct ese_http_call *wanted)
{
    static char content_type[] = "Content-Type: application/json";
    static char expect[] = "Expect:"; /* no 100-continue: it would cost a round trip, or a second */
    const char *headers = wanted->headers != NULL ? wanted->headers : "";
    size_t most_headers = 3 + count_ends(headers), url_length = strlen(wanted->url);
    size_t head = sizeof(struct call) + most_headers * sizeof(struct curl_slist);
    struct call *call = ese_alloc(head + url_length + 1 + wanted->length + 1 + strlen(headers) + 1);
    char *place = (char *)call + head;
    call->post = strcmp(wanted->method, "POST") == 0;
    call->url = place;
    place = put_text(place, wanted->url, url_length);
    call->length = wanted->body != NULL ? wanted->length : 0;
    call->body = place;
    place = put_text(place, wanted->body != NULL ? wanted->body : "", call->length);
    call->deadline_ns = ese_clock_monotonic_ns() + wanted->timeout_ms * ESE_NS_PER_MS;
    call->done = wanted->done;
    call->context = wanted->context;
    if (call->post) {
        add_header(call, content_type);
        add_header(call, expect);
    }
    if (client->authorization != NULL)
        add_header(call, client->authorization);
    add_header_lines(call, place, headers);
    *client->last = call;
    client->last = &call->next;
    client->under_way++;
}

/* The callback may make further calls. */
static void finish(struct ese_http_client *client, struct call *call,
                   const struct ese_http_answer *answer)
{
    client->under_way--;
    call->done(call->context, answer);
    free(call);
}

static void finish_unsent(struct ese_http_client *client, struct call *call, const char *problem)
{
    const struct ese_http_answer none = {
        .certainly_not_sent = true, .body = "", .retry_after_ms = -1, .problem = problem};
    finish(client, call, &none);
}

static struct call *take_first(struct ese_http_client *client)
{
    struct call *call = client->first;
    client->first = call->next;
    if (client->first == NULL)
        client->last = &client->first;
    return call;
}

/* libcurl copies an address, and most are the one of the time before. */
static void set_url(struct line *line, const char *url)
{
    if (line->url != NULL && strcmp(line->url, url) == 0)
        return;
    free(line->url);
    line->url = ese_copy_text(url);
    curl_easy_setopt(line->easy, CURLOPT_URL, url);
}

static void start(struct ese_http_client *client, struct line *line, struct call *call,
                  int64_t now_ns)
{
    CURL *easy = line->easy;
    line->call = call;
    line->problem[0] = '\0';
    ese_buffer_clear(&line->answer);
    set_url(line, call->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->header_count > 0 ? call->headers : NULL);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     (long)((call->deadline_ns - now_ns) / ESE_NS_PER_MS + 1));
    if (call->post) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_multi_add_handle(client->multi, easy);
}

/* Gives free lines to waiting calls. Returns how many calls ended without one: their time had
 * passed. */
static int start_waiting(struct ese_http_client *client, int64_t now_ns)
{
    int late = 0;
    while (client->first != NULL &&
           (client->free_lines != NULL || client->first->deadline_ns <= now_ns)) {
        struct call *call = take_first(client);
        if (call->deadline_ns <= now_ns) {
            finish_unsent(client, call, "timed out while waiting for a free connection");
            late++;
            continue;
        }
        struct line *line = client->free_lines;
        client->free_lines = line->next_free;
        start(client, line, call, now_ns);
    }
    return late;
}

/* Calls of different patience: a late one may stand behind one that has time left. */
static int sweep(struct ese_http_client *client, int64_t now_ns)
{
    struct call *late = NULL;
    int count = 0;
    if (client->first == NULL || now_ns < client->next_sweep_ns)
        return 0;
    client->next_sweep_ns = now_ns + SWEEP_NS;
    struct call **place = &client->first;
    while (*place != NULL) {
        struct call *call = *place;
        if (call->deadline_ns > now_ns) {
            place = &call->next;
            continue;
        }
        *place = call->next;
        call->next = late;
        late = call;
    }
    client->last = place;
    for (; late != NULL; count++) {
        struct call *call = late;
        late = call->next;
        finish_unsent(client, call, "timed out while waiting for a free connection");
    }
    return count;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Whether no byte of the request can have reached anybody. libcurl sends a request again by itself
 * when a connection it had kept turns out to be closed; refused then says nothing of the first
 * time, but the bytes it counts do. */
static bool certainly_not_sent(CURL *easy, CURLcode result)
{
    long sent = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    bool connecting = result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST ||
                      result == CURLE_OPERATION_TIMEDOUT;
    return connecting && sent == 0;
}

static void describe_answer(struct line *line, CURLcode result, struct ese_http_answer *answer)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    answer->body = "";
    answer->retry_after_ms = -1;
    if (result != CURLE_OK) {
        answer->certainly_not_sent = certainly_not_sent(line->easy, result);
        answer->problem = line->problem[0] != '\0' ? line->problem : curl_easy_strerror(result);
        return;
    }
    curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(line->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer->status = (int)status;
    if (retry_after_s > 0)
        answer->retry_after_ms = retry_after_s * 1000;
    if (line->answer.length > 0) {
        answer->body = line->answer.text;
        answer->length = line->answer.length;
    }
}

/* An answer far larger than usual does not stay in memory. */
static void release_line(struct ese_http_client *client, struct line *line)
{
    if (line->answer.size > 1024 * 1024)
        ese_buffer_free(&line->answer);
    line->next_free = client->free_lines;
    client->free_lines = line;
}

static void end_call(struct ese_http_client *client, struct line *line, CURLcode result)
{
    struct ese_http_answer answer = {0};
    struct call *call = line->call;
    describe_answer(line, result, &answer);
    curl_multi_remove_handle(client->multi, line->easy);
    line->call = NULL;
    finish(client, call, &answer);
    release_line(client, line);
}

static int end_calls(struct ese_http_client *client)
{
    int count = 0, left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct line *line = NULL;
        CURLcode result = message->data.result; /* the handle's removal ends the message */
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&line);
        end_call(client, line, result);
        count++;
    }
    return count;
}

/* ---- poll ------------------------------------------------------------------------------------ */

/* Begins what waits for a line. Returns how many callbacks ran. */
static int begin(struct ese_http_client *client, int64_t now_ns)
{
    int count = start_waiting(client, now_ns) + sweep(client, now_ns);
    ese_http_watch_run_due(client->watch);
    return count + end_calls(client);
}

/* Waits no longer than the next look at those that wait for a line. */
static bool wait_for_more(struct ese_http_client *client, int64_t until_ns, int extra_fd)
{
    if (client->first != NULL && client->next_sweep_ns < until_ns)
        until_ns = client->next_sweep_ns;
    return ese_http_watch_wait(client->watch, until_ns, extra_fd);
}

int ese_http_client_poll(struct ese_http_client *client, int timeout_ms, int extra_fd)
{
    int ran;
    bool woken;
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t until_ns = now_ns + timeout_ms * ESE_NS_PER_MS;
    do {
        ran = begin(client, now_ns);
        woken = wait_for_more(client, ran > 0 ? 0 : until_ns, extra_fd);
        ran += end_calls(client);
        now_ns = ese_clock_monotonic_ns();
    } while (ran == 0 && !woken && now_ns < until_ns);
    begin(client, now_ns); /* what the callbacks asked for, or what libcurl has put off until now */
    return client->under_way;
}

void ese_http_client_wake(struct ese_http_client *client)
{
    ese_http_watch_wake(client->watch);
}

/* ---- closing --------------------------------------------------------------------------------- */

static void finish_all(struct ese_http_client *client)
{
    for (int i = 0; i < client->line_count; i++) {
        struct line *line = &client->lines[i];
        const struct ese_http_answer none = {.body = "", .retry_after_ms = -1, .problem = "closed"};
        if (line->call == NULL)
            continue;
        curl_multi_remove_handle(client->multi, line->easy);
        finish(client, line->call, &none);
    }
    while (client->first != NULL)
        finish_unsent(client, take_first(client), "closed");
}

void ese_http_client_close(struct ese_http_client **handle)
{
    struct ese_http_client *client = *handle;
    if (client == NULL)
        return;
    *handle = NULL;
    finish_all(client);
    for (int i = 0; i < client->line_count; i++) {
        curl_easy_cleanup(client->lines[i].easy);
        ese_buffer_free(&client->lines[i].answer);
        free(client->lines[i].url);
    }
    curl_multi_cleanup(client->multi);
    ese_http_watch_close(&client->watch);
    free(client->lines);
    free(client->authorization);
    free(client);
}
