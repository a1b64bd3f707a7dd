#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/buffer.h"

static void appends_and_prints(void **state)
{
    (void)state;
    struct ese_buffer buffer = ESE_BUFFER_INIT(1000);
    ese_buffer_text(&buffer, "one ");
    ese_buffer_printf(&buffer, "%d %s", 2, "three");
    assert_string_equal(buffer.text, "one 2 three");
    assert_int_equal(buffer.length, 11);
    assert_false(buffer.overflowed);
    ese_buffer_free(&buffer);
}

static void writes_numbers_as_printf_does(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, 1, -1, 9, 10, -10, 1767225600123, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct ese_buffer buffer = ESE_BUFFER_INIT(100), printed = ESE_BUFFER_INIT(100);
        ese_buffer_number(&buffer, numbers[i]);
        ese_buffer_printf(&printed, "%" PRId64, numbers[i]);
        assert_string_equal(buffer.text, printed.text);
        ese_buffer_free(&buffer);
        ese_buffer_free(&printed);
    }
}

static void keeps_its_bound(void **state)
{
    (void)state;
    struct ese_buffer buffer = ESE_BUFFER_INIT(8);
    ese_buffer_text(&buffer, "12345678");
    assert_false(buffer.overflowed);
    ese_buffer_text(&buffer, "9");
    assert_true(buffer.overflowed);
    ese_buffer_printf(&buffer, "%s", "");
    assert_string_equal(buffer.text, "12345678");
    ese_buffer_clear(&buffer);
    assert_false(buffer.overflowed);
    ese_buffer_free(&buffer);
}

static void detach_is_never_null(void **state)
{
    (void)state;
    struct ese_buffer buffer = ESE_BUFFER_INIT(8);
    char *text = ese_buffer_detach(&buffer);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_prints),
        cmocka_unit_test(writes_numbers_as_printf_does),
        cmocka_unit_test(keeps_its_bound),
        cmocka_unit_test(detach_is_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
