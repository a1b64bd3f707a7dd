/*
 * program.h - where the lab finds the other binaries and the files it needs, built or installed.
 */
#ifndef ESE_LAB_PROGRAM_H
#define ESE_LAB_PROGRAM_H

#include "ese-core/error.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/process.h"

/* "ese-server": beside this binary (installed), or in its folder of the build tree, be it in orchestration/.
 * ESE_E_MISSING names both places. */
int ese_program_find(const char *name, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* "disk/ese-disk.so": in the build tree, or where libraries are installed, in ese-lab/ and without the folder.
 * ESE_E_MISSING names both places. */
int ese_program_find_shim(const char *name, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);

/* A python3 that has the module aiosmtpd (Debian: python3-aiosmtpd), for the SMTP sink. */
int ese_program_find_smtp_sink(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error);
/* What that python3 is told: to serve at HOST:PORT and keep the mails in a Maildir. Where its environment names a file
 * (ESE_SMTP_TROUBLE), and while that is there, it does with each mail what stands in it: "refuse 451", or "slow 500".
 * */
void ese_program_tell_smtp_sink(struct ese_process *sink, const char *address, const char *maildir);

/* A TCP port of 127.0.0.1 that was free a moment ago. */
int ese_program_free_port(int *port, struct ese_error *error);

#endif
