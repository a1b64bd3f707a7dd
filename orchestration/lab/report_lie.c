/* The lie detector: how soon events were acknowledged, beside what a closed loop would have made of the same run. */
#include <math.h>
#include <string.h>

#include "ese-core/memory.h"
#include "orchestration/lab/report.h"

#define BAR_WIDTH 40
#define LEAST_US 100.0 /* where a bar begins */

/* Ten times as long is one step more, from 0.1 ms to a minute and a half. */
static void add_bar(int64_t us, struct ese_buffer *text)
{
    static const char bar[BAR_WIDTH + 1] = "========================================";
    double steps = us <= LEAST_US ? 0 : log10((double)us / LEAST_US) / 6;
    int length = (int)(steps * BAR_WIDTH);
    length = length < 1 ? 1 : length > BAR_WIDTH ? BAR_WIDTH : length;
    ese_buffer_printf(text, "%-*.*s %10.1f ms\n", BAR_WIDTH, length, bar, (double)us / 1000);
}

static void add_pair(const char *name, int64_t right_us, int64_t wrong_us, struct ese_buffer *text)
{
    ese_buffer_printf(text, "    %-7s from when it was due   ", name);
    add_bar(right_us, text);
    ese_buffer_printf(text, "    %-7s in a closed loop       ", "");
    add_bar(wrong_us, text);
}

static void add_transport(const struct ese_results_transport *transport, struct ese_buffer *text)
{
    const struct ese_latency *right = &transport->judgement.acknowledge, *wrong = &transport->judgement.closed_loop;
    int64_t unseen = right->count - wrong->count;
    ese_buffer_printf(text, "\n  %s: of %lld events a closed loop would never have sent %lld\n", transport->name,
                      (long long)right->count, (long long)unseen);
    add_pair("p50", right->p50_us, wrong->p50_us, text);
    add_pair("p99", right->p99_us, wrong->p99_us, text);
    add_pair("p99.9", right->p999_us, wrong->p999_us, text);
    add_pair("most", right->max_us, wrong->max_us, text);
}

void ese_report_lie(const struct ese_results *results, struct ese_buffer *text)
{
    ese_buffer_text(text, "\n  THE LIE DETECTOR: acknowledged, as it was, and as a harness would have measured it\n"
                          "  whose callers ask again only once they have been answered (a step: ten times)\n");
    for (int i = 0; i < results->count; i++)
        add_transport(&results->transports[i], text);
}
