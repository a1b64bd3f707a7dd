#include "orchestration/lab/run.h"

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/service.h"
#include "orchestration/kafka/embedded.h"
#include "orchestration/lab/drained.h"
#include "orchestration/lab/oracle.h"
#include "orchestration/lab/readback.h"

#define LOOK_EVERY_MS 100
#define HEAD_START_MS 500    /* between the start of the clients and the first event */
#define DRAIN_LIMIT_MS 60000
#define STILL_MS 15000 /* nothing moved for so long, a group's wait for a dead member included */

struct run {
    const struct ese_run_options *options;
    const struct ese_run_watch *watch;
    struct ese_journey *journeys[ESE_RUN_JOURNEYS]; /* those running together */
    int count;
    int64_t schedule_ns;
    int next_step; /* of the fault */
    struct ese_deeds deeds[ESE_RUN_JOURNEYS];
    int told[ESE_RUN_JOURNEYS]; /* how many endings of each journey have been shown */
};

static struct ese_run_moment moment_of(struct run *run, enum ese_run_phase phase)
{
    int64_t now = ese_clock_monotonic_ns();
    return (struct ese_run_moment){
        .phase = phase,
        .elapsed_ms = run->schedule_ns == 0 || now < run->schedule_ns
                          ? 0
                          : (now - run->schedule_ns) / ESE_NS_PER_MS,
        .total_ms = (run->options->warmup_s + run->options->duration_s) * 1000,
        .journeys = run->journeys,
        .count = run->count,
    };
}

static void show(struct run *run, enum ese_run_phase phase, const char *event)
{
    struct ese_run_moment moment = moment_of(run, phase);
    moment.event = event;
    for (int i = 0; i < run->count; i++)
        ese_journey_sample(run->journeys[i]);
    run->watch->show(run->watch->context, &moment);
}

static void tell_endings(struct run *run, enum ese_run_phase phase)
{
    for (int i = 0; i < run->count; i++) {
        const struct ese_endings *endings = ese_journey_endings(run->journeys[i]);
        while (run->told[i] < endings->count) {
            struct ese_run_moment moment = moment_of(run, phase);
            moment.ending = &endings->list[run->told[i]++];
            moment.ended_in = ese_journey_specification(run->journeys[i]);
            run->watch->show(run->watch->context, &moment);
        }
    }
}

static int stopped(struct ese_error *error)
{
    return ese_service_stopping() ? ese_fail(error, ESE_E_CLOSED, "stopped before the end") : 0;
}

/* The mock drops what is beyond its bound without a word, and all keys may fall into one partition. */
static int check_mock_bound(const struct ese_run_options *options, const struct ese_journey *journey,
                            struct ese_error *error)
{
    int64_t rate = 0;
    if (!ese_journey_broker_is_mock(journey))
        return 0;
    if (ese_number_parse(options->rate, "--rate", 1, INT32_MAX, &rate, error) < 0)
        return -1;
    int64_t events = rate * (options->warmup_s + options->duration_s);
    if (events <= ESE_EMBEDDED_RECORDS)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "%lld events are more than the embedded broker holds safely (%d): lower --rate or --duration, or "
                    "bring a real one (./lab doctor)", (long long)events, ESE_EMBEDDED_RECORDS);
}

static int open_journeys(struct run *run, int first, int count, struct ese_error *error)
{
    for (int i = first; i < first + count; i++) {
        char label[128], directory[ESE_ARTIFACT_PATH_SIZE];
        const char *specification = run->options->specifications[i];
        ese_artifact_label(specification, label, sizeof label);
        struct ese_journey_options journey = {
            .specification = specification,
            .directory = directory,
            .durability = run->options->durability,
            .broker = run->options->broker,
            .bootstrap_servers = run->options->bootstrap_servers,
            .retry_deadline_ms = run->options->retry_deadline_ms,
            .with_sink = true,
            .smtp = NULL,
            .smtp_timeout_ms = run->options->smtp_timeout_ms,
            .stumbles = run->options->poison_every > 0,
            .consumers = run->options->consumers,
            .rule_cost_us = run->options->rule_cost_us,
            .bad_disks = ese_fault_befallen(run->options->fault, ESE_ACT_DISK),
            .set_clocks = ese_fault_befallen(run->options->fault, ESE_ACT_CLOCK),
            .cut_powers = ese_fault_befallen(run->options->fault, ESE_ACT_POWER),
            .slow_rules = ese_fault_befallen(run->options->fault, ESE_ACT_RULE),
            .seed = run->options->seed,
            .lines = ese_fault_lines(run->options->fault),
            .retention_s = run->options->retention_s,
            .poll_ms = run->options->poll_ms,
            .clients = run->options->clients,
            .readers = run->options->readers,
            .readers_are_late = run->options->readers_are_late,
            .destinations = run->options->destinations,
            .flaky = run->options->flaky,
        };
        if (ese_artifact_path(run->options->directory, label, directory, error) < 0 ||
            ese_journey_open(&journey, &run->journeys[run->count], error) < 0)
            return -1;
        if (check_mock_bound(run->options, run->journeys[run->count++], error) < 0)
            return -1;
    }
    return 0;
}

