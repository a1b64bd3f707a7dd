#include "ese-consumer/sender.h"

#include <assert.h>
#include <pthread.h>

#include "ese-consumer/decisions.h"
#include "ese-core/account.h"
#include "ese-core/backoff.h"
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define FIRST_WAIT_MS 50
#define LONGEST_WAIT_MS 2000
#define LONGEST_RETRY_AFTER_MS 10000
#define IDLE_WAIT_MS 1000 /* a wake ends it */
#define COMPLAIN_MS 10000
#define PARTITIONS 1024

enum stage {
    FREE,
    WAITING,  /* to be asked (again) at due_ns */
    ASKED,    /* a request is under way */
    ANSWERED, /* 2xx; to be noted in the state file */
    REFUSED   /* for good; to be noted */
};

/* One decision in hand. */
struct slot {
    enum stage stage;
    struct ese_sender *sender;
    struct ese_decision decision;
    struct ese_backoff backoff;
    int64_t due_ns;
    char reason[160];
};

struct ese_sender {
    /* The thread's own. */
    struct ese_state *state;
    struct ese_decisions *decisions;
    struct ese_account *account;
    struct ese_courier *courier;
    struct ese_history *history;
    struct ese_contact *contact;
    struct slot slots[ESE_SENDER_INFLIGHT];
    struct ese_decision page[ESE_SENDER_INFLIGHT];
    int first_partition; /* where the next look begins, so that no partition starves another */
    uint64_t seen;       /* the number of wakes at the last look */
    bool look;           /* the state file may have open decisions that are not in hand */
    int64_t complain_ns; /* not before this another word about the mailer */

    /* Everybody's, under the lock. */
    pthread_t thread;
    pthread_mutex_t lock;
    int32_t partitions[PARTITIONS];
    int partition_count;
    uint64_t wakes;     /* how often somebody said that there is something new */
    uint64_t settled;   /* the number of wakes at the last look that found nothing open */
    bool stopping;
    int linger_ms;
    bool failed;
    struct ese_error failure;
    struct ese_sender_figures figures;
};

/* ---- an answer ------------------------------------------------------------------------------ */

/* To the log now and then a word, not one for each mail: a mailer may be away for long. */
static void complain(struct ese_sender *sender, const struct ese_courier_answer *answer)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    ese_contact_lost(sender->contact, answer->reason);
    if (now_ns < sender->complain_ns)
        return;
    sender->complain_ns = now_ns + COMPLAIN_MS * ESE_NS_PER_MS;
    ese_log_warning("%s%s; mails wait and are asked for again", answer->reason, answer->hint);
}

static void ask_again(struct slot *slot, const struct ese_courier_answer *answer)
{
    complain(slot->sender, answer);
    int64_t wait_ms = ese_backoff_next_ms(&slot->backoff);
    if (answer->wait_ms > wait_ms)
        wait_ms = answer->wait_ms < LONGEST_RETRY_AFTER_MS ? answer->wait_ms
                                                           : LONGEST_RETRY_AFTER_MS;
    slot->stage = WAITING;
    slot->due_ns = ese_clock_monotonic_ns() + wait_ms * ESE_NS_PER_MS;
}

static void note_asked(struct slot *slot)
{
    slot->stage = ANSWERED;
    ese_history_record(slot->sender->history,
                       &(struct ese_history_record){.kind = ESE_HISTORY_MAIL_ASKED,
                                                    .partition = slot->decision.partition,
                                                    .time_ns = ese_clock_monotonic_ns(),
                                                    .id = slot->decision.id});
}

static void note_refusal(struct slot *slot, const struct ese_courier_answer *answer)
{
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&slot->decision.id, id);
    slot->stage = REFUSED;
    snprintf(slot->reason, sizeof slot->reason, "%s", answer->reason);
    ese_log_error("the mailer refuses the mail of decision %s (%s) for good: %s", id,
                  slot->decision.key, slot->reason);
}

