/*
 * crew.h - several members of one group, each a process of its own, started and stopped together.
 *
 * A member that ends is not started again: what it held goes to the others, which is what a group is for. So one of
 * them may be killed, to see that. They end with whoever started them, however that ends.
 */
#ifndef ESE_CONSUMER_CREW_H
#define ESE_CONSUMER_CREW_H

#include "ese-core/config.h"

#define ESE_CREW_MOST 16

/* ESE_E_USAGE where an option is given that one process can have and several cannot: a port, a file, a name. */
int ese_crew_check(const struct ese_config *config, int count, struct ese_error *error);

/* Forks `count` members, and returns in each with its number, from 1. Whoever called waits for all of them, tells of
 * those that end, asks all to stop when it is asked to, and then returns 0, or -1 when one has failed. To be called
 * before there is any thread, within ese_service_main. */
int ese_crew_muster(int count, struct ese_error *error);

#endif
