#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/contract/bench.h"

#define NO_POSITION INT64_C(-3)
#define OUTCOMES 256

static const struct ese_option transport_option[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "What is tested."},
    ESE_OPTION_END,
};

const struct ese_transport *ese_rig_transport(const struct ese_config *config)
{
    const struct ese_registry_entry *entry = NULL;
    ese_registry_find(ese_config_peek(config, "transport"), &entry, NULL);
    assert_non_null(entry);
    return entry->transport;
}

void ese_rig_give(struct ese_config *config, enum ese_face face, const char *name,
                  const char *value)
{
    if (ese_option_find(ese_registry_options(ese_rig_transport(config), face), name) != NULL)
        ese_config_give(config, name, value);
}

void ese_bench_forget_positions(struct ese_bench *bench)
{
    for (int i = 0; i < bench->partition_count; i++)
        bench->partitions[i].next = NO_POSITION;
}

/* ---- the place ------------------------------------------------------------------------------- */

struct ese_bench *ese_bench_open(const char *specification, enum ese_durability durability,
                                 int lanes)
{
    struct ese_error error = {0};
    struct ese_bench *bench = ese_alloc(sizeof *bench);
    const struct ese_registry_entry *entry = NULL;
    bench->specification = specification;
    if (ese_registry_find(specification, &entry, &error) != 0 ||
        ese_rig.start(specification, durability, &bench->place, &error) != 0) {
        free(bench);
        if (error.code == ESE_E_MISSING) {
            print_message("# %s\n", error.text);
            skip();
        }
        fail_msg("%s: %s", specification, error.text);
    }
    bench->transport = entry->transport;
    bench->journey = ese_journey_new(lanes);
    bench->from = ESE_OFFSET_EARLIEST;
    ese_bench_forget_positions(bench);
    return bench;
}

void ese_bench_close(struct ese_bench **bench)
{
    struct ese_bench *closed = *bench;
    if (closed == NULL)
        return;
    *bench = NULL;
    if (closed->producer != NULL)
        closed->transport->produce->close(&closed->producer);
    ese_bench_close_consumer(closed);
    ese_config_free(&closed->produce_config);
    ese_config_free(&closed->consume_config);
    ese_rig.stop(&closed->place);
    ese_journey_free(&closed->journey);
    free(closed);
}

typedef void give_options(const struct ese_rig_place *place, struct ese_config *config,
                          enum ese_face face);

/* A settled configuration, as a binary would make it; NULL where something in it is wrong. */
static struct ese_config *configure(const struct ese_rig_place *place, const char *specification,
                                    enum ese_face face, give_options *give, struct ese_error *error)
{
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options", transport_option);
    ese_config_give(config, "transport", specification);
    int result = ese_registry_choose(config, face, error);
    if (result == 0) {
        give(place, config, face);
        result = ese_config_settle(config, error);
    }
    if (result != 0)
        ese_config_free(&config);
    return config;
}

int ese_rig_settles(const struct ese_rig_place *place, const char *specification,
                    enum ese_face face, struct ese_error *error)
{
    struct ese_config *config = configure(place, specification, face, ese_rig.give, error);
    int result = config != NULL ? 0 : -1;
    ese_config_free(&config);
    return result;
}

struct ese_config *ese_bench_config(const struct ese_bench *bench, enum ese_face face, bool wrong)
{
    struct ese_error error = {0};
    struct ese_config *config = configure(bench->place, bench->specification, face,
                                          wrong ? ese_rig.give_wrong : ese_rig.give, &error);
    if (config == NULL)
        fail_msg("%s: %s", bench->specification, error.text);
    return config;
}

/* ---- producing ------------------------------------------------------------------------------- */

void ese_bench_open_producer(struct ese_bench *bench, int inflight, int64_t retry_deadline_ms)
{
    struct ese_error error = {0};
    struct ese_produce_settings settings = {.inflight = inflight,
                                            .retry_deadline_ms = retry_deadline_ms};
    ese_config_free(&bench->produce_config);
    bench->produce_config = ese_bench_config(bench, ESE_FACE_PRODUCE, false);
    if (bench->transport->produce->open(bench->produce_config, &settings, &bench->producer,
                                        &error) != 0)
        fail_msg("%s: open for producing: %s", bench->specification, error.text);
    assert_non_null(bench->producer);
    assert_int_equal(bench->transport->produce->pending(bench->producer), 0);
}

