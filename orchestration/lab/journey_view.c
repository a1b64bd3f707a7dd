/* How a journey stands and what it costs: read from the outside, from histories and the kernel. */
#include "orchestration/lab/journey_parts.h"

#include <ftw.h>
#include <sys/stat.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/log_file.h"
#include "ese-core/number.h"
#include "ese-core/service.h"
#include "orchestration/kafka/cluster.h"
#include "orchestration/kafka/port.h"
#include "transports/face_config.h"

#define COMING_LIMIT_NS (45 * ESE_NS_PER_S) /* from a start until it serves */

/* The parties that write histories. */
static const char *history_of(enum ese_role role)
{
    static const char *const names[ESE_ROLES] = {
        [ESE_ROLE_CLIENT] = ESE_ARTIFACT_CLIENT_HISTORY,
        [ESE_ROLE_SERVER] = ESE_ARTIFACT_SERVER_HISTORY, /* of some */
        [ESE_ROLE_CONSUMER] = ESE_ARTIFACT_CONSUMER_HISTORY,
        [ESE_ROLE_MAILER] = ESE_ARTIFACT_MAILER_HISTORY,
    };
    return names[role];
}

static struct ese_history_reader *reader_of(struct ese_journey *journey, enum ese_role role)
{
    if (journey->history[role] == NULL && history_of(role) != NULL) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        if (ese_artifact_path(journey->directory, history_of(role), path, NULL) == 0)
            ese_history_read_open(path, &journey->history[role], NULL); /* not there yet: later */
    }
    return journey->history[role];
}

static void add_counters(struct ese_journey *journey, int64_t count[ESE_HISTORY_COUNTERS])
{
    for (int role = 0; role < ESE_ROLES; role++) {
        struct ese_history_reader *reader = reader_of(journey, (enum ese_role)role);
        for (int i = 0; reader != NULL && i < ESE_HISTORY_COUNTERS; i++)
            count[i] += ese_history_read_count(reader, (enum ese_history_counter)i);
    }
}

/* ---- what waits ---- */

static int64_t counter_of(struct ese_journey *journey, enum ese_role role,
                          enum ese_history_counter counter)
{
    struct ese_history_reader *reader = reader_of(journey, role);
    return reader == NULL ? 0 : ese_history_read_count(reader, counter);
}

/* What a transport has lost will never be processed: whatever was acknowledged when its reader found the
 * end is, or is lost. */
static int64_t without_lost(struct ese_journey *journey, int64_t open)
{
    int64_t end_ns = counter_of(journey, ESE_ROLE_CONSUMER, ESE_COUNT_AT_END_NS);
    if (end_ns > counter_of(journey, ESE_ROLE_CLIENT, ESE_COUNT_LAST_DONE_NS))
        return 0;
    if (end_ns != journey->end_ns)
        journey->given_up = open;
    journey->end_ns = end_ns;
    return open > journey->given_up ? open - journey->given_up : 1; /* something was acknowledged since */
}

static int64_t lag_of(struct ese_journey *journey, const int64_t count[ESE_HISTORY_COUNTERS])
{
    int64_t open = count[ESE_COUNT_ACKNOWLEDGED] - count[ESE_COUNT_PROCESSED];
    if (open <= 0)
        return 0; /* processed before the client heard of its acknowledgement */
    bool may_lose = journey->entry->transport->promises.delivery == ESE_DELIVERY_AT_MOST_ONCE;
    return may_lose ? without_lost(journey, open) : open;
}

/* ---- who is up, and who ended though nobody had asked for it ---- */

/* True when it has gone down just now, and should not have. */
static bool note_state(struct ese_role_state *state, bool up)
{
    if (up == state->was_up)
        return false;
    state->was_up = up;
    state->since_ns = ese_clock_monotonic_ns();
    return !up && state->is_wanted;
}

static bool is_running(struct ese_journey *journey, enum ese_role role)
{
    if (!ese_journey_has(journey, role))
        return false;
    return role == ESE_ROLE_BROKER ? ese_broker_life_running(journey->broker)
                                   : ese_process_running(journey->role[role].process);
}

/* HOST:PORT; "" where nobody is served. */
static const char *address_of(const struct ese_journey *journey, enum ese_role role)
{
    const char *const addresses[ESE_ROLES] = {
        [ESE_ROLE_CLIENT] = "",
        [ESE_ROLE_SERVER] = journey->server_address,
        [ESE_ROLE_CONSUMER] = "",
        [ESE_ROLE_MAILER] = journey->mailer_address,
        [ESE_ROLE_SINK] = journey->smtp_address,
        [ESE_ROLE_BROKER] = journey->broker == NULL ? "" : ese_broker_life_bootstrap(journey->broker),
    };
    return addresses[role];
}

