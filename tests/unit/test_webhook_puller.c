/* A stream that is read page after page, from a server that answers whatever it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "tests/unit/webhook_server.h"
#include "transports/webhook/puller.h"

#define PATIENCE_MS 20000 /* for what is to come at all */
#define AT(position) "{\"stream\":\"click-events\",\"position\":" #position ",\"body\":\"YQ==\"}"

struct fixture {
    struct webhook_server server;
    struct ese_http_client *client;
    struct ese_webhook_puller *puller;
    struct ese_webhook_page page;
    int64_t position, fresh_ns, due_ns;
    struct ese_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    struct ese_error error = {0};

    webhook_server_init(&fixture->server);
    webhook_server_start(&fixture->server);
    assert_int_equal(ese_http_client_open(2, NULL, &fixture->client, &error), 0);
    fixture->puller = ese_webhook_puller_new(fixture->client, fixture->server.url, "click-events", 7);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ese_webhook_puller_hush(fixture->puller);
    webhook_server_stop(&fixture->server);
    ese_http_client_close(&fixture->client);
    ese_webhook_puller_free(&fixture->puller);
    ese_webhook_puller_free(&fixture->puller);
    ese_webhook_page_clear(&fixture->page);
    free(fixture);
    return 0;
}

/* ---- turning --------------------------------------------------------------------------------- */

static void turn(struct fixture *fixture)
{
    fixture->due_ns = ese_webhook_puller_turn(fixture->puller, fixture->position, fixture->fresh_ns, &fixture->error);
    ese_http_client_poll(fixture->client, 5, -1);
}

typedef bool condition(struct fixture *fixture);

static void turn_until(struct fixture *fixture, condition *holds)
{
    int64_t end_ns = ese_clock_monotonic_ns() + PATIENCE_MS * ESE_NS_PER_MS;

    while (!holds(fixture)) {
        turn(fixture);
        if (ese_clock_monotonic_ns() > end_ns)
            fail_msg("it did not come to that: %s", fixture->error.text);
    }
}

static int64_t newest(struct fixture *fixture)
{
    int64_t asked_ns;

    return ese_webhook_puller_newest(fixture->puller, &asked_ns);
}

static bool knows(struct fixture *fixture)
{
    return newest(fixture) >= 0;
}

static bool takes(struct fixture *fixture)
{
    return ese_webhook_puller_take(fixture->puller, &fixture->page);
}

static bool has_failed(struct fixture *fixture)
{
    return fixture->due_ns < 0;
}

static bool is_away(struct fixture *fixture)
{
    return ese_webhook_puller_away(fixture->puller) != NULL;
}

static bool is_back(struct fixture *fixture)
{
    return !is_away(fixture);
}

static bool one_is_kept(struct fixture *fixture)
{
    return webhook_server_has_kept(&fixture->server);
}

static int slices_of(struct fixture *fixture)
{
    return webhook_server_count(&fixture->server, &fixture->server.slices);
}

static bool was_asked_for_one_thrice(struct fixture *fixture)
{
    return slices_of(fixture) >= 6;
}

static bool was_asked_again(struct fixture *fixture)
{
    return slices_of(fixture) >= 2;
}

/* newest: NULL: it is not told. */
static void answer_with(struct fixture *fixture, int status, const char *page, const char *newest_text)
{
    webhook_server_lock(&fixture->server);
    fixture->server.slice_status = status;
    fixture->server.page = page;
    fixture->server.page_newest = newest_text;
    webhook_server_unlock(&fixture->server);
}

static void assert_asked_for(struct fixture *fixture, const char *slice)
{
    webhook_server_lock(&fixture->server);
    assert_string_equal(fixture->server.slice, slice);
    webhook_server_unlock(&fixture->server);
}

static void assert_limits(struct fixture *fixture, const char *limits)
{
    webhook_server_lock(&fixture->server);
    assert_string_equal(fixture->server.limits, limits);
    fixture->server.limits[0] = '\0';
    webhook_server_unlock(&fixture->server);
}

static void break_off_from(struct fixture *fixture, int events)
{
    webhook_server_lock(&fixture->server);
    fixture->server.breaks_from = events;
    webhook_server_unlock(&fixture->server);
}

