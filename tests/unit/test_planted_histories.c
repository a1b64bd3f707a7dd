/* A thousand random histories, over the promises of every transport: with one fault of a list planted,
 * each is caught; with what comes nearest to that fault and is none, each passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "orchestration/lab/judgement.h"
#include "tests/support/balance.h"
#include "tests/support/directory.h"
#include "tests/support/staged_run.h"
#include "transports/registry.h"

/* Sanitizers make a history three to ten times as dear, and what they look for is in each of them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HISTORIES 100
#else
#define HISTORIES 1000
#endif
#define FEWEST_EVENTS 30
#define STALE_AFTER_MS 60000
#define MORE_EVENTS 100

struct scene {
    uint64_t seed;
    const struct ese_transport *transport;
    const struct ese_promises *promises;
    struct ese_random random;
    struct staged_run *run;
    struct ese_deeds deeds;
};

static int below(struct scene *scene, int bound)
{
    return (int)ese_random_below(&scene->random, (uint64_t)bound);
}

static bool in_so_many(struct scene *scene, int cases)
{
    return below(scene, cases) == 0;
}

/* ---- looking at a run ------------------------------------------------------------------------ */

static struct staged_event *at(const struct staged_run *run, int place)
{
    return &run->events[run->log[place]];
}

static bool is_press(const struct staged_event *staged)
{
    return strcmp(staged->event.sub_type, ESE_SUB_TYPE_KEY_PRESS) == 0;
}

static bool is_acknowledged(const struct staged_event *staged)
{
    return staged->outcome == ESE_HISTORY_ACKNOWLEDGED;
}

static bool is_same_key(const struct staged_event *staged, const struct staged_event *other)
{
    return strcmp(staged->event.key, other->event.key) == 0;
}

static int copies(const struct staged_run *run, int event)
{
    int found = 0;
    for (int place = 0; place < run->log_count; place++)
        found += run->log[place] == event;
    return found;
}

/* Every event of its key is acknowledged, and in the store once, and still there; or was never stored. */
static bool is_clean(const struct staged_run *run, const struct staged_event *of)
{
    for (int i = 0; i < run->count; i++) {
        const struct staged_event *staged = &run->events[i];
        if (!is_same_key(staged, of))
            continue;
        bool is_stored = is_acknowledged(staged) && copies(run, i) == 1 &&
                         staged_run_place(run, i) >= run->gone;
        bool is_refused = staged->outcome == ESE_HISTORY_REFUSED || staged->outcome == ESE_HISTORY_NOT_SENT;
        bool is_absent = is_refused && copies(run, i) == 0;
        if (!is_stored && !is_absent)
            return false;
    }
    return true;
}

static bool is_wanted(const struct staged_run *run, int place)
{
    return is_press(at(run, place)) && is_clean(run, at(run, place));
}

/* A place of a clean key that holds a press; -1: there is none. */
static int a_press(struct scene *scene)
{
    const struct staged_run *run = scene->run;
    int from = below(scene, run->log_count);
    for (int i = 0; i < run->log_count; i++) {
        int place = (from + i) % run->log_count;
        if (is_wanted(run, place))
            return place;
    }
    return -1;
}

/* The next place that holds an event of the same key; -1: there is none. */
static int next_of_key(const struct staged_run *run, int place)
{
    for (int other = place + 1; other < run->log_count; other++) {
        if (is_same_key(at(run, place), at(run, other)))
            return other;
    }
    return -1;
}

static const struct staged_event *event_of(const struct staged_run *run, const struct ese_id *id)
{
    int event = 0;
    while (!ese_id_equal(&run->events[event].event.id, id))
        event++;
    return &run->events[event];
}

/* Every event of its key is acknowledged, and not all of them were kept. */
static bool is_touched(const struct staged_run *run, const struct staged_event *of)
{
    bool is_lost = false;
    for (int i = 0; i < run->count; i++) {
        const struct staged_event *staged = &run->events[i];
        if (!is_same_key(staged, of))
            continue;
        if (!is_acknowledged(staged))
            return false;
        is_lost |= copies(run, i) == 0;
    }
    return is_lost;
}

/* A decision, and with it its mail, of such a key; -1: there is none. */
static int a_decision_of(struct scene *scene, bool (*is_such)(const struct staged_run *, const struct staged_event *))
{
    const struct staged_run *run = scene->run;
    for (int i = 0, from = below(scene, 1000); i < run->decision_count; i++) {
        int decision = (from + i) % run->decision_count;
        if (is_such(run, event_of(run, &run->decisions[decision].events[0])))
            return decision;
    }
    return -1;
}

