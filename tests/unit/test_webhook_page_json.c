/* A page of events: what is one, and how what is none is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ese-core/base64.h"
#include "ese-core/buffer.h"
#include "ese-core/memory.h"
#include "transports/webhook/page_json.h"

#define AT(position, members) "{\"stream\":\"s\",\"position\":" position members "}"

static void read_good(const char *body, struct ese_webhook_page *page, int count)
{
    struct ese_error error = {0};

    if (ese_webhook_page_read_json(body, strlen(body), "s", page, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(page->count, count);
}

/* said: a part of what it is told. */
static void refuse(const char *body, size_t length, const char *said)
{
    struct ese_webhook_page page = {0};
    struct ese_error error = {0};

    if (ese_webhook_page_read_json(body, length, "s", &page, &error) == 0)
        fail_msg("this was taken: %.200s", body);
    assert_int_equal(error.code, ESE_E_INVALID);
    if (strstr(error.text, said) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, said);
    ese_webhook_page_clear(&page);
}

static void assert_event(const struct ese_webhook_event *event, int64_t position, const char *body)
{
    assert_int_equal(event->position, position);
    assert_int_equal(event->length, strlen(body));
    assert_memory_equal(event->body, body, strlen(body) + 1);
}

static void a_page_is_read(void **state)
{
    struct ese_webhook_page page = {0};

    (void)state;
    read_good("[{\"uuid\":\"u\",\"stream\":\"s\",\"position\":3,\"type\":\"t\",\"body\":\"YWJj\",\"body_json\":\"\","
              "\"created\":\"c\",\"unknown\":[{}]},"
              "{\"body\":\"YQ==\",\"stream\":\"s\",\"position\":9}," AT("10", ",\"body\":\"\"") ","
              AT("11", ",\"body\":null") ","
              AT("9223372036854775806", ",\"body\":\"YWI=\",\"uuid\":5,\"type\":null,\"created\":{}") "]",
              &page, 5);
    assert_event(&page.events[0], 3, "abc");
    assert_string_equal(page.events[0].uuid, "u");
    assert_string_equal(page.events[0].type, "t");
    assert_string_equal(page.events[0].created, "c");
    assert_event(&page.events[1], 9, "a");
    assert_string_equal(page.events[1].uuid, "");
    assert_event(&page.events[2], 10, "");
    assert_event(&page.events[3], 11, "");
    assert_event(&page.events[4], INT64_MAX - 1, "ab");
    assert_string_equal(page.events[4].uuid, "");
    ese_webhook_page_clear(&page);
}

static void a_page_takes_the_place_of_another(void **state)
{
    struct ese_webhook_page page = {0};
    struct ese_error error = {0};

    (void)state;
    read_good("[" AT("1", ",\"body\":\"YWJj\"") "," AT("2", ",\"body\":\"YWJj\"") "]", &page, 2);
    read_good("[]", &page, 0);
    read_good("[" AT("1", ",\"body\":\"YQ==\"") "]", &page, 1);
    assert_event(&page.events[0], 1, "a");
    assert_int_equal(ese_webhook_page_read_json("[0]", 3, "s", &page, &error), -1);
    ese_webhook_page_clear(&page);
    ese_webhook_page_clear(&page);
}

static void bytes_of_any_kind_are_a_body(void **state)
{
    struct ese_buffer text = ESE_BUFFER_INIT(4096);
    struct ese_webhook_page page = {0};
    uint8_t bytes[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    ese_buffer_text(&text, "[{\"stream\":\"s\",\"position\":1,\"body\":\"");
    ese_base64_write(bytes, sizeof(bytes), &text);
    ese_buffer_text(&text, "\"}," AT("2", ",\"body\":\"YQ==\"") "]");
    read_good(text.text, &page, 2);
    assert_int_equal(page.events[0].length, sizeof(bytes));
    assert_memory_equal(page.events[0].body, bytes, sizeof(bytes));
    assert_event(&page.events[1], 2, "a");
    ese_webhook_page_clear(&page);
    ese_buffer_free(&text);
}

/* A body that begins as JSON is shown as it is, too: whatever it is. */
static void a_nul_in_what_nobody_reads_is_none_of_the_matter(void **state)
{
    struct ese_webhook_page page = {0};

    (void)state;
    read_good("[" AT("1", ",\"body\":\"ewA=\",\"body_json\":\"{\\u0000\"") "]", &page, 1);
    assert_int_equal(page.events[0].length, 2);
    assert_memory_equal(page.events[0].body, "{\0", 3);
    ese_webhook_page_clear(&page);
}

/* What was signed for one line is not good for another. */
static void all_are_of_the_stream(void **state)
{
    static const char *const streams[] = {"", "\"stream\":\"t\",", "\"stream\":\"ss\",", "\"stream\":\"\",",
                                          "\"stream\":null,", "\"stream\":5,"};
    char body[200];

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(streams); i++) {
        snprintf(body, sizeof(body), "[" AT("3", ",\"body\":null") ",{%s\"position\":4,\"body\":null}]", streams[i]);
        refuse(body, strlen(body), "element 1 of the page is not of the stream s");
    }
}

