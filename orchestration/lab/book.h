/*
 * book.h - every event of one transport's run, and what each party said of it.
 *
 * The histories of client, consumer and store are read into one entry an event (192 bytes).
 * Nothing is judged here; what could not be read is said in `missing`, and a ledger made from such
 * a book cannot be told. That is a history, the mailer's too (and the server's, where it is to
 * tell what it lost), that is not there, is damaged, met
 * its limit, ends before its last record, or counts more in its header than its records tell. Of a run
 * that goes on, a history that is not there has not begun yet; one that is there and cannot be opened may
 * be readable later, and is said in `unread`.
 */
#ifndef ESE_LAB_BOOK_H
#define ESE_LAB_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/history.h"
#include "orchestration/lab/id_filter.h"
#include "orchestration/lab/number_table.h"
#include "orchestration/lab/share.h"
#include "transports/transport.h"

#define ESE_BOOK_NONE ESE_NUMBER_NONE
#define ESE_BOOK_NOWHERE INT64_MAX
#define ESE_BOOK_NAME_SIZE 64
#define ESE_BOOK_REASON_SIZE 200

/* What became of an event in the store of a server that notes that (history.h). */
enum ese_book_fate {
    ESE_BOOK_NOT_KEPT, /* or not told */
    ESE_BOOK_KEPT,
    ESE_BOOK_OVERWRITTEN,
    ESE_BOOK_EXPIRED,
    ESE_BOOK_NOT_CREDIBLE /* gone, by a cause that cannot be (book_fates.c) */
};

/* Which events rules are about. */
enum ese_book_kind {
    ESE_BOOK_OTHER,
    ESE_BOOK_KEY_PRESS,
    ESE_BOOK_CREATED, /* an order */
    ESE_BOOK_COMPLETED,
    ESE_BOOK_KINDS
};

struct ese_book_entry {
    struct ese_id id;
    int64_t client_ts;   /* Unix ms */
    int64_t due_ns;      /* this and all _ns: the book's time (ese_book_time); 0: it did not happen */
    int64_t sent_ns;
    int64_t done_ns;     /* of the outcome */
    int64_t handed_ns;   /* first time */
    int64_t committed_ns; /* the first commit after that which covers it */
    int64_t handed_offset;  /* of the first handing; of a store without places of the last one by who
                               was its reader. ESE_BOOK_NOWHERE: nobody can commit it any more */
    int64_t stored_offset;  /* of the first copy in the store; where there is none, as its client was told (-1: it was
                               not), and stored_partition likewise */
    int64_t server_ts;      /* of that copy, or of the one the server kept last; Unix ms */
    int64_t kept_ns;        /* when the server had it last */
    int64_t kept_life;      /* which of its store's lives that was */
    enum ese_book_fate fate;
    int32_t handed_partition;
    int32_t stored_partition;
    uint32_t key;      /* number of its key; ESE_BOOK_NONE: it was never offered, nor found */
    uint32_t handings;
    uint32_t copies;   /* in the store */
    uint32_t taken_by; /* number of the event that has its place, until that is looked at (ese_book_end);
                          ESE_BOOK_NONE: none */
    uint16_t run;      /* number of its client process, in the order they came */
    uint16_t outcome;  /* ESE_HISTORY_ACKNOWLEDGED and its like; 0: none was noted */
    uint16_t attempts; /* that its client made, as it says; at most UINT16_MAX */
    uint8_t kind;      /* enum ese_book_kind */
    bool was_sent_again; /* by its client's own will, when it had been acknowledged */
    /* Of its handings (book_turns.h). */
    bool was_passed_over; /* what lies behind it was handed before, in the turn in which it was handed first */
    bool was_committed_untold; /* its reader, or the next, began behind it: when it was committed nobody has noted */
    uint32_t handed_number; /* of the first among all handings of the run, from 1 */
    uint32_t had_number;    /* of the last, by whose turn it was, before it was committed */
    uint32_t handed_turn;   /* of the first */
    uint32_t last_turn;
    uint32_t handed_anew;      /* again, in another turn than the time before from there */
    uint32_t handed_elsewhere; /* from another place than at first: it is stored there, too */
    uint32_t elsewhere_turn;   /* of the first such */
    bool is_out; /* known, and not counted: beyond what is judged now */
    /* Marks of the ledger (ledger.h). */
    bool has_left; /* its store, by retention: its place is where it was handed */
    bool is_processed;
    bool is_in_flight;
    bool is_lost;
    bool is_reordered;
    bool is_stale;       /* anomalies.h, as the next three */
    bool is_processed_disordered;
    uint8_t disorder;    /* enum ese_disorder */
    uint8_t doubled_by;  /* enum ese_doubling: why it is stored again */
    bool is_dead;    /* passed over as a dead letter, and not replayed since */
    uint32_t replay; /* which replay has processed it; 0: none */
};

/* What one partition handed out and nobody has committed yet; in the order of handing. Used while
 * reading. */
struct ese_book_waiting {
    int32_t partition;
    char reader[ESE_BOOK_NAME_SIZE]; /* the history of who was given it last; "": nobody was */
    uint32_t *numbers;
    size_t count, size;
};

