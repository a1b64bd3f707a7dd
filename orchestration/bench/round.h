/*
 * round.h - what one round of one side of a row came to, and the JSON it is kept as.
 */
#ifndef ESE_BENCH_ROUND_H
#define ESE_BENCH_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/sqlite.h"

#define ESE_ROUND_UNKNOWN (-1.0) /* nobody counts it here */
#define ESE_ROUND_REASON_SIZE 160
#define ESE_FOREIGN_MOST 0.25 /* processors that others may use meanwhile */

struct ese_round {
    double rate;       /* events a second, acknowledged while it was measured */
    double p50_us;     /* from due (open loop) or sent to acknowledged */
    double p99_us;
    double syncs_per_s;   /* that the storing process itself has counted, over its life; or unknown */
    double commits_per_s; /* likewise */
    double flushes_per_s; /* of the device, for whomever; or unknown */
    double server_us;  /* processor time an event of whoever stores */
    double cpu_us;     /* likewise of whoever is measured, where that is what is */
    double memory_mib; /* of whoever is measured, where that was looked at: resident, at most */
    double load_cores; /* of who generates the load */
    double late_us;    /* open loop: the generator's own lateness, p99 */
    double foreign_cores;
    bool all_there;    /* as much is stored as was acknowledged, or more where that cannot be told apart */
    char reason[ESE_ROUND_REASON_SIZE]; /* why it does not count; "" when it does */
};

/* Sets the reason, unless there is one. */
void ese_round_refuse(struct ese_round *round, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The receipt: refuses a round of `disk` in which less was synced than its commits need, by what is counted of it; one
 * in which not all is there that was acknowledged; and one in which nothing was.
 * under_way: so many events at most were without their acknowledgement at a time, which is what one sync can answer; 0
 * where that is not known, or nobody waits for one, as who reads. */
void ese_round_judge(struct ese_round *round, enum ese_durability durability, int under_way);

/* Likewise of a disk each of whose syncs was to take sync_us longer: more of them than a second has room for were not
 * slow. */
void ese_round_judge_slow(struct ese_round *round, int64_t sync_us);

/* One line, without its end; the caller frees. And back: ESE_E_INVALID. */
char *ese_round_text(const struct ese_round *round);
int ese_round_parse(const char *text, struct ese_round *round, struct ese_error *error);

#endif
