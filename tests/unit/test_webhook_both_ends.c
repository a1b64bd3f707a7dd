/* The consumer and the store together, as ese-consumer and ese-server have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/store_server.h"
#include "tests/unit/webhook_consumer.h"
#include "tests/unit/webhook_push.h"

#define MAILS "mail-requests"
#define OF_MAILS 2 /* partition */
#define SUBSCRIPTION "/subscriptions/group_s_mail_2drequests"
#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define OTHER "whsec_ZjEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct fixture {
    char *directory;
    char data[300], secrets[300], secret[300], other[300]; /* the last two: two of one name in different directories */
    enum ese_durability durability;
    bool has_secrets;
    struct ese_test_store_server server;
    char address[64]; /* of the first server; further ones take the same */
    struct webhook_consumer reader, second;
};

/* Once more, where there is one already. */
static void serve(struct fixture *fixture)
{
    const struct ese_test_store_options options = {
        .face = &ese_webhook_store,
        .durability = fixture->durability,
        .retention_ms = 600000,
        .listen = fixture->address[0] != '\0' ? fixture->address : NULL,
        .options = {fixture->data, fixture->has_secrets ? fixture->secrets : NULL},
    };

    ese_test_store_server_close(&fixture->server);
    ese_test_store_server_open(&fixture->server, &options);
    ese_fit_text(fixture->address, sizeof(fixture->address), fixture->server.address);
}

static void write_secret(char *path, const char *directory, const char *name, const char *text)
{
    snprintf(path, 300, "%s/%s", directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, 300, "%s/%s/pushes", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof(*fixture));
    char url[100];

    fixture->directory = ese_test_directory_make();
    fixture->durability = ESE_DURABILITY_OS;
    snprintf(fixture->data, sizeof(fixture->data), "data=%s/data", fixture->directory);
    snprintf(fixture->secrets, sizeof(fixture->secrets), "secrets=%s/ours", fixture->directory);
    write_secret(fixture->secret, fixture->directory, "ours", SECRET);
    write_secret(fixture->other, fixture->directory, "theirs", OTHER);
    serve(fixture);
    snprintf(url, sizeof(url), "http://%s", fixture->address);
    webhook_consumer_init(&fixture->reader, url);
    webhook_consumer_init(&fixture->second, url);
    webhook_consumer_option(&fixture->reader, "topic", MAILS);
    webhook_consumer_option(&fixture->second, "topic", MAILS);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    webhook_consumer_close(&fixture->reader);
    webhook_consumer_close(&fixture->second);
    ese_test_store_server_close(&fixture->server);
    ese_test_directory_remove(&fixture->directory);
    free(fixture);
    return 0;
}

/* ---- the server's side ----------------------------------------------------------------------- */

static struct ese_raw_answer ask(struct fixture *fixture, const char *method, const char *path, const char *headers,
                                 const char *body, size_t length)
{
    struct ese_buffer request = ESE_BUFFER_INIT(1 << 20);
    int fd = ese_raw_connect(fixture->address);

    ese_buffer_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", method, path, headers,
                      length);
    ese_buffer_append(&request, body, length);
    ese_raw_send(fd, request.text, request.length);
    ese_buffer_free(&request);
    return ese_raw_finish(fd, 200);
}

static void post(struct fixture *fixture, const char *body, size_t length)
{
    struct ese_raw_answer answer = ask(fixture, "POST", "/streams/" MAILS, "X-Event-Type: T\r\n", body, length);

    ese_raw_answer_clear(&answer);
}

static void post_good(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++)
        post(fixture, WEBHOOK_GOOD, strlen(WEBHOOK_GOOD));
}

static void do_to_subscription(struct fixture *fixture, const char *method, const char *path)
{
    struct ese_raw_answer answer = ask(fixture, method, path, "", "", 0);

    ese_raw_answer_clear(&answer);
}

/* ---- all that may stand in a stream ---------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t length;
    bool is_event;
} bodies[] = {
    {"", 0, false},
    {"{", 1, false},
    {"{\0", 2, false},
    {"[\0\0]", 4, false},
    {"{\xff\xfe\"\\", 5, false},
    {WEBHOOK_GOOD, sizeof(WEBHOOK_GOOD) - 1, true},
    {"\0", 1, false},
    {"no event", 8, false},
    {"{\"a\":\"\\u0000\"}", 14, false},
    {"null", 4, false},
    {"[[[[[[[[[[[[[[[[", 16, false},
    {"\xef\xbb\xbf{}", 5, false},
    {WEBHOOK_GOOD, sizeof(WEBHOOK_GOOD) - 1, true},
};

/* Each once, in order, and to the end. */
static void reads_them_all(struct webhook_consumer *reader)
{
    for (size_t i = 0; i < ESE_COUNT_OF(bodies);) {
        int records = 0, strays = 0;
        webhook_consumer_next(reader, WEBHOOK_PATIENCE_MS);
        for (; records + strays < reader->batch.count + reader->batch.unreadable; i++) {
            if (bodies[i].is_event) {
                assert_int_equal(reader->batch.records[records++].offset, (int64_t)i + 1);
                continue;
            }
            const struct ese_unreadable *stray = &reader->batch.unreadables[strays++];
            assert_int_equal(stray->offset, (int64_t)i + 1);
            assert_int_equal(stray->length, bodies[i].length);
            assert_memory_equal(stray->bytes, bodies[i].bytes, bodies[i].length);
        }
        webhook_consumer_acknowledge(reader, OF_MAILS, (int64_t)i + 1);
    }
    webhook_consumer_until_end(reader);
}

