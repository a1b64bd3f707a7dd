/* A run that is judged piece by piece, while it grows, must come to the same as one that is judged at its
 * end: a staged run is lived through, act by act, and folded as it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "ese-consumer/decision.h"
#include "ese-consumer/decisions.h"
#include "ese-consumer/state.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/fold.h"
#include "orchestration/lab/settle.h"
#include "tests/support/balance.h"
#include "tests/support/directory.h"
#include "tests/support/staged_run.h"
#include "tests/support/stepped_clock.h"

#define EVENTS 1500
#define TICK_NS (5 * ESE_NS_PER_S)
#define SETTLES_NS (3 * ESE_NS_PER_S) /* after outcomes, which come within one */
#define SEGMENT_BYTES 65536
#define RETENTION_MS 1 /* of a store that tells its losses */
#define TIMER_NS (15 * ESE_NS_PER_S) /* until an order's mail comes */

enum party { CLIENT, SERVER, STORE, CONSUMER, INBOX, PARTIES };

/* What a party notes, and when. */
struct act {
    int64_t at_ns;
    size_t order;
    enum party party;
    const struct ese_event *event; /* of an offer */
    struct ese_history_record record;
};

struct world {
    struct staged_run *run;
    char *directory;
    const char *mailers; /* where the outbox is, if there is one */
    const struct ese_promises *promises;
    struct ese_history *history[PARTIES];
    struct act *acts;
    size_t count, room, done;
    struct staged_event **rivals;
    size_t rival_count;
    int64_t next[STAGED_PARTITIONS];
    struct ese_repeats *repeats[STAGED_PARTITIONS]; /* what was handed */
    int decided;           /* decisions that are in the state */
    int64_t *decided_ns;   /* of each */
    int64_t end_ns;
    int64_t less_ns;       /* what the machine's clock shows less than acts do: it was started anew */
    uint32_t most; /* events a book may hold; 0: more than there are */
    struct ese_judgement judgement;
    struct ese_fold_progress progress;
};

static const char *const names[PARTIES] = {
    ESE_ARTIFACT_CLIENT_HISTORY, ESE_ARTIFACT_SERVER_HISTORY, ESE_ARTIFACT_STORE_HISTORY,
    ESE_ARTIFACT_CONSUMER_HISTORY, ESE_ARTIFACT_INBOX_HISTORY};

static const struct ese_promises promises = {.delivery = ESE_DELIVERY_AT_LEAST_ONCE,
                                             .ordered_per_key = true, .replayable = true,
                                             .retry_stored_once = true, .positions_survive = true};

static const struct ese_promises lossy = {.delivery = ESE_DELIVERY_AT_MOST_ONCE, .tells_losses = true};

/* ---- the acts -------------------------------------------------------------------------------- */

static void add(struct world *world, enum party party, const struct ese_history_record *record)
{
    if (world->count == world->room) {
        world->room = world->room == 0 ? 1024 : 2 * world->room;
        world->acts = ese_realloc_array(world->acts, world->room, sizeof *world->acts);
    }
    world->acts[world->count] = (struct act){.at_ns = record->time_ns, .order = world->count,
                                             .party = party, .record = *record};
    world->count++;
    if (record->time_ns > world->end_ns)
        world->end_ns = record->time_ns;
}

/* Who overwrites it is offered beside it. */
static void add_rival(struct world *world, int event)
{
    struct staged_event *rival = ese_alloc(sizeof *rival);
    *rival = staged_run_rival(world->run, event);
    world->rivals = ese_realloc_array(world->rivals, world->rival_count + 1, sizeof *world->rivals);
    world->rivals[world->rival_count++] = rival;
    struct ese_history_record record = {.kind = ESE_HISTORY_OFFERED, .time_ns = rival->due_ns};
    add(world, CLIENT, &record);
    world->acts[world->count - 1].event = &rival->event;
    record = (struct ese_history_record){.kind = ESE_HISTORY_SENT, .time_ns = rival->due_ns, .id = rival->event.id};
    add(world, CLIENT, &record);
    record.kind = (uint16_t)rival->outcome;
    record.time_ns = rival->done_ns;
    add(world, CLIENT, &record);
}

static void add_client(struct world *world)
{
    for (int i = 0; i < world->run->count; i++) {
        const struct staged_event *staged = &world->run->events[i];
        struct ese_history_record record = {.kind = ESE_HISTORY_OFFERED, .time_ns = staged->due_ns};
        if (staged->is_strangers)
            continue;
        add(world, CLIENT, &record);
        world->acts[world->count - 1].event = &staged->event;
        record = (struct ese_history_record){.kind = ESE_HISTORY_SENT, .time_ns = staged->sent_ns,
                                             .id = staged->event.id};
        if (staged->sent_ns != 0)
            add(world, CLIENT, &record);
        record.kind = (uint16_t)staged->outcome;
        record.time_ns = staged->done_ns;
        if (staged->outcome != ESE_HISTORY_END)
            add(world, CLIENT, &record);
        if (world->run->noted[i] == ESE_HISTORY_OVERWRITTEN)
            add_rival(world, i);
    }
}

static bool is_in_log(const struct staged_run *run, int event)
{
    int place = 0;
    while (place < run->log_count && run->log[place] != event)
        place++;
    return place < run->log_count;
}

static void begin_life(struct world *world, int64_t at_ns)
{
    add(world, SERVER, &(struct ese_history_record){
        .kind = ESE_HISTORY_BEGUN_EMPTY, .time_ns = at_ns, .a = RETENTION_MS});
}

/* At once, or as soon as it may. */
static void add_end(struct world *world, int event, const struct ese_history_record *kept)
{
    const struct staged_event rival = staged_run_rival(world->run, event);
    struct ese_history_record record = *kept;
    record.kind = (uint16_t)world->run->noted[event];
    if (record.kind == ESE_HISTORY_OVERWRITTEN) {
        struct ese_history_record taker = *kept;
        taker.id = rival.event.id;
        add(world, SERVER, &taker);
        ese_history_put_id(&record, &rival.event.id);
    } else if (record.kind == ESE_HISTORY_EXPIRED) {
        record.a = record.time_ns / ESE_NS_PER_MS;
        record.time_ns = (record.a + RETENTION_MS) * ESE_NS_PER_MS;
    }
    if (record.kind != ESE_HISTORY_END)
        add(world, SERVER, &record);
}

/* It has an event half a millisecond after it was due. */
static void add_server(struct world *world)
{
    const struct staged_run *run = world->run;
    struct ese_history_record record;
    begin_life(world, run->events[0].due_ns);
    for (int i = 0; i < run->count; i++) {
        const struct staged_event *staged = &run->events[i];
        if (run->second_life > 0 && i == run->second_life)
            begin_life(world, staged->due_ns);
        record = (struct ese_history_record){.kind = ESE_HISTORY_KEPT, .id = staged->event.id,
                                             .time_ns = staged->due_ns + ESE_NS_PER_MS / 2};
        if (staged->outcome == ESE_HISTORY_ACKNOWLEDGED || is_in_log(run, i))
            add(world, SERVER, &record);
        add_end(world, i, &record);
    }
}

static int32_t partition_of(const struct ese_event *event)
{
    return (int32_t)(ese_event_key_hash(event->key) % STAGED_PARTITIONS);
}

/* Whoever reads a store without places begins anew, when half is done: consumer and follower. */
static void begin_anew(struct world *world, int64_t offset[STAGED_PARTITIONS], int64_t at_ns)
{
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++) {
        add(world, CONSUMER, &(struct ese_history_record){
            .kind = ESE_HISTORY_GIVEN, .partition = partition, .time_ns = at_ns});
        offset[partition] = 0;
    }
}

static void add_found(struct world *world, const struct staged_event *staged, int64_t at_ns)
{
    add(world, STORE, &(struct ese_history_record){.kind = ESE_HISTORY_FOUND, .time_ns = at_ns});
    world->acts[world->count - 1].event = &staged->event;
}