static void on_answer(void *asked, const struct ese_courier_answer *answer)
{
    struct slot *slot = asked;
    assert(slot->stage == ASKED);
    if (answer->word == ESE_COURIER_TAKEN)
        note_asked(slot);
    else if (answer->word == ESE_COURIER_REFUSED)
        note_refusal(slot, answer);
    else
        ask_again(slot, answer);
    if (slot->stage != WAITING)
        ese_contact_heard(slot->sender->contact);
    pthread_mutex_lock(&slot->sender->lock);
    slot->sender->figures.attempts++;
    pthread_mutex_unlock(&slot->sender->lock);
}

static int note_answer(struct slot *slot, int64_t now_ms, struct ese_error *error)
{
    struct ese_sender *sender = slot->sender;
    const struct ese_id *id = &slot->decision.id;
    bool answered = slot->stage == ANSWERED, noted = false;
    int done = answered
                   ? ese_decisions_note_answered(sender->decisions, id, now_ms, &noted, error)
                   : ese_decisions_note_refused(sender->decisions, id, now_ms, slot->reason,
                                                &noted, error);
    if (done == 0 && noted)
        ese_account_count(sender->account,
                          answered ? ESE_COUNT_MAILS_ASKED : ESE_COUNT_MAILS_REFUSED, 1);
    return done;
}

/* Writes what was answered into the state file, many in one transaction. */
static int note_answers(struct ese_sender *sender, struct ese_error *error)
{
    int64_t now_ms = ese_clock_wall_ms();
    struct ese_sender_figures noted = {0};
    for (int i = 0; i < ESE_SENDER_INFLIGHT; i++) {
        struct slot *slot = &sender->slots[i];
        if (slot->stage != ANSWERED && slot->stage != REFUSED)
            continue;
        if (noted.asked + noted.refused == 0 && ese_state_begin(sender->state, error) != 0)
            return -1;
        if (note_answer(slot, now_ms, error) != 0)
            return -1;
        noted.asked += slot->stage == ANSWERED;
        noted.refused += slot->stage == REFUSED;
    }
    if (noted.asked + noted.refused == 0)
        return 0;
    if (ese_account_write(sender->account, error) != 0 ||
        ese_state_commit(sender->state, error) != 0)
        return -1; /* the thread ends with it: what was counted is never shown */
    ese_account_settle(sender->account, true);
    for (int i = 0; i < ESE_SENDER_INFLIGHT; i++)
        if (sender->slots[i].stage == ANSWERED || sender->slots[i].stage == REFUSED)
            sender->slots[i].stage = FREE;
    sender->look = true;
    pthread_mutex_lock(&sender->lock);
    sender->figures.asked += noted.asked;
    sender->figures.refused += noted.refused;
    pthread_mutex_unlock(&sender->lock);
    return 0;
}

/* ---- what to ask ---------------------------------------------------------------------------- */

static bool in_hand(const struct ese_sender *sender, const struct ese_id *id)
{
    for (int i = 0; i < ESE_SENDER_INFLIGHT; i++)
        if (sender->slots[i].stage != FREE && ese_id_equal(&sender->slots[i].decision.id, id))
            return true;
    return false;
}

static bool take_in_hand(struct ese_sender *sender, const struct ese_decision *decision)
{
    for (int i = 0; i < ESE_SENDER_INFLIGHT; i++) {
        struct slot *slot = &sender->slots[i];
        if (slot->stage != FREE)
            continue;
        *slot = (struct slot){
            .stage = WAITING,
            .sender = sender,
            .decision = *decision,
            .backoff = {.first_ms = FIRST_WAIT_MS, .most_ms = LONGEST_WAIT_MS},
        };
        return true;
    }
    return false;
}

/* Takes open decisions of the partition in hand as far as there is room. Returns how many are open
 * (at most a page), or -1. */
