/*
 * CR, LF, NUL and bare dots in every field of a mail: each is refused at the door, or arrives as
 * what it was, and the dialogue is the same as ever. All the way from JSON to an SMTP server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>
#include <signal.h>

#include "ese-core/memory.h"
#include "ese-mailer/mail_json.h"
#include "ese-mailer/message.h"
#include "ese-mailer/smtp.h"
#include "tests/support/smtp_server.h"

#define TIMEOUT_MS 60000
#define PLACES 3 /* before, within, behind */

enum field { ID, FROM, TO, SUBJECT, CONTENT, TRANSPORT, TRACEPARENT, FIELDS };

/* In two halves, between which the trouble is put. */
static const struct {
    const char *name;
    const char *first, *second;
} fields[FIELDS] = {
    [ID] = {"id", "ab", "cd"},
    [FROM] = {"from", "fr", "om@ese.org"},
    [TO] = {"to", "t", "o@ese.org"},
    [SUBJECT] = {"subject", "Sub", "ject"},
    [CONTENT] = {"content", "con", "tent"},
    [TRANSPORT] = {"transport", "ht", "tp"},
    [TRACEPARENT] = {"traceparent", "00-01", "-01"}, /* none; but what fits its place */
};

struct trouble {
    const char *bytes;
    size_t length;
};
#define TROUBLE(text) {text, sizeof text - 1}

static const struct trouble troubles[] = {
    TROUBLE("\r"),
    TROUBLE("\n"),
    TROUBLE("\r\n"),
    TROUBLE("\0"),
    TROUBLE("."),
    TROUBLE(".."),
    TROUBLE("\r\n.\r\n"),
    TROUBLE("\n.\n"),
    TROUBLE("\r.\r"),
    TROUBLE("\r\n.\nMAIL FROM:<x@y>\r\nRCPT TO:<x@y>\r\nDATA\r\n"),
    TROUBLE("\r\nRCPT TO:<x@example.org>\r\n"),
    TROUBLE("\r\nBcc: x@example.org\r\n"),
    TROUBLE("\r\n\r\n"),
    TROUBLE("> SIZE=1"),
    TROUBLE("\0\r\n.\r\n"),
    TROUBLE("\xc2\x85"),
    TROUBLE("\x7f"),
};

/* ---- a server that notes the dialogue -------------------------------------------------------- */

struct hall {
    pthread_mutex_t mutex;
    char told[8192];
    struct ese_test_smtp *smtp;
    struct ese_smtp_outcome outcome;
    int arrived, refused;
};

static const char *reply(void *context, const char *command)
{
    struct hall *hall = context;
    pthread_mutex_lock(&hall->mutex);
    size_t used = strlen(hall->told);
    snprintf(hall->told + used, sizeof hall->told - used, "%s\n", command);
    pthread_mutex_unlock(&hall->mutex);
    return ese_test_smtp_take(NULL, command);
}

static int on_final_dot(void *context, struct ese_error *error)
{
    (void)context;
    (void)error;
    return 0;
}

static void on_decided(void *context, const struct ese_smtp_outcome *outcome)
{
    ((struct hall *)context)->outcome = *outcome;
}

/* ---- what arrives ---------------------------------------------------------------------------- */

/* The content with every line's end as CR LF, and one at its end. */
static void write_lines(struct ese_buffer *lines, const char *content)
{
    for (const char *c = content; *c != '\0'; c++) {
        bool ends = *c == '\r' || *c == '\n';
        if (ends && *c == '\r' && c[1] == '\n')
            c++;
        if (ends)
            ese_buffer_text(lines, "\r\n");
        else
            ese_buffer_append(lines, c, 1);
    }
    if (lines->length < 2 || strcmp(lines->text + lines->length - 2, "\r\n") != 0)
        ese_buffer_text(lines, "\r\n");
}

static int hex(char c)
{
    return c >= 'A' ? c - 'A' + 10 : c - '0';
}

