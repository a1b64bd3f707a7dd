/* ese-lab torture: round after round somebody is killed or frozen under load, and the ledger is kept. */
#include <inttypes.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/contenders.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/run_directory.h"
#include "orchestration/lab/run_judgement.h"
#include "orchestration/lab/torture_report.h"
#include "orchestration/lab/torture_schedule.h"
#include "orchestration/lab/torture_verdict.h"

#define ROUNDS_MOST 100000

static const struct ese_option options[] = {
    {.name = "transports", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "Transports to torture, separated by commas, each with options of its own behind a colon "
             "(kafka:via=direct): such as promise to lose nothing. Default: those of these that "
             "transports.list compares."},
    {.name = "rounds", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "10", .min = 1,
     .max = ROUNDS_MOST,
     .help = "How many. Each takes 40 seconds at most, and the time its parties need to start."},
    {.name = "from-round", .kind = ESE_OPTION_NUMBER, .value = "K", .fallback = "1", .min = 1,
     .max = ROUNDS_MOST,
     .help = "The first one's number: round K of a seed is the same whether or not those before it were "
             "run."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0, .max = INT64_MAX,
     .help = "Decides with a round's number, --rate and --consumers its events, and who is struck when."},
    {.name = "source", .kind = ESE_OPTION_CHOICE, .value = "S", .fallback = "clicks",
     .choices = "clicks|orders|mixed",
     .help = "What the simulated persons do, as in compare. With orders a round is awaited until rules wait "
             "for none of them, and lasts longer by some ten seconds."},
    {.name = "consumers", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = ESE_MEMBERS,
     .help = "Members of the group that reads, where a transport shares work among them. With several, they are "
             "struck one by one, too, and a round is another than with one."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "200",
     .min = ESE_TORTURE_RATE_LEAST, .max = 5000, .help = "Events per second offered to each transport."},
    ESE_RUN_POISON_OPTION,
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .value = "D", .fallback = "os", .choices = "os|disk",
     .help = "What an acknowledgement survives: os: the death of a process; disk: a power loss."},
    {.name = "broker", .kind = ESE_OPTION_CHOICE, .value = "B", .fallback = "auto",
     .choices = "auto|kafka|embedded",
     .help = "Where the broker comes from: a real Apache Kafka of each round's own, or librdkafka's mock inside "
             "the lab, which nobody strikes. auto takes the real one where it can be had."},
    {.name = "out", .kind = ESE_OPTION_TEXT, .value = "DIR",
     .help = "Where the rounds' artifacts go. Default: a new directory under .lab/runs, where the ten newest "
             "stay."},
    {.name = "keep", .kind = ESE_OPTION_FLAG,
     .help = "Keep the artifacts of all rounds. Without it those of the first that does not pass stay."},
    {.name = "json", .kind = ESE_OPTION_FLAG,
     .help = "Print one JSON document a round, and one at the end, instead of lines."},
    {.name = "quiet", .kind = ESE_OPTION_FLAG, .help = "No picture while it runs."},
    ESE_OPTION_END,
};

struct torture {
    struct ese_run_options run; /* what all rounds have in common */
    int64_t seed, rate, first, count;
    bool does_keep, is_json, is_quiet;
    char directory[ESE_ARTIFACT_PATH_SIZE];
    bool has_kept; /* the artifacts of a round that did not pass */
    struct ese_torture_totals totals;
};

/* ---- what is asked for ----------------------------------------------------------------------- */

static int check_promises(const struct ese_run_options *run, struct ese_error *error)
{
    for (int i = 0; i < run->count; i++) {
        const struct ese_registry_entry *entry;
        if (ese_registry_find(run->specifications[i], &entry, error) < 0)
            return -1;
        if (!ese_contenders_lose_nothing(entry))
            return ese_fail(error, ESE_E_USAGE,
                            "--transports: '%.60s' may lose what it acknowledged, so that no round could fail: "
                            "name such as promise to lose nothing", run->specifications[i]);
    }
    return 0;
}

