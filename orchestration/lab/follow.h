/*
 * follow.h - a store, followed as it grows: each event in it is noted once in store.history.
 *
 * It is read through its transport, from position 0 on and without the group, so that nobody
 * else's position moves. How far it was read is kept in follow.db beside the history, so that the next
 * life goes on there; where that was each life notes (GIVEN). What the store forgot before it was noted is a
 * SKIPPED record: one from 0 tells what had left when it was first looked at; of any other nothing can
 * be told.
 *
 * One thread. The store may be away at any time; then nothing is noted, and FOLLOWED_NS stays.
 */
#ifndef ESE_LAB_FOLLOW_H
#define ESE_LAB_FOLLOW_H

#include "ese-core/error.h"
#include "ese-core/history.h"

struct ese_follow_options {
    const char *specification; /* "http:server=http://127.0.0.1:2001" */
    const char *directory;     /* for store.history and follow.db; it must be there */
    int64_t history_bytes;
    int history_segments;
};

struct ese_follower;

int ese_follower_open(const struct ese_follow_options *options, struct ese_follower **follower,
                      struct ese_error *error);
void ese_follower_close(struct ese_follower **follower);

/* Notes what has come, waiting at most timeout_ms for the first of it. Returns how many events were
 * noted; -1 for what will not heal by waiting. */
int ese_follower_turn(struct ese_follower *follower, int timeout_ms, struct ese_error *error);

#endif
