#include "ese-core/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/health.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/same_file.h"
#include "ese-core/tally.h"

/* Kept to the command line is what a child must not do because its parent was told to. */
#define OPTIONS_OF_ALL                                                                             \
    {.name = "config", .kind = ESE_OPTION_TEXT, .value = "FILE", .command_line_only = true,        \
     .help = "Reads further options from FILE, one \"name = value\" a line."},                     \
    {.name = "log-level", .kind = ESE_OPTION_CHOICE, .choices = "error|warning|info|debug",        \
     .fallback = "info", .help = "How much is told on stderr."},                                   \
    {.name = "check-options", .kind = ESE_OPTION_FLAG, .command_line_only = true,                  \
     .help = "Checks the options, those of --config FILE too, and ends."},                         \
    {.name = "help", .letter = 'h', .kind = ESE_OPTION_FLAG, .command_line_only = true,            \
     .help = "Prints this help and ends."},                                                        \
    {.name = "version", .kind = ESE_OPTION_FLAG, .command_line_only = true,                        \
     .help = "Prints the version and ends."},                                                      \
    {.name = "man", .kind = ESE_OPTION_FLAG, .command_line_only = true,                            \
     .help = "Prints the manual page as mdoc(7) and ends."},                                       \
    {.name = "completion", .kind = ESE_OPTION_CHOICE, .choices = "bash",                           \
     .command_line_only = true,                                                                    \
     .help = "Prints a script that completes these options in the shell, and ends."},              \
    ESE_OPTION_END

static const struct ese_option command_options[] = {OPTIONS_OF_ALL};

static const struct ese_option service_options[] = {
    {.name = "ready-file", .kind = ESE_OPTION_TEXT, .value = "FILE", .command_line_only = true,
     .help = "Writes FILE once it serves, with the address it serves on where it has one."},
    {.name = "tally", .kind = ESE_OPTION_TEXT, .value = "FILE", .command_line_only = true,
     .help = "Counts in FILE how often it syncs, answers and asks, on top of what stands there."},
    OPTIONS_OF_ALL};

/* ---- stopping -------------------------------------------------------------------------------- */

static atomic_bool stopping;
static atomic_int signals; /* asked from outside so far */
static atomic_int starter; /* of a child of ese_service_fork: who asks it what all were asked */
static atomic_int stop_event = -1;

bool ese_service_stopping(void)
{
    return atomic_load(&stopping);
}

int ese_service_stop_fd(void)
{
    return atomic_load(&stop_event);
}

void ese_service_stop(void)
{
    int saved = errno; /* the signal handler runs this amid other people's system calls */
    atomic_store(&stopping, true);
    if (atomic_load(&stop_event) != -1)
        eventfd_write(atomic_load(&stop_event), 1); /* fails only when full, thus readable */
    errno = saved;
}

bool ese_service_wait(int timeout_ms)
{
    struct pollfd stop = {.fd = ese_service_stop_fd(), .events = POLLIN};
    int64_t end_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    int left_ms = timeout_ms;
    while (!ese_service_stopping() && poll(&stop, 1, left_ms) == -1 && errno == EINTR) {
        int64_t left_ns = end_ns - ese_clock_monotonic_ns();
        if (timeout_ms >= 0)
            left_ms = left_ns > 0 ? (int)(left_ns / ESE_NS_PER_MS) : 0;
    }
    return ese_service_stopping();
}

/* An eventfd is shared by both sides of a fork: each needs its own. */
pid_t ese_service_fork(void)
{
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event == -1)
        return -1;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        atomic_store(&starter, (int)parent);
        atomic_store(&signals, 0); /* what was asked of the parent is its business */
        event = atomic_exchange(&stop_event, event);
        if (ese_service_stopping())
            ese_service_stop(); /* what came between the two must show in the new one */
    }
    if (event != -1)
        close(event);
    return pid;
}

/* Where all processes of a group are asked at once, a child is asked by its starter as well: that is no second time. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    bool is_passed_on = info->si_pid != 0 && info->si_pid == atomic_load(&starter);
    if (atomic_fetch_add(&signals, is_passed_on ? 0 : 1) > 0 && !is_passed_on)
        _exit(130);
    ese_service_stop();
}

static int catch_signals(struct ese_error *error)
{
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event == -1)
        return ese_fail_errno(error, "cannot make an eventfd");
    atomic_store(&stopping, false);
    atomic_store(&signals, 0);
    atomic_store(&starter, 0);
    atomic_store(&stop_event, event);
    struct sigaction ask = {.sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &ask, NULL);
    sigaction(SIGTERM, &ask, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    return 0;
}

static void leave_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &standard, NULL);
    sigaction(SIGTERM, atomic_load(&starter) != 0 ? &ignore : &standard, NULL); /* its starter's may still come */
    close(atomic_exchange(&stop_event, -1));
}

/* ---- being ready ----------------------------------------------------------------------------- */

static int write_line(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return -1;
    bool written = fprintf(file, "%s\n", text) > 0;
    return fclose(file) == 0 && written ? 0 : -1;
}

