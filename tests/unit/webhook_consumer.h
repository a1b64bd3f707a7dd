/*
 * webhook_consumer.h - a consumer of the webhook transport as a test sees it: what it was given, what it handed.
 */
#ifndef ESE_TEST_WEBHOOK_CONSUMER_H
#define ESE_TEST_WEBHOOK_CONSUMER_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/config.h"
#include "transports/webhook/webhook.h"

#define WEBHOOK_PATIENCE_MS 20000 /* for what is to come at all */
#define WEBHOOK_MOST_OPTIONS 6

struct webhook_consumer {
    struct ese_consumer *consumer;
    struct ese_batch batch;
    struct ese_error error;
    char server[200];
    const char *group;
    int max_batch;
    int64_t place; /* what given answers */
    struct {
        const char *name, *value;
    } options[WEBHOOK_MOST_OPTIONS]; /* beside the server */
    int option_count;
    const struct ese_consume_face *face; /* NULL: the careful one */
    int given, taken, gaps;
    int64_t gap_from, gap_to;
    int32_t gap_partition;
};

static inline int64_t webhook_consumer_given(void *context, int32_t partition)
{
    struct webhook_consumer *reader = context;

    (void)partition;
    reader->given++;
    return reader->place;
}

static inline void webhook_consumer_taken(void *context, int32_t partition)
{
    struct webhook_consumer *reader = context;

    (void)partition;
    reader->taken++;
}

static inline void webhook_consumer_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct webhook_consumer *reader = context;

    reader->gaps++;
    reader->gap_partition = partition;
    reader->gap_from = from;
    reader->gap_to = to;
}

/* A group's, from the earliest. */
static inline void webhook_consumer_init(struct webhook_consumer *reader, const char *server)
{
    *reader = (struct webhook_consumer){.group = "group", .max_batch = 1000, .place = ESE_OFFSET_EARLIEST};
    snprintf(reader->server, sizeof(reader->server), "%s", server);
}

static inline void webhook_consumer_option(struct webhook_consumer *reader, const char *name, const char *value)
{
    assert_true(reader->option_count < WEBHOOK_MOST_OPTIONS);
    reader->options[reader->option_count].name = name;
    reader->options[reader->option_count++].value = value;
}

static inline int webhook_consumer_try_open(struct webhook_consumer *reader)
{
    struct ese_config *config = ese_config_new();
    const struct ese_consume_settings settings = {.group = reader->group,
                                                  .max_batch = reader->max_batch,
                                                  .listener = {.context = reader,
                                                               .given = webhook_consumer_given,
                                                               .taken = webhook_consumer_taken,
                                                               .skipped = webhook_consumer_skipped}};

    ese_webhook_consume.close(&reader->consumer);
    reader->given = reader->taken = reader->gaps = 0;
    ese_config_add(config, "Options", ese_webhook_consume.options);
    ese_config_give(config, "server", reader->server);
    for (int i = 0; i < reader->option_count; i++)
        ese_config_give(config, reader->options[i].name, reader->options[i].value);
    int result = ese_config_settle(config, &reader->error);
    if (result == 0)
        result = (reader->face != NULL ? reader->face : &ese_webhook_consume)
                     ->open(config, &settings, &reader->consumer, &reader->error);
    ese_config_free(&config);
    return result;
}

static inline void webhook_consumer_open(struct webhook_consumer *reader)
{
    if (webhook_consumer_try_open(reader) != 0)
        fail_msg("%s", reader->error.text);
}

static inline void webhook_consumer_close(struct webhook_consumer *reader)
{
    ese_webhook_consume.close(&reader->consumer);
}

/* Returns how many were handed. */
static inline int webhook_consumer_next(struct webhook_consumer *reader, int timeout_ms)
{
    if (ese_webhook_consume.next(reader->consumer, timeout_ms, &reader->batch, &reader->error) != 0)
        fail_msg("%s", reader->error.text);
    assert_true(reader->batch.at_end || reader->batch.end_ns == 0);
    return reader->batch.count + reader->batch.unreadable;
}

/* Nothing is handed before it is at the end, or is not. */
static inline void webhook_consumer_until(struct webhook_consumer *reader, bool at_end)
{
    int64_t end_ns = ese_clock_monotonic_ns() + WEBHOOK_PATIENCE_MS * ESE_NS_PER_MS;

    do {
        assert_int_equal(webhook_consumer_next(reader, 20), 0);
        assert_true(ese_clock_monotonic_ns() < end_ns);
    } while (reader->batch.at_end != at_end);
}

static inline void webhook_consumer_until_end(struct webhook_consumer *reader)
{
    webhook_consumer_until(reader, true);
}

/* The next batch has these, and nothing else. */
static inline void webhook_consumer_hands(struct webhook_consumer *reader, int32_t partition, int64_t first, int count)
{
    assert_int_equal(webhook_consumer_next(reader, WEBHOOK_PATIENCE_MS), count);
    assert_int_equal(reader->batch.unreadable, 0);
    for (int i = 0; i < count; i++) {
        assert_int_equal(reader->batch.records[i].partition, partition);
        assert_int_equal(reader->batch.records[i].offset, first + i);
        assert_int_equal(reader->batch.records[i].next, first + i + 1);
    }
}

/* Nor do these ever come. */
static inline void webhook_consumer_hands_nothing(struct webhook_consumer *reader, int for_ms)
{
    assert_int_equal(webhook_consumer_next(reader, for_ms), 0);
}

static inline void webhook_consumer_acknowledge(struct webhook_consumer *reader, int32_t partition, int64_t next)
{
    ese_webhook_consume.acknowledge(reader->consumer, partition, next);
}

/* It ends, and why. */
static inline void webhook_consumer_ends(struct webhook_consumer *reader, enum ese_code code, const char *said)
{
    int64_t end_ns = ese_clock_monotonic_ns() + WEBHOOK_PATIENCE_MS * ESE_NS_PER_MS;

    while (ese_webhook_consume.next(reader->consumer, 20, &reader->batch, &reader->error) == 0)
        assert_true(ese_clock_monotonic_ns() < end_ns);
    assert_int_equal(reader->error.code, code);
    if (strstr(reader->error.text, said) == NULL)
        fail_msg("'%s' does not say '%s'", reader->error.text, said);
}

#endif
