#include "ese-core/log.h"

#include <pthread.h>
#include <stdarg.h>

static const char *log_name = "ese";
static enum ese_log_level log_level = ESE_LOG_INFO;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

void ese_log_open(const char *name, enum ese_log_level level)
{
    log_name = name;
    log_level = level;
}

void ese_log_rename(const char *name)
{
    log_name = name;
}

static void write_line(enum ese_log_level level, const char *format, va_list arguments)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    if (level > log_level)
        return;
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20)
            *c = ' '; /* one line each, whatever came from outside */
    }
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    pthread_mutex_lock(&log_lock);
    fprintf(stderr, "%s.%03ldZ %s %s: %s\n", stamp, now.tv_nsec / 1000000, log_name, words[level], text);
    pthread_mutex_unlock(&log_lock);
}

#define DEFINE_LOG(name, level)                                                                   \
    void ese_log_##name(const char *format, ...)                                                  \
    {                                                                                             \
        va_list arguments;                                                                        \
        va_start(arguments, format);                                                              \
        write_line(level, format, arguments);                                                     \
        va_end(arguments);                                                                        \
    }

DEFINE_LOG(error, ESE_LOG_ERROR)
DEFINE_LOG(warning, ESE_LOG_WARNING)
DEFINE_LOG(info, ESE_LOG_INFO)
DEFINE_LOG(debug, ESE_LOG_DEBUG)
