#include "ese-core/history_option.h"

const struct ese_option ese_history_option_table[] = {
    ESE_HISTORY_OPTIONS,
    ESE_OPTION_END,
};

struct ese_history_options ese_history_told(const struct ese_config *config, const char *party,
                                            const char *transport)
{
    return (struct ese_history_options){
        .path = ese_config_text(config, "history"),
        .party = party,
        .transport = transport,
        .limit = ese_config_number(config, "history-bytes"),
        .segments = (int)ese_config_number(config, "history-segments"),
    };
}
