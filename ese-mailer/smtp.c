#include "ese-mailer/smtp.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <libesmtp.h>

#include "ese-core/clock.h"
#include "ese-core/number.h"
#include "ese-core/wire.h"

#ifndef sigev_notify_thread_id /* glibc has the member, older headers lack its name */
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define CONNECT_SIGNAL SIGRTMIN
#define REPEAT_NS (50 * ESE_NS_PER_MS)

struct session {
    smtp_session_t handle;
    smtp_message_t message;
    smtp_recipient_t recipient;
    const struct ese_smtp_letter *letter;
    const struct ese_smtp_listener *listener;
    timer_t connect_limit;
    int timeout_ms;
    int chunks_handed;     /* 1: the whole text */
    bool connected;
    bool mail_accepted;    /* 2xx to MAIL FROM */
    bool recipient_accepted;
    bool handed_over;      /* the final dot may go out */
    bool decided;
    char refusal[ESE_SMTP_TEXT_SIZE]; /* the last reply that was one, whatever it was to */
    struct ese_error problem;
};

/* ---- the limit of the connect ---------------------------------------------------------------- */

/* Its coming is its work: connect(2) returns EINTR. */
static void on_connect_signal(int number)
{
    (void)number;
}

static void install_connect_signal(void)
{
    struct sigaction action = {.sa_handler = on_connect_signal}; /* without SA_RESTART */
    sigaction(CONNECT_SIGNAL, &action, NULL);
}

/* Aimed at this thread alone. */
static int make_connect_limit(struct session *session)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_connect_signal);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = CONNECT_SIGNAL};
    event.sigev_notify_thread_id = gettid();
    if (timer_create(CLOCK_MONOTONIC, &event, &session->connect_limit) == 0)
        return 0;
    return ese_fail_errno(&session->problem, "cannot limit the connect: no timer");
}

/* It goes on firing until it is disarmed: a signal that came just before connect(2) would be
 * lost. */
static void arm_connect_limit(struct session *session, bool on)
{
    struct itimerspec limit = {.it_interval = {.tv_nsec = 0}};
    if (on) {
        limit.it_value.tv_sec = session->timeout_ms / 1000;
        limit.it_value.tv_nsec = session->timeout_ms % 1000 * ESE_NS_PER_MS;
        limit.it_interval.tv_nsec = REPEAT_NS;
    }
    timer_settime(session->connect_limit, 0, &limit, NULL);
}

/* ---- the outcome ----------------------------------------------------------------------------- */

