#include "ese-consumer/application.h"

#include <inttypes.h>

#include "ese-core/clock.h"

#define SWEEP 10000 /* so many keys at most leave in one transaction without a word */

static int add_decision(struct ese_application *application, struct ese_decision *decision,
                        int32_t partition, struct ese_error *error)
{
    bool added = false;
    decision->partition = partition;
    decision->made_ms = ese_clock_wall_ms();
    if (ese_decisions_add(application->parts->decisions, decision, &added, error) != 0)
        return -1;
    if (!added)
        return 0;
    application->decided++;
    ese_history_record(application->parts->history,
                       &(struct ese_history_record){.kind = ESE_HISTORY_DECIDED,
                                                    .partition = partition,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .id = decision->id});
    return 0;
}

static int check_bound(const struct ese_application *application, const struct ese_rule *rule,
                       struct ese_error *error)
{
    if (ese_holdings_keys(application->parts->holdings) <= application->parts->max_keys)
        return 0;
    return ese_fail(error, ESE_E_FULL,
                    "rule %s would keep something of more than %" PRId64
                    " keys at once; nothing of this batch was committed. Raise --max-keys, or "
                    "lower --lateness-ms so that keys leave earlier",
                    rule->name, application->parts->max_keys);
}

/* A key whose event comes late stays for as long as another: where the wall clock was set back, event
 * time waits for the events, and all of them are late. */
static void stay(struct ese_rule_state *kept, const struct ese_fresh *fresh)
{
    int64_t late_ms;
    if (__builtin_sub_overflow(fresh->event_time_ms, fresh->record->event.client_ts, &late_ms) ||
        late_ms <= 0)
        return;
    if (__builtin_add_overflow(kept->leaves_ms, late_ms, &kept->leaves_ms))
        kept->leaves_ms = INT64_MAX;
}

/* So many keys more, or less, of which a rule keeps something. */
static void count_keys(struct ese_application *application, struct ese_holding *holding,
                       const struct ese_rule *rule, int64_t more)
{
    holding->keys += more;
    if (rule->expire == NULL)
        return;
    holding->timers += more;
    if (more > 0)
        ese_account_count(application->account, ESE_COUNT_TIMERS_SET, more);
    else
        ese_account_count(application->account, ESE_COUNT_TIMERS_ENDED, -more);
}

static int apply_rule(struct ese_application *application, const struct ese_rule *rule,
                      const struct ese_fresh *fresh, struct ese_error *error)
{
    struct ese_holding *holding = fresh->holding;
    const char *key = fresh->record->event.key;
    struct ese_rule_state kept;
    if (ese_kept_get(holding->kept, rule, key, &kept, error) != 0)
        return -1;
    bool was_kept = kept.length != 0;
    if (!was_kept && rule->expire != NULL && fresh->is_straggler)
        return 0; /* nothing that was concluded is opened again */
    struct ese_decision decision;
    int concluded = rule->apply(&application->parts->rules->settings, &kept, &fresh->record->event,
                                &decision, error);
    if (concluded == -1) {
        application->failed = rule;
        return -1;
    }
    bool is_kept = kept.length != 0;
    count_keys(application, holding, rule, (int)is_kept - (int)was_kept);
    stay(&kept, fresh);
    if (is_kept && !was_kept && check_bound(application, rule, error) != 0)
        return -1;
    ese_kept_put(holding->kept, rule, key, &kept);
    return concluded ? add_decision(application, &decision, holding->partition, error) : 0;
}

int ese_application_event(struct ese_application *application, const struct ese_fresh *fresh,
                          struct ese_error *error)
{
    const struct ese_rules *rules = application->parts->rules;
    for (int i = 0; i < rules->count; i++) {
        if (rules->items[i]->wants(&fresh->record->event) &&
            apply_rule(application, rules->items[i], fresh, error) != 0)
            return -1;
    }
    return 0;
}

/* ---- what leaves by event time --------------------------------------------------------------- */

static void sweep_rule(struct ese_application *application, const struct ese_rule *rule,
                       struct ese_holding *holding)
{
    count_keys(application, holding, rule,
               -ese_kept_sweep(holding->kept, rule, holding->position.event_time_ms, SWEEP));
}

/* The first of the keys that a rule waits for leaves. 1: one has; 0: there is none; -1. */
static int expire_first(struct ese_application *application, const struct ese_rule *rule,
                        struct ese_holding *holding, struct ese_error *error)
{
    char key[ESE_EVENT_KEY_SIZE];
    struct ese_rule_state kept;
    struct ese_decision decision;
    int found = ese_kept_find_left(holding->kept, rule, holding->position.event_time_ms, key, &kept, error);
    if (found != 1)
        return found;
    if (rule->expire(&application->parts->rules->settings, &kept, key, &decision) == 1 &&
        add_decision(application, &decision, holding->partition, error) != 0)
        return -1;
    kept.length = 0;
    count_keys(application, holding, rule, -1);
    ese_kept_put(holding->kept, rule, key, &kept);
    return 1;
}

static int expire_rule(struct ese_application *application, const struct ese_rule *rule,
                       struct ese_holding *holding, struct ese_error *error)
{
    int found = 1;
    for (; holding->timers > 0 && application->timers > 0 && found == 1; application->timers--)
        found = expire_first(application, rule, holding, error);
    return found == -1 ? -1 : 0;
}

int ese_application_leave(struct ese_application *application, struct ese_holding *holding,
                          struct ese_error *error)
{
    const struct ese_rules *rules = application->parts->rules;
    for (int i = 0; i < rules->count; i++) {
        const struct ese_rule *rule = rules->items[i];
        if (rule->expire == NULL)
            sweep_rule(application, rule, holding);
        else if (expire_rule(application, rule, holding, error) != 0)
            return -1;
    }
    return 0;
}