static int a_decision(struct scene *scene)
{
    return a_decision_of(scene, is_clean);
}

/* ---- drawing one without fault --------------------------------------------------------------- */

/* Neighbours of different keys change places, again and again. */
static void mix_keys(struct scene *scene)
{
    struct staged_run *run = scene->run;
    for (int times = below(scene, 3 * run->log_count); times > 0; times--) {
        int place = below(scene, run->log_count - 1);
        if (!is_same_key(at(run, place), at(run, place + 1)))
            staged_run_swap(run, place, place + 1);
    }
}

/* Behind some of those that came later. Its client had given it up by then. */
static void store_late(struct scene *scene, int event)
{
    struct staged_run *run = scene->run;
    int place = staged_run_place(run, event), last = place + below(scene, 30);
    for (; place < last && place + 1 < run->log_count; place++)
        staged_run_swap(run, place, place + 1);
    run->events[event].done_ns = run->events[event].due_ns;
}

/* Some whose answer was lost, or whose client was killed: stored in their place, late, or not at all. */
static void forget_outcomes(struct scene *scene)
{
    struct staged_run *run = scene->run;
    for (int i = 0; i < run->count; i++) {
        if (!is_acknowledged(&run->events[i]) || !in_so_many(scene, 20))
            continue;
        run->events[i].outcome = in_so_many(scene, 2) ? ESE_HISTORY_UNKNOWN : ESE_HISTORY_END;
        if (in_so_many(scene, 3))
            staged_run_drop(run, staged_run_place(run, i));
        else if (in_so_many(scene, 2) && scene->promises->positions_survive)
            store_late(scene, i);
    }
}

/* A retry that its store does not know again. */
static void store_again(struct scene *scene)
{
    struct staged_run *run = scene->run;
    for (int times = below(scene, 6); times > 0; times--) {
        int place = below(scene, run->log_count);
        if (is_acknowledged(at(run, place)))
            staged_run_append(run, run->log[place]);
    }
}

/* By clash, by age, and by the death of the store, and all of it noted. */
static void lose_some(struct scene *scene)
{
    struct staged_run *run = scene->run;
    run->second_life = in_so_many(scene, 2) ? below(scene, run->count) : 0;
    for (int place = run->log_count - 1; place >= 0; place--) {
        if (!is_acknowledged(at(run, place)) || !in_so_many(scene, 12))
            continue;
        bool has_died = run->log[place] < run->second_life && in_so_many(scene, 2);
        staged_run_lose(run, place, has_died               ? ESE_HISTORY_END
                                    : in_so_many(scene, 2) ? ESE_HISTORY_OVERWRITTEN
                                                           : ESE_HISTORY_EXPIRED);
    }
    run->is_long_ago = in_so_many(scene, 4);
}

static void draw(struct scene *scene)
{
    const struct ese_promises *promises = scene->promises;
    struct staged_run *run = staged_run_make(scene->seed, FEWEST_EVENTS + below(scene, MORE_EVENTS));
    scene->run = run;
    run->tells_losses = promises->tells_losses;
    mix_keys(scene);
    bool leaves = in_so_many(scene, 4);
    if (leaves)
        run->gone = below(scene, run->log_count / 3);
    forget_outcomes(scene);
    if (promises->tells_losses)
        lose_some(scene);
    else if (!promises->retry_stored_once && !leaves)
        store_again(scene);
    run->handed_twice = in_so_many(scene, 2) ? below(scene, run->log_count) : 0;
    run->late = below(scene, 3);
}

/* ---- faults, and what comes nearest to them -------------------------------------------------- */

static void make_unknown(struct scene *scene, int place)
{
    at(scene->run, place)->outcome = in_so_many(scene, 2) ? ESE_HISTORY_UNKNOWN : ESE_HISTORY_END;
}

static bool drop(struct scene *scene)
{
    int place = a_press(scene);
    if (place < 0 || scene->run->log[place] < scene->run->second_life) /* it would have died with its store */
        return false;
    staged_run_lose(scene->run, place, ESE_HISTORY_END);
    return true;
}

static bool drop_unknown(struct scene *scene)
{
    int place = a_press(scene);
    if (place < 0)
        return false;
    make_unknown(scene, place);
    staged_run_drop(scene->run, place);
    return true;
}

static bool pass_over(struct scene *scene)
{
    scene->run->passed_over = a_press(scene);
    return scene->run->passed_over >= 0;
}

