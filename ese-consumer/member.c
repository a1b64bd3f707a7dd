#include "ese-consumer/member_internal.h"

#include <inttypes.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"

#define POLL_MS 200     /* a stop is noticed this soon */
#define REST_MS 1000    /* how often an idle member looks after its partitions */
#define PAUSE_MS 50     /* between the first two tries of an event on which a rule fails */
#define LINGER_MS 500   /* for mails under way, at the end */
#define GHOSTS 5        /* fences of our own that are believed in a minute: more are somebody else's, who
                         * keeps another state file */

static void record(struct ese_member *member, enum ese_history_kind kind, int32_t partition,
                   int64_t a, int64_t b)
{
    ese_history_record(member->history,
                       &(struct ese_history_record){.kind = (uint16_t)kind,
                                                    .partition = partition,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .a = a,
                                                    .b = b});
    ese_history_set(member->history, ESE_COUNT_HELD, member->holdings.count);
}

/* ---- partitions come and go ----------------------------------------------------------------- */

static int64_t fail_given(struct ese_member *member)
{
    member->failed = true; /* the loop ends before anything of the partition is committed */
    return ESE_OFFSET_EARLIEST;
}

static int64_t on_given(void *context, int32_t partition)
{
    struct ese_member *member = context;
    char name[100];
    member->options.transport->consume->partition_name(partition, name, sizeof name);
    struct ese_holding *holding = ese_holdings_add(&member->holdings, partition);
    if (holding == NULL) {
        ese_fail(&member->failure, ESE_E_FULL, "given more than %d partitions; start more members",
                 ESE_HOLDINGS_LIMIT);
        return fail_given(member);
    }
    if (ese_holding_load(holding, member->state, name, &member->options.rules,
                         &member->failure) != 0)
        return fail_given(member);
    if (!member->options.transport->promises.positions_survive)
        holding->position.next = ESE_POSITION_NONE; /* where offsets begin anew, an earlier life's says nothing */
    int64_t from = holding->position.next == ESE_POSITION_NONE ? member->options.from
                                                               : holding->position.next;
    record(member, ESE_HISTORY_GIVEN, partition, from, holding->position.epoch);
    if (member->sender != NULL)
        ese_sender_give(member->sender, partition);
    return from;
}

/* A life that ends well is no sign of anything. Where that cannot be written the next is careful. */
static void leave_partition(struct ese_member *member, struct ese_holding *holding)
{
    struct ese_state *state = member->state;
    int32_t partition = holding->partition;
    if (holding->attempt.lives > 0 &&
        ese_state_check_owned(state, partition, holding->position.epoch, NULL) == 0)
        ese_attempts_clear_lives(ese_state_attempts(state), partition, &holding->attempt, NULL);
}

static void on_taken(void *context, int32_t partition)
{
    struct ese_member *member = context;
    struct ese_holding *holding = ese_holdings_find(&member->holdings, partition);
    if (holding == NULL)
        return;
    leave_partition(member, holding);
    ese_holdings_drop(&member->holdings, partition);
    if (member->sender != NULL)
        ese_sender_take(member->sender, partition);
    record(member, ESE_HISTORY_TAKEN, partition, 0, 0);
}

static void on_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct ese_member *member = context;
    char name[100];
    member->options.transport->consume->partition_name(partition, name, sizeof name);
    ese_log_warning("%s: position %" PRId64 " is no longer kept; going on at %" PRId64, name, from,
                    to);
    record(member, ESE_HISTORY_SKIPPED, partition, from, to);
    ese_history_count(member->history, ESE_COUNT_CURSOR_GONE, 1);
    ese_statistics_count(member->statistics, ESE_FIGURE_SKIPPED, 1);
}

static int join(struct ese_member *member, struct ese_error *error)
{
    const struct ese_consume_settings settings = {
        .group = member->options.group,
        .member = member->options.member,
        .max_batch = ese_rule_cost_batch(&member->cost, member->options.max_batch),
        .listener = {.context = member,
                     .given = on_given,
                     .taken = on_taken,
                     .skipped = on_skipped},
    };
    return member->options.transport->consume->open(member->options.config, &settings,
                                                    &member->consumer, error);
}

