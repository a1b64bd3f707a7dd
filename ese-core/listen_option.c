#include "ese-core/listen_option.h"

#include "ese-core/memory.h"

const struct ese_option ese_listen_option_table[] = {
    {.name = "token-file", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "The first line of FILE is the lab's token, sent as \"Authorization: Bearer\": "
             "requests to this program have to carry it, and its own do. FILE must be nobody else's "
             "to read. Without it the environment's " ESE_TOKEN_VARIABLE " is the token, where that "
             "is set; no option takes it."},
    {.name = "trusted-network", .kind = ESE_OPTION_FLAG,
     .help = "Serves beyond loopback without a token. Only where nobody but the lab can reach the "
             "address, as inside its own container network whose ports are published on 127.0.0.1 "
             "only."},
    {.name = "health", .kind = ESE_OPTION_FLAG, .command_line_only = true,
     .help = "Asks the process that runs with this configuration for GET /health, prints what it "
             "answers, and ends: with 0 when it is well, with 1 when it is not or does not answer "
             "within three seconds."},
    ESE_OPTION_END,
};

static const char *const places[] = {"listen", "metrics"};

int ese_listen_told(const struct ese_config *config, char token[ESE_TOKEN_SIZE],
                    struct ese_http_server_options *options, struct ese_error *error)
{
    if (ese_token_read(ese_config_text(config, "token-file"), token, error) != 0)
        return -1;
    options->token = token[0] != '\0' ? token : NULL;
    options->trusted_network = ese_config_flag(config, "trusted-network");
    options->listen = NULL;
    for (size_t i = 0; i < ESE_COUNT_OF(places) && options->listen == NULL; i++) {
        if (ese_config_has(config, places[i]))
            options->listen = ese_config_text(config, places[i]);
    }
    return 0;
}
