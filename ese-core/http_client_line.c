#include "ese-core/http_client_line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"

#define RETRY_AFTER_MOST_S 86400 /* nobody here waits as long */
#define ANSWER_LIMIT (128 * 1024 * 1024) /* an original's GET /events holds all it has */

/* ---- what is asked --------------------------------------------------------------------------- */

static void add_header(struct ese_http_asked *asked, const char *line)
{
    struct curl_slist *longer = curl_slist_append(asked->headers, line);
    if (longer != NULL)
        asked->headers = longer;
}

/* libcurl takes "Name:" for a header of its own that is not wanted; "Name;" is one without a value. */
static void mark_without_value(char *line)
{
    size_t name = strcspn(line, ":");
    if (line[name] != ':' || line[name + 1 + strspn(line + name + 1, " \t")] != '\0')
        return;
    line[name] = ';';
    line[name + 1] = '\0';
}

/* Each line of the caller's text is a header. */
static void add_header_lines(struct ese_http_asked *asked, const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "\r\n");
        char *line = ese_copy_bytes(text, length);
        if (length > 0) {
            mark_without_value(line);
            add_header(asked, line);
        }
        free(line);
        text += length + (text[length] != '\0');
    }
}

static bool is(const struct ese_http_asked *asked, const char *method)
{
    return strcmp(asked->method, method) == 0;
}

/* Of these methods an empty body is told too, as Content-Length: 0 (RFC 9110, 8.6). */
static bool has_body(const struct ese_http_asked *asked)
{
    return asked->body != NULL || is(asked, "POST") || is(asked, "PUT") || is(asked, "PATCH");
}

/* What libcurl would add by itself stays away. Expect: no 100-continue: it would cost a round trip, or a second. */
static void add_own_headers(struct ese_http_asked *asked, const struct ese_http_call *call, const char *authorization)
{
    add_header(asked, "Expect:");
    if (call->bare) {
        add_header(asked, "Accept:");
        add_header(asked, "Content-Type:");
        return;
    }
    if (has_body(asked))
        add_header(asked, "Content-Type: application/json");
    if (authorization != NULL)
        add_header(asked, authorization);
}

struct ese_http_asked *ese_http_asked_new(const struct ese_http_call *call, const char *authorization)
{
    struct ese_http_asked *asked = ese_alloc(sizeof *asked);
    asked->method = ese_copy_text(call->method);
    asked->url = ese_copy_text(call->url);
    asked->length = call->length;
    if (call->body != NULL)
        asked->body = ese_copy_bytes(call->body, call->length);
    asked->keep = call->keep;
    asked->deadline_ns = ese_clock_monotonic_ns() + call->timeout_ms * ESE_NS_PER_MS;
    asked->done = call->done;
    asked->context = call->context;
    add_own_headers(asked, call, authorization);
    add_header_lines(asked, call->headers);
    return asked;
}

void ese_http_asked_free(struct ese_http_asked *asked)
{
    curl_slist_free_all(asked->headers);
    free(asked->method);
    free(asked->url);
    free(asked->body);
    free(asked);
}

/* ---- libcurl's callbacks --------------------------------------------------------------------- */

static void note_refused(struct ese_http_line *line, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "of another family";
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, text, sizeof text);
    else if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text, sizeof text);
    snprintf(line->refused, sizeof line->refused, "the address %s is not allowed", text);
}

