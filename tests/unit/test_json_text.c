#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/json_text.h"
#include "ese-core/memory.h"

static void strings_are_escaped_as_go_does(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"plain / text", "\"plain / text\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\r\t\x01\x1f\x7f", "\"\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"<a>&", "\"\\u003ca\\u003e\\u0026\""},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\""},
        {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xaa\""},
        {"\xff" "a", "\"\\ufffda\""},                 /* no UTF-8 at all */
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},           /* overlong */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* a surrogate */
        {"\xe2\x82", "\"\\ufffd\\ufffd\""},           /* cut off */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* beyond U+10FFFF */
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_buffer buffer = ESE_BUFFER_INIT(1000);
        ese_json_write_string(&buffer, cases[i].text);
        assert_string_equal(buffer.text, cases[i].json);
        ese_buffer_free(&buffer);
    }
}

static void what_is_no_character_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *text, *made;
    } cases[] = {{"", ""}, {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"}, {"\xff" "a\xfe", "?a?"}, {"\xe2\x82", "??"},
                 {"a\xc3", "a?"}};
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char text[16];
        snprintf(text, sizeof text, "%s", cases[i].text);
        ese_json_make_utf8(text);
        assert_string_equal(text, cases[i].made);
    }
}

static void compact_drops_space_outside_strings(void **state)
{
    (void)state;
    struct ese_buffer buffer = ESE_BUFFER_INIT(1000);
    ese_json_write_compact(&buffer, " { \"a b\" :\n[ 1,\t-2.5e3 , \"<\\\" }\" ] }\r\n");
    assert_string_equal(buffer.text, "{\"a b\":[1,-2.5e3,\"\\u003c\\\" }\"]}");
    ese_buffer_free(&buffer);
}

static void indented_as_go_does(void **state)
{
    (void)state;
    struct ese_buffer buffer = ESE_BUFFER_INIT(1000);
    ese_json_write_indented(&buffer, "{\"a\":{},\"b\":[ ],\"c\":[1,{\"d\":null}],\"e\":\"{,}\"}", 1);
    assert_string_equal(buffer.text,
                        "{\n"
                        "        \"a\": {},\n"
                        "        \"b\": [],\n"
                        "        \"c\": [\n"
                        "            1,\n"
                        "            {\n"
                        "                \"d\": null\n"
                        "            }\n"
                        "        ],\n"
                        "        \"e\": \"{,}\"\n"
                        "    }");
    ese_buffer_free(&buffer);
}

/* Text that breaks off must not be read beyond its end. */
static void broken_text_ends(void **state)
{
    (void)state;
    static const char *const broken[] = {"{", "\"", "\"\\", "[\"a", "{\"a\":", "\xe2"};
    for (size_t i = 0; i < ESE_COUNT_OF(broken); i++) {
        char *text = ese_copy_text(broken[i]); /* on the heap, where a sanitizer sees its end */
        struct ese_buffer buffer = ESE_BUFFER_INIT(1000);
        ese_json_write_indented(&buffer, text, 0);
        ese_json_write_compact(&buffer, text);
        ese_json_write_string(&buffer, text);
        assert_false(buffer.overflowed);
        ese_buffer_free(&buffer);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_as_go_does),
        cmocka_unit_test(what_is_no_character_is_asked_for),
        cmocka_unit_test(compact_drops_space_outside_strings),
        cmocka_unit_test(indented_as_go_does),
        cmocka_unit_test(broken_text_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
