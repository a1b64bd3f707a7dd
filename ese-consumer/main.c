#include <unistd.h>

#include "ese-consumer/crew.h"
#include "ese-consumer/letters_command.h"
#include "ese-consumer/member.h"
#include "ese-consumer/rule_cost.h"
#include "ese-consumer/state.h"
#include "ese-consumer/statistics.h"
#include "ese-core/address.h"
#include "ese-core/history_option.h"
#include "ese-core/listen_option.h"
#include "ese-core/log.h"
#include "ese-core/monitor.h"
#include "ese-core/service.h"
#include "transports/registry.h"

#define REPORT_BYTES 65536
#define PATIENCE_MS 10000 /* with others who are away, until this counts as sickness of ours */

static const struct ese_option options[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME[:OPTION=VALUE...]",
     .help = "How the events travel. Its own options are listed below once it is chosen."},
    {.name = "rule", .kind = ESE_OPTION_TEXT, .value = "NAME,...|none",
     .fallback = "steady-click,stuck-order",
     .help = "The business rules that are applied to the events. steady-click: three key presses "
             "of one ip, each at most a second after the one before, give one mail. stuck-order: "
             "an order that is not completed in time gives one. stumble is a lesson: over events "
             "whose data says {\"stumble\": \"fail\"}, or \"crash\", it does."},
    {.name = "stuck-after-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "5000",
     .min = 0, .max = 86400000,
     .help = "How long after it was created stuck-order gives an order to be completed."},
    {.name = "rule-cost-us", .kind = ESE_OPTION_NUMBER, .value = "US", .fallback = "0", .min = 0,
     .max = ESE_RULE_COST_MOST_US,
     .help = "What the rules cost by event, in microseconds: it is waited, not burnt. For showing what "
             "happens when one reader does not keep up. A batch then has so many events that it costs a "
             "quarter of a second at most, or one."},
    {.name = "rule-cost-file", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "While this file is there, the microseconds that stand in it are what the rules cost by event: for "
             "showing a rule that becomes slow, and well again, while it runs. It asks for 25 events at a time, and "
             "commits them a quarter of a second's worth at once, or one, whatever they cost by then."},
    {.name = "group", .kind = ESE_OPTION_TEXT, .value = "NAME", .fallback = "ese-consumer",
     .help = "The consumer group, whose members share the events. Letters, digits, dots, "
             "dashes, underscores."},
    {.name = "member", .kind = ESE_OPTION_TEXT, .value = "NAME", .fallback = "1",
     .help = "This consumer's lasting name within its group, of the same characters."},
    {.name = "consumers", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = ESE_CREW_MOST,
     .command_line_only = true,
     .help = "Starts so many members of the group, each a process of its own, named 1 to N, where the transport "
             "hands out partitions. One that dies is not started again: the others take over what it held. Each "
             "prints statistics of its own."},
    {.name = "state", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "Where positions, the rule's state and decisions are kept (SQLite), shared by the "
             "group's members on this machine. Its directory is made where it is not there. Without "
             "it: GROUP.TRANSPORT.state in the current directory."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .choices = "memory|os|disk|replicas",
     .fallback = "os",
     .help = "What a commit survives. os: the death of any process; disk: a power loss too. So that all "
             "of a lab can be told the same, memory is taken as os, and replicas as disk."},
    {.name = "mailer", .kind = ESE_OPTION_TEXT, .value = "URL|none", .fallback = "none",
     .help = "Who is asked for the mails, as http://HOST:PORT. none: decisions are kept for a "
             "day in the state file, for a later start with a mailer."},
    {.name = "mail-requests", .kind = ESE_OPTION_TEXT, .value = "NAME[:OPTION=VALUE...]",
     .help = "Puts requests for mails on a topic instead, mail-requests, from which ese-mailer "
             "--intake takes them: by that transport, with its options of producing. Over one "
             "without topics, give a place (a directory, a server) that holds nothing else."},
    {.name = "dead-letters", .kind = ESE_OPTION_TEXT, .value = "NAME[:OPTION=VALUE...]",
     .help = "Puts dead letters on a topic, too, dlq.click-events or dlq.order-events, by that "
             "transport, with its options of producing. Over one without topics, give a place that "
             "holds nothing else. Without it: where --transport has topics, there; else they are in "
             "the state file only."},
    {.name = "from", .kind = ESE_OPTION_NUMBER, .value = "earliest|latest|POSITION",
     .choices = "earliest|latest", .fallback = "earliest", .min = 0, .max = INT64_MAX,
     .help = "Where to begin a partition that has no saved position. POSITION only where the "
             "transport has one partition."},
    {.name = "max-batch", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "2000",
     .min = 1, .max = 100000, .help = "At most so many events are processed in one transaction."},
    {.name = "lateness-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "30000", .min = 0,
     .max = 86400000,
     .help = "How much older than the newest an event may come. By default as long as clients "
             "retry. What a rule waits for is waited for so much longer."},
    {.name = "max-keys", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1000000", .min = 1,
     .max = 1000000000,
     .help = "Rules may keep something of so many keys at once, which takes some 200 bytes of memory each. Beyond that "
             "it ends."},
    {.name = "max-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1073741824",
     .min = 16777216, .max = INT64_C(1) << 43,
     .help = "The state file grows up to so many bytes. Then nothing further is read or committed, "
             "and nothing lost, until decisions have left, a day after the mailer's answer; with "
             "--until-end it ends."},
    {.name = "metrics", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT",
     .help = "Serves GET /metrics there, as Prometheus text, and GET /health, which is well while "
             "events and mails can be brought on; port 0 takes a free one. Beyond loopback only "
             "with --token-file or --trusted-network."},
    {.name = "when-fenced", .kind = ESE_OPTION_CHOICE, .choices = "end|stay", .fallback = "end",
     .help = "What it does when a newer consumer has taken over. end: it ends, with exit status 3. stay: it "
             "reads no more, is not well any more, and waits to be stopped: where whatever ends is "
             "started again, two consumers would otherwise take over from each other for ever."},
    {.name = "until-end", .kind = ESE_OPTION_FLAG,
     .help = "Ends once there is nothing further to read, no rule waits for anything, and every mail "
             "was taken by the mailer, or by its topic, and every dead letter by theirs; where that takes "
             "none for 20 s, they stay in the state file, and it ends all the same."},
    {.name = "json", .kind = ESE_OPTION_FLAG,
     .help = "Prints the statistics as one JSON object at the end; with --consumers each member does."},
    {.name = "quiet", .kind = ESE_OPTION_FLAG,
     .help = "Prints no statistics, neither now and then nor at the end (with --json still at "
             "the end)."},
    ESE_OPTION_END,
};

