#include "ese-mailer/mail_json.h"

#include <jansson.h>

#include "ese-core/memory.h"

static int read_text(const json_t *object, const char *name, bool required, char *target,
                     size_t size, struct ese_error *error)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL && !required)
        return 0;
    if (!json_is_string(value))
        return ese_fail(error, ESE_E_INVALID, "\"%s\" is missing or no text", name);
    if (ese_fit_text(target, size, json_string_value(value)) != 0)
        return ese_fail(error, ESE_E_INVALID, "\"%s\" is longer than %zu bytes", name, size - 1);
    return 0;
}

static int read_content(const json_t *object, struct ese_mail *mail, struct ese_error *error)
{
    const json_t *value = json_object_get(object, "content");
    if (!json_is_string(value))
        return ese_fail(error, ESE_E_INVALID, "\"content\" is missing or no text");
    if (json_string_length(value) > ESE_MAIL_CONTENT_LIMIT)
        return ese_fail(error, ESE_E_INVALID, "\"content\" is longer than %d bytes",
                        ESE_MAIL_CONTENT_LIMIT);
    mail->content = ese_copy_text(json_string_value(value));
    return 0;
}

int ese_mail_json_read(const char *body, size_t length, struct ese_mail *mail,
                       struct ese_error *error)
{
    json_error_t problem;
    json_t *object = json_loadb(body, length, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(object)) {
        json_decref(object);
        return ese_fail(error, ESE_E_INVALID,
                        "the body is no JSON object with from, to, subject and content%s%s",
                        object == NULL ? ": " : "", object == NULL ? problem.text : "");
    }
    int result = -1;
    if (read_text(object, "id", false, mail->id, sizeof mail->id, error) == 0 &&
        read_text(object, "from", true, mail->from, sizeof mail->from, error) == 0 &&
        read_text(object, "to", true, mail->to, sizeof mail->to, error) == 0 &&
        read_text(object, "subject", true, mail->subject, sizeof mail->subject, error) == 0 &&
        read_text(object, "transport", false, mail->transport, sizeof mail->transport, error) == 0 &&
        read_content(object, mail, error) == 0)
        result = 0;
    json_decref(object);
    return result;
}

static void write_and_release(struct ese_buffer *buffer, json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(4) | JSON_PRESERVE_ORDER);
    ese_buffer_text(buffer, text);
    free(text);
    json_decref(value);
}

void ese_mail_json_write_taken(struct ese_buffer *buffer, const char *id)
{
    write_and_release(buffer, json_pack("{s:s}", "id", id));
}

/* A reply is what some server sent: it need not be UTF-8, and JSON has to be. */
static json_t *any_text(const char *text)
{
    json_t *value = json_string(text);
    return value != NULL ? value : json_string("(not UTF-8)");
}

void ese_mail_json_write_list(struct ese_buffer *buffer, const struct ese_mail_row *rows, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        const struct ese_mail_row *row = &rows[i];
        json_array_append_new(list, json_pack("{s:I,s:s,s:s,s:s,s:s,s:i,s:o,s:i,s:I,s:I}",
            "seq", (json_int_t)row->seq, "id", row->mail.id, "to", row->mail.to,
            "subject", row->mail.subject, "status", ese_mail_status_name(row->status),
            "reply_code", row->reply.code, "reply_text", any_text(row->reply.text),
            "attempts", row->attempts, "accepted_ms", (json_int_t)row->accepted_ms,
            "changed_ms", (json_int_t)row->changed_ms));
    }
    write_and_release(buffer, list);
}
