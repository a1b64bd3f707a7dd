/*
 * journey.h - one transport's walk from click to mail: its processes, and how they stand just now.
 *
 *     ese-client -> ese-server (-> broker) -> ese-consumer -> ese-mailer -> SMTP sink (a Maildir)
 *
 * Which of them there are follows from the transport's table alone: a store face means a server, an
 * option "bootstrap-servers" means a broker. Consumers are as many as are asked for where the transport shares
 * work among the members of a group, and one where it does not. Everything listens on free ports of 127.0.0.1.
 * One thread.
 */
#ifndef ESE_LAB_JOURNEY_H
#define ESE_LAB_JOURNEY_H

#include "ese-core/history.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/broker_life.h"
#include "orchestration/lab/ending.h"
#include "orchestration/lab/network.h"
#include "orchestration/lab/party.h"
#include "orchestration/lab/process.h"
#include "transports/registry.h"

/* How many mails a journey's mailer hands over at the same time. */
#define ESE_JOURNEY_SMTP_SESSIONS 4

struct ese_journey_options {
    const char *specification; /* "kafka:via=direct" */
    const char *directory;     /* DIR/<label>, made by open */
    enum ese_durability durability; /* a ceiling: a transport that has less by design has what it has */
    const char *broker;            /* "auto", "kafka", "embedded" */
    const char *bootstrap_servers; /* or NULL */
    int64_t retry_deadline_ms;
    bool with_sink;    /* start an SMTP sink of its own; otherwise smtp is used */
    const char *smtp;  /* HOST:PORT, or NULL */
    int64_t smtp_timeout_ms; /* for how long the mailer waits for it; 0: what the mailer does by itself */
    bool stumbles; /* its consumer, over poison */
    int consumers;           /* at most ESE_MEMBERS; 0: one */
    int64_t rule_cost_us;    /* what rules cost by event; 0: nothing */
    int64_t retention_s;     /* how long a store keeps events that forgets any; 0: as it does by itself */
    int64_t poll_ms;         /* how often a consumer looks that polls; 0: as it does by itself */
    int clients;             /* at most ESE_CLIENTS; 0: one */
    int readers;             /* beside the consumers, each for itself; at most ESE_READERS */
    bool readers_are_late;   /* nobody starts them but a fault's step */
    int destinations;        /* likewise, in one program (orchestration/crowd) */
    int flaky;               /* per cent of them, as the seed draws */
    unsigned bad_disks, set_clocks, cut_powers, slow_rules; /* roles that these may befall (ESE_ROLE_BIT, trouble.h) */
    int64_t seed;   /* of what chance does on these lines */
    unsigned lines; /* those that go through a proxy, where this journey has them (ESE_LINE_BIT) */
};

/* Before anything is started or written: whether the options behind the specification's name are
 * known to its faces and it has that durability, or a lower one (ESE_E_USAGE), and a cluster that is given and
 * needed is there (ESE_E_MISSING). bootstrap_servers may be NULL. */
int ese_journey_check(const char *specification, enum ese_durability durability,
                      const char *bootstrap_servers, struct ese_error *error);

/* The load of one run: the same for every journey of it. */
struct ese_load {
    const char *source; /* of the client's, by name; NULL: the one it takes by itself */
    const char *rate; /* "500" */
    int64_t seconds; /* 0: without end */
    int64_t seed;
    int64_t start_at_ms; /* Unix time at which the schedule begins; 0: at once */
    int64_t poison_every; /* each so manieth is poison; 0: none is */
    int64_t resend_every; /* each so manieth is sent twice; 0: none is */
    const char *schedule; /* how the rate is spread over time, as the client has it; NULL: evenly */
    int64_t hot_percent;  /* of the clicks, those of one person; 0: nobody's in particular */
};

struct ese_journey;

/* Makes the directories and begins to start the broker, if there is one. All texts are copied. */
int ese_journey_open(const struct ese_journey_options *options, struct ese_journey **journey,
                     struct ese_error *error);
/* Starts everything but the client and returns when all of it serves. */
int ese_journey_serve(struct ese_journey *journey, struct ese_error *error);
int ese_journey_offer(struct ese_journey *journey, const struct ese_load *load, struct ese_error *error);

/* How many consumers it has. */
int ese_journey_members(const struct ese_journey *journey);
/* Whether this journey has such a party; and whether that is the lab's own, to kill and to start. */
bool ese_journey_has(const struct ese_journey *journey, enum ese_role role);
bool ese_journey_owns(const struct ese_journey *journey, enum ese_role role);

/* Faults, for parties of the lab's own; a no-op for others. kill is SIGKILL, and does not wait for the
 * end, so that several go at one instant. start goes on where the role stood: same ports, same files. It
 * does not wait either: until the party serves again, it is `coming` (struct ese_role_view), and one that
 * does not within a limit is given up. Of a group's members, those that are meant (party.h); start leaves
 * alone who runs. */
void ese_journey_kill(struct ese_journey *journey, enum ese_role role, unsigned members);
int ese_journey_start(struct ese_journey *journey, enum ese_role role, unsigned members,
                      struct ese_error *error);
