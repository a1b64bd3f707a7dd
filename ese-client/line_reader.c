#include "ese-client/line_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "ese-core/memory.h"

struct ese_line_reader {
    int fd;
    bool ended;
    bool passing_over; /* the rest of a line that was too long */
    int64_t number;
    int64_t left; /* bytes that may still be read; -1: whatever comes */
    size_t start; /* of what was not handed out yet */
    size_t end;
    char text[ESE_LINE_LIMIT + 1]; /* room for the NUL behind a last line without a newline */
};

struct ese_line_reader *ese_line_reader_open(int fd, int64_t limit)
{
    struct ese_line_reader *reader = ese_alloc(sizeof *reader);
    reader->fd = fd;
    reader->left = limit;
    return reader;
}

void ese_line_reader_close(struct ese_line_reader **reader)
{
    if (*reader != NULL)
        close((*reader)->fd);
    free(*reader);
    *reader = NULL;
}

int64_t ese_line_reader_number(const struct ese_line_reader *reader)
{
    return reader->number;
}

static bool readable(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    return poll(&wanted, 1, 0) > 0;
}

/* Gives up the line that fills all the room. */
static int fail_too_long(struct ese_line_reader *reader, struct ese_error *error)
{
    reader->end = 0;
    reader->passing_over = true;
    reader->number++;
    return ese_fail(error, ESE_E_INVALID, "longer than %d bytes", ESE_LINE_LIMIT);
}

/* Reads what is there behind what is kept. The same three words as next. */
static int refill(struct ese_line_reader *reader, struct ese_error *error)
{
    if (reader->passing_over)
        reader->start = reader->end;
    memmove(reader->text, reader->text + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;
    if (reader->end == ESE_LINE_LIMIT)
        return fail_too_long(reader, error);
    if (!readable(reader->fd))
        return ESE_LINE_LATER;
    size_t room = ESE_LINE_LIMIT - reader->end;
    if (reader->left >= 0 && room > (size_t)reader->left)
        room = (size_t)reader->left;
    ssize_t got = read(reader->fd, reader->text + reader->end, room);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? ESE_LINE_LATER
                                                 : ese_fail_errno(error, "cannot read the events");
    reader->end += (size_t)got;
    reader->left -= reader->left >= 0 ? got : 0;
    reader->ended = got == 0;
    return got == 0 ? ESE_LINE_END : ESE_LINE_READ;
}

static int hand_out(struct ese_line_reader *reader, size_t length, char **line, size_t *taken)
{
    *line = reader->text + reader->start;
    *taken = length;
    (*line)[length] = '\0';
    reader->start += length + 1;
    if (reader->start > reader->end)
        reader->start = reader->end;
    reader->number++;
    return ESE_LINE_READ;
}

int ese_line_reader_next(struct ese_line_reader *reader, char **line, size_t *length,
                         struct ese_error *error)
{
    for (;;) {
        size_t kept = reader->end - reader->start;
        const char *newline = memchr(reader->text + reader->start, '\n', kept);
        if (newline != NULL && reader->passing_over) {
            reader->start = (size_t)(newline - reader->text) + 1;
            reader->passing_over = false;
            continue;
        }
        if (newline != NULL)
            return hand_out(reader, (size_t)(newline - reader->text) - reader->start, line, length);
        if (reader->ended)
            return kept == 0 ? ESE_LINE_END : hand_out(reader, kept, line, length);
        int said = refill(reader, error);
        if (said == -1 || said == ESE_LINE_LATER)
            return said;
    }
}
