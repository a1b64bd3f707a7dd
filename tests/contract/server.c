#include "tests/contract/server.h"

#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/kafka/port.h"
#include "orchestration/lab/process.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

#define READY_MS 30000
#define GRACE_MS 5000
#define EXIT_USAGE 64

struct ese_rig_server {
    struct ese_process *process;
    struct ese_port *port; /* stays its own while it is dead */
    char *ready_path, *log_path, *history_path;
    char url[80];
};

/* Options of the store's own, where it has them. */
static void give_own(struct ese_rig_server *server, const struct ese_rig_server_options *options,
                     const char *name, const char *value)
{
    const struct ese_registry_entry *entry = NULL;
    char flag[64];
    ese_registry_find(options->specification, &entry, NULL);
    const struct ese_option *own = ese_registry_options(entry->transport, ESE_FACE_STORE);
    if (value == NULL || ese_option_find(own, name) == NULL)
        return;
    snprintf(flag, sizeof flag, "--%s", name);
    ese_process_option(server->process, flag, value);
}

static bool is_ready_or_gone(void *context)
{
    struct ese_rig_server *server = context;
    return access(server->ready_path, F_OK) == 0 || !ese_process_running(server->process);
}

static int begin_life(struct ese_rig_server *server, struct ese_error *error)
{
    char said[300];
    unlink(server->ready_path);
    if (ese_process_start(server->process, error) != 0)
        return -1;
    bool told = ese_test_wait_until(is_ready_or_gone, server, READY_MS);
    if (told && access(server->ready_path, F_OK) == 0)
        return 0;
    ese_process_last_words(server->process, said, sizeof said);
    enum ese_code code = ESE_E_TIMEOUT;
    if (!ese_process_running(server->process))
        code = ese_process_status(server->process) == EXIT_USAGE ? ESE_E_USAGE : ESE_E_CLOSED;
    return ese_fail(error, code, "ese-server does not serve: %s", said);
}

int ese_rig_server_start(const struct ese_rig_server_options *options,
                         struct ese_rig_server **server, struct ese_error *error)
{
    char address[64];
    struct ese_port *port = NULL;
    if (ese_port_draw(&port, error) != 0)
        return -1;
    struct ese_rig_server *started = *server = ese_alloc(sizeof *started);
    started->port = port;
    snprintf(address, sizeof address, "127.0.0.1:%d", ese_port_number(port));
    snprintf(started->url, sizeof started->url, "http://%s", address);
    char *program = ese_test_path(getenv("ESE_BUILD"), "ese-server/ese-server");
    char *data = ese_test_path(options->directory, "data");
    started->ready_path = ese_test_path(options->directory, "ready");
    started->log_path = ese_test_path(options->directory, "server.log");
    started->history_path = ese_test_path(options->directory, "server.history");
    started->process = ese_process_new("ese-server", started->log_path);
    ese_process_argument(started->process, program);
    ese_process_option(started->process, "--transport", options->specification);
    ese_process_option(started->process, "--durability", ese_durability_name(options->durability));
    ese_process_option(started->process, "--listen", address);
    ese_process_option(started->process, "--ready-file", started->ready_path);
    give_own(started, options, "data", data);
    give_own(started, options, "history", started->history_path);
    give_own(started, options, "bootstrap-servers", options->bootstrap_servers);
    give_own(started, options, "topic-prefix", options->topic_prefix);
    free(program);
    free(data);
    int result = begin_life(started, error);
    if (result != 0)
        ese_rig_server_stop(server);
    return result;
}

void ese_rig_server_kill(struct ese_rig_server *server)
{
    ese_process_kill(server->process);
}

int ese_rig_server_restart(struct ese_rig_server *server, struct ese_error *error)
{
    return begin_life(server, error);
}

void ese_rig_server_stop(struct ese_rig_server **server)
{
    struct ese_rig_server *stopped = *server;
    if (stopped == NULL)
        return;
    *server = NULL;
    if (ese_process_running(stopped->process))
        ese_process_stop(stopped->process, GRACE_MS);
    ese_process_free(&stopped->process);
    ese_port_release(&stopped->port);
    free(stopped->ready_path);
    free(stopped->log_path);
    free(stopped->history_path);
    free(stopped);
}

const char *ese_rig_server_history(const struct ese_rig_server *server)
{
    return server->history_path;
}

const char *ese_rig_server_url(const struct ese_rig_server *server)
{
    return server->url;
}
