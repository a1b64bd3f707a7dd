#include "ese-core/token.h"

#include <string.h>

#include "ese-core/secret.h"

/* Visible ASCII: what "Authorization: Bearer" may carry (RFC 6750 section 2.1 allows less). */
static size_t visible_length(const char *text)
{
    size_t length = 0;

    while (text[length] > ' ' && text[length] <= '~')
        length++;
    return length;
}

static int take(const char *path, const char *line, char token[ESE_TOKEN_SIZE], struct ese_error *error)
{
    const char *start = line + strspn(line, " \t");
    size_t length = visible_length(start);
    const char *rest = start + length + strspn(start + length, " \t");
    if (length == 0 || length >= ESE_TOKEN_SIZE || *rest != '\0')
        return ese_fail(error, ESE_E_USAGE, "%s%.200s%s must be 1 to %d visible characters",
                        path != NULL ? "the first line of the token file '" : "the environment's ",
                        path != NULL ? path : ESE_TOKEN_VARIABLE, path != NULL ? "'" : "",
                        ESE_TOKEN_SIZE - 1);
    memcpy(token, start, length);
    token[length] = '\0';
    return 0;
}

int ese_token_read(const char *path, char token[ESE_TOKEN_SIZE], struct ese_error *error)
{
    char line[ESE_SECRET_SIZE];
    const struct ese_secret_place place = {
        .path = path, .variable = ESE_TOKEN_VARIABLE, .what = "the token file"};
    token[0] = '\0';
    int found = ese_secret_read(&place, line, error);
    int result = found == 1 ? take(path, line, token, error) : found;
    explicit_bzero(line, sizeof line);
    return result;
}

/* Each stands still at its end, and as many steps are taken whatever they are. */
bool ese_token_matches(const char *token, const char *given)
{
    volatile unsigned different = 0;
    for (int i = 0; i < ESE_TOKEN_SIZE; i++) {
        different |= (unsigned)(*token ^ *given);
        token += *token != '\0';
        given += *given != '\0';
    }
    return different == 0;
}
