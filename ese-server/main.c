/*
 * ese-server: keeps events and answers for them, by whichever transport was chosen.
 */
#include "ese-core/address.h"
#include "ese-core/listen_option.h"
#include "ese-core/log.h"
#include "ese-core/service.h"
#include "ese-core/sqlite_syncs.h"
#include "ese-server/server.h"
#include "transports/registry.h"

static const struct ese_option options[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME[:OPTION=VALUE...]",
     .help = "How events are kept and handed on. Its own options are listed below once it is "
             "chosen."},
    {.name = "listen", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT",
     .fallback = ESE_SERVER_ADDRESS,
     .help = "Where to serve; port 0 takes a free one. Beyond loopback only with "
             "--token-file or --trusted-network."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .choices = "memory|os|disk|replicas",
     .fallback = "os",
     .help = "What an acknowledged event survives: os: kill -9 of this process; disk: a power "
             "loss."},
    {.name = "retention", .kind = ESE_OPTION_TEXT, .value = "TIME", .fallback = "10m",
     .help = "How long events can be read, unless the transport's own options say otherwise: seconds, or a "
             "number with s, m, h or d behind it."},
    {.name = "max-connections", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1000",
     .min = 1,
     .max = 65536,
     .help = "Connections at once. Each takes a file descriptor: as many as are needed are asked for at the start, "
             "and where `ulimit -Hn` is less, the server does not start."},
    {.name = "max-body-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1048576",
     .min = 1024,
     .max = 1 << 30, .help = "The largest request body; a larger one is answered 413."},
    {.name = "request-deadline-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "10000",
     .min = 1,
     .max = 3600000, .help = "The time a request may take to arrive."},
    ESE_OPTION_END,
};

static int choose(struct ese_config *config, struct ese_error *error)
{
    ese_config_add(config, "Options of serving", ese_listen_option_table);
    return ese_registry_choose(config, ESE_FACE_STORE, error);
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    const struct ese_transport *transport = ese_registry_chosen(config);
    struct ese_server *server;
    int result = -1;

    if (ese_server_open(config, &server, error) != 0)
        return -1;
    ese_log_info("%s, durability %s, on http://%s", transport->name,
                 ese_config_text(config, "durability"), ese_server_address(server));
    if (ese_service_ready(config, ese_server_address(server), error) == 0) {
        ese_service_wait(-1);
        result = ese_sqlite_syncs_check(error);
    }
    ese_server_close(&server);
    return result;
}

static const struct ese_service service = {
    .manual =
        {
            .name = "ese-server",
            .summary = "keeps events and answers for them",
            .synopsis = "",
            .description =
                "Takes events by HTTP, keeps them the way of the chosen transport, and answers each "
                "request only when its events are as durable as --durability says. GET /health says "
                "whether it can serve, GET /metrics tells its figures to Prometheus.\n\n"
                "Events come by POST /event and POST /events, unless the transport has routes of its own, "
                "which its options name then. A request may carry an Idempotency-Key: repeated, it is "
                "answered as before, and stored once. So is an event with an id of its own, where it comes "
                "by these two, which take CloudEvents 1.0 in binary content mode, too.",
            .examples =
                "ese-server --transport http\n"
                "  serves on " ESE_SERVER_ADDRESS " and keeps events in ese-data/events.db\n"
                "ese-server --transport http --durability disk --retention 1h\n"
                "  answers when the disk has the events, and lets them be read for an hour\n",
        },
    .options = options,
    .choose = choose,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
