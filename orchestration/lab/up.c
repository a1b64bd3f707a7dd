/* ese-lab up: the walk until it is stopped, in the background. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/log_file.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/broker_life.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/contenders.h"
#include "orchestration/lab/group_options.h"
#include "orchestration/lab/journey.h"
#include "orchestration/lab/mails.h"
#include "orchestration/lab/run_directory.h"
#include "orchestration/lab/standing.h"
#include "orchestration/lab/stay.h"

#define LOOK_EVERY_MS 200
#define PAUSE_MS 1000 /* before what has ended is started again */
#define MAILS_EVERY_NS (10 * ESE_NS_PER_S)
#define MAILS_KEPT 20000

static const struct ese_option options[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "T",
     .help = "Which transport to walk over. Default: the first one that transports.list compares and that "
             "loses nothing."},
    {.name = "source", .kind = ESE_OPTION_CHOICE, .value = "S", .fallback = "clicks",
     .choices = "clicks|orders|mixed",
     .help = "What the simulated persons do: click in bursts, order (half of the orders are never "
             "completed, and a mail says so half a minute later), or both."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "20", .min = 1, .max = 100000,
     .help = "Events per second the client offers."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0, .max = INT64_MAX,
     .help = "Decides the events."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .value = "D", .fallback = "os", .choices = "os|disk",
     .help = "What an acknowledgement survives."},
    {.name = "broker", .kind = ESE_OPTION_CHOICE, .value = "B", .fallback = "auto",
     .choices = "auto|kafka|embedded", .help = "Where a broker comes from, for transports that need one."},
    {.name = "bootstrap-servers", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "A Kafka cluster that is there already, used instead of --broker. Exit status 69 when "
             "nobody answers there."},
    {.name = "foreground", .kind = ESE_OPTION_FLAG, .help = "Stay in the terminal until Ctrl-C."},
    {.name = "json", .kind = ESE_OPTION_FLAG,
     .help = "Prints where everything is as one JSON object, as status --json does."},
    ESE_OPTION_END,
};

/* Whoever is not asked for a lesson is not given one. */
static bool is_default(const struct ese_registry_entry *entry)
{
    return entry->compared && ese_contenders_lose_nothing(entry);
}

static const char *chosen_transport(const struct ese_config *config)
{
    const char *given = ese_config_text(config, "transport");
    const struct ese_registry_entry *entry = ese_registry();
    while (given == NULL && entry->transport != NULL && !is_default(entry))
        entry++;
    return given != NULL ? given : entry->transport != NULL ? entry->transport->name : "";
}

static int write_ready(const struct ese_journey *journey, const char *directory, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE], part[ESE_ARTIFACT_PATH_SIZE], text[1024];
    if (ese_artifact_path(directory, ESE_STANDING_FILE, path, error) < 0 ||
        ese_artifact_path(directory, ESE_STANDING_FILE ".part", part, error) < 0)
        return -1;
    ese_journey_addresses(journey, text, sizeof text);
    FILE *file = fopen(part, "we");
    if (file == NULL)
        return ese_fail_errno(error, "cannot write %.300s", part);
    fprintf(file, "transport %s\n%sartifacts %s\n", ese_journey_specification(journey), text,
            ese_journey_directory(journey));
    if (fclose(file) != 0 || rename(part, path) < 0)
        return ese_fail_errno(error, "cannot write %.300s", path);
    return 0;
}

/* What whoever typed it is told. */
static int announce(pid_t pid, bool json, struct ese_error *error)
{
    struct ese_standing standing;
    if (ese_standing_read(pid, &standing, error) < 0)
        return -1;
    if (json) {
        ese_standing_write_json(&standing, stdout);
    } else {
        printf("The lab is up:\n");
        ese_standing_write_places(&standing, stdout);
    }
    fflush(stdout);
    return 0;
}

/* A lab that stays up must not fill the disk with what its processes say, its own words, and mails.
 * Its stores have bounds of their own. */
static void bound_files(const struct ese_journey *journey, const char *directory,
                        int64_t *mails_due_ns)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    int64_t now_ns = ese_clock_monotonic_ns();
    ese_journey_bound_logs(journey);
    if (ese_artifact_path(directory, ESE_STAY_LOG, path, NULL) == 0)
        ese_log_file_bound(path, ESE_JOURNEY_LOG_BYTES);
    if (now_ns < *mails_due_ns)
        return;
    *mails_due_ns = now_ns + MAILS_EVERY_NS;
    if (ese_artifact_path(ese_journey_directory(journey), ESE_ARTIFACT_MAILDIR, path, NULL) == 0)
        ese_mails_bound(path, MAILS_KEPT);
}

