/* ese-lab compare: the same events over several transports at once, one picture, one ledger. */
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/broker_life.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/contenders.h"
#include "orchestration/lab/group_options.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/preset.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/run_directory.h"
#include "orchestration/lab/run_judgement.h"

static const struct ese_option options[] = {
    {.name = "preset", .kind = ESE_OPTION_CHOICE, .value = "P", .choices = ESE_PRESET_NAMES,
     .help = "A named run, with three sentences on what it came to. share-work: three readers where work can be "
             "shared, a rule that is too slow for one of them, and members that die on the way. bad-day: the default. "
             "quiet-shop: ten events a second, and nothing breaks. answer-now: how soon the caller has its answer. "
             "Options given beside it have the last word."},
    {.name = "transports", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "Transports to compare, separated by commas, each with options of its own behind a colon "
             "(kafka:via=direct). Default: those that transports.list compares."},
    {.name = "source", .kind = ESE_OPTION_CHOICE, .value = "S", .fallback = "mixed",
     .choices = "clicks|orders|mixed",
     .help = "What the simulated persons do: click in bursts, order (half of the orders are never "
             "completed), or both. With orders the end is awaited until rules wait for none of them, some "
             "15 seconds."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "300", .min = 1, .max = 100000,
     .help = "Events per second offered to each transport."},
    {.name = "duration", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "30", .min = 1, .max = 86400,
     .help = "Measured seconds, after the warm-up."},
    {.name = "warmup", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "3", .min = 0, .max = 600,
     .help = "Seconds before that, which count in the ledger and not in the latencies."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0, .max = INT64_MAX,
     .help = "Decides the schedule and the events: the same seed offers the same."},
    ESE_RUN_POISON_OPTION,
    {.name = "fault", .kind = ESE_OPTION_CHOICE, .value = "F", .fallback = "bad-day",
     .choices = ESE_FAULT_NAMES,
     .help = "What goes wrong, at the same instants on all sides, by SIGKILL. bad-day: the consumers die, "
             "--gap seconds later the servers, which come back after two; --gap seconds later the "
             "consumers do. server-down: only what befalls the servers; a server is whatever keeps the "
             "events, so where there is a broker, both die. broker-down: the broker alone. mailer-down, "
             "consumer-down: away for --gap seconds. members-down: of a group, member 2 dies, --gap seconds later "
             "member 3, and --gap seconds later each comes back as it has gone. member-frozen: member 2 stands "
             "still (SIGSTOP) for eight seconds, which is longer than its session. Where one consumer reads "
             "alone, what is meant for members is passed over."},
    {.name = "gap", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "5", .min = 1, .max = 3600,
     .help = "Seconds between the parts of a fault."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .value = "D", .fallback = "os", .choices = "os|disk",
     .help = "What an acknowledgement survives: os: the death of a process; disk: a power loss. A "
             "transport that has less by design says so in its column."},
    {.name = "in-turn", .kind = ESE_OPTION_FLAG,
     .help = "One transport after the other instead of all at once: quieter figures, a longer wait."},
    {.name = "broker", .kind = ESE_OPTION_CHOICE, .value = "B", .fallback = "auto",
     .choices = "auto|kafka|embedded",
     .help = "Where the broker comes from: a real Apache Kafka of this run's own, or librdkafka's mock inside "
             "the lab. auto takes the real one where it can be had."},
    {.name = "bootstrap-servers", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "A Kafka cluster that is there already, used instead of --broker; topics of this run's own are "
             "made on it. Exit status 69 when nobody answers there."},
    {.name = "retry-deadline-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "10000",
     .min = 100, .max = 600000, .help = "How long a client tries again, from the moment an event was due."},
    {.name = "out", .kind = ESE_OPTION_TEXT, .value = "DIR",
     .help = "Where the artifacts go. Default: a new directory under .lab/runs, where the ten newest stay."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Print results.json instead of the table."},
    {.name = "strict", .kind = ESE_OPTION_FLAG,
     .help = "Let the timing verdict count in the exit status, too."},
    {.name = "quiet", .kind = ESE_OPTION_FLAG, .help = "No picture while it runs."},
    ESE_OPTION_END,
};

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

/* What is due while nobody acknowledges must still be tried when somebody does: else its outcome would be
 * unknown, and not for anything the transport has done. */
static int check_deadline(const struct ese_run_options *run, const char *specification,
                          struct ese_error *error)
{
    unsigned roles;
    if (roles_of(run, specification, &roles, error) < 0)
        return -1;
    int64_t outage_ms = ese_fault_outage_ms(run->fault, run->gap_ms, roles);
    if (run->retry_deadline_ms >= outage_ms)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--retry-deadline-ms %lld: with --fault %s nobody may acknowledge over '%.60s' for up "
                    "to %lld ms, and a client would give up what is due meanwhile; give at least %lld",
                    (long long)run->retry_deadline_ms, run->fault->name, specification,
                    (long long)outage_ms, (long long)outage_ms);
}

