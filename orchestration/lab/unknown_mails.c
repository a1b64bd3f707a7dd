#include "orchestration/lab/unknown_mails.h"

#include <string.h>

#include "ese-core/clock.h"
#include "orchestration/lab/journey.h"

#define MAILING (ESE_ROLE_BIT(ESE_ROLE_MAILER) | ESE_ROLE_BIT(ESE_ROLE_SINK))

/* When the frozen role is thawed, or killed as it stands, or its line is told something else. */
static int64_t frozen_until_ns(const struct ese_deeds *deeds, int frozen, unsigned role)
{
    for (int i = frozen + 1; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        if ((deed->roles & role) != 0)
            return deed->done_ns;
    }
    return INT64_MAX;
}

/* For ever, whatever comes after it: who has been reset has lost sight of the other. */
static bool is_for_good(const struct ese_deed *deed)
{
    return deed->act == ESE_ACT_KILL || (deed->act == ESE_ACT_NETWORK && strncmp(deed->how, "reset", 5) == 0);
}

/* For as long as it lasts. */
static bool is_for_a_while(const struct ese_deed *deed)
{
    return deed->act == ESE_ACT_FREEZE || (deed->act == ESE_ACT_NETWORK && strncmp(deed->how, "restore", 7) != 0);
}

static bool parts_them(const struct ese_deeds *deeds, int which, unsigned role, int64_t smtp_timeout_ms)
{
    const struct ese_deed *deed = &deeds->list[which];
    if ((deed->roles & role) == 0)
        return false;
    if (is_for_good(deed))
        return true;
    return is_for_a_while(deed) &&
           frozen_until_ns(deeds, which, role) - deed->done_ns > smtp_timeout_ms * ESE_NS_PER_MS;
}

static bool is_mailing(const char *party)
{
    enum ese_role role = ese_role_find(party);
    return role != ESE_ROLES && (MAILING & ESE_ROLE_BIT(role)) != 0;
}

int64_t ese_unknown_mails_most(const struct ese_deeds *deeds, const struct ese_endings *endings,
                               int64_t smtp_timeout_ms)
{
    int64_t partings = 0;
    for (int i = 0; i < deeds->count; i++) {
        for (enum ese_role role = 0; role < ESE_ROLES; role++) {
            unsigned bit = MAILING & ESE_ROLE_BIT(role);
            partings += bit != 0 && parts_them(deeds, i, bit, smtp_timeout_ms);
        }
    }
    for (int i = 0; i < endings->count; i++)
        partings += is_mailing(endings->list[i].party);
    return partings * ESE_JOURNEY_SMTP_SESSIONS;
}
