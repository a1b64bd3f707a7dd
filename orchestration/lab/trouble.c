#include "orchestration/lab/trouble.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/rule_bounds.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/program.h"

#define WELL "well"
#define RULE_SLOW_MOST_MS (ESE_RULE_COST_MOST_US / 1000)
#define SMTP_SLOW_MOST_MS 20000 /* whoever waits for longer than the mailer does loses sight of it */
#define CLOCK_MOST_MS (10 * 365 * 86400 * INT64_C(1000))

/* ---- files ----------------------------------------------------------------------------------- */

static int path_of(const char *directory, enum ese_role role, const char *what, char path[ESE_ARTIFACT_PATH_SIZE],
                   struct ese_error *error)
{
    char name[96];
    snprintf(name, sizeof name, ESE_ARTIFACT_TROUBLE "/%s.%s", ese_role_name(role), what);
    return ese_artifact_path(directory, name, path, error);
}

/* All of it or nothing: whoever looks may look at any moment. */
static int write_file(const char *path, const void *bytes, size_t length, struct ese_error *error)
{
    char fresh[ESE_ARTIFACT_PATH_SIZE + 8];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool is_written = file >= 0 && write(file, bytes, length) == (ssize_t)length;
    if (file >= 0 && close(file) != 0)
        is_written = false;
    return is_written && rename(fresh, path) == 0 ? 0 : ese_fail_errno(error, "cannot write %.300s", path);
}

static int remove_file(const char *path, struct ese_error *error)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : ese_fail_errno(error, "cannot remove %.300s", path);
}

/* ---- a disk ---------------------------------------------------------------------------------- */

static const struct {
    const char *how, *variable;
} disks[] = {{"full", "ESE_DISK_FULL"}, {"sync-fails", "ESE_DISK_SYNC_FAILS"}, {"short", "ESE_DISK_WRITE_SHORT"}};

/* What of the journey's directory is that party's disk: of a server what it keeps, of others their database. */
static int tell_disk(const char *directory, enum ese_role role, struct ese_process *process, struct ese_error *error)
{
    static const char *const only[ESE_ROLES] = {
        [ESE_ROLE_CONSUMER] = ESE_ARTIFACT_STATE "," ESE_ARTIFACT_STATE "-wal",
        [ESE_ROLE_MAILER] = ESE_ARTIFACT_OUTBOX "," ESE_ARTIFACT_OUTBOX "-wal",
    };
    char root[ESE_ARTIFACT_PATH_SIZE], when[ESE_ARTIFACT_PATH_SIZE + 1] = "@";
    snprintf(root, sizeof root, "%s", directory);
    if (role == ESE_ROLE_SERVER && ese_artifact_path(directory, ESE_ARTIFACT_SERVER, root, error) < 0)
        return -1;
    ese_process_environment(process, "ESE_DISK_ROOT", root);
    if (only[role] != NULL)
        ese_process_environment(process, "ESE_DISK_ONLY", only[role]);
    for (size_t i = 0; i < ESE_COUNT_OF(disks); i++) {
        if (path_of(directory, role, disks[i].how, when + 1, error) < 0)
            return -1;
        ese_process_environment(process, disks[i].variable, when);
    }
    return 0;
}

static int check_disk(const char *how, struct ese_error *error)
{
    for (size_t i = 0; i < ESE_COUNT_OF(disks); i++) {
        if (strcmp(how, disks[i].how) == 0)
            return 0;
    }
    return ese_fail(error, ESE_E_USAGE, "'%.40s' is nothing that befalls a disk: full, sync-fails, short or " WELL,
                    how);
}

/* One at a time. */
static int set_disk(const char *directory, enum ese_role role, const char *how, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    for (size_t i = 0; i < ESE_COUNT_OF(disks); i++) {
        bool is_this = strcmp(how, disks[i].how) == 0;
        if (path_of(directory, role, disks[i].how, path, error) < 0 ||
            (is_this ? write_file(path, "", 0, error) : remove_file(path, error)) < 0)
            return -1;
    }
    return 0;
}