/* Stored, handed and committed one by one, in the order of the log. */
static void add_log(struct world *world)
{
    const struct staged_run *run = world->run;
    int64_t offset[STAGED_PARTITIONS] = {0}, at_ns = 0;
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++)
        add(world, STORE, &(struct ese_history_record){
            .kind = ESE_HISTORY_GIVEN, .partition = partition, .time_ns = run->events[0].due_ns});
    for (int place = 0; place < run->log_count; place++) {
        const struct staged_event *staged = &run->events[run->log[place]];
        int32_t partition = partition_of(&staged->event);
        if (staged->due_ns + ESE_NS_PER_MS > at_ns)
            at_ns = staged->due_ns + ESE_NS_PER_MS;
        if (run->tells_losses && place == run->log_count / 3)
            begin_anew(world, offset, at_ns);
        struct ese_history_record record = {.kind = ESE_HISTORY_STORED, .partition = partition,
                                            .time_ns = at_ns, .id = staged->event.id,
                                            .a = offset[partition]++, .b = staged->event.client_ts + 1};
        if (staged->is_strangers)
            add_found(world, staged, at_ns);
        if (place != run->forgotten)
            add(world, STORE, &record);
        record.kind = ESE_HISTORY_HANDED;
        record.time_ns += 4 * ESE_NS_PER_MS;
        for (int times = place < run->handed_twice ? 2 : 1; times > 0 && place != run->passed_over; times--)
            add(world, CONSUMER, &record);
        record = (struct ese_history_record){.kind = ESE_HISTORY_COMMITTED, .partition = partition,
                                             .time_ns = record.time_ns + ESE_NS_PER_MS,
                                             .a = offset[partition]};
        add(world, CONSUMER, &record);
    }
}

static int64_t due_of(const struct world *world, const struct ese_id *id)
{
    for (int i = 0; i < world->run->count; i++) {
        if (ese_id_equal(&world->run->events[i].event.id, id))
            return world->run->events[i].due_ns;
    }
    return world->end_ns;
}

/* A mail arrives when its decision is made; one that nobody decided, at the end. */
static void add_mails(struct world *world)
{
    const struct staged_run *run = world->run;
    world->decided_ns = ese_alloc_array((size_t)run->decision_count + 1, sizeof(int64_t));
    for (int i = 0; i < run->decision_count; i++) {
        const struct ese_decision *decision = &run->decisions[i];
        int64_t at_ns = due_of(world, &decision->events[decision->event_count - 1]) + 7 * ESE_NS_PER_MS;
        at_ns += strcmp(decision->rule, "stuck-order") == 0 ? TIMER_NS : 0;
        bool is_later = i == 0 || at_ns > world->decided_ns[i - 1];
        world->decided_ns[i] = is_later ? at_ns : world->decided_ns[i - 1];
    }
    for (int m = 0; m < run->mail_count; m++) {
        struct ese_history_record record = {.kind = ESE_HISTORY_MAIL_ARRIVED, .time_ns = world->end_ns,
                                            .id = run->mails[m], .a = m + 1};
        for (int i = 0; i < run->decision_count; i++) {
            if (ese_id_equal(&run->decisions[i].id, &run->mails[m]))
                record.time_ns = world->decided_ns[i] + 20 * ESE_NS_PER_MS;
        }
        add(world, INBOX, &record);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct act *act = a, *other = b;
    if (act->at_ns != other->at_ns)
        return act->at_ns < other->at_ns ? -1 : 1;
    return act->order < other->order ? -1 : 1;
}

/* ---- living ---------------------------------------------------------------------------------- */

static struct ese_history *open_history(const struct world *world, const char *name)
{
    char *path = ese_test_path(world->directory, name);
    struct ese_history *history = NULL;
    const struct ese_history_options options = {.path = path, .party = name, .transport = "staged",
                                                .limit = SEGMENT_BYTES, .segments = 100};
    assert_int_equal(ese_history_open(&options, &history, NULL), 0);
    free(path);
    return history;
}

static void act_until(struct world *world, int64_t now_ns)
{
    for (; world->done < world->count && world->acts[world->done].at_ns <= now_ns; world->done++) {
        const struct act *act = &world->acts[world->done];
        struct ese_history_record record = act->record;
        record.time_ns -= world->less_ns;
        if (record.kind == ESE_HISTORY_EXPIRED)
            record.a -= world->less_ns / ESE_NS_PER_MS;
        if (record.kind == ESE_HISTORY_FOUND)
            ese_history_find(world->history[act->party], act->event, record.time_ns);
        else if (act->event != NULL)
            ese_history_offer(world->history[act->party], act->event, record.time_ns);
        else
            ese_history_record(world->history[act->party], &record);
        if (act->record.kind == ESE_HISTORY_COMMITTED)
            world->next[act->record.partition] = act->record.a;
        if (act->record.kind == ESE_HISTORY_HANDED)
            ese_repeats_note(world->repeats[act->record.partition], &act->record.id, 0);
    }
    ese_history_set(world->history[STORE], ESE_COUNT_FOLLOWED_NS, now_ns - world->less_ns);
    ese_history_set(world->history[INBOX], ESE_COUNT_FOLLOWED_NS, now_ns - world->less_ns);
}

static void keep_state(struct world *world, int64_t now_ns)
{
    char *path = ese_test_path(world->directory, ESE_ARTIFACT_STATE);
    const struct ese_state_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .group = "staged", .transport = "staged"};
    struct ese_position positions[STAGED_PARTITIONS];
    struct ese_state *state = NULL;
    bool added;
    assert_int_equal(ese_state_open(&options, &state, NULL), 0);
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++)
        assert_int_equal(ese_state_take(state, partition, "staged", &positions[partition], NULL), 0);
    assert_int_equal(ese_state_begin(state, NULL), 0);
    for (int32_t partition = 0; partition < STAGED_PARTITIONS; partition++) {
        positions[partition].next = world->run->tells_losses ? 0 : world->next[partition];
        assert_int_equal(ese_state_save_repeats(state, partition, world->repeats[partition], NULL), 0);
        assert_int_equal(ese_state_advance(state, partition, &positions[partition],
                                           &(struct ese_progress){.late = 0}, NULL), 0);
    }
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "staged");
    for (; world->decided < world->run->decision_count && world->decided_ns[world->decided] <= now_ns;
         world->decided++)
        assert_int_equal(ese_decisions_add(decisions, &world->run->decisions[world->decided], &added, NULL), 0);
    assert_int_equal(ese_state_commit(state, NULL), 0);
    ese_decisions_free(&decisions);
    ese_state_close(&state);
    free(path);
}

static int64_t turn(struct world *world, int64_t until_ns, int64_t fold_ns)
{
    struct ese_error error = {0};
    const struct ese_fold_options options = {
        .directory = world->directory, .mailers = world->mailers, .transport = "staged",
        .promises = world->promises, .until_ns = until_ns - world->less_ns,
        .fold_ns = fold_ns == 0 ? 0 : fold_ns - world->less_ns, .most = world->most};
    int status = ese_fold_turn(&options, &world->judgement, &world->progress, &error);
    if (status != 0)
        print_error("# %s\n", error.text);
    assert_int_equal(status, 0);
    return world->progress.waiting;
}

/* With a turn a tick. */
static void live_on(struct world *world, int64_t from_ns, int64_t until_ns, int64_t tick_ns)
{
    for (int64_t now_ns = from_ns + tick_ns; now_ns < until_ns + tick_ns; now_ns += tick_ns) {
        act_until(world, now_ns);
        keep_state(world, now_ns);
        turn(world, now_ns - SETTLES_NS, now_ns - SETTLES_NS);
    }
}

/* A turn when all mails have been given up. */
static void end(struct world *world)
{
    int64_t last_ns = world->end_ns + 2 * ESE_SETTLE_MAILS_NS;
    act_until(world, last_ns);
    keep_state(world, last_ns);
    turn(world, last_ns, last_ns);
    turn(world, last_ns, last_ns); /* what was given up then is missed now */
}

static void live(struct world *world, int64_t tick_ns)
{
    live_on(world, world->run->events[0].due_ns, world->end_ns, tick_ns);
    end(world);
}

static struct world *make_world(struct staged_run *run)
{
    struct world *world = ese_alloc(sizeof *world);
    world->run = run;
    world->promises = run->tells_losses ? &lossy : &promises;
    world->mailers = world->directory = ese_test_directory_make();
    for (int partition = 0; partition < STAGED_PARTITIONS; partition++)
        world->repeats[partition] = ese_repeats_new(ESE_REPEATS_LIMIT);
    for (int party = 0; party < PARTIES; party++)
        world->history[party] = open_history(world, names[party]);
    add_client(world);
    if (run->tells_losses)
        add_server(world);
    add_log(world);
    add_mails(world);
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
    return world;
}

