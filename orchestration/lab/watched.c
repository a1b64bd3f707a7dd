#include "orchestration/lab/watched.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "orchestration/lab/artifacts.h"

int ese_watched_add(struct ese_watched *watched, const char *name, struct ese_error *error)
{
    size_t used = strlen(watched->names), left = sizeof watched->names - used;
    if (strlen(name) + 2 > left)
        return ese_fail(error, ESE_E_USAGE, "--transports: %.100s is one too many to be watched at once: leave some "
                                            "away", name);
    snprintf(watched->names + used, left, "%s\n", name);
    return 0;
}

bool ese_watched_is(const struct ese_watched *watched, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = watched->names; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (strcspn(line, "\n") == length && strncmp(line, name, length) == 0)
            return true;
    }
    return false;
}

int ese_watched_write(const char *run, const struct ese_watched *watched, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE], part[ESE_ARTIFACT_PATH_SIZE];
    if (ese_artifact_path(run, ESE_ARTIFACT_WATCHED, path, error) == -1 ||
        ese_artifact_path(run, ESE_ARTIFACT_WATCHED ".part", part, error) == -1)
        return -1;
    FILE *file = fopen(part, "we");
    if (file == NULL)
        return ese_fail_errno(error, "cannot write %.300s", part);
    fputs(watched->names, file);
    if (fclose(file) != 0 || rename(part, path) != 0)
        return ese_fail_errno(error, "cannot write %.300s", path);
    return 0;
}

int ese_watched_read(const char *run, struct ese_watched *watched, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    *watched = (struct ese_watched){.names = ""};
    if (ese_artifact_path(run, ESE_ARTIFACT_WATCHED, path, error) == -1)
        return -1;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT ? 0 : ese_fail_errno(error, "cannot read %.300s", path);
    size_t length = fread(watched->names, 1, sizeof watched->names - 2, file);
    bool is_read = ferror(file) == 0;
    fclose(file);
    if (!is_read)
        return ese_fail(error, ESE_E_IO, "cannot read %.300s", path);
    if (length > 0 && watched->names[length - 1] != '\n')
        watched->names[length] = '\n';
    return 0;
}
