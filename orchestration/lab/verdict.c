#include "orchestration/lab/verdict.h"

#include <inttypes.h>
#include <stdarg.h>

#include "ese-core/memory.h"
#include "orchestration/lab/unknown_mails.h"

/* With more of those that were sent late, the schedule was not kept: then they were at p99, too. */
#define BEHIND_PER_CENT 1

const char *ese_verdict_text(enum ese_verdict_word word)
{
    static const char *const words[] = {"pass", "fail", "cannot tell"};
    return words[word];
}

/* The first to say anything decides. */
static void say(struct ese_verdict *verdict, enum ese_verdict_word word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct ese_verdict *verdict, enum ese_verdict_word word, const char *format, ...)
{
    if (verdict->word != ESE_VERDICT_PASS)
        return;
    verdict->word = word;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->reason, sizeof verdict->reason, format, arguments);
    va_end(arguments);
}

struct fault {
    bool is_held; /* against the transport: it has promised otherwise */
    int64_t count;
    const char *words;
};

static void say_faults(const struct fault *faults, size_t count, enum ese_verdict_word word,
                       struct ese_verdict *verdict)
{
    for (size_t i = 0; i < count; i++) {
        const struct fault *fault = &faults[i];
        if (fault->is_held && fault->count > 0)
            say(verdict, word, "%" PRId64 " %s", fault->count, fault->words);
    }
}

static const char *words_for(int64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

static const char *lost_words(int64_t lost)
{
    return words_for(lost, "acknowledged event is lost", "acknowledged events are lost");
}

/* As they are told in the stories: nobody has missed them, and nobody can read them again. */
static void judge_gone(const struct ese_ledger *ledger, const struct ese_promises *promises, int64_t gone,
                       struct ese_verdict *verdict)
{
    if (gone > 0 && promises->delivery == ESE_DELIVERY_AT_LEAST_ONCE)
        say(verdict, ESE_VERDICT_FAIL,
            "%" PRId64 " %s: %" PRId64 " %s processed, and gone from the store since, "
            "which promises to keep what was read",
            ledger->lost, lost_words(ledger->lost), gone, words_for(gone, "was", "were"));
}

/* What no later arrival can mend. */
static void judge_certain(const struct ese_judgement *judgement,
                          const struct ese_promises *promises, const struct ese_mail_faults *mails,
                          struct ese_verdict *verdict)
{
    const struct ese_ledger *ledger = &judgement->ledger;
    bool keeps_all = promises->delivery == ESE_DELIVERY_AT_LEAST_ONCE;
    const struct fault faults[] = {
        {keeps_all, ledger->lost, lost_words(ledger->lost)},
        {true, ledger->phantom,
         "events are stored though refused, not sent or never offered"},
        {promises->ordered_per_key, ledger->reordered,
         "events are stored behind a later one of their key"},
        {promises->ordered_per_key, ledger->disordered_within,
         "events were handed behind a later one of their key, within one ownership of their partition"},
        {promises->ordered_per_key, ledger->processed_out_of_order,
         "events were processed behind a later one of their key, as their partition changed hands"},
        {promises->retry_stored_once, ledger->stored_twice, "events are stored a second time"},
        {true, ledger->stale, "events were processed later after their acknowledgement than is allowed"},
        {true, judgement->mails.doubled, "mails came a second time"},
        {true, mails->unexpected, "mails came that no events account for"},
    };
    say_faults(faults, ESE_COUNT_OF(faults), ESE_VERDICT_FAIL, verdict);
}

/* Something is missing: perhaps because of who ended. */
static void say_missing(const struct ese_grounds *grounds, struct ese_verdict *verdict)
{
    const char *ended = grounds->ended;
    if (grounds->contradiction != NULL && grounds->contradiction[0] != '\0')
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%s", grounds->contradiction);
    if (grounds->missing[0] != '\0')
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%s%s%s", ended != NULL ? ended : "",
            ended != NULL ? "; " : "", grounds->missing);
}

