/* Times as Go writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/webhook/created.h"

static const struct {
    int64_t ms;
    const char *text;
} written[] = {
    {0, "1970-01-01 00:00:00 +0000 UTC"},
    {INT64_C(1795255872123), "2026-11-21 10:11:12.123 +0000 UTC"},
    {INT64_C(1795255872120), "2026-11-21 10:11:12.12 +0000 UTC"},
    {INT64_C(1795255872100), "2026-11-21 10:11:12.1 +0000 UTC"},
    {INT64_C(1795255872001), "2026-11-21 10:11:12.001 +0000 UTC"},
    {-1, "1969-12-31 23:59:59.999 +0000 UTC"},
};

static void a_time_is_written_as_go_does(void **state)
{
    char text[ESE_WEBHOOK_CREATED_WRITTEN_SIZE];

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(written); i++) {
        ese_webhook_created_write(written[i].ms, text);
        assert_string_equal(text, written[i].text);
    }
}

static void what_is_written_is_read(void **state)
{
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(written); i++) {
        assert_int_equal(ese_webhook_created_read(written[i].text, &ms), 0);
        assert_int_equal(ms, written[i].ms);
    }
}

static void the_originals_zones_and_suffixes_are_read(void **state)
{
    int64_t ms;

    (void)state;
    assert_int_equal(ese_webhook_created_read("2026-11-21 12:11:12.123456789 +0200 EET m=+1.5", &ms), 0);
    assert_int_equal(ms, INT64_C(1795255872123));
    assert_int_equal(ese_webhook_created_read("2026-11-21 04:41:12.12 -0530 ABC", &ms), 0);
    assert_int_equal(ms, INT64_C(1795255872120));
}

static void what_is_no_time_is_told(void **state)
{
    static const char *const texts[] = {"", "yesterday", "2026-11-21", "2026-11-21 10:11:12", "2026-11-21 10:11:12 UTC",
                                        "2026-11-21T10:11:12 +0000 UTC", "2026-11-21 10:11:12 +00", "1795255872123"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(texts); i++)
        assert_int_equal(ese_webhook_created_read(texts[i], &ms), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_written_as_go_does),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_originals_zones_and_suffixes_are_read),
        cmocka_unit_test(what_is_no_time_is_told),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