/* ---- power ----------------------------------------------------------------------------------- */

static int tell_power(const char *directory, enum ese_role role, struct ese_process *process, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (tell_disk(directory, role, process, error) < 0 ||
        ese_artifact_path(directory, ESE_TROUBLE_JOURNAL, path, error) < 0)
        return -1;
    ese_process_environment(process, "ESE_DISK_JOURNAL", path);
    return 0;
}

static int check_power(const char *how, struct ese_error *error)
{
    int64_t seed;
    return ese_number_parse(how, "power: a seed", 1, 1000000000, &seed, error);
}

/* ---- a clock --------------------------------------------------------------------------------- */

/* "+3600s", "-500ms". */
static int read_offset(const char *how, int64_t *offset_ns, struct ese_error *error)
{
    static const struct ese_unit units[] = {{"ms", 1}, {"s", 1000}, {NULL, 0}};
    int64_t ms;
    if ((how[0] != '+' && how[0] != '-') ||
        ese_number_parse_in_units(how + 1, "a clock", units, 1, CLOCK_MOST_MS, &ms, NULL) < 0)
        return ese_fail(error, ESE_E_USAGE, "a clock is set by '%.40s'? write +3600s, -500ms or " WELL, how);
    *offset_ns = (how[0] == '-' ? -ms : ms) * ESE_NS_PER_MS;
    return 0;
}

/* It is mapped by who runs: written over, not replaced. */
static int set_clock(const char *directory, enum ese_role role, const char *how, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    int64_t offset_ns = 0;
    if ((strcmp(how, WELL) != 0 && read_offset(how, &offset_ns, error) < 0) ||
        path_of(directory, role, "clock", path, error) < 0)
        return -1;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    bool is_written = file >= 0 && pwrite(file, &offset_ns, sizeof offset_ns, 0) == (ssize_t)sizeof offset_ns;
    if (file >= 0 && close(file) != 0)
        is_written = false;
    return is_written ? 0 : ese_fail_errno(error, "cannot write %.300s", path);
}

static int tell_clock(const char *directory, enum ese_role role, struct ese_process *process, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (path_of(directory, role, "clock", path, error) < 0 || set_clock(directory, role, WELL, error) < 0)
        return -1;
    ese_process_environment(process, "ESE_CLOCK_FILE", path);
    return 0;
}

static int check_clock(const char *how, struct ese_error *error)
{
    int64_t offset_ns;
    return read_offset(how, &offset_ns, error);
}

/* ---- an SMTP server -------------------------------------------------------------------------- */

static int tell_smtp(const char *directory, enum ese_role role, struct ese_process *process, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (path_of(directory, role, "smtp", path, error) < 0)
        return -1;
    ese_process_environment(process, "ESE_SMTP_TROUBLE", path);
    return 0;
}

static int check_smtp(const char *how, struct ese_error *error)
{
    int64_t number;
    bool is_known = (strncmp(how, "refuse ", 7) == 0 && ese_number_parse(how + 7, "a code", 400, 599, &number,
                                                                         NULL) == 0) ||
                    (strncmp(how, "slow ", 5) == 0 && ese_number_parse(how + 5, "a time", 1, SMTP_SLOW_MOST_MS, &number,
                                                                       NULL) == 0);
    return is_known ? 0
                    : ese_fail(error, ESE_E_USAGE, "'%.40s' is nothing that an SMTP server does here: refuse 451, slow "
                                                   "500 (milliseconds, 20000 at most) or " WELL, how);
}

static int set_smtp(const char *directory, enum ese_role role, const char *how, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (path_of(directory, role, "smtp", path, error) < 0)
        return -1;
    return strcmp(how, WELL) == 0 ? remove_file(path, error) : write_file(path, how, strlen(how), error);
}

/* ---- a rule ---------------------------------------------------------------------------------- */

static int tell_rule(const char *directory, enum ese_role role, struct ese_process *process, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (path_of(directory, role, "rule", path, error) < 0)
        return -1;
    ese_process_option(process, "--rule-cost-file", path);
    return 0;
}