static void what_is_no_list_is_no_page(void **state)
{
    static const char *const bodies[] = {"", "{}", "null", "5", "\"[]\"", "[", "[" AT("1", ",\"body\":null"),
                                         "[] []", AT("1", ",\"body\":null"),
                                         "[" AT("99999999999999999999", ",\"body\":null") "]"};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(bodies); i++)
        refuse(bodies[i], strlen(bodies[i]), "no page of events");
    refuse("[]\0", 3, "no page of events");
    refuse("[{}]", 4, "element 0");
    refuse("[null]", 6, "element 0");
}

/* Nobody would know where it stands, or what it says. */
static void an_element_without_position_or_body_spoils_the_page(void **state)
{
    static const char *const elements[] = {
        AT("4", ""), "{\"stream\":\"s\",\"body\":\"YQ==\"}", AT("\"4\"", ",\"body\":\"YQ==\""),
        AT("4.0", ",\"body\":\"YQ==\""), AT("null", ",\"body\":\"YQ==\""), AT("4", ",\"body\":5"),
        AT("4", ",\"body\":{}"), AT("4", ",\"body\":\"YQ=\""), AT("4", ",\"body\":\"Y\""),
        AT("4", ",\"body\":\"YQ\""), AT("4", ",\"body\":\"Y Q=\""), AT("4", ",\"body\":\"YQ-_\""),
        AT("4", ",\"body\":\"YR==\""), AT("4", ",\"body\":\"\\u0000\""), AT("4", ",\"body\":\"YWJ\\u0000\""),
        AT("9223372036854775807", ",\"body\":\"YQ==\""),
    };
    char body[200];

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(elements); i++) {
        snprintf(body, sizeof(body), "[" AT("3", ",\"body\":\"YWJj\"") ",%s]", elements[i]);
        refuse(body, strlen(body), "element 1 of the page has no position, or no body");
    }
    for (int position = -1; position < 1; position++) {
        snprintf(body, sizeof(body), "[" AT("%d", ",\"body\":\"YWJj\"") "]", position);
        refuse(body, strlen(body), "element 0 of the page");
    }
}

static void positions_rise(void **state)
{
    static const char same[] = "[" AT("3", ",\"body\":null") "," AT("3", ",\"body\":null") "]",
                      falling[] = "[" AT("3", ",\"body\":null") "," AT("4", ",\"body\":null") ","
                                  AT("2", ",\"body\":null") "]";

    (void)state;
    refuse(same, strlen(same), "element 1 of the page has position 3, behind 3");
    refuse(falling, strlen(falling), "element 2 of the page has position 2, behind 4");
}

static char *page_of(int count)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 20);

    for (int i = 0; i < count; i++)
        ese_buffer_printf(&text, "%c" AT("%d", ",\"body\":null"), i == 0 ? '[' : ',', i + 1);
    ese_buffer_text(&text, "]");
    return ese_buffer_detach(&text);
}

static void a_page_has_a_bound(void **state)
{
    struct ese_webhook_page page = {0};

    (void)state;
    char *most = page_of(ESE_WEBHOOK_PAGE_MOST), *more = page_of(ESE_WEBHOOK_PAGE_MOST + 1);
    read_good(most, &page, ESE_WEBHOOK_PAGE_MOST);
    refuse(more, strlen(more), "a page of 1001 events");
    ese_webhook_page_clear(&page);
    free(most);
    free(more);
}

static void what_does_not_fit_is_left_out(void **state)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    struct ese_webhook_page page = {0};

    (void)state;
    ese_buffer_printf(&text, "[" AT("1", ",\"body\":null,\"uuid\":\"%0500d\",\"type\":\"%0500d\","
                                         "\"created\":\"%0500d\"") "]", 0, 0, 0);
    read_good(text.text, &page, 1);
    assert_string_equal(page.events[0].uuid, "");
    assert_string_equal(page.events[0].type, "");
    assert_string_equal(page.events[0].created, "");
    ese_webhook_page_clear(&page);
    ese_buffer_free(&text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read),
        cmocka_unit_test(a_page_takes_the_place_of_another),
        cmocka_unit_test(bytes_of_any_kind_are_a_body),
        cmocka_unit_test(a_nul_in_what_nobody_reads_is_none_of_the_matter),
        cmocka_unit_test(all_are_of_the_stream),
        cmocka_unit_test(what_is_no_list_is_no_page),
        cmocka_unit_test(an_element_without_position_or_body_spoils_the_page),
        cmocka_unit_test(positions_rise),
        cmocka_unit_test(a_page_has_a_bound),
        cmocka_unit_test(what_does_not_fit_is_left_out),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