/* Who reads a partition, since it was given that (book_turns.h). */
struct ese_book_turn {
    char reader[ESE_BOOK_NAME_SIZE]; /* its history */
    int32_t partition;
    uint32_t number;
    int64_t highest; /* offset that was handed in it; -1: none was */
    bool is_anew;    /* something of the partition had been handed before it began */
};

/* Where a partition of the store begins: what lay before it has left by retention. */
struct ese_book_beginning {
    int32_t partition;
    int64_t offset;
    bool is_told; /* by the store; else it is where what was found in it begins */
};

/* Offsets that a consumer was told are no longer kept (book_skips.h). */
struct ese_book_skip {
    int32_t partition;
    int64_t from, to;
};

/* What was found in a partition of the store last. */
struct ese_book_last {
    int32_t partition;
    int64_t offset;
    struct ese_id id;
};

/* How far a history was read, and which one: another may be begun under its name. */
struct ese_book_place {
    char name[ESE_BOOK_NAME_SIZE];
    struct ese_history_position position;
    struct ese_id history; /* none: not known */
};

/* Of a lane, the sequence number up to which events are settled (docs/endless-runs.md): one that is
 * in no entry any more. */
struct ese_book_lane {
    uint32_t run;
    uint16_t lane;
    uint32_t sequence;
};

/* A clock of the run's histories, and what is added to its times to make them the book's. */
struct ese_book_clock {
    uint64_t boot; /* history.h */
    int64_t apart_ns;
};

/* A mail the SMTP server took, or that arrived in an inbox that is followed. */
struct ese_book_mail {
    struct ese_id decision;
    int64_t time_ns; /* the book's */
    int64_t number; /* of the message, of one that arrived */
};

struct ese_book_mails {
    struct ese_book_mail *mails;
    size_t count, size;
};

/* What somebody else calls an event: as much of it as fits. */
struct ese_event_names {
    void (*name)(const void *context, const struct ese_id *id, char *text, size_t size);
    const void *context;
};

struct ese_book {
    struct ese_book_entry *entries; /* in the order they were first heard of */
    uint32_t count;
    char **keys;
    bool *are_strangers; /* one a key: strangers have sent events of it (ese_book_is_strangers) */
    uint32_t key_count;
    uint32_t *by_key; /* numbers of the offered, by key, run and sequence: as they were sent */
    uint32_t offered;
    struct ese_book_beginning *beginnings; /* one a partition that was read, or holds anything */
    size_t beginning_count;
    struct ese_book_last *lasts; /* one a partition that anything was found in, as it was read this time */
    size_t last_count;
    bool tells_beginnings; /* whoever read the store has asked it for its first event */
    int64_t skipped;        /* offsets a reader was told are no longer kept; */
    struct ese_book_skip *skips; /* which, of a run that is over */
    size_t skip_count;
    int64_t wall_offset_ns; /* wall clock minus the book's, when its first history began; 0: none has */
    struct ese_book_clock *clocks; /* those whose boot is known, in the order they came */
    size_t clock_count;
    int64_t contradictions; /* outcomes of what was never offered, or two of one event */
    bool has_no_places;     /* the store: offsets tell nothing of what is in it or was handed */
    bool is_unseen;         /* nobody has looked into it: what is not handed may lie there still */
    bool is_foreign;        /* somebody else has recorded it, whose reasons nobody knows */
    const struct ese_event_names *names; /* what events are called there; NULL: by their ids. Borrowed */
    bool tells_losses;      /* it notes what it loses */
    int64_t lives;          /* of that store, each begun empty */
    int64_t retention_ms;   /* as its life says; 0: it does not */
    char missing[ESE_BOOK_REASON_SIZE]; /* what could not be read; "" when all was */
    struct ese_book_mails sent; /* as the mailer's history tells; in its order */
    /* When its schedule began, if that was set behind the beginning, or the run's first event was due, whosever share
     * it is: the earlier; 0: none was, and nobody has set it. */
    int64_t begun_ns;
    int64_t last_due_ns;    /* the run's last event; 0: it has none */

    /* What is taken in of what is read (share.h); set behind the beginning. Borrowed. */
    const struct ese_share *share; /* of the events; NULL: all */
    uint32_t most; /* entries it may have; 0: as many as there are */
    bool is_full;  /* it had as many, and what was told of others was passed over, which is missing */
    const struct ese_id_filter *wanted_mails; /* of those sent, by decision */

    int64_t cut_ns;         /* the book's: what was due later is out (ese_book_cut); INT64_MAX: nothing is */

    /* Of a run that goes on, whose histories are read piece by piece (fold.h). */
    bool is_running;
    char unread[ESE_BOOK_REASON_SIZE]; /* what cannot be read now, but later: its place stays; "" when all can */
    int64_t followed_ns; /* the book's: all that was stored before is in the store's history;
                            INT64_MAX: all is */
    struct ese_book_place *places;
    size_t place_count;
    struct ese_book_lane *settled;
    size_t settled_count;
    struct ese_book_mails arrived;