static int choose(struct ese_config *config, struct ese_error *error)
{
    ese_config_add(config, "Options of the history", ese_history_option_table);
    ese_config_add(config, "Options of serving", ese_listen_option_table);
    return ese_registry_choose(config, ESE_FACE_CONSUME, error);
}

/* The group becomes part of a file's name; it and the member of the broker's records. */
static int check_name(const char *option, const char *name, struct ese_error *error)
{
    size_t good = strspn(name,
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (name[0] == '.' || name[good] != '\0' || good > 100)
        return ese_fail(error, ESE_E_USAGE,
                        "--%s: '%.120s' is no name; give at most 100 letters, digits, dots, "
                        "dashes and underscores, no dot first",
                        option, name);
    return 0;
}

/* A batch that may need more than there is would wait for ever. */
static int check_batch(const struct ese_member_options *member, struct ese_error *error)
{
    int64_t most = member->max_bytes / 2 / ESE_STATE_EVENT_BYTES;
    if (member->max_batch <= most)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--max-batch %d: so many events may need more than half of --max-bytes %lld; "
                    "give at most %lld, or more bytes",
                    member->max_batch, (long long)member->max_bytes, (long long)most);
}

static int read_from(const struct ese_config *config, const struct ese_transport *transport,
                     int64_t *from, struct ese_error *error)
{
    const char *word = ese_config_text(config, "from");
    if (strcmp(word, "earliest") == 0) {
        *from = ESE_OFFSET_EARLIEST;
    } else if (strcmp(word, "latest") == 0) {
        *from = ESE_OFFSET_LATEST;
    } else {
        if (transport->promises.shares_work)
            return ese_fail(error, ESE_E_USAGE,
                            "--from %s: '%s' has several partitions, each with positions of its "
                            "own; give earliest or latest",
                            word, transport->name);
        *from = ese_config_number(config, "from");
    }
    return 0;
}

static const char *text_or_null(const struct ese_config *config, const char *name,
                                const char *null_word)
{
    const char *text = ese_config_text(config, name);
    return text == NULL || strcmp(text, null_word) == 0 ? NULL : text;
}

