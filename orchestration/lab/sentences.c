/* A few plain sentences on who was better at what in this run: made from its figures, and from nothing else. */
#include "orchestration/lab/report.h"

#include "ese-core/memory.h"
#include "orchestration/lab/preset.h"
#include "orchestration/lab/sentence.h"

#define NAMES_SIZE ESE_SENTENCE_NAMES_SIZE

typedef const struct ese_results_transport column;

int ese_sentence_names(const struct ese_results *results, bool (*holds)(column *), char names[NAMES_SIZE])
{
    int wanted = 0, done = 0;
    struct ese_buffer text = ESE_BUFFER_INIT(NAMES_SIZE - 1);
    for (int i = 0; i < results->count; i++)
        wanted += holds(&results->transports[i]);
    for (int i = 0; i < results->count; i++) {
        if (!holds(&results->transports[i]))
            continue;
        done++;
        ese_buffer_printf(&text, "%s%s", done == 1 ? "" : done == wanted ? " and " : ", ",
                          results->transports[i].name);
    }
    snprintf(names, NAMES_SIZE, "%s", text.text == NULL ? "" : text.text);
    ese_buffer_free(&text);
    return wanted;
}

bool ese_sentence_kept_all(column *transport)
{
    const struct ese_judgement *j = &transport->judgement;
    return j->ledger_verdict.word == ESE_VERDICT_PASS && j->ledger.lost == 0 && j->ledger.in_flight == 0 &&
           j->mails.lost == 0 && j->mails.doubled == 0 && j->mails.unexpected == 0 && j->mails.altered == 0;
}

bool ese_sentence_is_untold(column *transport)
{
    return transport->judgement.ledger_verdict.word == ESE_VERDICT_CANNOT_TELL;
}

bool ese_sentence_is_untimed(column *transport)
{
    return transport->judgement.timing_verdict.word != ESE_VERDICT_PASS;
}

/* " (3 by key clash, 2 by the store's death)", of what is known. */
static void say_causes(const struct ese_ledger *ledger, struct ese_buffer *text)
{
    const struct {
        int64_t count;
        const char *words;
    } causes[] = {
        {ledger->lost_by_clash, "by key clash"},
        {ledger->lost_by_expiry, "by expiry"},
        {ledger->lost_by_death, "by the store's death"},
    };
    int said = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(causes); i++) {
        if (causes[i].count > 0)
            ese_buffer_printf(text, "%s%lld %s", said++ > 0 ? ", " : " (", (long long)causes[i].count,
                              causes[i].words);
    }
    if (said > 0)
        ese_buffer_text(text, ")");
}

/* "beta lost 3 acknowledged events (3 by expiry), lost 2 mails"; where nothing was counted, why it fails. */
static void say_faults(column *transport, struct ese_buffer *text)
{
    const struct ese_judgement *j = &transport->judgement;
    const struct {
        int64_t count;
        const char *did, *what, *more; /* "event" of one, "events" of others, and what is said behind */
    } faults[] = {
        {j->ledger.lost, "lost", "acknowledged event", ""},
        {j->ledger.in_flight, "left", "event", " unread"},
        {j->ledger.phantom, "stored", "event", " though refused, not sent or never offered"},
        {j->ledger.stored_twice, "stored", "event", " a second time"},
        {j->ledger.reordered, "stored", "event", " out of their key's order"},
        {j->mails.lost, "lost", "mail", ""},
        {j->mails.doubled, "doubled", "mail", ""},
        {j->mails.altered, "sent", "mail", " of other events"},
        {j->mails.unexpected, "sent", "mail", " for nothing"},
    };
    int said = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(faults); i++) {
        if (faults[i].count == 0)
            continue;
        ese_buffer_printf(text, "%s %s %lld %s%s%s", said++ == 0 ? transport->name : ",", faults[i].did,
                          (long long)faults[i].count, faults[i].what, faults[i].count == 1 ? "" : "s", faults[i].more);
        if (i == 0)
            say_causes(&j->ledger, text);
    }
    if (said == 0)
        ese_buffer_printf(text, "%s fails, as %s", transport->name, j->ledger_verdict.reason);
}

