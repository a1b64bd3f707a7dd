#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "ese-mailer/outbox.h"
#include "tests/support/directory.h"
#include "tests/support/disk_room.h"
#include "tests/support/synced.h"
#include "tests/support/wait.h"

#define FAR_MS 3600000

struct fixture {
    char *directory;
    char *path;
    struct ese_metrics *metrics;
    struct ese_history *history;
    struct ese_outbox *outbox;
    struct ese_outbox_options options;
};

static void open_outbox(struct fixture *fixture)
{
    struct ese_error error = {.code = ESE_OK};
    if (ese_outbox_open(&fixture->options, &fixture->outbox, &error) != 0)
        fail_msg("%s", error.text);
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "outbox");
    fixture->metrics = ese_metrics_new();
    assert_int_equal(ese_history_open(&(struct ese_history_options){.path = NULL}, &fixture->history, NULL), 0);
    fixture->options = (struct ese_outbox_options){.path = fixture->path, .waiting_most = 100,
                                                   .keep_ms = FAR_MS, .history = fixture->history,
                                                   .metrics = fixture->metrics};
    open_outbox(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_outbox_close(&fixture->outbox);
    ese_history_close(&fixture->history);
    ese_metrics_free(&fixture->metrics);
    free(fixture->path);
    ese_test_directory_remove(&fixture->directory);
    free(fixture);
    return 0;
}

/* ---- a put that waits for its answer --------------------------------------------------------- */

struct answer {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    int count;
    enum ese_mail_put put;
    bool failed;
};

#define ANSWER_INIT {.mutex = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER}

static void on_put(void *context, const char *id, enum ese_mail_put put,
                   const struct ese_error *error)
{
    struct answer *answer = context;
    (void)id;
    pthread_mutex_lock(&answer->mutex);
    answer->count++;
    answer->put = put;
    answer->failed = error != NULL;
    pthread_cond_signal(&answer->came);
    pthread_mutex_unlock(&answer->mutex);
}

static void await_count(struct answer *answer, int count)
{
    pthread_mutex_lock(&answer->mutex);
    while (answer->count < count)
        pthread_cond_wait(&answer->came, &answer->mutex);
    pthread_mutex_unlock(&answer->mutex);
}

static int begin_put(struct fixture *fixture, const char *id, const char *content,
                     struct answer *answer)
{
    struct ese_mail mail = {.from = "a@b", .to = "c@ese.org", .subject = "s", .transport = "http"};
    snprintf(mail.id, sizeof mail.id, "%s", id);
    mail.content = ese_copy_text(content);
    int result = ese_outbox_put(fixture->outbox, &mail, on_put, answer, NULL);
    ese_mail_clear(&mail);
    return result;
}

static enum ese_mail_put put(struct fixture *fixture, const char *id, const char *content)
{
    struct answer answer = ANSWER_INIT;
    assert_int_equal(begin_put(fixture, id, content, &answer), 0);
    await_count(&answer, 1);
    assert_false(answer.failed);
    return answer.put;
}

/* Claims the only mail that is due and returns its seq. */
static int64_t claim(struct fixture *fixture, const char *id)
{
    struct ese_mail_row row;
    assert_int_equal(ese_outbox_claim(fixture->outbox, &row, NULL), 0);
    assert_string_equal(row.mail.id, id);
    int64_t seq = row.seq;
    ese_mail_row_clear(&row);
    return seq;
}

static void end(struct fixture *fixture, int64_t seq, enum ese_mail_status status, int code,
                const char *text)
{
    struct ese_mail_end ended = {.seq = seq, .status = status, .reply.code = code};
    snprintf(ended.reply.text, sizeof ended.reply.text, "%s", text);
    assert_int_equal(ese_outbox_end(fixture->outbox, &ended, NULL), 0);
}

