/* What the named runs come to, in three sentences each: made from the run's figures, and from nothing else. */
#include "orchestration/lab/preset.h"

#include "orchestration/lab/picture.h"
#include "orchestration/lab/sentence.h"

#define NAMES_SIZE ESE_SENTENCE_NAMES_SIZE

typedef const struct ese_results_transport column;

static void add_number(struct ese_buffer *text, int64_t number)
{
    char digits[ESE_PICTURE_NUMBER_SIZE];
    ese_picture_number(number, digits);
    ese_buffer_text(text, digits);
}

/* ---- what it takes ----------------------------------------------------------------------------- */

static bool has_broker(column *transport)
{
    return transport->broker[0] != '\0';
}

/* "http took 4 processes, 59 MB of memory at most and 3.3 s of processor time". Where nobody knows, nothing. */
static bool add_takings(const struct ese_results *results, struct ese_buffer *text)
{
    for (int i = 0; i < results->count; i++) {
        const struct ese_journey_cost *cost = &results->transports[i].cost;
        if (cost->processes == 0)
            return false;
        ese_buffer_printf(text, "%s%s took %d processes, %.0f MB of memory at most and %.1f s of processor time",
                          i > 0 ? "; " : "", results->transports[i].name, cost->processes,
                          (double)cost->rss_peak_bytes / 1e6, (double)cost->cpu_ns / 1e9);
    }
    return true;
}

static void say_takings(const struct ese_results *results, struct ese_buffer *text)
{
    char names[NAMES_SIZE];
    ese_buffer_text(text, "  Cost: ");
    if (!add_takings(results, text))
        ese_buffer_text(text, "nobody knows what it took");
    if (ese_sentence_names(results, has_broker, names) > 0)
        ese_buffer_printf(text, "; %s has a broker, which somebody has to run, watch and upgrade", names);
}

/* ---- share-work -------------------------------------------------------------------------------- */

static bool keeps_up(const struct ese_results *results, column *transport)
{
    return transport->judgement.lag.at_load_end < ese_results_rate(results->rate);
}

static bool is_group(column *transport)
{
    return transport->members > 1;
}

/* What was not acknowledged waits for no reader: of a load that hardly arrived no reader can be behind. */
static bool was_given_the_load(column *transport)
{
    const struct ese_ledger *ledger = &transport->judgement.ledger;
    return ledger->acknowledged * 20 >= ledger->offered * 19;
}

/* ", was not given the load: only 4,621 of 9,241 offered events were acknowledged, which does not say ..." */
static void add_lack(column *transport, struct ese_buffer *text)
{
    ese_buffer_text(text, ", was not given the load: only ");
    add_number(text, transport->judgement.ledger.acknowledged);
    ese_buffer_text(text, " of ");
    add_number(text, transport->judgement.ledger.offered);
    ese_buffer_text(text, " offered events were acknowledged, which does not say whether it would have kept up");
}

/* "kafka, a group of 3, kept up: at most 807 events waited, and 110 when the load ended" */
static void add_reader(const struct ese_results *results, column *transport, struct ese_buffer *text)
{
    const struct ese_lag_curve *lag = &transport->judgement.lag;
    if (ese_sentence_is_untold(transport)) {
        ese_buffer_printf(text, "of %s it cannot be told", transport->name);
        return;
    }
    ese_buffer_printf(text, "%s, ", transport->name);
    if (is_group(transport))
        ese_buffer_printf(text, "a group of %d", transport->members);
    else
        ese_buffer_text(text, "one reader");
    if (!was_given_the_load(transport)) {
        add_lack(transport, text);
        return;
    }
    ese_buffer_printf(text, ", %s: at most ", keeps_up(results, transport) ? "kept up" : "fell behind");
    add_number(text, lag->highest);
    ese_buffer_text(text, " events waited, and ");
    add_number(text, lag->at_load_end);
    ese_buffer_text(text, " when the load ended");
    if (lag->caught_up_us >= 0)
        ese_buffer_printf(text, ", less than a second's worth %.0f s after the last of its readers was back",
                          (double)lag->caught_up_us / 1e6);
}

static bool is_in_order(column *transport)
{
    return ese_sentence_kept_all(transport) && transport->judgement.ledger.reordered == 0 &&
           transport->judgement.mails.altered == 0;
}

static bool lost_members(column *transport)
{
    const struct ese_deeds *deeds = &transport->deeds;
    unsigned consumer = ESE_ROLE_BIT(ESE_ROLE_CONSUMER);
    return is_group(transport) && (ese_deeds_last(deeds, ESE_ACT_KILL, consumer) != 0 ||
                                   ese_deeds_last(deeds, ESE_ACT_FREEZE, consumer) != 0);
}

static void say_order(const struct ese_results *results, struct ese_buffer *text)
{
    char names[NAMES_SIZE];
    int kept = ese_sentence_names(results, is_in_order, names);
    ese_buffer_text(text, "  Order: ");
    if (kept > 0)
        ese_buffer_printf(text, "over %s each key stayed in order, nothing was lost, and each mail came once", names);
    if (kept < results->count)
        ese_buffer_printf(text, "%s", kept > 0 ? "; of the others that cannot be said" : "that can be said of none");
    if (ese_sentence_names(results, lost_members, names) > 0)
        ese_buffer_printf(text, ", though members of %s were away meanwhile", names);
    ese_buffer_text(text, ".\n");
}

