/* STARTTLS and login: who is trusted, and what is told to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>

#include "ese-core/memory.h"
#include "ese-core/wire.h"
#include "ese-mailer/smtp.h"
#include "tests/support/directory.h"
#include "tests/support/smtp_server.h"

#define TIMEOUT_MS 20000
#define USER "lab"
#define PASSWORD "s3cret word"
#define CREDENTIALS "AGxhYgBzM2NyZXQgd29yZA==" /* base64 of NUL, user, NUL, password */

static const char text[] = "From: a@b.org\r\nTo: c@d.org\r\nSubject: s\r\nMessage-ID: <i@ese-lab>\r\n"
                           "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nx\r\n.\r\ny\r\n";

/* A server, what it says otherwise than others, and what it was told. */
struct scene {
    struct {
        const char *command, *reply;
    } twists[3];        /* until a NULL command */
    const char *offers; /* its answer to EHLO */
    pthread_mutex_t mutex;
    char told[4096]; /* all commands, each with a newline */
    struct ese_test_smtp *server;
    struct ese_smtp_outcome outcome;
    int decisions;
};

static const char *reply(void *context, const char *command)
{
    struct scene *scene = context;
    pthread_mutex_lock(&scene->mutex);
    size_t used = strlen(scene->told);
    snprintf(scene->told + used, sizeof scene->told - used, "%s\n", command);
    pthread_mutex_unlock(&scene->mutex);
    for (size_t i = 0; i < ESE_COUNT_OF(scene->twists) && scene->twists[i].command != NULL; i++)
        if (strncmp(command, scene->twists[i].command, strlen(scene->twists[i].command)) == 0)
            return scene->twists[i].reply;
    if (strncmp(command, "EHLO", 4) == 0)
        return scene->offers;
    if (strcmp(command, "STARTTLS") == 0)
        return "220 go on\r\n";
    return strncmp(command, "AUTH", 4) == 0 ? "235 welcome\r\n" : ese_test_smtp_take(NULL, command);
}

static int on_final_dot(void *context, struct ese_error *error)
{
    (void)context;
    (void)error;
    return 0;
}

static void on_decided(void *context, const struct ese_smtp_outcome *outcome)
{
    struct scene *scene = context;
    scene->outcome = *outcome;
    scene->decisions++;
}

struct setting {
    const char *names; /* of the certificate; NULL: the server's address */
    int days;
    bool is_distrusted;
    const char *user;
};

/* One session of one scene. */
static void play(struct scene *scene, const struct setting *setting)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "ca.pem");
    struct ese_test_certificate *shown = ese_test_certificate_make(
        setting->names == NULL ? "IP:127.0.0.1" : setting->names, setting->days);
    struct ese_test_certificate *other = ese_test_certificate_make("DNS:other", 1);
    struct ese_error error = {.code = ESE_OK};
    struct ese_smtp_server server = {.timeout_ms = TIMEOUT_MS};
    struct ese_smtp_security *security = NULL;
    ese_test_certificate_write(setting->is_distrusted ? other : shown, path);
    if (scene->offers == NULL)
        scene->offers = "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n";
    pthread_mutex_init(&scene->mutex, NULL);
    scene->server = ese_test_smtp_start_tls(reply, scene, shown);
    snprintf(server.address, sizeof server.address, "%s", ese_test_smtp_address(scene->server));
    const struct ese_smtp_security_options options = {
        .server = server.address, .ca_path = path, .user = setting->user, .password = PASSWORD};
    if (ese_smtp_security_open(&options, &security, &error) != 0)
        fail_msg("%s", error.text);
    server.security = security;
    const struct ese_smtp_letter letter = {
        .from = "a@b.org", .to = "c@d.org", .text = text, .length = strlen(text)};
    const struct ese_smtp_listener listener = {
        .context = scene, .before_final_dot = on_final_dot, .decided = on_decided};
    ese_smtp_send(&server, &letter, &listener);
    assert_int_equal(scene->decisions, 1);
    ese_smtp_security_close(&security);
    ese_test_certificate_free(&shown);
    ese_test_certificate_free(&other);
    free(path);
    ese_test_directory_remove(&directory);
}

