#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-consumer/decisions.h"
#include "ese-consumer/sender.h"
#include "ese-core/clock.h"
#include "ese-core/mail_request.h"
#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/support/fake_mailer.h"
#include "tests/support/wait.h"
#include "transports/face_config.h"

#define PATIENCE_MS 20000

struct post {
    char *directory;
    char *path;
    struct ese_state *state;
    struct ese_decisions *decisions;
    struct ese_history *history;
    struct ese_contact *contact;
    struct fake_mailer *mailer;
    struct ese_sender *sender;
};

static struct ese_state_options state_options(const struct post *post)
{
    return (struct ese_state_options){
        .path = post->path, .durability = ESE_DURABILITY_OS, .group = "g", .transport = "walk"};
}

static int open_post(void **state)
{
    struct post *post = calloc(1, sizeof *post);
    *state = post;
    post->directory = ese_test_directory_make();
    post->path = ese_test_path(post->directory, "state");
    const struct ese_state_options options = state_options(post);
    assert_int_equal(ese_state_open(&options, &post->state, NULL), 0);
    post->decisions = ese_decisions_new(ese_state_database(post->state), "walk");
    post->contact = ese_contact_new("the mailer");
    assert_int_equal(ese_history_open(&(struct ese_history_options){.path = NULL}, &post->history, NULL), 0);
    return 0;
}

static int close_post(void **state)
{
    struct post *post = *state;
    ese_sender_close(&post->sender, 0);
    fake_mailer_close(&post->mailer);
    ese_history_close(&post->history);
    ese_contact_free(&post->contact);
    ese_decisions_free(&post->decisions);
    ese_state_close(&post->state);
    free(post->path);
    ese_test_directory_remove(&post->directory);
    free(post);
    return 0;
}

static void open_sender(struct post *post, const char *url)
{
    struct ese_error error;
    const struct ese_sender_options options = {
        .state = state_options(post), .mailer = url, .token = "s3cret", .history = post->history,
        .contact = post->contact};
    if (ese_sender_open(&options, &post->sender, &error) != 0)
        fail_msg("%s", error.text);
}

/* The decision's id as text. */
static const char *decide(struct post *post, const char *key, int32_t partition)
{
    static char text[ESE_ID_TEXT_SIZE];
    struct ese_event last = {.key = ""};
    snprintf(last.key, sizeof last.key, "%s", key);
    last.id = ese_id_make(&(struct ese_id_parts){.time_ms = 1, .run = 1, .sequence = 5});
    ese_event_set_traceparent(&last);
    struct ese_decision decision;
    ese_decision_make(&decision, "r", &last, &last.id, 1);
    snprintf(decision.subject, sizeof decision.subject, "%s", key);
    snprintf(decision.content, sizeof decision.content, "content of %s", key);
    decision.partition = partition;
    bool added = false;
    assert_int_equal(ese_decisions_add(post->decisions, &decision, &added, NULL), 0);
    assert_true(added);
    ese_id_text(&decision.id, text);
    return text;
}

static int count_open(struct post *post, int32_t partition)
{
    static struct ese_decision open[256];
    return ese_decisions_read_open(post->decisions, partition, open, 256, NULL);
}

/* The absence of the mailer in words; NULL: it is there. */
static const char *absence(struct post *post)
{
    static char text[500];
    return ese_contact_away_ms(post->contact, text, sizeof text) < 0 ? NULL : text;
}

static bool is_idle(void *context)
{
    struct post *post = context;
    return ese_sender_idle(post->sender);
}

static void wait_idle(struct post *post)
{
    assert_true(ese_test_wait_until(is_idle, post, PATIENCE_MS));
}