/* What another program reads from the file. */
static void assert_row(struct fixture *fixture, const char *id, const char *status, int attempts,
                       int code)
{
    struct ese_sqlite_options options = {.path = fixture->path, .durability = ESE_DURABILITY_DISK,
                                         .read_only = true};
    struct ese_sqlite *sqlite;
    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    struct ese_statement *statement =
        ese_statement_new(sqlite, "SELECT status, attempts, reply_code FROM mail WHERE id = ?1");
    ese_statement_text(statement, 1, id);
    if (status == NULL) {
        assert_int_equal(ese_statement_step(statement, NULL), 0);
    } else {
        assert_int_equal(ese_statement_step(statement, NULL), 1);
        assert_string_equal(ese_statement_column_text(statement, 0), status);
        assert_int_equal(ese_statement_column_number(statement, 1), attempts);
        assert_int_equal(ese_statement_column_number(statement, 2), code);
    }
    ese_sqlite_close(&sqlite);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void keeps_a_mail_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put(fixture, "i-1", "x"), ESE_MAIL_TAKEN);
    assert_row(fixture, "i-1", "queued", 0, 0);
    assert_int_equal(put(fixture, "i-1", "x"), ESE_MAIL_KNOWN);
    assert_int_equal(put(fixture, "i-1", "y"), ESE_MAIL_CONFLICT);
    int64_t seq = claim(fixture, "i-1");
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, seq, NULL), 0);
    assert_row(fixture, "i-1", "sending", 1, 0);
    end(fixture, seq, ESE_MAIL_SENT, 250, "ok");
    assert_row(fixture, "i-1", "sent", 1, 250);
    assert_int_equal(put(fixture, "i-1", "x"), ESE_MAIL_KNOWN);
}

static void marks_only_what_is_queued(void **state)
{
    struct fixture *fixture = *state;
    struct ese_error error;
    put(fixture, "i-1", "x");
    int64_t seq = claim(fixture, "i-1");
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, seq, NULL), 0);
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, seq, &error), -1);
    assert_int_equal(error.code, ESE_E_FENCED);
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, 99, &error), -1);
    assert_int_equal(error.code, ESE_E_FENCED);
}

static void tries_again_when_it_is_time(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "i-1", "x");
    int64_t due_ms = ese_clock_wall_ms() + 50;
    struct ese_mail_end later = {.seq = claim(fixture, "i-1"), .status = ESE_MAIL_QUEUED,
                                 .reply = {.code = 451, .text = "later"},
                                 .next_attempt_ms = due_ms};
    assert_int_equal(ese_outbox_end(fixture->outbox, &later, NULL), 0);
    assert_row(fixture, "i-1", "queued", 1, 451);
    claim(fixture, "i-1");
    assert_true(ese_clock_wall_ms() >= due_ms);
}

static void hands_a_claimed_mail_to_nobody_else(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "i-1", "x");
    put(fixture, "i-2", "x");
    put(fixture, "i-3", "x");
    int64_t first = claim(fixture, "i-1");
    claim(fixture, "i-2");
    struct ese_mail_end again = {.seq = first, .status = ESE_MAIL_QUEUED};
    assert_int_equal(ese_outbox_end(fixture->outbox, &again, NULL), 0);
    claim(fixture, "i-1"); /* due since 1970 */
    claim(fixture, "i-3");
}

static void refuses_beyond_its_bound(void **state)
{
    struct fixture *fixture = *state;
    char id[32];
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "i-%d", i);
        assert_int_equal(put(fixture, id, "x"), ESE_MAIL_TAKEN);
    }
    assert_int_equal(put(fixture, "one-more", "x"), ESE_MAIL_FULL);
    assert_int_equal(put(fixture, "i-0", "x"), ESE_MAIL_KNOWN);
    end(fixture, claim(fixture, "i-0"), ESE_MAIL_SENT, 250, "ok");
    assert_int_equal(put(fixture, "one-more", "x"), ESE_MAIL_TAKEN);
}

static void many_share_a_commit(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer = ANSWER_INIT;
    char id[32];
    ese_outbox_close(&fixture->outbox);
    fixture->options.waiting_most = 2000;
    open_outbox(fixture);
    struct ese_metric *commits = ese_metrics_counter(fixture->metrics, "ese_outbox_commits_total",
                                                     NULL, "");
    int64_t before = ese_metric_value(commits);
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "i-%d", i);
        assert_int_equal(begin_put(fixture, id, "x", &answer), 0);
    }
    await_count(&answer, 1000);
    assert_true(ese_metric_value(commits) - before < 500);
}

static void holds_what_a_death_left_unknown(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "i-1", "x");
    put(fixture, "i-2", "x");
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, claim(fixture, "i-1"), NULL), 0);
    claim(fixture, "i-2"); /* claimed, but not marked: nothing has happened to it */
    ese_outbox_close(&fixture->outbox);
    open_outbox(fixture);
    assert_row(fixture, "i-1", "unknown", 1, 0);
    claim(fixture, "i-2");
    assert_int_equal(put(fixture, "i-1", "x"), ESE_MAIL_KNOWN);
}

