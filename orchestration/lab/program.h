/*
 * program.h - where the lab finds the other binaries and the files it needs, built or installed.
 */
#ifndef ESE_LAB_PROGRAM_H
#define ESE_LAB_PROGRAM_H

#include "ese-core/error.h"
#include "orchestration/lab/artifacts.h"

/* "ese-server": beside this binary (installed), or in its folder of the build tree. ESE_E_MISSING names both places. */
int ese_program_find(const char *name, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* A python3 that has the module aiosmtpd (Debian: python3-aiosmtpd), for the SMTP sink. */
int ese_program_find_smtp_sink(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* A TCP port of 127.0.0.1 that was free a moment ago. */
int ese_program_free_port(int *port, struct ese_error *error);

#endif
