/*
 * fault.h - what goes wrong in a run, and when: the same steps at the same instants on every journey.
 *
 * Who is away for --gap seconds is away for a multiple of that; whoever keeps the events, for two seconds.
 * A part that a journey has not is passed over there, and its deeds say so. So are members of a group where one
 * consumer reads alone: what befalls one of several has no like there, and to kill the only one is another fault.
 */
#ifndef ESE_LAB_FAULT_H
#define ESE_LAB_FAULT_H

#include <stdint.h>

#include "ese-core/error.h"
#include "orchestration/lab/deed.h"
#include "orchestration/lab/journey.h"
#include "orchestration/lab/trouble.h"

/* What a step strikes: one party of each journey, or several at one instant. */
struct ese_fault_part {
    const char *name; /* "servers" */
    unsigned roles;   /* ESE_ROLE_BIT */
    unsigned members; /* of a group's, those that are meant (ESE_MEMBER_BIT); 0: all consumers */
};

struct ese_fault_step {
    enum ese_act act;
    const struct ese_fault_part *part;
    int gaps;         /* so many times --gap since the fault began, */
    int64_t after_ms; /* and so long after that */
    unsigned lines;   /* ESE_ACT_NETWORK: those that are meant (ESE_LINE_BIT) */
    char how[ESE_ACT_HOW_SIZE]; /* of what is told how: "full", "cut backward" */
};

struct ese_fault {
    const char *name;
    const char *story; /* one line, for people */
    const struct ese_fault_step *steps; /* in the order of time, whatever the gap */
    int count;
    bool from_the_start; /* it begins with the schedule, not when everything is warm */
};

/* "consumers", "member 2"; NULL: there is none of that name. */
const struct ese_fault_part *ese_fault_part_find(const char *name);
/* That of steps that are done to lines, and to no party. */
const struct ese_fault_part *ese_fault_part_lines(void);
/* For people; those that are no members alone, and all. */
#define ESE_FAULT_PARTIES "consumers, readers, destinations, servers, brokers, mailers, clients, smtp"
#define ESE_FAULT_PARTS ESE_FAULT_PARTIES ", or member 1 to 6"

/* ESE_E_USAGE names the known ones. */
int ese_fault_find(const char *name, const struct ese_fault **fault, struct ese_error *error);

/* For the option table. */
#define ESE_FAULT_NAMES \
    "bad-day|server-down|broker-down|mailer-down|consumer-down|members-down|member-frozen|none"

/* When the step is due, since the fault began. */
int64_t ese_fault_step_ms(const struct ese_fault_step *step, int64_t gap_ms);

/* How many members a group must have for all that is meant to be there; 0: none is meant by its number. */
int ese_fault_members(const struct ese_fault *fault);

/* The roles that the act befalls at any time, so that they can be made ready for it; and the lines. */
unsigned ese_fault_befallen(const struct ese_fault *fault, enum ese_act act);
unsigned ese_fault_lines(const struct ese_fault *fault);

/* For how long at most nobody acknowledges: from the death of any of these roles that keeps events until it
 * has come back and whoever waits has tried again. 0: the fault leaves them alone. */
int64_t ese_fault_outage_ms(const struct ese_fault *fault, int64_t gap_ms, unsigned roles);

/* Does the step on one journey, and notes it. Does not wait: not for an end, and not until what was
 * started serves. */
int ese_fault_do(const struct ese_fault_step *step, struct ese_journey *journey, struct ese_deeds *deeds,
                 struct ese_error *error);

#endif