static bool takes_connections(const struct ese_journey *journey, enum ese_role role)
{
    const char *colon = strrchr(address_of(journey, role), ':');
    int64_t port;
    return colon == NULL || ese_number_parse(colon + 1, "port", 1, 65535, &port, NULL) < 0 ||
           ese_port_listens((int)port);
}

/* One that hangs holds up everything that waits for it: it ends as if by itself. */
static void look_at_coming(struct ese_journey *journey, enum ese_role role)
{
    struct ese_role_state *state = &journey->role[role];
    if (takes_connections(journey, role)) {
        state->is_coming = false;
    } else if (ese_clock_monotonic_ns() - state->since_ns > COMING_LIMIT_NS) {
        ese_log_warning("%s: the %s does not serve %d s after it was started again, and is given up",
                        journey->specification, ese_role_name(role),
                        (int)(COMING_LIMIT_NS / ESE_NS_PER_S));
        state->is_coming = false;
        if (role == ESE_ROLE_BROKER)
            ese_broker_life_shoot(journey->broker);
        else
            ese_process_shoot(state->process);
    }
}

/* A client whose schedule is over ends, and says whether anything came of it; nobody else ends by itself. */
static bool is_over(enum ese_role role, int status)
{
    return role == ESE_ROLE_CLIENT && (status == 0 || status == ESE_SERVICE_IN_VAIN);
}

bool ese_journey_look(struct ese_journey *journey, enum ese_role role)
{
    struct ese_role_state *state = &journey->role[role];
    bool up = is_running(journey, role);
    if (up && state->is_coming)
        look_at_coming(journey, role);
    if (!note_state(state, up))
        return up;
    int status = state->process == NULL ? -1 : ese_process_status(state->process);
    if (is_over(role, status))
        return up;
    char words[300] = "";
    state->is_lost = true;
    if (state->process != NULL)
        ese_process_last_words(state->process, words, sizeof words);
    ese_endings_add(&journey->endings, ese_role_name(role), status, words);
    return up;
}

const struct ese_endings *ese_journey_endings(const struct ese_journey *journey)
{
    return &journey->endings;
}

void ese_journey_view(struct ese_journey *journey, struct ese_journey_view *view)
{
    *view = (struct ese_journey_view){0};
    add_counters(journey, view->count);
    view->lag = lag_of(journey, view->count);
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        bool up = ese_journey_look(journey, role);
        const struct ese_role_state *state = &journey->role[role];
        view->role[role] = (struct ese_role_view){.exists = ese_journey_has(journey, role),
                                                  .up = up,
                                                  .coming = up && state->is_coming,
                                                  .lost = state->is_lost,
                                                  .since_ns = state->since_ns};
    }
}

static bool is_counted(enum ese_role role)
{
    return role != ESE_ROLE_SINK; /* the mail server is not part of what is compared */
}

void ese_journey_sample(struct ese_journey *journey)
{
    int64_t resident = 0;
    for (int role = 0; role < ESE_ROLES; role++) {
        struct ese_process *process = journey->role[role].process;
        if (process == NULL || !is_counted((enum ese_role)role))
            continue;
        ese_process_sample(process);
        resident += ese_process_usage(process).resident_bytes;
    }
    if (journey->broker != NULL) {
        ese_broker_life_sample(journey->broker);
        resident += ese_broker_life_usage(journey->broker).resident_bytes;
    }
    if (resident > journey->rss_peak_bytes)
        journey->rss_peak_bytes = resident;
}

static void bound_log(const struct ese_journey *journey, const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s/%s.log", journey->directory, ESE_ARTIFACT_LOGS, name);
    ese_log_file_bound(path, ESE_JOURNEY_LOG_BYTES);
}

void ese_journey_bound_logs(const struct ese_journey *journey)
{
    for (int role = 0; role < ESE_ROLES; role++)
        bound_log(journey, ese_role_name((enum ese_role)role));
}

/* nftw(3) has no context argument; the lab walks directories from one thread only. */
static int64_t walked_bytes;

static int add_blocks(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)path;
    (void)where;
    if (type == FTW_F)
        walked_bytes += (int64_t)status->st_blocks * 512;
    return 0;
}

static int64_t allocated_bytes(const char *directory)
{
    static const char *const names[] = {
        ESE_ARTIFACT_SERVER,         ESE_ARTIFACT_BROKER, ESE_ARTIFACT_STATE, ESE_ARTIFACT_STATE "-wal",
        ESE_ARTIFACT_OUTBOX, ESE_ARTIFACT_OUTBOX "-wal"};
    walked_bytes = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        if (ese_artifact_path(directory, names[i], path, NULL) == 0)
            nftw(path, add_blocks, 16, FTW_PHYS);
    }
    return walked_bytes;
}

