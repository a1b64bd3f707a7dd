/*
 * history.h - what one party saw, written so that it survives kill -9.
 *
 * A history is a file in a shared mapping: once a record is stored in memory the kernel has it,
 * whatever happens to the process. Records are written *before* the act they announce (sent before
 * the send, handed before the commit). Reading a history never needs the process that wrote it.
 *
 * Layout (little endian, one machine): a header of 4,096 bytes, then records of 48 bytes.
 *
 *   header   magic "ESEHIST1", version, record size, party, transport, word list (type and sub_type
 *            names, so that records hold numbers), wall and monotonic time of the opening, and the
 *            boot whose they are, the history's id, and the running counters below (a live picture
 *            reads them; they say nothing the records do not, except bytes on the wire). What is
 *            counted of a database's transactions is kept there, and only shown here (account.h)
 *   record   kind (2 bytes; 0: not written; stored last, so that a torn record does not exist:
 *            where the writer was killed before that, the slot stays empty, and is passed over),
 *            aux (2), partition (4), time_ns (8, CLOCK_MONOTONIC), id (16), a (8), b (8)
 *
 * An offer, and what was found, is followed by one or two KEY records: behind their kind stands the
 * key's text.
 *
 * One process at a time writes a history (the file is locked); its threads may all, without waiting
 * for each other but when the file grows. What lies far behind is let go of, by who writes and who
 * reads: it is the kernel's, and does not count as their memory. The file is bounded by `limit`. A
 * history that met it, or a full disk, stops recording, says so once in the log and in its header
 * (`truncated`), and a ledger made from it cannot be told. Without segments that is its end.
 *
 * A party that is many readers (orchestration/crowd) has one history, and each record says which of them: by its
 * number, from 1, in HANDED's b and in aux of COMMITTED, GIVEN, TAKEN and SKIPPED.
 *
 * A store that may lose what it acknowledged notes how: each event it keeps, whose place another one
 * took, which were too old, and that it began empty.
 *
 * A history that is asked for segments goes on instead: the full file becomes PATH.000001, later
 * ones PATH.000002 and so on, and PATH is begun anew, with the counters as they stood. Of the full
 * ones the newest `segments` are kept. One that met a full disk is tried again a second later, and
 * when there is room, or by the next process, recording goes on in another segment: the one before is
 * `truncated`, for all who read it. A segment also ends where its history is opened on another
 * clock (the machine was started anew), so that the times of a segment are of one clock; then the
 * counters that are times begin anew. A wall clock that is set makes no other clock of it. A reader
 * sees all segments that are there as one history.
 */
#ifndef ESE_HISTORY_H
#define ESE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/event.h"

enum ese_history_kind {
    ESE_HISTORY_END = 0,
    ESE_HISTORY_OFFERED = 1,      /* time: due; a: client_ts; b: words (type << 16 | sub_type);
                                     aux: how many KEY records follow */
    ESE_HISTORY_KEY = 2,          /* text; belongs to the OFFERED before it */
    ESE_HISTORY_SENT = 3,         /* time: first handed to the transport */
    ESE_HISTORY_ACKNOWLEDGED = 4, /* partition and a: offset, or -1 where the transport does not
                                     say; b: attempts */
    ESE_HISTORY_REFUSED = 5,      /* b: attempts */
    ESE_HISTORY_UNKNOWN = 6,      /* b: attempts */
    ESE_HISTORY_NOT_SENT = 7,
    ESE_HISTORY_HANDED = 8,       /* consumer was handed id at partition, a: offset; aux 1:
                                     recognised as a repeat */
    ESE_HISTORY_COMMITTED = 9,    /* partition; a: next offset; b: events in the batch; time: after
                                     the commit */
    ESE_HISTORY_GIVEN = 10,       /* partition; a: offset it starts from; b: epoch (a consumer's) */
    ESE_HISTORY_TAKEN = 11,       /* partition */
    ESE_HISTORY_SKIPPED = 12,     /* partition; a: from; b: to (older than the log's start, as the store
                                     says); of an inbox: b mails that could not be read */
    ESE_HISTORY_FENCED = 13,      /* partition */
    ESE_HISTORY_DECIDED = 14,     /* id: the decision's; partition */
    ESE_HISTORY_MAIL_ASKED = 15,  /* id: the decision's; the mailer has answered 2xx for it */
    ESE_HISTORY_MAIL_SENT = 16,   /* id: the decision's; SMTP said 250 */
    ESE_HISTORY_MAIL_DEAD = 17,   /* id: the decision's; SMTP said 5xx; a: reply code */
    ESE_HISTORY_STORED = 18,      /* read back: id at partition, a: offset, b: server_ts */
    ESE_HISTORY_MAIL_ARRIVED = 19, /* id: the decision's; a: the message's own number, by which one
                                      that is noted twice is known */
    ESE_HISTORY_KEPT = 20,         /* the server's store has the event; a: server_ts. One that is kept
                                      again takes its own place */
    ESE_HISTORY_OVERWRITTEN = 21,  /* another event took its place; whose id is in a and b
                                      (ese_history_put_id) */
    ESE_HISTORY_EXPIRED = 22,      /* it was too old; a: when its group was last written to, in the
                                      server's monotonic ms */
    ESE_HISTORY_BEGUN_EMPTY = 23,  /* a life of the server's store begins, without what was there; a: for how
                                      many ms a group that is not written to is kept (0: not told) */
    ESE_HISTORY_DEAD_LETTER = 24,  /* passed over, as nobody could process it: id, or none of what is no
                                      event; partition, a: offset, b: tries; aux: 0 no event, 1 a rule
                                      failed, 2 or ended the process */
    ESE_HISTORY_FOUND = 25,        /* what is STORED next is an event whose id no client of ours has made
                                      (ese_id_is_ours): what it is, as an OFFERED says it; time: found */
    ESE_HISTORY_SENT_AGAIN = 26,   /* handed to the transport once more, of its sender's own will, when it had been
                                      acknowledged: it has one outcome all the same, that of the first sending */
    ESE_HISTORY_KINDS
};

