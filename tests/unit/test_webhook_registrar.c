/* A subscription as its subscriber sees to it, against a server that answers whatever it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "tests/unit/webhook_server.h"
#include "transports/webhook/registrar.h"

#define PATIENCE_MS 20000 /* for what is to come at all */
#define URL "http://127.0.0.1:9/push/click-events"

struct fixture {
    struct webhook_server server;
    struct ese_http_client *client;
    struct ese_webhook_registrar *registrar;
    int64_t handed, fresh_ns, due_ns;
    bool is_busy, has_failed, believes;
    struct ese_error error;
};

static void open_registrar(struct fixture *fixture, const char *secret)
{
    const struct ese_webhook_registrar_options options = {.client = fixture->client,
                                                          .server = fixture->server.url,
                                                          .name = "group_s_clicks",
                                                          .stream = "click-events",
                                                          .url = URL,
                                                          .batch = 7,
                                                          .secret = secret,
                                                          .believes = fixture->believes};

    ese_webhook_registrar_free(&fixture->registrar); /* nothing is under way */
    fixture->registrar = ese_webhook_registrar_new(&options);
    fixture->has_failed = false;
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    struct ese_error error = {0};

    webhook_server_init(&fixture->server);
    webhook_server_start(&fixture->server);
    assert_int_equal(ese_http_client_open(2, NULL, &fixture->client, &error), 0);
    open_registrar(fixture, NULL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->registrar != NULL)
        ese_webhook_registrar_hush(fixture->registrar);
    webhook_server_stop(&fixture->server);
    ese_http_client_close(&fixture->client);
    ese_webhook_registrar_free(&fixture->registrar);
    free(fixture);
    return 0;
}

/* ---- turning --------------------------------------------------------------------------------- */