/* A name is looked up by then: what the guard is shown is where the connection would go. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct ese_http_line *line = context;
    (void)purpose;
    if (line->guard->may != NULL && !line->guard->may(line->guard->context, &address->addr)) {
        note_refused(line, &address->addr);
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        bool is_short = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        line->no_socket = is_short ? errno : 0;
        return CURL_SOCKET_BAD;
    }
    ese_wire_opened(fd);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    (void)context;
    ese_wire_closing(fd);
    return close(fd);
}

/* libcurl takes the end of a connection for the end of the head, too. */
static size_t take_head(char *bytes, size_t size, size_t count, void *context)
{
    struct ese_http_line *line = context;
    long status = 0;
    if (bytes[0] == '\r' || bytes[0] == '\n') {
        curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &status);
        line->has_head = status >= 200;
    }
    return size * count;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct ese_http_line *line = context;
    size_t length = size * count, keep = line->asked->keep;
    if (keep > 0 && length > keep - line->answer.length)
        length = keep - line->answer.length;
    ese_buffer_append(&line->answer, bytes, length);
    return line->answer.overflowed ? 0 : size * count; /* fewer: libcurl breaks off */
}

/* ---- the handle ------------------------------------------------------------------------------ */

struct ese_http_line *ese_http_line_new(const struct ese_http_address_guard *guard)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    struct ese_http_line *line = ese_alloc(sizeof *line);
    line->easy = easy;
    line->guard = guard;
    line->answer.limit = ANSWER_LIMIT;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, line);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line->problem);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, line);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, line);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, line);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* the token is for whom it was given for */
    if (getenv("SSL_CERT_FILE") != NULL) /* libcurl looks at its own place only */
        curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return line;
}

void ese_http_line_free(struct ese_http_line *line)
{
    curl_easy_cleanup(line->easy);
    ese_buffer_free(&line->answer);
    free(line);
}

/* A method that libcurl means by itself is not told it by name: the name would stick. */
static void set_method(CURL *easy, const struct ese_http_asked *asked)
{
    const char *meant = "GET";
    if (has_body(asked)) {
        meant = "POST";
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)asked->length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, asked->body != NULL ? asked->body : "");
    } else if (is(asked, "HEAD")) {
        meant = "HEAD";
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, is(asked, meant) ? NULL : asked->method);
}

CURLcode ese_http_line_set(struct ese_http_line *line, struct ese_http_asked *asked, int64_t now_ns)
{
    CURL *easy = line->easy;
    line->asked = asked;
    line->problem[0] = line->refused[0] = '\0';
    line->has_head = false;
    line->no_socket = 0;
    ese_buffer_clear(&line->answer);
    set_method(easy, asked);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, asked->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)((asked->deadline_ns - now_ns) / ESE_NS_PER_MS + 1));
    return curl_easy_setopt(easy, CURLOPT_URL, asked->url); /* refused, the last call's would hold */
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

/* libcurl says of an address that was refused, or had no socket, that it could not be reached, and not why. */
static const char *problem_of(const struct ese_http_line *line, CURLcode result)
{
    if (result == CURLE_COULDNT_CONNECT && line->no_socket != 0)
        return strerror(line->no_socket);
    if (result == CURLE_COULDNT_CONNECT && line->refused[0] != '\0')
        return line->refused;
    return line->problem[0] != '\0' ? line->problem : curl_easy_strerror(result);
}

void ese_http_line_answer(struct ese_http_line *line, CURLcode result, struct ese_http_answer *answer)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    *answer = (struct ese_http_answer){.body = "", .retry_after_ms = -1};
    if (result != CURLE_OK) {
        answer->certainly_not_sent = certainly_not_sent(line->easy, result);
        answer->no_socket = answer->certainly_not_sent && line->no_socket != 0;
        answer->problem = problem_of(line, result);
        return;
    }
    if (!line->has_head) {
        answer->problem = "no answer: the connection was closed within its head";
        return;
    }
    curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(line->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer->line = line;
    answer->status = (int)status;
    if (retry_after_s > 0)
        answer->retry_after_ms = 1000 * (retry_after_s < RETRY_AFTER_MOST_S ? retry_after_s : RETRY_AFTER_MOST_S);
    if (line->answer.length > 0) {
        answer->body = line->answer.text;
        answer->length = line->answer.length;
    }
}

const char *ese_http_answer_header(const struct ese_http_answer *answer, const char *name)
{
    struct curl_header *header;
    if (answer->line == NULL || curl_easy_header(answer->line->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}
