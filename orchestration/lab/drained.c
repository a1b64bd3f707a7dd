#include "orchestration/lab/drained.h"

#include "ese-core/memory.h"

static bool somebody_comes(const struct ese_journey_view *view)
{
    bool coming = false;
    for (int role = 0; role < ESE_ROLES; role++)
        coming = coming || view->role[role].coming;
    return coming;
}

/* What the client does not know of may be in the store: then it is not enough that as much was processed as
 * was acknowledged, but the consumer has to have found the end since anybody could have stored a thing. */
static bool is_read(const struct ese_journey_view *view)
{
    static const enum ese_role storing[] = {ESE_ROLE_CLIENT, ESE_ROLE_SERVER, ESE_ROLE_BROKER};
    const int64_t *count = view->count;
    bool found = view->lag == 0;
    if (count[ESE_COUNT_OFFERED] == count[ESE_COUNT_ACKNOWLEDGED] + count[ESE_COUNT_REFUSED] +
                                        count[ESE_COUNT_NOT_SENT])
        return found;
    for (size_t i = 0; i < ESE_COUNT_OF(storing); i++)
        found = found && count[ESE_COUNT_AT_END_NS] > view->role[storing[i]].since_ns;
    return found;
}

int64_t ese_timers_waited_for(const struct ese_journey_view *view)
{
    return view->count[ESE_COUNT_TIMERS_SET] - view->count[ESE_COUNT_TIMERS_ENDED];
}

bool ese_drained(const struct ese_journey_view *view)
{
    const int64_t *count = view->count;
    int64_t answered = count[ESE_COUNT_MAILS_ASKED] + count[ESE_COUNT_MAILS_REFUSED];
    int64_t ended = count[ESE_COUNT_MAILS_SENT] + count[ESE_COUNT_MAILS_DEAD] +
                    count[ESE_COUNT_MAILS_UNKNOWN];
    return is_read(view) && ese_timers_waited_for(view) <= 0 &&
           answered >= count[ESE_COUNT_DECIDED] && ended >= count[ESE_COUNT_MAILS_ASKED] &&
           !somebody_comes(view) && !view->readers_are_behind;
}
