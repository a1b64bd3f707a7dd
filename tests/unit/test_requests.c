/* Requests of a topic, handed by a transport that says what a case needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "ese-core/mail_request.h"
#include "ese-core/memory.h"
#include "ese-mailer/requests.h"
#include "tests/support/directory.h"

#define PARTITIONS 2
#define RECORDS 32
#define TURN_MS 10
#define TRACE "00-0190a000000170028003000400050006-0190a00000017002-01"

/* ---- the transport --------------------------------------------------------------------------- */

struct ese_consumer {
    struct ese_consume_settings settings;
    bool given;
    int64_t next[PARTITIONS];
    struct ese_record handed[RECORDS];
};

static struct {
    struct ese_event events[PARTITIONS][RECORDS];
    int count[PARTITIONS];
    int64_t began[PARTITIONS];        /* where the listener wanted to begin */
    int64_t acknowledged[PARTITIONS]; /* -1: nothing */
    int fences, opened, unreadable;
    struct ese_unreadable unreadables[3];
    const char *away;
    void (*before_handing)(void);
} topic;

static int open_consumer(const struct ese_config *config,
                         const struct ese_consume_settings *settings,
                         struct ese_consumer **consumer, struct ese_error *error)
{
    (void)config;
    (void)error;
    *consumer = ese_alloc(sizeof **consumer);
    (*consumer)->settings = *settings;
    topic.opened++;
    return 0;
}

static void close_consumer(struct ese_consumer **consumer)
{
    if (*consumer == NULL)
        return;
    for (int32_t i = 0; i < PARTITIONS && (*consumer)->given; i++)
        (*consumer)->settings.listener.taken((*consumer)->settings.listener.context, i);
    free(*consumer);
    *consumer = NULL;
}

static void give(struct ese_consumer *consumer)
{
    for (int32_t i = 0; i < PARTITIONS && !consumer->given; i++) {
        topic.began[i] = consumer->settings.listener.given(consumer->settings.listener.context, i);
        consumer->next[i] = topic.began[i] == ESE_OFFSET_EARLIEST ? 0 : topic.began[i];
    }
    consumer->given = true;
}

/* One of each partition in turn, as far as there are any. */
static int next_batch(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                      struct ese_error *error)
{
    (void)timeout_ms;
    int count = 0;
    if (topic.fences > 0) {
        topic.fences--;
        return ese_fail(error, ESE_E_FENCED, "a newer member 1 has taken over");
    }
    give(consumer);
    if (topic.before_handing != NULL)
        topic.before_handing();
    for (int round = 0; round < RECORDS; round++) {
        for (int32_t i = 0; i < PARTITIONS; i++) {
            int64_t at = consumer->next[i];
            if (at >= topic.count[i] || count == RECORDS)
                continue;
            consumer->handed[count++] = (struct ese_record){
                .event = topic.events[i][at], .partition = i, .offset = at, .next = at + 1};
            consumer->next[i]++;
        }
    }
    *batch = (struct ese_batch){.records = consumer->handed, .count = count, .unreadable = topic.unreadable,
                                .unreadables = topic.unreadables, .away = topic.away};
    topic.unreadable = 0;
    return 0;
}

static void acknowledge(struct ese_consumer *consumer, int32_t partition, int64_t next)
{
    (void)consumer;
    topic.acknowledged[partition] = next;
}

static void name_partition(int32_t partition, char *text, size_t size)
{
    snprintf(text, size, "requests-%d", (int)partition);
}

static const struct ese_consume_face consume = {
    .open = open_consumer, .next = next_batch, .acknowledge = acknowledge,
    .close = close_consumer, .partition_name = name_partition};
static const struct ese_transport transport = {.name = "walk", .consume = &consume};

/* ---- the mailer's side ----------------------------------------------------------------------- */

struct desk {
    char *directory, *path;
    struct ese_metrics *metrics;
    struct ese_history *history;
    struct ese_contact *contact;
    struct ese_allow_list *allowed;
    struct ese_outbox *outbox;
    struct ese_requests *requests;
    int64_t waiting_most;
};

static struct desk *the_desk;

