#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/http/cursor.h"

static void offsets_round_trip(void **state)
{
    static const int64_t offsets[] = {0, 1, 41, INT64_C(1700000000000000), INT64_MAX};
    char text[ESE_HTTP_CURSOR_SIZE];
    int64_t offset;

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(offsets); i++) {
        ese_http_cursor_text(offsets[i], text);
        assert_int_equal(strlen(text), ESE_HTTP_CURSOR_SIZE - 1);
        offset = -7;
        assert_int_equal(ese_http_cursor_parse(text, &offset, NULL), 0);
        assert_true(offset == offsets[i]);
    }
}

static void every_changed_character_is_found(void **state)
{
    char good[ESE_HTTP_CURSOR_SIZE];
    int64_t offset;

    (void)state;
    ese_http_cursor_text(123456789, good);
    for (size_t i = 0; i < ESE_HTTP_CURSOR_SIZE - 1; i++) {
        for (const char *c = "0123456789abcdefABCDEF +-zx"; *c != '\0'; c++) {
            char bad[ESE_HTTP_CURSOR_SIZE];
            struct ese_error error = {0};
            if (*c == good[i])
                continue;
            memcpy(bad, good, sizeof(bad));
            bad[i] = *c;
            assert_int_equal(ese_http_cursor_parse(bad, &offset, &error), -1);
            assert_int_equal(error.code, ESE_E_INVALID);
        }
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {"", "0", "earliest", "41", "01ffffffffffffffff00000000",
                                        "010000000000000000000000000000000000000000"};
    int64_t offset;

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(texts); i++)
        assert_int_equal(ese_http_cursor_parse(texts[i], &offset, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_round_trip),
        cmocka_unit_test(every_changed_character_is_found),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
