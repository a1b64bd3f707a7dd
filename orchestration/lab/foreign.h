/*
 * foreign.h - a run that somebody else has recorded: histories as text (ese-core/history_text.h), and what is promised.
 *
 *     DIR/run.json          {"run": 1, "name": "my service", "promises": {"delivery": "at_least_once", ...}, ...}
 *     DIR/client.ndjson     what was offered, and what became of it
 *     DIR/consumer-1.ndjson what a consumer was handed, and what it has committed; consumer-2.ndjson and so on
 *     DIR/store.ndjson      what was found in the store afterwards, where anybody has looked
 *
 * Such a run tells of events alone: there are no rules and no mails in it. docs/evidence.md has the members.
 */
#ifndef ESE_LAB_FOREIGN_H
#define ESE_LAB_FOREIGN_H

#include "ese-core/error.h"
#include "orchestration/lab/book.h"
#include "orchestration/lab/foreign_names.h"
#include "orchestration/lab/results.h"

struct ese_foreign {
    char name[64];
    struct ese_promises promises;
    enum ese_durability durability; /* that an acknowledgement had, as they say; memory where they do not */
    int64_t rate;                   /* events a second; 0: not told */
    int64_t warmup_s;
    int64_t stale_after_ms; /* the bound of what is stale; 0: there is none */
    /* As they were imported. */
    int64_t first_due_ns; /* 0: nothing was offered */
    int64_t last_ns;      /* of all records */
    bool is_store_unseen; /* there is no store.ndjson */
    int members;          /* consumers that left a history */
    char contradiction[240]; /* two records that cannot both be true (foreign_places.h); "": none were found */
    struct ese_foreign_names *names; /* what they call their events; freed by ese_foreign_clear */
    const int64_t *stale_asked_ms; /* the bound that counts instead of theirs; NULL: theirs does */
    /* Whose story is asked for, by its name; NULL: nobody's. And it, when it was judged. */
    const char *explained;
    struct ese_id explained_id;
    struct ese_buffer *explanation; /* where to append it */
    bool was_explained;             /* somebody says something of it */
    /* Whoever wants to see what it is judged by, and, once it was, its directory as it was imported, which is removed
     * thereafter; NULL: nobody. */
    const struct ese_judge_look *look;
    void (*judged)(void *context, const char *imported, const struct ese_results_transport *transport);
    void *judged_context;
};

/* Whether the directory has a run.json, and so is to be judged as one. */
bool ese_foreign_is(const char *directory);

/* Reads run.json, into what is empty but for what is asked for: ESE_E_INVALID says which member is wrong, and what it
 * may be. */
int ese_foreign_read(const char *directory, struct ese_foreign *foreign, struct ese_error *error);

/* Makes of the texts what a run of the lab's own leaves (artifacts.h), in a directory that is empty. Names that are no
 * ids of ours are given some, by their key and in the order they were offered. A line that cannot be taken is named
 * with its number: ESE_E_INVALID. Also then what is imported is cleared. */
int ese_foreign_import(const char *directory, const char *into, struct ese_foreign *foreign, struct ese_error *error);
void ese_foreign_clear(struct ese_foreign *foreign);

/* What its events are called, as imported. Borrowed from it. */
struct ese_event_names ese_foreign_event_names(const struct ese_foreign *foreign);

/* All of it, in a directory of its own that is removed: the results are those of one transport. foreign has to be there
 * as long as they are. */
int ese_foreign_judge(const char *directory, struct ese_foreign *foreign, struct ese_results *results,
                      struct ese_error *error);

#endif
