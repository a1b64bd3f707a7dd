/*
 * staged_run.h - a run that never happened, written as the artifacts of one: for what judges runs.
 *
 * make draws events and the order in which the store has them; a test may then play with that order
 * (`log`), with outcomes, or with what the consumer reads. consume lets ese-consumer's own rule
 * conclude what it would from that log; then the test may play with decisions and mails. write
 * leaves the files that artifacts.h lists.
 *
 * A run may be one over a store without places that tells its losses: then `tells_losses` is set, and
 * staged_run_lose takes events from the log. Its positions are nonsense. Who overwrites an event is a rival that its
 * client has offered beside it, heard nothing of, and that nobody has read.
 *
 * A mixed run has orders, too: created, completed in time, at the last moment, too late or never, and
 * now and then created again. Their timers go off when the events' time has passed them by ten seconds,
 * or when all has been read.
 *
 * As made, a run is without fault: most events are acknowledged, some unknown (stored in their
 * place, or absent), some refused or not sent, of two client processes, over three partitions by
 * key.
 */
#ifndef ESE_TEST_STAGED_RUN_H
#define ESE_TEST_STAGED_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-consumer/decision.h"
#include "ese-core/event.h"
#include "ese-core/history.h"

#define STAGED_PARTITIONS 3
#define STAGED_RETENTION_MS 600000 /* of a store that tells its losses */

/* Why a cause that a store notes cannot be. */
enum staged_doubt {
    STAGED_NO_DOUBT,
    STAGED_BY_NOBODY,
    STAGED_BY_ONE_NOT_OFFERED,
    STAGED_BY_ONE_NOT_KEPT,
    STAGED_BY_ONE_KEPT_BEFORE, /* in the life before */
    STAGED_BY_ANOTHER_KEY,
    STAGED_BY_ANOTHER_TIME,
    STAGED_NOT_KEPT_ITSELF,
    STAGED_TOO_SOON,
    STAGED_BEFORE_IT_WAS_KEPT, /* that of its ip was written to for the last time */
    STAGED_BEHIND_IT /* it will be written to */
};
#define STAGED_DEAD (-1)  /* no replay has */
#define STAGED_REPLAYS 2

struct staged_event {
    struct ese_event event;
    enum ese_history_kind outcome; /* ESE_HISTORY_END: none was noted */
    int64_t due_ns;
    int64_t done_ns;
    int64_t sent_ns; /* 0: it was not */
    int64_t stored_after_ms; /* since its client_ts */
    int attempts; /* as its outcome tells; 0: one */
    bool is_sent_again; /* once it had its outcome */
    int replay; /* of a dead letter: which has handed it, or STAGED_DEAD; 0: it is none */
    bool is_strangers; /* its client knows nothing of it, and its id is none of ours */
    bool is_place_told; /* to its client: */
    int32_t told_partition;
    int64_t told_offset;
};