static bool hand_all_twice(struct scene *scene)
{
    scene->run->handed_twice = scene->run->log_count;
    return true;
}

/* Two presses within a second become four. */
static bool hand_to_the_forgetful(struct scene *scene)
{
    const struct staged_run *run = scene->run;
    scene->run->is_forgetful = hand_all_twice(scene);
    for (int place = 0; place < run->log_count; place++) {
        int next = next_of_key(run, place);
        if (next < 0 || at(run, next)->event.client_ts - at(run, place)->event.client_ts > 1000)
            continue;
        if (is_wanted(run, place) && is_wanted(run, next))
            return true;
    }
    return false;
}

/* Its state was committed, and is an older one now. */
static bool take_back(struct scene *scene)
{
    if (scene->run->is_long_ago) /* nobody asks the state any more */
        return false;
    scene->run->taken_back = a_press(scene);
    return scene->run->taken_back >= 0;
}

static bool store_twice(struct scene *scene)
{
    int place = a_press(scene);
    if (place >= 0)
        staged_run_append(scene->run, scene->run->log[place]);
    return place >= 0;
}

/* By a cause that can be, or cannot. */
static bool lose_by(struct scene *scene, enum ese_history_kind how, enum staged_doubt doubt)
{
    struct staged_run *run = scene->run;
    int place = a_press(scene);
    if (place < 0)
        return false;
    run->doubted = run->log[place];
    run->doubt = doubt;
    staged_run_lose(run, place, how);
    return true;
}

static bool blame_another(struct scene *scene)
{
    static const enum staged_doubt doubts[] = {STAGED_BY_NOBODY, STAGED_BY_ONE_NOT_KEPT, STAGED_BY_ANOTHER_KEY,
                                               STAGED_BY_ANOTHER_TIME};
    return lose_by(scene, ESE_HISTORY_OVERWRITTEN, doubts[below(scene, ESE_COUNT_OF(doubts))]);
}

static bool overwrite(struct scene *scene)
{
    return lose_by(scene, ESE_HISTORY_OVERWRITTEN, STAGED_NO_DOUBT);
}

static bool blame_age(struct scene *scene)
{
    static const enum staged_doubt doubts[] = {STAGED_TOO_SOON, STAGED_BEFORE_IT_WAS_KEPT, STAGED_BEHIND_IT};
    return lose_by(scene, ESE_HISTORY_EXPIRED, doubts[below(scene, ESE_COUNT_OF(doubts))]);
}

static bool expire(struct scene *scene)
{
    return lose_by(scene, ESE_HISTORY_EXPIRED, STAGED_NO_DOUBT);
}

/* Its first events, one that was acknowledged among them. */
static bool lose_beginning(struct scene *scene)
{
    struct staged_run *run = scene->run;
    bool has_acknowledged = false;
    run->gone = run->gone > 0 ? run->gone : 1 + below(scene, run->log_count / 3);
    for (int place = 0; place < run->gone; place++)
        has_acknowledged |= is_acknowledged(at(run, place));
    return has_acknowledged;
}

static bool lose_beginning_silently(struct scene *scene)
{
    scene->run->is_silent = true;
    return lose_beginning(scene);
}

static bool lose_beginning_of_old(struct scene *scene)
{
    scene->run->is_of_old = true;
    return lose_beginning(scene);
}

/* Where it is drawn that some have left. */
static bool forget_beginning(struct scene *scene)
{
    return scene->run->gone > 0;
}

static bool read_back_as_of_old(struct scene *scene)
{
    scene->run->is_of_old = scene->run->gone == 0;
    return scene->run->is_of_old;
}

static int partition_of(const struct staged_run *run, int place)
{
    return (int)(ese_event_key_hash(at(run, place)->event.key) % STAGED_PARTITIONS);
}

/* The place before it in its partition, of those that are still there; -1: it is the first. */
static int before_in_partition(const struct staged_run *run, int place)
{
    int before = place - 1;
    while (before >= run->gone && partition_of(run, before) != partition_of(run, place))
        before--;
    return before >= run->gone ? before : -1;
}

static bool crowd(struct scene *scene)
{
    struct staged_run *run = scene->run;
    for (int place = run->log_count - 1; place > run->gone; place--) {
        int before = before_in_partition(run, place);
        if (before < 0 || run->log[before] == run->log[place]) /* or it is that one's, noted twice */
            continue;
        run->crowded = place;
        return true;
    }
    return false;
}

static bool note_again(struct scene *scene)
{
    scene->run->noted_again = scene->run->log_count - 1;
    return true;
}

