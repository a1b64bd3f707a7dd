/* The addresses requests go to. Part of the HTTP client. */
#include <curl/curl.h>

#include "ese-core/buffer.h"
#include "ese-core/http_client.h"
#include "ese-core/memory.h"

static bool has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

/* A scheme of HTTP, a host, perhaps a port and a path. */
static bool is_server(const char *text)
{
    if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
        return false;
    CURLU *url = curl_url();
    bool good = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                has(url, CURLUPART_HOST) && !has(url, CURLUPART_QUERY) &&
                !has(url, CURLUPART_FRAGMENT);
    curl_url_cleanup(url);
    return good;
}

/* Everybody on the machine can read a command line, and a log is read by many. */
static bool has_login(const char *text)
{
    CURLU *url = curl_url();
    bool there = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                 (has(url, CURLUPART_USER) || has(url, CURLUPART_PASSWORD));
    curl_url_cleanup(url);
    return there;
}

int ese_http_url(const struct ese_http_given *given, const char *path, char **url,
                 struct ese_error *error)
{
    *url = NULL;
    if (has_login(given->server))
        return ese_fail(error, ESE_E_USAGE,
                        "%s: an address takes no name and password; give %s, and a token in a file or the environment",
                        given->option, given->wanted);
    if (!is_server(given->server))
        return ese_fail(error, ESE_E_USAGE, "%s: '%.200s' is no address of a server; give %s",
                        given->option, given->server, given->wanted);
    size_t length = strlen(given->server);
    while (given->server[length - 1] == '/')
        length--;
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX);
    ese_buffer_append(&text, given->server, length);
    ese_buffer_text(&text, path);
    *url = ese_buffer_detach(&text);
    return 0;
}