static void fails_with(struct fixture *fixture, const char *said)
{
    turn_until(fixture, has_failed);
    assert_int_equal(fixture->error.code, ESE_E_INVALID);
    if (strstr(fixture->error.text, said) == NULL)
        fail_msg("'%s' does not say '%s'", fixture->error.text, said);
    turn(fixture);
    assert_true(has_failed(fixture)); /* for good */
    assert_false(takes(fixture));
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void page_after_page_comes(void **state)
{
    struct fixture *fixture = *state;

    assert_false(knows(fixture));
    assert_false(takes(fixture));
    answer_with(fixture, 200, "[" AT(3) "," AT(5) "]", "9");
    fixture->position = 2;
    turn_until(fixture, knows);
    assert_asked_for(fixture, "click-events/2/7");
    assert_int_equal(newest(fixture), 9);
    turn(fixture);
    assert_int_equal(fixture->due_ns, INT64_MAX); /* until it is taken */
    assert_int_equal(slices_of(fixture), 1);
    assert_true(takes(fixture));
    assert_int_equal(fixture->page.count, 2);
    assert_int_equal(fixture->page.events[1].position, 5);
    assert_false(takes(fixture));
    answer_with(fixture, 200, "[" AT(9) "]", "9");
    fixture->position = 5;
    turn_until(fixture, takes);
    assert_asked_for(fixture, "click-events/5/7");
    assert_int_equal(fixture->page.events[0].position, 9);
}

static void at_the_end_it_asks_again(void **state)
{
    struct fixture *fixture = *state;
    int64_t asked_ns;

    answer_with(fixture, 200, "[]", "4");
    fixture->position = 4;
    turn_until(fixture, knows);
    assert_false(takes(fixture)); /* an empty page is none */
    int64_t end_ns = ese_clock_monotonic_ns() + PATIENCE_MS / 4 * ESE_NS_PER_MS;
    do { /* until it is not asked just now, on a machine as slow as may be */
        ese_webhook_puller_newest(fixture->puller, &asked_ns);
        fixture->fresh_ns = asked_ns;
        turn(fixture);
        assert_true(ese_clock_monotonic_ns() < end_ns);
    } while (fixture->due_ns == INT64_MAX);
    assert_int_equal(fixture->due_ns, asked_ns + 50 * ESE_NS_PER_MS);
    answer_with(fixture, 200, "[" AT(5) "]", "5");
    turn_until(fixture, takes);
}

static void it_asks_at_once_where_somebody_wants_to_know(void **state)
{
    struct fixture *fixture = *state;

    answer_with(fixture, 200, "[]", "4");
    fixture->position = 4;
    turn_until(fixture, knows);
    fixture->fresh_ns = ese_clock_monotonic_ns();
    assert_int_equal(ese_webhook_puller_turn(fixture->puller, 4, fixture->fresh_ns, &fixture->error), INT64_MAX);
    turn_until(fixture, was_asked_again);
}

static void for_the_latest_it_asks_where_that_is(void **state)
{
    struct fixture *fixture = *state;

    answer_with(fixture, 200, "[]", "40");
    fixture->position = -1;
    turn_until(fixture, knows);
    assert_asked_for(fixture, "click-events/0/0");
    assert_int_equal(newest(fixture), 40);
    assert_false(takes(fixture));
    fixture->position = 40;
    answer_with(fixture, 200, "[" AT(41) "]", "41");
    turn_until(fixture, takes);
    assert_asked_for(fixture, "click-events/40/7");
}

static void what_it_says_of_the_newest_is_of_when_it_asked(void **state)
{
    struct fixture *fixture = *state;
    int64_t asked_ns;

    fixture->server.keeps = true;
    int64_t before_ns = ese_clock_monotonic_ns();
    turn_until(fixture, one_is_kept);
    int64_t kept_ns = ese_clock_monotonic_ns();
    assert_false(knows(fixture));
    webhook_server_release(&fixture->server);
    turn_until(fixture, knows);
    ese_webhook_puller_newest(fixture->puller, &asked_ns);
    assert_in_range(asked_ns, before_ns, kept_ns);
}

/* ---- servers that do not answer so ----------------------------------------------------------- */

static void what_only_says_later_is_asked_again(void **state)
{
    static const int later[] = {408, 429, 500, 503};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(later); i++) {
        answer_with(fixture, later[i], "not now", NULL);
        turn_until(fixture, is_away);
        answer_with(fixture, 200, "[]", "0");
        turn_until(fixture, is_back);
    }
    webhook_server_stop(&fixture->server);
    turn_until(fixture, is_away);
    assert_non_null(strstr(ese_webhook_puller_away(fixture->puller), "the server is away"));
    answer_with(fixture, 200, "[" AT(1) "]", "1");
    webhook_server_start(&fixture->server);
    turn_until(fixture, takes);
    assert_true(is_back(fixture));
}