static bool swap_within_key(struct scene *scene)
{
    int place = a_press(scene), other = place < 0 ? -1 : next_of_key(scene->run, place);
    if (other >= 0)
        staged_run_swap(scene->run, place, other);
    return other >= 0;
}

static bool swap_neighbours(struct scene *scene)
{
    struct staged_run *run = scene->run;
    for (int i = 0, from = below(scene, run->log_count); i < run->log_count; i++) {
        int place = (from + i) % run->log_count;
        if (place + 1 == run->log_count || is_same_key(at(run, place), at(run, place + 1)))
            continue;
        staged_run_swap(run, place, place + 1);
        return true;
    }
    return false;
}

/* Each lands in the partition of the other, away from the rest of its key. */
static bool swap_across_keys(struct scene *scene)
{
    struct staged_run *run = scene->run;
    int place = a_press(scene);
    if (place < 0 || next_of_key(run, place) < 0)
        return false;
    for (int other = 0; other < run->log_count; other++) {
        if (partition_of(run, other) == partition_of(run, place) || !is_wanted(run, other))
            continue;
        run->misplaced[0] = run->log[place];
        run->misplaced[1] = run->log[other];
        return true;
    }
    return false;
}

/* Two of a key, of which nothing is doubted. */
static bool a_pair(struct scene *scene, int pair[2])
{
    pair[0] = a_press(scene);
    pair[1] = pair[0] < 0 ? -1 : next_of_key(scene->run, pair[0]);
    return pair[1] >= 0;
}

/* One, and the next of another key in its partition, with none of its own key in between. */
static bool a_mixed_pair(struct scene *scene, int pair[2])
{
    const struct staged_run *run = scene->run;
    pair[0] = a_press(scene);
    for (pair[1] = pair[0] + 1; pair[0] >= 0 && pair[1] < run->log_count; pair[1]++) {
        if (is_same_key(at(run, pair[0]), at(run, pair[1])))
            break;
        if (is_wanted(run, pair[1]) && partition_of(run, pair[0]) == partition_of(run, pair[1]))
            return true;
    }
    pair[0] = pair[1] = -1;
    return false;
}

static bool hand_out_of_order(struct scene *scene)
{
    return a_pair(scene, scene->run->handed_behind);
}

static bool hand_keys_out_of_order(struct scene *scene)
{
    return a_mixed_pair(scene, scene->run->handed_behind);
}

/* Its successor begins behind what its predecessor has in hand. */
static bool take_over_beyond(struct scene *scene)
{
    return a_pair(scene, scene->run->taken_over);
}

static bool take_over_in_order(struct scene *scene)
{
    scene->run->is_taken_in_order = true;
    return a_pair(scene, scene->run->taken_over);
}

static bool commit_late(struct scene *scene)
{
    scene->run->committed_late_ns = STALE_AFTER_MS * ESE_NS_PER_MS;
    return true;
}

static bool commit_in_time(struct scene *scene)
{
    scene->run->committed_late_ns = STALE_AFTER_MS / 2 * ESE_NS_PER_MS;
    return true;
}

static bool retry(struct scene *scene)
{
    int place = a_press(scene);
    if (place < 0)
        return false;
    at(scene->run, place)->attempts = 2;
    staged_run_append(scene->run, scene->run->log[place]);
    return true;
}

/* Its server is killed at that time since it was sent. */
static bool retry_with_death(struct scene *scene, int64_t after_ns)
{
    int place = a_press(scene);
    if (place < 0)
        return false;
    struct staged_event *staged = at(scene->run, place);
    staged->attempts = 2;
    ese_deeds_add(&scene->deeds, &(struct ese_deed){.act = ESE_ACT_KILL, .roles = ESE_ROLE_BIT(ESE_ROLE_SERVER),
                                                    .done_ns = staged->sent_ns + after_ns});
    staged_run_append(scene->run, scene->run->log[place]);
    return true;
}

static bool retry_over_death(struct scene *scene)
{
    return retry_with_death(scene, 1);
}

static bool retry_before_death(struct scene *scene)
{
    return retry_with_death(scene, INT64_C(3600) * ESE_NS_PER_S);
}

static bool make_phantom(struct scene *scene)
{
    int place = a_press(scene);
    if (place < 0)
        return false;
    struct staged_event *staged = at(scene->run, place);
    bool is_sent = in_so_many(scene, 2);
    staged->outcome = is_sent ? ESE_HISTORY_REFUSED : ESE_HISTORY_NOT_SENT;
    staged->sent_ns = is_sent ? staged->sent_ns : 0;
    return true;
}