static int start(struct run *run, struct ese_error *error)
{
    show(run, ESE_RUN_STARTING, NULL);
    for (int i = 0; i < run->count; i++) {
        if (ese_journey_serve(run->journeys[i], error) < 0)
            return -1;
        show(run, ESE_RUN_STARTING, NULL);
    }
    int64_t start_at_ms = ese_clock_wall_ms() + HEAD_START_MS;
    struct ese_load load = {
        .source = run->options->source,
        .rate = run->options->rate,
        .seconds = run->options->warmup_s + run->options->duration_s,
        .seed = run->options->seed,
        .start_at_ms = start_at_ms,
        .poison_every = run->options->poison_every,
        .resend_every = run->options->resend_every,
        .schedule = run->options->schedule,
        .hot_percent = run->options->hot_percent,
    };
    run->schedule_ns = start_at_ms * ESE_NS_PER_MS - ese_clock_wall_offset_ns();
    for (int i = 0; i < run->count; i++) {
        if (ese_journey_offer(run->journeys[i], &load, error) < 0)
            return -1;
    }
    return 0;
}

/* Most begin a third into the measured time, when everything is warm and something is under way. */
static int64_t fault_begins_ns(const struct run *run)
{
    int64_t after_ms = run->options->fault->from_the_start
                           ? 0
                           : run->options->warmup_s * 1000 + run->options->duration_s * 1000 / 3;
    return run->schedule_ns + after_ms * ESE_NS_PER_MS;
}

static bool fault_is_over(const struct run *run)
{
    return run->next_step >= run->options->fault->count;
}

static bool fault_is_under_way(const struct run *run)
{
    return run->next_step > 0 && !fault_is_over(run);
}

/* When its next step is due; INT64_MAX: there is none. */
static int64_t next_step_ns(const struct run *run)
{
    if (fault_is_over(run))
        return INT64_MAX;
    const struct ese_fault_step *step = &run->options->fault->steps[run->next_step];
    return fault_begins_ns(run) + ese_fault_step_ms(step, run->options->gap_ms) * ESE_NS_PER_MS;
}

/* Until it is time to look again, or for the next step. */
static void wait_a_while(const struct run *run)
{
    int64_t left_ns = next_step_ns(run) - ese_clock_monotonic_ns();
    int64_t left_ms = left_ns <= 0 ? 0 : left_ns / ESE_NS_PER_MS + 1;
    ese_service_wait(left_ms < LOOK_EVERY_MS ? (int)left_ms : LOOK_EVERY_MS);
}

/* "servers killed on all sides", or on which not. */
static void event_of(const struct run *run, const struct ese_fault_step *step, char *text, size_t size)
{
    static const char *const words[ESE_ACTS] = {[ESE_ACT_KILL] = "killed",
                                                [ESE_ACT_START] = "started again",
                                                [ESE_ACT_FREEZE] = "frozen",
                                                [ESE_ACT_THAW] = "thawed",
                                                [ESE_ACT_DISK] = "have a disk that is",
                                                [ESE_ACT_CLOCK] = "have their clock set:",
                                                [ESE_ACT_SMTP] = "does with mails:",
                                                [ESE_ACT_NETWORK] = "between parties are told",
                                                [ESE_ACT_RULE] = "have rules that are (ms by event)",
                                                [ESE_ACT_POWER] = "have their power cut, by seed"};
    struct ese_buffer without = ESE_BUFFER_INIT(size - 1);
    int passed_over = 0;
    for (int i = 0; i < run->count; i++) {
        const struct ese_deeds *deeds = &run->deeds[i];
        if (deeds->list[deeds->count - 1].roles == 0)
            ese_buffer_printf(&without, "%s%s", passed_over++ > 0 ? " and " : "",
                              ese_journey_specification(run->journeys[i]));
    }
    snprintf(text, size, "%s %s%s%s%s%s", step->part->name, words[step->act], step->how[0] == '\0' ? "" : " ",
             step->how, passed_over == 0 ? " on all sides" : ", passed over on ",
             passed_over == 0 ? "" : without.text);
    ese_buffer_free(&without);
}

