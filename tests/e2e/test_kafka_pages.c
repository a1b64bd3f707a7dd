/*
 * Pages of the real broker's topics, by cursor: while their log is cut, has gaps, and gets more
 * partitions, over servers that come and go, and beyond what a view keeps. What any server's pages
 * owe is in tests/contract. Skipped without Java or jars.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/kafka/kafka_client.h"
#include "tests/e2e/kafka_server.h"
#include "tests/support/listing.h"
#include "tests/support/wait.h"
#include "transports/kafka/cursor.h"

#define WAIT_MS ESE_KAFKA_SERVER_WAIT_MS
#define RETENTION_MS 600000
#define SMALL_VIEW "view-bytes=4194304"

static struct ese_kafka_scene scene;
static struct ese_error error;
static struct ese_test_store_server writer, reader;

static void serve_reader(const char *option)
{
    ese_kafka_server_open(&scene, &reader, RETENTION_MS, ESE_KAFKA_SERVER_READER, option);
}

static int open_scene(void **state)
{
    (void)state;
    ese_kafka_scene_fresh_topics(&scene, false);
    ese_kafka_server_open(&scene, &writer, RETENTION_MS, ESE_KAFKA_SERVER_WRITER, NULL);
    serve_reader(NULL);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    ese_test_store_server_close(&writer);
    ese_test_store_server_close(&reader);
    return 0;
}

static void assert_good(const char *found_wrong)
{
    if (found_wrong != NULL)
        fail_msg("%s", found_wrong);
}

/* Events, each once and in order; with the place behind them. */
static char *follow(const struct ese_test_store_server *server, const char *after, int limit,
                    size_t events)
{
    struct ese_shown_page all = ese_listing_follow(server->address, after, limit);
    assert_good(ese_shown_check(&all));
    assert_int_equal(all.count, events);
    char *next = all.next;
    all.next = NULL;
    ese_shown_clear(&all);
    return next;
}

static rd_kafka_t *new_client(rd_kafka_type_t type, const struct ese_kafka_property *properties)
{
    rd_kafka_t *client = NULL;
    assert_int_equal(ese_kafka_client_new(type, scene.bootstrap, properties, &client, &error), 0);
    return client;
}

static void name_topic(char name[300])
{
    snprintf(name, 300, "%sclick-events", scene.prefix);
}

/* ---- servers ------------------------------------------------------------------------------- */

/* It is good at another server, and after both were started again. */
static void a_cursor_belongs_to_no_server(void **state)
{
    (void)state;
    ese_listing_post_many(writer.address, 0, 90, 7);
    struct ese_shown_page page = ese_listing_page(writer.address, "earliest", 30, "");
    assert_true(page.count > 0);
    free(follow(&reader, page.next, 25, 90 - page.count));
    ese_kafka_server_open(&scene, &writer, RETENTION_MS, ESE_KAFKA_SERVER_WRITER, NULL);
    serve_reader(SMALL_VIEW);
    ese_listing_post_many(writer.address, 1000, 10, 7);
    free(follow(&reader, page.next, 25, 100 - page.count));
    free(follow(&writer, page.next, 1000, 100 - page.count));
    ese_shown_clear(&page);
}

/* The cursor of one that has read on tells the other what it still has to read. */
static void a_server_that_is_behind_catches_up(void **state)
{
    (void)state;
    char *end = follow(&reader, "latest", 1, 0);
    for (int i = 0; i < 30; i++) {
        ese_listing_post_many(writer.address, i, 1, 7);
        struct ese_shown_page page = ese_listing_page(writer.address, end, 10, "");
        assert_int_equal(page.count, 1);
        free(end);
        end = follow(&reader, page.next, 10, 0);
        assert_string_equal(end, page.next);
        ese_shown_clear(&page);
    }
    free(end);
}

/* Also of what others have stored: nobody is told that there is nothing more while there is. */
static void an_empty_page_is_the_end(void **state)
{
    (void)state;
    char *end = follow(&reader, "latest", 1, 0);
    for (int i = 0; i < 30; i++) {
        ese_listing_post_many(writer.address, i, 1, 7);
        struct ese_shown_page page = ese_listing_page(reader.address, end, 10, "");
        assert_int_equal(page.count, 1);
        free(end);
        end = ese_copy_text(page.next);
        ese_shown_clear(&page);
    }
    free(end);
}

/* Also by a page that has something to show anyway, and so need not ask how far the topics go. */
static void what_was_acknowledged_is_on_the_next_page(void **state)
{
    (void)state;
    char *before = follow(&writer, "latest", 1, 0);
    for (int i = 0; i < 50; i++) {
        ese_listing_post_many(writer.address, 3 * i, 1, 7);
        struct ese_shown_page page = ese_listing_page(writer.address, before, 30, "");
        free(before);
        before = ese_copy_text(page.next);
        ese_shown_clear(&page);
        ese_listing_post_many(writer.address, 3 * i + 1, 2, 7);
        page = ese_listing_page(writer.address, before, 30, "");
        assert_true(ese_shown_has(&page, 3 * i + 1));
        assert_true(ese_shown_has(&page, 3 * i + 2));
        ese_shown_clear(&page);
    }
    free(before);
}

