#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "ese-core/buffer.h"
#include "ese-core/http_server.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "orchestration/lab/inbox.h"
#include "tests/support/directory.h"

#define MESSAGES 60 /* more than a page */
#define TURN_MS 10000
#define NOBODY (-1)
#define ASKED_MOST 300    /* inbox.h */
#define LISTED_MOST 50000 /* the same */
#define PAGE 50

/* An inbox as Mailpit shows it. Message i tells of decision i / 2, over "http" or (every third) "kafka". */
struct fake {
    struct ese_http_server *server;
    char url[80];
    pthread_mutex_t lock;
    int first, count; /* those that are there; the newest is first + count - 1 */
    int asked_headers;
    bool is_sick;
    int bad; /* a message of which only this can be had; NOBODY: none */
    int bad_status;
    const char *bad_headers;
    bool has_nul; /* in what the list says of it */
    struct {
        struct fake *fake;
        int number;
        char path[64];
    } message[MESSAGES];
};

struct bench {
    char *directory;
    struct fake fake;
    struct ese_inbox *inbox;
    struct ese_history *http, *kafka;
};

static struct ese_id decision_of(int number)
{
    struct ese_id id = {{0}};
    id.bytes[0] = 7;
    id.bytes[15] = (uint8_t)(number / 2);
    return id;
}

static const char *transport_of(int number)
{
    return number % 3 == 0 ? "kafka" : "http";
}

static void list(void *context, struct ese_http_request *request)
{
    struct fake *fake = context;
    int64_t start = 0, limit = 0;
    struct ese_buffer text = ESE_BUFFER_INIT(100000);
    ese_number_parse(ese_http_request_query(request, "start"), "", 0, 1000000, &start, NULL);
    ese_number_parse(ese_http_request_query(request, "limit"), "", 0, 1000, &limit, NULL);
    pthread_mutex_lock(&fake->lock);
    ese_buffer_text(&text, "{\"messages\":[");
    for (int64_t i = start; i < start + limit && i < fake->count; i++)
        ese_buffer_printf(&text, "%s{\"ID\":\"m%d\",\"Subject\":\"s%s\"}", i > start ? "," : "",
                          fake->first + fake->count - 1 - (int)i, fake->has_nul ? "\\u0000" : "");
    ese_buffer_printf(&text, "],\"total\":%d}", fake->count);
    int status = fake->is_sick ? 500 : 200;
    pthread_mutex_unlock(&fake->lock);
    ese_http_reply(request, status, ESE_HTTP_JSON, text.text, text.length);
    ese_buffer_free(&text);
}

static void headers(void *context, struct ese_http_request *request)
{
    const struct { struct fake *fake; int number; } *message = context;
    struct ese_buffer text = ESE_BUFFER_INIT(1000);
    char id[ESE_ID_TEXT_SIZE];
    struct ese_id decision = decision_of(message->number);
    ese_id_text(&decision, id);
    ese_buffer_printf(&text, "{\"X-Ese-Decision\":[\"%s\"],\"X-Ese-Transport\":[\"%s\"]}", id,
                      transport_of(message->number));
    pthread_mutex_lock(&message->fake->lock);
    message->fake->asked_headers++;
    bool is_bad = message->number == message->fake->bad;
    int status = is_bad ? message->fake->bad_status : 200;
    if (is_bad) {
        ese_buffer_clear(&text);
        ese_buffer_text(&text, message->fake->bad_headers);
    }
    pthread_mutex_unlock(&message->fake->lock);
    ese_http_reply(request, status, ESE_HTTP_JSON, text.text, text.length);
    ese_buffer_free(&text);
}

