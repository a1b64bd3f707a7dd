/*
 * member.h - one member of a consumer group: next batch, rule, one transaction, acknowledge; until
 * stopped.
 *
 * Positions are the state file's, never the transport's: given a partition, a member raises its
 * epoch and starts exactly where the last commit left off. What a transport is told by acknowledge
 * is only shown.
 *
 * Where the state file has no room for a batch, the batch is held, and nothing further is read,
 * until there is: nothing is lost, and the lag tells of it. With until_end it ends with a message
 * instead.
 *
 * What rules are made to cost is waited before a batch's transaction, and a stop does not wait for it.
 *
 * A member that finds that somebody newer owns a partition drops its batch. Where the transport
 * shares work among members it then joins again; where opening takes the one partition there is, it
 * ends with a message. So it does when a newer member of its own name has joined (enrolment.h).
 */
#ifndef ESE_MEMBER_H
#define ESE_MEMBER_H

#include "ese-consumer/pulse.h"
#include "ese-consumer/rule.h"
#include "ese-core/config.h"
#include "ese-core/error.h"
#include "ese-core/history.h"
#include "ese-core/metrics.h"
#include "ese-core/sqlite.h"
#include "transports/transport.h"

struct ese_member;

struct ese_member_options {
    const struct ese_config *config; /* for the transport's own options */
    const struct ese_transport *transport;
    struct ese_rules rules;
    const char *group;
    const char *member;
    const char *state_path;
    enum ese_durability durability;
    const char *mailer;              /* URL; NULL: nobody is posted to */
    const char *mail_requests;       /* the transport of their topic; NULL: they are put on none */
    const char *token;               /* the mailer asks for; NULL: none */
    const char *dead_letters;        /* the transport of their topic; NULL: that of the events, if it has
                                        topics */
    int64_t from;                    /* without a saved position: as in transport.h */
    int max_batch;
    int64_t rule_cost_us;            /* waited by event (rule_cost.h); 0: none */
    const char *rule_cost_file;      /* that says another cost while it is there; NULL: none does */
    int64_t lateness_ms;
    int64_t max_keys;
    int64_t max_bytes;               /* of the state file; 0: no bound */
    struct ese_history_options history;
    bool until_end;                  /* stop once the end was found, no rule waits for anything, and all
                                        mails were taken */
    bool talk;                       /* a line of statistics every few seconds */
    struct ese_metrics *metrics;
    struct ese_pulse *pulse;
};

/* Texts are kept, not copied. */
int ese_member_open(const struct ese_member_options *options, struct ese_member **member,
                    struct ese_error *error);

/* Until a stop is asked for (service.h) or, with until_end, the end was found. */
int ese_member_run(struct ese_member *member, struct ese_error *error);

/* For the last word, after run. */
struct ese_statistics *ese_member_statistics(struct ese_member *member);

/* Lets mails under way finish for half a second at most. */
void ese_member_close(struct ese_member **member);

#endif
