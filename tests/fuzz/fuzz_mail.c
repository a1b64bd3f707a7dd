/* A request for a mail, by POST or out of a topic. What is taken stays in its place in the message: no header more than
 * there are, lines that end in CR LF and are not too long. And it is the same mail behind the topic. */
#include <jansson.h>

#include "ese-core/event_json.h"
#include "ese-core/mail_request.h"
#include "ese-core/memory.h"
#include "ese-mailer/mail_json.h"
#include "ese-mailer/message.h"
#include "tests/fuzz/fuzz.h"

#define LINE_MOST 998   /* RFC 5322, section 2.1.1, without its CR LF */
#define ID "018bcfe5-6800-7001-8000-000100000001"

static const char *const headers[] = {"From:", "To:", "Subject:", "Date:", "Message-ID:", "X-ESE-Decision:",
                                      "X-ESE-Transport:", "traceparent:", "MIME-Version:", "Content-Type:",
                                      "Content-Transfer-Encoding:", " "};

static bool is_header(const char *line)
{
    for (size_t i = 0; i < ESE_COUNT_OF(headers); i++)
        if (strncmp(line, headers[i], strlen(headers[i])) == 0)
            return true;
    return false;
}

static void look_at_lines(const struct ese_buffer *text)
{
    bool in_headers = true;
    const char *line = text->text, *end;
    ESE_HOLDS(strlen(text->text) == text->length);
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        ESE_HOLDS(end > line && end[-1] == '\r' && end - line - 1 <= LINE_MOST);
        ESE_HOLDS(memchr(line, '\r', (size_t)(end - line - 1)) == NULL);
        in_headers = in_headers && end - line > 1;
        ESE_HOLDS(!in_headers || is_header(line));
    }
    ESE_HOLDS(*line == '\0' && !in_headers);
}

static void write_message(const struct ese_mail *mail)
{
    struct ese_buffer text = ESE_BUFFER_INIT(ESE_MESSAGE_LIMIT);
    ese_message_write(&text, mail, 1793500000000);
    ESE_HOLDS(!text.overflowed);
    look_at_lines(&text);
    ese_buffer_free(&text);
}

static int read_mail(const char *body, size_t length, struct ese_mail *mail)
{
    *mail = (struct ese_mail){.content = NULL};
    if (ese_mail_json_read(body, length, mail, NULL) != 0)
        return -1;
    if (mail->id[0] == '\0')
        snprintf(mail->id, sizeof mail->id, "%s", ID);
    return ese_mail_check(mail, NULL);
}

/* As a consumer puts it on a topic, and the mailer takes it from there. */
static void send_by_topic(const char *body, const struct ese_mail *mail)
{
    struct ese_event event, again = {.data = NULL};
    struct ese_mail same;
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX);
    struct ese_mail_request request = {.key = "k", .traceparent = "", .body = body};
    ESE_HOLDS(ese_id_parse(ID, &request.event, NULL) == 0);
    ese_mail_request_make(&event, &request);
    ese_event_json_write_record(&text, &event);
    if (ese_event_json_read_record(text.text, text.length, &again, NULL) == 0) { /* else it is too deep or too long */
        ESE_HOLDS(read_mail(again.data, strlen(again.data), &same) == 0);
        ESE_HOLDS(strcmp(mail->to, same.to) == 0 && strcmp(mail->subject, same.subject) == 0 &&
                  strcmp(mail->content, same.content) == 0);
        ese_mail_clear(&same);
    }
    ese_buffer_free(&text);
    ese_event_clear(&event);
    ese_event_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct ese_mail mail;
    const char *body = (const char *)bytes;
    if (read_mail(body, length, &mail) == 0) {
        char *text = ese_alloc(length + 1);
        memcpy(text, body, length);
        write_message(&mail);
        send_by_topic(text, &mail);
        free(text);
    }
    ese_mail_clear(&mail);
    return 0;
}