static void free_world(struct world *world)
{
    for (int party = 0; party < PARTIES; party++)
        ese_history_close(&world->history[party]);
    ese_test_clocks_restore();
    for (int partition = 0; partition < STAGED_PARTITIONS; partition++)
        ese_repeats_free(&world->repeats[partition]);
    ese_test_directory_remove(&world->directory);
    if (world->run != NULL)
        staged_run_free(&world->run);
    for (size_t i = 0; i < world->rival_count; i++)
        free(world->rivals[i]);
    free(world->rivals);
    free(world->acts);
    free(world->decided_ns);
    free(world);
}

/* ---- the same as at the end ------------------------------------------------------------------ */

static struct ese_judgement judge_whole(const struct staged_run *run)
{
    struct ese_judgement judgement;
    const struct ese_judge_options options = {
        .directory = run->directory, .promises = run->tells_losses ? &lossy : &promises};
    staged_run_write(run);
    assert_int_equal(ese_judge(&options, &judgement, NULL), 0);
    return judgement;
}

static int64_t rows(const struct world *world, const char *sql)
{
    char *path = ese_test_path(world->directory, ESE_ARTIFACT_FOLD);
    const struct ese_sqlite_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .read_only = true};
    struct ese_sqlite *database = NULL;
    assert_int_equal(ese_sqlite_open(&options, &database, NULL), 0);
    struct ese_statement *count = ese_statement_new(database, sql);
    assert_int_equal(ese_statement_step(count, NULL), 1);
    int64_t found = ese_statement_column_number(count, 0);
    ese_sqlite_close(&database);
    free(path);
    return found;
}

#define SAME(member) assert_int_equal(folded->member, whole->member)

static void expect_same(const struct ese_judgement *folded, const struct ese_judgement *whole)
{
    SAME(ledger.offered);
    SAME(ledger.acknowledged);
    SAME(ledger.refused);
    SAME(ledger.unknown);
    SAME(ledger.unknown_stored);
    SAME(ledger.unknown_absent);
    SAME(ledger.not_sent);
    SAME(ledger.processed);
    SAME(ledger.lost);
    SAME(ledger.lost_by_clash);
    SAME(ledger.lost_by_expiry);
    SAME(ledger.lost_by_death);
    SAME(ledger.lost_by_other);
    SAME(ledger.in_flight);
    SAME(ledger.redelivered);
    SAME(ledger.stored_twice);
    SAME(ledger.reordered);
    SAME(ledger.phantom);
    SAME(ledger.strangers);
    SAME(mails.expected);
    SAME(mails.arrived);
    SAME(mails.matched);
    SAME(mails.altered);
    SAME(mails.lost);
    SAME(mails.doubled);
    SAME(mails.unexpected);
    SAME(acknowledge.count);
    SAME(acknowledge.p50_us);
    SAME(acknowledge.max_us);
    SAME(ledger_verdict.word);
}

/* Folded in ticks, at once, and judged whole: three times the same. */
static void live_and_compare(struct staged_run *run, enum ese_verdict_word word)
{
    static const int64_t ticks[] = {TICK_NS, 3600 * ESE_NS_PER_S};
    struct ese_judgement whole = judge_whole(run);
    for (size_t i = 0; i < ESE_COUNT_OF(ticks); i++) {
        struct world *world = make_world(run);
        live(world, ticks[i]);
        if (world->judgement.ledger_verdict.reason[0] != '\0')
            print_message("# %s\n", world->judgement.ledger_verdict.reason);
        expect_same(&world->judgement, &whole);
        assert_int_equal(world->judgement.ledger_verdict.word, word);
        assert_int_equal(rows(world, "SELECT count(*) FROM event"), 0);
        assert_int_equal(rows(world, "SELECT count(*) FROM mail"), 0);
        if (i + 1 < ESE_COUNT_OF(ticks))
            world->run = NULL;
        free_world(world);
    }
}

static struct staged_run *consumed(uint64_t seed)
{
    struct staged_run *run = staged_run_make(seed, EVENTS);
    staged_run_consume(run);
    return run;
}

static void a_run_without_fault(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        live_and_compare(consumed(seed), ESE_VERDICT_PASS);
}

/* Each is counted once, and has its mail, whenever the folds come. */
static void strangers_with_keys_of_their_own(void **state)
{
    (void)state;
    struct staged_run *run =
        staged_run_of("a0 b100~ b200~ b300~ a400 c500~ a60000 b90000~ b90100~ b90200~ c90300~ a99000");
    staged_run_consume(run);
    live_and_compare(run, ESE_VERDICT_PASS);
}

/* When it had been counted, and had left: so nobody knows of it any more. */
static void a_strangers_event_is_handed_again_much_later(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("b0~ a100 a300000 a600000");
    staged_run_consume(run);
    struct world *world = make_world(run);
    add(world, CONSUMER, &(struct ese_history_record){
        .kind = ESE_HISTORY_HANDED, .id = run->events[0].event.id, .time_ns = run->events[2].due_ns,
        .partition = partition_of(&run->events[0].event)});
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
    live(world, TICK_NS);
    assert_int_equal(world->judgement.ledger.strangers, 1);
    assert_int_equal(world->judgement.ledger.phantom, 0);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    free_world(world);
}

static struct staged_run *mixed(uint64_t seed)
{
    struct staged_run *run = staged_run_make_mixed(seed, EVENTS);
    staged_run_consume(run);
    return run;
}

static int stuck_orders(const struct staged_run *run)
{
    int count = 0;
    for (int i = 0; i < run->decision_count; i++)
        count += strcmp(run->decisions[i].rule, "stuck-order") == 0;
    return count;
}

static void orders_without_fault(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct staged_run *run = mixed(seed);
        assert_true(stuck_orders(run) > 50);
        live_and_compare(run, ESE_VERDICT_PASS);
    }
}

/* Every tenth order's. */
static void orders_whose_mails_never_came(void **state)
{
    (void)state;
    struct staged_run *run = mixed(4);
    int dropped = 0;
    for (int i = run->decision_count - 1; i >= 0; i--) {
        if (strcmp(run->decisions[i].rule, "stuck-order") == 0 && dropped++ % 10 == 0)
            staged_run_drop_mail(run, i);
    }
    live_and_compare(run, ESE_VERDICT_FAIL);
}

/* Who checks leaves out an order whose mail cannot have come yet, and no other. */
static void a_check_before_timers_have_gone_off(void **state)
{
    (void)state;
    struct world *world = make_world(mixed(5));
    int64_t from_ns = world->run->events[0].due_ns;
    int64_t last_ns = world->run->events[EVENTS - 1].due_ns;
    for (int64_t now_ns = from_ns + TICK_NS; now_ns < last_ns; now_ns += TICK_NS) {
        act_until(world, now_ns);
        keep_state(world, now_ns);
        turn(world, now_ns - SETTLES_NS, 0);
        assert_int_equal(world->progress.waiting, 0);
        assert_int_equal(world->judgement.mails.lost, 0);
        assert_int_equal(world->judgement.mails.unexpected, 0);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
        turn(world, now_ns - SETTLES_NS, now_ns - SETTLES_NS);
    }
    end(world);
    assert_int_equal(world->judgement.mails.matched, world->judgement.mails.expected);
    assert_int_equal(world->judgement.mails.matched, world->run->mail_count);
    free_world(world);
}

/* The number of the n-th acknowledged event. */
static int acknowledged(const struct staged_run *run, int n)
{
    int event = 0;
    for (; n > 0 || run->events[event].outcome != ESE_HISTORY_ACKNOWLEDGED; event++)
        n -= run->events[event].outcome == ESE_HISTORY_ACKNOWLEDGED;
    return event;
}

static void lost_events(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(4, EVENTS);
    for (int n = 100; n < 1200; n += 150)
        staged_run_drop(run, staged_run_place(run, acknowledged(run, n)));
    staged_run_consume(run);
    live_and_compare(run, ESE_VERDICT_FAIL);
}

