/*
 * run_directory.h - where a run's artifacts go when nobody says: $ESE_LAB_HOME/runs/<time>, of which the ten
 * newest are kept, and those whose maker still lives.
 */
#ifndef ESE_LAB_RUN_DIRECTORY_H
#define ESE_LAB_RUN_DIRECTORY_H

#include "orchestration/lab/artifacts.h"

#define ESE_RUN_DIRECTORIES_KEPT 10

/* wanted: DIR of --out, which must be empty or not there yet; or NULL. Fills path (absolute) and makes it. */
int ese_run_directory_make(const char *wanted, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* $ESE_LAB_HOME, or ".lab" under the current directory. */
const char *ese_lab_home(void);

/* Fills path with $ESE_LAB_HOME/name, and makes it. ESE_E_MISSING where that cannot be. */
int ese_lab_home_make(const char *name, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* Makes the directory that was given by an option ("--run"). ESE_E_USAGE where that cannot be. */
int ese_given_directory_make(const char *option, const char *path, struct ese_error *error);

/* Removes a directory of ours with all that is in it. */
void ese_directory_remove(const char *path);

#endif
