/*
 * log_file.h - a log that other processes append to (O_APPEND), held within a bound.
 *
 * What they write cannot be sent elsewhere while they live: the file is theirs. So its content is
 * copied to FILE.1, in place of what was there, and the file is emptied; those who append go on at
 * its new end. A line that is written in the instant between the two is lost. Where FILE.1 cannot
 * be written (a full disk), the content is given up.
 */
#ifndef ESE_LOG_FILE_H
#define ESE_LOG_FILE_H

#include <stdint.h>

/* Does so when the file has grown beyond most_bytes. A file that is not there is none too large. */
void ese_log_file_bound(const char *path, int64_t most_bytes);

#endif
