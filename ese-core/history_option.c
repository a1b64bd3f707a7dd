#include "ese-core/history_option.h"

const struct ese_option ese_history_option_table[] = {
    {.name = "history", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "Writes to FILE what happened to each event or mail, for the ledger."},
    {.name = "history-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1073741824",
     .min = 65536, .max = INT64_C(1) << 40, .help = "Bounds the file of --history."},
    {.name = "history-segments", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0,
     .max = 10000,
     .help = "With N, a file that has met its bound becomes FILE.000001 and so on, of which the newest "
             "N are kept, and FILE begins anew. With 0, recording ends there, and no ledger can be "
             "made."},
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