static void a_decision_becomes_a_mail(void **state)
{
    struct post *post = *state;
    post->mailer = fake_mailer_open(NULL, NULL);
    open_sender(post, fake_mailer_url(post->mailer));
    ese_sender_give(post->sender, 0);
    const char *id = decide(post, "[1.2.3.4] | hello", 0);
    ese_sender_wake(post->sender);
    wait_idle(post);
    assert_int_equal(count_open(post, 0), 0);
    assert_int_equal(fake_mailer_kept(post->mailer, id, NULL), 1);
    assert_string_equal(fake_mailer_text(post->mailer, id, "from"), "consumer@ese.org");
    assert_string_equal(fake_mailer_text(post->mailer, id, "to"), "click_updated@ese.org");
    assert_string_equal(fake_mailer_text(post->mailer, id, "subject"), "[1.2.3.4] | hello");
    assert_string_equal(fake_mailer_text(post->mailer, id, "content"),
                        "content of [1.2.3.4] | hello");
    assert_string_equal(fake_mailer_transport(post->mailer, id), "walk");
    assert_string_equal(fake_mailer_authorization(post->mailer, id), "Bearer s3cret");
    assert_true(ese_traceparent_valid(fake_mailer_traceparent(post->mailer, id)));
    assert_int_equal(ese_sender_figures(post->sender).asked, 1);
    assert_null(absence(post));
}

static enum fake_mailer_answer bad_day(void *context, int number, const char *subject)
{
    static const enum fake_mailer_answer moods[] = {FAKE_BUSY, FAKE_TAKE, FAKE_TAKE_AND_DROP,
                                                    FAKE_DROP, FAKE_TAKE};
    (void)context;
    (void)subject;
    return number < 200 ? moods[number % 5] : FAKE_TAKE; /* the back-off of the unlucky ends, too */
}

static void every_decision_arrives_on_a_bad_day(void **state)
{
    enum { DECISIONS = 120 }; /* several times what is in flight */
    struct post *post = *state;
    char ids[DECISIONS][ESE_ID_TEXT_SIZE];
    post->mailer = fake_mailer_open(bad_day, NULL);
    for (int i = 0; i < DECISIONS; i++) {
        char key[20];
        snprintf(key, sizeof key, "key %d", i);
        memcpy(ids[i], decide(post, key, i % 3), sizeof ids[i]);
    }
    open_sender(post, fake_mailer_url(post->mailer));
    for (int32_t partition = 0; partition < 3; partition++)
        ese_sender_give(post->sender, partition); /* what a predecessor left */
    wait_idle(post);
    for (int32_t partition = 0; partition < 3; partition++)
        assert_int_equal(count_open(post, partition), 0);
    int lost_answers = 0;
    for (int i = 0; i < DECISIONS; i++) {
        int answered = 0;
        int kept = fake_mailer_kept(post->mailer, ids[i], &answered);
        assert_int_equal(answered, 1); /* never asked again once it was answered */
        lost_answers += kept - answered;
    }
    assert_int_equal(fake_mailer_ids(post->mailer), DECISIONS);
    assert_true(lost_answers > 0); /* the day was bad enough */
    struct ese_sender_figures figures = ese_sender_figures(post->sender);
    assert_int_equal(figures.asked, DECISIONS);
    assert_int_equal(figures.refused, 0);
    assert_int_equal(figures.open, 0);
    assert_int_equal(figures.attempts, fake_mailer_requests(post->mailer));
}

static enum fake_mailer_answer refuse_bad(void *context, int number, const char *subject)
{
    (void)context;
    (void)number;
    return strcmp(subject, "bad") == 0 ? FAKE_REFUSE : FAKE_TAKE;
}

static void what_is_refused_is_kept_with_its_reason(void **state)
{
    struct post *post = *state;
    post->mailer = fake_mailer_open(refuse_bad, NULL);
    decide(post, "bad", 0);
    decide(post, "good", 0);
    open_sender(post, fake_mailer_url(post->mailer));
    ese_sender_give(post->sender, 0);
    wait_idle(post);
    assert_int_equal(fake_mailer_requests(post->mailer), 2);
    assert_int_equal(ese_sender_figures(post->sender).refused, 1);
    assert_int_equal(ese_sender_figures(post->sender).asked, 1);
    struct ese_statement *read = ese_statement_new(
        ese_state_database(post->state),
        "SELECT refused FROM decision WHERE refused_ms IS NOT NULL AND answered_ms IS NULL");
    assert_int_equal(ese_statement_step(read, NULL), 1);
    assert_non_null(strstr(ese_statement_column_text(read, 0), "422"));
    assert_non_null(strstr(ese_statement_column_text(read, 0), "no such address"));
    ese_statement_reset(read);
}

