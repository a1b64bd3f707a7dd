#include "ese-core/address.h"
#include "ese-core/history_option.h"
#include "ese-core/http_server.h"
#include "ese-core/listen_option.h"
#include "ese-core/log.h"
#include "ese-core/mail_request.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "ese-core/sqlite_syncs.h"
#include "ese-mailer/intake.h"
#include "ese-mailer/password.h"
#include "ese-mailer/requests.h"
#include "ese-mailer/sender.h"
#include "ese-mailer/smtp_limit.h"
#include "transports/registry.h"

#define KEEP_MS (INT64_C(24) * 60 * 60 * 1000) /* rows of sent mails, and so their ids */
#define STOP_MS 1500                           /* open sessions get as long to end */
#define NOTE_MS 200                            /* how often the history's figures are renewed */

_Static_assert(ESE_SMTP_STEPS == 12, "so --smtp-timeout-ms is told below, and in docs/mails.md");

static const struct ese_option options[] = {
    {.name = "listen", .kind = ESE_OPTION_TEXT, .value = "ADDRESS:PORT",
     .fallback = ESE_MAILER_ADDRESS,
     .help = "Takes mails on this address; port 0 takes a free one. Beyond loopback only with "
             "--token-file or --trusted-network."},
    {.name = "intake", .kind = ESE_OPTION_TEXT, .value = "NAME[:OPTION=VALUE...]",
     .help = "Takes mails from the topic mail-requests, too, where ese-consumer --mail-requests puts "
             "them: by that transport, whose own options are listed below once it is chosen. Over "
             "one without topics, give a place (a directory, a server) that holds nothing else."},
    {.name = "group", .kind = ESE_OPTION_TEXT, .value = "NAME", .fallback = "ese-mailer",
     .help = "The consumer group under which the topic is read, where the transport has groups. One "
             "mailer reads at a time: a second one of the group takes over."},
    {.name = "smtp", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT", .fallback = ESE_SMTP_ADDRESS,
     .help = "The SMTP server mails are sent to."},
    {.name = "smtp-tls", .kind = ESE_OPTION_CHOICE, .choices = "off|starttls", .fallback = "off",
     .help = "starttls: mails are sent inside of TLS only, to a server whose certificate is good "
             "for the HOST of --smtp. One that is not, or that offers no STARTTLS, gets none; they "
             "wait. off: in plain text, for a server on this machine."},
    {.name = "smtp-ca", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "The certificates (PEM) that the SMTP server's is checked against, instead of the "
             "system's."},
    {.name = "smtp-user", .kind = ESE_OPTION_TEXT, .value = "NAME",
     .help = "Logs in to the SMTP server under this name, inside of TLS only. The password is the "
             "first line of --smtp-password-file, or the environment variable "
             ESE_PASSWORD_VARIABLE "; no option takes it."},
    {.name = "smtp-password-file", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "Its first line is the password of --smtp-user. FILE must be nobody else's to read."},
    {.name = "outbox", .kind = ESE_OPTION_TEXT, .value = "FILE", .fallback = "ese-mailer.outbox",
     .help = "The database that holds mails until they are sent. One mailer a file. Its directory is made where it is "
             "not there."},
    {.name = "to-allow", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .fallback = "click_updated@ese.org,order_updated@ese.org",
     .help = "Whom mails may go to: addresses and @domains, separated by commas. Others are "
             "refused with 403, and what was taken from an earlier list is not sent any more."},
    {.name = "sessions", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "4", .min = 1,
     .max = ESE_OUTBOX_CLAIMS_MOST,
     .help = "SMTP sessions at once. As many mails may be unknown after a crash."},
    {.name = "unknown", .kind = ESE_OPTION_CHOICE, .choices = "hold|resend", .fallback = "hold",
     .help = "What becomes of a mail that may have been sent when no reply came. "
             "hold keeps it aside and names it; resend sends it again, perhaps a second time."},
    {.name = "smtp-timeout-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "30000",
     .min = ESE_SMTP_TIMEOUT_LEAST_MS, .max = 600000,
     .help = "How long the SMTP server is waited for, at each step; all of a session may take 12 times "
             "as long."},
    {.name = "retry-first-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "200",
     .min = 1, .max = 3600000,
     .help = "The wait before the second attempt. It doubles with each, with jitter."},
    {.name = "retry-most-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "10000",
     .min = 1, .max = 86400000, .help = "The longest wait between two attempts."},
    {.name = "queue", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "100000", .min = 1,
     .max = 10000000,
     .help = "Mails that may wait in the outbox. Beyond, POST /mail is answered 503 with "
             "Retry-After."},
    {.name = "max-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1073741824",
     .min = 1048576, .max = INT64_C(1) << 43,
     .help = "The outbox grows up to so many bytes, of which 4096 are kept free for each mail that "
             "waits. Beyond, POST /mail is answered 503 with Retry-After, until mails that were "
             "sent have left after a day."},
    ESE_OPTION_END,
};