/* ", but for 3 dead letters over alpha and 2 over beta," of those that kept all: kept is not had. */
static void say_dead_letters(const struct ese_results *results, struct ese_buffer *text)
{
    int said = 0;
    for (int i = 0; i < results->count; i++) {
        column *transport = &results->transports[i];
        long long dead = (long long)transport->judgement.ledger.dead_letters;
        if (ese_sentence_kept_all(transport) && dead > 0)
            ese_buffer_printf(text, said++ == 0 ? ", but for %lld dead letters over %s" : " and %lld over %s", dead,
                              transport->name);
    }
}

/* They are neither lost nor doubled (docs/results.md); so they are told beside what is. */
static void say_unknown(const struct ese_results *results, struct ese_buffer *text)
{
    for (int i = 0; i < results->count; i++) {
        column *transport = &results->transports[i];
        if (!ese_sentence_is_untold(transport) && transport->judgement.mails.unknown > 0)
            ese_buffer_printf(text, "; whether %lld mails over %s were sent is unknown",
                              (long long)transport->judgement.mails.unknown, transport->name);
    }
}

void ese_say_kept(const struct ese_results *results, struct ese_buffer *text)
{
    char names[NAMES_SIZE];
    int said = ese_sentence_names(results, ese_sentence_kept_all, names);
    ese_buffer_text(text, "  Keeping: ");
    if (said > 0) {
        ese_buffer_printf(text, "%s kept every acknowledged event", names);
        say_dead_letters(results, text);
        /* Somebody else's run tells of no mails. */
        ese_buffer_text(text, results->transports[0].promises != NULL ? "" : ", and no mail was lost or doubled");
    }
    for (int i = 0; i < results->count; i++) {
        column *transport = &results->transports[i];
        if (ese_sentence_kept_all(transport) || ese_sentence_is_untold(transport))
            continue;
        ese_buffer_text(text, said++ > 0 ? "; " : "");
        say_faults(transport, text);
    }
    say_unknown(results, text);
    if (ese_sentence_names(results, ese_sentence_is_untold, names) > 0)
        ese_buffer_printf(text, "%sof %s it cannot be told", said > 0 ? "; " : "", names);
    ese_buffer_text(text, ".\n");
}

/* ---- recovery ---- */

static int64_t acknowledges_again_us(column *transport)
{
    return transport->judgement.recovery.acknowledges_again_us;
}

static int64_t backlog_gone_us(column *transport)
{
    return transport->judgement.recovery.backlog_gone_us;
}

static bool was_struck(column *transport, unsigned roles)
{
    return ese_deeds_first(&transport->deeds, ESE_ACT_KILL, roles, 0) != 0;
}

/* "the backlog was gone after 0.4 s (alpha), not at all (beta)", of those that were struck. Returns how many. */
static int say_times(const struct ese_results *results, const char *what, unsigned roles,
                     int64_t (*read_us)(column *), struct ese_buffer *text)
{
    int said = 0;
    for (int i = 0; i < results->count; i++) {
        column *transport = &results->transports[i];
        if (!was_struck(transport, roles))
            continue;
        ese_buffer_printf(text, "%s", said++ == 0 ? what : ", ");
        if (read_us(transport) < 0)
            ese_buffer_printf(text, "not at all (%s)", transport->name);
        else if (ese_sentence_is_untimed(transport))
            ese_buffer_printf(text, "after a time that is withheld (%s)", transport->name);
        else
            ese_buffer_printf(text, "after %.1f s (%s)", (double)read_us(transport) / 1e6, transport->name);
    }
    return said;
}

