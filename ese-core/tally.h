/*
 * tally.h - what this process asks of disk and network, counted so that it survives kill -9.
 *
 * The counts stand in memory, or, once a file is named, in a shared mapping of it: what is counted there the kernel
 * has, whatever happens to the process, and the next life of the same party goes on from there. Anybody may read the
 * file at any time. Thread-safe; it costs an addition.
 */
#ifndef ESE_TALLY_H
#define ESE_TALLY_H

#include <stdint.h>

#include "ese-core/error.h"

enum ese_tally {
    ESE_TALLY_SYNCS,         /* of files and directories, that came back successful */
    ESE_TALLY_ANSWERED,      /* HTTP requests */
    ESE_TALLY_ASKED,         /* HTTP requests, of others */
    ESE_TALLY_ASKED_BROKER,  /* requests of Kafka's protocol, of brokers */
    ESE_TALLY_WIRE_SENT,     /* bytes (wire.h), as last noted */
    ESE_TALLY_WIRE_RECEIVED,
    ESE_TALLIES
};

/* Counts into that file from now on, from where it stands; what was counted before is forgotten. Once in a process,
 * before its threads begin. */
int ese_tally_open(const char *path, struct ese_error *error);

void ese_tally_count(enum ese_tally what, int64_t amount);
/* fdatasync(2), counted where it came back successful. */
int ese_tally_sync(int fd);
/* Bytes on the wire are read off the sockets, not counted one by one: notes what they are by now. At most five times a
 * second; else it does nothing. */
void ese_tally_note_wire(void);

/* Of any file. ESE_E_MISSING: it is not there, or not one of these. */
int ese_tally_read(const char *path, int64_t counts[ESE_TALLIES], struct ese_error *error);

#endif