/* A body as it was on the wire: dots undone, quoted-printable decoded. */
static void read_body(struct ese_buffer *read, const char *body, bool quoted)
{
    bool begins = true;
    for (const char *c = body; *c != '\0'; c++) {
        if (begins && *c == '.')
            c++;
        begins = *c == '\n';
        if (quoted && strncmp(c, "=\r\n", 3) == 0) {
            c += 2;
            begins = true;
        } else if (quoted && *c == '=') {
            char byte = (char)(hex(c[1]) << 4 | hex(c[2]));
            ese_buffer_append(read, &byte, 1);
            c += 2;
        } else {
            ese_buffer_append(read, c, 1);
        }
    }
}

/* No line that the mailer did not write itself. */
static void check_headers(const char *message, const struct ese_mail *mail)
{
    static const char *const written[] = {
        "From: ", "To: ", "Subject: ", "Date: ", "Message-ID: ", "X-ESE-Decision: ",
        "X-ESE-Transport: ", "traceparent: ", "MIME-Version: ", "Content-Type: ",
        "Content-Transfer-Encoding: "};
    const char *end = strstr(message, "\r\n\r\n");
    size_t count = 0;
    for (const char *line = message; line < end; line = strstr(line, "\r\n") + 2) {
        bool continues = line[0] == ' ';
        if (!continues && strncmp(line, written[count], strlen(written[count])) != 0)
            fail_msg("instead of %s: %s", written[count], line);
        count += !continues;
    }
    assert_int_equal(count, ESE_COUNT_OF(written));
    char line[400];
    snprintf(line, sizeof line, "\r\nMessage-ID: <%s@ese-lab>\r\n", mail->id);
    assert_non_null(strstr(message, line));
}

static void check_arrived(struct hall *hall, const struct ese_mail *mail)
{
    char dialogue[1024];
    snprintf(dialogue, sizeof dialogue, "\nMAIL FROM:<%s>\nRCPT TO:<%s>\nDATA\n.\nQUIT\n", mail->from,
             mail->to);
    const char *begins = strchr(hall->told, '\n'); /* behind GREETING */
    begins = begins == NULL ? "" : strchr(begins + 1, '\n'); /* and EHLO */
    if (begins == NULL || strcmp(begins, dialogue) != 0)
        fail_msg("the server was told %s instead of %s", hall->told, dialogue);
    assert_int_equal(hall->outcome.verdict, ESE_SMTP_SENT);
    assert_int_equal(ese_test_smtp_count(hall->smtp), hall->arrived + 1);
    const char *message = ese_test_smtp_message(hall->smtp, hall->arrived);
    check_headers(message, mail);
    struct ese_buffer wanted = ESE_BUFFER_INIT(4096), read = ESE_BUFFER_INIT(4096);
    write_lines(&wanted, mail->content);
    read_body(&read, strstr(message, "\r\n\r\n") + 4, strstr(message, "quoted-printable") != NULL);
    assert_string_equal(read.text, wanted.text);
    ese_buffer_free(&wanted);
    ese_buffer_free(&read);
}

/* ---- one mail -------------------------------------------------------------------------------- */

static void send_mail(struct hall *hall, const struct ese_mail *mail)
{
    struct ese_buffer text = ESE_BUFFER_INIT(ESE_MESSAGE_LIMIT);
    struct ese_smtp_server server = {.timeout_ms = TIMEOUT_MS};
    snprintf(server.address, sizeof server.address, "%s", ese_test_smtp_address(hall->smtp));
    ese_message_write(&text, mail, 0);
    const struct ese_smtp_letter letter = {
        .from = mail->from, .to = mail->to, .text = text.text, .length = text.length};
    const struct ese_smtp_listener listener = {
        .context = hall, .before_final_dot = on_final_dot, .decided = on_decided};
    hall->told[0] = '\0';
    ese_smtp_send(&server, &letter, &listener);
    ese_test_smtp_settle(hall->smtp);
    check_arrived(hall, mail);
    ese_buffer_free(&text);
}