void ese_journey_cost(struct ese_journey *journey, struct ese_journey_cost *cost)
{
    *cost = (struct ese_journey_cost){0};
    for (int role = 0; role < ESE_ROLES; role++) {
        struct ese_process *process = journey->role[role].process;
        if (process == NULL || !is_counted((enum ese_role)role))
            continue;
        struct ese_usage usage = ese_process_usage(process);
        cost->cpu_ns += usage.cpu_ns;
        cost->disk_written_bytes += usage.written_bytes;
        cost->processes++;
    }
    if (journey->broker != NULL && ese_broker_life_is_own(journey->broker)) {
        struct ese_usage usage = ese_broker_life_usage(journey->broker);
        cost->cpu_ns += usage.cpu_ns;
        cost->disk_written_bytes += usage.written_bytes;
        cost->processes++;
    }
    int64_t count[ESE_HISTORY_COUNTERS] = {0};
    add_counters(journey, count);
    cost->wire_bytes = count[ESE_COUNT_WIRE_SENT] + count[ESE_COUNT_WIRE_RECEIVED];
    cost->disk_bytes = allocated_bytes(journey->directory);
    cost->rss_peak_bytes = journey->rss_peak_bytes;
}

void ese_journey_addresses(const struct ese_journey *journey, char *text, size_t size)
{
    struct ese_buffer lines = ESE_BUFFER_INIT(size - 1);
    if (journey->server_address[0] != '\0')
        ese_buffer_printf(&lines, "server   http://%s\n", journey->server_address);
    if (journey->broker != NULL)
        ese_buffer_printf(&lines, "broker   %s\n", ese_broker_life_bootstrap(journey->broker));
    ese_buffer_printf(&lines, "mailer   http://%s\n", journey->mailer_address);
    ese_buffer_printf(&lines, "smtp     %s\n", journey->smtp_address);
    snprintf(text, size, "%s", lines.text);
    ese_buffer_free(&lines);
}

int ese_journey_check(const char *specification, enum ese_durability durability,
                      const char *bootstrap_servers, struct ese_error *error)
{
    static const enum ese_face faces[] = {ESE_FACE_PRODUCE, ESE_FACE_STORE, ESE_FACE_CONSUME};
    const struct ese_registry_entry *entry;
    if (ese_registry_find(specification, &entry, error) < 0)
        return -1;
    for (size_t i = 0; i < sizeof faces / sizeof faces[0]; i++) {
        if (faces[i] == ESE_FACE_STORE && entry->transport->store == NULL)
            continue;
        struct ese_config *config;
        int result = ese_face_config(specification, faces[i], &config, error);
        if (result == 0)
            result = ese_config_settle(config, error);
        ese_config_free(&config);
        if (result < 0)
            return ese_fail_within(error, "%s", specification);
    }
    if (ese_durability_within(entry->transport->promises.durability, durability) == 0)
        return ese_fail(error, ESE_E_USAGE, "--durability: %s has no level '%s', nor a lower one",
                        entry->transport->name, ese_durability_name(durability));
    if (bootstrap_servers != NULL && entry->needs_broker &&
        ese_cluster_check(bootstrap_servers, error) < 0)
        return ese_fail_within(error, "%s", specification);
    return 0;
}

static bool serves(struct ese_journey *journey, enum ese_role role)
{
    return ese_journey_look(journey, role) && !journey->role[role].is_coming;
}

bool ese_journey_is_readable(struct ese_journey *journey)
{
    const struct ese_option *table = ese_registry_options(journey->entry->transport, ESE_FACE_CONSUME);
    return (ese_option_find(table, "server") == NULL || serves(journey, ESE_ROLE_SERVER)) &&
           (ese_option_find(table, "bootstrap-servers") == NULL || serves(journey, ESE_ROLE_BROKER));
}

int ese_journey_consume_config(const struct ese_journey *journey, struct ese_config **config,
                               struct ese_error *error)
{
    char url[160], data[ESE_ARTIFACT_PATH_SIZE + 16];
    snprintf(url, sizeof url, "http://%s", journey->server_address);
    snprintf(data, sizeof data, "%s/%s", journey->directory, ESE_ARTIFACT_SERVER);
    if (ese_face_config(journey->specification, ESE_FACE_CONSUME, config, error) == -1)
        return -1;
    struct ese_config *made = *config;
    const struct ese_option *table = ese_registry_options(journey->entry->transport, ESE_FACE_CONSUME);
    if (ese_option_find(table, "server") != NULL)
        ese_config_give(made, "server", url);
    if (ese_option_find(table, "bootstrap-servers") != NULL)
        ese_config_give(made, "bootstrap-servers", ese_broker_life_bootstrap(journey->broker));
    if (ese_option_find(table, "topic-prefix") != NULL && journey->topic_prefix[0] != '\0')
        ese_config_give(made, "topic-prefix", journey->topic_prefix);
    if (ese_option_find(table, "data") != NULL)
        ese_config_give(made, "data", data);
    int result = ese_config_settle(made, error);
    if (result < 0)
        ese_config_free(config);
    return result;
}
