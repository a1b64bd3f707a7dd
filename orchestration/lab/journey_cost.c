/* What a journey costs, as the kernel counts it, and how its logs are kept small. */
#include "orchestration/lab/journey_parts.h"

#include <ftw.h>
#include <sys/stat.h>

#include "ese-core/log_file.h"

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
    for (int party = 0; party < ESE_PARTIES; party++) {
        struct ese_process *process = journey->role[party].process;
        if (process == NULL || !is_counted(party))
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
    ese_journey_add_counts(journey, count);
    cost->wire_bytes = count[ESE_COUNT_WIRE_SENT] + count[ESE_COUNT_WIRE_RECEIVED];
    cost->disk_bytes = allocated_bytes(journey->directory);
    cost->rss_peak_bytes = journey->rss_peak_bytes;
}
