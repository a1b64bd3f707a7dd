#include "orchestration/lab/network.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/kafka/port.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/program.h"
#include "orchestration/lab/readiness.h"
#include "orchestration/proxy/condition.h"
#include "orchestration/proxy/control.h"
#include "orchestration/proxy/proxy.h"

#define SERVE_LIMIT_MS 20000
#define ANSWER_LIMIT_MS 10000
#define STOP_LIMIT_MS 3000
#define ADDRESS_SIZE 128
#define PATH_SIZE (ESE_ARTIFACT_PATH_SIZE + 64)

struct ese_network {
    char *directory, *specification;
    int64_t seed; /* of the jitter */
    struct {
        struct ese_port *port; /* NULL: not asked for */
        char address[ADDRESS_SIZE];
        char target[ADDRESS_SIZE]; /* "": it leads nowhere, and is not there */
    } lines[ESE_LINES];
    struct ese_process *proxy; /* NULL: no line leads anywhere, or it is not started yet */
};

static const char *const names[ESE_LINES] = {
    [ESE_LINE_CLIENT_SERVER] = "client-server",     [ESE_LINE_CONSUMER_SERVER] = "consumer-server",
    [ESE_LINE_SERVER_CONSUMER] = "server-consumer", [ESE_LINE_CONSUMER_MAILER] = "consumer-mailer",
    [ESE_LINE_MAILER_SMTP] = "mailer-smtp",         [ESE_LINE_CLIENT_BROKER] = "client-broker",
    [ESE_LINE_SERVER_BROKER] = "server-broker",     [ESE_LINE_CONSUMER_BROKER] = "consumer-broker",
};

const char *ese_line_name(enum ese_line line)
{
    return names[line];
}

enum ese_line ese_line_find(const char *name)
{
    enum ese_line line = 0;
    while (line < ESE_LINES && strcmp(names[line], name) != 0)
        line++;
    return line;
}

int ese_network_check(const char *condition, struct ese_error *error)
{
    struct ese_proxy_condition parsed;
    return ese_proxy_condition_parse(condition, &parsed, error);
}

/* ---- its beginning, and end ---- */

int ese_network_open(const char *directory, const char *specification, unsigned lines, struct ese_network **network,
                     struct ese_error *error)
{
    struct ese_network *made = *network = ese_alloc(sizeof *made);
    made->directory = ese_copy_text(directory);
    made->specification = ese_copy_text(specification);
    for (int line = 0; line < ESE_LINES; line++) {
        if ((lines & ESE_LINE_BIT(line)) == 0)
            continue;
        if (ese_port_draw(&made->lines[line].port, error) < 0) {
            ese_network_close(network);
            return -1;
        }
        snprintf(made->lines[line].address, ADDRESS_SIZE, "127.0.0.1:%d", ese_port_number(made->lines[line].port));
    }
    return 0;
}

void ese_network_seed(struct ese_network *network, int64_t seed)
{
    if (network != NULL)
        network->seed = seed;
}

void ese_network_lead(struct ese_network *network, enum ese_line line, const char *target)
{
    assert(network->proxy == NULL);
    if (network->lines[line].port != NULL)
        snprintf(network->lines[line].target, ADDRESS_SIZE, "%s", target);
}

static void path_of(const struct ese_network *network, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", network->directory, name);
}

static int new_proxy(struct ese_network *network, const char *ready, const char *control, struct ese_error *error)
{
    char program[ESE_ARTIFACT_PATH_SIZE], name[128], log[PATH_SIZE], seed[32];
    if (ese_program_find("ese-proxy", program, error) < 0)
        return -1;
    snprintf(name, sizeof name, "ese-proxy of %s", network->specification);
    path_of(network, ESE_ARTIFACT_LOGS "/" ESE_ARTIFACT_PROXY ".log", log);
    network->proxy = ese_process_new(name, log);
    ese_process_argument(network->proxy, program);
    snprintf(seed, sizeof seed, "%lld", (long long)network->seed);
    ese_process_option(network->proxy, "--seed", seed);
    ese_process_option(network->proxy, "--control", control);
    ese_process_option(network->proxy, "--ready-file", ready);
    for (int line = 0; line < ESE_LINES; line++) {
        char link[ESE_PROXY_NAME_SIZE + 2 * ADDRESS_SIZE];
        if (!ese_network_has(network, (enum ese_line)line))
            continue;
        snprintf(link, sizeof link, "%s=%s,%s", names[line], network->lines[line].address, network->lines[line].target);
        ese_process_argument(network->proxy, "--link");
        ese_process_argument(network->proxy, link);
    }
    return 0;
}

int ese_network_start(struct ese_network *network, struct ese_error *error)
{
    char ready[PATH_SIZE], control[PATH_SIZE], addresses[ESE_LINES * ADDRESS_SIZE];
    bool leads = false;
    for (int line = 0; line < ESE_LINES; line++)
        leads = leads || ese_network_has(network, (enum ese_line)line);
    if (!leads)
        return 0;
    path_of(network, ESE_ARTIFACT_PROXY ".ready", ready);
    path_of(network, ESE_ARTIFACT_PROXY ".control", control);
    unlink(ready);
    if (new_proxy(network, ready, control, error) < 0 || ese_process_start(network->proxy, error) < 0)
        return -1;
    return ese_ready_file(ready, network->proxy, SERVE_LIMIT_MS, addresses, sizeof addresses, error);
}

void ese_network_close(struct ese_network **network)
{
    struct ese_network *old = *network;
    if (old == NULL)
        return;
    if (old->proxy != NULL)
        ese_process_stop(old->proxy, STOP_LIMIT_MS);
    ese_process_free(&old->proxy);
    for (int line = 0; line < ESE_LINES; line++)
        ese_port_release(&old->lines[line].port);
    free(old->directory);
    free(old->specification);
    free(old);
    *network = NULL;
}

/* ---- the lines ---- */

bool ese_network_has(const struct ese_network *network, enum ese_line line)
{
    return network != NULL && line < ESE_LINES && network->lines[line].target[0] != '\0';
}

const char *ese_network_address(const struct ese_network *network, enum ese_line line, const char *otherwise)
{
    return ese_network_has(network, line) ? network->lines[line].address : otherwise;
}

int ese_network_port(const struct ese_network *network, enum ese_line line)
{
    return network == NULL || network->lines[line].port == NULL ? 0 : ese_port_number(network->lines[line].port);
}

int ese_network_tell(struct ese_network *network, enum ese_line line, const char *condition, char *text, size_t size,
                     struct ese_error *error)
{
    char control[PATH_SIZE], said[ESE_PROXY_NAME_SIZE + 128], answer[ESE_PROXY_ANSWER_SIZE];
    if (!ese_network_has(network, line))
        return 0;
    path_of(network, ESE_ARTIFACT_PROXY ".control", control);
    snprintf(said, sizeof said, "%s %.100s", names[line], condition);
    if (ese_proxy_control_say(control, said, ANSWER_LIMIT_MS, answer, sizeof answer, error) < 0)
        return ese_fail_within(error, "%s of %s", names[line], network->specification);
    if (text != NULL)
        snprintf(text, size, "%s", answer);
    return 0;
}

struct ese_process *ese_network_process(struct ese_network *network)
{
    return network == NULL ? NULL : network->proxy;
}
