#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-mailer/message.h"

/* The text of a mail that differs from a plain one in subject and content. */
static char *write_mail(const char *subject, const char *content)
{
    struct ese_mail mail = {.id = "id-1", .from = "a@b.org", .to = "c@d.org", .transport = "http",
                            .traceparent =
                                "00-0190a000000170028003000400050006-0190a00000017002-01"};
    snprintf(mail.subject, sizeof mail.subject, "%s", subject);
    mail.content = ese_copy_text(content);
    struct ese_buffer buffer = ESE_BUFFER_INIT(ESE_MESSAGE_LIMIT);
    ese_message_write(&buffer, &mail, INT64_C(1700000000123));
    assert_false(buffer.overflowed);
    ese_mail_clear(&mail);
    return ese_buffer_detach(&buffer);
}

/* Whatever was put in: lines end in CR LF and nothing else, and none is longer than 998. */
static void assert_lines_are_sound(const char *text)
{
    size_t length = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n')
            assert_true(c > text && c[-1] == '\r');
        if (*c == '\r')
            assert_int_equal(c[1], '\n');
        length = *c == '\n' ? 0 : length + 1;
        assert_true(length <= 999);
    }
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void writes_the_whole_message(void **state)
{
    (void)state;
    char *text = write_mail("[10.0.0.1] | Suspicious Activity Detected", "first\nsecond");
    assert_string_equal(text,
                        "From: a@b.org\r\n"
                        "To: c@d.org\r\n"
                        "Subject: [10.0.0.1] | Suspicious Activity Detected\r\n"
                        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                        "Message-ID: <id-1@ese-lab>\r\n"
                        "X-ESE-Decision: id-1\r\n"
                        "X-ESE-Transport: http\r\n"
                        "traceparent: 00-0190a000000170028003000400050006-0190a00000017002-01\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 7bit\r\n"
                        "\r\n"
                        "first\r\n"
                        "second\r\n");
    free(text);
}

static void leaves_out_what_nobody_said(void **state)
{
    (void)state;
    struct ese_mail mail = {.id = "i", .from = "a@b", .to = "c@d", .subject = ""};
    mail.content = ese_copy_text("");
    struct ese_buffer buffer = ESE_BUFFER_INIT(ESE_MESSAGE_LIMIT);
    ese_message_write(&buffer, &mail, 0);
    assert_null(strstr(buffer.text, "X-ESE-Transport"));
    assert_null(strstr(buffer.text, "traceparent"));
    assert_lines_are_sound(buffer.text);
    ese_buffer_free(&buffer);
    ese_mail_clear(&mail);
}

static void encodes_subjects(void **state)
{
    (void)state;
    char *text = write_mail("\xc3\x84nderung um 9 Uhr", "x");
    assert_non_null(strstr(text, "Subject: =?UTF-8?Q?=C3=84nderung=20um=209=20Uhr?=\r\n"));
    free(text);
    text = write_mail("looks like =?UTF-8?Q?this?=", "x");
    assert_null(strstr(text, "?Q?this"));
    assert_non_null(strstr(text, "=3D=3FUTF"));
    free(text);
}

static void folds_long_subjects_between_characters(void **state)
{
    (void)state;
    char subject[ESE_MAIL_SUBJECT_SIZE] = "";
    for (int i = 0; i < 80; i++)
        memcpy(subject + 3 * i, "\xe2\x82\xac", 4); /* the euro sign */
    char *text = write_mail(subject, "x");
    const char *word = strstr(text, "=?UTF-8?Q?");
    int characters = 0, words = 0;
    for (; word != NULL; word = strstr(word + 1, "=?UTF-8?Q?")) {
        const char *inner = word + strlen("=?UTF-8?Q?");
        const char *end = strstr(inner, "?=");
        assert_true(end + 2 - word <= 75);
        size_t inside = (size_t)(end - inner);
        assert_int_equal(inside % strlen("=E2=82=AC"), 0);
        characters += (int)(inside / strlen("=E2=82=AC"));
        words++;
    }
    assert_int_equal(characters, 80);
    assert_true(words > 1);
    assert_lines_are_sound(text);
    free(text);
}

static const char *body_of(const char *text)
{
    return strstr(text, "\r\n\r\n") + 4;
}

static void ends_every_line_in_cr_lf(void **state)
{
    (void)state;
    char *text = write_mail("s", "a\nb\r\nc\rd\n\n.\n..e\n");
    assert_string_equal(body_of(text), "a\r\nb\r\nc\r\nd\r\n\r\n.\r\n..e\r\n");
    free(text);
}

static void quotes_what_is_not_plain(void **state)
{
    (void)state;
    char *text = write_mail("s", "gr\xc3\xbc\xc3\x9f" "e = 1 \n.\n");
    assert_non_null(strstr(text, "Content-Transfer-Encoding: quoted-printable\r\n"));
    assert_string_equal(body_of(text), "gr=C3=BC=C3=9Fe =3D 1=20\r\n.\r\n");
    free(text);
    text = write_mail("s", "bell\x07");
    assert_string_equal(body_of(text), "bell=07\r\n");
    free(text);
}

static void breaks_long_lines(void **state)
{
    (void)state;
    char content[2001];
    memset(content, 'x', 998);
    content[998] = '\0';
    char *text = write_mail("s", content);
    assert_non_null(strstr(text, ": 7bit"));
    assert_lines_are_sound(text);
    free(text);
    memset(content, 'x', 2000);
    content[2000] = '\0';
    text = write_mail("s", content);
    assert_non_null(strstr(text, ": quoted-printable"));
    int count = 0, column = 0;
    for (const char *c = body_of(text); *c != '\0'; c++) {
        count += *c == 'x';
        column = *c == '\n' ? 0 : column + 1;
        assert_true(column <= 77); /* 76 and the CR */
    }
    assert_int_equal(count, 2000);
    free(text);
}

static void the_largest_content_fits(void **state)
{
    (void)state;
    char *content = ese_alloc(ESE_MAIL_CONTENT_LIMIT + 1);
    memset(content, '\xff', ESE_MAIL_CONTENT_LIMIT);
    char *text = write_mail("s", content); /* asserts that it fits */
    assert_lines_are_sound(text);
    free(text);
    for (int i = 1; i < ESE_MAIL_CONTENT_LIMIT; i += 2)
        content[i] = '\n';
    text = write_mail("s", content);
    assert_lines_are_sound(text);
    free(text);
    free(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_whole_message),
        cmocka_unit_test(leaves_out_what_nobody_said),
        cmocka_unit_test(encodes_subjects),
        cmocka_unit_test(folds_long_subjects_between_characters),
        cmocka_unit_test(ends_every_line_in_cr_lf),
        cmocka_unit_test(quotes_what_is_not_plain),
        cmocka_unit_test(breaks_long_lines),
        cmocka_unit_test(the_largest_content_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