void ese_say_recovery(const struct ese_results *results, struct ese_buffer *text)
{
    struct ese_buffer words = ESE_BUFFER_INIT(2000);
    int said = say_times(results, "events were acknowledged again ", ESE_ROLES_KEEPING,
                         acknowledges_again_us, &words);
    said += say_times(results, said > 0 ? "; the backlog was gone " : "the backlog was gone ",
                      ESE_ROLES_KEEPING | ESE_ROLE_BIT(ESE_ROLE_CONSUMER), backlog_gone_us, &words);
    if (said > 0)
        ese_buffer_printf(text, "  Recovery: %s.\n", words.text);
    ese_buffer_free(&words);
}

/* ---- figures, less is better ---- */

static double acknowledge_p99(column *transport)
{
    return (double)transport->judgement.acknowledge.p99_us / 1000.0;
}

static double end_to_end_p50(column *transport)
{
    return (double)transport->judgement.end_to_end.p50_us / 1000.0;
}

static double cpu_s(column *transport)
{
    return (double)transport->cost.cpu_ns / 1e9;
}

static double memory_mb(column *transport)
{
    return (double)transport->cost.rss_peak_bytes / 1e6;
}

struct figure {
    double (*read)(column *transport);
    const char *what; /* "acknowledged fastest" */
    const char *unit;
};

/* "http acknowledged soonest (p99 1.2 ms; kafka 3.4 ms)", or that they are about equal. */
static void say_figure(const struct ese_results *results, const struct figure *figure, struct ese_buffer *text)
{
    int best = 0, worst = 0;
    for (int i = 1; i < results->count; i++) {
        double value = figure->read(&results->transports[i]);
        if (value < figure->read(&results->transports[best]))
            best = i;
        if (value > figure->read(&results->transports[worst]))
            worst = i;
    }
    double least = figure->read(&results->transports[best]);
    bool equal = figure->read(&results->transports[worst]) <= least * ESE_ABOUT_EQUAL;
    if (equal)
        ese_buffer_printf(text, "%s: about equal (%.1f %s)", figure->what, least, figure->unit);
    else
        ese_buffer_printf(text, "%s: %s (%.1f %s", figure->what, results->transports[best].name, least,
                          figure->unit);
    for (int i = 0; !equal && i < results->count; i++) {
        if (i != best)
            ese_buffer_printf(text, "; %s %.1f", results->transports[i].name,
                              figure->read(&results->transports[i]));
    }
    if (!equal)
        ese_buffer_text(text, ")");
}

static void say_pair(const struct ese_results *results, const char *subject, const struct figure pair[2],
                     struct ese_buffer *text)
{
    ese_buffer_printf(text, "  %s: ", subject);
    say_figure(results, &pair[0], text);
    ese_buffer_text(text, "; ");
    say_figure(results, &pair[1], text);
    ese_buffer_text(text, ".\n");
}

void ese_say_cost(const struct ese_results *results, struct ese_buffer *text)
{
    static const struct figure cost[2] = {
        {cpu_s, "least processor time", "s"},
        {memory_mb, "least memory", "MB"},
    };
    if (results->count > 1 && results->transports[0].cost.processes > 0) /* else nobody knows */
        say_pair(results, "Cost", cost, text);
}

static void say_time(const struct ese_results *results, struct ese_buffer *text)
{
    static const struct figure time[2] = {
        {acknowledge_p99, "the caller had its answer soonest, p99", "ms"},
        {end_to_end_p50, "the event was processed soonest, p50", "ms"},
    };
    char names[NAMES_SIZE];
    if (ese_sentence_names(results, ese_sentence_is_untimed, names) > 0)
        ese_buffer_printf(text, "  Time: nothing can be said, the timing of %s is not to be trusted.\n",
                          names);
    else if (results->count > 1)
        say_pair(results, "Time", time, text);
}

void ese_report_sentences(const struct ese_results *results, struct ese_buffer *text)
{
    const struct ese_preset *preset = ese_preset_find(results->preset);
    if (preset != NULL) {
        ese_preset_say(preset, results, text);
        return;
    }
    ese_say_kept(results, text);
    ese_say_recovery(results, text);
    say_time(results, text);
    ese_say_cost(results, text);
}
