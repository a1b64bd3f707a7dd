/*
 * persons.h - the original's simulation, made exact: persons who live the same cycle over and over.
 *
 * Each person has one ip and does once a cycle what their kind of life draws: a burst of clicks, an
 * order, or both. The rate is reached by the number of persons, rounded up; the cycle is then
 * stretched to hit it. It is never shorter than 1,200 ms, so that no cycle's events reach into the
 * next.
 *
 * The seed decides everything but the wall clock: each person draws from a stream of their own, so
 * that the same seed and rate give the same events in the same order at the same distances.
 */
#ifndef ESE_PERSONS_H
#define ESE_PERSONS_H

#include "ese-client/source.h"
#include "ese-core/random.h"

#define ESE_PERSONS_CYCLE_NS (1200 * INT64_C(1000000))
#define ESE_PERSON_ACTS 16 /* in a cycle, at most */
#define ESE_ORDER_ID_SIZE 37

struct ese_act {
    int64_t offset_ns; /* behind the cycle's beginning */
    const char *type, *sub_type;
};

struct ese_person {
    struct ese_random random;
    int64_t begins_ns; /* of the cycle */
    int number;        /* from 1 on */
    int count;         /* of acts */
    int position;      /* the one that comes next */
    struct ese_act acts[ESE_PERSON_ACTS];
    char order[ESE_ORDER_ID_SIZE]; /* of this cycle */
    char ip[ESE_EVENT_IP_SIZE];
};

struct ese_life {
    const char *name;
    int events_in_two_cycles; /* of a person, in the mean */
    /* Adds what the person does in the next cycle, ascending by offset, behind what is there. */
    void (*draw)(struct ese_person *person);
};

/* rate: events a second, or 0: as fast as they are taken, with the persons of 10,000 a second. first: the number of the
 * first person, from 1 on; who has another number draws another life. */
struct ese_source *ese_persons_open(const struct ese_life *life, int64_t rate, int first, uint64_t seed);

/* How many persons a rate takes, and how long their cycle is. */
int ese_persons_needed(const struct ese_life *life, int64_t rate);
int64_t ese_persons_cycle_ns(const struct ese_life *life, int64_t rate);

#endif
