/* The consumer between a server that answers whatever it is told to and pushes that a test makes, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/unit/webhook_consumer.h"
#include "tests/unit/webhook_server.h"
#include "transports/webhook/habits.h"

#define MAILS "mail-requests" /* one stream alone, which is the simpler case */
#define OF_MAILS 2            /* partitions */
#define OF_CLICKS 0
#define OF_ORDERS 1

struct fixture {
    struct webhook_server server;
    struct webhook_consumer reader;
    char url[300], other_url[300]; /* where pushes go; of clicks and orders, where there are two */
};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));

    webhook_server_init(&fixture->server);
    webhook_server_start(&fixture->server);
    webhook_consumer_init(&fixture->reader, fixture->server.url);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    webhook_server_stop(&fixture->server);
    webhook_consumer_close(&fixture->reader);
    free(fixture);
    return 0;
}

/* Registered for one stream; up to date where the server says so. */
static void begin(struct fixture *fixture, int max_batch)
{
    webhook_consumer_option(&fixture->reader, "topic", MAILS);
    fixture->reader.max_batch = max_batch;
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_until_end(&fixture->reader);
    snprintf(fixture->url, sizeof(fixture->url), "%s", webhook_server_url(&fixture->server, "group_s_mail_2drequests"));
}

/* For two. */
static void begin_both(struct fixture *fixture)
{
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_until_end(&fixture->reader);
    snprintf(fixture->url, sizeof(fixture->url), "%s", webhook_server_url(&fixture->server, "group_s_click_2devents"));
    snprintf(fixture->other_url, sizeof(fixture->other_url), "%s",
             webhook_server_url(&fixture->server, "group_s_order_2devents"));
}

/* What the server says from now on. */
static void tell_newest(struct fixture *fixture, int64_t newest)
{
    webhook_server_lock(&fixture->server);
    fixture->server.newest = newest;
    webhook_server_unlock(&fixture->server);
}

/* It has been stored, so that the server tells it. */
static int push(struct fixture *fixture, int64_t first, int count)
{
    if (fixture->server.newest < first + count - 1)
        tell_newest(fixture, first + count - 1);
    return webhook_push_many(fixture->url, MAILS, first, count);
}

/* ---- pushes ---------------------------------------------------------------------------------- */

static void a_push_is_held_until_all_of_it_is_acknowledged(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 1000);
    assert_int_equal(fixture->reader.given, 1);
    int fd = push(fixture, 1, 3);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 3);
    for (int64_t next = 0; next < 4; next++)
        webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, next);
    webhook_consumer_hands_nothing(&fixture->reader, 30);
    assert_true(webhook_is_held(fd, 20));
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 4);
    webhook_push_ends(fd, 200, "");
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 4); /* nothing is in hand any more */
    tell_newest(fixture, 4);
    fd = webhook_push_one(fixture->url, 4, WEBHOOK_GOOD);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 4, 1);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 5);
    webhook_push_ends(fd, 200, "");
}

static void each_partition_is_acknowledged_by_itself(void **state)
{
    struct fixture *fixture = *state;

    begin_both(fixture);
    assert_int_equal(fixture->reader.given, 2);
    tell_newest(fixture, 5);
    int clicks = webhook_push_many(fixture->url, "click-events", 1, 2);
    webhook_consumer_hands(&fixture->reader, OF_CLICKS, 1, 2);
    int orders = webhook_push_many(fixture->other_url, "order-events", 1, 5);
    webhook_consumer_hands(&fixture->reader, OF_ORDERS, 1, 5);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 100); /* somebody else's */
    webhook_consumer_acknowledge(&fixture->reader, OF_ORDERS, 6);
    webhook_push_ends(orders, 200, "");
    assert_true(webhook_is_held(clicks, 30));
    webhook_consumer_acknowledge(&fixture->reader, OF_ORDERS, 100);
    assert_true(webhook_is_held(clicks, 30));
    webhook_consumer_acknowledge(&fixture->reader, OF_CLICKS, 3);
    webhook_push_ends(clicks, 200, "");
}