/* A server cannot hand out such a cursor: made here, with what it would be checked by. */
static void a_cursor_beyond_the_end_is_refused(void **state)
{
    (void)state;
    struct ese_kafka_cursor cursor = {.count = 3, .places = {{0, 0}, {1, 1000}, {2, 0}}};
    struct ese_buffer query = ESE_BUFFER_INIT(1024), origin = ESE_BUFFER_INIT(1024);
    rd_kafka_t *client = new_client(RD_KAFKA_PRODUCER, NULL);
    char *cluster = rd_kafka_clusterid(client, WAIT_MS);
    ese_buffer_printf(&origin, "%s/%s", cluster, scene.prefix);
    for (int round = 0; round < 2; round++) {
        ese_buffer_clear(&query);
        ese_buffer_text(&query, "?after=");
        ese_kafka_cursor_text(&cursor, origin.text, &query);
        struct ese_raw_answer answer =
            ese_listing_finish(ese_listing_begin(reader.address, query.text));
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.body, round == 0 ? "click-events-1" : "click-events-3"));
        ese_raw_answer_clear(&answer);
        cursor = (struct ese_kafka_cursor){.count = 4, .places = {{0, 0}, {1, 0}, {2, 0}, {3, 0}}};
    }
    rd_kafka_mem_free(client, cluster);
    rd_kafka_destroy(client);
    ese_buffer_free(&query);
    ese_buffer_free(&origin);
}

/* ---- the log ------------------------------------------------------------------------------- */