/* A state file in memory would forget what was decided, and it has no replicas. */
static enum ese_durability state_durability(const char *word)
{
    enum ese_durability asked = ese_durability_parse(word);
    if (asked == ESE_DURABILITY_MEMORY)
        return ESE_DURABILITY_OS;
    return asked == ESE_DURABILITY_REPLICAS ? ESE_DURABILITY_DISK : asked;
}

static int check_asked(const struct ese_member_options *member, struct ese_error *error)
{
    if (member->mailer == NULL || member->mail_requests == NULL)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--mailer %.100s and --mail-requests %.100s: mails are asked for in one of two "
                    "ways; leave one away", member->mailer, member->mail_requests);
}

static int check_consumers(const struct ese_config *config, const struct ese_transport *transport,
                           struct ese_error *error)
{
    int count = (int)ese_config_number(config, "consumers");
    if (count > 1 && !transport->promises.shares_work)
        return ese_fail(error, ESE_E_USAGE,
                        "--consumers %d: '%s' has one partition, and each member would take it over from the one "
                        "before; give 1, or a transport that shares work", count, transport->name);
    return ese_crew_check(config, count, error);
}

static int read_options(const struct ese_config *config, struct ese_member_options *member,
                        struct ese_error *error)
{
    *member = (struct ese_member_options){
        .config = config,
        .transport = ese_registry_chosen(config),
        .group = ese_config_text(config, "group"),
        .member = ese_config_text(config, "member"),
        .state_path = ese_config_text(config, "state"),
        .durability = state_durability(ese_config_text(config, "durability")),
        .mailer = text_or_null(config, "mailer", "none"),
        .mail_requests = ese_config_text(config, "mail-requests"),
        .dead_letters = ese_config_text(config, "dead-letters"),
        .max_batch = (int)ese_config_number(config, "max-batch"),
        .rule_cost_us = ese_config_number(config, "rule-cost-us"),
        .rule_cost_file = ese_config_text(config, "rule-cost-file"),
        .lateness_ms = ese_config_number(config, "lateness-ms"),
        .max_keys = ese_config_number(config, "max-keys"),
        .max_bytes = ese_config_number(config, "max-bytes"),
        .history = ese_history_told(config, "ese-consumer", ese_registry_chosen(config)->name),
        .until_end = ese_config_flag(config, "until-end"),
        .talk = !ese_config_flag(config, "quiet") && !ese_config_flag(config, "json") &&
                isatty(STDERR_FILENO) == 1,
    };
    member->rules.settings.stuck_after_ms = ese_config_number(config, "stuck-after-ms");
    if (ese_rules_choose(ese_config_text(config, "rule"), &member->rules, error) != 0 ||
        check_name("group", member->group, error) != 0 ||
        check_name("member", member->member, error) != 0 || check_batch(member, error) != 0 ||
        check_asked(member, error) != 0 || check_consumers(config, member->transport, error) != 0 ||
        read_from(config, member->transport, &member->from, error) != 0)
        return -1;
    return 0;
}

static void report(const struct ese_config *config, const char *name, struct ese_member *member)
{
    struct ese_buffer text = ESE_BUFFER_INIT(REPORT_BYTES);
    struct ese_statistics *statistics = ese_member_statistics(member);
    bool is_one_of_several = ese_config_number(config, "consumers") > 1;
    if (ese_config_flag(config, "json")) {
        ese_statistics_write_json(statistics, name, &text);
    } else if (!ese_config_flag(config, "quiet")) {
        if (is_one_of_several)
            ese_buffer_printf(&text, "member %s\n", name);
        ese_statistics_write_table(statistics, &text);
    }
    if (text.length > 0)
        fputs(text.text, stdout);
    ese_buffer_free(&text);
}

static bool stays(const struct ese_config *config, const struct ese_error *error)
{
    return error->code == ESE_E_FENCED && strcmp(ese_config_text(config, "when-fenced"), "stay") == 0;
}

/* Everything is let go of by now; only who asks for its health is answered. */
static void stay(struct ese_pulse *pulse, const struct ese_error *error)
{
    ese_log_error("%s; waiting to be stopped (--when-fenced stay)", error->text);
    ese_pulse_over(pulse, error->text);
    ese_service_wait(-1);
}