/* True when what has ended, while nobody asked for it, is to be started again: after a while, and
 * said. */
static bool is_missed(const struct ese_role_view *view, const char *name)
{
    if (!view->exists || view->up || ese_service_stopping())
        return false;
    ese_log_warning("the %s has ended; it is started again", name);
    return !ese_service_wait(PAUSE_MS);
}

static int watch(struct ese_journey *journey, const char *directory, struct ese_error *error)
{
    int64_t mails_due_ns = 0;
    while (!ese_service_wait(LOOK_EVERY_MS)) {
        struct ese_journey_view view;
        bound_files(journey, directory, &mails_due_ns);
        ese_journey_view(journey, &view);
        for (enum ese_role role = 0; role < ESE_ROLES; role++) {
            if (is_missed(&view.role[role], ese_role_name(role)) &&
                ese_journey_start(journey, role, ESE_MEMBERS_ALL, error) < 0)
                return -1;
        }
    }
    return 0;
}

/* What the lab in the background has to tell whoever waits for it in the terminal, once: an error,
 * or none. Nobody may be there any more. */
static void tell(int starter, const struct ese_error *news)
{
    if (send(starter, news, sizeof *news, MSG_NOSIGNAL) < 0)
        ese_log_debug("nobody waits for the lab");
}

/* Until the other half has told, has ended, or we are asked to stop. */
static void wait_for_news(int ear)
{
    struct pollfd ears[] = {{.fd = ear, .events = POLLIN},
                            {.fd = ese_service_stop_fd(), .events = POLLIN}};
    while (!ese_service_stopping() && ears[0].revents == 0)
        poll(ears, ESE_COUNT_OF(ears), -1);
}

/* The starter has said that the lab is up. One that ended before has said nothing, and nobody would
 * know of the lab. */
static int wait_until_announced(int starter, struct ese_error *error)
{
    char word;
    tell(starter, &(struct ese_error){.code = ESE_OK});
    wait_for_news(starter);
    if (!ese_service_stopping() && recv(starter, &word, sizeof word, MSG_DONTWAIT) != sizeof word)
        return ese_fail(error, ESE_E_CLOSED, "whoever started the lab has ended");
    return 0;
}

/* From here on it does not end with whoever started it. */
static int come_up(const struct ese_config *config, const struct ese_journey *journey,
                   const char *directory, int starter, struct ese_error *error)
{
    if (write_ready(journey, directory, error) < 0)
        return -1;
    if (starter < 0)
        return announce(getpid(), ese_config_flag(config, "json"), error);
    prctl(PR_SET_PDEATHSIG, 0);
    return wait_until_announced(starter, error);
}

static int stay_up(const struct ese_config *config, const char *directory, int starter,
                   struct ese_error *error)
{
    char label[128], artifacts[ESE_ARTIFACT_PATH_SIZE], number[32];
    const char *specification = chosen_transport(config);
    ese_artifact_label(specification, label, sizeof label);
    if (ese_artifact_path(directory, label, artifacts, error) < 0)
        return -1;
    struct ese_journey_options walking = {
        .specification = specification,
        .directory = artifacts,
        .durability = ese_durability_parse(ese_config_text(config, "durability")),
        .broker = ese_config_text(config, "broker"),
        .bootstrap_servers = ese_config_text(config, "bootstrap-servers"),
        .retry_deadline_ms = 30000,
        .with_sink = true,
        .consumers = (int)ese_config_number(config, "consumers"),
        .rule_cost_us = ese_config_number(config, "rule-cost-us"),
    };
    snprintf(number, sizeof number, "%lld", (long long)ese_config_number(config, "rate"));
    struct ese_load load = {
        .source = ese_config_text(config, "source"),
        .rate = number,
        .seconds = 0,
        .seed = ese_config_number(config, "seed"),
        .start_at_ms = 0,
    };
    struct ese_journey *journey = NULL;
    int status = -1;
    if (ese_journey_open(&walking, &journey, error) == 0 &&
        ese_journey_serve(journey, error) == 0 && ese_journey_offer(journey, &load, error) == 0 &&
        come_up(config, journey, directory, starter, error) == 0)
        status = watch(journey, directory, error);
    ese_journey_close(&journey);
    return status;
}