/* Running counters in the header. */
enum ese_history_counter {
    ESE_COUNT_OFFERED,
    ESE_COUNT_ACKNOWLEDGED,
    ESE_COUNT_REFUSED,
    ESE_COUNT_UNKNOWN,
    ESE_COUNT_NOT_SENT,
    ESE_COUNT_LATE,        /* events the generator itself offered more than 5 ms after due */
    ESE_COUNT_HANDED,
    ESE_COUNT_REPEATS,
    ESE_COUNT_PROCESSED,
    ESE_COUNT_DECIDED,
    ESE_COUNT_MAILS_ASKED,
    ESE_COUNT_MAILS_SENT,
    ESE_COUNT_MAILS_DEAD,
    ESE_COUNT_WIRE_SENT,
    ESE_COUNT_WIRE_RECEIVED,
    ESE_COUNT_LAST_DONE_NS, /* monotonic time (ese_history_read_newest_clock) of the last event that
                               came through */
    ESE_COUNT_FENCED,
    ESE_COUNT_CURSOR_GONE,
    ESE_COUNT_BEYOND_WINDOW,
    ESE_COUNT_MAILS_REFUSED, /* decisions whose mail the mailer has refused for good */
    ESE_COUNT_MAILS_UNKNOWN, /* mails held now because nobody knows whether they were sent */
    ESE_COUNT_STORED,        /* read back */
    ESE_COUNT_FOLLOWED_NS, /* monotonic time at which all that was there had been noted */
    ESE_COUNT_KEPT,        /* by the server's store; and what left it: */
    ESE_COUNT_OVERWRITTEN,
    ESE_COUNT_EXPIRED,
    ESE_COUNT_AT_END_NS,   /* monotonic time at which a consumer's transport had nothing that is not
                              committed now */
    ESE_COUNT_TIMERS_SET,  /* keys that a rule waits for to leave; and those that have */
    ESE_COUNT_TIMERS_ENDED,
    ESE_COUNT_DEAD_LETTERS,
    ESE_COUNT_HELD,        /* partitions that a consumer holds now; who was killed is no longer asked */
    ESE_HISTORY_COUNTERS = 32
};

struct ese_history_record {
    uint16_t kind;
    uint16_t aux;
    int32_t partition;
    int64_t time_ns; /* by the clock of its segment: ese_history_read_clock */
    struct ese_id id;
    int64_t a;
    int64_t b;
};

/* A second id, in a record's a and b. */
void ese_history_put_id(struct ese_history_record *record, const struct ese_id *id);
struct ese_id ese_history_get_id(const struct ese_history_record *record);

/* The clock that times of a history are of. */
struct ese_history_clock {
    uint64_t boot;          /* ese_clock_boot; 0: not known */
    int64_t wall_offset_ns; /* wall minus monotonic clock, when the history was begun in this boot */
};
struct ese_history_clock ese_history_clock_now(void);
/* Where a boot is not known, clocks that are as far from the wall clock, give or take a second, are
 * one. */
