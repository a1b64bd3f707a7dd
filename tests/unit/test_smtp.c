#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/wire.h"
#include "ese-mailer/smtp.h"
#include "tests/support/smtp_server.h"

#define TIMEOUT_MS 1000 /* the least there is */

static const char plain_text[] = "From: a@b.org\r\nTo: c@d.org\r\nSubject: s\r\n"
                                 "Message-ID: <i@ese-lab>\r\n"
                                 "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                                 "\r\n"
                                 "first\r\n.\r\n..two\r\n.x\r\n";

/* What the listener saw. */
struct seen {
    struct ese_test_smtp *server;
    bool forbid;         /* the final dot must not go out */
    int dots_asked;
    int messages_when_asked; /* how many the server had when it was asked: none may have come */
    int decisions;
    struct ese_smtp_outcome outcome;
};

static int on_final_dot(void *context, struct ese_error *error)
{
    struct seen *seen = context;
    seen->dots_asked++;
    seen->messages_when_asked = seen->server == NULL ? 0 : ese_test_smtp_count(seen->server);
    return seen->forbid ? ese_fail(error, ESE_E_CLOSED, "not any more") : 0;
}

static void on_decided(void *context, const struct ese_smtp_outcome *outcome)
{
    struct seen *seen = context;
    seen->decisions++;
    seen->outcome = *outcome;
}

static void send_to(const char *address, struct seen *seen)
{
    const struct ese_smtp_letter letter = {.from = "a@b.org", .to = "c@d.org", .text = plain_text,
                                           .length = strlen(plain_text)};
    const struct ese_smtp_listener listener = {.context = seen, .before_final_dot = on_final_dot,
                                               .decided = on_decided};
    struct ese_smtp_server server = {.timeout_ms = TIMEOUT_MS};
    snprintf(server.address, sizeof server.address, "%s", address);
    ese_smtp_send(&server, &letter, &listener);
    assert_int_equal(seen->decisions, 1);
}

/* ---- replies --------------------------------------------------------------------------------- */

/* One command is answered otherwise; the rest is taken. */
struct twist {
    const char *command;
    const char *reply;
};

static const char *reply_twisted(void *context, const char *command)
{
    const struct twist *twist = context;
    if (strncmp(command, twist->command, strlen(twist->command)) == 0)
        return twist->reply;
    return ese_test_smtp_take(NULL, command);
}

static struct seen send_twisted(const char *command, const char *reply)
{
    struct twist twist = {.command = command, .reply = reply};
    struct seen seen = {.server = ese_test_smtp_start(reply_twisted, &twist)};
    send_to(ese_test_smtp_address(seen.server), &seen);
    assert_int_equal(seen.messages_when_asked, 0);
    ese_test_smtp_stop(&seen.server);
    return seen;
}

static void sends_a_message(void **state)
{
    (void)state;
    struct seen seen = {.server = ese_test_smtp_start(ese_test_smtp_take, NULL)};
    send_to(ese_test_smtp_address(seen.server), &seen);
    assert_int_equal(seen.outcome.verdict, ESE_SMTP_SENT);
    assert_int_equal(seen.outcome.code, 250);
    assert_string_equal(seen.outcome.text, "taken");
    assert_int_equal(seen.dots_asked, 1);
    assert_int_equal(seen.messages_when_asked, 0);
    assert_int_equal(ese_test_smtp_count(seen.server), 1);
    ese_test_smtp_stop(&seen.server);
}

/* A line that is one dot would end the message, and what follows would be commands. */
static void doubles_dots_once(void **state)
{
    (void)state;
    struct seen seen = {.server = ese_test_smtp_start(ese_test_smtp_take, NULL)};
    send_to(ese_test_smtp_address(seen.server), &seen);
    const char *message = ese_test_smtp_message(seen.server, 0);
    assert_non_null(message);
    assert_string_equal(strstr(message, "\r\n\r\n"), "\r\n\r\nfirst\r\n..\r\n...two\r\n..x\r\n");
    const char *headers_end = strstr(plain_text, "\r\n\r\n");
    assert_memory_equal(message, plain_text, (size_t)(headers_end - plain_text));
    ese_test_smtp_stop(&seen.server);
}