static void leave(struct ese_member *member)
{
    member->options.transport->consume->close(&member->consumer);
    while (member->holdings.count > 0)
        on_taken(member, member->holdings.items[0]->partition);
}

/* ---- somebody newer owns a partition -------------------------------------------------------- */

static void record_fenced(struct ese_member *member)
{
    for (int i = 0; i < member->holdings.count; i++) {
        const struct ese_holding *holding = member->holdings.items[i];
        if (ese_state_check_owned(member->state, holding->partition, holding->position.epoch,
                                  NULL) != 0)
            record(member, ESE_HISTORY_FENCED, holding->partition, 0, 0);
    }
    ese_history_count(member->history, ESE_COUNT_FENCED, 1);
    ese_statistics_count(member->statistics, ESE_FIGURE_FENCED, 1);
}

static int after_fence(struct ese_member *member, struct ese_error *error)
{
    record_fenced(member);
    if (!member->options.transport->promises.shares_work) {
        struct ese_error why = *error;
        return ese_fail(error, ESE_E_FENCED,
                        "%s; over '%s' one consumer of a group reads at a time, and the newest "
                        "does. Stopped",
                        why.text, member->options.transport->name);
    }
    ese_log_warning("%s; the batch is dropped, joining again", error->text);
    leave(member);
    return join(member, error);
}

static bool is_ghost_believed(struct ese_member *member)
{
    if (ese_member_is_due(&member->ghosts_ns, 60000))
        member->ghosts = 0;
    return member->ghosts++ < GHOSTS;
}

/* The transport says that a newer one of our name has joined. It is mistaken where that is we
 * ourselves: past its session a member joins under a new id, and what it asked for under the old
 * one, before the broker was away, may reach the broker behind that, which fences it for that (seen
 * with Kafka 4.3.1). A newer one on this machine has enrolled in the state file. */
