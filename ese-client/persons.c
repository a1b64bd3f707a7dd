#include "ese-client/persons.h"

#include <inttypes.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define RATE_WHEN_UNPACED 10000

struct persons {
    struct ese_source source;
    const struct ese_life *life;
    int64_t cycle_ns;
    int count;
    struct ese_person *persons;
    struct ese_person **heap; /* the person whose next event is due first stands at 0 */
};

int ese_persons_needed(const struct ese_life *life, int64_t rate)
{
    /* ceil(rate * 1.2 / events a cycle), in whole numbers */
    int events = life->events_in_two_cycles;
    return (int)((rate * 24 + events * 10 - 1) / (events * 10));
}

int64_t ese_persons_cycle_ns(const struct ese_life *life, int64_t rate)
{
    return ese_persons_needed(life, rate) * life->events_in_two_cycles * ESE_NS_PER_S / (2 * rate);
}

static int64_t due(const struct ese_person *person)
{
    return person->begins_ns + person->acts[person->position].offset_ns;
}

static bool before(const struct ese_person *a, const struct ese_person *b)
{
    return due(a) != due(b) ? due(a) < due(b) : a->number < b->number;
}

static void sift_down(struct persons *persons, int at)
{
    struct ese_person *moving = persons->heap[at];
    for (;;) {
        int child = 2 * at + 1;
        if (child >= persons->count)
            break;
        if (child + 1 < persons->count && before(persons->heap[child + 1], persons->heap[child]))
            child++;
        if (!before(persons->heap[child], moving))
            break;
        persons->heap[at] = persons->heap[child];
        at = child;
    }
    persons->heap[at] = moving;
}

static void begin_cycle(const struct persons *persons, struct ese_person *person)
{
    person->count = person->position = 0;
    persons->life->draw(person);
}

/* What tells the time is written in by `stamp`. */
static void fill(const struct ese_person *person, struct ese_event *event)
{
    const struct ese_act *act = &person->acts[person->position];
    bool is_order = strcmp(act->type, ESE_TYPE_ORDER) == 0;
    ese_fit_text(event->type, sizeof event->type, act->type);
    ese_fit_text(event->sub_type, sizeof event->sub_type, act->sub_type);
    ese_fit_text(event->ip, sizeof event->ip, person->ip);
    ese_fit_text(event->key, sizeof event->key, is_order ? person->order : person->ip);
}

static int persons_next(struct ese_source *source, struct ese_event *event, int64_t *due_ns,
                        struct ese_error *error)
{
    (void)error;
    struct persons *persons = (struct persons *)source;
    struct ese_person *person = persons->heap[0];
    fill(person, event);
    *due_ns = due(person);
    person->position++;
    if (person->position == person->count) {
        person->begins_ns += persons->cycle_ns;
        begin_cycle(persons, person);
    }
    sift_down(persons, 0);
    return ESE_SOURCE_EVENT;
}

/* The original's data of an order's event. */
static void persons_stamp(struct ese_event *event, int64_t client_ts)
{
    static const char form[] = "{\"orderId\":\"%s\",\"timestamp\":%" PRId64 "}";
    char data[sizeof form + ESE_ORDER_ID_SIZE + 20];
    if (strcmp(event->type, ESE_TYPE_ORDER) != 0)
        return;
    snprintf(data, sizeof data, form, event->key, client_ts);
    free(event->data);
    event->data = ese_copy_text(data);
}

static void persons_close(struct ese_source *source)
{
    struct persons *persons = (struct persons *)source;
    free(persons->heap);
    free(persons->persons);
    free(persons);
}

static const struct ese_source_face face = {
    .next = persons_next, .stamp = persons_stamp, .close = persons_close};

struct ese_source *ese_persons_open(const struct ese_life *life, int64_t rate, int first, uint64_t seed)
{
    struct persons *persons = ese_alloc(sizeof *persons);
    int64_t pace = rate == 0 ? RATE_WHEN_UNPACED : rate;
    persons->source = (struct ese_source){.face = &face, .at_once = rate == 0, .fd = -1};
    persons->life = life;
    persons->cycle_ns = ese_persons_cycle_ns(life, pace);
    persons->count = ese_persons_needed(life, pace);
    persons->persons = ese_alloc_array((size_t)persons->count, sizeof *persons->persons);
    persons->heap = ese_alloc_array((size_t)persons->count, sizeof(struct ese_person *));
    for (int i = 0; i < persons->count; i++) {
        struct ese_person *person = &persons->persons[i];
        person->number = first + i;
        snprintf(person->ip, sizeof person->ip, "203.0.113.7-%d", person->number);
        person->random = ese_random_seeded(seed, (uint64_t)person->number);
        person->begins_ns =
            (int64_t)ese_random_below(&person->random, (uint64_t)persons->cycle_ns);
        begin_cycle(persons, person);
        persons->heap[i] = person;
    }
    for (int i = persons->count / 2; i >= 0; i--)
        sift_down(persons, i);
    return &persons->source;
}