/* Its answer was lost. */
static void a_push_that_comes_again_is_answered_at_once(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 1000);
    int fd = push(fixture, 1, 3);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 3);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 4);
    webhook_push_ends(fd, 200, "");
    for (int count = 1; count <= 3; count++) {
        fd = push(fixture, 1, count);
        while (webhook_is_held(fd, 0))
            webhook_consumer_hands_nothing(&fixture->reader, 5);
        webhook_push_ends(fd, 200, "");
    }
    fd = push(fixture, 2, 4); /* half of it is new */
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 4, 2);
    assert_true(webhook_is_held(fd, 20));
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 6);
    webhook_push_ends(fd, 200, "");
    assert_int_equal(fixture->reader.gaps, 0);
}

/* Behind what was handed, a gap before it, or once more: all the same. */
static void as_it_comes_each_push_is_handed(void **state)
{
    static const int64_t places[] = {1, 7, 4, 7};
    struct fixture *fixture = *state;

    fixture->reader.face = &ese_webhook_consume_as_it_comes;
    begin(fixture, 1000);
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++) {
        int64_t behind = places[i] == 4 ? 8 : places[i] + 1;
        int fd = push(fixture, places[i], 1);
        assert_int_equal(webhook_consumer_next(&fixture->reader, WEBHOOK_PATIENCE_MS), 1);
        assert_int_equal(fixture->reader.batch.records[0].offset, places[i]);
        assert_true(webhook_is_held(fd, 5));
        webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, behind);
        webhook_push_ends(fd, 200, "");
    }
    assert_int_equal(fixture->reader.gaps, 0);
}

static void while_one_is_in_hand_another_comes_later(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 1000);
    int fd = push(fixture, 1, 3);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 3);
    webhook_push_ends(push(fixture, 1, 3), 429, "1");
    webhook_push_ends(push(fixture, 4, 1), 429, "1");
    webhook_consumer_hands_nothing(&fixture->reader, 20);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 4);
    webhook_push_ends(fd, 200, "");
    fd = push(fixture, 4, 1);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 4, 1);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 5);
    webhook_push_ends(fd, 200, "");
}

static void a_push_of_more_than_a_batch_is_handed_in_several(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 1);
    int fd = push(fixture, 1, 3);
    for (int i = 1; i <= 3; i++) {
        webhook_consumer_hands(&fixture->reader, OF_MAILS, i, 1);
        assert_true(webhook_is_held(fd, 5));
        webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, i + 1);
    }
    webhook_push_ends(fd, 200, "");
}

/* More of them than a batch may hold. What each says is still there when the batch is. */
static void what_is_no_event_is_handed_in_order_too(void **state)
{
    struct fixture *fixture = *state;
    struct ese_buffer page = ESE_BUFFER_INIT(1 << 20);
    int64_t position = 1;

    begin(fixture, 1000);
    webhook_page_add_many(&page, MAILS, 1, 2 * ESE_UNREADABLE_MOST + 5, WEBHOOK_BAD);
    webhook_page_add(&page, MAILS, 2 * ESE_UNREADABLE_MOST + 6, WEBHOOK_GOOD);
    tell_newest(fixture, 2 * ESE_UNREADABLE_MOST + 6);
    int fd = webhook_push_page(fixture->url, &page, "");
    while (position <= 2 * ESE_UNREADABLE_MOST + 5) {
        int left = (int)(2 * ESE_UNREADABLE_MOST + 6 - position);
        webhook_consumer_next(&fixture->reader, WEBHOOK_PATIENCE_MS);
        assert_int_equal(fixture->reader.batch.unreadable, left < ESE_UNREADABLE_MOST ? left : ESE_UNREADABLE_MOST);
        for (int i = 0; i < fixture->reader.batch.unreadable; i++, position++) {
            assert_int_equal(fixture->reader.batch.unreadables[i].offset, position);
            assert_memory_equal(fixture->reader.batch.unreadables[i].bytes, WEBHOOK_BAD, strlen(WEBHOOK_BAD));
        }
        assert_true(webhook_is_held(fd, 5));
        webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, position);
    }
    assert_int_equal(fixture->reader.batch.count, 1);
    assert_int_equal(fixture->reader.batch.records[0].offset, position);
    assert_true(webhook_is_held(fd, 5));
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, position + 1);
    webhook_push_ends(fd, 200, "");
}

