#include "ese-mailer/message.h"

#include <ctype.h>

#define LINE_MOST 998   /* RFC 5322 section 2.1.1, without CR LF */
#define WORD_MOST 75    /* an encoded word, RFC 2047 section 2 */
#define ENCODED_MOST 76 /* a quoted-printable line, RFC 2045 section 6.7 */

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f;
}

/* Plain ASCII can still look like an encoded word, and would be decoded by whoever reads it. */
static bool needs_encoded_words(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!is_plain((unsigned char)*c))
            return true;
    return strstr(text, "=?") != NULL;
}

/* How many bytes the UTF-8 character at text has: a word must not end inside of one. */
static size_t character_length(const char *text)
{
    size_t length = 1;
    while ((text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* The Q encoding of RFC 2047 section 4.2, with no more left as it is than a phrase allows. */
static void write_encoded_words(struct ese_buffer *buffer, const char *text)
{
    static const char begin[] = "=?UTF-8?Q?";
    size_t used = sizeof begin - 1;
    ese_buffer_text(buffer, begin);
    while (*text != '\0') {
        size_t length = character_length(text);
        bool as_it_is = length == 1 && isalnum((unsigned char)*text);
        size_t needed = as_it_is ? 1 : 3 * length;
        if (used + needed + 2 > WORD_MOST) {
            ese_buffer_printf(buffer, "?=\r\n %s", begin);
            used = sizeof begin - 1;
        }
        used += needed;
        for (; length > 0; length--, text++)
            ese_buffer_printf(buffer, as_it_is ? "%c" : "=%02X", (unsigned char)*text);
    }
    ese_buffer_text(buffer, "?=");
}

static void write_subject(struct ese_buffer *buffer, const char *subject)
{
    ese_buffer_text(buffer, "Subject: ");
    if (needs_encoded_words(subject))
        write_encoded_words(buffer, subject);
    else
        ese_buffer_text(buffer, subject);
    ese_buffer_text(buffer, "\r\n");
}

static void write_date(struct ese_buffer *buffer, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[64];
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &parts));
    ese_buffer_printf(buffer, "Date: %s\r\n", text);
}

/* The length of the line at text, and in *next where the one behind it begins (NULL: none). CR
 * LF, LF and a lone CR all end a line: what is sent knows CR LF only. */
static size_t line_length(const char *text, const char **next)
{
    size_t length = strcspn(text, "\r\n");
    const char *end = text + length;
    *next = *end == '\0' ? NULL : end + (end[0] == '\r' && end[1] == '\n' ? 2 : 1);
    return length;
}

static bool needs_quoting(const char *content)
{
    for (const char *line = content; line != NULL;) {
        const char *next;
        size_t length = line_length(line, &next);
        if (length > LINE_MOST)
            return true;
        for (size_t i = 0; i < length; i++)
            if (!is_plain((unsigned char)line[i]) && line[i] != '\t')
                return true;
        line = next;
    }
    return false;
}

static void write_quoted_line(struct ese_buffer *buffer, const char *line, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)line[i];
        bool last = i + 1 == length;
        bool as_it_is = is_plain(c) && c != '=' && !(c == ' ' && last);
        size_t needed = as_it_is ? 1 : 3;
        if (used + needed + 1 > ENCODED_MOST) { /* 1: the '=' of a soft line break */
            ese_buffer_text(buffer, "=\r\n");
            used = 0;
        }
        used += needed;
        ese_buffer_printf(buffer, as_it_is ? "%c" : "=%02X", c);
    }
}

static void write_content(struct ese_buffer *buffer, const char *content, bool quoted)
{
    for (const char *line = content; line != NULL && *line != '\0';) {
        const char *next;
        size_t length = line_length(line, &next);
        if (quoted)
            write_quoted_line(buffer, line, length);
        else
            ese_buffer_append(buffer, line, length);
        ese_buffer_text(buffer, "\r\n");
        line = next;
    }
}

void ese_message_write(struct ese_buffer *buffer, const struct ese_mail *mail, int64_t accepted_ms)
{
    bool quoted = needs_quoting(mail->content);
    ese_buffer_printf(buffer, "From: %s\r\nTo: %s\r\n", mail->from, mail->to);
    write_subject(buffer, mail->subject);
    write_date(buffer, accepted_ms);
    ese_buffer_printf(buffer, "Message-ID: <%s@ese-lab>\r\nX-ESE-Decision: %s\r\n", mail->id,
                      mail->id);
    if (mail->transport[0] != '\0')
        ese_buffer_printf(buffer, "X-ESE-Transport: %s\r\n", mail->transport);
    if (mail->traceparent[0] != '\0')
        ese_buffer_printf(buffer, "traceparent: %s\r\n", mail->traceparent);
    ese_buffer_printf(buffer,
                      "MIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: %s\r\n"
                      "\r\n",
                      quoted ? "quoted-printable" : "7bit");
    write_content(buffer, mail->content, quoted);
}