static void events_stored_a_second_time_much_later(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(5, EVENTS);
    staged_run_append(run, acknowledged(run, 10)); /* settled long ago by then */
    staged_run_append(run, acknowledged(run, 1200));
    staged_run_consume(run);
    live_and_compare(run, ESE_VERDICT_FAIL);
}

static void events_out_of_order(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_make(6, EVENTS);
    for (int place = 100; place < 1200; place += 120)
        staged_run_swap(run, place, place + 30);
    staged_run_consume(run);
    live_and_compare(run, ESE_VERDICT_FAIL);
}

static void events_handed_again(void **state)
{
    (void)state;
    struct staged_run *run = consumed(7);
    run->handed_twice = 50;
    live_and_compare(run, ESE_VERDICT_PASS);
}

static void an_event_the_store_lost_after_it_was_handed(void **state)
{
    (void)state;
    struct staged_run *run = consumed(8);
    run->forgotten = 700;
    live_and_compare(run, ESE_VERDICT_FAIL);
}

static void mails_that_never_came(void **state)
{
    (void)state;
    struct staged_run *run = consumed(9);
    staged_run_drop_mail(run, 3);
    staged_run_drop_mail(run, run->mail_count / 2);
    live_and_compare(run, ESE_VERDICT_FAIL);
}

static void mails_that_came_again_much_later(void **state)
{
    (void)state;
    struct staged_run *run = consumed(10);
    staged_run_add_mail(run, run->decisions[0].id);
    staged_run_add_mail(run, run->decisions[run->decision_count - 1].id);
    live_and_compare(run, ESE_VERDICT_FAIL);
}

static void a_mail_from_nowhere(void **state)
{
    (void)state;
    struct staged_run *run = consumed(11);
    staged_run_add_mail(run, run->events[5].event.id);
    live_and_compare(run, ESE_VERDICT_FAIL);
}

/* Over a store without places, that tells its losses: a third of all events by clash, some by expiry, and
 * what the follower saw and the consumer did not, by the store's death. */
static struct staged_run *lossy_run(uint64_t seed)
{
    struct staged_run *run = staged_run_make(seed, EVENTS);
    run->tells_losses = true;
    for (int n = 10; n < 1300; n += 3)
        staged_run_lose(run, staged_run_place(run, acknowledged(run, n)),
                        n % 10 == 0 ? ESE_HISTORY_EXPIRED : ESE_HISTORY_OVERWRITTEN);
    run->passed_over = run->log_count / 2;
    run->second_life = run->log[run->passed_over] + 20;
    run->gone = run->passed_over + 1;
    return run;
}

static void losses_by_cause(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(18);
    staged_run_consume(run);
    live_and_compare(run, ESE_VERDICT_PASS);
}

static void a_loss_without_a_note(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(21);
    staged_run_lose(run, staged_run_place(run, acknowledged(run, 1301)), ESE_HISTORY_END);
    staged_run_consume(run);
    live_and_compare(run, ESE_VERDICT_CANNOT_TELL);
}

/* Those that settled are not heard of again: what expires then was processed, or counted as lost. */
static void events_that_expire_when_they_have_settled(void **state)
{
    (void)state;
    struct staged_run *run = lossy_run(22);
    staged_run_consume(run);
    struct ese_judgement whole = judge_whole(run);
    struct world *world = make_world(run);
    live(world, TICK_NS);
    for (int i = 0; i < run->count; i++)
        ese_history_record(world->history[SERVER], &(struct ese_history_record){
            .kind = ESE_HISTORY_EXPIRED, .id = run->events[i].event.id, .time_ns = world->end_ns});
    turn(world, world->end_ns + 2 * ESE_SETTLE_MAILS_NS, world->end_ns);
    expect_same(&world->judgement, &whole);
    free_world(world);
}

/* ---- what only a run that goes on has --------------------------------------------------------- */

/* The first mail comes when all others have. */
static struct ese_history_record hold_back_a_mail(struct world *world)
{
    struct ese_history_record late = {.kind = ESE_HISTORY_END};
    for (size_t i = 0; i < world->count && late.kind == ESE_HISTORY_END; i++) {
        if (world->acts[i].party != INBOX)
            continue;
        late = world->acts[i].record;
        world->count--;
        memmove(&world->acts[i], &world->acts[i + 1], (world->count - i) * sizeof world->acts[i]);
    }
    return late;
}

static void let_it_come(struct world *world, const struct ese_history_record *late)
{
    int64_t now_ns = world->end_ns + 3 * ESE_SETTLE_MAILS_NS;
    ese_history_record(world->history[INBOX], late);
    act_until(world, now_ns);
    for (int i = 0; i < 2; i++) { /* it comes once */
        turn(world, now_ns, now_ns);
        assert_int_equal(world->judgement.mails.lost, 0);
        assert_int_equal(world->judgement.mails.unknown, 0);
        assert_int_equal(world->judgement.mails.doubled, 0);
        assert_int_equal(world->judgement.mails.matched, world->judgement.mails.expected);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    }
}

/* Lost when it was given up, and taken back when it came after all; but not a second time. */
static void a_mail_that_comes_when_it_was_given_up(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(12));
    struct ese_history_record late = hold_back_a_mail(world);
    live(world, TICK_NS);
    assert_int_equal(world->judgement.mails.lost, 1);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_FAIL);
    let_it_come(world, &late);
    late.a += 1000000; /* another message */
    ese_history_record(world->history[INBOX], &late);
    int64_t now_ns = world->end_ns + 3 * ESE_SETTLE_MAILS_NS;
    turn(world, now_ns, now_ns);
    assert_int_equal(world->judgement.mails.doubled, 1);
    assert_int_equal(world->judgement.mails.lost, 0);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_FAIL);
    free_world(world);
}

/* Dead letters, of all events there are; or, once they are, that a replay has handed them. */
static void put_letters(struct world *world, int64_t replay)
{
    char *path = ese_test_path(world->directory, ESE_ARTIFACT_STATE);
    const struct ese_state_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .group = "staged", .transport = "staged"};
    struct ese_state *state = NULL;
    assert_int_equal(ese_state_open(&options, &state, NULL), 0);
    struct ese_dead_letters *letters = ese_state_letters(state);
    for (int i = 0; i < world->run->count; i++) {
        const struct ese_dead_letter letter = {.cause = ESE_DEAD_FAILED,
                                               .event = world->run->events[i].event};
        assert_int_equal(replay == 0 ? ese_dead_letters_put(letters, &letter, NULL)
                                     : ese_dead_letters_settle(letters, i + 1, replay, 1000, NULL),
                         0);
    }
    ese_state_close(&state);
    free(path);
}

/* When the books of its events were closed, its mail is believed. */
static void a_replay_of_what_has_settled(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0= a100= a200= a300=");
    staged_run_consume(run);
    struct world *world = make_world(run);
    assert_int_equal(run->decision_count, 1);
    struct ese_history_record late = hold_back_a_mail(world);
    put_letters(world, 0);
    live(world, TICK_NS);
    assert_int_equal(world->judgement.ledger.processed, 4);
    assert_int_equal(world->judgement.ledger.dead_letters, 4);
    assert_int_equal(world->judgement.mails.expected, 0);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    put_letters(world, 1);
    let_it_come(world, &late);
    assert_int_equal(world->judgement.mails.matched, 1);
    free_world(world);
}

/* The same of one of which the mailer did not know. */
static void a_mail_that_comes_when_nobody_knew_of_it(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(12));
    struct ese_history_record late = hold_back_a_mail(world);
    world->run->unknown_mail = late.id;
    staged_run_write(world->run);
    world->mailers = world->run->directory;
    live(world, TICK_NS);
    assert_int_equal(world->judgement.mails.lost, 0);
    assert_int_equal(world->judgement.mails.unknown, 1);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    let_it_come(world, &late);
    assert_int_equal(world->judgement.mails.unknown_arrived, 1);
    free_world(world);
}

/* That it comes after all makes up for no other one. */
static void a_mail_that_comes_when_another_one_is_lost(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(12));
    struct ese_history_record late = hold_back_a_mail(world);
    struct ese_history_record never = hold_back_a_mail(world);
    assert_false(ese_id_equal(&late.id, &never.id));
    world->run->unknown_mail = late.id;
    staged_run_write(world->run);
    world->mailers = world->run->directory;
    live(world, TICK_NS);
    int64_t now_ns = world->end_ns + 3 * ESE_SETTLE_MAILS_NS;
    ese_history_record(world->history[INBOX], &late);
    act_until(world, now_ns);
    turn(world, now_ns, now_ns);
    assert_int_equal(world->judgement.mails.unknown_arrived, 1);
    assert_int_equal(world->judgement.mails.lost, 1);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_FAIL);
    free_world(world);
}

