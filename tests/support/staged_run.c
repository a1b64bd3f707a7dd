#include "tests/support/staged_run.h"

#include <assert.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-client/lanes.h"
#include "ese-consumer/decisions.h"
#include "ese-consumer/rule.h"
#include "ese-consumer/state.h"
#include "ese-core/clock.h"
#include "ese-core/history_file.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "ese-core/sqlite.h"
#include "ese-mailer/mail_table.h"
#include "tests/support/directory.h"

#define KEYS 20
#define RECENT_ORDERS 8 /* of which one is heard again */
#define STUCK_AFTER_MS 5000
#define LATENESS_MS 10000
#define MOST_APPENDED 16
#define BATCH 10

/* The ground a staged run stands on does not fail. */
static void must(int result)
{
    assert(result == 0);
    (void)result;
}

/* ---- making ---------------------------------------------------------------------------------- */

static const char *draw_sub_type(struct ese_random *random)
{
    return ese_random_below(random, 10) < 7 ? ESE_SUB_TYPE_KEY_PRESS : ESE_SUB_TYPE_INPUT;
}

static enum ese_history_kind draw_outcome(struct ese_random *random, bool *is_stored)
{
    uint64_t drawn = ese_random_below(random, 100);
    *is_stored = drawn >= 4;
    if (drawn < 1)
        return ESE_HISTORY_REFUSED;
    if (drawn < 2)
        return ESE_HISTORY_NOT_SENT;
    if (drawn < 7)
        return ESE_HISTORY_UNKNOWN; /* 2 and 3: absent */
    return ESE_HISTORY_ACKNOWLEDGED;
}

/* Steps that leave a second, more or less, between two events of a key. */
static int64_t draw_step_ms(struct ese_random *random)
{
    return (int64_t)ese_random_below(random, 2 * 900 / KEYS);
}

static void name_event(struct staged_event *staged, const char *sub_type, int key, struct ese_lanes *lanes,
                       int64_t ts)
{
    struct ese_event *event = &staged->event;
    snprintf(event->type, sizeof event->type, "%s", ESE_TYPE_CLICK);
    snprintf(event->sub_type, sizeof event->sub_type, "%s", sub_type);
    snprintf(event->ip, sizeof event->ip, "10.0.0.%d", key);
    ese_event_set_key(event);
    ese_lanes_name(lanes, event, ts);
    staged->stored_after_ms = 1;
}

/* Half of them are new, most of the others complete one, and one in ten is created again. */
static void name_order(struct staged_run *run, struct ese_random *random, struct ese_lanes *lanes, int64_t ts)
{
    static const char *const sub_types[] = {
        ESE_SUB_TYPE_COMPLETED, ESE_SUB_TYPE_COMPLETED, ESE_SUB_TYPE_COMPLETED, ESE_SUB_TYPE_ALLOCATED,
        ESE_SUB_TYPE_CREATED};
    struct staged_event *staged = &run->events[run->count];
    struct ese_event *event = &staged->event;
    int drawn = (int)ese_random_below(random, 10), recent = (int)ese_random_below(random, RECENT_ORDERS);
    bool is_new = drawn < 5 || recent >= run->orders;
    int order = is_new ? run->orders++ : run->orders - 1 - recent;
    snprintf(event->type, sizeof event->type, "%s", ESE_TYPE_ORDER);
    snprintf(event->sub_type, sizeof event->sub_type, "%s",
             is_new ? ESE_SUB_TYPE_CREATED : sub_types[drawn % 5]);
    snprintf(event->ip, sizeof event->ip, "10.0.0.%d", (int)ese_random_below(random, KEYS));
    snprintf(event->key, sizeof event->key, "order.%d", order);
    ese_lanes_name(lanes, event, ts);
    staged->stored_after_ms = 1;
}

static void draw_event(struct staged_run *run, struct ese_random *random, struct ese_lanes *lanes,
                       int64_t ts, int64_t due_ns)
{
    struct staged_event *staged = &run->events[run->count];
    bool is_stored;
    *staged = (struct staged_event){.outcome = draw_outcome(random, &is_stored), .due_ns = due_ns};
    staged->sent_ns = staged->outcome == ESE_HISTORY_NOT_SENT ? 0 : due_ns + 10000;
    staged->done_ns = due_ns + (staged->outcome == ESE_HISTORY_UNKNOWN ? 1000 : 2) * ESE_NS_PER_MS;
    if (run->has_orders && ese_random_below(random, 3) == 0)
        name_order(run, random, lanes, ts);
    else
        name_event(staged, draw_sub_type(random), (int)ese_random_below(random, KEYS), lanes, ts);
    if (is_stored)
        run->log[run->log_count++] = run->count;
    run->count++;
}

static struct staged_run *new_run(int events)
{
    struct staged_run *run = ese_alloc(sizeof *run);
    run->directory = ese_test_directory_make();
    run->events = ese_alloc_array((size_t)events + 1, sizeof *run->events);
    run->log = ese_alloc_array((size_t)(events + MOST_APPENDED), sizeof *run->log);
    run->noted = ese_alloc_array((size_t)events + 1, sizeof *run->noted);
    run->read = run->passed_over = run->forgotten = run->not_had = run->taken_back = -1;
    run->misplaced[0] = run->misplaced[1] = run->unoffered = -1;
    run->handed_behind[0] = run->handed_behind[1] = run->taken_over[0] = run->taken_over[1] = -1;
    run->offerless = run->crowded = run->unread = run->doubted = run->told_twice = run->noted_again = -1;
    run->history_bytes = INT64_C(1) << 26;
    run->stuck_after_ms = STUCK_AFTER_MS;
    return run;
}

