#include "orchestration/lab/artifacts.h"

#include <ctype.h>
#include <errno.h>
#include <sys/stat.h>

void ese_artifact_label(const char *specification, char *label, size_t size)
{
    size_t at = 0;
    for (const char *c = specification; *c != '\0' && at + 1 < size; c++)
        label[at++] = (isalnum((unsigned char)*c) || strchr(".-+", *c) != NULL) ? *c : '_';
    label[at] = '\0';
}

void ese_artifact_member(int member, char name[ESE_ARTIFACT_MEMBER_SIZE])
{
    snprintf(name, ESE_ARTIFACT_MEMBER_SIZE, "consumer-%d.history", member);
}

void ese_artifact_client(int client, char name[ESE_ARTIFACT_MEMBER_SIZE])
{
    if (client == 1)
        snprintf(name, ESE_ARTIFACT_MEMBER_SIZE, "%s", ESE_ARTIFACT_CLIENT_HISTORY);
    else
        snprintf(name, ESE_ARTIFACT_MEMBER_SIZE, "client-%d.history", client);
}

void ese_artifact_reader(int reader, char name[ESE_ARTIFACT_MEMBER_SIZE])
{
    snprintf(name, ESE_ARTIFACT_MEMBER_SIZE, "reader-%d.history", reader);
}

int ese_artifact_path(const char *directory, const char *name, char path[ESE_ARTIFACT_PATH_SIZE],
                      struct ese_error *error)
{
    int length = snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/%s", directory, name);
    if (length >= ESE_ARTIFACT_PATH_SIZE)
        return ese_fail(error, ESE_E_USAGE, "the path %.80s.../%s is longer than %d bytes: choose a shorter --out",
                        directory, name, ESE_ARTIFACT_PATH_SIZE);
    return 0;
}

const char *ese_artifact_shorten(const char *directory, struct ese_error *error)
{
    size_t length = strlen(directory);
    char *at = error->text;
    while (length > 0 && (at = strstr(at, directory)) != NULL) {
        if (at[length] == '/')
            memmove(at, at + length + 1, strlen(at + length + 1) + 1);
        else
            at += length;
    }
    return error->text;
}

int ese_artifact_directory(const char *path, struct ese_error *error)
{
    char part[ESE_ARTIFACT_PATH_SIZE];
    struct stat status;
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return ese_fail(error, ESE_E_USAGE, "the path %.80s... is longer than %d bytes: choose a shorter one", path,
                        ESE_ARTIFACT_PATH_SIZE - 1);
    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return ese_fail_errno(error, "cannot make the directory %.300s", part);
        if (slash == NULL)
            break;
        *slash = '/';
    }
    if (stat(part, &status) == 0 && S_ISDIR(status.st_mode))
        return 0;
    return ese_fail(error, ESE_E_IO, "%.300s is there and no directory", part);
}

struct ese_history_reader *ese_artifact_history(const char *directory, const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_history_reader *reader = NULL;
    if (ese_artifact_path(directory, name, path, NULL) == 0)
        (void)ese_history_read_open(path, &reader, NULL);
    return reader;
}