int ese_service_ready(const struct ese_config *config, const char *text, struct ese_error *error)
{
    const char *path = ese_config_text(config, "ready-file");
    if (path == NULL)
        return 0;
    char unfinished[4096];
    snprintf(unfinished, sizeof unfinished, "%.4000s.%ld", path, (long)getpid());
    if (write_line(unfinished, text) == 0 && rename(unfinished, path) == 0)
        return 0;
    ese_fail_path(error, "--ready-file", path, "another path");
    unlink(unfinished);
    return -1;
}

/* ---- main ------------------------------------------------------------------------------------ */

static bool asked(const struct ese_config *config, const char *name, const char *value)
{
    const char *given = ese_config_peek(config, name);
    return given != NULL && strcmp(given, value) == 0;
}

static void print_version(const struct ese_manual *manual, const struct ese_config *config)
{
    (void)config;
    printf("%s %s\n", manual->name, ESE_VERSION);
}

/* What only asks the program about itself. */
static const struct question {
    const char *name;
    const char *value;
    void (*answer)(const struct ese_manual *manual, const struct ese_config *config);
} questions[] = {
    {"help", "true", ese_manual_help},
    {"version", "true", print_version},
    {"man", "true", ese_manual_page},
    {"completion", "bash", ese_manual_completion},
};

static const struct question *find_question(const struct ese_config *config)
{
    for (size_t i = 0; i < ESE_COUNT_OF(questions); i++) {
        if (asked(config, questions[i].name, questions[i].value))
            return &questions[i];
    }
    return NULL;
}

/* Reads the file and lets the service add its tables. */
static int gather(const struct ese_service *service, struct ese_config *config,
                  struct ese_error *error)
{
    const char *file = ese_config_peek(config, "config");
    if (file != NULL && ese_config_give_file(config, file, error) == -1)
        return -1;
    return service->choose != NULL ? service->choose(config, error) : 0;
}

static int settle(const struct ese_service *service, struct ese_config *config,
                  struct ese_error *error)
{
    if (ese_config_settle(config, error) == -1 || ese_same_file_check(config, error) == -1)
        return -1;
    const char *argument = ese_config_argument(config, 0);
    const char *synopsis = service->manual.synopsis;
    if (argument != NULL && (synopsis == NULL || synopsis[0] == '\0'))
        return ese_fail(error, ESE_E_USAGE, "'%.60s' is too much, there are only options",
                        argument);
    return 0;
}

static void open_log(const struct ese_service *service, const struct ese_config *config)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    for (size_t i = 0; i < ESE_COUNT_OF(words); i++) {
        if (strcmp(ese_config_text(config, "log-level"), words[i]) == 0)
            ese_log_open(service->manual.name, (enum ese_log_level)i);
    }
}

static int run(const struct ese_service *service, const struct ese_config *config,
               struct ese_error *error)
{
    open_log(service, config);
    const char *tally = ese_config_has(config, "tally") ? ese_config_text(config, "tally") : NULL;
    if ((tally != NULL && ese_tally_open(tally, error) == -1) || catch_signals(error) == -1)
        return -1;
    int status = service->run(config, error);
    leave_signals();
    return status;
}

static int do_main(const struct ese_service *service, struct ese_config *config,
                   struct ese_error *error)
{
    int gathered = gather(service, config, error);
    const struct question *question = find_question(config);
    if (question != NULL) { /* answered from what is known, even where something else is wrong */
        question->answer(&service->manual, config);
        return 0;
    }
    if (gathered == -1 || settle(service, config, error) == -1)
        return -1;
    if (ese_config_flag(config, "check-options"))
        return 0;
    if (ese_config_has(config, "health") && ese_config_flag(config, "health"))
        return ese_health_ask(service->manual.name, config, error);
    return run(service, config, error);
}

static int report(const struct ese_service *service, const struct ese_error *error)
{
    const char *name = service->manual.name;
    if (error->code == ESE_E_USAGE)
        fprintf(stderr, "%s: %s; see %s --help\n", name, error->text, name);
    else
        fprintf(stderr, "%s: %s\n", name, error->text);
    return ese_error_exit_status(error);
}

/* Of more than a buffer holds, only the stream remembers that it could not be written: the flush at
 * the end is about the rest. */
static int flush_output(struct ese_error *error)
{
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) != 0)
        return ese_fail_errno(error, "cannot write to stdout");
    return failed ? ese_fail(error, ESE_E_IO, "cannot write all of it to stdout") : 0;
}

int ese_service_main(const struct ese_service *service, int argc, char **argv)
{
    struct ese_error error = {.code = ESE_OK};
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options", service->options);
    ese_config_add(config, "Options of every program",
                   service->is_command ? command_options : service_options);
    ese_config_give_arguments(config, argc - 1, argv + 1);
    int status = do_main(service, config, &error);
    if (status != -1 && flush_output(&error) == -1)
        status = -1;
    if (status == -1)
        status = report(service, &error);
    ese_config_free(&config);
    return status;
}
