#include "orchestration/lab/group_options.h"

#include "ese-core/rule_bounds.h"
#include "orchestration/crowd/plan.h"
#include "orchestration/lab/party.h"

const struct ese_option ese_group_options[] = {
    {.name = "consumers", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = ESE_MEMBERS,
     .help = "Members of the group that reads, where a transport shares work among them; each is a process of its "
             "own. Over the others there is one, whatever N says. Six have work, as there are two topics of three "
             "partitions; where there are clicks or orders alone, three."},
    {.name = "rule-cost-us", .kind = ESE_OPTION_NUMBER, .value = "US", .fallback = "0", .min = 0,
     .max = ESE_RULE_COST_MOST_US,
     .help = "What the rules cost by event, in microseconds, waited, not burnt: so that one reader can fail to "
             "keep up."},
    {.name = "readers", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = ESE_READERS,
     .help = "So many groups more, of one consumer each and without rules, which want all events, too."},
    {.name = "late-readers", .kind = ESE_OPTION_FLAG,
     .help = "Readers are not there from the beginning: a scenario has to start them."},
    {.name = "destinations", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = ESE_CROWD_MOST,
     .help = "So many who want all events, too, each a group of its own, all of them in one process."},
    {.name = "flaky", .kind = ESE_OPTION_NUMBER, .value = "PERCENT", .fallback = "0", .min = 0, .max = 100,
     .help = "So many of the destinations are flaky, in ways that the seed draws: one hangs for ever, others are slow, "
             "fail for a while or are away for a while."},
    ESE_OPTION_END,
};
