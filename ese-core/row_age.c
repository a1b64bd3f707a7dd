#include "ese-core/row_age.h"

#include "ese-core/clock.h"

#define SET_MS 1000 /* less is not worth while */

int64_t ese_row_age_set_ms(struct ese_row_age *age, int64_t keep_ms)
{
    int64_t offset_ns = ese_clock_wall_offset_ns(), now_ns = ese_clock_monotonic_ns();

    pthread_mutex_lock(&age->lock);
    int64_t by_ms = age->wall_offset_ns == 0 ? 0 : (offset_ns - age->wall_offset_ns) / ESE_NS_PER_MS;
    age->wall_offset_ns = offset_ns;
    if (now_ns >= age->until_ns)
        age->set_ms = 0;
    if (by_ms >= SET_MS)
        age->until_ns = now_ns + keep_ms * ESE_NS_PER_MS;
    if (by_ms >= SET_MS || by_ms <= -SET_MS)
        age->set_ms = age->set_ms + by_ms > 0 ? age->set_ms + by_ms : 0;
    int64_t set_ms = age->set_ms;
    pthread_mutex_unlock(&age->lock);
    return set_ms;
}