bool ese_history_clock_is_same(const struct ese_history_clock *clock,
                               const struct ese_history_clock *other);

struct ese_history;

struct ese_history_options {
    const char *path;      /* NULL: it only counts, in memory */
    const char *party;     /* "ese-client" */
    const char *transport; /* or "" */
    int64_t limit;         /* bytes of a file */
    int segments;          /* full files that are kept; 0: the first one that is full ends it */
    const struct ese_history_clock *clock; /* of a new file's records, where they are of another time; NULL: now's */
};

/* Creates the file, and its directory (file_directory.h), or goes on behind the last record of an existing one (a
 * restarted party keeps one history). The options are copied. */
int ese_history_open(const struct ese_history_options *options, struct ese_history **history,
                     struct ese_error *error);
void ese_history_close(struct ese_history **history);

/* Made with the file, and never another's: by it others keep what belongs to this history. None
 * for one in memory. */
struct ese_id ese_history_id(const struct ese_history *history);
/* False where one of them is not known. */
bool ese_history_is_other(const struct ese_id *id, const struct ese_id *other);

void ese_history_record(struct ese_history *history, const struct ese_history_record *record);
/* OFFERED with its KEY records, side by side; due_ns is monotonic. */
void ese_history_offer(struct ese_history *history, const struct ese_event *event, int64_t due_ns);
/* FOUND, likewise. */
void ese_history_find(struct ese_history *history, const struct ese_event *event, int64_t time_ns);

void ese_history_count(struct ese_history *history, enum ese_history_counter counter,
                       int64_t amount);
void ese_history_set(struct ese_history *history, enum ese_history_counter counter, int64_t value);
/* Copies the process's wire totals (wire.h) into the header, on top of those of earlier lives. */
void ese_history_note_wire(struct ese_history *history);

/* Reading: any process, also while it is being written. Begins at the oldest segment there is. */
struct ese_history_reader;
int ese_history_read_open(const char *path, struct ese_history_reader **reader,
                          struct ese_error *error);
void ese_history_read_close(struct ese_history_reader **reader);
/* 1: a record (KEY records are passed over, see _key); 0: the end as of now;
 * -1: damaged. The reader of a history that only grows may ask again after 0. */
int ese_history_read_next(struct ese_history_reader *reader, struct ese_history_record *record,
                          struct ese_error *error);
/* Of the OFFERED or FOUND just read. Valid until the next call. */
const char *ese_history_read_key(const struct ese_history_reader *reader);
const char *ese_history_read_word(const struct ese_history_reader *reader, uint16_t word);
int64_t ese_history_read_count(struct ese_history_reader *reader, enum ese_history_counter counter);
/* Whether anything that was read, since the place sought, has met its limit or a full disk. */
bool ese_history_read_truncated(const struct ese_history_reader *reader);
/* How many records were written behind the file's present end: with any, the file was cut short. */
int64_t ese_history_read_cut(const struct ese_history_reader *reader);
const char *ese_history_read_party(const struct ese_history_reader *reader);
const char *ese_history_read_transport(const struct ese_history_reader *reader);
/* Of the segment just read: ese_history_id of its writer; none in a file of the first days. */
struct ese_id ese_history_read_id(const struct ese_history_reader *reader);
/* Of the segment just read: its records' times are of this clock. */
struct ese_history_clock ese_history_read_clock(const struct ese_history_reader *reader);
/* The same of the segment being written: the clock of its counters that are times. */
struct ese_history_clock ese_history_read_newest_clock(struct ese_history_reader *reader);

/* How far a reader has come, to go on from there later. {0, 0}: nothing was read. */
struct ese_history_position {
    int64_t segment; /* 1 is the first */
    int64_t record;  /* within it */
};
struct ese_history_position ese_history_read_position(const struct ese_history_reader *reader);
/* Goes on behind what was read up to there. */
int ese_history_read_seek(struct ese_history_reader *reader,
                          const struct ese_history_position *position, struct ese_error *error);
/* True when segments had left before they were read (those before the place sought do not count), or
 * the file that was being written had, and another history goes on behind. */
bool ese_history_read_lost(const struct ese_history_reader *reader);

/* Removes the full segments of the history at path that lie before `segment`: they were read. */
void ese_history_remove_before(const char *path, int64_t segment);

#endif
