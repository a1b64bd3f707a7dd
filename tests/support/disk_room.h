/*
 * disk_room.h - a disk that is full to this process.
 */
#ifndef ESE_TEST_DISK_ROOM_H
#define ESE_TEST_DISK_ROOM_H

#include <stdbool.h>

/* As long as not, whatever would make a file longer fails, as with a quota (EFBIG, which is no ENOSPC). Of all threads;
 * SIGXFSZ is ignored from then on. Fails the test (cmocka) where that cannot be had. */
void ese_test_let_files_grow(bool yes);

#endif
