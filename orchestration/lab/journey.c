#include "orchestration/lab/journey_parts.h"

#include <assert.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

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
    struct ese_listener listeners[ESE_LISTENERS];
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
        .retention_s = options->retention_s,
        .listeners = listeners,
        .listener_count = ese_journey_listeners(journey, listeners),
    };
    return ese_broker_life_open(&life, &journey->broker, error);
}

static int open_network(struct ese_journey *journey, const struct ese_journey_options *options,
                        struct ese_error *error)
{
    if (options->lines == 0)
        return 0;
    if (ese_network_open(journey->directory, journey->specification, options->lines, &journey->network, error) < 0)
        return -1;
    ese_network_seed(journey->network, options->seed);
    return 0;
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
    made->rule_cost_us = options->rule_cost_us;
    if (options->smtp != NULL)
        snprintf(made->smtp_address, sizeof made->smtp_address, "%s", options->smtp);
    made->retention_s = options->retention_s;
    made->befallen[ESE_ACT_DISK] = options->bad_disks;
    made->befallen[ESE_ACT_CLOCK] = options->set_clocks;
    made->befallen[ESE_ACT_POWER] = options->cut_powers;
    made->befallen[ESE_ACT_RULE] = options->slow_rules;
    made->befallen[ESE_ACT_SMTP] = ESE_ROLE_BIT(ESE_ROLE_SINK);
    made->poll_ms = options->poll_ms;
    made->clients = options->clients;
    made->readers = options->readers;
    made->readers_are_late = options->readers_are_late;
    made->destinations = options->destinations;
    made->flaky = options->flaky;
    made->seed = options->seed;
    assert(options->consumers <= ESE_MEMBERS && options->clients <= ESE_CLIENTS && options->readers <= ESE_READERS);
    if (ese_registry_find(options->specification, &made->entry, error) < 0 ||
        make_directories(options->directory, error) < 0 || open_network(made, options, error) < 0 ||
        open_broker(made, options, error) < 0) {
        ese_journey_close(journey);
        return ese_fail_within(error, "%s", options->specification);
    }
    if (transport_of(made)->promises.shares_work)
        made->members = options->consumers;
    return 0;
}

void ese_journey_close(struct ese_journey **journey)
{
    struct ese_journey *old = *journey;
    if (old == NULL)
        return;
    for (int role = 0; role < ESE_ROLES; role++) /* they stand in the order of the walk */
        ese_journey_stop(old, (enum ese_role)role);
    for (int party = 0; party < ESE_PARTIES; party++) {
        ese_process_free(&old->role[party].process);
        ese_port_release(&old->role[party].port);
        ese_history_read_close(&old->history[party]);
    }
    ese_broker_life_close(&old->broker);
    ese_network_close(&old->network);
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
    int64_t last_ns = 0;
    for (int party = ese_party_first(role, ESE_MEMBERS_ALL); party < ESE_PARTIES;
         party = ese_party_next(party, role, ESE_MEMBERS_ALL)) {
        if (journey->role[party].restarted_ns > last_ns)
            last_ns = journey->role[party].restarted_ns;
    }
    return last_ns;
}

int ese_journey_members(const struct ese_journey *journey)
{
    return journey->members > 1 ? journey->members : 1;
}

void ese_journey_party_name(const struct ese_journey *journey, int party, char name[ESE_PARTY_NAME_SIZE])
{
    bool is_alone = ese_party_role(party) == ESE_ROLE_CONSUMER ? journey->members <= 1
                    : ese_party_role(party) == ESE_ROLE_CLIENT ? journey->clients <= 1
                                                               : false;
    ese_party_name(party, is_alone, name);
}
