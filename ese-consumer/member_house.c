#include "ese-consumer/member_internal.h"

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/service.h"
#include "ese-core/sqlite_syncs.h"

#define ROOM_MS 500     /* how often we look whether there is room again */
#define KEEP_HOUSE_MS 1000
#define WIRE_MS 100     /* what a killed process has not yet noted of its bytes is lost */
#define SWEEP 500       /* decisions, and dead letters, deleted at once */

bool ese_member_is_due(int64_t *due_ns, int64_t interval_ms)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (now_ns < *due_ns)
        return false;
    *due_ns = now_ns + interval_ms * ESE_NS_PER_MS;
    return true;
}

/* ---- house-keeping -------------------------------------------------------------------------- */

static int sweep_decisions(struct ese_member *member, struct ese_error *error)
{
    int64_t before_ms = ese_clock_wall_ms() - ESE_DECISIONS_KEPT_MS;
    if (ese_decisions_sweep(member->decisions, before_ms, SWEEP, error) != 0)
        return -1;
    for (int i = 0; member->sender == NULL && i < member->holdings.count; i++)
        if (ese_decisions_sweep_unasked(member->decisions, member->holdings.items[i]->partition,
                                        before_ms, SWEEP, error) != 0)
            return -1;
    return 0;
}

/* Settled ones leave. And a replay, made by another process, may have left mails to ask for. */
static int look_after_letters(struct ese_member *member, struct ese_error *error)
{
    struct ese_dead_letters *letters = ese_state_letters(member->state);
    int64_t before_ms = ese_clock_wall_ms() - ESE_DECISIONS_KEPT_MS;
    int64_t replays = 0;
    if (ese_dead_letters_sweep(letters, before_ms, SWEEP, error) != 0 ||
        ese_dead_letters_replays(letters, &replays, error) != 0)
        return -1;
    if (replays != member->replays && member->sender != NULL)
        ese_sender_wake(member->sender);
    member->replays = replays;
    return 0;
}

void ese_member_note_figures(struct ese_member *member)
{
    ese_statistics_note_held(member->statistics, member->holdings.count,
                             ese_holdings_keys(&member->holdings));
    ese_statistics_note_state(member->statistics, ese_state_used_bytes(member->state),
                              member->options.max_bytes);
    if (member->sender != NULL) {
        struct ese_sender_figures mail = ese_sender_figures(member->sender);
        ese_statistics_note_mail(member->statistics, &mail);
    }
}

static void talk(struct ese_member *member)
{
    struct ese_buffer line = ESE_BUFFER_INIT(400);
    ese_statistics_write_line(member->statistics, &line);
    ese_log_info("%s", line.text);
    ese_buffer_free(&line);
}

int ese_member_keep_house(struct ese_member *member, struct ese_error *error)
{
    if (ese_sqlite_syncs_check(error) != 0)
        return -1;
    if (member->sender != NULL && ese_sender_failed(member->sender, error))
        return ese_fail_within(error, "the sender of mails has stopped");
    if (member->letters != NULL && ese_letter_topic_turn(member->letters, error) != 0)
        return ese_fail_within(error, "putting dead letters on their topic");
    if (ese_member_is_due(&member->wire_ns, WIRE_MS))
        ese_history_note_wire(member->history);
    if (ese_member_is_due(&member->keep_house_ns, KEEP_HOUSE_MS)) {
        ese_member_note_figures(member);
        if (sweep_decisions(member, error) != 0 || look_after_letters(member, error) != 0)
            return -1;
    }
    if (member->options.talk && ese_member_is_due(&member->talk_ns, ESE_MEMBER_TALK_MS))
        talk(member);
    return 0;
}

/* ---- room in the state file ------------------------------------------------------------------ */

/* full: why nothing is committed; NULL: it is. */
static void tell_waiting(struct ese_member *member, const char *full)
{
    ese_statistics_note_waiting(member->statistics, full != NULL);
    if (!ese_news_due(&member->news, full != NULL))
        return;
    if (full == NULL)
        ese_log_info("the state file has room again; events are read");
    else
        ese_log_error("the state file is full: %s. No events are read until there is room: keys "
                      "leave by event time, decisions a day after the mailer's answer; a larger "
                      "--max-bytes takes more",
                      full);
}

int ese_member_rest(struct ese_member *member, struct ese_error *error)
{
    int decided = 0;
    if (ese_turn_rest(member->turn, &decided, error) != 0)
        return -1;
    if (decided > 0 && member->sender != NULL)
        ese_sender_wake(member->sender);
    return 0;
}

static int wait_once(struct ese_member *member, const struct ese_error *full,
                     struct ese_error *error)
{
    if (full->code != ESE_E_FULL || member->options.until_end) {
        *error = *full;
        return ese_fail_within(error, "the state file has no room for more events (--max-bytes)");
    }
    tell_waiting(member, full->text);
    ese_service_wait(ROOM_MS);
    return ese_member_rest(member, error) != 0 ? -1 : ese_member_keep_house(member, error);
}

/* As much as it takes if all became dead letters; but not more than there ever is room for. */
static int events_of(const struct ese_member *member, const struct ese_batch *batch)
{
    int64_t most = member->options.max_bytes / 2 / ESE_STATE_EVENT_BYTES;
    int64_t events = batch->count + batch->unreadable;
    for (int i = 0; i < batch->count; i++)
        events += (int64_t)strlen(ese_event_data(&batch->records[i].event)) / ESE_STATE_EVENT_BYTES;
    for (int i = 0; i < batch->unreadable; i++)
        events += (int64_t)batch->unreadables[i].length / ESE_STATE_EVENT_BYTES;
    return (int)(member->options.max_bytes == 0 || events < most ? events : most);
}

int ese_member_wait_for_room(struct ese_member *member, const struct ese_batch *batch,
                             struct ese_error *error)
{
    struct ese_error full = {.code = ESE_OK};
    int events = events_of(member, batch);
    bool waited = false;
    while (ese_state_check_room(member->state, events, &full) != 0) {
        if (!waited)
            ese_statistics_count(member->statistics, ESE_FIGURE_NO_ROOM, 1);
        waited = true;
        if (wait_once(member, &full, error) != 0)
            return -1;
        if (ese_service_stopping())
            return 0;
    }
    tell_waiting(member, NULL);
    return 1;
}
