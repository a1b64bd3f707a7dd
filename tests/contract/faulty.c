#include "tests/contract/faulty.h"

#include "ese-core/memory.h"

#define RECORDS 4096

static const struct ese_transport *real;
static enum ese_fault fault;
static bool struck;
static struct ese_record records[RECORDS + 1]; /* borrowed from the real batch */
static char altered[] = "{\"altered\":true}";

/* Whether the fault strikes here and now. */
static bool strike(enum ese_fault wanted)
{
    if (fault != wanted || struck)
        return false;
    struck = true;
    return true;
}

/* ---- consume --------------------------------------------------------------------------------- */

/* The first record behind the first that has the same key, or -1. */
static int find_pair(const struct ese_batch *batch, int *first)
{
    for (int i = 0; i < batch->count; i++) {
        for (int k = i + 1; k < batch->count; k++) {
            if (strcmp(batch->records[i].event.key, batch->records[k].event.key) == 0) {
                *first = i;
                return k;
            }
        }
    }
    return -1;
}

static void swap_pair(const struct ese_batch *batch)
{
    int first, second = find_pair(batch, &first);
    if (second < 0 || !strike(ESE_FAULT_SWAPS))
        return;
    struct ese_event event = records[first].event;
    records[first].event = records[second].event;
    records[second].event = event;
}

static int next_batch(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                      struct ese_error *error)
{
    if (real->consume->next(consumer, timeout_ms, batch, error) != 0)
        return -1;
    if (batch->count == 0 || batch->count > RECORDS)
        return 0;
    memcpy(records, batch->records, (size_t)batch->count * sizeof records[0]);
    swap_pair(batch);
    if (strike(ESE_FAULT_ALTERS))
        records[0].event.data = altered;
    if (strike(ESE_FAULT_MISPLACES))
        records[0].offset++;
    if (strike(ESE_FAULT_DOUBLES)) {
        records[batch->count] = records[0];
        batch->count++;
    }
    if (strike(ESE_FAULT_DROPS))
        records[0] = records[--batch->count];
    batch->records = records;
    return 0;
}

/* ---- produce --------------------------------------------------------------------------------- */

static int poll_outcomes(struct ese_producer *producer, int timeout_ms,
                         struct ese_acknowledgement *acknowledgements, int max)
{
    int count = real->produce->poll(producer, timeout_ms, acknowledgements, max);
    if (count == 0)
        return 0;
    if (count < max && strike(ESE_FAULT_TELLS_TWICE)) {
        acknowledgements[count] = acknowledgements[0];
        return count + 1;
    }
    if (strike(ESE_FAULT_FORGETS))
        return count - 1;
    if (strike(ESE_FAULT_MISTELLS))
        acknowledgements[0].outcome = ESE_OUTCOME_REFUSED;
    return count;
}

const struct ese_transport *ese_faulty(const struct ese_transport *transport,
                                       enum ese_fault planted)
{
    static struct ese_transport faulty;
    static struct ese_produce_face produce;
    static struct ese_consume_face consume;
    real = transport;
    fault = planted;
    struck = false;
    faulty = *transport;
    produce = *transport->produce;
    produce.poll = poll_outcomes;
    consume = *transport->consume;
    consume.next = next_batch;
    faulty.produce = &produce;
    faulty.consume = &consume;
    return &faulty;
}