static const struct setting good = {.days = 1, .user = USER};

/* Certainly not sent, no matter of the mail's, and for this reason; nothing of the mail was told. */
static void assert_kept(struct scene *scene, const char *why)
{
    if (scene->outcome.verdict != ESE_SMTP_LATER || strstr(scene->outcome.text, why) == NULL)
        fail_msg("verdict %d: %s", scene->outcome.verdict, scene->outcome.text);
    assert_false(scene->outcome.answered);
    assert_int_equal(ese_test_smtp_count(scene->server), 0);
    ese_test_smtp_stop(&scene->server);
    assert_null(strstr(scene->told, "Subject"));
}

static void assert_told(const struct scene *scene, const char *command, bool is)
{
    if ((strstr(scene->told, command) != NULL) != is)
        fail_msg("%s '%s' was told: %s", is ? "no" : "a", command, scene->told);
}

/* ---- what works ------------------------------------------------------------------------------ */

static void sends_inside_of_tls_and_logged_in(void **state)
{
    (void)state;
    struct scene scene = {.offers = NULL};
    play(&scene, &good);
    assert_string_equal(scene.outcome.text, "taken");
    assert_int_equal(scene.outcome.verdict, ESE_SMTP_SENT);
    assert_int_equal(ese_test_smtp_count(scene.server), 1);
    assert_non_null(strstr(ese_test_smtp_message(scene.server, 0), "\r\n\r\nx\r\n..\r\ny\r\n"));
    ese_test_smtp_stop(&scene.server);
    assert_told(&scene, "\nAUTH PLAIN " CREDENTIALS "\nMAIL FROM:<a@b.org>\n", true);
}

/* A way to log in that goes to and fro. */
static void logs_in_by_challenges(void **state)
{
    (void)state;
    struct scene scene = {.twists = {{"AUTH LOGIN", "334 UGFzc3dvcmQ6\r\n"},
                                     {"czNjcmV0IHdvcmQ=", "235 welcome\r\n"}},
                          .offers = "250-test\r\n250-STARTTLS\r\n250 AUTH LOGIN\r\n"};
    play(&scene, &good);
    assert_string_equal(scene.outcome.text, "taken");
    assert_int_equal(scene.outcome.verdict, ESE_SMTP_SENT);
    ese_test_smtp_stop(&scene.server);
    assert_told(&scene, "\nAUTH LOGIN bGFi\nczNjcmV0IHdvcmQ=\nMAIL FROM:<a@b.org>\n", true);
}

/* Replies come in pieces, and in several lines. */
static void counts_questions_and_answers(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *received;
        bool is_ahead;
    } turns[] = {
        {"", "220 hello\r\n", false},           {"EHLO x\r\n", "250-a\r\n250-b\r\n25", false},
        {"", "0 c\r\n", false},                 {"", "2", true},
        {"MAIL\r\n", "50 ok\r\n", false},      {"RCPT\r\nDATA\r\n", "250\r\n", false},
        {"", "354 go\r\n", false},              {"", "250-more\r\n", true},
        {"QUIT\r\n", "250 that\r\n221 bye", true},
    };
    struct ese_smtp_dialogue dialogue;
    ese_smtp_dialogue_begin(&dialogue);
    for (size_t i = 0; i < ESE_COUNT_OF(turns); i++) {
        ese_smtp_dialogue_sent(&dialogue, turns[i].sent, (int)strlen(turns[i].sent));
        ese_smtp_dialogue_received(&dialogue, turns[i].received, (int)strlen(turns[i].received));
        if (ese_smtp_dialogue_is_ahead(&dialogue) != turns[i].is_ahead)
            fail_msg("turn %zu: %d asked, %d answered", i, dialogue.asked, dialogue.answered);
    }
}