static bool store_unknown(struct scene *scene)
{
    int place = a_press(scene);
    if (place >= 0)
        make_unknown(scene, place);
    return place >= 0;
}

static bool store_unoffered(struct scene *scene)
{
    int place = a_press(scene);
    scene->run->unoffered = place < 0 ? -1 : scene->run->log[place];
    return place >= 0;
}

static const char *a_history(struct scene *scene)
{
    static const char *const names[] = {"client.history", "consumer-1.history", "store.history",
                                        "server.history"};
    return names[below(scene, scene->promises->tells_losses ? 4 : 3)];
}

static bool tear(struct scene *scene)
{
    scene->run->harmed = a_history(scene);
    return scene->run->is_torn = true;
}

static bool leave_unfinished(struct scene *scene)
{
    scene->run->unfinished = a_history(scene);
    return true;
}

/* ---- of decisions and mails ------------------------------------------------------------------ */

/* The position is where it would be had the state been committed, too. */
static bool lose_state(struct scene *scene)
{
    struct staged_run *run = scene->run;
    int decision = a_decision(scene);
    if (decision < 0)
        return false;
    run->decisions[decision] = run->decisions[--run->decision_count];
    staged_run_drop_mail(run, decision);
    return true;
}

static bool lose_mail_of(struct scene *scene, int decision, bool is_unknown)
{
    struct staged_run *run = scene->run;
    if (decision < 0)
        return false;
    if (is_unknown)
        run->unknown_mail = run->mails[decision];
    staged_run_drop_mail(run, decision);
    return true;
}

static bool lose_mail(struct scene *scene)
{
    return lose_mail_of(scene, a_decision(scene), false);
}

static bool lose_unknown_mail(struct scene *scene)
{
    return lose_mail_of(scene, a_decision(scene), true);
}

static bool lose_mail_of_a_touched_chain(struct scene *scene)
{
    return lose_mail_of(scene, a_decision_of(scene, is_touched), false);
}

static bool lose_unknown_mail_of_a_touched_chain(struct scene *scene)
{
    return lose_mail_of(scene, a_decision_of(scene, is_touched), true);
}

static bool double_mail(struct scene *scene)
{
    int mail = a_decision(scene);
    if (mail >= 0)
        staged_run_add_mail(scene->run, scene->run->mails[mail]);
    return mail >= 0;
}

static bool keep_unknown_mail(struct scene *scene)
{
    int mail = a_decision(scene);
    if (mail >= 0)
        scene->run->unknown_mail = scene->run->mails[mail];
    return mail >= 0;
}

/* How many presses of its key the chain that begins there has; 0: none begins there. */
static int presses_from(const struct staged_run *run, int event)
{
    const struct staged_event *first = &run->events[event];
    int64_t from_ts = first->event.client_ts, last_ts = from_ts;
    int presses = 0;
    for (int i = 0; i < run->count; i++) {
        const struct staged_event *other = &run->events[i];
        if (!is_same_key(other, first) || !is_press(other))
            continue;
        int64_t ts = other->event.client_ts;
        if (i < event && from_ts - ts <= 1000)
            return 0;
        if (i >= event && ts - last_ts > 1000)
            break;
        last_ts = i >= event ? ts : last_ts;
        presses += i >= event;
    }
    return presses;
}

static bool mail_without_third_press(struct scene *scene)
{
    struct staged_run *run = scene->run;
    for (int event = 0; event < run->count; event++) {
        const struct staged_event *staged = &run->events[event];
        int presses = is_press(staged) && is_acknowledged(staged) ? presses_from(run, event) : 0;
        if (presses < 1 || presses > 2 || !is_clean(run, staged))
            continue;
        const struct ese_id events[3] = {staged->event.id, staged->event.id, staged->event.id};
        struct ese_decision decision;
        ese_decision_make(&decision, "made-up", &staged->event, events, 3);
        staged_run_decide(run, &decision);
        return true;
    }
    return false;
}

/* Its third press is one of unknown outcome, and stored. */
static bool mail_with_unknown_press(struct scene *scene)
{
    struct staged_run *run = scene->run;
    int decision = a_decision(scene);
    if (decision < 0)
        return false;
    const struct ese_id *third = &run->decisions[decision].events[2];
    for (int i = 0; i < run->count; i++) {
        if (ese_id_equal(&run->events[i].event.id, third))
            run->events[i].outcome = ESE_HISTORY_UNKNOWN;
    }
    return true;
}

