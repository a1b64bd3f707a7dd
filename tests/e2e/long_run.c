#include "tests/e2e/long_run.h"

#include <assert.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-consumer/decisions.h"
#include "ese-consumer/state.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-mailer/mail_table.h"
#include "tests/support/directory.h"

#define BEGAN_NS (1000 * ESE_NS_PER_S) /* the same in all processes that make the run */
#define BEGAN_MS INT64_C(1750000000000)
#define LANES 64 /* the client's default */
#define RUN 77
#define PERSONS 5000
#define TURN 5 /* events */
#define MAIL_TURNS 20
#define PRESSES 3
#define STEP_NS (ESE_NS_PER_MS / 2)
#define PARTITIONS 4
#define BATCH 100
#define HISTORY_LIMIT (INT64_C(4) << 30)

struct long_run {
    int64_t count;
    int64_t gap; /* number of the press that is nowhere */
    uint16_t lanes[PERSONS];
    int32_t partitions[PERSONS];
    uint32_t *sequences; /* of each event, in its lane */
};

/* The ground a staged run stands on does not fail. */
static void must(int result)
{
    assert(result == 0);
    (void)result;
}

/* ---- the events ------------------------------------------------------------------------------ */

static int person_of(int64_t number)
{
    return (int)(number / TURN % PERSONS);
}

static bool is_press(int64_t number)
{
    return number / TURN % MAIL_TURNS == 0 && number % TURN < PRESSES;
}

static void write_ip(int person, char ip[ESE_EVENT_IP_SIZE])
{
    snprintf(ip, ESE_EVENT_IP_SIZE, "10.0.%d.%d", person / 250, person % 250);
}

static int64_t due_ns(int64_t number)
{
    return BEGAN_NS + number * STEP_NS;
}

static int64_t client_ts(int64_t number)
{
    return BEGAN_MS + number * STEP_NS / ESE_NS_PER_MS;
}

static struct ese_id id_of(const struct long_run *run, int64_t number)
{
    const struct ese_id_parts parts = {.time_ms = client_ts(number),
                                       .lane = run->lanes[person_of(number)],
                                       .run = RUN,
                                       .sequence = run->sequences[number]};
    return ese_id_make(&parts);
}

static void fill_event(const struct long_run *run, int64_t number, struct ese_event *event)
{
    snprintf(event->sub_type, sizeof event->sub_type, "%s",
             is_press(number) ? ESE_SUB_TYPE_KEY_PRESS : ESE_SUB_TYPE_INPUT);
    write_ip(person_of(number), event->ip);
    ese_event_set_key(event);
    event->client_ts = client_ts(number);
    event->id = id_of(run, number);
}

struct long_run *long_run_make(int64_t events)
{
    struct long_run *run = ese_alloc(sizeof *run);
    uint32_t next[LANES] = {0};
    run->count = events - events % TURN;
    run->gap = run->count / 2 / (TURN * MAIL_TURNS) * (TURN * MAIL_TURNS) + PRESSES - 1;
    run->sequences = ese_alloc_array((size_t)events, sizeof *run->sequences);
    for (int person = 0; person < PERSONS; person++) {
        char ip[ESE_EVENT_IP_SIZE];
        write_ip(person, ip);
        run->lanes[person] = (uint16_t)(ese_event_key_hash(ip) % LANES);
        run->partitions[person] = (int32_t)(ese_event_key_hash(ip) / LANES % PARTITIONS);
    }
    for (int64_t number = 0; number < run->count; number++)
        run->sequences[number] = next[run->lanes[person_of(number)]]++;
    return run;
}

void long_run_free(struct long_run **run)
{
    free((*run)->sequences);
    free(*run);
    *run = NULL;
}

/* Every so many turns, less the one with the gap. */
int64_t long_run_mails(const struct long_run *run)
{
    int64_t turns = run->count / TURN;
    return (turns + MAIL_TURNS - 1) / MAIL_TURNS - 1;
}

struct ese_id long_run_gap(const struct long_run *run)
{
    return id_of(run, run->gap);
}

/* ---- histories ------------------------------------------------------------------------------- */

