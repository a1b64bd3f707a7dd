/*
 * results.h - results.json: a run's options, machine, figures and verdicts, for programs and for
 * `ese-lab check`. docs/results.md documents every member; `version` changes when one changes its meaning.
 */
#ifndef ESE_LAB_RESULTS_H
#define ESE_LAB_RESULTS_H

#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/crowd_account.h"
#include "orchestration/lab/deed.h"
#include "orchestration/lab/journey.h"
#include "orchestration/lab/judgement.h"
#include "orchestration/lab/kept_trace.h"
#include "orchestration/lab/reader_account.h"

struct json_t;

#define ESE_RESULTS_VERSION 1
#define ESE_RESULTS_TRANSPORTS 8
#define ESE_RESULTS_SCHEDULE_SIZE (4096 + sizeof "trace:") /* the longest path there is: PATH_MAX, with its NUL */
#define ESE_RESULTS_QUESTION_SIZE 4096 /* with its NUL: a text that asks more is refused */

struct ese_results_transport {
    char name[128];              /* the specification: "kafka:via=direct" */
    enum ese_durability durability;
    char broker[160];            /* kind of broker in words, "" without one */
    bool mock;                   /* its figures are not a broker's */
    bool drained;
    int64_t waited_until_ns;     /* monotonic: when the drain ended; 0: of earlier days, or it goes on */
    struct ese_endings endings;
    int64_t schedule_ns;         /* monotonic: when its schedule began */
    int64_t restarted_ns;
    int members;                 /* how many consumers it had */
    struct ese_deeds deeds;      /* of the fault */
    struct ese_journey_cost cost;
    struct ese_judgement judgement;
    struct ese_reader_account readers[ESE_READERS];
    int reader_count;
    struct ese_crowd_account crowd;
    const struct ese_judge_look *look;   /* at what it is judged by; NULL: nobody's */
    const struct ese_promises *promises; /* of one that nobody finds by its name; NULL: it can be found */
};

struct ese_results {
    int64_t seed;
    char source[16]; /* of events: "mixed" */
    char rate[16];
    int64_t duration_s;
    int64_t warmup_s;
    char fault[32];
    int64_t gap_s;
    char asked_durability[16];
    char asked_broker[16];       /* "auto", "kafka", "embedded" */
    char bootstrap_servers[256]; /* "" unless a cluster was given */
    bool in_turn;
    int64_t retry_deadline_ms;
    int64_t smtp_timeout_ms; /* for how long the mailers wait; 0: not known */
    int consumers;               /* as many as were asked for */
    int64_t rule_cost_us;
    char schedule[ESE_RESULTS_SCHEDULE_SIZE]; /* of the load: "constant" */
    struct ese_kept_trace trace; /* that it names */
    int64_t hot_percent;
    int64_t retention_s; /* 0: as a store does by itself */
    int64_t poll_ms;     /* 0: as a consumer does by itself */
    int clients;                 /* of each transport; 0: one */
    int readers;                 /* and beside the consumers */
    bool readers_are_late;       /* somebody had to start them */
    int destinations;            /* and these, all in one program, */
    int flaky;                   /* so many per cent of them flaky */
    int64_t resend_every;        /* each so manieth event was sent twice; 0: none was */
    int64_t poison_every;        /* on each so manieth event a rule had to fail; 0: on none */
    int64_t stale_after_ms;      /* the bound of what is stale; 0: there is none */
    char preset[16];             /* "" where none was named */
    char scenario[32];           /* "" where it is none's, as the next two */
    char question[ESE_RESULTS_QUESTION_SIZE]; /* what it asks */
    bool is_small;
    const struct json_t *expectations; /* an array of objects, and what they come to (scenario_outcome.h); */
    const struct ese_verdict *scenario_verdict; /* NULL, both: nobody has looked. The caller's */
    struct ese_results_transport transports[ESE_RESULTS_TRANSPORTS];
    int count;
    /* Of a run that goes on: transports it has books of that nobody watches any more; not judged. */
    const char *unwatched[ESE_RESULTS_TRANSPORTS];
    int unwatched_count;
};

/* What its transport promises; NULL where nobody knows one of that name. */
const struct ese_promises *ese_results_promises(const struct ese_results_transport *transport);

/* Events a second, of the text. */
int64_t ese_results_rate(const char *rate);

/* The machine's figures (kernel, processors, memory, library versions) are read here and now. */
int ese_results_write(const char *directory, const struct ese_results *results, struct ese_error *error);
/* The same as JSON text; the caller frees. */
char *ese_results_text(const struct ese_results *results);

/* One of `transports`, with every member that one can have, and each of its arrays with an element at least; the caller
 * gives it back (json_decref). results_specimen.c. */
struct json_t *ese_results_specimen(void);

/* What `check` needs to judge again: everything but the judgements' figures. */
int ese_results_read(const char *directory, struct ese_results *results, struct ese_error *error);

#endif
