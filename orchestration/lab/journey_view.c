/* How a journey stands: read from the outside, from histories and the kernel. */
#include "orchestration/lab/journey_parts.h"

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/number.h"
#include "ese-core/service.h"
#include "orchestration/kafka/cluster.h"
#include "orchestration/kafka/port.h"
#include "transports/face_config.h"

#define COMING_LIMIT_NS (45 * ESE_NS_PER_S) /* from a start until it serves */
#define READBACK_POLL_MS "200" /* of a store that can only be polled: nobody measures that */
#define SETTLED_NS (10 * ESE_NS_PER_S) /* until a group has shared out anew, a dead member's session included */

/* The parties that write histories; NULL: it does not. */
static const char *history_of(int party, char member[ESE_ARTIFACT_MEMBER_SIZE])
{
    static const char *const names[ESE_ROLES] = {
        [ESE_ROLE_SERVER] = ESE_ARTIFACT_SERVER_HISTORY, /* of some */
        [ESE_ROLE_CONSUMER] = ESE_ARTIFACT_CONSUMER_HISTORY,
        [ESE_ROLE_CROWD] = ESE_ARTIFACT_CROWD_HISTORY,
        [ESE_ROLE_MAILER] = ESE_ARTIFACT_MAILER_HISTORY,
    };
    enum ese_role role = ese_party_role(party);
    if (role == ESE_ROLE_READER)
        ese_artifact_reader(ese_party_number(party), member);
    else if (role == ESE_ROLE_CLIENT)
        ese_artifact_client(ese_party_number(party), member);
    else if (party >= ESE_ROLES)
        ese_artifact_member(ese_party_number(party), member);
    else
        return names[party];
    return member;
}

static struct ese_history_reader *reader_of(struct ese_journey *journey, int party)
{
    char member[ESE_ARTIFACT_MEMBER_SIZE], path[ESE_ARTIFACT_PATH_SIZE];
    if (journey->history[party] != NULL || (party >= ESE_ROLES && journey->role[party].process == NULL))
        return journey->history[party];
    const char *name = history_of(party, member);
    if (name != NULL && ese_artifact_path(journey->directory, name, path, NULL) == 0)
        ese_history_read_open(path, &journey->history[party], NULL); /* not there yet: later */
    return journey->history[party];
}

int64_t ese_journey_count(struct ese_journey *journey, int party, enum ese_history_counter counter)
{
    struct ese_history_reader *reader = reader_of(journey, party);
    return reader == NULL ? 0 : ese_history_read_count(reader, counter);
}

/* Readers are for themselves: what they were handed counts for nobody else, but for what it cost. */
static bool adds_up(int party, int counter)
{
    bool is_for_itself = ese_party_role(party) == ESE_ROLE_READER || ese_party_role(party) == ESE_ROLE_CROWD;
    return !is_for_itself || counter == ESE_COUNT_WIRE_SENT || counter == ESE_COUNT_WIRE_RECEIVED;
}

void ese_journey_add_counts(struct ese_journey *journey, int64_t count[ESE_HISTORY_COUNTERS])
{
    for (int party = 0; party < ESE_PARTIES; party++) {
        struct ese_history_reader *reader = reader_of(journey, party);
        for (int i = 0; reader != NULL && i < ESE_HISTORY_COUNTERS; i++)
            count[i] += adds_up(party, i) ? ese_history_read_count(reader, (enum ese_history_counter)i) : 0;
    }
}

/* The latest of the moments that the parties of a role have in that counter. */
static int64_t last_of(struct ese_journey *journey, enum ese_role role, enum ese_history_counter counter)
{
    int64_t last_ns = 0;
    for (int party = ese_party_first(role, ESE_MEMBERS_ALL); party < ESE_PARTIES;
         party = ese_party_next(party, role, ESE_MEMBERS_ALL)) {
        int64_t at_ns = ese_journey_count(journey, party, counter);
        last_ns = at_ns > last_ns ? at_ns : last_ns;
    }
    return last_ns;
}

/* ---- the end, as it was found ---- */

/* Whether a member has its part in what the group has found: not who holds nothing, once it has been there for
 * long enough to be given something, nor who is gone for good, once others have had the time to take over. */
static bool has_part(struct ese_journey *journey, int party)
{
    const struct ese_role_state *state = &journey->role[party];
    bool is_settled = ese_clock_monotonic_ns() - state->since_ns > SETTLED_NS;
    bool holds = !state->is_lost && ese_journey_count(journey, party, ESE_COUNT_HELD) > 0;
    return holds || !is_settled;
}

/* What a member has found since it came up; nothing, once it is down. */
static int64_t members_end_ns(struct ese_journey *journey, int party)
{
    int64_t found_ns = ese_journey_count(journey, party, ESE_COUNT_AT_END_NS);
    return found_ns >= journey->role[party].since_ns ? found_ns : 0;
}

/* When all that is not processed had been looked for in vain: by one reader; or by each member of a group, none of
 * which is away, as what it holds is then read by nobody. 0: not yet. */
static int64_t end_ns(struct ese_journey *journey)
{
    int64_t first_ns = INT64_MAX;
    if (journey->members <= 1)
        return ese_journey_count(journey, ESE_ROLE_CONSUMER, ESE_COUNT_AT_END_NS);
    for (int party = ese_party_first(ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL); party < ESE_PARTIES;
         party = ese_party_next(party, ESE_ROLE_CONSUMER, ESE_MEMBERS_ALL)) {
        if (journey->role[party].process == NULL || !has_part(journey, party))
            continue;
        int64_t found_ns = members_end_ns(journey, party);
        first_ns = found_ns < first_ns ? found_ns : first_ns;
    }
    return first_ns == INT64_MAX ? 0 : first_ns;
}

