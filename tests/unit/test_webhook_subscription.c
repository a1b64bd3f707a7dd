/* A subscription of the webhook transport, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "transports/webhook/subscription.h"

#define URL "http://127.0.0.1:9/hook"
#define S ESE_NS_PER_S

struct scene {
    struct ese_webhook_subscription subscription;
    int64_t now_ns;
};

static struct ese_webhook_wish make_wish(struct ese_webhook_retry retry, enum ese_webhook_poison poison, int batch)
{
    struct ese_webhook_wish wish = {.batch = batch, .retry = retry, .poison = poison};

    ese_fit_text(wish.name, sizeof(wish.name), "one");
    ese_fit_text(wish.stream, sizeof(wish.stream), "clicks");
    wish.url = ese_copy_text(URL);
    wish.headers = ese_copy_text("");
    wish.signed_by = ese_copy_text("");
    return wish;
}

static void begin_with(struct scene *scene, struct ese_webhook_retry retry, enum ese_webhook_poison poison, int batch)
{
    struct ese_webhook_wish wish = make_wish(retry, poison, batch);

    scene->now_ns = 1000 * S;
    ese_webhook_subscription_init(&scene->subscription, &wish, 0);
    assert_null(wish.url);
}

static void begin(struct scene *scene)
{
    begin_with(scene, (struct ese_webhook_retry)ESE_WEBHOOK_RETRY_DEFAULT, ESE_WEBHOOK_STOP, 1);
}

static void end(struct scene *scene)
{
    ese_webhook_subscription_clear(&scene->subscription);
}

static enum ese_webhook_verdict answer(struct scene *scene, const struct ese_webhook_outcome *outcome)
{
    return ese_webhook_subscription_answer(&scene->subscription, outcome, scene->now_ns);
}

/* Pushes the event at that position, which is answered with that status; 0: not at all. */
static enum ese_webhook_verdict push(struct scene *scene, int64_t position, int status)
{
    const struct ese_webhook_outcome outcome = {
        .status = status, .retry_after_ms = -1, .problem = "no route", .count = 1, .last = position};

    assert_true(ese_webhook_subscription_due(&scene->subscription, scene->now_ns));
    ese_webhook_subscription_begin(&scene->subscription);
    assert_false(ese_webhook_subscription_due(&scene->subscription, INT64_MAX));
    assert_int_equal(ese_webhook_subscription_state(&scene->subscription), ESE_WEBHOOK_UNDER_WAY);
    return answer(scene, &outcome);
}

/* It is due that many seconds from now and not a nanosecond before; and then it is. */
static void pass_s(struct scene *scene, int64_t seconds)
{
    assert_int_equal(ese_webhook_subscription_state(&scene->subscription), ESE_WEBHOOK_WAITING);
    assert_false(ese_webhook_subscription_due(&scene->subscription, scene->now_ns + seconds * S - 1));
    scene->now_ns += seconds * S;
    assert_true(ese_webhook_subscription_due(&scene->subscription, scene->now_ns));
}

/* ---- the schedule ---------------------------------------------------------------------------- */

static void the_originals_schedule_ends_in_a_pause(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    for (int64_t wait = 8; wait <= 64; wait *= 2) {
        assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
        pass_s(&scene, wait);
    }
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_GIVEN_UP);
    assert_int_equal(ese_webhook_subscription_state(&scene.subscription), ESE_WEBHOOK_PAUSED);
    assert_false(scene.subscription.active);
    assert_string_equal(scene.subscription.pause_reason, "HTTP call to " URL " failed with error code 500");
    assert_false(ese_webhook_subscription_due(&scene.subscription, INT64_MAX));
    assert_int_equal(scene.subscription.position, 0);
    end(&scene);
}

static void what_was_not_answered_says_why(void **state)
{
    struct scene scene;

    (void)state;
    begin_with(&scene, (struct ese_webhook_retry){.tries = 1, .first_ms = 1, .most_ms = 1}, ESE_WEBHOOK_STOP, 1);
    assert_int_equal(push(&scene, 1, 0), ESE_WEBHOOK_GIVEN_UP);
    assert_string_equal(scene.subscription.pause_reason, "HTTP call to " URL " failed: no route");
    end(&scene);
}

