#include "ese-core/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Visible ASCII: what "Authorization: Bearer" may carry (RFC 6750 section 2.1 allows less). */
static size_t visible_length(const char *text)
{
    size_t length = 0;

    while (text[length] > ' ' && text[length] <= '~')
        length++;
    return length;
}

int ese_token_read(const char *path, char token[ESE_TOKEN_SIZE], struct ese_error *error)
{
    char line[ESE_TOKEN_SIZE + 16]; /* room for blanks and the end of the line */
    FILE *file;

    token[0] = '\0';
    if (path == NULL)
        return 0;
    file = fopen(path, "re");
    char *got = file == NULL ? NULL : fgets(line, sizeof(line), file);
    if (file == NULL || ferror(file)) {
        ese_fail_path(error, "the token file", path, "a file whose first line is the token");
        if (file != NULL)
            fclose(file);
        return -1;
    }
    fclose(file);

    const char *start = got != NULL ? line + strspn(line, " \t") : "";
    size_t length = visible_length(start);
    const char *rest = start + length + strspn(start + length, " \t\r\n");
    if (length == 0 || length >= ESE_TOKEN_SIZE || *rest != '\0')
        return ese_fail(error, ESE_E_USAGE,
                        "the first line of the token file '%s' must be 1 to %d visible characters",
                        path, ESE_TOKEN_SIZE - 1);
    memcpy(token, start, length);
    token[length] = '\0';
    return 0;
}
