#include "tests/e2e/mailer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/readiness.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

static void must(int result, const struct ese_error *error)
{
    if (result != 0)
        fail_msg("%s", error->text);
}

struct mailer_rig *mailer_rig_make(const char *smtp)
{
    struct mailer_rig *rig = ese_alloc(sizeof *rig);
    struct ese_error error;
    rig->directory = ese_test_directory_make();
    rig->outbox = ese_test_path(rig->directory, "outbox");
    rig->history = ese_test_path(rig->directory, "history");
    rig->ready = ese_test_path(rig->directory, "ready");
    rig->log = ese_test_path(rig->directory, "log");
    rig->mailer = ese_process_new("ese-mailer", rig->log);
    ese_process_argument(rig->mailer, getenv("ESE_MAILER"));
    ese_process_option(rig->mailer, "--listen", "127.0.0.1:0");
    ese_process_option(rig->mailer, "--smtp", smtp);
    ese_process_option(rig->mailer, "--outbox", rig->outbox);
    ese_process_option(rig->mailer, "--history", rig->history);
    ese_process_option(rig->mailer, "--ready-file", rig->ready);
    ese_process_option(rig->mailer, "--retry-first-ms", "20");
    ese_process_option(rig->mailer, "--retry-most-ms", "100");
    must(ese_http_client_open(16, NULL, &rig->client, &error), &error);
    return rig;
}

void mailer_rig_free(struct mailer_rig **rig)
{
    struct mailer_rig *freed = *rig;
    *rig = NULL;
    ese_http_client_close(&freed->client);
    ese_process_free(&freed->mailer);
    free(freed->outbox);
    free(freed->history);
    free(freed->ready);
    free(freed->log);
    ese_test_directory_remove(&freed->directory);
    free(freed);
}

void mailer_rig_start(struct mailer_rig *rig)
{
    struct ese_error error;
    unlink(rig->ready);
    must(ese_process_start(rig->mailer, &error), &error);
    must(ese_ready_file(rig->ready, rig->mailer, RIG_PATIENCE_MS, rig->address,
                        sizeof rig->address, &error), &error);
    ese_process_option(rig->mailer, "--listen", rig->address);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct waiting {
    struct rig_answer answer;
    bool done;
};

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct waiting *waiting = context;
    waiting->answer.status = answer->status;
    waiting->answer.retry_after_ms = answer->retry_after_ms;
    snprintf(waiting->answer.body, sizeof waiting->answer.body, "%s",
             answer->status == 0 ? answer->problem : answer->body);
    waiting->done = true;
}

static void begin_call(struct mailer_rig *rig, const char *method, const char *path,
                       const char *headers, const char *body, ese_http_done *done, void *context)
{
    char url[256];
    snprintf(url, sizeof url, "http://%s%s", rig->address, path);
    const struct ese_http_call call = {
        .method = method, .url = url, .headers = headers, .body = body,
        .length = body == NULL ? 0 : strlen(body), .timeout_ms = RIG_PATIENCE_MS,
        .done = done, .context = context};
    ese_http_client_call(rig->client, &call);
}

static struct rig_answer call(struct mailer_rig *rig, const char *method, const char *path,
                              const char *headers, const char *body)
{
    struct waiting waiting = {.done = false};
    begin_call(rig, method, path, headers, body, on_answer, &waiting);
    while (!waiting.done)
        ese_http_client_poll(rig->client, RIG_PATIENCE_MS, -1);
    return waiting.answer;
}

static void write_body(char *body, size_t size, const char *id, const char *content)
{
    snprintf(body, size,
             "{\"from\":\"consumer@ese.org\",\"to\":\"click_updated@ese.org\","
             "\"subject\":\"[10.0.0.1] | Suspicious Activity Detected\","
             "\"content\":\"%s\",\"id\":\"%s\"}", content, id);
}

struct rig_answer mailer_rig_post(struct mailer_rig *rig, const char *id, const char *content,
                                  const char *headers)
{
    char body[2048];
    write_body(body, sizeof body, id, content);
    return call(rig, "POST", "/mail", headers, body);
}

struct rig_answer mailer_rig_post_body(struct mailer_rig *rig, const char *body)
{
    return call(rig, "POST", "/mail", NULL, body);
}

struct rig_answer mailer_rig_get(struct mailer_rig *rig, const char *path)
{
    return call(rig, "GET", path, NULL, NULL);
}

void mailer_rig_begin_post(struct mailer_rig *rig, const char *id, ese_http_done *done,
                           void *context)
{
    char body[2048];
    write_body(body, sizeof body, id, "x");
    begin_call(rig, "POST", "/mail", NULL, body, done, context);
}

/* ---- the outbox ------------------------------------------------------------------------------ */

int64_t mailer_rig_count(struct mailer_rig *rig, const char *condition)
{
    char sql[256];
    struct ese_sqlite *sqlite;
    struct ese_error error;
    const struct ese_sqlite_options options = {
        .path = rig->outbox, .durability = ESE_DURABILITY_DISK, .read_only = true};
    snprintf(sql, sizeof sql, "SELECT count(*) FROM mail WHERE %s", condition);
    must(ese_sqlite_open(&options, &sqlite, &error), &error);
    struct ese_statement *statement = ese_statement_new(sqlite, sql);
    assert_int_equal(ese_statement_step(statement, &error), 1);
    int64_t count = ese_statement_column_number(statement, 0);
    ese_sqlite_close(&sqlite);
    return count;
}

struct awaited {
    struct mailer_rig *rig;
    const char *condition;
    int64_t count;
};

static bool has_come(void *context)
{
    struct awaited *awaited = context;
    return mailer_rig_count(awaited->rig, awaited->condition) == awaited->count;
}

void mailer_rig_await(struct mailer_rig *rig, const char *condition, int64_t count)
{
    struct awaited awaited = {.rig = rig, .condition = condition, .count = count};
    if (!ese_test_wait_until(has_come, &awaited, RIG_PATIENCE_MS))
        fail_msg("%s: %lld instead of %lld", condition, (long long)mailer_rig_count(rig, condition),
                 (long long)count);
}