/* Whom nobody has started nobody can strike. */
static int check_members(const struct ese_run_options *run, struct ese_error *error)
{
    int members = ese_fault_members(run->fault);
    char named[64] = "";
    if (run->consumers >= members)
        return 0;
    const char *of_preset = ese_preset_value(ese_preset_find(run->preset), "fault");
    if (of_preset != NULL && strcmp(of_preset, run->fault->name) == 0)
        snprintf(named, sizeof named, " (of --preset %s)", run->preset);
    return ese_fail(error, ESE_E_USAGE,
                    "--fault %s%s strikes member %d of a group, and there are to be %d: give --consumers %d, or more, "
                    "or --fault none", run->fault->name, named, members, run->consumers, members);
}

/* The fault begins a third into the measured time; whoever dies after the last event was due is not missed. */
static void warn_of_short_load(const struct ese_run_options *run)
{
    for (int i = 0; i < run->fault->count; i++) {
        const struct ese_fault_step *step = &run->fault->steps[i];
        int64_t due_ms = ese_fault_step_ms(step, run->gap_ms);
        if (step->act == ESE_ACT_KILL && due_ms * 3 >= run->duration_s * 2000)
            ese_log_warning("--duration %lld: the load ends before --fault %s has killed the %s; give more "
                            "than %lld, or a smaller --gap", (long long)run->duration_s, run->fault->name,
                            step->part->name, (long long)(due_ms * 3 / 2000));
    }
}

static bool loses_nothing(const struct ese_registry_entry *entry)
{
    return entry->transport->promises.delivery == ESE_DELIVERY_AT_LEAST_ONCE;
}

/* Which of the transports that are compared by default; NULL: all. */
static bool (*is_meant_by(const char *preset))(const struct ese_registry_entry *)
{
    const struct ese_preset *named = ese_preset_find(preset);
    return named != NULL && ese_preset_is_of_careful(named) ? loses_nothing : NULL;
}

static int read_options(const struct ese_config *config, char *list, struct ese_run_options *run,
                        struct ese_error *error)
{
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
        .gap_ms = ese_config_number(config, "gap") * 1000,
        .in_turn = ese_config_flag(config, "in-turn"),
        .preset = ese_config_text(config, "preset"),
        .consumers = (int)ese_config_number(config, "consumers"),
        .rule_cost_us = ese_config_number(config, "rule-cost-us"),
    };
    if (ese_fault_find(ese_config_text(config, "fault"), &run->fault, error) < 0 ||
        ese_broker_life_check(run->broker, run->bootstrap_servers, error) < 0 ||
        ese_contenders_choose(run, list, is_meant_by(run->preset), error) < 0 || check_members(run, error) < 0)
        return -1;
    for (int i = 0; i < run->count; i++) {
        if (check_deadline(run, run->specifications[i], error) < 0)
            return -1;
    }
    warn_of_short_load(run);
    return 0;
}

