#include "ese-client/clicks.h"
#include "ese-client/client.h"
#include "ese-client/hot_key.h"
#include "ese-client/orders.h"
#include "ese-client/padding.h"
#include "ese-client/replay.h"
#include "ese-client/schedule.h"
#include "ese-core/clock.h"
#include "ese-core/history_option.h"
#include "ese-core/listen_option.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/monitor.h"
#include "ese-core/number.h"
#include "ese-core/service.h"
#include "transports/registry.h"

#define RATE_MOST 1000000
#define PERSONS_RATE 20
#define PATIENCE_MS 10000 /* without an acknowledgement, until it counts as sickness */

static const struct ese_option options[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME[:OPTION=VALUE...]",
     .help = "How the events travel. Its own options are listed below once it is chosen."},
    {.name = "source", .kind = ESE_OPTION_TEXT, .value = "clicks|orders|mixed|FILE|-",
     .fallback = "clicks",
     .help = "Where the events come from. Simulated persons who click, who order (half of the orders "
             "are never completed), or who do both; a file with one JSON event a line, where a line "
             "that is none ends the replay with its number; or '-': standard input, where each line "
             "is sent as it is typed, one that is no JSON object is a key press, and a wrong one is "
             "named and passed over."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N|max", .choices = "max", .min = 1,
     .max = RATE_MOST,
     .help = "Events a second; max: as fast as they are taken. Without it persons do 20 a "
             "second and a file keeps its own timing."},
    {.name = "schedule", .kind = ESE_OPTION_TEXT, .value = "S", .fallback = "constant",
     .help = "How the rate is spread over time. constant: as the source has it; poisson: at distances of chance, as of "
             "callers who know nothing of each other; burst:TIMES:AT:FOR: TIMES as many from second AT on, for FOR "
             "seconds; ramp:FROM:TO:FOR: from FROM times the rate to TO times, within FOR seconds; trace:FILE: at the "
             "seconds that FILE has, a decimal number a line and event. The same seed gives the same."},
    {.name = "trace-part", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = 1000,
     .help = "Of several clients that share a trace, the number of this one: each line is one client's, by turns."},
    {.name = "trace-parts", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = 1000,
     .help = "How many share the trace (0: it is this client's alone)."},
    {.name = "duration", .kind = ESE_OPTION_NUMBER, .value = "S", .min = 1, .max = 31536000,
     .help = "Ends the schedule after so many seconds."},
    {.name = "count", .kind = ESE_OPTION_NUMBER, .value = "N", .min = 1, .max = INT64_MAX,
     .help = "Ends the schedule behind so many events. Without count and duration it goes on until "
             "Ctrl-C."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0,
     .max = INT64_MAX,
     .help = "Decides the simulation. The same seed and rate give the same events at the same "
             "distances."},
    {.name = "first-person", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = 100000000,
     .help = "The number of the first of the simulated persons, so that several clients have none in common."},
    {.name = "hot-percent", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = 100,
     .help = "A lesson: so many of a hundred clicks are one person's, and so of one key."},
    {.name = "payload-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0,
     .max = ESE_EVENT_DATA_LIMIT,
     .help = "Pads the data of each event to so many bytes (0: not; from 14 on)."},
    {.name = "poison-every", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0,
     .max = 1000000000,
     .help = "A lesson: each N-th event's data says {\"stumble\":\"fail\"}, over which the consumer's rule "
             "stumble fails (0: none's)."},
    {.name = "resend-every", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = 1000000000,
     .help = "A lesson: each N-th event is sent a second time, under the same id, once it was acknowledged (0: none "
             "is)."},
    {.name = "lanes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "64", .min = 1,
     .max = ESE_ID_LANES,
     .help = "Keys are spread over so many lanes. The events of a lane are kept in order."},
    {.name = "inflight", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "4096", .min = 1,
     .max = 1000000,
     .help = "At most so many events wait for their outcome. What is due beyond that is not sent, "
             "and counted."},
    {.name = "retry-deadline-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "30000",
     .min = 1, .max = 86400000,
     .help = "How long an event is tried again, from when it was due."},
    {.name = "start-at", .kind = ESE_OPTION_NUMBER, .value = "UNIX_MS", .min = 1,
     .max = INT64_C(1) << 47,
     .help = "Begins the schedule at this moment, so that several clients share it. When it is in "
             "the past, what was due before now is left out."},
    {.name = "metrics", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT",
     .help = "Serves GET /metrics there, as Prometheus text, and GET /health, which is well while "
             "the schedule is kept and what is offered is acknowledged; port 0 takes a free one. "
             "Beyond loopback only with --token-file or --trusted-network."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Prints the totals as one JSON object."},
    {.name = "quiet", .kind = ESE_OPTION_FLAG, .help = "Shows no progress."},
    ESE_OPTION_END,
};