/* ---- the end --------------------------------------------------------------------------------- */

/* From when it knows of something further it is not at the end. */
static void stays_behind(struct fixture *fixture)
{
    webhook_consumer_until(&fixture->reader, false);
    for (int i = 0; i < 5; i++, assert_false(fixture->reader.batch.at_end))
        webhook_consumer_hands_nothing(&fixture->reader, 20);
}

static void it_is_at_the_end_when_all_was_handed(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 1000);
    assert_true(fixture->reader.batch.end_ns > 0 && fixture->reader.batch.end_ns <= ese_clock_monotonic_ns());
    tell_newest(fixture, 3);
    stays_behind(fixture);
    int fd = push(fixture, 1, 2);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 2);
    assert_false(fixture->reader.batch.at_end);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 3);
    webhook_push_ends(fd, 200, "");
    fd = push(fixture, 3, 1);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 3, 1);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 4);
    webhook_push_ends(fd, 200, "");
    webhook_consumer_until_end(&fixture->reader);
}

static void it_is_at_the_end_when_both_are(void **state)
{
    struct fixture *fixture = *state;

    begin_both(fixture);
    tell_newest(fixture, 1);
    int orders = webhook_push_one(fixture->other_url, 1, WEBHOOK_GOOD);
    webhook_consumer_hands(&fixture->reader, OF_ORDERS, 1, 1);
    stays_behind(fixture);
    int clicks = webhook_push_one(fixture->url, 1, WEBHOOK_GOOD);
    webhook_consumer_hands(&fixture->reader, OF_CLICKS, 1, 1);
    webhook_consumer_until_end(&fixture->reader);
    webhook_consumer_acknowledge(&fixture->reader, OF_CLICKS, 2);
    webhook_consumer_acknowledge(&fixture->reader, OF_ORDERS, 2);
    webhook_push_ends(clicks, 200, "");
    webhook_push_ends(orders, 200, "");
}

/* What was stored while it was asked may be missing from what it says: the end is no later than the asking. */
static void the_end_is_of_when_it_was_asked(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 1000);
    webhook_server_lock(&fixture->server);
    fixture->server.keeps = true;
    webhook_server_unlock(&fixture->server);
    while (!webhook_server_has_kept(&fixture->server))
        webhook_consumer_hands_nothing(&fixture->reader, 20);
    int64_t asked_ns = ese_clock_monotonic_ns();
    webhook_consumer_hands_nothing(&fixture->reader, 50);
    webhook_server_lock(&fixture->server);
    webhook_server_answer_get(&fixture->server, fixture->server.kept); /* and keeps the next */
    fixture->server.kept = NULL;
    webhook_server_unlock(&fixture->server);
    while (!webhook_server_has_kept(&fixture->server)) {
        webhook_consumer_hands_nothing(&fixture->reader, 20);
        assert_true(fixture->reader.batch.end_ns <= asked_ns);
    }
}

/* ---- where it begins ------------------------------------------------------------------------- */

static void it_begins_where_it_is_told(void **state)
{
    static const struct {
        int64_t place;
        const char *put;
    } places[] = {{ESE_OFFSET_EARLIEST, "\"position\":0,"}, {0, "\"position\":0,"}, {1, "\"position\":0,"},
                  {5, "\"position\":4,"}, {ESE_OFFSET_LATEST, "\"position\":-1,"}};
    struct fixture *fixture = *state;

    fixture->server.position = fixture->server.newest = 4;
    for (size_t i = 0; i < ESE_COUNT_OF(places); i++) {
        fixture->reader.option_count = 0;
        webhook_consumer_option(&fixture->reader, "topic", MAILS);
        fixture->reader.place = places[i].place;
        int before = webhook_server_count(&fixture->server, &fixture->server.puts);
        webhook_consumer_open(&fixture->reader);
        while (webhook_server_count(&fixture->server, &fixture->server.puts) == before)
            webhook_consumer_hands_nothing(&fixture->reader, 20);
        if (strstr(fixture->server.put, places[i].put) == NULL)
            fail_msg("'%s' does not say %s", fixture->server.put, places[i].put);
    }
    webhook_consumer_until_end(&fixture->reader); /* at the latest it is */
}