/* What came when it was given up; the chain has settled long before. */
static void bring(struct world *world, const struct ese_id *decision)
{
    int64_t now_ns = world->end_ns + 3 * ESE_SETTLE_MAILS_NS;
    struct ese_history_record late = {.kind = ESE_HISTORY_MAIL_ARRIVED, .id = *decision, .time_ns = now_ns};
    memcpy(&late.a, decision->bytes, sizeof late.a); /* each is a message of its own */
    ese_history_record(world->history[INBOX], &late);
    act_until(world, now_ns);
    turn(world, now_ns, now_ns);
    balance_check(&world->judgement);
}

/* A run by a script, lived through with one mail fewer than it has; what is missing is unknown, or not. */
static struct world *live_without(struct staged_run *run, const struct ese_id *decision, bool is_unknown)
{
    for (int i = run->mail_count - 1; i >= 0; i--) {
        if (ese_id_equal(&run->mails[i], decision))
            staged_run_drop_mail(run, i);
    }
    if (is_unknown)
        run->unknown_mail = *decision;
    struct world *world = make_world(run);
    staged_run_write(world->run);
    world->mailers = world->run->directory;
    live(world, TICK_NS);
    balance_check(&world->judgement);
    return world;
}

/* What is left of a chain that a loss has touched gives a mail that the oracle did not expect. */
static void a_mail_of_other_presses_that_comes_when_it_was_given_up(void **state)
{
    (void)state;
    for (int is_unknown = 0; is_unknown < 2; is_unknown++) {
        struct staged_run *run = staged_run_of("a0 a100 a200 a300");
        run->tells_losses = true;
        staged_run_lose(run, 1, ESE_HISTORY_OVERWRITTEN);
        staged_run_consume(run);
        struct ese_id decision = run->mails[0];
        struct world *world = live_without(run, &decision, is_unknown);
        const struct ese_mail_ledger *mails = &world->judgement.mails;
        assert_int_equal(mails->lost, !is_unknown);
        assert_int_equal(mails->unknown, is_unknown);
        assert_int_equal(world->judgement.ledger_verdict.word, is_unknown ? ESE_VERDICT_PASS : ESE_VERDICT_FAIL);
        bring(world, &decision);
        assert_int_equal(mails->expected, 1);
        assert_int_equal(mails->matched, 1);
        assert_int_equal(mails->lost, 0);
        assert_int_equal(mails->unknown, 0);
        assert_int_equal(mails->unknown_arrived, is_unknown);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
        free_world(world);
    }
}

static struct ese_id make_up(struct staged_run *run)
{
    const struct ese_id events[] = {run->events[0].event.id};
    struct ese_decision decision;
    ese_decision_make(&decision, "made-up", &run->events[0].event, events, 1);
    staged_run_decide(run, &decision);
    return decision.id;
}

/* Of two one was lost, and one had another come for it: that was not missed. */
static void only_as_many_mails_are_taken_back_as_were_lost(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200 a300 a400 a500");
    staged_run_consume(run);
    struct ese_id decisions[] = {run->mails[0], run->mails[1]};
    staged_run_drop_mail(run, 0);
    make_up(run);
    struct world *world = live_without(run, &decisions[1], false);
    const struct ese_mail_ledger *mails = &world->judgement.mails;
    assert_int_equal(mails->altered, 1);
    assert_int_equal(mails->lost, 1);
    for (int i = 0; i < 2; i++)
        bring(world, &decisions[i]);
    assert_int_equal(mails->expected, 2);
    assert_int_equal(mails->matched, 1);
    assert_int_equal(mails->altered, 1);
    assert_int_equal(mails->lost, 0);
    assert_int_equal(mails->doubled, 1);
    free_world(world);
}

/* Of two one is unknown and one is lost: each is taken back as what it was. */
static void what_was_unknown_was_not_lost_as_well(void **state)
{
    (void)state;
    for (int is_behind = 0; is_behind < 2; is_behind++) { /* the unknown one, by its id */
        struct staged_run *run = staged_run_of("a0 a100 a200 a300 a400 a500");
        staged_run_consume(run);
        struct ese_id decisions[] = {run->mails[0], run->mails[1]};
        int unknown = (ese_id_compare(&decisions[0], &decisions[1]) > 0) != is_behind;
        staged_run_drop_mail(run, !unknown);
        struct world *world = live_without(run, &decisions[unknown], true);
        const struct ese_mail_ledger *mails = &world->judgement.mails;
        assert_int_equal(mails->lost, 1);
        assert_int_equal(mails->unknown, 1);
        bring(world, &decisions[!unknown]);
        assert_int_equal(mails->lost, 0);
        assert_int_equal(mails->unknown, 1);
        bring(world, &decisions[unknown]);
        assert_int_equal(mails->unknown, 0);
        assert_int_equal(mails->matched, 2);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
        free_world(world);
    }
}

/* It was taken as expected. */
static void an_unknown_mail_beyond_those_that_had_to_come_is_taken_back(void **state)
{
    (void)state;
    struct staged_run *run = staged_run_of("a0 a100 a200");
    staged_run_consume(run);
    struct ese_id decision = make_up(run);
    struct world *world = live_without(run, &decision, true);
    const struct ese_mail_ledger *mails = &world->judgement.mails;
    assert_int_equal(mails->expected, 2);
    assert_int_equal(mails->unknown, 1);
    bring(world, &decision);
    assert_int_equal(mails->expected, 2);
    assert_int_equal(mails->matched, 2);
    assert_int_equal(mails->unknown, 0);
    assert_int_equal(mails->unknown_arrived, 1);
    free_world(world);
}

static void a_mail_that_came_though_nobody_knew_of_it(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(12));
    world->run->unknown_mail = world->run->mails[world->run->mail_count - 1];
    staged_run_write(world->run);
    world->mailers = world->run->directory;
    live(world, TICK_NS);
    assert_int_equal(world->judgement.mails.unknown_arrived, 1);
    assert_int_equal(world->judgement.mails.unknown, 0);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    free_world(world);
}

/* It was not missed, and comes again. */
static void a_mail_that_nobody_knew_of_comes_a_second_time(void **state)
{
    (void)state;
    struct staged_run *run = consumed(12);
    run->unknown_mail = run->mails[run->mail_count / 2];
    struct world *world = make_world(run);
    staged_run_write(world->run);
    world->mailers = world->run->directory;
    live(world, TICK_NS);
    bring(world, &run->unknown_mail);
    assert_int_equal(world->judgement.mails.unknown_arrived, 1);
    assert_int_equal(world->judgement.mails.unknown, 0);
    assert_int_equal(world->judgement.mails.doubled, 1);
    free_world(world);
}

/* It was killed before it had kept how far it had come: all that it has noted so far is noted again. */
static void what_a_follower_notes_twice_is_one(void **state)
{
    (void)state;
    struct staged_run *run = consumed(25);
    struct ese_judgement whole = judge_whole(run);
    struct world *world = make_world(run);
    int64_t killed_ns = run->events[20].due_ns;
    for (size_t i = 0, count = world->count; i < count; i++) {
        struct ese_history_record record = world->acts[i].record;
        bool is_noted = world->acts[i].party == STORE && record.kind == ESE_HISTORY_STORED;
        if (is_noted && record.time_ns <= killed_ns) {
            record.time_ns = killed_ns;
            add(world, STORE, &record);
        }
    }
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
    live(world, TICK_NS);
    expect_same(&world->judgement, &whole);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    free_world(world);
}

/* Its inbox is followed by one who was killed before it had noted how far it was. */
static void a_mail_that_is_noted_twice_is_one(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(12));
    act_until(world, world->end_ns);
    for (size_t i = 0; i < world->count; i++) {
        if (world->acts[i].party == INBOX)
            ese_history_record(world->history[INBOX], &world->acts[i].record);
    }
    end(world);
    assert_int_equal(world->judgement.mails.doubled, 0);
    assert_int_equal(world->judgement.mails.arrived, world->judgement.mails.expected);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    free_world(world);
}

