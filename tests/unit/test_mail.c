#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-mailer/mail.h"
#include "ese-mailer/mail_json.h"

static struct ese_mail good_mail(void)
{
    struct ese_mail mail = {.id = "0190a000-0001-7002-8003-000400050006",
                            .from = "consumer@ese.org",
                            .to = "click_updated@ese.org",
                            .subject = "[10.0.0.1] | Suspicious Activity Detected",
                            .transport = "http",
                            .traceparent =
                                "00-0190a000000170028003000400050006-0190a00000017002-01"};
    mail.content = ese_copy_text("3 KEY_PRESS_EVENT events");
    return mail;
}

static void takes_a_good_mail(void **state)
{
    (void)state;
    struct ese_mail mail = good_mail();
    struct ese_error error = {.code = ESE_OK};
    assert_int_equal(ese_mail_check(&mail, &error), 0);
    ese_mail_clear(&mail);
}

static void knows_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b", "click_updated@ese.org", "a.b+c@x-1.example.org",
                                       "o'hara@x.y"};
    static const char *const bad[] = {
        "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b c", "a@b\r\nRCPT TO:<x@y>", "a\nb@c", "a@b\r",
        "<a@b>", "a@b>", "\"a\"@b", ".a@b", "a.@b", "a..b@c", "a@b..c", "a@.b", "a@b.", "a@[1.2.3.4]",
        "\xc3\xa4@b", "a@b\xc3\xa4", "a,b@c", "a@b,c", "a@b_c",
        "0123456789012345678901234567890123456789012345678901234567890123x@b",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(good); i++)
        assert_int_equal(ese_mail_check_address(good[i], "to", NULL), 0);
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        struct ese_error error = {.code = ESE_OK};
        if (ese_mail_check_address(bad[i], "to", &error) == 0)
            fail_msg("took \"%s\"", bad[i]);
        assert_int_equal(error.code, ESE_E_INVALID);
        assert_null(strpbrk(error.text, "\r\n"));
    }
}

static void bounds_an_address(void **state)
{
    (void)state;
    char address[ESE_MAIL_ADDRESS_SIZE + 1];
    memset(address, 'a', sizeof address);
    address[1] = '@';
    address[ESE_MAIL_ADDRESS_SIZE - 1] = '\0';
    assert_int_equal(ese_mail_check_address(address, "to", NULL), 0);
    address[ESE_MAIL_ADDRESS_SIZE - 1] = 'a';
    address[ESE_MAIL_ADDRESS_SIZE] = '\0';
    assert_int_equal(ese_mail_check_address(address, "to", NULL), -1);
}

static void refuses_what_would_write_headers(void **state)
{
    (void)state;
    struct ese_mail mail = good_mail();
    static const char *const subjects[] = {"a\r\nBcc: x@y", "a\nb", "a\rb", "a\x01", "a\x7f", "\t"};
    for (size_t i = 0; i < ESE_COUNT_OF(subjects); i++) {
        struct ese_error error = {.code = ESE_OK};
        snprintf(mail.subject, sizeof mail.subject, "%s", subjects[i]);
        assert_int_equal(ese_mail_check(&mail, &error), -1);
        assert_non_null(strstr(error.text, "subject"));
    }
    snprintf(mail.subject, sizeof mail.subject, "fine");
    static const char *const ids[] = {"", "a b", "a\r\nb", "<a>", "a@b", ".a", "a.", "a..b", "a/b",
                                      "\xc3\xa4"};
    for (size_t i = 0; i < ESE_COUNT_OF(ids); i++) {
        snprintf(mail.id, sizeof mail.id, "%s", ids[i]);
        assert_int_equal(ese_mail_check(&mail, NULL), -1);
    }
    snprintf(mail.id, sizeof mail.id, "order-12.3_x");
    assert_int_equal(ese_mail_check(&mail, NULL), 0);
    snprintf(mail.transport, sizeof mail.transport, "http\r\nX: y");
    assert_int_equal(ese_mail_check(&mail, NULL), -1);
    snprintf(mail.transport, sizeof mail.transport, "http+ese-store");
    assert_int_equal(ese_mail_check(&mail, NULL), 0);
    snprintf(mail.traceparent, sizeof mail.traceparent, "00-1");
    assert_int_equal(ese_mail_check(&mail, NULL), -1);
    ese_mail_clear(&mail);
}

static void an_id_has_a_place_in_histories(void **state)
{
    (void)state;
    const char *uuid = "0190a000-0001-7002-8003-000400050006";
    char text[ESE_ID_TEXT_SIZE];
    struct ese_id id = ese_mail_history_id(uuid);
    ese_id_text(&id, text);
    assert_string_equal(text, uuid);
    struct ese_id foreign = ese_mail_history_id("order-1");
    struct ese_id again = ese_mail_history_id("order-1");
    struct ese_id other = ese_mail_history_id("order-2");
    assert_true(ese_id_equal(&foreign, &again));
    assert_false(ese_id_equal(&foreign, &other));
}

