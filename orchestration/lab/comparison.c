#include "orchestration/lab/comparison.h"

#include "ese-core/due_trace.h"
#include "ese-core/memory.h"
#include "ese-core/schedule_words.h"
#include "orchestration/lab/broker_life.h"
#include "orchestration/lab/contenders.h"
#include "orchestration/lab/preset.h"
#include "orchestration/lab/run_directory.h"
#include "orchestration/lab/run_judgement.h"

/* ---- whether it can be done ------------------------------------------------------------------ */

/* Who of those that keep its events is there to be killed, as far as that can be told before. */
static int roles_of(const struct ese_run_options *run, const char *specification, unsigned *roles,
                    struct ese_error *error)
{
    const struct ese_registry_entry *entry;
    if (ese_registry_find(specification, &entry, error) < 0)
        return -1;
    bool own_broker = entry->needs_broker && run->bootstrap_servers == NULL &&
                      strcmp(run->broker, "embedded") != 0;
    *roles = (entry->transport->store != NULL ? ESE_ROLE_BIT(ESE_ROLE_SERVER) : 0) |
             (own_broker ? ESE_ROLE_BIT(ESE_ROLE_BROKER) : 0);
    return 0;
}

/* The clients share the rate, in whole events a second. */
static int check_shares(const struct ese_run_options *run, struct ese_error *error)
{
    int64_t rate = ese_results_rate(run->rate);
    if (rate >= run->clients)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--rate %s: %d clients share it, and each sends an event a second at least: give --rate %d, or "
                    "more, or --clients %lld, or fewer", run->rate, run->clients, run->clients, (long long)rate);
}

/* Who is to come later, and is never started, does not come at all. */
static int check_late_readers(const struct ese_run_options *run, struct ese_error *error)
{
    if (run->readers_are_late && run->readers == 0)
        return ese_fail(error, ESE_E_USAGE, "--late-readers: there are no readers that could be late: say by --readers "
                                            "how many there are to be, or leave it away");
    bool is_started = !run->readers_are_late;
    for (int i = 0; i < run->fault->count; i++) {
        const struct ese_fault_step *step = &run->fault->steps[i];
        is_started = is_started || (step->act == ESE_ACT_START &&
                                    (step->part->roles & ESE_ROLE_BIT(ESE_ROLE_READER)) != 0);
    }
    return is_started ? 0
                      : ese_fail(error, ESE_E_USAGE, "--late-readers: nothing starts them, so they would never be "
                                                     "there: leave it away, or let a scenario do it (at 5s start "
                                                     "readers)");
}

/* Of nobody nobody is flaky. */
static int check_flaky(const struct ese_run_options *run, struct ese_error *error)
{
    if (run->flaky == 0 || run->destinations > 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--flaky %d: there are no destinations that could be flaky: say by "
                                        "--destinations how many there are to be, or leave it away", run->flaky);
}

/* A source of orders alone has no clicks. */
static int check_hot_key(const struct ese_run_options *run, struct ese_error *error)
{
    if (run->hot_percent == 0 || strcmp(run->source, "orders") != 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--hot-percent %lld: that is of clicks, and --source orders has none: give "
                                        "--source clicks or mixed, or leave it away", (long long)run->hot_percent);
}

/* What goes wrong, as it was asked for. */
static const char *fault_named(const struct ese_run_options *run, char *text, size_t size)
{
    snprintf(text, size, "%s %s", run->scenario != NULL ? "the scenario" : "--fault", run->fault->name);
    return text;
}

/* What is due while nobody acknowledges must still be tried when somebody does: else its outcome would be
 * unknown, and not for anything the transport has done. */
static int check_outage(const struct ese_run_options *run, const char *specification,
                          struct ese_error *error)
{
    unsigned roles;
    char named[64];
    if (roles_of(run, specification, &roles, error) < 0)
        return -1;
    int64_t outage_ms = ese_fault_outage_ms(run->fault, run->gap_ms, roles);
    if (run->retry_deadline_ms >= outage_ms)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--retry-deadline-ms %lld: with %s nobody may acknowledge over '%.60s' for up "
                    "to %lld ms, and a client would give up what is due meanwhile; give at least %lld",
                    (long long)run->retry_deadline_ms, fault_named(run, named, sizeof named), specification,
                    (long long)outage_ms, (long long)outage_ms);
}

static int check_deadline(const struct ese_run_options *run, struct ese_error *error)
{
    int status = 0;
    for (int i = 0; i < run->count && status == 0; i++)
        status = check_outage(run, run->specifications[i], error);
    return status;
}

/* Whom nobody has started nobody can strike. */
static int check_members(const struct ese_run_options *run, struct ese_error *error)
{
    int members = ese_fault_members(run->fault);
    char named[64] = "", fault[64];
    if (run->consumers >= members)
        return 0;
    const char *of_preset = ese_preset_value(ese_preset_find(run->preset), "fault");
    if (of_preset != NULL && strcmp(of_preset, run->fault->name) == 0)
        snprintf(named, sizeof named, " (of --preset %s)", run->preset);
    return ese_fail(error, ESE_E_USAGE,
                    "%s%s strikes member %d of a group, and there are to be %d: give --consumers %d, or more%s",
                    fault_named(run, fault, sizeof fault), named, members, run->consumers, members,
                    run->scenario != NULL ? "" : ", or --fault none");
}