static void from_the_latest_it_hands_what_comes(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.position = fixture->server.newest = 40;
    fixture->reader.place = ESE_OFFSET_LATEST;
    begin(fixture, 1000);
    int fd = push(fixture, 41, 2);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 41, 2);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 43);
    webhook_push_ends(fd, 200, "");
    assert_int_equal(fixture->reader.gaps, 0);
}

static void who_asks_for_a_position_is_told_of_what_is_missing(void **state)
{
    struct fixture *fixture = *state;

    fixture->reader.place = 5;
    fixture->server.newest = 4;
    begin(fixture, 1000);
    int fd = push(fixture, 9, 1);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 9, 1);
    assert_int_equal(fixture->reader.gaps, 1);
    assert_int_equal(fixture->reader.gap_partition, OF_MAILS);
    assert_int_equal(fixture->reader.gap_from, 5);
    assert_int_equal(fixture->reader.gap_to, 9);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 10);
    webhook_push_ends(fd, 200, "");
}

/* ---- the server ------------------------------------------------------------------------------ */

static void a_server_that_is_away_is_said_to_be(void **state)
{
    struct fixture *fixture = *state;

    webhook_server_stop(&fixture->server);
    webhook_consumer_open(&fixture->reader);
    do
        webhook_consumer_hands_nothing(&fixture->reader, 20);
    while (fixture->reader.batch.away == NULL);
    webhook_server_start(&fixture->server);
    webhook_consumer_until_end(&fixture->reader);
    assert_null(fixture->reader.batch.away);
}

/* And what is pushed, but too large, comes no nearer. */
static void what_is_too_large_is_said(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 9 << 20;
    char *body = ese_alloc(length);

    begin(fixture, 1000);
    memset(body, 'x', length);
    webhook_push_ends(webhook_push(fixture->url, "X-Event-Count: 1\r\n", body, length), 413, "");
    do
        webhook_consumer_hands_nothing(&fixture->reader, 20);
    while (fixture->reader.batch.away == NULL);
    assert_non_null(strstr(fixture->reader.batch.away, "is refused by 413"));
    int fd = push(fixture, 1, 1);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 1);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 2);
    webhook_push_ends(fd, 200, "");
    webhook_consumer_until_end(&fixture->reader);
    assert_null(fixture->reader.batch.away);
    free(body);
}

static void a_newer_consumer_takes_over(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, 1000);
    webhook_server_lock(&fixture->server);
    fixture->server.at = "http://127.0.0.1:9/push/mail-requests";
    webhook_server_unlock(&fixture->server);
    webhook_consumer_ends(&fixture->reader, ESE_E_FENCED, "127.0.0.1:9");
}

static void what_the_server_refuses_it_for_is_told(void **state)
{
    struct fixture *fixture = *state;

    fixture->server.put_status = 400;
    fixture->server.words = "url: nobody pushes there";
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_ends(&fixture->reader, ESE_E_INVALID, "answered 400: url: nobody pushes there");
}

/* ---- life ------------------------------------------------------------------------------------ */

static void what_is_in_hand_at_the_end_comes_again(void **state)
{
    struct fixture *fixture = *state;

    begin_both(fixture);
    tell_newest(fixture, 1);
    int handed = webhook_push_one(fixture->url, 1, WEBHOOK_GOOD);
    webhook_consumer_hands(&fixture->reader, OF_CLICKS, 1, 1);
    int waiting = webhook_push_one(fixture->other_url, 1, WEBHOOK_GOOD);
    for (int i = 0; i < 2; i++) /* in two turns of its thread the other has come, too */
        webhook_push_ends(webhook_push_one(fixture->url, 1, WEBHOOK_GOOD), 429, "1");
    webhook_consumer_close(&fixture->reader);
    webhook_push_ends(handed, 503, "1");
    webhook_push_ends(waiting, 503, "1");
    assert_int_equal(fixture->reader.taken, 2);
}

static void what_was_never_given_is_not_taken(void **state)
{
    struct fixture *fixture = *state;

    webhook_consumer_open(&fixture->reader);
    webhook_consumer_close(&fixture->reader);
    assert_int_equal(fixture->reader.taken, 0);
}

