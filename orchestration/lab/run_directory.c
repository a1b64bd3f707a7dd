#include "orchestration/lab/run_directory.h"

#include <dirent.h>
#include <ftw.h>
#include <stdbool.h>
#include <unistd.h>

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

static void remove_oldest(const char *runs)
{
    struct dirent **names = NULL;
    int count = scandir(runs, &names, is_run, alphasort);
    for (int i = 0; i < count; i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        if (i < count - ESE_RUN_DIRECTORIES_KEPT &&
            ese_artifact_path(runs, names[i]->d_name, path, NULL) == 0)
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

static int name_new(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    char runs[ESE_ARTIFACT_PATH_SIZE], name[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(name, sizeof name, "%Y%m%d-%H%M%S", &local);
    if (ese_artifact_path(ese_lab_home(), "runs", runs, error) < 0 ||
        ese_artifact_path(runs, name, path, error) < 0)
        return -1;
    if (ese_artifact_directory(path, error) < 0)
        return -1;
    remove_oldest(runs);
    return 0;
}

int ese_run_directory_make(const char *wanted, char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    char relative[ESE_ARTIFACT_PATH_SIZE];
    if (wanted == NULL) {
        if (name_new(relative, error) < 0)
            return -1;
    } else {
        snprintf(relative, sizeof relative, "%s", wanted);
        if (holds_something(relative))
            return ese_fail(error, ESE_E_USAGE, "--out: %.300s is not empty: name a new directory", wanted);
        if (ese_artifact_directory(relative, error) < 0)
            return -1;
    }
    char *absolute = realpath(relative, NULL);
    if (absolute == NULL)
        return ese_fail_errno(error, "cannot find %.300s", relative);
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s", absolute);
    free(absolute);
    return 0;
}
