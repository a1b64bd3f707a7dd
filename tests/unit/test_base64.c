#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/base64.h"
#include "ese-core/memory.h"

/* RFC 4648 10, and bytes of all values. */
static const struct {
    const char *bytes;
    size_t length;
    const char *text;
} known[] = {
    {"", 0, ""},           {"f", 1, "Zg=="},         {"fo", 2, "Zm8="},          {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg=="}, {"fooba", 5, "Zm9vYmE="}, {"foobar", 6, "Zm9vYmFy"}, {"\xff\xef\xbe\0", 4, "/+++AA=="},
};

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(known); i++) {
        struct ese_buffer text = ESE_BUFFER_INIT(100);
        uint8_t bytes[6];
        ese_base64_write(known[i].bytes, known[i].length, &text);
        assert_string_equal(text.text, known[i].text);
        assert_int_equal(ese_base64_read(text.text, text.length, bytes, sizeof bytes), known[i].length);
        assert_memory_equal(bytes, known[i].bytes, known[i].length);
        ese_buffer_free(&text);
    }
}

static void assert_refused(const char *text, size_t length, size_t most)
{
    uint8_t bytes[16] = {1}, none[16] = {0};
    if (ese_base64_read(text, length, bytes, most) != -1)
        fail_msg("'%s' is taken", text);
    assert_memory_equal(bytes, none, most);
}

static void nothing_else_is(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",        "Zg",       "Zg=",      "Zg===",    "=",         "====",      "Z===",
                                      "Zm9v\n",   "Zm9v=",    "Zm 9v",    " Zm9",     "Zm9 ",      "Zm9-",      "Zm_v",
                                      "Zg==Zg==", "Zm9vZg==Zm9v", "Zh==",  "Zm9=",    "Zg=v",      "\xc3\xa9Zg"};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_refused(bad[i], strlen(bad[i]), 16);
    assert_refused("Zm\0v", 4, 16);
}

static void there_is_a_bound(void **state)
{
    (void)state;
    uint8_t bytes[4];
    assert_int_equal(ese_base64_read("Zm9vYg==", 8, bytes, 4), 4);
    assert_refused("Zm9vYmE=", 8, 4);
    assert_refused("Zm9vYmFy", 8, 4);
    assert_refused("Zm9vYmFyZm9vYmFyZm9v", 20, 4);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(nothing_else_is),
        cmocka_unit_test(there_is_a_bound),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
