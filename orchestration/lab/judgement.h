/*
 * judgement.h - what one transport's run came to, told from its artifacts alone.
 *
 * The ledger follows every offered event to its end, the oracle says which mails had to come, and the
 * verdicts say whether the books balance. The equations:
 *
 *     offered       = not_sent + refused + unknown + acknowledged
 *     acknowledged  = processed + lost + in_flight
 *     lost          = lost_by_clash + lost_by_expiry + lost_by_death + lost_by_other
 *     redelivered   = redelivered by retry + by death + by return + by other
 *     stored_twice  = stored_twice by retry + by death + by other
 *     handed_out_of_order = within one ownership + after a rebalance
 *     unknown       = unknown_stored + unknown_absent
 *     expected      = matched + altered + lost + in_flight (mails) + unknown mails that did not arrive
 *     arrived       = matched + altered + doubled + unexpected
 *
 * A transport is held to its declared promises and to no more: losses within them are counted and are no
 * failed verdict. What cannot be told (a truncated history, a store that was not read back, a run in which
 * somebody ended though nobody had asked for it, a loss of which a store says nothing that has promised to)
 * is never a pass.
 */
#ifndef ESE_LAB_JUDGEMENT_H
#define ESE_LAB_JUDGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "orchestration/lab/deed.h"
#include "orchestration/lab/ending.h"
#include "orchestration/lab/stories.h"
#include "transports/transport.h"

struct ese_ledger {
    int64_t offered;
    int64_t acknowledged;
    int64_t refused;
    int64_t unknown;
    int64_t unknown_stored;
    int64_t unknown_absent;
    int64_t not_sent;
    int64_t processed; /* of the acknowledged */
    int64_t dead_letters; /* of the processed: passed over, as nobody could process them, and not replayed */
    int64_t lost;      /* acknowledged, and neither processed nor waiting in the store */
    /* Of the lost, how: as a store tells that notes its losses (struct ese_promises), a consumer that came too late
     * (book_skips.h), or nobody. */
    int64_t lost_by_clash;  /* another event took its place */
    int64_t lost_by_expiry; /* it was too old, and no longer kept */
    int64_t lost_by_death;  /* it was kept, and the store has died since */
    int64_t lost_by_other;  /* nobody tells */
    int64_t in_flight; /* acknowledged, stored, not yet processed: zero after a drain */
    int64_t redelivered;
    int64_t stored_twice;
    int64_t reordered; /* acknowledged events stored behind a later one of their key */
    /* What went wrong between store and consumer, and why events are doubled (anomalies.h). */
    int64_t redelivered_by_retry, redelivered_by_death, redelivered_by_return, redelivered_by_other;
    int64_t stored_twice_by_retry, stored_twice_by_death, stored_twice_by_other;
    int64_t handed_out_of_order;
    int64_t disordered_within, disordered_after; /* of these: within one ownership; as the partition changed hands */
    int64_t processed_out_of_order;              /* of the latter: processed so, too */
    int64_t passed_over_first;                   /* by their reader, and handed to it later */
    int64_t stale;                               /* processed later than the bound allows */
    int64_t strangers; /* events of somebody who has nothing to do with the run; not among the offered */
    int64_t phantom;   /* stored though refused, not sent or never offered */
    int64_t late;
    int64_t beyond_window;
    int64_t skipped_by_retention;
};

struct ese_mail_ledger {
    int64_t expected;
    int64_t arrived;
    int64_t matched;
    int64_t altered;
    int64_t lost;
    int64_t in_flight; /* that had to come, and may: queued, not brought to the mailer, or of events that wait; zero
                          after a drain, and of a run that goes on */
    int64_t doubled;
    int64_t unexpected;
    int64_t unknown;         /* neither sent nor not sent, as far as the mailer knows; not arrived */
    int64_t unknown_arrived; /* the same, and it did arrive */
    int64_t doubtful_chains; /* judged for doubled mails only (oracle.h) */
    int64_t touched_chains;  /* an event of theirs was lost, or stored out of order */
};