static void print_report(const struct ese_results *results, const char *directory, bool json)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    if (json) {
        char *written = ese_results_text(results);
        ese_buffer_text(&text, written);
        ese_buffer_text(&text, "\n");
        free(written);
    } else {
        ese_report_table(results, &text);
        ese_buffer_text(&text, "\n");
        ese_report_sentences(results, &text);
        ese_report_stories(results, &text);
        ese_buffer_printf(&text, "\n  Artifacts in %s; './lab check %s' repeats the ledger from them.\n",
                          directory, directory);
    }
    fputs(text.text, stdout);
    ese_buffer_free(&text);
}

static struct ese_picture *new_picture(const struct ese_config *config, const struct ese_run_options *run)
{
    char title[160];
    snprintf(title, sizeof title, "%s events/s each, seed %lld, durability %s", run->rate,
             (long long)run->seed, ese_durability_name(run->durability));
    return ese_picture_new(title, run->fault->count > 0 ? run->fault : NULL,
                           ese_config_flag(config, "quiet"));
}

static int compare_in(const struct ese_config *config, struct ese_run_options *run,
                      struct ese_error *error)
{
    struct ese_run_result outcome;
    struct ese_results results;
    struct ese_picture *picture = new_picture(config, run);
    struct ese_run_watch watch = {.show = ese_picture_show, .context = picture};
    int status = ese_run(run, &watch, &outcome, error);
    ese_picture_free(&picture);
    if (status < 0 || ese_run_judge(run, &outcome, &results, error) < 0)
        return -1;
    print_report(&results, run->directory, ese_config_flag(config, "json"));
    return ese_report_exit_status(&results, ese_config_flag(config, "strict"));
}

static int run_compare(const struct ese_config *config, struct ese_error *error)
{
    struct ese_run_options run;
    char *list = ese_copy_text(ese_config_text(config, "transports"));
    char directory[ESE_ARTIFACT_PATH_SIZE];
    int status = -1;
    if (read_options(config, list, &run, error) == 0 &&
        ese_run_directory_make(ese_config_text(config, "out"), directory, error) == 0) {
        run.directory = directory;
        status = compare_in(config, &run, error);
    }
    free(list);
    return status;
}

static int choose(struct ese_config *config, struct ese_error *error)
{
    (void)error;
    ese_config_add(config, "Options of the group", ese_group_options);
    const struct ese_preset *preset = ese_preset_find(ese_config_peek(config, "preset"));
    if (preset != NULL)
        ese_preset_give(preset, config);
    return 0;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab compare",
        .summary = "walks the same events over several transports at once and keeps the ledger",
        .synopsis = "",
        .description =
            "Starts for every transport a server, a consumer, a mailer and an SMTP sink (and a broker "
            "where one is needed) on free loopback ports, offers all of them the same events at the same "
            "instants, breaks the same parts on all sides, and waits until everything is processed. Then "
            "the stores are read back and the ledger is kept: what was lost, doubled, reordered, delayed, "
            "and what it cost.\n\n"
            "A client that ends before it has offered anything ends the run, with its last words. Whoever "
            "else ends though no fault had asked for it is told at once; the run goes on without it, and "
            "its ledger cannot be told, unless it is at fault for certain.\n\n"
            "The exit status is 0 when every ledger balances, 1 when one does not, 2 when one cannot be "
            "told.",
        .examples = "ese-lab compare\n"
                    "  The default: plain HTTP, as first written and done carefully, and Kafka, on a bad day\n"
                    "ese-lab compare --rate 500 --fault none --in-turn\n  Quieter figures\n",
    },
    .options = options,
    .is_command = true,
    .choose = choose,
    .run = run_compare,
};

static int compare_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_compare = {
    .name = "compare",
    .summary = "plain HTTP, as first written and done carefully, beside Kafka: one load, one fault, one ledger",
    .main = compare_main,
};