static int choose(struct ese_config *config, struct ese_error *error)
{
    ese_config_add(config, "Options of the history", ese_history_option_table);
    ese_config_add(config, "Options of serving", ese_listen_option_table);
    return ese_registry_choose(config, ESE_FACE_PRODUCE, error);
}

static int64_t number_or(const struct ese_config *config, const char *name, int64_t otherwise)
{
    return ese_config_has(config, name) ? ese_config_number(config, name) : otherwise;
}

/* "max" is 0 to all sources. */
static int64_t rate_or(const struct ese_config *config, int64_t otherwise)
{
    bool is_max =
        ese_config_has(config, "rate") && strcmp(ese_config_text(config, "rate"), "max") == 0;
    return is_max ? 0 : number_or(config, "rate", otherwise);
}

/* NULL: it is no simulation. */
static const struct ese_life *find_life(const char *name)
{
    static const struct ese_life *const lives[] = {&ese_clicks_life, &ese_orders_life,
                                                   &ese_mixed_life};
    for (size_t i = 0; i < ESE_COUNT_OF(lives); i++) {
        if (strcmp(lives[i]->name, name) == 0)
            return lives[i];
    }
    return NULL;
}

static int open_source(const struct ese_config *config, struct ese_source **source,
                       struct ese_error *error)
{
    const char *name = ese_config_text(config, "source");
    const struct ese_life *life = find_life(name);
    if (strcmp(name, "-") == 0)
        return ese_replay_open_typed(0, source, error);
    if (life == NULL)
        return ese_replay_open_file(name, rate_or(config, ESE_REPLAY_OWN_TIMING), source, error);
    *source = ese_persons_open(life, rate_or(config, PERSONS_RATE), (int)ese_config_number(config, "first-person"),
                               (uint64_t)ese_config_number(config, "seed"));
    return 0;
}

static int shape(const struct ese_config *config, struct ese_source **source, struct ese_error *error)
{
    int64_t rate = find_life(ese_config_text(config, "source")) == NULL ? rate_or(config, 0)
                                                                        : rate_or(config, PERSONS_RATE);
    ese_hot_key_open((int)ese_config_number(config, "hot-percent"), (uint64_t)ese_config_number(config, "seed"),
                     source);
    const struct ese_schedule_told told = {.words = ese_config_text(config, "schedule"),
                                           .rate = rate,
                                           .seed = (uint64_t)ese_config_number(config, "seed"),
                                           .part = (int)ese_config_number(config, "trace-part"),
                                           .parts = (int)ese_config_number(config, "trace-parts")};
    if (told.parts > 0 && told.part > told.parts)
        return ese_fail(error, ESE_E_USAGE, "--trace-part %d and --trace-parts %d: give a part from 1 to %d, or "
                                            "%d parts or more", told.part, told.parts, told.parts, told.part);
    return ese_schedule_open(&told, source, error);
}

static int check_payload(const struct ese_config *config, struct ese_error *error)
{
    int64_t bytes = ese_config_number(config, "payload-bytes");
    if (bytes > 0 && bytes < ESE_PADDING_LEAST)
        return ese_fail(error, ESE_E_USAGE, "--payload-bytes %d: give 0, or at least %d",
                        (int)bytes, ESE_PADDING_LEAST);
    return 0;
}

static int open_history(const struct ese_config *config, struct ese_history **history,
                        struct ese_error *error)
{
    const struct ese_history_options told =
        ese_history_told(config, "ese-client", ese_config_text(config, "transport"));
    return ese_history_open(&told, history, error);
}