/* Does the next step of the fault when it is due: one act on all journeys, one right after the other. */
static int advance_fault(struct run *run, enum ese_run_phase phase, struct ese_error *error)
{
    if (ese_clock_monotonic_ns() < next_step_ns(run))
        return 0;
    const struct ese_fault_step *step = &run->options->fault->steps[run->next_step++];
    for (int i = 0; i < run->count; i++) {
        if (ese_fault_do(step, run->journeys[i], &run->deeds[i], error) < 0)
            return -1;
    }
    char event[ESE_RUN_EVENT_SIZE];
    event_of(run, step, event, sizeof event);
    show(run, phase, event);
    return 0;
}

/* Without a single event there is nothing to judge, and nobody would wait for that. */
static int check_client(const struct ese_journey *journey, const struct ese_journey_view *view,
                        struct ese_error *error)
{
    if (!view->role[ESE_ROLE_CLIENT].lost || view->count[ESE_COUNT_OFFERED] > 0)
        return 0;
    const struct ese_ending *ending =
        ese_endings_find(ese_journey_endings(journey), ese_role_name(ESE_ROLE_CLIENT));
    char text[ESE_ENDING_TEXT_SIZE] = "the client ended";
    if (ending != NULL)
        ese_ending_text(ending, text);
    return ese_fail(error, ESE_E_IO, "%s: %s, before it had offered an event; it said: %s",
                    ese_journey_specification(journey), text,
                    ending != NULL ? ending->last_words : "");
}

/* Looks at all journeys, and tells what it sees. offering: some client does. */
static int look(struct run *run, enum ese_run_phase phase, bool *offering, struct ese_error *error)
{
    *offering = false;
    for (int i = 0; i < run->count; i++) {
        struct ese_journey_view view;
        ese_journey_view(run->journeys[i], &view);
        if (check_client(run->journeys[i], &view, error) < 0)
            return -1;
        *offering = *offering || view.role[ESE_ROLE_CLIENT].parties_up > 0;
    }
    tell_endings(run, phase);
    return 0;
}

/* Clients that are done before the fault has begun have ended before their time: it has come too late. */
static int offer_to_the_end(struct run *run, struct ese_error *error)
{
    int64_t warm_ns = run->schedule_ns + run->options->warmup_s * ESE_NS_PER_S;
    bool offering = true;
    while (offering || fault_is_under_way(run)) {
        wait_a_while(run);
        enum ese_run_phase phase =
            ese_clock_monotonic_ns() < warm_ns ? ESE_RUN_WARMING : ESE_RUN_RUNNING;
        if (stopped(error) < 0 || advance_fault(run, phase, error) < 0)
            return -1;
        show(run, phase, NULL);
        if (look(run, phase, &offering, error) < 0)
            return -1;
    }
    return 0;
}

/* Somebody who would have to move things on will not come back. */
static bool is_stuck(const struct ese_journey_view *view)
{
    bool stuck = false;
    for (int role = 0; role < ESE_ROLES; role++)
        stuck = stuck || (role != ESE_ROLE_CLIENT && view->role[role].lost);
    return stuck;
}

/* Something that changes as long as anything moves. */
static int64_t movement(const struct ese_journey_view *view)
{
    static const enum ese_history_counter moving[] = {
        ESE_COUNT_HANDED,      ESE_COUNT_REPEATS,       ESE_COUNT_PROCESSED,
        ESE_COUNT_DECIDED,     ESE_COUNT_MAILS_ASKED,   ESE_COUNT_MAILS_REFUSED,
        ESE_COUNT_TIMERS_SET,  ESE_COUNT_TIMERS_ENDED,
        ESE_COUNT_MAILS_SENT,  ESE_COUNT_MAILS_DEAD,    ESE_COUNT_MAILS_UNKNOWN};
    int64_t sum = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(moving); i++)
        sum += view->count[moving[i]];
    return sum;
}

/* What may pass with nothing moving until timers go off: the rule's time, and how late event time is. */
static int64_t wait_ns(const struct run *run, int64_t timers)
{
    int64_t wait_ms = ESE_ORACLE_STUCK_AFTER_MS + run->options->retry_deadline_ms;
    return timers > 0 ? wait_ms * ESE_NS_PER_MS : 0;
}

/* Until when the drain may last: longer by what the rules cost one reader who has fallen behind. */
static int64_t drain_limit_ns(const struct run *run, int64_t begun_ns, int64_t timers, int64_t behind)
{
    return run->options->limit_ms > 0
               ? run->schedule_ns + run->options->limit_ms * ESE_NS_PER_MS
               : begun_ns + DRAIN_LIMIT_MS * ESE_NS_PER_MS + wait_ns(run, timers) +
                     behind * run->options->rule_cost_us * 1000;
}