static int look_at(struct ese_sender *sender, int32_t partition, struct ese_error *error)
{
    int count = ese_decisions_read_open(sender->decisions, partition, sender->page,
                                        ESE_SENDER_INFLIGHT, error);
    for (int i = 0; i < count; i++)
        if (!in_hand(sender, &sender->page[i].id) && !take_in_hand(sender, &sender->page[i]))
            break;
    return count;
}

static void drop_taken(struct ese_sender *sender, const int32_t *partitions, int count)
{
    for (int i = 0; i < ESE_SENDER_INFLIGHT; i++) {
        struct slot *slot = &sender->slots[i];
        bool held = slot->stage != WAITING;
        for (int p = 0; p < count && !held; p++)
            held = partitions[p] == slot->decision.partition;
        if (!held)
            slot->stage = FREE;
    }
}

static int look(struct ese_sender *sender, struct ese_error *error)
{
    int32_t partitions[PARTITIONS];
    pthread_mutex_lock(&sender->lock);
    int count = sender->partition_count;
    uint64_t wakes = sender->wakes;
    memcpy(partitions, sender->partitions, (size_t)count * sizeof partitions[0]);
    pthread_mutex_unlock(&sender->lock);

    drop_taken(sender, partitions, count);
    int open = 0;
    for (int i = 0; i < count; i++) {
        int found = look_at(sender, partitions[(sender->first_partition + i) % count], error);
        if (found < 0)
            return -1;
        open += found;
    }
    if (open == 0)
        ese_contact_heard(sender->contact); /* as far as anybody wants to know */
    sender->first_partition = count == 0 ? 0 : (sender->first_partition + 1) % count;
    sender->look = false;
    sender->seen = wakes;

    pthread_mutex_lock(&sender->lock);
    sender->figures.open = open;
    if (open == 0)
        sender->settled = wakes;
    pthread_mutex_unlock(&sender->lock);
    return 0;
}

/* Asks what is due; returns for how many milliseconds there is nothing else to ask. */
static int ask_due(struct ese_sender *sender)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t wait_ns = IDLE_WAIT_MS * ESE_NS_PER_MS;
    for (int i = 0; i < ESE_SENDER_INFLIGHT; i++) {
        struct slot *slot = &sender->slots[i];
        if (slot->stage != WAITING)
            continue;
        if (slot->due_ns <= now_ns) {
            slot->stage = ASKED;
            ese_courier_ask(sender->courier, &slot->decision, slot);
        }
        if (slot->stage == WAITING && slot->due_ns - now_ns < wait_ns)
            wait_ns = slot->due_ns - now_ns;
    }
    return (int)((wait_ns + ESE_NS_PER_MS - 1) / ESE_NS_PER_MS);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static bool goes_on(struct ese_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    bool on = !sender->stopping;
    sender->look = sender->look || sender->wakes != sender->seen;
    pthread_mutex_unlock(&sender->lock);
    return on;
}

static int turn(struct ese_sender *sender, struct ese_error *error)
{
    if (sender->look && look(sender, error) != 0)
        return -1;
    ese_courier_poll(sender->courier, ask_due(sender));
    return note_answers(sender, error);
}