/* The server offers 1.3, too, whose tickets would stall libesmtp, now and then. */
static void tls_is_of_the_version_that_does_not_stall(void **state)
{
    (void)state;
    struct scene scene = {.offers = NULL};
    play(&scene, &good);
    assert_int_equal(scene.outcome.verdict, ESE_SMTP_SENT);
    assert_int_equal(ese_test_smtp_handshakes(scene.server, TLS1_2_VERSION), 1);
    assert_int_equal(ese_test_smtp_handshakes(scene.server, TLS1_3_VERSION), 0);
    ese_test_smtp_stop(&scene.server);
}

static void nobody_logs_in_who_was_not_told_to(void **state)
{
    (void)state;
    struct scene scene = {.offers = NULL};
    play(&scene, &(struct setting){.days = 1});
    assert_int_equal(scene.outcome.verdict, ESE_SMTP_SENT);
    ese_test_smtp_stop(&scene.server);
    assert_told(&scene, "AUTH", false);
}

static void counts_every_byte_of_tls(void **state)
{
    (void)state;
    struct scene scene = {.offers = NULL};
    struct ese_wire_totals before = ese_wire_totals();
    uint64_t received, sent;
    play(&scene, &good);
    ese_test_smtp_settle(scene.server);
    ese_test_smtp_bytes(scene.server, &received, &sent);
    struct ese_wire_totals after = ese_wire_totals();
    assert_int_equal(after.sent - before.sent, received);
    /* its last word is that TLS ends here, which nobody waits for */
    assert_in_range(sent - (after.received - before.received), 0, 40);
    assert_true(received > strlen(text) + 500);
    ese_test_smtp_stop(&scene.server);
}

/* ---- who is not trusted ---------------------------------------------------------------------- */

static void a_certificate_has_to_be_good(void **state)
{
    (void)state;
    static const struct {
        struct setting setting;
        const char *why;
    } cases[] = {
        {{.days = 1, .is_distrusted = true, .user = USER}, "self-signed certificate"},
        {{.days = -1, .user = USER}, "certificate has expired"},
        {{.days = 1, .names = "DNS:localhost", .user = USER}, "IP address mismatch"},
        {{.days = 1, .names = "IP:127.0.0.2", .user = USER}, "IP address mismatch"},
        {{.days = 1, .names = "DNS:127.0.0.1", .user = USER}, "IP address mismatch"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct scene scene = {.offers = NULL};
        play(&scene, &cases[i].setting);
        assert_kept(&scene, cases[i].why);
        assert_told(&scene, "AUTH", false);
        assert_told(&scene, "MAIL", false);
    }
}

static void a_server_without_tls_is_told_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *command, *reply, *offers, *why;
    } cases[] = {
        {NULL, NULL, "250-test\r\n250 AUTH PLAIN LOGIN\r\n", "offers no STARTTLS"},
        {"EHLO", "502 what\r\n", NULL, "offers no STARTTLS"},
        {"STARTTLS", "454 not now\r\n", NULL, "454 not now"},
        {"STARTTLS", "554 never\r\n", NULL, "554 never"},
        {"STARTTLS", "250 well\r\n", NULL, "not sent: "},
        {"STARTTLS", NULL, NULL, "connection was lost"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct scene scene = {.twists = {{cases[i].command, cases[i].reply}},
                              .offers = cases[i].offers};
        play(&scene, &good);
        assert_kept(&scene, cases[i].why);
        assert_told(&scene, "AUTH", false);
        assert_told(&scene, "MAIL", false);
    }
}

static void a_handshake_may_fail(void **state)
{
    (void)state;
    /* 2xx to libesmtp, and no TLS behind it */
    struct scene scene = {.twists = {{"STARTTLS", "299 in plain text\r\n"}}};
    play(&scene, &good);
    assert_kept(&scene, "TLS handshake failed");
}

/* What is said in plain text must not be heard inside: all of these would make it a sent mail. */
static void what_was_injected_before_tls_is_not_believed(void **state)
{
    (void)state;
    static const char *const injected[] = {
        "220 go\r\n250 hello\r\n",
        "220 go\r\n250-hello\r\n",
        "220 go\r\n2",
        "220 go\r\n250 AUTH PLAIN\r\n235 in\r\n250 from\r\n250 to\r\n354 go\r\n250 taken\r\n",
        "220-go\r\n220 on\r\n250 hello\r\n",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(injected); i++) {
        struct scene scene = {.twists = {{"STARTTLS", injected[i]}}};
        play(&scene, &good);
        assert_kept(&scene, "in plain text what was to be asked inside");
        assert_told(&scene, "MAIL", false);
    }
}

