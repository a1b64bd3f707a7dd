/*
 * trouble.h - what can be made bad for one party of a journey while it runs: its disk, its clock, and how the SMTP
 * server takes mails.
 *
 * A party that is to have such trouble is started with the shim for it (orchestration/disk, orchestration/clock), and
 * the trouble is a file below DIR/trouble: made, it begins; removed, it is over. One thread.
 *
 *     disk   full: nothing grows; sync-fails: a sync fails, and nothing is synced; short: half of each write is done;
 *            well
 *     power  SEED, once (ese_journey_power)
 *     clock  +3600s, -60s, +500ms: the wall clock from now on, beside the machine's; well: as the machine's
 *     smtp   refuse CODE: after the data ("refuse 451"); slow MS: each mail's data is taken so much later; well
 */
#ifndef ESE_LAB_TROUBLE_H
#define ESE_LAB_TROUBLE_H

#include <stdbool.h>

#include "ese-core/error.h"
#include "orchestration/lab/deed.h"
#include "orchestration/lab/process.h"

/* What the server does to its disk, until its power goes. */
#define ESE_TROUBLE_JOURNAL "trouble/server.journal"

/* Before it starts: a process that plays the role in the journey whose directory it is. Making its file of the clock
 * is part of it. act: ESE_ACT_DISK, ESE_ACT_POWER, ESE_ACT_CLOCK or ESE_ACT_SMTP. */
int ese_trouble_prepare(const char *directory, enum ese_role role, enum ese_act act, struct ese_process *process,
                        struct ese_error *error);

/* Whether these words are known for that act: ESE_E_USAGE names those that are. */
int ese_trouble_check(enum ese_act act, const char *how, struct ese_error *error);

/* Lets it begin, or be over; but the power goes by ese_journey_power. The words have been checked. */
int ese_trouble_set(const char *directory, enum ese_role role, enum ese_act act, const char *how,
                    struct ese_error *error);

/* Whether a role can have it at all: a broker's JVM has no shim. */
bool ese_trouble_is_for(enum ese_role role, enum ese_act act);

#endif
