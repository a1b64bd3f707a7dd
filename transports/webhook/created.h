/*
 * created.h - times as Go's time.Time writes itself, which is how the original keeps them:
 * "2026-11-21 10:11:12.123456789 +0000 UTC", in whatever zone its server is, zeros at the end of the fraction left out,
 * and built with Go 1.9 or later with " m=+0.012345" behind (https://pkg.go.dev/time#Time.String). Ours are UTC.
 */
#ifndef ESE_WEBHOOK_CREATED_H
#define ESE_WEBHOOK_CREATED_H

#include <stdint.h>

#define ESE_WEBHOOK_TIME_SIZE 96

/* Of a Unix time in microseconds. */
void ese_webhook_time_write(int64_t wall_us, char text[ESE_WEBHOOK_TIME_SIZE]);

/* In Unix milliseconds; -1: it is no such time. */
int ese_webhook_time_read(const char *text, int64_t *wall_ms);

#endif
