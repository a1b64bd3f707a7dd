#include "ese-mailer/smtp.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

#include <libesmtp.h>

#include "ese-core/number.h"
#include "ese-core/wire.h"
#include "ese-mailer/smtp_limit.h"

struct session {
    smtp_session_t handle;
    smtp_message_t message;
    smtp_recipient_t recipient;
    const struct ese_smtp_server *server;
    const struct ese_smtp_letter *letter;
    const struct ese_smtp_listener *listener;
    struct ese_smtp_guard *guard; /* NULL: in plain text, and nobody logs in */
    struct ese_smtp_dialogue dialogue;
    struct ese_smtp_limit limit;
    int chunks_handed;     /* 1: the whole text */
    bool connected;
    bool encrypted;
    bool tried_mail;       /* MAIL FROM was answered */
    bool mail_accepted;    /* 2xx to it */
    bool recipient_accepted;
    bool handed_over;      /* the final dot may go out */
    bool decided;
    char refusal[ESE_SMTP_TEXT_SIZE]; /* the last reply that was one, whatever it was to */
    struct ese_error problem;
};

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

static bool wants_login(const struct session *session)
{
    return session->guard != NULL && ese_smtp_security_wants_login(session->server->security);
}

/* In TLS and logged in, as far as that is asked for. libesmtp goes on to MAIL when no login
 * succeeded. */
static bool is_admitted(const struct session *session)
{
    return (session->guard == NULL || session->encrypted) &&
           (!wants_login(session) || session->dialogue.logged_in);
}

/* The reply refuses the mail, for now or for good; but of whom it does not know a server refuses
 * everything, and that is nothing about the mail. */