static void the_labs_schedule_never_ends(void **state)
{
    struct scene scene;

    (void)state;
    begin_with(&scene, (struct ese_webhook_retry){.tries = 0, .first_ms = 1000, .most_ms = 3000}, ESE_WEBHOOK_STOP, 1);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
        pass_s(&scene, i == 0 ? 1 : i == 1 ? 2 : 3);
    }
    assert_int_equal(scene.subscription.attempts, 2000);
    end(&scene);
}

static void who_has_taken_one_has_all_tries_for_the_next(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 8);
    assert_int_equal(push(&scene, 1, 200), ESE_WEBHOOK_TAKEN);
    assert_int_equal(scene.subscription.attempts, 0);
    assert_int_equal(push(&scene, 2, 500), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 8);
    end(&scene);
}

static void success_is_from_200_to_300(void **state)
{
    static const struct {
        int status;
        bool taken;
    } cases[] = {{200, true},  {201, true},  {204, true},  {299, true},  {300, true},  {0, false},   {100, false},
                 {301, false}, {302, false}, {303, false}, {304, false}, {307, false}, {400, false}, {404, false},
                 {410, false}, {429, false}, {500, false}, {503, false}};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct scene scene;
        begin(&scene);
        assert_int_equal(push(&scene, 7, cases[i].status), cases[i].taken ? ESE_WEBHOOK_TAKEN : ESE_WEBHOOK_AGAIN);
        assert_int_equal(scene.subscription.position, cases[i].taken ? 7 : 0);
        end(&scene);
    }
}

static enum ese_webhook_verdict push_busy(struct scene *scene, int status, int64_t retry_after_ms)
{
    const struct ese_webhook_outcome outcome = {
        .status = status, .retry_after_ms = retry_after_ms, .count = 1, .last = 1};

    ese_webhook_subscription_begin(&scene->subscription);
    return answer(scene, &outcome);
}

static void who_asks_for_time_has_it(void **state)
{
    static const struct {
        int status;
        int64_t asked_s, waited_s;
    } cases[] = {{429, 30, 30}, {503, 30, 30}, {503, 3, 8}, {500, 30, 8}, {503, 100000, 3600}};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct scene scene;
        begin(&scene);
        assert_int_equal(push_busy(&scene, cases[i].status, cases[i].asked_s * 1000), ESE_WEBHOOK_AGAIN);
        pass_s(&scene, cases[i].waited_s);
        end(&scene);
    }
}

/* ---- the position ---------------------------------------------------------------------------- */

static void the_position_only_moves_forward(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    assert_int_equal(push(&scene, 9, 200), ESE_WEBHOOK_TAKEN);
    assert_int_equal(push(&scene, 4, 200), ESE_WEBHOOK_TAKEN);
    assert_int_equal(scene.subscription.position, 9);
    end(&scene);
}

static void a_position_that_is_set_voids_what_is_under_way(void **state)
{
    const struct ese_webhook_outcome taken = {.status = 200, .retry_after_ms = -1, .count = 1, .last = 10};
    struct scene scene;

    (void)state;
    begin(&scene);
    assert_int_equal(push(&scene, 9, 200), ESE_WEBHOOK_TAKEN);
    ese_webhook_subscription_begin(&scene.subscription);
    ese_webhook_subscription_seek(&scene.subscription, 2);
    assert_false(ese_webhook_subscription_due(&scene.subscription, INT64_MAX)); /* one under way */
    assert_int_equal(answer(&scene, &taken), ESE_WEBHOOK_NOTHING);
    assert_int_equal(scene.subscription.position, 2);
    assert_int_equal(push(&scene, 3, 200), ESE_WEBHOOK_TAKEN); /* and that one counts again */
    assert_int_equal(scene.subscription.position, 3);
    end(&scene);
}

static void what_was_under_way_before_it_is_void(void **state)
{
    const struct ese_webhook_outcome taken = {.status = 200, .retry_after_ms = -1, .count = 1, .last = 10};
    struct scene scene;

    (void)state;
    begin(&scene);
    ese_webhook_subscription_follow(&scene.subscription);
    assert_int_equal(ese_webhook_subscription_state(&scene.subscription), ESE_WEBHOOK_UNDER_WAY);
    assert_false(ese_webhook_subscription_due(&scene.subscription, INT64_MAX));
    assert_int_equal(answer(&scene, &taken), ESE_WEBHOOK_NOTHING);
    assert_int_equal(scene.subscription.position, 0);
    assert_int_equal(push(&scene, 1, 200), ESE_WEBHOOK_TAKEN);
    end(&scene);
}

