#include "orchestration/lab/stay.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "orchestration/lab/run_directory.h"

#define LOCK "lock"

int ese_stay_directory(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    return ese_artifact_path(ese_lab_home(), "up", path, error);
}

int ese_stay_directory_make(char path[ESE_ARTIFACT_PATH_SIZE], struct ese_error *error)
{
    return ese_lab_home_make("up", path, error);
}

static int open_lock(int flags)
{
    char directory[ESE_ARTIFACT_PATH_SIZE], path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_stay_directory(directory, NULL) < 0 ||
        ese_artifact_path(directory, LOCK, path, NULL) < 0)
        return -1;
    return open(path, flags | O_CLOEXEC, 0644);
}

/* A POSIX record lock names its holder, and goes when the holder does. */
pid_t ese_stay_running(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int handle = open_lock(O_RDWR);
    if (handle < 0)
        return 0;
    bool asked = fcntl(handle, F_GETLK, &lock) == 0;
    close(handle);
    return asked && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

static int is_left_over(const struct dirent *entry)
{
    static const char *const stay[] = {".", "..", LOCK};
    for (size_t i = 0; i < sizeof stay / sizeof stay[0]; i++) {
        if (strcmp(entry->d_name, stay[i]) == 0)
            return 0;
    }
    return 1;
}

static void remove_left_overs(const char *directory)
{
    struct dirent **names = NULL;
    int count = scandir(directory, &names, is_left_over, NULL);
    for (int i = 0; i < count; i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        if (ese_artifact_path(directory, names[i]->d_name, path, NULL) == 0)
            ese_directory_remove(path);
        free(names[i]);
    }
    free(names);
}

int ese_stay_lock(struct ese_error *error)
{
    char directory[ESE_ARTIFACT_PATH_SIZE];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (ese_stay_directory_make(directory, error) < 0)
        return -1;
    int handle = open_lock(O_RDWR | O_CREAT); /* kept open: closing it would let the lock go */
    if (handle < 0)
        return ese_fail_errno(error, "cannot write %.300s/" LOCK, directory);
    if (fcntl(handle, F_SETLK, &lock) < 0) {
        close(handle);
        return ese_fail(error, ESE_E_CONFLICT, "a lab is up already (process %d): './lab down' stops it",
                        (int)ese_stay_running());
    }
    remove_left_overs(directory);
    return 0;
}