/* Everything that is open, in the order of opening. */
struct mailer {
    struct ese_metrics *metrics;
    struct ese_contact *smtp;
    struct ese_contact *keeper; /* of the topic of requests; NULL: none is read */
    struct ese_requests *requests; /* NULL, too */
    struct ese_history *history;
    struct ese_allow_list *allowed;
    struct ese_outbox *outbox;
    struct ese_http_server *server;
    struct ese_intake *intake;
    struct ese_smtp_security *security; /* NULL: in plain text */
    struct ese_senders *senders;
};

static bool resends(const struct ese_config *config)
{
    return strcmp(ese_config_text(config, "unknown"), "resend") == 0;
}

static int open_outbox(struct mailer *mailer, const struct ese_config *config,
                       struct ese_error *error)
{
    const struct ese_history_options history = ese_history_told(config, "mailer", "");
    if (ese_history_open(&history, &mailer->history, error) != 0)
        return -1;
    const struct ese_outbox_options outbox = {.path = ese_config_text(config, "outbox"),
                                              .waiting_most = ese_config_number(config, "queue"),
                                              .max_bytes = ese_config_number(config, "max-bytes"),
                                              .resend_unknown = resends(config),
                                              .keep_ms = KEEP_MS,
                                              .history = mailer->history,
                                              .metrics = mailer->metrics};
    return ese_outbox_open(&outbox, &mailer->outbox, error);
}

static int open_server(struct mailer *mailer, const struct ese_config *config,
                       struct ese_error *error)
{
    char token[ESE_TOKEN_SIZE];
    struct ese_http_server_options server = {.max_body_bytes = ESE_INTAKE_BODY_MOST,
                                             .metrics = mailer->metrics};
    if (ese_listen_told(config, token, &server, error) != 0 ||
        ese_http_server_open(&server, &mailer->server, error) != 0)
        return -1;
    const struct ese_intake_contacts contacts = {.smtp = mailer->smtp,
                                                 .requests = mailer->keeper};
    mailer->intake = ese_intake_new(mailer->server, mailer->outbox, mailer->allowed, &contacts,
                                    mailer->metrics);
    return ese_http_server_start(mailer->server, error);
}

/* Without TLS there is nothing a certificate or a password would be good for. */
static int check_security(const struct ese_config *config, bool is_on, struct ese_error *error)
{
    static const char *const names[] = {"smtp-ca", "smtp-user", "smtp-password-file"};
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++)
        if (!is_on && ese_config_has(config, names[i]))
            return ese_fail(error, ESE_E_USAGE,
                            "--%s is for --smtp-tls starttls only: nothing is checked, and no "
                            "password sent, in plain text",
                            names[i]);
    if (ese_config_has(config, "smtp-password-file") && !ese_config_has(config, "smtp-user"))
        return ese_fail(error, ESE_E_USAGE, "--smtp-password-file: whose? give --smtp-user, too");
    return 0;
}