static void drawn_ids_differ(void **state)
{
    (void)state;
    struct ese_mail a = {.content = NULL}, b = {.content = NULL};
    struct ese_id id;
    ese_mail_draw_id(&a);
    ese_mail_draw_id(&b);
    assert_int_equal(ese_id_parse(a.id, &id, NULL), 0);
    assert_true(ese_id_is_ours(&id));
    assert_string_not_equal(a.id, b.id);
}

static int read_text(const char *body, struct ese_mail *mail, struct ese_error *error)
{
    return ese_mail_json_read(body, strlen(body), mail, error);
}

static void reads_what_the_original_sends(void **state)
{
    (void)state;
    struct ese_mail mail = {.content = NULL};
    assert_int_equal(read_text("{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\","
                               "\"content\":\"x\\ny\",\"more\":{\"of\":1}}", &mail, NULL), 0);
    assert_string_equal(mail.from, "a@b");
    assert_string_equal(mail.to, "c@d");
    assert_string_equal(mail.subject, "s");
    assert_string_equal(mail.content, "x\ny");
    assert_string_equal(mail.id, "");
    ese_mail_clear(&mail);
    assert_int_equal(read_text("{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\","
                               "\"content\":\"\",\"id\":\"i-1\"}", &mail, NULL), 0);
    assert_string_equal(mail.id, "i-1");
    ese_mail_clear(&mail);
}

static void refuses_malformed_bodies(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "", "null", "[]", "{}", "{\"from\":\"a@b\"", "\"text\"",
        "{\"from\":1,\"to\":\"c@d\",\"subject\":\"s\",\"content\":\"x\"}",
        "{\"from\":\"a@b\",\"to\":[\"c@d\"],\"subject\":\"s\",\"content\":\"x\"}",
        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\"}",
        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\",\"content\":null}",
        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\",\"content\":\"x\",\"id\":7}",
        "{\"from\":\"a@b\",\"to\":\"c@d\",\"to\":\"e@f\",\"subject\":\"s\",\"content\":\"x\"}",
        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\",\"content\":\"x\"} more",
        "{\"from\":\"a@b\",\"to\":\"c@d\\u0000\",\"subject\":\"s\",\"content\":\"x\"}",
        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\",\"content\":\"x\\u0000\"}",
        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"\xff\",\"content\":\"x\"}",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bodies); i++) {
        struct ese_mail mail = {.content = NULL};
        struct ese_error error = {.code = ESE_OK};
        if (read_text(bodies[i], &mail, &error) == 0)
            fail_msg("took %s", bodies[i]);
        assert_int_equal(error.code, ESE_E_INVALID);
        ese_mail_clear(&mail);
    }
}

static void bounds_what_it_reads(void **state)
{
    (void)state;
    size_t length = ESE_MAIL_CONTENT_LIMIT + 200;
    char *body = ese_alloc(length);
    struct ese_mail mail = {.content = NULL};
    int head = snprintf(body, length,
                        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"s\",\"content\":\"");
    memset(body + head, 'x', ESE_MAIL_CONTENT_LIMIT);
    snprintf(body + head + ESE_MAIL_CONTENT_LIMIT, 10, "\"}");
    assert_int_equal(read_text(body, &mail, NULL), 0);
    ese_mail_clear(&mail);
    snprintf(body + head + ESE_MAIL_CONTENT_LIMIT, 10, "x\"}");
    assert_int_equal(read_text(body, &mail, NULL), -1);
    ese_mail_clear(&mail);
    free(body);
}

static void lists_parked_mails(void **state)
{
    (void)state;
    struct ese_mail_row row = {.seq = 7, .status = ESE_MAIL_DEAD, .attempts = 2,
                               .reply = {.code = 550, .text = "no such \xff user"}};
    snprintf(row.mail.id, sizeof row.mail.id, "i-1");
    struct ese_buffer buffer = ESE_BUFFER_INIT(10000);
    ese_mail_json_write_list(&buffer, &row, 1);
    assert_non_null(strstr(buffer.text, "\"status\": \"dead\""));
    assert_non_null(strstr(buffer.text, "\"reply_code\": 550"));
    assert_non_null(strstr(buffer.text, "\"id\": \"i-1\""));
    ese_buffer_clear(&buffer);
    ese_mail_json_write_list(&buffer, NULL, 0);
    assert_string_equal(buffer.text, "[]");
    ese_buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_good_mail),
        cmocka_unit_test(knows_addresses),
        cmocka_unit_test(bounds_an_address),
        cmocka_unit_test(refuses_what_would_write_headers),
        cmocka_unit_test(an_id_has_a_place_in_histories),
        cmocka_unit_test(drawn_ids_differ),
        cmocka_unit_test(reads_what_the_original_sends),
        cmocka_unit_test(refuses_malformed_bodies),
        cmocka_unit_test(bounds_what_it_reads),
        cmocka_unit_test(lists_parked_mails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
