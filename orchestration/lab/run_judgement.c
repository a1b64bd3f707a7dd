#include "orchestration/lab/run_judgement.h"

#include "ese-core/clock.h"
#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "orchestration/lab/latency_logs.h"

static int judge(const struct ese_run_options *run, const struct ese_run_journey_result *journey,
                 struct ese_results_transport *transport, struct ese_error *error)
{
    struct ese_judge_options judging = {
        .directory = journey->directory,
        .promises = &journey->transport->promises,
        .partition_name = journey->transport->consume->partition_name,
        .schedule_ns = journey->schedule_ns,
        .measured_from_ns = journey->schedule_ns + run->warmup_s * ESE_NS_PER_S,
        .restarted_ns = journey->restarted_ns,
        .deeds = &journey->deeds,
        .rate = ese_results_rate(run->rate),
        .endings = &journey->endings,
        .smtp_timeout_ms = run->smtp_timeout_ms,
        .members = journey->members,
        .poison_every = run->poison_every,
        .stale_after_ms = run->stale_after_ms,
    };
    snprintf(transport->name, sizeof transport->name, "%s", journey->specification);
    snprintf(transport->broker, sizeof transport->broker, "%s", journey->broker);
    transport->durability =
        journey->mock ? ESE_DURABILITY_MEMORY
                      : ese_durability_within(journey->transport->promises.durability, run->durability);
    transport->mock = journey->mock;
    transport->drained = journey->drained;
    transport->waited_until_ns = journey->waited_until_ns;
    transport->endings = journey->endings;
    transport->schedule_ns = journey->schedule_ns;
    transport->restarted_ns = journey->restarted_ns;
    transport->members = journey->members;
    transport->deeds = journey->deeds;
    transport->cost = journey->cost;
    transport->reader_count = run->readers;
    if (ese_reader_accounts(journey->directory, run->readers, transport->readers, error) < 0)
        return -1;
    const struct ese_crowd_plan crowd = {run->destinations, run->flaky, run->seed};
    if (ese_crowd_account(journey->directory, &crowd, judging.measured_from_ns, &transport->crowd, error) < 0)
        return -1;
    judging.logs = ese_latency_logs_new(judging.measured_from_ns);
    int status = ese_judge(&judging, &transport->judgement, error);
    if (status == 0)
        status = ese_latency_logs_write(judging.logs, judging.directory, transport->name, error);
    ese_latency_logs_free(&judging.logs);
    return status;
}

int ese_run_judge(const struct ese_run_options *run, const struct ese_run_result *outcome,
                  struct ese_results *results, struct ese_error *error)
{
    *results = (struct ese_results){
        .seed = run->seed,
        .duration_s = run->duration_s,
        .warmup_s = run->warmup_s,
        .gap_s = run->gap_ms / 1000,
        .in_turn = run->in_turn,
        .retry_deadline_ms = run->retry_deadline_ms,
        .smtp_timeout_ms = run->smtp_timeout_ms,
        .consumers = run->consumers,
        .rule_cost_us = run->rule_cost_us,
        .hot_percent = run->hot_percent,
        .is_small = run->is_small,
        .retention_s = run->retention_s,
        .poll_ms = run->poll_ms,
        .clients = run->clients,
        .resend_every = run->resend_every,
        .readers_are_late = run->readers_are_late,
        .readers = run->readers,
        .destinations = run->destinations,
        .flaky = run->flaky,
        .poison_every = run->poison_every,
        .stale_after_ms = run->stale_after_ms,
    };
    snprintf(results->schedule, sizeof results->schedule, "%s", run->schedule != NULL ? run->schedule : "constant");
    ese_json_make_utf8(results->schedule); /* a path may be anything */
    if (run->trace != NULL)
        results->trace = *run->trace;
    snprintf(results->scenario, sizeof results->scenario, "%s", run->scenario != NULL ? run->scenario : "");
    ese_fit_text(results->question, sizeof results->question, run->question != NULL ? run->question : "");
    snprintf(results->source, sizeof results->source, "%s", run->source);
    snprintf(results->preset, sizeof results->preset, "%s", run->preset != NULL ? run->preset : "");
    snprintf(results->rate, sizeof results->rate, "%s", run->rate);
    snprintf(results->fault, sizeof results->fault, "%s", run->fault->name);
    snprintf(results->asked_durability, sizeof results->asked_durability, "%s",
             ese_durability_name(run->durability));
    snprintf(results->asked_broker, sizeof results->asked_broker, "%s", run->broker);
    if (run->bootstrap_servers != NULL)
        snprintf(results->bootstrap_servers, sizeof results->bootstrap_servers, "%s",
                 run->bootstrap_servers);
    for (int i = 0; i < outcome->count; i++) {
        if (judge(run, &outcome->journeys[i], &results->transports[results->count++], error) < 0)
            return -1;
    }
    return ese_results_write(run->directory, results, error);
}
