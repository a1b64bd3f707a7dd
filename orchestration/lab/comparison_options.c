#include "orchestration/lab/comparison.h"

const struct ese_option ese_comparison_options[] = {
    {.name = "transports", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "Transports to compare, separated by commas, each with options of its own behind a colon "
             "(kafka:via=direct). Default: those that transports.list compares."},
    {.name = "source", .kind = ESE_OPTION_CHOICE, .value = "S", .fallback = "mixed",
     .choices = "clicks|orders|mixed",
     .help = "What the simulated persons do: click in bursts, order (half of the orders are never "
             "completed), or both. With orders the end is awaited until rules wait for none of them, some "
             "15 seconds."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "300", .min = 1, .max = 100000,
     .help = "Events per second offered to each transport."},
    {.name = "duration", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "30", .min = 1, .max = 86400,
     .help = "Measured seconds, after the warm-up."},
    {.name = "warmup", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "3", .min = 0, .max = 600,
     .help = "Seconds before that, which count in the ledger and not in the latencies."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0, .max = INT64_MAX,
     .help = "Decides the schedule and the events: the same seed offers the same."},
    {.name = "schedule", .kind = ESE_OPTION_TEXT, .value = "S", .fallback = "constant",
     .help = "How the rate is spread over time: constant, poisson, burst:TIMES:AT:FOR, ramp:FROM:TO:FOR or trace:FILE "
             "(ese-client --help), the warm-up included."},
    {.name = "hot-percent", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = 100,
     .help = "So many of a hundred clicks are one person's, and so of one key."},
    {.name = "clients", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = ESE_CLIENTS,
     .help = "So many clients for each transport, which share the rate: an event a second each, at least."},
    ESE_RUN_POISON_OPTION,
    {.name = "resend-every", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = 1000000,
     .help = "Each N-th event is sent a second time, under the same id, once it was acknowledged (0: none is)."},
    ESE_RUN_STALE_OPTION,
    {.name = "retention", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "0", .min = 0, .max = 86400,
     .help = "How long a store that forgets its oldest events keeps them (0: as it does by itself)."},
    {.name = "poll-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "0", .min = 0, .max = 60000,
     .help = "How often a consumer that polls looks (0: as it does by itself)."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .value = "D", .fallback = "os", .choices = "os|disk",
     .help = "What an acknowledgement survives: os: the death of a process; disk: a power loss. A "
             "transport that has less by design says so in its column."},
    {.name = "in-turn", .kind = ESE_OPTION_FLAG,
     .help = "One transport after the other instead of all at once: quieter figures, a longer wait."},
    {.name = "broker", .kind = ESE_OPTION_CHOICE, .value = "B", .fallback = "auto",
     .choices = "auto|kafka|embedded",
     .help = "Where the broker comes from: a real Apache Kafka of this run's own, or librdkafka's mock inside "
             "the lab. auto takes the real one where it can be had."},
    {.name = "bootstrap-servers", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "A Kafka cluster that is there already, used instead of --broker; topics of this run's own are "
             "made on it. Exit status 69 when nobody answers there."},
    {.name = "retry-deadline-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "10000",
     .min = 100, .max = 600000, .help = "How long a client tries again, from the moment an event was due."},
    {.name = "out", .kind = ESE_OPTION_TEXT, .value = "DIR",
     .help = "Where the artifacts go. Default: a new directory under .lab/runs, where the ten newest stay."},
    ESE_OPTION_END,
};