static struct staged_run *make(uint64_t seed, int events, int lanes_before, int lanes_later, bool has_orders)
{
    struct staged_run *run = new_run(events);
    run->has_orders = has_orders;
    struct ese_random random = ese_random_seeded(seed, 1);
    struct ese_lanes *lanes = ese_lanes_new(lanes_before, 77);
    int64_t began_ms = ese_clock_wall_ms(), began_ns = ese_clock_monotonic_ns(), ts = began_ms;
    while (run->count < events) {
        if (run->count == events / 2) { /* the client was started anew */
            ese_lanes_free(&lanes);
            lanes = ese_lanes_new(lanes_later, 33);
        }
        ts += draw_step_ms(&random);
        draw_event(run, &random, lanes, ts, began_ns + (ts - began_ms) * ESE_NS_PER_MS);
    }
    ese_lanes_free(&lanes);
    return run;
}

struct staged_run *staged_run_make(uint64_t seed, int events)
{
    return make(seed, events, 8, 8, false);
}

struct staged_run *staged_run_make_mixed(uint64_t seed, int events)
{
    return make(seed, events, 8, 8, true);
}

struct staged_run *staged_run_make_with(uint64_t seed, int events, int lanes_before, int lanes_later)
{
    return make(seed, events, lanes_before, lanes_later, false);
}

/* What is behind an event in a script. */
static const struct mark {
    char mark;
    enum ese_history_kind outcome;
    bool is_stored;
    int replay;
} marks[] = {
    {'\0', ESE_HISTORY_ACKNOWLEDGED, true}, {' ', ESE_HISTORY_ACKNOWLEDGED, true},
    {'.', ESE_HISTORY_ACKNOWLEDGED, true},  {'?', ESE_HISTORY_UNKNOWN, true},
    {'-', ESE_HISTORY_UNKNOWN, false},      {'x', ESE_HISTORY_END, true},
    {'!', ESE_HISTORY_REFUSED, false},      {'/', ESE_HISTORY_NOT_SENT, false},
    {'*', ESE_HISTORY_ACKNOWLEDGED, true, STAGED_DEAD},
    {'=', ESE_HISTORY_ACKNOWLEDGED, true, 1},
    {'+', ESE_HISTORY_ACKNOWLEDGED, true, 2},
    {'~', ESE_HISTORY_END, true}};

static const struct mark *mark_of(char mark)
{
    size_t i = 0;
    while (marks[i].mark != mark)
        assert(++i < ESE_COUNT_OF(marks));
    return &marks[i];
}

static void script_event(struct staged_run *run, struct ese_lanes *lanes, const struct mark *mark,
                         char key, int64_t ts, int64_t due_ns)
{
    bool is_unknown = mark->outcome == ESE_HISTORY_UNKNOWN;
    struct staged_event *staged = &run->events[run->count];
    *staged = (struct staged_event){
        .outcome = mark->outcome, .due_ns = due_ns, .replay = mark->replay};
    staged->sent_ns = mark->outcome == ESE_HISTORY_NOT_SENT ? 0 : due_ns + 10000;
    staged->done_ns = due_ns + (is_unknown ? 1000 : 2) * ESE_NS_PER_MS;
    name_event(staged, mark->mark == '.' ? ESE_SUB_TYPE_INPUT : ESE_SUB_TYPE_KEY_PRESS, key - 'a',
               lanes, ts);
    staged->is_strangers = mark->mark == '~';
    if (staged->is_strangers)
        staged->event.id = ese_id_derive("stranger", &staged->event.id, 1);
    if (mark->is_stored)
        run->log[run->log_count++] = run->count;
    run->count++;
}

struct staged_run *staged_run_of(const char *script)
{
    struct staged_run *run = new_run((int)strlen(script));
    struct ese_lanes *lanes = ese_lanes_new(8, 77);
    int64_t began_ms = ese_clock_wall_ms(), began_ns = ese_clock_monotonic_ns();
    for (const char *word = script; *word != '\0';) {
        char *end;
        int64_t after_ms = strtoll(word + 1, &end, 10);
        script_event(run, lanes, mark_of(*end), word[0], began_ms + after_ms,
                     began_ns + after_ms * ESE_NS_PER_MS);
        end += *end != '\0' && *end != ' ';
        word = end + strspn(end, " ");
    }
    ese_lanes_free(&lanes);
    return run;
}

void staged_run_free(struct staged_run **run)
{
    struct staged_run *freed = *run;
    *run = NULL;
    for (int i = 0; i < freed->count; i++)
        ese_event_clear(&freed->events[i].event);
    ese_test_directory_remove(&freed->directory);
    free(freed->events);
    free(freed->log);
    free(freed->noted);
    free(freed->decisions);
    free(freed->mails);
    free(freed);
}

/* ---- playing --------------------------------------------------------------------------------- */

int staged_run_place(const struct staged_run *run, int event)
{
    int place = 0;
    while (run->log[place] != event)
        place++;
    return place;
}

void staged_run_drop(struct staged_run *run, int place)
{
    run->log_count--;
    memmove(&run->log[place], &run->log[place + 1],
            (size_t)(run->log_count - place) * sizeof *run->log);
}

void staged_run_lose(struct staged_run *run, int place, enum ese_history_kind how)
{
    run->noted[run->log[place]] = how;
    staged_run_drop(run, place);
}

void staged_run_append(struct staged_run *run, int event)
{
    run->log[run->log_count++] = event;
}

void staged_run_swap(struct staged_run *run, int place, int other)
{
    int event = run->log[place];
    run->log[place] = run->log[other];
    run->log[other] = event;
}

void staged_run_move(struct staged_run *run, int place, int to)
{
    for (; place < to; place++)
        staged_run_swap(run, place, place + 1);
    for (; place > to; place--)
        staged_run_swap(run, place, place - 1);
}

void staged_run_add_mail(struct staged_run *run, struct ese_id decision)
{
    run->mails = ese_realloc_array(run->mails, (size_t)run->mail_count + 1, sizeof *run->mails);
    run->mails[run->mail_count++] = decision;
}

void staged_run_drop_mail(struct staged_run *run, int mail)
{
    run->mails[mail] = run->mails[--run->mail_count];
}

/* ---- consuming ------------------------------------------------------------------------------- */

