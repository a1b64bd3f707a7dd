/* ese-lab compare: the same events over several transports at once, one picture, one ledger. */
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/comparison.h"
#include "orchestration/lab/contenders.h"
#include "orchestration/lab/group_options.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/preset.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/results_form.h"

static const struct ese_option options[] = {
    {.name = "preset", .kind = ESE_OPTION_CHOICE, .value = "P", .choices = ESE_PRESET_NAMES,
     .help = "A named run, with three sentences on what it came to. share-work: three readers where work can be "
             "shared, a rule that is too slow for one of them, and members that die on the way. bad-day: the default. "
             "quiet-shop: ten events a second, and nothing breaks. answer-now: how soon the caller has its answer. "
             "Options given beside it have the last word."},
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
    {.name = "lie", .kind = ESE_OPTION_FLAG,
     .help = "Behind the table, draw beside the acknowledgements' times what a closed loop would have measured in this "
             "very run: callers who ask again only once they have been answered, and miss whatever was due meanwhile."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Print results.json instead of the table."},
    ESE_RESULTS_NDJSON_OPTION,
    {.name = "strict", .kind = ESE_OPTION_FLAG,
     .help = "Let the timing verdict count in the exit status, too."},
    {.name = "quiet", .kind = ESE_OPTION_FLAG, .help = "No picture while it runs."},
    ESE_OPTION_END,
};

/* Which of the transports that are compared by default; NULL: all. */
static bool (*is_meant_by(const char *preset))(const struct ese_registry_entry *)
{
    const struct ese_preset *named = ese_preset_find(preset);
    return named != NULL && ese_preset_is_of_careful(named) ? ese_contenders_lose_nothing : NULL;
}

static void print_report(const struct ese_results *results, const char *directory, bool lie)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    ese_report_table(results, &text);
    ese_buffer_text(&text, "\n");
    if (lie)
        ese_report_lie(results, &text);
    ese_report_sentences(results, &text);
    ese_report_stories(results, &text);
    ese_buffer_printf(&text, "\n  Artifacts in %s; './lab check %s' repeats the ledger from them.\n",
                      directory, directory);
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

/* Most faults begin a third into the measured time; whoever dies after the last event was due is not missed. */
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

static int read_options(const struct ese_config *config, struct ese_comparison *comparison, struct ese_error *error)
{
    const char *preset = ese_config_text(config, "preset");
    if (ese_results_form_check(config, error) < 0 ||
        ese_comparison_read(config, is_meant_by(preset), comparison, error) < 0 ||
        ese_fault_find(ese_config_text(config, "fault"), &comparison->run.fault, error) < 0)
        return -1;
    comparison->run.preset = preset;
    comparison->run.gap_ms = ese_config_number(config, "gap") * 1000;
    if (ese_comparison_check(comparison, error) < 0)
        return -1;
    warn_of_short_load(&comparison->run);
    return 0;
}

static int compare(const struct ese_config *config, struct ese_comparison *comparison, struct ese_error *error)
{
    if (read_options(config, comparison, error) < 0 || ese_comparison_open(config, comparison, error) < 0)
        return -1;
    struct ese_picture *picture = new_picture(config, &comparison->run);
    struct ese_run_watch watch = {.show = ese_picture_show, .context = picture};
    int status = ese_comparison_run(comparison, &watch, error);
    ese_picture_free(&picture);
    if (status < 0)
        return -1;
    if (!ese_results_print(config, &comparison->results))
        print_report(&comparison->results, comparison->directory, ese_config_flag(config, "lie"));
    return ese_report_exit_status(&comparison->results, ese_config_flag(config, "strict"));
}

static int run_compare(const struct ese_config *config, struct ese_error *error)
{
    struct ese_comparison *comparison = ese_alloc(sizeof *comparison);
    int status = compare(config, comparison, error);
    ese_comparison_free(comparison);
    free(comparison);
    return status;
}

static int choose(struct ese_config *config, struct ese_error *error)
{
    (void)error;
    ese_config_add(config, "Options of the run", ese_comparison_options);
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