static void decide_by_refusal(struct session *session, const smtp_status_t *status)
{
    if (!is_admitted(session))
        return;
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

/* Or has got beyond where it would have. */
static bool has_tried_login(const struct session *session)
{
    return session->dialogue.in_login || session->dialogue.login_refused != 0 ||
           session->tried_mail;
}

/* A server's words about a login are not repeated: the password may be in them. */
static const char *why_not_logged_in(const struct session *session, char *text, size_t size)
{
    int code = session->dialogue.login_refused;
    if (code == 0 && session->dialogue.in_login)
        return "the connection was lost in the login, or no reply came in time";
    if (code == 0)
        return "the server offers no way to log in that is known here";
    snprintf(text, size, "the server refuses the login: %d", code);
    return text;
}

/* libesmtp's own error is of use before the connect only: later it may be an earlier session's. */
static const char *what_went_wrong(const struct session *session, char *text, size_t size)
{
    struct ese_error late;
    if (session->problem.code != ESE_OK)
        return session->problem.text;
    if (ese_smtp_limit_check(&session->limit, &late) != 0) {
        snprintf(text, size, "%s", late.text);
        return text;
    }
    if (!session->connected)
        return smtp_errno() == -EINTR ? "the connection was not taken in time"
                                      : smtp_strerror(smtp_errno(), text, size);
    if (session->guard != NULL && !session->encrypted && ese_smtp_guard_tried(session->guard))
        return "the TLS handshake failed, or did not come to its end in time";
    if (session->encrypted && !is_admitted(session) && has_tried_login(session))
        return why_not_logged_in(session, text, size);
    if (session->refusal[0] != '\0')
        return session->refusal;
    return "the connection was lost, or no reply came in time";
}

/* The session is over and no reply has decided it. */
static void decide_at_end(struct session *session)
{
    char text[128];
    struct ese_smtp_outcome outcome = {.verdict = ESE_SMTP_LATER,
                                       .answered = session->mail_accepted && is_admitted(session)};
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

/* The last moment at which all can be called off. */
static int check_final_dot(struct session *session)
{
    if (ese_smtp_dialogue_is_ahead(&session->dialogue))
        return ese_fail(&session->problem, ESE_E_INVALID,
                        "the server answered what it had not been asked yet");
    if (ese_smtp_limit_check(&session->limit, &session->problem) != 0)
        return -1;
    return session->listener->before_final_dot(session->listener->context, &session->problem);
}

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
    if (session->chunks_handed++ == 0 && is_admitted(session)) {
        *length = (int)session->letter->length;
        return session->letter->text;
    }
    *length = 0;
    session->handed_over = is_admitted(session) && check_final_dot(session) == 0;
    errno = session->handed_over ? 0 : ECANCELED;
    return NULL;
}

static void on_mail_status(struct session *session)
{
    const smtp_status_t *status = smtp_reverse_path_status(session->message);
    session->tried_mail = true;
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

/* What libesmtp finds wrong with TLS before or after the handshake, in words; NULL: nothing. */
static const char *tls_problem(int event)
{
    switch (event) {
    case SMTP_EV_EXTNA_STARTTLS: return "the server offers no STARTTLS";
    case SMTP_EV_NO_PEER_CERTIFICATE: return "the server shows no certificate";
    case SMTP_EV_WEAK_CIPHER: return "the server wants a weak cipher";
    case SMTP_EV_NO_CLIENT_CERTIFICATE:
    case SMTP_EV_UNUSABLE_CLIENT_CERTIFICATE:
        return "libesmtp found a client certificate in this user's home, and cannot use it";
    default: return NULL;
    }
}

/* The certificate has been checked by then; libesmtp compares it with another name (see
 * smtp_security.h). */
static void on_tls_event(struct session *session, int event, va_list more)
{
    const char *problem = tls_problem(event);
    if (problem != NULL && session->problem.code == ESE_OK)
        ese_fail(&session->problem, ESE_E_INVALID, "%s", problem);
    else if (event == SMTP_EV_STARTTLS_OK)
        session->encrypted = true;
    else if (event == SMTP_EV_WRONG_PEER_CERTIFICATE)
        *va_arg(more, int *) = 1;
}

static void on_connect(struct session *session)
{
    session->connected = true;
    session->encrypted = false;
    ese_smtp_dialogue_begin(&session->dialogue);
    ese_smtp_limit_connected(&session->limit);
}

/* The monitor does not see the message, whose bytes are counted here; inside of TLS its records
 * are. */
static void on_message_bytes(const struct session *session, va_list more)
{
    (void)va_arg(more, smtp_message_t);
    if (!session->encrypted)
        ese_wire_add((uint64_t)va_arg(more, int), 0);
}

static void on_event(smtp_session_t handle, int event, void *argument, ...)
{
    (void)handle;
    struct session *session = argument;
    va_list more;
    va_start(more, argument);
    switch (event) {
    case SMTP_EV_CONNECT: on_connect(session); break;
    case SMTP_EV_DISCONNECT: /* it may try the host's next address */
        ese_smtp_limit_disconnected(&session->limit);
        break;
    case SMTP_EV_MAILSTATUS: on_mail_status(session); break;
    case SMTP_EV_RCPTSTATUS: on_recipient_status(session); break;
    case SMTP_EV_MESSAGEDATA: on_message_bytes(session, more); break;
    case SMTP_EV_MESSAGESENT:
        decide_by_transfer(session, smtp_message_transfer_status(session->message));
        break;
    default: on_tls_event(session, event, more); break;
    }
    va_end(more);
}

static void note_refusal(struct session *session, const char *bytes, int length)
{
    char words[ESE_SMTP_TEXT_SIZE];
    if (session->dialogue.in_login || length == 0 || (bytes[0] != '4' && bytes[0] != '5'))
        return;
    snprintf(words, sizeof words, "%.*s", length, bytes);
    copy_words(session->refusal, words);
}

static void on_bytes(const char *bytes, int length, int writing, void *argument)
{
    struct session *session = argument;
    if (writing) {
        ese_smtp_dialogue_sent(&session->dialogue, bytes, length);
    } else {
        note_refusal(session, bytes, length);
        ese_smtp_dialogue_received(&session->dialogue, bytes, length);
    }
    if (!session->encrypted)
        ese_wire_add(writing ? (uint64_t)length : 0, writing ? 0 : (uint64_t)length);
}

/* ---- a session ------------------------------------------------------------------------------- */

static void set_timeouts(struct session *session)
{
    static const int waits[] = {Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER,
                                Timeout_DATA2};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        smtp_set_timeout(session->handle, waits[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
                         session->server->timeout_ms);
}

static void set_up(struct session *session)
{
    session->handle = smtp_create_session();
    session->message = smtp_add_message(session->handle);
    smtp_set_server(session->handle, session->server->address);
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
    if (session->server->security != NULL)
        session->guard = ese_smtp_guard_new(session->server->security, session->handle,
                                            &session->dialogue, &session->problem);
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

void ese_smtp_send(const struct ese_smtp_server *server, const struct ese_smtp_letter *letter,
                   const struct ese_smtp_listener *listener)
{
    struct session session = {.server = server, .letter = letter, .listener = listener};
    set_up(&session);
    if (ese_smtp_limit_begin(&session.limit, server->timeout_ms, &session.problem) == 0) {
        smtp_start_session(session.handle);
        ese_smtp_limit_end(&session.limit);
    }
    decide_at_end(&session);
    if (session.handed_over && !session.encrypted)
        count_framing(letter);
    smtp_destroy_session(session.handle);
    ese_smtp_guard_free(&session.guard);
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
