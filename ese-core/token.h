/*
 * token.h - the secret a server asks for, from a file: never on a command line, never in a log.
 */
#ifndef ESE_TOKEN_H
#define ESE_TOKEN_H

#include "ese-core/error.h"

#define ESE_TOKEN_SIZE 257 /* at most 256 characters and the NUL */

/* The first line of the file, without blanks around it. path NULL gives "". A file that cannot
 * be read is ESE_E_USAGE, as is an empty first line, one that is too long, or one with
 * characters a header cannot carry. */
int ese_token_read(const char *path, char token[ESE_TOKEN_SIZE], struct ese_error *error);

#endif