/* As a record of the topic brings it: the transport in the JSON, the trace beside it. */
static int read_mail(const char *body, const char *traceparent, struct ese_mail *mail)
{
    if (ese_mail_json_read(body, strlen(body), mail, NULL) != 0)
        return -1;
    if (ese_fit_text(mail->traceparent, sizeof mail->traceparent, traceparent) != 0)
        return -1;
    return ese_mail_check(mail, NULL);
}

static void try_mail(struct hall *hall, enum field field, const char *value, size_t length)
{
    json_t *object = json_object();
    const char *traceparent = value;
    for (int i = 0; i < TRACEPARENT; i++) {
        char whole[64];
        snprintf(whole, sizeof whole, "%s%s", fields[i].first, fields[i].second);
        json_object_set_new_nocheck(object, fields[i].name,
                                    (enum field)i == field ? json_stringn_nocheck(value, length)
                                                           : json_string(whole));
    }
    if (field != TRACEPARENT)
        traceparent = "00-0190a000000170028003000400050006-0190a00000017002-01";
    char *body = json_dumps(object, JSON_COMPACT);
    struct ese_mail mail = {.content = NULL};
    if (read_mail(body, traceparent, &mail) == 0) {
        send_mail(hall, &mail);
        hall->arrived++;
    } else {
        hall->refused++;
    }
    ese_mail_clear(&mail);
    free(body);
    json_decref(object);
}

/* A text without JSON around it has no NULs. */
static bool can_hold(enum field field, const struct trouble *trouble)
{
    return field != TRACEPARENT || memchr(trouble->bytes, '\0', trouble->length) == NULL;
}

static void try_place(struct hall *hall, enum field field, const struct trouble *trouble, int place)
{
    const struct trouble halves[] = {{fields[field].first, strlen(fields[field].first)},
                                     {fields[field].second, strlen(fields[field].second)}};
    char value[256];
    size_t length = 0;
    for (int i = 0; i < PLACES; i++) {
        const struct trouble *piece = i == place ? trouble : &halves[i - (i > place)];
        memcpy(value + length, piece->bytes, piece->length);
        length += piece->length;
    }
    value[length] = '\0';
    try_mail(hall, field, value, length);
}

static void try_field(void **state, enum field field, int arrived)
{
    struct hall *hall = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(troubles); i++)
        for (int place = 0; place < PLACES && can_hold(field, &troubles[i]); place++)
            try_place(hall, field, &troubles[i], place);
    assert_true(hall->refused > 0);
    if (hall->arrived != arrived)
        fail_msg("%s: %d arrived instead of %d", fields[field].name, hall->arrived, arrived);
}

/* ---- each field ------------------------------------------------------------------------------ */

static int open_hall(void **state)
{
    struct hall *hall = ese_alloc(sizeof *hall);
    pthread_mutex_init(&hall->mutex, NULL);
    hall->smtp = ese_test_smtp_start(reply, hall);
    *state = hall;
    return 0;
}

static int close_hall(void **state)
{
    struct hall *hall = *state;
    ese_test_smtp_stop(&hall->smtp);
    pthread_mutex_destroy(&hall->mutex);
    free(hall);
    return 0;
}

/* Of dots, one between two words may be in a name. */
static void an_id(void **state)
{
    try_field(state, ID, 1);
}

static void a_sender(void **state)
{
    try_field(state, FROM, 1);
}

static void a_recipient(void **state)
{
    try_field(state, TO, 1);
}

/* Whatever is one line. */
static void a_subject(void **state)
{
    try_field(state, SUBJECT, 4 * PLACES);
}

/* Whatever is text. */
static void a_content(void **state)
{
    try_field(state, CONTENT, 15 * PLACES);
}

static void a_transport(void **state)
{
    try_field(state, TRANSPORT, 1);
}

static void a_trace(void **state)
{
    try_field(state, TRACEPARENT, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_hall, close_hall)

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(an_id),     TEST(a_sender),    TEST(a_recipient), TEST(a_subject),
        TEST(a_content), TEST(a_transport), TEST(a_trace),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
