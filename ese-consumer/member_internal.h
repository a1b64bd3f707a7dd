/*
 * member_internal.h - what the files of a member share: member.c, its loop, and member_house.c, what
 * is done beside it.
 */
#ifndef ESE_MEMBER_INTERNAL_H
#define ESE_MEMBER_INTERNAL_H

#include "ese-consumer/enrolment.h"
#include "ese-consumer/letter_topic.h"
#include "ese-consumer/member.h"
#include "ese-consumer/rule_cost.h"
#include "ese-consumer/sender.h"
#include "ese-consumer/turn.h"
#include "ese-core/news.h"

#define ESE_MEMBER_TALK_MS 5000 /* between two lines of statistics */

struct ese_member {
    struct ese_member_options options;
    struct ese_history *history;
    struct ese_statistics *statistics;
    struct ese_state *state;
    struct ese_decisions *decisions;
    struct ese_sender *sender; /* NULL: none */
    struct ese_letter_topic *letters; /* NULL: they are put nowhere else */
    struct ese_turn *turn;
    struct ese_enrolment enrolment;
    struct ese_holdings holdings;
    struct ese_consumer *consumer;
    struct ese_rule_cost cost;
    int in_hand; /* events of the batch that is being processed */

    struct ese_news news; /* of waiting for room */
    bool failed; /* in a callback, which cannot say so itself */
    struct ese_error failure;
    int64_t rest_ns, keep_house_ns, wire_ns, talk_ns, ghosts_ns; /* when each is due next */
    int ghosts; /* in this minute */
    int64_t replays; /* of dead letters, as far as the sender was told */
};

/* True at most once in interval_ms. */
bool ese_member_is_due(int64_t *due_ns, int64_t interval_ms);

void ese_member_note_figures(struct ese_member *member);
int ese_member_keep_house(struct ese_member *member, struct ese_error *error);

/* What can leave leaves, and whoever was fenced finds out. */
int ese_member_rest(struct ese_member *member, struct ese_error *error);

/* 1: there is room for the batch; 0: a stop was asked for, and the batch is left alone; -1. */
int ese_member_wait_for_room(struct ese_member *member, const struct ese_batch *batch,
                             struct ese_error *error);

#endif
