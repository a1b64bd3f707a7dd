#include "ese-core/http_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/http_client_line.h"
#include "ese-core/http_client_sockets.h"
#include "ese-core/memory.h"
#include "ese-core/tally.h"

#define SWEEP_NS (100 * ESE_NS_PER_MS) /* how often late ones are looked for among the waiting */

struct ese_http_client {
    CURLM *multi;
    struct ese_http_sockets sockets;
    char *authorization; /* the whole header line, or NULL */
    struct ese_http_address_guard guard;
    struct ese_http_line *lines; /* all; made when they are needed */
    int line_count, line_most;
    struct ese_http_line *free_lines;
    struct ese_http_asked *first, **last; /* calls that wait for a line, in order */
    int64_t next_sweep_ns;
    int under_way; /* calls without a callback yet */
    atomic_bool woken;
};

/* ---- opening --------------------------------------------------------------------------------- */

const char *ese_http_client_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

static void initialize_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int ese_http_client_open(int max_connections, const char *token, struct ese_http_client **result,
                         struct ese_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize_curl);
    struct ese_http_client *client = ese_alloc(sizeof *client);
    client->last = &client->first;
    client->line_most = max_connections;
    if (token != NULL) {
        struct ese_buffer header = ESE_BUFFER_INIT(8192);
        ese_buffer_printf(&header, "Authorization: Bearer %s", token);
        client->authorization = ese_buffer_detach(&header);
    }
    client->multi = curl_multi_init();
    if (ese_http_sockets_open(&client->sockets, client->multi) != 0 || client->multi == NULL) {
        ese_http_client_close(&client);
        return ese_fail(error, ESE_E_IO, "libcurl cannot be initialized for %d connections",
                        max_connections);
    }
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)max_connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
    *result = client;
    return 0;
}

void ese_http_client_guard(struct ese_http_client *client, ese_http_may_connect *may, void *context)
{
    client->guard = (struct ese_http_address_guard){may, context};
}

/* ---- a call's way ---------------------------------------------------------------------------- */

void ese_http_client_call(struct ese_http_client *client, const struct ese_http_call *wanted)
{
    struct ese_http_asked *call = ese_http_asked_new(wanted, client->authorization);
    *client->last = call;
    client->last = &call->next;
    client->under_way++;
}

/* The callback may make further calls. */
static void finish(struct ese_http_client *client, struct ese_http_asked *call,
                   const struct ese_http_answer *answer)
{
    client->under_way--;
    call->done(call->context, answer);
    ese_http_asked_free(call);
}

static void finish_unsent(struct ese_http_client *client, struct ese_http_asked *call, const char *problem)
{
    const struct ese_http_answer none = {
        .certainly_not_sent = true, .body = "", .retry_after_ms = -1, .problem = problem};
    finish(client, call, &none);
}

static struct ese_http_asked *take_first(struct ese_http_client *client)
{
    struct ese_http_asked *call = client->first;
    client->first = call->next;
    if (client->first == NULL)
        client->last = &client->first;
    return call;
}

/* An answer far larger than usual does not stay in memory. */
static void release_line(struct ese_http_client *client, struct ese_http_line *line)
{
    if (line->answer.size > 1024 * 1024)
        ese_buffer_free(&line->answer);
    line->next_free = client->free_lines;
    client->free_lines = line;
}

/* A free line, or a new one; NULL: the call has to wait for one. */
static struct ese_http_line *take_line(struct ese_http_client *client)
{
    struct ese_http_line *line = client->free_lines;
    if (line != NULL) {
        client->free_lines = line->next_free;
        return line;
    }
    line = client->line_count < client->line_most ? ese_http_line_new(&client->guard) : NULL;
    if (line == NULL)
        return NULL;
    line->next = client->lines;
    client->lines = line;
    client->line_count++;
    return line;
}

/* Returns whether it is under way; otherwise it has ended. */
static bool start(struct ese_http_client *client, struct ese_http_line *line, struct ese_http_asked *call,
                  int64_t now_ns)
{
    bool started = ese_http_line_set(line, call, now_ns) == CURLE_OK &&
                   curl_multi_add_handle(client->multi, line->easy) == CURLM_OK;
    if (started) {
        ese_tally_count(ESE_TALLY_ASKED, 1);
        return true;
    }
    line->asked = NULL;
    release_line(client, line);
    finish_unsent(client, call, "libcurl does not take the request");
    return false;
}

