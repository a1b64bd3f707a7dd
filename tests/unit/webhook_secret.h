/*
 * webhook_secret.h - secrets that a test has written down.
 */
#ifndef ESE_TEST_WEBHOOK_SECRET_H
#define ESE_TEST_WEBHOOK_SECRET_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/support/directory.h"
#include "transports/webhook/signature.h"

/* Writes such a file, which nobody else may read. */
static inline void webhook_secret_write(const char *path, const char *content)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What a file with that text comes to; as ese_webhook_secret_read. */
static inline int webhook_secret_of(const char *content, struct ese_webhook_secret *secret)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "secrets");

    webhook_secret_write(path, content);
    int result = ese_webhook_secret_read(path, secret, NULL);
    free(path);
    ese_test_directory_remove(&directory);
    return result;
}

#endif
