#include "orchestration/lab/whereabouts.h"

#define BIT(role) ESE_ROLE_BIT(ESE_ROLE_##role)

/* Of an event's way, each behind the one before. */
enum step { UNHEARD_OF, SENT, KEPT, HANDED, OVER };

static const enum step steps[ESE_HISTORY_KINDS] = {
    [ESE_HISTORY_OFFERED] = SENT,       [ESE_HISTORY_SENT] = SENT,       [ESE_HISTORY_ACKNOWLEDGED] = KEPT,
    [ESE_HISTORY_UNKNOWN] = KEPT,       [ESE_HISTORY_FOUND] = KEPT,      [ESE_HISTORY_KEPT] = KEPT,
    [ESE_HISTORY_STORED] = KEPT,        [ESE_HISTORY_HANDED] = HANDED,   [ESE_HISTORY_NOT_SENT] = OVER,
    [ESE_HISTORY_REFUSED] = OVER,       [ESE_HISTORY_EXPIRED] = OVER,    [ESE_HISTORY_OVERWRITTEN] = OVER,
    [ESE_HISTORY_SKIPPED] = OVER,       [ESE_HISTORY_COMMITTED] = OVER,  [ESE_HISTORY_DEAD_LETTER] = OVER,
};

static const unsigned keepers[] = {
    [UNHEARD_OF] = 0,
    [SENT] = BIT(CLIENT) | ESE_ROLES_KEEPING,
    [KEPT] = ESE_ROLES_KEEPING | BIT(CONSUMER),
    [HANDED] = ESE_ROLES_KEEPING | BIT(CONSUMER),
    [OVER] = 0,
};

/* A broker may have the request for it. */
static unsigned mails_after(enum ese_history_kind kind, unsigned before)
{
    switch (kind) {
    case ESE_HISTORY_DECIDED: return BIT(CONSUMER) | BIT(BROKER) | BIT(MAILER) | BIT(SINK);
    case ESE_HISTORY_MAIL_ASKED: return BIT(MAILER) | BIT(SINK);
    case ESE_HISTORY_MAIL_SENT:
    case ESE_HISTORY_MAIL_DEAD:
    case ESE_HISTORY_MAIL_ARRIVED: return 0;
    default: return before;
    }
}

/* Whoever was handed it goes on with it, whatever its sender is told or its store forgets meanwhile, until it has to go
 * on behind it; and who is handed it anew has it anew. */
void ese_whereabouts_take(struct ese_whereabouts *where, enum ese_history_kind kind)
{
    bool is_consumers = kind == ESE_HISTORY_HANDED || kind == ESE_HISTORY_COMMITTED ||
                        kind == ESE_HISTORY_DEAD_LETTER || kind == ESE_HISTORY_SKIPPED;
    int step = (int)steps[kind];
    if (is_consumers || (where->step < HANDED && step > where->step))
        where->step = step;
    where->mails = mails_after(kind, where->mails);
}

unsigned ese_whereabouts_roles(const struct ese_whereabouts *where)
{
    return keepers[where->step] | where->mails;
}