void staged_run_decide(struct staged_run *run, const struct ese_decision *decision)
{
    run->decisions =
        ese_realloc_array(run->decisions, (size_t)run->decision_count + 1, sizeof *run->decisions);
    run->decisions[run->decision_count++] = *decision;
    staged_run_add_mail(run, decision->id);
}

static int places_read(const struct staged_run *run)
{
    return run->read == -1 ? run->log_count : run->read;
}

/* What the consumer keeps of clicks and of orders, each by the number its key ends with. */
struct consumption {
    struct staged_run *run;
    struct ese_rule_settings settings;
    const struct ese_rule *steady, *stuck;
    struct ese_rule_state *pressed, *ordered;
};

static int number_of(const char *key)
{
    return (int)strtol(strrchr(key, '.') + 1, NULL, 10);
}

static void apply(struct consumption *consumption, const struct ese_rule *rule,
                  struct ese_rule_state *kept, const struct ese_event *event)
{
    struct ese_decision decision;
    if (rule->wants(event) && rule->apply(&consumption->settings, &kept[number_of(event->key)], event,
                                          &decision, NULL) == 1)
        staged_run_decide(consumption->run, &decision);
}

/* Timers that event time has passed go off. */
static void expire(struct consumption *consumption, int64_t event_time_ms)
{
    for (int order = 0; order < consumption->run->orders; order++) {
        struct ese_rule_state *kept = &consumption->ordered[order];
        struct ese_decision decision;
        char key[ESE_EVENT_KEY_SIZE];
        if (kept->length == 0 || kept->leaves_ms >= event_time_ms)
            continue;
        snprintf(key, sizeof key, "order.%d", order);
        if (consumption->stuck->expire(&consumption->settings, kept, key, &decision) == 1)
            staged_run_decide(consumption->run, &decision);
        kept->length = 0;
    }
}

/* How often the consumer is handed what lies there. */
static int times_handed(const struct staged_run *run, int place)
{
    return place == run->passed_over ? 0 : place < run->handed_twice ? 2 : 1;
}

static struct consumption begin_consumption(struct staged_run *run)
{
    struct consumption consumption = {
        .run = run, .settings = {.stuck_after_ms = run->stuck_after_ms},
        .pressed = ese_alloc_array(KEYS, sizeof(struct ese_rule_state)),
        .ordered = ese_alloc_array((size_t)run->orders + 1, sizeof(struct ese_rule_state))};
    must(ese_rule_find("steady-click", &consumption.steady, NULL));
    must(ese_rule_find("stuck-order", &consumption.stuck, NULL));
    return consumption;
}

static void end_consumption(struct consumption *consumption)
{
    free(consumption->pressed);
    free(consumption->ordered);
}

/* On state of its own, in the order in which they were passed over. */
static void consume_replay(struct staged_run *run, int replay)
{
    struct consumption consumption = begin_consumption(run);
    for (int place = 0; place < places_read(run); place++) {
        const struct staged_event *staged = &run->events[run->log[place]];
        if (staged->replay != replay)
            continue;
        apply(&consumption, consumption.steady, consumption.pressed, &staged->event);
        apply(&consumption, consumption.stuck, consumption.ordered, &staged->event);
    }
    expire(&consumption, INT64_MAX);
    end_consumption(&consumption);
}

