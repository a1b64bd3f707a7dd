#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/http_prefer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void minimal_is_found_however_it_is_written(void **state)
{
    static const char *const fields[] = {
        "return=minimal",
        "Return = minimal",
        "\treturn\t=\tminimal ",
        "return=\"minimal\"",
        "return=minimal; foo=\"some, parameter\"",
        "respond-async, wait=10, return=minimal",
        ", ,return=minimal,",
        "note=\"a \\\" , quote\", return=minimal",
        "return=minimal, return=representation",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (!ese_http_prefers_minimal(fields[i]))
            fail_msg("%s", fields[i]);
    }
}

static void what_is_not_it_is_not_taken_for_it(void **state)
{
    static const char *const fields[] = {
        "",
        ",",
        ";",
        "=",
        "\"",
        "\"\\",
        "return",
        "return=",
        "return=representation",
        "return=minimally",
        "return=mini",
        "return=Minimal",
        "return=\"minimal",
        "return=\"",
        "returns=minimal",
        "minimal",
        "minimal=return",
        "wait=10; return=minimal",
        "note=\"return=minimal\"",
        "note=\", return=minimal",
        "return=representation, return=minimal",
        "return;x=1, return=minimal",
    };
    (void)state;
    assert_false(ese_http_prefers_minimal(NULL));
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (ese_http_prefers_minimal(fields[i]))
            fail_msg("%s", fields[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_is_found_however_it_is_written),
        cmocka_unit_test(what_is_not_it_is_not_taken_for_it),
    };
    return cmocka_run_group_tests_name("http_prefer", tests, NULL, NULL);
}
