#include "orchestration/lab/group_options.h"

#include "orchestration/lab/party.h"

const struct ese_option ese_group_options[] = {
    {.name = "consumers", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = ESE_MEMBERS,
     .help = "Members of the group that reads, where a transport shares work among them; each is a process of its "
             "own. Over the others there is one, whatever N says. Six have work, as there are two topics of three "
             "partitions; where there are clicks or orders alone, three."},
    {.name = "rule-cost-us", .kind = ESE_OPTION_NUMBER, .value = "US", .fallback = "0", .min = 0,
     .max = 5000000,
     .help = "What the rules cost by event, in microseconds, waited, not burnt: so that one reader can fail to "
             "keep up."},
    ESE_OPTION_END,
};
