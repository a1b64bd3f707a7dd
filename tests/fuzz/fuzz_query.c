/* The query of GET /events, as it stands in a request line, before a server whose store has nothing: it answers,
 * and what it hands to the store is in bounds. And other short texts from outside. */
#include <arpa/inet.h>
#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/event.h"
#include "ese-core/event_pages.h"
#include "ese-core/http_client.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-server/retention.h"
#include "tests/fuzz/fuzz.h"

#define LONGEST 4096

static struct ese_event_pages *pages;
static struct ese_http_server *server;
static int connection = -1;

static int read_page(void *context, struct ese_event_pages_reading *reading, struct ese_error *error)
{
    (void)context;
    ESE_HOLDS(reading->limit >= 1 && reading->limit <= ESE_EVENT_PAGE_LIMIT);
    reading->count = 1; /* else somebody may ask to be kept waiting */
    ese_buffer_text(reading->body, "{}");
    ese_buffer_text(reading->next, "n");
    return strlen(reading->after) % 2 == 0 ? 0 : ese_fail(error, ESE_E_INVALID, "'%s' is odd", reading->after);
}

static void handle(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_event_pages_handle(pages, request);
}

static void close_all(void)
{
    close(connection);
    ese_http_server_quiesce(server);
    ese_event_pages_close(&pages);
    ese_http_server_close(&server);
}

static void open_all(void)
{
    static struct ese_metrics *metrics;
    const struct ese_event_pages_source source = {.read = read_page};
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    metrics = ese_metrics_new();
    ESE_HOLDS(ese_http_server_open(&options, &server, NULL) == 0);
    ESE_HOLDS(ese_event_pages_open(&source, metrics, &pages, NULL) == 0);
    ese_http_server_route(server, "GET", "/events", handle, NULL);
    ESE_HOLDS(ese_http_server_start(server, NULL) == 0);
    atexit(close_all);
}

/* Whoever leaves first leaves nothing behind: there are many inputs, and few ports. */
static void connect_anew(void)
{
    int64_t port;
    const struct linger at_once = {.l_onoff = 1};
    ESE_HOLDS(ese_number_parse(strrchr(ese_http_server_address(server), ':') + 1, "port", 1, 65535, &port, NULL) == 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connection >= 0)
        close(connection);
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ESE_HOLDS(setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    ESE_HOLDS(connect(connection, (const struct sockaddr *)&address, sizeof address) == 0);
}

/* The answer, as far as it comes at once with its head. False when the connection ended. (An alarm of libFuzzer's
 * may interrupt.) */
static bool ask(const char *request, char answer[LONGEST])
{
    size_t sent = strlen(request), length = 0;
    if (TEMP_FAILURE_RETRY(send(connection, request, sent, MSG_NOSIGNAL)) != (ssize_t)sent)
        return false;
    do {
        ssize_t more = TEMP_FAILURE_RETRY(recv(connection, answer + length, LONGEST - 1 - length, 0));
        if (more <= 0)
            return false;
        length += (size_t)more;
        answer[length] = '\0';
    } while (length < LONGEST - 1 && strstr(answer, "\r\n\r\n") == NULL);
    return true;
}

static void read_query(const char *text)
{
    static char request[LONGEST + 64], answer[LONGEST];
    if (server == NULL)
        open_all();
    snprintf(request, sizeof request, "GET /events?%s HTTP/1.1\r\nHost: x\r\n\r\n", text);
    connect_anew();
    ESE_HOLDS(ask(request, answer));
    ESE_HOLDS(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 || strncmp(answer, "HTTP/1.1 400 ", 13) == 0);
}

static void read_values(const char *text)
{
    int64_t number;
    struct ese_id id;
    char again[ESE_ID_TEXT_SIZE], *url = NULL;
    const struct ese_http_given given = {.server = text, .option = "--server", .wanted = "http://HOST:PORT"};
    if (ese_number_parse(text, "limit", -1000, 1000, &number, NULL) == 0)
        ESE_HOLDS(number >= -1000 && number <= 1000);
    if (ese_retention_parse(text, &number, NULL) == 0)
        ESE_HOLDS(number >= 1000);
    if (ese_id_parse(text, &id, NULL) == 0) {
        ese_id_text(&id, again);
        ESE_HOLDS(strcasecmp(text, again) == 0);
    }
    if (ese_traceparent_valid(text))
        ESE_HOLDS(strlen(text) == ESE_TRACEPARENT_SIZE - 1);
    if (ese_http_url(&given, "/event", &url, NULL) == 0)
        ESE_HOLDS(strchr(url, '\r') == NULL && strchr(url, '\n') == NULL);
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char text[LONGEST];
    if (length >= sizeof text)
        return 0;
    snprintf(text, sizeof text, "%.*s", (int)length, (const char *)bytes);
    read_values(text);
    if (strpbrk(text, "\r\n") == NULL)
        read_query(text);
    return 0;
}