void staged_run_consume(struct staged_run *run)
{
    struct consumption consumption = begin_consumption(run);
    bool *seen = ese_alloc_array((size_t)run->count, sizeof *seen);
    for (int place = 0; place < places_read(run); place++) {
        const struct ese_event *event = &run->events[run->log[place]].event;
        if (place == run->not_had || run->events[run->log[place]].replay != 0)
            continue;
        for (int times = times_handed(run, place); times > 0; times--) {
            if (!seen[run->log[place]] || run->is_forgetful) {
                apply(&consumption, consumption.steady, consumption.pressed, event);
                apply(&consumption, consumption.stuck, consumption.ordered, event);
            }
            seen[run->log[place]] = true;
        }
        expire(&consumption, event->client_ts - LATENESS_MS);
    }
    if (run->read == -1)
        expire(&consumption, INT64_MAX);
    free(seen);
    end_consumption(&consumption);
    for (int replay = 1; replay <= STAGED_REPLAYS; replay++)
        consume_replay(run, replay);
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct ese_history *open_history(const struct staged_run *run, const char *name,
                                        int64_t limit)
{
    char *path = ese_test_path(run->directory, name);
    struct ese_history *history = NULL;
    const struct ese_history_options options = {
        .path = path, .party = "staged", .transport = "staged", .limit = limit};
    must(ese_history_open(&options, &history, NULL));
    free(path);
    return history;
}

static void close_history(const struct staged_run *run, struct ese_history **history, const char *name)
{
    if (run->skipped_in != NULL && strcmp(run->skipped_in, name) == 0)
        ese_history_record(*history,
                           &(struct ese_history_record){.kind = ESE_HISTORY_SKIPPED, .a = 1, .b = 1 + run->skipped});
    ese_history_close(history);
}

static int64_t server_ts(const struct staged_event *staged)
{
    return staged->event.client_ts + staged->stored_after_ms;
}

static void note(struct ese_history *history, enum ese_history_kind kind,
                 const struct staged_event *staged, int64_t time_ns)
{
    struct ese_history_record record = {.kind = (uint16_t)kind, .partition = -1, .time_ns = time_ns,
                                        .id = staged->event.id, .a = -1, .b = 1};
    if (kind == ESE_HISTORY_KEPT)
        record.a = server_ts(staged);
    else if (staged->attempts > 0)
        record.b = staged->attempts;
    ese_history_record(history, &record);
}

static void note_outcome(struct ese_history *history, const struct staged_event *staged)
{
    static const enum ese_history_counter counters[ESE_HISTORY_KINDS] = {
        [ESE_HISTORY_ACKNOWLEDGED] = ESE_COUNT_ACKNOWLEDGED,
        [ESE_HISTORY_REFUSED] = ESE_COUNT_REFUSED,
        [ESE_HISTORY_UNKNOWN] = ESE_COUNT_UNKNOWN,
        [ESE_HISTORY_NOT_SENT] = ESE_COUNT_NOT_SENT};
    if (staged->is_place_told)
        ese_history_record(history, &(struct ese_history_record){
            .kind = staged->outcome, .partition = staged->told_partition, .time_ns = staged->done_ns,
            .id = staged->event.id, .a = staged->told_offset, .b = 1});
    else
        note(history, staged->outcome, staged, staged->done_ns);
    ese_history_count(history, counters[staged->outcome], 1);
}

static enum staged_doubt doubt_of(const struct staged_run *run, int event)
{
    return event == run->doubted ? run->doubt : STAGED_NO_DOUBT;
}

/* Of a client process of its own, so that no other has lost a number. */
struct staged_event staged_run_rival(const struct staged_run *run, int event)
{
    struct staged_event rival = run->events[event];
    struct ese_id_parts parts = ese_id_read(&rival.event.id);
    parts.run ^= 1 << 28;
    rival.event.id = ese_id_make(&parts);
    rival.event.data = NULL;
    rival.outcome = ESE_HISTORY_UNKNOWN;
    snprintf(rival.event.sub_type, sizeof rival.event.sub_type, "RIVAL");
    if (doubt_of(run, event) == STAGED_BY_ANOTHER_KEY)
        snprintf(rival.event.key, sizeof rival.event.key, "another");
    rival.event.client_ts += doubt_of(run, event) == STAGED_BY_ANOTHER_TIME;
    return rival;
}

static void write_rival(const struct staged_run *run, struct ese_history *history, int event)
{
    const struct staged_event rival = staged_run_rival(run, event);
    if (run->noted[event] != ESE_HISTORY_OVERWRITTEN || doubt_of(run, event) == STAGED_BY_ONE_NOT_OFFERED)
        return;
    ese_history_offer(history, &rival.event, rival.due_ns);
    ese_history_count(history, ESE_COUNT_OFFERED, 1);
    note(history, ESE_HISTORY_SENT, &rival, rival.due_ns);
    note_outcome(history, &rival);
}

static void write_client(const struct staged_run *run)
{
    struct ese_history *history = open_history(run, "client.history", run->history_bytes);
    for (int i = 0; i < run->count; i++) {
        const struct staged_event *staged = &run->events[i];
        if (i == run->unoffered || staged->is_strangers)
            continue;
        if (i != run->offerless) {
            ese_history_offer(history, &staged->event, staged->due_ns);
            ese_history_count(history, ESE_COUNT_OFFERED, 1);
        }
        if (staged->sent_ns != 0)
            note(history, ESE_HISTORY_SENT, staged, staged->sent_ns);
        if (staged->outcome != ESE_HISTORY_END)
            note_outcome(history, staged);
        if (i == run->told_twice)
            note_outcome(history, staged);
        if (staged->is_sent_again)
            note(history, ESE_HISTORY_SENT_AGAIN, staged, staged->done_ns);
        write_rival(run, history, i);
    }
    ese_history_close(&history);
}

int32_t staged_run_partition(const struct staged_run *run, int event)
{
    int of = event == run->misplaced[0]   ? run->misplaced[1]
             : event == run->misplaced[1] ? run->misplaced[0]
                                          : event;
    return (int32_t)(ese_event_key_hash(run->events[of].event.key) % STAGED_PARTITIONS);
}

/* From its first event on it was read, and says in which partitions that has left. */
static void note_beginnings(const struct staged_run *run, struct ese_history *history)
{
    int64_t forgotten[STAGED_PARTITIONS] = {0};
    for (int place = 0; place < run->gone && !run->is_silent; place++)
        forgotten[staged_run_partition(run, run->log[place])]++;
    for (int32_t partition = 0; partition < STAGED_PARTITIONS && !run->is_of_old; partition++) {
        struct ese_history_record record = {.kind = ESE_HISTORY_GIVEN, .partition = partition, .a = run->read_from};
        if (partition == run->unread)
            continue;
        ese_history_record(history, &record);
        record.kind = ESE_HISTORY_SKIPPED;
        record.a = 0;
        record.b = forgotten[partition];
        if (forgotten[partition] > 0)
            ese_history_record(history, &record);
    }
}

/* Of one key. */
static void note_gone_on(const struct staged_run *run, struct ese_history *history)
{
    if (run->gone_on > 0)
        ese_history_record(history, &(struct ese_history_record){
            .kind = ESE_HISTORY_SKIPPED, .partition = staged_run_partition(run, run->log[0]), .a = run->gone,
            .b = run->gone + run->gone_on});
}

static void write_store(const struct staged_run *run)
{
    int64_t next[STAGED_PARTITIONS] = {0};
    struct ese_history *history = open_history(run, "store.history", INT64_C(1) << 26);
    note_beginnings(run, history);
    note_gone_on(run, history);
    for (int place = 0; place < run->log_count; place++) {
        const struct staged_event *staged = &run->events[run->log[place]];
        int32_t partition = staged_run_partition(run, run->log[place]);
        struct ese_history_record record = {.kind = ESE_HISTORY_STORED, .partition = partition,
                                            .id = staged->event.id, .a = next[partition]++,
                                            .b = server_ts(staged)};
        record.a -= place == run->crowded && record.a > 0;
        if (place < run->gone + run->gone_on || place == run->forgotten || partition == run->unread)
            continue;
        if (staged->is_strangers)
            ese_history_find(history, &staged->event, staged->due_ns);
        ese_history_record(history, &record);
        if (place == run->noted_again)
            ese_history_record(history, &record);
        ese_history_count(history, ESE_COUNT_STORED, 1);
    }
    if (run->goes_back)
        ese_history_record(history, &(struct ese_history_record){
            .kind = ESE_HISTORY_STORED, .partition = staged_run_partition(run, run->log[0]),
            .id = run->events[run->log[0]].event.id});
    close_history(run, &history, "store.history");
}

static int64_t kept_ns(const struct staged_event *staged)
{
    return staged->due_ns + ESE_NS_PER_MS;
}

static void keep(struct ese_history *history, const struct staged_event *staged)
{
    note(history, ESE_HISTORY_KEPT, staged, kept_ns(staged));
    ese_history_count(history, ESE_COUNT_KEPT, 1);
}

static void begin_life(const struct staged_run *run, struct ese_history *history)
{
    ese_history_record(history, &(struct ese_history_record){
        .kind = ESE_HISTORY_BEGUN_EMPTY, .a = run->is_ageless ? 0 : STAGED_RETENTION_MS});
}

static void overwrite(const struct staged_run *run, struct ese_history *history, int event)
{
    const struct staged_event *staged = &run->events[event], rival = staged_run_rival(run, event);
    enum staged_doubt doubt = doubt_of(run, event);
    struct ese_history_record record = {.kind = ESE_HISTORY_OVERWRITTEN, .time_ns = kept_ns(staged),
                                        .id = staged->event.id};
    if (doubt != STAGED_BY_NOBODY)
        ese_history_put_id(&record, &rival.event.id);
    if (doubt != STAGED_BY_ONE_NOT_KEPT)
        keep(history, &rival);
    if (doubt == STAGED_BY_ONE_KEPT_BEFORE) {
        begin_life(run, history);
        keep(history, staged);
    }
    ese_history_record(history, &record);
    ese_history_count(history, ESE_COUNT_OVERWRITTEN, 1);
}

/* As soon as it may. */
static void expire_by_age(const struct staged_run *run, struct ese_history *history, int event)
{
    const struct staged_event *staged = &run->events[event];
    enum staged_doubt doubt = doubt_of(run, event);
    int64_t written_ms = kept_ns(staged) / ESE_NS_PER_MS - (doubt == STAGED_BEFORE_IT_WAS_KEPT);
    struct ese_history_record record = {.kind = ESE_HISTORY_EXPIRED, .id = staged->event.id, .a = written_ms};
    record.time_ns = (written_ms + STAGED_RETENTION_MS) * ESE_NS_PER_MS - (doubt == STAGED_TOO_SOON);
    record.a += doubt == STAGED_BEHIND_IT ? 2 * STAGED_RETENTION_MS : 0;
    ese_history_record(history, &record);
    ese_history_count(history, ESE_COUNT_EXPIRED, 1);
}

static void note_end(const struct staged_run *run, struct ese_history *history, int event)
{
    if (run->noted[event] == ESE_HISTORY_OVERWRITTEN)
        overwrite(run, history, event);
    else if (run->noted[event] == ESE_HISTORY_EXPIRED)
        expire_by_age(run, history, event);
}

static bool is_in_log(const struct staged_run *run, int event)
{
    int place = 0;
    while (place < run->log_count && run->log[place] != event)
        place++;
    return place < run->log_count;
}

static void write_server(const struct staged_run *run)
{
    struct ese_history *history = open_history(run, "server.history", INT64_C(1) << 26);
    begin_life(run, history);
    for (int i = 0; i < run->count; i++) {
        const struct staged_event *staged = &run->events[i];
        if (run->second_life > 0 && i == run->second_life)
            begin_life(run, history);
        bool is_kept = staged->outcome == ESE_HISTORY_ACKNOWLEDGED || is_in_log(run, i);
        if (is_kept && doubt_of(run, i) != STAGED_NOT_KEPT_ITSELF)
            keep(history, staged);
        note_end(run, history, i);
    }
    ese_history_close(&history);
}

static void commit(struct ese_history *history, const int64_t next[STAGED_PARTITIONS],
                   int64_t time_ns)
{
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++) {
        struct ese_history_record record = {.kind = ESE_HISTORY_COMMITTED, .partition = partition,
                                            .time_ns = time_ns, .a = next[partition]};
        ese_history_record(history, &record);
    }
}

