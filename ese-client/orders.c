#include "ese-client/orders.h"

#include "ese-client/clicks.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define FIRST_NS (100 * ESE_NS_PER_MS)
#define STEP_NS (200 * ESE_NS_PER_MS)

static const char *const states[] = {ESE_SUB_TYPE_CREATED, ESE_SUB_TYPE_ALLOCATED,
                                     ESE_SUB_TYPE_STARTED, ESE_SUB_TYPE_COMPLETED};

static void draw_order_id(struct ese_person *person)
{
    struct ese_id id;
    uint64_t halves[] = {ese_random_next(&person->random), ese_random_next(&person->random)};
    memcpy(id.bytes, halves, sizeof id.bytes);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | 0x40); /* version 4 */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
    ese_id_text(&id, person->order);
}

static void draw_order(struct ese_person *person)
{
    int64_t created_ns = FIRST_NS + (int64_t)ese_random_below(&person->random, FIRST_NS);
    bool is_completed = ese_random_below(&person->random, 2) == 0;
    int count = (int)ESE_COUNT_OF(states) - !is_completed;
    draw_order_id(person);
    for (int i = 0; i < count; i++)
        person->acts[person->count++] = (struct ese_act){.offset_ns = created_ns + i * STEP_NS,
                                                         .type = ESE_TYPE_ORDER,
                                                         .sub_type = states[i]};
}

static void draw_both(struct ese_person *person)
{
    ese_clicks_life.draw(person);
    draw_order(person);
}

const struct ese_life ese_orders_life = {
    .name = "orders", .events_in_two_cycles = 7, .draw = draw_order};
const struct ese_life ese_mixed_life = {
    .name = "mixed", .events_in_two_cycles = 21, .draw = draw_both};