/* Words that are none, and a trace with a wrong line, are refused before anything starts. */
static int check_schedule(const struct ese_run_options *run, struct ese_error *error)
{
    struct ese_schedule_words words;
    struct ese_due_trace *trace = NULL;
    if (ese_schedule_words_read(run->schedule, &words, error) < 0)
        return -1;
    if (words.trace == NULL)
        return 0;
    int status = ese_due_trace_open(words.trace, &trace, error);
    ese_due_trace_close(&trace);
    return status;
}

/* A wave that nobody would see. */
static int check_wave(const struct ese_run_options *run, struct ese_error *error)
{
    struct ese_schedule_words words;
    int64_t end_s = run->warmup_s + run->duration_s;
    if (ese_schedule_words_read(run->schedule, &words, error) < 0)
        return -1;
    if (words.shape != ESE_SCHEDULE_BURST || words.at_s < (double)end_s)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--schedule %.80s: its wave begins after %g s, and the load ends after %lld s "
                                        "(warmup and duration): let it begin earlier, or last longer", run->schedule,
                    words.at_s, (long long)end_s);
}

static const struct {
    int (*check)(const struct ese_run_options *run, struct ese_error *error);
    const char *options[4]; /* on which it hangs */
} checks[] = {
    {check_members, {"consumers", NULL}},
    {check_schedule, {"schedule", NULL}},
    {check_wave, {"schedule", "duration", "warmup", NULL}},
    {check_shares, {"rate", "clients", NULL}},
    {check_deadline, {"retry-deadline-ms", NULL}},
    {check_late_readers, {"late-readers", NULL}},
    {check_flaky, {"flaky", "destinations", NULL}},
    {check_hot_key, {"hot-percent", "source", NULL}},
};

int ese_comparison_check(struct ese_comparison *comparison, struct ese_error *error)
{
    for (size_t i = 0; i < ESE_COUNT_OF(checks); i++) {
        comparison->refused = checks[i].options;
        if (checks[i].check(&comparison->run, error) < 0)
            return -1;
    }
    return 0;
}

/* ---- from the options to the results --------------------------------------------------------- */

int ese_comparison_read(const struct ese_config *config, bool (*is_meant)(const struct ese_registry_entry *entry),
                        struct ese_comparison *comparison, struct ese_error *error)
{
    static const char *const of_broker[] = {"bootstrap-servers", "broker", NULL};
    static const char *const of_transports[] = {"transports", "durability", "bootstrap-servers", NULL};
    const char *list = ese_config_text(config, "transports");
    struct ese_run_options *run = &comparison->run;
    comparison->list = list == NULL ? NULL : ese_copy_text(list);
    *run = (struct ese_run_options){
        .source = ese_config_text(config, "source"),
        .rate = ese_config_text(config, "rate"),
        .duration_s = ese_config_number(config, "duration"),
        .warmup_s = ese_config_number(config, "warmup"),
        .seed = ese_config_number(config, "seed"),
        .durability = ese_durability_parse(ese_config_text(config, "durability")),
        .broker = ese_config_text(config, "broker"),
        .bootstrap_servers = ese_config_text(config, "bootstrap-servers"),
        .retry_deadline_ms = ese_config_number(config, "retry-deadline-ms"),
        .smtp_timeout_ms = ESE_RUN_SMTP_MS,
        .poison_every = ese_config_number(config, "poison-every"),
        .resend_every = ese_config_number(config, "resend-every"),
        .stale_after_ms = ese_config_number(config, "stale-after-ms"),
        .in_turn = ese_config_flag(config, "in-turn"),
        .consumers = (int)ese_config_number(config, "consumers"),
        .rule_cost_us = ese_config_number(config, "rule-cost-us"),
        .retention_s = ese_config_number(config, "retention"),
        .poll_ms = ese_config_number(config, "poll-ms"),
        .schedule = ese_config_text(config, "schedule"),
        .hot_percent = ese_config_number(config, "hot-percent"),
        .clients = (int)ese_config_number(config, "clients"),
        .readers = (int)ese_config_number(config, "readers"),
        .readers_are_late = ese_config_flag(config, "late-readers"),
        .destinations = (int)ese_config_number(config, "destinations"),
        .flaky = (int)ese_config_number(config, "flaky"),
    };
    comparison->refused = of_broker;
    if (ese_broker_life_check(run->broker, run->bootstrap_servers, error) < 0)
        return -1;
    comparison->refused = of_transports;
    return ese_contenders_choose(run, comparison->list, is_meant, error);
}

static int keep_trace(struct ese_comparison *comparison, struct ese_error *error)
{
    struct ese_schedule_words words;
    if (ese_schedule_words_read(comparison->run.schedule, &words, error) < 0)
        return -1;
    comparison->run.trace = &comparison->trace;
    return words.trace == NULL ? 0
                               : ese_kept_trace_make(words.trace, comparison->directory, &comparison->trace, error);
}

int ese_comparison_open(const struct ese_config *config, struct ese_comparison *comparison, struct ese_error *error)
{
    if (ese_run_directory_make(ese_config_text(config, "out"), comparison->directory, error) < 0)
        return -1;
    comparison->run.directory = comparison->directory;
    return keep_trace(comparison, error);
}

int ese_comparison_run(struct ese_comparison *comparison, const struct ese_run_watch *watch, struct ese_error *error)
{
    struct ese_run_result outcome;
    if (ese_run(&comparison->run, watch, &outcome, error) < 0)
        return -1;
    return ese_run_judge(&comparison->run, &outcome, &comparison->results, error);
}

void ese_comparison_free(struct ese_comparison *comparison)
{
    free(comparison->list);
    comparison->list = NULL;
}