/* Everything acquired is in client, so that run can let go of it in one place. */
static int open_all(const struct ese_config *config, struct ese_client *client,
                    struct ese_error *error)
{
    client->produce = ese_registry_chosen(config)->produce;
    client->settings = (struct ese_produce_settings){
        .inflight = (int)ese_config_number(config, "inflight"),
        .retry_deadline_ms = ese_config_number(config, "retry-deadline-ms")};
    client->start_at_ms = number_or(config, "start-at", 0);
    client->duration_ns = number_or(config, "duration", 0) * ESE_NS_PER_S;
    client->count = number_or(config, "count", 0);
    client->payload_bytes = (size_t)ese_config_number(config, "payload-bytes");
    client->poison_every = ese_config_number(config, "poison-every");
    client->resend_every = ese_config_number(config, "resend-every");
    client->lanes = ese_lanes_new((int)ese_config_number(config, "lanes"), ese_id_draw_run());
    if (check_payload(config, error) == -1 || open_source(config, &client->source, error) == -1 ||
        shape(config, &client->source, error) == -1 || open_history(config, &client->history, error) == -1)
        return -1;
    return client->produce->open(config, &client->settings, &client->producer, error);
}

static void close_all(struct ese_client *client)
{
    if (client->producer != NULL)
        client->produce->close(&client->producer);
    ese_history_close(&client->history);
    ese_source_close(&client->source);
    ese_lanes_free(&client->lanes);
}

/* Refused and unknown events are results, not failures of this program. Only when nothing of all
 * that was offered came through, its exit status says so: one of its own, since it has not failed. */
static int report(const struct ese_config *config, const struct ese_totals *totals)
{
    if (ese_config_flag(config, "json"))
        ese_totals_write_json(stdout, totals);
    else
        ese_totals_write_text(stdout, totals);
    if (totals->offered == 0 || totals->acknowledged > 0)
        return 0;
    ese_log_error("nothing was acknowledged over '%s': is its server there?",
                  ese_config_text(config, "transport"));
    return ESE_SERVICE_IN_VAIN;
}

/* GET /metrics and GET /health, when they are wanted. */
static int open_monitor(const struct ese_config *config, struct ese_metrics *metrics,
                        const struct ese_health *health, struct ese_http_server **monitor,
                        struct ese_error *error)
{
    if (ese_monitor_open(config, metrics, health, monitor, error) == -1)
        return -1;
    const char *address = *monitor == NULL ? "" : ese_http_server_address(*monitor);
    return ese_service_ready(config, address, error);
}

static int offer(const struct ese_config *config, const struct ese_client *client,
                 struct ese_error *error)
{
    struct ese_totals totals = {.latency_us = ese_histogram_new()};
    int ran = ese_client_run(client, &totals, error);
    int status = report(config, &totals);
    ese_histogram_free(&totals.latency_us);
    return ran == -1 ? -1 : status;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct ese_progress progress =
        ese_progress_on(ese_config_flag(config, "quiet") ? NULL : stderr);
    struct ese_metrics *metrics = ese_metrics_new();
    struct ese_client client = {.progress = &progress,
                                .vitals = ese_vitals_new(metrics, PATIENCE_MS)};
    const struct ese_health health = {.check = ese_vitals_well, .context = client.vitals};
    struct ese_http_server *monitor = NULL;
    int status = open_all(config, &client, error);
    if (status == 0)
        status = open_monitor(config, metrics, &health, &monitor, error);
    if (status == 0)
        status = offer(config, &client, error);
    ese_http_server_close(&monitor);
    close_all(&client);
    ese_vitals_free(&client.vitals);
    ese_metrics_free(&metrics);
    return status;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-client",
        .summary = "sends events on a schedule and tells what became of them",
        .synopsis = "",
        .description =
            "Every event has a moment at which it is due, and is sent then, whatever became of "
            "those before it (an open loop): a slow server shows as latency, never as fewer "
            "events.\n\n"
            "A server that is away is met with retries of the same ids until the deadline. In the "
            "end each event is acknowledged, refused (certainly not stored), unknown (perhaps "
            "stored) or not sent. Refused and unknown events are results and no failure. The exit "
            "status is 2 when events were offered and none was acknowledged, and 1 when something "
            "failed, as when a file holds a line that is no event.\n\n"
            "Ctrl-C stops offering, waits two seconds at most for outcomes, and prints the totals.",
        .examples =
            "ese-client --transport http --rate 500 --duration 60\n"
            "  sends the clicks of 86 simulated persons for a minute\n"
            "ese-client --transport file:data=. --source -\n"
            "  appends a key press to ./events.ndjson for every line typed\n",
    },
    .options = options,
    .choose = choose,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
