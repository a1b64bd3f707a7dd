/*
 * run.h - one run: the same load and the same faults over several journeys, watched to the end.
 *
 *     start   brokers first, then everything else; the schedule begins when all of them serve
 *     warm-up, run   the clients offer; the fault's steps happen at their instants, and nobody waits for
 *              what they start
 *              (a client that ends before it has offered anything ends the run; whoever else ends
 *              though nobody asked for it is told, and the run goes on without it)
 *     drain   until everything acknowledged was processed and mailed, and rules wait for nothing, or
 *             nothing moves any more
 *     read back   the stores, through their transports
 *     stop
 *
 * Whoever shows the run is told at every step (struct ese_run_watch).
 */
#ifndef ESE_LAB_RUN_H
#define ESE_LAB_RUN_H

#include "orchestration/lab/fault.h"
#include "orchestration/lab/journey.h"
#include "orchestration/lab/kept_trace.h"

#define ESE_RUN_JOURNEYS 8
#define ESE_RUN_EVENT_SIZE 160
#define ESE_RUN_SMTP_MS 30000 /* for how long a mailer waits, unless a run has reason for less */
#define ESE_RUN_POISON_OPTION \
    {.name = "poison-every", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "0", .min = 0, .max = 1000000, \
     .help = "On each N-th event a rule fails, so that it becomes a dead letter (0: on none)."}
#define ESE_RUN_STALE_OPTION \
    {.name = "stale-after-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "0", .min = 0, .max = 86400000, \
     .help = "The longest that an event may wait from its acknowledgement until it was processed: the ledger fails " \
             "where one has waited longer (0: it may wait for as long as it likes)."}

struct ese_run_options {
    const char *directory;
    const char *preset; /* the run's name, or NULL */
    const char *scenario, *question; /* its name, and what it asks; or NULL */
    bool is_small;                   /* that scenario */
    const char *specifications[ESE_RUN_JOURNEYS];
    int count;
    const char *source; /* of events, by the client's name for it; NULL: the one it takes by itself */
    const char *rate;
    int64_t duration_s;
    int64_t warmup_s;
    int64_t seed;
    const struct ese_fault *fault;
    int64_t gap_ms; /* of the fault */
    enum ese_durability durability;
    const char *broker;
    const char *bootstrap_servers; /* or NULL */
    int64_t retry_deadline_ms;
    int64_t smtp_timeout_ms; /* of the mailers */
    int64_t poison_every; /* on each so manieth event a rule fails; 0: on none */
    int64_t resend_every; /* each so manieth event is sent twice; 0: none is */
    int64_t stale_after_ms; /* the bound of what is stale (judgement.h); 0: there is none */
    int consumers;        /* of each journey that can have several; 0: one */
    int64_t rule_cost_us; /* by event; 0: nothing */
    int64_t retention_s;  /* of a store that forgets; 0: as it does by itself */
    int64_t poll_ms;      /* of a consumer that polls; 0: as it does by itself */
    const char *schedule; /* of the load, as the client has it; NULL: evenly */
    const struct ese_kept_trace *trace; /* that it names; NULL: none */
    int64_t hot_percent;  /* of the clicks, those of one person */
    int clients;          /* of each journey; 0: one */
    int readers;          /* of each journey, beside the consumers */
    bool readers_are_late; /* somebody has to start them: the fault */
    int destinations;     /* likewise, all in one program */
    int flaky;            /* per cent of them */
    int64_t limit_ms; /* from the schedule's beginning to the end of the drain; 0: the drain's own alone */
    bool in_turn; /* one journey after the other instead of all at once */
};

enum ese_run_phase {
    ESE_RUN_STARTING,
    ESE_RUN_WARMING,
    ESE_RUN_RUNNING,
    ESE_RUN_DRAINING,
    ESE_RUN_READING_BACK,
    ESE_RUN_STOPPING
};

struct ese_run_moment {
    enum ese_run_phase phase;
    int64_t elapsed_ms; /* since the schedule began; 0 before */
    int64_t total_ms;   /* warm-up and duration */
    const char *event;  /* what just happened ("consumers killed on all sides"), or NULL */
    const struct ese_ending *ending; /* somebody has just ended unasked, or NULL */
    const char *ended_in;            /* on this journey */
    struct ese_journey **journeys;
    int count;
};

struct ese_run_watch {
    void (*show)(void *context, const struct ese_run_moment *moment);
    void *context;
};

/* What a journey's part of the run came to, beside its artifacts. */
struct ese_run_journey_result {
    char specification[128];
    char directory[ESE_ARTIFACT_PATH_SIZE];
    char broker[160]; /* "" without one */
    bool mock;
    const struct ese_transport *transport;
    struct ese_journey_cost cost;
    int64_t schedule_ns; /* monotonic: when its schedule began */
    int64_t restarted_ns; /* when its consumer, or the last member of its group, came back; 0: never */
    int members;          /* of its group: how many consumers it had */
    struct ese_deeds deeds; /* of the fault */
    bool drained;
    int64_t waited_until_ns; /* monotonic: when the drain ended, whether or not it was drained */
    struct ese_endings endings;
};

struct ese_run_result {
    struct ese_run_journey_result journeys[ESE_RUN_JOURNEYS];
    int count;
};

int ese_run(const struct ese_run_options *options, const struct ese_run_watch *watch,
            struct ese_run_result *result, struct ese_error *error);

#endif
