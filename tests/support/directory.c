#include "tests/support/directory.h"

#include <ftw.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"

char *ese_test_path(const char *directory, const char *name)
{
    struct ese_buffer path = ESE_BUFFER_INIT(4096);
    ese_buffer_printf(&path, "%s/%s", directory, name);
    return ese_buffer_detach(&path);
}

void ese_test_directories_in_memory(void)
{
    if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
}

char *ese_test_directory_make(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = ese_test_path(parent != NULL ? parent : "/tmp", "ese-test-XXXXXX");
    if (mkdtemp(path) == NULL) {
        perror(path);
        exit(1);
    }
    return path;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void ese_test_directory_remove(char **directory)
{
    if (*directory == NULL)
        return;
    nftw(*directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*directory);
    *directory = NULL;
}