/* ---- poison ---------------------------------------------------------------------------------- */

static void a_poisoned_event_is_set_aside_after_its_tries(void **state)
{
    struct scene scene;

    (void)state;
    begin_with(&scene, (struct ese_webhook_retry){.tries = 3, .first_ms = 1000, .most_ms = 9000}, ESE_WEBHOOK_ASIDE, 1);
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 1);
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 2);
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_SET_ASIDE);
    assert_true(scene.subscription.active);
    ese_webhook_subscription_pass(&scene.subscription, 1);
    assert_int_equal(scene.subscription.position, 1);
    assert_int_equal(push(&scene, 2, 500), ESE_WEBHOOK_AGAIN); /* with all its tries */
    pass_s(&scene, 1);
    end(&scene);
}

static void of_a_batch_each_event_is_tried_alone(void **state)
{
    const struct ese_webhook_outcome failed = {.status = 500, .retry_after_ms = -1, .count = 3, .last = 3};
    struct scene scene;

    (void)state;
    begin_with(&scene, (struct ese_webhook_retry){.tries = 1, .first_ms = 1, .most_ms = 1}, ESE_WEBHOOK_ASIDE, 100);
    assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 100);
    ese_webhook_subscription_begin(&scene.subscription);
    assert_int_equal(answer(&scene, &failed), ESE_WEBHOOK_AGAIN);
    scene.now_ns += S;
    for (int64_t position = 1; position <= 3; position++) {
        assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 1);
        assert_int_equal(push(&scene, position, position == 2 ? 500 : 200),
                         position == 2 ? ESE_WEBHOOK_SET_ASIDE : ESE_WEBHOOK_TAKEN);
        ese_webhook_subscription_pass(&scene.subscription, position);
    }
    assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 100);
    end(&scene);
}

static void a_batch_stops_in_front_of_the_poisoned_event(void **state)
{
    const struct ese_webhook_outcome failed = {.status = 500, .retry_after_ms = -1, .count = 3, .last = 3};
    struct scene scene;

    (void)state;
    begin_with(&scene, (struct ese_webhook_retry){.tries = 1, .first_ms = 1, .most_ms = 1}, ESE_WEBHOOK_STOP, 100);
    ese_webhook_subscription_begin(&scene.subscription);
    assert_int_equal(answer(&scene, &failed), ESE_WEBHOOK_AGAIN);
    scene.now_ns += S;
    assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 1);
    assert_int_equal(push(&scene, 1, 200), ESE_WEBHOOK_TAKEN);
    assert_int_equal(push(&scene, 2, 500), ESE_WEBHOOK_GIVEN_UP);
    assert_int_equal(scene.subscription.position, 1);
    assert_true(ese_webhook_subscription_resume(&scene.subscription));
    assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 1); /* what is behind it has not been tried */
    assert_int_equal(push(&scene, 2, 200), ESE_WEBHOOK_TAKEN);
    assert_int_equal(push(&scene, 3, 200), ESE_WEBHOOK_TAKEN);
    assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 100);
    end(&scene);
}

/* A page of positions 1 to 3. */
static enum ese_webhook_verdict push_page(struct scene *scene, int status)
{
    const struct ese_webhook_outcome outcome = {.status = status, .retry_after_ms = -1, .count = 3, .last = 3};

    assert_int_equal(ese_webhook_subscription_batch(&scene->subscription), 100);
    assert_true(ese_webhook_subscription_due(&scene->subscription, scene->now_ns));
    ese_webhook_subscription_begin(&scene->subscription);
    return answer(scene, &outcome);
}

/* Whatever tries it has: 0 is for as long as it takes. */
static void a_page_that_is_too_large_is_split_at_once(void **state)
{
    static const int tries[] = {0, 1, 3, 1000};
    struct scene scene;

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(tries); i++) {
        begin_with(&scene, (struct ese_webhook_retry){.tries = tries[i], .first_ms = 1000, .most_ms = 1000},
                   ESE_WEBHOOK_STOP, 100);
        assert_int_equal(push_page(&scene, 413), ESE_WEBHOOK_AGAIN);
        assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 1);
        assert_int_equal(push(&scene, 1, 200), ESE_WEBHOOK_TAKEN);
        assert_int_equal(push(&scene, 2, 413), tries[i] == 1 ? ESE_WEBHOOK_GIVEN_UP : ESE_WEBHOOK_AGAIN);
        assert_int_equal(scene.subscription.attempts, 1); /* an event is not split any further */
        if (tries[i] != 1)
            pass_s(&scene, 1);
        end(&scene);
    }
}