static void other_members_partitions_are_theirs(void **state)
{
    struct post *post = *state;
    post->mailer = fake_mailer_open(NULL, NULL);
    decide(post, "mine", 0);
    decide(post, "theirs", 1);
    open_sender(post, fake_mailer_url(post->mailer));
    ese_sender_give(post->sender, 0);
    wait_idle(post);
    assert_int_equal(fake_mailer_requests(post->mailer), 1);
    assert_int_equal(count_open(post, 1), 1);
    ese_sender_give(post->sender, 1);
    ese_sender_take(post->sender, 0);
    wait_idle(post);
    assert_int_equal(count_open(post, 1), 0);
    decide(post, "no longer mine", 0);
    ese_sender_wake(post->sender);
    wait_idle(post);
    assert_int_equal(fake_mailer_requests(post->mailer), 2);
}

static bool has_tried(void *context)
{
    struct post *post = context;
    return ese_sender_figures(post->sender).attempts >= 2;
}

static void a_mailer_that_is_away_is_waited_for(void **state)
{
    struct post *post = *state;
    decide(post, "patience", 0);
    post->mailer = fake_mailer_open(NULL, NULL);
    char url[100];
    snprintf(url, sizeof url, "%s", fake_mailer_url(post->mailer));
    fake_mailer_close(&post->mailer); /* nobody listens there now */
    open_sender(post, url);
    ese_sender_give(post->sender, 0);
    assert_true(ese_test_wait_until(has_tried, post, PATIENCE_MS));
    assert_non_null(absence(post));
    assert_non_null(strstr(absence(post), url));
    assert_false(ese_sender_idle(post->sender));
    assert_int_equal(count_open(post, 0), 1);
    int64_t before_ns = ese_clock_monotonic_ns();
    ese_sender_close(&post->sender, 500);
    assert_true(ese_clock_monotonic_ns() - before_ns < 5 * ESE_NS_PER_S);
    assert_int_equal(count_open(post, 0), 1); /* for the next who owns the partition */
}

static enum fake_mailer_answer busy(void *context, int number, const char *subject)
{
    (void)number;
    (void)subject;
    return *(const bool *)context ? FAKE_BUSY : FAKE_REFUSE;
}

static bool is_missed(void *context)
{
    return absence(context) != NULL;
}

static void a_mailer_that_takes_nothing_counts_as_away(void **state)
{
    struct post *post = *state;
    bool is_busy = true;
    decide(post, "no room", 0);
    post->mailer = fake_mailer_open(busy, &is_busy);
    open_sender(post, fake_mailer_url(post->mailer));
    ese_sender_give(post->sender, 0);
    assert_true(ese_test_wait_until(is_missed, post, PATIENCE_MS));
    assert_non_null(strstr(absence(post), "answers 503"));
    ese_sender_take(post->sender, 0); /* nothing of ours waits for it any longer */
    wait_idle(post);
    assert_null(absence(post));
    ese_sender_give(post->sender, 0);
    assert_true(ese_test_wait_until(is_missed, post, PATIENCE_MS));
    is_busy = false; /* who refuses is there */
    wait_idle(post);
    assert_null(absence(post));
    ese_sender_close(&post->sender, 0);
    fake_mailer_close(&post->mailer);
}

