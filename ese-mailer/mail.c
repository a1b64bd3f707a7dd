#include "ese-mailer/mail.h"

#include <ctype.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define LOCAL_PART_MOST 64 /* RFC 5321 section 4.5.3.1.1 */

void ese_mail_clear(struct ese_mail *mail)
{
    free(mail->content);
    *mail = (struct ese_mail){.content = NULL};
}

/* Words of `extra` and alphanumerics, joined by single dots: dot-atom-text of RFC 5322 section
 * 3.2.3. */
static bool is_dot_atom(const char *text, size_t length, const char *extra)
{
    bool after_dot = true; /* neither a dot first, nor one last, nor two in a row */
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '.' && after_dot)
            return false;
        after_dot = c == '.';
        if (!after_dot && !(c < 0x80 && isalnum(c)) && strchr(extra, c) == NULL)
            return false;
    }
    return !after_dot;
}

/* For an error text: what came from outside, cut, with '?' for everything but printable ASCII. */
static const char *shown(const char *text, char target[64])
{
    snprintf(target, 64, "%s", text);
    for (char *c = target; *c != '\0'; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    return target;
}

int ese_mail_check_address(const char *address, const char *what, struct ese_error *error)
{
    char text[64];
    const char *at = strchr(address, '@');
    if (at == NULL || strchr(at + 1, '@') != NULL)
        return ese_fail(error, ESE_E_INVALID, "%s \"%s\": an address has exactly one '@'", what,
                        shown(address, text));
    size_t local = (size_t)(at - address);
    if (strlen(address) >= ESE_MAIL_ADDRESS_SIZE || local > LOCAL_PART_MOST)
        return ese_fail(error, ESE_E_INVALID,
                        "%s \"%s\": longer than an address may be (%d before the '@', %d in all)",
                        what, shown(address, text), LOCAL_PART_MOST, ESE_MAIL_ADDRESS_SIZE - 1);
    if (!is_dot_atom(address, local, "!#$%&'*+-/=?^_`{|}~") ||
        !is_dot_atom(at + 1, strlen(at + 1), "-"))
        return ese_fail(error, ESE_E_INVALID,
                        "%s \"%s\": not of the form name@domain in plain ASCII, without quotes, "
                        "blanks or control characters", what, shown(address, text));
    return 0;
}

static int check_id(const char *id, struct ese_error *error)
{
    char text[64];
    if (!is_dot_atom(id, strlen(id), "-_+="))
        return ese_fail(error, ESE_E_INVALID,
                        "id \"%s\": an id is a UUID, or letters, digits, '-', '_', '+', '=' and "
                        "single dots", shown(id, text));
    return 0;
}

static int check_header_text(const char *value, const char *what, struct ese_error *error)
{
    char text[64];
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return ese_fail(error, ESE_E_INVALID,
                            "%s \"%s\": holds a control character; it has to be one line of text",
                            what, shown(value, text));
    return 0;
}

int ese_mail_check(const struct ese_mail *mail, struct ese_error *error)
{
    if (check_id(mail->id, error) != 0 || ese_mail_check_address(mail->from, "from", error) != 0 ||
        ese_mail_check_address(mail->to, "to", error) != 0 ||
        check_header_text(mail->subject, "subject", error) != 0)
        return -1;
    if (mail->transport[0] != '\0' &&
        !is_dot_atom(mail->transport, strlen(mail->transport), "-_+=:,"))
        return ese_fail(error, ESE_E_INVALID,
                        "the name of the transport holds what no name of one holds");
    if (mail->traceparent[0] != '\0' && !ese_traceparent_valid(mail->traceparent))
        return ese_fail(error, ESE_E_INVALID,
                        "traceparent is none of W3C Trace Context version 00");
    if (mail->content == NULL || strlen(mail->content) > ESE_MAIL_CONTENT_LIMIT)
        return ese_fail(error, ESE_E_INVALID, "content is missing or longer than %d bytes",
                        ESE_MAIL_CONTENT_LIMIT);
    return 0;
}

struct ese_id ese_mail_history_id(const char *id)
{
    struct ese_id parsed;
    if (ese_id_parse(id, &parsed, NULL) == 0)
        return parsed;
    return ese_id_derive(id, NULL, 0);
}

void ese_mail_draw_id(struct ese_mail *mail)
{
    static atomic_uint run;
    static atomic_uint sequence;
    unsigned drawn = atomic_load(&run);
    if (drawn == 0) {
        unsigned fresh = ese_id_draw_run();
        drawn = atomic_compare_exchange_strong(&run, &drawn, fresh) ? fresh : drawn;
    }
    struct ese_id_parts parts = {.time_ms = ese_clock_wall_ms(), .lane = 0, .run = drawn,
                                 .sequence = atomic_fetch_add(&sequence, 1)};
    struct ese_id id = ese_id_make(&parts);
    ese_id_text(&id, mail->id);
}
