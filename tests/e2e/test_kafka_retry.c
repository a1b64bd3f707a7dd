/*
 * A gateway is killed after the broker has acknowledged, and what it was asked is asked of its
 * successor, which knows nothing of it: stored twice, processed once, one mail asked. All programs
 * are the real ones, on a real broker. Skipped without Java or jars.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/http_client.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/kafka/port.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/ledger.h"
#include "orchestration/lab/oracle.h"
#include "orchestration/lab/readiness.h"
#include "tests/e2e/kafka_topics.h"
#include "tests/support/directory.h"
#include "tests/support/fake_mailer.h"
#include "tests/support/wait.h"

#define WAIT_MS 30000
#define PRESSES 3
#define POSTS_MOST 12

static struct ese_kafka_scene scene;
static struct ese_error error;

static void must(int result)
{
    if (result != 0)
        fail_msg("%s", error.text);
}

/* ---- the world ----------------------------------------------------------------------------- */

/* One request, and the ids it was answered with. */
struct post {
    const char *path;
    char headers[64];
    char body[1024];
    char answered[PRESSES][ESE_ID_TEXT_SIZE];
};

static struct world {
    char *directory, *state, *history, *ready, *log;
    char url[80];
    struct ese_process *gateway;
    struct ese_http_client *client;
    struct fake_mailer *mailer;
    struct post posts[POSTS_MOST];
    int post_count;
    struct ese_port *port; /* the gateway's, also while it is dead */
    int keys;   /* one decision for each has to come */
    int events; /* in all posts */
} world;

static char *program(const char *name)
{
    return ese_test_path(getenv("ESE_BUILD"), name);
}

static struct ese_process *new_process(const char *path, const char *name)
{
    char *file = program(path);
    struct ese_process *process = ese_process_new(name, world.log);
    ese_process_argument(process, file);
    ese_process_option(process, "--transport", "kafka");
    ese_process_option(process, "--bootstrap-servers", scene.bootstrap);
    ese_process_option(process, "--topic-prefix", scene.prefix);
    free(file);
    return process;
}

static int open_world(void **state)
{
    char address[64];
    (void)state;
    ese_kafka_scene_fresh_topics(&scene, false);
    world = (struct world){.directory = ese_test_directory_make()};
    must(ese_port_draw(&world.port, &error));
    snprintf(address, sizeof address, "127.0.0.1:%d", ese_port_number(world.port));
    world.state = ese_test_path(world.directory, ESE_ARTIFACT_STATE);
    world.history = ese_test_path(world.directory, ESE_ARTIFACT_CONSUMER_HISTORY);
    world.ready = ese_test_path(world.directory, "ready");
    world.log = ese_test_path(world.directory, "log");
    snprintf(world.url, sizeof world.url, "http://%s", address);
    world.gateway = new_process("ese-server/ese-server", "ese-server");
    ese_process_option(world.gateway, "--listen", address);
    ese_process_option(world.gateway, "--ready-file", world.ready);
    must(ese_http_client_open(8, NULL, &world.client, &error));
    world.mailer = fake_mailer_open(NULL, NULL);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    ese_process_free(&world.gateway);
    ese_port_release(&world.port);
    ese_http_client_close(&world.client);
    fake_mailer_close(&world.mailer);
    free(world.state);
    free(world.history);
    free(world.ready);
    free(world.log);
    ese_test_directory_remove(&world.directory);
    return 0;
}

/* ---- asking the gateway -------------------------------------------------------------------- */

struct answer {
    int status;
    char body[8192];
};

static void answered(void *context, const struct ese_http_answer *came)
{
    struct answer *answer = context;
    answer->status = came->status;
    snprintf(answer->body, sizeof answer->body, "%s", came->body);
}

