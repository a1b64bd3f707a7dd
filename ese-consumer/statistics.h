/*
 * statistics.h - what a consumer has done so far, and the original's two lags.
 *
 *   producer lag   server_ts - client_ts: how long an event took to the server
 *   consumer lag   now - server_ts, when the event was handed to us
 *
 * both in ms over the events that are no repeats, with min, max and mean as the original shows
 * them, and percentiles. A lag below zero (two machines' clocks) counts as zero and is counted. All
 * of it counts from the start of the process; what was committed since the beginning is in the
 * state file.
 *
 * One thread, but for the metrics behind it (metrics.h), which the HTTP server's thread renders.
 */
#ifndef ESE_STATISTICS_H
#define ESE_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-consumer/sender.h"
#include "ese-core/buffer.h"
#include "ese-core/event.h"
#include "ese-core/metrics.h"

/* Counters, in the order in which they are shown. */
enum ese_figure {
    ESE_FIGURE_HANDED,        /* events given to us, repeats included */
    ESE_FIGURE_REPEATS,       /* recognised as had before, and not given to the rule */
    ESE_FIGURE_PROCESSED,     /* given to the rule and committed */
    ESE_FIGURE_BEYOND_WINDOW, /* processed, though too old to tell whether they were had before */
    ESE_FIGURE_LATE,          /* older than the event time their partition had reached */
    ESE_FIGURE_UNREADABLE,    /* records passed over because they are no events */
    ESE_FIGURE_SKIPPED,       /* times that a position was older than what is still kept */
    ESE_FIGURE_FENCED,        /* batches dropped because somebody newer owns the partition */
    ESE_FIGURE_BATCHES,       /* committed */
    ESE_FIGURE_DECISIONS,     /* new ones, committed */
    ESE_FIGURE_EVICTED,       /* lanes forgotten before their hour because there were too many */
    ESE_FIGURE_NAMES_EVICTED, /* events with names of their own, likewise */
    ESE_FIGURE_DEAD_LETTERS,  /* passed over, as nobody could process them; those that are no events, too */
    ESE_FIGURE_NO_ROOM,       /* batches that had to wait for room in the state file */
    ESE_FIGURES
};

struct ese_statistics;

/* Its metrics are added to the registry. Texts are kept, not copied. */
struct ese_statistics *ese_statistics_new(struct ese_metrics *metrics, const char *transport,
                                          const char *rule);
void ese_statistics_free(struct ese_statistics **statistics);

void ese_statistics_count(struct ese_statistics *statistics, enum ese_figure figure,
                          int64_t amount);
int64_t ese_statistics_value(const struct ese_statistics *statistics, enum ese_figure figure);
void ese_statistics_note_lags(struct ese_statistics *statistics, const struct ese_event *event,
                              int64_t now_ms);

/* Copies into the metrics what others count. */
void ese_statistics_note_mail(struct ese_statistics *statistics,
                              const struct ese_sender_figures *mail);
void ese_statistics_note_held(struct ese_statistics *statistics, int partitions, int64_t keys);
void ese_statistics_note_state(struct ese_statistics *statistics, int64_t used_bytes,
                               int64_t max_bytes);
/* How often the process has synced, as of now. */
void ese_statistics_note_syncs(struct ese_statistics *statistics, int64_t syncs);
/* A batch waits for room in the state file, or none does. */
void ese_statistics_note_waiting(struct ese_statistics *statistics, bool waiting);

/* One line of talk; the table for people; and as JSON (one object, indented):
 * {"transport","rule","handed",...,"mails":{"asked","refused","attempts","open"},
 *  "producer_lag_ms":{"count","negative","min","max","mean","p50","p99"},
 *  "consumer_lag_ms":{...}} */
void ese_statistics_write_line(const struct ese_statistics *statistics, struct ese_buffer *buffer);
void ese_statistics_write_table(const struct ese_statistics *statistics, struct ese_buffer *buffer);
void ese_statistics_write_json(const struct ese_statistics *statistics, const char *member,
                               struct ese_buffer *buffer);

#endif