static void counts_every_byte(void **state)
{
    (void)state;
    struct seen seen = {.server = ese_test_smtp_start(ese_test_smtp_take, NULL)};
    struct ese_wire_totals before = ese_wire_totals();
    uint64_t received, sent;
    send_to(ese_test_smtp_address(seen.server), &seen);
    ese_test_smtp_bytes(seen.server, &received, &sent);
    struct ese_wire_totals after = ese_wire_totals();
    assert_int_equal(after.sent - before.sent, received);
    assert_int_equal(after.received - before.received, sent);
    ese_test_smtp_stop(&seen.server);
}

static void tells_refusals_for_now_from_those_for_good(void **state)
{
    (void)state;
    static const struct {
        const char *command, *reply;
        enum ese_smtp_verdict verdict;
        bool answered;
        int code;
        const char *text;
    } cases[] = {
        {"GREETING", "554 not here\r\n", ESE_SMTP_LATER, false, 0, "not sent: 554 not here"},
        {"GREETING", "421 not now\r\n", ESE_SMTP_LATER, false, 0, "not sent: 421 not now"},
        {"EHLO", "421 not now\r\n", ESE_SMTP_LATER, false, 0, "not sent: 421 not now"},
        {"MAIL", "451 busy\r\n", ESE_SMTP_LATER, true, 451, "busy"},
        {"MAIL", "550 not you\r\n", ESE_SMTP_REFUSED, true, 550, "not you"},
        {"RCPT", "450 full box\r\n", ESE_SMTP_LATER, true, 450, "full box"},
        {"RCPT", "550-no such\r\n550 user\r\n", ESE_SMTP_REFUSED, true, 550, "no such"},
        {"DATA", "451 no disk\r\n", ESE_SMTP_LATER, true, 451, "no disk"},
        {"DATA", "554 never\r\n", ESE_SMTP_REFUSED, true, 554, "never"},
        {".", "452 no room\r\n", ESE_SMTP_LATER, true, 452, "no room"},
        {".", "554 spam\x1b[31m\r\n", ESE_SMTP_REFUSED, true, 554, "spam?[31m"},
        {"QUIT", "500 no\r\n", ESE_SMTP_SENT, true, 250, "taken"},
        {"QUIT", NULL, ESE_SMTP_SENT, true, 250, "taken"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct seen seen = send_twisted(cases[i].command, cases[i].reply);
        if (seen.outcome.verdict != cases[i].verdict)
            fail_msg("%s %s: verdict %d", cases[i].command, cases[i].reply, seen.outcome.verdict);
        assert_int_equal(seen.outcome.answered, cases[i].answered);
        assert_int_equal(seen.outcome.code, cases[i].code);
        assert_string_equal(seen.outcome.text, cases[i].text);
    }
}

static void a_line_that_breaks_is_certain_before_the_dot_and_unknown_after(void **state)
{
    (void)state;
    static const char *const before[] = {"GREETING", "EHLO", "MAIL", "RCPT", "DATA"};
    for (size_t i = 0; i < ESE_COUNT_OF(before); i++) {
        struct seen seen = send_twisted(before[i], NULL);
        assert_int_equal(seen.outcome.verdict, ESE_SMTP_LATER);
        assert_int_equal(seen.dots_asked, 0);
    }
    struct seen seen = send_twisted(".", NULL);
    assert_int_equal(seen.outcome.verdict, ESE_SMTP_UNKNOWN);
    assert_int_equal(seen.dots_asked, 1);
    assert_int_equal(send_twisted(".", "354 what\r\n").outcome.verdict, ESE_SMTP_UNKNOWN);
    assert_int_equal(send_twisted(".", "nonsense\r\n").outcome.verdict, ESE_SMTP_UNKNOWN);
}

static void a_silent_server_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    assert_int_equal(send_twisted("GREETING", "").outcome.verdict, ESE_SMTP_LATER);
    assert_int_equal(send_twisted("RCPT", "").outcome.verdict, ESE_SMTP_LATER);
    assert_int_equal(send_twisted(".", "").outcome.verdict, ESE_SMTP_UNKNOWN);
    assert_int_equal(send_twisted("QUIT", "").outcome.verdict, ESE_SMTP_SENT);
}