/* SIGSTOP, and SIGCONT: it stands still, which nobody is told but by its silence. */
void ese_journey_freeze(struct ese_journey *journey, enum ese_role role, unsigned members);
void ese_journey_thaw(struct ese_journey *journey, enum ese_role role, unsigned members);
/* The server's power goes: it dies, and its next life finds a disk on which what was not synced is there or not, as the
 * seed decides. Waits for that. Only of one that was made ready for it (trouble.h). */
int ese_journey_power(struct ese_journey *journey, enum ese_role role, const char *seed, struct ese_error *error);
/* Whether this journey has such a line, and it goes through a proxy. From serve on. */
bool ese_journey_has_line(const struct ese_journey *journey, enum ese_line line);
/* Makes it such as the condition says ("cut backward", "restore"), and returns once that is in force; a no-op for a
 * line that is not there. ESE_E_USAGE for what is no condition. */
int ese_journey_network(struct ese_journey *journey, enum ese_line line, const char *condition,
                        struct ese_error *error);
/* What has passed: "open=1 accepted=3 refused=0 forward=120 backward=33", the last two in bytes; "" for a line that is
 * not there. */
int ese_journey_passed(struct ese_journey *journey, enum ese_line line, char *text, size_t size,
                       struct ese_error *error);
/* SIGTERM and wait; no-op for what does not run. Returns the exit status, of several that of the last, or -1. */
int ese_journey_stop(struct ese_journey *journey, enum ese_role role);

/* Stops everything, clients first. NULL behind the pointer is allowed. */
void ese_journey_close(struct ese_journey **journey);

/* Of a group's members, all together. */
struct ese_role_view {
    bool exists;
    bool up;          /* its process runs; of several, all do */
    bool coming;      /* it was started again and does not serve yet; of several, any */
    bool lost;        /* it ended, and nobody had asked for it (ending.h); of several, all: the others go on */
    int64_t since_ns; /* monotonic: when it came up, or went down; of several, the last to come or the first to go */
    int parties;      /* how many play it, */
    int parties_up;   /* and how many of these are up */
};

/* How it stands now, from the running counters of the histories. */
struct ese_journey_view {
    int64_t count[ESE_HISTORY_COUNTERS]; /* the parties' counters, added */
    int64_t lag;                         /* acknowledged, not yet processed, and not known to be lost */
    bool readers_are_behind;           /* one that runs has not found the end since the last acknowledgement; nor have
                                          all destinations but those that hang */
    struct ese_role_view role[ESE_ROLES];
};
void ese_journey_view(struct ese_journey *journey, struct ese_journey_view *view);

/* Who ended though nobody had asked for it, as noticed by view, kill and stop. */
const struct ese_endings *ese_journey_endings(const struct ese_journey *journey);
/* Whether what a consume face reads the store from serves. */
bool ese_journey_is_readable(struct ese_journey *journey);

/* Reads the kernel's counts of all processes, and keeps the highest sum of resident memory. */
void ese_journey_sample(struct ese_journey *journey);

/* Keeps the logs of all processes within a bound (log_file.h). Called now and then. */
#define ESE_JOURNEY_LOG_BYTES (INT64_C(4) * 1024 * 1024)
void ese_journey_bound_logs(const struct ese_journey *journey);

/* Of one party; what nobody can tell of it is ESE_COST_UNKNOWN. */
#define ESE_COST_UNKNOWN (-1)
struct ese_party_cost {
    char party[ESE_PARTY_NAME_SIZE];
    int lives;
    int64_t cpu_ns;
    int64_t rss_peak_bytes; /* the most of any life */
    int64_t switches, preemptions; /* context switches, voluntary and not */
    int64_t disk_written_bytes;
    int64_t wire_bytes;     /* over the connections it opened, both ways */
    int64_t syncs;          /* of files and directories */
    int64_t requests;       /* it answered: of HTTP; of a broker, those of its protocol */
    int64_t requests_sent;  /* of both */
};

struct ese_journey_cost {
    int64_t cpu_ns;
    int64_t wire_bytes;
    int64_t disk_bytes; /* allocated blocks: storage, state, outbox */
    int64_t disk_written_bytes;
    int64_t rss_peak_bytes;
    int processes;
    struct ese_party_cost parties[ESE_PARTIES];
    int party_count;
};
/* The SMTP sink and the proxy are not counted, the broker and every restarted life are. */
void ese_journey_cost(struct ese_journey *journey, struct ese_journey_cost *cost);

const char *ese_journey_specification(const struct ese_journey *journey);
const struct ese_transport *ese_journey_transport(const struct ese_journey *journey);
const char *ese_journey_directory(const struct ese_journey *journey);
const char *ese_journey_broker_kind(const struct ese_journey *journey); /* NULL: it has none */
bool ese_journey_broker_is_mock(const struct ese_journey *journey);
/* When the role, or any who plays it, was last started by ese_journey_start (monotonic ns); 0: never. */
int64_t ese_journey_restarted_ns(const struct ese_journey *journey, enum ese_role role);

/* The addresses of what serves, for people: "server http://127.0.0.1:40123", one a line into text. */
void ese_journey_addresses(const struct ese_journey *journey, char *text, size_t size);

/* The configuration with which a consume face reads this journey's store (server, bootstrap-servers, data).
 * The caller frees it. */
int ese_journey_consume_config(const struct ese_journey *journey, struct ese_config **config,
                               struct ese_error *error);

#endif
