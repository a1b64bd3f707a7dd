#include "orchestration/lab/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/memory.h"

#define NAMES_TRIED 60

const char *ese_lab_home(void)
{
    const char *home = getenv("ESE_LAB_HOME");
    return home != NULL && home[0] != '\0' ? home : ".lab";
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void ese_directory_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Names of runs are times ("20260131-120000"), so that sorting them by name sorts them by age. */
static int is_run(const struct dirent *entry)
{
    return strlen(entry->d_name) == 15 && strspn(entry->d_name, "0123456789-") == 15;
}

/* Who makes a run holds its directory for as long as he lives; the system lets go of it. */
static void hold(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        flock(directory, LOCK_SH);
}

static bool is_held(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool held = directory >= 0 && flock(directory, LOCK_EX | LOCK_NB) < 0;
    if (directory >= 0)
        close(directory);
    return held;
}

static void remove_oldest(const char *runs)
{
    struct dirent **names = NULL;
    int count = scandir(runs, &names, is_run, alphasort);
    for (int i = 0; i < count; i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        if (i < count - ESE_RUN_DIRECTORIES_KEPT &&
            ese_artifact_path(runs, names[i]->d_name, path, NULL) == 0 && !is_held(path))
            ese_directory_remove(path);
        free(names[i]);
    }
    free(names);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool holds_something(const char *path)
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_entry, NULL);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return count > 0;
}

int ese_lab_home_make(const char *name, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    struct ese_error reason;
    if (ese_artifact_path(ese_lab_home(), name, path, &reason) == 0 &&
        ese_artifact_directory(path, &reason) == 0)
        return 0;
    return ese_fail(error, ESE_E_MISSING, "%s; set ESE_LAB_HOME to a directory that can be written",
                    reason.text);
}

/* A run's name is the second it begins in, and mkdir gives it to one: who comes in the same second
 * takes the next. */
static int make_new(const char *runs, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    time_t now = time(NULL);
    for (time_t time = now; time < now + NAMES_TRIED; time++) {
        char name[32];
        struct tm local;
        strftime(name, sizeof name, "%Y%m%d-%H%M%S", localtime_r(&time, &local));
        if (ese_artifact_path(runs, name, path, error) < 0)
            return -1;
        if (mkdir(path, 0755) == 0)
            return 0;
        if (errno != EEXIST)
            return ese_fail_errno(error, "cannot make the directory %.300s", path);
    }
    return ese_fail(error, ESE_E_CONFLICT, "%.300s is there already, and the names behind it: name a "
                    "directory by --out", path);
}

static int name_new(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    char runs[ESE_ARTIFACT_PATH_SIZE];
    if (ese_lab_home_make("runs", runs, error) < 0 || make_new(runs, path, error) < 0)
        return -1;
    hold(path);
    remove_oldest(runs);
    return 0;
}

int ese_given_directory_make(const char *option, const char *path, struct ese_error *error)
{
    struct ese_error reason;
    if (ese_artifact_directory(path, &reason) == 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "%s: %s; name another directory", option, reason.text);
}

static int make_wanted(const char *wanted, struct ese_error *error)
{
    if (holds_something(wanted))
        return ese_fail(error, ESE_E_USAGE, "--out: %.300s is not empty: name a new directory",
                        wanted);
    return ese_given_directory_make("--out", wanted, error);
}

int ese_run_directory_make(const char *wanted, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    char new[ESE_ARTIFACT_PATH_SIZE];
    if (wanted == NULL ? name_new(new, error) < 0 : make_wanted(wanted, error) < 0)
        return -1;
    char *absolute = realpath(wanted == NULL ? new : wanted, NULL);
    if (absolute == NULL)
        return ese_fail_errno(error, "cannot find %.300s", wanted == NULL ? new : wanted);
    int fitted = ese_fit_text(path, ESE_ARTIFACT_PATH_SIZE, absolute);
    free(absolute);
    if (fitted == 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--out: the path is longer than %d bytes, give a shorter one",
                    ESE_ARTIFACT_PATH_SIZE - 1);
}