struct staged_run {
    char *directory;
    struct staged_event *events; /* in the order they were offered */
    int count;
    bool has_orders;
    int orders; /* that were ever created */
    int64_t stuck_after_ms; /* as its consumer was told */
    int *log; /* numbers of events, in the order the store has them */
    int log_count;
    int read;       /* how many of the log the consumer was handed and committed; -1: all */
    int passed_over;  /* a place in the log the consumer was not handed, going on; -1: none */
    int handed_twice; /* the first so many are handed again */
    int handed_beyond; /* so many behind those that were committed were handed, too */
    bool is_begun_anew; /* before it had committed anything, the reader was handed all of it before */
    bool is_read_again; /* behind that it begins anew once more, and commits all of it a second later */
    struct ese_history_record *others; /* what a second reader tells, all of its partition that of the first event */
    int other_count;
    int handed_behind[2]; /* the first place is handed right behind the second; -1: in its place */
    int taken_over[2]; /* just before the first place is handed, a second reader takes its partition, and is handed the
                          second place; -1: none does */
    bool is_taken_in_order; /* both of them, as they lie */
    int64_t committed_late_ns; /* each commit is later by so much */
    const char *reading; /* what readers do instead of all that (below); NULL: nothing else */
    bool is_forgetful; /* the consumer does not know again what it was handed before */
    int misplaced[2]; /* numbers of two events that lie in each other's partitions; -1: none do */
    int unoffered;    /* the number of an event of which the client knows nothing; -1: there is none */
    int offerless;    /* of one whose offer alone it does not tell; -1 */
    int told_twice;   /* of one whose outcome it tells twice; -1 */
    int noted_again;  /* a place that the store's history tells twice; -1 */
    const char *skipped_in; /* a history that says that so many were skipped; NULL: none */
    int64_t skipped;
    struct ese_decision *decisions;
    int decision_count;
    struct ese_id *mails; /* of the decisions whose mails arrived */
    int mail_count;
    const char *subject; /* that they have; NULL: an ordinary one */
    const char *host;    /* that their files' names end with; NULL: an ordinary one */
    struct ese_id unknown_mail; /* the mailer does not know; none: there is no such */
    struct ese_id waiting_mail; /* is still in its outbox; none: no such is */
    bool is_unknowing;   /* nor does it know of any other that was decided on */
    int queued_mails;
    int open_decisions; /* the first so many were not brought to the mailer, as the state has it, */
    int unasked_mails;  /* or as its outbox has it */
    int64_t late, beyond_window; /* as each partition's reader counted */
    int64_t history_bytes; /* limit of the client's history */
    bool has_no_store;     /* it was not read back */
    int gone;              /* the first so many of the log had left the store when it was read back */
    int gone_on;           /* and so many more, by the time it was read on */
    bool is_silent;        /* it does not say so */
    bool is_of_old;        /* nor was it asked: an ese-lab of once has read it back */
    int crowded;           /* a place that has the offset of the one before in its partition; -1: none */
    bool goes_back;        /* its first event is told of once more, behind all others */
    int64_t read_from;     /* it was asked for what lies behind there */
    int unread;            /* a partition that is no longer in it; -1: none */
    int forgotten;         /* a place the store lost after it was handed; -1: none */
    bool tells_losses;
    enum ese_history_kind *noted; /* what the server notes of each event at its end; 0: nothing */
    int doubted;           /* the number of one of which that cannot be; -1: of all it can */
    enum staged_doubt doubt;
    bool is_ageless;       /* the server does not say how long it keeps events */
    int second_life;       /* the number of the first event that the store's second life kept; 0: it had one */
    int not_had;           /* a place that was handed, and neither committed nor got into the state; -1: none */
    int taken_back;        /* one that was committed, and is not in the state; -1: none */
    bool is_long_ago;      /* the state has had so many events since that it cannot tell of these */
    const char *harmed;    /* a history that has lost its end; NULL: none */
    int lost_records;      /* so many; -1: all but the header */
    bool is_wiped;         /* they are zeroes; else the file is cut short */
    bool is_torn;          /* it lacks half of a record more */
    const char *damaged;    /* a history whose last record is of no kind; NULL: none */
    const char *absent;     /* a file or empty directory that is not there; NULL: all are */
    const char *unfinished; /* a history whose writer was killed while it wrote one more record; NULL: none */
};

struct staged_run *staged_run_make(uint64_t seed, int events);
struct staged_run *staged_run_make_mixed(uint64_t seed, int events);
/* The two client processes have so many lanes. */
struct staged_run *staged_run_make_with(uint64_t seed, int events, int lanes_before, int lanes_later);

/* A run of a few events, by a script: "a0 a400 b500? a600" are presses of the keys a and b at these
 * milliseconds, in the order they were offered, acknowledged and stored, one client's. What is behind
 * makes it another:
 *
 *   .   no press
 *   ?   of unknown outcome, and stored
 *   -   of unknown outcome, and absent
 *   x   without an outcome (a client that was killed), and stored
 *   !   refused, and absent
 *   /   not sent, and absent
 *   *   a dead letter
 *   =   one that the first replay has handed
 *   +   one that the second has
 *   ~   a stranger's: offered by nobody, and stored
 */
struct staged_run *staged_run_of(const char *script);

/* What its readers did may be a script, too, of a run whose events all lie in one partition: "1g0 1h0 1h2 +300 1h1 1c3"
 * is what the first one was given, from offset 0 on, what it was handed (the places of the log), 300 ms later the last
 * of these, and that it has committed up to before offset 3. 1t: it was taken. 1s0-2: it was told that offsets from 0
 * up to before 2 are no longer kept. All else is a millisecond behind what
 * was before, and begins 100 ms after the last event was due. */
void staged_run_consume(struct staged_run *run);
void staged_run_write(const struct staged_run *run);
/* Then somebody changes a database it has left. */
void staged_run_change(const struct staged_run *run, const char *name, const char *sql);
void staged_run_free(struct staged_run **run);

/* Who overwrites that event. */
struct staged_event staged_run_rival(const struct staged_run *run, int event);

/* Where the event stands in the log. */
int staged_run_place(const struct staged_run *run, int event);
void staged_run_drop(struct staged_run *run, int place);
/* As staged_run_drop; the server notes how: OVERWRITTEN, EXPIRED, or END: not at all. */
void staged_run_lose(struct staged_run *run, int place, enum ese_history_kind how);
void staged_run_append(struct staged_run *run, int event);
void staged_run_swap(struct staged_run *run, int place, int other);
/* What lies between moves up by one. */
void staged_run_move(struct staged_run *run, int place, int to);
/* Where the store has what it has of the event's key. */
int32_t staged_run_partition(const struct staged_run *run, int event);
/* Its mail arrives. */
void staged_run_decide(struct staged_run *run, const struct ese_decision *decision);
void staged_run_add_mail(struct staged_run *run, struct ese_id decision);
void staged_run_drop_mail(struct staged_run *run, int mail);

#endif
