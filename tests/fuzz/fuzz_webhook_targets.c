/* Where a push may go (transports/webhook/targets.h): the first line is a URL, the others a list. What passes as a URL,
 * libcurl, which will follow it, reads the same way; what may be registered as an address may be connected to. */
#include <curl/curl.h>
#include <netinet/in.h>

#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"
#include "transports/webhook/targets.h"
#include "transports/webhook/url.h"

static bool may_connect(const struct ese_webhook_targets *targets, const struct ese_webhook_url *url)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)url->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};
    memcpy(&four.sin_addr, url->address.bytes, sizeof four.sin_addr);
    memcpy(&six.sin6_addr, url->address.bytes, sizeof six.sin6_addr);
    return ese_webhook_targets_may(targets, url->address.bits == 32 ? (const struct sockaddr *)&four
                                                                    : (const struct sockaddr *)&six);
}

static void compare_host(const struct ese_webhook_url *url, const char *host)
{
    size_t length = strlen(host);
    if (url->host[0] != '\0') {
        char name[ESE_WEBHOOK_HOST_MOST + 1];
        ESE_HOLDS(ese_webhook_url_take_name(host, length, name) && strcmp(name, url->host) == 0);
        return;
    }
    struct ese_webhook_address address;
    size_t brackets = host[0] == '[';
    ESE_HOLDS(ese_webhook_address_parse(host + brackets, length - 2 * brackets, &address) == 0);
    ESE_HOLDS(memcmp(&address, &url->address, sizeof address) == 0);
}

static void compare_with_curl(const char *text, const struct ese_webhook_url *url)
{
    CURLU *read = curl_url();
    char *host = NULL, *port = NULL, *user = NULL;
    ESE_HOLDS(read != NULL && curl_url_set(read, CURLUPART_URL, text, 0) == CURLUE_OK);
    ESE_HOLDS(curl_url_get(read, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    ESE_HOLDS(curl_url_get(read, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK);
    ESE_HOLDS(curl_url_get(read, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
    ESE_HOLDS(strtol(port, NULL, 10) == url->port && url->port > 0 && url->port <= 65535);
    compare_host(url, host);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(read);
}

static void check_error(const struct ese_error *error)
{
    ESE_HOLDS(error->code == ESE_E_INVALID && error->text[0] != '\0');
    for (const char *c = error->text; *c != '\0'; c++)
        ESE_HOLDS(*c >= ' ' && *c <= '~');
}

static void check_list(const struct ese_webhook_targets *targets, const char *text, const struct ese_webhook_url *url)
{
    struct ese_error error = {.text = ""};
    if (ese_webhook_targets_check_url(targets, text, &error) != 0)
        check_error(&error);
    else if (url->host[0] == '\0')
        ESE_HOLDS(may_connect(targets, url));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = ese_copy_bytes((const char *)bytes, length);
    char *line = memchr(text, '\n', length);
    struct ese_webhook_targets *targets;
    struct ese_webhook_url url = {.port = 0};
    struct ese_error error = {.text = ""};
    if (line != NULL)
        *line++ = '\0';
    if (ese_webhook_url_parse(text, &url, &error) == 0)
        compare_with_curl(text, &url);
    else
        check_error(&error);
    if (ese_webhook_targets_parse(line, &targets, &error) == 0)
        check_list(targets, text, &url);
    else
        ESE_HOLDS(error.code == ESE_E_USAGE && targets == NULL);
    ese_webhook_targets_free(&targets);
    free(text);
    return 0;
}