/* The first line of a server's words, with '?' for what is no printable ASCII. */
static void copy_words(char target[ESE_SMTP_TEXT_SIZE], const char *words)
{
    size_t length = strcspn(words == NULL ? "" : words, "\r\n");
    snprintf(target, ESE_SMTP_TEXT_SIZE, "%.*s", (int)length, words == NULL ? "" : words);
    for (char *c = target; *c != '\0'; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
}

static void decide(struct session *session, const struct ese_smtp_outcome *outcome)
{
    if (session->decided)
        return;
    session->decided = true;
    session->listener->decided(session->listener->context, outcome);
}

/* The reply refuses the mail, for now or for good. */
static void decide_by_refusal(struct session *session, const smtp_status_t *status)
{
    struct ese_smtp_outcome outcome = {.answered = true, .code = status->code};
    outcome.verdict = status->code / 100 == 5 ? ESE_SMTP_REFUSED : ESE_SMTP_LATER;
    copy_words(outcome.text, status->text);
    decide(session, &outcome);
}

/* The reply to DATA, or to the final dot. */
static void decide_by_transfer(struct session *session, const smtp_status_t *status)
{
    int kind = status->code / 100;
    if (kind == 4 || kind == 5) {
        decide_by_refusal(session, status);
    } else if (kind == 2 && session->handed_over && session->mail_accepted &&
               session->recipient_accepted) {
        struct ese_smtp_outcome sent = {.verdict = ESE_SMTP_SENT, .answered = true,
                                        .code = status->code};
        copy_words(sent.text, status->text);
        decide(session, &sent);
    } /* anything else is no answer: see decide_at_end */
}

/* libesmtp's own error is of use before the connect only: later it may be an earlier session's. */
static const char *what_went_wrong(const struct session *session, char *text, size_t size)
{
    if (session->problem.code != ESE_OK)
        return session->problem.text;
    if (!session->connected)
        return smtp_errno() == -EINTR ? "the connection was not taken in time"
                                      : smtp_strerror(smtp_errno(), text, size);
    if (session->refusal[0] != '\0')
        return session->refusal;
    return "the connection was lost, or no reply came in time";
}

/* The session is over and no reply has decided it. */
static void decide_at_end(struct session *session)
{
    char text[128];
    struct ese_smtp_outcome outcome = {.verdict = ESE_SMTP_LATER,
                                       .answered = session->mail_accepted};
    if (session->handed_over) {
        outcome.verdict = ESE_SMTP_UNKNOWN;
        snprintf(outcome.text, sizeof outcome.text, "no reply after the final dot");
    } else {
        snprintf(outcome.text, sizeof outcome.text, "not sent: %s",
                 what_went_wrong(session, text, sizeof text));
    }
    decide(session, &outcome);
}

/* ---- what libesmtp calls --------------------------------------------------------------------- */

/* First the whole text. When libesmtp asks for more, the final dot is what it will write next,
 * and nothing of it is on the wire yet: that moment is the caller's. errno set on return makes
 * libesmtp drop the connection instead. */
static const char *give_text(void **context, int *length, void *argument)
{
    (void)context;
    struct session *session = argument;
    if (length == NULL) { /* begin again */
        session->chunks_handed = 0;
        return NULL;
    }
    if (session->chunks_handed++ == 0) {
        *length = (int)session->letter->length;
        return session->letter->text;
    }
    *length = 0;
    session->handed_over =
        session->listener->before_final_dot(session->listener->context, &session->problem) == 0;
    errno = session->handed_over ? 0 : ECANCELED;
    return NULL;
}

static void on_mail_status(struct session *session)
{
    const smtp_status_t *status = smtp_reverse_path_status(session->message);
    session->mail_accepted = status->code / 100 == 2;
    if (!session->mail_accepted)
        decide_by_refusal(session, status);
}

static void on_recipient_status(struct session *session)
{
    const smtp_status_t *status = smtp_recipient_status(session->recipient);
    session->recipient_accepted = status->code / 100 == 2;
    if (!session->recipient_accepted)
        decide_by_refusal(session, status);
}

static void on_event(smtp_session_t handle, int event, void *argument, ...)
{
    (void)handle;
    struct session *session = argument;
    va_list more;
    switch (event) {
    case SMTP_EV_CONNECT:
        session->connected = true;
        arm_connect_limit(session, false);
        break;
    case SMTP_EV_DISCONNECT: /* it may try the host's next address */
        arm_connect_limit(session, true);
        break;
    case SMTP_EV_MAILSTATUS: on_mail_status(session); break;
    case SMTP_EV_RCPTSTATUS: on_recipient_status(session); break;
    case SMTP_EV_MESSAGEDATA: /* the monitor does not see the message */
        va_start(more, argument);
        (void)va_arg(more, smtp_message_t);
        ese_wire_add((uint64_t)va_arg(more, int), 0);
        va_end(more);
        break;
    case SMTP_EV_MESSAGESENT:
        decide_by_transfer(session, smtp_message_transfer_status(session->message));
        break;
    default: break;
    }
}

static void on_bytes(const char *bytes, int length, int writing, void *argument)
{
    struct session *session = argument;
    if (!writing && length > 0 && (bytes[0] == '4' || bytes[0] == '5')) {
        char words[ESE_SMTP_TEXT_SIZE];
        snprintf(words, sizeof words, "%.*s", length, bytes);
        copy_words(session->refusal, words);
    }
    ese_wire_add(writing ? (uint64_t)length : 0, writing ? 0 : (uint64_t)length);
}

/* ---- a session ------------------------------------------------------------------------------- */

static void set_timeouts(struct session *session)
{
    static const int waits[] = {Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER,
                                Timeout_DATA2};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        smtp_set_timeout(session->handle, waits[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
                         session->timeout_ms);
}

static void set_up(struct session *session, const char *server)
{
    session->handle = smtp_create_session();
    session->message = smtp_add_message(session->handle);
    smtp_set_server(session->handle, server);
    smtp_set_eventcb(session->handle, on_event, session);
    smtp_set_monitorcb(session->handle, on_bytes, session, 0);
    smtp_set_reverse_path(session->message, session->letter->from);
    session->recipient = smtp_add_recipient(session->message, session->letter->to);
    assert(session->recipient != NULL); /* NULL: no memory, or a NULL argument */
    /* Else a refused recipient is followed by DATA and an empty message, whose 2xx would look
     * like ours. */
    smtp_option_require_all_recipients(session->handle, 1);
    smtp_set_messagecb(session->message, give_text, session);
    set_timeouts(session);
}

/* What the session wrote behind the message that no callback tells: the line between header and
 * body, the final dot, and the dots that were doubled. */
static void count_framing(const struct ese_smtp_letter *letter)
{
    uint64_t bytes = sizeof "\r\n.\r\n" - 1;
    const char *line = letter->text;
    while (line != NULL) {
        bytes += line[0] == '.';
        line = strstr(line, "\r\n");
        line = line == NULL ? NULL : line + 2;
    }
    ese_wire_add(bytes, 0);
}

void ese_smtp_send(const char *server, int timeout_ms, const struct ese_smtp_letter *letter,
                   const struct ese_smtp_listener *listener)
{
    struct session session = {.letter = letter, .listener = listener, .timeout_ms = timeout_ms};
    set_up(&session, server);
    if (make_connect_limit(&session) == 0) {
        arm_connect_limit(&session, true);
        smtp_start_session(session.handle);
        timer_delete(session.connect_limit);
    }
    decide_at_end(&session);
    if (session.handed_over)
        count_framing(letter);
    smtp_destroy_session(session.handle);
}

int ese_smtp_check_server(const char *server, struct ese_error *error)
{
    const char *colon = strchr(server, ':');
    int64_t port;
    if (colon == NULL || colon == server || strchr(colon + 1, ':') != NULL ||
        strlen(server) >= ESE_SMTP_SERVER_SIZE)
        return ese_fail(error, ESE_E_USAGE,
                        "--smtp %s: not of the form HOST:PORT, with a name or an IPv4 address "
                        "for HOST", server);
    if (ese_number_parse(colon + 1, "--smtp: the port", 1, 65535, &port, error) == 0)
        return 0;
    error->code = ESE_E_USAGE;
    return -1;
}
