/*
 * stay.h - the one lab that stays until it is stopped (`up`): a background process under a lock.
 *
 * $ESE_LAB_HOME/up/ holds its lock (locked as long as it lives, however it ends, so that nothing
 * stale can be left), and of the lab that is up, or was last: its own log, where it answers, and the
 * artifacts of its walk.
 */
#ifndef ESE_LAB_STAY_H
#define ESE_LAB_STAY_H

#include <stdbool.h>
#include <sys/types.h>

#include "orchestration/lab/artifacts.h"

#define ESE_STAY_LOG "lab.log"

int ese_stay_directory(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* And makes it. ESE_E_MISSING where that cannot be. */
int ese_stay_directory_make(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* The pid of the lab that is up, or 0. */
pid_t ese_stay_running(void);

/* Takes the lock for this process until it ends, and removes what the lab before it has left.
 * ESE_E_CONFLICT when another one is up: then nothing is touched. */
int ese_stay_lock(struct ese_error *error);

#endif