static void a_page_that_goes_on_failing_is_split(void **state)
{
    static const struct {
        int tries, of_a_page;
    } cases[] = {{0, 5}, {2, 2}, {5, 5}, {1000, 5}};
    struct scene scene;

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        begin_with(&scene, (struct ese_webhook_retry){.tries = cases[i].tries, .first_ms = 1000, .most_ms = 1000},
                   ESE_WEBHOOK_STOP, 100);
        for (int attempt = 1; attempt <= cases[i].of_a_page; attempt++) {
            assert_int_equal(push_page(&scene, 500), ESE_WEBHOOK_AGAIN);
            pass_s(&scene, 1);
        }
        for (int64_t position = 1; position <= 3; position++) {
            assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 1);
            assert_int_equal(push(&scene, position, 200), ESE_WEBHOOK_TAKEN);
        }
        assert_int_equal(ese_webhook_subscription_batch(&scene.subscription), 100);
        end(&scene);
    }
}

/* Of whatever becomes of what has failed. */
static void who_asks_for_time_has_it_before_another_event_too(void **state)
{
    static const struct {
        int count;
        int status;
        int64_t waited_s;
        enum ese_webhook_verdict verdict;
    } cases[] = {{3, 503, 30, ESE_WEBHOOK_AGAIN},     {3, 500, 1, ESE_WEBHOOK_AGAIN},
                 {1, 429, 30, ESE_WEBHOOK_SET_ASIDE}, {1, 500, 0, ESE_WEBHOOK_SET_ASIDE}};
    struct scene scene;

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        const struct ese_webhook_outcome failed = {
            .status = cases[i].status, .retry_after_ms = 30000, .count = cases[i].count, .last = cases[i].count};
        begin_with(&scene, (struct ese_webhook_retry){.tries = 1, .first_ms = 1000, .most_ms = 1000}, ESE_WEBHOOK_ASIDE,
                   100);
        ese_webhook_subscription_begin(&scene.subscription);
        assert_int_equal(answer(&scene, &failed), cases[i].verdict);
        if (cases[i].verdict == ESE_WEBHOOK_SET_ASIDE)
            ese_webhook_subscription_pass(&scene.subscription, 1);
        pass_s(&scene, cases[i].waited_s);
        assert_int_equal(push(&scene, cases[i].verdict == ESE_WEBHOOK_SET_ASIDE ? 2 : 1, 200), ESE_WEBHOOK_TAKEN);
        assert_true(ese_webhook_subscription_due(&scene.subscription, scene.now_ns));
        end(&scene);
    }
}

/* ---- idle, wake, pause, resume --------------------------------------------------------------- */

static void who_has_all_waits_until_there_is_more(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    ese_webhook_subscription_rest(&scene.subscription);
    assert_int_equal(ese_webhook_subscription_state(&scene.subscription), ESE_WEBHOOK_IDLE);
    assert_false(ese_webhook_subscription_due(&scene.subscription, INT64_MAX));
    assert_true(ese_webhook_subscription_grown(&scene.subscription));
    assert_false(ese_webhook_subscription_grown(&scene.subscription));
    assert_int_equal(push(&scene, 1, 200), ESE_WEBHOOK_TAKEN);
    end(&scene);
}

static void growth_shortens_no_wait(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
    assert_false(ese_webhook_subscription_grown(&scene.subscription));
    pass_s(&scene, 8);
    end(&scene);
}

static void a_stream_that_cannot_be_read_is_no_attempt(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    ese_webhook_subscription_postpone(&scene.subscription, scene.now_ns + S);
    assert_int_equal(scene.subscription.attempts, 0);
    pass_s(&scene, 1);
    end(&scene);
}

