#include "ese-client/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-client/line_reader.h"
#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define TYPED_IP "203.0.113.7-1"

struct replay {
    struct ese_source source;
    struct ese_line_reader *lines;
    char *path; /* NULL: typed */
    int64_t rate;
    int64_t count; /* events given so far */
    int64_t first_ts;
    int64_t last_due_ns;
};

static const char *place_of(const struct replay *replay)
{
    return replay->path == NULL ? "standard input" : replay->path;
}

static bool blank(const char *line)
{
    return line[strspn(line, " \t\r")] == '\0';
}

static void press_key(struct ese_event *event)
{
    snprintf(event->type, sizeof event->type, "%s", ESE_TYPE_CLICK);
    snprintf(event->sub_type, sizeof event->sub_type, "%s", ESE_SUB_TYPE_KEY_PRESS);
    snprintf(event->ip, sizeof event->ip, "%s", TYPED_IP);
}

/* A file's line that is no event ends the replay, because a recording with a hole is another one; a
 * typed one is passed over. Returns -1 and 0, as read_event does. */
static int meet_bad_line(const struct replay *replay, const struct ese_error *wrong,
                         struct ese_error *error)
{
    int64_t number = ese_line_reader_number(replay->lines);
    if (replay->path != NULL)
        return ese_fail(error, ESE_E_INVALID,
                        "%.200s, line %" PRId64 ", is no event (%.160s): the replay ends here, "
                        "%" PRId64 " events were read before; mend the line or take it out",
                        replay->path, number, wrong->text, replay->count);
    ese_log_warning("standard input, line %" PRId64 ", was not sent (%s); going on", number,
                    wrong->text);
    return 0;
}

/* 1: an event; 0: the line holds none; -1: the replay cannot go on. */
static int read_event(struct replay *replay, const char *line, size_t length,
                      struct ese_event *event, struct ese_error *error)
{
    bool typed = replay->path == NULL;
    if (!typed && blank(line))
        return 0;
    if (typed && line[strspn(line, " \t")] != '{') {
        press_key(event);
        return 1;
    }
    struct ese_error wrong;
    if (ese_event_json_read_line(line, length, event, &wrong) == 0)
        return 1;
    ese_event_clear(event);
    return meet_bad_line(replay, &wrong, error);
}

static int64_t due_of(struct replay *replay, const struct ese_event *event)
{
    if (replay->rate > 0)
        return replay->count * ESE_NS_PER_S / replay->rate;
    if (replay->rate != ESE_REPLAY_OWN_TIMING)
        return 0;
    if (replay->count == 0)
        replay->first_ts = event->client_ts;
    int64_t due_ns = (event->client_ts - replay->first_ts) * ESE_NS_PER_MS;
    return due_ns < replay->last_due_ns ? replay->last_due_ns : due_ns;
}

/* What the line said of its earlier life does not belong to the new event. */
static void make_new(struct ese_event *event)
{
    event->id = (struct ese_id){{0}};
    event->server_ts = 0;
    event->traceparent[0] = '\0';
    ese_event_set_key(event);
}

static int replay_next(struct ese_source *source, struct ese_event *event, int64_t *due_ns,
                       struct ese_error *error)
{
    struct replay *replay = (struct replay *)source;
    for (;;) {
        char *line;
        size_t length;
        struct ese_error wrong;
        int said = ese_line_reader_next(replay->lines, &line, &length, &wrong);
        if (said == -1 && wrong.code != ESE_E_INVALID)
            return ese_fail(error, wrong.code, "%.200s: %s", place_of(replay), wrong.text);
        if (said == ESE_LINE_END)
            return ESE_SOURCE_END;
        if (said == ESE_LINE_LATER)
            return ESE_SOURCE_LATER;
        int found = said == -1 ? meet_bad_line(replay, &wrong, error)
                               : read_event(replay, line, length, event, error);
        if (found == -1)
            return -1;
        if (found == 0)
            continue;
        *due_ns = replay->last_due_ns = due_of(replay, event);
        replay->count++;
        make_new(event);
        return ESE_SOURCE_EVENT;
    }
}

static void replay_close(struct ese_source *source)
{
    struct replay *replay = (struct replay *)source;
    ese_line_reader_close(&replay->lines);
    free(replay->path);
    free(replay);
}

static const struct ese_source_face face = {.next = replay_next, .stamp = NULL, .close = replay_close};

static struct ese_source *replay_new(int fd, int64_t limit, const char *path, int64_t rate)
{
    struct replay *replay = ese_alloc(sizeof *replay);
    replay->source =
        (struct ese_source){.face = &face, .at_once = rate == ESE_REPLAY_AT_ONCE, .fd = fd};
    replay->lines = ese_line_reader_open(fd, limit);
    replay->path = ese_copy_text(path);
    replay->rate = rate;
    return &replay->source;
}

int ese_replay_open_file(const char *path, int64_t rate, struct ese_source **source,
                         struct ese_error *error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode)) {
        *source = replay_new(fd, S_ISREG(status.st_mode) ? status.st_size : -1, path, rate);
        return 0;
    }
    if (fd >= 0) {
        close(fd);
        errno = EISDIR;
    }
    return ese_fail_path(error, "--source", path,
                         "clicks, orders, mixed, a file with one JSON event a line, or -");
}

int ese_replay_open_typed(int fd, struct ese_source **source, struct ese_error *error)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return ese_fail_errno(error, "cannot read standard input");
    *source = replay_new(copy, -1, NULL, ESE_REPLAY_AT_ONCE);
    return 0;
}