/* Gives lines to waiting calls, not to those that are made meanwhile: of them there may be no end.
 * Returns how many ended without one: their time had passed, or no line is there to become free. */
static int start_waiting(struct ese_http_client *client, int64_t now_ns)
{
    int ended = 0;
    for (int left = client->under_way; left > 0 && client->first != NULL; left--) {
        bool late = client->first->deadline_ns <= now_ns;
        struct ese_http_line *line = late ? NULL : take_line(client);
        if (late)
            finish_unsent(client, take_first(client), "timed out while waiting for a free connection");
        else if (line != NULL)
            ended += !start(client, line, take_first(client), now_ns);
        else if (client->line_count == 0)
            finish_unsent(client, take_first(client), "libcurl makes no handle: memory is at its end");
        else
            break;
        ended += line == NULL;
    }
    return ended;
}

/* Calls of different patience: a late one may stand behind one that has time left. */
static int sweep(struct ese_http_client *client, int64_t now_ns)
{
    struct ese_http_asked *late = NULL;
    int count = 0;
    if (client->first == NULL || now_ns < client->next_sweep_ns)
        return 0;
    client->next_sweep_ns = now_ns + SWEEP_NS;
    struct ese_http_asked **place = &client->first;
    while (*place != NULL) {
        struct ese_http_asked *call = *place;
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
        struct ese_http_asked *call = late;
        late = call->next;
        finish_unsent(client, call, "timed out while waiting for a free connection");
    }
    return count;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void end_call(struct ese_http_client *client, struct ese_http_line *line, CURLcode result)
{
    struct ese_http_answer answer;
    struct ese_http_asked *call = line->asked;
    ese_http_line_answer(line, result, &answer);
    curl_multi_remove_handle(client->multi, line->easy);
    line->asked = NULL;
    finish(client, call, &answer);
    release_line(client, line);
}

static int end_calls(struct ese_http_client *client)
{
    int count = 0, left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct ese_http_line *line = NULL;
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

/* Begins what waits, and ends what is done. Returns how many callbacks ran. */
static int turn(struct ese_http_client *client)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int count = start_waiting(client, now_ns) + sweep(client, now_ns);
    ese_http_sockets_run_due(&client->sockets);
    return count + end_calls(client);
}

/* Waits for sockets, a wake or extra_fd; true when one of the latter two came. */
static bool wait_for_more(struct ese_http_client *client, int64_t left_ns, int extra_fd)
{
    if (client->first != NULL && left_ns > SWEEP_NS)
        left_ns = SWEEP_NS;
    bool extra = ese_http_sockets_wait(&client->sockets, left_ns, extra_fd);
    return atomic_exchange(&client->woken, false) || extra;
}

int ese_http_client_poll(struct ese_http_client *client, int timeout_ms, int extra_fd)
{
    int64_t until_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS, left_ns;
    bool woken = atomic_exchange(&client->woken, false);
    int ran = client->first != NULL ? turn(client) : 0;
    do {
        left_ns = until_ns - ese_clock_monotonic_ns();
        woken |= wait_for_more(client, ran > 0 || woken ? 0 : left_ns, extra_fd);
        ran += turn(client);
    } while (ran == 0 && !woken && left_ns > 0);
    if (client->first != NULL)
        turn(client); /* sends what the callbacks asked for */
    return client->under_way;
}

void ese_http_client_wake(struct ese_http_client *client)
{
    atomic_store(&client->woken, true);
    ese_http_sockets_wake(&client->sockets);
}

/* ---- closing --------------------------------------------------------------------------------- */

static void finish_all(struct ese_http_client *client)
{
    const struct ese_http_answer none = {.body = "", .retry_after_ms = -1, .problem = "closed"};
    for (struct ese_http_line *line = client->lines; line != NULL; line = line->next) {
        if (line->asked == NULL)
            continue;
        curl_multi_remove_handle(client->multi, line->easy);
        finish(client, line->asked, &none);
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
    while (client->lines != NULL) {
        struct ese_http_line *line = client->lines;
        client->lines = line->next;
        ese_http_line_free(line);
    }
    curl_multi_cleanup(client->multi);
    ese_http_sockets_close(&client->sockets);
    free(client->authorization);
    free(client);
}