static bool mail_from_nowhere(struct scene *scene)
{
    staged_run_add_mail(scene->run, scene->run->events[below(scene, scene->run->count)].event.id);
    return true;
}

/* ---- the list -------------------------------------------------------------------------------- */

static bool keeps_order(const struct ese_promises *promises)
{
    return promises->ordered_per_key && promises->positions_survive;
}

static bool keeps_all(const struct ese_promises *promises)
{
    return promises->delivery == ESE_DELIVERY_AT_LEAST_ONCE && promises->replayable && promises->positions_survive;
}

static bool stores_once(const struct ese_promises *promises)
{
    return promises->retry_stored_once;
}

/* And may store what comes again: then nothing but the number of each cause tells of a fault. */
static bool stores_again(const struct ese_promises *promises)
{
    return keeps_all(promises) && !promises->retry_stored_once;
}

static bool tells_losses(const struct ese_promises *promises)
{
    return promises->tells_losses;
}

/* By not having any, or by telling each. */
static bool answers_for_losses(const struct ese_promises *promises)
{
    return promises->delivery == ESE_DELIVERY_AT_LEAST_ONCE || promises->tells_losses;
}

typedef bool plant(struct scene *scene); /* false: this history has no place for it */

struct fault {
    const char *name, *name_near;
    bool (*is_one)(const struct ese_promises *promises); /* NULL: over every transport */
    plant *strike, *strike_near;             /* before the consumer reads, */
    plant *strike_mails, *strike_mails_near; /* or when the mails have come */
    enum ese_verdict_word word;
    const char *reason;
    const char *cannot_tell; /* where the store tells of its losses; NULL: the same there */
    const char *counted;     /* the member of the ledger that counts it, and nothing beside it; NULL: it is the verdict
                                that tells */
};

