/*
 * stay.h - the one lab that stays until it is stopped (`up`): a background process under a lock.
 *
 * $ESE_LAB_HOME/up/ holds its lock (locked as long as it lives, however it ends, so that nothing stale can be left),
 * its own log and one directory of artifacts a transport.
 */
#ifndef ESE_LAB_STAY_H
#define ESE_LAB_STAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "orchestration/lab/artifacts.h"

int ese_stay_directory(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* The pid of the lab that is up, or 0. */
pid_t ese_stay_running(void);

/* Takes the lock for this process until it ends. ESE_E_CONFLICT when another lab is up. */
int ese_stay_lock(struct ese_error *error);

#endif
