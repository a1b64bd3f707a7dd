/* The real ese-mailer against an SMTP server that says what each case needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <sys/stat.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-mailer/mail.h"
#include "tests/e2e/mailer_rig.h"
#include "tests/support/directory.h"
#include "tests/support/smtp_server.h"

#define ID "0190a000-0001-7002-8003-000400050006"
#define PASSWORD "s3cret word"
#define CREDENTIALS "AGxhYgBzM2NyZXQgd29yZA==" /* base64 of NUL, lab, NUL, that */
#define TRACE "00-0190a000000170028003000400050006-0190a00000017002-01"

/* One command is answered otherwise, as often as told; then all is taken. */
struct twist {
    const char *command;
    const char *reply;
    atomic_int times;
};

static const char *reply_twisted(void *context, const char *command)
{
    struct twist *twist = context;
    if (strncmp(command, twist->command, strlen(twist->command)) == 0 &&
        atomic_fetch_sub(&twist->times, 1) > 0)
        return twist->reply;
    return ese_test_smtp_take(NULL, command);
}

struct stage {
    struct twist twist;
    struct ese_test_smtp *smtp;
    struct mailer_rig *rig;
};

static void make_stage(struct stage *stage, const char *command, const char *reply, int times)
{
    stage->twist.command = command;
    stage->twist.reply = reply;
    atomic_init(&stage->twist.times, times);
    stage->smtp = ese_test_smtp_start(reply_twisted, &stage->twist);
    stage->rig = mailer_rig_make(ese_test_smtp_address(stage->smtp));
}

static void clear_stage(struct stage *stage)
{
    mailer_rig_free(&stage->rig);
    ese_test_smtp_stop(&stage->smtp);
}

static void one_id_is_one_mail(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, "none", NULL, 0);
    mailer_rig_start(stage.rig);
    const char *headers = "traceparent: " TRACE "\nX-ESE-Transport: http+ese-store";
    struct rig_answer first = mailer_rig_post(stage.rig, ID, "a\\n.\\nb", headers);
    assert_int_equal(first.status, 202);
    assert_non_null(strstr(first.body, ID));
    for (int i = 0; i < 5; i++) {
        struct rig_answer again = mailer_rig_post(stage.rig, ID, "a\\n.\\nb", headers);
        assert_int_equal(again.status, 202);
        assert_string_equal(again.body, first.body);
    }
    assert_int_equal(mailer_rig_post(stage.rig, ID, "something else", headers).status, 422);
    mailer_rig_await(stage.rig, "status = 'sent' AND reply_code = 250 AND attempts = 1", 1);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "a\\n.\\nb", NULL).status, 202);
    assert_int_equal(mailer_rig_post(stage.rig, "last", "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'sent'", 2);
    assert_int_equal(ese_test_smtp_count(stage.smtp), 2);
    const char *message = ese_test_smtp_message(stage.smtp, 0);
    assert_non_null(strstr(message, "\r\ntraceparent: " TRACE "\r\n"));
    assert_non_null(strstr(message, "\r\nX-ESE-Decision: " ID "\r\n"));
    assert_non_null(strstr(message, "\r\nX-ESE-Transport: http+ese-store\r\n"));
    assert_non_null(strstr(message, "\r\nMessage-ID: <" ID "@ese-lab>\r\n"));
    assert_non_null(strstr(message, "\r\n\r\na\r\n..\r\nb\r\n"));
    clear_stage(&stage);
}

/* Without an id, to this address from that one. */
static struct rig_answer post_from_to(struct stage *stage, const char *from, const char *to,
                                      const char *subject)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"from\":\"%s\",\"to\":\"%s\",\"subject\":\"%s\",\"content\":\"c\"}", from, to, subject);
    return mailer_rig_post_body(stage->rig, body);
}

static void without_an_id_every_request_is_a_mail(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, "none", NULL, 0);
    mailer_rig_start(stage.rig);
    assert_int_equal(post_from_to(&stage, "a@ese.org", "order_updated@ese.org", "s").status, 202);
    assert_int_equal(post_from_to(&stage, "a@ese.org", "order_updated@ese.org", "s").status, 202);
    mailer_rig_await(stage.rig, "status = 'sent'", 2);
    clear_stage(&stage);
}

