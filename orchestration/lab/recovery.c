#include "orchestration/lab/recovery.h"

#include "orchestration/lab/artifacts.h"

static const struct ese_deeds none;

static const struct ese_deeds *deeds_of(const struct ese_judge_options *options)
{
    return options->deeds == NULL ? &none : options->deeds;
}

static bool is_acknowledged(const struct ese_book_entry *entry)
{
    return entry->outcome == ESE_HISTORY_ACKNOWLEDGED && !entry->is_out;
}

/* ---- acknowledged again ---------------------------------------------------------------------- */

static int64_t first_acknowledged_ns(const struct ese_book *book, int64_t from_ns)
{
    int64_t first_ns = INT64_MAX;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        if (is_acknowledged(entry) && entry->done_ns >= from_ns && entry->done_ns < first_ns)
            first_ns = entry->done_ns;
    }
    return first_ns;
}

static int64_t acknowledges_again_us(const struct ese_deeds *deeds, const struct ese_book *book)
{
    int64_t killed_ns = ese_deeds_first(deeds, ESE_ACT_KILL, ESE_ROLES_KEEPING, 0);
    int64_t started_ns = ese_deeds_first(deeds, ESE_ACT_START, ESE_ROLES_KEEPING, killed_ns);
    if (killed_ns == 0 || started_ns == 0)
        return -1;
    int64_t first_ns = first_acknowledged_ns(book, started_ns);
    return first_ns == INT64_MAX ? -1 : (first_ns - killed_ns) / 1000;
}

/* ---- read again ------------------------------------------------------------------------------ */

/* When the member was first handed anything since, were it an event handed before; INT64_MAX: never. */
static int64_t handed_ns(const char *directory, int member, int64_t since_ns)
{
    char name[ESE_ARTIFACT_MEMBER_SIZE];
    int64_t first_ns = INT64_MAX;
    ese_artifact_member(member, name);
    struct ese_history_reader *reader = ese_artifact_history(directory, name);
    struct ese_history_record record;
    while (reader != NULL && first_ns == INT64_MAX && ese_history_read_next(reader, &record, NULL) == 1) {
        if (record.kind == ESE_HISTORY_HANDED && record.time_ns >= since_ns)
            first_ns = record.time_ns;
    }
    ese_history_read_close(&reader);
    return first_ns;
}

/* Who came back last: of a group, perhaps some of its members only. */
static unsigned members_back(const struct ese_deeds *deeds)
{
    unsigned members = 0;
    for (int i = 0; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        if (deed->act == ESE_ACT_START && (deed->roles & ESE_ROLE_BIT(ESE_ROLE_CONSUMER)) != 0)
            members = deed->members;
    }
    return members == 0 ? ESE_MEMBERS_ALL : members;
}

/* From the restart to the first handing after it to any of those who came back then. */
static int64_t reads_again_us(const struct ese_judge_options *options)
{
    int64_t restarted_ns = options->restarted_ns, first_ns = INT64_MAX;
    unsigned members = members_back(deeds_of(options));
    for (int member = 1; restarted_ns != 0 && member <= ESE_MEMBERS; member++) {
        if ((members & ESE_MEMBER_BIT(member)) == 0)
            continue;
        int64_t member_ns = handed_ns(options->directory, member, restarted_ns);
        first_ns = member_ns < first_ns ? member_ns : first_ns;
    }
    return first_ns == INT64_MAX ? -1 : (first_ns - restarted_ns) / 1000;
}

/* ---- the backlog ----------------------------------------------------------------------------- */

static int64_t backlog_at(const struct ese_book *book, int64_t restarted_ns)
{
    int64_t count = 0;
    for (uint32_t i = 0; restarted_ns != 0 && i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        bool is_unread = entry->handed_ns == 0 || entry->handed_ns >= restarted_ns;
        count += is_acknowledged(entry) && entry->done_ns < restarted_ns && is_unread;
    }
    return count;
}

/* Sent to the store or kept there: what a kill could have harmed. */
static int64_t waiting_at(const struct ese_book *book, int64_t killed_ns)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        count += !entry->is_out && entry->sent_ns != 0 && entry->sent_ns <= killed_ns &&
                 entry->committed_ns > killed_ns;
    }
    return count;
}

static void count_waiting(const struct ese_deeds *deeds, const struct ese_book *book,
                          struct ese_recovery *recovery)
{
    for (int i = 0; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        if (ese_act_is_death(deed->act) && deed->roles != 0)
            recovery->waiting_at[i] = waiting_at(book, deed->done_ns);
    }
}

static int64_t most_waiting(const struct ese_recovery *recovery)
{
    int64_t most = 0;
    for (int i = 0; i < ESE_DEEDS; i++) {
        if (recovery->waiting_at[i] > most)
            most = recovery->waiting_at[i];
    }
    return most;
}

/* What is lost cannot be waited for. */
static int64_t backlog_gone_us(const struct ese_deeds *deeds, const struct ese_book *book)
{
    unsigned roles = ESE_ROLES_KEEPING | ESE_ROLE_BIT(ESE_ROLE_CONSUMER);
    int64_t back_ns = ese_deeds_last(deeds, ESE_ACT_START, roles), gone_ns = back_ns;
    if (back_ns == 0)
        return -1;
    for (uint32_t i = 0; i < book->count; i++) {
        const struct ese_book_entry *entry = &book->entries[i];
        if (!is_acknowledged(entry) || entry->done_ns > back_ns || entry->is_lost)
            continue;
        if (!entry->is_processed)
            return -1;
        if (entry->committed_ns > gone_ns)
            gone_ns = entry->committed_ns;
    }
    return (gone_ns - back_ns) / 1000;
}

void ese_recovery_take(const struct ese_judge_options *options, const struct ese_book *book,
                       struct ese_recovery *recovery)
{
    const struct ese_deeds *deeds = deeds_of(options);
    *recovery = (struct ese_recovery){
        .acknowledges_again_us = acknowledges_again_us(deeds, book),
        .reads_again_us = reads_again_us(options),
        .backlog_at_restart = backlog_at(book, options->restarted_ns),
        .backlog_gone_us = backlog_gone_us(deeds, book),
    };
    count_waiting(deeds, book, recovery);
    recovery->waiting_at_kill = most_waiting(recovery);
}

/* ---- of several shares ----------------------------------------------------------------------- */

/* The first event that was acknowledged; and the last one of the backlog, if all are gone. When events were
 * read again is told from the history of all. */
void ese_recovery_add(struct ese_recovery *into, const struct ese_recovery *from)
{
    int64_t acknowledged_us = from->acknowledges_again_us, gone_us = from->backlog_gone_us;
    bool is_sooner = into->acknowledges_again_us == -1 || acknowledged_us < into->acknowledges_again_us;
    if (acknowledged_us != -1 && is_sooner)
        into->acknowledges_again_us = acknowledged_us;
    into->backlog_at_restart += from->backlog_at_restart;
    for (int i = 0; i < ESE_DEEDS; i++)
        into->waiting_at[i] += from->waiting_at[i];
    into->waiting_at_kill = most_waiting(into);
    if (into->backlog_gone_us != -1 && (gone_us == -1 || gone_us > into->backlog_gone_us))
        into->backlog_gone_us = gone_us;
}
