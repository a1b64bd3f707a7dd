#include "ese-client/clicks.h"

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"

#define EVENTS_A_BURST 7 /* in the mean: three kinds and 0..8 repeats */
#define REPEATS_MOST 8
#define BURST_MOST (3 + REPEATS_MOST)
#define RATE_WHEN_UNPACED 10000

enum kind { BUTTON, INPUT, KEY };

static const char *const sub_types[] = {
    [BUTTON] = ESE_SUB_TYPE_BUTTON,
    [INPUT] = ESE_SUB_TYPE_INPUT,
    [KEY] = ESE_SUB_TYPE_KEY_PRESS,
};

/* What a burst of r repeats repeats. */
static const enum kind repeated[REPEATS_MOST + 1] = {
    INPUT, KEY, INPUT, BUTTON, INPUT, KEY, INPUT, KEY, INPUT,
};

struct person {
    struct ese_random random;
    int64_t burst_ns; /* when the burst begins */
    int number;
    int count;    /* events in the burst */
    int position; /* the one that comes next */
    int64_t offsets[BURST_MOST]; /* ns behind burst_ns, ascending */
    enum kind kinds[BURST_MOST];
};

struct clicks {
    struct ese_source source;
    int64_t cycle_ns;
    int count;
    struct person *persons;
    struct person **heap; /* the person whose next event is due first stands at 0 */
};

int ese_clicks_persons(int64_t rate)
{
    /* ceil(rate * 1.2 / 7), in whole numbers */
    return (int)((rate * 12 + EVENTS_A_BURST * 10 - 1) / (EVENTS_A_BURST * 10));
}

int64_t ese_clicks_cycle_ns(int64_t rate)
{
    return ese_clicks_persons(rate) * EVENTS_A_BURST * ESE_NS_PER_S / rate;
}

static void draw_offsets(struct person *person)
{
    for (int i = 0; i < person->count; i++) {
        int64_t offset = (int64_t)ese_random_below(&person->random, ESE_CLICKS_BURST_NS);
        int at = i;
        for (; at > 0 && person->offsets[at - 1] > offset; at--)
            person->offsets[at] = person->offsets[at - 1];
        person->offsets[at] = offset;
    }
}

static void draw_burst(struct person *person)
{
    int repeats = (int)ese_random_below(&person->random, REPEATS_MOST + 1);
    person->count = 3 + repeats;
    person->position = 0;
    for (int i = 0; i < person->count; i++)
        person->kinds[i] = i < 3 ? (enum kind)i : repeated[repeats];
    draw_offsets(person);
}

static int64_t due(const struct person *person)
{
    return person->burst_ns + person->offsets[person->position];
}

static bool before(const struct person *a, const struct person *b)
{
    return due(a) != due(b) ? due(a) < due(b) : a->number < b->number;
}

static void sift_down(struct clicks *clicks, int at)
{
    struct person *moving = clicks->heap[at];
    for (;;) {
        int child = 2 * at + 1;
        if (child >= clicks->count)
            break;
        if (child + 1 < clicks->count && before(clicks->heap[child + 1], clicks->heap[child]))
            child++;
        if (!before(clicks->heap[child], moving))
            break;
        clicks->heap[at] = clicks->heap[child];
        at = child;
    }
    clicks->heap[at] = moving;
}

static void fill(const struct person *person, struct ese_event *event)
{
    snprintf(event->type, sizeof event->type, "%s", ESE_TYPE_CLICK);
    snprintf(event->sub_type, sizeof event->sub_type, "%s",
             sub_types[person->kinds[person->position]]);
    snprintf(event->ip, sizeof event->ip, "203.0.113.7-%d", person->number);
    ese_event_set_key(event);
}

static int clicks_next(struct ese_source *source, struct ese_event *event, int64_t *due_ns,
                       struct ese_error *error)
{
    (void)error;
    struct clicks *clicks = (struct clicks *)source;
    struct person *person = clicks->heap[0];
    fill(person, event);
    *due_ns = due(person);
    person->position++;
    if (person->position == person->count) {
        person->burst_ns += clicks->cycle_ns;
        draw_burst(person);
    }
    sift_down(clicks, 0);
    return ESE_SOURCE_EVENT;
}

static void clicks_close(struct ese_source *source)
{
    struct clicks *clicks = (struct clicks *)source;
    free(clicks->heap);
    free(clicks->persons);
    free(clicks);
}

static const struct ese_source_face face = {.next = clicks_next, .close = clicks_close};

struct ese_source *ese_clicks_open(int64_t rate, uint64_t seed)
{
    struct clicks *clicks = ese_alloc(sizeof *clicks);
    int64_t pace = rate == 0 ? RATE_WHEN_UNPACED : rate;
    clicks->source = (struct ese_source){.face = &face, .at_once = rate == 0, .fd = -1};
    clicks->cycle_ns = ese_clicks_cycle_ns(pace);
    clicks->count = ese_clicks_persons(pace);
    clicks->persons = ese_alloc_array((size_t)clicks->count, sizeof *clicks->persons);
    clicks->heap = ese_alloc_array((size_t)clicks->count, sizeof(struct person *));
    for (int i = 0; i < clicks->count; i++) {
        struct person *person = &clicks->persons[i];
        person->number = i + 1;
        person->random = ese_random_seeded(seed, (uint64_t)person->number);
        person->burst_ns = (int64_t)ese_random_below(&person->random, (uint64_t)clicks->cycle_ns);
        draw_burst(person);
        clicks->heap[i] = person;
    }
    for (int i = clicks->count / 2; i >= 0; i--)
        sift_down(clicks, i);
    return &clicks->source;
}