    struct ese_number_table entry_table;
    struct ese_number_table key_table;
    uint32_t *runs; /* the run of each run number */
    uint32_t run_count;
    struct ese_book_waiting *waiting;
    size_t waiting_count;
    struct ese_book_turn *turns; /* the last one of each reader and partition */
    size_t turn_count;
    uint32_t turns_begun, handings; /* in all, whosever share they are */
    size_t size, key_size; /* room in entries, and in keys and what is told of them */
};

/* An empty book of a transport that promises this; it is to be freed. */
void ese_book_begin(struct ese_book *book, const struct ese_promises *promises);
void ese_book_free(struct ese_book *book);

/* Reads the histories in the directory (artifacts.h) into a book that was begun, but for the mailer's. -1 when
 * there is no client history: nothing to judge from. */
int ese_book_read(struct ese_book *book, const char *directory, struct ese_error *error);
/* And the mailer's: which of the wanted mails were sent. */
void ese_book_read_mails(struct ese_book *book, const char *directory,
                         const struct ese_id_filter *wanted);

/* The same in steps, for whoever has entries of an earlier reading to put in. Between begin and end,
 * each call reads one party's histories; of a book that is_running from its places on. One that cannot be
 * read is noted (as missing, or unread), and the others are read. -1: nothing was read; there is none
 * (ESE_E_MISSING), or none that can be. */
int ese_book_read_party(struct ese_book *book, const char *directory, const char *name,
                        struct ese_error *error);
void ese_book_end(struct ese_book *book);
#define ESE_BOOK_CONSUMERS "consumer-*.history" /* the histories of all members, in order of time */

/* A monotonic time as the book's: that of its first history's clock. All histories of one boot share
 * a clock, whatever the wall clock was set to meanwhile. Where the machine was started anew, times
 * are moved by as much as the two clocks differ from the wall clock: as the first history of that
 * boot has it, for all of them. */
int64_t ese_book_time(struct ese_book *book, int64_t time_ns, const struct ese_history_clock *clock);

void ese_book_add_clock(struct ese_book *book, const struct ese_book_clock *clock);

/* Puts what was due later (in the book's time) out of sight, and the rest in. */
void ese_book_cut(struct ese_book *book, int64_t until_ns);

/* The entry of that id; a new one when nobody has spoken of it yet. Valid until the next call. */
struct ese_book_entry *ese_book_entry(struct ese_book *book, const struct ese_id *id);
uint32_t ese_book_key(struct ese_book *book, const char *key);
/* Notes that strangers have sent events of it, too. */
void ese_book_share_key(struct ese_book *book, const char *key);
uint16_t ese_book_run(struct ese_book *book, const struct ese_id *id);
enum ese_book_kind ese_book_kind_of(const char *sub_type);
/* Those of the partition that wait for their commit. Valid until one of another partition is asked for. */
struct ese_book_waiting *ese_book_waiting(struct ese_book *book, int32_t partition);
/* Notes that the entry waits for its commit. */
void ese_book_wait(struct ese_book *book, uint32_t number);
/* Notes whose the partition is now: the party's that writes that history. And whether it is another's: false where
 * nobody was given it. */
void ese_book_give(struct ese_book *book, int32_t partition, const char *history);
bool ese_book_is_given_to_another(struct ese_book *book, int32_t partition, const char *history);

void ese_book_mails_add(struct ese_book_mails *mails, const struct ese_book_mail *mail);

/* Lifts the number up to which a lane's events are settled. */
void ese_book_settle(struct ese_book *book, const struct ese_book_lane *lane);
/* Whether an event without an entry was settled, and left the book. */
bool ese_book_is_settled(const struct ese_book *book, const struct ese_id *id);

/* The entry's number, or ESE_BOOK_NONE. */
uint32_t ese_book_find(const struct ese_book *book, const struct ese_id *id);

/* Below which the store has forgotten a partition, as it said. Where nobody has asked it, the lowest offset that was
 * found in it; INT64_MAX: nothing was. */
int64_t ese_book_beginning(const struct ese_book *book, int32_t partition);

/* What the store says counts for more than what was found. */
void ese_book_note_beginning(struct ese_book *book, const struct ese_book_beginning *beginning);

/* Where an event lies in the store, or lay before it left. One that nobody has seen there has no place. */
bool ese_book_has_place(const struct ese_book_entry *entry);
int32_t ese_book_partition(const struct ese_book_entry *entry);
int64_t ese_book_offset(const struct ese_book_entry *entry);

/* Notes why something cannot be told, unless an earlier reason is there. */
void ese_book_note_missing(struct ese_book *book, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same of what may be told later, of a run that goes on. */
void ese_book_note_unread(struct ese_book *book, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether it is of somebody who has nothing to do with the run: nobody of it has offered the event, and none of its
 * clients makes such ids, as are made of a record's place or from a name that somebody gave it (id.h). */
bool ese_book_is_strangers(const struct ese_book_entry *entry);

/* What became of what was offered: sent without an outcome (a client that was killed) is unknown,
 * offered without a sending is not sent. */
enum ese_history_kind ese_book_outcome(const struct ese_book_entry *entry);

#endif