static void refuses_at_the_door(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, "none", NULL, 0);
    mailer_rig_start(stage.rig);
    struct rig_answer answer = post_from_to(&stage, "a@ese.org", "boss@example.org", "s");
    assert_int_equal(answer.status, 403);
    assert_non_null(strstr(answer.body, "boss@example.org"));
    answer = post_from_to(&stage, "a@ese.org\\r\\nRCPT TO:<x@y>", "order_updated@ese.org", "s");
    assert_int_equal(answer.status, 400);
    answer = post_from_to(&stage, "a@ese.org", "order_updated@ese.org", "s\\r\\nBcc: x@y");
    assert_int_equal(answer.status, 400);
    assert_int_equal(mailer_rig_post_body(stage.rig, "{").status, 400);
    assert_int_equal(mailer_rig_count(stage.rig, "1"), 0);
    clear_stage(&stage);
}

static void tries_again_what_was_refused_for_now(void **state)
{
    (void)state;
    static const char *const commands[] = {"GREETING", "MAIL", "RCPT", "DATA", "."};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct stage stage;
        make_stage(&stage, commands[i], "451 not now\r\n", 2);
        mailer_rig_start(stage.rig);
        assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
        mailer_rig_await(stage.rig, "status = 'sent' AND attempts = 3", 1);
        clear_stage(&stage);
    }
}

static void parks_what_was_refused_for_good(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, "RCPT", "550 no such user here\r\n", 1);
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'dead' AND reply_code = 550 AND attempts = 1", 1);
    struct rig_answer list = mailer_rig_get(stage.rig, "/dead-letters");
    assert_int_equal(list.status, 200);
    assert_non_null(strstr(list.body, ID));
    assert_non_null(strstr(list.body, "no such user here"));
    assert_int_equal(mailer_rig_post(stage.rig, "next", "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'sent'", 1);
    assert_int_equal(ese_test_smtp_count(stage.smtp), 1);
    clear_stage(&stage);
}

static void holds_what_got_no_reply_to_its_final_dot(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, ".", NULL, 1);
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'unknown' AND attempts = 1", 1);
    assert_non_null(strstr(mailer_rig_get(stage.rig, "/unknown").body, ID));
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    assert_int_equal(mailer_rig_post(stage.rig, "next", "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'sent'", 1);
    assert_int_equal(mailer_rig_count(stage.rig, "status = 'unknown' AND attempts = 1"), 1);
    assert_int_equal(ese_process_stop(stage.rig->mailer, 5000), 0);
    ese_process_option(stage.rig->mailer, "--unknown", "resend");
    mailer_rig_start(stage.rig);
    mailer_rig_await(stage.rig, "status = 'sent'", 2);
    clear_stage(&stage);
}

static void sends_the_unknown_again_when_told(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, ".", NULL, 1);
    ese_process_option(stage.rig->mailer, "--unknown", "resend");
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'sent' AND attempts = 2", 1);
    assert_int_equal(ese_test_smtp_count(stage.smtp), 2); /* the price */
    clear_stage(&stage);
}

static void tells_how_it_is(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, "none", NULL, 0);
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_get(stage.rig, "/health").status, 200);
    assert_string_equal(mailer_rig_get(stage.rig, "/dead-letters").body, "[]");
    assert_int_equal(mailer_rig_get(stage.rig, "/dead-letters?after=x").status, 400);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    assert_non_null(strstr(mailer_rig_get(stage.rig, "/metrics").body,
                           "\nese_mails_asked_total{answer=\"taken\"} 1\n"));
    clear_stage(&stage);
}

static void a_full_outbox_says_so(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, "GREETING", "421 away\r\n", 1000000);
    ese_process_option(stage.rig->mailer, "--queue", "1");
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    assert_int_equal(mailer_rig_post(stage.rig, "other", "x", NULL).status, 503);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    atomic_store(&stage.twist.times, 0);
    mailer_rig_await(stage.rig, "status = 'sent'", 1);
    assert_int_equal(mailer_rig_post(stage.rig, "other", "x", NULL).status, 202);
    clear_stage(&stage);
}