/* Of "slow 20" the 20. */
static int read_slowness(const char *how, int64_t *ms, struct ese_error *error)
{
    if (strncmp(how, "slow ", 5) == 0 && ese_number_parse(how + 5, "a time", 1, RULE_SLOW_MOST_MS, ms, NULL) == 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "'%.40s' is nothing that befalls a rule: slow 20 (milliseconds by event, %d at "
                                        "most) or " WELL, how, RULE_SLOW_MOST_MS);
}

static int check_rule(const char *how, struct ese_error *error)
{
    int64_t ms;
    return read_slowness(how, &ms, error);
}

static int set_rule(const char *directory, enum ese_role role, const char *how, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE], text[32];
    int64_t ms = 0;
    if (path_of(directory, role, "rule", path, error) < 0)
        return -1;
    if (strcmp(how, WELL) == 0)
        return remove_file(path, error);
    if (read_slowness(how, &ms, error) < 0)
        return -1;
    int length = snprintf(text, sizeof text, "%lld\n", (long long)ms * 1000);
    return write_file(path, text, (size_t)length, error);
}

/* ---- any of them ----------------------------------------------------------------------------- */

static const struct trouble {
    unsigned roles;
    const char *shim; /* to be preloaded; NULL: none */
    int (*tell)(const char *directory, enum ese_role role, struct ese_process *process, struct ese_error *error);
    int (*check)(const char *how, struct ese_error *error); /* but for WELL */
    int (*set)(const char *directory, enum ese_role role, const char *how, struct ese_error *error);
} troubles[ESE_ACTS] = {
    [ESE_ACT_DISK] = {ESE_ROLE_BIT(ESE_ROLE_SERVER) | ESE_ROLE_BIT(ESE_ROLE_CONSUMER) | ESE_ROLE_BIT(ESE_ROLE_MAILER),
                      "disk/ese-disk.so", tell_disk, check_disk, set_disk},
    [ESE_ACT_POWER] = {ESE_ROLE_BIT(ESE_ROLE_SERVER), "disk/ese-disk.so", tell_power, check_power, NULL},
    [ESE_ACT_CLOCK] = {ESE_ROLE_BIT(ESE_ROLE_CLIENT) | ESE_ROLE_BIT(ESE_ROLE_SERVER) | ESE_ROLE_BIT(ESE_ROLE_CONSUMER) |
                           ESE_ROLE_BIT(ESE_ROLE_READER) | ESE_ROLE_BIT(ESE_ROLE_CROWD) |
                           ESE_ROLE_BIT(ESE_ROLE_MAILER),
                       "clock/ese-clock.so", tell_clock, check_clock, set_clock},
    [ESE_ACT_RULE] = {ESE_ROLE_BIT(ESE_ROLE_CONSUMER), NULL, tell_rule, check_rule, set_rule},
    [ESE_ACT_SMTP] = {ESE_ROLE_BIT(ESE_ROLE_SINK), NULL, tell_smtp, check_smtp, set_smtp},
};

bool ese_trouble_is_for(enum ese_role role, enum ese_act act)
{
    return (troubles[act].roles & ESE_ROLE_BIT(role)) != 0;
}

int ese_trouble_prepare(const char *directory, enum ese_role role, enum ese_act act, struct ese_process *process,
                        struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    assert(ese_trouble_is_for(role, act));
    if (ese_artifact_path(directory, ESE_ARTIFACT_TROUBLE, path, error) < 0 || ese_artifact_directory(path, error) < 0)
        return -1;
    if (troubles[act].shim != NULL) {
        if (ese_program_find_shim(troubles[act].shim, path, error) < 0)
            return -1;
        ese_process_preload(process, path);
    }
    return troubles[act].tell(directory, role, process, error);
}

int ese_trouble_check(enum ese_act act, const char *how, struct ese_error *error)
{
    return strcmp(how, WELL) == 0 ? 0 : troubles[act].check(how, error);
}

int ese_trouble_set(const char *directory, enum ese_role role, enum ese_act act, const char *how,
                    struct ese_error *error)
{
    return troubles[act].set(directory, role, how, error);
}
