/* What POST /mail answers to what cannot be taken now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-mailer/intake.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"

#define TO "a@ese.org"

struct fixture {
    char *directory;
    char *path;
    struct ese_metrics *metrics;
    struct ese_history *history;
    struct ese_outbox *outbox;
    struct ese_allow_list *allowed;
    struct ese_contact *smtp;
    struct ese_http_server *server;
    struct ese_intake *intake;
};

/* An outbox in which two mails may wait, and nobody who sends them. */
static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    fixture->directory = ese_test_directory_make();
    fixture->path = ese_test_path(fixture->directory, "outbox");
    fixture->metrics = ese_metrics_new();
    assert_int_equal(ese_history_open(&(struct ese_history_options){.path = NULL}, &fixture->history, NULL), 0);
    const struct ese_outbox_options outbox = {.path = fixture->path, .waiting_most = 2, .keep_ms = 3600000,
                                              .history = fixture->history, .metrics = fixture->metrics};
    assert_int_equal(ese_outbox_open(&outbox, &fixture->outbox, NULL), 0);
    assert_int_equal(ese_allow_list_parse(TO, &fixture->allowed, NULL), 0);
    fixture->smtp = ese_contact_new("SMTP");
    const struct ese_http_server_options server = {.listen = "127.0.0.1:0"};
    assert_int_equal(ese_http_server_open(&server, &fixture->server, NULL), 0);
    const struct ese_intake_contacts contacts = {.smtp = fixture->smtp};
    fixture->intake =
        ese_intake_new(fixture->server, fixture->outbox, fixture->allowed, &contacts, fixture->metrics);
    assert_int_equal(ese_http_server_start(fixture->server, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_http_server_quiesce(fixture->server);
    ese_outbox_stop(fixture->outbox);
    ese_http_server_close(&fixture->server);
    ese_intake_free(&fixture->intake);
    ese_outbox_close(&fixture->outbox);
    ese_contact_free(&fixture->smtp);
    ese_allow_list_free(&fixture->allowed);
    ese_history_close(&fixture->history);
    ese_metrics_free(&fixture->metrics);
    free(fixture->path);
    ese_test_directory_remove(&fixture->directory);
    free(fixture);
    return 0;
}

static void assert_post(struct fixture *fixture, const char *to, int status, const char *retry_after)
{
    char body[200], request[400];
    int length = snprintf(body, sizeof body,
                          "{\"from\":\"b@ese.org\",\"to\":\"%s\",\"subject\":\"s\",\"content\":\"c\"}", to);
    snprintf(request, sizeof request, "POST /mail HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", length, body);
    int fd = ese_raw_connect(ese_http_server_address(fixture->server));
    ese_raw_send_text(fd, request);
    struct ese_raw_answer answer = ese_raw_finish(fd, status);
    assert_string_equal(ese_raw_answer_header(&answer, "Retry-After"), retry_after);
    ese_raw_answer_clear(&answer);
}

static void who_finds_it_full_is_told_when_to_come_again(void **state)
{
    for (int i = 0; i < 2; i++)
        assert_post(*state, TO, 202, "");
    for (int i = 0; i < 2; i++)
        assert_post(*state, TO, 503, "1");
    assert_post(*state, "else@ese.org", 403, "");
}

static void so_is_who_comes_when_it_cannot_be_written(void **state)
{
    struct fixture *fixture = *state;
    ese_outbox_stop(fixture->outbox);
    assert_post(fixture, TO, 503, "1");
    assert_post(fixture, "none", 400, "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_finds_it_full_is_told_when_to_come_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(so_is_who_comes_when_it_cannot_be_written, set_up, tear_down),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