static void hand_at(struct ese_history *history, const struct staged_event *staged, int32_t partition,
                    int64_t offset, int64_t time_ns)
{
    struct ese_history_record record = {.kind = ESE_HISTORY_HANDED,
                                        .partition = partition,
                                        .time_ns = time_ns,
                                        .id = staged->event.id,
                                        .a = offset};
    ese_history_record(history, &record);
    ese_history_count(history, ESE_COUNT_HANDED, 1);
}

static void hand(struct ese_history *history, const struct staged_event *staged, int32_t partition,
                 int64_t offset)
{
    hand_at(history, staged, partition, offset, staged->due_ns + 5 * ESE_NS_PER_MS);
}

/* All of it is handed, from the beginning on. */
static void hand_all(const struct staged_run *run, struct ese_history *history)
{
    int64_t next[STAGED_PARTITIONS] = {0};
    for (int place = 0; place < places_read(run); place++) {
        int32_t partition = staged_run_partition(run, run->log[place]);
        hand(history, &run->events[run->log[place]], partition, next[partition]++);
    }
}

static void begin_anew(struct ese_history *history)
{
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++)
        ese_history_record(history, &(struct ese_history_record){.kind = ESE_HISTORY_GIVEN,
                                                                 .partition = partition});
}

static void hand_beyond(const struct staged_run *run, struct ese_history *history,
                        const int64_t next[STAGED_PARTITIONS])
{
    int64_t beyond[STAGED_PARTITIONS];
    memcpy(beyond, next, sizeof beyond);
    for (int place = places_read(run); place < places_read(run) + run->handed_beyond; place++) {
        int32_t partition = staged_run_partition(run, run->log[place]);
        hand(history, &run->events[run->log[place]], partition, beyond[partition]++);
    }
}

static int64_t offset_of(const struct staged_run *run, int place)
{
    int64_t offset = 0;
    for (int before = 0; before < place; before++)
        offset += staged_run_partition(run, run->log[before]) == staged_run_partition(run, run->log[place]);
    return offset;
}

