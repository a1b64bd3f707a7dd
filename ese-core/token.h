/*
 * token.h - the secret a server asks for: from a file or the environment (secret.h), never on a
 * command line, never in a log.
 */
#ifndef ESE_TOKEN_H
#define ESE_TOKEN_H

#include <stdbool.h>

#include "ese-core/error.h"

#define ESE_TOKEN_SIZE 257 /* at most 256 characters and the NUL */
#define ESE_TOKEN_VARIABLE "ESE_TOKEN"

/* The first line of the file, without blanks around it; path NULL: the variable above, or "" where it
 * is not set. ESE_E_USAGE when there is one that is empty, too long, or has characters a header
 * cannot carry, or the file cannot be read, or others can read it. */
int ese_token_read(const char *path, char token[ESE_TOKEN_SIZE], struct ese_error *error);

/* Whether they are the same, in a time that depends on neither: nobody finds a token letter by letter,
 * nor how long it is. */
bool ese_token_matches(const char *token, const char *given);

#endif