static void open_fake(struct fake *fake)
{
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    pthread_mutex_init(&fake->lock, NULL);
    fake->bad = NOBODY;
    assert_int_equal(ese_http_server_open(&options, &fake->server, NULL), 0);
    ese_http_server_route(fake->server, "GET", "/api/v1/messages", list, fake);
    for (int i = 0; i < MESSAGES; i++) {
        fake->message[i].fake = fake;
        fake->message[i].number = i;
        snprintf(fake->message[i].path, sizeof fake->message[i].path, "/api/v1/message/m%d/headers", i);
        ese_http_server_route(fake->server, "GET", fake->message[i].path, headers, &fake->message[i]);
    }
    assert_int_equal(ese_http_server_start(fake->server, NULL), 0);
    snprintf(fake->url, sizeof fake->url, "http://%s/", ese_http_server_address(fake->server));
}

static struct ese_history *open_history(const struct bench *bench, const char *name)
{
    char *path = ese_test_path(bench->directory, name);
    struct ese_history *history = NULL;
    const struct ese_history_options options = {.path = path, .party = "inbox", .transport = "",
                                                .limit = 1 << 20};
    assert_int_equal(ese_history_open(&options, &history, NULL), 0);
    free(path);
    return history;
}

static void open_inbox(struct bench *bench)
{
    const struct ese_inbox_options options = {.url = bench->fake.url, .directory = bench->directory};
    ese_inbox_close(&bench->inbox);
    assert_int_equal(ese_inbox_open(&options, &bench->inbox, NULL), 0);
    ese_inbox_follow(bench->inbox, "http", bench->http);
    ese_inbox_follow(bench->inbox, "kafka", bench->kafka);
}

