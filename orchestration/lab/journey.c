#include "orchestration/lab/journey_parts.h"

#include <assert.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/kafka/port.h"
#include "orchestration/lab/oracle.h"
#include "orchestration/lab/program.h"
#include "orchestration/lab/readiness.h"

#define GROUP "ese-lab"
#define STUMBLING "stumble,steady-click,stuck-order"
#define SERVE_LIMIT_MS 20000
#define STOP_LIMIT_MS 3000

static const struct ese_transport *transport_of(const struct ese_journey *journey)
{
    return journey->entry->transport;
}

static int make_directories(const char *directory, struct ese_error *error)
{
    static const char *const names[] = {ESE_ARTIFACT_SERVER, ESE_ARTIFACT_LOGS};
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        if (ese_artifact_path(directory, names[i], path, error) < 0 ||
            ese_artifact_directory(path, error) < 0)
            return -1;
    }
    return 0;
}

static int open_broker(struct ese_journey *journey, const struct ese_journey_options *options,
                       struct ese_error *error)
{
    if (!journey->entry->needs_broker)
        return 0;
    if (options->bootstrap_servers != NULL) /* somebody else's cluster: topics of our own on it */
        snprintf(journey->topic_prefix, sizeof journey->topic_prefix, "ese-lab-%lld-",
                 (long long)ese_clock_wall_ms());
    struct ese_broker_life_options life = {
        .choice = options->broker,
        .bootstrap_servers = options->bootstrap_servers,
        .directory = journey->directory,
        .topic_prefix = journey->topic_prefix,
        .durability = options->durability,
    };
    return ese_broker_life_open(&life, &journey->broker, error);
}

int ese_journey_open(const struct ese_journey_options *options, struct ese_journey **journey,
                     struct ese_error *error)
{
    struct ese_journey *made = ese_alloc(sizeof *made);
    *journey = made;
    made->specification = ese_copy_text(options->specification);
    made->directory = ese_copy_text(options->directory);
    made->durability = options->durability;
    made->retry_deadline_ms = options->retry_deadline_ms;
    made->with_sink = options->with_sink;
    made->stumbles = options->stumbles;
    made->smtp_timeout_ms = options->smtp_timeout_ms;
    if (options->smtp != NULL)
        snprintf(made->smtp_address, sizeof made->smtp_address, "%s", options->smtp);
    if (ese_registry_find(options->specification, &made->entry, error) < 0 ||
        make_directories(options->directory, error) < 0 || open_broker(made, options, error) < 0) {
        ese_journey_close(journey);
        return ese_fail_within(error, "%s", options->specification);
    }
    return 0;
}

/* ---- the arguments of each role ---- */

static void add_path(struct ese_journey *journey, struct ese_process *process, const char *option,
                     const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", journey->directory, name);
    ese_process_option(process, option, path);
}

/* The transport's specification, and the addresses its face asks for. */
static void add_transport(struct ese_journey *journey, struct ese_process *process, enum ese_face face)
{
    const struct ese_option *table = ese_registry_options(transport_of(journey), face);
    ese_process_option(process, "--transport", journey->specification);
    if (ese_option_find(table, "server") != NULL) {
        char url[160];
        snprintf(url, sizeof url, "http://%s", journey->server_address);
        ese_process_option(process, "--server", url);
    }
    if (ese_option_find(table, "bootstrap-servers") != NULL)
        ese_process_option(process, "--bootstrap-servers", ese_broker_life_bootstrap(journey->broker));
    if (ese_option_find(table, "topic-prefix") != NULL && journey->topic_prefix[0] != '\0')
        ese_process_option(process, "--topic-prefix", journey->topic_prefix);
    if (ese_option_find(table, "data") != NULL)
        add_path(journey, process, "--data", ESE_ARTIFACT_SERVER);
}

static int new_process(struct ese_journey *journey, enum ese_role role, const char *program,
                       struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE], name[128], log[ESE_ARTIFACT_PATH_SIZE + 64];
    if (program != NULL && ese_program_find(program, path, error) < 0)
        return -1;
    if (program == NULL && ese_program_find_smtp_sink(path, error) < 0)
        return -1;
    snprintf(name, sizeof name, "%s of %s", program != NULL ? program : "SMTP sink",
             journey->specification);
    snprintf(log, sizeof log, "%s/%s/%s.log", journey->directory, ESE_ARTIFACT_LOGS, ese_role_name(role));
    journey->role[role].process = ese_process_new(name, log);
    ese_process_argument(journey->role[role].process, path);
    return 0;
}

