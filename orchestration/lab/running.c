#include "orchestration/lab/running.h"

#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"

#define LOOK_EVERY_MS 500
#define STILL_NS (12 * ESE_NS_PER_S) /* nothing moved for so long, a group's wait for a dead member included */
#define LIMIT_NS (60 * ESE_NS_PER_S)

static bool has_fold(const char *run, const char *transport)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    snprintf(path, sizeof path, "%.700s/%.100s/%s", run, transport, ESE_ARTIFACT_FOLD);
    return access(path, F_OK) == 0;
}

bool ese_running_is(const char *run)
{
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        if (has_fold(run, entry->transport->name))
            return true;
    }
    return false;
}

int ese_running_turn(const struct ese_running_options *options, struct ese_results_transport *result,
                     struct ese_fold_progress *progress, struct ese_error *error)
{
    char directory[ESE_ARTIFACT_PATH_SIZE], mailers[ESE_ARTIFACT_PATH_SIZE];
    const struct ese_registry_entry *entry;
    struct stat status;
    if (ese_registry_find(options->transport, &entry, error) == -1 ||
        ese_artifact_path(options->run, options->transport, directory, error) == -1 ||
        ese_artifact_path(options->run, ESE_RUNNING_MAILER, mailers, error) == -1)
        return -1;
    bool has_own_mailer = stat(mailers, &status) != 0;
    const struct ese_fold_options fold = {
        .directory = directory, .mailers = has_own_mailer ? directory : mailers,
        .transport = options->transport, .promises = &entry->transport->promises,
        .until_ns = options->until_ns, .fold_ns = options->fold_ns};
    snprintf(result->name, sizeof result->name, "%s", options->transport);
    result->durability =
        ese_durability_within(entry->transport->promises.durability, result->durability);
    return ese_fold_turn(&fold, &result->judgement, progress, error);
}

/* ---- as of now ------------------------------------------------------------------------------- */

struct check {
    const char *run;
    int64_t begun_ns; /* by the clock of this boot */
    struct ese_results *results;
    int64_t movement; /* something that changes as long as anything moves */
    bool is_settled;
};

/* Who is not followed cannot be judged. */
static void say_unfollowed(const struct ese_fold_progress *progress, struct ese_judgement *judgement)
{
    if (progress->has_store && progress->has_inbox)
        return;
    struct ese_verdict untold = {.word = ESE_VERDICT_CANNOT_TELL};
    snprintf(untold.reason, sizeof untold.reason,
             "the %s has not been read since the check began: does it serve, and does ese-lab watch run?",
             progress->has_store ? "inbox" : "store");
    judgement->ledger_verdict = untold;
}

static int look(struct check *check, const char *transport, struct ese_error *error)
{
    struct ese_fold_progress progress;
    struct ese_results_transport *result = &check->results->transports[check->results->count++];
    const struct ese_running_options options = {.run = check->run, .transport = transport,
                                                .until_ns = check->begun_ns};
    *result = (struct ese_results_transport){.durability = ESE_DURABILITY_OS, .drained = true};
    if (ese_running_turn(&options, result, &progress, error) == -1)
        return ese_fail_within(error, "%s", transport);
    result->drained = progress.has_store && progress.has_inbox && progress.waiting == 0;
    check->is_settled &= result->drained;
    check->movement += progress.waiting + progress.has_store + progress.has_inbox;
    say_unfollowed(&progress, &result->judgement);
    return 0;
}

static int look_at_all(struct check *check, struct ese_error *error)
{
    check->results->count = 0;
    check->movement = 0;
    check->is_settled = true;
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        if (has_fold(check->run, entry->transport->name) &&
            check->results->count < ESE_RESULTS_TRANSPORTS &&
            look(check, entry->transport->name, error) == -1)
            return -1;
    }
    return 0;
}

int ese_running_check(const char *run, struct ese_results *results, struct ese_error *error)
{
    struct check check = {.run = run, .begun_ns = ese_clock_monotonic_ns(), .results = results};
    int64_t moved_ns = check.begun_ns, last = -1;
    *results = (struct ese_results){.count = 0};
    for (;;) {
        if (look_at_all(&check, error) == -1)
            return -1;
        int64_t now_ns = ese_clock_monotonic_ns();
        if (check.movement != last)
            moved_ns = now_ns;
        last = check.movement;
        if (check.is_settled || now_ns - moved_ns > STILL_NS || now_ns - check.begun_ns > LIMIT_NS)
            return 0;
        if (ese_service_wait(LOOK_EVERY_MS))
            return ese_fail(error, ESE_E_CLOSED, "stopped before the walk had come to rest");
    }
}