/* Where another reader comes in between, it has to be known what was before that, and what behind. */
static int64_t handed_ns(const struct staged_run *run, int place)
{
    int64_t last_ns = run->events[run->log[place]].due_ns;
    for (int before = 0; before < place && run->taken_over[0] >= 0; before++) {
        int64_t due_ns = run->events[run->log[before]].due_ns;
        last_ns = due_ns > last_ns ? due_ns : last_ns;
    }
    bool is_behind = run->taken_over[0] >= 0 && place >= run->taken_over[0];
    return last_ns + (is_behind ? 7 : 5) * ESE_NS_PER_MS;
}

static void hand_place(const struct staged_run *run, struct ese_history *history, int place)
{
    int32_t partition = staged_run_partition(run, run->log[place]);
    /* Beyond all that is committed. */
    int64_t offset = place == run->not_had ? INT64_MAX - 1 : offset_of(run, place);
    for (int times = times_handed(run, place); times > 0; times--)
        hand_at(history, &run->events[run->log[place]], partition, offset, handed_ns(run, place));
}

/* Fills next with where the consumer stood at the end. */
static void write_consumer(const struct staged_run *run, int64_t next[STAGED_PARTITIONS])
{
    struct ese_history *history = open_history(run, "consumer-1.history", INT64_C(1) << 26);
    int64_t time_ns = 0;
    if (run->is_begun_anew) {
        hand_all(run, history);
        begin_anew(history);
    }
    for (int place = 0; place < places_read(run); place++) {
        const struct staged_event *staged = &run->events[run->log[place]];
        int32_t partition = staged_run_partition(run, run->log[place]);
        next[partition]++;
        if (place != run->handed_behind[0])
            hand_place(run, history, place);
        if (place == run->handed_behind[1])
            hand_place(run, history, run->handed_behind[0]);
        time_ns = staged->due_ns + 6 * ESE_NS_PER_MS + run->committed_late_ns;
        if (place % BATCH == BATCH - 1)
            commit(history, next, time_ns);
    }
    hand_beyond(run, history, next);
    commit(history, next, time_ns);
    if (run->is_read_again) {
        begin_anew(history);
        hand_all(run, history);
        commit(history, next, time_ns + ESE_NS_PER_S);
    }
    close_history(run, &history, "consumer-1.history");
}

/* By the time its predecessor is handed the first of the two. */
static void write_taker(const struct staged_run *run)
{
    struct ese_history *history = open_history(run, "consumer-2.history", INT64_C(1) << 20);
    int first = run->taken_over[run->is_taken_in_order ? 0 : 1];
    int64_t time_ns = handed_ns(run, run->taken_over[0]) - ESE_NS_PER_MS;
    struct ese_history_record record = {.kind = ESE_HISTORY_GIVEN, .time_ns = time_ns, .a = offset_of(run, first),
                                        .partition = staged_run_partition(run, run->log[first])};
    ese_history_record(history, &record);
    for (int i = run->is_taken_in_order ? 0 : 1; i < 2; i++) {
        record.kind = ESE_HISTORY_HANDED;
        record.id = run->events[run->log[run->taken_over[i]]].event.id;
        record.a = offset_of(run, run->taken_over[i]);
        ese_history_record(history, &record);
        ese_history_count(history, ESE_COUNT_HANDED, 1);
    }
    ese_history_close(&history);
}

/* "1s3-7": 7. */
static int64_t skipped_to(const char *word)
{
    return strtoll(word + 2 + strcspn(word + 2, "-") + 1, NULL, 10);
}

/* One word of a reading (staged_run.h). */
static void read_word(const struct staged_run *run, struct ese_history *history, const char *word, int64_t time_ns,
                      int64_t *next)
{
    int64_t number = strtoll(word + 2, NULL, 10);
    struct ese_history_record record = {.time_ns = time_ns, .partition = staged_run_partition(run, run->log[0]),
                                        .a = number};
    record.kind = word[1] == 'g' ? ESE_HISTORY_GIVEN : word[1] == 't' ? ESE_HISTORY_TAKEN : ESE_HISTORY_HANDED;
    if (record.kind == ESE_HISTORY_HANDED)
        record.id = run->events[run->log[number]].event.id;
    if (word[1] == 'c') {
        record = (struct ese_history_record){.kind = ESE_HISTORY_COMMITTED, .time_ns = time_ns,
                                             .partition = record.partition, .a = number};
        *next = number > *next ? number : *next;
    }
    if (word[1] == 's')
        record = (struct ese_history_record){.kind = ESE_HISTORY_SKIPPED, .time_ns = time_ns,
                                             .partition = record.partition, .a = number, .b = skipped_to(word)};
    ese_history_record(history, &record);
    ese_history_count(history, ESE_COUNT_HANDED, record.kind == ESE_HISTORY_HANDED);
}

static void write_reading(const struct staged_run *run, int64_t next[STAGED_PARTITIONS])
{
    struct ese_history *histories[] = {open_history(run, "consumer-1.history", INT64_C(1) << 26),
                                       open_history(run, "consumer-2.history", INT64_C(1) << 26)};
    int64_t time_ns = run->events[run->count - 1].due_ns + 100 * ESE_NS_PER_MS;
    for (const char *word = run->reading; *word != '\0'; word += strspn(word, " ")) {
        if (*word == '+')
            time_ns += strtoll(word, NULL, 10) * ESE_NS_PER_MS;
        else
            read_word(run, histories[*word - '1'], word, time_ns, &next[staged_run_partition(run, run->log[0])]);
        time_ns += ESE_NS_PER_MS;
        word += strcspn(word, " ");
    }
    ese_history_close(&histories[0]);
    ese_history_close(&histories[1]);
}

static void write_other_consumer(const struct staged_run *run)
{
    struct ese_history *history = open_history(run, "consumer-2.history", INT64_C(1) << 20);
    for (int i = 0; i < run->other_count; i++) {
        struct ese_history_record record = run->others[i];
        record.partition = staged_run_partition(run, 0);
        ese_history_record(history, &record);
        ese_history_count(history, ESE_COUNT_HANDED, record.kind == ESE_HISTORY_HANDED);
    }
    ese_history_close(&history);
}