static void what_could_not_be_sent_is_no_attempt(void **state)
{
    const struct ese_webhook_outcome unsent = {.unsent = true, .problem = "Too many open files", .count = 1, .last = 1};
    struct scene scene;

    (void)state;
    begin_with(&scene, (struct ese_webhook_retry){.tries = 2, .first_ms = 8000, .most_ms = 8000}, ESE_WEBHOOK_STOP, 1);
    for (int i = 0; i < 5; i++) {
        ese_webhook_subscription_begin(&scene.subscription);
        assert_int_equal(answer(&scene, &unsent), ESE_WEBHOOK_UNSENT);
        pass_s(&scene, 1);
    }
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 8);
    ese_webhook_subscription_begin(&scene.subscription);
    ese_webhook_subscription_wake(&scene.subscription);
    assert_int_equal(answer(&scene, &unsent), ESE_WEBHOOK_UNSENT);
    assert_true(ese_webhook_subscription_due(&scene.subscription, scene.now_ns)); /* whoever wakes it means at once */
    ese_webhook_subscription_begin(&scene.subscription);
    ese_webhook_subscription_pause(&scene.subscription, "asked for");
    assert_int_equal(answer(&scene, &unsent), ESE_WEBHOOK_UNSENT);
    assert_int_equal(ese_webhook_subscription_state(&scene.subscription), ESE_WEBHOOK_PAUSED);
    end(&scene);
}

static void who_is_woken_is_tried_at_once(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    assert_int_equal(push(&scene, 1, 0), ESE_WEBHOOK_AGAIN);
    assert_false(ese_webhook_subscription_due(&scene.subscription, scene.now_ns));
    ese_webhook_subscription_wake(&scene.subscription);
    assert_int_equal(push(&scene, 1, 0), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 8); /* the schedule begins anew */
    end(&scene);
}

static void who_is_woken_while_tried_is_tried_again_at_once(void **state)
{
    const struct ese_webhook_outcome lost = {.problem = "reset", .retry_after_ms = -1, .count = 1, .last = 1};
    struct scene scene;

    (void)state;
    begin(&scene);
    ese_webhook_subscription_begin(&scene.subscription);
    ese_webhook_subscription_wake(&scene.subscription);
    assert_int_equal(answer(&scene, &lost), ESE_WEBHOOK_AGAIN);
    assert_int_equal(scene.subscription.attempts, 0);
    assert_int_equal(push(&scene, 1, 0), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 8);
    end(&scene);
}

static void a_paused_one_is_resumed_once(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    assert_false(ese_webhook_subscription_resume(&scene.subscription));
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
    assert_false(ese_webhook_subscription_resume(&scene.subscription)); /* of an active one: changes nothing */
    assert_false(ese_webhook_subscription_due(&scene.subscription, scene.now_ns));
    assert_true(ese_webhook_subscription_pause(&scene.subscription, "API request"));
    assert_false(ese_webhook_subscription_pause(&scene.subscription, "another"));
    assert_string_equal(scene.subscription.pause_reason, "API request");
    assert_false(ese_webhook_subscription_due(&scene.subscription, INT64_MAX));
    assert_true(ese_webhook_subscription_resume(&scene.subscription));
    assert_string_equal(scene.subscription.pause_reason, "");
    assert_int_equal(push(&scene, 1, 500), ESE_WEBHOOK_AGAIN);
    pass_s(&scene, 8);
    end(&scene);
}

static void what_is_taken_during_a_pause_counts(void **state)
{
    const struct ese_webhook_outcome taken = {.status = 200, .retry_after_ms = -1, .count = 1, .last = 1};
    struct scene scene;

    (void)state;
    begin(&scene);
    ese_webhook_subscription_begin(&scene.subscription);
    ese_webhook_subscription_pause(&scene.subscription, "API request");
    assert_int_equal(answer(&scene, &taken), ESE_WEBHOOK_TAKEN);
    assert_int_equal(scene.subscription.position, 1);
    assert_int_equal(ese_webhook_subscription_state(&scene.subscription), ESE_WEBHOOK_PAUSED);
    end(&scene);
}