static void sends_the_unknown_again_when_told(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "i-1", "x");
    put(fixture, "i-2", "x");
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, claim(fixture, "i-1"), NULL), 0);
    end(fixture, claim(fixture, "i-2"), ESE_MAIL_UNKNOWN, 0, "no reply");
    ese_outbox_close(&fixture->outbox);
    fixture->options.resend_unknown = true;
    open_outbox(fixture);
    assert_row(fixture, "i-1", "queued", 1, 0);
    assert_row(fixture, "i-2", "queued", 1, 0);
}

static void lets_sent_mails_go_and_keeps_the_others(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "i-1", "x");
    end(fixture, claim(fixture, "i-1"), ESE_MAIL_SENT, 250, "ok");
    put(fixture, "i-2", "x");
    end(fixture, claim(fixture, "i-2"), ESE_MAIL_DEAD, 550, "no");
    put(fixture, "i-3", "x");
    ese_outbox_close(&fixture->outbox);
    fixture->options.keep_ms = -1; /* what was sent up to now is old */
    open_outbox(fixture);
    assert_int_equal(put(fixture, "i-4", "x"), ESE_MAIL_TAKEN); /* the first round has purged */
    assert_row(fixture, "i-1", NULL, 0, 0);
    assert_row(fixture, "i-2", "dead", 1, 550);
    assert_row(fixture, "i-3", "queued", 0, 0);
}

/* ---- the bound in bytes ---------------------------------------------------------------------- */

#define BOUND (INT64_C(1) << 20)

static void open_bounded(struct fixture *fixture)
{
    ese_outbox_close(&fixture->outbox);
    fixture->options.waiting_most = 100000;
    fixture->options.max_bytes = BOUND;
    open_outbox(fixture);
}

/* Puts mails of that content until one is refused. Returns how many were taken. */
static int fill(struct fixture *fixture, char prefix, const char *content)
{
    char id[32];
    for (int taken = 0;; taken++) {
        snprintf(id, sizeof id, "%c-%d", prefix, taken);
        enum ese_mail_put answer = put(fixture, id, content);
        if (answer == ESE_MAIL_NO_ROOM)
            return taken;
        assert_int_equal(answer, ESE_MAIL_TAKEN);
        assert_true(taken < 10000);
    }
}

static void mark_and_end(struct fixture *fixture, enum ese_mail_status status, const char *reply)
{
    struct ese_mail_row row;
    struct ese_error error = {0};
    assert_int_equal(ese_outbox_claim(fixture->outbox, &row, NULL), 0);
    if (ese_outbox_mark_sending(fixture->outbox, row.seq, &error) != 0)
        fail_msg("%s: %s", row.mail.id, error.text);
    struct ese_mail_end ended = {.seq = row.seq, .status = status, .reply.code = 451,
                                 .next_attempt_ms = ese_clock_wall_ms()};
    snprintf(ended.reply.text, sizeof ended.reply.text, "%s", reply);
    if (ese_outbox_end(fixture->outbox, &ended, &error) != 0)
        fail_msg("%s: %s", row.mail.id, error.text);
    ese_mail_row_clear(&row);
}

static int64_t used_bytes(struct fixture *fixture)
{
    return ese_metric_value(
        ese_metrics_gauge(fixture->metrics, "ese_outbox_used_bytes", NULL, ""));
}

/* Rows grow while they are sent: of every size, also where a page holds two that just fit. */
static void what_was_accepted_is_sent_though_it_is_full(void **state)
{
    static const size_t lengths[] = {1, 1700, 3600, ESE_MAIL_CONTENT_LIMIT};
    struct fixture *fixture = *state;
    char *content = ese_alloc(ESE_MAIL_CONTENT_LIMIT + 1), reply[ESE_MAIL_REPLY_SIZE];
    memset(reply, 'r', sizeof reply - 1);
    reply[sizeof reply - 1] = '\0';
    for (size_t i = 0; i < ESE_COUNT_OF(lengths); i++) {
        memset(content, 'x', lengths[i]);
        ese_test_directory_remove(&fixture->directory);
        fixture->directory = ese_test_directory_make();
        free(fixture->path);
        fixture->path = ese_test_path(fixture->directory, "outbox");
        fixture->options.path = fixture->path;
        open_bounded(fixture);
        int taken = fill(fixture, 'i', content);
        assert_true(taken > 3);
        for (int sent = 0; sent < taken; sent++)
            mark_and_end(fixture, ESE_MAIL_QUEUED, reply);
        for (int sent = 0; sent < taken; sent++)
            mark_and_end(fixture, ESE_MAIL_SENT, reply);
        assert_true(used_bytes(fixture) <= BOUND);
    }
    free(content);
}

