/* ese-lab check: repeats the ledger of a finished run from its artifacts alone. */
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/results.h"
#include "orchestration/lab/running.h"
#include "transports/registry.h"

#define CANNOT_TELL 2 /* exit status */

static const struct ese_option options[] = {
    {.name = "run", .kind = ESE_OPTION_TEXT, .value = "DIR",
     .help = "The same as naming DIR."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Print the results as JSON instead of the table."},
    {.name = "strict", .kind = ESE_OPTION_FLAG,
     .help = "Let the timing verdict count in the exit status, too."},
    ESE_OPTION_END,
};

static int judge_again(const char *directory, const struct ese_results *results,
                       struct ese_results_transport *transport, struct ese_error *error)
{
    const struct ese_registry_entry *entry;
    char label[128], path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_error unknown;
    ese_artifact_label(transport->name, label, sizeof label);
    if (ese_registry_find(transport->name, &entry, &unknown) < 0)
        return ese_fail(error, ESE_E_INVALID, "%.200s/%s: %s; judge it with the ese-lab that wrote it", directory,
                        ESE_ARTIFACT_RESULTS, unknown.text);
    if (ese_artifact_path(directory, label, path, error) < 0)
        return -1;
    struct ese_judge_options judging = {
        .directory = path,
        .promises = &entry->transport->promises,
        .partition_name = entry->transport->consume->partition_name,
        .measured_from_ns = transport->schedule_ns + results->warmup_s * ESE_NS_PER_S,
        .restarted_ns = transport->restarted_ns,
        .deeds = &transport->deeds,
        .rate = ese_results_rate(results->rate),
        .endings = &transport->endings,
        .smtp_timeout_ms = results->smtp_timeout_ms,
        .members = transport->members,
        .poison_every = results->poison_every,
    };
    if (ese_judge(&judging, &transport->judgement, error) == 0)
        return 0;
    /* Nothing of this one can be judged; the others still can. */
    ese_judge_nothing(ese_artifact_shorten(path, error), &transport->judgement);
    return 0;
}

/* A run that is over, or one that goes on. */
static int judge_all(const char *directory, struct ese_results *results, struct ese_error *error)
{
    if (ese_running_is(directory))
        return ese_running_check(directory, results, error);
    if (ese_results_read(directory, results, error) < 0)
        return -1;
    for (int i = 0; i < results->count; i++) {
        if (judge_again(directory, results, &results->transports[i], error) < 0)
            return -1;
    }
    return 0;
}

static void print_table(const struct ese_results *results, bool goes_on)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    ese_report_table(results, &text);
    ese_report_sentences(results, &text);
    ese_report_stories(results, &text);
    if (goes_on)
        ese_buffer_text(&text, "\n  Of a walk that goes on only sums are kept; single cases are told of a run that is "
                               "over.\n");
    fputs(text.text, stdout);
    ese_buffer_free(&text);
}

/* Named as an argument or by --run, and only once. */
static int choose_directory(const struct ese_config *config, const char **directory, struct ese_error *error)
{
    const char *named = ese_config_argument(config, 0), *run = ese_config_text(config, "run");
    const char *another = run != NULL ? named : named != NULL ? ese_config_argument(config, 1) : NULL;
    *directory = run != NULL ? run : named;
    if (*directory == NULL)
        return ese_fail(error, ESE_E_USAGE, "name a run's directory, as compare printed it at its end, or as ese-lab "
                                            "watch has it for --run");
    if (another != NULL)
        return ese_fail(error, ESE_E_USAGE, "'%.100s' is one too many beside '%.100s': name one run's directory",
                        another, *directory);
    return 0;
}

static int run_check(const struct ese_config *config, struct ese_error *error)
{
    struct ese_results results;
    const char *directory;
    if (choose_directory(config, &directory, error) < 0)
        return -1;
    if (judge_all(directory, &results, error) < 0) {
        if (error->code == ESE_E_USAGE)
            return -1;
        ese_log_error("%s", error->text);
        return CANNOT_TELL;
    }
    if (ese_config_flag(config, "json")) {
        char *written = ese_results_text(&results);
        puts(written);
        free(written);
    } else {
        print_table(&results, ese_running_is(directory));
    }
    return ese_report_exit_status(&results, ese_config_flag(config, "strict"));
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab check",
        .summary = "repeats the ledger of a run from its artifacts",
        .synopsis = "DIR",
        .description = "Reads the histories, the consumer's state, the mailer's outbox, the store as it was read "
                       "back and the mails in DIR, and judges again. The cost is what was measured then.\n\n"
                       "Behind the table stand single cases: of each kind of fault the first, three people who "
                       "never got their mail, and ten of the mails of which the mailer cannot tell whether it has "
                       "sent them.\n\n"
                       "Of a walk that goes on under the eyes of ese-lab watch, DIR being its run, it judges "
                       "what was due until now: it waits until that has settled. Of such a walk only sums are "
                       "kept, and no cases told.\n\n"
                       "The exit status is 0 when every ledger balances, 1 when one does not, 2 when one "
                       "cannot be told.",
        .examples = NULL,
    },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run_check,
};

static int check_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_check = {
    .name = "check",
    .summary = "repeats the ledger of a run from its artifacts",
    .main = check_main,
};
