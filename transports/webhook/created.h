/*
 * created.h - a time as the original writes it: Go's time.String(), "2026-11-21 10:11:12.123 +0000 UTC".
 *
 * Of the fraction zeros at the end are left out, and all of it where it is nothing. Read is whatever zone it was
 * written in, and with the suffix " m=+1.5" that Go puts behind it from 1.9 on. https://pkg.go.dev/time#Time.String
 */
#ifndef ESE_WEBHOOK_CREATED_H
#define ESE_WEBHOOK_CREATED_H

#include <stdint.h>

#define ESE_WEBHOOK_CREATED_WRITTEN_SIZE 48

/* Unix time in milliseconds, in UTC. */
void ese_webhook_created_write(int64_t wall_ms, char text[ESE_WEBHOOK_CREATED_WRITTEN_SIZE]);

/* -1: it is no such time. */
int ese_webhook_created_read(const char *text, int64_t *wall_ms);

#endif
