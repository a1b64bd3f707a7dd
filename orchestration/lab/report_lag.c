/* How many events waited over the time of a run: a small curve a transport, under the table. */
#include "orchestration/lab/report.h"

#include <langinfo.h>
#include <locale.h>

#include "ese-core/memory.h"
#include "orchestration/lab/lag.h"
#include "orchestration/lab/picture.h"

#define NAME_WIDTH 16
#define CURVE_WIDTH 60
#define LEVELS 8

static const char *const blocks[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

/* What all curves of a run have in common. */
struct frame {
    int64_t bucket_ms;
    int buckets; /* of the longest */
    int each;    /* so many of them are one place of the drawing */
    int64_t scale;
    const char *const *glyphs;
};

/* Less than a second's worth is little, however little else there is. */
static struct frame frame_of(const struct ese_results *results)
{
    struct frame frame = {.scale = ese_results_rate(results->rate), .glyphs = ascii};
    for (int i = 0; i < results->count; i++) {
        const struct ese_lag_curve *lag = &results->transports[i].judgement.lag;
        if (lag->bucket_ms > frame.bucket_ms)
            frame.bucket_ms = lag->bucket_ms;
        if (lag->highest > frame.scale)
            frame.scale = lag->highest;
    }
    for (int i = 0; i < results->count; i++) {
        struct ese_lag_curve lag = results->transports[i].judgement.lag;
        ese_lag_widen(&lag, frame.bucket_ms);
        if (lag.count > frame.buckets)
            frame.buckets = lag.count;
    }
    frame.each = (frame.buckets + CURVE_WIDTH - 1) / CURVE_WIDTH;
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        frame.glyphs = blocks;
    return frame;
}

/* The most of the buckets that share a place; behind the last of them nothing waits, or what waited then. */
static int64_t at_place(const struct ese_lag_curve *lag, const struct frame *frame, int place)
{
    int64_t most = 0;
    for (int i = place * frame->each; i < (place + 1) * frame->each; i++) {
        int64_t waiting = lag->count == 0 ? 0 : lag->waiting[i < lag->count ? i : lag->count - 1];
        most = waiting > most ? waiting : most;
    }
    return most;
}

static void add_curve(const struct ese_results_transport *transport, const struct frame *frame,
                      struct ese_buffer *text)
{
    struct ese_lag_curve lag = transport->judgement.lag;
    char number[ESE_PICTURE_NUMBER_SIZE];
    ese_picture_number(lag.at_load_end, number);
    ese_lag_widen(&lag, frame->bucket_ms);
    ese_buffer_printf(text, "    %-*.*s", NAME_WIDTH, NAME_WIDTH - 1, transport->name);
    for (int place = 0; place * frame->each < frame->buckets; place++)
        ese_buffer_text(text, frame->glyphs[at_place(&lag, frame, place) * LEVELS / (frame->scale + 1)]);
    ese_buffer_printf(text, "  %s\n", number);
}

/* Where the load ended, and what stands behind the curves. */
static void add_load_end(const struct ese_results *results, const struct frame *frame, struct ese_buffer *text)
{
    int64_t ended_ms = results->transports[0].judgement.lag.load_ended_ms;
    int place = (int)(ended_ms / (frame->bucket_ms * frame->each));
    ese_buffer_printf(text, "    %*s^ %.0f s: the load ended, and so many waited\n", NAME_WIDTH + place, "",
                      (double)ended_ms / 1000.0);
}

void ese_report_lag(const struct ese_results *results, struct ese_buffer *text)
{
    char number[ESE_PICTURE_NUMBER_SIZE];
    struct frame frame = frame_of(results);
    if (frame.buckets == 0)
        return;
    ese_picture_number(frame.scale, number);
    ese_buffer_printf(text, "\n  OVER THE TIME, how many waited; full height is %s\n", number);
    for (int i = 0; i < results->count; i++)
        add_curve(&results->transports[i], &frame, text);
    add_load_end(results, &frame, text);
}