static void turn(struct fixture *fixture)
{
    fixture->due_ns = ese_webhook_registrar_turn(fixture->registrar, fixture->handed, !fixture->is_busy,
                                                 fixture->fresh_ns, &fixture->error);
    fixture->has_failed = fixture->due_ns < 0;
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

/* Whatever is due within that time. */
static void turn_for(struct fixture *fixture, int64_t ms)
{
    for (int64_t end_ns = ese_clock_monotonic_ns() + ms * ESE_NS_PER_MS; ese_clock_monotonic_ns() < end_ns;)
        turn(fixture);
}

static bool has_failed(struct fixture *fixture)
{
    return fixture->has_failed;
}

static int64_t newest(struct fixture *fixture)
{
    int64_t asked_ns;

    return ese_webhook_registrar_newest(fixture->registrar, &asked_ns);
}

static bool knows(struct fixture *fixture)
{
    return newest(fixture) >= 0;
}

static bool is_away(struct fixture *fixture)
{
    return ese_webhook_registrar_away(fixture->registrar) != NULL;
}

static int puts_of(struct fixture *fixture)
{
    return webhook_server_count(&fixture->server, &fixture->server.puts);
}

static int gets_of(struct fixture *fixture)
{
    return webhook_server_count(&fixture->server, &fixture->server.gets);
}

static int posts_of(struct fixture *fixture)
{
    return webhook_server_count(&fixture->server, &fixture->server.posts);
}

static void answer_gets(struct fixture *fixture, int status)
{
    webhook_server_lock(&fixture->server);
    fixture->server.get_status = status;
    webhook_server_unlock(&fixture->server);
}

static bool was_put_twice(struct fixture *fixture)
{
    return puts_of(fixture) >= 2;
}

static void assert_put(struct fixture *fixture, const char *part)
{
    webhook_server_lock(&fixture->server);
    bool is_there = strstr(fixture->server.put, part) != NULL;
    webhook_server_unlock(&fixture->server);
    if (!is_there)
        fail_msg("'%s' does not say %s", fixture->server.put, part);
}

/* From behind that position; and asks after it. */
static void begin(struct fixture *fixture, int64_t position)
{
    fixture->handed = position;
    ese_webhook_registrar_register(fixture->registrar, position);
    turn_until(fixture, knows);
}

static void fails_with(struct fixture *fixture, enum ese_code code, const char *said)
{
    turn_until(fixture, has_failed);
    assert_int_equal(fixture->error.code, code);
    if (strstr(fixture->error.text, said) == NULL)
        fail_msg("'%s' does not say '%s'", fixture->error.text, said);
    fixture->error.code = ESE_OK;
    turn(fixture); /* for good */
    assert_int_equal(fixture->error.code, code);
}

/* ---- registering ----------------------------------------------------------------------------- */

static void it_registers_and_asks(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.position = 5;
    fixture->server.newest = 9;
    assert_int_equal(newest(fixture), -1);
    assert_int_equal(ese_webhook_registrar_first(fixture->registrar), -1);
    begin(fixture, 5);
    assert_int_equal(puts_of(fixture), 1);
    assert_string_equal(fixture->server.path, "group_s_clicks");
    assert_put(fixture, "\"stream\":\"click-events\"");
    assert_put(fixture, "\"url\":\"" URL "\"");
    assert_put(fixture, "\"position\":5,");
    assert_put(fixture, "\"batch\":7,");
    assert_put(fixture, "\"tries\":0,"); /* never given up */
    assert_null(strstr(fixture->server.put, "signed"));
    assert_int_equal(newest(fixture), 9);
    assert_int_equal(ese_webhook_registrar_first(fixture->registrar), 5);
}

static void it_says_what_signs(void **state)
{
    struct fixture *fixture = *state;

    open_registrar(fixture, "our \"secret\"");
    begin(fixture, 0);
    assert_put(fixture, "\"signed\":\"our \\\"secret\\\"\"}");
}

/* Its first place is where it was when it was asked after first. */
static void from_the_latest_it_learns_where_that_was(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.position = 41;
    fixture->server.newest = 43;
    begin(fixture, -1);
    assert_put(fixture, "\"position\":-1,");
    assert_int_equal(ese_webhook_registrar_first(fixture->registrar), 41);
    webhook_server_lock(&fixture->server);
    fixture->server.position = 43;
    webhook_server_unlock(&fixture->server);
    int before = gets_of(fixture);
    fixture->fresh_ns = INT64_MAX;
    while (gets_of(fixture) < before + 3)
        turn(fixture);
    assert_int_equal(ese_webhook_registrar_first(fixture->registrar), 41);
}

static void a_server_that_is_away_is_waited_for(void **state)
{
    struct fixture *fixture = *state;

    webhook_server_stop(&fixture->server);
    ese_webhook_registrar_register(fixture->registrar, 3);
    turn_until(fixture, is_away);
    assert_non_null(strstr(ese_webhook_registrar_away(fixture->registrar), "the server is away"));
    turn_for(fixture, 200);
    fixture->server.newest = 3;
    fixture->handed = 3;
    webhook_server_start(&fixture->server);
    turn_until(fixture, knows);
    assert_false(is_away(fixture));
    assert_int_equal(puts_of(fixture), 1);
    assert_put(fixture, "\"position\":3,");
    webhook_server_stop(&fixture->server); /* and again, when it is asked */
    fixture->fresh_ns = INT64_MAX;
    turn_until(fixture, is_away);
    assert_false(fixture->has_failed);
}

static void what_only_says_later_is_asked_again(void **state)
{
    static const int later[] = {408, 429, 500, 503, 507};
    struct fixture *fixture = *state;

    fixture->server.put_status = 503;
    fixture->server.words = "not now";
    ese_webhook_registrar_register(fixture->registrar, 0);
    turn_until(fixture, was_put_twice);
    assert_non_null(strstr(ese_webhook_registrar_away(fixture->registrar), "the server answered 503"));
    webhook_server_lock(&fixture->server);
    fixture->server.put_status = 200;
    fixture->server.words = NULL;
    webhook_server_unlock(&fixture->server);
    turn_until(fixture, knows);
    for (size_t i = 0; i < ESE_COUNT_OF(later); i++) {
        answer_gets(fixture, later[i]);
        fixture->fresh_ns = INT64_MAX;
        turn_until(fixture, is_away);
        answer_gets(fixture, 200);
        while (is_away(fixture))
            turn(fixture);
    }
}

static void what_it_is_refused_for_is_told(void **state)
{
    static const int refusals[] = {302, 400, 401, 403, 404, 405};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(refusals); i++) {
        open_registrar(fixture, NULL);
        fixture->server.put_status = refusals[i];
        fixture->server.words = "signed: this server has no directory of secrets";
        ese_webhook_registrar_register(fixture->registrar, 0);
        char said[100];
        snprintf(said, sizeof(said), "/subscriptions/group_s_clicks answered %d: signed: this server", refusals[i]);
        fails_with(fixture, ESE_E_INVALID, said);
    }
}