/* None of them is one that nobody gets past. */
static void whatever_was_posted_is_handed(void **state)
{
    static const char *const sizes[] = {"500", "2", "1"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ESE_COUNT_OF(bodies); i++)
        post(fixture, bodies[i].bytes, bodies[i].length);
    for (size_t i = 0; i < ESE_COUNT_OF(sizes); i++) {
        for (int with_group = 0; with_group < 2; with_group++) {
            fixture->reader.option_count = 1;
            webhook_consumer_option(&fixture->reader, "push-batch", sizes[i]);
            fixture->reader.group = with_group ? "group" : NULL;
            webhook_consumer_open(&fixture->reader);
            reads_them_all(&fixture->reader);
        }
    }
}

/* ---- who comes and goes ---------------------------------------------------------------------- */

static void what_was_not_acknowledged_is_pushed_to_the_next(void **state)
{
    struct fixture *fixture = *state;

    post_good(fixture, 3);
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 3);
    webhook_consumer_close(&fixture->reader);
    webhook_consumer_open(&fixture->second);
    webhook_consumer_hands(&fixture->second, OF_MAILS, 1, 3);
    webhook_consumer_acknowledge(&fixture->second, OF_MAILS, 4);
    webhook_consumer_until_end(&fixture->second);
}

static void the_newer_of_two_takes_over(void **state)
{
    struct fixture *fixture = *state;

    webhook_consumer_open(&fixture->reader);
    webhook_consumer_until_end(&fixture->reader);
    webhook_consumer_open(&fixture->second);
    webhook_consumer_until_end(&fixture->second);
    webhook_consumer_ends(&fixture->reader, ESE_E_FENCED, "a newer consumer has taken over");
    post_good(fixture, 1);
    webhook_consumer_hands(&fixture->second, OF_MAILS, 1, 1);
    webhook_consumer_acknowledge(&fixture->second, OF_MAILS, 2);
}

static void two_groups_do_not_know_of_each_other(void **state)
{
    struct fixture *fixture = *state;

    fixture->second.group = "group-2";
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_open(&fixture->second);
    post_good(fixture, 2);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 2);
    webhook_consumer_hands(&fixture->second, OF_MAILS, 1, 2);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 3);
    webhook_consumer_acknowledge(&fixture->second, OF_MAILS, 3);
    webhook_consumer_until_end(&fixture->reader);
    webhook_consumer_until_end(&fixture->second);
}

static void a_server_that_comes_back_goes_on(void **state)
{
    struct fixture *fixture = *state;

    post_good(fixture, 3);
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 3);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 4);
    serve(fixture);
    post_good(fixture, 2);
    for (int64_t position = 4; position < 6;) {
        webhook_consumer_next(&fixture->reader, WEBHOOK_PATIENCE_MS);
        for (int i = 0; i < fixture->reader.batch.count; i++, position++)
            assert_int_equal(fixture->reader.batch.records[i].offset, position);
        webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, position);
    }
    webhook_consumer_until_end(&fixture->reader);
}

static void a_server_that_has_lost_all_is_no_place_to_go_on(void **state)
{
    struct fixture *fixture = *state;

    post_good(fixture, 3);
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 3);
    webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 4);
    webhook_consumer_until_end(&fixture->reader);
    snprintf(fixture->data, sizeof(fixture->data), "data=%s/anew", fixture->directory);
    serve(fixture);
    webhook_consumer_ends(&fixture->reader, ESE_E_INVALID, "the server has lost what it had");
}

/* The next batch has one, behind that position, whose position this is. */
static int64_t hands_one_behind(struct webhook_consumer *reader, int64_t position)
{
    assert_int_equal(webhook_consumer_next(reader, WEBHOOK_PATIENCE_MS), 1);
    int64_t found = reader->batch.records[0].offset;
    assert_true(found > position);
    webhook_consumer_acknowledge(reader, OF_MAILS, found + 1);
    webhook_consumer_until_end(reader);
    return found;
}

