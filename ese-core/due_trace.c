#include "ese-core/due_trace.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/schedule_words.h"

#define LINE_MOST 64 /* bytes, without its end */

struct ese_due_trace {
    char *path;
    FILE *file;
    int64_t line, before_ns;
};

/* A line with its end, or as much of it as there is room for; 0: there is none. */
static size_t read_line(FILE *file, char *text, size_t size)
{
    size_t length = 0;
    int byte = 0;
    while (length + 1 < size && byte != '\n' && (byte = getc(file)) != EOF)
        text[length++] = (char)byte;
    text[length] = '\0';
    return length;
}

int ese_due_trace_next(struct ese_due_trace *trace, int64_t *due_ns, struct ese_error *error)
{
    char text[LINE_MOST + 2]; /* as many, or one too many, and a NUL */
    const char *end;
    double seconds;
    size_t length = read_line(trace->file, text, sizeof text);
    if (length == 0)
        return ferror(trace->file) ? ese_fail_errno(error, "the trace %.300s cannot be read", trace->path) : 0;
    trace->line++;
    if (length > LINE_MOST && text[length - 1] != '\n')
        return ese_fail(error, ESE_E_INVALID, "%.300s, line %" PRId64 " of the trace is longer than %d bytes: give "
                                              "seconds since the beginning", trace->path, trace->line, LINE_MOST);
    length -= text[length - 1] == '\n';
    if (ese_number_read_decimal(text, &end, &seconds) < 0 || end != text + length ||
        seconds > ESE_SCHEDULE_MOST_SECONDS)
        return ese_fail(error, ESE_E_INVALID, "%.300s, line %" PRId64 " of the trace, '%.*s': give seconds since the "
                                              "beginning", trace->path, trace->line, (int)strcspn(text, "\n"), text);
    *due_ns = (int64_t)(seconds * (double)ESE_NS_PER_S);
    if (*due_ns < trace->before_ns)
        return ese_fail(error, ESE_E_INVALID, "%.300s, line %" PRId64 " of the trace is before the one above: sort "
                                              "them", trace->path, trace->line);
    trace->before_ns = *due_ns;
    return 1;
}

/* Whoever has others read it, too, looks first: so what can be read once only is none. */
static int look_through(struct ese_due_trace *trace, struct ese_error *error)
{
    int64_t due_ns;
    int said = 1;
    while (said == 1)
        said = ese_due_trace_next(trace, &due_ns, error);
    rewind(trace->file);
    trace->line = trace->before_ns = 0;
    return said;
}

static int open_file(struct ese_due_trace *trace, struct ese_error *error)
{
    struct stat what;
    bool is_there = stat(trace->path, &what) == 0;
    if (is_there && !S_ISREG(what.st_mode))
        return ese_fail(error, ESE_E_USAGE, "--schedule: the trace '%.300s' is no regular file, which can be read more "
                                            "than once: give one", trace->path);
    trace->file = is_there ? fopen(trace->path, "re") : NULL;
    return trace->file != NULL ? 0 : ese_fail_path(error, "--schedule: the trace", trace->path,
                                                   "a regular file that can be read");
}

int ese_due_trace_open(const char *path, struct ese_due_trace **trace, struct ese_error *error)
{
    struct ese_due_trace *made = *trace = ese_alloc(sizeof *made);
    made->path = ese_copy_text(path);
    if (open_file(made, error) == 0 && look_through(made, error) == 0)
        return 0;
    ese_due_trace_close(trace);
    return -1;
}

void ese_due_trace_close(struct ese_due_trace **trace)
{
    struct ese_due_trace *old = *trace;
    if (old == NULL)
        return;
    if (old->file != NULL)
        fclose(old->file);
    free(old->path);
    free(old);
    *trace = NULL;
}