/* Nobody takes mails, until the outbox has all it may: none of those it took is lost. */
static void beyond_its_bytes_an_outbox_refuses(void **state)
{
    (void)state;
    struct stage stage;
    struct rig_answer answer;
    char id[32];
    int64_t taken = 0;
    make_stage(&stage, "GREETING", "421 away\r\n", 1000000);
    ese_process_option(stage.rig->mailer, "--max-bytes", "1048576");
    mailer_rig_start(stage.rig);
    for (;; taken++) {
        snprintf(id, sizeof id, "mail-%d", (int)taken);
        answer = mailer_rig_post(stage.rig, id, "x", NULL);
        if (answer.status != 202)
            break;
        assert_true(taken < 10000);
    }
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.retry_after_ms, 1000);
    assert_non_null(strstr(answer.body, "the outbox is full"));
    assert_non_null(strstr(answer.body, "1048576"));
    assert_non_null(strstr(answer.body, "--max-bytes"));
    assert_true(taken > 50);
    assert_int_equal(mailer_rig_get(stage.rig, "/health").status, 503);
    answer = mailer_rig_get(stage.rig, "/metrics");
    assert_non_null(strstr(answer.body, "ese_mails_asked_total{answer=\"no_room\"} 1\n"));
    assert_non_null(strstr(answer.body, "ese_outbox_max_bytes 1048576\n"));
    assert_int_equal(mailer_rig_post(stage.rig, "mail-0", "x", NULL).status, 202);
    atomic_store(&stage.twist.times, 0);
    mailer_rig_await(stage.rig, "status = 'sent'", taken);
    assert_int_equal(ese_test_smtp_count(stage.smtp), taken);
    assert_int_equal(mailer_rig_post(stage.rig, id, "x", NULL).status, 202);
    clear_stage(&stage);
}

static void stops_in_time_though_the_server_hangs(void **state)
{
    (void)state;
    struct stage stage;
    make_stage(&stage, ".", "", 1);
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'sending'", 1);
    int64_t begun_ns = ese_clock_monotonic_ns();
    assert_int_equal(ese_process_stop(stage.rig->mailer, 10000), 0);
    assert_true(ese_clock_monotonic_ns() - begun_ns < 2 * ESE_NS_PER_S);
    assert_int_equal(mailer_rig_count(stage.rig, "status = 'sending'"), 1);
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_count(stage.rig, "status = 'unknown'"), 1);
    assert_non_null(strstr(mailer_rig_get(stage.rig, "/unknown").body, ID));
    clear_stage(&stage);
}

static void keeps_its_history(void **state)
{
    (void)state;
    struct stage stage;
    uint64_t received, sent;
    struct ese_error error;
    make_stage(&stage, "MAIL", "550 not this one\r\n", 1);
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_post(stage.rig, "foreign", "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'dead'", 1);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'sent'", 1);
    assert_int_equal(ese_process_stop(stage.rig->mailer, 5000), 0);
    ese_test_smtp_bytes(stage.smtp, &received, &sent);

    struct ese_history_reader *reader;
    struct ese_history_record record;
    char id[ESE_ID_TEXT_SIZE];
    struct ese_id foreign = ese_mail_history_id("foreign");
    assert_int_equal(ese_history_read_open(stage.rig->history, &reader, &error), 0);
    assert_int_equal(ese_history_read_next(reader, &record, &error), 1);
    assert_int_equal(record.kind, ESE_HISTORY_MAIL_DEAD);
    assert_true(ese_id_equal(&record.id, &foreign));
    assert_int_equal(record.a, 550);
    assert_int_equal(ese_history_read_next(reader, &record, &error), 1);
    assert_int_equal(record.kind, ESE_HISTORY_MAIL_SENT);
    ese_id_text(&record.id, id);
    assert_string_equal(id, ID);
    assert_int_equal(ese_history_read_next(reader, &record, &error), 0);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_MAILS_SENT), 1);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_MAILS_DEAD), 1);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_WIRE_SENT), received);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_WIRE_RECEIVED), sent);
    ese_history_read_close(&reader);
    clear_stage(&stage);
}

static const char *reply_to_a_stranger(void *context, const char *command)
{
    struct twist *twist = context;
    if (strncmp(command, "EHLO", 4) == 0)
        return "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";
    if (strcmp(command, "STARTTLS") == 0)
        return "220 go\r\n";
    if (strcmp(command, "AUTH PLAIN " CREDENTIALS) == 0 && atomic_fetch_sub(&twist->times, 1) <= 0)
        return "235 in\r\n";
    return strncmp(command, "AUTH", 4) == 0 ? "535 who is " CREDENTIALS "?\r\n"
                                            : reply_twisted(twist, command);
}