/* Empty, each of its streams ends; and nothing of it is taken for what another life had. */
static void a_life_in_memory_has_nothing_of_the_last_one(void **state)
{
    struct fixture *fixture = *state;
    struct webhook_consumer *readers[] = {&fixture->reader, &fixture->second};
    int64_t positions[] = {0, 0};

    fixture->durability = ESE_DURABILITY_MEMORY;
    fixture->second.group = NULL; /* pulls */
    serve(fixture);
    for (size_t i = 0; i < 2; i++) {
        webhook_consumer_open(readers[i]);
        webhook_consumer_until_end(readers[i]);
    }
    for (int life = 0; life < 3; life++) {
        for (int times = 0; times < 2; times++) {
            post_good(fixture, 1);
            for (size_t i = 0; i < 2; i++)
                positions[i] = hands_one_behind(readers[i], positions[i]);
            assert_int_equal(positions[0], positions[1]);
        }
        serve(fixture);
        for (size_t i = 0; i < 2; i++)
            webhook_consumer_until_end(readers[i]);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(readers[i]->gaps, 2); /* what the lives before might have had */
}

static void in_memory_the_latest_is_where_it_begins(void **state)
{
    struct fixture *fixture = *state;

    fixture->durability = ESE_DURABILITY_MEMORY;
    serve(fixture);
    fixture->reader.place = ESE_OFFSET_LATEST;
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_until_end(&fixture->reader);
    post_good(fixture, 1);
    hands_one_behind(&fixture->reader, 1);
    assert_int_equal(fixture->reader.gaps, 0);
}

static void who_is_forgotten_or_paused_registers_again(void **state)
{
    static const struct {
        const char *method, *path;
    } deeds[] = {{"DELETE", SUBSCRIPTION}, {"POST", SUBSCRIPTION "/pause"}};
    struct fixture *fixture = *state;

    webhook_consumer_open(&fixture->reader);
    webhook_consumer_until_end(&fixture->reader);
    for (int i = 0; i < (int)ESE_COUNT_OF(deeds); i++) {
        do_to_subscription(fixture, deeds[i].method, deeds[i].path);
        post_good(fixture, 1);
        webhook_consumer_hands(&fixture->reader, OF_MAILS, 1 + i, 1);
        webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 2 + i);
        webhook_consumer_until_end(&fixture->reader);
    }
}

/* ---- who signs ------------------------------------------------------------------------------- */

static void what_the_server_signs_is_taken(void **state)
{
    static const int most[] = {1000, 1}; /* also of so small a batch, which would be pushed as single events */
    struct fixture *fixture = *state;

    fixture->has_secrets = true;
    serve(fixture);
    post_good(fixture, 1);
    webhook_consumer_option(&fixture->reader, "push-secret", fixture->secret);
    for (size_t i = 0; i < ESE_COUNT_OF(most); i++) {
        fixture->reader.max_batch = most[i];
        webhook_consumer_open(&fixture->reader);
        webhook_consumer_hands(&fixture->reader, OF_MAILS, 1, 1);
        webhook_consumer_acknowledge(&fixture->reader, OF_MAILS, 2);
        webhook_consumer_until_end(&fixture->reader);
    }
}

static void what_it_signs_by_another_secret_is_not(void **state)
{
    struct fixture *fixture = *state;

    fixture->has_secrets = true;
    serve(fixture);
    post_good(fixture, 1);
    webhook_consumer_option(&fixture->reader, "push-secret", fixture->other);
    webhook_consumer_open(&fixture->reader);
    for (int i = 0; i < 10; i++) {
        webhook_consumer_hands_nothing(&fixture->reader, 50);
        assert_false(fixture->reader.batch.at_end);
    }
}

static void who_cannot_sign_is_told_of(void **state)
{
    struct fixture *fixture = *state;

    webhook_consumer_option(&fixture->reader, "push-secret", fixture->secret);
    webhook_consumer_open(&fixture->reader);
    webhook_consumer_ends(&fixture->reader, ESE_E_INVALID, "this server has no directory of secrets");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_was_posted_is_handed),
        TEST(what_was_not_acknowledged_is_pushed_to_the_next),
        TEST(the_newer_of_two_takes_over),
        TEST(two_groups_do_not_know_of_each_other),
        TEST(a_server_that_comes_back_goes_on),
        TEST(a_server_that_has_lost_all_is_no_place_to_go_on),
        TEST(a_life_in_memory_has_nothing_of_the_last_one),
        TEST(in_memory_the_latest_is_where_it_begins),
        TEST(who_is_forgotten_or_paused_registers_again),
        TEST(what_the_server_signs_is_taken),
        TEST(what_it_signs_by_another_secret_is_not),
        TEST(who_cannot_sign_is_told_of),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