static struct ese_history *open_history(const char *directory, const char *name)
{
    char *path = ese_test_path(directory, name);
    struct ese_history *history = NULL;
    const struct ese_history_options options = {
        .path = path, .party = "staged", .transport = "staged", .limit = HISTORY_LIMIT};
    unlink(path);
    must(ese_history_open(&options, &history, NULL));
    free(path);
    return history;
}

void long_run_write_client(const struct long_run *run, const char *directory,
                           enum ese_history_kind outcome_of_gap)
{
    struct ese_history *history = open_history(directory, "client.history");
    struct ese_event event = {.type = ESE_TYPE_CLICK};
    bool is_acknowledged = outcome_of_gap == ESE_HISTORY_ACKNOWLEDGED;
    for (int64_t i = 0; i < run->count; i++) {
        struct ese_history_record record = {.kind = ESE_HISTORY_SENT, .partition = -1,
                                            .time_ns = due_ns(i) + 10000, .a = -1, .b = 1};
        fill_event(run, i, &event);
        ese_history_offer(history, &event, due_ns(i));
        record.id = event.id;
        ese_history_record(history, &record);
        record.kind = (uint16_t)(i == run->gap ? outcome_of_gap : ESE_HISTORY_ACKNOWLEDGED);
        record.time_ns += ESE_NS_PER_MS;
        ese_history_record(history, &record);
    }
    ese_history_count(history, ESE_COUNT_OFFERED, run->count);
    ese_history_count(history, ESE_COUNT_ACKNOWLEDGED, run->count - !is_acknowledged);
    ese_history_count(history, ESE_COUNT_UNKNOWN, !is_acknowledged);
    ese_history_close(&history);
}

/* Where each event lies, as store and consumer note it, and where the consumer has got to. */
static void write_places(const struct long_run *run, const char *directory, int64_t next[PARTITIONS])
{
    struct ese_history *store = open_history(directory, "store.history");
    struct ese_history *consumer = open_history(directory, "consumer-1.history");
    for (int32_t p = 0; p < PARTITIONS; p++)
        ese_history_record(store, &(struct ese_history_record){.kind = ESE_HISTORY_GIVEN, .partition = p});
    for (int64_t i = 0; i < run->count; i++) {
        int32_t partition = run->partitions[person_of(i)];
        struct ese_history_record record = {.kind = ESE_HISTORY_STORED, .partition = partition,
                                            .id = id_of(run, i), .a = next[partition],
                                            .b = client_ts(i) + 1};
        if (i != run->gap) {
            next[partition]++;
            ese_history_record(store, &record);
            record.kind = ESE_HISTORY_HANDED;
            record.time_ns = due_ns(i) + 2 * ESE_NS_PER_MS;
            ese_history_record(consumer, &record);
        }
        for (int32_t p = 0; p < PARTITIONS && (i % BATCH == BATCH - 1 || i == run->count - 1); p++)
            ese_history_record(consumer, &(struct ese_history_record){
                .kind = ESE_HISTORY_COMMITTED, .partition = p, .a = next[p],
                .time_ns = due_ns(i) + 3 * ESE_NS_PER_MS});
    }
    ese_history_count(store, ESE_COUNT_STORED, run->count - 1);
    ese_history_count(consumer, ESE_COUNT_HANDED, run->count - 1);
    ese_history_close(&store);
    ese_history_close(&consumer);
}

/* ---- mails ----------------------------------------------------------------------------------- */

/* Where mails go. */
struct desk {
    const char *directory;
    struct ese_decisions *decisions;
    struct ese_mail_table *outbox;
    struct ese_history *history;
    int64_t count;
};

static void file_mail(const struct desk *desk, const char *id)
{
    char name[64];
    snprintf(name, sizeof name, "maildir/new/%lld.staged", (long long)desk->count);
    char *path = ese_test_path(desk->directory, name);
    FILE *file = fopen(path, "w");
    assert(file != NULL);
    fprintf(file, "To: " ESE_DECISION_TO "\nX-ESE-Decision: %s\nX-ESE-Transport: staged\n\n", id);
    fclose(file);
    free(path);
}

