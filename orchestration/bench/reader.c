#include "orchestration/bench/reader.h"

void ese_bench_reader_tell(const struct ese_dues *dues, struct ese_round *round)
{
    const struct ese_histogram *latency_us = ese_dues_latency_us(dues);

    round->p50_us = (double)ese_histogram_percentile(latency_us, 50);
    round->p99_us = (double)ese_histogram_percentile(latency_us, 99);
    if (ese_dues_missing(dues) > 0)
        ese_round_refuse(round, "of %lld events %lld did not come to who reads them",
                         (long long)ese_dues_measured(dues), (long long)ese_dues_missing(dues));
}