/* libesmtp's own status would be the 2xx to an empty message. */
static void a_refused_recipient_is_not_overlooked(void **state)
{
    (void)state;
    struct seen seen = send_twisted("RCPT", "550 no\r\n");
    assert_int_equal(seen.dots_asked, 0);
    assert_int_equal(seen.outcome.verdict, ESE_SMTP_REFUSED);
}

/* A 2xx to DATA is no 354: nothing was handed over, whatever it says. */
static void a_strange_reply_to_data_sends_nothing(void **state)
{
    (void)state;
    struct seen seen = send_twisted("DATA", "250 fine\r\n");
    assert_int_equal(seen.dots_asked, 0);
    assert_int_equal(seen.outcome.verdict, ESE_SMTP_LATER);
}

static void no_dot_goes_out_when_the_caller_says_no(void **state)
{
    (void)state;
    struct seen seen = {.server = ese_test_smtp_start(ese_test_smtp_take, NULL), .forbid = true};
    send_to(ese_test_smtp_address(seen.server), &seen);
    assert_int_equal(seen.outcome.verdict, ESE_SMTP_LATER);
    assert_string_equal(seen.outcome.text, "not sent: not any more");
    struct ese_test_smtp *server = seen.server;
    uint64_t received, sent;
    ese_test_smtp_bytes(server, &received, &sent);
    assert_int_equal(ese_test_smtp_count(server), 0);
    ese_test_smtp_stop(&seen.server);
}

static void nobody_there_is_not_sent(void **state)
{
    (void)state;
    struct ese_test_smtp *gone = ese_test_smtp_start(ese_test_smtp_take, NULL);
    char address[64];
    snprintf(address, sizeof address, "%s", ese_test_smtp_address(gone));
    ese_test_smtp_stop(&gone);
    struct seen seen = {.server = NULL};
    send_to(address, &seen);
    assert_int_equal(seen.outcome.verdict, ESE_SMTP_LATER);
    assert_false(seen.outcome.answered);
    assert_string_equal(seen.outcome.text, "not sent: Connection refused");
}

/* A listener whose queue is full lets a connect hang for minutes. */
static void a_connect_is_bounded(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    getsockname(listener, (struct sockaddr *)&address, &length);
    int fillers[4];
    for (size_t i = 0; i < ESE_COUNT_OF(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    char text[64];
    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(address.sin_port));
    struct seen seen = {.server = NULL};
    int64_t begun_ns = ese_clock_monotonic_ns();
    send_to(text, &seen);
    assert_true(ese_clock_monotonic_ns() - begun_ns < 10 * ESE_NS_PER_S);
    assert_int_equal(seen.outcome.verdict, ESE_SMTP_LATER);
    assert_string_equal(seen.outcome.text, "not sent: the connection was not taken in time");
    for (size_t i = 0; i < ESE_COUNT_OF(fillers); i++)
        close(fillers[i]);
    close(listener);
}

static void knows_what_a_server_is(void **state)
{
    (void)state;
    assert_int_equal(ese_smtp_check_server("127.0.0.1:25", NULL), 0);
    assert_int_equal(ese_smtp_check_server("mail.example.org:2525", NULL), 0);
    static const char *const bad[] = {"", "host", ":25", "host:", "host:0", "host:65536", "host:x",
                                      "[::1]:25"};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        struct ese_error error = {.code = ESE_OK};
        if (ese_smtp_check_server(bad[i], &error) == 0)
            fail_msg("took %s", bad[i]);
        assert_int_equal(error.code, ESE_E_USAGE);
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_a_message),
        cmocka_unit_test(doubles_dots_once),
        cmocka_unit_test(counts_every_byte),
        cmocka_unit_test(tells_refusals_for_now_from_those_for_good),
        cmocka_unit_test(a_line_that_breaks_is_certain_before_the_dot_and_unknown_after),
        cmocka_unit_test(a_silent_server_is_not_waited_for_for_ever),
        cmocka_unit_test(a_refused_recipient_is_not_overlooked),
        cmocka_unit_test(a_strange_reply_to_data_sends_nothing),
        cmocka_unit_test(no_dot_goes_out_when_the_caller_says_no),
        cmocka_unit_test(nobody_there_is_not_sent),
        cmocka_unit_test(a_connect_is_bounded),
        cmocka_unit_test(knows_what_a_server_is),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
