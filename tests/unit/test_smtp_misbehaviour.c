/*
 * An SMTP server that misbehaves at each verb in each way, inside of TLS and with a login, so that
 * there are all verbs. Every case is a session (or two) with a server of its own, side by side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-mailer/smtp.h"
#include "ese-mailer/smtp_limit.h"
#include "tests/support/directory.h"
#include "tests/support/smtp_server.h"

#define PATIENCE_MS 60000 /* where an answer comes */
#define SHORT_MS 2500     /* where none does; an answer that comes has to be quicker */
#define LATE_MS 1200 /* the shortest limit there is would be over */
#define DRIPPING_MS ESE_SMTP_TIMEOUT_LEAST_MS /* where something always comes in time */

static const char text[] = "From: a@b.org\r\nTo: c@d.org\r\nSubject: s\r\nMessage-ID: <i@ese-lab>\r\n"
                           "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nx\r\n.\r\ny\r\n";

enum way {
    REFUSES,
    REFUSES_FOR_NOW,
    STALLS,
    CUTS,
    ANSWERS_LATE,
    ANSWERS_TOO_LATE,
    REFUSES_THEN_TAKES,
    REFUSES_AND_TAKES_IN_ONE_BREATH,
    TAKES_AND_REFUSES_IN_ONE_BREATH,
    DRIPS,
    FLOODS,
    WAYS
};

/* The verbs: which command it misbehaves at, the how manieth of it. */
enum verb { GREETING, EHLO, STARTTLS, EHLO_INSIDE, AUTH, MAIL, RCPT, DATA, DOT, QUIT, VERBS };

static const struct {
    const char *command;
    int nth;
    const char *good, *bad, *bad_for_now;
} verbs[VERBS] = {
    [GREETING] = {"GREETING", 1, "220 test\r\n", "554 no\r\n", "421 not now\r\n"},
    [EHLO] = {"EHLO", 1, "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "550 no\r\n",
              "421 not now\r\n"},
    [STARTTLS] = {"STARTTLS", 1, "220 go\r\n", "554 no\r\n", "454 not now\r\n"},
    [EHLO_INSIDE] = {"EHLO", 2, "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "550 no\r\n",
                     "421 not now\r\n"},
    [AUTH] = {"AUTH", 1, "235 in\r\n", "535 no\r\n", "454 not now\r\n"},
    [MAIL] = {"MAIL", 1, "250 from\r\n", "550 no\r\n", "451 not now\r\n"},
    [RCPT] = {"RCPT", 1, "250 to\r\n", "550 no\r\n", "451 not now\r\n"},
    [DATA] = {"DATA", 1, "354 go\r\n", "554 no\r\n", "451 not now\r\n"},
    [DOT] = {".", 1, "250 taken\r\n", "554 no\r\n", "451 not now\r\n"},
    [QUIT] = {"QUIT", 1, "221 bye\r\n", "554 no\r\n", "451 not now\r\n"},
};

static bool has_no_end(enum way way)
{
    return way == DRIPS || way == FLOODS;
}

/* Of whom a session did not get to the mail, or not beyond it, nothing is known that speaks of the
 * mail; after the final dot nobody knows without an answer; QUIT changes nothing any more. */
static enum ese_smtp_verdict expected(enum verb verb, enum way way)
{
    if (verb == QUIT || way == ANSWERS_LATE || way == REFUSES_THEN_TAKES)
        return ESE_SMTP_SENT;
    if (way == REFUSES)
        return verb < MAIL ? ESE_SMTP_LATER : ESE_SMTP_REFUSED;
    if (verb == DOT && (way == STALLS || way == CUTS || way == ANSWERS_TOO_LATE || has_no_end(way)))
        return ESE_SMTP_UNKNOWN;
    if (verb == DOT && way == TAKES_AND_REFUSES_IN_ONE_BREATH)
        return ESE_SMTP_SENT; /* the first word counts, and there is no later one to compare with */
    return ESE_SMTP_LATER;
}

struct scene {
    enum verb verb;
    enum way way;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int times;   /* the verb's command came, in this session */
    int session; /* this is the first, the second */
    bool is_over; /* on the client's side */
    int taken;   /* messages the server said 250 to */
    char breath[128];
    int dots;
    struct ese_smtp_outcome outcome;
    int64_t took_ms; /* all of it */
};

static const char *good_reply(const char *command)
{
    for (int i = 0; i < VERBS; i++)
        if (strncmp(command, verbs[i].command, strlen(verbs[i].command)) == 0)
            return verbs[i].good;
    return "500 what\r\n";
}

/* What comes after the client has given up comes too late. */
static void wait_until_over(struct scene *scene)
{
    while (!scene->is_over)
        pthread_cond_wait(&scene->changed, &scene->mutex);
}

