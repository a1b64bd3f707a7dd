/* How a journey's parties are started: the arguments of each, and the wait until it serves. */
#include "orchestration/lab/journey_parts.h"

#include <unistd.h>

#include "ese-core/number.h"
#include "orchestration/lab/oracle.h"
#include "orchestration/lab/program.h"
#include "orchestration/lab/readiness.h"
#include "orchestration/lab/trouble.h"

#define GROUP "ese-lab"
#define STUMBLING "stumble,steady-click,stuck-order"
#define SERVE_LIMIT_MS 20000
#define PERSONS_APART 100000 /* more than one client simulates */

static void add_path(struct ese_journey *journey, struct ese_process *process, const char *option,
                     const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", journey->directory, name);
    ese_process_option(process, option, path);
}

static void add_number(struct ese_process *process, const char *option, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    ese_process_option(process, option, text);
}

/* By which line who plays that face reaches the other end. */
static const struct {
    enum ese_line server, broker;
} lines_of[] = {
    [ESE_FACE_PRODUCE] = {ESE_LINE_CLIENT_SERVER, ESE_LINE_CLIENT_BROKER},
    [ESE_FACE_STORE] = {ESE_LINES, ESE_LINE_SERVER_BROKER},
    [ESE_FACE_CONSUME] = {ESE_LINE_CONSUMER_SERVER, ESE_LINE_CONSUMER_BROKER},
};

/* The transport's specification, and the addresses its face asks for. */
static void add_transport(struct ese_journey *journey, struct ese_process *process, enum ese_face face)
{
    const struct ese_option *table = ese_registry_options(ese_journey_transport(journey), face);
    ese_process_option(process, "--transport", journey->specification);
    if (ese_option_find(table, "server") != NULL) {
        char url[160];
        snprintf(url, sizeof url, "http://%s",
                 ese_network_address(journey->network, lines_of[face].server, journey->server_address));
        ese_process_option(process, "--server", url);
    }
    if (ese_option_find(table, "bootstrap-servers") != NULL)
        ese_process_option(process, "--bootstrap-servers",
                           ese_network_address(journey->network, lines_of[face].broker,
                                               ese_broker_life_bootstrap(journey->broker)));
    if (ese_option_find(table, "topic-prefix") != NULL && journey->topic_prefix[0] != '\0')
        ese_process_option(process, "--topic-prefix", journey->topic_prefix);
    if (ese_option_find(table, "data") != NULL)
        add_path(journey, process, "--data", ESE_ARTIFACT_SERVER);
    if (journey->poll_ms > 0 && ese_option_find(table, "poll-ms") != NULL)
        add_number(process, "--poll-ms", journey->poll_ms);
}

/* For what may befall it. */
static int make_ready(struct ese_journey *journey, int party, struct ese_error *error)
{
    enum ese_role role = ese_party_role(party);
    for (enum ese_act act = 0; act < ESE_ACTS; act++) {
        if ((journey->befallen[act] & ESE_ROLE_BIT(role)) != 0 && ese_trouble_is_for(role, act) &&
            ese_trouble_prepare(journey->directory, role, act, journey->role[party].process, error) < 0)
            return -1;
    }
    return 0;
}

/* Has the party count what it costs. */
static void tell_tally(struct ese_journey *journey, int party)
{
    char path[ESE_ARTIFACT_PATH_SIZE + 64];
    ese_journey_tally(journey, party, path, sizeof path);
    ese_process_option(journey->role[party].process, "--tally", path);
}

static int new_process(struct ese_journey *journey, int party, const char *program, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE], name[128], log[ESE_ARTIFACT_PATH_SIZE + 64];
    char named[ESE_PARTY_NAME_SIZE];
    if (program != NULL && ese_program_find(program, path, error) < 0)
        return -1;
    if (program == NULL && ese_program_find_smtp_sink(path, error) < 0)
        return -1;
    ese_journey_party_name(journey, party, named);
    snprintf(name, sizeof name, "%s of %s", program != NULL ? program : "SMTP sink",
             journey->specification);
    snprintf(log, sizeof log, "%s/%s/%s.log", journey->directory, ESE_ARTIFACT_LOGS, named);
    journey->role[party].process = ese_process_new(name, log);
    ese_process_argument(journey->role[party].process, path);
    if (program != NULL)
        tell_tally(journey, party);
    return make_ready(journey, party, error);
}