/* What the ledger's numbers do not show. */
static void judge_decided(const struct ese_decided *decided, struct ese_verdict *verdict)
{
    const struct fault faults[] = {
        {true, decided->unlawful, "decisions are of events of which no rule makes any"},
        {true, decided->again, "decisions are of events that had given one"},
        {true, decided->omitted, "mails were not decided on, though their events were processed"},
        {true, decided->readdressed, "mails say another transport, receiver or subject than was decided"},
    };
    const struct fault untold[] = {
        {true, decided->foreign, "decisions in the consumer's state are of events that no history tells of: it is, or "
                                 "they are, another run's"},
        {true, decided->unproved, "mails came as they had to, and the consumer's state or the mailer's outbox does not "
                                  "know of them"},
        {true, decided->open, "decisions were not brought to the mailer when the drain ended"},
    };
    say_faults(faults, ESE_COUNT_OF(faults), ESE_VERDICT_FAIL, verdict);
    say_faults(untold, ESE_COUNT_OF(untold), ESE_VERDICT_CANNOT_TELL, verdict);
}

/* Asked only when nothing is under way any more: whoever is stopped before that leaves some. */
static void judge_unknown_mails(const struct ese_mail_ledger *mails, int64_t most, struct ese_verdict *verdict)
{
    int64_t unknown = mails->unknown + mails->unknown_arrived;
    if (most != ESE_UNKNOWN_MAILS_ANY && unknown > most)
        say(verdict, ESE_VERDICT_FAIL,
            "%" PRId64 " mails are unknown, where the fault accounts for %" PRId64 " at most", unknown, most);
}

/* Rules have not had a dead letter, so that no mail of it is missed: beyond what was poison, that is a loss by another
 * name. */
static void judge_dead_letters(int64_t dead, int64_t most, struct ese_verdict *verdict)
{
    if (most != ESE_DEAD_LETTERS_ANY && dead > most)
        say(verdict, ESE_VERDICT_FAIL,
            "%" PRId64 " events were passed over as dead letters, where a rule had to fail on %" PRId64 " at most",
            dead, most);
}

/* Somebody else's run has had no drain, and has left no logs. */
static void say_in_flight(const struct ese_grounds *grounds, int64_t in_flight, struct ese_verdict *verdict)
{
    const char *unprocessed =
        words_for(in_flight, "stored event was not processed", "stored events were not processed");
    const char *unseen = words_for(in_flight, "event", "events");
    if (in_flight > 0 && grounds->is_store_unseen)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " %s may lie where no consumer has committed: nobody has looked into the store (store.ndjson)",
            in_flight, unseen);
    else if (in_flight > 0 && grounds->is_foreign)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " %s when the consumers' histories ended: let them end behind that", in_flight, unprocessed);
    else if (in_flight > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%" PRId64 " %s when the drain ended; logs/ tell who stood still",
            in_flight, unprocessed);
}

static void judge_ledger(const struct ese_figures *figures, const struct ese_grounds *grounds,
                         struct ese_judgement *judgement)
{
    struct ese_verdict *verdict = &judgement->ledger_verdict;
    say_missing(grounds, verdict);
    if (judgement->ledger.offered == 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "nothing was offered: did its client run?");
    judge_gone(&judgement->ledger, grounds->promises, figures->gone, verdict);
    judge_certain(judgement, grounds->promises, &figures->faults, verdict);
    judge_dead_letters(judgement->ledger.dead_letters + figures->unknown_dead, grounds->dead_most, verdict);
    if (figures->contradicted > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " events were committed, as the consumer's history has it, and its state has not had them",
            figures->contradicted);
    if (grounds->promises->tells_losses && judgement->ledger.lost_by_other > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " %s, and the store has noted no cause that can be", judgement->ledger.lost_by_other,
            lost_words(judgement->ledger.lost_by_other));
    if (grounds->ended != NULL)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%s", grounds->ended);
    if (judgement->ledger.acknowledged == 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "nothing was acknowledged");
    int64_t in_flight = judgement->ledger.in_flight + figures->unknown_in_flight;
    say_in_flight(grounds, in_flight, verdict);
    if (judgement->mails.in_flight > grounds->queued)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " %s still under way when the drain ended, of which the mailer had %" PRId64
            " in its outbox; logs/ tell who stood still", judgement->mails.in_flight,
            words_for(judgement->mails.in_flight, "mail was", "mails were"), grounds->queued);
    if (grounds->queued > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " %s not sent when the drain ended; logs/ tell who stood still", grounds->queued,
            words_for(grounds->queued, "mail was", "mails were"));
    judge_unknown_mails(&judgement->mails, grounds->unknown_most, verdict);
    const struct fault faults[] = {
        {true, figures->faults.lost, "mails are missing"},
        {true, figures->faults.altered, "mails tell of other events than they had to"},
    };
    say_faults(faults, ESE_COUNT_OF(faults), ESE_VERDICT_FAIL, verdict);
    judge_decided(&figures->decided, verdict);
}