static const char *misbehave(struct scene *scene)
{
    const char *good = verbs[scene->verb].good, *bad = verbs[scene->verb].bad;
    const char *bad_for_now = verbs[scene->verb].bad_for_now;
    switch (scene->way) {
    case REFUSES: return bad;
    case REFUSES_FOR_NOW: return bad_for_now;
    case STALLS: return "";
    case CUTS: return NULL;
    case ANSWERS_LATE:
        ese_clock_sleep_until(ese_clock_monotonic_ns() + LATE_MS * ESE_NS_PER_MS);
        return good;
    case ANSWERS_TOO_LATE: wait_until_over(scene); return good;
    case REFUSES_THEN_TAKES: return scene->session == 1 ? bad_for_now : good;
    case REFUSES_AND_TAKES_IN_ONE_BREATH:
        snprintf(scene->breath, sizeof scene->breath, "%s%s", bad_for_now, good);
        return scene->breath;
    case TAKES_AND_REFUSES_IN_ONE_BREATH:
        snprintf(scene->breath, sizeof scene->breath, "%s%s", good, bad_for_now);
        return scene->breath;
    case DRIPS:
        snprintf(scene->breath, sizeof scene->breath, ESE_TEST_SMTP_DRIPS "%.3s-a\r\n", good);
        return scene->breath;
    case FLOODS:
        snprintf(scene->breath, sizeof scene->breath, ESE_TEST_SMTP_FLOODS "%.3s-a\r\n", good);
        return scene->breath;
    case WAYS: break;
    }
    return NULL;
}

static const char *reply(void *context, const char *command)
{
    struct scene *scene = context;
    pthread_mutex_lock(&scene->mutex);
    const char *wanted = verbs[scene->verb].command;
    bool is_it = strncmp(command, wanted, strlen(wanted)) == 0 &&
                 ++scene->times == verbs[scene->verb].nth;
    const char *said = is_it ? misbehave(scene) : good_reply(command);
    if (strcmp(command, ".") == 0 && said != NULL && strncmp(said, "250", 3) == 0)
        scene->taken++;
    pthread_mutex_unlock(&scene->mutex);
    return said;
}

static int on_final_dot(void *context, struct ese_error *error)
{
    (void)error;
    struct scene *scene = context;
    scene->dots++;
    return 0;
}

static void on_decided(void *context, const struct ese_smtp_outcome *outcome)
{
    ((struct scene *)context)->outcome = *outcome;
}

/* ---- playing --------------------------------------------------------------------------------- */

static struct ese_test_certificate *certificate;
static char *ca_path;

static int limit_of(enum way way)
{
    if (has_no_end(way))
        return DRIPPING_MS;
    return way == STALLS || way == ANSWERS_TOO_LATE ? SHORT_MS : PATIENCE_MS;
}

static void play_session(struct scene *scene, struct ese_smtp_server *server)
{
    const struct ese_smtp_letter letter = {
        .from = "a@b.org", .to = "c@d.org", .text = text, .length = strlen(text)};
    const struct ese_smtp_listener listener = {
        .context = scene, .before_final_dot = on_final_dot, .decided = on_decided};
    pthread_mutex_lock(&scene->mutex);
    scene->session++;
    scene->times = 0;
    pthread_mutex_unlock(&scene->mutex);
    ese_smtp_send(server, &letter, &listener);
}

static void *play(void *context)
{
    struct scene *scene = context;
    struct ese_smtp_server server = {.timeout_ms = limit_of(scene->way)};
    int64_t begun_ns = ese_clock_monotonic_ns();
    struct ese_smtp_security *security = NULL;
    struct ese_test_smtp *smtp = ese_test_smtp_start_tls(reply, scene, certificate);
    snprintf(server.address, sizeof server.address, "%s", ese_test_smtp_address(smtp));
    const struct ese_smtp_security_options options = {
        .server = server.address, .ca_path = ca_path, .user = "u", .password = "p"};
    ese_smtp_security_open(&options, &security, NULL);
    server.security = security;
    play_session(scene, &server);
    if (scene->way == REFUSES_THEN_TAKES && scene->outcome.verdict == ESE_SMTP_LATER)
        play_session(scene, &server);
    scene->took_ms = (ese_clock_monotonic_ns() - begun_ns) / ESE_NS_PER_MS;
    pthread_mutex_lock(&scene->mutex);
    scene->is_over = true;
    pthread_cond_signal(&scene->changed);
    pthread_mutex_unlock(&scene->mutex);
    ese_test_smtp_stop(&smtp);
    ese_smtp_security_close(&security);
    return NULL;
}

/* A wait ends by itself; a reply without an end where the whole session does. */
static void check_time(const struct scene *scene)
{
    int64_t least_ms = has_no_end(scene->way) ? ESE_SMTP_STEPS * DRIPPING_MS : 0;
    int64_t most_ms = (has_no_end(scene->way) ? least_ms : limit_of(scene->way)) + 8000;
    if (scene->took_ms < least_ms || (limit_of(scene->way) != PATIENCE_MS && scene->took_ms > most_ms))
        fail_msg("%s: waited for %lld ms", verbs[scene->verb].command, (long long)scene->took_ms);
    if (has_no_end(scene->way) && scene->verb < DOT && strstr(scene->outcome.text, "12 times") == NULL)
        fail_msg("%s: %s", verbs[scene->verb].command, scene->outcome.text);
}