static void ask(const char *method, const char *path, const char *headers, const char *body,
                struct answer *answer)
{
    char whole[128];
    snprintf(whole, sizeof whole, "%s%s", world.url, path);
    const struct ese_http_call call = {.method = method, .url = whole, .headers = headers,
                                       .body = body, .length = body == NULL ? 0 : strlen(body),
                                       .timeout_ms = WAIT_MS, .done = answered, .context = answer};
    ese_http_client_call(world.client, &call);
    while (ese_http_client_poll(world.client, 100, -1) > 0)
        continue;
}

static bool is_healthy(void *context)
{
    struct answer *answer = context;
    ask("GET", "/health", NULL, NULL, answer);
    return answer->status == 200;
}

static void start_gateway(void)
{
    char address[64];
    struct answer answer;
    unlink(world.ready);
    must(ese_process_start(world.gateway, &error));
    must(ese_ready_file(world.ready, world.gateway, WAIT_MS, address, sizeof address, &error));
    if (!ese_test_wait_until(is_healthy, &answer, WAIT_MS))
        fail_msg("the gateway is not well: %s", answer.body);
}

/* The ids of one event, or of an array of them. */
static void read_ids(const char *body, char ids[PRESSES][ESE_ID_TEXT_SIZE])
{
    json_t *root = json_loads(body, 0, NULL);
    size_t count = json_is_array(root) ? json_array_size(root) : 1;
    assert_in_range(count, 1, PRESSES);
    for (size_t i = 0; i < count; i++) {
        const json_t *event = json_is_array(root) ? json_array_get(root, i) : root;
        const char *id = json_string_value(json_object_get(event, "id"));
        assert_int_equal(ese_fit_text(ids[i], ESE_ID_TEXT_SIZE, id), 0);
    }
    json_decref(root);
}

static void post_all(char ids[POSTS_MOST][PRESSES][ESE_ID_TEXT_SIZE])
{
    memset(ids, 0, sizeof(char[POSTS_MOST][PRESSES][ESE_ID_TEXT_SIZE]));
    for (int i = 0; i < world.post_count; i++) {
        const struct post *post = &world.posts[i];
        struct answer answer;
        ask("POST", post->path, post->headers, post->body, &answer);
        if (answer.status != 201)
            fail_msg("%d %s\n%s", answer.status, answer.body, post->body);
        read_ids(answer.body, ids[i]);
    }
}

/* ---- what is posted: three presses of an ip, which make a decision --------------------------- */

static const char *one_press(char text[300], int key, int number, const char *members)
{
    static int64_t now_ms;
    if (now_ms == 0)
        now_ms = ese_clock_wall_ms();
    snprintf(text, 300,
             "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"},"
             "\"timestamp\":%" PRId64 ",\"ip\":\"10.0.0.%d\"%s}",
             now_ms + 10 * number, key, members);
    return text;
}

static struct post *add_post(const char *path)
{
    struct post *post = &world.posts[world.post_count++];
    *post = (struct post){.path = path};
    return post;
}

/* Members or headers with the number of the press where they say %d. */
static void press_singly(const char *members, const char *header)
{
    int key = ++world.keys;
    char written[100], press[300];
    for (int number = 0; number < PRESSES; number++, world.events++) {
        struct post *post = add_post("/event");
        snprintf(written, sizeof written, members, number);
        snprintf(post->headers, sizeof post->headers, header, number);
        snprintf(post->body, sizeof post->body, "%s", one_press(press, key, number, written));
    }
}

static void press_in_a_batch(const char *header)
{
    int key = ++world.keys;
    char press[300];
    struct post *post = add_post("/events");
    snprintf(post->headers, sizeof post->headers, "%s", header);
    struct ese_buffer body = ESE_BUFFER_INIT(sizeof post->body);
    for (int number = 0; number < PRESSES; number++, world.events++)
        ese_buffer_printf(&body, "%s%s", number == 0 ? "{\"events\":[" : ",",
                          one_press(press, key, number, ""));
    snprintf(post->body, sizeof post->body, "%s]}", body.text);
    ese_buffer_free(&body);
}

