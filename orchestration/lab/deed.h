/*
 * deed.h - what a fault has done to the parties of one journey, and when: the instants as executed, from
 * which the times of recovery are told, then and whenever the run is judged again.
 */
#ifndef ESE_LAB_DEED_H
#define ESE_LAB_DEED_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/buffer.h"
#include "orchestration/lab/party.h"

#define ESE_DEEDS 16 /* of one journey */

/* By SIGKILL, and a new life after it; by SIGSTOP, and SIGCONT after it. And what is done to a party's disk or clock,
 * to the SMTP server, or to a line between two parties: how, and when it is over, is told beside it. */
enum ese_act {
    ESE_ACT_KILL,
    ESE_ACT_START,
    ESE_ACT_FREEZE,
    ESE_ACT_THAW,
    ESE_ACT_DISK,
    ESE_ACT_CLOCK,
    ESE_ACT_SMTP,
    ESE_ACT_NETWORK,
    ESE_ACT_RULE,  /* its rules are slow */
    ESE_ACT_POWER, /* it dies, and what of its disk was not synced may be gone; how: by which seed */
    ESE_ACTS
};
#define ESE_ACT_HOW_SIZE 64
/* By SIGKILL, or because the power goes. */
bool ese_act_is_death(enum ese_act act);
/* Whether it is told how. */
bool ese_act_has_how(enum ese_act act);

const char *ese_act_name(enum ese_act act);    /* "kill" */
enum ese_act ese_act_find(const char *name);   /* ESE_ACTS when there is none of that name */

struct ese_deed {
    enum ese_act act;
    int64_t done_ns;      /* monotonic: just before it was done, or would have been */
    unsigned roles;       /* it was done to these (ESE_ROLE_BIT) */
    unsigned passed_over; /* it was meant for these, too: they are not there, or not the lab's own */
    unsigned members;     /* of a group, only to these (ESE_MEMBER_BIT); 0: to all that are there */
    unsigned lines;       /* of what befalls lines: these (ESE_LINE_BIT); `roles` are their near ends; 0: not known */
    char how[ESE_ACT_HOW_SIZE]; /* "full"; "" where there is nothing to say */
};

struct ese_deeds {
    struct ese_deed list[ESE_DEEDS]; /* as they were done */
    int count;
};

/* Room for one more is the caller's to have. */
void ese_deeds_add(struct ese_deeds *deeds, const struct ese_deed *deed);

/* Appends what was done, to whom or to which line, and how: "network client-server cut backward". */
void ese_deed_words(const struct ese_deed *deed, struct ese_buffer *text);
/* Whether what the deed with that number has begun was still so at that instant, for anybody, by all that was done
 * since. group: how many members there are; 0: it is not known, and one is meant. */
bool ese_deeds_is_in_force(const struct ese_deeds *deeds, int number, int group, int64_t at_ns);

/* When the act was first done to any of the roles at from_ns or later; 0: never. Any death counts as a kill. */
int64_t ese_deeds_first(const struct ese_deeds *deeds, enum ese_act act, unsigned roles, int64_t from_ns);
/* When it was last done to any of them; 0: never. */
int64_t ese_deeds_last(const struct ese_deeds *deeds, enum ese_act act, unsigned roles);
/* Whether any of the roles was meant and passed over. */
bool ese_deeds_passed_over(const struct ese_deeds *deeds, unsigned roles);

#endif