static struct ese_state *open_state(const struct staged_run *run)
{
    char *path = ese_test_path(run->directory, "state.db");
    const struct ese_state_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .group = "staged", .transport = "staged"};
    struct ese_state *state = NULL;
    must(ese_state_open(&options, &state, NULL));
    free(path);
    return state;
}

/* What it has had; of long ago: and two windows since, in each lane. */
static void write_repeats(const struct staged_run *run, struct ese_state *state, int32_t partition)
{
    struct ese_repeats *repeats = ese_repeats_new(ESE_REPEATS_LIMIT);
    for (int place = 0; place < places_read(run); place++) {
        const struct ese_event *event = &run->events[run->log[place]].event;
        struct ese_id_parts parts = ese_id_read(&event->id);
        bool is_had = place != run->passed_over && place != run->not_had && place != run->taken_back &&
                      run->events[run->log[place]].replay == 0;
        if (staged_run_partition(run, run->log[place]) != partition || !is_had)
            continue;
        ese_repeats_note(repeats, &event->id, 0);
        parts.sequence += 2 * ESE_REPEATS_WINDOW + ESE_REPEATS_WINDOW / 2;
        const struct ese_id later = ese_id_make(&parts);
        if (run->is_long_ago)
            ese_repeats_note(repeats, &later, 0);
    }
    must(ese_state_save_repeats(state, partition, repeats, NULL));
    ese_repeats_free(&repeats);
}

static void write_letters(const struct staged_run *run, struct ese_state *state)
{
    struct ese_dead_letters *letters = ese_state_letters(state);
    int64_t number = 0;
    for (int place = 0; place < places_read(run); place++) {
        const struct staged_event *staged = &run->events[run->log[place]];
        const struct ese_dead_letter letter = {
            .partition = staged_run_partition(run, run->log[place]),
            .cause = ESE_DEAD_FAILED, .reason = "staged", .event = staged->event};
        if (staged->replay == 0)
            continue;
        must(ese_dead_letters_put(letters, &letter, NULL));
        number++;
        if (staged->replay != STAGED_DEAD)
            must(ese_dead_letters_settle(letters, number, staged->replay, 1000, NULL));
    }
}

static void write_state(const struct staged_run *run, const int64_t next[STAGED_PARTITIONS])
{
    struct ese_state *state = open_state(run);
    struct ese_position positions[STAGED_PARTITIONS];
    const struct ese_progress progress = {.late = run->late, .beyond_window = run->beyond_window};
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++)
        must(ese_state_take(state, partition, "staged", &positions[partition], NULL));
    must(ese_state_begin(state, NULL));
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++) {
        positions[partition].next = run->tells_losses ? 0 : next[partition];
        write_repeats(run, state, partition);
        must(ese_state_advance(state, partition, &positions[partition], &progress, NULL));
    }
    write_letters(run, state);
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "staged");
    bool added;
    for (int i = 0; i < run->decision_count; i++) {
        must(ese_decisions_add(decisions, &run->decisions[i], &added, NULL));
        if (i >= run->open_decisions)
            must(ese_decisions_note_answered(decisions, &run->decisions[i].id, 1000, &added, NULL));
    }
    must(ese_state_commit(state, NULL));
    ese_decisions_free(&decisions);
    ese_state_close(&state);
}

/* A mail that was asked for and not sent yet. */
static bool queue_mail(struct ese_mail_table *table, const char *id)
{
    struct ese_mail mail = {
        .from = "a@example.org", .to = "b@example.org", .content = ese_copy_text(""),
        .transport = "staged"};
    enum ese_mail_put put;
    snprintf(mail.id, sizeof mail.id, "%s", id);
    must(ese_mail_table_put(table, &mail, 1000, &put, NULL));
    ese_mail_clear(&mail);
    return put == ESE_MAIL_TAKEN;
}

/* What became of a mail that was asked for; unless it was before. */
static void end_mail(struct ese_mail_table *table, int64_t *seq, const struct ese_id *decision,
                     enum ese_mail_status status)
{
    const struct ese_mail_end end = {.seq = *seq + 1, .status = status};
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(decision, id);
    if (!queue_mail(table, id))
        return;
    must(ese_mail_table_mark_sending(table, end.seq, NULL));
    must(ese_mail_table_end(table, &end, NULL));
    *seq = end.seq;
}

static bool is_known_to_be_sent(const struct staged_run *run, const struct ese_decision *decision)
{
    return !run->is_unknowing && !ese_id_equal(&decision->id, &run->unknown_mail);
}

static void write_outbox(const struct staged_run *run)
{
    char *path = ese_test_path(run->directory, "outbox.db"), id[ESE_ID_TEXT_SIZE];
    struct ese_history *history = NULL;
    struct ese_mail_table *table = NULL;
    must(ese_history_open(&(struct ese_history_options){.path = NULL}, &history, NULL));
    must(ese_mail_table_open(path, 0, history, &table, NULL));
    must(ese_mail_table_begin(table, NULL));
    int64_t seq = 0;
    for (int i = run->unasked_mails; i < run->decision_count; i++) {
        if (!ese_id_equal(&run->decisions[i].id, &run->waiting_mail))
            end_mail(table, &seq, &run->decisions[i].id,
                     is_known_to_be_sent(run, &run->decisions[i]) ? ESE_MAIL_SENT : ESE_MAIL_UNKNOWN);
    }
    if (!ese_id_is_none(&run->unknown_mail))
        end_mail(table, &seq, &run->unknown_mail, ESE_MAIL_UNKNOWN);
    ese_id_text(&run->waiting_mail, id);
    if (!ese_id_is_none(&run->waiting_mail))
        queue_mail(table, id);
    for (int i = 0; i < run->queued_mails; i++) {
        snprintf(id, sizeof id, "queued-%d", i);
        queue_mail(table, id);
    }
    must(ese_mail_table_commit(table, NULL));
    ese_mail_table_close(&table);
    ese_history_close(&history);
    free(path);
}

