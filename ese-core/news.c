#include "ese-core/news.h"

#include "ese-core/clock.h"

#define PAUSE_NS (10 * ESE_NS_PER_S)

bool ese_news_due(struct ese_news *news, bool state)
{
    if (state == news->told)
        return false;
    int64_t now_ns = ese_clock_monotonic_ns();
    if (now_ns < news->next_ns)
        return false;
    news->told = state;
    news->next_ns = now_ns + PAUSE_NS;
    return true;
}