/* What is judged without committing changes nothing, and waits for what is on its way. */
static void a_look_changes_nothing(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(13));
    int64_t middle_ns = world->run->events[EVENTS / 2].due_ns;
    act_until(world, middle_ns);
    keep_state(world, middle_ns);
    turn(world, middle_ns, middle_ns - SETTLES_NS);
    int64_t events = rows(world, "SELECT count(*) FROM event");
    assert_true(events > 0 && events < EVENTS / 4);
    for (int i = 0; i < 3; i++) {
        turn(world, middle_ns - SETTLES_NS, 0);
        assert_int_equal(world->judgement.ledger.lost, 0);
        assert_int_equal(rows(world, "SELECT count(*) FROM event"), events);
    }
    live(world, TICK_NS);
    assert_int_equal(world->judgement.ledger.offered, EVENTS);
    free_world(world);
}

/* Mails on their way are missed by who checks, not by who watches. */
static void a_mail_that_has_not_come_yet(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(17));
    int64_t middle_ns = world->run->events[EVENTS / 2].due_ns;
    for (size_t i = 0; i < world->count; i++) {
        if (world->acts[i].party == INBOX)
            world->acts[i].at_ns += 3600 * ESE_NS_PER_S;
    }
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
    act_until(world, middle_ns);
    keep_state(world, middle_ns);
    turn(world, middle_ns - SETTLES_NS, middle_ns - SETTLES_NS);
    assert_int_equal(world->judgement.mails.lost, 0);
    assert_true(world->judgement.mails.expected > 0);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    turn(world, middle_ns - SETTLES_NS, 0);
    assert_int_equal(world->judgement.mails.lost, world->judgement.mails.expected);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_FAIL);
    free_world(world);
}

/* While the store is not followed, what is acknowledged is on its way, not lost; and nothing settles. */
static void a_store_that_is_not_followed(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(14));
    int64_t middle_ns = world->run->events[EVENTS / 2].due_ns, last_ns = world->end_ns + TICK_NS;
    act_until(world, middle_ns);
    keep_state(world, middle_ns);
    for (size_t i = world->done; i < world->count; i++) {
        if (world->acts[i].party == STORE) /* from here on nobody notes what is stored */
            world->acts[i].at_ns = INT64_MAX;
    }
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
    act_until(world, last_ns);
    ese_history_set(world->history[STORE], ESE_COUNT_FOLLOWED_NS, middle_ns);
    keep_state(world, last_ns);
    assert_true(turn(world, last_ns, last_ns) > 0);
    assert_int_equal(world->judgement.ledger.lost, 0);
    assert_true(world->judgement.ledger.in_flight > EVENTS / 3);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    free_world(world);
}

static void segments_that_were_read_leave(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(15));
    live(world, TICK_NS);
    char name[ESE_ARTIFACT_PATH_SIZE];
    for (int segment = 1; segment < 4; segment++) {
        snprintf(name, sizeof name, "%s/%s.%06d", world->directory, ESE_ARTIFACT_CLIENT_HISTORY, segment);
        assert_int_equal(access(name, F_OK), -1);
    }
    assert_int_equal(rows(world, "SELECT segment > 4 FROM place WHERE name = 'client.history'"), 1);
    free_world(world);
}

static void a_gap_in_a_history_is_never_forgotten(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(16));
    int64_t middle_ns = world->run->events[EVENTS / 2].due_ns;
    act_until(world, middle_ns);
    char name[ESE_ARTIFACT_PATH_SIZE];
    snprintf(name, sizeof name, "%s/%s.000001", world->directory, ESE_ARTIFACT_CLIENT_HISTORY);
    assert_int_equal(unlink(name), 0);
    live(world, TICK_NS);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_non_null(strstr(world->judgement.ledger_verdict.reason, "has lost segments"));
    free_world(world);
}

static void reopen(struct world *world, enum party party)
{
    ese_history_close(&world->history[party]);
    world->history[party] = open_history(world, names[party]);
}

static void lose_history(struct world *world, enum party party)
{
    char *path = ese_test_path(world->directory, names[party]);
    assert_int_equal(unlink(path), 0);
    reopen(world, party);
    free(path);
}

/* Somebody removed its file. What its party noted is gone, and nobody can tell what that was. */
static void a_history_that_was_begun_anew(void **state)
{
    (void)state;
    for (enum party party = CLIENT; party < PARTIES; party++) {
        if (party == SERVER)
            continue;
        struct world *world = make_world(consumed(25));
        int64_t middle_ns = world->run->events[EVENTS / 2].due_ns;
        live_on(world, world->run->events[0].due_ns, middle_ns, TICK_NS);
        act_until(world, middle_ns + ESE_NS_PER_S); /* is not read any more */
        lose_history(world, party);
        live_on(world, middle_ns + ESE_NS_PER_S, world->end_ns, TICK_NS);
        end(world);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
        assert_non_null(strstr(world->judgement.ledger_verdict.reason, "another history"));
        assert_int_equal(strncmp(world->judgement.ledger_verdict.reason, names[party], strlen(names[party])), 0);
        free_world(world);
    }
}

/* ---- a store without places, looked at while it runs ------------------------------------------- */

static struct act *act_of(struct world *world, enum party party, enum ese_history_kind kind, int event)
{
    const struct ese_id *id = &world->run->events[event].event.id;
    for (size_t i = 0; i < world->count; i++) {
        struct act *act = &world->acts[i];
        if (act->party == party && act->record.kind == kind && ese_id_equal(&act->record.id, id))
            return act;
    }
    fail_msg("there is no such act");
    return NULL;
}

/* It is never done. */
static void withhold(struct world *world, enum party party, enum ese_history_kind kind, int event)
{
    act_of(world, party, kind, event)->at_ns = INT64_MAX;
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
}

/* Of four events the last one is the one that matters. Nothing of it is in the state. */
#define LAST 3

static struct world *small_world(enum ese_history_kind noted)
{
    struct staged_run *run = staged_run_of("a0. a100. a200. a300.");
    run->tells_losses = true;
    run->noted[LAST] = noted;
    return make_world(run);
}

static const struct ese_ledger *look_at(struct world *world, int64_t followed_ns)
{
    int64_t last_ns = world->end_ns + ESE_NS_PER_S;
    act_until(world, act_of(world, CLIENT, ESE_HISTORY_SENT, LAST)->at_ns);
    keep_state(world, world->end_ns);
    act_until(world, last_ns);
    ese_history_set(world->history[STORE], ESE_COUNT_FOLLOWED_NS, followed_ns == 0 ? last_ns : followed_ns);
    turn(world, last_ns, 0);
    assert_int_equal(world->judgement.ledger.processed, LAST);
    return &world->judgement.ledger;
}

/* Seen by the follower, or not looked for yet; noted by its server, or not yet. */
static void what_is_still_kept_is_in_flight(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool is_noted = i % 2 == 0, is_seen = i < 2;
        struct world *world = small_world(ESE_HISTORY_END);
        withhold(world, CONSUMER, ESE_HISTORY_HANDED, LAST);
        if (!is_noted)
            withhold(world, SERVER, ESE_HISTORY_KEPT, LAST);
        if (!is_seen)
            withhold(world, STORE, ESE_HISTORY_STORED, LAST);
        int64_t before_ns = act_of(world, CLIENT, ESE_HISTORY_SENT, LAST)->at_ns;
        const struct ese_ledger *ledger = look_at(world, is_seen ? 0 : before_ns);
        assert_int_equal(ledger->in_flight, 1);
        assert_int_equal(ledger->lost, 0);
        free_world(world);
    }
}

/* Kept, and gone when the store was followed; or overwritten since that. */
static void what_is_no_longer_kept_is_lost(void **state)
{
    (void)state;
    struct world *world = small_world(ESE_HISTORY_END);
    withhold(world, CONSUMER, ESE_HISTORY_HANDED, LAST);
    withhold(world, STORE, ESE_HISTORY_STORED, LAST);
    assert_int_equal(look_at(world, 0)->lost_by_other, 1);
    free_world(world);

    world = small_world(ESE_HISTORY_OVERWRITTEN);
    withhold(world, CONSUMER, ESE_HISTORY_HANDED, LAST);
    assert_int_equal(look_at(world, 0)->lost_by_clash, 1);
    assert_int_equal(world->judgement.ledger.in_flight, 0);
    free_world(world);
}