static int start_party(struct ese_journey *journey, int party, struct ese_error *error)
{
    struct ese_role_state *state = &journey->role[party];
    if (ese_process_start(state->process, error) < 0)
        return -1;
    ese_journey_note_start(state);
    return 0;
}

/* A port that stays its owner's while that is dead (port.h); the one it has, if it has one. */
static int draw_address(struct ese_role_state *state, char *address, size_t size, struct ese_error *error)
{
    if (state->port == NULL && ese_port_draw(&state->port, error) < 0)
        return -1;
    snprintf(address, size, "127.0.0.1:%d", ese_port_number(state->port));
    return 0;
}

#define READY_SIZE (ESE_ARTIFACT_PATH_SIZE + 64)

/* Has the party say in a file when it serves. */
static void tell_ready(struct ese_journey *journey, int party, char ready[READY_SIZE])
{
    char name[ESE_PARTY_NAME_SIZE];
    ese_journey_party_name(journey, party, name);
    snprintf(ready, READY_SIZE, "%s/%s.ready", journey->directory, name);
    unlink(ready);
    ese_process_option(journey->role[party].process, "--ready-file", ready);
}

/* Starts what answers on an address, and waits until its ready file says so. */
static int serve_role(struct ese_journey *journey, enum ese_role role, char *address, size_t size,
                      struct ese_error *error)
{
    char ready[READY_SIZE];
    struct ese_process *process = journey->role[role].process;
    if (draw_address(&journey->role[role], address, size, error) < 0)
        return -1;
    ese_process_option(process, "--listen", address);
    tell_ready(journey, (int)role, ready);
    if (start_party(journey, role, error) < 0)
        return -1;
    return ese_ready_file(ready, process, SERVE_LIMIT_MS, address, size, error);
}