/* ---- asking after it ------------------------------------------------------------------------- */

static void who_may_not_ask_is_told(void **state)
{
    static const int refusals[] = {201, 302, 400, 401, 403};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(refusals); i++) {
        open_registrar(fixture, NULL);
        fixture->server.get_status = refusals[i];
        fixture->server.words = "who are you?";
        ese_webhook_registrar_register(fixture->registrar, 0);
        fails_with(fixture, ESE_E_INVALID, "who are you?");
    }
}

static void what_is_no_subscription_is_told(void **state)
{
    static const char *const answers[] = {
        "", "[]", "{}", "{\"url\":\"" URL "\",\"position\":1}", "{\"url\":\"" URL "\",\"newest\":1}",
        "{\"position\":1,\"newest\":1}", "{\"url\":\"" URL "\",\"position\":1,\"newest\":\"1\"}",
        "{\"url\":\"" URL "\",\"position\":1.5,\"newest\":1}", "{\"url\":5,\"position\":1,\"newest\":1}"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(answers); i++) {
        open_registrar(fixture, NULL);
        fixture->server.words = answers[i];
        ese_webhook_registrar_register(fixture->registrar, 0);
        fails_with(fixture, ESE_E_INVALID, "answered 200");
    }
}

static void a_server_that_has_forgotten_is_told_again(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 0);
    answer_gets(fixture, 404);
    fixture->handed = 12;
    fixture->fresh_ns = INT64_MAX;
    turn_until(fixture, was_put_twice);
    webhook_server_lock(&fixture->server);
    fixture->server.get_status = 200;
    fixture->server.newest = 12;
    webhook_server_unlock(&fixture->server);
    assert_int_equal(newest(fixture), -1);
    turn_until(fixture, knows);
    assert_put(fixture, "\"position\":12,");
    assert_int_equal(posts_of(fixture), 1);
    assert_false(fixture->has_failed);
}

static void somebody_newer_takes_it_over(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 0);
    webhook_server_lock(&fixture->server);
    fixture->server.at = "http://127.0.0.1:10/push/click-events";
    webhook_server_unlock(&fixture->server);
    fails_with(fixture, ESE_E_FENCED, "127.0.0.1:10");
    assert_int_equal(puts_of(fixture), 1);
}

/* It asks, and hears that it stands still; before it registers again somebody newer has. */
static void one_that_stood_still_does_not_take_it_back(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.state = "waiting";
    fixture->server.attempts = 2;
    fixture->server.newest = 9;
    begin(fixture, 8);
    webhook_server_lock(&fixture->server);
    fixture->server.newcomer = "http://127.0.0.1:10/push/click-events";
    webhook_server_unlock(&fixture->server);
    fixture->fresh_ns = INT64_MAX;
    fails_with(fixture, ESE_E_FENCED, "127.0.0.1:10");
    assert_int_equal(puts_of(fixture), 2);
    assert_int_equal(posts_of(fixture), 1);
}

static bool was_put_thrice(struct fixture *fixture)
{
    return puts_of(fixture) >= 3;
}

/* As the server of a lesson does, which tries as often as it likes. */
static void its_own_that_was_changed_is_replaced(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.state = "waiting";
    fixture->server.attempts = 2;
    fixture->server.newest = 9;
    fixture->server.post_status = 400;
    begin(fixture, 8);
    fixture->fresh_ns = INT64_MAX;
    turn_until(fixture, was_put_thrice);
    assert_int_equal(posts_of(fixture), 1);
    assert_false(fixture->has_failed);
}