static void a_wrong_address_is_told(void **state)
{
    struct post *post = *state;
    static const char *const wrong[][2] = {
        {"localhost:1", NULL}, {NULL, "nowhere"}, {NULL, "file:x=1"}};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        struct ese_error error = {0};
        const struct ese_sender_options options = {.state = state_options(post),
                                                   .mailer = wrong[i][0],
                                                   .requests = wrong[i][1],
                                                   .history = post->history};
        assert_int_equal(ese_sender_open(&options, &post->sender, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
    }
}

/* ---- on a topic ------------------------------------------------------------------------------ */

/* Opens the sender with a topic in a directory of its own. NULL, and the test is skipped, where the
 * transport without a server is not there. */
static const struct ese_transport *open_topic_sender(struct post *post, const char *options)
{
    const struct ese_registry_entry *entry;
    char specification[300];
    struct ese_error error;
    if (ese_registry_find("file", &entry, NULL) != 0)
        return NULL;
    snprintf(specification, sizeof specification, "file:data=%s%s", post->directory, options);
    const struct ese_sender_options sender = {.state = state_options(post),
                                              .requests = specification,
                                              .history = post->history,
                                              .contact = post->contact};
    if (ese_sender_open(&sender, &post->sender, &error) != 0)
        fail_msg("%s", error.text);
    return entry->transport;
}

static int64_t from_the_start(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
    return ESE_OFFSET_EARLIEST;
}

static void not_minded(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
}

/* How many requests of the id are there; the last one's data in `data`. */
static int read_requests(struct post *post, const struct ese_transport *transport, const char *id,
                         char *data, size_t size)
{
    char specification[300];
    struct ese_config *config;
    struct ese_consumer *consumer;
    struct ese_batch batch;
    const struct ese_consume_settings settings = {
        .max_batch = 500, .listener = {.given = from_the_start, .taken = not_minded}};
    int count = 0;
    struct ese_id last = {{0}};
    snprintf(specification, sizeof specification, "file:data=%s", post->directory);
    assert_int_equal(ese_face_config(specification, ESE_FACE_CONSUME, &config, NULL), 0);
    assert_int_equal(ese_config_settle(config, NULL), 0);
    assert_int_equal(transport->consume->open(config, &settings, &consumer, NULL), 0);
    assert_int_equal(transport->consume->next(consumer, PATIENCE_MS, &batch, NULL), 0);
    for (int i = 0; i < batch.count; i++) {
        const struct ese_event *event = &batch.records[i].event;
        assert_string_equal(event->type, ESE_TYPE_MAIL_REQUEST);
        assert_true(ese_traceparent_valid(event->traceparent));
        if (strstr(ese_event_data(event), id) == NULL)
            continue;
        snprintf(data, size, "%s", ese_event_data(event));
        assert_false(ese_id_equal(&event->id, &last));
        last = event->id;
        count++;
    }
    transport->consume->close(&consumer);
    ese_config_free(&config);
    return count;
}

static void a_decision_becomes_a_request(void **state)
{
    struct post *post = *state;
    char data[600], id[ESE_ID_TEXT_SIZE];
    const struct ese_transport *transport = open_topic_sender(post, "");
    if (transport == NULL)
        skip();
    ese_sender_give(post->sender, 0);
    decide(post, "1.2.3.4", 1); /* of a partition that is not ours */
    snprintf(id, sizeof id, "%s", decide(post, "[5.6.7.8]", 0));
    ese_sender_wake(post->sender);
    wait_idle(post);
    assert_int_equal(count_open(post, 0), 0);
    assert_int_equal(count_open(post, 1), 1);
    assert_int_equal(ese_sender_figures(post->sender).asked, 1);
    assert_int_equal(read_requests(post, transport, id, data, sizeof data), 1);
    assert_int_equal(ese_sqlite_run(ese_state_database(post->state),
                                    "UPDATE decision SET answered_ms = NULL", NULL), 0);
    ese_sender_wake(post->sender);
    wait_idle(post); /* as after a death before the answer was noted: the same mail, another event */
    assert_int_equal(read_requests(post, transport, id, data, sizeof data), 2);
    assert_non_null(strstr(data, "\"to\":\"click_updated@ese.org\""));
    assert_non_null(strstr(data, "\"transport\":\"walk\""));
    assert_null(absence(post));
}

/* What the topic does not take stays open, and somebody is missed. */
static void a_topic_that_takes_nothing_is_asked_again(void **state)
{
    struct post *post = *state;
    if (open_topic_sender(post, ":max-bytes=1") == NULL)
        skip();
    ese_sender_give(post->sender, 0);
    decide(post, "no room", 0);
    ese_sender_wake(post->sender);
    assert_true(ese_test_wait_until(has_tried, post, PATIENCE_MS));
    assert_true(ese_test_wait_until(is_missed, post, PATIENCE_MS));
    assert_non_null(strstr(absence(post), "topic of mail requests"));
    assert_int_equal(count_open(post, 0), 1);
    assert_false(ese_sender_idle(post->sender));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_post, close_post)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_decision_becomes_a_mail),
        TEST(every_decision_arrives_on_a_bad_day),
        TEST(what_is_refused_is_kept_with_its_reason),
        TEST(other_members_partitions_are_theirs),
        TEST(a_mailer_that_is_away_is_waited_for),
        TEST(a_mailer_that_takes_nothing_counts_as_away),
        TEST(a_wrong_address_is_told),
        TEST(a_decision_becomes_a_request),
        TEST(a_topic_that_takes_nothing_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