static int serve_sink(struct ese_journey *journey, struct ese_error *error)
{
    if (new_process(journey, ESE_ROLE_SINK, NULL, error) < 0 ||
        draw_address(&journey->role[ESE_ROLE_SINK], journey->smtp_address, sizeof journey->smtp_address, error) < 0)
        return -1;
    struct ese_process *sink = journey->role[ESE_ROLE_SINK].process;
    char maildir[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(maildir, sizeof maildir, "%s/%s", journey->directory, ESE_ARTIFACT_MAILDIR);
    ese_program_tell_smtp_sink(sink, journey->smtp_address, maildir);
    return start_party(journey, ESE_ROLE_SINK, error);
}

static int serve_mailer(struct ese_journey *journey, struct ese_error *error)
{
    if (new_process(journey, ESE_ROLE_MAILER, "ese-mailer", error) < 0)
        return -1;
    struct ese_process *mailer = journey->role[ESE_ROLE_MAILER].process;
    ese_process_option(mailer, "--smtp",
                       ese_network_address(journey->network, ESE_LINE_MAILER_SMTP, journey->smtp_address));
    add_number(mailer, "--sessions", ESE_JOURNEY_SMTP_SESSIONS);
    if (journey->smtp_timeout_ms > 0)
        add_number(mailer, "--smtp-timeout-ms", journey->smtp_timeout_ms);
    add_path(journey, mailer, "--outbox", ESE_ARTIFACT_OUTBOX);
    add_path(journey, mailer, "--history", ESE_ARTIFACT_MAILER_HISTORY);
    return serve_role(journey, ESE_ROLE_MAILER, journey->mailer_address, sizeof journey->mailer_address,
                      error);
}

static enum ese_durability level_of(const struct ese_journey *journey)
{
    return ese_durability_within(ese_journey_transport(journey)->promises.durability, journey->durability);
}

static int serve_server(struct ese_journey *journey, struct ese_error *error)
{
    if (ese_journey_transport(journey)->store == NULL)
        return 0;
    if (new_process(journey, ESE_ROLE_SERVER, "ese-server", error) < 0)
        return -1;
    struct ese_process *server = journey->role[ESE_ROLE_SERVER].process;
    add_transport(journey, server, ESE_FACE_STORE);
    ese_process_option(server, "--durability", ese_durability_name(level_of(journey)));
    const struct ese_option *table = ese_registry_options(ese_journey_transport(journey), ESE_FACE_STORE);
    if (journey->retention_s > 0)
        add_number(server, "--retention", journey->retention_s);
    if (ese_option_find(table, "history") != NULL)
        add_path(journey, server, "--history", ESE_ARTIFACT_SERVER_HISTORY);
    return serve_role(journey, ESE_ROLE_SERVER, journey->server_address, sizeof journey->server_address,
                      error);
}

/* What members of a group have in common, and by what they are told apart. */
static void add_membership(struct ese_journey *journey, struct ese_process *consumer, int member)
{
    char history[ESE_ARTIFACT_MEMBER_SIZE];
    ese_artifact_member(member, history);
    /* On somebody else's cluster the group is this run's own as the topics are: a coordinator hands
     * a static member that comes back in time what it had, though it now asks for other topics. */
    ese_process_option(consumer, "--group",
                       journey->topic_prefix[0] != '\0' ? journey->topic_prefix : GROUP);
    add_number(consumer, "--member", member);
    add_path(journey, consumer, "--state", ESE_ARTIFACT_STATE);
    add_path(journey, consumer, "--history", history);
}

/* Where lines are asked for, a consumer that is pushed to receives at an address that a line can lead to. */
static void add_receiver(struct ese_journey *journey, struct ese_process *consumer)
{
    char url[160];
    if (journey->receiver_address[0] == '\0')
        return;
    snprintf(url, sizeof url, "http://%s",
             ese_network_address(journey->network, ESE_LINE_SERVER_CONSUMER, journey->receiver_address));
    ese_process_option(consumer, "--receiver", journey->receiver_address);
    ese_process_option(consumer, "--receiver-url", url);
}

static int new_consumer(struct ese_journey *journey, int party, struct ese_error *error)
{
    if (new_process(journey, party, "ese-consumer", error) < 0)
        return -1;
    struct ese_process *consumer = journey->role[party].process;
    char mailer[160];
    snprintf(mailer, sizeof mailer, "http://%s",
             ese_network_address(journey->network, ESE_LINE_CONSUMER_MAILER, journey->mailer_address));
    add_transport(journey, consumer, ESE_FACE_CONSUME);
    add_receiver(journey, consumer);
    add_membership(journey, consumer, ese_party_member(party));
    ese_process_option(consumer, "--mailer", mailer);
    ese_process_option(consumer, "--durability", ese_durability_name(journey->durability));
    add_number(consumer, "--lateness-ms", journey->retry_deadline_ms); /* no acknowledged event comes later */
    add_number(consumer, "--stuck-after-ms", ESE_ORACLE_STUCK_AFTER_MS);
    if (journey->stumbles)
        ese_process_option(consumer, "--rule", STUMBLING);
    if (journey->rule_cost_us > 0)
        add_number(consumer, "--rule-cost-us", journey->rule_cost_us);
    ese_process_argument(consumer, "--quiet");
    return 0;
}

/* Has a further member join: it may be given nothing, where members are more than partitions. */
static int serve_member(struct ese_journey *journey, int party, struct ese_error *error)
{
    char ready[READY_SIZE], nothing[8];
    if (new_consumer(journey, party, error) < 0)
        return -1;
    tell_ready(journey, party, ready);
    if (start_party(journey, party, error) < 0)
        return -1;
    return ese_ready_file(ready, journey->role[party].process, SERVE_LIMIT_MS, nothing, sizeof nothing, error);
}

static int serve_consumers(struct ese_journey *journey, struct ese_error *error)
{
    char history[ESE_ARTIFACT_PATH_SIZE + 64];
    snprintf(history, sizeof history, "%s/%s", journey->directory, ESE_ARTIFACT_CONSUMER_HISTORY);
    if (new_consumer(journey, ESE_ROLE_CONSUMER, error) < 0 ||
        start_party(journey, ESE_ROLE_CONSUMER, error) < 0 ||
        ese_ready_consumer(history, journey->role[ESE_ROLE_CONSUMER].process, SERVE_LIMIT_MS, error) < 0)
        return -1;
    for (int i = 0; i < journey->members - 1; i++) {
        if (serve_member(journey, ESE_ROLES + i, error) < 0)
            return -1;
    }
    return 0;
}

/* ---- readers: each a group of its own, which wants all events and has no rules ---------------- */

static int new_reader(struct ese_journey *journey, int party, struct ese_error *error)
{
    char history[ESE_ARTIFACT_MEMBER_SIZE], state[ESE_ARTIFACT_MEMBER_SIZE], group[96];
    int number = ese_party_number(party);
    if (new_process(journey, party, "ese-consumer", error) < 0)
        return -1;
    struct ese_process *reader = journey->role[party].process;
    ese_artifact_reader(number, history);
    snprintf(state, sizeof state, "reader-%d.db", number);
    snprintf(group, sizeof group, "%s-reader-%d", journey->topic_prefix[0] != '\0' ? journey->topic_prefix : GROUP,
             number);
    add_transport(journey, reader, ESE_FACE_CONSUME);
    ese_process_option(reader, "--group", group);
    add_path(journey, reader, "--state", state);
    add_path(journey, reader, "--history", history);
    ese_process_option(reader, "--rule", "none");
    ese_process_option(reader, "--durability", ese_durability_name(journey->durability));
    ese_process_argument(reader, "--quiet");
    return 0;
}

/* Those that are late are made, and somebody has to start them. */
static int serve_readers(struct ese_journey *journey, struct ese_error *error)
{
    char ready[ESE_READERS][READY_SIZE], nothing[8];
    for (int i = 0; i < journey->readers; i++) {
        int party = ese_party_of(ESE_ROLE_READER, i + 1);
        if (new_reader(journey, party, error) < 0)
            return -1;
        tell_ready(journey, party, ready[i]);
        if (!journey->readers_are_late && start_party(journey, party, error) < 0)
            return -1;
    }
    for (int i = 0; i < journey->readers && !journey->readers_are_late; i++) {
        int party = ese_party_of(ESE_ROLE_READER, i + 1);
        if (ese_ready_file(ready[i], journey->role[party].process, SERVE_LIMIT_MS, nothing, sizeof nothing, error) < 0)
            return -1;
    }
    return 0;
}

/* ---- destinations: many of the like in one program, some of them flaky ------------------------- */

static int new_crowd(struct ese_journey *journey, struct ese_error *error)
{
    if (new_process(journey, ESE_ROLE_CROWD, "ese-crowd", error) < 0)
        return -1;
    struct ese_process *crowd = journey->role[ESE_ROLE_CROWD].process;
    add_transport(journey, crowd, ESE_FACE_CONSUME);
    ese_process_option(crowd, "--group", journey->topic_prefix[0] != '\0' ? journey->topic_prefix : GROUP);
    add_number(crowd, "--destinations", journey->destinations);
    add_number(crowd, "--flaky", journey->flaky);
    add_number(crowd, "--seed", journey->seed);
    add_path(journey, crowd, "--history", ESE_ARTIFACT_CROWD_HISTORY);
    return 0;
}

static int serve_crowd(struct ese_journey *journey, struct ese_error *error)
{
    char ready[READY_SIZE], nothing[8];
    if (journey->destinations == 0)
        return 0;
    if (new_crowd(journey, error) < 0)
        return -1;
    tell_ready(journey, ESE_ROLE_CROWD, ready);
    if (start_party(journey, ESE_ROLE_CROWD, error) < 0)
        return -1;
    return ese_ready_file(ready, journey->role[ESE_ROLE_CROWD].process, SERVE_LIMIT_MS, nothing, sizeof nothing, error);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int await_broker(struct ese_journey *journey, struct ese_error *error)
{
    if (ese_broker_life_ready(journey->broker, error) < 0)
        return -1;
    ese_journey_note_start(&journey->role[ESE_ROLE_BROKER]);
    return 0;
}

/* The lines lead to addresses where nobody listens yet. */
static int lay_lines(struct ese_journey *journey, struct ese_error *error)
{
    struct ese_role_state *role = journey->role;
    if (journey->network == NULL)
        return 0;
    if ((journey->with_sink && draw_address(&role[ESE_ROLE_SINK], journey->smtp_address,
                                            sizeof journey->smtp_address, error) < 0) ||
        (ese_journey_transport(journey)->store != NULL &&
         draw_address(&role[ESE_ROLE_SERVER], journey->server_address, sizeof journey->server_address, error) < 0) ||
        draw_address(&role[ESE_ROLE_MAILER], journey->mailer_address, sizeof journey->mailer_address, error) < 0)
        return -1;
    if (ese_option_find(ese_registry_options(ese_journey_transport(journey), ESE_FACE_CONSUME), "receiver") != NULL &&
        draw_address(&role[ESE_ROLE_CONSUMER], journey->receiver_address, sizeof journey->receiver_address, error) < 0)
        return -1;
    return ese_journey_lay_lines(journey, error);
}

int ese_journey_serve(struct ese_journey *journey, struct ese_error *error)
{
    if (lay_lines(journey, error) < 0)
        return ese_fail_within(error, "%s", journey->specification);
    if (journey->with_sink && (serve_sink(journey, error) < 0 ||
                               ese_ready_smtp(journey->smtp_address, journey->role[ESE_ROLE_SINK].process,
                                              SERVE_LIMIT_MS, error) < 0))
        return ese_fail_within(error, "%s", journey->specification);
    if (serve_mailer(journey, error) < 0)
        return ese_fail_within(error, "%s", journey->specification);
    if (journey->broker != NULL && await_broker(journey, error) < 0)
        return ese_fail_within(error, "%s", journey->specification);
    if (serve_server(journey, error) < 0 || serve_consumers(journey, error) < 0 || serve_readers(journey, error) < 0 ||
        serve_crowd(journey, error) < 0)
        return ese_fail_within(error, "%s", journey->specification);
    return 0;
}

/* Of several, each has persons of its own, and its part of the rate; the first has what is left over. */
static void share_rate(const struct ese_journey *journey, const struct ese_load *load, int number,
                       struct ese_process *client)
{
    int64_t rate = 0;
    if (journey->clients <= 1 || ese_number_parse(load->rate, "--rate", 1, INT64_MAX, &rate, NULL) < 0) {
        ese_process_option(client, "--rate", load->rate);
        return;
    }
    add_number(client, "--rate", rate / journey->clients + (number == 1 ? rate % journey->clients : 0));
    add_number(client, "--first-person", (number - 1) * PERSONS_APART + 1);
    add_number(client, "--trace-part", number);
    add_number(client, "--trace-parts", journey->clients);
}

static void add_load(const struct ese_journey *journey, const struct ese_load *load, struct ese_process *client)
{
    if (load->source != NULL)
        ese_process_option(client, "--source", load->source);
    if (load->seconds > 0)
        add_number(client, "--duration", load->seconds);
    add_number(client, "--seed", load->seed);
    if (load->start_at_ms > 0)
        add_number(client, "--start-at", load->start_at_ms);
    if (load->poison_every > 0)
        add_number(client, "--poison-every", load->poison_every);
    if (load->resend_every > 0)
        add_number(client, "--resend-every", load->resend_every);
    if (load->schedule != NULL)
        ese_process_option(client, "--schedule", load->schedule);
    if (load->hot_percent > 0)
        add_number(client, "--hot-percent", load->hot_percent);
    add_number(client, "--retry-deadline-ms", journey->retry_deadline_ms);
}

static int offer_by(struct ese_journey *journey, const struct ese_load *load, int number, struct ese_error *error)
{
    int party = ese_party_of(ESE_ROLE_CLIENT, number);
    char history[ESE_ARTIFACT_MEMBER_SIZE];
    if (new_process(journey, party, "ese-client", error) < 0)
        return -1;
    struct ese_process *client = journey->role[party].process;
    add_transport(journey, client, ESE_FACE_PRODUCE);
    share_rate(journey, load, number, client);
    add_load(journey, load, client);
    ese_artifact_client(number, history);
    add_path(journey, client, "--history", history);
    ese_process_argument(client, "--quiet");
    return start_party(journey, party, error);
}

int ese_journey_offer(struct ese_journey *journey, const struct ese_load *load, struct ese_error *error)
{
    int status = 0;
    for (int number = 1; status == 0 && number <= (journey->clients > 1 ? journey->clients : 1); number++)
        status = offer_by(journey, load, number, error);
    return status;
}