static int linger(struct ese_sender *sender, struct ese_error *error)
{
    int64_t end_ns = ese_clock_monotonic_ns() + sender->linger_ms * ESE_NS_PER_MS;
    int64_t left_ms = 0; /* look first: mostly there is nothing to wait for */
    for (;;) {
        int under_way = ese_courier_poll(sender->courier, (int)left_ms);
        if (note_answers(sender, error) != 0)
            return -1;
        left_ms = (end_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
        if (under_way == 0 || left_ms <= 0)
            return 0;
    }
}

static void *work(void *context)
{
    struct ese_sender *sender = context;
    struct ese_error error = {.code = ESE_OK};
    int result = 0;
    while (result == 0 && goes_on(sender))
        result = turn(sender, &error);
    if (result == 0)
        result = linger(sender, &error);
    if (result != 0) {
        ese_state_rollback(sender->state);
        pthread_mutex_lock(&sender->lock);
        sender->failed = true;
        sender->failure = error;
        pthread_mutex_unlock(&sender->lock);
    }
    return NULL;
}

/* ---- what others call ----------------------------------------------------------------------- */

/* What the mailer's answers count. */
static const enum ese_history_counter counters[] = {ESE_COUNT_MAILS_ASKED,
                                                    ESE_COUNT_MAILS_REFUSED};

static void free_sender(struct ese_sender *sender)
{
    ese_courier_close(&sender->courier);
    ese_account_close(&sender->account);
    ese_decisions_free(&sender->decisions);
    ese_state_close(&sender->state);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}

int ese_sender_open(const struct ese_sender_options *options, struct ese_sender **sender,
                    struct ese_error *error)
{
    struct ese_sender *opened = ese_alloc(sizeof *opened);
    pthread_mutex_init(&opened->lock, NULL);
    opened->history = options->history;
    opened->contact = options->contact;
    const struct ese_courier_options courier = {.mailer = options->mailer,
                                                .requests = options->requests,
                                                .token = options->token,
                                                .transport = options->state.transport,
                                                .answered = on_answer};
    if (ese_courier_open(&courier, &opened->courier, error) != 0 ||
        ese_state_open(&options->state, &opened->state, error) != 0 ||
        ese_account_open(ese_state_database(opened->state), opened->history, counters,
                         ESE_COUNT_OF(counters), &opened->account, error) != 0) {
        free_sender(opened);
        return -1;
    }
    opened->decisions = ese_decisions_new(ese_state_database(opened->state),
                                          options->state.transport);
    int refused = pthread_create(&opened->thread, NULL, work, opened);
    if (refused != 0) {
        free_sender(opened);
        return ese_fail(error, ESE_E_IO, "starting the sender's thread: %s", strerror(refused));
    }
    *sender = opened;
    return 0;
}

void ese_sender_wake(struct ese_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    sender->wakes++;
    pthread_mutex_unlock(&sender->lock);
    ese_courier_wake(sender->courier);
}

void ese_sender_give(struct ese_sender *sender, int32_t partition)
{
    pthread_mutex_lock(&sender->lock);
    int i = 0;
    while (i < sender->partition_count && sender->partitions[i] != partition)
        i++;
    assert(i < PARTITIONS);
    sender->partitions[i] = partition;
    sender->partition_count += i == sender->partition_count;
    pthread_mutex_unlock(&sender->lock);
    ese_sender_wake(sender);
}

void ese_sender_take(struct ese_sender *sender, int32_t partition)
{
    pthread_mutex_lock(&sender->lock);
    for (int i = 0; i < sender->partition_count; i++)
        if (sender->partitions[i] == partition)
            sender->partitions[i--] = sender->partitions[--sender->partition_count];
    pthread_mutex_unlock(&sender->lock);
    ese_sender_wake(sender);
}

bool ese_sender_idle(struct ese_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    bool idle = sender->settled == sender->wakes;
    pthread_mutex_unlock(&sender->lock);
    return idle;
}

struct ese_sender_figures ese_sender_figures(struct ese_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    struct ese_sender_figures figures = sender->figures;
    pthread_mutex_unlock(&sender->lock);
    return figures;
}

bool ese_sender_failed(struct ese_sender *sender, struct ese_error *error)
{
    pthread_mutex_lock(&sender->lock);
    bool failed = sender->failed;
    if (failed)
        *error = sender->failure;
    pthread_mutex_unlock(&sender->lock);
    return failed;
}

void ese_sender_close(struct ese_sender **sender, int linger_ms)
{
    if (*sender == NULL)
        return;
    pthread_mutex_lock(&(*sender)->lock);
    (*sender)->stopping = true;
    (*sender)->linger_ms = linger_ms;
    pthread_mutex_unlock(&(*sender)->lock);
    ese_courier_wake((*sender)->courier);
    pthread_join((*sender)->thread, NULL);
    free_sender(*sender);
    *sender = NULL;
}
