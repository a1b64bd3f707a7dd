#include "ese-client/hot_key.h"

#include "ese-core/memory.h"
#include "ese-core/random.h"

#define STREAM UINT64_C(0x407CE1) /* of the seed: none of the persons' */
#define HOT_IP "203.0.113.7-hot"

struct hot_key {
    struct ese_source source;
    struct ese_source_face face; /* its stamp is the inner one's */
    struct ese_source *inner;
    struct ese_random random;
    uint64_t percent;
};

static int hot_key_next(struct ese_source *source, struct ese_event *event, int64_t *due_ns, struct ese_error *error)
{
    struct hot_key *hot = (struct hot_key *)source;
    int said = hot->inner->face->next(hot->inner, event, due_ns, error);
    if (said == ESE_SOURCE_EVENT && strcmp(event->type, ESE_TYPE_CLICK) == 0 &&
        ese_random_below(&hot->random, 100) < hot->percent) {
        ese_fit_text(event->ip, sizeof event->ip, HOT_IP);
        ese_fit_text(event->key, sizeof event->key, HOT_IP);
    }
    return said;
}

static void hot_key_close(struct ese_source *source)
{
    struct hot_key *hot = (struct hot_key *)source;
    ese_source_close(&hot->inner);
    free(hot);
}

void ese_hot_key_open(int percent, uint64_t seed, struct ese_source **source)
{
    if (percent == 0)
        return;
    struct hot_key *hot = ese_alloc(sizeof *hot);
    hot->inner = *source;
    hot->face = (struct ese_source_face){
        .next = hot_key_next, .stamp = (*source)->face->stamp, .close = hot_key_close};
    hot->source = (struct ese_source){.face = &hot->face, .at_once = (*source)->at_once, .fd = (*source)->fd};
    hot->random = ese_random_seeded(seed, STREAM);
    hot->percent = (uint64_t)percent;
    *source = &hot->source;
}