/* Their members by name, as results.json, the metrics and fold.db call them; ends with a NULL. */
struct ese_ledger_member {
    const char *name;
    size_t offset;    /* of an int64_t */
    bool does_add_up; /* over parts of a run; what the consumer's state or the book counts does not */
};
extern const struct ese_ledger_member ese_ledger_members[];
extern const struct ese_ledger_member ese_mail_ledger_members[];
/* The member's place in a struct ese_ledger or ese_mail_ledger. */
int64_t *ese_ledger_at(void *ledger, const struct ese_ledger_member *member);
int64_t ese_ledger_get(const void *ledger, const struct ese_ledger_member *member);

/* Per cent of the latencies, ascending, of which a curve is made. */
#define ESE_PERCENTILES 14
extern const double ese_percentiles[ESE_PERCENTILES];

struct ese_latency {
    int64_t count;
    int64_t p50_us, p99_us, p999_us, max_us;
    int64_t at_us[ESE_PERCENTILES]; /* at each of ese_percentiles */
};

enum ese_verdict_word { ESE_VERDICT_PASS, ESE_VERDICT_FAIL, ESE_VERDICT_CANNOT_TELL };
const char *ese_verdict_text(enum ese_verdict_word word); /* "pass", "fail", "cannot tell" */

struct ese_verdict {
    enum ese_verdict_word word;
    char reason[240]; /* "" for a pass */
};

/* Whoever wants to see what a run is judged by: each share of it, once it was counted. */
struct ese_evidence;
struct ese_event_names;
struct ese_judge_look {
    void (*take)(void *context, const struct ese_evidence *evidence);
    void *context;
};

struct ese_judge_options {
    const char *directory;                /* one transport's, see artifacts.h */
    const struct ese_promises *promises;  /* of its transport */
    /* Its partitions in words (transport.h), for the stories; NULL: by number. */
    void (*partition_name)(int32_t partition, char *text, size_t size);
    int64_t schedule_ns;                  /* monotonic: when the load's schedule began, which is where curves and
                                             stories begin; 0: with the first event that was due */
    int64_t measured_from_ns;             /* monotonic: latencies of events due before are cut (warm-up) */
    int64_t restarted_ns;                 /* when the consumer, or the last member of its group, came back after a
                                             fault; 0: it never was away */
    const struct ese_deeds *deeds;        /* of the fault; NULL: nobody knows of any */
    int64_t rate;                         /* events that came a second; 0: not known */
    const struct ese_endings *endings;    /* who ended though nobody had asked for it; NULL: likewise */
    int64_t smtp_timeout_ms;              /* for how long the mailer waits; 0: not known */
    bool is_store_unseen;                 /* nobody has read it back: its history is empty */
    bool is_foreign;                      /* recorded by somebody else (foreign.h): nobody has waited for its end */
    const struct ese_event_names *names;  /* (book.h) that stories are to call events by; NULL: their ids */
    const char *contradiction;            /* two records that cannot both be true, as whoever brought the histories has
                                             found; "" or NULL: none were */
    int members;                          /* of its group, each of which has left a history; 0: not known */
    int64_t poison_every;                 /* on each so manieth event a rule had to fail; 0: on none */
    int64_t stale_after_ms;               /* what is processed later than that after its acknowledgement is a fault; 0:
                                             any time will do */
    struct ese_latency_logs *logs;        /* to record all latencies in (latency_logs.h), too; NULL: none */
    const struct ese_id *asked;           /* whose story is wanted beside; NULL: nobody's */
    struct ese_buffer *told;              /* where to append what became of it, if anybody says anything of it */
    const struct ese_judge_look *look;    /* NULL: nobody */
    int64_t events;                       /* a pass is to hold at most; 0: ESE_JUDGE_EVENTS */
    int64_t most;                         /* it can, where lanes are that large; 0: ESE_JUDGE_MOST */
};

#define ESE_STALE_MOST_MS 86400000 /* a bound is at most a day */

