#include "orchestration/lab/rates.h"

#include "ese-core/clock.h"
#include "orchestration/lab/lag.h"

static void widen(struct ese_rates *rates)
{
    for (int which = 0; which < ESE_RATES; which++)
        ese_lag_halve(rates->number[which]);
    rates->bucket_ns *= 2;
    rates->count = (rates->count + 1) / 2;
}

/* What happens before the run begins, as where a clock was set, counts as then. */
static void count(struct ese_rates *rates, enum ese_rate which, int64_t time_ns)
{
    int64_t after_ns = time_ns > rates->begun_ns ? time_ns - rates->begun_ns : 0;
    while (after_ns / rates->bucket_ns >= ESE_LAG_BUCKETS)
        widen(rates);
    int bucket = (int)(after_ns / rates->bucket_ns);
    rates->number[which][bucket]++;
    if (bucket >= rates->count)
        rates->count = bucket + 1;
}

/* When it was committed; or, of one whose commit no history tells of, the last that is known before. */
static int64_t processed_ns(const struct ese_book_entry *entry)
{
    return entry->committed_ns != 0 ? entry->committed_ns : entry->handed_ns != 0 ? entry->handed_ns : entry->done_ns;
}

static void take(struct ese_rates *rates, const struct ese_book_entry *entry)
{
    count(rates, ESE_RATE_OFFERED, entry->due_ns);
    if (ese_book_outcome(entry) != ESE_HISTORY_ACKNOWLEDGED)
        return;
    count(rates, ESE_RATE_ACKNOWLEDGED, entry->done_ns);
    if (entry->is_processed)
        count(rates, ESE_RATE_PROCESSED, processed_ns(entry));
}

void ese_rates_take(const struct ese_book *book, struct ese_rates *rates)
{
    *rates = (struct ese_rates){.bucket_ns = 0};
    if (book->is_running)
        return;
    rates->bucket_ns = ESE_NS_PER_S;
    rates->begun_ns = book->begun_ns;
    for (uint32_t i = 0; i < book->count; i++) {
        if (book->entries[i].due_ns != 0 && !book->entries[i].is_out)
            take(rates, &book->entries[i]);
    }
}

void ese_rates_add(struct ese_rates *into, const struct ese_rates *from)
{
    struct ese_rates other = *from;
    if (other.bucket_ns == 0 || other.begun_ns == 0)
        return; /* it has not begun */
    if (into->bucket_ns == 0 || into->begun_ns == 0) {
        *into = other;
        return;
    }
    while (into->bucket_ns < other.bucket_ns)
        widen(into);
    while (other.bucket_ns < into->bucket_ns)
        widen(&other);
    for (int which = 0; which < ESE_RATES; which++) {
        for (int i = 0; i < other.count; i++)
            into->number[which][i] += other.number[which][i];
    }
    if (other.count > into->count)
        into->count = other.count;
}

void ese_rates_tell(const struct ese_rates *rates, int64_t bucket_ms, struct ese_rate_curves *curves)
{
    struct ese_rates told = *rates;
    *curves = (struct ese_rate_curves){.count = 0};
    if (told.bucket_ns == 0)
        return;
    while (told.bucket_ns / ESE_NS_PER_MS < bucket_ms)
        widen(&told);
    curves->bucket_ms = told.bucket_ns / ESE_NS_PER_MS;
    curves->count = told.count;
    for (int which = 0; which < ESE_RATES; which++) {
        for (int i = 0; i < told.count; i++)
            curves->number[which][i] = told.number[which][i];
    }
}