static void one_that_stands_still_is_woken(void **state)
{
    static const char *const still[] = {"waiting", "paused"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(still); i++) {
        open_registrar(fixture, NULL);
        fixture->server.puts = fixture->server.posts = 0;
        fixture->server.state = still[i];
        fixture->server.attempts = i == 0 ? 1 : 0;
        fixture->server.newest = 9;
        int64_t began_ns = ese_clock_monotonic_ns();
        begin(fixture, 8);
        fixture->fresh_ns = INT64_MAX;
        turn_until(fixture, was_put_twice);
        assert_true(ese_clock_monotonic_ns() >= began_ns + 500 * ESE_NS_PER_MS); /* not as often as it is asked */
        assert_put(fixture, "\"position\":8,");
        assert_int_equal(posts_of(fixture), 1);
        fixture->fresh_ns = 0;
        turn_until(fixture, knows);
    }
}

/* There is nothing to wake it for, or the push that it waits with is in hand here. */
static void one_that_stands_still_may_do_so(void **state)
{
    static const struct {
        const char *state;
        int64_t newest;
        int attempts;
        bool is_busy;
    } rests[] = {{"waiting", 9, 1, true}, {"paused", 9, 1, true},     {"waiting", 8, 1, false},
                 {"idle", 9, 0, false},   {"under way", 9, 1, false}, {"waiting", 9, 0, false}}; /* for its turn */
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(rests); i++) {
        open_registrar(fixture, NULL);
        fixture->server.puts = 0;
        fixture->server.state = rests[i].state;
        fixture->server.newest = rests[i].newest;
        fixture->server.attempts = rests[i].attempts;
        fixture->is_busy = rests[i].is_busy;
        begin(fixture, 8);
        int before = gets_of(fixture);
        turn_for(fixture, 550);
        while (gets_of(fixture) < before + 2)
            turn(fixture);
        turn_until(fixture, knows);
        assert_int_equal(puts_of(fixture), 1);
    }
}

static void a_stream_that_ends_before_what_was_handed_has_lost_it(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.newest = 9;
    ese_webhook_registrar_register(fixture->registrar, 10);
    fixture->handed = 10;
    fails_with(fixture, ESE_E_INVALID, "ends at 9, and 10 was handed");
}

static bool is_back(struct fixture *fixture)
{
    return ese_webhook_registrar_away(fixture->registrar) == NULL && knows(fixture);
}

static void a_stream_that_the_server_cannot_read_is_waited_for(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.words = "{\"url\":\"" URL "\",\"state\":\"idle\",\"position\":0,\"newest\":null,\"lag\":null,"
                            "\"problem\":\"it is no database\"}";
    ese_webhook_registrar_register(fixture->registrar, 5);
    fixture->handed = 5;
    fixture->server.newest = 5;
    turn_until(fixture, is_away);
    int gets = gets_of(fixture);
    turn_for(fixture, 300);
    assert_false(fixture->has_failed);
    assert_false(knows(fixture));
    assert_non_null(strstr(ese_webhook_registrar_away(fixture->registrar), "it is no database"));
    assert_true(gets_of(fixture) - gets < 4);
    webhook_server_lock(&fixture->server);
    fixture->server.words = NULL;
    webhook_server_unlock(&fixture->server);
    turn_until(fixture, is_back);
    assert_int_equal(newest(fixture), 5);
}

static bool one_is_kept(struct fixture *fixture)
{
    return webhook_server_has_kept(&fixture->server);
}

static void what_came_since_it_was_asked_is_no_loss(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.newest = 3;
    fixture->server.keeps = true;
    fixture->handed = 3;
    ese_webhook_registrar_register(fixture->registrar, 3);
    turn_until(fixture, one_is_kept);
    fixture->handed = 5; /* pushed meanwhile */
    turn(fixture);
    webhook_server_release(&fixture->server);
    turn_until(fixture, knows);
    turn(fixture);
    assert_false(fixture->has_failed);
    assert_int_equal(newest(fixture), 3);
}

