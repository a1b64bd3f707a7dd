#include "orchestration/lab/running.h"

#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/watched.h"

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
    struct ese_watched watched;
    if (ese_watched_read(run, &watched, NULL) == 0 && watched.names[0] != '\0')
        return true;
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
    struct ese_watched watched;
    struct ese_results *results;
    int64_t movement; /* something that changes as long as anything moves */
    bool is_settled;
};

static bool has_settled(const struct ese_fold_progress *progress)
{
    return progress->waiting == 0 && progress->unread[0] == '\0' && progress->has_store &&
           progress->has_inbox;
}

/* Who is not followed cannot be judged. */
static void say_unfollowed(const struct ese_fold_progress *progress, struct ese_judgement *judgement)
{
    if (progress->unread[0] != '\0' || (progress->has_store && progress->has_inbox))
        return;
    struct ese_verdict untold = {.word = ESE_VERDICT_CANNOT_TELL};
    snprintf(untold.reason, sizeof untold.reason,
             "the %s has not been read since the check began: does it serve, and does ese-lab watch run?",
             progress->has_store ? "inbox" : "store");
    judgement->ledger_verdict = untold;
}

/* Nothing of this one can be judged; the others still can. */
static void say_untold(struct check *check, struct ese_results_transport *result, const char *why)
{
    ese_judge_nothing(why, &result->judgement);
    result->drained = check->is_settled = false;
}

static void look(struct check *check, const char *transport)
{
    struct ese_fold_progress progress;
    struct ese_error error;
    struct ese_results_transport *result = &check->results->transports[check->results->count++];
    const struct ese_running_options options = {.run = check->run, .transport = transport,
                                                .until_ns = check->begun_ns};
    *result = (struct ese_results_transport){.durability = ESE_DURABILITY_OS, .drained = true};
    if (ese_running_turn(&options, result, &progress, &error) == -1) {
        say_untold(check, result, error.text);
        return;
    }
    result->drained = has_settled(&progress);
    check->is_settled &= result->drained;
    check->movement += progress.waiting + progress.has_store + progress.has_inbox;
    say_unfollowed(&progress, &result->judgement);
}

/* Of a run whose watch has not told whom it watches, all that have books. */
static void look_at_all(struct check *check)
{
    struct ese_results *results = check->results;
    bool is_told = check->watched.names[0] != '\0';
    results->count = results->unwatched_count = 0;
    check->movement = 0;
    check->is_settled = true;
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        const char *name = entry->transport->name;
        bool has_books = has_fold(check->run, name);
        bool is_watched = is_told ? ese_watched_is(&check->watched, name) : has_books;
        if (is_watched && results->count < ESE_RESULTS_TRANSPORTS)
            look(check, name);
        else if (has_books && results->unwatched_count < ESE_RESULTS_TRANSPORTS)
            results->unwatched[results->unwatched_count++] = name;
    }
}

int ese_running_check(const char *run, struct ese_results *results, struct ese_error *error)
{
    struct check check = {.run = run, .begun_ns = ese_clock_monotonic_ns(), .results = results};
    int64_t moved_ns = check.begun_ns, last = -1;
    *results = (struct ese_results){.count = 0};
    if (ese_watched_read(run, &check.watched, error) == -1)
        return -1;
    for (;;) {
        look_at_all(&check);
        if (results->count == 0)
            return ese_fail(error, ESE_E_INVALID, "nothing of %.200s can be judged: tell ese-lab watch whom to watch "
                                                  "(--transports)", run);
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
