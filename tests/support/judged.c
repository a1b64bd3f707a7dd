#include "tests/support/judged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "orchestration/lab/share.h"

static const char *ledger_difference(const void *ledger, const void *other,
                                     const struct ese_ledger_member *members)
{
    for (const struct ese_ledger_member *member = members; member->name != NULL; member++) {
        if (ese_ledger_get(ledger, member) != ese_ledger_get(other, member))
            return member->name;
    }
    return NULL;
}

static bool is_same_latency(const struct ese_latency *latency, const struct ese_latency *other)
{
    return latency->count == other->count && latency->p50_us == other->p50_us &&
           latency->p99_us == other->p99_us && latency->p999_us == other->p999_us &&
           latency->max_us == other->max_us && memcmp(latency->at_us, other->at_us, sizeof latency->at_us) == 0;
}

static const char *timing_difference(const struct ese_judgement *a, const struct ese_judgement *b)
{
    const struct {
        bool is_same;
        const char *what;
    } parts[] = {
        {is_same_latency(&a->acknowledge, &b->acknowledge), "acknowledge"},
        {is_same_latency(&a->end_to_end, &b->end_to_end), "end to end"},
        {is_same_latency(&a->mail, &b->mail), "mail"},
        {a->warmup_cut == b->warmup_cut, "warm-up"},
        {a->behind_schedule == b->behind_schedule, "behind schedule"},
        {is_same_latency(&a->lateness, &b->lateness), "lateness"},
        {a->stale_worst_us == b->stale_worst_us, "stale, the worst"},
        {a->recovery.acknowledges_again_us == b->recovery.acknowledges_again_us, "acknowledges again"},
        {a->recovery.reads_again_us == b->recovery.reads_again_us, "reads again"},
        {a->recovery.backlog_at_restart == b->recovery.backlog_at_restart, "backlog at restart"},
        {a->recovery.backlog_gone_us == b->recovery.backlog_gone_us, "backlog gone"},
        {a->recovery.waiting_at_kill == b->recovery.waiting_at_kill, "waiting at a kill"},
        {!(a->processed_per_s < b->processed_per_s || a->processed_per_s > b->processed_per_s),
         "processed per second"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(parts); i++) {
        if (!parts[i].is_same)
            return parts[i].what;
    }
    return NULL;
}

static bool is_same_verdict(const struct ese_verdict *verdict, const struct ese_verdict *other)
{
    return verdict->word == other->word && strcmp(verdict->reason, other->reason) == 0;
}

static const char *story_difference(const struct ese_story stories[], int count,
                                    const struct ese_story others[], int other_count)
{
    for (int i = 0; i < count && i < other_count; i++) {
        if (strcmp(stories[i].what, others[i].what) != 0 || stories[i].events != others[i].events ||
            strcmp(stories[i].text, others[i].text) != 0)
            return stories[i].what;
    }
    return count == other_count ? NULL : "how many are told of";
}

/* How many cases of it there are, one is told of. */
static int64_t told(const struct ese_stories *stories, const char *what)
{
    for (int i = 0; i < stories->fault_count; i++) {
        if (strcmp(stories->faults[i].what, what) == 0)
            return stories->faults[i].events;
    }
    return 0;
}

/* Ledger and stories are told by different code, and tell of the same. */
static void agrees_with_its_stories(const struct ese_judgement *judgement)
{
    const struct ese_stories *stories = &judgement->stories;
    const struct ese_ledger *ledger = &judgement->ledger;
    const struct ese_mail_ledger *mails = &judgement->mails;
    const struct {
        const char *what;
        int64_t counted, told;
    } numbers[] = {
        {"not sent", ledger->not_sent, told(stories, "not sent")},
        {"refused", ledger->refused, told(stories, "refused")},
        {"unknown", ledger->unknown, told(stories, "of unknown outcome")},
        {"lost by clash", ledger->lost_by_clash, told(stories, "lost by key clash")},
        {"lost by expiry", ledger->lost_by_expiry, told(stories, "lost by expiry")},
        {"lost by death", ledger->lost_by_death, told(stories, "lost by the store's death")},
        {"lost otherwise", ledger->lost_by_other, told(stories, "lost, for no cause that is noted") +
                                                      told(stories, "lost by its store, after it was processed")},
        {"reordered", ledger->reordered, told(stories, "stored out of its key's order")},
        {"disordered within", ledger->disordered_within,
         told(stories, "handed out of its key's order, within one ownership")},
        {"disordered after", ledger->disordered_after,
         told(stories, "handed out of its key's order, after a rebalance")},
        {"passed over", ledger->passed_over_first, told(stories, "passed over by its reader, and handed later")},
        {"stale", ledger->stale, told(stories, "processed too late (stale)")},
        {"phantom", ledger->phantom, told(stories, "stored though refused, not sent or never offered (phantom)")},
        {"strangers", ledger->strangers, told(stories, "a stranger's, not of this run")},
        {"doubled", mails->doubled, told(stories, "mail that came twice") +
                                        told(stories, "mail from events that gave one (doubled)")},
        {"altered", mails->altered, told(stories, "mail from other events (altered)")},
        {"unexpected", mails->unexpected, told(stories, "mail that nothing accounts for (unexpected)")},
        {"unknown mails", mails->unknown + mails->unknown_arrived, stories->unknown},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(numbers); i++) {
        if (numbers[i].counted != numbers[i].told)
            fail_msg("%s: %lld are counted, and of %lld is told", numbers[i].what,
                     (long long)numbers[i].counted, (long long)numbers[i].told);
    }
    bool is_told = stories->people_count > 0 || (mails->lost > 0 && ledger->strangers > 0); /* whose, nobody knows */
    if ((mails->lost > 0) != is_told)
        fail_msg("%lld mails are lost, and %d people never got theirs", (long long)mails->lost,
                 stories->people_count);
}

static bool is_same_lag(const struct ese_lag_curve *lag, const struct ese_lag_curve *other)
{
    return lag->bucket_ms == other->bucket_ms && lag->count == other->count &&
           memcmp(lag->waiting, other->waiting, sizeof lag->waiting) == 0 && lag->highest == other->highest &&
           lag->load_ended_ms == other->load_ended_ms && lag->at_load_end == other->at_load_end &&
           lag->caught_up_us == other->caught_up_us;
}

static bool is_same_rates(const struct ese_rate_curves *rates, const struct ese_rate_curves *other)
{
    return rates->bucket_ms == other->bucket_ms && rates->count == other->count &&
           memcmp(rates->number, other->number, sizeof rates->number) == 0;
}

static int64_t sum_of(const struct ese_rate_curves *rates, enum ese_rate which)
{
    int64_t sum = 0;
    for (int i = 0; i < rates->count; i++)
        sum += rates->number[which][i];
    return sum;
}

/* Over the time of the run as in the ledger, and in buckets that are the lag's. */
static void agrees_with_its_rates(const struct ese_judgement *judgement)
{
    const struct ese_rate_curves *rates = &judgement->rates;
    const int64_t offered = sum_of(rates, ESE_RATE_OFFERED), acknowledged = sum_of(rates, ESE_RATE_ACKNOWLEDGED),
                  processed = sum_of(rates, ESE_RATE_PROCESSED);
    if (offered != judgement->ledger.offered || acknowledged != judgement->ledger.acknowledged ||
        processed != judgement->ledger.processed)
        fail_msg("%lld were offered, %lld acknowledged and %lld processed over the time, and the ledger says otherwise",
                 (long long)offered, (long long)acknowledged, (long long)processed);
    if (rates->bucket_ms != judgement->lag.bucket_ms)
        fail_msg("buckets are %lld ms wide, and the lag's %lld", (long long)rates->bucket_ms,
                 (long long)judgement->lag.bucket_ms);
}

const char *judged_difference(const struct ese_judgement *a, const struct ese_judgement *b)
{
    const char *differences[] = {
        ledger_difference(&a->ledger, &b->ledger, ese_ledger_members),
        ledger_difference(&a->mails, &b->mails, ese_mail_ledger_members),
        timing_difference(a, b),
        is_same_lag(&a->lag, &b->lag) ? NULL : "lag",
        is_same_rates(&a->rates, &b->rates) ? NULL : "rates",
        is_same_verdict(&a->ledger_verdict, &b->ledger_verdict) ? NULL : "ledger verdict",
        is_same_verdict(&a->timing_verdict, &b->timing_verdict) ? NULL : "timing verdict",
        story_difference(a->stories.faults, a->stories.fault_count, b->stories.faults,
                         b->stories.fault_count),
        story_difference(a->stories.people, a->stories.people_count, b->stories.people,
                         b->stories.people_count),
        story_difference(a->stories.unknown_mails, a->stories.unknown_count, b->stories.unknown_mails,
                         b->stories.unknown_count),
        a->stories.unknown == b->stories.unknown ? NULL : "how many mails nobody knows of",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(differences); i++) {
        if (differences[i] != NULL)
            return differences[i];
    }
    return NULL;
}

/* With the fewest events a pass may hold so that there are no more passes than wanted. */
static struct ese_judgement judged_in(const struct ese_judge_options *options, int passes,
                                      int64_t offered)
{
    struct ese_judge_options some = *options;
    struct ese_judgement judgement;
    struct ese_shares shares;
    some.events = offered / passes;
    do {
        some.events += 1 + offered / 50;
        assert_int_equal(ese_shares_find(options->directory, some.events, ESE_JUDGE_MOST, &shares, NULL), 0);
    } while (shares.count > passes);
    assert_int_equal(ese_judge(&some, &judgement, NULL), 0);
    assert_int_equal(judgement.passes, shares.count);
    return judgement;
}

struct ese_judgement judged(const struct ese_judge_options *options)
{
    static const int wanted[] = {2, 3, 7};
    static size_t turn;
    struct ese_judgement judgement;
    struct ese_error error;
    if (ese_judge(options, &judgement, &error) == -1)
        fail_msg("%s", error.text);
    agrees_with_its_stories(&judgement);
    agrees_with_its_rates(&judgement);
    const struct ese_judgement again =
        judged_in(options, wanted[turn++ % ESE_COUNT_OF(wanted)], judgement.ledger.offered);
    const char *difference = judged_difference(&judgement, &again);
    if (difference != NULL)
        fail_msg("in %d passes it comes to something else: %s (%s; %s)", again.passes, difference,
                 judgement.ledger_verdict.reason, again.ledger_verdict.reason);
    return judgement;
}