static int read_options(const struct ese_config *config, char *list, struct torture *torture,
                        struct ese_error *error)
{
    *torture = (struct torture){
        .run = {.source = ese_config_text(config, "source"),
                .rate = ese_config_text(config, "rate"),
                .duration_s = ESE_TORTURE_LOAD_MS / 1000,
                .durability = ese_durability_parse(ese_config_text(config, "durability")),
                .broker = ese_config_text(config, "broker"),
                .retry_deadline_ms = ESE_TORTURE_RETRY_MS,
                .smtp_timeout_ms = ESE_TORTURE_SMTP_MS,
                .poison_every = ese_config_number(config, "poison-every"),
                .limit_ms = ESE_TORTURE_LIMIT_MS,
                .consumers = (int)ese_config_number(config, "consumers")},
        .seed = ese_config_number(config, "seed"),
        .rate = ese_config_number(config, "rate"),
        .first = ese_config_number(config, "from-round"),
        .count = ese_config_number(config, "rounds"),
        .does_keep = ese_config_flag(config, "keep"),
        .is_json = ese_config_flag(config, "json"),
        .is_quiet = ese_config_flag(config, "quiet"),
        .totals = ESE_TORTURE_TOTALS_NONE,
    };
    if (ese_contenders_choose(&torture->run, list, ese_contenders_lose_nothing, error) < 0)
        return -1;
    return check_promises(&torture->run, error);
}

/* ---- one round ------------------------------------------------------------------------------- */

static int run_and_judge(const struct torture *torture, const struct ese_torture_round *round,
                         const struct ese_run_options *run, struct ese_results *results,
                         struct ese_error *error)
{
    struct ese_run_result outcome;
    char title[160];
    snprintf(title, sizeof title, "torture, round %" PRId64 " of seed %" PRId64 ", %s events/s, durability %s",
             round->number, torture->seed, run->rate, ese_durability_name(run->durability));
    struct ese_picture *picture = ese_picture_new(title, &round->fault, torture->is_quiet);
    struct ese_run_watch watch = {.show = ese_picture_show, .context = picture};
    int status = ese_run(run, &watch, &outcome, error);
    ese_picture_free(&picture);
    return status < 0 ? -1 : ese_run_judge(run, &outcome, results, error);
}

/* A round that could not be run to its end cannot be told; unless we are to stop, or no round could. */
static int verdict_of_failure(const struct ese_error *error, struct ese_verdict *verdict)
{
    if (ese_service_stopping() || error->code == ESE_E_MISSING || error->code == ESE_E_USAGE)
        return -1;
    *verdict = (struct ese_verdict){.word = ESE_VERDICT_CANNOT_TELL};
    snprintf(verdict->reason, sizeof verdict->reason, "%.230s", error->text);
    return 0;
}

static void print_round(const struct torture *torture, const struct ese_torture_round *round,
                        const struct ese_results *results, const struct ese_verdict *verdict,
                        const char *kept_in)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);
    if (torture->is_json)
        ese_torture_round_json(round, results, verdict, kept_in, &text);
    else
        ese_torture_round_line(round, results, verdict, &text);
    if (!torture->is_json && verdict->word != ESE_VERDICT_PASS && kept_in != NULL) {
        ese_torture_acts(round, &text);
        ese_report_stories(results, &text);
        ese_buffer_printf(&text, "    Artifacts in %s", kept_in);
        if (results->count > 0)
            ese_buffer_printf(&text, "; './lab check %s' repeats the ledger from them", kept_in);
        ese_buffer_text(&text, ".\n");
    }
    fputs(text.text, stdout);
    fflush(stdout);
    ese_buffer_free(&text);
}