static void note_start(struct ese_role_state *state)
{
    state->was_up = state->is_wanted = true;
    state->is_lost = state->is_coming = false;
    state->since_ns = ese_clock_monotonic_ns();
}

static int start_role(struct ese_journey *journey, enum ese_role role, struct ese_error *error)
{
    struct ese_role_state *state = &journey->role[role];
    if (ese_process_start(state->process, error) < 0)
        return -1;
    note_start(state);
    return 0;
}

/* A port that stays free while its owner is dead (port.h). */
static int draw_address(char *address, size_t size, struct ese_error *error)
{
    int port;
    if (ese_port_draw(&port, 1, error) < 0)
        return -1;
    snprintf(address, size, "127.0.0.1:%d", port);
    return 0;
}

/* Starts what answers on an address, and waits until its ready file says so. */
static int serve_role(struct ese_journey *journey, enum ese_role role, char *address, size_t size,
                      struct ese_error *error)
{
    char ready[ESE_ARTIFACT_PATH_SIZE + 64];
    struct ese_process *process = journey->role[role].process;
    snprintf(ready, sizeof ready, "%s/%s.ready", journey->directory, ese_role_name(role));
    unlink(ready);
    if (draw_address(address, size, error) < 0)
        return -1;
    ese_process_option(process, "--listen", address);
    ese_process_option(process, "--ready-file", ready);
    if (start_role(journey, role, error) < 0)
        return -1;
    return ese_ready_file(ready, process, SERVE_LIMIT_MS, address, size, error);
}