/* ---- what waits ---- */

/* What a transport has lost will never be processed: whatever was acknowledged when its reader found the
 * end is, or is lost. */
static int64_t without_lost(struct ese_journey *journey, int64_t open)
{
    int64_t found_ns = end_ns(journey);
    if (found_ns > last_of(journey, ESE_ROLE_CLIENT, ESE_COUNT_LAST_DONE_NS))
        return 0;
    if (found_ns != journey->end_ns)
        journey->given_up = open;
    journey->end_ns = found_ns;
    return open > journey->given_up ? open - journey->given_up : 1; /* something was acknowledged since */
}

/* One of them that runs, and has not found the end since the last event was acknowledged. */
static bool are_behind(struct ese_journey *journey, enum ese_role role)
{
    int64_t done_ns = last_of(journey, ESE_ROLE_CLIENT, ESE_COUNT_LAST_DONE_NS);
    for (int party = ese_party_first(role, ESE_MEMBERS_ALL); party < ESE_PARTIES;
         party = ese_party_next(party, role, ESE_MEMBERS_ALL)) {
        if (journey->role[party].process != NULL && journey->role[party].was_up &&
            members_end_ns(journey, party) <= done_ns)
            return true;
    }
    return false;
}

static int64_t lag_of(struct ese_journey *journey, const int64_t count[ESE_HISTORY_COUNTERS])
{
    int64_t open = count[ESE_COUNT_ACKNOWLEDGED] - count[ESE_COUNT_PROCESSED];
    if (open <= 0)
        return 0; /* processed before the client heard of its acknowledgement */
    bool may_lose = journey->entry->transport->promises.delivery == ESE_DELIVERY_AT_MOST_ONCE ||
                    journey->retention_s > 0; /* which may be shorter than its reader is away */
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

static bool is_there(const struct ese_journey *journey, int party)
{
    return party == ESE_ROLE_BROKER ? journey->broker != NULL : journey->role[party].process != NULL;
}

static bool is_running(struct ese_journey *journey, int party)
{
    if (!is_there(journey, party))
        return false;
    return party == ESE_ROLE_BROKER ? ese_broker_life_running(journey->broker)
                                    : ese_process_running(journey->role[party].process);
}

/* HOST:PORT; "" where nobody is served. */
static const char *address_of(const struct ese_journey *journey, enum ese_role role)
{
    const char *const addresses[ESE_ROLES] = {
        [ESE_ROLE_CLIENT] = "",
        [ESE_ROLE_SERVER] = journey->server_address,
        [ESE_ROLE_CONSUMER] = "",
        [ESE_ROLE_READER] = "",
        [ESE_ROLE_CROWD] = "",
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
static void look_at_coming(struct ese_journey *journey, int party)
{
    struct ese_role_state *state = &journey->role[party];
    enum ese_role role = ese_party_role(party);
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
static bool is_over(int party, int status)
{
    return ese_party_role(party) == ESE_ROLE_CLIENT && (status == 0 || status == ESE_SERVICE_IN_VAIN);
}

bool ese_journey_look(struct ese_journey *journey, int party)
{
    struct ese_role_state *state = &journey->role[party];
    bool up = is_running(journey, party);
    if (up && state->is_coming)
        look_at_coming(journey, party);
    if (!note_state(state, up))
        return up;
    int status = state->process == NULL ? -1 : ese_process_status(state->process);
    if (is_over(party, status))
        return up;
    char words[300] = "", name[ESE_PARTY_NAME_SIZE];
    state->is_lost = true;
    if (state->process != NULL)
        ese_process_last_words(state->process, words, sizeof words);
    ese_journey_party_name(journey, party, name);
    ese_endings_add(&journey->endings, name, status, words);
    return up;
}

const struct ese_endings *ese_journey_endings(const struct ese_journey *journey)
{
    return &journey->endings;
}

/* Takes one more party into its role's view, the first included. */
static void add_party(struct ese_role_view *view, const struct ese_role_state *state, bool up)
{
    bool is_first = view->parties++ == 0;
    view->exists = true;
    view->parties_up += up;
    view->coming = view->coming || (up && state->is_coming);
    view->lost = (is_first || view->lost) && state->is_lost;
    if (is_first || (view->up && (!up || state->since_ns > view->since_ns)) ||
        (!view->up && !up && state->since_ns < view->since_ns))
        view->since_ns = state->since_ns;
    view->up = (is_first || view->up) && up;
}

void ese_journey_view(struct ese_journey *journey, struct ese_journey_view *view)
{
    *view = (struct ese_journey_view){0};
    ese_journey_add_counts(journey, view->count);
    view->lag = lag_of(journey, view->count);
    for (int party = 0; party < ESE_PARTIES; party++) {
        bool up = ese_journey_look(journey, party);
        if (is_there(journey, party))
            add_party(&view->role[ese_party_role(party)], &journey->role[party], up);
    }
    ese_journey_look_at_lines(journey);
    view->count[ESE_COUNT_AT_END_NS] = end_ns(journey);
    view->readers_are_behind = are_behind(journey, ESE_ROLE_READER) || are_behind(journey, ESE_ROLE_CROWD);
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
    if (ese_option_find(table, "poll-ms") != NULL)
        ese_config_give(made, "poll-ms", READBACK_POLL_MS);
    int result = ese_config_settle(made, error);
    if (result < 0)
        ese_config_free(config);
    return result;
}