/* How long its store keeps it was told in the turn before. */
static void what_expires_too_soon_is_lost_by_no_cause(void **state)
{
    (void)state;
    struct world *world = small_world(ESE_HISTORY_EXPIRED);
    withhold(world, CONSUMER, ESE_HISTORY_HANDED, LAST);
    struct act *expired = act_of(world, SERVER, ESE_HISTORY_EXPIRED, LAST);
    int64_t before_ns = expired->at_ns - 1;
    expired->record.time_ns = (expired->record.a + RETENTION_MS) * ESE_NS_PER_MS - 1;
    act_until(world, before_ns);
    keep_state(world, world->end_ns);
    turn(world, before_ns, world->run->events[0].due_ns);
    assert_int_equal(look_at(world, 0)->lost_by_other, 1);
    free_world(world);
}

/* The commits of the reader that was handed it, which name no event. */
static void withhold_commit(struct world *world)
{
    int64_t handed_ns = act_of(world, CONSUMER, ESE_HISTORY_HANDED, LAST)->at_ns;
    for (size_t i = 0; i < world->count; i++) {
        if (world->acts[i].record.kind == ESE_HISTORY_COMMITTED && world->acts[i].at_ns > handed_ns)
            world->acts[i].at_ns = INT64_MAX;
    }
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
}

/* Its store has forgotten it; its reader may still commit it, unless it has, or has begun anew. */
static void what_a_reader_holds_is_in_flight(void **state)
{
    (void)state;
    struct world *world = small_world(ESE_HISTORY_EXPIRED);
    withhold_commit(world);
    assert_int_equal(look_at(world, 0)->in_flight, 1);
    free_world(world);

    world = small_world(ESE_HISTORY_EXPIRED);
    assert_int_equal(look_at(world, 0)->in_flight, 1); /* committed, since the state was read */
    free_world(world);

    world = small_world(ESE_HISTORY_EXPIRED);
    withhold_commit(world);
    const struct act *handed = act_of(world, CONSUMER, ESE_HISTORY_HANDED, LAST);
    add(world, CONSUMER, &(struct ese_history_record){.kind = ESE_HISTORY_GIVEN,
                                                      .partition = handed->record.partition,
                                                      .time_ns = handed->at_ns + 2 * ESE_NS_PER_MS});
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
    assert_int_equal(look_at(world, 0)->lost_by_expiry, 1);
    free_world(world);
}

/* Who is its reader was told before; one that does not know yet that it was taken over is handed it. */
static void what_one_holds_who_was_taken_over_is_lost(void **state)
{
    (void)state;
    struct world *world = small_world(ESE_HISTORY_EXPIRED);
    withhold_commit(world);
    const struct act *handed = act_of(world, CONSUMER, ESE_HISTORY_HANDED, LAST);
    struct ese_history *newer = open_history(world, "consumer-2.history");
    ese_history_record(newer, &(struct ese_history_record){.kind = ESE_HISTORY_GIVEN,
                                                           .partition = handed->record.partition,
                                                           .time_ns = handed->at_ns - 1});
    ese_history_close(&newer);
    act_until(world, handed->at_ns - 1);
    keep_state(world, world->end_ns);
    turn(world, handed->at_ns - 1, world->run->events[0].due_ns);
    assert_int_equal(look_at(world, 0)->lost_by_expiry, 1);
    free_world(world);
}

/* ---- clocks that are set ---------------------------------------------------------------------- */

/* While nobody notes anything, by an hour: those who begin afterwards share the clock of the others. */
static void a_wall_clock_that_is_set(void **state)
{
    (void)state;
    static const int64_t steps[] = {3600 * ESE_NS_PER_S, -3600 * ESE_NS_PER_S};
    for (size_t i = 0; i < ESE_COUNT_OF(steps); i++) {
        struct staged_run *run = consumed(23);
        struct ese_judgement whole = judge_whole(run);
        struct world *world = make_world(run);
        ese_test_wall_step(steps[i]);
        lose_history(world, STORE);
        lose_history(world, CONSUMER);
        live(world, TICK_NS);
        expect_same(&world->judgement, &whole);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
        assert_int_equal(rows(world, "SELECT count(*) FROM event"), 0);
        free_world(world);
    }
}

/* What was followed in the last boot does not tell of this one. Its times are moved, by the same for all:
 * for those, too, that begin when the wall clock was set once more. */
static void a_machine_that_is_started_anew(void **state)
{
    const int64_t up_ns = 5000 * ESE_NS_PER_S;
    (void)state;
    ese_test_boot(-up_ns); /* it has run for so long, even where this one has not */
    struct staged_run *run = consumed(24);
    struct ese_judgement whole = judge_whole(run);
    struct world *world = make_world(run);
    int64_t middle_ns = run->events[EVENTS / 2].due_ns, later_ns = middle_ns + ESE_NS_PER_S;
    live_on(world, run->events[0].due_ns, middle_ns, TICK_NS);
    world->less_ns = up_ns;
    ese_test_boot(world->less_ns);
    turn(world, later_ns + TICK_NS, 0);
    assert_false(world->progress.has_store || world->progress.has_inbox);
    for (enum party party = CLIENT; party < PARTIES; party++) {
        reopen(world, party);
        turn(world, later_ns + TICK_NS, later_ns - SETTLES_NS);
        assert_false(world->progress.has_store || world->progress.has_inbox);
        ese_test_wall_step(600 * ESE_NS_PER_S);
    }
    act_until(world, later_ns + TICK_NS);
    turn(world, later_ns + TICK_NS, 0);
    assert_true(world->progress.has_store && world->progress.has_inbox);
    live_on(world, later_ns + TICK_NS, world->end_ns, TICK_NS);
    end(world);
    expect_same(&world->judgement, &whole);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_PASS);
    assert_int_equal(rows(world, "SELECT count(*) FROM event"), 0);
    free_world(world);
}

/* Any of them may have been ours. */
static void mails_that_were_passed_over_are_never_forgotten(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(25));
    ese_history_record(world->history[INBOX], &(struct ese_history_record){.kind = ESE_HISTORY_SKIPPED, .b = 1});
    live(world, TICK_NS);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_non_null(strstr(world->judgement.ledger_verdict.reason, "passed over"));
    free_world(world);
}

/* Nobody consumes: the book grows to its bound and no further, and what is given up for that is told ever after. */
static void a_book_that_is_full(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(27));
    int64_t middle_ns = world->run->events[EVENTS / 2].due_ns;
    for (size_t i = 0; i < world->count; i++) {
        if (world->acts[i].party == CONSUMER && world->acts[i].at_ns < middle_ns)
            world->acts[i].at_ns = middle_ns;
    }
    qsort(world->acts, world->count, sizeof *world->acts, by_time);
    world->most = EVENTS / 4;
    act_until(world, world->run->events[EVENTS / 8].due_ns);
    turn(world, middle_ns, middle_ns);
    assert_int_equal(rows(world, "SELECT count(*) FROM event"), world->progress.unsettled);
    assert_in_range(world->progress.unsettled, EVENTS / 16, world->most);
    assert_int_equal(rows(world, "SELECT count(*) FROM total WHERE name = 'missing'"), 0);
    act_until(world, middle_ns - 1);
    for (int i = 0; i < 2; i++) { /* who only looks has no more room, and gives nothing up */
        turn(world, middle_ns, i == 0 ? 0 : middle_ns);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
        assert_non_null(strstr(world->judgement.ledger_verdict.reason, "more than 375 events"));
        assert_int_equal(rows(world, "SELECT count(*) > 0 FROM event"), i == 0);
    }
    live(world, TICK_NS);
    assert_int_equal(rows(world, "SELECT count(*) FROM event"), 0);
    assert_true(world->judgement.ledger.offered > EVENTS / 4 && world->judgement.ledger.offered < EVENTS);
    assert_non_null(strstr(world->judgement.ledger_verdict.reason, "more than 375 events"));
    free_world(world);
}