static void send_mail(struct desk *desk, const struct ese_decision *decision, int64_t time_ns)
{
    struct ese_mail mail = {.from = "a@example.org", .to = "b@example.org", .content = ese_copy_text("")};
    const struct ese_mail_end end = {.seq = ++desk->count, .status = ESE_MAIL_SENT};
    enum ese_mail_put put;
    bool added;
    ese_id_text(&decision->id, mail.id);
    must(ese_decisions_add(desk->decisions, decision, &added, NULL));
    must(ese_decisions_note_answered(desk->decisions, &decision->id, 1000, &added, NULL));
    must(ese_mail_table_put(desk->outbox, &mail, 1000, &put, NULL));
    must(ese_mail_table_mark_sending(desk->outbox, end.seq, NULL));
    must(ese_mail_table_end(desk->outbox, &end, NULL));
    ese_history_record(desk->history, &(struct ese_history_record){
        .kind = ESE_HISTORY_MAIL_SENT, .id = decision->id, .a = 250, .time_ns = time_ns});
    file_mail(desk, mail.id);
    ese_mail_clear(&mail);
}

static void send_mails(const struct long_run *run, struct desk *desk)
{
    struct ese_event event = {.type = ESE_TYPE_CLICK};
    for (int64_t first = 0; first < run->count; first += TURN * MAIL_TURNS) {
        struct ese_id ids[PRESSES];
        struct ese_decision decision;
        int64_t last = first + PRESSES - 1;
        for (int i = 0; i < PRESSES; i++)
            ids[i] = id_of(run, first + i);
        fill_event(run, last, &event);
        ese_decision_make(&decision, "steady-click", &event, ids, PRESSES);
        if (last != run->gap)
            send_mail(desk, &decision, due_ns(last) + 10 * ESE_NS_PER_MS);
    }
    ese_history_count(desk->history, ESE_COUNT_MAILS_SENT, desk->count);
}

static void make_maildir(const char *directory)
{
    static const char *const names[] = {"maildir", "maildir/new", "maildir/cur"};
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        char *path = ese_test_path(directory, names[i]);
        must(mkdir(path, 0700));
        free(path);
    }
}

static void write_outbox(const struct long_run *run, struct desk *desk)
{
    char *path = ese_test_path(desk->directory, "outbox.db");
    struct ese_history *none = NULL;
    must(ese_history_open(&(struct ese_history_options){.path = NULL}, &none, NULL));
    must(ese_mail_table_open(path, 0, none, &desk->outbox, NULL));
    must(ese_mail_table_begin(desk->outbox, NULL));
    send_mails(run, desk);
    must(ese_mail_table_commit(desk->outbox, NULL));
    ese_mail_table_close(&desk->outbox);
    ese_history_close(&none);
    free(path);
}

static void write_mails(const struct long_run *run, const char *directory, const int64_t next[PARTITIONS])
{
    char *path = ese_test_path(directory, "state.db");
    const struct ese_state_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .group = "staged", .transport = "staged"};
    const struct ese_progress progress = {.late = 0};
    struct ese_position positions[PARTITIONS];
    struct ese_state *state = NULL;
    must(ese_state_open(&options, &state, NULL));
    for (int32_t partition = 0; partition < PARTITIONS; partition++)
        must(ese_state_take(state, partition, "staged", &positions[partition], NULL));
    must(ese_state_begin(state, NULL));
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        positions[partition].next = next[partition];
        must(ese_state_advance(state, partition, &positions[partition], &progress, NULL));
    }
    struct desk desk = {.directory = directory,
                        .decisions = ese_decisions_new(ese_state_database(state), "staged"),
                        .history = open_history(directory, "mailer.history")};
    make_maildir(directory);
    write_outbox(run, &desk);
    must(ese_state_commit(state, NULL));
    ese_history_close(&desk.history);
    ese_decisions_free(&desk.decisions);
    ese_state_close(&state);
    free(path);
}

void long_run_write_rest(const struct long_run *run, const char *directory)
{
    int64_t next[PARTITIONS] = {0};
    write_places(run, directory, next);
    write_mails(run, directory, next);
}