void ese_bench_poll(struct ese_bench *bench, int timeout_ms)
{
    struct ese_acknowledgement outcomes[OUTCOMES];
    int count = bench->transport->produce->poll(bench->producer, timeout_ms, outcomes, OUTCOMES);
    assert_in_range(count, 0, OUTCOMES);
    for (int i = 0; i < count; i++)
        ese_journey_note_outcome(bench->journey, &outcomes[i]);
}

void ese_bench_send(struct ese_bench *bench, int keys)
{
    struct ese_error error = {0};
    const struct ese_event *event = ese_journey_next(bench->journey, keys);
    int64_t deadline_ns = ese_clock_monotonic_ns() + ESE_BENCH_PATIENCE_MS * ESE_NS_PER_MS;
    while (bench->transport->produce->send(bench->producer, event, &error) != 0) {
        if (error.code != ESE_E_FULL || ese_clock_monotonic_ns() > deadline_ns)
            fail_msg("%s: send: %s", bench->specification, error.text);
        ese_bench_poll(bench, 100);
    }
    ese_journey_note_sent(bench->journey, event);
}

void ese_bench_flush(struct ese_bench *bench)
{
    int64_t deadline_ns = ese_clock_monotonic_ns() + ESE_BENCH_PATIENCE_MS * ESE_NS_PER_MS;
    while (bench->transport->produce->pending(bench->producer) > 0) {
        if (ese_clock_monotonic_ns() > deadline_ns)
            fail_msg("%s: %d events have no outcome", bench->specification,
                     bench->transport->produce->pending(bench->producer));
        ese_bench_poll(bench, 100);
    }
}

/* ---- consuming ------------------------------------------------------------------------------- */

/* The bench's row for the partition of that number. */
static struct ese_bench_partition *partition_of(struct ese_bench *bench, int32_t number)
{
    for (int i = 0; i < bench->partition_count; i++) {
        if (bench->partitions[i].number == number)
            return &bench->partitions[i];
    }
    assert_true(bench->partition_count < ESE_BENCH_PARTITIONS);
    struct ese_bench_partition *made = &bench->partitions[bench->partition_count++];
    *made = (struct ese_bench_partition){.number = number, .next = NO_POSITION};
    return made;
}

static int64_t on_given(void *context, int32_t number)
{
    struct ese_bench *bench = context;
    struct ese_bench_partition *partition = partition_of(bench, number);
    assert_false(partition->held);
    partition->held = true;
    return partition->next != NO_POSITION ? partition->next : bench->from;
}

static void on_taken(void *context, int32_t number)
{
    struct ese_bench_partition *partition = partition_of(context, number);
    assert_true(partition->held);
    partition->held = false;
}

static void on_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    (void)context;
    fail_msg("partition %d: from %lld to %lld was skipped", partition, (long long)from,
             (long long)to);
}

void ese_bench_open_consumer(struct ese_bench *bench, int max_batch)
{
    struct ese_error error = {0};
    struct ese_consume_settings settings = {
        .max_batch = max_batch,
        .listener = {.context = bench, .given = on_given, .taken = on_taken,
                     .skipped = on_skipped}};
    ese_config_free(&bench->consume_config);
    bench->consume_config = ese_bench_config(bench, ESE_FACE_CONSUME, false);
    if (bench->transport->consume->open(bench->consume_config, &settings, &bench->consumer,
                                        &error) != 0)
        fail_msg("%s: open for consuming: %s", bench->specification, error.text);
    assert_non_null(bench->consumer);
}

void ese_bench_close_consumer(struct ese_bench *bench)
{
    if (bench->consumer == NULL)
        return;
    bench->transport->consume->close(&bench->consumer);
    assert_null(bench->consumer);
    for (int i = 0; i < bench->partition_count; i++)
        assert_false(bench->partitions[i].held);
}