static int after_namesake(struct ese_member *member, struct ese_error *error)
{
    struct ese_error why = *error;
    int newest = ese_enrolment_is_newest(ese_state_database(member->state), &member->enrolment,
                                         error);
    if (newest == -1)
        return -1;
    if (newest == 0 || !is_ghost_believed(member)) {
        *error = why;
        return -1;
    }
    ese_log_warning("%s, says the transport, and nobody has: joining again", why.text);
    leave(member);
    return join(member, error);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void acknowledge(struct ese_member *member)
{
    const struct ese_consume_face *face = member->options.transport->consume;
    if (face->acknowledge == NULL)
        return;
    for (int i = 0; i < member->holdings.count; i++) {
        const struct ese_holding *holding = member->holdings.items[i];
        if (holding->has_moved)
            face->acknowledge(member->consumer, holding->partition, holding->position.next);
    }
}

/* What was committed of the batch so far need not wait for the rest of it. */
static int pace(void *context, int left)
{
    struct ese_member *member = context;
    bool is_begun = left < member->in_hand;
    if (is_begun)
        acknowledge(member);
    if (is_begun && member->sender != NULL)
        ese_sender_wake(member->sender);
    ese_pulse_turned(member->options.pulse);
    return ese_rule_cost_begin(&member->cost, left);
}

static bool wait_for_rules(void *context)
{
    struct ese_member *member = context;
    return ese_rule_cost_pay(&member->cost);
}

static void note_contact(struct ese_member *member, const struct ese_batch *batch)
{
    struct ese_contact *contact = ese_pulse_transport(member->options.pulse);
    if (batch->away != NULL)
        ese_contact_lost(contact, batch->away);
    else
        ese_contact_heard(contact);
}

/* A partition of which nothing comes, though others keep us busy, has its timers, too. */
static int work_on(struct ese_member *member, const struct ese_batch *batch, int64_t polled_ms,
                   struct ese_error *error)
{
    int decided = 0;
    if (batch->at_end && batch->count == 0)
        ese_turn_note_end(member->turn, polled_ms);
    if (ese_member_is_due(&member->rest_ns, REST_MS) && ese_member_rest(member, error) != 0)
        return -1;
    if (batch->count + batch->unreadable == 0)
        return 0;
    int room = ese_member_wait_for_room(member, batch, error);
    if (room != 1) /* 0: a stop was asked for, and the batch is left alone */
        return room;
    member->in_hand = batch->count;
    if (ese_turn_process(member->turn, batch, polled_ms, &decided, error) != 0)
        return -1;
    acknowledge(member);
    if (decided > 0 && member->sender != NULL)
        ese_sender_wake(member->sender);
    return 0;
}

/* Where a batch says of an earlier moment that it was the end, that is when it was polled for. */
struct polled {
    int64_t ms; /* wall clock */
    int64_t ns; /* monotonic */
};

static void take_back(struct polled *polled, const struct ese_batch *batch)
{
    if (batch->end_ns == 0)
        return;
    polled->ms -= (polled->ns - batch->end_ns) / ESE_NS_PER_MS;
    polled->ns = batch->end_ns;
}

/* One poll and what follows from it. at_end: it found nothing further to read. */
static int poll_once(struct ese_member *member, bool *at_end, struct ese_error *error)
{
    struct ese_batch batch = {0};
    struct polled polled = {.ms = ese_clock_wall_ms(), .ns = ese_clock_monotonic_ns()};
    if (member->options.transport->consume->next(member->consumer, POLL_MS, &batch, error) != 0)
        return error->code == ESE_E_FENCED ? after_namesake(member, error) : -1;
    if (member->failed) {
        *error = member->failure;
        return -1;
    }
    note_contact(member, &batch);
    take_back(&polled, &batch);
    *at_end = batch.at_end && member->holdings.count > 0;
    if (batch.unreadable > 0)
        ese_statistics_count(member->statistics, ESE_FIGURE_UNREADABLE, batch.unreadable);
    if (work_on(member, &batch, polled.ms, error) == 0) {
        if (*at_end && !ese_service_stopping()) /* who stops may have left the batch alone */
            ese_history_set(member->history, ESE_COUNT_AT_END_NS, polled.ns);
        return 0;
    }
    *at_end = false;
    return error->code == ESE_E_FENCED ? after_fence(member, error) : -1;
}

/* A topic that is not there, or takes nothing, is no reason never to end: the letters are in the state file. */
static bool is_done_with_letters(const struct ese_member *member)
{
    const struct ese_letter_topic *letters = member->letters;
    if (letters == NULL || ese_letter_topic_is_idle(letters))
        return true;
    return ese_letter_topic_has_failed(letters);
}

static bool has_finished(struct ese_member *member, bool at_end)
{
    return member->options.until_end && at_end && ese_holdings_timers(&member->holdings) == 0 &&
           is_done_with_letters(member) &&
           (member->sender == NULL || ese_sender_idle(member->sender));
}

static void tell_letters_left(const struct ese_member *member)
{
    const struct ese_letter_topic *letters = member->letters;
    if (letters != NULL && member->options.until_end && ese_letter_topic_has_failed(letters))
        ese_log_warning("nobody takes the dead letters on their topic, and the end does not wait for that: they stay "
                        "in the state file, and whoever consumes next puts them there");
}

int ese_member_run(struct ese_member *member, struct ese_error *error)
{
    bool at_end = false;
    int result = 0;
    while (result == 0 && !has_finished(member, at_end) && !ese_service_stopping()) {
        result = poll_once(member, &at_end, error);
        if (result == 0)
            result = ese_member_keep_house(member, error);
        ese_pulse_turned(member->options.pulse);
    }
    if (result == 0 && !ese_service_stopping())
        tell_letters_left(member);
    return result;
}

/* ---- opening and closing -------------------------------------------------------------------- */

static int open_sender(struct ese_member *member, const struct ese_state_options *state,
                       struct ese_error *error)
{
    const struct ese_sender_options options = {.state = *state,
                                               .mailer = member->options.mailer,
                                               .requests = member->options.mail_requests,
                                               .token = member->options.token,
                                               .history = member->history,
                                               .contact = ese_pulse_mailer(member->options.pulse)};
    bool asks = options.mailer != NULL || options.requests != NULL;
    return asks ? ese_sender_open(&options, &member->sender, error) : 0;
}

static int open_turn(struct ese_member *member, struct ese_error *error)
{
    const struct ese_turn_parts parts = {
        .rules = &member->options.rules,
        .state = member->state,
        .decisions = member->decisions,
        .holdings = &member->holdings,
        .history = member->history,
        .statistics = member->statistics,
        .sort = !member->options.transport->promises.ordered_per_key,
        .lateness_ms = member->options.lateness_ms,
        .max_keys = member->options.max_keys,
        .max_batch = member->options.max_batch,
        .pause_ms = PAUSE_MS,
        .pace = pace,
        .wait = wait_for_rules,
        .context = member,
    };
    return ese_turn_open(&parts, &member->turn, error);
}

static int open_letters(struct ese_member *member, struct ese_error *error)
{
    const struct ese_letter_topic_options options = {
        .specification = member->options.dead_letters,
        .config = member->options.config,
        .transport = member->options.transport,
        .state = member->state,
        .holdings = &member->holdings,
    };
    return ese_letter_topic_open(&options, &member->letters, error);
}

static int open_parts(struct ese_member *member, struct ese_error *error)
{
    const struct ese_member_options *options = &member->options;
    const struct ese_state_options state = {.path = options->state_path,
                                            .durability = options->durability,
                                            .group = options->group,
                                            .transport = options->transport->name,
                                            .max_bytes = options->max_bytes};
    if (ese_history_open(&options->history, &member->history, error) != 0 ||
        ese_state_open(&state, &member->state, error) != 0 || open_letters(member, error) != 0 ||
        open_sender(member, &state, error) != 0)
        return -1;
    ese_history_set(member->history, ESE_COUNT_HELD, 0); /* whatever an earlier life held */
    struct ese_sqlite *database = ese_state_database(member->state);
    if (ese_enrolment_begin(database, options->member, &member->enrolment, error) != 0)
        return -1;
    member->decisions = ese_decisions_new(database, options->transport->name);
    member->statistics = ese_statistics_new(options->metrics, options->transport->name,
                                            options->rules.names);
    return open_turn(member, error) != 0 ? -1 : join(member, error);
}

int ese_member_open(const struct ese_member_options *options, struct ese_member **member,
                    struct ese_error *error)
{
    struct ese_member *opened = ese_alloc(sizeof *opened);
    opened->options = *options;
    opened->cost.us = options->rule_cost_us;
    opened->cost.file = options->rule_cost_file;
    opened->talk_ns = ese_clock_monotonic_ns() + ESE_MEMBER_TALK_MS * ESE_NS_PER_MS;
    if (open_parts(opened, error) != 0) {
        ese_member_close(&opened);
        return -1;
    }
    *member = opened;
    return 0;
}

struct ese_statistics *ese_member_statistics(struct ese_member *member)
{
    ese_member_note_figures(member);
    return member->statistics;
}

void ese_member_close(struct ese_member **member)
{
    struct ese_member *closed = *member;
    if (closed == NULL)
        return;
    ese_sender_close(&closed->sender, LINGER_MS);
    leave(closed);
    if (closed->history != NULL)
        ese_history_note_wire(closed->history);
    ese_letter_topic_close(&closed->letters);
    ese_turn_close(&closed->turn);
    ese_holdings_clear(&closed->holdings);
    ese_statistics_free(&closed->statistics);
    ese_decisions_free(&closed->decisions);
    ese_state_close(&closed->state);
    ese_history_close(&closed->history);
    free(closed);
    *member = NULL;
}