static int open_security(struct mailer *mailer, const struct ese_config *config,
                         struct ese_error *error)
{
    char password[ESE_SMTP_SECRET_SIZE] = "";
    const struct ese_smtp_security_options wanted = {
        .server = ese_config_text(config, "smtp"),
        .ca_path = ese_config_text(config, "smtp-ca"),
        .user = ese_config_text(config, "smtp-user"),
        .password = password};
    bool is_on = strcmp(ese_config_text(config, "smtp-tls"), "off") != 0;
    if (check_security(config, is_on, error) != 0)
        return -1;
    if (!is_on)
        return 0;
    if (wanted.user != NULL &&
        (ese_password_check_user(wanted.user, error) != 0 ||
         ese_password_read(ese_config_text(config, "smtp-password-file"), password, error) != 0))
        return -1;
    int result = ese_smtp_security_open(&wanted, &mailer->security, error);
    explicit_bzero(password, sizeof password);
    return result;
}

static int start_senders(struct mailer *mailer, const struct ese_config *config,
                         struct ese_error *error)
{
    struct ese_sender_options senders = {
        .outbox = mailer->outbox,
        .history = mailer->history,
        .metrics = mailer->metrics,
        .contact = mailer->smtp,
        .allowed = mailer->allowed,
        .smtp = {.timeout_ms = (int)ese_config_number(config, "smtp-timeout-ms"),
                 .security = mailer->security},
        .sessions = (int)ese_config_number(config, "sessions"),
        .retry_first_ms = ese_config_number(config, "retry-first-ms"),
        .retry_most_ms = ese_config_number(config, "retry-most-ms"),
        .resend_unknown = resends(config),
    };
    snprintf(senders.smtp.address, sizeof senders.smtp.address, "%s",
             ese_config_text(config, "smtp"));
    return ese_senders_start(&senders, &mailer->senders, error);
}

static int open_requests(struct mailer *mailer, const struct ese_config *config,
                         struct ese_error *error)
{
    const struct ese_requests_options requests = {
        .config = config,
        .transport = ese_registry_chosen_by(config, "intake"),
        .group = ese_config_text(config, "group"),
        .outbox = mailer->outbox,
        .allowed = mailer->allowed,
        .history = mailer->history,
        .metrics = mailer->metrics,
        .contact = mailer->keeper,
    };
    return requests.transport == NULL ? 0
                                      : ese_requests_open(&requests, &mailer->requests, error);
}

static int check_retries(const struct ese_config *config, struct ese_error *error)
{
    int64_t first_ms = ese_config_number(config, "retry-first-ms");
    int64_t most_ms = ese_config_number(config, "retry-most-ms");
    if (first_ms <= most_ms)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--retry-first-ms %lld is more than --retry-most-ms %lld: give the larger to "
                    "the second", (long long)first_ms, (long long)most_ms);
}

static int start(struct mailer *mailer, const struct ese_config *config, struct ese_error *error)
{
    if (check_retries(config, error) != 0 ||
        ese_smtp_check_server(ese_config_text(config, "smtp"), error) != 0 ||
        open_security(mailer, config, error) != 0 ||
        ese_allow_list_parse(ese_config_text(config, "to-allow"), &mailer->allowed, error) != 0 ||
        open_outbox(mailer, config, error) != 0 || open_server(mailer, config, error) != 0 ||
        start_senders(mailer, config, error) != 0 || open_requests(mailer, config, error) != 0)
        return -1;
    ese_log_info("takes mails on %s, sends them to %s", ese_http_server_address(mailer->server),
                 ese_config_text(config, "smtp"));
    return ese_service_ready(config, ese_http_server_address(mailer->server), error);
}

/* In the order that loses nothing: no more requests, no more sessions, the last commits, the
 * last answers. */
