/* What streams and subscriptions may be called, and which streams are the lab's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ese-core/event.h"
#include "ese-core/memory.h"
#include "transports/webhook/stream_name.h"

static void names_are_taken_as_they_stand_in_a_path(void **state)
{
    static const char *const names[] = {"a", "click-events", "dlq.click-events", "a%20b", "..%2Fevil", "...",
                                        "_activity", "meta", "_meta2", "a:b", "~"};

    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++)
        assert_int_equal(ese_webhook_stream_check(names[i], NULL), 0);
}

static void hostile_and_reserved_names_are_refused_by_name(void **state)
{
    static const char *const names[] = {"../evil", "a/b", "/no/dir/x", ".", "..", "_meta", "_META", "_introspect",
                                        "_Itrospect", "a\nb", "a\x7f", "\xc3\xa4", "a\tb"};
    struct ese_error error;

    (void)state;
    assert_int_equal(ese_webhook_stream_check("", &error), -1);
    assert_int_equal(error.code, ESE_E_INVALID);
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        assert_int_equal(ese_webhook_stream_check(names[i], &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
    }
    assert_int_equal(ese_webhook_stream_check("../evil", &error), -1);
    assert_non_null(strstr(error.text, "'../evil'"));
}

static void a_name_has_a_length(void **state)
{
    char name[ESE_WEBHOOK_STREAM_SIZE + 1];

    (void)state;
    memset(name, 'x', sizeof(name));
    name[ESE_WEBHOOK_STREAM_SIZE] = '\0';
    assert_int_equal(ese_webhook_stream_check(name, NULL), -1);
    assert_int_equal(ese_webhook_subscription_check(name, NULL), -1);
    name[ESE_WEBHOOK_STREAM_SIZE - 1] = '\0';
    assert_int_equal(ese_webhook_stream_check(name, NULL), 0);
    assert_int_equal(ese_webhook_subscription_check(name, NULL), 0);
}

static void a_subscription_has_letters_digits_and_underscores(void **state)
{
    static const char *const wrong[] = {"", "a-b", "a b", "a.b", "\xc3\xa4", "a\n", "a/b"};

    (void)state;
    assert_int_equal(ese_webhook_subscription_check("aZ_09", NULL), 0);
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++)
        assert_int_equal(ese_webhook_subscription_check(wrong[i], NULL), -1);
}

static void each_stream_of_the_lab_is_one_partition(void **state)
{
    int32_t first;
    int count;

    (void)state;
    assert_string_equal(ese_webhook_stream_of(0), "click-events");
    assert_string_equal(ese_webhook_stream_of(1), "order-events");
    assert_null(ese_webhook_stream_of(-1));
    assert_null(ese_webhook_stream_of(ESE_WEBHOOK_STREAMS_ALL));
    assert_int_equal(ese_webhook_stream_for("events", ESE_TYPE_CLICK), 0);
    assert_int_equal(ese_webhook_stream_for("events", ESE_TYPE_ORDER), 1);
    assert_int_equal(ese_webhook_stream_for("mail-requests", ESE_TYPE_ORDER), 2);
    assert_int_equal(ese_webhook_stream_for("dead-letters", ESE_TYPE_ORDER), 4);
    ese_webhook_stream_range("dead-letters", &first, &count);
    assert_int_equal(first, 3);
    assert_int_equal(count, 2);
    assert_string_equal(ese_webhook_stream_event_type(4), ESE_TYPE_ORDER);
    for (int32_t i = 0; i < ESE_WEBHOOK_STREAMS_ALL; i++)
        assert_int_equal(ese_webhook_stream_check(ese_webhook_stream_of(i), NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_as_they_stand_in_a_path),
        cmocka_unit_test(hostile_and_reserved_names_are_refused_by_name),
        cmocka_unit_test(a_name_has_a_length),
        cmocka_unit_test(a_subscription_has_letters_digits_and_underscores),
        cmocka_unit_test(each_stream_of_the_lab_is_one_partition),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