static void check(const struct scene *scene)
{
    check_time(scene);
    enum ese_smtp_verdict verdict = expected(scene->verb, scene->way);
    bool is_told = verdict != ESE_SMTP_UNKNOWN; /* then the server may have taken it, or not */
    if (scene->outcome.verdict != verdict ||
        (is_told && scene->taken != (verdict == ESE_SMTP_SENT)) || scene->taken > 1)
        fail_msg("%s, way %d: verdict %d instead of %d (%s); %d taken",
                 verbs[scene->verb].command, scene->way, scene->outcome.verdict, verdict,
                 scene->outcome.text, scene->taken);
    if (verdict == ESE_SMTP_LATER && scene->verb < AUTH &&
        scene->way != TAKES_AND_REFUSES_IN_ONE_BREATH)
        assert_false(scene->outcome.answered);
    if (verdict == ESE_SMTP_LATER && scene->verb < DOT)
        assert_int_equal(scene->dots, 0);
}

static void misbehaves_from_to(enum way way, enum verb first, enum verb last)
{
    struct scene scenes[VERBS];
    for (enum verb verb = first; verb <= last; verb++) {
        struct scene *scene = &scenes[verb];
        *scene = (struct scene){.verb = verb, .way = way};
        pthread_mutex_init(&scene->mutex, NULL);
        pthread_cond_init(&scene->changed, NULL);
        pthread_create(&scene->thread, NULL, play, scene);
    }
    for (enum verb verb = first; verb <= last; verb++)
        pthread_join(scenes[verb].thread, NULL);
    for (enum verb verb = first; verb <= last; verb++)
        check(&scenes[verb]);
}

static void misbehaves(enum way way)
{
    misbehaves_from_to(way, GREETING, QUIT);
}

#define WAY(name, way)                                                                            \
    static void name(void **state)                                                                \
    {                                                                                             \
        (void)state;                                                                              \
        misbehaves(way);                                                                          \
    }

WAY(a_server_that_refuses, REFUSES)
WAY(a_server_that_refuses_for_now, REFUSES_FOR_NOW)
WAY(a_server_that_stalls, STALLS)
WAY(a_server_that_cuts, CUTS)
WAY(a_server_that_answers_late, ANSWERS_LATE)
WAY(a_server_that_answers_too_late, ANSWERS_TOO_LATE)
WAY(a_server_that_refuses_then_takes, REFUSES_THEN_TAKES)
WAY(a_server_that_refuses_and_takes, REFUSES_AND_TAKES_IN_ONE_BREATH)
WAY(a_server_that_takes_and_refuses, TAKES_AND_REFUSES_IN_ONE_BREATH)
WAY(a_server_that_drips, DRIPS)

/* libesmtp looks at each line of a reply to EHLO, and forgets it. */
static void an_ehlo_reply_without_an_end(void **state)
{
    (void)state;
    misbehaves_from_to(FLOODS, EHLO, EHLO);
}

/* Once it has taken the recipient, it says all that it will ever say. Its 250 is no answer to a dot
 * it has not seen yet. */
static const char *say_it_all(void *context, const char *command)
{
    (void)context;
    return strncmp(command, "RCPT", 4) == 0 ? "250 to\r\n354 go\r\n250 taken\r\n"
                                            : good_reply(command);
}

static void an_answer_before_its_question_is_none(void **state)
{
    (void)state;
    struct scene scene = {.verb = VERBS, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct ese_test_smtp *smtp = ese_test_smtp_start(say_it_all, NULL);
    struct ese_smtp_server server = {.timeout_ms = PATIENCE_MS};
    snprintf(server.address, sizeof server.address, "%s", ese_test_smtp_address(smtp));
    play_session(&scene, &server);
    assert_int_equal(scene.outcome.verdict, ESE_SMTP_LATER);
    assert_non_null(strstr(scene.outcome.text, "had not been asked yet"));
    assert_int_equal(scene.dots, 0);
    ese_test_smtp_stop(&smtp);
}

static int make_certificate(void **state)
{
    char *directory = ese_test_directory_make();
    *state = directory;
    certificate = ese_test_certificate_make("IP:127.0.0.1", 1);
    ca_path = ese_test_path(directory, "ca.pem");
    ese_test_certificate_write(certificate, ca_path);
    return 0;
}

static int remove_certificate(void **state)
{
    char *directory = *state;
    ese_test_certificate_free(&certificate);
    free(ca_path);
    ese_test_directory_remove(&directory);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_refuses),
        cmocka_unit_test(a_server_that_refuses_for_now),
        cmocka_unit_test(a_server_that_stalls),
        cmocka_unit_test(a_server_that_cuts),
        cmocka_unit_test(a_server_that_answers_late),
        cmocka_unit_test(a_server_that_answers_too_late),
        cmocka_unit_test(a_server_that_refuses_then_takes),
        cmocka_unit_test(a_server_that_refuses_and_takes),
        cmocka_unit_test(a_server_that_takes_and_refuses),
        cmocka_unit_test(a_server_that_drips),
        cmocka_unit_test(an_ehlo_reply_without_an_end),
        cmocka_unit_test(an_answer_before_its_question_is_none),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