/* What all can read: the command line, what is told, and what is written. */
static void assert_shown_nowhere(struct mailer_rig *rig, const char *secret)
{
    char path[64], command_line[4096];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)ese_process_pid(rig->mailer));
    const char *const places[] = {path, rig->log, rig->outbox, rig->history};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        FILE *file = fopen(places[i], "re");
        assert_non_null(file);
        size_t length;
        while ((length = fread(command_line, 1, sizeof command_line, file)) > 0)
            assert_null(memmem(command_line, length, secret, strlen(secret)));
        fclose(file);
    }
    assert_null(strstr(mailer_rig_get(rig, "/health").body, secret));
    assert_null(strstr(mailer_rig_get(rig, "/metrics").body, secret));
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fchmod(fileno(file), 0600); /* as a password's has to be */
    fclose(file);
}

static void shows_its_password_to_nobody_else(void **state)
{
    (void)state;
    struct stage stage = {.twist = {.command = "none"}};
    struct ese_test_certificate *certificate = ese_test_certificate_make("IP:127.0.0.1", 1);
    atomic_init(&stage.twist.times, 2);
    stage.smtp = ese_test_smtp_start_tls(reply_to_a_stranger, &stage.twist, certificate);
    stage.rig = mailer_rig_make(ese_test_smtp_address(stage.smtp));
    char *ca_path = ese_test_path(stage.rig->directory, "ca.pem");
    char *password_path = ese_test_path(stage.rig->directory, "password");
    ese_test_certificate_write(certificate, ca_path);
    write_file(password_path, PASSWORD "\n");
    ese_process_option(stage.rig->mailer, "--smtp-password-file", password_path);
    ese_process_option(stage.rig->mailer, "--smtp-tls", "starttls");
    ese_process_option(stage.rig->mailer, "--smtp-ca", ca_path);
    ese_process_option(stage.rig->mailer, "--smtp-user", "lab");
    ese_process_option(stage.rig->mailer, "--log-level", "debug");
    mailer_rig_start(stage.rig);
    assert_int_equal(mailer_rig_post(stage.rig, ID, "x", NULL).status, 202);
    mailer_rig_await(stage.rig, "status = 'sent' AND attempts = 3", 1);
    assert_shown_nowhere(stage.rig, PASSWORD);
    assert_shown_nowhere(stage.rig, CREDENTIALS);
    free(ca_path);
    free(password_path);
    clear_stage(&stage);
    ese_test_certificate_free(&certificate);
}

static void says_what_is_wrong_with_its_options(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"--smtp", "nowhere"}, {"--to-allow", "bob"},
                                           {"--retry-first-ms", "1000"}, {"--unknown", "guess"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ese_error error;
        struct mailer_rig *rig = mailer_rig_make("127.0.0.1:1025");
        ese_process_option(rig->mailer, wrong[i][0], wrong[i][1]);
        assert_int_equal(ese_process_start(rig->mailer, &error), 0);
        assert_true(ese_process_wait(rig->mailer, RIG_PATIENCE_MS));
        assert_int_equal(ese_process_status(rig->mailer), 64);
        mailer_rig_free(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_id_is_one_mail),
        cmocka_unit_test(without_an_id_every_request_is_a_mail),
        cmocka_unit_test(refuses_at_the_door),
        cmocka_unit_test(tries_again_what_was_refused_for_now),
        cmocka_unit_test(parks_what_was_refused_for_good),
        cmocka_unit_test(holds_what_got_no_reply_to_its_final_dot),
        cmocka_unit_test(sends_the_unknown_again_when_told),
        cmocka_unit_test(tells_how_it_is),
        cmocka_unit_test(a_full_outbox_says_so),
        cmocka_unit_test(beyond_its_bytes_an_outbox_refuses),
        cmocka_unit_test(stops_in_time_though_the_server_hangs),
        cmocka_unit_test(keeps_its_history),
        cmocka_unit_test(shows_its_password_to_nobody_else),
        cmocka_unit_test(says_what_is_wrong_with_its_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
