#include "ese-mailer/intake.h"

#include "ese-core/health.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-mailer/mail_json.h"

#define ANSWER_LIMIT (1024 * 1024)
#define RETRY_AFTER_S "1"

enum answer { TAKEN, KNOWN, MALFORMED, FORBIDDEN, CONFLICT, FULL, NO_ROOM, FAILED, ANSWERS };

static const struct {
    const char *label;
    int status;
    const char *message; /* NULL: the id; "": said by who decides it */
} answers[ANSWERS] = {
    [TAKEN] = {"answer=\"taken\"", 202, NULL},
    [KNOWN] = {"answer=\"known\"", 202, NULL},
    [MALFORMED] = {"answer=\"malformed\"", 400, ""},
    [FORBIDDEN] = {"answer=\"forbidden\"", 403, ""},
    [CONFLICT] = {"answer=\"conflict\"", 422, "this id was used for another mail"},
    [FULL] = {"answer=\"full\"", 503, ""},
    [NO_ROOM] = {"answer=\"no_room\"", 503, ""},
    [FAILED] = {"answer=\"failed\"", 503, "the outbox cannot be written; ask again"},
};

/* A list GET serves, and whose it is. */
struct listing {
    struct ese_intake *intake;
    enum ese_mail_status status;
};

struct ese_intake {
    struct ese_outbox *outbox;
    const struct ese_allow_list *allowed;
    struct ese_intake_contacts contacts;
    struct ese_metric *counted[ANSWERS];
    struct listing dead, unknown;
    struct ese_health health;
};

/* A request on its way through the outbox. */
struct asked {
    struct ese_intake *intake;
    struct ese_http_request *request;
};

/* ---- answers --------------------------------------------------------------------------------- */

static void reply_text(struct ese_intake *intake, struct ese_http_request *request,
                       enum answer answer, const char *message)
{
    ese_metric_add(intake->counted[answer], 1);
    if (answers[answer].status == 503)
        ese_http_request_add_header(request, "Retry-After", RETRY_AFTER_S);
    ese_http_reply_message(request, answers[answer].status, message);
}

static void reply_taken(struct ese_intake *intake, struct ese_http_request *request,
                        enum answer answer, const char *id)
{
    struct ese_buffer body = ESE_BUFFER_INIT(ANSWER_LIMIT);
    ese_metric_add(intake->counted[answer], 1);
    ese_mail_json_write_taken(&body, id);
    ese_http_reply(request, answers[answer].status, ESE_HTTP_JSON, body.text, body.length);
    ese_buffer_free(&body);
}

static enum answer answer_for(enum ese_mail_put put, const struct ese_error *error)
{
    static const enum answer by_put[] = {[ESE_MAIL_TAKEN] = TAKEN, [ESE_MAIL_KNOWN] = KNOWN,
                                         [ESE_MAIL_CONFLICT] = CONFLICT, [ESE_MAIL_FULL] = FULL,
                                         [ESE_MAIL_NO_ROOM] = NO_ROOM};
    return error == NULL ? by_put[put] : FAILED;
}

/* ---- POST /mail ------------------------------------------------------------------------------ */

static void on_put(void *context, const char *id, enum ese_mail_put put,
                   const struct ese_error *error)
{
    struct asked *asked = context;
    enum answer answer = answer_for(put, error);
    char refusal[600];
    if (answers[answer].message == NULL) {
        reply_taken(asked->intake, asked->request, answer, id);
    } else if (answer == FULL || answer == NO_ROOM) {
        ese_outbox_refusal(asked->intake->outbox, put, refusal, sizeof refusal);
        reply_text(asked->intake, asked->request, answer, refusal);
    } else {
        reply_text(asked->intake, asked->request, answer, answers[answer].message);
    }
    free(asked);
}

/* A trace that is none is passed over, as the recommendation asks; a strange transport is
 * refused. */
static int read_headers(const struct ese_http_request *request, struct ese_mail *mail,
                        struct ese_error *error)
{
    const char *trace = ese_http_request_header(request, "traceparent");
    const char *transport = ese_http_request_header(request, "X-ESE-Transport");
    if (trace != NULL && ese_traceparent_valid(trace))
        ese_fit_text(mail->traceparent, sizeof mail->traceparent, trace);
    if (transport != NULL && ese_fit_text(mail->transport, sizeof mail->transport, transport) != 0)
        return ese_fail(error, ESE_E_INVALID, "X-ESE-Transport is longer than %zu bytes",
                        sizeof mail->transport - 1);
    return 0;
}