static void what_does_not_come_whole_is_asked_for_by_halves(void **state)
{
    struct fixture *fixture = *state;

    break_off_from(fixture, 2);
    answer_with(fixture, 200, "[" AT(1) "]", "9");
    turn_until(fixture, takes);
    assert_limits(fixture, " 7 4 2 1");
    assert_true(is_back(fixture));
}

static void of_one_that_never_comes_it_is_still_one(void **state)
{
    struct fixture *fixture = *state;

    break_off_from(fixture, 1);
    turn_until(fixture, was_asked_for_one_thrice);
    assert_limits(fixture, " 7 4 2 1 1 1");
    assert_false(takes(fixture));
    assert_false(has_failed(fixture));
}

static void with_what_comes_slices_are_longer_again(void **state)
{
    struct fixture *fixture = *state;

    break_off_from(fixture, 5);
    answer_with(fixture, 200, "[" AT(1) "]", "9");
    for (int i = 0; i < 3; i++) /* and what is one too many is halved again */
        turn_until(fixture, takes);
    assert_limits(fixture, " 7 4 5 3 4");
    break_off_from(fixture, 0);
    for (int i = 0; i < 4; i++)
        turn_until(fixture, takes);
    assert_limits(fixture, " 5 6 7 7");
}

static void a_server_that_hangs_is_away(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.keeps = true;
    turn_until(fixture, one_is_kept);
    turn_until(fixture, is_away);
    assert_string_equal(ese_webhook_puller_away(fixture->puller), "the server does not answer");
    webhook_server_release(&fixture->server);
    turn_until(fixture, is_back);
    turn_until(fixture, knows);
}

/* Its client ends with a request under way. */
static void what_is_broken_off_at_the_end_is_let_go_of(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.keeps = true;
    turn_until(fixture, one_is_kept);
    ese_webhook_puller_hush(fixture->puller);
    ese_http_client_close(&fixture->client);
}

/* As retention, or who reads in between, may have it: there is more, but it cannot be read now. */
static void what_cannot_be_read_is_asked_for_again(void **state)
{
    struct fixture *fixture = *state;

    answer_with(fixture, 200, "[" AT(1) ",{}]", "2");
    turn_until(fixture, knows);
    int64_t known_ns = ese_clock_monotonic_ns();
    assert_false(takes(fixture));
    answer_with(fixture, 200, "[" AT(1) "," AT(2) "]", "2");
    turn_until(fixture, takes);
    assert_asked_for(fixture, "click-events/0/7");
    assert_int_equal(fixture->page.count, 2);
    assert_true(ese_clock_monotonic_ns() - known_ns > 500 * ESE_NS_PER_MS); /* not as fast as it can */
}

static void what_it_is_refused_for_is_told(void **state)
{
    struct fixture *fixture = *state;

    answer_with(fixture, 401, "who are you?", "0");
    fails_with(fixture, "/streams/click-events answered 401 to a request for events: who are you?");
}

static void who_does_not_say_where_the_stream_ends_is_no_server_of_ours(void **state)
{
    struct fixture *fixture = *state;

    answer_with(fixture, 200, "[]", NULL);
    fails_with(fixture, "answered 200");
}

static void nor_is_who_says_it_is_nowhere(void **state)
{
    struct fixture *fixture = *state;

    answer_with(fixture, 200, "[]", "-1");
    fails_with(fixture, "answered 200");
}

static void a_stream_that_ends_before_what_was_handed_has_lost_it(void **state)
{
    struct fixture *fixture = *state;

    answer_with(fixture, 200, "[]", "9");
    fixture->position = 10;
    fails_with(fixture, "ends at 9, and what is behind 10");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(page_after_page_comes),
        TEST(at_the_end_it_asks_again),
        TEST(it_asks_at_once_where_somebody_wants_to_know),
        TEST(for_the_latest_it_asks_where_that_is),
        TEST(what_it_says_of_the_newest_is_of_when_it_asked),
        TEST(what_only_says_later_is_asked_again),
        TEST(what_does_not_come_whole_is_asked_for_by_halves),
        TEST(of_one_that_never_comes_it_is_still_one),
        TEST(with_what_comes_slices_are_longer_again),
        TEST(a_server_that_hangs_is_away),
        TEST(what_is_broken_off_at_the_end_is_let_go_of),
        TEST(what_cannot_be_read_is_asked_for_again),
        TEST(what_it_is_refused_for_is_told),
        TEST(who_does_not_say_where_the_stream_ends_is_no_server_of_ours),
        TEST(nor_is_who_says_it_is_nowhere),
        TEST(a_stream_that_ends_before_what_was_handed_has_lost_it),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
