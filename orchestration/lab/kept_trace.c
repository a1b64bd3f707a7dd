#include "orchestration/lab/kept_trace.h"

#include <stdio.h>
#include <unistd.h>

#include "orchestration/lab/artifacts.h"

struct copying {
    const char *path, *kept; /* from where, and to where */
    FILE *from, *to; /* to: NULL once it is too large to be kept */
    char last;       /* byte that was read; a line without an end is one, too */
};

/* Both by errno. */
static int fail_to_read(const struct copying *copying, struct ese_error *error)
{
    return ese_fail_errno(error, "the trace %.300s cannot be read", copying->path);
}

static int fail_to_write(const struct copying *copying, struct ese_error *error)
{
    return ese_fail_errno(error, "the trace %.300s cannot be copied to %.300s", copying->path, copying->kept);
}

static int64_t ends_in(const char *bytes, size_t count)
{
    int64_t ends = 0;
    for (size_t i = 0; i < count; i++)
        ends += bytes[i] == '\n';
    return ends;
}

static int copy(struct copying *copying, struct ese_digester *digester, struct ese_kept_trace *trace,
                struct ese_error *error)
{
    char bytes[65536];
    size_t count;
    while ((count = fread(bytes, 1, sizeof bytes, copying->from)) > 0) {
        ese_digester_add(digester, bytes, count);
        trace->lines += ends_in(bytes, count);
        trace->bytes += (int64_t)count;
        copying->last = bytes[count - 1];
        if (trace->bytes > ESE_KEPT_TRACE_MOST && copying->to != NULL) {
            fclose(copying->to);
            copying->to = NULL;
        }
        if (copying->to != NULL && fwrite(bytes, 1, count, copying->to) != count)
            return fail_to_write(copying, error);
    }
    trace->lines += trace->bytes > 0 && copying->last != '\n';
    return ferror(copying->from) ? fail_to_read(copying, error) : 0;
}

/* All of it, or nothing of it stays. */
static int keep(struct copying *copying, struct ese_digester *digester, struct ese_kept_trace *trace,
                struct ese_error *error)
{
    copying->to = fopen(copying->kept, "we");
    if (copying->to == NULL)
        return fail_to_write(copying, error);
    int status = copy(copying, digester, trace, error);
    bool is_whole = status == 0 && copying->to != NULL;
    if (copying->to != NULL && fclose(copying->to) != 0 && status == 0)
        status = fail_to_write(copying, error);
    trace->is_kept = is_whole && status == 0;
    if (!trace->is_kept)
        unlink(copying->kept);
    return status;
}

static int make(const char *path, const char *kept, struct ese_kept_trace *trace, struct ese_error *error)
{
    struct copying copying = {.path = path, .kept = kept, .from = fopen(path, "re")};
    if (copying.from == NULL)
        return fail_to_read(&copying, error);
    struct ese_digester *digester = ese_digester_new();
    int status = keep(&copying, digester, trace, error);
    fclose(copying.from);
    ese_digester_end(&digester, trace->sha256);
    return status;
}

int ese_kept_trace_make(const char *path, const char *directory, struct ese_kept_trace *trace, struct ese_error *error)
{
    char kept[ESE_ARTIFACT_PATH_SIZE];
    *trace = (struct ese_kept_trace){.lines = 0};
    return ese_artifact_path(directory, ESE_ARTIFACT_TRACE, kept, error) < 0 ? -1 : make(path, kept, trace, error);
}