static int set_up(void **state)
{
    struct bench *bench = ese_alloc(sizeof *bench);
    bench->directory = ese_test_directory_make();
    open_fake(&bench->fake);
    bench->http = open_history(bench, "http.history");
    bench->kafka = open_history(bench, "kafka.history");
    open_inbox(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ese_inbox_close(&bench->inbox);
    ese_http_server_close(&bench->fake.server);
    ese_history_close(&bench->http);
    ese_history_close(&bench->kafka);
    ese_test_directory_remove(&bench->directory);
    free(bench);
    return 0;
}

static void put(struct fake *fake, int first, int count)
{
    pthread_mutex_lock(&fake->lock);
    fake->first = first;
    fake->count = count;
    pthread_mutex_unlock(&fake->lock);
}

static struct ese_history_reader *read_history(const struct bench *bench, const char *transport)
{
    char name[32];
    snprintf(name, sizeof name, "%s.history", transport);
    char *path = ese_test_path(bench->directory, name);
    struct ese_history_reader *reader = NULL;
    assert_int_equal(ese_history_read_open(path, &reader, NULL), 0);
    free(path);
    return reader;
}

/* How many records of a kind it has. */
static int count_noted(const struct bench *bench, const char *transport, enum ese_history_kind kind)
{
    struct ese_history_reader *reader = read_history(bench, transport);
    struct ese_history_record record;
    int count = 0;
    while (ese_history_read_next(reader, &record, NULL) == 1)
        count += record.kind == kind;
    ese_history_read_close(&reader);
    return count;
}

static int64_t followed(const struct bench *bench)
{
    struct ese_history_reader *reader = read_history(bench, "http");
    int64_t followed_ns = ese_history_read_count(reader, ESE_COUNT_FOLLOWED_NS);
    ese_history_read_close(&reader);
    return followed_ns;
}

/* What the history of a transport says must be just these messages, in their order. */
static void expect_noted(const struct bench *bench, const char *transport, int upto)
{
    struct ese_history_reader *reader = read_history(bench, transport);
    struct ese_history_record record;
    int64_t last_number = -1;
    for (int i = 0; i < upto; i++) {
        if (strcmp(transport_of(i), transport) != 0)
            continue;
        struct ese_id decision = decision_of(i);
        assert_int_equal(ese_history_read_next(reader, &record, NULL), 1);
        assert_int_equal(record.kind, ESE_HISTORY_MAIL_ARRIVED);
        assert_true(ese_id_equal(&record.id, &decision));
        assert_int_not_equal(record.a, last_number);
        last_number = record.a;
    }
    assert_int_equal(ese_history_read_next(reader, &record, NULL), 0);
    ese_history_read_close(&reader);
}

static int turn(struct bench *bench)
{
    return ese_inbox_turn(bench->inbox, TURN_MS, NULL);
}

static void each_mail_is_noted_once(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(turn(bench), 0);
    put(&bench->fake, 0, 5);
    assert_int_equal(turn(bench), 5);
    assert_int_equal(turn(bench), 0);
    put(&bench->fake, 0, MESSAGES); /* two pages are new */
    assert_int_equal(turn(bench), MESSAGES - 5);
    assert_int_equal(turn(bench), 0);
    assert_int_equal(bench->fake.asked_headers, MESSAGES);
    expect_noted(bench, "http", MESSAGES);
    expect_noted(bench, "kafka", MESSAGES);
}

static void the_next_life_goes_on(void **state)
{
    struct bench *bench = *state;
    put(&bench->fake, 0, 7);
    assert_int_equal(turn(bench), 7);
    open_inbox(bench);
    put(&bench->fake, 3, 20); /* the oldest have left meanwhile */
    assert_int_equal(turn(bench), 16);
    expect_noted(bench, "http", 23);
    expect_noted(bench, "kafka", 23);
}

static void an_inbox_that_is_away_or_sick_is_asked_again(void **state)
{
    struct bench *bench = *state;
    put(&bench->fake, 0, 4);
    bench->fake.is_sick = true;
    assert_int_equal(turn(bench), -1);
    bench->fake.is_sick = false;
    assert_int_equal(turn(bench), 4);
    ese_http_server_close(&bench->fake.server);
    assert_int_equal(turn(bench), -1);
    expect_noted(bench, "http", 4);
}

static void mails_of_others_are_passed_over(void **state)
{
    struct bench *bench = *state;
    const struct ese_inbox_options options = {.url = bench->fake.url, .directory = bench->directory};
    ese_inbox_close(&bench->inbox);
    assert_int_equal(ese_inbox_open(&options, &bench->inbox, NULL), 0);
    ese_inbox_follow(bench->inbox, "http", bench->http); /* kafka's are not ours now */
    put(&bench->fake, 0, 9);
    assert_int_equal(turn(bench), 6);
    expect_noted(bench, "http", 9);
    expect_noted(bench, "kafka", 0);
}

/* A turn that has no time lists a page, or notes a mail; what the next life finds is noted once, too. */
static void what_takes_longer_than_a_turn_goes_on_in_the_next(void **state)
{
    struct bench *bench = *state;
    put(&bench->fake, 0, MESSAGES);
    int noted = 0, turns = 0;
    for (; noted < MESSAGES; turns++) {
        if (turns == MESSAGES / 2)
            open_inbox(bench);
        assert_int_equal(followed(bench), 0);
        int said = ese_inbox_turn(bench->inbox, 0, NULL);
        assert_in_range(said, 0, 1);
        noted += said;
        assert_true(turns < 3 * MESSAGES);
    }
    assert_true(followed(bench) != 0);
    expect_noted(bench, "http", MESSAGES);
    expect_noted(bench, "kafka", MESSAGES);
}

/* More than fit any page or turn, of which only the oldest can still be had. */
static void the_oldest_of_many_are_noted(void **state)
{
    struct bench *bench = *state;
    put(&bench->fake, 0, 5200);
    int noted = 0;
    while (noted < MESSAGES) {
        int said = turn(bench);
        assert_true(said >= 0);
        noted += said;
    }
    assert_int_equal(noted, MESSAGES);
    expect_noted(bench, "http", MESSAGES);
}

/* All of them were never seen. */
static void what_is_too_deep_is_passed_over_and_told(void **state)
{
    struct bench *bench = *state;
    put(&bench->fake, 0, LISTED_MOST + 1);
    for (int page = 1; page < LISTED_MOST / PAGE; page++)
        assert_int_equal(ese_inbox_turn(bench->inbox, 0, NULL), 0);
    assert_int_equal(count_noted(bench, "http", ESE_HISTORY_SKIPPED), 0);
    assert_int_equal(ese_inbox_turn(bench->inbox, 0, NULL), 1); /* and the oldest that is not */
    assert_int_equal(count_noted(bench, "http", ESE_HISTORY_SKIPPED), 1);
    assert_int_equal(count_noted(bench, "kafka", ESE_HISTORY_SKIPPED), 1);
}

static void a_nul_hinders_nobody(void **state)
{
    struct bench *bench = *state;
    bench->fake.bad = 3;
    bench->fake.bad_status = 200;
    bench->fake.bad_headers = "{\"X-Other\":[\"a\\u0000b\"],\"X-Ese-Transport\":[\"http\\u0000\"]}";
    bench->fake.has_nul = true;
    put(&bench->fake, 0, 9);
    assert_int_equal(turn(bench), 8);
    assert_int_equal(turn(bench), 0);
    assert_int_equal(count_noted(bench, "http", ESE_HISTORY_SKIPPED), 0);
    assert_true(followed(bench) != 0);
}

/* It may be anybody's: as long as it is asked for, it is not all known, and then it cannot be told. */
static void a_mail_that_cannot_be_read_holds_up_no_other(void **state)
{
    struct bench *bench = *state;
    static const struct { int status; const char *headers; } bad[] = {{500, "{}"}, {200, "{\"X-Other\":[\"\xFF\"]}"}};
    for (int i = 0; i < (int)ESE_COUNT_OF(bad); i++) {
        bench->fake.bad = 2 + 20 * i;
        bench->fake.bad_status = bad[i].status;
        bench->fake.bad_headers = bad[i].headers;
        put(&bench->fake, 0, 10 + 20 * i);
        int64_t before = followed(bench);
        assert_int_equal(turn(bench), 9);
        put(&bench->fake, 0, 20 + 20 * i);
        assert_int_equal(turn(bench), 10);
        for (int turns = 2; turns < ASKED_MOST; turns++) {
            assert_int_equal(followed(bench), before);
            assert_int_equal(count_noted(bench, "kafka", ESE_HISTORY_SKIPPED), i);
            assert_int_equal(turn(bench), 0);
        }
        assert_int_equal(count_noted(bench, "http", ESE_HISTORY_SKIPPED), i + 1);
        assert_int_equal(count_noted(bench, "kafka", ESE_HISTORY_SKIPPED), i + 1);
        assert_true(followed(bench) > before);
    }
}

static void a_mail_that_can_be_read_again_is_noted(void **state)
{
    struct bench *bench = *state;
    bench->fake.bad = 2;
    bench->fake.bad_status = 500;
    bench->fake.bad_headers = "";
    put(&bench->fake, 0, 10);
    assert_int_equal(turn(bench), 9);
    open_inbox(bench); /* and the next life knows of it */
    assert_int_equal(turn(bench), 0);
    bench->fake.bad = NOBODY;
    assert_int_equal(turn(bench), 1);
    assert_int_equal(count_noted(bench, "http", ESE_HISTORY_MAIL_ARRIVED), 6);
    assert_int_equal(count_noted(bench, "http", ESE_HISTORY_SKIPPED), 0);
}

#define WITH_INBOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_INBOX(each_mail_is_noted_once),
        WITH_INBOX(the_next_life_goes_on),
        WITH_INBOX(an_inbox_that_is_away_or_sick_is_asked_again),
        WITH_INBOX(mails_of_others_are_passed_over),
        WITH_INBOX(what_takes_longer_than_a_turn_goes_on_in_the_next),
        WITH_INBOX(the_oldest_of_many_are_noted),
        WITH_INBOX(what_is_too_deep_is_passed_over_and_told),
        WITH_INBOX(a_nul_hinders_nobody),
        WITH_INBOX(a_mail_that_cannot_be_read_holds_up_no_other),
        WITH_INBOX(a_mail_that_can_be_read_again_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
