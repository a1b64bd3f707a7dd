/*
 * oracle.h - which mails had to come: the rules once more, naive and from the histories alone.
 *
 * It shares no code with ese-consumer but the making of names (ese_id_derive). It runs over the
 * events that were acknowledged, and those of unknown outcome that are found stored (or were
 * handed; where the store has no places, processed); a key's events in the order they were sent.
 *
 * A dead letter is left out: the rules have not had it. Those that a replay has handed to them are left
 * out, too, and asked for once more by themselves: of a key, those of one replay.
 *
 * steady-click: three presses of one key, each at most 1,000 ms after the one before, give one
 * mail, and an event is used once. A decision's id is derived from "steady-click:KEY" and the three
 * events' ids in order.
 *
 * A chain is a maximal run of presses of one key with gaps up to 1,000 ms: n presses give n / 3
 * mails, and what happens in one chain has no bearing on the next.
 *
 * stuck-order: a chain is what was sent of one order within ESE_ORACLE_STUCK_AFTER_MS of its first
 * event, by client_ts. Without an ORDER_COMPLETED it gives one mail, whose id is derived from
 * "stuck-order:KEY" and that first event's id; but not before event time has passed the window. Of a run
 * that goes on, a chain is out of the book while that may still be to come.
 */
#ifndef ESE_LAB_ORACLE_H
#define ESE_LAB_ORACLE_H

#include "orchestration/lab/book.h"

#define ESE_ORACLE_STUCK_AFTER_MS 5000 /* as the lab's consumers are told */
#define ESE_ORACLE_LATENESS_MS 30000   /* as a consumer has by itself: more than the lab's have */

struct ese_oracle_chain {
    int64_t expected; /* mails */
    /* An event of unknown outcome was stored out of its place, or after the client had given it up, or
     * strangers have sent some of its key: the consumer may rightly have seen other threes. Judged for
     * doubled mails only. */
    bool is_doubtful;
    bool is_touched; /* an event of it was lost or stored out of order */
    bool is_in_flight; /* or waited when the run was over: rules have not had it yet */
    bool is_out;     /* an event of it is out of the book: not counted, either */
    bool is_awaited; /* likewise: its mail is not due yet */
};

struct ese_oracle_mail {
    struct ese_id id;    /* of the decision */
    uint32_t chain;
    uint32_t last_event; /* its number in the book */
    bool is_timed; /* it comes when time has passed, not when its last event has */
};

struct ese_oracle {
    struct ese_oracle_chain *chains;
    uint32_t chain_count;
    struct ese_oracle_mail *mails; /* by id */
    uint32_t mail_count;
    uint32_t *chain_of; /* of each of the book's entries; ESE_BOOK_NONE: of none */
};

/* The book must bear the ledger's marks. */
void ese_oracle_ask(const struct ese_book *book, struct ese_oracle *oracle);
/* The same of those alone that were processed: what a consumer that makes no mistake has decided on. */
void ese_oracle_ask_of_processed(const struct ese_book *book, struct ese_oracle *oracle);
void ese_oracle_free(struct ese_oracle *oracle);

/* Whether the rule of that name may make a decision of these events, whatever else there was. */
bool ese_oracle_gives(const char *rule, const struct ese_book_entry *const events[], int count);

/* The number of the mail with that decision, or ESE_BOOK_NONE. */
uint32_t ese_oracle_find(const struct ese_oracle *oracle, const struct ese_id *id);

#endif