struct asked_for {
    struct fixture *fixture;
    const char *content;
};

static bool is_taken(void *context)
{
    const struct asked_for *mail = context;
    return put(mail->fixture, "at last", mail->content) == ESE_MAIL_TAKEN;
}

static bool is_healthy(void *context)
{
    char text[600];
    return ese_outbox_healthy(context, text, sizeof text);
}

/* For what is in the file. */
static void let_time_pass(struct fixture *fixture)
{
    struct ese_sqlite_options options = {.path = fixture->path, .durability = ESE_DURABILITY_DISK};
    struct ese_sqlite *sqlite;
    assert_int_equal(ese_sqlite_open(&options, &sqlite, NULL), 0);
    assert_int_equal(ese_sqlite_run(sqlite, "UPDATE mail SET changed_ms = 1", NULL), 0);
    ese_sqlite_close(&sqlite);
}

static void a_full_outbox_says_so_and_takes_mails_again(void **state)
{
    struct fixture *fixture = *state;
    char *content = ese_alloc(20001), text[600];
    struct asked_for next = {.fixture = fixture, .content = content};
    memset(content, 'x', 20000);
    open_bounded(fixture);
    assert_true(is_healthy(fixture->outbox));
    char prefix = 'a';
    for (int taken = 1; taken > 0; prefix++) { /* what no longer waits need not grow: more fit */
        taken = fill(fixture, prefix, content);
        assert_false(ese_outbox_healthy(fixture->outbox, text, sizeof text));
        assert_non_null(strstr(text, "1048576"));
        assert_non_null(strstr(text, "--max-bytes"));
        for (int sent = 0; sent < taken; sent++)
            mark_and_end(fixture, ESE_MAIL_SENT, "ok");
    }
    assert_true(prefix > 'b');
    assert_int_equal(put(fixture, "a-0", content), ESE_MAIL_KNOWN);
    let_time_pass(fixture);
    assert_true(ese_test_wait_until(is_healthy, fixture->outbox, 20000)); /* sent ones have left */
    assert_true(is_taken(&next));
    assert_row(fixture, "a-0", NULL, 0, 0);
    free(content);
}

struct listed {
    struct answer answer;
    int count;
    char first[ESE_MAIL_ID_SIZE];
    char reply[ESE_MAIL_REPLY_SIZE];
};

static void on_list(void *context, const struct ese_mail_row *rows, int count,
                    const struct ese_error *error)
{
    struct listed *listed = context;
    listed->count = count;
    snprintf(listed->first, sizeof listed->first, "%s", count > 0 ? rows[0].mail.id : "");
    snprintf(listed->reply, sizeof listed->reply, "%s", count > 0 ? rows[0].reply.text : "");
    on_put(&listed->answer, NULL, ESE_MAIL_TAKEN, error);
}

static void list(struct fixture *fixture, enum ese_mail_status status, int64_t after,
                 struct listed *listed)
{
    *listed = (struct listed){.answer = ANSWER_INIT};
    assert_int_equal(ese_outbox_list(fixture->outbox, status, after, on_list, listed, NULL), 0);
    await_count(&listed->answer, 1);
    assert_false(listed->answer.failed);
}

static void lists_the_parked(void **state)
{
    struct fixture *fixture = *state;
    struct listed listed;
    put(fixture, "i-1", "x");
    int64_t first = claim(fixture, "i-1");
    end(fixture, first, ESE_MAIL_DEAD, 550, "no such user");
    put(fixture, "i-2", "x");
    end(fixture, claim(fixture, "i-2"), ESE_MAIL_DEAD, 552, "too much");
    put(fixture, "i-3", "x");
    end(fixture, claim(fixture, "i-3"), ESE_MAIL_UNKNOWN, 0, "no reply");
    list(fixture, ESE_MAIL_DEAD, 0, &listed);
    assert_int_equal(listed.count, 2);
    assert_string_equal(listed.first, "i-1");
    assert_string_equal(listed.reply, "no such user");
    list(fixture, ESE_MAIL_DEAD, first, &listed);
    assert_int_equal(listed.count, 1);
    assert_string_equal(listed.first, "i-2");
    list(fixture, ESE_MAIL_UNKNOWN, 0, &listed);
    assert_int_equal(listed.count, 1);
    assert_string_equal(listed.first, "i-3");
}