static void pause_and_resume_while_one_is_under_way_sends_no_second(void **state)
{
    const struct ese_webhook_outcome failed = {.status = 500, .retry_after_ms = -1, .count = 1, .last = 1};
    struct scene scene;

    (void)state;
    begin(&scene);
    ese_webhook_subscription_begin(&scene.subscription);
    ese_webhook_subscription_pause(&scene.subscription, "API request");
    ese_webhook_subscription_resume(&scene.subscription);
    assert_false(ese_webhook_subscription_due(&scene.subscription, INT64_MAX));
    assert_int_equal(answer(&scene, &failed), ESE_WEBHOOK_AGAIN);
    assert_true(ese_webhook_subscription_due(&scene.subscription, scene.now_ns));
    end(&scene);
}

/* ---- what may be asked for ------------------------------------------------------------------- */

static void numbers_out_of_range_are_named(void **state)
{
    static const struct {
        int batch;
        struct ese_webhook_retry retry;
        enum ese_webhook_poison poison;
        const char *named; /* NULL: it is good */
    } cases[] = {
        {1, ESE_WEBHOOK_RETRY_DEFAULT, ESE_WEBHOOK_STOP, NULL},
        {1000, {1000, 3600000, 3600000}, ESE_WEBHOOK_ASIDE, NULL},
        {0, ESE_WEBHOOK_RETRY_DEFAULT, ESE_WEBHOOK_STOP, "batch: 0 "},
        {1001, ESE_WEBHOOK_RETRY_DEFAULT, ESE_WEBHOOK_STOP, "batch: 1001 "},
        {1, {-1, 1, 1}, ESE_WEBHOOK_STOP, "retry.tries: -1 "},
        {1, {1001, 1, 1}, ESE_WEBHOOK_STOP, "retry.tries: 1001 "},
        {1, {1, 0, 1}, ESE_WEBHOOK_STOP, "retry.first_ms: 0 "},
        {1, {1, 3600001, 3600001}, ESE_WEBHOOK_STOP, "retry.first_ms: 3600001 "},
        {1, {1, 2, 1}, ESE_WEBHOOK_STOP, "retry.most_ms: 1 "},
        {1, {1, 2, 3600001}, ESE_WEBHOOK_STOP, "retry.most_ms: 3600001 "},
        {1, {0, 1, 1}, ESE_WEBHOOK_ASIDE, "retry.tries: 0 "},
    };

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_webhook_wish wish = make_wish(cases[i].retry, cases[i].poison, cases[i].batch);
        struct ese_error error = {0};
        assert_int_equal(ese_webhook_wish_check(&wish, &error), cases[i].named == NULL ? 0 : -1);
        if (cases[i].named != NULL)
            assert_non_null(strstr(error.text, cases[i].named));
        ese_webhook_wish_clear(&wish);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_originals_schedule_ends_in_a_pause),
        cmocka_unit_test(what_was_not_answered_says_why),
        cmocka_unit_test(the_labs_schedule_never_ends),
        cmocka_unit_test(who_has_taken_one_has_all_tries_for_the_next),
        cmocka_unit_test(success_is_from_200_to_300),
        cmocka_unit_test(who_asks_for_time_has_it),
        cmocka_unit_test(the_position_only_moves_forward),
        cmocka_unit_test(a_position_that_is_set_voids_what_is_under_way),
        cmocka_unit_test(what_was_under_way_before_it_is_void),
        cmocka_unit_test(a_poisoned_event_is_set_aside_after_its_tries),
        cmocka_unit_test(of_a_batch_each_event_is_tried_alone),
        cmocka_unit_test(a_batch_stops_in_front_of_the_poisoned_event),
        cmocka_unit_test(a_page_that_is_too_large_is_split_at_once),
        cmocka_unit_test(a_page_that_goes_on_failing_is_split),
        cmocka_unit_test(who_asks_for_time_has_it_before_another_event_too),
        cmocka_unit_test(who_has_all_waits_until_there_is_more),
        cmocka_unit_test(growth_shortens_no_wait),
        cmocka_unit_test(a_stream_that_cannot_be_read_is_no_attempt),
        cmocka_unit_test(what_could_not_be_sent_is_no_attempt),
        cmocka_unit_test(who_is_woken_is_tried_at_once),
        cmocka_unit_test(who_is_woken_while_tried_is_tried_again_at_once),
        cmocka_unit_test(a_paused_one_is_resumed_once),
        cmocka_unit_test(what_is_taken_during_a_pause_counts),
        cmocka_unit_test(pause_and_resume_while_one_is_under_way_sends_no_second),
        cmocka_unit_test(numbers_out_of_range_are_named),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