/* Who takes what comes as it comes: a gap at the end, and a stream that has become shorter, are not noticed. */
static void who_believes_the_server_is_at_the_end_when_that_says_so(void **state)
{
    static const struct {
        const char *state;
        int64_t position, newest, told;
    } answers[] = {
        {"idle", 9, 9, 5}, {"idle", 8, 9, 9}, {"waiting", 9, 9, 9}, {"idle", 3, 3, 5},
        {"under way", 3, 3, 3}, {"paused", 3, 9, 5}};
    struct fixture *fixture = *state;

    fixture->believes = true;
    for (size_t i = 0; i < ESE_COUNT_OF(answers); i++) {
        open_registrar(fixture, NULL);
        fixture->server.state = answers[i].state;
        fixture->server.position = answers[i].position;
        fixture->server.newest = answers[i].newest;
        begin(fixture, 5);
        assert_int_equal(newest(fixture), answers[i].told);
        turn(fixture);
        assert_false(fixture->has_failed);
    }
}

/* ---- when it asks ---------------------------------------------------------------------------- */

static void what_it_says_of_the_newest_is_of_when_it_asked(void **state)
{
    struct fixture *fixture = *state;
    int64_t asked_ns;

    fixture->server.keeps = true;
    int64_t before_ns = ese_clock_monotonic_ns();
    ese_webhook_registrar_register(fixture->registrar, 0);
    turn_until(fixture, one_is_kept);
    int64_t kept_ns = ese_clock_monotonic_ns();
    turn_for(fixture, 20);
    webhook_server_release(&fixture->server);
    turn_until(fixture, knows);
    ese_webhook_registrar_newest(fixture->registrar, &asked_ns);
    assert_in_range(asked_ns, before_ns, kept_ns);
}

/* How long behind the last time it is asked; fresh: what one wants to be later than that, in ns. */
static int64_t is_due_after_ms(struct fixture *fixture, bool is_busy, int64_t fresh)
{
    int64_t asked_ns;

    fixture->is_busy = is_busy;
    do { /* until it is not asked just now, on a machine as slow as may be */
        turn_until(fixture, knows);
        ese_webhook_registrar_newest(fixture->registrar, &asked_ns);
        fixture->fresh_ns = asked_ns + fresh;
        turn(fixture);
    } while (fixture->due_ns == INT64_MAX);
    return (fixture->due_ns - asked_ns) / ESE_NS_PER_MS;
}

static void it_asks_when_somebody_wants_to_know(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 0);
    assert_int_equal(is_due_after_ms(fixture, false, 0), 500);
    assert_int_equal(is_due_after_ms(fixture, true, 1), 100); /* pushes come: it is not asked for each */
    fixture->is_busy = false; /* and still wants to know */
    int before = gets_of(fixture);
    turn(fixture);
    assert_int_equal(fixture->due_ns, INT64_MAX); /* it is under way */
    while (gets_of(fixture) == before)
        turn(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(it_registers_and_asks),
        TEST(it_says_what_signs),
        TEST(from_the_latest_it_learns_where_that_was),
        TEST(a_server_that_is_away_is_waited_for),
        TEST(what_only_says_later_is_asked_again),
        TEST(what_it_is_refused_for_is_told),
        TEST(who_may_not_ask_is_told),
        TEST(what_is_no_subscription_is_told),
        TEST(a_server_that_has_forgotten_is_told_again),
        TEST(somebody_newer_takes_it_over),
        TEST(one_that_stood_still_does_not_take_it_back),
        TEST(its_own_that_was_changed_is_replaced),
        TEST(one_that_stands_still_is_woken),
        TEST(one_that_stands_still_may_do_so),
        TEST(a_stream_that_the_server_cannot_read_is_waited_for),
        TEST(a_stream_that_ends_before_what_was_handed_has_lost_it),
        TEST(what_came_since_it_was_asked_is_no_loss),
        TEST(who_believes_the_server_is_at_the_end_when_that_says_so),
        TEST(what_it_says_of_the_newest_is_of_when_it_asked),
        TEST(it_asks_when_somebody_wants_to_know),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
