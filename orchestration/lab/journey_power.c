/* The power goes: a party dies, and what of its disk was not synced may be gone (docs/bad-disks.md). */
#include <errno.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/journey_parts.h"
#include "orchestration/lab/program.h"
#include "orchestration/lab/trouble.h"

#define CUT_LIMIT_MS 60000
#define BEFORE ESE_ARTIFACT_SERVER ".before" /* what the disk would have had, had the power not gone */
#define AFTER ESE_ARTIFACT_TROUBLE "/after"

struct cut {
    char journal[ESE_ARTIFACT_PATH_SIZE];
    char disk[ESE_ARTIFACT_PATH_SIZE];
    char before[ESE_ARTIFACT_PATH_SIZE];
    char after[ESE_ARTIFACT_PATH_SIZE];
    char log[ESE_ARTIFACT_PATH_SIZE];
};

static int name_paths(const struct ese_journey *journey, struct cut *cut, struct ese_error *error)
{
    const struct {
        const char *name;
        char *path;
    } paths[] = {{ESE_TROUBLE_JOURNAL, cut->journal}, {ESE_ARTIFACT_SERVER, cut->disk}, {BEFORE, cut->before},
                 {AFTER, cut->after}, {ESE_ARTIFACT_LOGS "/power-cut.log", cut->log}};
    for (size_t i = 0; i < ESE_COUNT_OF(paths); i++) {
        if (ese_artifact_path(journey->directory, paths[i].name, paths[i].path, error) < 0)
            return -1;
    }
    return 0;
}

/* Draws what has survived. */
static int draw(const struct cut *cut, const char *seed, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_program_find("ese-power-cut", path, error) < 0 || ese_artifact_directory(cut->after, error) < 0)
        return -1;
    struct ese_process *process = ese_process_new("ese-power-cut", cut->log);
    ese_process_argument(process, path);
    ese_process_option(process, "--journal", cut->journal);
    ese_process_option(process, "--seed", seed);
    ese_process_option(process, "--into", cut->after);
    int status = ese_process_start(process, error);
    if (status == 0 && (!ese_process_wait(process, CUT_LIMIT_MS) || ese_process_status(process) != 0))
        status = ese_fail(error, ESE_E_IO, "the power could not be cut: see %.300s", cut->log);
    ese_process_free(&process);
    return status;
}

int ese_journey_power(struct ese_journey *journey, enum ese_role role, const char *seed, struct ese_error *error)
{
    struct ese_process *process = journey->role[role].process;
    struct cut cut;
    ese_journey_kill(journey, role, ESE_MEMBERS_ALL);
    ese_process_kill(process); /* what it has written is in the journal, then */
    if (name_paths(journey, &cut, error) < 0)
        return -1;
    if (access(cut.journal, F_OK) != 0) /* it keeps nothing on its disk, or the power has gone before */
        return 0;
    if (draw(&cut, seed, error) < 0)
        return -1;
    if (rename(cut.disk, cut.before) != 0 || rename(cut.after, cut.disk) != 0 || unlink(cut.journal) != 0)
        return ese_fail_errno(error, "%s cannot be exchanged for what a power cut left", cut.disk);
    ese_process_environment(process, "ESE_DISK_JOURNAL", ""); /* its next life has a disk that is as any */
    return 0;
}