/* Every way in which an event can have a name. */
static void make_posts(void)
{
    press_singly(",\"id\":\"press %d\",\"source\":\"shop\"", "");
    press_singly(",\"id\":\"press %d\"", "");
    press_singly("", "Idempotency-Key: press-%d");
    press_in_a_batch("Idempotency-Key: three-presses");
}

/* ---- the consumer -------------------------------------------------------------------------- */

static void consume_to_the_end(void)
{
    struct ese_process *consumer = new_process("ese-consumer/ese-consumer", "ese-consumer");
    ese_process_option(consumer, "--group", scene.prefix); /* another one for each test's topics */
    ese_process_option(consumer, "--state", world.state);
    ese_process_option(consumer, "--history", world.history);
    ese_process_option(consumer, "--mailer", fake_mailer_url(world.mailer));
    ese_process_argument(consumer, "--until-end");
    ese_process_argument(consumer, "--quiet");
    must(ese_process_start(consumer, &error));
    assert_true(ese_process_wait(consumer, WAIT_MS));
    if (ese_process_status(consumer) != 0) {
        char said[300];
        ese_process_last_words(consumer, said, sizeof said);
        fail_msg("ese-consumer ended with %d: %s", ese_process_status(consumer), said);
    }
    ese_process_free(&consumer);
}

static int64_t ask_state(const char *sql)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {.path = world.state, .read_only = true};
    must(ese_sqlite_open(&options, &database, &error));
    struct ese_statement *statement = ese_statement_new(database, sql);
    assert_int_equal(ese_statement_step(statement, &error), 1);
    int64_t number = ese_statement_column_number(statement, 0);
    ese_statement_reset(statement);
    ese_sqlite_close(&database);
    return number;
}

static void check_processed_once(void)
{
    assert_int_equal(ask_state("SELECT sum(processed) FROM position"), world.events);
    assert_int_equal(ask_state("SELECT sum(repeats) FROM position"), world.events);
    assert_int_equal(ask_state("SELECT sum(beyond_window + late) FROM position"), 0);
    assert_int_equal(ask_state("SELECT count(*) FROM named"), world.events);
    assert_int_equal(ask_state("SELECT count(*) FROM decision"), world.keys);
    assert_int_equal(fake_mailer_ids(world.mailer), world.keys);
    assert_int_equal(fake_mailer_requests(world.mailer), world.keys);
}

/* ---- what the topics hold, and what a ledger makes of it ------------------------------------- */

static int copies_before(const struct ese_topics_hold *hold, int i)
{
    int copies = 0;
    for (int j = 0; j < i; j++)
        copies += ese_id_equal(&hold->records[j].event.id, &hold->records[i].event.id);
    return copies;
}

/* Per key: the first copies in the order they were sent, and only then the second ones. */
static void check_stored_twice(const struct ese_topics_hold *hold)
{
    int copies[2] = {0};
    assert_int_equal(hold->count, 2 * world.events);
    for (int i = 0; i < hold->count; i++) {
        const struct ese_event *event = &hold->records[i].event;
        int copy = copies_before(hold, i);
        assert_in_range(copy, 0, 1);
        copies[copy]++;
        for (int j = 0; j < i; j++) {
            const struct ese_event *earlier = &hold->records[j].event;
            if (strcmp(earlier->key, event->key) == 0 && copies_before(hold, j) == copy)
                assert_true(earlier->client_ts < event->client_ts);
        }
    }
    assert_int_equal(copies[0], world.events);
    assert_int_equal(copies[1], world.events);
}

static struct ese_history *open_history(const char *name)
{
    struct ese_history *history = NULL;
    char *path = ese_test_path(world.directory, name);
    const struct ese_history_options options = {
        .path = path, .party = "test", .transport = "kafka", .limit = 1 << 20};
    must(ese_history_open(&options, &history, &error));
    free(path);
    return history;
}

static void note(struct ese_history *history, enum ese_history_kind kind,
                 const struct ese_record *record)
{
    ese_history_record(history, &(struct ese_history_record){.kind = (uint16_t)kind,
                                                             .partition = record->partition,
                                                             .time_ns = ese_clock_monotonic_ns(),
                                                             .id = record->event.id,
                                                             .a = record->offset,
                                                             .b = record->event.server_ts});
}