static void open_all(struct desk *desk)
{
    struct ese_error error;
    const struct ese_outbox_options outbox = {
        .path = desk->path, .waiting_most = desk->waiting_most, .keep_ms = 3600000,
        .history = desk->history, .metrics = desk->metrics};
    if (ese_outbox_open(&outbox, &desk->outbox, &error) != 0)
        fail_msg("%s", error.text);
    const struct ese_requests_options requests = {
        .transport = &transport, .group = "g", .outbox = desk->outbox, .allowed = desk->allowed,
        .history = desk->history, .metrics = desk->metrics, .contact = desk->contact};
    if (ese_requests_open(&requests, &desk->requests, &error) != 0)
        fail_msg("%s", error.text);
}

static void close_all(struct desk *desk)
{
    ese_requests_close(&desk->requests);
    ese_outbox_close(&desk->outbox);
}

static int set_up(void **state)
{
    struct desk *desk = the_desk = ese_alloc(sizeof *desk);
    *state = desk;
    memset(&topic, 0, sizeof topic);
    for (int i = 0; i < PARTITIONS; i++)
        topic.acknowledged[i] = -1;
    desk->directory = ese_test_directory_make();
    desk->path = ese_test_path(desk->directory, "outbox");
    desk->metrics = ese_metrics_new();
    desk->contact = ese_contact_new("the topic");
    desk->waiting_most = 1000;
    assert_int_equal(ese_history_open(&(struct ese_history_options){.path = NULL}, &desk->history,
                                      NULL), 0);
    assert_int_equal(ese_allow_list_parse("@ese.org", &desk->allowed, NULL), 0);
    open_all(desk);
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    close_all(desk);
    for (int i = 0; i < PARTITIONS; i++)
        for (int k = 0; k < topic.count[i]; k++)
            ese_event_clear(&topic.events[i][k]);
    ese_allow_list_free(&desk->allowed);
    ese_history_close(&desk->history);
    ese_contact_free(&desk->contact);
    ese_metrics_free(&desk->metrics);
    free(desk->path);
    ese_test_directory_remove(&desk->directory);
    free(desk);
    return 0;
}

static void turn(struct desk *desk)
{
    struct ese_error error = {.code = ESE_OK};
    if (ese_requests_turn(desk->requests, TURN_MS, &error) != 0)
        fail_msg("%s", error.text);
}

/* ---- what is on the topic, and what came of it ----------------------------------------------- */

static struct ese_event *put_body(int32_t partition, const char *body)
{
    uint32_t number = (uint32_t)topic.count[partition]++;
    struct ese_event *event = &topic.events[partition][number];
    const struct ese_id_parts id = {.time_ms = 1, .lane = (uint16_t)partition, .run = 1,
                                    .sequence = number};
    ese_mail_request_make(event, &(struct ese_mail_request){.event = ese_id_make(&id),
                                                            .key = "10.0.0.1",
                                                            .traceparent = TRACE, .body = body});
    return event;
}

static struct ese_event *put_to(int32_t partition, const char *id, const char *to,
                                const char *content)
{
    char body[400];
    snprintf(body, sizeof body,
             "{\"from\":\"a@ese.org\",\"to\":\"%s\",\"subject\":\"s\",\"content\":\"%s\","
             "\"id\":\"%s\",\"transport\":\"file\"}", to, content, id);
    return put_body(partition, body);
}

static void put(int32_t partition, const char *id)
{
    put_to(partition, id, "b@ese.org", "c");
}

/* One number out of the outbox's file, as anybody may read it. */
static int64_t ask(const struct desk *desk, const char *sql)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {
        .path = desk->path, .durability = ESE_DURABILITY_OS, .read_only = true};
    assert_int_equal(ese_sqlite_open(&options, &database, NULL), 0);
    struct ese_statement *statement = ese_statement_new(database, sql);
    int64_t number = -1;
    if (ese_statement_step(statement, NULL) == 1) {
        number = ese_statement_column_number(statement, 0);
        ese_statement_reset(statement);
    }
    ese_sqlite_close(&database);
    return number;
}

#define POSITION(partition)                                                                       \
    "SELECT next FROM position WHERE transport = 'walk' AND partition = " #partition