static void answers_for_nothing_the_disk_did_not_take(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer = ANSWER_INIT;
    struct ese_mail_end sent = {.status = ESE_MAIL_SENT, .reply.code = 250};
    char text[512];
    put(fixture, "i-1", "x");
    sent.seq = claim(fixture, "i-1");
    ese_test_let_files_grow(false);
    assert_int_equal(begin_put(fixture, "i-2", "x", &answer), 0);
    await_count(&answer, 1);
    int marked = ese_outbox_mark_sending(fixture->outbox, sent.seq, NULL);
    int ended = ese_outbox_end(fixture->outbox, &sent, NULL);
    bool healthy = ese_outbox_healthy(fixture->outbox, text, sizeof text);
    ese_test_let_files_grow(true);
    assert_true(answer.failed);
    assert_int_equal(marked, -1);
    assert_int_equal(ended, -1);
    assert_false(healthy);
    assert_row(fixture, "i-1", "queued", 0, 0);
    assert_row(fixture, "i-2", NULL, 0, 0);
    assert_int_equal(ese_outbox_end(fixture->outbox, &sent, NULL), 0);
    assert_int_equal(put(fixture, "i-2", "x"), ESE_MAIL_TAKEN);
    assert_true(ese_outbox_healthy(fixture->outbox, text, sizeof text));
    claim(fixture, "i-2"); /* and not the first, which is sent */
}

static bool is_well(void *context)
{
    struct fixture *fixture = context;
    char text[512];
    return ese_outbox_healthy(fixture->outbox, text, sizeof text);
}

static bool is_sick(void *context)
{
    return !is_well(context);
}

static void finds_out_how_it_is_when_nothing_comes_in(void **state)
{
    struct fixture *fixture = *state;
    assert_true(is_well(fixture));
    ese_test_let_files_grow(false);
    bool noticed = ese_test_wait_until(is_sick, fixture, 20000);
    ese_test_let_files_grow(true);
    assert_true(noticed);
    assert_true(ese_test_wait_until(is_well, fixture, 20000));
    assert_int_equal(put(fixture, "i-1", "x"), ESE_MAIL_TAKEN);
}

static void belongs_to_one_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct ese_outbox *second;
    struct ese_error error = {.code = ESE_OK};
    assert_int_equal(ese_outbox_open(&fixture->options, &second, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_null(second);
}

static void *claim_in_vain(void *context)
{
    struct ese_mail_row row;
    struct ese_error error = {.code = ESE_OK};
    int result = ese_outbox_claim(context, &row, &error);
    return (void *)(intptr_t)(result == -1 && error.code == ESE_E_CLOSED);
}

static void a_stop_wakes_those_who_wait(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[3];
    void *refused;
    put(fixture, "i-1", "x");
    int64_t seq = claim(fixture, "i-1");
    for (size_t i = 0; i < ESE_COUNT_OF(threads); i++)
        pthread_create(&threads[i], NULL, claim_in_vain, fixture->outbox);
    ese_outbox_stop_claims(fixture->outbox);
    for (size_t i = 0; i < ESE_COUNT_OF(threads); i++) {
        pthread_join(threads[i], &refused);
        assert_non_null(refused);
    }
    /* what is open may end */
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, seq, NULL), 0);
    end(fixture, seq, ESE_MAIL_SENT, 250, "ok");
    ese_outbox_stop(fixture->outbox);
    assert_int_equal(ese_outbox_mark_sending(fixture->outbox, seq, NULL), -1);
    assert_row(fixture, "i-1", "sent", 1, 250);
}

static void its_directory_is_made(void **state)
{
    struct fixture *fixture = *state;
    char *inside = ese_test_path(fixture->directory, "new"), *path = ese_test_path(inside, "outbox");
    ese_outbox_close(&fixture->outbox);
    fixture->options.path = path;
    ese_test_synced_watch(fixture->directory);
    open_outbox(fixture);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(ese_test_synced(), 1);
    ese_outbox_close(&fixture->outbox);
    free(path);
    free(inside);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_a_mail_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(marks_only_what_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tries_again_when_it_is_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hands_a_claimed_mail_to_nobody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_beyond_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_share_a_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_what_a_death_left_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sends_the_unknown_again_when_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_sent_mails_go_and_keeps_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_accepted_is_sent_though_it_is_full, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_outbox_says_so_and_takes_mails_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lists_the_parked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_for_nothing_the_disk_did_not_take, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(finds_out_how_it_is_when_nothing_comes_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(belongs_to_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_wakes_those_who_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_directory_is_made, set_up, tear_down),
    };

    if (count > 1)
        cmocka_set_test_filter(words[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