static int open_log(const char *directory, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_artifact_path(directory, ESE_STAY_LOG, path, error) < 0)
        return -1;
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        return ese_fail_errno(error, "cannot write %.300s", path);
    return 0;
}

/* The half that goes into the background: does not return to the shell. Until all is up it ends
 * with its starter, however that ends. */
static void become_background(const struct ese_config *config, const char *directory, pid_t starter,
                              int mouth)
{
    struct ese_error error = {0};
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != starter)
        exit(1);
    if (ese_stay_lock(&error) == 0 && open_log(directory, &error) == 0) {
        if (stay_up(config, directory, mouth, &error) == 0)
            exit(0);
        ese_log_error("%s", error.text);
    }
    tell(mouth, &error);
    exit(ese_error_exit_status(&error));
}

static int wait_for_background(const struct ese_config *config, const char *directory, pid_t child,
                               int ear, struct ese_error *error)
{
    bool json = ese_config_flag(config, "json");
    struct ese_error news;
    wait_for_news(ear);
    if (ese_service_stopping()) {
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
        return ese_fail(error, ESE_E_CLOSED, "stopped while the lab started");
    }
    if (read(ear, &news, sizeof news) != sizeof news)
        return ese_fail(error, ESE_E_IO,
                        "the lab was killed while it started: see %.300s/" ESE_STAY_LOG, directory);
    if (news.code != ESE_OK) {
        waitpid(child, NULL, 0); /* who hears of it may begin anew */
        return ese_fail(error, news.code, "%s", news.text);
    }
    if (announce(child, json, error) < 0)
        return -1;
    if (send(ear, "!", 1, MSG_NOSIGNAL) < 0)
        return ese_fail_errno(error, "the lab has ended");
    if (!json)
        printf("'./lab status' shows how it stands, './lab logs' what it says, './lab down' stops "
               "it.\n");
    return 0;
}

static int go_into_background(const struct ese_config *config, const char *directory,
                              struct ese_error *error)
{
    int ends[2];
    pid_t starter = getpid();
    fflush(NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return ese_fail_errno(error, "cannot make a socket pair");
    pid_t child = ese_service_fork();
    if (child == 0) {
        close(ends[0]);
        become_background(config, directory, starter, ends[1]);
    }
    close(ends[1]);
    int status = child < 0 ? ese_fail_errno(error, "cannot go into the background")
                           : wait_for_background(config, directory, child, ends[0], error);
    close(ends[0]);
    return status;
}

static int run_up(const struct ese_config *config, struct ese_error *error)
{
    char directory[ESE_ARTIFACT_PATH_SIZE];
    enum ese_durability durability = ese_durability_parse(ese_config_text(config, "durability"));
    const char *given = ese_config_text(config, "bootstrap-servers");
    if (ese_broker_life_check(ese_config_text(config, "broker"), given, error) < 0 ||
        ese_journey_check(chosen_transport(config), durability, given, error) < 0 ||
        ese_stay_directory(directory, error) < 0)
        return -1;
    pid_t running = ese_stay_running();
    if (running != 0)
        return ese_fail(error, ESE_E_CONFLICT,
                        "a lab is up already (process %d): './lab down' stops it", (int)running);
    fprintf(stderr, "starting %s; Ctrl-C stops it\n", chosen_transport(config));
    if (ese_config_flag(config, "foreground"))
        return ese_stay_lock(error) < 0 ? -1 : stay_up(config, directory, -1, error);
    return go_into_background(config, directory, error);
}

static int choose(struct ese_config *config, struct ese_error *error)
{
    (void)error;
    ese_config_add(config, "Options of the group", ese_group_options);
    return 0;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab up",
        .summary = "walks events over one transport until it is stopped",
        .synopsis = "",
        .description = "Starts client, server, consumer, mailer and an SMTP sink (and a broker where "
                       "one is needed) on free loopback ports, in the background. Whichever of "
                       "them ends is started again. What an earlier lab has left is removed.\n\n"
                       "What each process says goes to a log, of which the last 4 MiB and up to as "
                       "much before them (NAME.log.1) are kept; of the mails in the sink the newest "
                       "20,000.",
        .examples = NULL,
    },
    .options = options,
    .is_command = true,
    .choose = choose,
    .run = run_up,
};

static int up_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_up = {
    .name = "up",
    .summary = "the walk over one transport, in the background, until stopped",
    .main = up_main,
};
