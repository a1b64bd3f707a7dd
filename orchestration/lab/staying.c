/* ese-lab status, down and logs: about the lab that `up` left in the background. */
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/stay.h"

#define DOWN_LIMIT_MS 30000
#define LOG_LINES "20"

static int not_up(void)
{
    printf("no lab is up: './lab up' starts one\n");
    return 1;
}

/* ---- status ---- */

static void print_counter(const char *directory, const char *history, enum ese_history_counter counter,
                          const char *what)
{
    char path[ESE_ARTIFACT_PATH_SIZE], number[ESE_PICTURE_NUMBER_SIZE];
    struct ese_history_reader *reader = NULL;
    if (ese_artifact_path(directory, history, path, NULL) < 0 ||
        ese_history_read_open(path, &reader, NULL) < 0)
        return;
    ese_picture_number(ese_history_read_count(reader, counter), number);
    printf("  %-13s %s\n", what, number);
    ese_history_read_close(&reader);
}

static void print_counters(const char *directory)
{
    print_counter(directory, ESE_ARTIFACT_CLIENT_HISTORY, ESE_COUNT_OFFERED, "offered");
    print_counter(directory, ESE_ARTIFACT_CLIENT_HISTORY, ESE_COUNT_ACKNOWLEDGED, "acknowledged");
    print_counter(directory, ESE_ARTIFACT_CONSUMER_HISTORY, ESE_COUNT_PROCESSED, "processed");
    print_counter(directory, ESE_ARTIFACT_MAILER_HISTORY, ESE_COUNT_MAILS_SENT, "mails sent");
}

static int run_status(const struct ese_config *config, struct ese_error *error)
{
    (void)config;
    char directory[ESE_ARTIFACT_PATH_SIZE], path[ESE_ARTIFACT_PATH_SIZE], line[ESE_ARTIFACT_PATH_SIZE + 16];
    pid_t pid = ese_stay_running();
    if (pid == 0)
        return not_up();
    if (ese_stay_directory(directory, error) < 0 || ese_artifact_path(directory, "addresses", path, error) < 0)
        return -1;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        printf("the lab (process %d) is starting\n", (int)pid);
        return 0;
    }
    printf("the lab is up, process %d\n", (int)pid);
    while (fgets(line, sizeof line, file) != NULL) {
        printf("  %s", line);
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "artifacts ", 10) == 0)
            print_counters(line + 10);
    }
    fclose(file);
    return 0;
}

/* ---- down ---- */

static int run_down(const struct ese_config *config, struct ese_error *error)
{
    (void)config;
    pid_t pid = ese_stay_running();
    if (pid == 0)
        return not_up() == 1 ? 0 : 1; /* what is wanted is so already */
    if (kill(pid, SIGTERM) < 0)
        return ese_fail_errno(error, "cannot stop the lab, process %d", (int)pid);
    int64_t until = ese_clock_monotonic_ns() + DOWN_LIMIT_MS * ESE_NS_PER_MS;
    while (ese_stay_running() == pid) {
        if (ese_clock_monotonic_ns() > until)
            return ese_fail(error, ESE_E_TIMEOUT, "the lab (process %d) has not stopped within %d s",
                            (int)pid, DOWN_LIMIT_MS / 1000);
        if (ese_service_wait(50))
            return ese_fail(error, ESE_E_CLOSED, "stopped while waiting for the lab to go down");
    }
    printf("the lab is down\n");
    return 0;
}

/* ---- logs ---- */

static const struct ese_option log_options[] = {
    {.name = "follow", .letter = 'f', .kind = ESE_OPTION_FLAG, .help = "Go on showing what comes."},
    ESE_OPTION_END,
};

/* The path of every log under up/<label>/logs, behind the tail command's own words. */
static int add_logs(const char *directory, char **words, int count, int most)
{
    struct dirent **labels = NULL;
    int found = scandir(directory, &labels, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        static const char *const names[] = {"client", "server", "broker", "consumer", "mailer", "sink"};
        for (size_t n = 0; labels[i]->d_name[0] != '.' && n < ESE_COUNT_OF(names); n++) {
            struct ese_buffer path = ESE_BUFFER_INIT(ESE_ARTIFACT_PATH_SIZE);
            ese_buffer_printf(&path, "%s/%s/" ESE_ARTIFACT_LOGS "/%s.log", directory, labels[i]->d_name,
                              names[n]);
            if (count < most && access(path.text, R_OK) == 0)
                words[count++] = ese_buffer_detach(&path);
            ese_buffer_free(&path);
        }
        free(labels[i]);
    }
    free(labels);
    return count;
}

static int run_logs(const struct ese_config *config, struct ese_error *error)
{
    char directory[ESE_ARTIFACT_PATH_SIZE];
    char *words[64] = {ese_copy_text("tail"), ese_copy_text("-n"), ese_copy_text(LOG_LINES)};
    int count = 3;
    if (ese_stay_directory(directory, error) < 0)
        return -1;
    if (ese_config_flag(config, "follow"))
        words[count++] = ese_copy_text("-F");
    int first = count;
    count = add_logs(directory, words, count, (int)ESE_COUNT_OF(words) - 1);
    if (count == first)
        return not_up();
    execvp(words[0], words);
    return ese_fail_errno(error, "cannot run tail");
}

/* ---- the three commands ---- */

static const struct ese_option no_options[] = {ESE_OPTION_END};

static const struct ese_service status_service = {
    .manual = {.name = "ese-lab status", .summary = "says whether a lab is up, where, and how far it has come",
               .synopsis = "", .description = "Exit status 1 when none is up.", .examples = NULL},
    .options = no_options,
    .run = run_status,
};
static const struct ese_service down_service = {
    .manual = {.name = "ese-lab down", .summary = "stops the lab that 'up' started", .synopsis = "",
               .description = "Waits until all of it is gone.", .examples = NULL},
    .options = no_options,
    .run = run_down,
};
static const struct ese_service logs_service = {
    .manual = {.name = "ese-lab logs", .summary = "shows the last lines of every process's log",
               .synopsis = "", .description = "Of the lab that 'up' started, also after it is down.",
               .examples = NULL},
    .options = log_options,
    .run = run_logs,
};

static int status_main(int argc, char **argv)
{
    return ese_service_main(&status_service, argc, argv);
}

static int down_main(int argc, char **argv)
{
    return ese_service_main(&down_service, argc, argv);
}

static int logs_main(int argc, char **argv)
{
    return ese_service_main(&logs_service, argc, argv);
}

const struct ese_lab_command ese_lab_status = {
    .name = "status", .summary = "is a lab up, where, and how far has it come", .main = status_main};
const struct ese_lab_command ese_lab_down = {
    .name = "down", .summary = "stops the lab that 'up' started", .main = down_main};
const struct ese_lab_command ese_lab_logs = {
    .name = "logs", .summary = "the last lines of every process's log", .main = logs_main};