/* Those that were handed over; of books that are older than their lateness, those that left. */
static int64_t handed_over(const struct ese_judgement *judgement)
{
    int64_t left = judgement->ledger.offered - judgement->ledger.not_sent;
    return judgement->lateness.count > left ? judgement->lateness.count : left;
}

static void judge_timing(const struct ese_figures *figures, const struct ese_grounds *grounds,
                         struct ese_judgement *judgement)
{
    const struct ese_timing *timing = &figures->timing;
    struct ese_verdict *verdict = &judgement->timing_verdict;
    int64_t sent = handed_over(judgement);
    say_missing(grounds, verdict);
    if (grounds->ended != NULL)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%s", grounds->ended);
    if (timing->negative > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%" PRId64 " latencies are negative: let all parties run on one machine",
            timing->negative);
    if (judgement->acknowledge.count == 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "nothing was acknowledged behind the warm-up: let it run longer");
    /* Ours note each before it is handed over; of others' how late it was nobody knows. */
    int64_t untold = grounds->is_foreign ? sent - judgement->lateness.count : 0;
    if (untold > 0 && (untold + timing->behind_schedule) * 100 > sent * BEHIND_PER_CENT)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "nobody says when %" PRId64 " of %" PRId64 " events were sent, nor so how late the load was: note \"sent\" "
            "before each is handed to the transport", untold, sent);
    if (timing->behind_schedule * 100 > sent * BEHIND_PER_CENT)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "the generator fell behind: %" PRId64 " of %" PRId64 " events left more than 5 ms late; ask for a lower "
            "rate, or leave the machine to it", timing->behind_schedule, sent);
}

const double ese_percentiles[ESE_PERCENTILES] = {1,  5,    10, 25,   50,    75,    90,
                                                 95, 97.5, 99, 99.5, 99.9, 99.99, 100};

struct ese_latency ese_latency_of(const struct ese_histogram *histogram)
{
    struct ese_latency latency = {
        .count = (int64_t)ese_histogram_count(histogram),
        .p50_us = ese_histogram_percentile(histogram, 50),
        .p99_us = ese_histogram_percentile(histogram, 99),
        .p999_us = ese_histogram_percentile(histogram, 99.9),
        .max_us = ese_histogram_max(histogram)};
    for (int i = 0; i < ESE_PERCENTILES; i++)
        latency.at_us[i] = ese_histogram_percentile(histogram, ese_percentiles[i]);
    return latency;
}

/* Both in buckets of one width. */
static void tell_curves(const struct ese_figures *figures, const struct ese_grounds *grounds,
                        struct ese_judgement *judgement)
{
    ese_lag_tell(&figures->lag, grounds->back_ns, grounds->rate, &judgement->lag);
    ese_rates_tell(&figures->rates, judgement->lag.bucket_ms, &judgement->rates);
    ese_lag_widen(&judgement->lag, judgement->rates.bucket_ms);
}

void ese_judge_nothing(const char *why, struct ese_judgement *judgement)
{
    *judgement = (struct ese_judgement){.recovery = ESE_RECOVERY_NONE, .lag.caught_up_us = -1};
    say(&judgement->ledger_verdict, ESE_VERDICT_CANNOT_TELL, "%.200s", why);
    say(&judgement->timing_verdict, ESE_VERDICT_CANNOT_TELL, "%.200s", why);
}

void ese_judge_figures(const struct ese_figures *figures, const struct ese_grounds *grounds,
                       struct ese_judgement *judgement)
{
    const struct ese_timing *timing = &figures->timing;
    *judgement = (struct ese_judgement){
        .ledger = figures->ledger,
        .mails = figures->mails,
        .acknowledge = ese_latency_of(timing->acknowledge),
        .end_to_end = ese_latency_of(timing->end_to_end),
        .mail = ese_latency_of(timing->mail),
        .lateness = ese_latency_of(timing->lateness),
        .closed_loop = ese_latency_of(timing->closed_loop),
        .warmup_cut = timing->warmup_cut,
        .behind_schedule = timing->behind_schedule,
        .recovery = timing->recovery,
        .stale_worst_us = figures->stale_worst_ns / 1000,
        .processed_per_s = ese_timing_processed_per_s(timing),
    };
    tell_curves(figures, grounds, judgement);
    judge_ledger(figures, grounds, judgement);
    judge_timing(figures, grounds, judgement);
}
