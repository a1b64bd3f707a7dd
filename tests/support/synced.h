/*
 * synced.h - whether a file, or the names in a directory, are synced. A test that calls it has fdatasync(2) counted,
 * which is done all the same.
 */
#ifndef ESE_TEST_SYNCED_H
#define ESE_TEST_SYNCED_H

/* From here on those of what is at path are counted. It has to be there. */
void ese_test_synced_watch(const char *path);

int ese_test_synced(void); /* how many there were. Any thread. */

#endif
