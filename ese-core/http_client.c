#include "ese-core/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/tally.h"
#include "ese-core/wire.h"

#define ANSWER_LIMIT (128 * 1024 * 1024) /* an original's GET /events holds all it has */
#define SWEEP_NS (100 * ESE_NS_PER_MS)   /* how often late ones are looked for among the waiting */

/* A call from ese_http_client_call to its callback. */
struct call {
    struct call *next; /* in the queue */
    bool post;
    char *url;
    struct curl_slist *headers;
    char *body;
    size_t length;
    int64_t deadline_ns;
    ese_http_done *done;
    void *context;
};

/* What one connection's worth of requests goes through, one after the other: libcurl's handle is
 * costly to make, so it is kept. */
struct line {
    CURL *easy;
    struct line *next_free;
    struct call *call; /* NULL: free */
    struct ese_buffer answer;
    char problem[CURL_ERROR_SIZE];
};

struct ese_http_client {
    CURLM *multi;
    char *authorization; /* the whole header line, or NULL */
    struct line *lines;
    int line_count;
    struct line *free_lines;
    struct call *first, **last; /* calls that wait for a line, in order */
    int64_t next_sweep_ns;
    int under_way; /* calls without a callback yet */
    atomic_bool woken;
};

/* ---- libcurl's callbacks --------------------------------------------------------------------- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context, (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    ese_wire_opened(fd);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    (void)context;
    ese_wire_closing(fd);
    return close(fd);
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct line *line = context;
    ese_buffer_append(&line->answer, bytes, size * count);
    return line->answer.overflowed ? 0 : size * count; /* fewer: libcurl breaks off */
}

/* ---- opening --------------------------------------------------------------------------------- */

const char *ese_http_client_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

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
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
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
    if (client->multi == NULL || add_lines(client, max_connections) != 0) {
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

static void add_header(struct call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    if (longer != NULL)
        call->headers = longer;
}

/* Each line of the caller's text is a header. */
static void add_header_lines(struct call *call, const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "\r\n");
        char *line = ese_copy_bytes(text, length);
        if (length > 0)
            add_header(call, line);
        free(line);
        text += length + (text[length] != '\0');
    }
}

void ese_http_client_call(struct ese_http_client *client, const struct ese_http_call *wanted)
{
    struct call *call = ese_alloc(sizeof *call);
    call->post = strcmp(wanted->method, "POST") == 0;
    call->url = ese_copy_text(wanted->url);
    call->length = wanted->length;
    if (wanted->body != NULL)
        call->body = ese_copy_bytes(wanted->body, wanted->length);
    call->deadline_ns = ese_clock_monotonic_ns() + wanted->timeout_ms * ESE_NS_PER_MS;
    call->done = wanted->done;
    call->context = wanted->context;
    if (call->post) {
        add_header(call, "Content-Type: application/json");
        add_header(call, "Expect:"); /* no 100-continue: it would cost a round trip, or a second */
    }
    if (client->authorization != NULL)
        add_header(call, client->authorization);
    add_header_lines(call, wanted->headers);
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
    curl_slist_free_all(call->headers);
    free(call->url);
    free(call->body);
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

static void start(struct ese_http_client *client, struct line *line, struct call *call,
                  int64_t now_ns)
{
    CURL *easy = line->easy;
    line->call = call;
    line->problem[0] = '\0';
    ese_buffer_clear(&line->answer);
    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     (long)((call->deadline_ns - now_ns) / ESE_NS_PER_MS + 1));
    if (call->post) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body != NULL ? call->body : "");
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_multi_add_handle(client->multi, easy);
    ese_tally_count(ESE_TALLY_ASKED, 1);
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

/* One turn without waiting. Returns how many callbacks ran. */
static int turn(struct ese_http_client *client)
{
    int running;
    int64_t now_ns = ese_clock_monotonic_ns();
    int count = start_waiting(client, now_ns) + sweep(client, now_ns);
    curl_multi_perform(client->multi, &running);
    count += end_calls(client);
    return count;
}

/* Waits for sockets, a wake or extra_fd; true when one of the latter two came. */
static bool wait_for_more(struct ese_http_client *client, int64_t until_ns, int extra_fd)
{
    int64_t left_ms = (until_ns - ese_clock_monotonic_ns() + ESE_NS_PER_MS - 1) / ESE_NS_PER_MS;
    struct curl_waitfd extra = {.fd = extra_fd, .events = CURL_WAIT_POLLIN};
    if (client->first != NULL && left_ms > SWEEP_NS / ESE_NS_PER_MS)
        left_ms = SWEEP_NS / ESE_NS_PER_MS;
    curl_multi_poll(client->multi, &extra, extra_fd >= 0 ? 1 : 0, left_ms > 0 ? (int)left_ms : 0,
                    NULL);
    return extra.revents != 0 || atomic_exchange(&client->woken, false);
}

int ese_http_client_poll(struct ese_http_client *client, int timeout_ms, int extra_fd)
{
    int64_t until_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    bool woken = atomic_exchange(&client->woken, false);
    int ran = turn(client);
    while (ran == 0 && !woken && ese_clock_monotonic_ns() < until_ns) {
        woken = wait_for_more(client, until_ns, extra_fd);
        ran = turn(client);
    }
    if (ran > 0)
        turn(client); /* sends what the callbacks asked for */
    return client->under_way;
}

void ese_http_client_wake(struct ese_http_client *client)
{
    atomic_store(&client->woken, true);
    curl_multi_wakeup(client->multi);
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
    }
    curl_multi_cleanup(client->multi);
    free(client->lines);
    free(client->authorization);
    free(client);
}
