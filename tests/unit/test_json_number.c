#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/json_number.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"

static void integers_beyond_64_bits_become_doubles(void **state)
{
    (void)state;
    static const struct {
        const char *json, *wide;
    } cases[] = {
        {"", ""},
        {"{}", "{}"},
        {"[0,-1,9223372036854775807,-9223372036854775808]",
         "[0,-1,9223372036854775807,-9223372036854775808]"},
        {"[9223372036854775808,-9223372036854775809]",
         "[9223372036854775808.0,-9223372036854775809.0]"},
        {"99999999999999999999999999999999999999999999999999",
         "99999999999999999999999999999999999999999999999999.0"},
        {"[99999999999999999999.5,99999999999999999999e1,1E99]",
         "[99999999999999999999.5,99999999999999999999e1,1E99]"},
        {"{\"99999999999999999999\":\"\\\"99999999999999999999\"}",
         "{\"99999999999999999999\":\"\\\"99999999999999999999\"}"},
        {"[-0,0,-00,{\"-0\":-0}]", "[-0.0,0,-00,{\"-0\":-0.0}]"}, /* an integer has no sign there */
        {"\"\\", "\"\\"}, /* ends in the middle */
        {"\"99999999999999999999", "\"99999999999999999999"},
        {"[99999999999999999999", "[99999999999999999999.0"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_buffer wide = ESE_BUFFER_INIT(1000);
        ese_json_write_widened(&wide, cases[i].json, strlen(cases[i].json));
        assert_string_equal(wide.text, cases[i].wide);
        ese_buffer_free(&wide);
    }
}

static void doubles_are_told_in_their_fewest_digits(void **state)
{
    (void)state;
    static const struct {
        const char *json, *told;
    } cases[] = {
        {"[7,-7,12345678901234567890]", "[7,-7,12345678901234567890]"}, /* integers stay */
        {"[0.0,-0.0,1.0,-1.5,100.25]", "[0,-0,1,-1.5,100.25]"},
        {"[0.10000000000000001,0.30000000000000004]", "[0.1,0.30000000000000004]"},
        {"[1e20,1e21,999999999999999868928.0]",
         "[100000000000000000000,1e+21,999999999999999900000]"},
        {"[1e-6,9.9e-7,1.25e-7]", "[0.000001,9.9e-7,1.25e-7]"},
        {"[1.7976931348623157e308,2.2250738585072014e-308,4.9406564584124654e-324]",
         "[1.7976931348623157e+308,2.2250738585072014e-308,5e-324]"},
        {"[1e400,-1e400]", "[1e400,-1e400]"}, /* no doubles */
        {"{\"1.0\":\"2.0\\\"3.0\",\"a\":4.0}", "{\"1.0\":\"2.0\\\"3.0\",\"a\":4}"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_buffer told = ESE_BUFFER_INIT(1000);
        ese_json_write_shortened(&told, cases[i].json);
        assert_string_equal(told.text, cases[i].told);
        ese_buffer_free(&told);
    }
}

/* Whatever its bits are, it reads back the same. */
static void every_double_comes_back(void **state)
{
    (void)state;
    struct ese_random random = ese_random_seeded(7, 0);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = ese_random_next(&random);
        double value;
        char text[64];
        memcpy(&value, &bits, sizeof value);
        if ((bits >> 52 & 0x7ff) == 0x7ff)
            continue; /* infinite, or no number */
        snprintf(text, sizeof text, "%.17g", value);
        struct ese_buffer told = ESE_BUFFER_INIT(1000);
        ese_json_write_shortened(&told, text);
        double again = strtod(told.text, NULL);
        assert_memory_equal(&again, &value, sizeof value);
        assert_true(told.length <= strlen(text) + 21);
        ese_buffer_free(&told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_beyond_64_bits_become_doubles),
        cmocka_unit_test(doubles_are_told_in_their_fewest_digits),
        cmocka_unit_test(every_double_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