static void what_cannot_be_is_told(void **state)
{
    static const struct {
        const char *name, *value, *said;
    } options[] = {
        {"server", "nowhere", "--server"},
        {"receiver", "nowhere", "the receiving end"},
        {"push-secret", "/nowhere/secret", "/nowhere/secret"},
        {"token-file", "/nowhere/token", "/nowhere/token"},
        {"receiver-url", "nowhere", "--receiver-url"},
        {"receiver-url", "http://me:mine@127.0.0.1:80", "--receiver-url"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(options); i++) {
        fixture->reader.option_count = 0;
        webhook_consumer_option(&fixture->reader, options[i].name, options[i].value);
        assert_int_equal(webhook_consumer_try_open(&fixture->reader), -1);
        assert_null(fixture->reader.consumer);
        if (strstr(fixture->reader.error.text, options[i].said) == NULL)
            fail_msg("'%s' does not say '%s'", fixture->reader.error.text, options[i].said);
    }
}

static void the_url_it_is_given_goes_to_the_server(void **state)
{
    struct fixture *fixture = *state;

    webhook_consumer_option(&fixture->reader, "receiver-url", "http://consumer:8080/");
    begin(fixture, 1000);
    assert_int_equal(strncmp(fixture->url, "http://consumer:8080/push/" MAILS "/", 26 + sizeof(MAILS)), 0);
}

static void pushes_are_of_half_a_batch(void **state)
{
    static const struct {
        int max_batch;
        const char *push_batch, *put;
    } batches[] = {{1000, "500", "\"batch\":500,"}, {100, "500", "\"batch\":50,"}, {100, "7", "\"batch\":7,"},
                   {3, "500", "\"batch\":1,"}, {1, "500", "\"batch\":1,"}, {1000, "1", "\"batch\":1,"}};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(batches); i++) {
        fixture->reader.option_count = 0;
        webhook_consumer_option(&fixture->reader, "push-batch", batches[i].push_batch);
        begin(fixture, batches[i].max_batch);
        if (strstr(fixture->server.put, batches[i].put) == NULL)
            fail_msg("'%s' does not say %s", fixture->server.put, batches[i].put);
    }
}

static void partitions_have_names(void **state)
{
    char text[40];

    (void)state;
    ese_webhook_consume.partition_name(0, text, sizeof(text));
    assert_string_equal(text, "click-events");
    ese_webhook_consume.partition_name(4, text, sizeof(text));
    assert_string_equal(text, "dlq.order-events");
    ese_webhook_consume.partition_name(5, text, sizeof(text));
    assert_string_equal(text, "partition 5");
    ese_webhook_consume.partition_name(-1, text, sizeof(text));
    assert_string_equal(text, "partition -1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_push_is_held_until_all_of_it_is_acknowledged),
        TEST(each_partition_is_acknowledged_by_itself),
        TEST(a_push_that_comes_again_is_answered_at_once),
        TEST(as_it_comes_each_push_is_handed),
        TEST(while_one_is_in_hand_another_comes_later),
        TEST(a_push_of_more_than_a_batch_is_handed_in_several),
        TEST(what_is_no_event_is_handed_in_order_too),
        TEST(it_is_at_the_end_when_all_was_handed),
        TEST(it_is_at_the_end_when_both_are),
        TEST(the_end_is_of_when_it_was_asked),
        TEST(it_begins_where_it_is_told),
        TEST(from_the_latest_it_hands_what_comes),
        TEST(who_asks_for_a_position_is_told_of_what_is_missing),
        TEST(a_server_that_is_away_is_said_to_be),
        TEST(what_is_too_large_is_said),
        TEST(a_newer_consumer_takes_over),
        TEST(what_the_server_refuses_it_for_is_told),
        TEST(what_is_in_hand_at_the_end_comes_again),
        TEST(what_was_never_given_is_not_taken),
        TEST(what_cannot_be_is_told),
        TEST(the_url_it_is_given_goes_to_the_server),
        TEST(pushes_are_of_half_a_batch),
        TEST(partitions_have_names),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