#define MAILS "SELECT count(*) FROM mail"

static int64_t counted(const struct desk *desk, const char *answer)
{
    char label[40];
    snprintf(label, sizeof label, "answer=\"%s\"", answer);
    return ese_metric_value(
        ese_metrics_counter(desk->metrics, "ese_mails_asked_total", label, ""));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void takes_what_is_asked_for(void **state)
{
    struct desk *desk = *state;
    put(0, "one");
    put(1, "two");
    put(0, "three");
    turn(desk);
    assert_int_equal(ask(desk, MAILS), 3);
    assert_int_equal(ask(desk, "SELECT count(*) FROM mail WHERE id = 'two' AND recipient = "
                               "'b@ese.org' AND transport = 'file' AND traceparent = '" TRACE "'"),
                     1);
    assert_int_equal(ask(desk, POSITION(0)), 2);
    assert_int_equal(ask(desk, POSITION(1)), 1);
    assert_int_equal(topic.acknowledged[0], 2);
    assert_int_equal(topic.acknowledged[1], 1);
    assert_int_equal(topic.began[0], ESE_OFFSET_EARLIEST);
    assert_int_equal(counted(desk, "taken"), 3);
}

static void goes_on_where_its_outbox_says(void **state)
{
    struct desk *desk = *state;
    put(0, "one");
    put(0, "two");
    turn(desk);
    close_all(desk);
    put(0, "three");
    open_all(desk);
    turn(desk);
    assert_int_equal(topic.began[0], 2);
    assert_int_equal(topic.began[1], ESE_OFFSET_EARLIEST);
    assert_int_equal(ask(desk, MAILS), 3);
    assert_int_equal(ask(desk, POSITION(0)), 3);
    assert_int_equal(counted(desk, "known"), 0);
}

/* The same decision, put there twice, and once by POST. */
static void knows_what_it_has(void **state)
{
    struct desk *desk = *state;
    put(0, "one");
    put(1, "one");
    put(0, "one");
    turn(desk);
    assert_int_equal(ask(desk, MAILS), 1);
    assert_int_equal(counted(desk, "taken"), 1);
    assert_int_equal(counted(desk, "known"), 2);
    assert_int_equal(ask(desk, POSITION(0)), 2);
}

static void who_gives_no_id_is_known_by_the_record(void **state)
{
    struct desk *desk = *state;
    char id[ESE_ID_TEXT_SIZE], sql[100];
    struct ese_event *event = put_body(
        0, "{\"from\":\"a@ese.org\",\"to\":\"b@ese.org\",\"subject\":\"s\",\"content\":\"c\"}");
    ese_id_text(&event->id, id);
    turn(desk);
    snprintf(sql, sizeof sql, MAILS " WHERE id = '%s'", id);
    assert_int_equal(ask(desk, sql), 1);
}

static void passes_over_what_is_no_mail(void **state)
{
    struct desk *desk = *state;
    put(0, "one");
    put_to(0, "one", "b@ese.org", "another");
    put_to(0, "two", "boss@example.org", "c");
    put_to(0, "three", "b@ese.org\\r\\nRCPT TO:<x@ese.org>", "c");
    put_body(0, "{\"from\":\"a@ese.org\"}");
    put(0, "five");
    snprintf(topic.events[0][topic.count[0] - 1].type, ESE_EVENT_TYPE_SIZE, ESE_TYPE_CLICK);
    topic.unreadable = 3; /* the last of them behind all that is one, in another partition */
    topic.unreadables[2] = (struct ese_unreadable){.partition = 1, .offset = 8, .next = 9};
    put(0, "last");
    turn(desk);
    assert_int_equal(topic.acknowledged[0], 7);
    assert_int_equal(topic.acknowledged[1], 9);
    assert_int_equal(ask(desk, MAILS), 2);
    assert_int_equal(ask(desk, MAILS " WHERE content = 'another'"), 0);
    assert_int_equal(ask(desk, POSITION(0)), 7);
    assert_int_equal(counted(desk, "taken"), 2);
    assert_int_equal(counted(desk, "conflict"), 1);
    assert_int_equal(counted(desk, "forbidden"), 1);
    assert_int_equal(counted(desk, "malformed"), 3 + 3);
}

/* Sends all that it is given, until there have been so many. */
static void *send_all(void *context)
{
    struct desk *desk = context;
    for (int i = 0; i < 7; i++) {
        struct ese_mail_row row;
        if (ese_outbox_claim(desk->outbox, &row, NULL) != 0)
            break;
        const struct ese_mail_end end = {.seq = row.seq, .status = ESE_MAIL_SENT};
        ese_outbox_end(desk->outbox, &end, NULL);
        ese_mail_row_clear(&row);
    }
    return NULL;
}

/* A full outbox takes what it has room for; the rest is held, and nothing is lost or read again. */
static void holds_what_finds_no_room(void **state)
{
    struct desk *desk = *state;
    pthread_t sender;
    close_all(desk);
    desk->waiting_most = 2;
    open_all(desk);
    for (int i = 0; i < 7; i++) {
        char id[20];
        snprintf(id, sizeof id, "mail-%d", i);
        put(0, id);
    }
    pthread_create(&sender, NULL, send_all, desk);
    turn(desk);
    pthread_join(sender, NULL);
    assert_int_equal(ask(desk, MAILS), 7);
    assert_int_equal(ask(desk, POSITION(0)), 7);
    assert_int_equal(counted(desk, "taken"), 7);
    assert_int_equal(counted(desk, "known"), 0);
    assert_true(counted(desk, "full") > 0);
    assert_int_equal(topic.acknowledged[0], 7);
}

static void read_further(void)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {
        .path = the_desk->path, .durability = ESE_DURABILITY_OS, .read_only = false};
    assert_int_equal(ese_sqlite_open(&options, &database, NULL), 0);
    assert_int_equal(ese_sqlite_run(database, "INSERT INTO position(transport, partition, name, next)"
                                              " VALUES('walk', 0, 'x', 5)", NULL), 0);
    ese_sqlite_close(&database);
    topic.before_handing = NULL;
}