static void stop(struct mailer *mailer)
{
    ese_requests_close(&mailer->requests);
    if (mailer->server != NULL)
        ese_http_server_quiesce(mailer->server);
    bool all_ended = ese_senders_stop(&mailer->senders, STOP_MS);
    if (mailer->outbox != NULL)
        ese_outbox_stop(mailer->outbox);
    ese_http_server_close(&mailer->server);
    ese_intake_free(&mailer->intake);
    if (mailer->history != NULL)
        ese_history_note_wire(mailer->history);
    if (!all_ended) { /* what their threads may still touch stays until the process ends */
        ese_log_warning("the SMTP server does not answer; open sessions are left, and their mails "
                        "may be unknown");
        return;
    }
    ese_smtp_security_close(&mailer->security);
    ese_allow_list_free(&mailer->allowed);
    ese_outbox_close(&mailer->outbox);
    ese_history_close(&mailer->history);
    ese_contact_free(&mailer->smtp);
    ese_contact_free(&mailer->keeper);
    ese_metrics_free(&mailer->metrics);
}

/* Until a stop is asked for. */
static int serve(struct mailer *mailer, struct ese_error *error)
{
    while (!ese_service_stopping()) {
        if (mailer->requests == NULL)
            ese_service_wait(NOTE_MS);
        else if (ese_requests_turn(mailer->requests, NOTE_MS, error) != 0)
            return -1;
        ese_history_note_wire(mailer->history);
    }
    return 0;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    char name[ESE_SMTP_SERVER_SIZE + 20];
    snprintf(name, sizeof name, "the SMTP server %s", ese_config_text(config, "smtp"));
    struct mailer mailer = {.metrics = ese_metrics_new(), .smtp = ese_contact_new(name)};
    if (ese_config_has(config, "intake"))
        mailer.keeper = ese_contact_new("whoever keeps the requests");
    int result = start(&mailer, config, error);
    if (result == 0)
        result = serve(&mailer, error);
    if (result == 0 || ese_sqlite_syncs_failed())
        result = ese_sqlite_syncs_check(error);
    stop(&mailer);
    return result;
}

static int choose(struct ese_config *config, struct ese_error *error)
{
    ese_config_add(config, "Options of the history", ese_history_option_table);
    ese_config_add(config, "Options of serving", ese_listen_option_table);
    if (ese_registry_choose_by(config, "intake", "Options of --intake", ESE_FACE_CONSUME, error) != 0)
        return -1;
    if (ese_options_find(ese_config_options(config), ESE_TOPIC_OPTION) != NULL)
        ese_config_give(config, ESE_TOPIC_OPTION, ESE_TOPIC_MAIL_REQUESTS);
    return 0;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-mailer",
        .summary = "sends each mail once",
        .synopsis = "",
        .description =
            "Takes mails by POST /mail, and with --intake from a topic, too, keeps them in an outbox that "
            "survives a crash, and sends them by SMTP. A mail's id names the decision behind it: asked for "
            "however often, it is sent once.\n\n"
            "What the SMTP server refuses for now, and what the network swallows, is tried again; "
            "what it refuses for good is a dead letter, kept with the reply (GET /dead-letters). A "
            "mail whose final dot was sent and of which nobody said what became is unknown (GET "
            "/unknown): it arrived once or not at all.",
        .examples =
            "ese-mailer --smtp " ESE_SMTP_ADDRESS "\n"
            "  Sends to a local SMTP server, only to whom the lab's own rules write.\n"
            "ese-mailer --smtp mail.example.org:25 --to-allow ops@example.org --unknown resend\n"
            "  Writes to one address, rather twice than not at all.\n"
            "ese-mailer --smtp mail.example.org:587 --smtp-tls starttls --smtp-user lab\n"
            "  Logs in, with the password that the environment has as " ESE_PASSWORD_VARIABLE ".",
    },
    .options = options,
    .choose = choose,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
