/*
 * log.h - talk, to stderr, one line each: "2026-01-31T12:00:00.123Z ese-server warning: text".
 *
 * Thread-safe. Data never goes here (it goes to stdout), nor do secrets.
 */
#ifndef ESE_LOG_H
#define ESE_LOG_H

enum ese_log_level { ESE_LOG_ERROR, ESE_LOG_WARNING, ESE_LOG_INFO, ESE_LOG_DEBUG };

/* Once, before any thread starts. name is kept, not copied. */
void ese_log_open(const char *name, enum ese_log_level level);

/* Another name, for one of several processes. As above. */
void ese_log_rename(const char *name);

void ese_log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ese_log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ese_log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ese_log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
