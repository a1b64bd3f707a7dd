#include "ese-core/health.h"

#include <ctype.h>

#include "ese-core/http_client.h"
#include "ese-core/http_listen.h"
#include "ese-core/json_text.h"
#include "ese-core/listen_option.h"

#define PATIENCE_MS 3000
#define FOUND_SIZE 1024

/* ---- answering ------------------------------------------------------------------------------- */

static void tell(void *context, struct ese_http_request *request)
{
    const struct ese_health *health = context;
    char text[ESE_HEALTH_TEXT_SIZE] = "";
    bool well = health->check(health->context, text, sizeof text);
    struct ese_buffer body = ESE_BUFFER_INIT(8 * ESE_HEALTH_TEXT_SIZE);
    ese_buffer_printf(&body, "{\"status\":\"%s\"", well ? "ok" : "failing");
    if (text[0] != '\0' || !well) {
        ese_buffer_text(&body, well ? ",\"note\":" : ",\"reason\":");
        ese_json_write_string(&body, text);
    }
    ese_buffer_text(&body, "}");
    ese_http_reply(request, well ? 200 : 503, ESE_HTTP_JSON, body.text, body.length);
    ese_buffer_free(&body);
}

void ese_health_route(struct ese_http_server *server, const struct ese_health *health)
{
    ese_http_server_route(server, "GET", "/health", tell, (void *)health);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct found {
    bool well;
    char text[FOUND_SIZE];
};

/* Whoever answers may be anybody: what is printed is one line of printable text. */
static void keep_to_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if (iscntrl((unsigned char)*text))
            *text = ' ';
    }
}

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct found *found = context;
    found->well = answer->status == 200;
    if (answer->status == 0)
        snprintf(found->text, sizeof found->text, "does not answer: %s", answer->problem);
    else
        snprintf(found->text, sizeof found->text, "answers %d %s", answer->status, answer->body);
    keep_to_one_line(found->text);
}

/* Where the process that runs with this configuration is reached. */
static int find_address(const char *listen, char address[ESE_HTTP_ADDRESS_SIZE],
                        struct ese_error *error)
{
    if (listen == NULL)
        return ese_fail(error, ESE_E_USAGE, "--health: this configuration serves nowhere; give "
                        "the address as the process that is asked has it");
    return ese_http_listen_reach(listen, address, error) == 0 ? 0
                                                              : ese_fail_within(error, "--health");
}

static int ask(const char *address, const char *token, struct found *found, struct ese_error *error)
{
    char url[ESE_HTTP_ADDRESS_SIZE + 32];
    struct ese_http_client *client = NULL;
    if (ese_http_client_open(1, token, &client, error) != 0)
        return -1;
    snprintf(url, sizeof url, "http://%s/health", address);
    ese_http_client_call(client, &(struct ese_http_call){.method = "GET",
                                                         .url = url,
                                                         .timeout_ms = PATIENCE_MS,
                                                         .done = on_answer,
                                                         .context = found});
    while (ese_http_client_poll(client, PATIENCE_MS, -1) > 0)
        continue;
    ese_http_client_close(&client);
    return 0;
}

int ese_health_ask(const char *name, const struct ese_config *config, struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE], address[ESE_HTTP_ADDRESS_SIZE];
    struct ese_http_server_options served = {.listen = NULL};
    struct found found = {.text = ""};
    if (ese_listen_told(config, token, &served, error) != 0 ||
        find_address(served.listen, address, error) != 0 ||
        ask(address, served.token, &found, error) != 0)
        return -1;
    fprintf(found.well ? stdout : stderr, "%s at %s %s\n", name, address, found.text);
    return found.well ? 0 : 1;
}
