/*
 * ese-proxy: lines between parties that can be made slow, cut, half-open, and reset while they run.
 */
#include "ese-core/log.h"
#include "ese-core/service.h"
#include "orchestration/proxy/proxy.h"

static const struct ese_option options[] = {
    {.name = "link", .kind = ESE_OPTION_LIST, .value = "NAME=LISTEN,TARGET",
     .help = "Connections to LISTEN, of this machine alone (port 0: a free one), lead to TARGET. May be given several "
             "times."},
    {.name = "control", .kind = ESE_OPTION_TEXT, .value = "PATH",
     .help = "A socket is made there for lines such as \"NAME cut both\": docs/network-faults.md has them all. Each is "
             "answered with \"ok\" once it is in force, or with \"error: \" and why."},
    {.name = "buffer", .kind = ESE_OPTION_NUMBER, .value = "BYTES", .fallback = "262144", .min = 4096, .max = 16777216,
     .help = "Of each way of a connection no more is under way. Who sends on is held up meanwhile."},
    {.name = "connections", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "256", .min = 1, .max = 4096,
     .help = "Of all links together. Those beyond are reset at once, and counted."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0, .max = INT64_MAX,
     .help = "Decides the jitter."},
    ESE_OPTION_END,
};

static int add_links(struct ese_proxy *proxy, const struct ese_config *config, struct ese_error *error)
{
    const char *link;
    for (int i = 0; (link = ese_config_item(config, "link", i)) != NULL; i++) {
        if (ese_proxy_add(proxy, link, error) != 0)
            return -1;
    }
    return 0;
}

static int serve(struct ese_proxy *proxy, const struct ese_config *config, struct ese_error *error)
{
    if (add_links(proxy, config, error) != 0)
        return -1;
    ese_log_info("%s", ese_proxy_addresses(proxy));
    if (ese_service_ready(config, ese_proxy_addresses(proxy), error) != 0)
        return -1;
    return ese_proxy_run(proxy, ese_service_stop_fd(), error);
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    const struct ese_proxy_options told = {
        .buffer = (size_t)ese_config_number(config, "buffer"),
        .connections = (int)ese_config_number(config, "connections"),
        .seed = (uint64_t)ese_config_number(config, "seed"),
        .control = ese_config_has(config, "control") ? ese_config_text(config, "control") : NULL,
    };
    struct ese_proxy *proxy;
    if (!ese_config_has(config, "link"))
        return ese_fail(error, ESE_E_USAGE, "--link is missing: which address leads where?");
    if (ese_proxy_open(&told, &proxy, error) != 0)
        return -1;
    int result = serve(proxy, config, error);
    ese_proxy_close(&proxy);
    return result;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-proxy",
        .summary = "stands between parties, as a network that fails",
        .synopsis = "",
        .description =
            "Leads TCP connections from one address to another, and holds them up, cuts them, resets them or leaves "
            "them half open when it is told so by --control, one line a wish.\n"
            "\n"
            "Bytes come out in the order in which they came in, and none is lost but by a reset.",
        .examples = "ese-proxy --link client=127.0.0.1:0,127.0.0.1:2001 --control /tmp/network\n"
                    "  A line to the storage server, on an address that is told.\n",
    },
    .options = options,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