/* However long a run was, so many of its events are in memory at once (share.h), some 290 bytes each, 192 of them its
 * entry (book.h), the rest what it is found by. Where lanes are larger, more; but beyond `most` the run cannot be
 * told. */
#define ESE_JUDGE_EVENTS 100000
#define ESE_JUDGE_MOST 500000

/* How long it took until all was well again after a fault. */
struct ese_recovery {
    /* From the death of whoever keeps the events to the first acknowledgement since its return; -1: there
     * was none, or it did not die. */
    int64_t acknowledges_again_us;
    int64_t reads_again_us;     /* from restarted_ns to the first event handed to any who came back then; -1: never, or
                                   no restart */
    int64_t backlog_at_restart; /* acknowledged and not yet handed when it came back */
    /* From the last return, of the consumer or of whoever keeps the events, until all that was acknowledged
     * up to it, and not lost, was processed; 0: it was already; -1: never, or nobody came back. */
    int64_t backlog_gone_us;
    /* Of all instants at which somebody was killed, the most events that had been sent by then and were
     * processed only after it. */
    int64_t waiting_at_kill;
    int64_t waiting_at[ESE_DEEDS]; /* each of the deeds that is such an instant */
};
#define ESE_RECOVERY_NONE {.acknowledges_again_us = -1, .reads_again_us = -1, .backlog_gone_us = -1}

/* How many events waited at any time: acknowledged by then, and not processed by then (lag.h). */
#define ESE_LAG_BUCKETS 120
struct ese_lag_curve {
    int64_t bucket_ms;
    int count;                        /* of buckets, from when the schedule began */
    int64_t waiting[ESE_LAG_BUCKETS]; /* at the end of each */
    int64_t highest;                  /* of these, and of the next but one */
    int64_t load_ended_ms;            /* when the last event was due */
    int64_t at_load_end;              /* how many waited then */
    /* From the last return of a consumer, or of a member of its group, to the first end of a bucket at which less
     * waited than comes in a second; -1: never, or nobody came back. */
    int64_t caught_up_us;
};

/* How many events were due, acknowledged and processed in each stretch of the run (rates.h). */
enum ese_rate { ESE_RATE_OFFERED, ESE_RATE_ACKNOWLEDGED, ESE_RATE_PROCESSED, ESE_RATES };
struct ese_rate_curves {
    int64_t bucket_ms; /* the lag's */
    int count;         /* of buckets, from when the schedule began */
    int64_t number[ESE_RATES][ESE_LAG_BUCKETS];
};

struct ese_judgement {
    struct ese_stories stories;
    struct ese_ledger ledger;
    struct ese_mail_ledger mails;
    struct ese_latency acknowledge;  /* due to outcome */
    struct ese_latency closed_loop;  /* the same as a closed loop would have measured it (closed_loop.h) */
    struct ese_latency end_to_end;   /* due to the commit of the batch that processed it */
    struct ese_latency mail;         /* due of a mail's last event to the SMTP server's 250; not of
                                        those that come when time has passed */
    struct ese_latency lateness;     /* due to sent: the generator's own, warm-up included */
    int64_t warmup_cut;              /* events left out of the latencies */
    int64_t behind_schedule;         /* events the generator offered more than 5 ms late */
    struct ese_recovery recovery;
    struct ese_lag_curve lag;
    int64_t stale_worst_us;          /* the longest from an acknowledgement until it was processed */
    struct ese_rate_curves rates;
    double processed_per_s;          /* of the acknowledged, over the time from first due to last commit */
    struct ese_verdict ledger_verdict;
    struct ese_verdict timing_verdict;
    int passes;                      /* over the artifacts, that it took; 0: it was read from results.json */
};

/* Where nothing can be judged: both verdicts are that it cannot be told, and why. */
void ese_judge_nothing(const char *why, struct ese_judgement *judgement);

/* Reads the artifacts and judges. -1 only when there is nothing to judge from (no directory, no client history). */
int ese_judge(const struct ese_judge_options *options, struct ese_judgement *judgement,
              struct ese_error *error);

#endif