static int consume(const struct ese_config *config, const struct ese_member_options *settings,
                   const char *address, struct ese_error *error)
{
    struct ese_member *member = NULL;
    if (ese_member_open(settings, &member, error) != 0)
        return -1;
    int result = ese_service_ready(config, address, error);
    if (result == 0)
        result = ese_member_run(member, error);
    report(config, settings->member, member);
    ese_member_close(&member);
    if (result != 0 && stays(config, error))
        stay(settings->pulse, error);
    return result;
}

static int serve(const struct ese_config *config, struct ese_member_options *settings, struct ese_error *error)
{
    struct ese_http_server *server = NULL;
    settings->metrics = ese_metrics_new();
    settings->pulse = ese_pulse_new(settings->transport->name, PATIENCE_MS);
    const struct ese_health health = {.check = ese_pulse_well, .context = settings->pulse};
    int result = ese_monitor_open(config, settings->metrics, &health, &server, error);
    if (result == 0)
        result = consume(config, settings, server == NULL ? "" : ese_http_server_address(server),
                         error);
    ese_http_server_close(&server);
    ese_pulse_free(&settings->pulse);
    ese_metrics_free(&settings->metrics);
    return result;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct ese_member_options settings;
    char token[ESE_TOKEN_SIZE], state_path[200], member[16];
    static char log_name[32];
    if (read_options(config, &settings, error) != 0 ||
        ese_token_read(ese_config_text(config, "token-file"), token, error) != 0)
        return -1;
    settings.token = token[0] != '\0' ? token : NULL;
    if (settings.state_path == NULL) {
        snprintf(state_path, sizeof state_path, "%s.%s.state", settings.group,
                 settings.transport->name);
        settings.state_path = state_path;
    }
    int count = (int)ese_config_number(config, "consumers");
    if (count > 1) {
        int number = ese_crew_muster(count, error);
        if (number <= 0)
            return number; /* all have ended */
        snprintf(member, sizeof member, "%d", number);
        snprintf(log_name, sizeof log_name, "ese-consumer %s", member);
        ese_log_rename(log_name);
        setvbuf(stdout, NULL, _IOFBF, REPORT_BYTES); /* so that each writes its own at once */
        settings.member = member;
    }
    return serve(config, &settings, error);
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-consumer",
        .summary = "reads events, applies business rules and asks for the mails that follow",
        .synopsis = "",
        .description =
            "Reads events over the transport chosen, in batches. Each batch goes through the rules "
            "and is committed as a whole: the position behind it, what rules keep of each key, "
            "and the decisions it caused change in one transaction of the state file. So a "
            "consumer that is killed at any moment goes on exactly where its last commit left off, "
            "and one decision gives one mail.\n\n"
            "Events that come again (a client's retry, a redelivery) are recognised by their ids "
            "and not applied twice. Decisions are brought to the mailer until it has answered for "
            "each.\n\n"
            "Several members of a group may read at once where the transport hands out partitions; "
            "over the others the newest consumer takes over and the older one ends, with exit status "
            "3, so that whoever keeps it running can leave it at that. Who cannot tell one exit status "
            "from another is helped by --when-fenced stay.\n\n"
            "A record that is no event, or an event on which a rule has failed five times, be it by "
            "ending the process, is passed over as a dead letter: ese-consumer dead-letters shows and "
            "replays them.",
        .examples =
            "ese-consumer --transport file --until-end\n"
            "  Reads what is there, shows the statistics and ends.\n"
            "ese-consumer --transport http --mailer http://" ESE_MAILER_ADDRESS
            " --metrics 127.0.0.1:0\n"
            "  Reads until Ctrl-C and asks that mailer for mails.\n"
            "ese-consumer --transport kafka --mail-requests kafka\n"
            "  Puts them on the topic mail-requests, from which `ese-mailer --intake kafka` takes them.\n"
            "ese-consumer --transport kafka --consumers 3 --rule-cost-us 4000\n"
            "  Three members of a group share the partitions; kill one, and see the others go on.\n"
            "ese-consumer dead-letters list --state ese-consumer.file.state\n"
            "  Shows what could not be processed; its own --help tells more.",
    },
    .options = options,
    .choose = choose,
    .run = run,
};

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], ESE_LETTERS_COMMAND) == 0)
        return ese_letters_command(argc - 1, argv + 1);
    return ese_service_main(&service, argc, argv);
}
