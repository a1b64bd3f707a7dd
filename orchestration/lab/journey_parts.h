/*
 * journey_parts.h - what a journey is made of, for the files that make and watch it. Others see journey.h.
 */
#ifndef ESE_LAB_JOURNEY_PARTS_H
#define ESE_LAB_JOURNEY_PARTS_H

#include "orchestration/kafka/listeners.h"
#include "orchestration/kafka/port.h"
#include "orchestration/lab/deed.h"
#include "orchestration/lab/journey.h"

struct ese_role_state {
    struct ese_process *process; /* NULL: this journey has no such role; always of the broker */
    struct ese_port *port;       /* it serves on, its own as long as the journey lasts; NULL: on none */
    bool was_up;                 /* when last looked at */
    bool is_wanted;              /* nobody has ended it since its start */
    bool is_lost;
    bool is_coming;              /* it was started again, and has not been seen serving since */
    int64_t since_ns;
    int64_t restarted_ns;
};

struct ese_journey {
    char *specification;
    char *directory;
    const struct ese_registry_entry *entry;
    enum ese_durability durability;
    int64_t retry_deadline_ms;
    char topic_prefix[64];
    struct ese_broker_life *broker; /* NULL: it has none */
    struct ese_network *network;    /* NULL: no line was asked for */
    bool proxy_is_lost;
    struct ese_endings endings;
    struct ese_role_state role[ESE_PARTIES]; /* by party (party.h) */
    struct ese_history_reader *history[ESE_PARTIES]; /* opened when they are there */
    int members; /* of the group; 0, as 1: one consumer */
    int clients; /* likewise */
    int readers;
    bool readers_are_late;
    int destinations, flaky;
    int64_t seed;
    int64_t rule_cost_us;
    int64_t retention_s;
    unsigned befallen[ESE_ACTS]; /* the roles that are to be made ready for it */
    int64_t poll_ms;
    char server_address[128];
    char receiver_address[128]; /* where the consumer is pushed to; "": wherever it likes */
    char mailer_address[128];
    char smtp_address[128];
    bool with_sink;
    bool stumbles;
    int64_t smtp_timeout_ms;
    int64_t rss_peak_bytes;
    int64_t end_ns, given_up; /* when the consumer last found the end, and what it will not come back to */
};

/* Whether the party's process runs. Its end is noted, where nobody had asked for it; so is it when one that
 * is coming serves. */
bool ese_journey_look(struct ese_journey *journey, int party);

/* Its name, in endings and logs. */
void ese_journey_party_name(const struct ese_journey *journey, int party, char name[ESE_PARTY_NAME_SIZE]);
/* The file in which it counts what it costs (ese-core/tally.h). */
void ese_journey_tally(const struct ese_journey *journey, int party, char *path, size_t size);
/* What its history counts; of several parties, added. */
int64_t ese_journey_count(struct ese_journey *journey, int party, enum ese_history_counter counter);
void ese_journey_add_counts(struct ese_journey *journey, int64_t count[ESE_HISTORY_COUNTERS]);

/* Further listeners for the broker, of those lines to it that were asked for. Returns how many. */
int ese_journey_listeners(const struct ese_journey *journey, struct ese_listener listeners[ESE_LISTENERS]);
/* Leads the lines that were asked for to where their far ends will listen, as far as there are such, and starts the
 * proxy. All addresses are drawn by then. */
int ese_journey_lay_lines(struct ese_journey *journey, struct ese_error *error);
/* Notes the proxy's end. */
void ese_journey_look_at_lines(struct ese_journey *journey);

/* It has been started: now. */
void ese_journey_note_start(struct ese_role_state *state);

#endif