/* Offsets rise, none comes again, and only from where the partition was given. */
static void take(struct ese_bench *bench, const struct ese_record *record)
{
    struct ese_bench_partition *partition = partition_of(bench, record->partition);
    if (!partition->held)
        ese_journey_note_wrong(bench->journey, "partition %d was never given", record->partition);
    if (record->offset < partition->next || record->next <= record->offset)
        ese_journey_note_wrong(bench->journey, "partition %d: offset %lld, next %lld behind %lld",
                               record->partition, (long long)record->offset,
                               (long long)record->next, (long long)partition->next);
    partition->next = record->next;
    ese_journey_note_handed(bench->journey, record);
}

/* Behind what was taken of that partition: its last record, and what is no event, where all was taken. */
static int64_t taken_of(const struct ese_batch *batch, int count, int32_t partition)
{
    int64_t next = 0;
    for (int i = 0; i < count; i++) {
        if (batch->records[i].partition == partition)
            next = batch->records[i].next;
    }
    for (int i = 0; count == batch->count && i < batch->unreadable; i++) {
        if (batch->unreadables[i].partition == partition && batch->unreadables[i].next > next)
            next = batch->unreadables[i].next;
    }
    return next;
}

static void acknowledge(struct ese_bench *bench, const struct ese_batch *batch, int count)
{
    const struct ese_consume_face *consume = bench->transport->consume;
    for (int i = 0; consume->acknowledge != NULL && i < bench->partition_count; i++) {
        int64_t next = taken_of(batch, count, bench->partitions[i].number);
        if (next > 0)
            consume->acknowledge(bench->consumer, bench->partitions[i].number, next);
    }
}

int ese_bench_read(struct ese_bench *bench, int timeout_ms, int most)
{
    struct ese_error error = {0};
    struct ese_batch batch = {0};
    int64_t began_ns = ese_clock_monotonic_ns();
    if (bench->transport->consume->next(bench->consumer, timeout_ms, &batch, &error) != 0)
        fail_msg("%s: next: %s", bench->specification, error.text);
    assert_true(batch.count >= 0 && batch.unreadable >= 0);
    assert_true(batch.end_ns <= ese_clock_monotonic_ns());
    bench->at_end = batch.at_end;
    bench->end_ns = batch.end_ns != 0 ? batch.end_ns : began_ns;
    bench->away = batch.away != NULL;
    bench->unreadable += batch.unreadable;
    int count = batch.count < most ? batch.count : most;
    for (int i = 0; i < count; i++)
        take(bench, &batch.records[i]);
    acknowledge(bench, &batch, count);
    return count;
}

int ese_bench_awaited(const struct ese_bench *bench)
{
    bool may_lose = bench->transport->promises.delivery == ESE_DELIVERY_AT_MOST_ONCE;
    return may_lose ? 0 : ese_journey_awaited(bench->journey);
}

void ese_bench_read_all(struct ese_bench *bench)
{
    int64_t began_ns = ese_clock_monotonic_ns();
    do {
        if (ese_clock_monotonic_ns() > began_ns + ESE_BENCH_PATIENCE_MS * ESE_NS_PER_MS)
            fail_msg("%s: %d acknowledged events were not handed, at_end %d", bench->specification,
                     ese_bench_awaited(bench), bench->at_end);
        ese_bench_read(bench, 200, INT32_MAX);
    } while (ese_bench_awaited(bench) > 0 || !bench->at_end || bench->end_ns < began_ns);
}

void ese_bench_read_to_end(struct ese_bench *bench)
{
    int64_t began_ns = ese_clock_monotonic_ns();
    do {
        if (ese_clock_monotonic_ns() > began_ns + ESE_BENCH_PATIENCE_MS * ESE_NS_PER_MS)
            fail_msg("%s: no batch says that this is the end", bench->specification);
        ese_bench_read(bench, 200, INT32_MAX);
    } while (!bench->at_end || bench->end_ns < began_ns);
}