/* All are sent when the last event has been due. */
static void write_mailer(const struct staged_run *run)
{
    struct ese_history *history = open_history(run, "mailer.history", INT64_C(1) << 26);
    for (int i = 0; i < run->mail_count; i++) {
        ese_history_record(history, &(struct ese_history_record){
            .kind = ESE_HISTORY_MAIL_SENT, .id = run->mails[i], .a = 250,
            .time_ns = run->events[run->count - 1].due_ns + 10 * ESE_NS_PER_MS});
        ese_history_count(history, ESE_COUNT_MAILS_SENT, 1);
    }
    ese_history_close(&history);
}

/* As Python's mailbox names it, which tells when it came: with the last record of the mailer, one behind the other. */
static void name_mail(const struct staged_run *run, int mail, char name[64])
{
    int64_t ms = run->events[run->count - 1].event.client_ts + 10;
    snprintf(name, 64, "%lld.M%lldP1Q%d.%s", (long long)(ms / 1000),
             (long long)(ms % 1000 * 1000 + mail % 1000), mail, run->host == NULL ? "staged" : run->host);
}

static const struct ese_decision *decision_of(const struct staged_run *run, const struct ese_id *id)
{
    for (int i = 0; i < run->decision_count; i++) {
        if (ese_id_equal(&run->decisions[i].id, id))
            return &run->decisions[i];
    }
    return NULL;
}

static const char *subject_of(const struct staged_run *run, const struct ese_decision *decision)
{
    const char *subject = decision == NULL ? "Suspicious Activity" : decision->subject;
    return run->subject == NULL ? subject : run->subject;
}

static void write_mails(const struct staged_run *run)
{
    char *maildir = ese_test_path(run->directory, "maildir");
    char *folders[] = {ese_test_path(maildir, "new"), ese_test_path(maildir, "cur")};
    mkdir(maildir, 0700);
    mkdir(folders[0], 0700);
    mkdir(folders[1], 0700);
    for (int i = 0; i < run->mail_count; i++) {
        char name[64], id[ESE_ID_TEXT_SIZE];
        name_mail(run, i, name);
        char *path = ese_test_path(folders[i % 2], name);
        FILE *file = fopen(path, "w");
        assert(file != NULL);
        ese_id_text(&run->mails[i], id);
        const struct ese_decision *decision = decision_of(run, &run->mails[i]);
        fprintf(file, "To: %s\nSubject: %s\nX-ESE-Decision: %s\nX-ESE-Transport: staged\n\nX-ESE-Decision: no header\n",
                decision == NULL ? "somebody@example.org" : decision->to, subject_of(run, decision), id);
        fclose(file);
        free(path);
    }
    free(folders[0]);
    free(folders[1]);
    free(maildir);
}

static void harm(const struct staged_run *run)
{
    char *path = ese_test_path(run->directory, run->harmed);
    struct stat status;
    must(stat(path, &status));
    off_t lost = run->lost_records * (off_t)sizeof(struct ese_history_slot);
    if (run->is_torn)
        lost += (off_t)sizeof(struct ese_history_slot) / 2;
    must(truncate(path, run->lost_records == -1 ? ESE_HISTORY_HEADER_SIZE : status.st_size - lost));
    if (run->is_wiped)
        must(truncate(path, status.st_size));
    free(path);
}

static void damage(const struct staged_run *run)
{
    static const uint16_t kind = ESE_HISTORY_KINDS;
    char *path = ese_test_path(run->directory, run->damaged);
    FILE *file = fopen(path, "r+");
    must(file != NULL && fseek(file, -(long)sizeof(struct ese_history_slot), SEEK_END) == 0 ? 0 : -1);
    must(fwrite(&kind, sizeof kind, 1, file) == 1 ? 0 : -1);
    must(fclose(file));
    free(path);
}

static void take_away(const struct staged_run *run)
{
    char *path = ese_test_path(run->directory, run->absent);
    must(remove(path));
    free(path);
}

/* The slot was claimed, and nothing is in it yet. */
static void leave_unfinished(const struct staged_run *run)
{
    char *path = ese_test_path(run->directory, run->unfinished);
    struct ese_history_header header;
    FILE *file = fopen(path, "r+");
    must(file != NULL && fread(&header, sizeof header, 1, file) == 1 ? 0 : -1);
    header.claimed++;
    rewind(file);
    must(fwrite(&header, sizeof header, 1, file) == 1 ? 0 : -1);
    must(fclose(file));
    off_t slots = header.claimed * (off_t)sizeof(struct ese_history_slot);
    must(truncate(path, ESE_HISTORY_HEADER_SIZE + slots));
    free(path);
}

void staged_run_write(const struct staged_run *run)
{
    int64_t next[STAGED_PARTITIONS] = {0};
    write_client(run);
    if (!run->has_no_store)
        write_store(run);
    if (run->tells_losses)
        write_server(run);
    if (run->reading != NULL)
        write_reading(run, next);
    else
        write_consumer(run, next);
    if (run->taken_over[0] >= 0)
        write_taker(run);
    if (run->other_count > 0)
        write_other_consumer(run);
    write_state(run, next);
    write_outbox(run);
    write_mailer(run);
    write_mails(run);
    if (run->harmed != NULL)
        harm(run);
    if (run->unfinished != NULL)
        leave_unfinished(run);
    if (run->damaged != NULL)
        damage(run);
    if (run->absent != NULL)
        take_away(run);
}

void staged_run_change(const struct staged_run *run, const char *name, const char *sql)
{
    char *path = ese_test_path(run->directory, name);
    struct ese_sqlite *database;
    const struct ese_sqlite_options options = {.path = path, .durability = ESE_DURABILITY_OS};
    must(ese_sqlite_open(&options, &database, NULL));
    must(ese_sqlite_run(database, sql, NULL));
    ese_sqlite_close(&database);
    free(path);
}