/* Whoever read further than this one has it from somewhere: nothing of the batch may be taken. */
static void a_position_that_moved_fences(void **state)
{
    struct desk *desk = *state;
    struct ese_error error = {.code = ESE_OK};
    topic.before_handing = read_further;
    put(0, "one");
    put(0, "two");
    assert_int_equal(ese_requests_turn(desk->requests, TURN_MS, &error), -1);
    assert_int_equal(error.code, ESE_E_FENCED);
    assert_int_equal(ask(desk, MAILS), 0);
    assert_int_equal(ask(desk, POSITION(0)), 5);
    assert_int_equal(topic.acknowledged[0], -1);
}

static void its_own_ghost_is_let_pass(void **state)
{
    struct desk *desk = *state;
    struct ese_error error = {.code = ESE_OK};
    topic.fences = 2;
    put(0, "one");
    for (int i = 0; i < 3; i++)
        turn(desk);
    assert_int_equal(topic.opened, 3);
    assert_int_equal(ask(desk, MAILS), 1);
    topic.fences = 1000;
    int result = 0;
    for (int i = 0; i < 10 && result == 0; i++)
        result = ese_requests_turn(desk->requests, TURN_MS, &error);
    assert_int_equal(result, -1);
    assert_int_equal(error.code, ESE_E_FENCED);
    assert_non_null(strstr(error.text, "another mailer"));
}

static void tells_who_is_away(void **state)
{
    struct desk *desk = *state;
    char text[200];
    topic.away = "nobody answers";
    turn(desk);
    assert_true(ese_contact_away_ms(desk->contact, text, sizeof text) >= 0);
    assert_non_null(strstr(text, "nobody answers"));
    topic.away = NULL;
    turn(desk);
    assert_int_equal(ese_contact_away_ms(desk->contact, text, sizeof text), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_what_is_asked_for),
        TEST(goes_on_where_its_outbox_says),
        TEST(knows_what_it_has),
        TEST(who_gives_no_id_is_known_by_the_record),
        TEST(passes_over_what_is_no_mail),
        TEST(holds_what_finds_no_room),
        TEST(a_position_that_moved_fences),
        TEST(its_own_ghost_is_let_pass),
        TEST(tells_who_is_away),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
