#include "orchestration/bench/figures.h"

#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/bench/journal.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double ese_median(double *numbers, int count)
{
    if (count == 0)
        return 0;
    qsort(numbers, (size_t)count, sizeof *numbers, compare);
    return count % 2 == 1 ? numbers[count / 2] : (numbers[count / 2 - 1] + numbers[count / 2]) / 2;
}

/* Of one member of all rounds. */
static double median_of(const struct ese_round *rounds, int count, size_t offset)
{
    double numbers[ESE_JOURNAL_ROUNDS];

    for (int i = 0; i < count; i++)
        numbers[i] = *(const double *)(const void *)((const char *)&rounds[i] + offset);
    return ese_median(numbers, count);
}

/* A process's own count of its syncs, else the device's. */
static double syncs_of(const struct ese_round *rounds, int count)
{
    double counted = median_of(rounds, count, offsetof(struct ese_round, syncs_per_s));

    return counted >= 0 ? counted : median_of(rounds, count, offsetof(struct ese_round, flushes_per_s));
}

static struct ese_figure figure_of(enum ese_measure measure, const struct ese_round *rounds, int count)
{
    double numbers[ESE_JOURNAL_ROUNDS];

    if (count == 0)
        return (struct ese_figure){.rounds = 0, .syncs_per_s = ESE_ROUND_UNKNOWN};
    for (int i = 0; i < count; i++)
        numbers[i] = ese_measure_of(measure, &rounds[i]);
    double median = ese_median(numbers, count);
    return (struct ese_figure){
        .rounds = count,
        .median = median,
        .min = numbers[0],
        .max = numbers[count - 1],
        .syncs_per_s = syncs_of(rounds, count),
        .server_us = median_of(rounds, count, offsetof(struct ese_round, server_us)),
        .load_cores = median_of(rounds, count, offsetof(struct ese_round, load_cores)),
        .late_us = median_of(rounds, count, offsetof(struct ese_round, late_us)),
        .foreign_cores = median_of(rounds, count, offsetof(struct ese_round, foreign_cores)),
        .p50_us = median_of(rounds, count, offsetof(struct ese_round, p50_us)),
        .memory_mib = median_of(rounds, count, offsetof(struct ese_round, memory_mib)),
        .p99_us = median_of(rounds, count, offsetof(struct ese_round, p99_us)),
    };
}

static void look_for_reasons(const struct ese_round *rounds, int count, const char *whose,
                             struct ese_row_figures *figures)
{
    for (int i = 0; i < count; i++) {
        figures->noisy = figures->noisy || rounds[i].foreign_cores > ESE_FOREIGN_MOST;
        if (rounds[i].reason[0] != '\0' && figures->reason[0] == '\0')
            snprintf(figures->reason, sizeof figures->reason, "%s: %s", whose, rounds[i].reason);
    }
}

void ese_figures_make(const struct ese_row *row, const struct ese_round *ours, int our_count,
                      const struct ese_round *peer, int peer_count, struct ese_row_figures *figures)
{
    double ratios[ESE_JOURNAL_ROUNDS];
    int pairs = our_count < peer_count ? our_count : peer_count;

    *figures = (struct ese_row_figures){
        .row = row,
        .ours = figure_of(row->measure, ours, our_count),
        .peer = figure_of(row->measure, peer, peer_count),
    };
    for (int i = 0; i < pairs; i++)
        ratios[i] = ese_measure_ratio(row->measure, ese_measure_of(row->measure, &ours[i]),
                                      ese_measure_of(row->measure, &peer[i]));
    figures->ratio = ese_median(ratios, pairs);
    figures->ratio_min = pairs > 0 ? ratios[0] : 0;
    figures->ratio_max = pairs > 0 ? ratios[pairs - 1] : 0;
    look_for_reasons(ours, our_count, "ours", figures);
    look_for_reasons(peer, peer_count, "peer", figures);
}

bool ese_figures_reached(const struct ese_row_figures *figures)
{
    return figures->reason[0] == '\0' && figures->ratio > 0 && figures->ratio >= figures->row->goal;
}