static int drain(struct run *run, bool drained[], struct ese_error *error)
{
    int64_t begun = ese_clock_monotonic_ns(), moved = begun, last = -1, behind = 0;
    for (;;) {
        bool all = true;
        int64_t sum = 0, timers = 0;
        for (int i = 0; i < run->count; i++) {
            struct ese_journey_view view;
            ese_journey_view(run->journeys[i], &view);
            timers += ese_timers_waited_for(&view);
            behind = view.lag > behind ? view.lag : behind;
            drained[i] = ese_drained(&view);
            all = all && (drained[i] || is_stuck(&view));
            sum += movement(&view);
        }
        tell_endings(run, ESE_RUN_DRAINING);
        int64_t now = ese_clock_monotonic_ns();
        if (sum != last)
            moved = now;
        last = sum;
        /* What was unknown to the client may still be on its way: wait until it is quiet, too. */
        if (all && now - moved > 5 * LOOK_EVERY_MS * ESE_NS_PER_MS)
            return 0;
        if (now - moved > STILL_MS * ESE_NS_PER_MS + wait_ns(run, timers) ||
            now > drain_limit_ns(run, begun, timers, behind))
            return 0;
        show(run, ESE_RUN_DRAINING, NULL);
        ese_service_wait(LOOK_EVERY_MS);
        if (stopped(error) < 0)
            return -1;
    }
}

static void note_result(struct run *run, int i, bool drained, struct ese_run_journey_result *result)
{
    struct ese_journey *journey = run->journeys[i];
    const char *broker = ese_journey_broker_kind(journey);
    snprintf(result->specification, sizeof result->specification, "%s",
             ese_journey_specification(journey));
    snprintf(result->directory, sizeof result->directory, "%s", ese_journey_directory(journey));
    snprintf(result->broker, sizeof result->broker, "%s", broker == NULL ? "" : broker);
    result->mock = ese_journey_broker_is_mock(journey);
    result->transport = ese_journey_transport(journey);
    result->schedule_ns = run->schedule_ns;
    result->restarted_ns = ese_journey_restarted_ns(journey, ESE_ROLE_CONSUMER);
    result->members = ese_journey_members(journey);
    result->deeds = run->deeds[i];
    result->drained = drained;
}

static int finish(struct run *run, const bool drained[], struct ese_run_result *result,
                  struct ese_error *error)
{
    int64_t waited_until_ns = ese_clock_monotonic_ns();
    show(run, ESE_RUN_READING_BACK, NULL);
    for (int i = 0; i < run->count; i++) {
        int64_t events = 0;
        struct ese_run_journey_result *one = &result->journeys[result->count++];
        note_result(run, i, drained[i], one);
        one->waited_until_ns = waited_until_ns;
        ese_journey_sample(run->journeys[i]); /* before the reading back, which is not part of the walk */
        ese_journey_stop(run->journeys[i], ESE_ROLE_CONSUMER);
        ese_journey_stop(run->journeys[i], ESE_ROLE_READER);
        ese_journey_stop(run->journeys[i], ESE_ROLE_CROWD);
        ese_journey_stop(run->journeys[i], ESE_ROLE_MAILER);
        ese_journey_cost(run->journeys[i], &one->cost);
        /* A store that nobody serves any more leaves no history, and the judge says so. */
        if (ese_journey_is_readable(run->journeys[i]) &&
            ese_readback(run->journeys[i], &events, error) < 0)
            return -1;
        ese_log_debug("%s: %lld events read back", one->specification, (long long)events);
        one->endings = *ese_journey_endings(run->journeys[i]);
    }
    tell_endings(run, ESE_RUN_READING_BACK);
    show(run, ESE_RUN_STOPPING, NULL);
    return 0;
}

static int run_together(const struct ese_run_options *options, int first, int count,
                        const struct ese_run_watch *watch, struct ese_run_result *result,
                        struct ese_error *error)
{
    struct run run = {.options = options, .watch = watch};
    bool drained[ESE_RUN_JOURNEYS] = {false};
    int status = -1;
    if (open_journeys(&run, first, count, error) == 0 && start(&run, error) == 0 &&
        offer_to_the_end(&run, error) == 0 && drain(&run, drained, error) == 0)
        status = finish(&run, drained, result, error);
    for (int i = 0; i < run.count; i++)
        ese_journey_close(&run.journeys[i]);
    return status;
}

int ese_run(const struct ese_run_options *options, const struct ese_run_watch *watch,
            struct ese_run_result *result, struct ese_error *error)
{
    *result = (struct ese_run_result){.count = 0};
    if (!options->in_turn)
        return run_together(options, 0, options->count, watch, result, error);
    for (int i = 0; i < options->count; i++) {
        if (run_together(options, i, 1, watch, result, error) < 0)
            return -1;
    }
    return 0;
}