static const struct fault faults[] = {
    {"an event dropped, or acknowledged before the commit", "dropped, of unknown outcome", answers_for_losses,
     drop, drop_unknown, NULL, NULL, ESE_VERDICT_FAIL, "events are lost", "noted no cause"},
    {"an event passed over by its reader", "handed twice", answers_for_losses,
     pass_over, hand_all_twice, NULL, NULL, ESE_VERDICT_FAIL, "events are lost", "not processed"},
    {"an event committed, and taken back from the state", "handed twice", tells_losses,
     take_back, hand_all_twice, NULL, NULL, ESE_VERDICT_CANNOT_TELL, "its state has not had them", NULL},
    {"a loss blamed on one that had not its place", "on one that had", tells_losses,
     blame_another, overwrite, NULL, NULL, ESE_VERDICT_CANNOT_TELL, "no cause that can be", NULL},
    {"a loss blamed on an age it did not have", "on one it had", tells_losses,
     blame_age, expire, NULL, NULL, ESE_VERDICT_CANNOT_TELL, "no cause that can be", NULL},
    {"a store that has lost its beginning", "what it said it had forgotten", keeps_all,
     lose_beginning_silently, forget_beginning, NULL, NULL, ESE_VERDICT_FAIL,
     "events are " /* lost; or, of one whose second copy is left, stored behind a later one */, NULL},
    {"a beginning lost that nobody asked for", "nobody asked, and all is there", keeps_all,
     lose_beginning_of_old, read_back_as_of_old, NULL, NULL, ESE_VERDICT_CANNOT_TELL, "has forgotten", NULL},
    {"two events at one place", "one, noted twice", keeps_all,
     crowd, note_again, NULL, NULL, ESE_VERDICT_CANNOT_TELL, "two events at one place", NULL},
    {"an event doubled in a store that knows retries", "handed twice", stores_once,
     store_twice, hand_all_twice, NULL, NULL, ESE_VERDICT_FAIL, "stored a second time", NULL},
    {"an event doubled, and the repeat window off", "handed twice", NULL,
     hand_to_the_forgetful, hand_all_twice, NULL, NULL, ESE_VERDICT_FAIL, "mails", NULL},
    {"two events swapped within a key", "neighbours of different keys swapped", keeps_order,
     swap_within_key, swap_neighbours, NULL, NULL, ESE_VERDICT_FAIL, "behind a later one", NULL},
    {"two events swapped across keys, into other partitions", "neighbours of different keys swapped",
     keeps_order, swap_across_keys, swap_neighbours, NULL, NULL, ESE_VERDICT_FAIL, "behind a later one",
     NULL},
    {"two of a key handed in the other order", "two of different keys", keeps_order,
     hand_out_of_order, hand_keys_out_of_order, NULL, NULL, ESE_VERDICT_FAIL, "within one ownership", NULL,
     "handed_out_of_order_by_within_ownership"},
    {"two of a key handed in the other order by two owners", "in their order", keeps_order,
     take_over_beyond, take_over_in_order, NULL, NULL, ESE_VERDICT_FAIL, "as their partition changed hands", NULL,
     "handed_out_of_order_by_after_rebalance"},
    {"an event passed over by its reader, and handed later", "handed twice", keeps_all,
     hand_keys_out_of_order, hand_all_twice, NULL, NULL, ESE_VERDICT_PASS, "", NULL, "passed_over_first"},
    {"events processed too late", "late, and within the bound", NULL,
     commit_late, commit_in_time, NULL, NULL, ESE_VERDICT_FAIL, "later after their acknowledgement", NULL, "stale"},
    {"an event doubled by a retry", "handed twice", stores_again,
     retry, hand_all_twice, NULL, NULL, ESE_VERDICT_PASS, "", NULL, "stored_twice_by_retry"},
    {"an event doubled by a retry after its server's death", "by one, and its server died later", stores_again,
     retry_over_death, retry_before_death, NULL, NULL, ESE_VERDICT_PASS, "", NULL, "stored_twice_by_death"},
    {"an event handed again by another owner", "by the same", keeps_all,
     take_over_in_order, hand_all_twice, NULL, NULL, ESE_VERDICT_PASS, "", NULL, "redelivered_by_return"},
    {"a phantom: refused or not sent, and stored", "of unknown outcome, and stored", NULL,
     make_phantom, store_unknown, NULL, NULL, ESE_VERDICT_FAIL, "stored though refused", NULL},
    {"a phantom: offered by nobody, and stored", "of unknown outcome, and stored", NULL,
     store_unoffered, store_unknown, NULL, NULL, ESE_VERDICT_FAIL, "stored though refused", NULL},
    {"a history with a record torn at its end", "its writer killed before a record was written", NULL,
     tear, leave_unfinished, NULL, NULL, ESE_VERDICT_CANNOT_TELL, ".history", NULL},
    {"the position committed before the state", "a mail missing of which the mailer does not know", NULL,
     NULL, NULL, lose_state, lose_unknown_mail, ESE_VERDICT_FAIL, "mails are missing", NULL},
    {"a mail missing", "a mail missing of which the mailer does not know", NULL,
     NULL, NULL, lose_mail, lose_unknown_mail, ESE_VERDICT_FAIL, "mails are missing", NULL},
    {"a mail missing of a chain that had lost events", "the same, and the mailer does not know", tells_losses,
     NULL, NULL, lose_mail_of_a_touched_chain, lose_unknown_mail_of_a_touched_chain, ESE_VERDICT_FAIL,
     "mails are missing", NULL},
    {"a mail doubled, or the outbox's unique key off", "once, and the mailer does not know", NULL,
     NULL, NULL, double_mail, keep_unknown_mail, ESE_VERDICT_FAIL, "came a second time", NULL},
    {"a mail for a chain that had no third press", "its third press of unknown outcome, and stored", NULL,
     NULL, NULL, mail_without_third_press, mail_with_unknown_press, ESE_VERDICT_FAIL, "no events account",
     NULL},
    {"a mail from nowhere", "once, and the mailer does not know", NULL,
     NULL, NULL, mail_from_nowhere, keep_unknown_mail, ESE_VERDICT_FAIL, "no events account", NULL},
};

static const struct ese_registry_entry *a_transport(struct ese_random *random)
{
    const struct ese_registry_entry *entries = ese_registry();
    int count = 0;
    while (entries[count].transport != NULL)
        count++;
    return &entries[ese_random_below(random, (uint64_t)count)];
}

/* The same history of a seed, whatever is planted in it. False: it has no place for that. */
static bool stage(struct scene *scene, uint64_t seed, plant *strike, plant *strike_mails)
{
    *scene = (struct scene){.seed = seed, .random = ese_random_seeded(seed, 2)};
    scene->transport = a_transport(&scene->random)->transport;
    scene->promises = &scene->transport->promises;
    draw(scene);
    bool is_struck = strike == NULL || strike(scene);
    staged_run_consume(scene->run);
    return is_struck && (strike_mails == NULL || strike_mails(scene));
}

static int64_t counted_as(const struct ese_judgement *judgement, const char *name)
{
    const struct ese_ledger_member *member = ese_ledger_members;
    while (strcmp(member->name, name) != 0)
        member++;
    return ese_ledger_get(&judgement->ledger, member);
}