void ese_say_share_work(const struct ese_results *results, struct ese_buffer *text)
{
    ese_buffer_text(text, "  Sharing: ");
    for (int i = 0; i < results->count; i++) {
        ese_buffer_text(text, i > 0 ? "; " : "");
        add_reader(results, &results->transports[i], text);
    }
    ese_buffer_text(text, ".\n");
    say_order(results, text);
    say_takings(results, text);
    if (results->rule_cost_us > 0)
        ese_buffer_printf(text, "; up to %lld events a second one reader is enough for a rule of that cost",
                          (long long)(1000000 / results->rule_cost_us));
    ese_buffer_text(text, ".\n");
}

/* ---- bad-day ----------------------------------------------------------------------------------- */

void ese_say_bad_day(const struct ese_results *results, struct ese_buffer *text)
{
    ese_say_kept(results, text);
    ese_say_recovery(results, text);
    ese_say_cost(results, text);
}

/* ---- who is best ------------------------------------------------------------------------------- */

/* The one that has the least of it, by more than what is called about equal; NULL: none has. */
static column *least(const struct ese_results *results, double (*read)(column *transport))
{
    int best = 0;
    for (int i = 1; i < results->count; i++) {
        if (read(&results->transports[i]) < read(&results->transports[best]))
            best = i;
    }
    for (int i = 0; i < results->count; i++) {
        if (i != best && read(&results->transports[i]) <= read(&results->transports[best]) * ESE_ABOUT_EQUAL)
            return NULL;
    }
    return results->count > 1 ? &results->transports[best] : NULL;
}

/* ---- quiet-shop -------------------------------------------------------------------------------- */

static double memory_of(column *transport)
{
    return (double)transport->cost.rss_peak_bytes;
}

static double processor_of(column *transport)
{
    return (double)transport->cost.cpu_ns;
}

static void say_quiet_choice(const struct ese_results *results, struct ese_buffer *text)
{
    column *by_memory = least(results, memory_of), *by_processor = least(results, processor_of);
    char names[NAMES_SIZE];
    bool all_kept = ese_sentence_names(results, ese_sentence_kept_all, names) == results->count;
    ese_buffer_text(text, "  Choice: ");
    if (all_kept && by_memory != NULL && by_memory == by_processor)
        ese_buffer_printf(text, "all kept everything, and %s took the least memory and processor time: for %s events a "
                                "second and one reader it is the better choice",
                          by_memory->name, results->rate);
    else if (all_kept)
        ese_buffer_text(text, "all kept everything, and none took the least memory and processor time: by this run it "
                              "is a matter of taste");
    else
        ese_buffer_text(text, "not all kept everything, or it cannot be told, and what it takes decides nothing then");
    ese_buffer_text(text, ".\n");
}

void ese_say_quiet_shop(const struct ese_results *results, struct ese_buffer *text)
{
    ese_say_kept(results, text);
    say_takings(results, text);
    ese_buffer_text(text, ".\n");
    say_quiet_choice(results, text);
}

/* ---- answer-now -------------------------------------------------------------------------------- */

static double middle_of(column *transport)
{
    return (double)transport->judgement.acknowledge.p50_us;
}

static double slow_of(column *transport)
{
    return (double)transport->judgement.acknowledge.p99_us;
}

static bool is_answered(column *transport)
{
    return !ese_sentence_is_untimed(transport);
}

static void say_answers(const struct ese_results *results, struct ese_buffer *text)
{
    char names[NAMES_SIZE];
    int said = 0;
    ese_buffer_text(text, "  Answer: ");
    for (int i = 0; i < results->count; i++) {
        column *transport = &results->transports[i];
        if (is_answered(transport))
            ese_buffer_printf(text, "%s%s answered half of its callers within %.1f ms, and 99 of 100 within %.1f",
                              said++ > 0 ? "; " : "", transport->name, middle_of(transport) / 1e3,
                              slow_of(transport) / 1e3);
    }
    if (ese_sentence_names(results, ese_sentence_is_untimed, names) > 0)
        ese_buffer_printf(text, "%sof %s it cannot be told", said > 0 ? "; " : "", names);
    ese_buffer_text(text, ".\n");
}

static void say_worth(const struct ese_results *results, struct ese_buffer *text)
{
    ese_buffer_text(text, "  Worth: an answer means that the event is kept, as safe as ");
    for (int i = 0; i < results->count; i++)
        ese_buffer_printf(text, "%s%s (%s)", i > 0 ? ", " : "",
                          ese_durability_name(results->transports[i].durability), results->transports[i].name);
    for (int i = 0; i < results->count; i++)
        ese_buffer_printf(text, "; over %s %lld of %lld got theirs", results->transports[i].name,
                          (long long)results->transports[i].judgement.ledger.acknowledged,
                          (long long)results->transports[i].judgement.ledger.offered);
    ese_buffer_text(text, ".\n");
}

void ese_say_answer_now(const struct ese_results *results, struct ese_buffer *text)
{
    char names[NAMES_SIZE];
    bool all_timed = ese_sentence_names(results, is_answered, names) == results->count;
    column *by_middle = least(results, middle_of), *by_slow = least(results, slow_of);
    say_answers(results, text);
    say_worth(results, text);
    ese_buffer_text(text, "  Choice: ");
    if (!all_timed)
        ese_buffer_text(text, "not all could be timed, so that none can be called the sooner");
    else if (by_middle != NULL && by_middle == by_slow)
        ese_buffer_printf(text, "%s answered soonest, half of its callers and 99 of 100: where somebody waits for the "
                                "answer it is the better choice", by_middle->name);
    else
        ese_buffer_text(text, "none answered both half of its callers and 99 of 100 soonest");
    ese_buffer_text(text, ".\n");
}