static void await_result(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

/* As its retention does it. */
static void forget_before(int partition, int64_t offset)
{
    char name[300];
    rd_kafka_t *client = new_client(RD_KAFKA_PRODUCER, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    name_topic(name);
    rd_kafka_topic_partition_list_add(list, name, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *deletion = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(client, &deletion, 1, NULL, queue);
    await_result(queue);
    rd_kafka_DeleteRecords_destroy(deletion);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
}

static size_t count_of(const struct ese_shown_page *page, const char *partition)
{
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++)
        count += strcmp(page->events[i].partition, partition) == 0;
    return count;
}

/* The "oldest" of the answer, which must be 410; the caller's. */
static char *oldest_of(const char *cursor)
{
    char query[8192], oldest[4096];
    snprintf(query, sizeof query, "?after=%s", cursor);
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(reader.address, query));
    assert_int_equal(answer.status, 410);
    const char *place = strstr(answer.body, "\"oldest\": \"");
    assert_non_null(place);
    assert_int_equal(sscanf(place + strlen("\"oldest\": \""), "%4095[^\"]", oldest), 1);
    ese_raw_answer_clear(&answer);
    return ese_copy_text(oldest);
}

/* What is gone of one partition is told; nothing of the others is passed over or shown again. */
static void what_the_log_forgot_is_told(void **state)
{
    (void)state;
    char *start = follow(&writer, "latest", 1, 0);
    ese_listing_post_many(writer.address, 0, 90, 31);
    struct ese_shown_page page = ese_listing_page(writer.address, start, 30, "");
    struct ese_shown_page all = ese_listing_follow(writer.address, start, 1000);
    size_t in_0 = count_of(&all, "click-events-0"), shown = count_of(&page, "click-events-0");
    assert_true(in_0 > shown + 3);
    forget_before(0, (int64_t)shown + 3);
    char *oldest = oldest_of(page.next);
    free(follow(&reader, oldest, 20, 90 - page.count - 3));
    free(oldest);
    oldest = oldest_of(start);
    free(follow(&reader, oldest, 20, 90 - shown - 3));
    free(oldest);
    ese_listing_post_many(writer.address, 1000, 5, 31);
    free(follow(&reader, all.next, 20, 5)); /* who was further misses nothing */
    free(start);
    ese_shown_clear(&page);
    ese_shown_clear(&all);
}

static void produce(rd_kafka_t *client, int partition, int client_ts)
{
    char name[300], value[200];
    name_topic(name);
    snprintf(value, sizeof value,
             "{\"sub_type\":\"S\",\"ip\":\"10.0.1.%d\",\"client_timestamp\":%d,\"data\":\"{}\"}",
             partition, client_ts);
    assert_int_equal(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(name),
                                       RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_VALUE(value, strlen(value)),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     0);
    rd_kafka_flush(client, WAIT_MS);
}

static void assert_done(rd_kafka_error_t *failure)
{
    if (failure != NULL)
        fail_msg("%s", rd_kafka_error_string(failure));
}

/* Offsets that nobody is ever handed, also as the last ones: aborted transactions leave them behind,
 * as compaction does. */
static void gaps_hold_up_nobody(void **state)
{
    (void)state;
    static const struct ese_kafka_property properties[] = {{"transactional.id", "gaps"}, {NULL, NULL}};
    rd_kafka_t *client = new_client(RD_KAFKA_PRODUCER, properties);
    char *start = follow(&reader, "latest", 1, 0);
    assert_done(rd_kafka_init_transactions(client, WAIT_MS));
    for (int i = 0; i < 6; i++) {
        assert_done(rd_kafka_begin_transaction(client));
        for (int k = 0; k < 6; k++)
            produce(client, k % 3, 10 * i + k);
        assert_done(i % 2 == 0 ? rd_kafka_commit_transaction(client, WAIT_MS)
                               : rd_kafka_abort_transaction(client, WAIT_MS));
    }
    rd_kafka_destroy(client);
    free(follow(&reader, start, 1, 18));
    free(follow(&reader, start, 100, 18));
    serve_reader(NULL);
    free(follow(&reader, start, 7, 18));
    struct ese_shown_page list = ese_listing_list(reader.address);
    assert_int_equal(list.count, 18);
    ese_shown_clear(&list);
    free(start);
}

static void add_partitions(int count)
{
    char name[300], reason[200];
    rd_kafka_t *client = new_client(RD_KAFKA_PRODUCER, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    name_topic(name);
    rd_kafka_NewPartitions_t *wanted =
        rd_kafka_NewPartitions_new(name, (size_t)count, reason, sizeof reason);
    rd_kafka_CreatePartitions(client, &wanted, 1, NULL, queue);
    await_result(queue);
    rd_kafka_NewPartitions_destroy(wanted);
    rd_kafka_destroy(client);
}

/* A cursor of before knows nothing of them. */
static void partitions_may_be_added(void **state)
{
    (void)state;
    rd_kafka_t *client = new_client(RD_KAFKA_PRODUCER, NULL);
    char *start = follow(&writer, "latest", 1, 0);
    ese_listing_post_many(writer.address, 0, 30, 7);
    char *between = follow(&reader, start, 10, 30);
    add_partitions(5);
    for (int i = 0; i < 10; i++)
        produce(client, i % 5, 1000 + i);
    rd_kafka_destroy(client);
    /* as many as are found by then; the rest by the cursor of then */
    struct ese_shown_page found = ese_listing_follow(reader.address, between, 1);
    size_t seen = found.count;
    for (int i = 0; i < 100 && seen < 10; i++) {
        struct ese_shown_page more = ese_listing_page(reader.address, found.next, 10, "&wait=1000");
        seen += more.count;
        free(found.next);
        found.next = ese_copy_text(more.next);
        ese_shown_clear(&more);
    }
    assert_int_equal(seen, 10);
    free(follow(&reader, found.next, 10, 0));
    free(follow(&reader, between, 10, 10));
    free(follow(&reader, start, 10, 40));
    serve_reader(NULL);
    free(follow(&reader, start, 3, 40));
    free(start);
    free(between);
    ese_shown_clear(&found);
}

static bool shows_both_new_ones(void *context)
{
    struct ese_shown_page *page = context;
    char *start = page->next;
    page->next = NULL;
    ese_shown_clear(page);
    *page = ese_listing_page(reader.address, start, 6, "");
    free(page->next);
    page->next = start;
    return count_of(page, "click-events-3") > 0 && count_of(page, "click-events-4") > 0;
}

/* What they show does not make room for the others' events when these come later. */
static void a_page_of_partitions_that_were_added_is_repeated(void **state)
{
    (void)state;
    rd_kafka_t *client = new_client(RD_KAFKA_PRODUCER, NULL);
    struct ese_shown_page page = {.next = follow(&reader, "latest", 1, 0)};
    add_partitions(5);
    for (int i = 0; i < 8; i++)
        produce(client, 3 + i % 2, i);
    rd_kafka_destroy(client);
    assert_true(ese_test_wait_until(shows_both_new_ones, &page, WAIT_MS));
    ese_listing_post_many(writer.address, 1000, 30, 7);
    struct ese_shown_page again = ese_listing_page(reader.address, page.next, 6, "");
    assert_good(ese_shown_check_again(&page, &again));
    free(follow(&reader, page.next, 6, 38));
    ese_shown_clear(&page);
    ese_shown_clear(&again);
}

/* A topic that was deleted and made again is another log, of which a view shows all, and nothing of the one before;
 * the cursor of that lies beyond its end. */
static void topics_that_are_made_again_are_shown_anew(void **state)
{
    (void)state;
    char query[8192];
    ese_listing_post_many(writer.address, 0, 90, 7);
    char *old = follow(&reader, "earliest", 1000, 90);
    ese_test_store_server_close(&writer);
    ese_kafka_scene_remove_topics(&scene);
    ese_kafka_scene_make_topics(&scene, false);
    ese_kafka_server_open(&scene, &writer, RETENTION_MS, ESE_KAFKA_SERVER_WRITER, NULL);
    ese_listing_post_many(writer.address, 1000, 10, 7);
    struct ese_shown_page list = ese_listing_list(reader.address); /* 503 as long as it is not this */
    assert_int_equal(list.count, 10);
    assert_true(ese_shown_has(&list, 1000) && ese_shown_has(&list, 1009));
    ese_shown_clear(&list);
    free(follow(&reader, "earliest", 3, 10));
    free(follow(&writer, "earliest", 3, 10));
    snprintf(query, sizeof query, "?after=%s", old);
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(reader.address, query));
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "click-events"));
    ese_raw_answer_clear(&answer);
    free(old);
}

