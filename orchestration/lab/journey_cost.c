/* What a journey costs, as the kernel counts it, and how its logs are kept small. */
#include "orchestration/lab/journey_parts.h"

#include <ftw.h>
#include <sys/stat.h>

#include "ese-core/log_file.h"
#include "ese-core/tally.h"

static bool is_counted(int party)
{
    return party != ESE_ROLE_SINK; /* the mail server is not part of what is compared */
}

void ese_journey_sample(struct ese_journey *journey)
{
    int64_t resident = 0;
    for (int party = 0; party < ESE_PARTIES; party++) {
        struct ese_process *process = journey->role[party].process;
        if (process == NULL || !is_counted(party))
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
    for (int party = 0; party < ESE_PARTIES; party++) {
        char name[ESE_PARTY_NAME_SIZE];
        ese_journey_party_name(journey, party, name);
        if (party < ESE_ROLES || journey->role[party].process != NULL)
            bound_log(journey, name);
    }
    if (journey->network != NULL)
        bound_log(journey, ESE_ARTIFACT_PROXY);
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

/* ---- one party ------------------------------------------------------------------------------- */

void ese_journey_tally(const struct ese_journey *journey, int party, char *path, size_t size)
{
    char name[ESE_PARTY_NAME_SIZE];
    ese_journey_party_name(journey, party, name);
    snprintf(path, size, "%s/%s.tally", journey->directory, name);
}

/* Over connections: as its history tells, which is noted to the end; of a server, which has none of them, as its tally
 * does. */
static int64_t wire_of(struct ese_journey *journey, int party, const int64_t counts[ESE_TALLIES])
{
    if (party == ESE_ROLE_SERVER)
        return counts[ESE_TALLY_WIRE_SENT] + counts[ESE_TALLY_WIRE_RECEIVED];
    return ese_journey_count(journey, party, ESE_COUNT_WIRE_SENT) +
           ese_journey_count(journey, party, ESE_COUNT_WIRE_RECEIVED);
}

static void take_tally(struct ese_journey *journey, int party, struct ese_party_cost *cost, int64_t *asked_broker)
{
    char path[ESE_ARTIFACT_PATH_SIZE + 64];
    int64_t counts[ESE_TALLIES];
    ese_journey_tally(journey, party, path, sizeof path);
    if (ese_tally_read(path, counts, NULL) == -1)
        return;
    cost->wire_bytes = wire_of(journey, party, counts);
    cost->syncs = counts[ESE_TALLY_SYNCS];
    cost->requests = counts[ESE_TALLY_ANSWERED];
    cost->requests_sent = counts[ESE_TALLY_ASKED] + counts[ESE_TALLY_ASKED_BROKER];
    *asked_broker += counts[ESE_TALLY_ASKED_BROKER];
}

static struct ese_party_cost *new_party(const struct ese_journey *journey, int party, int lives,
                                        const struct ese_usage *usage, struct ese_journey_cost *cost)
{
    struct ese_party_cost *one = &cost->parties[cost->party_count++];
    *one = (struct ese_party_cost){.lives = lives,
                                   .cpu_ns = usage->cpu_ns,
                                   .rss_peak_bytes = usage->resident_peak_bytes,
                                   .switches = usage->switches,
                                   .preemptions = usage->preemptions,
                                   .disk_written_bytes = usage->written_bytes,
                                   .wire_bytes = ESE_COST_UNKNOWN,
                                   .syncs = ESE_COST_UNKNOWN,
                                   .requests = ESE_COST_UNKNOWN,
                                   .requests_sent = ESE_COST_UNKNOWN};
    ese_journey_party_name(journey, party, one->party);
    cost->cpu_ns += usage->cpu_ns;
    cost->disk_written_bytes += usage->written_bytes;
    cost->processes++;
    return one;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* What a broker was asked those know who asked it. How often it has synced, and what went over the connections that
 * brokers open, its kernel does not tell, and we do not look into it. */
static void take_broker(struct ese_journey *journey, int64_t asked, struct ese_journey_cost *cost)
{
    struct ese_usage usage = ese_broker_life_usage(journey->broker);
    ese_broker_life_add_switches(journey->broker, &usage);
    new_party(journey, ESE_ROLE_BROKER, ese_broker_life_lives(journey->broker), &usage, cost)->requests = asked;
}

void ese_journey_cost(struct ese_journey *journey, struct ese_journey_cost *cost)
{
    int64_t asked_broker = 0;
    *cost = (struct ese_journey_cost){0};
    for (int party = 0; party < ESE_PARTIES; party++) {
        struct ese_process *process = journey->role[party].process;
        if (process == NULL || !is_counted(party))
            continue;
        struct ese_usage usage = ese_process_usage(process);
        if (ese_process_pid(process) != 0)
            ese_usage_add_switches(ese_process_pid(process), &usage);
        take_tally(journey, party, new_party(journey, party, ese_process_lives(process), &usage, cost), &asked_broker);
    }
    if (journey->broker != NULL && ese_broker_life_is_own(journey->broker))
        take_broker(journey, asked_broker, cost);
    for (int i = 0; i < cost->party_count; i++)
        cost->wire_bytes += cost->parties[i].wire_bytes == ESE_COST_UNKNOWN ? 0 : cost->parties[i].wire_bytes;
    cost->disk_bytes = allocated_bytes(journey->directory);
    cost->rss_peak_bytes = journey->rss_peak_bytes;
}
