/* ese-lab status and down: about the lab that `up` left in the background. */
#include <signal.h>

#include "ese-core/clock.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/standing.h"
#include "orchestration/lab/stay.h"

#define DOWN_LIMIT_MS 30000

#define JSON_OPTION(text) {.name = "json", .kind = ESE_OPTION_FLAG, .help = text}

/* Exit status 1 when none is up. */
static int show(pid_t pid, bool json, struct ese_error *error)
{
    struct ese_standing standing;
    if (ese_standing_read(pid, &standing, error) < 0)
        return -1;
    if (json)
        ese_standing_write_json(&standing, stdout);
    else
        ese_standing_write(&standing, stdout);
    return pid == 0 ? 1 : 0;
}

/* ---- status ---- */

static const struct ese_option status_options[] = {
    JSON_OPTION("Prints one JSON object."),
    ESE_OPTION_END,
};

static int run_status(const struct ese_config *config, struct ese_error *error)
{
    return show(ese_stay_running(), ese_config_flag(config, "json"), error);
}

/* ---- down ---- */

static const struct ese_option down_options[] = {
    JSON_OPTION("Prints how the lab stands afterwards, as status --json does."),
    ESE_OPTION_END,
};

static int run_down(const struct ese_config *config, struct ese_error *error)
{
    bool json = ese_config_flag(config, "json");
    pid_t pid = ese_stay_running();
    if (pid == 0)
        return show(0, json, error) == 1 ? 0 : -1; /* what is wanted is so already */
    if (kill(pid, SIGTERM) < 0)
        return ese_fail_errno(error, "cannot stop the lab, process %d", (int)pid);
    int64_t until = ese_clock_monotonic_ns() + DOWN_LIMIT_MS * ESE_NS_PER_MS;
    while (ese_stay_running() == pid) {
        if (ese_clock_monotonic_ns() > until)
            return ese_fail(error, ESE_E_TIMEOUT, "the lab (process %d) has not stopped within %d s: './lab logs' "
                                                  "tells what it waits for", (int)pid, DOWN_LIMIT_MS / 1000);
        if (ese_service_wait(50))
            return ese_fail(error, ESE_E_CLOSED, "stopped while waiting for the lab to go down");
    }
    if (json)
        return show(0, true, error) == 1 ? 0 : -1;
    printf("the lab is down\n");
    return 0;
}

/* ---- both commands ---- */

static const struct ese_service status_service = {
    .manual = {.name = "ese-lab status", .summary = "says whether a lab is up, where, and how far it has come",
               .synopsis = "", .description = "Exit status 1 when none is up.", .examples = NULL},
    .options = status_options,
    .is_command = true,
    .run = run_status,
};
static const struct ese_service down_service = {
    .manual = {.name = "ese-lab down", .summary = "stops the lab that 'up' started", .synopsis = "",
               .description = "Waits until all of it is gone.", .examples = NULL},
    .options = down_options,
    .is_command = true,
    .run = run_down,
};

static int status_main(int argc, char **argv)
{
    return ese_service_main(&status_service, argc, argv);
}

static int down_main(int argc, char **argv)
{
    return ese_service_main(&down_service, argc, argv);
}

const struct ese_lab_command ese_lab_status = {
    .name = "status", .summary = "is a lab up, where, and how far has it come", .main = status_main};
const struct ese_lab_command ese_lab_down = {
    .name = "down", .summary = "stops the lab that 'up' started", .main = down_main};
