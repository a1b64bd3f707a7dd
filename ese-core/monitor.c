#include "ese-core/monitor.h"

#include "ese-core/listen_option.h"

int ese_monitor_open(const struct ese_config *config, struct ese_metrics *metrics,
                     const struct ese_health *health, struct ese_http_server **server,
                     struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];
    struct ese_http_server_options options = {.metrics = metrics};
    *server = NULL;
    if (ese_listen_told(config, token, &options, error) != 0)
        return -1;
    if (options.listen == NULL)
        return 0;
    if (ese_http_server_open(&options, server, error) != 0)
        return -1;
    ese_http_server_route_metrics(*server, metrics);
    ese_health_route(*server, health);
    if (ese_http_server_start(*server, error) == 0)
        return 0;
    ese_http_server_close(server);
    return -1;
}
