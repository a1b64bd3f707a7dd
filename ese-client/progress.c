#include "ese-client/progress.h"

#include <inttypes.h>
#include <unistd.h>

#include "ese-core/clock.h"

#define TERMINAL_EVERY_NS (200 * ESE_NS_PER_MS)
#define LINES_EVERY_NS (5 * ESE_NS_PER_S)

struct ese_progress ese_progress_on(FILE *stream)
{
    return (struct ese_progress){.stream = stream,
                                 .is_terminal = stream != NULL && isatty(fileno(stream))};
}

static int64_t on_their_way(const struct ese_totals *totals)
{
    return totals->offered - totals->acknowledged - totals->refused - totals->unknown -
           totals->not_sent;
}

void ese_progress_show(struct ese_progress *progress, const struct ese_totals *totals,
                       int64_t now_ns)
{
    if (progress->stream == NULL || now_ns < progress->next_ns)
        return;
    int64_t every_ns = progress->is_terminal ? TERMINAL_EVERY_NS : LINES_EVERY_NS;
    bool first = progress->next_ns == 0;
    progress->next_ns = now_ns + every_ns;
    if (first)
        return;
    fprintf(progress->stream,
            "%s%6.1f s  offered %" PRId64 "  acknowledged %" PRId64 "  on their way %" PRId64
            "  refused %" PRId64 "  unknown %" PRId64 "  not sent %" PRId64 "%s",
            progress->is_terminal ? "\r" : "", ese_totals_seconds(totals, now_ns), totals->offered,
            totals->acknowledged, on_their_way(totals), totals->refused, totals->unknown,
            totals->not_sent, progress->is_terminal ? "  " : "\n");
    fflush(progress->stream);
    progress->is_shown = progress->is_terminal;
}

void ese_progress_end(struct ese_progress *progress)
{
    if (progress->is_shown)
        fputc('\n', progress->stream);
    progress->is_shown = false;
}