static int read_mail(const struct ese_http_request *request, struct ese_mail *mail,
                     struct ese_error *error)
{
    size_t length;
    const char *body = ese_http_request_body(request, &length);
    if (ese_mail_json_read(body, length, mail, error) != 0 ||
        read_headers(request, mail, error) != 0)
        return -1;
    if (mail->id[0] == '\0')
        ese_mail_draw_id(mail);
    return ese_mail_check(mail, error);
}

static void put_mail(struct ese_intake *intake, struct ese_http_request *request,
                     struct ese_mail *mail)
{
    struct ese_error error;
    struct asked *asked = ese_alloc(sizeof *asked);
    *asked = (struct asked){.intake = intake, .request = request};
    if (ese_outbox_put(intake->outbox, mail, on_put, asked, &error) == 0)
        return;
    free(asked);
    reply_text(intake, request, error.code == ESE_E_FULL ? FULL : FAILED, error.text);
}

static void on_post_mail(void *context, struct ese_http_request *request)
{
    struct ese_intake *intake = context;
    struct ese_mail mail = {.content = NULL};
    struct ese_error error;
    if (read_mail(request, &mail, &error) != 0) {
        reply_text(intake, request, MALFORMED, error.text);
    } else if (!ese_allow_list_has(intake->allowed, mail.to)) {
        ese_fail(&error, ESE_E_INVALID, "mails to %s are not allowed here; see --to-allow",
                 mail.to);
        reply_text(intake, request, FORBIDDEN, error.text);
    } else {
        put_mail(intake, request, &mail);
    }
    ese_mail_clear(&mail);
}

/* ---- what can be looked at ------------------------------------------------------------------- */

static void on_list(void *context, const struct ese_mail_row *rows, int count,
                    const struct ese_error *error)
{
    struct ese_http_request *request = context;
    struct ese_buffer body = ESE_BUFFER_INIT(ANSWER_LIMIT);
    if (error != NULL) {
        ese_http_reply_message(request, 503, error->text);
        return;
    }
    ese_mail_json_write_list(&body, rows, count);
    ese_http_reply(request, 200, ESE_HTTP_JSON, body.text, body.length);
    ese_buffer_free(&body);
}

static void on_get_list(void *context, struct ese_http_request *request)
{
    struct listing *listing = context;
    struct ese_error error;
    int64_t after = 0;
    const char *text = ese_http_request_query(request, "after");
    if (text != NULL && ese_number_parse(text, "after", 0, INT64_MAX, &after, &error) != 0)
        ese_http_reply_message(request, 400, error.text);
    else if (ese_outbox_list(listing->intake->outbox, listing->status, after, on_list, request,
                             &error) != 0)
        ese_http_reply_message(request, 503, error.text);
}

static bool is_well(void *context, char *text, size_t size)
{
    struct ese_intake *intake = context;
    if (!ese_outbox_healthy(intake->outbox, text, size))
        return false;
    if (ese_contact_away_ms(intake->contacts.smtp, text, size) < 0 &&
        intake->contacts.requests != NULL)
        ese_contact_away_ms(intake->contacts.requests, text, size);
    return true;
}

/* ---- making and freeing ---------------------------------------------------------------------- */

struct ese_intake *ese_intake_new(struct ese_http_server *server, struct ese_outbox *outbox,
                                  const struct ese_allow_list *allowed,
                                  const struct ese_intake_contacts *contacts,
                                  struct ese_metrics *metrics)
{
    struct ese_intake *intake = ese_alloc(sizeof *intake);
    intake->outbox = outbox;
    intake->allowed = allowed;
    intake->contacts = *contacts;
    intake->dead = (struct listing){.intake = intake, .status = ESE_MAIL_DEAD};
    intake->unknown = (struct listing){.intake = intake, .status = ESE_MAIL_UNKNOWN};
    for (int i = 0; i < ANSWERS; i++)
        intake->counted[i] = ese_metrics_counter(metrics, "ese_mails_asked_total", answers[i].label,
                                                 "Mails asked for, by the answer");
    ese_http_server_route(server, "POST", "/mail", on_post_mail, intake);
    ese_http_server_route(server, "GET", "/dead-letters", on_get_list, &intake->dead);
    ese_http_server_route(server, "GET", "/unknown", on_get_list, &intake->unknown);
    intake->health = (struct ese_health){.check = is_well, .context = intake};
    ese_health_route(server, &intake->health);
    ese_http_server_route_metrics(server, metrics);
    return intake;
}

void ese_intake_free(struct ese_intake **intake)
{
    free(*intake);
    *intake = NULL;
}
