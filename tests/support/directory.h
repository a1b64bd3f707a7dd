/*
 * directory.h - a fresh directory for a test's files, gone with all that is in it when the test is
 * over.
 */
#ifndef ESE_TEST_DIRECTORY_H
#define ESE_TEST_DIRECTORY_H

/* The path of a new, empty directory; the caller's, to be given to remove. */
char *ese_test_directory_make(void);

/* For a test that writes much which is synced: from here on its directories are in memory, where there
 * is any and nobody has named another place (TMPDIR). */
void ese_test_directories_in_memory(void);

/* Removes it with everything in it, frees the path and nulls it. NULL behind the pointer is
 * allowed. */
void ese_test_directory_remove(char **directory);

/* "directory/name"; the caller frees. */
char *ese_test_path(const char *directory, const char *name);

#endif