static int do_round(struct torture *torture, int64_t number, struct ese_error *error)
{
    struct ese_torture_round round;
    struct ese_results results = {.count = 0};
    struct ese_verdict verdict;
    struct ese_run_options run = torture->run;
    char name[32], directory[ESE_ARTIFACT_PATH_SIZE];
    snprintf(name, sizeof name, "round-%" PRId64, number);
    if (ese_artifact_path(torture->directory, name, directory, error) < 0)
        return -1;
    ese_torture_draw(&(struct ese_torture_lot){.seed = torture->seed, .number = number, .rate = torture->rate,
                                               .consumers = torture->run.consumers},
                     &round);
    run.directory = directory;
    run.seed = round.load_seed;
    run.fault = &round.fault;
    if (run_and_judge(torture, &round, &run, &results, error) == 0) {
        ese_torture_judge(&results, &verdict);
    } else {
        results.count = 0;
        if (verdict_of_failure(error, &verdict) < 0) {
            ese_directory_remove(directory);
            return -1;
        }
    }
    bool keeps = torture->does_keep || (verdict.word != ESE_VERDICT_PASS && !torture->has_kept);
    torture->has_kept = torture->has_kept || verdict.word != ESE_VERDICT_PASS;
    if (!keeps)
        ese_directory_remove(directory);
    ese_torture_add(&torture->totals, &results, &verdict);
    print_round(torture, &round, &results, &verdict, keeps ? directory : NULL);
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void print_summary(const struct torture *torture)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    if (torture->is_json)
        ese_torture_totals_json(&torture->totals, &text);
    else
        ese_torture_totals_text(&torture->totals, &text);
    fputs(text.text, stdout);
    ese_buffer_free(&text);
}

/* What those before it came to is not lost with the round that was broken off. */
static int break_off(const struct torture *torture, int64_t number, struct ese_error *error)
{
    if (number > torture->first)
        print_summary(torture);
    if (ese_service_stopping())
        ese_fail_within(error, "round %" PRId64 " was broken off, --from-round %" PRId64 " goes on", number,
                        number);
    return -1;
}

static int do_rounds(struct torture *torture, struct ese_error *error)
{
    for (int64_t i = 0; i < torture->count; i++) {
        if (do_round(torture, torture->first + i, error) < 0)
            return break_off(torture, torture->first + i, error);
    }
    print_summary(torture);
    return ese_torture_exit_status(&torture->totals);
}

static int run_torture(const struct ese_config *config, struct ese_error *error)
{
    struct torture torture;
    char *list = ese_copy_text(ese_config_text(config, "transports"));
    const char *wanted = ese_config_text(config, "out");
    int status = -1;
    if (read_options(config, list, &torture, error) == 0 &&
        ese_run_directory_make(wanted, torture.directory, error) == 0) {
        status = do_rounds(&torture, error);
        if (wanted == NULL)
            rmdir(torture.directory); /* unless something was kept in it */
    }
    free(list);
    return status;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab torture",
        .summary = "kills and freezes everybody in turn, round after round, and keeps the ledger",
        .synopsis = "",
        .description =
            "A round is a fresh walk over every transport, side by side: events for 14 seconds, while clients, "
            "servers, consumers, mailers, SMTP servers and brokers are killed (SIGKILL) and come back, or are "
            "frozen (SIGSTOP) and thawed (SIGCONT), at the same instants on all sides. When at least 50 events "
            "are in flight or unread somebody is killed in each. Then all that is left is read and mailed, the "
            "stores are read back, and the ledger is kept.\n\n"
            "A round passes when every ledger does, and no more mails are unknown than one for each SMTP "
            "session and each death of a mailer or SMTP server, or each freeze of one beyond the mailer's "
            "limit, which is five seconds here.\n\n"
            "What is struck when, and the events, follow from --seed, the round's number, --rate and --consumers "
            "alone.\n\n"
            "The exit status is 0 when every round passes, 1 when one fails or the rounds are broken off, 2 when "
            "one cannot be told.",
        .examples = "ese-lab torture --rounds 100\n  The full run, which takes some 40 minutes\n"
                    "ese-lab torture --from-round 17 --rounds 1 --keep\n  Round 17 of it alone, and what it left\n",
    },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run_torture,
};

static int torture_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_torture = {
    .name = "torture",
    .summary = "everybody is killed and frozen in turn, round after round; nothing may be lost",
    .main = torture_main,
};