/* ---- the login ------------------------------------------------------------------------------- */

/* libesmtp goes on to MAIL, and a server that does not know us refuses that for good: no mail must
 * die of a wrong password. */
static void a_refused_login_kills_no_mail(void **state)
{
    (void)state;
    static const char *const refusals[] = {"535 wrong\r\n", "534 too weak\r\n", "454 not now\r\n",
                                           "500 what\r\n"};
    for (size_t i = 0; i < ESE_COUNT_OF(refusals); i++) {
        char why[64];
        struct scene scene = {
            .twists = {{"AUTH", refusals[i]}, {"MAIL", "530 log in first\r\n"}}};
        snprintf(why, sizeof why, "refuses the login: %.3s", refusals[i]);
        play(&scene, &good);
        assert_kept(&scene, why);
    }
}

static void a_stranger_is_refused_for_now(void **state)
{
    (void)state;
    struct scene scene = {.twists = {{"MAIL", "530 log in first\r\n"}},
                          .offers = "250-test\r\n250-STARTTLS\r\n250 SIZE\r\n"};
    play(&scene, &good);
    assert_kept(&scene, "offers no way to log in");
}

static void without_a_login_no_text_goes_out(void **state)
{
    (void)state;
    struct scene scene = {.offers = "250-test\r\n250-STARTTLS\r\n250 AUTH X-UNHEARD-OF\r\n"};
    play(&scene, &good);
    assert_kept(&scene, "offers no way to log in");
    assert_told(&scene, "DATA", true); /* that far libesmtp goes by itself */
}

static void a_login_may_break_off(void **state)
{
    (void)state;
    struct scene scene = {.twists = {{"AUTH", NULL}}};
    play(&scene, &good);
    assert_kept(&scene, "lost in the login");
}

/* A server may repeat what it was told, in whatever words. */
static void no_word_of_a_password_is_shown(void **state)
{
    (void)state;
    struct scene scene = {
        .twists = {{"AUTH", "535-I do not know " CREDENTIALS "\r\n535 " PASSWORD "\r\n"}}};
    play(&scene, &good);
    assert_null(strstr(scene.outcome.text, PASSWORD));
    assert_null(strstr(scene.outcome.text, CREDENTIALS));
    assert_kept(&scene, "refuses the login: 535");
}

static void a_file_without_certificates_is_refused(void **state)
{
    (void)state;
    struct ese_smtp_security *security = NULL;
    struct ese_error error = {.code = ESE_OK};
    const struct ese_smtp_security_options options = {.server = "h:1", .ca_path = "/dev/null"};
    assert_int_equal(ese_smtp_security_open(&options, &security, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "/dev/null"));
    assert_null(security);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_inside_of_tls_and_logged_in),
        cmocka_unit_test(logs_in_by_challenges),
        cmocka_unit_test(counts_questions_and_answers),
        cmocka_unit_test(tls_is_of_the_version_that_does_not_stall),
        cmocka_unit_test(nobody_logs_in_who_was_not_told_to),
        cmocka_unit_test(counts_every_byte_of_tls),
        cmocka_unit_test(a_certificate_has_to_be_good),
        cmocka_unit_test(a_server_without_tls_is_told_nothing),
        cmocka_unit_test(a_handshake_may_fail),
        cmocka_unit_test(what_was_injected_before_tls_is_not_believed),
        cmocka_unit_test(a_refused_login_kills_no_mail),
        cmocka_unit_test(a_stranger_is_refused_for_now),
        cmocka_unit_test(without_a_login_no_text_goes_out),
        cmocka_unit_test(a_login_may_break_off),
        cmocka_unit_test(no_word_of_a_password_is_shown),
        cmocka_unit_test(a_file_without_certificates_is_refused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