/* Of one that is lost it is said as of one. */
static bool is_said(const char *reason, const char *told)
{
    static const char one[] = "1 acknowledged event is lost", ones[] = "1 acknowledged events are lost";
    char text[sizeof((struct ese_verdict *)NULL)->reason + sizeof ones];
    bool is_one = strncmp(told, one, strlen(one)) == 0;
    snprintf(text, sizeof text, "%s%s", is_one ? ones : "", is_one ? told + strlen(one) : told);
    return strstr(text, reason) != NULL;
}

/* counted: whether anything is to be, by what counts that fault. */
static void expect(struct scene *scene, const char *what, enum ese_verdict_word word, const char *reason,
                   const char *counter, bool counted)
{
    const struct ese_judge_options options = {.directory = scene->run->directory, .promises = scene->promises,
                                              .deeds = &scene->deeds, .stale_after_ms = STALE_AFTER_MS};
    struct ese_judgement judgement;
    struct ese_error error;
    staged_run_write(scene->run);
    assert_int_equal(ese_judge(&options, &judgement, &error), 0);
    const struct ese_verdict *verdict = &judgement.ledger_verdict;
    if (verdict->word != word || !is_said(reason, verdict->reason))
        fail_msg("seed %llu, over %s, %s: the verdict is %s: %s", (unsigned long long)scene->seed,
                 scene->transport->name, what, ese_verdict_text(verdict->word), verdict->reason);
    if (counter != NULL && (counted_as(&judgement, counter) > 0) != counted)
        fail_msg("seed %llu, over %s, %s: %lld are %s", (unsigned long long)scene->seed, scene->transport->name, what,
                 (long long)counted_as(&judgement, counter), counter);
    balance_check(&judgement);
    staged_run_free(&scene->run);
}

/* With the first fault from there on that this history has a place for, it is caught; without, and with
 * that fault's neighbour where there is a place for one, it passes. Returns which fault it was. */
static int try_both(uint64_t seed, int from)
{
    for (size_t i = 0; i < ESE_COUNT_OF(faults); i++) {
        const struct fault *fault = &faults[((size_t)from + i) % ESE_COUNT_OF(faults)];
        struct scene scene;
        bool is_struck = stage(&scene, seed, fault->strike, fault->strike_mails);
        if (!is_struck || (fault->is_one != NULL && !fault->is_one(scene.promises))) {
            staged_run_free(&scene.run);
            continue;
        }
        bool is_told = scene.promises->tells_losses && fault->cannot_tell != NULL;
        expect(&scene, fault->name, is_told ? ESE_VERDICT_CANNOT_TELL : fault->word,
               is_told ? fault->cannot_tell : fault->reason, fault->counted, true);
        bool has_neighbour = stage(&scene, seed, fault->strike_near, fault->strike_mails_near);
        expect(&scene, has_neighbour ? fault->name_near : "without fault", ESE_VERDICT_PASS, "", fault->counted,
               false);
        return (int)(fault - faults);
    }
    fail_msg("seed %llu: no fault could be planted", (unsigned long long)seed);
    return -1;
}

/* Over any of the transports that are there. */
static bool is_one_here(const struct fault *fault)
{
    bool is_one = fault->is_one == NULL;
    for (const struct ese_registry_entry *entry = ese_registry(); !is_one && entry->transport != NULL; entry++)
        is_one = fault->is_one(&entry->transport->promises);
    return is_one;
}

/* The one that was planted least often: some find a place in few histories. What can be planted nowhere here would
 * stay the rarest for ever, and the one behind it would be planted each time. */
static int rarest(const int planted[])
{
    int found = 0; /* which has a place over any transport */
    for (int i = 1; i < (int)ESE_COUNT_OF(faults); i++) {
        if (planted[i] < planted[found] && is_one_here(&faults[i]))
            found = i;
    }
    return found;
}

static void each_of_a_thousand_passes_and_is_caught_when_it_is_spoilt(void **state)
{
    (void)state;
    int planted[ESE_COUNT_OF(faults)] = {0};
    for (uint64_t seed = 1; seed <= HISTORIES; seed++)
        planted[try_both(seed, rarest(planted))]++;
    for (size_t i = 0; i < ESE_COUNT_OF(faults); i++) {
        print_message("# %d times %s\n", planted[i], faults[i].name);
        assert_int_equal(planted[i] > 0, is_one_here(&faults[i]));
    }
}

int main(void)
{
    ese_test_directories_in_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_a_thousand_passes_and_is_caught_when_it_is_spoilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
