/*
 * readiness.h - waiting for a condition of another process, with a time limit and an eye on its health.
 *
 * Each returns 0 once the condition holds, and fails when the process ends first (with the last line of
 * its log), when the time is over, or when the lab was asked to stop.
 */
#ifndef ESE_LAB_READINESS_H
#define ESE_LAB_READINESS_H

#include "orchestration/lab/process.h"

/* The file of --ready-file is there; its first line is the address. */
int ese_ready_file(const char *path, struct ese_process *process, int timeout_ms, char *address,
                   size_t size, struct ese_error *error);

/* An SMTP server greets at HOST:PORT. */
int ese_ready_smtp(const char *address, struct ese_process *process, int timeout_ms,
                   struct ese_error *error);

/* The consumer's history says that it was given a partition. */
int ese_ready_consumer(const char *history, struct ese_process *process, int timeout_ms,
                       struct ese_error *error);

#endif