/* ---- the bound ----------------------------------------------------------------------------- */

#define LARGE 60000

/* Of one ip each: they stay in the order of their client_ts. Ten go in a request. */
static void store_large(int first, int events)
{
    struct ese_buffer body = ESE_BUFFER_INIT(1 << 20);
    for (int i = first; i < first + events; i++) {
        ese_buffer_printf(&body,
                          "%s{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"S\"},"
                          "\"timestamp\":%d,\"ip\":\"10.0.0.%d\",\"data\":{\"p\":\"%0*d\"}}",
                          body.length == 0 ? "{\"events\":[" : ",", i, i % 7, LARGE, 0);
        if ((i - first) % 10 != 9 && i != first + events - 1)
            continue;
        ese_buffer_text(&body, "]}");
        ese_listing_store(writer.address, "/events", body.text);
        ese_buffer_clear(&body);
    }
    ese_buffer_free(&body);
}

static int64_t shown_of(const char *gauge)
{
    return ese_metric_value(ese_metrics_gauge(reader.metrics, gauge, NULL, ""));
}

/* Three times what it may keep: what it no longer has, it reads. */
static void pages_go_beyond_what_is_kept(void **state)
{
    (void)state;
    serve_reader(SMALL_VIEW);
    char *start = follow(&reader, "latest", 1, 0);
    store_large(0, 100);
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(reader.address, ""));
    assert_int_equal(answer.status, 413);
    assert_non_null(strstr(answer.body, "?after=earliest"));
    ese_raw_answer_clear(&answer);
    assert_true(shown_of("ese_view_events") < 100);
    assert_true(shown_of("ese_view_bytes") <= 4194304 / 2);
    struct ese_shown_page page = ese_listing_page(reader.address, start, 1000, "");
    store_large(1000, 5);
    struct ese_shown_page again = ese_listing_page(reader.address, start, 1000, "");
    assert_good(ese_shown_check_again(&page, &again));
    free(follow(&reader, start, 1000, 105));
    free(follow(&reader, "earliest", 60, 105));
    ese_shown_clear(&page);
    ese_shown_clear(&again);
    free(start);
}

/* In KiB. */
static long resident(void)
{
    long total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &total, &pages), 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Forty megabytes go through a view of four; what grows meanwhile, librdkafka's and the
 * allocator's, has its own bounds. */
static void memory_stays_as_it_is(void **state)
{
    (void)state;
    serve_reader(SMALL_VIEW);
    store_large(0, 200);
    free(follow(&reader, "latest", 1, 0));
    long before = resident();
    for (int i = 1; i < 4; i++) {
        store_large(1000 * i, 230);
        free(follow(&reader, "latest", 1, 0));
    }
    assert_in_range(resident(), 0, before + 16 * 1024);
}

static int end_scene(void **state)
{
    (void)state;
    ese_kafka_scene_close(&scene);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

/* With any argument what takes long, else the rest. */
int main(int count, char **words)
{
    (void)words;
    const struct CMUnitTest thorough[] = {TEST(memory_stays_as_it_is)};
    const struct CMUnitTest tests[] = {
        TEST(a_cursor_belongs_to_no_server),
        TEST(a_server_that_is_behind_catches_up),
        TEST(what_was_acknowledged_is_on_the_next_page),
        TEST(an_empty_page_is_the_end),
        TEST(a_cursor_beyond_the_end_is_refused),
        TEST(what_the_log_forgot_is_told),
        TEST(gaps_hold_up_nobody),
        TEST(partitions_may_be_added),
        TEST(a_page_of_partitions_that_were_added_is_repeated),
        TEST(topics_that_are_made_again_are_shown_anew),
        TEST(pages_go_beyond_what_is_kept),
    };
    if (!ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return count > 1 ? cmocka_run_group_tests(thorough, NULL, end_scene)
                     : cmocka_run_group_tests(tests, NULL, end_scene);
}