static int serve_sink(struct ese_journey *journey, struct ese_error *error)
{
    if (new_process(journey, ESE_ROLE_SINK, NULL, error) < 0 ||
        draw_address(journey->smtp_address, sizeof journey->smtp_address, error) < 0)
        return -1;
    struct ese_process *sink = journey->role[ESE_ROLE_SINK].process;
    char maildir[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(maildir, sizeof maildir, "%s/%s", journey->directory, ESE_ARTIFACT_MAILDIR);
    ese_program_tell_smtp_sink(sink, journey->smtp_address, maildir);
    return start_role(journey, ESE_ROLE_SINK, error);
}

static int serve_mailer(struct ese_journey *journey, struct ese_error *error)
{
    if (new_process(journey, ESE_ROLE_MAILER, "ese-mailer", error) < 0)
        return -1;
    struct ese_process *mailer = journey->role[ESE_ROLE_MAILER].process;
    ese_process_option(mailer, "--smtp", journey->smtp_address);
    char number[32];
    snprintf(number, sizeof number, "%d", ESE_JOURNEY_SMTP_SESSIONS);
    ese_process_option(mailer, "--sessions", number);
    if (journey->smtp_timeout_ms > 0) {
        snprintf(number, sizeof number, "%lld", (long long)journey->smtp_timeout_ms);
        ese_process_option(mailer, "--smtp-timeout-ms", number);
    }
    add_path(journey, mailer, "--outbox", ESE_ARTIFACT_OUTBOX);
    add_path(journey, mailer, "--history", ESE_ARTIFACT_MAILER_HISTORY);
    return serve_role(journey, ESE_ROLE_MAILER, journey->mailer_address, sizeof journey->mailer_address,
                      error);
}

static enum ese_durability level_of(const struct ese_journey *journey)
{
    return ese_durability_within(transport_of(journey)->promises.durability, journey->durability);
}

static int serve_server(struct ese_journey *journey, struct ese_error *error)
{
    if (transport_of(journey)->store == NULL)
        return 0;
    if (new_process(journey, ESE_ROLE_SERVER, "ese-server", error) < 0)
        return -1;
    struct ese_process *server = journey->role[ESE_ROLE_SERVER].process;
    add_transport(journey, server, ESE_FACE_STORE);
    ese_process_option(server, "--durability", ese_durability_name(level_of(journey)));
    if (ese_option_find(ese_registry_options(transport_of(journey), ESE_FACE_STORE), "history") != NULL)
        add_path(journey, server, "--history", ESE_ARTIFACT_SERVER_HISTORY);
    return serve_role(journey, ESE_ROLE_SERVER, journey->server_address, sizeof journey->server_address,
                      error);
}

static int serve_consumer(struct ese_journey *journey, struct ese_error *error)
{
    if (new_process(journey, ESE_ROLE_CONSUMER, "ese-consumer", error) < 0)
        return -1;
    struct ese_process *consumer = journey->role[ESE_ROLE_CONSUMER].process;
    char mailer[160], lateness[32], stuck_after[32];
    snprintf(mailer, sizeof mailer, "http://%s", journey->mailer_address);
    add_transport(journey, consumer, ESE_FACE_CONSUME);
    /* On somebody else's cluster the group is this run's own as the topics are: a coordinator hands
     * a static member that comes back in time what it had, though it now asks for other topics. */
    ese_process_option(consumer, "--group",
                       journey->topic_prefix[0] != '\0' ? journey->topic_prefix : GROUP);
    ese_process_option(consumer, "--member", "1");
    ese_process_option(consumer, "--mailer", mailer);
    ese_process_option(consumer, "--durability", ese_durability_name(journey->durability));
    snprintf(lateness, sizeof lateness, "%lld", (long long)journey->retry_deadline_ms);
    ese_process_option(consumer, "--lateness-ms", lateness); /* no acknowledged event comes later */
    snprintf(stuck_after, sizeof stuck_after, "%d", ESE_ORACLE_STUCK_AFTER_MS);
    ese_process_option(consumer, "--stuck-after-ms", stuck_after);
    if (journey->stumbles)
        ese_process_option(consumer, "--rule", STUMBLING);
    add_path(journey, consumer, "--state", ESE_ARTIFACT_STATE);
    add_path(journey, consumer, "--history", ESE_ARTIFACT_CONSUMER_HISTORY);
    ese_process_argument(consumer, "--quiet");
    if (start_role(journey, ESE_ROLE_CONSUMER, error) < 0)
        return -1;
    char history[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(history, sizeof history, "%s/%s", journey->directory, ESE_ARTIFACT_CONSUMER_HISTORY);
    return ese_ready_consumer(history, consumer, SERVE_LIMIT_MS, error);
}

static int await_broker(struct ese_journey *journey, struct ese_error *error)
{
    if (ese_broker_life_ready(journey->broker, error) < 0)
        return -1;
    note_start(&journey->role[ESE_ROLE_BROKER]);
    return 0;
}

int ese_journey_serve(struct ese_journey *journey, struct ese_error *error)
{
    if (journey->with_sink && (serve_sink(journey, error) < 0 ||
                               ese_ready_smtp(journey->smtp_address, journey->role[ESE_ROLE_SINK].process,
                                              SERVE_LIMIT_MS, error) < 0))
        return ese_fail_within(error, "%s", journey->specification);
    if (serve_mailer(journey, error) < 0)
        return ese_fail_within(error, "%s", journey->specification);
    if (journey->broker != NULL && await_broker(journey, error) < 0)
        return ese_fail_within(error, "%s", journey->specification);
    if (serve_server(journey, error) < 0 || serve_consumer(journey, error) < 0)
        return ese_fail_within(error, "%s", journey->specification);
    return 0;
}

int ese_journey_offer(struct ese_journey *journey, const struct ese_load *load, struct ese_error *error)
{
    char number[32];
    if (new_process(journey, ESE_ROLE_CLIENT, "ese-client", error) < 0)
        return -1;
    struct ese_process *client = journey->role[ESE_ROLE_CLIENT].process;
    add_transport(journey, client, ESE_FACE_PRODUCE);
    if (load->source != NULL)
        ese_process_option(client, "--source", load->source);
    ese_process_option(client, "--rate", load->rate);
    if (load->seconds > 0) {
        snprintf(number, sizeof number, "%lld", (long long)load->seconds);
        ese_process_option(client, "--duration", number);
    }
    snprintf(number, sizeof number, "%lld", (long long)load->seed);
    ese_process_option(client, "--seed", number);
    if (load->start_at_ms > 0) {
        snprintf(number, sizeof number, "%lld", (long long)load->start_at_ms);
        ese_process_option(client, "--start-at", number);
    }
    if (load->poison_every > 0) {
        snprintf(number, sizeof number, "%lld", (long long)load->poison_every);
        ese_process_option(client, "--poison-every", number);
    }
    snprintf(number, sizeof number, "%lld", (long long)journey->retry_deadline_ms);
    ese_process_option(client, "--retry-deadline-ms", number);
    add_path(journey, client, "--history", ESE_ARTIFACT_CLIENT_HISTORY);
    ese_process_argument(client, "--quiet");
    return start_role(journey, ESE_ROLE_CLIENT, error);
}

/* It will end, and is meant to. What it did before by itself is noted still. */
static void let_go(struct ese_journey *journey, enum ese_role role)
{
    ese_journey_look(journey, role);
    journey->role[role].is_wanted = false;
}

bool ese_journey_has(const struct ese_journey *journey, enum ese_role role)
{
    return role == ESE_ROLE_BROKER ? journey->broker != NULL : journey->role[role].process != NULL;
}

bool ese_journey_owns(const struct ese_journey *journey, enum ese_role role)
{
    return ese_journey_has(journey, role) &&
           (role != ESE_ROLE_BROKER || ese_broker_life_is_own(journey->broker));
}

void ese_journey_kill(struct ese_journey *journey, enum ese_role role)
{
    if (!ese_journey_owns(journey, role))
        return;
    let_go(journey, role);
    if (role == ESE_ROLE_BROKER)
        ese_broker_life_shoot(journey->broker);
    else
        ese_process_shoot(journey->role[role].process);
}

void ese_journey_freeze(struct ese_journey *journey, enum ese_role role)
{
    if (!ese_journey_owns(journey, role))
        return;
    if (role == ESE_ROLE_BROKER)
        ese_broker_life_freeze(journey->broker);
    else
        ese_process_freeze(journey->role[role].process);
}

void ese_journey_thaw(struct ese_journey *journey, enum ese_role role)
{
    if (!ese_journey_owns(journey, role))
        return;
    if (role == ESE_ROLE_BROKER)
        ese_broker_life_thaw(journey->broker);
    else
        ese_process_thaw(journey->role[role].process);
}

/* What was killed a moment ago may still be about to end. */
static int start_again(struct ese_journey *journey, enum ese_role role, struct ese_error *error)
{
    if (role == ESE_ROLE_BROKER)
        return ese_broker_life_restart(journey->broker, error);
    ese_process_kill(journey->role[role].process);
    return ese_process_start(journey->role[role].process, error);
}

int ese_journey_start(struct ese_journey *journey, enum ese_role role, struct ese_error *error)
{
    struct ese_role_state *state = &journey->role[role];
    if (!ese_journey_owns(journey, role) || (ese_journey_look(journey, role) && state->is_wanted))
        return 0;
    state->restarted_ns = ese_clock_monotonic_ns();
    if (start_again(journey, role, error) < 0)
        return -1;
    note_start(state);
    state->is_coming = true;
    return 0;
}

int ese_journey_stop(struct ese_journey *journey, enum ese_role role)
{
    if (journey->role[role].process == NULL)
        return -1;
    let_go(journey, role);
    return ese_process_stop(journey->role[role].process, STOP_LIMIT_MS);
}

void ese_journey_close(struct ese_journey **journey)
{
    struct ese_journey *old = *journey;
    if (old == NULL)
        return;
    for (int role = 0; role < ESE_ROLES; role++) { /* the roles stand in the order of the walk */
        ese_journey_stop(old, (enum ese_role)role);
        ese_process_free(&old->role[role].process);
        ese_history_read_close(&old->history[role]);
    }
    ese_broker_life_close(&old->broker);
    free(old->specification);
    free(old->directory);
    free(old);
    *journey = NULL;
}

const char *ese_journey_specification(const struct ese_journey *journey)
{
    return journey->specification;
}

const struct ese_transport *ese_journey_transport(const struct ese_journey *journey)
{
    return transport_of(journey);
}

const char *ese_journey_directory(const struct ese_journey *journey)
{
    return journey->directory;
}

const char *ese_journey_broker_kind(const struct ese_journey *journey)
{
    return journey->broker == NULL ? NULL : ese_broker_life_kind(journey->broker);
}

bool ese_journey_broker_is_mock(const struct ese_journey *journey)
{
    return journey->broker != NULL && ese_broker_life_is_mock(journey->broker);
}

int64_t ese_journey_restarted_ns(const struct ese_journey *journey, enum ese_role role)
{
    return journey->role[role].restarted_ns;
}
