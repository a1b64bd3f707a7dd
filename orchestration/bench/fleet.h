/*
 * fleet.h - several of our binaries that run together, as a user would start them one behind the other.
 */
#ifndef ESE_BENCH_FLEET_H
#define ESE_BENCH_FLEET_H

#include "orchestration/bench/child.h"
#include "orchestration/bench/contender.h"
#include "orchestration/bench/place.h"

#define ESE_FLEET_MOST 4
#define ESE_FLEET_WORDS 20

/* In a binary's words, what stands for something that is not known before: */
#define ESE_FLEET_DATA "%data"     /* a directory of its own */
#define ESE_FLEET_SERVER "%server" /* http:// and where the first one serves */
#define ESE_FLEET_MAILER "%mailer" /* likewise the second */
#define ESE_FLEET_BROKER "%broker"
#define ESE_FLEET_RATE "%rate"

struct ese_fleet_binary {
    const char *name;
    const char *words[ESE_FLEET_WORDS];
};

/* One of them, while it runs. */
struct ese_fleet_life {
    struct ese_child child;
    char binary[ESE_PLACE_PATH_SIZE], directory[ESE_PLACE_PATH_SIZE], ready[ESE_PLACE_PATH_SIZE];
    char log[ESE_PLACE_PATH_SIZE];
    char address[64]; /* where it serves, or shows its metrics */
    char url[80];
};

struct ese_fleet {
    struct ese_place *place;
    const struct ese_fleet_binary *binaries; /* ended by one without a name; ESE_FLEET_MOST at most */
    const char *rate;                        /* may be NULL where no word asks for it */
    struct ese_fleet_life *lives;            /* allocated */
    int count;                               /* started */
};

/* All of them, each in a directory of its own; waits until each serves. Stop it also where that failed. */
int ese_fleet_start(struct ese_fleet *fleet, struct ese_error *error);

/* The last one first; removes their directories. */
void ese_fleet_stop(struct ese_fleet *fleet);

/* Resident memory of one, or -1 and why where it has ended. */
int ese_fleet_memory(struct ese_fleet *fleet, int number, double *mib, struct ese_error *error);

/* What a contender of them has (contender.h): of which they are it says when it is opened. */
struct ese_contest {
    struct ese_place *place;
    struct ese_stint stint;
    const struct ese_fleet_binary *binaries;
};
int ese_fleet_contest_open(struct ese_place *place, const struct ese_stint *stint,
                           const struct ese_fleet_binary *binaries, struct ese_contest **contest);
void ese_fleet_contest_close(struct ese_contest **contest);
int ese_fleet_contest_program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error);

#endif
