#include "ese-client/clicks.h"

#define REPEATS_MOST 8
#define BURST_MOST (3 + REPEATS_MOST)

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

static void draw_offsets(struct ese_random *random, int64_t offsets[], int count)
{
    for (int i = 0; i < count; i++) {
        int64_t offset = (int64_t)ese_random_below(random, ESE_CLICKS_BURST_NS);
        int at = i;
        for (; at > 0 && offsets[at - 1] > offset; at--)
            offsets[at] = offsets[at - 1];
        offsets[at] = offset;
    }
}

static void draw_burst(struct ese_person *person)
{
    int64_t offsets[BURST_MOST];
    int repeats = (int)ese_random_below(&person->random, REPEATS_MOST + 1);
    draw_offsets(&person->random, offsets, 3 + repeats);
    for (int i = 0; i < 3 + repeats; i++) {
        enum kind kind = i < 3 ? (enum kind)i : repeated[repeats];
        person->acts[person->count++] = (struct ese_act){
            .offset_ns = offsets[i], .type = ESE_TYPE_CLICK, .sub_type = sub_types[kind]};
    }
}

const struct ese_life ese_clicks_life = {
    .name = "clicks", .events_in_two_cycles = 14, .draw = draw_burst};