static void put_file(const struct world *world, const char *name, const char *text)
{
    char *path = ese_test_path(world->directory, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(path);
}

/* It may be a member's whose events would be missed: nothing can be told, nor folded, as long as it is there;
 * the others are read all the same. */
static void a_history_that_cannot_be_read(void **state)
{
    (void)state;
    struct staged_run *run = consumed(23);
    struct ese_judgement whole = judge_whole(run);
    struct world *world = make_world(run);
    int64_t middle_ns = world->run->events[EVENTS / 2].due_ns;
    act_until(world, middle_ns);
    keep_state(world, middle_ns);
    static const char *const contents[] = {"", "no history, nor was it ever one"};
    for (size_t i = 0; i < ESE_COUNT_OF(contents); i++) {
        put_file(world, "consumer-2.history", contents[i]);
        turn(world, middle_ns - SETTLES_NS, middle_ns - SETTLES_NS);
        assert_int_equal(world->judgement.ledger.lost, 0);
        assert_true(world->judgement.ledger.processed > EVENTS / 4);
        assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
        assert_non_null(strstr(world->judgement.ledger_verdict.reason, "consumer-2.history cannot be read"));
        assert_int_equal(rows(world, "SELECT count(*) FROM place"), 0);
    }
    char *path = ese_test_path(world->directory, "consumer-2.history");
    assert_int_equal(unlink(path), 0);
    free(path);
    live(world, TICK_NS);
    expect_same(&world->judgement, &whole);
    free_world(world);
}

/* The same of the files that are no histories. */
static void a_state_that_cannot_be_read(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(24));
    int64_t middle_ns = world->run->events[EVENTS / 2].due_ns;
    act_until(world, middle_ns);
    put_file(world, ESE_ARTIFACT_STATE, "no database, nor was it ever one; not even one of a thousand bytes");
    turn(world, middle_ns - SETTLES_NS, middle_ns - SETTLES_NS);
    assert_int_equal(world->judgement.ledger_verdict.word, ESE_VERDICT_CANNOT_TELL);
    assert_non_null(strstr(world->judgement.ledger_verdict.reason, ESE_ARTIFACT_STATE));
    assert_int_equal(rows(world, "SELECT count(*) FROM place"), 0);
    free_world(world);
}

/* Looks on, with an outbox of its own that holds it up. */
struct onlooker {
    const char *mailers;
    struct world *world;
    int64_t until_ns;
    struct ese_judgement judgement;
    int status;
};

static void *look_on(void *context)
{
    struct onlooker *onlooker = context;
    const struct ese_fold_options options = {
        .directory = onlooker->world->directory, .mailers = onlooker->mailers, .transport = "staged",
        .promises = onlooker->world->promises, .until_ns = onlooker->until_ns};
    onlooker->status = ese_fold_turn(&options, &onlooker->judgement, NULL, NULL);
    return NULL;
}

/* Nobody else reads it until it is closed. */
static struct ese_sqlite *lock_outbox(const char *path)
{
    const struct ese_sqlite_options options = {
        .path = path, .durability = ESE_DURABILITY_OS,
        .schema = "CREATE TABLE mail (id TEXT, transport TEXT, status TEXT)"};
    struct ese_sqlite *database = NULL;
    assert_int_equal(ese_sqlite_open(&options, &database, NULL), 0);
    assert_int_equal(ese_sqlite_run(database, "PRAGMA journal_mode = DELETE", NULL), 0);
    assert_int_equal(ese_sqlite_run(database, "BEGIN EXCLUSIVE", NULL), 0);
    return database;
}

/* It has loaded the fold when it opens its outbox; what it would read next is folded, and leaves. */
static void segments_that_leave_while_somebody_looks(void **state)
{
    (void)state;
    struct world *world = make_world(consumed(26));
    char *mailers = ese_test_directory_make(), *outbox = ese_test_path(mailers, ESE_ARTIFACT_OUTBOX);
    int64_t from_ns = world->run->events[0].due_ns, last_ns = world->end_ns + TICK_NS;
    act_until(world, from_ns + TICK_NS);
    turn(world, from_ns, from_ns + 1);
    act_until(world, last_ns);
    keep_state(world, last_ns);
    struct ese_sqlite *locked = lock_outbox(outbox);
    struct onlooker onlooker = {.mailers = mailers, .world = world, .until_ns = last_ns};
    int opened = inotify_init1(IN_CLOEXEC);
    assert_true(inotify_add_watch(opened, outbox, IN_OPEN) >= 0);
    pthread_t thread;
    struct inotify_event event;
    assert_int_equal(pthread_create(&thread, NULL, look_on, &onlooker), 0);
    assert_int_equal(read(opened, &event, sizeof event), sizeof event);
    turn(world, last_ns, last_ns);
    ese_sqlite_close(&locked);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(onlooker.status, 0);
    assert_string_equal(onlooker.judgement.ledger_verdict.reason, "");
    assert_int_equal(onlooker.judgement.ledger.offered, EVENTS);
    close(opened);
    free(outbox);
    ese_test_directory_remove(&mailers);
    free_world(world);
}

/* A case may be named (tools/check-rules.py does). */
int main(int argc, char **argv)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_without_fault),
        cmocka_unit_test(strangers_with_keys_of_their_own),
        cmocka_unit_test(a_strangers_event_is_handed_again_much_later),
        cmocka_unit_test(orders_without_fault),
        cmocka_unit_test(orders_whose_mails_never_came),
        cmocka_unit_test(a_check_before_timers_have_gone_off),
        cmocka_unit_test(lost_events),
        cmocka_unit_test(events_stored_a_second_time_much_later),
        cmocka_unit_test(events_out_of_order),
        cmocka_unit_test(events_handed_again),
        cmocka_unit_test(an_event_the_store_lost_after_it_was_handed),
        cmocka_unit_test(mails_that_never_came),
        cmocka_unit_test(mails_that_came_again_much_later),
        cmocka_unit_test(a_mail_from_nowhere),
        cmocka_unit_test(losses_by_cause),
        cmocka_unit_test(a_loss_without_a_note),
        cmocka_unit_test(events_that_expire_when_they_have_settled),
        cmocka_unit_test(a_mail_that_comes_when_it_was_given_up),
        cmocka_unit_test(a_replay_of_what_has_settled),
        cmocka_unit_test(a_mail_that_comes_when_nobody_knew_of_it),
        cmocka_unit_test(a_mail_that_comes_when_another_one_is_lost),
        cmocka_unit_test(a_mail_of_other_presses_that_comes_when_it_was_given_up),
        cmocka_unit_test(only_as_many_mails_are_taken_back_as_were_lost),
        cmocka_unit_test(what_was_unknown_was_not_lost_as_well),
        cmocka_unit_test(an_unknown_mail_beyond_those_that_had_to_come_is_taken_back),
        cmocka_unit_test(a_mail_that_came_though_nobody_knew_of_it),
        cmocka_unit_test(a_mail_that_nobody_knew_of_comes_a_second_time),
        cmocka_unit_test(what_a_follower_notes_twice_is_one),
        cmocka_unit_test(a_mail_that_is_noted_twice_is_one),
        cmocka_unit_test(a_look_changes_nothing),
        cmocka_unit_test(a_mail_that_has_not_come_yet),
        cmocka_unit_test(a_store_that_is_not_followed),
        cmocka_unit_test(segments_that_were_read_leave),
        cmocka_unit_test(segments_that_leave_while_somebody_looks),
        cmocka_unit_test(a_gap_in_a_history_is_never_forgotten),
        cmocka_unit_test(a_history_that_was_begun_anew),
        cmocka_unit_test(what_is_still_kept_is_in_flight),
        cmocka_unit_test(what_is_no_longer_kept_is_lost),
        cmocka_unit_test(what_expires_too_soon_is_lost_by_no_cause),
        cmocka_unit_test(what_a_reader_holds_is_in_flight),
        cmocka_unit_test(what_one_holds_who_was_taken_over_is_lost),
        cmocka_unit_test(a_wall_clock_that_is_set),
        cmocka_unit_test(a_machine_that_is_started_anew),
        cmocka_unit_test(mails_that_were_passed_over_are_never_forgotten),
        cmocka_unit_test(a_book_that_is_full),
        cmocka_unit_test(a_history_that_cannot_be_read),
        cmocka_unit_test(a_state_that_cannot_be_read),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