/* As the client and the lab's reading back would have noted it; the mailer has nothing to tell. */
static void write_histories(const struct ese_topics_hold *hold)
{
    struct ese_history *client = open_history(ESE_ARTIFACT_CLIENT_HISTORY);
    struct ese_history *store = open_history(ESE_ARTIFACT_STORE_HISTORY);
    struct ese_history *mailer = open_history(ESE_ARTIFACT_MAILER_HISTORY);
    for (int i = 0; i < hold->count; i++) {
        const struct ese_record *record = &hold->records[i];
        note(store, ESE_HISTORY_STORED, record);
        if (copies_before(hold, i) > 0)
            continue;
        ese_history_offer(client, &record->event, ese_clock_monotonic_ns());
        note(client, ESE_HISTORY_SENT, record);
        note(client, ESE_HISTORY_ACKNOWLEDGED, record);
    }
    ese_history_close(&client);
    ese_history_close(&store);
    ese_history_close(&mailer);
}

static void check_ledger(void)
{
    const struct ese_promises promises = {.positions_survive = true};
    struct ese_book book;
    struct ese_state_file state;
    struct ese_ledger ledger;
    struct ese_oracle oracle;
    ese_book_begin(&book, &promises);
    must(ese_book_read(&book, world.directory, &error));
    must(ese_state_file_read(world.directory, NULL, &state, &error));
    assert_string_equal(book.missing, "");
    ese_ledger_make(&book, &state, true, &ledger);
    assert_int_equal(ledger.offered, world.events);
    assert_int_equal(ledger.processed, world.events);
    assert_int_equal(ledger.stored_twice, world.events);
    assert_int_equal(ledger.redelivered, world.events);
    assert_int_equal(ledger.reordered + ledger.phantom + ledger.lost + ledger.in_flight, 0);

    ese_oracle_ask(&book, &oracle);
    assert_int_equal(oracle.mail_count, world.keys);
    assert_int_equal(state.decision_count, world.keys);
    for (uint32_t i = 0; i < oracle.mail_count; i++)
        assert_non_null(ese_state_file_decision(&state, &oracle.mails[i].id));
    ese_oracle_free(&oracle);
    ese_state_file_free(&state);
    ese_book_free(&book);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void ask_two_gateways(void (*in_between)(void))
{
    static char first[POSTS_MOST][PRESSES][ESE_ID_TEXT_SIZE];
    static char second[POSTS_MOST][PRESSES][ESE_ID_TEXT_SIZE];
    make_posts();
    start_gateway();
    post_all(first);
    ese_process_kill(world.gateway);
    if (in_between != NULL)
        in_between();
    start_gateway();
    post_all(second);
    assert_memory_equal(first, second, sizeof first); /* the same ids, though nothing was known */
}

static void a_retry_across_the_gateways_death_is_processed_once(void **state)
{
    static struct ese_topics_hold hold;
    (void)state;
    ask_two_gateways(NULL);
    consume_to_the_end();
    check_processed_once();
    ese_kafka_topics_read(&scene, &hold);
    check_stored_twice(&hold);
    write_histories(&hold);
    check_ledger();
    ese_kafka_topics_clear(&hold);
}

/* What the first life of the consumer had, the second knows from the state file. */
static void so_it_is_when_the_consumer_ended_in_between(void **state)
{
    (void)state;
    ask_two_gateways(consume_to_the_end);
    assert_int_equal(fake_mailer_ids(world.mailer), world.keys);
    consume_to_the_end();
    check_processed_once();
}

static int end_scene(void **state)
{
    (void)state;
    ese_kafka_scene_close(&scene);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_retry_across_the_gateways_death_is_processed_once),
        TEST(so_it_is_when_the_consumer_ended_in_between),
    };
    if (!ese_kafka_scene_open(&scene, &error)) {
        printf("1..0 # SKIP %s\n", error.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, end_scene);
}
